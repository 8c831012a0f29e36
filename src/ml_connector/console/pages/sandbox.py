"""The sandbox's page, in the demo only: move the clock, play a person, break something, see what was called."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from markupsafe import Markup, escape
from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.actions import sandbox as acts
from ml_connector.actions.action import Nothing
from ml_connector.actions.playground import Act, Heard, Playground
from ml_connector.actions.sandbox import SIDES, STEPS, Acted, Moved, Struck, ground_of
from ml_connector.console.page import Page, Route, taken
from ml_connector.console.showing import moment_exact, moment_iso
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.text import clipped
from ml_connector.views.listing import Column, Listing, Look, listing

_HOME = "/sandbox"
_TIMES = (("1", "The next call"), ("5", "The next 5 calls"), ("0", "Every call until it is mended"))
_PATH = 72
"""Characters of an address shown in the log at once; the rest is behind it."""
_PREFIX = "/int/ifsapplications/projection/v1"
"""What every address of IFS begins with, and nobody wants to read."""
_COLUMNS = (
    Column("at", "When"),
    Column("side", "System"),
    Column("call", "Call", "code"),
    Column("answer", "Answer", "state"),
    Column("ms", "Milliseconds", "number"),
)


class CallsLook(Look, frozen=True, kw_only=True):
    """The calls both systems heard."""

    side: Annotated[str, msgspec.Meta(max_length=10)] = ""
    only: Annotated[str, msgspec.Meta(max_length=10)] = ""
    """`writes`: those that wanted to change something."""


def people(page: Page) -> Response:
    """Acts of people in both systems, and the clock."""
    ground = _ground(page)
    return _shown(page, ground, "people", sides=_by_side(ground), typed={}, failed="", error=None)


def act(page: Page) -> Response:
    """Does what somebody typed; refused, the form comes again with the reason."""
    ground = _ground(page)
    key = page.field("act")
    found = next((one for one in ground.acts() if one.key == key), None)
    typed = {entry.name: page.field(entry.name) for entry in found.entries} if found else {}
    try:
        return page.redirect(_HOME, page.do(acts.ACT, taken(Acted, {"act": key, "typed": typed})).said)
    except BadInput as error:
        sides, failed = _by_side(ground), key if found else ""
        return _shown(page, ground, "people", sides=sides, typed=typed, failed=failed, error=error, status=400)


def move(page: Page) -> Response:
    """Lets time go by."""
    _ground(page)
    told = page.do(acts.MOVE, page.posted(Moved))
    return page.redirect(page.field("back") if page.field("back").startswith("/sandbox") else _HOME, told.said)


def faults(page: Page) -> Response:
    """What can be broken, and what is."""
    ground, found = _ground(page), page.do(acts.FAULTS, Nothing())
    troubles = [(one.kind, one.title, one.sentence) for one in found.troubles]
    return _shown(page, ground, "faults", troubles=troubles, standing=found.standing, times=_TIMES, sides=SIDES)


def strike(page: Page) -> Response:
    """Breaks something."""
    _ground(page)
    return page.redirect(f"{_HOME}/faults", page.do(acts.BREAK, page.posted(Struck)).said, "info")


def mend(page: Page) -> Response:
    """Takes all faults away."""
    return page.redirect(f"{_HOME}/faults", page.do(acts.MEND, Nothing()).said)


def calls(page: Page) -> Response:
    """What both systems heard, the latest first."""
    ground = _ground(page)
    look = page.query(CallsLook)
    if look.side not in ("", *SIDES) or look.only not in ("", "writes"):
        raise BadInput("There is no such kind of call.", remedy="Choose a system, or writes, from the lists.")
    return _shown(page, ground, "calls", found=_found(ground, look, page.zone))


def _ground(page: Page) -> Playground:
    """The sandbox; NothingSuchHere where the systems are real."""
    return ground_of(page.around.playground)


def _by_side(ground: Playground) -> list[tuple[str, list[Act]]]:
    """The acts of each system, beneath its name."""
    return [(title, [one for one in ground.acts() if one.side == side]) for side, title in SIDES.items()]


def _shown(page: Page, ground: Playground, tab: str, *, status: int = 200, **values: object) -> Response:
    now = ground.now()
    return page.render(
        f"sandbox/{tab}.html", status=status, section="sandbox", title="Sandbox", tab=tab, moment=now, steps=STEPS,
        broken=sum(one.left != 0 for one in ground.standing()), places=ground.places(), **values,
    )  # fmt: skip


def _found(ground: Playground, look: CallsLook, zone: str) -> Listing:
    words = look.q.lower().split()
    heard = [
        one
        for one in ground.calls(look.side, writes=look.only == "writes")
        if all(word in f"{one.method} {one.path} {one.status} {one.fault}".lower() for word in words)
    ]
    start = (look.page - 1) * look.size
    rows = [_row(one, zone) for one in heard[start : start + look.size + 1]]
    return listing(_COLUMNS, rows, look, {"side": list(SIDES), "only": ["writes"]})


def _row(one: Heard, zone: str) -> dict[str, object]:
    if not one.status:
        answer = {"state": "failed", "word": "Cut off"}
    else:
        good = "good" if 200 <= one.status < 300 else "none"
        state = "failed" if one.status >= 500 else "returned" if one.status >= 400 else good
        answer = {"state": state, "word": f"{one.status}{', changed' if one.changed else ''}"}
    if one.fault:
        answer["word"] = f"{answer['word']} ({one.fault})"
    return {
        "at": _at(one.at, zone),
        "side": SIDES.get(one.side, one.side),
        "call": _called(f"{one.method} {one.path.removeprefix(_PREFIX)}"),
        "answer": answer,
        "ms": round(one.ms, 1),
    }


def _at(at: datetime, zone: str) -> Markup:
    """When, to the second: many calls come in one minute."""
    there = at.astimezone(ZoneInfo(zone or "UTC"))
    form = Markup('<time class="nowrap" datetime="{}" title="{}" data-seconds>{:%-d %b, %H:%M:%S}</time>')
    return form.format(moment_iso(at), moment_exact(at, zone), there)


def _called(text: str) -> Markup:
    """What was called; of what is long the beginning, with all of it behind that."""
    if len(text) <= _PATH:
        return escape(text)
    whole = Markup('<details><summary title="{}">{}</summary><span class="written-out">{}</span></details>')
    return whole.format(text, clipped(text, _PATH), text)


PAGES: tuple[Route, ...] = (
    Route(_HOME, people),
    Route(_HOME, act, ("POST",), Permission.WORK),
    Route(f"{_HOME}/clock", move, ("POST",), Permission.WORK),
    Route(f"{_HOME}/faults", faults),
    Route(f"{_HOME}/faults", strike, ("POST",), Permission.WORK),
    Route(f"{_HOME}/mend", mend, ("POST",), Permission.WORK),
    Route(f"{_HOME}/calls", calls),
)
"""The sandbox's addresses; without a playground each of them says that there is none."""
