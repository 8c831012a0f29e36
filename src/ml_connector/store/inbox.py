"""The inbox: every event that came to the door, kept once, until a run has looked at what it is about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk, counters

CHANNEL = "inbox"
"""Who listens here is told the id of each connection that has something new, once it is committed."""
AGAIN = "events_again"
"""Counter: events that came more than once."""

_GIVEN = "connection_id, slug, source, event, body, resource, action, record, project, happened_at"
_KEPT = f"id, {_GIVEN}, received_at, state, note, run_id, settled_at"
_TYPES = ("bigint", "text", "text", "text", "bytea", "text", "text", "text", "text", "timestamptz")


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """An event to be kept. Ids are the other side's, and nobody computes with them."""

    connection_id: int
    slug: str = ""
    """The hook it came by; empty for one that the sweep found."""
    source: str = "procore"
    """Who told it: procore, ifs or sweep. One event is kept once a source."""
    event: str
    """Its ulid or id."""
    body: bytes
    """As it came."""
    resource: str = ""
    """What kind of thing it is about, as the other side calls it."""
    action: str = ""
    """create, update, delete, or the other side's word."""
    record: str = ""
    project: str = ""
    """Empty when it is company-wide."""
    happened_at: datetime | None = None
    """By the event itself; aware."""


class InboxRow(EventRow, frozen=True, kw_only=True):
    """An event as it is kept."""

    id: int
    received_at: datetime
    state: str
    note: str
    run_id: int
    settled_at: datetime | None


class Waiting(msgspec.Struct, frozen=True):
    """What is not done with yet of one connection."""

    new: int
    taken: int
    oldest: datetime
    """When the oldest of them was received."""


def keep(conn: Connection, events: Sequence[EventRow]) -> list[bool | None]:
    """Keeps a batch in one statement and answers, one by one, which of them were new; None for one that is not kept.

    Listeners on `CHANNEL` hear of it with the caller's commit, which waits for the disk even where the database does
    not by default: an event we said yes to must not be lost. Events of a connection that is gone are not kept. Rows
    are written in the order of their keys, or two doors could wait for each other.
    """
    if not events:
        return []
    fresh = _insert(conn, events)
    there = {key[0] for key in fresh}
    others = {event.connection_id for event in events} - there
    if others:
        there |= {row[0] for row in bulk.fetch(conn, "SELECT id FROM connections WHERE id = ANY(%b)", (list(others),))}
    answers: list[bool | None] = []
    again: dict[int, int] = {}
    for event in events:
        key = (event.connection_id, event.source, event.event)
        if event.connection_id not in there:
            answers.append(None)
            continue
        answers.append(key in fresh)
        if key in fresh:
            fresh.discard(key)
        else:
            again[event.connection_id] = again.get(event.connection_id, 0) + 1
    for connection_id in sorted(again):
        counters.bump(conn, connection_id, {AGAIN: again[connection_id]})
    return answers


def _insert(conn: Connection, events: Sequence[EventRow]) -> set[bulk.Row]:
    """Connection, source and id of those that were new. The beginning of the transaction travels with the rows."""
    names = _GIVEN.split(", ")
    arrays = ", ".join(f"%b::{kind}[]" for kind in _TYPES)
    sql = f"""
        WITH fresh AS (
            INSERT INTO inbox ({_GIVEN})
            SELECT {", ".join(f"e.{name}" for name in names)} FROM unnest({arrays}) AS e ({_GIVEN})
            WHERE EXISTS (SELECT 1 FROM connections c WHERE c.id = e.connection_id)
            ORDER BY e.connection_id, e.source, e.event
            ON CONFLICT (connection_id, source, event) DO NOTHING
            RETURNING connection_id, source, event
        )
        SELECT connection_id, source, event, pg_notify('{CHANNEL}', connection_id::text)::text,
               CASE current_setting('synchronous_commit') WHEN 'off'
                    THEN set_config('synchronous_commit', 'on', true) END
        FROM fresh
    """
    driver = bulk.raw(conn)
    with driver.cursor(binary=True) as cursor:
        with driver.pipeline():
            cursor.execute(sql.encode(), [[getattr(event, name) for event in events] for name in names])
        return {row[:3] for row in cursor.fetchall()}


def known(conn: Connection, connection_id: int, source: str, events: Collection[str]) -> set[str]:
    """Which of these events were kept before, by their ids, whatever became of them."""
    sql = "SELECT event FROM inbox WHERE connection_id = %s AND source = %s AND event = ANY(%b::text[])"
    return {row[0] for row in bulk.fetch(conn, sql, (connection_id, source, list(events)))}


def connections_with_new(conn: Connection) -> list[int]:
    """Ids of the connections that have events nobody took yet."""
    sql = """
        SELECT c.id FROM connections c
        WHERE EXISTS (SELECT 1 FROM inbox i WHERE i.connection_id = c.id AND i.state = 'new') ORDER BY c.id
    """
    return [row[0] for row in bulk.fetch(conn, sql)]


def take(conn: Connection, connection_id: int, limit: int) -> list[InboxRow]:
    """Up to `limit` new events, oldest first; they are taken from now on. What another one takes is passed over."""
    sql = f"""
        UPDATE inbox SET state = 'taken' WHERE id IN (
            SELECT id FROM inbox WHERE connection_id = %s AND state = 'new'
            ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
        ) RETURNING {_KEPT}
    """
    # while a flood is coming in the planner knows a few rows only, and would sort all of them for the first hundreds
    bulk.run(conn, "SET LOCAL enable_bitmapscan = off")
    return sorted((_row(row) for row in bulk.fetch(conn, sql, (connection_id, limit))), key=lambda row: row.id)


def settle(conn: Connection, ids: Collection[int], state: str, note: str = "", run_id: int = 0) -> int:
    """Says what became of events: done, echo, refused or ignored, why, and by which run. Returns how many."""
    sql = """
        UPDATE inbox SET state = %s, note = %s, run_id = %s, settled_at = now() WHERE id = ANY(%b::bigint[])
    """
    return bulk.run(conn, sql, (state, note, run_id, list(ids))) if ids else 0


def give_back(conn: Connection, connection_id: int) -> int:
    """Makes everything taken new again, after the job that took it died. Returns how many."""
    sql = "UPDATE inbox SET state = 'new' WHERE connection_id = %s AND state = 'taken'"
    return bulk.run(conn, sql, (connection_id,))


def counts(conn: Connection) -> dict[int, Waiting]:
    """What waits, by connection; those where nothing waits are left out."""
    sql = """
        SELECT connection_id, count(*) FILTER (WHERE state = 'new'), count(*) FILTER (WHERE state = 'taken'),
               min(received_at)
        FROM inbox WHERE state IN ('new', 'taken') GROUP BY connection_id
    """
    return {row[0]: Waiting(*row[1:]) for row in bulk.fetch(conn, sql)}


def purge(conn: Connection, before: datetime, limit: int = 50_000) -> int:
    """Removes events received before a moment that are done with, up to `limit` of them. Returns how many.

    Keep them longer than Procore tries again (12 hours, facts/procore.md 13.3): an event that is forgotten is new.
    """
    sql = """
        DELETE FROM inbox WHERE id IN (
            SELECT id FROM inbox WHERE received_at < %s AND state NOT IN ('new', 'taken') ORDER BY received_at LIMIT %s
        )
    """
    return bulk.run(conn, sql, (before, limit))


def _row(row: bulk.Row) -> InboxRow:
    return InboxRow(**dict(zip(_KEPT.split(", "), row, strict=True)))
