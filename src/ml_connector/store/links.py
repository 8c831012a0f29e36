"""The crosswalk: which record of the erp is which record of the projects system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.keys import Key
from ml_connector.store import bulk

LINKED = "linked"
"""State of a pair that is one real thing."""
PROPOSED = "proposed"
"""State of a pair that a person must confirm."""
REJECTED = "rejected"
"""State of a pair that a person said is not one thing."""

_COLUMNS = "kind, erp_id, target_id, scope, once_key, state, evidence, decided_by, stamp, base, at"


class LinkRow(msgspec.Struct, frozen=True, gc=False):
    """One pair. `stamp` is the other side's last-changed mark after our last write; `base` what was last agreed."""

    kind: str
    erp_id: str
    target_id: str
    scope: str = ""
    once_key: str = ""
    state: str = LINKED
    evidence: str = ""
    decided_by: str = ""
    stamp: str = ""
    base: bytes | None = None
    """Packed canonical record; None reads as "never agreed", and on writing keeps what was there."""
    at: datetime | None = None
    """When the row last changed; given by the store."""

    @property
    def key(self) -> Key:
        """The record's kind and erp id."""
        return Key(self.kind, self.erp_id)


def targets(conn: Connection, connection_id: int, keys: Iterable[Key]) -> dict[Key, str]:
    """The other side's id of each key that is linked; keys that are not are absent."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        by_kind[key.kind].append(key.id)
    sql = """
        SELECT erp_id, target_id FROM links
        WHERE connection_id = %s AND kind = %s AND state = 'linked' AND erp_id = ANY(%b)
    """
    return {
        Key(kind, erp_id): target
        for kind, ids in by_kind.items()
        for erp_id, target in bulk.fetch(conn, sql, (connection_id, kind, ids))
    }


def links_of(conn: Connection, connection_id: int, kind: str, state: str | None = None) -> list[LinkRow]:
    """Every link of a kind, by erp id, without its base; of one state when that is given."""
    columns = _COLUMNS.replace("base", "NULL::bytea")
    sql = f"SELECT {columns} FROM links WHERE connection_id = %s AND kind = %s AND state = coalesce(%s, state)"
    return [LinkRow(*row) for row in bulk.fetch(conn, sql + " ORDER BY erp_id", (connection_id, kind, state))]


def linked(conn: Connection, connection_id: int, light: Sequence[str], full: Sequence[str]) -> list[LinkRow]:
    """Every confirmed link of some kinds by kind and erp id; those of `full` kinds with their base."""
    columns = _COLUMNS.replace("base", "CASE WHEN kind = ANY(%b) THEN base END")
    sql = f"SELECT {columns} FROM links WHERE connection_id = %s AND kind = ANY(%b) AND state = %s"
    values = (list(full), connection_id, [*full, *light], LINKED)
    return [LinkRow(*row) for row in bulk.fetch(conn, sql + " ORDER BY kind, erp_id", values)]


def listed_behind(conn: Connection, connection_id: int, key: Key, limit: int) -> list[LinkRow]:
    """Confirmed links of the key's kind behind its id, by id, base included."""
    sql = f"""
        SELECT {_COLUMNS} FROM links WHERE connection_id = %s AND kind = %s AND erp_id > %s AND state = 'linked'
        ORDER BY erp_id LIMIT %s
    """
    return [LinkRow(*row) for row in bulk.fetch(conn, sql, (connection_id, *key, limit))]


def load_links(conn: Connection, connection_id: int, kind: str, erp_ids: Sequence[str]) -> dict[str, LinkRow]:
    """The links of some records, whatever their state, base included, by erp id."""
    sql = f"SELECT {_COLUMNS} FROM links WHERE connection_id = %s AND kind = %s AND erp_id = ANY(%b)"
    rows = bulk.fetch(conn, sql, (connection_id, kind, list(erp_ids)))
    return {row[1]: LinkRow(*row) for row in rows}


def load_many(conn: Connection, connection_id: int, keys: Iterable[Key]) -> dict[Key, LinkRow]:
    """The links of some records of any kinds, base included."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        by_kind[key.kind].append(key.id)
    found: dict[Key, LinkRow] = {}
    for kind, ids in by_kind.items():
        found |= {row.key: row for row in load_links(conn, connection_id, kind, ids).values()}
    return found


def linked_to(conn: Connection, connection_id: int, kind: str, target_ids: Sequence[str]) -> dict[str, list[str]]:
    """The erp ids linked to each of the other side's ids; ids nobody is linked to are absent."""
    sql = """
        SELECT target_id, erp_id FROM links
        WHERE connection_id = %s AND kind = %s AND state = 'linked' AND target_id = ANY(%b) ORDER BY erp_id
    """
    found: dict[str, list[str]] = defaultdict(list)
    for target, erp_id in bulk.fetch(conn, sql, (connection_id, kind, list(target_ids))):
        found[target].append(erp_id)
    return dict(found)


def put_links(conn: Connection, connection_id: int, rows: Sequence[LinkRow]) -> None:
    """Writes links, each in place of the record's former one; of two rows for one record the last counts.

    An empty evidence or decided_by keeps what was there: a later write is no new reason for the link.
    """
    latest = {(row.kind, row.erp_id): row for row in rows}
    if not latest:
        return
    sql = """
        INSERT INTO links AS l (connection_id, kind, erp_id, target_id, scope, once_key, state, evidence, decided_by,
                                stamp, base)
        SELECT %s, * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
                                 %b::text[], %b::text[], %b::bytea[])
        ON CONFLICT (connection_id, kind, erp_id) DO UPDATE
        SET target_id = excluded.target_id, scope = excluded.scope, once_key = excluded.once_key,
            state = excluded.state, evidence = coalesce(nullif(excluded.evidence, ''), l.evidence),
            decided_by = coalesce(nullif(excluded.decided_by, ''), l.decided_by),
            stamp = excluded.stamp, base = coalesce(excluded.base, l.base), at = now()
    """
    fields = zip(*(msgspec.structs.astuple(row)[:10] for row in latest.values()), strict=True)
    bulk.run(conn, sql, (connection_id, *(list(field) for field in fields)))


def unlink(conn: Connection, connection_id: int, keys: Iterable[Key]) -> int:
    """Forgets the links of some records; how many there were."""
    wanted = list(keys)
    sql = """
        DELETE FROM links WHERE connection_id = %s
        AND (kind, erp_id) IN (SELECT * FROM unnest(%b::text[], %b::text[]))
    """
    return bulk.run(conn, sql, (connection_id, [key.kind for key in wanted], [key.id for key in wanted]))


def documents_begun(conn: Connection, connection_id: int, kinds: Sequence[str], documents: Sequence[str]) -> set[str]:
    """Those of some erp documents that have a link of these kinds: something of them is on the other side."""
    sql = """
        SELECT DISTINCT regexp_replace(erp_id, '@.*$', '') FROM links
        WHERE regexp_replace(erp_id, '@.*$', '') = ANY(%b) AND connection_id = %s AND kind = ANY(%b)
    """
    rows = bulk.fetch(conn, sql, (list(documents), connection_id, list(kinds))) if documents else []
    return {str(row[0]) for row in rows}


def count_links(conn: Connection, connection_id: int) -> dict[tuple[str, str], int]:
    """How many links there are, by kind and state."""
    sql = "SELECT kind, state, count(*) FROM links WHERE connection_id = %s GROUP BY 1, 2 ORDER BY 1, 2"
    return {(kind, state): number for kind, state, number in bulk.fetch(conn, sql, (connection_id,))}
