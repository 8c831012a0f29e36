"""What one document's page looks up: its records, its steps and holds in time order, what was sent for each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.planning.finding import FLOWS_OF
from ml_connector.store import bulk
from ml_connector.store.audit import AuditEntry, AuditRow
from ml_connector.store.evidence import ExchangeRow
from ml_connector.store.holds import HoldRow

_SKEW = timedelta(minutes=10)
"""How much earlier than the database's clock that of a sending process may be."""
_EXCHANGE = (
    "id, run_id, side, method, path, status, request_hash, reply_hash, request_id, milliseconds, write, at, intent_ids"
)


class About(msgspec.Struct, frozen=True):
    """Which document: what its steps and holds call it (`sources`), and the flows that decide on it."""

    connection_id: int
    sources: tuple[str, ...]
    flows: tuple[str, ...]


class HopRow(NamedTuple):
    """One moment of a document's life. `what` is read, decided, left, sent, answered, held, released, approved, ruled
    or stood."""

    at: datetime
    what: str
    ref: int
    """The step, hold, standing, or audit row of an answer, that it is of; of a reading, an approval and what was left
    alone the run."""
    name: str
    """The hash of an approved plan; why it was left alone; else empty."""


class StepRow(NamedTuple):
    """One step (an intent) without its body."""

    id: int
    run_id: int
    flow: str
    verb: str
    kind: str
    erp_id: str
    target: str
    amount: object
    currency: str
    reason: str
    state: str
    result: str
    reference: str
    attempt: int
    sent_at: datetime | None
    settled_at: datetime | None


class RunName(NamedTuple):
    """What a hop says of its run."""

    id: int
    trigger: str
    actor: str
    started_at: datetime
    mapping_version: int
    plan_hash: str


class InputOf(NamedTuple):
    """The input of one decision: its flow, its bytes' name and size, and the first and last document of it."""

    flow: str
    hash: bytes
    span: str
    at: datetime


def records_of(conn: Connection, about: About) -> list[Key]:
    """Every record a document's steps were about, whatever became of them."""
    sql = "SELECT DISTINCT kind, erp_id FROM intents WHERE connection_id = %s AND source = ANY(%b) AND flow = ANY(%b)"
    rows = bulk.fetch(conn, sql, (about.connection_id, list(about.sources), list(about.flows)))
    return sorted(Key(*row) for row in rows)


def records_by_source(conn: Connection, about: About) -> list[tuple[str, Key]]:
    """The same, each with the document it is of."""
    sql = """
        SELECT DISTINCT source, kind, erp_id FROM intents
        WHERE connection_id = %s AND source = ANY(%b) AND flow = ANY(%b)
    """
    rows = bulk.fetch(conn, sql, (about.connection_id, list(about.sources), list(about.flows)))
    return sorted((row[0], Key(row[1], row[2])) for row in rows)


def held_now(conn: Connection, about: About) -> list[tuple[str, str, str, str]]:
    """Source, flow, reason and sentence of the open holds of some documents, the oldest first."""
    sql = """
        SELECT source, flow, reason, sentence FROM holds
        WHERE connection_id = %s AND source = ANY(%b) AND flow = ANY(%b) AND released_at IS NULL ORDER BY since, id
    """
    rows = bulk.fetch(conn, sql, (about.connection_id, list(about.sources), list(about.flows)))
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def last_steps(conn: Connection, about: About) -> dict[str, dict[str, int]]:
    """How each document's records stand: of every record its newest step that was not put aside, counted by state."""
    sql = """
        SELECT source, state, count(*) FROM (
            SELECT DISTINCT ON (i.source, i.kind, i.erp_id) i.source, s.state
            FROM intents i JOIN intent_states s ON s.id = i.id
            WHERE i.connection_id = %s AND i.source = ANY(%b) AND i.flow = ANY(%b) AND s.state <> 'superseded'
            ORDER BY i.source, i.kind, i.erp_id, i.id DESC) newest
        GROUP BY 1, 2
    """
    found: dict[str, dict[str, int]] = {}
    for source, state, number in bulk.fetch(conn, sql, (about.connection_id, list(about.sources), list(about.flows))):
        found.setdefault(source, {})[state] = number
    return found


