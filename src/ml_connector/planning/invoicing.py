"""What a supplier invoice has in Procore already, how its records are called, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

import msgspec

from ml_connector.kernel.errors import Bug
from ml_connector.kernel.keys import Key, once_key
from ml_connector.kernel.text import counted
from ml_connector.planning.committing import commitment_key
from ml_connector.planning.placing import root_of
from ml_connector.planning.plan import Hold, HoldReason, Intent, Verb, pack, unpack
from ml_connector.planning.situation import Linked, Situation
from ml_connector.records.direct_cost import CostStatus, DirectCost
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.supplier_invoice import SupplierInvoice

FLOW = "supplier_invoices"
KIND = "supplier_invoice"
"""Kind under which an erp invoice is held, skipped and called unchanged; its id is the erp's invoice id."""
RECORD_KINDS = ("subcontractor_invoice", "direct_cost")
"""Kinds of record an erp invoice becomes."""

Record = TypeVar("Record", SubcontractorInvoice, DirectCost)


def invoice_hold(invoice: SupplierInvoice, reason: HoldReason, waits_for: Key, owner: str, sentence: str) -> Hold:
    """A hold of the whole invoice with its money."""
    return Hold(Key(KIND, invoice.id), FLOW, reason, waits_for, owner, sentence, invoice.money())


class Chain(msgspec.Struct, Generic[Record], frozen=True):
    """An invoice's records in one place: the first one, then its corrections and reversals."""

    root: Key
    once: str
    """Once-key of the first record."""
    keys: tuple[Key, ...] = ()
    """All that are linked."""
    records: tuple[Record, ...] = ()
    """Those that are agreed on, in the order of their keys."""
    unfinished: tuple[Key, ...] = ()
    """Linked, but never written to the end: a direct cost's header whose lines did not come to be."""
    target: str = ""
    """Procore's id of the first record."""

    @property
    def ours(self) -> bool:
        """Whether we made it; a record people typed in Procore is only linked."""
        return not self.records or self.records[0].once_key == self.once

    def suffix(self, letter: str) -> str:
        """Of the next record: nothing for the first, `~c1`, `~c2` for corrections, `~r1` for reversals.

        One that was begun is finished before another is begun.
        """
        if self.unfinished:
            return self.unfinished[0].id.removeprefix(self.root.id)
        if not self.keys:
            return ""
        start = f"{self.root.id}~{letter}"
        used = [int(key.id.removeprefix(start)) for key in self.keys if key.id.startswith(start)]
        return f"~{letter}{1 + max(used, default=0)}"


def invoice_root(invoice: str, order: str, project: str) -> Key:
    """The key of an invoice's first record on one commitment."""
    return Key("subcontractor_invoice", f"{invoice}@{commitment_key(order, project).id}")


def cost_root(invoice: str, project: str) -> Key:
    """The key of an invoice's first direct cost in one project."""
    return Key("direct_cost", f"{invoice}@{project}")


def root_once(company: str, root: Key) -> str:
    """The once-key of a first record, from its key."""
    invoice, _, rest = root.id.partition("@")
    if root.kind == "direct_cost":
        return once_key(company, "invoice", invoice, "direct", rest)
    order, _, project = rest.rpartition("@")
    return once_key(company, "invoice", invoice, order, project)


class Crossed:
    """The records the invoices at hand have in Procore, by invoice and place."""

    def __init__(self, situation: Situation) -> None:
        self._company = situation.company
        self._links = situation.links
        self._bills: dict[Key, Chain[SubcontractorInvoice]] = {}
        self._costs: dict[Key, Chain[DirectCost]] = {}
        self._by_invoice: dict[str, dict[Key, list[Key]]] = {}
        for key in situation.links:
            if key.kind in RECORD_KINDS:
                roots = self._by_invoice.setdefault(key.id.partition("@")[0], {})
                roots.setdefault(root_of(key), []).append(key)

    def has(self, invoice: str) -> bool:
        """Whether any record of the invoice is linked."""
        return invoice in self._by_invoice

    def roots(self, invoice: str) -> list[Key]:
        """Where the invoice has records, sorted."""
        return sorted(self._by_invoice.get(invoice, {}))

    def bills(self, invoice: str, order: str, project: str) -> Chain[SubcontractorInvoice]:
        """Its records on one commitment."""
        return self.bills_at(invoice_root(invoice, order, project))

    def bills_at(self, root: Key) -> Chain[SubcontractorInvoice]:
        """Its records at a root of kind subcontractor_invoice."""
        if root not in self._bills:
            self._bills[root] = self._chain(root, SubcontractorInvoice)
        return self._bills[root]

    def costs_at(self, root: Key) -> Chain[DirectCost]:
        """Its records at a root of kind direct_cost."""
        if root not in self._costs:
            self._costs[root] = self._chain(root, DirectCost)
        return self._costs[root]

    def at(self, root: Key) -> Chain[SubcontractorInvoice] | Chain[DirectCost]:
        """Its records at a root of either kind."""
        return self.bills_at(root) if root.kind == "subcontractor_invoice" else self.costs_at(root)

    def _chain(self, root: Key, kind: type[Record]) -> Chain[Record]:
        keys = sorted(self._by_invoice.get(root.id.partition("@")[0], {}).get(root, ()), key=_rank)
        records: list[Record] = []
        unfinished: list[Key] = []
        for key in keys:
            record = _record(self._links[key], key)
            if isinstance(record, kind):
                records.append(record)
            elif kind is DirectCost:
                unfinished.append(key)
            else:
                raise Bug(f"The agreed record of {key} was not gathered, so nothing can be decided about it.")
        target = self._links[root].target if root in self._links else ""
        once = root_once(self._company, root)
        return Chain(root, once, tuple(keys), tuple(records), tuple(unfinished), target)


