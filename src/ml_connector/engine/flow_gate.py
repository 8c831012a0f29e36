"""Flows that wait for approval while others go by themselves: what of one plan waits, and what waits with it."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection

from ml_connector.engine.work import Draft, Work
from ml_connector.kernel.keys import Key
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.policy import Policies
from ml_connector.store import journal, plan_steps
from ml_connector.store.journal import IntentState, Settled

WAITS = "Its flow waits for approval, or what it needs does."
"""Said of each step that is left waiting."""


class _Step(NamedTuple):
    id: int
    flow: str
    source: str
    key: Key
    needs: tuple[Key, ...]


def waiting_flows(policies: Policies, flows: Collection[str]) -> set[str]:
    """Those of some flows whose steps wait for a person."""
    general = policies.purchase_orders.approve
    return {flow for flow in flows if policies.approval.flows.get(flow, general) == "manual"}


def park_flows(conn: Connection, work: Work, draft: Draft, waiting: Collection[str]) -> int:
    """Leaves the steps of some flows waiting under the plan, and every step that needs one of them; how many."""
    steps: list[_Step] = []
    after = 0
    while rows := plan_steps.steps_of(conn, work.connection_id, work.run_id, after):
        after = rows[-1].id
        steps += [_Step(row.id, row.flow, row.source, row.key, row.needs) for row in rows]
    left = [step for step in steps if step.flow in waiting]
    free = [step for step in steps if step.flow not in waiting]
    keys = {step.key for step in left}
    while more := [step for step in free if step.key in keys or not keys.isdisjoint(step.needs)]:
        keys |= {step.key for step in more}
        taken = {step.id for step in more}
        left += more
        free = [step for step in free if step.id not in taken]
    draft.parked |= {(step.flow, step.source) for step in left}
    journal.settle(conn, [Settled(step.id, IntentState.WAITING.value, "", WAITS) for step in left])
    if left:
        flows = listed(sorted(waiting), 5)
        draft.notes.append(f"{counted(len(left), 'step')} wait for approval: {flows}, and what needs them.")
    return len(left)
