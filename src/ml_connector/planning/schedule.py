"""When a connection works by itself: intervals, business hours, holidays, freeze windows; as its file says it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from ml_connector.kernel.errors import BadInput

Interval = int | str
"""Seconds, or a text such as 90s, 15m, 2h, 1h30m or 1d."""

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Days as the file names them, in the order of `date.weekday`."""

DAY_MINUTES = 24 * 60
SLACK = timedelta(minutes=5)
"""What a poll may take on top of its interval before the default target of freshness is missed."""

_Value = TypeVar("_Value")
_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_INTERVAL = re.compile(r"(?:\d+[dhms])+")
_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")
_PAGE = "See docs/connection-file.md, Schedule."
_FEWEST_DAYS = 28  # of the shortest month: four of each weekday


class FlowSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one flow has otherwise than its connection; what is not named is as there."""

    interval: Interval | None = None
    hours: str | None = None
    days: str | tuple[str, ...] | None = None
    off_hours: Interval | None = None
    webhooks_off_hours: Literal["go", "wait"] | None = None
    target: Interval | None = None


class HolidayPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days on which nobody works, though their weekday is a working one."""

    country: str = ""
    """ISO 3166 code such as US; empty for no national holidays."""
    subdivision: str = ""
    """ISO 3166-2 code without the country, such as IL."""
    extra: tuple[date, ...] = ()
    """Days off besides."""
    worked: tuple[date, ...] = ()
    """Holidays of the country that are worked here."""


