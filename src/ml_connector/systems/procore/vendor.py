"""Vendors of the company directory and their membership in projects (facts/procore.md 6)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from ml_connector.kernel.errors import NameMissing, Refused, RightMissing
from ml_connector.records.vendor import ProjectVendor, Vendor
from ml_connector.systems.port import Effect, Outcome
from ml_connector.systems.procore import sync
from ml_connector.systems.procore.answers import PROJECT_VENDORS, VENDORS, NotSeen
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.effects import body_of, done, id_of, number_of, one_by_one, project_of

_LIST = "/rest/v1.0/vendors"
_COUNTRY = re.compile(r"[A-Z]{2}")
_STATE = re.compile(r"[A-Z]{2,3}")
_REGISTERS = {"US": ("ein", 9), "AU": ("abn", 11)}
"""Country to Procore's business register and its number of digits; other countries have no field for a tax number."""


class Register(msgspec.Struct, omit_defaults=True):
    """A business register entry, written and read."""

    type: str | None = None
    identifier: str | None = None


class VendorRow(msgspec.Struct):
    """The members of a vendor row we use."""

    id: int
    name: str | None = None
    address: str | None = None
    city: str | None = None
    state_code: str | None = None
    country_code: str | None = None
    zip: str | None = None
    email_address: str | None = None
    business_phone: str | None = None
    business_register: Register | None = None
    is_active: bool | None = None
    origin_id: str | None = None
    updated_at: str | None = None


class VendorWrite(msgspec.Struct, omit_defaults=True):
    """One row of PATCH /rest/v1.0/vendors/sync; what we do not say stays as it is there."""

    id: int | None = None
    origin_id: str | None = None
    origin_code: str | None = None
    name: str | None = None
    address: str | None = None
    city: str | None = None
    state_code: str | None = None
    country_code: str | None = None
    zip: str | None = None
    email_address: str | None = None
    business_phone: str | None = None
    is_active: bool | None = None
    business_register_attributes: Register | None = None


class VendorSync(msgspec.Struct):
    """The body of a vendor sync: the company stands in it."""

    company_id: int
    updates: list[VendorWrite]


_CLEARED = ("address", "city", "zip", "email_address", "business_phone")
"""Plain texts IFS owns."""

_rows = msgspec.json.Decoder(list[VendorRow])
_row_shown = msgspec.json.Decoder(VendorRow)
_ids = msgspec.json.Decoder(list[int])
_added = msgspec.json.Decoder(sync.Entity)


def parse(row: VendorRow, active: bool = True) -> Vendor:
    """A row as a record; `active` is what the list it came from says, where the row is silent."""
    return Vendor(
        id=str(row.id),
        name=row.name or "",
        tax_number=row.business_register.identifier if row.business_register else None,
        country=row.country_code or None,
        address=row.address or None,
        city=row.city or None,
        state=row.state_code or None,
        zip_code=row.zip or None,
        email=row.email_address or None,
        phone=row.business_phone or None,
        active=active if row.is_active is None else row.is_active,
        origin=row.origin_id or None,
        stamp=row.updated_at or "",
    )


def register_of(vendor: Vendor) -> Register | None:
    """The tax number as a business register entry: an EIN or ABN of the right length, else nothing."""
    kind, digits = _REGISTERS.get(vendor.country or "", ("", 0))
    bare = re.sub(r"[\s-]", "", vendor.tax_number or "")
    return Register(kind, bare) if kind and bare.isdigit() and len(bare) == digits else None


def render(vendor: Vendor) -> VendorWrite:
    """A record as a row without ids; country and state only in ISO form, for Procore refuses others.

    A vendor is never deleted: `is_active` false takes it out of the lists, true brings it back, which is inferred for
    the sync call (facts/procore.md 6); the next reading tells.
    """
    country = vendor.country if vendor.country and _COUNTRY.fullmatch(vendor.country) else None
    state = vendor.state if country and vendor.state and _STATE.fullmatch(vendor.state) else None
    return VendorWrite(
        origin_code=vendor.id,
        name=vendor.name,
        address=vendor.address,
        city=vendor.city,
        state_code=state,
        country_code=country,
        zip=vendor.zip_code,
        email_address=vendor.email,
        business_phone=vendor.phone,
        is_active=vendor.active,
        business_register_attributes=register_of(vendor),
    )


def read(client: Client) -> list[Vendor]:
    """The company directory; the inactive list is a call of its own and left out where Procore does not serve it."""
    company = ("company_id", client.company)
    active = client.pages(_LIST, (company, ("view", "normal")), _rows, VENDORS)
    path = f"/rest/v1.0/companies/{client.company}/vendors/inactive"
    try:
        inactive = client.pages(path, (("view", "normal"),), _rows, VENDORS)
    except (RightMissing, NameMissing, Refused):
        inactive = []
    listed = {row.id for row in active}
    return [parse(row) for row in active] + [parse(row, active=False) for row in inactive if row.id not in listed]


