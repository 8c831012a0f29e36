"""Gives a job up, with what is known of it, until a person puts it back."""

from __future__ import annotations

import structlog

from ml_connector.store import agenda, connections, parked
from ml_connector.store.agenda import AgendaRow
from ml_connector.store.bulk import Transaction
from ml_connector.store.parked import GivenUp

_log = structlog.get_logger()


def park(conn: Transaction, row: AgendaRow, job: int, sentence: str, attempts: int) -> int:
    """Takes a row off the agenda and keeps its evidence; the number under which a person releases it.

    Alarms see the row by themselves (service/alarms.py).
    """
    ended = agenda.one(conn, row.connection_id, row.name)
    given = GivenUp(
        connection_id=row.connection_id,
        job_id=job,
        task=row.name,
        args=row.args,
        attempts=attempts,
        sentence=sentence,
        evidence={"workers": ended.deaths if ended else row.deaths},
    )
    number = parked.put(conn, given)
    agenda.park(conn, (row.connection_id, row.name), number, sentence)
    found = connections.by_id(conn, row.connection_id) if row.connection_id else None
    name = found.name if found else ""
    _log.error("job.parked", connection=name, task=row.name, job=job, parked=number, why=sentence)
    return number
