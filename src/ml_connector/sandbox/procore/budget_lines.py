"""Budget lines of a project, one per WBS code, and what commitments make of them (facts/procore.md 12)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.sandbox.procore.state import ZERO, BudgetLine, Line, Project, State, cents, number
from ml_connector.sandbox.procore.sync import Row, RowRefused

RESOURCE = "Budget Line Items"
"""Their name in webhooks."""
_COMMITTED = ("Partially Received", "Approved", "Complete")
"""Of subcontracts only Approved is in the facts; that a Complete one stays committed is inferred."""
_PENDING = ("Processing", "Received")
_PENDING_CHANGE = ("pending", "pricing", "revised")
LOCKED = "The original_budget_amount cannot be updated for a locked budget."
DUPLICATE = "This Budget Code already exists"


def ensure(state: State, project: Project, wbs_id: int) -> None:
    """A zero budget line for an unbudgeted code, marked as automatic."""
    if wbs_id not in project.budget_by_wbs:
        add(state, project, wbs_id, ZERO, {"calculation_strategy": "automatic"}, automatic=True)


def add(
    state: State, project: Project, wbs_id: int, amount: Decimal, fields: dict[str, Any], *, automatic: bool = False
) -> BudgetLine:
    """A budget line for a code that has none; money in the project's currency."""
    line = BudgetLine(state.new_id(), fields, *state.birth())
    line.project_id, line.wbs, line.amount, line.automatic = project.id, wbs_id, amount, automatic
    project.budget[line.id] = line
    project.budget_by_wbs[wbs_id] = line.id
    state.rendered_codes.pop(project.wbs[wbs_id].cost_code, None)
    state.note("create", RESOURCE, line.id, project.id)
    return line


def create(state: State, project: Project, wbs_id: int | None, row: Row) -> BudgetLine:
    """A budget line somebody asks for; an automatic zero line of the code is taken over. Raises RowRefused."""
    if wbs_id is None or wbs_id not in project.wbs:
        raise RowRefused({"wbs_code_id": ["is not a WBS code of the project"]})
    known = project.budget_by_wbs.get(wbs_id)
    if known is not None and not project.budget[known].automatic:
        raise RowRefused({"wbs_code_id": [DUPLICATE]})
    fields, amount = read(state, row, None)
    if project.budget_locked and amount:
        raise RowRefused({"original_budget_amount": [LOCKED]})
    if known is None:
        return add(state, project, wbs_id, amount, fields)
    line = project.budget[known]
    line.fields.update(fields)
    line.amount, line.automatic, line.updated_at = amount, False, state.stamp()
    state.note("update", RESOURCE, line.id, project.id)
    return line


def change(state: State, project: Project, line: BudgetLine, row: Row) -> None:
    """Writes a row over a budget line. Raises RowRefused when the budget is locked and the amount would change."""
    wbs_id = row.get("wbs_code_id", line.wbs)
    if wbs_id not in project.wbs:
        raise RowRefused({"wbs_code_id": ["is not a WBS code of the project"]})
    if project.budget_by_wbs.get(wbs_id, line.id) != line.id:
        raise RowRefused({"wbs_code_id": [DUPLICATE]})
    fields, amount = read(state, row, line)
    if project.budget_locked and amount != line.amount:
        raise RowRefused({"original_budget_amount": [LOCKED]})
    if wbs_id != line.wbs:
        del project.budget_by_wbs[line.wbs]
        project.budget_by_wbs[wbs_id] = line.id
        line.wbs = wbs_id
        state.rendered_codes.clear()
    line.fields.update(fields)
    line.amount, line.updated_at = amount, state.stamp()
    line.automatic = line.automatic and not amount
    state.note("update", RESOURCE, line.id, project.id)


def remove(state: State, project: Project, line: BudgetLine) -> None:
    """Deletes a budget line. Raises RowRefused when the budget is locked or a commitment uses the code."""
    if project.budget_locked:
        raise RowRefused({"base": ["budget lines cannot be deleted while the budget is locked"]})
    if any(x.wbs == line.wbs for order in project.contracts.values() for x in order.lines.values()):
        raise RowRefused({"base": ["the code is used by a commitment"]})
    if any(x.wbs == line.wbs for cost in project.direct_costs.values() for x in cost.lines.values()):
        raise RowRefused({"base": ["the code is used by a direct cost"]})
    if any(x.wbs == line.wbs for change in project.budget_changes.values() for x in change.lines.values()):
        raise RowRefused({"base": ["the code is used by a budget change"]})
    state.note("delete", RESOURCE, line.id, project.id)
    del project.budget[line.id], project.budget_by_wbs[line.wbs]
    state.rendered_codes.clear()


def read(state: State, row: Row, line: BudgetLine | None) -> tuple[dict[str, Any], Decimal]:
    """What a row would make of a line: its other fields and its amount. Raises RowRefused for an unknown unit."""
    fields = {name: row[name] for name in ("uom", "calculation_strategy") if name in row}
    if fields.get("uom") and fields["uom"] not in state.uoms:
        raise RowRefused({"uom": ["is not in the company's list of units of measure"]})
    for name in ("quantity", "unit_cost"):
        if name in row:
            fields[name] = number(row[name])
    kept = line.fields if line else {}
    merged = {**kept, **fields}
    amount = number(row.get("original_budget_amount"))
    fields["calculation_strategy"] = merged.get("calculation_strategy") or "manual"
    quantity, cost = merged.get("quantity"), merged.get("unit_cost")
    if fields["calculation_strategy"] == "automatic" and quantity is not None and cost is not None:
        return fields, cents(quantity * cost)
    return fields, cents(amount) if amount is not None else (line.amount if line else ZERO)


@dataclass(slots=True)
class Costs:
    """What weighs on one budget code, in the project's currency: commitments with their change orders, direct costs
    (any status but draft), and budget changes, approved and under review."""

    committed: Decimal = ZERO
    pending: Decimal = ZERO
    direct: Decimal = ZERO
    changes: Decimal = ZERO
    pending_changes: Decimal = ZERO


def costs_by_code(project: Project) -> dict[int, Costs]:
    """Costs per WBS code: by status of contract, change order, direct cost and budget change."""
    found: dict[int, Costs] = {}
    for cost in project.direct_costs.values():
        _weigh(found, cost.lines.values(), "direct" if cost.fields["status"] != "draft" else None)
    for change in project.budget_changes.values():
        columns = {"approved": "changes", "under_review": "pending_changes"}
        _weigh(found, change.lines.values(), columns.get(change.fields["status"]))
    for order in project.contracts.values():
        status = order.fields["status"]
        column = "committed" if status in _COMMITTED else "pending" if status in _PENDING else None
        _weigh(found, order.lines.values(), column)
    for change_order in project.change_orders.values():
        status = change_order.fields["status"]
        column = "committed" if status == "approved" else "pending" if status in _PENDING_CHANGE else None
        _weigh(found, change_order.lines.values(), column)
    return found


def _weigh(found: dict[int, Costs], lines: Iterable[Line], column: str | None) -> None:
    if column is None:
        return
    for line in lines:
        if line.wbs is not None:
            costs = found.setdefault(line.wbs, Costs())
            setattr(costs, column, getattr(costs, column) + line.amount)


def exact(value: Decimal | None) -> msgspec.Raw | None:
    """A JSON number with the decimal's own digits; budget lines of v1 use numbers (facts/procore.md, trap 5)."""
    return None if value is None else msgspec.Raw(f"{value:f}".encode())
