"""Versions of the mapping: who saved which and when, and two of them side by side."""

from __future__ import annotations

from typing import Any

import msgspec

from ml_connector.app import App
from ml_connector.kernel.text import counted
from ml_connector.planning.mapping import DEFAULT
from ml_connector.planning.mapping_compare import RowChange, compared
from ml_connector.store import mappings
from ml_connector.views.listing import Column, Listing, Look, listing
from ml_connector.wiring import mapping_of


class VersionsLook(Look, frozen=True, kw_only=True):
    """How the versions of a mapping are asked for."""

    connection: str


class Comparison(msgspec.Struct, frozen=True):
    """Two versions, row by row."""

    connection: str
    older: int
    newer: int
    """0 where the newest is meant and there is none: then the default mapping."""
    changes: list[RowChange]


_LONG = 100_000
"""Characters of a mapping above which a list does not compare it."""

_COLUMNS = (
    Column("version", "Version", "number"),
    Column("at", "Saved", "moment"),
    Column("actor", "By", "text"),
    Column("changes", "Changes", "text"),
    Column("state", "State", "state"),
)


def versions(app: App, look: VersionsLook) -> Listing:
    """The versions of a mapping, newest first, with what each changed in a few words."""
    row = app.connection(look.connection)
    with app.db.begin() as conn:
        found = mappings.page(conn, row.id, look.page, look.size + 1)
    rows: list[dict[str, Any]] = []
    for place, one in enumerate(found[: look.size + 1]):
        before = found[place + 1] if place + 1 < len(found) else None
        newest = look.page == 1 and place == 0
        rows.append(
            {
                "version": one.version,
                "at": one.created_at,
                "actor": one.actor,
                "changes": _told(before.toml if before else "", one.toml) if before or one.version == 1 else "",
                "state": "in use" if newest else "earlier",
            }
        )
    return listing(_COLUMNS, rows, look)


def compare(app: App, connection: str, older: int, newer: int) -> Comparison:
    """What the newer of two versions changed; NothingSuchHere when one does not exist."""
    row = app.connection(connection)
    with app.db.begin() as conn:
        before, after = (mappings.get(conn, row.id, number) for number in (older, newer))
    return Comparison(connection, older, newer, compared(mapping_of(before.toml), mapping_of(after.toml)))


def _told(before: str, after: str) -> str:
    """`2 rows added, 1 row changed`; of the first version how many rows it began with."""
    if max(len(before), len(after)) > _LONG:
        return "compare to see"
    old = mapping_of(before) if before else DEFAULT
    counts: dict[str, int] = {}
    for one in compared(old, mapping_of(after)):
        counts[one.what] = counts.get(one.what, 0) + 1
    if not counts:
        return "nothing" if before else "as it comes"
    return ", ".join(
        f"{counted(number, 'setting')} changed" if what == "setting" else f"{counted(number, 'row')} {what}"
        for what, number in counts.items()
    )
