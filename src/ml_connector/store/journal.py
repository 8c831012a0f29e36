"""The journal: every intent from the moment it is planned until its outcome is written down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.errors import Bug
from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import Intent, Verb
from ml_connector.store import bulk


class IntentState(Enum):
    """How an intent stands."""

    PLANNED = "planned"
    """Kept, not sent."""
    SENDING = "sending"
    """Sent, or about to be: after a crash it counts as unknown."""
    DONE = "done"
    """It is there."""
    REFUSED = "refused"
    """Their rules said no."""
    UNKNOWN = "unknown"
    """No answer came; it is read back before anything is sent again, and for a while it may still come."""
    WAITING = "waiting"
    """Not sent for now: rate, lock, or something it needs."""
    SUPERSEDED = "superseded"
    """A later plan took its place; it was never sent."""


class IntentRow(msgspec.Struct, frozen=True, gc=False):
    """An intent as the journal holds it; `state` is the value of an `IntentState`."""

    id: int
    run_id: int
    flow: str
    verb: str
    kind: str
    erp_id: str
    once_key: str
    scope: str
    target: str
    """The other side's id: after it was done the one it got, before that the one known when it was planned."""
    body: bytes
    needs_json: str
    after_json: str
    amount: Decimal | None
    currency: str
    reason: str
    source: str
    counts_as: str
    base: bytes
    """The whole record as agreed once this is done; empty on all but a record's last intent."""
    digest: bytes
    state: str
    result: str
    reference: str
    attempt: int
    sent_at: datetime | None
    settled_at: datetime | None
    moved: Decimal | None
    """The amount as it counts against limits: without sign, and with what only goes to another code."""

    @property
    def key(self) -> Key:
        """The record it is about."""
        return Key(self.kind, self.erp_id)

    @property
    def needs(self) -> tuple[Key, ...]:
        """Links that must exist before it can be sent."""
        return _needs(self.needs_json)

    @property
    def after(self) -> tuple[Verb, ...]:
        """Intents of the same key that must be done first."""
        return tuple(Verb(word) for word in msgspec.json.decode(self.after_json, type=list[str]))


class Settled(msgspec.Struct, frozen=True, gc=False):
    """The outcome of one intent, to be written down; `state` is a value of `IntentState`."""

    id: int
    state: str
    target: str = ""
    sentence: str = ""
    reference: str = ""


class Stage(msgspec.Struct, frozen=True):
    """The intents of one run that one kind of request can carry: one record kind, one verb, in some states."""

    connection_id: int
    run_id: int
    kind: str
    verb: str
    states: tuple[str, ...] = ("planned",)


_needs_decoder = msgspec.json.Decoder(list[tuple[str, str]])
_KEPT = (
    ("id", "int8"),
    ("connection_id", "int8"),
    ("run_id", "int8"),
    ("flow", "text"),
    ("verb", "text"),
    ("kind", "text"),
    ("erp_id", "text"),
    ("once_key", "text"),
    ("scope", "text"),
    ("target", "text"),
    ("body", "bytea"),
    ("needs", "text"),
    ("after", "text"),
    ("amount", "numeric"),
    ("currency", "text"),
    ("reason", "text"),
    ("source", "text"),
    ("counts_as", "text"),
    ("base", "bytea"),
    ("digest", "bytea"),
    ("former", "text"),
    ("moved", "numeric"),
)
_COLUMNS = (
    "i.id, i.run_id, i.flow, i.verb, i.kind, i.erp_id, i.once_key, i.scope, coalesce(nullif(s.target, ''), i.target), "
    "i.body, i.needs, i.after, i.amount, i.currency, i.reason, i.source, i.counts_as, i.base, i.digest, s.state, "
    "s.result, s.reference, s.attempt, s.sent_at, s.settled_at, coalesce(i.moved, abs(i.amount))"
)
_BOTH = "intents i JOIN intent_states s ON s.id = i.id"
_OPEN = ("planned", "sending", "unknown", "waiting")
_UNSENT = ("planned", "waiting")


