"""Orders of the simulated company: how many lines, for which site, of what, in which state."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from ml_connector.sandbox.cast import (
    ACCOUNT_OF_TYPE,
    BUYERS,
    COST_CENTRES,
    EQUIPMENT_CLASSES,
    OBJECTS,
    TROUBLES,
    UNKNOWN_COST_CODE,
)
from ml_connector.sandbox.world import Activity, JobSite, Order, OrderLine, Supplier
from ml_connector.sandbox.world_catalogue import AREAS, CATALOGUE, Item

FEWEST_ORDERS = 24
"""The known troubles need this many orders to stand in."""
STANDARD_ORDERS = 300
MOST_LINES = 9
FIRST_DAY = date(2026, 9, 1)
LAST_DAY = date(2026, 11, 30)
_ORDER_DAYS = 76
_UNITS_OF_THREE_DECIMALS = {0: Decimal(1), 1: Decimal("0.1"), 2: Decimal("0.01"), 3: Decimal("0.001")}
_SINGLE_STATES = {20: "Closed", 21: "Cancelled", 22: "Stopped"}
"""Position of the one order in each of these states (counted from 0)."""
_NOTES = ("Call the site office before delivery.", "Deliver to gate 2.", "Mill certificates required.")


@dataclass(frozen=True, slots=True)
class Ground:
    """What orders are made from: suppliers by id with their trade, sites, released activities and items per site."""

    suppliers: Mapping[str, Supplier]
    trades: Mapping[str, str]
    sites: Sequence[JobSite]
    activities: Mapping[str, Sequence[Activity]]
    items: Mapping[tuple[str, str], Sequence[Item]]
    """(project id, trade) to what may be ordered there."""


def order_number(position: int) -> str:
    """The order number at a position counted from 0: P100001 and on; sorts as text up to 900,000 orders."""
    return f"P{100001 + position}"


def line_counts(rng: random.Random, orders: int) -> list[int]:
    """Lines per order, 1 to 9: 1,200 in all for the standard 300 orders, exactly five an order for any other number."""
    average = 4 if orders == STANDARD_ORDERS else 5
    fewest = [1] * orders
    for trouble in TROUBLES.values():
        if trouble.order_no:
            fewest[int(trouble.order_no[1:]) - 100001] = 3
    counts = [average] * orders
    for _ in range(orders * 2):
        giver, taker = rng.randrange(orders), rng.randrange(orders)
        if giver != taker and counts[giver] > fewest[giver] and counts[taker] < MOST_LINES:
            counts[giver] -= 1
            counts[taker] += 1
    return counts


def make_orders(rng: random.Random, ground: Ground, orders: int) -> tuple[Order, ...]:
    """All orders, by number. ValueError below 24 orders, because the known troubles would not fit."""
    if orders < FEWEST_ORDERS:
        raise ValueError(f"the cast needs at least {FEWEST_ORDERS} orders, {orders} were asked for")
    maker = _OrderMaker(rng, ground, orders)
    return tuple(maker.order(position, lines) for position, lines in enumerate(line_counts(rng, orders)))


class _OrderMaker:
    """Draws one order after the other from one random sequence."""

    def __init__(self, rng: random.Random, ground: Ground, orders: int) -> None:
        self._rng = rng
        self._ground = ground
        self._orders = orders
        self._fixed = {trouble.order_no: trouble.supplier_id for trouble in TROUBLES.values() if trouble.order_no}
        euro = TROUBLES["order_in_foreign_currency"].supplier_id
        self._drawn = sorted(
            key for key, firm in ground.suppliers.items() if firm.purchase_data and key != euro and ground.trades[key]
        )

    def order(self, position: int, lines: int) -> Order:
        """The order at that position with that many lines, troubles included."""
        number = order_number(position)
        day = FIRST_DAY + timedelta(days=position * _ORDER_DAYS // self._orders)
        supplier = self._ground.suppliers[self._fixed.get(number) or self._rng.choice(self._drawn)]
        site = self._site(self._ground.trades[supplier.supplier_id], position)
        state = self._state(position, number)
        made = tuple(self._line(site, supplier, index, day, state) for index in range(lines))
        order = Order(
            number, supplier.supplier_id, site.site, day, state, self._rng.choice(BUYERS), supplier.currency,
            self._rng.choice(_NOTES) if self._rng.random() < 0.15 else None, made,
        )  # fmt: skip
        return self._troubled(order)

    def _site(self, trade: str, position: int) -> JobSite:
        """A site where the trade has something to do; the typed order goes to the first, which has all it needs."""
        choices = [site for site in self._ground.sites if self._ground.items[site.project_id, trade]]
        return choices[0] if order_number(position) in self._fixed else self._rng.choice(choices)

    def _state(self, position: int, number: str) -> str:
        """Released or confirmed as a rule; a few planned or received; one closed, cancelled and stopped each."""
        if number == TROUBLES["order_planned"].order_no:
            return "Planned"
        if number in self._fixed:
            return "Released"
        if position in _SINGLE_STATES:
            return _SINGLE_STATES[position]
        drawn = self._rng.random()
        return "Planned" if drawn < 0.02 else "Received" if drawn < 0.06 else "Confirmed" if drawn < 0.4 else "Released"

    def _line(self, site: JobSite, supplier: Supplier, index: int, day: date, state: str) -> OrderLine:
        rng = self._rng
        item = rng.choice(self._ground.items[site.project_id, self._ground.trades[supplier.supplier_id]])
        quantity = Decimal(rng.randint(*item.quantity)).scaleb(-3)
        wanted = min(day + timedelta(days=rng.randint(7, 45)), LAST_DAY)
        return OrderLine(
            line_no=str(index + 1),
            release_no="1",
            kind=item.kind,
            part_no=item.part_no,
            description=f"{item.description}, {rng.choice(AREAS)}",
            quantity=quantity.quantize(_UNITS_OF_THREE_DECIMALS[item.decimals]),
            unit=item.unit,
            unit_price=Decimal(rng.randint(*item.price)).scaleb(-2),
            # The facts name no planned state for lines (facts/ifs.md 11.3): a planned order's lines are released.
            state="Released" if state == "Planned" else state,
            wanted=wanted,
            project_id=site.project_id,
            activity_seq=rng.choice(self._ground.activities[site.project_id]).activity_seq,
            codes=self._codes(site, item),
        )

    def _codes(self, site: JobSite, item: Item) -> tuple[tuple[str, str], ...]:
        """The code string: account, cost code and project always, the others where they fit."""
        codes = [("A", ACCOUNT_OF_TYPE[item.cost_type]), ("B", item.code), ("C", self._rng.choice(COST_CENTRES)[0])]
        if item.kind == "rental":
            codes.append(("D", self._rng.choice(EQUIPMENT_CLASSES)[0]))
        codes.append(("E", site.project_id))
        if item.cost_type == "L":
            codes.append(("F", self._rng.choice(OBJECTS)[0]))
        return tuple(codes)

    def _troubled(self, order: Order) -> Order:
        """The order with its known trouble put in, if it has one."""
        if order.order_no == TROUBLES["order_with_unknown_code"].order_no:
            return _with_line(order, 1, codes=_recoded(order.lines[1].codes, "B", UNKNOWN_COST_CODE))
        if order.order_no == TROUBLES["order_with_cancelled_line"].order_no:
            return _with_line(order, 1, state="Cancelled")
        if order.order_no == TROUBLES["order_on_two_projects"].order_no:
            return self._on_two_projects(order)
        if order.order_no == TROUBLES["order_with_rental_line"].order_no:
            return self._with_rental(order)
        return order

    def _on_two_projects(self, order: Order) -> Order:
        other = self._ground.sites[1].project_id
        return _with_line(
            order,
            len(order.lines) - 1,
            project_id=other,
            activity_seq=self._ground.activities[other][0].activity_seq,
            codes=_recoded(order.lines[-1].codes, "E", other),
        )

    def _with_rental(self, order: Order) -> Order:
        """Makes the first line, and no other, a hire."""
        crane = next(item for item in CATALOGUE["rental"] if item.kind == "rental")
        delivery = next(item for item in CATALOGUE["rental"] if item.kind == "nopart")
        site = self._ground.sites[0]
        for index in range(len(order.lines)):
            item = delivery if index else crane
            order = _with_line(
                order, index, kind=item.kind, part_no=None, unit=item.unit, quantity=Decimal(index + 2),
                unit_price=Decimal(item.price[1]).scaleb(-2), codes=self._codes(site, item),
                description=f"{item.description}, {AREAS[index]}",
            )  # fmt: skip
        return order


def _with_line(order: Order, index: int, **changes: object) -> Order:
    """The order with one line changed."""
    lines = list(order.lines)
    lines[index] = replace(lines[index], **changes)  # type: ignore[arg-type]  # names come from this module only
    return replace(order, lines=tuple(lines))


def _recoded(codes: tuple[tuple[str, str], ...], part: str, value: str) -> tuple[tuple[str, str], ...]:
    return tuple((letter, value if letter == part else old) for letter, old in codes)
