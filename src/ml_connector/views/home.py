"""Home: whether everything is all right, and why not; one card for each connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import TOKEN_PAIR, TOKENS, config_from
from ml_connector.planning.freshness import Freshness
from ml_connector.planning.plan import HoldReason
from ml_connector.service.alarms import DEAD_AFTER, expected
from ml_connector.service.breaking import SIDES
from ml_connector.service.fresh import POLL, colours
from ml_connector.service.proving import EXPOSURE
from ml_connector.store import agenda, alerts, daily, exposures, run_pages, unsettled
from ml_connector.store.agenda import AgendaRow
from ml_connector.store.alerts import NOTICE, URGENT, AlertRow
from ml_connector.store.connections import ConnectionRow
from ml_connector.store.exposures import ExposureRow
from ml_connector.store.signals import Signals, Standing, signals
from ml_connector.store.unsettled import UnknownRow
from ml_connector.views.days import BEFORE, Day, last_days
from ml_connector.views.held_money import HeldNow, HeldRest, UnknownNow, Waiting, waiting
from ml_connector.views.home_flows import FlowNow, flow_now, unused_flows
from ml_connector.views.verdict import FAILED, GOOD, RETURNED, Facts, Verdict, verdict, worst

OLD = timedelta(days=2)
"""Age from which a figure is too old to be relied on."""
_APPROVAL = "approval/plan"
"""Key of the alert that plans wait, which is a fact of its own."""
_TOLD = {
    "out of reach": ("breaker/",),
    "counted twice": ("exposure/",),
    "late": ("silence/", "stale/"),
    "getting old": ("stale/",),
    "given up": ("parked/",),
    "not known": ("unknown/",),
}
"""Word of the verdict to the beginnings of the keys of alerts that say the same."""


class WindowNow(msgspec.Struct, frozen=True):
    """One window of requests of a side: how many are left of how many, until it begins anew."""

    window: str
    left: int
    of: int
    resets_at: datetime


class SideNow(msgspec.Struct, frozen=True):
    """One of the two systems. `state` is closed (it is called), probing or open (it is not)."""

    side: str
    title: str
    state: str
    sentence: str
    remedy: str
    since: datetime | None
    tried_next: datetime | None
    token_at: datetime | None
    """When its token was sealed last: how old it is."""
    windows: list[WindowNow]


class ExposureNow(msgspec.Struct, frozen=True):
    """The figure as it was last computed; `zero` says whether all of it read 0."""

    at: datetime
    actor: str
    zero: bool
    figures: dict[str, dict[str, str]]
    invoices: int
    lines: int
    found: int
    findings: list[dict[str, str]]
    old: bool
    """Whether it is older than two days."""
    before: bool
    """Whether something was sent to Procore since."""
    tone: str
    word: str
    """What it says of today, in one to three words."""


class AlertNow(msgspec.Struct, frozen=True):
    """One thing to do, with what to do about it."""

    key: str
    severity: str
    sentence: str
    remedy: str
    role: str
    since: datetime


class Card(msgspec.Struct, frozen=True):
    """Everything about one connection that a person must know at once."""

    name: str
    title: str
    verdict: Verdict
    flows: list[FlowNow]
    held: list[HeldNow]
    """The reasons with the most money first."""
    held_rest: HeldRest | None
    """All other reasons together; None when each is named."""
    unknown: UnknownNow | None
    """Writes whose outcome is not known; None when there is none."""
    held_number: int
    held_money: dict[str, str]
    """What is held for all reasons, and what those writes move."""
    exposure: ExposureNow | None
    computing: str
    """Whether somebody asked for it to be computed: `runs`, `waits` (for a worker), or empty."""
    plans: list[str]
    sides: list[SideNow]
    alerts: list[AlertNow]
    more: int
    """How many of them the sentence does not tell of."""
    paused: dict[str, str]
    """Flow (empty for all) to who paused it."""
    setting_up: bool
    """Whether nothing of it runs because it is still being set up."""
    last_well: datetime | None
    running: int
    """The run that is under way; 0 for none."""
    days: list[Day]
    """The last thirty, today included."""


class Home(msgspec.Struct, frozen=True):
    """The whole page."""

    at: datetime
    """The database's clock."""
    verdict: Verdict
    cards: list[Card]
    alerts: list[AlertNow]
    """Those of the installation itself."""
    worker: bool
    """Whether a process that does jobs is alive."""


