"""What people in accounting do: approve and cancel vouchers, update the ledger, open and close periods, settings."""

from __future__ import annotations

from datetime import date
from typing import Any

from ml_connector.sandbox.ifs.act_input import Act, Given, needed, refuse_unknown, value
from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.ledger import update_ledger
from ml_connector.sandbox.ifs.states import fire
from ml_connector.sandbox.ifs.voucher_approval import approve
from ml_connector.sandbox.ifs.voucher_assistant import create_voucher


def _voucher(db: Database, given: Given) -> Row:
    """A voucher in the hold table by its number; type and year where numbers are not unique."""
    refuse_unknown(given, {"voucher_no", "voucher_type", "year"})
    number = int(given["voucher_no"])
    found = [
        one
        for one in db.table("Voucher")
        if one["VoucherNo"] == number
        and given.get("voucher_type") in (None, one["VoucherType"])
        and given.get("year") in (None, one["AccountingYear"])
    ]
    if len(found) != 1:
        raise ValueError(f"{len(found)} vouchers in the hold table have the number {number}")
    return found[0]


def _approve_voucher(db: Database, given: Given) -> Any:
    row = _voucher(db, given)
    approve(db, row)
    return {"voucher_no": row["VoucherNo"], "status": row["VoucherStatus"]}


def _voucher_event(event: str) -> Act:
    def act(db: Database, given: Given) -> Any:
        row = _voucher(db, given)
        fire(db, row, event)
        return {"voucher_no": row["VoucherNo"], "status": row["VoucherStatus"]}

    return act


def _enter_voucher(db: Database, given: Given) -> Any:
    """Somebody enters a voucher in the assistant: `rows` with account, codes, debit or credit, activity_seq, text."""
    refuse_unknown(given, {"type", "date", "status", "text", "user_group", "rows"})
    head = db.add(
        "VoucherEntryVirtual",
        {
            "VoucherType": given.get("type", "M"),
            "VoucherDate": value("date", given.get("date")),
            "VoucherStatus": given.get("status"),
            "VoucherText2": given.get("text"),
            "UserGroup": given.get("user_group"),
        },
    )
    for row in given.get("rows") or ():
        refuse_unknown(row, {"account", "codes", "debit", "credit", "activity_seq", "text", "reference", "quantity"})
        values = {f"Code{part}": code for part, code in dict(row.get("codes") or {}).items()}
        values |= {"Account": row.get("account"), "Text": row.get("text"), "ReferenceNumber": row.get("reference")}
        values |= {"CurrencyDebetAmount": value("debit", row.get("debit"))}
        values |= {"CurrencyCreditAmount": value("credit", row.get("credit"))}
        values |= {"Quantity": value("quantity", row.get("quantity"))}
        values |= {"ProjectActivityId": value("activity_seq", row.get("activity_seq"))}
        db.add("VoucherPostingVirtual", {**values, "HeadObjkey": head["Objkey"]})
    number = create_voucher(db, head, {})
    return {"voucher_no": number, "voucher_type": given.get("type", "M")}


def _gl_update(db: Database, given: Given) -> Any:
    refuse_unknown(given, ())
    return update_ledger(db)


def _period(status: str) -> Act:
    def act(db: Database, given: Given) -> Any:
        """Opens or closes a month: in the ledger, or for one `user_group` only; `month` as 2026-09."""
        refuse_unknown(given, {"month", "user_group"})
        month = date.fromisoformat(f"{given['month']}-01")
        key = (db.company, month.year, month.month)
        group = given.get("user_group")
        row = needed(db, "UserGroupPeriod", *key, group) if group else needed(db, "AccPeriodLedger", *key, "00")
        db.update(row, {"PeriodStatus": status})
        return {"month": given["month"], "user_group": group, "status": status}

    return act


_SETTINGS = {
    "template_company": ("Company", "TemplateCompany"),
    "source_company": ("Company", "SourceCompany"),
    "unique_invoice_no": ("CompanyInvoiceInfo", "UniqueSuppInvNo"),
    "separate_authoriser": ("CompanyInvoiceInfo", "SepInvAuth"),
    "changes_to_orders": ("CompanyProcurementInfo", "AllowChangesToPo"),
}


def _set_company(db: Database, given: Given) -> Any:
    """Changes settings of the company: those of `_SETTINGS`, by plain names."""
    refuse_unknown(given, _SETTINGS)
    for name, typed in given.items():
        lu, attribute = _SETTINGS[name]
        db.update(needed(db, lu, db.company), {attribute: typed})
    return dict(given)


LEDGER_ACTS: dict[str, Act] = {
    "enter_voucher": _enter_voucher,
    "approve_voucher": _approve_voucher,
    "cancel_voucher": _voucher_event("Cancel"),
    "hold_voucher": _voucher_event("DelayUpdate"),
    "gl_update": _gl_update,
    "close_period": _period("Closed"),
    "open_period": _period("Open"),
    "set_company": _set_company,
}
"""Acts by name."""
