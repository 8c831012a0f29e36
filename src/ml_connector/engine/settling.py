"""One transaction a slice: outcomes, links, fingerprints, holds, audit and evidence are written together."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec
from sqlalchemy import Connection

from ml_connector.engine.knowing import hold_entries, hold_key, hold_of
from ml_connector.engine.knowing import pairs as documents
from ml_connector.engine.naming import entries_of_links
from ml_connector.engine.placing import PLACED
from ml_connector.engine.reading import ORDER
from ml_connector.engine.work import PARTS, Draft, Work
from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.placing import root_of
from ml_connector.planning.plan import ERP_KINDS, Hold, HoldReason
from ml_connector.store import audit, holds, journal, links, names, placements, sources
from ml_connector.store.holds import Look
from ml_connector.store.journal import IntentRow, Settled
from ml_connector.store.placements import Claim
from ml_connector.store.sources import Seen
from ml_connector.systems.port import Outcome, Result

CHANGES = {"change_order": "commitment", "budget_change": "budget"}
"""Record kinds whose success moves what was agreed about another record, and that record's kind."""

RENEWED = ("vendor", "budget", "cost_code", "budget_code", "commitment")
"""Kinds of which a link is made again only to write down what is agreed by now."""

WAITING_FOR = {
    "vendor": HoldReason.VENDOR_NOT_LINKED,
    "project": HoldReason.PROJECT_NOT_LINKED,
    "cost_code": HoldReason.COST_CODE_MISSING,
    "budget_code": HoldReason.COST_CODE_MISSING,
    "commitment": HoldReason.COMMITMENT_MISSING,
    "billing_period": HoldReason.BILLING_PERIOD_MISSING,
    "subcontractor_invoice": HoldReason.INVOICE_MISSING,
}
"""What a missing link means for the record that needs it."""

_log = logging.getLogger(__name__)


class _Done(msgspec.Struct, frozen=True):
    """What the audit trail says of one settled intent."""

    intent: int
    target: str
    once_key: str
    source: str


_details = msgspec.json.Encoder(order="deterministic")


