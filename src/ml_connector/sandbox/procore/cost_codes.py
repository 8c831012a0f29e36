"""Cost codes of a project: the tree, its full codes, and list, show, create, update, sync (facts/procore.md 7.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ml_connector.sandbox.procore import cost_types
from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.errors import TAKEN, Refused
from ml_connector.sandbox.procore.paging import by_origin, listed, pick
from ml_connector.sandbox.procore.state import CostCode, Project, State, merge
from ml_connector.sandbox.procore.sync import Row, RowRefused, Target, create, sync, update

DELIMITER = "-"
RESOURCE = "Cost Codes"
"""Their name in webhooks."""
_WRITTEN = ("position", "code", "name", "origin_data", "origin_id", "parent_id", "standard_cost_code_id")


def writer(state: State, project: Project) -> Target[CostCode]:
    """How a project's cost codes are made, changed and shown."""
    return Target(
        "cost_code",
        project.cost_codes,
        lambda row: make(state, project, row),
        lambda code, row: change(state, project, code, row),
        lambda code: shown(state, project, code),
    )


def make(state: State, project: Project, row: Row) -> CostCode:
    """A new cost code under its parent. Raises RowRefused without code or name, or when the full code exists."""
    blank = {name: ["can't be blank"] for name in ("code", "name") if not str(row.get(name) or "").strip()}
    if blank:
        raise RowRefused(blank)
    full = _full_code(project, row["code"], row.get("parent_id"))
    if full in project.by_code:
        raise RowRefused({"code": [TAKEN]})
    fields = {name: row.get(name) for name in _WRITTEN}
    fields["position"] = row.get("position") or len(project.cost_codes) + 1
    code = CostCode(state.new_id(), fields, *state.birth())
    code.item_id, code.project_id, code.full_code = state.new_id(), project.id, full
    project.cost_codes[code.id] = code
    project.by_code[full] = code.id
    project.by_item[code.item_id] = code.id
    state.note("create", RESOURCE, code.id, project.id)
    return code


def change(state: State, project: Project, code: CostCode, row: Row) -> None:
    """Writes a row over a cost code; a new code or parent renames the whole branch and its budget codes."""
    values = {name: row[name] for name in _WRITTEN if name in row}
    blank = {name: ["can't be blank"] for name in values if name in ("code", "name") and not values[name]}
    if blank:
        raise RowRefused(blank)
    parent = values.get("parent_id", code.fields["parent_id"])
    if parent in project.cost_codes and code.id in _path(project, parent):
        raise RowRefused({"parent_id": ["would make the code its own ancestor"]})
    full = _full_code(project, values.get("code", code.fields["code"]), parent)
    if project.by_code.get(full, code.id) != code.id:
        raise RowRefused({"code": [TAKEN]})
    if not merge(state, code, values):
        return
    state.note("update", RESOURCE, code.id, project.id)
    state.rendered_codes.clear()
    if full != code.full_code:
        _rename(project, code, full)


def _rename(project: Project, code: CostCode, full: str) -> None:
    project.by_code.pop(code.full_code, None)
    old, code.full_code = code.full_code, full
    project.by_code[full] = code.id
    for wbs in project.wbs.values():
        if wbs.cost_code == code.id:
            wbs.flat_code = full + wbs.flat_code.removeprefix(old)
    for child in project.cost_codes.values():
        if child.fields["parent_id"] == code.id:
            _rename(project, child, f"{full}{DELIMITER}{child.fields['code']}")


def _full_code(project: Project, code: str, parent_id: int | None) -> str:
    if parent_id is None:
        return code
    if parent_id not in project.cost_codes:
        raise RowRefused({"parent_id": ["is not a cost code of the project"]})
    return f"{project.cost_codes[parent_id].full_code}{DELIMITER}{code}"


def path(project: Project, code: CostCode) -> list[CostCode]:
    """The code's ancestors and itself, from the root."""
    return [project.cost_codes[i] for i in reversed(_path(project, code.id))]


def _path(project: Project, code_id: int | None) -> list[int]:
    found = []
    while code_id is not None:
        found.append(code_id)
        code_id = project.cost_codes[code_id].fields["parent_id"]
    return found


