"""Health: looking at it, and what a person does about jobs, pauses and a side that is not called."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from ml_connector.access.permissions import Permission
from ml_connector.actions.action import Action, Call, Nothing
from ml_connector.actions.home import OfConnection
from ml_connector.actions.runs import Stopping, stopping
from ml_connector.desk import flows_of
from ml_connector.registry import FLOWS
from ml_connector.service import jobs, pausing, probing
from ml_connector.views import health
from ml_connector.views.listing import Words

_Number = Annotated[int, msgspec.Meta(ge=1, le=2**62)]
_Note = Annotated[str, msgspec.Meta(max_length=1000)]


class PauseGiven(msgspec.Struct, frozen=True):
    """What is to stand still: a flow, or with an empty one the connection; until when (empty: for good), and why."""

    connection: Words
    flow: Words = ""
    until: Words = ""
    note: _Note = ""


class ResumeGiven(msgspec.Struct, frozen=True):
    """What is to go on: a flow, or with an empty one the connection."""

    connection: Words
    flow: Words = ""


class OfJob(msgspec.Struct, frozen=True):
    """A job of the queue, by its number; with a connection only if it is of that one."""

    job: _Number
    connection: Words = ""


class OfParked(msgspec.Struct, frozen=True):
    """A job that was given up, by its number; with a connection only if it is of that one."""

    number: _Number
    connection: Words = ""


class DismissGiven(msgspec.Struct, frozen=True):
    """A job that was given up and is to be laid aside for good, and why; with a connection only if it is of that."""

    number: _Number
    note: _Note
    connection: Words = ""


class RetryGiven(msgspec.Struct, frozen=True):
    """A row of the agenda; with an empty connection one of the installation."""

    task: Words
    connection: Words = ""


class ProbeGiven(msgspec.Struct, frozen=True):
    """One side of a connection."""

    connection: Words
    side: Literal["erp", "projects"]


class PausedNow(msgspec.Struct, frozen=True):
    """What stands still now, in sentences."""

    connection: str
    sentences: list[str]


class Due(msgspec.Struct, frozen=True):
    """A row of the agenda that is due, or laid aside."""

    task: str


class Probed(msgspec.Struct, frozen=True):
    """A side that answers."""

    connection: str
    side: str
    sentence: str


def _all(call: Call, _given: Nothing) -> health.Health:
    return health.health(call.app)


def _one(call: Call, given: OfConnection) -> health.Health:
    return health.health(call.app, given.connection)


def _pause(call: Call, given: PauseGiven) -> PausedNow:
    flow = flows_of([given.flow], FLOWS)[0] if given.flow else ""
    note = given.note.replace("\x00", "")
    return _paused(pausing.pause(call.app, given.connection, flow, until=given.until, note=note))


def _resume(call: Call, given: ResumeGiven) -> PausedNow:
    flow = flows_of([given.flow], FLOWS)[0] if given.flow else ""
    return _paused(pausing.resume(call.app, given.connection, flow))


def _paused(told: dict[str, Any]) -> PausedNow:
    return PausedNow(told["connection"], [one["sentence"] for one in told["paused"]])


def _cancel(call: Call, given: OfJob) -> Stopping:
    return stopping(jobs.cancel(call.app, given.job, given.connection))


def _retry(call: Call, given: RetryGiven) -> Due:
    return Due(jobs.retry(call.app, given.connection, given.task.replace("\x00", ""))["task"])


def _release(call: Call, given: OfParked) -> Due:
    return Due(jobs.release(call.app, given.number, given.connection)["task"])


def _dismiss(call: Call, given: DismissGiven) -> Due:
    note = given.note.replace("\x00", "")
    return Due(jobs.dismiss(call.app, given.number, note, given.connection)["task"])


def _probe(call: Call, given: ProbeGiven) -> Probed:
    return Probed(given.connection, given.side, probing.probe(call.app, given.connection, given.side))


ALL = Action(
    name="health.show",
    permission=Permission.LOOK,
    method="GET",
    path="/health",
    takes=Nothing,
    gives=health.Health,
    call=_all,
    command="status",
    sentence="Shows processes, queue, agenda, what was given up, both systems of every connection and the database.",
)
ONE = Action(
    name="health.connection",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/health",
    takes=OfConnection,
    gives=health.Health,
    call=_one,
    command="status",
    sentence="Shows the same of one connection.",
)
PAUSE = Action(
    name="health.pause",
    permission=Permission.WORK,
    method="POST",
    path="/connections/{connection}/pause",
    takes=PauseGiven,
    gives=PausedNow,
    call=_pause,
    command="pause",
    sentence="Stops every unattended run of a connection or of one flow; what comes meanwhile waits.",
)
RESUME = Action(
    name="health.resume",
    permission=Permission.WORK,
    method="POST",
    path="/connections/{connection}/resume",
    takes=ResumeGiven,
    gives=PausedNow,
    call=_resume,
    command="resume",
    sentence="Ends a pause.",
)
CANCEL = Action(
    name="jobs.cancel",
    permission=Permission.WORK,
    method="POST",
    path="/jobs/{job}/cancel",
    takes=OfJob,
    gives=Stopping,
    call=_cancel,
    command="jobs cancel",
    sentence="Takes a waiting job out of the queue, or stops one at work at its next safe point.",
)
RETRY = Action(
    name="jobs.retry",
    permission=Permission.WORK,
    method="POST",
    path="/agenda/retry",
    takes=RetryGiven,
    gives=Due,
    call=_retry,
    command="jobs retry",
    sentence="Makes a row of the agenda due at once, whatever it waits for.",
)
RELEASE = Action(
    name="jobs.release",
    permission=Permission.WORK,
    method="POST",
    path="/parked/{number}/release",
    takes=OfParked,
    gives=Due,
    call=_release,
    command="jobs release",
    sentence="Puts a job back that was given up; it is tried again at once.",
)
DISMISS = Action(
    name="jobs.dismiss",
    permission=Permission.WORK,
    method="POST",
    path="/parked/{number}/dismissal",
    takes=DismissGiven,
    gives=Due,
    call=_dismiss,
    command="jobs dismiss",
    sentence="Lays a job that was given up aside for good, for a reason that is kept.",
)
PROBE = Action(
    name="health.probe",
    permission=Permission.WORK,
    method="POST",
    path="/connections/{connection}/probe/{side}",
    takes=ProbeGiven,
    gives=Probed,
    call=_probe,
    command="probe",
    sentence="Signs in to one side anew and asks who it is; a side that was not called is called again.",
)

ACTIONS: tuple[Action, ...] = (ALL, ONE, PAUSE, RESUME, CANCEL, RETRY, RELEASE, DISMISS, PROBE)
"""Everything of this area."""
