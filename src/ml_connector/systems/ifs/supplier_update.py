"""Suppliers changed in IFS: name, address, e-mail and phone, where Procore owns them; each row with its own tag.

All rows of one supplier change in one change set or none do. What the record leaves empty is not touched, and bank
data, terms and tax numbers are never ours to write (facts/users-and-accounting.md 5.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ml_connector.kernel.errors import ConnectorError, NameMissing, Refused
from ml_connector.records.vendor import Vendor
from ml_connector.systems.ifs.answers import not_odata
from ml_connector.systems.ifs.change_set import ChangeSet, ChangeSets, Part
from ml_connector.systems.ifs.odata import FULL, Odata, row_path, text_literal
from ml_connector.systems.ifs.once import refused_by
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.supplier_proposal import ADDRESS, address_fields, filled, new_contact
from ml_connector.systems.ifs.writing import Writing
from ml_connector.systems.ifs.writing_profile import defaults_of
from ml_connector.systems.outcomes import body_of, done, one_by_one, unknown
from ml_connector.systems.port import Effect, Outcome

_ADDRESS_NAMES = "AddressId,Name,Address1,Address2,City,State,ZipCode,Country,ValidTo"
_STREET = ("Address1", "Address2")
_CONTACT_NAMES = "CommId,MethodId,Value,MethodDefault"


class _Listed(msgspec.Struct):
    value: list[dict[str, Any]]


_listed = msgspec.json.Decoder(_Listed)


class SupplierUpdates:
    """Changes suppliers, reading before each change what they are now. Thread safe."""

    def __init__(self, odata: Odata, sets: ChangeSets, profile: Profile) -> None:
        projection, _, self._set = profile.writes.supplier.partition("/")
        self._odata = odata
        self._sets = sets
        self._profile = profile
        self._service = odata.service(projection)
        self._writing = Writing(odata, projection)

    def update(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Brings each supplier (the effect's target) to what its vendor says; refused when it changed meanwhile."""
        return one_by_one(effects, self._update)

    def find(self, effect: Effect) -> Outcome | None:
        """DONE when the supplier is as its vendor says."""
        return None if self._changes(effect) else done(effect, effect.target)

    def _update(self, effect: Effect) -> Outcome:
        parts = self._changes(effect)
        if not parts:
            return done(effect, effect.target)
        (answer,) = self._sets.send(self._service, [ChangeSet(tuple(parts))])
        if answer is not None:
            if answer.ok:
                return done(effect, effect.target)
            return refused_by(answer, effect, f"change the supplier {effect.target}", begun=False)
        try:
            settled = self.find(effect)
        except ConnectorError:
            settled = None
        return settled or unknown(effect, f"IFS did not say whether it changed the supplier {effect.target}.")

    def _changes(self, effect: Effect) -> list[Part]:
        """What must change for the supplier to be as its vendor says; the general part first, then what hangs on it.

        Raises Refused when there is no such supplier.
        """
        body = body_of(effect, Vendor)
        path = row_path(self._set, {self._profile.supplier.name("id"): text_literal(effect.target)})
        there = self._writing.read(path)
        if there is None:
            raise Refused(f"IFS has no supplier {effect.target}.")
        nav = self._profile.writes.supplier_navs.get("addresses")
        address = _shown(self._rows(f"{path}/{nav}", _ADDRESS_NAMES)) if nav else None
        wanted = address_fields(body)
        general = self._general(body, there.row, address)
        if general.keys() <= {self._profile.supplier.name("name")}:  # the country is as it is shown already
            wanted.pop("Country", None)
        parts = [_patch(path, there.etag, general)] if general else []
        return [*parts, *self._address(path, body, address, wanted)] if nav else parts

    def _general(self, body: Vendor, row: Mapping[str, Any], address: Mapping[str, Any] | None) -> dict[str, object]:
        """What of the general part is not as the vendor says: its name, and the country as a reader sees it."""
        name = self._profile.supplier.name
        country = row.get(name("country_code")) or row.get(name("country")) or (address or {}).get("Country")
        changed: dict[str, object] = {}
        if body.name and row.get(name("name")) != body.name:
            changed[name("name")] = body.name
        if body.country and country != body.country and name("country_code"):
            changed[name("country_code")] = body.country
        return changed

    def _address(
        self, supplier: str, body: Vendor, address: dict[str, Any] | None, wanted: dict[str, object]
    ) -> Iterator[Part]:
        contacts = {word: value for word, value in (("email", body.email), ("phone", body.phone)) if value}
        if not (wanted or contacts):
            return
        if address is None:
            writes = self._profile.writes
            values = {"AddressId": "1", **defaults_of(writes.supplier_defaults, "addresses"), "Name": body.name}
            made = filled({**values, **address_fields(body)})
            yield Part("POST", f"{supplier}/{writes.supplier_navs['addresses']}", made, content_id=ADDRESS)
            yield from self._contacts(f"${ADDRESS}", {}, contacts)
            return
        if body.address == _street(address):
            wanted = {name: value for name, value in wanted.items() if name not in _STREET}
        elif "Address1" in wanted:
            wanted.setdefault("Address2", None)
        changed = {name: value for name, value in wanted.items() if (address.get(name) or None) != value}
        where = self._where(address)
        if changed:
            yield _patch(where, str(address.get("@odata.etag", "")), changed)
        yield from self._contacts(where, self._methods(where, contacts), contacts)

    def _methods(self, address: str, contacts: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """The row that stands for e-mail and for phone on an address, the default one of its kind first."""
        nav = self._profile.writes.supplier_navs.get("contacts")
        found: dict[str, dict[str, Any]] = {}
        if nav and contacts:
            rows = [row for row in self._rows(f"{address}/{nav}", _CONTACT_NAMES) if row.get("Value")]
            for row in sorted(rows, key=lambda one: (not one.get("MethodDefault"), str(one.get("Value")))):
                found.setdefault(_letters(str(row.get("MethodId"))), row)
        return found

    def _contacts(
        self, address: str, rows: Mapping[str, dict[str, Any]], contacts: Mapping[str, str]
    ) -> Iterator[Part]:
        writes = self._profile.writes
        nav = writes.supplier_navs.get("contacts")
        for word, value in contacts.items() if nav else ():
            row = rows.get(word)
            if row is None:
                yield Part("POST", f"{address}/{nav}", new_contact(writes.supplier_contacts[word], value))
            elif row["Value"] != value:
                yield _patch(self._where(row), str(row.get("@odata.etag", "")), {"Value": value})

    def _rows(self, path: str, names: str) -> list[dict[str, Any]]:
        """The rows of an array with their tags, which nested rows have only with full metadata (facts/ifs.md 4)."""
        what = "read a supplier's details"
        url = f"{self._service}{path}?$select={names}&$top={self._odata.page_size}"
        reply = self._odata.find(url, what, FULL)
        if reply is None:
            return []
        try:
            return _listed.decode(reply.body).value
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise not_odata(what) from None

    def _where(self, row: Mapping[str, Any]) -> str:
        """The address of a nested row below the projection, as the server tells it: its key differs by release."""
        told = str(row.get("@odata.id") or "")
        if not told:
            raise NameMissing("IFS does not tell the address of a supplier's row, so it cannot be changed.")
        return told.rpartition(".svc/")[2].lstrip("/")


def _patch(path: str, etag: str, values: Mapping[str, object]) -> Part:
    return Part("PATCH", path, values, (("if-match", etag),))


def _shown(addresses: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The address that is read as the supplier's own: one without an end before one that ends latest, then by id."""
    latest = max((str(one.get("ValidTo") or "9999") for one in addresses), default="")
    left = [one for one in addresses if str(one.get("ValidTo") or "9999") == latest]
    return min(left, key=lambda one: str(one.get("AddressId"))) if left else None


def _street(address: Mapping[str, Any]) -> str:
    """The two address lines as a reader joins them."""
    return ", ".join(text for name in _STREET if (text := str(address.get(name) or "").strip()))


def _letters(method: str) -> str:
    """`EMail`, `E-Mail` and `EMAIL` are one (releases differ)."""
    return "".join(sign for sign in method.lower() if sign.isalpha())
