"""An exchange as evidence takes it."""

from __future__ import annotations

import msgspec


class Taped(msgspec.Struct, frozen=True):
    """One request and its answer; a test changes what it is about."""

    side: str = "projects"
    method: str = "POST"
    path: str = "/rest/v1.0/vendors"
    status: int = 201
    request: bytes = b'{"name": "Stahl & Sons"}'
    reply: bytes = b'{"id": 501}'
    request_id: str = "req-1"
    milliseconds: int = 42
    write: bool = True
