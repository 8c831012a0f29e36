"""The code strings in use under a mapping: where each leads, by which row, and which of them a change turns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from ml_connector.planning.mapping import (
    SECTIONS,
    CodeMapping,
    SegmentRule,
    Target,
    looked_at,
)

OF_CODES = ("cost_code", "cost_type")
"""The two tables that say where a code string leads."""
OF_BUDGETS = ("budget_code", "budget_type")
"""The two tables that say where a row of an estimate leads."""


class Use(NamedTuple):
    """One way of coding in use on a project: a code string, or the cost element of an estimate; with its activity."""

    project: str
    codes: tuple[tuple[str, str], ...]
    """Code part letter and value; of an estimate one pair, named `element`."""
    activity: str = ""
    """The activity's number."""
    sub_project: str = ""

    @property
    def of_budget(self) -> bool:
        """Whether it is a row of an estimate."""
        return bool(self.codes) and self.codes[0][0] == "element"

    def values(self) -> dict[str, str]:
        """What rules look at."""
        return dict(self.codes, activity=self.activity, sub_project=self.sub_project)

    def text(self) -> str:
        """As people read it: `A=4110 B=03-310`."""
        return " ".join(f"{part}={value}" for part, value in self.codes)


class Turn(NamedTuple):
    """A use that a change leads elsewhere."""

    use: Use
    before: Target
    after: Target


class Reader:
    """A mapping, ready to say where uses lead; answers are remembered by what its tables look at."""

    def __init__(self, mapping: CodeMapping) -> None:
        self.mapping = mapping
        self._tables: dict[str, tuple[SegmentRule, tuple[str, ...]] | None] = {}
        for name in SECTIONS[:4]:
            rule: SegmentRule | None = getattr(mapping, name)
            self._tables[name] = (rule, rule.looks_at()) if rule else None
        self._known: dict[tuple[str, tuple[str, ...]], tuple[str | None, int]] = {}
        self._without = not any(part in ("activity", "sub_project") for name in OF_CODES for part in self._parts(name))

    def _parts(self, name: str) -> tuple[str, ...]:
        table = self._tables[name]
        return table[0].parts if table else ()

    def segment(self, name: str, values: Mapping[str, str]) -> tuple[str | None, int]:
        """The code one table gives these values, and the number of the row that gave it, from 1 (0: no row did)."""
        table = self._tables[name]
        if table is None:
            return None, 0
        rule, parts = table
        key = (name, tuple(values.get(part, "") for part in parts))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _answer(rule, values)
        return known

    def target(self, use: Use) -> Target:
        """Where a use leads, exactly as a run decides it."""
        names = OF_BUDGETS if use.of_budget else OF_CODES
        values = self._seen(use)
        codes = []
        for name in names:
            code, _ = self.segment(name, values)
            if code is None:
                table = self._tables[name]
                return Target(missing=name, looked_at=looked_at(table[0], values) if table else "")
            codes.append(code)
        return Target(cost_code=codes[0], cost_type=codes[1])

    def rows(self, use: Use) -> dict[str, int]:
        """The row of each table that takes a use; 0 where none does."""
        values = self._seen(use)
        names = OF_BUDGETS if use.of_budget else OF_CODES
        return {name: self.segment(name, values)[1] for name in names}

    def _seen(self, use: Use) -> dict[str, str]:
        values = use.values()
        if self._without and not use.of_budget:  # as planning/mapping.py does
            values["activity"] = values["sub_project"] = ""
        return values


def _answer(rule: SegmentRule, values: Mapping[str, str]) -> tuple[str | None, int]:
    for number, row in enumerate(rule.rows, 1):
        if row.matches(values):
            return row.to or None, number
    return rule.target(values), 0


def turned(before: Reader, after: Reader, uses: Iterable[Use]) -> list[Turn]:
    """The uses that lead elsewhere after than before, nowhere included."""
    found = []
    for use in uses:
        old, new = before.target(use), after.target(use)
        if (old.flat, bool(old.missing)) != (new.flat, bool(new.missing)):
            found.append(Turn(use, old, new))
    return found


class Reach(msgspec.Struct, frozen=True):
    """How often each row of each table takes a code string that is in use, by table and row number."""

    taken: Mapping[tuple[str, int], int]

    def of(self, section: str, row: int) -> int:
        """How many code strings in use a row takes."""
        return self.taken.get((section, row), 0)


def reach(reader: Reader, uses: Iterable[Use]) -> Reach:
    """How many different code strings in use each row takes."""
    taken: dict[tuple[str, int], int] = {}
    for use in {use._replace(project="") for use in uses}:
        for section, row in reader.rows(use).items():
            if row:
                taken[section, row] = taken.get((section, row), 0) + 1
    return Reach(taken)


def values_in(looked: str) -> dict[str, str]:
    """What a hold says was looked at (`A=1910 activity=(empty)`), by part; names of parts begin a new one."""
    found: dict[str, str] = {}
    last = ""
    for word in looked.split(" "):
        part, mark, value = word.partition("=")
        if mark and (part in _PARTS):
            last = part
            found[last] = "" if value == "(empty)" else value
        elif last:
            found[last] = f"{found[last]} {word}"
    return found


_PARTS = frozenset((*"ABCDEFGHIJ", "activity", "sub_project", "element"))
