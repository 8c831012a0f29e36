"""How far a run has come, for every door that shows it; and what it came to: control totals, and what was skipped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import Connection

from ml_connector.store import bulk


class ProgressRow(msgspec.Struct, frozen=True):
    """What one run last said of itself; see engine/meter.py and engine/totals.py for the forms."""

    run_id: int
    at: datetime
    """When it was last written, by the database's clock."""
    doing: dict[str, Any]
    totals: dict[str, Any]
    """Flow to its control totals; empty before the run ends."""
    skips: dict[str, Any]
    """Flow to what was left alone and why; empty before the run ends."""


def put(conn: Connection, run_id: int, doing: dict[str, Any]) -> None:
    """Writes down what a run is doing, in place of what it did before."""
    sql = """
        INSERT INTO run_progress (run_id, doing) VALUES (%s, %s)
        ON CONFLICT (run_id) DO UPDATE SET doing = excluded.doing, at = now()
    """
    bulk.run(conn, sql, (run_id, Jsonb(doing)))


class Came(NamedTuple):
    """What a run came to, by flow; see engine/totals.py for the forms."""

    totals: Mapping[str, Any]
    skips: Mapping[str, Any]
    documents: Mapping[str, Any]


def close(conn: Connection, run_id: int, doing: dict[str, Any], came: Came) -> None:
    """Writes down what a run came to, and that it is over."""
    sql = """
        INSERT INTO run_progress (run_id, doing, totals, skips, documents) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (run_id) DO UPDATE
        SET doing = excluded.doing, totals = excluded.totals, skips = excluded.skips, documents = excluded.documents,
            at = now()
    """
    bulk.run(conn, sql, (run_id, Jsonb(doing), *(Jsonb(one) for one in came)))


def of(conn: Connection, run_id: int) -> ProgressRow | None:
    """What a run last said of itself; None when it never did: it is older than this table, or was too short."""
    sql = "SELECT run_id, at, doing, totals, skips FROM run_progress WHERE run_id = %s"
    row = bulk.fetch_one(conn, sql, (run_id,))
    return ProgressRow(*row) if row else None
