"""A voucher of the erp's books: balanced rows that wait for approval."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum

import msgspec

from ml_connector.kernel.money import Money

ZERO = Decimal(0)


class VoucherStatus(Enum):
    """How a voucher may be left by us, and how it is found again (facts/ifs.md 11.9)."""

    NOT_APPROVED = "not_approved"
    """In the hold table, being looked at."""
    AWAITING = "awaiting_approval"
    """In the hold table, sent to its approver; must balance."""
    APPROVED = "approved"
    """Approved; never changed by us."""
    UPDATED = "updated"
    """In the general ledger."""
    CANCELLED = "cancelled"
    """Withdrawn by a person in the erp."""
    ERROR = "error"
    """The ledger update found something wrong."""


class RowRole(Enum):
    """What a row is for."""

    COST = "cost"
    """Project cost, with code string and activity."""
    RETENTION = "retention"
    """Held back from, or given free to, the subcontractor."""
    CLEARING = "clearing"
    """What the supplier's own invoice will be matched against."""


class VoucherRow(msgspec.Struct, frozen=True, gc=False):
    """One row: debit or credit in the voucher's currency, never both, never negative."""

    role: RowRole
    codes: tuple[tuple[str, str], ...]
    """The full code string; part A is the account."""
    debit: Decimal
    credit: Decimal
    project: str = ""
    activity: str = ""
    text: str = ""
    """At most 200 characters."""
    series: str = ""
    """ReferenceSerie, at most 50 characters: order and line, such as `P100001 1/1`."""
    number: str = ""
    """ReferenceNumber, at most 50 characters: the Procore invoice's number."""
    party: str = ""
    """IFS supplier id."""
    quantity: Decimal = ZERO


class Voucher(msgspec.Struct, frozen=True, gc=False):
    """A voucher to be entered, or one of ours as the erp has it."""

    once_key: str
    """Stands at the beginning of its text (VoucherText2), where it is looked for."""
    type: str
    """Voucher type, such as `M`."""
    dated: date
    user_group: str
    """Empty: the service user's default group."""
    currency: str
    text: str
    """What follows the once-key in its text."""
    status: VoucherStatus
    rows: tuple[VoucherRow, ...]
    source: str = ""
    """The Procore document it stands for, such as `subcontractor_invoice/5629499`."""
    reverses: str = ""
    """Id of the voucher it takes back; empty on a first one."""
    id: str = ""
    """`TYPE/YEAR/NUMBER`, once entered."""
    year: int = 0
    """Accounting year its number counts in, by the periods when it was planned; 0 when not known. It says nothing of
    what is posted: two vouchers that differ in it alone are the same."""

    def money(self) -> Money:
        """What it debits in all; a balanced voucher credits the same."""
        return Money(sum((row.debit for row in self.rows), ZERO), self.currency)

    def balance(self) -> Decimal:
        """Debits less credits; zero when it may be approved."""
        return sum((row.debit - row.credit for row in self.rows), ZERO)


class VoucherHead(msgspec.Struct, frozen=True, gc=False):
    """How one voucher of ours stands in the erp, by its header alone."""

    once_key: str
    id: str
    """`TYPE/YEAR/NUMBER`."""
    status: VoucherStatus | None
    """None where what came cannot be read, or is no status we know: it is there, and no more is known."""
    dated: date | None = None
    approved_on: date | None = None
    """The day of its approval; None where the erp tells none, as for one that is in the ledger."""
    approved_by: str = ""
    error: str = ""
    """Why the ledger update did not take it, in the erp's words."""
