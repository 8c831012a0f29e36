"""On which code strings the lines of documents lie, as they were last decided: what a change of the mapping turns.

Taken from kept decisions, each of which is read once; it lasts when their evidence goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from ml_connector.planning.mapping_use import Use
from ml_connector.store import bulk, sources

MARK = "code_uses"
"""Name of the watermark that says up to which exchange decisions were read."""

_LOCK = 0x6D6C6309
_MANY = 5_000
"""Uses above which every line is read and looked at, which is quicker than to have the database seek them."""
_COLUMNS = (
    ("connection_id", "int8"),
    ("kind", "text"),
    ("document", "text"),
    ("line", "text"),
    ("project", "text"),
    ("codes", "text"),
    ("activity", "text"),
    ("sub_project", "text"),
    ("amount", "numeric"),
    ("currency", "text"),
)
_decoder = msgspec.json.Decoder(tuple[tuple[str, str], ...])
_Told = TypeVar("_Told")


class UseRow(msgspec.Struct, frozen=True, gc=False):
    """One line of one document with its code string and money; `open`: whether a run looks at the document again."""

    kind: str
    document: str
    line: str
    use: Use
    amount: Decimal
    currency: str
    open: bool = True


class Decision(msgspec.Struct, frozen=True):
    """A kept decision that tells of code strings: its exchange, its flow, and the hash of its input."""

    id: int
    flow: str
    hash: bytes


class Usage(msgspec.Struct, frozen=True):
    """How much lies on one code string, in one currency, on documents that are looked at again."""

    use: Use
    currency: str
    amount: Decimal
    documents: int


def undecided(conn: Connection, connection_id: int, flows: Sequence[str], limit: int) -> list[Decision]:
    """The next kept decisions of some flows that were not read yet, oldest first.

    Nobody else reads them until the transaction ends.
    """
    bulk.fetch(conn, "SELECT pg_advisory_xact_lock(%s, %s)", (_LOCK, connection_id % 2**31))
    after = int(sources.watermark(conn, connection_id, MARK) or 0)
    sql = """
        SELECT id, path, request_hash FROM exchanges
        WHERE lasting AND connection_id = %s AND id > %s AND path = ANY(%s) AND request_hash IS NOT NULL
        ORDER BY id LIMIT %s
    """
    return [Decision(*row) for row in bulk.fetch(conn, sql, (connection_id, after, list(flows), limit))]


def put_uses(conn: Connection, connection_id: int, kind: str, documents: Sequence[str], rows: Iterable[UseRow]) -> None:
    """Writes down what some documents of a kind lie on, in place of what was known of them."""
    sql = "DELETE FROM code_uses WHERE connection_id = %s AND kind = %s AND document = ANY(%b)"
    bulk.run(conn, sql, (connection_id, kind, list(documents)))
    latest = {(row.document, row.line): row for row in rows}
    bulk.copy_in(conn, "code_uses", _COLUMNS, (_columns(connection_id, row) for row in latest.values()))


def read_up_to(conn: Connection, connection_id: int, exchange: int) -> None:
    """Remembers that decisions up to an exchange were read."""
    sources.move_watermarks(conn, connection_id, {MARK: str(exchange)})


def uses(conn: Connection, connection_id: int, *, only_open: bool = False) -> list[Use]:
    """Every way of coding in use, each once a project; `only_open`: on documents that a run looks at again."""
    source, still_open = (_SOURCE, "AND coalesce(s.open, true)") if only_open else ("", "")
    sql = f"""
        SELECT DISTINCT u.project, u.codes, u.activity, u.sub_project FROM code_uses u {source}
        WHERE u.connection_id = %s {still_open}
    """
    return [
        Use(project, _codes(codes), activity, sub_project)
        for project, codes, activity, sub_project in bulk.fetch(conn, sql, (connection_id,))
    ]


def lines_on(conn: Connection, connection_id: int, wanted: Mapping[Use, _Told]) -> list[tuple[UseRow, _Told]]:
    """Every line that lies on one of some uses, with what is told of that use."""
    if len(wanted) > _MANY:
        sql = (
            f"SELECT {_LINE} FROM code_uses u {_SOURCE} WHERE u.connection_id = %s ORDER BY u.kind, u.document, u.line"
        )
        every = map(_row, bulk.fetch(conn, sql, (connection_id,)))
        return [(row, told) for row in every if (told := wanted.get(row.use)) is not None]
    sql = f"""
        SELECT {_LINE} FROM code_uses u
        JOIN unnest(%b::text[], %b::text[], %b::text[], %b::text[]) AS n (project, codes, activity, sub_project)
          USING (project, codes, activity, sub_project)
        {_SOURCE} WHERE u.connection_id = %s ORDER BY u.kind, u.document, u.line
    """
    rows = map(_row, bulk.fetch(conn, sql, (*_wanted(list(wanted)), connection_id)))
    return [(row, wanted[row.use]) for row in rows]


def lines_of(conn: Connection, connection_id: int, kind: str, documents: Sequence[str]) -> list[UseRow]:
    """Every line of some documents."""
    sql = f"SELECT {_LINE} FROM code_uses u {_SOURCE} WHERE u.connection_id = %s AND u.kind = %s AND document = ANY(%b)"
    return [_row(row) for row in bulk.fetch(conn, sql, (connection_id, kind, list(documents)))]


def usage(conn: Connection, connection_id: int, wanted: Sequence[Use]) -> list[Usage]:
    """How much of what is open lies on each of some uses, by currency; credits count like debits."""
    sql = f"""
        SELECT project, codes, activity, sub_project, currency, sum(abs(amount)), count(DISTINCT document)
        FROM code_uses u
        JOIN unnest(%b::text[], %b::text[], %b::text[], %b::text[]) AS n (project, codes, activity, sub_project)
          USING (project, codes, activity, sub_project)
        {_SOURCE} WHERE u.connection_id = %s AND coalesce(s.open, true) GROUP BY 1, 2, 3, 4, 5
    """
    return [
        Usage(Use(project, _codes(codes), activity, sub_project), currency, amount, documents)
        for project, codes, activity, sub_project, currency, amount, documents in bulk.fetch(
            conn, sql, (*_wanted(wanted), connection_id)
        )
    ]


def sums_of(conn: Connection, connection_id: int, kind: str, documents: Sequence[str]) -> dict[str, Decimal]:
    """What some documents come to, each as a whole and whatever its sign, by currency."""
    sql = """
        SELECT currency, sum(abs(whole)) FROM (
            SELECT currency, sum(amount) AS whole FROM code_uses
            WHERE connection_id = %s AND kind = %s AND document = ANY(%b) GROUP BY document, currency
        ) AS one GROUP BY 1
    """
    return {row[0]: row[1] for row in bulk.fetch(conn, sql, (connection_id, kind, list(documents)))}


def bases(conn: Connection, connection_id: int, kind: str, ids: Sequence[str]) -> list[tuple[str, bytes]]:
    """Ids and agreed records of linked records of a kind, by their ids."""
    sql = """
        SELECT erp_id, base FROM links
        WHERE connection_id = %s AND kind = %s AND state = 'linked' AND base IS NOT NULL AND erp_id = ANY(%b)
    """
    return [(row[0], row[1]) for row in bulk.fetch(conn, sql, (connection_id, kind, list(ids)))]


def bases_in(conn: Connection, connection_id: int, kind: str, projects: Sequence[str]) -> list[tuple[str, bytes]]:
    """Ids and agreed records of linked records of a kind that happen in some projects, corrections included."""
    sql = """
        SELECT erp_id, base FROM links
        WHERE connection_id = %s AND kind = %s AND state = 'linked' AND base IS NOT NULL AND scope = ANY(%b)
    """
    return [(row[0], row[1]) for row in bulk.fetch(conn, sql, (connection_id, kind, list(projects)))]


def billed_on(conn: Connection, connection_id: int, contracts: Sequence[str]) -> list[tuple[str, bytes]]:
    """Ids and agreed records of linked subcontractor invoices on some contracts, corrections included.

    Which they are is read off the index of the keys: a record is wide, and most are on other contracts.
    """
    sql = """
        SELECT erp_id, base FROM links
        WHERE connection_id = %s AND kind = 'subcontractor_invoice' AND state = 'linked' AND base IS NOT NULL
          AND erp_id = ANY(ARRAY(
              SELECT erp_id FROM links WHERE connection_id = %s AND kind = 'subcontractor_invoice'
              AND substr(CASE WHEN strpos(erp_id, '~') > 0 THEN regexp_replace(erp_id, '~[cr][0-9]+$', '')
                         ELSE erp_id END, strpos(erp_id, '@') + 1) = ANY(%b)))
    """
    return [(row[0], row[1]) for row in bulk.fetch(conn, sql, (connection_id, connection_id, list(contracts)))]


def unread_contracts(conn: Connection, connection_id: int, projects: Sequence[str]) -> list[tuple[str, bytes]]:
    """Ids and agreed records of contracts in some projects whose orders' code strings are not known."""
    sql = """
        SELECT l.erp_id, l.base FROM links l
        WHERE l.connection_id = %s AND l.kind = 'commitment' AND l.state = 'linked' AND l.base IS NOT NULL
          AND l.scope = ANY(%b)
          AND NOT EXISTS (SELECT 1 FROM code_uses u
                          WHERE u.connection_id = l.connection_id AND u.kind = 'order'
                            AND u.document = regexp_replace(l.erp_id, '@[^@]*$', ''))
    """
    return [(row[0], row[1]) for row in bulk.fetch(conn, sql, (connection_id, list(projects)))]