def shown(state: State, project: Project, code: CostCode, *, compact: bool = False) -> dict[str, Any]:
    """A cost code in answer shape; kept ready until codes or types change, because every line embeds it."""
    if compact:
        names = ("name", "origin_data", "origin_id", "standard_cost_code_id")
        return {"id": code.id, "full_code": code.full_code, **{n: code.fields[n] for n in names}}
    kept = state.rendered_codes.get(code.id)
    if kept is not None:
        return kept
    parent = code.fields["parent_id"]
    kept = contract().blank("CostCode") | {name: code.fields[name] for name in _WRITTEN if name != "parent_id"}
    kept |= {
        "id": code.id,
        "biller": project.fields["name"],
        "biller_id": project.id,
        "biller_type": "Project",
        "biller_origin_id": project.fields.get("origin_id"),
        "budgeted": any(project.wbs[w].cost_code == code.id for w in project.budget_by_wbs),
        "created_at": code.created_at,
        "updated_at": code.updated_at,
        "full_code": code.full_code,
        "sortable_code": code.full_code,
        "parent": {"id": parent},
        "line_item_types": [cost_types.brief(t) for t in state.cost_types.values()],
    }
    state.rendered_codes[code.id] = kept
    return kept


def ensure(state: State, project: Project, full_code: str, name: str) -> CostCode:
    """The code with that full code, made with its parents when missing (for the world and for people's acts)."""
    if full_code in project.by_code:
        return project.cost_codes[project.by_code[full_code]]
    above, _, own = full_code.rpartition(DELIMITER)
    parent = ensure(state, project, above, f"Division {above}").id if above else None
    return make(state, project, {"code": own, "name": name, "parent_id": parent})


def listed_shape(call: Call, code: CostCode) -> dict[str, Any]:
    """A cost code as lists and sync show it: without the standard list id."""
    if call.view("default") == "erp_compact":
        return shown(call.state, call.project, code, compact=True)
    full = {**shown(call.state, call.project, code)}
    del full["standard_cost_code_list_id"]
    full["line_item_types"] = [cost_types.shown(t) for t in call.state.cost_types.values()]
    return full


def _refuse_sub_job(call: Call) -> None:
    if call.request.param("sub_job_id") or call.body.get("sub_job_id") is not None:
        raise Refused(501, {"message": "The sandbox does not model sub jobs of cost codes."})


def _list(call: Call) -> Answer:
    _refuse_sub_job(call)
    rows = by_origin(call, "cost_code", sorted(call.project.cost_codes.values(), key=lambda c: c.full_code))
    return listed(call, rows, lambda c: listed_shape(call, c))


def _show(call: Call) -> Answer:
    return Answer(200, shown(call.state, call.project, pick(call, call.project.cost_codes)))


def _written(call: Call) -> Target[CostCode]:
    _refuse_sub_job(call)
    if call.switches.erp_integrated:
        raise call.refuse(403, "Cost codes of an ERP-integrated project are written by sync only.")
    return writer(call.state, call.project)


def _create(call: Call) -> Answer:
    code = create(call, _written(call), call.part("cost_code"))
    return Answer(201, shown(call.state, call.project, code), changed=True)


def _update(call: Call) -> Answer:
    code = pick(call, call.project.cost_codes)
    update(call, _written(call), code, call.part("cost_code"))
    return Answer(200, shown(call.state, call.project, code), changed=True)


def _sync(call: Call) -> Answer:
    _refuse_sub_job(call)
    return sync(call, replace(writer(call.state, call.project), render=lambda code: listed_shape(call, code)))


ROUTES: tuple[Route, ...] = routes(
    "admin",
    ("GET", "/rest/v1.0/cost_codes", _list, "sub_job_id answers 501"),
    ("POST", "/rest/v1.0/cost_codes", _create),
    ("PATCH", "/rest/v1.0/cost_codes/sync", _sync, "sub_job_id answers 501"),
    ("GET", "/rest/v1.0/cost_codes/{id}", _show),
    ("PATCH", "/rest/v1.0/cost_codes/{id}", _update),
)
