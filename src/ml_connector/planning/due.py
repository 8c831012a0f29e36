"""When a flow is due next and whether it may run now: the schedule laid over the calendar and the clock.

Everything is reckoned in moments of UTC; business hours and days are turned into them by the zone's own rules, so that
the hour that does not exist is left out and the hour that comes twice counts twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from ml_connector.kernel.text import counted
from ml_connector.planning.schedule import DAY_MINUTES, WEEK, Freeze, Rules, Schedule, clock_in, rules_of, zone_of

Cause = Literal["poll", "hint", "person", "night"]
"""Who wants it run: the schedule (backfill, too), a webhook, a person by hand, or the nightly work."""

HORIZON = timedelta(days=1100)
"""How far ahead a moment is looked for; freeze windows of a year each may follow each other."""

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_WHOLE_WEEK = frozenset(range(7))


class Moment(NamedTuple):
    """When something happens, aware and in UTC, or None for never; and why then, in words."""

    at: datetime | None
    why: str


def next_poll(
    schedule: Schedule, flow: str, last_started: datetime | None, now: datetime, holidays: frozenset[date]
) -> Moment:
    """When a flow is polled next: never before `now`, and once only, however many intervals were missed.

    `last_started` is when its last poll began, or None; one in the future (a clock set back) counts as now.
    """
    rules = rules_of(schedule, flow, holidays)
    now = now.astimezone(UTC)
    since = None if last_started is None else min(last_started.astimezone(UTC), now)
    base = now if since is None else max(now, since + rules.interval)
    at = _first_open(rules, base)
    if rules.off_interval is not None:
        slow = _first_open(_around_the_clock(rules), now if since is None else max(now, since + rules.off_interval))
        if slow is not None and (at is None or slow < at):
            return Moment(slow, f"every {spoken(rules.off_interval)} outside business hours")
    if at is None:
        return Moment(None, "its schedule allows no moment in the next three years")
    if at > base:
        return Moment(at, _why_not(rules, base, slow=False) or f"every {spoken(rules.interval)}")
    if since is None:
        return Moment(at, "it never ran")
    late = now - since - rules.interval
    return Moment(at, f"every {spoken(rules.interval)}" + (", once for all that were missed" if late >= _DAY else ""))


def next_chance(schedule: Schedule, flow: str, cause: Cause, now: datetime, holidays: frozenset[date]) -> Moment:
    """The first moment from `now` on at which that cause may run the flow."""
    rules = _rules_for(schedule, flow, cause, holidays)
    at = _first_open(rules, now.astimezone(UTC))
    if at is None:
        return Moment(None, "its schedule allows no moment in the next three years")
    return Moment(at, _why_not(rules, now, slow=False))


def may_run(schedule: Schedule, flow: str, now: datetime, holidays: frozenset[date], cause: Cause = "poll") -> str:
    """Nothing when that cause may run the flow now, else a sentence that says until when it may not.

    Outside business hours a poll may run where the schedule has a slower interval, a webhook where it does not wait,
    a person and the nightly work always. In a freeze window nobody may.
    """
    return _why_not(_rules_for(schedule, flow, cause, holidays), now, slow=cause == "poll")


def next_nightly(schedule: Schedule, last_started: datetime | None, now: datetime) -> Moment:
    """When the nightly work begins next: at once when a night was missed, and once for all missed nights."""
    zone, minutes = zone_of(schedule), clock_in(schedule.nightly, "schedule.nightly")
    today, now = now.astimezone(zone).date(), now.astimezone(UTC)
    nights = [instant(today + _DAY * step, minutes, zone) for step in range(-2, 3)]
    missed = [night for night in nights if last_started is not None and last_started < night <= now]
    if missed:
        once = ", once for all that were missed" if len(missed) > 1 else ""
        return Moment(now, f"every night at {schedule.nightly}{once}")
    return Moment(next(night for night in nights if night > now), f"every night at {schedule.nightly}")


def allowed_time(rules: Rules, since: datetime, now: datetime) -> timedelta:
    """How much of the time from `since` to `now` lies in business hours and outside freeze windows."""
    total, since, now = timedelta(0), since.astimezone(UTC), now.astimezone(UTC)
    for begin, end in _spans(rules, since):
        if begin >= now:
            break
        total += max(timedelta(0), min(end, now) - max(begin, since))
    return total


def instant(day: date, minutes: int, zone: ZoneInfo, *, late: bool = False) -> datetime:
    """The moment at which a wall clock in `zone` shows `minutes` after midnight of `day`, in UTC.

    In the hour that comes twice the first one, or with `late` the second; in the hour that does not exist the moment
    at which the clock jumps over it.
    """
    wall = datetime.combine(day + _DAY * (minutes // DAY_MINUTES), time(), zone) + _MINUTE * (minutes % DAY_MINUTES)
    first, second = wall.replace(fold=0).astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
    if first <= second:
        return second if late else first
    # The gap lies between the two readings: look for the last moment with the offset from before it.
    before, low, high = second.astimezone(zone).utcoffset(), second, first
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return high.replace(microsecond=0)


def frozen_by(rules: Rules, day: date) -> Freeze | None:
    """The freeze window a day of the zone's calendar lies in, if any."""
    for freeze in rules.freezes:
        if freeze.start is not None:
            if freeze.start <= day <= (freeze.end or freeze.start):
                return freeze
        elif (freeze.last and day >= _last_days(rules, freeze, day)) or (
            freeze.first and day <= _first_days(rules, freeze, day)
        ):
            return freeze
    return None


