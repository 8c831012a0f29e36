"""Finds what no webhook told us: by Procore's own list of deliveries, and by what polling finds without an event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.kernel.errors import BadInput, Bug
from ml_connector.kernel.text import counted
from ml_connector.planning.hints import Naming, Verdict, resource_of
from ml_connector.service import hooking, refusals
from ml_connector.service.duty import Done, Duty
from ml_connector.service.judging import judged, ourselves
from ml_connector.service.payloads import procore_told
from ml_connector.service.timetable import timetable_of
from ml_connector.store import alerts, counters, hooks, inbox, sources
from ml_connector.store.connections import ConnectionRow
from ml_connector.store.heard import Heard, heard
from ml_connector.store.hooks import HookRow
from ml_connector.store.inbox import EventRow
from ml_connector.systems.procore.answers import NotSeen
from ml_connector.systems.procore.webhook import Delivery, Fate, Hooks

LAST, LAST_FULL = "webhooks/sweep", "webhooks/sweep_full"
"""Under which names the moments of the last sweep, and of the last one over all deliveries, are kept."""
SUSPECT, COUNTED = "missed/suspect/", "missed/counted/"
"""Begin of the names under which changes are kept whose webhook may still come, and those that were counted."""
BACK = timedelta(days=1)
"""How far a sweep reaches back over the last: an event is discarded up to 12 hours after it happened."""
FULL_EVERY = timedelta(hours=20)
"""How often all deliveries are compared with the inbox, and not only those Procore says are lost."""
GRACE = timedelta(seconds=15)
"""How long after a change its webhook may come before it counts as missed."""
SLACK = timedelta(seconds=5)
"""By how much an event's moment may lie before that of the change it tells of."""
FORGET = timedelta(days=3)
"""How long a counted change is remembered, so that the sweep does not count it again."""

GIVEN_UP = timedelta(hours=13)
"""How long after it happened an event may be given up for good: twelve hours, and the last pause before."""

_UNPROVED = (401, 404, 410)
"""Answers that say that the header is not ours any more, or the address somebody else's: `webhooks sync` mends it."""


