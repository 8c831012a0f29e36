"""Runs as a person looks for them: filtered, sorted, a page at a time, with what each came to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk, lock
from ml_connector.store.listing import ordered, paged

SORTS = {
    "run": "r.id",
    "started": "r.started_at",
    "took": "r.finished_at - r.started_at",
    "state": "r.state",
    "trigger": "r.trigger",
    "actor": "r.actor",
}
"""Columns a list of runs can be sorted by."""
_RECENT = 2000
"""How many runs back it is looked who started one."""


class Wanted(msgspec.Struct, frozen=True):
    """Which runs of a connection; an empty word filters nothing."""

    connection_id: int
    state: str = ""
    trigger: str = ""
    flow: str = ""
    actor: str = ""


class Place(msgspec.Struct, frozen=True):
    """In what order, and which page of it."""

    sort: str = ""
    down: bool = False
    page: int = 1
    size: int = 50


class Listed(msgspec.Struct, frozen=True):
    """One run of a list."""

    id: int
    trigger: str
    actor: str
    flows: list[str]
    state: str
    started_at: datetime
    finished_at: datetime | None
    plan_hash: str
    counts: dict[str, Any]
    requests: dict[str, Any]
    error: str
    doing: dict[str, Any]
    totals: dict[str, Any]


def found(conn: Connection, wanted: Wanted, place: Place) -> list[Listed]:
    """A page of runs, and one more row when another page follows; the newest first where no order is asked for."""
    order = ordered(SORTS, place.sort, down=place.down, otherwise="r.id DESC", unique="r.id")
    sql = f"""
        SELECT r.id, r.trigger, r.actor, r.flows, r.state, r.started_at, r.finished_at, r.plan_hash, r.counts,
               r.requests, r.error, coalesce(p.doing, '{{}}'), coalesce(p.totals, '{{}}')
        FROM runs r LEFT JOIN run_progress p ON p.run_id = r.id
        WHERE r.connection_id = %(c)s AND (%(state)s = '' OR r.state = %(state)s)
          AND (%(trigger)s = '' OR r.trigger = %(trigger)s)
          AND (%(flow)s = '' OR %(flow)s = ANY(r.flows) OR jsonb_exists(r.counts, %(flow)s))
          AND (%(actor)s = '' OR r.actor = %(actor)s)
        {order} {paged(place.page, place.size)}
    """
    values = {
        "c": wanted.connection_id,
        "state": wanted.state,
        "trigger": wanted.trigger,
        "flow": wanted.flow,
        "actor": wanted.actor,
    }
    return [Listed(*row) for row in bulk.fetch_named(conn, sql, values)]


def starters(conn: Connection, connection_id: int) -> list[tuple[str, str]]:
    """(trigger, actor) of the latest runs, each pair once, in order."""
    sql = f"""
        SELECT DISTINCT trigger, actor FROM (
            SELECT trigger, actor FROM runs WHERE connection_id = %s ORDER BY id DESC LIMIT {_RECENT}) r ORDER BY 1, 2
    """
    return [(row[0], row[1]) for row in bulk.fetch(conn, sql, (connection_id,))]


def at_work(conn: Connection, only: int | None = None) -> dict[int, int]:
    """Connection to the run that is under way there: somebody has the right to write, which a dead run has not."""
    sql = """
        SELECT connection_id, max(id) FROM runs
        WHERE state = 'running' AND connection_id = coalesce(%s, connection_id) GROUP BY 1
    """
    return {row[0]: row[1] for row in bulk.fetch(conn, sql, (only,)) if lock.held(conn, row[0])}


def now(conn: Connection) -> datetime:
    """The moment by the database's clock, with which runs are written down."""
    row = bulk.fetch_one(conn, "SELECT now()")
    assert row is not None
    moment: datetime = row[0]
    return moment
