"""Plans to look at: which there are, and one of them by project, with what became of it and who may approve it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.engine.gate import brakes_of, over_limit
from ml_connector.engine.outcome import half_sent, left_form
from ml_connector.engine.outline import TOLD
from ml_connector.kernel.errors import PlanUnknown
from ml_connector.planning.policy import Policies
from ml_connector.service import approving
from ml_connector.service.approving import Working
from ml_connector.store import plan_steps, plans, run_pages, runs
from ml_connector.store.bulk import Transaction
from ml_connector.store.plan_steps import Fate, Scene
from ml_connector.store.plans import PlanLine, Went
from ml_connector.views.called import projects_called
from ml_connector.views.listing import Column, Listing, Look, Words, listing
from ml_connector.views.plan_left import Stayed, stayed_of
from ml_connector.views.plan_parts import (
    Amounts,
    Applied,
    FlowPart,
    Lefts,
    Part,
    Rest,
    applied_of,
    by_flow,
    lefts_of,
    parts_of,
    recoded_of,
    rest_of,
    states_of,
)
from ml_connector.views.plan_standing import BEGAN, OPEN, TONES, WORDS, Stands, approved_words, stands

ZERO = Decimal(0)


class PlansLook(Look, frozen=True, kw_only=True):
    """How the plans of a connection are asked for."""

    connection: Words
    stands: Literal["", "waiting", "approved", "going", "applied", "short", "sent", "replaced"] = ""


class PlanAsked(msgspec.Struct, frozen=True, kw_only=True):
    """One plan of a connection, by its hash or the beginning of it that no other plan shares."""

    connection: Words
    plan: Words


class Approved(msgspec.Struct, frozen=True):
    """One approval; no projects means the whole plan. `run` is the run that it began."""

    at: datetime
    actor: str
    projects: list[str]
    run: int


class Meter(msgspec.Struct, frozen=True):
    """How far the connection is trusted: approved plans in a row that went clean, and how many are wanted."""

    clean: int
    wanted: int
    automatic: bool
    """Whether plans go by themselves already."""

    @property
    def offers(self) -> bool:
        """Whether the switch is offered."""
        return not self.automatic and 0 < self.wanted <= self.clean


class PlanPage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one plan but its single records."""

    plan: str
    connection: str
    run: int
    """The run that made it first."""
    flows: list[str]
    made_at: datetime
    """When that was."""
    asked_by: str
    trigger: str
    """Why that run ran."""
    again_run: int = 0
    """The run that came to the same plan last, as one that sends it does; 0 where none did."""
    again_at: datetime | None = None
    stands: Stands
    steps: int
    counts: dict[str, int]
    by_flow: list[FlowPart]
    planned: Amounts
    """Net, over all flows: what is added, less what is taken away."""
    moved: Amounts
    """Over all flows, each amount without its sign, with what only goes to another code: what brakes and the limit of
    four eyes go by."""
    recoded: Amounts = {}
    """What of it only goes from some codes to others: it is in no net amount."""
    rest: Rest
    """What of it can still be approved."""
    applied: Amounts
    recoded_applied: Amounts = {}
    """What was done of what only goes from some codes to others."""
    states: dict[str, int]
    held: int
    held_money: Amounts
    held_at: datetime
    """When that was so: when a run came to this plan last."""
    locked: dict[str, int]
    unbudgeted: int
    projects: list[Part]
    approvals: list[Approved]
    newer: str = ""
    """The plan that took its place, or in which the rest was decided anew."""
    rest_waits: bool = False
    """Whether that plan waits for approval."""
    sends: str = ""
    """The approved plan of which this is no more than the sending."""
    sent_by: str = ""
    """Who approved that one."""
    stayed: list[Stayed] = []
    """What did not go, and goes under this plan no more, and why."""
    four_eyes: list[str] = []
    """Amounts over the limit above which whoever asked for it may not approve it."""
    limit: str = ""
    """That limit; empty when there is none."""
    meter: Meter
    job: Working | None = None
    """The job that sends it, where one was asked for."""
    workers: bool = False
    """Whether a process is there that takes jobs."""
    sending: bool = False
    """Whether a run sends it at this moment, from wherever it was begun."""
    stopped: str = ""
    """Over which limits the plan is at whose brakes the run stopped, in words; empty where it stopped at none."""


_COLUMNS = (
    Column("plan", "Plan", "link"),
    Column("made_at", "Made", "moment", sortable=True),
    Column("stands", "State", "state"),
    Column("asked_by", "Asked for by", sortable=True),
    Column("what", "What"),
    Column("money", "Planned, all flows", "money"),
    Column("approved_by", "Approved by", sortable=True),
)


