"""The mapping: what leads nowhere first, its tables, one change at a time, and what it would do before it is saved."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.actions import mapping as acts
from ml_connector.console.exporting import export
from ml_connector.console.page import Page, Route
from ml_connector.kernel.errors import AskPerson, BadInput
from ml_connector.planning.mapping import BUDGET_PARTS, PARTS, REVERSE_PARTS, SECTIONS
from ml_connector.planning.mapping_editing import Edit
from ml_connector.planning.mapping_words import EMPTY, code_words
from ml_connector.views.mapping import RowsLook
from ml_connector.views.mapping_choices import row_choices
from ml_connector.views.mapping_versions import VersionsLook
from ml_connector.web.asking import comes_from_elsewhere

_STATES = {"in use": "good", "not in use": "none", "never reached": "returned"}
_PLACE_ANEW = (
    "Rows may stand elsewhere by now, so the place of the new row is empty below. Look at the table, then say again "
    "before which row it comes; left empty it comes at the end, where it passes over no row."
)
"""What to do about a new row whose place was chosen in an older version of the table."""
_PREFIX = "part-"
"""How the names of a row's fields begin in forms."""


class _Row(msgspec.Struct, frozen=True):
    table: str = "cost_type"
    row: int = 0


class _Compare(msgspec.Struct, frozen=True):
    connection: str
    older: int = 0
    newer: int = 0


def _ask(page: Page) -> bool:
    """Whether IFS is asked now: for somebody who may work, and by no link of another site."""
    asked = page.request.query_params.get("ask") == "yes"
    return asked and page.can("work") and not comes_from_elsewhere(page.request)


def gaps(page: Page) -> Response:
    """What leads nowhere, most money first, with suggestions."""
    found = page.do(acts.GAPS, acts.Asking(page.connection, ask=_ask(page)))
    return _shown(page, "gaps", "gaps", found=_plain(found))


def rows(page: Page) -> Response:
    """The rows of one table."""
    look = page.query(RowsLook, section=_known(page.address.rpartition("/")[2]))
    how = page.request.query_params.get("as")
    if how:
        return export(page, how, f"mapping-{look.section}", look, lambda one: page.do(acts.ROWS, one))
    return _rows(page, look)


def _rows(
    page: Page, look: RowsLook, settings: dict[str, str] | None = None, error: BadInput | None = None
) -> Response:
    """A table; with settings that could not be used as they were typed, and why."""
    found = page.do(acts.ROWS, look)
    for row in found.rows:
        row["looks_at"], row["to"] = code_words(row["looks_at"], True), code_words(row["to"], True)
        row["state"] = {"state": _STATES[row["state"]], "word": row["state"]} if row["state"] else None
    status = 400 if error else 200
    values = {"listing": found, "table": look.section, "settings": settings or {}, "error": error}
    values["parts"] = BUDGET_PARTS if look.section.startswith("budget") else PARTS
    return _shown(page, "rows", look.section, status=status, based_on=_seen(page), **values)


def row(page: Page) -> Response:
    """The form of one row: of one that is there, or of a new one, perhaps with what was suggested."""
    asked = page.query(_Row)
    table = _table(page)
    typed = {name.removeprefix(_PREFIX): text for name, text in page.request.query_params.items() if _is_part(name)}
    if asked.row < 0:
        raise BadInput(f"There is no row {asked.row} in this table.", remedy="Open the table again.")
    there = _values(page, table, asked.row) if asked.row else {}
    shown = {name: text if text or name == "to" else EMPTY for name, text in there.items()}
    return _form(page, _Form(table, asked.row, typed or shown, msgspec.json.encode(there).decode()))


