"""The first half of a run: read changed orders once, to a spool, and note what they ask of the other flows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from ml_connector.engine.spool import Spool
from ml_connector.engine.work import Draft, Work
from ml_connector.flows import purchase_orders, supplier_invoices
from ml_connector.flows.cost_codes import CodeWanted, Combination
from ml_connector.kernel.keys import Key
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import FLOW, contract_homes
from ml_connector.planning.plan import Hold, unpack
from ml_connector.planning.situation import Linked, Situation
from ml_connector.records.commitment import Commitment, CommitmentKind
from ml_connector.records.purchase_order import GONE, PurchaseOrder
from ml_connector.records.supplier_invoice import SupplierInvoice
from ml_connector.store import holds, sources
from ml_connector.store.holds import Look
from ml_connector.store.links import load_many
from ml_connector.systems.port import OrderPage

ORDER = "order"


@dataclass
class Demand:
    """What the changed documents need to exist first."""

    suppliers: set[str] = field(default_factory=set)
    memberships: set[tuple[str, str]] = field(default_factory=set)
    combinations: set[Combination] = field(default_factory=set)
    extra: set[CodeWanted] = field(default_factory=set)
    """Codes wanted without a code string: those of budgets."""
    projects: set[str] = field(default_factory=set)
    held: list[Hold] = field(default_factory=list)

    def take(self, orders: Sequence[PurchaseOrder], situation: Situation) -> None:
        """Notes suppliers, projects and code strings of orders that are for Procore, on projects that are linked."""
        for order in orders:
            if order.state in GONE or not purchase_orders.may_be_sent(situation, order):
                continue
            for line in order.lines:
                if situation.available(Key("project", line.project)):
                    self.suppliers.add(order.vendor)
                    self.projects.add(line.project)
                    self.memberships.add((order.vendor, line.project))
                    self.combinations.add(Combination(line.project, line.codes, line.activity))

    def take_invoices(self, invoices: Sequence[SupplierInvoice], situation: Situation, chart: Chart) -> None:
        """Notes suppliers, projects and code strings of invoices that become direct costs."""
        suppliers, memberships, combinations = supplier_invoices.combinations(situation, chart, invoices)
        self.suppliers |= suppliers
        self.memberships |= memberships
        self.combinations |= combinations
        self.projects |= {one.project for one in combinations}


def read_orders(work: Work, draft: Draft, spool: Spool[PurchaseOrder], situation: Situation) -> Demand:
    """Reads open orders; those that changed, here or there, go to the spool. Watermarks move at settling only."""
    force = situation.touched
    demand = Demand()
    seen: set[str] = set()
    changed = unchanged = 0
    with work.db.begin() as conn:
        waits = holds.held_sources(conn, work.connection_id, FLOW)
        waits |= sources.settled_ids(conn, work.connection_id, ORDER) if draft.bites.most else set()

    def knows(ids: Sequence[str]) -> Mapping[str, bytes]:
        with work.db.begin() as conn:
            known = sources.known(conn, work.connection_id, ORDER, ids, work.mapping_version)
        return {key: value for key, value in known.items() if key not in force}

    with Spool(PurchaseOrder) as late:
        marks: dict[str, bytes] = {}
        for page in work.erp.orders(knows):
            seen.update(page.seen)
            orders, left = draft.bites.fit(FLOW, page.orders, lambda one: one.id in waits)
            late.put(left)
            marks.update((order.id, page.seen[order.id]) for order in left)
            _take(draft, spool, demand, msgspec.structs.replace(page, orders=tuple(orders)), situation)
            changed += len(page.orders) + len(page.problems)
            unchanged = len(seen) - changed
            work.progress("orders read", len(seen))
            work.tape.spill(work.db)
            work.point("read.page")
            work.heed()
            if draft.bites.cut:
                return demand  # whatever else changed, here or there, is as it was for the next run
        for orders in late.pages():
            _take(draft, spool, demand, OrderPage(tuple(orders), (), marks), situation)
    draft.count(FLOW, "unchanged", unchanged)
    missing = _missing(work, situation) - seen
    if missing:
        page = work.erp.orders_by_id(sorted(missing))
        _take(draft, spool, demand, page, situation)
        work.tape.spill(work.db)
        _gone(work, demand, missing - page.seen.keys(), situation)
    return demand


def read_named(work: Work, draft: Draft, spool: Spool[PurchaseOrder], situation: Situation) -> Demand:
    """Reads the orders of `situation.touched`, and those named by the erp's id that are not as they were at rest.

    One that ended without ever having been in Procore is left alone, as it is where everything is read.
    """
    demand = Demand()
    ids = sorted(work.scope.ours(FLOW) | situation.touched)
    if not ids:
        return demand
    with work.db.begin() as conn:
        known = sources.known(conn, work.connection_id, ORDER, ids, work.mapping_version)
    page = work.erp.orders_by_id(ids)
    homes = contract_homes(situation.links)
    changed = [
        order
        for order in page.orders
        if (order.id in situation.touched or page.seen[order.id] != known.get(order.id))
        and (order.state not in GONE or order.id in homes)
    ]
    _take(draft, spool, demand, msgspec.structs.replace(page, orders=tuple(changed)), situation)
    draft.count(FLOW, "unchanged", len(page.orders) - len(changed))
    work.tape.spill(work.db)
    _gone(work, demand, set(ids) - page.seen.keys(), situation)
    return demand


def touched_there(work: Work, draft: Draft, situation: Situation, targets: Mapping[str, str]) -> set[str]:
    """Orders whose contract was named and is not as our last write left it; one that is, is counted as an echo.

    A contract that stands for no order is left alone. `targets` maps IFS projects to Procore ids.
    """
    homes = situation.by_target("commitment")
    asked: dict[str, set[str]] = {}
    for there, contract in work.scope.theirs(FLOW):
        project = homes.get(contract, "").rpartition("@")[2]
        if project in targets and there in ("", targets[project]):
            asked.setdefault(project, set()).add(contract)
    touched: set[str] = set()
    for project, ids in sorted(asked.items()):
        found = work.projects.contracts(targets[project], sorted(ids))
        for contract in sorted(ids):
            key = Key("commitment", homes[contract])
            stamp, seen = situation.links[key].stamp, found.get(contract)
            if seen is not None and stamp and stamp == seen.updated_at:
                draft.echoes += 1
            else:
                touched.add(key.id.rpartition("@")[0])
    return touched


def _gone(work: Work, demand: Demand, orders: Collection[str], situation: Situation) -> None:
    """Orders IFS does not show at all: held where Procore has a contract of theirs, else forgotten."""
    homes = contract_homes(situation.links)
    left = {order for order in orders if order in homes and not purchase_orders.left_alone(situation, order)}
    demand.held += [purchase_orders.gone_hold(order) for order in sorted(left)]
    never = sorted(set(orders) - left)
    with work.db.begin() as conn:
        sources.mark_missing(conn, work.connection_id, ORDER, never)
        holds.sync_holds(conn, Look(work.connection_id, work.run_id, FLOW, never), ())


def _take(draft: Draft, spool: Spool[PurchaseOrder], demand: Demand, page: OrderPage, situation: Situation) -> None:
    spool.put(page.orders)
    demand.take(page.orders, situation)
    demand.held += purchase_orders.problem_holds(page.problems)
    for order in page.orders:
        draft.fingerprints[order.id] = page.seen[order.id]
        if order.state in GONE:
            draft.closed.add(order.id)


def _missing(work: Work, situation: Situation) -> set[str]:
    """Orders to be looked at even where the erp no longer lists them as open: closed, cancelled, gone, or held.

    404 is never taken as a deletion.
    """
    with work.db.begin() as conn:
        known = sources.open_ids(conn, work.connection_id, ORDER)
        return known | holds.held_sources(conn, work.connection_id, FLOW) | situation.touched


def changed_there(work: Work, draft: Draft, links: Mapping[Key, Linked], targets: Mapping[str, str]) -> set[str]:
    """Orders whose contract somebody touched in Procore since we last looked; our own writes are counted as echoes.

    `targets` maps IFS projects to Procore ids. The stamp kept with each link says which change was ours. Subcontracts
    are a list of their own, read only where a project has one of ours.
    """
    stamps = {linked.target: (key, linked.stamp) for key, linked in links.items() if key.kind == "commitment"}
    touched: set[str] = set()
    if not stamps:
        return touched
    subcontracted = _subcontracted(work, links)
    with work.db.begin() as conn:
        marks = sources.marks(conn, work.connection_id, "commitments/")
    for project, target in sorted(targets.items()):
        since = marks.get(project, "")
        found = work.projects.commitments(target, since or None)
        if project in subcontracted:
            found = [*found, *work.projects.commitments(target, since or None, CommitmentKind.SUBCONTRACT)]
        for commitment in found:
            known = stamps.get(commitment.id)
            if known is None:
                continue
            key, stamp = known
            if stamp and stamp == commitment.updated_at:
                draft.echoes += 1
            else:
                touched.add(key.id.split("@", 1)[0])
                if since:
                    moment = commitment.updated_at.partition(" ")[0]
                    draft.found.setdefault(FLOW, {})[f"{target}/{commitment.id}"] = moment
    return touched


def _subcontracted(work: Work, links: Mapping[Key, Linked]) -> set[str]:
    """IFS projects in which an order is tied to a subcontract: it was made of a requisition of ours, and agreed so."""
    proposed = {key.id for key in links if key.kind == "purchase_requisition"}
    born = [key for key, linked in links.items() if key.kind == "commitment" and linked.target in proposed]
    if not born:
        return set()
    with work.db.begin() as conn:
        rows = load_many(conn, work.connection_id, born)
    agreed = {key: unpack(key.kind, row.base) for key, row in rows.items() if row.base}
    return {
        key.id.rpartition("@")[2]
        for key, base in agreed.items()
        if isinstance(base, Commitment) and base.kind is CommitmentKind.SUBCONTRACT
    }
