"""Commits what comes to the door: everything that waits goes in one transaction, and nobody is answered before it."""

from __future__ import annotations

import enum
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence

import structlog

from ml_connector.kernel.errors import Bug, ConnectorError
from ml_connector.store import inbox
from ml_connector.store.inbox import EventRow
from ml_connector.store.postgres import Database

Event = EventRow
"""An event to be kept; the door itself does not know the store."""
QUEUE = 2000
"""Events that may wait for the next commit; more are refused at once."""
BATCH = 500
"""Events in one commit at most."""
PATIENCE = 0.6
"""Seconds a commit may take before callers are told that nothing was kept (it may yet be: then it is a duplicate).

Procore would wait for five; but who hears 503 comes again in a second, and the door promises an answer within one.
"""
GATHER = 0.005
"""Seconds a commit waits for company when it follows another closely; a lone event is not kept waiting."""

_STUCK = 20.0
"""Seconds after which a writer that hangs on a dead session is left behind; longer than a server takes to come back."""
_WRITERS = 4
_QUIET = 10.0

_log = structlog.get_logger()


class Fate(enum.Enum):
    """What became of an event that was offered."""

    NEW = "new"
    """It is in the inbox, and committed."""
    AGAIN = "again"
    """It was there already."""
    LOST = "lost"
    """It may not be there: the sender must send it again. So it is where the connection was removed a moment ago: the
    sender is a stranger by then."""


Ticket = Hashable
"""What the caller knows an offered event by."""
Told = Callable[[Sequence[tuple[Ticket, Fate]]], None]
"""Hears the fates of a batch, in the writer's thread."""


class Receiver:
    """Keeps events with few commits: while one is under way, all that comes waits for the next.

    A database that is away costs the events at hand (their senders are told, and send again) and nothing else: each
    batch tries anew. A commit that hangs is not waited for: new events are refused until it ends, or until the writer
    is given up and another one begins.
    """

    def __init__(self, db: Database, told: Told, seconds: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._told = told
        self._seconds = seconds
        self._changed = threading.Condition()
        self._queue: deque[tuple[Ticket, Event]] = deque()
        self._writers: list[threading.Thread] = []
        self._busy_since: float | None = None
        self._ended_at = float("-inf")
        self._stopping = False
        self._complained_at = float("-inf")

    def start(self) -> None:
        """Begins to write, in a thread of its own."""
        with self._changed:
            self._begin()

    def stop(self, seconds: float) -> bool:
        """Takes no more, and returns when all that was offered is settled, or after so long; whether it is."""
        with self._changed:
            self._stopping = True
            writer = self._writers[-1] if self._writers else None
            self._changed.notify_all()
        if writer is not None:
            writer.join(seconds)
        return writer is None or not writer.is_alive()

    def offer(self, ticket: Ticket, event: Event) -> bool:
        """Takes an event, whose fate is told later; False when the queue is full, stopped, or a commit hangs."""
        with self._changed:
            if self._stopping or len(self._queue) >= QUEUE or self._hangs():
                return False
            self._queue.append((ticket, event))
            self._changed.notify()
        return True

    def waiting(self) -> int:
        """How many events wait for the next commit."""
        return len(self._queue)

    def _hangs(self) -> bool:
        """Whether the commit under way takes too long; one that takes far too long gets a successor."""
        if self._busy_since is None:
            return False
        busy = self._seconds() - self._busy_since
        self._writers = [writer for writer in self._writers if writer.is_alive()]
        if busy > _STUCK and len(self._writers) < _WRITERS:
            self._busy_since = None
            self._begin()
            return False
        return busy > PATIENCE

    def _begin(self) -> None:
        writer = threading.Thread(target=self._work, name="door writer", daemon=True)
        self._writers.append(writer)
        writer.start()

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            rows = [event for _, event in batch]
            fates = self._keep(rows)
            with self._changed:
                self._ended_at = self._seconds()
                if self._mine():
                    self._busy_since = None
            self._told([(ticket, fate) for (ticket, _), fate in zip(batch, fates, strict=True)])

    def _next(self) -> list[tuple[Ticket, Event]] | None:
        """What to write now, once there is something; None when this writer shall end."""
        with self._changed:
            while not self._queue and not self._stopping and self._mine():
                self._changed.wait()
            busy = not self._stopping and self._seconds() - self._ended_at < 2 * GATHER
        if busy:
            time.sleep(GATHER)
        with self._changed:
            if not self._queue or not self._mine():
                return None
            self._busy_since = self._seconds()
            return [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]

    def _mine(self) -> bool:
        """Whether this thread is the writer of now, and not one that was left behind."""
        return self._writers[-1] is threading.current_thread()

    def _keep(self, events: Sequence[Event]) -> list[Fate]:
        try:
            with self._db.begin() as conn:
                fresh = inbox.keep(conn, events)
        except Bug as error:
            # something in it the database does not take: the others must not suffer for it
            if len(events) > 1:
                return [fate for event in events for fate in self._keep([event])]
            self._complain(error)
            return [Fate.LOST]
        except ConnectorError as error:
            self._complain(error)
            return [Fate.LOST] * len(events)
        except Exception as error:  # whatever it is: not kept, and the writer lives on
            self._complain(Bug(f"The door's writer failed: {type(error).__name__}."))
            return [Fate.LOST] * len(events)
        return [Fate.LOST if new is None else Fate.NEW if new else Fate.AGAIN for new in fresh]

    def _complain(self, error: ConnectorError) -> None:
        """Logs why nothing is kept, now and then."""
        if self._seconds() - self._complained_at >= _QUIET:
            self._complained_at = self._seconds()
            _log.error("door.not_kept", sentence=error.sentence, remedy=error.remedy)
