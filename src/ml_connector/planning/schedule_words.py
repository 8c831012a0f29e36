"""What each entry of the schedule is called and means; tests/architecture compares it with the schedule."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.text import counted
from ml_connector.planning.policy_words import Word
from ml_connector.planning.schedule import seconds_in

_EVENTS = {"go": "Its run goes at once", "wait": "It waits until business hours begin"}
_DAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
_LENGTHS = {
    "5m": "5 minutes",
    "10m": "10 minutes",
    "15m": "15 minutes",
    "30m": "30 minutes",
    "1h": "1 hour",
    "2h": "2 hours",
    "4h": "4 hours",
    "8h": "8 hours",
    "1d": "1 day",
}
"""The lengths of time that are offered; a connection file may name any other."""

SCHEDULE_WORDS: Mapping[str, Word] = {
    "interval": Word(
        "Look every",
        "How often a flow looks for changes: with 15 minutes at 08:00, 08:15, 08:30 and so on.",
        _LENGTHS,
    ),
    "hours": Word(
        "Business hours",
        "Between these two times a flow looks for changes, such as 07:00-18:00, {zone} time; 22:00-06:00 ends on the"
        " next morning.",
    ),
    "days": Word("Days", "Days that have business hours; all of any other day is outside them.", _DAYS),
    "time_zone": Word(
        "Time zone",
        "Every time on this page is read in it, such as America/Chicago; empty: in the connection's, {own zone}.",
    ),
    "off_hours": Word(
        "Look outside business hours",
        "How often a flow looks for changes before and after business hours and on days off: with 2 hours at 20:00,"
        " 22:00 and so on, {zone} time.",
        {"none": "Never", **_LENGTHS},
    ),
    "webhooks_off_hours": Word(
        "Events outside business hours",
        "Whether what somebody changes in Procore outside business hours, say at 21:00 {zone} time, is looked at then"
        " or in the morning.",
        _EVENTS,
    ),
    "nightly": Word(
        "The night's work",
        "At this time of every night all that crossed is compared on both sides, such as 02:00, {zone} time.",
    ),
    "target": Word(
        "Warn when older than",
        "Health shows a flow in red when its last look is longer ago than this: with 1 hour, one that looked at 08:00"
        " {zone} time is red from 09:00 on. Twice its interval has 5 minutes on top.",
        {"auto": "Twice its interval", **_LENGTHS},
    ),
    "holidays.country": Word(
        "Country", "On the national holidays of this country there are no business hours: US for the United States."
    ),
    "holidays.subdivision": Word(
        "State or province", "Adds the holidays of one state or province of that country: IL for Illinois."
    ),
    "holidays.extra": Word(
        "Days off besides", "Days without business hours that are no holidays, such as 2026-12-24, 2026-12-31."
    ),
    "holidays.worked": Word(
        "Holidays that are worked", "Holidays on which you work as on any other day, such as 2026-11-11."
    ),
    "freeze": Word("Freeze windows", "Days on which flows do not run at all, whoever asks: month-end, year-end."),
    "flows": Word("Hours of single flows", "What one flow has otherwise; what is left empty is as for the connection."),
}
"""Every entry of the schedule by its path; `{zone}` stands for the zone of its times, `{own zone}` for that of the
connection."""

FREEZE_WORDS: Mapping[str, Word] = {
    "last": Word("Last days", "At the end of every month flows stand still for this many days, such as 3."),
    "first": Word("First days", "At the beginning of every month flows stand still for this many days, such as 2."),
    "count": Word(
        "Days counted",
        "Whether the days above are working days only, or weekends and holidays count, too.",
        {"working": "Working days", "calendar": "Calendar days"},
    ),
    "start": Word("From", "First day on which flows stand still, where the freeze is once and not every month."),
    "end": Word("To", "Last day on which flows stand still; left empty it is that one day."),
    "note": Word("Called", "What people call it, such as Year-end."),
    "flows": Word("Flows", "Which flows it stops; none chosen stops all.", blank="All flows"),
}
"""Every field of a freeze window."""

FLOW_WORDS: Mapping[str, Word] = {
    name: msgspec.structs.replace(SCHEDULE_WORDS[name], blank="As for the whole connection")
    for name in ("interval", "hours", "days", "off_hours", "webhooks_off_hours", "target")
}
"""Every field of a flow's own schedule."""


def length_words(text: str) -> str:
    """A length of time as people say it: `1h30m` is 1 hour 30 minutes; what is none stays as it is."""
    try:
        left = int(seconds_in(text, "").total_seconds())
    except BadInput:
        return text
    said = []
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        number, left = divmod(left, size)
        if number:
            said.append(counted(number, unit))
    return " ".join(said)
