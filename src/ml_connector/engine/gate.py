"""What stands between a plan and its sending: brakes, and approval by hash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal

from sqlalchemy import Connection

from ml_connector.engine.work import Draft, Work
from ml_connector.kernel.errors import ApprovalNeeded, BrakePulled
from ml_connector.planning.policy import BrakePolicy
from ml_connector.store import audit, journal, links, runs
from ml_connector.store.journal import Settled


def check_gate(conn: Connection, work: Work, draft: Draft, name: str, approved: str | None) -> None:
    """Lets the plan through, or says who must decide. With `approved`, only what that plan holds goes."""
    if approved is not None:
        plan = runs.approve_plan(conn, work.connection_id, approved, work.actor)
        entry = audit.AuditEntry(work.clock(), work.actor, "plan:approve:done", "plan", approved, work.run_id)
        audit.append(conn, work.connection_id, [entry])
        if approved != name:
            _park_others(conn, work, draft, set(journal.digests(conn, plan.run_id)))
        return
    if not draft.digests:
        return
    if work.policies.purchase_orders.approve == "manual":
        raise ApprovalNeeded(
            f"The plan {name} waits for approval; nothing was sent.",
            remedy=f"Read it with `ml-connector plan {work.name}`, then `ml-connector sync {work.name} --plan {name}`.",
        )
    pulled = brakes(work.policies.brakes, draft, lambda: _linked(conn, work))
    if pulled:
        raise BrakePulled(
            f"The plan {name} stops at its brakes: {'; '.join(pulled)}. Nothing was sent.",
            remedy=f"Read it, then approve it: `ml-connector sync {work.name} --plan {name}`.",
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
        every = ("moved", sum(parts.values(), Decimal(0)), policy.money)
        found += [
            f"{amount:,} {currency} {said}, limit {limit:,}"
            for said, amount, limit in (every, *((words[what], parts[what], most[what]) for what in most))
            if limit and amount > limit
        ]
    return found


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


def _park_others(conn: Connection, work: Work, draft: Draft, allowed: set[bytes]) -> None:
    """What changed since the approved plan was made is not sent: it waits for the next plan."""
    parked = []
    after = 0
    while rows := journal.plan_of(conn, work.connection_id, work.run_id, after):
        after = rows[-1].id
        for row in rows:
            if row.digest not in allowed:
                parked.append(Settled(row.id, "superseded", "", "Not in the approved plan: it changed since."))
                draft.parked.add((row.flow, row.source))
    journal.settle(conn, parked)
    if parked:
        draft.notes.append(f"{len(parked)} steps are not in the approved plan and were left for the next one.")
