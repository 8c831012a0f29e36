"""The book of names: what every document is called on either side, and the words it is found by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Connection

from ml_connector.kernel.keys import Key
from ml_connector.planning.finding import FLOWS_OF, NO_SPACE, Entry, Query, Term, belonging, belongs_to
from ml_connector.store import bulk
from ml_connector.store.listing import ordered, paged

_COLUMNS = "kind, id, called, title, party, project, amount, currency, at"
_EXACT, _BEGUN = 50, 300
"""Documents that are looked at to choose the best of: such as have the very words, and such as have words that begin
so."""


class NameRow(NamedTuple):
    """One document of the book."""

    connection_id: int
    kind: str
    id: str
    called: str
    title: str
    party: str
    project: str
    amount: Decimal | None
    currency: str
    at: datetime


def put(conn: Connection, connection_id: int, entries: Iterable[Entry], *, fresh: bool) -> int:
    """Writes documents down, or what is new about them; how many rows changed.

    Words are only ever added: a document stays found by the number it once had. With `fresh` what the entries say
    takes the place of what was there, else it fills what was empty. A document is found by its supplier's name, too.
    """
    wanted = list({(entry.kind, entry.id): entry for entry in entries}.values())
    if not wanted:
        return 0
    former = _titles(conn, connection_id, [entry.id for entry in wanted if entry.kind == "vendor"]) if fresh else {}
    columns: list[list[object]] = [
        [entry.kind for entry in wanted],
        [entry.id for entry in wanted],
        [entry.called for entry in wanted],
        [entry.title for entry in wanted],
        [entry.party for entry in wanted],
        [entry.project for entry in wanted],
        [entry.money.amount if entry.money else None for entry in wanted],
        [entry.money.currency if entry.money else "" for entry in wanted],
        [" ".join(entry.words) for entry in wanted],
    ]
    changed = bulk.run(conn, _PUT.format(*_kept(fresh)), (connection_id, *columns, connection_id))
    for entry in wanted:
        if entry.kind == "vendor" and former.get(entry.id, entry.title) != entry.title:
            _rename(conn, connection_id, entry.id)
    return changed


_PUT = """
    INSERT INTO names AS n (connection_id, kind, id, called, title, party, project, amount, currency, words)
    SELECT %s::int8, e.kind, e.id, e.called, e.title, e.party, e.project, e.amount, e.currency,
           array_to_tsvector(array_remove(string_to_array(e.words, ' '), '')) || coalesce(v.words, '')
    FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::numeric[], %b::text[],
                %b::text[]) AS e (kind, id, called, title, party, project, amount, currency, words)
    LEFT JOIN names v ON v.connection_id = %s AND v.kind = 'vendor' AND v.id = e.party AND e.party <> ''
    ORDER BY e.kind, e.id
    ON CONFLICT (connection_id, kind, id) DO UPDATE
    SET called = {0}, title = {1}, party = {2}, project = {3}, amount = {4}, currency = {5},
        words = n.words || excluded.words, at = now()
    WHERE (n.called, n.title, n.party, n.project, n.amount, n.currency, n.words)
          IS DISTINCT FROM ({0}, {1}, {2}, {3}, {4}, {5}, n.words || excluded.words)
"""
"""In order of the key, so that the night and a run do not wait for each other crosswise."""


def _kept(fresh: bool) -> list[str]:
    """What each column becomes: the new value before the old one, or the other way round; the empty one never."""
    one, other = ("excluded", "n") if fresh else ("n", "excluded")
    plain = [f"coalesce(nullif({one}.{name}, ''), {other}.{name})" for name in ("called", "title", "party", "project")]
    amount = f"coalesce({one}.amount, {other}.amount)"
    return [*plain, amount, f"CASE WHEN {one}.amount IS NULL THEN {other}.currency ELSE {one}.currency END"]


def _titles(conn: Connection, connection_id: int, vendors: list[str]) -> dict[str, str]:
    sql = "SELECT id, title FROM names WHERE connection_id = %s AND kind = 'vendor' AND id = ANY(%b) AND title <> ''"
    return dict(bulk.fetch(conn, sql, (connection_id, vendors))) if vendors else {}


def _rename(conn: Connection, connection_id: int, vendor: str) -> None:
    """Has a supplier's documents found by its new name as well."""
    sql = """
        UPDATE names d SET words = d.words || v.words FROM names v
        WHERE v.connection_id = %s AND v.kind = 'vendor' AND v.id = %s
          AND d.connection_id = %s AND d.words @@ %s::tsquery
    """
    bulk.run(conn, sql, (connection_id, vendor, connection_id, _quoted(belonging(Key("vendor", vendor)))))


