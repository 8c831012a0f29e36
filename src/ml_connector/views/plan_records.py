"""The single records of a plan: listed, one field by field, and what changed between two plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from ml_connector.app import App
from ml_connector.engine.outline import TOLD
from ml_connector.engine.standing_there import SHOWN, Sought, there_before
from ml_connector.engine.work import CHANGED_BY
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.planning.approving import COMPANY_WIDE
from ml_connector.planning.comparing import compared
from ml_connector.planning.foreseen import step_words
from ml_connector.planning.locking import LOCKS, locks
from ml_connector.planning.plan import ERP_KINDS, Body, Verb, unpack
from ml_connector.store import holds, links, plan_steps, plans, runs
from ml_connector.store.bulk import Transaction
from ml_connector.store.plan_steps import RecordLine, StepLine
from ml_connector.views.called import Shown, called_of, document_key, projects_called, record_called, shown_on
from ml_connector.views.document_states import record_title
from ml_connector.views.documents import HoldOf, hold_form
from ml_connector.views.listing import Column, Listing, Look, Words, listing, money
from ml_connector.views.plan_parts import NO_PROJECT
from ml_connector.views.plans import MOST_STEPS, found_plan, scene_of
from ml_connector.views.search import vendor_names

RecordId = Annotated[str, msgspec.Meta(max_length=300)]
"""The id of a record in the system that bore it."""

WHAT = {"created": "new", "updated": "changed", "adopted": "taken over", "linked": "linked"}
"""What a plan does with a record, as people read it."""

STATES = {
    "planned": "not sent yet",
    "sending": "not finished",
    "done": "sent",
    "refused": "refused",
    "unknown": "no answer yet",
    "waiting": "waits",
    "superseded": "not sent: decided anew",
}
"""How a step or a record of a plan stands, as people read it."""


class RecordsLook(Look, frozen=True, kw_only=True):
    """How the records of a plan are asked for; `project` is `-` for what lies in none."""

    connection: Words
    plan: Words
    project: Words = ""
    flow: Words = ""
    what: Literal["", "created", "updated", "adopted", "linked"] = ""
    state: Literal["", "planned", "sending", "done", "refused", "unknown", "waiting", "superseded"] = ""


class RecordAsked(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a plan, by its kind and id."""

    connection: Words
    plan: Words
    kind: Words
    id: RecordId
    source: Words = ""
    """Its document, by which a record of a large plan is found sooner."""


class ChangesAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A plan and the one that took its place; without `other` the newest that did."""

    connection: Words
    plan: Words
    other: Words = ""


class StepShown(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a record, with what became of it."""

    does: str
    side: Literal["IFS", "Procore"]
    state: str
    reason: str
    money: dict[str, str] | None
    recoded: dict[str, str] | None
    """What it moves besides from some codes to others; None where it does not."""
    answer: str
    reference: str


