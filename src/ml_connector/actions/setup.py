"""What is done to set a connection up, step by step; the commands are those of `ml-connector setup`."""

from __future__ import annotations

from ml_connector.access.permissions import Permission
from ml_connector.actions.action import Action, Call, Nothing
from ml_connector.actions.setup_takes import (
    Begin,
    Company,
    ErpHalf,
    Look,
    Looked,
    Named,
    Ownership,
    ProjectsHalf,
    Schedule,
    Start,
    Step,
)
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.planning.survey import Survey
from ml_connector.service import setting_up, starting, surveying
from ml_connector.service.setting_up import Half, Reached
from ml_connector.service.starting import Timetable
from ml_connector.service.surveying import Checked, Looking
from ml_connector.views import setup
from ml_connector.views.setup import LevelsView, OwnedView, PlanView, ScheduleView, SetupRowView, SetupView, StartView


def _begin(call: Call, given: Begin) -> SetupView:
    setting_up.begin(call.app, given.connection, given.title)
    return setup.of(call.app, given.connection)


def _erp(call: Call, given: ErpHalf) -> Reached:
    parts = {"url": given.url, "realm": given.realm, "client_id": given.client_id, "channel": given.channel}
    return setting_up.connect(call.app, given.connection, Half("erp", parts, given.client_secret, given.time_zone))


def _projects(call: Call, given: ProjectsHalf) -> Reached:
    parts = {name: getattr(given, name) for name in ("url", "login_url", "client_id", "company_id")}
    return setting_up.connect(call.app, given.connection, Half("projects", parts, given.client_secret))


def _choose(call: Call, given: Company) -> SetupView:
    setting_up.choose(call.app, given.connection, given.side, given.company)
    return setup.of(call.app, given.connection)


def _own(call: Call, given: Ownership) -> list[OwnedView]:
    starting.own(call.app, given.connection, {policy: tuple(values) for policy, values in given.choices.items()})
    return setup.matrix_of(call.app, given.connection)


def _survey(call: Call, given: Named) -> Survey:
    found = surveying.surveyed(call.app, given.connection)
    if found is None:
        remedy = f"Run `ml-connector setup look {given.connection} survey` first."
        raise NothingSuchHere("Nobody has looked at both sides yet.", remedy=remedy)
    return found


def _start(call: Call, given: Start) -> StartView:
    starting.go_live(call.app, given.connection, given.mode, given.day, given.window)
    return setup.start_of(call.app, given.connection)


def _schedule(call: Call, given: Schedule) -> ScheduleView:
    chosen = Timetable(given.interval, given.hours, given.days, given.approve, given.restored)
    starting.timetable(call.app, given.connection, chosen)
    return setup.schedule_of(call.app, given.connection)


def _mark(call: Call, given: Step) -> SetupView:
    setting_up.mark(call.app, given.connection, given.step)
    return setup.of(call.app, given.connection)


def _looked(call: Call, given: Looked) -> LevelsView:
    setting_up.looked(call.app, given.connection, seen=given.seen)
    return setup.levels_of(call.app, given.connection)


def _drop(call: Call, given: Named) -> Nothing:
    setting_up.drop(call.app, given.connection)
    return Nothing()


_PATH = "/setups/{connection}"

