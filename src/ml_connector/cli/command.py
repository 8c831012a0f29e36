"""How commands are declared: a name, examples that the help shows, and the options every command takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

_Function = TypeVar("_Function", bound=Callable[..., Any])

_WIDE = {"max_content_width": 110}

EVERYWHERE = {
    "--json": "Print one JSON value on standard output, errors as JSON on standard error.",
    "--verbose": "Log every detail on standard error.",
}
"""Options that may stand anywhere on the line, after any command."""


class Command(TyperCommand):
    """A command whose help ends with examples."""

    examples: ClassVar[Sequence[str]] = ()

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help as Typer writes it, then examples and the options every command takes."""
        super().format_help(ctx, formatter)
        formatter.write(closing(self.examples))


class Group(TyperGroup):
    """A group of commands whose help ends with examples."""

    examples: ClassVar[Sequence[str]] = ()

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help as Typer writes it, then examples and the options every command takes."""
        super().format_help(ctx, formatter)
        formatter.write(closing(self.examples))


def command(group: typer.Typer, name: str, *examples: str) -> Callable[[_Function], _Function]:
    """Declares a command of a group; its function's docstring is its help."""
    return group.command(name, context_settings=_WIDE, cls=type("Command", (Command,), {"examples": examples}))


def group(about: str, *examples: str) -> typer.Typer:
    """A group of commands; without a command it prints its help."""
    shown = type("Group", (Group,), {"examples": examples})
    return typer.Typer(
        help=about, cls=shown, no_args_is_help=True, context_settings=_WIDE, pretty_exceptions_enable=False
    )


def closing(examples: Sequence[str]) -> str:
    """The last part of a help page."""
    lines = ["", " Every command also takes:"]
    lines += [f"   {name:<10} {about}" for name, about in EVERYWHERE.items()]
    if examples:
        lines += ["", " Examples:", *(f"   {example}" for example in examples)]
    return "\n".join([*lines, ""])
