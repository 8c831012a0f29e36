"""The budget tool: budget lines in three versions, the lock, and the one budget view (facts/procore.md 12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ml_connector.sandbox.procore import budget_lines, cost_codes, wbs
from ml_connector.sandbox.procore.budget_lines import Costs, exact
from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.errors import NO_SUCH_ID, Refused
from ml_connector.sandbox.procore.paging import listed, paged, pick, values
from ml_connector.sandbox.procore.state import ZERO, BudgetLine, money
from ml_connector.sandbox.procore.sync import RowRefused

_V2 = "/rest/v2.0/companies/{company_id}/projects/{project_id}/budget_line_items"
_VIEWS = "/rest/v1.0/budget_views"


def _figures(line: BudgetLine) -> dict[str, Any]:
    fields = line.fields
    return {
        "id": line.id,
        "original_budget_amount": exact(line.amount),
        "uom": fields.get("uom"),
        "quantity": exact(fields.get("quantity")),
        "unit_cost": exact(fields.get("unit_cost")),
        "calculation_strategy": fields["calculation_strategy"],
    }


def _currency(call: Call) -> dict[str, Any]:
    return {"currency_iso_code": call.project.fields["currency_iso_code"]}


def _by_wbs(call: Call, line: BudgetLine) -> dict[str, Any]:
    code = wbs.reference(call.project, line.wbs)
    return _figures(line) | {"wbs_code": code, "currency_configuration": _currency(call)}


def _by_cost_code(call: Call, line: BudgetLine) -> dict[str, Any]:
    project, code = call.project, call.project.wbs[line.wbs]
    cost_code, kind = project.cost_codes[code.cost_code], call.state.cost_types[code.cost_type]
    costs = budget_lines.costs_by_code(project).get(line.wbs, Costs())
    top = cost_codes.path(project, cost_code)[0]
    revised = line.amount + costs.changes
    projected_budget = revised + costs.pending_changes
    projected = costs.committed + costs.direct + costs.pending
    fields = cost_code.fields
    return _figures(line) | {
        "approved_budget_changes": exact(costs.changes),
        "revised_budget": exact(revised),
        "pending_budget_changes": exact(costs.pending_changes),
        "projected_budget": exact(projected_budget),
        "committed_costs": exact(costs.committed),
        "direct_costs": exact(costs.direct),
        "pending_cost_changes": exact(costs.pending),
        "projected_costs": exact(projected),
        "budget_modifications": exact(ZERO),
        "budget_forecast": exact(ZERO),
        "estimated_cost_at_completion": exact(projected),
        "projected_over_under": exact(projected_budget - projected),
        "cost_code": {
            "id": cost_code.id,
            "full_code": cost_code.full_code,
            "name": fields["name"],
            "code": fields["code"],
        },
        "division": {"id": top.id, "name": top.fields["name"], "full_code": top.full_code},
        "line_item_type": {"id": kind.id, "name": kind.fields["name"]},
        "currency_configuration": _currency(call),
    }


def _v2_shown(call: Call, line: BudgetLine) -> dict[str, Any]:
    fields, code = line.fields, call.project.wbs[line.wbs]
    cost = fields.get("unit_cost")
    currency = _currency(call)
    return {
        "id": str(line.id),
        "original_budget_amount": money(line.amount),
        "quantity": exact(fields.get("quantity")),
        "uom": fields.get("uom"),
        "unit_cost": f"{cost:f}" if cost is not None else None,
        "calculation_strategy": fields["calculation_strategy"],
        "project_id": str(line.project_id),
        "company_id": str(call.state.company_id),
        "updated_at": line.updated_at,
        "created_at": line.created_at,
        "wbs_code": {"id": str(code.id), "flat_code": code.flat_code, "description": code.fields["description"]},
        "currency_configuration": currency | {"currency_exchange_rate": None, "base_currency_iso_code": None},
    }


def _refused(call: Call, refused: RowRefused, status: int) -> Refused:
    return call.refuse(status, refused.sentence, ",".join(refused.fields))


def _pair(call: Call, row: dict[str, Any], line: BudgetLine | None) -> int:
    old = call.project.wbs[line.wbs] if line else None
    cost_code = row.get("cost_code_id", old.cost_code if old else None)
    cost_type = row.get("line_item_type_id", old.cost_type if old else None)
    if cost_code not in call.project.cost_codes or cost_type not in call.state.cost_types:
        raise RowRefused({"cost_code_id": ["cost code and cost type must belong to the project"]})
    return wbs.find_or_make(call.state, call.project, cost_code, cost_type).id


def _create_v10(call: Call) -> Answer:
    row = call.part("budget_line_item")
    try:
        line = budget_lines.create(call.state, call.project, _pair(call, row, None), row)
    except RowRefused as refused:
        raise _refused(call, refused, 422) from None
    return Answer(201, _by_cost_code(call, line), changed=True)


def _show_v10(call: Call) -> Answer:
    return Answer(200, _by_cost_code(call, pick(call, call.project.budget)))


def _update_v10(call: Call) -> Answer:
    row, line = call.part("budget_line_item"), pick(call, call.project.budget)
    if row.get("direct_costs") is not None:
        raise Refused(501, {"message": "The sandbox does not model direct costs written to a budget line."})
    try:
        code = _pair(call, row, line) if "cost_code_id" in row or "line_item_type_id" in row else line.wbs
        budget_lines.change(call.state, call.project, line, {**row, "wbs_code_id": code})
    except RowRefused as refused:
        raise _refused(call, refused, 422) from None
    return Answer(200, _by_cost_code(call, line), changed=True)


def _create_v11(call: Call) -> Answer:
    row = call.part("budget_line_item")
    try:
        line = budget_lines.create(call.state, call.project, row["wbs_code_id"], row)
    except RowRefused as refused:
        raise _refused(call, refused, 400) from None
    return Answer(201, _by_wbs(call, line), changed=True)


def _show_v11(call: Call) -> Answer:
    return Answer(200, _by_wbs(call, pick(call, call.project.budget)))


def _update_v11(call: Call) -> Answer:
    line = pick(call, call.project.budget)
    try:
        budget_lines.change(call.state, call.project, line, call.part("budget_line_item"))
    except RowRefused as refused:
        raise _refused(call, refused, 400) from None
    return Answer(200, _by_wbs(call, line), changed=True)


def _sync(call: Call) -> Answer:
    """All rows or none: the answer is a bare list and has no place for row errors."""
    rows = call.rows("budget_line_items")
    if len(rows) > call.switches.sync_row_limit:
        raise call.refuse(400, f"at most {call.switches.sync_row_limit} rows", "budget_line_items")
    members = contract().row_members(call.operation)
    plan: list[tuple[BudgetLine | None, dict[str, Any]]] = []
    seen: set[int] = set()
    try:
        for row in rows:
            problems = contract().row_problems(members, row)
            if problems:
                raise RowRefused(problems)
            plan.append((_checked(call, row, seen), row))
        done = []
        for line, row in plan:
            if line is None:
                line = budget_lines.create(call.state, call.project, row["wbs_code_id"], row)
            else:
                budget_lines.change(call.state, call.project, line, row)
            done.append(_by_wbs(call, line))
    except RowRefused as refused:
        raise _refused(call, refused, 422) from None
    return Answer(200, done, changed=True)


def _checked(call: Call, row: dict[str, Any], seen: set[int]) -> BudgetLine | None:
    project, wbs_id = call.project, row.get("wbs_code_id")
    if not isinstance(wbs_id, int) or wbs_id not in project.wbs:
        raise RowRefused({"wbs_code_id": ["is not a WBS code of the project"]})
    if wbs_id in seen:
        raise RowRefused({"wbs_code_id": [budget_lines.DUPLICATE]})
    seen.add(wbs_id)
    if row.get("id") is None:
        known = project.budget_by_wbs.get(wbs_id)
        if known is not None and not project.budget[known].automatic:
            raise RowRefused({"wbs_code_id": [budget_lines.DUPLICATE]})
        line = None
    elif row["id"] not in project.budget:
        raise RowRefused({"id": [NO_SUCH_ID]})
    else:
        line = project.budget[row["id"]]
        if project.budget_by_wbs.get(wbs_id, line.id) != line.id:
            raise RowRefused({"wbs_code_id": [budget_lines.DUPLICATE]})
    _, amount = budget_lines.read(call.state, row, line)
    if project.budget_locked and amount != (line.amount if line else ZERO):
        raise RowRefused({"original_budget_amount": [budget_lines.LOCKED]})
    return line


def _list_v2(call: Call) -> Answer:
    if not call.switches.budget_line_list:
        raise call.refuse(404, NO_SUCH_ID)
    wanted = set(values(call, "filters[wbs_code_id]"))
    rows = [b for b in call.project.budget.values() if not wanted or str(b.wbs) in wanted]
    answer = listed(call, rows, lambda line: _v2_shown(call, line))
    return Answer(200, {"data": answer.value}, answer.headers)


def _delete_v2(call: Call) -> Answer:
    try:
        budget_lines.remove(call.state, call.project, pick(call, call.project.budget))
    except RowRefused as refused:
        raise _refused(call, refused, 422) from None
    return Answer(204, changed=True)


def _meta(call: Call) -> Answer:
    return Answer(200, {"locked": call.project.budget_locked})


def _lock(call: Call) -> Answer:
    call.project.budget_locked = call.request.method == "POST"
    return Answer(201 if call.project.budget_locked else 200, {"locked": call.project.budget_locked}, changed=True)


def _view_list(call: Call) -> Answer:
    state, view = call.state, call.state.budget_view_id
    stamp = state.projects[min(state.projects)].created_at
    at = f"{call.base_url}{_VIEWS}/{view}"
    shown = {
        "id": view,
        "name": "Standard Budget",
        "description": "Original budget, committed and pending costs",
        "created_at": stamp,
        "updated_at": stamp,
        "created_by": {"id": state.me, "name": "Sandbox Admin", "login": "admin@example.invalid"},
        "role": "company",
        "links": {"detail_rows": f"{at}/detail_rows", "summary_rows": f"{at}/summary_rows"},
    }
    return Answer(200, [shown])


def _rows(call: Call) -> Answer:
    if call.ids["budget_view_id"] != call.state.budget_view_id:
        raise call.refuse(404, NO_SUCH_ID)
    which = call.request.param("budget_row_type", "all")
    lines = [b for b in call.project.budget.values() if which == "all" or b.automatic == (which == "unbudgeted")]
    keys: dict[str, Callable[[BudgetLine], int]] = {
        "cost_code_id[]": lambda b: call.project.wbs[b.wbs].cost_code,
        "category_id[]": lambda b: call.project.wbs[b.wbs].cost_type,
        "budget_line_item_id[]": lambda b: b.id,
    }
    for name, read in keys.items():
        wanted = set(call.request.params(name))
        lines = [b for b in lines if not wanted or str(read(b)) in wanted]
    page, headers = paged(call, lines)
    costs = budget_lines.costs_by_code(call.project)
    return Answer(200, [_row(call, line, costs.get(line.wbs, Costs())) for line in page], headers)


def _row(call: Call, line: BudgetLine, costs: Costs) -> dict[str, Any]:
    project, code = call.project, call.project.wbs[line.wbs]
    cost_code, kind = project.cost_codes[code.cost_code], call.state.cost_types[code.cost_type]
    root = cost_codes.path(project, cost_code)[0]
    return {
        "id": line.id,
        "deletable": costs == Costs(),
        "company_id": call.state.company_id,
        "company": call.state.company_name,
        "project_id": project.id,
        "wbs_code_id": line.wbs,
        "biller_id": project.id,
        "root_cost_code_id": root.id,
        "cost_code_id": cost_code.id,
        "cost_code_origin_id": cost_code.fields["origin_id"],
        "category_id": kind.id,
        "project": project.fields["name"],
        "biller": project.fields["name"],
        "biller_type": "Project",
        "root_cost_code": f"{root.full_code} - {root.fields['name']}",
        "cost_code": f"{cost_code.full_code} - {cost_code.fields['name']}",
        "category": kind.fields["name"],
        "budget_modifications": "0.00",
        "original_budget_amount": money(line.amount),
        "budget_forecast": None,
        "currency_configuration": _currency(call),
        "unbudgeted_reason": "commitment" if line.automatic else None,
        "Approved Budget Changes": money(costs.changes),
        "Revised Budget": money(line.amount + costs.changes),
        "Pending Budget Changes": money(costs.pending_changes),
        "Committed Costs": money(costs.committed),
        "Direct Costs": money(costs.direct),
        "Pending Cost Changes": money(costs.pending),
    }


_LINES = "/rest/v1.0/budget_line_items"

ROUTES: tuple[Route, ...] = (
    *routes(
        "budget",
        ("POST", _LINES, _create_v10),
        ("POST", f"{_LINES}/sync", _sync, "all rows or none: 422 for the first row that will not do"),
        ("GET", f"{_LINES}/{{id}}", _show_v10, "modifications and forecast are zero"),
        ("PATCH", f"{_LINES}/{{id}}", _update_v10, "direct_costs answers 501"),
        ("POST", "/rest/v1.1/budget_line_items", _create_v11),
        ("GET", "/rest/v1.1/budget_line_items/{id}", _show_v11),
        ("PATCH", "/rest/v1.1/budget_line_items/{id}", _update_v11),
        ("GET", _VIEWS, _view_list, "one view"),
        (
            "GET",
            f"{_VIEWS}/{{budget_view_id}}/detail_rows",
            _rows,
            "filters by id and row type; foreign-currency contracts are added unconverted",
        ),
        ("GET", "/rest/v1.0/projects/{project_id}/budget", _meta),
        ("POST", "/rest/v1.0/projects/{project_id}/budget/lock", _lock),
        ("DELETE", "/rest/v1.0/projects/{project_id}/budget/lock", _lock, "there are no modifications to delete"),
        ("DELETE", f"{_V2}/{{id}}", _delete_v2),
    ),
    *routes("budget", ("GET", _V2, _list_v2), page=10, cap=100),
)
