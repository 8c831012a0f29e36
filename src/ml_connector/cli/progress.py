"""Shows long work as it goes: a line with counts on a terminal, a log line every few seconds elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

import structlog
from rich.console import Console
from rich.status import Status

_EVERY = 5.0
"""Seconds between two log lines."""


class Shown:
    """Takes counts from any thread while the block lasts. `stream` is standard error."""

    def __init__(self, stream: TextIO, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._title = title
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._said = clock()
        console = Console(file=stream, highlight=False)
        self._status = Status(title, console=console) if console.is_terminal else None

    def __enter__(self) -> Shown:
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def __call__(self, what: str, count: int) -> None:
        """`count` of `what` are done so far."""
        with self._lock:
            self._counts.pop(what, None)
            self._counts[what] = count
            if self._status:
                done = ", ".join(f"{name} {number:,}" for name, number in list(self._counts.items())[-2:])
                self._status.update(f"{self._title}: {done}")
            elif self._clock() - self._said >= _EVERY:
                self._said = self._clock()
                structlog.get_logger().info(
                    self._title, **{name.replace(" ", "_"): n for name, n in self._counts.items()}
                )
