"""Runs: the list, one run while it goes and afterwards, stopping it, and deciding it again."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from markupsafe import Markup
from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.actions import runs as actions
from ml_connector.actions.home import Queued
from ml_connector.console.exporting import export
from ml_connector.console.page import Page, Route
from ml_connector.console.pages.home import NO_WORKER, not_queued
from ml_connector.console.wording import for_pages
from ml_connector.engine.totals import BY_DOCUMENT
from ml_connector.kernel.errors import BadInput, ConnectorError, NothingSuchHere
from ml_connector.registry import FLOWS
from ml_connector.views.listing import Column, Listing
from ml_connector.views.run_documents import RunDocumentsLook
from ml_connector.views.run_tables import COUNTS, TableLook, table
from ml_connector.views.runs import BEGUN, FATE_TITLES, RunPage, RunsLook, sums
from ml_connector.views.under_way import under_way

_STEPS = {
    "begins": "It begins.",
    "reads back": "It reads back what an earlier run had no answer to.",
    "reads": "It reads what changed in both systems.",
    "decides": "It decides what is to be done; nothing is sent yet.",
    "sends": "It sends what was decided.",
    "ends": "It writes down what it came to.",
}
"""Phase of a run to what people read."""
_ON_PAGE = ("run", "state", "started", "came", "out", "held", "refused", "left", "no_change")
"""Columns of the list on its page; files have all, with money, trigger, seconds and requests by themselves."""
_TOGETHER = Column("refused", "Refused, unknown", "number")
"""On the page both are in one column; the state says how much of it is unknown."""
_ALL_FLOWS = "all"
"""What a list of runs calls the flows of a run that had all of them."""


def listed(page: Page) -> Response:
    """A connection's runs."""
    look = page.query(RunsLook)
    wanted = page.request.query_params.get("as")
    if wanted:
        return export(page, wanted, "runs", look, lambda one: page.do(actions.LIST, one))
    found: Listing = page.do(actions.LIST, look)
    people = {one: page.person(one, begins=True) for one in found.choices.get("actor", [])}
    return page.render(
        "runs/list.html",
        found=_folded(found, page),
        goes_on=under_way(page.app, page.connection),
        flows=list(FLOWS),
        begun=BEGUN,
        people=people,
        base=_base(page),
    )


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
        all_told={"flow": "", **{name: sum(getattr(totals, name) for totals in told) for name in COUNTS}},
        money=sums(run.totals),
        unknown=sum(totals.unknown for totals in run.totals),
        sent=sent_words(run),
        says=_STEPS.get(run.phase, "It is under way."),
        begun=BEGUN.get(run.trigger, run.trigger),
        all_flows=set(FLOWS) <= set(run.flows),
        base=_base(page),
    )
    if page.partial and (run.state != "running" or run.lost):  # it has ended: what can be done is another thing
        answer.headers["HX-Refresh"] = "true"
    return answer


def documents(page: Page) -> Response:
    """The documents of a run, one by one."""
    look = page.query(RunDocumentsLook)
    wanted = page.request.query_params.get("as")
    if wanted:
        return export(page, wanted, f"run-{look.run}-documents", look, lambda one: page.do(actions.DOCUMENTS, one))
    found: Listing = page.do(actions.DOCUMENTS, look)
    rows = [{**row, "why": for_pages(row["why"], page.connection, page.zone)} for row in found.rows]
    return page.render(
        "runs/documents.html", run=look.run, found=msgspec.structs.replace(found, rows=rows), base=_base(page)
    )


def sent_words(run: RunPage) -> str:
    """What the money that a run sent is of, beneath its figure."""
    if run.trigger == "plan":
        return "nothing is sent by a plan"
    if not run.planned:
        return "it has not decided yet" if run.state == "running" and not run.lost else "no money was planned"
    if (run.applied, run.recoded_applied) == (run.planned, run.recoded):
        return "all that this run planned"
    return "of what was planned, see below" if run.applied else "nothing of what was planned"


def cancel(page: Page) -> Response:
    """Asks a run to stop."""
    page.do(actions.CANCEL, page.query(actions.OfRun))
    return page.redirect(
        f"{_base(page)}/{page.part('run')}",
        "It stops at its next safe point. What was begun is finished, and the rest goes with the next run.",
    )


def replay(page: Page) -> Response:
    """Decides a run again, beside what was decided then.

    The page is there at once and asks for the rest, with `shown`, by itself: a large run takes its time.
    """
    given = page.query(actions.ReplayGiven)
    run: RunPage = page.do(actions.SHOW, actions.OfRun(given.connection, given.run))
    found, trouble, shown = None, None, bool(page.request.query_params.get("shown"))
    try:
        found = page.do(actions.REPLAY, given) if shown else None
    except (BadInput, NothingSuchHere) as error:
        trouble = error
    within = "hx-request" in page.request.headers  # a part of a page is put in its place only where all is well
    return page.render(
        "runs/replay.html",
        status=400 if trouble and not within else 200,
        shown=shown,
        run=run,
        replayed=found and msgspec.structs.replace(found, flows=[flow for flow in FLOWS if flow in found.flows]),
        trouble=trouble,
        documents=sum(totals.came for totals in run.totals if totals.flow in BY_DOCUMENT),
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


def _folded(found: Listing, page: Page) -> Listing:
    """The list as it fits a page: money beneath the number of each fate, and beneath when it began who began it, how,
    with which flows, and why it ended early."""
    rows = [
        {
            **row,
            "state": {"text": row["state"], "beneath": row["totals"]},
            "started": {"text": row["started"], "beneath": _about(row, page)},
            **{name: {"text": row[name], "beneath": row[f"{name}_money"]} for name in FATE_TITLES},
            "refused": _together(row),
        }
        for row in found.rows
    ]
    columns = {one.key: one for one in found.columns} | {"refused": _TOGETHER}
    return msgspec.structs.replace(found, rows=rows, columns=tuple(columns[key] for key in _ON_PAGE))


def _about(row: Mapping[str, Any], page: Page) -> Markup:
    """Who had a run done and how, its flows where they are not all, and what it said."""
    error = for_pages(row["error"], page.connection, page.zone)
    how = BEGUN.get(row["trigger"], row["trigger"])
    lines = [f"{page.person(row['actor'], begins=True)}, {how}" if row["actor"] != row["trigger"] else how.capitalize()]
    lines += [row["flows"]] if row["flows"] != _ALL_FLOWS else []
    return Markup("<br>").join([*lines, error] if error else lines)


def _together(row: Mapping[str, Any]) -> dict[str, Any]:
    """What was refused and what is unknown, in one cell."""
    known = [row[name] for name in ("refused", "unknown") if row[name] is not None]
    sums: dict[str, Decimal] = {}
    for one in (*row["refused_money"], *row["unknown_money"]):
        sums[one["currency"]] = sums.get(one["currency"], Decimal(0)) + Decimal(one["amount"])
    return {"text": sum(known) if known else None, "beneath": {name: str(amount) for name, amount in sums.items()}}


def _base(page: Page) -> str:
    return f"/c/{page.connection}/runs"


PAGES: tuple[Route, ...] = (
    Route("/c/{connection}/runs", listed),
    Route("/c/{connection}/runs/{run}", one),
    Route("/c/{connection}/runs/{run}/documents", documents),
    Route("/c/{connection}/runs/{run}/cancel", cancel, ("POST",), Permission.WORK),
    Route("/c/{connection}/runs/{run}/replay", replay),
    Route("/c/{connection}/runs/{run}/again", again, ("POST",), Permission.WORK),
)
"""Addresses of runs."""
