"""Commands of a set-up: both halves, what is looked at, and the last choices; pairs and codes are in setup_pairs.py."""

from __future__ import annotations

import sys
from datetime import date
from typing import Annotated

import typer

from ml_connector.cli.command import command, group
from ml_connector.cli.connection import SIDES
from ml_connector.cli.output import Output
from ml_connector.cli.session import ERP_SECRET, PROJECTS_SECRET, Session, session_of
from ml_connector.kernel.errors import BadInput
from ml_connector.service import setting_up, starting, surveying
from ml_connector.service.setting_up import Half, Reached
from ml_connector.service.starting import Timetable
from ml_connector.views import setup as views
from ml_connector.views.setup import SetupView

setups = group(
    "Set a connection up step by step; nothing is written to either system before a plan is approved.",
    "ml-connector setup begin north",
    "ml-connector setup erp north --url https://acme.ifs.cloud --realm acmeprod --client-id ml-connector",
    "ml-connector setup show north",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the connection, there or to be.")]


@command(setups, "list", "ml-connector setup list")
def list_setups(ctx: typer.Context) -> None:
    """List every set-up with the step to do next."""
    session = session_of(ctx)
    with session.app() as app:
        rows = views.listed(app)

    def human(out: Output) -> None:
        cells = [(one.name, one.title, one.state, f"{one.done} of {one.steps}", one.now) for one in rows]
        out.table(
            ("name", "title", "state", "done", "next"), cells, empty="No set-up. Next: ml-connector setup begin NAME"
        )

    session.out.answer({"setups": rows}, human)


@command(setups, "begin", "ml-connector setup begin north --title 'Northern sites'")
def begin(
    ctx: typer.Context,
    name: Name,
    title: Annotated[str, typer.Option("--title", help="What people call it.")] = "",
) -> None:
    """Begin to set a connection up, or go on with it."""
    session = session_of(ctx)
    with session.app() as app:
        setting_up.begin(app, name, title)
        view = views.of(app, name)
    session.out.answer(view, lambda out: _tell(out, view))


@command(setups, "show", "ml-connector setup show north")
def show(ctx: typer.Context, name: Name) -> None:
    """Show the steps of a set-up, how each stands, and the command to do next."""
    session = session_of(ctx)
    with session.app() as app:
        view = views.of(app, name)
    session.out.answer(view, lambda out: _tell(out, view))


@command(setups, "drop", "ml-connector setup drop north")
def drop(ctx: typer.Context, name: Name) -> None:
    """Forget a set-up that has become no connection yet, with its secrets."""
    session = session_of(ctx)
    with session.app() as app:
        setting_up.drop(app, name)
    session.out.answer({"dropped": name}, lambda out: out.line(f"The set-up of {name} is forgotten.", "green"))


@command(
    setups,
    "erp",
    "ml-connector setup erp north --url https://acme.ifs.cloud --realm acmeprod --client-id ml-connector",
)
def erp(
    ctx: typer.Context,
    name: Name,
    url: Annotated[str, typer.Option("--url", help="The tenant's own address.")],
    realm: Annotated[str, typer.Option("--realm", help="The realm of its sign-in, from the API explorer.")],
    client_id: Annotated[str, typer.Option("--client-id", help="The IAM client.")],
    client_secret: Annotated[
        str, typer.Option("--client-secret", envvar=ERP_SECRET, help="Better in the variable, or typed when asked.")
    ] = "",
    channel: Annotated[str, typer.Option("--channel", help="int or main.")] = "int",
    time_zone: Annotated[str, typer.Option("--time-zone", help="Of IFS's stamps, such as America/Chicago.")] = "",
) -> None:
    """Say where IFS is, seal the secret, sign in and list the companies. The secret is never shown again."""
    parts = {"url": url, "realm": realm, "client_id": client_id, "channel": channel}
    _connect(session_of(ctx), name, Half("erp", parts, client_secret, time_zone))


@command(
    setups,
    "projects",
    "ml-connector setup projects north --url https://api.procore.com --company 562949953421312 --client-id abc",
)
def projects(
    ctx: typer.Context,
    name: Name,
    url: Annotated[str, typer.Option("--url", help="Address of the API.")],
    company: Annotated[str, typer.Option("--company", help="Number of the company.")],
    client_id: Annotated[str, typer.Option("--client-id", help="The service account's client.")],
    client_secret: Annotated[
        str,
        typer.Option("--client-secret", envvar=PROJECTS_SECRET, help="Better in the variable, or typed when asked."),
    ] = "",
    login_url: Annotated[str, typer.Option("--login-url", help="Address that gives tokens, where it is another.")] = "",
) -> None:
    """Say where Procore is and which company takes part, seal the secret and sign in."""
    parts = {"url": url, "company_id": company, "client_id": client_id, "login_url": login_url}
    _connect(session_of(ctx), name, Half("projects", parts, client_secret))


@command(setups, "choose", "ml-connector setup choose north erp 10")
def choose(
    ctx: typer.Context,
    name: Name,
    side: Annotated[str, typer.Argument(metavar="SIDE", help="erp or projects.")],
    company: Annotated[str, typer.Argument(metavar="COMPANY", help="Id of the company.")],
) -> None:
    """Choose the company of one side. With both sides known the connection is made, paused."""
    session = session_of(ctx)
    if side not in SIDES:
        raise BadInput(f"There is no side {side!r}.", remedy="Use erp or projects.")
    with session.app() as app:
        setting_up.choose(app, name, side, company)
        view = views.of(app, name)
    session.out.answer(view, lambda out: _tell(out, view))


@command(setups, "look", "ml-connector setup look north check", "ml-connector setup look north survey")
def look(
    ctx: typer.Context,
    name: Name,
    what: Annotated[str, typer.Argument(metavar="WHAT", help="check, survey or plan.")],
) -> None:
    """Have the rights checked, both sides surveyed, or the first plan made. Nothing is written to either side."""
    session = session_of(ctx)
    with session.app(f"Looking at {name}") as app:
        if what not in surveying.KINDS:
            raise BadInput(f"There is no look called {what!r}.", remedy=f"Use {', '.join(surveying.KINDS)}.")
        setting_up.connection_of(app, name)
        surveying.look(app, name, what)
        view = views.of(app, name)
    session.out.answer(view, lambda out: _tell(out, view))


@command(setups, "levels", "ml-connector setup levels north", "ml-connector setup levels north --looked")
def levels(
    ctx: typer.Context,
    name: Name,
    looked: Annotated[
        bool | None, typer.Option("--looked/--not-looked", help="Say that you looked at all of them, or take it back.")
    ] = None,
) -> None:
    """List what both accounts must be allowed to write: no test can tell it, so a person looks there."""
    session = session_of(ctx)
    with session.app() as app:
        if looked is not None:
            setting_up.looked(app, name, seen=looked)
        found = views.levels_of(app, name)

    def human(out: Output) -> None:
        cells = [(SIDES[one.side], one.where, one.level, one.purpose) for one in found.levels]
        out.table(("side", "where", "what must stand there", "what for"), cells)
        if found.by:
            out.line(f"{found.by} looked at them.", "green")
        else:
            out.line(f"Nobody looked yet. Next: ml-connector setup levels {name} --looked", "yellow")

    session.out.answer(found, human)


@command(setups, "survey", "ml-connector setup survey north", "ml-connector setup survey north --json")
def survey(ctx: typer.Context, name: Name) -> None:
    """Tell what the last survey found on both sides: counts, ranges, and what somebody should look at."""
    session = session_of(ctx)
    with session.app() as app:
        found = surveying.surveyed(app, name)
    if found is None:
        raise BadInput("Nobody has looked at both sides yet.", remedy=f"Run `ml-connector setup look {name} survey`.")

    def human(out: Output) -> None:
        for side, counts in (("erp", found.erp), ("projects", found.projects)):
            out.heading(SIDES[side])
            out.facts((key.replace("_", " "), value) for key, value in counts.items())
        out.heading("Open orders")
        out.facts(
            (("orders", found.orders.orders), ("money", found.orders.money), ("from", found.first), ("to", found.last))
        )
        out.heading("To look at")
        for one in found.odd:
            out.line(f"- {one.sentence} {one.remedy}".rstrip(), "yellow")
        for typed in found.typed:
            out.line(f"- Order {typed.order} was typed into Procore by hand: {typed.title} (project {typed.project}).")

    session.out.answer({"connection": name, "survey": found}, human)


@command(
    setups,
    "own",
    "ml-connector setup own north",
    "ml-connector setup own north budgets.owner=projects vendors.theirs=email,phone",
)
def own(
    ctx: typer.Context,
    name: Name,
    choices: Annotated[list[str] | None, typer.Argument(metavar="POLICY=VALUE", help="What is chosen.")] = None,
) -> None:
    """Show who owns what, or choose. A list is parted by commas; an empty one gives nothing to Procore."""
    session = session_of(ctx)
    chosen: dict[str, tuple[str, ...]] = {}
    for text in choices or ():
        policy, equals, value = text.partition("=")
        if not equals:
            raise BadInput(f"{text!r} is not POLICY=VALUE.", remedy="Such as budgets.owner=projects.")
        chosen[policy] = tuple(word for word in value.split(",") if word)
    with session.app() as app:
        if chosen:
            starting.own(app, name, chosen)
        rows = views.matrix_of(app, name)

    def human(out: Output) -> None:
        cells = [(one.flow, one.what, {**SIDES, "both": "both"}[one.owner], one.policy, one.chosen) for one in rows]
        out.table(("flow", "what", "owner", "choice", "set to"), cells)

    session.out.answer({"connection": name, "matrix": rows}, human)


@command(
    setups,
    "go-live",
    "ml-connector setup go-live north day --day 2026-12-01",
    "ml-connector setup go-live north open",
    "ml-connector setup go-live north history --window 730",
)
def go_live(
    ctx: typer.Context,
    name: Name,
    mode: Annotated[str, typer.Argument(metavar="MODE", help="day, open or history; see docs/first-run.md.")],
    day: Annotated[str, typer.Option("--day", metavar="YYYY-MM-DD", help="First day, for mode day.")] = "",
    window: Annotated[int, typer.Option("--window", help="Days back, for mode history.")] = 0,
) -> None:
    """Choose how far back it begins: from a day on, with all that is open, or with as much history as can be read."""
    session = session_of(ctx)
    with session.app() as app:
        starting.go_live(app, name, mode, _day(day), window)
        view = views.start_of(app, name)
    session.out.answer(view, lambda out: out.line(f"{name} begins so: {mode} {view.day or ''}".rstrip() + ".", "green"))


@command(setups, "schedule", "ml-connector setup schedule north --interval 15m --hours 06:00-19:00 --days mon-fri")
def schedule(
    ctx: typer.Context,
    name: Name,
    interval: Annotated[str, typer.Option("--interval", help="Time between two looks, such as 15m.")] = "15m",
    hours: Annotated[str, typer.Option("--hours", help="Business hours.")] = "00:00-24:00",
    days: Annotated[str, typer.Option("--days", help="Days with business hours.")] = "mon-sun",
    approve: Annotated[str, typer.Option("--approve", help="manual or auto: whether later plans wait.")] = "manual",
    restored: Annotated[
        bool, typer.Option("--restored", help="You restored a backup for a try; said once, it is kept.")
    ] = False,
) -> None:
    """Set when it works by itself. The set-up is over; it needs an approved plan, and a restore that was tried."""
    session = session_of(ctx)
    with session.app() as app:
        starting.timetable(app, name, Timetable(interval, hours, days, approve, restored))
        view = views.of(app, name)
    session.out.answer(view, lambda out: _tell(out, view))


@command(setups, "done", "ml-connector setup done north ownership")
def done(
    ctx: typer.Context,
    name: Name,
    step: Annotated[str, typer.Argument(metavar="STEP", help="survey, ownership, sites, mapping, vendors or go_live.")],
) -> None:
    """Say that a step is done as it stands."""
    session = session_of(ctx)
    with session.app() as app:
        setting_up.mark(app, name, step)
        view = views.of(app, name)
    session.out.answer(view, lambda out: _tell(out, view))


def _connect(session: Session, name: str, half: Half) -> None:
    session.redactor.learn(half.secret)
    with session.app() as app:
        kept = views.of(app, name).halves[half.side].secret
    if not half.secret and not kept and sys.stdin.isatty():
        secret = str(typer.prompt(f"{SIDES[half.side]} client secret", hide_input=True, err=True))
        session.redactor.learn(secret)
        half = Half(half.side, half.parts, secret, half.time_zone)
    with session.app(f"Signing in to {SIDES[half.side]}") as app:
        reached = setting_up.connect(app, name, half)
        view = views.of(app, name)
    session.out.answer({"reached": reached, "setup": view}, lambda out: _tell_reached(out, reached, view))
    if not reached.ok:
        raise typer.Exit(12)


def _tell_reached(out: Output, reached: Reached, view: SetupView) -> None:
    if not reached.ok:
        out.line(f"{reached.sentence} {reached.remedy}", "bold red")
        return
    out.line("Signed in; the secret is sealed.", "green")
    out.table(("company", "name"), reached.companies)
    if reached.sentence:
        out.line(f"{reached.sentence} {reached.remedy}", "yellow")
    _tell(out, view)


def _tell(out: Output, view: SetupView) -> None:
    out.line(f"{view.name}: {view.title}", "bold")
    out.table(
        ("step", "title", "state", "how it stands"),
        [(one.number, one.title, one.state, one.said) for one in view.steps],
    )
    if view.paused:
        out.line("Paused: nothing runs by itself, and nothing was written to either system.", "yellow")
    for one in view.steps:
        if one.state == "now":
            out.line(f"Next: ml-connector {one.command}")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadInput(f"{text!r} is no day.", remedy="Write it as 2026-12-01.") from None
