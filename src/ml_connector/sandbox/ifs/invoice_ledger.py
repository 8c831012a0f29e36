"""The supplier ledger: one item an instalment, what is open of it, payments and their reversal (facts/ifs.md 11.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.invoice_posting import DEBT, FINANCE_GROUP, PAYMENT_TYPE, ledger_row
from ml_connector.sandbox.ifs.rates import rounded
from ml_connector.sandbox.ifs.refusals import RULE, RuleBroken
from ml_connector.sandbox.ifs.voucher_entry import control_account, enter

SERIES = "SUPAY"
"""Series of payment transactions."""
BANK = "PP1"
"""Posting type of the bank account (meaning invented)."""
_SHARED = ("InvoiceNo", "InvoiceDate", "Currency", "PoRefNumber", "Name", "AuthId", "VoucherTypeRef", "VoucherNoRef",
           "AccountingYearRef", "VoucherDateRef", "PayTermId", "AdvInv", "Objstate")  # fmt: skip


def items_of(db: Database, invoice: Row | Mapping[str, Any]) -> list[Row]:
    """The ledger items of an invoice, in the order of its instalments."""
    key = (invoice["Company"], invoice["Identity"], "Supplier", invoice["SeriesId"], str(invoice["InvoiceId"]))
    return db.table("InvoiceLedgerItem").under(key)


def sync_ledger(db: Database, invoice: Row, old: Mapping[str, Any] | None) -> None:
    """Brings ledger items in line with their invoice: made anew while it is preliminary, else marked with its state.

    A cancelled invoice owes nothing: its open amounts are zero.
    """
    if old is None or (old["Objstate"] == "Preliminary" and invoice["Objstate"] == "Preliminary"):
        _make_items(db, invoice, old)
        return
    shared = {name: invoice[name] for name in _SHARED} | {"FirstAuthId": invoice["AuthId"]}
    if invoice["Objstate"] == "Cancelled":
        shared |= {"OpenAmount": Decimal(0), "OpenDomAmount": Decimal(0)}
    for item in items_of(db, invoice):
        if any(item[name] != value for name, value in shared.items()):
            db.update(item, shared)


def _make_items(db: Database, invoice: Row, old: Mapping[str, Any] | None) -> None:
    if old is not None:
        for item in items_of(db, old):
            db.delete(item)
    left, domestic = invoice["GrossCurrAmount"], invoice["NetDomAmount"] + invoice["VatDomAmount"]
    parts = _instalments(db, invoice)
    for number, (due, percent) in enumerate(parts, start=1):
        last = number == len(parts)
        amount = left if last else rounded(invoice["GrossCurrAmount"] * percent / 100)
        own = domestic if last else rounded((invoice["NetDomAmount"] + invoice["VatDomAmount"]) * percent / 100)
        left, domestic = left - amount, domestic - own
        key = {"LedgerItemSeriesId": invoice["SeriesId"], "LedgerItemId": str(invoice["InvoiceId"])}
        values = {name: invoice[name] for name in ("Company", "Identity", "PartyType", "InvoiceId", *_SHARED)}
        amounts = {"FullCurrAmount": amount, "OpenAmount": amount, "InvDomAmount": own, "OpenDomAmount": own}
        db.add("InvoiceLedgerItem", {**values, **key, **amounts, "LedgerItemVersion": number, "DueDate": due})


def _instalments(db: Database, invoice: Row) -> list[tuple[date, Decimal]]:
    """Due day and percentage of each instalment; a typed due date counts where there is only one."""
    details = db.table("PaymentTermDetails").under((invoice["Company"], invoice["PayTermId"]))
    if len(details) <= 1:
        days = details[0]["DaysToDueDate"] if details else 0
        return [(invoice["DueDate"] or _after(invoice["InvoiceDate"], days), Decimal(100))]
    first = invoice["InvoiceDate"]
    return [(_after(first, one["DaysToDueDate"]), one["NetAmountPercentage"]) for one in details]


def _after(day: date, days: int) -> date:
    return day + timedelta(days=min(days, (date.max - day).days))


# -- payments


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment to be made: amount in the invoice's currency (None: all that is open), day, way and bank reference."""

    amount: Decimal | None = None
    day: date | None = None
    way: str = "BANK"
    reference: str | None = None


