"""Moves what the database stamped to the moments of another clock: for the demo, whose month is told in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ml_connector.store import bulk, partitions

_STAMPS = {
    "runs": ("started_at", "finished_at"),
    "run_progress": ("at",),
    "plans": ("made_at", "first_at", "approved_at"),
    "holds": ("since", "released_at"),
    "intent_states": ("sent_at", "settled_at"),
    "exchanges": ("at",),
    "links": ("at",),
    "names": ("at",),
    "placements": ("at",),
    "rulings": ("at",),
    "mapping_versions": ("created_at",),
    "exposures": ("at",),
    "watermarks": ("at",),
    "identities": ("bound_at",),
}
"""Tables with the columns that the database fills; the audit trail is not among them: it has the clock's own time."""
_SHIFTED = """
    {0} + coalesce((
        SELECT m.ahead FROM unnest(%(set)b::timestamptz[], %(ahead)b::interval[]) AS m (set_at, ahead)
        WHERE m.set_at <= {0} AND {0} <= %(until)s ORDER BY m.set_at DESC LIMIT 1
    ), interval '0')
"""


def backdate(conn: Connection, moves: Sequence[tuple[datetime, timedelta]], until: datetime) -> None:
    """Moves each stamp between the first of `moves` and `until` by what the other clock was ahead at that moment.

    `moves` are the moments at which that clock was set, oldest first, each with how far it was ahead from then on.
    """
    if not moves:
        return
    given = {"set": [one for one, _ in moves], "ahead": [ahead for _, ahead in moves], "until": until}
    firsts = {partitions.month_of(moment + ahead) for moment, ahead in moves}
    partitions.make_months(conn, firsts)
    for table, columns in _STAMPS.items():
        shifted = ", ".join(f"{column} = {_SHIFTED.format(f'{table}.{column}')}" for column in columns)
        touched = " OR ".join(f"{column} BETWEEN %(first)s AND %(until)s" for column in columns)
        bulk.run_named(conn, f"UPDATE {table} SET {shifted} WHERE {touched}", {**given, "first": moves[0][0]})
