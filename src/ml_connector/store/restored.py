"""What a database must forget that was just restored: whatever says that somebody is at work.

The file was written while processes worked, and they are gone. What they had in their hands is an appointment of the
agenda, due at once; jobs are made of it anew, and each run first reads back what the one before it had sent.
"""

from __future__ import annotations

from sqlalchemy import Connection

from ml_connector.store import bulk
from ml_connector.store.queue_schema import SCHEMA

_FORGET = (
    f"""
    TRUNCATE {SCHEMA}.procrastinate_jobs, {SCHEMA}.procrastinate_events, {SCHEMA}.procrastinate_workers,
             {SCHEMA}.procrastinate_periodic_defers
    """,
    """
    UPDATE agenda SET due_at = coalesce(least(due_at, now()), now()), asked = true, waiting_job = 0, running_job = 0,
           ended = '{}'
    WHERE waiting_job <> 0 OR running_job <> 0
    """,
    "DELETE FROM workers",
    "DELETE FROM sessions",
    "DELETE FROM once_words",
    "DELETE FROM paces",
    f"UPDATE leases SET holder = '', process = '', session = 0, fence = fence + {10**9}",
    "UPDATE inbox SET state = 'new' WHERE state = 'taken'",
)
"""The fence jumps: whoever took it after the backup was made, and lives still, must not find its number again."""

_OTHERS = """
    SELECT DISTINCT split_part(application_name, ' ', 2) FROM pg_stat_activity
    WHERE datname = current_database() AND starts_with(application_name, 'ml-connector ')
      AND split_part(application_name, ' ', 2) <> split_part(current_setting('application_name'), ' ', 2)
    ORDER BY 1
"""
"""Sessions are named by process and machine; see `Database`."""


def forget_work(conn: Connection) -> None:
    """Empties the queue, makes due what was in somebody's hands, and clears workers, paces, leases and sessions."""
    for sql in _FORGET:
        bulk.run(conn, sql)


def others(conn: Connection) -> list[str]:
    """Other processes of the product that have a session on this database, as `PROCESS@MACHINE`."""
    return [str(name) for (name,) in bulk.fetch(conn, _OTHERS)]
