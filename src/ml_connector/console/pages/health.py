"""Health: what works, what waits and what was given up, and what a person does about it."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.actions import health as actions
from ml_connector.actions import policies
from ml_connector.actions.action import Nothing
from ml_connector.actions.home import OfConnection
from ml_connector.console.exporting import export
from ml_connector.console.page import Page, Route, taken
from ml_connector.console.pages.health_lists import LISTS, HealthLook, listed, on_page
from ml_connector.kernel.errors import AskPerson, BadInput, FixSetup, NothingSuchHere, Wait
from ml_connector.registry import FLOWS
from ml_connector.views.health import Health

_SHOWN = 30
"""Rows of the agenda that are shown at once; its list has all of them."""
_EMPTY = {
    "queue": ("No job waits or is at work", "What is due next stands in the agenda."),
    "agenda": (
        "Nothing is scheduled",
        "Have whoever looks after the installation start the service: it lays out the timetable.",
    ),
    "given-up": ("Nothing was given up", "A job that fails again and again stands here, for a person to deal with."),
    "processes": ("No process", "Have whoever looks after the installation start the service."),
}
"""What a list says that has no row."""


def everything(page: Page) -> Response:
    """The whole installation."""
    return _shown(page, page.do(actions.ALL, Nothing()), "/health")


def one(page: Page) -> Response:
    """One connection."""
    return _shown(page, page.do(actions.ONE, OfConnection(page.connection)), f"/c/{page.connection}/health")


def _shown(page: Page, found: Health, base: str) -> Response:
    agenda, goes_on = found.agenda[:_SHOWN], busy(found)
    answer = page.render(
        "health/one.html", found=found, base=base, busy=goes_on, agenda=agenda, more=len(found.agenda) - len(agenda)
    )
    if page.partial and not goes_on:  # what was given up, and all else beside the queue, may be another thing now
        answer.headers["HX-Refresh"] = "true"
    return answer


def one_list(page: Page) -> Response:
    """One of the lists, of the whole installation or of one connection; with `as`, as a file."""
    look, name, wanted = page.query(HealthLook), page.part("list"), page.request.query_params.get("as")
    found: Health = (
        page.do(actions.ONE, OfConnection(page.connection)) if page.connection else page.do(actions.ALL, Nothing())
    )
    if wanted:
        called = "-".join(one for one in ("health", name, page.connection) if one)
        return export(page, wanted, called, look, lambda one: listed(found, name, one))
    titles = {one.name: one.title or one.name for one in page.connections}
    rows = on_page(listed(found, name, look), page.connection, page.zone, titles)
    live = name == "queue" and busy(found)
    return page.render(
        "health/list.html",
        listing=rows,
        name=name,
        lists=LISTS,
        empty=_EMPTY[name],
        titles=titles,
        base=_base(page),
        busy=live,
    )


def busy(found: Health) -> bool:
    """Whether a job is at work, or waits for a process that is there, so that the page looks again by itself."""
    alive = any(one.state == "alive" for one in found.processes)
    return any(job.state != "waiting" or alive for job in found.queue)


def act(page: Page) -> Response:
    """Does one of the things that stand beside what is shown, and comes back."""
    back = _back(page)
    try:
        said = _ACTS[page.field("what")](page)
    except KeyError:
        raise BadInput("There is no such thing to do here.", remedy="Use the buttons of the page.") from None
    except (AskPerson, BadInput, NothingSuchHere, FixSetup, Wait) as error:
        form = _FORMS.get(page.field("what"))
        if form and isinstance(error, BadInput):  # what was typed is not lost
            return form(page, error)
        return page.redirect(back, f"{error} {error.remedy}".strip(), "bad")
    return page.redirect(back, said)


def pausing(page: Page) -> Response:
    """What is to stand still, until when, and why."""
    return _pause_form(page)


def _pause_form(page: Page, error: BadInput | None = None) -> Response:
    typed = {name: page.field(name) for name in ("flow", "until", "note")}
    return page.render(
        "health/pause.html",
        status=400 if error else 200,
        flows=list(FLOWS),
        typed=typed,
        zone=page.do(policies.SHOW, policies.Of(page.connection)).zone,
        error=error,
        base=f"/c/{page.connection}/health",
    )


def _dismiss_form(page: Page, error: BadInput) -> Response:
    """The question why a job is laid aside, as a page of its own."""
    return page.render(
        "health/dismiss.html",
        status=400,
        number=page.field("number"),
        note=page.field("note"),
        error=error,
        base=_base(page),
    )


def _back(page: Page) -> str:
    """Where the person came from, if it is a page that has such buttons, else Health."""
    base, wanted = _base(page), page.field("back")
    known = [f"{base}/lists/{one}" for one in LISTS]
    known += [f"/c/{page.connection}", f"/connections/{page.connection}"] if page.connection else []
    return wanted if wanted in known else base


def _base(page: Page) -> str:
    return f"/c/{page.connection}/health" if page.connection else "/health"


def _pause(page: Page) -> str:
    return " ".join(page.do(actions.PAUSE, page.posted(actions.PauseGiven)).sentences)


def _resume(page: Page) -> str:
    given = page.posted(actions.ResumeGiven)
    page.do(actions.RESUME, given)
    return f"{given.flow.replace('_', ' ').capitalize() or 'The connection'} goes on: what waited is due at once."


def _probe(page: Page) -> str:
    return str(page.do(actions.PROBE, page.posted(actions.ProbeGiven)).sentence)


def _retry(page: Page) -> str:
    connection = page.connection or page.field("connection")
    given = taken(actions.RetryGiven, {"task": page.field("task"), "connection": connection})
    return f"{page.do(actions.RETRY, given).task} is due now."


def _cancel(page: Page) -> str:
    done = page.do(actions.CANCEL, page.posted(actions.OfJob))
    return f"{done.task} {'stops at its next safe point' if done.stopping else 'was taken out of the queue'}."


def _release(page: Page) -> str:
    return f"{page.do(actions.RELEASE, page.posted(actions.OfParked)).task} is due again."


def _dismiss(page: Page) -> str:
    return f"{page.do(actions.DISMISS, page.posted(actions.DismissGiven)).task} is laid aside."


_ACTS: dict[str, Callable[[Page], str]] = {
    "pause": _pause,
    "resume": _resume,
    "probe": _probe,
    "retry": _retry,
    "cancel": _cancel,
    "release": _release,
    "dismiss": _dismiss,
}

_FORMS: dict[str, Callable[[Page, BadInput], Response]] = {"pause": _pause_form, "dismiss": _dismiss_form}
"""What has something typed into it, to the form that is shown again when it cannot be used."""

PAGES: tuple[Route, ...] = (
    Route("/health", everything),
    Route("/health", act, ("POST",), Permission.WORK),
    Route("/health/lists/{list}", one_list),
    Route("/c/{connection}/health", one),
    Route("/c/{connection}/health", act, ("POST",), Permission.WORK),
    Route("/c/{connection}/health/lists/{list}", one_list),
    Route("/c/{connection}/health/pause", pausing, ("GET",), Permission.WORK),
)
"""Addresses of health."""
