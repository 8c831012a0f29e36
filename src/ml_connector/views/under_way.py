"""What goes on in a connection now, and what somebody asked for."""

from __future__ import annotations

import msgspec

from ml_connector.app import App
from ml_connector.service.tasks import NOW
from ml_connector.store import agenda, run_pages, workers


class UnderWay(msgspec.Struct, frozen=True):
    """What goes on in a connection. `run` is the run that is under way, 0 for none."""

    run: int
    queued: bool
    """Whether a run that somebody asked for waits."""
    begun: bool
    """Whether a job does one, or is about to."""
    worker: bool
    """Whether a process is there that does what waits."""

    @property
    def moves(self) -> bool:
        """Whether another thing is true soon, without anybody doing anything."""
        return bool(self.run) or self.begun or (self.queued and self.worker)


def at_work(app: App, name: str) -> int:
    """The run of a connection that is under way; 0 when none is."""
    return under_way(app, name).run


def under_way(app: App, name: str) -> UnderWay:
    """What goes on in a connection, and what somebody asked for."""
    row = app.connection(name)
    with app.db.begin() as conn:
        run = run_pages.at_work(conn, row.id).get(row.id, 0)
        asked = [one for one in agenda.listed(conn, row.id) if one.name.startswith(NOW) and not one.parked_id]
        worker = workers.take_jobs(conn)
    queued = any(one.waiting_job or (one.due_at and not one.running_job) for one in asked)
    return UnderWay(run, queued, any(one.running_job for one in asked), worker)
