"""Everything a support person would ask first, looked at in one go: each thing good or bad, with the remedy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.kernel.clock import system_clock
from ml_connector.kernel.errors import ConnectorError
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.due import spoken
from ml_connector.service.fresh import POLL
from ml_connector.service.nightly import certificate_alert
from ml_connector.service.timetable import timetable_of
from ml_connector.settings import Settings
from ml_connector.store import migrate
from ml_connector.store.condition import Condition, condition
from ml_connector.store.connections import ConnectionRow
from ml_connector.store.signals import Signals, Standing, signals
from ml_connector.systems.certificate import good_until
from ml_connector.systems.hostclock import date_of

INSTALLATION = "installation"
"""What is looked at when it is no connection."""
ALIVE = timedelta(seconds=30)
"""A process that has been silent for longer is not counted."""
SKEW, HOST_SKEW = timedelta(seconds=5), timedelta(seconds=60)
"""How far our clock may be from the database's, and from that of a host, which tells it to the second."""
WAITS = timedelta(minutes=10)
ROOM = 1 << 30
"""Bytes that must be free on the disk of an embedded database."""


class Look(msgspec.Struct, frozen=True):
    """One thing looked at. What is not `ok` is to be mended; what only `warns` works, and could be better."""

    about: str
    """A connection, or `installation`."""
    name: str
    ok: bool
    sentence: str
    remedy: str = ""
    warns: bool = False


def examine(settings: Settings, actor: str, name: str = "") -> list[Look]:
    """Looks at the installation and every connection, or the one named; NothingSuchHere when there is none of it.

    A database that cannot be used is a finding like any other. Both systems are only read. Here it leaves what every
    command leaves: tables in a database that was empty, tokens, and what a connection is tied to if nothing was yet.
    """
    try:
        with App.open(settings, actor) as app:
            if name:
                app.connection(name)
            rows = [row for row in app.connections() if name in ("", row.name)]
            return [
                one if one.warns or not one.ok else msgspec.structs.replace(one, remedy="") for one in _all(app, rows)
            ]
    except ConnectorError as error:
        if name and error.exit_code != 12:
            raise
        return [Look(INSTALLATION, "database", False, error.sentence, error.remedy)]


def _all(app: App, rows: list[ConnectionRow]) -> Iterator[Look]:
    with app.db.begin() as conn:
        found, itself = signals(conn, app.clock()), condition(conn)
    yield from _database(app, itself)
    yield from _key(app, rows)
    yield from _processes(found, itself)
    yield _heartbeat(app, found)
    standing = {one.id: one for one in found.connections}
    for row in rows:
        yield from _connection(app, row, standing[row.id], found)


def _database(app: App, itself: Condition) -> Iterator[Look]:
    size = f"{itself.size / (1 << 20):,.0f} MB"
    yield Look(INSTALLATION, "database", True, f"{app.db.where} answers: PostgreSQL {itself.version}, {size}.")
    yield Look(INSTALLATION, "schema", True, f"It has schema {migrate.HEAD}, which this release wants.")
    free = itself.most_sessions - itself.sessions
    yield Look(
        INSTALLATION,
        "sessions",
        free > itself.most_sessions // 10,
        f"{itself.sessions} of {itself.most_sessions} sessions of the database are in use.",
        "Raise max_connections there, or run fewer workers or slots.",
    )
    yield _skew(INSTALLATION, "clock of the database", itself.clock, SKEW)
    if app.settings.database_url is None:
        left = shutil.disk_usage(app.settings.home).free
        sentence = f"{left / ROOM:,.1f} GB are free on the disk of {app.settings.home}."
        yield Look(INSTALLATION, "disk", left > ROOM, sentence, "Make room, or move the folder: a full disk stops all.")


def _skew(about: str, name: str, theirs: datetime, most: timedelta) -> Look:
    apart = abs(system_clock() - theirs.astimezone(UTC))
    return Look(
        about,
        name,
        apart <= most,
        f"It is {spoken(apart)} from ours." if apart >= timedelta(seconds=1) else "It agrees with ours.",
        "Let both machines follow a time server: schedules, tokens and what changed when depend on it.",
    )


def _key(app: App, rows: list[ConnectionRow]) -> Iterator[Look]:
    def opened() -> str:
        in_variable = os.environ.get("ML_CONNECTOR_KEY", "").strip()
        if not (rows or in_variable or app.settings.key_file.exists()):
            return "There is none yet: `ml-connector init` makes it, or the first connection."
        ring = app.ring(may_make=False)
        for row in rows:
            app.wiring.secrets(row)
        where = "a variable" if in_variable else str(app.settings.key_file)
        return f"Key {ring.current.id} in {where} opens every secret, and nobody else can read it."

    yield _tried(INSTALLATION, "sealing key", opened)


def _tried(about: str, name: str, act: Callable[[], str]) -> Look:
    """What `act` answers, or the error it ends with."""
    try:
        return Look(about, name, True, act())
    except ConnectorError as error:
        return Look(about, name, False, error.sentence, error.remedy)