def listed(app: App, look: PlansLook) -> Listing:
    """The plans of a connection, the latest made first."""
    row = app.connection(look.connection)
    asked = plans.PlanLook(look.stands, look.q, look.sort, look.down, look.page, look.size)
    with app.db.begin() as conn:
        found = plans.listed(conn, row.id, asked)
    rows = [_line(row.name, plan) for plan in found]
    return listing(_COLUMNS, rows, look, {"stands": tuple(plans.STANDS)})


def _line(connection: str, plan: PlanLine) -> dict[str, Any]:
    summary = plan.summary
    most = sorted(moved_of(summary).items(), key=lambda one: -abs(Decimal(one[1])))
    return {
        "plan": {"href": f"/c/{connection}/plans/{plan.hash}", "text": plan.hash},
        "made_at": plan.first_at or plan.made_at,
        "stands": {"state": TONES[stands(plan)], "word": WORDS[stands(plan)]},
        "asked_by": plan.asked_by or BEGAN.get(plan.trigger, plan.trigger),
        "what": _what(summary),
        "money": [] if plan.sends else [{"amount": amount, "currency": currency} for currency, amount in most],
        "approved_by": approved_words(plan),
    }


def moved_of(summary: Mapping[str, Any]) -> Amounts:
    """What a plan moves, each amount without its sign; of a plan of an earlier release what it comes to."""
    found: Amounts = summary.get("moved", summary.get("money", {}))
    return found


def _what(summary: Mapping[str, Any]) -> str:
    """The counts of a plan in a few words."""
    counts = summary.get("counts", {})
    parts = (("created", "new"), ("updated", "changed"), ("adopted", "taken over"), ("linked", "linked"))
    return ", ".join(f"{counts[key]:,} {word}" for key, word in parts if counts.get(key)) or "steps without records"


def found_plan(conn: Transaction, connection_id: int, plan: str) -> PlanLine:
    """The plan of that hash, or of the only hash that begins so; PlanUnknown else."""
    found = plans.one(conn, connection_id, runs.get_plan(conn, connection_id, plan.replace("\x00", "")).hash)
    if found is None:
        raise PlanUnknown(f"The run of plan {plan} is not kept any more, and its steps went with it.")
    return found


def scene_of(conn: Transaction, connection_id: int, plan: PlanLine) -> tuple[Scene, list[Approved]]:
    """Where the steps of a plan are found, and its approvals: what one went on with is told once."""
    rows = plans.approvals(conn, connection_id, plan.hash)
    later = tuple(sorted({row.run_id for row in rows} - {plan.run_id}))
    told: list[Approved] = []
    for one in map(_approved, rows):
        if not told or (told[-1].actor, told[-1].projects) != (one.actor, one.projects):
            told.append(one)
    return Scene(connection_id, plan.run_id, later), told


MOST_STEPS = 20_000
"""Steps of a plan up to which its page goes through them where what became of them is not written down yet."""


def _fates(conn: Transaction, scene: Scene, plan: PlanLine) -> list[Fate]:
    """What became of the steps of a plan: as written down when its run ended, or as it is while that goes on."""
    if "fates" in plan.outcome:
        return [
            Fate(place, flow, state, currency, int(steps), *map(Decimal, amounts))
            for place, flow, state, currency, steps, *amounts in plan.outcome["fates"]
        ]
    return plan_steps.fates(conn, scene) if plan.summary.get("steps", 0) <= MOST_STEPS else []


def _lefts(conn: Transaction, scene: Scene, plan: PlanLine, fates: Sequence[Fate]) -> Lefts:
    """What can still go where a part went: as written down, or as it is."""
    if "left" in plan.outcome:
        return lefts_of(plan.outcome["left"])
    many = plan.summary.get("steps", 0) > MOST_STEPS
    return lefts_of(left_form(plan_steps.left(conn, scene, [] if many else half_sent(fates))))


def _approved(row: plans.ApprovalRow) -> Approved:
    details = msgspec.json.decode(row.details or "{}")
    return Approved(row.at, row.actor, list(details.get("projects", ())), row.run_id)