class Settler:
    """Writes down what became of intents, and remembers which records failed in this run."""

    def __init__(self, work: Work, draft: Draft) -> None:
        self.work = work
        self.draft = draft
        self.applied: dict[str, Decimal] = {}
        """Money of what was done, by currency."""
        self.recoded: dict[str, Decimal] = {}
        """What of it only went from some codes to others, by currency: it is not in `applied`."""
        self.applied_by_flow: dict[str, dict[str, Decimal]] = {}
        self.begun: set[tuple[str, str]] = set()
        """(flow, document) of every document with a step that went well."""
        self.done: dict[tuple[str, str], int] = {}
        self.taken_over: Counter[str] = Counter()
        """Flow to how many of those that were linked were taken over."""
        self.results: dict[tuple[str, Result], int] = {}
        self.unknown: dict[int, str] = {}
        """Intents of this run whose fate is not known, with their flow; reading back takes them out again."""
        self.unsure: dict[int, tuple[IntentRow, datetime]] = {}
        """Intents that are not there and may still come, with the moment until which; reading back takes them out."""
        self.waiting: dict[int, str] = {}
        """Intents the other side had no time for, with what it said."""
        self.well: set[Key] = set()
        """Under what records are held that had a step that went well, and none that did not."""
        self._ill: set[Key] = set()
        self._failed: set[Key] = set()
        self.failed_sources: set[tuple[str, str]] = set()
        """(flow, document) of every document with a step that did not end well."""

    def failed(self, row: IntentRow) -> bool:
        """Whether an earlier intent of this record, or of its document, did not end well in this run."""
        return Key(row.kind, row.erp_id) in self._failed or (row.flow, row.source) in self.failed_sources

    def settle(self, rows: Sequence[IntentRow], outcomes: Sequence[Outcome]) -> None:
        """Writes one slice. Rows without an outcome (their batch raised) are left sending: unknown until read back."""
        by_id = {outcome.intent_id: outcome for outcome in outcomes}
        pairs = [(row, by_id[row.id]) for row in rows if row.id in by_id]
        for row in rows:
            if row.id not in by_id:
                self._fail(row)
                self._doubt(row)
        made, finished = self._account(pairs)
        self.work.point("settle.before")
        with self.work.db.begin() as conn:
            journal.settle(
                conn,
                [Settled(row.id, out.result.value, out.target, out.sentence, out.reference) for row, out in pairs],
            )
            links.put_links(conn, self.work.connection_id, made)
            names.put(conn, self.work.connection_id, entries_of_links(_as_sent(made, pairs)), fresh=False)
            self._agree(conn, pairs)
            self.rest(conn, finished)
            self._hold_refused(conn, [(row, out) for row, out in pairs if out.result is Result.REFUSED])
            audit.append(conn, self.work.connection_id, self._entries(pairs))
        self.work.tape.flush(self.work.db)
        self.work.point("settle.after")

    def rest(self, conn: Connection, fingerprints: Mapping[str, bytes]) -> None:
        """Orders that need nothing more are remembered as they looked, and what was refused about them is released."""
        work = self.work
        if not fingerprints:
            return
        seen = Seen(work.connection_id, ORDER, work.run_id, work.mapping_version)
        sources.put_fingerprints(conn, seen, fingerprints)
        sources.mark_missing(conn, work.connection_id, ORDER, self.draft.closed & fingerprints.keys())
        look = Look(work.connection_id, work.run_id, "purchase_orders", tuple(fingerprints))
        change = holds.sync_holds(conn, look, ())
        audit.append(conn, work.connection_id, hold_entries(change, work.clock(), work.actor, work.run_id))
        self.draft.released += len(change.released)

    def _log(self, row: IntentRow, outcome: Outcome) -> None:
        """A line a record; what was done is told in detail only, what was not always."""
        level = logging.DEBUG if outcome.result is Result.DONE else logging.INFO
        facts = {"record": record_name(row), "verb": row.verb, "result": outcome.result.value}
        _log.log(level, "record.settled", extra=facts | {"intent": row.id})

    def _account(self, pairs: Sequence[tuple[IntentRow, Outcome]]) -> tuple[list[links.LinkRow], dict[str, bytes]]:
        made: list[links.LinkRow] = []
        finished: dict[str, bytes] = {}
        for row, outcome in pairs:
            self._log(row, outcome)
            count = (row.flow, outcome.result)
            self.results[count] = self.results.get(count, 0) + 1
            self.unknown.pop(row.id, None)
            self.unsure.pop(row.id, None)
            if outcome.result is Result.UNKNOWN:
                self._doubt(row)
            elif outcome.result is Result.WAITING:
                self.waiting[row.id] = outcome.sentence
            if outcome.result is not Result.DONE:
                self._fail(row)
                continue
            self.begun.add((row.flow, row.source))
            self.well |= {hold_key(row.kind, row.erp_id, row.source)} - self._ill
            if row.counts_as:
                named = (row.flow, row.counts_as)
                self.done[named] = self.done.get(named, 0) + 1
                taken = row.counts_as == "linked" and Key(row.kind, row.erp_id) in self.draft.outline.adopted
                self.taken_over[row.flow] += taken
            if row.amount is not None:
                for sums in (self.applied, self.applied_by_flow.setdefault(row.flow, {})):
                    sums[row.currency] = sums.get(row.currency, Decimal(0)) + row.amount
                turned = (row.moved or Decimal(0)) - abs(row.amount)
                if turned:
                    self.recoded[row.currency] = self.recoded.get(row.currency, Decimal(0)) + turned
            made += self._links(row, outcome)
            if row.base and row.kind in PARTS and row.source in self.draft.fingerprints:
                self.draft.open_parts[row.source] -= 1
                if not self.draft.open_parts[row.source] and (row.flow, row.source) not in self.failed_sources:
                    finished[row.source] = self.draft.fingerprints[row.source]
        return made, finished

    def _links(self, row: IntentRow, outcome: Outcome) -> list[links.LinkRow]:
        """The link an intent makes or renews; a supplier made from a vendor is that vendor's IFS partner as well."""
        if row.verb == "fill" and not row.base:
            return []
        renewed = row.verb == "link" and not row.counts_as and row.kind in RENEWED
        founding = row.verb in ("link", "adopt", "create") and not renewed
        made = links.LinkRow(
            kind=row.kind,
            erp_id=row.erp_id,
            target_id=outcome.target or row.target,
            scope=row.scope,
            once_key=row.once_key,
            evidence=row.reason if founding else "",
            decided_by=self.work.actor if founding else "",
            stamp=outcome.stamp if row.verb != "fill" else "",
            base=(row.base or None) if row.kind not in CHANGES else None,
        )
        if row.kind != "supplier":
            return [made]
        turned = msgspec.structs.replace(made, kind="vendor", erp_id=made.target_id, target_id=row.erp_id, stamp="")
        return [made, turned]

    def _agree(self, conn: Connection, pairs: Sequence[tuple[IntentRow, Outcome]]) -> None:
        """A change that went moves what was agreed about its contract or budget."""
        agreed = {
            need: row.base
            for row, outcome in pairs
            if row.base and outcome.result is Result.DONE
            for need in row.needs
            if need.kind == CHANGES.get(row.kind)
        }
        if agreed:
            known = links.load_many(conn, self.work.connection_id, agreed)
            rows = [msgspec.structs.replace(link, base=agreed[key]) for key, link in known.items()]
            links.put_links(conn, self.work.connection_id, rows)

    def _doubt(self, row: IntentRow) -> None:
        """Nobody knows what became of it: what needs it waits, without a hold where it may still come."""
        self.unknown[row.id] = row.flow
        if self.work.graces.get("erp" if row.kind in ERP_KINDS else "projects"):
            self.draft.unsure.add((row.flow, row.source))
            self.draft.unsure_keys.add(row.key)

    def _fail(self, row: IntentRow) -> None:
        self._failed.add(Key(row.kind, row.erp_id))
        self._ill.add(hold_key(row.kind, row.erp_id, row.source))
        self.well -= self._ill
        self._failed |= {need for need in row.needs if need.kind == CHANGES.get(row.kind)}
        self.failed_sources.add((row.flow, row.source))

    def leave(self, rows: Sequence[IntentRow]) -> None:
        """Notes intents that are left for the next run: what comes after them must not go, and nothing is at rest."""
        for row in rows:
            self._fail(row)

    def refuse_places(self, taken: Mapping[int, Claim]) -> None:
        """Intents whose invoice line stands in another record already: never sent, held for a person to look at."""
        with self.work.db.begin() as conn:
            rows = journal.load_intents(conn, self.work.connection_id, sorted(taken))
            for row in rows:
                self._fail(row)
            sentence = "One of its invoice lines is in another record already."
            journal.settle(conn, [Settled(row.id, "refused", "", sentence) for row in rows])
            self._open(conn, [_twice(row, taken[row.id]) for row in rows])
            placements.release(conn, self.work.connection_id, {root_of(row.key) for row in rows})

    def park(self, parked: Sequence[tuple[IntentRow, Key]]) -> None:
        """Intents that cannot go: what they need did not come to be. They are decided again by the next run."""
        opened = []
        states = []
        for row, missing in parked:
            own = missing == Key(row.kind, row.erp_id)
            self._fail(row)
            if row.flow in self.draft.still:
                sentence = self.draft.still[row.flow].sentence
            else:
                sentence = "An earlier step of this record did not end well." if own else f"{missing} is not there."
            states.append(Settled(row.id, "superseded", "", sentence))
            if not own:
                opened.append(_waits(row, missing))
        with self.work.db.begin() as conn:
            journal.settle(conn, states)
            self._open(conn, opened)
            self._free_places(conn, [row for row, _ in parked])

    def release_unconfirmed(self, rows: Sequence[IntentRow]) -> None:
        """Unconfirmed intents that turned out not to have happened: free to be decided again."""
        for row in rows:
            self.unknown.pop(row.id, None)
            self.unsure.pop(row.id, None)
        with self.work.db.begin() as conn:
            journal.settle(conn, [Settled(row.id, "superseded", "", "Read back: it did not happen.") for row in rows])
            self._free_places(conn, rows)
        self.work.tape.flush(self.work.db)

    def keep_unconfirmed(self, rows: Sequence[IntentRow], until: Mapping[int, datetime]) -> None:
        """Unconfirmed intents that may still come (`until` when), or that cannot be looked for now: nothing of their
        documents goes in this run, and the next asks again."""
        for row in rows:
            if row.id in until:
                self.unknown[row.id] = row.flow
                self.unsure[row.id] = (row, until[row.id])
            self.draft.unsure.add((row.flow, row.source))
            self.draft.unsure_keys.add(row.key)
            self._fail(row)
        self.work.tape.flush(self.work.db)

    def may_come(self) -> list[datetime]:
        """Until when each write may still come that this run has to do with: of one over some records only theirs."""
        work, mine = self.work, self.draft.parked | self.begun
        return [
            until
            for row, until in self.unsure.values()
            if not work.scope.keyed or row.run_id == work.run_id or (row.flow, row.source) in mine
        ]

    def _hold_refused(self, conn: Connection, refused: Sequence[tuple[IntentRow, Outcome]]) -> None:
        self._open(conn, [_refused(row, outcome) for row, outcome in refused])
        self._free_places(conn, [row for row, _ in refused])

    def _free_places(self, conn: Connection, rows: Sequence[IntentRow]) -> None:
        """Invoice lines of records that did not come to be may be decided anew, even into another place."""
        roots = {root_of(row.key) for row in rows if row.kind in PLACED}
        if roots:
            placements.release(conn, self.work.connection_id, roots)

    def _open(self, conn: Connection, opened: list[Hold]) -> None:
        unique = list({(hold.key, hold.reason, hold.waits_for): hold for hold in opened}.values())
        if unique:
            by_flow: dict[str, list[Hold]] = {}
            for hold in unique:
                by_flow.setdefault(hold.flow, []).append(hold)
            for flow, held in by_flow.items():
                self._open_of(conn, flow, held)
            self.draft.holds += unique

    def _open_of(self, conn: Connection, flow: str, held: list[Hold]) -> None:
        """Adds to what is open: other holds of the same documents stay as they are."""
        work = self.work
        before = holds.open_holds(conn, work.connection_id, flow)
        sources = {source for source, _ in documents(held)}
        kept = [(row.source, hold_of(row)) for row in before if row.source in sources]
        change = holds.sync_holds(conn, Look(work.connection_id, work.run_id, flow, ()), [*kept, *documents(held)])
        audit.append(conn, work.connection_id, hold_entries(change, work.clock(), work.actor, work.run_id))

    def _entries(self, pairs: Sequence[tuple[IntentRow, Outcome]]) -> list[audit.AuditEntry]:
        now = self.work.clock()
        actor, run = self.work.actor, self.work.run_id
        return [
            audit.AuditEntry(
                at=now,
                actor=actor,
                tag=f"{row.kind}:{row.verb}:{out.result.value}",
                kind=row.kind,
                erp_id=row.erp_id,
                run_id=run,
                details=_details.encode(_Done(row.id, out.target, row.once_key, row.source)).decode(),
            )
            for row, out in pairs
            if out.result is not Result.WAITING
        ]


