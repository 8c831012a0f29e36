"""Commands for people's work: what waits, answering it, and the life of one document."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ml_connector import desk
from ml_connector.cli import ruling
from ml_connector.cli.command import command, group
from ml_connector.cli.output import Output
from ml_connector.cli.plans import show_plan
from ml_connector.cli.running import Chosen, MaybeName, done_in
from ml_connector.cli.session import session_of
from ml_connector.cli.telling import money, tell_document, tell_flows, tell_life, tell_requests
from ml_connector.cli.telling_runs import run_form, tell_documents, tell_run
from ml_connector.engine.work import Tally
from ml_connector.registry import FLOWS
from ml_connector.views import run_documents
from ml_connector.views.runs import one as one_run

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
        str,
        typer.Argument(metavar="ANSWER", help="What you decide, `map`, or `withdraw`; without it the choice is shown."),
    ] = "",
    connection: Chosen = "",
    target: Annotated[str, typer.Option("--target", help="Id of the candidate, or the code a new row leads to.")] = "",
    note: Annotated[str, typer.Option("--note", help="Why, for the audit trail; needed with ignore.")] = "",
    like: Annotated[bool, typer.Option("--like", help="Answer every hold that waits for the same, too.")] = False,
    when: Annotated[
        list[str] | None, typer.Option("--when", metavar="PART=PATTERN", help="With map: what the row looks at.")
    ] = None,
    effect: Annotated[bool, typer.Option("--effect", help="Show what it would do, and save nothing.")] = False,
    expect: Annotated[
        str, typer.Option("--expect", metavar="SEEN", help="Save only what --effect showed, which names this.")
    ] = "",
) -> None:
    """Answer a hold or a match, one or all alike; or add the mapping row it waits for (map). The next sync uses it."""
    session = session_of(ctx)
    said = ruling.Said(hold, answer, target, note, like, tuple(when or ()), expect)
    with session.app() as app:
        picked = session.pick(app, connection)
        found: dict[str, Any] = desk.hold(app, picked, hold) if not answer else ruling.done(app, picked, said, effect)

    def human(out: Output) -> None:
        if answer:
            ruling.tell(out, picked, found)
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


@command(
    shows,
    "run",
    "ml-connector show run 12 -c north",
    "ml-connector show run 12 --documents --flow purchase_orders --fate skipped",
)
def show_run(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the run, as `runs` shows it.")],
    connection: Chosen = "",
    documents: Annotated[bool, typer.Option("--documents", help="Its documents instead, one by one.")] = False,
    flow: Annotated[str, typer.Option(help="Of the documents only those of this flow.")] = "",
    fate: Annotated[str, typer.Option(help=f"Only those of which this became: {', '.join(run_documents.WORDS)}.")] = "",
    page: Annotated[int, typer.Option(min=1, max=100_000, help="Which page of the documents.")] = 1,
) -> None:
    """Show one run: how far it is or how it ended, its control totals, requests, and what was left alone and why."""
    session = session_of(ctx)
    if documents:
        with session.app() as app:
            look = run_documents.RunDocumentsLook(
                connection=session.pick(app, connection), run=number, flow=flow, fate=fate, page=page
            )
            listed = run_documents.listed(app, look)
        session.out.answer(listed, lambda out: tell_documents(out, listed))
        return
    with session.app() as app:
        name = session.pick(app, connection)
        found = desk.run(app, name, number)
        shown = one_run(app, name, number)

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
        tell_run(out, shown)

    session.out.answer({**found, **run_form(shown)}, human)


command(
    shows,
    "plan",
    "ml-connector show plan 5d1c0f2b9a7e4c11",
    "ml-connector show plan 5d1c --records --project 1201",
    "ml-connector show plan 5d1c --record commitment:P100001@1201",
)(show_plan)
