"""The general ledger update: approved vouchers leave the hold table, those that cannot are marked with their error."""

from __future__ import annotations

from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.invoice_ledger import BANK
from ml_connector.sandbox.ifs.invoice_posting import DEBT
from ml_connector.sandbox.ifs.periods import is_closed, period_of
from ml_connector.sandbox.ifs.refusals import RULE, RuleBroken
from ml_connector.sandbox.ifs.rules_code_string import CodeString, check_code_string
from ml_connector.sandbox.ifs.rules_vouchers import codes_of, rows_of


def update_ledger(db: Database) -> dict[str, int]:
    """Moves every approved voucher into the ledger and says how many went, and how many were refused with an error.

    Simulation vouchers stay where they are.
    """
    moved = refused = 0
    for voucher in [one for one in db.table("Voucher") if one["Objstate"] == "Confirmed"]:
        if voucher["SimulationVoucher"]:
            continue
        try:
            _check(db, voucher)
        except RuleBroken as broken:
            db.update(voucher, {"Objstate": "Error", "UpdateError": f"{broken.constant}: {broken.text}"[:200]})
            refused += 1
        else:
            _move(db, voucher)
            moved += 1
    return {"updated": moved, "errors": refused}


def _check(db: Database, voucher: Row) -> None:
    """The ledger looks again: what was right on entry may have expired or been closed since."""
    period = period_of(db, voucher["Company"], voucher["VoucherDate"])
    if period is None or is_closed(db, period):
        raise RuleBroken(RULE, "AccountingPeriod.PERCLOSED", f"The period of {voucher['VoucherDate']} is closed.")
    for row in rows_of(db, voucher):
        if row["AutoTaxVouEntry"] or row["TransCode"] in (DEBT, BANK):
            continue
        codes, day = codes_of(row), voucher["VoucherDate"]
        values = (row["ProjectActivityId"], row["Quantity"], row["Text"], row["ProcessCode"])
        check_code_string(db, CodeString(voucher["Company"], day, codes, *values, manual=False))


def _move(db: Database, voucher: Row) -> None:
    rows = rows_of(db, voucher)
    db.add("GenLedVoucher", voucher.as_dict())
    approvers = db.table("VoucherApprover").under(voucher.key)
    db.delete(voucher)
    for row in rows:
        db.add("GenLedVoucherRow", row.as_dict())
        db.delete(row)
    for approver in approvers:
        db.delete(approver)