def projects_of(conn: Connection, connection_id: int, documents: Collection[str]) -> dict[tuple[str, str], str]:
    """Kind and id of documents, of whatever kind, to the project each lies on; what lies on none or on several is left
    out."""
    sql = "SELECT kind, id, project FROM names WHERE connection_id = %s AND id = ANY(%b) AND project <> ''"
    rows = bulk.fetch(conn, sql, (connection_id, sorted(documents))) if documents else []
    return {(kind, name): project for kind, name, project in rows}


def inherit(conn: Connection, connection_id: int, keys: Iterable[Key]) -> None:
    """Gives documents whose supplier nobody told the one of the order they are on, and its name to be found by."""
    wanted = sorted(set(keys))
    sql = """
        UPDATE names n SET party = t.party, words = n.words || t.words FROM (
            SELECT DISTINCT ON (d.kind, d.id) d.kind, d.id, o.party,
                   coalesce(v.words, '') || array_to_tsvector(ARRAY[':vendor:' || replace(o.party, ' ', %s)]) AS words
            FROM names d CROSS JOIN unnest(d.words) w
            JOIN names o ON o.connection_id = d.connection_id AND o.kind = 'order' AND o.id = substr(w.lexeme, 8)
            LEFT JOIN names v ON v.connection_id = d.connection_id AND v.kind = 'vendor' AND v.id = o.party
            WHERE d.connection_id = %s AND (d.kind, d.id) IN (SELECT * FROM unnest(%b::text[], %b::text[]))
              AND d.party = '' AND o.party <> '' AND starts_with(w.lexeme, ':order:')
            ORDER BY d.kind, d.id, o.id
        ) t WHERE n.connection_id = %s AND n.kind = t.kind AND n.id = t.id
    """
    kinds, ids = [key.kind for key in wanted], [key.id for key in wanted]
    bulk.run(conn, sql, (NO_SPACE, connection_id, kinds, ids, connection_id))


def found(
    conn: Connection, query: Query, connections: Sequence[int], kinds: Sequence[str] = (), limit: int = _BEGUN
) -> list[NameRow]:
    """Documents that have every term of a question, of some connections, and of some kinds where any are named.

    Those with the very words come first, then those with words that begin so; in each group no order is kept.
    """
    if not query.terms or not connections:
        return []
    every = not kinds
    rows: dict[tuple[int, str, str], NameRow] = {}
    for begun, most in ((False, min(_EXACT, limit)), (True, limit)):
        condition, asked = _condition(query, begun=begun)
        sql = f"""
            SELECT connection_id, {_COLUMNS} FROM names
            WHERE {condition} AND connection_id = ANY(%b::int8[]) AND (%s OR kind = ANY(%b)) LIMIT %s
        """
        for row in bulk.fetch(conn, sql, (*asked, list(connections), every, list(kinds), most)):
            rows.setdefault(row[:3], NameRow(*row))
    return list(rows.values())


def called(conn: Connection, connection_id: int, query: Query, numbers: Collection[str], limit: int = 20) -> list[Key]:
    """The documents that are called by one of some numbers, or have it as their id; `query` asks for the same words,
    for the index."""
    if not query.terms:
        return []
    condition, asked = _condition(query, begun=False)
    sql = f"""
        SELECT kind, id FROM names
        WHERE {condition} AND connection_id = %s AND (%s OR kind = ANY(%b))
          AND (lower(called) = ANY(%b) OR lower(id) = ANY(%b))
        ORDER BY kind, id LIMIT %s
    """
    values = (*asked, connection_id, not query.kinds, list(query.kinds), list(numbers), list(numbers), limit)
    return [Key(*row) for row in bulk.fetch(conn, sql, values)]


def get(conn: Connection, connection_id: int, keys: Iterable[Key]) -> dict[Key, NameRow]:
    """The rows of some documents; those nobody wrote down are absent."""
    wanted = sorted(set(keys))
    sql = f"""
        SELECT connection_id, {_COLUMNS} FROM names
        WHERE connection_id = %s AND (kind, id) IN (SELECT * FROM unnest(%b::text[], %b::text[]))
        ORDER BY kind, id
    """
    rows = bulk.fetch(conn, sql, (connection_id, [key.kind for key in wanted], [key.id for key in wanted]))
    return {Key(row[1], row[2]): NameRow(*row) for row in rows}


