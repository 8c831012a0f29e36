"""How people name what they act on: a project by id or number, a contract by id or number, and so on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_connector.sandbox.procore.state import Contract, DirectCost, Project, Requisition, State, Vendor

Given = Mapping[str, Any]


def project_named(state: State, given: Any) -> Project:
    """The project of `project_id` or `number` (or of the bare value): Procore id, number, or IFS id. ValueError."""
    wanted = given
    if isinstance(given, Mapping):
        wanted = given.get("project_id") or given.get("number")
    for project in state.projects.values():
        if str(wanted) in (str(project.id), project.fields["project_number"], project.ifs_id):
            return project
    raise ValueError(f"no project {wanted}")


def order_named(state: State, given: Given, name: str = "id") -> tuple[Project, Contract]:
    """The contract of `order_number`, or of the id under `name`, with its project. ValueError."""
    for project in state.projects.values():
        for order in project.contracts.values():
            if str(given.get(name)) == str(order.id) or given.get("order_number") == order.fields["number"]:
                return project, order
    raise ValueError("no such contract")


def requisition_named(state: State, given: Given) -> tuple[Project, Contract, Requisition]:
    """The requisition of `id`, or the latest of the contract named by `order_number`. ValueError."""
    for project in state.projects.values():
        found = project.requisitions.get(int(given.get("id") or 0))
        if found is not None:
            return project, project.contracts[found.contract_id], found
    project, order = order_named(state, given, "order_id")
    if not order.requisitions:
        raise ValueError("the contract has no requisition")
    return project, order, project.requisitions[order.requisitions[-1]]


def direct_cost_named(state: State, given: Given) -> tuple[Project, DirectCost]:
    """The direct cost of `id` or `invoice_number`. ValueError."""
    for project in state.projects.values():
        for cost in project.direct_costs.values():
            number = given.get("invoice_number")
            if str(given.get("id")) == str(cost.id) or (number and number == cost.fields["invoice_number"]):
                return project, cost
    raise ValueError("no such direct cost")


def vendor_named(state: State, given: Given) -> Vendor:
    """The vendor of `vendor`, an id or a name. ValueError."""
    for vendor in state.vendors.values():
        if str(given.get("vendor")) in (str(vendor.id), vendor.fields["name"]):
            return vendor
    raise ValueError("no such vendor")
