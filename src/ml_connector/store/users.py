"""Users: who may sign in, with what, and as what. Passwords come in and go out as their hashes only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.errors import BadInput, NothingSuchHere
from ml_connector.store import bulk

_COLUMNS = "id, name, title, email, role, password, issuer, subject, zone, made_at, password_at, seen_at, disabled_at"
_ABLE = "role = 'admin' AND disabled_at IS NULL AND (password <> '' OR subject <> '')"
"""An administrator who can sign in without anybody's help."""


class UserRow(msgspec.Struct, frozen=True):
    """One user as they are kept."""

    id: int
    name: str
    title: str
    email: str
    role: str
    password: str
    """argon2id with its salt and cost; empty when they have none."""
    issuer: str
    subject: str
    zone: str
    made_at: datetime
    password_at: datetime | None
    seen_at: datetime | None
    disabled_at: datetime | None


class ListedUser(msgspec.Struct, frozen=True):
    """A user in a list, with what hangs on them."""

    user: UserRow
    state: str
    """active, invited (they have a sign-in link alone and never used one), or disabled."""
    sessions: int
    tokens: int


class Wanted(msgspec.Struct, frozen=True):
    """Which users a list has."""

    role: str = ""
    """Empty for any."""
    state: str = ""
    words: tuple[str, ...] = ()
    """Patterns that must all be found in name, title or e-mail address (store/listing.py `like`)."""


STATE = (
    "CASE WHEN u.disabled_at IS NOT NULL THEN 'disabled' "
    "WHEN u.password = '' AND u.subject = '' AND u.seen_at IS NULL THEN 'invited' ELSE 'active' END"
)
"""How a user `u` stands, in SQL."""


def add(conn: Connection, name: str, title: str, email: str, role: str) -> UserRow:
    """Adds a user; BadInput when the name, or the e-mail address, is taken."""
    if email and by_email(conn, email):
        raise BadInput(f"Another user has the e-mail address {email} already.")
    sql = f"""
        INSERT INTO users (name, title, email, role) VALUES (%s, %s, %s, %s)
        ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
    """
    row = bulk.fetch_one(conn, sql, (name, title, email, role))
    if row is None:
        raise BadInput(f"There is a user called {name!r} already.")
    return UserRow(*row)


def find(conn: Connection, name: str, *, ours: bool = False) -> UserRow | None:
    """The user of that name, or None; `ours`: nobody else changes the row before the transaction ends."""
    if not name.isprintable():  # no name there can be, nor one the database could be asked for
        return None
    sql = f"SELECT {_COLUMNS} FROM users WHERE name = %s"
    row = bulk.fetch_one(conn, sql + (" FOR UPDATE" if ours else ""), (name,))
    return UserRow(*row) if row else None


def get(conn: Connection, name: str, *, ours: bool = False) -> UserRow:
    """The user of that name; NothingSuchHere when there is none."""
    row = find(conn, name, ours=ours)
    if row is None:
        raise NothingSuchHere(
            f"There is no user called {name!r}.", remedy="`ml-connector user list` shows who there is."
        )
    return row


def by_id(conn: Connection, user_id: int) -> UserRow | None:
    """The user of that number; None when they were removed."""
    row = bulk.fetch_one(conn, f"SELECT {_COLUMNS} FROM users WHERE id = %s", (user_id,))
    return UserRow(*row) if row else None


def by_email(conn: Connection, email: str) -> UserRow | None:
    """The one user with that e-mail address, however it is written; None when there is none, or more than one."""
    if not email.isprintable():
        return None
    rows = bulk.fetch(conn, f"SELECT {_COLUMNS} FROM users WHERE lower(email) = lower(%s) LIMIT 2", (email,))
    return UserRow(*rows[0]) if len(rows) == 1 else None


