"""What we know of the rows we read: their fingerprints, whether they are still there, and where a reading stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk


class Seen(msgspec.Struct, frozen=True):
    """Under what a batch of source rows was decided: whose they are, what kind, which run, which mapping version."""

    connection_id: int
    kind: str
    run_id: int
    mapping_version: int


def known(
    conn: Connection, connection_id: int, kind: str, ids: Sequence[str], mapping_version: int
) -> dict[str, bytes]:
    """Fingerprints of those of `ids` that need no new look while their fingerprint stays the same.

    Left out, so that they are looked at again: rows never decided or decided with another mapping version, rows that
    were gone, and rows about which something is held or not yet settled.
    """
    sql = """
        SELECT r.erp_id, r.fingerprint FROM source_rows r
        WHERE r.connection_id = %s AND r.kind = %s AND r.erp_id = ANY(%b) AND r.mapping_version = %s AND r.open
          AND NOT EXISTS (SELECT 1 FROM holds h
                          WHERE h.connection_id = r.connection_id AND h.source = r.erp_id AND h.released_at IS NULL)
          AND NOT EXISTS (SELECT 1 FROM intents i JOIN intent_states s ON s.id = i.id
                          WHERE i.connection_id = r.connection_id AND i.source = r.erp_id
                            AND s.state IN ('planned', 'sending', 'unknown', 'waiting'))
    """
    return dict(bulk.fetch(conn, sql, (connection_id, kind, list(ids), mapping_version)))


def put_fingerprints(conn: Connection, seen: Seen, rows: Mapping[str, bytes]) -> None:
    """Writes down the fingerprints rows were decided with, and that they are there."""
    if not rows:
        return
    sql = """
        INSERT INTO source_rows (connection_id, kind, mapping_version, run_id, erp_id, fingerprint)
        SELECT %s, %s, %s, %s, * FROM unnest(%b::text[], %b::bytea[])
        ON CONFLICT (connection_id, kind, erp_id) DO UPDATE
        SET fingerprint = excluded.fingerprint, mapping_version = excluded.mapping_version,
            run_id = excluded.run_id, open = true
    """
    values = (seen.connection_id, seen.kind, seen.mapping_version, seen.run_id, list(rows), list(rows.values()))
    bulk.run(conn, sql, values)


def decided_by(conn: Connection, connection_id: int, kinds: Collection[str], document: str) -> int:
    """The run that last decided a document of some kinds and found it at rest; 0 when none did."""
    sql = "SELECT max(run_id) FROM source_rows WHERE connection_id = %s AND kind = ANY(%b) AND erp_id = %s"
    row = bulk.fetch_one(conn, sql, (connection_id, list(kinds), document))
    return int(row[0] or 0) if row else 0


def open_ids(conn: Connection, connection_id: int, kind: str) -> set[str]:
    """Ids of the rows that were there when last looked."""
    sql = "SELECT erp_id FROM source_rows WHERE connection_id = %s AND kind = %s AND open"
    return {row[0] for row in bulk.fetch(conn, sql, (connection_id, kind))}


def mark_missing(conn: Connection, connection_id: int, kind: str, ids: Iterable[str]) -> int:
    """Notes that rows are gone from the source (closed, or out of sight); how many were there before."""
    sql = """
        UPDATE source_rows SET open = false WHERE connection_id = %s AND kind = %s AND erp_id = ANY(%b) AND open
    """
    return bulk.run(conn, sql, (connection_id, kind, list(ids)))


def look_again_at_all(conn: Connection, connection_id: int) -> None:
    """Has every document decided anew by the next run: what it was decided with no longer holds."""
    bulk.run(conn, "UPDATE source_rows SET mapping_version = -1 WHERE connection_id = %s", (connection_id,))


def look_again(conn: Connection, connection_id: int, kind: str, ids: Collection[str]) -> None:
    """Has rows looked at anew by the next run, whatever their fingerprints say, and even once the erp lists them no
    more: an order cancelled while its steps were on their way must not be lost."""
    if not ids:
        return
    sql = """
        INSERT INTO source_rows (connection_id, kind, mapping_version, run_id, erp_id, fingerprint)
        SELECT %s, %s, 0, 0, erp_id, '' FROM unnest(%b::text[]) AS n (erp_id)
        ON CONFLICT (connection_id, kind, erp_id) DO UPDATE SET fingerprint = '', open = true
    """
    bulk.run(conn, sql, (connection_id, kind, sorted(ids)))


def settled_ids(conn: Connection, connection_id: int, kind: str) -> set[str]:
    """Rows that came to rest once, whether or not they changed since, and that are there."""
    sql = "SELECT erp_id FROM source_rows WHERE connection_id = %s AND kind = %s AND fingerprint <> '' AND open"
    return {row[0] for row in bulk.fetch(conn, sql, (connection_id, kind))}


def unsettled_ids(conn: Connection, connection_id: int, kind: str) -> set[str]:
    """Rows marked by `look_again` that no run has settled since: both sides must be read again."""
    sql = "SELECT erp_id FROM source_rows WHERE connection_id = %s AND kind = %s AND fingerprint = '' AND open"
    return {row[0] for row in bulk.fetch(conn, sql, (connection_id, kind))}


def watermark(conn: Connection, connection_id: int, name: str) -> str | None:
    """Where a reading stands; None before its first end."""
    sql = "SELECT value FROM watermarks WHERE connection_id = %s AND name = %s"
    row = bulk.fetch_one(conn, sql, (connection_id, name))
    return str(row[0]) if row else None


def moved(conn: Connection, connection_id: int, name: str) -> tuple[str, datetime | None]:
    """Where a reading stands, and when it last moved; nothing before its first end."""
    sql = "SELECT value, at FROM watermarks WHERE connection_id = %s AND name = %s"
    row = bulk.fetch_one(conn, sql, (connection_id, name))
    return (str(row[0]), row[1]) if row else ("", None)


def counters(conn: Connection, connection_id: int, prefix: str) -> dict[str, int]:
    """Numbers kept as watermarks under names that begin so, by the rest of the name."""
    sql = (
        "SELECT substr(name, length(%s) + 1), value FROM watermarks WHERE connection_id = %s AND starts_with(name, %s)"
    )
    return {str(name): int(value) for name, value in bulk.fetch(conn, sql, (prefix, connection_id, prefix))}


def marks(conn: Connection, connection_id: int, prefix: str) -> dict[str, str]:
    """Texts kept as watermarks under names that begin so, by the rest of the name."""
    sql = (
        "SELECT substr(name, length(%s) + 1), value FROM watermarks WHERE connection_id = %s AND starts_with(name, %s)"
    )
    return {str(name): str(value) for name, value in bulk.fetch(conn, sql, (prefix, connection_id, prefix))}


def drop_watermarks(conn: Connection, connection_id: int, names: Collection[str]) -> None:
    """Forgets watermarks that say nothing any more."""
    if names:
        sql = "DELETE FROM watermarks WHERE connection_id = %s AND name = ANY(%b)"
        bulk.run(conn, sql, (connection_id, sorted(names)))


def move_watermarks(conn: Connection, connection_id: int, moved: Mapping[str, str]) -> None:
    """Moves readings on, by name; in the transaction that keeps what was read."""
    sql = """
        INSERT INTO watermarks (connection_id, name, value)
        SELECT %s, n.name, n.value FROM unnest(%b::text[], %b::text[]) AS n (name, value)
        ON CONFLICT (connection_id, name) DO UPDATE SET value = excluded.value, at = now()
    """
    if moved:
        bulk.run(conn, sql, (connection_id, list(moved), list(moved.values())))
