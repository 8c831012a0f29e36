"""How the demo stays open: its month brought up to this morning, the service running, the console to sign in to."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ml_connector import desk
from ml_connector.access.users import add_user
from ml_connector.app import App
from ml_connector.cli.demo_teller import NAME, Teller
from ml_connector.cli.month_since import leave_plan, leave_questions, weeks_since
from ml_connector.cli.month_story import MonthStory
from ml_connector.cli.output import Output
from ml_connector.cli.playground import DemoPlayground
from ml_connector.cli.serving import site_of
from ml_connector.kernel.clock import system_clock
from ml_connector.kernel.errors import ConnectorError
from ml_connector.service import jobs, metrics
from ml_connector.service.backdating import backdate
from ml_connector.service.serving import Service, serve
from ml_connector.settings import DATABASE_URL, HOME
from ml_connector.webhooks.serving import Door

VISITOR = "visitor"
"""Who looks at the demo: an administrator, who may see and do everything."""
_OTHERS = (
    ("paula", "operator", "Paula Reyes, project accountant"),
    ("conrad", "approver", "Conrad Lindqvist, controller"),
    ("ines", "viewer", "Ines Okafor, auditor"),
)
_SLOTS = 2
_DRAIN = 5.0
_POLLED = 20.0
"""Seconds the service's first look may take before the demo goes on without it."""
_TRY = (
    f"holds -c {NAME}",
    f"show po P100001 -c {NAME}",
    f"runs {NAME}",
    f"exposure {NAME}",
    f"sync {NAME}",
    f"play act -c {NAME}",
)


class Start(NamedTuple):
    """How a command is started in the demo's folder from another terminal."""

    home: Path
    command: str
    foreign: bool
    """Whether the environment names another database, which the demo does not use."""

    def __str__(self) -> str:
        """What stands before the words of the command."""
        return f"{f'env -u {DATABASE_URL} ' if self.foreign else ''}{HOME}={self.home} {self.command}"


class Opened(NamedTuple):
    """A demo that is open: its service, not begun yet, and the word of the one-time sign-in."""

    service: Service
    word: str

    @property
    def link(self) -> str:
        """Where the visitor signs in, once."""
        door = self.service.door
        assert door is not None
        return f"{door.url}/sign-in/once/{self.word}"


def bring_up_to_now(story: MonthStory) -> None:
    """Plays the days since the month, leaves this morning's questions, and gives everything the story's own dates."""
    now = system_clock()
    weeks_since(story, story.case, now)
    leave_questions(story, story.case, now)
    story.clock.catch_up()
    backdate(story.app, story.clock.moves)
    story.app.exposure(NAME)


def last_touch(story: MonthStory) -> None:
    """Once the service has looked at everything once, a plan is left that waits for approval, and people hear of it."""
    until = time.monotonic() + _POLLED
    while time.monotonic() < until:
        if any(run["trigger"] == "schedule" and run["state"] == "done" for run in desk.runs(story.app, NAME, limit=3)):
            break
        time.sleep(0.1)
    leave_plan(story, story.case)
    with suppress(ConnectorError):  # the service looks once more by itself within a minute
        jobs.retry(story.app, "", "alarms")


def opened(app: App, playground: DemoPlayground, port: int) -> Opened:
    """The service with the console, and people to sign in as; a port that is taken is replaced by a free one."""
    word = ""
    for name, role, title in ((VISITOR, "admin", "You, visiting"), *_OTHERS):
        added = add_user(app, name, role=role, title=title)
        if name == VISITOR and added.link:
            word = added.link.word
    door = Door(app, port=_free(port), metrics=lambda: metrics.render(app), site=site_of(app, playground))
    return Opened(Service(app, door=door, slots=_SLOTS), word)


def stay(out: Output, story: Teller, playground: DemoPlayground, where: tuple[Start, int]) -> None:
    """Leaves both systems, the service and the console running until Ctrl-C, and says where they are."""
    start, port = where
    if isinstance(story, MonthStory):
        bring_up_to_now(story)
    demo = opened(story.app, playground, port)

    def begun(_service: Service) -> None:
        if isinstance(story, MonthStory):
            last_touch(story)
        out.heading("Still running: the console")
        out.facts([("sign in here, once", demo.link), *playground.places()])
        out.line("Or try, in another terminal:")
        for words in _TRY:
            out.line(f"  {start} {words}")
        out.line("Ctrl-C ends it.", "dim")

    with playground.following():
        serve(demo.service, begun, _DRAIN)


def _free(port: int) -> int:
    """The port when it can be had, else 0, which takes any."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port
