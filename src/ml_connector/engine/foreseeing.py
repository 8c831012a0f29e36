"""What an answer, or another mapping, would do: what is held is decided again from the inputs that were kept.

Nothing is asked of either system and nothing is written. The inputs are those of the runs that found the holds last;
what one decision would make is known to those that follow it, as in a run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from ml_connector.engine import cases
from ml_connector.engine.cases import Case, OrdersCase
from ml_connector.engine.given import Given
from ml_connector.engine.knowing import hold_of
from ml_connector.engine.money_cases import SupplierInvoicesCase
from ml_connector.engine.sides import tags_of
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.planning import foreseen
from ml_connector.planning.foreseen import Foreseen, Held
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.plan import Decision, HoldReason, Intent, Verb, unpack
from ml_connector.planning.situation import Linked, Ruling
from ml_connector.records.commitment import Commitment
from ml_connector.store import decisions, evidence
from ml_connector.store.holds import HoldRow

MASTERS = ("projects", "vendors", "proposals", "cost_codes")
"""Tags of decisions that documents depend on: they are decided again with them."""

MOST_HELD = 1000
"""Held records that are decided again at most; the rest is counted."""

MOST_INPUTS = 120
"""Inputs of decisions read at most."""

_PASSES = 3
"""How often all is decided until nothing new comes of it: a vendor, its order, that order's invoice."""


class Laid(msgspec.Struct, frozen=True):
    """What is laid over the inputs: answers, links that are forgotten, and the mapping to decide with."""

    mapper: Mapper
    rulings: Mapping[tuple[Key, HoldReason], Ruling] = {}
    unlinked: frozenset[Key] = frozenset()


class _Kept(msgspec.Struct, frozen=True):
    """One input with the links and keys that its run knew by itself."""

    run: int
    case: Case


def foresee(conn: Connection, connection_id: int, rows: Sequence[HoldRow], mapper: Mapper, laid: Laid) -> Foreseen:
    """What becomes of some held records when `laid` holds; `mapper` is the mapping of now."""
    taken = rows[:MOST_HELD]
    runs = sorted({row.last_seen_run for row in taken})
    tags = {*MASTERS, *chain.from_iterable(tags_of(row.flow) for row in taken)}
    documents = {row.source for row in taken} | {row.erp_id for row in taken}
    kept = _inputs(conn, connection_id, (runs, sorted(tags)), documents)
    before = [cases.decide(one.case, mapper) for one in kept]
    after = _again(kept, before, laid)
    held = [Held(row.id, hold_of(row), row.source) for row in taken]
    return Foreseen(
        documents=foreseen.compared(held, before, after),
        made=foreseen.made(before, after),
        left_out=len(rows) - len(taken),
        runs=tuple(sorted({one.run for one in kept})),
    )


def _inputs(
    conn: Connection, connection_id: int, where: tuple[list[int], list[str]], documents: Collection[str]
) -> list[_Kept]:
    """The inputs that decide some documents, cut down to them where a page holds others, and those of the masters."""
    found = []
    for row in decisions.inputs_of(conn, connection_id, *where, MOST_INPUTS):
        try:
            case = cases.decode(evidence.body_of(conn, row.hash))
        except (NothingSuchHere, msgspec.DecodeError):  # dropped, or of a release with other records
            continue
        if row.tag not in MASTERS and not any(one in documents for one in cases.documents(case)):
            continue
        found.append(_Kept(row.run_id, _cut(case, documents)))
    return found


def _cut(case: Case, documents: Collection[str]) -> Case:
    """A page of orders or invoices without those nobody asked about: each is decided by itself."""
    if isinstance(case, OrdersCase):
        return _with_agreed(msgspec.structs.replace(case, orders=[one for one in case.orders if one.id in documents]))
    if isinstance(case, SupplierInvoicesCase):
        return msgspec.structs.replace(case, invoices=[one for one in case.invoices if one.id in documents])
    return case


