"""Plans as people read them: which wait, which took another's place, who approved what, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import Connection

from ml_connector.store import bulk, plan_steps
from ml_connector.store.listing import like, ordered, paged
from ml_connector.store.runs import PlanRow


class PlanLine(msgspec.Struct, frozen=True):
    """One plan in a list. `over` tells that later runs have looked at all its flows and planned otherwise.

    `run_id` and `made_at` are of the run that made it last: the same plan may be found again, as when it is sent.
    """

    hash: str
    run_id: int
    made_at: datetime
    state: str
    asked_by: str
    approved_by: str
    approved_at: datetime | None
    summary: dict[str, Any]
    trigger: str
    flows: list[str]
    over: bool
    first_run: int = 0
    """The run that made it first."""
    first_at: datetime | None = None
    """When that was."""
    goes: bool = False
    """Whether nobody has to approve it: it goes by itself, and not all of it has gone."""
    parts: dict[str, Any] = {}
    """What it does in each project; only of a plan that is looked at alone."""
    outcome: dict[str, Any] = {}
    """What became of its steps; likewise."""

    @property
    def sends(self) -> str:
        """The approved plan of which this is no more than the sending; empty for a plan of its own."""
        return str(self.summary.get("sends", ""))

    @property
    def went(self) -> dict[str, int]:
        """How many of its steps are `done`, can go yet (`open`), and went `not`; empty before a run of it ended."""
        found: dict[str, int] = self.summary.get("went", {})
        return found


UNAPPROVED = """
    SELECT DISTINCT i.flow FROM intents i JOIN intent_states s ON s.id = i.id
    WHERE i.run_id = r.id AND s.connection_id = r.connection_id AND s.state = 'waiting' AND s.attempt = 0
"""
"""Flows of a run `r` that ended well of which steps wait for a person. One that was tried and put off by the other side
does not."""
_BY_ITSELF = "p.state = 'kept' AND r.state <> 'stopped' AND r.trigger <> 'plan'"
"""Plans of runs that went on: what of them waited for nobody went at once."""
_GOES = f"CASE WHEN {_BY_ITSELF} THEN NOT EXISTS ({UNAPPROVED}) ELSE false END"
_LATER = """
    FROM runs l WHERE l.connection_id = p.connection_id AND l.id > p.run_id AND l.trigger <> 'webhook'
      AND l.plan_hash NOT IN ('', p.hash) AND l.state IN ('done', 'stopped')
"""
"""A run of a webhook looks at some records alone, so it says nothing of a plan that looked at more."""
_OVER = f"""
    CASE WHEN p.state NOT IN ('kept', 'approved', 'partly') THEN false
         WHEN r.flows <@ ARRAY(
             SELECT DISTINCT unnest(l.flows) FROM (SELECT l.flows {_LATER} ORDER BY l.id LIMIT 500) l) THEN true
         WHEN {_BY_ITSELF} THEN EXISTS (SELECT 1 {_LATER} AND l.flows && r.flows) AND NOT EXISTS (
             SELECT 1 FROM intents i JOIN intent_states s ON s.id = i.id
             WHERE i.run_id = r.id AND s.connection_id = r.connection_id
               AND s.state IN ('planned', 'sending', 'unknown', 'waiting'))
         ELSE false END
"""
"""Later runs have looked at all its flows and planned otherwise; or they have put aside all that was left of one that
nobody was asked about, or of which the rest waited while some of its flows went."""
WAITS = f"""
    p.state IN ('kept', 'partly') AND coalesce((p.summary->>'steps')::int, 1) > 0
    AND (p.state = 'partly' OR NOT p.summary ? 'sends')
    AND CASE WHEN EXISTS (SELECT 1 {_LATER} AND l.flows @> r.flows) THEN false ELSE NOT ({_OVER}) AND NOT ({_GOES}) END
"""
"""Whether a plan `p`, made last by run `r`, waits for a person: as `STANDS` says it, the cheap part first. Home, the
menu, the figures and the alarms go by it (store/signals.py), so that they say what the list of plans says."""
_LINE = f"""
    p.hash, p.run_id, p.made_at, p.state, p.asked_by, p.approved_by, p.approved_at, p.summary,
    coalesce(f.trigger, r.trigger), r.flows, {_OVER} AS over, coalesce(nullif(p.first_run_id, 0), p.run_id),
    coalesce(p.first_at, p.made_at), {_GOES} AS goes%s
    FROM plans p JOIN runs r ON r.id = p.run_id
    LEFT JOIN runs f ON f.id = p.first_run_id AND f.connection_id = p.connection_id
