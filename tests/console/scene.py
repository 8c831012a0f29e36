"""A whole installation in front of a browser: both systems, the service with a worker, the console, and its people."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext

from fresh_box import fresh
from ml_connector.access import signing_in
from ml_connector.access.users import add_user
from ml_connector.app import App
from ml_connector.console.application import console
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service.serving import Service
from ml_connector.settings import Settings
from ml_connector.webhooks.serving import Door
from store.cluster import Cluster

PASSWORD = "seven lamps on the quay"
"""What everybody here signs in with."""
PEOPLE = {"vera": "viewer", "otto": "operator", "anna": "approver", "adam": "admin", "abel": "approver"}
"""Name to role."""


@dataclass
class Answer:
    """What a plain HTTP call got."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Scene:
    """The installation, and ways to come to it."""

    def __init__(self, app: App, box: RunningSandbox, door: Door, service: Service) -> None:
        self.app = app
        self.box = box
        self.door = door
        self.service = service

    @property
    def url(self) -> str:
        """Where the console is."""
        return self.door.url

    def cookie(self, name: str) -> str:
        """The cookie of a new session of somebody."""
        return signing_in.sign_in(self.app, name, PASSWORD, "127.0.0.1", "tests").cookie

    def context(self, browser: Browser, name: str = "", **given: Any) -> BrowserContext:
        """A browser of its own; signed in as `name` when one is given."""
        made = browser.new_context(base_url=self.url, **given)
        made.set_default_timeout(10_000)
        if name:
            made.add_cookies([{"name": "mlc", "value": self.cookie(name), "url": self.url}])
        return made

    def ask(
        self, path: str, cookie: str = "", method: str = "GET", data: bytes | None = None, **headers: str
    ) -> Answer:
        """A plain HTTP call that follows no redirect; `headers` with underscores for dashes."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if cookie:
            given["cookie"] = f"mlc={cookie}"
        request = urllib.request.Request(self.url + path, data=data, headers=given, method=method)
        try:
            with _opener.open(request, timeout=30) as reply:
                return Answer(reply.status, reply.read().decode(errors="replace"), dict(reply.headers.items()))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(errors="replace"), dict(error.headers.items()))

    def forget_sign_ins(self) -> None:
        """Nobody tried to sign in lately."""
        with self.app.db.begin() as conn:
            conn.exec_driver_sql("DELETE FROM sign_ins")


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_given: Any) -> None:
        """None: the redirect is the answer."""


_opener = urllib.request.build_opener(_Stay)


def until(found: Callable[[], Any], seconds: float = 20) -> Any:
    """What `found` gives once it gives something; fails after that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError("It did not come to be in time.")


@contextmanager
def playing(
    cluster: Cluster, served: RunningSandbox, home: Path, *, connected: bool = True, playground: Any = None
) -> Iterator[Scene]:
    """A scene while the block lasts: with a connection `north` that has been synced once, or empty."""
    box = fresh(served)
    url = cluster.new_url()
    with App.open(Settings(home, url, stalled_seconds=5.0), actor="service") as app:
        for name, role in PEOPLE.items():
            add_user(app, name, role=role, password=PASSWORD)
        if connected:
            app.add_connection("north", box.connection_text())
            app.sync("north")
            box.clock.advance(timedelta(seconds=2))
        door = Door(app, port=0, site=console(app, playground=playground))
        service = Service(app, door=door, slots=1)
        service.start()
        try:
            yield Scene(app, box, door, service)
        finally:
            service.stop(5)
    cluster.drop(url)
