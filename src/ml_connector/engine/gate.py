"""What stands between a plan and its sending: brakes, approval by hash, by project, and by somebody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ml_connector.engine.flow_gate import park_flows, waiting_flows
from ml_connector.engine.work import Draft, Work
from ml_connector.kernel.currency import DECIMALS
from ml_connector.kernel.errors import ApprovalNeeded, BrakePulled, NotAllowed, NothingSuchHere
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.approving import COMPANY_WIDE, Choice, Step, place_of
from ml_connector.planning.policy import ApprovalPolicy, BrakePolicy
from ml_connector.store import audit, bulk, journal, links, pauses, plan_steps, plans, runs
from ml_connector.store.journal import IntentState, Settled
from ml_connector.store.runs import PlanRow

_AT_BRAKES = " stops at its brakes: "
_NOTHING_SENT = ". Nothing was sent."


class Approval(NamedTuple):
    """What a person approves: a kept plan by its hash, as a whole or some of its projects only."""

    plan: str
    projects: frozenset[str] = frozenset()
    """IFS projects, or `planning.approving.COMPANY_WIDE`; empty for the whole plan."""


def check_gate(conn: Connection, work: Work, draft: Draft, name: str, approval: Approval | None) -> set[str]:
    """Lets the plan through, or says who must decide. With `approval`, only what that plan holds goes.

    The plans of which nothing is left once this run ends well: some of it may be of other projects, or new since.
    """
    if approval is not None:
        return _approved(conn, work, draft, name, approval)
    if not draft.digests:
        return {name}
    flows = set(journal.flows_of(conn, work.run_id))
    waiting = waiting_flows(work.policies, flows)
    if waiting == flows:
        raise ApprovalNeeded(
            f"The plan {name} waits for approval; nothing was sent.",
            remedy=f"Read it with `ml-connector plan {work.name}`, then `ml-connector sync {work.name} --plan {name}`.",
        )
    pulled = brakes(work.policies.brakes, draft, lambda: _linked(conn, work))
    if pulled:
        raise BrakePulled(
            f"The plan {name}{_AT_BRAKES}{'; '.join(pulled)}{_NOTHING_SENT}",
            remedy=f"Read it, then approve it: `ml-connector sync {work.name} --plan {name}`.",
        )
    if waiting and park_flows(conn, work, draft, waiting):
        return set()
    return {name}


def brakes_of(sentence: str) -> str:
    """What a run stopped at, out of what it said: `363,900.00 USD moved, limit 250,000.00 USD`; empty where it was no
    brake. For who sees the plan already and reads that nothing of it was sent."""
    return sentence.partition(_AT_BRAKES)[2].removesuffix(_NOTHING_SENT)


def _approved(conn: Connection, work: Work, draft: Draft, name: str, approval: Approval) -> set[str]:
    """Writes the approval down and puts aside what it does not cover."""
    plan = runs.approve_plan(conn, work.connection_id, approval.plan, work.actor)
    check_approver(work.policies.approval, plan, work.actor)
    check_projects(plan, approval.projects)
    details = bulk.json_text({"projects": sorted(approval.projects)} if approval.projects else {})
    entries = [_entry(work, "plan:approve:done", "plan", plan.hash, details)]
    if pauses.end_set_up(conn, work.connection_id):  # here alone: an approval that is dropped before ends nothing
        entries.append(_entry(work, "connection:resume:done", "connection", work.name))
    audit.append(conn, work.connection_id, entries)
    through = {plan.hash, name}
    if plan.hash != name:
        plans.note_sending(conn, work.connection_id, name, plan)
        if _park_others(conn, work, draft, set(journal.digests(conn, plan.run_id))):
            through.discard(name)
        if _leave_out(conn, work, draft, plan, approval.projects):
            through.discard(plan.hash)
    if approval.projects and _park_projects(conn, work, draft, approval.projects):
        for part in through:
            runs.set_plan_state(conn, work.connection_id, part, "partly")
        through = set()
    return through


def _entry(work: Work, tag: str, kind: str, name: str, details: str = "{}") -> audit.AuditEntry:
    return audit.AuditEntry(work.clock(), work.actor, tag, kind, name, work.run_id, details)


def _leave_out(conn: Connection, work: Work, draft: Draft, plan: PlanRow, projects: Collection[str]) -> bool:
    """Whether the approved plan has steps left of flows this run has not looked at: they stay as they are, and so does
    the plan, for them to be approved. Told of are those in the approved projects, and of the company."""
    looked = set(work.flows) - draft.still.keys()
    steps = plan_steps.flows_left(conn, plans.scene_of(conn, work.connection_id, plan))
    left = [(place, flow) for place, flow in steps if flow not in looked]
    if left:
        runs.set_plan_state(conn, work.connection_id, plan.hash, "partly")
    _tell_left_out(draft, plan.hash, {flow for place, flow in left if not projects or place in {"", *projects}})
    return bool(left)


def _tell_left_out(draft: Draft, plan: str, flows: Collection[str]) -> None:
    draft.left_out = sorted({*draft.left_out, *flows})
    if flows:
        names = listed([flow.replace("_", " ") for flow in sorted(flows)], 5)
        draft.notes.append(f"Not all of the approved plan {plan} went: this run left out its {names}.")


def stood_still(conn: Connection, work: Work, draft: Draft, through: set[str], approval: Approval | None) -> set[str]:
    """Those plans of `through` of which nothing is left where a flow was found to lack a right only while it was sent:
    none then. What was approved of it waits, to be approved once more; what went by itself the next run decides."""
    fates = journal.fates(conn, work.connection_id, work.run_id)
    left = draft.still.keys() & {flow for flow, *_, state, _ in fates if state not in ("done", "refused")}
    if not left:
        return through
    if approval is not None:
        plan = runs.get_plan(conn, work.connection_id, approval.plan)
        plan_steps.wait_again(conn, plans.scene_of(conn, work.connection_id, plan), work.run_id, left)
        for part in through:
            runs.set_plan_state(conn, work.connection_id, part, "partly")
        _tell_left_out(draft, plan.hash, left)
    return set()


def check_approver(policy: ApprovalPolicy, plan: PlanRow, actor: str) -> None:
    """Four eyes: NotAllowed where a plan over the limit is approved by whoever asked for it."""
    over = over_limit(policy, plan.summary)
    if over and plan.asked_by == actor:
        raise NotAllowed(
            f"{actor} asked for the plan {plan.hash}, which moves {listed(over, 3)}: over the limit of "
            f"{policy.four_eyes_over:,.2f} somebody else approves it. Nothing was sent.",
            remedy="Have another person with the right to approve look at it and approve it.",
        )


def over_limit(policy: ApprovalPolicy, summary: Mapping[str, Any]) -> list[str]:
    """The amounts of a plan, as it was kept, that are over the limit of four eyes; none where there is no limit."""
    limit = policy.four_eyes_over
    if not limit:
        return []
    moved = {currency: Decimal(amount) for currency, amount in summary.get("moved", {}).items()}
    return [_exact(amount, currency) for currency, amount in moved.items() if amount > limit]


def check_projects(plan: PlanRow, projects: Collection[str]) -> None:
    """NothingSuchHere where the plan has nothing in a project that was named."""
    places = plan.summary.get("places")
    known = {place or COMPANY_WIDE for place in places} if places is not None else set(projects)
    missing = sorted(set(projects) - known)
    if missing:
        raise NothingSuchHere(
            f"The plan {plan.hash} has nothing in {listed(missing, 5)}; nothing was sent.",
            remedy=f"Its projects are {listed(sorted(known), 20)}.",
        )


def brakes(policy: BrakePolicy, draft: Draft, linked: Callable[[], Mapping[str, int]]) -> list[str]:
    """Which limits the plan is over, in words; empty when none. `linked` counts linked records by their kind."""
    sums: Counter[str] = Counter()
    for counts in draft.counts.values():
        sums.update(counts)
    found = []
    for what, limit, number in (
        ("creates", policy.creates, sums["created"]),
        ("updates", policy.updates, sums["updated"]),
        ("removals", policy.removals, draft.removals),
    ):
        if limit and number > limit:
            found.append(f"{number} {what}, limit {limit}")
    return found + _money(policy, draft) + _shares(policy, draft, linked)


def _money(policy: BrakePolicy, draft: Draft) -> list[str]:
    """Which limits of money the plan is over: of all of it, and of what it creates, adds and takes away."""
    most = {"creates": policy.money_creates, "updates": policy.money_updates, "removals": policy.money_removals}
    words = {"creates": "in new records", "updates": "added to records", "removals": "taken away"}
    found = []
    for currency in sorted({currency for _what, currency in draft.moved}):
        parts = {what: draft.moved.get((what, currency), Decimal(0)) for what in most}
        turned = draft.recoded.get(currency)
        note = f" ({_exact(turned, currency)} in all goes from some codes to others)" if turned else ""
        every = ("moved", sum(parts.values(), Decimal(0)), policy.money)
        found += [
            f"{_exact(amount, currency)} {said}, limit {_exact(limit, currency)}{note}"
            for said, amount, limit in (every, *((words[what], parts[what], most[what]) for what in most))
            if limit and amount > limit
        ]
    return found


def _exact(amount: Decimal, currency: str) -> str:
    """An amount to its currency's smallest unit at least, with the currency."""
    places = max(DECIMALS.get(currency, 2), -int(amount.normalize().as_tuple().exponent))
    return f"{amount:,.{places}f} {currency}"


