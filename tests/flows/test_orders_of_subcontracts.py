"""Orders made from a subcontract of Procore: tied to it, and written to it only where that is ours to do."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from ml_connector.flows import purchase_orders
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import HoldReason, unpack
from ml_connector.planning.situation import Linked
from ml_connector.records.commitment import Commitment, CommitmentKind, CommitmentLine, CommitmentStatus
from ml_connector.records.purchase_order import OrderState, PurchaseOrder
from planning.scene import BUDGETS, CHART, VENDOR, D, Procore, line, order, policies, ruled, situation

from .telling import page, told

APPROVED = CommitmentStatus.APPROVED


def procore(status: CommitmentStatus = APPROVED) -> Procore:
    """Subcontract SC-9 over 50.00, by amount; our requisition R1 proposed it in IFS."""
    lines = (CommitmentLine("", "Cement", D(1), "", D("50.00"), D("50.00"), "03-310.M", "l1"),)
    made = Procore()
    contract = Commitment(
        "",
        "5001",
        "SC-9",
        "Cement",
        VENDOR,
        status,
        "USD",
        None,
        None,
        "",
        lines,
        "p9",
        kind=CommitmentKind.SUBCONTRACT,
    )
    made.typed_by_hand(contract)
    links = {**made.situation.links, Key("purchase_requisition", "p9"): Linked("R1")}
    made.situation = msgspec.structs.replace(made.situation, links=links)
    return made


def ordered(amount: str = "50.00", **changes: Any) -> PurchaseOrder:
    """Order P1, which a buyer made of requisition R1; its line is wanted in December."""
    return order(line(requisition="R1", quantity=D(1), unit_price=D(amount), amount=D(amount)), **changes)


def test_the_order_is_tied_to_the_subcontract_and_no_step_moves_its_status() -> None:
    there = procore(CommitmentStatus.OUT_FOR_SIGNATURE)
    assert told(there.sync(ordered())) == page("""
        adopt commitment:P1@1201 -> p9: Order P1 was made from our requisition of Procore's contract SC-9.
        update commitment:P1@1201 -> p9: Changed in IFS: title, description, date.
        """)
    assert told(there.decide(ordered())) == "unchanged order:P1"
    assert purchase_orders.wanted_contracts(there.situation, (CHART, BUDGETS), [ordered()], {}) == []
    there.touch()
    assert told(there.decide(ordered())) == "unchanged order:P1"
    base = unpack("commitment", there.situation.links[Key("commitment", "P1@1201")].base)
    assert isinstance(base, Commitment)
    assert (base.kind, base.status, base.delivery) == (
        CommitmentKind.SUBCONTRACT, CommitmentStatus.OUT_FOR_SIGNATURE, None,
    )  # fmt: skip


@pytest.mark.parametrize("state", [OrderState.RELEASED, OrderState.STOPPED, OrderState.CLOSED])
def test_what_becomes_of_the_order_is_no_news_for_a_status_people_set(state: OrderState) -> None:
    there = procore()
    there.sync(ordered())
    there.edit("p9", status=CommitmentStatus.COMPLETE)
    assert told(there.decide(ordered(state=state))) == "unchanged order:P1"


@pytest.mark.parametrize("status", [APPROVED, CommitmentStatus.COMPLETE])
def test_a_change_after_approval_goes_by_change_order_also_once_it_is_complete(status: CommitmentStatus) -> None:
    there = procore()
    there.sync(ordered())
    there.edit("p9", status=status)
    there.sync(ordered("60.00"))
    there.sync(ordered("65.00"))
    assert [one.money().amount for one in there.amendments["p9"]] == [D(10), D(5)]
    assert there.contracts["p9"].status is status


@pytest.mark.parametrize("status", [CommitmentStatus.TERMINATED, CommitmentStatus.VOID])
def test_nothing_is_written_on_one_that_was_ended(status: CommitmentStatus) -> None:
    there = procore()
    there.sync(ordered())
    there.edit("p9", status=status)
    assert told(there.decide(ordered())) == "unchanged order:P1"
    (hold,) = there.decide(ordered("60.00")).holds
    assert (hold.reason, hold.owner) == (HoldReason.GONE_THERE, "project accountant")
    assert f"SC-9 of order P1 is {status.value} in Procore" in hold.sentence
    ended = there.decide(order(line(requisition="R1", state=OrderState.CANCELLED), state=OrderState.CANCELLED))
    assert told(ended) == page(f"""
        SKIP Order P1 is ended in IFS, and its subcontract in Procore is {status.value}.
        unchanged order:P1
        """)
    there.edit("p9", status=APPROVED)
    there.sync(ordered("60.00"))
    assert [one.money().amount for one in there.amendments["p9"]] == [D(10)]


def test_an_order_of_one_that_was_ended_meanwhile_is_asked_about() -> None:
    there = procore(CommitmentStatus.VOID)
    (hold,) = there.decide(ordered()).holds
    assert (hold.reason, hold.candidates) == (HoldReason.ORDER_MATCH, ("p9",))
    assert "SC-9, which is Void by now" in hold.sentence
    there.rule(hold, "link")
    assert [one.reason for one in there.decide(ordered()).holds] == [HoldReason.ORDER_MATCH], "still nothing to tie to"
    there.situation = msgspec.structs.replace(there.situation, rulings=ruled(HoldReason.ORDER_MATCH, "new"))
    made = there.decide(ordered())
    assert [one.verb.value for one in made.intents] == ["create", "fill", "status"]


def test_a_status_of_subcontracts_is_none_an_order_can_be_mapped_to() -> None:
    with pytest.raises(BadInput, match="Complete"):
        policies(status={"closed": "Complete"})
    assert policies(status={"closed": "Approved"})


def test_subcontracts_are_looked_through_where_an_earlier_connection_may_have_tied_one() -> None:
    new = ordered(dated=date(2026, 10, 2))
    assert purchase_orders.maybe_subcontracted(situation(), [new], {"1201", "1202"}) == {"1201"}
    assert purchase_orders.maybe_subcontracted(situation(), [new], {"1202"}) == set()
    assert purchase_orders.maybe_subcontracted(situation(), [order()], {"1201"}) == set(), "it came from no requisition"
    assert purchase_orders.maybe_subcontracted(procore().situation, [new], {"1201"}) == set(), "our links are there"


def test_a_subcontract_that_carries_the_orders_mark_is_tied_again() -> None:
    there = procore()
    there.sync(ordered())
    there.situation = situation()
    decision = there.sync(ordered())
    assert {one.verb.value for one in decision.intents} == {"link"}
    assert len(there.contracts) == 1
    assert told(there.decide(ordered())) == "unchanged order:P1"
