"""The inbox: everything that waits for somebody, by its cause, with the money behind it and what it blocks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import msgspec

from ml_connector.app import App
from ml_connector.planning.blocking import ITSELF, UNKNOWN, Behind, Cause
from ml_connector.planning.foreseen import step_words
from ml_connector.planning.plan import Verb
from ml_connector.planning.policy import Policies
from ml_connector.registry import FLOWS
from ml_connector.service.inbox_desk import leads
from ml_connector.service.polling import POLL
from ml_connector.service.tasks import NOW
from ml_connector.store import causes, unsettled
from ml_connector.store.bulk import Transaction
from ml_connector.store.causes import Asked, CauseRow
from ml_connector.store.signals import Standing as Signs
from ml_connector.store.signals import signals, works
from ml_connector.store.unsettled import UnknownRow
from ml_connector.views.hold_words import SORTS, kind_words, thing_words, words_of
from ml_connector.views.listing import Column, Listing, Look, Words, listing, money
from ml_connector.views.newest_mapping import newest_mapping
from ml_connector.views.next_step import policies_of, waits_for_approval

_ALIVE = timedelta(seconds=60)
"""A worker that has been silent for longer is not counted."""

COLUMNS = (
    Column("title", "What it waits for"),
    Column("reason", "Reason"),
    Column("records", "Records"),
    Column("number", "Holds", "number", sortable=True),
    Column("money", "Money at stake", "money", sortable=True),
    Column("owner", "Who can act", sortable=True),
    Column("since", "Since", "moment", sortable=True),
    Column("blocks", "Blocks"),
    Column("blocked_money", "Money behind it", "money"),
    Column("state", "State", "state"),
    Column("remedy", "What ends it"),
)
"""Columns of the list of causes."""


class InboxLook(Look, frozen=True, kw_only=True):
    """How the inbox is asked for."""

    connection: Words
    sort_of: Literal["", "questions", "conflicts", "refusals", "waiting", "unknown"] = ""
    """Only one sort of cause."""
    reason: Words = ""
    owner: Words = ""
    flow: Words = ""
    state: Literal["", "open", "answered"] = ""
    """open: somebody must act; answered: it waits for the next run."""


class Unknown(msgspec.Struct, frozen=True):
    """Writes of one kind that were sent and of which no answer came."""

    what: str
    number: int
    money: list[dict[str, str]]
    since: datetime | None


class NextRun(msgspec.Struct, frozen=True):
    """When everything is looked at again."""

    at: datetime | None
    """None while nothing is scheduled."""
    paused: str = ""
    """Why nothing runs by itself; empty when something does."""
    worker: bool = False
    """Whether somebody is there to do a job now."""
    running: bool = False
    """Whether a run is at work now."""


class Standing(msgspec.Struct, frozen=True):
    """What stands above the list."""

    held: int
    """Records held."""
    money: list[dict[str, str]]
    """At stake in all: of what is held and of writes without an answer."""
    sorts: dict[str, int]
    """Sort of cause to how many holds there are; `unknown`: writes without an answer."""
    unknown: list[Unknown]
    given_up: int
    """Jobs that were given up."""
    plans: list[str]
    """Plans that wait for approval, by hash."""
    next_run: NextRun


def inbox(app: App, look: InboxLook) -> Listing:
    """A page of causes, the most money at stake first; see store/causes.py for how money is ordered."""
    row = app.connection(look.connection)
    with app.db.begin() as conn:
        found = causes.causes(conn, row.id, asked_from(look, mapped_rows(conn, row.id)))
        waiting = causes.blocked(conn, row.id, [one.cause for one in found[: look.size]])
        owners = unsettled.owners_of_holds(conn, row.id)
    policies = policies_of(row.config)
    rows = [cause_form(one, waiting.get(one.cause, Behind()), policies) for one in found]
    choices = {"state": ("open", "answered"), "sort_of": (*SORTS, "unknown"), "owner": owners, "flow": tuple(FLOWS)}
    return listing(COLUMNS, rows, look, choices)


def standing(app: App, name: str) -> Standing:
    """What is held in all, and all else that waits for somebody."""
    row = app.connection(name)
    with app.db.begin() as conn:
        sums = causes.summed(conn, row.id)
        lost = unsettled.unknown_writes(conn, row.id)
        sign = signs_of(conn, row.id, app.clock())
        following = next_run(conn, sign)
    of = {reason.value: sort for sort, reasons in SORTS.items() for reason in reasons}
    sorts = dict.fromkeys(SORTS, 0)
    amounts: dict[str, Decimal] = {}
    for reason, currency, number, amount in sums:
        sorts[of[reason]] += number
        if currency and amount is not None:
            amounts[currency] = amounts.get(currency, Decimal(0)) + amount
    held = sum(sorts.values())
    for one in lost:
        if one.currency and one.amount is not None:
            amounts[one.currency] = amounts.get(one.currency, Decimal(0)) + one.amount
    return Standing(
        held=held,
        money=cells(amounts),
        sorts={**sorts, "unknown": sum(one.number for one in lost)},
        unknown=_unknown(lost),
        given_up=sign.parked,
        plans=sign.waiting_plans,
        next_run=following,
    )


def signs_of(conn: Transaction, connection_id: int, now: datetime) -> Signs:
    """How the service of a connection stands at `now`."""
    return signals(conn, now, connection_id).connections[0]


def next_run(conn: Transaction, sign: Signs) -> NextRun:
    """When the connection is looked at next, and whether anybody is there to do it now."""
    paused = sign.paused.get("", "")
    due = [one.due_at for one in sign.agenda if one.name.startswith(POLL) and one.due_at]
    here = [one for one in sign.agenda if one.name.startswith(NOW)]
    asked = any(one.due_at or (one.started_at and one.started_at > (one.finished_at or one.started_at)) for one in here)
    return NextRun(None if paused else min(due, default=None), paused, works(conn, _ALIVE), asked)


def mapped_rows(conn: Transaction, connection_id: int) -> list[str]:
    """Rows of the mapping that something waits for and that are there by now."""
    mapping = newest_mapping(conn, connection_id)
    return [one for one in causes.rows_wanted(conn, connection_id) if leads(mapping, one)]


def asked_from(look: InboxLook, mapped: list[str]) -> Asked:
    """The store's question from a page's."""
    reasons = [look.reason] if look.reason else sorted(one.value for one in SORTS.get(look.sort_of, ()))
    if look.sort_of == "unknown" and not look.reason:
        reasons = [UNKNOWN]
    return Asked(
        reasons=reasons,
        owner=look.owner,
        flow=look.flow,
        q=look.q,
        answered={"answered": True, "open": False}.get(look.state),
        mapped=mapped,
        sort=look.sort,
        down=look.down,
        limit=look.size + 1,
        offset=(look.page - 1) * look.size,
    )


def cause_form(one: CauseRow, blocks: Behind, policies: Policies) -> dict[str, Any]:
    """A cause as pages and programs see it; `approval`: what becomes of it waits for a person by policy."""
    words = words_of(one.cause.reason)
    kinds: dict[str, int] = {}
    sums: dict[str, Decimal] = {}
    for part in one.shares:
        kinds[part.kind] = kinds.get(part.kind, 0) + part.number
        if part.currency and part.amount is not None:
            sums[part.currency] = sums.get(part.currency, Decimal(0)) + part.amount
    return {
        "title": title_of(one.cause),
        "means": words.means,
        "reason": one.cause.reason,
        "waits_kind": one.cause.waits_kind,
        "waits_id": one.cause.waits_id,
        "flow": one.cause.flow,
        "kind": one.cause.kind,
        "records": ", ".join(kind_words(kind, number) for kind, number in kinds.items()),
        "shares": [
            {"kind": part.kind, "number": part.number, "money": money(part.amount, part.currency)}
            for part in one.shares
        ],
        "number": one.number,
        "answered": one.answered,
        "money": cells(sums),
        "owner": one.owner,
        "since": one.oldest,
        "blocks": ", ".join(kind_words(kind, number) for kind, number in blocks.kinds.items()),
        "blocked": blocks.number,
        "blocked_money": cells(dict(blocks.money)),
        "state": "answered" if one.answered == one.number else "waiting",
        "approval": waits_for_approval(policies, one.cause.flow),
        "remedy": words.remedy,
        "sentence": one.sentence,
        "hold": one.hold,
    }


def title_of(cause: Cause) -> str:
    """What a cause waits for, in a few words."""
    means = words_of(cause.reason).means
    if cause.reason == UNKNOWN:
        verb, _, kind = cause.waits_id.partition(" ")
        return f"{means}: {step_words(Verb(verb), kind)}" if verb in {one.value for one in Verb} else means
    if cause.asks or cause.waits_kind == ITSELF:
        return means if means.endswith("?") else f"{means} ({cause.flow.replace('_', ' ')})"
    return f"{means}: {thing_words(cause.waits_kind, cause.waits_id)}"


def cells(sums: Mapping[str, Decimal]) -> list[dict[str, str]]:
    """Sums by currency as cells of money."""
    return [{"amount": str(amount), "currency": currency} for currency, amount in sums.items()]


def _unknown(rows: list[UnknownRow]) -> list[Unknown]:
    by: dict[str, list[UnknownRow]] = {}
    for row in rows:
        by.setdefault(step_words(Verb(row.verb), row.kind), []).append(row)
    return [
        Unknown(
            what,
            sum(one.number for one in found),
            [cell for one in found if (cell := money(one.amount, one.currency))],
            min((one.since for one in found if one.since), default=None),
        )
        for what, found in by.items()
    ]
