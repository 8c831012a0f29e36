"""What is done to a demo's sandbox: its clock, the people in both systems, and what breaks. Elsewhere there is none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from ml_connector.access.permissions import Permission
from ml_connector.actions.action import Action, Call, Nothing
from ml_connector.actions.playground import Act, Heard, Playground, Standing, Trouble
from ml_connector.kernel.errors import BadInput, NothingSuchHere

SIDES = {"ifs": "IFS", "procore": "Procore"}
"""A side of the sandbox to the system it plays."""
STEPS = ((900, "15 minutes"), (3600, "1 hour"), (8 * 3600, "8 hours"), (86_400, "1 day"), (7 * 86_400, "1 week"))
"""Spans of time that are offered: seconds, and how they are called."""
LONGEST = 31 * 86_400
"""Seconds that may go by in one go."""

MOST_CALLS = 500
"""Calls that can be looked through: the last so many."""

_Word = Annotated[str, msgspec.Meta(max_length=200)]


class Moved(msgspec.Struct, frozen=True):
    """How much time is to go by."""

    seconds: Annotated[float, msgspec.Meta(gt=0, le=LONGEST)]


class Acted(msgspec.Struct, frozen=True):
    """What a person does, and what they type; what is left out is as the page has it at first."""

    act: Annotated[str, msgspec.Meta(max_length=40)]
    typed: Annotated[dict[_Word, _Word], msgspec.Meta(max_length=20)] = {}


class Struck(msgspec.Struct, frozen=True):
    """What breaks: in which system (empty: both), and for how many calls (0: until it is mended)."""

    kind: Annotated[str, msgspec.Meta(max_length=40)]
    side: Annotated[str, msgspec.Meta(max_length=10)] = ""
    times: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 1


class Looked(msgspec.Struct, frozen=True):
    """Which of the last calls: of one system (empty: both), only those that wanted to change something, how many."""

    side: Annotated[str, msgspec.Meta(max_length=10)] = ""
    writes: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_CALLS)] = 50


class Told(msgspec.Struct, frozen=True):
    """What happened, and the present moment in both systems."""

    said: str
    now: datetime


class Acts(msgspec.Struct, frozen=True):
    """Everything a person may do in the two systems."""

    acts: list[Act]


class Faults(msgspec.Struct, frozen=True):
    """Every way to break something, and what is or was broken."""

    troubles: list[Trouble]
    standing: list[Standing]


class Calls(msgspec.Struct, frozen=True):
    """Calls that the two systems heard, the latest first."""

    calls: list[Heard]


def moved(ground: Playground, seconds: float, also: str = "") -> Told:
    """Lets time go by in both systems; `also` says for whom else it goes by with them."""
    now = ground.advance(seconds)
    return Told(f"{_span(seconds)} went by in both systems{also}.", now)


def heard(ground: Playground, given: Looked) -> Calls:
    """The last calls that both systems heard, or one of them; BadInput for a system there is not."""
    _known(given.side)
    return Calls(ground.calls(given.side, writes=given.writes)[: given.limit])


def acted(ground: Playground, key: str, typed: Mapping[str, str]) -> Told:
    """Does what a person would; NothingSuchHere for an act there is not, BadInput where the system refuses it."""
    act = next((one for one in ground.acts() if one.key == key), None)
    if act is None:
        known = ", ".join(one.key for one in ground.acts())
        raise NothingSuchHere("Nobody in the sandbox can do that.", remedy=f"These can be done: {known}.")
    entries = {one.name: one.value or (one.options[0][0] if one.options else "") for one in act.entries}
    if strays := sorted(typed.keys() - entries.keys()):
        wanted = f"It takes {', '.join(entries)}." if entries else "It takes nothing."
        raise BadInput(f"{act.title!r} takes no {strays[0]!r}.", remedy=wanted)
    return Told(ground.act(key, {**entries, **typed}), ground.now())


def struck(ground: Playground, given: Struck) -> Told:
    """Breaks something."""
    _known(given.side)
    ground.strike(given.kind, given.side, given.times)
    return Told("It is broken now. What runs next will meet it.", ground.now())


def mended(ground: Playground) -> Told:
    """Takes all faults away."""
    ground.mend()
    return Told("Nothing is broken any more.", ground.now())


def faults(ground: Playground) -> Faults:
    """What can be broken, and what is."""
    return Faults(list(ground.troubles()), ground.standing())


def ground_of(playground: Playground | None) -> Playground:
    """The sandbox; NothingSuchHere where the systems are real."""
    if playground is None:
        raise NothingSuchHere("There is no sandbox here.", remedy="`ml-connector demo` opens one.")
    return playground


def _known(side: str) -> None:
    if side not in ("", *SIDES):
        raise BadInput(f"There is no system {side!r}.", remedy="Choose ifs, procore, or both.")


def _span(seconds: float) -> str:
    """`1 hour`: one of the steps by its name, else days, hours and minutes."""
    return dict(STEPS).get(int(seconds)) or str(timedelta(seconds=int(seconds)))


def _acts(call: Call, _given: Nothing) -> Acts:
    return Acts(list(ground_of(call.playground).acts()))


MOVE = Action(
    name="sandbox.move",
    permission=Permission.WORK,
    method="POST",
    path="/sandbox/clock",
    takes=Moved,
    gives=Told,
    call=lambda call, given: moved(ground_of(call.playground), given.seconds, ", and for the service"),
    command="play move",
    sentence="In a demo: lets time go by in both simulated systems and for the service.",
)
"""The clock."""
ACTS = Action(
    name="sandbox.acts",
    permission=Permission.LOOK,
    method="GET",
    path="/sandbox/acts",
    takes=Nothing,
    gives=Acts,
    call=_acts,
    command="play act",
    sentence="In a demo: everything a person may do in the two simulated systems, and what they type.",
)
"""What can be done."""
ACT = Action(
    name="sandbox.act",
    permission=Permission.WORK,
    method="POST",
    path="/sandbox/acts/{act}",
    takes=Acted,
    gives=Told,
    call=lambda call, given: acted(ground_of(call.playground), given.act, given.typed),
    command="play act",
    sentence="In a demo: does what a person would in a simulated system; what is not typed is as the page has it.",
)
"""People at work."""
FAULTS = Action(
    name="sandbox.faults",
    permission=Permission.LOOK,
    method="GET",
    path="/sandbox/faults",
    takes=Nothing,
    gives=Faults,
    call=lambda call, _given: faults(ground_of(call.playground)),
    command="play break",
    sentence="In a demo: every way to break something, and what is broken.",
)
"""What can break."""
BREAK = Action(
    name="sandbox.break",
    permission=Permission.WORK,
    method="POST",
    path="/sandbox/faults",
    takes=Struck,
    gives=Told,
    call=lambda call, given: struck(ground_of(call.playground), given),
    command="play break",
    sentence="In a demo: breaks the next calls of a simulated system, or all of them until it is mended.",
)
"""What breaks."""
MEND = Action(
    name="sandbox.mend",
    permission=Permission.WORK,
    method="DELETE",
    path="/sandbox/faults",
    takes=Nothing,
    gives=Told,
    call=lambda call, _given: mended(ground_of(call.playground)),
    command="play mend",
    sentence="In a demo: takes all faults away.",
)
"""The end of that."""
CALLS = Action(
    name="sandbox.calls",
    permission=Permission.LOOK,
    method="GET",
    path="/sandbox/calls",
    takes=Looked,
    gives=Calls,
    call=lambda call, given: heard(ground_of(call.playground), given),
    command="play calls",
    sentence="In a demo: the last calls that the simulated systems heard, and what they answered.",
)
"""What was called."""

ACTIONS = (MOVE, ACTS, ACT, FAULTS, BREAK, MEND, CALLS)
"""What can be done to a demo's sandbox."""