class _Known(msgspec.Struct, frozen=True):
    """What was looked up for all cards together."""

    found: Signals
    fresh: Mapping[str, Mapping[str, Freshness]]
    stand: list[AlertRow]
    exposures: dict[int, ExposureRow]
    running: dict[int, int]
    computing: dict[int, str]
    lost: dict[int, list[UnknownRow]]
    unused: dict[int, dict[str, str]]
    worker: bool


def home(app: App, name: str = "") -> Home:
    """How everything stands; of one connection when it is named (NothingSuchHere for a name that is not there)."""
    only = app.connection(name).id if name else None
    rows = {row.id: row for row in app.connections()}
    days: dict[int, list[daily.DayRow]] = {}
    with app.db.begin() as conn:
        found = signals(conn, app.clock(), only)
        numbers = [one.id for one in found.connections if one.id in rows]
        known = exposures.latest(conn, numbers)
        running = run_pages.at_work(conn, only)
        stand = alerts.standing(conn)
        computing = {number: _asked(agenda.one(conn, number, EXPOSURE)) for number in numbers}
        lost = {number: unsettled.unknown_writes(conn, number) for number in numbers}
        unused = {n: unused_flows(conn, n, config_from(rows[n].config).policy.budgets.owner) for n in numbers}
        for number in numbers:
            days[number] = daily.days(conn, number, _today(app, rows[number]) - BEFORE)
    alive = any(one.kind in ("worker", "serve") and found.at - one.seen_at <= DEAD_AFTER for one in found.workers)
    all_of_it = _Known(found, colours(app, found, found.now), stand, known, running, computing, lost, unused, alive)
    cards = [_card(app, all_of_it, one, rows[one.id], days[one.id]) for one in found.connections if one.id in rows]
    own = [alert_now(row) for row in stand if row.connection_id == alerts.INSTALLATION]
    return Home(found.at, worst([(card.title or card.name, card.verdict) for card in cards]), cards, own, alive)


def _card(app: App, known: _Known, one: Standing, row: ConnectionRow, days: list[daily.DayRow]) -> Card:
    fresh = known.fresh.get(one.name, {})
    mine = sorted((a for a in known.stand if a.connection_id == one.id), key=lambda a: (a.severity != URGENT, a.key))
    exposure = _exposure(known.exposures.get(one.id), known.found.at, one.sent_at)
    money = waiting(one.held, known.lost.get(one.id, []))
    said = verdict(_facts(known, one, mine, exposure, money))
    return Card(
        name=one.name,
        title=row.title,
        verdict=said,
        flows=[
            flow_now(due, fresh, one, known.unused.get(one.id, {})) for due in one.agenda if due.name.startswith(POLL)
        ],
        held=money.named,
        held_rest=money.rest,
        unknown=money.lost,
        held_number=money.number,
        held_money=money.together,
        exposure=exposure,
        computing=known.computing.get(one.id, ""),
        plans=one.waiting_plans,
        sides=[side_now(known.found, one, side) for side in SIDES],
        alerts=[alert_now(alert) for alert in mine],
        more=_untold(said, mine),
        paused=one.paused,
        setting_up=one.setting_up,
        last_well=one.last.well_at if one.last else None,
        running=known.running.get(one.id, 0),
        days=last_days(days, _today(app, row)),
    )


def _facts(
    known: _Known,
    one: Standing,
    mine: list[AlertRow],
    exposure: ExposureNow | None,
    money: Waiting,
) -> Facts:
    broken = next((b for b in one.breakers if b.state != "closed"), None)
    fresh = expected(one, known.fresh.get(one.name, {}))
    ran = {due.name.removeprefix(POLL) for due in one.agenda if due.well_at}
    urgent = next((a.sentence for a in mine if a.severity == URGENT), "")
    warnings = (a.sentence for a in mine if a.severity not in (URGENT, NOTICE) and a.key != _APPROVAL)
    return Facts(
        worker=known.worker,
        broken=f"{SIDES[broken.side]} is not called: {broken.sentence}" if broken else "",
        exposure=_figure(exposure, "exposure"),
        exposure_known=exposure is not None,
        exposure_old=f"{(known.found.at - exposure.at).days} days ago" if exposure and exposure.old else "",
        exposure_before=exposure is not None and exposure.before,
        missing=_figure(exposure, "missing"),
        hidden=sum(held.number for held in one.held if held.reason == HoldReason.PROJECT_HIDDEN.value),
        urgent=urgent,
        warning=next(warnings, ""),
        paused=one.paused.get("", ""),
        setting_up=one.setting_up,
        late=tuple(flow for flow, how in fresh.items() if how.colour == "red"),
        aging=tuple(flow for flow, how in fresh.items() if how.colour == "amber"),
        never=tuple(flow for flow in fresh if flow not in ran),
        paused_flows=tuple((flow, who) for flow, who in sorted(one.paused.items()) if flow),
        plans=len(one.waiting_plans),
        parked=one.parked,
        scheduled=any(due.name.startswith(POLL) for due in one.agenda),
        unknown=money.lost.number if money.lost else 0,
        unknown_money=_amounts(money.unknown),
        held=money.number,
        held_money=_amounts(money.held),
    )


