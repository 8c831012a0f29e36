"""The record of what callers asked of the sandbox and what it answered, bounded, and free of credentials."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

_SIGN_IN = re.compile(r"/protocol/openid-connect/|^/oauth/")
_READS = ("GET", "HEAD", "OPTIONS")
_REQUEST_LINE = re.compile(rb"^([A-Za-z]+) \S+ HTTP/", re.MULTILINE)
_SECRET_HEADERS = ("authorization", "cookie", "proxy-authorization")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call. `status` 0: the socket was cut before a whole answer. `ms`: milliseconds the face took."""

    number: int
    at: datetime
    side: str
    method: str
    path: str
    query: str
    status: int
    ms: float
    write: bool
    """By method; sign-in never counts as a write, nor does a batch in which every request is a read."""
    changed: bool
    fault: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    request_body: str | None = None
    response_body: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The exchange in JSON values, the moment as text."""
        return {**asdict(self), "at": self.at.isoformat()}


@dataclass(frozen=True, slots=True)
class Heard:
    """What the server saw of one call, before it is kept; bodies are cut out again where they hold secrets."""

    side: str
    method: str
    path: str
    query: str
    status: int
    ms: float
    changed: bool
    fault: str | None
    headers: Mapping[str, str]
    request_body: bytes
    response_body: bytes


class ExchangeLog:
    """The last calls, oldest first; counts go on when old calls fall out. Safe to read from any thread."""

    def __init__(self, keep: int = 5000, *, bodies: bool = False) -> None:
        self.bodies = bodies
        """Whether headers and bodies are kept too; Authorization and sign-in bodies never are."""
        self._kept: deque[Exchange] = deque(maxlen=keep)
        self._lock = threading.Lock()
        self._number = 0
        self._writes = 0

    def add(self, at: datetime, heard: Heard) -> None:
        """Keeps one call that happened at `at` (the sandbox's clock)."""
        signs_in = _SIGN_IN.search(heard.path) is not None
        write = heard.method not in _READS and not signs_in and not _batch_of_reads(heard)
        full = self.bodies and not signs_in
        headers = {name: text for name, text in heard.headers.items() if name not in _SECRET_HEADERS} if full else {}
        with self._lock:
            self._number += 1
            self._writes += write
            self._kept.append(
                Exchange(
                    self._number,
                    at,
                    heard.side,
                    heard.method,
                    heard.path,
                    heard.query,
                    heard.status,
                    round(heard.ms, 3),
                    write,
                    heard.changed,
                    heard.fault,
                    headers,
                    heard.request_body.decode("utf-8", "replace") if full else None,
                    heard.response_body.decode("utf-8", "replace") if full else None,
                )
            )

    def clear(self) -> None:
        """Forgets all calls and starts the counts again."""
        with self._lock:
            self._kept.clear()
            self._number = self._writes = 0

    def exchanges(self, *, side: str | None = None, writes: bool = False) -> list[Exchange]:
        """The kept calls, oldest first; of one side, or the writes only, when asked."""
        with self._lock:
            return [one for one in self._kept if side in (None, one.side) and (one.write or not writes)]

    @property
    def calls(self) -> int:
        """Calls since the last clear, sign-in included."""
        return self._number

    @property
    def writes(self) -> int:
        """Calls since the last clear that were writes by their method; those that timed out too."""
        return self._writes


def _batch_of_reads(heard: Heard) -> bool:
    """Whether the call is a `$batch` (facts/ifs.md 8) that holds reads and nothing else."""
    if not heard.path.endswith("/$batch"):
        return False
    methods = {found[1].upper().decode() for found in _REQUEST_LINE.finditer(heard.request_body)}
    return bool(methods) and methods <= set(_READS)
