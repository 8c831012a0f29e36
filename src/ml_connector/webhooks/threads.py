"""Lets blocking work be done beside the event loop, in threads that nobody has to wait for at the end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

_Found = TypeVar("_Found")


def in_thread(work: Callable[[], _Found]) -> asyncio.Future[_Found]:
    """Does `work` in a thread of its own; the future belongs to the running loop."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Found] = loop.create_future()

    def settle(found: _Found | None, error: Exception | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
            future.exception()  # whoever gave up waiting does not want to hear of it
        else:
            future.set_result(found)  # type: ignore[arg-type]

    def run() -> None:
        found, failed = None, None
        try:
            found = work()
        except Exception as error:  # handed to whoever waits, whatever it is
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop may be closed by then
            loop.call_soon_threadsafe(settle, found, failed)

    threading.Thread(target=run, name="door helper", daemon=True).start()
    return future


class OneAtATime(Generic[_Found]):
    """Blocking work that many may ask for: those who come while it is under way share its answer.

    One that hangs longer than `patience` seconds is left behind, so that a dead session does not hold it up for good.
    """

    def __init__(self, work: Callable[[], _Found], patience: float = 20.0) -> None:
        self._work = work
        self._patience = patience
        self._under_way: asyncio.Future[_Found] | None = None
        self._began = 0.0

    def start(self) -> asyncio.Future[_Found]:
        """The work under way, begun now if there is none. Not to be cancelled: shield it, or use `within`."""
        now = time.monotonic()
        held = self._under_way
        if held is None or held.done() or now - self._began > self._patience:
            held = self._under_way = in_thread(self._work)
            self._began = now
        return held

    async def within(self, seconds: float) -> _Found:
        """The work's answer; TimeoutError when it takes longer than that, or the work's own error."""
        return await asyncio.wait_for(asyncio.shield(self.start()), seconds)
