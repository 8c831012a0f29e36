"""How fast one side is called: a cap on requests in flight, and the windows it tells us about, shared by processes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from ml_connector.kernel.clock import Clock, system_clock
from ml_connector.kernel.errors import RateLimited
from ml_connector.systems.permits import Permits
from ml_connector.systems.retry import number_in, spread, their_clock

Pause = Callable[[float], None]
"""Sleeps for that many seconds; tests pass one that moves their clock."""

IFS_IN_FLIGHT = 4
"""Requests at once to one IFS tenant (facts/ifs.md 9.6: no vendor number, a cap is the polite choice)."""
PROCORE_IN_FLIGHT = 8
"""Requests at once to one Procore company."""

SPIKE, HOUR, HOLD = "spike", "hour", "hold"
"""Procore's two windows (facts/procore.md 2.3), and a pause that was asked for."""
SPAN = {SPIKE: 10.0, HOUR: 3600.0}
"""Seconds a window lasts."""

_SLACK = 2.0
"""Seconds by which the end of a short window may seem later than it can be: clocks and rounding differ."""
_SAME = 1.5
"""Two ends of a window that are nearer than that are one."""
_WHOLE = 1.0
"""The header's unit in seconds: a window that says it is over and still lets nothing through ends within one."""
_LOW = 0.1
"""Below this share of a window's limit, what remains is spread over the time until it resets."""
SCARCE = 0.5
"""Below this share, what remains is shared out among the processes of the connection, a few at a time."""
_CHUNK = 16
"""Most requests taken at a time from what all share."""
_TRADE = 5.0
"""Seconds between two looks at what the other processes have learned."""


class Pace(msgspec.Struct, frozen=True):
    """One window of one side as it is known: what it allows, what is not used or given out, when it begins anew.

    `resets_at` is in unix seconds by our clock. Of a hold only `resets_at` means something.
    """

    window: str
    most: float
    left_over: float
    resets_at: float


class Budget(msgspec.Struct, frozen=True):
    """Who may use what of the hour's requests: a share is kept for people and webhooks."""

    reserve: float = 0.1
    """The share that is kept, from 0 to 1."""
    urgent: bool = True
    """Whether this is work of people or webhooks, which may use the reserve."""

    def kept(self, window: str, most: float) -> float:
        """Requests of a window that this work must leave alone."""
        return 0.0 if self.urgent or window != HOUR else most * self.reserve


class PaceBook(Protocol):
    """Where all processes of a connection keep what they know of one side's windows; wiring.py has one in the store."""

    def trade(self, learned: Sequence[Pace], draw: int, budget: Budget) -> tuple[list[Pace], int]:
        """Writes down what was learned and answers what everybody knows.

        Takes up to `draw` requests out of every window that runs low, leaving what `budget` keeps; a negative number
        gives some back. Answers how many it got, too.
        """
        ...


class _Window:
    """One window as this process sees it: `left` counts what it has sent since the last answer, too."""

    def __init__(self, pace: Pace, told: float = 0.0) -> None:
        self.name, self.limit, self.left, self.resets = pace.window, pace.most, pace.left_over, pace.resets_at
        self.told = told
        """The end as the other side's header gave it."""
        self.next = 0.0

    def pace(self) -> Pace:
        return Pace(self.name, self.limit, self.left, self.resets)

    def scarce(self, now: float) -> bool:
        return self.resets > now and self.left <= self.limit * SCARCE

    def wait(self, now: float, budget: Budget) -> float:
        """Seconds until this window lets one more request through; 0 for at once."""
        seconds = self.resets - now
        if seconds <= 0:
            return 0.0
        usable = self.left - budget.kept(self.name, self.limit)
        if usable < 1:
            return seconds
        if self.left > self.limit * _LOW or (self.name == HOUR and budget.urgent and budget.reserve):
            return 0.0  # what is kept for people is not dealt out to them by the minute
        if self.next > now:
            return min(self.next - now, seconds)
        self.next = now + seconds / usable
        return 0.0


