"""Evidence lies in months: a month is made ahead, filled, and dropped as a whole when its days are over.

Two rows of months stand side by side in each table: what went over the wire, and the inputs of decisions, which last
as long as the runs they belong to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk

_LOCK = 0x6D6C6304
_TABLES = {
    "evidence": ("PRIMARY KEY (hash)", "WITH (toast_tuple_target = 8160)"),
    "exchanges": ("PRIMARY KEY (id)", ""),
}
"""Partitioned tables, with the key and the storage of each of their months."""
_INDEXES: Mapping[str, tuple[str, ...]] = {
    "evidence": (),
    "exchanges": ("(run_id, id)", "USING gin (intent_ids) WHERE intent_ids <> '{}'"),
}
"""Indexes of each month. Few exchanges carry intents: the second one leads from a step to what was sent for it."""
_NAME = r"^(evidence|exchanges)(_lasting)?_(\d{4})_(\d{2})$"


class Month(msgspec.Struct, frozen=True, order=True):
    """One partition: which table, which month, and whether it holds the inputs of decisions."""

    table: str
    lasting: bool
    first: date
    """First day of the month, in UTC."""

    @property
    def name(self) -> str:
        """Its own name as a table."""
        return f"{self.table}{'_lasting' if self.lasting else ''}_{self.first:%Y_%m}"

    @property
    def end(self) -> date:
        """First day of the month after it."""
        return following(self.first)


def month_of(moment: datetime | date) -> date:
    """First day of the month a moment lies in. A moment must be in UTC."""
    return date(moment.year, moment.month, 1)


def following(first: date) -> date:
    """First day of the next month."""
    return month_of(first + timedelta(days=31))


def make_months(conn: Connection, firsts: Iterable[date]) -> list[str]:
    """Makes what is missing of some months, given by their first days; the names of what was made.

    Whoever comes first makes them; readers, writers and a backup under way are not held up. They are there for others
    once the transaction ends.
    """
    wanted = [Month(table, lasting, first) for first in sorted(set(firsts)) for table in _TABLES for lasting in _BOTH]
    missing = _missing(conn, wanted)
    if not missing:
        return []
    bulk.fetch(conn, "SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    missing = _missing(conn, wanted)
    for month in missing:
        # made apart and attached: made in place it would wait for every reader of the whole table, and block it
        key, storage = _TABLES[month.table]
        like = f"LIKE {month.table} INCLUDING DEFAULTS INCLUDING STORAGE"
        bulk.run(conn, f"CREATE TABLE {month.name} ({like}, {key}) {storage}")
        for columns in _INDEXES[month.table]:
            bulk.run(conn, f"CREATE INDEX ON {month.name} {columns}")
        begin, end = ((month.lasting, first.isoformat()) for first in (month.first, month.end))
        bounds = " TO ".join(f"({str(lasting).lower()}, '{first}{_at(month)}')" for lasting, first in (begin, end))
        bulk.run(conn, f"ALTER TABLE {month.table} ATTACH PARTITION {month.name} FOR VALUES FROM {bounds}")
    return [month.name for month in missing]


def months(conn: Connection) -> list[Month]:
    """Every month there is, by table and age."""
    sql = """
        SELECT m[1], m[2] IS NOT NULL, make_date(m[3]::int, m[4]::int, 1)
        FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid, regexp_match(c.relname, %s) AS m
        WHERE h.inhparent = ANY(%s::regclass[]) AND m IS NOT NULL ORDER BY 1, 2, 3
    """
    return [Month(*row) for row in bulk.fetch(conn, sql, (_NAME, list(_TABLES)))]


def drop_month(conn: Connection, month: Month) -> int:
    """Drops a month with all its rows; the bytes that became free.

    It needs the whole table for a moment and waits two seconds for it at most, so that writers never queue behind it:
    psycopg's LockNotAvailable, translated as Locked, means that somebody reads just then.
    """
    bulk.run(conn, "SET LOCAL lock_timeout = '2s'")
    row = bulk.fetch_one(conn, "SELECT pg_total_relation_size(to_regclass(%s))", (month.name,))
    bulk.run(conn, f"DROP TABLE IF EXISTS {month.name}")
    return int(row[0] or 0) if row else 0


def sizes(conn: Connection) -> list[tuple[Month, int]]:
    """Every month with its bytes on disk, indexes included."""
    found = months(conn)
    sql = "SELECT n.name, pg_total_relation_size(n.name::regclass) FROM unnest(%b::text[]) AS n (name)"
    size: dict[str, int] = dict(bulk.fetch(conn, sql, ([month.name for month in found],)))
    return [(month, int(size[month.name])) for month in found]


_BOTH = (False, True)


def _missing(conn: Connection, wanted: list[Month]) -> list[Month]:
    # asks the catalog itself: what a session remembers of names that were not there may be out of date
    there = set(months(conn))
    return [month for month in wanted if month not in there]


def _at(month: Month) -> str:
    """What turns a day into the type of the table's key."""
    return " 00:00:00+00" if month.table == "exchanges" else ""
