"""The rows of a table of the policies as a form has them: two fields each, and a box that takes the row away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest
from typing import Any, NamedTuple

from ml_connector.kernel.errors import BadInput

_LEFT, _RIGHT, _GONE = "l:", "r:", "x:"
"""How the names of the fields of a row begin, before the path of its entry."""


class Row(NamedTuple):
    """One row as it was typed."""

    left: str
    right: str
    gone: bool = False
    """Whether it is to be taken away."""


def rows_in(names: Iterable[str], fields: Callable[[str], list[str]]) -> dict[str, list[Row]]:
    """The rows that were typed, by the path of their entry; `names` are those of the fields of a form, `fields` gives
    every value of a name."""
    found = {}
    for path in dict.fromkeys(name[len(_LEFT) :] for name in names if name.startswith((_LEFT, _RIGHT))):
        gone = set(fields(f"{_GONE}{path}"))
        pairs = zip_longest(fields(f"{_LEFT}{path}"), fields(f"{_RIGHT}{path}"), fillvalue="")
        found[path] = [Row(_plain(one), _plain(other), str(at) in gone) for at, (one, other) in enumerate(pairs)]
    return found


def rows_of(text: str) -> list[Row]:
    """The rows of a table that is written a line each, `left = right`."""
    parts = (line.partition(" = ") for line in text.splitlines() if line.strip())
    return [Row(left.strip(), right.strip()) for left, _, right in parts]


def text_of(rows: Iterable[Row]) -> str:
    """Whole rows a line each, `left = right`, in order; those that are to go, or lack a side, are left out."""
    return "\n".join(sorted(f"{row.left} = {row.right}" for row in rows if row.left and row.right and not row.gone))


def check_rows(
    rows: Mapping[str, list[Row]], typed: Mapping[str, str], entries: Callable[[], Mapping[str, Any]]
) -> None:
    """BadInput for a row that lacks a side, or whose left side cannot be kept. `typed` are the entries that were
    changed, `entries` gives every entry by its path."""
    for path, some in rows.items():
        for number, row in enumerate((one for one in some if one.left or one.right), 1):
            if row.gone:
                continue
            if row.left and row.right and not ("=" in row.left and path in typed):
                continue
            entry = entries().get(path)
            if entry is None:
                raise BadInput("There is no such table.", remedy="Open the page again.")
            where = f"Row {number} of {entry.title}"
            if not row.left or not row.right:
                lacks = entry.right if row.left else entry.left
                raise BadInput(f"{where} has no {_within(lacks)}.", remedy="Fill it in, or empty the row.")
            raise BadInput(
                f"{where}: {row.left[:40]!r} has an equals sign in it.",
                remedy=f"Write the {_within(entry.left)} without it.",
            )


def _plain(text: str) -> str:
    return " ".join(text.split())


def _within(name: str) -> str:
    """The name of a column as it stands within a sentence."""
    return name if name[:2].isupper() else name[:1].lower() + name[1:]
