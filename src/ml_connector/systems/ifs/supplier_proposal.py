"""Suppliers proposed to IFS: a vendor born in Procore, whole and blocked for payment until a person releases it.

One change set makes the general part and everything a supplier needs before an order or an invoice can name it
(facts/ifs.md 8, 11.2):

    POST SupplierInfoGeneralSet                         $1; the number is drawn by the server; bears our once-key
    POST $1/SupplierPayments                            first of all: BlockedForPayment, whatever the profile says
    POST $1/SupplierInfoAddresses                       $2, with what it is for, e-mail and phone below it
    POST $1/SupplierPurchases, $1/SupplierInvoiceCompanies

Bank data and payment terms are IFS's own and never come from here; terms are the profile's defaults.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from ml_connector.kernel.errors import NameMissing
from ml_connector.records.vendor import Vendor
from ml_connector.systems.ifs.change_set import ChangeSet, ChangeSets, Part
from ml_connector.systems.ifs.company import company_reading
from ml_connector.systems.ifs.odata import Odata, row_path, text_literal
from ml_connector.systems.ifs.once import HEADER, Once, Place, count_of, remove_header
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.rows import Row
from ml_connector.systems.ifs.writing_profile import defaults_of
from ml_connector.systems.outcomes import body_of
from ml_connector.systems.port import Effect, Outcome, Result

ADDRESS = "2"
"""Content-ID of the address."""
_LINE = 100
"""Characters an address line may have (inferred, facts/ifs.md 11.2)."""
_BELOW = frozenset({"payments", "addresses", "purchases", "invoices"})


class SupplierProposals:
    """Makes suppliers of one company. Thread safe."""

    def __init__(self, odata: Odata, sets: ChangeSets, profile: Profile, company: str) -> None:
        projection, _, entity_set = profile.writes.supplier.partition("/")
        self._odata = odata
        self._projection = projection
        self._profile = profile
        self._company = company
        self._set = entity_set
        self._currency = ""
        self._once = Once(
            odata,
            sets,
            Place(
                what="supplier",
                projection=projection,
                entity_set=entity_set,
                id=profile.supplier.name("id"),
                reference=profile.writes.supplier_reference,
                leading=False,
                select=(),
            ),
            self._whole,
        )

    def create(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Proposes each vendor that is not there yet; the outcome's target is its supplier number."""
        outcomes = self._once.create(effects, self._render)
        return [_hinted(effect, outcome) for effect, outcome in zip(effects, outcomes, strict=True)]

    def find(self, effect: Effect) -> Outcome | None:
        """DONE with its number when a supplier bears the once-key."""
        return self._once.find(effect)

    def _render(self, effect: Effect) -> ChangeSet:
        body = body_of(effect, Vendor)
        writes = self._profile.writes
        name = self._profile.supplier.name
        own: dict[str, object] = {
            name("name"): body.name,
            name("tax_number"): body.tax_number,
            name("country_code"): body.country,
            writes.supplier_reference: effect.once_key,
        }
        general = {**defaults_of(writes.supplier_defaults, "general"), **filled(own)}
        parts = [Part("POST", self._set, general, content_id=HEADER)]
        below = {
            "payments": self._payments,
            "addresses": self._address,
            "purchases": self._purchases,
            "invoices": self._invoices,
        }
        for word, nav in self._navs():
            parts += below[word](body, nav)
        return ChangeSet(tuple(parts), undo=remove_header())

    def _navs(self) -> list[tuple[str, str]]:
        """What stands directly below a supplier, in the order in which it is made: our word and the tenant's array."""
        return [(word, nav) for word, nav in self._profile.writes.supplier_navs.items() if nav and word in _BELOW]

    def _whole(self, effect: Effect, supplier: str) -> bool:
        """Whether what is made last is there: all before it is there too."""
        row = row_path(self._set, {self._profile.supplier.name("id"): text_literal(supplier)})
        address = f"{self._odata.service(self._projection)}{row}/{self._navs()[-1][1]}"
        return count_of(self._odata, address) > 0

    def _payments(self, body: Vendor, nav: str) -> Iterator[Part]:
        values = {**self._defaults("payments"), "Company": self._company, "BlockedForPayment": True}
        yield Part("POST", f"${HEADER}/{nav}", values)

    def _purchases(self, body: Vendor, nav: str) -> Iterator[Part]:
        yield Part("POST", f"${HEADER}/{nav}", self._in_own_currency("purchases", "CurrencyCode"))

    def _invoices(self, body: Vendor, nav: str) -> Iterator[Part]:
        values = {**self._in_own_currency("invoices", "DefCurrency"), "Company": self._company}
        yield Part("POST", f"${HEADER}/{nav}", values)

    def _address(self, body: Vendor, nav: str) -> Iterator[Part]:
        writes = self._profile.writes
        values = {"AddressId": "1", **self._defaults("addresses"), "Name": body.name, **address_fields(body)}
        yield Part("POST", f"${HEADER}/{nav}", filled(values), content_id=ADDRESS)
        if types := writes.supplier_navs.get("address_types"):
            for kind in writes.supplier_address_types:
                yield Part("POST", f"${ADDRESS}/{types}", {"AddressTypeCode": kind, "DefAddress": True})
        if contacts := writes.supplier_navs.get("contacts"):
            for word, value in (("email", body.email), ("phone", body.phone)):
                if value:
                    yield Part("POST", f"${ADDRESS}/{contacts}", new_contact(writes.supplier_contacts[word], value))

    def _defaults(self, part: str) -> dict[str, object]:
        return defaults_of(self._profile.writes.supplier_defaults, part)

    def _in_own_currency(self, part: str, name: str) -> dict[str, object]:
        """The defaults of a part, in the company's currency where they name none."""
        defaults = self._defaults(part)
        if name not in defaults:
            self._currency = self._currency or self._own_currency()
            defaults[name] = self._currency
        return defaults

    def _own_currency(self) -> str:
        where = self._profile.company
        reading = company_reading(self._odata, where, self._company, "read the company")
        for raw in self._odata.rows(reading):
            if currency := Row(raw, where).text("currency"):
                return currency
        raise NameMissing(
            f"IFS does not tell the currency of company {self._company}.",
            remedy="Name purchases.CurrencyCode and invoices.DefCurrency in writes.supplier_defaults of the profile.",
        )


