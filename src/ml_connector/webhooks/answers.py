"""The door's answers: a status and a constant body; nothing of the request and nothing of us is in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Site = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application beside the door."""

_TEXT = b"text/plain; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """One answer. With `close` the connection ends with it: the rest of what the caller sends is not read."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    close: bool = False
    why: str = ""
    """For our own log, where a refusal has more than one reason."""

    async def send(self, send: Send, *, close: bool = False) -> None:
        """Sends it."""
        headers = [*self.headers, (b"content-length", str(len(self.body)).encode())]
        if close or self.close:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def text(status: int, body: bytes, kind: bytes = _TEXT) -> Answer:
    """An answer with a text."""
    return Answer(status, body, ((b"content-type", kind), (b"cache-control", b"no-store")))


ACCEPTED = Answer(202)
"""It is committed, now or before."""
NO_EVENT = Answer(400, why="no event")
"""The caller is known, and what it sent is none of the payloads we know."""
WHO_ARE_YOU = Answer(401, headers=((b"www-authenticate", b"Bearer"),), why="not proved")
"""Unknown connection, unknown hook, no secret or a wrong one: which of them is not told."""
OTHER_COMPANY = Answer(403, why="another company")
"""The caller is known, and the event is of a company that is not the connection's."""
NOT_HERE = text(404, b"not found\n")
"""Every other address."""
NOT_SO = Answer(405, headers=((b"allow", b"POST"),))
"""An address of ours, asked in another way."""
TOO_SLOW = Answer(408, close=True, why="too slow")
"""The body took too long."""
TOO_LARGE = Answer(413, close=True, why="too large")
"""The body is larger than any event."""
AWAY = Answer(503, headers=((b"retry-after", b"1"),), why="not kept")
"""Nothing was promised: send it again."""
ALIVE = text(200, b"ok\n")
"""The process is alive."""
READY = text(200, b"ready\n")
"""The database is there and has our schema."""
NOT_READY = text(503, b"not ready\n")
"""One of them is not so; which is in our log."""
