"""A plan has one name whatever its order, and a kept case decides again to the same bytes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.engine import cases
from ml_connector.engine import given as facts
from ml_connector.flows.cost_codes import Coding, Combination
from ml_connector.flows.vendors import Wanted
from ml_connector.kernel.keys import Key
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.plan import HoldReason, Verb, pack, plan_hash, unpack
from ml_connector.planning.situation import Linked
from ml_connector.records.commitment import ChangeOrder
from ml_connector.records.cost_code import BudgetCode, CostCode, CostType
from ml_connector.records.project import Project
from ml_connector.records.vendor import ProjectVendor, Vendor

from .scene import BUDGETS, CHART, MAPPING, Procore, line, order, policies, priced, ruled, situation

KINDS = ("project", "vendor", "project_vendor", "cost_code", "budget_code", "commitment", "change_order")


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=8), st.randoms())
def test_a_plans_name_does_not_depend_on_its_order(digests: list[bytes], chance: Any) -> None:
    shuffled = list(digests)
    chance.shuffle(shuffled)
    assert plan_hash(shuffled) == plan_hash(digests)
    assert plan_hash([*digests, b"x" * 32]) != plan_hash(digests)


def test_any_change_of_an_intent_is_another_digest() -> None:
    create, fill, status = Procore().decide(order()).intents
    again = Procore().decide(order()).intents
    assert [one.digest() for one in again] == [one.digest() for one in (create, fill, status)]
    changed = msgspec.structs.replace(create, verb=Verb.UPDATE)
    cent = Procore().decide(order(priced("1/1", 10, "5.01"))).intents
    assert len({one.digest() for one in (create, fill, status, changed, cent[1])}) == 5


def test_records_come_back_from_the_journal_as_they_were() -> None:
    procore = Procore()
    commitment = unpack("commitment", procore.sync(order()).intents[-1].base)
    (amend,) = procore.decide(order(priced("1/1", 10, "5.01"))).intents
    change = unpack("change_order", amend.body)
    assert isinstance(change, ChangeOrder)
    records = (
        Project("1", "1", "Bridge", True),
        Vendor("S1", "Firm", None, "US"),
        ProjectVendor("S1", "1"),
        CostCode("", "1", "03-310", "Concrete"),
        BudgetCode("", "1", "03-310.M"),
        commitment,
        change,
    )
    for kind, record in zip(KINDS, records, strict=True):
        assert unpack(kind, pack(record)) == record
        assert pack(unpack(kind, pack(record))) == pack(record)


def everything() -> list[cases.Case]:
    """A case of each flow, with a bit of everything in it."""
    procore = Procore(
        policies=policies(drift="restore"),
        rulings=ruled(HoldReason.UNBUDGETED, "allow"),
        coming=frozenset({Key("budget_code", "1201/99.M")}),
        touched=frozenset({"P1"}),
    )
    procore.sync(order())
    procore.sync(order(priced("1/1", 10, "6.00")))
    given_now = procore.situation
    orders = [order(priced("1/1", 10, "7.00")), order(line(project=""), id="P2"), order(id="P3")]
    everywhere = facts.given_of(given_now, lambda _: True)
    coding = Coding(
        {"M": CostType("1", "M", "Materials")},
        {"1201": {"03-310": CostCode("5", "1201", "03-310", "Concrete")}},
        {"1201": {"03-310.M": BudgetCode("6", "1201", "03-310.M", budgeted=True)}},
    )
    combinations = [Combination("1201", (("A", "4110"), ("B", code)), "A1") for code in ("03-310", "05-120", "x")]
    supplier = Vendor("S200", "Northern Crane", "12-3456789", "US")
    return [
        cases.ProjectsCase(everywhere, [Project("1203", "1203", "Pier", True)], [Project("8", "1203", "Pier", True)]),
        cases.VendorsCase(
            everywhere,
            Wanted(frozenset({"S200", "S300"}), frozenset({("S200", "1201")})),
            [supplier],
            [Vendor("90", "Northern Cranes", None, None)],
            {"1201": {"90"}},
        ),
        cases.CostCodesCase(everywhere, CHART, coding, combinations),
        cases.OrdersCase(everywhere, CHART, BUDGETS, orders, procore.sees()),
    ]


@pytest.mark.parametrize("number", range(4))
def test_a_kept_case_decides_again_to_the_same_plan(number: int) -> None:
    case = everything()[number]
    back = cases.decode(cases.encode(case))
    assert back == case
    assert cases.documents(back) == cases.documents(case)
    first, second = cases.decide(case, Mapper(MAPPING)), cases.decide(back, Mapper(MAPPING))
    assert first.intents or first.holds
    assert [one.digest() for one in first.intents] == [one.digest() for one in second.intents]
    assert first == second


def test_a_page_of_orders_is_given_only_what_it_needs() -> None:
    procore = Procore()
    procore.sync(order(), order(id="P2"))
    given_orders = facts.given_for_orders(procore.situation, [order()], procore.situation.links)
    kept = dict(given_orders.links)
    assert Key("commitment", "P1@1201") in kept
    assert Key("commitment", "P2@1201") not in kept
    assert kept[Key("commitment", "P1@1201")].base
    assert Key("vendor", "S100") in kept


def test_a_situation_is_the_same_after_it_was_kept() -> None:
    before = situation(links={Key("project", "1201"): Linked("5001", b"x", "s")})
    assert facts.given_of(before, lambda _: True).situation(before.mapper) == before
