"""Whatever a buyer does to an order, Procore ends with its money to the cent, and a second look does nothing."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_connector.records.purchase_order import OrderLine, OrderState, PurchaseOrder

from .scene import CONCRETE, MATERIALS, PAINT, SITES, STEEL, Procore, order, ordered_money, policies, priced

OPEN = {"released": "Submitted", "confirmed": "Submitted", "received": "Received", "stopped": "Processing"}
"""Statuses under which the schedule of values may still be written."""

lines = st.builds(
    lambda quantity, cents, code, account, project: priced(
        "0/0",
        quantity,
        str(Decimal(cents) / 100),
        codes=(("A", account), ("B", code)),
        project=project,
    ),
    quantity=st.integers(1, 40),
    cents=st.integers(0, 99_999),
    code=st.sampled_from((CONCRETE, STEEL, PAINT)),
    account=st.sampled_from((MATERIALS, "4310")),
    project=st.sampled_from(SITES),
)


@st.composite
def edits(draw: st.DrawFn, before: PurchaseOrder, number: int) -> PurchaseOrder:
    """The order after one thing a buyer may do to it."""
    after = list(before.lines)
    act = draw(
        st.sampled_from(("add", "reprice", "recode", "move", "cancel", "delete", "text", "date", "state", "all"))
    )
    n = draw(st.integers(0, max(0, len(after) - 1)))
    fresh = draw(lines)
    if act == "add" or not after:
        after.append(msgspec.structs.replace(fresh, id=f"{number}/1"))
    elif act == "reprice":
        fields = {"quantity": fresh.quantity, "unit_price": fresh.unit_price, "amount": fresh.amount}
        after[n] = msgspec.structs.replace(after[n], **fields)
    elif act == "recode":
        after[n] = msgspec.structs.replace(after[n], codes=fresh.codes)
    elif act == "move":
        after[n] = msgspec.structs.replace(after[n], project=fresh.project)
    elif act == "cancel":
        after[n] = msgspec.structs.replace(after[n], state=OrderState.CANCELLED)
    elif act == "delete" and len(after) > 1:
        del after[n]
    elif act == "date":
        after[n] = msgspec.structs.replace(after[n], wanted=date(2026, 12, 1) + timedelta(days=number))
    elif act == "all":
        other = SITES[1] if after[0].project == SITES[0] else SITES[0]
        after = [msgspec.structs.replace(one, project=other) for one in after]
    changed = msgspec.structs.replace(before, lines=tuple(after))
    if act == "text":
        changed = msgspec.structs.replace(changed, text=f"Text {number}")
    if act == "state":
        states = ("released", "confirmed", "stopped", "received", "closed")
        changed = msgspec.structs.replace(changed, state=OrderState(draw(st.sampled_from(states))))
    return changed


def first_order(drawn: list[OrderLine]) -> PurchaseOrder:
    """A released order of these lines."""
    return order(*(msgspec.structs.replace(one, id=f"{n}/1") for n, one in enumerate(drawn, 1)))


@settings(max_examples=250, deadline=None)
@given(
    data=st.data(),
    drawn=st.lists(lines, min_size=1, max_size=4),
    status=st.sampled_from((None, OPEN)),
    steps=st.integers(1, 6),
)
def test_edits_come_to_rest(
    data: st.DataObject, drawn: list[OrderLine], status: dict[str, str] | None, steps: int
) -> None:
    procore = Procore(policies=policies(**({"status": {**OPEN, "closed": "Closed"}} if status else {})))
    now = first_order(drawn)
    for step in range(steps + 1):
        if step:
            now = data.draw(edits(now, step + 10))
        decision = procore.sync(now)
        if decision.skips:
            assert not procore.contracts
            continue
        assert procore.money() == ordered_money(now)
        assert procore.decide(now).intents == ()
        procore.touch()
        assert procore.decide(now).intents == ()


@given(drawn=st.lists(lines, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_planned_money_is_the_orders_money(drawn: list[OrderLine]) -> None:
    now = first_order(drawn)
    intents = Procore().decide(now).intents
    planned = sum((intent.money.amount for intent in intents if intent.money), Decimal(0))
    assert planned == sum(one.amount for one in now.lines)


@given(drawn=st.lists(lines, min_size=1, max_size=4), data=st.data())
@settings(max_examples=60, deadline=None)
def test_deltas_of_a_change_are_the_change(drawn: list[OrderLine], data: st.DataObject) -> None:
    procore = Procore()
    before = first_order(drawn)
    if procore.sync(before).skips:
        return
    after = data.draw(edits(before, 11))
    planned = sum((i.money.amount for i in procore.decide(after).intents if i.money), Decimal(0))
    assert planned == sum(ordered_money(after).values()) - sum(ordered_money(before).values())
