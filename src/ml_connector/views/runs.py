"""Runs: the list of them, and one from its first step to its control totals, while it goes and afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from ml_connector.app import App
from ml_connector.engine.totals import FATES, balanced
from ml_connector.kernel.keys import Key
from ml_connector.queue.port import Queue
from ml_connector.queue.procrastinate_queue import ProcrastinateQueue
from ml_connector.registry import FLOWS
from ml_connector.service.breaking import SIDES
from ml_connector.store import (
    identities,
    lock,
    paces,
    progress,
    queue_rows,
    run_documents,
    run_pages,
    runs,
)
from ml_connector.store.bulk import Transaction
from ml_connector.store.progress import ProgressRow
from ml_connector.store.run_pages import Listed, Place, Wanted
from ml_connector.store.runs import RunRow
from ml_connector.views.called import Shown, shown_on
from ml_connector.views.listing import Column, Listing, Look, Words, listing
from ml_connector.views.typed import plain

STATES = ("running", "done", "stopped", "failed")
"""How a run stands: under way, well, stopped for a person, or broken off."""

SILENT = timedelta(minutes=1)
"""For how long a run that nobody does may have said nothing before it is told as lost: else one speaks each second."""

RunNumber = Annotated[int, msgspec.Meta(ge=1, le=2**62)]
"""Number of a run."""

FATE_TITLES = {
    "came": "In",
    "out": "Out",
    "held": "Held",
    "refused": "Refused",
    "unknown": "Unknown",
    "left": "Left",
}
"""What a list of runs tells of the control totals of each, in count and in money: the name to what people read."""
NO_CHANGE = ("skipped", "gone", "unchanged")
"""What came in and needed nothing: a list of runs tells their sum, so that what came in is the sum of what it tells."""

BEGUN = {
    "sync": "on the command line",
    "plan": "to make a plan",
    "person": "by hand",
    "schedule": "by schedule",
    "webhook": "by webhook",
    "replay": "as a replay",
}
"""Trigger of a run to how people say it began."""

_COLUMNS = (
    Column("run", "Run", "link", sortable=True),
    Column("state", "State", "state", sortable=True),
    Column("started", "Started", "moment", sortable=True),
    Column("took", "Seconds", "number", sortable=True),
    Column("trigger", "Trigger", sortable=True),
    Column("actor", "By", sortable=True),
    Column("flows", "Flows"),
    *(Column(name, title, "number") for name, title in FATE_TITLES.items()),
    Column("no_change", "No change", "number"),
    Column("totals", "Totals", "state"),
    *(Column(f"{name}_money", f"{title}, money", "money") for name, title in FATE_TITLES.items()),
    Column("requests", "Requests", "number"),
    Column("error", "Said"),
)


class RunsLook(Look, frozen=True, kw_only=True):
    """Which runs of a connection; an empty filter leaves none out."""

    connection: str
    state: Words = ""
    trigger: Words = ""
    flow: Words = ""
    actor: Words = ""


class FlowTotals(msgspec.Struct, frozen=True):
    """The control totals of one flow: `came` = the sum of the others + `off`, which must be 0."""

    flow: str
    came: int
    out: int
    held: int
    refused: int
    unknown: int
    left: int
    skipped: int
    gone: int
    unchanged: int
    off: int
    examples: list[str]
    """Some of what is not accounted for."""
    money: list[MoneyTotals]


class MoneyTotals(msgspec.Struct, frozen=True):
    """The same in money of one currency, as exact text."""

    currency: str
    came: str
    out: str
    held: str
    refused: str
    unknown: str
    left: str
    off: str


class SideUse(msgspec.Struct, frozen=True):
    """What one side was asked in a run, how often it put us off, and what is left of its windows now."""

    side: str
    title: str
    read: int
    write: int
    pauses: dict[str, int]
    """What it said to how often: slow down, away, locked, no answer."""
    windows: list[dict[str, Any]]
    """Of each: window, left, of, resets_at."""


class Skipped(msgspec.Struct, frozen=True):
    """What was left alone for one reason."""

    flow: str
    sentence: str
    number: int
    records: list[str]
    shown: list[Shown] = []
    """The same as people call them, with the document whose page shows each."""


class RunPage(msgspec.Struct, frozen=True):
    """One run as its page shows it."""

    run: int
    connection: str
    state: str
    trigger: str
    actor: str
    flows: list[str]
    started: datetime
    finished: datetime | None
    seconds: float
    plan: str
    mapping_version: int
    error: str
    phase: str
    step: str
    done: int
    of: int
    told_at: datetime | None
    """When the run last said how far it is."""
    planned: dict[str, str]
    applied: dict[str, str]
    sides: list[SideUse]
    totals: list[FlowTotals]
    balanced: bool | None
    """Whether every flow accounts for all that came in; None where a run kept no totals."""
    skips: list[Skipped]
    job: int
    """The job that does it, while it is under way and can be cancelled; 0 else."""
    stopping: bool
    """Whether somebody asked it to stop already."""
    lost: bool
    """Whether nobody does it any more, though it never ended: its process is gone, and has said nothing for a while."""
    recoded: dict[str, str]
    """What was planned to go from some codes to others, and is in no net amount."""
    recoded_applied: dict[str, str]
    currency: str
    """Of the company in IFS; empty before the first run has asked."""
    documents: bool = False
    """Whether its documents are kept one by one: those of a run from before an upgrade are not."""


def listed(app: App, look: RunsLook) -> Listing:
    """A page of a connection's runs, the newest first where no order is asked for."""
    row = app.connection(look.connection)
    wanted = Wanted(row.id, *map(plain, (look.state, look.trigger, look.flow, look.actor)))
    with app.db.begin() as conn:
        found = run_pages.found(conn, wanted, Place(look.sort, look.down, look.page, look.size))
        starters = run_pages.starters(conn, row.id)
        now = run_pages.now(conn)
    choices = {
        "state": STATES,
        "trigger": sorted({trigger for trigger, _ in starters}),
        "flow": tuple(FLOWS),
        "actor": sorted({actor for _, actor in starters}),
    }
    return listing(_COLUMNS, (_row(look.connection, one, now) for one in found), look, choices)


