"""One look at how the service stands, for the status page, the metrics and the alarms: few statements, all small."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk, counters, unsettled
from ml_connector.store.plans import UNAPPROVED, WAITS
from ml_connector.store.queue_schema import SCHEMA


class Held(msgspec.Struct, frozen=True):
    """Open holds of one connection with the same reason, owner and currency."""

    reason: str
    owner: str
    currency: str
    """ISO 4217; empty where no money is at stake."""
    number: int
    money: Decimal
    """What is at stake: the amounts added up whatever their sign, so that a credit hides nothing."""
    oldest: datetime


class Due(msgspec.Struct, frozen=True):
    """One row of the agenda."""

    name: str
    due_at: datetime | None
    priority: int
    why: str
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    well_at: datetime | None
    """When it last ended well; of a poll, when any run over its flow did, however it was begun."""
    skipped: int


class Breaker(msgspec.Struct, frozen=True):
    """A circuit breaker of one side."""

    side: str
    state: str
    reason: str
    sentence: str
    remedy: str
    since: datetime | None
    probe_at: datetime | None


class Window(msgspec.Struct, frozen=True):
    """One request window of one side, as last learned: `resets_at` in unix seconds."""

    side: str
    window: str
    most: float
    left_over: float
    resets_at: float


class Ending(msgspec.Struct, frozen=True):
    """The last run of a connection that ended, and the last one that ended well."""

    run: int
    state: str
    error: str
    finished_at: datetime
    well_at: datetime | None


class Standing(msgspec.Struct, frozen=True):
    """Everything about one connection."""

    id: int
    name: str
    added_at: datetime
    """When the connection was made."""
    title: str = ""
    """What people call it; empty for its name."""
    agenda: list[Due] = []
    breakers: list[Breaker] = []
    windows: list[Window] = []
    held: list[Held] = []
    unknown: int = 0
    """Intents whose outcome is not known."""
    unknown_since: datetime | None = None
    waiting_plans: list[str] = []
    """Hashes of plans that wait for a person's approval, the newest first: those that the list of plans says wait."""
    waiting_flows: list[str] = []
    """Flows of which nothing goes before one of those plans is approved."""
    waiting_why: str = ""
    """Why the newest of them waits."""
    inbox: int = 0
    """Events that no run has taken yet."""
    inbox_since: datetime | None = None
    event_seconds: float | None = None
    """Within how many seconds 95 of 100 events of the last quarter of an hour were looked at; None without any."""
    token_at: dict[str, datetime] = {}
    """Sealed field to the moment it was sealed: how old each secret or token is."""
    hooks: dict[str, int] = {}
    """State to the number of webhooks in it."""
    paused: dict[str, str] = {}
    """Flow (empty for all) to who paused it and why."""
    setting_up: bool = False
    """Whether the pause of all of it is the one its set-up began with."""
    parked: int = 0
    counts: dict[str, int] = {}
    census: dict[str, int] = {}
    """missing, extra or stale to how many keys the last census left so."""
    last: Ending | None = None
    sent_at: datetime | None = None
    """When a run that wrote something to Procore ended last."""

    @property
    def called(self) -> str:
        """The connection as people know it."""
        return self.title or self.name


class Worker(msgspec.Struct, frozen=True):
    """A process of the service."""

    id: str
    kind: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    stopping: bool


class Signals(msgspec.Struct, frozen=True):
    """How the whole installation stands at one moment."""

    at: datetime
    """The database's own clock: what it stamps itself is as old as this says (signs of life, tokens, figures)."""
    now: datetime
    """The app's clock: appointments, freshness and pauses are judged by this. Only the sandbox's is another."""
    connections: list[Standing]
    workers: list[Worker]
    jobs: dict[tuple[str, str], int]
    """(task, todo or doing) to how many."""
    agenda: list[Due]
    """What belongs to no connection."""
    counts: dict[str, int]
    parked: int


_DUE = "name, due_at, priority, why, attempts, started_at, finished_at, well_at, skipped"
_LISTS = {
    "agenda": (Due, f"SELECT connection_id, {_DUE} FROM agenda ORDER BY connection_id, name"),
    "breakers": (
        Breaker,
        "SELECT connection_id, side, state, reason, sentence, remedy, since, probe_at FROM breakers ORDER BY 1, 2",
    ),
    "windows": (
        Window,
        'SELECT connection_id, side, "window", most, left_over, resets_at FROM paces ORDER BY 1, 2, 3',
    ),
    "held": (
        Held,
        "SELECT connection_id, reason, owner, currency, count(*)::int, coalesce(sum(abs(amount)), 0), min(since) "
        "FROM holds WHERE released_at IS NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
    ),
}
"""Attribute to the kind of its rows and the statement that brings them, connection id first."""