def keep_intents(
    conn: Connection, connection_id: int, run_id: int, intents: Sequence[Intent], moved: Sequence[Decimal | None] = ()
) -> list[int]:
    """Writes intents down as planned, in order; their ids, ascending in the same order.

    `moved` is what each counts against limits of money (`planning.spreading`); without it the amount without its sign.
    """
    if not intents:
        return []
    sql = "SELECT nextval('intents_id_seq') FROM generate_series(1, %s)"
    ids = [row[0] for row in bulk.fetch(conn, sql, (len(intents),))]
    count = moved or [None] * len(intents)
    rows = ((*_kept(n, connection_id, run_id, one), m) for n, one, m in zip(ids, intents, count, strict=True))
    bulk.copy_in(conn, "intents", _KEPT, rows)
    bulk.copy_in(
        conn, "intent_states", (("id", "int8"), ("connection_id", "int8")), ((number, connection_id) for number in ids)
    )
    return ids


def stages_of(conn: Connection, connection_id: int, run_id: int) -> set[tuple[str, str]]:
    """Record kind and verb of every intent of a run that waits to be sent."""
    sql = f"SELECT DISTINCT i.kind, i.verb FROM {_BOTH} WHERE i.run_id = %s AND s.connection_id = %s AND s.state = %s"
    return {(kind, verb) for kind, verb in bulk.fetch(conn, sql, (run_id, connection_id, "planned"))}


def next_batchable(
    conn: Connection, stage: Stage, after: tuple[str, int] = ("", 0), limit: int = 1000
) -> list[IntentRow]:
    """The next intents of a stage, ordered by scope and id, behind the `(scope, id)` of the last one had.

    Settling what was had does not disturb the order, so a stage is walked to its end in slices.
    """
    sql = f"""
        SELECT {_COLUMNS} FROM {_BOTH}
        WHERE i.run_id = %s AND i.kind = %s AND i.verb = %s AND (i.scope, i.id) > (%s, %s)
          AND i.connection_id = %s AND s.state = ANY(%s)
        ORDER BY i.scope, i.id LIMIT %s
    """
    values = (stage.run_id, stage.kind, stage.verb, *after, stage.connection_id, list(stage.states), limit)
    return [IntentRow(*row) for row in bulk.fetch(conn, sql, values)]


def mark_sending(conn: Connection, ids: Sequence[int]) -> None:
    """Writes down, before the request leaves, that these are being sent; commit before sending.

    Raises Bug when one of them is settled already: it must not be sent again.
    """
    sql = """
        UPDATE intent_states SET state = 'sending', attempt = attempt + 1, sent_at = now()
        WHERE id = ANY(%b::int8[]) AND state = ANY(%s)
    """
    if bulk.run(conn, sql, (list(ids), list(_OPEN))) != len(ids):
        raise Bug("An intent was about to be sent that is settled already.")


def settle(conn: Connection, rows: Sequence[Settled]) -> None:
    """Writes outcomes down."""
    if not rows:
        return
    sql = """
        UPDATE intent_states s
        SET state = o.state, target = o.target, result = o.sentence, reference = o.reference, settled_at = now()
        FROM unnest(%b::int8[], %b::text[], %b::text[], %b::text[], %b::text[])
             AS o (id, state, target, sentence, reference)
        WHERE s.id = o.id
    """
    fields = zip(*(msgspec.structs.astuple(row) for row in rows), strict=True)
    bulk.run(conn, sql, [list(field) for field in fields])


def unconfirmed(conn: Connection, connection_id: int, after: int = 0, limit: int = 1000) -> list[IntentRow]:
    """Intents behind id `after` that were sent and whose outcome is not known, oldest first.

    They are to be read back before anything is sent.
    """
    sql = f"""
        SELECT {_COLUMNS} FROM {_BOTH}
        WHERE s.connection_id = %s AND s.state IN ('sending', 'unknown'){_HINT} AND s.id > %s ORDER BY s.id LIMIT %s
    """
    return [IntentRow(*row) for row in bulk.fetch(conn, sql, (connection_id, after, limit))]


