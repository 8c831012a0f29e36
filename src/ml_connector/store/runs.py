"""Runs and the plans they made: what was started by whom, how it ended, what was approved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import Connection

from ml_connector.kernel.errors import NothingSuchHere, PlanUnknown
from ml_connector.store import bulk

_RUN = (
    "id, connection_id, flows, trigger, actor, mapping_version, started_at, finished_at, state, plan_hash, counts, "
    "requests, error"
)
_PLAN = "hash, run_id, made_at, approved_by, approved_at, state, summary, asked_by"


class RunRow(msgspec.Struct, frozen=True):
    """One run. `state` is running, done, stopped or failed; `finished_at` is None while it runs or after a crash.

    `flows` are those that it looked at: one that was found to lack a right is no more among them.
    """

    id: int
    connection_id: int
    flows: list[str]
    trigger: str
    actor: str
    mapping_version: int
    started_at: datetime
    finished_at: datetime | None
    state: str
    plan_hash: str
    counts: dict[str, Any]
    requests: dict[str, Any]
    error: str


class NewRun(msgspec.Struct, frozen=True):
    """What is known of a run when it begins. `trigger` is schedule, person, webhook or replay."""

    flows: Sequence[str]
    trigger: str
    actor: str
    mapping_version: int = 0


class RunEnd(msgspec.Struct, frozen=True):
    """What is known of a run when it ends. `state` is done, stopped or failed."""

    state: str
    counts: dict[str, Any] = {}
    requests: dict[str, Any] = {}
    error: str = ""


class PlanRow(msgspec.Struct, frozen=True):
    """One plan. `state` is kept, approved, partly (some of it waits), applied or superseded; `run_id` made it last."""

    hash: str
    run_id: int
    made_at: datetime
    approved_by: str
    approved_at: datetime | None
    state: str
    summary: dict[str, Any]
    asked_by: str = ""
    """Who asked for it first; empty when a schedule or an event made it."""


class Asked(msgspec.Struct, frozen=True):
    """Who has a plan made: a person, or nobody; and whether it is made on the way of approving one."""

    person: str = ""
    approving: bool = False


def start_run(conn: Connection, connection_id: int, new: NewRun) -> int:
    """Writes down that a run begins; its id."""
    sql = """
        INSERT INTO runs (connection_id, flows, trigger, actor, mapping_version) VALUES (%s, %s, %s, %s, %s)
        RETURNING id
    """
    row = bulk.fetch_one(conn, sql, (connection_id, list(new.flows), new.trigger, new.actor, new.mapping_version))
    assert row is not None
    return int(row[0])


def looked_at(conn: Connection, run_id: int, flows: Sequence[str]) -> None:
    """Writes down which of its flows a run looked at where others stood still: of those it says nothing."""
    bulk.run(conn, "UPDATE runs SET flows = %s WHERE id = %s", (list(flows), run_id))


def finish_run(conn: Connection, run_id: int, end: RunEnd) -> None:
    """Writes down how a run ended."""
    sql = "UPDATE runs SET state = %s, counts = %s, requests = %s, error = %s, finished_at = now() WHERE id = %s"
    bulk.run(conn, sql, (end.state, Jsonb(end.counts), Jsonb(end.requests), end.error, run_id))


def fail_left_over(conn: Connection, connection_id: int, before: int) -> list[int]:
    """Marks runs below id `before` that still say running as failed; their ids. Call it under the writer's lock."""
    sql = """
        UPDATE runs SET state = 'failed', finished_at = now(),
               error = 'The process ended in the middle; the next run read back what it had sent.'
        WHERE connection_id = %s AND id < %s AND state = 'running' RETURNING id
    """
    return sorted(row[0] for row in bulk.fetch(conn, sql, (connection_id, before)))


def get_run(conn: Connection, connection_id: int, run_id: int) -> RunRow:
    """One run of a connection; NothingSuchHere when it has none of that number."""
    row = bulk.fetch_one(conn, f"SELECT {_RUN} FROM runs WHERE id = %s AND connection_id = %s", (run_id, connection_id))
    if row is None:
        raise NothingSuchHere(f"There is no run {run_id} for this connection.")
    return RunRow(*row)


class Sought(NamedTuple):
    """Which runs; an empty word leaves none out."""

    state: str = ""
    trigger: str = ""
    actor: str = ""
    flow: str = ""


def list_runs(
    conn: Connection,
    connection_id: int | None = None,
    *,
    before: int | None = None,
    limit: int = 50,
    sought: Sought | None = None,
) -> list[RunRow]:
    """Runs, newest first, below id `before`; of every connection when none is named; those that are sought, or all."""
    sql = f"""
        SELECT {_RUN} FROM runs
        WHERE connection_id = coalesce(%s, connection_id) AND id < %s AND state = coalesce(nullif(%s, ''), state)
          AND trigger = coalesce(nullif(%s, ''), trigger) AND actor = coalesce(nullif(%s, ''), actor)
          AND (%s = '' OR %s = ANY(flows) OR jsonb_exists(counts, %s))
        ORDER BY id DESC LIMIT %s
    """
    state, trigger, actor, flow = sought or Sought()
    values = (connection_id, 2**62 if before is None else before, state, trigger, actor, flow, flow, flow, limit)
    return [RunRow(*row) for row in bulk.fetch(conn, sql, values)]


