"""From an IFS order to the commitments it should be in Procore: one contract a project, or the reason why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from ml_connector.kernel.keys import Key, once_key
from ml_connector.kernel.money import Money
from ml_connector.kernel.text import clipped
from ml_connector.planning.chart import Chart
from ml_connector.planning.line_marks import line_key
from ml_connector.planning.plan import Hold, HoldReason, unpack
from ml_connector.planning.situation import Linked, Situation
from ml_connector.records.commitment import Commitment, CommitmentKind, CommitmentLine, CommitmentStatus
from ml_connector.records.purchase_order import GONE, WITHDRAWN, OrderLine, PurchaseOrder

FLOW = "purchase_orders"
ZERO = Decimal(0)


class Budgets(msgspec.Struct, frozen=True):
    """What Procore's projects allow: flat codes with a budget line, and each project's currency, by IFS project."""

    budgeted: Mapping[str, frozenset[str]]
    currencies: Mapping[str, str]
    keeps_currency: bool


class Held(Exception):
    """Ends the checking of one order: the whole document waits."""

    def __init__(self, hold: Hold) -> None:
        super().__init__(hold.sentence)
        self.hold = hold


def commitment_key(order: str, project: str) -> Key:
    """The key of the contract an order makes in one project."""
    return Key("commitment", f"{order}@{project}")


def contract_homes(keys: Iterable[Key]) -> dict[str, list[str]]:
    """Order to the projects in which it has a linked contract, sorted; made once for many orders."""
    homes: dict[str, list[str]] = {}
    for key in keys:
        if key.kind == "commitment":
            order, _, project = key.id.rpartition("@")
            homes.setdefault(order, []).append(project)
    return {order: sorted(projects) for order, projects in homes.items()}


def contract_keys(links: Mapping[Key, Linked], orders: Iterable[PurchaseOrder]) -> set[Key]:
    """Keys of every contract these orders have or may get: in the projects of their lines, and where they have one.

    An order whose lines all moved to another project still has its old contract, and money on it.
    """
    homes = contract_homes(links)
    return {
        commitment_key(order.id, project)
        for order in orders
        for project in {*(line.project for line in order.lines), *homes.get(order.id, ())}
        if project
    }


def order_money(order: PurchaseOrder) -> Money:
    """What the order's live lines come to, in its own currency."""
    amount = sum((line.amount for line in order.lines if line.state not in WITHDRAWN), ZERO)
    return Money(amount, order.currency)


def commitments_of(
    situation: Situation, chart: Chart, budgets: Budgets, order: PurchaseOrder, homes: Sequence[str]
) -> list[Commitment]:
    """The contracts this order should be, checked against both systems; raises Held with the first reason why not.

    `homes` are the projects in which it has a contract; one that no line names any more falls to zero. Sums of the
    contracts' lines equal the sum of the order's live lines, or nothing is made.
    """
    status = CommitmentStatus(situation.policies.purchase_orders.status[order.state.value])
    work = _Order(situation, chart, budgets, order)
    by_project: dict[str, list[OrderLine]] = {project: [] for project in homes}
    for line in order.lines:
        if line.state not in WITHDRAWN:
            by_project.setdefault(work.project_of(line), []).append(line)
    work.check_vendor()
    made = [
        work.commitment(project, lines, status, split=len(by_project) > 1)
        for project, lines in sorted(by_project.items())
    ]
    total = sum((commitment.money().amount for commitment in made), ZERO)
    if total != order_money(order).amount:
        raise Held(
            work.hold(
                HoldReason.TOTALS_DIFFER,
                Key("order", order.id),
                "integration engineer",
                f"Order {order.id} comes to {order_money(order)}, its contracts to {Money(total, order.currency)}.",
            )
        )
    return made


