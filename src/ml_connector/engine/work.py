"""What a run has in its hands: the connection, both systems, the store, the clock; and what it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from ml_connector.engine.bites import Bites
from ml_connector.engine.outline import Outline
from ml_connector.engine.points import Point, no_point
from ml_connector.engine.scope import Scope
from ml_connector.engine.taping import RunTape
from ml_connector.engine.totals import Ledger
from ml_connector.kernel.clock import Clock
from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.kernel.text import counted
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.plan import Hold, Intent
from ml_connector.planning.policy import Policies
from ml_connector.planning.spreading import recoded, spread_of
from ml_connector.store.postgres import Database
from ml_connector.systems.port import ErpSystem, Progress, ProjectsSystem


@dataclass(frozen=True)
class Errand:
    """Why a run is made, about what, and how long it may take."""

    trigger: str = ""
    """schedule, person, webhook or replay; empty for what a person typed: the run is then called plan or sync."""
    actor: str = "operator"
    asked_by: str = ""
    """Who had it made where a schedule would have made it later: a plan of it is one that this person asked for."""
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Flow to names of the records that it looks at; a flow that is not in it looks at everything.

    Names are made by `engine.scope`: `erp_name("P100002")` is "erp/P100002", an order, invoice, supplier or project of
    the erp; `projects_name("1001", "5629")` is "projects/1001/5629", a record of the projects system in its project, by
    that system's own ids ("projects//5629" where it lies in none, or nobody says in which). A contract touched in
    Procore is named for `purchase_orders`, a vendor there for `vendors`, a budget there for `budgets` by its project
    ("projects/1001/1001"). `engine.scope.with_masters` adds the flows that make vendors and codes where those records
    need them; run all of its keys. A flow of `scope.KEYED` looks at these alone; another one that is named looks at
    everything of its own. Where a reading stands, and what is held of other records, stays as it is.
    """
    enough: Callable[[], str] = lambda: ""
    """Asked before each batch once one was sent: why to begin nothing more and leave the rest for later, or nothing."""
    halt: Callable[[], str] = lambda: ""
    """Asked between pages that are read or decided and before each batch: why to end at once, even with nothing sent
    (somebody cancelled it, the worker is leaving), or nothing. What asks always gets the same answer from then on."""
    slice: float = 0.0
    """Seconds from the first batch after which no document is begun any more; 0 for no end. At least one batch goes,
    and what was begun is finished, so that every run of a long work gets on."""
    job: int = 0
    """The job of the service that does it, so that who watches the run knows what to stop; 0 for none."""
    most: int = 0
    """Documents that are taken to be decided, or few more; the rest is left for a later run. 0 for no end."""
    begin: Callable[[Connection], None] = lambda _conn: None
    """What is written together with the run's beginning, once nobody else may run: only where it begins it stands."""


class Halted(Exception):
    """A run was told to end before it sent anything; its text says why."""


class Outdated(Exception):
    """The connection or its mapping was changed after a run had read them and before it had the right to write."""


@dataclass
class Work:
    """One connection, ready to run."""

    db: Database
    connection_id: int
    name: str
    company: str
    erp: ErpSystem
    projects: ProjectsSystem
    policies: Policies
    mapper: Mapper
    mapping_version: int
    clock: Clock
    tape: RunTape
    errand: Errand = field(default_factory=Errand)
    point: Point = no_point
    progress: Progress = lambda what, count: None
    in_flight: int = 8
    graces: Mapping[str, float] = field(default_factory=dict)
    """Side (erp, projects) to the seconds for which it may go on with a write after its answer was given up."""
    go_live: date | None = None
    zone: tzinfo = UTC
    """The erp's time zone: what day it is there."""
    flows: tuple[str, ...] = ()
    """Flows of this run, in the order of registry.py."""
    guard: Callable[[], None] = lambda: None
    """Makes sure before each batch that the right to write is still ours."""
    current: Callable[[], bool] = lambda: True
    """Whether policies and mapping are still those this was opened with; asked once nobody else may run."""
    known: Callable[[], None] = lambda: None
    """Makes sure, before anything else, that both sides are those the connection is tied to; see engine/binding.py."""
    goes_on: Callable[[], datetime | None] = lambda: None
    """The moment from which both sides take requests again; None when they do now."""
    done_at: Callable[[Mapping[str, int]], datetime | None] = lambda _requests: None
    """When so many more requests of each side (erp, projects) will have been sent; None when no limit delays them."""
    run_id: int = 0

    @property
    def actor(self) -> str:
        """Who started it, as the audit trail names them."""
        return self.errand.actor

    @cached_property
    def scope(self) -> Scope:
        """Which records it looks at."""
        return Scope(self.errand.only)

    def heed(self) -> None:
        """Raises Halted when the run was told to end. Only for where nothing is under way."""
        why = self.errand.halt()
        if why:
            raise Halted(why)


