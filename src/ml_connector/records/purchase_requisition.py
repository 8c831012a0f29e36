"""A purchase requisition of the erp: the proposal for an order that was first written in the projects system."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec

from ml_connector.kernel.money import Money


class RequisitionLine(msgspec.Struct, frozen=True, gc=False):
    """One no-part line; `amount` is quantity times price in the requisition's currency, to the cent."""

    id: str
    """The commitment line's id in Procore."""
    description: str
    quantity: Decimal
    unit: str
    price: Decimal
    amount: Decimal
    project: str
    activity: str
    codes: tuple[tuple[str, str], ...]
    wanted: date | None = None


class PurchaseRequisition(msgspec.Struct, frozen=True):
    """A requisition to be entered and left Planned, or one of ours as the erp has it.

    IFS's purchase requisition; Procore's API word `requisition` means a subcontractor invoice.
    """

    once_key: str
    """Stands in its note, where it is looked for."""
    site: str
    requisitioner: str
    vendor: str
    currency: str
    text: str
    lines: tuple[RequisitionLine, ...]
    source: str = ""
    """Procore's id of the commitment it proposes."""
    id: str = ""
    state: str = ""
    ended: bool = False
    """Whether people in the erp cancelled or closed it: it becomes no order any more."""

    def money(self) -> Money:
        """The sum of the lines."""
        return Money(sum((line.amount for line in self.lines), Decimal(0)), self.currency)
