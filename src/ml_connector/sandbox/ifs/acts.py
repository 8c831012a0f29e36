"""What people do in the windows of the ERP while the connector is not looking: named acts on the simulated tenant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from ml_connector.sandbox.ifs.catalog_organisation import ACTIVITY_STATE, PROJECT_STATE
from ml_connector.sandbox.ifs.catalog_purchasing import LINE_STATE, ORDER_STATE
from ml_connector.sandbox.ifs.database import NO_RULES, Database, Row
from ml_connector.sandbox.ifs.rules_purchasing import fire

Given = Mapping[str, Any]
Act = Callable[[Database, Given], Any]

_LINE_FIELDS = {
    "quantity": "BuyQtyDue",
    "price": "FbuyUnitPrice",
    "wanted": "WantedDeliveryDate",
    "description": "Description",
    "unit": "BuyUnitMeas",
    "part_no": "PartNo",
    "kind": "LineKind",
    "line_no": "LineNo",
    "release_no": "ReleaseNo",
    "project_id": "ProjectId",
    "activity_seq": "ActivitySeq",
    "note": "NoteText",
    "state": "Objstate",
}
_ORDER_FIELDS = {
    "order_no": "OrderNo",
    "supplier_id": "VendorNo",
    "site": "Contract",
    "currency": "CurrencyCode",
    "buyer": "BuyerCode",
    "note": "NoteText",
    "order_date": "OrderDate",
    "wanted": "WantedReceiptDate",
    "state": "Objstate",
}
_STATES = {"PurchaseOrder": ORDER_STATE, "PurchaseOrderLine": LINE_STATE}
_DECIMALS, _DATES = {"quantity", "price"}, {"wanted", "order_date", "valid_from", "valid_until"}


def _value(name: str, given: Any) -> Any:
    """A value from JSON or Python in the database's type."""
    if given is None:
        return None
    if name in _DECIMALS:
        try:
            return Decimal(str(given))
        except InvalidOperation as error:
            raise ValueError(f"{name} must be a number, not {given!r}") from error
    if name in _DATES and isinstance(given, str):
        return date.fromisoformat(given)
    return int(given) if name == "activity_seq" else given


def _mapped(given: Given, fields: Mapping[str, str], besides: frozenset[str] = frozenset()) -> dict[str, Any]:
    unknown = set(given) - set(fields) - besides
    if unknown:
        raise ValueError(f"nothing here is called {', '.join(sorted(unknown))}")
    values = {fields[name]: _value(name, value) for name, value in given.items() if name in fields}
    for letter, value in dict(given.get("codes") or {}).items():
        values[f"Code{letter}"] = value
    return values


def _needed(db: Database, lu: str, *key: Any) -> Row:
    row = db.find(lu, *key)
    if row is None:
        raise ValueError(f"there is no {lu} {' '.join(str(part) for part in key)}")
    return row


def _added(db: Database, lu: str, values: dict[str, Any]) -> Row:
    """Stores a row with defaults and follow-ups but without the checks for callers: people's windows have their own."""
    rules = db.rules.get(lu, NO_RULES)
    if rules.fill:
        rules.fill(db, values)
    _refuse_impossible(lu, values)
    return db.insert(db.table(lu).lu, values)


def _refuse_impossible(lu: str, values: Mapping[str, Any]) -> None:
    """Even a window cannot give a record a state or a kind that there is not."""
    state, kind = values.get("Objstate"), values.get("LineKind", "nopart")
    if lu in _STATES and state not in _STATES[lu].identifiers:
        raise ValueError(f"a {lu} cannot have the state {state}")
    if kind not in ("part", "nopart", "rental"):
        raise ValueError(f"a line is part, nopart or rental, not {kind}")


def _line(db: Database, given: Given) -> Row:
    return _needed(db, "PurchaseOrderLine", given["order_no"], given["line_no"], given.get("release_no", "1"))


def _key(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in row.lu.keys}


_LINE_KEY = frozenset({"order_no", "line_no", "release_no"})


def _amend_line(db: Database, given: Given) -> Any:
    row, changed = _line(db, given), {name: value for name, value in given.items() if name not in _LINE_KEY}
    values = _mapped(changed, _LINE_FIELDS, frozenset({"codes"}))
    _refuse_impossible("PurchaseOrderLine", {**row.as_dict(), **values})
    db.update(row, values)
    return _key(row)


def _cancel_line(db: Database, given: Given) -> Any:
    row = _line(db, given)
    fire(db, row, "Cancel")
    return _key(row)


def _add_line(db: Database, given: Given) -> Any:
    order = _needed(db, "PurchaseOrder", given["order_no"])
    values = _mapped(given, _LINE_FIELDS, frozenset({"order_no", "codes"}))
    values = {
        "LineKind": "nopart",
        "BuyUnitMeas": "pcs",
        "BuyQtyDue": Decimal(1),
        **values,
        "OrderNo": order["OrderNo"],
    }
    return _key(_added(db, "PurchaseOrderLine", values))


def _order_event(event: str) -> Act:
    def act(db: Database, given: Given) -> Any:
        row = _needed(db, "PurchaseOrder", given["order_no"])
        fire(db, row, event)
        return {"order_no": row["OrderNo"], "state": row["Objstate"]}

    return act