SETUPS = Action(
    name="setup.list",
    permission=Permission.CONFIGURE,
    method="GET",
    path="/setups",
    takes=Nothing,
    gives=list[SetupRowView],
    call=lambda call, _given: setup.listed(call.app),
    command="setup list",
    sentence="Lists every set-up with the step to do next.",
)
"""Every set-up."""
BEGIN = Action(
    name="setup.begin",
    permission=Permission.CONFIGURE,
    method="POST",
    path=_PATH,
    takes=Begin,
    gives=SetupView,
    call=_begin,
    command="setup begin",
    sentence="Begins to set a connection up, or goes on with it.",
)
"""The first thing done about a new connection."""
SHOW = Action(
    name="setup.show",
    permission=Permission.CONFIGURE,
    method="GET",
    path=_PATH,
    takes=Named,
    gives=SetupView,
    call=lambda call, given: setup.of(call.app, given.connection),
    command="setup show",
    sentence="Shows the steps of a set-up and how each stands.",
)
"""The steps of one."""
DROP = Action(
    name="setup.drop",
    permission=Permission.CONFIGURE,
    method="DELETE",
    path=_PATH,
    takes=Named,
    gives=Nothing,
    call=_drop,
    command="setup drop",
    sentence="Forgets a set-up that has become no connection yet, with its secrets.",
)
"""For one begun by mistake."""
ERP = Action(
    name="setup.erp",
    permission=Permission.CONFIGURE,
    method="PUT",
    path=f"{_PATH}/erp",
    takes=ErpHalf,
    gives=Reached,
    call=_erp,
    command="setup erp",
    sentence="Says where IFS is, seals the secret, signs in and lists the companies.",
)
"""The first step."""
PROJECTS = Action(
    name="setup.projects",
    permission=Permission.CONFIGURE,
    method="PUT",
    path=f"{_PATH}/projects",
    takes=ProjectsHalf,
    gives=Reached,
    call=_projects,
    command="setup projects",
    sentence="Says where Procore is and which company, seals the secret and signs in.",
)
"""The second step."""
CHOOSE = Action(
    name="setup.choose",
    permission=Permission.CONFIGURE,
    method="PUT",
    path=f"{_PATH}/company",
    takes=Company,
    gives=SetupView,
    call=_choose,
    command="setup choose",
    sentence="Chooses the company of one side; with both known the connection is made, paused.",
)
"""Which company is joined."""
LOOK = Action(
    name="setup.look",
    permission=Permission.CONFIGURE,
    method="POST",
    path=f"{_PATH}/look",
    takes=Look,
    gives=Looking,
    call=lambda call, given: surveying.ask(call.app, given.connection, given.what),
    command="setup look",
    sentence="Has the rights checked, both sides surveyed, or the first plan made. Nothing is written to either side.",
)
"""Steps that look at both sides."""
LOOKING = Action(
    name="setup.looking",
    permission=Permission.CONFIGURE,
    method="GET",
    path=f"{_PATH}/look",
    takes=Look,
    gives=Looking,
    call=lambda call, given: surveying.looking(call.app, given.connection, given.what),
    command="setup show",
    sentence="How a look stands: under way, or when it ended and what went wrong with it.",
)
"""Whether that has ended."""
CHECKS = Action(
    name="setup.checks",
    permission=Permission.CONFIGURE,
    method="GET",
    path=f"{_PATH}/checks",
    takes=Named,
    gives=list[Checked],
    call=lambda call, given: setup.check_of(call.app, given.connection),
    command="check",
    sentence="What the last check of rights and names found, what fails first, each with its remedy.",
)
"""What the third step shows."""
LEVELS = Action(
    name="setup.levels",
    permission=Permission.CONFIGURE,
    method="GET",
    path=f"{_PATH}/levels",
    takes=Named,
    gives=LevelsView,
    call=lambda call, given: setup.levels_of(call.app, given.connection),
    command="setup levels",
    sentence="What both accounts must be allowed to write, which no test can tell, and who looked at it.",
)
"""What the third step shows beside it."""
LOOKED = Action(
    name="setup.looked",
    permission=Permission.CONFIGURE,
    method="PUT",
    path=f"{_PATH}/levels",
    takes=Looked,
    gives=LevelsView,
    call=_looked,
    command="setup levels",
    sentence="Says that a person looked at what both accounts may write, or takes that back.",
)
"""The part of the third step that only a person can do."""
SURVEY = Action(
    name="setup.survey",
    permission=Permission.CONFIGURE,
    method="GET",
    path=f"{_PATH}/survey",
    takes=Named,
    gives=Survey,
    call=_survey,
    command="setup survey",
    sentence="The discovery report: what is on both sides, what looks alike, and what a person should look at.",
)
"""What the fourth step shows."""
MATRIX = Action(
    name="setup.matrix",
    permission=Permission.CONFIGURE,
    method="GET",
    path=f"{_PATH}/ownership",
    takes=Named,
    gives=list[OwnedView],
    call=lambda call, given: setup.matrix_of(call.app, given.connection),
    command="setup own",
    sentence="The ownership matrix as it is set.",
)
"""What the fifth step shows."""
OWN = Action(
    name="setup.own",
    permission=Permission.CONFIGURE,
    method="PUT",
    path=f"{_PATH}/ownership",
    takes=Ownership,
    gives=list[OwnedView],
    call=_own,
    command="setup own",
    sentence="Sets the choices of the ownership matrix.",
)
"""The fifth step."""
START_OF = Action(
    name="setup.start",
    permission=Permission.CONFIGURE,
    method="GET",
    path=f"{_PATH}/go-live",
    takes=Named,
    gives=StartView,
    call=lambda call, given: setup.start_of(call.app, given.connection),
    command="setup go-live",
    sentence="How far back a connection begins.",
)
"""What the ninth step shows."""
GO_LIVE = Action(
    name="setup.go_live",
    permission=Permission.CONFIGURE,
    method="PUT",
    path=f"{_PATH}/go-live",
    takes=Start,
    gives=StartView,
    call=_start,
    command="setup go-live",
    sentence="Chooses how far back a connection begins.",
)
"""The ninth step."""
PLAN = Action(
    name="setup.plan",
    permission=Permission.CONFIGURE,
    method="GET",
    path=f"{_PATH}/plan",
    takes=Named,
    gives=PlanView,
    call=lambda call, given: setup.plan_of(call.app, given.connection),
    command="setup show",
    sentence="The latest plan of a connection that is being set up.",
)
"""What the steps of the first plan show."""
SCHEDULE_OF = Action(
    name="setup.timetable",
    permission=Permission.CONFIGURE,
    method="GET",
    path=f"{_PATH}/schedule",
    takes=Named,
    gives=ScheduleView,
    call=lambda call, given: setup.schedule_of(call.app, given.connection),
    command="setup schedule",
    sentence="When a connection works by itself.",
)
"""What the last step shows."""
SCHEDULE = Action(
    name="setup.schedule",
    permission=Permission.CONFIGURE,
    method="PUT",
    path=f"{_PATH}/schedule",
    takes=Schedule,
    gives=ScheduleView,
    call=_schedule,
    command="setup schedule",
    sentence="Sets when a connection works by itself; the set-up is over. Only once a plan was approved, and a backup "
    "restored for a try.",
)
"""The last step."""
MARK = Action(
    name="setup.mark",
    permission=Permission.CONFIGURE,
    method="POST",
    path=f"{_PATH}/marks",
    takes=Step,
    gives=SetupView,
    call=_mark,
    command="setup done",
    sentence="Says that a step is done as it stands.",
)
"""For steps whose defaults are right."""

ACTIONS = (
    SETUPS,
    BEGIN,
    SHOW,
    DROP,
    ERP,
    PROJECTS,
    CHOOSE,
    LOOK,
    LOOKING,
    CHECKS,
    LEVELS,
    LOOKED,
    SURVEY,
    MATRIX,
    OWN,
    START_OF,
    GO_LIVE,
    PLAN,
    SCHEDULE_OF,
    SCHEDULE,
    MARK,
)
"""Steps of a set-up."""
