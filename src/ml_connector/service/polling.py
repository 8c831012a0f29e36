"""Polls that are due together become one job: ten flows of a connection are read by one run, not by ten."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ml_connector.app import App
from ml_connector.service import breaking, duty
from ml_connector.service.tasks import FLOWS, REST
from ml_connector.service.timetable import timetable_of
from ml_connector.store import agenda, connections, counters
from ml_connector.store.agenda import AgendaRow, Laid
from ml_connector.store.bulk import Transaction

POLL = "poll/"
"""How rows begin that say when a flow is polled."""
_SOON = timedelta(seconds=2)
_PARKED = timedelta(minutes=1)


def gather(app: App, conn: Transaction, number: int, due: list[AgendaRow], now: datetime) -> AgendaRow | None:
    """The row of a connection's next run, with the flows that are due and may run; None when there is none to make.

    A flow that is at work already is left out and counted; one whose connection is busy with others waits a moment.
    """
    found = connections.by_id(conn, number)
    if found is None:
        agenda.forget(conn, number, POLL, ())
        return None
    table = timetable_of(app, found, now)
    run = agenda.claim(conn, number, FLOWS, duty.POLL)
    if run is None:  # another process looks at it: the next round will do
        for row in due:
            agenda.put_off(conn, row, now + _SOON)
        return None
    rests = [row for row in agenda.begun_with(conn, number, REST) if row.waiting_job or row.running_job or row.due_at]
    backing = run.due_at is not None and run.due_at > now
    at_work = {flow for row in rests for flow in flows_of(row.args)}
    if run.running_job or run.waiting_job or backing:
        at_work |= set(flows_of(run.args))
    stopped = breaking.standing(app, found)
    ready: list[str] = []
    for row in due:
        flow = row.name.removeprefix(POLL)
        turn = table.next_due(row.name, now, now)
        why = table.allowed(flow, now) or stopped
        if why:
            agenda.put_off(conn, row, turn.at, why=why)
        elif flow in at_work and not (backing and row.attempts == 0):
            agenda.put_off(conn, row, turn.at, skipped=1)
            counters.bump(conn, number, {counters.SKIPPED: 1})
        elif run.parked_id:
            agenda.put_off(conn, row, now + _PARKED, why=run.why)
        elif run.running_job or (backing and row.attempts):
            agenda.put_off(conn, row, now + _SOON)
        else:
            ready.append(flow)
            agenda.queued(conn, row, 0, now, turn.at)
    if not ready:
        return None
    kept = set(flows_of(run.args)) if run.waiting_job or backing else set[str]()
    args: dict[str, Any] = {"flows": sorted(kept | set(ready))}
    by = [_asked_by(row) for row in ((run,) if kept else ()) + tuple(due) if _asked_by(row)]
    if by:
        args["asked_by"] = by[0]
    asked = agenda.ask(conn, Laid(number, FLOWS, now, duty.POLL, args))
    return None if asked.waiting_job else asked


def flows_of(args: Mapping[str, Any]) -> list[str]:
    """The flows a job is about."""
    return [str(flow) for flow in args.get("flows", ())]


def _asked_by(row: AgendaRow) -> str:
    return str(row.args.get("asked_by", ""))


def rows_of(args: Mapping[str, Any]) -> list[str]:
    """The rows of the agenda whose work such a job does."""
    return [f"{POLL}{flow}" for flow in flows_of(args)]
