"""Everything the simulated company holds, with the indexes that keep large companies fast."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.procore.contract_kinds import PURCHASE_ORDER, ContractKind

FIRST_ID = 2**49
"""Ids start beyond 32 bits, as they do in production (facts/procore.md, trap 10)."""

SERVICE = "ml-connector service account"
SERVICE_LOGIN = "ml-connector-service@example.invalid"
PERSON = "Robin Marsh"
"""The project manager behind every act."""
ZERO = Decimal("0.00")
_DIGITS = 15
_CENT = Decimal("0.01")


@dataclass(slots=True)
class Record:
    """Any record: its id, what was written to it, its stamps (UTC, whole seconds) and the moment it was born."""

    id: int
    fields: dict[str, Any]
    created_at: str
    updated_at: str
    born: datetime


@dataclass(slots=True)
class Vendor(Record):
    """A company of the directory. `register` is its business register entry (EIN, ABN), `projects` where it works."""

    register: dict[str, Any] | None = None
    projects: list[int] = field(default_factory=list)


@dataclass(slots=True)
class CostCode(Record):
    """A project's cost code. `item_id` is its id as a WBS segment item, another number than its own."""

    item_id: int = 0
    project_id: int = 0
    full_code: str = ""
    status: str = "active"


@dataclass(slots=True)
class CostType(Record):
    """A cost type (line item type) of the company; `item_id` is its id as a WBS segment item."""

    item_id: int = 0


@dataclass(slots=True)
class WbsCode(Record):
    """One budget code of a project: a cost code and a cost type (None when the code has none)."""

    project_id: int = 0
    cost_code: int = 0
    cost_type: int = 0
    flat_code: str = ""


@dataclass(slots=True)
class Line(Record):
    """A line of a contract's schedule of values, money in the contract's currency."""

    contract_id: int = 0
    wbs: int | None = None
    amount: Decimal = ZERO
    quantity: Decimal | None = None
    unit_cost: Decimal | None = None
    position: int = 1


@dataclass(slots=True)
class Contract(Record):
    """A commitment of either kind with its running totals, money in its own currency."""

    kind: ContractKind = PURCHASE_ORDER
    project_id: int = 0
    lines: dict[int, Line] = field(default_factory=dict)
    grand_total: Decimal = ZERO
    approved: Decimal = ZERO
    pending: Decimal = ZERO
    draft: Decimal = ZERO
    change_orders: list[int] = field(default_factory=list)
    deleted_at: str | None = None
    positions: int = 0
    requisitions: list[int] = field(default_factory=list)
    paid: Decimal = ZERO
    invoicing: dict[str, Any] = field(default_factory=dict)
    """Invoice configuration as written; what is absent has its default."""


@dataclass(slots=True)
class ChangeOrder(Record):
    """A commitment change order and its lines (same shape as contract lines)."""

    project_id: int = 0
    contract_id: int = 0
    package_id: int = 0
    lines: dict[int, Line] = field(default_factory=dict)
    grand_total: Decimal = ZERO
    positions: int = 0


@dataclass(slots=True)
class BillingPeriod(Record):
    """A span of days invoices are written for; one of a project is open."""

    project_id: int = 0
    position: int = 1


@dataclass(slots=True)
class Item(Record):
    """What one requisition says of one schedule-of-values line, money in the contract's currency.

    `previous` is the same line's item in the requisition before; every "from previous" column is read from it.
    """

    line: Line = field(kw_only=True)
    change_id: int | None = None
    previous: Item | None = None
    position: int = 1
    work: Decimal = ZERO
    quantity: Decimal = Decimal(0)
    materials: Decimal = ZERO
    """Materials presently stored."""
    retained: Decimal = ZERO
    """Retainage on work, retained this period."""
    released: Decimal = ZERO
    """Retainage on work, released this period."""
    held_on_materials: Decimal = ZERO
    """Retainage on stored materials, currently retained."""
    moves_materials: bool = True
    """Whether stored materials of the requisition before count as work completed before."""


@dataclass(slots=True)
class Requisition(Record):
    """A subcontractor invoice: one application for payment against one contract."""

    project_id: int = 0
    contract_id: int = 0
    number: int = 1
    previous_id: int | None = None
    items: dict[int, Item] = field(default_factory=dict)
    packages: list[int] = field(default_factory=list)
    """Ids of the change orders whose lines are items here."""
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Payment(Record):
    """A payment issued on a contract, in the contract's currency."""

    project_id: int = 0
    contract_id: int = 0
    amount: Decimal = ZERO


@dataclass(slots=True)
class DirectCost(Record):
    """A cost without a commitment and its lines. Until `busy_until` another write to it answers 409."""

    project_id: int = 0
    lines: dict[int, Line] = field(default_factory=dict)
    positions: int = 0
    busy_until: datetime | None = None


@dataclass(slots=True)
class BudgetChange(Record):
    """A budget change and its adjustments; each adjustment's `contract_id` is 0, its `wbs` the budget code."""

    project_id: int = 0
    number: int = 1
    lines: dict[int, Line] = field(default_factory=dict)
    positions: int = 0


@dataclass(slots=True)
class BudgetLine(Record):
    """The budget of one WBS code. `automatic` marks the zero line made for a contract line on an unbudgeted code."""

    project_id: int = 0
    wbs: int = 0
    amount: Decimal = ZERO
    automatic: bool = False


