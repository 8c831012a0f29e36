"""The cast is the same each time, has the promised size, and holds every known trouble where it says so."""

from __future__ import annotations

import time
from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from ml_connector.sandbox.cast import TROUBLES, UNKNOWN_COST_CODE
from ml_connector.sandbox.world import Order, OrderLine, Supplier, World
from ml_connector.sandbox.world_maker import make_world

WORLD = make_world()
OPEN = ("Released", "Confirmed")
TYPE_OF_ACCOUNT = {"4110": "M", "4120": "S", "4130": "E", "4140": "L", "4150": "O"}


def trouble(name: str, world: World = WORLD) -> Order:
    return next(order for order in world.orders if order.order_no == TROUBLES[name].order_no)


def supplier(name: str, world: World = WORLD) -> Supplier:
    return next(one for one in world.suppliers if one.supplier_id == TROUBLES[name].supplier_id)


def lines(world: World) -> list[OrderLine]:
    return [line for order in world.orders for line in order.lines]


def test_equal_arguments_give_equal_worlds_and_other_seeds_others() -> None:
    assert make_world(7, 300) == WORLD
    assert make_world(8, 300).orders != WORLD.orders


def test_the_standard_world_has_300_orders_and_1200_lines() -> None:
    assert len(WORLD.orders) == 300
    assert len(lines(WORLD)) == 1200
    assert {len(order.lines) for order in WORLD.orders} <= set(range(1, 10))


@pytest.mark.parametrize("orders", [24, 60, 301, 1000])
def test_any_other_size_has_five_lines_an_order(orders: int) -> None:
    world = make_world(3, orders)
    assert (len(world.orders), len(lines(world))) == (orders, 5 * orders)


def test_ten_thousand_orders_take_less_than_three_seconds() -> None:
    started = time.process_time()
    world = make_world(7, 10_000)
    assert time.process_time() - started < 3
    assert len(lines(world)) == 50_000


def test_too_few_orders_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="at least 24 orders, 5 were"):
        make_world(7, 5)


def test_order_numbers_sort_and_lines_are_numbered() -> None:
    numbers = [order.order_no for order in WORLD.orders]
    assert numbers == sorted(set(numbers))
    assert all(len(number) <= 12 for number in numbers)
    for order in WORLD.orders:
        assert [line.line_no for line in order.lines] == [str(n + 1) for n in range(len(order.lines))]
        assert {line.release_no for line in order.lines} == {"1"}


def test_states_are_mostly_open_with_one_of_each_end() -> None:
    states = Counter(order.state for order in WORLD.orders)
    assert states["Released"] + states["Confirmed"] > 270
    assert (states["Closed"], states["Cancelled"], states["Stopped"]) == (1, 1, 1)
    assert states["Planned"] >= 2
    assert states["Received"] >= 2


def test_amounts_have_cents_and_some_products_need_rounding() -> None:
    for line in lines(WORLD):
        assert line.unit_price == line.unit_price.quantize(Decimal("0.01"))
        assert line.quantity == line.quantity.quantize(Decimal("0.001"))
        assert line.quantity > 0
    assert any(line.unit == "LS" and line.quantity == 1 for line in lines(WORLD))
    products = [line.quantity * line.unit_price for line in lines(WORLD)]
    assert any(product != product.quantize(Decimal("0.01")) for product in products)
    assert {line.kind for line in lines(WORLD)} == {"part", "nopart", "rental"}
    assert all((line.part_no is not None) == (line.kind == "part") for line in lines(WORLD))


def test_dates_lie_in_autumn_2026() -> None:
    first, last = date(2026, 9, 1), date(2026, 11, 30)
    assert all(first <= order.order_date <= line.wanted <= last for order in WORLD.orders for line in order.lines)


def test_every_line_stands_on_a_released_activity_and_on_codes_that_exist() -> None:
    activities = {activity.activity_seq: activity for activity in WORLD.activities}
    values = {(value.code_part, value.value) for value in WORLD.code_values}
    for line in lines(WORLD):
        activity = activities[line.activity_seq]
        assert (activity.project_id, activity.state) == (line.project_id, "Released")
        assert dict(line.codes)["E"] == line.project_id
        missing = set(line.codes) - values
        assert missing <= {("B", UNKNOWN_COST_CODE)}


def test_each_site_has_a_planned_and_a_closed_activity() -> None:
    for site in WORLD.sites:
        states = Counter(one.state for one in WORLD.activities if one.project_id == site.project_id)
        assert states == {"Released": 6, "Planned": 1, "Closed": 1}


def test_five_sites_are_found_in_procore_in_three_ways() -> None:
    same = [site for site in WORLD.sites if site.procore_number == site.project_id]
    by_name = [site for site in WORLD.sites if site.procore_number == "NG-04" and site.procore_name == site.name]
    spelled = [site for site in WORLD.sites if site.procore_number == f"P-{site.project_id}"]
    assert (len(same), len(by_name), len(spelled)) == (3, 1, 1)
    assert all(site.permitted for site in WORLD.sites)


