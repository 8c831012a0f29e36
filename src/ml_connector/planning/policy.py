"""What a connection allows to happen by itself, and what it wants a person to decide."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from ml_connector.kernel.errors import BadInput
from ml_connector.records.commitment import CommitmentStatus
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


class CostCodePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How cost codes and budget codes come to be in a Procore project."""

    create: Literal["auto", "never"] = "auto"
    """Whether a mapped code that IFS knows and the Procore project lacks is created there."""


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
    """Most money moved, per currency."""


class Policies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a connection allows."""

    projects: ProjectPolicy = ProjectPolicy()
    vendors: VendorPolicy = VendorPolicy()
    cost_codes: CostCodePolicy = CostCodePolicy()
    purchase_orders: OrderPolicy = OrderPolicy()
    brakes: BrakePolicy = BrakePolicy()


def _check_numbers(policies: Policies) -> None:
    """Limits and patterns that have the right type and still make no sense."""
    if not 0 <= policies.vendors.near <= 100:
        raise BadInput(f"policy.vendors.near is {policies.vendors.near}; it is a score from 0 to 100.")
    brakes = policies.brakes
    for name in ("creates", "updates", "removals", "money"):
        limit = getattr(brakes, name)
        if not Decimal(limit).is_finite() or limit < 0:
            raise BadInput(f"policy.brakes.{name} is {limit}; it is a number from 0 up, and 0 means no limit.")
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
    known_statuses = {status.value for status in CommitmentStatus}
    for state, status in policies.purchase_orders.status.items():
        if state not in known_states or status not in known_statuses:
            raise BadInput(
                f"policy.purchase_orders.status maps {state!r} to {status!r}, and one of them does not exist.",
                remedy=f"States: {', '.join(sorted(known_states))}. Statuses: {', '.join(sorted(known_statuses))}.",
            )
    return policies
