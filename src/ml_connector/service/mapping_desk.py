"""What people do about the mapping besides bringing a whole one: change a row at a time, restore, ask IFS."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, NamedTuple

import msgspec

from ml_connector.app import App
from ml_connector.engine import code_uses as kept_uses
from ml_connector.kernel.errors import AskPerson, BadInput
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.mapping import DEFAULT, SECTIONS, CodeMapping
from ml_connector.planning.mapping_carrying import Carried, carried
from ml_connector.planning.mapping_editing import Edit, edited
from ml_connector.planning.mapping_effect import agreed_of
from ml_connector.planning.mapping_use import Reader, Turn, Use, turned
from ml_connector.records.dimension import Dimension
from ml_connector.store import audit, code_uses, mappings
from ml_connector.store.bulk import Transaction
from ml_connector.store.mappings import Draft, MappingVersion
from ml_connector.wiring import mapping_of, mapping_text

LARGEST = 2_000_000
"""Characters a mapping may have as TOML: some twenty thousand rows."""

PATIENCE = 30.0
"""Seconds that may be spent on reading decisions kept since the last look; afterwards they are known."""


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
            remedy="Look at the table as it is now, and choose there.",
        )
    made = before.now
    for edit in edits:
        made = edited(made, edit)
    return _kept(app, name, made, before)


def _begun(now: Standing) -> str:
    if now.draft is not None:
        return f"your draft was begun from version {now.based_on}"
    return f"version {now.version} is the newest by now"


def bring(app: App, name: str, text: str, based_on: int | None = None) -> Standing:
    """A whole mapping from TOML becomes this person's draft, in place of one they have; nothing is saved yet.

    With `based_on` only while that is the newest version.
    """
    before = standing(app, name)
    if based_on is not None and based_on != before.version:
        raise BadInput(
            f"This mapping was begun from version {based_on}, and version {before.version} is the newest by now.",
            remedy=f"Compare the two versions (`ml-connector mapping compare {based_on} {before.version}`) first.",
        )
    return _kept(app, name, mapping_from_text(text), msgspec.structs.replace(before, draft=None))


def drop(app: App, name: str) -> None:
    """Forgets this person's draft."""
    row = app.connection(name)
    with app.db.begin() as conn:
        mappings.drop_draft(conn, row.id, app.actor)


def save(app: App, name: str, based_on: int | None = None, seen: str = "") -> int:
    """Makes this person's draft the newest version and returns its number; BadInput when another was saved meanwhile.

    `based_on` is the version the person saw; by default the one the draft was begun from. `seen` is the mark of what
    they saw (`Effect.mark`): BadInput where the draft says something else by now, as in another window.
    """
    row = app.connection(name)
    with app.db.begin() as conn:
        draft = mappings.draft(conn, row.id, app.actor)
        if draft is None:
            raise BadInput("There is nothing to save: no change of yours is waiting.", remedy="Change a row first.")
        if based_on is not None and based_on != draft.based_on:
            raise BadInput(f"The page showed version {based_on}, and your draft was begun from {draft.based_on}.")
        if seen and seen != mapping_of(draft.toml).version():
            raise BadInput(
                "Your draft was changed since this was shown, perhaps in another window. Nothing was saved.",
                remedy="Look at what it would do now, then save it.",
            )
        made = _put(conn, app, row.id, mapping_of(draft.toml), draft.based_on)
        mappings.drop_draft(conn, row.id, app.actor, draft.toml)  # what was changed this very moment stays
    return made


class Kept(NamedTuple):
    """A version that was saved besides this person's draft, and what became of that draft."""

    version: int
    draft: Literal["", "carried", "left"] = ""
    """Empty where there is none; `left`: it changes the same otherwise, or was overtaken before, and stays as it is."""

    @property
    def sentence(self) -> str:
        """What is to be said of the draft; empty where there is none."""
        return _OF_DRAFTS[self.draft]


_OF_DRAFTS = {
    "": "",
    "carried": "Your unsaved draft was carried over onto it.",
    "left": "Your unsaved draft stays as it was; carry its changes over, or drop it, on the mapping page.",
}


def keep(app: App, name: str, mapping: CodeMapping, based_on: int | None = None) -> Kept:
    """Saves a mapping as the newest version, besides the draft this person may have; BadInput as `save` raises it.

    Changes of the draft are carried over onto the new version, unless one of them clashes with it.
    """
    row = app.connection(name)
    with app.db.begin() as conn:
        before = mappings.latest(conn, row.id)
        version = _put(conn, app, row.id, mapping, based_on)
        draft = mappings.draft(conn, row.id, app.actor)
        if draft is None or draft.based_on == version:
            return Kept(version)
        made = _carried(before, draft, mapping) if draft.based_on == (before.version if before else 0) else None
        if made is None or made.clashes or len(mapping_text(made.mapping)) > LARGEST:
            return Kept(version, "left")
        _keep_draft(conn, app, row.id, made.mapping, (mapping, version))
    return Kept(version, "carried")


