"""When a flow runs by itself: intervals, business hours, the two odd hours of the year, holidays and month-end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_connector.kernel.errors import BadInput
from ml_connector.planning import due
from ml_connector.planning.schedule import FlowSchedule, Freeze, Schedule, check_schedule, rules_of

FLOW = "purchase_orders"
NONE: frozenset[date] = frozenset()
CHICAGO = ZoneInfo("America/Chicago")
OFFICE = Schedule(interval="15m", hours="07:00-18:00", days="mon-fri", time_zone="America/Chicago")
KNOWN = ("purchase_orders", "payments")


def local(text: str, zone: ZoneInfo = CHICAGO) -> datetime:
    """A moment by a wall clock in that zone."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def shown(at: datetime | None, zone: ZoneInfo = CHICAGO) -> str:
    """A moment as that wall clock shows it."""
    assert at is not None
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def change(schedule: Schedule, **entries: object) -> Schedule:
    """The same schedule with some entries changed."""
    return msgspec.structs.replace(schedule, **entries)


def after(last: str, now: str, schedule: Schedule = OFFICE, holidays: frozenset[date] = NONE) -> str:
    """When the flow is polled next, by the wall clock in Chicago."""
    return shown(due.next_poll(schedule, FLOW, local(last), local(now), holidays).at)


def test_a_flow_is_polled_an_interval_after_its_last_poll_began() -> None:
    assert after("2026-11-24 09:00", "2026-11-24 09:04") == "2026-11-24 09:15"
    quick = change(OFFICE, flows={FLOW: FlowSchedule(interval="5m")})
    assert after("2026-11-24 09:00", "2026-11-24 09:04", quick) == "2026-11-24 09:05"
    assert shown(due.next_poll(quick, "payments", local("2026-11-24 09:00"), local("2026-11-24 09:04"), NONE).at) == (
        "2026-11-24 09:15"
    )


def test_a_flow_that_never_ran_is_polled_at_once_or_when_hours_begin() -> None:
    assert due.next_poll(OFFICE, FLOW, None, local("2026-11-24 09:00"), NONE).at == local("2026-11-24 09:00")
    assert shown(due.next_poll(OFFICE, FLOW, None, local("2026-11-24 19:00"), NONE).at) == "2026-11-25 07:00"


def test_the_last_poll_of_friday_is_followed_by_the_first_of_monday() -> None:
    assert after("2026-11-27 17:55", "2026-11-27 17:56") == "2026-11-30 07:00"


def test_after_an_outage_there_is_one_poll_and_it_is_now() -> None:
    moment = due.next_poll(OFFICE, FLOW, local("2026-11-20 09:00"), local("2026-11-24 09:07"), NONE)
    assert moment.at == local("2026-11-24 09:07")
    assert "once for all that were missed" in moment.why


def test_a_clock_set_back_does_not_silence_a_flow() -> None:
    assert after("2030-01-01 09:00", "2026-11-24 09:00") == "2026-11-24 09:15"


def test_outside_business_hours_a_slower_interval_may_hold() -> None:
    slow = change(OFFICE, off_hours="2h")
    assert after("2026-11-27 17:55", "2026-11-27 17:56", slow) == "2026-11-27 19:55"
    assert after("2026-11-30 06:30", "2026-11-30 06:31", slow) == "2026-11-30 07:00"
    assert due.may_run(slow, FLOW, local("2026-11-28 12:00"), NONE) == ""
    assert "business hours" in due.may_run(OFFICE, FLOW, local("2026-11-28 12:00"), NONE)


def test_a_night_shift_belongs_to_the_day_it_begins_on() -> None:
    night = change(OFFICE, hours="22:00-06:00")
    assert due.may_run(night, FLOW, local("2026-11-28 05:59"), NONE) == ""
    assert due.may_run(night, FLOW, local("2026-11-28 06:00"), NONE) != ""
    assert due.may_run(night, FLOW, local("2026-11-30 05:00"), NONE) != ""
    assert after("2026-11-28 05:50", "2026-11-28 05:55", night) == "2026-11-30 22:00"


