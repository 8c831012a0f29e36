"""The steps of a plan as people read them: by project, by record, one by one, and what changed between two plans."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.keys import Key
from ml_connector.store import bulk
from ml_connector.store.listing import like, ordered, paged

_NEEDS = msgspec.json.Decoder(list[tuple[str, str]])
_FORMER = msgspec.json.Decoder(list[tuple[str, Decimal]])
_WHAT = "CASE WHEN max(counts_as) = 'linked' AND bool_or(verb <> 'link') THEN 'adopted' ELSE max(counts_as) END"
"""What a plan does with a record, as engine/outline.py counts it."""


class StepRow(msgspec.Struct, frozen=True, gc=False):
    """A step that is yet to be sent, without what it carries."""

    id: int
    flow: str
    kind: str
    erp_id: str
    scope: str
    source: str
    needs_json: str
    digest: bytes

    @property
    def key(self) -> Key:
        """The record it is about."""
        return Key(self.kind, self.erp_id)

    @property
    def needs(self) -> tuple[Key, ...]:
        """Links that must exist before it can be sent."""
        return tuple(Key(kind, erp_id) for kind, erp_id in _NEEDS.decode(self.needs_json))


def steps_of(conn: Connection, connection_id: int, run_id: int, after: int = 0, limit: int = 5000) -> list[StepRow]:
    """The steps of a run that are planned and not yet sent, behind id `after`, in plan order."""
    sql = """
        SELECT i.id, i.flow, i.kind, i.erp_id, i.scope, i.source, i.needs, i.digest
        FROM intents i JOIN intent_states s ON s.id = i.id
        WHERE i.run_id = %s AND i.connection_id = %s AND i.id > %s AND s.state = 'planned' ORDER BY i.id LIMIT %s
    """
    return [StepRow(*row) for row in bulk.fetch(conn, sql, (run_id, connection_id, after, limit))]


class Scene(msgspec.Struct, frozen=True):
    """Where the steps of a plan are found: the run that made it, and later runs that sent parts of it."""

    connection_id: int
    run_id: int
    later: tuple[int, ...] = ()

    def values(self, **more: Any) -> dict[str, Any]:
        """The values that every statement over steps names, with more of its own."""
        return {"connection": self.connection_id, "run": self.run_id, "later": list(self.later), **more}


def stood(where: str = "") -> str:
    """The steps of a plan that fit, each as it stands by now: one that a later run sent is found by what it does."""
    return f"""
    WITH later AS MATERIALIZED (
        SELECT DISTINCT ON (i.digest) i.digest, s.state, s.result, s.reference
        FROM intents i JOIN intent_states s ON s.id = i.id
        WHERE i.run_id = ANY(%(later)s) AND i.connection_id = %(connection)s{where}
        ORDER BY i.digest, (s.state = 'done') DESC, i.id DESC
    ), steps AS (
        SELECT i.id, i.flow, i.verb, i.kind, i.erp_id, i.source, i.amount, i.currency, i.counts_as, i.reason,
               coalesce(i.moved, abs(i.amount)) AS moved,
               CASE i.kind WHEN 'project' THEN i.erp_id ELSE i.scope END AS place,
               coalesce(l.state, s.state) AS state, coalesce(l.result, s.result) AS result,
               coalesce(l.reference, s.reference) AS reference
        FROM intents i JOIN intent_states s ON s.id = i.id LEFT JOIN later l ON l.digest = i.digest
        WHERE i.run_id = %(run)s AND i.connection_id = %(connection)s{where}
    )
    """


class Fate(msgspec.Struct, frozen=True):
    """How many steps of a flow in one project stand how, with their money in one currency (empty: of no money)."""

    place: str
    flow: str
    state: str
    currency: str
    steps: int
    amount: Decimal
    """Net."""
    recoded: Decimal = Decimal(0)
    """What they move besides from some codes to others, which is in no net amount."""


def fates(conn: Connection, scene: Scene) -> list[Fate]:
    """What became of the steps of a plan, by project, flow, state and currency."""
    sql = f"""
        {stood()} SELECT place, flow, state, currency, count(*)::int, coalesce(sum(amount), 0),
                         coalesce(sum(moved - abs(amount)), 0)
        FROM steps GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """
    return [Fate(*row) for row in bulk.fetch_named(conn, sql, scene.values())]


def flows_left(conn: Connection, scene: Scene) -> set[tuple[str, str]]:
    """Place and flow of the steps of a plan that can still go; an empty place is no project."""
    sql = f"{stood()} SELECT DISTINCT place, flow FROM steps WHERE state IN ('planned', 'waiting')"
    return {(str(row[0]), str(row[1])) for row in bulk.fetch_named(conn, sql, scene.values())}


def wait_again(conn: Connection, scene: Scene, run_id: int, flows: Collection[str]) -> int:
    """Has steps of a plan wait that run `run_id` was to send and put aside, of some flows; how many."""
    sql = """
        UPDATE intent_states s SET state = 'waiting' FROM intents i
        WHERE i.id = s.id AND i.run_id = %(sender)s AND i.connection_id = %(connection)s AND i.flow = ANY(%(flows)s)
          AND s.state = 'superseded'
          AND i.digest IN (SELECT digest FROM intents WHERE run_id = %(run)s AND connection_id = %(connection)s)
    """
    return bulk.run_named(conn, sql, scene.values(sender=run_id, flows=sorted(flows)))


class StepLeft(msgspec.Struct, frozen=True, gc=False):
    """A step with money that did not go."""

    place: str
    flow: str
    kind: str
    amount: Decimal
    currency: str
    body: bytes
    former_json: str

    @property
    def former(self) -> list[tuple[str, Decimal]]:
        """What the lines it writes over stand at, by code."""
        return _FORMER.decode(self.former_json) if self.former_json else []


def not_gone(conn: Connection, scene: Scene, places: Sequence[tuple[str, str]]) -> list[StepLeft]:
    """The steps with money of some projects and flows that did not go, or did not go yet."""
    sql = f"""
        {stood(" AND i.amount IS NOT NULL")}
        SELECT s.place, s.flow, s.kind, s.amount, s.currency, i.body, i.former
        FROM steps s JOIN intents i ON i.id = s.id
        WHERE s.state <> 'done'
          AND (s.place, s.flow) IN (SELECT * FROM unnest(%(places)s::text[], %(flows)s::text[]))
    """
    named = scene.values(places=[place for place, _ in places], flows=[flow for _, flow in places])
    return [StepLeft(*row) for row in bulk.fetch_named(conn, sql, named)]


class Left(msgspec.Struct, frozen=True):
    """How many records of a flow in one project can still go, with the money of their steps that can, net (`amount`)
    and as it counts against limits (`moved`); an empty currency is of no money."""

    place: str
    flow: str
    what: str
    """created, updated, adopted or linked; updated, too, where the record is there by now and more of it is to come;
    empty where the plan counts no record."""
    currency: str
    records: int
    amount: Decimal
    moved: Decimal
    recoded: Decimal = Decimal(0)
    """What of `moved` only goes from some codes to others."""


def left(conn: Connection, scene: Scene, places: Sequence[tuple[str, str]]) -> list[Left]:
    """What of some projects and flows of a plan can still go, by what is done and currency."""
    sql = f"""
        {stood()} SELECT place, flow, what, currency, count(*)::int, sum(amount), sum(moved), sum(recoded) FROM (
            SELECT place, flow, max(currency) FILTER (WHERE goes) AS currency,
                   coalesce(sum(amount) FILTER (WHERE goes), 0) AS amount,
                   coalesce(sum(moved) FILTER (WHERE goes), 0) AS moved,
                   coalesce(sum(moved - abs(amount)) FILTER (WHERE goes), 0) AS recoded,
                   CASE WHEN bool_or(goes AND counts_as <> '') THEN {_WHAT}
                        WHEN max(counts_as) <> '' THEN 'updated' ELSE '' END AS what
            FROM (SELECT *, state IN ('planned', 'waiting') AS goes FROM steps) one
            WHERE (place, flow) IN (SELECT * FROM unnest(%(places)s::text[], %(flows)s::text[]))
            GROUP BY place, flow, kind, erp_id HAVING bool_or(goes)) record
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """
    named = scene.values(places=[place for place, _ in places], flows=[flow for _, flow in places])
    return [Left(*row) for row in bulk.fetch_named(conn, sql, named)] if places else []


class RecordLook(msgspec.Struct, frozen=True):
    """How the records of a plan are asked for. `place` None is everywhere, empty what lies in no project."""

    place: str | None = None
    flow: str = ""
    state: str = ""
    what: str = ""
    """created, updated, adopted or linked; empty for all."""
    words: str = ""
    sort: str = ""
    down: bool = False
    page: int = 1
    size: int = 50
    money_first: bool = True
    """Whether those with most money come first, for which all steps are gone through; else they come as planned."""


class RecordLine(msgspec.Struct, frozen=True):
    """One record of a plan, its steps taken together; `states` are those its steps stand in."""

    place: str
    flow: str
    kind: str
    erp_id: str
    source: str
    what: str
    steps: int
    currency: str
    amount: Decimal | None
    states: list[str]
    reason: str
    result: str
    recoded: Decimal | None
    """What its steps move besides from some codes to others; None where they do not."""


_RECORD_SORTS = {
    "record": "erp_id",
    "called": "erp_id",
    "flow": "flow",
    "project": "place",
    "where": "place",
    "source": "source",
    "money": "amount",
    "recoded": "recoded",
    "steps": "steps",
}


def records(conn: Connection, scene: Scene, look: RecordLook) -> list[RecordLine]:
    """The records of a plan, one more than the page takes."""
    named = scene.values(place=look.place, flow=look.flow, state=look.state, what=look.what, words=like(look.words))
    only = " AND (CASE i.kind WHEN 'project' THEN i.erp_id ELSE i.scope END) = %(place)s" * (look.place is not None)
    only += " AND i.flow = %(flow)s" if look.flow else ""
    having = ["bool_or(state = %(state)s)"] if look.state else []
    having += [f"{_WHAT} = %(what)s"] if look.what else []
    having += ["concat_ws(' ', kind, erp_id, min(source), min(reason)) ILIKE ALL (%(words)s)"] if look.words else []
    first = "" if look.money_first else "ORDER BY id LIMIT %(most)s"
    named["most"] = (look.page * look.size + 1) * _STEPS_OF_A_RECORD
    order = ordered(
        _RECORD_SORTS,
        look.sort,
        down=look.down,
        otherwise="moved DESC NULLS LAST, first" if look.money_first else "first",
        unique="first",
    )
    sql = f"""
        {stood(only)} SELECT place, flow, kind, erp_id, source, what, steps, currency, amount, states, reason, result,
                             recoded
        FROM (
            SELECT place, flow, kind, erp_id, min(source) AS source, {_WHAT} AS what, count(*)::int AS steps,
                   max(currency) AS currency, sum(amount) AS amount, array_agg(DISTINCT state) AS states,
                   sum(moved) AS moved, nullif(sum(moved - abs(amount)), 0) AS recoded,
                   (array_agg(reason ORDER BY counts_as = '', id))[1] AS reason, max(result) AS result, min(id) AS first
            FROM (SELECT * FROM steps {first}) part GROUP BY place, flow, kind, erp_id
            {"HAVING " + " AND ".join(having) if having else ""}) found
    """
    return [RecordLine(*row) for row in bulk.fetch_named(conn, sql + order + paged(look.page, look.size), named)]


_STEPS_OF_A_RECORD = 6
"""More steps than a record has; those of one come one after the other."""


class StepLine(msgspec.Struct, frozen=True, gc=False):
    """One step of a record, with what it carries and the record as agreed once it is done."""

    id: int
    verb: str
    source: str
    place: str
    amount: Decimal | None
    currency: str
    reason: str
    state: str
    result: str
    reference: str
    body: bytes
    base: bytes
    needs_json: str
    flow: str
    target: str
    """The other side's id of the record, where it was known when the step was decided."""
    counts_as: str
    moved: Decimal | None
    """The amount as it counts against limits: without sign, and with what only goes to another code."""

    @property
    def recoded(self) -> Decimal:
        """What of that only goes to another code."""
        return (self.moved or Decimal(0)) - abs(self.amount or Decimal(0))

    @property
    def needs(self) -> tuple[Key, ...]:
        """Links that must exist before it can be sent."""
        return tuple(Key(kind, erp_id) for kind, erp_id in _NEEDS.decode(self.needs_json))


