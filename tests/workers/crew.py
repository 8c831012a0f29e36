"""A small service over a real database: a clock that moves, tasks that note what they did, short times."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from ml_connector.app import App
from ml_connector.queue.procrastinate_queue import ProcrastinateQueue
from ml_connector.service.duty import POLL, WEBHOOK, Done, Duty
from ml_connector.service.scheduler import Scheduler
from ml_connector.service.tasks import Known, Nature
from ml_connector.service.times import Times
from ml_connector.service.worker import Presence, Worker
from ml_connector.settings import Settings
from ml_connector.store import agenda, bulk, connections
from ml_connector.store.agenda import AgendaRow, Laid
from ml_connector.store.postgres import Database

CONFIG: dict[str, Any] = {
    "connection": {"erp_company": "10", "go_live": None},
    "erp": {"url": "http://127.0.0.1:9", "realm": "r", "client_id": "c"},
    "projects": {"url": "http://127.0.0.1:9", "company_id": "1", "client_id": "c"},
}
"""A connection nobody opens."""
TIMES = Times(stalled=1.2, tick=0.1, patience=5.0)


class Crew:
    """Everything of one test; what it started is stopped by `close`."""

    def __init__(self, url: str, home: Path, times: Times = TIMES) -> None:
        self.now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
        self.app = App(Settings(home, url), Database.open(home, url), "test", clock=lambda: self.now)
        self.queue = ProcrastinateQueue()
        self.times = times
        self.did: list[tuple[str, int, dict[str, Any]]] = []
        self.tasks: dict[str, Known] = {}
        self._workers: list[tuple[Worker, Presence]] = []
        self.task("flows", self.note)
        self.scheduler = self.another_scheduler()

    def another_scheduler(self) -> Scheduler:
        """One more process's share."""
        return Scheduler(self.app, self.queue, self.tasks, self.times)

    def task(self, name: str, do: Callable[[Duty], Done], priority: int = POLL, insists: bool = False) -> None:
        """Registers a task."""
        self.tasks[name] = Known(do, Nature(priority, insists), "poll" if name == "flows" else name)

    def note(self, duty: Duty) -> Done:
        """What most tasks do: they note that they did it."""
        self.did.append((duty.task, duty.connection.id if duty.connection else 0, dict(duty.args)))
        return Done()

    def connections(self, number: int) -> list[int]:
        """So many connections."""
        with self.app.db.begin() as conn:
            return [connections.add(conn, f"c{n}", f"C{n}", CONFIG) for n in range(1, number + 1)]

    def ask(self, connection: int, name: str, priority: int = POLL, args: Mapping[str, Any] | None = None) -> AgendaRow:
        """Makes a row due now."""
        with self.app.db.begin() as conn:
            return agenda.ask(conn, Laid(connection, name, self.now, priority, args or {}))

    def row(self, connection: int, name: str) -> AgendaRow:
        """A row of the agenda."""
        with self.app.db.begin() as conn:
            found = agenda.one(conn, connection, name)
        assert found is not None
        return found

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement of the test's own."""
        with self.app.db.begin() as conn:
            return bulk.fetch(conn, text, values)

    def jobs(self) -> list[tuple[str, int, int, str]]:
        """Label, connection, priority and state of the jobs in the queue, in the order of their turn."""
        return [
            (one[0], one[1], one[2], one[3])
            for one in self.sql(
                "SELECT task_name, (args ->> 'connection')::int, priority, status::text FROM jobs.procrastinate_jobs "
                "ORDER BY priority DESC, id"
            )
        ]

    def worker(self, slots: int = 1) -> Worker:
        """A worker that has begun."""
        presence = Presence(self.app, "worker", self.times)
        made = Worker(presence, self.queue, self.tasks, slots)
        made.start()
        presence.start()
        self._workers.append((made, presence))
        return made

    def wait(self, until: Callable[[], object], seconds: float = 8.0) -> None:
        """Waits until something is so."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, "it did not come about in time"
            time.sleep(0.02)

    def rest(self, rounds: int = 1) -> None:
        """Ticks, and lets the workers do what there is, several times over."""
        for _ in range(rounds):
            self.scheduler.tick()
            self.wait(lambda: not self.jobs())

    def move(self, **by: float) -> None:
        """Moves the clock."""
        self.now += timedelta(**by)

    def close(self) -> None:
        """Stops everything."""
        self.scheduler.stop()
        for worker, presence in self._workers:
            worker.drain(3.0)
            presence.leave()
        self.app.db.close()


class Gate:
    """A task that waits in the middle until it is let go, and notices when it is enough."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()
        self.told: list[str] = []

    def __call__(self, duty: Duty) -> Done:
        self.entered.release()
        while not self.open.wait(0.02):
            why = duty.enough()
            if why:
                self.told.append(why)
                return Done(well=False, again_at=duty.app.clock(), why=why)
        return Done()


def counter(crew: Crew, connection: int, name: str) -> int:
    """A counter's value."""
    rows = crew.sql("SELECT value FROM counters WHERE connection_id = %s AND name = %s", connection, name)
    return int(rows[0][0]) if rows else 0


def events(conn: Connection, connection: int, number: int) -> None:
    """So many events in the inbox."""
    bulk.run(
        conn,
        "INSERT INTO inbox (connection_id, slug, source, event, body) "
        "SELECT %s, 's', 'procore', 'e' || n, '' FROM generate_series(1, %s) n",
        (connection, number),
    )


__all__ = ["POLL", "TIMES", "WEBHOOK", "Crew", "Gate", "counter", "events"]
