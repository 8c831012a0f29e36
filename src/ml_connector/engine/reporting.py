"""A run told in numbers: what was created, changed, linked, held; money planned and applied; requests used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil

from ml_connector.engine.knowing import hold_of
from ml_connector.engine.settling import Settler
from ml_connector.engine.work import Draft, Report, Tally, Work
from ml_connector.kernel.money import rounded
from ml_connector.kernel.text import counted
from ml_connector.planning.plan import ERP_KINDS, Hold, Verb
from ml_connector.store import holds, journal
from ml_connector.systems.port import Result

_ZERO = Decimal(0)

COUNTED = ("created", "updated", "linked")

_SURE = timedelta(seconds=2)

_OPEN = ("planned", "waiting", "superseded")
"""States of steps that go with a later run; superseded are those that came after one that did not go."""


def report(
    work: Work, draft: Draft, settler: Settler, requests: dict[str, dict[str, int]], plan: str, *, applied: bool = False
) -> Report:
    """The report of a plan (what would be) or of a sync (what was): counts come from the same places in both."""
    with work.db.begin() as conn:
        held = [hold_of(row) for row in holds.open_holds(conn, work.connection_id)]
    done = Report(
        connection=work.name,
        flows={flow: _tally(flow, draft, settler, held, applied=applied) for flow in work.flows},
        requests=requests,
        money=_money(draft.planned, settler.applied),
        money_by_flow={
            flow: _money(draft.money_by_flow.get(flow, {}), settler.applied_by_flow.get(flow, {}))
            for flow in work.flows
        },
        plan=plan,
        run=work.run_id,
        still={flow: hold.sentence for flow, hold in draft.still.items()},
        notes=[*draft.notes, *_waiting(_put_off(settler, draft)), *_unsure(settler), *_left(draft)],
        waiting=len(_put_off(settler, draft)) + len(settler.may_come()),
        again_at=work.goes_on() if settler.waiting else _sure_at(work, settler),
        left=draft.left,
        left_out=draft.left_out,
        stopped=draft.stopped,
        cut=draft.bites.cut,
        taken=draft.bites.taken,
        found=draft.found,
        holds=[describe(hold) for hold in held],
        money_by_place=_places(draft),
        recoded=_money(draft.recoded, settler.recoded),
        taken_over=dict(settler.taken_over if applied else Counter(draft.outline.adopted.values())),
        echoes=draft.echoes,
        released=draft.released,
    )
    if settler.waiting or draft.left:
        done.to_send, done.done_at = _outlook(work, draft, requests)
        done.notes = [done.outlook, *done.notes] if done.outlook else done.notes
    return done


def _outlook(work: Work, draft: Draft, requests: Mapping[str, Mapping[str, int]]) -> tuple[int, datetime | None]:
    """How many steps of this run's plan are still to be sent, and when that is done at the earliest.

    A step costs what those that were sent cost on its side, on an average: a batch carries many, a chain needs several.
    Where none was sent yet it costs a request. The run that sends them reads first, as this one did.
    """
    with work.db.begin() as conn:
        fates = journal.fates(conn, work.connection_id, work.run_id)
    open_, sent = Counter[str](), Counter[str]()
    for flow, kind, verb, state, number in fates:
        if verb == Verb.LINK.value or flow in draft.still:
            continue
        side = "erp" if kind in ERP_KINDS else "projects"
        if state in _OPEN:
            open_[side] += number
        else:
            sent[side] += number
    costs = {
        side: max(1, ceil(number * requests[side]["write"] / sent[side])) if sent[side] else number
        for side, number in open_.items()
    }
    return open_.total(), work.done_at({side: requests[side]["read"] + cost for side, cost in costs.items()})


def _put_off(settler: Settler, draft: Draft) -> list[str]:
    """What the other side said of each step that it had no time for."""
    return [said for said in settler.waiting.values() if not said or said != draft.stopped]


def _waiting(said: list[str]) -> list[str]:
    """One sentence about steps that were put off, with what the other side said first."""
    return [f"{counted(len(said), 'step')} had to wait and go with the next run: {said[0]}"] if said else []


def _unsure(settler: Settler) -> list[str]:
    """One sentence about writes that may still come: until then their documents are left alone."""
    until = settler.may_come()
    if not until:
        return []
    return [
        f"{counted(len(until), 'step')} had no answer and may still come until {max(until):%Y-%m-%d %H:%M} UTC: what "
        "became of them is asked again, and nothing else of their documents goes."
    ]


def _sure_at(work: Work, settler: Settler) -> datetime | None:
    """From when the next run knows of all such writes; a little later, for the database has a clock of its own."""
    until = settler.may_come()
    return max(*until, work.clock()) + _SURE if until else None


def _left(draft: Draft) -> list[str]:
    """What is left for the next run because it was enough: steps that were not sent, documents that were not read."""
    said = [f"{counted(draft.left, 'step')} left for the next run: {draft.stopped}"] if draft.left else []
    if draft.bites.cut:
        taken = counted(draft.bites.taken, "document")
        said.append(f"{taken} taken; the rest of {draft.bites.cut.replace('_', ' ')} goes with the next run.")
    return said


def _tally(flow: str, draft: Draft, settler: Settler, held: list[Hold], *, applied: bool) -> Tally:
    planned: Mapping[str, int] = draft.counts.get(flow, {})
    if applied:
        numbers = {name: settler.done.get((flow, name), 0) for name in COUNTED}
    else:
        numbers = {name: planned.get(name, 0) for name in COUNTED}
    return Tally(
        **numbers,
        unchanged=planned.get("unchanged", 0),
        held=len({hold.key for hold in held if hold.flow == flow}),
        refused=settler.results.get((flow, Result.REFUSED), 0),
        unknown=sum(1 for one in settler.unknown.values() if one == flow),
    )


def _money(planned: Mapping[str, Decimal], applied: Mapping[str, Decimal]) -> dict[str, dict[str, str]]:
    return {
        currency: {
            "planned": str(rounded(planned.get(currency, _ZERO), currency)),
            "applied": str(rounded(applied.get(currency, _ZERO), currency)),
        }
        for currency in sorted({*planned, *applied})
    }


def _places(draft: Draft) -> list[dict[str, str]]:
    return [
        {"project": project, "budget_code": flat, "currency": currency, "planned": str(rounded(amount, currency))}
        for (project, flat, currency), amount in sorted(draft.by_place.items())
    ]


def describe(hold: Hold) -> dict[str, object]:
    """A hold as JSON shows it."""
    return {
        "record": str(hold.key),
        "flow": hold.flow,
        "reason": hold.reason.value,
        "waits_for": str(hold.waits_for),
        "owner": hold.owner,
        "sentence": hold.sentence,
        "money": {"amount": str(hold.money.amount), "currency": hold.money.currency} if hold.money else None,
        "candidates": list(hold.candidates),
        "evidence": hold.evidence,
    }
