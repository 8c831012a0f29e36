"""Companies, the caller itself, and projects in two versions (facts/procore.md 5)."""

from __future__ import annotations

from functools import cache
from typing import Any

from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.paging import by_field, by_origin, listed, ordered
from ml_connector.sandbox.procore.state import SERVICE, SERVICE_LOGIN, Project, State

_V10 = "/rest/v1.0/projects"
_V11 = "/rest/v1.1/projects"
_BRANCH = {"normal": 0, "compact": 1, "ids": 1, "extended": 2}


@cache
def _blank(view: str) -> dict[str, Any]:
    if view == "show":
        return contract().blank("Project")
    if view == "v1.0":
        return contract().blank_of("GET", _V10)
    return contract().blank_of("GET", _V11, _BRANCH[view])


def shown(state: State, project: Project, view: str) -> Any:
    """A project in answer shape: show, v1.0, or a v1.1 view (ids, compact, normal, extended)."""
    if view == "ids":
        return {"id": project.id, "name": project.fields["name"]}
    shape = _blank(view)
    known = project.fields | {
        "id": project.id,
        "active": project.fields["active"],
        "display_name": f"{project.fields['project_number']} {project.fields['name']}",
        "company": {"id": state.company_id, "name": state.company_name},
        "created_at": project.created_at,
        "updated_at": project.updated_at,
        "is_demo": False,
        "template": False,
        "is_erp_integrated": False,
        "standard_cost_code_list_id": state.standard_list_id,
        "custom_fields": {},
        "dictionary_type": "default",
        "locale": "en",
    }
    return {name: known.get(name, empty) for name, empty in shape.items()}


def _visible(call: Call) -> list[Project]:
    rows = [p for p in call.state.projects.values() if p.permitted]
    status = call.request.param("filters[by_status]", "Active")
    rows = [p for p in rows if status == "All" or p.fields["active"] == (status != "Inactive")]
    for name in ("name", "project_number"):
        rows = by_field(call, rows, name, lambda p, n=name: p.fields[n])  # type: ignore[misc]
    rows = by_field(call, rows, "synced", lambda p: p.fields["origin_id"] is not None)
    rows = by_origin(call, "project", rows)
    return ordered(call, rows, {"name": lambda p: p.fields["name"], "display_name": lambda p: p.fields["name"]})


def _list_v10(call: Call) -> Answer:
    view = "compact" if call.view("") == "compact" else "v1.0"
    return listed(call, _visible(call), lambda p: shown(call.state, p, view))


def _list_v11(call: Call) -> Answer:
    view = call.view("normal")
    return listed(call, _visible(call), lambda p: shown(call.state, p, view if view in _BRANCH else "normal"))


def _show(call: Call) -> Answer:
    view = "compact" if call.view("") == "minimal" else "show"
    found = shown(call.state, call.project, view)
    if view == "show":
        found["is_erp_integrated"] = call.switches.erp_integrated
    return Answer(200, found)


def _companies(call: Call) -> Answer:
    state = call.state
    shown = {"id": state.company_id, "name": state.company_name, "is_active": True, "logo_url": None}
    return Answer(200, [shown | {"pcn_business_experience": False, "my_company": True}])


def _me(call: Call) -> Answer:
    return Answer(200, {"id": call.state.me, "name": SERVICE, "login": SERVICE_LOGIN})


def _company_me(call: Call) -> Answer:
    shown = contract().blank_of("GET", "/rest/v1.0/companies/{company_id}/me")
    first, _, last = SERVICE.partition(" ")
    shown |= {
        "id": call.state.me,
        "name": SERVICE,
        "first_name": first,
        "last_name": last,
        "email_address": SERVICE_LOGIN,
    }
    return Answer(200, shown | {"is_active": True, "is_employee": False, "add_to_new_projects": False})


ROUTES: tuple[Route, ...] = (
    Route("GET", "/rest/v1.0/companies", _companies, exempt=True, note="the one company"),
    Route("GET", "/rest/v1.0/me", _me, exempt=True),
    Route("GET", "/rest/v1.0/companies/{company_id}/me", _company_me, note="v1.0 only"),
    *routes(
        None,
        ("GET", _V10, _list_v10, "writing projects answers 501: Procore users create them"),
        ("GET", "/rest/v1.0/projects/{id}", _show),
    ),
    *routes(None, ("GET", _V11, _list_v11, "at most 300 a page"), page=100, cap=300),
)
