"""Green, amber, red: how old a flow is, in time in which somebody could expect it to run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_connector.planning.freshness import Freshness, freshness
from ml_connector.planning.schedule import FlowSchedule, Freeze, Schedule

CHICAGO = ZoneInfo("America/Chicago")
OFFICE = Schedule(interval="15m", hours="07:00-18:00", days="mon-fri", time_zone="America/Chicago")
ADDED = datetime(2026, 11, 23, 13, tzinfo=UTC)


def local(text: str) -> datetime:
    """A moment by the wall clock in Chicago."""
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO)


def fresh(well: str, now: str, schedule: Schedule = OFFICE, holidays: frozenset[date] = frozenset()) -> Freshness:
    """How fresh the payments are."""
    return freshness(schedule, "payments", local(well) if well else None, local(now), holidays, since=ADDED)


@pytest.mark.parametrize(
    ("minutes", "colour"), [(15, "green"), (25, "green"), (26, "amber"), (35, "amber"), (36, "red")]
)
def test_a_flow_turns_amber_before_it_turns_red(minutes: int, colour: str) -> None:
    assert fresh("2026-11-24 09:00", f"2026-11-24 09:{minutes}").colour == colour


def test_a_target_of_its_own_moves_both_colours() -> None:
    own = Schedule(interval="15m", flows={"payments": FlowSchedule(target="1h45m")})
    assert fresh("2026-11-24 09:00", "2026-11-24 10:00", own).colour == "green"
    assert fresh("2026-11-24 09:00", "2026-11-24 10:01", own).colour == "amber"
    assert fresh("2026-11-24 09:00", "2026-11-24 10:46", own).colour == "red"


def test_nights_weekends_holidays_and_freeze_windows_make_nothing_older() -> None:
    assert fresh("2026-11-27 17:50", "2026-11-30 07:05").age == timedelta(minutes=15)
    assert fresh("2026-11-27 17:50", "2026-11-30 07:05").colour == "green"
    thanksgiving = frozenset({date(2026, 11, 26)})
    assert fresh("2026-11-25 17:50", "2026-11-26 15:00", OFFICE, thanksgiving).age == timedelta(minutes=10)
    frozen = Schedule(
        interval="15m",
        hours="07:00-18:00",
        time_zone="America/Chicago",
        freeze=(Freeze(start=date(2026, 11, 25), end=date(2026, 11, 29)),),
    )
    assert fresh("2026-11-24 17:50", "2026-11-30 06:00", frozen).age == timedelta(minutes=10)


def test_a_flow_that_never_ran_ages_from_the_day_its_connection_was_added() -> None:
    never = fresh("", "2026-11-23 07:30")
    assert (never.age, never.colour) == (timedelta(minutes=30), "amber")
    assert never.sentence == "Never ran, for 30 minutes, near its target of 35 minutes."


def test_the_sentence_says_age_and_target() -> None:
    assert fresh("2026-11-24 09:00", "2026-11-24 10:40").sentence == (
        "Last ran well 1 hour 40 minutes of business time ago, above its target of 35 minutes."
    )


def test_a_clock_set_back_makes_a_flow_fresh_not_broken() -> None:
    assert fresh("2026-11-25 09:00", "2026-11-24 09:00").age == timedelta(0)


ORDER = ("green", "amber", "red")


@settings(max_examples=100, deadline=None)
@given(st.timedeltas(timedelta(0), timedelta(days=9)), st.timedeltas(timedelta(0), timedelta(days=9)))
def test_without_a_run_a_flow_only_gets_older(one: timedelta, other: timedelta) -> None:
    well = local("2026-10-30 09:00")  # across the change of the clocks
    early, late = sorted((one, other))
    before = freshness(OFFICE, "payments", well, well + early, frozenset(), since=ADDED)
    after = freshness(OFFICE, "payments", well, well + late, frozenset(), since=ADDED)
    assert before.age <= after.age
    assert ORDER.index(before.colour) <= ORDER.index(after.colour)
    assert before.age <= early + timedelta(hours=1)
