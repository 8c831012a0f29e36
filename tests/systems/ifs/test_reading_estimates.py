"""A project's estimate is read by activity and cost element, and leads through the mapping to a budget."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from ml_connector.kernel.errors import Bug, NameMissing, RightMissing
from ml_connector.planning.mapping import mapping_from
from ml_connector.records.budget import BudgetEstimate
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.sandbox.world import World
from ml_connector.systems.port import ErpSystem
from ml_connector.systems.transport import Transport

from .conftest import MakeSystem

PROJECTS = ("1201", "1202", "1203", "1204", "1205")


def by_element(estimates: list[BudgetEstimate], project: str) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for one in estimates:
        if one.project == project:
            sums[one.element] += one.amount
    return dict(sums)


def budget_of(world: World, project: str) -> dict[str, Decimal]:
    return {f"{code}-{kind}": amount for of, code, kind, amount in world.budget if of == project}


def test_every_estimated_row_is_read_and_no_row_that_only_carries_cost(box: RunningSandbox, make: MakeSystem) -> None:
    system: ErpSystem = make()
    estimates, problems = system.estimates(PROJECTS, "estimated")
    assert problems == []
    theirs = {(one.project_id, str(one.activity_seq), one.element): one.amount for one in box.sandbox.world.estimates}
    assert {(one.project, one.activity, one.element): one.amount for one in estimates} == theirs
    assert len(estimates) == len(theirs)
    assert make().estimates(PROJECTS, "planned") == (estimates, [])
    assert make().estimates(PROJECTS, "baseline") == ([], [])


def test_the_estimates_of_the_cast_are_its_budgets_but_where_its_story_says_so(
    box: RunningSandbox, make: MakeSystem
) -> None:
    world, (estimates, _) = box.sandbox.world, make().estimates(PROJECTS, "estimated")
    for project in ("1201", "1203", "1205"):
        assert by_element(estimates, project) == budget_of(world, project)
    changed = by_element(estimates, "1202").items() - budget_of(world, "1202").items()
    assert len(changed) == 2
    assert by_element(estimates, "1202").keys() == budget_of(world, "1202").keys()
    ((element, _),) = by_element(estimates, "1204").items() - budget_of(world, "1204").items()
    assert ("1204", element[:-2]) not in {(project, code) for project, code, _ in world.cost_codes}


def test_the_mapping_of_the_connection_leads_every_row_to_a_code_and_a_type(
    box: RunningSandbox, make: MakeSystem
) -> None:
    mapping = mapping_from(tomllib.loads(box.connection_text())["mapping"])
    assert mapping.budget_code is not None
    assert mapping.budget_type is not None
    for one in make().estimates(PROJECTS, "estimated")[0]:
        values = {"element": one.element}
        target = f"{mapping.budget_code.target(values)}-{mapping.budget_type.target(values)}"
        assert target == one.element


@pytest.mark.parametrize("size", [1, 7, 25])
def test_pages_of_any_size_hold_the_same_rows(make: MakeSystem, size: int) -> None:
    assert make(page_size=size).estimates(PROJECTS, "estimated") == make().estimates(PROJECTS, "estimated")


def test_a_page_that_the_tenant_cuts_and_bare_numbers_change_nothing(box: RunningSandbox, make: MakeSystem) -> None:
    usual = make().estimates(PROJECTS, "estimated")
    box.ifs.switches.max_top = "clamp:25"
    box.ifs.switches.ieee754 = "never"
    box.ifs.switches.nested_needs_select = True
    assert make().estimates(PROJECTS, "estimated") == usual


def test_each_project_costs_one_request(make: MakeSystem, transport: Transport) -> None:
    system = make()
    system.estimates(["1201"], "estimated")
    before = transport.counts.reads
    system.estimates([*PROJECTS, "1201"], "estimated")
    assert transport.counts.reads - before == len(PROJECTS)


def test_what_people_estimate_anew_is_read(box: RunningSandbox, make: MakeSystem) -> None:
    one = next(one for one in box.sandbox.world.estimates if one.project_id == "1203")
    key: dict[str, Any] = {"project_id": "1203", "activity_seq": one.activity_seq}

    def read() -> dict[tuple[str, str], Decimal]:
        estimates, _ = make().estimates(["1203"], "estimated")
        return {(one.activity, one.element): one.amount for one in estimates}

    usual, place = read(), str(one.activity_seq)
    box.act("ifs", "set_estimate", **key, element=one.element, amount="0")
    assert read() == {**usual, (place, one.element): Decimal(0)}
    box.act("ifs", "set_estimate", **key, element=one.element)
    assert read() == {at: amount for at, amount in usual.items() if at != (place, one.element)}
    box.act("ifs", "set_estimate", **key, element="41-220-E", amount="1234.5")
    assert read()[place, "41-220-E"] == Decimal("1234.5")
    with pytest.raises(RuntimeError, match="no ProjectCostElement"):
        box.act("ifs", "set_estimate", **key, element="NONE", amount="1")
    with pytest.raises(RuntimeError, match="not of project"):
        box.act("ifs", "set_estimate", **{**key, "project_id": "1201"}, element=one.element, amount="1")


def test_cost_does_not_touch_the_estimate(box: RunningSandbox, make: MakeSystem) -> None:
    usual = make().estimates(["1201"], "estimated")
    order = next(
        one for one in box.sandbox.world.orders if one.state == "Released" and one.lines[0].project_id == "1201"
    )
    box.act("ifs", "receive_goods", order_no=order.order_no, line_no=order.lines[0].line_no)
    assert make().estimates(["1201"], "estimated") == usual


def test_a_row_that_cannot_be_used_is_a_problem(make: MakeSystem) -> None:
    wrong = {"properties": {"estimated": "ProjectCostElement"}}
    estimates, problems = make(estimate=wrong).estimates(["1201"], "estimated")
    assert estimates == []
    assert {one.key.kind for one in problems} == {"estimate"}
    assert "is not a number" in problems[0].sentence


def test_a_figure_that_is_none_of_three_is_our_mistake(make: MakeSystem) -> None:
    with pytest.raises(Bug, match="guessed"):
        make().estimates(["1201"], "guessed")


def test_a_tenant_without_project_monitoring_says_so(box: RunningSandbox, make: MakeSystem) -> None:
    box.ifs.switches.missing_projections = {"ProjectMonitoringHandling"}
    with pytest.raises(NameMissing, match="estimate of project 1201"):
        make().estimates(["1201"], "estimated")
    box.ifs.switches.missing_projections = set()
    box.ifs.switches.denied_projections = {"ProjectMonitoringHandling"}
    with pytest.raises(RightMissing):
        make().estimates(["1201"], "estimated")
