"""The inputs of the money decisions and of what comes back, each as one value that can be kept and decided again."""

from __future__ import annotations

import msgspec

from ml_connector.engine.given import Given
from ml_connector.flows import (
    budgets,
    dimensions,
    direct_costs,
    payments,
    proposals,
    subcontractor_invoices,
    supplier_invoices,
)
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Budgets
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.plan import Decision
from ml_connector.records.accounting import Book
from ml_connector.records.budget import Budget, BudgetEstimate
from ml_connector.records.cost_code import CostCode
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.payment import Payment
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.supplier_invoice import SupplierInvoice, TaxCode
from ml_connector.records.vendor import Vendor
from ml_connector.records.voucher import Voucher


class ProposalsCase(msgspec.Struct, frozen=True, tag="proposals"):
    """Input of the proposals: vendors born in Procore that documents on their way to IFS need."""

    given: Given
    needed: set[str]
    theirs: dict[str, Vendor]
    ours: list[Vendor]

    def decide(self, mapper: Mapper) -> Decision:
        """What becomes of each vendor."""
        return proposals.decide(self.given.situation(mapper), self.needed, self.theirs, self.ours)

    def documents(self) -> list[str]:
        """Procore's vendor ids."""
        return sorted(self.needed)


class DimensionsCase(msgspec.Struct, frozen=True, tag="dimensions"):
    """Input of the dimensions flow."""

    given: Given
    chart: Chart
    book: Book
    theirs: dict[str, dict[str, CostCode]]

    def decide(self, mapper: Mapper) -> Decision:
        """What becomes of Procore's cost codes in IFS."""
        return dimensions.decide(self.given.situation(mapper), self.chart, self.book, self.theirs)

    def documents(self) -> list[str]:
        """IFS projects."""
        return sorted(self.theirs)


class BudgetsCase(msgspec.Struct, frozen=True, tag="budgets"):
    """Input of the budgets flow."""

    given: Given
    chart: Chart
    estimates: list[BudgetEstimate]
    theirs: dict[str, Budget]
    currencies: dict[str, str]
    base_currency: str

    def decide(self, mapper: Mapper) -> Decision:
        """What becomes of each project's budget."""
        return budgets.decide(
            self.given.situation(mapper), self.chart, self.estimates, self.theirs, self.currencies, self.base_currency
        )

    def documents(self) -> list[str]:
        """IFS projects."""
        return sorted({one.project for one in self.estimates} | self.theirs.keys())


class SupplierInvoicesCase(msgspec.Struct, frozen=True, tag="supplier_invoices"):
    """Input of the supplier invoices flow: one page of invoices."""

    given: Given
    chart: Chart
    budgets: Budgets
    taxes: dict[str, TaxCode]
    invoices: list[SupplierInvoice]
    theirs: supplier_invoices.Theirs

    def decide(self, mapper: Mapper) -> Decision:
        """Where each line of each invoice goes."""
        situation = self.given.situation(mapper)
        return supplier_invoices.decide(situation, self.chart, self.budgets, self.taxes, self.invoices, self.theirs)

    def documents(self) -> list[str]:
        """IFS invoice ids."""
        return [invoice.id for invoice in self.invoices]


class PaymentsCase(msgspec.Struct, frozen=True, tag="payments"):
    """Input of the payments flow."""

    given: Given
    payments: list[Payment]
    invoices: dict[str, SupplierInvoice]
    blocked: set[str]

    def decide(self, mapper: Mapper) -> Decision:
        """What each payment pays in Procore."""
        situation = self.given.situation(mapper)
        return payments.decide(situation, self.payments, self.invoices, blocked=frozenset(self.blocked))

    def documents(self) -> list[str]:
        """IFS payment ids."""
        return [payment.id for payment in self.payments]


class SubcontractorInvoicesCase(msgspec.Struct, frozen=True, tag="subcontractor_invoices"):
    """Input of the subcontractor invoices flow: one page of invoices born in Procore."""

    given: Given
    chart: Chart
    book: Book
    invoices: list[SubcontractorInvoice]
    gone: list[str]
    ours: subcontractor_invoices.Ours
    blocked: set[str]

    def decide(self, mapper: Mapper) -> Decision:
        """What each becomes in IFS."""
        situation, blocked = self.given.situation(mapper), frozenset(self.blocked)
        coding = (self.chart, self.book)
        return subcontractor_invoices.decide(situation, coding, self.invoices, self.gone, self.ours, blocked=blocked)

    def documents(self) -> list[str]:
        """Procore's invoice ids."""
        return [*(invoice.id for invoice in self.invoices), *self.gone]


class DirectCostsCase(msgspec.Struct, frozen=True, tag="direct_costs"):
    """Input of the direct costs flow: one page of direct costs born in Procore."""

    given: Given
    chart: Chart
    book: Book
    costs: list[DirectCost]
    gone: list[str]
    vouchers: dict[str, Voucher]
    blocked: set[str]

    def decide(self, mapper: Mapper) -> Decision:
        """What each becomes in IFS."""
        situation, blocked = self.given.situation(mapper), frozenset(self.blocked)
        return direct_costs.decide(
            situation, (self.chart, self.book), self.costs, self.gone, self.vouchers, blocked=blocked
        )

    def documents(self) -> list[str]:
        """Procore's direct cost ids."""
        return [*(cost.id for cost in self.costs), *self.gone]


MoneyCase = (
    ProposalsCase
    | DimensionsCase
    | BudgetsCase
    | SupplierInvoicesCase
    | PaymentsCase
    | SubcontractorInvoicesCase
    | DirectCostsCase
)
"""Any of them."""