def test_about_half_the_cost_codes_and_four_fifths_of_the_budget_stand_in_procore() -> None:
    known = Counter(project for project, _, _ in WORLD.cost_codes)
    assert all(18 <= known[site.project_id] <= 24 for site in WORLD.sites)
    used = {
        (line.project_id, dict(line.codes)["B"], TYPE_OF_ACCOUNT[dict(line.codes)["A"]]) for line in lines(WORLD)
    } - {("1201", UNKNOWN_COST_CODE, "S"), ("1201", UNKNOWN_COST_CODE, "M"), ("1201", UNKNOWN_COST_CODE, "L")}
    budgeted = {(project, code, kind) for project, code, kind, _ in WORLD.budget}
    assert budgeted <= used
    assert 0.7 <= len(budgeted) / len(used) <= 0.85
    codes = {(project, code) for project, code, _ in WORLD.cost_codes}
    assert {pair[:2] for pair in budgeted} <= codes
    assert {pair[:2] for pair in used} - codes, "some codes must be left for the product to create"


def test_employer_numbers_have_nine_digits_and_some_are_unknown() -> None:
    american = [one for one in WORLD.suppliers if one.country == "US"]
    numbers = [one.association_no for one in american if one.association_no]
    assert len(set(numbers)) == len(numbers)
    assert all(len(number.replace("-", "")) == 9 and number.replace("-", "").isdecimal() for number in numbers)
    assert 1 <= sum(one.association_no is None for one in american) <= 6
    assert {one.country for one in WORLD.suppliers} == {"US", "DE", "CA"}
    assert 38 <= len(WORLD.suppliers) <= 44


def test_names_of_firms_are_not_alike() -> None:
    first = [one.name.split()[0].lower() for one in WORLD.suppliers]
    others = [one.name.split()[0].lower() for one in WORLD.vendors if one.name not in {s.name for s in WORLD.suppliers}]
    assert len(set(first)) == len(first)
    assert set(first) & set(others) == {"hollis", "sentinel"}


def test_one_firm_is_spelled_in_two_ways_without_a_number() -> None:
    assert supplier("vendor_two_spellings").name == "Hollis & Webb Concrete, Inc."
    spelled = next(one for one in WORLD.vendors if one.name == "HOLLIS AND WEBB CONCRETE INCORPORATED")
    assert (spelled.ein, spelled.origin_id) == (None, None)
    assert trouble("vendor_two_spellings").supplier_id == "S1001"


def test_one_vendor_has_the_same_number_and_no_link() -> None:
    here = supplier("vendor_same_ein")
    there = next(one for one in WORLD.vendors if one.ein == (here.association_no or "").replace("-", ""))
    assert there.name != here.name
    assert there.origin_id is None


def test_the_typed_order_is_the_one_ifs_has() -> None:
    order, (typed,) = trouble("order_typed_by_hand"), WORLD.typed_orders
    assert (typed.number, typed.project_id) == (order.order_no, order.lines[0].project_id)
    assert typed.vendor_name == supplier("order_typed_by_hand").name
    assert typed.vendor_name in {vendor.name for vendor in WORLD.vendors}
    assert [(quantity, price) for *_, quantity, price in typed.lines] == [
        (line.quantity, line.unit_price) for line in order.lines
    ]
    assert {(typed.project_id, line[0]) for line in typed.lines} <= {(p, code) for p, code, _ in WORLD.cost_codes}


@pytest.mark.parametrize("seed", [1, 7, 99])
def test_exactly_one_open_order_has_a_line_on_the_unknown_code(seed: int) -> None:
    world = make_world(seed, 120)
    found = [order for order in world.orders for line in order.lines if dict(line.codes)["B"] == UNKNOWN_COST_CODE]
    assert [order.order_no for order in found] == [TROUBLES["order_with_unknown_code"].order_no]
    assert found[0].state in OPEN
    assert UNKNOWN_COST_CODE not in {value.value for value in world.code_values}
    assert UNKNOWN_COST_CODE not in {code for _, code, _ in world.cost_codes}


@pytest.mark.parametrize("seed", [7, 41])
def test_the_other_troubles_are_where_they_are_said_to_be(seed: int) -> None:
    world = make_world(seed, 200)
    cancelled = trouble("order_with_cancelled_line", world)
    assert [line.state for line in cancelled.lines].count("Cancelled") == 1
    assert cancelled.state in OPEN
    assert [order.order_no for order in world.orders if order.currency != "USD"] == [
        TROUBLES["order_in_foreign_currency"].order_no
    ]
    assert trouble("order_in_foreign_currency", world).currency == "EUR"
    idle = supplier("supplier_without_purchase_data", world)
    assert not idle.purchase_data
    assert idle.supplier_id not in {order.supplier_id for order in world.orders}
    divided = [order for order in world.orders if len({line.project_id for line in order.lines}) > 1]
    assert divided == [trouble("order_on_two_projects", world)]
    assert [line.kind for line in trouble("order_with_rental_line", world).lines].count("rental") == 1
    assert trouble("order_planned", world).state == "Planned"
    for name, known in TROUBLES.items():
        if known.order_no:
            assert trouble(name, world).supplier_id == known.supplier_id
