"""Somebody's unsaved changes of a mapping, carried over onto a version saved meanwhile; what clashes is said."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from typing import Any, NamedTuple

from ml_connector.planning.mapping import SECTIONS, CodeMapping, ReverseRow, Row, SegmentRule
from ml_connector.planning.mapping_compare import RowChange, compared, row_text, rows_of, rule_of

_AnyRow = Row | ReverseRow
_Looks = tuple[tuple[str, str], ...]
_ROOM = 2**256
"""What lies between the numbers of two rows: each row put between halves it."""


class Carried(NamedTuple):
    """The newer version with the changes on top, and a sentence for each change that was left out."""

    mapping: CodeMapping
    clashes: tuple[str, ...]


def carried(base: CodeMapping, mine: CodeMapping, newest: CodeMapping) -> Carried:
    """What `mine` changed against `base`, made to `newest`; what `newest` changed in another way is left out."""
    changes = compared(base, mine)
    tables: dict[str, Any] = {}
    clashes: list[str] = []
    for section in SECTIONS:
        rows = [rows_of(one, section) for one in (base, mine, newest)]
        made = _Rows(rows[0], rows[1], rows[1] if rows[0] == rows[2] else rows[2])
        said = []
        if rows[0] != rows[2] != rows[1]:
            of_rows = (one for one in changes if one.section == section and one.what != "setting")
            said = [sentence for change in of_rows for sentence in made.take(change)]
        if section == "reverse":
            tables[section] = tuple(made.rows)
        else:
            tables[section], more = _table(made, *(rule_of(one, section) for one in (base, mine, newest)))
            said += more
        named = "The way back" if section == "reverse" else section.replace("_", " ").capitalize()
        clashes += [f"{named}: {sentence}." for sentence in said]
    return Carried(CodeMapping(**tables), tuple(clashes))


def _table(
    made: _Rows, base: SegmentRule | None, mine: SegmentRule | None, newest: SegmentRule | None
) -> tuple[SegmentRule | None, list[str]]:
    """A table with its rows as they were made and the settings of both; and what clashes."""
    was, wanted, there = (_settings(one) for one in (base, mine, newest))
    if wanted is None and was is not None and there is not None and (there != was or made.rows):
        return newest, ["you remove the table, and it was changed"]
    if there is None and was is not None:
        changed = wanted is not None and (wanted != was or bool(made.rows))
        return None, ["you change the table, and it is not there any more"] if changed else []
    values: dict[str, Any] = {}
    clashes = []
    for name in dict.fromkeys([*(wanted or {}), *(there or {})]):
        old, new, now = ((one or {}).get(name) for one in (was, wanted, there))
        both = now not in (old, new) and new not in (old, None)
        values[name] = now if both or new in (old, None) else new
        if both:
            clashes.append(f"you make {name} {_told(new)}, and it is {_told(now)} by now")
    gone = wanted is None and was is not None
    rows = tuple(row for row in made.rows if isinstance(row, Row))
    return (SegmentRule(**values, rows=rows) if values and not gone else None), clashes


def _settings(rule: SegmentRule | None) -> dict[str, Any] | None:
    return {"parts": rule.parts, "join": rule.join, "otherwise": rule.otherwise} if rule else None


def _told(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else repr(value) if not str(value).isalpha() else str(value)


class _Rows:
    """The rows of one table, into which changes are taken one by one, in the order of the rows they are of.

    Each row stands under a number that is larger than those of the rows above it, with room for others between, so
    that nobody counts through the table to find where one stands.
    """

    def __init__(self, base: Sequence[_AnyRow], mine: Sequence[_AnyRow], newest: Sequence[_AnyRow]) -> None:
        self._base = base
        self._mine = mine
        self._known = frozenset(base)
        self._there: dict[_Looks, list[_AnyRow]] = {}
        self._numbers: list[int] = []  # rising
        self._row: dict[int, _AnyRow] = {}
        self._at: dict[_AnyRow, list[int]] = {}  # the numbers of a row, rising: equal ones may stand there twice
        self._places: dict[_AnyRow, list[int]] = {}  # where a row stands in `mine`
        for place, row in enumerate(mine):
            self._places.setdefault(row, []).append(place)
        self._shared: list[int] = []  # places in `mine` of rows that stand here, too, rising
        for row in newest:
            self._insert(self._behind_all(), row)
        self._end = len(mine)  # rows of `mine` below this were put at its end
        while self._end and mine[self._end - 1] not in self._known:
            self._end -= 1

    @property
    def rows(self) -> list[_AnyRow]:
        """The rows as they stand by now."""
        return [self._row[number] for number in self._numbers]

    def take(self, change: RowChange) -> list[str]:
        """Makes one change; says why not, where the newest version has it otherwise."""
        was = self._base[change.place_before - 1] if change.place_before else None
        wanted = self._mine[change.place_after - 1] if change.place_after else None
        if was is not None and not self._has(was):
            there = self._like(was)
            if (wanted is None and not there) or (wanted is not None and self._has(wanted)):
                return []  # the same was done there
            by_now = f"it says {row_text(there)} by now" if there else "it is not there any more"
            doing = f"move {row_text(was)}" if wanted else f"remove {row_text(was)}"
            if wanted is not None and wanted != was:
                doing = f"change {row_text(was)} to {row_text(wanted)}"
            return [f"you {doing}, and {by_now}"]
        if wanted is not None and wanted != was and not self._has(wanted):
            there = self._like(wanted)
            if there is not None and there not in self._known:
                return [f"you want {row_text(wanted)}, and it says {row_text(there)} by now"]
        self._make(was, wanted, change.place_after - 1)
        return []

    def _make(self, was: _AnyRow | None, wanted: _AnyRow | None, place: int) -> None:
        if was is None:
            if wanted is not None and (not self._has(wanted) or wanted in self._known):
                self._insert(self._number(place), wanted)
            return
        at = self._delete(was)
        if wanted is not None:
            stays = wanted != was and self._between(place, at)
            self._insert(at if stays else self._number(place), wanted)

    def _between(self, place: int, at: int) -> bool:
        """Whether a row under the number `at` stands between the rows it stands between in `mine`."""
        above, below = self._above(place), self._below(place)
        return (above is None or self._at[above][0] < at) and (below is None or at < self._at[below][0])

    def _number(self, place: int) -> int:
        """The number of a row of `mine`: behind all if it stands at the end there, else behind the nearest row above
        it."""
        if place >= self._end:
            return self._behind_all()
        above = self._above(place)
        after = bisect_right(self._numbers, self._at[above][0]) if above is not None else 0
        if after == len(self._numbers):
            return self._behind_all()
        if after == 0:
            return self._numbers[0] - _ROOM
        if self._numbers[after] - self._numbers[after - 1] < 2:
            self._number_anew()
        return (self._numbers[after - 1] + self._numbers[after]) // 2

    def _behind_all(self) -> int:
        return self._numbers[-1] + _ROOM if self._numbers else 0

    def _number_anew(self) -> None:
        """Makes room between all rows again."""
        rows = self.rows
        self._numbers = [place * _ROOM for place in range(len(rows))]
        self._row = dict(zip(self._numbers, rows, strict=True))
        self._at = {}
        for number, row in self._row.items():
            self._at.setdefault(row, []).append(number)

    def _above(self, place: int) -> _AnyRow | None:
        """The nearest row above a place in `mine` that stands here, too."""
        found = bisect_left(self._shared, place)
        return self._mine[self._shared[found - 1]] if found else None

    def _below(self, place: int) -> _AnyRow | None:
        """The nearest row below it."""
        found = bisect_right(self._shared, place)
        return self._mine[self._shared[found]] if found < len(self._shared) else None

    def _insert(self, number: int, row: _AnyRow) -> None:
        insort(self._numbers, number)
        self._row[number] = row
        if not self._has(row):
            for place in self._places.get(row, ()):
                insort(self._shared, place)
        insort(self._at.setdefault(row, []), number)
        self._there.setdefault(_looks(row), []).append(row)

    def _delete(self, row: _AnyRow) -> int:
        """Takes a row out, of equal ones the first; the number it had."""
        number = self._at[row].pop(0)
        del self._numbers[bisect_left(self._numbers, number)], self._row[number]
        self._there[_looks(row)].remove(row)
        if not self._at[row]:
            del self._at[row]
            for place in self._places.get(row, ()):
                del self._shared[bisect_left(self._shared, place)]
        return number

    def _has(self, row: _AnyRow) -> bool:
        return row in self._at

    def _like(self, row: _AnyRow) -> _AnyRow | None:
        """A row of the same patterns that is there by now."""
        return next(iter(self._there.get(_looks(row), ())), None)


def _looks(row: _AnyRow) -> _Looks:
    return tuple(sorted(row.when))
