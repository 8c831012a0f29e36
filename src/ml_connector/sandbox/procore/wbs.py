"""Work breakdown structure: segments, their items, patterns, and WBS codes, the budget codes (facts/procore.md 7.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml_connector.sandbox.procore import cost_codes, cost_types
from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.errors import NO_SUCH_ID, Refused
from ml_connector.sandbox.procore.paging import by_field, by_range, paged, settled
from ml_connector.sandbox.procore.state import CostCode, CostType, Project, Record, State, WbsCode, merge, timestamp
from ml_connector.sandbox.procore.sync import Row, RowRefused

_POSITION = {"sub_job": 1, "cost_code": 2, "line_item_type": 3}
_NAME = {"sub_job": "Sub Job", "cost_code": "Cost Code", "line_item_type": "Cost Type"}
DELIMITER = "."


def find_or_make(state: State, project: Project, cost_code: int, cost_type: int, text: str | None = None) -> WbsCode:
    """The project's WBS code of that pair, made when new; a given text becomes its description either way."""
    known = project.by_pair.get((cost_code, cost_type))
    if known is not None:
        found = project.wbs[known]
        if text is not None:
            merge(state, found, {"description": text})
        return found
    code, kind = project.cost_codes[cost_code], state.cost_types[cost_type]
    fields = {"description": text if text is not None else _flat_name(project, code, kind), "status": "active"}
    made = WbsCode(state.new_id(), fields, *state.birth())
    made.project_id, made.cost_code, made.cost_type = project.id, cost_code, cost_type
    made.flat_code = f"{code.full_code}{DELIMITER}{kind.fields['code']}"
    project.wbs[made.id] = made
    project.by_pair[cost_code, cost_type] = made.id
    return made


def reference(project: Project, wbs_id: int | None) -> dict[str, Any] | None:
    """A WBS code as lines embed it."""
    if wbs_id is None:
        return None
    found = project.wbs[wbs_id]
    return {"id": found.id, "flat_code": found.flat_code, "description": found.fields["description"]}


def _flat_name(project: Project, code: CostCode, kind: CostType) -> str:
    names = [part.fields["name"] for part in cost_codes.path(project, code)]
    return f"{cost_codes.DELIMITER.join(names)}{DELIMITER}{kind.fields['name']}"


def _segment(state: State, project: Project | None, name: str, kind: str = "segments") -> dict[str, Any]:
    counts = {"sub_job": 0, "line_item_type": len(state.cost_types)}
    counts["cost_code"] = len(project.cost_codes if project else state.standard_codes)
    stamp = timestamp(next(iter(state.cost_types.values())).born) if state.cost_types else state.stamp()
    base = {
        "id": state.segments[name],
        "type": name,
        "name": _NAME[name],
        "position": _POSITION[name],
        "segment_items_count": counts[name],
        "required": name != "sub_job",
        "delimiter": cost_codes.DELIMITER,
        "project_can_modify_origin_project": True,
        "project_can_delete_origin_company": name != "line_item_type",
        "structure": "tiered" if name == "cost_code" else "flat",
        "created_at": stamp,
        "updated_at": stamp,
        "wbs_pattern_id": state.pattern_id,
    }
    if kind == "item":
        return base
    if project is not None:
        base |= {"selectable_tiers": True, "is_included_in_project_pattern": True}
    if project is not None and kind == "segments":
        base["tiered"] = name == "cost_code"
    return base


def _segments(call: Call) -> Answer:
    return Answer(200, [_segment(call.state, call.found_project, name) for name in _POSITION])


def _show_segment(call: Call) -> Answer:
    shown = _segment(call.state, call.found_project, _segment_name(call, "id"))
    if call.found_project is None:
        shown |= {"selectable_tiers": True, "is_included_in_project_pattern": True}
        shown["tiered"] = shown["structure"] == "tiered"
    return Answer(200, shown)


def _pattern(call: Call) -> Answer:
    segments = [_segment(call.state, call.found_project, name, "pattern") for name in _POSITION]
    stamp = segments[0]["created_at"]
    text = "Sub Job, Cost Code and Cost Type"
    shown = {"id": call.state.pattern_id, "description": text, "created_at": stamp, "updated_at": stamp}
    if call.found_project is not None:
        shown["is_project_level_ordered"] = False
    return Answer(200, shown | {"segments": segments})


def _segment_name(call: Call, where: str = "segment_id") -> str:
    for name, segment_id in call.state.segments.items():
        if segment_id == call.ids[where]:
            return name
    raise call.refuse(404, NO_SUCH_ID)


