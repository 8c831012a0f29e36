"""A receiver of HTTP on this machine: what alarms and heartbeats are sent to in tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listener:
    """What it heard, and what it answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.status = 200
        self.heard: list[dict[str, Any]] = []
        self.calls: list[str] = []

    @property
    def apprise(self) -> str:
        """Its address as Apprise writes it, with a password that nobody may ever see."""
        return f"json://bell:hush-hush-7@127.0.0.1:{self.port}/alarm"

    @property
    def url(self) -> str:
        """Its address as a browser writes it."""
        return f"http://127.0.0.1:{self.port}/beat"


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            listener.heard.append(json.loads(body))
            self._answer()

        def do_GET(self) -> None:
            listener.calls.append(self.path)
            self._answer()

        def _answer(self) -> None:
            self.send_response(listener.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener = Listener(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
