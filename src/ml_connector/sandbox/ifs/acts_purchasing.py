"""What people in purchasing and in the stores do: receive, inspect and return goods, requisition and convert."""

from __future__ import annotations

from typing import Any

from ml_connector.sandbox.ifs.act_input import Act, Given, key_of, mapped, needed, refuse_unknown, value
from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.rules_receipts import RECEIVABLE, Arrival, inspect, receive, send_back
from ml_connector.sandbox.ifs.rules_requisitions import convert, lines_of_requisition
from ml_connector.sandbox.ifs.states import fire


def _receive_goods(db: Database, given: Given) -> Any:
    """Goods arrive: one line (`line_no`, `quantity`), several (`lines`), or all that is open on the order."""
    fields = ("line_no", "release_no", "quantity", "date", "reference", "arrived_only")
    refuse_unknown(given, {"order_no", "lines", *fields})
    order = needed(db, "PurchaseOrder", given["order_no"])
    common = {name: given[name] for name in fields if name in given}
    wanted = [{**common, **one} for one in given.get("lines") or ()] or [common]
    if wanted == [common] and "line_no" not in common:
        lines = db.table("PurchaseOrderLine").under((order["OrderNo"],))
        open_lines = [line for line in lines if line["Objstate"] in RECEIVABLE]
        if not open_lines:
            raise ValueError(f"order {order['OrderNo']} has no open line to receive")
        wanted = [{**common, "line_no": one["LineNo"], "release_no": one["ReleaseNo"]} for one in open_lines]
    return {"receipts": [key_of(_received(db, order["OrderNo"], one)) for one in wanted]}


def _received(db: Database, order_no: str, one: Given) -> Row:
    refuse_unknown(one, {"line_no", "release_no", "quantity", "date", "reference", "arrived_only"})
    line = needed(db, "PurchaseOrderLine", order_no, str(one["line_no"]), str(one.get("release_no", "1")))
    arrival = Arrival(
        value("quantity", one.get("quantity")),
        value("date", one.get("date")),
        one.get("reference"),
        inspected=not one.get("arrived_only", False),
    )
    return receive(db, line, arrival)


def _receipt(db: Database, given: Given) -> Row:
    refuse_unknown(given, {"order_no", "line_no", "release_no", "receipt_no", "quantity"})
    key = (given["order_no"], str(given["line_no"]), str(given.get("release_no", "1")), int(given.get("receipt_no", 1)))
    return needed(db, "PurchaseReceipt", *key)


def _inspect_goods(db: Database, given: Given) -> Any:
    row = _receipt(db, given)
    inspect(db, row)
    return key_of(row)


def _return_goods(db: Database, given: Given) -> Any:
    row = _receipt(db, given)
    send_back(db, row, value("quantity", given.get("quantity")))
    return key_of(row)


_LINE = {
    "quantity": "OriginalQty",
    "price": "FbuyUnitPrice",
    "wanted": "WantedReceiptDate",
    "description": "Description",
    "unit": "BuyUnitMeas",
    "part_no": "PartNo",
    "supplier_id": "VendorNo",
    "project_id": "ProjectId",
    "activity_seq": "ActivitySeq",
    "note": "NoteText",
}


def _create_requisition(db: Database, given: Given) -> Any:
    """A requisitioner writes a requisition with `lines`; `order_code` 5 makes the order on release."""
    refuse_unknown(given, {"requisitioner", "site", "note", "order_code", "lines", "release"})
    people = db.table("PurchaseRequisitioner").ordered
    header = db.add(
        "PurchaseRequisition",
        {
            "Contract": given.get("site") or db.table("Site").ordered[0][0],
            "RequisitionerCode": given.get("requisitioner") or people[0][0],
            "OrderCode": given.get("order_code"),
            "NoteText": given.get("note"),
        },
    )
    for line in given.get("lines") or ():
        kind = "part" if line.get("part_no") else "nopart"
        values = mapped(line, _LINE, frozenset({"codes"}))
        db.add("PurchaseReqLine", {**values, "RequisitionNo": header["RequisitionNo"], "LineKind": kind})
    if given.get("release"):
        fire(db, header, "Release")
    return {"requisition_no": header["RequisitionNo"], "state": header["Objstate"]}


def _requisition_event(event: str) -> Act:
    def act(db: Database, given: Given) -> Any:
        row = needed(db, "PurchaseRequisition", given["requisition_no"])
        fire(db, row, event)
        return {"requisition_no": row["RequisitionNo"], "state": row["Objstate"]}

    return act


def _convert_requisition(db: Database, given: Given) -> Any:
    refuse_unknown(given, {"requisition_no", "buyer", "order_no"})
    header = needed(db, "PurchaseRequisition", given["requisition_no"])
    lines = [one for one in lines_of_requisition(db, header["RequisitionNo"]) if one["Objstate"] == "Released"]
    if not lines:
        raise ValueError(f"requisition {header['RequisitionNo']} has no released line")
    return {"orders": convert(db, lines, {"BuyerCode": given.get("buyer"), "OrderNo": given.get("order_no")})}


PURCHASING_ACTS: dict[str, Act] = {
    "receive_goods": _receive_goods,
    "inspect_goods": _inspect_goods,
    "return_goods": _return_goods,
    "create_requisition": _create_requisition,
    "release_requisition": _requisition_event("Release"),
    "cancel_requisition": _requisition_event("Cancel"),
    "convert_requisition": _convert_requisition,
}
"""Acts by name."""