def change(page: Page) -> Response:
    """Takes one change, or the suggestions that were chosen, into this person's draft."""
    table, what = page.field("table"), page.field("what")
    at_end = what == "add" and not page.field("row")  # there it means no row that others may have moved
    chosen = page.fields("chosen")
    typed = {name.removeprefix(_PREFIX): page.field(name) for name in page.form if _is_part(name)}
    try:
        edits = [msgspec.json.decode(one, type=Edit) for one in chosen] or [_edit(page, table, what, typed)]
        based_on = None if at_end and not chosen else _based_on(page)
        page.do(acts.CHANGE, acts.Changing(page.connection, edits, based_on))
    except (BadInput, msgspec.DecodeError) as error:
        told = error if isinstance(error, BadInput) else BadInput("The change cannot be read.")
        place = page.field("row")
        if table in SECTIONS and not chosen and (what == "add" or (what == "change" and _is_row(place))):
            number = int(place) if what == "change" else 0
            if number == 0 and place and page.field("based_on") not in ("", str(_seen(page))):
                told, place = BadInput(told.sentence, remedy=_PLACE_ANEW), ""
            return _form(page, _Form(table, number, typed, page.field("was"), place), error=told)
        back = _at(page) if chosen or table not in SECTIONS else _at(page, f"/{table}")
        return page.redirect(back, f"{told.sentence} {told.remedy}", "bad")
    said = f"{len(edits)} changes wait in your draft." if len(edits) > 1 else "The change waits in your draft."
    back = page.field("back")
    address = _at(page) if chosen or back == "gaps" else _at(page, f"/{quote(table, safe='')}")
    return page.redirect(address, f"{said} Nothing is saved yet: see the effect first.", "info")


def settings(page: Page) -> Response:
    """Changes what a whole table looks at, and what happens where no row fits."""
    table = _known(page.field("table"))
    values = {name: page.field(name) for name in ("join", "otherwise") if name in page.form}
    try:
        was = _was(page) if "was" in page.form else None
        if "parts" in page.form:
            values["parts"] = _in_order(page.fields("parts"), (was or {}).get("parts", ""))
        edit = Edit(section=table, what="set", values=values, was=was)
        page.do(acts.CHANGE, acts.Changing(page.connection, [edit], _based_on(page)))
    except BadInput as error:
        return _rows(page, RowsLook(connection=page.connection, section=table), values, error)
    return page.redirect(_at(page, f"/{table}"), "The change waits in your draft.", "info")


def _in_order(chosen: list[str], was: str) -> str:
    """The parts that are checked, named with commas: those that were there in their order, which is that of the code
    they make, then the others."""
    parts = [part.strip() for one in chosen for part in one.split(",") if part.strip()]
    before = [part for part in was.split(", ") if part in parts]
    return ", ".join(dict.fromkeys([*before, *parts]))


def effect(page: Page) -> Response:
    """What this person's draft would do if it were saved now."""
    found = page.do(acts.EFFECT, acts.Trying(page.connection, ask=_ask(page)))
    return _shown(page, "effect", "effect", effect=_plain(found), restores=0)


def save(page: Page) -> Response:
    """Makes the draft the newest version."""
    based_on = _number(page.field("based_on"))
    try:
        done = page.do(acts.SAVE, acts.Saving(page.connection, based_on, page.field("seen")))
    except BadInput as error:
        found = page.do(acts.EFFECT, acts.Trying(page.connection))
        return _shown(page, "effect", "effect", status=400, effect=_plain(found), restores=0, error=error)
    said = f"Saved as version {done.version}. The next run decides with it."
    return page.redirect(_at(page), said)


def drop(page: Page) -> Response:
    """Forgets the draft."""
    page.do(acts.DROP, acts.Of(page.connection))
    return page.redirect(_at(page), "Your draft is gone; what is saved stays as it was.", "info")


def carry_over(page: Page) -> Response:
    """Carries the draft over onto the newest version; first says what clashes."""
    try:
        done = page.do(acts.CARRY, acts.Carrying(page.connection, page.field("leave_out") == "yes"))
    except AskPerson as clash:
        found = page.do(acts.EFFECT, acts.Trying(page.connection))
        return _shown(page, "effect", "effect", status=400, effect=_plain(found), restores=0, clash=clash)
    except BadInput as error:  # another window was quicker
        return page.redirect(_at(page), f"{error.sentence} {error.remedy or ''}".strip(), "bad")
    if not done.draft:
        return page.redirect(_at(page), f"Version {done.version} says all of your draft already.", "info")
    said = f"Your changes were carried over onto version {done.based_on}. This is what they would do now."
    return page.redirect(_at(page, "/effect"), said, "info")


