"""Plain HTTP over connections that stay open: a proof asks two hundred times, and urllib would open one each time."""

from __future__ import annotations

import atexit
import io
import socket
import threading
import time
from email.message import Message
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request

_PATIENCE = 30.0
_FRESH = 2.0
"""Seconds after which an idle connection is not trusted: the sandbox closes one after five."""


class _Line:
    """An open connection to one host."""

    def __init__(self, host: str) -> None:
        name, _, port = host.partition(":")
        self.socket = socket.create_connection((name, int(port)), _PATIENCE)
        self.file = self.socket.makefile("rb")
        self.used = time.monotonic()

    def close(self) -> None:
        """Hangs up."""
        self.file.close()
        self.socket.close()

    def ask(self, request: Request, host: str, target: str) -> tuple[int, bytes]:
        """Status and body; ConnectionError when it is cut before the whole answer is here."""
        content = request.data or b""
        assert isinstance(content, bytes)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if content else {}
        headers |= {name.title(): text for name, text in request.headers.items()}
        lines = [f"{request.get_method()} {target} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(content)}"]
        lines += [f"{name}: {text}" for name, text in headers.items()]
        self.socket.sendall("\r\n".join((*lines, "", "")).encode() + content)
        first, length = self._line().split(b" ", 2), 0
        while line := self._line():
            name, _, text = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(text)
        body = self.file.read(length)
        if len(body) < length:
            raise ConnectionError("the answer is cut off")
        self.used = time.monotonic()
        return int(first[1]), body

    def _line(self) -> bytes:
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("no whole answer came")
        return line[:-2]


class _Lines(threading.local):
    """The open connections of a thread, by host."""

    def __init__(self) -> None:
        self.open: dict[str, _Line] = {}
        atexit.register(self.close)

    def to(self, host: str) -> _Line:
        """A connection to that host that was used a moment ago, or a new one."""
        line = self.open.pop(host, None)
        if line and time.monotonic() - line.used > _FRESH:
            line.close()
            line = None
        return line or _Line(host)

    def close(self) -> None:
        """Hangs up everywhere."""
        while self.open:
            self.open.popitem()[1].close()


_lines = _Lines()


def answer(request: Request) -> bytes:
    """The body of a good answer. HTTPError for any other, as urllib; OSError when none comes. Never asks twice."""
    parts = urlsplit(request.full_url)
    line = _lines.to(parts.netloc)
    try:
        status, body = line.ask(request, parts.netloc, f"{parts.path}?{parts.query}" if parts.query else parts.path)
    except BaseException:
        line.close()
        raise
    _lines.open[parts.netloc] = line
    if status >= 400:
        raise HTTPError(request.full_url, status, f"status {status}", Message(), io.BytesIO(body))
    return body
