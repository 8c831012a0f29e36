"""Connections and their sealed secrets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import Connection

from ml_connector.kernel.errors import BadInput, Locked, NothingSuchHere
from ml_connector.store import bulk

_COLUMNS = "id, name, title, config, created_at, updated_at"
_OWNED = (
    "links",
    "code_uses",
    "names",
    "standings",
    "intents",
    "intent_states",
    "exchanges",
    "source_rows",
    "placements",
    "holds",
    "rulings",
    "watermarks",
    "runs",
    "plans",
    "mapping_versions",
    "mapping_drafts",
    "secrets",
    "hooks",
    "inbox",
    "agenda",
    "leases",
    "paces",
    "breakers",
    "identities",
    "pauses",
    "alerts",
    "counters",
    "parked",
    "census",
    "setups",
    "daily",
    "exposures",
)
"""What goes with a connection. Audit and evidence stay: the one is for good, the other may be shared."""


class ConnectionRow(msgspec.Struct, frozen=True):
    """One pairing of an IFS company with a Procore company; `config` holds settings and policies, never a secret."""

    id: int
    name: str
    title: str
    config: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class Overtaken(Locked):
    """Somebody else changed the connection since it was read; nothing was kept."""


class SecretRow(NamedTuple):
    """One sealed secret; opened by the vault alone. The fields stand in the order of `vault.sealing.Sealed`."""

    connection_id: int
    field: str
    nonce: bytes
    sealed: bytes
    key_id: str


def add(conn: Connection, name: str, title: str, config: dict[str, Any]) -> int:
    """Makes a connection and returns its id; BadInput when the name is taken."""
    sql = "INSERT INTO connections (name, title, config) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING id"
    row = bulk.fetch_one(conn, sql, (name, title, Jsonb(config)))
    if row is None:
        raise BadInput(f"There is a connection called {name!r} already.")
    return int(row[0])


def listed(conn: Connection) -> list[ConnectionRow]:
    """Every connection, by name."""
    return [ConnectionRow(*row) for row in bulk.fetch(conn, f"SELECT {_COLUMNS} FROM connections ORDER BY name")]


def get(conn: Connection, name: str) -> ConnectionRow:
    """The connection of that name; NothingSuchHere when there is none."""
    row = bulk.fetch_one(conn, f"SELECT {_COLUMNS} FROM connections WHERE name = %s", (name,))
    if row is None:
        raise NothingSuchHere(f"There is no connection called {name!r}.")
    return ConnectionRow(*row)


def by_id(conn: Connection, connection_id: int) -> ConnectionRow | None:
    """The connection of that id; None when it was removed."""
    row = bulk.fetch_one(conn, f"SELECT {_COLUMNS} FROM connections WHERE id = %s", (connection_id,))
    return ConnectionRow(*row) if row else None


def update(
    conn: Connection, connection_id: int, *, title: str | None = None, config: Any = None, seen: datetime | None = None
) -> None:
    """Writes a new title, a new config, or both; what is None stays. NothingSuchHere when the connection is gone;
    with `seen`, its `updated_at` as it was read, Overtaken when somebody changed it since."""
    sql = """
        UPDATE connections SET title = coalesce(%s, title), config = coalesce(%s, config), updated_at = now()
        WHERE id = %s AND updated_at = coalesce(%s, updated_at)
    """
    if bulk.run(conn, sql, (title, None if config is None else Jsonb(config), connection_id, seen)):
        return
    if by_id(conn, connection_id) is None:
        raise NothingSuchHere("The connection was removed meanwhile.")
    raise Overtaken("The connection is being changed by others all the time.", remedy="Try again.")


def has_history(conn: Connection, connection_id: int) -> bool:
    """Whether something was ever sent or linked for the connection."""
    sql = """
        SELECT EXISTS (SELECT 1 FROM intents WHERE connection_id = %s)
            OR EXISTS (SELECT 1 FROM links WHERE connection_id = %s)
    """
    row = bulk.fetch_one(conn, sql, (connection_id, connection_id))
    return bool(row and row[0])


def remove(conn: Connection, connection_id: int, *, force: bool = False) -> None:
    """Removes a connection with its journal, links, holds and secrets; its audit rows and evidence bodies stay.

    Raises BadInput when it has a history and `force` is false: without its links, the next connection to the same
    two companies would have to find every pair again.
    """
    if not force and has_history(conn, connection_id):
        raise BadInput(
            "This connection has links and a journal; removing it forgets what is linked to what.",
            remedy="Make a backup, then remove it with --force.",
        )
    for table in _OWNED:
        bulk.run(conn, f"DELETE FROM {table} WHERE connection_id = %s", (connection_id,))
    bulk.run(conn, "DELETE FROM connections WHERE id = %s", (connection_id,))


def put_secrets(conn: Connection, rows: Iterable[SecretRow]) -> None:
    """Keeps sealed secrets, each in place of the one before it, as given now: their age begins anew."""
    sql = """
        INSERT INTO secrets (connection_id, field, nonce, sealed, key_id) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (connection_id, field) DO UPDATE
        SET nonce = excluded.nonce, sealed = excluded.sealed, key_id = excluded.key_id, sealed_at = now()
    """
    for row in rows:
        bulk.run(conn, sql, row)


def drop_secret(conn: Connection, connection_id: int, field: str) -> None:
    """Forgets a secret that is not wanted any more."""
    bulk.run(conn, "DELETE FROM secrets WHERE connection_id = %s AND field = %s", (connection_id, field))


def put_sealing(conn: Connection, rows: Iterable[SecretRow]) -> None:
    """The same secrets sealed under another key: they are as old as they were."""
    sql = "UPDATE secrets SET nonce = %s, sealed = %s, key_id = %s WHERE connection_id = %s AND field = %s"
    draft = "UPDATE setup_secrets SET nonce = %s, sealed = %s, key_id = %s WHERE setup_id = -%s AND field = %s"
    for row in rows:
        of_draft = row.connection_id < 0
        bulk.run(conn, draft if of_draft else sql, (row.nonce, row.sealed, row.key_id, row.connection_id, row.field))


def secrets_of(conn: Connection, connection_id: int) -> list[SecretRow]:
    """The sealed secrets of one connection."""
    sql = "SELECT connection_id, field, nonce, sealed, key_id FROM secrets WHERE connection_id = %s ORDER BY field"
    return [SecretRow(*row) for row in bulk.fetch(conn, sql, (connection_id,))]


def secret_of(conn: Connection, connection_id: int, field: str, *, ours: bool = False) -> SecretRow | None:
    """One sealed secret, or None; `ours`: nobody else seals it anew before the transaction ends."""
    sql = "SELECT connection_id, field, nonce, sealed, key_id FROM secrets WHERE connection_id = %s AND field = %s"
    row = bulk.fetch_one(conn, sql + (" FOR UPDATE" if ours else ""), (connection_id, field))
    return SecretRow(*row) if row else None


def all_secrets(conn: Connection) -> list[SecretRow]:
    """Every sealed secret, locked until the transaction ends: for sealing anew under another key.

    Those of a set-up that is no connection yet have its number below zero.
    """
    sql = """
        SELECT connection_id, field, nonce, sealed, key_id FROM secrets ORDER BY connection_id, field FOR UPDATE
    """
    drafts = "SELECT -setup_id, field, nonce, sealed, key_id FROM setup_secrets ORDER BY setup_id, field FOR UPDATE"
    return [SecretRow(*row) for row in (*bulk.fetch(conn, sql), *bulk.fetch(conn, drafts))]


def has_secrets(conn: Connection) -> bool:
    """Whether anything is sealed here, so that a lost key is noticed rather than replaced by a new one."""
    sql = "SELECT EXISTS (SELECT 1 FROM secrets) OR EXISTS (SELECT 1 FROM setup_secrets)"
    row = bulk.fetch_one(conn, sql)
    return bool(row and row[0])
