"""The pages of a set-up: a list, and one page a step; pairs and codes are in setup_pairs.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.actions import setup as acts
from ml_connector.actions.action import Nothing
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
from ml_connector.console.page import Page, Route, taken
from ml_connector.kernel.errors import BadInput, ConnectorError, NothingSuchHere
from ml_connector.planning.first_steps import KEYS, SKIPPABLE, following
from ml_connector.views.first_mapping import budgets_left_out
from ml_connector.views.setup import environments

ANOTHER = "Another address"
"""What the list of environments calls one that is none of Procore's own."""
_LOOKS = {"rights": "check", "survey": "survey", "plan": "plan"}
"""Steps that have something looked at."""
_LOOKED = {
    "rights": "The test is under way.",
    "survey": "Both sides are being looked at.",
    "plan": "The plan is being made.",
}


def setups(page: Page) -> Response:
    """Every set-up, and the form that begins one."""
    return _list(page)


def begin(page: Page) -> Response:
    """Begins one and leads to its first step."""
    try:
        given = page.posted(Begin)
        page.do(acts.BEGIN, given)
    except BadInput as error:
        return _list(page, error)
    return page.redirect(f"/setup/{given.connection}/erp")


def go_on(page: Page) -> Response:
    """Leads to the step to do now."""
    view = page.do(acts.SHOW, Named(page.part("setup")))
    return page.redirect(f"/setup/{view.name}/{view.now or KEYS[-1]}")


def drop(page: Page) -> Response:
    """Forgets a set-up that has no connection yet."""
    page.do(acts.DROP, Named(page.part("setup")))
    return page.redirect("/setup", f"The set-up of {page.part('setup')} is forgotten.")


def show(page: Page) -> Response:
    """One step."""
    step = page.part("step")
    if step in ("sites", "vendors"):
        return page.redirect(f"/setup/{page.part('setup')}/pairs/{step}")
    return step_page(page, step)


def erp(page: Page) -> Response:
    """Keeps where IFS is, and signs in."""
    return _half(page, "erp", lambda: page.do(acts.ERP, page.posted(ErpHalf, connection=page.part("setup"))))


def projects(page: Page) -> Response:
    """Keeps where Procore is, and signs in; with both sides known this leads on."""
    return _half(page, "projects", lambda: page.do(acts.PROJECTS, _typed(page)))


def company(page: Page) -> Response:
    """Chooses the company of one side."""
    side = page.part("side")
    try:
        page.do(acts.CHOOSE, page.posted(Company, connection=page.part("setup"), side=side))
    except BadInput as error:
        return step_page(page, side if side in KEYS else "erp", error)
    return page.redirect(f"/setup/{page.part('setup')}/{following(side)}", "The company is chosen.")


def look(page: Page) -> Response:
    """Has the rights tested, both sides surveyed, or the plan made."""
    step, name = page.part("look"), page.part("setup")
    if step not in _LOOKS:
        raise NothingSuchHere("There is no such step.")
    try:
        found = page.do(acts.LOOK, taken(Look, {"connection": name, "what": _LOOKS[step]}))
    except ConnectorError as error:
        return step_page(page, step, error)
    return page.redirect(f"/setup/{name}/{step}", _LOOKED[step] if found.busy else "")


def levels(page: Page) -> Response:
    """Keeps that a person looked at what both accounts may write, or that they did not."""
    name, seen = page.part("setup"), page.field("seen") == "yes"
    page.do(acts.LOOKED, Looked(name, seen))
    if not seen:
        return page.redirect(f"/setup/{name}/rights", "It is kept that nobody has looked yet.", "info")
    return page.redirect(f"/setup/{name}/{following('rights')}", "It is kept that you looked.")


def ownership(page: Page) -> Response:
    """Keeps who owns what."""
    name = page.part("setup")
    lines = page.do(acts.MATRIX, Named(name))
    chosen = {line.policy: page.fields(line.policy) for line in lines if line.policy}
    try:
        page.do(acts.OWN, taken(Ownership, {"connection": name, "choices": chosen}))
    except BadInput as error:
        return step_page(page, "ownership", error, chosen=chosen)
    return page.redirect(f"/setup/{name}/{following('ownership')}", "Who owns what is settled.")