@dataclass(frozen=True, slots=True)
class _Usage:
    """Which codes have children and which codes and types are in a WBS code, worked out once for a whole list."""

    parents: frozenset[int | None]
    codes: frozenset[int]
    types: frozenset[int]


def _usage(state: State, project: Project | None) -> _Usage:
    every = [w for p in state.projects.values() for w in p.wbs.values()]
    parents = frozenset(c.fields["parent_id"] for c in project.cost_codes.values()) if project else frozenset()
    return _Usage(parents, frozenset(w.cost_code for w in every), frozenset(w.cost_type for w in every))


def _code_item(state: State, project: Project, code: CostCode, usage: _Usage) -> dict[str, Any]:
    path = cost_codes.path(project, code)
    return {
        "id": code.item_id,
        "code": code.fields["code"],
        "name": code.fields["name"],
        "created_at": code.created_at,
        "updated_at": code.updated_at,
        "parent_id": path[-2].item_id if len(path) > 1 else None,
        "path_ids": [part.item_id for part in path],
        "path_code": code.full_code,
        "is_parent": code.id in usage.parents,
        "path_codes": [part.fields["code"] for part in path],
        "path_names": [part.fields["name"] for part in path],
        "in_use": code.id in usage.codes,
        "segment": _segment(state, project, "cost_code", "item"),
        "status": code.status,
    }


def _flat_item(state: State, record: Record, item_id: int, name: str, in_use: bool) -> dict[str, Any]:
    fields = record.fields
    return {
        "id": item_id,
        "code": fields["code"],
        "name": fields["name"],
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "parent_id": None,
        "path_ids": [item_id],
        "path_code": fields.get("full_code") or fields["code"],
        "is_parent": False,
        "path_codes": [fields["code"]],
        "path_names": [fields["name"]],
        "in_use": in_use,
        "segment": _segment(state, None, name, "item"),
        "status": "active",
    }


def _type_item(state: State, kind: CostType, usage: _Usage) -> dict[str, Any]:
    return _flat_item(state, kind, kind.item_id, "line_item_type", kind.id in usage.types)


def _items(call: Call) -> Answer:
    name, state = _segment_name(call), call.state
    usage = _usage(state, call.found_project)
    if name == "sub_job":
        return _page(call, [], lambda _: {})
    if name == "line_item_type":
        return _page(call, list(state.cost_types.values()), lambda kind: _type_item(state, kind, usage))
    if call.found_project is None:
        standard = list(state.standard_codes.values())
        return _page(call, standard, lambda code: _flat_item(state, code, code.id, "cost_code", False))
    codes = sorted(call.project.cost_codes.values(), key=lambda c: c.full_code)
    return _page(call, codes, lambda code: _code_item(state, call.project, code, usage))


def _page(call: Call, rows: list[Any], render: Any) -> Answer:
    page, headers = paged(call, settled(call, rows))
    return Answer(200, [render(row) for row in page], headers)


def _create_item(call: Call) -> Answer:
    name, body, state = _segment_name(call), call.body, call.state
    if name == "sub_job" or (name == "cost_code" and call.found_project is None):
        raise Refused(501, {"message": f"The sandbox does not model new items of the segment {name} here."})
    if call.switches.erp_integrated:
        raise call.refuse(403, "Segment items of an ERP-integrated company are written by sync only.")
    try:
        if name == "line_item_type":
            kind = cost_types.make(state, {"name": body["name"], "csv_import_code": body["code"]})
            return Answer(201, _type_item(state, kind, _usage(state, None)), changed=True)
        parent = body.get("parent_id")
        row = {"code": body["code"], "name": body["name"], "parent_id": call.project.by_item.get(parent or 0, parent)}
        code = cost_codes.make(state, call.project, row)
    except RowRefused as refused:
        raise call.refuse(422, refused.sentence, ",".join(refused.fields)) from None
    return Answer(201, _code_item(state, call.project, code, _usage(state, call.project)), changed=True)


def _shown(call: Call, code: WbsCode, usage: _Usage | None = None) -> dict[str, Any]:
    state, project = call.state, call.project
    usage = usage or _usage(state, project)
    cost_code, kind = project.cost_codes[code.cost_code], state.cost_types[code.cost_type]
    return {
        "id": code.id,
        "flat_code": code.flat_code,
        "flat_name": _flat_name(project, cost_code, kind),
        "description": code.fields["description"],
        "status": code.fields["status"],
        "created_at": code.created_at,
        "updated_at": code.updated_at,
        "segment_items": [_code_item(state, project, cost_code, usage), _type_item(state, kind, usage)],
        "wbs_pattern_id": state.pattern_id,
    }


