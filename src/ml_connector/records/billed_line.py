"""What of an order line has been billed in the projects system, for the buyer to see on the line itself."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class BilledLine(msgspec.Struct, frozen=True, gc=False):
    """Billed to date on one order line, in the order's currency."""

    order: str
    line: str
    """`LINE/RELEASE`."""
    kind: str
    """part, nopart or rental: which of the three IFS collections it lives in."""
    amount: Decimal
    currency: str
    text: str
    """What is written on the line."""
