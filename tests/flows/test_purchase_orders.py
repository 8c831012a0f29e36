"""A page of orders: each goes, waits with one reason, or is left alone with a sentence."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from ml_connector.flows import purchase_orders
from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.situation import Linked, Ruling
from ml_connector.records.commitment import Commitment, CommitmentLine, CommitmentStatus
from ml_connector.records.problem import Problem
from ml_connector.records.purchase_order import OrderState, PurchaseOrder
from planning.scene import (
    BUDGETS,
    CHART,
    STEEL,
    VENDOR,
    D,
    Procore,
    line,
    order,
    ordered_money,
    policies,
    priced,
    situation,
)

from .telling import page, told


def test_a_page_of_orders_as_a_controller_reads_it() -> None:
    procore = Procore()
    decision = procore.decide(
        order(),
        order(line("1/1"), line("2/1", project="1202", amount=order().lines[0].amount * 2), id="P2"),
        order(line(project=""), id="P3"),
        order(state=OrderState.PLANNED, id="P4"),
    )
    assert told(decision) == page("""
        create commitment:P1@1201: Order P1 is released in IFS and was not in Procore.
        fill commitment:P1@1201 50.00 USD: Its schedule of values.
        status commitment:P1@1201: Released in IFS is Approved in Procore.
        create commitment:P2@1201: Order P2 is released in IFS and was not in Procore.
        fill commitment:P2@1201 50.00 USD: Its schedule of values.
        status commitment:P2@1201: Released in IFS is Approved in Procore.
        create commitment:P2@1202: Order P2 is released in IFS and was not in Procore.
        fill commitment:P2@1202 100.00 USD: Its schedule of values.
        status commitment:P2@1202: Released in IFS is Approved in Procore.
        HOLD project_missing for order:P3 (buyer) with 50.00 USD: \\
        Line 1/1 of order P3 names no project, so no Procore project can take it.
        SKIP Order P4 is planned in IFS: not sent yet.
        """)


def test_a_change_after_approval_as_a_controller_reads_it() -> None:
    procore = Procore()
    procore.sync(order())
    assert told(procore.decide(order(priced("1/1", 12, "5.00")))) == page("""
        amend change_order:10/order/P1/1201/R1 15.00 USD: Order P1 changed in IFS after its approval in Procore.
        """).replace("15.00", "10.00")
    assert told(procore.decide(order())) == "unchanged order:P1"


def test_orders_that_are_left_alone_say_why() -> None:
    procore = Procore(go_live=date(2026, 9, 1))
    decision = procore.decide(
        order(id="P1", state=OrderState.CANCELLED),
        order(id="P2", state=OrderState.CLOSED),
        order(id="P3", dated=date(2026, 8, 31)),
        order(priced("1/1", 3, "0"), id="P4"),
        order(line(state=OrderState.CANCELLED), id="P5"),
    )
    assert told(decision) == page("""
        SKIP Order P1 was cancelled before it was ever in Procore.
        SKIP Order P2 was closed before it was ever in Procore.
        SKIP Order P3 is dated 2026-08-31, before the go-live day 2026-09-01.
        SKIP Order P4 has no lines with money.
        SKIP Order P5 has no lines with money.
        """)


def test_an_order_that_went_before_go_live_is_still_ours() -> None:
    procore = Procore()
    procore.sync(order())
    procore.situation = msgspec.structs.replace(procore.situation, go_live=date(2026, 12, 1))
    assert procore.decide(order(priced("1/1", 12, "5.00"))).intents


def test_a_row_that_could_not_be_read_is_held_with_its_text() -> None:
    (hold,) = purchase_orders.problem_holds([Problem(Key("order", "P7"), "Order P7 states no currency.", "x" * 5000)])
    assert (hold.reason, hold.waits_for, hold.owner) == (HoldReason.BAD_ROW, Key("order", "P7"), "buyer")
    assert len(hold.evidence) == 2000


def test_an_order_that_vanished_from_ifs_touches_nothing() -> None:
    hold = purchase_orders.gone_hold("P1")
    assert (hold.reason, hold.waits_for) == (HoldReason.GONE_HERE, Key("order", "P1"))
    assert "left as it is" in hold.sentence


def test_only_contracts_that_may_matter_are_read() -> None:
    procore = Procore()
    coding = (CHART, BUDGETS)
    assert purchase_orders.unlinked_projects(procore.situation, coding, [order()]) == {"1201"}
    procore.sync(order(), order(id="P2"))
    seen = procore.sees().headers
    orders = [order(), order(id="P2")]
    assert purchase_orders.unlinked_projects(procore.situation, coding, orders) == set()
    assert purchase_orders.wanted_contracts(procore.situation, coding, orders, seen) == []
    changed = [order(priced("1/1", 12, "5.00")), order(id="P2"), order(line(project=""), id="P3")]
    assert purchase_orders.wanted_contracts(procore.situation, coding, changed, seen) == [("1201", "c1")]
    procore.touch()
    assert purchase_orders.wanted_contracts(procore.situation, coding, orders, seen) == [("1201", "c1")]
    assert purchase_orders.wanted_contracts(situation(), coding, [order(state=OrderState.PLANNED)], seen) == []
    typed = {"1201": [msgspec.structs.replace(procore.contracts["c1"], once_key="", id="h1")]}
    assert purchase_orders.wanted_contracts(situation(), coding, [order()], typed) == [("1201", "h1")]
    moved = [order(line(project="1202"))]
    procore.situation = msgspec.structs.replace(procore.situation, touched=frozenset())
    assert purchase_orders.wanted_contracts(procore.situation, coding, moved, seen) == [("1201", "c1")]


def test_same_number_may_be_asked_about_even_for_the_same_vendor() -> None:
    from_hand = Procore()
    from_hand.sync(order())
    typed = msgspec.structs.replace(from_hand.contracts["c1"], once_key="", id="h1")
    procore = Procore(policies=policies(same_number="ask"))
    procore.typed_by_hand(typed)
    decision = procore.decide(order())
    (hold,) = decision.holds
    assert hold.reason is HoldReason.ORDER_MATCH
    assert hold.evidence == "Procore contract h1 P1 Cement, vendor 77"
    procore.rule(hold, "new")
    assert [intent.verb.value for intent in procore.decide(order()).intents] == ["create", "fill", "status"]


def test_amendments_are_looked_for_where_there_may_be_some() -> None:
    procore = Procore()
    procore.sync(order())
    contract = procore.contracts["c1"]
    assert purchase_orders.may_be_amended(procore.situation, contract), "approved"
    open_again = msgspec.structs.replace(contract, status=type(contract.status).PROCESSING)
    assert not purchase_orders.may_be_amended(procore.situation, open_again)
    procore.sync(order(priced("1/1", 12, "5.00")))
    assert purchase_orders.may_be_amended(procore.situation, open_again)
    assert not purchase_orders.may_be_amended(situation(), open_again)


def test_a_contract_that_is_listed_but_cannot_be_opened_is_not_ours() -> None:
    procore = Procore()
    procore.sync(order())
    headers = {"1201": [msgspec.structs.replace(procore.contracts["c1"], once_key="", id="h1")]}
    theirs = purchase_orders.Theirs(headers, {"h1": None}, {})
    decision = purchase_orders.decide(situation(), CHART, BUDGETS, [order()], theirs)
    assert [intent.verb.value for intent in decision.intents] == ["create", "fill", "status"]


def test_orders_that_cross_by_themselves() -> None:
    now = situation(go_live=date(2026, 10, 1))
    assert purchase_orders.may_be_sent(now, order())
    assert not purchase_orders.may_be_sent(now, order(dated=date(2026, 9, 30)))
    assert not purchase_orders.may_be_sent(now, order(state=OrderState.PLANNED))
    procore = Procore()
    procore.sync(order())
    late = msgspec.structs.replace(procore.situation, go_live=date(2026, 12, 1))
    assert purchase_orders.may_be_sent(late, order()), "what went before go-live is still ours"


# -- orders that came from a contract written in Procore -----------------------------------------------------------


def written_there(**changes: Any) -> Commitment:
    """Contract SC-9 of Procore's people, approved: cement for 50.00, of which we made requisition R1 in IFS."""
    lines = (CommitmentLine("", "cement", D(1), "", D("50.00"), D("50.00"), "03-310.M", "l1"),)
    given = Commitment(
        "", "5001", "SC-9", "Cement", VENDOR, CommitmentStatus.APPROVED, "USD", None, None, "", lines, "p9"
    )
    return msgspec.structs.replace(given, **changes)


