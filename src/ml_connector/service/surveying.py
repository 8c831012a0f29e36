"""Looks at both sides for a person who sets a connection up: the check, the survey, the first plan. As a job where a
process takes jobs, else at once; what was found is kept, so that every browser and every process shows it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.engine.surveying import Ground, survey
from ml_connector.kernel.errors import BadInput, Bug, ConnectorError
from ml_connector.planning.mapping import DEFAULT, Mapper
from ml_connector.planning.survey import Paired, Survey
from ml_connector.service import setting_up
from ml_connector.service.duty import PERSON, Done, Duty
from ml_connector.store import agenda, mappings, setups, workers
from ml_connector.store.agenda import Laid
from ml_connector.store.connections import ConnectionRow
from ml_connector.wiring import mapping_of

TASK = "setup"
"""First part of the agenda's rows for this work, as in setup/check."""
KINDS = ("check", "survey", "plan")
"""What can be looked at."""


class Checked(msgspec.Struct, frozen=True):
    """One thing a check looked at; `flows` cannot run as things stand, where all others can."""

    side: str
    name: str
    ok: bool
    sentence: str
    remedy: str = ""
    flows: tuple[str, ...] = ()


class Looking(msgspec.Struct, frozen=True):
    """How one kind of look stands: under way, or when it ended and what went wrong with it."""

    what: str
    busy: bool = False
    ended: datetime | None = None
    trouble: str = ""
    workers: bool = False
    """Whether a process is there that does it; else `ask` does it at once."""


def ask(app: App, name: str, what: str) -> Looking:
    """Has something looked at: by a process that takes jobs, or here and now where there is none."""
    if what not in KINDS:
        raise BadInput(f"There is no look called {what!r}.", remedy=f"Use {', '.join(KINDS)}.")
    row = setting_up.connection_of(app, name)
    with app.db.begin() as conn:
        setting_up.of_connection(conn, app, name)
        taken = workers.take_jobs(conn)
        if taken:
            agenda.ask(conn, Laid(row.id, f"{TASK}/{what}", app.clock(), PERSON, {"actor": app.actor}))
        else:  # nor does anybody do what was asked for while one was there
            agenda.taken_back(conn, (row.id, f"{TASK}/{what}"))
    if not taken:
        look(app, name, what)
    return looking(app, name, what)


def looking(app: App, name: str, what: str) -> Looking:
    """How a look stands now."""
    row = setting_up.connection_of(app, name)
    with app.db.begin() as conn:
        job = agenda.one(conn, row.id, f"{TASK}/{what}")
        found = setups.of(conn, name)
        at = setups.found_at(conn, found.id).get(what) if found else None
        there = workers.take_jobs(conn)
    if job is None:
        return Looking(what, False, at, workers=there)
    busy = bool(job.waiting_job or job.running_job) or (job.due_at is not None and not job.parked_id)
    well = job.finished_at is not None and job.well_at == job.finished_at
    return Looking(what, busy, at, "" if busy or well or job.finished_at is None else job.why, there)


def task(duty: Duty) -> Done:
    """The job: its name says what is looked at. What stands in the way is told, and nothing is tried again."""
    if duty.connection is None:
        raise Bug(f"{duty.task} is of a connection.")
    app = duty.app.acting_as(str(duty.args.get("actor") or duty.app.actor))
    try:
        look(app, duty.connection.name, duty.task.partition("/")[2])
    except ConnectorError as error:
        return Done(well=False, why=f"{error} {error.remedy}".strip())
    return Done()


def look(app: App, name: str, what: str) -> None:
    """Looks now, and keeps what was found. Raises what is wrong with either side, but for a check, which tells it."""
    if what == "check":
        _keep(app, name, what, msgspec.json.encode(_check(app, name)))
    elif what == "survey":
        _keep(app, name, what, msgspec.json.encode(_survey(app, setting_up.connection_of(app, name))))
    else:
        report = app.plan(name)
        _keep(app, name, what, msgspec.json.encode({"plan": report.plan}))


def checked(app: App, name: str) -> list[Checked]:
    """What the last check found; empty when there was none since either half was changed."""
    body = _found(app, name, "check")
    return msgspec.json.decode(body, type=list[Checked]) if body else []


def surveyed(app: App, name: str) -> Survey | None:
    """What the last survey found; None when there was none since either half was changed."""
    body = _found(app, name, "survey")
    return msgspec.json.decode(body, type=Survey) if body else None


def paired(app: App, name: str) -> Paired | None:
    """Of the same the pairs alone, and what may be chosen for them: thousands of code strings are not read for them."""
    body = _found(app, name, "survey")
    return msgspec.json.decode(body, type=Paired) if body else None


def _check(app: App, name: str) -> list[Checked]:
    try:
        found = app.check(name)
    except ConnectorError as error:
        side = error.side or "projects"
        return [Checked(side, "sign-in", False, setting_up.told(error, side), error.remedy)]
    return [
        Checked(side, one.name, one.ok, setting_up.told(one.sentence, side), one.remedy, one.flows)
        for side, one in found
    ]


def _survey(app: App, row: ConnectionRow) -> Survey:
    config = config_from(row.config)
    with app.db.begin() as conn:
        version = mappings.latest(conn, row.id)
    mapper = Mapper(mapping_of(version.toml) if version else DEFAULT)
    with app.wiring.asking(row) as sides:
        counts = {"erp": sides.erp.discover(), "projects": sides.projects.discover()}
        ground = Ground(config.connection.erp_company, mapper, config.policy.vendors.near, counts, app.progress)
        return survey(sides.erp.system, sides.projects.system, ground)


def _keep(app: App, name: str, what: str, body: bytes) -> None:
    with app.db.begin() as conn:
        setups.keep(conn, setting_up.of_connection(conn, app, name).id, what, body)


def _found(app: App, name: str, what: str) -> bytes:
    with app.db.begin() as conn:
        row = setups.of(conn, name)
        found = setups.found(conn, row.id, what) if row else None
    return found.body if found else b""
