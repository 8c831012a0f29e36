"""Two mappings side by side, row by row: what was added, removed, changed, moved; and which settings differ."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from ml_connector.planning.mapping import SECTIONS, CodeMapping, ReverseRow, Row, SegmentRule
from ml_connector.planning.mapping_words import EMPTY

What = Literal["added", "removed", "changed", "moved", "setting"]
"""What may have become of a row; `setting` is about parts, join or otherwise of a whole table."""

_Identity = tuple[tuple[tuple[str, str], ...], int]
_AnyRow = Row | ReverseRow


class RowChange(msgspec.Struct, frozen=True):
    """One difference between two mappings."""

    section: str
    """Which table: cost_code, cost_type, budget_code, budget_type or reverse."""
    what: What
    before: str = ""
    """The row or setting as it was, readable; empty when it was not there."""
    after: str = ""
    """The row or setting as it is; empty when it is not there any more."""
    place_before: int = 0
    """Number of the row before, from 1; 0 when it was not there."""
    place_after: int = 0
    """Number of the row after, from 1; 0 when it is not there."""


def row_text(row: _AnyRow) -> str:
    """A row as people read it: `A=411* -> M`."""
    return f"{looks_at(row)} -> {leads_to(row)}"


def looks_at(row: _AnyRow) -> str:
    """What a row looks for: `A=411* activity=(empty)`."""
    return " ".join(f"{part}={pattern or EMPTY}" for part, pattern in row.when)


def leads_to(row: _AnyRow) -> str:
    """Where a row leads: the code, or of the way back the code parts and the activity."""
    if isinstance(row, Row):
        return row.to or "(no code)"
    parts = [f"{part}={value}" for part, value in row.codes]
    return " ".join([*parts, *([f"activity={row.activity}"] if row.activity else [])]) or "(nothing)"


def rows_of(mapping: CodeMapping, section: str) -> tuple[_AnyRow, ...]:
    """The rows of one table; none where the mapping has no such table."""
    if section == "reverse":
        return mapping.reverse
    rule = rule_of(mapping, section)
    return rule.rows if rule else ()


def rule_of(mapping: CodeMapping, section: str) -> SegmentRule | None:
    """The rule of a table that makes a segment; None where there is none, and for the way back."""
    found: SegmentRule | None = getattr(mapping, section) if section in SECTIONS[:4] else None
    return found


def compared(before: CodeMapping, after: CodeMapping) -> list[RowChange]:
    """Every difference, table by table, in the order of the tables and of their rows as they are after."""
    found: list[RowChange] = []
    for section in SECTIONS:
        found += _settings(section, rule_of(before, section), rule_of(after, section))
        found += _rows(section, rows_of(before, section), rows_of(after, section))
    return found


def _settings(section: str, before: SegmentRule | None, after: SegmentRule | None) -> list[RowChange]:
    old, new = _told(before), _told(after)
    return [
        RowChange(section, "setting", old.get(name, ""), new.get(name, ""))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def _told(rule: SegmentRule | None) -> Mapping[str, str]:
    if rule is None:
        return {}
    return {
        "parts": f"parts {', '.join(rule.parts)}",
        "join": f"join {rule.join!r}",
        "otherwise": f"otherwise {rule.otherwise}",
    }


def _rows(section: str, before: Sequence[_AnyRow], after: Sequence[_AnyRow]) -> list[RowChange]:
    old, new = _named(before), _named(after)
    places = {name: place for place, name in enumerate(old)}
    both = [(place, places[name]) for place, name in enumerate(new) if name in places]
    stood = {both[n][0] for n in _rising([was for _, was in both])}
    found = []
    still = set(new)
    gone = [place for place, name in enumerate(old) if name not in still]
    fresh = [place for place, name in enumerate(new) if name not in places]
    edited = _edited(old, new, gone, fresh)
    for place, name in enumerate(new):
        was = places.get(name, edited.get(place))
        if was is None:
            found.append(RowChange(section, "added", "", row_text(after[place]), 0, place + 1))
        elif before[was] != after[place]:
            texts = row_text(before[was]), row_text(after[place])
            found.append(RowChange(section, "changed", *texts, was + 1, place + 1))
        elif place not in stood:
            text = row_text(after[place])
            found.append(RowChange(section, "moved", text, text, was + 1, place + 1))
    kept = set(edited.values())
    found += [RowChange(section, "removed", row_text(before[was]), "", was + 1, 0) for was in gone if was not in kept]
    return found


def _named(rows: Sequence[_AnyRow]) -> list[_Identity]:
    """What each row is known by: its patterns, and the how-manieth of equal ones it is."""
    seen: dict[tuple[tuple[str, str], ...], int] = {}
    names = []
    for row in rows:
        looks = tuple(sorted(row.when))
        names.append((looks, seen.get(looks, 0)))
        seen[looks] = seen.get(looks, 0) + 1
    return names


def _edited(
    old: Sequence[_Identity], new: Sequence[_Identity], gone: Sequence[int], fresh: Sequence[int]
) -> dict[int, int]:
    """Rows whose patterns were changed in place: place after to place before, of those behind the same row."""
    behind = {(old[place - 1] if place else None): place for place in gone}
    found: dict[int, int] = {}
    for place in fresh:
        match = behind.pop(new[place - 1] if place else None, None)
        if match is not None:
            found[place] = match
    return found


def _rising(numbers: Sequence[int]) -> list[int]:
    """Places of a longest rising run among some numbers: rows that kept their order, so that the fewest have moved."""
    tails: list[int] = []
    tops: list[int] = []
    back: list[int] = []
    for place, number in enumerate(numbers):
        at = bisect_left(tops, number)
        back.append(tails[at - 1] if at else -1)
        if at == len(tops):
            tops.append(number)
            tails.append(place)
        else:
            tops[at], tails[at] = number, place
    found = []
    place = tails[-1] if tails else -1
    while place >= 0:
        found.append(place)
        place = back[place]
    return found[::-1]
