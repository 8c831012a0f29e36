"""Direct costs: what Procore's people entered without a commitment becomes vouchers that wait for approval in IFS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.kernel.text import clipped
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Held
from ml_connector.planning.documents import Coded, Document, Part
from ml_connector.planning.names import plain_number
from ml_connector.planning.plan import Decision, HoldReason, Intent, unpack
from ml_connector.planning.reversing import Stuck, WayBack
from ml_connector.planning.situation import Situation
from ml_connector.planning.suppliers import Suppliers
from ml_connector.planning.vouchering import Desk, Work, collected, voucher_keys
from ml_connector.records.accounting import Book
from ml_connector.records.direct_cost import CostKind, DirectCost
from ml_connector.records.voucher import RowRole, Voucher

FLOW = "direct_costs"
BILLS = (CostKind.INVOICE, CostKind.SUBCONTRACTOR_INVOICE)
"""Kinds that somebody is to be paid for: nothing is posted without a supplier."""


class Wanted(msgspec.Struct, frozen=True):
    """What must be read in IFS to decide these direct costs."""

    vouchers: frozenset[str]
    """Once-keys."""


def wanted(situation: Situation, costs: Sequence[DirectCost], gone: Sequence[str]) -> Wanted:
    """The vouchers these direct costs, and those that are not to be seen any more, ever became."""
    ids = [*(cost.id for cost in costs), *gone]
    return Wanted(voucher_keys(situation, [Key("direct_cost", one) for one in ids]))


def vendors_needed(situation: Situation, costs: Sequence[DirectCost]) -> set[str]:
    """Procore vendors of bills that cross and that are no supplier in IFS yet."""
    page = _Page(situation, (Chart({}, {}), Book()), {}, frozenset())
    return {
        cost.vendor
        for cost in costs
        if not page.left_alone(cost)
        and page.counts(cost)
        and cost.kind in BILLS
        and cost.vendor
        and not page.suppliers.of(cost.vendor)
    }


def decide(
    situation: Situation,
    coding: tuple[Chart, Book],
    costs: Sequence[DirectCost],
    gone: Sequence[str],
    vouchers: Mapping[str, Voucher],
    *,
    blocked: frozenset[str] = frozenset(),
) -> Decision:
    """Decides a page of direct costs.

    `gone` are ids that crossed and are not to be seen in Procore any more; `vouchers` are ours by once-key as IFS has
    them now; `blocked` are IFS suppliers held back from payment.
    """
    page = _Page(situation, coding, vouchers, blocked)
    return collected(FLOW, page.works(costs, gone))


def _by_number(situation: Situation) -> dict[tuple[str, str, str], Key]:
    """The direct costs that came from IFS, as far as their records are at hand."""
    found: dict[tuple[str, str, str], Key] = {}
    for key, linked in situation.links.items():
        body = unpack(key.kind, linked.base) if key.kind == "direct_cost" and linked.base else None
        if isinstance(body, DirectCost):
            found.setdefault((body.project, body.vendor, plain_number(body.number)), key)
    return found


class _Page:
    """What the direct costs of one page are decided with."""

    def __init__(
        self,
        situation: Situation,
        coding: tuple[Chart, Book],
        vouchers: Mapping[str, Voucher],
        blocked: frozenset[str],
    ) -> None:
        self.situation = situation
        self.desk = Desk(situation, FLOW, coding, vouchers)
        self.way = WayBack(situation.mapper, *coding)
        self.suppliers = Suppliers(situation, blocked)
        self.projects = situation.by_target("project")
        self.echoes = situation.by_target("direct_cost")
        self.ours = _by_number(situation)
        """Ours by IFS project, supplier and plain number."""

    def works(self, costs: Sequence[DirectCost], gone: Sequence[str]) -> Iterable[Work]:
        """Every record with what decides it."""
        for cost in costs:
            yield Key("direct_cost", cost.id), partial(self._decide, cost)
        for one in gone:
            key = Key("direct_cost", one)
            said = "cannot be seen in Procore any more"
            yield key, partial(self.desk.withdraw, key, f"Procore direct cost #{one}", said, gone=True)

    def left_alone(self, cost: DirectCost) -> str:
        """Why a direct cost never comes back, whatever its status; empty when it may."""
        called = _called(cost)
        known = self.desk.history(Key("direct_cost", cost.id)).versions
        linked = cost.id in self.echoes and not known  # what crossed stays Procore's, though IFS has its paper now
        if linked or cost.once_key.startswith(f"{self.situation.company}/"):
            return f"{called} was made from IFS: an echo of our own."
        if cost.kind.value not in self.situation.policies.direct_costs.types:
            return f"{called} is of type {cost.kind.value}, which policy does not send to IFS."
        go_live = self.situation.go_live
        if go_live and cost.dated and cost.dated < go_live and not known:
            return f"{called} is dated {cost.dated}, before the go-live day {go_live}."
        return ""

    def counts(self, cost: DirectCost) -> bool:
        """Whether its status is one that counts."""
        return cost.status.value in self.situation.policies.direct_costs.statuses

    def _decide(self, cost: DirectCost) -> tuple[list[Intent], str]:
        left = self.left_alone(cost)
        if left:
            return [], left
        key, called = Key("direct_cost", cost.id), _called(cost)
        status = cost.status.value.replace("_", " ")
        if not self.counts(cost):
            made, note = self.desk.withdraw(key, called, f"is {status} in Procore")
            return made, note if made or note else f"{called} is {status} in Procore: it does not count."
        document = self._document(cost, key, status)
        verdict = self.desk.verdict(document)
        if verdict.number or verdict.takes_back:
            left = "" if self.desk.history(key).versions else self._twin(cost, document)
            if left:
                return [], left
            self._check(cost, document)
            return self.desk.write(document, verdict, partial(self._coded, document)), ""
        return [], verdict.note

    def _twin(self, cost: DirectCost, document: Document) -> str:
        """Why a cost of the vendor and number of one that came from IFS is left alone; raises Held to ask about it."""
        ruling = self.situation.ruled(document.key, HoldReason.INVOICE_MATCH)
        known = self.ours.get((document.project, document.vendor, plain_number(cost.number)))
        if known is None or not plain_number(cost.number):
            return ""
        if ruling and ruling.answer == "ignore":
            return f"A person said that {document.called} is one that came from IFS."
        if not ruling:
            sentence = (
                f"{document.called} has the vendor and number of IFS invoice {known.id.partition('@')[0]}, which "
                "is in Procore already. If it is the same one typed again, answer `ignore` and delete it "
                "there; `new` if it is another."
            )
            waits_for = Key("ruling", str(document.key))
            raise Held(document.hold(FLOW, HoldReason.INVOICE_MATCH, waits_for, "project accountant", sentence))
        return ""

    def _document(self, cost: DirectCost, key: Key, status: str) -> Document:
        called = _called(cost)
        project = self.projects.get(cost.project, "")
        supplier = self.suppliers.of(cost.vendor) if cost.vendor else ""
        policies = self.situation.policies
        needs = [Key("project", project)]
        if supplier:
            needs.append(self.suppliers.link(cost.vendor))
        tax = cost.tax or sum((line.tax for line in cost.lines), Decimal(0))
        untaxed = f" Its tax of {Money(tax, cost.currency)} is not posted." if tax else ""
        text = f"{called}{f' of supplier {supplier}' if supplier else ''}: {cost.description}"
        return Document(
            key=key,
            called=called,
            number=clipped(cost.number or f"#{cost.id}", 50),
            status=status,
            project=project,
            currency=cost.currency,
            dated=cost.dated or cost.received or self.situation.today,
            vendor=supplier,
            text=text.rstrip(": "),
            parts=tuple(
                Part(
                    role=RowRole.COST,
                    series=clipped(line.budget_code, 50),
                    amount=line.amount,
                    text=line.description or cost.description,
                    place=line.budget_code,
                    quantity=line.quantity,
                )
                for line in cost.lines
            ),
            needs=tuple(needs),
            note=untaxed,
            credited=policies.direct_costs.accounts.get(cost.kind.value, "") or policies.vouchers.clearing_account,
        )

    def _check(self, cost: DirectCost, document: Document) -> None:
        called = document.called
        if not document.project:
            key = Key("project_there", cost.project)
            sentence = f"{called} lies in Procore's project {cost.project}, which has no confirmed partner in IFS."
            raise Held(document.hold(FLOW, HoldReason.PROJECT_NOT_LINKED, key, "project accountant", sentence))
        if cost.total is not None and cost.total != cost.money().amount:
            stated = Money(cost.total, cost.currency)
            sentence = f"{called} comes to {cost.money()} by its lines, and Procore states {stated}."
            raise Held(document.hold(FLOW, HoldReason.TOTALS_DIFFER, document.key, "project accountant", sentence))
        if not cost.currency:
            key = Key("currency", document.project)
            sentence = f"{called} states no currency."
            raise Held(document.hold(FLOW, HoldReason.CURRENCY_OFF, key, "administrator", sentence))
        if document.vendor:
            trouble = self.suppliers.unapproved(called, document.vendor)
        else:
            trouble = self.suppliers.trouble(called, cost.vendor) if cost.kind in BILLS else None
        if trouble:
            raise Held(document.hold(FLOW, *trouble))

    def _coded(self, document: Document, part: Part, on: date) -> Coded:
        found = self.way.find(document.project, part.place, on)
        if isinstance(found, Stuck):
            hold = document.hold(
                FLOW, found.reason, found.waits_for, found.owner, f"{document.called}: {found.sentence}"
            )
            raise Held(msgspec.structs.replace(hold, candidates=found.candidates))
        return Coded(found.codes, document.project, found.activity)


def _called(cost: DirectCost) -> str:
    return f"Procore direct cost {cost.number or '#' + cost.id}"