def _with_agreed(case: OrdersCase) -> OrdersCase:
    """The case with every linked contract that was not read taken to be as both sides last agreed on it: an order that
    is held before its contract is looked at has its contract not read."""
    links = dict(case.given.links)
    assumed = {}
    for key, linked in case.given.links:
        if key.kind != "commitment" or not linked.base or linked.target in case.theirs.contracts:
            continue
        base = unpack("commitment", linked.base)
        if isinstance(base, Commitment):
            vendor = links.get(Key("vendor", base.vendor))
            there = {"id": linked.target, "vendor": vendor.target if vendor else base.vendor}
            assumed[linked.target] = msgspec.structs.replace(base, **there)
    theirs = msgspec.structs.replace(case.theirs, contracts={**case.theirs.contracts, **assumed})
    return msgspec.structs.replace(case, theirs=theirs)


def _again(kept: Sequence[_Kept], before: Sequence[Decision], laid: Laid) -> list[Decision]:
    """The same decisions with the answers laid over, until none of them makes anything the others did not know of."""
    news = _News(before)
    after: list[Decision] = []
    for _ in range(_PASSES):
        after, known = [], news.size
        for place, one in enumerate(kept):
            decision = cases.decide(_over(one.case, laid, news.told(place)), laid.mapper)
            news.take(place, decision)
            after.append(decision)
        if news.size == known:
            break
    return after


class _Told(NamedTuple):
    """What other decisions make that they did not make before: links known at once, keys on their way, contracts."""

    links: dict[Key, Linked]
    coming: list[Key]
    contracts: dict[str, bytes]
    """Key id to the packed contract, as it would be agreed."""


class _News:
    """What each decision makes that it did not make before: the others know of it, itself it decides anew."""

    def __init__(self, before: Sequence[Decision]) -> None:
        self.known = {intent.digest() for decision in before for intent in decision.intents}
        self.made: dict[int, dict[Key, Intent]] = {}

    @property
    def size(self) -> int:
        """How much is new."""
        return sum(len(made) for made in self.made.values())

    def take(self, place: int, decision: Decision) -> None:
        """Remembers what the decision at a place makes: of several steps of a record the one that agrees on it."""
        made = self.made.setdefault(place, {})
        for intent in decision.intents:
            new = intent.digest() not in self.known and intent.key.kind != "change_order"
            if new and (intent.base or intent.key not in made):
                made[intent.key] = intent

    def told(self, place: int) -> _Told:
        """What the decision at a place is told of the others."""
        found = _Told({}, [], {})
        for intent in (intent for at, made in self.made.items() if at != place for intent in made.values()):
            at_once = intent.target and intent.verb in (Verb.LINK, Verb.ADOPT) and intent.key.kind != "commitment"
            if at_once:
                found.links[intent.key] = Linked(intent.target, intent.base)
            else:
                found.coming.append(intent.key)
            if intent.key.kind == "commitment" and intent.base:
                found.contracts[intent.key.id] = intent.base
        return found


def _over(case: Case, laid: Laid, news: _Told) -> Case:
    """The input with the answers, and with what is new, laid over what it knew."""
    given = _given(case.given, laid, news)
    changed: Case = msgspec.structs.replace(case, given=given)
    if isinstance(changed, SupplierInvoicesCase) and news.contracts:
        made = {key: unpack("commitment", packed) for key, packed in news.contracts.items()}
        planned = {**{key: one for key, one in made.items() if isinstance(one, Commitment)}, **changed.theirs.planned}
        return msgspec.structs.replace(changed, theirs=msgspec.structs.replace(changed.theirs, planned=planned))
    return changed


def _given(given: Given, laid: Laid, news: _Told) -> Given:
    rulings = {(key, reason): ruling for key, reason, ruling in given.rulings} | dict(laid.rulings)
    links = [pair for pair in given.links if pair[0] not in laid.unlinked and pair[0] not in news.links]
    return msgspec.structs.replace(
        given,
        rulings=[(key, reason, ruling) for (key, reason), ruling in rulings.items()],
        links=[*links, *news.links.items()],
        coming=[*given.coming, *news.coming],
    )
