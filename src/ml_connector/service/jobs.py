"""What a person sees and does about jobs: the queue, the agenda, what is parked; cancel, retry, release, and now."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ml_connector.app import App
from ml_connector.kernel.errors import AskPerson, BadInput, NothingSuchHere
from ml_connector.queue.port import Queue
from ml_connector.queue.procrastinate_queue import ProcrastinateQueue
from ml_connector.registry import FLOWS
from ml_connector.service.approving import APPROVED
from ml_connector.service.duty import PERSON
from ml_connector.service.endings import quiet_until
from ml_connector.service.polling import POLL
from ml_connector.service.tasks import FLOWS as RUN
from ml_connector.service.tasks import HINTS, NOW, REST
from ml_connector.store import agenda, audit, bulk, connections, parked, queue_rows, workers
from ml_connector.store.agenda import AgendaRow, Laid
from ml_connector.store.bulk import Transaction
from ml_connector.store.parked import ParkedRow


class AtWork(BadInput):
    """What was asked for is being done at this moment."""


_STANDS = "Wait for it, or cancel it: `ml-connector jobs list` shows its number."


def listed(app: App, name: str | None = None) -> dict[str, Any]:
    """Jobs that wait or are at work, what is due when, and what is parked; of one connection, or of all."""
    queue: Queue = ProcrastinateQueue()
    with app.db.begin() as conn:
        only = connections.get(conn, name).id if name else None
        names = {0: "", **{row.id: row.name for row in connections.listed(conn)}}
        with queue_rows.session(conn) as session:
            queued = queue.listed(session)
        at_work = queue_rows.hands_of(conn)
        rows = agenda.listed(conn, only)
        given_up = parked.listed(conn, only)
        processes = workers.listed(conn)
    return {
        "queue": [
            {
                "job": one.id,
                "connection": names.get(one.connection, "?"),
                "task": one.name,
                "priority": one.priority,
                "state": ("stopping" if one.aborted else "at work") if one.at_work else "waiting",
                "worker": at_work.get(one.id, ""),
            }
            for one in queued
            if only in (None, one.connection)
        ],
        "agenda": [_appointment(row, names.get(row.connection_id, "?")) for row in rows],
        "parked": [
            {
                "parked": row.id,
                "connection": names.get(row.connection_id, "?"),
                "task": row.task,
                "attempts": row.attempts,
                "at": row.at,
                "why": row.sentence,
                "evidence": row.evidence,
            }
            for row in given_up
        ],
        "workers": [
            {"worker": one.id, "kind": one.kind, "seen": one.seen_at, "stopping": one.stopping} for one in processes
        ],
    }


def cancel(app: App, job: int, name: str = "") -> dict[str, Any]:
    """Takes a waiting job out of the queue, or asks one at work to stop at its next safe point.

    Its row keeps its next appointment; that of events is left alone for a while, `quiet_until` in the answer (None for
    others); what a person had approved is forgotten. NothingSuchHere when there is no such job, or with a `name` when
    it is not of that connection.
    """
    queue: Queue = ProcrastinateQueue()
    with app.db.begin() as conn, queue_rows.session(conn) as session:
        found = {one.id: one for one in queue.listed(session)}.get(job)
        if found is None or not _of(conn, name, found.connection) or not queue.cancel(session, job):
            raise NothingSuchHere(
                f"There is no job {job}.", remedy="`ml-connector jobs list` lists them with their numbers."
            )
    until = quiet_until(found.name, app.clock())
    with app.db.begin() as conn:
        if not found.at_work:
            why = f"Cancelled by {app.actor}."
            agenda.dropped(conn, (found.connection, found.name), job, why, until)
        _audit(app, conn, found.connection, "job:cancel:done", found.name, job)
    return {"job": job, "task": found.name, "stopping": found.at_work, "quiet_until": until}


def release(app: App, number: int, name: str = "") -> dict[str, Any]:
    """Puts a parked job back, due at once. NothingSuchHere when none of that number is parked (of connection `name`);
    BadInput for what was approved: that goes when somebody approves the plan again."""
    with app.db.begin() as conn:
        row = _unparked(app, conn, number, name)
        _check_no_approval(row.task)
        agenda.release(conn, number, app.clock(), _by(app, row.task))
        agenda.wake(conn)
        _audit(app, conn, row.connection_id, "job:release:done", row.task, number)
    return {"parked": number, "task": row.task}


def dismiss(app: App, number: int, note: str, name: str = "") -> dict[str, Any]:
    """Lays a parked job aside for good, for a reason; what the timetable brings round comes again. NothingSuchHere
    when none of that number is parked (of connection `name`)."""
    if not note.strip():
        raise BadInput("Say why it is laid aside.", remedy="Give a reason with --note.")
    with app.db.begin() as conn:
        row = _unparked(app, conn, number, name)
        agenda.dismiss(conn, number)
        about = bulk.json_text({"number": number, "note": note})
        entry = audit.AuditEntry(app.clock(), app.actor, "job:dismiss:done", "job", row.task, details=about)
        audit.append(conn, row.connection_id, [entry])
    return {"parked": number, "task": row.task}


def retry(app: App, name: str, task: str) -> dict[str, Any]:
    """Makes a row of a connection's agenda due at once, whatever it waits for; an empty name is the installation.

    What it plans then counts as asked for by whoever did so. BadInput for what was approved: see `release`.
    """
    _check_no_approval(task)
    with app.db.begin() as conn:
        connection = connections.get(conn, name).id if name else 0
        row = agenda.one(conn, connection, task)
        if row is None:
            raise NothingSuchHere(f"There is no {task} on the agenda.", remedy="`ml-connector jobs list` lists it.")
        if row.parked_id:
            raise AskPerson(f"{task} is parked.", remedy=f"Run `ml-connector jobs release {row.parked_id}`.")
        agenda.hurry(conn, (connection, task), app.clock(), _by(app, task))
        _audit(app, conn, connection, "job:retry:done", task, 0)
    return {"connection": name, "task": task}


def now(app: App, name: str, flows: Collection[str] = ()) -> dict[str, Any]:
    """Queues a run of some flows (all when none is named) before everything else. AtWork when one like it runs."""
    with app.db.begin() as conn:
        return asked(app, conn, name, flows)


def asked(app: App, conn: Transaction, name: str, flows: Collection[str] = ()) -> dict[str, Any]:
    """The same within a transaction: what else is written in it stands only if the run could be queued."""
    flows = [flow for flow in FLOWS if flow in flows]
    task = f"{NOW}{','.join(flows) or 'all'}"
    connection = connections.get(conn, name).id
    row = agenda.one(conn, connection, task)
    if row and row.parked_id:
        remedy = f"Run `ml-connector jobs release {row.parked_id}`."
        raise AskPerson(f"{_run_of(flows)} that somebody asked for is parked.", remedy=remedy)
    if row and row.running_job:
        raise AtWork(f"{_run_of(flows)} is at work for {name} already.", remedy=_STANDS)
    args = {"flows": flows, "actor": app.actor}
    agenda.ask(conn, Laid(connection, task, app.clock(), PERSON, args))
    _audit(app, conn, connection, "job:ask:done", task, 0)
    there = workers.take_jobs(conn)
    return {"connection": name, "task": task, "workers": there, "before": row.finished_at if row else None}


def _run_of(flows: Collection[str]) -> str:
    return f"A run of {', '.join(flow.replace('_', ' ') for flow in flows) or 'all flows'}"


def follow(app: App, asked: Mapping[str, Any], told: Callable[[str], None]) -> dict[str, Any]:
    """Waits until what `now` answered with has ended; how it did. `told` hears what it is doing, when that changes."""
    name, task, last = asked["connection"], asked["task"], ""
    while True:
        with app.db.begin() as conn:
            row = agenda.one(conn, connections.get(conn, name).id, task)
        if row is None:
            raise NothingSuchHere(f"{task} is not on the agenda of {name} any more.")
        ended = row.finished_at is not None and row.finished_at != asked["before"]
        over = ended and row.due_at is None and not row.waiting_job and not row.running_job
        if over or row.parked_id:
            well = over and row.well_at == row.finished_at
            return {"connection": name, "task": task, "well": well, "why": row.why}
        doing = "at work" if row.running_job else f"again at {row.due_at:%H:%M:%S} UTC: {row.why}" if ended else "waits"
        if doing != last:
            told(doing)
            last = doing
        time.sleep(0.3)


def _of(conn: Transaction, name: str, connection: int) -> bool:
    """Whether a job is of the connection that was named, if one was."""
    return not name or connections.get(conn, name).id == connection


def _unparked(app: App, conn: Transaction, number: int, name: str) -> ParkedRow:
    row = parked.release(conn, number, app.actor)
    if not _of(conn, name, row.connection_id):
        raise NothingSuchHere(
            f"{name} has no parked job {number}.", remedy="`ml-connector jobs list` lists what is parked."
        )
    return row


def _check_no_approval(task: str) -> None:
    """What somebody approved is sent once, for them: nobody else, and nobody later, has it sent without approving."""
    if task == APPROVED:
        raise BadInput(
            "What was approved is not sent again by itself: somebody who may approves the plan again.",
            remedy="Look at the plan and approve it again.",
        )


def _by(app: App, task: str) -> str:
    """Who is written down as having asked for what a row's job plans; nobody where it plans nothing."""
    return app.actor if task in (RUN, HINTS) or task.startswith((POLL, REST)) else ""


def _appointment(row: AgendaRow, connection: str) -> dict[str, Any]:
    return {
        "connection": connection,
        "task": row.name,
        "due": row.due_at,
        "last": row.finished_at,
        "well": row.well_at,
        "failures": row.attempts,
        "skipped": row.skipped,
        "parked": row.parked_id or None,
        "why": row.why,
    }


def _audit(app: App, conn: Transaction, connection: int, tag: str, task: str, number: int) -> None:
    details = bulk.json_text({"number": number} if number else {})
    entry = audit.AuditEntry(at=app.clock(), actor=app.actor, tag=tag, kind="job", erp_id=task, details=details)
    audit.append(conn, connection, [entry])
