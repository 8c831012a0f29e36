"""The customer's tables and rules: which code string makes which cost code, and which cost type.

A segment rule takes the values of some code parts, joins them, and answers with the first row whose patterns all
match; `otherwise` says what happens when none does. Total by construction: every code string gets a code or a reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import combinations

import msgspec

from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.keys import content_hash
from ml_connector.records.cost_code import flat_code

ACTIVITY_PARTS = ("activity", "sub_project")
"""Names besides the code part letters A to J that a rule may use: the project activity's number, its sub-project."""

PARTS = (*"ABCDEFGHIJ", *ACTIVITY_PARTS)
"""Everything a rule may look at."""

BUDGET_PARTS = ("element", *ACTIVITY_PARTS)
"""Everything a rule about budgets may look at: IFS's cost element, the activity's number, its sub-project."""

REVERSE_PARTS = ("cost_code", "cost_type", "project")
"""Everything a row of the way back may look at: the two halves of a budget code, the IFS project."""

_WILD = re.compile(r"[*?\[]")


@lru_cache(maxsize=16_384)
def _fits(value: str, pattern: str) -> bool:
    """Whether a value fits a pattern; a run asks the same of the same few accounts and codes again and again."""
    return fnmatchcase(value, pattern)


class Patterns(msgspec.Struct, frozen=True):
    """What a row looks for: patterns per part, `*` and `?` as in file names."""

    when: tuple[tuple[str, str], ...]

    def matches(self, values: Mapping[str, str]) -> bool:
        """Whether every pattern fits the value of its part (a missing value is the empty text)."""
        for part, pattern in self.when:  # noqa: SIM110 - asked thousands of times a run
            if not _fits(values.get(part, ""), pattern):
                return False
        return True


class Row(Patterns, frozen=True):
    """One row: patterns and the code they lead to."""

    to: str


class SegmentRule(msgspec.Struct, frozen=True):
    """How one segment (cost code, or cost type) is made from a code string."""

    parts: tuple[str, ...]
    join: str = "-"
    otherwise: str = "refuse"
    """`same`: the joined values are the code. `refuse`: no row, no code, the record is held."""
    rows: tuple[Row, ...] = ()

    def looks_at(self) -> tuple[str, ...]:
        """Every part that decides, by itself or in a row, each once."""
        return tuple(dict.fromkeys([*self.parts, *(part for row in self.rows for part, _ in row.when)]))

    def target(self, values: Mapping[str, str]) -> str | None:
        """The code these values lead to, or None when the rule refuses."""
        for row in self.rows:
            if row.matches(values):
                return row.to or None
        if self.otherwise == "same":
            joined = self.join.join(values.get(part, "") for part in self.parts)
            return joined if all(values.get(part) for part in self.parts) else None
        return None


class ReverseRow(Patterns, frozen=True):
    """One row of the way back: patterns over the budget code, and the code part values and activity they lead to.

    What a row leaves out is found by turning the mapping round.
    """

    codes: tuple[tuple[str, str], ...] = ()
    """Code part letter and value."""
    activity: str = ""
    """Number of the project activity."""


class CodeMapping(msgspec.Struct, frozen=True):
    """The whole mapping of a connection."""

    cost_code: SegmentRule
    cost_type: SegmentRule
    budget_code: SegmentRule | None = None
    """Cost code of a row of IFS's project estimate, from its cost element and activity."""
    budget_type: SegmentRule | None = None
    """Cost type of the same."""
    reverse: tuple[ReverseRow, ...] = ()
    """From a Procore budget code back to a code string; the first row whose patterns fit."""

    def version(self) -> str:
        """A short name that changes when any rule changes (hex)."""
        return content_hash(msgspec.json.encode(self, order="deterministic")).hex()[:12]


DEFAULT = CodeMapping(
    cost_code=SegmentRule(parts=("B",), otherwise="same"),
    cost_type=SegmentRule(parts=("A",), otherwise="refuse"),
)
"""Code part B is the cost code as it stands; every account must be given a cost type."""


class Target(msgspec.Struct, frozen=True):
    """Where a code string leads; exactly one of (both codes) or (`missing`) is filled."""

    cost_code: str = ""
    cost_type: str = ""
    missing: str = ""
    """`cost_code` or `cost_type`: the segment that has no row for these values."""
    looked_at: str = ""
    """The values that found nothing, readable: `A=1910`."""

    @property
    def flat(self) -> str:
        """`03-310.M`."""
        return flat_code(self.cost_code, self.cost_type)