_WORDS = {
    "token_at": "SELECT connection_id, field, sealed_at FROM secrets ORDER BY 1, 2",
    "hooks": "SELECT connection_id, state, count(*)::int FROM hooks WHERE source = 'procore' GROUP BY 1, 2",
    "paused": "SELECT connection_id, flow, actor || CASE note WHEN '' THEN '' ELSE ': ' || note END FROM pauses "
    "WHERE until IS NULL OR until > %(now)s",
    "census": "SELECT connection_id, what, count(*)::int FROM census WHERE NOT repaired GROUP BY 1, 2",
}
"""Attribute to the statement that brings connection id, name and value; `now` is the app's clock."""

_INBOX = "SELECT connection_id, count(*)::int, min(received_at) FROM inbox WHERE state IN ('new', 'taken') GROUP BY 1"
_EVENTS = """
    SELECT connection_id, percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM settled_at - received_at))
    FROM inbox WHERE settled_at > now() - interval '15 minutes' AND state = 'done'
    GROUP BY 1
"""
_PARKED = "SELECT connection_id, count(*)::int FROM parked WHERE released_at IS NULL GROUP BY 1"
_PLANS = f"""
    WITH recent AS MATERIALIZED (
        SELECT r.* FROM connections c CROSS JOIN LATERAL (
            SELECT connection_id, id, state, trigger, flows, plan_hash, error,
                   trigger NOT IN ('webhook', 'plan')
                       AND (CASE state WHEN 'done' THEN error = '' ELSE plan_hash <> '' END) AS whole
            FROM runs WHERE connection_id = c.id AND state IN ('done', 'stopped') ORDER BY id DESC LIMIT 300) r
    )
    SELECT p.connection_id, p.hash, r.id,
           CASE WHEN p.state = 'partly' THEN 'Some of the plan ' || p.hash || ' waits for approval.'
                WHEN r.error <> '' THEN r.error
                WHEN r.trigger = 'plan' THEN 'The plan ' || p.hash || ' waits for approval.'
                ELSE 'Some flows of the plan ' || p.hash || ' wait for approval.' END,
           ARRAY(SELECT unnest(w.flows) EXCEPT SELECT unnest(since.flows))
    FROM recent r JOIN plans p ON p.connection_id = r.connection_id AND p.hash = r.plan_hash AND p.run_id = r.id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN r.state = 'stopped' OR r.trigger = 'plan' AND p.state = 'partly' THEN r.flows
                    WHEN r.trigger = 'plan' THEN '{{}}' ELSE ARRAY({UNAPPROVED}) END AS flows) w
    CROSS JOIN LATERAL (SELECT ARRAY(
        SELECT DISTINCT unnest(l.flows) FROM recent l
        WHERE l.connection_id = r.connection_id AND l.id > r.id AND l.whole) AS flows) since
    WHERE {WAITS}
    ORDER BY 1, 3 DESC
"""
"""Plans that wait for a person, as the list of plans says it (store/plans.py), of the latest runs; with the flows of
which nothing goes meanwhile: none where the plan was made to be looked at, for that stops no run."""
_SENT = """
    SELECT r.connection_id, max(r.finished_at) FROM connections c CROSS JOIN LATERAL (
        SELECT connection_id, finished_at, requests FROM runs WHERE connection_id = c.id ORDER BY id DESC LIMIT 300) r
    WHERE coalesce((r.requests->'projects'->>'write')::int, 0) > 0 GROUP BY 1
"""
_WELL = """
    SELECT r.connection_id, 'poll/' || f.flow, max(a.at)
    FROM connections c CROSS JOIN LATERAL (
        SELECT run_id, at FROM audit WHERE connection_id = c.id AND tag = 'run:finish:done'
        ORDER BY seq DESC LIMIT 100) a
    JOIN runs r ON r.id = a.run_id AND r.connection_id = c.id CROSS JOIN LATERAL unnest(r.flows) AS f (flow)
    WHERE r.state = 'done' AND r.error = '' AND r.trigger NOT IN ('webhook', 'plan') GROUP BY 1, 2
"""
"""When a run over a flow last ended well, by the app's clock: one that looked at all of it, and not to plan only."""
_LAST = """
    SELECT c.id, r.id, r.state, r.error, r.finished_at,
           (SELECT max(w.finished_at) FROM runs w WHERE w.connection_id = c.id AND w.state = 'done')
    FROM connections c CROSS JOIN LATERAL (
        SELECT * FROM runs WHERE connection_id = c.id AND finished_at IS NOT NULL ORDER BY id DESC LIMIT 1) r
"""
_JOBS = f"""
    SELECT task_name, status::text, count(*)::int FROM {SCHEMA}.procrastinate_jobs
    WHERE status IN ('todo', 'doing') GROUP BY 1, 2
"""


