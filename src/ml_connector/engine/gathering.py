"""What deciding needs from Procore and IFS, fetched at most once a run and only when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ml_connector.engine.work import Work
from ml_connector.flows import purchase_orders
from ml_connector.flows.cost_codes import Coding
from ml_connector.flows.purchase_orders import Theirs
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Budgets
from ml_connector.planning.situation import Situation
from ml_connector.records.commitment import ChangeOrder, Commitment, CommitmentKind
from ml_connector.records.cost_code import BudgetCode, CostCode, CostType
from ml_connector.records.problem import Problem
from ml_connector.records.project import Project
from ml_connector.records.purchase_order import PurchaseOrder
from ml_connector.records.vendor import Vendor


class Gathered:
    """Reads of one run, remembered. `targets` maps IFS projects to Procore project ids and may grow."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._theirs: list[Project] | None = None
        self._ours: tuple[list[Project], list[Problem]] | None = None
        self._vendors: list[Vendor] | None = None
        self._cost_codes: dict[str, dict[str, CostCode]] = {}
        self._budget_codes: dict[str, dict[str, BudgetCode]] = {}
        self._headers: dict[str, list[Commitment]] = {}
        self._subcontracts: dict[str, list[Commitment]] = {}
        self._chart: Chart | None = None
        self._cost_types: dict[str, CostType] | None = None
        self.targets: dict[str, str] = {}
        self.notes: list[str] = []
        """Rows of IFS's chart that cannot be used, a sentence each, until the Decider takes them into its draft."""

    def learn(self, situation: Situation) -> None:
        """Takes the project pairs a situation knows, as far as Procore still shows them."""
        linked = {key.id: link.target for key, link in situation.links.items() if key.kind == "project"}
        seen = {project.id for project in self.projects()} if linked else set()
        self.targets = {ours: theirs for ours, theirs in linked.items() if theirs in seen}

    def projects(self) -> list[Project]:
        """Procore's projects."""
        if self._theirs is None:
            self._theirs = self._work.projects.projects()
        return self._theirs

    def vendors(self) -> list[Vendor]:
        """Procore's company directory."""
        if self._vendors is None:
            self._vendors = self._work.projects.vendors()
        return self._vendors

    def erp_projects(self) -> tuple[list[Project], list[Problem]]:
        """IFS's projects."""
        if self._ours is None:
            self._ours = self._work.erp.projects()
        return self._ours

    def currencies(self, projects: Iterable[str]) -> dict[str, str]:
        """IFS project to its Procore project's currency."""
        known = [project for project in sorted(projects) if project in self.targets]
        return {project: self._work.projects.currency_of(self.targets[project]) for project in known}

    def chart(self) -> Chart:
        """IFS's code part values and activities."""
        if self._chart is None:
            dimensions, bad_values = self._work.erp.dimensions()
            activities, bad_activities = self._work.erp.activities()
            self.notes += [problem.sentence for problem in (*bad_values, *bad_activities)]
            values = {(one.part, one.value): one for one in dimensions}
            self._chart = Chart(values, {one.id: one for one in activities})
        return self._chart

    def take_notes(self) -> list[str]:
        """The notes so far, each given out once."""
        notes, self.notes = self.notes, []
        return notes

    def directories(self, projects: Iterable[str]) -> dict[str, set[str]]:
        """IFS project to the Procore vendor ids in its directory."""
        known = [project for project in sorted(projects) if project in self.targets]
        return {project: self._work.projects.project_vendors(self.targets[project]) for project in known}

    def coding(self, projects: Iterable[str]) -> Coding:
        """Cost types, and the cost codes and budget codes of the given IFS projects."""
        known = [project for project in sorted(projects) if project in self.targets]
        if not known:
            return Coding({}, {}, {})
        for project in known:
            self._read_codes(project)
        if self._cost_types is None:
            self._cost_types = {one.code: one for one in self._work.projects.cost_types()}
        return Coding(self._cost_types, self._cost_codes, self._budget_codes)

    def budgeted(self, projects: Iterable[str]) -> dict[str, frozenset[str]]:
        """IFS project to the flat codes that have a budget line."""
        for project in sorted(projects):
            if project in self.targets:
                self._read_codes(project)
        return {
            project: frozenset(flat for flat, code in codes.items() if code.budgeted)
            for project, codes in self._budget_codes.items()
        }

    def _read_codes(self, project: str) -> None:
        if project in self._budget_codes:
            return
        target = self.targets[project]
        self._cost_codes[project] = {code.code: code for code in self._work.projects.cost_codes(target)}
        self._budget_codes[project] = {code.flat: code for code in self._work.projects.budget_codes(target)}

    def headers(self, projects: Iterable[str], subcontracted: Iterable[str] = ()) -> dict[str, Sequence[Commitment]]:
        """IFS project to the contract headers of its Procore project, with those of subcontracts where asked for."""
        for project in sorted(projects):
            if project in self.targets and project not in self._headers:
                self._headers[project] = self._work.projects.commitments(self.targets[project])
        for project in sorted(subcontracted):
            if project in self.targets and project not in self._subcontracts:
                found = self._work.projects.commitments(self.targets[project], kind=CommitmentKind.SUBCONTRACT)
                self._subcontracts[project] = found
        return {project: (*found, *self._subcontracts.get(project, ())) for project, found in self._headers.items()}


def order_contracts(
    work: Work,
    gathered: Gathered,
    situation: Situation,
    coding: tuple[Chart, Budgets],
    page: Sequence[PurchaseOrder],
) -> Theirs:
    """The contracts in Procore that may concern a page of orders, with lines, and change orders where frozen."""
    unlinked = purchase_orders.unlinked_projects(situation, coding, page)
    headers = gathered.headers(unlinked, purchase_orders.maybe_subcontracted(situation, page, unlinked))
    contracts: dict[str, Commitment | None] = {}
    changes: dict[str, Sequence[ChangeOrder]] = {}
    for project, target in purchase_orders.wanted_contracts(situation, coding, page, headers):
        theirs = gathered.targets.get(project)
        if theirs is None:
            continue
        contract = work.projects.commitment_lines(theirs, target)
        contracts[target] = contract
        if contract and purchase_orders.may_be_amended(situation, contract):
            changes[target] = work.projects.change_orders(theirs, target)
    return Theirs(headers, contracts, changes)
