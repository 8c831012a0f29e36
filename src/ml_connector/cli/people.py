"""Commands for people's work: what waits, answering it, and the life of one document."""

from __future__ import annotations

from typing import Annotated

import typer

from ml_connector import desk
from ml_connector.cli.command import command, group
from ml_connector.cli.output import Output
from ml_connector.cli.running import Chosen, MaybeName, done_in
from ml_connector.cli.session import session_of
from ml_connector.cli.telling import money, tell_document, tell_flows, tell_life, tell_requests
from ml_connector.engine.work import Tally
from ml_connector.registry import FLOWS

shows = group(
    "Show one thing and everything known about it.",
    "ml-connector show po P100001",
    "ml-connector show document 105",
    "ml-connector show run 12 -c north",
)


def holds(
    ctx: typer.Context,
    name: MaybeName = "",
    connection: Chosen = "",
    flow: Annotated[str, typer.Option("--flow", help="Only those of this flow.")] = "",
) -> None:
    """List what waits: why, for what, who can act, and how much money stands behind it. Oldest first."""
    session = session_of(ctx)
    chosen = desk.flows_of([flow], FLOWS)[0] if flow else None
    with session.app() as app:
        picked = session.pick(app, name, connection)
        found = desk.holds(app, picked, chosen)

    def human(out: Output) -> None:
        headers = ("hold", "record", "reason", "money", "waits for", "owner", "since", "answers", "sentence")
        rows = [
            (
                h["hold"],
                h["record"],
                h["reason"],
                money(h["money"]),
                h["waits_for"],
                h["owner"],
                h["since"],
                "|".join(h["answers"]),
                h["sentence"],
            )
            for h in found
        ]
        out.table(headers, rows, right=("hold", "money"), empty="Nothing waits.")
        asked = [h["hold"] for h in found if h["answers"]]
        if asked:
            out.line()
            out.line(f"Next: ml-connector rule {asked[0]} ANSWER -c {picked}")

    session.out.answer({"connection": picked, "holds": found}, human)


def rule(
    ctx: typer.Context,
    hold: Annotated[int, typer.Argument(metavar="HOLD", help="Number of the hold, as `holds` shows it.")],
    answer: Annotated[
        str, typer.Argument(metavar="ANSWER", help="What you decide; without it the choice is shown.")
    ] = "",
    connection: Chosen = "",
    target: Annotated[str, typer.Option("--target", help="Id of the candidate that is meant.")] = "",
    note: Annotated[str, typer.Option("--note", help="Why, for the audit trail.")] = "",
) -> None:
    """Answer a hold or a match. The answer is remembered, and the next sync uses it."""
    session = session_of(ctx)
    with session.app() as app:
        picked = session.pick(app, connection)
        found = app.rule(picked, hold, answer, target=target, note=note) if answer else desk.hold(app, picked, hold)

    def human(out: Output) -> None:
        if answer:
            meant = f" ({found['target']})" if found["target"] else ""
            out.line(f"Hold {hold} is answered: {answer}{meant}.", "green")
            out.line(f"Next: ml-connector sync {picked}")
            return
        out.line(found["sentence"], "bold")
        out.facts(
            [
                ("record", found["record"]),
                ("waits for", found["waits_for"]),
                ("owner", found["owner"]),
                ("money", money(found["money"])),
                ("candidates", found["candidates"]),
                ("evidence", found["evidence"]),
                ("answers", found["answers"] or "none: it ends by itself"),
            ]
        )

    session.out.answer({"connection": picked, **found}, human)


@command(shows, "po", "ml-connector show po P100001", "ml-connector show po P100001 -c north --json")
def show_po(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Purchase order number in IFS.")],
    connection: Chosen = "",
) -> None:
    """Show the life of a purchase order on one page: contracts, holds, steps, requests, audit."""
    session = session_of(ctx)
    with session.app() as app:
        life = desk.life_of_order(app, session.pick(app, connection), number)
    session.out.answer(life, lambda out: tell_life(out, life))


@command(shows, "document", "ml-connector show document 105", "ml-connector show document 562949953500001 -c north")
def show_document(
    ctx: typer.Context,
    number: Annotated[
        str, typer.Argument(metavar="ID", help="Id in its own system: an IFS invoice, a Procore invoice.")
    ],
    connection: Chosen = "",
) -> None:
    """Show the life of an invoice, payment or direct cost on one page: what it became there, holds, steps, audit."""
    session = session_of(ctx)
    with session.app() as app:
        life = desk.life_of_document(app, session.pick(app, connection), number)
    session.out.answer(life, lambda out: tell_document(out, life))


@command(shows, "run", "ml-connector show run 12 -c north")
def show_run(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the run, as `runs` shows it.")],
    connection: Chosen = "",
) -> None:
    """Show one run: who started it, how it ended, its counts and requests."""
    session = session_of(ctx)
    with session.app() as app:
        found = desk.run(app, session.pick(app, connection), number)

    def human(out: Output) -> None:
        names = (
            "run",
            "connection",
            "trigger",
            "actor",
            "state",
            "started_at",
            "finished_at",
            "plan",
            "mapping_version",
        )
        out.facts([*((name.replace("_", " "), found[name]) for name in names), ("what", done_in(found))])
        out.line()
        tell_flows(out, {flow: Tally(**counts) for flow, counts in found["counts"].items()})
        if found["requests"]:
            tell_requests(out, found["requests"])

    session.out.answer(found, human)
