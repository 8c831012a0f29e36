"""Billing periods of a project: read, opened, and found again by their first day (facts/procore.md 9)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ml_connector.records.subcontractor_invoice import BillingPeriod
from ml_connector.systems.port import Effect, Outcome
from ml_connector.systems.procore.answers import BILLING_PERIODS
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.commitment import day
from ml_connector.systems.procore.effects import body_of, done, one_by_one, project_of, unknown


class PeriodRow(msgspec.Struct):
    """The members of a billing period we use."""

    id: int | None = None
    start_date: str | None = None
    end_date: str | None = None
    due_date: str | None = None
    status: str | None = None


class PeriodWrite(msgspec.Struct):
    """A billing period as written: all four members are required."""

    start_date: str
    end_date: str
    due_date: str
    status: str


class PeriodBody(msgspec.Struct):
    """The body of a create: the project stands in the path."""

    billing_period: PeriodWrite


_rows = msgspec.json.Decoder(list[PeriodRow])
_row = msgspec.json.Decoder(PeriodRow)


def _path(project: str) -> str:
    return f"/rest/v1.0/projects/{project}/billing_periods"


def read(client: Client, project: str) -> list[BillingPeriod]:
    """Billing periods of a project, open and closed, by first day; one without both its days cannot be billed in."""
    rows = client.pages(_path(project), (), _rows, BILLING_PERIODS)
    periods = [period for row in rows if (period := parse(row, project)) is not None]
    return sorted(periods, key=lambda period: (period.start, period.id))


def parse(row: PeriodRow, project: str) -> BillingPeriod | None:
    """A period as a record; None when it lacks its id or one of its days. Without a due day its last day counts."""
    start, end = day(row.start_date), day(row.end_date)
    if row.id is None or start is None or end is None:
        return None
    is_open = (row.status or "").casefold() == "open"
    return BillingPeriod(project, start, end, day(row.due_date) or end, is_open, str(row.id))


def send(client: Client, effects: Sequence[Effect]) -> list[Outcome]:
    """Makes periods, one request each after a look at what is there: a period has no once-key in Procore.

    An overlap, or a second open period, is refused by Procore (422) in its words.
    """
    return one_by_one(effects, lambda effect: _create(client, effect))


def _create(client: Client, effect: Effect) -> Outcome:
    body = body_of(effect, BillingPeriod)
    there = find(client, effect)
    if there is not None:
        return there
    days = (body.start.isoformat(), body.end.isoformat(), body.due.isoformat())
    write = PeriodBody(PeriodWrite(*days, "open" if body.open else "closed"))
    row = client.write("POST", _path(project_of((effect,))), write, _row, BILLING_PERIODS)
    if row.id is None:
        return find(client, effect) or unknown(effect, "Procore's answer does not name the billing period it made.")
    return done(effect, row.id)


def find(client: Client, effect: Effect) -> Outcome | None:
    """The period of the project that begins on the same day, if any: that day is what names it."""
    body = body_of(effect, BillingPeriod)
    for period in read(client, project_of((effect,))):
        if period.start == body.start:
            return done(effect, period.id)
    return None
