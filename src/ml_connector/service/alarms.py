"""What a person must be told: found from one look at the installation, raised while it lasts, told once.

Each kind of alarm has a part in docs/runbook.md under its name: its meaning and its remedy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

from ml_connector.app import App
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.freshness import Freshness
from ml_connector.service.duty import Done, Duty
from ml_connector.service.fresh import Colours, colours
from ml_connector.service.telling import Recipients, tell
from ml_connector.settings import TOKEN_PAIR
from ml_connector.store import alerts
from ml_connector.store.alerts import INSTALLATION, NOTICE, URGENT, WARNING, Alert, AlertRow
from ml_connector.store.signals import Signals, Standing, signals

OURS = (
    "approval",
    "authorization",
    "backlog",
    "breaker",
    "census",
    "hook",
    "parked",
    "silence",
    "stale",
    "unknown",
    "worker",
)
"""Kinds of alarm this module raises and clears; others are raised by whoever meets the cause, and cleared there."""

UNKNOWN_AFTER = timedelta(minutes=30)
"""How long an outcome may stay unknown: the next run reads it back, so that longer means that none comes."""

BACKLOG_AFTER = timedelta(minutes=15)
"""How long an event may wait in the inbox."""

DEAD_AFTER = timedelta(seconds=60)
"""How long a process may give no sign of life before people hear of it; its work was taken over long before."""

_Found = Iterator[tuple[int, Alert]]


def alarms(duty: Duty) -> Done:
    """Looks, raises and clears, and tells what was not told yet: every minute, for the whole installation."""
    app = duty.app
    now = app.clock()
    with app.db.begin() as conn:
        seen = signals(conn)
    fresh = colours(app, seen, now)
    found = {(number, alert.key): alert for number, alert in alerts_of(seen, fresh)}
    found |= {(one.id, alert.key): alert for one in seen.connections for alert in _dead_authorization(app, one)}
    with app.db.begin() as conn:
        for (number, _), alert in sorted(found.items(), key=lambda one: one[0]):
            alerts.raise_alert(conn, number, alert, now)
        alerts.clear_besides(conn, OURS, found.keys(), now)
    failed = _tell(duty, _names(seen), now)
    if _all_well(seen, fresh):
        failed += Recipients.of(app).beat()
    return Done(well=not failed, why="; ".join(failed))


def alerts_of(found: Signals, fresh: Colours) -> _Found:
    """Every alert that stands by what was seen, with its connection's id, 0 for the installation."""
    for one in found.connections:
        alarming = (*_of_connection(found, one), *_late(one, fresh.get(one.name, {})))
        yield from ((one.id, alert) for alert in alarming)
    yield from ((INSTALLATION, alert) for alert in _of_installation(found))


