"""Whose turn it is: what is due becomes one job, urgent ones go first, and nobody starves behind a backfill."""

from __future__ import annotations

import threading

from ml_connector.service.duty import BACKFILL, NIGHTLY, PERSON, POLL, WEBHOOK, Done, Duty
from ml_connector.store import agenda, counters

from .crew import Crew, Gate, counter, events


def test_a_person_goes_before_a_webhook_a_webhook_before_a_poll_and_a_backfill_last(crew: Crew) -> None:
    ids = crew.connections(5)
    for name in ("now", "hints", "nightly", "rest"):
        crew.task(name, crew.note)
    ranks = {"rest/x": BACKFILL, "nightly": NIGHTLY, "flows": POLL, "hints": WEBHOOK, "now/": PERSON}
    for connection, (name, priority) in zip(ids, ranks.items(), strict=True):
        crew.ask(connection, name, priority)
    assert crew.scheduler.tick() == 5
    crew.worker(slots=1)
    crew.wait(lambda: len(crew.did) == 5)
    assert [task for task, _, _ in crew.did] == ["now/", "hints", "poll", "nightly", "poll"]


def test_one_huge_backfill_does_not_starve_ninety_nine_others(crew: Crew) -> None:
    """One slot, a hundred connections: a slice of the huge one, then everybody else, then its next slice."""
    ids = crew.connections(100)
    order: list[int] = []

    def work(duty: Duty) -> Done:
        assert duty.connection
        order.append(duty.connection.id)
        if duty.connection.id == ids[0] and order.count(ids[0]) < 4:
            return Done(again_at=duty.app.clock(), why="cut short", rest={"flows": ["vendors"]})
        return Done()

    crew.task("flows", work)
    crew.task("rest", work)
    for connection in ids:
        crew.ask(connection, "flows", args={"flows": ["vendors"]})
    crew.scheduler.tick()
    crew.worker(slots=1)

    def through() -> bool:
        crew.scheduler.tick()
        return len(order) == 103

    crew.wait(through, 20)
    assert order[0] == ids[0], "it was asked first"
    assert sorted(order[1:100]) == ids[1:], "then each of the others had its turn"
    assert order[100:] == [ids[0]] * 3
    assert crew.row(ids[0], "flows").due_at is None


def test_what_was_cut_short_goes_behind_what_comes_later_and_keeps_no_other_flow_waiting(crew: Crew) -> None:
    huge, small = crew.connections(2)
    gate = threading.Event()

    def work(duty: Duty) -> Done:
        crew.note(duty)
        if duty.args["flows"] == ["vendors"] and len(crew.did) == 1:
            gate.wait(5)
            return Done(again_at=duty.app.clock(), why="cut short", rest={"flows": ["vendors"], "bite": 7})
        return Done()

    crew.task("flows", work)
    crew.task("rest", work)
    crew.ask(huge, "flows", args={"flows": ["vendors"]})
    crew.scheduler.tick()
    worker = crew.worker(slots=1)
    crew.wait(lambda: crew.did)
    gate.set()
    crew.wait(lambda: not crew.jobs())
    worker._hands.stop()
    assert worker._hands.join(5)
    assert crew.row(huge, "rest/vendors").args == {"flows": ["vendors"], "bite": 7}
    crew.scheduler.tick()
    crew.ask(small, "flows", args={"flows": ["payments"]})
    crew.ask(huge, "flows", args={"flows": ["payments"]})
    crew.scheduler.tick()
    assert [job[:3] for job in crew.jobs()] == [("poll", huge, POLL), ("poll", small, POLL), ("rest", huge, BACKFILL)]


def test_a_job_the_queue_has_lost_is_due_again(crew: Crew) -> None:
    connection = crew.connections(1)[0]
    crew.ask(connection, "flows")
    crew.scheduler.tick()
    crew.scheduler.recover()
    assert crew.row(connection, "flows").due_at is None, "it is there"
    with crew.app.db.begin() as conn:
        conn.exec_driver_sql("SET LOCAL search_path = jobs, public")
        conn.exec_driver_sql("DELETE FROM procrastinate_jobs")
    crew.scheduler.recover()
    assert crew.row(connection, "flows").due_at == crew.now
    assert crew.row(connection, "flows").deaths == [], "nobody died of it"
    assert crew.scheduler.tick() == 1


def test_a_connection_has_one_job_at_work_however_many_slots_there_are(crew: Crew) -> None:
    first, second = crew.connections(2)
    gate = Gate()
    crew.task("flows", gate)
    crew.task("hints", crew.note)
    crew.ask(first, "flows")
    crew.scheduler.tick()
    crew.worker(slots=3)
    assert gate.entered.acquire(timeout=5)
    crew.ask(first, "hints", WEBHOOK)
    crew.ask(second, "hints", WEBHOOK)
    crew.scheduler.tick()
    crew.wait(lambda: crew.did == [("hints", second, {})])
    assert ("hints", first, WEBHOOK, "todo") in crew.jobs()
    gate.open.set()
    crew.wait(lambda: ("hints", first, {}) in crew.did, 1.5)


