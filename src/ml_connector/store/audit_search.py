"""The audit trail as people search it: every filter, alone and with others, is quick in a trail of a million rows.

Pages go by the number of the row. A time is turned into numbers first, with an hour to spare on both sides: rows are
written in order, but the clocks of the processes that write them may differ a little.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.keys import Key
from ml_connector.store import bulk
from ml_connector.store.audit import AuditEntry, AuditRow

SPARE = timedelta(hours=1)
"""By how much clocks may differ."""
CHOICES = 300
"""How many names are offered to choose from at most."""


class Sought(msgspec.Struct, frozen=True):
    """Which rows of a chain; what is empty (0, None) filters nothing."""

    connection_id: int
    actor: str = ""
    tag: str = ""
    record: str = ""
    """Id of a record, of whatever kind."""
    run: int = 0
    since: datetime | None = None
    until: datetime | None = None
    """The first moment that is too late."""
    above: int = 0
    """Only rows of a higher number."""
    below: int = 0
    """Only rows of a lower number."""
    keys: tuple[Key, ...] = ()
    """Other records whose rows are wanted as well: those a number stands for."""


def rows(
    conn: Connection, sought: Sought, beyond: int | None = None, limit: int = 100, *, oldest: bool = False
) -> list[AuditRow]:
    """The latest rows, newest first, below number `beyond`; with `oldest` the first ones, oldest first, above it."""
    wheres: list[str] = ["connection_id = %s"]
    values: list[object] = [sought.connection_id]
    low, high = _numbers(conn, sought)
    given: list[tuple[str, object]] = [
        ("seq > %s" if oldest else "seq < %s", beyond),
        ("seq > %s", sought.above),
        ("seq < %s", sought.below),
        ("actor = %s", sought.actor),
        ("tag = %s", sought.tag),
        ("run_id = %s AND run_id <> 0", sought.run),
        ("at >= %s", sought.since),
        ("at < %s", sought.until),
        ("seq >= %s", low),
        ("seq <= %s", high),
    ]
    for where, value in given:
        if value:
            wheres.append(where)
            values.append(value)
    about, which = _about(sought)
    wheres += about
    values += which
    sql = f"""
        SELECT seq, at, actor, tag, kind, erp_id, run_id, details, hash FROM audit
        WHERE {" AND ".join(wheres)} ORDER BY seq {"ASC" if oldest else "DESC"} LIMIT %s
    """
    return [AuditRow(row[0], AuditEntry(*row[1:8]), row[8]) for row in bulk.fetch(conn, sql, [*values, limit])]


def _about(sought: Sought) -> tuple[list[str], list[object]]:
    """Which records the rows are about, as conditions and their values; none where any will do."""
    if not sought.record:
        return [], []
    if not sought.keys:
        return ["erp_id = %s AND erp_id <> ''"], [sought.record]
    ids = [key.id for key in sought.keys]
    some = "erp_id <> '' AND erp_id = ANY(%b)"
    exact = "(erp_id = %s OR (kind, erp_id) IN (SELECT * FROM unnest(%b::text[], %b::text[])))"
    return [some, exact], [sorted({sought.record, *ids}), sought.record, [key.kind for key in sought.keys], ids]


def choices(conn: Connection, connection_id: int, column: Literal["actor", "tag"]) -> list[str]:
    """Every actor or tag of a chain, in order; found by leaps over the index, so that its length does not matter."""
    sql = f"""
        WITH RECURSIVE leap AS (
            (SELECT {column} AS word FROM audit WHERE connection_id = %(c)s ORDER BY {column} LIMIT 1)
            UNION ALL
            SELECT (SELECT {column} FROM audit WHERE connection_id = %(c)s AND {column} > leap.word
                    ORDER BY {column} LIMIT 1)
            FROM leap WHERE leap.word IS NOT NULL
        )
        SELECT word FROM leap WHERE word IS NOT NULL LIMIT {CHOICES}
    """
    return [row[0] for row in bulk.fetch_named(conn, sql, {"c": connection_id})]


def _numbers(conn: Connection, sought: Sought) -> Iterator[int | None]:
    """Between which numbers all rows of the time looked for are; None for an end that is open."""
    sql = "SELECT seq FROM audit WHERE connection_id = %s AND at {} %s ORDER BY at {}, seq LIMIT 1"
    for moment, sign, way, nothing in ((sought.since, ">=", "ASC", 2**62), (sought.until, "<", "DESC", -1)):
        if moment is None:
            yield None
            continue
        edge = moment - SPARE if sign == ">=" else moment + SPARE
        row = bulk.fetch_one(conn, sql.format(sign, way), (sought.connection_id, edge))
        yield int(row[0]) if row else nothing
