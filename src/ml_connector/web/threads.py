"""Lets blocking work be done beside the event loop, so many at once and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

AT_ONCE = 12
"""Requests of pages and programs that are worked on at the same time in one process; the next ones wait. Each takes a
session of the database, of which a process has 28."""

_Found = TypeVar("_Found")


class Beside:
    """Threads of one application."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._limiter: CapacityLimiter | None = None

    async def __call__(self, work: Callable[..., _Found], *given: object) -> _Found:
        """What the work gives, done in a thread."""
        if self._limiter is None:  # made in the loop it belongs to
            self._limiter = CapacityLimiter(self._at_once)
        return await anyio.to_thread.run_sync(work, *given, limiter=self._limiter)
