"""Which side of a connection is not called for now, why, and when it is tried next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import Connection

from ml_connector.store import bulk

PROBE = "probe/"
"""How the agenda calls the next look at a side that is not called."""

PUT_OFF = ("poll", "flows", "rest", "hints", "sweep")
"""First parts of the names of what waits while a side is not called, and is due as soon as it is again."""

_COLUMNS = "side, state, reason, sentence, remedy, failures, strikes, since, probe_at"


class BreakerRow(msgspec.Struct, frozen=True):
    """How one side of a connection stands; a side without a row was never in trouble."""

    side: str
    state: str
    """closed, open, or probing: it answered its probe, runs begin, and it is closed once one of them ends well."""
    reason: str
    sentence: str
    remedy: str
    failures: int
    """Openings and failed probes since a run last ended well."""
    strikes: int
    """Runs in a row that ended because the side was away, while it is closed."""
    since: datetime | None
    probe_at: datetime | None


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong with a side: the error's name, its sentence and its remedy."""

    reason: str
    sentence: str
    remedy: str


def of(conn: Connection, connection_id: int) -> dict[str, BreakerRow]:
    """How the sides of a connection stand; a side never in trouble is absent."""
    sql = f"SELECT {_COLUMNS} FROM breakers WHERE connection_id = %s ORDER BY side"
    return {row[0]: BreakerRow(*row) for row in bulk.fetch(conn, sql, (connection_id,))}


def strike(conn: Connection, connection_id: int, side: str) -> int:
    """One more run that ended because the side was away; how many in a row by now."""
    sql = """
        INSERT INTO breakers AS b (connection_id, side, strikes) VALUES (%s, %s, 1)
        ON CONFLICT (connection_id, side) DO UPDATE SET strikes = b.strikes + 1 RETURNING strikes
    """
    row = bulk.fetch_one(conn, sql, (connection_id, side))
    return int(row[0]) if row else 0


def open_(conn: Connection, connection_id: int, side: str, trouble: Trouble, at: tuple[datetime, datetime]) -> None:
    """Opens a side, or says anew why it is open; `at`: now, and when it is tried next. Puts that on the agenda."""
    now, probe_at = at
    sql = """
        INSERT INTO breakers AS b (connection_id, side, state, reason, sentence, remedy, failures, since, probe_at)
        VALUES (%s, %s, 'open', %s, %s, %s, 1, %s, %s)
        ON CONFLICT (connection_id, side) DO UPDATE SET state = 'open', reason = excluded.reason,
            sentence = excluded.sentence, remedy = excluded.remedy, failures = b.failures + 1, strikes = 0,
            since = CASE b.state WHEN 'closed' THEN excluded.since ELSE b.since END, probe_at = excluded.probe_at
    """
    values = (connection_id, side, trouble.reason, trouble.sentence, trouble.remedy, now, probe_at)
    bulk.run(conn, sql, values)
    due = """
        INSERT INTO agenda (connection_id, name, due_at, priority, args, why, asked)
        VALUES (%s, %s, %s, %s, %s, %s, true)
        ON CONFLICT (connection_id, name) DO UPDATE SET due_at = excluded.due_at, why = excluded.why, asked = true
    """
    args = Jsonb({"side": side})
    bulk.run(conn, due, (connection_id, f"{PROBE}{side}", probe_at, 20, args, trouble.sentence))


def half_open(conn: Connection, connection_id: int, side: str, sentence: str, now: datetime) -> None:
    """A side that is open answered its probe: runs may begin, and what was put off for it is due now."""
    sql = """
        UPDATE breakers SET state = 'probing', sentence = %s, probe_at = NULL
        WHERE connection_id = %s AND side = %s AND state = 'open'
    """
    if bulk.run(conn, sql, (sentence, connection_id, side)):
        _go_on(conn, connection_id, [side], now)


def close(conn: Connection, connection_id: int, now: datetime) -> list[str]:
    """Closes all sides, for a run ended well; those that were not closed. What was put off for one is due now."""
    sql = """
        WITH old AS (
            SELECT side, state FROM breakers
            WHERE connection_id = %s AND (state <> 'closed' OR failures > 0 OR strikes > 0) FOR UPDATE
        )
        UPDATE breakers b SET state = 'closed', reason = '', sentence = '', remedy = '', probe_at = NULL, strikes = 0,
            failures = 0
        FROM old WHERE b.connection_id = %s AND b.side = old.side RETURNING b.side, old.state
    """
    before = {row[0]: row[1] for row in bulk.fetch(conn, sql, (connection_id, connection_id))}
    opened = [side for side, state in before.items() if state == "open"]
    if opened:  # of a side that was half open it was due when it answered
        _go_on(conn, connection_id, opened, now)
    return [side for side, state in before.items() if state != "closed"]


def _go_on(conn: Connection, connection_id: int, sides: Sequence[str], now: datetime) -> None:
    """Sides are called again: no probe is due, and what was put off is."""
    no_probe = "UPDATE agenda SET due_at = NULL, asked = false WHERE connection_id = %s AND name = ANY(%b::text[])"
    bulk.run(conn, no_probe, (connection_id, [f"{PROBE}{side}" for side in sides]))
    due = """
        UPDATE agenda SET due_at = %s, attempts = 0
        WHERE connection_id = %s AND waiting_job = 0 AND parked_id = 0 AND due_at > %s
          AND split_part(name, '/', 1) = ANY(%b::text[])
    """
    bulk.run(conn, due, (now, connection_id, now, list(PUT_OFF)))
