"""Putting a finished voucher into the hold table: number, period, rows, and the tax rows that come by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.periods import open_period
from ml_connector.sandbox.ifs.refusals import NOT_EXIST, RULE, RuleBroken
from ml_connector.sandbox.ifs.rules_vouchers import MANUAL, derive_posting

TAX_POSTING = "IP4"
"""Posting type that leads to the tax account. Meanings of posting types are invented; the facts give names only."""


def control_account(db: Database, company: str, posting_type: str, value: str | None = None) -> str:
    """The account that posting control gives a posting type: by its detail for `value`, else its fixed value.

    Refused: a posting type without either.
    """
    control = db.find("PostingCtrl", company, posting_type, "A")
    detail = db.find("PostingCtrlDetail", company, posting_type, "A", value)
    account = detail["CodePartValue"] if detail is not None else control["FixedValue"] if control is not None else None
    if account is None:
        text = f"Posting control has no account for {posting_type}."
        raise RuleBroken(RULE, "PostingCtrl.NOCTRL", text)
    return str(account)


def with_tax_rows(db: Database, head: Mapping[str, Any], rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with a tax row behind each that carries tax; under gross entry the row itself shrinks to its net."""
    found: list[dict[str, Any]] = []
    for row in rows:
        derive_posting(db, row)
        tax = row["CurrencyTaxAmount"]
        if not tax or row["OptionalCode"] is None or row["TaxDirection"] == "NoTax":
            found.append(row)
            continue
        side = "CurrencyDebetAmount" if row["CurrencyDebetAmount"] is not None else "CurrencyCreditAmount"
        if head["AmountMethod"] == "GrossAmountEntry":
            row = {**row, side: row[side] - tax}
            derive_posting(db, row)
        found += [row, _tax_row(db, head, row, side)]
    return found


_TAX_CARRIES = ("CurrencyCode", "CurrencyRateType", "CurrencyRate", "ConversionFactor", "ReferenceSerie",
                "ReferenceNumber", "PartyType", "PartyTypeId", "OptionalCode", "TaxDirection", "Text")  # fmt: skip


def _tax_row(db: Database, head: Mapping[str, Any], row: Mapping[str, Any], side: str) -> dict[str, Any]:
    account = control_account(db, head["Company"], TAX_POSTING, row["OptionalCode"])
    made = dict.fromkeys(row) | {name: row[name] for name in _TAX_CARRIES}
    made |= {"Account": account, side: row["CurrencyTaxAmount"], "AutoTaxVouEntry": True, "TransCode": "AP1"}
    derive_posting(db, made)
    return made


def enter(db: Database, head: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> Row:
    """Stores a voucher with its rows, unchecked but for its period, and gives it a number where it has none.

    Refused: a day whose period is not open for the user group, a number that is taken.
    """
    period = open_period(db, head["Company"], head["VoucherDate"], head["UserGroup"])
    year = period["AccountingYear"]
    number = head.get("VoucherNo") or _next_number(db, head["VoucherType"], year)
    kind = db.find("VoucherType", head["Company"], head["VoucherType"])
    if kind is None:
        raise RuleBroken(NOT_EXIST, "VoucherType.NOTEXIST", f"The voucher type {head['VoucherType']} does not exist.")
    values = dict.fromkeys(db.table("Voucher").lu.index) | {
        "AmountMethod": "NetAmountEntry", "FunctionGroup": MANUAL, "InterimVoucher": "No", "UseCorrectionRows": False,
        "Userid": db.user, "DateReg": db.today(), "SimulationVoucher": kind["SimulationVoucher"],
        **head, "AccountingYear": year, "VoucherNo": number,
    }  # fmt: skip
    voucher = db.insert(db.table("Voucher").lu, values)
    key = dict(zip(voucher.lu.keys, voucher.key, strict=True))
    for place, row in enumerate(rows, start=1):
        db.add("VoucherRow", {**row, **key, "RowNo": place, "AccountingPeriod": voucher["AccountingPeriod"]})
    return voucher


def _next_number(db: Database, voucher_type: str, year: int) -> int:
    return int(year) * 1_000_000 + db.next_number(f"Voucher {voucher_type} {year}")
