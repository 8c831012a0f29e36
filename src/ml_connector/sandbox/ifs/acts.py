"""What people do in the windows of the ERP while the connector is not looking: named acts on the simulated tenant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.ifs.act_input import Act, Given, key_of, mapped, needed, refuse_unknown, value
from ml_connector.sandbox.ifs.acts_invoices import INVOICE_ACTS
from ml_connector.sandbox.ifs.acts_ledger import LEDGER_ACTS
from ml_connector.sandbox.ifs.acts_purchasing import PURCHASING_ACTS
from ml_connector.sandbox.ifs.catalog_organisation import ACTIVITY_STATE, PROJECT_STATE
from ml_connector.sandbox.ifs.catalog_purchasing import LINE_STATE, ORDER_STATE
from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.states import fire

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


def _added(db: Database, lu: str, values: dict[str, Any]) -> Row:
    """Stores a row with defaults and follow-ups but without the checks for callers: people's windows have their own."""
    row = db.add(lu, values)
    _refuse_impossible(lu, row.as_dict())
    return row


def _refuse_impossible(lu: str, values: Mapping[str, Any]) -> None:
    """Even a window cannot give a record a state or a kind that there is not."""
    state, kind = values.get("Objstate"), values.get("LineKind", "nopart")
    if lu in _STATES and state not in _STATES[lu].identifiers:
        raise ValueError(f"a {lu} cannot have the state {state}")
    if kind not in ("part", "nopart", "rental"):
        raise ValueError(f"a line is part, nopart or rental, not {kind}")


def _line(db: Database, given: Given) -> Row:
    return needed(db, "PurchaseOrderLine", given["order_no"], given["line_no"], given.get("release_no", "1"))


_LINE_KEY = frozenset({"order_no", "line_no", "release_no"})


def _amend_line(db: Database, given: Given) -> Any:
    row, changed = _line(db, given), {name: value for name, value in given.items() if name not in _LINE_KEY}
    values = mapped(changed, _LINE_FIELDS, frozenset({"codes"}))
    _refuse_impossible("PurchaseOrderLine", {**row.as_dict(), **values})
    db.update(row, values)
    return key_of(row)


def _cancel_line(db: Database, given: Given) -> Any:
    row = _line(db, given)
    fire(db, row, "Cancel")
    return key_of(row)


def _add_line(db: Database, given: Given) -> Any:
    order = needed(db, "PurchaseOrder", given["order_no"])
    values = mapped(given, _LINE_FIELDS, frozenset({"order_no", "codes"}))
    values = {
        "LineKind": "nopart",
        "BuyUnitMeas": "pcs",
        "BuyQtyDue": Decimal(1),
        **values,
        "OrderNo": order["OrderNo"],
    }
    return key_of(_added(db, "PurchaseOrderLine", values))


_HEADER_AMENDABLE = ("supplier_id", "currency", "buyer", "note", "wanted")


def _amend_order(db: Database, given: Given) -> Any:
    """A buyer amends an order: fields of the header, `lines` to amend, `add_lines`, `cancel_lines` (numbers)."""
    order = needed(db, "PurchaseOrder", given["order_no"])
    if "supplier_id" in given:
        needed(db, "Supplier", given["supplier_id"])
    fields = {name: _ORDER_FIELDS[name] for name in _HEADER_AMENDABLE}
    values = mapped(given, fields, frozenset({"order_no", "lines", "add_lines", "cancel_lines"}))
    db.update(order, {**values, "Revision": order["Revision"] + 1})
    number = {"order_no": order["OrderNo"]}
    for line in given.get("lines") or ():
        _amend_line(db, {**line, **number})
    for line in given.get("add_lines") or ():
        _add_line(db, {**line, **number})
    for line_no in given.get("cancel_lines") or ():
        _cancel_line(db, {"line_no": line_no, **number})
    return {**number, "revision": order["Revision"], "state": order["Objstate"]}