def _of_connection(found: Signals, one: Standing) -> Iterator[Alert]:
    for breaker in one.breakers:
        if breaker.state != "closed":
            yield Alert(
                f"breaker/{breaker.side}",
                URGENT,
                f"{one.name} is paused: {breaker.sentence}",
                breaker.remedy or "It is tried again by itself; see `ml-connector status`.",
            )
    if one.unknown and one.unknown_since and found.at - one.unknown_since > UNKNOWN_AFTER:
        yield Alert(
            "unknown/outcomes",
            URGENT,
            f"{one.name}: what became of {counted(one.unknown, 'write')} has not been known since "
            f"{one.unknown_since:%Y-%m-%d %H:%M} UTC.",
            f"Run `ml-connector sync {one.name}`: it reads back first. If it cannot, mend what it says.",
            "project accountant",
        )
    for plan in one.waiting_plans:
        yield Alert(
            f"approval/{plan}",
            WARNING,
            f"{one.name}: plan {plan} waits for approval: {one.last.error if one.last else ''}".rstrip(": "),
            f"Read it with `ml-connector plan {one.name}`, then `ml-connector sync {one.name} --plan {plan}`.",
            "approver",
        )
    if one.inbox_since and found.at - one.inbox_since > BACKLOG_AFTER and not one.paused:
        yield Alert(
            "backlog/inbox",
            WARNING,
            f"{one.name}: {counted(one.inbox, 'event')} from outside wait since {one.inbox_since:%H:%M} UTC.",
            "See `ml-connector status` and `ml-connector jobs`: a worker may be missing, or the connection is paused.",
        )
    if one.parked:
        yield Alert(
            "parked/jobs",
            URGENT,
            f"{one.name}: {counted(one.parked, 'job')} ended the worker each time and wait for a person.",
            "See `ml-connector jobs`, send us its evidence, then `ml-connector jobs release NUMBER`.",
        )
    broken = one.hooks.get("broken", 0) + one.hooks.get("gone", 0)
    if broken:
        yield Alert(
            "hook/state",
            WARNING,
            f"{one.name}: {counted(broken, 'webhook')} in Procore no longer call us; polling finds the changes later.",
            f"Run `ml-connector webhooks sync {one.name}`.",
        )
    extra = one.census.get("extra", 0)
    if extra:
        yield Alert(
            "census/extra",
            WARNING,
            f"{one.name}: the census found {counted(extra, 'record')} with our mark that nobody here knows.",
            f"Run `ml-connector census {one.name}`: each is named, with what could be meant by it.",
            "project accountant",
        )
    missing = one.census.get("missing", 0)
    if missing:
        yield Alert(
            "census/missing",
            WARNING,
            f"{one.name}: the census did not find {counted(missing, 'record')} that are linked.",
            f"Run `ml-connector census {one.name}` and look each up in its system; nothing is made again by itself.",
            "project accountant",
        )


def _late(one: Standing, fresh: Mapping[str, Freshness]) -> Iterator[Alert]:
    """Flows above or near their target of freshness; where no flow at all has run well, it is silence."""
    excused = one.waiting_plans or "" in one.paused or any(breaker.state != "closed" for breaker in one.breakers)
    if excused or not fresh:
        return
    red = [flow for flow, how in fresh.items() if how.colour == "red"]
    amber = [flow for flow, how in fresh.items() if how.colour == "amber"]
    why = f" {one.last.error}" if one.last and one.last.error else ""
    if len(red) == len(fresh):
        yield Alert(
            "silence/connection",
            URGENT,
            f"{one.name}: nothing has run well for longer than any flow may take. {fresh[red[0]].sentence}{why}",
            "See `ml-connector status` and `ml-connector jobs list`.",
        )
    elif red or amber:
        yield Alert(
            "stale/flows",
            WARNING if red else NOTICE,
            f"{one.name}: {listed(red or amber, 3)} {'is' if len(red or amber) == 1 else 'are'} "
            f"{'above' if red else 'near'} the target of freshness. {fresh[(red or amber)[0]].sentence}{why}",
            "See `ml-connector jobs list`; more workers help where runs wait for each other.",
        )


def _dead_authorization(app: App, one: Standing) -> Iterator[Alert]:
    """The person's authorization is dead, and the service account has taken its place, so that nothing else tells."""
    if TOKEN_PAIR in one.token_at and app.wiring.pair_state(one.id) == "dead":
        yield Alert(
            "authorization/projects",
            WARNING,
            f"{one.name}: the person's authorization in Procore is dead.",
            f"Authorize again and give the new refresh token: `ml-connector connection edit {one.name} --from FILE`.",
        )