class Pacing:
    """Shared by every thread that calls one side of one connection, and by a book with other processes; thread safe.

    It learns from `X-Rate-Limit-Limit`, `-Remaining` and `-Reset` and from pauses asked for; it never guesses a limit.
    While a window is more than half full nobody asks the book; below, requests are taken from it a few at a time.
    """

    def __init__(
        self,
        in_flight: int = IFS_IN_FLIGHT,
        max_wait: float = 60.0,
        clock: Clock = system_clock,
        pause: Pause = time.sleep,
        book: PaceBook | None = None,
        budget: Budget = Budget(),  # noqa: B008 - frozen
    ) -> None:
        """`max_wait` in seconds: a request that would have to wait longer raises RateLimited instead."""
        self.max_wait = max_wait
        self.clock = clock
        self.pause = pause
        self.budget = budget
        self._book = book
        self.permits = Permits()
        """Places for requests in flight; opening.py puts those of the whole tenant here."""
        self._in_flight = in_flight
        self._lock = threading.Lock()
        self._busy = 0
        self._closed_until = 0.0
        self._windows: dict[str, _Window] = {}
        self._granted = 0
        self._granted_until = 0.0
        self._traded_at = 0.0

    def enter(self) -> float:
        """Waits for a place and for the windows; seconds waited for them. Raises RateLimited beyond `max_wait`."""
        waited = 0.0
        if self._book is not None and not self._traded_at:
            self._trade()
        while (seconds := self._place_and_turn()) != 0:
            if seconds < 0:
                seconds = self._drawn()
            if waited + seconds > self.max_wait:
                raise self._over(seconds)
            if seconds > 0:
                seconds = spread(seconds, random.random())  # noqa: S311  # jitter, no secret
                self.pause(seconds)
                waited += seconds
        return waited

    def leave(self, headers: Mapping[str, str] | None) -> None:
        """Gives the place back; `headers` (lower case) of the reply, if one came, tell how a window stands."""
        learned = headers is not None and "x-rate-limit-remaining" in headers and self._learn(headers)
        with self._lock:
            self._busy -= 1
        self.permits.give()
        if learned and self._book is not None and self._now() - self._traded_at > _TRADE:
            self._trade()

    def hold(self, seconds: float) -> None:
        """Nobody sends for that many seconds from now, in any process: the other side said so."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._now() + seconds)
        if self._book is not None:
            self._trade()

    def put_down(self) -> None:
        """Writes down what was learned, and gives back what was taken from the book and not used."""
        if self._book is not None and self._traded_at:
            with self._lock:
                unused = self._granted if self._granted_until > self._now() else 0
                self._granted = 0
            self._trade(-unused)

    def known(self) -> list[Pace]:
        """The windows and the hold that are not over yet."""
        now = self._now()
        with self._lock:
            found = [one.pace() for one in self._windows.values() if one.resets > now]
            return found + ([Pace(HOLD, 0, 0, self._closed_until)] if self._closed_until > now else [])

    def forecast(self, requests: int) -> datetime:
        """When so many more requests will have been sent, by what is known of the windows; now when nothing is."""
        return self.clock() + timedelta(seconds=seconds_for(requests, self.known(), self.budget, self._now()))

    def goes_on(self) -> datetime | None:
        """The moment from which requests are let through again; None when they are now."""
        return self.done_at(1)

    def done_at(self, requests: int) -> datetime | None:
        """The moment at which so many more requests will have been sent; None when no limit known delays them."""
        at = self.forecast(requests)
        return at if at > self.clock() else None

    def _now(self) -> float:
        return self.clock().timestamp()

    def _over(self, seconds: float) -> RateLimited:
        """The error for a wait that is too long for a run: it says when it goes on."""
        at = datetime.fromtimestamp(self._now() + seconds, UTC)
        hour = self._windows.get(HOUR)
        kept = hour is not None and hour.left >= 1 and self._closed_until <= self._now()
        what = "is used up" if not kept else "is used up but for what is kept for people and webhooks"
        error = RateLimited(
            f"The other side's request limit {what} for another {seconds:,.0f} seconds; it goes on at "
            f"{at:%Y-%m-%d %H:%M} UTC.",
            seconds=seconds,
        )
        error.again_at = at
        return error

    def _place_and_turn(self) -> float:
        """Takes a place and a turn, or says as `_turn` how long to wait: without the place, which others may use."""
        self.permits.take(self._in_flight)
        seconds = -1.0
        try:
            seconds = self._turn()
        finally:
            if seconds != 0:
                self.permits.give()
        return seconds

    def _turn(self) -> float:
        """Seconds to wait before sending; 0 takes the turn; less than 0: some must be drawn from the book first."""
        with self._lock:
            if not self._windows and not self._closed_until:  # nothing learned: do not even look at the clock
                self._busy += 1
                return 0.0
            now = self._now()
            wait = self._closed_until - now
            if wait <= 0:
                wait = max((one.wait(now, self.budget) for one in self._windows.values()), default=0.0)
            if wait > 0:
                return wait
            if self._book is not None and any(one.scarce(now) for one in self._windows.values()):
                if self._granted < 1 or self._granted_until <= now:
                    return -1.0
                self._granted -= 1
            self._busy += 1
            for one in self._windows.values():
                one.left -= 1
            return 0.0

    def _drawn(self) -> float:
        """Takes some requests out of what all share; seconds to wait when there is nothing left."""
        now = self._now()
        with self._lock:
            low = [one for one in self._windows.values() if one.scarce(now)]
            chunk = max(1, min(_CHUNK, *(int(one.limit / 25) for one in low))) if low else 0
        got = self._trade(chunk)
        if got or not low:
            return 0.0
        return max(0.05, min(one.resets for one in low) - now)

    def _trade(self, draw: int = 0) -> int:
        """Tells the book what was learned here and takes over what others have; the number of requests drawn."""
        assert self._book is not None
        self._traded_at = now = self._now()
        everything, got = self._book.trade(self.known(), draw, self.budget)
        with self._lock:
            for pace in everything:
                self._take_over(pace, now)
            if draw > 0:
                ends = [one.resets for one in self._windows.values() if one.scarce(now)]
                fresh = self._granted if self._granted_until > now else 0
                self._granted, self._granted_until = fresh + got, min(ends, default=now)
        return got

    def _take_over(self, pace: Pace, now: float) -> None:
        """What another process knew first: a hold, or a window that is newer than ours."""
        if pace.resets_at <= now:
            return
        if pace.window == HOLD:
            self._closed_until = max(self._closed_until, pace.resets_at)
            return
        ours = self._windows.get(pace.window)
        if ours is None or ours.resets < pace.resets_at - _SAME:
            self._windows[pace.window] = _Window(pace)

    def _learn(self, headers: Mapping[str, str]) -> bool:
        """Takes over what a reply says of a window; whether it said anything."""
        remaining = number_in(headers, "x-rate-limit-remaining")
        told = number_in(headers, "x-rate-limit-reset")
        if remaining is None or told is None:
            return False
        limit = number_in(headers, "x-rate-limit-limit") or 0.0
        with self._lock:
            for one in self._windows.values():
                # replies overtake each other: the smaller number is the newer one
                if one.told == told and one.limit in (limit, 0.0):
                    one.left = min(one.left, remaining)
                    if remaining < 1:  # whole seconds: it may end a little later than it says
                        one.resets = max(one.resets, self._now() + _WHOLE)
                    return True
            now = self._now()
            resets = now + min(told - their_clock(headers, self.clock).timestamp(), SPAN[HOUR] + _SLACK)
            name = self._name_of(limit, resets, now)
            before = self._windows.get(name)
            if before is not None and abs(before.resets - resets) < _SAME:
                remaining = min(before.left, remaining)
            else:  # requests still on their way are not counted in this answer
                remaining -= self._busy - 1
            limit = limit or (before.limit if before else 0.0)
            self._windows[name] = _Window(Pace(name, limit, remaining, resets), told)
        return True

    def _name_of(self, limit: float, resets: float, now: float) -> str:
        """Which window an answer describes: the headers do not say (facts/procore.md 2.3)."""
        if resets - now > SPAN[SPIKE] + _SLACK:
            return HOUR
        hour, spike = self._windows.get(HOUR), self._windows.get(SPIKE)
        if hour is None or limit != hour.limit or (spike is not None and spike.limit == limit):
            # an hour's last seconds look like a spike: only where both are equal does the end tell
            same_end = hour is not None and limit == hour.limit and abs(hour.resets - resets) < _SAME
            return HOUR if same_end else SPIKE
        return HOUR


def seconds_for(requests: int, paces: Sequence[Pace], budget: Budget, now: float) -> float:
    """Seconds until so many requests will have been sent when each window and hold is obeyed; pure."""
    wait = 0.0
    for pace in paces:
        left = max(0.0, pace.resets_at - now)
        if pace.window == HOLD:
            wait = max(wait, left)
            continue
        kept = budget.kept(pace.window, pace.most)
        over = requests - max(0.0, pace.left_over - kept)
        if left and over > 0:
            whole = max(1.0, pace.most - kept)
            wait = max(wait, left + (-(-over // whole) - 1) * SPAN[pace.window])
    return wait
