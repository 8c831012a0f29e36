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
    "interval": Word("Look every", "Time from one look of a flow for changes to its next.", _LENGTHS),
    "hours": Word(
        "Business hours", "By the wall clock, such as 07:00-18:00; 22:00-06:00 belongs to the day it begins."
    ),
    "days": Word("Days", "Days with business hours.", _DAYS),
    "time_zone": Word("Time zone", "Of every time here, such as America/Chicago; empty for the connection's."),
    "off_hours": Word("Look outside business hours", "Time between two looks then.", {"none": "Never", **_LENGTHS}),
    "webhooks_off_hours": Word(
        "Events outside business hours", "What a change in Procore causes outside business hours.", _EVENTS
    ),
    "nightly": Word("The night's work", "When it begins, every night, such as 02:00."),
    "target": Word(
        "Warn when older than",
        "Age of what a flow last saw from which it is red; twice its interval takes five minutes on top.",
        {"auto": "Twice its interval", **_LENGTHS},
    ),
    "holidays.country": Word(
        "Country", "ISO code whose national holidays nobody works on, such as US; empty for none."
    ),
    "holidays.subdivision": Word("Subdivision", "State or province of it, such as IL."),
    "holidays.extra": Word("Days off besides", "Dates such as 2026-12-24, parted by commas."),
    "holidays.worked": Word("Holidays that are worked", "Dates parted by commas."),
    "freeze": Word("Freeze windows", "Days on which flows do not run at all, whoever asks: month-end, year-end."),
    "flows": Word("Hours of single flows", "What one flow has otherwise; what is left empty is as for the connection."),
}
"""Every entry of the schedule by its path."""

FREEZE_WORDS: Mapping[str, Word] = {
    "last": Word("Last days", "Of every month."),
    "first": Word("First days", "Of every month."),
    "count": Word("Days counted", "Which days are counted.", {"working": "Working days", "calendar": "Calendar days"}),
    "start": Word("From", "First frozen day, instead of days of every month."),
    "end": Word("To", "Last frozen day."),
    "note": Word("Called", "Such as Year-end."),
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
