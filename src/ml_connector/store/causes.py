"""Open holds by their cause, counted and summed by the database: a list of fifty thousand holds is a page of causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ml_connector.planning.blocking import ANSWER, ITSELF, UNKNOWN, WRITE, Behind, Cause, Part, behind
from ml_connector.store import bulk, unsettled
from ml_connector.store.holds import HOLD_COLUMNS, HoldRow
from ml_connector.store.listing import like, ordered
from ml_connector.store.unsettled import Write

_CAUSE = f"""
    h.reason,
    CASE WHEN h.waits_kind = '{ANSWER}' THEN '{ANSWER}'
         WHEN h.waits_kind = h.kind AND h.waits_id = h.erp_id THEN '{ITSELF}' ELSE h.waits_kind END AS cause_kind,
    CASE WHEN h.waits_kind = '{ANSWER}' OR h.waits_kind = h.kind AND h.waits_id = h.erp_id
         THEN '' ELSE h.waits_id END AS cause_id,
    CASE WHEN h.waits_kind = '{ANSWER}' OR h.waits_kind = h.kind AND h.waits_id = h.erp_id
         THEN h.flow ELSE '' END AS cause_flow,
    CASE WHEN h.waits_kind = '{ANSWER}' OR h.waits_kind = h.kind AND h.waits_id = h.erp_id
         THEN h.kind ELSE '' END AS cause_record
"""
"""The five parts of a cause, as planning/blocking.py has them."""

_ANSWERED = """
    (h.last_seen_run <= (SELECT max(u.id) FROM runs u WHERE u.connection_id = %(connection)s AND u.started_at <
                         (SELECT max(a.at) FROM rulings a WHERE a.connection_id = %(connection)s))
     AND EXISTS (SELECT 1 FROM rulings r
                 WHERE r.connection_id = h.connection_id AND r.kind = h.kind AND r.erp_id = h.erp_id
                   AND r.reason = h.reason AND r.at > (SELECT started_at FROM runs WHERE id = h.last_seen_run))
     OR h.waits_kind = 'mapping' AND h.waits_id = ANY(%(mapped)s))
"""
"""Whether somebody answered since the run that found it last, or the mapping leads somewhere by now."""

_SORTABLE: Mapping[str, str] = {"money": "most", "number": "number", "since": "oldest", "owner": "owner"}
_PARTS = "reason, cause_kind, cause_id, cause_flow, cause_record"
_OWN_ORDER = f"most DESC NULLS LAST, rest DESC NULLS LAST, number DESC, oldest, {_PARTS}"


_NODE = """
    CASE h.kind WHEN 'procore_document' THEN h.erp_id ELSE h.kind || '/' || h.erp_id END
"""
_WAIT = """
    CASE WHEN h.waits_kind = 'commitment'
             THEN 'order/' || left(h.waits_id, -greatest(strpos(reverse(h.waits_id), '@'), 1))
         WHEN h.waits_kind IN ('subcontractor_invoice', 'direct_cost') AND position('@' IN h.waits_id) > 0
             THEN 'supplier_invoice/' || split_part(h.waits_id, '@', 1)
         WHEN h.waits_kind = 'procore_document' THEN h.waits_id
         ELSE h.waits_kind || '/' || h.waits_id END
