"""What a person must be told: found from one look at the installation, raised while it lasts, told once an address.

Each kind of alarm has a part in docs/runbook.md under its name: its meaning and its remedy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from ml_connector.app import App
from ml_connector.connection_file import TOKEN_PAIR
from ml_connector.engine.gate import brakes_of
from ml_connector.kernel.errors import ConnectorError
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.due import next_nightly
from ml_connector.planning.freshness import Freshness
from ml_connector.planning.schedule import Schedule
from ml_connector.service.duty import Done, Duty
from ml_connector.service.fresh import Colours, colours
from ml_connector.service.telling import Recipients, mark, tell
from ml_connector.store import alerts, connections
from ml_connector.store.alerts import INSTALLATION, NOTICE, URGENT, WARNING, Alert, AlertRow
from ml_connector.store.signals import Signals, Standing, signals, works

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

_NO_WORKER = Alert(
    "silence/workers",
    URGENT,
    "No worker is alive: nothing runs for any connection.",
    "Start `ml-connector serve`, or `ml-connector worker` beside the door.",
)
_AGAIN = timedelta(minutes=1)
"""When a digest is sent again to the addresses that did not take it."""
_DIGEST = "ml-connector: what waits for a person"

_Found = Iterator[tuple[int, Alert]]


def alarms(duty: Duty) -> Done:
    """Looks, raises and clears, and tells what was not told yet: every minute, for the whole installation."""
    app = duty.app
    now = app.clock()
    with app.db.begin() as conn:
        seen = signals(conn, now)
    fresh = colours(app, seen, now)
    found = {(number, alert.key): alert for number, alert in alerts_of(seen, fresh)}
    found |= {(one.id, alert.key): alert for one in seen.connections for alert in _dead_authorization(app, one)}
    worse = {(one.id, key) for one in seen.connections for key in _overtaken(one, fresh.get(one.name, {}))}
    with app.db.begin() as conn:
        for (number, _), alert in sorted(found.items(), key=lambda one: one[0]):
            alerts.raise_alert(conn, number, alert, now)
        alerts.overtake(conn, worse, now)
        alerts.clear_besides(conn, OURS, found.keys(), now)
    recipients = Recipients.of(app)
    failed = _tell(app, recipients, _names(seen))
    if _all_well(seen, fresh):
        failed += recipients.beat()
    return Done(well=not failed, why="; ".join(failed))


def nobody_works(app: App) -> str:
    """The one look of a door that stands alone: tells the installation's people when no worker is alive to tell them.

    It opens no secret, so that people of single connections do not hear of it. Answers what could not be told.
    """
    with app.db.begin() as conn:
        if works(conn, DEAD_AFTER) or not connections.listed(conn):
            return ""
        alerts.raise_alert(conn, INSTALLATION, _NO_WORKER, app.clock())
    return "; ".join(_tell(app, Recipients(app.settings.alert_urls, {}, ""), {}))


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
                f"{one.called} is paused: {breaker.sentence}",
                breaker.remedy or "It is tried again by itself; see `ml-connector status`.",
            )
    if one.unknown and one.unknown_since and found.at - one.unknown_since > UNKNOWN_AFTER:
        yield Alert(
            "unknown/outcomes",
            URGENT,
            f"{one.called}: what became of {counted(one.unknown, 'write')} has not been known since "
            f"{_utc(one.unknown_since)}.",
            f"Run `ml-connector sync {one.name}`: it reads back first. If it cannot, mend what it says.",
            "project accountant",
        )
    why = brakes_of(one.waiting_why)
    for plan in one.waiting_plans[:1]:  # one alarm, whatever becomes of the plan from poll to poll
        yield Alert(
            "approval/plan",
            WARNING,
            f"{one.called}: a plan waits for approval" + (f". It stops at its brakes: {why}." if why else "."),
            f"Read it with `ml-connector plan {one.name}`, then `ml-connector sync {one.name} --plan {plan}`.",
            "approver",
        )
    if one.inbox_since and found.at - one.inbox_since > BACKLOG_AFTER and "" not in one.paused:
        yield Alert(
            "backlog/inbox",
            WARNING,
            f"{one.called}: {counted(one.inbox, 'event')} from outside wait since {_utc(one.inbox_since)}.",
            "See `ml-connector status` and `ml-connector jobs`: a worker may be missing, or the connection is paused.",
        )
    if one.parked:
        yield Alert(
            "parked/jobs",
            URGENT,
            f"{one.called}: {counted(one.parked, 'job')} ended the worker each time and wait for a person.",
            "See `ml-connector jobs`, send us its evidence, then `ml-connector jobs release NUMBER`.",
        )
    broken = one.hooks.get("broken", 0) + one.hooks.get("gone", 0)
    if broken:
        yield Alert(
            "hook/state",
            WARNING,
            f"{one.called}: {counted(broken, 'webhook')} in Procore call us no more; polling finds the changes later.",
            f"Run `ml-connector webhooks sync {one.name}`.",
        )
    extra = one.census.get("extra", 0)
    if extra:
        yield Alert(
            "census/extra",
            WARNING,
            f"{one.called}: the census found {counted(extra, 'record')} with our mark that nobody here knows.",
            f"Run `ml-connector census {one.name}`: each is named, with what could be meant by it.",
            "project accountant",
        )
    missing = one.census.get("missing", 0)
    if missing:
        yield Alert(
            "census/missing",
            WARNING,
            f"{one.called}: the census did not find {counted(missing, 'record')} that are linked.",
            f"Run `ml-connector census {one.name}` and look each up in its system; nothing is made again by itself.",
            "project accountant",
        )


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _late(one: Standing, fresh: Mapping[str, Freshness]) -> Iterator[Alert]:
    """Flows above or near their target of freshness; where no flow at all has run well, it is silence."""
    awaited = expected(one, fresh)
    red = [flow for flow, how in awaited.items() if how.colour == "red"]
    amber = [flow for flow, how in awaited.items() if how.colour == "amber"]
    why = f" {one.last.error}" if one.last and one.last.error else ""
    if red and all(how.colour == "red" for how in fresh.values()):
        yield Alert(
            "silence/connection",
            URGENT,
            f"{one.called}: nothing has run well for longer than any flow may take. {fresh[red[0]].sentence}{why}",
            "See `ml-connector status` and `ml-connector jobs list`.",
        )
    elif red or amber:
        yield Alert(
            "stale/flows",
            WARNING if red else NOTICE,
            f"{one.called}: {listed(red or amber, 3)} {'is' if len(red or amber) == 1 else 'are'} "
            f"{'above' if red else 'near'} the target of freshness. {fresh[(red or amber)[0]].sentence}{why}",
            "See `ml-connector jobs list`; more workers help where runs wait for each other.",
        )


def expected(one: Standing, fresh: Mapping[str, Freshness]) -> Mapping[str, Freshness]:
    """Those of some flows of which it is not known why they do not run: no person has stopped them or is asked about
    them, and both sides are called."""
    return {} if _stands_still(one) else {flow: how for flow, how in fresh.items() if flow not in one.waiting_flows}


def _stands_still(one: Standing) -> bool:
    return "" in one.paused or any(breaker.state != "closed" for breaker in one.breakers)


def _overtaken(one: Standing, fresh: Mapping[str, Freshness]) -> tuple[str, ...]:
    """Keys of alarms of lateness that end without being over: something else, or something worse, is told instead."""
    stand = {alert.key for alert in _late(one, fresh)}
    asked = any(fresh[flow].colour != "green" for flow in one.waiting_flows if flow in fresh)
    if asked or _stands_still(one) or (one.paused and not fresh):
        return tuple(key for key in ("silence/connection", "stale/flows") if key not in stand)
    return ("stale/flows",) if "silence/connection" in stand else ()


def _dead_authorization(app: App, one: Standing) -> Iterator[Alert]:
    """The person's authorization is dead, and the service account has taken its place, so that nothing else tells."""
    if TOKEN_PAIR in one.token_at and app.wiring.pair_state(one.id) == "dead":
        yield Alert(
            "authorization/projects",
            WARNING,
            f"{one.called}: the person's authorization in Procore is dead.",
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
        yield _NO_WORKER
    if found.parked:
        yield Alert(
            "parked/jobs",
            URGENT,
            f"{counted(found.parked, 'job')} of the installation ended the worker each time and wait for a person.",
            "See `ml-connector jobs`, send us its evidence, then `ml-connector jobs release NUMBER`.",
        )


def digest(duty: Duty) -> Done:
    """Once a day: everything that stands, and what is held, for whom, with the money; nothing to say, nothing sent.

    An address that does not take it gets it again each minute until the next digest. Args of the job then: `left`, the
    addresses by group and mark, and `since`, when they were tried first.
    """
    app, now = duty.app, duty.app.clock()
    with app.db.begin() as conn:
        found = signals(conn, now)
        stand = alerts.standing(conn)
    names, failed = _names(found), dict[str, str]()
    again = duty.args if _goes_on(app, duty.args, now) else {}
    for group, urls, theirs in Recipients.of(app).groups(names):
        mine = [row for row in stand if row.connection_id in theirs]
        lines = [*_told(mine, names), *_held(found, theirs)]
        for url in dict.fromkeys(urls) if lines else ():
            sign = mark(url)
            place = f"{group}/{sign}"
            if again and place not in again["left"]:
                continue
            said = tell(url, _DIGEST, "\n".join(lines))
            if said:
                failed[place] = said
                continue
            with app.db.begin() as conn:
                alerts.mark_told(conn, mine, sign, now)
    why = "; ".join(failed.values())
    if not failed:
        return Done()
    since = again.get("since") or now.isoformat()
    return Done(False, now + _AGAIN, why, {"left": sorted(failed), "since": since})


def _goes_on(app: App, args: Mapping[str, Any], now: datetime) -> bool:
    """Whether a digest is the rest of one that some addresses did not take; not any more once the next one is due."""
    if not args.get("left"):
        return False
    clock, zone = app.settings.digest
    due = next_nightly(Schedule(nightly=clock, time_zone=zone), datetime.fromisoformat(args["since"]), now).at
    return due is None or due > now


def _held(found: Signals, theirs: Collection[int]) -> Iterator[str]:
    for one in found.connections:
        for held in one.held if one.id in theirs else ():
            money = f", {held.money:,} {held.currency}" if held.currency else ""
            yield (
                f"{one.called}: {counted(held.number, 'hold')} for the {held.owner}: {held.reason}{money}, "
                f"the oldest since {held.oldest:%Y-%m-%d}."
            )


def _told(rows: list[AlertRow], names: Mapping[int, str]) -> Iterator[str]:
    for row in rows:
        where = f"{names[row.connection_id]}, " if row.connection_id in names else ""
        whom = f"for the {row.role}, {where}since {row.first_at:%Y-%m-%d %H:%M} UTC"
        yield f"[{row.severity}] {row.sentence} {row.remedy} ({whom})"


def _tell(app: App, recipients: Recipients, names: Mapping[int, str]) -> list[str]:
    """Tells each address what it was not told yet, and what is over of what it was told; what failed, in words.

    What nobody takes stays untold. Each message is marked in the transaction that holds its alerts, so that two
    processes do not tell twice, and an address that fails takes nothing from the others.
    """
    hears = recipients.hears(names)
    with app.db.begin() as conn:
        waiting = alerts.to_tell(conn)
    wanted = {
        (number, sign)
        for number, stands, told in waiting
        for sign in hears.get(number, ())
        if stands is (sign not in told)
    }
    failed = []
    for number, sign in sorted(wanted):
        try:
            with app.db.begin() as conn:
                mine, over = alerts.untold(conn, number, sign), alerts.over(conn, number, sign)
                said = _said(hears[number][sign], names.get(number, ""), mine, over)
                if not said:
                    alerts.mark_told(conn, mine, sign, app.clock())
                    alerts.mark_over(conn, over, sign)
        except ConnectorError as error:
            said = error.sentence
        failed += [said] if said else []
    return failed


def _said(url: str, name: str, mine: list[AlertRow], over: list[AlertRow]) -> str:
    """Sends one address what concerns one connection, or the installation without a name; what failed, in words."""
    if not mine and not over:
        return ""
    names = {row.connection_id: name for row in mine if name}
    lines = [*_told(mine, names), *(f"[over] {row.sentence}" for row in over)]
    loud = any(row.severity == URGENT for row in mine)
    title = f"ml-connector {name}: {'urgent' if loud else 'to do' if mine else 'over'}"
    return tell(url, title.replace(" :", ":"), "\n".join(lines))


def _all_well(found: Signals, fresh: Colours) -> bool:
    """Whether the heart may beat: a worker lives, and no connection is silent."""
    alive = any(found.at - one.seen_at <= DEAD_AFTER and one.kind in ("worker", "serve") for one in found.workers)
    late = (alert.key for one in found.connections for alert in _late(one, fresh.get(one.name, {})))
    return alive and "silence/connection" not in late


def _names(found: Signals) -> dict[int, str]:
    return {one.id: one.name for one in found.connections}
