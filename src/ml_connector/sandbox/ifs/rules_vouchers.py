"""What the database does around vouchers in the hold table: amounts, checks of a posting, what may still be changed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.ifs.catalog_accounting import VALUE_PARTS
from ml_connector.sandbox.ifs.catalog_vouchers import STATUS_OF_STATE
from ml_connector.sandbox.ifs.database import Database, Row, Rules
from ml_connector.sandbox.ifs.periods import open_period, period_of
from ml_connector.sandbox.ifs.rates import rounded
from ml_connector.sandbox.ifs.refusals import NOT_EXIST, RULE, RuleBroken
from ml_connector.sandbox.ifs.rules_code_string import CodeString, check_code_string, project_of

MANUAL = "M"
"""Function group of vouchers that people enter; all others come from a sub-ledger."""
_SIDES = ("Debet", "Credit")


def codes_of(row: Mapping[str, Any] | Row, account: str = "Account") -> dict[str, str | None]:
    """The code string of a posting by code part; `account` names the attribute of part A."""
    return {"A": row[account], **{part: row[f"Code{part}"] for part in VALUE_PARTS}}


# -- rows


def fill_posting(db: Database, values: dict[str, Any]) -> None:
    """Currency, rate and marks of a posting that a caller left empty."""
    currency = values.get("CurrencyCode") or db.base_currency
    found = rate_of(db, currency) if currency != db.base_currency else None
    defaults = {
        "CurrencyCode": currency,
        "CurrencyRateType": "1",
        "CurrencyRate": found["CurrencyRate"] if found else Decimal(1),
        "ConversionFactor": found["ConvFactor"] if found else Decimal(1),
        "AutoTaxVouEntry": False,
    }
    for name, default in defaults.items():
        if values.get(name) is None:
            values[name] = default


def rate_of(db: Database, currency: str) -> Row | None:
    """The latest rate of a currency; None for one the company does not have."""
    rates = db.table("CurrencyRate").under((db.company, "1", currency))
    return rates[-1] if rates else None


def derive_posting(db: Database, values: dict[str, Any]) -> None:
    """Amounts in company currency, signed amounts, and the project behind activity or code string."""
    factor = (values.get("CurrencyRate") or Decimal(1)) / (values.get("ConversionFactor") or Decimal(1))
    for side in _SIDES:
        typed, own = f"Currency{side}Amount", f"{side}Amount"
        if values.get(typed) is None and values.get("CurrencyCode") == db.base_currency:
            values[typed] = values.get(own)
        if values.get(typed) is not None:
            values[own] = rounded(values[typed] * factor)
    values["CurrencyAmount"] = _signed(values.get("CurrencyDebetAmount"), values.get("CurrencyCreditAmount"))
    values["Amount"] = _signed(values.get("DebetAmount"), values.get("CreditAmount"))
    if values.get("CurrencyTaxAmount") is None and values.get("CurrencyCode") == db.base_currency:
        values["CurrencyTaxAmount"] = values.get("TaxAmount")
    if values.get("CurrencyTaxAmount") is not None:
        values["TaxAmount"] = rounded(values["CurrencyTaxAmount"] * factor)
        values["TaxBaseAmount"] = values["Amount"]
    activity = db.find("Activity", values.get("ProjectActivityId"))
    codes = {part: values.get(f"Code{part}") for part in VALUE_PARTS}
    values["ProjectId"] = activity["ProjectId"] if activity else project_of(db, db.company, codes)


def _signed(debet: Decimal | None, credit: Decimal | None) -> Decimal | None:
    return None if debet is None and credit is None else (debet or Decimal(0)) - (credit or Decimal(0))


def check_posting(db: Database, head: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    """Refuses a posting of a voucher with that head by the first rule of facts 11.8 and 11.9 it breaks."""
    _check_amounts(row)
    _check_currency(db, row)
    one = CodeString(
        head["Company"],
        head["VoucherDate"],
        codes_of(row),
        row["ProjectActivityId"],
        row["Quantity"],
        row["Text"],
        row["ProcessCode"],
        manual=head["FunctionGroup"] in (MANUAL, None),
    )
    check_code_string(db, one)
    _check_tax(db, head, row)


def _check_amounts(row: Mapping[str, Any]) -> None:
    debet = [row[name] for name in ("CurrencyDebetAmount", "DebetAmount") if row[name]]
    credit = [row[name] for name in ("CurrencyCreditAmount", "CreditAmount") if row[name]]
    if debet and credit:
        raise RuleBroken(RULE, "VoucherRow.INCORRECTAMOUNTS", "A posting is either debit or credit, not both.")
    if not debet and not credit and not row["Quantity"]:
        raise RuleBroken(RULE, "VoucherRow.NOAMOUNT", "A posting needs an amount or a quantity.")


def _check_currency(db: Database, row: Mapping[str, Any]) -> None:
    rate, factor = row["CurrencyRate"], row["ConversionFactor"]
    currency = row["CurrencyCode"] or db.base_currency
    if currency != db.base_currency and rate_of(db, currency) is None:
        raise RuleBroken(NOT_EXIST, "CurrencyCode.NOTEXIST", f"The currency {currency} is not defined.")
    if any(one is not None and one <= 0 for one in (rate, factor)):
        raise RuleBroken(RULE, "VoucherRow.NEGATIVECURRRATE", "A currency rate must be greater than zero.")
    if currency == db.base_currency and any(one not in (None, 1) for one in (rate, factor)):
        raise RuleBroken(RULE, "VoucherRow.BASECURRSAME", "The rate of the company's own currency is 1.")


def _check_tax(db: Database, head: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    code, direction = row["OptionalCode"], row["TaxDirection"]
    amount = row["TaxAmount"] if row["CurrencyTaxAmount"] is None else row["CurrencyTaxAmount"]
    account = db.find("Account", head["Company"], row["Account"])
    if code is None:
        if amount or direction in ("TaxReceived", "TaxDisbursed"):
            raise RuleBroken(RULE, "VoucherRow.TAXCODENULL", "Tax needs a tax code.")
        if account is not None and account["TaxCodeMandatory"]:
            raise RuleBroken(RULE, "Account.TAXCODEMANDATORY", f"Account {row['Account']} demands a tax code.")
        return
    check_tax_code(db, head["Company"], code)
    if account is not None and account["TaxHandlingValue"] == "Blocked":
        raise RuleBroken(RULE, "Account.TAXCODEBLOCKED", f"Account {row['Account']} takes no tax code.")
    if direction is None:
        raise RuleBroken(RULE, "VoucherRow.NOTAXDIRECTION", "A tax code needs a tax direction.")
    fee = db.find("StatutoryFee", head["Company"], code)
    if direction != "NoTax" and amount is None and fee is not None and fee["FeeRate"]:
        raise RuleBroken(RULE, "VoucherRow.TAXAMOUNTNULL", f"The tax code {code} needs a tax amount.")


def check_tax_code(db: Database, company: str, code: str) -> None:
    """Refuses a tax code that the company does not have."""
    if db.find("StatutoryFee", company, code) is None:
        raise RuleBroken(NOT_EXIST, "StatutoryFee.NOTEXIST", f"The tax code {code} does not exist.")


# -- the hold table


def rows_of(db: Database, voucher: Row) -> list[Row]:
    """The rows of a voucher in the hold table, in order."""
    return db.table("VoucherRow").under(voucher.key)


def refuse_unbalanced(rows: list[Any]) -> None:
    """AWAITINGAPPROVALMUSTBEBALANCE unless debit equals credit, in company currency."""
    balance = sum((row["Amount"] or Decimal(0) for row in rows), Decimal(0))
    if balance:
        text = f"Debit and credit differ by {balance}; such a voucher can only be left not approved."
        raise RuleBroken(RULE, "Voucher.AWAITINGAPPROVALMUSTBEBALANCE", text)


def refuse_fixed(voucher: Row) -> None:
    """Refuses a change of a voucher that is approved, cancelled or made by a sub-ledger."""
    if voucher["FunctionGroup"] != MANUAL:
        raise RuleBroken(RULE, "Voucher.AUTOMATICVOUCHER", "A voucher of a sub-ledger cannot be changed here.")
    if voucher["Objstate"] in ("Confirmed", "PartiallyApproved"):
        raise RuleBroken(RULE, "Voucher.CANTMODIFYAPPROVED", "An approved voucher cannot be changed.")
    if voucher["Objstate"] == "Cancelled":
        raise RuleBroken(RULE, "Voucher.CANCELLEDVOU", "A cancelled voucher cannot be changed.")


def _check_voucher(db: Database, new: dict[str, Any], old: Row | None) -> None:
    if old is None:
        return
    refuse_fixed(old)
    period = open_period(db, new["Company"], new["VoucherDate"], new["UserGroup"])
    if period["AccountingYear"] != new["AccountingYear"]:
        raise RuleBroken(RULE, "Voucher.YEARCHANGED", "A voucher cannot move to another accounting year.")


def _derive_voucher(db: Database, values: dict[str, Any]) -> None:
    values["VoucherStatus"] = STATUS_OF_STATE[values["Objstate"]]
    period = period_of(db, values["Company"], values["VoucherDate"])
    values["AccountingPeriod"] = period["AccountingPeriod"] if period is not None else None


def _voucher_of(db: Database, values: Mapping[str, Any]) -> Row | None:
    return db.find("Voucher", *(values.get(name) for name in ("Company", "VoucherType", "AccountingYear", "VoucherNo")))


def _fill_row(db: Database, values: dict[str, Any]) -> None:
    voucher = _voucher_of(db, values)
    fill_posting(db, values)
    if voucher is not None and values.get("RowNo") is None:
        values["RowNo"] = max((row["RowNo"] for row in rows_of(db, voucher)), default=0) + 1
        values["AccountingPeriod"] = voucher["AccountingPeriod"]


def _check_row(db: Database, new: dict[str, Any], old: Row | None) -> None:
    voucher = _voucher_of(db, new)
    if voucher is None:
        raise RuleBroken(NOT_EXIST, "Voucher.NOTEXIST", "The voucher of this row does not exist.")
    refuse_fixed(voucher)
    check_posting(db, voucher.as_dict(), new)


def _row_saved(db: Database, row: Row, old: Mapping[str, Any] | None) -> None:
    _rebalance(db, row)


def _rebalance(db: Database, row: Row) -> None:
    voucher = _voucher_of(db, row.as_dict())
    if voucher is not None:
        rows = rows_of(db, voucher)
        sums = {
            "Balance": sum((one["Amount"] or 0 for one in rows), Decimal(0)),
            "CurrencyBalance": sum((one["CurrencyAmount"] or 0 for one in rows), Decimal(0)),
        }
        db.update(voucher, sums)


def _remove_row(db: Database, row: Row) -> None:
    voucher = _voucher_of(db, row.as_dict())
    if voucher is not None:
        refuse_fixed(voucher)


HOLD_RULES = {
    "Voucher": Rules(check=_check_voucher, derive=_derive_voucher),
    "VoucherRow": Rules(
        fill=_fill_row,
        check=_check_row,
        derive=derive_posting,
        saved=_row_saved,
        remove=_remove_row,
        removed=_rebalance,
    ),
}
"""The rules of this module by logical unit; `voucher_approval` adds the events."""
