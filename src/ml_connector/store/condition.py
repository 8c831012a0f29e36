"""How the database itself is: its release, size, clock and sessions, and what in it waits for nobody."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk


class Condition(msgspec.Struct, frozen=True):
    """What the database says of itself."""

    version: str
    size: int
    """Bytes of our database on its disk."""
    clock: datetime
    sessions: int
    most_sessions: int
    lapsed: list[tuple[str, datetime]]
    """Connections whose right to write is held by somebody who has not renewed it for long, and since when."""
    waiting_since: datetime | None
    """When the job was queued that has waited longest."""


_LAPSED = """
    SELECT c.name, l.renewed_at FROM leases l JOIN connections c ON c.id = l.connection_id
    WHERE l.holder <> '' AND l.renewed_at < clock_timestamp() - 3 * l.seconds * interval '1 second' ORDER BY 1
"""
_ITSELF = """
    SELECT current_setting('server_version'), pg_database_size(current_database()), clock_timestamp(),
           (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend'),
           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
"""


def condition(conn: Connection) -> Condition:
    """One look."""
    version, size, clock, sessions, most = bulk.fetch(conn, _ITSELF)[0]
    lapsed = [(str(name), at) for name, at in bulk.fetch(conn, _LAPSED)]
    waiting = bulk.fetch(conn, "SELECT min(queued_at) FROM agenda WHERE waiting_job <> 0")[0][0]
    return Condition(version, size, clock, sessions, most, lapsed, waiting)
