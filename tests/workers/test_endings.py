"""How a job ended decides when its row is due again: waits back off, bugs are given up, people are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ml_connector.kernel.errors import (
    BadInput,
    Bug,
    ConnectorError,
    KeyTrouble,
    Locked,
    OutcomeUnknown,
    RateLimited,
    SignInRefused,
    Unavailable,
)
from ml_connector.service.duty import BACKFILL, NIGHTLY, PERSON, POLL, WEBHOOK, Done, Duty
from ml_connector.service.endings import HUSH, LONGEST, Told, after, backoff
from ml_connector.service.jobs import cancel, follow, listed, now, release, retry
from ml_connector.service.tasks import Nature
from ml_connector.settings import settings_from
from ml_connector.store import alerts, parked

from .crew import Crew, Gate, events


class Failing:
    """A task that raises what it is given, one after the other, and then goes well."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self, duty: Duty) -> Done:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return Done()


def once(crew: Crew, *errors: Exception, insists: bool = False) -> Failing:
    """A task `hints` that fails so, done once by a worker."""
    task = Failing(*errors)
    crew.task("hints", task, WEBHOOK, insists=insists)
    crew.ask(0, "hints", WEBHOOK)
    crew.worker().draw = lambda: 1.0
    crew.rest()
    return task


def test_the_pause_doubles_is_spread_by_chance_and_has_an_end() -> None:
    assert [backoff(n, LONGEST, 1.0).total_seconds() for n in (1, 2, 3, 4, 30)] == [2, 4, 8, 16, 600]
    assert backoff(3, LONGEST, 0.25) == timedelta(seconds=2)
    assert backoff(1, LONGEST, 0.0) > timedelta(0)


@pytest.mark.parametrize(
    ("name", "leaving", "priority"),
    [("nightly", False, BACKFILL), ("hints", False, WEBHOOK), ("nightly", True, 35), ("hints", True, 35)],
)
def test_what_is_cut_short_goes_to_the_end_of_the_line_but_webhooks_and_what_a_leaving_worker_left(
    crew: Crew, name: str, leaving: bool, priority: int
) -> None:
    row = crew.ask(0, name, 35)
    nature = Nature(WEBHOOK if name == "hints" else NIGHTLY, insists=name == "hints")
    done = Done(again_at=crew.now, rest={"step": "census"})
    ending = after(row, nature, done, Told(crew.now, 0.5, 3, leaving=leaving)).ending
    assert (ending.priority, ending.due_at, ending.args) == (priority, crew.now, {"step": "census"})


def test_what_passes_by_itself_backs_off_and_the_count_outlives_the_worker(crew: Crew, url: str, tmp_path: Any) -> None:
    task = once(crew, Unavailable("away"), Unavailable("away"), OutcomeUnknown("lost"))
    row = crew.row(0, "hints")
    assert (row.attempts, row.due_at, row.why) == (1, crew.now + timedelta(seconds=2), "away")
    crew.rest()
    assert task.calls == 1, "not before its time"
    crew.move(seconds=2)
    crew.rest()
    assert (crew.row(0, "hints").attempts, task.calls) == (2, 2)
    crew.close()
    later = Crew(url, tmp_path)
    later.now = crew.now
    later.task("hints", task, WEBHOOK)
    later.worker().draw = lambda: 1.0
    later.move(seconds=3.9)
    later.rest()
    assert task.calls == 2, "a restart forgets no pause"
    later.move(seconds=0.1)
    later.rest()
    assert later.row(0, "hints").due_at == later.now + timedelta(seconds=8)
    later.move(seconds=8)
    later.rest()
    row = later.row(0, "hints")
    assert (row.attempts, row.due_at, row.well_at, row.why) == (0, None, later.now, "")
    later.close()


def test_a_pause_that_was_asked_for_is_kept(crew: Crew) -> None:
    once(crew, RateLimited("slow down", seconds=100.0))
    assert crew.row(0, "hints").due_at == crew.now + timedelta(seconds=110.1)


def test_somebody_else_at_work_is_waited_for_shortly(crew: Crew) -> None:
    once(crew, Locked("held", seconds=2.5))
    assert crew.row(0, "hints").due_at == crew.now + timedelta(seconds=2.85)


