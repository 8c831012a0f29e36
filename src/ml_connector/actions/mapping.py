"""What can be done about the mapping: look at it, see what a change would do, change it, go back."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ml_connector.access.permissions import Permission
from ml_connector.actions.action import Action, Call
from ml_connector.kernel.errors import NotAllowed
from ml_connector.planning.mapping_editing import Edit
from ml_connector.service import mapping_desk as desk
from ml_connector.views import mapping as views
from ml_connector.views import mapping_effect as effects
from ml_connector.views import mapping_versions as history
from ml_connector.views.listing import Listing, Words
from ml_connector.views.mapping import Gaps, Overview, RowsLook
from ml_connector.views.mapping_effect import Effect
from ml_connector.views.mapping_versions import Comparison, VersionsLook

Version = Annotated[int, msgspec.Meta(ge=0, le=2_000_000_000)]
"""Number of a version; 0 before the first."""
Toml = Annotated[str, msgspec.Meta(max_length=desk.LARGEST)]
"""A mapping as TOML."""
_PATH = "/connections/{connection}/mapping"


class Of(msgspec.Struct, frozen=True):
    """The connection whose mapping is meant."""

    connection: Words


class Asking(msgspec.Struct, frozen=True):
    """The same; with `ask` IFS is asked for its values or periods of today."""

    connection: Words
    ask: bool = False


class Exporting(msgspec.Struct, frozen=True):
    """Which version is wanted; 0 is the newest."""

    connection: Words
    version: Version = 0


class Text(msgspec.Struct, frozen=True):
    """A mapping as TOML."""

    connection: str
    version: int
    toml: str


class Bringing(msgspec.Struct, frozen=True):
    """A whole mapping; with `based_on` it is taken only while that is the newest version."""

    connection: Words
    toml: Toml
    based_on: Version | None = None


class Trying(msgspec.Struct, frozen=True):
    """A mapping that is to be tried; without one this person's draft."""

    connection: Words
    toml: Toml | None = None
    ask: bool = False


class OfVersion(msgspec.Struct, frozen=True):
    """A version to be restored: with `based_on` only while that is the newest, with `drop_draft` though you have an
    unsaved draft, which goes."""

    connection: Words
    version: Version
    based_on: Version | None = None
    drop_draft: bool = False


class Foreseeing(msgspec.Struct, frozen=True):
    """A version that may be restored; with `ask` IFS is asked how far its books are closed."""

    connection: Words
    version: Version
    ask: bool = False


class Two(msgspec.Struct, frozen=True):
    """Two versions."""

    connection: Words
    older: Version
    newer: Version


class Changing(msgspec.Struct, frozen=True):
    """Changes to this person's draft, one after the other; with `based_on` only while what they see is of that."""

    connection: Words
    edits: Annotated[list[Edit], msgspec.Meta(min_length=1, max_length=500)]
    based_on: Version | None = None


class Saving(msgspec.Struct, frozen=True):
    """The draft to be saved; with `based_on` only where it was begun from that version, and with `seen`, the mark its
    effect was told with, only while it says what was looked at."""

    connection: Words
    based_on: Version | None = None
    seen: Words = ""


class Carrying(msgspec.Struct, frozen=True):
    """The draft to be carried over; `leave_out` leaves out what clashes with the newest version."""

    connection: Words
    leave_out: bool = False


class Saved(msgspec.Struct, frozen=True):
    """The version that is the newest now."""

    connection: str
    version: int


def _saved(connection: str, version: int) -> Saved:
    return Saved(connection, version)


def _export(call: Call, given: Exporting) -> Text:
    text = call.app.export_mapping(given.connection, given.version or None)
    newest = views.overview(call.app, given.connection).version
    return Text(given.connection, given.version or newest, text)


def _import(call: Call, given: Bringing) -> Saved:
    desk.mapping_from_text(given.toml)
    return _saved(given.connection, call.app.import_mapping(given.connection, given.toml, given.based_on))


def _restore(call: Call, given: OfVersion) -> Saved:
    made = desk.restore(call.app, given.connection, given.version, given.based_on, drop_draft=given.drop_draft)
    return _saved(given.connection, made)


def _asks(call: Call, ask: bool) -> bool:
    """Whether IFS is asked now, which takes requests of the connection; NotAllowed for somebody who may only look."""
    if ask and Permission.WORK not in call.who.permissions:
        raise NotAllowed(
            f"{call.who.name} may not have IFS asked: it takes the right to work.", remedy="Look without asking it."
        )
    return ask


def _change(call: Call, given: Changing) -> Overview:
    desk.change(call.app, given.connection, given.edits, given.based_on)
    return views.overview(call.app, given.connection)


def _bring(call: Call, given: Bringing) -> Overview:
    desk.bring(call.app, given.connection, given.toml, given.based_on)
    return views.overview(call.app, given.connection)


def _drop(call: Call, given: Of) -> Overview:
    desk.drop(call.app, given.connection)
    return views.overview(call.app, given.connection)


def _save(call: Call, given: Saving) -> Saved:
    return _saved(given.connection, desk.save(call.app, given.connection, given.based_on, given.seen))


def _carry(call: Call, given: Carrying) -> Overview:
    desk.carry(call.app, given.connection, leave_out=given.leave_out)
    return views.overview(call.app, given.connection)


