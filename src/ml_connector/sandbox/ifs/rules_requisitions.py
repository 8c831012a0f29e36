"""What the database does around purchase requisitions: defaults, checks, release and conversion (facts/ifs.md 11.4)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.ifs.database import Database, Event, Row, Rules
from ml_connector.sandbox.ifs.refusals import NOT_EXIST, RULE, RuleBroken, bad_request
from ml_connector.sandbox.ifs.rules_purchasing import CODE_LETTERS, check_activity, check_codes, check_line, check_order

EXPRESS = "5"
"""Order code of a requisition whose order is made on release."""
_ENDED = ("POCreated", "Closed", "Cancelled")
_OPEN = ("Planned", "Released", "PartiallyAuthorized", "Authorized")


def lines_of_requisition(db: Database, requisition_no: str) -> list[Row]:
    """All lines of a requisition, of both kinds, in key order."""
    return db.table("PurchaseReqLine").under((requisition_no,))


# -- the header


def _fill(db: Database, values: dict[str, Any]) -> None:
    while values.get("RequisitionNo") is None:
        number = str(db.next_number("PurchaseRequisition"))
        if db.find("PurchaseRequisition", number) is None:
            values["RequisitionNo"] = number
    site = db.find("Site", values.get("Contract"))
    defaults = {"Objstate": "Planned", "RequisitionDate": db.today(), "OrderCode": "1", "MarkForUser": db.user}
    values["Company"] = site["Company"] if site else None
    for name, default in defaults.items():
        if values.get(name) is None:
            values[name] = default


def _check(db: Database, new: dict[str, Any], old: Row | None) -> None:
    if db.find("Site", new["Contract"]) is None:
        raise RuleBroken(NOT_EXIST, "Site.NOTEXIST", f"The site {new['Contract']} does not exist.")
    if db.find("PurchaseRequisitioner", new["RequisitionerCode"]) is None:
        text = f"The requisitioner {new['RequisitionerCode']} is not registered in purchasing."
        raise RuleBroken(NOT_EXIST, "PurchaseRequisitioner.NOTEXIST", text)
    if old is not None and old["Objstate"] in _ENDED:
        text = f"A requisition in state {old['Objstate']} cannot be changed."
        raise RuleBroken(RULE, "PurchaseRequisition.NOTCHANGEABLE", text)


def _remove(db: Database, row: Row) -> None:
    if row["Objstate"] != "Planned":
        raise RuleBroken(RULE, "PurchaseRequisition.ONLYPLANNED", "Only a planned requisition can be removed.")
    for line in lines_of_requisition(db, row["RequisitionNo"]):
        db.delete(line)


# -- the lines


def _header_of(db: Database, values: Mapping[str, Any]) -> Row:
    header = db.find("PurchaseRequisition", values.get("RequisitionNo"))
    if header is None:
        text = f"The requisition {values.get('RequisitionNo')} does not exist."
        raise RuleBroken(NOT_EXIST, "PurchaseRequisition.NOTEXIST", text)
    return header


def _fill_line(db: Database, values: dict[str, Any]) -> None:
    header = _header_of(db, values)
    if values.get("LineNo") is None:
        used = [
            int(one["LineNo"]) for one in lines_of_requisition(db, header["RequisitionNo"]) if one["LineNo"].isdecimal()
        ]
        values["LineNo"] = str(max(used, default=0) + 1)
    supplier = db.find("Supplier", values.get("VendorNo"))
    defaults = {
        "ReleaseNo": "1",
        "Objstate": "Planned",
        "Contract": header["Contract"],
        "Company": header["Company"],
        "WantedReceiptDate": db.today(),
        "BuyUnitMeas": values.get("UnitMeas") or "pcs",
        "UnitMeas": values.get("BuyUnitMeas") or "pcs",
        "FbuyUnitPrice": Decimal(0),
        "CurrencyCode": supplier["CurrencyCode"] if supplier else db.base_currency,
        "Description": values.get("PartNo") if values.get("LineKind") == "part" else None,
    }
    for name, default in defaults.items():
        if values.get(name) is None:
            values[name] = default


def _check_line(db: Database, new: dict[str, Any], old: Row | None) -> None:
    header = _header_of(db, new)
    if header["Objstate"] in _ENDED or (old is not None and old["Objstate"] in _ENDED):
        raise RuleBroken(RULE, "PurchaseReqLine.NOTCHANGEABLE", "The line or its requisition has ended.")
    if (new["LineKind"] == "part") != (new["PartNo"] is not None):
        raise RuleBroken(RULE, "PurchaseReqLine.PARTNO", "Part lines need a part number, no-part lines take none.")
    if new["OriginalQty"] <= 0:
        raise RuleBroken(RULE, "PurchaseReqLine.QTYPOSITIVE", "The quantity must be greater than zero.")
    if new["VendorNo"] is not None and db.find("Supplier", new["VendorNo"]) is None:
        raise RuleBroken(NOT_EXIST, "Supplier.NOTEXIST", f"The supplier {new['VendorNo']} has no purchase data.")
    check_codes(db, new, old, header["Company"])
    check_activity(db, new)


def _derive_line(db: Database, values: dict[str, Any]) -> None:
    activity = db.find("Activity", values.get("ActivitySeq"))
    if activity is not None:
        values.update({name: activity[name] for name in ("ProjectId", "SubProjectId", "ActivityNo")})


def _line_saved(db: Database, row: Row, old: Mapping[str, Any] | None) -> None:
    header = _header_of(db, row.as_dict())
    following = _following(lines_of_requisition(db, row["RequisitionNo"]), header)
    if following is not None and following != header["Objstate"]:
        db.update(header, {"Objstate": following})
    else:
        db.touch(header)


def _following(lines: list[Row], header: Row) -> str | None:
    """The header state that the lines bring about; it stays Planned while a line is."""
    found = {line["Objstate"] for line in lines}
    if found <= set(_ENDED):
        return next(state for state in _ENDED if state in found)
    if header["Objstate"] == "Planned" and "Planned" not in found:
        return "Released"
    return None


def _remove_line(db: Database, row: Row) -> None:
    if row["Objstate"] != "Planned":
        raise RuleBroken(RULE, "PurchaseReqLine.ONLYPLANNED", "Only a planned line can be removed.")


# -- events


def _release_lines(db: Database, header: Row) -> None:
    lines = lines_of_requisition(db, header["RequisitionNo"])
    if not lines:
        raise RuleBroken(RULE, "PurchaseRequisition.NOLINES", "A requisition without lines cannot be released.")
    for line in lines:
        if line["Objstate"] == "Planned":
            db.update(line, {"Objstate": "Released"})


def _express(db: Database, header: Row) -> None:
    if header["OrderCode"] == EXPRESS:
        lines = lines_of_requisition(db, header["RequisitionNo"])
        convert(db, [line for line in lines if line["Objstate"] == "Released"], {})


def _end_lines(state: str) -> Any:
    def end(db: Database, header: Row) -> None:
        for line in lines_of_requisition(db, header["RequisitionNo"]):
            if line["Objstate"] in _OPEN:
                db.update(line, {"Objstate": state})

    return end


# -- conversion


def parse_selection(text: str) -> list[dict[str, str]]:
    """The rows of a selection text: `COL=VAL^COL2=VAL^` separated by `;`, columns in database names (facts 7.4)."""
    found = []
    for piece in filter(None, text.split(";")):
        pairs = [one.partition("=") for one in filter(None, piece.split("^"))]
        if not piece.endswith("^") or any(not middle for _, middle, _ in pairs):
            raise bad_request(f"The selection '{piece}' cannot be understood.")
        found.append({name: value for name, _, value in pairs})
    return found


def convert_selection(db: Database, given: Mapping[str, Any]) -> str:
    """Turns the selected requisition lines into orders and gives the order numbers, separated by commas.

    Refused: a selection that cannot be read or names no line, and what `convert` refuses.
    """
    lines = []
    for one in parse_selection(given["Selection"]):
        key = (one.get("REQUISITION_NO"), one.get("LINE_NO"), one.get("RELEASE_NO"))
        line = db.find("PurchaseReqLine", *key)
        if line is None:
            raise RuleBroken(NOT_EXIST, "PurchaseReqLine.NOTEXIST", f"There is no requisition line {key}.")
        lines.append(line)
    if not lines:
        raise bad_request("The selection names no line.")
    return ",".join(convert(db, lines, given))


def convert(db: Database, lines: list[Row], given: Mapping[str, Any]) -> list[str]:
    """Makes order lines from released requisition lines: a new order a supplier, site and currency, or the one named.

    Refused: lines that are not released or have no supplier, a named order of another supplier or currency, and
    whatever an order or its line would be refused for.
    """
    orders: dict[tuple[str, ...], str] = {}
    for line in lines:
        if line["Objstate"] not in ("Released", "Authorized"):
            text = f"A line in state {line['Objstate']} cannot become an order; it must be released."
            raise RuleBroken(RULE, "PurchaseReqLine.NOTRELEASED", text)
        if line["VendorNo"] is None:
            raise RuleBroken(RULE, "PurchaseReqLine.NOVENDOR", "The line names no supplier to order from.")
        place = (line["VendorNo"], line["Contract"], line["CurrencyCode"])
        if place not in orders:
            orders[place] = given.get("OrderNo") or _new_order(db, line, given)
        made = _order_line(db, line, orders[place])
        link = {"OrderNo": made["OrderNo"], "AssgLineNo": made["LineNo"], "AssgReleaseNo": made["ReleaseNo"]}
        db.update(line, {"Objstate": "POCreated", **link})
    return list(orders.values())


def _new_order(db: Database, line: Row, given: Mapping[str, Any]) -> str:
    values: dict[str, Any] = {name: line[name] for name in ("VendorNo", "Contract", "CurrencyCode")}
    values |= {"OrderNo": given.get("OwnPoNumber"), "BuyerCode": given.get("BuyerCode") or line["BuyerCode"]}
    order = db.add("PurchaseOrder", {**values, "AuthorizeCode": given.get("AuthorizeCode")})
    check_order(db, order.as_dict(), None)
    return str(order["OrderNo"])


_CARRIED = ("LineKind", "PartNo", "Description", "BuyUnitMeas", "StatGrp", "FbuyUnitPrice", "ProjectId", "ActivitySeq",
            "RequisitionNo", "NoteText", *(f"Code{letter}" for letter in CODE_LETTERS))  # fmt: skip


def _order_line(db: Database, line: Row, order_no: str) -> Row:
    order = db.find("PurchaseOrder", order_no)
    if order is not None and order["VendorNo"] != line["VendorNo"]:
        text = f"The order {order_no} is with another supplier than the requisition line."
        raise RuleBroken(RULE, "PurchaseReqLine.WRONGVENDOR", text)
    if order is not None and order["CurrencyCode"] != line["CurrencyCode"]:
        text = f"The order {order_no} is in {order['CurrencyCode']}, the line in {line['CurrencyCode']}."
        raise RuleBroken(RULE, "PurchaseReqLine.WRONGCURRENCY", text)
    values = {name: line[name] for name in _CARRIED}
    values |= {"OrderNo": order_no, "BuyQtyDue": line["OriginalQty"], "WantedDeliveryDate": line["WantedReceiptDate"]}
    made = db.add("PurchaseOrderLine", values)
    check_line(db, made.as_dict(), None)
    return made


REQUISITION_RULES = {
    "PurchaseRequisition": Rules(
        fill=_fill,
        check=_check,
        remove=_remove,
        events={
            "Release": Event(("Planned",), "Released", _release_lines, _express),
            "Cancel": Event(_OPEN, "Cancelled", _end_lines("Cancelled")),
            "Close": Event(_OPEN, "Closed", _end_lines("Closed")),
        },
    ),
    "PurchaseReqLine": Rules(
        fill=_fill_line,
        check=_check_line,
        derive=_derive_line,
        saved=_line_saved,
        remove=_remove_line,
        events={
            "Release": Event(("Planned",), "Released"),
            "Cancel": Event(_OPEN, "Cancelled"),
            "Close": Event(_OPEN, "Closed"),
        },
    ),
}
"""The rules of this module by logical unit."""
