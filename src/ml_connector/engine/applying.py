"""Apply and settle: send each free intent once, a batch at a time, and write down what came of it.

for each stage (kind, verb) in the order of dependence:
    take a slice of planned intents        their needed links are looked up in one go
    mark it sending, commit                intent before effect
    send its batches, eight in flight      one request a batch
    settle, one transaction                outcome, link, fingerprint, audit, evidence
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from itertools import groupby

import msgspec

from ml_connector.engine.placing import PLACED, claim_places
from ml_connector.engine.settling import Settler, record_name
from ml_connector.engine.stages import STAGES
from ml_connector.engine.standing import APART, LACKING, Standing
from ml_connector.engine.work import Draft, Work
from ml_connector.kernel.errors import ConnectorError
from ml_connector.kernel.keys import Key
from ml_connector.kernel.text import listed
from ml_connector.planning.plan import ERP_KINDS, Verb, unpack
from ml_connector.store import journal, links
from ml_connector.store.journal import IntentRow, Stage
from ml_connector.systems.port import Effect, Outcome, Result, Writes

SLICE = 1000
"""Intents taken from the journal at a time where a request carries many of them."""

LINED = ("commitment", "subcontractor_invoice")
"""Kinds of record with lines of their own, on which invoices and payments build."""

SINGLES = 128
"""Intents taken at a time where each is a request of its own: what one transaction settles."""


class Applier:
    """Applies the free intents of one run."""

    def __init__(self, work: Work, draft: Draft, settler: Settler) -> None:
        self.work = work
        self.draft = draft
        self.settler = settler
        self.standing = Standing(work, draft)
        self.sent = 0
        self.began = 0.0
        """When the first batch went, by a clock that nobody sets; 0 before."""
        self.went = False
        """Whether a batch went and came back."""
        self.over = self.told = ""
        """Why nothing more begins, and why nothing more goes; empty as long as it does."""
        self.owners: dict[int, tuple[str, str]] = {}
        """(flow, document) of each intent that was marked as sending."""
        self.names: dict[int, str] = {}
        """What logs and traces call the records of those that have not gone yet."""
        self.out: set[int] = set()
        """Those of which a request is, or may be, on its way, or was answered."""

    def apply(self) -> None:
        """Goes through every stage once. When it ends early, what is under way is waited for and the rest not sent."""
        with self.work.db.begin() as conn:
            planned = journal.stages_of(conn, self.work.connection_id, self.work.run_id)
        pool = ThreadPoolExecutor(self.work.in_flight, thread_name_prefix="send")
        try:
            for kind, verb in STAGES:
                if (kind, verb.value) not in planned:
                    continue
                if self._halted():
                    break
                if verb is Verb.LINK:
                    self._link_stage(kind)
                else:
                    self._send_stage(pool, kind, verb)
        finally:
            # Without it a person's Ctrl-C would wait for a whole slice; what was marked and not sent is read back.
            pool.shutdown(cancel_futures=True)
            self._say_what_never_left()

    def _say_what_never_left(self) -> None:
        """Of what was marked and did not go nothing can come late, so that nobody has to wait for it."""
        kept = sorted(self.owners.keys() - self.out)
        if kept:
            with suppress(ConnectorError), self.work.db.begin() as conn:  # the first error is the one to tell
                journal.never_left(conn, kept)

    def _halted(self) -> bool:
        """Whether somebody told it to end: nothing more is sent."""
        self.told = self.told or self.work.errand.halt()
        self.draft.stopped = self.draft.stopped or self.told
        return bool(self.told)

    def _is_enough(self) -> bool:
        """Whether the time or the patience for one run is over: what has begun is finished, and nothing else begins.

        Only once a batch went, so that each run of a long work gets on.
        """
        errand = self.work.errand
        if self.went and not self.over:
            self.over = errand.enough()
            if not self.over and errand.slice and time.monotonic() - self.began >= errand.slice:
                self.over = f"its share of {errand.slice:g} s is over"
        return bool(self.over)

    def _may_go(self, owners: Iterable[tuple[str, str]]) -> bool:
        """Whether steps of these documents may still be sent; when not, why it stopped is written down."""
        if not self._halted() and (not self._is_enough() or not self.settler.begun.isdisjoint(owners)):
            return True
        self.draft.stopped = self.draft.stopped or self.over
        return False

    def _going(self, rows: Sequence[IntentRow]) -> list[IntentRow]:
        """The rows that may still go; the others stay planned, and so does what comes after them."""
        going = [row for row in rows if self._may_go([(row.flow, row.source)])]
        if len(going) < len(rows):
            kept = {row.id for row in going}
            self.settler.leave([row for row in rows if row.id not in kept])
        return going

    def _slices(self, kind: str, verb: Verb, size: int) -> Iterator[list[IntentRow]]:
        last: tuple[str, int] = ("", 0)
        while True:
            with self.work.db.begin() as conn:
                stage = Stage(self.work.connection_id, self.work.run_id, kind, verb.value)
                rows = journal.next_batchable(conn, stage, last, size)
            if rows:
                yield rows
            if len(rows) < size:
                return
            last = (rows[-1].scope, rows[-1].id)

    def _link_stage(self, kind: str) -> None:
        for rows in self._slices(kind, Verb.LINK, SLICE):
            if kind == "project_vendor":
                with self.work.db.begin() as conn:
                    targets = links.targets(conn, self.work.connection_id, [n for row in rows for n in row.needs])
                outcomes = [Outcome(row.id, Result.DONE, row.target or targets.get(row.needs[0], "")) for row in rows]
            else:
                rows = self._placed(rows)
                outcomes = [Outcome(row.id, Result.DONE, row.target) for row in rows]
            self.settler.settle(rows, outcomes)

    def _send_stage(self, pool: ThreadPoolExecutor, kind: str, verb: Verb) -> None:
        """Keeps the next slice in flight while the last one is written down, and what goes on from it until it is."""
        side = side_of(self.work, kind)
        batch = side.batch_size(kind, verb.value)
        waiting: tuple[list[IntentRow], list[Future[list[Outcome]]]] | None = None
        going: set[str] = set()
        for rows in self._slices(kind, verb, SLICE if batch > 1 else SINGLES):
            for wave in _waves(self._going(rows)):
                if waiting and any(need.kind == kind for row in wave for need in row.needs):
                    self._settle(*waiting)  # what this wave needs may be among what is in flight
                    waiting = None
                ready, effects = self._marked(wave)
                chains = {chain for effect in effects if (chain := side.chain(effect))}
                if waiting and chains & going:
                    self._settle(*waiting)
                    waiting = None
                # each of a chain is a request of its own, so that more hands cost nothing
                size = min(batch, -(-len(effects) // self.work.in_flight)) if chains else batch
                futures = [pool.submit(self._send, chunk) for chunk in batches(effects, side, size)]
                if waiting:
                    self._settle(*waiting)
                waiting, going = (ready, futures), chains
        if waiting:
            self._settle(*waiting)

    def _marked(self, rows: list[IntentRow]) -> tuple[list[IntentRow], list[Effect]]:
        """The rows that may go, marked as sending and committed so, with their effects."""
        effects = self._ready(self._placed(rows))
        by_id = {row.id: row for row in rows}
        ready = [by_id[effect.intent_id] for effect in effects]
        self.owners |= {row.id: (row.flow, row.source) for row in ready}
        self.names |= {row.id: record_name(row) for row in ready}
        if ready:
            self.work.guard()
            with self.work.db.begin() as conn:
                journal.mark_sending(conn, [row.id for row in ready])
            self.work.point("apply.marked")
        return ready, effects

    def _placed(self, rows: list[IntentRow]) -> list[IntentRow]:
        """The rows whose invoice lines stand in no other record; the others are held: a line is never in two places."""
        if rows[0].kind not in PLACED:
            return rows
        with self.work.db.begin() as conn:
            taken = claim_places(conn, self.work.connection_id, rows)
        if taken:
            self.settler.refuse_places(taken)
        return [row for row in rows if row.id not in taken]

    def _settle(self, rows: list[IntentRow], futures: list[Future[list[Outcome]]]) -> None:
        failures = [error for future in futures if (error := future.exception())]
        outcomes = [outcome for future in futures if not future.exception() for outcome in future.result()]
        self.work.point("apply.sent")
        if rows:
            self.settler.settle(rows, outcomes)
            self.sent += len(outcomes)
            self.work.progress(f"{rows[0].kind} {rows[0].verb}", self.sent)
        flows = {row.flow for row in rows}
        for error in failures:
            if not isinstance(error, LACKING) or not flows <= APART.keys():
                raise error
            for flow in flows:
                self.standing.stop(flow, error)

    def _send(self, effects: Sequence[Effect]) -> list[Outcome]:
        if not self._may_go(self.owners[effect.intent_id] for effect in effects):
            self.draft.left += len(effects)
            return [Outcome(effect.intent_id, Result.WAITING, sentence=self.draft.stopped) for effect in effects]
        self.began = self.began or time.monotonic()
        tape, ids = self.work.tape, [effect.intent_id for effect in effects]
        lost = tape.lost()
        self.out.update(ids)
        try:
            with tape.about(ids, listed([self.names.pop(one, "") for one in ids], 3)):
                outcomes = side_of(self.work, effects[0].kind).send(effects)
        except ConnectorError:
            if tape.lost() == lost:
                self.out.difference_update(ids)
            raise
        self.went = True
        return outcomes if tape.lost() == lost else [_known(outcome) for outcome in outcomes]

    def _is_unsure(self, need: Key) -> bool:
        """Whether it is there and its lines, on which what needs it builds, may not be."""
        return need.kind in LINED and need in self.draft.unsure_keys

    def _waits_with(self, row: IntentRow, missing: Key) -> bool:
        """Whether what an intent lacks goes with a later run by itself; then the intent does, and what needs it."""
        draft = self.draft
        if missing in draft.unsure_keys or (row.flow, row.source) in draft.unsure:
            draft.unsure_keys.add(row.key)
            return True
        return bool(draft.stopped)

    def _ready(self, rows: Sequence[IntentRow]) -> list[Effect]:
        """Effects whose needed links exist; the others are parked with the reason."""
        own = [Key(row.kind, row.erp_id) for row in rows if not row.target]
        with self.work.db.begin() as conn:
            needed = {need for row in rows for need in row.needs}
            targets = links.targets(conn, self.work.connection_id, [*needed, *own])
        effects = []
        parked: list[tuple[IntentRow, Key]] = []
        left: list[IntentRow] = []
        for row in rows:
            key = Key(row.kind, row.erp_id)
            missing = next((need for need in row.needs if need not in targets or self._is_unsure(need)), None)
            if missing is None and row.after and self.settler.failed(row):
                missing = key
            if row.flow in self.draft.still:
                missing = key  # its request would only meet the same lack again
            elif missing is not None and self._waits_with(row, missing):
                left.append(row)  # what it needs was left for the next run
                continue
            if missing is not None:
                parked.append((row, missing))
                continue
            effects.append(_effect(row, row.target or targets.get(key, ""), targets))
        if parked:
            self.settler.park(parked)
        self.settler.leave(left)
        return effects


def _known(outcome: Outcome) -> Outcome:
    """How an effect ended of whose batch a write had no answer: it cannot be said to wait, for it may be done."""
    return msgspec.structs.replace(outcome, result=Result.UNKNOWN) if outcome.result is Result.WAITING else outcome


def side_of(work: Work, kind: str) -> Writes:
    """The system a kind of record is written in."""
    return work.erp if kind in ERP_KINDS else work.projects


def _waves(rows: list[IntentRow]) -> Iterator[list[IntentRow]]:
    """The rows in waves, so that none goes together with a row it needs: a new voucher after the old one's reversal."""
    left = rows
    while left:
        keys = {row.key for row in left}
        wave = [row for row in left if not keys.intersection(row.needs)] or left
        yield wave
        gone = {row.id for row in wave}
        left = [row for row in left if row.id not in gone]


