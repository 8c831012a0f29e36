"""What is done with connections as a whole: list, look, change, check, tie anew, pause, webhooks, remove."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ml_connector.access.permissions import Permission
from ml_connector.actions.action import Action, Call, Nothing
from ml_connector.actions.setup_takes import Name, Named, Secret, Text
from ml_connector.kernel.errors import BadInput
from ml_connector.service import elsewhere, hooking, surveying
from ml_connector.service.surveying import Checked, Looking
from ml_connector.views import connections, setup
from ml_connector.views.connections import ConnectionsLook, ConnectionView
from ml_connector.views.listing import Listing


class Change(msgspec.Struct, frozen=True):
    """What changes of a connection; what is left out or empty stays as it is, but for the sign-in address."""

    connection: Name
    title: Text = ""
    time_zone: Text = ""
    erp_url: Text = ""
    realm: Text = ""
    erp_client_id: Text = ""
    erp_client_secret: Secret = ""
    projects_url: Text = ""
    login_url: Text | None = None
    """Left out it stays; empty, tokens come from Procore's address."""
    projects_client_id: Text = ""
    projects_client_secret: Secret = ""


class Remove(msgspec.Struct, frozen=True):
    """Which connection goes, typed once more so that nobody removes another one."""

    connection: Name
    typed: Annotated[str, msgspec.Meta(max_length=63)]
    force: bool = False
    """Also when it has links and a journal."""


class Tied(msgspec.Struct, frozen=True):
    """What a connection is tied to, by side."""

    tied_to: dict[str, dict[str, str]]


class Hooks(msgspec.Struct, frozen=True):
    """Where Procore reaches our door; empty for the address said before."""

    connection: Name
    url: Text = ""


_ENTRIES = {
    "title": ("connection", "title"),
    "time_zone": ("connection", "time_zone"),
    "erp_url": ("erp", "url"),
    "realm": ("erp", "realm"),
    "erp_client_id": ("erp", "client_id"),
    "erp_client_secret": ("erp", "client_secret"),
    "projects_url": ("projects", "url"),
    "login_url": ("projects", "login_url"),
    "projects_client_id": ("projects", "client_id"),
    "projects_client_secret": ("projects", "client_secret"),
}


def _change(call: Call, given: Change) -> ConnectionView:
    changes: dict[str, dict[str, Any]] = {}
    for name, (part, entry) in _ENTRIES.items():
        value = getattr(given, name)
        if value and value.strip():
            changes.setdefault(part, {})[entry] = value.strip()
    if given.login_url is not None and not given.login_url.strip():
        changes.setdefault("projects", {})["login_url"] = ""
    elsewhere.changed(call.app, given.connection, changes)
    return connections.one(call.app, given.connection)


def _remove(call: Call, given: Remove) -> Nothing:
    if given.typed != given.connection:
        raise BadInput(
            f"{given.typed!r} is not the name of this connection, so nothing was removed.",
            remedy=f"Type {given.connection} to remove it.",
        )
    call.app.remove_connection(given.connection, force=given.force)
    return Nothing()


def _hooks(call: Call, given: Hooks) -> dict[str, Any]:
    return hooking.sync(call.app, given.connection, hooking.Asked(given.url))


LIST = Action(
    name="connections.list",
    permission=Permission.LOOK,
    method="GET",
    path="/connections",
    takes=ConnectionsLook,
    gives=Listing,
    call=lambda call, given: connections.found(call.app, given),
    command="connection list",
    sentence="Lists every connection with its systems, its state and its last run.",
)
"""Every connection."""
SHOW = Action(
    name="connections.show",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}",
    takes=Named,
    gives=ConnectionView,
    call=lambda call, given: connections.one(call.app, given.connection),
    command="connection show",
    sentence="Shows a connection's settings on both sides, without its secrets.",
)
"""One connection."""
CHANGE = Action(
    name="connections.change",
    permission=Permission.CONFIGURE,
    method="PUT",
    path="/connections/{connection}",
    takes=Change,
    gives=ConnectionView,
    call=_change,
    command="connection edit",
    sentence="Changes addresses, names and secrets of a connection; what is left empty stays, but the sign-in address.",
)
"""Its settings."""
CHECK = Action(
    name="connections.check",
    permission=Permission.WORK,
    method="POST",
    path="/connections/{connection}/check",
    takes=Named,
    gives=Looking,
    call=lambda call, given: surveying.ask(call.app, given.connection, "check"),
    command="check",
    sentence="Has every right and name of both sides tested.",
)
"""The test of rights."""
CHECKED = Action(
    name="connections.checks",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/checks",
    takes=Named,
    gives=list[Checked],
    call=lambda call, given: setup.check_of(call.app, given.connection),
    command="check",
    sentence="What the last test of rights and names found, what fails first.",
)
"""What it found."""
LOOKING = Action(
    name="connections.looking",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/check",
    takes=Named,
    gives=Looking,
    call=lambda call, given: surveying.looking(call.app, given.connection, "check"),
    command="check",
    sentence="Whether the test of rights is under way, or when it ended.",
)
"""Whether it has ended."""
REBIND = Action(
    name="connections.rebind",
    permission=Permission.CONFIGURE,
    method="POST",
    path="/connections/{connection}/rebind",
    takes=Named,
    gives=Tied,
    call=lambda call, given: Tied(call.app.rebind(given.connection)),
    command="connection rebind",
    sentence="Ties a connection to the systems that answer now: somebody made sure that they are right.",
)
"""After a system was replaced."""
HOOKS = Action(
    name="connections.hooks",
    permission=Permission.CONFIGURE,
    method="POST",
    path="/connections/{connection}/webhooks",
    takes=Hooks,
    gives=dict[str, Any],
    call=_hooks,
    command="webhooks sync",
    sentence="Registers, repairs and removes the hooks in Procore so that they are what the flows want.",
)
"""How Procore tells us what changes."""
UNHOOK = Action(
    name="connections.unhook",
    permission=Permission.CONFIGURE,
    method="DELETE",
    path="/connections/{connection}/webhooks",
    takes=Named,
    gives=dict[str, Any],
    call=lambda call, given: hooking.remove(call.app, given.connection),
    command="webhooks remove",
    sentence="Removes every hook of ours in Procore.",
)
"""The end of that."""
REMOVE = Action(
    name="connections.remove",
    permission=Permission.CONFIGURE,
    method="POST",
    path="/connections/{connection}/removal",
    takes=Remove,
    gives=Nothing,
    call=_remove,
    command="connection remove",
    sentence="Removes a connection, its name typed once more. Nothing is removed in IFS or Procore.",
)
"""The end of a connection."""

ACTIONS = (LIST, SHOW, CHANGE, CHECK, CHECKED, LOOKING, REBIND, HOOKS, UNHOOK, REMOVE)
"""Everything about connections as a whole; pausing is with their health."""