def _order_event(event: str) -> Act:
    def act(db: Database, given: Given) -> Any:
        row = needed(db, "PurchaseOrder", given["order_no"])
        fire(db, row, event)
        return {"order_no": row["OrderNo"], "state": row["Objstate"]}

    return act


def _create_order(db: Database, given: Given) -> Any:
    values = mapped(given, _ORDER_FIELDS, frozenset({"lines"}))
    if values.get("Contract") is None:
        values["Contract"] = db.table("Site").ordered[0][0]
    needed(db, "SupplierInfoGeneral", values.get("VendorNo"))
    row = _added(db, "PurchaseOrder", values)
    for line in given.get("lines") or ():
        _add_line(db, {**line, "order_no": row["OrderNo"]})
    return {"order_no": row["OrderNo"], "state": row["Objstate"]}


def _set_order_currency(db: Database, given: Given) -> Any:
    row = needed(db, "PurchaseOrder", given["order_no"])
    db.update(row, {"CurrencyCode": given["currency"]})
    return {"order_no": row["OrderNo"], "currency": row["CurrencyCode"]}


def _code_unit(part: str) -> str:
    return "Account" if part == "A" else f"Code{part}"


def _add_code_value(db: Database, given: Given) -> Any:
    lu = _code_unit(given["code_part"])
    dates = {
        "ValidFrom": value("valid_from", given.get("valid_from", date(2020, 1, 1))),
        "ValidUntil": value("valid_until", given.get("valid_until", date(2049, 12, 31))),
    }
    account = {"AccntGroup": "COST", "AccntType": "COST"} if lu == "Account" else {}
    values = {"Company": db.company, lu: given["value"], "Description": given.get("description") or given["value"]}
    definition = db.find("AccountingCodeParts", db.company, given["code_part"])
    if definition is not None and definition["CodePartFunction"] == "PRACC":
        project = {"ProjectId": given["value"], "Description": values["Description"]}
        db.add(
            "AccountingProject",
            {"Company": db.company, **project, "ProjectOrigin": "GeneralLedger", "Objstate": "Open"},
        )
    return key_of(_added(db, lu, {**values, **dates, **account}))


def _expire_code_value(db: Database, given: Given) -> Any:
    row = needed(db, _code_unit(given["code_part"]), db.company, given["value"])
    until = value("valid_until", given.get("valid_until")) or db.today() - timedelta(days=1)
    db.update(row, {"ValidUntil": until})
    return key_of(row)


def _rename_code_value(db: Database, given: Given) -> Any:
    refuse_unknown(given, {"code_part", "value", "description"})
    row = needed(db, _code_unit(given["code_part"]), db.company, given["value"])
    db.update(row, {"Description": given["description"]})
    return key_of(row)


def _rename_supplier(db: Database, given: Given) -> Any:
    row = needed(db, "SupplierInfoGeneral", given["supplier_id"])
    db.update(row, {"Name": given["name"]})
    return key_of(row)


def _expire_supplier(db: Database, given: Given) -> Any:
    """Our company stops using a supplier: yesterday, or on `expires`; with `expires` null it goes on using it."""
    refuse_unknown(given, {"supplier_id", "expires"})
    row = needed(db, "IdentityInvoiceInfo", db.company, given["supplier_id"], "Supplier")
    day = value("expires", given.get("expires")) if "expires" in given else db.today() - timedelta(days=1)
    db.update(row, {"ExpireDate": day})
    return {"supplier_id": given["supplier_id"], "expires": day.isoformat() if day else None}


_PLACE = {"address1": "Address1", "city": "City", "state": "State", "zip_code": "ZipCode"}


