"""One sign-in at a time for each side of a connection, across every process that shares the database."""

from __future__ import annotations

from sqlalchemy import Connection

from ml_connector.store import bulk

_SPACE = 0x6D6C74
"""First half of these advisory locks; the second is twice the connection's id, and one more for projects."""

_PATIENCE = "90s"
"""How long others may take to sign in. The transaction that holds the right is idle meanwhile, and the database ends it
after 30 seconds (store/postgres.py): whoever signs in gives up before that (systems/opening.py, SIGN_IN)."""


def alone(conn: Connection, connection_id: int, side: str) -> None:
    """Waits for the right to sign in for that side and holds it until the transaction ends; Locked when in vain."""
    bulk.run(conn, f"SET LOCAL lock_timeout = '{_PATIENCE}'")
    number = connection_id * 2 + (side == "projects")
    bulk.fetch(conn, "SELECT pg_advisory_xact_lock(%s::int, %s::int)", (_SPACE, number))
