"""What a simulated face sees of HTTP: one request in, one response out, no sockets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Request:
    """One call as it came over the socket. Header names are lower case; query keeps order and repeats."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    def param(self, name: str, default: str | None = None) -> str | None:
        """The first query value of that name, decoded; `default` when absent."""
        for key, value in self.query:
            if key == name:
                return value
        return default

    def params(self, name: str) -> list[str]:
        """Every query value of that name, in order."""
        return [value for key, value in self.query if key == name]


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. `changed` says that the call altered state, which is what after-commit faults wait for."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(default_factory=tuple)
    body: bytes = b""
    changed: bool = False


def json_response(
    status: int, value: Any, headers: tuple[tuple[str, str], ...] = (), *, changed: bool = False
) -> Response:
    """An answer with a JSON body (msgspec encoding; Decimals as strings)."""
    return Response(status, (("content-type", "application/json"), *headers), msgspec.json.encode(value), changed)
