"""What the queue's own calls do not offer, said to its tables: jobs of dead workers, lost jobs, signs of life.

Procrastinate's `get_stalled_jobs` and `retry_job` are two calls: between them another process may have put the same job
back and a third may be at work on it already, which the second call would not notice. Here it is one statement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ml_connector.store import bulk
from ml_connector.store.queue_schema import SCHEMA

_JOBS = f"{SCHEMA}.procrastinate_jobs"
_WORKERS = f"{SCHEMA}.procrastinate_workers"


class DeadJob(NamedTuple):
    """A job whose worker is gone: which row of the agenda it was, and what is known of the worker."""

    id: int
    connection_id: int
    name: str
    worker: dict[str, Any]
    aborted: bool
    """Somebody had cancelled it."""

    @property
    def key(self) -> tuple[int, str]:
        """Its row of the agenda."""
        return self.connection_id, self.name


@contextmanager
def session(conn: Connection) -> Iterator[Any]:
    """The driver's session under a transaction, looking at the queue's tables first until the block ends.

    Its triggers and functions name tables without their schema.
    """
    raw = bulk.raw(conn)
    raw.execute(f'SET LOCAL search_path = {SCHEMA}, "$user", public'.encode())
    yield raw
    raw.execute(b"SET LOCAL search_path = DEFAULT")


def take_dead(conn: Connection, seconds: float) -> list[DeadJob]:
    """Jobs at work whose worker is gone or has been silent for that long, taken out of the queue.

    Only one process gets each. Nobody is taken for dead who could not speak because the database was away.
    """
    sql = f"""
        WITH dead AS (
            SELECT j.id FROM {_JOBS} j LEFT JOIN {_WORKERS} w ON w.id = j.worker_id
            WHERE j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - %s * interval '1 second')
              AND pg_postmaster_start_time() < now() - %s * interval '1 second'
            FOR UPDATE OF j SKIP LOCKED
        ), gone AS (
            DELETE FROM {_JOBS} j USING dead WHERE j.id = dead.id
            RETURNING j.id, j.args, j.worker_id, j.abort_requested
        )
        SELECT g.id, (g.args ->> 'connection')::bigint, g.args ->> 'name',
               jsonb_build_object('worker', coalesce(w.id, ''), 'host', coalesce(w.host, ''),
                                  'pid', coalesce(w.pid, 0), 'seen_at', w.seen_at, 'job', g.id),
               g.abort_requested
        FROM gone g LEFT JOIN workers w ON w.queue_id = g.worker_id ORDER BY g.id
    """
    with session(conn):
        return [DeadJob(*row) for row in bulk.fetch(conn, sql, (seconds, seconds))]


def at_work(conn: Connection, queue_id: int) -> list[int]:
    """Jobs the queue believes to be in the hands of one worker."""
    sql = f"SELECT id FROM {_JOBS} WHERE status = 'doing' AND worker_id = %s"
    return [int(row[0]) for row in bulk.fetch(conn, sql, (queue_id,))]


def take_own(conn: Connection, queue_id: int, jobs: Collection[int] | None = None) -> list[DeadJob]:
    """Jobs a worker gives back, all it has or those named, taken out of the queue."""
    sql = f"""
        DELETE FROM {_JOBS} WHERE status = 'doing' AND worker_id = %s AND (%s OR id = ANY (%b::bigint[]))
        RETURNING id, (args ->> 'connection')::bigint, args ->> 'name', '{{}}'::jsonb, abort_requested
    """
    with session(conn):
        return [DeadJob(*row) for row in bulk.fetch(conn, sql, (queue_id, jobs is None, list(jobs or ())))]


def lost(conn: Connection) -> list[DeadJob]:
    """Jobs the agenda counts on and the queue does not have."""
    sql = f"""
        SELECT n.job, a.connection_id, a.name, '{{}}'::jsonb, false
        FROM agenda a CROSS JOIN LATERAL (VALUES (a.waiting_job), (a.running_job)) AS n (job)
        WHERE n.job <> 0 AND NOT EXISTS (
            SELECT 1 FROM {_JOBS} j WHERE j.id = n.job AND j.status IN ('todo', 'doing')
        )
        FOR UPDATE OF a SKIP LOCKED
    """
    return [DeadJob(*row) for row in bulk.fetch(conn, sql)]


def hasten(conn: Connection, since: datetime, priority: int) -> int:
    """Gives jobs that have waited since then a better place; how many. So nobody waits for ever behind the urgent."""
    sql = f"""
        UPDATE {_JOBS} SET priority = %s WHERE status = 'todo' AND priority < %s
          AND id IN (SELECT waiting_job FROM agenda WHERE waiting_job <> 0 AND queued_at < %s)
    """
    return bulk.run(conn, sql, (priority, priority, since))


def beat(conn: Connection, queue_id: int) -> bool:
    """A worker's sign of life in the queue; false when it was taken for dead."""
    return bulk.run(conn, f"UPDATE {_WORKERS} SET last_heartbeat = now() WHERE id = %s", (queue_id,)) > 0


def bury(conn: Connection, seconds: float) -> int:
    """Forgets workers that have been silent for that long and have no job any more; how many."""
    sql = f"""
        DELETE FROM {_WORKERS} w WHERE w.last_heartbeat < now() - %s * interval '1 second'
          AND pg_postmaster_start_time() < now() - %s * interval '1 second'
          AND NOT EXISTS (SELECT 1 FROM {_JOBS} j WHERE j.worker_id = w.id AND j.status = 'doing')
    """
    return bulk.run(conn, sql, (seconds, seconds))


def hands_of(conn: Connection) -> dict[int, str]:
    """Each job at work to the process it is in, as `workers` names it."""
    sql = f"SELECT j.id, w.id FROM {_JOBS} j JOIN workers w ON w.queue_id = j.worker_id WHERE j.status = 'doing'"
    return {int(row[0]): str(row[1]) for row in bulk.fetch(conn, sql)}