def codes_there(conn: Connection, connection_id: int) -> set[str]:
    """Budget codes that are linked, as `PROJECT/03-310.M`."""
    sql = "SELECT erp_id FROM links WHERE connection_id = %s AND kind = 'budget_code' AND state = 'linked'"
    return {row[0] for row in bulk.fetch(conn, sql, (connection_id,))}


def budget_codes(conn: Connection, connection_id: int) -> list[tuple[str, bytes]]:
    """Ids and agreed records of all linked budget codes."""
    sql = """
        SELECT erp_id, base FROM links
        WHERE connection_id = %s AND kind = 'budget_code' AND state = 'linked' AND base IS NOT NULL
    """
    return [(row[0], row[1]) for row in bulk.fetch(conn, sql, (connection_id,))]


def projects_linked(conn: Connection, connection_id: int) -> set[str]:
    """IFS projects with a confirmed partner."""
    sql = "SELECT erp_id FROM links WHERE connection_id = %s AND kind = 'project' AND state = 'linked'"
    return {row[0] for row in bulk.fetch(conn, sql, (connection_id,))}


def newest_decision(conn: Connection, connection_id: int, flow: str) -> bytes | None:
    """Hash of the newest kept input of a flow's decisions; None when there is none."""
    sql = """
        SELECT request_hash FROM exchanges
        WHERE lasting AND connection_id = %s AND path = %s AND request_hash IS NOT NULL ORDER BY id DESC LIMIT 1
    """
    row = bulk.fetch_one(conn, sql, (connection_id, flow))
    return row[0] if row else None


