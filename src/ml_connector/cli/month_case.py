"""What the month's chapters hand on to each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml_connector.cli.month_office import Pool
from ml_connector.cli.month_records import Order


@dataclass
class Case:
    """Orders and documents the chapters come back to."""

    pool: Pool
    orders: dict[str, Order]
    """IFS's orders by number, as they stood when the month began."""
    bills: dict[str, str] = field(default_factory=dict)
    """Order number to the id of the IFS invoice on it that was registered first."""
    halves: list[Order] = field(default_factory=list)
    """Orders of which half was delivered and invoiced."""
    second: Order = field(init=False)
    """A later order with the supplier of the first of those."""
    kept: Order = field(init=False)
    """The order on which a tenth is kept back."""
    late: Order = field(init=False)
    """The order of which goods came in time, and the invoice did not."""
    progress: dict[int, Order] = field(default_factory=dict)
    """Procore's subcontractor invoices that were born there, by id, with their order."""
    cards: list[int] = field(default_factory=list)
    """Procore's direct costs that were born there, by id."""
