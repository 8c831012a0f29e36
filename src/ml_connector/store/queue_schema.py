"""The queue's tables: Procrastinate's own, in a schema of their own beside ours."""

from __future__ import annotations

from procrastinate.schema import SchemaManager
from sqlalchemy import Connection

from ml_connector.store import bulk

SCHEMA = "jobs"
"""PostgreSQL schema that holds them; the queue's sessions have it as their search path."""

RELEASE = "3.10"
"""Release of Procrastinate whose tables migration 0003 makes. A newer one with other tables needs a migration that
runs its own scripts; a test compares this with what is installed."""


def make_queue(conn: Connection) -> None:
    """Makes the queue's schema and tables in the caller's transaction, and leaves the search path as it was."""
    session = bulk.raw(conn)
    session.execute(f"CREATE SCHEMA {SCHEMA}".encode())
    session.execute(f"SET LOCAL search_path = {SCHEMA}".encode())
    session.execute(SchemaManager.get_schema().encode())
    session.execute(b"SET LOCAL search_path = DEFAULT")
