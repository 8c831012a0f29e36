"""The command that shows the main job end to end, in a folder of its own, with both systems simulated."""

from __future__ import annotations

import fcntl
import io
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from ml_connector.app import App
from ml_connector.cli import logs
from ml_connector.cli.demo_open import Start, stay
from ml_connector.cli.demo_story import Story
from ml_connector.cli.demo_teller import NAME, Teller
from ml_connector.cli.demo_view import View
from ml_connector.cli.month_office import MonthClock, begin
from ml_connector.cli.month_start import FIRST_DAY
from ml_connector.cli.month_story import MonthStory
from ml_connector.cli.output import Output
from ml_connector.cli.playground import DemoPlayground
from ml_connector.cli.session import session_of
from ml_connector.cli.trouble import FOUND_WRONG
from ml_connector.connection_file import read_toml
from ml_connector.kernel.errors import BadInput, ConnectorError, Locked, Unavailable
from ml_connector.kernel.text import counted
from ml_connector.sandbox.running import RunningSandbox, SandboxFailed
from ml_connector.settings import DATABASE_URL, Settings
from ml_connector.webhooks.serving import PORT

_ACTOR = "demo"
"""In whose name the story is told."""
_MARK = "demo.lock"
"""The file that says a folder belongs to the demo; locked while one runs."""


def demo(
    ctx: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="End after the story, without leaving the sandbox running.")
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Folder for the demo; default: demo in the home folder."),
    ] = None,
    month: Annotated[
        bool, typer.Option("--month", help="Play a month of invoices, payments and vouchers instead, both directions.")
    ] = False,
    brief: Annotated[bool, typer.Option("--brief", help="Play it without telling it, and open the console.")] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port of the console; when it is taken, a free one.")
    ] = PORT,
    orders: Annotated[int, typer.Option(min=24, max=100_000, help="Number of purchase orders.")] = 300,
    seed: Annotated[int, typer.Option(help="Seed of the world; equal seeds give equal worlds.")] = 7,
) -> None:
    """Show the main job end to end: check, plan, sync, a held order and its release, a change, and rest.

    With --month: a month at five job sites, invoices, direct costs, payments and vouchers, told until both books tie.
    Runs against simulated systems in a folder of its own, started fresh each time. Nothing else is touched.
    Then the console is open on it until Ctrl-C, with a one-time sign-in; the sandbox's page moves its clock, plays
    people and breaks things.
    """
    session = session_of(ctx)
    logs.hush(session.environ)
    home = (keep or session.settings.home / "demo").expanduser().absolute()
    out = Output(io.StringIO()) if brief else session.out
    try:
        with fresh_folder(home), RunningSandbox(seed=seed, orders=orders, spawn=True) as sandbox:
            clock = MonthClock(sandbox)
            if month:
                begin(sandbox, clock, FIRST_DAY)
            with App.open(Settings(home), _ACTOR, clock=clock) as app:
                story = (told_month if month else told)(app, sandbox, clock, out)
                form = {"ok": not story.wrong, "wrong": story.wrong, "home": str(home), **story.facts}
                session.out.answer(form, lambda out: _close(out, story, month=month))
                if not once:
                    start = Start(home, _command(), foreign=DATABASE_URL in session.environ)
                    stay(session.out, story, DemoPlayground(sandbox, clock), (start, port))
    except SandboxFailed as error:
        raise Unavailable(f"The demo cannot go on: {error}.", remedy="Run `ml-connector demo` again.") from error
    if story.wrong:
        raise typer.Exit(FOUND_WRONG)


def told(app: App, sandbox: RunningSandbox, _clock: MonthClock, out: Output) -> Story:
    """The story of the orders told once."""
    file = _joined(app, sandbox)
    story = Story(app, sandbox, View(file), out)
    story.tell()
    return story


def told_month(app: App, sandbox: RunningSandbox, clock: MonthClock, out: Output) -> MonthStory:
    """The month told once, on the sandbox's clock; `--seed` and `--orders` make another world of it."""
    story = MonthStory(app, sandbox, clock, out, _joined(app, sandbox))
    story.tell()
    return story


def _joined(app: App, sandbox: RunningSandbox) -> Mapping[str, Any]:
    """Adds the sandbox's connection, whose file is kept beside it; the file's table."""
    text = sandbox.connection_text()
    (app.settings.home / "connection.toml").write_text(text, encoding="utf-8")
    app.add_connection(NAME, text)
    return read_toml(text, "The sandbox's connection file")


@contextmanager
def fresh_folder(home: Path) -> Iterator[None]:
    """An empty folder while the block lasts. Locked when a demo runs in it, BadInput when it is not the demo's."""
    mark = home / _MARK
    if home.exists() and any(home.iterdir()) and not mark.exists():
        raise BadInput(f"{home} holds something else.", remedy="Name an empty or a new folder with --keep.")
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = mark.open("w")
    except OSError as error:
        raise BadInput(f"{home} cannot be used: {error.strerror}.", remedy="Name another with --keep.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Locked(f"A demo runs in {home} already.", remedy="End it with Ctrl-C, or use --keep.") from None
        _emptied(home)
        yield


def _emptied(home: Path) -> None:
    if len(list(home.iterdir())) > 1:
        # A demo that was killed may have left its database running: the last to leave stops it.
        with suppress(ConnectorError), App.open(Settings(home)):
            pass
    for path in home.iterdir():
        if path.name == _MARK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _close(out: Output, story: Teller, *, month: bool) -> None:
    out.line()
    if story.wrong:
        out.line(f"{counted(len(story.wrong), 'claim')} of this demo failed; please report it.", "bold red")
    else:
        out.line("Every figure above was read from the two systems or from the run's own report.", "bold green")
    if not month:
        out.line(f"A month of invoices, payments and vouchers, both directions: {_command()} demo --once --month")


def _command() -> str:
    """How this very command is called from anywhere: by its name where the path finds it, else by its place."""
    found = shutil.which("ml-connector")
    return "ml-connector" if found else str(Path(sys.executable).with_name("ml-connector"))