def _shares(policy: BrakePolicy, draft: Draft, linked: Callable[[], Mapping[str, int]]) -> list[str]:
    """Which shares of what is linked the plan is over; what is linked is counted only where it may matter."""
    wanted = [(kind, "are added", number, policy.share_creates) for kind, number in sorted(draft.created.items())]
    wanted += [(kind, "change", number, policy.share_updates) for kind, number in sorted(draft.changed.items())]
    wanted.append(("commitment", "end", draft.removals, policy.share_removals))
    many = [one for one in wanted if one[2] > policy.share_from and one[3]]
    if not many:
        return []
    there = linked()
    return [
        f"{number} {'to' if what == 'are added' else 'of'} {there[kind]} linked records of kind "
        f"{kind.replace('_', ' ')} {what}, limit {limit} %"
        for kind, what, number, limit in many
        if there.get(kind) and number * 100 > limit * there[kind]
    ]


def _linked(conn: Connection, work: Work) -> dict[str, int]:
    counts = links.count_links(conn, work.connection_id)
    return {kind: number for (kind, state), number in counts.items() if state == links.LINKED}


def _park_others(conn: Connection, work: Work, draft: Draft, allowed: set[bytes]) -> int:
    """What changed since the approved plan was made is not sent: it waits for the next plan. How many steps."""
    parked = []
    after = 0
    while rows := plan_steps.steps_of(conn, work.connection_id, work.run_id, after):
        after = rows[-1].id
        for row in rows:
            if row.digest not in allowed:
                parked.append(Settled(row.id, "superseded", "", "Not in the approved plan: it changed since."))
                draft.parked.add((row.flow, row.source))
    journal.settle(conn, parked)
    if parked:
        draft.notes.append(f"{len(parked)} steps are not in the approved plan and were left for the next one.")
    return len(parked)


def _park_projects(conn: Connection, work: Work, draft: Draft, projects: frozenset[str]) -> int:
    """What lies in other projects waits for its own approval, as long as the plan stands. How many steps."""
    choice = Choice(projects)
    after = 0
    while rows := plan_steps.steps_of(conn, work.connection_id, work.run_id, after):
        after = rows[-1].id
        choice.look(Step(row.id, row.key, place_of(row.kind, row.erp_id, row.scope), row.needs) for row in rows)
    going = choice.going()
    parked = after = 0
    while rows := plan_steps.steps_of(conn, work.connection_id, work.run_id, after):
        after = rows[-1].id
        left = [row for row in rows if row.id not in going]
        draft.parked |= {(row.flow, row.source) for row in left}
        waits = "Its project waits for approval."
        journal.settle(conn, [Settled(row.id, IntentState.WAITING.value, "", waits) for row in left])
        parked += len(left)
    if parked:
        verb = "waits" if parked == 1 else "wait"
        draft.notes.append(f"{counted(parked, 'step')} of what was not approved {verb} for approval.")
    return parked
