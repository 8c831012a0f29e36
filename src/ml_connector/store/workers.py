"""Processes at work: who they are, and their last sign of life."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk

_COLUMNS = "id, kind, host, pid, queue_id, started_at, seen_at, stopping"


class WorkerRow(msgspec.Struct, frozen=True):
    """One process. `queue_id` is its number in the queue, None where it takes no jobs."""

    id: str
    kind: str
    host: str
    pid: int
    queue_id: int | None
    started_at: datetime
    seen_at: datetime
    stopping: bool


def beat(conn: Connection, row: WorkerRow) -> None:
    """A sign of life; the row is made, or made again when others had taken the process for dead."""
    sql = """
        INSERT INTO workers (id, kind, host, pid, queue_id, started_at, stopping) VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (id) DO UPDATE
        SET queue_id = excluded.queue_id, stopping = excluded.stopping, seen_at = now()
    """
    bulk.run(conn, sql, (row.id, row.kind, row.host, row.pid, row.queue_id, row.started_at, row.stopping))


def leave(conn: Connection, worker: str) -> None:
    """A process ends."""
    bulk.run(conn, "DELETE FROM workers WHERE id = %s", (worker,))


def bury(conn: Connection, seconds: float) -> list[str]:
    """Forgets processes without a sign of life for that long; which."""
    sql = """
        DELETE FROM workers WHERE seen_at < now() - %s * interval '1 second'
          AND pg_postmaster_start_time() < now() - %s * interval '1 second' RETURNING id
    """
    return [str(row[0]) for row in bulk.fetch(conn, sql, (seconds, seconds))]


def listed(conn: Connection) -> list[WorkerRow]:
    """Every process, the oldest first."""
    return [WorkerRow(*row) for row in bulk.fetch(conn, f"SELECT {_COLUMNS} FROM workers ORDER BY started_at, id")]


def take_jobs(conn: Connection, seconds: float = 60.0) -> bool:
    """Whether a process is there that takes jobs: one that is not leaving and gave a sign of life so lately."""
    sql = """
        SELECT EXISTS (SELECT 1 FROM workers WHERE queue_id IS NOT NULL AND NOT stopping
                       AND seen_at > now() - make_interval(secs => %s))
    """
    row = bulk.fetch_one(conn, sql, (seconds,))
    return bool(row and row[0])