def go_live(page: Page) -> Response:
    """Keeps how far back it begins."""
    name, mode = page.part("setup"), page.field("mode")
    given: dict[str, Any] = {"connection": name, "mode": mode}
    if mode == "day":
        given["day"] = page.field("day") or None
    if mode == "history" and page.field("window"):
        given["window"] = page.field("window")
    try:
        page.do(acts.GO_LIVE, taken(Start, given))
    except BadInput as error:
        return step_page(page, "go_live", error)
    return page.redirect(f"/setup/{name}/{following('go_live')}", "It begins so.")


def schedule(page: Page) -> Response:
    """Keeps when it runs; the set-up is over."""
    name = page.part("setup")
    days = ",".join(page.fields("day"))
    try:
        given = {
            "connection": name,
            "interval": page.field("interval"),
            "hours": f"{page.field('opens')}-{page.field('closes')}",
            "days": days,
            "approve": page.field("approve"),
            "restored": page.field("restored") == "yes",
        }
        page.do(acts.SCHEDULE, taken(Schedule, given))
    except BadInput as error:
        return step_page(page, "schedule", error, week=page.fields("day"))
    return page.redirect(f"/connections/{name}", "It is set up, and works at these times from now on.")


def done(page: Page) -> Response:
    """A step is done as it stands."""
    step, name = page.part("step"), page.part("setup")
    page.do(acts.MARK, taken(Step, {"connection": name, "step": step}))
    return page.redirect(f"/setup/{name}/{following(step)}")


def step_page(page: Page, step: str, error: ConnectorError | None = None, **more: Any) -> Response:
    """A step as it stands; with what went wrong when something was tried."""
    if step not in KEYS:
        raise NothingSuchHere("There is no such step.")
    name = page.part("setup")
    view = page.do(acts.SHOW, Named(name))
    place = view.steps[KEYS.index(step)]
    waits = place.state == "waits"
    values = {} if waits else _values(page, step, name)
    if page.request.headers.get("hx-request") and not _under_way(values):
        # what was asked for is over: not only the step says so, its head, the list of steps and what was said do, too
        return Response(headers={"hx-redirect": f"/setup/{quote(name)}/{step}"})
    return page.render(
        "setup/waits.html" if waits else f"setup/{step}.html",
        status=400 if error else 200,
        view=view,
        step=place,
        error=error,
        after=following(step),
        skippable=step in SKIPPABLE,
        typed=page.form,
        **{**values, **more},
    )


def _under_way(values: dict[str, Any]) -> bool:
    """Whether a page of these values asks again by itself: something is looked at, or an approved plan is sent."""
    plan = values.get("plan")
    looking = values.get("looking") or getattr(plan, "looking", None)
    approval = getattr(plan, "approval", None)
    return bool(looking and looking.busy) or bool(approval and approval.state in ("waits", "sending"))


def _values(page: Page, step: str, name: str) -> dict[str, Any]:
    gathered = _GATHERED.get(step)
    return gathered(page, Named(name)) if gathered else {}


def _rights(page: Page, named: Named) -> dict[str, Any]:
    looking = page.do(acts.LOOKING, _look(named, "check"))
    return {"checks": page.do(acts.CHECKS, named), "looking": looking, "levels": page.do(acts.LEVELS, named)}


def _survey(page: Page, named: Named) -> dict[str, Any]:
    looking = page.do(acts.LOOKING, _look(named, "survey"))
    return {"survey": page.do(acts.SURVEY, named) if looking.ended else None, "looking": looking}


def _look(named: Named, what: str) -> Look:
    return taken(Look, {"connection": named.connection, "what": what})


def _go_live(page: Page, named: Named) -> dict[str, Any]:
    return {"start": page.do(acts.START_OF, named)}


def _schedule(page: Page, named: Named) -> dict[str, Any]:
    plan = page.do(acts.SCHEDULE_OF, named)
    opens, _, closes = plan.hours.partition("-")
    return {"plan": plan, "opens": opens.strip(), "closes": closes.strip(), "week": _week(plan.days)}


