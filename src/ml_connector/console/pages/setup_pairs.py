"""The steps of a set-up in which records are paired and codes are mapped."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.actions import setup_pairs as acts
from ml_connector.actions.setup_takes import Accept, Mapped, Named, One, Pairs, Search
from ml_connector.console.page import Page, Route, taken
from ml_connector.console.pages.setup import step_page
from ml_connector.kernel.errors import BadInput, NothingSuchHere
from ml_connector.kernel.text import counted
from ml_connector.planning.first_steps import following
from ml_connector.views.listing import Look
from ml_connector.views.pairs import PairLook, Workbench

_KINDS = {"sites": "project", "vendors": "vendor"}
"""Step to the kind of record it pairs."""
_LIKENESS = (100, 95, 90, 85, 80)


class BenchLook(Look, frozen=True, kw_only=True):
    """How a workbench is looked at on its page."""

    state: Literal["", "open", "decided"] = ""
    likeness: int = 95


def bench(page: Page) -> Response:
    """The projects, or the suppliers, with what looks like them."""
    return _bench(page, _step(page))


def answer(page: Page) -> Response:
    """Keeps what was chosen on the page, row by row."""
    step, name = _step(page), page.part("setup")
    rows = _numbered(page, "row")
    said = {row: page.field(f"answer-{number}") for number, row in rows.items() if f"answer-{number}" in page.form}
    was = {row: page.field(f"was-{number}") for number, row in rows.items()}
    answers = [_said(row, word) for row, word in said.items() if word != was[row]]
    try:
        given = taken(Pairs, {"connection": name, "kind": _KINDS[step], "answers": answers})
        number = page.do(acts.ANSWER, given).number if answers else 0
    except BadInput as error:
        return _bench(page, step, error, said)
    said_so = f"{counted(number, 'answer')} kept." if number else "Nothing changed."
    return page.redirect(_back(name, step, _kept(page.query(BenchLook))), said_so)


def accept(page: Page) -> Response:
    """Links in one go what stands alone and is alike enough."""
    step, name = _step(page), page.part("setup")
    given = {"connection": name, "kind": _KINDS[step], "threshold": page.field("likeness", "100")}
    try:
        number = page.do(acts.ACCEPT, taken(Accept, given)).number
    except BadInput as error:
        return _bench(page, step, error)
    return page.redirect(_back(name, step, _kept(page.query(BenchLook))), f"{counted(number, 'pair')} accepted.")


def one(page: Page) -> Response:
    """One record by itself, to choose its partner by hand."""
    return _one(page, _step(page))


def _one(page: Page, step: str, error: BadInput | None = None) -> Response:
    name = page.part("setup")
    words = page.request.query_params.get("q", "")[:200]
    asked = {"connection": name, "kind": _KINDS[step]}
    row = page.do(acts.PAIR, taken(One, {**asked, "record": page.part("record")}))
    found = page.do(acts.SEARCH, taken(Search, {**asked, "q": words})) if words else []
    return step_page(page, step, error, one=row, words=words, found=found, **_empty(page))


def say(page: Page) -> Response:
    """Keeps the answer about one record."""
    step, name = _step(page), page.part("setup")
    answers = [{"id": page.part("record"), "answer": page.field("answer"), "target": page.field("target")}]
    try:
        page.do(acts.ANSWER, taken(Pairs, {"connection": name, "kind": _KINDS[step], "answers": answers}))
    except BadInput as error:
        return _one(page, step, error)
    return page.redirect(_back(name, step, _came_from(page)), "The answer is kept.")


def mapping(page: Page) -> Response:
    """The code strings that lead nowhere yet."""
    return _mapping(page)


def map_codes(page: Page) -> Response:
    """Adds a row to the mapping for each that was given a code."""
    name = page.part("setup")
    answers = [
        {"section": section, "looked_at": page.field(f"looked_at-{number}"), "to": page.field(f"to-{number}")}
        for number, section in _numbered(page, "section").items()
    ]
    try:
        number = page.do(acts.MAP, taken(Mapped, {"connection": name, "answers": answers})).number
    except BadInput as error:
        return _mapping(page, error, {(one["section"], one["looked_at"]): one["to"] for one in answers})
    said = f"{counted(number, 'row')} added to the mapping." if number else "The mapping stays as it is."
    return page.redirect(f"/setup/{name}/{following('mapping')}", said)


def _bench(
    page: Page, step: str, error: BadInput | None = None, chosen: Mapping[str, str] = MappingProxyType({})
) -> Response:
    """A page of pairs; `chosen` is what was picked on it and could not be kept, by record."""
    name, look = page.part("setup"), page.query(BenchLook)
    values: dict[str, Any] = {**_empty(page), "look": look, "kept": _kept(look), "one": None, "chosen": chosen}
    try:
        found = _rows(page, name, step, look)
        if not found.rows and look.page > 1:  # the last rows of a page were decided, and are not among the open ones
            found = _rows(page, name, step, msgspec.structs.replace(look, page=1))
        asked = {"connection": name, "kind": _KINDS[step], "threshold": look.likeness}
        ready = page.do(acts.ACCEPTABLE, taken(Accept, asked)).number
    except BadInput as trouble:  # nobody looked at both sides yet
        return step_page(page, step, error, **{**values, "trouble": trouble})
    return step_page(page, step, error, **{**values, "bench": found, "ready": ready})


def _rows(page: Page, name: str, step: str, look: BenchLook) -> Workbench:
    asked = PairLook(connection=name, kind=_kind(step), state=look.state, q=look.q, page=look.page, size=look.size)
    found: Workbench = page.do(acts.BENCH, asked)
    return found


def _empty(page: Page) -> dict[str, Any]:
    return {
        "bench": None,
        "trouble": None,
        "look": BenchLook(),
        "ready": 0,
        "likeness": _LIKENESS,
        "kept": _came_from(page),
        "kept_at": lambda look, number: _kept(msgspec.structs.replace(look, page=number)),
        "chosen": {},
    }


def _kept(look: BenchLook) -> str:
    """How a workbench is looked at, as the query of its address; empty where nothing was chosen."""
    usual = BenchLook()
    chosen = {name: getattr(look, name) for name in ("q", "state", "likeness", "page", "size")}
    return urlencode({name: value for name, value in chosen.items() if value != getattr(usual, name)})


def _came_from(page: Page) -> str:
    """How the workbench was looked at from which somebody came to one record."""
    given = dict(parse_qsl(page.request.query_params.get("back", "")[:1000]))
    return _kept(taken(BenchLook, {name: given[name] for name in ("q", "state", "likeness", "page") if name in given}))


def _back(name: str, step: str, kept: str) -> str:
    return f"/setup/{name}/pairs/{step}" + (f"?{kept}" if kept else "")


def _mapping(
    page: Page, error: BadInput | None = None, chosen: Mapping[tuple[str, str], str] = MappingProxyType({})
) -> Response:
    """The gaps; `chosen` is what was typed and could not be kept, by section and values."""
    try:
        found = page.do(acts.GAPS, Named(page.part("setup")))
    except BadInput as trouble:
        return step_page(page, "mapping", error, gaps=None, trouble=trouble, chosen=chosen)
    return step_page(page, "mapping", error, gaps=found, trouble=None, chosen=chosen)


def _numbered(page: Page, name: str) -> dict[str, str]:
    """The fields of that name, by their number; it ties a row's fields together, in whatever order they come."""
    return {key.removeprefix(f"{name}-"): page.field(key) for key in page.form if key.startswith(f"{name}-")}


def _step(page: Page) -> str:
    step = page.part("pairs")
    if step not in _KINDS:
        raise NothingSuchHere("There is no such step.")
    return step


def _kind(step: str) -> Literal["project", "vendor"]:
    return "project" if step == "sites" else "vendor"


def _said(row: str, word: str) -> dict[str, str]:
    """`link:562` is a link to that record; other words stand for themselves."""
    answer, _, target = word.partition(":")
    return {"id": row, "answer": answer or "leave", "target": target}


_MAY = Permission.CONFIGURE
PAGES: tuple[Route, ...] = (
    Route("/setup/{setup}/mapping", mapping, permission=_MAY),
    Route("/setup/{setup}/mapping", map_codes, ("POST",), _MAY),
    Route("/setup/{setup}/pairs/{pairs}/accept", accept, ("POST",), _MAY),
    Route("/setup/{setup}/pairs/{pairs}/{record:path}", one, permission=_MAY),
    Route("/setup/{setup}/pairs/{pairs}/{record:path}", say, ("POST",), _MAY),
    Route("/setup/{setup}/pairs/{pairs}", bench, permission=_MAY),
    Route("/setup/{setup}/pairs/{pairs}", answer, ("POST",), _MAY),
)
"""The steps of pairs and codes."""