def _edit_supplier(db: Database, given: Given) -> Any:
    """Somebody edits the first address of a supplier, its `email` or its `phone`."""
    number = given["supplier_id"]
    place = mapped(given, _PLACE, frozenset({"supplier_id", "email", "phone"}))
    row = next(iter(db.table("SupplierInfoAddress").under((number,))), None)
    if row is None:
        raise ValueError(f"supplier {number} has no address")
    db.update(row, place)
    for method, typed in (("EMail", given.get("email")), ("Phone", given.get("phone"))):
        mine = (one for one in db.table("CommMethod").under((number,)) if one["MethodId"] == method)
        contact = next(mine, None)
        if typed is not None and contact is not None:
            db.update(contact, {"Value": typed})
        elif typed is not None:
            key = {"Identity": number, "AddressId": row["AddressId"]}
            _added(db, "CommMethod", {**key, "MethodId": method, "Value": typed})
    return key_of(row)


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
    for method, contact in (("EMail", given.get("email")), ("Phone", given.get("phone"))):
        if contact is not None:
            _added(db, "CommMethod", {"Identity": number, "AddressId": "1", "MethodId": method, "Value": contact})
    if given.get("purchase_data", True):
        term = given.get("pay_term", "30")
        _added(db, "Supplier", {"VendorNo": number, "CurrencyCode": currency, "SuppGrp": "STD", "PayTermId": term})
        paid = {"Company": db.company, "Identity": number, "GroupId": "STD", "DefCurrency": currency, "PayTermId": term}
        _added(db, "IdentityInvoiceInfo", paid)
    return key_of(row)


def _add_activity(db: Database, given: Given) -> Any:
    project = needed(db, "Project", given["project_id"])
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
    return key_of(_added(db, "Activity", {**values, **texts, **place}))


def _set_project_state(db: Database, given: Given) -> Any:
    row = needed(db, "Project", given["project_id"])
    if given["state"] not in PROJECT_STATE.identifiers:
        raise ValueError(f"a project cannot have the state {given['state']}")
    db.update(row, {"Objstate": given["state"]})
    return {"project_id": row["ProjectId"], "state": row["Objstate"]}


def _complete_financial_project(db: Database, given: Given) -> Any:
    row = needed(db, "AccountingProject", db.company, given["project_id"])
    db.update(row, {"Objstate": "Completed"})
    return key_of(row)


def _set_estimate(db: Database, given: Given) -> Any:
    """Somebody estimates a cost element of an activity anew; without an `amount` its estimate is taken away."""
    refuse_unknown(given, {"project_id", "activity_seq", "element", "amount"})
    activity = needed(db, "Activity", value("activity_seq", given["activity_seq"]))
    if activity["ProjectId"] != given["project_id"]:
        raise ValueError(f"activity {activity['ActivitySeq']} is not of project {given['project_id']}")
    element = needed(db, "ProjectCostElement", db.company, given["element"])["ProjectCostElement"]
    key = {"ProjectId": activity["ProjectId"], "ActivitySeq": activity["ActivitySeq"], "ProjectCostElement": element}
    amount, row = value("amount", given.get("amount")), db.find("ProjectEstimate", *key.values())
    if row is not None and amount is None:
        db.delete(row)
    elif row is not None:
        db.update(row, {"Estimated": amount})
    elif amount is not None:
        db.add("ProjectEstimate", {**key, "Estimated": amount})
    return key


def _set_activity_state(db: Database, given: Given) -> Any:
    row = needed(db, "Activity", value("activity_seq", given["activity_seq"]))
    if given["state"] not in ACTIVITY_STATE.identifiers:
        raise ValueError(f"an activity cannot have the state {given['state']}")
    db.update(row, {"Objstate": given["state"]})
    return {"activity_seq": row["ActivitySeq"], "state": row["Objstate"]}


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
    "rename_code_value": _rename_code_value,
    "rename_supplier": _rename_supplier,
    "expire_supplier": _expire_supplier,
    "edit_supplier": _edit_supplier,
    "add_supplier": _add_supplier,
    "add_activity": _add_activity,
    "set_order_currency": _set_order_currency,
    "set_project_state": _set_project_state,
    "amend_order": _amend_order,
    "set_activity_state": _set_activity_state,
    "set_estimate": _set_estimate,
    "complete_financial_project": _complete_financial_project,
    **PURCHASING_ACTS,
    **INVOICE_ACTS,
    **LEDGER_ACTS,
}
"""Acts by name. Each takes the database and the fields a person types, and returns the key of what it touched."""