_LINE = (
    "u.kind, u.document, u.line, u.project, u.codes, u.activity, u.sub_project, u.amount, u.currency, "
    "coalesce(s.open, true)"
)
_SOURCE = "LEFT JOIN source_rows s ON s.connection_id = u.connection_id AND s.kind = u.kind AND s.erp_id = u.document"


@lru_cache(maxsize=65_536)
def _codes(text: str) -> tuple[tuple[str, str], ...]:
    """A code string from its text; the same few come again and again."""
    return _decoder.decode(text)


def _row(row: bulk.Row) -> UseRow:
    kind, document, line, project, codes, activity, sub_project, amount, currency, is_open = row
    use = Use(project, _codes(codes), activity, sub_project)
    return UseRow(kind, document, line, use, amount, currency, is_open)


def _columns(connection_id: int, row: UseRow) -> tuple[object, ...]:
    use = row.use
    codes = bulk.json_text(use.codes)
    rest = (use.project, codes, use.activity, use.sub_project, row.amount, row.currency)
    return (connection_id, row.kind, row.document, row.line, *rest)


def _wanted(wanted: Sequence[Use]) -> tuple[list[str], list[str], list[str], list[str]]:
    return (
        [one.project for one in wanted],
        [bulk.json_text(one.codes) for one in wanted],
        [one.activity for one in wanted],
        [one.sub_project for one in wanted],
    )
