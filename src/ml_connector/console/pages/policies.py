"""What a connection allows, group by group; a change is shown as a difference before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.actions import policies as acts
from ml_connector.console.page import Page, Route
from ml_connector.console.policy_rows import Row, check_rows, rows_in, text_of
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.text import listed
from ml_connector.service.policy_entries import figure_shown
from ml_connector.views.policies import HOURS, KEYS

_FIELD = "e:"
"""How the name of an entry's field begins in forms, before its path."""
_PAIR = "t:"
"""How the name of a field of a table begins of which every left side is known: its path, a colon and the left side."""
_MANY = "many:"
"""How the name of the hidden field begins that says that check boxes of an entry were on the page."""
_FREEZE = "schedule.freeze."
_OTHERS = BadInput(
    "The freeze windows were changed since this form was opened. Nothing was saved.",
    remedy="Below they are as they stand now, with what you typed. Look again, then go on.",
)


def show(page: Page) -> Response:
    """One group of policies."""
    return _group(page, _key(page), {}, None)


def review(page: Page) -> Response:
    """The difference between what was typed and what is there; what nobody touched in the form is no part of it.

    A freeze window is known by its place alone: where the windows are others by now, nothing of them is taken.
    """
    was, key = _was(page), _key(page)
    rows = rows_in(page.form, page.fields)
    typed = _touched({**_typed(page), **{path: text_of(some) for path, some in rows.items()}}, was)
    try:
        check_rows(rows, typed, lambda: _entries(page))
        found = page.do(acts.COMPARE, acts.Trying(page.connection, typed))
    except BadInput as error:
        return _group(page, key, typed, error, rows)
    if windows_of(typed) and was is not None and _overtaken(page, key, was):  # asked last: `found.seen` is of before
        return _group(page, key, typed, _OTHERS, rows)
    if not found.changes:
        return page.redirect(_at(page, key), "Nothing was changed: every entry is as it was.", "info")
    entries = msgspec.json.encode(typed).decode()
    return page.render(
        "policies/review.html",
        section="policies",
        at=_at(page, key),
        key=key,
        found=msgspec.to_builtins(found),
        entries=entries,
        was=page.field("was"),
    )


def save(page: Page) -> Response:
    """Saves what the difference showed; or goes back to the form, with what was typed, as it does when refused."""
    key = _key(page)
    try:
        entries = msgspec.json.decode(page.field("entries"), type=dict[str, str])
    except msgspec.DecodeError:
        return page.redirect(_at(page, key), "The change could not be read. Make it again.", "bad")
    if page.field("do") == "back":
        return _group(page, key, entries, None)
    try:
        done = page.do(acts.SAVE, acts.Saving(page.connection, entries, page.field("seen")))
    except BadInput as error:
        return _group(page, key, entries, error)
    said = f"Saved: {', '.join(one.title for one in done.changes)}. The next run decides with it."
    return page.redirect(_at(page, key), said)


def _entries(page: Page) -> dict[str, Any]:
    """Every policy by its path."""
    found = page.do(acts.SHOW, acts.Of(page.connection))
    return {one.path: one for group in found.groups for one in group.entries}


def _group(
    page: Page,
    key: str,
    typed: dict[str, str],
    error: BadInput | None,
    rows: Mapping[str, list[Row]] | None = None,
) -> Response:
    """The form of a group, with what was typed into it; `rows` are those of tables, as they were typed."""
    found: dict[str, Any] = msgspec.to_builtins(page.do(acts.SHOW, acts.Of(page.connection)))
    _show_in(found, page.can("configure"))
    groups = found["groups"]
    group = next(one for one in groups if one["key"] == key)
    now, was = _values(found, key, group["entries"]), _was(page)
    if was is not None and windows_of(was) != windows_of(now):
        typed, left = placed_anew(typed, was, now)
        if left or windows_of(typed):
            error = BadInput(_OTHERS.sentence, remedy=f"{_OTHERS.remedy}{_told(left, found)}")
    values = {
        "section": "policies",
        "key": key,
        "groups": groups,
        "group": group,
        "freezes": found["freezes"] if key == HOURS else [],
        "flows": found["flows"] if key == HOURS else {},
        "typed": typed,
        "rows": rows or {},
        "was": msgspec.json.encode(now).decode(),
        "error": error,
        "at": _at(page, ""),
        "here": _at(page, key),
    }
    return page.render("policies/group.html", status=400 if error else 200, **values)


def _show_in(found: dict[str, Any], fills: bool) -> None:
    """Puts into every entry what its field has before anybody types: figures with their thousands parted; and of a
    form what days a new freeze window counts."""
    parts = [*(group["entries"] for group in found["groups"]), *found["freezes"], *found["flows"].values()]
    for one in (one for part in parts for one in part):
        figure = one["kind"] in ("number", "amount") and one["value"]
        one["shown"] = figure_shown(one["value"]) if figure else one["value"]
        if fills and one["path"].endswith(".count") and not one["value"]:
            one["shown"] = next(iter(one["choices"]))