def holds_of(conn: Connection, about: About, *, offset: int, limit: int) -> list[HoldRow]:
    """A document's holds, the open ones first, then those that went last."""
    sql = """
        SELECT id, flow, source, kind, erp_id, reason, waits_kind, waits_id, owner, sentence, amount, currency,
               candidates, evidence, since, last_seen_run, released_at, released_by
        FROM holds WHERE connection_id = %s AND source = ANY(%b) AND flow = ANY(%b)
        ORDER BY released_at DESC NULLS FIRST, id DESC OFFSET %s LIMIT %s
    """
    values = (about.connection_id, list(about.sources), list(about.flows), offset, limit)
    return [HoldRow(*row) for row in bulk.fetch(conn, sql, values)]


def hops(conn: Connection, about: About, key: Key, *, offset: int, limit: int) -> list[HopRow]:
    """The moments of a document's life, the latest first: every answer of people is one, earlier and withdrawn ones
    too, and every change of how it stands in Procore and what it became stands in IFS."""
    rows = bulk.fetch_named(
        conn,
        _HOPS,
        {
            "connection": about.connection_id,
            "sources": list(about.sources),
            "flows": list(about.flows),
            "kind": key.kind,
            "ruled": [key.id],
            "others": [kind for kind in FLOWS_OF if kind != key.kind],
            "offset": offset,
            "limit": limit,
        },
    )
    return [HopRow(*row) for row in rows]


_HOPS = """
    WITH step AS MATERIALIZED (
        SELECT i.id, i.run_id, i.kind, i.erp_id, s.sent_at, s.settled_at
        FROM intents i JOIN intent_states s ON s.id = i.id
        WHERE i.connection_id = %(connection)s AND i.source = ANY(%(sources)s) AND i.flow = ANY(%(flows)s)
    ), held AS MATERIALIZED (
        SELECT id, since, released_at, last_seen_run FROM holds
        WHERE connection_id = %(connection)s AND source = ANY(%(sources)s) AND flow = ANY(%(flows)s)
    )
    SELECT at, what, ref, name FROM (
        SELECT coalesce(r.started_at, step.sent_at, step.settled_at) AS at, 1 AS place, 'decided' AS what,
               step.id AS ref, '' AS name
        FROM step LEFT JOIN runs r ON r.id = step.run_id
        UNION ALL SELECT r.started_at, 0, 'read', r.id, '' FROM runs r
                  WHERE r.id IN (SELECT run_id FROM step UNION SELECT last_seen_run FROM held)
        UNION ALL SELECT since, 2, 'held', id, '' FROM held
        UNION ALL SELECT coalesce((SELECT max(r.started_at) FROM runs r  -- the run it let send is what wrote it down
                                   WHERE r.connection_id = p.connection_id AND r.plan_hash = p.hash
                                     AND r.id > p.first_run_id AND r.id IN (SELECT run_id FROM step)
                                     AND r.started_at <= p.approved_at), p.approved_at),
                         -1, 'approved', p.run_id, p.hash FROM plans p
                  WHERE p.connection_id = %(connection)s AND p.approved_at IS NOT NULL
                    AND p.hash IN (SELECT r.plan_hash FROM runs r
                                   WHERE r.id IN (SELECT run_id FROM step) AND r.plan_hash <> '')
        UNION ALL SELECT at, 4, 'ruled', seq, '' FROM audit
                  WHERE connection_id = %(connection)s AND erp_id <> '' AND erp_id = ANY(%(ruled)s)
                    AND kind <> ALL(%(others)s) AND tag IN ('ruling:make:done', 'ruling:withdraw:done')
        UNION ALL SELECT r.started_at, 1, 'left', r.id, p.documents #>> ARRAY[f.flow, 'skipped', s.erp_id]
                  FROM source_rows s JOIN runs r ON r.id = s.run_id JOIN run_progress p ON p.run_id = r.id
                  CROSS JOIN unnest(%(flows)s::text[]) AS f (flow)
                  WHERE s.connection_id = %(connection)s AND s.kind = %(kind)s AND s.erp_id = ANY(%(ruled)s)
                    AND p.documents #>> ARRAY[f.flow, 'skipped', s.erp_id] <> ''
        UNION ALL SELECT n.at, 8, 'stood', n.id, ''
                  FROM (SELECT kind, erp_id FROM step UNION SELECT %(kind)s, unnest(%(ruled)s)) k
                  JOIN standings n ON n.connection_id = %(connection)s AND n.kind = k.kind AND n.erp_id = k.erp_id
        UNION ALL SELECT sent_at, 5, 'sent', id, '' FROM step WHERE sent_at IS NOT NULL
        UNION ALL SELECT settled_at, 6, 'answered', id, '' FROM step WHERE settled_at IS NOT NULL
        UNION ALL SELECT released_at, 7, 'released', id, '' FROM held WHERE released_at IS NOT NULL
    ) hop WHERE at IS NOT NULL ORDER BY at DESC, place DESC, ref DESC OFFSET %(offset)s LIMIT %(limit)s
"""


