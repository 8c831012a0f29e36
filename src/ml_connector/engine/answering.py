"""Answers to holds: one, or many of the same kind at once, in a handful of statements; and taking one back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from ml_connector.engine.knowing import hold_of
from ml_connector.engine.questions import answers_to
from ml_connector.kernel.errors import BadInput, NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.leaving_out import CROSSED_AS, may_leave_out
from ml_connector.planning.plan import Hold, HoldReason
from ml_connector.planning.situation import Ruling, mark_of
from ml_connector.store import audit, links, rulings, sources
from ml_connector.store.bulk import json_text
from ml_connector.store.holds import HoldRow
from ml_connector.store.rulings import RulingRow

_MARKS = 20
"""How many questions about one record keep their answer; an order on several projects may ask several."""

SIDES = ("erp", "projects")
"""Answers that say which side stands."""

FORGOTTEN = (HoldReason.GONE_THERE, HoldReason.PROPOSAL_ENDED)
"""Reasons whose `new` forgets a link and is no answer to remember: the record is matched or made again."""

NOTE = 1000
"""Characters a reason for an answer may have."""


class Given(msgspec.Struct, frozen=True):
    """What somebody answers: to one hold or to many alike."""

    answer: str
    target: str
    """The candidate that is meant; only where one hold is answered."""
    note: str
    actor: str
    at: datetime


class Verdict(msgspec.Struct, frozen=True):
    """What answering some holds comes to, before anything is written."""

    rulings: tuple[RulingRow, ...]
    """Answers to be remembered, a question each."""
    unlinked: tuple[Key, ...]
    """Links to be forgotten."""

    def laid(self) -> dict[tuple[Key, HoldReason], Ruling]:
        """The answers in the form decisions look at."""
        return {(row.key, HoldReason(row.reason)): Ruling(row.answer, row.target) for row in self.rulings}


def allowed(row: HoldRow) -> tuple[str, ...]:
    """Every answer a hold takes, `ignore` included where the document may be left out."""
    reason = HoldReason(row.reason)
    answers = answers_to(row.flow, reason, row.kind)
    return answers if "ignore" in answers or not may_leave_out(row.flow, reason, row.kind) else (*answers, "ignore")


def judge(conn: Connection, connection_id: int, rows: Sequence[HoldRow], given: Given) -> Verdict:
    """What an answer to these holds comes to; writes nothing. BadInput says which of them it does not fit, and why."""
    note = given.note.strip()
    if given.answer == "ignore" and not note:
        raise BadInput(
            "Leaving something alone needs a reason, which stays in the audit trail.",
            remedy="Say why, for example: paid by card, never in Procore.",
        )
    if len(note) > NOTE:
        raise BadInput(f"The reason is longer than {NOTE:,} characters.", remedy="Say it in fewer words.")
    if given.target and len(rows) > 1:
        raise BadInput("A target is of one hold; each of many keeps its own candidate.", remedy="Leave the target out.")
    chosen = {row.id: _chosen(row, hold_of(row), given) for row in rows}
    _check_left_out(conn, connection_id, rows, given.answer)
    marks = _marks(conn, connection_id, rows, given.answer)
    kept, unlinked = dict[tuple[Key, str], RulingRow](), list[HoldRow]()
    for row in rows:
        if given.answer == "new" and HoldReason(row.reason) in FORGOTTEN:
            unlinked.append(row)
            continue
        question = row.key, row.reason
        target = " ".join(marks[question]) if question in marks else chosen[row.id]
        kept[question] = RulingRow(row.kind, row.erp_id, row.reason, given.answer, target, given.actor, note)
    return Verdict(tuple(kept.values()), tuple(_links_of(conn, connection_id, unlinked)))


def answer(conn: Connection, connection_id: int, rows: Sequence[HoldRow], given: Given) -> dict[int, str]:
    """Remembers an answer to these holds and makes the next run look again; hold to the target that was kept."""
    verdict = judge(conn, connection_id, rows, given)
    links.unlink(conn, connection_id, verdict.unlinked)
    rulings.put_rulings(conn, connection_id, verdict.rulings)
    sources.look_again(conn, connection_id, "order", {row.source for row in rows if row.kind == "order"})
    targets = {(row.key, row.reason): row.target for row in verdict.rulings}
    told = {row.id: targets.get((row.key, row.reason), "") for row in rows}
    entries = [
        audit.AuditEntry(
            given.at,
            given.actor,
            "ruling:make:done",
            row.kind,
            row.erp_id,
            0,
            json_text(
                {"answer": given.answer, "target": told[row.id], "note": given.note.strip(), "reason": row.reason}
            ),
        )
        for row in rows
    ]
    audit.append(conn, connection_id, entries)
    return told


def withdraw(conn: Connection, connection_id: int, question: tuple[Key, str], who: tuple[str, datetime]) -> RulingRow:
    """Forgets an answer, so that the next run asks again; what it was. NothingSuchHere when there is none.

    `question` is the record and the hold's reason; `who` takes it back, and when.
    """
    key, reason = question
    before = rulings.rulings_on(conn, connection_id, [question]).get(question)
    if before is None or not rulings.withdraw(conn, connection_id, key, reason):
        raise NothingSuchHere(f"Nobody has answered {reason.replace('_', ' ')} about {key}, so nothing is taken back.")
    if key.kind == "order":
        sources.look_again(conn, connection_id, "order", [key.id])
    elif key.kind in LOOKED_AT_AGAIN:
        sources.look_again(conn, connection_id, key.kind, [key.id])
    details: dict[str, Any] = {"answer": before.answer, "target": before.target, "reason": reason}
    entry = audit.AuditEntry(who[1], who[0], "ruling:withdraw:done", key.kind, key.id, 0, json_text(details))
    audit.append(conn, connection_id, [entry])
    return before


LOOKED_AT_AGAIN = ("supplier_invoice", "payment", "subcontractor_invoice", "direct_cost")
"""Kinds of document that are passed over while they look as they did, besides orders."""


def _chosen(row: HoldRow, hold: Hold, given: Given) -> str:
    """The target of an answer to one hold; BadInput when the hold does not take it."""
    if row.released_at:
        raise BadInput(f"Hold {row.id} went on {row.released_at:%Y-%m-%d %H:%M}: there is nothing left to answer.")
    takes = allowed(row)
    if given.answer not in takes and not answers_to(row.flow, hold.reason, row.kind):
        out = " Until then it may be left out with `ignore`." if takes else ""
        raise BadInput(
            f"Hold {row.id} is not a question: the first run after its cause is mended lets it go.{out}",
            remedy=hold.sentence,
        )
    if given.answer not in takes:
        raise BadInput(f"Hold {row.id} takes {' or '.join(takes)}, not {given.answer!r}.")
    target = given.target or (hold.candidates[0] if len(hold.candidates) == 1 else "")
    if given.answer == "link" and hold.candidates and target not in hold.candidates:
        raise BadInput(f"Say which one is meant: {', '.join(hold.candidates)}.")
    if given.answer == "link" and not target:
        raise BadInput("Say what it is linked to: nobody like it was found, so there is none to choose.")
    return target


def _check_left_out(conn: Connection, connection_id: int, rows: Sequence[HoldRow], answer: str) -> None:
    """What crossed already cannot be left out for a reason that is no question; BadInput names it."""
    if answer != "ignore":
        return
    by_flow: dict[str, set[str]] = {}
    for row in rows:
        if "ignore" not in answers_to(row.flow, HoldReason(row.reason), row.kind):
            by_flow.setdefault(row.flow, set()).add(row.erp_id)
    begun: set[str] = set()
    for flow, documents in by_flow.items():
        begun |= links.documents_begun(conn, connection_id, CROSSED_AS[flow], sorted(documents))
    if begun:
        raise BadInput(
            f"{counted(len(begun), 'document')} cannot be left out, for something of it is in Procore already: "
            f"{listed(sorted(begun), 5)}.",
            remedy="Mend what it waits for, or end the document in IFS.",
        )


def _marks(
    conn: Connection, connection_id: int, rows: Sequence[HoldRow], answer: str
) -> dict[tuple[Key, str], list[str]]:
    """The marks of the questions answered so, by question; the same answer to another question adds to the former."""
    asked = [row for row in rows if answer in SIDES and row.reason != HoldReason.LAPPING.value]
    before = rulings.rulings_on(conn, connection_id, [(row.key, row.reason) for row in asked])
    found: dict[tuple[Key, str], list[str]] = {}
    for row in asked:
        question = row.key, row.reason
        if question not in found:
            known = before.get(question)
            found[question] = known.target.split() if known and known.answer == answer else []
        found[question] = [*found[question], mark_of(row.evidence)][-_MARKS:]
    return found


def _links_of(conn: Connection, connection_id: int, rows: Collection[HoldRow]) -> list[Key]:
    """The links of the records holds are about: of an order, those of its contracts and of the contracts' changes."""
    ended = [row.waits_for for row in rows if row.reason == HoldReason.PROPOSAL_ENDED.value]
    others = [row for row in rows if row.reason != HoldReason.PROPOSAL_ENDED.value]
    orders = {row.erp_id for row in others if row.kind == "order"}
    found = [*ended, *(row.key for row in others if row.kind != "order")]
    if not orders:
        return found
    contracts = [
        one for one in links.links_of(conn, connection_id, "commitment") if one.erp_id.split("@", 1)[0] in orders
    ]
    changes = links.links_of(conn, connection_id, "change_order")
    mine = {one.once_key for one in contracts}
    amended = [one.key for one in changes if one.erp_id.rpartition("/")[0] in mine]
    return [*found, *(one.key for one in contracts), *amended]
