"""The page behind the search box: any document by any number or name."""

from __future__ import annotations

from starlette.responses import Response

from ml_connector.actions import documents as acts
from ml_connector.console.page import Page, Route
from ml_connector.console.pages.documents import MANY, addressed
from ml_connector.views.search import SearchLook


def search(page: Page) -> Response:
    """What was found, the best first."""
    look = page.query(SearchLook)
    found = page.do(acts.SEARCH, look)
    return page.render(
        "search/found.html",
        look=look,
        finds=[addressed(one) for one in found.results],
        more=found.more,
        kinds=list(MANY.items()),
        several=len(page.connections) > 1,
    )


PAGES: tuple[Route, ...] = (Route("/search", search),)
"""Search."""