def shown(app: App, asked: PlanAsked) -> PlanPage:
    """One plan: what it does by project and code, what became of it, who approved, and what it waits for."""
    row = app.connection(asked.connection)
    policies = config_from(row.config).policy
    job = approving.working(app, asked.connection, approving.APPROVED)
    with app.db.begin() as conn:
        plan = found_plan(conn, row.id, asked.plan)
        scene, told = scene_of(conn, row.id, plan)
        made = runs.get_run(conn, row.id, plan.run_id)
        sent = bool(told) or (made.state != "stopped" and made.trigger != "plan")
        fates = _fates(conn, scene, plan) if sent else []
        standing = stands(plan)
        newer = plans.next_plan(conn, row.id, plan) if standing == "replaced" or (sent and plan.over) else ""
        after = plans.one(conn, row.id, newer) if newer else None
        stayed = stayed_of(conn, scene, plan) if standing == "short" and not newer else []
        lefts = _lefts(conn, scene, plan, fates) if standing in OPEN else {}
        parts = parts_of(plan.parts, fates, Applied(plan.outcome), lefts, waiting=standing in OPEN)
        parts = _named(conn, row.id, parts)
        clean = _clean(plans.went(conn, row.id))
        workers = approving.takes_jobs(conn)
        sending = sent and run_pages.at_work(conn, row.id).get(row.id) in {scene.run_id, *scene.later}
    summary = plan.summary
    limit = policies.approval.four_eyes_over
    return PlanPage(
        plan=plan.hash,
        connection=row.name,
        run=plan.first_run,
        flows=plan.flows,
        made_at=plan.first_at or plan.made_at,
        again_run=plan.run_id if plan.run_id != plan.first_run else 0,
        again_at=plan.made_at if plan.run_id != plan.first_run else None,
        asked_by=plan.asked_by,
        trigger=plan.trigger,
        stands=standing,
        steps=summary.get("steps", 0),
        counts={name: summary.get("counts", {}).get(name, 0) for name in TOLD},
        by_flow=by_flow(plan.parts.get("projects", ()), fates),
        planned=summary.get("money", {}),
        moved=moved_of(summary),
        recoded=summary.get("recoded", {}),
        rest=rest_of(parts),
        applied=applied_of(fates),
        recoded_applied=recoded_of(fates),
        states=states_of(fates),
        held=summary.get("held", {}).get("records", 0),
        held_money=summary.get("held", {}).get("money", {}),
        held_at=plan.made_at,
        locked=summary.get("locked", {}),
        unbudgeted=summary.get("unbudgeted", 0),
        projects=parts,
        approvals=told,
        newer=newer if standing in ("replaced", "short") else "",
        rest_waits=after is not None and stands(after) in ("waiting", "partly"),
        sends=plan.sends,
        sent_by=str(plan.summary.get("sent_by", "")),
        stayed=stayed,
        four_eyes=over_limit(policies.approval, summary),
        limit=f"{limit:,.2f}" if limit else "",
        meter=_meter(policies, clean),
        job=job if job and job.plan == plan.hash else None,
        workers=workers,
        sending=sending,
        stopped=brakes_of(made.error) if standing == "waiting" and made.state == "stopped" else "",
    )


def _named(conn: Transaction, connection_id: int, parts: list[Part]) -> list[Part]:
    """The parts with what their projects are called; one of which all is held was not looked up when it was planned."""
    names = projects_called(conn, connection_id, [part.project for part in parts if not part.name])
    return [msgspec.structs.replace(part, name=part.name or names.get(part.project, "")) for part in parts]


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """What goes on about the plans of a connection: a plan that is being made, and how far plans are trusted."""

    job: Working | None
    sending: Working | None
    workers: bool
    meter: Meter


def making(app: App, connection: str) -> Making:
    """What goes on about the plans of a connection."""
    with app.db.begin() as conn:
        workers = approving.takes_jobs(conn)
    return Making(
        job=approving.working(app, connection, approving.PLANNED),
        sending=approving.working(app, connection, approving.APPROVED),
        workers=workers,
        meter=meter(app, connection),
    )


def meter(app: App, connection: str) -> Meter:
    """How many approved plans of a connection in a row went clean."""
    row = app.connection(connection)
    with app.db.begin() as conn:
        return _meter(config_from(row.config).policy, _clean(plans.went(conn, row.id)))


def _meter(policies: Policies, clean: int) -> Meter:
    return Meter(clean, policies.approval.offer_after, policies.purchase_orders.approve == "auto")


def _clean(went: Sequence[Went]) -> int:
    """Plans in a row, from the latest, of which all that was approved went, and went well.

    One of which some still waits does not count yet, and ends no row.
    """
    number = 0
    for one in went:
        tallies = one.counts.values()
        bad = one.stayed + sum(int(tally.get(what, 0)) for tally in tallies for what in ("refused", "unknown"))
        if one.state != "done" or bad:
            break
        number += not one.waits
    return number
