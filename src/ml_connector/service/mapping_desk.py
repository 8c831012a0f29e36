"""What people do about the mapping besides bringing a whole one: change a row at a time, restore, ask IFS."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from ml_connector.app import App
from ml_connector.kernel.errors import BadInput
from ml_connector.planning.mapping import DEFAULT, CodeMapping
from ml_connector.planning.mapping_editing import Edit, edited
from ml_connector.records.dimension import Dimension
from ml_connector.store import audit, mappings
from ml_connector.wiring import mapping_of, mapping_text

LARGEST = 2_000_000
"""Characters a mapping may have as TOML: some twenty thousand rows."""


class Standing(msgspec.Struct, frozen=True):
    """A mapping as somebody works on it: the newest version, and their own draft of the next one if they have any."""

    version: int
    """Number of the newest version; 0 before the first."""
    saved: CodeMapping
    draft: CodeMapping | None
    based_on: int
    """The version the draft was begun from; without a draft the newest."""

    @property
    def now(self) -> CodeMapping:
        """What the person sees: their draft, or what is saved."""
        return self.draft or self.saved

    @property
    def overtaken(self) -> bool:
        """Whether somebody saved another version since the draft was begun."""
        return self.draft is not None and self.based_on != self.version


def standing(app: App, name: str) -> Standing:
    """The mapping of a connection as this person works on it."""
    row = app.connection(name)
    with app.db.begin() as conn:
        newest, draft = mappings.latest(conn, row.id), mappings.draft(conn, row.id, app.actor)
    saved = mapping_of(newest.toml) if newest else DEFAULT
    version = newest.version if newest else 0
    return Standing(version, saved, mapping_of(draft.toml) if draft else None, draft.based_on if draft else version)


def change(app: App, name: str, edits: list[Edit], based_on: int | None = None) -> Standing:
    """Makes some changes to this person's draft, which begins from the newest version; BadInput when one cannot be.

    `based_on` is the version the person looked at (of a draft the one it was begun from): BadInput when it is another.
    """
    before = standing(app, name)
    if based_on is not None and based_on != before.based_on:
        raise BadInput(
            f"This was chosen while version {based_on} of the mapping was shown, and {_begun(before)}. "
            "Nothing was changed.",
            remedy="Open the table again, and choose the row there.",
        )
    made = before.now
    for edit in edits:
        made = edited(made, edit)
    return _kept(app, name, made, before)


def _begun(now: Standing) -> str:
    if now.draft is not None:
        return f"your draft was begun from version {now.based_on}"
    return f"version {now.version} is the newest by now"


def bring(app: App, name: str, text: str) -> Standing:
    """A whole mapping from TOML becomes this person's draft, to be looked at before it is saved."""
    before = standing(app, name)
    return _kept(app, name, mapping_from_text(text), msgspec.structs.replace(before, draft=None))


def drop(app: App, name: str) -> None:
    """Forgets this person's draft."""
    row = app.connection(name)
    with app.db.begin() as conn:
        mappings.drop_draft(conn, row.id, app.actor)


def save(app: App, name: str, based_on: int | None = None) -> int:
    """Makes this person's draft the newest version and returns its number; BadInput when another was saved meanwhile.

    `based_on` is the version the person saw; by default the one the draft was begun from.
    """
    now = standing(app, name)
    if now.draft is None:
        raise BadInput("There is nothing to save: no change of yours is waiting.", remedy="Change a row first.")
    if based_on is not None and based_on != now.based_on:
        raise BadInput(f"The page showed version {based_on}, and your draft was begun from {now.based_on}.")
    return app.import_mapping(name, mapping_text(now.draft), now.based_on)


def keep(app: App, name: str, mapping: CodeMapping, based_on: int | None = None) -> int:
    """Saves a mapping as the newest version and returns its number; BadInput when another was saved meanwhile."""
    return app.import_mapping(name, mapping_text(mapping), based_on)


