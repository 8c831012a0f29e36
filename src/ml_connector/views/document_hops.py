"""A document's story: every hop in time order, what was sent for each and what came back, and its audit rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from ml_connector.app import App
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.kernel.text import redacted
from ml_connector.planning.finding import FLOWS_OF
from ml_connector.planning.plan import ERP_KINDS, HoldReason
from ml_connector.store import documents, evidence, links, standings
from ml_connector.store.audit import AuditEntry, AuditRow
from ml_connector.store.bulk import Transaction
from ml_connector.store.documents import About, HopRow, RunName, StepRow
from ml_connector.store.evidence import ExchangeRow
from ml_connector.store.holds import HoldRow
from ml_connector.store.links import LinkRow
from ml_connector.store.standings import StandingRow
from ml_connector.views import standing_words
from ml_connector.views.document_states import record_title
from ml_connector.views.documents import RelatedLook
from ml_connector.views.hold_words import ANSWERS, WORDS, choice_of
from ml_connector.views.listing import money
from ml_connector.views.runs import BEGUN

MOST_SHOWN = 200_000
"""Characters of a request or an answer that one page shows; the rest is only counted."""
HopsLook = RelatedLook
"""Whose story is wanted, and which page of it, the latest first."""

_VERBS: Mapping[str, str] = {
    "create": "Create",
    "update": "Change",
    "fill": "Write the lines of",
    "status": "Set the status of",
    "link": "Link",
    "adopt": "Take over",
    "delete": "Remove",
    "amend": "Write",
}


class ExchangeOf(msgspec.Struct, frozen=True):
    """One request that was sent for a step, without its bodies: they have an address of their own."""

    exchange: int
    at: datetime
    system: str
    method: str
    path: str
    status: int
    """0 when no answer came."""
    request_id: str
    milliseconds: int


class Hop(msgspec.Struct, frozen=True):
    """One moment of a document's life."""

    at: datetime
    what: str
    """read, decided, left, sent, answered, held, released, approved, ruled or stood."""
    state: str
    """What it looks like: a state's word."""
    title: str
    sentence: str
    who: str
    run: int
    """0 where no run is known."""
    system: str
    """IFS or Procore: whom a step concerns; else empty."""
    money: dict[str, str] | None
    record: str
    reference: str
    """What the other side calls its answer."""
    exchanges: list[ExchangeOf]


class Hops(msgspec.Struct, frozen=True):
    """One page of a document's story, the latest first. `more`: whether an earlier page follows."""

    hops: list[Hop]
    more: bool


class AuditOf(msgspec.Struct, frozen=True):
    """One audit row about the document or one of its records."""

    seq: int
    at: datetime
    actor: str
    tag: str
    record: str
    run: int
    details: dict[str, Any]


class Audited(msgspec.Struct, frozen=True):
    """One page of audit rows, the latest first."""

    rows: list[AuditOf]
    more: bool


class Body(msgspec.Struct, frozen=True):
    """A request or an answer, exactly, without secrets. `cut`: how many characters more there are."""

    text: str
    cut: int = 0
    kept: bool = True
    """False: it is kept no longer."""


class Exchanged(msgspec.Struct, frozen=True):
    """One request and its answer."""

    exchange: int
    run: int
    at: datetime
    system: str
    method: str
    path: str
    status: int
    request_id: str
    milliseconds: int
    steps: list[int]
    request: Body | None
    answer: Body | None


def hops(app: App, look: HopsLook) -> Hops:
    """A page of a document's story; empty where there is none."""
    row, key = app.connection(look.connection), look.key
    about = _about(row.id, key)
    with app.db.begin() as conn:
        found = documents.hops(conn, about, key, offset=(look.page - 1) * look.size, limit=look.size + 1)
        shown = found[: look.size]
        known = documents.steps(conn, row.id, [one.ref for one in shown if one.what in _STEPS])
        held = documents.holds_by_id(conn, row.id, [one.ref for one in shown if one.what in ("held", "released")])
        runs = {step.run_id for step in known.values()} | {one.ref for one in shown if one.what in _OF_RUNS}
        named = documents.runs_by_id(conn, row.id, sorted(runs))
        went = {step.id: step.sent_at for step in known.values() if step.sent_at}
        sent = _by_step(documents.exchanges_for(conn, row.id, went))
        opened = documents.first_held(conn, row.id, sorted(held))
        people = _approvers(conn, row.id, shown)
        ruled = documents.audit_by_seq(conn, row.id, [one.ref for one in shown if one.what == "ruled"])
        stood = standings.by_id(conn, row.id, [one.ref for one in shown if one.what == "stood"])
        linked = links.load_many(conn, row.id, {one.key for one in stood.values()})
    told = _Teller(_Known(known, held, named, sent, people, ruled, stood, linked, opened))
    return Hops([told.hop(one) for one in shown], len(found) > look.size)


