"""Lists as every page and program asks for them and gets them: sorted, filtered, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec

MOST_ROWS = 500
"""Rows one page may have."""
MOST_EXPORTED = 100_000
"""Rows an export may have; an audit trail, which may be longer, has an export of its own."""

PageNumber = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
PageSize = Annotated[int, msgspec.Meta(ge=1, le=MOST_ROWS)]
Words = Annotated[str, msgspec.Meta(max_length=200)]
"""What a person types to search or filter."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How a list is asked for. A list with filters adds a field for each, with a default that filters nothing."""

    sort: Words = ""
    """Key of the column to sort by; empty for the list's own order."""
    down: bool = False
    """Whether the largest comes first."""
    page: PageNumber = 1
    size: PageSize = 50
    q: Words = ""
    """Words every row must have somewhere."""


class Column(msgspec.Struct, frozen=True):
    """One column. Cells of kind money are None or {"amount": exact text, "currency": ISO 4217}; moments are aware."""

    key: str
    title: str
    kind: Literal["text", "money", "number", "moment", "state", "link", "code"] = "text"
    sortable: bool = False


class Listing(msgspec.Struct, frozen=True):
    """One page of a list. `more`: whether another page follows."""

    columns: tuple[Column, ...]
    rows: list[dict[str, Any]]
    look: dict[str, Any]
    """How it was asked for, by field, so that links to the next page and to other orders can be made."""
    more: bool = False
    choices: dict[str, list[str]] = {}
    """Filter field to the values a person may choose from; a filter without choices is typed."""


def listing(
    columns: Iterable[Column],
    rows: Iterable[Mapping[str, Any]],
    look: Look,
    choices: Mapping[str, Iterable[str]] | None = None,
) -> Listing:
    """A page from rows of which there may be one more than the page takes: that one only says that more follow."""
    found = [dict(row) for row in rows]
    return Listing(
        columns=tuple(columns),
        rows=found[: look.size],
        look=msgspec.structs.asdict(look),
        more=len(found) > look.size,
        choices={name: list(values) for name, values in (choices or {}).items()},
    )


def money(amount: Any, currency: str) -> dict[str, str] | None:
    """A cell of money from an exact amount; None where there is none."""
    return None if amount is None or not currency else {"amount": str(amount), "currency": currency}
