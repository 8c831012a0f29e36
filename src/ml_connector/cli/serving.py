"""Commands that run the processes of the service: door, schedule and worker in one, or apart."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ml_connector.cli.output import Output
from ml_connector.cli.session import session_of
from ml_connector.service import metrics
from ml_connector.service.serving import Service, serve
from ml_connector.service.worker import SLOTS
from ml_connector.webhooks.serving import PORT, Door

Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for every one.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")]
Slots = Annotated[int, typer.Option(min=1, max=64, help="Runs at a time, each of another connection.")]


def serve_all(ctx: typer.Context, host: Host = "127.0.0.1", port: Port = PORT, slots: Slots = SLOTS) -> None:
    """Run everything unattended in one process: the door, the schedule and a worker. Ends in good order on SIGTERM."""
    _serve(ctx, door=(host, port), slots=slots)


def door(ctx: typer.Context, host: Host = "127.0.0.1", port: Port = PORT) -> None:
    """Run the door alone: it takes webhooks and keeps them for the workers."""
    _serve(ctx, door=(host, port), slots=0)


def worker(ctx: typer.Context, slots: Slots = SLOTS) -> None:
    """Run a worker with its scheduler; any number of them, on any machine that reaches the database."""
    _serve(ctx, door=None, slots=slots)


def _serve(ctx: typer.Context, door: tuple[str, int] | None, slots: int) -> None:
    session = session_of(ctx)
    with session.app() as app:
        opened = Door(app, *door, metrics=lambda: metrics.render(app)) if door else None
        service = Service(app, door=opened, slots=slots)

        def begun(service: Service) -> None:
            session.out.answer(_facts(service), lambda out: _tell_begun(out, service))

        code = serve(service, begun, app.settings.drain_seconds)
    if code:
        raise typer.Exit(code)


def _facts(service: Service) -> dict[str, Any]:
    slots = service.worker.slots if service.worker else 0
    return {"process": service.presence.id, "door": service.door.url if service.door else None, "slots": slots}


def _tell_begun(out: Output, service: Service) -> None:
    if service.door:
        out.line(f"The door is open at {service.door.url}.", "green")
    if service.worker:
        out.line(f"Working on {service.worker.slots} runs at a time.", "green")
    out.line("Stop it with Ctrl-C or SIGTERM: what runs ends at its next safe point.")