def by_subject(conn: Connection, issuer: str, subject: str) -> UserRow | None:
    """The user whom an OpenID provider calls so; None when there is none."""
    sql = f"SELECT {_COLUMNS} FROM users WHERE issuer = %s AND subject = %s AND subject <> ''"
    row = bulk.fetch_one(conn, sql, (issuer, subject))
    return UserRow(*row) if row else None


def listed(
    conn: Connection, idle: timedelta, wanted: Wanted | None = None, tail: str = " ORDER BY u.name"
) -> list[ListedUser]:
    """Users with how many sessions are going (used within `idle`) and how many tokens hold.

    `tail` orders and pages (store/listing.py) by columns of `u` and by state, sessions and tokens.
    """
    wanted = wanted or Wanted()
    names = ", ".join(f"u.{one}" for one in _COLUMNS.split(", "))
    sql = f"""
        SELECT {names}, {STATE} AS state,
               (SELECT count(*) FROM sessions s
                WHERE s.user_id = u.id AND s.ends_at > now() AND s.seen_at > now() - %s::interval) AS sessions,
               (SELECT count(*) FROM api_tokens t
                WHERE t.user_id = u.id AND t.revoked_at IS NULL AND t.ends_at > now()) AS tokens
        FROM users u
        WHERE u.role = coalesce(nullif(%s, ''), u.role) AND %s IN ('', {STATE})
          AND (u.name || ' ' || u.title || ' ' || u.email) ILIKE ALL (%s::text[])
    """
    rows = bulk.fetch(conn, sql + tail, (idle, wanted.role, wanted.state, list(wanted.words)))
    return [ListedUser(UserRow(*row[:-3]), *row[-3:]) for row in rows]


def change(conn: Connection, user_id: int, **columns: Any) -> None:
    """Writes some columns of a user: title, email, role, zone, issuer, subject."""
    names = [name for name in columns if name in ("title", "email", "role", "zone", "issuer", "subject")]
    sets = ", ".join(f"{name} = %s" for name in names)
    bulk.run(conn, f"UPDATE users SET {sets} WHERE id = %s", [*(columns[name] for name in names), user_id])


def set_password(conn: Connection, user_id: int, hashed: str, *, same: bool = False) -> None:
    """Keeps the hash of a password; `same`: the same password hashed at another cost, so that it keeps its age."""
    sql = "UPDATE users SET password = %s, password_at = CASE WHEN %s THEN password_at ELSE now() END WHERE id = %s"
    bulk.run(conn, sql, (hashed, same, user_id))


def set_disabled(conn: Connection, user_id: int, *, disabled: bool) -> None:
    """Forbids a user to sign in, or allows it again."""
    sql = "UPDATE users SET disabled_at = CASE WHEN %s THEN coalesce(disabled_at, now()) END WHERE id = %s"
    bulk.run(conn, sql, (disabled, user_id))


def set_seen(conn: Connection, user_id: int) -> None:
    """Notes that a user signed in now."""
    bulk.run(conn, "UPDATE users SET seen_at = now() WHERE id = %s", (user_id,))


def remove(conn: Connection, user_id: int) -> None:
    """Removes a user with their sessions, tokens and links; what the audit trail says of them stays."""
    bulk.run(conn, "DELETE FROM users WHERE id = %s", (user_id,))


def titles(conn: Connection) -> dict[str, str]:
    """What people call each user who has another name than the one they sign in with, by that one."""
    return {row[0]: row[1] for row in bulk.fetch(conn, "SELECT name, title FROM users WHERE title <> ''")}


def able_admins(conn: Connection) -> list[int]:
    """Administrators who can sign in, locked until the transaction ends: nobody else takes one of them away."""
    return [row[0] for row in bulk.fetch(conn, f"SELECT id FROM users WHERE {_ABLE} ORDER BY id FOR UPDATE")]


def any_user(conn: Connection) -> bool:
    """Whether somebody was ever added."""
    row = bulk.fetch_one(conn, "SELECT EXISTS (SELECT 1 FROM users)")
    return bool(row and row[0])