def restore(app: App, name: str, version: int, based_on: int | None = None, *, drop_draft: bool = False) -> int:
    """Makes an old version the newest again, as a new version equal to it; returns its number. Audited.

    BadInput when it is what is there already, when another was saved since `based_on`, and while this person has an
    unsaved draft, which could not be saved any more; with `drop_draft` the draft goes.
    """
    row = app.connection(name)
    with app.db.begin() as conn:
        text = mappings.get(conn, row.id, version).toml
        newest = mappings.latest(conn, row.id)
        if newest is not None and newest.toml == text:
            raise BadInput(f"Version {version} is what version {newest.version} says: there is nothing to restore.")
        made = mappings.put(conn, row.id, text, app.actor, based_on)
        draft = mappings.draft(conn, row.id, app.actor)
        if draft is not None and not drop_draft:
            raise BadInput(
                f"You have an unsaved draft, begun from version {draft.based_on}, which could not be saved any more.",
                remedy="Save or drop it first, or restore the version and drop your draft with it.",
            )
        mappings.drop_draft(conn, row.id, app.actor)
        entry = audit.AuditEntry(
            at=app.clock(),
            actor=app.actor,
            tag="mapping:restore:done",
            kind="mapping",
            erp_id=str(made),
            details=msgspec.json.encode({"equal_to": version}).decode(),
        )
        audit.append(conn, row.id, [entry])
    return made


def mapping_from_text(text: str) -> CodeMapping:
    """The mapping in a text somebody brought; BadInput says what is off, and where."""
    if len(text) > LARGEST:
        raise BadInput(f"The mapping has {len(text):,} characters; the most is {LARGEST:,}.")
    if not text.strip():
        raise BadInput("The mapping is empty.", remedy="Export the mapping, change the file, and bring it again.")
    try:
        found = mapping_of(text)
    except RecursionError:
        raise BadInput("The mapping is nested deeper than any mapping is.") from None
    for where, value in _texts(found):
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
            raise BadInput(f"{where} holds a character that cannot be printed.", remedy="Write the code anew.")
    return found


def values_of_ifs(app: App, name: str) -> list[Dimension]:
    """The code part values that are valid in IFS today; asks IFS."""
    row = app.connection(name)
    with app.wiring.asking(row) as sides:
        values, _ = sides.erp.system.dimensions()
    today = app.clock().date()
    return [one for one in values if one.valid_from <= today <= one.valid_until]


def closed_until(app: App, name: str) -> date | None:
    """The last day of IFS's newest closed accounting period before its first open one; None when none can be read."""
    row = app.connection(name)
    with app.wiring.asking(row) as sides:
        periods = sorted(sides.erp.system.book().periods, key=lambda one: one.start)
    closed = [one.until for one in periods if not one.open]
    first = min((one.start for one in periods if one.open), default=None)
    before = [day for day in closed if first is None or day < first]
    return max(before, default=None)


def _kept(app: App, name: str, made: CodeMapping, before: Standing) -> Standing:
    row = app.connection(name)
    based_on = before.based_on if before.draft else before.version
    text = mapping_text(made)
    if len(text) > LARGEST:
        raise BadInput(f"The mapping would have {len(text):,} characters; the most is {LARGEST:,}.")
    with app.db.begin() as conn:
        if made == before.saved:
            mappings.drop_draft(conn, row.id, app.actor)
        else:
            mappings.put_draft(conn, row.id, app.actor, text, based_on)
    return msgspec.structs.replace(before, draft=None if made == before.saved else made, based_on=based_on)


def _texts(mapping: CodeMapping) -> list[tuple[str, str]]:
    """Every pattern and code of a mapping, with the table it stands in."""
    data: dict[str, Any] = msgspec.to_builtins(mapping)
    found: list[tuple[str, str]] = []

    def walk(where: str, value: Any) -> None:
        if isinstance(value, str):
            found.append((where, value))
        elif isinstance(value, dict):
            for name, inner in value.items():
                walk(where or f"[mapping.{name}]", inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                walk(where, inner)

    walk("", data)
    return found
