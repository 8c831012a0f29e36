"""The command line: every command, one line each; and the one place where failures become sentences."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from ml_connector.cli import connection, demo, keeping, logs, people, running, sandbox
from ml_connector.cli.audit import audits
from ml_connector.cli.command import EVERYWHERE, command, group
from ml_connector.cli.connection import connections
from ml_connector.cli.keeping import vaults
from ml_connector.cli.mapping import mappings
from ml_connector.cli.people import shows
from ml_connector.cli.session import Session
from ml_connector.cli.trouble import ENDED, OK, STOPPED, tell, trouble_of
from ml_connector.settings import settings_from

app = group(
    "Joins IFS Cloud and Procore: purchase orders, vendors and cost codes, once, explained and replayable.",
    "ml-connector demo",
    "ml-connector init",
    "ml-connector connection add north --from north.toml",
    "ml-connector check north",
    "ml-connector plan north",
    "ml-connector sync north",
    "ml-connector sync north --json | jq .flows",
)

command(app, "init", "ml-connector init", "ML_CONNECTOR_HOME=/srv/ml-connector ml-connector init")(keeping.init)
app.add_typer(connections, name="connection")
command(app, "check", "ml-connector check north", "ml-connector check north --json")(connection.check)
command(app, "discover", "ml-connector discover north")(connection.discover)
command(
    app, "plan", "ml-connector plan north", "ml-connector plan north purchase_orders", "ml-connector plan north --json"
)(running.plan)
command(app, "sync", "ml-connector sync north", "ml-connector sync north --plan 5d1c0f2b9a7e4c11")(running.sync)
command(app, "runs", "ml-connector runs", "ml-connector runs north --limit 5")(running.runs)
command(app, "holds", "ml-connector holds north", "ml-connector holds --flow vendors")(people.holds)
command(
    app,
    "rule",
    "ml-connector rule 12",
    "ml-connector rule 12 link --target 5629 --note 'same firm, new name'",
)(people.rule)
app.add_typer(shows, name="show")
command(
    app,
    "replay",
    "ml-connector replay P100001",
    "ml-connector replay 12 --mapping then",
    "ml-connector replay P100001 --apply",
)(running.replay)
command(app, "exposure", "ml-connector exposure north", "ml-connector exposure north --json")(running.exposure)
app.add_typer(mappings, name="mapping")
app.add_typer(audits, name="audit")
app.add_typer(vaults, name="vault")
command(
    app,
    "sandbox",
    "ml-connector sandbox --connection-file sandbox.toml",
    "ml-connector sandbox --ifs-port 8441 --procore-port 8442 --seed 7 --orders 300",
)(sandbox.sandbox)
command(app, "demo", "ml-connector demo", "ml-connector demo --once")(demo.demo)
command(app, "backup", "ml-connector backup", "ml-connector backup /srv/backups/today.backup")(keeping.backup)
command(app, "restore", "ml-connector restore today.backup --replace")(keeping.restore)


def _say_version(asked: bool) -> None:
    if asked:
        try:
            number = version("ml-connector")
        except PackageNotFoundError:
            number = "unknown, not installed"
        typer.echo(f"ml-connector {number}")
        raise typer.Exit


@app.callback()
def _root(
    shown: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Joins IFS Cloud and Procore: purchase orders, vendors and cost codes, once, explained and replayable."""


def execute(words: Sequence[str]) -> int:
    """Runs one command line and answers the exit code. Nothing is raised: every failure is told on standard error."""
    words, flags = taken_out(words)
    as_json = "--json" in flags
    secrets: tuple[str, ...] = ()
    home = Path("~/.ml-connector").expanduser()
    try:
        home = settings_from(os.environ).home
        session = Session(os.environ, as_json=as_json)
        level = logs.level_from(os.environ, verbose="--verbose" in flags)
        logs.configure(level, session.redactor, as_json=as_json)
        try:
            return _run(words, session)
        finally:
            secrets = session.redactor.secrets
    except (SystemExit, BrokenPipeError) as ended:
        if isinstance(ended, SystemExit) and ended.code == ENDED:
            return ENDED
        # Whoever read our answer has seen enough, as `head` does (Typer ends with 1 then); nothing more can be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except BaseException as error:  # the last line of defence: no trace reaches a user
        first = _asked_to_stop(error)
        if isinstance(first, SystemExit):
            return ENDED
        trouble = trouble_of(first or error, home, secrets)
        tell(trouble, sys.stderr, as_json=as_json)
        return trouble.exit_code


def _asked_to_stop(error: BaseException) -> BaseException | None:
    """The request to stop behind an error: a query cut short by it may fail in its own words on the way out."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, KeyboardInterrupt) or (isinstance(cause, SystemExit) and cause.code == ENDED):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def _run(words: Sequence[str], session: Session) -> int:
    # In a pipe the help is plain text; on a terminal it has colour and frames.
    app.rich_markup_mode = "rich" if sys.stdout.isatty() else None
    code = typer.main.get_command(app).main(
        args=list(words), prog_name="ml-connector", standalone_mode=False, obj=session
    )
    sys.stdout.flush()
    if code == STOPPED:
        # Typer turns Ctrl-C into its exit code and says nothing; we say what it means.
        raise KeyboardInterrupt
    return code if isinstance(code, int) else OK


def taken_out(words: Sequence[str]) -> tuple[list[str], set[str]]:
    """The words without those of EVERYWHERE, and which of them were there; what follows a bare -- is left alone."""
    end = list(words).index("--") if "--" in words else len(words)
    flags = {word for word in words[:end] if word in EVERYWHERE}
    return [word for place, word in enumerate(words) if place >= end or word not in EVERYWHERE], flags


def _ended(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(ENDED)


def run() -> NoReturn:
    """The entry point: the process's own words, its exit code."""
    signal.signal(signal.SIGTERM, _ended)
    sys.exit(execute(sys.argv[1:]))


if __name__ == "__main__":
    run()
