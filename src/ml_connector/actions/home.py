"""Looking at how everything stands, and having the exposure computed."""

from __future__ import annotations

from typing import Any

import msgspec

from ml_connector.access.permissions import Permission
from ml_connector.actions.action import Action, Call, Nothing
from ml_connector.service import proving
from ml_connector.views import home
from ml_connector.views.listing import Words


class OfConnection(msgspec.Struct, frozen=True):
    """One connection, by its name."""

    connection: Words


class Queued(msgspec.Struct, frozen=True):
    """What was asked of the service, and whether a worker is there to do it."""

    connection: str
    task: str
    workers: bool


def _home(call: Call, _given: Nothing) -> home.Home:
    return home.home(call.app)


def _one(call: Call, given: OfConnection) -> home.Home:
    return home.home(call.app, given.connection)


def _compute(call: Call, given: OfConnection) -> Queued:
    return queued(proving.ask(call.app, given.connection, proving.EXPOSURE))


def queued(asked: dict[str, Any]) -> Queued:
    """An answer of the service in the form that the API tells it."""
    return Queued(asked["connection"], asked["task"], asked["workers"])


HOME = Action(
    name="home.show",
    permission=Permission.LOOK,
    method="GET",
    path="/home",
    takes=Nothing,
    gives=home.Home,
    call=_home,
    command="status",
    sentence="Says how every connection stands: freshness, held money, exposure, both systems, and what to do.",
)
ONE = Action(
    name="home.connection",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/home",
    takes=OfConnection,
    gives=home.Home,
    call=_one,
    command="status",
    sentence="Says how one connection stands.",
)
COMPUTE = Action(
    name="exposure.compute",
    permission=Permission.WORK,
    method="POST",
    path="/connections/{connection}/exposure",
    takes=OfConnection,
    gives=Queued,
    call=_compute,
    command="exposure",
    sentence="Has the service compute what would be counted twice in Procore, which must be 0.",
)

ACTIONS: tuple[Action, ...] = (HOME, ONE, COMPUTE)
"""Everything of this area."""
