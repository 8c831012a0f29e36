"""A person has a plan made and approves one, as a whole or by project: as a job, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.engine.gate import check_approver, check_projects
from ml_connector.kernel.errors import ApprovalNeeded, AskPerson, BadInput, PlanUnknown
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.approving import chosen_places
from ml_connector.registry import FLOWS
from ml_connector.service import running
from ml_connector.service.duty import PERSON, Done, Duty
from ml_connector.service.pausing import being_set_up, by_hand
from ml_connector.service.running import guarded
from ml_connector.store import agenda, audit, bulk, parked, plan_steps, plans, runs, workers
from ml_connector.store.agenda import AgendaRow, Laid
from ml_connector.store.bulk import Transaction
from ml_connector.store.connections import ConnectionRow
from ml_connector.store.plans import PlanLine

APPROVED = running.APPROVED
"""The agenda's row that sends what was approved: one plan of a connection at a time."""
PLANNED = "plan/asked"
"""The agenda's row that makes a plan because somebody asked for it."""


class Asked(msgspec.Struct, frozen=True):
    """What a person asked for and when it will be done: `workers` is false where no process is there to do it."""

    connection: str
    task: str
    workers: bool
    plan: str = ""
    projects: tuple[str, ...] = ()


class Working(msgspec.Struct, frozen=True):
    """How a job that somebody asked for stands: waits, runs, ended or parked; `why` is what it said last."""

    state: str
    why: str
    well: bool
    """Whether the last that ended did so well."""
    plan: str = ""
    projects: tuple[str, ...] = ()
    actor: str = ""
    remedy: str = ""
    """What a person can do about `why`; empty where nothing is known."""


def approve(app: App, name: str, plan: str, projects: Collection[str] = ()) -> Asked:
    """Approves a kept plan, named by its whole hash, or some projects of it, and has it sent before everything else.

    PlanUnknown where it does not wait any more, ApprovalNeeded where another plan took its place (with what changed),
    NotAllowed where four eyes are wanted, Paused where a flow of it stands still, BadInput while another is being sent.
    """
    row = app.connection(name)
    chosen = chosen_places(projects)
    found = _checked(app, row, plan, chosen)
    by_hand(app, name, found.flows, exactly=True, approved=True)
    args = {"flows": found.flows, "actor": app.actor, "approved": found.hash, "projects": sorted(chosen)}
    asked = _ask(app, row, APPROVED, args, "An approved plan is being sent already")
    return msgspec.structs.replace(asked, plan=found.hash, projects=tuple(sorted(chosen)))


def let_through(
    app: App, name: str, plan: str, flows: Collection[str], projects: Collection[str] = (), *, anyway: bool = False
) -> list[str]:
    """The flows with which a kept plan that a person approves is sent at once: all of `flows`, or a refusal.

    BadInput where the plan has more than the flows that are named. Where the connection is being set up its pause is
    in nobody's way, once the plan was found to wait and may be approved so: refusals as of `approve`. Elsewhere the run
    itself looks at the plan.
    """
    row = app.connection(name)
    if flows:
        _check_flows(app, row, plan, flows, {"", *projects} if projects else None)
    setting_up = being_set_up(app, row)
    if setting_up:
        _checked(app, row, plan, chosen_places(projects))
    return by_hand(app, name, flows, exactly=True, anyway=anyway, approved=setting_up)[0]


def _check_flows(
    app: App, row: ConnectionRow, plan: str, flows: Collection[str], places: Collection[str] | None
) -> None:
    """BadInput where a plan has steps left of flows that are not named, in some places or anywhere."""
    with app.db.begin() as conn:
        found = plans.one(conn, row.id, plan)
        steps = plan_steps.flows_left(conn, plans.scene_of(conn, row.id, found)) if found else set()
    left = {flow for place, flow in steps if places is None or place in places}
    missing = [flow.replace("_", " ") for flow in FLOWS if flow in left - set(flows)]
    if missing:
        raise BadInput(
            f"The plan {plan} holds {listed(missing, 5)} as well. Nothing was sent.",
            remedy="Name no flow: then all of the plan goes. To send less of it, make a plan of fewer flows.",
        )


def _checked(app: App, row: ConnectionRow, plan: str, chosen: Collection[str]) -> PlanLine:
    """A kept plan that waits and may be approved by whoever asks; else why not."""
    with app.db.begin() as conn:
        kept = runs.get_plan(conn, row.id, plan)
        if kept.hash != plan:  # what is approved is what was read, and not what begins alike
            raise PlanUnknown(f"There is no plan {plan} for this connection.", remedy="Name it by its whole hash.")
        found = plans.one(conn, row.id, kept.hash)
        assert found is not None
        _check_waits(conn, row, found)
        check_approver(config_from(row.config).policy.approval, kept, app.actor)
        check_projects(kept, chosen)
    return found


