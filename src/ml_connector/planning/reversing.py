"""The way back: from a Procore budget code to the one IFS code string and activity it can stand for, or to a reason.

The mapping is turned round: every existing, valid code part value that its rules allow is tried, and what comes out
must be one code string that leads to the same budget code again. Two, or none, is a refusal, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from fnmatch import fnmatchcase
from itertools import combinations, islice, product

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.planning.chart import Chart
from ml_connector.planning.mapping import ACTIVITY_PARTS, Mapper, ReverseRow, SegmentRule
from ml_connector.planning.plan import HoldReason
from ml_connector.records.accounting import Book
from ml_connector.records.dimension import Activity

Codes = tuple[tuple[str, str], ...]
Allowed = dict[str, frozenset[str]]
"""Values by part; a part that is absent may have any value or none."""

_TRIALS = 20_000
"""Most code strings tried for one budget code; beyond them it is called ambiguous."""
_SHOWN = 5
_EMPTY = frozenset({""})


class Back(msgspec.Struct, frozen=True):
    """The one code string (filled parts, in the order of their letters) and activity; empty where there is none."""

    codes: Codes
    activity: str = ""


class Stuck(msgspec.Struct, frozen=True):
    """Why there is no way back, as a hold would say it."""

    sentence: str
    waits_for: Key
    owner: str = "cost engineer"
    candidates: tuple[str, ...] = ()
    reason: HoldReason = HoldReason.CODE_AMBIGUOUS


class _TooMany(Exception):
    """Ends the search: so many code strings are possible that the budget code says too little."""


class WayBack:
    """A mapping turned round over what exists in IFS; remembers its answers."""

    def __init__(self, mapper: Mapper, chart: Chart, book: Book) -> None:
        self.mapper = mapper
        self.chart = chart
        self.book = book
        self.project_part = next((one.part for one in book.parts.values() if one.function == "PRACC"), "")
        rules = (mapper.mapping.cost_code, mapper.mapping.cost_type)
        looked = {part for rule in rules for part in rule.looks_at()}
        self._uses_activity = not looked.isdisjoint(ACTIVITY_PARTS)
        self._activities: dict[str, list[Activity]] = {}
        for activity in chart.activities.values():
            self._activities.setdefault(activity.project, []).append(activity)
        self._values: dict[tuple[str, date], frozenset[str]] = {}
        self._answers: dict[tuple[str, str, date], Back | Stuck] = {}

    def find(self, project: str, flat: str, on: date) -> Back | Stuck:
        """What a budget code (`03-310.M`) of an IFS project stands for on a day."""
        key = (project, flat, on)
        if key not in self._answers:
            self._answers[key] = self._find(project, flat, on)
        return self._answers[key]

    def _find(self, project: str, flat: str, on: date) -> Back | Stuck:
        cost_code, _, cost_type = flat.rpartition(".")
        waits_for = Key("mapping", f"reverse {flat} of project {project}")
        looked = {"cost_code": cost_code, "cost_type": cost_type, "project": project}
        row = next((one for one in self.mapper.mapping.reverse if one.matches(looked)), ReverseRow(()))
        given = {part: frozenset({value}) for part, value in row.codes}
        if self.project_part:
            given.setdefault(self.project_part, frozenset({project}))
        try:
            found = list(islice(self._tried((project, flat, on), given, row.activity), _SHOWN + 1))
        except _TooMany:
            return Stuck(f"Budget code {flat} of project {project} may be too many code strings.{_NAMED}", waits_for)
        codes = list(dict.fromkeys(codes for codes, _ in found))
        if not found:
            return Stuck(
                f"No code string valid in IFS on {on} leads to budget code {flat} of project {project}.{_NAMED}",
                waits_for,
            )
        if len(codes) > 1:
            shown = tuple(_shown(one) for one in codes[:_SHOWN])
            return Stuck(
                f"Budget code {flat} of project {project} may be {' or '.join(shown[:3])} in IFS.{_NAMED}",
                waits_for,
                candidates=shown,
            )
        return self._with_activity(codes[0], [activity for _, activity in found], (project, flat), waits_for)

    def _with_activity(
        self, codes: Codes, activities: list[Activity | None], place: tuple[str, str], waits_for: Key
    ) -> Back | Stuck:
        project, flat = place
        known = {one.id: one for one in activities if one is not None}
        if len(known) > 1:
            shown = tuple(sorted(f"{one.sub_project} {one.number}".strip() for one in known.values()))
            return Stuck(
                f"Budget code {flat} of project {project} may go to activity {' or '.join(shown[:3])}.{_NAMED}",
                waits_for,
                candidates=shown[:_SHOWN],
            )
        if known:
            return Back(codes, next(iter(known)))
        if self._activities.get(project) and self._followed(codes):
            return Stuck(
                f"Project {project} has no activity open for posting that budget code {flat} could go to.",
                Key("activity", f"of project {project}"),
                "project manager",
                reason=HoldReason.ACTIVITY_CLOSED,
            )
        return Back(codes)

    def _followed(self, codes: Codes) -> bool:
        account = self.book.accounts.get(dict(codes).get("A", ""))
        return account is None or account.follow_up

    def _tried(
        self, place: tuple[str, str, date], given: Allowed, number: str
    ) -> Iterator[tuple[Codes, Activity | None]]:
        """Every code string and activity that leads to the budget code; several with the same codes for activities."""
        project, flat, on = place
        mapping = self.mapper.mapping
        cost_code, _, cost_type = flat.rpartition(".")
        left = _TRIALS
        seen: set[tuple[Codes, str]] = set()
        for one, other in product(
            self._alternatives(mapping.cost_code, cost_code, on), self._alternatives(mapping.cost_type, cost_type, on)
        ):
            allowed = _both(_both(one, other), given)
            allowed.setdefault("A", self._existing("A", on))
            parts = sorted(part for part in allowed if part not in ACTIVITY_PARTS)
            for values in product(*(sorted(allowed[part]) for part in parts)):
                left -= 1
                if left < 0:
                    raise _TooMany
                codes = tuple((part, value) for part, value in zip(parts, values, strict=True) if value)
                if not self._uses_activity and self.mapper.target(codes).flat != flat:
                    continue
                for activity in self._activities_for(project, codes, number):
                    number_of, sub_project = (activity.number, activity.sub_project) if activity else ("", "")
                    mark = (codes, activity.id if activity else "")
                    if mark not in seen and self.mapper.target(codes, number_of, sub_project).flat == flat:
                        seen.add(mark)
                        yield codes, activity

    def _activities_for(self, project: str, codes: Codes, number: str) -> list[Activity | None]:
        """Activities a posting of these codes may go to; one None when it can or must go without."""
        if not self._followed(codes):
            return [None]
        known = self._activities.get(project, [])
        open_ones: list[Activity | None] = [
            one for one in known if one.postable and (not number or one.number == number)
        ]
        # without an open activity the code string is still looked for, so that what is missing is said
        return open_ones or [None]

    def _alternatives(self, rule: SegmentRule, target: str, on: date) -> list[Allowed]:
        """The sets of values with which a rule may lead to a code; what an earlier row takes is sorted out later.

        A part the rule has and a row leaves open may be anything there. Activities are tried, not looked up.
        """
        found: list[Allowed] = []
        for row in rule.rows:
            if row.to == target:
                patterns = {**dict.fromkeys(rule.parts, "*"), **dict(row.when)}
                open_parts = {part: pattern for part, pattern in patterns.items() if part not in ACTIVITY_PARTS}
                found.append({part: self._matching(part, pattern, on) for part, pattern in open_parts.items()})
        if rule.otherwise == "same":
            for pieces in _split(target, rule.join, len(rule.parts)):
                named = [one for one in zip(rule.parts, pieces, strict=True) if one[0] not in ACTIVITY_PARTS]
                found.append({part: self._existing(part, on) & {piece} for part, piece in named})
        return found

    def _matching(self, part: str, pattern: str, on: date) -> frozenset[str]:
        values = self._existing(part, on) | (_EMPTY if part != "A" else frozenset())
        return frozenset(value for value in values if fnmatchcase(value, pattern))

    def _existing(self, part: str, on: date) -> frozenset[str]:
        """Values of a part that exist, are valid on the day and may be posted to."""
        key = (part, on)
        if key not in self._values:
            self._values[key] = frozenset(self._usable(part, on))
        return self._values[key]

    def _usable(self, part: str, on: date) -> Iterator[str]:
        if part == self.project_part:
            yield from self._activities
        for dimension in self.chart.dimensions.values():
            if dimension.part == part and dimension.valid_from <= on <= dimension.valid_until:
                account = self.book.accounts.get(dimension.value) if part == "A" else None
                unfit = account is not None and (account.budget_only or account.ledger)
                if not unfit and (part, dimension.value) not in self.book.budget_values:
                    yield dimension.value


_NAMED = " A row of [[mapping.reverse.row]] can say which."


def back(mapper: Mapper, coding: tuple[Chart, Book], place: tuple[str, str], on: date) -> Back | Stuck:
    """What (IFS project, flat budget code) stands for on a day; for many questions make one `WayBack`."""
    return WayBack(mapper, *coding).find(*place, on)


def _both(one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> Allowed:
    """What both allow."""
    return {
        part: one[part] & other[part] if part in one and part in other else one.get(part, other.get(part, _EMPTY))
        for part in (*one, *(part for part in other if part not in one))
    }


def _split(text: str, join: str, pieces: int) -> Iterator[tuple[str, ...]]:
    """Every way to cut a text into that many filled pieces at the joining text (anywhere when that is empty)."""
    if pieces == 1:
        yield (text,)
        return
    width = len(join)
    cuts = [at for at in range(1, len(text)) if text.startswith(join, at)]
    for chosen in combinations(cuts, pieces - 1):
        starts = [0, *(at + width for at in chosen)]
        found = tuple(text[start:end] for start, end in zip(starts, [*chosen, len(text)], strict=True))
        if all(found) and join.join(found) == text:
            yield found


def _shown(codes: Codes) -> str:
    return " ".join(f"{part}={value}" for part, value in codes)
