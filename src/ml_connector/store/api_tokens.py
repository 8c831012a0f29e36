"""Tokens programs sign in with, kept by their hashes."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk

_STATE = (
    "CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked' WHEN t.ends_at <= now() THEN 'ended' "
    "WHEN u.disabled_at IS NOT NULL THEN 'disabled' ELSE 'active' END"
)
_LISTED = f"""
    SELECT t.id, u.name, t.name, t.scopes, t.made_at, t.ends_at, t.used_at, t.revoked_at, u.role, {_STATE} AS state
    FROM api_tokens t JOIN users u ON u.id = t.user_id
"""


class NewToken(msgspec.Struct, frozen=True):
    """What is kept of a new token."""

    user_id: int
    name: str
    hash: bytes
    scopes: tuple[str, ...]
    lasts: timedelta


class TokenRow(msgspec.Struct, frozen=True):
    """A token as people see it listed; what it is made of is not kept."""

    id: int
    user: str
    name: str
    scopes: list[str]
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    role: str
    """The role its user has now."""
    state: str
    """active, ended, revoked, or disabled with its user."""


class WantedTokens(msgspec.Struct, frozen=True):
    """Which tokens a list has."""

    user: str = ""
    """Empty for everybody's."""
    state: str = ""
    words: tuple[str, ...] = ()
    """Patterns that must all be found in the token's or its user's name (store/listing.py `like`)."""


class StandingToken(msgspec.Struct, frozen=True):
    """A token that holds, with its user as they are now."""

    id: int
    scopes: list[str]
    user_id: int
    user: str
    title: str
    role: str
    zone: str
    stale: bool
    """Whether the moment of its last use is more than a minute old."""


def add(conn: Connection, new: NewToken) -> TokenRow:
    """Keeps a new token."""
    sql = """
        INSERT INTO api_tokens (user_id, name, hash, scopes, ends_at) VALUES (%s, %s, %s, %b, now() + %s) RETURNING id
    """
    row = bulk.fetch_one(conn, sql, (new.user_id, new.name, new.hash, list(new.scopes), new.lasts))
    assert row is not None
    made = get(conn, row[0])
    assert made is not None
    return made


def holding(conn: Connection, user_id: int) -> int:
    """How many tokens of a user hold."""
    sql = "SELECT count(*) FROM api_tokens WHERE user_id = %s AND revoked_at IS NULL AND ends_at > now()"
    row = bulk.fetch_one(conn, sql, (user_id,))
    return int(row[0]) if row else 0


def standing(conn: Connection, digest: bytes) -> StandingToken | None:
    """The token of that hash, if it is neither ended nor revoked and its user may sign in."""
    sql = """
        SELECT t.id, t.scopes, u.id, u.name, u.title, u.role, u.zone,
               coalesce(t.used_at < now() - interval '1 minute', true)
        FROM api_tokens t JOIN users u ON u.id = t.user_id
        WHERE t.hash = %s AND t.ends_at > now() AND t.revoked_at IS NULL AND u.disabled_at IS NULL
    """
    row = bulk.fetch_one(conn, sql, (digest,))
    return StandingToken(*row) if row else None


def touch(conn: Connection, token_id: int) -> None:
    """Notes that a token is used now."""
    bulk.run(conn, "UPDATE api_tokens SET used_at = now() WHERE id = %s", (token_id,))


def get(conn: Connection, token_id: int) -> TokenRow | None:
    """The token of that number; None when there is none."""
    rows = bulk.fetch(conn, f"{_LISTED} WHERE t.id = %s", (token_id,))
    return TokenRow(*rows[0]) if rows else None


def listed(conn: Connection, wanted: WantedTokens | None = None, tail: str = " ORDER BY t.id DESC") -> list[TokenRow]:
    """Tokens, the newest first unless `tail` (store/listing.py) says otherwise by columns of `t`, `u` and by state."""
    wanted = wanted or WantedTokens()
    sql = f"""{_LISTED}
        WHERE u.name = coalesce(nullif(%s, ''), u.name) AND %s IN ('', {_STATE})
          AND (t.name || ' ' || u.name) ILIKE ALL (%s::text[])
    """
    rows = bulk.fetch(conn, sql + tail, (wanted.user, wanted.state, list(wanted.words)))
    return [TokenRow(*row) for row in rows]


def revoke(conn: Connection, token_id: int) -> bool:
    """Takes a token back; whether it still held."""
    sql = "UPDATE api_tokens SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL"
    return bool(bulk.run(conn, sql, (token_id,)))
