"""The sandbox's page, in the demo only: move the clock, play a person, break something, see what was called."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec
from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.console.page import Page, Route
from ml_connector.console.playground import Call, Playground
from ml_connector.kernel.errors import BadInput, NothingSuchHere
from ml_connector.kernel.text import clipped
from ml_connector.views.listing import Column, Listing, Look, listing

_HOME = "/sandbox"
_SIDES = {"ifs": "IFS", "procore": "Procore"}
_STEPS = ((900, "15 minutes"), (3600, "1 hour"), (8 * 3600, "8 hours"), (86_400, "1 day"), (7 * 86_400, "1 week"))
_TIMES = (("1", "The next call"), ("5", "The next 5 calls"), ("0", "Every call until it is mended"))
_PATH = 72
"""Characters of an address shown in the log."""
_PREFIX = "/int/ifsapplications/projection/v1"
"""What every address of IFS begins with, and nobody wants to read."""
_COLUMNS = (
    Column("at", "When", "moment"),
    Column("side", "System"),
    Column("call", "Call", "code"),
    Column("answer", "Answer", "state"),
    Column("ms", "Milliseconds", "number"),
)

Seconds = Annotated[float, msgspec.Meta(gt=0, le=31 * 86_400)]


class _Moved(msgspec.Struct, frozen=True):
    seconds: Seconds


class _Struck(msgspec.Struct, frozen=True):
    kind: Annotated[str, msgspec.Meta(max_length=40)]
    side: Annotated[str, msgspec.Meta(max_length=10)] = ""
    times: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 1


class CallsLook(Look, frozen=True, kw_only=True):
    """The calls both systems heard."""

    side: Annotated[str, msgspec.Meta(max_length=10)] = ""
    only: Annotated[str, msgspec.Meta(max_length=10)] = ""
    """`writes`: those that wanted to change something."""


def people(page: Page) -> Response:
    """Acts of people in both systems, and the clock."""
    ground = _ground(page)
    acts = ground.acts()
    sides = [(title, [act for act in acts if act.side == side]) for side, title in _SIDES.items()]
    return _shown(page, ground, "people", sides=sides, typed={}, failed="", error=None)


def act(page: Page) -> Response:
    """Does what somebody typed; refused, the form comes again with the reason."""
    ground = _ground(page)
    key = page.field("act")
    known = {one.key: one for one in ground.acts()}
    if key not in known:
        raise NothingSuchHere("Nobody in the sandbox can do that.", remedy="Choose one of the acts on the page.")
    typed = {entry.name: page.field(entry.name) for entry in known[key].entries}
    try:
        return page.redirect(_HOME, ground.act(key, typed))
    except BadInput as error:
        sides = [(title, [one for one in known.values() if one.side == side]) for side, title in _SIDES.items()]
        return _shown(page, ground, "people", sides=sides, typed=typed, failed=key, error=error, status=400)


def move(page: Page) -> Response:
    """Lets time go by."""
    ground = _ground(page)
    asked = page.posted(_Moved)
    ground.advance(asked.seconds)
    return page.redirect(page.field("back") if page.field("back").startswith("/sandbox") else _HOME,
                         f"{_span(asked.seconds)} went by in both systems, and for the service.")  # fmt: skip


def faults(page: Page) -> Response:
    """What can be broken, and what is."""
    ground = _ground(page)
    return _shown(
        page, ground, "faults", troubles=ground.troubles(), standing=ground.standing(), times=_TIMES, sides=_SIDES
    )


def strike(page: Page) -> Response:
    """Breaks something."""
    ground = _ground(page)
    asked = page.posted(_Struck)
    if asked.side not in ("", *_SIDES):
        raise BadInput(f"There is no system {asked.side!r}.", remedy="Choose ifs, procore, or both.")
    ground.strike(asked.kind, asked.side, asked.times)
    return page.redirect(f"{_HOME}/faults", "It is broken now. What runs next will meet it.", "info")


def mend(page: Page) -> Response:
    """Takes all faults away."""
    _ground(page).mend()
    return page.redirect(f"{_HOME}/faults", "Nothing is broken any more.")


def calls(page: Page) -> Response:
    """What both systems heard, the latest first."""
    ground = _ground(page)
    look = page.query(CallsLook)
    if look.side not in ("", *_SIDES) or look.only not in ("", "writes"):
        raise BadInput("There is no such kind of call.", remedy="Choose a system, or writes, from the lists.")
    return _shown(page, ground, "calls", found=_found(ground, look))


def _ground(page: Page) -> Playground:
    """The sandbox; NothingSuchHere where the systems are real."""
    if page.around.playground is None:
        raise NothingSuchHere("There is no sandbox here.", remedy="`ml-connector demo` opens one.")
    return page.around.playground


def _shown(page: Page, ground: Playground, tab: str, *, status: int = 200, **values: object) -> Response:
    now = ground.now()
    return page.render(
        f"sandbox/{tab}.html", status=status, section="sandbox", title="Sandbox", tab=tab, moment=now, steps=_STEPS,
        broken=sum(one.left != 0 for one in ground.standing()), places=ground.places(), **values,
    )  # fmt: skip


def _found(ground: Playground, look: CallsLook) -> Listing:
    words = look.q.lower().split()
    heard = [
        one
        for one in ground.calls(look.side, writes=look.only == "writes")
        if all(word in f"{one.method} {one.path} {one.status} {one.fault}".lower() for word in words)
    ]
    start = (look.page - 1) * look.size
    rows = [_row(one) for one in heard[start : start + look.size + 1]]
    return listing(_COLUMNS, rows, look, {"side": list(_SIDES), "only": ["writes"]})


def _row(one: Call) -> dict[str, object]:
    if not one.status:
        answer = {"state": "failed", "word": "Cut off"}
    else:
        good = "good" if one.changed else "none"
        state = "failed" if one.status >= 500 else "returned" if one.status >= 400 else good
        answer = {"state": state, "word": f"{one.status}{', changed' if one.changed else ''}"}
    if one.fault:
        answer["word"] = f"{answer['word']} ({one.fault})"
    return {
        "at": one.at,
        "side": _SIDES.get(one.side, one.side),
        "call": f"{one.method} {clipped(one.path.removeprefix(_PREFIX), _PATH)}",
        "answer": answer,
        "ms": round(one.ms, 1),
    }


def _span(seconds: float) -> str:
    """`1 hour`: one of the steps by its name, else days, hours and minutes."""
    named = dict(_STEPS).get(int(seconds))
    return named or str(timedelta(seconds=int(seconds)))


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
