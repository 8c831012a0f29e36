"""Pages of the inbox: what waits by its cause, one cause, one hold, and the answers people gave."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.actions import inbox as actions
from ml_connector.actions.inbox import OfConnection, OfHold, Withdrawing
from ml_connector.console.exporting import export
from ml_connector.console.page import Page, Route
from ml_connector.console.pages import inbox_files
from ml_connector.console.pages.home import not_queued
from ml_connector.console.pages.inbox_deciding import decide
from ml_connector.console.pages.inbox_shown import (
    badge_of,
    capital,
    cause_url,
    group_page,
    hold_page,
    home_of,
    record_url,
    sort_of,
)
from ml_connector.kernel.errors import ConnectorError
from ml_connector.views.inbox import InboxLook, Standing
from ml_connector.views.inbox_group import GroupLook
from ml_connector.views.inbox_hold import AnswersLook
from ml_connector.views.listing import Listing

_TABS = (
    ("", "All"),
    ("conflicts", "Conflicts"),
    ("questions", "Questions"),
    ("refusals", "Refused"),
    ("unknown", "No answer yet"),
    ("waiting", "Waiting"),
)


def inbox(page: Page) -> Response:
    """Everything that waits, by its cause."""
    look = page.query(InboxLook)
    wanted = page.request.query_params.get("as")
    if wanted:
        return export(page, wanted, "inbox", look, lambda one: inbox_files.causes(page, page.do(actions.LIST, one)))
    found: Listing = page.do(actions.LIST, look)
    stands: Standing = page.do(actions.STANDING, OfConnection(page.connection))
    for row in found.rows:
        alone = row["number"] == 1 and sort_of(row["reason"]) in ("questions", "conflicts")
        row["href"] = f"{home_of(page)}/holds/{row['hold']}" if alone else cause_url(page.connection, row)
        row["badge"] = badge_of(row)
    found.look.pop("connection")  # the address has it
    tabs = [
        (
            key,
            text,
            page.to(sort_of=key, page=None, reason=None),
            stands.sorts[key] if key else sum(stands.sorts.values()),
        )
        for key, text in _TABS
    ]
    return page.render(
        "inbox/list.html",
        found=found,
        stands=stands,
        tabs=[*tabs, ("answers", "Answers given", f"{home_of(page)}/answers")],
        current=look.sort_of,
        labels={"connection": None, "sort_of": None, "flow": "Flow", "reason": None, "owner": "Who can act"},
    )


def group(page: Page) -> Response:
    """One cause and its holds."""
    look, wanted = page.query(GroupLook), page.request.query_params.get("as")
    if wanted:
        return export(page, wanted, "holds", look, lambda one: inbox_files.holds(page, page.do(actions.GROUP, one)))
    return group_page(page, look)


def hold(page: Page) -> Response:
    """One hold in full."""
    return hold_page(page, page.query(OfHold))


def answers(page: Page) -> Response:
    """What people answered."""
    look = page.query(AnswersLook)
    wanted = page.request.query_params.get("as")
    if wanted:
        return export(page, wanted, "answers", look, lambda one: inbox_files.answers(page.do(actions.ANSWERS, one)))
    found: Listing = page.do(actions.ANSWERS, look)
    found.look.pop("connection")  # the address has it
    for place, row in enumerate(found.rows):
        row["place"], row["actor"] = place, page.person(row["actor"], begins=True)
        row["record"] = _linked(record_url(page.connection, row["kind"], row["id"]), capital(row["record"]))
        if row["called"]:
            row["record"] = {"text": row["record"], "beneath": row["id"]}
        row["code"], row["reason"], row["answer"] = row["reason"], row["question"], row["label"]
    tabs = [
        (key, text, f"{home_of(page)}?{urlencode({'sort_of': key})}" if key else home_of(page)) for key, text in _TABS
    ]
    return page.render(
        "inbox/answers.html", found=found, tabs=[*tabs, ("answers", "Answers given", page.address)], current="answers"
    )


def withdraw(page: Page) -> Response:
    """Takes an answer back."""
    done = page.do(actions.WITHDRAW, page.posted(Withdrawing))
    return page.redirect(
        f"{home_of(page)}/answers", f"The answer about {done.record} is taken back: the next run asks again."
    )


def run_now(page: Page) -> Response:
    """Has everything looked at now."""
    try:
        done = page.do(actions.RETRY, OfConnection(page.connection))
    except ConnectorError as error:
        return not_queued(page, error, home_of(page))
    said = "A run is on its way: what was answered is decided anew, and what was refused is tried again."
    if not done["workers"]:
        said = "The run is asked for, but nobody is at work: start `ml-connector serve` or a worker."
    return page.redirect(home_of(page), said, "good" if done["workers"] else "info")


def _linked(url: str, text: str) -> dict[str, str] | str:
    return {"href": url, "text": text} if url else text


PAGES: tuple[Route, ...] = (
    Route("/c/{connection}/inbox", inbox),
    Route("/c/{connection}/inbox/group", group),
    Route("/c/{connection}/inbox/group", decide, ("POST",), Permission.WORK),
    Route("/c/{connection}/inbox/holds/{hold}", hold),
    Route("/c/{connection}/inbox/answers", answers),
    Route("/c/{connection}/inbox/answers", withdraw, ("POST",), Permission.WORK),
    Route("/c/{connection}/inbox/run", run_now, ("POST",), Permission.WORK),
)
"""The inbox."""