def test_a_holiday_has_no_business_hours() -> None:
    thanksgiving = frozenset({date(2026, 11, 26)})
    said = due.may_run(OFFICE, FLOW, local("2026-11-26 10:00"), thanksgiving)
    assert said == "Outside business hours, a holiday: they begin Fri 2026-11-27 07:00 (America/Chicago)."
    assert after("2026-11-25 17:50", "2026-11-25 17:51", OFFICE, thanksgiving) == "2026-11-27 07:00"


def test_the_hour_that_does_not_exist_is_left_out() -> None:
    spring = change(OFFICE, hours="02:00-03:00", days="mon-sun")  # 2026-03-08, 02:00 becomes 03:00
    assert after("2026-03-07 02:50", "2026-03-07 02:55", spring) == "2026-03-09 02:00"
    across = change(spring, hours="01:00-02:30")
    assert due.may_run(across, FLOW, local("2026-03-08 01:59"), NONE) == ""
    assert due.may_run(across, FLOW, local("2026-03-08 03:00"), NONE) != ""
    assert shown(due.next_nightly(change(spring, nightly="02:30"), None, local("2026-03-08 01:00")).at) == (
        "2026-03-08 03:00"
    )


def test_the_hour_that_comes_twice_counts_twice_and_its_night_once() -> None:
    autumn = change(OFFICE, hours="01:00-02:00", days="mon-sun", nightly="01:30")  # 2026-11-01, 02:00 becomes 01:00
    begin, end = datetime(2026, 11, 1, 6, tzinfo=UTC), datetime(2026, 11, 1, 8, tzinfo=UTC)
    assert due.allowed_time(rules_of(autumn, FLOW, NONE), begin, end) == timedelta(hours=2)
    early = change(autumn, hours="00:00-01:30")  # ends with the second 01:30
    assert due.allowed_time(rules_of(early, FLOW, NONE), begin - timedelta(hours=1), end) == timedelta(hours=2.5)
    night = due.next_nightly(autumn, None, begin).at
    assert night == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    assert due.next_nightly(autumn, night, night + timedelta(minutes=50)).at == datetime(2026, 11, 2, 7, 30, tzinfo=UTC)


def test_an_interval_is_real_time_whatever_zone_the_moments_are_told_in() -> None:
    last = local("2026-11-01 00:30")  # an hour and a half before the second 01:00
    plain = Schedule(interval="2h", time_zone="America/Chicago")
    at = due.next_poll(plain, FLOW, last, last, NONE).at
    assert at == datetime(2026, 11, 1, 7, 30, tzinfo=UTC)
    assert due.next_poll(plain, FLOW, last.astimezone(UTC), last, NONE).at == at
    assert due.next_poll(plain, FLOW, last + timedelta(days=9), last, NONE).at == at


def test_a_missed_night_is_made_up_for_once() -> None:
    now = local("2026-11-24 09:00")
    assert shown(due.next_nightly(OFFICE, local("2026-11-24 02:00"), now).at) == "2026-11-25 02:00"
    assert due.next_nightly(OFFICE, local("2026-11-23 02:00"), now).at == now
    assert "once for all" in due.next_nightly(OFFICE, local("2026-10-01 02:00"), now).why
    assert shown(due.next_nightly(OFFICE, now, now + timedelta(seconds=1)).at) == "2026-11-25 02:00"


MONTH_END = change(OFFICE, freeze=(Freeze(last=2, first=3, flows=(FLOW,)),))


@pytest.mark.parametrize(
    ("day", "frozen"),
    [
        ("2026-11-26", False),
        ("2026-11-27", True),  # Friday, last but one working day
        ("2026-11-28", True),  # the Saturday between
        ("2026-11-30", True),
        ("2026-12-01", True),
        ("2026-12-03", True),
        ("2026-12-04", False),
        ("2026-10-29", True),
        ("2026-10-28", False),
        ("2026-10-31", True),  # a Saturday after the last working day
    ],
)
def test_a_freeze_window_lies_around_every_month_end(day: str, frozen: bool) -> None:
    assert (due.frozen_by(rules_of(MONTH_END, FLOW, NONE), date.fromisoformat(day)) is not None) is frozen
    assert due.frozen_by(rules_of(MONTH_END, "payments", NONE), date.fromisoformat(day)) is None


def test_holidays_are_no_working_days_of_a_freeze_window() -> None:
    rules = rules_of(MONTH_END, FLOW, frozenset({date(2026, 11, 27), date(2026, 12, 1)}))
    assert due.frozen_by(rules, date(2026, 11, 26)) is not None
    assert due.frozen_by(rules, date(2026, 12, 4)) is not None
    assert due.frozen_by(rules, date(2026, 12, 5)) is None


