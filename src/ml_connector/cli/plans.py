"""Commands that look at plans: which there are, one by project and cost code, one record of it, what changed."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from ml_connector.cli.output import Output
from ml_connector.cli.running import Chosen, MaybeName
from ml_connector.cli.session import session_of
from ml_connector.cli.telling import amount
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.text import counted
from ml_connector.planning.approving import COMPANY_WIDE
from ml_connector.service import approving
from ml_connector.views import plan_held, plan_records
from ml_connector.views import plans as views
from ml_connector.views.plan_held import HeldLook
from ml_connector.views.plan_left import Stayed
from ml_connector.views.plan_records import ChangesAsked, PlanChanges, RecordAsked, RecordPage, RecordsLook
from ml_connector.views.plan_standing import BEGAN, OPEN, WORDS
from ml_connector.views.plans import Meter, PlanAsked, PlanPage, PlansLook


def plans(
    ctx: typer.Context,
    name: MaybeName = "",
    connection: Chosen = "",
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 20,
    automatic: Annotated[
        bool | None,
        typer.Option(
            "--automatic/--by-approval", help="Let plans go by themselves from now on, or have each approved."
        ),
    ] = None,
) -> None:
    """List the plans of a connection, newest first, and how many approved ones in a row went clean."""
    session = session_of(ctx)
    with session.app() as app:
        picked = session.pick(app, name, connection)
        if automatic is not None:
            approving.let_go(app, picked, automatic=automatic)
        found = views.listed(app, PlansLook(connection=picked, size=limit))
        meter = views.meter(app, picked)

    def human(out: Output) -> None:
        rows = [
            (
                row["plan"]["text"],
                row["made_at"],
                row["stands"]["word"],
                row["asked_by"],
                row["what"],
                ", ".join(_money(one) for one in row["money"]),
                row["approved_by"],
            )
            for row in found.rows
        ]
        headers = ("plan", "made", "state", "asked for by", "what", "money", "approved by")
        out.table(headers, rows, right=("money",), empty="No plan yet. Next: ml-connector plan NAME")
        out.line()
        out.line(_trust(meter))

    session.out.answer({"connection": picked, "plans": found.rows, "meter": msgspec.to_builtins(meter)}, human)


def show_plan(
    ctx: typer.Context,
    plan: Annotated[str, typer.Argument(metavar="HASH", help="Hash of the plan, or the beginning of it.")],
    connection: Chosen = "",
    records: Annotated[bool, typer.Option("--records", help="List its records instead.")] = False,
    project: Annotated[str, typer.Option("--project", help="With --records: only of this project.")] = "",
    record: Annotated[
        str, typer.Option("--record", metavar="KIND:ID", help="Show one record field by field, before and after.")
    ] = "",
    held: Annotated[bool, typer.Option("--held", help="List what was held beside it; with --project of one.")] = False,
    changes: Annotated[bool, typer.Option("--changes", help="Show what changed since in the plan after it.")] = False,
) -> None:
    """Show a plan: what it does by project and cost code, what became of it, and who approved what of it."""
    session = session_of(ctx)
    with session.app() as app:
        picked = session.pick(app, connection)
        if record:
            kind, mark, number = record.partition(":")
            if not mark:
                raise BadInput(f"{record!r} is no record.", remedy="Write it as commitment:P100001@1201.")
            one = plan_records.record(app, RecordAsked(connection=picked, plan=plan, kind=kind, id=number))
            session.out.answer(msgspec.to_builtins(one), lambda out: _tell_record(out, one))
        elif changes:
            found = plan_records.changes(app, ChangesAsked(connection=picked, plan=plan))
            session.out.answer(msgspec.to_builtins(found), lambda out: _tell_changes(out, found))
        elif held:
            beside = plan_held.held(app, HeldLook(connection=picked, plan=plan, project=project, size=500))
            session.out.answer(
                {"connection": picked, "held": beside.rows, "more": beside.more},
                lambda out: _tell_held(out, beside.rows),
            )
        elif records:
            look = RecordsLook(connection=picked, plan=plan, project=project, size=500)
            listing = plan_records.records(app, look)
            answer = {"connection": picked, "records": listing.rows, "more": listing.more}
            session.out.answer(answer, lambda out: _tell_records(out, listing.rows))
        else:
            page = views.shown(app, PlanAsked(connection=picked, plan=plan))
            session.out.answer(msgspec.to_builtins(page), lambda out: _tell_plan(out, page))


_CALLED = {"adopted": "taken over"}
"""What is counted, to its word where people have another."""


def _tell_plan(out: Output, page: PlanPage) -> None:
    out.line(f"Plan {page.plan}: {WORDS[page.stands]}", "bold")
    asked = page.asked_by or BEGAN.get(page.trigger, page.trigger)
    counts = ", ".join(f"{number:,} {_CALLED.get(what, what)}" for what, number in page.counts.items() if number)
    out.facts(
        [
            ("made", page.made_at),
            ("asked for by", asked),
            ("run", page.run),
            ("found again", f"{page.again_at:%Y-%m-%d %H:%M} UTC, run {page.again_run}" if page.again_at else ""),
            ("records", counts),
            ("planned, all flows", _sums(page.moved)),
            ("net", _sums(page.planned) if page.planned != page.moved else ""),
            ("moves between codes", _sums(page.recoded)),
            ("of that applied", _sums(page.recoded_applied)),
            ("held, not in it", f"{page.held:,} {_sums(page.held_money)}".strip()),
            ("Procore locks", ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in page.locked.items())),
            ("codes without budget", page.unbudgeted),
            ("four eyes", f"over {page.limit}: {', '.join(page.four_eyes)}" if page.four_eyes else ""),
        ]
    )
    headers = ("project", "flow", "created", "updated", "taken over", "linked", "planned", "applied", "state")
    rows = [
        (
            part.name if part.project == COMPANY_WIDE else f"{part.project} {part.name}".strip(),
            one.flow,
            *(one.counts[what] for what in ("created", "updated", "adopted", "linked")),
            _sums(one.planned),
            _sums(one.applied),
            "waits" if part.waits else ", ".join(f"{number} {state}" for state, number in one.states.items()),
        )
        for part in page.projects
        for one in part.flows
    ]
    out.heading("By project")
    out.table(headers, rows, right=headers[2:8], empty="Nothing is to be done.")
    waiting = [(p.name or p.project, p.held, _sums(p.held_money)) for p in page.projects if p.held]
    if waiting:
        out.heading("Held, not in the plan")
        out.table(("project", "records", "money"), waiting, right=("records", "money"))
    out.heading("By project and cost code")
    codes = [
        (p.project, c.code, c.flow, amount(c.planned, c.currency), amount(c.applied, c.currency))
        for p in page.projects
        for c in p.codes
    ]
    heads = ("project", "cost code", "flow", "planned", "applied")
    out.table(heads, codes, right=heads[3:], empty="No money is moved.")
    for one in page.approvals:
        what = ", ".join(one.projects) or "the whole plan"
        out.line(f"Approved by {one.actor}: {what} (run {one.run}).", "green")
    out.line()
    for left in page.stayed:
        why = left.sentence if left.records == 1 or not left.reason else f"for example: {left.sentence}"
        what = f"{left.project} {left.flow.replace('_', ' ')}, {left.records} records"
        out.line(f"Did not go: {what} ({_left(left)}). {why}")
    if page.sends:
        out.line(f"{page.sent_by} approved plan {page.sends}: this is what was sent of it.")
    elif page.newer and page.stands == "short":
        out.line(f"A part of it was sent; the rest is in plan {page.newer}. See `--changes`.", "yellow")
    elif page.newer:
        out.line(f"Another plan took its place: {page.newer}. See `--changes`.", "yellow")
    elif page.stands in OPEN:
        out.line(f"Next: ml-connector sync {page.connection} --plan {page.plan}, with --project for a part of it.")


def _left(left: Stayed) -> str:
    between = f"{_sums(left.recoded)} moves between codes" if left.recoded else ""
    return "; ".join(one for one in (_sums(left.money), between) if one) or "no money"


def _tell_records(out: Output, rows: list[dict[str, Any]]) -> None:
    shown = [
        (f"{r['kind_key']}:{r['record']}", r["what"], _money(r["money"]), _money(r["recoded"]), r["state"], r["reason"])
        for r in rows
    ]
    headers = ("record", "what", "money", "moves between codes", "state", "why")
    out.table(headers, shown, right=headers[2:4], empty="The plan does nothing here.")


def _tell_held(out: Output, rows: list[dict[str, Any]]) -> None:
    shown = [(r["called"], r["where"], _money(r["money"]), r["means"], r["sentence"]) for r in rows]
    out.table(("record", "project", "money", "why", "in words"), shown, right=("money",), empty="Nothing was held.")


def _tell_record(out: Output, page: RecordPage) -> None:
    out.line(f"{page.kind.replace('_', ' ')} {page.id} in plan {page.plan}", "bold")
    if page.taken_over:
        out.line(f"It is in {page.side} already, and is taken over, not made again.")
        if not page.known_before:
            why = "is not shown for this kind of record" if not page.told else "is kept no longer"
            out.line(f"What {page.side} had {why}: everything is shown as it will be.", "dim")
    steps = [(s.does, s.side, s.state, _money(s.money), s.reason, s.answer) for s in page.steps]
    out.table(("step", "in", "state", "money", "why", "answer"), steps, right=("money",))
    out.heading("What changes")
    headers = ("field", f"in {page.side}" if page.taken_over else "as agreed", "as planned")
    fields = [(one["name"], one["before"], one["after"]) for one in page.fields if one["mark"] != "same"]
    out.table(headers, fields, empty="No field of its own.")
    for line in page.lines:
        out.heading(f"Line {line['line']}: {line['mark']}")
        out.table(headers, [(f["name"], f["before"], f["after"]) for f in line["fields"] if f["mark"] != "same"])
    if page.locks:
        out.line(f"Procore locks it: {page.locks}", "yellow")


def _tell_changes(out: Output, found: PlanChanges) -> None:
    gone, new = counted(found.gone, "step"), counted(found.new, "step")
    out.line(f"From plan {found.plan} to plan {found.other}: {gone} not planned any more, {new} new.", "bold")
    rows = [(s["side"], s["step"], s["record"], s["project"], _money(s["money"]), s["reason"]) for s in found.steps]
    headers = ("change", "step", "record", "project", "money", "why")
    out.table(headers, rows, right=("money",), empty="Nothing changed.")


def _trust(meter: Meter) -> str:
    if meter.automatic:
        return "Plans go by themselves; --by-approval has each wait again."
    offer = " They may go by themselves: --automatic." if meter.offers else ""
    return f"{counted(meter.clean, 'approved plan')} in a row went clean, of {meter.wanted} wanted.{offer}"


def _money(cell: dict[str, str] | None) -> str:
    return amount(cell["amount"], cell["currency"]) if cell else ""


def _sums(sums: dict[str, str]) -> str:
    return ", ".join(amount(one, currency) for currency, one in sums.items())
