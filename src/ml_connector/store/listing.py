"""The end of a statement that lists: its order and its page, from columns that are allowed and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from ml_connector.kernel.errors import BadInput


def ordered(columns: Mapping[str, str], sort: str, *, down: bool, otherwise: str, unique: str = "id") -> str:
    """`ORDER BY` for a list sorted by one of `columns` (key to expression), or in its own order (`otherwise`).

    `unique` makes the order whole, so that no row is on two pages. BadInput for a key that is none of them.
    """
    if not sort:
        return f" ORDER BY {otherwise}"
    if sort not in columns:
        raise BadInput(f"The list cannot be sorted by {sort!r}.", remedy=f"Sort by {', '.join(columns)}.")
    way = "DESC" if down else "ASC"
    return f" ORDER BY {columns[sort]} {way} NULLS LAST, {unique} {way}"


def paged(page: int, size: int) -> str:
    """`LIMIT` and `OFFSET` of a page, with one row more than it takes: its presence says that another page follows."""
    return f" LIMIT {int(size) + 1} OFFSET {(int(page) - 1) * int(size)}"


def like(words: str) -> list[str]:
    """A pattern for `ILIKE ALL (...)` from what a person typed: every word somewhere; none for an empty text."""
    marks = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})
    return [f"%{word.translate(marks)}%" for word in words.replace("\x00", "").split()]