SHOW = Action(
    name="mapping.show",
    permission=Permission.LOOK,
    method="GET",
    path=_PATH,
    takes=Of,
    gives=Overview,
    call=lambda call, given: views.overview(call.app, given.connection),
    command="mapping show",
    sentence="The tables of the mapping, and whether you have an unsaved draft of the next version.",
)
ROWS = Action(
    name="mapping.rows",
    permission=Permission.LOOK,
    method="GET",
    path=f"{_PATH}/rows",
    takes=RowsLook,
    gives=Listing,
    call=lambda call, given: views.rows(call.app, given),
    command="mapping show",
    sentence="The rows of one table in their order, with how many code strings in use each takes.",
)
GAPS = Action(
    name="mapping.gaps",
    permission=Permission.LOOK,
    method="GET",
    path=f"{_PATH}/gaps",
    takes=Asking,
    gives=Gaps,
    call=lambda call, given: views.gaps(call.app, given.connection, ask=_asks(call, given.ask)),
    command="mapping suggest",
    sentence="Values and code strings without a code, with the money that waits for them and suggestions.",
)
EFFECT = Action(
    name="mapping.effect",
    permission=Permission.LOOK,
    method="POST",
    path=f"{_PATH}/effect",
    takes=Trying,
    gives=Effect,
    call=lambda call, given: effects.effect(call.app, given.connection, given.toml, ask=_asks(call, given.ask)),
    command="mapping effect",
    sentence="What a mapping would do if it were saved now: what moves, what stays, what goes. Saves nothing.",
)
RESTORE_EFFECT = Action(
    name="mapping.restore_effect",
    permission=Permission.LOOK,
    method="GET",
    path=f"{_PATH}/versions/{{version}}/effect",
    takes=Foreseeing,
    gives=Effect,
    call=lambda call, given: effects.of_version(call.app, given.connection, given.version, ask=_asks(call, given.ask)),
    command="mapping effect",
    sentence="What restoring a version would do. Restores nothing.",
)
VERSIONS = Action(
    name="mapping.versions",
    permission=Permission.LOOK,
    method="GET",
    path=f"{_PATH}/versions",
    takes=VersionsLook,
    gives=Listing,
    call=lambda call, given: history.versions(call.app, given),
    command="mapping versions",
    sentence="Every version with who saved it and when, newest first.",
)
COMPARE = Action(
    name="mapping.compare",
    permission=Permission.LOOK,
    method="GET",
    path=f"{_PATH}/comparison",
    takes=Two,
    gives=Comparison,
    call=lambda call, given: history.compare(call.app, given.connection, given.older, given.newer),
    command="mapping compare",
    sentence="What one version changed against another, row by row.",
)
EXPORT = Action(
    name="mapping.export",
    permission=Permission.LOOK,
    method="GET",
    path=f"{_PATH}/toml",
    takes=Exporting,
    gives=Text,
    call=_export,
    command="mapping export",
    sentence="A version of the mapping as TOML, fit for import.",
)
IMPORT = Action(
    name="mapping.import",
    permission=Permission.WORK,
    method="PUT",
    path=f"{_PATH}/toml",
    takes=Bringing,
    gives=Saved,
    call=_import,
    command="mapping import",
    sentence="Takes a whole mapping as a new version; the next run decides with it.",
)
CHANGE = Action(
    name="mapping.change",
    permission=Permission.WORK,
    method="POST",
    path=f"{_PATH}/draft/edits",
    takes=Changing,
    gives=Overview,
    call=_change,
    command="mapping edit --draft",
    sentence="Adds, changes, moves or removes rows in your draft; nothing is saved yet.",
)
BRING = Action(
    name="mapping.bring",
    permission=Permission.WORK,
    method="PUT",
    path=f"{_PATH}/draft",
    takes=Bringing,
    gives=Overview,
    call=_bring,
    command="mapping import --draft",
    sentence="Makes a whole mapping your draft, to be looked at before it is saved.",
)
DROP = Action(
    name="mapping.drop",
    permission=Permission.WORK,
    method="DELETE",
    path=f"{_PATH}/draft",
    takes=Of,
    gives=Overview,
    call=_drop,
    command="mapping draft drop",
    sentence="Forgets your draft; what is saved stays.",
)
SAVE = Action(
    name="mapping.save",
    permission=Permission.WORK,
    method="POST",
    path=f"{_PATH}/draft/saving",
    takes=Saving,
    gives=Saved,
    call=_save,
    command="mapping draft save",
    sentence="Makes your draft the newest version, unless somebody saved another one meanwhile.",
)
CARRY = Action(
    name="mapping.carry",
    permission=Permission.WORK,
    method="POST",
    path=f"{_PATH}/draft/carrying",
    takes=Carrying,
    gives=Overview,
    call=_carry,
    command="mapping draft carry",
    sentence="Carries your draft over onto the version somebody saved since; refused, with what clashes, unless told.",
)
RESTORE = Action(
    name="mapping.restore",
    permission=Permission.WORK,
    method="POST",
    path=f"{_PATH}/versions/{{version}}/restoring",
    takes=OfVersion,
    gives=Saved,
    call=_restore,
    command="mapping restore",
    sentence="Makes an old version the newest again, as a new version equal to it; refused while you have a draft.",
)

ACTIONS: tuple[Action, ...] = (
    SHOW,
    ROWS,
    GAPS,
    EFFECT,
    RESTORE_EFFECT,
    VERSIONS,
    COMPARE,
    EXPORT,
    IMPORT,
    CHANGE,
    BRING,
    DROP,
    SAVE,
    CARRY,
    RESTORE,
)
"""Everything about the mapping."""