def _typed(page: Page) -> dict[str, str]:
    """Entries by their path; several boxes are one list, and boxes of which none is checked are an empty one."""
    typed = {name.removeprefix(_FIELD): page.field(name) for name in page.form if name.startswith(_FIELD)}
    tables: dict[str, list[str]] = {}
    for name in page.form:
        if name.startswith(_PAIR):
            path, _, left = name.removeprefix(_PAIR).partition(":")
            right = " ".join(page.field(name).split())
            tables.setdefault(path, []).extend([f"{left} = {right}"] if right else [])
        if name.startswith(_MANY):
            path = name.removeprefix(_MANY)
            typed[path] = ", ".join(page.fields(f"{_FIELD}{path}"))
    return {**typed, **{path: "\n".join(sorted(lines)) for path, lines in tables.items()}}


def _was(page: Page) -> dict[str, str] | None:
    """The entries as the form had them; None where nobody says so."""
    try:
        return msgspec.json.decode(page.field("was"), type=dict[str, str])
    except msgspec.DecodeError:
        return None


def _touched(typed: dict[str, str], was: dict[str, str] | None) -> dict[str, str]:
    """The entries that are not as the form had them: whoever leaves an entry alone does not undo what another person
    made of it meanwhile."""
    if was is None:
        return typed
    return {path: text for path, text in typed.items() if path not in was or _lines(text) != _lines(was[path])}


def _overtaken(page: Page, key: str, was: dict[str, str]) -> bool:
    """Whether the freeze windows are others than the form had."""
    found: dict[str, Any] = msgspec.to_builtins(page.do(acts.SHOW, acts.Of(page.connection)))
    _show_in(found, page.can("configure"))
    return windows_of(was) != windows_of(_values(found, key, []))


def windows_of(entries: Mapping[str, str]) -> dict[int, dict[str, str]]:
    """The freeze windows among some entries: what each says, by its place."""
    found: dict[int, dict[str, str]] = {}
    for path, text in entries.items():
        place, mark, name = path.removeprefix(_FREEZE).partition(".")
        if path.startswith(_FREEZE) and mark and place.isdecimal():
            found.setdefault(int(place), {})[name] = text.strip()
    return found


def placed_anew(
    typed: Mapping[str, str], was: Mapping[str, str], now: Mapping[str, str]
) -> tuple[dict[str, str], dict[int, dict[str, str]]]:
    """What was typed, with each freeze window at the place where it stands by now; and what was typed of those that
    are not there any more, by the place they had. `was` is the form as it was typed into, `now` as it is shown."""
    placed = {path: text for path, text in typed.items() if not path.startswith(_FREEZE)}
    before, there = windows_of(was), windows_of(now)
    left: dict[int, dict[str, str]] = {}
    for place, own in windows_of(typed).items():
        new = next((one for one, window in there.items() if window == before.get(place)), None)
        if new is None:
            left[place] = own
        else:
            del there[new]  # of two that say the same each goes to one
            placed.update({f"{_FREEZE}{new}.{name}": text for name, text in own.items()})
    return placed, left


def _told(left: Mapping[int, Mapping[str, str]], found: Mapping[str, Any]) -> str:
    """What was typed of freeze windows that are not there any more, in words."""
    titles = {one["path"].rpartition(".")[2]: one["title"] for window in found["freezes"] for one in window}
    told = [
        f"{titles.get(name, name)} of window {place + 1}: {text or 'nothing'}"
        for place, own in left.items()
        for name, text in own.items()
    ]
    return f" What you typed of a window that is not there any more: {listed(told, 20, '; ')}." if told else ""


def _lines(text: str) -> list[str]:
    """The lines of a value, in an order of their own: those of a table have none."""
    return sorted(line.strip() for line in text.strip().splitlines())


def _values(found: dict[str, Any], key: str, entries: list[dict[str, Any]]) -> dict[str, str]:
    """Every entry of a form with the value it has before anybody types."""
    parts = [entries, *found["freezes"], *found["flows"].values()] if key == HOURS else [entries]
    return {one["path"]: one["shown"] for part in parts for one in part}


def _key(page: Page) -> str:
    last = page.address.removesuffix("/save").rpartition("/")[2]
    return last if last in KEYS else KEYS[0]


def _at(page: Page, key: str) -> str:
    rest = f"/{key}" if key and key != KEYS[0] else ""
    return f"/c/{quote(page.connection, safe='')}/policies{rest}"


_HOME = "/c/{connection}/policies"
_PLACES = (_HOME, *(f"{_HOME}/{key}" for key in KEYS[1:]))

PAGES: tuple[Route, ...] = (
    *(Route(place, show) for place in _PLACES),
    *(Route(place, review, ("POST",), Permission.CONFIGURE) for place in _PLACES),
    *(Route(f"{place}/save", save, ("POST",), Permission.CONFIGURE) for place in _PLACES),
)
"""Every group of policies."""
