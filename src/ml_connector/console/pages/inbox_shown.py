"""One cause and one hold of the inbox as pages: at first, and again with what was typed when something was wrong."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import Response

from ml_connector.actions import inbox as actions
from ml_connector.actions.inbox import OfHold
from ml_connector.console.page import Page
from ml_connector.engine.questions import answers_to
from ml_connector.kernel.errors import ConnectorError
from ml_connector.planning.blocking import UNKNOWN
from ml_connector.planning.finding import FLOWS_OF
from ml_connector.planning.finding_linked import document_of
from ml_connector.planning.plan import HoldReason
from ml_connector.service.inbox_desk import place_of
from ml_connector.views.hold_words import SIDED, SORTS
from ml_connector.views.inbox_group import Group, GroupLook
from ml_connector.views.inbox_hold import Hold

CAUSE = ("reason", "waits_kind", "waits_id", "flow", "kind")
"""What names a cause in an address or a form."""

_WORDS = {
    "questions": ("returned", "Answer needed"),
    "conflicts": ("returned", "Answer needed"),
    "refusals": ("failed", "Refused"),
    "unknown": ("unknown", "No answer yet"),
    "waiting": ("waiting", "Waiting"),
}
_ANSWERED = {False: ("queued", "Goes with the next run"), True: ("queued", "Goes into the next plan")}
"""State and word of what is answered, by whether what becomes of it waits for approval."""
_ASKING = ("questions", "conflicts")
_CHOOSE = "Choose a side"
_SORT_OF = {reason.value: sort for sort, reasons in SORTS.items() for reason in reasons} | {UNKNOWN: "unknown"}
_TRIED = ("refusals", "unknown")
"""Sorts of what the next run tries or asks again by itself."""
_KEPT = ("page", "size", "sort", "down", "q")
"""What the address of a cause says of the list of its holds."""


def group_page(page: Page, look: GroupLook, error: ConnectorError | None = None, status: int = 200) -> Response:
    """One cause and its holds; with an error what was typed stands there again."""
    found: Group = page.do(actions.GROUP, look)
    shown = {name: getattr(look, name) for name in _KEPT if getattr(look, name) != getattr(_PLAIN, name)}
    found.holds.look.pop("connection")  # the address has it
    for row in found.holds.rows:
        written = record_url(page.connection, row["kind"], row["id"])
        row["href"] = f"{home_of(page)}/holds/{row['hold']}" if row["hold"] else written
        row["record"] = capital(row["record"])
        if row["called"]:
            row["record"] = {"text": row["record"], "beneath": row["id"]}
        state, word = badge_of({**row, "reason": look.reason})
        row["state"] = {"state": state, "word": word}
    return page.render(
        "inbox/group.html",
        status=status,
        found=found,
        head=found.head,
        cause={name: getattr(look, name) for name in CAUSE},
        badge=badge_of(found.head),
        tried=sort_of(look.reason) in _TRIED,
        choices=[(one.answer, one.label, one.means) for one in found.answers],
        typed=_typed(page),
        error=error,
        list_url=cause_url(page.connection, found.head, shown),
        more=[(one.system, one.url) for one in found.addresses],
    )


def hold_page(page: Page, given: OfHold, error: ConnectorError | None = None, status: int = 200) -> Response:
    """One hold in full; with an error what was typed stands there again."""
    found: Hold = page.do(actions.HOLD, given)
    record = found.document or found.line
    return page.render(
        "inbox/hold.html",
        status=status,
        title=capital(found.line["record"]),
        sided=bool(found.three_way) and {one.answer for one in found.answers} == {"erp", "projects"},
        choose=_CHOOSE if HoldReason(found.reason) in SIDED else "Your answer",
        found=found,
        badge=("done", "Gone") if found.released_at else badge_of({**found.line, "reason": found.reason}),
        cause_url=cause_url(page.connection, found.cause),
        lacks_row=found.cause["waits_kind"] == "mapping" and bool(place_of(found.cause["waits_id"])[0]),
        document=record_url(page.connection, record["kind"], record["id"]) if found.document else "",
        gaps=f"/c/{quote(page.connection, safe='')}/mapping" if found.line["kind"] == "combination" else "",
        tried=sort_of(found.reason) in _TRIED,
        choices=[
            (one.answer, one.label, one.means) for one in found.answers if one.answer != "link" or not found.match
        ],
        typed=_typed(page),
        error=error,
        more=[(one.system, one.url) for one in found.addresses],
    )


def capital(text: str) -> str:
    """The text with a capital letter first, as a line begins."""
    return f"{text[:1].upper()}{text[1:]}"


def home_of(page: Page) -> str:
    """The address of the inbox."""
    return f"/c/{quote(page.connection, safe='')}/inbox"


def cause_url(connection: str, row: dict[str, Any], shown: dict[str, Any] | None = None) -> str:
    """The address of a cause, as a row of the inbox or a hold names it; `shown`: how its holds are listed."""
    query = {name: row[name] for name in CAUSE if row[name]} | (shown or {})
    return f"/c/{quote(connection, safe='')}/inbox/group?{urlencode(query)}"


def record_url(connection: str, kind: str, number: str) -> str:
    """The address of the page that shows a record; empty for one that is on no page."""
    home = f"/c/{quote(connection, safe='')}"
    if kind == "combination":
        return f"{home}/mapping"
    whole = None if kind in FLOWS_OF else document_of(kind, number)
    kind, number = whole or (kind, number)
    return f"{home}/documents/{quote(kind, safe='')}/{quote(number, safe='')}" if kind in FLOWS_OF and number else ""


def sort_of(reason: str) -> str:
    """The sort of cause a reason belongs to; empty for a word that is no reason."""
    return _SORT_OF.get(reason, "")


def badge_of(row: dict[str, Any]) -> tuple[str, str]:
    """State and word of a cause or a hold: what is to be answered, where anything is."""
    sort = sort_of(row["reason"])
    if row["state"] == "answered":
        return _ANSWERED[bool(row.get("approval"))]
    if sort not in _ASKING:
        return _WORDS[sort]
    reason = HoldReason(row["reason"])
    answers = row["answers"] if "answers" in row else answers_to(row["flow"], reason, row["kind"])
    state, word = _WORDS[sort if answers else "waiting"]
    return state, _CHOOSE if answers and reason in SIDED else word


def _typed(page: Page) -> dict[str, Any]:
    """What stood in the form that came; empty where none did."""
    return {
        "answer": page.field("answer"),
        "note": page.field("note"),
        "to": page.field("to"),
        "target": page.field("target"),
        "scope": page.field("scope") or "chosen",
        "chosen": page.fields("chosen"),
        "parts": {name: page.field(name) for name in page.form if name.startswith("part-")},
    }


_PLAIN = GroupLook(connection="", reason="", waits_kind="")
