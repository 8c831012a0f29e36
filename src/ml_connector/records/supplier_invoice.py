"""A supplier invoice as the erp holds it: header, and the postings that are its lines."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum

import msgspec

from ml_connector.kernel.money import Money


class InvoiceState(Enum):
    """Where an invoice stands in accounts payable, in the words both sides understand."""

    PRELIMINARY = "preliminary"
    """Registered, not in the books yet: may still change, so it is not sent."""
    POSTED = "posted"
    """Its voucher is made."""
    AUTHORISED = "authorised"
    """Released for payment."""
    PARTLY_PAID = "partly_paid"
    """Some of it was paid."""
    PAID = "paid"
    """All of it was paid."""
    CANCELLED = "cancelled"
    """Withdrawn: what it did elsewhere must be undone."""


class InvoiceLine(msgspec.Struct, frozen=True, gc=False):
    """One posting. `amount` is net of tax in the invoice's currency, negative on a credit."""

    id: str
    """Unique in its invoice."""
    description: str
    amount: Decimal
    quantity: Decimal
    """Zero when the posting has none."""
    order: str
    """Purchase order, empty when there is none."""
    order_line: str
    """`LINE/RELEASE` of the order line, empty when the posting names only the order, or none."""
    receipt: str
    project: str
    """Erp project id, empty when the posting belongs to no project."""
    activity: str
    codes: tuple[tuple[str, str], ...]
    """The full code string, filled parts only: (("A", "4110"), ("B", "03-310"))."""
    tax_code: str = ""
    tax: Decimal = Decimal(0)
    """Tax on this posting in the invoice's currency, recoverable or not."""
    posting_type: str = ""


class SupplierInvoice(msgspec.Struct, frozen=True, gc=False):
    """An invoice or a credit note with its lines; every amount is in `currency`."""

    id: str
    vendor: str
    """IFS supplier id."""
    number: str
    """The supplier's own invoice number."""
    series: str
    state: InvoiceState
    currency: str
    dated: date
    posted_on: date
    """The day it counts in the books (voucher date)."""
    due: date | None
    text: str
    net: Decimal
    """Net amount as the header states it."""
    tax: Decimal
    credits: str = ""
    """Id of the invoice this one credits; empty on an invoice."""
    order: str = ""
    """The order the header refers to, if any."""
    lines: tuple[InvoiceLine, ...] = ()

    def money(self) -> Money:
        """The sum of the lines, net of tax."""
        return Money(sum((line.amount for line in self.lines), Decimal(0)), self.currency)


class TaxCode(msgspec.Struct, frozen=True):
    """A tax code of the erp: `rate` in percent of net, `deductible` the share in percent that is recoverable."""

    code: str
    rate: Decimal
    deductible: Decimal


ENDED = frozenset({InvoiceState.PAID, InvoiceState.CANCELLED})
"""States after which an invoice changes no more."""
