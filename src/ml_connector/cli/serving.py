"""Commands that run the processes of the service: door, schedule and worker in one, or apart."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer

from ml_connector.access.users import any_user
from ml_connector.app import App
from ml_connector.cli.output import Output
from ml_connector.cli.session import session_of
from ml_connector.service import metrics
from ml_connector.service.serving import Service, serve
from ml_connector.service.worker import SLOTS
from ml_connector.webhooks.serving import PORT, Door

Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for every one.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")]
Console = Annotated[bool, typer.Option("--console/--no-console", help="Whether the console's pages are served, too.")]
Slots = Annotated[int, typer.Option(min=1, max=64, help="Runs at a time, each of another connection.")]


_HERE = ("127.0.0.1", "localhost", "::1")


def serve_all(
    ctx: typer.Context,
    host: Host = "127.0.0.1",
    port: Port = PORT,
    slots: Slots = SLOTS,
    console: Console = True,
) -> None:
    """Run everything in one process: console, door, schedule and a worker. Ends in good order on SIGTERM."""
    _serve(ctx, door=(host, port), slots=slots, console=console)


def door(ctx: typer.Context, host: Host = "127.0.0.1", port: Port = PORT, console: Console = False) -> None:
    """Run the door alone: it takes webhooks and keeps them for the workers. With --console it has the pages, too."""
    _serve(ctx, door=(host, port), slots=0, console=console)


def worker(ctx: typer.Context, slots: Slots = SLOTS) -> None:
    """Run a worker with its scheduler; any number of them, on any machine that reaches the database."""
    _serve(ctx, door=None, slots=slots)


def site_of(app: App, playground: Any = None) -> Any:
    """The console's application; only who serves it waits until it is loaded."""
    console = import_module("ml_connector.console.application").console
    return console(app, https=app.settings.console_url.startswith("https://"), playground=playground)


def _serve(ctx: typer.Context, door: tuple[str, int] | None, slots: int, *, console: bool = False) -> None:
    session = session_of(ctx)
    with session.app() as app:
        site = site_of(app) if console else None
        opened = Door(app, *door, metrics=lambda: metrics.render(app), site=site) if door else None
        nobody = console and not any_user(app)
        clear = bool(console and door and door[0] not in _HERE and not app.settings.console_url.startswith("https://"))
        service = Service(app, door=opened, slots=slots)

        def begun(service: Service) -> None:
            facts = {**_facts(service), "console": service.door.url if service.door and console else None}
            told = {"console": console, "nobody": nobody, "clear": clear}
            session.out.answer(facts, lambda out: _tell_begun(out, service, **told))

        code = serve(service, begun, app.settings.drain_seconds)
    if code:
        raise typer.Exit(code)


def _facts(service: Service) -> dict[str, Any]:
    slots = service.worker.slots if service.worker else 0
    return {"process": service.presence.id, "door": service.door.url if service.door else None, "slots": slots}


def _tell_begun(out: Output, service: Service, *, console: bool, nobody: bool, clear: bool) -> None:
    if service.door and console:
        out.line(f"The console and the door are open at {service.door.url}.", "green")
    elif service.door:
        out.line(f"The door is open at {service.door.url}.", "green")
    if clear:
        out.line(
            "Passwords and cookies travel in the clear: put https in front, and set ML_CONNECTOR_CONSOLE_URL to its "
            "address.",
            "yellow",
        )
    if nobody:
        out.line("Nobody can sign in yet. Next: ml-connector user add NAME --role admin", "yellow")
    if service.worker:
        out.line(f"Working on {service.worker.slots} runs at a time.", "green")
    out.line("Stop it with Ctrl-C or SIGTERM: what runs ends at its next safe point.")
