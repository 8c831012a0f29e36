"""Commands about webhooks: sync, list and remove a connection's hooks in Procore; an address for IFS."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ml_connector.cli.command import command, group
from ml_connector.cli.output import Output
from ml_connector.cli.session import session_of
from ml_connector.service import hooking

webhooks = group(
    "Have Procore, and IFS where it can, tell us what changes.",
    "ml-connector webhooks sync north --url https://hooks.example.com",
    "ml-connector webhooks sync north --dry-run",
    "ml-connector webhooks list north",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the connection; needed when there are many.")]
Chosen = Annotated[str, typer.Option("--connection", "-c", help="Name of the connection; needed when there are many.")]
Url = Annotated[
    str, typer.Option("--url", metavar="https://HOST", help="Where the other side reaches our door; kept from then on.")
]
Rotate = Annotated[bool, typer.Option("--rotate", help="A new address and secret, whatever stands there.")]


@command(
    webhooks,
    "sync",
    "ml-connector webhooks sync north --url https://hooks.example.com",
    "ml-connector webhooks sync north --dry-run",
    "ml-connector webhooks sync north --rotate",
)
def sync(
    ctx: typer.Context,
    name: Name = "",
    connection: Chosen = "",
    url: Url = "",
    rotate: Rotate = False,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Register, repair and remove hooks in Procore so that they are what the flows want. Twice changes nothing."""
    session = session_of(ctx)
    with session.app("Looking at the webhooks") as app:
        found = hooking.sync(app, session.pick(app, name, connection), hooking.Asked(url, rotate, dry))

    def human(out: Output) -> None:
        _tell_steps(out, found)
        if not found["steps"]:
            out.line("The hooks are as they should be.", "green")
        elif dry:
            out.line("Nothing was changed.", "bold")
        out.line()
        rows = [(one["flow"], one["by"], one["why"]) for one in found["flows"]]
        out.table(("flow", "hears by", "why"), rows)

    session.out.answer(found, human)


@command(webhooks, "list", "ml-connector webhooks list north", "ml-connector webhooks list north --json")
def list_hooks(ctx: typer.Context, name: Name = "", connection: Chosen = "") -> None:
    """List a connection's hooks as they stood when they were last looked at; no secret is shown."""
    session = session_of(ctx)
    with session.app() as app:
        found = hooking.listed(app, session.pick(app, name, connection))

    def human(out: Output) -> None:
        headers = ("caller", "project", "hook", "payload", "state", "looked at", "address")
        rows = [
            (
                one["source"],
                one["project"] or "company",
                one["hook"],
                one["payload_version"],
                one["state"],
                one["synced_at"],
                one["url"],
            )
            for one in found["hooks"]
        ]
        out.table(headers, rows, empty="No hook. Next: ml-connector webhooks sync NAME --url https://HOST")

    session.out.answer(found, human)


@command(webhooks, "remove", "ml-connector webhooks remove north")
def remove(ctx: typer.Context, name: Name = "", connection: Chosen = "") -> None:
    """Remove our hooks in Procore, and the address for IFS. Changes are found by polling from then on."""
    session = session_of(ctx)
    with session.app("Removing the webhooks") as app:
        found = hooking.remove(app, session.pick(app, name, connection))

    def human(out: Output) -> None:
        _tell_steps(out, found)
        out.line("No hook of ours is left.", "green")

    session.out.answer(found, human)


@command(
    webhooks,
    "ifs",
    "ml-connector webhooks ifs north --url https://hooks.example.com",
    "ml-connector webhooks ifs north --rotate",
)
def ifs(ctx: typer.Context, name: Name = "", connection: Chosen = "", url: Url = "", rotate: Rotate = False) -> None:
    """Make an address for an event action of IFS. The header it must send is shown this once."""
    session = session_of(ctx)
    with session.app() as app:
        found = hooking.open_for_ifs(app, session.pick(app, name, connection), url, rotate=rotate)

    def human(out: Output) -> None:
        out.line(f"POST to       {found['url']}")
        if found["made"]:
            out.line(f"Authorization {found['authorization']}")
            out.line("Write the header down now: it is not kept and cannot be shown again.", "bold")
        else:
            out.line("Its header was shown when it was made; --rotate makes a new one.")

    session.out.answer(found, human)


def _tell_steps(out: Output, found: dict[str, Any]) -> None:
    for one in found["steps"]:
        where = f" (project {one['project']})" if one["project"] else ""
        out.line(f"{one['sentence']}{where}")
    for note in found["notes"]:
        out.line(note, "yellow")
