"""Short ways for tests of what accounts payable does in the simulated tenant."""

from __future__ import annotations

from typing import Any

from ml_connector.sandbox.running import RunningSandbox

PROJECT, ACTIVITY = "1201", 100103
"""A project of the cast and a released activity of it."""
CODES = {"A": "4110", "B": "03-310", "E": PROJECT}


def line(amount: str = "100", **more: Any) -> dict[str, Any]:
    """A posting without an order, on the project."""
    return {"amount": amount, "codes": CODES, "activity_seq": ACTIVITY, **more}


def register(box: RunningSandbox, number: str, *lines: dict[str, Any], **more: Any) -> str:
    """Registers an invoice of the cast's first supplier; its id."""
    given = {"supplier_id": "S1001", "date": "2026-10-05", "lines": list(lines or (line(),)), **more}
    return str(box.act("ifs", "register_invoice", invoice_no=number, **given)["invoice_id"])


def order_line(box: RunningSandbox) -> tuple[Any, Any]:
    """A released order in dollars with a released line on the project, and that line."""
    for order in box.sandbox.world.orders:
        for one in order.lines:
            known = ("Released", "Released", "USD", PROJECT)
            if (order.state, one.state, order.currency, one.project_id) == known and one.codes[1][1] != "31-625":
                return order, one
    raise AssertionError("the cast has no such order")