def pay(db: Database, invoice: Row, payment: Payment) -> int:
    """Pays an authorised invoice, in full or in part, oldest instalment first; gives the payment id.

    Refused: invoices not authorised, suppliers blocked for payment, amounts of nothing or beyond what is open.
    """
    if invoice["Objstate"] not in ("PostedAuth", "PartlyPaidPosted"):
        text = f"An invoice in state {invoice['Objstate']} is not paid."
        raise RuleBroken(RULE, "ManSuppInvoice.FND_STATE", text)
    terms = db.find("IdentityPayInfo", invoice["Company"], invoice["Identity"], "Supplier")
    if terms is not None and terms["BlockedForPayment"]:
        raise RuleBroken(RULE, "IdentityPayInfo.BLOCKED", f"The supplier {invoice['Identity']} is blocked for payment.")
    items = items_of(db, invoice)
    opened = sum((one["OpenAmount"] for one in items), Decimal(0))
    amount = opened if payment.amount is None else payment.amount
    if not amount or amount * opened < 0 or abs(amount) > abs(opened):
        raise RuleBroken(RULE, "LedgerTransaction.AMOUNTINVALID", f"{opened} is open, {amount} cannot be paid.")
    day, number = payment.day or db.today(), db.next_number(SERIES)
    voucher = _payment_voucher(db, invoice, amount, day)
    left = amount
    for item in items:
        part = min(item["OpenAmount"], left, key=abs)
        if part:
            common = {"PaymentDate": day, "WayId": payment.way, "PaymentReference": payment.reference}
            _book(db, item, number, part, {**common, **_reference(voucher)})
            left -= part
    db.update(invoice, {"Objstate": "PaidPosted" if amount == opened else "PartlyPaidPosted"})
    return number


def _reference(voucher: Row) -> dict[str, Any]:
    names = (("VoucherTypeRef", "VoucherType"), ("VoucherNoRef", "VoucherNo"), ("AccountingYearRef", "AccountingYear"))
    return {name: voucher[own] for name, own in names}


def _book(db: Database, item: Row, payment_id: int, amount: Decimal, values: Mapping[str, Any]) -> None:
    """One transaction on one item; a positive amount lessens what is open."""
    fraction = amount / item["FullCurrAmount"] if item["FullCurrAmount"] else Decimal(0)
    own = item["OpenDomAmount"] if amount == item["OpenAmount"] else rounded(item["InvDomAmount"] * fraction)
    own = values.get("DomAmount", own)
    key = {"Company": item["Company"], "SeriesId": SERIES, "PaymentId": payment_id}
    number = len(db.table("LedgerTransaction").under((item["Company"], SERIES, payment_id))) + 1
    shared = (
        "Identity",
        "PartyType",
        "InvoiceId",
        "LedgerItemSeriesId",
        "LedgerItemId",
        "LedgerItemVersion",
        "Currency",
    )
    amounts = {"CurrAmount": amount, "DomAmount": own, "TransId": number, "Objstate": "Booked"}
    db.add("LedgerTransaction", {**key, **{name: item[name] for name in shared}, **amounts, **values})
    db.update(item, {"OpenAmount": item["OpenAmount"] - amount, "OpenDomAmount": item["OpenDomAmount"] - own})


def _payment_voucher(db: Database, invoice: Row, amount: Decimal, day: date) -> Row:
    company = invoice["Company"]
    rows = [
        {**ledger_row(db, invoice, control_account(db, company, DEBT), amount), "TransCode": DEBT},
        {**ledger_row(db, invoice, control_account(db, company, BANK), -amount), "TransCode": BANK},
    ]
    head = {
        "Company": company, "VoucherType": PAYMENT_TYPE, "VoucherDate": day, "UserGroup": FINANCE_GROUP,
        "FunctionGroup": "U", "Objstate": "Confirmed", "ApprovedByUserid": db.user, "ApprovalDate": db.today(),
    }  # fmt: skip
    return enter(db, head, rows)


def reverse_payment(db: Database, company: str, payment_id: int) -> int:
    """Takes a payment back by an opposite one and gives the new payment's id; the items are open again.

    Refused: a payment that is not there, or is reversed or a reversal itself.
    """
    booked = [
        one for one in db.table("LedgerTransaction").under((company, SERIES, payment_id)) if one["Objstate"] == "Booked"
    ]
    if not booked or booked[0]["ReversedPaymentId"] is not None:
        raise RuleBroken(RULE, "LedgerTransaction.NOTREVERSIBLE", f"There is no payment {payment_id} to reverse.")
    invoice = db.find("ManSuppInvoice", company, booked[0]["InvoiceId"])
    if invoice is None:
        raise RuleBroken(RULE, "ManSuppInvoice.NOTEXIST", "The invoice of this payment is gone.")
    number = db.next_number(SERIES)
    voucher = _payment_voucher(db, invoice, -sum((one["CurrAmount"] for one in booked), Decimal(0)), db.today())
    items = {one["LedgerItemVersion"]: one for one in items_of(db, invoice)}
    for one in booked:
        values = {"PaymentDate": db.today(), "WayId": one["WayId"], "ReversedPaymentId": payment_id}
        values |= {"DomAmount": -one["DomAmount"], **_reference(voucher)}
        _book(db, items[one["LedgerItemVersion"]], number, -one["CurrAmount"], values)
        db.update(one, {"Objstate": "Reversed"})
    paid = any(one["OpenAmount"] != one["FullCurrAmount"] for one in items.values())
    db.update(invoice, {"Objstate": "PartlyPaidPosted" if paid else "PostedAuth"})
    return number
