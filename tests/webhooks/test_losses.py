"""Nothing the door said yes to is lost, whatever dies; and it never says yes to what it does not have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ml_connector.app import App
from ml_connector.service import receiving
from ml_connector.service.receiving import Event, Fate, Receiver, Ticket
from ml_connector.store import inbox
from ml_connector.webhooks import application
from ml_connector.webhooks.serving import Door
from store.cluster import Cluster

from .house import House, Said, body_of, event_at
from .procore_sender import Sender


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Waits for something to come true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def in_the_way(house: House, number: int) -> Iterator[None]:
    """Keeps every commit waiting that has that event: somebody else is about to keep it, and takes it back."""
    with house.db._engine.connect() as conn:
        inbox.keep(conn, [Event(connection_id=house.number, event=event_at(number).ulid, body=b"")])
        yield
        conn.rollback()


def test_a_killed_door_loses_nothing_it_said_yes_to(cluster: Cluster, tmp_path: Path) -> None:
    url = cluster.new_url()
    with House(tmp_path, url) as house:
        house.door.stop()
        words = [sys.executable, str(Path(__file__).with_name("lone_door.py")), str(tmp_path), url, "0"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as lone:
            assert lone.stdout
            port = next(int(line) for line in lone.stdout if line.strip().isdigit())
            senders = [Sender(port, house.hook, 1 + 100_000 * lane) for lane in range(4)]
            until(lambda: min(len(one.accepted) for one in senders) > 20)
            lone.kill()
        before = sum(len(one.accepted) for one in senders)
        second = Door(App(house.settings, house.db, "door"), port=port)
        second.start()
        until(lambda: sum(len(one.accepted) for one in senders) > before + 80)
        for one in senders:
            one.stop()
        second.stop()
        assert house.kept() == sorted(event for one in senders for event in one.accepted)
        assert any(one.refusals for one in senders)
    cluster.drop(url)


def test_a_killed_database_costs_refusals_and_no_event() -> None:
    with tempfile.TemporaryDirectory(prefix="mlc-test-") as home, tempfile.TemporaryDirectory() as ours:
        away = Cluster(Path(home))
        with House(Path(ours), away.new_url()) as house:
            senders = [Sender(house.door.port, house.hook, 1 + 100_000 * lane) for lane in range(3)]
            until(lambda: min(len(one.accepted) for one in senders) > 20)
            pid = away.server.pid()
            assert pid
            os.kill(pid, signal.SIGKILL)
            until(lambda: all(503 in one.refusals for one in senders))
            assert house.call("GET", "/readyz").status == 503
            assert house.call("GET", "/healthz").status == 200
            stranger = house.call("POST", house.hook.path, b"{}")
            assert stranger.status in (401, 503)
            before = [len(one.accepted) for one in senders]
            away.server.start()
            until(lambda: all(len(one.accepted) > had + 20 for one, had in zip(senders, before, strict=True)))
            for one in senders:
                one.stop()
            assert house.kept() == sorted(event for one in senders for event in one.accepted)
            assert max(one.slowest for one in senders) < 2
        away.close()


def test_all_that_waits_goes_in_one_commit(own: House) -> None:
    fates: dict[Ticket, Fate] = {}
    receiver = Receiver(own.db, fates.update)
    receiver.start()
    with in_the_way(own, 0):
        for number in range(101):
            event = Event(connection_id=own.number, event=event_at(number).ulid, body=b"{}")
            assert receiver.offer(number, event)
            if number == 0:
                until(lambda: receiver.waiting() == 0)
        assert fates == {}
    until(lambda: len(fates) == 101)
    assert set(fates.values()) == {Fate.NEW}
    [(commits,)] = own.rows("SELECT count(DISTINCT xmin::text) FROM inbox")
    assert commits == 2
    assert receiver.stop(1)
    assert not receiver.offer("late", Event(connection_id=own.number, event="late", body=b"{}"))


def test_a_commit_that_hangs_is_not_waited_for_and_what_comes_meanwhile_is_refused_at_once(
    own: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "PATIENCE", 0.2)
    monkeypatch.setattr(application, "PATIENCE", 0.2)
    with in_the_way(own, 1):
        assert own.tell(body_of(1)).status == 503
        until(own.door.application.receiver._hangs)
        began = time.monotonic()
        assert own.tell(body_of(2)).status == 503
        assert time.monotonic() - began < 0.15
    until(lambda: own.tell(body_of(2)).status == 202)
    assert own.tell(body_of(1)).status == 202
    assert len(own.kept()) == 2


def test_a_writer_that_never_comes_back_gets_a_successor(own: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "PATIENCE", 0.1)
    monkeypatch.setattr(application, "PATIENCE", 0.1)
    monkeypatch.setattr(receiving, "_STUCK", 0.3)
    with in_the_way(own, 1):
        assert own.tell(body_of(1)).status == 503
        until(lambda: own.tell(body_of(2)).status == 202)
        assert own.kept() == [event_at(2).ulid]


def test_one_event_the_database_does_not_take_does_not_cost_the_others(own: House) -> None:
    fates: dict[Ticket, Fate] = {}
    receiver = Receiver(own.db, fates.update)
    for number in range(3):
        event = event_at(number).ulid + ("\0" if number == 1 else "")
        receiver.offer(number, Event(connection_id=own.number, event=event, body=b"{}"))
    receiver.start()
    until(lambda: len(fates) == 3)
    assert fates == {0: Fate.NEW, 1: Fate.LOST, 2: Fate.NEW}
    receiver.stop(1)


def test_an_event_of_a_connection_that_was_just_removed_is_not_promised(own: House) -> None:
    assert own.tell(body_of(1)).status == 202
    with own.db.begin() as conn:  # the door does not know it yet
        conn.exec_driver_sql("DELETE FROM inbox")
        conn.exec_driver_sql("DELETE FROM counters")
        conn.exec_driver_sql("DELETE FROM hooks")
        conn.exec_driver_sql("DELETE FROM connections")
    assert own.tell(body_of(2)).status == 503
    assert own.kept() == []
    assert own.rows("SELECT name FROM counters") == []


def test_a_closing_door_answers_who_is_inside_and_takes_nobody_else(own: House) -> None:
    said: list[Said] = []
    caller = threading.Thread(target=lambda: said.append(own.tell(body_of(1))))
    with in_the_way(own, 1):
        caller.start()
        until(lambda: own.door.application.receiver._busy_since is not None)
        closing = threading.Thread(target=own.door.stop)
        closing.start()
        time.sleep(0.3)
        with pytest.raises(ConnectionRefusedError):
            own.tell(body_of(2))
    caller.join(5)
    closing.join(10)
    assert [one.status for one in said] == [202]
    assert own.kept() == [event_at(1).ulid]
    assert not own.door.open
    assert not own.door.application.receiver.offer("late", Event(connection_id=own.number, event="late", body=b"{}"))
