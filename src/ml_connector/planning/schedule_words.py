"""What each entry of the schedule is called and means; tests/architecture compares it with the schedule."""

from __future__ import annotations

from collections.abc import Mapping

from ml_connector.planning.policy_words import Word

_EVENTS = {"go": "Its run goes at once", "wait": "It waits until business hours begin"}
_LENGTH = "Seconds, or 90s, 15m, 2h, 1h30m, 1d."

SCHEDULE_WORDS: Mapping[str, Word] = {
    "interval": Word("Every", f"Time from the start of a flow's poll to the next one. {_LENGTH}"),
    "hours": Word(
        "Business hours", "By the wall clock, such as 07:00-18:00; 22:00-06:00 belongs to the day it begins."
    ),
    "days": Word("Days", "Days with business hours: mon-fri, or names parted by commas."),
    "time_zone": Word("Time zone", "Of every time here, such as America/Chicago; empty for the connection's."),
    "off_hours": Word("Outside business hours", f"Time between polls then; none to rest. {_LENGTH}"),
    "webhooks_off_hours": Word(
        "Events outside business hours", "What a change in Procore causes outside business hours.", _EVENTS
    ),
    "nightly": Word("The night's work", "When it begins, every night, such as 02:00."),
    "target": Word("Red after", "How old a flow may be before it is red; auto is twice its interval and five minutes."),
    "holidays.country": Word(
        "Country", "ISO code whose national holidays nobody works on, such as US; empty for none."
    ),
    "holidays.subdivision": Word("Subdivision", "State or province of it, such as IL."),
    "holidays.extra": Word("Days off besides", "Dates such as 2026-12-24, parted by commas."),
    "holidays.worked": Word("Holidays that are worked", "Dates parted by commas."),
    "freeze": Word("Freeze windows", "Days on which flows do not run at all, whoever asks: month-end, year-end."),
    "flows": Word("Flows of their own", "What one flow has otherwise; what is left empty is as for the connection."),
}
"""Every entry of the schedule by its path."""

FREEZE_WORDS: Mapping[str, Word] = {
    "last": Word("Last days", "Of every month."),
    "first": Word("First days", "Of every month."),
    "count": Word("Counted in", "Which days are counted.", {"working": "Working days", "calendar": "Calendar days"}),
    "start": Word("From", "First frozen day, instead of days of every month."),
    "end": Word("To", "Last frozen day."),
    "flows": Word("Flows", "Names parted by commas; empty for all."),
    "note": Word("Called", "Such as Year-end."),
}
"""Every field of a freeze window."""

FLOW_WORDS: Mapping[str, Word] = {
    name: SCHEDULE_WORDS[name] for name in ("interval", "hours", "days", "off_hours", "webhooks_off_hours", "target")
}
"""Every field of a flow's own schedule."""
