"""What commands print: tables with colour on a terminal, plain columns in a pipe, one JSON value with --json."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_STYLES = {
    "ok": "green",
    "done": "green",
    "pass": "green",
    "FAIL": "bold red",
    "failed": "bold red",
    "refused": "red",
    "unknown": "red",
    "running": "cyan",
    "stopped": "yellow",
    "waiting": "yellow",
    "planned": "cyan",
}


class Output:
    """Where answers go. `as_json` prints one JSON value and nothing else; a terminal gets colour and tables."""

    def __init__(self, stream: TextIO, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._stream = stream
        self.fancy = stream.isatty() and not as_json and os.environ.get("TERM") != "dumb"
        self._console = Console(file=stream, highlight=False, soft_wrap=True)

    def answer(self, form: Any, human: Callable[[Output], None]) -> None:
        """The answer of a command: `form` as JSON, or whatever `human` prints for people."""
        if self.as_json:
            self._stream.write(encoded(form, indent=2 if self._stream.isatty() else 0) + "\n")
            self._stream.flush()
        else:
            human(self)

    def line(self, text: str = "", style: str = "") -> None:
        """One line; never wrapped, so that addresses and commands can be copied. In a pipe it is seen at once, too."""
        if self.fancy:
            self._console.print(Text(clean(text), style=style))
        elif not self.as_json:
            self._stream.write(clean(text) + "\n")
            self._stream.flush()

    def heading(self, text: str) -> None:
        """A line that opens a part."""
        self.line()
        self.line(text, "bold cyan")

    def raw(self, text: str) -> None:
        """Text as it is: an exported file."""
        self._stream.write(text if text.endswith("\n") else text + "\n")

    def facts(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Names and values, one pair a line, values aligned."""
        rows = [(name, shown(value)) for name, value in pairs]
        width = max((len(name) for name, _ in rows), default=0)
        for name, value in rows:
            if self.fancy:
                self._console.print(Text.assemble((f"{name:<{width}}  ", "dim"), value))
            else:
                self.line(f"{name:<{width}}  {value}".rstrip())

    def table(
        self, headers: Sequence[str], rows: Iterable[Sequence[object]], *, right: Collection[str] = (), empty: str = ""
    ) -> None:
        """A table; columns named in `right` are aligned right. `empty` is said when there are no rows."""
        cells = [[shown(value) for value in row] for row in rows]
        if not cells:
            if empty:
                self.line(empty)
            return
        if self.fancy:
            self._fancy_table(headers, cells, right)
        else:
            self._plain_table(headers, cells, right)

    def _fancy_table(self, headers: Sequence[str], cells: list[list[str]], right: Collection[str]) -> None:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        for header in headers:
            table.add_column(Text(header), justify="right" if header in right else "left", overflow="fold")
        for row in cells:
            table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
        self._console.print(table, soft_wrap=False)

    def _plain_table(self, headers: Sequence[str], cells: list[list[str]], right: Collection[str]) -> None:
        every = [[header.upper() for header in headers], *cells]
        widths = [max(len(row[place]) for row in every) for place in range(len(headers))]
        for row in every:
            parts = [
                cell.rjust(width) if header in right else cell.ljust(width)
                for cell, width, header in zip(row, widths, headers, strict=True)
            ]
            self.line("  ".join(parts).rstrip())


def clean(text: str) -> str:
    """`text` on one line and without control characters: names come from other people's systems."""
    return _CONTROL.sub(" ", text)


def shown(value: object) -> str:
    """A value as people read it: times in this machine's zone, lists with commas, nothing as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {shown(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(inner) for inner in value)
    return clean(str(value))


def encoded(form: Any, *, indent: int = 0) -> str:
    """A form as JSON text; amounts as exact text, times in ISO 8601."""
    body = msgspec.json.encode(form, enc_hook=_plain)
    return (msgspec.json.format(body, indent=indent) if indent else body).decode()


def _plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} has no JSON form.")
