"""Runs: the list, one run while it goes and afterwards, and what a person does with one."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ml_connector.access.permissions import Permission
from ml_connector.actions.action import Action, Call
from ml_connector.actions.home import Queued, queued
from ml_connector.desk import flows_of
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.registry import FLOWS
from ml_connector.service import jobs, pausing, replaying
from ml_connector.views import run_documents, runs
from ml_connector.views.listing import Listing, Words


class OfRun(msgspec.Struct, frozen=True):
    """One run of a connection."""

    connection: Words
    run: runs.RunNumber


class NowGiven(msgspec.Struct, frozen=True):
    """Which flows are to run at once; all when none is named."""

    connection: Words
    flows: list[Words] = []


class ReplayGiven(msgspec.Struct, frozen=True):
    """Which run is decided again, and with the mapping of then or of now."""

    connection: Words
    run: runs.RunNumber
    mapping: Literal["then", "now"] = "now"


class Line(msgspec.Struct, frozen=True):
    """One step of a decision; its state is empty where it was not decided then."""

    verb: str
    record: str
    reason: str
    state: str = ""


class Replayed(msgspec.Struct, frozen=True):
    """A past run beside what would be decided now."""

    run: int
    flows: list[str]
    decided: int
    documents: int
    """Orders, invoices, direct costs and payments among them, each once: of what the run's own totals count of those
    flows all but what was unchanged, which no run decides."""
    same: bool
    """Whether both are the same to the byte."""
    then: int
    """Steps that were decided then."""
    now: int
    only_then: list[Line]
    only_now: list[Line]
    held: list[str]
    """What would be held now, in words."""
    waiting: int
    """How many records would be."""
    held_same: bool
    """Whether the mapping of then holds the same, of the same evidence."""


class Stopping(msgspec.Struct, frozen=True):
    """A job that is asked to stop at its next safe point, or was taken out of the queue."""

    job: int
    task: str
    stopping: bool


MOST_LINES = 500
"""Differences that an answer has of each kind."""


def _list(call: Call, given: runs.RunsLook) -> Listing:
    return runs.listed(call.app, given)


def _show(call: Call, given: OfRun) -> runs.RunPage:
    return runs.one(call.app, given.connection, given.run)


def _documents(call: Call, given: run_documents.RunDocumentsLook) -> Listing:
    return run_documents.listed(call.app, given)


def _now(call: Call, given: NowGiven) -> Queued:
    flows = flows_of(given.flows, FLOWS)
    pausing.by_hand(call.app, given.connection, flows)
    return queued(jobs.now(call.app, given.connection, flows))


def _cancel(call: Call, given: OfRun) -> Stopping:
    found = runs.one(call.app, given.connection, given.run)
    if not found.job:
        raise NothingSuchHere(
            f"Run {found.run} is not done by a job that could be stopped.",
            remedy="It is over, or somebody runs it on a command line: they stop it there.",
        )
    return stopping(jobs.cancel(call.app, found.job, given.connection))


def stopping(told: dict[str, Any]) -> Stopping:
    """An answer of the service in the form that the API tells it."""
    return Stopping(told["job"], told["task"], told["stopping"])


def _replay(call: Call, given: ReplayGiven) -> Replayed:
    found = replaying.look(call.app, given.connection, given.run, given.mapping)
    return Replayed(
        run=found["run"],
        flows=found["flows"],
        decided=found["decided"],
        documents=found["documents"],
        same=found["same"],
        then=len(found["then"]),
        now=len(found["now"]),
        only_then=[Line(**one) for one in found["only_then"][:MOST_LINES]],
        only_now=[Line(**one) for one in found["only_now"][:MOST_LINES]],
        held=found["held"][:MOST_LINES],
        waiting=found["waiting"],
        held_same=found["held_same"],
    )


def _again(call: Call, given: OfRun) -> Queued:
    return queued(replaying.again(call.app, given.connection, given.run))


_RUN = "/connections/{connection}/runs/{run}"

LIST = Action(
    name="runs.list",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/runs",
    takes=runs.RunsLook,
    gives=Listing,
    call=_list,
    command="runs",
    sentence="Lists runs, the newest first, by state, trigger, flow and who started them.",
)
SHOW = Action(
    name="runs.show",
    permission=Permission.LOOK,
    method="GET",
    path=_RUN,
    takes=OfRun,
    gives=runs.RunPage,
    call=_show,
    command="show run",
    sentence="Shows one run: how far it is, requests and pauses, control totals, and what was left alone and why.",
)
DOCUMENTS = Action(
    name="runs.documents",
    permission=Permission.LOOK,
    method="GET",
    path=f"{_RUN}/documents",
    takes=run_documents.RunDocumentsLook,
    gives=Listing,
    call=_documents,
    command="show run --documents",
    sentence="Lists the documents of a run one by one, by flow and by what became of them, all but the unchanged ones.",
)
NOW = Action(
    name="runs.now",
    permission=Permission.WORK,
    method="POST",
    path="/connections/{connection}/now",
    takes=NowGiven,
    gives=Queued,
    call=_now,
    command="now",
    sentence="Has the service run a connection before everything else.",
)
CANCEL = Action(
    name="runs.cancel",
    permission=Permission.WORK,
    method="POST",
    path=f"{_RUN}/cancel",
    takes=OfRun,
    gives=Stopping,
    call=_cancel,
    command="jobs cancel",
    sentence="Asks a run that is under way to stop at its next safe point.",
)
REPLAY = Action(
    name="runs.replay",
    permission=Permission.LOOK,
    method="GET",
    path=f"{_RUN}/replay",
    takes=ReplayGiven,
    gives=Replayed,
    call=_replay,
    command="replay",
    sentence="Decides a past run again from kept evidence and compares; sends nothing.",
)
AGAIN = Action(
    name="runs.again",
    permission=Permission.WORK,
    method="POST",
    path=f"{_RUN}/again",
    takes=OfRun,
    gives=Queued,
    call=_again,
    command="replay --apply",
    sentence="Has the service run the flows of a past run anew: its documents are decided again, others as always.",
)

ACTIONS: tuple[Action, ...] = (LIST, SHOW, DOCUMENTS, NOW, CANCEL, REPLAY, AGAIN)
"""Everything of this area."""
