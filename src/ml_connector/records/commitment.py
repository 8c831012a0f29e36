"""A commitment as the projects system holds it: one contract in one project, with its schedule of values."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum

import msgspec

from ml_connector.kernel.money import Money


class CommitmentKind(Enum):
    """What a commitment is in the projects system; each kind has its own list, fields and statuses."""

    PURCHASE_ORDER = "purchase_order"
    """A purchase order contract: what our own orders become."""
    SUBCONTRACT = "subcontract"
    """A work order contract: only ever written there by people, and adopted."""


class CommitmentStatus(Enum):
    """Statuses of both kinds (facts/procore.md 8.1): Draft and Approved are of both, the others of one."""

    DRAFT = "Draft"
    """Being written; touches no budget."""
    PROCESSING = "Processing"
    """On its way; pending cost."""
    SUBMITTED = "Submitted"
    """With the vendor."""
    PARTIALLY_RECEIVED = "Partially Received"
    """Some of it arrived; committed cost."""
    RECEIVED = "Received"
    """All of it arrived."""
    APPROVED = "Approved"
    """Committed cost; freezes vendor and schedule of values."""
    CLOSED = "Closed"
    """Finished; no budget effect."""
    OUT_FOR_BID = "Out For Bid"
    """A subcontract that firms are asked to bid for."""
    OUT_FOR_SIGNATURE = "Out For Signature"
    """A subcontract that waits to be signed."""
    COMPLETE = "Complete"
    """A subcontract whose work is done; frozen as when Approved."""
    TERMINATED = "Terminated"
    """A subcontract that was ended before its work was done."""
    VOID = "Void"
    """A subcontract that does not count."""


ENDED = frozenset({CommitmentStatus.TERMINATED, CommitmentStatus.VOID})
"""Statuses in which people ended a subcontract: nothing of ours is written on it any more."""
OF_SUBCONTRACTS = ENDED | {
    CommitmentStatus.OUT_FOR_BID,
    CommitmentStatus.OUT_FOR_SIGNATURE,
    CommitmentStatus.COMPLETE,
}
"""Statuses no purchase order contract can have."""
FROZEN = ENDED | {CommitmentStatus.APPROVED, CommitmentStatus.CLOSED, CommitmentStatus.COMPLETE}
"""Statuses under which we never restate the schedule of values: Procore freezes it when Approved or Complete
(facts/procore.md 4), and what is Closed or ended was approved before."""


class CommitmentLine(msgspec.Struct, frozen=True, gc=False):
    """A line of the schedule of values. `budget_code` is the flat code; `once_key` its origin_id."""

    once_key: str
    description: str
    quantity: Decimal
    unit: str
    unit_cost: Decimal
    amount: Decimal
    budget_code: str
    id: str = ""
    """Procore's id when read; when planned only where the line cannot carry our once-key, else empty."""
    changes: str = ""
    """On a line of a change order as read: Procore's id of the contract line it changes."""


class Commitment(msgspec.Struct, frozen=True, gc=False):
    """A contract of either kind. `vendor` and `project` are erp ids when planned, their own ids when read."""

    once_key: str
    project: str
    number: str
    title: str
    vendor: str
    status: CommitmentStatus
    currency: str
    dated: date | None
    delivery: date | None
    description: str
    lines: tuple[CommitmentLine, ...]
    id: str = ""
    updated_at: str = ""
    """The other side's stamp, compared for equality only."""
    total: Decimal = Decimal(0)
    """Original contract value as the other side states it; change orders not included."""
    kind: CommitmentKind = CommitmentKind.PURCHASE_ORDER

    def money(self) -> Money:
        """The sum of the lines in the contract's currency."""
        return Money(sum((line.amount for line in self.lines), Decimal(0)), self.currency)


class ChangeOrder(msgspec.Struct, frozen=True):
    """A commitment change order: the deltas of one IFS revision, found again by `reference` (its once-key)."""

    reference: str
    commitment: str
    """Once-key of the commitment it changes."""
    project: str
    number: str
    title: str
    lines: tuple[CommitmentLine, ...]
    """Each amount is the delta, which may be negative."""
    currency: str
    id: str = ""
    status: str = "approved"

    def money(self) -> Money:
        """The sum of the deltas."""
        return Money(sum((line.amount for line in self.lines), Decimal(0)), self.currency)
