"""The cast: one maker of construction equipment, its suppliers, job sites, codes and open orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Supplier:
    """A supplier as IFS holds it. `association_no` is the company registration number (US: the EIN)."""

    supplier_id: str
    name: str
    association_no: str | None
    country: str
    address1: str
    city: str
    state: str | None
    zip_code: str
    email: str
    phone: str
    currency: str
    pay_term: str
    purchase_data: bool = True


@dataclass(frozen=True, slots=True)
class ProcoreVendor:
    """A vendor already in the Procore company directory when the story starts (no link, unless origin_id is set)."""

    name: str
    ein: str | None
    city: str
    state: str | None
    country: str
    origin_id: str | None = None


@dataclass(frozen=True, slots=True)
class JobSite:
    """A project in both systems. Number and name may differ in Procore, or be None: the project is not there."""

    project_id: str
    name: str
    description: str
    site: str
    manager: str
    state: str
    procore_number: str | None
    procore_name: str | None
    address: str
    city: str
    state_code: str
    zip_code: str
    permitted: bool = True


@dataclass(frozen=True, slots=True)
class Activity:
    """An IFS activity, the cost object of order lines. `state`: Planned, Released, Completed, Closed, Cancelled."""

    activity_seq: int
    project_id: str
    sub_project_id: str
    activity_no: str
    description: str
    state: str


@dataclass(frozen=True, slots=True)
class CodeValue:
    """A value of one accounting code part (A is the account), valid between two dates, both included."""

    code_part: str
    value: str
    description: str
    valid_from: date
    valid_until: date


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of an order. `kind` is part, nopart or rental; amounts are in the order's currency."""

    line_no: str
    release_no: str
    kind: str
    part_no: str | None
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    state: str
    wanted: date
    project_id: str
    activity_seq: int
    codes: tuple[tuple[str, str], ...]
    """Code part letter to value: (("A", "4110"), ("B", "03-310"), ...)."""


@dataclass(frozen=True, slots=True)
class Order:
    """A purchase order as IFS holds it. `state` is an IFS header state (Planned, Released, Confirmed, ...)."""

    order_no: str
    supplier_id: str
    site: str
    order_date: date
    state: str
    buyer: str
    currency: str
    note: str | None
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True)
class ProcoreOrder:
    """A purchase order contract somebody typed by hand in Procore before the story starts: no origin_id."""

    project_id: str
    number: str
    title: str
    vendor_name: str
    status: str
    lines: tuple[tuple[str, str, str, Decimal, Decimal], ...]
    """(cost code, cost type, description, quantity, unit cost)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one cost element may cost on one activity, in company currency, as IFS's project estimate has it."""

    project_id: str
    activity_seq: int
    element: str
    """Cost element, named after cost code and cost type: `03-310-M`."""
    amount: Decimal


@dataclass(frozen=True, slots=True)
class World:
    """Everything both simulated systems start from. The same seed and size give the same world."""

    seed: int
    company: str
    company_name: str
    base_currency: str
    procore_company_id: int
    procore_company_name: str
    sites: tuple[JobSite, ...]
    activities: tuple[Activity, ...]
    code_values: tuple[CodeValue, ...]
    suppliers: tuple[Supplier, ...]
    vendors: tuple[ProcoreVendor, ...]
    orders: tuple[Order, ...]
    typed_orders: tuple[ProcoreOrder, ...]
    cost_codes: tuple[tuple[str, str, str], ...]
    """Cost codes Procore already has: (project_id of IFS, full code such as 03-310, name)."""
    cost_types: tuple[tuple[str, str, str], ...]
    """Cost types of the Procore company: (code such as M, name, base_type such as materials)."""
    budget: tuple[tuple[str, str, str, Decimal], ...]
    """Budgeted codes per project: (project_id of IFS, cost code, cost type, original budget amount)."""
    estimates: tuple[Estimate, ...] = ()
    """IFS's estimates of the projects; see `cast.ESTIMATE_STORY` for where they differ from the budgets."""
