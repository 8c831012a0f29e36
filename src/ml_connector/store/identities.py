"""Which tenant and which company a connection is tied to: what each side said of itself when it was."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import Connection

from ml_connector.store import bulk


class IdentityRow(msgspec.Struct, frozen=True):
    """What one side is known by; `seen_under` marks the token under which it was last compared."""

    side: str
    facts: dict[str, str]
    bound_by: str
    bound_at: datetime
    seen_under: str


def of(conn: Connection, connection_id: int) -> dict[str, IdentityRow]:
    """What a connection is tied to, by side; empty before its first run."""
    sql = "SELECT side, facts, bound_by, bound_at, seen_under FROM identities WHERE connection_id = %s"
    return {row[0]: IdentityRow(*row) for row in bulk.fetch(conn, sql, (connection_id,))}


def bind(conn: Connection, connection_id: int, side: str, facts: dict[str, str], actor: str) -> None:
    """Ties a connection to what a side says of itself now, in place of what it was tied to."""
    sql = """
        INSERT INTO identities (connection_id, side, facts, digest, bound_by) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (connection_id, side) DO UPDATE
        SET facts = excluded.facts, digest = excluded.digest, bound_by = excluded.bound_by, bound_at = now(),
            seen_under = ''
    """
    digest = sha256(bulk.json_text(facts).encode()).digest()
    bulk.run(conn, sql, (connection_id, side, Jsonb(facts), digest, actor))


def forget(conn: Connection, connection_id: int) -> None:
    """Unties a connection: its next run ties it to whatever answers then."""
    bulk.run(conn, "DELETE FROM identities WHERE connection_id = %s", (connection_id,))


def seen(conn: Connection, connection_id: int, side: str, mark: str) -> None:
    """Notes the token under which a side was found to be what it was."""
    sql = "UPDATE identities SET seen_under = %s WHERE connection_id = %s AND side = %s"
    bulk.run(conn, sql, (mark, connection_id, side))
