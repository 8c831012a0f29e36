"""Which steps of a plan go when a person approves some projects only: theirs, and what those need."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.keys import Key

COMPANY_WIDE = "-"
"""How the steps that lie in no project are called where projects are chosen: all of them, needed or not."""


class Step(NamedTuple):
    """What matters of one step: its number, the record, the IFS project it lies in (empty: company-wide), its needs."""

    id: int
    key: Key
    place: str
    needs: tuple[Key, ...]


def place_of(kind: str, erp_id: str, scope: str) -> str:
    """The IFS project a record of that kind and id lies in, given its scope; empty for what belongs to the company.

    The link of a project is company-wide to the engine, and to a person it belongs to that project.
    """
    return erp_id if kind == "project" else scope


class Choice:
    """Looks at the steps of a plan one by one, a page at a time, and then knows which of them go."""

    def __init__(self, places: Collection[str]) -> None:
        """`places`: the approved projects, `COMPANY_WIDE` among them for everything that lies in none."""
        self.places = frozenset("" if place == COMPANY_WIDE else place for place in places)
        self._going: set[int] = set()
        self._needed: set[Key] = set()
        self._common: dict[Key, list[Step]] = {}
        self._seen: set[str] = set()

    def look(self, steps: Iterable[Step]) -> None:
        """Takes notice of some steps; each is shown once, in any order."""
        for step in steps:
            self._seen.add(step.place)
            if step.place in self.places:
                self._going.add(step.id)
                self._needed.update(step.needs)
            elif not step.place:
                self._common.setdefault(step.key, []).append(step)

    def going(self) -> frozenset[int]:
        """The numbers of the steps that go. Company-wide ones go when one that goes needs their record."""
        needed = list(self._needed)
        while needed:
            for step in self._common.pop(needed.pop(), ()):
                self._going.add(step.id)
                needed += step.needs
        return frozenset(self._going)

    def unknown(self) -> list[str]:
        """Approved projects of which the plan has nothing, sorted, as a person writes them."""
        return sorted(place or COMPANY_WIDE for place in self.places - self._seen)


def chosen_places(given: Iterable[str]) -> frozenset[str]:
    """The projects a person named, cleaned; BadInput for an empty name among them."""
    names = [name.strip() for name in given]
    if not all(names):
        raise BadInput(
            "A project to approve has no number.",
            remedy=f"Name each by its number in IFS, or {COMPANY_WIDE} for what lies in no project.",
        )
    return frozenset(names)