class Freeze(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Days on which a flow does not run: around each month-end, or from one date to another."""

    last: int = 0
    """Last days of every month."""
    first: int = 0
    """First days of every month."""
    count: Literal["working", "calendar"] = "working"
    """Which days `last` and `first` count. What lies between counted days is frozen as well."""
    start: date | None = None
    """First frozen day of a range of dates, instead of `last` and `first`."""
    end: date | None = None
    """Last frozen day of the range; the same day when it is not named."""
    flows: tuple[str, ...] = ()
    """Which flows; all when none is named."""
    note: str = ""
    """What people call it, such as Year-end."""

    @property
    def name(self) -> str:
        """What it is called in sentences."""
        return self.note or ("The freeze" if self.start else "The month-end freeze")


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[schedule]` of a connection file. Without one it is polled around the clock: no hours are guessed."""

    interval: Interval = "15m"
    """Time between two polls of a flow, from start to start."""
    hours: str = "00:00-24:00"
    """Business hours by the wall clock; 22:00-06:00 ends on the next day and belongs to the day it begins on."""
    days: str | tuple[str, ...] = WEEK
    """Days with business hours: mon-fri, or a list of days."""
    time_zone: str = ""
    """Zone of every time here; empty for that of the connection."""
    off_hours: Interval = "none"
    """Interval outside business hours; none to rest then."""
    webhooks_off_hours: Literal["go", "wait"] = "go"
    """What a webhook causes outside business hours: its run at once, or when they begin."""
    nightly: str = "02:00"
    """When the nightly work begins, every day of the week."""
    target: Interval = "auto"
    """How old a flow may be, in time in which it may run; auto for twice its interval and five minutes."""
    holidays: HolidayPart = HolidayPart()
    freeze: tuple[Freeze, ...] = ()
    flows: dict[str, FlowSchedule] = {}
    """Flow to what it has of its own."""


@dataclass(frozen=True)
class Rules:
    """The schedule of one flow, ready to reckon with."""

    zone: ZoneInfo
    interval: timedelta
    off_interval: timedelta | None
    opens: int
    """Minutes after midnight at which business hours begin."""
    closes: int
    """Minutes after the same midnight at which they end; above 1440 on the day after."""
    days: frozenset[int]
    """Weekdays with business hours."""
    working: frozenset[int]
    """Weekdays the freeze windows count: those of the connection."""
    holidays: frozenset[date]
    """Dates nobody works on."""
    rest: frozenset[date]
    """Those of them that have no business hours: all, unless business hours do not bind."""
    freezes: tuple[Freeze, ...]
    hints_wait: bool
    target: timedelta


def rules_of(schedule: Schedule, flow: str, holidays: frozenset[date]) -> Rules:
    """What holds for one flow; BadInput when an entry cannot be read. `holidays` are dates nobody works on."""
    own = schedule.flows.get(flow) or FlowSchedule()
    where = f"schedule.flows.{flow}" if flow in schedule.flows else "schedule"
    interval = seconds_in(_own(own.interval, schedule.interval), f"{where}.interval")
    off = _own(own.off_hours, schedule.off_hours)
    target = _own(own.target, schedule.target)
    opens, closes = hours_in(_own(own.hours, schedule.hours), f"{where}.hours")
    return Rules(
        zone=zone_of(schedule),
        interval=interval,
        off_interval=None if off == "none" else seconds_in(off, f"{where}.off_hours"),
        opens=opens,
        closes=closes,
        days=days_in(_own(own.days, schedule.days), f"{where}.days"),
        working=days_in(schedule.days, "schedule.days"),
        holidays=holidays,
        rest=holidays,
        freezes=tuple(one for one in schedule.freeze if not one.flows or flow in one.flows),
        hints_wait=_own(own.webhooks_off_hours, schedule.webhooks_off_hours) == "wait",
        target=2 * interval + SLACK if target == "auto" else seconds_in(target, f"{where}.target"),
    )


def zone_of(schedule: Schedule) -> ZoneInfo:
    """The zone of its times; UTC when it names none (`in_zone` puts the connection's there)."""
    return ZoneInfo(schedule.time_zone or "UTC")


def in_zone(schedule: Schedule, zone: str) -> Schedule:
    """The same schedule with the connection's zone where it names none of its own."""
    return schedule if schedule.time_zone else msgspec.structs.replace(schedule, time_zone=zone)


def check_schedule(schedule: Schedule, known: Collection[str]) -> None:
    """BadInput, with what to write instead, for a schedule that cannot be read or never lets anything run.

    `known` are the flows there are. Country, subdivision and time zone are checked where their tables are
    (settings.py).
    """
    clock_in(schedule.nightly, "schedule.nightly")
    named = [*schedule.flows, *(flow for one in schedule.freeze for flow in one.flows)]
    for flow in named:
        if flow not in known:
            raise BadInput(f"The schedule names a flow {flow!r}, which there is not.", remedy=f"Flows: {list(known)}.")
    for number, freeze in enumerate(schedule.freeze, 1):
        _check_freeze(freeze, f"schedule.freeze number {number}")
    for flow in {"", *named}:
        rules = rules_of(schedule, flow, frozenset())
        where = f"The schedule of {flow}" if flow else "The schedule"
        if rules.off_interval is not None and rules.off_interval < rules.interval:
            raise BadInput(f"{where} has off_hours below its interval.", remedy="Make off_hours the longer one.")
        if rules.target <= rules.interval:
            raise BadInput(
                f"{where} has a target no longer than its interval: it would be late before each poll.",
                remedy="Set target to twice the interval, or leave it at auto.",
            )
        _check_room(rules, where)


def seconds_in(text: Interval, where: str) -> timedelta:
    """The time an entry names, of one second at least; BadInput says which entry cannot be read."""
    found = 0
    if isinstance(text, int):
        found = text
    elif text.isdigit():
        found = int(text)
    elif _INTERVAL.fullmatch(text):
        found = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", text))
    if not 1 <= found <= 366 * 86_400:
        raise BadInput(f"{where} is {text!r}, which is no time.", remedy="Write seconds, or a text such as 15m or 2h.")
    return timedelta(seconds=found)


def hours_in(text: str, where: str) -> tuple[int, int]:
    """Begin and end of business hours in minutes after midnight; an end on the next day is above 1440."""
    begin, dash, end = text.replace(" ", "").partition("-")
    if not dash:
        raise BadInput(f"{where} is {text!r}, not two times.", remedy="Write it as 07:00-18:00.")
    opens, closes = clock_in(begin, where), clock_in(end, where)
    if opens in (closes, DAY_MINUTES):
        raise BadInput(
            f"{where} is {text!r}: these hours have no length.", remedy="Write 00:00-24:00 for the whole day."
        )
    return opens, closes if closes > opens else closes + DAY_MINUTES


def clock_in(text: str, where: str) -> int:
    """A time of day such as 07:30 in minutes after midnight; 24:00 is the end of the day."""
    found = _CLOCK.fullmatch(text)
    minutes = int(found[1]) * 60 + int(found[2]) if found else DAY_MINUTES + 1
    if minutes > DAY_MINUTES:
        raise BadInput(f"{where} has {text!r}, which is no time of day.", remedy="Write it as 07:00.")
    return minutes


def days_in(words: str | tuple[str, ...], where: str) -> frozenset[int]:
    """The weekdays an entry names, as numbers of `date.weekday`; BadInput when there are none."""
    parts = words.replace(" ", "").split(",") if isinstance(words, str) else words
    found: set[int] = set()
    for part in (one.lower() for one in parts if one):
        begin, dash, end = part.partition("-")
        if begin not in WEEK or (dash and end not in WEEK):
            raise BadInput(f"{where} has {part!r}, which is no day.", remedy=f"Use {', '.join(WEEK)}, or mon-fri.")
        first, last = WEEK.index(begin), WEEK.index(end or begin)
        found |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    if not found:
        raise BadInput(f"{where} names no day, so nothing would ever run.", remedy="Write mon-fri, or a list of days.")
    return frozenset(found)


def _own(own: _Value | None, general: _Value) -> _Value:
    return general if own is None else own


def _check_freeze(freeze: Freeze, where: str) -> None:
    monthly = freeze.last or freeze.first
    if freeze.last < 0 or freeze.first < 0:
        raise BadInput(f"{where} counts a negative number of days.", remedy=_PAGE)
    if freeze.start is None:
        if freeze.end is not None:
            raise BadInput(f"{where} has an end and no start.", remedy="Name the first frozen day as start.")
        if not monthly:
            raise BadInput(
                f"{where} names no days.", remedy="Say last and first days of the month, or start and end dates."
            )
        return
    if monthly:
        raise BadInput(f"{where} has dates and days of the month.", remedy="Make two [[schedule.freeze]] of it.")
    end = freeze.end or freeze.start
    if end < freeze.start:
        raise BadInput(f"{where} ends {end} before it starts {freeze.start}.", remedy="Turn the two dates round.")
    if (end - freeze.start).days > 366:
        raise BadInput(f"{where} is longer than a year.", remedy="To stop for good, use `ml-connector pause`.")


def _check_room(rules: Rules, where: str) -> None:
    """Every month must keep a working day outside its freeze windows."""
    frozen = 0
    for one in rules.freezes:
        if one.count == "working":
            frozen += one.last + one.first
        else:  # a week of the calendar has as many working days as there are in a week
            frozen += sum(min(days, -(-days // 7) * len(rules.working)) for days in (one.last, one.first))
    open_days = _FEWEST_DAYS // 7 * len(rules.working & rules.days)
    if frozen and frozen >= open_days:
        raise BadInput(
            f"{where} has freeze windows that may cover a whole month.",
            remedy=f"Freeze fewer than {open_days} working days a month, or have more days.",
        )