"""
_SORTS = {
    "made_at": "first_at",
    "asked_by": "asked_by",
    "approved_by": "approved_by",
}
_DONE = "coalesce((summary->'went'->>'done')::int, 0) > 0"
_SHORT = "coalesce((summary->'went'->>'open')::int, 0) + coalesce((summary->'went'->>'not')::int, 0) > 0"
_SENT = "(summary ? 'sends' AND (over OR state <> 'partly'))"
_AWAY = "(over OR state = 'superseded')"
STANDS = {
    "waiting": f"NOT {_AWAY} AND NOT goes AND state IN ('kept', 'partly') AND NOT {_SENT}",
    "going": f"NOT {_AWAY} AND goes AND NOT {_SENT}",
    "approved": f"NOT {_AWAY} AND state = 'approved' AND NOT {_SENT}",
    "applied": f"state = 'applied' AND NOT {_SHORT} AND NOT {_SENT}",
    "short": f"(state = 'applied' AND {_SHORT} OR {_AWAY} AND {_DONE}) AND NOT {_SENT}",
    "replaced": f"{_AWAY} AND NOT {_DONE} AND NOT {_SENT}",
    "sent": _SENT,
}
"""How a plan stands, for filtering, to the condition that says so."""


NOT_GONE = ("superseded", "refused")
"""States of a step that did not go, and goes under this plan no more."""


class PlanLook(msgspec.Struct, frozen=True):
    """How a list of plans is asked for."""

    stands: str = ""
    """One of `STANDS`; empty for all."""
    words: str = ""
    sort: str = ""
    down: bool = False
    page: int = 1
    size: int = 50


def listed(conn: Connection, connection_id: int, look: PlanLook) -> list[PlanLine]:
    """Plans that have steps, the one that was made last first, one more than the page takes."""
    columns = _LINE % ""
    where = [STANDS[look.stands]] if look.stands else []
    where += ["concat_ws(' ', hash, asked_by, approved_by) ILIKE ALL (%(words)s)"] if look.words else []
    sql = f"""
        SELECT * FROM (
            SELECT {columns} WHERE p.connection_id = %(connection)s AND (p.summary->>'steps')::int > 0
            ORDER BY p.made_at DESC LIMIT 2000) found ({_NAMES})
        {"WHERE " + " AND ".join(where) if where else ""}
    """
    order = ordered(_SORTS, look.sort, down=look.down, otherwise="first_at DESC, run_id DESC", unique="hash")
    values = {"connection": connection_id, "words": like(look.words)}
    rows = bulk.fetch_named(conn, sql + order + paged(look.page, look.size), values)
    return [PlanLine(*row) for row in rows]


_NAMES = (
    "hash, run_id, made_at, state, asked_by, approved_by, approved_at, summary, trigger, flows, over, first_run, "
    "first_at, goes"
)


def one(conn: Connection, connection_id: int, plan: str) -> PlanLine | None:
    """One plan by its whole hash, with its parts; None when there is none."""
    sql = f"SELECT {_LINE % ', p.parts, p.outcome'} WHERE p.connection_id = %s AND p.hash = %s"
    row = bulk.fetch_one(conn, sql, (connection_id, plan))
    return PlanLine(*row) if row else None


def put_parts(conn: Connection, connection_id: int, plan: str, parts: dict[str, Any]) -> None:
    """Keeps with a plan what it does in each project; nothing has become of it yet."""
    sql = "UPDATE plans SET parts = %s, outcome = '{}' WHERE connection_id = %s AND hash = %s"
    bulk.run(conn, sql, (Jsonb(parts), connection_id, plan))


def scene_of(conn: Connection, connection_id: int, plan: PlanLine | PlanRow) -> plan_steps.Scene:
    """Where the steps of a plan are found: in the run that made it last, and in those that its approvals began."""
    later = {row.run_id for row in approvals(conn, connection_id, plan.hash)} - {plan.run_id}
    return plan_steps.Scene(connection_id, plan.run_id, tuple(sorted(later)))


def put_outcome(
    conn: Connection, connection_id: int, plan: str, fates: Sequence[plan_steps.Fate], applied: Mapping[str, Any]
) -> None:
    """Keeps with a plan what became of its steps, and what was applied by cost code (engine/outcome.py)."""
    kept = [[*msgspec.structs.astuple(row)[:-2], str(row.amount), str(row.recoded)] for row in fates]
    went = {"done": 0, "open": 0, "not": 0}
    for row in fates:
        went["done" if row.state == "done" else "not" if row.state in NOT_GONE else "open"] += row.steps
    sql = "UPDATE plans SET outcome = %s, summary = summary || %s WHERE connection_id = %s AND hash = %s"
    bulk.run(conn, sql, (Jsonb({**applied, "fates": kept}), Jsonb({"went": went}), connection_id, plan))


def note_sending(conn: Connection, connection_id: int, name: str, approved: PlanRow) -> None:
    """The plan `name`, decided anew on the way of an approval, is no plan of its own: what it does was approved."""
    told = Jsonb({"sends": approved.hash, "sent_by": approved.approved_by})
    sql = "UPDATE plans SET summary = summary || %s WHERE connection_id = %s AND hash = %s"
    bulk.run(conn, sql, (told, connection_id, name))


def next_plan(conn: Connection, connection_id: int, plan: PlanLine) -> str:
    """The plan that the newest whole run over one of its flows made instead; empty when there is none."""
    sql = """
        SELECT l.plan_hash FROM runs l JOIN plans n ON n.connection_id = l.connection_id AND n.hash = l.plan_hash
        WHERE l.connection_id = %s AND l.id > %s AND l.trigger <> 'webhook' AND l.plan_hash NOT IN ('', %s)
          AND l.flows && %s AND l.state IN ('done', 'stopped')
        ORDER BY l.id DESC LIMIT 1
    """
    row = bulk.fetch_one(conn, sql, (connection_id, plan.run_id, plan.hash, list(plan.flows)))
    return str(row[0]) if row else ""


class ApprovalRow(msgspec.Struct, frozen=True):
    """One approval of a plan, and the run it began. `details` is the audit row's JSON."""

    at: datetime
    actor: str
    run_id: int
    details: str


