"""Where one posting of a supplier invoice goes: the decision table of section 5.2, one row after the other.

| # | posting | goes to |
|---|---|---|
| 1 | came from Procore | nowhere new: it is linked |
| 2 | on an order whose contract is known | its subcontractor invoice (strategy A), or a direct cost (strategy B) |
| 3 | on an order whose contract is not known yet | held |
| 4 | on an order, and no single contract line can take it | held |
| 5 | on no order, on a project | a direct cost of that project |
| 6 | on no project | outside: no project cost |

Retention (policy `retention_accounts`) is no cost: it follows its order's invoice; where there is none it is outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import commitment_key, contract_homes
from ml_connector.planning.names import plain_number
from ml_connector.planning.plan import HoldReason, unpack
from ml_connector.planning.situation import Linked, Situation
from ml_connector.records.commitment import Commitment
from ml_connector.records.direct_cost import CostKind
from ml_connector.records.supplier_invoice import InvoiceLine

ZERO = Decimal(0)


class Bucket(Enum):
    """The one place of a posting in the projects system."""

    LINKED = "linked"
    """Procore had it first: nothing is created."""
    INVOICE = "subcontractor_invoice"
    """The subcontractor invoice of a commitment."""
    COST = "direct_cost"
    """A direct cost of a project."""
    OUTSIDE = "outside"
    """Nothing in Procore: no project cost."""
    HELD = "held"
    """Not known yet; the whole document waits."""


class Role(Enum):
    """What a posting is in its invoice."""

    COST = "cost"
    """What was delivered or done."""
    TOLERANCE = "tolerance"
    """A difference of matching: it names an order and no line of it."""
    RETENTION = "retention"
    """Held back (negative) or given free (positive); never cost."""


class Facts(msgspec.Struct, frozen=True):
    """What routing may know of a posting besides the posting itself."""

    strategy: Literal["commitment", "direct_cost"]
    role: Role = Role.COST
    orders: tuple[str, ...] = ()
    """Orders it may belong to: one, none, or several where nothing says which; retention may take its neighbours'."""
    projects: tuple[str, ...] = ()
    """Projects it may lie on: one, none, or several where nothing says which."""
    commitment: str = ""
    """Key id of the contract of that order and project, linked or made by this plan; empty when there is none."""
    elsewhere: str = ""
    """Key id of another contract of the order that has the line it names."""
    came_from: str = ""
    """Procore's id of the document it came from, if it did."""
    kind: CostKind = CostKind.INVOICE
    """The direct cost type its account makes."""


class Route(msgspec.Struct, frozen=True):
    """Where a posting goes, and why; a held one says what for."""

    bucket: Bucket
    reason: str
    project: str = ""
    order: str = ""
    kind: CostKind = CostKind.INVOICE
    hold: HoldReason | None = None
    waits_for: Key | None = None


def route(line: InvoiceLine, facts: Facts) -> Route:
    """The place of one posting. Pure: the same posting and facts give the same place.

    On one project, or on none; several possible projects are held, because money is never put where it may not belong.
    """
    what = f"Posting {line.id}"
    project = facts.projects[0] if len(facts.projects) == 1 else ""
    order = facts.orders[0] if len(facts.orders) == 1 else ""
    if facts.came_from:
        return Route(Bucket.LINKED, f"{what} came from Procore's document {facts.came_from}.", project, order)
    if len(facts.orders) > 1:
        reason = f"{what} is retention of one of the orders {', '.join(facts.orders)}, and nothing says of which."
        waits_for = Key("order", facts.orders[0])
        return Route(Bucket.HELD, reason, hold=HoldReason.LINE_UNKNOWN, waits_for=waits_for)
    if order:
        return _on_order(what, facts, project, order)
    if facts.role is Role.RETENTION:
        return Route(
            Bucket.OUTSIDE, f"{what} is retention on no order: no cost, and Procore keeps none of it.", project
        )
    if project:
        return Route(
            Bucket.COST, f"{what} is on no order: a direct cost of project {project}.", project, "", facts.kind
        )
    return Route(Bucket.OUTSIDE, f"{what} is on no project: no project cost.")


