"""What the figures of the policies count, what 0 means in them, and what both sides of their tables are called."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

import msgspec

_NO_LIMIT = "no limit"
_EACH = "in each currency"


class Unit(msgspec.Struct, frozen=True):
    """What stands beside a figure, such as `records`; and what is said of 0, where that is no figure."""

    text: str
    zero: str = ""


UNITS: Mapping[str, Unit] = {
    "approval.four_eyes_over": Unit(_EACH, "off"),
    "approval.offer_after": Unit("plans", "never"),
    "brakes.creates": Unit("records", _NO_LIMIT),
    "brakes.updates": Unit("records", _NO_LIMIT),
    "brakes.removals": Unit("orders", _NO_LIMIT),
    "brakes.money": Unit(_EACH, _NO_LIMIT),
    "brakes.money_creates": Unit(_EACH, _NO_LIMIT),
    "brakes.money_updates": Unit(_EACH, _NO_LIMIT),
    "brakes.money_removals": Unit(_EACH, _NO_LIMIT),
    "brakes.share_creates": Unit("%", _NO_LIMIT),
    "brakes.share_updates": Unit("%", _NO_LIMIT),
    "brakes.share_removals": Unit("%", _NO_LIMIT),
    "brakes.share_from": Unit("records"),
    "brakes.vanished": Unit("%"),
    "vendors.near": Unit("of 100"),
    "purchase_orders.laps": Unit("times"),
    "supplier_invoices.window_days": Unit("days"),
    "supplier_invoices.tax_tolerance": Unit("in the invoice's currency"),
    "payments.window_days": Unit("days"),
}
"""Every policy that is a figure. The limits of money have no currency of their own: each holds in every currency."""

SIDES: Mapping[str, tuple[str, str]] = {
    "approval.flows": ("Flow", "Its plans"),
    "purchase_orders.status": ("State in IFS", "Status in Procore"),
    "direct_costs.kinds": ("IFS account", "Type of direct cost"),
    "direct_costs.accounts": ("Type of direct cost", "Account credited"),
    "payments.methods": ("Payment way in IFS", "Method in Procore"),
    "subcontractor_invoices.site": ("IFS project", "Site"),
    "vouchers.codes": ("Code part", "Value"),
}
"""Every policy that is a table: what stands on its left and on its right."""


def unit_of(path: str) -> str:
    """What stands beside the figure of an entry of the policies or the schedule, by its whole path; empty where the
    entry is no figure."""
    if path.startswith("schedule.freeze."):
        return "days" if path.endswith((".last", ".first")) else ""
    known = UNITS.get(path.removeprefix("policy."))
    return known.text if known else ""


def with_unit(path: str, figure: str) -> str:
    """`500 records`, `50%`, `no limit`: a figure as it is shown, with what it counts; `path` is that of a policy,
    without `policy.`."""
    unit = UNITS.get(path)
    if unit is None:
        return figure
    try:
        number = Decimal(figure.replace(",", ""))
    except InvalidOperation:
        return figure
    if unit.zero and not number:
        return unit.zero
    if unit.text == "%":
        return f"{figure}%"
    return f"{figure} {unit.text.removesuffix('s') if number == 1 else unit.text}"
