"""A Procore document on its way into IFS's books: its amounts, and the bodies it becomes there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.crossed import RETAINED, Version
from ml_connector.planning.plan import Hold, HoldReason
from ml_connector.records.supplier_invoice import InvoiceLine, InvoiceState, SupplierInvoice
from ml_connector.records.voucher import RowRole, Voucher

ZERO = Decimal(0)
Codes = tuple[tuple[str, str], ...]


class Part(msgspec.Struct, frozen=True):
    """One amount of a document: a debit when positive, a credit when negative."""

    role: RowRole
    series: str
    """What stands for it in IFS's searchable reference: order and line, or the budget code."""
    amount: Decimal
    text: str = ""
    place: str = ""
    """What its code string is found by: the order line's id, or the budget code. Empty where policy names the codes."""
    quantity: Decimal = ZERO


class Coded(msgspec.Struct, frozen=True):
    """Where a part lands in IFS."""

    codes: Codes
    project: str
    activity: str


Coder = Callable[[Part, date], Coded]
"""Finds where a cost part lands on a day; may raise Held."""


class Document(msgspec.Struct, frozen=True):
    """A Procore document as its voucher needs it; amounts are in `currency`."""

    key: Key
    """`subcontractor_invoice` or `direct_cost`, and Procore's id."""
    called: str
    """How a person knows it: `Procore invoice 7 of order P100001`."""
    number: str
    """The vendor's number, at most 50 characters: reference of every row."""
    status: str
    project: str
    """Erp project id."""
    currency: str
    dated: date
    vendor: str
    """IFS supplier id; empty when there is none."""
    text: str
    parts: tuple[Part, ...]
    order: str = ""
    needs: tuple[Key, ...] = ()
    note: str = ""
    """What the reason of its voucher must say besides: tax that is not posted."""
    credited: str = ""
    """Account of the clearing row."""
    route: str = "voucher"
    """Kind of record it becomes: `voucher` or `erp_invoice`."""

    def cost(self) -> Money:
        """What it puts on the project."""
        return Money(sum((one.amount for one in self.parts if one.role is RowRole.COST), ZERO), self.currency)

    def hold(self, flow: str, reason: HoldReason, waits_for: Key, owner: str, sentence: str) -> Hold:
        """A hold of the whole document with its money."""
        return Hold(self.key, flow, reason, waits_for, owner, sentence, self.cost())


def invoice_of(document: Document, made: Voucher, number: int) -> SupplierInvoice:
    """The preliminary supplier invoice with the rows of a voucher as its lines; retention is a line of its own."""
    lines = tuple(
        InvoiceLine(
            id=f"{RETAINED if row.role is RowRole.RETENTION else ''}{place}",
            description=row.text,
            amount=row.debit - row.credit,
            quantity=row.quantity,
            order=document.order,
            order_line=row.series.removeprefix(document.order).strip(),
            receipt="",
            project=row.project,
            activity=row.activity,
            codes=row.codes,
        )
        for place, row in enumerate(made.rows, 1)
    )
    return SupplierInvoice(
        id="",
        vendor=document.vendor,
        number=document.number if number == 1 else f"{document.number} ({number})",
        series="",
        state=InvoiceState.PRELIMINARY,
        currency=document.currency,
        dated=document.dated,
        posted_on=made.dated,
        due=None,
        text=made.text,
        net=sum((line.amount for line in lines), ZERO),
        tax=ZERO,
        order=document.order,
        lines=lines,
    )


def credit_of(version: Version, body: SupplierInvoice, day: date) -> SupplierInvoice:
    """The credit that takes a supplier invoice of ours back (IFS registers a credit as an invoice of its own)."""
    lines = tuple(msgspec.structs.replace(line, amount=-line.amount, quantity=-line.quantity) for line in body.lines)
    number = f"{body.number} R{version.number}"
    changes = {"number": number, "dated": day, "posted_on": day, "net": -body.net, "lines": lines, "id": ""}
    return msgspec.structs.replace(body, credits=version.target, **changes)
