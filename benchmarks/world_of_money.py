"""People at work in both simulated systems: invoices registered in IFS, invoices and direct costs entered in Procore.

What they did is counted as they did it: documents, lines and money, to be compared with what came out.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ml_connector.sandbox.cast import ACCOUNT_OF_TYPE, TROUBLES
from ml_connector.sandbox.running import RunningSandbox, SandboxFailed
from ml_connector.sandbox.world import Order, OrderLine
from ml_connector.sandbox.world_maker import make_world

SEED = 7
EACH = 2
"""Invoices on one order, and on one commitment."""
LINES = 3
"""Lines of an invoice on no order, and of a direct cost."""
_PATIENCE = 600
"""Seconds a call may take: on a busy machine a world of 10,000 documents takes its time to be made."""
_SHARES = ("0.4", "0.5")
"""How much of what is open each invoice of a commitment bills."""
_TYPE_OF_ACCOUNT = {account: kind for kind, account in ACCOUNT_OF_TYPE.items()}
_AWKWARD = {trouble.supplier_id for trouble in TROUBLES.values()} | {"S1041"}
"""Suppliers with a story of their own; their orders are left out here."""


@dataclass
class Entered:
    """What people entered: documents, their lines, and the money of them, all in one currency."""

    documents: int = 0
    lines: int = 0
    amount: Decimal = Decimal(0)
    homes: int = 0
    """Orders or commitments they lie on."""

    def add(self, lines: int, amount: Decimal) -> None:
        """One more document."""
        self.documents += 1
        self.lines += lines
        self.amount += amount


def orders_for(size: int) -> int:
    """How many orders the world needs, so that enough of them can be invoiced; the awkward ones are left out."""
    return size * 7 // 5 + 60


class MoneyWorld:
    """The people of one sandbox, who enter `size` documents of each kind over its admin surface.

    The sandbox starts over with a world that has orders enough.
    """

    def __init__(self, box: RunningSandbox, size: int) -> None:
        self._wire = http.client.HTTPConnection(urlsplit(box.ifs_url).netloc, timeout=_PATIENCE)
        self.size = size
        self._call("POST", "world", {"seed": SEED, "orders": orders_for(size)})
        world = make_world(SEED, orders_for(size))
        self._names = {one.supplier_id: one.name for one in world.suppliers}
        self._sites = [site.project_id for site in world.sites]
        self._orders = [one for one in world.orders if _plain(one)]
        if len(self._orders) * EACH < size * 2:
            raise SandboxFailed(f"{len(self._orders)} orders can be invoiced, {size} are needed")
        self._half = -(-size // EACH)
        # The simulated IFS looks through all invoices for that rule, which is nothing to be measured here.
        self._act("ifs", "set_company", unique_invoice_no=False)
        self._today = date.fromisoformat(str(self._call("GET", "clock")["now"])[:10])

    def close(self) -> None:
        """Hangs up; the next call is a new one. A connection nobody uses is closed by the other side after a while."""
        self._wire.close()

    def wait(self, time: timedelta) -> None:
        """Lets time pass in both systems."""
        self._call("POST", "clock", {"advance_seconds": time.total_seconds()})

    def invoices(self) -> Entered:
        """Goods of the first half of the orders arrive, and each order is invoiced in two parts, posted."""
        found = Entered(homes=self._half)
        for number, (order, part) in enumerate(_parts(self._orders[: self._half], self.size)):
            if part == 0:
                self._act("ifs", "receive_goods", order_no=order.order_no)
            lines = [{"line_no": one.line_no, "quantity": str(one.quantity)} for one in order.lines[part::EACH]]
            row = {"order_no": order.order_no, "invoice_no": f"B{number + 1}", "lines": lines, "post": True}
            made = self._act("ifs", "register_invoice", **row)
            found.add(len(lines), Decimal(made["gross"]))
        return found

    def costs(self) -> Entered:
        """Invoices on no order, with the code strings of what their supplier has on order, posted."""
        found = Entered()
        for number in range(self.size):
            order = self._orders[number % len(self._orders)]
            lines = [
                {"amount": amount, "codes": dict(one.codes), "activity_seq": one.activity_seq, "text": one.description}
                for one, amount in _amounts(order, number)
            ]
            row = {"supplier_id": order.supplier_id, "currency": order.currency, "invoice_no": f"D{number + 1}"}
            made = self._act("ifs", "register_invoice", **row, lines=lines, post=True)
            found.add(len(lines), Decimal(made["gross"]))
        return found

    def subcontractor_invoices(self) -> Entered:
        """Two approved invoices on each commitment of the other half of the orders."""
        found = Entered(homes=self._half)
        self._open_periods()
        before: dict[str, Decimal] = {}
        for number, (order, part) in enumerate(_parts(self._orders[self._half : 2 * self._half], self.size)):
            row = {"order_number": order.order_no, "invoice_number": f"R{number + 1}", "share": _SHARES[part]}
            made = self._act("procore", "add_requisition", **row, status="approved")
            completed = Decimal(made["completed"])
            found.add(len(order.lines), completed - before.get(order.order_no, Decimal(0)))
            before[order.order_no] = completed
        return found

    def direct_costs(self) -> Entered:
        """Approved direct costs without a commitment."""
        found = Entered()
        for number in range(self.size):
            order = self._orders[number % len(self._orders)]
            lines = [
                {"code": codes["B"], "type": _TYPE_OF_ACCOUNT[codes["A"]], "amount": amount, "description": f"part {n}"}
                for n, (one, amount) in enumerate(_amounts(order, number))
                for codes in [dict(one.codes)]
            ]
            row = {"project_id": order.lines[0].project_id, "vendor": self._names[order.supplier_id], "lines": lines}
            made = self._act("procore", "enter_direct_cost", **row, invoice_number=f"P{number + 1}", status="approved")
            found.add(len(lines), Decimal(made["grand_total"]))
        return found

    def _open_periods(self) -> None:
        """This month as the open billing period of every project, where none is open."""
        if self._call("GET", "summary")["procore"]["billing_periods"]:
            return
        first = self._today.replace(day=1)
        last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        for site in self._sites:
            self._act("procore", "open_billing_period", project_id=site, start=str(first), end=str(last))

    def _act(self, side: str, act: str, **given: Any) -> Any:
        return self._call("POST", "act", {"side": side, "act": act, **given})["result"]

    def _call(self, method: str, name: str, body: Any = None) -> Any:
        """One call of the admin surface over a connection that stays open."""
        self._wire.request(method, f"/_sandbox/{name}", None if body is None else msgspec.json.encode(body))
        answer = self._wire.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SandboxFailed(f"{name}: {answer.status} {content.decode()} ({body})")
        return msgspec.json.decode(content)


def _plain(order: Order) -> bool:
    """An order that can be invoiced in two parts, and that has no story of its own."""
    told = {trouble.order_no for trouble in TROUBLES.values()}
    states = {order.state, *(line.state for line in order.lines)}
    fits = states <= {"Released", "Confirmed"} and len(order.lines) >= EACH
    return fits and order.order_no not in told and order.supplier_id not in _AWKWARD


def _parts(orders: list[Order], most: int) -> Iterator[tuple[Order, int]]:
    """Each order with the number of its part, 0 or 1, until there are enough."""
    pairs = ((order, part) for order in orders for part in range(EACH))
    return (pair for pair, _ in zip(pairs, range(most), strict=False))


def _amounts(order: Order, number: int) -> Iterator[tuple[OrderLine, str]]:
    """Lines of an order, in turn, with amounts that differ from document to document."""
    for n in range(LINES):
        yield order.lines[n % len(order.lines)], f"{100 + number % 900}.{10 + (number + n) % 90}"
