"""Runs a connection unattended: what its timetable or a person asks for, a share at a time, so that others get theirs.

A share takes so many documents that it lasts about `SECONDS`; how many that are is learned from share to share.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from ml_connector.access.permissions import Permission
from ml_connector.access.users import lacks
from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.engine.gate import Approval
from ml_connector.engine.work import Errand, Report
from ml_connector.kernel.errors import AskPerson, Bug, ConnectorError
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.due import Cause
from ml_connector.planning.policy import Policies
from ml_connector.registry import FLOWS
from ml_connector.service import breaking, sweeping
from ml_connector.service.duty import Done, Duty, Task
from ml_connector.service.timetable import timetable_of
from ml_connector.store.connections import ConnectionRow

SECONDS = 30.0
"""How long one share takes, about; no document is begun later than so many seconds after the first batch."""
FIRST, FEWEST, MOST = 300, 20, 5000
"""New documents a share takes before it is known how long they take; and at least, and at most."""

APPROVED = "now/approved"
"""The agenda's row that sends what was approved: one plan of a connection at a time."""
PATIENCE = timedelta(minutes=1)
"""After what steps go again that the other side had no time for."""
_WAITS_AGAIN = "Nothing was sent: the plan waits for approval again."


def guarded(do: Task, *, person: bool = False, polls: bool = False) -> Task:
    """A task of a connection that does not begin while a side of it is not called, and whose errors may bring that
    about. A person's (`person`) begins in any case; one that `polls` has its next turn by the timetable, the others
    are put off until the side is tried again."""

    def task(duty: Duty, /) -> Done:
        if duty.connection is None:
            raise Bug(f"{duty.task} is of a connection.")
        why = "" if person else breaking.standing(duty.app, duty.connection)
        if why:
            again_at = None if polls else breaking.reopens(duty.app, duty.connection)
            return Done(well=False, again_at=again_at, why=why)
        try:
            return do(duty)
        except ConnectorError as error:
            breaking.trip(duty.app, duty.connection, error)
            raise

    return task


def poll(duty: Duty) -> Done:
    """Runs the flows of `args["flows"]` (all where none is named) that may run now, and goes on until all is done.

    What is cut short is told by `again_at`; `rest` has the flows that go on and how many documents (`bite`). Raises
    what passes by itself (`Wait`, OutcomeUnknown) and what must be mended (FixSetup); a plan that waits for a person is
    an answer.
    """
    return guarded(lambda duty: _run(duty, "poll", "schedule"), polls=True)(duty)


def now(duty: Duty) -> Done:
    """The same because a person asked for it: outside of business hours as well, and whatever side is not called.

    Args besides: `actor`, and `approved`, the hash of a plan of which only what it holds is sent, or with `projects`
    only what lies in those. Whoever approved it must still be one who may; else the plan waits again.
    """
    return guarded(lambda duty: _run(duty, "person", "person"), person=True)(duty)


def _run(duty: Duty, cause: Cause, trigger: str) -> Done:
    app, row = duty.app, duty.connection
    assert row is not None
    moment = app.clock()
    approved = _approval(duty.args)
    if approved or duty.task == APPROVED:
        why = _stands_no_more(app, duty.args)
        if why:
            return Done(well=False, why=f"{why} {_WAITS_AGAIN}")
    names = [str(flow) for flow in duty.args.get("flows") or FLOWS]
    table = timetable_of(app, row, moment)
    flows, barred = (table.approved() if approved else table).sorted_out(names, moment, cause)
    if not flows:
        return Done(well=False, why=f"{next(iter(barred.values()))} {_WAITS_AGAIN if approved else ''}".strip())
    bite = int(duty.args.get("bite") or FIRST)
    cuts = approved is None and may_be_cut(config_from(row.config).policy)
    errand = Errand(
        trigger=trigger,
        actor=str(duty.args.get("actor") or app.actor),
        asked_by=str(duty.args.get("asked_by", "")),
        halt=_steady(duty.enough),
        slice=SECONDS,
        most=bite if cuts else 0,
        job=duty.job,
    )
    started = time.monotonic()
    try:
        report = app.run(row.name, flows, errand, approved)
    except AskPerson as error:
        return Done(well=False, why=str(error), remedy=error.remedy)
    _count_missed(app, row, report)
    rest = names if approved else going_on(flows, report.cut)
    again = {**duty.args, "flows": rest, "bite": next_bite(bite, time.monotonic() - started)}
    return _ended(app, report, again, barred)