def _create_order(db: Database, given: Given) -> Any:
    values = _mapped(given, _ORDER_FIELDS, frozenset({"lines"}))
    if values.get("Contract") is None:
        values["Contract"] = db.table("Site").ordered[0][0]
    _needed(db, "SupplierInfoGeneral", values.get("VendorNo"))
    row = _added(db, "PurchaseOrder", values)
    for line in given.get("lines") or ():
        _add_line(db, {**line, "order_no": row["OrderNo"]})
    return {"order_no": row["OrderNo"], "state": row["Objstate"]}


def _set_order_currency(db: Database, given: Given) -> Any:
    row = _needed(db, "PurchaseOrder", given["order_no"])
    db.update(row, {"CurrencyCode": given["currency"]})
    return {"order_no": row["OrderNo"], "currency": row["CurrencyCode"]}


def _code_unit(part: str) -> str:
    return "Account" if part == "A" else f"Code{part}"


def _add_code_value(db: Database, given: Given) -> Any:
    lu = _code_unit(given["code_part"])
    dates = {
        "ValidFrom": _value("valid_from", given.get("valid_from", date(2020, 1, 1))),
        "ValidUntil": _value("valid_until", given.get("valid_until", date(2049, 12, 31))),
    }
    account = {"AccntGroup": "COST", "AccntType": "COST"} if lu == "Account" else {}
    values = {"Company": db.company, lu: given["value"], "Description": given.get("description") or given["value"]}
    return _key(_added(db, lu, {**values, **dates, **account}))


def _expire_code_value(db: Database, given: Given) -> Any:
    row = _needed(db, _code_unit(given["code_part"]), db.company, given["value"])
    until = _value("valid_until", given.get("valid_until")) or db.today() - timedelta(days=1)
    db.update(row, {"ValidUntil": until})
    return _key(row)


def _rename_supplier(db: Database, given: Given) -> Any:
    row = _needed(db, "SupplierInfoGeneral", given["supplier_id"])
    db.update(row, {"Name": given["name"]})
    return _key(row)


def _add_supplier(db: Database, given: Given) -> Any:
    values = {
        "SupplierId": given.get("supplier_id"),
        "Name": given["name"],
        "AssociationNo": given.get("association_no"),
    }
    country, currency = given.get("country", "US"), given.get("currency", db.base_currency)
    row = _added(db, "SupplierInfoGeneral", {**values, "Country": country, "CountryCode": country})
    number = row["SupplierId"]
    place = {
        "City": given.get("city"),
        "State": given.get("state"),
        "ZipCode": given.get("zip_code"),
        "Address1": given.get("address1"),
    }
    _added(
        db,
        "SupplierInfoAddress",
        {"SupplierId": number, "AddressId": "1", "Name": given["name"], "Country": country, **place},
    )
    for method, value in (("EMail", given.get("email")), ("Phone", given.get("phone"))):
        if value is not None:
            _added(db, "CommMethod", {"Identity": number, "AddressId": "1", "MethodId": method, "Value": value})
    if given.get("purchase_data", True):
        term = given.get("pay_term", "30")
        _added(db, "Supplier", {"VendorNo": number, "CurrencyCode": currency, "SuppGrp": "STD", "PayTermId": term})
        paid = {"Company": db.company, "Identity": number, "GroupId": "STD", "DefCurrency": currency, "PayTermId": term}
        _added(db, "IdentityInvoiceInfo", paid)
    return _key(row)


def _add_activity(db: Database, given: Given) -> Any:
    project = _needed(db, "Project", given["project_id"])
    state = given.get("state", "Released")
    if state not in ACTIVITY_STATE.identifiers:
        raise ValueError(f"an activity cannot have the state {state}")
    sequence = given.get("activity_seq") or max((key[0] for key in db.table("Activity").ordered), default=100000) + 1
    values = {
        "ActivitySeq": int(sequence),
        "ProjectId": project["ProjectId"],
        "Company": project["Company"],
        "Objstate": state,
    }
    number = given.get("activity_no") or str(sequence)
    texts = {"ActivityNo": number, "ShortName": number, "Description": given.get("description") or number}
    place = {"SubProjectId": given.get("sub_project_id", "1"), "Manager": project["Manager"]}
    return _key(_added(db, "Activity", {**values, **texts, **place}))


def _set_project_state(db: Database, given: Given) -> Any:
    row = _needed(db, "Project", given["project_id"])
    if given["state"] not in PROJECT_STATE.identifiers:
        raise ValueError(f"a project cannot have the state {given['state']}")
    db.update(row, {"Objstate": given["state"]})
    return {"project_id": row["ProjectId"], "state": row["Objstate"]}


ACTS: dict[str, Act] = {
    "amend_line": _amend_line,
    "cancel_line": _cancel_line,
    "add_line": _add_line,
    "cancel_order": _order_event("Cancel"),
    "close_order": _order_event("Close"),
    "release_order": _order_event("Release"),
    "create_order": _create_order,
    "add_code_value": _add_code_value,
    "expire_code_value": _expire_code_value,
    "rename_supplier": _rename_supplier,
    "add_supplier": _add_supplier,
    "add_activity": _add_activity,
    "set_order_currency": _set_order_currency,
    "set_project_state": _set_project_state,
}
"""Acts by name. Each takes the database and the fields a person types, and returns the key of what it touched."""