def of_document(
    conn: Connection, connection_id: int, document: Key, *, offset: int = 0, limit: int = 50
) -> list[NameRow]:
    """What belongs to a document, such as an order's invoices or a vendor's documents: the latest changed first."""
    sql = f"""
        SELECT connection_id, {_COLUMNS} FROM names WHERE connection_id = %s AND words @@ %s::tsquery
        ORDER BY at DESC, kind, id DESC OFFSET %s LIMIT %s
    """
    values = (connection_id, _quoted(belonging(document)), offset, limit)
    return [NameRow(*row) for row in bulk.fetch(conn, sql, values)]


def above(conn: Connection, connection_id: int, document: Key) -> list[Key]:
    """What a document belongs to: its vendor, project, order, invoice."""
    sql = """
        SELECT w.lexeme FROM names d, unnest(d.words) w
        WHERE d.connection_id = %s AND d.kind = %s AND d.id = %s AND starts_with(w.lexeme, ':')
    """
    keys = (belongs_to(row[0]) for row in bulk.fetch(conn, sql, (connection_id, *document)))
    return sorted(key for key in keys if key is not None)


def _condition(query: Query, *, begun: bool) -> tuple[str, list[str]]:
    """A question as a condition of SQL and its values.

    The index is not asked for what begins with a single letter, where there is another word: half of all words do.
    """
    lone = [term for term in query.terms if begun and len(term.whole) == 1]
    indexed = [term for term in query.terms if term not in lone] or lone[:1]
    asked = " & ".join(_asked(term, begun=begun) for term in indexed)
    letters = [term.whole for term in lone if term not in indexed]
    return "words @@ %s::tsquery" + " AND " * bool(letters) + " AND ".join([_BEGINS] * len(letters)), [asked, *letters]


_BEGINS = "EXISTS (SELECT 1 FROM unnest(tsvector_to_array(words)) w WHERE starts_with(w, %s))"


def _asked(term: Term, *, begun: bool) -> str:
    """A term as PostgreSQL takes it: the whole of it, or all its parts."""
    mark = ":*" if begun else ""
    whole = f"{_quoted(term.whole)}{mark}"
    if term.parts == (term.whole,):
        bare = term.whole.lstrip("0") if term.whole.isdigit() else ""
        return f"({whole} | {_quoted(bare)})" if bare and bare != term.whole else whole
    parts = " & ".join(f"{_quoted(part)}{mark}" for part in term.parts)
    return f"({whole} | ({parts}))"


def _quoted(word: str) -> str:
    """A word as it stands in a text search question."""
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


class Listed(NamedTuple):
    """How the list of a connection's documents is asked for: words, kinds (none: all), order and page, and project
    (empty: any)."""

    connection_id: int
    query: Query
    kinds: Sequence[str]
    sort: str
    down: bool
    page: int
    size: int
    project: str = ""


_SORTS = {"called": "lower(called)", "money": "amount", "at": "at"}


def listed(conn: Connection, asked: Listed) -> list[NameRow]:
    """A page of a connection's documents and one more, the rows that changed last first unless another order is asked.

    Where words or a project narrow them, orders come first, then invoices, and codes last. BadInput for an order that
    is none.
    """
    sql = f"SELECT connection_id, {_COLUMNS} FROM names WHERE connection_id = %s AND (%s OR kind = ANY(%b))"
    values: list[object] = [asked.connection_id, not asked.kinds, list(asked.kinds)]
    if asked.query.terms:
        condition, words = _condition(asked.query, begun=True)
        sql += f" AND {condition}"
        values += words
    if asked.project:
        sql += " AND (project = %s OR words @@ %s::tsquery)"
        values += [asked.project, _quoted(belonging(Key("project", asked.project)))]
    otherwise = "at DESC, kind, id DESC"
    if asked.project or asked.query.terms:
        otherwise = f"array_position(%b::text[], kind), {otherwise}"
        values += [] if asked.sort else [list(FLOWS_OF)]
    order = ordered(_SORTS, asked.sort, down=asked.down, otherwise=otherwise, unique="kind, id")
    return [NameRow(*row) for row in bulk.fetch(conn, sql + order + paged(asked.page, asked.size), values)]
