"""Direct costs: what Procore's people entered without a commitment becomes vouchers that wait for approval in IFS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property, partial

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.kernel.text import clipped
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Held
from ml_connector.planning.crossed import Bills, histories
from ml_connector.planning.disputing import typed_again
from ml_connector.planning.documents import Coded, Document, Part
from ml_connector.planning.plan import Decision, HoldReason, Intent
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
    return Wanted(voucher_keys(situation.company, histories(situation.links), [Key("direct_cost", one) for one in ids]))


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

    @cached_property
    def bills(self) -> Bills[DirectCost]:
        """Those that came from IFS, by IFS project and supplier."""
        return Bills(self.situation.links, "direct_cost", DirectCost, lambda one: (one.project, one.vendor))

    def works(self, costs: Sequence[DirectCost], gone: Sequence[str]) -> Iterable[Work]:
        """Every record with what decides it."""
        for cost in costs:
            yield Key("direct_cost", cost.id), partial(self._decide, cost)
        yield from self.desk.gone("direct_cost", "direct cost", gone)

    def left_alone(self, cost: DirectCost) -> str:
        """Why a direct cost never comes back, whatever its status; empty when it may."""
        key, called = Key("direct_cost", cost.id), _called(cost)
        echo = self.desk.echo(key, called, cost.once_key, linked=cost.id in self.echoes)
        if not echo and cost.kind.value not in self.situation.policies.direct_costs.types:
            return f"{called} is of type {cost.kind.value}, which policy does not send to IFS."
        return echo or self.desk.too_old(key, called, cost.dated)

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
            said = f"stands at {status.capitalize()} in Procore"
            made, note = self.desk.withdraw(key, called, said)
            return made, note if made or note else f"{called} {said}: it does not count."
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
        ours = self.bills.numbered((document.project, document.vendor), cost.number)
        if ours is None:
            return ""
        about = (document.key, FLOW, document.called)
        question = typed_again(about, "vendor and number", ours, document.cost())
        return self.desk.typed_again(question, document.called)

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
