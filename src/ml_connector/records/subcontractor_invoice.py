"""A subcontractor invoice (Procore's API says requisition) on a commitment, and the billing period it is written in."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum

import msgspec

from ml_connector.kernel.money import Money

ZERO = Decimal(0)


class InvoiceStatus(Enum):
    """Statuses of a subcontractor invoice (facts/procore.md 9)."""

    DRAFT = "draft"
    """Being written."""
    UNDER_REVIEW = "under_review"
    """Submitted, not decided."""
    REVISE = "revise_and_resubmit"
    """Sent back to its writer."""
    APPROVED = "approved"
    """Accepted."""
    APPROVED_AS_NOTED = "approved_as_noted"
    """Accepted with remarks."""
    PENDING_OWNER = "pending_owner_approval"
    """Accepted here, waiting for the owner."""
    OTHER = "other"
    """A word of Procore's that we do not know: nothing is done about it unasked."""


class BillingPeriod(msgspec.Struct, frozen=True):
    """A billing period of a project, both days included. `project` is an erp id when planned, its own id when read."""

    project: str
    start: date
    end: date
    due: date
    open: bool = True
    id: str = ""


class BillingLine(msgspec.Struct, frozen=True, gc=False):
    """What one invoice bills on one line of the commitment, this period only; never a cumulative figure."""

    line: str
    """Once-key of the commitment line; empty when that line is not one of ours."""
    description: str
    budget_code: str
    """Flat code, such as `03-310.M`."""
    amount: Decimal
    """Gross, work and stored materials together, before retainage."""
    quantity: Decimal = ZERO
    """Zero when unknown: then the amount is the truth."""
    retained: Decimal = ZERO
    """Retainage held back this period."""
    released: Decimal = ZERO
    """Retainage given free this period."""
    id: str = ""
    """The commitment line's id in Procore: when read, and when planned on a line that cannot carry our once-key."""


class SubcontractorInvoice(msgspec.Struct, frozen=True, gc=False):
    """One invoice on one commitment, either planned by us or read from Procore."""

    once_key: str
    """Its origin_id: ours when planned, whatever stands there when read."""
    project: str
    """Erp project id when planned, Procore's when read."""
    commitment: str
    """Key id of the commitment (`ORDER@PROJECT`) when planned, Procore's contract id when read."""
    number: str
    """The vendor's invoice number, free text."""
    currency: str
    dated: date | None
    period: str
    """When planned: key id of the billing period (`PROJECT/START`); when read: Procore's period id."""
    status: InvoiceStatus
    lines: tuple[BillingLine, ...]
    start: date | None = None
    end: date | None = None
    final: bool = False
    vendor: str = ""
    """Procore vendor id, when read."""
    sequence: str = ""
    """Its running number on the commitment, when read."""
    sources: tuple[str, ...] = ()
    """The erp invoice lines (`INVOICE/LINE`) that are in it, when planned."""
    note: str = ""
    id: str = ""
    updated_at: str = ""
    """The other side's stamp, compared for equality only."""
    payable: Decimal = ZERO
    """Payment due this period as Procore states it, when read: gross less retained plus released, without tax."""
    tax: Decimal = ZERO
    deletable: bool = False

    def money(self) -> Money:
        """The gross amount of this invoice alone."""
        return Money(sum((line.amount for line in self.lines), ZERO), self.currency)

    def due(self) -> Money:
        """What is to be paid: gross less retained plus released."""
        return Money(sum((line.amount - line.retained + line.released for line in self.lines), ZERO), self.currency)
