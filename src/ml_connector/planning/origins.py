"""Whether an erp invoice came from Procore: then nothing is created there, and only the two ids are linked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.planning.committing import Held, commitment_key
from ml_connector.planning.ground import Ground
from ml_connector.planning.invoicing import KIND, Chain, cost_root, invoice_hold, invoice_root
from ml_connector.planning.plan import Hold, HoldReason
from ml_connector.planning.routing import Route, same_number
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.supplier_invoice import SupplierInvoice

Document = TypeVar("Document", SubcontractorInvoice, DirectCost)


class Origin(msgspec.Struct, frozen=True):
    """The Procore document an erp invoice came from, and why we say so. `record` is None when it need not be read."""

    id: str
    root: Key
    """The key under which it is linked to the invoice."""
    record: SubcontractorInvoice | DirectCost | None
    reason: str


class Origins:
    """Where one invoice came from, place by place; each is asked once."""

    def __init__(self, ground: Ground, invoice: SupplierInvoice) -> None:
        self.ground = ground
        self.invoice = invoice
        self._found: dict[Key, Origin | None] = {}
        self._whole: Origin | None = None

    def found(self) -> list[Origin]:
        """Every document found so far, in the order of its key."""
        there = {one.root: one for one in self._found.values() if one}
        return [there[root] for root in sorted(there)]

    def stands_for(self, origin: Origin, place: Route) -> bool:
        """Whether a linked posting is in that document: that of its commitment, else of its project, or the whole."""
        if origin is self._whole:
            return True
        bill = invoice_root(self.invoice.id, place.order, place.project) if place.order else None
        if bill and self._found.get(bill):
            return origin.root == bill
        return origin.root == cost_root(self.invoice.id, place.project)

    def whole(self, contracts: Iterable[tuple[str, str]]) -> Origin | None:
        """The Procore invoice of which the erp invoice was made as a whole; `contracts` are its (order, project)s.

        Raises Held when that one cannot be seen any more.
        """
        wanted = self.ground.theirs_first.get(self.invoice.id)
        if wanted is None:
            return None
        linked = self.ground.taken.get(("subcontractor_invoice", wanted))
        places = sorted(set(contracts))
        for order, project in places:
            root = invoice_root(self.invoice.id, order, project)
            there = self.ground.seen.invoices.get(commitment_key(order, project).id, ())
            record = next((one for one in there if one.id == wanted), None)
            if record or linked == root:
                self._whole = Origin(wanted, root, record, f"It was made from Procore's invoice {wanted}.")
                self._found[root] = self._whole
                return self._whole
        sentence = (
            f"Invoice {self.invoice.id} was made from Procore's invoice {wanted}, which cannot be seen on the contract "
            "of its order any more."
        )
        waits_for = Key("procore_document", f"subcontractor_invoice/{wanted}")
        raise Held(invoice_hold(self.invoice, HoldReason.GONE_THERE, waits_for, "administrator", sentence))

    def of_bill(self, order: str, project: str) -> Origin | None:
        """The invoice on that commitment that is this one; raises Held when a person must say so."""
        root = invoice_root(self.invoice.id, order, project)
        if root not in self._found:
            chain = self.ground.crossed.bills_at(root)
            there = self.ground.seen.invoices.get(commitment_key(order, project).id, ())
            self._found[root] = self._decided(chain, there)
        return self._found[root]

    def of_cost(self, project: str) -> Origin | None:
        """The direct cost in that project that is this invoice; raises Held when a person must say so."""
        root = cost_root(self.invoice.id, project)
        if root not in self._found:
            chain = self.ground.crossed.costs_at(root)
            vendor = self.ground.situation.target(Key("vendor", self.invoice.vendor))
            there = [one for one in self.ground.seen.costs.get(project, ()) if vendor and one.vendor == vendor]
            self._found[root] = self._decided(chain, there)
        return self._found[root]

    def _decided(self, chain: Chain[Document], there: Iterable[Document]) -> Origin | None:
        if not chain.keys:
            return self._match(chain.root, there)
        if chain.ours:
            return None
        record = next((one for one in there if one.id == chain.target), None)
        return Origin(chain.target, chain.root, record, "It is linked to a Procore document already.")

    def _match(self, root: Key, there: Iterable[Document]) -> Origin | None:
        invoice, situation = self.invoice, self.ground.situation
        vendor = situation.target(Key("vendor", invoice.vendor))
        typed = [
            one
            for one in there
            if not one.once_key.startswith(f"{situation.company}/invoice/")
            and same_number(one.number, invoice.number)
            and (not one.vendor or not vendor or one.vendor == vendor)
            and (root.kind, one.id) not in self.ground.taken
        ]
        went = [one for one in typed if (root.kind, one.id) in self.ground.crossed_back]
        if went:
            why = f"Procore's {_named(root)} {went[0].number} of this vendor crossed to IFS before."
            return Origin(went[0].id, root, went[0], why)
        ruling = situation.ruled(Key(KIND, invoice.id), HoldReason.INVOICE_MATCH)
        if not typed or (ruling and ruling.answer == "new"):
            return None
        chosen = next((one for one in typed if ruling and ruling.answer == "link" and ruling.target == one.id), None)
        if chosen:
            return Origin(
                chosen.id, root, chosen, f"A person said that it is Procore's {_named(root)} {chosen.number}."
            )
        if situation.policies.supplier_invoices.same_number == "link" and len(typed) == 1:
            why = f"Typed by hand in Procore as number {typed[0].number}, same vendor."
            return Origin(typed[0].id, root, typed[0], why)
        raise Held(_ask(invoice, root, typed))


def _ask(invoice: SupplierInvoice, root: Key, typed: Sequence[SubcontractorInvoice | DirectCost]) -> Hold:
    sentence = (
        f"Procore has a {_named(root)} numbered {typed[0].number} of this vendor that somebody typed. "
        f"Is it IFS invoice {invoice.id}, number {invoice.number}, or another one?"
    )
    waits_for = Key("ruling", f"{KIND}:{invoice.id}")
    hold = invoice_hold(invoice, HoldReason.INVOICE_MATCH, waits_for, "project accountant", sentence)
    evidence = "; ".join(f"Procore {_named(root)} {one.id} {one.number}, {one.money()}" for one in typed)
    return msgspec.structs.replace(hold, candidates=tuple(one.id for one in typed), evidence=evidence)


def _named(root: Key) -> str:
    return root.kind.replace("_", " ")
