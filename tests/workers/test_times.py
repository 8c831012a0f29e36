"""By the numbers a service has when nobody sets any, what a dead or frozen worker had in hand goes on in time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ml_connector.kernel.errors import Locked
from ml_connector.queue.procrastinate_queue import POLL_SECONDS
from ml_connector.service.endings import Told, pause_after
from ml_connector.service.times import Times
from ml_connector.settings import Settings
from ml_connector.store import lock

PROMISED = 30.0
"""Seconds, with a free slot (docs/deploying.md)."""


def test_a_takeover_by_the_default_settings_takes_less_than_was_promised() -> None:
    """Both clocks begin when a worker stands still: the queue's, and that of its right to write, which a killed one
    loses at once and a frozen one keeps until its lease has lapsed."""
    settings = Settings(Path())
    times = Times.of(settings)
    assert times == Times(), "the settings' defaults are those of the code"
    assert settings.stalled_seconds == lock.VALID
    found_dead = times.stalled + times.beat  # silent for so long, and looked for as often as workers beat
    at_work = found_dead + times.tick + POLL_SECONDS  # a tick makes a job of it, a free slot takes it
    lapsed = lock._LAPSE * lock.VALID
    told = Told(datetime.now(UTC), 1.0, times.tries)
    refused = pause_after(Locked("held", seconds=lock.VALID / 4), 1, told).total_seconds()  # who came too early
    again = refused + times.tick + POLL_SECONDS
    assert max(at_work, lapsed) + again < PROMISED
    assert times.beat * 3 < times.stalled, "two signs of life may be lost"
