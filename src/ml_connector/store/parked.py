"""Jobs that were given up, with the evidence: workers they ended, runs they began and how those ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import Connection

from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.store import bulk

_COLUMNS = "id, connection_id, job_id, task, args, attempts, evidence, sentence, at, released_at, released_by"


class ParkedRow(msgspec.Struct, frozen=True):
    """One job that was given up; `released_at` is None while it waits for a person."""

    id: int
    connection_id: int
    job_id: int
    task: str
    args: dict[str, Any]
    attempts: int
    evidence: dict[str, Any]
    sentence: str
    at: datetime
    released_at: datetime | None
    released_by: str


class GivenUp(msgspec.Struct, frozen=True):
    """What is known of a job that is given up."""

    connection_id: int
    job_id: int
    task: str
    args: dict[str, Any]
    attempts: int
    sentence: str
    evidence: dict[str, Any] = {}


def put(conn: Connection, given: GivenUp) -> int:
    """Parks a job, with the last runs of its connection added to the evidence; the row's number."""
    sql = """
        INSERT INTO parked (connection_id, job_id, task, args, attempts, sentence, evidence)
        VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
    """
    evidence = {**given.evidence, "runs": _last_runs(conn, given.connection_id)}
    row = bulk.fetch_one(
        conn,
        sql,
        (
            given.connection_id,
            given.job_id,
            given.task,
            Jsonb(given.args),
            given.attempts,
            given.sentence,
            Jsonb(evidence),
        ),
    )
    assert row is not None
    return int(row[0])


def listed(conn: Connection, connection_id: int | None = None, *, everything: bool = False) -> list[ParkedRow]:
    """Jobs that wait for a person, the newest first; with `everything` also those that were released."""
    sql = f"""
        SELECT {_COLUMNS} FROM parked WHERE connection_id = coalesce(%s, connection_id)
          AND (%s OR released_at IS NULL) ORDER BY id DESC
    """
    return [ParkedRow(*row) for row in bulk.fetch(conn, sql, (connection_id, everything))]


def release(conn: Connection, parked_id: int, actor: str) -> ParkedRow:
    """Marks a parked job as put back by somebody; NothingSuchHere when none of that number waits."""
    sql = f"""
        UPDATE parked SET released_at = now(), released_by = %s WHERE id = %s AND released_at IS NULL
        RETURNING {_COLUMNS}
    """
    row = bulk.fetch_one(conn, sql, (actor, parked_id))
    if row is None:
        raise NothingSuchHere(
            f"There is no parked job {parked_id}.", remedy="`ml-connector jobs` lists what is parked."
        )
    return ParkedRow(*row)


def _last_runs(conn: Connection, connection_id: int) -> list[dict[str, Any]]:
    sql = """
        SELECT id, trigger, started_at, state, error FROM runs WHERE connection_id = %s ORDER BY id DESC LIMIT 5
    """
    names = ("run", "trigger", "started_at", "state", "error")
    rows = [dict(zip(names, row, strict=True)) for row in bulk.fetch(conn, sql, (connection_id,))]
    return [{**row, "started_at": row["started_at"].isoformat()} for row in rows]
