"""A process at work: takes jobs, gives signs of life, writes down how each job ended, and leaves in good order."""

from __future__ import annotations

import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
import structlog

from ml_connector.app import App
from ml_connector.kernel.clock import system_clock
from ml_connector.kernel.errors import BadInput, ConnectorError, FixSetup, Wait
from ml_connector.queue.port import Hands, Queue, QueuedJob, Reach, Told
from ml_connector.registry import FLOWS as ALL_FLOWS
from ml_connector.service import endings
from ml_connector.service.duty import BACKFILL, Duty
from ml_connector.service.endings import Outcome
from ml_connector.service.parking import park
from ml_connector.service.polling import POLL, flows_of, rows_of
from ml_connector.service.tasks import FLOWS, HINTS, NOW, REST, Known, known
from ml_connector.service.times import Times
from ml_connector.service.traced import traced
from ml_connector.service.tracing import Traces
from ml_connector.store import agenda, alerts, connections, inbox, queue_rows, workers
from ml_connector.store.agenda import AgendaRow, Ending, Laid
from ml_connector.store.alerts import WARNING, Alert
from ml_connector.store.bulk import Transaction
from ml_connector.store.workers import WorkerRow

SLOTS = 4
"""Jobs one process works on at a time when nobody says otherwise; each is of another connection."""

_log = structlog.get_logger()
_T = TypeVar("_T")


class Presence:
    """This process in the table of workers: a sign of life every few seconds until it leaves."""

    def __init__(self, app: App, kind: str, times: Times) -> None:
        """`kind` is worker, door or serve."""
        host = socket.gethostname()
        self.app = app
        self.times = times
        self.id = f"{host}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        self.stopping = False
        self.said: int | None = None
        """The number in the queue it has told of."""
        self.beaten: Callable[[Transaction], int | None] = lambda _conn: None
        """Called with each sign of life; answers the process's number in the queue."""
        self._row = WorkerRow(self.id, kind, host, os.getpid(), None, system_clock(), system_clock(), False)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="signs of life", daemon=True)

    def start(self) -> None:
        """Begins to give signs."""
        self._thread.start()

    def leave(self) -> None:
        """Says goodbye."""
        self._done.set()
        self._thread.join(self.times.beat + 5)
        try:
            with self.app.db.begin() as conn:
                workers.leave(conn, self.id)
        except ConnectorError as error:
            _log.warning("worker.left_unsaid", why=str(error))

    def say(self, conn: Transaction, queue_id: int | None) -> None:
        """One sign of life, with the number in the queue the process has by now."""
        row = self._row
        known_as = (row.id, row.kind, row.host, row.pid, queue_id, row.started_at)
        workers.beat(conn, WorkerRow(*known_as, row.seen_at, self.stopping))
        self.said = queue_id

    def _run(self) -> None:
        while True:
            try:
                with self.app.db.begin() as conn:
                    agenda.briefly(conn)
                    self.say(conn, self.beaten(conn))
            except ConnectorError as error:
                _log.warning("worker.no_sign_of_life", why=str(error))
            except Exception as error:
                _log.error("worker.no_sign_of_life", **traced(error))
            if self._done.wait(self.times.beat):
                return


