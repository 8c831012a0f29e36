"""Booked payments of supplier invoices as records, a record for each ledger transaction (facts/ifs.md 11.5)."""

from __future__ import annotations

from datetime import date

from ml_connector.records.payment import Payment
from ml_connector.records.problem import Problem, Reject
from ml_connector.systems.ifs.odata import Odata
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.project import of_company
from ml_connector.systems.ifs.rows import Row, parsed

KIND = "payment"

_SUPPLIER = "Supplier"


def payments_since(odata: Odata, profile: Profile, company: str, day: date) -> tuple[list[Payment], list[Problem]]:
    """Payments and reversals of supplier invoices dated on or after `day`, in the order of booking.

    A reversal is a transaction of its own with the opposite amount; the one it takes back stays, in another state.
    Transactions of other parties, those that pay no invoice and those in a state of the kind `other` are left out.
    """
    where = profile.payment
    condition = f"{where.name('dated')} ge {day.isoformat()}"
    reading = odata.reading(where, "read payments", of_company(where, company, condition))
    found, problems = parsed(odata.rows(reading), lambda row: _payment(row, profile), where, KIND)
    return sorted((one for one in found if one is not None), key=lambda one: one.order), problems


def _payment(row: Row, profile: Profile) -> Payment | None:
    """The payment in `row`; None when the row is no payment of a supplier invoice, Reject when it cannot be told."""
    if row.text("party_type") not in ("", _SUPPLIER) or not row.text("invoice"):
        return None
    state = row.text("state")
    counts = profile.payment_states.get(state)
    if state and counts is None:
        raise Reject(f"the state {state!r} is not in the profile")
    if counts == "other":
        return None
    dated = row.day("dated")
    if dated is None:
        raise Reject("it has no date")
    number, transaction = row.whole("payment"), row.whole("transaction")
    return Payment(
        id=f"{row.text('series')}/{number}/{transaction}",
        order=(number, transaction),
        invoice=row.required("invoice"),
        amount=row.number("amount"),
        currency=row.currency("currency"),
        dated=dated,
        method=row.text("method"),
        reference=row.text("reference"),
        reverses=row.text("reverses"),
    )