"""
_UNKNOWN_CAUSE = f"'{UNKNOWN}', '{WRITE}', i.verb || ' ' || i.kind, i.flow, i.kind"
_UNKNOWN_WAIT = _WAIT.replace("h.waits_kind", "i.kind").replace("h.waits_id", "i.erp_id")
"""What holds behind a write without an answer wait for."""
_NEEDED = _WAIT.replace("h.waits_kind", "(n.need ->> 0)").replace("h.waits_id", "(n.need ->> 1)")
"""The same of what a step needs."""


class Asked(NamedTuple):
    """How the causes are asked for. Empty texts filter nothing."""

    reasons: Sequence[str] = ()
    """Only causes of these reasons; of any when empty."""
    owner: str = ""
    flow: str = ""
    q: str = ""
    """Words that a record, a sentence or the thing waited for must have."""
    answered: bool | None = None
    """True: only causes all of whose holds are answered; False: only the others."""
    only: Cause | None = None
    """This cause and no other."""
    mapped: Sequence[str] = ()
    """Ids of mapping rows waited for that are there by now."""
    sort: str = ""
    down: bool = False
    limit: int = 51
    offset: int = 0


class Share(NamedTuple):
    """Part of a cause: holds on one kind of record, with money in one currency (empty for none)."""

    kind: str
    currency: str
    number: int
    amount: Decimal | None
    """What is at stake, whatever the sign of each."""


class CauseRow(NamedTuple):
    """One cause: how many holds, since when, how many of them are answered, and one of them as an example."""

    cause: Cause
    number: int
    answered: int
    oldest: datetime
    owner: str
    sentence: str
    hold: int
    """0 for a cause that is no hold: a write without an answer."""
    shares: tuple[Share, ...]
    """Its parts, the most holds first."""


def causes(conn: Connection, connection_id: int, asked: Asked) -> list[CauseRow]:
    """The causes of the open holds, those with most money first: in the currency most holds are in, then in others.

    What waits straight behind a cause is at stake with it: a vendor has no money of its own, its orders have. All
    counts whatever its sign: a credit note that waits is no less money. Writes without an answer are causes, too.
    """
    values = {"connection": connection_id, "limit": asked.limit, "offset": asked.offset, **_values(asked)}
    order = ordered(_SORTABLE, asked.sort, down=asked.down, otherwise=_OWN_ORDER, unique=_PARTS)
    having = {None: "", True: "HAVING sum(number) = sum(answered)", False: "HAVING sum(number) > sum(answered)"}
    sql = f"""
        WITH share AS MATERIALIZED (
            SELECT {_CAUSE}, h.kind, h.currency, count(*) AS number, sum(abs(h.amount)) AS stake,
                   sum(({_ANSWERED})::int) AS answered, min(h.since) AS oldest, min(h.owner) AS owner, min(h.id) AS hold
            FROM holds h WHERE {_where(asked)} GROUP BY 1, 2, 3, 4, 5, 6, 7
            UNION ALL
            SELECT {_UNKNOWN_CAUSE}, i.kind, i.currency, count(*), sum(abs(i.amount)), 0, min(s.sent_at),
                   '{unsettled.OWNER}', NULL FROM {unsettled.UNKNOWN_WRITES} AND {_unknown(asked)}
            GROUP BY 1, 2, 3, 4, 5, 6, 7
        ), straight AS MATERIALIZED (
            SELECT {_WAIT} AS wait, h.currency, sum(abs(h.amount)) AS stake FROM holds h
            WHERE h.connection_id = %(connection)s AND h.released_at IS NULL AND h.currency <> ''
              AND h.waits_kind NOT IN ('{ANSWER}', 'mapping') AND NOT (h.waits_kind = h.kind AND h.waits_id = h.erp_id)
            GROUP BY 1, 2
        ), weighed AS (
            SELECT reason, cause_kind, cause_id, cause_flow, cause_record, currency, number, stake, answered, oldest,
                   owner, hold FROM share
            UNION ALL
            SELECT {_CAUSE}, b.currency, 0, b.stake, 0, NULL, NULL, NULL
            FROM holds h JOIN straight b ON b.wait = {_NODE} WHERE {_where(asked)}
            UNION ALL
            SELECT u.reason, u.cause_kind, u.cause_id, u.cause_flow, u.cause_record, b.currency, 0, b.stake, 0, NULL,
                   NULL, NULL FROM straight b JOIN (
                SELECT DISTINCT {_UNKNOWN_CAUSE}, {_UNKNOWN_WAIT}
                FROM {unsettled.UNKNOWN_WRITES} AND {_unknown(asked)}
            ) AS u (reason, cause_kind, cause_id, cause_flow, cause_record, node) ON b.wait = u.node
        ), lead AS (
            SELECT currency FROM share WHERE currency <> '' GROUP BY 1 ORDER BY sum(number) DESC, 1 LIMIT 1
        ), page AS (
            SELECT reason, cause_kind, cause_id, cause_flow, cause_record, sum(number)::int AS number,
                   sum(answered)::int AS answered, min(oldest) AS oldest, min(owner) AS owner, min(hold) AS hold,
                   sum(stake) FILTER (WHERE currency = (SELECT currency FROM lead)) AS most,
                   sum(stake) FILTER (WHERE currency <> (SELECT currency FROM lead)) AS rest
            FROM weighed GROUP BY 1, 2, 3, 4, 5 {having[asked.answered]} {order} LIMIT %(limit)s OFFSET %(offset)s
        ), numbered AS (SELECT *, row_number() OVER ({order}) AS place FROM page)
        SELECT p.reason, p.cause_kind, p.cause_id, p.cause_flow, p.cause_record, p.number, p.answered, p.oldest,
               p.owner, coalesce(h.sentence, ''), coalesce(p.hold, 0), s.kind, s.currency, s.number::int, s.stake
        FROM numbered p LEFT JOIN holds h ON h.id = p.hold JOIN share s ON
             (s.reason, s.cause_kind, s.cause_id, s.cause_flow, s.cause_record)
             = (p.reason, p.cause_kind, p.cause_id, p.cause_flow, p.cause_record)
        ORDER BY p.place, s.number DESC, s.kind, s.currency
    """
    found: dict[Cause, CauseRow] = {}
    for row in bulk.fetch_named(conn, sql, values):
        cause = Cause(*row[:5])
        known = found.get(cause)
        before = known.shares if known else ()
        found[cause] = CauseRow(cause, row[5], row[6], row[7], row[8], row[9], row[10], (*before, Share(*row[11:])))
    return list(found.values())


def held_by(
    conn: Connection, connection_id: int, cause: Cause, asked: Asked | None = None
) -> list[tuple[HoldRow, bool]]:
    """The open holds of a cause, the most money first, each with whether it is answered since it was found last."""
    asked = (asked or Asked(limit=1_000_000))._replace(only=cause)
    columns = ", ".join(f"h.{name.strip()}" for name in HOLD_COLUMNS.split(","))
    order = ordered(
        {"money": "abs(h.amount)", "since": "h.since", "record": "h.erp_id"},
        asked.sort,
        down=asked.down,
        otherwise="abs(h.amount) DESC NULLS LAST, h.since, h.id",
        unique="h.id",
    )
    sql = f"""
        SELECT {columns}, {_ANSWERED} FROM holds h WHERE {_where(asked)}
        {order} LIMIT %(limit)s OFFSET %(offset)s
    """
    values = {
        "connection": connection_id,
        "limit": asked.limit,
        "offset": asked.offset,
        **_values(asked),
    }
    return [(HoldRow(*row[:-1]), row[-1]) for row in bulk.fetch_named(conn, sql, values)]


def holds_numbered(conn: Connection, connection_id: int, numbers: Sequence[int]) -> list[HoldRow]:
    """Holds by number, open or released, in the order of their numbers; those that are not there are left out."""
    sql = f"SELECT {HOLD_COLUMNS} FROM holds WHERE id = ANY(%b::int8[]) AND connection_id = %s ORDER BY id"
    return [HoldRow(*row) for row in bulk.fetch(conn, sql, (list(numbers), connection_id))]


def holds_for_rows(conn: Connection, connection_id: int, rows: Sequence[str]) -> list[HoldRow]:
    """The open holds that wait for some rows of the mapping, as holds name them; the most money first."""
    sql = f"""
        SELECT {HOLD_COLUMNS} FROM holds
        WHERE connection_id = %s AND released_at IS NULL AND waits_kind = 'mapping' AND waits_id = ANY(%b::text[])
        ORDER BY abs(amount) DESC NULLS LAST, since, id
    """
    return [HoldRow(*row) for row in bulk.fetch(conn, sql, (connection_id, list(rows)))]


def is_answered(conn: Connection, connection_id: int, number: int) -> bool:
    """Whether somebody answered a hold since the run that found it last."""
    sql = f"SELECT {_ANSWERED} FROM holds h WHERE h.id = %(number)s AND h.connection_id = %(connection)s"
    rows = bulk.fetch_named(conn, sql, {"number": number, "connection": connection_id, "mapped": []})
    return bool(rows and rows[0][0])


_FOUND = f"""
    found AS MATERIALIZED (
        SELECT {_CAUSE}, h.id, h.kind, h.erp_id, h.amount, h.currency, {_NODE} AS node, {_WAIT} AS wait
        FROM holds h WHERE h.connection_id = %(connection)s AND h.released_at IS NULL
    ), step AS MATERIALIZED (
        SELECT CASE i.flow WHEN 'purchase_orders' THEN 'order/' || i.source ELSE {_UNKNOWN_WAIT} END AS node,
               i.id, i.needs, i.currency, abs(i.amount) AS amount
        FROM intent_states s JOIN intents i ON i.id = s.id
        WHERE %(steps)s AND s.connection_id = %(connection)s AND s.state IN ('planned', 'waiting')
    ), document AS MATERIALIZED (
        SELECT node, -min(id) AS id, max(currency) AS currency, sum(amount) AS amount FROM step GROUP BY 1
    ), waiting AS MATERIALIZED (
        SELECT id, node, wait FROM found WHERE cause_kind NOT IN ('{ANSWER}', '{ITSELF}')
        UNION ALL
        SELECT id, node, regexp_replace(wait, '^budget_code/(.*)[.][^.]*$', 'cost_code/\\1')
        FROM found WHERE cause_kind = 'budget_code'
        UNION ALL
        SELECT d.id, d.node, {_NEEDED} FROM step s JOIN document d USING (node)
        CROSS JOIN LATERAL jsonb_array_elements(s.needs::jsonb) AS n (need) WHERE s.needs <> '[]'
    ), reached AS (
        SELECT r.place, w.id, w.node FROM root r JOIN waiting w ON w.wait = r.node AND w.id <> r.id
        UNION
        SELECT b.place, w.id, w.node FROM reached b JOIN waiting w ON w.wait = b.node
    )