def approvals(conn: Connection, connection_id: int, plan: str) -> list[ApprovalRow]:
    """Who approved a plan and when, oldest first; a run that goes on with what was approved is among them."""
    sql = """
        SELECT at, actor, run_id, details FROM audit
        WHERE connection_id = %s AND erp_id = %s AND erp_id <> '' AND tag = 'plan:approve:done' ORDER BY seq LIMIT 200
    """
    return [ApprovalRow(*row) for row in bulk.fetch(conn, sql, (connection_id, plan))]


class Went(NamedTuple):
    """How an approved plan went: what of it did not, and the run that it began last."""

    stayed: int
    """Steps that were refused or put aside."""
    waits: bool
    """Whether some of it still waits, or was left open."""
    state: str
    """Of the run."""
    counts: dict[str, Any]
    """Of the run, flow by flow."""


def went(conn: Connection, connection_id: int, most: int = 50) -> list[Went]:
    """How the latest approved plans went, newest first."""
    sql = f"""
        SELECT coalesce((p.summary->'went'->>'not')::int, 0),
               CASE WHEN p.state = 'applied' THEN {_SHORT} ELSE p.state IN ('approved', 'partly') AND NOT p.over END,
               r.state, r.counts
        FROM (SELECT p.hash, p.approved_at, p.summary, p.state, {_OVER} AS over
              FROM plans p JOIN runs r ON r.id = p.run_id WHERE p.connection_id = %s AND p.approved_by <> ''
              ORDER BY p.approved_at DESC LIMIT %s) p
        CROSS JOIN LATERAL (
            SELECT run_id FROM audit WHERE connection_id = %s AND erp_id = p.hash AND erp_id <> ''
              AND tag = 'plan:approve:done' ORDER BY seq DESC LIMIT 1) a
        JOIN runs r ON r.id = a.run_id ORDER BY p.approved_at DESC
    """
    return [Went(*row) for row in bulk.fetch(conn, sql, (connection_id, most, connection_id))]
