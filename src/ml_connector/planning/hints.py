"""What an event is a hint to: which flow is to look at which record, or whether it is only the echo of our own write.

An event says that something happened to a record and never what; so nothing here decides about the record itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from typing import NamedTuple

import msgspec

_ODD = re.compile(r"[^a-z0-9]")
_KEYS = re.compile(r"([A-Za-z_]+)=([^^]*)\^")


class Side(Enum):
    """Which system an event is of."""

    ERP = "erp"
    """IFS."""
    PROJECTS = "projects"
    """Procore."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says, by the ids of the side it is of; what it does not say is empty."""

    side: Side
    resource: str
    """What kind of thing it is about, as that side calls it."""
    action: str = ""
    record: str
    project: str = ""
    company: str = ""
    user: str = ""
    """Who caused it there."""
    application: str = ""
    """Through which application; empty for a person at work in the system's own windows."""
    related: tuple[tuple[str, str], ...] = ()
    """(resource, id) of what the record belongs to."""


class Ourselves(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection knows of itself when it judges an event."""

    erp_company: str
    company: str
    """The projects system's company."""
    projects: frozenset[str]
    """Its projects that are linked."""
    flows: frozenset[str]
    """Flows this connection runs."""
    applications: frozenset[str] = frozenset()
    """Names under which our application may cause events."""
    user: str = ""
    """Our own user there; empty when we do not know it, or when a person works as the same user."""


class Verdict(Enum):
    """What is to be done about an event."""

    LOOK = "look"
    """Flows look at what it names."""
    ECHO = "echo"
    """It tells of our own write: nothing is to be done, and it is counted."""
    IGNORED = "ignored"
    """Nothing of ours starts from it; the hint says why."""
    REFUSED = "refused"
    """It is of another company and should not have come to us."""


class Named(NamedTuple):
    """A record by the ids of its side. `project` is empty where it lies in none, or nobody says in which."""

    side: Side
    project: str
    record: str


class Hint(msgspec.Struct, frozen=True):
    """What one event leads to. With LOOK and no `record` the flows look at everything of theirs."""

    verdict: Verdict
    flows: tuple[str, ...] = ()
    record: Named | None = None
    why: str = ""


class Naming(Enum):
    """What of an event names the record that a flow looks at."""

    RECORD = "record"
    """The event's own record, in its project."""
    COMPANY = "company"
    """The event's own record, which belongs to the company."""
    PARENT = "parent"
    """What the record belongs to, where the event says it."""
    PROJECT = "project"
    """The project it lies in."""
    WHOLE = "whole"
    """Nothing: the flow looks at everything of its own."""


class Resource(msgspec.Struct, frozen=True):
    """A kind of thing that events are about: which flow looks, and at what."""

    name: str
    flow: str
    naming: Naming
    actions: tuple[str, ...] = ("create", "update", "delete")
    """Which of them are asked for."""
    starts: bool = True
    """Whether the flow's own records are told of, so that it needs no short polling; else it is a mere sign."""
    unless: str = ""
    """Name of a resource that tells the same better: asked for only where that one is not offered."""


PROCORE = (
    Resource("Projects", "projects", Naming.WHOLE, ("create", "update")),
    Resource("Company Vendors", "vendors", Naming.COMPANY, ("create", "update")),
    Resource("Cost Codes", "dimensions", Naming.WHOLE),
    Resource("Purchase Order Contracts", "purchase_orders", Naming.RECORD),
    Resource("Purchase Order Contract Line Items", "purchase_orders", Naming.PARENT),
    Resource("Work Order Contracts", "purchase_orders", Naming.RECORD),
    Resource("Work Order Contract Line Items", "purchase_orders", Naming.PARENT),
    Resource("Change Order Packages", "purchase_orders", Naming.PARENT),
    Resource("Budget Line Items", "budgets", Naming.PROJECT),
    Resource("Budget Changes", "budgets", Naming.PROJECT),
    Resource("Budget Modifications", "budgets", Naming.PROJECT),
    Resource("Requisitions", "subcontractor_invoices", Naming.RECORD),
    Resource("Contract Payments", "subcontractor_invoices", Naming.WHOLE, starts=False),
    Resource("Direct Costs", "direct_costs", Naming.RECORD),
    Resource("Direct Cost Line Items", "direct_costs", Naming.PARENT),
    Resource("Company Direct Cost Line Items", "direct_costs", Naming.PARENT, unless="Direct Cost Line Items"),
)
"""Procore's resources that a flow starts from (facts/procore.md 13.4). Requisitions are asked for although they were
not offered when that list was made: where a tenant offers them, subcontractor invoices come at once. A payment that a
person enters is a sign that something happens to the requisitions of its project."""

IFS_FLOWS: Mapping[str, tuple[str, ...]] = {
    "purchase_orders": ("PurchaseOrder",),
    "supplier_invoices": ("SupplierInvoice", "ManSuppInvoice", "PostingProposalInvoice", "SupplierInvoiceItem"),
    "vendors": ("Supplier", "SupplierInfo", "IdentityPayInfo"),
    "budgets": ("ProjectEstimate", "ProjectBudget", "Estimate", "Budget"),
    "payments": ("Payment", "SupplierPayment", "MixedPayment", "PaymentTransaction"),
    "projects": ("Project", "Activity"),
    "cost_codes": ("CodePart", "CodeB", "AccountingCodePartValue", "Account"),
    "subcontractor_invoices": ("Voucher", "GenLedVoucher"),
    "direct_costs": ("Voucher", "GenLedVoucher"),
}
"""Flow to the objects of IFS that its records start from, as an event action names them: the begin of a logical unit's
name counts, so PurchaseOrderLine and SUPPLIER_INFO_GENERAL are known, too. A voucher that people cancelled is found by
the two flows that made it."""

_OF_ERP = {
    "purchase_orders": ("order_no",),
    "supplier_invoices": ("invoice_id",),
    "vendors": ("vendor_no", "supplier_id", "supplier", "identity"),
}
"""Flow to the attributes of a key string that name its record; the other flows look at everything."""


def hint_of(event: Event, ourselves: Ourselves) -> Hint:
    """What one event leads to."""
    if event.side is Side.ERP:
        return _of_erp(event, ourselves)
    if event.company != ourselves.company:
        return Hint(Verdict.REFUSED, why=f"It is of company {event.company or 'unknown'}.")
    if not event.record.isascii() or not event.record.isdigit():
        return Hint(Verdict.REFUSED, why="It names no record: ids of Procore are numbers.")
    if _is_ours(event, ourselves):
        return Hint(Verdict.ECHO, why="It tells of our own write.")
    resource = resource_of(event.resource)
    if resource is None:
        return Hint(Verdict.IGNORED, why=f"No flow starts from {event.resource}.")
    if resource.flow not in ourselves.flows:
        return Hint(Verdict.IGNORED, why=f"Flow {resource.flow} is not run here.")
    if event.project and event.project not in ourselves.projects and resource.flow != "projects":
        return Hint(Verdict.IGNORED, why=f"Project {event.project} is not linked.")
    return Hint(Verdict.LOOK, (resource.flow,), _named(event, resource.naming))


def merged(hints: Iterable[Hint]) -> dict[str, frozenset[Named]]:
    """All that is to be looked at, flow by flow, each record once; an empty set means everything of that flow."""
    found: dict[str, set[Named]] = {}
    whole: set[str] = set()
    for hint in hints:
        for flow in hint.flows:
            named = found.setdefault(flow, set())
            if hint.record is None:
                whole.add(flow)
            else:
                named.add(hint.record)
    return {flow: frozenset() if flow in whole else frozenset(named) for flow, named in found.items()}


def resource_of(name: str) -> Resource | None:
    """The resource of Procore that a name means; capitals, blanks and a plural s do not count."""
    return _BY_NAME.get(_plain(name))


def wanted(flows: Collection[str], offered: Mapping[str, Collection[str]]) -> dict[str, frozenset[str]]:
    """Resource to the actions to ask for, of those that are `offered` (name to actions), for these flows."""
    found = {}
    plain = {_plain(name): (name, frozenset(actions)) for name, actions in offered.items()}
    for resource in PROCORE:
        name, actions = plain.get(_plain(resource.name), ("", frozenset[str]()))
        both = actions & frozenset(resource.actions)
        if both and resource.flow in flows and _plain(resource.unless) not in plain:
            found[name] = both
    return found


def told_of(triggers: Collection[str]) -> frozenset[str]:
    """Flows whose own records are told of by hooks with triggers for these resources."""
    known = [resource_of(name) for name in triggers]
    return frozenset(resource.flow for resource in known if resource and resource.starts)


def starting_in_procore() -> dict[str, tuple[str, ...]]:
    """Flow to the resources that tell of its records, for every flow that has some."""
    found: dict[str, tuple[str, ...]] = {}
    for resource in PROCORE:
        if resource.starts and not resource.unless:
            found[resource.flow] = (*found.get(resource.flow, ()), resource.name)
    return found


def _is_ours(event: Event, ourselves: Ourselves) -> bool:
    if event.application and event.application in ourselves.applications:
        return True
    return bool(event.user) and event.user == ourselves.user


def _named(event: Event, naming: Naming) -> Named | None:
    if naming is Naming.PROJECT and event.project:
        return Named(Side.PROJECTS, event.project, event.project)
    if naming is Naming.RECORD:
        return Named(Side.PROJECTS, event.project, event.record)
    if naming is Naming.COMPANY:
        return Named(Side.PROJECTS, "", event.record)
    if naming is Naming.PARENT:
        mine = resource_of(event.resource)
        for name, record in event.related:
            parent = resource_of(name)
            ours = parent and mine and parent.flow == mine.flow and parent.naming is Naming.RECORD
            if ours and record.isascii() and record.isdigit():
                return Named(Side.PROJECTS, event.project, record)
    return None


def _of_erp(event: Event, ourselves: Ourselves) -> Hint:
    if event.company and event.company != ourselves.erp_company:
        return Hint(Verdict.REFUSED, why=f"It is of company {event.company}.")
    flows = tuple(flow for flow in erp_flows(event.resource) if flow in ourselves.flows)
    if not flows:
        return Hint(Verdict.IGNORED, why=f"No flow starts from {event.resource}.")
    return Hint(Verdict.LOOK, flows, _erp_record(event, flows[0]))


def erp_flows(name: str) -> tuple[str, ...]:
    """Flows that start from an object of IFS, by the longest name that it begins with."""
    plain = _plain(name)
    lengths = {
        flow: max((len(_plain(one)) for one in names if plain.startswith(_plain(one))), default=0)
        for flow, names in IFS_FLOWS.items()
    }
    longest = max(lengths.values())
    return tuple(flow for flow, length in lengths.items() if length == longest) if longest else ()


def _erp_record(event: Event, flow: str) -> Named | None:
    """The record of a keyed flow: the id as it stands, or its part of a key string such as ORDER_NO=P1^LINE_NO=1^."""
    keys = {name.lower(): value for name, value in _KEYS.findall(event.record)}
    if flow == "budgets":
        project = event.project or keys.get("project_id", "")
        return Named(Side.ERP, "", project) if project else None
    names = _OF_ERP.get(flow)
    if names is None:
        return None
    if not keys:
        return None if "^" in event.record else Named(Side.ERP, "", event.record)
    record = next((keys[name] for name in names if keys.get(name)), "")
    return Named(Side.ERP, "", record) if record else None


def _plain(name: str) -> str:
    return _ODD.sub("", name.lower()).removesuffix("s")


_BY_NAME = {_plain(resource.name): resource for resource in PROCORE}
