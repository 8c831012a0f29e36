"""What can be done about plans: look at them, have one made, approve it as a whole or by project, let them go alone."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ml_connector import desk
from ml_connector.access.permissions import Permission
from ml_connector.actions.action import Action, Call
from ml_connector.kernel.errors import AskPerson
from ml_connector.registry import FLOWS
from ml_connector.service import approving
from ml_connector.service.approving import Asked
from ml_connector.views import plan_held, plan_records, plans
from ml_connector.views.listing import Listing, Words
from ml_connector.views.plan_held import HeldLook
from ml_connector.views.plan_records import ChangesAsked, PlanChanges, RecordAsked, RecordPage, RecordsLook
from ml_connector.views.plans import Meter, PlanAsked, PlanPage, PlansLook

Projects = Annotated[list[Words], msgspec.Meta(max_length=10_000)]
"""Numbers of IFS projects; `-` stands for what lies in no project."""


class PlanWanted(msgspec.Struct, frozen=True, kw_only=True):
    """A plan to be made; no flows means all."""

    connection: Words
    flows: Annotated[list[Words], msgspec.Meta(max_length=100)] = []


class PlanApproval(msgspec.Struct, frozen=True, kw_only=True):
    """A plan to be approved; no projects means the whole plan."""

    connection: Words
    plan: Words
    projects: Projects = []


class Automatic(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the plans of a connection go by themselves. `anyway` passes over that too few went clean."""

    connection: Words
    automatic: bool
    anyway: bool = False


def _approve(call: Call, given: PlanApproval) -> Asked:
    return approving.approve(call.app, given.connection, given.plan, given.projects)


def _make(call: Call, given: PlanWanted) -> Asked:
    return approving.make(call.app, given.connection, desk.flows_of(given.flows, FLOWS))


def _automatic(call: Call, given: Automatic) -> Meter:
    stands = plans.meter(call.app, given.connection)
    if given.automatic and not given.anyway and not stands.automatic and stands.clean < stands.wanted:
        raise AskPerson(
            f"{stands.clean} approved plans in a row went clean, and {stands.wanted} are wanted before plans go alone.",
            remedy="Approve some more by hand, or say that it shall be anyway.",
        )
    approving.let_go(call.app, given.connection, automatic=given.automatic)
    return plans.meter(call.app, given.connection)


LIST = Action(
    name="plans.list",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/plans",
    takes=PlansLook,
    gives=Listing,
    call=lambda call, given: plans.listed(call.app, given),
    command="plans",
    sentence="Lists the plans of a connection, the latest made first.",
)
MAKE = Action(
    name="plans.make",
    permission=Permission.WORK,
    method="POST",
    path="/connections/{connection}/plans",
    takes=PlanWanted,
    gives=Asked,
    call=_make,
    command="plan",
    sentence="Has a plan made by a job; nothing is written on either side.",
)
SHOW = Action(
    name="plans.show",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/plans/{plan}",
    takes=PlanAsked,
    gives=PlanPage,
    call=lambda call, given: plans.shown(call.app, given),
    command="show plan",
    sentence="Shows a plan by project and cost code, what became of it, and who may approve it.",
)
RECORDS = Action(
    name="plans.records",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/plans/{plan}/records",
    takes=RecordsLook,
    gives=Listing,
    call=lambda call, given: plan_records.records(call.app, given),
    command="show plan --records",
    sentence="Lists the records of a plan, those with most money first.",
)
RECORD = Action(
    name="plans.record",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/plans/{plan}/record",
    takes=RecordAsked,
    gives=RecordPage,
    call=lambda call, given: plan_records.record(call.app, given),
    command="show plan --record",
    sentence="Shows one record of a plan field by field, before and after.",
)
HELD = Action(
    name="plans.held",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/plans/{plan}/held",
    takes=HeldLook,
    gives=Listing,
    call=lambda call, given: plan_held.held(call.app, given),
    command="show plan --held",
    sentence="Lists what was held when a plan was made and is not in it, those with most money first.",
)
CHANGES = Action(
    name="plans.changes",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/plans/{plan}/changes",
    takes=ChangesAsked,
    gives=PlanChanges,
    call=lambda call, given: plan_records.changes(call.app, given),
    command="show plan --changes",
    sentence="Shows what changed between a plan and the one that took its place.",
)
APPROVE = Action(
    name="plans.approve",
    permission=Permission.APPROVE,
    method="POST",
    path="/connections/{connection}/plans/{plan}/approval",
    takes=PlanApproval,
    gives=Asked,
    call=_approve,
    command="sync --plan",
    sentence="Approves a plan, or some projects of it, and has it sent by a job.",
)
AUTOMATIC = Action(
    name="plans.automatic",
    permission=Permission.CONFIGURE,
    method="PUT",
    path="/connections/{connection}/approval",
    takes=Automatic,
    gives=Meter,
    call=_automatic,
    command="plans --automatic",
    sentence="Lets the plans of a connection go by themselves, or has each wait for approval again.",
)

ACTIONS: tuple[Action, ...] = (LIST, MAKE, SHOW, RECORDS, RECORD, HELD, CHANGES, APPROVE, AUTOMATIC)
"""Everything about plans."""