def _amounts(sums: Mapping[str, Decimal]) -> tuple[str, ...]:
    return tuple(f"{amount:,} {currency}" for currency, amount in sums.items())


def _untold(said: Verdict, mine: Sequence[AlertRow]) -> int:
    """How many alerts the sentence does not tell of; that a plan waits is told beside it, by a button."""
    left = [alert for alert in mine if alert.key != _APPROVAL]
    told = next((alert for alert in left if alert.sentence == said.sentence), None)
    kinds = _TOLD.get(said.word, ())
    told = told or next((alert for alert in left if alert.key.startswith(kinds)), None)
    return len(left) - (told is not None)


def _figure(exposure: ExposureNow | None, name: str) -> str:
    """One of the figures as people read it; nothing when it is 0 or was never computed."""
    figures = exposure.figures[name] if exposure else {}
    return " and ".join(f"{Decimal(figure):,} {currency}" for currency, figure in figures.items() if Decimal(figure))


def _asked(row: AgendaRow | None) -> str:
    """How a job stands that is done only when somebody asks for it."""
    if row is None or row.parked_id:
        return ""
    return "runs" if row.running_job else "waits" if row.waiting_job or row.due_at else ""


def side_now(found: Signals, one: Standing, side: str) -> SideNow:
    """How one system (erp or projects) of a connection stands."""
    breaker = next((b for b in one.breakers if b.side == side), None)
    now = found.at.timestamp()
    windows = [
        WindowNow(w.window, int(w.left_over), int(w.most), datetime.fromtimestamp(w.resets_at, found.at.tzinfo))
        for w in one.windows
        if w.side == side and w.resets_at > now and w.window != "hold"
    ]
    return SideNow(
        side=side,
        title=SIDES[side],
        state=breaker.state if breaker else "closed",
        sentence=breaker.sentence if breaker and breaker.state != "closed" else "",
        remedy=breaker.remedy if breaker and breaker.state != "closed" else "",
        since=breaker.since if breaker and breaker.state != "closed" else None,
        tried_next=breaker.probe_at if breaker and breaker.state != "closed" else None,
        token_at=one.token_at.get(TOKENS[side]) or (one.token_at.get(TOKEN_PAIR) if side == "projects" else None),
        windows=windows,
    )


def _exposure(row: ExposureRow | None, now: datetime, sent_at: datetime | None) -> ExposureNow | None:
    if row is None:
        return None
    zero = not any(Decimal(figure) for figure in row.figures["exposure"].values())
    whole = not any(Decimal(figure) for figure in row.figures["missing"].values())
    old = now - row.at > OLD
    before = sent_at is not None and row.at < sent_at
    tone, word = GOOD, "Read 0" if before else "Reads 0"
    if not zero:
        tone, word = FAILED, "Not 0"
    elif old or not whole:
        tone, word = RETURNED, "Not known today" if old else "Money missing"
    return ExposureNow(
        at=row.at,
        actor=row.actor,
        zero=zero,
        figures=row.figures,
        invoices=row.invoices,
        lines=row.lines,
        found=row.found,
        findings=row.findings[:20],
        old=old,
        before=before,
        tone=tone,
        word=word,
    )


def alert_now(row: AlertRow) -> AlertNow:
    """An alert as pages show it."""
    return AlertNow(row.key, row.severity, row.sentence, row.remedy, row.role, row.first_at)


def _today(app: App, row: ConnectionRow) -> date:
    """What day it is where the connection is."""
    return app.clock().astimezone(ZoneInfo(config_from(row.config).connection.time_zone)).date()
