"""What the database does around suppliers: numbers, party type and dependent parts (facts/ifs.md 11.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ml_connector.sandbox.ifs.database import Database, Row, Rules
from ml_connector.sandbox.ifs.rates import rate
from ml_connector.sandbox.ifs.refusals import NOT_EXIST, USED, RuleBroken

_CHILDREN = (
    ("SupplierInfoAddress", "SupplierId"),
    ("SupplierInfoAddressType", "SupplierId"),
    ("CommMethod", "Identity"),
    ("Supplier", "VendorNo"),
    ("IdentityInvoiceInfo", "Identity"),
    ("IdentityPayInfo", "Identity"),
    ("PaymentWayPerIdentity", "Identity"),
)


def _fill_supplier(db: Database, values: dict[str, Any]) -> None:
    while values.get("SupplierId") is None:
        number = str(db.next_number("SupplierInfoGeneral"))
        if db.find("SupplierInfoGeneral", number) is None:
            values["SupplierId"] = number
    defaults = {
        "PartyType": "Supplier",
        "CreationDate": db.today(),
        "DefaultDomain": True,
        "OneTime": False,
        "B2bSupplier": False,
        "SupplierCategory": "Supplier",
        "ValidDataProcessingPurpose": False,
    }
    for name, default in defaults.items():
        if values.get(name) is None:
            values[name] = default


def _remove_supplier(db: Database, row: Row) -> None:
    for lu, name, place in (
        ("PurchaseOrder", "VendorNo", "purchase orders"),
        ("ManSuppInvoice", "Identity", "invoices"),
    ):
        if any(one[name] == row["SupplierId"] for one in db.table(lu)):
            raise RuleBroken(USED, "SupplierInfoGeneral.CONSTRAINT", f"The supplier is used on {place}.")


def _supplier_removed(db: Database, row: Row) -> None:
    for lu, name in _CHILDREN:
        for child in [one for one in db.table(lu) if one[name] == row["SupplierId"]]:
            db.delete(child)


def _fill_party(db: Database, values: dict[str, Any]) -> None:
    values["PartyType"] = values.get("PartyType") or "Supplier"


def _fill_payment(db: Database, values: dict[str, Any]) -> None:
    _fill_party(db, values)
    for name in ("BlockedForPayment", "NettingAllowed", "IsOneInvPerPay"):
        values[name] = bool(values.get(name))


def _fill_communication(db: Database, values: dict[str, Any]) -> None:
    _fill_party(db, values)
    if values.get("CommId") is None:
        taken = (row["CommId"] for row in db.table("CommMethod").under((values["Identity"],)))
        values["CommId"] = max(taken, default=0) + 1


def _needs_supplier(name: str, fill: Callable[[Database, dict[str, Any]], None] | None = None) -> Rules:
    """Rules of a part that hangs on the general part through the attribute `name`: the supplier must be there."""

    def check(db: Database, new: dict[str, Any], old: Row | None) -> None:
        if db.find("SupplierInfoGeneral", new[name]) is None:
            raise RuleBroken(NOT_EXIST, "SupplierInfoGeneral.NOTEXIST", f"The supplier {new[name]} does not exist.")
        for currency in ("CurrencyCode", "DefCurrency"):
            if new.get(currency) is not None:
                rate(new[currency], db.base_currency)
        term = new.get("PayTermId")
        if term is not None and db.find("PaymentTerm", db.company, term) is None:
            raise RuleBroken(NOT_EXIST, "PaymentTerm.NOTEXIST", f"The payment term {term} does not exist.")
        if "Company" in new and db.find("CompanyFinance", new["Company"]) is None:
            raise RuleBroken(NOT_EXIST, "CompanyFinance.NOTEXIST", f"The company {new['Company']} does not exist.")

    def saved(db: Database, row: Row, old: Mapping[str, Any] | None) -> None:
        parent = db.find("SupplierInfoGeneral", row[name])
        if parent is not None:
            db.touch(parent)

    return Rules(fill=fill, check=check, saved=saved)


SUPPLIER_RULES = {
    "SupplierInfoGeneral": Rules(fill=_fill_supplier, remove=_remove_supplier, removed=_supplier_removed),
    "SupplierInfoAddress": _needs_supplier("SupplierId"),
    "SupplierInfoAddressType": _needs_supplier("SupplierId"),
    "CommMethod": _needs_supplier("Identity", _fill_communication),
    "Supplier": _needs_supplier("VendorNo"),
    "IdentityInvoiceInfo": _needs_supplier("Identity", _fill_party),
    "IdentityPayInfo": _needs_supplier("Identity", _fill_payment),
    "PaymentWayPerIdentity": _needs_supplier("Identity", _fill_party),
}
"""The rules of this module by logical unit."""
