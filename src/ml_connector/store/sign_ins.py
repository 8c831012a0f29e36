"""Attempts to sign in, shared by all processes, so that guessing is slowed down wherever it is tried."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk

_SPACE = 0x6D6C7369
"""First half of the advisory locks under which attempts are counted."""


class Tries(msgspec.Struct, frozen=True):
    """Attempts that failed lately: how many, and how long ago the last one was."""

    failed: int
    ago: timedelta | None


class Told(msgspec.Struct, frozen=True):
    """Refused attempts the audit trail was not told of yet."""

    times: int
    names: list[str]
    addresses: list[str]


def alone(conn: Connection, *keys: str) -> None:
    """Nobody else counts attempts by these keys until the transaction ends: many at once are counted one by one."""
    for key in sorted(set(keys)):
        bulk.fetch(conn, "SELECT pg_advisory_xact_lock(%s::int, hashtext(%s))", (_SPACE, key))


def note(conn: Connection, name: str, address: str) -> int:
    """Notes an attempt as one that failed, before it is known; its number."""
    sql = "INSERT INTO sign_ins (name, address, well) VALUES (%s, %s, false) RETURNING id"
    row = bulk.fetch_one(conn, sql, (name, address))
    assert row is not None
    return int(row[0])


def well(conn: Connection, number: int) -> None:
    """Notes that the attempt of that number succeeded."""
    bulk.run(conn, "UPDATE sign_ins SET well = true WHERE id = %s", (number,))


def by_name(conn: Connection, name: str, address: str, window: timedelta) -> Tries:
    """What failed by that name within the window.

    From an address from which they signed in before, only what failed from there since they last did; from any other,
    what failed from all of those others. So nobody elsewhere can slow somebody down at their usual place.
    """
    sql = """
        WITH usual AS (SELECT address, max(id) AS last FROM sign_ins WHERE name = %(name)s AND well GROUP BY address),
             failed AS (SELECT id, address, at FROM sign_ins
                        WHERE name = %(name)s AND NOT well AND at > now() - %(window)s::interval)
        SELECT count(*), clock_timestamp() - max(f.at) FROM failed f LEFT JOIN usual u ON u.address = f.address
        WHERE CASE WHEN EXISTS (SELECT 1 FROM usual WHERE address = %(address)s)
                   THEN f.address = %(address)s AND f.id > u.last ELSE u.address IS NULL END
    """
    rows = bulk.fetch_named(conn, sql, {"name": name, "address": address, "window": window})
    return Tries(*rows[0])


def by_address(conn: Connection, address: str, window: timedelta) -> Tries:
    """What failed from that address within the window, by whatever name."""
    sql = """
        SELECT count(*), clock_timestamp() - max(at) FROM sign_ins
        WHERE address = %s AND NOT well AND at > now() - %s::interval
    """
    return Tries(*bulk.fetch(conn, sql, (address, window))[0])


def untold(conn: Connection, every: timedelta) -> Told | None:
    """Takes the attempts nobody told the audit trail of, and marks them as told; None within `every` of the last time.

    Attempts of the last seconds are left for the next time: they may be under way and succeed yet.
    """
    again = "SELECT 1 FROM sign_ins WHERE told_at > now() - %s::interval LIMIT 1"
    if bulk.fetch_one(conn, again, (every,)):
        return None
    sql = """
        UPDATE sign_ins SET told_at = now()
        WHERE NOT well AND told_at IS NULL AND at < now() - interval '5 seconds' RETURNING name, address
    """
    rows: Sequence[bulk.Row] = bulk.fetch(conn, sql)
    return Told(len(rows), _few(row[0] for row in rows), _few(row[1] for row in rows)) if rows else None


def prune(conn: Connection, failed: timedelta, succeeded: timedelta) -> None:
    """Forgets attempts older than that."""
    sql = "DELETE FROM sign_ins WHERE at < now() - CASE WHEN well THEN %s::interval ELSE %s::interval END"
    bulk.run(conn, sql, (succeeded, failed))


def last(conn: Connection, name: str) -> datetime | None:
    """When somebody last signed in by that name; None when not lately."""
    row = bulk.fetch_one(conn, "SELECT max(at) FROM sign_ins WHERE name = %s AND well", (name,))
    return row[0] if row else None


def _few(words: object) -> list[str]:
    assert hasattr(words, "__iter__")
    return sorted(set(words))[:10]