def signals(conn: Connection, now: datetime, only: int | None = None) -> Signals:
    """How everything stands at `now` by the app's clock; with `only` the connections but that one are left out."""
    lists: dict[str, dict[int, list[Any]]] = {name: _gathered(conn, kind, sql) for name, (kind, sql) in _LISTS.items()}
    words: dict[str, dict[int, dict[str, Any]]] = {name: _worded(conn, sql, now) for name, sql in _WORDS.items()}
    _freshened(conn, lists["agenda"])
    unknown = unsettled.lost_of_each(conn, only)
    inbox = {row[0]: row[1:] for row in bulk.fetch(conn, _INBOX)}
    parked: dict[int, int] = {row[0]: row[1] for row in bulk.fetch(conn, _PARKED)}
    events = {row[0]: float(row[1]) for row in bulk.fetch(conn, _EVENTS)}
    last = {row[0]: Ending(*row[1:]) for row in bulk.fetch(conn, _LAST)}
    sent: dict[int, datetime] = {row[0]: row[1] for row in bulk.fetch(conn, _SENT)}
    plans: dict[int, list[tuple[int, str, str, list[str]]]] = {}
    for number, name, run, why, flows in bulk.fetch(conn, _PLANS):
        plans.setdefault(number, []).append((run, name, why, flows))
    for waiting in plans.values():
        waiting.sort(reverse=True)
    counts = counters.totals(conn)
    sql = """
        SELECT id, name, title, created_at, EXISTS (SELECT 1 FROM pauses WHERE connection_id = c.id AND setting_up)
        FROM connections c WHERE id = coalesce(%s, id) ORDER BY name
    """
    found = [
        Standing(
            id=number,
            name=name,
            title=title,
            added_at=added_at,
            setting_up=setting_up,
            **_of(number, lists, []),
            **_of(number, words, {}),
            unknown=unknown.get(number, (0, None))[0],
            unknown_since=unknown.get(number, (0, None))[1],
            waiting_plans=[name for _, name, _, _ in plans.get(number, ())],
            waiting_why=plans[number][0][2] if number in plans else "",
            waiting_flows=sorted({flow for *_, flows in plans.get(number, ()) for flow in flows}),
            inbox=inbox.get(number, (0, None))[0],
            inbox_since=inbox.get(number, (0, None))[1],
            event_seconds=events.get(number),
            parked=parked.get(number, 0),
            counts=counts.get(number, {}),
            last=last.get(number),
            sent_at=sent.get(number),
        )
        for number, name, title, added_at, setting_up in bulk.fetch(conn, sql, (only,))
    ]
    at = bulk.fetch(conn, "SELECT now()")[0][0]
    jobs = {(task, state): number for task, state, number in bulk.fetch(conn, _JOBS)}
    own = lists["agenda"].get(0, [])
    return Signals(at, now, found, workers(conn), jobs, own, counts.get(0, {}), parked.get(0, 0))


def count_waiting_plans(conn: Connection, connection_id: int) -> int:
    """How many plans of one connection wait for a person's approval."""
    sql = _PLANS.replace("FROM connections c CROSS", "FROM (SELECT %s::int8 AS id) c CROSS")
    return len(bulk.fetch(conn, sql, (connection_id,)))


def workers(conn: Connection) -> list[Worker]:
    """Every process that has given a sign of life and has not said goodbye."""
    sql = "SELECT id, kind, host, pid, started_at, seen_at, stopping FROM workers ORDER BY started_at, id"
    return [Worker(*row) for row in bulk.fetch(conn, sql)]


def works(conn: Connection, within: timedelta) -> bool:
    """Whether a process that does jobs gave a sign of life within that time, by the database's clock."""
    sql = "SELECT 1 FROM workers WHERE kind IN ('worker', 'serve') AND seen_at >= now() - %s LIMIT 1"
    return bulk.fetch_one(conn, sql, (within,)) is not None


def _of(number: int, found: dict[str, Any], nothing: object) -> dict[str, Any]:
    return {what: rows.get(number, nothing) for what, rows in found.items()}


def _freshened(conn: Connection, agenda: dict[int, list[Due]]) -> None:
    """Has the polls of `agenda` know of runs over their flows that somebody began by hand, or by approving a plan."""
    ran = {(number, name): at for number, name, at in bulk.fetch(conn, _WELL)}
    for number, rows in agenda.items():
        agenda[number] = [
            msgspec.structs.replace(row, well_at=max(at for at in (row.well_at, ran.get((number, row.name))) if at))
            if (number, row.name) in ran
            else row
            for row in rows
        ]


def _gathered(conn: Connection, kind: type, sql: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for number, *rest in bulk.fetch(conn, sql):
        found.setdefault(number, []).append(kind(*rest))
    return found


def _worded(conn: Connection, sql: str, now: datetime) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for number, name, value in bulk.fetch_named(conn, sql, {"now": now}):
        found.setdefault(number, {})[name] = value
    return found
