"""A purchase order as the erp holds it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum

import msgspec


class OrderState(Enum):
    """Where an order or line stands in purchasing, in the words both sides understand."""

    PLANNED = "planned"
    """Being written; not for suppliers' eyes, so not for Procore either."""
    RELEASED = "released"
    """Sent to the supplier."""
    CONFIRMED = "confirmed"
    """The supplier said yes."""
    STOPPED = "stopped"
    """Held by purchasing; nothing more is received until it starts again."""
    RECEIVED = "received"
    """Everything arrived (or is on the dock)."""
    CLOSED = "closed"
    """Finished, perhaps short of what was ordered."""
    CANCELLED = "cancelled"
    """Withdrawn."""


class OrderLine(msgspec.Struct, frozen=True, gc=False):
    """One line and release. `amount` is the net line amount in the order's currency; `codes` the code string."""

    id: str
    """`LINE/RELEASE`, unique in its order."""
    kind: str
    """part, nopart or rental: which of the three IFS collections it lives in."""
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    """Per unit, before discount, in the order's currency."""
    amount: Decimal
    state: OrderState
    project: str
    """IFS project id, empty when the line belongs to no project."""
    activity: str
    codes: tuple[tuple[str, str], ...]
    """Code part letter and value, filled parts only: (("A", "4110"), ("B", "03-310"))."""
    wanted: date | None = None
    discount: Decimal = Decimal(0)
    """Percent."""
    requisition: str = ""
    """The purchase requisition it was made from, if any."""


class PurchaseOrder(msgspec.Struct, frozen=True, gc=False):
    """An order with its lines. IFS owns every field; amounts are in `currency`."""

    id: str
    vendor: str
    """IFS supplier id."""
    site: str
    state: OrderState
    currency: str
    dated: date | None
    buyer: str
    text: str
    lines: tuple[OrderLine, ...]
    revision: str = ""


GONE = frozenset({OrderState.CANCELLED, OrderState.CLOSED})
"""Order states after which nothing new is ordered."""

WITHDRAWN = frozenset({OrderState.CANCELLED})
"""Line states that carry no money any more."""