class Worker:
    """Works on `slots` jobs at a time until it is drained."""

    def __init__(self, presence: Presence, queue: Queue, tasks: Mapping[str, Known], slots: int = SLOTS) -> None:
        """`presence` is the process it works in; it gives the queue its signs of life, too."""
        self.presence = presence
        self.app = presence.app
        self.queue = queue
        self.tasks = tasks
        self.times = presence.times
        self.slots = slots
        presence.beaten = self.sign
        self.draw: Callable[[], float] = random.random
        self.traces = Traces()
        self._leaving = threading.Event()
        self._hands: Hands = self._new_hands()
        self._former: list[Hands] = []
        self._in_hand: set[int] = set()
        self._astray: set[int] = set()
        """Jobs the queue believed to be ours, and we did not, when it was looked last."""

    def start(self) -> None:
        """Begins to take jobs."""
        self._hands.start()

    def sign(self, conn: Transaction) -> int | None:
        """Gives the queue a sign of life, and begins anew where others took us for dead; our number there."""
        hands = self._hands
        number = hands.number
        for one in (hands, *self._former):
            if one.number is not None and not queue_rows.beat(conn, one.number) and one is hands:
                hands.disown()
        if hands.disowned and not self._leaving.is_set():
            _log.warning("worker.taken_for_dead", number=number)
            hands.stop()
            self._former = [one for one in (*self._former, hands) if not one.join(0)]
            self._hands = self._new_hands()
            self._hands.start()
        elif number is not None:
            self._give_back_astray(conn, number)
        return number

    def drain(self, seconds: float) -> bool:
        """Takes no new jobs, lets those at work stop at their next safe point, and puts back the others after so many
        seconds; whether every one had stopped. If not, the process should end now: the journal makes that safe."""
        self._leaving.set()
        until = time.monotonic() + seconds
        every = (*self._former, self._hands)
        numbers = [one.number for one in every if one.number is not None]
        for one in every:
            one.stop()
        left = [one for one in every if not one.join(max(0.0, until - time.monotonic()))]
        if not left:
            return True
        try:
            with self.app.db.begin() as conn:
                for number in numbers:
                    for job in queue_rows.take_own(conn, number):
                        agenda.again(conn, job.key, job.id, self.app.clock(), None)
        except ConnectorError as error:  # then the others find out by themselves
            _log.warning("worker.left_jobs", why=str(error))
        return False

    def _give_back_astray(self, conn: Transaction, number: int) -> None:
        """Jobs whose fetching was committed while its answer was lost: nobody else would ever take them over."""
        astray = set(queue_rows.at_work(conn, number)) - self._in_hand
        for job in queue_rows.take_own(conn, number, astray & self._astray):
            _log.warning("job.astray", job=job.id, task=job.name)
            agenda.again(conn, job.key, job.id, self.app.clock(), None)
        self._astray = astray

    def _new_hands(self) -> Hands:
        reach = Reach(*self.app.db.for_queue())
        hands: Hands = self.queue.hands(reach, self.slots, lambda job, told: self._held(hands, job, told))
        return hands

    def _held(self, hands: Hands, job: QueuedJob, told: Told) -> None:
        self._in_hand.add(job.id)
        try:
            self._do(hands, job, told)
        finally:
            self._in_hand.discard(job.id)

    def _do(self, hands: Hands, job: QueuedJob, told: Told) -> None:
        """One job, from its row of the agenda to its row of the agenda."""
        key = (job.connection, job.name)
        row = self._written(lambda conn: self._begun(conn, job, hands.number))
        if row is None:
            return
        found = None
        if job.connection:
            found = self._written(lambda conn: connections.by_id(conn, job.connection))
            if found is None:
                return
        task = known(job.name, self.tasks)
        if task is None:
            sentence = f"This release knows no task {job.name.partition('/')[0]!r}."
            self._written(lambda conn: park(conn, row, job.id, sentence, 1))
            return

        def enough() -> str:
            if told():
                return "It was cancelled."
            if self._leaving.is_set():
                return "The worker is leaving."
            return "This worker was taken for dead." if hands.disowned else ""

        what = "poll" if job.name == FLOWS or job.name.startswith(REST) else job.name
        duty = Duty(self.app, what, found, row.args, row.priority, job.id, enough)
        with structlog.contextvars.bound_contextvars(connection=found.name if found else "", task=what, job=job.id):
            outcome = self._outcome(duty, row, task, told, hands)
            if not self._written(lambda conn: self._ended(conn, row, job.id, outcome)):
                _log.warning("job.was_taken_over", key=key)

    def _outcome(self, duty: Duty, row: AgendaRow, task: Known, told: Told, hands: Hands) -> Outcome:
        """Does it, and says what follows."""

        def facts() -> endings.Told:
            leaving = self._leaving.is_set() or hands.disowned
            return endings.Told(self.app.clock(), self.draw(), self.times.tries, told(), leaving)

        started = time.perf_counter()
        name = duty.connection.name if duty.connection else ""
        try:
            with self.traces.span("job", {"connection": name, "task": duty.task, "job": duty.job}):
                done = task.do(duty)
            outcome = endings.after(row, task.nature, done, facts())
        except Exception as error:
            outcome = endings.after_error(row, task.nature, error, facts())
            if not isinstance(error, ConnectorError):
                _log.error("job.failed", **traced(error))
        ending = outcome.ending
        _log.info("job.ended", well=ending.well, why=ending.why, seconds=round(time.perf_counter() - started, 3))
        return outcome

    def _begun(self, conn: Transaction, job: QueuedJob, number: int | None) -> AgendaRow | None:
        now = self.app.clock()
        if number != self.presence.said:  # should this very job end the process, it must be known whose it was
            self.presence.say(conn, number)
        row = agenda.begin(conn, (job.connection, job.name), job.id, now)
        if row is not None and _runs_flows(row.name):
            agenda.followed(conn, row.connection_id, rows_of(row.args), now)
        return row

    def _ended(self, conn: Transaction, row: AgendaRow, job: int, outcome: Outcome) -> bool:
        """Writes down how a job ended; false when it is somebody else's by now."""
        key, ending = (row.connection_id, row.name), outcome.ending
        if not agenda.end(conn, key, job, ending):
            return False
        if row.name == HINTS and not ending.well:
            inbox.give_back(conn, row.connection_id)
        if outcome.alarm is not None:
            alerts.raise_alert(conn, row.connection_id, _alert(row, outcome.alarm), ending.now)
        elif ending.well:
            alerts.clear_alert(conn, row.connection_id, f"job/{row.name}", ending.now)
        if _runs_flows(row.name):
            self._followed(conn, row, outcome)
        elif row.name.startswith(NOW) and ending.well and not row.args.get("approved"):
            flows = flows_of(row.args) or ALL_FLOWS
            fresh = {f"{POLL}{flow}" for flow in flows if flow not in outcome.still}
            agenda.followed(conn, row.connection_id, fresh, Ending(ending.now, True, "", row.priority))
        if outcome.rest is not None:
            name = f"{REST}{','.join(sorted(flows_of(outcome.rest)))}"
            agenda.ask(conn, Laid(row.connection_id, name, ending.now, BACKFILL, outcome.rest))
        if outcome.give_up:
            park(conn, row, job, outcome.give_up, ending.attempts)
        agenda.wake(conn)
        return True

    def _followed(self, conn: Transaction, row: AgendaRow, outcome: Outcome) -> None:
        """Notes at the flows how their run ended; of one that was cut short some are done, and the others go on.

        A flow that stood still is not well whatever the others did.
        """
        left = outcome.rest
        if left is None and outcome.ending.due_at is not None:
            left = outcome.ending.args
        still = {f"{POLL}{flow}": why for flow, why in outcome.still.items()}
        every = set(rows_of(row.args))
        over = set() if left is None else every - set(rows_of(left))
        ending = outcome.ending
        if still and ending.well:  # what it says is said of those that stood still
            ending = msgspec.structs.replace(ending, why="")
        agenda.followed(conn, row.connection_id, every - over - still.keys(), ending)
        well = Ending(outcome.ending.now, True, "", row.priority)
        agenda.followed(conn, row.connection_id, over - still.keys(), well)
        for name, why in still.items():
            stood = msgspec.structs.replace(outcome.ending, well=False, why=why)
            agenda.followed(conn, row.connection_id, {name} & every, stood)

    def _written(self, act: Callable[[Transaction], _T]) -> _T:
        """What `act` answers in a transaction; while the database is away it is tried again for a while."""
        until = time.monotonic() + self.times.patience
        while True:
            try:
                with self.app.db.begin() as conn:
                    agenda.briefly(conn)
                    return act(conn)
            except (Wait, FixSetup) as error:
                if time.monotonic() > until or isinstance(error, BadInput):
                    raise
                time.sleep(0.5)


def _alert(row: AgendaRow, error: ConnectorError) -> Alert:
    return Alert(f"job/{row.name}", WARNING, f"{row.name} cannot go on: {error}", error.remedy)


def _runs_flows(name: str) -> bool:
    return name == FLOWS or name.startswith(REST)
