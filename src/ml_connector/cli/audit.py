"""Commands about the audit trail: reading it, and proving that it is whole."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from ml_connector import desk
from ml_connector.cli.command import command, group
from ml_connector.cli.output import Output
from ml_connector.cli.running import Chosen, MaybeName
from ml_connector.cli.session import session_of
from ml_connector.cli.trouble import FOUND_WRONG
from ml_connector.kernel.errors import BadInput

audits = group(
    "Read the audit trail and prove that no row of it was changed, added or cut off.",
    "ml-connector audit list north --record P100001",
    "ml-connector audit verify",
)

_HEAD = re.compile(r"(\d+):([0-9a-f]{64})")


@command(audits, "list", "ml-connector audit list", "ml-connector audit list north --record P100001@1201 --limit 10")
def list_audit(
    ctx: typer.Context,
    name: MaybeName = "",
    connection: Chosen = "",
    record: Annotated[str, typer.Option("--record", help="Only rows about this record, such as an order.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only rows below this number.")] = None,
) -> None:
    """List audit rows, newest first."""
    session = session_of(ctx)
    with session.app() as app:
        picked = session.pick(app, name, connection)
        found = desk.audit_entries(app, picked, record=record, before=before, limit=limit)

    def human(out: Output) -> None:
        rows = [(r["seq"], r["at"], r["actor"], r["tag"], r["record"], r["run"]) for r in found]
        out.table(("row", "at", "actor", "what", "record", "run"), rows, right=("row", "run"), empty="No rows.")

    session.out.answer({"connection": picked, "entries": found}, human)


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
