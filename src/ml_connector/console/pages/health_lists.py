"""The lists of Health, each on a page of its own where it sorts, filters, pages and goes to a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ml_connector.console.titles import task_title
from ml_connector.console.wording import for_pages
from ml_connector.kernel.errors import BadInput, NothingSuchHere
from ml_connector.views.health import Appointment, GivenUp, Health, Waiting
from ml_connector.views.listing import Column, Listing, Look, Words, listing

LISTS: Mapping[str, str] = {"queue": "Queue", "agenda": "Agenda", "given-up": "Given up", "processes": "Processes"}
"""The lists by the last part of their address, with their titles."""

QUEUE_STATES = {"waiting": "waiting", "at work": "running", "stopping": "stopped"}
"""How a job of the queue stands to the word whose colour it has."""
PROCESS_STATES = {"alive": "good", "leaving": "waiting", "silent": "failed"}
"""How a process stands to the word whose colour it has."""
_DUE_STATES = {"scheduled": "waiting", "when asked": "none", "given up": "failed"}

_JOB = Column("task", "Job", sortable=True)
_CONNECTION = Column("connection", "Connection", sortable=True)
_STATE = Column("state", "State", "state", sortable=True)
_NUMBER = Column("number", "Number", "number", sortable=True)
_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "queue": (_JOB, _CONNECTION, _STATE, Column("worker", "Process", sortable=True), _NUMBER),
    "agenda": (
        _JOB,
        _CONNECTION,
        _STATE,
        Column("due", "Next", "moment", sortable=True),
        Column("well", "Ran well", "moment", sortable=True),
        Column("failures", "Failed in a row", "number", sortable=True),
        Column("skipped", "Left out, busy", "number", sortable=True),
        Column("why", "Says"),
    ),
    "given-up": (
        _JOB,
        _CONNECTION,
        Column("why", "Why"),
        Column("attempts", "Tried", "number", sortable=True),
        Column("at", "When", "moment", sortable=True),
        _NUMBER,
    ),
    "processes": (
        Column("kind", "Kind", sortable=True),
        Column("id", "Process", "code", sortable=True),
        Column("host", "Host", sortable=True),
        _STATE,
        Column("since", "Since", "moment", sortable=True),
        Column("seen", "Last sign of life", "moment", sortable=True),
    ),
}


class HealthLook(Look, frozen=True, kw_only=True):
    """Which rows of a list; an empty filter leaves none out."""

    connection: Words = ""
    state: Words = ""


def listed(found: Health, name: str, look: HealthLook) -> Listing:
    """A page of one of the lists. NothingSuchHere for a list there is not, BadInput for an order it cannot have."""
    if name not in LISTS:
        raise NothingSuchHere("There is no such list of Health.", remedy="Choose one on the page Health.")
    columns = _COLUMNS[name]
    rows = list(_ROWS[name](found))
    allowed = [column.key for column in columns if column.sortable]
    if look.sort and look.sort not in allowed:
        raise BadInput(f"The list cannot be sorted by {look.sort!r}.", remedy=f"Sort by {', '.join(allowed)}.")
    choices = {"state": sorted({row["state"]["word"] for row in rows if "state" in row})}
    if name != "processes" and not found.connection:
        choices["connection"] = sorted({row["connection"] for row in rows})
    kept = [row for row in rows if _fits(row, look, by_connection="connection" in choices)]
    if look.sort:
        there = [row for row in kept if _key(row[look.sort]) not in (None, "")]
        there.sort(key=lambda row: _key(row[look.sort]), reverse=look.down)
        kept = [*there, *(row for row in kept if _key(row[look.sort]) in (None, ""))]  # what says nothing comes last
    shown = tuple(column for column in columns if column is not _CONNECTION or not found.connection)
    start = (look.page - 1) * look.size
    return listing(shown, kept[start : start + look.size + 1], look, choices)


def on_page(found: Listing, connection: str, zone: str, titles: Mapping[str, str]) -> Listing:
    """The same as a page shows it: what a row says leads to the page that does it, and connections have their titles;
    files have text and names."""
    rows = []
    for row in found.rows:
        shown = dict(row)
        if "said" in row:
            shown["why"] = for_pages(row["said"], row["of"] or connection, zone)
        if "connection" in row:
            shown["connection"] = titles.get(row["connection"], row["connection"])
        rows.append(shown)
    return msgspec.structs.replace(found, rows=rows)


def _fits(row: Mapping[str, Any], look: HealthLook, *, by_connection: bool) -> bool:
    if look.state and row.get("state", {}).get("word") != look.state:
        return False
    if by_connection and look.connection and row["connection"] != look.connection:
        return False
    text = " ".join(str(_key(value)) for name, value in row.items() if name not in ("said", "key", "of")).casefold()
    return all(word in text for word in look.q.casefold().split())


def _key(value: Any) -> Any:
    """What a cell is sorted and looked for by."""
    if isinstance(value, dict):
        return value.get("word", "")
    return value.casefold() if isinstance(value, str) else value


def _state(word: str, colours: Mapping[str, str]) -> dict[str, str]:
    return {"state": colours[word], "word": word.capitalize()}


def _said(text: str, connection: str) -> dict[str, str]:
    """A sentence as a file has it and, under `said`, as it was."""
    return {"why": for_pages(text, connection).striptags(), "said": text}


def _queue(found: Health) -> Iterator[dict[str, Any]]:
    for one in found.queue:
        yield _of_job(one) | {"state": _state(one.state, QUEUE_STATES), "worker": one.worker, "number": one.job}


def _agenda(found: Health) -> Iterator[dict[str, Any]]:
    for one in found.agenda:
        state = "given up" if one.parked else "scheduled" if one.due else "when asked"
        yield _of_job(one) | {
            "state": _state(state, _DUE_STATES),
            "due": None if one.parked else one.due,
            "well": one.well,
            "failures": one.failures,
            "skipped": one.skipped,
            **_said(one.why, one.connection),
        }


def _given_up(found: Health) -> Iterator[dict[str, Any]]:
    for one in found.parked:
        about = {"attempts": one.attempts, "at": one.at, "number": one.number}
        yield _of_job(one) | about | _said(one.why, one.connection)


def _processes(found: Health) -> Iterator[dict[str, Any]]:
    for one in found.processes:
        yield {
            "kind": one.kind.capitalize(),
            "id": one.id,
            "host": one.host,
            "state": _state(one.state, PROCESS_STATES),
            "since": one.since,
            "seen": one.seen,
        }


def _of_job(one: Waiting | Appointment | GivenUp) -> dict[str, Any]:
    return {"task": task_title(one.task), "key": one.task, "of": one.connection} | {
        "connection": one.connection or "installation"
    }


_ROWS = {"queue": _queue, "agenda": _agenda, "given-up": _given_up, "processes": _processes}