def form_of_import(page: Page) -> Response:
    """The form that takes a mapping as TOML, by a file or as text."""
    return _shown(page, "import", "import", text="")


def bring(page: Page) -> Response:
    """Takes TOML from the file that was chosen, else from the text, as this person's draft."""
    body = page.upload("file")
    text = page.field("toml")
    try:
        if body:
            text = _text_of(body)
        page.do(acts.BRING, acts.Bringing(page.connection, text))
    except BadInput as error:
        return _shown(page, "import", "import", status=400, text=text, error=error)
    return page.redirect(_at(page, "/effect"), "The mapping waits in your draft. This is what it would do.", "info")


def toml(page: Page) -> Response:
    """A version as a file."""
    version = _number(page.request.query_params.get("version", "0"))
    found = page.do(acts.EXPORT, acts.Exporting(page.connection, version))
    name = f"mapping-{found.version}.toml"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(found.toml, media_type="application/toml; charset=utf-8", headers=headers)


def versions(page: Page) -> Response:
    """Every version: who saved it and when."""
    look = page.query(VersionsLook)
    how = page.request.query_params.get("as")
    if how:
        return export(page, how, "mapping-versions", look, lambda one: page.do(acts.VERSIONS, one))
    found = page.do(acts.VERSIONS, look)
    for one in found.rows:
        one["state"] = {"state": "good" if one["state"] == "in use" else "none", "word": one["state"]}
        one["actor"] = page.person(one["actor"], begins=True)
    choices = [(str(one["version"]), f"Version {one['version']}") for one in found.rows]
    return _shown(page, "versions", "versions", listing=found, choices=choices)


def compare(page: Page) -> Response:
    """Two versions side by side."""
    asked = page.query(_Compare)
    found = page.do(acts.COMPARE, acts.Two(page.connection, asked.older, asked.newer))
    return _shown(page, "compare", "versions", compared=_plain(found))


def before_restoring(page: Page) -> Response:
    """What restoring a version would do."""
    version = _number(page.part("version"))
    found = page.do(acts.RESTORE_EFFECT, acts.Foreseeing(page.connection, version, ask=_ask(page)))
    return _shown(page, "effect", "versions", effect=_plain(found), restores=version)


def restore(page: Page) -> Response:
    """Makes an old version the newest again."""
    version, based_on = _number(page.part("version")), _number(page.field("based_on"))
    try:
        drop = page.field("drop_draft") == "yes"
        done = page.do(acts.RESTORE, acts.OfVersion(page.connection, version, based_on, drop_draft=drop))
    except BadInput as error:
        return page.redirect(_at(page, "/versions"), f"{error.sentence} {error.remedy or ''}".strip(), "bad")
    return page.redirect(_at(page, "/versions"), f"Version {done.version} is the same as version {version}.")


def _shown(page: Page, template: str, tab: str, *, status: int = 200, **values: Any) -> Response:
    overview = page.do(acts.SHOW, acts.Of(page.connection))
    given = {"error": None, "clash": None, "tab": tab, "overview": _plain(overview), "at": _at(page), **values}
    return page.render(f"mapping/{template}.html", status=status, **given)


class _Form(NamedTuple):
    """The form of a row as it is shown: number 0 is a new one. `was` is the row as it was opened, as JSON; `place` the
    row before which a new one was asked for, as typed."""

    table: str
    number: int
    typed: dict[str, str]
    was: str = "{}"
    place: str = ""


def _form(page: Page, form: _Form, *, error: BadInput | None = None) -> Response:
    table = form.table
    parts = REVERSE_PARTS if table == "reverse" else BUDGET_PARTS if table.startswith("budget") else PARTS
    leads = (*"ABCDEFGHIJ", "activity") if table == "reverse" else ("to",)
    values = {"table": table, "row": form.number, "typed": form.typed, "parts": parts, "leads": leads}
    values |= {"was": form.was, "place": form.place, "based_on": _seen(page)}
    used = _plain(page.do(acts.SHOW, acts.Of(page.connection)))["tables"]
    looks: list[str] = next((one["parts"] for one in used if one["section"] == table), [])
    values["offers"] = _plain(row_choices(page.app, page.connection, table))
    return _shown(page, "row", table, status=400 if error else 200, error=error, looks=looks, **values)


