"""What a task gets and what it answers: every job of the queue is one call of one function of this shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ml_connector.app import App
from ml_connector.store.connections import ConnectionRow

PERSON, WEBHOOK, POLL, NIGHTLY, BACKFILL = 40, 30, 20, 10, 0
"""Priorities: a person's click goes before a webhook, a webhook before a poll, and what was cut short goes last."""


@dataclass(frozen=True)
class Duty:
    """One job, made ready for the function that does it."""

    app: App
    task: str
    connection: ConnectionRow | None
    """None for what belongs to the installation."""
    args: Mapping[str, Any] = field(default_factory=dict)
    priority: int = POLL
    job: int = 0
    """The job's number in the queue; 0 outside of it."""
    enough: Callable[[], str] = lambda: ""
    """Why to stop at the next safe point (cancelled, the worker is leaving, others wait), or nothing."""


@dataclass(frozen=True)
class Done:
    """How a duty ended. An error of the kernel's tree that is raised instead is written down by the worker."""

    well: bool = True
    again_at: datetime | None = None
    """When to do it again besides its schedule: what was cut short, or has to wait for a window. Aware."""
    why: str = ""
    """What to show for it on the status page."""
    rest: Mapping[str, Any] = field(default_factory=dict)
    """Args of the job at `again_at`; empty for the same ones."""
    still: Mapping[str, str] = field(default_factory=dict)
    """Flows of it that did not run though the others did, to the reason: of them nobody may say that they went well."""
    remedy: str = ""
    """What a person can do about `why`."""


class Task(Protocol):
    """A function of service/tasks.py."""

    def __call__(self, duty: Duty, /) -> Done:
        """Does it, in slices of about 30 seconds at most."""
        ...
