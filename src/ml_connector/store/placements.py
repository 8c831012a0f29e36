"""Where each supplier invoice line stands in the projects system: one place, claimed before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.keys import Key
from ml_connector.store import bulk


class Claim(msgspec.Struct, frozen=True):
    """One invoice line and the record that is to have it."""

    invoice: str
    line: str
    record: Key


def claim(conn: Connection, connection_id: int, claims: Sequence[Claim]) -> list[Claim]:
    """Claims places for lines that have none; the claims that came too late, as they stand (another record has them).

    The table's key makes a second place impossible, whoever asks at the same moment.
    """
    if not claims:
        return []
    columns: list[list[str]] = [
        [one.invoice for one in claims],
        [one.line for one in claims],
        [one.record.kind for one in claims],
        [one.record.id for one in claims],
    ]
    sql = """
        INSERT INTO placements (connection_id, invoice, line, kind, record)
        SELECT DISTINCT ON (n.invoice, n.line) %s::int8, n.invoice, n.line, n.kind, n.record
        FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[]) AS n (invoice, line, kind, record)
        ON CONFLICT (connection_id, invoice, line) DO NOTHING
    """
    bulk.run(conn, sql, (connection_id, *columns))
    stand = placed(conn, connection_id, {one.invoice for one in claims})
    return [
        msgspec.structs.replace(one, record=stand[one.invoice, one.line])
        for one in claims
        if stand[one.invoice, one.line] != one.record
    ]


def placed(conn: Connection, connection_id: int, invoices: Iterable[str]) -> dict[tuple[str, str], Key]:
    """The record that has each placed line of some invoices, by (invoice, line)."""
    sql = "SELECT invoice, line, kind, record FROM placements WHERE connection_id = %s AND invoice = ANY(%b)"
    rows = bulk.fetch(conn, sql, (connection_id, sorted(set(invoices))))
    return {(invoice, line): Key(kind, record) for invoice, line, kind, record in rows}


def release(conn: Connection, connection_id: int, records: Iterable[Key]) -> int:
    """Frees the lines of records that did not come to be, corrections included; how many there were."""
    wanted = sorted(set(records))
    sql = """
        DELETE FROM placements p
        USING unnest(%b::text[], %b::text[]) AS n (kind, record)
        WHERE p.connection_id = %s AND p.kind = n.kind AND p.record = n.record
          AND NOT EXISTS (SELECT 1 FROM links l
                          WHERE l.connection_id = p.connection_id AND l.kind = p.kind
                            AND regexp_replace(l.erp_id, '~[cr][0-9]+$', '') = p.record)
    """
    return bulk.run(conn, sql, ([key.kind for key in wanted], [key.id for key in wanted], connection_id))


def any_placed(conn: Connection, connection_id: int) -> bool:
    """Whether any invoice line has a place."""
    sql = "SELECT 1 FROM placements WHERE connection_id = %s LIMIT 1"
    return bulk.fetch_one(conn, sql, (connection_id,)) is not None


def all_places(conn: Connection, connection_id: int) -> list[Claim]:
    """Every placed line, by invoice and line: what the exposure is worked out from."""
    sql = "SELECT invoice, line, kind, record FROM placements WHERE connection_id = %s ORDER BY invoice, line"
    rows = bulk.fetch(conn, sql, (connection_id,))
    return [Claim(invoice, line, Key(kind, record)) for invoice, line, kind, record in rows]
