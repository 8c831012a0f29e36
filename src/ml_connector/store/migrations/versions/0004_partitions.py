"""Lays evidence and exchanges out in months, and carries over what is there.

Revision ID: 0004
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

from ml_connector.store import bulk, partitions

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MONTHS = """
    SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'UTC')::date FROM before_months.exchanges
    UNION SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'UTC')::date FROM before_months.evidence
    UNION SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date
    UNION SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month')::date
"""
"""First days of the months that have rows, of this one and of the next."""


def upgrade() -> None:
    """Runs the file, statement by statement; at `--months` on a line of its own it makes the months."""
    before, after = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n--months\n")
    conn = op.get_bind()
    for statement in before.split("\n--;\n"):
        conn.exec_driver_sql(statement)
    partitions.make_months(conn, [row[0] for row in bulk.fetch(conn, MONTHS)])
    for statement in after.split("\n--;\n"):
        conn.exec_driver_sql(statement)
