"""The decision table of section 5.2, a test a row and a sub-case: each posting has exactly one place, or waits."""

from __future__ import annotations

import msgspec
import pytest

from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import HoldReason, pack
from ml_connector.planning.routing import (
    Bucket,
    Contracts,
    Facts,
    Role,
    Route,
    kind_of,
    orders_of,
    projects_of,
    role_of,
    route,
    same_number,
)
from ml_connector.planning.situation import Linked
from ml_connector.records.direct_cost import CostKind

from .invoice_scene import CONTRACTS, HELD_ACCOUNT, contract, loose, posting, retention
from .scene import CHART, situation

ON_ORDER = Facts("commitment", orders=("P1",), projects=("1201",), commitment="P1@1201")
BY_COSTS = msgspec.structs.replace(ON_ORDER, strategy="direct_cost")


def held(found: Route) -> tuple[HoldReason | None, Key | None]:
    """Why a posting waits, and for what."""
    assert found.bucket is Bucket.HELD
    return found.hold, found.waits_for


# on an order, contract known ------------------------------------------------------------------------------------------


def test_a_posting_on_an_order_goes_to_its_contracts_subcontractor_invoice() -> None:
    found = route(posting(), ON_ORDER)
    assert (found.bucket, found.order, found.project) == (Bucket.INVOICE, "P1", "1201")
    assert found.reason == "Posting 1 is on order P1: its contract's subcontractor invoice."


def test_under_strategy_b_it_is_a_direct_cost_of_its_own_type() -> None:
    found = route(posting(), BY_COSTS)
    assert (found.bucket, found.project, found.kind) == (Bucket.COST, "1201", CostKind.SUBCONTRACTOR_INVOICE)


def test_retention_follows_the_invoice_and_under_strategy_b_is_outside() -> None:
    kept = msgspec.structs.replace(ON_ORDER, role=Role.RETENTION)
    assert route(retention(), kept).bucket is Bucket.INVOICE
    found = route(retention(), msgspec.structs.replace(BY_COSTS, role=Role.RETENTION))
    assert (found.bucket, found.reason) == (Bucket.OUTSIDE, "Posting 9 is retention, and direct costs keep none.")


# on an order, contract not known --------------------------------------------------------------------------------------


def test_a_posting_on_an_order_without_contract_waits_for_it() -> None:
    facts = Facts("commitment", orders=("P9",), projects=("1201",))
    assert held(route(posting(order="P9"), facts)) == (
        HoldReason.COMMITMENT_MISSING,
        Key("commitment", "P9@1201"),
    )


def test_where_no_project_is_known_it_waits_for_the_order() -> None:
    assert held(route(posting(order="P9"), Facts("direct_cost", orders=("P9",)))) == (
        HoldReason.COMMITMENT_MISSING,
        Key("order", "P9"),
    )


def test_an_order_line_on_another_project_than_its_posting_cannot_be_placed() -> None:
    facts = Facts("commitment", orders=("P1",), projects=("1202",), elsewhere="P1@1201")
    found = route(posting(project="1202"), facts)
    assert held(found) == (HoldReason.LINE_UNKNOWN, Key("commitment", "P1@1201"))
    assert found.reason == "Posting 1 is on project 1202, and the line of order P1 it names is on project 1201."


def test_an_order_with_two_contracts_and_nothing_that_says_which_is_held() -> None:
    facts = Facts("commitment", role=Role.TOLERANCE, orders=("P1",), projects=("1201", "1202"))
    assert held(route(posting(order_line=""), facts)) == (HoldReason.LINE_UNKNOWN, Key("order", "P1"))


def test_retention_of_one_of_two_orders_is_held() -> None:
    facts = Facts("commitment", role=Role.RETENTION, orders=("P1", "P2"))
    found = route(retention(order=""), facts)
    assert held(found) == (HoldReason.LINE_UNKNOWN, Key("order", "P1"))
    assert "P1, P2" in found.reason


# no order -------------------------------------------------------------------------------------------------------------


def test_a_posting_on_no_order_is_a_direct_cost_of_the_type_its_account_makes() -> None:
    found = route(loose(), Facts("commitment", projects=("1201",), kind=CostKind.EXPENSE))
    assert (found.bucket, found.project, found.kind) == (Bucket.COST, "1201", CostKind.EXPENSE)


def test_a_posting_on_no_project_is_no_project_cost() -> None:
    found = route(loose(project=""), Facts("commitment"))
    assert (found.bucket, found.reason) == (Bucket.OUTSIDE, "Posting 1 is on no project: no project cost.")


def test_retention_on_no_order_is_outside() -> None:
    facts = Facts("commitment", role=Role.RETENTION, projects=("1201",))
    assert route(retention(order="", project="1201"), facts).bucket is Bucket.OUTSIDE