def one(app: App, name: str, number: int) -> RunPage:
    """One run; NothingSuchHere when the connection has none of that number."""
    row = app.connection(name)
    queue: Queue = ProcrastinateQueue()
    with app.db.begin() as conn:
        run = runs.get_run(conn, row.id, number)
        told = progress.of(conn, number)
        skips = _skips(conn, row.id, told)
        documents = run_documents.kept(conn, number)
        now = run_pages.now(conn)
        lost = _lost(conn, run, told, now)
        erp = identities.of(conn, row.id).get("erp")
        pacing = {side: paces.of(conn, row.id, side, now.timestamp()) for side in SIDES}
        jobs = []
        mine = told.doing.get("job") if told else 0
        if run.finished_at is None and mine:  # a run that a dead process left behind is nobody's any more
            with queue_rows.session(conn) as session:
                jobs = [job for job in queue.listed(session) if job.id == mine and job.at_work]
    doing = told.doing if told else {}
    totals = told.totals if told else {}
    job = jobs[0] if jobs and run.state == "running" else None
    return RunPage(
        run=run.id,
        connection=name,
        state=run.state,
        trigger=run.trigger,
        actor=run.actor,
        flows=run.flows,
        started=run.started_at,
        finished=run.finished_at,
        seconds=round(((run.finished_at or now) - run.started_at).total_seconds(), 1),
        plan=run.plan_hash,
        mapping_version=run.mapping_version,
        error=run.error,
        phase=str(doing.get("phase", "")),
        step=str(doing.get("step", "")),
        done=int(doing.get("done", 0)),
        of=int(doing.get("of", 0)),
        told_at=told.at if told else None,
        planned=dict(doing.get("planned", {})),
        applied=dict(doing.get("applied", {})),
        recoded=dict(doing.get("recoded", {})),
        recoded_applied=dict(doing.get("recoded_applied", {})),
        sides=[_side(side, run, doing, pacing[side]) for side in SIDES],
        totals=[_totals(flow, totals[flow]) for flow in FLOWS if flow in totals],
        balanced=balanced(totals) if totals else None,
        skips=skips,
        job=job.id if job else 0,
        stopping=bool(job and job.aborted),
        lost=lost,
        currency=erp.facts.get("company currency", "") if erp else "",
        documents=documents,
    )


def _lost(conn: Transaction, run: RunRow, told: ProgressRow | None, now: datetime) -> bool:
    """Whether a run that never ended has lost its process: nobody has the right to write, and it is silent."""
    if run.state != "running" or now - (told.at if told else run.started_at) < SILENT:
        return False
    return not lock.held(conn, run.connection_id)


def _row(connection: str, one: Listed, now: datetime) -> dict[str, Any]:
    used = one.requests or one.doing.get("requests", {})
    counts = _counts(one)
    return {
        "run": {"href": f"/c/{connection}/runs/{one.id}", "text": str(one.id)},
        "number": one.id,
        "state": one.state,
        "started": one.started_at,
        "took": round(((one.finished_at or now) - one.started_at).total_seconds(), 1),
        "trigger": one.trigger,
        "actor": one.actor,
        "flows": "all" if len(one.flows) == len(FLOWS) else ", ".join(flow.replace("_", " ") for flow in one.flows),
        **counts,
        "totals": _verdict(one, counts["unknown"] or 0),
        **_money(one),
        "requests": sum(number for kinds in used.values() for number in kinds.values()),
        "error": one.error,
    }


