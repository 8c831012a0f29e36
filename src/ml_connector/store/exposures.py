"""What the figure that must read 0 was each time it was computed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import Connection

from ml_connector.store import bulk

FINDINGS = 200
"""Differences that are kept of one look; how many there were is kept besides."""
_COLUMNS = "id, connection_id, at, actor, invoices, lines, figures, findings, found"


class ExposureRow(msgspec.Struct, frozen=True):
    """One look at everything; the forms are those of engine/exposure.py."""

    id: int
    connection_id: int
    at: datetime
    actor: str
    invoices: int
    lines: int
    figures: dict[str, dict[str, str]]
    """exposure, placed, shown and missing, each by currency, as exact text."""
    findings: list[dict[str, str]]
    """The first of its differences."""
    found: int
    """How many differences there were."""


def put(conn: Connection, connection_id: int, actor: str, answer: dict[str, Any]) -> None:
    """Keeps an answer of engine/exposure.py."""
    sql = """
        INSERT INTO exposures (connection_id, actor, invoices, lines, figures, findings, found)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
    """
    figures = {name: answer[name] for name in ("exposure", "placed", "shown", "missing")}
    findings = answer["findings"]
    values = (Jsonb(figures), Jsonb(findings[:FINDINGS]), len(findings))
    bulk.run(conn, sql, (connection_id, actor, answer["invoices"], answer["lines"], *values))


def latest(conn: Connection, only: Collection[int]) -> dict[int, ExposureRow]:
    """The last look at each of some connections."""
    sql = f"""
        SELECT e.* FROM unnest(%b::int8[]) AS c (number) CROSS JOIN LATERAL (
            SELECT {_COLUMNS} FROM exposures WHERE connection_id = c.number ORDER BY id DESC LIMIT 1) e
    """
    return {row[1]: ExposureRow(*row) for row in bulk.fetch(conn, sql, (list(only),))}
