"""Where a code without a row might lead: what its neighbours do, what is called alike, what is there by that name."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import msgspec
from rapidfuzz import fuzz

from ml_connector.planning.mapping import Row, SegmentRule
from ml_connector.planning.mapping_compare import row_text

ALIKE = 72
"""Score (0 to 100) from which two names are alike enough to be said."""
_SPELLED = 88
"""Score from which two words are one word, spelled otherwise: labour and labor, material and materials."""
MOST = 3
"""Suggestions for one code."""
_SAME, _BOTH_SIDES, _ONE_SIDE, _ROW = 96, 84, 60, 66


class Suggestion(msgspec.Struct, frozen=True):
    """One code a row could lead to, with all that speaks for it."""

    to: str
    score: int
    """From 0 to 100."""
    evidence: tuple[str, ...]
    values: dict[str, str]
    """The row it would be, by its names in TOML."""


class Known(msgspec.Struct, frozen=True):
    """What may be looked at: names of IFS's values by (part, value), and of the codes one could lead to."""

    names: Mapping[tuple[str, str], str] = {}
    codes: Mapping[str, str] = {}
    """Code to name: cost types of the company, or cost codes of its projects."""


class Suggester:
    """Suggests for one table of a mapping."""

    def __init__(self, rule: SegmentRule | None, known: Known) -> None:
        self.rule = rule
        self.known = known
        self._values: dict[str, list[str]] = {}
        for part, value in sorted(known.names):
            self._values.setdefault(part, []).append(value)

    def suggest(self, values: Mapping[str, str]) -> list[Suggestion]:
        """The best few for what was looked at; none where nothing speaks for any.

        None, too, where a value is empty and the table's own values are the code otherwise: a row without that part
        would also take every code string that has all of them, and with it their code.
        """
        parts = self.rule.parts if self.rule else ()
        mine = {part: values.get(part, "") for part in parts if values.get(part)}
        if not mine or (self.rule and self.rule.otherwise == "same" and len(mine) < len(parts)):
            return []
        found: dict[str, list[tuple[int, str]]] = {}
        for part, value in mine.items():
            self._same(found, value)
            self._neighbours(found, part, value)
            self._rows(found, part, value)
            self._alike(found, part, value)
        row = {part: _plain(value) for part, value in mine.items()}
        made = [
            Suggestion(
                to=to,
                score=min(99, max(score for score, _ in said) + 4 * (len(said) - 1)),
                evidence=tuple(dict.fromkeys(text for _, text in sorted(said, reverse=True))),
                values={**row, "to": to},
            )
            for to, said in found.items()
        ]
        return sorted(made, key=lambda one: (-one.score, one.to))[:MOST]

    def _same(self, found: dict[str, list[tuple[int, str]]], value: str) -> None:
        if value in self.known.codes:
            name = self.known.codes[value]
            found.setdefault(value, []).append((_SAME, f"Procore has {value}{f' {name}' if name else ''} already"))

    def _alike(self, found: dict[str, list[tuple[int, str]]], part: str, value: str) -> None:
        name = self.known.names.get((part, value), "")
        for code, called in self.known.codes.items() if name else ():
            score = _names_alike(name.casefold(), called.casefold()) if called else 0
            if score >= ALIKE:
                text = f"{part} {value} is called {name}, and {code} {called}: names alike"
                found.setdefault(code, []).append((min(score, 94), text))

    def _neighbours(self, found: dict[str, list[tuple[int, str]]], part: str, value: str) -> None:
        """What the values just before and just after it lead to."""
        if self.rule is None or len(self.rule.looks_at()) != 1:
            return
        values = self._values.get(part, [])
        at = bisect_left(values, value)
        below = self._first(part, values[max(0, at - 4) : at][::-1])
        after = at + (1 if at < len(values) and values[at] == value else 0)
        above = self._first(part, values[after : after + 4])
        if below and above and below[1] == above[1]:
            text = f"its neighbours {self._named(part, below[0])} and {self._named(part, above[0])} lead to {below[1]}"
            found.setdefault(below[1], []).append((_BOTH_SIDES, text))
        else:
            for side in (below, above):
                if side and _shared(side[0], value) * 2 >= len(value):
                    text = f"its neighbour {self._named(part, side[0])} leads to {side[1]}"
                    found.setdefault(side[1], []).append((_ONE_SIDE, text))

    def _first(self, part: str, values: Sequence[str]) -> tuple[str, str] | None:
        assert self.rule is not None
        for value in values:
            to = self.rule.target({part: value})
            if to is not None:
                return value, to
        return None

    def _named(self, part: str, value: str) -> str:
        name = self.known.names.get((part, value), "")
        return f"{value} ({name})" if name else value

    def _rows(self, found: dict[str, list[tuple[int, str]]], part: str, value: str) -> None:
        """The row whose pattern shares the longest beginning with it."""
        best: tuple[int, int, Row] | None = None
        for number, row in enumerate(self.rule.rows if self.rule else (), 1):
            pattern = dict(row.when).get(part, "")
            shared = _shared(pattern.partition("*")[0].partition("?")[0], value)
            if row.to and shared >= max(2, (len(value) + 1) // 2) and (best is None or shared > best[0]):
                best = (shared, number, row)
        if best:
            text = f"row {best[1]} ({row_text(best[2])}) begins like {value}"
            found.setdefault(best[2].to, []).append((_ROW, text))


def _names_alike(one: str, other: str) -> int:
    """How alike two names are, from 0 to 100; words spelled nearly alike, as labour and labor, are the same word."""
    words = other.split()
    near = [next((word for word in words if fuzz.ratio(mine, word) >= _SPELLED), mine) for mine in one.split()]
    return round(fuzz.token_set_ratio(" ".join(near), other))


def _shared(one: str, other: str) -> int:
    """How many letters two texts begin with together."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _plain(value: str) -> str:
    """A value as a pattern that fits it alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in value)
