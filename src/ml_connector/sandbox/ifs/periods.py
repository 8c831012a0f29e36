"""Which accounting period a day falls in, and for whom it is open (facts/ifs.md 11.1 and 11.9)."""

from __future__ import annotations

from datetime import date
from typing import Any

from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.refusals import RULE, RuleBroken

LEDGER = "00"
"""Id of the general ledger among the ledgers of a company."""


def period_of(db: Database, company: str, day: date) -> Row | None:
    """The ordinary period a day falls in, or None."""
    periods = db.table("AccountingPeriod").under((company,))
    return next((one for one in periods if one["DateFrom"] <= day <= one["DateUntil"]), None)


def is_closed(db: Database, period: Row) -> bool:
    """Whether the period is closed in the general ledger."""
    ledger = db.find("AccPeriodLedger", *period.key, LEDGER)
    return ledger is None or ledger["PeriodStatus"] != "Open"


def open_period(db: Database, company: str, day: date, user_group: str | None) -> Row:
    """The period of a day, open for the user group and in the ledger.

    Refused: NOTOPENPERIOD (no period, or not open for the group), NOOPENPERIODSERROR (none is), PERCLOSED (ledger).
    """
    period = period_of(db, company, day)
    if period is None:
        raise RuleBroken(RULE, "AccountingPeriod.NOTOPENPERIOD", f"There is no accounting period for {day}.")
    if is_closed(db, period):
        raise RuleBroken(RULE, "AccountingPeriod.PERCLOSED", f"The period of {day} is closed in the ledger.")
    if not _open_for(db, period.key, user_group):
        if not _any_open(db, company, user_group):
            text = f"No period at all is open for user group {user_group}."
            raise RuleBroken(RULE, "UserGroupPeriod.NOOPENPERIODSERROR", text)
        text = f"The period of {day} is not open for user group {user_group}."
        raise RuleBroken(RULE, "UserGroupPeriod.NOTOPENPERIOD", text)
    return period


def _open_for(db: Database, period: tuple[Any, ...], user_group: str | None) -> bool:
    row = db.find("UserGroupPeriod", *period, user_group)
    return row is not None and row["PeriodStatus"] == "Open"


def _any_open(db: Database, company: str, user_group: str | None) -> bool:
    rows = db.table("UserGroupPeriod").under((company,))
    return any(one["UserGroup"] == user_group and one["PeriodStatus"] == "Open" for one in rows)
