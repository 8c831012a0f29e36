"""How everything stands, for `ml-connector status`: the same look that the metrics and alarms use.

Whether a connection is all right is not said here: views/verdict.py judges it, for every door alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_connector.app import App
from ml_connector.planning.freshness import Freshness
from ml_connector.service.fresh import POLL, colours
from ml_connector.store import alerts
from ml_connector.store.alerts import AlertRow
from ml_connector.store.signals import Due, Signals, Standing, signals


def status(app: App, name: str | None = None) -> dict[str, Any]:
    """Connections, processes, queue and alerts as plain data; NothingSuchHere for a name that is not there."""
    only = app.connection(name).id if name else None
    with app.db.begin() as conn:
        found = signals(conn, app.clock(), only)
        stand = alerts.standing(conn)
    fresh = colours(app, found, found.now)
    names = {one.id: one.name for one in found.connections}
    shown = [row for row in stand if only is None or row.connection_id in (only, alerts.INSTALLATION)]
    return {
        "at": found.at,
        "connections": [_connection(found, one, fresh.get(one.name, {})) for one in found.connections],
        "workers": [
            {
                "worker": one.id,
                "kind": one.kind,
                "host": one.host,
                "pid": one.pid,
                "since": one.started_at,
                "seen": one.seen_at,
                "stopping": one.stopping,
            }
            for one in found.workers
        ],
        "jobs": [
            {"task": task, "state": "waiting" if state == "todo" else "running", "number": number}
            for (task, state), number in sorted(found.jobs.items())
        ],
        "alerts": [_alert(row, names) for row in shown],
    }


def _connection(found: Signals, one: Standing, fresh: Mapping[str, Freshness]) -> dict[str, Any]:
    now = found.at.timestamp()
    return {
        "connection": one.name,
        "flows": [_flow(due, fresh, one.paused) for due in one.agenda if due.name.startswith(POLL)],
        "agenda": [_due(due) for due in one.agenda if not due.name.startswith(POLL)],
        "held": [
            {
                "reason": held.reason,
                "owner": held.owner,
                "number": held.number,
                "money": {"amount": str(held.money), "currency": held.currency} if held.currency else None,
                "since": held.oldest,
            }
            for held in one.held
        ],
        "unknown_outcomes": one.unknown,
        "plans_waiting": one.waiting_plans,
        "events_waiting": one.inbox,
        "systems": [
            {
                "system": breaker.side,
                "state": breaker.state,
                "why": breaker.sentence,
                "remedy": breaker.remedy,
                "since": breaker.since,
                "tried_next": breaker.probe_at,
            }
            for breaker in one.breakers
            if breaker.state != "closed"
        ],
        "requests_left": [
            {"system": window.side, "window": window.window, "left": int(window.left_over), "of": int(window.most)}
            for window in one.windows
            if window.resets_at > now
        ],
        "webhooks": one.hooks,
        "paused": one.paused,
        "parked_jobs": one.parked,
        "counts": one.counts,
        "last_run": None
        if one.last is None
        else {
            "run": one.last.run,
            "state": one.last.state,
            "error": one.last.error,
            "at": one.last.finished_at,
            "last_well": one.last.well_at,
        },
    }


def _flow(due: Due, fresh: Mapping[str, Freshness], paused: Mapping[str, str]) -> dict[str, Any]:
    flow = due.name.removeprefix(POLL)
    still = paused.get("") or paused.get(flow) or ""
    how = fresh.get(flow)
    return {
        "flow": flow,
        "as_of": due.well_at,
        "next": None if still else due.due_at,
        "paused": still,
        "fresh": how.colour if how else "",
        "age_seconds": int(how.age.total_seconds()) if how else None,
        "target_seconds": int(how.target.total_seconds()) if how else None,
        "failures": due.attempts,
        "left_out": due.skipped,
        "why": due.why,
    }


def _due(due: Due) -> dict[str, Any]:
    return {"what": due.name, "next": due.due_at, "last_well": due.well_at, "failures": due.attempts, "why": due.why}


def _alert(row: AlertRow, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "alert": row.key,
        "severity": row.severity,
        "connection": names.get(row.connection_id, ""),
        "sentence": row.sentence,
        "remedy": row.remedy,
        "role": row.role,
        "since": row.first_at,
        "times": row.times,
        "told": row.told_at,
    }