def _counts(one: Listed) -> dict[str, int | None]:
    """What came in and what became of it; of a run without control totals what its counts say."""
    if one.totals:
        kept = [{**totals, "came": totals["in"]} for totals in one.totals.values()]
        told = {name: sum(int(totals.get(name, 0)) for totals in kept) for name in (*FATE_TITLES, *NO_CHANGE)}
        return {**{name: told[name] for name in FATE_TITLES}, "no_change": sum(told[name] for name in NO_CHANGE)}
    sums = {
        name: sum(int(counts.get(name, 0)) for counts in one.counts.values())
        for name in ("created", "updated", "linked", "refused", "unknown")
    }
    known: dict[str, int | None] = {
        "out": sums["created"] + sums["updated"] + sums["linked"],
        "refused": sums["refused"],
        "unknown": sums["unknown"],
    }
    return {name: known.get(name) for name in (*FATE_TITLES, "no_change")}


def _money(one: Listed) -> dict[str, list[dict[str, str]]]:
    """The money of all flows by currency, for each of the same; what is 0 is left out."""
    found: dict[str, dict[str, Decimal]] = {name: {} for name in FATE_TITLES}
    for totals in one.totals.values():
        for currency, sums in totals["money"].items():
            for name, kept in found.items():
                kept[currency] = kept.get(currency, Decimal(0)) + Decimal(sums[_kept_as(name)])
    return {
        f"{name}_money": [{"amount": str(amount), "currency": currency} for currency, amount in kept.items() if amount]
        for name, kept in found.items()
    }


def _verdict(one: Listed, unknown: int) -> dict[str, str] | None:
    """Whether all that came in is accounted for: red where not, yellow while the fate of some is not known."""
    if not one.totals:
        return None
    if not balanced(one.totals):
        return {"state": "failed", "word": "Differs"}
    return {"state": "returned", "word": f"{unknown:,} unknown"} if unknown else {"state": "good", "word": "Balanced"}


def _kept_as(name: str) -> str:
    return "in" if name == "came" else name


def _side(side: str, run: RunRow, doing: dict[str, Any], windows: list[paces.PaceRow]) -> SideUse:
    used = (run.requests or doing.get("requests", {})).get(side, {})
    return SideUse(
        side=side,
        title=SIDES[side],
        read=int(used.get("read", 0)),
        write=int(used.get("write", 0)),
        pauses=dict(doing.get("pauses", {}).get(side, {})),
        windows=[
            {
                "window": one.window,
                "left": int(one.left_over),
                "of": int(one.most),
                "resets_at": datetime.fromtimestamp(one.resets_at, run.started_at.tzinfo),
            }
            for one in windows
            if one.window != "hold"
        ],
    )


def _totals(flow: str, kept: dict[str, Any]) -> FlowTotals:
    money = [
        MoneyTotals(
            currency=currency,
            came=sums["in"],
            **{name: sums[name] for name in ("out", "held", "refused", "unknown", "left", "off")},
        )
        for currency, sums in sorted(kept["money"].items())
    ]
    counts = {fate: int(kept[fate]) for fate in FATES}
    return FlowTotals(flow=flow, came=kept["in"], **counts, off=kept["off"], examples=kept["examples"], money=money)


def _skips(conn: Transaction, connection_id: int, told: ProgressRow | None) -> list[Skipped]:
    kept = [(flow, one) for flow, reasons in (told.skips if told else {}).items() for one in reasons]
    keys = {record: Key(*record.split(":", 1)) for _, one in kept for record in one["records"] if ":" in record}
    shown = shown_on(conn, connection_id, keys.values())
    return [
        Skipped(flow, **one, shown=[shown[keys[it]] if it in keys else Shown(it) for it in one["records"]])
        for flow, one in kept
    ]


def sums(totals: list[FlowTotals]) -> list[MoneyTotals]:
    """The money of all flows together, by currency."""
    found: dict[str, dict[str, Decimal]] = {}
    for flow in totals:
        for one in flow.money:
            kept = found.setdefault(one.currency, {})
            for name in ("came", "out", "held", "refused", "unknown", "left", "off"):
                kept[name] = kept.get(name, Decimal(0)) + Decimal(getattr(one, name))
    return [
        MoneyTotals(currency, **{name: str(amount) for name, amount in kept.items()})
        for currency, kept in sorted(found.items())
    ]
