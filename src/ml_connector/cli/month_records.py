"""What the demo's month looks at: documents of both books as the two systems' own answers have them.

A record is ours where the system itself says so: by `origin_id` in Procore, by the mark at the beginning of a voucher's
text in IFS. Amounts are exact, in the document's currency.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal

import msgspec

ZERO = Decimal(0)


class OrderLine(msgspec.Struct, frozen=True):
    """A line of a purchase order in IFS."""

    line_no: str
    release_no: str
    state: str
    quantity: Decimal
    amount: Decimal
    project: str
    activity: str
    codes: Mapping[str, str]
    """Code part letter to value, account and project included."""


class Order(msgspec.Struct, frozen=True):
    """A purchase order in IFS."""

    number: str
    supplier: str
    site: str
    """IFS site it is bought for, not the job site."""
    state: str
    dated: date
    currency: str
    lines: tuple[OrderLine, ...]

    @property
    def projects(self) -> set[str]:
        """Job sites its lines lie on."""
        return {line.project for line in self.lines}


class Posting(msgspec.Struct, frozen=True):
    """A posting of a supplier invoice in IFS, in the invoice's currency."""

    order: str
    """Order number; empty when it is on none."""
    project: str
    account: str
    amount: Decimal
    tax: Decimal


class Invoice(msgspec.Struct, frozen=True):
    """A supplier invoice in IFS."""

    id: str
    number: str
    supplier: str
    state: str
    currency: str
    net: Decimal
    tax: Decimal
    postings: tuple[Posting, ...]

    @property
    def counts(self) -> bool:
        """Whether it is in the books: posted, and not cancelled since."""
        return self.state not in ("Preliminary", "Cancelled")


class Paid(msgspec.Struct, frozen=True):
    """A payment in IFS, or a reversal of one (negative), in the invoice's currency, tax included."""

    invoice: str
    amount: Decimal


class VoucherRow(msgspec.Struct, frozen=True):
    """A row of a voucher; `balance` is debit less credit in its own currency."""

    account: str
    project: str
    """Project of the row's activity; empty for rows that are no project cost."""
    balance: Decimal


class Voucher(msgspec.Struct, frozen=True):
    """A voucher in IFS that carries our mark."""

    id: str
    mark: str
    """What stands first in its text: `COMPANY/KIND/ID/VERSION`."""
    status: str
    in_ledger: bool
    currency: str
    rows: tuple[VoucherRow, ...]

    @property
    def project(self) -> str:
        """The project its cost lies on."""
        return next((row.project for row in self.rows if row.project), "")

    @property
    def cost(self) -> Decimal:
        """What it puts on projects; negative for a reversal."""
        return sum((row.balance for row in self.rows if row.project), ZERO)

    def on(self, account: str) -> Decimal:
        """What it owes on an account: credit less debit."""
        return -sum((row.balance for row in self.rows if row.account == account), ZERO)


class Agreement(msgspec.Struct, frozen=True):
    """A purchase order contract in Procore."""

    id: int
    site: str
    """IFS number of the job site; so for every record of Procore below."""
    number: str
    currency: str
    origin: str
    """Its origin id; empty for what was born in Procore. So for the others below."""
    total: Decimal
    status: str


class Billed(msgspec.Struct, frozen=True):
    """A subcontractor invoice in Procore."""

    id: int
    site: str
    contract: int
    order: str
    """Number of its contract."""
    number: str
    vendor: int
    status: str
    origin: str
    currency: str
    period: str
    """First day of its billing period."""
    dated: str
    """Day on the invoice."""
    work: Decimal
    """What is billed this period, before retention."""
    retained: Decimal
    released: Decimal
    asked: Decimal
    """What Procore says is due for payment."""

    @property
    def counts(self) -> bool:
        """Whether somebody has approved it."""
        return self.status in ("approved", "approved_as_noted")


class Cost(msgspec.Struct, frozen=True):
    """A direct cost in Procore."""

    id: int
    site: str
    vendor: int
    number: str
    status: str
    origin: str
    currency: str
    amount: Decimal


class Issued(msgspec.Struct, frozen=True):
    """A payment that Procore shows as issued on a contract."""

    site: str
    order: str
    origin: str
    currency: str
    amount: Decimal


class Look(msgspec.Struct, frozen=True):
    """Everything both systems answered at one moment."""

    invoices: tuple[Invoice, ...]
    paid: tuple[Paid, ...]
    vouchers: tuple[Voucher, ...]
    estimates: Mapping[str, Decimal]
    """IFS project to the sum of its estimate, in company currency."""
    contracts: tuple[Agreement, ...]
    billed: tuple[Billed, ...]
    costs: tuple[Cost, ...]
    issued: tuple[Issued, ...]
    budgets: Mapping[str, tuple[str, Decimal]]
    """Job site to currency and sum of Procore's original budget."""

    def net(self, invoices: Collection[str]) -> dict[str, Decimal]:
        """What some IFS invoices come to without tax, by currency."""
        found: dict[str, Decimal] = {}
        for one in self.invoices:
            if one.id in invoices:
                found[one.currency] = found.get(one.currency, ZERO) + one.net
        return found

    def of_invoice(self, invoice: str) -> list[Billed]:
        """Subcontractor invoices made from an IFS invoice, oldest first."""
        return [one for one in self.billed if one.origin.split("/")[1:3] == ["invoice", invoice]]

    def costs_of(self, invoice: str) -> list[Cost]:
        """Direct costs made from an IFS invoice."""
        return [one for one in self.costs if one.origin.split("/")[1:3] == ["invoice", invoice]]

    def vouchers_of(self, document: int) -> list[Voucher]:
        """Vouchers made from a document of Procore, oldest first."""
        return [one for one in self.vouchers if one.mark.split("/")[2:3] == [str(document)]]