@dataclass
class _Found:
    """What one sweep has found."""

    deliveries: list[tuple[HookRow, Delivery]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def sweep(duty: Duty) -> Done:
    """Puts lost events into the inbox, which causes one run over just these records, and notes hooks that are broken.

    Done is not well when a hook needs a person; `why` says which and what to do. Args: `full` for all deliveries.
    """
    app, row = duty.app, duty.connection
    if row is None:
        raise Bug("A sweep is of a connection.")
    config, now = config_from(row.config), app.clock()
    with app.db.begin() as conn:
        refusals.clear_over(conn, row.id, now)
        rows = [one for one in hooks.of_connection(conn, row.id) if one.source == "procore" and one.remote_id]
        marks = sources.marks(conn, row.id, "webhooks/")
    if not rows:
        return Done(why="no webhook is registered")
    paused = timetable_of(app, row, now).paused("")
    if paused:  # Procore is asked nothing then; the first sweep after it reaches back to the last one
        return Done(why=f"no sweep: paused by {paused.actor}")
    last = _moment(marks.get("sweep")) or _moment(hooking.known(app, row).since) or now
    last_full = _moment(marks.get("sweep_full"))
    full = bool(duty.args.get("full")) or last_full is None or now - last_full >= FULL_EVERY
    since = min(last, last_full or last) if full else last
    found = _Found()
    with app.wiring.asking(row) as sides:
        opened = hooking.opener(sides.projects.system.client, config.webhooks)
        for project in sorted({one.project for one in rows}):
            mine = [one for one in rows if one.project == project]
            _look(duty, opened(project), mine, (since - BACK, full), found)
    kept = _keep(app, row, found.deliveries)
    count_missed(app, row, "", {})
    with app.db.begin() as conn:
        sources.move_watermarks(conn, row.id, {LAST: now.isoformat()} | ({LAST_FULL: now.isoformat()} if full else {}))
        old = sources.marks(conn, row.id, COUNTED)
        forgotten = [f"{COUNTED}{name}" for name, at in old.items() if now - (_moment(at) or now) > FORGET]
        sources.drop_watermarks(conn, row.id, forgotten)
    said = [f"{counted(kept, 'missed event')} found."] if kept else []
    return Done(well=not found.troubles, why=" ".join([*said, *found.troubles]) or "nothing was missed")


def count_missed(app: App, connection: ConnectionRow, flow: str, changed: Mapping[str, datetime | str]) -> int:
    """Counts changes that polling found and of which no event came, although hooks tell of that flow. How many.

    `changed` is `PROJECT/ID` by Procore's ids to the moment of the change, aware or in ISO 8601, as `Report.found` has
    it. A change of just now is remembered and judged by the next call, for its event may be on its way; an empty `flow`
    judges only those. A line's event counts for any record of its project, since not every payload names the record.
    """
    known, now = hooking.known(app, connection), app.clock()
    began = _moment(known.since)
    with app.db.begin() as conn:
        suspects = sources.marks(conn, connection.id, SUSPECT)
        before = sources.marks(conn, connection.id, COUNTED)
    asked = {f"{flow}/{key}": at for key, at in changed.items()} if flow in known.flows else {}
    pending: dict[str, datetime] = {}
    for name, told in [*suspects.items(), *asked.items()]:
        at = told if isinstance(told, datetime) else _moment(told)
        if at and began and at >= began and _moment(before.get(name)) != at:
            pending[name] = at
    if not pending:
        return 0
    with app.db.begin() as conn:
        parts = [name.split("/") for name in pending]
        events = heard(
            conn, connection.id, {one[2] for one in parts}, {one[1] for one in parts}, min(pending.values()) - SLACK
        )
        silent = {name: at for name, at in pending.items() if not _was_told(name, at, events)}
        missed = {name: at for name, at in silent.items() if now - at >= GRACE}
        waiting = {f"{SUSPECT}{name}": at.isoformat() for name, at in silent.items() if name not in missed}
        sources.drop_watermarks(conn, connection.id, {f"{SUSPECT}{name}" for name in suspects} - waiting.keys())
        noted = {f"{COUNTED}{name}": at.isoformat() for name, at in missed.items()}
        sources.move_watermarks(conn, connection.id, waiting | noted)
        counters.bump(conn, connection.id, {counters.RECOVERED: len(missed)})
    return len(missed)


def _was_told(name: str, at: datetime, events: Iterable[Heard]) -> bool:
    """Whether an event tells of that change or of one after it."""
    flow, project, record = name.split("/")
    for event in events:
        resource = resource_of(event.resource)
        if resource is None or resource.flow != flow or event.at < at - SLACK:
            continue
        if event.record == record or (resource.naming is Naming.PARENT and event.project in (project, "")):
            return True
    return False


def _look(duty: Duty, there: Hooks, mine: Iterable[HookRow], since: tuple[datetime, bool], found: _Found) -> None:
    """Notes how the hooks of one scope stand, and takes the deliveries of those that work or worked."""
    app, name = duty.app, duty.connection.name if duty.connection else ""
    moment, full = since
    where = f"of project {there.project}" if there.project else "of the company"
    try:
        shown = {one.id: one for one in there.hooks()}
    except NotSeen as error:
        found.troubles.append(f"The hook {where} cannot be looked at: {error.sentence}")
        return
    for row in mine:
        hook = shown.get(row.remote_id)
        if hook is None:
            _note(app, row, "gone", f"The hook {where} is gone", found)
            continue
        deliveries = there.deliveries(row.remote_id, moment.date(), every=full)
        found.deliveries += [(row, one) for one in deliveries if one.fate is not Fate.UNDER_WAY]
        if not hook.active:
            _note(app, row, "broken", f"The hook {where} was switched off", found)
        elif hook.url != row.url:
            _note(app, row, "broken", f"The hook {where} leads to {urlsplit(hook.url).hostname}", found)
        elif (turned := _turned_away(row, deliveries, app.clock())) in _UNPROVED:
            _note(app, row, "broken", f"Events of the hook {where} were turned away at its address", found)
        elif row.state == "broken":
            found.troubles.append(f"The hook {where} was found broken before: run `ml-connector webhooks sync` on it.")
        elif turned:
            alert = refusals.alert_for(name, turned)
            found.troubles.append(f"Procore has given up events of the hook {where}. {alert.sentence} {alert.remedy}")
            with app.db.begin() as conn:
                alerts.raise_alert(conn, row.connection_id, alert, app.clock())


def _note(app: App, row: HookRow, state: str, sentence: str, found: _Found) -> None:
    found.troubles.append(f"{sentence}: run `ml-connector webhooks sync`.")
    with app.db.begin() as conn:
        hooks.set_state(conn, row.connection_id, row.slug, state)


def _turned_away(row: HookRow, deliveries: Iterable[Delivery], now: datetime) -> int:
    """How the last delivery that was answered, since the hook was last mended, was turned away for good; else 0.

    One for which there is nothing to mend in the hook counts for as long as it is news.
    """
    found, latest = 0, row.synced_at
    for one in deliveries:
        at = _happened(one)
        if at and one.status and (latest is None or at > latest):
            latest, found = at, one.status if one.fate is Fate.LOST else 0
            if found in refusals.STATUSES and now - at > GIVEN_UP:
                found = 0
    return found if found in (*_UNPROVED, *refusals.STATUSES) else 0


def _happened(delivery: Delivery) -> datetime | None:
    try:
        return procore_told(delivery.body).happened_at
    except BadInput:
        return None


def _keep(app: App, row: ConnectionRow, deliveries: Iterable[tuple[HookRow, Delivery]]) -> int:
    """Puts events that the inbox does not have into it, where a flow of ours starts from them. How many."""
    us, now = ourselves(app, row), app.clock()
    found: dict[str, EventRow] = {}
    for hook, one in deliveries:
        try:
            told = procore_told(one.body)
        except BadInput:
            continue
        if judged("sweep", one.body, now, us).verdict is Verdict.LOOK:
            found[told.event] = EventRow(
                connection_id=row.id,
                slug=hook.slug,
                source="sweep",
                event=told.event,
                body=one.body,
                resource=told.resource,
                action=told.action,
                record=told.record,
                project=told.project,
                happened_at=told.happened_at,
            )
    with app.db.begin() as conn:
        seen = inbox.known(conn, row.id, "procore", found) | inbox.known(conn, row.id, "sweep", found)
        counted_before = sources.marks(conn, row.id, COUNTED)
        fresh = [event for name, event in found.items() if name not in seen]
        inbox.keep(conn, fresh)
        told_anew = sum(not _counted(event, counted_before) for event in fresh)
        counters.bump(conn, row.id, {counters.RECOVERED: told_anew})
    return len(fresh)


def _counted(event: EventRow, before: Mapping[str, str]) -> bool:
    """Whether polling found the change before the sweep did."""
    resource = resource_of(event.resource)
    at = _moment(before.get(f"{resource.flow}/{event.project}/{event.record}" if resource else ""))
    return bool(at and event.happened_at and event.happened_at <= at + SLACK)


def _moment(text: str | None) -> datetime | None:
    """A moment as it was kept; None when there is none, or it has no zone."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None
