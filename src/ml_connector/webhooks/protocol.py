"""Keeps strangers from holding the door: heads have a size and a time, answers are taken, idle callers make room."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MOST_CONNECTIONS = 500
"""Callers connected at the same time; the usual limit of open files is 1,024."""
MOST_HEAD = 16 * 1024
"""Bytes of an unfinished head."""
HEAD_SECONDS = 10.0
"""Seconds a caller may take for a head, from connecting or from the end of the request before."""
ANSWER_SECONDS = 10.0
"""Within so many seconds a caller takes at least `LEAST_TAKEN` of an answer that waits for it, or the rest."""
LEAST_TAKEN = 16 * 1024
"""Bytes."""
MOST_AHEAD = 16
"""Requests a caller may send before the answer to the one before them is through."""


_MOST_DROPPED = 64 * MOST_HEAD
_LAST_SECONDS = 1.0


class Callers:
    """The connections of a door by what they wait for, the longest so first. Who is in the first of them goes first
    when too many are connected; a connection is in one of them at most."""

    def __init__(self) -> None:
        self.idle: dict[DoorProtocol, None] = {}
        """Have no request under way."""
        self.unread: dict[DoorProtocol, None] = {}
        """Have begun one whose end does not come."""
        self.answered: dict[DoorProtocol, None] = {}
        """Have sent one that is being answered, or do not take their answer."""

    def put(self, one: DoorProtocol, among: dict[DoorProtocol, None]) -> None:
        """Puts a connection last in one of them, unless it is there already."""
        if one not in among:
            self.forget(one)
            among[one] = None

    def forget(self, one: DoorProtocol) -> None:
        """Takes a connection out."""
        for among in (self.idle, self.unread, self.answered):
            among.pop(one, None)

    def oldest(self, besides: DoorProtocol) -> DoorProtocol:
        """Who makes room for a newcomer: the newcomer itself where nobody else is here."""
        others = (one for among in (self.idle, self.unread, self.answered) for one in among if one is not besides)
        return next(others, besides)


class DoorProtocol(HttpToolsProtocol):
    """One connection. Uvicorn itself waits for ever for a head, of any length, and for an answer to be taken."""

    def __init__(self, callers: Callers, **given: Any) -> None:
        super().__init__(**given)
        self._callers = callers
        self._refused = False
        self._timer: asyncio.TimerHandle | None = None
        self._head = 0
        self._watch: asyncio.TimerHandle | None = None
        self._left = 0
        self._at_work: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a head, and sends somebody away when there are too many."""
        super().connection_made(transport)
        self._wait_for_head()
        if len(self.connections) > MOST_CONNECTIONS:
            self._callers.oldest(self)._cut()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self._head_done()
        self._callers.forget(self)
        self._gone()
        self._end_watch()
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
        self._timer = self.loop.call_later(_LAST_SECONDS, self._leave)

    def on_headers_complete(self) -> None:
        """The head is whole: from here on the application minds the time."""
        self._head_done()
        if self._at_work is None:
            self._callers.put(self, self._callers.unread)
        super().on_headers_complete()
        if len(self.pipeline) > MOST_AHEAD:
            self._cut()

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._at_work is not None and not self.transport.is_closing():
            self._callers.put(self, self._callers.answered)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Waits for the next head."""
        self._at_work = None
        super().on_response_complete()  # begins the next request, if it has come
        self._begin_watch()
        if not self.transport.is_closing() and self._at_work is None:
            self._callers.put(self, self._callers.answered if self._left else self._callers.idle)

    def pause_writing(self) -> None:
        """The caller takes its answer slower than it is made: begins to watch that it takes it at all."""
        super().pause_writing()
        self._begin_watch()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing more is asked."""
        self._leave()

    def _leave(self) -> None:
        """Hangs up once what waits to be sent is taken."""
        self.transport.close()
        self._begin_watch()

    def _begin_watch(self) -> None:
        """Has who takes no answer sent away; the time begins anew with each answer."""
        self._end_watch()
        self._left = self.transport.get_write_buffer_size()
        if self._left or self.transport.is_closing():
            self._watch = self.loop.call_later(ANSWER_SECONDS, self._look)

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _look(self) -> None:
        left = self.transport.get_write_buffer_size()
        if left and left > self._left - LEAST_TAKEN:
            self._cut()
            return
        self._begin_watch()
        if not left and self._at_work is None and not self.transport.is_closing() and self in self._callers.answered:
            self._callers.put(self, self._callers.idle)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._at_work = cycle
        if not self.flow.write_paused:
            self._end_watch()
        super()._start_asgi_task(cycle, app)

    def _cut(self) -> None:
        """Ends the connection at once; what waits to be sent is lost."""
        self._head_done()
        self._end_watch()
        self._callers.forget(self)
        self._gone()
        self.transport.abort()

    def _gone(self) -> None:
        """Nobody hears what is answered any more; uvicorn tells so only to the request that came last."""
        for cycle in (self._at_work, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        self.flow.resume_writing()

    def _wait_for_head(self) -> None:
        self._head = 0
        self._callers.put(self, self._callers.idle)
        self._timer = self.loop.call_later(HEAD_SECONDS, self._leave)

    def _head_done(self) -> None:
        self._callers.idle.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