def test_calendar_days_and_dates_freeze_as_written() -> None:
    plain = rules_of(change(OFFICE, freeze=(Freeze(last=1, first=1, count="calendar"),)), FLOW, NONE)
    assert [day for day in range(1, 31) if due.frozen_by(plain, date(2026, 11, day))] == [1, 30]
    named = Freeze(start=date(2026, 12, 20), end=date(2027, 1, 8), note="Year-end")
    schedule = change(OFFICE, freeze=(named,))
    said = due.may_run(schedule, FLOW, local("2026-12-28 10:00"), NONE)
    assert said == "Year-end lasts until Sat 2027-01-09 00:00 (America/Chicago)."
    assert after("2026-12-19 10:00", "2026-12-28 10:00", schedule) == "2027-01-11 07:00"


def test_nobody_runs_in_a_freeze_window_and_a_person_at_any_other_time() -> None:
    frozen, night = local("2026-12-01 10:00"), local("2026-11-24 23:00")
    for cause in ("poll", "hint", "person"):
        assert "freeze" in due.may_run(MONTH_END, FLOW, frozen, NONE, cause)
    assert due.may_run(MONTH_END, FLOW, night, NONE, "person") == ""
    assert due.may_run(MONTH_END, FLOW, night, NONE, "hint") == ""
    assert due.may_run(change(MONTH_END, webhooks_off_hours="wait"), FLOW, night, NONE, "hint") != ""


