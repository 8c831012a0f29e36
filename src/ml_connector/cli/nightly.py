"""Commands that do or show what the night does: the census of keys, and how long what is kept."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from ml_connector.cli.output import Output, shown
from ml_connector.cli.running import Chosen, MaybeName
from ml_connector.cli.session import session_of
from ml_connector.kernel.errors import AskPerson
from ml_connector.kernel.text import counted
from ml_connector.service.retaining import kept


def census(
    ctx: typer.Context,
    name: MaybeName = "",
    connection: Chosen = "",
    repair: Annotated[bool, typer.Option("--repair", help="Keep what is found, and mend what can be mended.")] = False,
) -> None:
    """Compare the keys of both sides with the links: what is missing, what nobody linked, what nobody looked at.

    Without --repair nothing is written. With it the next sync looks at what is stale and links what is there. Exit
    code 11 while a person must look.
    """
    session = session_of(ctx)
    found: list[dict[str, Any]] = []
    with session.app("Reading the keys of both sides") as app:
        picked = session.pick(app, name, connection)
        counting = app.counting(picked, repair=repair)
        for part in counting.parts():
            found += [msgspec.to_builtins(one) for one in counting.take(part)]

    def human(out: Output) -> None:
        if not found:
            out.line("Every key is where it belongs.", "green")
            return
        rows = [
            (one["what"], one["scope"], one["kind"], one["erp_id"], "yes" if one["repaired"] else "") for one in found
        ]
        out.table(("what", "project", "record", "key", "mended by the next sync"), rows)
        for one in found:
            out.line(one["sentence"], "" if one["repaired"] else "yellow")
        if any(one["repaired"] for one in found):
            out.line(f"Next: ml-connector sync {picked}")
        elif not repair:
            out.line(f"Next: ml-connector census {picked} --repair")

    session.out.answer({"connection": picked, "repaired": repair, "findings": found}, human)
    if any(not one["repaired"] for one in found):
        raise typer.Exit(AskPerson.exit_code)


def retention(ctx: typer.Context) -> None:
    """Show how many days what is kept, and which months of evidence there are with their size and their end."""
    session = session_of(ctx)
    with session.app() as app:
        form = kept(app)

    def human(out: Output) -> None:
        days = [(kind, f"{number} days") for kind, number in form["days"].items()]
        out.facts([*days, ("audit", "for good"), ("oldest run", form["oldest_run"] or "none")])
        rows = [
            (one["month"], one["table"], "decisions" if one["lasting"] else "wire", f"{one['bytes']:,}", one["goes_on"])
            for one in form["months"]
        ]
        headers = ("month", "table", "of", "bytes", "goes in the night of")
        out.table(headers, rows, right=("bytes",), empty="There is no evidence yet.")
        total = sum(one["bytes"] for one in form["months"])
        out.line(f"{counted(len(rows), 'month')}, {shown(total)} bytes.")

    session.out.answer(form, human)
