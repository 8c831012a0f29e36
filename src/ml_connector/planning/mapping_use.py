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
        self._led: dict[tuple[object, ...], tuple[Target, tuple[str, bool]]] = {}
        self.coarse = not any(part in ("activity", "sub_project") for name in OF_CODES for part in self._parts(name))

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
        return self.led(use)[0]

    def led(self, use: Use) -> tuple[Target, tuple[str, bool]]:
        """The same, with what two mappings are compared by: the budget code, and whether it leads nowhere."""
        seen = self.seen(use)
        found = self._led.get(seen)
        if found is None:
            target = self._target(use)
            found = self._led[seen] = (target, (target.flat, bool(target.missing)))
        return found

    def seen(self, use: Use) -> tuple[object, ...]:
        """What of a use decides where it leads: uses that are alike in this lead to the same place by the same rows."""
        codes = use[1]
        return codes if self.coarse and not (codes and codes[0][0] == "element") else use[1:]

    def _target(self, use: Use) -> Target:
        names = OF_BUDGETS if use.of_budget else OF_CODES
        values = self._values(use)
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
        values = self._values(use)
        names = OF_BUDGETS if use.of_budget else OF_CODES
        return {name: self.segment(name, values)[1] for name in names}

    def _values(self, use: Use) -> dict[str, str]:
        values = use.values()
        if self.coarse and not use.of_budget:  # as planning/mapping.py does
            values["activity"] = values["sub_project"] = ""
        return values


def _answer(rule: SegmentRule, values: Mapping[str, str]) -> tuple[str | None, int]:
    for number, row in enumerate(rule.rows, 1):
        if row.matches(values):
            return row.to or None, number
    return rule.target(values), 0


def turned(before: Reader, after: Reader, uses: Iterable[Use]) -> list[Turn]:
    """The uses that lead elsewhere after than before, nowhere included."""
    finer = after if before.coarse else before  # the one that tells more uses apart
    known: dict[tuple[object, ...], tuple[Target, Target] | None] = {}
    found = []
    for use in uses:
        seen = finer.seen(use)
        if seen in known:
            pair = known[seen]
        else:
            old, new = before.led(use), after.led(use)
            pair = known[seen] = (old[0], new[0]) if old[1] != new[1] else None
        if pair is not None:
            found.append(Turn(use, *pair))
    return found


class Reach(msgspec.Struct, frozen=True):
    """How often each row of each table takes a code string that is in use, by table and row number."""

    taken: Mapping[tuple[str, int], int]

    def of(self, section: str, row: int) -> int:
        """How many code strings in use a row takes."""
        return self.taken.get((section, row), 0)


def reach(reader: Reader, uses: Iterable[Use]) -> Reach:
    """How many different code strings in use each row takes."""
    different = {use[1:]: use for use in uses}  # on whichever project
    alike: dict[tuple[object, ...], list[Use]] = {}
    for use in different.values():
        alike.setdefault(reader.seen(use), []).append(use)
    taken: dict[tuple[str, int], int] = {}
    for group in alike.values():
        for section, row in reader.rows(group[0]).items():
            if row:
                taken[section, row] = taken.get((section, row), 0) + len(group)
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
