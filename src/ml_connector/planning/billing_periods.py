"""The billing period an invoice is written in: the open one of its day, the next open one, or one that is opened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.planning.money_policy import SupplierInvoicePolicy
from ml_connector.planning.plan import HoldReason
from ml_connector.records.subcontractor_invoice import BillingPeriod


class Found(msgspec.Struct, frozen=True):
    """A period that is there and open; `moved` says why it is not the day's own, if it is not."""

    period: BillingPeriod
    moved: str = ""


class ToOpen(msgspec.Struct, frozen=True):
    """A period to be opened: it overlaps none that is there."""

    period: BillingPeriod
    moved: str = ""


class NoPeriod(msgspec.Struct, frozen=True):
    """No period can take the invoice: why, and what would change that."""

    reason: HoldReason
    waits_for: Key
    sentence: str


def period_key(project: str, start: date) -> Key:
    """The key of a billing period of an erp project."""
    return Key("billing_period", f"{project}/{start.isoformat()}")


def month_of(day: date) -> tuple[date, date]:
    """The first and the last day of a day's calendar month."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def period_for(
    project: str, periods: Sequence[BillingPeriod], day: date, policy: SupplierInvoicePolicy, *, correction: bool
) -> Found | ToOpen | NoPeriod:
    """Where a document of that day is written; `project` is the erp's.

    1. The open period that contains the day.
    2. Its day lies in a closed period, in a gap or before the first period: the first open period after it (policy
       `closed_period`; a day in no period at all always moves). The document keeps its own date.
    3. No period is open: one is opened (policy `open_period`): the day's calendar month when it lies after all known
       periods, else what comes after the last one, to the end of that month. Procore lets one period be open
       (facts/procore.md 9), so nothing is opened while another one is.

    A correction or reversal always moves on: it belongs to the current period, whatever `closed_period` says.
    """
    own = next((one for one in periods if one.start <= day <= one.end), None)
    if own and own.open:
        return Found(own)
    month, until = month_of(day)
    if own and policy.closed_period == "hold" and not correction:
        return NoPeriod(
            HoldReason.BILLING_PERIOD_CLOSED,
            period_key(project, own.start),
            f"The billing period {own.start} to {own.end} of project {project} is closed in Procore",
        )
    why = f"the billing period of {day} is closed" if own else f"no billing period holds {day}"
    open_ones = sorted((one for one in periods if one.open), key=lambda one: one.start)
    later = next((one for one in open_ones if one.start > day), None)
    if later:
        return Found(later, f"{why}: written in that of {later.start} to {later.end}, its own date kept")
    if open_ones:
        last = open_ones[-1]
        return NoPeriod(
            HoldReason.BILLING_PERIOD_MISSING,
            period_key(project, month),
            f"Project {project} has no billing period for {day}; that of {last.start} to {last.end} is still open, "
            "and Procore lets only one be open",
        )
    if policy.open_period == "never":
        return NoPeriod(
            HoldReason.BILLING_PERIOD_MISSING,
            period_key(project, month),
            f"Project {project} has no open billing period in Procore, and policy does not let us open one",
        )
    last_day = max((one.end for one in periods), default=None)
    if last_day is None or month > last_day:
        return ToOpen(BillingPeriod(project, month, until, until))
    start = last_day + timedelta(days=1)
    end = month_of(start)[1]
    moved = "" if start <= day <= end else f"{why}: written in that of {start} to {end}, its own date kept"
    return ToOpen(BillingPeriod(project, start, end, end), moved)