def record_steps(conn: Connection, scene: Scene, key: Key, source: str = "") -> list[StepLine]:
    """The steps of one record of a plan, in their order; none when the plan has nothing of it.

    They are found at once where the document (`source`) is known.
    """
    only = " AND i.kind = %(kind)s AND i.erp_id = %(erp_id)s" + (" AND i.source = %(source)s" if source else "")
    sql = f"""
        {stood(only)} SELECT s.id, s.verb, s.source, s.place, s.amount, s.currency, s.reason, s.state, s.result,
                        s.reference, i.body, i.base, i.needs, s.flow, i.target, i.counts_as,
                        s.moved
        FROM steps s JOIN intents i ON i.id = s.id ORDER BY s.id LIMIT 100
    """
    named = scene.values(kind=key.kind, erp_id=key.id, source=source)
    return [StepLine(*row) for row in bulk.fetch_named(conn, sql, named)]


def agreed_before(conn: Connection, connection_id: int, source: str, kinds: Sequence[str], before: int) -> list[bytes]:
    """What the steps of a document that went well before step `before` left agreed, newest first, of some kinds."""
    sql = """
        SELECT i.base FROM intents i JOIN intent_states s ON s.id = i.id
        WHERE i.connection_id = %s AND i.source = %s AND i.kind = ANY(%s) AND i.id < %s AND i.base <> ''
          AND s.state = 'done' ORDER BY i.id DESC LIMIT 20
    """
    return [row[0] for row in bulk.fetch(conn, sql, (connection_id, source, list(kinds), before))]