def _pair(call: Call, row: Row) -> tuple[int, int]:
    chosen: dict[str, int] = {}
    names = {segment_id: name for name, segment_id in call.state.segments.items()}
    for item in row.get("segment_items") or ():
        name = names.get(item.get("segment_id") or 0)
        tables: dict[str, dict[Any, int]] = {
            "cost_code": call.project.by_item,
            "line_item_type": call.state.type_by_item,
        }
        found = tables.get(name or "", {}).get(item.get("segment_item_id") or 0)
        if found is None:
            raise RowRefused({"segment_items": ["names a segment or an item the project does not have"]})
        chosen[name or ""] = found
    if set(chosen) != {"cost_code", "line_item_type"}:
        raise RowRefused({"segment_items": ["needs one item of every required segment"]})
    return chosen["cost_code"], chosen["line_item_type"]


def _list(call: Call) -> Answer:
    rows = by_field(call, list(call.project.wbs.values()), "status", lambda w: w.fields["status"])
    rows = by_range(call, rows, "updated_at", lambda w: w.updated_at)
    text = (call.request.param("query") or "").casefold()
    if text:
        rows = [w for w in rows if text in w.flat_code.casefold() or text in w.fields["description"].casefold()]
    usage = _usage(call.state, call.project)
    return _page(call, rows, lambda w: _shown(call, w, usage))


def _create(call: Call) -> Answer:
    try:
        pair = _pair(call, call.body)
    except RowRefused as refused:
        raise call.refuse(400, refused.sentence, "segment_items") from None
    return Answer(
        201, _shown(call, find_or_make(call.state, call.project, *pair, call.body.get("description"))), (), True
    )


def _bulk(call: Call) -> Answer:
    made_now: list[WbsCode] = []
    errors: list[Row] = []
    members = contract().row_members(call.operation)
    for row in call.rows("bulk"):
        try:
            problems = contract().row_problems(members, row)
            if problems:
                raise RowRefused(problems)
            made_now.append(find_or_make(call.state, call.project, *_pair(call, row), row.get("description")))
        except RowRefused as refused:
            errors.append({**row, "errors": refused.fields})
    usage = _usage(call.state, call.project)
    entities = [_shown(call, code, usage) for code in made_now]
    return Answer(201, {"entities": entities, "errors": errors}, changed=bool(entities))


def _update(call: Call) -> Answer:
    code = call.project.wbs.get(call.ids["id"])
    if code is None:
        raise call.refuse(404, NO_SUCH_ID)
    merge(call.state, code, {k: call.body[k] for k in ("description", "status") if k in call.body})
    return Answer(200, _shown(call, code), changed=True)


_COMPANY = "/rest/v1.0/companies/{company_id}/work_breakdown_structure"
_PROJECT = "/rest/v1.0/projects/{project_id}/work_breakdown_structure"
_ITEMS = "segments/{segment_id}/segment_items"

ROUTES: tuple[Route, ...] = routes(
    "admin",
    ("GET", f"{_COMPANY}/patterns", _pattern),
    ("GET", f"{_COMPANY}/segments", _segments),
    ("GET", f"{_COMPANY}/segments/{{id}}", _show_segment),
    ("GET", f"{_COMPANY}/{_ITEMS}", _items, "cost code items are the one standard list; sub jobs are empty"),
    ("POST", f"{_COMPANY}/{_ITEMS}", _create_item, "cost types only"),
    ("GET", f"{_PROJECT}/patterns", _pattern),
    ("GET", f"{_PROJECT}/segments", _segments),
    ("GET", f"{_PROJECT}/segments/{{id}}", _show_segment),
    ("GET", f"{_PROJECT}/{_ITEMS}", _items),
    ("POST", f"{_PROJECT}/{_ITEMS}", _create_item, "cost codes and cost types"),
    ("GET", f"{_PROJECT}/wbs_codes", _list, "filters status, updated_at and query"),
    ("POST", f"{_PROJECT}/wbs_codes", _create, "an existing combination gets the new description"),
    ("PATCH", f"{_PROJECT}/wbs_codes/bulk_create", _bulk),
    ("PATCH", f"{_PROJECT}/wbs_codes/{{id}}", _update),
)
