"""What a person sees of a set-up: its steps and how they stand, both halves, what was found, what may be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import SECRET_FIELDS, ConnectionConfig, config_from
from ml_connector.engine.outline import TOLD
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.text import counted
from ml_connector.planning.first_rights import LEVELS, Level
from ml_connector.planning.first_steps import STEPS, standing
from ml_connector.planning.ownership import MATRIX, Choice, owner_of, value_of
from ml_connector.planning.workbench import acceptable
from ml_connector.service import pairing, pausing, setting_up, starting, surveying
from ml_connector.service.surveying import Checked, Looking
from ml_connector.store import connections, runs, setups
from ml_connector.store.setups import SetupRow
from ml_connector.systems.procore.settings import ENVIRONMENTS, environment_of
from ml_connector.views.plan_standing import STATES
from ml_connector.views.setup_approval import APPROVALS, ApprovalView, approval_of


class StepView(msgspec.Struct, frozen=True):
    """One step: its words, and how it stands (done, undecided, now, open, waits)."""

    key: str
    number: int
    title: str
    sentence: str
    state: str
    said: str
    command: str


class HalfView(msgspec.Struct, frozen=True):
    """One side as it was typed; never its secret, only whether one is kept."""

    side: str
    parts: dict[str, str]
    secret: bool
    company: str
    chosen: bool
    companies: list[tuple[str, str]]
    ok: bool
    """Whether the last sign-in went well; with neither sentence nor companies, nobody tried yet."""
    tried: bool
    sentence: str
    remedy: str
    environment: str
    """Which environment the address is, as far as it tells."""


class SetupView(msgspec.Struct, frozen=True):
    """A set-up on one page."""

    name: str
    title: str
    time_zone: str
    connection: bool
    """Whether it has become a connection."""
    paused: bool
    finished: bool
    begun_by: str
    changed_at: datetime
    now: str
    """Key of the step to do now; empty when all are done."""
    steps: list[StepView]
    halves: dict[str, HalfView]


class SetupRowView(msgspec.Struct, frozen=True):
    """One line of the list of set-ups."""

    name: str
    title: str
    connection: bool
    """Whether it has become a connection."""
    state: str
    done: int
    steps: int
    now: str
    """Title of the step to do now."""
    changed_at: datetime | None


class OwnedView(msgspec.Struct, frozen=True):
    """One line of the ownership matrix, as it is set."""

    flow: str
    what: str
    owner: str
    why: str
    policy: str
    choices: list[Choice]
    several: bool
    chosen: list[str]


class StartView(msgspec.Struct, frozen=True):
    """How far back a connection begins."""

    mode: str
    day: date | None
    window: int
    """Days back by which invoices and payments are looked for."""
    first: date | None
    """Day of the oldest open order the survey saw."""
    usual: int
    """Days back that are usual: what the other ways begin with."""


class ScheduleView(msgspec.Struct, frozen=True):
    """When a connection works by itself, and whether its plans wait for approval."""

    interval: str
    hours: str
    days: str
    time_zone: str
    approve: str
    approved: bool
    """Whether a plan was ever approved, so that it may run by itself."""
    restored: str
    """Who restored a backup for a try; empty while nobody said so."""


class PlanView(msgspec.Struct, frozen=True):
    """The latest plan, if there is one, and whether one is being made."""

    looking: Looking
    plan: str
    state: str
    made_at: datetime | None
    approved: bool
    counts: dict[str, int]
    """How many records it would create, update, take over (`adopted`) and link, and how many it holds: as the plan's
    own page says it."""
    stale: bool
    """Whether it waits, and what it rests on changed after it was begun: settings, mapping, or answers."""
    approval: ApprovalView
    """What became of its approval, or of another plan's."""
    word: str
    """How it stands, as people read it."""
    paired: bool
    """Whether a project is paired, so that there is something to do."""


class LevelsView(msgspec.Struct, frozen=True):
    """What both accounts must be allowed to write, and who said that they looked."""

    levels: list[Level]
    by: str
    """Who looked; empty while nobody has."""
    at: datetime | None


def listed(app: App) -> list[SetupRowView]:
    """Every set-up, the latest changed first."""
    with app.db.begin() as conn:
        names = [row.name for row in setups.listed(conn)]
    return [_line(of(app, name)) for name in names]


def _line(view: SetupView) -> SetupRowView:
    done = sum(step.state == "done" for step in view.steps)
    now = next((step.title for step in view.steps if step.key == view.now), "")
    state = "finished" if view.finished else "under way"
    return SetupRowView(view.name, view.title, view.connection, state, done, len(view.steps), now, view.changed_at)