def _on_order(what: str, facts: Facts, project: str, order: str) -> Route:
    if facts.commitment:
        if facts.strategy == "commitment":
            reason = f"{what} is on order {order}: its contract's subcontractor invoice."
            return Route(Bucket.INVOICE, reason, project, order)
        if facts.role is Role.RETENTION:
            return Route(Bucket.OUTSIDE, f"{what} is retention, and direct costs keep none.", project, order)
        reason = f"{what} is on order {order}, which is billed by direct costs."
        return Route(Bucket.COST, reason, project, order, CostKind.SUBCONTRACTOR_INVOICE)
    if len(facts.projects) > 1:
        named = ", ".join(facts.projects)
        reason = (
            f"{what} names order {order}, which has contracts on {named}, and nothing says which of them it is for."
        )
        return Route(Bucket.HELD, reason, "", order, hold=HoldReason.LINE_UNKNOWN, waits_for=Key("order", order))
    if facts.elsewhere:
        where = facts.elsewhere.rpartition("@")[2]
        reason = f"{what} is on project {project}, and the line of order {order} it names is on project {where}."
        waits_for = Key("commitment", facts.elsewhere)
        return Route(Bucket.HELD, reason, project, order, hold=HoldReason.LINE_UNKNOWN, waits_for=waits_for)
    waits_for = commitment_key(order, project) if project else Key("order", order)
    reason = f"{what} is on order {order}, which has no contract in Procore yet."
    return Route(Bucket.HELD, reason, project, order, hold=HoldReason.COMMITMENT_MISSING, waits_for=waits_for)


class Contracts:
    """The contracts orders have or are about to get, with their lines where these are known."""

    def __init__(self, situation: Situation, planned: Mapping[str, Commitment]) -> None:
        self._links: Mapping[Key, Linked] = situation.links
        self._planned = planned
        self._known: dict[str, Commitment | None] = {}
        self._homes = contract_homes(dict.fromkeys((*situation.links, *situation.coming)))

    def projects(self, order: str) -> tuple[str, ...]:
        """Projects in which the order has a contract, linked or coming."""
        return tuple(self._homes.get(order, ()))

    def of(self, order: str, project: str) -> Commitment | None:
        """The contract as last agreed, or as this plan makes it; None when only its existence is known."""
        key = commitment_key(order, project)
        if key.id not in self._known:
            linked = self._links.get(key)
            record = unpack("commitment", linked.base) if linked and linked.base else self._planned.get(key.id)
            self._known[key.id] = record if isinstance(record, Commitment) else None
        return self._known[key.id]

    def with_line(self, order: str, order_line: str) -> tuple[str, ...]:
        """Projects whose contract has the line `LINE/RELEASE`, as far as lines are known."""
        found = []
        for project in self.projects(order):
            contract = self.of(order, project)
            if contract and any(one.once_key == f"{contract.once_key}/{order_line}" for one in contract.lines):
                found.append(project)
        return tuple(found)


def role_of(line: InvoiceLine, retention_accounts: Iterable[str]) -> Role:
    """What a posting is; accounts may be patterns (`2410*`)."""
    account = dict(line.codes).get("A", "")
    if account and any(fnmatchcase(account, pattern) for pattern in retention_accounts):
        return Role.RETENTION
    return Role.TOLERANCE if line.order and not line.order_line else Role.COST


def kind_of(line: InvoiceLine, kinds: Mapping[str, str]) -> CostKind:
    """The direct cost type a posting's account makes; the first pattern that fits decides, else `invoice`."""
    account = dict(line.codes).get("A", "")
    return next((CostKind(kind) for pattern, kind in kinds.items() if fnmatchcase(account, pattern)), CostKind.INVOICE)


def orders_of(line: InvoiceLine, role: Role, lines: Iterable[InvoiceLine], header: str) -> tuple[str, ...]:
    """The order a posting belongs to: its own; for retention that names none, what its invoice's postings name.

    Of several the one in the invoice's header; where that says nothing either, all of them.
    """
    if line.order or role is not Role.RETENTION:
        return (line.order,) if line.order else ()
    orders = sorted({one.order for one in lines if one.order})
    if header and (not orders or header in orders):
        return (header,)
    return tuple(orders)


def projects_of(
    line: InvoiceLine, order: str, chart: Chart, contracts: Contracts, siblings: Sequence[InvoiceLine]
) -> tuple[str, ...]:
    """Projects a posting may lie on, best evidence first: its own, its activity's, its order line's contract's.

    What names an order and nothing else lies where the invoice's other postings of that order do, else where the
    order's contracts are.
    """
    activity = chart.activities.get(line.activity)
    own = line.project or (activity.project if activity else "")
    if own or not order:
        return (own,) if own else ()
    homes = contracts.projects(order)
    if line.order_line:
        found = contracts.with_line(order, line.order_line)
        return found or homes
    near: set[str] = set()
    for one in siblings:
        if one is not line and one.order == order and (one.project or one.order_line or one.activity):
            near.update(projects_of(one, order, chart, contracts, ()))
    return tuple(sorted(near)) if near else homes


def same_number(one: str, other: str) -> bool:
    """Whether two invoice numbers are the same to a person; two empty ones are not."""
    plain = plain_number(one)
    return bool(plain) and plain == plain_number(other)
