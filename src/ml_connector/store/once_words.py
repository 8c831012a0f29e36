"""Words that are good for one use: links with which to sign in, and OpenID sign-ins under way. Kept by their hashes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import Connection

from ml_connector.store import bulk

Use = Literal["sign_in", "openid"]
"""What a word is good for."""


class OnceRow(msgspec.Struct, frozen=True):
    """What hangs on a word."""

    user_id: int | None
    about: dict[str, Any]
    ends_at: datetime


class NewWord(msgspec.Struct, frozen=True):
    """What is kept of a new word."""

    hash: bytes
    use: Use
    lasts: timedelta
    user_id: int | None = None
    about: dict[str, Any] = {}


def put(conn: Connection, new: NewWord) -> datetime:
    """Keeps a word; until when it may be spent. A link of a user takes the place of their former one."""
    if new.user_id is not None:
        drop(conn, new.user_id)
    sql = """
        INSERT INTO once_words (hash, use, user_id, about, ends_at) VALUES (%s, %s, %s, %s, now() + %s)
        RETURNING ends_at
    """
    row = bulk.fetch_one(conn, sql, (new.hash, new.use, new.user_id, Jsonb(new.about), new.lasts))
    assert row is not None
    ends: datetime = row[0]
    return ends


def spend(conn: Connection, digest: bytes, use: Use) -> OnceRow | None:
    """Takes the word of that hash, for good; None when there is none, or it is past. Of two at once one gets it."""
    sql = "DELETE FROM once_words WHERE hash = %s AND use = %s RETURNING user_id, about, ends_at, ends_at > now()"
    row = bulk.fetch_one(conn, sql, (digest, use))
    return OnceRow(*row[:3]) if row and row[3] else None


def make_room(conn: Connection, place: str, most: int) -> None:
    """Forgets those OpenID sign-ins that were begun first from a place, until there are fewer than so many."""
    sql = """
        DELETE FROM once_words WHERE hash IN (
            SELECT hash FROM once_words WHERE use = 'openid' AND about ->> 'place' = %s
            ORDER BY ends_at DESC OFFSET %s)
    """
    bulk.run(conn, sql, (place, most - 1))


def drop(conn: Connection, user_id: int) -> None:
    """Forgets the words of a user."""
    bulk.run(conn, "DELETE FROM once_words WHERE user_id = %s", (user_id,))


def prune(conn: Connection) -> None:
    """Forgets words that are past."""
    bulk.run(conn, "DELETE FROM once_words WHERE ends_at <= now()")
