"""Turns what is due into jobs, lays the timetable over the agenda, and takes over the jobs of dead workers.

Any number of processes does this at once: rows and jobs one of them looks at are passed over by the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from ml_connector.app import App
from ml_connector.kernel.errors import ConnectorError
from ml_connector.queue.port import NewJob, Queue
from ml_connector.service import polling
from ml_connector.service.duty import WEBHOOK
from ml_connector.service.endings import quiet_until
from ml_connector.service.laying import lay_out, next_turn
from ml_connector.service.parking import park
from ml_connector.service.tasks import HINTS, NOW, Known, known
from ml_connector.service.times import Times
from ml_connector.service.traced import traced
from ml_connector.store import agenda, connections, counters, inbox, queue_rows, workers
from ml_connector.store.agenda import AgendaRow
from ml_connector.store.bulk import Transaction
from ml_connector.store.queue_rows import DeadJob

LIMIT = 200
"""Rows looked at in one transaction."""

_log = structlog.get_logger()


class Scheduler:
    """One process's share of it; `tick` and the others may be called by hand as well."""

    def __init__(self, app: App, queue: Queue, tasks: Mapping[str, Known], times: Times) -> None:
        self.app = app
        self.queue = queue
        self.tasks = tasks
        self.times = times
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._done: dict[str, float] = {}
        self._marks: object = None

    def start(self) -> None:
        """Begins, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the round it is in."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(self.times.tick + 5)

    def tick(self) -> int:
        """Makes jobs of what is due now; how many."""
        now = self.app.clock()
        with self.app.db.begin() as conn:
            agenda.briefly(conn)
            if HINTS in self.tasks:
                agenda.call(conn, inbox.connections_with_new(conn), HINTS, now, WEBHOOK)
        made = 0
        while True:
            with self.app.db.begin() as conn:
                agenda.briefly(conn)
                rows = agenda.due(conn, now, LIMIT)
                made += self._dispatch(conn, rows, now)
            if len(rows) < LIMIT:
                return made

    def recover(self) -> int:
        """Takes over what dead workers had in their hands; how many jobs."""
        now = self.app.clock()
        with self.app.db.begin() as conn:
            agenda.briefly(conn)
            dead = queue_rows.take_dead(conn, self.times.stalled)
            for one in dead:
                self._take_over(conn, one, now)
            for lost in queue_rows.lost(conn):
                agenda.again(conn, lost.key, lost.id, now, None)
            queue_rows.bury(conn, self.times.stalled)
            workers.bury(conn, self.times.bury)
        return len(dead)

    def lay_out(self) -> None:
        """Lays the timetables of all connections over the agenda, unless another process is at it."""
        lay_out(self.app, self.tasks)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self.app.db.listening(inbox.CHANNEL, agenda.CHANNEL) as ears:
                    while not self._stopping.is_set():
                        self._round()
                        if ears.wait(self.times.tick):
                            self._stopping.wait(0.02)  # what comes in one burst makes one round
            except ConnectorError as error:
                _log.warning("scheduler.waits", why=str(error))
                self._stopping.wait(self.times.tick)
            except Exception as error:
                _log.error("scheduler.failed", **traced(error))
                self._stopping.wait(self.times.tick)

    def _round(self) -> None:
        with self.app.db.begin() as conn:
            marks = agenda.marks(conn)
        if marks != self._marks:
            self._marks = marks
            self._done.pop("lay_out", None)
        self._every("lay_out", self.times.lay_out, self.lay_out)
        self._every("recover", self.times.beat, self.recover)
        self._every("hasten", self.times.hasten / 10, self._hasten)
        self.tick()

    def _every(self, what: str, seconds: float, act: Callable[[], object]) -> None:
        last = self._done.get(what)
        if last is None or time.monotonic() - last >= seconds:
            self._done[what] = time.monotonic()
            act()

    def _hasten(self) -> None:
        since = self.app.clock() - timedelta(seconds=self.times.hasten)
        with self.app.db.begin() as conn:
            queue_rows.hasten(conn, since, WEBHOOK)

    def _dispatch(self, conn: Transaction, rows: list[AgendaRow], now: datetime) -> int:
        """Makes jobs of rows that are due and locked."""
        polls: dict[int, list[AgendaRow]] = {}
        made = 0
        for row in rows:
            if row.name.startswith(polling.POLL):
                polls.setdefault(row.connection_id, []).append(row)
            else:
                made += self._make(conn, row, now)
        for number, due in polls.items():
            ready = polling.gather(self.app, conn, number, due, now)
            if ready is not None:
                made += self._make(conn, ready, now)
        return made

    def _make(self, conn: Transaction, row: AgendaRow, now: datetime) -> int:
        """Makes a job of one row, or counts that one like it is about; how many were made."""
        found = connections.by_id(conn, row.connection_id) if row.connection_id else None
        turn = next_turn(self.app, found, row.name, now)
        joins = row.name == HINTS or row.name.startswith(NOW)  # another one may wait while one is at work
        if row.waiting_job or (row.running_job and not joins):
            counted = 0 if turn is None else 1
            agenda.put_off(conn, row, turn, skipped=counted)
            counters.bump(conn, row.connection_id, {counters.SKIPPED: counted})
            return 0
        task = known(row.name, self.tasks)
        job = NewJob(row.connection_id, row.name, task.label if task else row.name.partition("/")[0], row.priority)
        with queue_rows.session(conn) as session:
            number = self.queue.enqueue(session, job)
        if number:
            agenda.queued(conn, row, number, now, turn)
        else:
            agenda.put_off(conn, row, turn)
        return 1 if number else 0

    def _take_over(self, conn: Transaction, dead: DeadJob, now: datetime) -> None:
        row = agenda.one(conn, *dead.key)
        if row is None or dead.id not in (row.waiting_job, row.running_job):
            return  # it had ended by itself, but for the last word in the queue
        if dead.name == HINTS:
            inbox.give_back(conn, dead.connection_id)
        if dead.aborted:
            why = "Cancelled; its worker ended before it did."
            agenda.dropped(conn, dead.key, dead.id, why, quiet_until(dead.name, now))
            return
        began = row.running_job == dead.id
        agenda.again(conn, dead.key, dead.id, now, {**dead.worker, "at": now.isoformat()} if began else None)
        counters.bump(conn, dead.connection_id, {counters.TAKEOVERS: 1})
        named = connections.by_id(conn, dead.connection_id) if dead.connection_id else None
        name = named.name if named else ""
        _log.warning("job.taken_over", connection=name, task=dead.name, job=dead.id, by=dead.worker)
        deaths = len(row.deaths) + 1
        if began and deaths >= self.times.tries:
            park(conn, row, dead.id, f"Its worker ended in the middle of it, {deaths} times in a row.", deaths)
