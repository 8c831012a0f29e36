"""A door of one file for tests: it keeps what Procore sends, as the real one does, and can be shut."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ml_connector.app import App
from ml_connector.service.payloads import procore_told
from ml_connector.store import hooks, inbox
from ml_connector.store.inbox import EventRow


class Doorway:
    """Where it is and what it answers."""

    def __init__(self, app: App, url: str) -> None:
        self.app = app
        self.url = url
        self.status = 202
        """Anything but 202 keeps nothing."""

    def take(self, path: str, authorization: str, body: bytes) -> int:
        """The answer to one event; it is committed before."""
        _, _, source, connection, slug = path.split("/")
        with self.app.db.begin() as conn:
            hook = hooks.find(conn, connection, slug)
            if hook is None or hook.secret_hash != hooks.secret_hash(authorization):
                return 401
            told = procore_told(body)
            if self.status == 202:
                row = EventRow(
                    connection_id=hook.connection_id,
                    slug=slug,
                    source=source,
                    event=told.event,
                    body=body,
                    resource=told.resource,
                    action=told.action,
                    record=told.record,
                    project=told.project,
                    happened_at=told.happened_at,
                )
                inbox.keep(conn, [row])
        return self.status


@contextmanager
def standing(app: App) -> Iterator[Doorway]:
    """A door that stands while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(doorway.take(self.path, self.headers["authorization"] or "", body))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    doorway = Doorway(app, f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield doorway
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
