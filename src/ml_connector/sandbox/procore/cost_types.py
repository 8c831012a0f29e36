"""Cost types (line item types) of the company: list, show, create, update, sync (facts/procore.md 7.1)."""

from __future__ import annotations

from typing import Any

from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.errors import TAKEN
from ml_connector.sandbox.procore.paging import by_origin, listed, pick
from ml_connector.sandbox.procore.state import CostType, State, merge
from ml_connector.sandbox.procore.sync import Row, RowRefused, Target, create, sync, update

RESOURCE = "Line Item Types"
"""Their name in webhooks."""
_LIST = "/rest/v1.0/line_item_types"
_WRITTEN = ("name", "base_type", "origin_data", "origin_id")
_BASES = ("labor", "equipment", "materials", "commitment", "owner_cost", "professional_services", "other")


def make(state: State, row: Row) -> CostType:
    """A new cost type; its code is written as csv_import_code and read as code."""
    fields = {name: row.get(name) for name in _WRITTEN} | {"code": row.get("csv_import_code")}
    _check(state, fields, None)
    fields["base_type"] = fields["base_type"] or "other"
    made = CostType(state.new_id(), fields, *state.birth())
    made.item_id = state.new_id()
    state.cost_types[made.id] = made
    state.type_by_item[made.item_id] = made.id
    state.rendered_codes.clear()
    state.note("create", RESOURCE, made.id)
    return made


def _change(state: State, record: CostType, row: Row) -> None:
    values = {name: row[name] for name in _WRITTEN if name in row}
    if "csv_import_code" in row:
        values["code"] = row["csv_import_code"]
    _check(state, record.fields | values, record.id)
    if not merge(state, record, values):
        return
    state.note("update", RESOURCE, record.id)
    state.rendered_codes.clear()
    for project in state.projects.values():
        for wbs in project.wbs.values():
            if wbs.cost_type == record.id:
                wbs.flat_code = f"{project.cost_codes[wbs.cost_code].full_code}.{record.fields['code']}"


def _check(state: State, fields: dict[str, Any], own: int | None) -> None:
    blank = {name: ["can't be blank"] for name in ("name", "code") if not fields.get(name)}
    if blank:
        raise RowRefused(blank)
    if fields.get("base_type") not in (None, *_BASES):
        raise RowRefused({"base_type": ["is not included in the list"]})
    if any(t.fields["code"] == fields["code"] and t.id != own for t in state.cost_types.values()):
        raise RowRefused({"csv_import_code": [TAKEN]})


def shown(record: CostType) -> dict[str, Any]:
    """A cost type in answer shape."""
    names = ("name", "code", "base_type", "origin_data", "origin_id")
    return {"id": record.id, **{name: record.fields[name] for name in names}}


def brief(record: CostType) -> dict[str, Any]:
    """A cost type as cost codes list it: without origin_data."""
    return {"id": record.id, **{name: record.fields[name] for name in ("name", "code", "base_type", "origin_id")}}


def _target(call: Call) -> Target[CostType]:
    state = call.state
    return Target(
        "line_item_type", state.cost_types, lambda row: make(state, row), lambda r, row: _change(state, r, row), shown
    )


def _list(call: Call) -> Answer:
    return listed(call, by_origin(call, "line_item_type", list(call.state.cost_types.values())), shown)


def _show(call: Call) -> Answer:
    return Answer(200, shown(pick(call, call.state.cost_types)))


def _create(call: Call) -> Answer:
    return Answer(201, shown(create(call, _target(call), call.part("line_item_type"))), changed=True)


def _update(call: Call) -> Answer:
    record = update(call, _target(call), pick(call, call.state.cost_types), call.part("line_item_type"))
    return Answer(200, shown(record), changed=True)


def _sync(call: Call) -> Answer:
    return sync(call, _target(call))


ROUTES: tuple[Route, ...] = routes(
    "admin",
    ("GET", _LIST, _list, "the same types for the company and for each project"),
    ("POST", _LIST, _create),
    ("PATCH", f"{_LIST}/sync", _sync),
    ("GET", f"{_LIST}/{{id}}", _show),
    ("PATCH", f"{_LIST}/{{id}}", _update),
)
