"""The pages say what there is: every command and every exit code has its heading."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from ml_connector.cli.main import commands as every_command
from ml_connector.cli.trouble import EXIT_CODES
from ml_connector.kernel import errors
from ml_connector.kernel.errors import ConnectorError

DOCS = Path(__file__).parents[2] / "docs"
ISSUE = """init; connection add; connection list; connection show; connection edit; connection remove; check; discover;
plan; sync; runs; holds; rule; show po; replay; mapping import; mapping export; mapping check; audit list; audit verify;
vault rotate; sandbox; demo; backup; restore"""


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its full name."""
    for name, command in group.commands.items():
        full = f"{before} {name}".strip()
        if hasattr(command, "commands"):
            yield from commands(command, full)
        else:
            yield full, command


def headings(page: str) -> set[str]:
    """The second-level headings of a page, without backticks."""
    lines = (DOCS / page).read_text().splitlines()
    return {line.removeprefix("## ").strip("`") for line in lines if line.startswith("## ")}


def test_every_command_is_there_and_has_its_page() -> None:
    known = dict(commands(typer.main.get_command(every_command())))
    assert set(known) >= {name.strip() for name in ISSUE.split(";")}
    assert headings("cli.md") == set(known)
    for name, command in known.items():
        assert command.help, name
        assert command.examples, name


def test_every_exit_code_is_there_and_has_its_page() -> None:
    tree = {one.exit_code for one in vars(errors).values() if isinstance(one, type) and issubclass(one, ConnectorError)}
    assert tree <= set(EXIT_CODES)
    assert headings("exit-codes.md") == {str(code) for code in EXIT_CODES}
