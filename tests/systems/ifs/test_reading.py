"""What is read from the simulated tenant is what its world holds, whatever its habits and failures."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from ml_connector.kernel.errors import NameMissing, RightMissing
from ml_connector.records.purchase_order import OrderState, PurchaseOrder
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.ifs.system import IfsSystem
from ml_connector.systems.port import ErpSystem, OrderPage
from ml_connector.systems.transport import Transport

from .conftest import MakeSystem

ENDED = ("Closed", "Cancelled")


def read(system: IfsSystem, known: dict[str, bytes] | None = None) -> list[OrderPage]:
    return list(system.orders(lambda _ids: known or {}))


def orders_in(pages: list[OrderPage]) -> dict[str, PurchaseOrder]:
    return {order.id: order for page in pages for order in page.orders}


def seen_in(pages: list[OrderPage]) -> dict[str, bytes]:
    return {order: mark for page in pages for order, mark in page.seen.items()}


def test_every_open_order_is_read_with_every_line(box: RunningSandbox, make: MakeSystem) -> None:
    world = {one.order_no: one for one in box.sandbox.world.orders if one.state not in ENDED}
    system: ErpSystem = make()
    found = orders_in(list(system.orders(lambda _ids: {})))
    assert found.keys() == world.keys()
    assert list(found) == sorted(found)
    for number, order in found.items():
        theirs = world[number]
        assert (order.vendor, order.currency, order.dated) == (theirs.supplier_id, theirs.currency, theirs.order_date)
        ours = {line.id: line for line in order.lines}
        assert len(ours) == len(theirs.lines)
        for line in theirs.lines:
            mine = ours[f"{line.line_no}/{line.release_no}"]
            assert (mine.quantity, mine.unit_price, mine.codes) == (line.quantity, line.unit_price, line.codes)
            assert (mine.project, mine.activity) == (line.project_id, str(line.activity_seq))
            assert abs(mine.amount - line.quantity * line.unit_price) <= Decimal("0.01")


def test_an_unchanged_poll_parses_nothing_and_costs_few_requests(make: MakeSystem, transport: Transport) -> None:
    system = make()
    first = read(system)
    before = transport.counts.reads
    again = read(system, seen_in(first))
    assert orders_in(again) == {}
    assert seen_in(again) == seen_in(first)
    assert transport.counts.reads - before == 2


def test_a_changed_line_makes_its_order_and_no_other_new(box: RunningSandbox, make: MakeSystem) -> None:
    system = make()
    seen = seen_in(read(system))
    number = next(iter(seen))
    line = orders_in([system.orders_by_id([number])])[number].lines[0]
    box.act("ifs", "amend_line", order_no=number, line_no=line.id.split("/")[0], release_no="1", quantity="77.5")
    pages = read(system, seen)
    (changed,) = orders_in(pages).values()
    assert changed.id == number
    assert changed.lines[0].quantity == Decimal("77.5")
    assert {one for one, mark in seen_in(pages).items() if seen[one] != mark} == {number}


@pytest.mark.parametrize("size", [1, 7, 50, 59, 61])
def test_pages_of_any_size_hold_the_same_orders(make: MakeSystem, size: int) -> None:
    assert read(make(page_size=size))[0].seen.items() <= seen_in(read(make())).items()
    assert seen_in(read(make(page_size=size))) == seen_in(read(make()))


@pytest.mark.parametrize(
    ("switch", "value", "profile"),
    [
        ("objstate_filter", "always_400", {"state_filter": "client"}),
        ("ieee754", "never", {}),
        ("max_top", "clamp:50", {}),
        ("row_version", "counter", {}),
        ("nested_needs_select", True, {"order_lines": "three_collections"}),
        ("timezone", "Asia/Tokyo", {"order": {"properties": {"company": ""}}}),
    ],
)
def test_a_tenant_of_other_habits_gives_the_same_orders(
    box: RunningSandbox, make: MakeSystem, switch: str, value: object, profile: dict[str, object]
) -> None:
    usual = orders_in(read(make()))
    setattr(box.ifs.switches, switch, value)
    found = orders_in(read(make(**profile)))
    assert found.keys() == usual.keys()
    for number, order in found.items():
        amounts = {line.id: (line.amount, line.quantity, line.codes) for line in order.lines}
        assert amounts == {line.id: (line.amount, line.quantity, line.codes) for line in usual[number].lines}


def test_three_collections_tell_the_kind_of_line(box: RunningSandbox, make: MakeSystem) -> None:
    kinds = {
        (order.order_no, f"{line.line_no}/{line.release_no}"): line.kind
        for order in box.sandbox.world.orders
        for line in order.lines
    }
    for order in orders_in(read(make(order_lines="three_collections"))).values():
        for line in order.lines:
            assert line.kind == kinds[order.id, line.id]


def test_named_orders_come_in_any_state_and_missing_ones_not(box: RunningSandbox, make: MakeSystem) -> None:
    system = make()
    seen = seen_in(read(system))
    number = next(iter(seen))
    box.act("ifs", "cancel_order", order_no=number)
    page = system.orders_by_id([*seen, "P999999", "O'HARA&CO"])
    found = orders_in([page])
    assert page.seen.keys() == seen.keys()
    assert found[number].state is OrderState.CANCELLED
    assert number not in seen_in(read(system))
    assert {one: mark for one, mark in page.seen.items() if one != number}.items() <= seen.items()


def test_another_company_sees_nothing_of_this_one(make: MakeSystem) -> None:
    system = make(of="20")
    assert read(system) == []
    assert system.projects() == ([], [])
    assert (system.activities(), system.dimensions()) == (([], []), ([], []))
    assert read(make(of="20", order={"properties": {"company": ""}})) == []


def test_master_data_is_what_the_world_says(box: RunningSandbox, make: MakeSystem) -> None:
    world, system = box.sandbox.world, make()
    projects, problems = system.projects()
    assert ({one.id for one in projects}, problems) == ({one.project_id for one in world.sites}, [])
    activities, bad_activities = system.activities()
    dimensions, bad_dimensions = system.dimensions()
    assert (bad_activities, bad_dimensions) == ([], [])
    postable = {one.id: one.postable for one in activities}
    assert postable == {
        str(one.activity_seq): one.state not in ("Planned", "Closed", "Cancelled") for one in world.activities
    }
    found = {(one.part, one.value): (one.valid_from, one.valid_until) for one in dimensions}
    for code in world.code_values:
        assert found[code.code_part, code.value] == (code.valid_from, code.valid_until)


def test_accounts_come_from_their_own_set_where_the_common_one_lacks_them(make: MakeSystem) -> None:
    other = make(dimension={"projection": "CodeBHandling", "entity_set": "CodeBSet", "keys": ["value"]}).profile
    names = {**other.dimension.properties, "value": "CodeB"}
    part = make(dimension={"projection": "CodeBHandling", "entity_set": "CodeBSet", "properties": names})
    parts = {one.part for one in part.dimensions()[0]}
    assert parts == {"A", "B"}


def test_rows_of_the_chart_that_cannot_be_used_are_told(make: MakeSystem) -> None:
    values = make().profile.dimension.properties
    dimensions, problems = make(dimension={"properties": {**values, "valid_from": "Description"}}).dimensions()
    assert problems
    assert {one.key.kind for one in problems} == {"dimension"}
    assert all("Description is no date" in one.sentence for one in problems if "B/" in one.sentence)
    assert not {one.part for one in dimensions} - {"A"}
    activities, problems = make(activity={"properties": {"project": ""}}).activities()
    assert activities == []
    assert {one.key.kind for one in problems} == {"activity"}


def test_failures_on_the_way_change_nothing(box: RunningSandbox, make: MakeSystem) -> None:
    usual = seen_in(read(make()))
    for kind in ("drop_before", "half_body", "401", "429", "503", "503_modified"):
        box.faults.clear()
        box.faults.add(FaultRule(kind, side="ifs", nth=2, every=3, times=3))
        assert seen_in(read(make(page_size=20))) == usual, kind
        assert box.faults.injected


def test_a_token_that_dies_between_pages_is_replaced(box: RunningSandbox, make: MakeSystem) -> None:
    usual = seen_in(read(make()))
    pages = make(page_size=10).orders(lambda _ids: {})
    found = dict(next(pages).seen)
    box.clock.advance(timedelta(hours=1))
    for page in pages:
        found |= page.seen
    assert found == usual


def test_missing_names_and_rights_are_told_apart(box: RunningSandbox, make: MakeSystem) -> None:
    with pytest.raises(NameMissing, match="purchase orders"):
        read(make(order={"properties": {"text": "NoSuchName"}}))
    box.ifs.switches.denied_projections = {"ProjectsHandling"}
    with pytest.raises(RightMissing):
        make().projects()
    box.ifs.switches.missing_projections = {"ActivityListHandling"}
    with pytest.raises(NameMissing):
        make().activities()