def _approval(args: Mapping[str, Any]) -> Approval | None:
    plan = str(args.get("approved") or "")
    return Approval(plan, frozenset(map(str, args.get("projects") or ()))) if plan else None


def _stands_no_more(app: App, args: Mapping[str, Any]) -> str:
    """Why an approval does not count any more, or nothing: it is gone, or whoever gave it could not give it now."""
    if not args.get("approved"):
        return "The approval was taken back."
    return lacks(app, str(args.get("actor", "")), Permission.APPROVE)


def _ended(app: App, report: Report, again: Mapping[str, Any], barred: Mapping[str, str]) -> Done:
    still = {**barred, **report.still}
    said = _said(still, still)
    if report.more or report.stopped:
        why = f"{report.stopped or report.notes[-1]} {report.outlook}".strip()
        return Done(well=False, again_at=app.clock(), why=why, rest=again, still=still)
    if report.waiting:
        until = f" until {report.again_at:%Y-%m-%d %H:%M} UTC" if report.again_at else ""
        waits = f"{counted(report.waiting, 'step')} {'waits' if report.waiting == 1 else 'wait'}"
        why = " ".join(part for part in (f"{waits} for the other side{until}.", report.outlook, said) if part)
        return Done(well=False, again_at=report.again_at or app.clock() + PATIENCE, why=why, rest=again, still=still)
    if report.left_out:
        flows = listed([flow.replace("_", " ") for flow in report.left_out], 5)
        why = f"Not all of the plan went: what it has of {flows} waits. {_said(still, report.left_out)}".strip()
        return Done(well=False, why=why, remedy="Approve what is left once nothing stands in its way.", still=still)
    return Done(why=said, still=still)


def _said(still: Mapping[str, str], flows: Iterable[str]) -> str:
    """What is said of some flows that did not run, each sentence once."""
    return " ".join(dict.fromkeys(still[flow] for flow in flows if flow in still))


def may_be_cut(policies: Policies) -> bool:
    """Whether new documents may be taken a share at a time: not where somebody is to judge all that is new.

    Each share is a run of its own to the brakes, so none that new documents come under may be set. The others look at
    what changes, of which `engine.bites` cuts nothing.
    """
    brakes = policies.brakes
    of_new = (
        brakes.creates,
        brakes.share_creates,
        brakes.money,
        brakes.money_creates,
        brakes.money_updates,  # a new document adds to a record that is there, too
        brakes.money_removals,  # as a credit note takes away
    )
    return policies.purchase_orders.approve != "manual" and not any(of_new)


def next_bite(bite: int, seconds: float) -> int:
    """How many documents the next share takes, after one of `bite` took so long; at most four times as many."""
    wanted = bite * min(4.0, SECONDS / max(seconds, 0.1))
    return int(min(MOST, max(FEWEST, wanted)))


def going_on(flows: tuple[str, ...], cut: str) -> list[str]:
    """The flows that go on after a share was cut at one of them: what makes vendors and codes, it, and those after."""
    order = list(FLOWS)
    masters = {"projects", "vendors", "cost_codes", "dimensions"}
    return [flow for flow in flows if not cut or flow in masters or order.index(flow) >= order.index(cut)]


def _steady(enough: Callable[[], str]) -> Callable[[], str]:
    """The same answer from the first that is one."""
    told: list[str] = []

    def ask() -> str:
        if not told:
            why = enough()
            if why:
                told.append(why)
        return told[0] if told else ""

    return ask


def _count_missed(app: App, row: ConnectionRow, report: Report) -> None:
    """What polling found of which no webhook told is counted; no run is undone for it."""
    for flow, changed in report.found.items():
        sweeping.count_missed(app, row, flow, changed)
    if not report.found:
        sweeping.count_missed(app, row, "", {})
