"""Hooks: the addresses at which the systems tell us something, and what proves that it is them."""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk

_COLUMNS = "connection_id, slug, source, project, remote_id, secret_hash, url, version, state, synced_at"
_AT_THE_DOOR = """
    SELECT h.connection_id, c.name, h.slug, h.source, h.secret_hash,
           coalesce(CASE h.source WHEN 'ifs' THEN c.config #>> '{connection,erp_company}'
                                  ELSE c.config #>> '{projects,company_id}' END, '')
    FROM hooks h JOIN connections c ON c.id = h.connection_id WHERE h.state <> 'gone'
"""


class HookRow(msgspec.Struct, frozen=True, kw_only=True):
    """One address of ours, as it is kept. Of the secret only its hash is."""

    connection_id: int
    slug: str
    """The last part of the address, drawn at random (`new_slug`)."""
    source: str = "procore"
    """Who calls: procore or ifs."""
    project: str = ""
    """Procore's id of the project it is for; empty for one of the company."""
    remote_id: str = ""
    """The hook's id in Procore; empty before it is registered, and for ifs always."""
    secret_hash: bytes
    """`secret_hash` of the whole Authorization header."""
    url: str = ""
    version: str = ""
    """Payload version asked for, such as v4.0."""
    state: str = "active"
    """How it stood when it was last looked at: active, broken, or gone. The door lets nobody in by one that is gone."""
    synced_at: datetime | None = None
    """When it was last compared with the other side."""


class HookAtTheDoor(msgspec.Struct, frozen=True, gc=False):
    """A hook as the door needs it: whose it is, what proves the caller, and the one company it may speak of."""

    connection_id: int
    connection: str
    slug: str
    source: str
    secret_hash: bytes
    company: str
    """Procore's company id, or IFS's company for a hook of IFS, as the connection names it."""


def new_slug() -> str:
    """A new last part for an address: 128 bits of chance."""
    return secrets.token_urlsafe(16)


def new_authorization() -> str:
    """A new value for the Authorization header: 256 bits of chance. It is told to the other side and kept nowhere."""
    return f"Bearer {secrets.token_urlsafe(32)}"


def secret_hash(authorization: str | bytes) -> bytes:
    """What is kept of an Authorization header. The secret is long and drawn by us, so a plain SHA-256 is enough."""
    return sha256(authorization.encode() if isinstance(authorization, str) else authorization).digest()


def put(conn: Connection, row: HookRow) -> None:
    """Keeps a hook, in place of the one with the same slug."""
    sql = f"""
        INSERT INTO hooks ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (connection_id, slug) DO UPDATE
        SET source = excluded.source, project = excluded.project, remote_id = excluded.remote_id,
            secret_hash = excluded.secret_hash, url = excluded.url, version = excluded.version,
            state = excluded.state, synced_at = excluded.synced_at
    """
    bulk.run(conn, sql, msgspec.structs.astuple(row))


def find(conn: Connection, connection: str, slug: str) -> HookAtTheDoor | None:
    """The hook of that slug of the connection of that name; None when there is none, or it is gone."""
    row = bulk.fetch_one(conn, f"{_AT_THE_DOOR} AND c.name = %s AND h.slug = %s", (connection, slug))
    return HookAtTheDoor(*row) if row else None


def at_the_door(conn: Connection) -> list[HookAtTheDoor]:
    """Every hook of every connection that the door lets in."""
    return [HookAtTheDoor(*row) for row in bulk.fetch(conn, _AT_THE_DOOR)]


def of_connection(conn: Connection, connection_id: int) -> list[HookRow]:
    """Every hook of a connection, the company's first."""
    sql = f"SELECT {_COLUMNS} FROM hooks WHERE connection_id = %s ORDER BY source DESC, project, slug"
    names = HookRow.__struct_fields__
    return [HookRow(**dict(zip(names, row, strict=True))) for row in bulk.fetch(conn, sql, (connection_id,))]


def set_state(conn: Connection, connection_id: int, slug: str, state: str) -> None:
    """Notes how a hook stands on the other side, and that it was looked at now."""
    sql = "UPDATE hooks SET state = %s, synced_at = now() WHERE connection_id = %s AND slug = %s"
    bulk.run(conn, sql, (state, connection_id, slug))


def remove(conn: Connection, connection_id: int, slug: str) -> None:
    """Forgets a hook; whoever still calls its address is a stranger from then on."""
    bulk.run(conn, "DELETE FROM hooks WHERE connection_id = %s AND slug = %s", (connection_id, slug))
