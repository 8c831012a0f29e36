"""What the product asks of its queue; small, so that the choice of a queue stays cheap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

Told = Callable[[], bool]
"""Whether somebody asked that a job end."""


class NewJob(NamedTuple):
    """A job to be queued: ids only. What it is to do with stands in the agenda's row of that name."""

    connection: int
    """0 for the installation."""
    name: str
    """The agenda's row."""
    label: str
    """What kind of work it is, for lists and counts."""
    priority: int
    """Larger goes first, among all connections."""

    @property
    def lock(self) -> str:
        """Of the jobs with one lock only one is at work: a connection has one writer (decision 0011)."""
        return f"connection/{self.connection}" if self.connection else f"installation/{self.name}"

    @property
    def queueing_lock(self) -> str:
        """Of the jobs with one queueing lock only one waits: ten events make one run."""
        return f"{self.connection}/{self.name}"


class QueuedJob(NamedTuple):
    """A job in the queue."""

    id: int
    connection: int
    name: str
    label: str
    priority: int
    at_work: bool
    aborted: bool
    """Somebody asked that it end."""


class Reach(NamedTuple):
    """How a worker reaches the database: where, and what its sessions are opened with."""

    conninfo: str
    options: Mapping[str, Any]


class Hands(Protocol):
    """Takes jobs and works on some at a time, until told to stop. It outlives absences of the database."""

    @property
    def number(self) -> int | None:
        """Its number in the queue's table of workers; None before it has one, and after it stopped."""
        ...

    @property
    def disowned(self) -> bool:
        """Whether others took it for dead: it gets no jobs any more and is to be stopped."""
        ...

    def disown(self) -> None:
        """Notes that others took it for dead."""
        ...

    def start(self) -> None:
        """Begins to take jobs."""
        ...

    def stop(self) -> None:
        """Takes no new jobs from now on; those at work go on. Returns at once."""
        ...

    def join(self, seconds: float) -> bool:
        """Waits until the last job has ended, for that long at most; whether it has."""
        ...


class Queue(Protocol):
    """The queue; a `session` is one of the store's, looking at the queue's tables, and what is done is its caller's
    transaction."""

    def enqueue(self, session: Any, job: NewJob) -> int:
        """Adds a job and returns its number; 0 when one like it waits already."""
        ...

    def cancel(self, session: Any, job: int) -> bool:
        """Takes a waiting job out, or asks one at work to end; whether there was one."""
        ...

    def listed(self, session: Any) -> list[QueuedJob]:
        """Every job that waits or is at work, in the order of their turn."""
        ...

    def hands(self, reach: Reach, slots: int, do: Callable[[QueuedJob, Told], None]) -> Hands:
        """Hands that work on `slots` jobs at a time, each in a thread of its own, by calling `do`, which must not
        raise."""
        ...