class Mapper:
    """Answers for a mapping, remembering answers already given: code strings repeat a lot within a run."""

    def __init__(self, mapping: CodeMapping) -> None:
        self.mapping = mapping
        self._target = lru_cache(maxsize=65_536)(self._find)

    def target(self, codes: tuple[tuple[str, str], ...], activity: str = "", sub_project: str = "") -> Target:
        """Where this code string leads."""
        uses = self.mapping.cost_code.parts + self.mapping.cost_type.parts
        if not any(part in ACTIVITY_PARTS for part in uses):
            activity = sub_project = ""
        return self._target(codes, activity, sub_project)

    def _find(self, codes: tuple[tuple[str, str], ...], activity: str, sub_project: str) -> Target:
        values = dict(codes, activity=activity, sub_project=sub_project)
        cost_code = self.mapping.cost_code.target(values)
        if cost_code is None:
            return Target(missing="cost_code", looked_at=looked_at(self.mapping.cost_code, values))
        cost_type = self.mapping.cost_type.target(values)
        if cost_type is None:
            return Target(missing="cost_type", looked_at=looked_at(self.mapping.cost_type, values))
        return Target(cost_code=cost_code, cost_type=cost_type)


def looked_at(rule: SegmentRule, values: Mapping[str, str]) -> str:
    """What a rule looked at, as people read it: `A=4110 B=(empty)`."""
    return " ".join(f"{part}={values.get(part) or '(empty)'}" for part in rule.looks_at())


def mapping_from(data: Mapping[str, object], where: str = "mapping") -> CodeMapping:
    """A mapping from its TOML form (parts, join, otherwise, rows of each segment); BadInput says what is off."""
    unknown = set(data) - set(SECTIONS)
    if unknown:
        raise BadInput(f"[{where}] has no section {sorted(unknown)[0]!r}: only {', '.join(SECTIONS)}.")
    return CodeMapping(
        cost_code=_rule_from(data.get("cost_code"), f"{where}.cost_code") or DEFAULT.cost_code,
        cost_type=_rule_from(data.get("cost_type"), f"{where}.cost_type") or DEFAULT.cost_type,
        budget_code=_rule_from(data.get("budget_code"), f"{where}.budget_code", BUDGET_PARTS),
        budget_type=_rule_from(data.get("budget_type"), f"{where}.budget_type", BUDGET_PARTS),
        reverse=_reverse_from(data.get("reverse"), f"{where}.reverse"),
    )


SECTIONS = ("cost_code", "cost_type", "budget_code", "budget_type", "reverse")
"""Tables a mapping may have."""


def _reverse_from(data: object, where: str) -> tuple[ReverseRow, ...]:
    if data is None:
        return ()
    rows = data.get("row") if isinstance(data, Mapping) and set(data) == {"row"} else None
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise BadInput(f"[[{where}.row]] must be a list of rows, and [{where}] holds nothing else.")
    found = []
    for number, row in enumerate(rows, 1):
        parts = row.items() if isinstance(row, Mapping) else ()
        texts = {str(k): str(v) for k, v in parts if isinstance(v, (str, int)) and not isinstance(v, bool)}
        when = tuple((k, v) for k, v in texts.items() if k in REVERSE_PARTS)
        codes = tuple(sorted((k, v) for k, v in texts.items() if k in "ABCDEFGHIJ"))
        if not when or len(texts) != len(parts) or len(when) + len(codes) + ("activity" in texts) != len(texts):
            raise BadInput(
                f"[[{where}.row]] number {number} cannot be used: it takes cost_code, cost_type or project to look at, "
                "and code parts A to J and activity to lead to."
            )
        found.append(ReverseRow(when, codes, texts.get("activity", "")))
    return tuple(found)


def _rule_from(data: object, where: str, known: Sequence[str] = PARTS) -> SegmentRule | None:
    if data is None:
        return None
    if not isinstance(data, Mapping):
        raise BadInput(f"[{where}] must be a table with parts, join, otherwise and rows.")
    unknown = set(data) - {"parts", "join", "otherwise", "row"}
    if unknown:
        raise BadInput(f"[{where}] does not know {sorted(unknown)[0]!r}; it takes parts, join, otherwise and row.")
    parts = data.get("parts", [])
    if not isinstance(parts, Sequence) or isinstance(parts, str) or not parts or any(p not in known for p in parts):
        raise BadInput(f"[{where}] parts must name {_named(known)}.")
    otherwise = data.get("otherwise", "refuse")
    if otherwise not in ("same", "refuse"):
        raise BadInput(f'[{where}] otherwise must be "same" or "refuse", not {otherwise!r}.')
    rows = data.get("row", [])
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise BadInput(f"[[{where}.row]] must be a list of rows.")
    return SegmentRule(
        parts=tuple(str(p) for p in parts),
        join=str(data.get("join", "-")),
        otherwise=str(otherwise),
        rows=tuple(_row_from(row, (f"{where}.row", number), known) for number, row in enumerate(rows, 1)),
    )


