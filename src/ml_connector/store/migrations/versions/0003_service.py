"""Makes room for the unattended service: the door's inbox, what is due, leases, and the queue's own tables.

Revision ID: 0003
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

from ml_connector.store.queue_schema import make_queue

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the file, statement by statement; `--;` on a line of its own parts them. Then the queue's tables."""
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n--;\n"):
        op.get_bind().exec_driver_sql(statement)
    make_queue(op.get_bind())
