"""Answers for the scheduler when something of a connection is due and whether it may run: schedule, holidays, pauses.

The decisions are those of planning/due.py and planning/freshness.py; what they look at is gathered here. A caller that
asks about many flows of one connection takes `timetable_of` once and asks that.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from ml_connector.app import App
from ml_connector.connection_file import config_from, holiday_dates
from ml_connector.planning import due
from ml_connector.planning.due import Cause, Moment
from ml_connector.planning.freshness import Freshness, freshness
from ml_connector.planning.schedule import Schedule, in_zone, zone_of
from ml_connector.store import pauses
from ml_connector.store.connections import ConnectionRow
from ml_connector.store.pauses import PauseRow

POLL = "poll"
"""First part of an agenda row's name that polls a flow, as in poll/purchase_orders; alone it polls every flow."""
NIGHTLY = "nightly"
"""Name of the agenda row of the nightly work."""


class Started(Protocol):
    """What is asked of an agenda row: when it last began, aware, or None."""

    @property
    def started_at(self) -> datetime | None:
        """When it last began."""
        ...


@dataclass(frozen=True)
class Timetable:
    """Everything that says when a connection works: its schedule, days nobody works on, and its pauses of now."""

    schedule: Schedule
    holidays: frozenset[date]
    pauses: tuple[PauseRow, ...]
    added_at: datetime

    def paused(self, flow: str) -> PauseRow | None:
        """The pause that holds a flow up, if any; for an empty name one of the whole connection."""
        return next((one for one in self.pauses if one.flow in ("", flow)), None)

    def approved(self) -> Timetable:
        """The same for a plan that a person approved: what a set-up waits for is there with it."""
        return replace(self, pauses=tuple(one for one in self.pauses if not one.setting_up))

    def allowed(self, flow: str, now: datetime, cause: Cause = "poll") -> str:
        """Nothing when the flow may run now, else why not, in a sentence. A pause is for every cause."""
        pause = self.paused(flow)
        return self.told(pause) if pause else due.may_run(self.schedule, flow, now, self.holidays, cause)

    def sorted_out(
        self, flows: Collection[str], now: datetime, cause: Cause = "poll"
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        """Which of some flows may run now, in their order; and the others with why not: a run of many leaves them."""
        found = {flow: self.allowed(flow, now, cause) for flow in flows}
        return tuple(flow for flow, why in found.items() if not why), {flow: why for flow, why in found.items() if why}

    def next_chance(self, flow: str, cause: Cause, now: datetime) -> Moment:
        """The first moment from `now` on at which that cause may run the flow; never, while it is paused for good."""
        return self._after_pause(flow, cause, due.next_chance(self.schedule, flow, cause, now, self.holidays))

    def next_due(self, name: str, last_started: datetime | None, now: datetime) -> Moment:
        """When the agenda row `name` is due next: a poll by its flow's schedule, the night's work at night.

        What is no part of the schedule (a retry, a probe) is due now. `at` is None while nothing can make it due but
        a person, who resumes what is paused; `pauses.lift` then makes it due.
        """
        if name == NIGHTLY:
            return due.next_nightly(self.schedule, last_started, now)
        kind, _, flow = name.partition("/")
        if kind != POLL:
            return Moment(now, "")
        planned = due.next_poll(self.schedule, flow, last_started, now, self.holidays)
        return self._after_pause(flow, "poll", planned) if self.paused(flow) else planned

    def freshness(self, flow: str, well_at: datetime | None, now: datetime) -> Freshness:
        """How fresh a flow is that last ended well at `well_at`, or never. A paused flow's age goes on counting."""
        return freshness(self.schedule, flow, well_at, now, self.holidays, since=self.added_at)

    def told(self, pause: PauseRow) -> str:
        """A pause in a sentence, with times of the connection's zone."""
        zone = zone_of(self.schedule)
        what = f"Flow {pause.flow}" if pause.flow else "The connection"
        since = f" since {due.shown(pause.at, zone)}" if pause.at else ""
        until = f" until {due.shown(pause.until, zone)}" if pause.until else ""
        return f"{what} is paused by {pause.actor}{since}{until}{': ' if pause.note else ''}{pause.note}."

    def _after_pause(self, flow: str, cause: Cause, planned: Moment) -> Moment:
        """`planned`, or the first chance after the pauses of the flow; never, when one of them does not end."""
        held = [one for one in self.pauses if one.flow in ("", flow)]
        for one in held:
            if one.until is None:
                return Moment(None, self.told(one))
        ends = {one.until: one for one in held if one.until}
        latest = max(ends, default=None)
        if planned.at is None or latest is None or latest <= planned.at:
            return planned
        chance = due.next_chance(self.schedule, flow, cause, latest, self.holidays)
        return Moment(chance.at, self.told(ends[latest]))


def timetable_of(app: App, row: ConnectionRow, now: datetime) -> Timetable:
    """The timetable of a connection as it stands now."""
    config = config_from(row.config)
    with app.db.begin() as conn:
        held = pauses.standing(conn, row.id, now)
    return Timetable(
        schedule=in_zone(config.schedule, config.connection.time_zone),
        holidays=holiday_dates(config.schedule.holidays, *range(now.year - 2, now.year + 4)),
        pauses=tuple(held),
        added_at=row.created_at,
    )


def next_due(app: App, row: ConnectionRow, name: str, last: Started | None, now: datetime) -> Moment:
    """When the agenda row `name` of a connection (poll/FLOW, poll, nightly) is due next; see `Timetable.next_due`.

    `last` is that agenda row, or None when it is not there yet. Ask when a job of it has ended, when it is laid out
    first, and when it is due and `allowed` says no: the moment is then the next that counts.
    """
    return timetable_of(app, row, now).next_due(name, last.started_at if last else None, now)


def allowed(app: App, row: ConnectionRow, flow: str, now: datetime, cause: Cause = "poll") -> str:
    """Nothing when a flow may run now, else why not: paused, outside business hours, in a freeze window.

    Ask before a job is made of it, and again when the job begins. An empty `flow` asks for the whole connection.
    `cause` is poll (backfill and retries of polls, too), hint, person or night.
    """
    return timetable_of(app, row, now).allowed(flow, now, cause)
