"""The right to write when its holder is frozen, cut off, or dead: who takes over, when, and what the first can do."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from ml_connector.kernel.errors import Locked, Unavailable, Wait
from ml_connector.store import bulk, lock
from ml_connector.store.postgres import Database

VALID = 0.6


@pytest.fixture
def other(database: Database, tmp_path: Path) -> Iterator[Database]:
    """Another process's view of the same database."""
    database.valid = VALID
    with Database.open(tmp_path / "other", database.conninfo) as opened:
        opened.valid = VALID
        yield opened


@contextmanager
def frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No lease is renewed by itself, as in a process that stands still."""
    with monkeypatch.context() as patch:
        patch.setattr(lock.WriterLock, "_keep", lambda _self: None)
        yield


def lease(database: Database, cid: int) -> tuple[int, str]:
    """Fence and holder."""
    with database.begin() as conn:
        row = bulk.fetch_one(conn, "SELECT fence, holder FROM leases WHERE connection_id = %s", (cid,))
    assert row is not None
    return int(row[0]), str(row[1])


def test_a_holder_that_lives_keeps_its_right_however_long_it_takes(
    database: Database, other: Database, cid: int
) -> None:
    with database.writer(cid) as held:
        time.sleep(VALID * 2.5)
        held.stands()
        with pytest.raises(Locked, match=r"ml-connector \d+@"), other.writer(cid):
            pass
        held.check()


def test_a_right_given_back_is_taken_at_once_and_has_the_next_number(
    database: Database, other: Database, cid: int
) -> None:
    with database.writer(cid) as first:
        assert lease(database, cid)[0] == first.fence
    assert lease(database, cid) == (first.fence, "")
    with other.writer(cid) as second:
        assert second.fence == first.fence + 1


def test_a_frozen_holder_is_replaced_and_can_neither_send_nor_keep_anything(
    database: Database, other: Database, cid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with frozen(monkeypatch), database.writer(cid) as first:
        mine = database.fenced(first)
        with mine.begin() as conn:
            bulk.run(conn, "SELECT 1")
        with pytest.raises(Locked), other.writer(cid):
            pass
        time.sleep(VALID * 1.5)
        with other.writer(cid) as second:
            assert second.fence == first.fence + 1
            for asked in (first.stands, first.check):
                with pytest.raises(Wait):
                    asked()
            with pytest.raises(Locked, match="taken over"), mine.begin() as conn:
                bulk.run(conn, "DELETE FROM connections")
            second.check()
    with other.begin() as conn:
        assert bulk.fetch(conn, "SELECT 1 FROM connections")


def test_a_holder_does_not_trust_an_old_renewal(
    database: Database, other: Database, cid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with frozen(monkeypatch), database.writer(cid) as held:
        with other.begin() as conn:
            bulk.run(conn, "UPDATE leases SET fence = fence + 1 WHERE connection_id = %s", (cid,))
        held.stands()
        time.sleep(VALID)
        with pytest.raises(Locked, match="taken over"):
            held.stands()


def test_a_session_that_was_ended_is_noticed_before_the_next_request(
    database: Database, other: Database, cid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.valid = 60.0
    with frozen(monkeypatch), database.writer(cid) as held:
        held.stands()
        with other.begin() as conn:
            sql = "SELECT pg_terminate_backend(session, 2000) FROM leases WHERE connection_id = %s"
            bulk.run(conn, sql, (cid,))
        with pytest.raises(Unavailable, match="right to write"):
            held.stands()


def test_who_may_still_believe_in_its_right_is_waited_for(
    database: Database, other: Database, cid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session of the holder is gone, cut by the network, and the holder may not know it yet."""
    with monkeypatch.context() as patch:
        patch.setattr(lock, "_machine", lambda: "elsewhere")
        with frozen(monkeypatch), database.writer(cid) as first:
            with other.begin() as conn:
                bulk.run(
                    conn, "SELECT pg_terminate_backend(session, 2000) FROM leases WHERE connection_id = %s", (cid,)
                )
            patch.undo()
            with pytest.raises(Locked, match="may still be at work") as caught, other.writer(cid):
                pass
            assert 0 < (caught.value.seconds or 0) <= VALID * 1.5
            time.sleep(VALID * 1.5)
            with other.writer(cid) as second:
                assert second.fence == first.fence + 1


def test_nobody_waits_for_a_dead_process(database: Database, other: Database, cid: int) -> None:
    other.valid = database.valid = 60.0
    child = os.fork()
    if not child:
        try:
            with Database(database.conninfo, "the test database").writer(cid):
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    with other.writer(cid) as second:
        assert second.fence == 2


def test_a_commit_under_way_keeps_the_next_holder_waiting(
    database: Database, other: Database, cid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that freezes in the middle of a transaction loses that session, too."""

    def late(first: lock.WriterLock) -> None:
        with database.fenced(first).begin() as conn:
            bulk.run(conn, "UPDATE connections SET title = 'late'")
            time.sleep(VALID * 1.6)
            with other.writer(cid) as second:
                assert second.fence == first.fence + 1
            bulk.run(conn, "SELECT 1")

    with frozen(monkeypatch), database.writer(cid) as first, pytest.raises(Unavailable):
        late(first)
    with other.begin() as conn:
        assert bulk.fetch(conn, "SELECT title FROM connections WHERE title = 'late'") == []


def test_the_next_holder_begins_after_what_the_last_one_was_committing(
    database: Database, other: Database, cid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with frozen(monkeypatch), database.writer(cid) as first:
        begun = threading.Event()

        def late() -> None:
            with database.fenced(first).begin() as conn:
                bulk.run(conn, "UPDATE connections SET title = 'late'")
                begun.set()
                bulk.run(conn, "SELECT pg_sleep(1.4)")

        thread = threading.Thread(target=late)
        thread.start()
        assert begun.wait(5)
        time.sleep(VALID * 1.6)
        with other.writer(cid), other.begin() as conn:
            assert bulk.fetch(conn, "SELECT title FROM connections") == [("late",)]
        thread.join()


def test_sessions_notice_a_dead_other_end_within_the_promise(database: Database, cid: int) -> None:
    with database.writer(cid) as held:
        given = held._session.info.get_parameters()
    assert (given["keepalives_idle"], given["keepalives_interval"], given["keepalives_count"]) == ("5", "3", "3")
    with psycopg.connect(database.conninfo) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)
    with database.begin() as conn:
        assert bulk.fetch_one(conn, "SHOW idle_in_transaction_session_timeout") == ("30s",)
