"""Vendors of the company directory: list, show, create, update, sync and the business register (facts/procore.md 6)."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.errors import NO_SUCH_ID, Refused, by_field
from ml_connector.sandbox.procore.paging import by_origin, listed, ordered, pick, values
from ml_connector.sandbox.procore.state import State, Vendor, merge
from ml_connector.sandbox.procore.sync import Row, RowRefused, Target, create, sync, update

RESOURCE = "Company Vendors"
"""Their name in webhooks."""
_FLAGS = ("authorized_bidder", "prequalified", "union_member", "non_union_prevailing_wage")
_NESTED = ("id", "business_register", "business_register_attributes", "origin_custom_fields", "bidding")
_COUNTRY = re.compile(r"[A-Z]{2}")
_DIGITS = {"ein": 9, "abn": 11}
_EXTRAS = ("bidding", "bidding_distribution", "children_count", "company_vendor", "legal_name", "parent")
_SPARSE = {"compact": ("id", "name"), "minimal": ("id", "name", "is_active", "logo")}


def target(call: Call) -> Target[Vendor]:
    """Company vendors as the sync engine sees them."""
    return writer(call.state, call.view("extended"))


def writer(state: State, view: str = "extended") -> Target[Vendor]:
    """How vendors are made, changed and shown, for calls and for what people do by hand."""
    return Target(
        "vendor",
        state.vendors,
        lambda row: make(state, row),
        lambda vendor, row: change(state, vendor, row),
        lambda vendor: shown(state, vendor, view),
    )


def make(state: State, row: Row) -> Vendor:
    """A new vendor from a written row. Raises RowRefused without a name or with a bad country, parent or register."""
    if not str(row.get("name") or "").strip():
        raise RowRefused({"name": ["can't be blank"]})
    register = _checked(state, row, None)
    defaults = {"is_active": True, **dict.fromkeys(_FLAGS, False)}
    fields = {**defaults, **{k: v for k, v in row.items() if k in _written()}}
    vendor = Vendor(state.new_id(), fields, *state.birth())
    vendor.register = register
    state.vendors[vendor.id] = vendor
    state.note("create", RESOURCE, vendor.id)
    return vendor


def change(state: State, vendor: Vendor, row: Row) -> None:
    """Writes a row over a vendor; attributes absent from the row stay."""
    if "name" in row and not str(row["name"] or "").strip():
        raise RowRefused({"name": ["can't be blank"]})
    register = _checked(state, row, vendor)
    changed = merge(state, vendor, {k: v for k, v in row.items() if k in _written()})
    if register is not None and register != vendor.register:
        vendor.register = register
        vendor.updated_at = state.stamp()
        changed = True
    if changed:
        state.note("update", RESOURCE, vendor.id)


def _checked(state: State, row: Row, vendor: Vendor | None) -> dict[str, Any] | None:
    country = row.get("country_code")
    if country and not _COUNTRY.fullmatch(country):
        raise RowRefused({"country_code": ["must be an ISO 3166 alpha-2 code in capitals"]})
    parent = row.get("parent_id")
    if parent is not None and (parent not in state.vendors or state.vendors[parent].fields.get("parent_id")):
        raise RowRefused({"parent_id": ["must be a company that has no parent itself"]})
    given = row.get("business_register") or row.get("business_register_attributes")
    return None if not given else register_entry(state, given, vendor.register if vendor else None)


def register_entry(state: State, given: Row, old: dict[str, Any] | None) -> dict[str, Any]:
    """A business register entry: both type and identifier, with as many digits as its type has."""
    kind, identifier = given.get("type"), given.get("identifier")
    if not kind or not identifier:
        raise RowRefused({"business_register": ["needs both type and identifier"]})
    bare = re.sub(r"[\s-]", "", str(identifier))
    if not bare.isdigit() or len(bare) != _DIGITS.get(kind, 0):
        raise RowRefused({"business_register": ["identifier is not valid for its type"]})
    entry_id = old["id"] if old else state.new_id()
    same = old is not None and old["identifier"] == bare
    verified = old["verified_at"] if old and same else None
    return {"id": entry_id, "type": kind, "identifier": bare, "verified_at": verified, "verification_status": None}


def shown(state: State, vendor: Vendor, view: str = "extended") -> dict[str, Any]:
    """A vendor in answer shape; compact, minimal and normal are narrower views of extended."""
    fields = vendor.fields
    full = _blank() | {k: v for k, v in fields.items() if k in _blank()}
    full |= {
        "id": vendor.id,
        "company": state.company_name,
        "created_at": vendor.created_at,
        "updated_at": vendor.updated_at,
        "business_register": vendor.register,
        "project_ids": list(vendor.projects),
        "company_vendor": True,
        "is_connected": False,
        "contact_count": 0,
        "children_count": 0,
        "synced_to_erp": fields.get("origin_id") is not None,
        "parent": parent_of(state, vendor),
        "primary_contact": None,
    }
    if view in _SPARSE:
        return {name: full[name] for name in _SPARSE[view]}
    if view in ("normal", "erp"):
        narrow = {k: v for k, v in full.items() if k not in (*_EXTRAS, "project_ids", "standard_cost_codes", "trades")}
        narrow.pop("connected_to_company_id", None)
        return narrow if view == "normal" else narrow | {"origin_custom_fields": [], "erp_custom_fields": []}
    return full


def parent_of(state: State, vendor: Vendor) -> dict[str, Any] | None:
    """The parent company as id and name."""
    parent = state.vendors.get(vendor.fields.get("parent_id") or 0)
    return {"id": parent.id, "name": parent.fields["name"]} if parent else None


@cache
def _blank() -> dict[str, Any]:
    return contract().blank("CompanyVendor")


@cache
def _written() -> frozenset[str]:
    return frozenset(contract().members(contract().schemas["CompanyVendorWrite"])) - frozenset(_NESTED)


def searched(rows: list[Vendor], text: str | None) -> list[Vendor]:
    """filters[search]: name, displayed number or register number."""
    if not text:
        return rows
    wanted = text.casefold()
    return [
        v
        for v in rows
        if wanted in v.fields["name"].casefold()
        or wanted in str(v.fields.get("origin_code") or "").casefold()
        or (v.register is not None and re.sub(r"[\s-]", "", wanted) == v.register["identifier"])
    ]


def by_parent(call: Call, rows: list[Vendor]) -> list[Vendor]:
    """filters[parent_id][]."""
    wanted = set(values(call, "filters[parent_id]"))
    return [v for v in rows if str(v.fields.get("parent_id")) in wanted] if wanted else rows


def _list(call: Call) -> Answer:
    view = call.view("extended")
    if view in ("directory", "summary"):
        raise Refused(501, {"message": f"The sandbox does not model the vendor view {view}."})
    rows = by_origin(call, "vendor", [v for v in call.state.vendors.values() if v.fields.get("is_active") is not False])
    rows = by_parent(call, searched(rows, call.request.param("filters[search]")))
    rows = ordered(call, rows, {"name": lambda v: v.fields["name"].casefold()})
    return listed(call, rows, lambda v: shown(call.state, v, view))


def _inactive(call: Call) -> Answer:
    view = call.view("extended")
    if view in ("directory", "summary"):
        raise Refused(501, {"message": f"The sandbox does not model the vendor view {view}."})
    rows = [v for v in call.state.vendors.values() if v.fields.get("is_active") is False]
    rows = ordered(call, rows, {"name": lambda v: v.fields["name"].casefold()})

    def row(vendor: Vendor) -> dict[str, Any]:
        full = shown(call.state, vendor, view)
        full.pop("connected_to_company_id", None)
        return full | {"_links": {"reactivate": f"{call.request.path}/{vendor.id}"}}

    return listed(call, rows, row, stamps=False)


def _reactivate(call: Call) -> Answer:
    vendor = pick(call, call.state.vendors)
    if vendor.fields.get("is_active") is not False:
        raise call.refuse(404, NO_SUCH_ID)
    change(call.state, vendor, {"is_active": True})
    return Answer(200, shown(call.state, vendor, call.view("extended")), changed=True)


def _show(call: Call) -> Answer:
    return Answer(200, shown(call.state, pick(call, call.state.vendors), call.view("extended")))


def _create(call: Call) -> Answer:
    vendor = create(call, target(call), call.part("vendor"))
    return Answer(201, shown(call.state, vendor, call.view("extended")), changed=True)


def _update(call: Call) -> Answer:
    vendor = update(call, target(call), pick(call, call.state.vendors), call.part("vendor"))
    return Answer(200, shown(call.state, vendor, call.view("extended")), changed=True)


def _sync(call: Call) -> Answer:
    return sync(call, target(call))


def _register(call: Call) -> Answer:
    vendor = pick(call, call.state.vendors)
    if call.request.method == "POST" and vendor.register is not None:
        raise Refused(409, {"message": "The vendor already has a business register entry."})
    if call.request.method == "PATCH" and vendor.register is None:
        raise call.refuse(404, "The vendor has no business register entry.")
    try:
        vendor.register = register_entry(call.state, call.part("business_register"), vendor.register)
    except RowRefused as refused:
        raise Refused(422, by_field(refused.fields)) from None
    vendor.updated_at = call.state.stamp()
    call.state.note("update", RESOURCE, vendor.id)
    return Answer(201 if call.request.method == "POST" else 200, vendor.register, changed=True)


_INACTIVE = "/rest/v1.0/companies/{company_id}/vendors/inactive"
_LIST_NOTE = "inactive vendors are left out; views directory and summary answer 501"

ROUTES: tuple[Route, ...] = (
    *routes(
        "directory",
        ("GET", "/rest/v1.0/vendors", _list, _LIST_NOTE),
        ("POST", "/rest/v1.0/vendors", _create),
        ("PATCH", "/rest/v1.0/vendors/sync", _sync, "origin_custom_fields are accepted and not kept"),
        ("GET", "/rest/v1.0/vendors/{id}", _show),
        ("PATCH", "/rest/v1.0/vendors/{id}", _update),
        ("POST", "/rest/v1.0/vendors/{id}/business_register", _register),
        ("PATCH", "/rest/v1.0/vendors/{id}/business_register", _register),
        ("GET", "/rest/v1.1/vendors", _list, "view minimal needs no Directory permission"),
        ("GET", _INACTIVE, _inactive, "views directory and summary answer 501"),
        ("PATCH", f"{_INACTIVE}/{{id}}", _reactivate, "writing is_active true makes a vendor active again as well"),
    ),
)