def _values(page: Page, table: str, number: int) -> dict[str, str]:
    """A row as it stands, by its fields."""
    look = RowsLook(connection=page.connection, section=_known(table), page=(number - 1) // 500 + 1, size=500)
    found = page.do(acts.ROWS, look)
    for one in found.rows:
        if one["row"] == number:
            return dict(one["values"])
    raise BadInput(f"There is no row {number} in this table.", remedy="Open the table again.")


def _edit(page: Page, table: str, what: str, typed: dict[str, str]) -> Edit:
    given = {
        "section": table,
        "what": what,
        "row": _number(page.field("row")),
        "to_row": _number(page.field("to_row")),
        "values": {name: text for name, text in typed.items() if text},
    }
    if what in ("change", "move", "remove"):
        given["was"] = _was(page)
    try:
        return msgspec.convert(given, Edit)
    except msgspec.DecodeError:
        raise BadInput("The change cannot be read.", remedy="Open the table again.") from None


def _was(page: Page) -> dict[str, str]:
    try:
        return msgspec.json.decode(page.field("was"), type=dict[str, str])
    except msgspec.DecodeError:
        raise BadInput("The change cannot be read.", remedy="Open the table again.") from None


def _is_part(name: str) -> bool:
    return name.startswith(_PREFIX) and name.removeprefix(_PREFIX) in {*PARTS, *BUDGET_PARTS, *REVERSE_PARTS, "to"}


def _table(page: Page) -> Any:
    return _known(page.request.query_params.get("table", "cost_type"))


def _known(table: str) -> Any:
    if table not in SECTIONS:
        raise BadInput(f"The mapping has no table {table[:40]!r}.", remedy=f"Tables: {', '.join(SECTIONS)}.")
    return table


def _seen(page: Page) -> int:
    """The version a form is of: of one that comes back, too, with what is wrong, so that it can be sent again."""
    shown: int = page.do(acts.SHOW, acts.Of(page.connection)).based_on
    return shown


def _based_on(page: Page) -> int | None:
    sent = page.field("based_on")
    return _number(sent) if sent else None


def _is_row(text: str) -> bool:
    return text.isdecimal() and len(text) < 10


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        if text in ("", "0"):
            return 0
        raise BadInput(f"{text[:20]!r} is no number of a row or version.")
    return int(text)


def _text_of(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(
            "The file is not UTF-8 text, as TOML is.", remedy="Export the mapping and change that."
        ) from None


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)


def _at(page: Page, rest: str = "") -> str:
    return f"/c/{quote(page.connection)}/mapping{rest}"


_HOME = "/c/{connection}/mapping"

PAGES: tuple[Route, ...] = (
    Route(_HOME, gaps),
    *(Route(f"{_HOME}/{section}", rows) for section in SECTIONS),
    Route(f"{_HOME}/row", row),
    Route(f"{_HOME}/change", change, ("POST",), Permission.WORK),
    Route(f"{_HOME}/settings", settings, ("POST",), Permission.WORK),
    Route(f"{_HOME}/effect", effect),
    Route(f"{_HOME}/save", save, ("POST",), Permission.WORK),
    Route(f"{_HOME}/drop", drop, ("POST",), Permission.WORK),
    Route(f"{_HOME}/carry", carry_over, ("POST",), Permission.WORK),
    Route(f"{_HOME}/import", form_of_import),
    Route(f"{_HOME}/import", bring, ("POST",), Permission.WORK),
    Route(f"{_HOME}/toml", toml),
    Route(f"{_HOME}/versions", versions),
    Route(f"{_HOME}/compare", compare),
    Route(f"{_HOME}/versions/{{version}}", before_restoring),
    Route(f"{_HOME}/versions/{{version}}/restore", restore, ("POST",), Permission.WORK),
)
"""Everything about the mapping."""
