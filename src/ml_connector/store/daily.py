"""What was moved and what was held, day by day: a few small rows a day, so that thirty days are read at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk


class DayRow(msgspec.Struct, frozen=True):
    """One day of one connection; with an empty `currency` numbers of records, else money."""

    day: date
    currency: str
    moved: Decimal
    """What went over on that day."""
    held: Decimal
    """What was held at the end of the last run of that day; money whatever its sign."""


def note(conn: Connection, connection_id: int, day: date, records: int, money: Mapping[str, Decimal]) -> None:
    """Adds what a run moved on its day, and writes down what is held now: records, and money by currency."""
    moved = {"": Decimal(records), **money}
    sql = """
        WITH held AS (
            SELECT currency, sum(abs(amount)) AS held FROM holds
            WHERE connection_id = %(c)s AND released_at IS NULL AND currency <> '' GROUP BY 1
            UNION ALL
            SELECT '', count(*) FROM holds WHERE connection_id = %(c)s AND released_at IS NULL
        ), moved AS (SELECT * FROM unnest(%(currencies)b::text[], %(moved)b::numeric[]) AS m (currency, moved)),
        known AS (SELECT currency FROM daily WHERE connection_id = %(c)s AND day = %(day)s),
        every AS (SELECT currency FROM held UNION SELECT currency FROM moved UNION SELECT currency FROM known)
        INSERT INTO daily AS d (connection_id, day, currency, moved, held)
        SELECT %(c)s, %(day)s, e.currency, coalesce(m.moved, 0), coalesce(h.held, 0)
        FROM every e LEFT JOIN held h USING (currency) LEFT JOIN moved m USING (currency)
        ON CONFLICT (connection_id, day, currency) DO UPDATE SET moved = d.moved + excluded.moved, held = excluded.held
    """
    values = {"c": connection_id, "day": day, "currencies": list(moved), "moved": list(moved.values())}
    bulk.run_named(conn, sql, values)


def days(conn: Connection, connection_id: int, since: date) -> list[DayRow]:
    """The days of a connection from `since` on that have a row, in order, then by currency."""
    sql = "SELECT day, currency, moved, held FROM daily WHERE connection_id = %s AND day >= %s ORDER BY 1, 2"
    return [DayRow(*row) for row in bulk.fetch(conn, sql, (connection_id, since))]
