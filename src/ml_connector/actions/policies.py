"""What can be done about what a connection allows: see it, see what a change comes to, change it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ml_connector.access.permissions import Permission
from ml_connector.actions.action import Action, Call
from ml_connector.service import policy_desk as desk
from ml_connector.service.policy_desk import Changes
from ml_connector.views import policies as views
from ml_connector.views.listing import Words
from ml_connector.views.policies import Settings

Typed = dict[Annotated[str, msgspec.Meta(max_length=120)], Annotated[str, msgspec.Meta(max_length=5000)]]
"""Path of an entry, such as policy.vendors.create, to its value as text."""
_PATH = "/connections/{connection}/policies"


class Of(msgspec.Struct, frozen=True):
    """The connection that is meant."""

    connection: Words


class Trying(msgspec.Struct, frozen=True):
    """Entries as they are to be; those that are not named stay."""

    connection: Words
    entries: Typed


class Saving(msgspec.Struct, frozen=True):
    """The same; with `seen` (of a comparison) only while nobody changed the connection since."""

    connection: Words
    entries: Typed
    seen: Annotated[str, msgspec.Meta(max_length=64)] = ""


def _save(call: Call, given: Saving) -> Changes:
    changes = desk.save(call.app, given.connection, given.entries, given.seen)
    return Changes(given.connection, desk.compared(call.app, given.connection, {}).seen, changes, [])


SHOW = Action(
    name="policies.show",
    permission=Permission.LOOK,
    method="GET",
    path=_PATH,
    takes=Of,
    gives=Settings,
    call=lambda call, given: views.settings(call.app, given.connection),
    command="connection show",
    sentence="Every policy and the schedule, with what each means, its default and its value.",
)
COMPARE = Action(
    name="policies.compare",
    permission=Permission.LOOK,
    method="POST",
    path=f"{_PATH}/comparison",
    takes=Trying,
    gives=Changes,
    call=lambda call, given: desk.compared(call.app, given.connection, given.entries),
    command="connection edit --dry-run",
    sentence="What some entries would change. Saves nothing.",
)
SAVE = Action(
    name="policies.save",
    permission=Permission.CONFIGURE,
    method="PUT",
    path=_PATH,
    takes=Saving,
    gives=Changes,
    call=_save,
    command="connection edit",
    sentence="Changes some entries; the next run decides with them. Audited with before and after.",
)

ACTIONS: tuple[Action, ...] = (SHOW, COMPARE, SAVE)
"""Everything about the policies."""
