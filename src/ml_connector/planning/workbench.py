"""Pairs of records for a person to go through before the first plan: what looks alike, how sure that is, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from ml_connector.kernel.keys import once_key
from ml_connector.planning.matching import Match, VendorIndex, Verdict, match_project
from ml_connector.planning.plan import HoldReason
from ml_connector.records.project import Project
from ml_connector.records.vendor import Vendor

ANY_NEAR = 70
"""Likeness (0 to 100) from which the workbench names a vendor, though no run would ask about it: people choose here."""

QUESTIONS = {"project": HoldReason.PROJECT_MATCH, "vendor": HoldReason.VENDOR_MATCH}
"""Kind of record to the question that an answer about its pair is remembered under; the first plan finds it there."""


class Weight(msgspec.Struct, frozen=True):
    """What hangs on a record: the open orders that name it, and their money by currency."""

    orders: int = 0
    money: dict[str, Decimal] = {}


class Alike(msgspec.Struct, frozen=True):
    """A record of Procore that may be the one of IFS, with what speaks for it and against it."""

    id: str
    name: str
    score: int
    agrees: tuple[str, ...]
    differs: tuple[str, ...] = ()
    number: str = ""
    """A project's number, a vendor's tax number."""
    place: str = ""
    """A vendor's city and country."""
    active: bool = True


class Pair(msgspec.Struct, frozen=True):
    """One record of IFS and those of Procore that look like it, the best first."""

    id: str
    name: str
    number: str
    verdict: str
    """certain, ask or none; see `matching.Verdict`."""
    alike: tuple[Alike, ...] = ()
    weight: Weight = Weight()
    place: str = ""
    usable: bool = True
    """False for a supplier that no order may name: without purchase data, or expired."""
    purchasable: bool = True
    """False for a supplier without purchase data: no plan links or makes it, whatever was said of it."""


class Known(msgspec.Struct, frozen=True):
    """A record of Procore a person may choose by hand."""

    id: str
    name: str
    number: str = ""
    place: str = ""
    active: bool = True


class Decided(msgspec.Struct, frozen=True):
    """What stands about one record of IFS: linked, or answered by a person for the next plan; empty while open."""

    answer: str = ""
    """linked, link, new or ignore."""
    target: str = ""
    by: str = ""


def pair_projects(
    ours: Sequence[Project], theirs: Sequence[Project], weights: Mapping[str, Weight]
) -> tuple[Pair, ...]:
    """Open IFS projects with the Procore projects of their number or name: by their orders, then their money."""
    found = []
    for project in ours:
        if project.open:
            match = match_project(project, theirs)
            numbers = {one.id: one for one in theirs}
            alike = tuple(
                Alike(c.id, c.name, c.score, c.agrees, c.differs, numbers[c.id].number, "", numbers[c.id].open)
                for c in match.candidates
            )
            weight = weights.get(project.id, Weight())
            found.append(Pair(project.id, project.name, project.number, match.verdict.value, alike, weight))
    return tuple(sorted(found, key=lambda one: (*_heaviest(one.weight), one.number)))


def pair_vendors(
    company: str, suppliers: Iterable[Vendor], theirs: Sequence[Vendor], weights: Mapping[str, Weight], near: int
) -> tuple[Pair, ...]:
    """Suppliers with the Procore vendors of their number or a name like theirs: by their orders, then their money.

    The verdict is the one a run would come to with `near`; what is less alike is shown, too, for a person to choose.
    """
    index = VendorIndex(theirs)
    found = []
    for supplier in suppliers:
        origin = once_key(company, "vendor", supplier.id)
        match = index.find(supplier, origin, near=near, name_links=True)
        if match.verdict is Verdict.NONE and near > ANY_NEAR:
            shown = index.find(supplier, origin, near=ANY_NEAR, name_links=False).candidates
            match = Match(Verdict.NONE, shown)
        found.append(
            Pair(
                id=supplier.id,
                name=supplier.name,
                number=supplier.tax_number or "",
                verdict=match.verdict.value,
                alike=tuple(_alike(index.by_id[c.id], c.score, c.agrees, c.differs) for c in match.candidates),
                weight=weights.get(supplier.id, Weight()),
                place=place_of(supplier),
                usable=supplier.active and supplier.purchasable,
                purchasable=supplier.purchasable,
            )
        )
    return tuple(sorted(found, key=lambda one: (*_heaviest(one.weight), one.id)))


def acceptable(
    pairs: Iterable[Pair], decided: Mapping[str, Decided], threshold: int, taken: Iterable[str] = ()
) -> dict[str, str]:
    """Those of the open pairs a person may accept in one go: id to the id of its best candidate.

    The best must reach `threshold`, differ in nothing that was compared, be active, stand alone at its score, and be
    nobody else's: neither that of another row here, nor one of `taken` (linked, or answered for before).
    """
    spoken = {*taken, *(one.target for one in decided.values() if one.target)}
    free: dict[str, str] = {}
    for pair in pairs:
        if pair.usable and pair.alike and not decided.get(pair.id, Decided()).answer:
            best, *others = pair.alike
            alone = not any(one.score == best.score for one in others)
            if best.score >= threshold and alone and best.active and not best.differs and best.id not in spoken:
                free[pair.id] = best.id
    wanted = Counter(free.values())
    return {ours: target for ours, target in free.items() if wanted[target] == 1}


def waits(pair: Pair) -> str:
    """Why the orders of a supplier wait as things stand in IFS, as flows/vendors.py decides it; empty where they do
    not, or where that hangs on what is answered."""
    if not pair.purchasable:
        return "IFS has no purchase data for it, so no plan links or makes it: its orders wait until IFS has."
    if not pair.usable and not pair.alike:
        return "It has expired in IFS, so no plan makes it by itself: its orders wait until you answer, or IFS changes."
    return ""


def known_vendors(theirs: Iterable[Vendor]) -> tuple[Known, ...]:
    """Procore's directory as a person looks through it, by name."""
    found = [Known(one.id, one.name, one.tax_number or "", place_of(one), one.active) for one in theirs]
    return tuple(sorted(found, key=lambda one: (one.name.casefold(), one.id)))


def known_projects(theirs: Iterable[Project]) -> tuple[Known, ...]:
    """Procore's projects as a person looks through them, by number."""
    found = [Known(one.id, one.name, one.number, "", one.open) for one in theirs]
    return tuple(sorted(found, key=lambda one: (one.number, one.name)))


def place_of(vendor: Vendor) -> str:
    """City and country of a vendor, as far as they are known."""
    return ", ".join(part for part in (vendor.city, vendor.country) if part)


def _heaviest(weight: Weight) -> tuple[int, Decimal]:
    """What sorts records by their orders, then by money (the greatest sum of one currency), the heaviest first."""
    return -weight.orders, -max(weight.money.values(), default=Decimal())


def _alike(vendor: Vendor, score: int, agrees: tuple[str, ...], differs: tuple[str, ...]) -> Alike:
    return Alike(
        vendor.id, vendor.name, score, agrees, differs, vendor.tax_number or "", place_of(vendor), vendor.active
    )
