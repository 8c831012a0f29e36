"""A receiver of webhooks on a free port of this machine, for the tests of those who send them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """What was received, oldest first, and how to answer: `statuses` in turn, then 204, after `wait` seconds."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.heard: list[tuple[str, Any]] = []
        """The Authorization header and the body of each call."""
        self.statuses: list[int] = []
        self.wait = 0.0
        self.dribble = 0.0
        """Seconds between the pieces of an answer that never stops coming; 0: it comes in one piece."""

    def until(self, count: int) -> list[Any]:
        """The bodies received, once there are so many; AssertionError after five seconds."""
        end = time.monotonic() + 5
        while len(self.heard) < count and time.monotonic() < end:
            time.sleep(0.005)
        assert len(self.heard) >= count, self.heard
        return [said for _, said in self.heard]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["content-length"])))
            time.sleep(receiver.wait)
            receiver.heard.append((self.headers["authorization"], said))
            if receiver.dribble:
                for piece in (b"HTTP/1.1 200 OK\r\n", b"content-length: 0\r\n", b"x-slow: yes\r\n", b"\r\n"):
                    time.sleep(receiver.dribble)
                    self.wfile.write(piece)
                return
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook?a=b")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