def with_requisition(*contracts: Commitment, **links: str) -> Procore:
    """Procore with these contracts; requisition by its Procore contract."""
    procore = Procore()
    for contract in contracts:
        procore.typed_by_hand(contract)
    ours = {
        Key("purchase_requisition", contract): Linked(number) for contract, number in (links or {"p9": "R1"}).items()
    }
    procore.situation = msgspec.structs.replace(procore.situation, links={**procore.situation.links, **ours})
    return procore


def made_of_it(**changes: Any) -> PurchaseOrder:
    """Order P1, made by a buyer from requisition R1."""
    return order(line(requisition="R1", **changes))


def test_an_order_made_from_our_requisition_is_tied_to_the_contract_it_came_from() -> None:
    procore = with_requisition(written_there())
    coding = (CHART, BUDGETS)
    assert purchase_orders.wanted_contracts(procore.situation, coding, [made_of_it()], {}) == [("1201", "p9")]
    decision = procore.sync(made_of_it())
    assert told(decision).splitlines()[0] == (
        "adopt commitment:P1@1201 -> p9: Order P1 was made from our requisition of Procore's contract SC-9."
    )
    assert len(procore.contracts) == 1, "no second contract"
    assert procore.contracts["p9"].number == "SC-9", "it keeps the number its people know it by"
    assert procore.money() == ordered_money(made_of_it())
    procore.touch()
    assert procore.decide(made_of_it()).intents == ()


