"""A supplier invoice's way from preliminary to posted, authorised and cancelled, with the vouchers it makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.ifs.catalog_accounting import VALUE_PARTS
from ml_connector.sandbox.ifs.database import Database, Event, Row
from ml_connector.sandbox.ifs.invoice_matching import follow_match
from ml_connector.sandbox.ifs.refusals import RULE, RuleBroken
from ml_connector.sandbox.ifs.rules_code_string import CodeString, check_code_string
from ml_connector.sandbox.ifs.rules_vouchers import codes_of
from ml_connector.sandbox.ifs.voucher_entry import control_account, enter, with_tax_rows

INVOICE_TYPE, PAYMENT_TYPE = "I", "P"
"""Voucher types of supplier invoices and of payments."""
FINANCE_GROUP = "AC"
"""User group under which sub-ledgers enter their vouchers."""
DEBT = "IP2"
"""Posting type of the debt to suppliers (meaning invented)."""


def postings_of(db: Database, invoice: Row) -> list[Row]:
    """The postings of an invoice, in order."""
    return db.table("ManSuppInvoicePostings").under(invoice.key)


def check_posting_codes(db: Database, invoice: Row, posting: Mapping[str, Any]) -> None:
    """Refuses a posting whose code string may not be used on the invoice's voucher date."""
    one = CodeString(
        invoice["Company"],
        invoice["VoucherDate"],
        codes_of(posting, "CodeA"),
        posting["ProjectActivityId"],
        posting["Quantity"],
        posting["Text"],
        manual=False,
    )
    check_code_string(db, one)


def _post(db: Database, invoice: Row) -> None:
    postings = postings_of(db, invoice)
    net = sum((one["CurrAmount"] for one in postings), Decimal(0))
    vat = sum((one["VatCurrAmount"] or Decimal(0) for one in postings), Decimal(0))
    if not postings or (net, vat) != (invoice["NetCurrAmount"], invoice["VatCurrAmount"]):
        text = f"The postings come to {net} and {vat} of tax, the invoice to {invoice['NetCurrAmount']} and "
        raise RuleBroken(RULE, "ManSuppInvoice.NOTBALANCED", f"{text}{invoice['VatCurrAmount']}.")
    for posting in postings:
        check_posting_codes(db, invoice, posting.as_dict())
    voucher = _enter(db, invoice, list(_rows(db, invoice, postings)), invoice["VoucherDate"])
    reference = {"VoucherTypeRef": voucher["VoucherType"], "VoucherNoRef": voucher["VoucherNo"]}
    year = {"AccountingYearRef": voucher["AccountingYear"], "VoucherDateRef": voucher["VoucherDate"]}
    db.update(invoice, {**reference, **year})


def _enter(db: Database, invoice: Row, rows: list[dict[str, Any]], day: date) -> Row:
    head = {
        "Company": invoice["Company"], "VoucherType": INVOICE_TYPE, "VoucherDate": day, "UserGroup": FINANCE_GROUP,
        "FunctionGroup": "I", "Objstate": "Confirmed", "VoucherText2": invoice["VoucherText"],
        "ApprovedByUserid": db.user, "ApprovalDate": db.today(), "AmountMethod": "NetAmountEntry",
    }  # fmt: skip
    return enter(db, head, with_tax_rows(db, head, rows))


def ledger_row(db: Database, invoice: Row, account: str, amount: Decimal) -> dict[str, Any]:
    """A voucher row of an invoice's sub-ledger: positive amounts are debit, in the invoice's currency."""
    side = "CurrencyDebetAmount" if amount >= 0 else "CurrencyCreditAmount"
    return dict.fromkeys(db.table("VoucherRow").lu.index) | {
        "Account": account, side: abs(amount), "CurrencyCode": invoice["Currency"], "CurrencyRateType": "1",
        "CurrencyRate": invoice["CurrRate"], "ConversionFactor": invoice["DivFactor"], "AutoTaxVouEntry": False,
        "ReferenceSerie": invoice["SeriesId"], "ReferenceNumber": invoice["InvoiceNo"], "Text": invoice["VoucherText"],
        "PartyType": "Supplier", "PartyTypeId": invoice["Identity"],
    }  # fmt: skip


def _rows(db: Database, invoice: Row, postings: list[Row]) -> Iterator[dict[str, Any]]:
    for one in postings:
        row = ledger_row(db, invoice, one["CodeA"], one["CurrAmount"])
        row |= {f"Code{part}": one[f"Code{part}"] for part in VALUE_PARTS}
        row |= {
            "Quantity": one["Quantity"],
            "ProjectActivityId": one["ProjectActivityId"],
            "TransCode": one["PostingType"],
        }
        row["Text"] = one["Text"] or row["Text"]
        if one["VatCode"] is not None:
            tax = one["VatCurrAmount"] if one["CurrAmount"] >= 0 else -(one["VatCurrAmount"] or Decimal(0))
            row |= {"OptionalCode": one["VatCode"], "TaxDirection": "TaxReceived", "CurrencyTaxAmount": tax}
        yield row
    account = control_account(db, invoice["Company"], DEBT)
    yield {**ledger_row(db, invoice, account, -invoice["GrossCurrAmount"]), "TransCode": DEBT}


def _authorize(db: Database, invoice: Row) -> None:
    settings = db.find("CompanyInvoiceInfo", invoice["Company"])
    if settings is not None and settings["SepInvAuth"] and invoice["Creator"] == db.user:
        text = "This company wants invoices authorised by someone other than who registered them."
        raise RuleBroken(RULE, "ManSuppInvoice.SEPINVAUTH", text)
    db.update(invoice, {"AuthId": db.user})


def _cancel(db: Database, invoice: Row) -> None:
    """Frees the receipts; a voucher in the hold table is cancelled, one in the ledger is reversed by another."""
    for posting in postings_of(db, invoice):
        follow_match(db, None, posting.as_dict())
    if invoice["VoucherNoRef"] is None:
        return
    key = (invoice["Company"], invoice["VoucherTypeRef"], invoice["AccountingYearRef"], invoice["VoucherNoRef"])
    held = db.find("Voucher", *key)
    if held is not None:
        db.update(held, {"Objstate": "Cancelled"})
        return
    rows = [_turned(row.as_dict()) for row in db.table("GenLedVoucherRow").under(key)]
    _enter(db, invoice, rows, db.today())


def _turned(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with debit and credit exchanged; its tax stands in a row of its own already."""
    turned = dict(row)
    for debet, credit in (("CurrencyDebetAmount", "CurrencyCreditAmount"), ("DebetAmount", "CreditAmount")):
        turned[debet], turned[credit] = row[credit], row[debet]
    return {**turned, "CurrencyTaxAmount": None, "TaxAmount": None, "TaxBaseAmount": None}


INVOICE_EVENTS = {
    "Post": Event(("Preliminary",), "Posted", _post),
    "Authorize": Event(("Posted",), "PostedAuth", _authorize),
    "Cancel": Event(("Preliminary", "Posted", "PostedAuth"), "Cancelled", _cancel),
}
"""State events by name; the facts give the states, the names of events are guesses."""
