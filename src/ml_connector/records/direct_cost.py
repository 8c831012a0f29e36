"""A direct cost: money spent on a project without a commitment."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum

import msgspec

from ml_connector.kernel.money import Money


class CostKind(Enum):
    """Types of a direct cost (facts/procore.md 11); a type never changes after it was created."""

    INVOICE = "invoice"
    """A vendor's bill."""
    EXPENSE = "expense"
    """An employee's expense."""
    PAYROLL = "payroll"
    """Wages."""
    SUBCONTRACTOR_INVOICE = "subcontractor_invoice"
    """A bill on a commitment kept as a direct cost (strategy B); Procore must have enabled it."""


class CostStatus(Enum):
    """Statuses of a direct cost; every one but draft counts in the budget."""

    DRAFT = "draft"
    """Being written; counts nowhere."""
    PENDING = "pending"
    """Entered, not decided."""
    REVISE = "revise_and_resubmit"
    """Sent back."""
    APPROVED = "approved"
    """Accepted."""


class DirectCostLine(msgspec.Struct, frozen=True, gc=False):
    """One line. `once_key` is its origin_id; `budget_code` the flat code; `amount` in the cost's currency."""

    once_key: str
    description: str
    budget_code: str
    amount: Decimal
    quantity: Decimal = Decimal(0)
    """Zero when unknown."""
    tax: Decimal = Decimal(0)
    """As the other side states it, when read."""
    id: str = ""


class DirectCost(msgspec.Struct, frozen=True, gc=False):
    """One direct cost, planned by us or read from Procore."""

    once_key: str
    """Its origin_id: ours when planned, whatever stands there when read."""
    project: str
    """Erp project id when planned, Procore's when read."""
    vendor: str
    """IFS supplier id when planned, Procore vendor id when read; empty for payroll and expenses."""
    number: str
    """The vendor's invoice number; unique per vendor in a project's tool (facts/procore.md 11)."""
    kind: CostKind
    status: CostStatus
    currency: str
    dated: date | None
    description: str
    lines: tuple[DirectCostLine, ...]
    received: date | None = None
    sources: tuple[str, ...] = ()
    """The erp invoice lines (`INVOICE/LINE`) that are in it, when planned."""
    id: str = ""
    updated_at: str = ""
    """The other side's stamp, compared for equality only."""
    tax: Decimal = Decimal(0)
    total: Decimal | None = None
    """What the other side says the lines add up to, without tax, when read; None when planned."""

    def money(self) -> Money:
        """The sum of the lines, without tax."""
        return Money(sum((line.amount for line in self.lines), Decimal(0)), self.currency)