def _record(linked: Linked, key: Key) -> object:
    return unpack(key.kind, linked.base) if linked.base else None


def _rank(key: Key) -> tuple[str, int]:
    """The first record, then corrections, then reversals, each by its number."""
    suffix = key.id.removeprefix(root_of(key).id)[1:]
    return suffix[:1], int(suffix[1:]) if suffix else 0


def placed_before(chains: Iterable[Chain[SubcontractorInvoice] | Chain[DirectCost]]) -> dict[str, Key]:
    """Where invoice lines stand, by `INVOICE/LINE`, as far as the agreed records say."""
    return {source: chain.root for chain in chains for record in chain.records for source in record.sources}


def bill_intents(key: Key, record: SubcontractorInvoice, period: Key, reason: str) -> list[Intent]:
    """The one intent that writes a subcontractor invoice, items and status and all."""
    needs = (Key("project", record.project), Key("commitment", record.commitment), period)
    intent = _intent(key, Verb.CREATE, record, needs, reason)
    return [msgspec.structs.replace(intent, money=record.money(), counts_as="created", base=intent.body)]


def cost_intents(key: Key, record: DirectCost, reason: str, *, begun: bool) -> list[Intent]:
    """Header as a draft, then lines, then status: a draft counts in no budget, so nothing ever counts half.

    `begun`: its header is there already.
    """
    draft = msgspec.structs.replace(record, lines=(), status=CostStatus.DRAFT)
    first = (Key("project", record.project), Key("vendor", record.vendor))
    codes = dict.fromkeys(Key("budget_code", f"{record.project}/{line.budget_code}") for line in record.lines)
    intents = [] if begun else [_intent(key, Verb.CREATE, draft, first, reason)]
    done = tuple(intent.verb for intent in intents)
    why = f"Its {counted(len(record.lines), 'line')}." if not begun else f"Its lines were not written before. {reason}"
    fill = _intent(key, Verb.FILL, record, (*first, *codes), why)
    intents.append(msgspec.structs.replace(fill, after=done, money=record.money()))
    if record.status is not CostStatus.DRAFT:
        why = f"{record.status.value.replace('_', ' ').capitalize()}: from now on it counts."
        status = _intent(key, Verb.STATUS, record, first, why)
        intents.append(msgspec.structs.replace(status, after=(*done, Verb.FILL)))
    intents[0] = msgspec.structs.replace(intents[0], counts_as="created")
    intents[-1] = msgspec.structs.replace(intents[-1], base=pack(record))
    return intents


def link_intent(key: Key, record: SubcontractorInvoice | DirectCost, reason: str) -> Intent:
    """A document people typed in Procore is this invoice: nothing is sent. `record` is theirs, with our keys in it."""
    needs = [Key("project", record.project)]
    if isinstance(record, SubcontractorInvoice):
        needs.append(Key("commitment", record.commitment))
    intent = _intent(key, Verb.LINK, record, tuple(needs), reason)
    return msgspec.structs.replace(intent, target=record.id, counts_as="linked", base=pack(record))


def _intent(
    key: Key, verb: Verb, record: SubcontractorInvoice | DirectCost, needs: tuple[Key, ...], reason: str
) -> Intent:
    return Intent(
        flow=FLOW,
        verb=verb,
        key=key,
        once_key=record.once_key,
        scope=record.project,
        target="",
        body=pack(record),
        needs=needs,
        after=(),
        money=None,
        reason=reason,
        source=key.id.partition("@")[0],
    )


def theirs_first(situation: Situation) -> dict[str, str]:
    """Erp invoice id to the Procore invoice it was made from (route `supplier_invoice` of the way back)."""
    made = situation.by_target("erp_invoice")
    return {erp: document.split("/")[1] for erp, document in made.items() if document.count("/") >= 2}


def crossed_back(links: Mapping[Key, Linked]) -> frozenset[tuple[str, str]]:
    """(kind, Procore id) of every Procore document that went to the erp as a voucher or an invoice."""
    found = set()
    for key in links:
        if key.kind in ("voucher", "erp_invoice"):
            kind, _, rest = key.id.partition("/")
            found.add((kind, rest.partition("/")[0]))
    return frozenset(found)
