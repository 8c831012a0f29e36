"""How fresh each flow is: the age of its last good run against its target, in time in which it could have run."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from ml_connector.planning.due import allowed_time, spoken
from ml_connector.planning.schedule import Schedule, rules_of

Colour = Literal["green", "amber", "red"]

_FARTHEST = timedelta(days=400)
"""An age is reckoned no farther back than this: it is red long before."""


class Freshness(NamedTuple):
    """How fresh a flow is, and in words."""

    colour: Colour
    age: timedelta
    """Time in which it could have run since it last ran well; nights, holidays and freeze windows do not count."""
    amber_from: timedelta
    """Age from which it is amber: half way between its interval and its target."""
    target: timedelta
    """Age from which it is red."""
    sentence: str


def freshness(
    schedule: Schedule,
    flow: str,
    well_at: datetime | None,
    now: datetime,
    holidays: frozenset[date],
    *,
    since: datetime,
) -> Freshness:
    """How fresh a flow is. `well_at` is when it last ended well, or None; then its age counts from `since`, when its
    connection was added. Outside business hours nobody expects it, so no age is added then."""
    rules = rules_of(schedule, flow, holidays)
    begin = max(min(well_at or since, now), now - _FARTHEST)
    age = allowed_time(rules, begin, now)
    amber = rules.interval + (rules.target - rules.interval) / 2
    colour: Colour = "red" if age > rules.target else "amber" if age > amber else "green"
    old = f"Last ran well {spoken(age)} of business time ago" if well_at else f"Never ran, for {spoken(age)}"
    verdict = {
        "green": f"well within its target of {spoken(rules.target)}",
        "amber": f"near its target of {spoken(rules.target)}",
        "red": f"above its target of {spoken(rules.target)}",
    }[colour]
    return Freshness(colour, age, amber, rules.target, f"{old}, {verdict}.")
