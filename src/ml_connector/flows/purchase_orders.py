"""Purchase orders: IFS orders become purchase order contracts, one a project, changed by deltas once approved."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import (
    FLOW,
    Budgets,
    Held,
    commitment_key,
    commitments_of,
    contract_homes,
    of_kind,
    order_money,
)
from ml_connector.planning.contracts import Contract, decide_contract, settled
from ml_connector.planning.leaving_out import LEFT_OUT_FOR
from ml_connector.planning.line_marks import changes_named, line_marks, named
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Skip, bad_row
from ml_connector.planning.situation import Situation
from ml_connector.records.commitment import ENDED, FROZEN, ChangeOrder, Commitment
from ml_connector.records.problem import Problem
from ml_connector.records.purchase_order import GONE, WITHDRAWN, PurchaseOrder

IGNORABLE = (
    HoldReason.ORDER_MATCH,
    HoldReason.TOTALS_DIFFER,
    HoldReason.GONE_THERE,
    HoldReason.GONE_HERE,
    HoldReason.LAPPING,
    *LEFT_OUT_FOR[FLOW],
)
"""Questions about an order that may be answered by leaving it alone."""


class Theirs(msgspec.Struct, frozen=True):
    """What Procore holds that may concern these orders."""

    headers: Mapping[str, Sequence[Commitment]]
    """IFS project to the contract headers of its Procore project (only projects with unlinked orders)."""
    contracts: Mapping[str, Commitment | None]
    """Procore contract id to the contract with its lines; None when it cannot be seen."""
    change_orders: Mapping[str, Sequence[ChangeOrder]]
    """Procore contract id to its change orders, for contracts whose schedule of values is frozen."""


def unlinked_projects(situation: Situation, coding: tuple[Chart, Budgets], orders: Sequence[PurchaseOrder]) -> set[str]:
    """Projects in which an order that can go has no contract of ours yet: their contract headers are worth a look."""
    page = _Page(situation, coding, {})
    projects: set[str] = set()
    for order in orders:
        new = {one.project for one in order.lines if commitment_key(order.id, one.project) not in situation.links}
        if not new or page.not_for_procore(order):
            continue
        with suppress(Held):
            projects |= {ours.project for ours in page.contracts(order)} & new
    return projects


def maybe_subcontracted(situation: Situation, orders: Sequence[PurchaseOrder], projects: Collection[str]) -> set[str]:
    """Those of some projects whose subcontracts are worth a look, too: one may carry the mark of such an order.

    An order is a subcontract only by a requisition of ours. Where no link to any requisition is left, but an order came
    from one, an earlier connection may have made it, and the order must not get a second contract.
    """
    if any(key.kind == "purchase_requisition" for key in situation.links):
        return set()
    return {line.project for order in orders for line in order.lines if line.requisition} & set(projects)


def wanted_contracts(
    situation: Situation,
    coding: tuple[Chart, Budgets],
    orders: Sequence[PurchaseOrder],
    headers: Mapping[str, Sequence[Commitment]],
) -> list[tuple[str, str]]:
    """(IFS project, Procore contract id) of every contract that must be read in full to decide these orders.

    A linked contract that is what was last agreed on, and that nobody touched, need not be read.
    """
    page = _Page(situation, coding, headers)
    wanted: dict[tuple[str, str], None] = {}
    for order in orders:
        if page.not_for_procore(order):
            continue
        try:
            planned = {ours.project: ours for ours in page.contracts(order)}
        except Held:
            continue
        for project, ours in planned.items():
            linked = situation.links.get(commitment_key(order.id, project))
            if linked:
                if not settled(situation, order, ours, linked):
                    wanted[(project, linked.target)] = None
                continue
            for contract in page.candidates(order, project):
                wanted[(project, contract)] = None
    return list(wanted)


def may_be_amended(situation: Situation, contract: Commitment) -> bool:
    """Whether a contract's change orders must be read: it was approved, or we amended it while it was."""
    return contract.status in FROZEN or Key("change_order", f"{contract.once_key}/R1") in situation.links


def decide(
    situation: Situation, chart: Chart, budgets: Budgets, orders: Sequence[PurchaseOrder], theirs: Theirs
) -> Decision:
    """Decides a page of orders: the intents of each, or the one hold that keeps the whole order back."""
    page = _Page(situation, (chart, budgets), theirs.headers)
    intents: list[Intent] = []
    holds: list[Hold] = []
    skips: list[Skip] = []
    unchanged: list[Key] = []
    for order in orders:
        key = Key("order", order.id)
        skip = page.not_for_procore(order)
        if skip:
            skips.append(Skip(key, FLOW, skip))
            continue
        try:
            made, notes = _decide_order(page, order, theirs)
        except Held as held:
            holds.append(held.hold)
            continue
        skips += [Skip(key, FLOW, note) for note in notes]
        intents += made
        if not made:
            unchanged.append(key)
    return Decision(tuple(intents), tuple(holds), tuple(skips), (), tuple(unchanged))