def _effect(row: IntentRow, target: str, targets: dict[Key, str]) -> Effect:
    return Effect(
        intent_id=row.id,
        verb=row.verb,
        kind=row.kind,
        once_key=row.once_key,
        scope=row.scope,
        target=target,
        body=unpack(row.kind, row.body),
        ids={need: targets[need] for need in row.needs},
    )


def batches(effects: Sequence[Effect], side: Writes, size: int) -> Iterator[list[Effect]]:
    """Batches of one scope each that weigh at most `size`; a chain stays whole and in order, whatever it weighs."""
    for _, group in groupby(effects, key=lambda effect: effect.scope):
        chains: dict[str | int, list[Effect]] = {}
        for effect in group:
            chains.setdefault(side.chain(effect) or effect.intent_id, []).append(effect)
        chunk: list[Effect] = []
        used = 0
        for chain in chains.values():
            weight = sum(side.weight(effect) for effect in chain)
            if chunk and used + weight > size:
                yield chunk
                chunk, used = [], 0
            chunk += chain
            used += weight
        if chunk:
            yield chunk


class Recovery:
    """What became of intents whose answer we never got: asked before anything is sent again."""

    def __init__(self, work: Work, settler: Settler) -> None:
        self.work = work
        self.settler = settler

    def recover(self) -> int:
        """Reads back every unconfirmed intent of this connection, a slice at a time; the number settled as done."""
        done = last = 0
        while True:
            with self.work.db.begin() as conn:
                rows = journal.unconfirmed(conn, self.work.connection_id, last, SLICE)
            if not rows:
                return done
            last = rows[-1].id
            found, absent = self._read_back(sorted(rows, key=_rank))
            absent = self._come_to_nothing(absent)
            self.work.point("recover.found")
            if found:
                self.settler.settle([row for row, _ in found], [outcome for _, outcome in found])
            if absent:
                self.settler.release_unconfirmed(absent)
            done += len(found)

    def _come_to_nothing(self, absent: list[IntentRow]) -> list[IntentRow]:
        """Those that are not there and do not come any more; of the others it is written down that they may.

        The other side may still be doing what it gave no answer to: to decide that anew would have it done twice.
        """
        until: dict[int, datetime] = {}
        for side, grace in self.work.graces.items():
            of_side = [row.id for row in absent if (row.kind in ERP_KINDS) == (side == "erp")]
            if of_side and grace:
                with self.work.db.begin() as conn:
                    until |= journal.on_the_way(conn, of_side, grace)
        if until:
            self.settler.keep_unconfirmed([row for row in absent if row.id in until], until)
        return [row for row in absent if row.id not in until]

    def _read_back(self, rows: list[IntentRow]) -> tuple[list[tuple[IntentRow, Outcome]], list[IntentRow]]:
        """What happened after all, and what did not. An effect whose links are not there cannot have happened."""
        with self.work.db.begin() as conn:
            needed = {need for row in rows for need in row.needs} | {row.key for row in rows}
            targets = links.targets(conn, self.work.connection_id, needed)
        found: list[tuple[IntentRow, Outcome]] = []
        absent: list[IntentRow] = []
        for row in rows:
            if any(need not in targets for need in row.needs):
                absent.append(row)
                continue
            try:
                with self.work.tape.about([row.id], record_name(row)):
                    effect = _effect(row, row.target or targets.get(row.key, ""), targets)
                    outcome = side_of(self.work, row.kind).find(effect)
            except LACKING:
                # its project or set is hidden from us for now: it stays unconfirmed, and the others go on
                self.settler.keep_unconfirmed([row], {})
                continue
            if outcome is None:
                absent.append(row)
            else:
                found.append((row, outcome))
                targets[row.key] = outcome.target
        return found, absent


def _rank(row: IntentRow) -> int:
    return next(n for n, (kind, verb) in enumerate(STAGES) if kind == row.kind and verb.value == row.verb)
