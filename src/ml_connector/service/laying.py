"""Lays the timetable over the agenda: what a connection does by itself, and when it is next due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ml_connector.app import App
from ml_connector.planning.due import next_nightly
from ml_connector.planning.schedule import Schedule
from ml_connector.registry import FLOWS as ALL_FLOWS
from ml_connector.service import duty
from ml_connector.service.polling import POLL
from ml_connector.service.tasks import FLOWS, Known
from ml_connector.service.timetable import NIGHTLY, timetable_of
from ml_connector.store import agenda, connections
from ml_connector.store.agenda import AgendaRow, Laid
from ml_connector.store.connections import ConnectionRow

INTERVALS = {"sweep": timedelta(minutes=15), "alarms": timedelta(minutes=1)}
"""Tasks that come round by themselves, whatever the schedule says. The first: for each connection, of what the other
side wanted to tell us; the second: for the installation."""
DIGEST = "digest"
"""The installation's row that tells people once a day what waits for them."""
_INSTALLATION = Schedule()
"""When the installation's own nightly work is due: the night of UTC."""


def lay_out(app: App, tasks: Mapping[str, Known]) -> None:
    """Adds what is missing, moves what the timetable has moved, removes what it does not have any more."""
    now = app.clock()
    with app.db.begin() as conn:
        agenda.briefly(conn)
        if not agenda.alone(conn):
            return
        laid: list[Laid] = []
        for row in connections.listed(conn):
            there = {one.name: one for one in agenda.listed(conn, row.id)}
            names = [f"{POLL}{flow}" for flow in ALL_FLOWS] if FLOWS in tasks else []
            agenda.forget(conn, row.id, POLL, names)
            table = timetable_of(app, row, now)
            names += [name for name in (NIGHTLY, "sweep") if name in tasks]
            for name in names:
                began = there[name].began if name in there else None
                if name in INTERVALS:
                    at: datetime | None = _after(began, INTERVALS[name], now)
                else:
                    at = table.next_due(name, began, now).at
                laid.append(Laid(row.id, name, at, _priority(name)))
        there = {one.name: one for one in agenda.listed(conn, 0)}
        if NIGHTLY in tasks:
            at = next_nightly(_INSTALLATION, _began(there.get(NIGHTLY)), now).at
            laid.append(Laid(0, NIGHTLY, at, _priority(NIGHTLY)))
        if "alarms" in tasks:
            at = _after(_began(there.get("alarms")), INTERVALS["alarms"], now)
            laid.append(Laid(0, "alarms", at, _priority("alarms")))
        if DIGEST in tasks:
            since = _began(there.get(DIGEST)) or now  # the first one goes at the next hour of digests
            laid.append(Laid(0, DIGEST, next_digest(app, since, now), _priority(NIGHTLY)))
        agenda.lay(conn, laid, now)


def next_turn(app: App, row: ConnectionRow | None, name: str, now: datetime) -> datetime | None:
    """When a row that becomes a job now has its next turn; None for what comes round only when somebody asks."""
    if name in INTERVALS:
        return now + INTERVALS[name]
    if name == DIGEST and row is None:
        return next_digest(app, now, now)
    if name == NIGHTLY:
        return (
            timetable_of(app, row, now).next_due(name, now, now).at if row else next_nightly(_INSTALLATION, now, now).at
        )
    return None


def next_digest(app: App, last: datetime, now: datetime) -> datetime | None:
    """When the next daily digest goes, by ML_CONNECTOR_DIGEST_AT; now, where one was missed since `last`."""
    clock, zone = app.settings.digest
    return next_nightly(Schedule(nightly=clock, time_zone=zone), last, now).at


def _after(began: datetime | None, interval: timedelta, now: datetime) -> datetime:
    return now if began is None else max(now, began + interval)


def _began(row: AgendaRow | None) -> datetime | None:
    return row.began if row else None


def _priority(name: str) -> int:
    return duty.NIGHTLY if name in (NIGHTLY, "sweep") else duty.POLL