def test_ten_events_make_one_job_and_those_that_come_while_it_is_at_work_one_more(crew: Crew) -> None:
    connection = crew.connections(1)[0]
    gate = Gate()
    crew.task("hints", gate, WEBHOOK, insists=True)
    with crew.app.db.begin() as conn:
        events(conn, connection, 10)
    assert crew.scheduler.tick() == 1
    assert crew.scheduler.tick() == 0
    crew.worker()
    assert gate.entered.acquire(timeout=5)
    assert crew.scheduler.tick() == 1, "the inbox still holds new ones: they wait behind it"
    assert crew.scheduler.tick() == 0
    assert [job[3] for job in crew.jobs()] == ["doing", "todo"]
    gate.open.set()


def test_an_event_wakes_a_scheduler_at_once(crew: Crew) -> None:
    connection = crew.connections(1)[0]
    crew.task("hints", crew.note, WEBHOOK)
    crew.scheduler.times = crew.times._replace(tick=30.0)
    crew.scheduler.start()
    crew.worker()
    crew.wait(lambda: crew.scheduler._done.get("hasten"))
    with crew.app.db.begin() as conn:
        events(conn, connection, 1)
        conn.exec_driver_sql("SELECT pg_notify('inbox', '1')")
    crew.wait(lambda: [name for name, *_ in crew.did if name == "hints"], 5.0)
    assert [name for name, *_ in crew.did if name == "hints"] == ["hints"]


def test_two_schedulers_make_one_job(crew: Crew) -> None:
    ids = crew.connections(30)
    for connection in ids:
        crew.ask(connection, "flows")
    made: list[int] = []
    others = [crew.another_scheduler() for _ in range(4)]
    threads = [threading.Thread(target=lambda one: made.append(one.tick()), args=(one,)) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(made) == 30
    assert len(crew.jobs()) == 30


def test_polls_that_are_due_together_are_one_run(crew: Crew) -> None:
    connection = crew.connections(1)[0]
    crew.scheduler.lay_out()
    assert crew.scheduler.tick() == 1
    crew.worker()
    crew.wait(lambda: crew.did)
    (task, number, args) = crew.did[0]
    assert (task, number) == ("poll", connection)
    assert {"vendors", "purchase_orders", "payments"} <= set(args["flows"])
    crew.wait(lambda: crew.row(connection, "poll/payments").well_at == crew.now)
    assert crew.row(connection, "poll/payments").due_at == crew.now.replace(minute=15)


def test_after_an_outage_there_is_one_catch_up_run_and_not_a_pile(crew: Crew) -> None:
    crew.connections(1)
    crew.scheduler.lay_out()
    crew.worker()
    crew.rest()
    crew.move(hours=9)
    crew.rest(3)
    assert len(crew.did) == 2
    crew.move(minutes=14)
    crew.rest()
    assert len(crew.did) == 2
    crew.move(minutes=2)
    crew.rest()
    assert len(crew.did) == 3


def test_a_poll_that_would_overlap_is_left_out_and_counted(crew: Crew) -> None:
    connection = crew.connections(1)[0]
    gate = Gate()
    crew.task("flows", gate)
    crew.scheduler.lay_out()
    crew.scheduler.tick()
    crew.worker()
    assert gate.entered.acquire(timeout=5)
    crew.move(minutes=16)
    assert crew.scheduler.tick() == 0
    assert crew.row(connection, "poll/vendors").skipped == 1
    assert crew.row(connection, "poll/vendors").due_at == crew.now.replace(minute=31)
    assert counter(crew, connection, counters.SKIPPED) == 10
    gate.open.set()


def test_who_waits_long_gets_a_better_place(crew: Crew) -> None:
    connection = crew.connections(1)[0]
    crew.ask(connection, "rest/vendors", BACKFILL)
    crew.scheduler.tick()
    crew.scheduler._hasten()
    assert crew.jobs() == [("poll", connection, BACKFILL, "todo")] or crew.jobs()[0][2] == BACKFILL
    crew.move(seconds=crew.times.hasten + 1)
    crew.scheduler._hasten()
    assert crew.jobs()[0][2] == WEBHOOK


def test_a_new_connection_is_laid_out_and_a_removed_one_is_gone(crew: Crew) -> None:
    connection = crew.connections(1)[0]
    crew.task("nightly", crew.note)
    crew.scheduler.lay_out()
    with crew.app.db.begin() as conn:
        names = {row.name for row in agenda.listed(conn, connection)}
    assert {"nightly", "poll/vendors", "poll/projects"} <= names
    crew.scheduler.tick()
    crew.app.remove_connection("c1")
    crew.worker()
    crew.wait(lambda: not crew.jobs())
    assert crew.did == []
