"""How fresh each flow is by its timetable: what status, metrics and alarms say of it is the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ml_connector.app import App
from ml_connector.planning.freshness import Freshness
from ml_connector.service.timetable import timetable_of
from ml_connector.store.signals import Signals, Standing

POLL = "poll/"
"""How the rows of the agenda that poll a flow begin."""

Colours = Mapping[str, Mapping[str, Freshness]]
"""Connection to flow to how fresh it is; flows that are paused, or not scheduled, are left out."""


def colours(app: App, found: Signals, now: datetime) -> Colours:
    """How fresh the scheduled flows of every connection in `found` are."""
    rows = {row.id: row for row in app.connections()}
    shown = {}
    for one in found.connections:
        if one.id in rows:
            table = timetable_of(app, rows[one.id], now)
            polled = _polled(one)
            shown[one.name] = {
                flow: table.freshness(flow, well_at, now)
                for flow, well_at in polled.items()
                if table.paused(flow) is None
            }
    return shown


def _polled(one: Standing) -> dict[str, datetime | None]:
    return {due.name.removeprefix(POLL): due.well_at for due in one.agenda if due.name.startswith(POLL)}