def audit_rows(app: App, look: HopsLook) -> Audited:
    """A page of the audit rows about a document and its records, the latest first."""
    row, key = app.connection(look.connection), look.key
    about = _about(row.id, key)
    with app.db.begin() as conn:
        keys = [key, *documents.records_of(conn, about)]
        found = documents.audit_of(conn, row.id, keys, offset=(look.page - 1) * look.size, limit=look.size + 1)
    return Audited([_audited(one) for one in found[: look.size]], len(found) > look.size)


def exchange(app: App, connection: str, number: int) -> Exchanged:
    """One request and its answer, exactly as kept. NothingSuchHere when it is kept no longer."""
    row = app.connection(connection)
    with app.db.begin() as conn:
        found = documents.exchange(conn, row.id, number)
        asked, said = (_body(conn, digest) for digest in (found.request_hash, found.reply_hash))
    return Exchanged(
        exchange=found.id,
        run=found.run_id,
        at=found.at,
        system=_system(found.side),
        method=found.method,
        path=found.path,
        status=found.status,
        request_id=found.request_id,
        milliseconds=found.milliseconds,
        steps=found.intent_ids[:100],
        request=asked,
        answer=said,
    )


_STEPS = ("decided", "sent", "answered")
_OF_RUNS = ("approved", "read", "left")
_ANEW = "It was not sent: a later run decided it anew."


def _about(connection_id: int, key: Key) -> About:
    return About(connection_id, (key.id,), FLOWS_OF[key.kind])


def _by_step(rows: Sequence[ExchangeRow]) -> dict[int, list[ExchangeOf]]:
    found: dict[int, list[ExchangeOf]] = {}
    for row in rows:
        told = ExchangeOf(
            row.id, row.at, _system(row.side), row.method, row.path, row.status, row.request_id, row.milliseconds
        )
        for number in row.intent_ids:
            found.setdefault(number, []).append(told)
    return found


def _approvers(conn: Transaction, connection_id: int, shown: Sequence[HopRow]) -> dict[str, str]:
    hashes = [one.name for one in shown if one.what == "approved"]
    return documents.approvers(conn, connection_id, hashes) if hashes else {}


class _Known(NamedTuple):
    """What was looked up for a page of hops."""

    steps: Mapping[int, StepRow]
    held: Mapping[int, HoldRow]
    runs: Mapping[int, RunName]
    sent: Mapping[int, list[ExchangeOf]]
    approvers: Mapping[str, str]
    ruled: Mapping[int, AuditEntry]
    stood: Mapping[int, StandingRow]
    links: Mapping[Key, LinkRow]
    opened: Mapping[int, int]
    """Hold to the run that found it first."""


