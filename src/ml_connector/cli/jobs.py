"""Commands about the jobs of the service, and the one with which a person has a run made at once."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ml_connector import desk
from ml_connector.cli.command import command, group
from ml_connector.cli.output import Output
from ml_connector.cli.running import Flows, MaybeName, Name
from ml_connector.cli.session import session_of
from ml_connector.kernel.errors import AskPerson
from ml_connector.registry import FLOWS
from ml_connector.service import jobs as jobs_of
from ml_connector.service.pausing import by_hand

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As `ml-connector jobs list` shows it.")]


def now(
    ctx: typer.Context,
    name: Name,
    flows: Flows = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended, and tell how.")] = False,
) -> None:
    """Let the service run a connection at once, before everything else; all flows, or those named."""
    session = session_of(ctx)
    chosen = desk.flows_of(flows or [], FLOWS)
    with session.app() as app:
        by_hand(app, name, chosen)
        found = jobs_of.now(app, name, chosen)
        if wait:
            found |= jobs_of.follow(app, found, lambda doing: typer.echo(doing, err=True))

    def human(out: Output) -> None:
        if wait:
            out.line(f"{name}: {found['why'] or 'done'}", "green" if found["well"] else "bold red")
            return
        out.line(f"{found['task']} of {name} is queued before everything else.", "green")
        if not found["workers"]:
            out.line("No worker is there to do it. Next: ml-connector serve", "yellow")

    session.out.answer(found, human)
    if wait and not found["well"]:
        raise typer.Exit(AskPerson.exit_code)


def listed(ctx: typer.Context, name: MaybeName = "") -> None:
    """List jobs that wait or are at work, what is due when, and what was given up."""
    session = session_of(ctx)
    with session.app() as app:
        found = jobs_of.listed(app, name or None)
    session.out.answer(found, lambda out: _tell(out, found))


def cancel(ctx: typer.Context, number: Number) -> None:
    """Take a waiting job out of the queue, or stop one at work at its next safe point."""
    session = session_of(ctx)
    with session.app() as app:
        found = jobs_of.cancel(app, number)
    words = "stops at its next safe point" if found["stopping"] else "is taken out of the queue"
    until = found["quiet_until"]
    quiet = f" Its events stay, and are left alone until {until:%H:%M} UTC." if until else ""
    session.out.answer(found, lambda out: out.line(f"Job {number}, {found['task']}, {words}.{quiet}", "green"))


def retry(
    ctx: typer.Context,
    task: Annotated[str, typer.Argument(metavar="TASK", help="A row of the agenda, such as poll/purchase_orders.")],
    name: MaybeName = "",
) -> None:
    """Make what is on the agenda due at once, whatever it waits for; of a connection, or of the installation."""
    session = session_of(ctx)
    with session.app() as app:
        found = jobs_of.retry(app, name, task)
    session.out.answer(found, lambda out: out.line(f"{task} is due now.", "green"))


def release(ctx: typer.Context, number: Number) -> None:
    """Put back a job that was given up: it is tried again at once, with a clean sheet."""
    session = session_of(ctx)
    with session.app() as app:
        found = jobs_of.release(app, number)
    session.out.answer(found, lambda out: out.line(f"{found['task']} is due again.", "green"))


def dismiss(
    ctx: typer.Context,
    number: Number,
    note: Annotated[str, typer.Option("--note", help="Why; it is kept in the audit trail.")],
) -> None:
    """Lay a job that was given up aside for good; what comes round by the timetable comes again."""
    session = session_of(ctx)
    with session.app() as app:
        found = jobs_of.dismiss(app, number, note)
    session.out.answer(found, lambda out: out.line(f"{found['task']} is laid aside.", "green"))


jobs = group(
    "Jobs of the service: the queue, what is due, what was given up.",
    "ml-connector jobs list",
    "ml-connector jobs cancel 4711",
    "ml-connector jobs release 3",
)
command(jobs, "list", "ml-connector jobs list", "ml-connector jobs list north --json")(listed)
command(jobs, "cancel", "ml-connector jobs cancel 4711")(cancel)
command(jobs, "retry", "ml-connector jobs retry poll/purchase_orders north")(retry)
command(jobs, "release", "ml-connector jobs release 3")(release)
command(jobs, "dismiss", "ml-connector jobs dismiss 3 --note 'the order was cancelled'")(dismiss)


def _tell(out: Output, found: dict[str, Any]) -> None:
    queue = ("job", "connection", "task", "state", "priority", "worker")
    out.heading("Queue")
    _table(out, queue, found["queue"], right=("job", "priority"), empty="No job waits or is at work.")
    rows = [{**one, "failures": one["failures"] or "", "skipped": one["skipped"] or ""} for one in found["agenda"]]
    agenda = ("connection", "task", "due", "last", "failures", "skipped", "why")
    out.heading("Agenda")
    _table(out, agenda, rows, right=("failures", "skipped"), empty="Nothing is scheduled. Next: ml-connector serve")
    if found["parked"]:
        out.heading("Given up")
        _table(out, ("parked", "connection", "task", "attempts", "why"), found["parked"], right=("parked", "attempts"))
        out.line("Next: ml-connector jobs release NUMBER")


def _table(
    out: Output, columns: tuple[str, ...], found: list[dict[str, Any]], *, right: tuple[str, ...], empty: str = ""
) -> None:
    out.table(columns, [tuple(one[column] for column in columns) for one in found], right=right, empty=empty)
