"""The commands with which a person stops unattended work and lets it go on."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ml_connector import desk
from ml_connector.cli.output import Output
from ml_connector.cli.running import Name
from ml_connector.cli.session import session_of
from ml_connector.registry import FLOWS
from ml_connector.service import pausing

OneFlow = Annotated[str, typer.Argument(metavar="FLOW", help="One flow; without it the whole connection.")]


def pause(
    ctx: typer.Context,
    name: Name,
    flow: OneFlow = "",
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="When it ends by itself, such as 2026-12-01T08:00.")
    ] = "",
    note: Annotated[str, typer.Option("--note", help="Why, for the audit trail and the status page.")] = "",
) -> None:
    """Stop every unattended run of a connection, or of one flow. What comes meanwhile waits; nothing is lost."""
    session = session_of(ctx)
    chosen = _flow(flow)
    with session.app() as app:
        found = pausing.pause(app, name, chosen, until=until, note=note)

    def human(out: Output) -> None:
        _tell(out, found)
        out.line(f"Next: ml-connector resume {' '.join(filter(None, (name, chosen)))}")

    session.out.answer(found, human)


def resume(ctx: typer.Context, name: Name, flow: OneFlow = "") -> None:
    """Let a paused connection, or one paused flow, run by itself again; what waited is due at once."""
    session = session_of(ctx)
    chosen = _flow(flow)
    with session.app() as app:
        found = pausing.resume(app, name, chosen)

    def human(out: Output) -> None:
        what = f"Flow {chosen} of {name}" if chosen else f"Connection {name}"
        out.line(f"{what} runs again." if found["was_paused"] else f"{what} was not paused.", "green")
        _tell(out, found)

    session.out.answer(found, human)


def _flow(word: str) -> str:
    """The flow a person typed; empty for none."""
    return desk.flows_of([word], FLOWS)[0] if word else ""


def _tell(out: Output, found: dict[str, Any]) -> None:
    for one in found["paused"]:
        out.line(one["sentence"], "yellow")
