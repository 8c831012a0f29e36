"""How long things take that keep the service alive; tests and the sandbox make them short."""

from __future__ import annotations

from typing import NamedTuple

from ml_connector.settings import Settings


class Times(NamedTuple):
    """All in seconds, by the machine's own clock."""

    stalled: float = 10.0
    """A worker without a sign of life for so long is dead, and its jobs are taken over."""
    tick: float = 1.0
    """How often it is looked for what is due, besides the notices."""
    lay_out: float = 60.0
    """How often the timetable is laid over the agenda."""
    hasten: float = 300.0
    """Who has waited so long goes with the webhooks."""
    bury: float = 600.0
    """A process without a sign of life for so long is shown no more."""
    patience: float = 60.0
    """How long a worker tries to write down how a job ended while the database is away."""
    tries: int = 3
    """So many workers one job may end, or so many times it may fail by our fault, before it is parked."""

    @property
    def beat(self) -> float:
        """How often a worker gives a sign of life."""
        return self.stalled / 4

    @classmethod
    def of(cls, settings: Settings) -> Times:
        """As the installation's settings say."""
        return cls(stalled=settings.stalled_seconds, tries=settings.tries)