@dataclass
class Tally:
    """Counts of one flow, as `--json` prints them."""

    created: int = 0
    updated: int = 0
    linked: int = 0
    unchanged: int = 0
    held: int = 0
    refused: int = 0
    unknown: int = 0


CHANGED_BY = {"change_order": "commitment", "budget_change": "budget"}
"""Kind of record that says how another one changes, to that other one."""

PARTS = ("commitment", "change_order")
"""Kinds of record an order consists of in Procore: it is at rest when the last step of each is done."""


def _add(sums: dict[Any, Decimal], key: Any, amount: Decimal) -> None:
    sums[key] = sums.get(key, Decimal(0)) + amount


@dataclass
class Draft:
    """What deciding has produced so far, across the flows of one run."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    digests: list[bytes] = field(default_factory=list)
    planned: dict[str, Decimal] = field(default_factory=dict)
    moved: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    """The same whatever its sign, by (creates, updates or removals; currency), with what only goes to another code
    among the updates: what a brake looks at."""
    recoded: dict[str, Decimal] = field(default_factory=dict)
    """Planned money that only goes from some codes to others, by currency: it is not in `planned`."""
    by_place: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)
    """Planned money of orders by (IFS project, flat code, currency); of a contract that is there, what changes."""
    outline: Outline = field(default_factory=Outline)
    """What is kept with the plan for people to read."""
    holds: list[Hold] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fingerprints: dict[str, bytes] = field(default_factory=dict)
    """Changed orders to the fingerprint they were decided with."""
    vendors: dict[str, bytes] = field(default_factory=dict)
    """Changed suppliers to the fingerprint they were decided with."""
    open_parts: Counter[str] = field(default_factory=Counter)
    """Order to the number of its records that have intents still to be done."""
    resting: set[str] = field(default_factory=set)
    """Changed orders that need nothing: their fingerprint can be kept as soon as the run ends."""
    closed: set[str] = field(default_factory=set)
    """Orders that have left the open window and need no more looking at."""
    echoes: int = 0
    created: Counter[str] = field(default_factory=Counter)
    """Kind to the number of its records that are new."""
    changed: Counter[str] = field(default_factory=Counter)
    """Kind to the number of its records that are updated."""
    removals: int = 0
    released: int = 0
    documents: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Kind of document to the fingerprints with which changed ones were decided, orders and vendors apart."""
    where: dict[str, dict[str, str]] = field(default_factory=dict)
    """Flow to the documents born in Procore that it decided, with the IFS project each lies in."""
    ended: dict[str, set[str]] = field(default_factory=dict)
    """Kind of document to those that are finished and out of the window: no more looking at."""
    census: dict[str, str] = field(default_factory=dict)
    """Marks of what this run has looked for, to be kept when it ends well."""
    money_by_flow: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    """Planned money by flow and currency."""
    still: dict[str, Hold] = field(default_factory=dict)
    """Flows that lack a right and stand still in this run, with what is said of them."""
    parked: set[tuple[str, str]] = field(default_factory=set)
    """(flow, document) of documents with steps left out: not in the approved plan, or not sent before it was enough."""
    unsure: set[tuple[str, str]] = field(default_factory=set)
    """(flow, document) of documents with an earlier write that may still be on its way: nothing of them goes."""
    unsure_keys: set[Key] = field(default_factory=set)
    """Records of such documents: what needs one that is not there yet waits for a later run."""
    left: int = 0
    """Steps that were not sent because it was enough."""
    left_out: list[str] = field(default_factory=list)
    """Flows of the approved plan with steps that did not go, which this run did not look at or was not let send."""
    bites: Bites = field(default_factory=Bites)
    """How many documents were taken, and where it was enough."""
    stopped: str = ""
    """Why sending ended before its end; empty when it did not."""
    found: dict[str, dict[str, str]] = field(default_factory=dict)
    """Flow to what a look at all changes in Procore found, `PROJECT/ID` to its moment there; see `Report.found`."""
    ledger: Ledger = field(default_factory=Ledger)
    """What came in, decision by decision: control totals are made of it."""

    def count(self, flow: str, what: str, number: int = 1) -> None:
        """Adds to a flow's count."""
        self.counts.setdefault(flow, Counter())[what] += number

    def take(self, intents: list[Intent]) -> None:
        """Counts decided intents and their money."""
        new = {intent.source for intent in intents if intent.counts_as == "created"}
        for intent in intents:
            self.digests.append(intent.digest())
            if intent.counts_as:
                self.count(intent.flow, intent.counts_as)
            if intent.counts_as == "updated":
                self.changed[CHANGED_BY.get(intent.key.kind, intent.key.kind)] += 1
            elif intent.counts_as == "created":
                self.created[intent.key.kind] += 1
            if intent.money:
                self.add_money(intent.money, intent.flow)
                what = "creates" if intent.source in new else "updates"
                what = "removals" if intent.money.amount < 0 else what
                codes, currency = spread_of(intent), intent.money.currency
                turned = recoded(codes)
                _add(self.moved, (what, currency), abs(intent.money.amount))
                if turned:
                    _add(self.moved, ("updates", currency), turned)
                    _add(self.recoded, currency, turned)
                for flat, amount in codes.items() if intent.key.kind in PARTS else ():
                    _add(self.by_place, (intent.scope, flat, currency), amount)
            if intent.base and intent.source and intent.key.kind in PARTS:
                self.open_parts[intent.source] += 1

    def add_money(self, money: Money, flow: str) -> None:
        """Adds planned money of one currency, to the sum of all and to that of its flow."""
        for sums in (self.planned, self.money_by_flow.setdefault(flow, {})):
            sums[money.currency] = sums.get(money.currency, Decimal(0)) + money.amount


