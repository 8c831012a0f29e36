"""Commands about the audit trail: reading it, and proving that it is whole."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ml_connector import desk
from ml_connector.cli.command import command, group
from ml_connector.cli.output import Output
from ml_connector.cli.running import Chosen, MaybeName
from ml_connector.cli.session import session_of
from ml_connector.cli.trouble import FOUND_WRONG
from ml_connector.kernel.errors import BadInput
from ml_connector.views.audit import AuditLook, batches, every, row_form
from ml_connector.views.trail_files import trail_file

audits = group(
    "Read the audit trail and prove that no row of it was changed, added or cut off.",
    "ml-connector audit list north --record P100001",
    "ml-connector audit verify",
)


class Form(Enum):
    """In what form the trail is written."""

    JSONL = "jsonl"
    """One JSON object a line, with everything."""
    CSV = "csv"
    """For a spreadsheet, as text."""
    XLSX = "xlsx"
    """For a spreadsheet."""


_ABOUT = "Only rows about this document, by its number, and all it became; or about the record of this id."
_WHO = "Only what this person or program did."
_WHAT = "Only this kind of row, such as plan:approve:done."
_OF = "Only rows of this run."
_FROM = "Only from then on: 2026-11-27 or 2026-11-27T14:05."
_TO = "Only until then; a day to its end."
_OLDEST = "The oldest rows first."
_OWN = "The trail that is of no connection."
_HEAD = re.compile(r"(\d+):([0-9a-f]{64})")


@command(audits, "list", "ml-connector audit list", "ml-connector audit list north --record P100001@1201 --limit 10")
def list_audit(
    ctx: typer.Context,
    name: MaybeName = "",
    connection: Chosen = "",
    record: Annotated[str, typer.Option("--record", help=_ABOUT)] = "",
    actor: Annotated[str, typer.Option(help=_WHO)] = "",
    tag: Annotated[str, typer.Option(help=_WHAT)] = "",
    run: Annotated[int, typer.Option(min=0, help=_OF)] = 0,
    since: Annotated[str, typer.Option(help=_FROM)] = "",
    until: Annotated[str, typer.Option(help=_TO)] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 50,
    before: Annotated[int, typer.Option(min=0, help="Only rows below this number.")] = 0,
    oldest: Annotated[bool, typer.Option("--oldest", help=_OLDEST)] = False,
    after: Annotated[int, typer.Option(min=0, help="Only rows above this number.")] = 0,
    installation: Annotated[bool, typer.Option("--installation", help=_OWN)] = False,
) -> None:
    """List audit rows, newest first unless told otherwise."""
    session = session_of(ctx)
    with session.app() as app:
        picked = "" if installation else session.pick(app, name, connection)
        look = AuditLook(
            connection=picked,
            record=record,
            actor=actor,
            tag=tag,
            run=run,
            since=since,
            until=until,
            before=before,
            oldest=oldest,
            after=after,
        )
        rows = [row for batch in batches(app, look, limit) for row in batch]
        found = [row_form(row) for row in rows]

    def human(out: Output) -> None:
        rows = [(r["seq"], r["at"], r["actor"], r["tag"], r["record"], r["run"]) for r in found]
        out.table(("row", "at", "actor", "what", "record", "run"), rows, right=("row", "run"), empty="No rows.")

    session.out.answer({"connection": picked or desk.INSTALLATION, "entries": found}, human)


@command(
    audits,
    "export",
    "ml-connector audit export north --to north.jsonl",
    "ml-connector audit export north --as xlsx --actor anna --since 2026-11-01 --to november.xlsx",
)
def export_audit(
    ctx: typer.Context,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The file to write; it must not be there yet.")],
    name: MaybeName = "",
    connection: Chosen = "",
    form: Annotated[Form, typer.Option("--as", help="In what form.")] = Form.JSONL,
    record: Annotated[str, typer.Option("--record", help=_ABOUT)] = "",
    actor: Annotated[str, typer.Option(help=_WHO)] = "",
    tag: Annotated[str, typer.Option(help=_WHAT)] = "",
    run: Annotated[int, typer.Option(min=0, help=_OF)] = 0,
    since: Annotated[str, typer.Option(help=_FROM)] = "",
    until: Annotated[str, typer.Option(help=_TO)] = "",
    oldest: Annotated[bool, typer.Option("--oldest", help=_OLDEST)] = False,
    installation: Annotated[bool, typer.Option("--installation", help=_OWN)] = False,
) -> None:
    """Write the audit trail to a file, newest row first unless told otherwise, however long it is."""
    session = session_of(ctx)
    number = 0
    with session.app("Writing the audit trail") as app:
        picked = "" if installation else session.pick(app, name, connection)
        look = AuditLook(
            connection=picked, record=record, actor=actor, tag=tag, run=run, since=since, until=until, oldest=oldest
        )
        try:
            with to.open("xb") as file:
                for part in trail_file(form.value, every(app, look)):
                    file.write(part.data)
                    number += part.rows
        except OSError as error:
            raise BadInput(f"{to} cannot be written: {error.strerror}.", remedy="Name another file.") from None
    answer = {"connection": picked or desk.INSTALLATION, "rows": number, "file": str(to)}
    session.out.answer(answer, lambda out: out.line(f"{number:,} rows in {to}.", "green"))


@command(audits, "verify", "ml-connector audit verify", "ml-connector audit verify north --head 812:5f0c...")
def verify_audit(
    ctx: typer.Context,
    name: MaybeName = "",
    connection: Chosen = "",
    head: Annotated[
        str, typer.Option("--head", metavar="ROW:HASH", help="An end noted earlier, to compare with.")
    ] = "",
) -> None:
    """Check every row of the audit chains against the one before. Exit code 15 when something is wrong.

    Note the end it prints somewhere else: with it, even a chain that was rewritten as a whole is found.
    """
    session = session_of(ctx)
    noted = _noted(head)
    with session.app("Verifying the audit trail") as app:
        picked = session.pick(app, name, connection) if name or connection or noted else None
        chains = desk.audit_chains(app, picked, noted)
    wrong = any(chain["faults"] for chain in chains)

    def human(out: Output) -> None:
        rows = [("FAIL" if c["faults"] else "ok", c["connection"], c["rows"], c["head"]) for c in chains]
        out.table(("", "connection", "rows", "end"), rows, right=("rows",), empty="There is no audit trail yet.")
        for chain in chains:
            for fault in chain["faults"]:
                out.line(f"{chain['connection']}: {fault}", "bold red")

    session.out.answer({"ok": not wrong, "chains": chains}, human)
    if wrong:
        raise typer.Exit(FOUND_WRONG)


def _noted(text: str) -> tuple[int, bytes] | None:
    if not text:
        return None
    match = _HEAD.fullmatch(text.strip())
    if match is None:
        raise BadInput(f"{text!r} is no end of a chain.", remedy="Copy it as `audit verify` printed it: ROW:HASH.")
    return int(match[1]), bytes.fromhex(match[2])