class _Order:
    """One order on its way through the checks."""

    def __init__(self, situation: Situation, chart: Chart, budgets: Budgets, order: PurchaseOrder) -> None:
        self.situation = situation
        self.chart = chart
        self.budgets = budgets
        self.order = order
        self.on = order.dated or situation.today

    def hold(self, reason: HoldReason, waits_for: Key, owner: str, sentence: str) -> Hold:
        """A hold of the whole order with its money."""
        return Hold(Key("order", self.order.id), FLOW, reason, waits_for, owner, sentence, order_money(self.order))

    def project_of(self, line: OrderLine) -> str:
        """The line's project, linked to Procore."""
        order = self.order.id
        if not line.project:
            raise Held(
                self.hold(
                    HoldReason.PROJECT_MISSING,
                    Key("order", order),
                    "buyer",
                    f"Line {line.id} of order {order} names no project, so no Procore project can take it.",
                )
            )
        key = Key("project", line.project)
        if not self.situation.available(key):
            reason, owner, sentence = self.situation.projectless(f"Order {order} belongs to", line.project)
            raise Held(self.hold(reason, key, owner, sentence))
        return line.project

    def check_vendor(self) -> None:
        """The supplier must be linked, or be made by this very plan."""
        key = Key("vendor", self.order.vendor)
        if not self.situation.available(key):
            raise Held(
                self.hold(
                    HoldReason.VENDOR_NOT_LINKED,
                    key,
                    "project accountant",
                    f"Order {self.order.id} is on supplier {self.order.vendor}, which has no vendor in Procore yet.",
                )
            )

    def commitment(self, project: str, lines: list[OrderLine], status: CommitmentStatus, *, split: bool) -> Commitment:
        """The contract of one project, from the live lines that lie on it."""
        order = self.order
        if lines:
            self._check_currency(project)
        key = commitment_key(order.id, project)
        once = once_key(self.situation.company, "order", order.id, project)
        known = self.situation.links.get(key)
        base = unpack("commitment", known.base) if known and known.base else None
        rule = self.situation.policies.purchase_orders.split_number if split else "{order}"
        wanted = [line.wanted for line in lines if line.wanted]
        title = clipped(f"{order.id} {lines[0].description if lines else order.text}", 255)
        made = Commitment(
            once_key=once,
            project=project,
            number=rule.format(order=order.id, project=project),
            title=title,
            vendor=order.vendor,
            status=status,
            currency=order.currency,
            dated=order.dated,
            delivery=max(wanted) if wanted else None,
            description=order.text,
            lines=tuple(self._line(once, project, line, base) for line in lines),
        )
        return _as_before(made, base) if isinstance(base, Commitment) else made

    def _line(self, once: str, project: str, line: OrderLine, base: object) -> CommitmentLine:
        agreed = {old.once_key: old for old in base.lines} if isinstance(base, Commitment) else {}
        own = f"{once}/{line.id}"
        return CommitmentLine(
            once_key=own,
            description=clipped(line.description, 255),
            quantity=line.quantity,
            unit=line.unit,
            unit_cost=line.unit_price,
            amount=line.amount,
            budget_code=self._budget_code(project, line, agreed.get(own)),
            id=self.situation.target(line_key(own)),
        )

    def _budget_code(self, project: str, line: OrderLine, agreed: CommitmentLine | None) -> str:
        order = self.order.id
        missing = self.chart.missing(line.codes, self.on)
        if missing:
            part, value, why = missing
            raise Held(
                self.hold(
                    HoldReason.CODE_MISSING,
                    Key("dimension", f"{part}={value}"),
                    "cost engineer",
                    f"Line {line.id} of order {order} is on code part {part} value {value}, which {why}.",
                )
            )
        number, sub_project = self.chart.looked_at(line.activity)
        target = self.situation.mapper.target(line.codes, number, sub_project)
        if target.missing:
            raise Held(
                self.hold(
                    HoldReason.CODE_UNMAPPED,
                    Key("mapping", f"{target.missing} {target.looked_at}"),
                    "cost engineer",
                    f"No row of the mapping makes a {target.missing.replace('_', ' ')} from {target.looked_at} "
                    f"(line {line.id} of order {order}).",
                )
            )
        key = Key("budget_code", f"{project}/{target.flat}")
        if not self.situation.available(key):
            raise Held(
                self.hold(
                    HoldReason.COST_CODE_MISSING,
                    key,
                    "cost engineer",
                    f"Budget code {target.flat} is not in Procore's project {project} (order {order}, line {line.id}).",
                )
            )
        as_agreed = agreed is not None and (agreed.budget_code, agreed.amount) == (target.flat, line.amount)
        if not as_agreed and self.order.state not in GONE:  # nothing new is posted by what stays or ends
            self._check_activity(line)
            self._check_budget(project, target.flat, line)
        return target.flat

    def _check_activity(self, line: OrderLine) -> None:
        activity = self.chart.activities.get(line.activity)
        if line.activity and (activity is None or not activity.postable) and line.state not in WITHDRAWN:
            raise Held(
                self.hold(
                    HoldReason.ACTIVITY_CLOSED,
                    Key("activity", line.activity),
                    "project manager",
                    f"Activity {line.activity} of line {line.id} of order {self.order.id} is not open in IFS.",
                )
            )

    def _check_currency(self, project: str) -> None:
        theirs = self.budgets.currencies.get(project)
        if not theirs or theirs == self.order.currency:
            return
        if self.situation.policies.purchase_orders.foreign_currency == "send" and self.budgets.keeps_currency:
            return
        raise Held(
            self.hold(
                HoldReason.CURRENCY_OFF,
                Key("currency", f"{project}={self.order.currency}"),
                "administrator",
                f"Order {self.order.id} is in {self.order.currency}, Procore's project {project} in {theirs}. "
                "Amounts are never converted: switch currencies on in Procore, and let policy “Other currencies” send.",
            )
        )

    def _check_budget(self, project: str, flat: str, line: OrderLine) -> None:
        policy = self.situation.policies.purchase_orders.unbudgeted
        if policy == "allow" or flat in self.budgets.budgeted.get(project, frozenset()):
            return
        ruling = self.situation.ruled(Key("order", self.order.id), HoldReason.UNBUDGETED)
        if policy == "ask" and ruling and ruling.answer == "allow":
            return
        raise Held(
            self.hold(
                HoldReason.UNBUDGETED,
                Key("budget_line", f"{project}/{flat}"),
                "project manager",
                f"Budget code {flat} has no budget in project {project} (line {line.id} of order {self.order.id}).",
            )
        )


def _as_before(made: Commitment, base: Commitment) -> Commitment:
    """What a contract keeps from when it was last agreed: its number and kind; lines that are gone, at zero, in place.

    With no live line left its title and delivery date stay, too: there is nothing to make new ones from.
    """
    live = {line.once_key: line for line in made.lines}
    known = {line.once_key for line in base.lines}
    lines = [live.get(old.once_key) or _emptied(old) for old in base.lines]
    lines += [line for line in made.lines if line.once_key not in known]
    kept = msgspec.structs.replace(made, number=base.number, lines=tuple(lines))
    if not live:
        kept = msgspec.structs.replace(kept, title=base.title, delivery=base.delivery)
    return of_kind(kept, base)


def of_kind(ours: Commitment, theirs: Commitment) -> Commitment:
    """Ours as a contract of their kind. A subcontract has no delivery date, and its status stays as people set it:
    its words are others than those an order's state is mapped to."""
    if theirs.kind is CommitmentKind.PURCHASE_ORDER:
        return ours
    return msgspec.structs.replace(ours, kind=theirs.kind, status=theirs.status, delivery=None)


def _emptied(line: CommitmentLine) -> CommitmentLine:
    return msgspec.structs.replace(line, quantity=ZERO, amount=ZERO)
