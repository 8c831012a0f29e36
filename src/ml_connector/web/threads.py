"""Lets blocking work be done beside the event loop, so many at once and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from ml_connector.web.limits import Crowded

AT_ONCE = 12
"""Requests of pages and programs that are worked on at the same time in one process; the next ones wait. Each takes a
session of the database, of which a process has 28."""
ABROAD = 3
"""Requests of strangers that are worked on at the same time by asking somebody else, such as the company's provider,
who may take long: they have threads of their own, so that nobody else waits for them."""
ABROAD_SECONDS = 3.0
"""Seconds after which the next of those are told to come again."""

_Found = TypeVar("_Found")


class Beside:
    """Threads of one application. Who gets none within `seconds`, if they are given, is Crowded out."""

    def __init__(self, at_once: int = AT_ONCE, seconds: float | None = None) -> None:
        self._at_once = at_once
        self._seconds = seconds
        self._places = asyncio.Semaphore(at_once)
        self._limiter: CapacityLimiter | None = None

    async def __call__(self, work: Callable[..., _Found], *given: object) -> _Found:
        """What the work gives, done in a thread."""
        if self._limiter is None:  # made in the loop it belongs to
            self._limiter = CapacityLimiter(self._at_once)
        try:
            async with asyncio.timeout(self._seconds):
                await self._places.acquire()
        except TimeoutError:
            raise Crowded from None
        try:
            return await anyio.to_thread.run_sync(work, *given, limiter=self._limiter)
        finally:
            self._places.release()
