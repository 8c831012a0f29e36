"""What would be counted twice: each invoice line has one place in Procore, and Procore's own answers must agree.

The figure must read 0. It is the money of
    what our records show in Procore above what was placed in them,
    records with our once-key that we do not know (a lost answer nobody read back),
    invoices and direct costs typed by hand with the vendor and number of an IFS invoice that is placed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.engine.placing import PLACED
from ml_connector.engine.work import Work
from ml_connector.kernel.errors import ConnectorError
from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import rounded
from ml_connector.planning.names import plain_number
from ml_connector.planning.placing import root_of
from ml_connector.planning.plan import unpack
from ml_connector.records.commitment import Commitment
from ml_connector.records.direct_cost import CostStatus, DirectCost
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.store import counters, exposures, links, placements

Shown = SubcontractorInvoice | DirectCost
"""A record that holds invoice lines, as Procore shows it or as it was agreed."""


FIGURES = ("exposure", "placed", "shown", "missing")
"""What is summed up by currency."""

_ZERO = Decimal(0)


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

    def form(self) -> dict[str, Any]:
        """The same as data."""
        figures = dict(zip(FIGURES, (self.doubled, self.placed, self.shown, self.missing), strict=True))
        texts = {
            name: {currency: str(rounded(amount, currency)) for currency, amount in sums.items()}
            for name, sums in figures.items()
        }
        return {**texts, "findings": self.findings}


class Exposure:
    """The figure of one connection, looked for project by project, so that long looks can be taken in pieces."""

    def __init__(self, work: Work, requests: Callable[[], dict[str, dict[str, int]]]) -> None:
        """Looks up what was placed; nothing is sent yet. `requests` tells how many requests each side has had."""
        self.work = work
        self._requests = requests
        self._counted = Counter[str]()
        with work.db.begin() as conn:
            self.places = placements.all_places(conn, work.connection_id)
            self.projects = {
                row.erp_id: row.target_id for row in links.links_of(conn, work.connection_id, "project", links.LINKED)
            }
            rows = [row for kind in PLACED for row in links.links_of(conn, work.connection_id, kind, links.LINKED)]
            known = links.load_many(conn, work.connection_id, [row.key for row in rows])
            vendors = {
                row.erp_id: row.target_id for row in links.links_of(conn, work.connection_id, "vendor", links.LINKED)
            }
            contracts = links.load_many(conn, work.connection_id, {_contract_of(key) for key in known})
        self._agreed: dict[str, dict[tuple[str, str], Shown]] = {}
        """IFS project to what was placed in it, by kind and Procore id."""
        for key, row in known.items():
            body = _body(key, row.base)
            if body is not None:
                self._agreed.setdefault(row.scope, {})[key.kind, row.target_id] = body
        self._numbers = {
            (vendors.get(_supplier(body, contracts), ""), plain_number(body.number))
            for bodies in self._agreed.values()
            for body in bodies.values()
        }
        self._visible: frozenset[str] | None = None

    def parts(self) -> list[str]:
        """The IFS projects to look at, in order: those that are linked, and those in which something was placed."""
        return sorted(self.projects.keys() | self._agreed.keys())

    def take(self, project: str) -> dict[str, Any]:
        """Compares what Procore shows in one project with what was placed in it; the form is that of `summed`."""
        sums = _Sums()
        agreed = self._agreed.get(project, {})
        seen: set[tuple[str, str]] = set()
        for kind, one in self._there(project):
            ours = agreed.get((kind, one.id))
            if ours is not None:
                seen.add((kind, one.id))
                # what people there wrote is theirs to change
                stamped = one.once_key.startswith(f"{self.work.company}/")
                _compare(sums, ours if stamped else one, one)
            else:
                self._strange(sums, kind, one)
        for key in sorted(agreed.keys() - seen):
            body = agreed[key]
            said = f"{key[0].replace('_', ' ')} {key[1]} cannot be seen in Procore."
            sums.find("missing", body.money().amount, body, said)
        self._count()
        return sums.form()

    def summed(self, parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """The answer from what was found in all parts: `exposure`, `placed`, `shown` and `missing` by currency as exact
        text, counts of invoices and lines, and each difference with a sentence."""
        found = list(parts)
        currencies = sorted({currency for part in found for name in FIGURES for currency in part[name]})
        figures = {
            name: {
                currency: str(sum((Decimal(part[name].get(currency, "0")) for part in found), rounded(_ZERO, currency)))
                for currency in currencies
            }
            for name in FIGURES
        }
        return {
            "connection": self.work.name,
            "invoices": len({place.invoice for place in self.places}),
            "lines": len(self.places),
            **figures,
            "findings": [finding for part in found for finding in part["findings"]],
        }

    def kept(self, parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """The answer, kept as the figure of now."""
        answer = self.summed(parts)
        with self.work.db.begin() as conn:
            exposures.put(conn, self.work.connection_id, self.work.actor, answer)
        return answer

    def _strange(self, sums: _Sums, kind: str, one: Shown) -> None:
        """A record that none of ours is agreed to be: with our key, or typed by hand though it crossed."""
        if one.once_key.startswith(f"{self.work.company}/invoice/"):
            sums.find(
                "doubled", one.money().amount, one, f"{_named(kind, one)} carries our key and is not known to us."
            )
        elif plain_number(one.number) and one.vendor and _same_bill(one) in self._numbers and _counts(one):
            sentence = (
                f"{_named(kind, one)} was typed by hand, and an IFS invoice of that number is in Procore already."
            )
            sums.find("doubled", one.money().amount, one, sentence)

    def _there(self, project: str) -> Iterator[tuple[str, Shown]]:
        target = self.projects.get(project)
        if self._visible is None:
            self._visible = frozenset(one.id for one in self.work.projects.projects())
        if target is None or target not in self._visible:
            return
        for invoice in self.work.projects.subcontractor_invoices(target):
            yield "subcontractor_invoice", invoice
        for cost in self.work.projects.direct_costs(target):
            yield "direct_cost", cost

    def _count(self) -> None:
        """Adds the requests of this part to those that were sent."""
        used = Counter(counters.sent(self._requests()))
        more, self._counted = used - self._counted, used
        with suppress(ConnectorError), self.work.db.begin() as conn:
            counters.bump(conn, self.work.connection_id, more)


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
