"""The queue by Procrastinate, whose tables stand in a schema of their own (store/queue_schema.py).

Of what it offers we use: fetching by priority under locks, queueing locks, notices, asking a job to end. Not used: jobs
for later (one that waits for its time would hold up its connection's others; the agenda has them), retries (an ending
is written in the agenda) and its calls for stalled jobs (store/queue_rows.py). See decision 0030.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from procrastinate import App, JobContext, PsycopgConnector, SyncPsycopgConnector, exceptions, jobs
from procrastinate.manager import JobManager
from procrastinate.tasks import Task
from procrastinate.worker import Worker

from ml_connector.queue.port import Hands, NewJob, QueuedJob, Reach, Told

POLL_SECONDS = 2.0
"""How often it is looked for a job besides the notices of new ones."""

_PAUSE = 0.5
_GONE = "23503"
"""SQLSTATE of a foreign key that is missing: of our own row in the table of workers."""
_NOT_THERE = "P0001"
"""SQLSTATE of Procrastinate's own word that a job is not there to be ended."""
_WAKE = """SELECT pg_notify('procrastinate_any_queue_v1', '{"type": "job_inserted", "job_id": 0}')"""

_log = logging.getLogger(__name__)


class ProcrastinateQueue:
    """Implements `port.Queue`."""

    def enqueue(self, session: Any, job: NewJob) -> int:
        """Adds a job and returns its number; 0 when one like it waits already."""
        new = jobs.Job(
            id=None,
            queue="default",
            task_name=job.label,
            priority=job.priority,
            lock=job.lock,
            queueing_lock=job.queueing_lock,
            task_kwargs={"connection": job.connection, "name": job.name},
        )
        try:
            with session.transaction():
                return int(_manager(session).defer_job(new).id or 0)
        except exceptions.AlreadyEnqueued:
            return 0

    def cancel(self, session: Any, job: int) -> bool:
        """Takes a waiting job out, or asks one at work to end; whether there was one."""
        return bool(_manager(session).cancel_job_by_id(job, abort=True, delete_job=True))

    def listed(self, session: Any) -> list[QueuedJob]:
        """Every job that waits or is at work, in the order of their turn."""
        manager = _manager(session)
        doing = sorted(manager.list_jobs(status="doing"), key=lambda one: one.id or 0)
        todo = sorted(manager.list_jobs(status="todo"), key=lambda one: (-one.priority, one.id or 0))
        return [_queued(one) for one in (*doing, *todo)]

    def hands(self, reach: Reach, slots: int, do: Callable[[QueuedJob, Told], None]) -> Hands:
        """Hands that work on `slots` jobs at a time."""
        return _Hands(reach, slots, do)


class _Borrowed:
    """Stands where Procrastinate wants a pool, and lends out the one session we have."""

    def __init__(self, session: Any) -> None:
        self._session = session

    @contextlib.contextmanager
    def connection(self) -> Iterator[Any]:
        yield self._session


def _manager(session: Any) -> JobManager:
    """Procrastinate's calls over a session of ours, in its transaction."""
    connector = SyncPsycopgConnector()
    pool: Any = _Borrowed(session)
    connector.open(pool)
    return JobManager(connector)


def _queued(job: jobs.Job) -> QueuedJob:
    return QueuedJob(
        id=job.id or 0,
        connection=int(str(job.task_kwargs.get("connection", 0))),
        name=str(job.task_kwargs.get("name", "")),
        label=job.task_name,
        priority=job.priority,
        at_work=job.status == jobs.Status.DOING.value,
        aborted=bool(job.abort_requested),
    )


