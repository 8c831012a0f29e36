"""What else waits for somebody besides holds: writes without an answer, and the roles that must act."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Connection

from ml_connector.store import bulk

OWNER = "administrator"
"""Who must look where no answer comes for good: nobody else can."""

STILL = "5 minutes"
"""For how long a write that is being sent is no write without an answer: a request ends much earlier."""

_LOST = f"""
    s.sent_at IS NOT NULL AND (s.state = 'unknown' OR s.state = 'sending' AND s.sent_at < now() - interval '{STILL}')
"""
UNKNOWN_WRITES = f"""
    intent_states s JOIN intents i ON i.id = s.id WHERE s.connection_id = %(connection)s AND {_LOST}
"""
"""Writes whose outcome is not known: what follows FROM, with `%(connection)s`."""


class Write(NamedTuple):
    """One write without an answer: the record, the document it is of, what it moves, why it was sent and when."""

    kind: str
    erp_id: str
    source: str
    amount: Decimal | None
    currency: str
    reason: str
    sent_at: datetime


class UnknownRow(NamedTuple):
    """Writes of one kind that were sent and of which no answer came; money in one currency, empty for none."""

    verb: str
    kind: str
    currency: str
    number: int
    amount: Decimal | None
    since: datetime | None


def unknown_writes(conn: Connection, connection_id: int) -> list[UnknownRow]:
    """Writes whose outcome is not known, by verb, kind and currency, the oldest first."""
    sql = f"""
        SELECT i.verb, i.kind, i.currency, count(*), sum(abs(i.amount)), min(s.sent_at)
        FROM {UNKNOWN_WRITES} GROUP BY 1, 2, 3 ORDER BY 6, 1, 2
    """
    return [UnknownRow(*row) for row in bulk.fetch_named(conn, sql, {"connection": connection_id})]


def lost_of_each(conn: Connection, only: int | None = None) -> dict[int, tuple[int, datetime]]:
    """Connection to how many writes have an outcome that is not known, and since when; without those that have none."""
    mine = "" if only is None else "s.connection_id = %s AND"
    sql = f"""
        SELECT s.connection_id, count(*)::int, min(s.sent_at) FROM intent_states s WHERE {mine} {_LOST} GROUP BY 1
    """
    return {row[0]: (row[1], row[2]) for row in bulk.fetch(conn, sql, () if only is None else (only,))}


def count_unknown(conn: Connection, connection_id: int) -> int:
    """How many writes have an outcome that is not known."""
    return lost_of_each(conn, connection_id).get(connection_id, (0, None))[0]


def owners_of_holds(conn: Connection, connection_id: int) -> list[str]:
    """Every role that open holds wait for, by name."""
    sql = "SELECT DISTINCT owner FROM holds WHERE connection_id = %s AND released_at IS NULL ORDER BY 1"
    return [str(row[0]) for row in bulk.fetch(conn, sql, (connection_id,))]
