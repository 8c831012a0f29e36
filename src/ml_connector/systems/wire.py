"""The one seam to the outside: a callable from request to reply, and what is kept of each exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec


class WireRequest(msgspec.Struct, frozen=True):
    """One request to a system. `url` is absolute; `safe` says it may be sent twice (reads, upserts by once-key)."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    safe: bool = False
    signed: bool = True
    """False for sign-in itself: no bearer token is added and nothing of it is kept as evidence."""
    reading: bool = False
    """True for a POST that only reads (an OData batch of GETs): safe, and counted and kept as a read."""


class WireReply(msgspec.Struct, frozen=True):
    """One reply. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Call(Protocol):
    """Sends one request and returns the reply, whatever its status.

    It paces, signs, refreshes the token once on 401 (or shortly before expiry), retries what is safe, and tapes.
    Raises HostUnreachable (never left), Unavailable (a safe request kept failing), OutcomeUnknown (a write without an
    answer), RateLimited or Locked (pauses outlasted the budget), SignInRefused.
    """

    def __call__(self, request: WireRequest, /) -> WireReply:
        """The reply to `request`."""
        ...


class Exchange(msgspec.Struct, frozen=True):
    """What is kept of one request and its reply, already redacted; `status` 0 means no answer came."""

    side: str
    method: str
    path: str
    status: int
    request: bytes
    reply: bytes
    request_id: str
    milliseconds: int
    write: bool
    left: bool = True
    """Whether it may have reached the other side; False where no byte of it left."""


Tape = Callable[[Exchange], None]
"""Takes one exchange for keeping; must be quick and thread safe."""
