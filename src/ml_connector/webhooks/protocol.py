"""Keeps strangers from holding the door: the head of a request has a size and a time, and idle callers make room."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_CONNECTIONS = 500
"""Callers connected at the same time; the usual limit of open files is 1,024."""
MOST_HEAD = 16 * 1024
"""Bytes of an unfinished head."""
HEAD_SECONDS = 10.0
"""Seconds a caller may take for a head, from connecting or from the end of the request before."""


_MOST_DROPPED = 64 * MOST_HEAD
_LAST_SECONDS = 1.0


class DoorProtocol(HttpToolsProtocol):
    """One connection. Uvicorn itself waits for ever for a head, of any length.

    `idle` is shared by all connections of a door: those that have no request under way, the longest so first. They
    are the first to go when too many are connected; then those whose request has begun and does not end, `unread`.
    """

    def __init__(self, idle: dict[DoorProtocol, None], unread: dict[DoorProtocol, None], **given: Any) -> None:
        super().__init__(**given)
        self._idle = idle
        self._unread = unread
        self._refused = False
        self._timer: asyncio.TimerHandle | None = None
        self._head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a head, and sends somebody away when there are too many."""
        super().connection_made(transport)
        self._wait_for_head()
        if len(self.connections) > MOST_CONNECTIONS:
            others = (one for among in (self._idle, self._unread) for one in among if one is not self)
            oldest = next(others, self)
            oldest._head_done()
            oldest._unread.pop(oldest, None)
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self._head_done()
        self._unread.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Passes on what came; says so and hangs up when a head does not end."""
        if self.transport.is_closing():
            return
        if self._refused:  # what comes in the meantime is dropped: who still sends reads no answer
            self._head += len(data)
            if self._head > _MOST_DROPPED:
                self.transport.abort()
            return
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            return
        if self._timer is None:
            self._wait_for_head()
        self._head += len(data)
        if self._head > MOST_HEAD and not self.transport.is_closing():
            self._refuse()

    def _refuse(self) -> None:
        """The head is too long: its address, where nothing came after that, or else its fields."""
        status = b"431 Request Header Fields Too Large" if self.headers else b"414 URI Too Long"
        self._refused = True
        self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(_LAST_SECONDS, self.transport.close)

    def on_headers_complete(self) -> None:
        """The head is whole: from here on the application minds the time."""
        self._head_done()
        self._unread[self] = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._unread.pop(self, None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Waits for the next head."""
        super().on_response_complete()
        if not self.transport.is_closing() and self.cycle.response_complete:
            self._idle[self] = None

    def _wait_for_head(self) -> None:
        self._head = 0
        self._idle[self] = None
        self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_done(self) -> None:
        self._idle.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
