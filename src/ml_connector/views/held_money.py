"""The money that waits on Home: what is held, by its reason, and writes of which no answer came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from ml_connector.kernel.money import rounded
from ml_connector.store.signals import Held
from ml_connector.store.unsettled import UnknownRow

TOP = 5
"""Reasons of holds that a card names."""


class HeldNow(msgspec.Struct, frozen=True):
    """What is held for one reason, with the money by currency as exact text."""

    reason: str
    owners: list[str]
    number: int
    money: dict[str, str]
    since: datetime


class HeldRest(msgspec.Struct, frozen=True):
    """What is held for the reasons that are not named one by one."""

    reasons: int
    number: int
    money: dict[str, str]


class UnknownNow(msgspec.Struct, frozen=True):
    """Writes that were sent and of which no answer came: nobody knows what became of them."""

    number: int
    money: dict[str, str]
    since: datetime | None


class Waiting(NamedTuple):
    """All of it. The money in `held` and in `unknown` is what people are told of each; `together` is both."""

    named: list[HeldNow]
    """The reasons with the most money first."""
    rest: HeldRest | None
    lost: UnknownNow | None
    number: int
    """How many holds there are."""
    held: dict[str, Decimal]
    unknown: dict[str, Decimal]
    together: dict[str, str]


def waiting(found: Sequence[Held], lost: Sequence[UnknownRow]) -> Waiting:
    """What is held, the reasons with the most money and all others together, and what has no answer."""
    reasons: dict[str, list[Held]] = {}
    for held in found:
        reasons.setdefault(held.reason, []).append(held)
    ordered = sorted(reasons.items(), key=lambda entry: _weight(*entry))
    named = [
        HeldNow(
            reason=reason,
            owners=sorted({held.owner for held in rows if held.owner}),
            number=sum(held.number for held in rows),
            money=_texts(_of_holds(rows)),
            since=min(held.oldest for held in rows),
        )
        for reason, rows in ordered[:TOP]
    ]
    others = [held for _, rows in ordered[TOP:] for held in rows]
    rest = (
        HeldRest(len(ordered) - TOP, sum(one.number for one in others), _texts(_of_holds(others))) if others else None
    )
    holds = [(one.currency, one.money) for one in found]
    writes = [(one.currency, one.amount) for one in lost if one.amount is not None]
    since = min((one.since for one in lost if one.since), default=None)
    unknown = UnknownNow(sum(one.number for one in lost), _texts(_sums(writes)), since) if lost else None
    number = sum(one.number for one in found)
    return Waiting(named, rest, unknown, number, _sums(holds), _sums(writes), _texts(_sums(holds + writes)))


def _weight(reason: str, rows: Sequence[Held]) -> tuple[Decimal, int, str]:
    """What the reasons are ordered by."""
    return -max(_of_holds(rows).values(), default=Decimal(0)), -sum(held.number for held in rows), reason


def _of_holds(rows: Iterable[Held]) -> dict[str, Decimal]:
    return _sums((held.currency, held.money) for held in rows)


def _sums(money: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """The money at stake by currency."""
    sums: dict[str, Decimal] = {}
    for currency, amount in money:
        if currency:
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    return {currency: rounded(amount, currency) for currency, amount in sorted(sums.items())}


def _texts(sums: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: str(amount) for currency, amount in sums.items()}