@dataclass
class Report:
    """What a run did, in the form commands print; money as exact text."""

    connection: str
    flows: dict[str, Tally]
    requests: dict[str, dict[str, int]]
    money: dict[str, dict[str, str]]
    plan: str
    run: int = 0
    notes: list[str] = field(default_factory=list)
    holds: list[dict[str, Any]] = field(default_factory=list)
    money_by_flow: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    """Flow to currency to planned and applied, as exact text."""
    money_by_place: list[dict[str, str]] = field(default_factory=list)
    recoded: dict[str, dict[str, str]] = field(default_factory=dict)
    """Currency to what only goes from some codes to others, planned and applied: it is in no net amount."""
    taken_over: dict[str, int] = field(default_factory=dict)
    """Flow to how many of those that count as linked are taken over: they are there already, are marked and brought to
    the other side's state, and may be locked by it."""
    echoes: int = 0
    released: int = 0
    waiting: int = 0
    """Steps the other side had no time for; they go with the next run."""
    again_at: datetime | None = None
    """With `waiting`: the moment from which the other side takes requests again, where it is known."""
    to_send: int = 0
    """Steps of its plan that are still to be sent, with those that came after one that waits."""
    done_at: datetime | None = None
    """With `to_send`: when the last of them will have been sent at the earliest, by what is known of the request limits
    and what this run needed; None where no limit is known to delay them."""
    left: int = 0
    """Steps that were not sent because the run was to end; they go with the next run over everything."""
    left_out: list[str] = field(default_factory=list)
    """Flows of the approved plan that wait still, for this run did not look at them or was not let send them."""
    stopped: str = ""
    """Why it ended before its end; empty when it did not."""
    still: dict[str, str] = field(default_factory=dict)
    """Flows that lack a right and did nothing, though the others went, to the sentence that says so."""
    cut: str = ""
    """The flow at which it had taken enough documents; what is left of it, and the flows after it, go next time."""
    taken: int = 0
    """Documents it took to be decided."""
    found: dict[str, dict[str, str]] = field(default_factory=dict)
    """Flow to records that people changed in Procore and that the look at all changes found, for the flows that start
    there: `PROJECT/ID` by Procore's ids to the moment of the change in ISO 8601, as far as Procore says. A keyed run
    and a first look find nothing here."""

    @property
    def more(self) -> bool:
        """Whether another run has work to go on with at once."""
        return bool(self.left or self.cut)

    @property
    def outlook(self) -> str:
        """When what it could not send will have been sent, in a sentence; empty where nothing is known to delay it."""
        if self.done_at is None:
            return ""
        last = f"the last of {counted(self.to_send, 'step')}" if self.to_send > 1 else "the step that is left"
        return f"By the request limits {last} goes at {self.done_at:%Y-%m-%d %H:%M} UTC at the earliest."
