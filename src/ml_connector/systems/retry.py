"""When a request may be sent again, and after how long: pure questions about one reply and one number of tries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

import msgspec

from ml_connector.kernel.clock import Clock
from ml_connector.systems.wire import WireReply


class Retry(msgspec.Struct, frozen=True):
    """How often and how long one request is tried: attempts in all, and seconds of pause."""

    attempts: int = 4
    first: float = 0.5
    """Upper bound of the first pause; it doubles with each attempt."""
    longest: float = 20.0
    """No single pause of our own choosing is longer."""
    budget: float = 120.0
    """Once pauses and answers took this long together, the request is given up."""


class Verdict(Enum):
    """What a reply's status means for sending the same request again."""

    FINAL = "final"
    """It is the answer, good or bad."""
    SIGN_IN = "sign_in"
    """401: the token was not accepted and nothing was processed."""
    SLOW_DOWN = "slow_down"
    """429: refused before processing because of a rate."""
    LOCKED = "locked"
    """423: refused because somebody holds the row."""
    AWAY = "away"
    """503 or metadata being refreshed: refused before processing."""
    UNSURE = "unsure"
    """500, 502, 504: nobody knows whether it was processed."""


_REFRESHING = b"MI_MODIFIED_ERROR"
"""IFS answers this, with any 5xx, while service metadata is refreshed; nothing was run (facts/ifs.md 9.2)."""
_DECIDED = (b'"DATABASE_ERROR"', b"ORA-2")
"""IFS may answer a broken business rule with 500 (facts/ifs.md 9.2): that is a decision, not a failure."""
_UNSURE = frozenset({500, 502, 504})


def verdict_of(reply: WireReply) -> Verdict:
    """What `reply` means for trying again; a business rule answered with 500 is final."""
    status = reply.status
    if status < 500:
        if status == 429:
            return Verdict.SLOW_DOWN
        if status == 401:
            return Verdict.SIGN_IN
        return Verdict.LOCKED if status == 423 else Verdict.FINAL
    if status == 503 or _REFRESHING in reply.body:
        return Verdict.AWAY
    if status not in _UNSURE or (status == 500 and any(mark in reply.body for mark in _DECIDED)):
        return Verdict.FINAL
    return Verdict.UNSURE


def backoff(attempt: int, retry: Retry, draw: float) -> float:
    """Seconds to pause after failed attempt number `attempt` (from 1): full jitter, `draw` in 0..1."""
    return draw * min(retry.longest, retry.first * 2.0 ** (attempt - 1))


def spread(seconds: float, draw: float) -> float:
    """A pause that was asked for, and up to a tenth more, 5 seconds at most: not all who wait come back at once.

    `draw` in 0..1.
    """
    return seconds + draw * min(5.0, 0.1 * seconds)


def pause_asked(headers: Mapping[str, str], now_here: datetime) -> float | None:
    """Seconds the other side asks us to wait: Retry-After (seconds or a date), else X-Rate-Limit-Reset; None if mute.

    X-Rate-Limit-Reset is in unix seconds (facts/procore.md, rate limits); Procore may leave Retry-After out. Both name
    moments by the other side's clock, which its Date header tells; `now_here` stands in for it.
    """
    now = their_clock(headers, lambda: now_here)
    text = headers.get("retry-after")
    if text:
        seconds = _seconds_until(text.strip(), now)
        if seconds is not None:
            return seconds
    reset = number_in(headers, "x-rate-limit-reset")
    return None if reset is None else max(0.0, reset - now.timestamp())


def their_clock(headers: Mapping[str, str], clock: Clock) -> datetime:
    """What time it is over there, by the Date header of a reply; by our clock where it has none."""
    moment = _moment(headers.get("date", ""))
    return clock() if moment is None else moment


def number_in(headers: Mapping[str, str], name: str) -> float | None:
    """The number a header holds, or None when it is absent or is no number."""
    text = headers.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e15 else None


def _seconds_until(text: str, now: datetime) -> float | None:
    if text.isdigit():
        return float(text)
    moment = _moment(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def _moment(text: str) -> datetime | None:
    """The moment a header names, aware; None when it names none."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
