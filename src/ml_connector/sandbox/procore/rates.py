"""The two rate windows, an hour and ten seconds, and the headers about the nearer one (facts/procore.md 2.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ml_connector.sandbox.procore.switches import ProcoreSwitches

_UNLIMITED = 1_000_000


@dataclass(slots=True)
class _Window:
    span: timedelta
    until: datetime | None = None
    used: int = 0

    def roll(self, now: datetime) -> None:
        """Opens a new window when the present one is over, or when the clock was moved back."""
        if self.until is None or now >= self.until or self.until - now > self.span:
            self.until = now + self.span
            self.used = 0


class Rates:
    """Counts calls in fixed windows by the sandbox clock."""

    def __init__(self, switches: ProcoreSwitches) -> None:
        self._switches = switches
        self._hour = _Window(timedelta(hours=1))
        self._spike = _Window(timedelta(seconds=10))
        self._told: datetime | None = None

    def take(self, now: datetime) -> int | None:
        """Counts one call. None when it may go; else the seconds until the full window opens again."""
        self._told = None
        pairs = self._pairs(now)
        for window, limit in pairs:
            if window.used >= limit and window.until is not None:
                return max(1, int((window.until - now).total_seconds() + 0.999))
        for window, _ in pairs:
            window.used += 1
        return None

    def exhaust(self, now: datetime, seconds: int) -> None:
        """Makes the headers say, until the next counted call, that nothing is left for so many seconds; with 0 that a
        new window opens now, whatever second it is rounded to."""
        self._told = now + timedelta(seconds=seconds or -1)

    def headers(self, now: datetime) -> tuple[tuple[str, str], ...]:
        """Limit, remaining and reset (unix seconds) of the window nearer exhaustion."""
        window, limit = min(self._pairs(now), key=lambda pair: (pair[1] - pair[0].used) / pair[1])
        if self._told is not None:
            until, left = self._told, 0
        else:
            until, left = window.until or now, max(0, limit - window.used)
        reset = int(until.timestamp()) + 1
        return (
            ("X-Rate-Limit-Limit", str(limit)),
            ("X-Rate-Limit-Remaining", str(left)),
            ("X-Rate-Limit-Reset", str(reset)),
        )

    def _pairs(self, now: datetime) -> list[tuple[_Window, int]]:
        self._hour.roll(now)
        self._spike.roll(now)
        hour, spike = self._switches.rate_hour or _UNLIMITED, self._switches.rate_spike or _UNLIMITED
        return [(self._spike, spike), (self._hour, hour)]