def make(app: App, name: str, flows: Collection[str] = ()) -> Asked:
    """Has a plan made of some flows (all when none is named); nothing is written on either side."""
    row = app.connection(name)
    args = {"flows": [flow for flow in FLOWS if flow in flows], "actor": app.actor}
    return _ask(app, row, PLANNED, args, "A plan is being made already")


def let_go(app: App, name: str, *, automatic: bool) -> None:
    """Lets the plans of a connection go by themselves from now on, or has each wait for approval again."""
    word = "auto" if automatic else "manual"
    app.edit_connection(name, {"policy": {"purchase_orders": {"approve": word}}})


def planned(duty: Duty) -> Done:
    """Makes the plan that somebody asked for, in their name: `args["flows"]` (all when none), `args["actor"]`."""
    return guarded(_plan, person=True)(duty)


def _plan(duty: Duty) -> Done:
    assert duty.connection is not None
    app = duty.app.acting_as(str(duty.args.get("actor") or duty.app.actor))
    report = app.plan(duty.connection.name, [str(flow) for flow in duty.args.get("flows") or ()])
    return Done(why=f"Plan {report.plan} is made.")


def working(app: App, name: str, task: str) -> Working | None:
    """How the job `APPROVED` or `PLANNED` of a connection stands; None where nobody ever asked for it."""
    row = app.connection(name)
    with app.db.begin() as conn:
        found = agenda.one(conn, row.id, task)
    if found is None:
        return None
    args = found.args
    return Working(
        state=_stands(found),
        why=found.why,
        well=found.finished_at is not None and found.well_at == found.finished_at,
        plan=str(args.get("approved", "")),
        projects=tuple(args.get("projects", ())),
        actor=str(args.get("actor", "")),
        remedy=found.remedy,
    )


def takes_jobs(conn: Transaction) -> bool:
    """Whether a process is there that does what is asked for."""
    return workers.take_jobs(conn)


def _check_waits(conn: Transaction, row: ConnectionRow, plan: PlanLine) -> None:
    if plan.state not in ("kept", "approved", "partly"):
        raise PlanUnknown(f"The plan {plan.hash} does not wait for approval: it is {plan.state}.")
    if not plan.over:
        return
    newer = plans.next_plan(conn, row.id, plan)
    numbers, _ = plan_steps.changes(conn, plans.scene_of(conn, row.id, plan), runs.get_plan(conn, row.id, newer).run_id)
    gone, new = (counted(numbers.get(side, 0), "step") for side in ("before", "after"))
    raise ApprovalNeeded(
        f"The plan {plan.hash} has changed since: {gone} of it {'is' if gone.startswith('1 ') else 'are'} not planned "
        f"any more, and {new} {'is' if new.startswith('1 ') else 'are'} new. Nothing was sent.",
        remedy=f"Look at the plan {newer}, which took its place, and approve that.",
    )


def _ask(app: App, row: ConnectionRow, task: str, args: dict[str, Any], busy: str) -> Asked:
    with app.db.begin() as conn:
        there = agenda.held(conn, row.id, task, PERSON)  # of two who ask at once one waits here for the other
        if there.parked_id and task == APPROVED:  # nobody puts an approval back: this one takes its place
            parked.release(conn, there.parked_id, app.actor)
            agenda.dismiss(conn, there.parked_id)
        elif there.parked_id:
            raise AskPerson(f"{task} is parked.", remedy=f"Run `ml-connector jobs release {there.parked_id}`.")
        elif _stands(there) != "ended":
            raise BadInput(f"{busy} for {row.name}.", remedy="Wait until it is through.")
        agenda.ask(conn, Laid(row.id, task, app.clock(), PERSON, args))
        told = {key: args[key] for key in ("approved", "projects") if args.get(key)}
        details = bulk.json_text(told)
        audit.append(conn, row.id, [audit.AuditEntry(app.clock(), app.actor, "job:ask:done", "job", task, 0, details)])
        return Asked(row.name, task, workers.take_jobs(conn))


def _stands(row: AgendaRow) -> str:
    if row.parked_id:
        return "parked"
    if row.running_job:
        return "runs"
    return "waits" if row.waiting_job or row.due_at else "ended"
