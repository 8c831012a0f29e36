"""Time comes in through one door, so that tests and the sandbox can move it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present moment as an aware datetime in UTC."""


def system_clock() -> datetime:
    """The machine's present moment, aware, in UTC."""
    return datetime.now(UTC)
