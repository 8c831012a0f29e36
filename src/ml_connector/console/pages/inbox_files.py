"""Lists of the inbox as files have them: the words of the pages in place of the codes programs read."""

from __future__ import annotations

from typing import Any

from ml_connector.console.exporting import flat
from ml_connector.console.page import Page
from ml_connector.console.pages.inbox_shown import badge_of, capital
from ml_connector.console.titles import flow_title, reason_title
from ml_connector.console.wording import for_pages
from ml_connector.views.inbox_group import Group
from ml_connector.views.listing import Listing


def causes(page: Page, found: Listing) -> Listing:
    """The causes of the inbox."""
    for row in found.rows:
        row["state"] = badge_of(row)[1]
        row["reason"], row["owner"] = reason_title(row["reason"]), capital(row["owner"])
        row["flow"] = flow_title(row["flow"]) if row["flow"] else ""
        row["remedy"] = _plain(page, row["remedy"])
    return flat(found)


def holds(page: Page, found: Group) -> Listing:
    """The holds of a cause."""
    for row in found.holds.rows:
        row["state"] = badge_of({**row, "reason": found.head["reason"]})[1]
        row["record"], row["sentence"] = capital(row["record"]), _plain(page, row["sentence"])
    return found.holds


def answers(found: Listing) -> Listing:
    """The answers people gave, each with the name of who did: whoever gets the file is not who asked for it."""
    for row in found.rows:
        row["record"], row["reason"], row["answer"] = capital(row["record"]), row["question"], row["label"]
    return found


def _plain(page: Page, text: Any) -> str:
    """A sentence or remedy as the page has it, without its links."""
    return for_pages(str(text), page.connection).striptags()
