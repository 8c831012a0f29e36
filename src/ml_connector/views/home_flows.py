"""How fresh each flow of a connection is, and which of them move nothing for want of their mapping."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

import msgspec

from ml_connector.planning.budgeting import stay_out
from ml_connector.planning.freshness import Freshness
from ml_connector.planning.mapping import DEFAULT
from ml_connector.service.fresh import POLL
from ml_connector.store import mappings
from ml_connector.store.bulk import Transaction
from ml_connector.store.signals import Due, Standing
from ml_connector.wiring import mapping_of


class FlowNow(msgspec.Struct, frozen=True):
    """How fresh one flow is. `next` is None while it is paused or comes round by nothing."""

    flow: str
    as_of: datetime | None
    next: datetime | None
    colour: str
    """green, amber or red; empty while it is paused."""
    sentence: str
    paused: str
    waits: bool
    """Whether nothing of it goes before a plan that waits is approved."""
    why: str
    failures: int
    unused: str = ""
    """Why nothing of it crosses, however often it is looked at; empty where something may."""


def unused_flows(conn: Transaction, connection_id: int, owner: str) -> dict[str, str]:
    """Flows of which nothing crosses by the newest mapping, each with why; `owner` is policy `budgets.owner`."""
    found = mappings.latest(conn, connection_id)
    said = _budgets_stay_out(found.toml if found else "", owner)
    return {"budgets": said} if said else {}


@lru_cache(maxsize=64)
def _budgets_stay_out(toml: str, owner: str) -> str:
    return stay_out(mapping_of(toml) if toml else DEFAULT, owner)


def flow_now(due: Due, fresh: Mapping[str, Freshness], one: Standing, unused: Mapping[str, str]) -> FlowNow:
    """How one flow stands by its row of the agenda."""
    flow = due.name.removeprefix(POLL)
    how = fresh.get(flow)
    still = one.paused.get("") or one.paused.get(flow) or ""
    return FlowNow(
        flow=flow,
        as_of=due.well_at,
        next=None if still else due.due_at,
        colour=how.colour if how else "",
        sentence=how.sentence if how else "",
        paused=still,
        waits=flow in one.waiting_flows,
        why=due.why,
        failures=due.attempts,
        unused=unused.get(flow, ""),
    )