class _Teller:
    """Tells hops in words, from what was looked up for a page of them."""

    def __init__(self, known: _Known) -> None:
        self.known = known

    def hop(self, row: HopRow) -> Hop:
        """One hop."""
        known = self.known
        if row.what in _STEPS and row.ref in known.steps:
            return self._step(row, known.steps[row.ref])
        if row.what in ("held", "released") and row.ref in known.held:
            return self._hold(row, known.held[row.ref])
        if row.what == "read":
            return _plain(row, "read", "Read from both systems", "", _who(known.runs.get(row.ref)))
        if row.what == "left":
            return _plain(row, "left", "Left alone", row.name, _who(known.runs.get(row.ref)))
        if row.what == "approved":
            who = known.approvers.get(row.name, "")
            return _plain(row, "approved", "Approved", f"Plan {row.name} was approved.", who)
        if row.what == "ruled" and row.ref in known.ruled:
            return _ruled(row, known.ruled[row.ref])
        if row.what == "stood" and row.ref in known.stood:
            return self._stood(row, known.stood[row.ref])
        return _plain(row, "none", row.what.capitalize(), "", "")

    def _stood(self, row: HopRow, stood: StandingRow) -> Hop:
        link = self.known.links.get(stood.key)
        said = standing_words.told(stood, link.target_id if link else "")
        system = "IFS" if stood.kind in ERP_KINDS else "Procore"
        record = f"{stood.kind} {stood.erp_id}"
        return Hop(
            row.at,
            row.what,
            said.state,
            said.title,
            said.sentence,
            stood.who,
            stood.run_id,
            system,
            None,
            record,
            "",
            [],
        )

    def _step(self, row: HopRow, step: StepRow) -> Hop:
        run = self.known.runs.get(step.run_id)
        system = "IFS" if step.kind in ERP_KINDS else "Procore"
        doing = f"{_VERBS.get(step.verb, step.verb.capitalize())} the {record_title(step.kind)}"
        where = {"decided": "Decided", "sent": f"Sent to {system}", "answered": f"Answered by {system}"}[row.what]
        sentence, state, reference, sent = step.reason, "planned", "", list[ExchangeOf]()
        if row.what == "sent":
            sentence, state = "", "sent"
            sent = self.known.sent.get(step.id, [])
        elif row.what == "answered":
            state, reference = step.state, step.reference
            sentence = step.result or (_ANEW if step.state == "superseded" else _became(step, system))
            if step.state == "superseded" or not step.sent_at:
                where = "Put aside" if step.state == "superseded" else "Settled"
        elif step.state == "superseded" and not step.sent_at:
            state = "superseded"
        return Hop(
            at=row.at,
            what=row.what,
            state=state,
            title=f"{where}: {doing[0].lower()}{doing[1:]}",
            sentence=sentence,
            who=_who(run) if row.what == "decided" else "",
            run=step.run_id,
            system=system,
            money=money(step.amount, step.currency) if row.what != "sent" else None,
            record=f"{step.kind} {step.erp_id}",
            reference=reference,
            exchanges=sent,
        )

    def _hold(self, row: HopRow, hold: HoldRow) -> Hop:
        means, remedy = WORDS[HoldReason(hold.reason)]
        if row.what == "held":
            run = self.known.opened.get(hold.id, hold.last_seen_run)
            stays = hold.released_at is None and hold.last_seen_run > run
            again = f" Still so in run {hold.last_seen_run}." if stays else ""
            ends = f" {remedy} Who can act: {hold.owner}.{again}"
            title, sentence, state, who = f"Held: {means}", f"{hold.sentence}{ends}", "held", ""
        else:
            run, gone = 0, ("The cause is gone." if hold.released_by == "engine" else "")
            title, sentence, state, who = f"Released: {means}", gone, "released", hold.released_by
        cell = money(hold.amount, hold.currency) if row.what == "held" else None
        record = f"{hold.kind} {hold.erp_id}"
        return Hop(row.at, row.what, state, title, sentence, who, run, "", cell, record, "", [])


def _ruled(row: HopRow, entry: AuditEntry) -> Hop:
    """An answer of a person, or that it was taken back, as the audit trail has it."""
    said = msgspec.json.decode(entry.details) if entry.details else {}
    reason, answer, target = HoldReason(said["reason"]), str(said.get("answer", "")), str(said.get("target", ""))
    label = choice_of(reason, answer).label if answer in ANSWERS else answer.replace("_", " ")
    meant = f" ({target})" if target and answer == "link" else ""
    note = f" {said['note']}" if said.get("note") else ""
    taken = "withdraw" in entry.tag
    title = "Answer taken back" if taken else "Answered by a person"
    told = f"{WORDS[reason].means}: {label}{meant}.{note}"
    return _plain(row, "answered", title, f"{told} It is asked again." if taken else told, entry.actor)


def _plain(row: HopRow, state: str, title: str, sentence: str, who: str) -> Hop:
    run = row.ref if row.what in _OF_RUNS else 0
    return Hop(row.at, row.what, state, title, sentence, who, run, "", None, "", "", [])


def _became(step: StepRow, system: str) -> str:
    if step.state != "done":
        return ""
    return f"{system} has it as {step.target}." if step.target else f"{system} has it."


def _who(run: RunName | None) -> str:
    return f"{run.actor}, {BEGUN.get(run.trigger, run.trigger)}" if run else ""


def _system(side: str) -> str:
    return "IFS" if side == "erp" else "Procore"


def _audited(row: AuditRow) -> AuditOf:
    one = row.entry
    details = msgspec.json.decode(one.details) if one.details else {}
    return AuditOf(row.seq, one.at, one.actor, one.tag, f"{one.kind} {one.erp_id}", one.run_id, details)


def _body(conn: Transaction, digest: bytes | None) -> Body | None:
    if digest is None:
        return None
    try:
        raw = evidence.body_of(conn, digest)
    except NothingSuchHere:
        return Body("", kept=False)
    text = redacted(_readable(raw))
    return Body(text[:MOST_SHOWN], max(0, len(text) - MOST_SHOWN))


def _readable(raw: bytes) -> str:
    """JSON laid out for reading; anything else as its text."""
    try:
        return msgspec.json.format(raw, indent=2).decode()
    except msgspec.DecodeError:
        return raw.decode(errors="replace")
