"""A server of one scripted answer after another, for the failures no well-behaved server shows."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

Step = bytes | str
"""Bytes to answer with, or `close`, `reset`, `silence`: what to do with the connection instead."""


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> bytes:
    """An HTTP answer; header names are written with underscores."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class ScriptedServer:
    """Answers request number n with step number n (the last step for ever); keeps the requests it was sent."""

    def __init__(
        self,
        *steps: Step,
        always: Callable[[bytes], bytes] | None = None,
        then: Callable[[socket.socket], None] | None = None,
    ) -> None:
        """`then` goes on with the connection after each answer, until it raises OSError."""
        self.steps: Sequence[Step] = steps
        self.always = always
        self.then = then
        self.requests: list[bytes] = []
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> ScriptedServer:
        return self

    def __exit__(self, *_rest: object) -> None:
        self._end.set()
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._socket.close()

    def _accept(self) -> None:
        while not self._end.is_set():
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer:
            while request := _read(peer):
                with self._lock:
                    self.requests.append(request)
                    number = len(self.requests) - 1
                step: Step = self.always(request) if self.always else self.steps[min(number, len(self.steps) - 1)]
                if isinstance(step, bytes):
                    peer.sendall(step)
                    with suppress(OSError):
                        if self.then:
                            self.then(peer)
                    continue
                if step == "reset":
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if step == "silence":
                    self._end.wait(5)
                return


def _read(peer: socket.socket) -> bytes:
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            piece = peer.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
        )
        while len(body) < length:
            body += peer.recv(65536)
    except OSError:
        return b""
    return head + b"\r\n\r\n" + body


class MovableClock:
    """A clock that stands still until somebody sleeps; remembers how long each sleep was."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 12, tzinfo=UTC)
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def pause(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
