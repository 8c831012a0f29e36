"""Sessions of people at the console, found by the hash of what their cookie holds."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk

_SHORT = 16
"""So many digits of the hash name a session to people; nothing can be signed in with by them."""


class NewSession(msgspec.Struct, frozen=True):
    """What is kept of a session that begins."""

    hash: bytes
    user_id: int
    csrf: str
    address: str
    agent: str
    how: str
    lasts: timedelta


class Standing(msgspec.Struct, frozen=True):
    """A session that holds, with its user as they are now."""

    csrf: str
    how: str
    user_id: int
    name: str
    title: str
    role: str
    zone: str
    stale: bool
    """Whether the moment of its last use is more than a minute old."""


class SessionRow(msgspec.Struct, frozen=True):
    """A session as people see it listed."""

    id: str
    """The first digits of its hash."""
    address: str
    agent: str
    how: str
    made_at: datetime
    seen_at: datetime
    ends_at: datetime


def short(digest: bytes) -> str:
    """What names a session to people, from the hash of its cookie."""
    return digest.hex()[:_SHORT]


def begin(conn: Connection, new: NewSession) -> datetime:
    """Keeps a new session; when it ends at the latest."""
    sql = """
        INSERT INTO sessions (hash, user_id, csrf, address, agent, how, ends_at)
        VALUES (%s, %s, %s, %s, %s, %s, now() + %s) RETURNING ends_at
    """
    row = bulk.fetch_one(conn, sql, (new.hash, new.user_id, new.csrf, new.address, new.agent, new.how, new.lasts))
    assert row is not None
    ends: datetime = row[0]
    return ends


def make_room(conn: Connection, user_id: int, most: int) -> None:
    """Ends those sessions of a user that were used longest ago, until there are fewer than so many."""
    sql = """
        DELETE FROM sessions WHERE hash IN (
            SELECT hash FROM sessions WHERE user_id = %s ORDER BY seen_at DESC, made_at DESC OFFSET %s)
    """
    bulk.run(conn, sql, (user_id, most - 1))


def standing(conn: Connection, digest: bytes, idle: timedelta) -> Standing | None:
    """The session of that hash, if it has neither ended nor idled out and its user may sign in."""
    sql = """
        SELECT s.csrf, s.how, u.id, u.name, u.title, u.role, u.zone, s.seen_at < now() - interval '1 minute'
        FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.hash = %s AND s.ends_at > now() AND s.seen_at > now() - %s::interval AND u.disabled_at IS NULL
    """
    row = bulk.fetch_one(conn, sql, (digest, idle))
    return Standing(*row) if row else None


def touch(conn: Connection, digest: bytes) -> None:
    """Notes that a session is used now."""
    bulk.run(conn, "UPDATE sessions SET seen_at = now() WHERE hash = %s", (digest,))


def of_user(conn: Connection, user_id: int, idle: timedelta) -> list[SessionRow]:
    """The sessions of a user that hold, the one used last first."""
    sql = f"""
        SELECT left(encode(hash, 'hex'), {_SHORT}), address, agent, how, made_at, seen_at, ends_at FROM sessions
        WHERE user_id = %s AND ends_at > now() AND seen_at > now() - %s::interval ORDER BY seen_at DESC, made_at DESC
    """
    return [SessionRow(*row) for row in bulk.fetch(conn, sql, (user_id, idle))]


def end(conn: Connection, digest: bytes) -> int | None:
    """Ends a session; whose it was, or None when there was none."""
    row = bulk.fetch_one(conn, "DELETE FROM sessions WHERE hash = %s RETURNING user_id", (digest,))
    return row[0] if row else None


def end_one(conn: Connection, user_id: int, name: str) -> bool:
    """Ends the session of a user that `name` (its first digits) stands for; whether there was one."""
    if not name.isalnum():
        return False
    sql = f"DELETE FROM sessions WHERE user_id = %s AND left(encode(hash, 'hex'), {_SHORT}) = %s"
    return bool(bulk.run(conn, sql, (user_id, name)))


def end_all(conn: Connection, user_id: int) -> int:
    """Ends every session of a user; how many there were."""
    return bulk.run(conn, "DELETE FROM sessions WHERE user_id = %s", (user_id,))


def prune(conn: Connection, idle: timedelta) -> None:
    """Forgets sessions that are over."""
    sql = "DELETE FROM sessions WHERE ends_at <= now() OR seen_at <= now() - %s::interval"
    bulk.run(conn, sql, (idle,))
