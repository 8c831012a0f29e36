"""What the inbox has heard of some records: asked when polling finds a change, to tell whether its webhook came."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from ml_connector.store import bulk


class Heard(NamedTuple):
    """One event: what it was about, and when it happened by its own words, or came where it does not say."""

    resource: str
    record: str
    project: str
    at: datetime


def heard(
    conn: Connection, connection_id: int, records: Collection[str], projects: Collection[str], since: datetime
) -> list[Heard]:
    """Events of Procore received since a moment that are about some records, or lie in some projects."""
    sql = """
        SELECT resource, record, project, coalesce(happened_at, received_at) FROM inbox
        WHERE connection_id = %s AND source IN ('procore', 'sweep') AND received_at >= %s
          AND (record = ANY(%b::text[]) OR project = ANY(%b::text[]))
    """
    values = (connection_id, since, list(records), list(projects))
    return [Heard(*row) for row in bulk.fetch(conn, sql, values)]