def test_what_the_buyer_added_or_repriced_is_amended_on_it() -> None:
    changed = order(line(requisition="R1"), priced("2/1", 1, "7", codes=(("A", "4110"), ("B", STEEL))))
    procore = with_requisition(written_there())
    procore.sync(changed)
    assert procore.money() == ordered_money(changed)
    bargained = made_of_it(amount=D("60.00"), unit_price=D("6.00"))
    procore = with_requisition(written_there())
    procore.sync(bargained)
    assert procore.money() == ordered_money(bargained), "the price a buyer bargained reaches the contract it came from"


def test_a_contract_from_which_two_orders_came_stands_for_the_first() -> None:
    procore = with_requisition(written_there())
    procore.sync(made_of_it())
    second = msgspec.structs.replace(made_of_it(), id="P2")
    at_once = with_requisition(written_there()).decide(made_of_it(), second)
    assert ({intent.source for intent in at_once.intents}, [one.key.id for one in at_once.holds]) == ({"P1"}, ["P2"])
    (hold,) = procore.decide(second).holds
    assert (hold.reason, hold.candidates) == (HoldReason.ORDER_MATCH, ("p9",))
    assert hold.sentence == (
        "Order P2 came from Procore's contract SC-9, which already stands for order P1: "
        "say `new` if it is to have a contract of its own."
    )
    procore.rule(hold, "new")
    assert [intent.verb.value for intent in procore.decide(second).intents] == ["create", "fill", "status"]


def test_an_order_from_two_contracts_or_from_one_that_is_gone_asks() -> None:
    other = written_there(id="p8", number="SC-8", lines=())
    both = order(line(requisition="R1"), line("2/1", requisition="R2", amount=D("0.00")))
    procore = with_requisition(written_there(), other, p9="R1", p8="R2")
    (hold,) = procore.decide(both).holds
    assert (hold.reason, hold.candidates) == (HoldReason.ORDER_MATCH, ("p8", "p9"))
    said = {(Key("order", "P1"), HoldReason.ORDER_MATCH): Ruling("link", "p9")}
    procore.situation = msgspec.structs.replace(procore.situation, rulings=said)
    assert procore.decide(both).intents[0].target == "p9"
    (gone,) = with_requisition().decide(made_of_it()).holds
    assert "which cannot be seen any more" in gone.sentence
    (marked,) = with_requisition(written_there(once_key="other/7")).decide(made_of_it()).holds
    assert "another integration marked" in marked.sentence


def test_a_requisition_that_is_not_ours_changes_nothing() -> None:
    procore = with_requisition(written_there(), p9="R7")
    assert [intent.verb.value for intent in procore.decide(made_of_it()).intents] == ["create", "fill", "status"]
