"""What the database does around supplier invoices until they are posted: defaults, checks, postings (facts 11.5)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.ifs.database import Database, Row, Rules
from ml_connector.sandbox.ifs.invoice_ledger import sync_ledger
from ml_connector.sandbox.ifs.invoice_matching import check_match, follow_match, match_receipts
from ml_connector.sandbox.ifs.invoice_posting import INVOICE_EVENTS, check_posting_codes, postings_of
from ml_connector.sandbox.ifs.rates import rate, rounded
from ml_connector.sandbox.ifs.refusals import EXISTS, NOT_EXIST, RULE, RuleBroken
from ml_connector.sandbox.ifs.rules_code_string import project_of, project_part
from ml_connector.sandbox.ifs.rules_vouchers import check_tax_code, codes_of


def _fill(db: Database, values: dict[str, Any]) -> None:
    values["Company"] = values.get("Company") or db.company
    if values.get("InvoiceId") is None:
        values["InvoiceId"] = db.next_number("Invoice")
    terms = db.find("IdentityInvoiceInfo", values["Company"], values.get("Identity"), "Supplier")
    supplier = db.find("SupplierInfoGeneral", values.get("Identity"))
    currency = values.get("Currency") or (terms["DefCurrency"] if terms else db.base_currency)
    defaults = {
        "Objstate": "Preliminary",
        "PartyType": "Supplier",
        "Name": supplier["Name"] if supplier else None,
        "SeriesId": "SI",
        "InvoiceType": terms["DefManSuppInvType"] if terms else None,
        "PayTermId": terms["PayTermId"] if terms else None,
        "ArrivalDate": db.today(),
        "CreationDate": db.today(),
        "Currency": currency,
        "CurrRate": rate(currency, db.base_currency),
        "DivFactor": Decimal(1),
        "NetCurrAmount": Decimal(0),
        "VatCurrAmount": Decimal(0),
        "VoucherDate": values.get("InvoiceDate"),
        "AdvInv": False,
        "ProposalExist": False,
        "Creator": db.user,
    }
    for name, default in defaults.items():
        if values.get(name) is None:
            values[name] = default


def _check(db: Database, new: dict[str, Any], old: Row | None) -> None:
    company = db.find("Company", new["Company"])
    if company is None:
        raise RuleBroken(NOT_EXIST, "CompanyFinance.NOTEXIST", f"The company {new['Company']} does not exist.")
    if company["TemplateCompany"]:
        raise RuleBroken(RULE, "ManSuppInvoice.TEMPLATECOMP", "Invoices cannot be entered in a template company.")
    if old is not None:
        refuse_fixed(old)
    _check_supplier(db, new)
    _check_currency(db, new)
    _check_number(db, new)
    if new["PayTermId"] is not None and db.find("PaymentTerm", new["Company"], new["PayTermId"]) is None:
        raise RuleBroken(NOT_EXIST, "PaymentTerm.NOTEXIST", f"The payment term {new['PayTermId']} does not exist.")
    if new["CreditedInvoiceId"] is not None:
        credited = db.find("ManSuppInvoice", new["Company"], new["CreditedInvoiceId"])
        if credited is None or credited["Identity"] != new["Identity"]:
            text = "The credited invoice is not of this supplier."
            raise RuleBroken(NOT_EXIST, "ManSuppInvoice.NOTEXIST", text)


def refuse_fixed(invoice: Row) -> None:
    """Refuses a change of an invoice that is past its preliminary state."""
    if invoice["Objstate"] != "Preliminary":
        text = f"An invoice in state {invoice['Objstate']} cannot be changed."
        raise RuleBroken(RULE, "ManSuppInvoice.NOTCHANGEABLE", text)


def _check_supplier(db: Database, new: Mapping[str, Any]) -> None:
    if db.find("SupplierInfoGeneral", new["Identity"]) is None:
        raise RuleBroken(NOT_EXIST, "SupplierInfoGeneral.NOTEXIST", f"The supplier {new['Identity']} does not exist.")
    terms = db.find("IdentityInvoiceInfo", new["Company"], new["Identity"], "Supplier")
    if terms is None:
        text = f"The supplier {new['Identity']} has no invoice data in company {new['Company']}."
        raise RuleBroken(NOT_EXIST, "IdentityInvoiceInfo.NOTEXIST", text)
    if terms["ExpireDate"] is not None and terms["ExpireDate"] < new["InvoiceDate"]:
        raise RuleBroken(RULE, "IdentityInvoiceInfo.EXPIRED", f"The supplier expired on {terms['ExpireDate']}.")


def _check_currency(db: Database, new: Mapping[str, Any]) -> None:
    rate(new["Currency"], db.base_currency)
    if any(new[name] is None or new[name] <= 0 for name in ("CurrRate", "DivFactor")):
        raise RuleBroken(RULE, "ManSuppInvoice.NEGATIVECURRRATE", "A currency rate must be greater than zero.")
    if new["Currency"] == db.base_currency and (new["CurrRate"], new["DivFactor"]) != (1, 1):
        raise RuleBroken(RULE, "ManSuppInvoice.BASECURRSAME", "The rate of the company's own currency is 1.")


def _check_number(db: Database, new: Mapping[str, Any]) -> None:
    """Uniqueness of the supplier's number is a company setting; cancelled invoices free theirs."""
    settings = db.find("CompanyInvoiceInfo", new["Company"])
    if settings is None or not settings["UniqueSuppInvNo"]:
        return
    for one in db.table("ManSuppInvoice").under((new["Company"],)):
        same = one["Identity"] == new["Identity"] and one["InvoiceNo"] == new["InvoiceNo"]
        if same and one["InvoiceId"] != new["InvoiceId"] and one["Objstate"] != "Cancelled":
            text = f"The supplier's invoice {new['InvoiceNo']} is registered already as {one['InvoiceId']}."
            raise RuleBroken(EXISTS, "ManSuppInvoice.INVNOEXIST", text)