def steps(conn: Connection, connection_id: int, ids: Sequence[int]) -> dict[int, StepRow]:
    """Some steps by their number."""
    sql = """
        SELECT i.id, i.run_id, i.flow, i.verb, i.kind, i.erp_id, coalesce(nullif(s.target, ''), i.target), i.amount,
               i.currency, i.reason, s.state, s.result, s.reference, s.attempt, s.sent_at, s.settled_at
        FROM intents i JOIN intent_states s ON s.id = i.id WHERE i.connection_id = %s AND i.id = ANY(%b::int8[])
    """
    return {row[0]: StepRow(*row) for row in bulk.fetch(conn, sql, (connection_id, list(ids)))}


def holds_by_id(conn: Connection, connection_id: int, ids: Sequence[int]) -> dict[int, HoldRow]:
    """Some holds by their number."""
    sql = """
        SELECT id, flow, source, kind, erp_id, reason, waits_kind, waits_id, owner, sentence, amount, currency,
               candidates, evidence, since, last_seen_run, released_at, released_by
        FROM holds WHERE connection_id = %s AND id = ANY(%b::int8[])
    """
    return {row[0]: HoldRow(*row) for row in bulk.fetch(conn, sql, (connection_id, list(ids)))}


def first_held(conn: Connection, connection_id: int, ids: Sequence[int]) -> dict[int, int]:
    """Some holds by their number to the run that opened them, as the audit trail has it; others are absent."""
    sql = """
        SELECT h.id, max(a.run_id) FROM holds h JOIN audit a
               ON a.connection_id = h.connection_id AND a.erp_id = h.erp_id AND a.erp_id <> '' AND a.kind = h.kind
        WHERE h.connection_id = %s AND h.id = ANY(%b::int8[]) AND a.tag = 'hold:open:done'
              AND a.run_id BETWEEN 1 AND h.last_seen_run AND nullif(a.details, '')::jsonb ->> 'reason' = h.reason
              AND nullif(a.details, '')::jsonb ->> 'waits_for' = h.waits_kind || ':' || h.waits_id
        GROUP BY h.id
    """
    return dict(bulk.fetch(conn, sql, (connection_id, list(ids))))


def runs_by_id(conn: Connection, connection_id: int, ids: Sequence[int]) -> dict[int, RunName]:
    """Some runs by their number; such as are kept no longer are absent."""
    sql = """
        SELECT id, trigger, actor, started_at, mapping_version, plan_hash FROM runs
        WHERE connection_id = %s AND id = ANY(%b::int8[])
    """
    return {row[0]: RunName(*row) for row in bulk.fetch(conn, sql, (connection_id, sorted(set(ids))))}


def exchanges_for(
    conn: Connection, connection_id: int, sent: Mapping[int, datetime], limit: int = 500
) -> list[ExchangeRow]:
    """What was sent for some steps (by number, with when each was last sent) and what came back, oldest first.

    They are found by the steps and not by their run: a lost answer is read back by a later one.
    """
    if not sent:
        return []
    sql = f"""
        SELECT {_EXCHANGE} FROM exchanges
        WHERE NOT lasting AND at >= %s AND intent_ids && %b::int8[] AND intent_ids <> '{{}}' AND connection_id = %s
        ORDER BY id LIMIT %s
    """
    rows = bulk.fetch(conn, sql, (min(sent.values()) - _SKEW, list(sent), connection_id, limit))
    return [ExchangeRow(*row) for row in rows]


