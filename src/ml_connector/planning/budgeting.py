"""From an IFS project estimate to the budget it should be in Procore, and how Procore's budget differs from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from ml_connector.kernel.money import rounded
from ml_connector.planning.chart import Chart
from ml_connector.planning.mapping import CodeMapping, looked_at
from ml_connector.planning.mapping_words import part_name
from ml_connector.records.budget import Budget, BudgetEstimate
from ml_connector.records.cost_code import flat_code

ZERO = Decimal(0)
Amounts = dict[str, Decimal]
"""Flat code to amount, in the project's currency."""


class Place(msgspec.Struct, frozen=True):
    """Where one estimate row goes: both halves of a budget code, or the segment that has no row for its values."""

    cost_code: str = ""
    cost_type: str = ""
    missing: str = ""
    """`budget_code element=M activity=100`: the rule, and the values that found nothing."""

    @property
    def flat(self) -> str:
        """`03-310.M`."""
        return flat_code(self.cost_code, self.cost_type)


def missing_tables(mapping: CodeMapping) -> list[str]:
    """Names of the budget tables a mapping has not; nothing can be placed without both."""
    return [name for name in ("budget_code", "budget_type") if getattr(mapping, name) is None]


def stay_out(mapping: CodeMapping, owner: str) -> str:
    """Why no budget crosses by a mapping, in a sentence; empty where one may, and where Procore's own is left alone.

    `owner` is policy `budgets.owner`.
    """
    missing = [f"no {part_name(name)}s" for name in missing_tables(mapping)] if owner == "erp" else []
    if not missing:
        return ""
    said = f"No budget crosses: the mapping has {' and '.join(missing)}, which say where an estimate's cost elements "
    return f"{said}go."


class Placing:
    """Places estimate rows by the two budget rules of a mapping; rows of one element and activity go one way."""

    def __init__(self, mapping: CodeMapping, chart: Chart) -> None:
        self._rules = (("budget_code", mapping.budget_code), ("budget_type", mapping.budget_type))
        self._missing = missing_tables(mapping)
        self._chart = chart
        self._known: dict[tuple[str, str], Place] = {}

    @property
    def missing_rules(self) -> list[str]:
        """Names of the mapping's sections that are not there; nothing can be placed without both."""
        return self._missing

    def place(self, row: BudgetEstimate) -> Place:
        """Where the row goes."""
        known = self._known.get((row.element, row.activity))
        if known is None:
            known = self._known[(row.element, row.activity)] = self._find(row)
        return known

    def _find(self, row: BudgetEstimate) -> Place:
        number, sub_project = self._chart.looked_at(row.activity)
        values = {"element": row.element, "activity": number, "sub_project": sub_project}
        codes = []
        for name, rule in self._rules:
            code = rule.target(values) if rule else None
            if code is None:
                return Place(missing=f"{name} {looked_at(rule, values) if rule else ''}")
            codes.append(code)
        return Place(*codes)


def summed(rows: Iterable[BudgetEstimate], placing: Placing, currency: str) -> Amounts:
    """Placed rows summed by flat code and rounded to the currency; what rounding leaves goes to the largest line, so
    that the lines come to the rounded total of the rows."""
    sums: Amounts = {}
    for row in rows:
        flat = placing.place(row).flat
        sums[flat] = sums.get(flat, ZERO) + row.amount
    made = {flat: rounded(amount, currency) for flat, amount in sums.items()}
    left = rounded(sum(sums.values(), ZERO), currency) - sum(made.values(), ZERO)
    if left:
        made[max(made, key=lambda flat: (abs(made[flat]), flat))] += left
    return made


class Standing(msgspec.Struct, frozen=True):
    """A Procore budget as it counts: original amounts, and those with the approved changes where these count."""

    original: Amounts
    now: Amounts
    ids: Mapping[str, str]
    """Flat code to Procore's id of its line."""


def standing(theirs: Budget, *, amended: bool) -> Standing:
    """How a budget stands. Approved changes count once it was `amended`: locked, or changed by us while it was."""
    original: Amounts = {}
    for line in theirs.lines:
        original[line.flat] = original.get(line.flat, ZERO) + line.amount
    now = dict(original)
    for line in theirs.changes if amended else ():
        now[line.flat] = now.get(line.flat, ZERO) + line.amount
    return Standing(original, now, {line.flat: line.id for line in theirs.lines if line.id})


class Difference(msgspec.Struct, frozen=True):
    """Flat codes by what is to be done about them."""

    write: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    """Changed in Procore only, although IFS owns them."""
    conflicts: tuple[str, ...] = ()
    """Changed on both sides since they last agreed."""


def compare(ours: Amounts, now: Amounts, base: Amounts | None) -> Difference:
    """Three-way comparison of our codes; without a base nothing was agreed yet, so ours is simply to be written."""
    write, drift, conflicts = list[str](), list[str](), list[str]()
    for flat in sorted(ours):
        amount, there = ours[flat], now.get(flat, ZERO)
        if amount == there:
            continue
        agreed = there if base is None else base.get(flat, ZERO)
        if there == agreed:
            write.append(flat)
        elif amount == agreed:
            drift.append(flat)
        else:
            conflicts.append(flat)
    return Difference(tuple(write), tuple(drift), tuple(conflicts))
