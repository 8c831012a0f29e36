"""Invoices are matched to receipts, never to what was ordered: quantities, and what they take from a receipt."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.refusals import NOT_EXIST, RULE, RuleBroken, bad_request
from ml_connector.sandbox.ifs.rules_requisitions import parse_selection

_KEY = ("OrderNo", "LineNo", "ReleaseNo", "ReceiptNo")


def _receipt_of(db: Database, posting: Mapping[str, Any]) -> Row | None:
    if posting["ReceiptNo"] is None:
        return None
    receipt = db.find("PurchaseReceipt", *(posting[name] for name in _KEY))
    if receipt is None:
        text = f"There is no receipt {posting['ReceiptNo']} of that order line."
        raise RuleBroken(NOT_EXIST, "PurchaseReceipt.NOTEXIST", text)
    return receipt


def free_quantity(receipt: Row) -> Decimal:
    """What of a receipt is inspected and not yet on an invoice."""
    return Decimal(receipt["QtyInspected"] - receipt["QtyInvoiced"])


def check_match(db: Database, invoice: Row, new: Mapping[str, Any], old: Row | None) -> None:
    """Refuses a posting that claims goods of another supplier or currency, or more than is there.

    A credit takes back: its quantity is negative and may not exceed what was invoiced.
    """
    order = db.find("PurchaseOrder", new["OrderNo"])
    if new["OrderNo"] is not None and order is None:
        raise RuleBroken(NOT_EXIST, "PurchaseOrder.NOTEXIST", f"The purchase order {new['OrderNo']} does not exist.")
    receipt = _receipt_of(db, new)
    if receipt is None:
        return
    line = db.find("PurchaseOrderLine", *receipt.key[:3])
    payee = line["InvoicingSupplier"] if line is not None and line["InvoicingSupplier"] else receipt["VendorNo"]
    if invoice["Identity"] not in (payee, receipt["VendorNo"]):
        text = f"The receipt is of supplier {receipt['VendorNo']}."
        raise RuleBroken(RULE, "ManSuppInvoicePostings.WRONGSUPPLIER", text)
    if invoice["Currency"] != receipt["CurrencyCode"]:
        text = f"The order is in {receipt['CurrencyCode']}, the invoice in {invoice['Currency']}."
        raise RuleBroken(RULE, "ManSuppInvoicePostings.WRONGCURRENCY", text)
    quantity = new["Quantity"]
    if not quantity:
        raise RuleBroken(RULE, "ManSuppInvoicePostings.NOQUANTITY", "A match to a receipt needs a quantity.")
    earlier = old["Quantity"] if old is not None and old["ReceiptNo"] == new["ReceiptNo"] else Decimal(0)
    after = receipt["QtyInvoiced"] - (earlier or 0) + quantity
    if not 0 <= after <= receipt["QtyInspected"]:
        text = f"{free_quantity(receipt)} of the receipt can be invoiced, {receipt['QtyInvoiced']} credited."
        raise RuleBroken(RULE, "ManSuppInvoicePostings.QTYEXCEEDED", text)


def follow_match(db: Database, new: Mapping[str, Any] | None, old: Mapping[str, Any] | None) -> None:
    """Moves the invoiced quantity of receipts from what a posting was (`old`) to what it is (`new`).

    Refused: a posting taken back whose goods are credited, or a credit taken back whose goods are invoiced again.
    """
    for posting, sign in ((old, -1), (new, 1)):
        receipt = _receipt_of(db, posting) if posting is not None else None
        if posting is None or receipt is None:
            continue
        after = receipt["QtyInvoiced"] + sign * (posting["Quantity"] or 0)
        if new is None and not 0 <= after <= receipt["QtyInspected"]:
            text = f"{receipt['QtyInvoiced']} of receipt {receipt['ReceiptNo']} is invoiced: what followed comes first."
            raise RuleBroken(RULE, "ManSuppInvoicePostings.QTYEXCEEDED", text)
        db.update(receipt, {"QtyInvoiced": after})


def match_receipts(db: Database, invoice: Row, selection: str) -> int:
    """Makes postings from selected receipts and gives their number; a column QTY takes a part, else all that is free.

    Refused: selections that cannot be read, receipts that are not there or have nothing left, and more.
    """
    rows = parse_selection(selection)
    for one in rows:
        values = {"Company": invoice["Company"], "InvoiceId": invoice["InvoiceId"]}
        key = (one.get("ORDER_NO"), one.get("LINE_NO"), one.get("RELEASE_NO"), _whole(one.get("RECEIPT_NO")))
        receipt = db.find("PurchaseReceipt", *key)
        if receipt is None:
            raise RuleBroken(NOT_EXIST, "PurchaseReceipt.NOTEXIST", f"There is no receipt {key}.")
        quantity = _amount(one["QTY"]) if "QTY" in one else free_quantity(receipt)
        add_posting(db, invoice, {**values, **dict(zip(_KEY, key, strict=True)), "Quantity": quantity})
    return len(rows)


def add_posting(db: Database, invoice: Row, values: dict[str, Any]) -> Row:
    """Stores a posting with its defaults and its checks, as a caller's own would be."""
    rules, unit = db.rules["ManSuppInvoicePostings"], db.table("ManSuppInvoicePostings").lu
    given = dict.fromkeys(unit.index) | {"Company": invoice["Company"], "InvoiceId": invoice["InvoiceId"]} | values
    if rules.fill:
        rules.fill(db, given)
    if given["CodeA"] is None or given["CurrAmount"] is None:
        raise RuleBroken(RULE, "ManSuppInvoicePostings.NULLVALUE", "A posting needs an account and an amount.")
    if rules.check:
        rules.check(db, given, None)
    return db.insert(unit, given)


def _whole(text: str | None) -> int:
    if text is None or not text.isdecimal():
        raise bad_request("RECEIPT_NO must be a whole number.")
    return int(text)


def _amount(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise bad_request("QTY must be a number.") from error
    if not number.is_finite():
        raise bad_request("QTY must be a number.")
    return number
