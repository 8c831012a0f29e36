"""A house with a door: an installation without its systems, and a caller that speaks HTTP by hand."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from ml_connector.app import App
from ml_connector.sandbox.procore.state import Change
from ml_connector.sandbox.procore.webhook_payloads import Cause, Event, payload, ulid
from ml_connector.settings import Settings
from ml_connector.store import bulk, connections, hooks
from ml_connector.store.postgres import Database
from ml_connector.webhooks.serving import Door

COMPANY = 4264807
NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    """What the door answered."""

    status: int
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Hook:
    """A hook's address, and what proves its caller."""

    path: str
    authorization: str


def event_at(number: int, **change: Any) -> Event:
    """An event as the simulated Procore makes them."""
    told = {"resource": "Purchase Order Contracts", "record_id": 9000 + number, "event": "update", "project_id": 310}
    return Event(number, ulid(NOON, number), NOON, COMPANY, Change(**(told | change)), Cause(user_id=77))


def body_of(number: int, version: str = "v4.0", **over: Any) -> bytes:
    """The payload of an event; members given are laid over it, and left out where they are ...."""
    form = payload(event_at(number), version) | over
    return json.dumps({name: value for name, value in form.items() if value is not ...}).encode()


def add_connection(db: Database, name: str, company: int = COMPANY) -> int:
    """A connection to that company of Procore, and company 10 of IFS."""
    config = {"projects": {"company_id": str(company)}, "connection": {"erp_company": "10"}}
    with db.begin() as conn:
        return connections.add(conn, name, name, config)


def add_hook(db: Database, connection: str, source: str = "procore") -> Hook:
    """A hook of a connection, registered."""
    slug, authorization = hooks.new_slug(), hooks.new_authorization()
    with db.begin() as conn:
        number = connections.get(conn, connection).id
        kept = hooks.secret_hash(authorization)
        hooks.put(conn, hooks.HookRow(connection_id=number, slug=slug, source=source, secret_hash=kept))
    return Hook(f"/webhooks/{source}/{connection}/{slug}", authorization)


class House:
    """An installation with an open door, a connection `north` and a hook of it."""

    def __init__(self, home: Path, url: str | None, **settings: Any) -> None:
        self.settings = Settings(home=home, database_url=url, **settings)

    def __enter__(self) -> House:
        self.db = Database.open(self.settings.home, self.settings.database_url)
        self.app = App(self.settings, self.db, "tester", clock=lambda: NOON)
        self.number = add_connection(self.db, "north")
        self.hook = add_hook(self.db, "north")
        self.door = Door(self.app, port=0)
        self.door.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.door.stop()
        self.db.close()

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Said:
        """One request on a connection of its own."""
        return call(self.door.port, method, path, body, **headers)

    def tell(self, body: bytes, hook: Hook | None = None, **headers: str) -> Said:
        """One webhook, with the secret of its hook unless another is given."""
        hook = hook or self.hook
        return self.call("POST", hook.path, body, **({"Authorization": hook.authorization} | headers))

    def swept(self) -> None:
        """Empties it: nothing kept, nothing counted, one connection, one hook, which the door knows."""
        with self.db.begin() as conn:
            for table in ("inbox", "counters", "hooks", "connections"):
                conn.exec_driver_sql(f"DELETE FROM {table}")
        self.number = add_connection(self.db, "north")
        self.hook = add_hook(self.db, "north")
        self.look()

    def look(self) -> None:
        """Lets the door know the hooks of now."""
        self.door.application.gate.book.refresh()

    def raw(self, data: bytes, seconds: float = 3.0) -> bytes:
        """Sends bytes as they are and answers what comes until the other side hangs up, or nothing more comes."""
        with socket.create_connection(("127.0.0.1", self.door.port), timeout=seconds) as wire:
            heard = b""
            with suppress(OSError):
                wire.sendall(data)
            with suppress(OSError):
                while part := wire.recv(65536):
                    heard += part
            return heard

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query answers."""
        with self.db.begin() as conn:
            return bulk.fetch(conn, sql)

    def kept(self) -> list[str]:
        """The events in the inbox, sorted."""
        return sorted(row[0] for row in self.rows("SELECT event FROM inbox"))


def flood(wire: socket.socket, part: bytes, most: int) -> int:
    """Sends the same bytes again and again until the other side has had enough; how many it took, up to a limit."""
    sent = 0
    with suppress(OSError):
        while sent < most:
            wire.sendall(part)
            sent += len(part)
    return sent


def call(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> Said:
    """One request to a port of this machine."""
    wire = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        wire.request(method, path, body, headers)
        answer = wire.getresponse()
        return Said(answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()})
    finally:
        wire.close()