def problem_holds(problems: Sequence[Problem]) -> list[Hold]:
    """Rows we could not accept, as holds: they go by themselves once the row is mended in IFS."""
    return [bad_row(problem, Key("order", problem.key.id), FLOW, "buyer") for problem in problems]


def gone_hold(order: str) -> Hold:
    """The linked order cannot be seen in IFS any more; nothing in Procore is touched."""
    return Hold(
        key=Key("order", order),
        flow=FLOW,
        reason=HoldReason.GONE_HERE,
        waits_for=Key("order", order),
        owner="buyer",
        sentence=f"Order {order} cannot be seen in IFS any more. Its contract in Procore was left as it is.",
    )


def left_alone(situation: Situation, order: str) -> bool:
    """Whether a person said that an order is to be left as it is."""
    return situation.ignored(Key("order", order), IGNORABLE)


def may_be_sent(situation: Situation, order: PurchaseOrder) -> bool:
    """Whether an order's state and date are those of orders that cross by themselves."""
    old = situation.go_live and order.dated and order.dated < situation.go_live
    linked = any(commitment_key(order.id, line.project) in situation.links for line in order.lines)
    return order.state.value in situation.policies.purchase_orders.status and (not old or linked)


class _Page:
    """What the orders of one page are decided with; indexes are made once for all of them."""

    def __init__(
        self, situation: Situation, coding: tuple[Chart, Budgets], headers: Mapping[str, Sequence[Commitment]]
    ) -> None:
        self.situation = situation
        self.coding = coding
        self.index = _Index(headers)
        self.homes = contract_homes(situation.links)
        self.asked_for = situation.by_target("purchase_requisition")
        """IFS requisition to the Procore contract it was made from."""
        self.marks = line_marks(situation.links)
        """Procore's id of every contract line that cannot carry our once-key, to it."""
        self.adopted: dict[str, str] = {}
        """Procore contract to the order of this page that came from it."""

    def contracts(self, order: PurchaseOrder) -> list[Commitment]:
        """What the order should be in Procore; may raise Held."""
        return commitments_of(self.situation, *self.coding, order, self.homes.get(order.id, ()))

    def born_there(self, order: PurchaseOrder, project: str) -> list[str]:
        """Procore contracts whose requisition of ours became lines of this order in this project."""
        lines = [line for line in order.lines if line.project == project and line.requisition]
        return sorted({self.asked_for[line.requisition] for line in lines if line.requisition in self.asked_for})

    def candidates(self, order: PurchaseOrder, project: str) -> list[str]:
        """Ids of the Procore contracts that may be this order's in this project."""
        found = self.born_there(order, project)
        return found or [one.id for one in self.index.candidates(self.situation, order, project)]

    def not_for_procore(self, order: PurchaseOrder) -> str:
        """Why the order is left alone; empty when it is not."""
        state, situation = order.state, self.situation
        if left_alone(situation, order.id):
            return f"A person said that order {order.id} stays out of Procore."
        if state.value not in situation.policies.purchase_orders.status:
            return f"Order {order.id} is {state.value} in IFS: not sent yet."
        if order.id in self.homes:
            return ""
        if state in GONE:
            return f"Order {order.id} was {state.value} before it was ever in Procore."
        if situation.go_live and order.dated and order.dated < situation.go_live:
            return f"Order {order.id} is dated {order.dated}, before the go-live day {situation.go_live}."
        if not any(line.amount for line in order.lines if line.state not in WITHDRAWN):
            return f"Order {order.id} has no lines with money."
        return ""


def _decide_order(page: _Page, order: PurchaseOrder, theirs: Theirs) -> tuple[list[Intent], list[str]]:
    situation, index = page.situation, page.index
    intents: list[Intent] = []
    notes: list[str] = []
    for ours in page.contracts(order):
        key = commitment_key(order.id, ours.project)
        linked = situation.links.get(key)
        found = theirs.contracts.get(linked.target) if linked else None
        born = [] if linked else page.born_there(order, ours.project)
        if born:
            found = _born(page, order, ours, born, theirs)
        elif not linked:
            found = _candidate(situation, order, ours, index, theirs)
        if born and found:  # it keeps the number its people know it by
            ours = msgspec.structs.replace(ours, number=found.number)
        ours = of_kind(ours, found) if found else ours
        orders = tuple(changes_named(theirs.change_orders.get(found.id, ()), page.marks)) if found else ()
        found = named(found, page.marks) if found else None
        made, said = decide_contract(situation, Contract(order, key, ours, linked, found, orders, bool(born)))
        if born and found:
            page.adopted[found.id] = order.id
        intents += made
        notes += said
    return intents, notes


