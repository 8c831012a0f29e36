"""What the database does around purchase orders: defaults, checks, sums and states (facts/ifs.md 11.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.ifs.database import Database, Event, Row, Rules
from ml_connector.sandbox.ifs.rates import FINE, rate, rounded
from ml_connector.sandbox.ifs.refusals import NOT_EXIST, NOT_UPDATABLE, RULE, RuleBroken

CODE_LETTERS = "ABCDEFGHIJ"
_ENDED = ("Closed", "Cancelled")


# -- the header


def fill_order(db: Database, values: dict[str, Any]) -> None:
    """Number, dates, company and currency of an order that a caller left empty."""
    if values.get("OrderNo") is None:
        values["OrderNo"] = next_order_no(db)
    site, supplier = db.find("Site", values.get("Contract")), db.find("Supplier", values.get("VendorNo"))
    defaults = {
        "Objstate": "Planned",
        "OrderDate": db.today(),
        "Revision": 1,
        "IntrastatExempt": False,
        "Company": site["Company"] if site else None,
        "CurrencyCode": supplier["CurrencyCode"] if supplier else None,
        "BuyerCode": supplier["BuyerCode"] if supplier else None,
    }
    for name, default in defaults.items():
        if values.get(name) is None:
            values[name] = default


def next_order_no(db: Database) -> str:
    """The next free order number: P and a running number above every number already used."""
    while True:
        number = f"P{db.next_number('PurchaseOrder')}"
        if db.find("PurchaseOrder", number) is None:
            return number


def check_order(db: Database, new: dict[str, Any], old: Row | None) -> None:
    """Refuses an unknown site or supplier, a supplier without purchase data, and changes to an ended order."""
    if db.find("Site", new["Contract"]) is None:
        raise RuleBroken(NOT_EXIST, "Site.NOTEXIST", f"The site {new['Contract']} does not exist.")
    if db.find("SupplierInfoGeneral", new["VendorNo"]) is None:
        raise RuleBroken(NOT_EXIST, "SupplierInfoGeneral.NOTEXIST", f"The supplier {new['VendorNo']} does not exist.")
    if db.find("Supplier", new["VendorNo"]) is None:
        raise RuleBroken(NOT_EXIST, "Supplier.NOTEXIST", f"The supplier {new['VendorNo']} has no purchase data.")
    rate(new["CurrencyCode"], db.base_currency)
    if old is None:
        return
    if old["Objstate"] in _ENDED:
        raise RuleBroken(RULE, "PurchaseOrder.NOTCHANGEABLE", f"An order in state {old['Objstate']} cannot be changed.")
    _refuse_without_change_order(db, old)
    for name in ("VendorNo", "CurrencyCode"):
        if old["Objstate"] != "Planned" and new[name] != old[name]:
            raise RuleBroken(NOT_UPDATABLE, f"PurchaseOrder.{name.upper()}", f"{name} cannot be changed after release.")


def _refuse_without_change_order(db: Database, order: Row) -> None:
    """Some companies let a released order be changed by purchase change orders only (facts 11.3)."""
    info = db.find("CompanyProcurementInfo", order["Company"])
    if order["Objstate"] != "Planned" and info is not None and info["AllowChangesToPo"] is False:
        text = "After release this company changes orders by purchase change orders only."
        raise RuleBroken(RULE, "PurchaseOrder.CHANGEORDERNEEDED", text)


def _order_saved(db: Database, row: Row, old: Mapping[str, Any] | None) -> None:
    if old is None:
        return
    handed_down = {name: row[name] for name in ("VendorNo", "CurrencyCode") if row[name] != old[name]}
    for line in lines_of(db, row["OrderNo"]) if handed_down else ():
        db.update(line, handed_down)


def _remove_order(db: Database, row: Row) -> None:
    if row["Objstate"] != "Planned":
        raise RuleBroken(RULE, "PurchaseOrder.ONLYPLANNED", "Only a planned order can be removed; cancel it instead.")
    for line in lines_of(db, row["OrderNo"]):
        db.delete(line)


# -- the lines


def lines_of(db: Database, order_no: str) -> list[Row]:
    """All lines of an order, of every kind, in key order."""
    return db.table("PurchaseOrderLine").under((order_no,))


def fill_line(db: Database, values: dict[str, Any]) -> None:
    """Number, header data, dates and project of a line that a caller left empty."""
    order = _order_of(db, values)
    if values.get("LineNo") is None:
        used = [int(line["LineNo"]) for line in lines_of(db, order["OrderNo"]) if line["LineNo"].isdecimal()]
        values["LineNo"] = str(max(used, default=0) + 1)
    wanted = values.get("WantedDeliveryDate") or order["WantedReceiptDate"] or db.today()
    defaults = {
        "ReleaseNo": "1",
        "Objstate": "Confirmed" if order["Objstate"] == "Confirmed" else "Released",
        "VendorNo": order["VendorNo"],
        "Contract": order["Contract"],
        "PurchaseSite": order["Contract"],
        "CurrencyCode": order["CurrencyCode"],
        "InvoicingSupplier": order["VendorNo"],
        "DateEntered": db.now(),
        "WantedDeliveryDate": wanted,
        "PlannedDeliveryDate": wanted,
        "PlannedReceiptDate": wanted,
        "PlannedArrivalDate": wanted,
        "UnitMeas": values.get("BuyUnitMeas"),
        "PriceUnitMeas": values.get("BuyUnitMeas"),
        "ConvFactor": Decimal(1),
        "PriceConvFactor": Decimal(1),
        "CloseTolerance": Decimal(0),
        "OverDeliveryTolerance": Decimal(0),
        "Discount": Decimal(0),
        "FbuyUnitPrice": Decimal(0),
        "Description": values.get("PartNo") if values.get("LineKind") != "nopart" else None,
    }
    for name, default in defaults.items():
        if values.get(name) is None:
            values[name] = default


def _order_of(db: Database, values: Mapping[str, Any]) -> Row:
    order = db.find("PurchaseOrder", values.get("OrderNo"))
    if order is None:
        raise RuleBroken(
            NOT_EXIST, "PurchaseOrder.NOTEXIST", f"The purchase order {values.get('OrderNo')} does not exist."
        )
    return order


def check_line(db: Database, new: dict[str, Any], old: Row | None) -> None:
    """Refuses lines on ended orders, without part where one is needed, and with unknown codes or activities."""
    order = _order_of(db, new)
    if order["Objstate"] in _ENDED:
        raise RuleBroken(RULE, "PurchaseOrder.NOTCHANGEABLE", f"An order in state {order['Objstate']} takes no lines.")
    if old is not None and old["Objstate"] in ("Received", *_ENDED):
        raise RuleBroken(
            RULE, "PurchaseOrderLine.NOTCHANGEABLE", f"A line in state {old['Objstate']} cannot be changed."
        )
    _refuse_without_change_order(db, order)
    if old is not None and new["BuyQtyDue"] < received_of(db, old):
        raise RuleBroken(RULE, "PurchaseOrderLine.QTYBELOWRECEIVED", "More than this quantity has been received.")
    if new["LineKind"] == "nopart" and new["PartNo"] is not None:
        raise RuleBroken(RULE, "PurchaseOrderLineNopart.NOPARTNO", "A no-part line carries no part number.")
    if new["LineKind"] == "part" and new["PartNo"] is None:
        raise RuleBroken(RULE, "PurchaseOrderLinePart.PARTNEEDED", "This kind of line needs a part number.")
    if new["BuyQtyDue"] <= 0:
        raise RuleBroken(RULE, "PurchaseOrderLine.QTYPOSITIVE", "The quantity must be greater than zero.")
    check_codes(db, new, old, order["Company"])
    check_activity(db, new)


def check_codes(db: Database, new: Mapping[str, Any], old: Row | None, company: str) -> None:
    """Refuses code values CodeA to CodeJ that do not exist or are not valid today; old ones may stay."""
    for letter in CODE_LETTERS:
        name = f"Code{letter}"
        value = new[name]
        if value is None or (old is not None and old[name] == value):
            continue
        known, owner = db.find("AccountingCodePartValue", company, letter, value), "Account" if letter == "A" else name
        if known is None:
            text = f"The value {value} of code part {letter} does not exist in company {company}."
            raise RuleBroken(NOT_EXIST, f"{owner}.NOTEXIST", text)
        if not known["ValidFrom"] <= db.today() <= known["ValidUntil"]:
            raise RuleBroken(RULE, f"{owner}.NOTVALID", f"The value {value} of code part {letter} is not valid today.")


def check_activity(db: Database, new: Mapping[str, Any]) -> None:
    """Refuses an unknown project or activity, and an activity of another project."""
    project, sequence = new["ProjectId"], new["ActivitySeq"]
    if project is not None and db.find("Project", project) is None:
        raise RuleBroken(NOT_EXIST, "Project.NOTEXIST", f"The project {project} does not exist.")
    if sequence is None:
        return
    activity = db.find("Activity", sequence)
    if activity is None:
        raise RuleBroken(NOT_EXIST, "Activity.NOTEXIST", f"The activity {sequence} does not exist.")
    if project is not None and activity["ProjectId"] != project:
        raise RuleBroken(
            RULE, "PurchaseOrderLine.ACTIVITYINVALID", f"The activity {sequence} is not of project {project}."
        )


def derive_line(db: Database, values: dict[str, Any]) -> None:
    """Prices in base currency, sums, and the project names that follow from the activity.

    FbuyUnitPrice and ...Curr are in the order's currency, BuyUnitPrice and ...Base in the company's (facts section 14).
    Tax is not modelled: it is zero.
    """
    quantity, price = values.get("BuyQtyDue") or Decimal(0), values.get("FbuyUnitPrice") or Decimal(0)
    factor = rate(values["CurrencyCode"], db.base_currency)
    discount = values.get("Discount") or Decimal(0)
    net = rounded(quantity * price * (1 - discount / 100) if discount else quantity * price)
    net_base = net if factor == 1 else rounded(net * factor)
    price_base = price if factor == 1 else rounded(price * factor, FINE)
    values.update(
        BuyUnitPrice=price_base, BuyUnitPriceInclTax=price_base, NetAmtCurr=net, GrossAmtCurr=net,
        NetAmountBase=net_base, NetAmtBase=net_base, GrossAmtBase=net_base,
        TaxAmount=Decimal(0), TaxAmountBase=Decimal(0), RevisedQty=quantity,
        QtyOnOrder=quantity * (values.get("ConvFactor") or 1),
    )  # fmt: skip
    activity = db.find("Activity", values.get("ActivitySeq"))
    if activity is not None:
        values.update({name: activity[name] for name in ("ProjectId", "SubProjectId", "ActivityNo")})
    project = db.find("Project", values.get("ProjectId"))
    values["ProjectName"] = project["Name"] if project is not None else None


_TOLD = ("BuyQtyDue", "FbuyUnitPrice", "PlannedReceiptDate", "Objstate")


def _tell(db: Database, row: Row, old: Mapping[str, Any] | None) -> None:
    """Writes the line history, which is always on: free text, as people read it (facts section 10)."""
    if old is None:
        texts = ["Line entered"]
    else:
        texts = [f"{name} changed from {old[name]} to {row[name]}" for name in _TOLD if old[name] != row[name]]
    for text in texts:
        number = db.next_number("PurchaseOrderLineHist")
        entry = {"HistoryNo": number, "MessageText": text, "Objstate": row["Objstate"], "Userid": db.user}
        db.add(
            "PurchaseOrderLineHist", {**dict(zip(row.lu.keys, row.key, strict=True)), **entry, "DateEntered": db.now()}
        )


def _line_saved(db: Database, row: Row, old: Mapping[str, Any] | None) -> None:
    _tell(db, row, old)
    order = db.find("PurchaseOrder", row["OrderNo"])
    if order is None:
        return
    following = _state_of_lines(lines_of(db, row["OrderNo"])) if old and old["Objstate"] != row["Objstate"] else None
    if following is not None and order["Objstate"] not in (following, "Planned"):
        db.update(order, {"Objstate": following})
    else:
        db.touch(order)


def _state_of_lines(lines: list[Row]) -> str | None:
    """The header state that the lines bring about, or None while some line is still open (facts 11.3)."""
    found = {line["Objstate"] for line in lines}
    if found == {"Cancelled"}:
        return "Cancelled"
    if found and found <= {"Closed", "Cancelled"}:
        return "Closed"
    if "Received" in found and found <= {"Received", "Closed", "Cancelled"}:
        return "Received"
    if "Arrived" in found and found <= {"Arrived", "Received", "Closed", "Cancelled"}:
        return "Arrived"
    return None


def _remove_line(db: Database, row: Row) -> None:
    order = db.find("PurchaseOrder", row["OrderNo"])
    if order is not None and order["Objstate"] != "Planned":
        raise RuleBroken(
            RULE, "PurchaseOrderLine.ONLYPLANNED", "A line of a released order cannot be removed; cancel it."
        )


def _line_removed(db: Database, row: Row) -> None:
    order = db.find("PurchaseOrder", row["OrderNo"])
    if order is not None:
        db.touch(order)


# -- state events


_OPEN_LINE = ("Released", "Confirmed", "Stopped")


def _lines_follow(state: str, moved: tuple[str, ...] = _OPEN_LINE) -> Callable[[Database, Row], None]:
    def follow(db: Database, order: Row) -> None:
        for line in lines_of(db, order["OrderNo"]):
            if line["Objstate"] in moved and line["Objstate"] != state:
                db.update(line, {"Objstate": state})

    return follow


def receipts_of(db: Database, *key: str) -> list[Row]:
    """The receipts of an order, or of a line when line and release are given too, in key order."""
    return db.table("PurchaseReceipt").under(key)


def received_of(db: Database, line: Row) -> Decimal:
    """What has arrived of a line and was not sent back, in the purchase unit."""
    return sum((one["QtyArrived"] for one in receipts_of(db, *line.key)), Decimal(0))


def _refuse_received(db: Database, line: Row) -> None:
    if received_of(db, line):
        raise RuleBroken(RULE, "PurchaseOrderLine.RECEIVED", "A line with receipts cannot be cancelled; close it.")


def _cancel_lines(db: Database, order: Row) -> None:
    if any(one["QtyArrived"] for one in receipts_of(db, order["OrderNo"])):
        raise RuleBroken(RULE, "PurchaseOrder.RECEIVED", "An order with received lines cannot be cancelled.")
    _lines_follow("Cancelled")(db, order)


_BEFORE_CLOSE = (*_OPEN_LINE, "Arrived", "Received")
_ORDER_EVENTS = {
    "Release": Event(("Planned", "Stopped"), "Released", _lines_follow("Released")),
    "Confirm": Event(("Released",), "Confirmed", _lines_follow("Confirmed")),
    "StopOrder": Event(("Released", "Confirmed"), "Stopped", _lines_follow("Stopped")),
    "Cancel": Event(("Planned", *_OPEN_LINE), "Cancelled", _cancel_lines),
    "Close": Event(_BEFORE_CLOSE, "Closed", _lines_follow("Closed", _BEFORE_CLOSE)),
}
_LINE_EVENTS = {
    "Cancel": Event(_OPEN_LINE, "Cancelled", _refuse_received),
    "Close": Event(_BEFORE_CLOSE, "Closed"),
}

PURCHASING_RULES = {
    "PurchaseOrder": Rules(
        fill=fill_order, check=check_order, saved=_order_saved, remove=_remove_order, events=_ORDER_EVENTS
    ),
    "PurchaseOrderLine": Rules(
        fill=fill_line,
        check=check_line,
        derive=derive_line,
        saved=_line_saved,
        remove=_remove_line,
        removed=_line_removed,
        events=_LINE_EVENTS,
    ),
}
"""The rules of this module by logical unit."""