def test_a_hint_in_a_freeze_window_waits_for_its_end() -> None:
    moment = due.next_chance(MONTH_END, FLOW, "hint", local("2026-12-01 10:00"), NONE)
    assert shown(moment.at) == "2026-12-04 00:00"
    assert "The month-end freeze lasts until" in moment.why
    waiting = change(MONTH_END, webhooks_off_hours="wait")
    assert shown(due.next_chance(waiting, FLOW, "hint", local("2026-12-01 10:00"), NONE).at) == "2026-12-04 07:00"


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"days": ()}, "no day"),
        ({"days": "mon-fryday"}, "no day"),
        ({"hours": "07:00-07:00"}, "no length"),
        ({"hours": "24:00-07:00"}, "no length"),
        ({"hours": "7am-6pm"}, "no time of day"),
        ({"hours": "07:00"}, "not two times"),
        ({"interval": "0m"}, "no time"),
        ({"interval": "soon"}, "no time"),
        ({"off_hours": "1m"}, "below its interval"),
        ({"target": "15m"}, "late before each poll"),
        ({"nightly": "25:00"}, "no time of day"),
        ({"flows": {"paymints": FlowSchedule()}}, "paymints"),
        ({"flows": {"payments": FlowSchedule(days=())}}, "no day"),
        ({"freeze": (Freeze(),)}, "names no days"),
        ({"freeze": (Freeze(last=-1),)}, "negative"),
        ({"freeze": (Freeze(end=date(2026, 1, 1)),)}, "no start"),
        ({"freeze": (Freeze(last=1, start=date(2026, 1, 1)),)}, "dates and days"),
        ({"freeze": (Freeze(start=date(2026, 2, 1), end=date(2026, 1, 1)),)}, "before it starts"),
        ({"freeze": (Freeze(start=date(2026, 2, 1), end=date(2028, 1, 1)),)}, "longer than a year"),
        ({"freeze": (Freeze(last=10, first=10),)}, "whole month"),
        ({"freeze": (Freeze(last=14, first=14, count="calendar"),)}, "whole month"),
        ({"days": "mon", "freeze": (Freeze(last=2, first=2),)}, "whole month"),
        ({"freeze": (Freeze(last=1, flows=("paymints",)),)}, "paymints"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_with_a_remedy(entries: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        check_schedule(change(OFFICE, **entries), KNOWN)
    assert caught.value.remedy.endswith((".", "]."))


def test_a_good_schedule_passes() -> None:
    check_schedule(MONTH_END, KNOWN)
    check_schedule(Schedule(), KNOWN)


def test_a_schedule_that_is_frozen_for_years_says_so_and_ends() -> None:
    years = tuple(Freeze(start=date(year, 1, 1), end=date(year, 12, 31)) for year in range(2026, 2031))
    moment = due.next_poll(change(OFFICE, freeze=years), FLOW, None, local("2026-03-02 10:00"), NONE)
    assert moment.at is None
    assert "three years" in moment.why


ZONES = (
    "America/Chicago",
    "Europe/Berlin",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Africa/Cairo",  # midnight does not exist once a year
    "Asia/Kathmandu",
    "Pacific/Apia",
    "UTC",
)
CLOCKS = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=1460)).map(lambda gone: datetime(2025, 1, 1, tzinfo=UTC) + gone)
FREEZES = st.builds(
    Freeze,
    last=st.integers(0, 2),
    first=st.integers(1, 1),
    count=st.sampled_from(["working", "calendar"]),
)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Any schedule that can be."""
    opens, closes = draw(CLOCKS), draw(CLOCKS)
    days = draw(st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=2))
    return Schedule(
        interval=draw(st.sampled_from(["30s", "5m", "15m", "2h", "1d"])),
        hours="00:00-24:00" if opens == closes else f"{opens}-{closes}",
        days=tuple(sorted(days)),
        time_zone=draw(st.sampled_from(ZONES)),
        off_hours=draw(st.sampled_from(["none", "1d"])),
        freeze=tuple(draw(st.lists(FREEZES, max_size=1))),
        nightly=draw(CLOCKS),
    )


AGOS = st.timedeltas(timedelta(0), timedelta(days=9))


@settings(max_examples=150, deadline=None)
@given(schedules(), MOMENTS, AGOS, st.sampled_from(["poll", "hint", "person"]))
def test_the_next_poll_is_never_past_keeps_its_interval_and_lies_where_it_may(
    schedule: Schedule, now: datetime, ago: timedelta, cause: due.Cause
) -> None:
    last = now - ago
    off = frozenset({now.date(), now.date() + timedelta(days=1)})
    at = due.next_poll(schedule, FLOW, last, now, off).at
    assert at is not None
    assert at >= now
    assert at - last >= rules_of(schedule, FLOW, off).interval
    assert due.may_run(schedule, FLOW, at, off) == ""
    if due.may_run(schedule, FLOW, now, off) == "" and ago >= timedelta(days=1):
        assert at == now
    chance = due.next_chance(schedule, FLOW, cause, now, off).at
    assert chance is not None
    assert due.may_run(schedule, FLOW, chance, off, cause) == ""
    assert (chance == now) is (due.may_run(schedule, FLOW, now, off, cause) == "") or schedule.off_hours != "none"


@settings(max_examples=100, deadline=None)
@given(schedules(), MOMENTS)
def test_no_moment_is_allowed_before_the_first_chance(schedule: Schedule, now: datetime) -> None:
    strict = change(schedule, off_hours="none")
    chance = due.next_chance(strict, FLOW, "poll", now, NONE).at
    assert chance is not None
    for step in range(1, 9):
        between = now + (chance - now) * step / 10
        assert between == chance or due.may_run(strict, FLOW, between, NONE) != ""
    assert due.allowed_time(rules_of(strict, FLOW, NONE), now, chance) == timedelta(0)


@settings(max_examples=100, deadline=None)
@given(schedules(), MOMENTS, st.lists(st.timedeltas(timedelta(0), timedelta(days=3)), max_size=3))
def test_allowed_time_adds_up_and_is_never_more_than_the_time_itself(
    schedule: Schedule, begin: datetime, steps: list[timedelta]
) -> None:
    rules = rules_of(schedule, FLOW, NONE)
    total, at = timedelta(0), begin
    for step in steps:
        part = due.allowed_time(rules, at, at + step)
        assert timedelta(0) <= part <= step
        total, at = total + part, at + step
    assert due.allowed_time(rules, begin, at) == total


@settings(max_examples=100, deadline=None)
@given(schedules(), MOMENTS)
def test_each_date_has_one_night(schedule: Schedule, begin: datetime) -> None:
    zone = ZoneInfo(schedule.time_zone)
    last, nights = begin, []
    for _ in range(4):
        at = due.next_nightly(schedule, last, last).at
        assert at is not None
        assert at > last
        nights.append(at.astimezone(zone).date())
        last = at
    assert nights == [nights[0] + timedelta(days=number) for number in range(4)]