def test_what_fails_by_our_fault_is_tried_three_times_and_parked(crew: Crew) -> None:
    task = once(crew, Bug("ours"), ValueError("secret value"), ValueError("secret value"))
    for seconds in (2, 4):
        crew.move(seconds=seconds)
        crew.rest()
    assert task.calls == 3
    with crew.app.db.begin() as conn:
        (found,) = parked.listed(conn)
    assert (found.task, found.attempts) == ("hints", 3)
    assert "ValueError" in found.sentence
    assert "secret" not in found.sentence
    crew.move(hours=1)
    crew.rest()
    assert task.calls == 3
    assert release(crew.app, found.id)["task"] == "hints"
    crew.rest()
    assert task.calls == 4
    assert crew.row(0, "hints").parked_id == 0


def test_what_this_release_does_not_know_is_parked_with_a_sentence(crew: Crew) -> None:
    connection = crew.connections(1)[0]
    crew.ask(connection, "teleport/vendors")
    crew.worker()
    crew.rest()
    with crew.app.db.begin() as conn:
        (found,) = parked.listed(conn)
    assert found.sentence == "This release knows no task 'teleport'."
    assert listed(crew.app, "c1")["parked"][0]["parked"] == found.id


def test_people_hear_of_what_they_must_mend_once_it_is_no_side_s_and_no_more_when_it_went_well(crew: Crew) -> None:
    once(crew, KeyTrouble("The key is gone.", remedy="Bring it back."), insists=True)
    row = crew.row(0, "hints")
    assert row.attempts == 1
    assert (row.why, row.remedy) == ("The key is gone.", "Bring it back."), "what to do is kept with what was wrong"
    assert row.due_at == crew.now + timedelta(seconds=32), "what must not be forgotten is tried again, without haste"
    with crew.app.db.begin() as conn:
        assert [one.key for one in alerts.standing(conn, 0)] == ["job/hints"]
    crew.move(minutes=1)
    crew.rest()
    with crew.app.db.begin() as conn:
        assert alerts.standing(conn, 0) == []
    assert crew.row(0, "hints").remedy == ""


def test_a_side_s_trouble_has_its_own_alarm(crew: Crew) -> None:
    error = SignInRefused("no")
    error.side = "erp"
    once(crew, error)
    with crew.app.db.begin() as conn:
        assert alerts.standing(conn, 0) == []
    assert crew.row(0, "hints").due_at is None


def test_events_whose_job_failed_are_new_again(crew: Crew) -> None:
    connection = crew.connections(1)[0]

    def taking(duty: Duty) -> Done:
        with duty.app.db.begin() as conn:
            conn.exec_driver_sql("UPDATE inbox SET state = 'taken'")
        raise Unavailable("away")

    crew.task("hints", taking, WEBHOOK, insists=True)
    with crew.app.db.begin() as conn:
        events(conn, connection, 3)
    crew.scheduler.tick()
    crew.worker()
    crew.wait(lambda: not crew.jobs())
    assert crew.sql("SELECT DISTINCT state FROM inbox") == [("new",)]
    assert crew.scheduler.tick() == 0, "the pause holds though events are new"


def test_a_job_that_waits_is_cancelled_at_once(crew: Crew) -> None:
    connection = crew.connections(1)[0]
    crew.ask(connection, "flows")
    crew.scheduler.tick()
    job = listed(crew.app)["queue"][0]
    assert (job["state"], job["connection"], job["task"]) == ("waiting", "c1", "flows")
    assert cancel(crew.app, job["job"]) == {
        "job": job["job"],
        "task": "flows",
        "stopping": False,
        "quiet_until": None,
    }
    assert crew.jobs() == []
    assert crew.row(connection, "flows").waiting_job == 0
    with pytest.raises(ConnectorError, match="no job"):
        cancel(crew.app, job["job"])


def test_a_job_at_work_stops_at_its_next_safe_point_and_does_not_come_back(crew: Crew) -> None:
    connection = crew.connections(1)[0]
    gate = Gate()
    crew.task("flows", gate)
    crew.ask(connection, "flows")
    crew.scheduler.tick()
    crew.worker()
    assert gate.entered.acquire(timeout=5)
    crew.wait(lambda: listed(crew.app)["queue"][0]["worker"])
    assert cancel(crew.app, listed(crew.app)["queue"][0]["job"])["stopping"]
    crew.wait(lambda: not crew.jobs())
    assert gate.told == ["It was cancelled."]
    row = crew.row(connection, "flows")
    assert (row.due_at, row.running_job, row.why) == (None, 0, "Cancelled. It was cancelled.")
    assert crew.scheduler.tick() == 0


