"""What a person may have proved at any time: that nothing is counted twice, and that the audit trail is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ml_connector.app import App
from ml_connector.kernel.errors import AskPerson
from ml_connector.service import exposing, nightly, retaining
from ml_connector.service.duty import PERSON, Done, Duty
from ml_connector.service.stepping import Step, go
from ml_connector.store import agenda, alerts, audit, bulk, connections, sources, workers
from ml_connector.store.agenda import Laid

EXPOSURE, VERIFY = "exposure", "verify"
"""The two rows of the agenda."""


def exposure(duty: Duty) -> Done:
    """Computes the figure of a connection."""
    return go(duty, {EXPOSURE: exposing.look}, _untold)


def verify(duty: Duty) -> Done:
    """Walks a connection's audit chain from its first row; of the installation its own, and those of what is removed.

    That it was done is a row of the chain itself.
    """
    steps = {VERIFY: _chain if duty.connection else _installation}
    return go(duty, steps, _untold)


def ask(app: App, name: str, task: str) -> dict[str, Any]:
    """Queues one of the two before everything else, for a connection or (an empty name) the installation."""
    with app.db.begin() as conn:
        connection = connections.get(conn, name).id if name else 0
        row = agenda.one(conn, connection, task)
        if row and row.parked_id:
            raise AskPerson(f"{task} is parked.", remedy=f"Run `ml-connector jobs release {row.parked_id}`.")
        if not (row and (row.running_job or row.waiting_job)):
            agenda.ask(conn, Laid(connection, task, app.clock(), PERSON, {"actor": app.actor}))
            details = bulk.json_text({})
            entry = audit.AuditEntry(app.clock(), app.actor, "job:ask:done", "job", task, details=details)
            audit.append(conn, connection, [entry])
        there = workers.take_jobs(conn)
    return {"connection": name, "task": task, "workers": there}


def _chain(duty: Duty, at: str) -> Iterator[Step]:
    yield from nightly.trail(duty, at or "whole:")
    _note(duty, duty.connection.id if duty.connection else 0)


def _installation(duty: Duty, at: str) -> Iterator[Step]:
    yield from retaining.chains(duty, at)
    with duty.app.db.begin() as conn:
        end = audit.head(conn, audit.INSTALLATION)
    _note(duty, audit.INSTALLATION)
    yield Step("", f"up to row {end.seq}")


def _note(duty: Duty, chain: int) -> None:
    """Writes into the chain that it was verified, up to what end, and whether it was whole."""
    with duty.app.db.begin() as conn:
        key = "audit/chain" if chain else f"audit/{chain}"
        broken = any(one.key == key for one in alerts.standing(conn, chain))
        reached = sources.watermark(conn, chain, nightly.VERIFIED) if chain else str(audit.head(conn, chain))
        actor = str(duty.args.get("actor") or duty.app.actor)
        details = bulk.json_text({"end": reached or ""})
        tag = "audit:verify:refused" if broken else "audit:verify:done"
        entry = audit.AuditEntry(duty.app.clock(), actor, tag, "audit", "", details=details)
        audit.append(conn, chain, [entry])


def _untold(_name: str, _error: Exception | None) -> None:
    """Nobody is told how it ended: it stands in its row of the agenda, for whoever asked."""