def _named(known: Sequence[str]) -> str:
    return 'code parts A to J, activity or sub_project, such as ["B"]' if known is PARTS else ", ".join(known)


def _row_from(data: object, place: tuple[str, int], known: Sequence[str]) -> Row:
    where, number = place
    if not isinstance(data, Mapping) or "to" not in data:
        raise BadInput(f"[[{where}]] number {number} needs a `to` and at least one code part.")
    when = tuple((str(k), str(v)) for k, v in data.items() if k != "to")
    if not when or any(part not in known for part, _ in when):
        what = "no code part (A to J, activity, sub_project)" if known is PARTS else f"none of {', '.join(known)}"
        raise BadInput(f"[[{where}]] number {number} names something that is {what}.")
    if any(isinstance(value, bool) or not isinstance(value, (str, int)) for value in data.values()):
        raise BadInput(f"[[{where}]] number {number} holds something that is no code; write it in quotation marks.")
    return Row(when=when, to=str(data["to"]))


def mapping_to(mapping: CodeMapping) -> dict[str, object]:
    """The TOML form of a mapping, the inverse of `mapping_from`."""
    rules = {name: getattr(mapping, name) for name in SECTIONS[:4]}
    form: dict[str, object] = {name: _rule_to(rule) for name, rule in rules.items() if rule is not None}
    if mapping.reverse:
        rows = [{**dict(row.when), **dict(row.codes), "activity": row.activity} for row in mapping.reverse]
        form["reverse"] = {"row": [{key: value for key, value in row.items() if value} for row in rows]}
    return form


def _rule_to(rule: SegmentRule) -> dict[str, object]:
    form: dict[str, object] = {"parts": list(rule.parts), "join": rule.join, "otherwise": rule.otherwise}
    if rule.rows:
        form["row"] = [{**dict(row.when), "to": row.to} for row in rule.rows]
    return form


def shadowed(rule: SegmentRule) -> list[str]:
    """Rows that can never be reached because an earlier row takes all they would; one sentence each."""
    return [f"row {number} is never reached: row {before} {why}" for number, before, why in shadowed_rows(rule.rows)]


def shadowed_rows(rows: Sequence[Patterns]) -> list[tuple[int, int, str]]:
    """Rows that can never be reached: their number, that of the row that takes all they would, and why it does."""
    found = []
    plain: dict[_When, int] = {}
    broad: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(rows, 1):
        mine = tuple(sorted(row.when))
        above = [plain[part] for part in _within(mine) if part in plain]
        near = sorted(number for start in _starts(mine) for number in broad.get(start, ()))
        above += next(([before] for before in near if _covers(rows[before - 1], row)), [])
        if above:
            same = tuple(sorted(rows[min(above) - 1].when)) == mine
            found.append((number, min(above), "has the same patterns" if same else "covers its patterns"))
        if any(letter in pattern for _, pattern in mine for letter in "*?["):
            starts = ((part, _WILD.split(pattern, maxsplit=1)[0]) for part, pattern in mine)
            broad.setdefault(next((one for one in starts if one[1]), ("", "")), []).append(number)
        else:
            plain.setdefault(mine, number)
    return found


_When = tuple[tuple[str, str], ...]


def _within(when: _When) -> Iterator[_When]:
    """Every part of some patterns: an earlier row without wildcards takes all of a row exactly when it is one."""
    for size in range(1, len(when) + 1):
        yield from combinations(when, size)


def _starts(when: _When) -> Iterator[tuple[str, str]]:
    """How rows with wildcards that take all of this one may begin, by part; empty for those that begin with one."""
    yield "", ""
    for part, pattern in when:
        for length in range(1, len(pattern) + 1):
            yield part, pattern[:length]


def _covers(earlier: Patterns, later: Patterns) -> bool:
    patterns = dict(later.when)
    # a character no code has stands for what `?` and `*` may be; three lengths tell `*` from any number of `?`
    trials = [
        {part: pattern.replace("?", "\0").replace("*", filled) for part, pattern in patterns.items()}
        for filled in ("", "\0", "\0\0\0")
    ]
    anything = [dict.fromkeys((part for part, _ in earlier.when), filled) for filled in ("", "\0", "\0\0\0")]
    return all(earlier.matches({**free, **trial}) for free, trial in zip(anything, trials, strict=True))
