"""What happens when goods arrive, are inspected or go back: receipts, and the states of lines that follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.refusals import RULE, RuleBroken
from ml_connector.sandbox.ifs.rules_purchasing import receipts_of, received_of

RECEIVABLE = ("Released", "Confirmed", "Arrived")
"""States of a line that takes receipts."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came: quantity (None: all that is left), day (None: today), delivery note, and whether it is inspected."""

    quantity: Decimal | None = None
    day: date | None = None
    reference: str | None = None
    inspected: bool = True


def receive(db: Database, line: Row, arrival: Arrival) -> Row:
    """Registers a receipt of a line and moves the line on.

    Refused: orders and lines that are not open, quantities of zero or less, and more than tolerance allows over.
    """
    order = db.find("PurchaseOrder", line["OrderNo"])
    if order is None or order["Objstate"] in ("Planned", "Stopped", "Closed", "Cancelled"):
        raise RuleBroken(RULE, "PurchaseReceipt.ORDERNOTOPEN", "Goods are received on released orders only.")
    if line["Objstate"] not in RECEIVABLE:
        text = f"A line in state {line['Objstate']} takes no receipt."
        raise RuleBroken(RULE, "PurchaseReceipt.LINENOTOPEN", text)
    left = line["BuyQtyDue"] - received_of(db, line)
    quantity = left if arrival.quantity is None else arrival.quantity
    most = left + line["BuyQtyDue"] * (line["OverDeliveryTolerance"] or 0) / 100
    if quantity <= 0 or quantity > most:
        raise RuleBroken(RULE, "PurchaseReceipt.QTYINVALID", f"Between 0 and {most} can be received, not {quantity}.")
    receipt = db.add("PurchaseReceipt", _values(db, order, line, arrival, quantity))
    _move_line(db, line)
    return receipt


def _values(db: Database, order: Row, line: Row, arrival: Arrival, quantity: Decimal) -> dict[str, object]:
    number = max((one["ReceiptNo"] for one in receipts_of(db, *line.key)), default=0) + 1
    carried = ("OrderNo", "LineNo", "ReleaseNo", "VendorNo", "Contract", "BuyUnitMeas", "FbuyUnitPrice", "CurrencyCode")
    return {
        **{name: line[name] for name in carried},
        "ReceiptNo": number,
        "Company": order["Company"],
        "Objstate": "Received" if arrival.inspected else "Arrived",
        "ReceiptDate": arrival.day or db.today(),
        "ReceiptReference": arrival.reference,
        "QtyArrived": quantity,
        "QtyInspected": quantity if arrival.inspected else Decimal(0),
        "QtyInvoiced": Decimal(0),
        "Receiver": db.user,
    }


def inspect(db: Database, receipt: Row) -> None:
    """Passes arrived goods: only now can they be invoiced. Refused: goods that are inspected or gone already."""
    if receipt["Objstate"] != "Arrived":
        raise RuleBroken(RULE, "PurchaseReceipt.FND_STATE", "Only arrived goods can be inspected.")
    db.update(receipt, {"Objstate": "Received", "QtyInspected": receipt["QtyArrived"]})
    _move_line(db, _line_of(db, receipt))


def send_back(db: Database, receipt: Row, quantity: Decimal | None = None) -> None:
    """Returns goods (None: all that is not invoiced). Refused: more than is there and not yet invoiced."""
    free = receipt["QtyArrived"] - receipt["QtyInvoiced"]
    gone = free if quantity is None else quantity
    if gone <= 0 or gone > free:
        raise RuleBroken(RULE, "PurchaseReceipt.QTYINVALID", f"Between 0 and {free} can go back, not {gone}.")
    left = receipt["QtyArrived"] - gone
    state = {} if left else {"Objstate": "Cancelled"}
    db.update(receipt, {"QtyArrived": left, "QtyInspected": min(receipt["QtyInspected"], left), **state})
    _move_line(db, _line_of(db, receipt))


def _line_of(db: Database, receipt: Row) -> Row:
    line = db.find("PurchaseOrderLine", *receipt.key[:3])
    if line is None:
        raise RuleBroken(RULE, "PurchaseOrderLine.NOTEXIST", "The receipt's order line is gone.")
    return line


def _move_line(db: Database, line: Row) -> None:
    """Received when all is there and inspected, Arrived when all is there, else open as it was before."""
    receipts = receipts_of(db, *line.key)
    there = sum((one["QtyArrived"] for one in receipts), Decimal(0))
    passed = sum((one["QtyInspected"] for one in receipts), Decimal(0))
    if passed >= line["BuyQtyDue"]:
        state = "Received"
    elif there >= line["BuyQtyDue"]:
        state = "Arrived"
    else:
        order = db.find("PurchaseOrder", line["OrderNo"])
        state = "Confirmed" if order is not None and order["Objstate"] == "Confirmed" else "Released"
        if order is not None and order["Objstate"] in ("Arrived", "Received"):
            db.update(order, {"Objstate": "Released"})
    if line["Objstate"] not in (state, "Closed", "Cancelled"):
        db.update(line, {"Objstate": state})
