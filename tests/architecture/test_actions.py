"""Every action of the console and the API is a command as well, and every page is declared with a right that exists."""

from __future__ import annotations

import click
import pytest
import typer

from ml_connector.actions.action import Action
from ml_connector.actions.table import ACTIONS
from ml_connector.cli.main import commands


@pytest.fixture(scope="module")
def root() -> click.Command:
    """The command line, all of it."""
    return typer.main.get_command(commands())


def test_there_are_actions_and_each_is_there_once() -> None:
    assert len(ACTIONS) > 40
    assert len({action.name for action in ACTIONS}) == len(ACTIONS)
    assert len({(action.method, action.path) for action in ACTIONS}) == len(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_an_action_is_a_command(root: click.Command, action: Action) -> None:
    found = root
    words = [word for word in action.command.split() if not word.startswith("-")]
    for place, word in enumerate(words):
        inner = getattr(found, "commands", None)
        if inner is None:
            assert place, action.command
            break  # the rest are its arguments
        assert word in inner, f"{action.name}: there is no command {' '.join(words[: place + 1])!r}"
        found = inner[word]
    assert getattr(found, "commands", None) is None, f"{action.name}: {action.command!r} is a group, not a command"


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_an_action_says_what_it_does_and_what_it_takes(action: Action) -> None:
    assert action.sentence.endswith(".")
    assert action.name.count(".") == 1
    fields = set(action.takes.__struct_fields__)
    named = {part.strip("{}") for part in action.path.split("/") if part.startswith("{")}
    assert named <= fields, f"{action.name}: its path names what it does not take"
