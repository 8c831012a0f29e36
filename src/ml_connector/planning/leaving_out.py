"""What a person may leave out of Procore although nothing about it is a question: a document that never crossed."""

from __future__ import annotations

from collections.abc import Mapping

from ml_connector.planning.plan import HoldReason

_WAITING = (
    HoldReason.PROJECT_NOT_LINKED,
    HoldReason.VENDOR_NOT_LINKED,
    HoldReason.CODE_MISSING,
    HoldReason.CODE_UNMAPPED,
    HoldReason.COST_CODE_MISSING,
    HoldReason.COST_TYPE_MISSING,
    HoldReason.UNBUDGETED,
    HoldReason.ACTIVITY_CLOSED,
    HoldReason.PROJECT_MISSING,
    HoldReason.CURRENCY_OFF,
)

LEFT_OUT_FOR: Mapping[str, tuple[HoldReason, ...]] = {
    "purchase_orders": _WAITING,
    "supplier_invoices": (*_WAITING, HoldReason.BILLING_PERIOD_MISSING, HoldReason.BILLING_PERIOD_CLOSED),
}
"""Flow to the reasons for which one of its documents may be left out with `ignore`, while nothing of it is in Procore.

What crossed is never left alone for these: its money stands there and would grow old. What was born in Procore is
cost the books lack, so it is never left out for them either.
"""

CROSSED_AS: Mapping[str, tuple[str, ...]] = {
    "purchase_orders": ("commitment",),
    "supplier_invoices": ("subcontractor_invoice", "direct_cost"),
}
"""Flow to the kinds of record its documents become in Procore."""


def may_leave_out(flow: str, reason: HoldReason, kind: str) -> bool:
    """Whether a hold of that flow and reason, on a record of that kind, takes `ignore` while nothing of it crossed."""
    return kind in ("order", "supplier_invoice") and reason in LEFT_OUT_FOR.get(flow, ())