def _rules_for(schedule: Schedule, flow: str, cause: Cause, holidays: frozenset[date]) -> Rules:
    """The flow's rules as they hold for that cause: business hours bind polls, and hints where the file says so."""
    rules = rules_of(schedule, flow, holidays)
    bound = cause == "poll" or (cause == "hint" and rules.hints_wait)
    return rules if bound else _around_the_clock(rules)


def _around_the_clock(rules: Rules) -> Rules:
    """The same without business hours; freeze windows stay, and count the days they counted."""
    return replace(rules, opens=0, closes=DAY_MINUTES, days=_WHOLE_WEEK, rest=frozenset())


def _first_open(rules: Rules, base: datetime) -> datetime | None:
    """The first moment from `base` on that lies in business hours and in no freeze window."""
    for begin, end in _spans(rules, base):
        if end > base:
            return max(begin, base)
    return None


def _spans(rules: Rules, since: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Spans of business hours outside freeze windows, in order; from shortly before `since` to the horizon."""
    first = since.astimezone(rules.zone).date() - 2 * _DAY
    reached = instant(first, 0, rules.zone)
    frozen: dict[date, bool] = {}
    for day in (first + _DAY * step for step in range(HORIZON.days)):
        if day.weekday() not in rules.days or day in rules.rest:
            continue
        begin = max(reached, instant(day, rules.opens, rules.zone))
        end = instant(day, rules.closes, rules.zone, late=True)
        for part in (day, day + _DAY):
            if part not in frozen:
                frozen[part] = frozen_by(rules, part) is not None
            if frozen[part]:
                continue
            low = max(begin, instant(part, 0, rules.zone))
            high = min(end, instant(part + _DAY, 0, rules.zone))
            if low < high:
                reached = high
                yield low, high


def _why_not(rules: Rules, now: datetime, *, slow: bool) -> str:
    """Why a flow may not run now, or nothing; with `slow` business hours do not count where there is an off pace."""
    local = now.astimezone(rules.zone)
    freeze = frozen_by(rules, local.date())
    if freeze is not None:
        day = local.date()
        while frozen_by(rules, day) is not None and day - local.date() < HORIZON:
            day += _DAY
        return f"{freeze.name} lasts until {shown(instant(day, 0, rules.zone), rules.zone)}."
    if slow and rules.off_interval is not None:
        return ""
    at = _first_open(rules, now.astimezone(UTC))
    if at == now:
        return ""
    holiday = ", a holiday" if local.date() in rules.rest else ""
    until = f"they begin {shown(at, rules.zone)}" if at else "they never begin in the next three years"
    return f"Outside business hours{holiday}: {until}."


def _last_days(rules: Rules, freeze: Freeze, day: date) -> date:
    """The first of the last days of `day`'s month that are frozen."""
    following = (day.replace(day=1) + 32 * _DAY).replace(day=1)
    return _counted(rules, freeze, following - _DAY, freeze.last, -_DAY)


def _first_days(rules: Rules, freeze: Freeze, day: date) -> date:
    """The last of the first days of `day`'s month that are frozen."""
    return _counted(rules, freeze, day.replace(day=1), freeze.first, _DAY)


def _counted(rules: Rules, freeze: Freeze, begin: date, number: int, step: timedelta) -> date:
    """The day on which `number` days are counted from `begin` on, `begin` included; at most the end of the month."""
    day = begin
    while True:
        if freeze.count == "calendar" or (day.weekday() in rules.working and day not in rules.holidays):
            number -= 1
        if number == 0 or (day + step).month != begin.month:
            return day
        day += step


def spoken(length: timedelta) -> str:
    """`15 minutes`, `2 hours`, `1 hour 40 minutes`: a time as people say it, in its two largest units."""
    left, words = int(length.total_seconds()), []
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        number, left = divmod(left, size)
        if number:
            words.append(counted(number, name))
    return " ".join(words[:2]) or "no time"


def shown(at: datetime, zone: ZoneInfo) -> str:
    """A moment as a person in that zone reads it."""
    local = at.astimezone(zone)
    return f"{WEEK[local.weekday()].capitalize()} {local:%Y-%m-%d %H:%M} ({zone.key})"
