"""What became of the approval that ends a set-up: asked for, being sent, failed, or sent."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ml_connector.app import App
from ml_connector.service import approving, setting_up
from ml_connector.service.approving import Working
from ml_connector.store import agenda, setups
from ml_connector.store.setups import ApprovedRow

State = Literal["", "waits", "sending", "failed", "approved", "partly", "sent"]
"""Nobody approved; a process is yet to send it; it is being sent; that failed; approved but not all of it has gone;
some projects of it were approved; all of it is sent."""
APPROVALS: dict[State, str] = {
    "": "",
    "waits": "approved, and waits to be sent",
    "sending": "approved, and being sent",
    "failed": "the sending failed",
    "approved": "approved, and not all of it is sent",
    "partly": "approved in part",
    "sent": "approved and sent",
}
"""How an approval stands, in a few words."""


class ApprovalView(msgspec.Struct, frozen=True):
    """The last approval of a plan, and what became of it."""

    state: State = ""
    plan: str = ""
    actor: str = ""
    at: datetime | None = None
    """When the sending began with it; None while it has not."""
    why: str = ""
    """What the sending said last, where it failed or waits."""
    remedy: str = ""
    """What to do about that; empty where nothing is known."""
    workers: bool = True
    """Whether a process is there that sends it."""


def approval_of(app: App, name: str) -> ApprovalView:
    """The last approval of a plan of a connection."""
    row = setting_up.connection_of(app, name)
    job = approving.working(app, name, approving.APPROVED)
    with app.db.begin() as conn:
        last = setups.approved(conn, row.id)
        asked = agenda.one(conn, row.id, approving.APPROVED)
        workers = approving.takes_jobs(conn)
    return told(job, asked.finished_at if asked else None, last, workers=workers)


def told(
    job: Working | None, ended: datetime | None, last: ApprovedRow | None, *, workers: bool = True
) -> ApprovalView:
    """What there is to say of the sending that was asked for last, when it ended, and the plan approved last."""
    if job is not None and _counts(job, ended, last):
        return ApprovalView(_of_job(job), job.plan, job.actor, None, job.why, job.remedy, workers)
    if last is None:
        return ApprovalView()
    state: State = "sent" if last.state == "applied" else "partly" if last.state == "partly" else "approved"
    return ApprovalView(state, last.plan, last.actor, last.at)


def _of_job(job: Working) -> State:
    if job.state in ("waits", "runs"):
        return "waits" if job.state == "waits" else "sending"
    return "failed"


def _counts(job: Working, ended: datetime | None, last: ApprovedRow | None) -> bool:
    """Whether the job is what there is to say: it goes on, or it failed and nothing was sent since."""
    if job.state != "ended":
        return True
    if job.well:
        return False
    if last is None or ended is None:
        return True
    return last.state != "applied" if last.plan == job.plan else last.at < ended
