"""What follows from how a job ended: when its row is due again, with what, and whether it is given up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from ml_connector.kernel.errors import Bug, ConnectorError, OutcomeUnknown, Wait
from ml_connector.service.duty import BACKFILL, Done
from ml_connector.service.tasks import FLOWS, HINTS, Nature
from ml_connector.store.agenda import NOTHING, AgendaRow, Ending

FIRST = timedelta(seconds=2)
"""Upper bound of the first pause after a failure; it doubles with each failure in a row."""
LONGEST = timedelta(minutes=10)
"""No pause of our own choosing is longer."""
UNHURRIED = timedelta(hours=1)
"""The same for what waits for a person."""
HUSH = timedelta(minutes=15)
"""How long a cancelled look at events is left alone; who wants it longer pauses the connection."""
_AT_ONCE = timedelta(seconds=1)


class Told(NamedTuple):
    """What the worker knows about the end of a job besides what the task says."""

    now: datetime
    draw: float
    """Chance in 0..1, for the jitter."""
    tries: int
    """So many failures of our own making in a row, then it is given up."""
    cancelled: bool = False
    leaving: bool = False
    """Whether the worker was told to leave, or was taken for dead."""


class Outcome(NamedTuple):
    """What is written in the agenda; with `give_up` the row is parked besides, for that reason."""

    ending: Ending
    give_up: str = ""
    rest: Mapping[str, Any] | None = None
    """Args of a row of its own that goes on with what was cut short, at the end of the line."""
    alarm: ConnectorError | None = None
    """What a person must hear of; a side that is not called has an alarm of its own."""
    still: Mapping[str, str] = NOTHING
    """Flows that did not run though the others did, to the reason."""


def after(row: AgendaRow, nature: Nature, done: Done, told: Told) -> Outcome:
    """What follows from an answer of the task.

    What was cut short goes to the end of the line, unless it was cut short because its worker leaves; a poll leaves
    its row free for the next one, and its rest gets another.
    """
    if done.again_at is None:
        args = None if "/" in row.name or row.name == FLOWS else dict(done.rest)
        ending = Ending(told.now, done.well, done.why, nature.priority, args=args, remedy=done.remedy)
        return Outcome(ending, still=done.still)
    if told.cancelled:
        return _cancelled(row, nature, done.why, told)
    args = dict(done.rest) or None
    priority = row.priority if told.leaving else nature.priority
    if not told.leaving and done.again_at <= told.now + _AT_ONCE and not nature.insists:
        if row.name == FLOWS:
            return Outcome(Ending(told.now, False, done.why, priority), rest=args or row.args, still=done.still)
        priority = BACKFILL
    ending = Ending(told.now, done.well, done.why, priority, due_at=done.again_at, args=args)
    return Outcome(ending, still=done.still)


def after_error(row: AgendaRow, nature: Nature, error: BaseException, told: Told) -> Outcome:
    """What follows from an error a task raised, with its remedy; see the tree in kernel/errors.py."""
    found = _after_error(row, nature, error, told)
    remedy = error.remedy if isinstance(error, ConnectorError) and not told.cancelled else ""
    return found._replace(ending=msgspec.structs.replace(found.ending, remedy=remedy))


def _after_error(row: AgendaRow, nature: Nature, error: BaseException, told: Told) -> Outcome:
    why = str(error) if isinstance(error, ConnectorError) else f"It failed unexpectedly: {type(error).__name__}."
    attempts = row.attempts + 1
    if told.cancelled:
        return _cancelled(row, nature, why, told)
    if told.leaving:  # it is no fault of the job's
        return Outcome(Ending(told.now, False, why, row.priority, due_at=told.now, attempts=row.attempts))
    if isinstance(error, (Wait, OutcomeUnknown)):
        due_at = told.now + pause_after(error, attempts, told)
        return Outcome(Ending(told.now, False, why, row.priority, due_at=due_at, attempts=attempts))
    if isinstance(error, Bug) or not isinstance(error, ConnectorError):
        pause = backoff(attempts, LONGEST, told.draw)
        ending = Ending(told.now, False, why, row.priority, due_at=told.now + pause, attempts=attempts)
        return Outcome(ending, f"It failed {attempts} times in a row: {why}" if attempts >= told.tries else "")
    alarm = None if error.side in ("erp", "projects") else error
    if nature.insists:  # a person is asked; what it is about must not be forgotten meanwhile
        pause = backoff(attempts + 4, UNHURRIED, 0.5 + told.draw / 2)
        ending = Ending(told.now, False, why, nature.priority, due_at=told.now + pause, attempts=attempts)
        return Outcome(ending, alarm=alarm)
    return Outcome(Ending(told.now, False, why, nature.priority), alarm=alarm)


def _cancelled(row: AgendaRow, nature: Nature, why: str, told: Told) -> Outcome:
    """It keeps its next appointment. What the inbox would call again at once is left alone for a while.

    That counts as a failure, so that the job which may wait behind it already is left alone, too.
    """
    due_at = quiet_until(row.name, told.now)
    said = f"Cancelled. {why}".strip()
    args: dict[str, Any] | None = {} if row.args.get("approved") else None  # what was approved is forgotten with it
    ending = Ending(told.now, False, said, nature.priority, due_at=due_at, attempts=1 if due_at else 0, args=args)
    return Outcome(ending)


def quiet_until(name: str, now: datetime) -> datetime | None:
    """Until when a row is left alone whose job a person cancelled; None where nothing calls it again by itself."""
    return now + HUSH if name == HINTS else None


def pause_after(error: ConnectorError, attempts: int, told: Told) -> timedelta:
    """How long to pause after an error that passes by itself: as long as was asked for, else by the back-off.

    A tenth is added to what was asked for at most, so that not everybody is back at once.
    """
    if isinstance(error, Wait):
        if error.again_at is not None and error.again_at > told.now:
            return error.again_at - told.now
        if error.seconds is not None:
            return timedelta(seconds=error.seconds * (1 + told.draw / 10) + 0.1)
    return backoff(attempts, LONGEST, told.draw)


def backoff(attempts: int, longest: timedelta, draw: float) -> timedelta:
    """Exponential with full jitter: anything up to the bound, which doubles; never less than a fifth of a second."""
    bound = min(longest, FIRST * 2.0 ** min(attempts - 1, 30))
    return max(timedelta(seconds=0.2), bound * draw)
