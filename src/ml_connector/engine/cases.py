"""A decision's whole input as one value: kept as evidence, so that it can be decided again, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import msgspec

from ml_connector.flows import cost_codes, projects, purchase_orders, vendors
from ml_connector.flows.cost_codes import Coding, Combination
from ml_connector.flows.purchase_orders import Theirs
from ml_connector.flows.vendors import Wanted
from ml_connector.kernel.keys import Key, once_key
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Budgets, contract_keys
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.matching import VendorIndex
from ml_connector.planning.plan import Decision, HoldReason
from ml_connector.planning.policy import Policies
from ml_connector.planning.situation import Linked, Ruling, Situation
from ml_connector.records.project import Project
from ml_connector.records.purchase_order import PurchaseOrder
from ml_connector.records.vendor import Vendor


class Given(msgspec.Struct, frozen=True):
    """A situation without its mapping, which replay may choose anew."""

    company: str
    today: date
    go_live: date | None
    policies: Policies
    links: list[tuple[Key, Linked]]
    rulings: list[tuple[Key, HoldReason, Ruling]]
    coming: list[Key]
    touched: list[str]
    laps: dict[str, int]

    def situation(self, mapper: Mapper) -> Situation:
        """The situation these facts make with a mapping."""
        return Situation(
            company=self.company,
            today=self.today,
            go_live=self.go_live,
            policies=self.policies,
            mapper=mapper,
            links=dict(self.links),
            rulings={(key, reason): ruling for key, reason, ruling in self.rulings},
            coming=frozenset(self.coming),
            touched=frozenset(self.touched),
            laps=self.laps,
        )


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


class OrdersCase(msgspec.Struct, frozen=True, tag="purchase_orders"):
    """Input of the purchase orders flow: one page of orders."""

    given: Given
    chart: Chart
    budgets: Budgets
    orders: list[PurchaseOrder]
    theirs: Theirs


Case = ProjectsCase | VendorsCase | CostCodesCase | OrdersCase
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
    situation = case.given.situation(mapper)
    if isinstance(case, ProjectsCase):
        return projects.decide(situation, case.ours, case.theirs)
    if isinstance(case, VendorsCase):
        ours = {vendor.id: vendor for vendor in case.ours}
        return vendors.decide(situation, case.wanted, ours, VendorIndex(case.theirs), case.directories)
    if isinstance(case, CostCodesCase):
        return cost_codes.decide(situation, case.chart, case.coding, case.combinations)
    return purchase_orders.decide(situation, case.chart, case.budgets, case.orders, case.theirs)


def documents(case: Case) -> list[str]:
    """The erp documents a case decides on."""
    if isinstance(case, ProjectsCase):
        return [project.id for project in case.ours]
    if isinstance(case, VendorsCase):
        return sorted(case.wanted.suppliers)
    if isinstance(case, CostCodesCase):
        return sorted({combination.project for combination in case.combinations})
    return [order.id for order in case.orders]


def given_of(situation: Situation, matters: Callable[[Key], bool]) -> Given:
    """The part of a situation that matters to one decision."""
    return Given(
        company=situation.company,
        today=situation.today,
        go_live=situation.go_live,
        policies=situation.policies,
        links=sorted(((key, link) for key, link in situation.links.items() if matters(key)), key=lambda pair: pair[0]),
        rulings=sorted(
            ((key, reason, ruling) for (key, reason), ruling in situation.rulings.items()),
            key=lambda entry: (entry[0], entry[1].value),
        ),
        coming=sorted(situation.coming),
        touched=sorted(situation.touched),
        laps=dict(sorted(situation.laps.items())),
    )


def given_for_kinds(situation: Situation, *kinds: str) -> Given:
    """What matters to a decision about records of some kinds."""
    return given_of(situation, lambda key: key.kind in kinds)


def given_for_orders(situation: Situation, orders: Sequence[PurchaseOrder], linked: Mapping[Key, Linked]) -> Given:
    """What matters to a page of orders; `linked` holds their contracts with the records last agreed on."""
    kinds = ("project", "vendor", "budget_code")
    contracts = contract_keys(situation.links, orders)
    ours = {once_key(situation.company, "order", *key.id.rsplit("@", 1)) for key in contracts}

    def matters(key: Key) -> bool:
        return key.kind in kinds or (key.kind == "change_order" and key.id.rpartition("/R")[0] in ours)

    light = given_of(situation, matters)
    mine = [(key, linked.get(key, situation.links[key])) for key in sorted(contracts) if key in situation.links]
    plain = [(key, Linked(link.target)) for key, link in light.links]
    return msgspec.structs.replace(light, links=[*plain, *mine])