# came from Procore ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "facts",
    [
        ON_ORDER,
        BY_COSTS,
        Facts("commitment", projects=("1201",)),
        Facts("commitment"),
        Facts("commitment", orders=("P9",)),
        Facts("commitment", role=Role.RETENTION, orders=("P1", "P2")),
    ],
)
def test_what_came_from_procore_is_linked_whatever_else_it_is(facts: Facts) -> None:
    found = route(posting(), msgspec.structs.replace(facts, came_from="t1"))
    assert (found.bucket, found.reason) == (Bucket.LINKED, "Posting 1 came from Procore's document t1.")


# what a posting is, and where it lies ---------------------------------------------------------------------------------


def test_what_a_posting_is() -> None:
    assert role_of(posting(), [HELD_ACCOUNT]) is Role.COST
    assert role_of(loose(), [HELD_ACCOUNT]) is Role.COST
    assert role_of(posting(order_line=""), [HELD_ACCOUNT]) is Role.TOLERANCE
    assert role_of(retention(), ["24*"]) is Role.RETENTION
    assert role_of(retention(), []) is Role.TOLERANCE, "the policy names no account"
    assert role_of(posting(codes=()), ["*"]) is Role.COST, "no account, no retention"


def test_the_first_pattern_that_fits_makes_the_type() -> None:
    kinds = {"414*": "payroll", "41*": "expense"}
    assert kind_of(loose(codes=(("A", "4145"),)), kinds) is CostKind.PAYROLL
    assert kind_of(loose(), kinds) is CostKind.EXPENSE
    assert kind_of(loose(), {}) is CostKind.INVOICE


def test_retention_that_names_no_order_takes_that_of_its_invoice() -> None:
    kept = retention(order="")
    assert orders_of(kept, Role.RETENTION, [posting(), kept], "") == ("P1",)
    assert orders_of(kept, Role.RETENTION, [kept], "P3") == ("P3",)
    both = [posting(), posting("2", order="P2"), kept]
    assert orders_of(kept, Role.RETENTION, both, "") == ("P1", "P2")
    assert orders_of(kept, Role.RETENTION, both, "P2") == ("P2",)
    assert orders_of(kept, Role.RETENTION, both, "P3") == ("P1", "P2"), "the header names none of them"
    assert orders_of(loose(), Role.COST, both, "P2") == (), "cost on no order stays so"


def test_a_posting_lies_on_its_own_project_else_its_activitys_else_its_contracts() -> None:
    links = {Key("commitment", f"{one.number}@{one.project}"): Linked("c", pack(one)) for one in CONTRACTS}
    links[Key("commitment", "P1@1202")] = Linked("c3", pack(contract("P1", "1202", ("3/1", "x.M", "1"))))
    contracts = Contracts(situation(links=links), {})

    def lies(line: object, siblings: tuple[object, ...] = ()) -> tuple[str, ...]:
        assert isinstance(line, type(posting()))
        return projects_of(line, line.order, CHART, contracts, siblings)  # type: ignore[arg-type]

    assert lies(loose()) == ("1201",)
    assert lies(loose(project="", activity="A1")) == ("1201",)
    assert lies(loose(project="")) == ()
    assert lies(posting(project="")) == ("1201",), "line 1/1 is on that contract"
    assert lies(posting(project="", order_line="3/1")) == ("1202",)
    assert lies(posting(project="", order_line="")) == ("1201", "1202")
    assert lies(posting(project="", order_line=""), (posting("2"),)) == ("1201",), "where its neighbours lie"
    assert lies(posting(project="", order="P2", order_line="")) == ("1202",)
    assert lies(posting(project="", order="P9")) == ()


def test_a_contract_that_is_only_coming_counts_with_the_lines_this_plan_gives_it() -> None:
    planned = contract("P5", "1201", ("1/1", "x.M", "1"))
    contracts = Contracts(situation(coming=frozenset({Key("commitment", "P5@1201")})), {"P5@1201": planned})
    assert contracts.projects("P5") == ("1201",)
    assert contracts.of("P5", "1201") == planned
    assert contracts.with_line("P5", "1/1") == ("1201",)
    assert contracts.with_line("P5", "2/1") == ()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("INV-007", "inv 7", True),
        ("2026/0042", "2026-42", True),
        ("A.100", "a100", True),
        ("INV-7", "INV-70", False),
        ("7", "INV-7", False),
        ("000", "0", True),
        ("", "", False),
        ("--", "--", False),
    ],
)
def test_numbers_are_the_same_when_people_would_say_so(one: str, other: str, same: bool) -> None:
    assert same_number(one, other) is same
