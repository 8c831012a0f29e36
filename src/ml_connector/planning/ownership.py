"""Who owns what: each group of fields, the side whose word counts, and which of that is a customer's choice."""

from __future__ import annotations

from typing import Literal

import msgspec

from ml_connector.kernel.errors import BadInput
from ml_connector.planning.policy import VENDOR_FIELDS, Policies

Side = Literal["erp", "projects", "both"]


class Choice(msgspec.Struct, frozen=True):
    """One value a policy may have, in words."""

    value: str
    sentence: str


class Owned(msgspec.Struct, frozen=True):
    """One line of the matrix. Without `policy` it is fixed, and `why` says why."""

    flow: str
    what: str
    owner: Side
    why: str
    policy: str = ""
    """Entry of the policies that decides, as in vendors.theirs."""
    choices: tuple[Choice, ...] = ()
    several: bool = False
    """Whether more than one of the choices may be taken: a list."""


MATRIX = (
    Owned("projects", "Projects and their names", "both", "Each side keeps its own; they are only paired."),
    Owned("vendors", "Vendor tax number, terms and bank data", "erp", "Payments depend on them, so IFS owns them."),
    Owned(
        "vendors",
        "Vendor name, address and contact",
        "erp",
        "IFS owns them unless you give some to Procore.",
        "vendors.theirs",
        tuple(Choice(name, f"{name.replace('_', ' ').capitalize()} is kept in Procore") for name in VENDOR_FIELDS),
        several=True,
    ),
    Owned(
        "vendors",
        "A vendor's field changed on the side that does not own it",
        "both",
        "Somebody typed over what the other side owns.",
        "vendors.drift",
        (Choice("hold", "Ask a person"), Choice("restore", "Write the owner's value again")),
    ),
    Owned(
        "vendors",
        "A supplier without a Procore vendor",
        "erp",
        "An order needs its vendor in Procore.",
        "vendors.create",
        (Choice("auto", "Make the vendor in Procore"), Choice("never", "Hold the order until somebody makes it")),
    ),
    Owned(
        "vendors",
        "A vendor made in Procore",
        "projects",
        "Its invoices need a supplier in IFS, which stays blocked for payment until IFS's people release it.",
        "vendors.propose",
        (
            Choice("ask", "Ask before it is proposed to IFS"),
            Choice("auto", "Propose it to IFS at once"),
            Choice("never", "Hold its documents"),
        ),
    ),
    Owned(
        "cost_codes",
        "Cost codes in use",
        "erp",
        "They come from IFS code strings by your mapping.",
        "cost_codes.create",
        (Choice("auto", "Make missing ones in Procore"), Choice("never", "Hold until somebody makes them")),
    ),
    Owned(
        "dimensions",
        "A cost code made in Procore",
        "projects",
        "It can become a code part value in IFS.",
        "cost_codes.back",
        (
            Choice("ask", "Ask before it is made in IFS"),
            Choice("auto", "Make it in IFS at once"),
            Choice("never", "Leave it in Procore"),
        ),
    ),
    Owned("purchase_orders", "Purchase orders, their lines and amounts", "erp", "Orders are bought in IFS."),
    Owned(
        "purchase_orders",
        "An order changed in Procore",
        "erp",
        "Somebody typed over what IFS owns.",
        "purchase_orders.drift",
        (Choice("hold", "Ask a person"), Choice("restore", "Write the IFS value again")),
    ),
    Owned(
        "budgets",
        "The original budget",
        "erp",
        "Either IFS's project estimate or Procore's own budget.",
        "budgets.owner",
        (Choice("erp", "IFS's estimate is written to Procore"), Choice("projects", "Procore's budget is left alone")),
    ),
    Owned("supplier_invoices", "Supplier invoices entered in IFS", "erp", "They are posted in IFS; Procore sees them."),
    Owned("payments", "Payments", "erp", "Money leaves from IFS; Procore sees what was paid."),
    Owned(
        "subcontractor_invoices",
        "Subcontractor invoices approved in Procore",
        "projects",
        "They come to IFS as vouchers that wait there for approval: nothing is posted by us.",
    ),
    Owned(
        "direct_costs",
        "Direct costs entered in Procore",
        "projects",
        "They come to IFS as vouchers that wait there for approval.",
    ),
)
"""Every line, flow by flow."""


def value_of(policies: Policies, policy: str) -> tuple[str, ...]:
    """What a policy of the matrix is set to; one value, or those of a list."""
    part, _, name = policy.partition(".")
    value = getattr(getattr(policies, part), name)
    return tuple(value) if isinstance(value, tuple) else (str(value),)


def owner_of(line: Owned, policies: Policies) -> Side:
    """Whose word counts as things are set."""
    if line.policy == "budgets.owner":
        return policies.budgets.owner
    if line.policy == "vendors.theirs" and policies.vendors.theirs:
        return "both"
    return line.owner


def changes(policies: Policies, chosen: dict[str, tuple[str, ...]]) -> dict[str, dict[str, object]]:
    """What of the policies would change, in the form of a connection file; BadInput for a choice there is not."""
    found: dict[str, dict[str, object]] = {}
    lines = {line.policy: line for line in MATRIX if line.policy}
    for policy, values in chosen.items():
        line = lines.get(policy)
        if line is None:
            raise BadInput(
                f"{policy!r} is not one of the choices of ownership.", remedy=f"Choices: {', '.join(lines)}."
            )
        known = [one.value for one in line.choices]
        off = [value for value in values if value not in known]
        if off or (not line.several and len(values) != 1):
            raise BadInput(f"{line.what}: {', '.join(off) or 'one answer'} cannot be chosen.", remedy=_one_of(known))
        if set(values) != set(value_of(policies, policy)):
            part, _, name = policy.partition(".")
            found.setdefault(part, {})[name] = sorted(values, key=known.index) if line.several else values[0]
    return found


def _one_of(known: list[str]) -> str:
    return f"Use {', '.join(known)}."
