"""Events of a known hook that the door does not take: counted, and told to the audit and to people, now and then.

Procore holds back all that comes after an event without a 2xx, for twelve hours (facts/procore.md 13.3): such an event
must be more than a line in a log. It is no question of who calls, so that a new secret changes nothing about it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from ml_connector.kernel.clock import Clock
from ml_connector.kernel.errors import ConnectorError
from ml_connector.kernel.text import clipped
from ml_connector.store import alerts, audit, bulk, counters
from ml_connector.store.alerts import WARNING, Alert
from ml_connector.store.bulk import Transaction
from ml_connector.store.hooks import HookAtTheDoor
from ml_connector.store.postgres import Database

FOREIGN = "events_of_another_company"
"""Counter: events that were refused because they are of another company."""
UNREADABLE = "events_unreadable"
"""Counter: events of known callers that were refused because they are none of the payloads we know."""
OTHER_COMPANY, NO_EVENT, TOO_LARGE = 403, 400, 413
"""How the door answers them."""
STATUSES = (OTHER_COMPANY, NO_EVENT, TOO_LARGE)
"""Answers against which a new secret does not help."""
EVERY = 60.0
"""Seconds from one audit row of a connection to the next: whoever holds a hook must not be able to fill the audit."""
OVER = timedelta(hours=2)
"""After so long without another one it is over: Procore tries again within the hour."""

_log = structlog.get_logger()


def alert_for(connection: str, status: int) -> Alert:
    """What people are told when events of Procore are answered so; one of `STATUSES`."""
    held = "Procore holds back what comes after it for up to twelve hours; polling finds those changes later."
    if status == OTHER_COMPANY:
        return Alert(
            "refused/company",
            WARNING,
            f"{connection}: an event of another company came by its webhook and was refused. {held}",
            "The audit trail names the company (event:receive:refused), or a proxy before the door answers 403. Have "
            "the hook removed there if it is not yours; if it is the right one, mend projects.company_id.",
        )
    return Alert(
        "refused/unread",
        WARNING,
        f"{connection}: an event came by its webhook that cannot be read, and was refused. {held}",
        f"`ml-connector webhooks remove {connection}`, then `ml-connector webhooks sync {connection}` begins anew "
        "behind it. If it comes again, try another webhooks.payload_version, and report it.",
    )


def clear_over(conn: Transaction, connection_id: int, now: datetime) -> None:
    """Ends the alarms of a connection whose cause has not been seen for long."""
    keys = {alert_for("", status).key for status in STATUSES}
    for row in alerts.standing(conn, connection_id):
        if row.key in keys and now - row.last_at > OVER:
            alerts.clear_alert(conn, connection_id, row.key, now)


class Refusals:
    """Notes refused events, and writes at most one audit row a minute, connection and answer, with how many they were.

    Where Procore sent them people are told, too; IFS does not wait for our answer.
    """

    def __init__(self, db: Database, clock: Clock, seconds: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._clock = clock
        self._seconds = seconds
        self._lock = threading.Lock()
        self._pending: dict[tuple[int, int], tuple[HookAtTheDoor, str, int]] = {}
        self._written: dict[tuple[int, int], float] = {}
        self._writer: threading.Thread | None = None

    def note(self, hook: HookAtTheDoor, status: int, company: str = "") -> None:
        """Takes note of one; returns at once. The row is written by another thread, for the audit may be locked."""
        key = (hook.connection_id, status)
        with self._lock:
            _, _, before = self._pending.get(key, (hook, company, 0))
            self._pending[key] = (hook, company, before + 1)
            due = self._seconds() - self._written.get(key, float("-inf")) >= EVERY
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
            due = [key for key in self._pending if everything or now - self._written.get(key, float("-inf")) >= EVERY]
            taken = [(key[1], *self._pending.pop(key)) for key in due]
            self._written.update(dict.fromkeys(due, now))
        for status, hook, company, times in taken:
            try:
                self._write_one(hook, status, company, times)
            except ConnectorError as error:
                _log.warning("door.audit_failed", connection=hook.connection, sentence=error.sentence)

    def _write_one(self, hook: HookAtTheDoor, status: int, company: str, times: int) -> None:
        about: dict[str, Any] = {"hook": hook.slug, "times": times}
        about |= {"company": clipped(company, 100)} if status == OTHER_COMPANY else {"status": status}
        now = self._clock()
        entry = audit.AuditEntry(
            at=now, actor="door", tag="event:receive:refused", kind="event", details=bulk.json_text(about)
        )
        with self._db.begin() as conn:
            audit.append(conn, hook.connection_id, [entry])
            counters.bump(conn, hook.connection_id, {FOREIGN if status == OTHER_COMPANY else UNREADABLE: times})
            if hook.source == "procore":
                alerts.raise_alert(conn, hook.connection_id, alert_for(hook.connection, status), now)