def _week(days: str) -> list[str]:
    """Days as the boxes name them: mon-fri is its five days."""
    every = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    first, dash, last = days.replace(" ", "").partition("-")
    if dash and first in every and last in every:
        start, length = every.index(first), (every.index(last) - every.index(first)) % 7
        return [every[(start + step) % 7] for step in range(length + 1)]
    return [day for day in days.replace(" ", "").split(",") if day in every]


_GATHERED: dict[str, Callable[[Page, Named], dict[str, Any]]] = {
    "projects": lambda _page, _named: {"environments": environments(), "another": ANOTHER},
    "rights": _rights,
    "survey": _survey,
    "ownership": lambda page, named: {
        "matrix": page.do(acts.MATRIX, named),
        "chosen": {},
        "no_budgets": budgets_left_out(page.app, named.connection),
    },
    "go_live": _go_live,
    "plan": lambda page, named: {
        "plan": page.do(acts.PLAN, named),
        "no_budgets": budgets_left_out(page.app, named.connection),
    },
    "approve": lambda page, named: {"plan": page.do(acts.PLAN, named)},
    "schedule": _schedule,
}


def _half(page: Page, side: str, connect: Callable[[], Any]) -> Response:
    name = page.part("setup")
    try:
        reached = connect()
    except BadInput as error:
        return step_page(page, side, error)
    if not reached.ok:
        return page.redirect(f"/setup/{name}/{side}")
    if side == "projects":
        half = page.do(acts.SHOW, Named(name)).halves[side]
        page.say("Procore is connected; the secret is sealed.")
        known = half.parts["url"] in {one["url"] for one in environments()}
        return page.redirect(f"/setup/{name}/{following(side)}", half.environment, "good" if known else "warning")
    return page.redirect(f"/setup/{name}/{side}", "Signed in to IFS; the secret is sealed.")


def _typed(page: Page) -> ProjectsHalf:
    """Where Procore is: the environment chosen; an address that was typed counts only where none of them is."""
    known = {one["name"]: one for one in environments()}.get(page.field("environment"))
    if known is None:
        return page.posted(ProjectsHalf, connection=page.part("setup"))
    where = {name: known[name] for name in ("url", "login_url")}
    for name, address in where.items():
        typed = page.field(name).rstrip("/")
        if typed and typed.casefold() != address:
            raise BadInput(
                f"The environment is {known['name']}, but {typed} was typed, which is another address.",
                remedy=f"Choose “{ANOTHER}” as the environment, or leave both addresses empty.",
            )
    return page.posted(ProjectsHalf, connection=page.part("setup"), **where)


def _list(page: Page, error: BadInput | None = None) -> Response:
    rows = page.do(acts.SETUPS, Nothing())
    return page.render(
        "setup/list.html",
        status=400 if error else 200,
        rows=rows,
        error=error,
        typed={"connection": page.field("connection"), "title": page.field("title")},
    )


_MAY = Permission.CONFIGURE
PAGES: tuple[Route, ...] = (
    Route("/setup", setups, permission=_MAY),
    Route("/setup", begin, ("POST",), _MAY),
    Route("/setup/{setup}", go_on, permission=_MAY),
    Route("/setup/{setup}/drop", drop, ("POST",), _MAY),
    Route("/setup/{setup}/erp", erp, ("POST",), _MAY),
    Route("/setup/{setup}/projects", projects, ("POST",), _MAY),
    Route("/setup/{setup}/company/{side}", company, ("POST",), _MAY),
    Route("/setup/{setup}/look/{look}", look, ("POST",), _MAY),
    Route("/setup/{setup}/levels", levels, ("POST",), _MAY),
    Route("/setup/{setup}/ownership", ownership, ("POST",), _MAY),
    Route("/setup/{setup}/go_live", go_live, ("POST",), _MAY),
    Route("/setup/{setup}/schedule", schedule, ("POST",), _MAY),
    Route("/setup/{setup}/{step}/done", done, ("POST",), _MAY),
    Route("/setup/{setup}/{step}", show, permission=_MAY),
)
"""The list and the steps; those of pairs and codes come before the last one."""
