"""What the census of keys found: one row for each key that is off, gone as soon as it is right again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk
from ml_connector.store.links import LinkRow

MISSING, EXTRA, STALE = "missing", "extra", "stale"
"""Linked and not there any more; there with our once-key and not linked; changed, and no run looked."""

_LINK = "kind, erp_id, target_id, scope, once_key, state, evidence, decided_by, stamp, NULL::bytea, at"


class Finding(msgspec.Struct, frozen=True):
    """One key that is off. `erp_id` is the link's key, or the other side's id where there is no link."""

    kind: str
    erp_id: str
    what: str
    sentence: str
    scope: str = ""
    """The erp project; empty when company-wide."""
    repaired: bool = False
    """Whether the product can set it right by itself, and its next run will."""


class CensusRow(msgspec.Struct, frozen=True):
    """A finding as it is kept, with when it was first and last found."""

    kind: str
    erp_id: str
    what: str
    sentence: str
    scope: str
    repaired: bool
    first_at: datetime
    last_at: datetime


def put(
    conn: Connection, connection_id: int, where: tuple[str, Collection[str]], found: Sequence[Finding], now: datetime
) -> None:
    """Writes what was found in place of what was found before; `where` is the scope and the kinds that were counted."""
    scope, kinds = where
    gone = """
        DELETE FROM census c WHERE connection_id = %s AND scope = %s AND kind = ANY(%b)
          AND NOT EXISTS (SELECT 1 FROM unnest(%b::text[], %b::text[]) AS n (kind, erp_id)
                          WHERE n.kind = c.kind AND n.erp_id = c.erp_id)
    """
    named = ([one.kind for one in found], [one.erp_id for one in found])
    bulk.run(conn, gone, (connection_id, scope, sorted(kinds), *named))
    sql = """
        INSERT INTO census AS c (connection_id, kind, erp_id, what, sentence, scope, repaired, first_at, last_at)
        SELECT %s, n.*, %s, %s
        FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bool[]) AS n
        ON CONFLICT (connection_id, kind, erp_id) DO UPDATE
        SET what = excluded.what, sentence = excluded.sentence, scope = excluded.scope, repaired = excluded.repaired,
            last_at = excluded.last_at,
            first_at = CASE WHEN c.what = excluded.what THEN c.first_at ELSE excluded.first_at END
    """
    unique = {(one.kind, one.erp_id): one for one in found}
    if unique:
        fields = zip(*(msgspec.structs.astuple(one) for one in unique.values()), strict=True)
        bulk.run(conn, sql, (connection_id, now, now, *(list(field) for field in fields)))


def drop_besides(conn: Connection, connection_id: int, scopes: Collection[str]) -> None:
    """Forgets findings in projects that are not counted any more."""
    sql = "DELETE FROM census WHERE connection_id = %s AND scope <> '' AND NOT scope = ANY(%b)"
    bulk.run(conn, sql, (connection_id, sorted(scopes)))


def listed(conn: Connection, connection_id: int) -> list[CensusRow]:
    """Everything the last census found, by project and kind."""
    sql = """
        SELECT kind, erp_id, what, sentence, scope, repaired, first_at, last_at FROM census
        WHERE connection_id = %s ORDER BY scope, kind, erp_id
    """
    return [CensusRow(*row) for row in bulk.fetch(conn, sql, (connection_id,))]


def numbers(conn: Connection, connection_id: int) -> dict[str, int]:
    """How many keys are missing, extra and stale by the last census, repaired ones included."""
    sql = "SELECT what, count(*) FROM census WHERE connection_id = %s GROUP BY 1 ORDER BY 1"
    return {str(what): int(number) for what, number in bulk.fetch(conn, sql, (connection_id,))}


def linked_in(conn: Connection, connection_id: int, kinds: Collection[str], scope: str | None) -> list[LinkRow]:
    """Confirmed links of some kinds in one erp project, or anywhere, by kind and id; without what was agreed."""
    sql = f"""
        SELECT {_LINK} FROM links
        WHERE connection_id = %s AND kind = ANY(%b) AND state = 'linked' AND scope = coalesce(%s, scope)
        ORDER BY kind, erp_id
    """
    return [LinkRow(*row) for row in bulk.fetch(conn, sql, (connection_id, sorted(kinds), scope))]


def open_keys(conn: Connection, connection_id: int) -> set[str]:
    """Once-keys of steps that are not settled: the engine itself reads those back."""
    sql = """
        SELECT DISTINCT i.once_key FROM intents i JOIN intent_states s ON s.id = i.id
        WHERE s.connection_id = %s AND s.state IN ('planned', 'sending', 'unknown', 'waiting')
    """
    return {str(row[0]) for row in bulk.fetch(conn, sql, (connection_id,))}


def last_decided(conn: Connection, connection_id: int, kind: str, ids: Sequence[str]) -> dict[str, datetime | None]:
    """When the run began, by its own clock, that last decided each of some records; None where one waits to be looked
    at again. Records never decided are absent."""
    sql = """
        SELECT r.erp_id, CASE WHEN r.fingerprint = '' AND r.open THEN NULL ELSE a.at END
        FROM source_rows r LEFT JOIN audit a
          ON a.connection_id = r.connection_id AND a.erp_id = r.run_id::text AND a.tag = 'run:start:done'
        WHERE r.connection_id = %s AND r.kind = %s AND r.erp_id = ANY(%b)
          AND (a.at IS NOT NULL OR (r.fingerprint = '' AND r.open))
    """
    return {str(id_): at for id_, at in bulk.fetch(conn, sql, (connection_id, kind, list(ids)))}


def noticed(conn: Connection, connection_id: int, kind: str, ids: Sequence[str]) -> dict[str, bytes]:
    """How each of some stale records looked when an earlier census had it looked at again."""
    sql = "SELECT erp_id, fingerprint FROM source_rows WHERE connection_id = %s AND kind = %s AND erp_id = ANY(%b)"
    return {str(id_): bytes(seen) for id_, seen in bulk.fetch(conn, sql, (connection_id, f"census/{kind}", list(ids)))}