def _processes(found: Signals, itself: Condition) -> Iterator[Look]:
    alive = [one for one in found.workers if found.at - one.seen_at < ALIVE]
    scheduled = any(one.agenda for one in found.connections)
    working = [one for one in alive if one.kind in ("worker", "serve")]
    kinds = listed([f"{one.kind} {one.pid}@{one.host}" for one in alive], 8)
    yield Look(
        INSTALLATION,
        "processes",
        bool(working) or not scheduled,
        f"At work: {kinds}." if alive else "No process is at work: nothing happens by itself.",
        "Start `ml-connector serve`, or a worker.",
    )
    waiting = sum(number for (_, state), number in found.jobs.items() if state == "todo")
    since = itself.waiting_since
    late = since is not None and found.at - since > WAITS
    yield Look(
        INSTALLATION,
        "queue",
        not late,
        f"{counted(waiting, 'job')} wait" + (f", the oldest for {spoken(found.at - since)}." if since else "."),
        "Start more workers, or look with `ml-connector jobs list` at what keeps those there are busy.",
    )
    parked = found.parked + sum(one.parked for one in found.connections)
    yield Look(
        INSTALLATION,
        "jobs given up",
        not parked,
        f"{counted(parked, 'job')} given up." if parked else "None.",
        "See why with `ml-connector jobs list`, and put them back once it is mended.",
    )
    for name, at in itself.lapsed:
        sentence = f"The right to write was last renewed {at:%Y-%m-%d %H:%M} UTC by somebody who is gone."
        yield Look(name, "lease", False, sentence, "The next run takes it over; start a worker, or sync by hand.")


def _heartbeat(app: App, found: Signals) -> Look:
    """Nothing here can tell when all of it is gone; it matters once the service runs."""
    missing = not app.settings.heartbeat_url and any(one.agenda for one in found.connections)
    return Look(
        INSTALLATION,
        "dead-man's switch",
        True,
        "None is set: when this machine or every process is gone, nobody hears of it."
        if missing
        else "It is set."
        if app.settings.heartbeat_url
        else "None is needed: nothing runs by itself here.",
        "Set ML_CONNECTOR_HEARTBEAT_URL to an address elsewhere that alarms when the calls stop.",
        missing,
    )


def _connection(app: App, row: ConnectionRow, one: Standing, found: Signals) -> Iterator[Look]:
    config = config_from(row.config)
    hosts = {"erp": config.erp.url, "projects": config.projects.url}
    if config.projects.login_url:
        hosts["login"] = config.projects.login_url
    for side, url in hosts.items():
        theirs = date_of(url)
        if theirs is None:
            sentence = f"{url} does not say what time it is."
            yield Look(
                row.name, f"clock of {side}", False, sentence, "Check the address and the way through the firewall."
            )
        else:
            yield _skew(row.name, f"clock of {side}", theirs, HOST_SKEW)
        yield from _certificate(row.name, side, url)
    yield from _rights(app, row)
    for breaker in one.breakers:
        if breaker.state != "closed":
            yield Look(row.name, f"breaker of {breaker.side}", False, breaker.sentence, breaker.remedy)
    yield _hooks(row.name, one)
    unknown = one.unknown
    sentence = f"{counted(unknown, 'write')} without an answer." if unknown else "None."
    yield Look(
        row.name, "outcomes unknown", not unknown, sentence, "The next run reads them back before anything else."
    )
    yield from _freshness(app, row, one, found.now)


def _certificate(name: str, side: str, url: str) -> Iterator[Look]:
    end = good_until(url)
    if end is not None:
        alert = certificate_alert(side, url, end, system_clock())
        sentence = alert.sentence if alert else f"It is good until {end:%d %B %Y}."
        yield Look(name, f"certificate of {side}", alert is None, sentence, alert.remedy if alert else "")


def _rights(app: App, row: ConnectionRow) -> Iterator[Look]:
    try:
        checks = app.check(row.name)
    except ConnectorError as error:
        yield Look(row.name, "check", False, error.sentence, error.remedy)
        return
    bad = [(side, one) for side, one in checks if not one.ok]
    for side, one in bad:
        yield Look(row.name, f"{side}: {one.name}", False, one.sentence, one.remedy)
    yield Look(row.name, "rights and names", True, f"{len(checks) - len(bad)} of {len(checks)} are as they should be.")


def _hooks(name: str, one: Standing) -> Look:
    off = {state: number for state, number in one.hooks.items() if state != "active"}
    if off:
        told = ", ".join(f"{number} {state}" for state, number in off.items())
        return Look(
            name, "webhooks", False, f"Not all are in order: {told}.", f"Run `ml-connector webhooks sync {name}`."
        )
    active = one.hooks.get("active", 0)
    return Look(name, "webhooks", True, f"{active} active." if active else "None: changes are found by polling.")


def _freshness(app: App, row: ConnectionRow, one: Standing, now: datetime) -> Iterator[Look]:
    table = timetable_of(app, row, now)
    for due in one.agenda:
        if not due.name.startswith(POLL):
            continue
        flow = due.name.removeprefix(POLL)
        pause = table.paused(flow)
        if pause:
            yield Look(row.name, f"freshness of {flow}", True, table.told(pause))
            continue
        fresh = table.freshness(flow, due.well_at, now)
        remedy = (
            f"See `ml-connector status {row.name}`: {due.why}" if due.why else f"See `ml-connector status {row.name}`."
        )
        yield Look(row.name, f"freshness of {flow}", fresh.colour != "red", fresh.sentence, remedy)
