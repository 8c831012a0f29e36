"""What a connection allows, group by group; a change is shown as a difference before it is saved."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.actions import policies as acts
from ml_connector.console.page import Page, Route
from ml_connector.kernel.errors import BadInput
from ml_connector.views.policies import HOURS, KEYS

_FIELD = "e:"
"""How the name of an entry's field begins in forms, before its path."""
_PAIR = "t:"
"""How the name of a field of a table begins, before its path, a colon and what stands on the left."""
_MANY = "many:"
"""How the name of the hidden field begins that says that check boxes of an entry were on the page."""


def show(page: Page) -> Response:
    """One group of policies."""
    return _group(page, _key(page), {}, None)


def review(page: Page) -> Response:
    """The difference between what was typed and what is there; what nobody touched in the form is no part of it."""
    typed, key = _touched(_typed(page), page.field("was")), _key(page)
    try:
        found = page.do(acts.COMPARE, acts.Trying(page.connection, typed))
    except BadInput as error:
        return _group(page, key, typed, error)
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


def _group(page: Page, key: str, typed: dict[str, str], error: BadInput | None) -> Response:
    found: dict[str, Any] = msgspec.to_builtins(page.do(acts.SHOW, acts.Of(page.connection)))
    groups = found["groups"]
    group = next(one for one in groups if one["key"] == key)
    values = {
        "section": "policies",
        "key": key,
        "groups": groups,
        "group": group,
        "freezes": found["freezes"] if key == HOURS else [],
        "flows": found["flows"] if key == HOURS else {},
        "typed": typed,
        "was": msgspec.json.encode(_values(found, key, group["entries"])).decode(),
        "error": error,
        "at": _at(page, ""),
        "here": _at(page, key),
    }
    return page.render("policies/group.html", status=400 if error else 200, **values)


def _typed(page: Page) -> dict[str, str]:
    """Entries by their path; several boxes are one list, and boxes of which none is checked are an empty one."""
    typed = {name.removeprefix(_FIELD): page.field(name) for name in page.form if name.startswith(_FIELD)}
    tables: dict[str, list[str]] = {}
    for name in page.form:
        if name.startswith(_PAIR):
            path, _, left = name.removeprefix(_PAIR).partition(":")
            tables.setdefault(path, []).extend([f"{left} = {page.field(name)}"] if page.field(name) else [])
        if name.startswith(_MANY):
            path = name.removeprefix(_MANY)
            typed[path] = ", ".join(page.fields(f"{_FIELD}{path}"))
    return {**typed, **{path: "\n".join(sorted(lines)) for path, lines in tables.items()}}


def _touched(typed: dict[str, str], was: str) -> dict[str, str]:
    """The entries that are not as the form had them, which says so in `was`: whoever leaves an entry alone does not
    undo what another person made of it meanwhile."""
    try:
        before = msgspec.json.decode(was, type=dict[str, str])
    except msgspec.DecodeError:
        return typed
    return {path: text for path, text in typed.items() if path not in before or _lines(text) != _lines(before[path])}


def _lines(text: str) -> list[str]:
    """The lines of a value, in an order of their own: those of a table have none."""
    return sorted(line.strip() for line in text.strip().splitlines())


def _values(found: dict[str, Any], key: str, entries: list[dict[str, Any]]) -> dict[str, str]:
    """Every entry of a form with the value it has before anybody types."""
    parts = [entries, *found["freezes"], *found["flows"].values()] if key == HOURS else [entries]
    return {one["path"]: one["value"] for part in parts for one in part}


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
