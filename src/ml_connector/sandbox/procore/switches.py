"""What a real Procore company may answer either way, as settings of the simulation."""

from __future__ import annotations

from dataclasses import dataclass, field

TOOLS = ("directory", "admin", "commitments", "budget", "direct_costs", "webhooks")
"""The tools whose permission level the served operations ask for (facts/procore.md 15)."""

LEVELS = ("none", "read", "standard", "admin")
"""Permission levels of a tool, weakest first."""


def _everything() -> dict[str, str]:
    return dict.fromkeys(TOOLS, "admin")


@dataclass(slots=True)
class ProcoreSwitches:
    """Behaviour that the documentation leaves open or that differs by customer; change a member at any time."""

    missing_company_header: int = 404
    """Status when `Procore-Company-Id` is absent: 404 (seen in production) or 400."""
    not_permitted_project: int = 404
    """Status for a project the service account may not see: 404 or 403."""
    rate_hour: int = 0
    """Calls allowed in 60 minutes; 0 is unlimited (the headers then show a large limit)."""
    rate_spike: int = 0
    """Calls allowed in 10 seconds; 0 is unlimited."""
    retry_after_on_429: bool = False
    """Whether a 429 carries Retry-After (facts/procore.md 18.6: disputed)."""
    origin_id_locks: bool = True
    """Whether an origin_id locks requisitions, direct costs and payments as section 4 says (18.12: unsure)."""
    erp_integrated: bool = False
    """ERP mode: cost codes are written by sync only, custom segments and non-sync changes are refused."""
    multi_currency: bool = True
    """Second multi-currency phase: contracts accept a currency and show base currency and rate."""
    ignore_page_endpoints: set[str] = field(default_factory=set)
    """Path templates of list endpoints that answer the first page whatever `page` says."""
    permissions: dict[str, str] = field(default_factory=_everything)
    """Tool to level: none, read, standard or admin."""
    app_installed: bool = True
    """False: every call answers 403, the app is not connected to the company."""
    po_sync_accepts_id: bool = False
    """Whether purchase order and line sync rows may name a record by `id` (undocumented; facts/procore.md 18.11)."""
    approved_freezes_lines: bool = True
    """Whether an Approved contract freezes its company and schedule of values and refuses deletion."""
    vendor_must_be_in_project: bool = True
    """Whether a contract may only name a vendor of the project's directory (facts/procore.md 6, inferred)."""
    token_ttl: int = 5400
    """Seconds an access token lives."""
    budget_line_list: bool = True
    """Whether the beta list of budget lines (v2.0) is there; False answers 404."""
    sync_row_limit: int = 1000
    """Most rows in one sync call."""
    settle: float = 0.0
    """Seconds until a created record shows in lists; show calls see it at once."""
    change_order_new_line: bool = True
    """Whether a change order line may name the contract line `new`, which makes a zero line (facts/procore.md 8.3)."""
    only_latest_requisition_changes: bool = False
    """Whether only the latest requisition of a contract can be changed (facts/procore.md 18.15: sources disagree)."""
    one_requisition_per_period: bool = False
    """Whether a second requisition of a contract in the same billing period is refused (18.14: not stated)."""
    requisition_needs_approved_contract: bool = False
    """Whether only an Approved contract can be invoiced."""
    retainage_from_contract: bool = True
    """Whether new work is retained at the contract's retainage_percent when the write names no retainage."""
    item_change_touches_requisition: bool = True
    """Whether a changed item moves its requisition's updated_at (18.24: not documented)."""
    payment_touches_requisition: bool = False
    """Whether a payment moves its requisition's updated_at (18.24: not documented)."""
    direct_cost_busy: float = 0.0
    """Seconds a write to a direct cost runs on; another write to it within them answers 409."""
    direct_cost_conflict_every: int = 0
    """Each so many writes to existing direct costs one answers 409, as if another were running; 0 never."""
    direct_cost_line_limit: int = 100
    """Most lines in one v1.1 direct cost write."""
    requisition_webhooks: bool = False
    """Whether Requisitions are offered as a webhook resource; not so as observed (facts/procore.md 13.4)."""
    webhook_timeout: float = 5.0
    """Seconds of the machine's time a receiver has to answer."""
    webhook_disable_after: int = 0
    """Failures in a row after which a hook is disabled (18.25: disputed); 0 never."""