class _Hands:
    """A worker of Procrastinate in a thread and event loop of its own."""

    def __init__(self, reach: Reach, slots: int, do: Callable[[QueuedJob, Told], None]) -> None:
        self._reach = reach
        self._slots = slots
        self._do = do
        self._worker: Worker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._disowned = threading.Event()
        self._thread = threading.Thread(target=self._main, name="hands", daemon=True)

    @property
    def number(self) -> int | None:
        worker = self._worker
        return None if worker is None else worker.worker_id

    @property
    def disowned(self) -> bool:
        return self._disowned.is_set()

    def disown(self) -> None:
        self._disowned.set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        loop, worker = self._loop, self._worker
        if loop is not None and worker is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself meanwhile
                loop.call_soon_threadsafe(worker.stop)

    def join(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self._thread.is_alive() and time.monotonic() < until:
            if self._stopping.is_set():
                self.stop()  # again: a worker that was just beginning has not heard it
            self._thread.join(min(0.2, max(0.0, until - time.monotonic())))
        return not self._thread.is_alive()

    def _main(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        """Works until told to stop; begins anew with another number when the database was away too long."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(self._slots, thread_name_prefix="job"))
        while not self._stopping.is_set() and not self._disowned.is_set():
            try:
                await self._work()
            except Exception as error:
                _log.warning("The queue does not answer: %s", error.__cause__ or error)
                await asyncio.sleep(_PAUSE)
            finally:
                self._worker = None

    async def _work(self) -> None:
        connector = PsycopgConnector(
            conninfo=self._reach.conninfo, kwargs=dict(self._reach.options), min_size=1, max_size=3, timeout=10
        )
        app = App(connector=connector)
        app.job_manager = _Patient(connector, self._disowned)
        app.tasks = _Anything(app.task(name="job", pass_context=True)(self._job))
        async with app.open_async():
            worker = Worker(
                app=app,
                concurrency=self._slots,
                fetch_job_polling_interval=POLL_SECONDS,
                abort_job_polling_interval=POLL_SECONDS,
                delete_jobs=jobs.DeleteJobCondition.ALWAYS,
                install_signal_handlers=False,
                update_heartbeat_interval=3600.0,  # service/worker.py gives the signs of life, to the very end
                stalled_worker_timeout=1e9,  # the scheduler buries the dead, once their jobs are taken over
            )
            app.job_manager.over = lambda: self._stopping.is_set() or self._disowned.is_set()
            app.job_manager.stop = worker.stop
            self._worker = worker
            if not self._stopping.is_set():
                await worker.run()  # type: ignore[no-untyped-call]

    def _job(self, context: JobContext, /, **_given: object) -> None:
        """One job, in a thread of its own."""
        try:
            self._do(_queued(context.job), context.should_abort)
        except BaseException as error:
            _log.error("How job %s ended could not be written down: %s.", context.job.id, type(error).__name__)


class _Anything(dict[str, Task[Any, Any, Any]]):
    """Every label leads to the one function, which knows what to do with work that this release does not know."""

    def __init__(self, task: Task[Any, Any, Any]) -> None:
        super().__init__()
        self._task = task

    def get(self, _key: str, _default: object = None) -> Task[Any, Any, Any]:
        return self._task

    def __missing__(self, _key: str) -> Task[Any, Any, Any]:
        return self._task


class _Patient(JobManager):
    """Procrastinate's calls to the database, made to outlive its absence: a worker ends when one of them fails."""

    def __init__(self, connector: PsycopgConnector, disowned: threading.Event) -> None:
        super().__init__(connector)
        self._disowned = disowned
        self.over: Told = disowned.is_set
        self.stop: Callable[[], None] = lambda: None

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> jobs.Job | None:
        """The next job. None also when another worker was faster with one of the same lock, or nobody answers."""
        try:
            return await super().fetch_job(queues, worker_id)
        except exceptions.UniqueViolation:
            return None
        except exceptions.ConnectorException as error:
            if _state(error) == _GONE:
                self._disowned.set()
                self.stop()
            else:
                await asyncio.sleep(_PAUSE)
            return None

    async def finish_job_by_id_async(self, job_id: int, status: jobs.Status, delete_job: bool) -> None:
        """Ends a job, however long that takes, and wakes who waits for its lock."""
        while True:
            try:
                await super().finish_job_by_id_async(job_id, status, delete_job)
                await self.connector.execute_query_async(_WAKE)
                return
            except exceptions.ConnectorException as error:
                if _state(error) == _NOT_THERE or self.over():
                    return
                await asyncio.sleep(_PAUSE)

    async def listen_for_jobs(self, **given: Any) -> None:
        """Hears of new jobs; while nobody answers they are found by looking."""
        while True:
            with contextlib.suppress(exceptions.ConnectorException):
                await super().listen_for_jobs(**given)
            await asyncio.sleep(_PAUSE)

    async def update_heartbeat(self, worker_id: int) -> None:
        """Nothing: service/worker.py does it."""

    async def unregister_worker(self, worker_id: int) -> None:
        """Signs off; who cannot is buried by the others."""
        with contextlib.suppress(exceptions.ConnectorException):
            await super().unregister_worker(worker_id)


def _state(error: exceptions.ConnectorException) -> str:
    """The SQLSTATE behind an error; empty where the database said nothing."""
    return getattr(error.__cause__, "sqlstate", None) or ""
