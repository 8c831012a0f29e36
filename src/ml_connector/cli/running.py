"""Commands that run a connection: plan, sync, runs, replay."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import typer

from ml_connector import desk
from ml_connector.cli.output import Output
from ml_connector.cli.session import session_of
from ml_connector.cli.telling import amount, tell_replay, tell_report
from ml_connector.cli.trouble import OK, UNKNOWN_LEFT
from ml_connector.engine.gate import Approval
from ml_connector.engine.lookup import report_form
from ml_connector.engine.work import Report
from ml_connector.kernel.errors import AskPerson, BadInput, Wait
from ml_connector.kernel.text import counted
from ml_connector.planning.approving import chosen_places
from ml_connector.registry import FLOWS
from ml_connector.service.approving import let_through
from ml_connector.service.pausing import by_hand
from ml_connector.service.replaying import at_once

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the connection.")]
MaybeName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the connection; needed when there are many.")]
Flows = Annotated[
    list[str] | None, typer.Argument(metavar="FLOW", help=f"Flows to run, of {', '.join(FLOWS)}; default: all.")
]
Chosen = Annotated[str, typer.Option("--connection", "-c", help="Name of the connection; needed when there are many.")]
All = Annotated[bool, typer.Option("--all", help="Show every row.")]


class Which(Enum):
    """Which mapping a replay decides with."""

    THEN = "then"
    """The version the run used."""
    NOW = "now"
    """The newest version."""


def plan(ctx: typer.Context, name: Name, flows: Flows = None, everything: All = False) -> None:
    """Show what a sync would create, change, link and hold, with the money. Writes nothing on either side."""
    session = session_of(ctx)
    chosen = desk.flows_of(flows or [], FLOWS)
    with session.app(f"Planning {name}") as app:
        report = app.plan(name, chosen)

    def human(out: Output) -> None:
        tell_report(out, report, applied=False, everything=everything)
        out.line()
        out.line(f"Plan {report.plan}. Nothing was written on either side.", "bold")
        words = " ".join([name, *chosen])
        out.line(f"Next: ml-connector sync {words} --plan {report.plan}")

    session.out.answer(report_form(report), human)


def sync(
    ctx: typer.Context,
    name: Name,
    flows: Flows = None,
    approved: Annotated[
        str, typer.Option("--plan", metavar="HASH", help="Approve this kept plan; only what it holds is sent.")
    ] = "",
    projects: Annotated[
        list[str] | None,
        typer.Option("--project", help="With --plan: only this project of it, or - for what lies in none."),
    ] = None,
    everything: All = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Run in a freeze window of the schedule, too; it is audited.")
    ] = False,
) -> None:
    """Plan and apply: each record once, whatever happens on the way. Run it as often as you like."""
    session = session_of(ctx)
    chosen = desk.flows_of(flows or [], FLOWS)
    places = chosen_places(projects or ())
    if places and not approved:
        raise BadInput("A project is approved, but of no plan.", remedy="Name the plan as well: --plan HASH.")
    with session.app(f"Syncing {name}") as app:
        if approved:
            free, left_out = let_through(app, name, approved, chosen, places, anyway=anyway), dict[str, str]()
        else:
            free, left_out = by_hand(app, name, chosen, anyway=anyway)
        report = app.sync(name, free, Approval(approved, places) if approved else None)

    def human(out: Output) -> None:
        for flow, why in left_out.items():
            out.line(f"Left out: {flow}. {why}", "yellow")
        tell_report(out, report, applied=True, everything=everything)
        if report.released:
            out.line(f"{counted(report.released, 'hold')} released.", "green")
        out.line(f"Run {report.run} is done, plan {report.plan}.", "bold")

    session.out.answer({**report_form(report), **({"left_out": left_out} if left_out else {})}, human)
    code = exit_code_of(report)
    if code:
        raise typer.Exit(code)


def runs(
    ctx: typer.Context,
    name: MaybeName = "",
    connection: Chosen = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    before: Annotated[int | None, typer.Option(help="Only runs below this number.")] = None,
    state: Annotated[str, typer.Option(help="Only these: running, done, stopped or failed.")] = "",
    flow: Annotated[str, typer.Option(help="Only runs of this flow.")] = "",
    trigger: Annotated[str, typer.Option(help="Only runs begun so, as the list says, such as sync.")] = "",
    actor: Annotated[str, typer.Option("--by", help="Only runs of this user, or of service.")] = "",
) -> None:
    """List runs, newest first; of every connection when none is named."""
    session = session_of(ctx)
    known = desk.flows_of([flow], FLOWS)[0] if flow else ""
    only = {"state": state, "trigger": trigger, "actor": actor, "flow": known}
    with session.app() as app:
        picked = session.pick(app, name, connection) if name or connection else None
        found = desk.runs(app, picked, before=before, limit=limit, only=only)

    def human(out: Output) -> None:
        rows = [
            (r["run"], r["connection"], r["started_at"], r["trigger"], r["actor"], r["state"], r["plan"], done_in(r))
            for r in found
        ]
        headers = ("run", "connection", "started", "trigger", "actor", "state", "plan", "what")
        out.table(headers, rows, right=("run",), empty="No run yet. Next: ml-connector plan NAME")

    session.out.answer({"runs": found}, human)


def replay(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(metavar="RECORD|RUN", help="An order number, or a run's number.")],
    connection: Chosen = "",
    mapping: Annotated[Which, typer.Option(help="Decide with the mapping of then or of now.")] = Which.NOW,
    apply: Annotated[bool, typer.Option("--apply", help="Run that run's flows, these documents decided anew.")] = False,
) -> None:
    """Decide a past document or run again from kept evidence, side by side with what was decided then."""
    session = session_of(ctx)
    with session.app(f"Replaying {what}") as app:
        name = session.pick(app, connection)
        found = at_once(app, name, what) if apply else app.replay(name, what, mapping=mapping.value)

    def human(out: Output) -> None:
        if apply:
            counts = {flow: {k: v for k, v in one.items() if v} for flow, one in found["flows"].items()}
            out.facts((flow, one or "nothing to do") for flow, one in counts.items())
            out.line(f"Applied with plan {found['plan']}.", "bold")
        else:
            tell_replay(out, found)

    session.out.answer(found, human)


def exposure(ctx: typer.Context, name: MaybeName = "", connection: Chosen = "") -> None:
    """Prove that no invoice line is counted twice in Procore: reads all invoices and direct costs. Must read 0."""
    session = session_of(ctx)
    with session.app("Reading Procore") as app:
        found = app.exposure(session.pick(app, name, connection))

    def human(out: Output) -> None:
        for currency, figure in (found["exposure"] or {"": "0.00"}).items():
            clean = Decimal(figure) == 0
            out.line(f"Exposure {amount(figure, currency)}".rstrip(), "bold green" if clean else "bold red")
        placed = counted(found["lines"], "invoice line")
        out.line(f"{placed} of {counted(found['invoices'], 'invoice')} stand in exactly one place each.")
        headers = ("currency", "placed", "shown in Procore", "counted twice", "missing")
        rows = [
            (currency, *(amount(found[name][currency]) for name in ("placed", "shown", "exposure", "missing")))
            for currency in found["placed"]
        ]
        out.table(headers, rows, right=headers[1:], empty="No invoice has crossed yet.")
        for one in found["findings"]:
            out.line(f"{one['what']}: {amount(one['amount'], one['currency'])}: {one['sentence']}", "yellow")

    session.out.answer(found, human)
    if any(Decimal(figure) for figure in found["exposure"].values()):
        raise typer.Exit(AskPerson.exit_code)


def exit_code_of(report: Report) -> int:
    """How a sync ends: 13 while a write's fate is unknown, 10 while steps wait, else 0; what was refused is held."""
    if any(tally.unknown > 0 for tally in report.flows.values()):
        return UNKNOWN_LEFT
    return Wait.exit_code if report.waiting else OK


def done_in(run: dict[str, Any]) -> str:
    """What a run did, in a few words: its error, or its counts."""
    if run["error"]:
        return str(run["error"])
    sums: dict[str, int] = {}
    for counts in run["counts"].values():
        for what, number in counts.items():
            sums[what] = sums.get(what, 0) + number
    return ", ".join(f"{number:,} {what}" for what, number in sums.items() if number and what != "unchanged")
