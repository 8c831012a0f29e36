"""What a connection allows where money moves: invoices, direct costs, payments, budgets, vouchers."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

import msgspec

from ml_connector.kernel.errors import BadInput
from ml_connector.records.direct_cost import CostKind, CostStatus
from ml_connector.records.subcontractor_invoice import InvoiceStatus
from ml_connector.records.supplier_invoice import InvoiceState

_STATUSES = [status.value for status in InvoiceStatus if status is not InvoiceStatus.OTHER]


class SupplierInvoicePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens to IFS supplier invoices on their way to Procore."""

    strategy: Literal["commitment", "direct_cost"] = "commitment"
    """Where a line on an order goes: the subcontractor invoice of its commitment (strategy A of section 5.2), or a
    direct cost of type subcontractor invoice (B). Chosen once for a connection; a line on no order is a direct cost."""
    budget_view_checked: bool = False
    """A person's word, asked for by strategy B, that the budget views in use count a subcontractor invoice kept as a
    direct cost once: Procore does not tell how a view's columns are worked out (docs/decisions/0027)."""
    states: tuple[str, ...] = ("posted", "authorised", "partly_paid", "paid")
    """States in which an invoice crosses; one cancelled after it crossed is reversed whatever stands here."""
    window_days: int = 120
    """How far back by invoice date each look reaches; an open invoice that crossed is looked at whatever its age."""
    status: str = "approved"
    """Status of the subcontractor invoices made from them: their origin_id locks them, so it does not move later."""
    open_period: Literal["when_none", "never"] = "when_none"
    """Whether a billing period (the calendar month of the invoice) is opened where the project has no open one."""
    closed_period: Literal["next_open", "hold"] = "next_open"
    """An invoice whose billing period is closed: into the first open one with its own date kept, or held."""
    same_number: Literal["ask", "link"] = "ask"
    """Procore has an invoice of that vendor and number somebody typed: ask, or take it as the same."""
    retention_accounts: tuple[str, ...] = ()
    """Accounts whose postings are retention, not cost: a negative one is retained, a positive one released."""
    tax_tolerance: Decimal = Decimal("0.05")
    """By how much a line's tax may differ from its tax code's rate before it is said, in the invoice's currency."""


class DirectCostPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens to costs without an order, both ways."""

    kinds: dict[str, str] = {}
    """IFS account, or pattern of it (`414*`), to the direct cost type it makes in Procore; else `invoice`."""
    status: str = "approved"
    """Status of the direct costs made from IFS invoices."""
    statuses: tuple[str, ...] = ("approved",)
    """Statuses in which a Procore direct cost comes back as a voucher."""
    types: tuple[str, ...] = ("invoice", "expense", "payroll")
    """Types of Procore direct costs that come back as vouchers."""
    accounts: dict[str, str] = {}
    """Type of a Procore direct cost to the account credited for it; else `vouchers.clearing_account`."""


class PaymentPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How IFS payments are mirrored on commitments."""

    methods: dict[str, str] = {}
    """IFS payment way to check, credit_card or electronic; else electronic."""
    window_days: int = 120
    """How far back by payment date each look reaches."""


class BudgetPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who owns the original budget, and what happens once it is locked."""

    owner: Literal["erp", "projects"] = "erp"
    """`erp`: IFS's project estimate is written to Procore's budget. `projects`: Procore's budget is left alone."""
    locked: Literal["change", "hold"] = "hold"
    """After Procore's budget was locked: the difference as a budget change, or held."""
    strangers: Literal["hold", "leave", "zero"] = "hold"
    """Budget lines IFS's estimate does not know: hold the project, leave them, or set them to zero."""
    amount: Literal["estimated", "planned", "baseline"] = "estimated"
    """Which of IFS's figures is the budget."""


class VoucherPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How vouchers are made in IFS."""

    type: str = "M"
    """Voucher type."""
    user_group: str = ""
    """User group they are entered under; empty: the service user's default."""
    status: Literal["not_approved", "awaiting_approval"] = "not_approved"
    """How they are left for people to decide."""
    clearing_account: str = ""
    """Account credited for what the supplier's own invoice will bring."""
    retention_account: str = ""
    """Account credited with what is retained, and debited with what is released."""
    codes: dict[str, str] = {}
    """Code part values for clearing and retention rows, by letter; `project` as a value stands for the project."""
    closed_period: Literal["hold", "next_open"] = "hold"
    """The document's day lies in a closed accounting period: hold, or the first day of the next open one."""
    sent_back: Literal["ask", "reverse"] = "ask"
    """A document that crossed was sent back: ask, or reverse its voucher at once. One that is gone is always asked
    about."""
    revised: Literal["reverse", "ask"] = "reverse"
    """A document that crossed comes again with other amounts: reversal and new voucher at once, or ask."""


class SubcontractorInvoicePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens to subcontractor invoices written in Procore on their way to IFS."""

    statuses: tuple[str, ...] = ("approved", "approved_as_noted")
    """Statuses that count; pending_owner_approval is common and for the customer to decide."""
    route: Literal["voucher", "supplier_invoice"] = "voucher"
    """A commitment that is an IFS order: a voucher that waits for approval, or a preliminary manual supplier invoice
    where the profile names that projection."""
    unknown: Literal["requisition", "hold"] = "requisition"
    """A commitment that is no IFS order: propose it as a purchase requisition, or hold."""
    billed_to_date: bool = False
    """Whether the order's lines are told what has been billed."""
    site: dict[str, str] = {}
    """IFS project to the site its requisitions are made for; `*` for all others."""
    requisitioner: str = ""
    """Who asks for them in IFS."""


def check_money(
    invoices: SupplierInvoicePolicy, costs: DirectCostPolicy, payments: PaymentPolicy, back: SubcontractorInvoicePolicy
) -> None:
    """Words and numbers that have the right type and still make no sense; BadInput names the entry."""
    if invoices.strategy == "direct_cost" and not invoices.budget_view_checked:
        raise BadInput(
            "policy.supplier_invoices.strategy is direct_cost, and nobody has said that the budget views were checked.",
            remedy="See that no budget view in use adds direct costs of type subcontractor invoice to commitments, and "
            "so counts them twice; then set policy.supplier_invoices.budget_view_checked = true.",
        )
    _known("supplier_invoices.states", invoices.states, (state.value for state in InvoiceState))
    _known("supplier_invoices.status", (invoices.status,), _STATUSES)
    _known("direct_costs.kinds", costs.kinds.values(), (kind.value for kind in CostKind))
    _known("direct_costs.types", costs.types, (kind.value for kind in CostKind))
    _known("direct_costs.accounts", costs.accounts, (kind.value for kind in CostKind))
    _known("direct_costs.status", (costs.status,), (status.value for status in CostStatus))
    _known("direct_costs.statuses", costs.statuses, (status.value for status in CostStatus))
    _known("payments.methods", payments.methods.values(), ("check", "credit_card", "electronic"))
    _known("subcontractor_invoices.statuses", back.statuses, _STATUSES)
    for name, days in (("supplier_invoices", invoices.window_days), ("payments", payments.window_days)):
        if not 1 <= days <= 3650:
            raise BadInput(f"policy.{name}.window_days is {days}; it is a number of days from 1 to 3650.")
    if not invoices.tax_tolerance.is_finite() or invoices.tax_tolerance < 0:
        tolerance = invoices.tax_tolerance
        raise BadInput(f"policy.supplier_invoices.tax_tolerance is {tolerance}; it is an amount from 0 up.")


def _known(name: str, given: Iterable[str], known: Iterable[str]) -> None:
    allowed = list(known)
    for word in given:
        if word not in allowed:
            raise BadInput(f"policy.{name} names {word!r}, which does not exist.", remedy=f"Use {', '.join(allowed)}.")
