"""Procore in the role projects: which file answers which question, and which send goes where."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ml_connector.records.budget import Budget
from ml_connector.records.commitment import ChangeOrder, Commitment, CommitmentKind
from ml_connector.records.cost_code import BudgetCode, CostCode, CostType
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.payment import ContractPayment
from ml_connector.records.project import Project
from ml_connector.records.subcontractor_invoice import BillingPeriod, SubcontractorInvoice
from ml_connector.records.vendor import Vendor
from ml_connector.systems.outcomes import dispatched, reader_of
from ml_connector.systems.port import Effect, Mark, Outcome
from ml_connector.systems.procore import (
    billing_period,
    budget,
    budget_code,
    change_order,
    cost_code,
    direct_cost,
    marks,
    subcontractor_invoice,
    vendor,
)
from ml_connector.systems.procore import commitment as contracts
from ml_connector.systems.procore import project as job_sites
from ml_connector.systems.procore.change_order import Changes
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.commitment_write import Orders
from ml_connector.systems.procore.company import companies_of
from ml_connector.systems.procore.contract_payment import Payments
from ml_connector.systems.procore.cost_code import Tree
from ml_connector.systems.procore.currency import Currencies
from ml_connector.systems.procore.direct_cost_write import Costs
from ml_connector.systems.procore.effects import Work, guarded
from ml_connector.systems.procore.segment import Segments
from ml_connector.systems.procore.settings import ProcoreSettings
from ml_connector.systems.procore.subcontractor_invoice_write import Invoices
from ml_connector.systems.procore.unit import Units
from ml_connector.systems.wire import Call

_SINGLE = frozenset(
    {
        ("project_vendor", "create"),
        ("budget_code", "update"),
        ("commitment", "adopt"),
        ("commitment", "fill"),
        ("change_order", "amend"),
        ("budget", "fill"),
        ("budget_change", "amend"),
    }
)
"""Kinds and verbs for which Procore has no batch, or whose batch is one contract's or one budget's lines."""

_CHAINED = frozenset({("billing_period", "create"), ("subcontractor_invoice", "create"), ("payment", "create")})
"""Single calls of which each goes on where the one before ended, on its contract or, for a period, its project."""

_ON_A_CONTRACT = (SubcontractorInvoice, ContractPayment)


class ProcoreSystem:
    """Implements `port.ProjectsSystem` for one company, sending through `call`.

    Units, currencies and segments are asked once and kept, so one object serves a run, not a month.
    """

    def __init__(self, call: Call, settings: ProcoreSettings) -> None:
        self.settings = settings
        self.client = Client(call, settings)
        self.currencies = Currencies(self.client)
        self.units = Units(self.client)
        segments = Segments(self.client)
        orders = Orders(self.client, self.currencies, self.units)
        costs = Costs(self.client, self.currencies)
        payments = Payments(self.client)
        invoices = Invoices(self.client)
        client = self.client
        self._sends: dict[tuple[str, str], Work] = {
            ("vendor", "create"): lambda effects: vendor.send(client, effects),
            ("vendor", "update"): lambda effects: vendor.send(client, effects),
            ("vendor", "adopt"): lambda effects: vendor.adopt(client, effects),
            ("project_vendor", "create"): lambda effects: vendor.add(client, effects),
            ("cost_code", "create"): Tree(client, segments).send,
            ("cost_code", "adopt"): lambda effects: cost_code.adopt(client, effects),
            ("cost_code", "update"): lambda effects: cost_code.update(client, effects),
            ("budget_code", "create"): budget_code.Combinations(client, segments).send,
            ("budget_code", "update"): lambda effects: budget_code.update(client, effects),
            ("commitment", "create"): orders.create,
            ("commitment", "adopt"): orders.adopt,
            ("commitment", "update"): orders.update,
            ("commitment", "fill"): orders.fill,
            ("commitment", "status"): orders.status,
            ("change_order", "amend"): Changes(client, self.units).amend,
            ("direct_cost", "create"): costs.create,
            ("direct_cost", "fill"): costs.fill,
            ("direct_cost", "status"): costs.status,
            ("payment", "create"): payments.create,
            ("budget", "fill"): lambda effects: budget.fill(client, effects),
            ("budget_change", "amend"): lambda effects: budget.amend(client, effects),
            ("billing_period", "create"): lambda effects: billing_period.send(client, effects),
            ("subcontractor_invoice", "create"): invoices.create,
        }
        self._finds: dict[str, Callable[[Client, Effect], Outcome | None]] = {
            "vendor": vendor.find,
            "project_vendor": vendor.find_member,
            "cost_code": cost_code.find,
            "budget_code": budget_code.find,
            "commitment": contracts.find,
            "change_order": change_order.find,
            "direct_cost": direct_cost.find,
            "payment": lambda _, effect: payments.find(effect),
            "budget": budget.find,
            "budget_change": budget.find_change,
            "billing_period": billing_period.find,
            "subcontractor_invoice": lambda _, effect: invoices.find(effect),
        }

    def companies(self) -> list[tuple[str, str]]:
        """Companies the token sees, as id and name, by name."""
        return companies_of(self.client)

    def projects(self) -> list[Project]:
        """Every project we may see."""
        return job_sites.read(self.client)

    def currency_of(self, project: str) -> str:
        """The currency a project keeps its money in; empty when nobody says."""
        return self.currencies.project(project) or ""

    def vendors(self) -> list[Vendor]:
        """The company directory, active and inactive."""
        return vendor.read(self.client)

    def project_vendors(self, project: str) -> set[str]:
        """Ids of the vendors in a project's directory."""
        return vendor.members(self.client, project)

    def cost_codes(self, project: str) -> list[CostCode]:
        """Cost codes of a project, parents included, by full code."""
        return cost_code.read(self.client, project)

    def cost_types(self) -> list[CostType]:
        """Cost types of the company."""
        return cost_code.read_types(self.client)

    def budget_codes(self, project: str) -> list[BudgetCode]:
        """Combinations of a project, with whether each has a budget line."""
        return budget_code.read(self.client, project)

    def commitments(
        self, project: str, since: str | None = None, kind: CommitmentKind = CommitmentKind.PURCHASE_ORDER
    ) -> list[Commitment]:
        """Headers of a project's contracts of one kind; `since` an ISO moment limits to changed ones."""
        return contracts.read(self.client, self.currencies, project, since, kind)

    def commitment_lines(self, project: str, commitment: str) -> Commitment | None:
        """One contract with its lines, or None when it cannot be seen."""
        return contracts.read_full(self.client, self.currencies, project, commitment)

    def contracts(self, project: str, ids: Sequence[str]) -> dict[str, Commitment]:
        """The named contracts of a project with their lines, by id; those that cannot be seen are absent."""
        return contracts.read_several(self.client, self.currencies, project, ids)

    def change_orders(self, project: str, commitment: str) -> list[ChangeOrder]:
        """Change orders of one contract with their lines."""
        return change_order.read(self.client, project, commitment)

    def billing_periods(self, project: str) -> list[BillingPeriod]:
        """Billing periods of a project, open and closed, by their first day."""
        return billing_period.read(self.client, project)

    def subcontractor_invoices(
        self, project: str, since: str | None = None, ids: Sequence[str] = (), commitment: str = ""
    ) -> list[SubcontractorInvoice]:
        """Subcontractor invoices of a project with their lines: changed ones, named ones, or those of a contract."""
        return subcontractor_invoice.read(self.client, self.currencies, project, since, ids, commitment)

    def direct_costs(self, project: str, since: str | None = None, ids: Sequence[str] = ()) -> list[DirectCost]:
        """Direct costs of a project with their lines; `since` limits to changed ones, `ids` to named ones."""
        return direct_cost.read(self.client, self.currencies, project, since, ids)

    def marks(self, project: str, kind: str, contracts: Sequence[str] = ()) -> list[Mark]:
        """Every record of a kind in a project without its lines; payments of `contracts`, a request each."""
        return marks.read(self.client, project, kind, contracts)

    def budget(self, project: str) -> Budget:
        """A project's original budget by code, whether it is locked, and its approved changes."""
        return budget.read(self.client, self.currencies, project)

    def keeps_currency(self) -> bool:
        """Whether a contract may carry a currency other than its project's (facts/procore.md 18, 28)."""
        return self.currencies.several()

    def batch_size(self, kind: str, verb: str) -> int:
        """How many effects of that kind and verb go together: in one request, or in one call that reads for all."""
        if (kind, verb) in _CHAINED:
            return contracts.NAMED
        return 1 if (kind, verb) in _SINGLE else min(self.settings.batch_rows, 1000)

    def weight(self, effect: Effect) -> int:
        """Every effect counts as one."""
        return 1

    def chain(self, effect: Effect) -> str:
        """The commitment whose invoices and payments form a chain; the project for billing periods."""
        if (effect.kind, effect.verb) not in _CHAINED:
            return ""
        return effect.body.commitment if isinstance(effect.body, _ON_A_CONTRACT) else effect.scope

    def send(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Sends one batch of one kind, verb and scope; one outcome each, in order. Set-up trouble is raised."""
        return dispatched(effects, self._sends, "Procore", guarded)

    def find(self, effect: Effect) -> Outcome | None:
        """Reads back whether an effect of unknown outcome happened."""
        return reader_of(effect, self._finds, "Procore")(self.client, effect)