def exchange(conn: Connection, connection_id: int, number: int) -> ExchangeRow:
    """One exchange; NothingSuchHere when the connection has none of that number, or it is kept no longer."""
    sql = f"SELECT {_EXCHANGE} FROM exchanges WHERE id = %s AND connection_id = %s AND NOT lasting"
    row = bulk.fetch_one(conn, sql, (number, connection_id))
    if row is None:
        raise NothingSuchHere(f"There is no exchange {number}, or it is kept no longer.")
    return ExchangeRow(*row)


def last_looked(conn: Connection, about: About, kind: str) -> int:
    """The run that last decided a document; 0 when none did that is known."""
    sql = """
        SELECT greatest(
            (SELECT max(run_id) FROM source_rows
              WHERE connection_id = %(connection)s AND kind = %(kind)s AND erp_id = ANY(%(sources)s)),
            (SELECT max(run_id) FROM intents
              WHERE connection_id = %(connection)s AND source = ANY(%(sources)s) AND flow = ANY(%(flows)s)),
            (SELECT max(last_seen_run) FROM holds
              WHERE connection_id = %(connection)s AND source = ANY(%(sources)s) AND flow = ANY(%(flows)s)))
    """
    values = {
        "connection": about.connection_id,
        "kind": kind,
        "sources": list(about.sources),
        "flows": list(about.flows),
    }
    rows = bulk.fetch_named(conn, sql, values)
    return int(rows[0][0] or 0) if rows else 0


def inputs_of(conn: Connection, connection_id: int, run_id: int, flows: Sequence[str] = ()) -> list[InputOf]:
    """The inputs of a run's decisions in their order; of some flows where any are named."""
    sql = """
        SELECT path, request_hash, request_id, at FROM exchanges
        WHERE lasting AND run_id = %s AND connection_id = %s AND side = 'engine' AND request_hash IS NOT NULL
          AND (%s OR path = ANY(%b)) ORDER BY id
    """
    rows = bulk.fetch(conn, sql, (run_id, connection_id, not flows, list(flows)))
    return [InputOf(*row) for row in rows]


def approvers(conn: Connection, connection_id: int, hashes: Sequence[str]) -> dict[str, str]:
    """Who approved some plans."""
    sql = "SELECT hash, approved_by FROM plans WHERE connection_id = %s AND hash = ANY(%b)"
    return dict(bulk.fetch(conn, sql, (connection_id, list(hashes))))


def audit_by_seq(conn: Connection, connection_id: int, numbers: Sequence[int]) -> dict[int, AuditEntry]:
    """Some audit rows by their number."""
    sql = """
        SELECT seq, at, actor, tag, kind, erp_id, run_id, details FROM audit
        WHERE connection_id = %s AND seq = ANY(%b::int8[])
    """
    return {row[0]: AuditEntry(*row[1:]) for row in bulk.fetch(conn, sql, (connection_id, list(numbers)))}


def audit_of(conn: Connection, connection_id: int, keys: Sequence[Key], *, offset: int, limit: int) -> list[AuditRow]:
    """The audit rows about some records, the latest first."""
    sql = """
        SELECT seq, at, actor, tag, kind, erp_id, run_id, details, hash FROM audit
        WHERE connection_id = %s AND erp_id <> '' AND erp_id = ANY(%b)
          AND (kind, erp_id) IN (SELECT * FROM unnest(%b::text[], %b::text[]))
        ORDER BY seq DESC OFFSET %s LIMIT %s
    """
    ids = [key.id for key in keys]
    values = (connection_id, sorted(set(ids)), [key.kind for key in keys], ids, offset, limit)
    return [AuditRow(row[0], AuditEntry(*row[1:8]), row[8]) for row in bulk.fetch(conn, sql, values)]
