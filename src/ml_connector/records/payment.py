"""A payment of a supplier invoice: as the erp booked it, and as it is mirrored on a commitment."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec


class Payment(msgspec.Struct, frozen=True, gc=False):
    """One booked ledger transaction on one invoice; a reversal is a transaction of its own, with a negative amount."""

    id: str
    """`SERIES/PAYMENT/TRANSACTION`, unique in the company; sorts in the order of booking by `order`."""
    order: tuple[int, int]
    """Payment number and transaction number."""
    invoice: str
    """Id of the invoice it pays."""
    amount: Decimal
    """In `currency`, the invoice's; gross, tax included."""
    currency: str
    dated: date
    method: str
    """The erp's payment way, such as BANK or CHECK."""
    reference: str
    reverses: str = ""
    """Number of the payment it takes back; empty on a payment."""


class ContractPayment(msgspec.Struct, frozen=True, gc=False):
    """A payment as it stands on a commitment: one subcontractor invoice's share of one erp payment."""

    once_key: str
    project: str
    """Erp project id."""
    commitment: str
    """Key id of the commitment, `ORDER@PROJECT`."""
    invoice: str
    """Key id of the subcontractor invoice it pays."""
    amount: Decimal
    currency: str
    dated: date
    method: str
    """check, credit_card or electronic (facts/procore.md 9)."""
    number: str
    """The erp's payment number, as text."""
    reference: str
    invoice_number: str
    id: str = ""
    paid: Decimal = Decimal(0)
    """What the erp payment paid in all, tax included: what later parts reckon from. Ours alone, never sent."""
