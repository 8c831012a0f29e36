"""Budget changes: what moves a locked budget, and counts once it is approved (facts/procore.md 12)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from ml_connector.sandbox.procore import budget_lines, wbs
from ml_connector.sandbox.procore.budget_lines import exact
from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.errors import Refused
from ml_connector.sandbox.procore.paging import paged, pick
from ml_connector.sandbox.procore.state import ZERO, BudgetChange, Line, Project, State, cents, merge, number
from ml_connector.sandbox.procore.sync import Row, RowRefused

RESOURCE = "Budget Changes"
STATUSES = ("draft", "under_review", "approved", "void")
_PATH = "/rest/v1.0/projects/{project_id}/budget_changes"
_ADJUSTMENTS = "/rest/v2.0/companies/{company_id}/projects/{project_id}/budget_changes/adjustment_line_items"
_TEXTS = ("description", "comment", "uom", "calculation_strategy", "adjustment_number", "type")


class BudgetChanges:
    """The budget changes of one project."""

    def __init__(self, state: State, project: Project) -> None:
        self.state = state
        self.project = project

    def make(self, row: Row) -> BudgetChange:
        """A new change with its adjustments, all or nothing; its number defaults to the next. Raises RowRefused."""
        values = self._values(row, None)
        made = BudgetChange(self.state.new_id(), {"title": None, "description": None}, *self.state.birth())
        made.project_id = self.project.id
        taken = (c.number for c in self.project.budget_changes.values())
        made.number = values.pop("number", None) or max(taken, default=0) + 1
        made.fields |= values | {"created_by": self.state.user()}
        self._write(made, row.get("adjustment_line_items") or ())
        self.project.budget_changes[made.id] = made
        self.state.note("create", RESOURCE, made.id, self.project.id)
        return made

    def change(self, known: BudgetChange, row: Row) -> None:
        """Writes header and adjustments, all or nothing. Raises RowRefused; the lines of an approved one are frozen."""
        values, rows = self._values(row, known), row.get("adjustment_line_items") or ()
        if rows and known.fields["status"] == "approved" and values.get("status", "approved") == "approved":
            raise RowRefused({"status": ["the lines of an approved budget change are frozen"]})
        self._write(known, rows)
        known.number = values.pop("number", None) or known.number
        merge(self.state, known, values)
        known.updated_at = self.state.stamp()
        self.state.note("update", RESOURCE, known.id, self.project.id)

    def remove(self, known: BudgetChange) -> None:
        """Deletes a change. Raises RowRefused when it is approved."""
        if known.fields["status"] == "approved":
            raise RowRefused({"status": ["an approved budget change cannot be deleted; void it"]})
        del self.project.budget_changes[known.id]
        self.state.note("delete", RESOURCE, known.id, self.project.id)

    def _values(self, row: Row, own: BudgetChange | None) -> dict[str, Any]:
        values = {name: row[name] for name in ("status", "title", "description") if name in row}
        if values.get("status", "draft" if own else None) not in STATUSES:
            raise RowRefused({"status": ["is not included in the list"]})
        given = number(row.get("number"))
        if given is not None:
            if given != int(given) or given < 1:
                raise RowRefused({"number": ["is not a positive whole number"]})
            if any(c.number == given and c is not own for c in self.project.budget_changes.values()):
                raise RowRefused({"number": ["has already been taken"]})
            values["number"] = int(given)
        return values

    def _write(self, known: BudgetChange, rows: Sequence[Row]) -> None:
        plan = [(self._line(known, row), row) for row in rows]
        for line, row in plan:
            self._check(line, row)
        for line, row in plan:
            if line is not None and row.get("_delete"):
                known.lines.pop(line.id, None)
            else:
                self._apply(known, line, row)

    def _line(self, known: BudgetChange, row: Row) -> Line | None:
        if row.get("id") is None:
            return None
        if row["id"] not in known.lines:
            raise RowRefused({"id": ["is not an adjustment of the budget change"]})
        return known.lines[row["id"]]

    def _check(self, line: Line | None, row: Row) -> None:
        code = row.get("wbs_code_id", line.wbs if line else None)
        if code not in self.project.wbs:
            raise RowRefused({"wbs_code_id": ["is not a WBS code of the project"]})
        if row.get("type") == "change_event" or row.get("change_event_line_item_id") is not None:
            raise RowRefused({"type": ["change events are not on"]})
        if row.get("uom") and row["uom"] not in self.state.uoms:
            raise RowRefused({"uom": ["is not in the company's list of units of measure"]})

    def _apply(self, known: BudgetChange, line: Line | None, row: Row) -> None:
        if line is None:
            line = Line(self.state.new_id(), {"type": "budget_change"}, *self.state.birth())
            known.positions += 1
            line.position = known.positions
            known.lines[line.id] = line
        line.fields |= {name: row[name] for name in _TEXTS if name in row}
        line.wbs = row.get("wbs_code_id", line.wbs)
        line.quantity = number(row["quantity"]) if "quantity" in row else line.quantity
        line.unit_cost = number(row["unit_cost"]) if "unit_cost" in row else line.unit_cost
        amount = number(row.get("amount"))
        automatic = line.fields.get("calculation_strategy") == "automatic"
        if automatic and line.quantity is not None and line.unit_cost is not None:
            amount = line.quantity * line.unit_cost
        line.amount = cents(amount) if amount is not None else line.amount
        if line.wbs is not None:
            budget_lines.ensure(self.state, self.project, line.wbs)


def _amount(known: BudgetChange) -> Any:
    return exact(sum((line.amount for line in known.lines.values()), ZERO))


def _currency(call: Call) -> dict[str, Any]:
    return {"currency_iso_code": call.project.fields["currency_iso_code"]}


def _shown(call: Call, known: BudgetChange, shape: dict[str, Any]) -> dict[str, Any]:
    values = known.fields | {
        "id": known.id,
        "number": known.number,
        "amount": _amount(known),
        "erp_status": "not_in_erp" if call.switches.erp_integrated else "not_integrated",
        "adjustment_line_items": [_adjustment(call, known, line) for line in known.lines.values()],
        "currency_configuration": _currency(call),
        "created_at": known.created_at,
        "updated_at": known.updated_at,
    }
    return {name: values.get(name, empty) for name, empty in shape.items()}


def _adjustment(call: Call, known: BudgetChange, line: Line) -> dict[str, Any]:
    values = line.fields | {
        "id": line.id,
        "budget_change_id": known.id,
        "wbs_code": wbs.reference(call.project, line.wbs),
        "created_at": line.created_at,
        "quantity": exact(line.quantity),
        "unit_cost": exact(line.unit_cost),
        "amount": exact(line.amount),
        "currency_configuration": _currency(call),
    }
    return {name: values.get(name) for name in _adjustment_names()}


@cache
def _adjustment_names() -> tuple[str, ...]:
    operation = contract().find("POST", "/rest/v1.0/projects/1/budget_changes")
    data = contract().members((operation.answer(201) if operation else None) or {})["data"]
    return tuple(contract().members(contract().members(data)["adjustment_line_items"]["items"]))


def _list(call: Call) -> Answer:
    shape = contract().blank_of("GET", _PATH)
    return Answer(200, {"data": [_shown(call, c, shape) for c in call.project.budget_changes.values()]})


def _show(call: Call) -> Answer:
    shape = contract().blank_of("GET", f"{_PATH}/{{id}}")
    return Answer(200, {"data": _shown(call, pick(call, call.project.budget_changes), shape)})


def _refuse_quantities(call: Call) -> None:
    if call.body.get("production_quantities"):
        raise Refused(501, {"message": "The sandbox does not model production quantities of budget changes."})


def _create(call: Call) -> Answer:
    _refuse_quantities(call)
    try:
        made = BudgetChanges(call.state, call.project).make(call.body)
    except RowRefused as refused:
        raise call.refuse(400, refused.sentence, ",".join(refused.fields)) from None
    return Answer(201, {"data": _shown(call, made, contract().blank_of("POST", _PATH, status=201))}, changed=True)


def _update(call: Call) -> Answer:
    _refuse_quantities(call)
    known = pick(call, call.project.budget_changes)
    try:
        BudgetChanges(call.state, call.project).change(known, call.body)
    except RowRefused as refused:
        raise call.refuse(422, refused.sentence, ",".join(refused.fields)) from None
    shape = contract().blank_of("PATCH", f"{_PATH}/{{id}}")
    return Answer(200, {"data": _shown(call, known, shape)}, changed=True)


def _delete(call: Call) -> Answer:
    try:
        BudgetChanges(call.state, call.project).remove(pick(call, call.project.budget_changes))
    except RowRefused as refused:
        raise call.refuse(400, refused.sentence, ",".join(refused.fields)) from None
    return Answer(204, changed=True)


def _all_adjustments(call: Call) -> Answer:
    changes = call.project.budget_changes.values()
    owners = {line.id: change for change in changes for line in change.lines.values()}
    page, headers = paged(call, [line for change in changes for line in change.lines.values()])
    return Answer(200, {"data": [_brief(line, owners[line.id]) for line in page]}, headers)


def _brief(line: Line, known: BudgetChange) -> dict[str, Any]:
    return {
        "id": str(line.id),
        "adjustment_number": line.fields.get("adjustment_number"),
        "wbs_code_id": str(line.wbs),
        "amount": exact(line.amount),
        "uom": line.fields.get("uom"),
        "quantity": exact(line.quantity),
        "description": line.fields.get("description"),
        "type": line.fields["type"],
        "budget_change_number": str(known.number),
        "budget_change_status": known.fields["status"],
        "budget_change_name": known.fields["title"],
        "budget_change_id": str(known.id),
    }


ROUTES: tuple[Route, ...] = (
    *routes(
        "budget",
        ("GET", _PATH, _list, "not paged, as there"),
        ("POST", _PATH, _create, "change events and production quantities are refused"),
        ("GET", f"{_PATH}/{{id}}", _show),
        ("PATCH", f"{_PATH}/{{id}}", _update),
        ("DELETE", f"{_PATH}/{{id}}", _delete, "refused once approved"),
    ),
    *routes("budget", ("GET", _ADJUSTMENTS, _all_adjustments), page=10, cap=100),
)