def _derive(db: Database, values: dict[str, Any]) -> None:
    factor = (values["CurrRate"] or Decimal(1)) / (values["DivFactor"] or Decimal(1))
    net, vat = values["NetCurrAmount"] or Decimal(0), values["VatCurrAmount"] or Decimal(0)
    values.update(GrossCurrAmount=net + vat, NetDomAmount=rounded(net * factor), VatDomAmount=rounded(vat * factor))


def _saved(db: Database, row: Row, old: Mapping[str, Any] | None) -> None:
    sync_ledger(db, row, old)


def _remove(db: Database, row: Row) -> None:
    if row["Objstate"] != "Preliminary":
        raise RuleBroken(
            RULE, "ManSuppInvoice.ONLYPRELIMINARY", "Only a preliminary invoice can be removed; cancel it."
        )
    for posting in postings_of(db, row):
        follow_match(db, None, posting.as_dict())
        db.delete(posting)
    for item in [one for one in db.table("InvoiceLedgerItem") if one["InvoiceId"] == row["InvoiceId"]]:
        db.delete(item)


# -- postings


def _invoice_of(db: Database, values: Mapping[str, Any]) -> Row:
    invoice = db.find("ManSuppInvoice", values.get("Company"), values.get("InvoiceId"))
    if invoice is None:
        text = f"The invoice {values.get('InvoiceId')} does not exist."
        raise RuleBroken(NOT_EXIST, "ManSuppInvoice.NOTEXIST", text)
    return invoice


_FROM_LINE = ("CodeB", "CodeC", "CodeD", "CodeE", "CodeF", "CodeG", "CodeH", "CodeI", "CodeJ", "CodeA")


def _fill_posting(db: Database, values: dict[str, Any]) -> None:
    invoice = _invoice_of(db, values)
    if values.get("RowId") is None:
        values["RowId"] = max((one["RowId"] for one in postings_of(db, invoice)), default=0) + 1
    values["PostingType"] = values.get("PostingType") or ("M10" if values.get("ReceiptNo") is not None else "IP1")
    line = db.find("PurchaseOrderLine", values.get("OrderNo"), values.get("LineNo"), values.get("ReleaseNo"))
    if line is None:
        return
    for name in _FROM_LINE:
        if values.get(name) is None:
            values[name] = line[name]
    if values.get("ProjectActivityId") is None:
        values["ProjectActivityId"] = line["ActivitySeq"]
    # An order line knows its project by its activity too; its posting needs it in the code string.
    part = project_part(db, invoice["Company"])
    if part is not None and values.get(f"Code{part}") is None:
        values[f"Code{part}"] = line["ProjectId"]
    if values.get("CurrAmount") is None and values.get("Quantity") is not None:
        discount = 1 - (line["Discount"] or Decimal(0)) / 100
        values["CurrAmount"] = rounded(values["Quantity"] * line["FbuyUnitPrice"] * discount)


def _check_posting(db: Database, new: dict[str, Any], old: Row | None) -> None:
    invoice = _invoice_of(db, new)
    refuse_fixed(invoice)
    check_posting_codes(db, invoice, new)
    if new["VatCode"] is not None:
        check_tax_code(db, new["Company"], new["VatCode"])
    elif new["VatCurrAmount"]:
        raise RuleBroken(RULE, "ManSuppInvoicePostings.TAXCODENULL", "Tax needs a tax code.")
    check_match(db, invoice, new, old)


def _derive_posting(db: Database, values: dict[str, Any]) -> None:
    invoice = _invoice_of(db, values)
    values["DomAmount"] = rounded((values["CurrAmount"] or Decimal(0)) * invoice["CurrRate"] / invoice["DivFactor"])
    parts = [values.get(name) for name in ("OrderNo", "LineNo", "ReleaseNo", "ReceiptNo")]
    values["Reference"] = "".join(f"{part}^" for part in parts if part is not None) or None
    activity = db.find("Activity", values.get("ProjectActivityId"))
    codes = codes_of(values, "CodeA")
    values["ProjectId"] = activity["ProjectId"] if activity else project_of(db, values["Company"], codes)


def _posting_saved(db: Database, row: Row, old: Mapping[str, Any] | None) -> None:
    follow_match(db, row.as_dict(), old)
    db.touch(_invoice_of(db, row.as_dict()))


def _remove_posting(db: Database, row: Row) -> None:
    refuse_fixed(_invoice_of(db, row.as_dict()))
    follow_match(db, None, row.as_dict())


INVOICE_RULES = {
    "ManSuppInvoice": Rules(
        fill=_fill,
        check=_check,
        derive=_derive,
        saved=_saved,
        remove=_remove,
        events=INVOICE_EVENTS,
        actions={"MatchReceipts": lambda db, row, given: match_receipts(db, row, given["Selection"])},
    ),
    "ManSuppInvoicePostings": Rules(
        fill=_fill_posting,
        check=_check_posting,
        derive=_derive_posting,
        saved=_posting_saved,
        remove=_remove_posting,
    ),
}
"""The rules of this module by logical unit."""
