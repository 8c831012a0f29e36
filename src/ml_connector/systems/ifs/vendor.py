"""IFS suppliers as records: general part, one address with its contacts, and purchase data (facts/ifs.md 11.2)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from ml_connector.kernel.keys import fingerprint
from ml_connector.records.problem import Problem, Reject
from ml_connector.records.vendor import Vendor
from ml_connector.systems.ifs.answers import not_odata
from ml_connector.systems.ifs.odata import JSON, Odata, any_of, row_path, text_literal
from ml_connector.systems.ifs.profile import SetProfile
from ml_connector.systems.ifs.rows import Row, problem
from ml_connector.systems.port import Knows, VendorPage

KIND = "vendor"

_AT_ONCE = 4


class _Address(msgspec.Struct, rename="pascal"):
    address_id: str = ""
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None
    country: str | None = None
    valid_to: str | None = None


class _Contact(msgspec.Struct, rename="pascal"):
    method_id: str = ""
    value: str | None = None
    method_default: bool | None = None


class _Purchase(msgspec.Struct, rename="pascal"):
    vendor_no: str | None = None


class _Addresses(msgspec.Struct):
    value: list[_Address]


class _Contacts(msgspec.Struct):
    value: list[_Contact]


class _Purchases(msgspec.Struct):
    value: list[_Purchase] = []
    vendor_no: str | None = msgspec.field(name="VendorNo", default=None)
    """Set when the navigation leads to one row instead of a list."""


_Nav = TypeVar("_Nav")
_addresses = msgspec.json.Decoder(_Addresses)
_contacts = msgspec.json.Decoder(_Contacts)
_purchases = msgspec.json.Decoder(_Purchases)


def vendors(odata: Odata, where: SetProfile, ids: Sequence[str], knows: Knows) -> VendorPage:
    """The suppliers with those ids; ids that IFS does not know are absent.

    Three more reads for each supplier whose row is not as `knows` remembers it. That a change of its addresses or
    contacts changes the row's own tag, and with it the fingerprint, is inferred (facts/ifs.md 7.1).
    """
    rows = {
        Row(raw, where).text("id"): raw
        for condition in any_of(where.name("id"), ids)
        for raw in odata.rows(odata.reading(where, "read suppliers", condition))
    }
    seen = {identity: fingerprint(bytes(raw)) for identity, raw in rows.items()}
    known = knows(list(seen))
    changed = [raw for identity, raw in rows.items() if known.get(identity) != seen[identity]]
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # the transport's pacing keeps the tenant's own limit
        found = list(pool.map(lambda raw: _vendor(odata, where, raw), changed))
    return VendorPage(
        tuple(one for one in found if isinstance(one, Vendor)),
        tuple(one for one in found if isinstance(one, Problem)),
        seen,
    )


def _vendor(odata: Odata, where: SetProfile, raw: msgspec.Raw) -> Vendor | Problem:
    identity = ""
    try:
        row = Row(raw, where)
        identity = row.required("id")
        name = row.required("name")
        base = f"{odata.service(where.projection, where.service)}" + row_path(
            where.entity_set, {where.name("id"): text_literal(identity)}
        )
        address = _best(_nav(odata, f"{base}/SupplierInfoAddresses", _addresses, _Addresses([])).value)
        contacts = _contacts_of(odata, base, identity, address) if address else []
        bought = _nav(odata, f"{base}/SupplierPurchases", _purchases, _Purchases())
        country = row.text("country_code") or row.text("country") or (address.country if address else None)
        return Vendor(
            id=identity,
            name=name,
            tax_number=row.text("tax_number") or None,
            country=country or None,
            address=_lines(address),
            city=address.city if address else None,
            state=address.state if address else None,
            zip_code=address.zip_code if address else None,
            email=_contact(contacts, "email"),
            phone=_contact(contacts, "phone"),
            purchasable=bool(bought.value or bought.vendor_no),
        )
    except Reject as why:
        return problem(KIND, identity, str(why), raw)


def _nav(odata: Odata, url: str, decoder: msgspec.json.Decoder[_Nav], none: _Nav) -> _Nav:
    """What stands behind a navigation; `none` when there is nothing (404 on some tenants)."""
    what = "read a supplier's details"
    reply = odata.find(f"{url}?$top={odata.page_size}", what, JSON)
    if reply is None:
        return none
    try:
        return decoder.decode(reply.body)
    except msgspec.ValidationError as error:
        raise Reject(f"its details have another shape: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise not_odata(what) from None


def _best(addresses: Sequence[_Address]) -> _Address | None:
    """The address to show: one without an end before one that ends latest; then by its id."""
    if not addresses:
        return None
    latest = max(one.valid_to or "9999" for one in addresses)
    return min((one for one in addresses if (one.valid_to or "9999") == latest), key=lambda one: one.address_id)


def _lines(address: _Address | None) -> str | None:
    parts = [one.strip() for one in (address.address1, address.address2) if one and one.strip()] if address else []
    return ", ".join(parts) or None


def _contacts_of(odata: Odata, base: str, identity: str, address: _Address) -> list[_Contact]:
    key = {"SupplierId": text_literal(identity), "AddressId": text_literal(address.address_id)}
    url = f"{base}/{row_path('SupplierInfoAddresses', key)}/AddressCommunicationMethods"
    return _nav(odata, url, _contacts, _Contacts([])).value


def _contact(contacts: Sequence[_Contact], method: str) -> str | None:
    """The value of that method, the default one first. `EMail`, `E-Mail` and `EMAIL` are one (releases differ)."""
    of_method = [one for one in contacts if one.value and _method(one) == method]
    of_method.sort(key=lambda one: not one.method_default)
    return of_method[0].value if of_method else None


def _method(contact: _Contact) -> str:
    return "".join(sign for sign in contact.method_id.lower() if sign.isalpha())
