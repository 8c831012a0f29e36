"""Takes what came to the inbox and looks at the records it names: one run for all of it.

Nothing is lost whatever happens: an event is done with only when a run has looked, or when polling is sure to look, as
it is wherever a run was refused: such a run moves no watermark, so the next poll reads all that changed since before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ml_connector.app import App
from ml_connector.engine.scope import erp_name, projects_name, with_masters
from ml_connector.engine.work import Errand, Report
from ml_connector.kernel.errors import AskPerson, Bug, ConnectorError, FixSetup, OutcomeUnknown, Wait
from ml_connector.planning.hints import Hint, Named, Side, Verdict, merged
from ml_connector.service.duty import Done, Duty
from ml_connector.service.judging import judged, ourselves
from ml_connector.service.refusals import FOREIGN
from ml_connector.service.timetable import POLL, Timetable, timetable_of
from ml_connector.store import agenda, audit, bulk, counters, inbox
from ml_connector.store.connections import ConnectionRow
from ml_connector.store.inbox import InboxRow

AT_ONCE = 500
"""Events looked at in one run."""
IGNORED = "events_ignored"
"""Counter: events from which no flow of ours starts."""
SOONEST, LATEST = timedelta(seconds=5), timedelta(minutes=5)
"""How long at least and at most events wait for another try; between the two as long as they have waited."""
SLICE = 25.0
"""Seconds from the first batch after which a run leaves the rest for the next."""

_STATES = {Verdict.ECHO: "echo", Verdict.IGNORED: "ignored", Verdict.REFUSED: "refused"}


def hints(duty: Duty) -> Done:
    """Looks at what new events name. To be done under the connection's lock: what a dead job had taken is new again.

    After an error of kind Wait, OutcomeUnknown or FixSetup the events are new again, and the error goes on to the
    worker, which backs off, opens breakers and tells people. When the run waits for a person the events are done with:
    the next poll stops at the same place and tells it, and other events must not wait behind it. So they are after a
    Bug and what is no error of ours, which go on, too: one event that nobody can look at must not stop the others.
    """
    app, row = duty.app, duty.connection
    if row is None:
        raise Bug("Hints are of a connection.")
    with app.db.begin() as conn:
        inbox.give_back(conn, row.id)
        taken = inbox.take(conn, row.id, AT_ONCE)
    if not taken:
        return Done(why="nothing new")
    us = ourselves(app, row)
    told = {one.id: judged(one.source, one.body, one.received_at, us) for one in taken}
    _settle_others(app, row, told)
    looks = [one for one in taken if told[one.id].verdict is Verdict.LOOK]
    found = _looked(duty, row, looks, told) if looks else Done(why="no record of ours")
    if found.again_at is None and len(taken) == AT_ONCE:
        return Done(again_at=app.clock(), why=found.why)
    return found


def errand_names(look: Mapping[str, frozenset[Named]]) -> tuple[tuple[str, ...], dict[str, frozenset[str]]]:
    """The flows of a run and the names for its errand: an empty set of records means everything of that flow.

    Projects are paired anew in each run, and what makes vendors and codes goes along for what is looked at.
    """
    names = {flow: frozenset(map(_name, records)) for flow, records in look.items()}
    whole = {flow for flow, records in look.items() if not records}
    needed = with_masters(names)
    return tuple({"projects": None, **dict.fromkeys(needed)}), {
        flow: named for flow, named in needed.items() if flow not in whole
    }


def _name(record: Named) -> str:
    return erp_name(record.record) if record.side is Side.ERP else projects_name(record.project, record.record)


def _looked(duty: Duty, row: ConnectionRow, events: Sequence[InboxRow], told: Mapping[int, Hint]) -> Done:
    app, now = duty.app, duty.app.clock()
    look = merged(told[one.id] for one in events)
    table = timetable_of(app, row, now)
    free, barred = table.sorted_out(list(look), now, "hint")
    if barred:
        # a poll reads all that changed since the one before, so no event needs to wait here: the poll comes in time
        _close_barred(app, row, events, told, {flow: Bar(barred[flow], _poll_at(table, flow, now)) for flow in barred})
        events = [one for one in events if not set(told[one.id].flows) <= barred.keys()]
        look = {flow: look[flow] for flow in free}
    if not look:
        return Done(why=next(iter(barred.values())))
    flows, only = errand_names(look)
    _, stopped = table.sorted_out(flows, now, "hint")
    flows = tuple(flow for flow in flows if flow not in stopped)
    errand = Errand(
        trigger="webhook",
        actor=app.actor,
        asked_by=str(duty.args.get("asked_by", "")),
        only={flow: names for flow, names in only.items() if flow in flows},
        halt=duty.enough,
        slice=SLICE,
        job=duty.job,
    )
    try:
        report = app.run(row.name, flows, errand)
    except (Wait, OutcomeUnknown, FixSetup):
        _give_back(app, row)
        raise
    except AskPerson as error:
        _close(app, events, f"It waits for a person: {error} The next poll looks at it.")
        return Done(well=False, why=str(error))
    except Exception as error:
        said = str(error) if isinstance(error, ConnectorError) else type(error).__name__
        _close(app, events, f"Its run failed: {said} The next poll looks at it.")
        raise
    return _ended(app, row, events, report, now)


def _ended(app: App, row: ConnectionRow, events: Sequence[InboxRow], report: Report, now: datetime) -> Done:
    """A run that left steps behind has its events looked at again: only a look at all would take them up otherwise."""
    if report.left or report.stopped:
        return _again(app, row, events, now, f"cut short: {report.stopped}", now)
    if report.waiting:
        why = f"{report.waiting} steps wait for the other side. {report.outlook}".strip()
        return _again(app, row, events, now, why, None)
    _close(app, events, "", report.run)
    return Done(why=f"run {report.run} looked at {len(events)} events")


def _again(
    app: App, row: ConnectionRow, events: Sequence[InboxRow], now: datetime, why: str, at: datetime | None
) -> Done:
    """Makes the events new again; with no moment given they wait as long again as they have waited, within limits."""
    _give_back(app, row)
    if at is None:
        oldest = min((one.received_at for one in events), default=now)
        at = now + min(max(now - oldest, SOONEST), LATEST)
    return Done(well=False, again_at=at, why=why)


def _give_back(app: App, row: ConnectionRow) -> None:
    with app.db.begin() as conn:
        inbox.give_back(conn, row.id)


def _close(app: App, events: Sequence[InboxRow], note: str, run: int = 0) -> None:
    with app.db.begin() as conn:
        inbox.settle(conn, [one.id for one in events], "done", note, run)


class Bar(NamedTuple):
    """Why a flow may not run now, and when it may be polled again; None for when a person says so."""

    why: str
    poll_at: datetime | None


def _poll_at(table: Timetable, flow: str, now: datetime) -> datetime | None:
    return table.next_chance(flow, "poll", now).at


def _close_barred(
    app: App, row: ConnectionRow, events: Sequence[InboxRow], told: Mapping[int, Hint], barred: Mapping[str, Bar]
) -> None:
    """Ends the events of which no flow may run now: paused, in a freeze window, or outside business hours.

    Their flows are polled as soon as they may, however long their interval is.
    """
    notes: dict[str, list[int]] = defaultdict(list)
    for one in events:
        flows = told[one.id].flows
        if set(flows) <= barred.keys():
            why, at = barred[flows[0]]
            when = f"A poll looks at it by {at:%Y-%m-%d %H:%M} UTC." if at else "The next poll looks at it."
            notes[f"{why} {when}"].append(one.id)
    moments = {f"{POLL}/{flow}": bar.poll_at for flow, bar in barred.items() if bar.poll_at}
    with app.db.begin() as conn:
        agenda.bring_forward(conn, row.id, moments)
        for note, ids in notes.items():
            inbox.settle(conn, ids, "done", note)


def _settle_others(app: App, row: ConnectionRow, told: Mapping[int, Hint]) -> None:
    """Echoes, what concerns no flow, and what is refused: counted, and the last audited."""
    groups: dict[tuple[Verdict, str], list[int]] = defaultdict(list)
    for number, hint in told.items():
        if hint.verdict is not Verdict.LOOK:
            groups[hint.verdict, hint.why].append(number)
    if not groups:
        return
    sums = {verdict: sum(len(ids) for (one, _), ids in groups.items() if one is verdict) for verdict in _STATES}
    refused = {why: len(ids) for (verdict, why), ids in groups.items() if verdict is Verdict.REFUSED}
    with app.db.begin() as conn:
        for (verdict, why), ids in groups.items():
            inbox.settle(conn, ids, _STATES[verdict], why)
        counts = {
            counters.ECHOES: sums[Verdict.ECHO],
            IGNORED: sums[Verdict.IGNORED],
            FOREIGN: sums[Verdict.REFUSED],
        }
        counters.bump(conn, row.id, counts)
        if refused:
            entry = audit.AuditEntry(
                at=app.clock(),
                actor=app.actor,
                tag="event:receive:refused",
                kind="event",
                details=bulk.json_text({"refused": refused}),
            )
            audit.append(conn, row.id, [entry])