@dataclass(slots=True)
class Project(Record):
    """A Procore project. `ifs_id` is the world's project behind it; None for one added by hand."""

    ifs_id: str | None = None
    permitted: bool = True
    budget_locked: bool = False
    cost_codes: dict[int, CostCode] = field(default_factory=dict)
    by_code: dict[str, int] = field(default_factory=dict)
    by_item: dict[int, int] = field(default_factory=dict)
    wbs: dict[int, WbsCode] = field(default_factory=dict)
    by_pair: dict[tuple[int, int], int] = field(default_factory=dict)
    contracts: dict[int, Contract] = field(default_factory=dict)
    deleted: dict[int, Contract] = field(default_factory=dict)
    budget: dict[int, BudgetLine] = field(default_factory=dict)
    budget_by_wbs: dict[int, int] = field(default_factory=dict)
    change_orders: dict[int, ChangeOrder] = field(default_factory=dict)
    contract_sequence: int = 0
    change_order_sequence: dict[int, int] = field(default_factory=dict)
    periods: dict[int, BillingPeriod] = field(default_factory=dict)
    requisitions: dict[int, Requisition] = field(default_factory=dict)
    payments: dict[int, Payment] = field(default_factory=dict)
    direct_costs: dict[int, DirectCost] = field(default_factory=dict)
    budget_changes: dict[int, BudgetChange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a record, as webhooks tell it. `event`: create, update or delete."""

    event: str
    resource: str
    record_id: int
    project_id: int | None = None
    related: tuple[tuple[int, str], ...] = ()


class State:
    """The company's whole data. A new one is made for every world loaded."""

    def __init__(self, clock: SandboxClock, company_id: int, company_name: str, currency: str) -> None:
        self.clock = clock
        self.company_id = company_id
        self.company_name = company_name
        self.currency = currency
        self._next = FIRST_ID
        self.me = self.new_id()
        self.person = self.new_id()
        self.by_hand = False
        """True while somebody acts in Procore's own windows, not through the interface."""
        self.projects: dict[int, Project] = {}
        self.vendors: dict[int, Vendor] = {}
        self.cost_types: dict[int, CostType] = {}
        self.type_by_item: dict[int, int] = {}
        self.standard_codes: dict[int, Record] = {}
        self.tax_codes: dict[int, Record] = {}
        self.tax_types: dict[int, Record] = {}
        self.uoms: dict[str, Record] = {}
        self.uom_categories: dict[str, int] = {}
        self.origins: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.standard_list_id = self.new_id()
        self.pattern_id = self.new_id()
        self.segments = {name: self.new_id() for name in ("sub_job", "cost_code", "line_item_type")}
        self.budget_view_id = self.new_id()
        self.rendered_codes: dict[int, dict[str, Any]] = {}
        self.direct_cost_writes = 0
        self.changes: list[Change] = []
        """What happened since the face last told its webhooks."""

    def note(
        self,
        event: str,
        resource: str,
        record_id: int,
        project_id: int | None = None,
        related: tuple[tuple[int, str], ...] = (),
    ) -> None:
        """Keeps a change for the webhooks; `related` is ids with resource names."""
        self.changes.append(Change(event, resource, record_id, project_id, related))

    def new_id(self) -> int:
        """The next id: one sequence for all objects."""
        self._next += 1
        return self._next - 1

    def stamp(self) -> str:
        """The present as Procore prints it, UTC, whole seconds."""
        return timestamp(self.clock())

    def birth(self) -> tuple[str, str, datetime]:
        """created_at, updated_at and the exact moment for a record made now."""
        now = self.clock()
        text = timestamp(now)
        return text, text, now

    def user(self) -> dict[str, Any]:
        """Who is at work now: the service account, or the person whose act it is."""
        if self.by_hand:
            return {"id": self.person, "name": PERSON, "login": "robin.pm@example.invalid"}
        return {"id": self.me, "name": SERVICE, "login": SERVICE_LOGIN}

    def claim(self, kind: str, origin_id: Any, record_id: int) -> bool:
        """Gives the origin id of that object type to a record; False when another record of the company has it."""
        if origin_id in (None, ""):
            return True
        return self.origins[kind].setdefault(str(origin_id), record_id) == record_id

    def taken(self, kind: str, origin_id: Any, own: Record | None = None) -> bool:
        """Whether another record of that object type than `own` has the origin id."""
        holder = None if origin_id in (None, "") else self.origins[kind].get(str(origin_id))
        return holder is not None and (own is None or holder != own.id)

    def free(self, kind: str, origin_id: Any) -> None:
        """Lets go of an origin id, after deletion or overwriting."""
        if origin_id not in (None, ""):
            self.origins[kind].pop(str(origin_id), None)


def timestamp(moment: datetime) -> str:
    """YYYY-MM-DDTHH:MM:SSZ in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def cents(value: Decimal) -> Decimal:
    """Money rounded half up to two decimals."""
    return value.quantize(_CENT, ROUND_HALF_UP)


def money(value: Decimal) -> str:
    """An amount as contracts print it: "1234.50"."""
    return f"{value:.2f}"


def number(value: Any) -> Decimal | None:
    """A decimal from a request's string or number; None when it is absent or is not one."""
    if value is None or isinstance(value, bool) or value == "":
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and found.adjusted() < _DIGITS else None


def day(value: Any) -> str | None:
    """A date as stored: malformed values silently become null (facts/procore.md 2, Dates)."""
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        return None


def merge(state: State, record: Record, values: dict[str, Any]) -> bool:
    """Writes values over a record; its updated_at moves only when something really changed. True when it did."""
    fields = record.fields
    changed = {name: value for name, value in values.items() if fields.get(name) != value or name not in fields}
    if not changed:
        return False
    fields.update(changed)
    record.updated_at = state.stamp()
    return True
