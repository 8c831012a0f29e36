"""Health: what works, what waits and what was given up, of one connection or of the installation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import TOKENS
from ml_connector.service import jobs, pausing
from ml_connector.service.alarms import DEAD_AFTER
from ml_connector.store import alerts, counters
from ml_connector.store.condition import condition
from ml_connector.store.signals import Signals, Standing, signals
from ml_connector.views.home import AlertNow, SideNow, alert_now, side_now


class Process(msgspec.Struct, frozen=True):
    """A process of the service. `state` is alive, leaving or silent."""

    id: str
    kind: str
    host: str
    since: datetime
    seen: datetime
    state: str


class Waiting(msgspec.Struct, frozen=True):
    """A job in the queue. `state` is waiting, at work or stopping."""

    job: int
    connection: str
    task: str
    state: str
    worker: str
    priority: int


class Appointment(msgspec.Struct, frozen=True):
    """A row of the agenda: what comes when, and how the last time went."""

    connection: str
    task: str
    due: datetime | None
    last: datetime | None
    well: datetime | None
    failures: int
    skipped: int
    parked: int
    why: str


class GivenUp(msgspec.Struct, frozen=True):
    """A job that was given up, until a person puts it back or lays it aside."""

    number: int
    connection: str
    task: str
    attempts: int
    at: datetime
    why: str
    evidence: dict[str, Any]


class Paused(msgspec.Struct, frozen=True):
    """A pause that holds now; an empty flow is the whole connection."""

    connection: str
    flow: str
    sentence: str
    since: datetime | None
    until: datetime | None
    setting_up: bool = False
    """Whether it is the pause of a set-up, which ends with the first approved plan and not otherwise."""


class Secret(msgspec.Struct, frozen=True):
    """A secret that is sealed, by its name alone, and since when it is the same. A token comes and goes by itself."""

    name: str
    sealed_at: datetime
    token: bool


class ConnectionHealth(msgspec.Struct, frozen=True):
    """What is of one connection."""

    name: str
    sides: list[SideNow]
    events_waiting: int
    events_since: datetime | None
    event_seconds: float | None
    """Within how many seconds 95 of 100 events of the last quarter of an hour were looked at."""
    hooks: dict[str, int]
    """State to the number of webhooks in it."""
    unknown: int
    """Writes of which nobody knows what became."""
    unknown_since: datetime | None
    secrets: list[Secret]
    counts: dict[str, int]
    """What was counted since the connection was made: requests, polls left out, events that never came."""
    census: dict[str, int]


class DatabaseHealth(msgspec.Struct, frozen=True):
    """The database."""

    where: str
    version: str
    size: int
    sessions: int
    most_sessions: int
    waiting_since: datetime | None
    """Since when the job waits that has waited longest."""
    lapsed: list[tuple[str, datetime]]
    """Connections whose right to write is held by somebody who has been silent for long."""


class Health(msgspec.Struct, frozen=True):
    """The whole page; with a connection only what is of it, besides the processes and the database."""

    at: datetime
    connection: str
    processes: list[Process]
    queue: list[Waiting]
    agenda: list[Appointment]
    parked: list[GivenUp]
    pauses: list[Paused]
    connections: list[ConnectionHealth]
    alerts: list[AlertNow]
    database: DatabaseHealth
    takeovers: int
    """Jobs of dead workers that others took over."""


def health(app: App, name: str = "") -> Health:
    """How everything stands, or one connection; NothingSuchHere for a name that is not there."""
    only = app.connection(name).id if name else None
    with app.db.begin() as conn:
        found = signals(conn, app.clock(), only)
        stand = alerts.standing(conn)
        base = condition(conn)
    lists = jobs.listed(app, name or None)
    mine = [row for row in stand if only is None or row.connection_id in (only, alerts.INSTALLATION)]
    return Health(
        at=found.at,
        connection=name,
        processes=_processes(found),
        queue=[Waiting(**one) for one in lists["queue"]],
        agenda=[Appointment(**{**one, "parked": one["parked"] or 0}) for one in lists["agenda"]],
        parked=[_given_up(one) for one in lists["parked"]],
        pauses=[_paused(one.name, row) for one in found.connections for row in pausing.paused(app, one.name)],
        connections=[_connection(found, one) for one in found.connections],
        alerts=[alert_now(row) for row in mine],
        database=DatabaseHealth(
            where=app.db.where,
            version=base.version,
            size=base.size,
            sessions=base.sessions,
            most_sessions=base.most_sessions,
            waiting_since=base.waiting_since,
            lapsed=base.lapsed,
        ),
        takeovers=found.counts.get(counters.TAKEOVERS, 0),
    )


def _processes(found: Signals) -> list[Process]:
    shown = []
    for one in found.workers:
        state = "leaving" if one.stopping else "alive" if found.at - one.seen_at <= DEAD_AFTER else "silent"
        shown.append(Process(one.id, one.kind, one.host, one.started_at, one.seen_at, state))
    return shown


def _connection(found: Signals, one: Standing) -> ConnectionHealth:
    tokens = set(TOKENS.values())
    return ConnectionHealth(
        name=one.name,
        sides=[side_now(found, one, side) for side in TOKENS],
        events_waiting=one.inbox,
        events_since=one.inbox_since,
        event_seconds=one.event_seconds,
        hooks=one.hooks,
        unknown=one.unknown,
        unknown_since=one.unknown_since,
        secrets=[Secret(field, at, field in tokens) for field, at in sorted(one.token_at.items())],
        counts=one.counts,
        census=one.census,
    )


def _given_up(one: dict[str, Any]) -> GivenUp:
    return GivenUp(
        one["parked"], one["connection"], one["task"], one["attempts"], one["at"], one["why"], one["evidence"]
    )


def _paused(connection: str, row: dict[str, Any]) -> Paused:
    return Paused(connection, row["flow"], row["sentence"], row["since"], row["until"], row["setting_up"])