def hushed(crew: Crew, connection: int) -> None:
    """What was cancelled of the events is left alone for a quarter of an hour, and not lost."""
    row = crew.row(connection, "hints")
    assert (row.due_at, row.waiting_job, row.running_job) == (crew.now + HUSH, 0, 0)
    assert crew.sql("SELECT state, count(*) FROM inbox GROUP BY 1") == [("new", 3)]
    crew.move(minutes=14)
    assert crew.scheduler.tick() == 0
    crew.move(minutes=2)
    assert crew.scheduler.tick() == 1


def test_events_whose_waiting_job_is_cancelled_are_left_alone_for_a_while(crew: Crew) -> None:
    connection = crew.connections(1)[0]
    crew.task("hints", crew.note, WEBHOOK, insists=True)
    with crew.app.db.begin() as conn:
        events(conn, connection, 3)
    assert crew.scheduler.tick() == 1
    assert cancel(crew.app, listed(crew.app)["queue"][0]["job"])["quiet_until"] == crew.now + HUSH
    assert crew.scheduler.tick() == 0
    hushed(crew, connection)


def test_events_whose_job_at_work_is_cancelled_are_left_alone_by_the_one_behind_it_as_well(crew: Crew) -> None:
    connection = crew.connections(1)[0]
    gate = Gate()
    crew.task("hints", gate, WEBHOOK, insists=True)
    with crew.app.db.begin() as conn:
        events(conn, connection, 3)
    crew.scheduler.tick()
    crew.worker()
    assert gate.entered.acquire(timeout=5)
    assert crew.scheduler.tick() == 1, "events are new: the next job waits behind this one"
    crew.wait(lambda: listed(crew.app)["queue"][0]["worker"])
    found = cancel(crew.app, listed(crew.app)["queue"][0]["job"])
    assert (found["stopping"], found["quiet_until"]) == (True, crew.now + HUSH)
    crew.wait(lambda: not crew.jobs())
    assert gate.told == ["It was cancelled."]
    assert crew.row(connection, "hints").why == "Cancelled. It was cancelled."
    assert crew.scheduler.tick() == 0
    hushed(crew, connection)
    gate.open.set()
    crew.wait(lambda: crew.row(connection, "hints").well_at == crew.now)


def test_a_person_s_run_goes_at_once_and_can_be_followed(crew: Crew) -> None:
    crew.connections(1)
    crew.task("now", crew.note, PERSON)
    crew.scheduler.start()
    crew.worker()
    asked = now(crew.app, "c1", ["vendors"])
    told: list[str] = []
    assert follow(crew.app, asked, told.append) == {"connection": "c1", "task": "now/vendors", "well": True, "why": ""}
    assert ("now/vendors", 1, {"flows": ["vendors"], "actor": "test"}) in crew.did


def test_what_backs_off_can_be_hurried_by_a_person(crew: Crew) -> None:
    connection = crew.connections(1)[0]
    task = Failing(Unavailable("away", seconds=1000.0))
    crew.task("flows", task, POLL)
    crew.scheduler.lay_out()
    crew.worker()
    crew.rest()
    crew.rest()
    assert task.calls == 1
    retry(crew.app, "c1", "flows")
    crew.rest()
    assert task.calls == 2
    assert crew.row(connection, "flows").attempts == 0


def test_a_side_that_heals_cuts_the_pause_short(crew: Crew) -> None:
    """breakers.close makes polls due with a clean sheet."""
    connection = crew.connections(1)[0]
    task = Failing(Unavailable("away", seconds=1000.0))
    crew.task("flows", task, POLL)
    crew.scheduler.lay_out()
    crew.worker()
    crew.rest()
    assert crew.row(connection, "poll/vendors").attempts == 1
    with crew.app.db.begin() as conn:
        conn.exec_driver_sql(f"UPDATE agenda SET due_at = '{crew.now}', attempts = 0 WHERE name LIKE 'poll/%%'")
    crew.rest()
    assert task.calls == 2


def test_settings_of_the_service_are_checked() -> None:

    found = settings_from({"ML_CONNECTOR_STALLED_SECONDS": "4", "ML_CONNECTOR_TRIES": "5"})
    assert (found.stalled_seconds, found.drain_seconds, found.tries) == (4.0, 30.0, 5)
    for name in ("ML_CONNECTOR_STALLED_SECONDS", "ML_CONNECTOR_DRAIN_SECONDS", "ML_CONNECTOR_TRIES"):
        with pytest.raises(BadInput, match=name):
            settings_from({name: "-1"})