def _of_installation(found: Signals) -> Iterator[Alert]:
    alive = [worker for worker in found.workers if found.at - worker.seen_at <= DEAD_AFTER]
    dead = [worker for worker in found.workers if worker not in alive]
    if dead:
        names = listed([f"{worker.kind} {worker.id}" for worker in dead], 3)
        yield Alert(
            "worker/gone",
            WARNING,
            f"{counted(len(dead), 'process', 'processes')} gave no sign of life for a minute: {names}.",
            "Its work was taken over; see why it ended (journalctl, docker logs) and start it again.",
        )
    if found.connections and not any(worker.kind in ("worker", "serve") for worker in alive):
        yield Alert(
            "silence/workers",
            URGENT,
            "No worker is alive: nothing runs for any connection.",
            "Start `ml-connector serve`, or `ml-connector worker` beside the door.",
        )
    if found.parked:
        yield Alert(
            "parked/jobs",
            URGENT,
            f"{counted(found.parked, 'job')} of the installation ended the worker each time and wait for a person.",
            "See `ml-connector jobs`, send us its evidence, then `ml-connector jobs release NUMBER`.",
        )


def digest(duty: Duty) -> Done:
    """Once a day: everything that stands, and what is held, for whom, with the money; nothing to say, nothing sent."""
    app = duty.app
    with app.db.begin() as conn:
        found = signals(conn)
        stand = alerts.standing(conn)
    names, failed = _names(found), list[str]()
    for urls, theirs in Recipients.of(app).groups(names):
        mine = [row for row in stand if row.connection_id in theirs]
        lines = [*_told(mine, names), *_held(found, theirs)]
        said = tell(urls, "ml-connector: what waits for a person", "\n".join(lines)) if lines else []
        if not said:
            with app.db.begin() as conn:
                alerts.mark_told(conn, [row for row in mine if row.told_at is None], app.clock())
        failed += said
    return Done(well=not failed, why="; ".join(failed))


def _held(found: Signals, theirs: Collection[int]) -> Iterator[str]:
    for one in found.connections:
        for held in one.held if one.id in theirs else ():
            money = f", {held.money:,} {held.currency}" if held.currency else ""
            yield (
                f"{one.name}: {counted(held.number, 'hold')} for the {held.owner}: {held.reason}{money}, "
                f"the oldest since {held.oldest:%Y-%m-%d}."
            )


def _told(rows: list[AlertRow], names: Mapping[int, str]) -> Iterator[str]:
    for row in rows:
        where = f"{names[row.connection_id]}, " if row.connection_id in names else ""
        whom = f"for the {row.role}, {where}since {row.first_at:%Y-%m-%d %H:%M} UTC"
        yield f"[{row.severity}] {row.sentence} {row.remedy} ({whom})"


def _tell(duty: Duty, names: Mapping[int, str], now: datetime) -> list[str]:
    """Sends what was not told yet, and what is over; marked in the same transaction, so that two do not tell twice."""
    app = duty.app
    recipients = Recipients.of(app)
    failed: list[str] = []
    with app.db.begin() as conn:
        fresh, gone = alerts.untold(conn), alerts.over(conn)
        for number in sorted({row.connection_id for row in (*fresh, *gone)}):
            mine = [row for row in fresh if row.connection_id == number]
            over = [row for row in gone if row.connection_id == number]
            lines = [*_told(mine, names), *(f"[over] {row.sentence}" for row in over)]
            loud = any(row.severity == URGENT for row in mine)
            title = f"ml-connector {names.get(number, '')}: {'urgent' if loud else 'to do' if mine else 'over'}"
            said = tell(recipients.urls(number), title.replace(" :", ":"), "\n".join(lines))
            failed += said
            if not said:
                alerts.mark_told(conn, (*mine, *over), now)
    return failed


def _all_well(found: Signals, fresh: Colours) -> bool:
    """Whether the heart may beat: a worker lives, and no connection is silent."""
    alive = any(found.at - one.seen_at <= DEAD_AFTER and one.kind in ("worker", "serve") for one in found.workers)
    late = (alert.key for one in found.connections for alert in _late(one, fresh.get(one.name, {})))
    return alive and "silence/connection" not in late


def _names(found: Signals) -> dict[int, str]:
    return {one.id: one.name for one in found.connections}