class Moved(msgspec.Struct, frozen=True):
    """A step that one plan has and another has not; `side` is before or after."""

    side: str
    flow: str
    kind: str
    erp_id: str
    place: str
    source: str
    verb: str
    amount: Decimal | None
    currency: str
    reason: str


def changes(conn: Connection, before: Scene, after: int) -> tuple[dict[str, int], list[Moved]]:
    """What the run `after` planned otherwise: how many steps only one of the two has, and the first 200 of them.

    What went meanwhile has not changed, and is left out.
    """
    sql = """
        WITH old AS MATERIALIZED (
                SELECT i.id, i.digest FROM intents i JOIN intent_states s ON s.id = i.id
                WHERE i.run_id = %(run)s AND i.connection_id = %(connection)s AND s.state <> 'done'),
             went AS MATERIALIZED (
                SELECT i.digest FROM intents i JOIN intent_states s ON s.id = i.id
                WHERE i.run_id = ANY(%(later)s) AND i.connection_id = %(connection)s AND s.state = 'done'),
             new AS MATERIALIZED (
                SELECT id, digest FROM intents WHERE run_id = %(after)s AND connection_id = %(connection)s),
             found AS MATERIALIZED (
                SELECT 'before' AS side, id FROM old o
                WHERE NOT EXISTS (SELECT 1 FROM new n WHERE n.digest = o.digest)
                  AND NOT EXISTS (SELECT 1 FROM went w WHERE w.digest = o.digest)
                UNION ALL
                SELECT 'after', id FROM new n
                WHERE NOT EXISTS (SELECT 1 FROM intents o WHERE o.run_id = %(run)s AND o.digest = n.digest
                                  AND o.connection_id = %(connection)s)),
             few AS (SELECT side, id, count(*) OVER (PARTITION BY side) AS many FROM found ORDER BY id LIMIT 200)
        SELECT side, flow, kind, erp_id, CASE kind WHEN 'project' THEN erp_id ELSE scope END, source, verb, amount,
               currency, reason, many::int
        FROM few JOIN intents USING (id) ORDER BY kind, erp_id, verb, side DESC
    """
    rows = bulk.fetch_named(conn, sql, before.values(after=after))
    return {str(row[0]): row[10] for row in rows}, [Moved(*row[:10]) for row in rows]
