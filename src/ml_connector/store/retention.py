"""What goes when its days are over: a batch at a time, in the caller's transaction; never an audit row.

Nothing open goes, whatever its age, and of each linked record the newest step that went well stays: with it the record
can be looked up for good.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk
from ml_connector.store.queue_schema import SCHEMA


class Batch(msgspec.Struct, frozen=True):
    """What one batch did: how many it looked at, how many went, and where the next one begins; 0 at the end."""

    seen: int
    gone: int
    after: int


def oldest_kept_run(conn: Connection, before: datetime) -> int:
    """Number of the first run that began at `before` or later; runs below it are over age. All when there is none."""
    row = bulk.fetch_one(conn, "SELECT min(id) FROM runs WHERE started_at >= %s", (before,))
    if row and row[0] is not None:
        return int(row[0])
    last = bulk.fetch_one(conn, "SELECT coalesce(max(id), 0) + 1 FROM runs")
    return int(last[0]) if last else 1


def oldest_run(conn: Connection) -> datetime | None:
    """When the oldest run that is kept began; None when there is none."""
    row = bulk.fetch_one(conn, "SELECT started_at FROM runs ORDER BY id LIMIT 1")
    return row[0] if row else None


def purge_intents(conn: Connection, run: int, after: int, limit: int) -> Batch:
    """Removes settled intents of runs below `run`, looking at `limit` of them behind id `after`."""
    end = bulk.fetch_one(
        conn,
        "SELECT min(id) FROM intents WHERE run_id = (SELECT min(run_id) FROM intents WHERE run_id >= %s)",
        (run,),
    )
    sql = f"""
        WITH old AS MATERIALIZED (
            SELECT i.id, i.connection_id, i.kind, i.erp_id, i.source, s.state
            FROM intents i JOIN intent_states s ON s.id = i.id
            WHERE i.id > %s AND i.id < %s AND i.run_id < %s AND s.state IN ('done', 'refused', 'superseded')
            ORDER BY i.id LIMIT %s
        ), go AS MATERIALIZED (SELECT id FROM old WHERE NOT ({_STAYS})),
        states AS (DELETE FROM intent_states WHERE id IN (SELECT id FROM go)),
        gone AS (DELETE FROM intents WHERE id IN (SELECT id FROM go) RETURNING id)
        SELECT (SELECT count(*) FROM old), (SELECT count(*) FROM gone), (SELECT max(id) FROM old)
    """
    last = int(end[0]) if end and end[0] is not None else 2**62
    row = bulk.fetch_one(conn, sql, (after, last, run, limit))
    seen, gone, at = row or (0, 0, None)
    return Batch(seen, gone, int(at) if at is not None and seen == limit else 0)


_STAYS = """
    old.state = 'done'
    AND EXISTS (SELECT 1 FROM links l WHERE l.connection_id = old.connection_id AND l.kind = old.kind
                  AND l.erp_id = old.erp_id AND l.state = 'linked')
    AND NOT EXISTS (SELECT 1 FROM intents n JOIN intent_states t ON t.id = n.id
                    WHERE n.connection_id = old.connection_id AND n.source = old.source AND n.kind = old.kind
                      AND n.erp_id = old.erp_id AND n.id > old.id AND t.state = 'done')
"""
"""The newest step that went well of a record that is linked."""


def purge_runs(conn: Connection, run: int, limit: int) -> int:
    """Removes runs below `run` that are over and have no step left, with their plans; how many runs."""
    sql = """
        DELETE FROM runs WHERE id IN (
            SELECT r.id FROM runs r
            WHERE r.id < %s AND r.state <> 'running' AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.run_id = r.id)
            ORDER BY r.id LIMIT %s)
    """
    gone = bulk.run(conn, sql, (run, limit))
    bulk.run(
        conn,
        "DELETE FROM plans p WHERE p.run_id < %s AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = p.run_id)",
        (run,),
    )
    return gone


def purge_holds(conn: Connection, before: datetime, limit: int) -> int:
    """Removes holds that were released before a moment; how many."""
    sql = "DELETE FROM holds WHERE id IN (SELECT id FROM holds WHERE released_at < %s ORDER BY id LIMIT %s)"
    return bulk.run(conn, sql, (before, limit))


def purge_inbox(conn: Connection, before: datetime, limit: int) -> int:
    """Removes events that came before a moment and were dealt with; how many. One that waits stays, however old."""
    sql = """
        DELETE FROM inbox WHERE id IN (
            SELECT id FROM inbox WHERE received_at < %s AND state NOT IN ('new', 'taken')
            ORDER BY received_at LIMIT %s)
    """
    return bulk.run(conn, sql, (before, limit))


def purge_told(conn: Connection, before: datetime) -> int:
    """Removes alarms that were over before a moment, and processes last seen before it; how many."""
    return bulk.run(conn, "DELETE FROM alerts WHERE cleared_at < %s", (before,)) + bulk.run(
        conn, "DELETE FROM workers WHERE seen_at < %s", (before,)
    )


def purge_jobs(conn: Connection, before: datetime, limit: int) -> int:
    """Removes jobs that were given up and dealt with before a moment, and what the queue kept of jobs that ended.

    The queue drops a job as it ends; this finds those whose process died at that very point. How many.
    """
    sql = f"""
        DELETE FROM {SCHEMA}.procrastinate_jobs WHERE id IN (
            SELECT j.id FROM {SCHEMA}.procrastinate_jobs j
            WHERE j.status IN ('succeeded', 'failed', 'cancelled', 'aborted')
              AND NOT EXISTS (SELECT 1 FROM {SCHEMA}.procrastinate_events e WHERE e.job_id = j.id AND e.at >= %s)
            ORDER BY j.id LIMIT %s)
    """
    gone = bulk.run(conn, sql, (before, limit))
    return gone + bulk.run(conn, "DELETE FROM parked WHERE released_at < %s", (before,))
