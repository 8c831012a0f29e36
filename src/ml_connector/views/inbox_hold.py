"""One hold in full: both sides and what was agreed, candidates, what it blocks, what was answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ml_connector.app import App
from ml_connector.engine.answering import allowed
from ml_connector.engine.candidates import Match, match_of
from ml_connector.engine.foreseeing import MOST_HELD
from ml_connector.engine.sides import three_way
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.planning.blocking import behind_holds
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.three_way import ThreeWay
from ml_connector.service.inbox_desk import cause_of_row
from ml_connector.store import causes, holds, rulings
from ml_connector.store.rulings import RulingRow
from ml_connector.views.called import called_of
from ml_connector.views.documents import document_for
from ml_connector.views.hold_words import WORDS, Choice, choice_of, kind_words, record_words, thing_words
from ml_connector.views.inbox import NextRun, cells, next_run, signs_of, title_of
from ml_connector.views.inbox_group import Address, addresses, hold_line
from ml_connector.views.listing import Column, Listing, Look, Words, listing
from ml_connector.views.newest_mapping import newest_mapping
from ml_connector.views.next_step import policies_of

SHOWN = 50
"""Documents named that a hold blocks; the rest is counted."""


class Hold(msgspec.Struct, frozen=True):
    """One hold, open or gone."""

    connection: str
    line: dict[str, Any]
    """As a row of the list of a cause has it."""
    reason: str
    means: str
    remedy: str
    waits_for: str
    owner: str
    evidence: str
    flow: str
    released_at: str
    """When it went; empty while it is open."""
    cause: dict[str, str]
    """What names its cause: reason, waits_kind, waits_id, flow, kind."""
    title: str
    answers: tuple[Choice, ...]
    answered: dict[str, Any] | None
    """What was answered to this question, by whom and when."""
    three_way: tuple[ThreeWay, ...]
    match: Match | None
    blocked: list[dict[str, Any]]
    blocked_records: str
    blocked_money: list[dict[str, str]]
    next_run: NextRun
    addresses: tuple[Address, ...]
    document: dict[str, str] | None
    """Kind and id of the document whose page shows the record; None for what is on no page."""


class AnswersLook(Look, frozen=True, kw_only=True):
    """How the answers people gave are asked for."""

    connection: Words


ANSWER_COLUMNS = (
    Column("record", "Record", "link"),
    Column("reason", "Question"),
    Column("answer", "Answer"),
    Column("note", "Reason given"),
    Column("actor", "Who"),
    Column("at", "When", "moment"),
)
"""Columns of the answers people gave."""


def hold(app: App, name: str, number: int) -> Hold:
    """One hold; NothingSuchHere when there is none of that number."""
    row = app.connection(name)
    with app.db.begin() as conn:
        found = holds.get_hold(conn, row.id, number)
        ruling = rulings.rulings_on(conn, row.id, [(found.key, found.reason)]).get((found.key, found.reason))
        since_run = causes.is_answered(conn, row.id, number)
        views = three_way(conn, row.id, found, Mapper(newest_mapping(conn, row.id)))
        match = match_of(conn, row.id, found)
        behind = causes.blocked_by(conn, row.id, [number], MOST_HELD)
        following = next_run(conn, signs_of(conn, row.id, app.clock()))
        called = called_of(conn, row.id, [found.key, *(one.key for one in behind[:SHOWN])])
    blocks = behind_holds(((one.kind, one.erp_id), one.amount, one.currency) for one in behind)
    reason = HoldReason(found.reason)
    open_now, policies = found.released_at is None, policies_of(row.config)
    return Hold(
        connection=name,
        line=hold_line(found, since_run, called, policies),
        reason=found.reason,
        means=WORDS[reason].means,
        remedy=WORDS[reason].remedy,
        waits_for=thing_words(found.waits_kind, found.waits_id),
        owner=found.owner,
        evidence=found.evidence,
        flow=found.flow,
        released_at=found.released_at.isoformat() if found.released_at else "",
        cause=cause_of_row(found)._asdict(),
        title=title_of(cause_of_row(found)),
        answers=tuple(choice_of(reason, one) for one in allowed(found)) if open_now else (),
        answered=answer_form(ruling, called) if ruling else None,
        three_way=views,
        match=match,
        blocked=[hold_line(one, False, called, policies) for one in behind[:SHOWN]],
        blocked_records=", ".join(kind_words(kind, count) for kind, count in blocks.kinds.items()),
        blocked_money=cells(dict(blocks.money)),
        next_run=following,
        addresses=addresses(row.config),
        document=_document(app, name, found.key),
    )


def _document(app: App, name: str, key: Key) -> dict[str, str] | None:
    number = key.id.rpartition("/")[2] if key.kind == "procore_document" else key.id
    try:
        return document_for(app, name, key.kind, number)._asdict()
    except NothingSuchHere:
        return None


def answers(app: App, look: AnswersLook) -> Listing:
    """What people answered and may take back, the newest first."""
    row = app.connection(look.connection)
    with app.db.begin() as conn:
        found = rulings.given_answers(conn, row.id, look.q, limit=look.size + 1, offset=(look.page - 1) * look.size)
        called = called_of(conn, row.id, [Key(one.kind, one.erp_id) for one in found])
    return listing(ANSWER_COLUMNS, [answer_form(one, called) for one in found], look)


def answer_form(row: RulingRow, called: Mapping[Key, str]) -> dict[str, Any]:
    """An answer as pages and programs see it; `called` as for `hold_line`."""
    reason, key = HoldReason(row.reason), Key(row.kind, row.erp_id)
    return {
        "record": record_words(*key, called.get(key, "")),
        "called": called.get(key, ""),
        "kind": row.kind,
        "id": row.erp_id,
        "reason": row.reason,
        "question": WORDS[reason].means,
        "answer": row.answer,
        "label": choice_of(reason, row.answer).label,
        "target": row.target,
        "note": row.note,
        "actor": row.actor,
        "at": row.at,
    }