def check_recodes_nothing(app: App, name: str, before: CodeMapping, made: CodeMapping) -> None:
    """BadInput where rows added to a mapping would lead elsewhere what has a code already.

    Added at the end of its table, a row can take nothing from another row; but in a table with `otherwise = "same"` it
    can take what has a code without any row: of an open document, or of a budget code.
    """
    tables = [rule for section in SECTIONS[:4] if (rule := getattr(before, section)) != getattr(made, section)]
    if not any(rule is not None and rule.otherwise == "same" for rule in tables):
        return  # whatever no row takes has no code that could be taken
    row = app.connection(name)
    if not kept_uses.catch_up(app.db, row.id, PATIENCE):
        raise BadInput(
            "Not everything that was decided lately has been read yet, so nobody can say what this row would move.",
            remedy="Try it again in a moment.",
        )
    with app.db.begin() as conn:
        turns = _recoded(conn, row.id, Reader(before), Reader(made))
    if turns:
        moves = ((one.use.text(), one.before.flat, one.after.flat or "nowhere") for one in turns)
        led = dict.fromkeys(f"{use} from {old} to {new}" for use, old, new in moves)
        raise BadInput(
            "This row would move money of open documents, too: where no row takes a code string, its own values are "
            f"the code, and the row would take {counted(len(led), 'code string')} that have one: "
            f"{listed(list(led), 3)}.",
            remedy="Map only what waits, or make the row on the mapping page, which shows what moves.",
        )


def _recoded(conn: Transaction, connection_id: int, before: Reader, after: Reader) -> list[Turn]:
    """Code strings that lead somewhere and would lead elsewhere: those of open documents, and those of budget codes."""
    found = set(code_uses.uses(conn, connection_id, only_open=True))
    for name, base in code_uses.budget_codes(conn, connection_id):
        project, _, flat = name.partition("/")
        use = Use(project, agreed_of(base).codes)
        if use.codes and before.target(use).flat == flat:
            found.add(use)
    return [one for one in turned(before, after, sorted(found)) if not one.before.missing]


def about_draft(app: App, name: str, mapping: CodeMapping) -> str:
    """What `keep` would do to the draft of this person, as a sentence; empty where they have none."""
    row = app.connection(name)
    with app.db.begin() as conn:
        newest, draft = mappings.latest(conn, row.id), mappings.draft(conn, row.id, app.actor)
    if draft is None:
        return ""
    if draft.based_on != (newest.version if newest else 0) or _carried(newest, draft, mapping).clashes:
        return "You have an unsaved draft of the mapping, too: it stays as it is, and you carry it over by yourself."
    return "You have an unsaved draft of the mapping, too: this is put into it as well."


def carry(app: App, name: str, *, leave_out: bool = False) -> Standing:
    """Carries this person's draft over onto the newest version, which somebody saved since it was begun.

    AskPerson names the changes that clash with it; with `leave_out` those are left out, and the others carried over.
    """
    row = app.connection(name)
    with app.db.begin() as conn:
        newest, draft = mappings.latest(conn, row.id), mappings.draft(conn, row.id, app.actor)
        if draft is None or newest is None or newest.version == draft.based_on:
            raise BadInput("There is nothing to carry over: no draft of yours was overtaken.")
        begun = mappings.get(conn, row.id, draft.based_on) if draft.based_on else None
        saved = mapping_of(newest.toml)
        made = _carried(begun, draft, saved)
        if made.clashes and not leave_out:
            raise AskPerson(
                f"Version {newest.version} has it otherwise than {counted(len(made.clashes), 'change')} of yours. "
                f"{' '.join(made.clashes[:20])}{' And more.' if len(made.clashes) > 20 else ''}",
                remedy="Leave these out and carry the others over, or drop your draft.",
            )
        _keep_draft(conn, app, row.id, made.mapping, (saved, newest.version))
    return standing(app, name)


def _carried(begun: MappingVersion | None, draft: Draft, newest: CodeMapping) -> Carried:
    return carried(mapping_of(begun.toml) if begun else DEFAULT, mapping_of(draft.toml), newest)


def _put(conn: Transaction, app: App, connection_id: int, mapping: CodeMapping, based_on: int | None) -> int:
    version = mappings.put(conn, connection_id, mapping_text(mapping), app.actor, based_on)
    audit.append(conn, connection_id, [_entry(app, "mapping:import:done", version, {})])
    return version


def _entry(app: App, tag: str, version: int, details: dict[str, int]) -> audit.AuditEntry:
    told = msgspec.json.encode(details).decode()
    return audit.AuditEntry(at=app.clock(), actor=app.actor, tag=tag, kind="mapping", erp_id=str(version), details=told)


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
        audit.append(conn, row.id, [_entry(app, "mapping:restore:done", made, {"equal_to": version})])
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
    with app.db.begin() as conn:
        _keep_draft(conn, app, row.id, made, (before.saved, based_on))
    return msgspec.structs.replace(before, draft=None if made == before.saved else made, based_on=based_on)


def _keep_draft(
    conn: Transaction, app: App, connection_id: int, made: CodeMapping, begun: tuple[CodeMapping, int]
) -> None:
    """Keeps a draft with the version it is based on; where it says what is saved, there is none."""
    saved, based_on = begun
    text = mapping_text(made)
    if len(text) > LARGEST:
        raise BadInput(f"The mapping would have {len(text):,} characters; the most is {LARGEST:,}.")
    if made == saved:
        mappings.drop_draft(conn, connection_id, app.actor)
    else:
        mappings.put_draft(conn, connection_id, app.actor, text, based_on)


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
