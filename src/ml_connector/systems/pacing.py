"""How fast one side is called from this process: a cap on requests in flight, and the windows it tells us about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from ml_connector.kernel.clock import Clock, system_clock
from ml_connector.kernel.errors import RateLimited
from ml_connector.systems.retry import number_in

Pause = Callable[[float], None]
"""Sleeps for that many seconds; tests pass one that moves their clock."""

IFS_IN_FLIGHT = 4
"""Requests at once to one IFS tenant (facts/ifs.md 9.6: no vendor number, a cap is the polite choice)."""
PROCORE_IN_FLIGHT = 8
"""Requests at once to one Procore company."""

_LOW = 0.1
"""Below this share of a window's limit, what remains is spread over the time until it resets."""


class Pacing:
    """Shared by every thread that calls one side of one connection; thread safe.

    It learns from `X-Rate-Limit-Limit`, `-Remaining` and `-Reset` and from pauses asked for; it never guesses a limit.
    """

    def __init__(
        self,
        in_flight: int = IFS_IN_FLIGHT,
        max_wait: float = 60.0,
        clock: Clock = system_clock,
        pause: Pause = time.sleep,
    ) -> None:
        """`max_wait` in seconds: a request that would have to wait longer raises RateLimited instead."""
        self.max_wait = max_wait
        self.clock = clock
        self.pause = pause
        self._permits = threading.BoundedSemaphore(in_flight)
        self._lock = threading.Lock()
        self._busy = 0
        self._closed_until = 0.0
        self._limit = 0.0
        self._remaining = 0.0
        self._reset = 0.0
        self._next = 0.0

    def enter(self) -> float:
        """Waits for a place and for the window; seconds waited for the window. Raises RateLimited beyond `max_wait`."""
        self._permits.acquire()
        waited = 0.0
        try:
            while (seconds := self._turn()) > 0:
                if waited + seconds > self.max_wait:
                    raise RateLimited(
                        f"The other side's request limit is used up for another {seconds:,.0f} seconds.",
                        seconds=seconds,
                    )
                self.pause(seconds)
                waited += seconds
        except BaseException:
            self._permits.release()
            raise
        return waited

    def leave(self, headers: Mapping[str, str] | None) -> None:
        """Gives the place back; `headers` (lower case) of the reply, if one came, tell how the window stands."""
        if headers is not None and "x-rate-limit-remaining" in headers:
            self._learn(headers)
        with self._lock:
            self._busy -= 1
        self._permits.release()

    def hold(self, seconds: float) -> None:
        """Nobody sends for that many seconds from now: the other side said so."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._now() + seconds)

    def _now(self) -> float:
        return self.clock().timestamp()

    def _turn(self) -> float:
        """Seconds to wait before sending; 0 takes the turn."""
        with self._lock:
            if not self._reset and not self._closed_until:  # nothing learned: do not even look at the clock
                self._busy += 1
                return 0.0
            now = self._now()
            wait = self._closed_until - now
            if wait <= 0:
                wait = self._window_wait(now)
            if wait > 0:
                return wait
            self._busy += 1
            self._remaining -= 1
            return 0.0

    def _window_wait(self, now: float) -> float:
        left = self._reset - now
        if left <= 0 or self._remaining > self._limit * _LOW:
            return 0.0
        if self._remaining < 1:
            return left
        if self._next > now:
            return min(self._next - now, left)
        self._next = now + left / self._remaining
        return 0.0

    def _learn(self, headers: Mapping[str, str]) -> None:
        remaining = number_in(headers, "x-rate-limit-remaining")
        reset = number_in(headers, "x-rate-limit-reset")
        if remaining is None or reset is None:
            return
        with self._lock:
            if reset == self._reset:  # replies overtake each other: the smaller number is the newer one
                self._remaining = min(self._remaining, remaining)
            else:  # requests still on their way are not counted in this answer
                self._remaining = remaining - (self._busy - 1)
                self._next = 0.0
            self._reset = reset
            self._limit = number_in(headers, "x-rate-limit-limit") or self._limit
