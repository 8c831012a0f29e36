"""What hangs on what: holds that wait for the same thing have one cause, and what is held blocks what needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

ANSWER = "ruling"
"""Kind of the thing waited for where a person's answer is."""

ITSELF = "itself"
"""Stands for the kind of the thing waited for where a record waits for itself to be mended."""

UNKNOWN = "outcome_unknown"
"""Stands for the reason where it is no hold: something was sent, and no answer came."""

WRITE = "write"
"""Kind of the thing waited for there: what becomes of a write. Its id is the verb and the kind of record."""


class Cause(NamedTuple):
    """Why some records wait: a reason and the thing waited for, which all of them share.

    Questions, and records that wait for themselves, share the reason only, in one flow and of one kind of record.
    """

    reason: str
    waits_kind: str
    waits_id: str = ""
    flow: str = ""
    kind: str = ""

    @property
    def asks(self) -> bool:
        """Whether it is people's answers that are waited for."""
        return self.waits_kind == ANSWER


def cause_of(reason: str, waits: tuple[str, str], flow: str, record: tuple[str, str]) -> Cause:
    """The cause of one hold, from its reason, what it waits for, its flow and the record held (kind and id each)."""
    if waits[0] == ANSWER:
        return Cause(reason, ANSWER, "", flow, record[0])
    if waits == record:
        return Cause(reason, ITSELF, "", flow, record[0])
    return Cause(reason, *waits)


class Part(NamedTuple):
    """Records of one kind that wait behind something, with money in one currency (empty for none)."""

    kind: str
    currency: str
    number: int
    amount: Decimal | None


class Behind(NamedTuple):
    """What a cause blocks besides the records that wait for it themselves."""

    number: int = 0
    kinds: Mapping[str, int] = {}
    """Kind of record to how many there are."""
    money: Mapping[str, Decimal] = {}
    """Currency to the money at stake: what their amounts come to whatever their sign."""


def behind(parts: Iterable[tuple[Cause, Part]]) -> dict[Cause, Behind]:
    """What each cause blocks, from its parts."""
    found: dict[Cause, Behind] = {}
    for cause, part in parts:
        known = found.get(cause, Behind())
        kinds = {**known.kinds, part.kind: known.kinds.get(part.kind, 0) + part.number}
        money = dict(known.money)
        if part.currency and part.amount is not None:
            money[part.currency] = money.get(part.currency, Decimal(0)) + abs(part.amount)
        found[cause] = Behind(known.number + part.number, kinds, money)
    return found


def behind_holds(held: Iterable[tuple[tuple[str, str], Decimal | None, str]]) -> Behind:
    """What some holds come to: the record (kind and id), the amount and the currency of each; a record counts once."""
    seen: dict[tuple[str, str], Part] = {}
    for record, amount, currency in held:
        seen.setdefault(record, Part(record[0], currency, 1, amount))
    whole = Cause("", "")
    return behind((whole, part) for part in seen.values()).get(whole, Behind())
