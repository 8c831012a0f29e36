"""The documents of a run, one by one, by what became of them, as the run kept them when it ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from ml_connector.store import bulk
from ml_connector.store.listing import like, paged


class Wanted(NamedTuple):
    """Which documents of a run; an empty word filters nothing. `flows` and `fates` say in what order they come."""

    run: int
    flow: str
    fate: str
    words: str
    called: Sequence[str]
    """Documents that are found whatever their id says, for the words are of their numbers."""
    flows: Sequence[str]
    fates: Sequence[str]


class DocumentRow(NamedTuple):
    """One document, or of a flow that has none a record by its kind and id; `why` it was left alone, where it was."""

    flow: str
    fate: str
    unit: str
    why: str


def found(conn: Connection, wanted: Wanted, page: int, size: int) -> list[DocumentRow]:
    """A page of a run's documents, and one more row when another page follows."""
    sql = f"""
        SELECT f.key, t.key, u.key, u.value
        FROM run_progress p, jsonb_each(p.documents) f, jsonb_each(f.value) t, jsonb_each_text(t.value) u
        WHERE p.run_id = %(run)s AND (%(flow)s = '' OR f.key = %(flow)s) AND (%(fate)s = '' OR t.key = %(fate)s)
          AND (u.key ILIKE ALL (%(words)s::text[]) OR regexp_replace(u.key, '^[a-z_]+:', '') = ANY(%(called)s::text[]))
        ORDER BY array_position(%(flows)s::text[], f.key), array_position(%(fates)s::text[], t.key), u.key
        {paged(page, size)}
    """
    values = {
        "run": wanted.run,
        "flow": wanted.flow,
        "fate": wanted.fate,
        "words": like(wanted.words),
        "called": list(wanted.called),
        "flows": list(wanted.flows),
        "fates": list(wanted.fates),
    }
    return [DocumentRow(*row) for row in bulk.fetch_named(conn, sql, values)]


def kept(conn: Connection, run: int) -> bool:
    """Whether a run kept its documents one by one: a run from before an upgrade did not."""
    row = bulk.fetch_one(conn, "SELECT documents <> '{}' FROM run_progress WHERE run_id = %s", (run,))
    return bool(row and row[0])


def left_because(conn: Connection, run: int, flows: Sequence[str], document: str) -> str:
    """What a run said when it left a document alone; empty where it did not, or is kept no longer."""
    sql = """
        SELECT p.documents #>> ARRAY[f.flow, 'skipped', %s] FROM run_progress p, unnest(%b::text[]) AS f (flow)
        WHERE p.run_id = %s AND p.documents #>> ARRAY[f.flow, 'skipped', %s] <> '' LIMIT 1
    """
    row = bulk.fetch_one(conn, sql, (document, list(flows), run, document))
    return str(row[0]) if row else ""


def held_because(
    conn: Connection, connection_id: int, run: int, documents: Sequence[str]
) -> dict[tuple[str, str], str]:
    """(flow, document) to why some documents were held when a run ended, the oldest of several reasons."""
    sql = """
        SELECT DISTINCT ON (h.flow, h.source) h.flow, h.source, h.sentence
        FROM holds h JOIN runs r ON r.id = %s
        WHERE h.connection_id = %s AND h.source = ANY(%b) AND h.since <= coalesce(r.finished_at, now())
          AND (h.released_at IS NULL OR h.released_at > coalesce(r.finished_at, now()))
        ORDER BY h.flow, h.source, h.since, h.id
    """
    rows = bulk.fetch(conn, sql, (run, connection_id, list(documents)))
    return {(flow, source): sentence for flow, source, sentence in rows}