def members(client: Client, project: str, only: Sequence[str] = ()) -> set[str]:
    """Ids of the vendors in a project's directory, or those of `only` that are in it."""
    query = [("view", "ids_only"), *(("filters[id][]", id_) for id_ in only)]
    path = f"/rest/v1.1/projects/{project}/vendors"
    return {str(id_) for id_ in client.pages(path, query, _ids, PROJECT_VENDORS)}


def send(client: Client, effects: Sequence[Effect]) -> list[Outcome]:
    """Creates (by once-key) or updates (by id where it is known) up to 1,000 vendors in one call."""
    return _sync(client, effects, [_row(effect) for effect in effects])


def adopt(client: Client, effects: Sequence[Effect]) -> list[Outcome]:
    """Stamps our once-key and number on vendors that were there before us."""
    rows = [
        VendorWrite(id=number_of(e.target), origin_id=e.once_key, origin_code=body_of(e, Vendor).id) for e in effects
    ]
    body = VendorSync(number_of(client.company), rows)
    return sync.outcomes(effects, client.write("PATCH", f"{_LIST}/sync", body, sync.decoder, VENDORS))


def _row(effect: Effect) -> VendorWrite:
    row = render(body_of(effect, Vendor))
    if effect.verb == "update":
        for name in _CLEARED:  # what IFS no longer holds is emptied, not left as it was
            if getattr(row, name) is None:
                setattr(row, name, "")
    if effect.verb == "update" and effect.target:
        row.id = number_of(effect.target)
    else:
        row.origin_id = effect.once_key
    return row


def _sync(client: Client, effects: Sequence[Effect], rows: list[VendorWrite]) -> list[Outcome]:
    body = VendorSync(number_of(client.company), rows)
    return sync.outcomes(effects, client.upsert(f"{_LIST}/sync", body, sync.decoder, VENDORS))


def find(client: Client, effect: Effect) -> Outcome | None:
    """The vendor with our once-key (or the id aimed at), when it reads as we would write it."""
    for row in _aimed_at(client, effect):
        if effect.verb != "update" and row.origin_id != effect.once_key:
            continue
        if effect.verb == "adopt" or _same(_row(effect), row):
            return done(effect, row.id, row.updated_at)
    return None


def _aimed_at(client: Client, effect: Effect) -> list[VendorRow]:
    """The vendor of the effect's target, active or not, which the list would not show; else those of its once-key."""
    query = (("company_id", client.company), ("view", "normal"))
    if not effect.target:
        return client.pages(_LIST, (*query, ("filters[origin_id]", effect.once_key)), _rows, VENDORS)
    try:
        return [client.get(f"{_LIST}/{number_of(effect.target)}", query, _row_shown, VENDORS)]
    except NotSeen:
        return []


def _same(sent: VendorWrite, row: VendorRow) -> bool:
    pairs = (
        (sent.name, row.name),
        (sent.address, row.address),
        (sent.city, row.city),
        (sent.zip, row.zip),
        (sent.country_code, row.country_code),
        (sent.state_code, row.state_code),
        (sent.email_address, row.email_address),
        (sent.business_phone, row.business_phone),
        (sent.is_active, row.is_active is not False),
        (_digits(sent.business_register_attributes), _digits(row.business_register)),
    )
    return all(ours is None or ours == ("" if theirs is None else theirs) for ours, theirs in pairs)


def _digits(register: Register | None) -> str | None:
    return re.sub(r"[\s-]", "", register.identifier or "") if register else None


def add(client: Client, effects: Sequence[Effect]) -> list[Outcome]:
    """Puts vendors into the project's directory; one that is already in it counts as done."""
    project = project_of(effects)

    def one(effect: Effect) -> Outcome:
        vendor = id_of(effect, "vendor", body_of(effect, ProjectVendor).vendor)
        path = f"/rest/v1.1/projects/{project}/vendors/{vendor}/actions/add"
        try:
            client.write("POST", path, None, _added, PROJECT_VENDORS)
        except Refused:
            if vendor not in members(client, project, (vendor,)):
                raise
        return done(effect, vendor)

    return one_by_one(effects, one)


def find_member(client: Client, effect: Effect) -> Outcome | None:
    """Whether the vendor is in the project's directory."""
    vendor = id_of(effect, "vendor", body_of(effect, ProjectVendor).vendor)
    found = vendor in members(client, project_of((effect,)), (vendor,))
    return done(effect, vendor) if found else None