def of(app: App, name: str) -> SetupView:
    """A set-up as it stands; NothingSuchHere when there is none. A connection that has none shows as if it had."""
    with app.db.begin() as conn:
        row = setups.of(conn, name)
        if row is None:
            row = _never_begun(connections.get(conn, name))
        found = setups.found_at(conn, row.id)
        fields = setups.fields_of(conn, row.id)
    there = app.connection(name) if row.connection_id is not None else None
    config = config_from(there.config) if there else None
    done, said = _done(app, row, config is not None, set(found))
    steps = [
        StepView(
            one.step.key,
            one.number,
            one.step.title,
            one.step.sentence,
            one.state,
            one.said,
            one.step.command.format(name=name).replace("HASH", said.get("plan", "HASH").partition(" ")[0]),
        )
        for one in standing(done, said, row.marks.keys() - done)  # a person went on, and not all is decided
    ]
    return SetupView(
        name=name,
        title=there.title if there else str(row.answers.get("title") or name),
        time_zone=config.connection.time_zone if config else str(row.answers.get("time_zone") or ""),
        connection=config is not None,
        paused=bool(there) and any(one["setting_up"] for one in pausing.paused(app, name)),
        finished=row.finished_at is not None,
        begun_by=row.begun_by,
        changed_at=row.changed_at,
        now=next((step.key for step in steps if step.state == "now"), ""),
        steps=steps,
        halves={side: _half(side, row, config, SECRET_FIELDS[side] in fields) for side in SECRET_FIELDS},
    )


def environments() -> list[dict[str, str]]:
    """Procore's environments by name, with the addresses of their API and their sign-in."""
    return [{"name": name, "url": url, "login_url": login} for url, (name, login) in ENVIRONMENTS.items()]


def check_of(app: App, name: str) -> list[Checked]:
    """What the last check found, what fails first."""
    return sorted(surveying.checked(app, name), key=lambda one: (one.ok, not one.flows))


def matrix_of(app: App, name: str) -> list[OwnedView]:
    """The ownership matrix as the connection has it."""
    policies = config_from(setting_up.connection_of(app, name).config).policy
    return [
        OwnedView(
            line.flow,
            line.what,
            owner_of(line, policies),
            line.why,
            line.policy,
            list(line.choices),
            line.several,
            list(value_of(policies, line.policy)) if line.policy else [],
        )
        for line in MATRIX
    ]


def start_of(app: App, name: str) -> StartView:
    """How far back it begins as things are set."""
    config = config_from(setting_up.connection_of(app, name).config)
    window, usual = config.policy.supplier_invoices.window_days, starting.USUAL_WINDOWS["supplier_invoices"]
    with app.db.begin() as conn:
        row = setups.of(conn, name)
    kept = str(row.answers.get("begins") or "") if row else ""
    mode = "day" if config.connection.go_live else "history" if window > usual or kept == "history" else "open"
    survey = surveying.surveyed(app, name)
    return StartView(mode, config.connection.go_live, window, survey.first if survey else None, usual)


def levels_of(app: App, name: str) -> LevelsView:
    """What both accounts must be allowed to write, which no test can tell, and who looked at it."""
    setting_up.connection_of(app, name)
    with app.db.begin() as conn:
        row = setups.of(conn, name)
    seen = row.marks.get(setups.LEVELS) if row else None
    at = datetime.fromisoformat(seen["at"]) if seen else None
    return LevelsView(list(LEVELS), seen["actor"] if seen else "", at)


def schedule_of(app: App, name: str) -> ScheduleView:
    """When it works by itself as things are set."""
    config = config_from(setting_up.connection_of(app, name).config)
    schedule = config.schedule
    days = schedule.days if isinstance(schedule.days, str) else ",".join(schedule.days)
    return ScheduleView(
        str(schedule.interval),
        schedule.hours,
        "mon-sun" if days == "mon,tue,wed,thu,fri,sat,sun" else days,
        schedule.time_zone or config.connection.time_zone,
        config.policy.purchase_orders.approve,
        starting.was_approved(app, name),
        starting.restored(app, name),
    )


