"""Decides whether a side of a connection is called: opened by what only a person or time mends, closed when it heals.

An open side stops every unattended run of its connection, for a run writes both sides. It is tried again by a probe,
after a minute at first and after half an hour at most. A side that answers its probe is half open: runs begin again,
the polls at once, and the first that ends well closes it, while the same trouble opens it anew. A probe signs in and
asks who is there; whether a right is back, only a run can tell.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from ml_connector.app import App
from ml_connector.kernel.errors import BadInput, ConnectorError, FixSetup, Unavailable
from ml_connector.service.duty import Done, Duty
from ml_connector.store import audit, breakers, bulk
from ml_connector.store.breakers import Trouble
from ml_connector.store.connections import ConnectionRow

SIDES = {"erp": "IFS", "projects": "Procore"}
"""A role to the name people know its system by."""

STRIKES = 3
"""Runs in a row that a side was away for before it is not called for a while: one outage may be over by the next."""

ANSWERS = "It answers again; this is over once a run ends well."
"""What is told besides of a side that is half open."""

FIRST, LONGEST = timedelta(minutes=1), timedelta(minutes=30)
"""How long a side is left alone at first, doubled with each failure up to the longest."""


def standing(app: App, connection: ConnectionRow) -> str:
    """Why no unattended run of the connection may begin, in a sentence; empty when one may. A person's run always may.

    Ask before a job is made, and again when it begins.
    """
    with app.db.begin() as conn:
        stopped = [one for one in breakers.of(conn, connection.id).values() if one.state == "open"]
    if not stopped:
        return ""
    told = []
    for one in stopped:
        when = f", tried again at {one.probe_at:%Y-%m-%d %H:%M} UTC" if one.probe_at else ""
        since = f" since {one.since:%Y-%m-%d %H:%M} UTC" if one.since else ""
        told.append(f"{SIDES[one.side]} is not called{since}{when}: {one.sentence}")
    return " ".join(told)


def reopens(app: App, connection: ConnectionRow) -> datetime | None:
    """When the last of the sides that are not called is tried again: nothing begins before. None when all are called.

    What waits for it may be put off until then; it is due at once when the side heals.
    """
    with app.db.begin() as conn:
        return max((one.probe_at for one in breakers.of(conn, connection.id).values() if one.probe_at), default=None)


def trip(app: App, connection: ConnectionRow, error: ConnectorError) -> bool:
    """Takes note of the error a run ended with; whether a side is not called from now on.

    A refused sign-in, a host that is gone, a right or name that is missing and another environment open their side at
    once; a side that is away opens it after some runs in a row, a half open one at once. Rates, locks and our own
    troubles do not.
    """
    side = error.side
    if side not in SIDES or isinstance(error, BadInput) or not isinstance(error, (FixSetup, Unavailable)):
        return False
    now = app.clock()
    with app.db.begin() as conn:
        before = breakers.of(conn, connection.id).get(side)
        patient = isinstance(error, Unavailable) and (before is None or before.state != "probing")
        if patient and breakers.strike(conn, connection.id, side) < STRIKES:
            return False
        at = now + pause(before.failures if before else 0, random.random())  # noqa: S311 - jitter, no secret
        if before and before.state != "closed" and before.probe_at and before.probe_at > now:
            at = before.probe_at  # a person's run that failed moves no probe
        breakers.open_(conn, connection.id, side, _trouble(error), (now, at))
        if before is None or before.state == "closed":
            about = bulk.json_text({"side": side, "reason": type(error).__name__})
            audit.append(conn, connection.id, [_entry(app, connection, "breaker:open:done", about)])
    return True


def probe(duty: Duty) -> Done:
    """Tries one side (`args["side"]`) that is not called: signs in anew and asks who it is.

    When it answers it is half open, and the connection's polls are due now: a run that ends well closes it. Otherwise
    it is tried again, each time later.
    """
    app, connection = duty.app, duty.connection
    side = str(duty.args.get("side") or duty.task.partition("/")[2])
    if connection is None or side not in SIDES:
        return Done(well=False, why="A probe needs a connection and one of its sides.")
    with app.db.begin() as conn:
        breaker = breakers.of(conn, connection.id).get(side)
    if breaker is None or breaker.state != "open":
        return Done(why=f"{SIDES[side]} is called as ever.")
    try:
        app.probe(connection.name, side)
    except ConnectorError as error:
        if error.side not in ("", side):
            raise  # the database's trouble, not the side's; the side stays open, and the worker tries the probe again
        return _later(app, connection, side, error)
    with app.db.begin() as conn:
        breakers.half_open(conn, connection.id, side, f"{breaker.sentence} {ANSWERS}", app.clock())
    return Done(why=f"{SIDES[side]} answers again.")


def pause(failures: int, draw: float) -> timedelta:
    """How long a side is left alone after so many failures before this one; `draw` in 0..1 spreads it by a fifth."""
    longest = min(LONGEST, FIRST * (1 << min(failures, 10)))
    return longest * (0.8 + 0.2 * draw)


def _later(app: App, connection: ConnectionRow, side: str, error: ConnectorError) -> Done:
    """A side that is still in trouble is left alone for longer."""
    now = app.clock()
    with app.db.begin() as conn:
        breaker = breakers.of(conn, connection.id).get(side)
        at = now + pause(breaker.failures if breaker else 0, random.random())  # noqa: S311 - jitter, no secret
        asked: datetime | None = getattr(error, "again_at", None)
        at = max(at, asked) if asked else at
        breakers.open_(conn, connection.id, side, _trouble(error), (now, at))
    return Done(well=False, again_at=at, why=f"{SIDES[side]} is still not called: {error}")


def _trouble(error: ConnectorError) -> Trouble:
    named = next(one.__name__ for one in type(error).__mro__ if not one.__name__.startswith("_"))
    return Trouble(named, str(error), error.remedy)


def _entry(app: App, connection: ConnectionRow, tag: str, details: str) -> audit.AuditEntry:
    return audit.AuditEntry(
        at=app.clock(), actor=app.actor, tag=tag, kind="connection", erp_id=connection.name, details=details
    )
