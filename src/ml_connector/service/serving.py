"""Processes of the service: what they are made of, and how they end when they are told to."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Protocol

import structlog

from ml_connector.app import App
from ml_connector.queue.procrastinate_queue import ProcrastinateQueue
from ml_connector.service.scheduler import Scheduler
from ml_connector.service.tasks import TASKS
from ml_connector.service.times import Times
from ml_connector.service.tracing import Traces
from ml_connector.service.watching import Watch
from ml_connector.service.worker import SLOTS, Presence, Worker

CUT_SHORT = 10
"""Exit code of a process whose runs did not reach a safe point in time: others go on with them."""
_LOOK = 0.5

_log = structlog.get_logger()


class DoorLike(Protocol):
    """What opens the door; webhooks/serving.py has it, and whoever may know that room hands it over."""

    @property
    def url(self) -> str:
        """Where it listens."""
        ...

    @property
    def open(self) -> bool:
        """Whether it serves."""
        ...

    def start(self) -> None:
        """Listens."""
        ...

    def stop(self) -> None:
        """Answers who is inside, and ends."""
        ...


class Service:
    """One process: a worker with its scheduler, a door, or both."""

    def __init__(self, app: App, *, door: DoorLike | None = None, slots: int = SLOTS) -> None:
        """`slots` 0 makes a door alone."""
        times = Times.of(app.settings)
        kind = "serve" if door and slots else "door" if door else "worker"
        self.app = app
        self.kind = kind
        self.door = door
        self.presence = Presence(app, kind, times)
        self.traces = Traces.of(os.environ)
        app.wiring.overhearing = self.traces.overhearing
        self.watch = Watch(app) if kind == "door" else None
        self.worker: Worker | None = None
        self.scheduler: Scheduler | None = None
        if slots:
            queue = ProcrastinateQueue()
            self.worker = Worker(self.presence, queue, TASKS, slots)
            self.worker.traces = self.traces
            self.scheduler = Scheduler(app, queue, TASKS, times)

    def start(self) -> None:
        """Begins everything; the door first, which may find its address taken."""
        if self.door:
            self.door.start()
        if self.worker and self.scheduler:
            self.worker.start()
            self.scheduler.start()
        self.presence.start()
        if self.watch:
            self.watch.start()
        _log.info("service.begun", kind=self.kind, process=self.presence.id)

    def stop(self, seconds: float) -> bool:
        """Ends in good order within that time, and a little for the door; whether every run reached a safe point."""
        self.presence.stopping = True
        until = time.monotonic() + seconds
        if self.watch:
            self.watch.stop()
        if self.scheduler:
            self.scheduler.stop()
        closing = threading.Thread(target=self.door.stop, name="closing") if self.door else None
        if closing:
            closing.start()
        well = self.worker.drain(max(0.0, until - time.monotonic())) if self.worker else True
        if closing:
            closing.join()
        self.presence.leave()
        self.traces.close()
        _log.info("service.ended", kind=self.kind, process=self.presence.id, well=well)
        return well

    @property
    def fails(self) -> str:
        """Why it cannot go on, or nothing."""
        return "The door has closed by itself." if self.door and not self.door.open else ""


def keep_loaded() -> None:
    """What is loaded by now stays as long as the process does, and the garbage collector looks through it no more: it
    would take a tenth of a second each time, while everybody waits.
    """
    gc.collect()
    gc.freeze()


def serve(service: Service, begun: Callable[[Service], None], seconds: float) -> int:
    """Runs a service until SIGTERM or SIGINT, then drains it; its exit code. A second signal ends it at once.

    It may not return: a process with runs that did not stop in time ends here, which the journal makes safe.
    """
    told = threading.Event()

    def heard(_number: int, _frame: FrameType | None) -> None:
        if told.is_set():
            os._exit(CUT_SHORT)
        told.set()

    former = {number: signal.signal(number, heard) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        service.start()
        keep_loaded()
        begun(service)
        while not told.wait(_LOOK) and not service.fails:
            pass
        failed = service.fails
        if service.stop(seconds):
            return CUT_SHORT if failed else 0
        _log.warning("service.cut_short", seconds=seconds)
        os._exit(CUT_SHORT)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