def _candidate(
    situation: Situation, order: PurchaseOrder, ours: Commitment, index: _Index, theirs: Theirs
) -> Commitment | None:
    ruling = situation.ruled(Key("order", order.id), HoldReason.ORDER_MATCH)
    stranger = situation.ruled(Key("order", order.id), HoldReason.TOTALS_DIFFER)
    candidates = index.candidates(situation, order, ours.project)
    elsewhere = ruling is not None and ruling.target not in [found.id for found in candidates]
    for found in candidates:
        contract = theirs.contracts.get(found.id)
        if contract is None:
            continue
        if contract.once_key == ours.once_key:
            return contract
        if stranger and stranger.answer == "new" and stranger.target == found.id:
            continue
        if ruling is None and not _surely(situation, order, contract):
            raise Held(_other_vendor(order, contract))
        if ruling is None or (ruling.answer == "link" and (elsewhere or ruling.target == found.id)):
            return contract
    return None


def _born(
    page: _Page, order: PurchaseOrder, ours: Commitment, born: Sequence[str], theirs: Theirs
) -> Commitment | None:
    """The contract the order came from, taken without asking; None when a person said it is another one's.

    Held where it is not one contract, cannot be seen, stands for another order, or is another integration's.
    """
    ruling = page.situation.ruled(Key("order", order.id), HoldReason.ORDER_MATCH)
    if ruling and ruling.answer == "new":
        return None
    chosen = ruling.target if ruling and ruling.target in born else born[0] if len(born) == 1 else ""
    contract = theirs.contracts.get(chosen)
    other = _order_of(page.situation, contract) or page.adopted.get(chosen)
    if not chosen:
        why = "came from requisitions of several contracts in Procore: which one is it"
    elif contract is None:
        why = f"came from Procore's contract {chosen}, which cannot be seen any more: is it still that one"
    elif other and other != order.id:
        why = (
            f"came from Procore's contract {contract.number}, which already stands for order {other}: "
            "say `new` if it is to have a contract of its own"
        )
    elif contract.once_key and contract.once_key != ours.once_key:
        why = f"came from Procore's contract {contract.number}, which another integration marked as its own"
    elif contract.status in ENDED:
        why = (
            f"came from Procore's contract {contract.number}, which is {contract.status.value} by now: set it back "
            "there, or say `new` if the order is to have a contract of its own"
        )
    else:
        return contract
    raise Held(
        Hold(
            key=Key("order", order.id),
            flow=FLOW,
            reason=HoldReason.ORDER_MATCH,
            waits_for=Key("ruling", f"order:{order.id}"),
            owner="project accountant",
            sentence=f"Order {order.id} {why}.",
            money=order_money(order),
            candidates=tuple(born),
            evidence=f"Procore contracts {', '.join(born)}",
        )
    )


def _order_of(situation: Situation, contract: Commitment | None) -> str:
    """The order a contract stands for by our once-key on it; empty when there is none."""
    company, kind, order, _ = [*(contract.once_key if contract else "").split("/", 3), "", "", "", ""][:4]
    return order if (company, kind) == (situation.company, "order") else ""


def _surely(situation: Situation, order: PurchaseOrder, contract: Commitment) -> bool:
    may_link = situation.policies.purchase_orders.same_number == "link"
    return may_link and contract.vendor == situation.target(Key("vendor", order.vendor))


def _other_vendor(order: PurchaseOrder, contract: Commitment) -> Hold:
    return Hold(
        key=Key("order", order.id),
        flow=FLOW,
        reason=HoldReason.ORDER_MATCH,
        waits_for=Key("ruling", f"order:{order.id}"),
        owner="project accountant",
        sentence=(
            f"Procore has a contract numbered {contract.number} that was typed by hand. "
            f"Is it IFS order {order.id}, or another one?"
        ),
        money=order_money(order),
        candidates=(contract.id,),
        evidence=f"Procore contract {contract.id} {contract.title}, vendor {contract.vendor}",
    )


class _Index:
    """Contract headers by once-key and by number, per IFS project."""

    def __init__(self, headers: Mapping[str, Sequence[Commitment]]) -> None:
        self._by_origin: dict[tuple[str, str], Commitment] = {}
        self._by_number: dict[tuple[str, str], list[Commitment]] = {}
        for project, commitments in headers.items():
            for commitment in commitments:
                if commitment.once_key:
                    self._by_origin[(project, commitment.once_key)] = commitment
                else:
                    self._by_number.setdefault((project, commitment.number), []).append(commitment)

    def candidates(self, situation: Situation, order: PurchaseOrder, project: str) -> list[Commitment]:
        """Contracts that may be this order's in this project: by once-key, else those of its number without one."""
        once = f"{situation.company}/order/{order.id}/{project}"
        found = self._by_origin.get((project, once))
        if found:
            return [found]
        split = situation.policies.purchase_orders.split_number.format(order=order.id, project=project)
        return self._by_number.get((project, order.id), []) + self._by_number.get((project, split), [])
