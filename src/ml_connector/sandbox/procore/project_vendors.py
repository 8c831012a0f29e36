"""Vendors of a project's directory: list, show, create, update, add and remove (facts/procore.md 6)."""

from __future__ import annotations

from typing import Any

from ml_connector.sandbox.procore import vendors
from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.errors import NO_SUCH_ID
from ml_connector.sandbox.procore.paging import listed, ordered, pick
from ml_connector.sandbox.procore.state import Vendor
from ml_connector.sandbox.procore.sync import create, update

RESOURCE = "Project Vendors"
"""Their name in webhooks; an update of a vendor is told as Company Vendors (facts/procore.md 13.3)."""
_LIST = "/rest/v1.1/projects/{project_id}/vendors"
_VIEWS = {
    "name": ("id", "name"),
    "minimal": ("id", "name", "is_active", "logo"),
    "list": (
        *("address", "business_id", "business_phone", "business_register", "city", "country_code", "email_address"),
        *("fax_number", "is_active", "logo", "state_code", "trade_name", "zip", "id", "name"),
    ),
}


def _shown(call: Call, vendor: Vendor, default: str = "normal") -> Any:
    view = call.view(default)
    if view == "ids_only":
        return vendor.id
    full = vendors.shown(call.state, vendor)
    if view == "extended":
        shape = contract().blank("CompanyVendorExtended")
        return {name: full.get(name, empty) for name, empty in shape.items()}
    names = _VIEWS.get(view) or tuple(contract().blank("ProjectVendor"))
    return {name: full.get(name) for name in names}


def _of_project(call: Call) -> list[Vendor]:
    return [v for v in call.state.vendors.values() if call.project.id in v.projects]


def _member(call: Call) -> Vendor:
    vendor = pick(call, call.state.vendors)
    if call.project.id not in vendor.projects:
        raise call.refuse(404, NO_SUCH_ID)
    return vendor


def _list(call: Call) -> Answer:
    rows = vendors.searched(_of_project(call), call.request.param("filters[search]"))
    rows = ordered(call, vendors.by_parent(call, rows), {"name": lambda v: v.fields["name"].casefold()})
    return listed(call, rows, lambda v: _shown(call, v))


def _show(call: Call) -> Answer:
    return Answer(200, _shown(call, _member(call)))


def _create(call: Call) -> Answer:
    vendor = create(call, vendors.target(call), call.part("vendor"))
    vendor.projects.append(call.project.id)
    call.state.note("create", RESOURCE, vendor.id, call.project.id)
    return Answer(201, _shown(call, vendor), changed=True)


def _update(call: Call) -> Answer:
    vendor = update(call, vendors.target(call), _member(call), call.part("vendor"))
    return Answer(200, _shown(call, vendor), changed=True)


def _add(call: Call) -> Answer:
    vendor = pick(call, call.state.vendors)
    changed = call.project.id not in vendor.projects
    if changed:
        vendor.projects.append(call.project.id)
        vendor.updated_at = call.state.stamp()
        call.state.note("create", RESOURCE, vendor.id, call.project.id)
    return Answer(201, _shown(call, vendor), changed=changed)


def _remove(call: Call) -> Answer:
    vendor = _member(call)
    if any(c.fields.get("vendor_id") == vendor.id for c in call.project.contracts.values()):
        raise call.refuse(400, "The vendor is used by a commitment of the project.", "id")
    vendor.projects.remove(call.project.id)
    call.state.note("delete", RESOURCE, vendor.id, call.project.id)
    vendor.updated_at = call.state.stamp()
    return Answer(204, changed=True)


ROUTES: tuple[Route, ...] = routes(
    "directory",
    ("GET", _LIST, _list),
    ("POST", _LIST, _create, "the vendor is made in the company directory and added to the project"),
    ("GET", f"{_LIST}/{{id}}", _show),
    ("PATCH", f"{_LIST}/{{id}}", _update),
    ("POST", f"{_LIST}/{{id}}/actions/add", _add, "adding twice answers 201 again"),
    ("DELETE", f"{_LIST}/{{id}}/actions/remove", _remove, "refused while a commitment names the vendor"),
)
