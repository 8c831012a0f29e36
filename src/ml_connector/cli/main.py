"""The command line: every command, one line each; and the one place where failures become sentences."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from ml_connector.cli import logs
from ml_connector.cli.command import EVERYWHERE, command, group
from ml_connector.cli.session import Session
from ml_connector.cli.trouble import ENDED, OK, STOPPED, tell, trouble_of
from ml_connector.settings import settings_from

COMMANDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("init", "keeping:init", ("ml-connector init", "ML_CONNECTOR_HOME=/srv/ml-connector ml-connector init")),
    ("connection", "connection:connections", ()),
    ("setup", "setup_pairs:setups", ()),
    ("check", "connection:check", ("ml-connector check north", "ml-connector check north --json")),
    ("discover", "connection:discover", ("ml-connector discover north",)),
    (
        "plan",
        "running:plan",
        ("ml-connector plan north", "ml-connector plan north purchase_orders", "ml-connector plan north --json"),
    ),
    (
        "sync",
        "running:sync",
        (
            "ml-connector sync north",
            "ml-connector sync north --plan 5d1c0f2b9a7e4c11",
            "ml-connector sync north --plan 5d1c0f2b9a7e4c11 --project 1201 --project 1202",
        ),
    ),
    ("plans", "plans:plans", ("ml-connector plans north", "ml-connector plans north --automatic")),
    ("runs", "running:runs", ("ml-connector runs", "ml-connector runs north --flow payments --by otto")),
    ("holds", "people:holds", ("ml-connector holds north", "ml-connector holds --flow vendors")),
    ("inbox", "inbox:inbox", ("ml-connector inbox north", "ml-connector inbox north --only conflicts --json")),
    (
        "rule",
        "people:rule",
        (
            "ml-connector rule 12",
            "ml-connector rule 12 link --target 5629 --note 'same firm, new name'",
            "ml-connector rule 12 allow --like --effect",
            "ml-connector rule 12 map --target M",
        ),
    ),
    ("show", "documents:shows", ()),
    (
        "search",
        "documents:search",
        (
            "ml-connector search P100001",
            "ml-connector search hollis 88 --kind supplier_invoice",
            "ml-connector search -c north",
        ),
    ),
    (
        "replay",
        "running:replay",
        ("ml-connector replay P100001", "ml-connector replay 12 --mapping then", "ml-connector replay P100001 --apply"),
    ),
    ("exposure", "running:exposure", ("ml-connector exposure north", "ml-connector exposure north --json")),
    ("status", "status:show", ("ml-connector status", "ml-connector status north --json")),
    (
        "pause",
        "pausing:pause",
        (
            "ml-connector pause north --note 'IFS upgrade'",
            "ml-connector pause north payments --until 2026-12-01T08:00",
        ),
    ),
    ("probe", "probing:probe", ("ml-connector probe north projects",)),
    ("resume", "pausing:resume", ("ml-connector resume north", "ml-connector resume north payments")),
    ("census", "nightly:census", ("ml-connector census north", "ml-connector census north --repair")),
    ("retention", "nightly:retention", ("ml-connector retention", "ml-connector retention --json")),
    ("doctor", "doctor:doctor", ("ml-connector doctor", "ml-connector doctor north --json")),
    ("mapping", "mapping_draft:mappings", ()),
    ("webhooks", "webhooks:webhooks", ()),
    ("audit", "audit:audits", ()),
    ("vault", "keeping:vaults", ()),
    ("user", "users:people", ()),
    ("token", "users:programs", ()),
    (
        "sandbox",
        "sandbox:sandbox",
        (
            "ml-connector sandbox --connection-file sandbox.toml",
            "ml-connector sandbox --ifs-port 8441 --procore-port 8442 --seed 7 --orders 300",
        ),
    ),
    ("play", "play:plays", ()),
    ("serve", "serving:serve_all", ("ml-connector serve", "ml-connector serve --host 0.0.0.0 --port 8480 --slots 8")),
    ("door", "serving:door", ("ml-connector door --host 0.0.0.0",)),
    ("worker", "serving:worker", ("ml-connector worker", "ml-connector worker --slots 8")),
    ("jobs", "jobs:jobs", ()),
    (
        "now",
        "jobs:now",
        ("ml-connector now north", "ml-connector now north purchase_orders vendors --wait"),
    ),
    ("demo", "demo:demo", ("ml-connector demo", "ml-connector demo --once")),
    ("backup", "keeping:backup", ("ml-connector backup", "ml-connector backup /srv/backups/today.backup")),
    ("restore", "keeping:restore", ("ml-connector restore today.backup --replace",)),
    (
        "upgrade",
        "keeping:upgrade",
        ("ml-connector upgrade --dry-run", "ml-connector upgrade --backup before.backup"),
    ),
)
"""Every command or group of commands: its name, `module:what` in this room, and the examples of its help.

Only the module of the command that was typed is loaded: a sync need not wait for the sandbox, or the door, to load.
"""


def commands(only: str = "") -> typer.Typer:
    """The commands, ready to be run: all of them, or the one called `only`."""
    made = group(
        "Joins IFS Cloud and Procore: purchase orders, vendors and cost codes, once, explained and replayable.",
        "ml-connector demo",
        "ml-connector init",
        "ml-connector connection add north --from north.toml",
        "ml-connector check north",
        "ml-connector plan north",
        "ml-connector sync north",
        "ml-connector sync north --json | jq .flows",
    )
    made.callback()(_root)
    for name, where, examples in COMMANDS:
        if only in ("", name):
            module, _, what = where.partition(":")
            found = getattr(import_module(f"ml_connector.cli.{module}"), what)
            if isinstance(found, typer.Typer):
                made.add_typer(found, name=name)
            else:
                command(made, name, *examples)(found)
    return made


def _say_version(asked: bool) -> None:
    if asked:
        try:
            number = version("ml-connector")
        except PackageNotFoundError:
            number = "unknown, not installed"
        typer.echo(f"ml-connector {number}")
        raise typer.Exit


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
    first = words[0] if words else ""
    app = commands(first if first in {name for name, _, _ in COMMANDS} else "")
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
