"""What webhooks are offered for, by payload version (facts/procore.md 13.4; the lists of the vendor are longer).

Offered is what a trigger may name. What nobody can do here (owner's side, potential change orders, ERP requests, sub
jobs) is offered and never told; nor is the company's list of direct cost lines, of which the facts know the name alone.
"""

from __future__ import annotations

from typing import NamedTuple

from ml_connector.sandbox.procore.switches import ProcoreSwitches

VERSIONS = ("v4.0", "v3.0", "v2.0")
"""Payload versions, newest first; `v2` is accepted for `v2.0` (18.5)."""
ACTIONS = ("create", "update", "delete")


class Resource(NamedTuple):
    """One resource: its scope (company or project), tool, name, and the events it has."""

    scope: str
    category: str
    tool: str
    name: str
    actions: tuple[str, ...] = ACTIONS


_ALL = (
    Resource("company", "Core", "Directory", "Company Vendors", ("create", "update")),
    Resource("company", "Core", "Portfolio", "Projects", ("create", "update")),
    Resource("company", "Core", "Admin", "Standard Cost Codes"),
    Resource("company", "Core", "Admin", "Line Item Types"),
    Resource("company", "Core", "Admin", "Standard Cost Code Lists", ("create",)),
    Resource("company", "Core", "ERP", "ERP Requests"),
    Resource("company", "Financials", "Direct Costs", "Company Direct Cost Line Items"),
    Resource("project", "Core", "Directory", "Project Vendors", ("create", "delete")),
    Resource("project", "Core", "Admin", "Cost Codes"),
    Resource("project", "Core", "Admin", "Sub Jobs"),
    Resource("project", "Financials", "Commitments", "Purchase Order Contracts"),
    Resource("project", "Financials", "Commitments", "Purchase Order Contract Line Items"),
    Resource("project", "Financials", "Commitments", "Work Order Contracts"),
    Resource("project", "Financials", "Commitments", "Work Order Contract Line Items"),
    Resource("project", "Financials", "Commitments", "Change Order Packages"),
    Resource("project", "Financials", "Commitments", "Change Order Requests"),
    Resource("project", "Financials", "Commitments", "Potential Change Orders"),
    Resource("project", "Financials", "Commitments", "Potential Change Order Line Items"),
    Resource("project", "Financials", "Commitments", "Contract Payments"),
    Resource("project", "Financials", "Direct Costs", "Direct Costs"),
    Resource("project", "Financials", "Direct Costs", "Direct Cost Line Items"),
    Resource("project", "Financials", "Budget", "Budget Line Items"),
    Resource("project", "Financials", "Budget", "Budget Changes"),
    Resource("project", "Financials", "Budget", "Budget Modifications"),
    Resource("project", "Financials", "Prime Contracts", "Payment Applications"),
    Resource("project", "Financials", "Prime Contracts", "Prime Contracts"),
    Resource("project", "Financials", "Prime Contracts", "Prime Contract Line Items"),
    Resource("project", "Financials", "Prime Contracts", "Draw Requests"),
)
_REQUISITIONS = Resource("project", "Financials", "Commitments", "Requisitions")


def version_of(text: str) -> str | None:
    """The payload version a text means: v2, v2.0, v3, v3.0, v4, v4.0. None for another."""
    wanted = text if "." in text else f"{text}.0"
    return wanted if wanted in VERSIONS else None


def offered(switches: ProcoreSwitches, project: bool) -> tuple[Resource, ...]:
    """What a hook of that scope may be triggered by; company hooks see the projects' resources too."""
    known = (*_ALL, _REQUISITIONS) if switches.requisition_webhooks else _ALL
    return tuple(r for r in known if r.scope == "project") if project else known


def find(switches: ProcoreSwitches, project: bool, name: str) -> Resource | None:
    """The offered resource of that name."""
    return next((r for r in offered(switches, project) if r.name == name), None)