def keep_plan(
    conn: Connection,
    connection_id: int,
    run_id: int,
    plan: str,
    summary: dict[str, Any],
    asked: Asked | None = None,
) -> PlanRow:
    """Keeps a plan under its hash and notes it with its run.

    The same plan made again keeps its approval, and who asked for it first and when, as long as it was not applied or
    superseded; then it starts anew. Who approves a plan that waits has not asked for it.
    """
    asked = asked or Asked()
    sql = f"""
        INSERT INTO plans AS p (connection_id, hash, run_id, summary, asked_by, first_run_id, first_at)
        VALUES (%s, %s, %s, %s, %s, %s, now())
        ON CONFLICT (connection_id, hash) DO UPDATE
        SET run_id = excluded.run_id, made_at = now(), summary = excluded.summary,
            first_run_id = CASE WHEN p.state IN ('kept', 'approved', 'partly') AND p.first_run_id <> 0
                                THEN p.first_run_id ELSE excluded.first_run_id END,
            first_at = CASE WHEN p.state IN ('kept', 'approved', 'partly') AND p.first_run_id <> 0
                            THEN p.first_at ELSE excluded.first_at END,
            state = CASE WHEN p.state IN ('approved', 'partly') THEN p.state ELSE 'kept' END,
            approved_by = CASE WHEN p.state IN ('approved', 'partly') THEN p.approved_by ELSE '' END,
            approved_at = CASE WHEN p.state IN ('approved', 'partly') THEN p.approved_at END,
            asked_by = CASE WHEN p.state NOT IN ('kept', 'approved', 'partly') THEN excluded.asked_by
                            WHEN p.asked_by = '' AND NOT %s THEN excluded.asked_by ELSE p.asked_by END
        RETURNING {_PLAN}
    """
    values = (connection_id, plan, run_id, Jsonb(summary), asked.person, run_id, asked.approving)
    row = bulk.fetch_one(conn, sql, values)
    bulk.run(conn, "UPDATE runs SET plan_hash = %s WHERE id = %s", (plan, run_id))
    assert row is not None
    return PlanRow(*row)


def approve_plan(conn: Connection, connection_id: int, plan: str, actor: str) -> PlanRow:
    """Approves a kept plan; PlanUnknown when there is none of that hash, or it was applied or replaced meanwhile."""
    sql = f"""
        UPDATE plans SET state = 'approved', approved_by = %s, approved_at = now()
        WHERE connection_id = %s AND hash = %s AND state IN ('kept', 'approved', 'partly') RETURNING {_PLAN}
    """
    row = bulk.fetch_one(conn, sql, (actor, connection_id, plan))
    if row is None:
        raise PlanUnknown(f"No plan {plan} waits for approval here.")
    return PlanRow(*row)


def set_plan_state(conn: Connection, connection_id: int, plan: str, state: str) -> None:
    """Moves a plan to `state`: kept, approved, partly, applied or superseded."""
    bulk.run(conn, "UPDATE plans SET state = %s WHERE connection_id = %s AND hash = %s", (state, connection_id, plan))


def supersede_plans(conn: Connection, connection_id: int, besides: str) -> int:
    """Marks every plan that waits or is approved, but one, as superseded; how many there were."""
    sql = """
        UPDATE plans SET state = 'superseded'
        WHERE connection_id = %s AND hash <> %s AND state IN ('kept', 'approved', 'partly')
    """
    return bulk.run(conn, sql, (connection_id, besides))


def get_plan(conn: Connection, connection_id: int, plan: str) -> PlanRow:
    """The plan of that hash, or of the only hash that begins so; PlanUnknown else."""
    sql = f"SELECT {_PLAN} FROM plans WHERE connection_id = %s AND starts_with(hash, %s) ORDER BY made_at DESC LIMIT 2"
    rows = bulk.fetch(conn, sql, (connection_id, plan))
    if len(rows) != 1 or not plan:
        raise PlanUnknown(f"There is no plan {plan} for this connection.")
    return PlanRow(*rows[0])


def list_plans(conn: Connection, connection_id: int, limit: int = 20) -> list[PlanRow]:
    """Plans, the latest made first."""
    sql = f"SELECT {_PLAN} FROM plans WHERE connection_id = %s ORDER BY made_at DESC, run_id DESC LIMIT %s"
    return [PlanRow(*row) for row in bulk.fetch(conn, sql, (connection_id, limit))]
