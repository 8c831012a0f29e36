"""Runs: the list, one run while it goes and afterwards, stopping it, and deciding it again."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.actions import runs as actions
from ml_connector.actions.home import Queued
from ml_connector.console.exporting import export
from ml_connector.console.page import Page, Route
from ml_connector.console.pages.home import NO_WORKER, not_queued
from ml_connector.console.wording import for_pages
from ml_connector.kernel.errors import BadInput, ConnectorError, NothingSuchHere
from ml_connector.registry import FLOWS
from ml_connector.views.listing import Listing
from ml_connector.views.run_tables import TableLook, table
from ml_connector.views.runs import FATE_TITLES, RunPage, RunsLook, sums, under_way

_STEPS = {
    "begins": "It begins.",
    "reads back": "It reads back what an earlier run had no answer to.",
    "reads": "It reads what changed in both systems.",
    "decides": "It decides what is to be done; nothing is sent yet.",
    "sends": "It sends what was decided.",
    "ends": "It writes down what it came to.",
}
"""Phase of a run to what people read."""
_ON_PAGE = ("run", "state", "totals", "started", *FATE_TITLES, "flows")
"""Columns of the list on its page; files have all, with money, trigger, seconds and requests by themselves."""


def listed(page: Page) -> Response:
    """A connection's runs."""
    look = page.query(RunsLook)
    wanted = page.request.query_params.get("as")
    if wanted:
        return export(page, wanted, "runs", look, lambda one: page.do(actions.LIST, one))
    found: Listing = page.do(actions.LIST, look)
    shown, goes_on = _folded(found, page.connection, page.zone), under_way(page.app, page.connection)
    return page.render("runs/list.html", found=shown, goes_on=goes_on, flows=list(FLOWS), base=_base(page))


def one(page: Page) -> Response:
    """One run; with `as`, one of its tables as a file."""
    run: RunPage = page.do(actions.SHOW, page.query(actions.OfRun))
    wanted = page.request.query_params.get("as")
    if wanted:
        look = page.query(TableLook)
        return export(page, wanted, f"run-{run.run}-{look.of}", look, lambda one: table(run, one))
    told = [totals for totals in run.totals if totals.came or totals.off]
    answer = page.render(
        "runs/one.html",
        run=run,
        told=told,
        money=sums(run.totals),
        unknown=sum(totals.unknown for totals in run.totals),
        planned=[amount for amount in run.planned.values() if Decimal(amount)],
        says=_STEPS.get(run.phase, "It is under way."),
        base=_base(page),
    )
    if page.partial and run.state != "running":  # it has ended: what can be done about it is another thing now
        answer.headers["HX-Refresh"] = "true"
    return answer


def cancel(page: Page) -> Response:
    """Asks a run to stop."""
    page.do(actions.CANCEL, page.query(actions.OfRun))
    return page.redirect(
        f"{_base(page)}/{page.part('run')}",
        "It stops at its next safe point. What was begun is finished, and the rest goes with the next run.",
    )


def replay(page: Page) -> Response:
    """Decides a run again, beside what was decided then."""
    given = page.query(actions.ReplayGiven)
    run: RunPage = page.do(actions.SHOW, actions.OfRun(given.connection, given.run))
    found, trouble, status = None, None, 200
    try:
        found = page.do(actions.REPLAY, given)
    except (BadInput, NothingSuchHere) as error:
        trouble, status = error, 400
    return page.render(
        "runs/replay.html",
        status=status,
        run=run,
        replayed=found,
        trouble=trouble,
        which=given.mapping,
        base=_base(page),
    )


def again(page: Page) -> Response:
    """Has the flows of a run run anew, its documents decided again whatever seems unchanged."""
    given = page.query(actions.OfRun)
    page.do(actions.SHOW, given)  # a run that is not there has no page to go back to
    try:
        asked: Queued = page.do(actions.AGAIN, given)
    except ConnectorError as error:
        return not_queued(page, error, f"{_base(page)}/{given.run}")
    said = f"A run of the flows of run {given.run} is queued before everything else." if asked.workers else NO_WORKER
    return page.redirect(_base(page), said, "good" if asked.workers else "bad")


def _folded(found: Listing, connection: str, zone: str) -> Listing:
    """The list as it fits a page: money beneath the number of each fate, and who started it beneath when."""
    rows = [
        {
            **row,
            "started": {"text": row["started"], "beneath": f"{row['actor']}, {row['trigger']}"},
            "flows": {"text": row["flows"], "beneath": for_pages(row["error"], connection, zone)},
            **{name: {"text": row[name], "beneath": row[f"{name}_money"]} for name in FATE_TITLES},
        }
        for row in found.rows
    ]
    columns = {one.key: one for one in found.columns}
    return msgspec.structs.replace(found, rows=rows, columns=tuple(columns[key] for key in _ON_PAGE))


def _base(page: Page) -> str:
    return f"/c/{page.connection}/runs"


PAGES: tuple[Route, ...] = (
    Route("/c/{connection}/runs", listed),
    Route("/c/{connection}/runs/{run}", one),
    Route("/c/{connection}/runs/{run}/cancel", cancel, ("POST",), Permission.WORK),
    Route("/c/{connection}/runs/{run}/replay", replay),
    Route("/c/{connection}/runs/{run}/again", again, ("POST",), Permission.WORK),
)
"""Addresses of runs."""