def on_the_way(conn: Connection, ids: Sequence[int], grace: float) -> dict[int, datetime]:
    """Of sent intents that were read back as not there, those that may still come, with the moment until which.

    `grace` is how many seconds the other side may go on after its answer was given up. They count from when we wrote
    down that none came; of a killed sender, who wrote nothing down, from now: how long it still sent is not known.
    """
    sql = """
        UPDATE intent_states
        SET state = 'unknown', settled_at = CASE state WHEN 'sending' THEN now() ELSE settled_at END,
            result = coalesce(nullif(result, ''), 'No answer came, and it is not there yet.')
        WHERE id = ANY(%b::int8[]) AND sent_at IS NOT NULL AND (
            state = 'sending' OR state = 'unknown' AND settled_at > now() - make_interval(secs => %s::float8))
        RETURNING id, settled_at + make_interval(secs => %s::float8)
    """
    return {row[0]: row[1] for row in bulk.fetch(conn, sql, (list(ids), grace, grace))}


def never_left(conn: Connection, ids: Sequence[int]) -> None:
    """Writes down of intents marked as sending that no request of them is on its way: none left, or all had answers."""
    sql = "UPDATE intent_states SET sent_at = NULL WHERE id = ANY(%b::int8[]) AND state = 'sending'"
    bulk.run(conn, sql, (list(ids),))


def unsettled_keys(conn: Connection, connection_id: int, states: Iterable[str] = _OPEN) -> set[Key]:
    """Records with an intent that is still open."""
    sql = f"SELECT DISTINCT i.kind, i.erp_id FROM {_BOTH} WHERE s.connection_id = %s AND s.state = ANY(%s)"
    return {Key(kind, erp_id) for kind, erp_id in bulk.fetch(conn, sql + _HINT, (connection_id, list(states)))}


def supersede(
    conn: Connection, connection_id: int, before_run: int, flows: Iterable[str], states: Iterable[str] = _UNSENT
) -> int:
    """Puts aside intents of earlier runs that were never sent, of the flows that are decided anew; how many."""
    sql = (
        """
        UPDATE intent_states s SET state = 'superseded', settled_at = now() FROM intents i
        WHERE i.id = s.id AND s.connection_id = %s AND s.state = ANY(%s) AND i.run_id < %s AND i.flow = ANY(%s)
    """
        + _HINT
    )
    return bulk.run(conn, sql, (connection_id, list(states), before_run, list(flows)))


def left_planned(conn: Connection, connection_id: int, run_id: int) -> dict[tuple[str, str], int]:
    """Flow and source document of the intents of a run that were not sent, with how many there are of each."""
    sql = f"""
        SELECT i.flow, i.source, count(*) FROM {_BOTH}
        WHERE i.run_id = %s AND s.connection_id = %s AND s.state = 'planned'{_HINT} GROUP BY 1, 2
    """
    return {(flow, source): number for flow, source, number in bulk.fetch(conn, sql, (run_id, connection_id))}


def flows_of(conn: Connection, run_id: int) -> list[str]:
    """The flows that have a step in a run's plan."""
    sql = "SELECT DISTINCT flow FROM intents WHERE run_id = %s ORDER BY 1"
    return [row[0] for row in bulk.fetch(conn, sql, (run_id,))]


def fates(conn: Connection, connection_id: int, run_id: int) -> list[tuple[str, str, str, str, int]]:
    """Flow, record kind, verb and state of the intents of a run, with how many there are of each."""
    sql = f"""
        SELECT i.flow, i.kind, i.verb, s.state, count(*) FROM {_BOTH}
        WHERE i.run_id = %s AND s.connection_id = %s GROUP BY 1, 2, 3, 4
    """
    return [(row[0], row[1], row[2], row[3], row[4]) for row in bulk.fetch(conn, sql, (run_id, connection_id))]


def outcomes(conn: Connection, connection_id: int, run_id: int) -> list[tuple[str, str, str, str, str, str, Decimal]]:
    """What became of a run's intents: flow, source document, record kind and id, state, currency, and their money."""
    sql = f"""
        SELECT i.flow, i.source, i.kind, i.erp_id, s.state, i.currency, coalesce(sum(i.amount), 0) FROM {_BOTH}
        WHERE i.run_id = %s AND s.connection_id = %s GROUP BY 1, 2, 3, 4, 5, 6
    """
    rows = bulk.fetch(conn, sql, (run_id, connection_id))
    return [(row[0], row[1], row[2], row[3], row[4], row[5], row[6]) for row in rows]


def load_intents(conn: Connection, connection_id: int, ids: Sequence[int]) -> list[IntentRow]:
    """Some intents, by id."""
    sql = f"SELECT {_COLUMNS} FROM {_BOTH} WHERE i.id = ANY(%b::int8[]) AND i.connection_id = %s ORDER BY i.id"
    return [IntentRow(*row) for row in bulk.fetch(conn, sql, (list(ids), connection_id))]


