"""How our records in the erp, and what people wrote in the projects system, were seen to stand: a row each change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection

from ml_connector.kernel.keys import Key
from ml_connector.store import bulk

GONE = "gone"
"""State of a record that was nowhere to be found."""


class Stood(NamedTuple):
    """How a record was seen to stand, and since when; `before` is how it is taken to have stood until then."""

    key: Key
    state: str
    at: datetime
    before: str = ""
    """Where nothing was noticed yet and this is `state`, nothing is: so we left it."""
    day: date | None = None
    who: str = ""
    note: str = ""


class StandingRow(NamedTuple):
    """One change of how a record stands."""

    id: int
    kind: str
    erp_id: str
    state: str
    at: datetime
    run_id: int
    day: date | None
    who: str
    note: str

    @property
    def key(self) -> Key:
        """The record."""
        return Key(self.kind, self.erp_id)


class Wanted(NamedTuple):
    """Which records still to be looked for: not in a state of `ended`, none of the ids `without`, `limit` at most.

    In which order they come is another one each `run`, so that each has its turn.
    """

    ended: tuple[str, ...]
    without: tuple[str, ...]
    run: int
    limit: int


class Open(NamedTuple):
    """One of our records whose end is not known yet, and how it stood last; empty where that was never noticed."""

    key: Key
    target: str
    state: str


def note(
    conn: Connection,
    connection_id: int,
    run_id: int,
    seen: Iterable[Stood],
    ends: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> int:
    """Writes down what stands otherwise than it did when last seen; how many do.

    `ends`: of each kind that is followed, the states that are an end: links of those that reached one are marked.
    """
    rows = list({one.key: one for one in seen}.values())
    if not rows:
        return 0
    columns: list[list[object]] = [
        [one.key.kind for one in rows],
        [one.key.id for one in rows],
        [one.state for one in rows],
        [one.before for one in rows],
        [one.at for one in rows],
        [one.day for one in rows],
        [one.who for one in rows],
        [one.note for one in rows],
    ]
    sql = """
        INSERT INTO standings (connection_id, run_id, kind, erp_id, state, at, day, who, note)
        SELECT %s::int8, %s::int8, n.kind, n.erp_id, n.state, n.at, n.day, n.who, n.note
        FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::date[], %b::text[],
                    %b::text[]) AS n (kind, erp_id, state, before, at, day, who, note)
        LEFT JOIN LATERAL (
            SELECT s.state FROM standings s
            WHERE s.connection_id = %s AND s.kind = n.kind AND s.erp_id = n.erp_id ORDER BY s.id DESC LIMIT 1
        ) known ON true
        WHERE n.state <> coalesce(known.state, n.before) ORDER BY n.kind, n.erp_id
    """
    _mark(conn, connection_id, [(one.key, one.state in ends[one.key.kind]) for one in rows if one.key.kind in ends])
    return bulk.run(conn, sql, (connection_id, run_id, *columns, connection_id))


def _mark(conn: Connection, connection_id: int, rows: Sequence[tuple[Key, bool]]) -> None:
    """Keeps of links whether their record came to its end, so that what is open is found without all that ended."""
    sql = """
        UPDATE links l SET ended = n.ended FROM unnest(%b::text[], %b::text[], %b::bool[]) AS n (kind, erp_id, ended)
        WHERE l.connection_id = %s AND l.kind = n.kind AND l.erp_id = n.erp_id AND l.ended <> n.ended
    """
    values = ([key.kind for key, _ in rows], [key.id for key, _ in rows], [ended for _, ended in rows])
    if rows:
        bulk.run(conn, sql, (*values, connection_id))


def latest(conn: Connection, connection_id: int, keys: Collection[Key]) -> dict[Key, StandingRow]:
    """How some records stood when last seen; those of which nothing was noticed are absent."""
    sql = """
        SELECT DISTINCT ON (s.kind, s.erp_id) s.id, s.kind, s.erp_id, s.state, s.at, s.run_id, s.day, s.who, s.note
        FROM unnest(%b::text[], %b::text[]) AS k (kind, erp_id)
        JOIN standings s ON s.connection_id = %s AND s.kind = k.kind AND s.erp_id = k.erp_id
        ORDER BY s.kind, s.erp_id, s.id DESC
    """
    values = ([key.kind for key in keys], [key.id for key in keys], connection_id)
    rows = (StandingRow(*row) for row in bulk.fetch(conn, sql, values))
    return {row.key: row for row in rows}


def by_id(conn: Connection, connection_id: int, ids: Sequence[int]) -> dict[int, StandingRow]:
    """Some changes by their number."""
    sql = """
        SELECT id, kind, erp_id, state, at, run_id, day, who, note FROM standings
        WHERE connection_id = %s AND id = ANY(%b::int8[])
    """
    return {row[0]: StandingRow(*row) for row in bulk.fetch(conn, sql, (connection_id, list(ids)))}


def still_open(conn: Connection, connection_id: int, kind: str, wanted: Wanted) -> list[Open]:
    """Our records of a kind whose end is not known, whether or not they were noticed before: those that were nowhere
    come last. Only kinds that are followed have some.
    """
    sql = """
        SELECT l.erp_id, l.target_id, coalesce(s.state, '') FROM links l
        LEFT JOIN LATERAL (
            SELECT s.state FROM standings s
            WHERE s.connection_id = l.connection_id AND s.kind = l.kind AND s.erp_id = l.erp_id
            ORDER BY s.id DESC LIMIT 1
        ) s ON true
        WHERE l.connection_id = %s AND l.kind = %s AND l.state = 'linked' AND l.target_id <> ''
          AND NOT l.ended AND l.kind IN ('voucher', 'erp_invoice', 'purchase_requisition')
          AND (s.state IS NULL OR s.state <> ALL(%b))
          AND NOT EXISTS (SELECT 1 FROM unnest(%b::text[]) AS w (id) WHERE w.id = l.erp_id)
        ORDER BY s.state IS NOT DISTINCT FROM %s, md5(l.erp_id || %s::text) LIMIT %s
    """
    ended, without, run, limit = wanted
    values = (connection_id, kind, list(ended), list(without), GONE, run, limit)
    return [Open(Key(kind, row[0]), row[1], row[2]) for row in bulk.fetch(conn, sql, values)]
