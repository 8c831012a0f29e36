"""The last thirty days, one by one: what was moved and what was held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from ml_connector.kernel.money import rounded
from ml_connector.store.daily import DayRow

DAYS = 30
"""Days that are shown, today included."""
BEFORE = timedelta(days=40)
"""How far it is looked back for what was held when they began."""


class Day(msgspec.Struct, frozen=True):
    """One day: how many records were moved on it and held at its end, and the money of each by currency."""

    day: date
    moved: int
    held: int
    moved_money: dict[str, str]
    held_money: dict[str, str]


def last_days(rows: Sequence[DayRow], today: date) -> list[Day]:
    """The days up to `today`. What is held stays held until a later day says otherwise."""
    by_day: dict[date, list[DayRow]] = {}
    for row in rows:
        by_day.setdefault(row.day, []).append(row)
    first = today - timedelta(days=DAYS - 1)
    before = max((day for day in by_day if day < first), default=None)
    held = {row.currency: row.held for row in by_day[before]} if before else {}
    found = []
    for day in (first + timedelta(days=number) for number in range(DAYS)):
        moved = {row.currency: row.moved for row in by_day.get(day, ())}
        held = {row.currency: row.held for row in by_day[day]} if day in by_day else held
        found.append(Day(day, int(moved.get("", 0)), int(held.get("", 0)), _money(moved), _money(held)))
    return found


def _money(sums: dict[str, Decimal]) -> dict[str, str]:
    return {
        currency: str(rounded(amount, currency)) for currency, amount in sorted(sums.items()) if currency and amount
    }
