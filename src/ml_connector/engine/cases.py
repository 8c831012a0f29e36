"""A decision's whole input as one value: kept as evidence, so that it can be decided again, byte for byte."""

from __future__ import annotations

import msgspec

from ml_connector.engine.given import Given
from ml_connector.engine.money_cases import MoneyCase
from ml_connector.flows import cost_codes, projects, purchase_orders, vendors
from ml_connector.flows.cost_codes import CodeWanted, Coding, Combination
from ml_connector.flows.purchase_orders import Theirs
from ml_connector.flows.vendors import Wanted
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Budgets
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.matching import VendorIndex
from ml_connector.planning.plan import Decision
from ml_connector.records.project import Project
from ml_connector.records.purchase_order import PurchaseOrder
from ml_connector.records.vendor import Vendor


class ProjectsCase(msgspec.Struct, frozen=True, tag="projects"):
    """Input of the projects flow."""

    given: Given
    ours: list[Project]
    theirs: list[Project]


class VendorsCase(msgspec.Struct, frozen=True, tag="vendors"):
    """Input of the vendors flow."""

    given: Given
    wanted: Wanted
    ours: list[Vendor]
    theirs: list[Vendor]
    directories: dict[str, set[str]]


class CostCodesCase(msgspec.Struct, frozen=True, tag="cost_codes"):
    """Input of the cost codes flow."""

    given: Given
    chart: Chart
    coding: Coding
    combinations: list[Combination]
    extra: list[CodeWanted] = []
    """Codes wanted without a code string: those of budgets."""


class OrdersCase(msgspec.Struct, frozen=True, tag="purchase_orders"):
    """Input of the purchase orders flow: one page of orders."""

    given: Given
    chart: Chart
    budgets: Budgets
    orders: list[PurchaseOrder]
    theirs: Theirs


OrderCase = ProjectsCase | VendorsCase | CostCodesCase | OrdersCase
"""The decisions that start from orders."""

Case = OrderCase | MoneyCase
"""Any decision's input."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Case)


def encode(case: Case) -> bytes:
    """A case as bytes for the evidence."""
    return _encoder.encode(case)


def decode(data: bytes) -> Case:
    """The case back."""
    found: Case = _decoder.decode(data)
    return found


def decide(case: Case, mapper: Mapper) -> Decision:
    """Decides a case; the same case and mapping always give the same decision."""
    if not isinstance(case, OrderCase):
        return case.decide(mapper)
    situation = case.given.situation(mapper)
    if isinstance(case, ProjectsCase):
        return projects.decide(situation, case.ours, case.theirs)
    if isinstance(case, VendorsCase):
        ours = {vendor.id: vendor for vendor in case.ours}
        return vendors.decide(situation, case.wanted, ours, VendorIndex(case.theirs), case.directories)
    if isinstance(case, CostCodesCase):
        return cost_codes.decide(situation, case.chart, case.coding, case.combinations, case.extra)
    return purchase_orders.decide(situation, case.chart, case.budgets, case.orders, case.theirs)


def documents(case: Case) -> list[str]:
    """The documents a case decides on."""
    if not isinstance(case, OrderCase):
        return case.documents()
    if isinstance(case, ProjectsCase):
        return [project.id for project in case.ours]
    if isinstance(case, VendorsCase):
        return sorted(case.wanted.suppliers)
    if isinstance(case, CostCodesCase):
        return sorted({combination.project for combination in case.combinations})
    return [order.id for order in case.orders]