class RecordPage(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a plan: its steps, what changes field by field, what locks, and what of its document is held."""

    plan: str
    connection: str
    kind: str
    id: str
    called: str
    """What people call it: `contract P100001 on project 1201`."""
    flow: str
    source: str
    project: str
    steps: list[StepShown]
    fields: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    unchanged_lines: int
    currency: str
    known_before: bool
    """Whether what was there before is known; else everything is shown as it will be."""
    taken_over: bool
    """Whether it is there already, and taken over: what was before is then what its side had when this was planned."""
    side: Literal["IFS", "Procore"]
    """Where its steps are done."""
    told: bool
    """Whether what its side had is shown of this kind of record at all, as long as it is kept."""
    locks: str
    """What Procore locks by it; empty when nothing."""
    needs: list[Shown]
    document: Shown
    """What the page of its document shows."""
    names: dict[str, str]
    """Ids of the vendors and the project that its fields name, to what those are called."""
    holds: list[HoldOf]


class PlanChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What a later plan has that an earlier one has not, and the other way round."""

    plan: str
    other: str
    gone: int
    new: int
    steps: list[dict[str, Any]]


_COLUMNS = (
    Column("called", "Record", sortable=True),
    Column("kind", "Kind"),
    Column("where", "Project", sortable=True),
    Column("does", "What"),
    Column("money", "Money", "money", sortable=True),
    Column("recoded", "Moves between codes", "money", sortable=True),
    Column("stands", "State", "state"),
    Column("source", "Document", sortable=True),
    Column("reason", "Why"),
    Column("result", "Answer"),
)


def records(app: App, look: RecordsLook) -> Listing:
    """The records of a plan: those with most money first, of a large plan that is not narrowed as they were planned."""
    row = app.connection(look.connection)
    place = None if not look.project else "" if look.project == COMPANY_WIDE else look.project
    with app.db.begin() as conn:
        plan = found_plan(conn, row.id, look.plan)
        narrow = bool(look.project or look.flow or look.state or look.what or look.q or look.sort)
        asked = plan_steps.RecordLook(
            place=place,
            flow=look.flow,
            state=look.state,
            what=look.what,
            words=look.q,
            sort=look.sort,
            down=look.down,
            page=look.page,
            size=look.size,
            money_first=narrow or plan.summary.get("steps", 0) <= MOST_STEPS,
        )
        scene, _ = scene_of(conn, row.id, plan)
        found = plan_steps.records(conn, scene, asked)
        names = called_of(conn, row.id, [Key(one.kind, one.erp_id) for one in found])
    choices = {
        "project": [place or COMPANY_WIDE for place in plan.summary.get("places", ())],
        "flow": plan.flows,
        "what": TOLD,
        "state": STATES,
    }
    return listing(_COLUMNS, [_line(one, names) for one in found], look, choices)


def _line(one: RecordLine, names: Mapping[Key, str]) -> dict[str, Any]:
    return {
        "record": one.erp_id,
        "called": record_called(Key(one.kind, one.erp_id), names),
        "kind": record_title(one.kind),
        "kind_key": one.kind,
        "project": one.place or COMPANY_WIDE,
        "where": one.place or NO_PROJECT,
        "what": one.what,
        "does": WHAT.get(one.what, ""),
        "money": money(one.amount, one.currency),
        "recoded": money(one.recoded, one.currency),
        "state": state_of(one.states),
        "stands": {"state": state_of(one.states), "word": STATES.get(state_of(one.states), "")},
        "source": one.source,
        "reason": one.reason,
        "result": one.result,
        "flow": one.flow,
        "steps": one.steps,
    }


def state_of(states: Sequence[str]) -> str:
    """How a record stands whose steps stand so: the worst of them is said."""
    worst = ("refused", "unknown", "sending", "waiting", "superseded", "planned", "done")
    return next((state for state in worst if state in states), "planned")


def record(app: App, asked: RecordAsked) -> RecordPage:
    """One record of a plan; NothingSuchHere when the plan has nothing of it."""
    row = app.connection(asked.connection)
    key = Key(asked.kind.replace("\x00", ""), asked.id.replace("\x00", ""))
    with app.db.begin() as conn:
        plan = found_plan(conn, row.id, asked.plan)
        scene, _ = scene_of(conn, row.id, plan)
        steps = plan_steps.record_steps(conn, scene, key, asked.source.replace("\x00", ""))
        if not steps:
            raise NothingSuchHere(
                f"The plan {plan.hash} has nothing of {record_title(key.kind)} {key.id}.",
                remedy="Look for it among the records of the plan.",
            )
        bodies = [unpack(key.kind, step.body) for step in steps]
        after = _after(key, steps, bodies)
        link = _taken_over(conn, row.id, key, steps)
        seeks = _Seeks(row.id, plan.run_id, key, after)
        before, known = _there(conn, seeks, steps, bodies) if link else _before(conn, row.id, key, steps)
        waiting = holds.holds_of(conn, row.id, steps[0].source) if steps[0].source else []
        needs = {need for step in steps for need in step.needs}
        names, document = called_of(conn, row.id, [key]), document_key(key) or key
        shown = shown_on(conn, row.id, [document, *needs])
        found = compared(before, after)
        people = projects_called(conn, row.id, [steps[0].place]) | vendor_names(conn, row.id, found.parties())
    locked = any(locks(key.kind, Verb(step.verb), body) for step, body in zip(steps, bodies, strict=True))
    changed = [one for one in found.lines if one.mark != "same"]
    return RecordPage(
        plan=plan.hash,
        connection=row.name,
        kind=key.kind,
        id=key.id,
        called=record_called(key, names),
        flow=steps[0].flow,
        source=steps[0].source,
        project=steps[0].place or COMPANY_WIDE,
        steps=[_step(key.kind, step) for step in steps],
        fields=[msgspec.to_builtins(one) for one in found.fields],
        lines=[msgspec.to_builtins(one) for one in changed[:MOST_LINES]],
        unchanged_lines=len(found.lines) - len(changed),
        currency=found.currency,
        known_before=known,
        taken_over=link,
        side=_side(key.kind),
        told=_about(key, steps).kind in SHOWN,
        locks=LOCKS[key.kind] if locked else "",
        needs=sorted((shown[need] for need in needs), key=lambda one: one.text),
        document=shown[document],
        names=people,
        holds=[hold_form(one) for one in waiting if one.released_at is None],
    )


MOST_LINES = 500
"""Changed lines that one page shows."""


def _side(kind: str) -> Literal["IFS", "Procore"]:
    return "IFS" if kind in ERP_KINDS else "Procore"


def _step(kind: str, step: StepLine) -> StepShown:
    return StepShown(
        does=step_words(Verb(step.verb), kind),
        side=_side(kind),
        state=step.state,
        reason=step.reason,
        money=money(step.amount, step.currency),
        recoded=money(step.recoded or None, step.currency),
        answer=step.result,
        reference=step.reference,
    )


def _after(key: Key, steps: Sequence[StepLine], bodies: Sequence[Body]) -> Body:
    """The record as it is once all is done; what the step that says most carries, where none says the whole."""
    base = next((step.base for step in reversed(steps) if step.base), b"")
    if base:
        return unpack(CHANGED_BY.get(key.kind, key.kind), base)
    return max(bodies, key=lambda body: len(getattr(body, "lines", ())))


class _Seeks(NamedTuple):
    """Whose state before a plan is sought: the connection and run of the plan, the record, and what it will be."""

    connection: int
    run: int
    key: Key
    after: Body


def _about(key: Key, steps: Sequence[StepLine]) -> Key:
    """The record that is looked at: of a change order its contract."""
    kind = CHANGED_BY.get(key.kind, key.kind)
    return next((need for step in steps for need in step.needs if need.kind == kind), key) if kind != key.kind else key


def _taken_over(conn: Transaction, connection_id: int, key: Key, steps: Sequence[StepLine]) -> bool:
    """Whether a record is there and had no link before the plan: it is linked or marked by it, and not made."""
    verbs = {step.verb for step in steps}
    if verbs & {"create"} or any(step.counts_as == "created" for step in steps):
        return False
    if any(step.counts_as == "linked" for step in steps):
        return True
    about = _about(key, steps)
    went = any(step.state == "done" for step in steps)
    return not went and about.id not in links.load_links(conn, connection_id, about.kind, [about.id])


def _there(
    conn: Transaction, seeks: _Seeks, steps: Sequence[StepLine], bodies: Sequence[Body]
) -> tuple[Body | None, bool]:
    """What Procore had of a record that is taken over, and whether that is known."""
    about = _about(seeks.key, steps)
    if about.kind not in SHOWN:
        return None, False
    targets = [step.target for step in steps if step.target]
    carried = list(bodies)
    if about != seeks.key:
        own = plan_steps.record_steps(conn, plan_steps.Scene(seeks.connection, seeks.run), about, steps[0].source)
        targets = [step.target for step in own if step.target]
        carried += [unpack(about.kind, step.body) for step in own]
    if not targets:
        return None, False
    filled = [unpack(seeks.key.kind, step.body) for step in steps if step.verb == "fill"]
    written = frozenset(
        line.once_key for one in filled for line in getattr(one, "lines", ()) if hasattr(line, "once_key")
    )
    sought = Sought(seeks.run, steps[0].flow, steps[0].source, targets[0], seeks.after, tuple(carried), written)
    found = there_before(conn, seeks.connection, sought)
    return found, found is not None


def _before(conn: Transaction, connection_id: int, key: Key, steps: Sequence[StepLine]) -> tuple[Body | None, bool]:
    """The record as last agreed before the plan, and whether that is known; a new record has none, and that is known.

    What the link says is of before the plan only as long as no step of it went.
    """
    kind, about = CHANGED_BY.get(key.kind, key.kind), _about(key, steps)
    went = any(step.state == "done" for step in steps)
    if not went:
        link = links.load_links(conn, connection_id, about.kind, [about.id]).get(about.id)
        if link is None:
            return None, True
        return (unpack(kind, link.base), True) if link.base else (None, False)
    if any(step.verb == "create" for step in steps):
        return None, True
    kinds = [kind, *(one for one, of in CHANGED_BY.items() if of == kind)]
    for base in plan_steps.agreed_before(conn, connection_id, steps[0].source, kinds, steps[0].id):
        body = unpack(kind, base)
        if _same_record(body, _after(key, steps, [])):
            return body, True
    return None, False


def _same_record(one: Body, other: Body) -> bool:
    """Whether two agreed records are of one contract: an order has one in each project."""
    return getattr(one, "once_key", "") == getattr(other, "once_key", "")


def changes(app: App, asked: ChangesAsked) -> PlanChanges:
    """What changed between a plan and a later one: by default the one that took its place, or that was approved."""
    row = app.connection(asked.connection)
    with app.db.begin() as conn:
        plan = found_plan(conn, row.id, asked.plan)
        other = asked.other or plans.next_plan(conn, row.id, plan)
        if not other:
            return PlanChanges(plan=plan.hash, other=plan.hash, gone=0, new=0, steps=[])
        later = runs.get_plan(conn, row.id, other)
        numbers, steps = plan_steps.changes(conn, plans.scene_of(conn, row.id, plan), later.run_id)
    return PlanChanges(
        plan=plan.hash,
        other=later.hash,
        gone=numbers.get("before", 0),
        new=numbers.get("after", 0),
        steps=[
            {
                "side": "gone" if one.side == "before" else "new",
                "step": step_words(Verb(one.verb), one.kind),
                "record": one.erp_id,
                "called": record_called(Key(one.kind, one.erp_id)),
                "kind": one.kind,
                "project": one.place or COMPANY_WIDE,
                "money": money(one.amount, one.currency),
                "reason": one.reason,
            }
            for one in steps
        ],
    )
