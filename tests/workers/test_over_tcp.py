"""The same with a PostgreSQL of somebody else: over TCP, with a password, as an account without rights of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_connector.kernel.errors import Locked
from ml_connector.service.duty import WEBHOOK
from ml_connector.store import agenda, bulk, counters, lock
from ml_connector.store.postgres import Database
from store.tcp_server import TcpServer, tcp_server

from .crew import Crew, Gate, counter, events


@pytest.fixture(scope="module")
def server() -> Iterator[TcpServer]:
    """The server."""
    with tcp_server() as started:
        yield started


@pytest.fixture
def remote(server: TcpServer, tmp_path: Path) -> Iterator[Crew]:
    """A crew over a new database there."""
    made = Crew(server.new_url(), tmp_path)
    yield made
    made.close()


def test_events_wake_the_scheduler_and_jobs_are_done(remote: Crew) -> None:
    connection = remote.connections(1)[0]
    remote.task("hints", remote.note, WEBHOOK, insists=True)
    remote.scheduler.start()
    remote.worker(slots=2)
    with remote.app.db.begin() as conn:
        events(conn, connection, 1)
        conn.exec_driver_sql("SELECT pg_notify('inbox', '1')")
    remote.wait(lambda: ("hints", connection, {}) in remote.did)
    assert counter(remote, connection, counters.TAKEOVERS) == 0


def test_what_a_dead_worker_had_in_hand_is_taken_over(remote: Crew) -> None:
    connection = remote.connections(1)[0]
    remote.ask(connection, "flows")
    remote.scheduler.tick()
    sql = "INSERT INTO jobs.procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"
    dead = remote.sql(sql)[0][0]
    with remote.app.db.begin() as conn:
        bulk.run(conn, "SET LOCAL search_path = jobs, public")
        bulk.run(conn, "SELECT procrastinate_fetch_job_v2(NULL, %s)", (dead,))
    remote.wait(lambda: remote.scheduler.recover() == 1)
    assert remote.jobs() == []
    assert remote.scheduler.tick() == 1


def test_a_worker_outlives_a_restart_of_the_database(remote: Crew, server: TcpServer) -> None:
    first, second = remote.connections(2)
    gate = Gate()
    remote.task("flows", gate)
    remote.ask(first, "flows")
    remote.scheduler.lay_out = lambda: None  # type: ignore[method-assign]
    remote.scheduler.start()
    remote.worker(slots=2)
    assert gate.entered.acquire(timeout=5)
    where = ["-w", "-D", str(server.data), "-m", "immediate"]
    server._run("pg_ctl", *where, "stop")
    started = [f"-c {name}={value}" for name, value in (("port", server.port), ("listen_addresses", "127.0.0.1"))]
    options = " ".join([*started, "-c unix_socket_directories=''", "-c fsync=off"])
    server._run("pg_ctl", *where[:3], "-l", str(server.data / "log"), "-o", options, "start")
    remote.sql("UPDATE jobs.procrastinate_workers SET last_heartbeat = now() - interval '1 hour' RETURNING id")
    other = remote.another_scheduler()
    other.times = remote.times._replace(stalled=30.0)
    assert other.recover() == 0, "who could not speak is not dead"
    gate.open.set()
    remote.wait(lambda: remote.row(first, "flows").well_at == remote.now)
    assert remote.row(first, "flows").deaths == []
    remote.ask(second, "flows")
    remote.wait(lambda: remote.row(second, "flows").well_at == remote.now)
    assert counter(remote, first, counters.TAKEOVERS) == 0


def test_a_job_whose_fetching_was_lost_on_the_way_is_given_back(remote: Crew) -> None:
    connection = remote.connections(1)[0]
    worker = remote.worker()
    remote.wait(lambda: worker.presence.said)
    remote.ask(connection, "flows")
    with remote.app.db.begin() as conn:
        bulk.run(conn, "LOCK TABLE jobs.procrastinate_jobs IN EXCLUSIVE MODE")  # the worker itself is kept from it
        remote.scheduler._dispatch(conn, agenda.due(conn, remote.now, 10), remote.now)
        sql = "UPDATE jobs.procrastinate_jobs SET status = 'doing', worker_id = %s"
        bulk.run(conn, "SET LOCAL search_path = jobs, public")
        bulk.run(conn, sql, (worker.presence.said,))
    remote.wait(lambda: not remote.jobs())
    assert remote.row(connection, "flows").due_at == remote.now
    assert remote.did == []
    remote.rest()
    assert len(remote.did) == 1


def test_a_frozen_writer_is_replaced_by_an_account_without_rights(
    remote: Crew, server: TcpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = remote.app.db
    database.valid = 0.5
    connection = remote.connections(1)[0]
    monkeypatch.setattr(lock.WriterLock, "_keep", lambda _self: None)
    with Database.open(tmp_path, database.conninfo) as other, database.writer(connection) as first:
        other.valid = 0.5
        remote.wait(lambda: taken(other, connection) == first.fence + 1)
        with pytest.raises(Locked, match="taken over"), database.fenced(first).begin():
            pass


def taken(database: Database, connection: int) -> int:
    """The fence under which the right is taken; 0 while somebody has it."""
    try:
        with database.writer(connection) as held:
            return held.fence
    except Locked:
        return 0


def test_both_ends_of_a_session_look_whether_the_other_is_there(remote: Crew) -> None:
    for name, value in (("idle", "5"), ("interval", "3"), ("count", "3")):
        assert remote.sql(f"SELECT current_setting('tcp_keepalives_{name}')") == [(value,)]
    assert counter(remote, 0, counters.TAKEOVERS) == 0
