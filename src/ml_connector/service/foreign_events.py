"""Events that speak of a company that is not the connection's: refused, counted, and told to the audit now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from ml_connector.kernel.clock import Clock
from ml_connector.kernel.errors import ConnectorError
from ml_connector.kernel.text import clipped
from ml_connector.store import audit, bulk, counters
from ml_connector.store.hooks import HookAtTheDoor
from ml_connector.store.postgres import Database

FOREIGN = "events_of_another_company"
"""Counter: events that were refused because they are of another company."""
EVERY = 60.0
"""Seconds from one audit row of a connection to the next: whoever holds a hook must not be able to fill the audit."""

_log = structlog.get_logger()


class ForeignEvents:
    """Notes refused events, and writes at most one audit row a minute and connection, with how many they were."""

    def __init__(self, db: Database, clock: Clock, seconds: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._clock = clock
        self._seconds = seconds
        self._lock = threading.Lock()
        self._pending: dict[int, tuple[HookAtTheDoor, str, int]] = {}
        self._written: dict[int, float] = {}
        self._writer: threading.Thread | None = None

    def note(self, hook: HookAtTheDoor, company: str) -> None:
        """Takes note of one; returns at once. The row is written by another thread, for the audit may be locked."""
        with self._lock:
            _, _, before = self._pending.get(hook.connection_id, (hook, company, 0))
            self._pending[hook.connection_id] = (hook, company, before + 1)
            due = self._seconds() - self._written.get(hook.connection_id, float("-inf")) >= EVERY
            if due and (self._writer is None or not self._writer.is_alive()):
                self._writer = threading.Thread(target=self._write, name="door audit", daemon=True)
                self._writer.start()

    def stop(self, seconds: float) -> None:
        """Writes what is left, or gives up after so long."""
        if self._writer is not None:
            self._writer.join(seconds)
        last = threading.Thread(target=self._write, args=(True,), name="door audit", daemon=True)
        last.start()
        last.join(seconds)

    def _write(self, everything: bool = False) -> None:
        now = self._seconds()
        with self._lock:
            due = [
                number
                for number in self._pending
                if everything or now - self._written.get(number, float("-inf")) >= EVERY
            ]
            taken = [self._pending.pop(number) for number in due]
            self._written.update(dict.fromkeys(due, now))
        for hook, company, times in taken:
            try:
                self._write_one(hook, company, times)
            except ConnectorError as error:
                _log.warning("door.audit_failed", connection=hook.connection, sentence=error.sentence)

    def _write_one(self, hook: HookAtTheDoor, company: str, times: int) -> None:
        details = bulk.json_text({"company": clipped(company, 100), "hook": hook.slug, "times": times})
        entry = audit.AuditEntry(
            at=self._clock(), actor="door", tag="event:receive:refused", kind="event", details=details
        )
        with self._db.begin() as conn:
            audit.append(conn, hook.connection_id, [entry])
            counters.bump(conn, hook.connection_id, {FOREIGN: times})