def _hinted(effect: Effect, outcome: Outcome) -> Outcome:
    """A refusal with what to do where the vendor names no country, which is what most addresses lack."""
    if outcome.result is not Result.REFUSED or body_of(effect, Vendor).country:
        return outcome
    hint = (
        "The vendor names no country in Procore: enter it there, or name addresses.Country and general.CountryCode in "
        "[erp.profile.writes.supplier_defaults]."
    )
    return msgspec.structs.replace(outcome, sentence=f"{outcome.sentence} {hint}")


def filled(values: dict[str, object]) -> dict[str, object]:
    """`values` without those that are None, empty, or have no name on this tenant."""
    return {name: value for name, value in values.items() if name and value not in (None, "")}


def address_fields(body: Vendor) -> dict[str, object]:
    """What of a vendor stands on its address row, by IFS's names; what the vendor does not say is left out.

    A long address is broken at a comma, because a reader joins the two lines by one.
    """
    first, second = body.address or "", ""
    if len(first) > _LINE and ", " in first[:_LINE]:
        at = first.rindex(", ", 0, _LINE)
        first, second = first[:at], first[at + 2 :]
    return filled(
        {
            "Address1": first,
            "Address2": second,
            "City": body.city,
            "State": body.state,
            "ZipCode": body.zip_code,
            "Country": body.country,
        }
    )


def new_contact(method: str, value: str) -> dict[str, object]:
    """A communication method as it is made: the default one of its kind."""
    return {"MethodId": method, "Value": value, "MethodDefault": True, "AddressDefault": True}
