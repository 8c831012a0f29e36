"""The sandbox's own clock: it runs with the machine's, and can be moved or frozen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Present moment of the simulated world, aware, UTC. Moving it moves token expiry, rate windows and stamps."""

    def __init__(self, start: datetime | None = None) -> None:
        self._offset = (start - datetime.now(UTC)) if start else timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> None:
        """Moves the clock forward (or back, with a negative span)."""
        self._offset += by

    def set(self, moment: datetime) -> None:
        """Makes `moment` (aware) the present."""
        self._offset = moment - datetime.now(UTC)
