"""What a person does about a job is done about that job of that connection, and what was approved goes with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ml_connector.app import App
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.queue.port import NewJob
from ml_connector.queue.procrastinate_queue import ProcrastinateQueue
from ml_connector.service import jobs
from ml_connector.service.approving import APPROVED
from ml_connector.service.duty import PERSON
from ml_connector.store import agenda, parked, queue_rows
from ml_connector.store.agenda import AgendaRow, Laid
from ml_connector.store.parked import GivenUp

from .test_timetable import TEXT


@pytest.fixture
def north(app: App) -> int:
    """The number of a connection, beside which there is another called south; nothing is asked of their systems."""
    app.add_connection("south", TEXT)
    return app.add_connection("north", TEXT).id


def waiting(app: App, number: int, task: str, args: dict[str, Any]) -> int:
    """A job of a connection that waits in the queue, as a worker would lay it there; its number."""
    with app.db.begin() as conn, queue_rows.session(conn) as session:
        agenda.ask(conn, Laid(number, task, app.clock(), PERSON, args))
        job = ProcrastinateQueue().enqueue(session, NewJob(number, task, task, PERSON))
        conn.exec_driver_sql("UPDATE agenda SET waiting_job = %s, due_at = NULL WHERE name = %s", (job, task))
    return job


def row_of(app: App, number: int, task: str) -> AgendaRow:
    """The agenda's row of a task."""
    with app.db.begin() as conn:
        found = agenda.one(conn, number, task)
    assert found is not None
    return found


def test_a_cancelled_approval_is_forgotten_with_its_job(app: App, north: int) -> None:
    job = waiting(app, north, APPROVED, {"approved": "a" * 64, "actor": "anna"})
    assert jobs.cancel(app, job, "north")["task"] == APPROVED
    row = row_of(app, north, APPROVED)
    assert (row.args, row.waiting_job, row.why) == ({}, 0, "Cancelled by operator.")
    assert jobs.listed(app)["queue"] == []


def test_nothing_is_done_under_the_name_of_another_connection(app: App, north: int) -> None:
    args = {"approved": "a" * 64, "actor": "anna"}
    job = waiting(app, north, APPROVED, args)
    with app.db.begin() as conn:
        agenda.ask(conn, Laid(north, "hints", app.clock(), 1))
        number = parked.put(conn, GivenUp(north, 7, "hints", {}, 3, "It ended three workers."))
        agenda.park(conn, (north, "hints"), number, "given up")
    wrong: tuple[Callable[[], object], ...] = (
        lambda: jobs.cancel(app, job, "south"),
        lambda: jobs.release(app, number, "south"),
        lambda: jobs.dismiss(app, number, "not ours", "south"),
    )
    for otherwise in wrong:
        with pytest.raises(NothingSuchHere):
            otherwise()
    there = jobs.listed(app, "north")
    assert [one["job"] for one in there["queue"]] == [job]
    assert [one["parked"] for one in there["parked"]] == [number]
    assert (row_of(app, north, APPROVED).args, row_of(app, north, "hints").parked_id) == (args, number)
    assert jobs.release(app, number, "north")["task"] == "hints"