def plan_of(conn: Connection, connection_id: int, run_id: int, after: int = 0, limit: int = 1000) -> list[IntentRow]:
    """A run's intents in plan order, behind id `after`: what a plan printed or approved consists of."""
    sql = f"""
        SELECT {_COLUMNS} FROM {_BOTH} WHERE i.run_id = %s AND i.connection_id = %s AND i.id > %s
        ORDER BY i.id LIMIT %s
    """
    return [IntentRow(*row) for row in bulk.fetch(conn, sql, (run_id, connection_id, after, limit))]


def history_of(conn: Connection, connection_id: int, source: str, limit: int = 200) -> list[IntentRow]:
    """Every intent about one erp document, newest first: its page in the console and on the command line."""
    sql = f"SELECT {_COLUMNS} FROM {_BOTH} WHERE i.connection_id = %s AND i.source = %s ORDER BY i.id DESC LIMIT %s"
    return [IntentRow(*row) for row in bulk.fetch(conn, sql, (connection_id, source, limit))]


def counts(conn: Connection, run_id: int) -> dict[str, dict[str, int]]:
    """How many intents of a run stand how, by flow.

    Under each flow: every state that occurs, and `created`, `updated`, `linked` for the done ones that are counted so.
    """
    sql = f"SELECT i.flow, s.state, i.counts_as, count(*) FROM {_BOTH} WHERE i.run_id = %s GROUP BY 1, 2, 3"
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for flow, state, counts_as, number in bulk.fetch(conn, sql, (run_id,)):
        found[flow][state] += number
        if state == "done" and counts_as:
            found[flow][counts_as] += number
    return {flow: dict(numbers) for flow, numbers in found.items()}


def planned_counts(conn: Connection, run_id: int) -> dict[str, dict[str, int]]:
    """How many records of a run's plan are to be created, updated or linked, by flow, whatever became of them."""
    sql = "SELECT flow, counts_as, count(*) FROM intents WHERE run_id = %s AND counts_as <> '' GROUP BY 1, 2"
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for flow, counts_as, number in bulk.fetch(conn, sql, (run_id,)):
        found[flow][counts_as] = number
    return dict(found)


def money(conn: Connection, run_id: int) -> dict[str, dict[str, Decimal]]:
    """Money of a run by currency: `planned` over all its intents, `applied` over those that are done."""
    sql = f"""
        SELECT i.currency, sum(i.amount), coalesce(sum(i.amount) FILTER (WHERE s.state = 'done'), 0)
        FROM {_BOTH} WHERE i.run_id = %s AND i.amount IS NOT NULL GROUP BY 1 ORDER BY 1
    """
    rows = bulk.fetch(conn, sql, (run_id,))
    return {currency: {"planned": planned, "applied": applied} for currency, planned, applied in rows}


def digests(conn: Connection, run_id: int) -> list[bytes]:
    """The digests of a run's intents, in plan order: what its plan's hash is made of."""
    return [row[0] for row in bulk.fetch(conn, "SELECT digest FROM intents WHERE run_id = %s ORDER BY id", (run_id,))]


_HINT = " AND s.state IN ('planned', 'sending', 'unknown', 'waiting')"
"""Repeats the condition of the index over open intents, so that the planner sees it applies."""


def _needs(text: str) -> tuple[Key, ...]:
    """Keys from their JSON."""
    return tuple(Key(kind, erp_id) for kind, erp_id in _needs_decoder.decode(text))


def _kept(number: int, connection_id: int, run_id: int, intent: Intent) -> tuple[Any, ...]:
    """An intent as a row."""
    return (
        number,
        connection_id,
        run_id,
        intent.flow,
        intent.verb.value,
        intent.key.kind,
        intent.key.id,
        intent.once_key,
        intent.scope,
        intent.target,
        intent.body,
        bulk.json_text(intent.needs),
        bulk.json_text(intent.after),
        intent.money.amount if intent.money else None,
        intent.money.currency if intent.money else "",
        intent.reason,
        intent.source,
        intent.counts_as,
        intent.base,
        intent.digest(),
        bulk.json_text(intent.former) if intent.former else "",
    )
