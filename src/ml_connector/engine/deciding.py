"""Gather and decide: bring each flow what it may look at, ask it, and keep what it says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from ml_connector.engine.cases import Case, CostCodesCase, OrdersCase, ProjectsCase, VendorsCase, decide, encode
from ml_connector.engine.gathering import Gathered, order_contracts
from ml_connector.engine.given import given_for_kinds, given_for_orders
from ml_connector.engine.knowing import FLOW, hold_entries, hold_key, hold_of, pairs, with_agreed
from ml_connector.engine.naming import entries_of, entries_of_holds, span_of
from ml_connector.engine.reading import ORDER, Demand
from ml_connector.engine.spool import Spool
from ml_connector.engine.stages import STAGES
from ml_connector.engine.taping import DECIDED
from ml_connector.engine.work import Draft, Work
from ml_connector.flows import vendors
from ml_connector.kernel.errors import Bug
from ml_connector.kernel.keys import Key
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Budgets
from ml_connector.planning.finding import Entry
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Verb, unpack
from ml_connector.planning.situation import Linked, Situation
from ml_connector.planning.spreading import moved_by
from ml_connector.records.commitment import Commitment
from ml_connector.records.purchase_order import GONE, PurchaseOrder
from ml_connector.store import audit, holds, journal, links, names, sources
from ml_connector.store.holds import Look
from ml_connector.systems.port import VendorPage
from ml_connector.systems.wire import Exchange

LAPS = "laps/"
"""Under which names laps are counted."""

FOLLOWED = frozenset({"commitment", "subcontractor_invoice", "direct_cost"})
"""Kinds that something else of the same plan may follow: an invoice its contract, a payment its invoice."""

KNOWN_AT_ONCE = frozenset({Verb.LINK, Verb.ADOPT})
"""Verbs whose target is known before anything is sent."""


class Decider:
    """Decides the flows of one run in the order in which they depend on each other, and keeps each decision."""

    def __init__(self, work: Work, draft: Draft, gathered: Gathered, situation: Situation) -> None:
        self.work = work
        self.draft = draft
        self.gathered = gathered
        self.situation = situation
        with work.db.begin() as conn:
            rows = holds.open_holds(conn, work.connection_id)
        self.held = [(row.source, hold_of(row)) for row in rows]
        self.commitments: set[Key] = set()
        """Contracts this plan will make."""
        self.planned: dict[Key, bytes] = {}
        """Contracts and invoices this plan will make, as they will be agreed: what follows them may be planned."""
        self._named: list[Entry] = []
        """What the last decision looked at, for the book of names."""
        self.refused = [(source, hold) for source, hold in self.held if hold.reason is HoldReason.REFUSED]

    def expect_commitments(self) -> None:
        """From here on contracts this plan makes count as coming: invoices may be planned on them."""
        coming = self.situation.coming | self.commitments
        self.situation = msgspec.structs.replace(self.situation, coming=coming)

    def held_of(self, flow: str, *reasons: HoldReason) -> set[str]:
        """Documents a flow holds, from before this run or by it, for some reasons or for any."""
        found = [*(hold for _, hold in self.held), *self.draft.holds]
        return {hold.key.id for hold in found if hold.flow == flow and (not reasons or hold.reason in reasons)}

    def held_keys(self, flow: str) -> set[Key]:
        """What a flow held when this run began."""
        return {hold.key for _, hold in self.held if hold.flow == flow}

    def projects(self) -> None:
        """Decides which IFS project is which Procore project."""
        ours, problems = self.gathered.erp_projects()
        theirs = self.gathered.projects()
        case = ProjectsCase(given_for_kinds(self.situation, "project"), ours, theirs)
        self.keep("projects", self.decide(case), [project.id for project in ours])
        self.draft.notes += [problem.sentence for problem in problems]

    def vendors(self, demand: Demand) -> None:
        """Decides the suppliers the open orders need, and those already linked or, where some are named, only those."""
        linked = {key.id for key in self.situation.links if key.kind == "vendor"}
        wants_members = self.situation.policies.vendors.project_directory == "add"
        members = frozenset(
            (supplier, project)
            for supplier, project in (demand.memberships if wants_members else ())
            if not self._is_member(supplier, project)
        )
        whole = self.work.scope.whole("vendors")
        every = whole and not self.draft.bites.cut  # else somebody needs more of them than this run knows
        suppliers = frozenset(demand.suppliers | linked) if whole else self._named_vendors(demand, linked, members)
        if not suppliers and not whole:
            return
        page = self._read_vendors(suppliers, linked)
        ours = list(page.vendors)
        spoilt = {problem.key.id for problem in page.problems}
        settled = frozenset((linked & page.seen.keys()) - {vendor.id for vendor in ours} - spoilt)
        self.draft.notes += [problem.sentence for problem in page.problems if problem.key.id not in suppliers]
        self.draft.vendors = {vendor.id: page.seen[vendor.id] for vendor in ours}
        asked = self.held_of("vendors", HoldReason.VENDOR_INACTIVE) | self._inactive_in_use(suppliers)
        case = VendorsCase(
            given_for_kinds(self.situation, "vendor", "project", "project_vendor"),
            vendors.Wanted(suppliers, members, settled, page.problems, frozenset(demand.suppliers) | asked),
            ours,
            self.gathered.vendors() if suppliers else [],
            self.gathered.directories({project for _, project in members}),
        )
        decision = self.decide(case)
        elsewhere = [pair for pair in self.held if pair[1].key.kind == "project_vendor"]
        self.keep("vendors", decision, suppliers, whole_flow=every, besides=() if every else elsewhere)
        for intent in decision.intents:
            if intent.key.kind == "supplier":  # our own write changes its row: how it looked before is no rest
                self.draft.vendors.pop(intent.target, None)

    def _named_vendors(self, demand: Demand, linked: set[str], members: Collection[tuple[str, str]]) -> frozenset[str]:
        """Suppliers that were named, by either side, and those the documents need something of."""
        scope, back = self.work.scope, self.situation.by_target("vendor")
        named = scope.ours("vendors") | {back[vendor] for _, vendor in scope.theirs("vendors") if vendor in back}
        return named & linked | (demand.suppliers - linked) | {supplier for supplier, _ in members}

    def _inactive_in_use(self, suppliers: Collection[str]) -> set[str]:
        """Suppliers whose vendor is inactive in Procore and who have a contract there of an order that is open."""
        inactive = {one.id for one in self.gathered.vendors() if not one.active} if suppliers else set()
        doubtful = {one for one in suppliers if self.situation.target(Key("vendor", one)) in inactive}
        if not doubtful:
            return set()
        with self.work.db.begin() as conn:
            open_orders = sources.open_ids(conn, self.work.connection_id, ORDER)
            keys = [key for key in self.situation.links if key.kind == "commitment"]
            known = links.load_many(
                conn, self.work.connection_id, [k for k in keys if k.id.rpartition("@")[0] in open_orders]
            )
        contracts = (unpack("commitment", row.base) for row in known.values() if row.base)
        return doubtful & {one.vendor for one in contracts if isinstance(one, Commitment)}

    def _is_member(self, supplier: str, project: str) -> bool:
        """Whether the vendor that stands for a supplier now was made known in a project's directory."""
        member = self.situation.target(Key("project_vendor", f"{supplier}@{project}"))
        return bool(member) and member == self.situation.target(Key("vendor", supplier))

    def _read_vendors(self, suppliers: frozenset[str], linked: set[str]) -> VendorPage:
        """Suppliers of this run; only linked ones may be passed over because they look as they did."""

        def knows(ids: Sequence[str]) -> Mapping[str, bytes]:
            with self.work.db.begin() as conn:
                return sources.known(conn, self.work.connection_id, "vendor", [i for i in ids if i in linked], 0)

        return self.work.erp.vendors(sorted(suppliers), knows) if suppliers else VendorPage((), (), {})

    def cost_codes(self, demand: Demand, chart: Chart) -> None:
        """Decides the cost codes and budget codes the open orders need."""
        whole = self.work.scope.whole("cost_codes")
        everywhere = whole and self.situation.policies.cost_codes.scope == "all"
        coding = self.gathered.coding(self.gathered.targets if everywhere else demand.projects)
        given = given_for_kinds(self.situation, "project", "cost_code", "budget_code")
        order = sorted(demand.combinations, key=lambda one: (one.project, one.codes, one.activity))
        extra = sorted(demand.extra, key=lambda one: (one.project, one.cost_code, one.cost_type))
        decision = self.decide(CostCodesCase(given, chart, coding, order, extra))
        looked_at = {one.project for one in demand.combinations} | {one.project for one in demand.extra}
        every = whole and not self.draft.bites.cut
        besides = [] if every else [pair for pair in self.held if pair[1].flow == "cost_codes"]
        self.keep("cost_codes", decision, looked_at, whole_flow=every, besides=besides)

    def purchase_orders(self, spool: Spool[PurchaseOrder], demand: Demand, chart: Chart) -> None:
        """Decides the changed orders, a page at a time."""
        budgets = Budgets(
            budgeted=self.gathered.budgeted(demand.projects),
            currencies=self.gathered.currencies(demand.projects),
            keeps_currency=self.work.projects.keeps_currency() if spool.records else False,
        )
        self.draft.outline.budgeted |= budgets.budgeted
        decided = 0
        for page in spool.pages():
            self.work.heed()
            with self.work.db.begin() as conn:
                situation = with_agreed(conn, self.work.connection_id, self.situation, page)
            theirs = order_contracts(self.work, self.gathered, situation, (chart, budgets), page)
            given = given_for_orders(situation, page, situation.links)
            decision = self.decide(OrdersCase(given, chart, budgets, page, theirs))
            self.keep("purchase_orders", decision, [order.id for order in page])
            self._rest([order.id for order in page], decision)
            self._count_laps(situation, decision)
            gone = {order.id for order in page if order.state in GONE}
            self.draft.removals += len(gone & {intent.source for intent in decision.intents})
            decided += len(page)
            self.work.progress("orders decided", decided)
        if demand.held:
            self.keep("purchase_orders", Decision(holds=tuple(demand.held)), [hold.key.id for hold in demand.held])

    def _count_laps(self, situation: Situation, decision: Decision) -> None:
        """Counts how often in a row a contract is restored while IFS stands still; a change in IFS starts anew."""
        counts: dict[str, int] = {}
        for intent in decision.intents:
            linked = situation.links.get(intent.key)
            if intent.base and linked and linked.base:
                before = situation.laps.get(intent.source, 0)
                if linked.base == intent.base:
                    counts[intent.source] = before + 1
                elif before:
                    counts.setdefault(intent.source, 0)
        with self.work.db.begin() as conn:
            counted = {f"{LAPS}{order}": str(count) for order, count in counts.items()}
            sources.move_watermarks(conn, self.work.connection_id, counted)

    def decide(self, case: Case) -> Decision:
        """Decides a case, and keeps it: replay starts from exactly this."""
        data = encode(case)
        flow = type(case).__struct_config__.tag
        self.work.tape(Exchange("engine", DECIDED, str(flow), 200, data, b"", span_of(case), 0, False))
        self._named = entries_of(case)
        return decide(case, self.work.mapper)

    def _rest(self, orders: Sequence[str], decision: Decision) -> None:
        held = {hold.key.id for hold in decision.holds}
        for order in orders:
            if order not in held and not self.draft.open_parts[order]:
                self.draft.resting.add(order)

    def _name(self, conn: Connection, decision: Decision) -> None:
        """Whatever becomes of the documents a decision looked at, people can find them from here on."""
        named, self._named = self._named, []
        names.put(conn, self.work.connection_id, named, fresh=True)
        names.put(conn, self.work.connection_id, entries_of_holds(decision, named), fresh=False)

    def _still_refused(self, intents: Sequence[Intent]) -> list[tuple[str, Hold]]:
        """What Procore refused last time stays held, with its date, until the new try has gone well."""
        trying = {hold_key(intent.key.kind, intent.key.id, intent.source) for intent in intents}
        return [(source, hold) for source, hold in self.refused if hold.key in trying]

    def keep(
        self,
        flow: str,
        decision: Decision,
        looked_at: Iterable[str],
        *,
        whole_flow: bool = False,
        besides: Iterable[tuple[str, Hold]] = (),
    ) -> None:
        """One transaction: intents and holds of this decision are on disk before anything is sent.

        Every hold of the documents looked at that was not found again is released; of `whole_flow` every one of the
        flow. `besides` are open holds that stay whatever the decision says: it did not look at what they hold.
        """
        intents = list(decision.intents)
        for intent in intents:
            if (intent.key.kind, intent.verb) not in STAGES:
                raise Bug(f"Flow {flow} plans to {intent.verb.value} {intent.key}, for which no step is known.")
        documents = set(looked_at)
        if whole_flow:
            apart = ("vendor_there", FLOW)
            documents |= {source for source, hold in self.held if hold.flow == flow and hold.key.kind not in apart}
        self.work.point("plan.decided")
        if documents or intents or decision.holds or self._named:
            self._write_down(flow, decision, documents, besides)
        if intents:
            self.work.tape.flush(self.work.db)
        else:
            self.work.tape.spill(self.work.db)
        self.draft.ledger.decided(flow, documents if not whole_flow else (), decision)
        self.draft.take(intents)
        self.draft.outline.take(intents, self.situation.links)
        self.draft.holds += decision.holds
        self.draft.count(flow, "unchanged", len(decision.unchanged))
        self.draft.notes += [*self.gathered.take_notes(), *(skip.sentence for skip in decision.skips)]
        self.situation = _with_intents(self.situation, intents)
        self.commitments |= {one.key for one in intents if one.key.kind == "commitment" and one.counts_as == "created"}
        if "supplier_invoices" in self.work.flows:
            self.planned.update((one.key, one.base) for one in intents if one.key.kind in FOLLOWED and one.base)

    def _write_down(
        self, flow: str, decision: Decision, documents: set[str], besides: Iterable[tuple[str, Hold]]
    ) -> None:
        """One transaction with all that came of a decision."""
        work, intents = self.work, decision.intents
        with work.db.begin() as conn:
            moved = [moved_by(intent) for intent in intents]
            journal.keep_intents(conn, work.connection_id, work.run_id, intents, moved)
            if flow == "purchase_orders":  # until its steps are settled an order is looked at whatever becomes of it
                sources.look_again(conn, work.connection_id, ORDER, {intent.source for intent in intents})
            self._name(conn, decision)
            stay = [pair for pair in besides if pair[0] in documents]
            look = Look(work.connection_id, work.run_id, flow, documents)
            change = holds.sync_holds(conn, look, [*stay, *pairs(decision.holds), *self._still_refused(intents)])
            audit.append(conn, work.connection_id, hold_entries(change, work.clock(), work.actor, work.run_id))
        self.draft.released += len(change.released)


def _with_intents(situation: Situation, intents: Sequence[Intent]) -> Situation:
    """The situation later flows see: links this plan makes at once, and keys that are coming."""
    links = dict(situation.links)
    coming = set(situation.coming)
    for intent in intents:
        if intent.key.kind == "change_order" or (intent.key.kind == "commitment" and intent.verb not in KNOWN_AT_ONCE):
            continue
        if intent.target and intent.verb in KNOWN_AT_ONCE:
            links[intent.key] = Linked(intent.target, intent.base)
        else:
            coming.add(intent.key)
    if len(links) == len(situation.links) and len(coming) == len(situation.coming):
        return situation
    return msgspec.structs.replace(situation, links=links, coming=frozenset(coming))
