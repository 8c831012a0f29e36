"""What a person may answer to which hold: the closed table that every door offers from."""

from __future__ import annotations

from ml_connector.planning.plan import HoldReason

ANSWERS: dict[HoldReason, tuple[str, ...]] = {
    HoldReason.PROJECT_MATCH: ("link", "ignore"),
    HoldReason.VENDOR_MATCH: ("link", "new"),
    HoldReason.VENDOR_SHARED: ("link", "new"),
    HoldReason.ORDER_MATCH: ("link", "new", "ignore"),
    HoldReason.UNBUDGETED: ("allow",),
    HoldReason.CHANGED_THERE: ("erp", "projects"),
    HoldReason.CONFLICT: ("erp", "projects"),
    HoldReason.LAPPING: ("erp", "ignore"),
    HoldReason.TOTALS_DIFFER: ("new", "ignore"),
    HoldReason.GONE_THERE: ("new", "link", "ignore"),
    HoldReason.GONE_HERE: ("ignore",),
    HoldReason.INVOICE_MATCH: ("link", "new", "ignore"),
    HoldReason.TWO_PLACES: ("ignore",),
    HoldReason.CREDIT_WAITS: ("allow", "ignore"),
    HoldReason.COMMITMENT_MISSING: ("ignore",),
    HoldReason.LINE_UNKNOWN: ("ignore",),
    HoldReason.SENT_BACK: ("erp", "projects"),
    HoldReason.REVISED: ("erp", "projects"),
    HoldReason.VENDOR_PROPOSAL: ("new", "link", "ignore"),
    HoldReason.BUDGET_STRANGERS: ("erp", "projects"),
    HoldReason.PROPOSAL_ENDED: ("new", "ignore"),
}
"""What a person may answer to each kind of hold; the others end when the missing thing appears."""

ANSWERS_BY_FLOW: dict[tuple[str, HoldReason], tuple[str, ...]] = {
    ("dimensions", HoldReason.CODE_MISSING): ("allow", "ignore"),
    ("dimensions", HoldReason.PART_FORBIDDEN): ("ignore",),
    ("projects", HoldReason.GONE_THERE): ("new",),
    ("purchase_orders", HoldReason.GONE_THERE): ("new", "ignore"),
    ("supplier_invoices", HoldReason.GONE_THERE): ("ignore",),
    ("supplier_invoices", HoldReason.TOTALS_DIFFER): ("ignore",),
    ("payments", HoldReason.SENT_BACK): (),
    ("subcontractor_invoices", HoldReason.GONE_HERE): (),
    ("subcontractor_invoices", HoldReason.LINE_UNKNOWN): (),
    ("subcontractor_invoices", HoldReason.TOTALS_DIFFER): (),
    ("direct_costs", HoldReason.GONE_HERE): (),
    ("direct_costs", HoldReason.TOTALS_DIFFER): (),
    ("subcontractor_invoices", HoldReason.INVOICE_MATCH): ("ignore", "new"),
    ("direct_costs", HoldReason.INVOICE_MATCH): ("ignore", "new"),
    ("subcontractor_invoices", HoldReason.COMMITMENT_MISSING): (),
}
"""Where one flow asks another question under the same reason, or none."""

ANSWERS_BY_KIND: dict[tuple[str, HoldReason], tuple[str, ...]] = {
    ("vendor_there", HoldReason.VENDOR_MATCH): ("link", "new", "ignore"),
    ("vendor_there", HoldReason.VENDOR_SHARED): ("new", "ignore"),
}
"""Where one kind of record asks another question under the same reason: of a vendor born in Procore the other way."""


def answers_to(flow: str, reason: HoldReason, kind: str = "") -> tuple[str, ...]:
    """What a person may answer to a hold on a record of that kind; empty when it ends by itself."""
    of_kind = ANSWERS_BY_KIND.get((kind, reason))
    return ANSWERS_BY_FLOW.get((flow, reason), ANSWERS.get(reason, ())) if of_kind is None else of_kind
