"""What the money decisions need from both systems besides codes and contracts, fetched at most once a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

import msgspec

from ml_connector.engine.gathering import Gathered
from ml_connector.engine.work import Work
from ml_connector.flows import supplier_invoices
from ml_connector.kernel.keys import Key
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Budgets
from ml_connector.planning.line_marks import changes_named, line_marks, named
from ml_connector.planning.situation import Situation
from ml_connector.records.accounting import Book
from ml_connector.records.budget import Budget
from ml_connector.records.commitment import Commitment
from ml_connector.records.cost_code import CostCode
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.purchase_order import PurchaseOrder
from ml_connector.records.subcontractor_invoice import BillingPeriod, SubcontractorInvoice
from ml_connector.records.supplier_invoice import SupplierInvoice, TaxCode

_Row = TypeVar("_Row")

FEW = 20
"""Commitments of a project up to which each is asked for its invoices; above it the project is asked for all."""


class MoneyGathered(Gathered):
    """Reads of one run, remembered, for the flows of money as well."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._book: Book | None = None
        self._taxes: dict[str, TaxCode] | None = None
        self._budgets: dict[str, Budget] = {}
        self._periods: dict[str, list[BillingPeriod]] = {}
        self._whole: dict[str, list[SubcontractorInvoice]] = {}
        self._invoices: dict[str, list[SubcontractorInvoice]] = {}
        self._costs: dict[str, list[DirectCost]] = {}
        self._contracts: dict[str, Commitment | None] = {}
        self._orders: dict[str, PurchaseOrder] = {}
        self._asked: set[str] = set()
        self._by_contract: dict[str, str] | None = None
        self._marks: dict[str, str] = {}
        self._keys: dict[str, dict[str, str]] = {}
        self._amended: set[str] = set()
        """Contracts whose change orders were read for their lines."""

    def book(self) -> Book:
        """The rules of IFS's books."""
        if self._book is None:
            self._book = self._work.erp.book()
        return self._book

    def taxes(self) -> dict[str, TaxCode]:
        """IFS's tax codes by code."""
        if self._taxes is None:
            self._taxes = {one.code: one for one in self._work.erp.tax_codes()}
        return self._taxes

    def cost_codes(self, projects: Iterable[str]) -> Mapping[str, Mapping[str, CostCode]]:
        """IFS project to full code to cost code of its Procore project."""
        return self.coding(projects).cost_codes

    def budgets(self, projects: Iterable[str]) -> dict[str, Budget]:
        """IFS project to the budget of its Procore project."""
        known = [project for project in projects if project in self.targets]
        for project in known:
            if project not in self._budgets:
                self._budgets[project] = self._work.projects.budget(self.targets[project])
        return {project: self._budgets[project] for project in known}

    def allowances(self, projects: Collection[str]) -> Budgets:
        """What some IFS projects' Procore partners allow: budgeted codes and currencies."""
        return Budgets(
            budgeted=self.budgeted(projects),
            currencies=self.currencies(projects),
            keeps_currency=self._work.projects.keeps_currency() if projects else False,
        )

    def orders(self, ids: Collection[str]) -> dict[str, PurchaseOrder]:
        """IFS orders by id, in any state; those IFS does not show are absent."""
        fresh = sorted(set(ids) - self._asked)
        if fresh:
            self._asked.update(fresh)
            self._orders |= {one.id: one for one in self._work.erp.orders_by_id(fresh).orders}
        return {one: self._orders[one] for one in ids if one in self._orders}

    def contracts(self, wanted: Iterable[tuple[str, str]]) -> dict[str, Commitment]:
        """Procore contracts with their lines by id, from pairs of IFS project and contract id; one read a project."""
        pairs = sorted(set(wanted))
        fresh: dict[str, list[str]] = {}
        for project, contract in pairs:
            if contract not in self._contracts and project in self.targets:
                fresh.setdefault(project, []).append(contract)
        for project, ids in fresh.items():
            read = self._work.projects.contracts(self.targets[project], ids)
            self._contracts |= {contract: read.get(contract) for contract in ids}
        known = ((contract, self._contracts.get(contract)) for _, contract in pairs)
        return {contract: one for contract, one in known if one is not None}

    def there(self, situation: Situation, wanted: supplier_invoices.Wanted) -> supplier_invoices.Theirs:
        """What Procore holds that may concern a page of supplier invoices; where lines are placed is not in it."""
        visible = self.targets.keys()
        return supplier_invoices.Theirs(
            periods={
                one: self._kept(self._periods, one, self._read_periods) for one in sorted(wanted.projects & visible)
            },
            invoices=self._invoices_of(situation, wanted.commitments),
            costs={
                one: self._kept(self._costs, one, self._read_costs) for one in sorted(wanted.cost_projects & visible)
            },
            placed={},
        )

    def _read_periods(self, target: str) -> list[BillingPeriod]:
        return self._work.projects.billing_periods(target)

    def _read_costs(self, target: str) -> list[DirectCost]:
        return self._work.projects.direct_costs(target)

    def _kept(self, cache: dict[str, list[_Row]], project: str, read: Callable[[str], list[_Row]]) -> list[_Row]:
        if project not in cache:
            cache[project] = read(self.targets[project])
        return cache[project]

    def _invoices_of(self, situation: Situation, commitments: Iterable[str]) -> dict[str, list[SubcontractorInvoice]]:
        """Key id of each commitment to Procore's invoices on it; many of one project are read as the project's."""
        by_project: dict[str, list[str]] = {}
        for commitment in sorted(commitments):
            if situation.target(Key("commitment", commitment)):
                by_project.setdefault(commitment.rpartition("@")[2], []).append(commitment)
        for project, wanted in by_project.items():
            target = self.targets.get(project)
            missing = [one for one in wanted if one not in self._invoices]
            if not target or not missing:
                continue
            read = self._work.projects.subcontractor_invoices
            if len(missing) > FEW and project not in self._whole:
                self._whole[project] = read(target)
            for one in missing:
                contract = situation.target(Key("commitment", one))
                known = self._whole.get(project)
                self._invoices[one] = (
                    read(target, commitment=contract)
                    if known is None
                    else [invoice for invoice in known if invoice.commitment == contract]
                )
        asked = [one for wanted in by_project.values() for one in wanted]
        every = (invoice for one in asked for invoice in self._invoices.get(one, ()))
        self.contracts(self._unread(situation, every, held_only=True))
        return {one: self.with_line_keys(situation, self._invoices.get(one, ()), held_only=True) for one in asked}

    def with_line_keys(
        self, situation: Situation, invoices: Iterable[SubcontractorInvoice], *, held_only: bool = False
    ) -> list[SubcontractorInvoice]:
        """The invoices with each line named by our once-key of the contract line, which its answer seldom carries.

        With `held_only` an invoice without retention is left as it is. One on a contract that is not ours, too. The
        contracts of all are read together.
        """
        found = list(invoices)
        self.contracts(self._unread(situation, found, held_only=held_only))
        return [self._keyed(situation, invoice, held_only=held_only) for invoice in found]

    def _unread(
        self, situation: Situation, invoices: Iterable[SubcontractorInvoice], *, held_only: bool
    ) -> set[tuple[str, str]]:
        """IFS project and contract of those of some invoices whose lines are to be named."""
        homes = self._homes(situation)
        return {
            (homes[one.commitment].rpartition("@")[2], one.commitment)
            for one in invoices
            if one.commitment in homes and one.commitment not in self._keys and _bare(one, held_only=held_only)
        }

    def _keyed(self, situation: Situation, invoice: SubcontractorInvoice, *, held_only: bool) -> SubcontractorInvoice:
        home = self._homes(situation).get(invoice.commitment)
        bare = _bare(invoice, held_only=held_only)
        if not home or not bare:
            return invoice
        keys = self._line_keys(home.rpartition("@")[2], invoice.commitment, bare)
        lines = tuple(
            line if line.line else msgspec.structs.replace(line, line=keys.get(line.id, "")) for line in invoice.lines
        )
        return msgspec.structs.replace(invoice, lines=lines)

    def _homes(self, situation: Situation) -> dict[str, str]:
        """Procore contract id to the key id of our commitment."""
        if self._by_contract is None:
            self._by_contract = situation.by_target("commitment")
            self._marks = line_marks(situation.links)
        return self._by_contract

    def _line_keys(self, project: str, contract: str, wanted: set[str]) -> dict[str, str]:
        """Procore's id of a contract or change order line to its once-key."""
        if contract not in self._keys:
            found = self.contracts([(project, contract)]).get(contract)
            marked = named(found, self._marks) if found else None
            self._keys[contract] = {line.id: line.once_key for line in marked.lines if line.id} if marked else {}
        keys = self._keys[contract]
        if not wanted <= keys.keys() and contract not in self._amended and project in self.targets:
            self._amended.add(contract)
            changes = self._work.projects.change_orders(self.targets[project], contract)
            for change in changes_named(changes, self._marks):
                keys |= {line.id: line.once_key for line in change.lines if line.id}
        return keys

    def page_projects(self, situation: Situation, chart: Chart, invoices: Iterable[SupplierInvoice]) -> set[str]:
        """Linked IFS projects the lines of some invoices lie on, by themselves or by their activity."""
        found = set()
        for invoice in invoices:
            for line in invoice.lines:
                activity = chart.activities.get(line.activity)
                project = line.project or (activity.project if activity else "")
                if project in self.targets and situation.available(Key("project", project)):
                    found.add(project)
        return found


def _bare(invoice: SubcontractorInvoice, *, held_only: bool) -> set[str]:
    """Ids of the lines that do not say which contract line of ours they bill; with `held_only` where retention is."""
    return {one.id for one in invoice.lines if not one.line and (one.retained or one.released or not held_only)}
