"""A person stops a connection or one flow of it and lets it go on; and what that means for a sync by hand."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from ml_connector.app import App
from ml_connector.kernel.errors import BadInput, Paused
from ml_connector.planning.due import shown
from ml_connector.planning.schedule import zone_of
from ml_connector.registry import FLOWS
from ml_connector.service.timetable import Timetable, timetable_of
from ml_connector.store import audit, bulk, pauses
from ml_connector.store.connections import ConnectionRow
from ml_connector.store.pauses import PauseRow

MOST_YEARS = 100
"""How many years ahead the end of a pause may lie; one without end lasts until somebody resumes it."""

BEING_SET_UP = "it is being set up, and its first plan is not approved yet"
"""Note of the pause under which a set-up makes a connection; it ends with the run that sends an approved plan."""


def pause(app: App, name: str, flow: str = "", *, until: str = "", note: str = "") -> dict[str, Any]:
    """Pauses a connection, or one flow of it, for every unattended run; what comes meanwhile waits.

    `until` is a time such as 2026-12-01T08:00, in the zone of the connection's schedule where it names none; BadInput
    when it cannot be read, is past or more than a hundred years ahead, and for a connection that is being set up: it
    stands still already. A job at work ends its slice first. Audited.
    """
    row = app.connection(name)
    now = app.clock()
    if not flow:  # it would take the place of the set-up's own pause, and could then be ended
        check_set_up(app, row)
    end = _moment(until, timetable_of(app, row, now), now) if until else None
    with app.db.begin() as conn:
        pauses.put(conn, row.id, PauseRow(flow, app.actor, note, end))
        about = {"flow": flow, "until": end.isoformat() if end else "", "note": note}
        audit.append(conn, row.id, [_entry(app, "connection:pause:done", name, about)])
    return {"connection": name, "flow": flow, "paused": paused(app, name)}


def resume(app: App, name: str, flow: str = "") -> dict[str, Any]:
    """Ends the pause of a flow, or the one of the whole connection; a flow's own pause stays when that ends. Audited.

    `was_paused` in the answer is false when there was none; nothing is changed and nothing audited then. BadInput for
    the pause of a set-up: nothing runs before a plan was approved.
    """
    if not flow:
        check_set_up(app, app.connection(name))
    row = app.connection(name)
    with app.db.begin() as conn:
        lifted = pauses.lift(conn, row.id, flow)
        if lifted:
            audit.append(conn, row.id, [_entry(app, "connection:resume:done", name, {"flow": flow})])
    return {"connection": name, "flow": flow, "was_paused": lifted, "paused": paused(app, name)}


def check_set_up(app: App, row: ConnectionRow) -> None:
    """BadInput while a connection is being set up: nothing runs, and nothing is written, before its first plan is
    approved."""
    if being_set_up(app, row):
        raise BadInput(
            f"Connection {row.name} is being set up: nothing runs by itself before its first plan is approved.",
            remedy=f"Make a plan and approve it: `ml-connector setup show {row.name}` says how far it is.",
        )


def being_set_up(app: App, row: ConnectionRow) -> bool:
    """Whether a connection stands still because it is being set up, and its first plan is not approved."""
    with app.db.begin() as conn:
        standing = pauses.standing(conn, row.id, app.clock())
    return any(one.setting_up for one in standing)


def paused(app: App, name: str) -> list[dict[str, Any]]:
    """The pauses of a connection that hold now, each with its sentence."""
    table = timetable_of(app, app.connection(name), app.clock())
    return [
        {
            "flow": one.flow,
            "actor": one.actor,
            "note": one.note,
            "since": one.at,
            "until": one.until,
            "sentence": table.told(one),
            "setting_up": one.setting_up,
        }
        for one in table.pauses
    ]


def by_hand(
    app: App,
    name: str,
    flows: Collection[str],
    *,
    exactly: bool = False,
    anyway: bool = False,
    approved: bool = False,
) -> tuple[list[str], dict[str, str]]:
    """What a person's sync may run: the flows, and those left out with why.

    Business hours do not bind a person; a pause and a freeze window do. Paused is raised when the connection is
    paused, when a flow that was named is, and with `exactly` (a plan kept before, a replay) when any is. A sync of all
    flows leaves out what stands still. `anyway` goes through a freeze window, never through a pause, and is audited.
    BadInput while the connection is being set up, but for an `approved` plan, which service/approving.py alone says, of
    one that it has found and checked: that pause ends in the run that sends it (engine/gate.py).
    """
    row = app.connection(name)
    if not approved:
        check_set_up(app, row)
    table = timetable_of(app, row, app.clock())
    return _sorted_out(app, row, flows, exactly, anyway, table.approved() if approved else table)


def _sorted_out(
    app: App, row: ConnectionRow, flows: Collection[str], exactly: bool, anyway: bool, table: Timetable
) -> tuple[list[str], dict[str, str]]:
    """The flows that may run by a timetable, and those left out."""
    name, now = row.name, app.clock()
    whole = table.paused("")
    if whole:
        raise Paused(table.told(whole), remedy=f"Run `ml-connector resume {name}` first.")
    free, stopped = table.sorted_out(list(flows or FLOWS), now, "person")
    frozen = {flow: why for flow, why in stopped.items() if table.paused(flow) is None}
    if anyway and frozen:
        with app.db.begin() as conn:
            audit.append(conn, row.id, [_entry(app, "freeze:override:done", name, frozen)])
        stopped = {flow: why for flow, why in stopped.items() if flow not in frozen}
    if not stopped:
        return list(flows), {}
    if flows or exactly or not free:
        flow, why = next(iter(stopped.items()))
        if flow in frozen:
            raise Paused(f"{flow}: {why}", remedy="Wait for its end, or sync with --anyway, which is audited.")
        raise Paused(why, remedy=f"Run `ml-connector resume {name} {flow}` first, or name the other flows.")
    return [flow for flow in FLOWS if flow not in stopped], stopped


def _moment(text: str, table: Timetable, now: datetime) -> datetime:
    """The moment a person typed, aware."""
    zone = zone_of(table.schedule)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is no time.", remedy="Write it as 2026-12-01T08:00.") from None
    if found.year > now.year + MOST_YEARS:  # the last hours of all time are none in every zone
        raise BadInput(
            f"{text} is more than {MOST_YEARS} years ahead.",
            remedy="Name an earlier time, or leave out --until: then it stays paused until somebody resumes it.",
        )
    found = found if found.tzinfo else found.replace(tzinfo=zone)
    if found <= now:
        told = shown(found, zone) if found.year > 1 else text
        raise BadInput(f"{told} is past already.", remedy="Name a time to come, or leave out --until.")
    return found


def _entry(app: App, tag: str, name: str, details: dict[str, Any]) -> audit.AuditEntry:
    return audit.AuditEntry(
        at=app.clock(), actor=app.actor, tag=tag, kind="connection", erp_id=name, details=bulk.json_text(details)
    )
