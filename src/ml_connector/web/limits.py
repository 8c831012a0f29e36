"""What a caller may send: how much, and how slowly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from starlette.requests import Request

MOST_BODY = 4 * 1024 * 1024
"""Bytes of a form or an upload; a mapping of ten thousand rows has about one million."""
BODY_SECONDS = 30.0
"""Seconds a caller may take to send them."""
STRANGE_BODY = 16 * 1024
"""Bytes of a form of somebody nobody knows yet, such as that of signing in."""
STRANGE_SECONDS = 5.0
"""Seconds they may take to send it."""
STRANGERS = 50
"""So many of them are waited for at the same time in one process; those who take longest make room for the next."""
_DRAINED = 16
MOST_FIELDS = 20_000
"""Fields of one form."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class TooLarge(Exception):
    """The body is larger than anything we take: than `most` bytes."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


class TooSlow(Exception):
    """The body took too long to come."""


class Crowded(Exception):
    """Too many strangers send, or wait, at the same time, and this one has done so longest."""


class Limit(NamedTuple):
    """How much one caller may send, and how slowly."""

    most: int
    seconds: float


class Place:
    """One stranger who is waited for. `put_out` ends that."""

    def __init__(self) -> None:
        self.out = False
        self.timeout: asyncio.Timeout | None = None
        """Of the reading that is under way."""

    def put_out(self) -> None:
        """Somebody else needs the place."""
        self.out = True
        if self.timeout is not None:
            self.timeout.reschedule(asyncio.get_running_loop().time())


class Strangers:
    """Those who are waited for in one process. Used from one event loop."""

    def __init__(self) -> None:
        self._places: dict[Place, None] = {}

    @contextmanager
    def one(self) -> Iterator[Place]:
        """A place for one more; whoever has had theirs longest loses it where there are too many."""
        place = Place()
        self._places[place] = None
        if len(self._places) > STRANGERS:
            oldest = next(iter(self._places))
            del self._places[oldest]
            oldest.put_out()
        try:
            yield place
        finally:
            self._places.pop(place, None)


def limited(request: Request, stranger: Place | None = None) -> Request:
    """The same request, whose body may be read no further than the limit: reading on raises TooLarge, or TooSlow.

    A `stranger` has a narrower one, and Crowded is raised where others need the place.
    """
    limit = Limit(MOST_BODY, BODY_SECONDS) if stranger is None else Limit(STRANGE_BODY, STRANGE_SECONDS)
    return Request(request.scope, _counted(request.receive, limit, stranger or Place()))


def _counted(receive: Receive, limit: Limit, place: Place) -> Receive:
    had = 0
    until = asyncio.get_running_loop().time() + limit.seconds

    async def read() -> MutableMapping[str, Any]:
        nonlocal had
        if place.out:
            raise Crowded
        try:
            async with asyncio.timeout_at(until) as place.timeout:
                message = await receive()
                had += len(message.get("body", b""))
                if had <= limit.most:
                    return message
                while message.get("more_body", False) and had < _DRAINED * limit.most:  # who still sends reads nothing
                    message = await receive()
                    had += len(message.get("body", b""))
        except TimeoutError:
            raise Crowded if place.out else TooSlow from None
        finally:
            place.timeout = None
        raise TooLarge(limit.most)

    return read
