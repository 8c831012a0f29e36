"""Home: whether everything is all right, and where to go when it is not."""

from __future__ import annotations

from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.actions import home as actions
from ml_connector.actions import runs as run_actions
from ml_connector.actions.action import Nothing
from ml_connector.console.page import Page, Route
from ml_connector.kernel.errors import AskPerson, ConnectorError
from ml_connector.service.jobs import AtWork
from ml_connector.views.home import Home
from ml_connector.views.under_way import at_work

NO_WORKER = "No worker is alive to do it: it begins when the service is started."
"""Said where something was queued that nobody does."""


def home(page: Page) -> Response:
    """Every connection as a card, or the whole page of the only one."""
    found: Home = page.do(actions.HOME, Nothing())
    if len(found.cards) == 1:
        return _whole(page, found)
    return _live(page, found, page.render("home/list.html", found=found, busy=_busy(found)))


def one(page: Page) -> Response:
    """The whole page of one connection."""
    return _whole(page, page.do(actions.ONE, actions.OfConnection(page.connection)))


def _whole(page: Page, found: Home) -> Response:
    card = found.cards[0]
    busy, base = _busy(found), f"/c/{card.name}"
    return _live(page, found, page.render("home/connection.html", found=found, card=card, base=base, busy=busy))


def _busy(found: Home) -> bool:
    """Whether something is at work, or about to be, so that the page looks again by itself."""
    return any(card.running or card.computing == "runs" or (card.computing and found.worker) for card in found.cards)


def _live(page: Page, found: Home, answer: Response) -> Response:
    if page.partial and not _busy(found):  # it has ended: what can be done is another thing now
        answer.headers["HX-Refresh"] = "true"
    return answer


def compute(page: Page) -> Response:
    """Has the exposure computed now."""
    try:
        asked: actions.Queued = page.do(actions.COMPUTE, actions.OfConnection(page.connection))
    except AskPerson as error:
        return page.redirect(f"/c/{page.connection}", f"{error.sentence} {error.remedy}", "bad")
    said = "The exposure is being computed: project by project, both systems are only read."
    return page.redirect(
        f"/c/{page.connection}", said if asked.workers else NO_WORKER, "good" if asked.workers else "bad"
    )


def run_now(page: Page) -> Response:
    """Has everything run now."""
    try:
        asked: actions.Queued = page.do(run_actions.NOW, page.posted(run_actions.NowGiven))
    except ConnectorError as error:
        return not_queued(page, error)
    said = "A run is queued before everything else." if asked.workers else NO_WORKER
    return page.redirect(f"/c/{page.connection}/runs", said, "good" if asked.workers else "bad")


def not_queued(page: Page, error: ConnectorError, back: str = "") -> Response:
    """Says why a run could not be queued: beside the one at work where that is why, else where the person came from."""
    there = f"/c/{page.connection}/runs"
    number = at_work(page.app, page.connection) if isinstance(error, AtWork) else 0
    if number:
        said = f"{error.sentence} This is the run that is at work: wait for its end, or stop it."
        return page.redirect(f"{there}/{number}", said, "bad")
    return page.redirect(back or there, f"{error.sentence} {error.remedy}".strip(), "bad")


PAGES: tuple[Route, ...] = (
    Route("/", home),
    Route("/c/{connection}", one),
    Route("/c/{connection}/exposure", compute, ("POST",), Permission.WORK),
    Route("/c/{connection}/run", run_now, ("POST",), Permission.WORK),
)
"""Addresses of home."""
