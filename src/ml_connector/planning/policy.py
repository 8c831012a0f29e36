"""What a connection allows to happen by itself, and what it wants a person to decide."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from ml_connector.kernel.errors import BadInput
from ml_connector.planning.money_policy import (
    BudgetPolicy,
    DirectCostPolicy,
    PaymentPolicy,
    SubcontractorInvoicePolicy,
    SupplierInvoicePolicy,
    VoucherPolicy,
    check_money,
)
from ml_connector.records.commitment import OF_SUBCONTRACTS, CommitmentStatus
from ml_connector.records.purchase_order import OrderState

_STATUS: dict[str, str] = {
    OrderState.RELEASED.value: CommitmentStatus.APPROVED.value,
    OrderState.CONFIRMED.value: CommitmentStatus.APPROVED.value,
    OrderState.STOPPED.value: CommitmentStatus.PROCESSING.value,
    OrderState.RECEIVED.value: CommitmentStatus.APPROVED.value,
    OrderState.CLOSED.value: CommitmentStatus.CLOSED.value,
    OrderState.CANCELLED.value: CommitmentStatus.CLOSED.value,
}
# Received stays Approved: Procore counts Received as pending cost, Approved as committed (facts/procore.md 8.1).


VENDOR_FIELDS = ("name", "address", "city", "state", "zip_code", "email", "phone")
"""Vendor fields Procore may own; those payment depends on are not among them."""


class ProjectPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How IFS projects find their partners. Projects are never created in Procore."""

    link: Literal["auto", "ask"] = "ask"
    """`auto` confirms an equal number, or an equal name that is the only one; `ask` proposes and waits."""


class VendorPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How suppliers find or get their Procore vendor."""

    name_match: Literal["link", "ask"] = "link"
    """What a single vendor with the same normalised name means."""
    near: int = 88
    """Score (0 to 100) from which a name is near enough to ask about."""
    create: Literal["auto", "never"] = "auto"
    """Whether a supplier without partner is created in Procore before its order."""
    project_directory: Literal["add", "leave"] = "add"
    """Whether a vendor is added to a project's directory before its order (needed in Procore's pages; the API's own
    rule is not documented: facts/procore.md section 6)."""
    propose: Literal["ask", "auto", "never"] = "ask"
    """A vendor born in Procore that a document on its way to IFS needs: ask before it becomes a supplier there, make
    it at once (blocked for payment until IFS's people release it), or hold the document."""
    theirs: tuple[str, ...] = ()
    """Fields Procore owns, of name, address, city, state, zip_code, email, phone: they flow to IFS instead. Tax
    numbers, terms and bank data are IFS's always."""
    drift: Literal["hold", "restore"] = "hold"
    """Procore's people changed a field that IFS owns: ask, or write the IFS value again."""


class CostCodePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How cost codes and budget codes come to be in a Procore project."""

    create: Literal["auto", "never"] = "auto"
    """Whether a mapped code that IFS knows and the Procore project lacks is created there."""
    scope: Literal["used", "all"] = "used"
    """Which values reach a Procore project: those its open orders use, or every valid one."""
    back: Literal["ask", "auto", "never"] = "ask"
    """A cost code made in Procore: ask before it becomes a code part value in IFS, make it at once, or leave it."""


class OrderPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens to purchase orders on their way."""

    unbudgeted: Literal["allow", "block", "ask"] = "ask"
    """A code without budget line makes Procore add a zero row: let it, hold the order, or ask."""
    foreign_currency: Literal["send", "hold"] = "hold"
    """Orders in another currency than the Procore project's: send where Procore keeps currencies, or hold."""
    drift: Literal["hold", "restore"] = "hold"
    """Somebody in Procore changed what IFS owns: ask, or write the IFS value again."""
    laps: int = 3
    """How often one contract is restored in a row, with nothing changed in IFS, before a person is asked."""
    same_number: Literal["link", "ask"] = "link"
    """A Procore order typed by hand with this number and this vendor: link it, or ask."""
    split_number: str = "{order}-{project}"
    """Number of each contract when an order's lines lie on several projects."""
    approve: Literal["auto", "manual"] = "manual"
    """Whether plans go by themselves or wait for approval by hash (for the whole connection)."""
    status: dict[str, str] = msgspec.field(default_factory=lambda: dict(_STATUS))
    """IFS order state to Procore status; states left out are not sent."""


class BrakePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one run; above them it stops and waits for approval by hash. Zero means no limit."""

    creates: int = 0
    """Most records created."""
    updates: int = 500
    """Most records changed."""
    removals: int = 25
    """Most orders cancelled or closed."""
    money: Decimal = Decimal(0)
    """Most money moved, per currency, whatever its sign; what only goes from one code to another counts in full."""
    money_creates: Decimal = Decimal(0)
    """Most money of new records, per currency."""
    money_updates: Decimal = Decimal(0)
    """Most money added to records that are there, per currency."""
    money_removals: Decimal = Decimal(0)
    """Most money taken away, per currency: orders cut, cancelled or closed, invoices reversed or credited."""
    share_creates: int = 0
    """Most new records of one kind, in percent of those that are linked."""
    share_updates: int = 50
    """Most of the linked records of one kind that change, in percent."""
    share_removals: int = 20
    """Most of the linked orders that are cancelled or closed, in percent."""
    share_from: int = 50
    """Records up to which no share is looked at: half of a few is few."""
    vanished: int = 50
    """Documents of a project that crossed, three at least, and that Procore shows no more all at once, in percent: from
    there on it is a lost permission, not deletions, and their flow stands still."""


class ApprovalPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may approve a plan, and when it is offered that plans go by themselves."""

    four_eyes_over: Decimal = Decimal(0)
    """Money a plan moves, per currency, whatever its sign and with what only goes to another code, above which whoever
    asked for it may not approve it."""
    flows: dict[str, Literal["auto", "manual"]] = {}
    """Flow to whether its steps go by themselves or wait for approval; the others as `purchase_orders.approve` says."""
    offer_after: int = 5
    """Clean plans in a row after which automation is offered: approved, sent, and nothing refused or unknown."""


class Policies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a connection allows."""

    projects: ProjectPolicy = ProjectPolicy()
    vendors: VendorPolicy = VendorPolicy()
    cost_codes: CostCodePolicy = CostCodePolicy()
    purchase_orders: OrderPolicy = OrderPolicy()
    supplier_invoices: SupplierInvoicePolicy = SupplierInvoicePolicy()
    direct_costs: DirectCostPolicy = DirectCostPolicy()
    payments: PaymentPolicy = PaymentPolicy()
    budgets: BudgetPolicy = BudgetPolicy()
    subcontractor_invoices: SubcontractorInvoicePolicy = SubcontractorInvoicePolicy()
    vouchers: VoucherPolicy = VoucherPolicy()
    brakes: BrakePolicy = BrakePolicy()
    approval: ApprovalPolicy = ApprovalPolicy()


def _check_numbers(policies: Policies) -> None:
    """Limits and patterns that have the right type and still make no sense."""
    if not 0 <= policies.vendors.near <= 100:
        raise BadInput(f"policy.vendors.near is {policies.vendors.near}; it is a score from 0 to 100.")
    ours = set(policies.vendors.theirs) - set(VENDOR_FIELDS)
    if ours:
        raise BadInput(
            f"policy.vendors.theirs names {sorted(ours)[0]!r}, which Procore cannot own.",
            remedy=f"Use {', '.join(VENDOR_FIELDS)}: what payment depends on is IFS's always.",
        )
    check_money(policies.supplier_invoices, policies.direct_costs, policies.payments, policies.subcontractor_invoices)
    brakes = policies.brakes
    for name in ("creates", "updates", "removals", "money", "money_creates", "money_updates", "money_removals"):
        limit = getattr(brakes, name)
        if not Decimal(limit).is_finite() or limit < 0:
            raise BadInput(f"policy.brakes.{name} is {limit}; it is a number from 0 up, and 0 means no limit.")
    for name in ("share_creates", "share_updates", "share_removals", "share_from", "vanished"):
        number = getattr(brakes, name)
        if name == "share_from" and number < 0:
            raise BadInput(f"policy.brakes.{name} is {number}; it is a number of records from 0 up.")
        if number < 0 or (number > 100 and name not in ("share_from", "share_creates")):
            most = "from 0 percent up" if name == "share_creates" else "from 0 to 100 percent"
            raise BadInput(f"policy.brakes.{name} is {number}; a share is {most}, and 0 means no limit.")
    approval = policies.approval
    if not approval.four_eyes_over.is_finite() or approval.four_eyes_over < 0:
        limit = approval.four_eyes_over
        raise BadInput(f"policy.approval.four_eyes_over is {limit}; it is an amount from 0 up, and 0 is off.")
    if approval.offer_after < 0:
        after = approval.offer_after
        raise BadInput(f"policy.approval.offer_after is {after}; it is a number from 0 up, and 0 never offers.")
    pattern = policies.purchase_orders.split_number
    try:
        numbers = {pattern.format(order=order, project=project) for order in "12" for project in "34"}
    except (LookupError, ValueError, AttributeError):
        numbers = set()
    if len(numbers) < 4:
        raise BadInput(
            f"policy.purchase_orders.split_number {pattern!r} does not give every contract a number of its own.",
            remedy="Write it with both {order} and {project}, such as {order}-{project}.",
        )


def policies_from(data: Mapping[str, object]) -> Policies:
    """Policies from their TOML form; BadInput names the entry that cannot be used and what it may be."""
    try:
        policies = msgspec.convert(data, Policies, strict=False)
    except msgspec.ValidationError as error:
        raise BadInput(
            f"The policies cannot be used: {error}.",
            remedy="See docs/connection-file.md for every policy and its values.",
        ) from None
    _check_numbers(policies)
    known_states = {state.value for state in OrderState}
    known_statuses = {status.value for status in CommitmentStatus if status not in OF_SUBCONTRACTS}
    for state, status in policies.purchase_orders.status.items():
        if state not in known_states or status not in known_statuses:
            raise BadInput(
                f"policy.purchase_orders.status maps {state!r} to {status!r}, and one of them does not exist.",
                remedy=f"States: {', '.join(sorted(known_states))}. Statuses: {', '.join(sorted(known_statuses))}.",
            )
    return policies


def goes_alone(policies: Policies) -> bool:
    """Whether plans go by themselves, or those of some flow do."""
    return "auto" in (policies.purchase_orders.approve, *policies.approval.flows.values())
