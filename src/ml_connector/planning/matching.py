"""Which of their records is ours: candidates with the evidence for and against each, and a verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import Enum

import msgspec

from ml_connector.planning.names import nearness, normal_name, normal_number
from ml_connector.records.project import Project
from ml_connector.records.vendor import Vendor

_SOME_NAME = 50
"""Likeness (0 to 100) below which the name of a project of an equal number speaks against it."""


class Verdict(Enum):
    """What the evidence allows."""

    CERTAIN = "certain"
    """Linked by itself."""
    ASK = "ask"
    """A person must choose."""
    NONE = "none"
    """Nobody like this is there."""


class Candidate(msgspec.Struct, frozen=True):
    """One of their records that may be ours, with what speaks for it and against it."""

    id: str
    name: str
    score: int
    agrees: tuple[str, ...]
    differs: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line for a person: name, score, what agrees, what differs."""
        against = f"; differs: {', '.join(self.differs)}" if self.differs else ""
        return f"{self.name} [{self.id}] {self.score}: {', '.join(self.agrees)}{against}"


class Match(msgspec.Struct, frozen=True):
    """The outcome of looking for one record: a verdict, the best candidate first."""

    verdict: Verdict
    candidates: tuple[Candidate, ...] = ()

    @property
    def evidence(self) -> str:
        """Every candidate on a line of its own."""
        return "\n".join(str(candidate) for candidate in self.candidates)


class VendorIndex:
    """The other side's directory, ready to be asked for one supplier after another."""

    def __init__(self, vendors: Iterable[Vendor]) -> None:
        self._by_origin: dict[str, Vendor] = {}
        self._by_number: dict[str, list[Vendor]] = defaultdict(list)
        self._by_name: dict[str, list[Vendor]] = defaultdict(list)
        self.by_id: dict[str, Vendor] = {}
        for vendor in vendors:
            self.by_id[vendor.id] = vendor
            if vendor.origin:
                self._by_origin[vendor.origin] = vendor
            number = normal_number(vendor.tax_number, vendor.country)
            if number:
                self._by_number[number].append(vendor)
            self._by_name[normal_name(vendor.name)].append(vendor)

    def find(self, supplier: Vendor, once_key: str, *, near: int, name_links: bool) -> Match:
        """Looks by once-key, then number, then normalised name, then likeness of `near` or more (0 to 100)."""
        number = normal_number(supplier.tax_number, supplier.country)
        name = normal_name(supplier.name)
        known = self._by_origin.get(once_key)
        if known:
            seen = self._candidate(supplier, name, number, known, sure=True)
            ours = msgspec.structs.replace(seen, agrees=("mark of ml-connector", *seen.agrees))
            return Match(Verdict.CERTAIN, (ours,))
        if number and (same := self._by_number.get(number)):
            found = tuple(self._candidate(supplier, name, number, vendor) for vendor in same)
            return Match(Verdict.CERTAIN if len(same) == 1 else Verdict.ASK, found)
        if same := self._by_name.get(name):
            found = tuple(self._candidate(supplier, name, number, vendor) for vendor in same)
            sure = name_links and len(same) == 1 and not found[0].differs
            return Match(Verdict.CERTAIN if sure else Verdict.ASK, found)
        close = [
            self._candidate(supplier, name, number, vendor)
            for other, vendors in self._by_name.items()
            if nearness(name, other) >= near
            for vendor in vendors
        ]
        close.sort(key=lambda candidate: (-candidate.score, candidate.id))
        return Match(Verdict.ASK if close else Verdict.NONE, tuple(close[:5]))

    def _candidate(
        self, supplier: Vendor, name: str, number: str | None, vendor: Vendor, *, sure: bool = False
    ) -> Candidate:
        """What speaks for a vendor and against it; where it is `sure` without its name, a near name is a difference."""
        agrees: list[str] = []
        differs: list[str] = []
        theirs = normal_number(vendor.tax_number, vendor.country)
        if number and theirs:
            (agrees if number == theirs else differs).append("tax number")
        score = nearness(name, normal_name(vendor.name))
        if score == 100:
            agrees.append("name without legal form")
        else:
            (differs if sure or (number and number == theirs) else agrees).append(f"name is {score} % alike")
        if supplier.country and vendor.country:
            (agrees if supplier.country == vendor.country else differs).append("country")
        if supplier.city and vendor.city:
            same_city = normal_name(supplier.city) == normal_name(vendor.city)
            if same_city:
                agrees.append("city")
        return Candidate(vendor.id, vendor.name, score, tuple(agrees), tuple(differs))


def match_project(project: Project, theirs: Sequence[Project]) -> Match:
    """Looks for an equal number, then for an equal name; more than one of either, or a near number, asks."""
    number = _plain(project.number)
    exact = [other for other in theirs if other.number and other.number == project.number]
    if exact:
        return Match(
            Verdict.CERTAIN if len(exact) == 1 else Verdict.ASK, tuple(_of_same_number(project, one) for one in exact)
        )
    named = [other for other in theirs if normal_name(other.name) == normal_name(project.name)]
    if len(named) == 1:
        agrees: tuple[str, ...] = ("name",)
        if named[0].number and _plain(named[0].number).endswith(number):
            agrees = ("name", "number without its prefix")
        return Match(Verdict.CERTAIN, (Candidate(named[0].id, named[0].name, 100, agrees),))
    if named:
        return Match(Verdict.ASK, tuple(Candidate(o.id, o.name, 100, ("name",)) for o in named))
    return Match(Verdict.NONE)


def _of_same_number(project: Project, other: Project) -> Candidate:
    """A project of our number; a name that has nothing of ours speaks against it."""
    alike = nearness(normal_name(project.name), normal_name(other.name))
    name = "name" if alike == 100 else f"name is {alike} % alike"
    if alike >= _SOME_NAME:
        return Candidate(other.id, other.name, 100, ("project number", name))
    return Candidate(other.id, other.name, 100, ("project number",), (name,))


def _plain(number: str) -> str:
    return "".join(c for c in number.casefold() if c.isalnum())