def plan_of(app: App, name: str) -> PlanView:
    """The latest plan of a connection that is being set up; once one was approved, runs that had nothing to do are no
    plan of the set-up any more."""
    row = setting_up.connection_of(app, name)
    approved = starting.was_approved(app, name)
    with app.db.begin() as conn:
        plans = runs.list_plans(conn, row.id)
        full = [one for one in plans if one.summary.get("steps", 1)]
        latest = next(iter(full if approved and full else plans), None)
        overtaken = latest is not None and latest.state == "kept" and setups.overtaken(conn, row.id)
    summary = latest.summary if latest else {}
    counts = {word: int(summary.get("counts", {}).get(word, 0)) for word in TOLD}
    counts["held"] = int(summary.get("held", {}).get("records", 0))
    return PlanView(
        surveying.looking(app, name, "plan"),
        latest.hash if latest else "",
        latest.state if latest else "",
        latest.made_at if latest else None,
        approved,
        counts,
        overtaken,
        approval_of(app, name),
        STATES.get(latest.state, latest.state) if latest else "",
        pairing.any_project(app, name),
    )


def _never_begun(row: connections.ConnectionRow) -> SetupRow:
    return SetupRow(0, row.name, row.id, {}, {}, "", row.created_at, row.updated_at, None)


def _done(app: App, row: SetupRow, connected: bool, found: set[str]) -> tuple[set[str], dict[str, str]]:
    """Which steps are done in fact, and how each stands in a few words."""
    done = {one.key for one in STEPS if one.key in row.marks}
    said: dict[str, str] = {}
    for side in SECRET_FIELDS:
        if connected or (row.answers.get(side) or {}).get("chosen"):
            done.add(side)
    if not connected:
        return done, said
    if "check" in found:
        well, said["rights"] = _tested(app, row)
        done |= {"rights"} if well else set()
    if "survey" in found:
        done.add("survey")
        for step, (decided, rows) in _answered(app, row.name).items():
            said[step] = f"{decided} of {rows} decided"
            if decided < rows:
                done.discard(step)
            elif rows:
                done.add(step)
    plan = plan_of(app, row.name)
    if plan.plan:
        said["plan"] = f"{plan.plan} is {plan.word}" + (", and something changed since" if plan.stale else "")
        if not plan.stale or plan.approved or plan.approval.state:
            done.add("plan")
    said["approve"] = APPROVALS[plan.approval.state]
    if plan.approved:
        done.add("approve")
    return done, said


def _tested(app: App, row: SetupRow) -> tuple[bool, str]:
    """Whether the step of rights is done, and how it stands: what reads is tested, what writes a person looked at."""
    checks = surveying.checked(app, row.name)
    bad, seen = sum(not one.ok for one in checks), setups.LEVELS in row.marks
    if bad:
        return False, f"{counted(bad, 'check')} of {len(checks)} fail"
    return bool(checks) and seen, f"all {len(checks)} pass" + ("" if seen else ", rights to write not looked at yet")


def _answered(app: App, name: str) -> dict[str, tuple[int, int]]:
    """Step of pairs to how many of its rows are decided, and how many there are."""
    survey = surveying.paired(app, name)
    if survey is None:
        return {}
    said = {}
    for step, kind, rows in (("sites", "project", survey.pairs), ("vendors", "vendor", survey.vendors)):
        answers = pairing.decided(app, name, kind)
        said[step] = sum(one.id in answers for one in rows), len(rows)
    return said


def _half(side: str, row: SetupRow, config: ConnectionConfig | None, secret: bool) -> HalfView:
    kept: Mapping[str, Any] = row.answers.get(side) or {}
    reached = kept.get("reached") or {}
    part: dict[str, str] = {}
    names = (
        ("url", "realm", "client_id", "channel") if side == "erp" else ("url", "login_url", "client_id", "company_id")
    )
    for name in names:
        part[name] = str(getattr(getattr(config, side), name) if config else kept.get(name) or "")
    company = str(kept.get("company") or "")
    if config:
        company = config.connection.erp_company if side == "erp" else config.projects.company_id
    return HalfView(
        side=side,
        parts=part,
        secret=secret,
        company=company,
        chosen=config is not None or bool(kept.get("chosen")),
        companies=[(str(one[0]), str(one[1])) for one in reached.get("companies") or ()],
        ok=bool(reached.get("ok")),
        tried=bool(reached),
        sentence=str(reached.get("sentence") or ""),
        remedy=str(reached.get("remedy") or ""),
        environment=environment_of(part["url"]) if side == "projects" and part["url"] else "",
    )


def acceptable_now(app: App, name: str, kind: str, threshold: int) -> int:
    """How many pairs may be accepted in one go at that likeness."""
    survey = surveying.paired(app, name)
    if survey is None:
        raise BadInput("Nobody has looked at both sides yet.", remedy="See first what is there.")
    ours, _ = pairing.pairs_of(survey, kind)
    return len(acceptable(ours, pairing.decided(app, name, kind), threshold))
