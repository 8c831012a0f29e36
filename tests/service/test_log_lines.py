"""Lines of the log call a connection by its name, whoever writes them, and repeat no value of an unexpected error."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from ml_connector.app import App
from ml_connector.queue.procrastinate_queue import ProcrastinateQueue
from ml_connector.service import nightly
from ml_connector.service.duty import POLL, Duty
from ml_connector.service.parking import park
from ml_connector.service.scheduler import Scheduler
from ml_connector.service.stepping import Step
from ml_connector.service.tasks import TASKS
from ml_connector.service.times import Times
from ml_connector.store import agenda
from ml_connector.store.agenda import Laid
from ml_connector.store.queue_rows import DeadJob


def the_line(logged: list[Any], event: str) -> dict[str, Any]:
    """The one line of that event."""
    [found] = [one for one in logged if one["event"] == event]
    return dict(found)


@pytest.mark.parametrize("known", [True, False], ids=["of a connection", "of the installation"])
def test_a_job_that_is_taken_over_or_given_up(north: App, known: bool) -> None:
    number, name = (north.connection("north").id, "north") if known else (0, "")
    scheduler = Scheduler(north, ProcrastinateQueue(), TASKS, Times.of(north.settings))
    with capture_logs() as logged, north.db.begin() as conn:
        row = agenda.ask(conn, Laid(number, "sweep", north.clock(), POLL))
        agenda.queued(conn, row, 7, north.clock(), None)
        scheduler._take_over(conn, DeadJob(7, number, "sweep", {}, False), north.clock())
        park(conn, row, 7, "It failed.", 3)
    assert the_line(logged, "job.taken_over")["connection"] == name
    assert the_line(logged, "job.parked")["connection"] == name


def test_a_part_of_the_night_that_failed(north: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_duty: Duty, _at: str) -> Any:
        yield Step("", "")
        raise ValueError("hush")

    monkeypatch.setattr(nightly, "CONNECTION", {"census": failing})
    with capture_logs() as logged:
        nightly.nightly(Duty(north, "nightly", north.connection("north")))
    line = the_line(logged, "nightly.failed")
    assert (line["connection"], line["step"], line["error"]) == ("north", "census", "ValueError")
    assert "hush" not in str(line)