def record_name(row: IntentRow) -> str:
    """What logs and traces call the record of an intent: its kind and its id in the erp, nothing of its content."""
    return f"{row.kind} {row.erp_id}"


def _held(row: IntentRow, reason: HoldReason, waits_for: Key, owner: str, sentence: str) -> Hold:
    """A hold of the document an intent comes from, with the intent's money."""
    money = Money(row.amount, row.currency) if row.amount is not None else None
    return Hold(hold_key(row.kind, row.erp_id, row.source), row.flow, reason, waits_for, owner, sentence, money)


def _waits(row: IntentRow, missing: Key) -> Hold:
    reason = WAITING_FOR.get(missing.kind, HoldReason.REFUSED)
    sentence = f"{row.source or row.erp_id} waits: {missing.kind.replace('_', ' ')} {missing.id} is not there yet."
    return _held(row, reason, missing, "project accountant", sentence)


def _refused(row: IntentRow, outcome: Outcome) -> Hold:
    key = hold_key(row.kind, row.erp_id, row.source)
    what = f"{row.verb} {row.kind.replace('_', ' ')} {row.erp_id}"
    sentence = f"{_whose(row)} refused to {what}: {outcome.sentence}"
    held = _held(row, HoldReason.REFUSED, key, "project accountant", sentence)
    return msgspec.structs.replace(held, evidence=outcome.reference)


def _twice(row: IntentRow, stands: Claim) -> Hold:
    sentence = (
        f"Line {stands.line} of invoice {stands.invoice} is in Procore already, in {stands.record.kind} "
        f"{stands.record.id}; nothing was sent, or it would be counted twice."
    )
    return _held(row, HoldReason.TWO_PLACES, stands.record, "controller", sentence)


def _whose(row: IntentRow) -> str:
    return "IFS" if row.kind in ERP_KINDS else "Procore"


def _as_sent(made: Sequence[links.LinkRow], pairs: Sequence[tuple[IntentRow, Outcome]]) -> list[links.LinkRow]:
    """The links with what was sent of changes, whose links keep nothing: only that has their number."""
    sent = {row.key: row.body for row, _ in pairs if row.kind in CHANGES}
    return [msgspec.structs.replace(one, base=sent[one.key]) if one.key in sent else one for one in made]
