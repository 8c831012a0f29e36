"""An order becomes one contract a project, or is held with the one reason why not, and that reason can go away."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ml_connector.kernel.keys import Key
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import (
    Budgets,
    Held,
    commitments_of,
    contract_homes,
    contract_keys,
    order_money,
)
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.plan import Hold, HoldReason
from ml_connector.planning.situation import Linked, Situation
from ml_connector.records.commitment import CommitmentStatus
from ml_connector.records.purchase_order import OrderState, PurchaseOrder

from .scene import (
    BUDGETS,
    CHART,
    CONCRETE,
    MAPPING,
    MATERIALS,
    D,
    known,
    line,
    order,
    policies,
    priced,
    ruled,
    situation,
)


def made(given: Situation, what: PurchaseOrder, chart: Chart = CHART, budgets: Budgets = BUDGETS) -> list[Any]:
    """The contracts of an order that has none yet."""
    return commitments_of(given, chart, budgets, what, ())


def held(given: Situation, what: PurchaseOrder, chart: Chart = CHART, budgets: Budgets = BUDGETS) -> Hold:
    """The hold of an order that cannot go."""
    with pytest.raises(Held) as caught:
        made(given, what, chart, budgets)
    return caught.value.hold


def without(key: Key) -> Situation:
    """Everything linked but one thing."""
    return situation(links={one: link for one, link in known().items() if one != key})


def test_one_project_makes_one_contract_with_the_orders_number() -> None:
    (contract,) = made(situation(), order(line("1/1"), line("2/1", amount=D("7.50"))))
    assert (contract.number, contract.project, contract.status) == ("P1", "1201", CommitmentStatus.APPROVED)
    assert contract.title == "P1 Cement"
    assert [one.once_key for one in contract.lines] == ["10/order/P1/1201/1/1", "10/order/P1/1201/2/1"]
    assert contract.lines[0].budget_code == f"{CONCRETE}.M"
    assert contract.money().amount == D("57.50")
    assert contract.delivery == date(2026, 12, 1)


def test_lines_on_two_projects_make_two_contracts_numbered_apart() -> None:
    contracts = made(situation(), order(line("1/1"), line("2/1", project="1202", amount=D("0.01"))))
    assert [(one.number, str(one.money().amount)) for one in contracts] == [("P1-1201", "50.00"), ("P1-1202", "0.01")]
    other = situation(policies=policies(split_number="{project}/{order}"))
    assert [one.number for one in made(other, order(line(), line("2/1", project="1202")))] == ["1201/P1", "1202/P1"]


def test_withdrawn_lines_carry_no_money_and_ask_nothing() -> None:
    gone = line("9/1", state=OrderState.CANCELLED, project="", codes=(("A", "none"),), amount=D(900))
    (contract,) = made(situation(), order(line(), gone))
    assert contract.money().amount == D(50)
    assert order_money(order(line(), gone)).amount == D(50)


def test_a_project_that_cannot_be_seen_any_more_asks_its_keeper_for_the_right() -> None:
    hide = Key("project", "1201")
    hidden = msgspec.structs.replace(without(hide), hidden=frozenset({"1201"}))
    hold = held(hidden, order())
    assert (hold.reason, hold.waits_for, hold.owner) == (HoldReason.PROJECT_HIDDEN, hide, "administrator")
    assert "A Procore administrator adds it to the permitted projects of the app again." in hold.sentence


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (Key("project", "1201"), HoldReason.PROJECT_NOT_LINKED),
        (Key("vendor", "S100"), HoldReason.VENDOR_NOT_LINKED),
        (Key("budget_code", f"1201/{CONCRETE}.M"), HoldReason.COST_CODE_MISSING),
    ],
)
def test_a_missing_link_holds_and_the_link_releases(missing: Key, reason: HoldReason) -> None:
    hold = held(without(missing), order())
    assert (hold.reason, hold.waits_for) == (reason, missing)
    assert hold.money is not None
    assert str(hold.money) == "50.00 USD"
    assert made(situation(), order())
    coming = msgspec.structs.replace(without(missing), coming=frozenset({missing}))
    assert made(coming, order()), "what this very plan makes counts as there"


def test_a_line_without_project_waits_for_the_buyer() -> None:
    hold = held(situation(), order(line(), line("2/1", project="")))
    assert (hold.reason, hold.owner) == (HoldReason.PROJECT_MISSING, "buyer")
    assert "Line 2/1 of order P1" in hold.sentence


def test_a_code_ifs_does_not_know_or_no_longer() -> None:
    hold = held(situation(), order(line(codes=(("A", MATERIALS), ("B", "77-777")))))
    assert (hold.reason, hold.waits_for) == (HoldReason.CODE_MISSING, Key("dimension", "B=77-777"))
    late = held(situation(), order(dated=date(2031, 1, 1)))
    assert late.reason is HoldReason.CODE_MISSING
    assert "only from 2020-01-01 until 2030-12-31" in late.sentence
    assert made(situation(), order(dated=date(2030, 12, 31))), "the last day counts"
    assert made(situation(), order(dated=None)), "an undated order is judged by today"


def test_an_account_the_mapping_does_not_name() -> None:
    sundry = order(line(codes=(("A", "1910"), ("B", CONCRETE))))
    hold = held(situation(), sundry)
    assert (hold.reason, hold.waits_for) == (HoldReason.CODE_UNMAPPED, Key("mapping", "cost_type A=1910"))
    rows = (*MAPPING.cost_type.rows, msgspec.structs.replace(MAPPING.cost_type.rows[0], when=(("A", "19*"),)))
    wider = msgspec.structs.replace(MAPPING, cost_type=msgspec.structs.replace(MAPPING.cost_type, rows=rows))
    assert made(situation(mapper=Mapper(wider)), sundry)


@pytest.mark.parametrize("activity", ["A9", "A77"])
def test_an_activity_that_takes_no_postings(activity: str) -> None:
    hold = held(situation(), order(line(activity=activity)))
    assert (hold.reason, hold.waits_for) == (HoldReason.ACTIVITY_CLOSED, Key("activity", activity))
    assert made(situation(), order(line(activity="A1")))


def test_foreign_currency_is_held_unless_procore_keeps_it_and_policy_sends_it() -> None:
    euros = order(currency="EUR")
    hold = held(situation(), euros)
    assert (hold.reason, hold.owner) == (HoldReason.CURRENCY_OFF, "administrator")
    assert "never converted" in hold.sentence
    send = situation(policies=policies(foreign_currency="send"))
    assert held(send, euros).reason is HoldReason.CURRENCY_OFF
    keeps = msgspec.structs.replace(BUDGETS, keeps_currency=True)
    assert made(send, euros, budgets=keeps)[0].currency == "EUR"
    silent = msgspec.structs.replace(BUDGETS, currencies={})
    assert made(situation(), euros, budgets=silent), "a project that states no currency takes any"


def test_unbudgeted_codes_are_allowed_blocked_or_asked_about() -> None:
    budgeted = msgspec.structs.replace(BUDGETS, budgeted={"1201": frozenset({f"{CONCRETE}.M"})})
    assert made(situation(policies=policies(unbudgeted="allow")), order())
    for policy in ("block", "ask"):
        given = situation(policies=policies(unbudgeted=policy))
        hold = held(given, order())
        assert (hold.reason, hold.waits_for) == (HoldReason.UNBUDGETED, Key("budget_line", f"1201/{CONCRETE}.M"))
        assert made(given, order(), budgets=budgeted), "a budget line releases it"
    said = ruled(HoldReason.UNBUDGETED, "allow")
    assert made(situation(policies=policies(unbudgeted="ask"), rulings=said), order())
    assert held(situation(policies=policies(unbudgeted="block"), rulings=said), order())


def test_one_bad_line_holds_the_whole_order() -> None:
    hold = held(situation(), order(line(), line("2/1", project="")))
    assert hold.key == Key("order", "P1")
    assert hold.money is not None
    assert hold.money.amount == D(100)


def test_sums_foot_to_the_cent_over_many_projects() -> None:
    odd = [priced(f"{n}/1", n, "0.07", project=("1201", "1202")[n % 2]) for n in range(1, 40)]
    contracts = made(situation(), order(*odd))
    total = sum((one.money().amount for one in contracts), Decimal(0))
    assert total == order_money(order(*odd)).amount == D("54.60")


def test_homes_are_where_an_order_has_a_contract() -> None:
    links = {
        Key("commitment", "P1@1202"): Linked("1"),
        Key("commitment", "P1@1201"): Linked("2"),
        Key("commitment", "P@2@1201"): Linked("3"),
        Key("vendor", "P1@9"): Linked("4"),
    }
    assert contract_homes(links) == {"P1": ["1201", "1202"], "P@2": ["1201"]}
    moved = order(line(project="1203"))
    assert contract_keys(links, [moved]) == {Key("commitment", f"P1@{site}") for site in ("1201", "1202", "1203")}
