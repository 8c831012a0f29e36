"""Commands that play with the simulated systems of a connection from another terminal, as the page Sandbox does."""

from __future__ import annotations

import http.client
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import typer

from ml_connector.actions import sandbox as acts
from ml_connector.actions.playground import Act
from ml_connector.actions.sandbox import Calls, Faults, Looked, Struck, Told
from ml_connector.app import App
from ml_connector.cli.command import command, group
from ml_connector.cli.month_office import MonthClock
from ml_connector.cli.output import Output
from ml_connector.cli.playground import DemoPlayground
from ml_connector.cli.running import Chosen
from ml_connector.cli.session import Session, session_of
from ml_connector.kernel.errors import BadInput, NothingSuchHere
from ml_connector.sandbox.running import RunningSandbox, SandboxFailed

_LOCAL = ("127.0.0.1", "localhost", "::1")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}

plays = group(
    "Play with the simulated systems of a demo or of `sandbox`: time goes by, people act, calls fail, and are told.",
    "ml-connector play move 8h",
    "ml-connector play act receive order_no=P100001",
    "ml-connector play break 503 --side ifs --times 5",
)


@command(plays, "move", "ml-connector play move 1h", "ml-connector play move 7d -c demo")
def move(
    ctx: typer.Context,
    span: Annotated[str, typer.Argument(metavar="SPAN", help="How much time: 90s, 15m, 8h, 1d, 1w.")],
    connection: Chosen = "",
) -> None:
    """Let time go by in both systems; the service of a demo follows within a second or two."""
    session = session_of(ctx)
    seconds = _seconds(span)
    with session.app() as app:
        ground = _ground(session, app, connection)
    _tell(session, acts.moved(ground, seconds))


@command(plays, "act", "ml-connector play act", "ml-connector play act price order_no=P100001 line_no=1 price=99.50")
def act(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="ACT", help="What somebody does; without it all acts are shown.")] = "",
    typed: Annotated[
        list[str] | None, typer.Argument(metavar="ENTRY=VALUE", help="What they type; the rest is as the page has it.")
    ] = None,
    connection: Chosen = "",
) -> None:
    """Do in IFS or Procore what a person would there, or show what can be done and what is typed for it."""
    session = session_of(ctx)
    given = dict(_entry(one) for one in typed or ())
    with session.app() as app:
        ground = _ground(session, app, connection)
    if key:
        _tell(session, acts.acted(ground, key, given))
        return
    found = ground.acts()
    session.out.answer({"acts": msgspec.to_builtins(found)}, lambda out: _tell_acts(out, found))


@command(plays, "break", "ml-connector play break", "ml-connector play break 429 --side procore --times 0")
def break_(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="What breaks; without it all ways are shown.")] = "",
    side: Annotated[str, typer.Option("--side", help="ifs or procore; both where it is left out.")] = "",
    times: Annotated[int, typer.Option("--times", min=0, max=1000, help="How many calls; 0: until it is mended.")] = 1,
    connection: Chosen = "",
) -> None:
    """Break the next calls of a system, or show what can be broken and what is."""
    session = session_of(ctx)
    with session.app() as app:
        ground = _ground(session, app, connection)
    if kind:
        _tell(session, acts.struck(ground, Struck(kind, side, times)))
        return
    found = acts.faults(ground)
    session.out.answer(msgspec.to_builtins(found), lambda out: _tell_faults(out, found))


@command(plays, "mend", "ml-connector play mend")
def mend(ctx: typer.Context, connection: Chosen = "") -> None:
    """Take all faults away."""
    session = session_of(ctx)
    with session.app() as app:
        ground = _ground(session, app, connection)
    _tell(session, acts.mended(ground))


@command(plays, "calls", "ml-connector play calls", "ml-connector play calls --side ifs --writes --limit 200")
def calls(
    ctx: typer.Context,
    side: Annotated[str, typer.Option("--side", help="ifs or procore; both where it is left out.")] = "",
    writes: Annotated[bool, typer.Option("--writes", help="Only calls that wanted to change something.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=acts.MOST_CALLS, help="How many.")] = 50,
    connection: Chosen = "",
) -> None:
    """List the last calls that the systems heard, and what they answered; the latest first."""
    session = session_of(ctx)
    with session.app() as app:
        ground = _ground(session, app, connection)
    found = acts.heard(ground, Looked(side, writes, limit))
    session.out.answer(found, lambda out: _tell_calls(out, found))


def _ground(session: Session, app: App, connection: str) -> DemoPlayground:
    """The sandbox that a connection leads to. NothingSuchHere where it leads to real systems, which are not called."""
    name = session.pick(app, connection)
    config = app.connection(name).config
    urls = {"ifs": str(config["erp"]["url"]), "procore": str(config["projects"]["url"])}
    for url in urls.values():
        if urlsplit(url).scheme != "http" or urlsplit(url).hostname not in _LOCAL:
            raise NothingSuchHere(
                f"Connection {name} leads to {url}, which is no sandbox.", remedy="`ml-connector demo` opens one."
            )
    box = RunningSandbox.at(urls)
    clock = MonthClock(box)
    try:
        clock.follow()
    except (SandboxFailed, OSError, http.client.HTTPException, msgspec.MsgspecError, LookupError, TypeError):
        raise NothingSuchHere(
            f"No sandbox answers at {urls['ifs']}.", remedy="Start `ml-connector demo`, or `ml-connector sandbox`."
        ) from None
    return DemoPlayground(box, clock)


def _seconds(span: str) -> float:
    number, unit = (span[:-1], span[-1]) if span and span[-1] in _UNITS else (span, "s")
    try:
        seconds = float(number) * _UNITS[unit]
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= acts.LONGEST:
        raise BadInput(f"{span!r} is no span of time that can go by.", remedy="Such as 15m, 8h or 7d; 31d at most.")
    return seconds


def _entry(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadInput(f"{text!r} is not ENTRY=VALUE.", remedy="Such as order_no=P100001.")
    return name, value


def _tell(session: Session, told: Told) -> None:
    def human(out: Output) -> None:
        out.line(told.said, "green")
        out.line(f"It is {told.now:%Y-%m-%d %H:%M} UTC in both systems.", "dim")

    session.out.answer(told, human)


def _tell_acts(out: Output, found: tuple[Act, ...]) -> None:
    for side, system in acts.SIDES.items():
        out.heading(f"In {system}")
        cells = [
            (one.key, one.title, " ".join(f"{entry.name}={entry.value}" for entry in one.entries))
            for one in found
            if one.side == side
        ]
        out.table(("act", "what happens", "what is typed"), cells)


def _tell_faults(out: Output, found: Faults) -> None:
    out.table(("kind", "what breaks", "what it means"), [(one.kind, one.title, one.sentence) for one in found.troubles])
    out.heading("Broken so far")
    cells = [
        (one.title, acts.SIDES.get(one.side, "both"), one.struck, "until mended" if one.left is None else one.left)
        for one in found.standing
    ]
    out.table(("what", "system", "calls struck", "still to come"), cells, empty="Nothing is broken.")


def _tell_calls(out: Output, found: Calls) -> None:
    cells = [
        (
            one.at,
            acts.SIDES.get(one.side, one.side),
            f"{one.method} {one.path}",
            f"{one.status or 'cut off'}{', changed' if one.changed else ''}{f' ({one.fault})' if one.fault else ''}",
            round(one.ms),
        )
        for one in found.calls
    ]
    headers = ("at", "system", "call", "answer", "ms")
    out.table(headers, cells, right=("ms",), empty="Nobody has called yet.")
