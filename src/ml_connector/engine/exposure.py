"""What would be counted twice: each invoice line has one place in Procore, and Procore's own answers must agree.

The figure must read 0. It is the money of
    what our records show in Procore above what was placed in them,
    records with our once-key that we do not know (a lost answer nobody read back),
    invoices and direct costs typed by hand with the vendor and number of an IFS invoice that is placed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.engine.placing import PLACED
from ml_connector.engine.work import Work
from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import rounded
from ml_connector.planning.names import plain_number
from ml_connector.planning.placing import root_of
from ml_connector.planning.plan import unpack
from ml_connector.records.commitment import Commitment
from ml_connector.records.direct_cost import CostStatus, DirectCost
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.store import links, placements

Shown = SubcontractorInvoice | DirectCost
"""A record that holds invoice lines, as Procore shows it or as it was agreed."""


@dataclass
class _Sums:
    """What was found so far, by currency."""

    placed: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    shown: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    doubled: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    missing: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    findings: list[dict[str, str]] = field(default_factory=list)

    def find(self, what: str, amount: Decimal, one: Shown, sentence: str) -> None:
        """Writes down one difference; `doubled` counts towards the exposure, `missing` does not."""
        sums = self.doubled if what == "doubled" else self.missing
        sums[one.currency] += abs(amount)
        self.findings.append(
            {"what": what, "amount": str(rounded(amount, one.currency)), "currency": one.currency, "sentence": sentence}
        )


def exposure(work: Work) -> dict[str, Any]:
    """Reads both kinds of record in every linked project and compares them with what was placed. Writes nothing.

    The answer: `exposure`, `placed`, `shown` and `missing` by currency as exact text, counts of invoices and lines, and
    each difference with a sentence.
    """
    with work.db.begin() as conn:
        places = placements.all_places(conn, work.connection_id)
        projects = {
            row.erp_id: row.target_id for row in links.links_of(conn, work.connection_id, "project", links.LINKED)
        }
        rows = [row for kind in PLACED for row in links.links_of(conn, work.connection_id, kind, links.LINKED)]
        known = links.load_many(conn, work.connection_id, [row.key for row in rows])
        vendors = {
            row.erp_id: row.target_id for row in links.links_of(conn, work.connection_id, "vendor", links.LINKED)
        }
        contracts = links.load_many(conn, work.connection_id, {_contract_of(key) for key in known})
    agreed = {
        (key.kind, row.target_id): body for key, row in known.items() if (body := _body(key, row.base)) is not None
    }
    sums = _Sums()
    seen: set[tuple[str, str]] = set()
    numbers = {(vendors.get(_supplier(body, contracts), ""), plain_number(body.number)) for body in agreed.values()}
    for kind, one in _there(work, projects.values()):
        key = (kind, one.id)
        ours = agreed.get(key)
        if ours is not None:
            seen.add(key)
            stamped = one.once_key.startswith(f"{work.company}/")  # what people there wrote is theirs to change
            _compare(sums, ours if stamped else one, one)
        elif one.once_key.startswith(f"{work.company}/invoice/"):
            sums.find(
                "doubled", one.money().amount, one, f"{_named(kind, one)} carries our key and is not known to us."
            )
        elif plain_number(one.number) and one.vendor and _same_bill(one) in numbers and _counts(one):
            sentence = (
                f"{_named(kind, one)} was typed by hand, and an IFS invoice of that number is in Procore already."
            )
            sums.find("doubled", one.money().amount, one, sentence)
    for key in sorted(agreed.keys() - seen):
        body = agreed[key]
        sums.find(
            "missing", body.money().amount, body, f"{key[0].replace('_', ' ')} {key[1]} cannot be seen in Procore."
        )
    currencies = sorted({*sums.placed, *sums.shown, *sums.doubled, *sums.missing})
    return {
        "connection": work.name,
        "invoices": len({place.invoice for place in places}),
        "lines": len(places),
        "exposure": _texts(sums.doubled, currencies),
        "placed": _texts(sums.placed, currencies),
        "shown": _texts(sums.shown, currencies),
        "missing": _texts(sums.missing, currencies),
        "findings": sums.findings,
    }


def _body(key: Key, base: bytes | None) -> Shown | None:
    body = unpack(key.kind, base) if base else None
    return body if isinstance(body, (SubcontractorInvoice, DirectCost)) else None


def _same_bill(one: Shown) -> tuple[str, str]:
    """What makes two bills the same to a person: the vendor and the number."""
    return one.vendor, plain_number(one.number)


def _contract_of(key: Key) -> Key:
    """The commitment a record of ours is on, as far as it is on one."""
    return Key("commitment", root_of(key).id.partition("@")[2])


def _supplier(body: Shown, contracts: Mapping[Key, links.LinkRow]) -> str:
    """IFS supplier of a record of ours: its own, or its contract's."""
    if isinstance(body, DirectCost):
        return body.vendor
    row = contracts.get(Key("commitment", body.commitment))
    contract = unpack("commitment", row.base) if row and row.base else None
    return contract.vendor if isinstance(contract, Commitment) else ""


def _there(work: Work, projects: Iterable[str]) -> Iterator[tuple[str, Shown]]:
    visible = {project.id for project in work.projects.projects()}
    for project in sorted(visible.intersection(projects)):
        for invoice in work.projects.subcontractor_invoices(project):
            yield "subcontractor_invoice", invoice
        for cost in work.projects.direct_costs(project):
            yield "direct_cost", cost


def _compare(sums: _Sums, ours: Shown, theirs: Shown) -> None:
    wanted, there = ours.money().amount, theirs.money().amount
    sums.placed[ours.currency] += wanted
    sums.shown[ours.currency] += there
    if there == wanted:
        return
    more = abs(there) > abs(wanted)
    sentence = f"{_named('', theirs)}: {rounded(wanted, ours.currency)} was placed, Procore shows {there}."
    sums.find(
        "doubled" if more else "missing",
        there - wanted,
        msgspec.structs.replace(theirs, currency=ours.currency),
        sentence,
    )


def _counts(one: Shown) -> bool:
    """A draft direct cost counts in no budget."""
    return not isinstance(one, DirectCost) or one.status is not CostStatus.DRAFT


def _named(kind: str, one: Shown) -> str:
    what = kind.replace("_", " ") or ("direct cost" if isinstance(one, DirectCost) else "subcontractor invoice")
    return f"Procore's {what} {one.number or one.id}"


def _texts(sums: dict[str, Decimal], currencies: Iterable[str]) -> dict[str, str]:
    return {currency: str(rounded(sums.get(currency, Decimal(0)), currency)) for currency in currencies}
