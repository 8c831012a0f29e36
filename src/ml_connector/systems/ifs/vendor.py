"""IFS suppliers as records: general part, one address with its contacts, and purchase data (facts/ifs.md 11.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import TypeVar
from urllib.parse import quote

import msgspec

from ml_connector.kernel.errors import NameMissing, Refused, RightMissing
from ml_connector.kernel.keys import fingerprint
from ml_connector.records.problem import Problem, Reject
from ml_connector.records.vendor import Vendor
from ml_connector.systems.ifs.answers import accepted, not_odata
from ml_connector.systems.ifs.batch import Batch
from ml_connector.systems.ifs.odata import Odata, any_of, row_path, text_literal
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.rows import Row, problem
from ml_connector.systems.port import Knows, VendorPage
from ml_connector.systems.wire import WireReply

KIND = "vendor"

_AT_ONCE = 500
"""Suppliers whose details are in memory as they came."""


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


class _Invoicing(msgspec.Struct, rename="pascal"):
    expire_date: str | None = None


class _Payment(msgspec.Struct, rename="pascal"):
    blocked_for_payment: bool | None = None


class _Addresses(msgspec.Struct):
    value: list[_Address]


class _Contacts(msgspec.Struct):
    value: list[_Contact]


class _Purchases(msgspec.Struct):
    value: list[_Purchase] = []
    vendor_no: str | None = msgspec.field(name="VendorNo", default=None)
    """Set when the navigation leads to one row instead of a list."""


class _Invoicings(msgspec.Struct):
    value: list[_Invoicing]


class _Payments(msgspec.Struct):
    value: list[_Payment]


class _Supplier(msgspec.Struct):
    """One supplier while it is put together; `why` says why it cannot be, if so."""

    raw: msgspec.Raw
    address: _Address | None = None
    contacts: list[_Contact] = []
    purchasable: bool = True
    expires: date | None = None
    why: str = ""


_Detail = TypeVar("_Detail")
_Asked = TypeVar("_Asked")
_addresses = msgspec.json.Decoder(_Addresses)
_contacts = msgspec.json.Decoder(_Contacts)
_purchases = msgspec.json.Decoder(_Purchases)
_invoicings = msgspec.json.Decoder(_Invoicings)
_payments = msgspec.json.Decoder(_Payments)

# some tenants give nested rows without their properties unless these are named (facts/ifs.md 6)
_ADDRESS_NAMES = ",".join(field.encode_name for field in msgspec.structs.fields(_Address))
_CONTACT_NAMES = ",".join(field.encode_name for field in msgspec.structs.fields(_Contact))
_WHAT = "read a supplier's details"


class SupplierReading:
    """Reads suppliers; their details come in batches. Suppliers belong to no company, but expire for one."""

    def __init__(self, odata: Odata, batch: Batch, profile: Profile, company: str, today: date) -> None:
        """`company` is the one whose invoice data tell when a supplier expires; `today` the day it is held against."""
        self._company = company
        self._today = today
        self._odata = odata
        self._batch = batch
        self._batch_from = profile.batch_from
        self._where = profile.supplier
        self._navs = profile.supplier_navs
        self._service = odata.service(self._where.projection, self._where.service)

    def vendors(self, ids: Sequence[str], knows: Knows, batch_from: int | None = None) -> VendorPage:
        """The suppliers with those ids; ids that IFS does not know are absent.

        Details are read of suppliers whose row is not as `knows` remembers it: two batches for each fifty where there
        are at least `batch_from` (default: the profile's), else four reads for each. That a change of a supplier's
        addresses, contacts or invoice data changes the row's own tag, and with it the fingerprint, is inferred
        (facts/ifs.md 7.1). One that is to expire later is read in full each time, for its row will not change that day.
        """
        problems: list[Problem] = []
        rows = self._rows(ids, problems)
        seen = {identity: fingerprint(bytes(raw)) for identity, raw in rows.items()}
        known = knows(list(seen))
        new = [identity for identity in rows if known.get(identity) != seen[identity]]
        batched = len(new) >= (self._batch_from if batch_from is None else batch_from)
        changed = iter(new)
        vendors: list[Vendor] = []
        while some := list(islice(changed, _AT_ONCE)):
            for identity, supplier in self._read(some, rows, batched).items():
                found = self._vendor(identity, supplier)
                if isinstance(found, Vendor):
                    vendors.append(found)
                    if supplier.expires and found.active:
                        seen[identity] = fingerprint(bytes(supplier.raw) + str(supplier.expires).encode())
                else:
                    problems.append(found)
        return VendorPage(tuple(vendors), tuple(problems), seen)

    def without_purchase_data(self, ids: Iterable[str]) -> list[str]:
        """Those of `ids`, in order, of whom no purchase data can be read; none where these are switched off."""
        replies = self._ask([(one, self._detail(one, "purchases")) for one in sorted(set(ids))])
        return [one for one, reply in replies.items() if not _is_bought(reply)]

    def blocked(self, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that the company holds back from payment, or of which IFS does not say that it does not."""
        asked = [(one, self._of_company(one, "payments", "BlockedForPayment")) for one in sorted(set(ids))]
        replies = self._ask(asked, len(asked) >= self._batch_from)
        return {one for one, _ in asked} - {one for one, reply in replies.items() if _is_released(reply)}

    def _of_company(self, identity: str, word: str, name: str) -> str:
        """Where the company's own row of a supplier is read, with one property of it."""
        nav = self._navs.get(word, "")
        condition = quote(f"Company eq {text_literal(self._company)}", safe="'")
        return f"{self._row(identity)}/{nav}?$select=Company,{name}&$filter={condition}&$top=1" if nav else ""

    def _rows(self, ids: Sequence[str], problems: list[Problem]) -> dict[str, msgspec.Raw]:
        rows: dict[str, msgspec.Raw] = {}
        for condition in any_of(self._where.name("id"), ids):
            for raw in self._odata.rows(self._odata.reading(self._where, "read suppliers", condition)):
                try:
                    rows[Row(raw, self._where).required("id")] = raw
                except Reject as why:
                    problems.append(problem(KIND, "", str(why), raw))
        return rows

    def _read(self, ids: Sequence[str], rows: Mapping[str, msgspec.Raw], batched: bool) -> dict[str, _Supplier]:
        """The suppliers with their details: addresses and purchase data first, then the contacts of one address.

        The company's invoice data come with the contacts, so that fifty suppliers fill two batches and no third.
        """
        found = {one: _Supplier(rows[one]) for one in ids}
        first = self._ask(
            [((one, word), self._detail(one, word)) for word in ("addresses", "purchases") for one in ids],
            batched,
        )
        for (identity, word), reply in first.items():
            supplier = found[identity]
            try:
                if word == "purchases":
                    supplier.purchasable = _bought(reply)
                else:
                    supplier.address = _best(_decoded(reply, _addresses, _Addresses([])).value)
            except Reject as why:
                supplier.why = str(why)
        second = self._ask(
            [((one, "contacts"), self._contacts(one, supplier.address)) for one, supplier in found.items()]
            + [((one, "invoices"), self._of_company(one, "invoices", "ExpireDate")) for one in found],
            batched,
        )
        for (identity, word), reply in second.items():
            supplier = found[identity]
            try:
                if word == "invoices":
                    supplier.expires = _expires(reply)
                else:
                    supplier.contacts = _decoded(reply, _contacts, _Contacts([])).value
            except Reject as why:
                supplier.why = str(why)
        return found

    def _ask(self, wanted: Sequence[tuple[_Asked, str]], batched: bool = True) -> dict[_Asked, WireReply]:
        """Answers by what they are asked for; an empty path is not asked for."""
        asked = [(what, path) for what, path in wanted if path]
        replies = self._batch.read(self._service, [path for _, path in asked], batched)
        return {what: reply for (what, _), reply in zip(asked, replies, strict=True)}

    def _row(self, identity: str) -> str:
        return row_path(self._where.entity_set, {self._where.name("id"): text_literal(identity)})

    def _detail(self, identity: str, word: str) -> str:
        names = f"$select={_ADDRESS_NAMES}&" if word == "addresses" else ""
        nav = self._navs.get(word)
        return f"{self._row(identity)}/{nav}?{names}$top={self._odata.page_size}" if nav else ""

    def _contacts(self, identity: str, address: _Address | None) -> str:
        above, nav = self._navs.get("addresses", ""), self._navs.get("contacts")
        if address is None or not nav:
            return ""
        key = {"SupplierId": text_literal(identity), "AddressId": text_literal(address.address_id)}
        names = f"$select={_CONTACT_NAMES}"
        return f"{self._row(identity)}/{row_path(above, key)}/{nav}?{names}&$top={self._odata.page_size}"

    def _vendor(self, identity: str, supplier: _Supplier) -> Vendor | Problem:
        address = supplier.address
        try:
            if supplier.why:
                raise Reject(supplier.why)
            row = Row(supplier.raw, self._where)
            country = row.text("country_code") or row.text("country") or (address.country if address else None)
            return Vendor(
                id=identity,
                name=row.required("name"),
                tax_number=row.text("tax_number") or None,
                country=country or None,
                address=_lines(address),
                city=address.city if address else None,
                state=address.state if address else None,
                zip_code=address.zip_code if address else None,
                email=_contact(supplier.contacts, "email"),
                phone=_contact(supplier.contacts, "phone"),
                active=supplier.expires is None or supplier.expires >= self._today,
                purchasable=supplier.purchasable,
            )
        except Reject as why:
            return problem(KIND, identity, str(why), supplier.raw)


def named_of(row: Row) -> Vendor:
    """A supplier by its general row alone: number, name, tax number and country. Raises Reject."""
    return Vendor(
        id=row.required("id"),
        name=row.required("name"),
        tax_number=row.text("tax_number") or None,
        country=row.text("country_code") or row.text("country") or None,
    )


def _bought(reply: WireReply) -> bool:
    """Whether there is purchase data. Raises Reject."""
    found = _decoded(reply, _purchases, _Purchases())
    return bool(found.value or found.vendor_no)


def _is_bought(reply: WireReply) -> bool:
    try:
        return _bought(reply)
    except Reject:
        return False


def _expires(reply: WireReply) -> date | None:
    """The day on which the company's use of a supplier ends; None when it does not. Raises Reject."""
    for row in _decoded(reply, _invoicings, _Invoicings([])).value:
        try:
            return date.fromisoformat(row.expire_date[:10]) if row.expire_date else None
        except ValueError:
            raise Reject(f"ExpireDate is no date: {(row.expire_date or '')[:40]!r}") from None
    return None


def _is_released(reply: WireReply) -> bool:
    try:
        rows = _decoded(reply, _payments, _Payments([])).value
        return bool(rows) and all(row.blocked_for_payment is False for row in rows)
    except (RightMissing, NameMissing, Reject):
        return False


def _decoded(reply: WireReply, decoder: msgspec.json.Decoder[_Detail], none: _Detail) -> _Detail:
    """What stands behind a navigation; `none` when there is nothing (404 on some tenants). Raises Reject."""
    if reply.status in (204, 404):
        return none
    try:
        return decoder.decode(accepted(reply, _WHAT).body)
    except Refused as error:
        raise Reject(f"its details cannot be read: {error.sentence.rstrip('.')}") from None
    except msgspec.ValidationError as error:
        raise Reject(f"its details have another shape: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise not_odata(_WHAT) from None


def _best(addresses: Sequence[_Address]) -> _Address | None:
    """The address to show: one without an end before one that ends latest; then by its id."""
    if not addresses:
        return None
    latest = max(one.valid_to or "9999" for one in addresses)
    return min((one for one in addresses if (one.valid_to or "9999") == latest), key=lambda one: one.address_id)


def _lines(address: _Address | None) -> str | None:
    parts = [one.strip() for one in (address.address1, address.address2) if one and one.strip()] if address else []
    return ", ".join(parts) or None


def _contact(contacts: Sequence[_Contact], method: str) -> str | None:
    """The value of that method, the default one first. `EMail`, `E-Mail` and `EMAIL` are one (releases differ)."""
    of_method = [one for one in contacts if one.value and _method(one) == method]
    # rows come in no certain order: the value decides between equals, or each look would find another
    of_method.sort(key=lambda one: (not one.method_default, one.value))
    return of_method[0].value if of_method else None


def _method(contact: _Contact) -> str:
    return "".join(sign for sign in contact.method_id.lower() if sign.isalpha())