"""
"""Open holds, what each waits for, and what can be reached from `root` (place, id and node) from one to the next; with
`steps` also the documents of steps that have not gone, each with what they need, under an id below 0.

A contract is held as its order, a Procore invoice of ours as its IFS invoice; a budget code may wait for its cost code.
"""


def blocked(conn: Connection, connection_id: int, wanted: Sequence[Cause]) -> dict[Cause, Behind]:
    """What each of some causes blocks, near and far, besides the records that wait for it themselves.

    The orders of a vendor, their invoices, the invoices' payments; each record once, however many ways lead to it.
    Behind a write without an answer that is also what is not held, and has steps that need what was written.
    """
    lost = [one for one in wanted if one.reason == UNKNOWN]
    held = [one for one in wanted if one.reason != UNKNOWN]
    return {**_blocked(conn, connection_id, held), **_blocked(conn, connection_id, lost, steps=True)}


def _blocked(
    conn: Connection, connection_id: int, wanted: Sequence[Cause], *, steps: bool = False
) -> dict[Cause, Behind]:
    if not wanted:
        return {}
    sql = f"""
        WITH RECURSIVE root AS (
            SELECT w.place, f.id, f.node FROM found f
            JOIN unnest(%(r)s::text[], %(k)s::text[], %(i)s::text[], %(f)s::text[], %(o)s::text[])
                 WITH ORDINALITY AS w (r, k, i, f, o, place)
              ON (w.r, w.k, w.i, w.f, w.o) = (f.reason, f.cause_kind, f.cause_id, f.cause_flow, f.cause_record)
            UNION
            SELECT w.place, 0, u.node FROM (SELECT {_UNKNOWN_CAUSE}, {_UNKNOWN_WAIT} FROM {unsettled.UNKNOWN_WRITES})
                 AS u (r, k, i, f, o, node)
            JOIN unnest(%(r)s::text[], %(k)s::text[], %(i)s::text[], %(f)s::text[], %(o)s::text[])
                 WITH ORDINALITY AS w (r, k, i, f, o, place) USING (r, k, i, f, o)
        ), {_FOUND}, record AS (
            SELECT DISTINCT ON (b.place, f.kind, f.erp_id) b.place, f.kind, f.currency, f.amount
            FROM reached b JOIN (
                SELECT id, kind, erp_id, currency, amount FROM found
                UNION ALL
                SELECT id, split_part(node, '/', 1), substr(node, strpos(node, '/') + 1), currency, amount FROM document
            ) AS f ON f.id = b.id
            WHERE NOT EXISTS (SELECT 1 FROM root r
                              WHERE r.place = b.place AND (r.id = b.id OR b.id < 0 AND r.node = b.node))
            ORDER BY 1, 2, f.erp_id, f.id < 0, f.id
        )
        SELECT place::int, kind, currency, count(*)::int, sum(abs(amount)) FROM record
        GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC, 2, 3
    """
    parts = [list(part) for part in zip(*wanted, strict=True)]
    values = {"connection": connection_id, "steps": steps, **dict(zip("rkifo", parts, strict=True))}
    return behind((wanted[row[0] - 1], Part(*row[1:])) for row in bulk.fetch_named(conn, sql, values))


def blocked_by(conn: Connection, connection_id: int, numbers: Sequence[int], limit: int) -> list[HoldRow]:
    """The holds that some holds block, near and far, by their numbers; at most `limit`."""
    sql = f"""
        WITH RECURSIVE root AS (SELECT 0 AS place, id, node FROM found WHERE id = ANY(%(numbers)s)), {_FOUND}
        SELECT {HOLD_COLUMNS} FROM holds WHERE id IN (SELECT id FROM reached) AND id <> ALL(%(numbers)s)
        ORDER BY id LIMIT %(limit)s
    """
    values = {"connection": connection_id, "steps": False, "numbers": list(numbers), "limit": limit}
    return [HoldRow(*row) for row in bulk.fetch_named(conn, sql, values)]


def rows_wanted(conn: Connection, connection_id: int) -> list[str]:
    """Every row of the mapping that open holds wait for, as they name it."""
    sql = """
        SELECT DISTINCT waits_id FROM holds WHERE connection_id = %s AND released_at IS NULL AND waits_kind = 'mapping'
    """
    return [str(row[0]) for row in bulk.fetch(conn, sql, (connection_id,))]


def summed(conn: Connection, connection_id: int) -> list[tuple[str, str, int, Decimal | None]]:
    """Reason, currency, number of open holds and the money at stake, of everything that is held."""
    sql = """
        SELECT reason, currency, count(*), sum(abs(amount)) FROM holds
        WHERE connection_id = %s AND released_at IS NULL GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
    """
    return [(row[0], row[1], row[2], row[3]) for row in bulk.fetch(conn, sql, (connection_id,))]


def _where(asked: Asked) -> str:
    parts = ["h.connection_id = %(connection)s", "h.released_at IS NULL"]
    parts += ["h.reason = ANY(%(reasons)s)"] if asked.reasons else []
    parts += ["h.owner = %(owner)s"] if asked.owner else []
    parts += ["h.flow = %(flow)s"] if asked.flow else []
    parts += [_of(asked.only)] if asked.only else []
    parts += ["concat_ws(' ', h.erp_id, h.waits_id, h.sentence, h.source) ILIKE ALL (%(q)s)"] if asked.q.split() else []
    return " AND ".join(parts)


def _unknown(asked: Asked) -> str:
    """Which writes without an answer are asked for."""
    other = (asked.only and asked.only.reason != UNKNOWN) or asked.owner not in ("", unsettled.OWNER)
    if other or (asked.reasons and UNKNOWN not in asked.reasons):
        return "false"
    parts = ["true"]
    parts += ["i.flow = %(flow)s"] if asked.flow else []
    parts += ["i.verb || ' ' || i.kind = %(c_wid)s AND i.flow = %(c_flow)s"] if asked.only else []
    parts += ["concat_ws(' ', i.erp_id, i.source, i.reason) ILIKE ALL (%(q)s)"] if asked.q.split() else []
    return " AND ".join(parts)


def unknown_of(conn: Connection, connection_id: int, cause: Cause, asked: Asked) -> list[Write]:
    """The writes without an answer of a cause, the most money first."""
    order = ordered(
        {"money": "abs(i.amount)", "since": "s.sent_at", "record": "i.erp_id"},
        asked.sort,
        down=asked.down,
        otherwise="abs(i.amount) DESC NULLS LAST, s.sent_at, i.id",
        unique="i.id",
    )
    asked = asked._replace(only=cause)
    sql = f"""
        SELECT i.kind, i.erp_id, i.source, i.amount, i.currency, i.reason, s.sent_at
        FROM {unsettled.UNKNOWN_WRITES} AND {_unknown(asked)} {order} LIMIT %(limit)s OFFSET %(offset)s
    """
    values = {"connection": connection_id, "limit": asked.limit, "offset": asked.offset, **_values(asked)}
    return [Write(*row) for row in bulk.fetch_named(conn, sql, values)]


def _values(asked: Asked) -> dict[str, Any]:
    return {
        "reasons": list(asked.reasons),
        "owner": asked.owner,
        "flow": asked.flow,
        "mapped": list(asked.mapped),
        "q": like(asked.q),
        **(_cause_values(asked.only) if asked.only else {}),
    }


def _of(cause: Cause) -> str:
    if cause.waits_kind == ANSWER:
        return "h.reason = %(c_reason)s AND h.waits_kind = 'ruling' AND h.flow = %(c_flow)s AND h.kind = %(c_kind)s"
    if cause.waits_kind == ITSELF:
        return (
            "h.reason = %(c_reason)s AND h.waits_kind = h.kind AND h.waits_id = h.erp_id AND h.flow = %(c_flow)s "
            "AND h.kind = %(c_kind)s"
        )
    return (
        "h.reason = %(c_reason)s AND h.waits_kind = %(c_wkind)s AND h.waits_id = %(c_wid)s "
        "AND NOT (h.waits_kind = h.kind AND h.waits_id = h.erp_id)"
    )


def _cause_values(cause: Cause) -> dict[str, str]:
    return {
        "c_reason": cause.reason,
        "c_wkind": cause.waits_kind,
        "c_wid": cause.waits_id,
        "c_flow": cause.flow,
        "c_kind": cause.kind,
    }
