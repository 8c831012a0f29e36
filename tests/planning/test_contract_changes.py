"""One contract through its life: made, adopted, changed while open, amended once approved, questioned, closed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ml_connector.kernel.keys import Key
from ml_connector.planning.mapping import CodeMapping, Mapper, Row, SegmentRule
from ml_connector.planning.plan import Hold, HoldReason, Intent, Verb, unpack
from ml_connector.planning.situation import Linked
from ml_connector.planning.spreading import moved_by, spread_of
from ml_connector.records.commitment import ChangeOrder, Commitment, CommitmentLine, CommitmentStatus
from ml_connector.records.purchase_order import OrderState, PurchaseOrder

from .scene import (
    CONCRETE,
    MAPPING,
    MATERIALS,
    STEEL,
    VENDOR,
    D,
    Procore,
    line,
    order,
    ordered_money,
    policies,
    priced,
    verbs,
)

ONCE = "10/order/P1/1201"
OPEN = policies(status={"released": "Submitted", "stopped": "Processing", "closed": "Closed", "cancelled": "Closed"})


def approved() -> Procore:
    """P1 went as it stands: one line of 50.00, approved."""
    procore = Procore()
    procore.sync(order())
    return procore


def open_still() -> Procore:
    """The same, submitted only."""
    procore = Procore(policies=OPEN)
    procore.sync(order())
    return procore


def body(intent: Intent) -> Any:
    """What an intent carries."""
    return unpack(intent.key.kind, intent.body)


def only_hold(procore: Procore, what: PurchaseOrder) -> Hold:
    """The one hold of an order."""
    decision = procore.decide(what)
    assert decision.intents == ()
    (hold,) = decision.holds
    return hold


def by_hand(*lines: CommitmentLine, **changes: Any) -> Commitment:
    """A contract somebody typed in Procore under our order's number."""
    given = Commitment(
        once_key="",
        project="5001",
        number="P1",
        title="cement",
        vendor=VENDOR,
        status=CommitmentStatus.DRAFT,
        currency="USD",
        dated=None,
        delivery=None,
        description="",
        lines=lines,
        id="h1",
    )
    return msgspec.structs.replace(given, **changes)


def typed(id_: str = "l1", amount: str = "50", code: str = f"{CONCRETE}.M", **changes: Any) -> CommitmentLine:
    """A line somebody typed by amount."""
    given = CommitmentLine("", "cement", D(1), "", D(amount), D(amount), code, id_)
    return msgspec.structs.replace(given, **changes)


# -- made ----------------------------------------------------------------------------------------------------------


def test_a_new_order_is_made_as_draft_then_filled_then_approved() -> None:
    intents = Procore().decide(order()).intents
    assert verbs(intents) == ["create", "fill", "status"]
    create, fill, status = intents
    assert body(create).status is CommitmentStatus.DRAFT
    assert body(create).lines == ()
    assert str(fill.money) == "50.00 USD"
    assert status.after == (Verb.CREATE, Verb.FILL)
    assert [bool(intent.base) for intent in intents] == [False, False, True]
    assert [intent.counts_as for intent in intents] == ["created", "", ""]
    needs = {Key("project", "1201"), Key("vendor", "S100"), Key("budget_code", f"1201/{CONCRETE}.M")}
    assert set(fill.needs) == needs


def test_a_status_of_draft_needs_no_status_step() -> None:
    procore = Procore(policies=policies(status={"released": "Draft"}))
    assert verbs(procore.decide(order()).intents) == ["create", "fill"]


# -- adopted -------------------------------------------------------------------------------------------------------


def test_a_contract_typed_by_hand_is_adopted_line_by_line() -> None:
    procore = Procore()
    procore.typed_by_hand(by_hand(typed("a", "50"), typed("b", "7", f"{STEEL}.M")))
    what = order(line("1/1"), priced("2/1", 1, "7", codes=(("A", "4110"), ("B", STEEL))))
    intents = procore.sync(what).intents
    assert intents[0].verb is Verb.ADOPT
    assert intents[0].counts_as == "linked"
    assert {one.once_key: one.id for one in body(intents[0]).lines} == {f"{ONCE}/1/1": "a", f"{ONCE}/2/1": "b"}
    assert all(intent.after[0] is Verb.ADOPT for intent in intents[1:])
    assert procore.contracts["h1"].status is CommitmentStatus.APPROVED
    assert len(procore.contracts) == 1
    assert procore.money() == ordered_money(what)
    procore.touch()
    assert procore.decide(what).intents == ()


def test_a_line_the_order_does_not_explain_keeps_the_contract_back() -> None:
    procore = Procore()
    procore.typed_by_hand(by_hand(typed(), typed("x", "999", description="crane hire")))
    hold = only_hold(procore, order())
    assert hold.reason is HoldReason.TOTALS_DIFFER
    assert "crane hire 999" in hold.sentence
    procore.edit("h1", lines=(typed(),))
    assert procore.sync(order()).intents


def test_a_contract_typed_in_another_currency_is_not_ours_to_change() -> None:
    procore = Procore()
    procore.typed_by_hand(by_hand(typed(), currency="EUR"))
    assert only_hold(procore, order()).reason is HoldReason.CURRENCY_OFF
    procore.edit("h1", currency="USD")
    assert procore.sync(order()).intents


def test_adopting_an_approved_contract_amends_what_differs() -> None:
    procore = Procore()
    procore.typed_by_hand(by_hand(typed(), status=CommitmentStatus.APPROVED))
    what = order(line(), priced("2/1", 2, "3.00"))
    intents = procore.sync(what).intents
    assert verbs(intents)[0] == "adopt"
    assert "amend" in verbs(intents)
    assert procore.money() == ordered_money(what)


def test_the_number_alone_does_not_make_it_ours() -> None:
    procore = Procore()
    procore.typed_by_hand(by_hand(typed(), vendor="88"))
    hold = only_hold(procore, order())
    assert (hold.reason, hold.candidates) == (HoldReason.ORDER_MATCH, ("h1",))
    procore.rule(hold, "link")
    assert verbs(procore.decide(order()).intents)[0] == "adopt"
    procore.rule(hold, "new")
    assert verbs(procore.decide(order()).intents)[0] == "create"
    procore.rule(hold, "ignore")
    assert [skip.sentence for skip in procore.decide(order()).skips] == [
        "A person said that order P1 stays out of Procore."
    ]


def test_a_contract_that_carries_our_once_key_is_linked_and_counted() -> None:
    procore = approved()
    procore.situation = msgspec.structs.replace(
        procore.situation, links={k: v for k, v in procore.situation.links.items() if k.kind != "commitment"}
    )
    intents = procore.sync(order()).intents
    assert [(intent.verb, intent.counts_as) for intent in intents] == [(Verb.LINK, "linked")]
    assert procore.decide(order()).intents == ()


def test_a_contract_kept_by_amount_is_no_drift() -> None:
    procore = Procore(policies=OPEN)
    procore.typed_by_hand(by_hand(typed(), title="P1 Cement", description="For the footings"))
    fills = [intent for intent in procore.sync(order()).intents if intent.verb is Verb.FILL]
    assert {one.description for intent in fills for one in body(intent).lines} <= {"Cement"}
    kept = tuple(msgspec.structs.replace(x, quantity=D(1), unit="", unit_cost=x.amount) for x in _lines(procore))
    procore.edit("h1", lines=kept)
    decision = procore.decide(order())
    assert (decision.intents, decision.holds) == ((), ())


def _lines(procore: Procore) -> tuple[CommitmentLine, ...]:
    (contract,) = procore.contracts.values()
    return contract.lines


def test_a_real_single_unit_follows_its_quantity() -> None:
    procore = Procore(policies=OPEN)
    procore.sync(order(priced("1/1", 1, "50")))
    procore.touch()
    assert verbs(procore.decide(order(priced("1/1", 2, "25"))).intents) == ["fill"]


def test_units_are_compared_as_procore_spells_them() -> None:
    procore = open_still()
    procore.edit("c1", lines=tuple(msgspec.structs.replace(x, unit="Bag") for x in _lines(procore)))
    decision = procore.decide(order())
    assert (decision.intents, decision.holds) == ((), ())


# -- changed while open --------------------------------------------------------------------------------------------


def test_header_changes_are_one_update() -> None:
    (intent,) = open_still().decide(order(line(wanted=date(2027, 1, 5)), text="For the slab")).intents
    assert intent.verb is Verb.UPDATE
    assert intent.reason == "Changed in IFS: description, delivery."
    assert intent.counts_as == "updated"


def test_only_the_lines_that_changed_are_written() -> None:
    procore = Procore(policies=OPEN)
    procore.sync(order(line("1/1"), line("2/1")))
    what = order(line("1/1"), priced("2/1", 10, "6.00"), priced("3/1", 1, "1.00"))
    (intent,) = procore.sync(what).intents
    assert [one.once_key for one in body(intent).lines] == [f"{ONCE}/2/1", f"{ONCE}/3/1"]
    assert str(intent.money) == "11.00 USD"
    assert intent.reason == "Lines in IFS: 1 new and 1 changed."
    assert procore.money() == ordered_money(what)


def test_cancelled_and_deleted_lines_fall_to_zero() -> None:
    procore = Procore(policies=OPEN)
    procore.sync(order(line("1/1"), line("2/1"), line("3/1")))
    what = order(line("1/1"), line("2/1", state=OrderState.CANCELLED))
    (intent,) = procore.sync(what).intents
    assert str(intent.money) == "-100.00 USD"
    assert procore.money() == ordered_money(what)
    assert procore.decide(what).unchanged == (Key("order", "P1"),)


def test_a_deleted_line_leaves_no_money_even_where_nothing_was_agreed() -> None:
    procore = Procore(policies=OPEN)
    procore.sync(order(line("1/1"), line("2/1")))
    links = {k: Linked(v.target) for k, v in procore.situation.links.items()}
    procore.situation = msgspec.structs.replace(procore.situation, links=links)
    procore.sync(order(line("1/1")))
    assert procore.money() == ordered_money(order(line("1/1")))


def test_an_order_moved_to_another_project_leaves_no_money_behind() -> None:
    for procore in (approved(), open_still()):
        moved = order(line(project="1202"))
        procore.sync(moved)
        assert procore.money() == {("1202", f"{CONCRETE}.M"): D(50)}
        assert {one.number for one in procore.contracts.values()} == {"P1", "P1-1202"}
        assert procore.decide(moved).intents == ()


# -- amended once approved -----------------------------------------------------------------------------------------


def test_a_changed_price_is_a_change_order_of_the_delta() -> None:
    procore = approved()
    (intent,) = procore.sync(order(priced("1/1", 10, "6.50"))).intents
    change = body(intent)
    assert isinstance(change, ChangeOrder)
    assert (change.reference, change.number) == (f"{ONCE}/R1", "P1-CO001")
    assert [(one.amount, one.quantity, one.unit_cost) for one in change.lines] == [(D(15), D(1), D(15))]
    assert Key("commitment", "P1@1201") in intent.needs
    assert str(intent.money) == "15.00 USD"
    assert _lines(procore)[0].amount == D(50), "the original stands"


def test_the_second_change_is_the_second_change_order_and_going_back_is_the_third() -> None:
    procore = approved()
    for price in ("6.50", "8.00", "5.00"):
        procore.sync(order(priced("1/1", 10, price)))
        assert procore.decide(order(priced("1/1", 10, price))).intents == ()
    changes = procore.amendments["c1"]
    assert [one.number for one in changes] == ["P1-CO001", "P1-CO002", "P1-CO003"]
    assert [one.money().amount for one in changes] == [D(15), D(15), D(-30)]
    assert procore.money() == ordered_money(order())


def test_a_change_order_deleted_there_never_makes_two_of_one_name() -> None:
    procore = approved()
    procore.sync(order(priced("1/1", 10, "6.50")))
    procore.sync(order(priced("1/1", 10, "8.00")))
    del procore.amendments["c1"][0]
    procore.touch()
    procore.rule(only_hold(procore, order(priced("1/1", 10, "8.00"))), "erp")
    procore.sync(order(priced("1/1", 10, "8.00")))
    assert [one.number for one in procore.amendments["c1"]] == ["P1-CO002", "P1-CO003"]
    assert procore.money() == ordered_money(order(priced("1/1", 10, "8.00")))


def test_money_moves_from_code_to_code_by_a_change_order_of_zero() -> None:
    procore = approved()
    what = order(line(codes=(("A", "4110"), ("B", STEEL))))
    (intent,) = procore.sync(what).intents
    assert [(one.budget_code, one.amount) for one in body(intent).lines] == [
        (f"{CONCRETE}.M", D(-50)),
        (f"{STEEL}.M", D(50)),
    ]
    assert procore.money() == ordered_money(what)


def test_a_change_order_says_what_really_differs_from_what_was_agreed() -> None:
    remapped = msgspec.structs.replace(
        MAPPING, cost_type=SegmentRule(parts=("A",), rows=(Row((("A", "41*"),), "L"), Row((("A", "43*"),), "L")))
    )

    def why(procore: Procore, what: PurchaseOrder, mapping: CodeMapping = MAPPING) -> str:
        procore.situation = msgspec.structs.replace(procore.situation, mapper=Mapper(mapping))
        return procore.decide(what).intents[-1].reason

    dearer = order(priced("1/1", 10, "6.50"))
    changed = "Order P1 changed in IFS after its approval in Procore"
    codes = "the mapping or its own coding in IFS changed."
    assert why(approved(), dearer) == f"{changed}."
    assert why(approved(), order(), remapped) == (
        f"Order P1 goes to other cost codes than before, its amounts unchanged: {codes}"
    )
    assert why(approved(), dearer, remapped) == f"{changed}, and goes to other cost codes than before."
    taken_back = Procore(policies=policies(drift="restore"))
    taken_back.sync(order())
    taken_back.edit("c1", lines=tuple(msgspec.structs.replace(one, amount=D(9)) for one in _lines(taken_back)))
    assert (
        why(taken_back, order()) == "Order P1 is as it was agreed on, and what changed in Procore since is taken back."
    )
    theirs = Procore()
    theirs.typed_by_hand(by_hand(typed(), status=CommitmentStatus.APPROVED))
    two = order(line(), priced("2/1", 2, "3.00"))
    (change,) = (intent for intent in theirs.decide(two).intents if intent.verb is Verb.AMEND)
    assert change.reason == "The approved contract in Procore is not what order P1 is in IFS."
    assert why(open_still(), order(), remapped) == f"Lines in IFS: 1 on other cost codes than before: {codes}"
    more = order(priced("1/1", 10, "6.50"), priced("2/1", 2, "3.00"))
    assert why(open_still(), more, remapped) == "Lines in IFS: 1 new and 1 changed."


@pytest.mark.parametrize("start", [approved, open_still])
def test_money_that_only_goes_to_another_code_counts_in_full(start: Callable[[], Procore]) -> None:
    steel = order(line(codes=(("A", "4110"), ("B", STEEL))), priced("2/1", 2, "3.00"))
    (intent,) = start().decide(steel).intents
    assert str(intent.money) == "6.00 USD"
    assert spread_of(intent) == {f"{CONCRETE}.M": D(-44), f"{STEEL}.M": D(50)}
    assert moved_by(intent) == 50, "what is added, not the 6 that it comes to"


def test_of_a_contract_typed_by_hand_only_what_changes_is_moved() -> None:
    procore = Procore()
    procore.typed_by_hand(by_hand(typed("a", "50"), typed("b", "7", f"{STEEL}.M")))
    what = order(line("1/1"), priced("2/1", 1, "7", codes=(("A", "4110"), ("B", STEEL))))
    same = [intent for intent in procore.decide(what).intents if intent.money]
    assert [(str(intent.money), spread_of(intent), moved_by(intent)) for intent in same] == [("0.00 USD", {}, D(0))]
    more = order(*what.lines, priced("3/1", 2, "3.00"))
    (fill,) = (intent for intent in procore.decide(more).intents if intent.money)
    assert (spread_of(fill), moved_by(fill)) == ({f"{CONCRETE}.M": D(6)}, D(6))


def test_an_amended_contract_is_never_restated_even_when_it_is_open_again() -> None:
    procore = approved()
    procore.sync(order(priced("1/1", 10, "6.50")))
    stopped = order(priced("1/1", 10, "6.50"), state=OrderState.STOPPED)
    procore.sync(stopped)
    assert procore.contracts["c1"].status is CommitmentStatus.PROCESSING
    what = order(priced("1/1", 10, "7.00"), state=OrderState.STOPPED)
    assert verbs(procore.sync(what).intents) == ["amend"]
    assert procore.money() == ordered_money(what)


def test_what_was_agreed_is_written_down_with_the_change_order_not_before_it() -> None:
    intents = approved().decide(order(priced("1/1", 10, "6.50"), text="For the slab")).intents
    assert verbs(intents) == ["update", "amend"]
    assert [bool(intent.base) for intent in intents] == [False, True]
    closed = approved().decide(order(priced("1/1", 10, "6.50"), state=OrderState.CLOSED)).intents
    assert verbs(closed) == ["amend", "status"]
    assert closed[1].after == (Verb.AMEND,), "the contract closes only after its money is right"


# -- questioned ----------------------------------------------------------------------------------------------------


def test_what_people_changed_in_procore_is_asked_about() -> None:
    procore = open_still()
    procore.edit("c1", title="Cement for Joe")
    hold = only_hold(procore, order())
    assert hold.reason is HoldReason.CHANGED_THERE
    assert hold.evidence == "title: IFS P1 Cement, Procore Cement for Joe"
    procore.rule(hold, "projects")
    decision = procore.decide(order())
    assert decision.intents == ()
    assert [skip.sentence for skip in decision.skips] == ["Procore's own title of order P1 stands, as a person said."]
    procore.rule(hold, "erp")
    (intent,) = procore.sync(order()).intents
    assert body(intent).title == "P1 Cement"


def test_an_answer_is_about_what_was_shown_and_not_about_what_comes_after() -> None:
    procore = open_still()
    procore.edit("c1", title="Cement for Joe")
    procore.rule(only_hold(procore, order()), "erp")
    procore.edit("c1", title="Cement for Jim")
    assert only_hold(procore, order()).evidence == "title: IFS P1 Cement, Procore Cement for Jim"


def test_policy_may_restore_without_asking() -> None:
    procore = Procore(policies=policies(drift="restore", status={"released": "Submitted"}))
    procore.sync(order())
    procore.edit("c1", title="Cement for Joe")
    assert verbs(procore.sync(order()).intents) == ["update"]


def test_a_unit_changed_there_and_a_price_here_are_both_restored_where_the_policy_says_so() -> None:
    procore = Procore(policies=policies(drift="restore", status={"released": "Submitted"}))
    procore.sync(order())
    procore.edit("c1", lines=tuple(msgspec.structs.replace(one, unit="ea") for one in _lines(procore)))
    assert verbs(procore.sync(order(priced("1/1", 10, "6.00"))).intents) == ["fill"]
    assert [(one.unit, one.amount) for one in _lines(procore)] == [("bag", D(60))]


@pytest.mark.parametrize(
    ("field", "theirs"), [("title", "Cement for Joe"), ("vendor", "v-joe"), ("delivery", date(2027, 3, 1))]
)
def test_what_stands_as_a_person_said_is_not_written_over_when_ifs_changes_something_else(
    field: str, theirs: object
) -> None:
    procore = open_still()
    links = {**procore.situation.links, Key("vendor", "S777"): Linked("v-joe")}
    procore.situation = msgspec.structs.replace(procore.situation, links=links)
    procore.edit("c1", **{field: theirs})
    procore.rule(only_hold(procore, order()), "projects")
    assert verbs(procore.sync(order(text="For the slab")).intents) == ["update"]
    assert (getattr(procore.contracts["c1"], field), procore.contracts["c1"].description) == (theirs, "For the slab")
    assert procore.decide(order(text="For the slab")).intents == ()


def test_a_line_on_a_code_of_theirs_that_stands_is_written_without_its_code() -> None:
    procore = open_still()
    procore.edit("c1", lines=tuple(msgspec.structs.replace(one, budget_code="99-999.M") for one in _lines(procore)))
    procore.rule(only_hold(procore, order()), "projects")
    fill = procore.sync(order(priced("1/1", 10, "6.00"))).intents[-1]
    assert fill.verb is Verb.FILL
    assert [need for need in fill.needs if need.kind == "budget_code"] == [], "nobody here knows that code"
    assert [(one.amount, one.budget_code) for one in _lines(procore)] == [(D(60), "99-999.M")]


@pytest.mark.parametrize("answer", ["projects", "erp"])
def test_a_frozen_line_on_a_code_of_theirs_is_amended_there_without_a_link_of_that_code(answer: str) -> None:
    procore = approved()
    procore.edit("c1", lines=tuple(msgspec.structs.replace(one, budget_code="99-999.M") for one in _lines(procore)))
    procore.rule(only_hold(procore, order()), answer)
    amend = procore.sync(order(priced("1/1", 10, "6.00"))).intents[-1]
    assert amend.verb is Verb.AMEND
    needed = [need.id for need in amend.needs if need.kind == "budget_code"]
    assert needed == ([f"1201/{CONCRETE}.M"] if answer == "erp" else [])
    moved = {one.budget_code: one.amount for one in unpack("change_order", amend.body).lines}
    there = {"projects": {"99-999.M": D(10)}, "erp": {"99-999.M": D(-50), f"{CONCRETE}.M": D(60)}}
    assert moved == there[answer]


def test_both_changed_is_a_conflict() -> None:
    procore = open_still()
    procore.edit("c1", description="ours now")
    hold = only_hold(procore, order(text="For the slab"))
    assert (hold.reason, hold.owner) == (HoldReason.CONFLICT, "project accountant")
    procore.rule(hold, "erp")
    assert verbs(procore.sync(order(text="For the slab")).intents) == ["update"]


def test_a_status_moved_in_procore_is_asked_about() -> None:
    procore = open_still()
    procore.edit("c1", status=CommitmentStatus.PROCESSING)
    assert only_hold(procore, order()).reason is HoldReason.CHANGED_THERE
    assert only_hold(procore, order(state=OrderState.CLOSED)).reason is HoldReason.CONFLICT
    procore.rule(only_hold(procore, order()), "erp")
    assert verbs(procore.sync(order()).intents) == ["status"]


def stranger(amount: str, status: str) -> ChangeOrder:
    """A change order somebody in Procore made on our line."""
    delta = CommitmentLine(f"{ONCE}/1/1", "extra", D(1), "", D(amount), D(amount), f"{CONCRETE}.M", "s1")
    return ChangeOrder("", "", "5001", "CCO-7", "extra", (delta,), "USD", "s", status)


def test_an_approved_change_order_of_somebody_else_is_asked_about_and_may_stand() -> None:
    procore = approved()
    procore.amendments["c1"] = [stranger("500", "approved")]
    procore.touch()
    hold = only_hold(procore, order())
    assert hold.reason is HoldReason.CHANGED_THERE
    procore.rule(hold, "projects")
    assert procore.decide(order()).intents == ()
    procore.rule(hold, "erp")
    procore.sync(order())
    assert procore.money() == ordered_money(order())


def test_a_change_order_of_theirs_that_may_stand_stands_when_ifs_changes_something_else_of_the_line() -> None:
    procore = approved()
    procore.amendments["c1"] = [stranger("500", "approved")]
    procore.touch()
    procore.rule(only_hold(procore, order()), "projects")
    renamed = procore.sync(order(line(description="Cement, bagged"))).intents
    assert verbs(renamed) == ["update"], "the title follows, their money stays"
    *_, moved = procore.sync(order(line(codes=(("A", MATERIALS), ("B", STEEL))))).intents
    assert sum(one.amount for one in body(moved).lines) == 0
    assert {abs(one.amount) for one in body(moved).lines} == {D(550)}, "the whole line moves, theirs with ours"


@pytest.mark.parametrize("status", ["draft", "pending", "void", "rejected"])
def test_a_change_order_that_is_no_money_yet_is_no_news(status: str) -> None:
    procore = approved()
    procore.amendments["c1"] = [stranger("500", status)]
    procore.touch()
    decision = procore.decide(order())
    assert (decision.intents, decision.holds) == ((), ())


def test_a_contract_that_is_gone_is_never_made_again_by_itself() -> None:
    procore = approved()
    kept = procore.contracts.pop("c1")
    procore.touch()
    hold = only_hold(procore, order())
    assert (hold.reason, hold.waits_for) == (HoldReason.GONE_THERE, Key("commitment", "P1@1201"))
    procore.contracts["c1"] = kept
    assert procore.decide(order()).unchanged == (Key("order", "P1"),)


# -- closed --------------------------------------------------------------------------------------------------------


def test_a_closed_order_closes_its_contract_and_keeps_its_money() -> None:
    procore = approved()
    (intent,) = procore.sync(order(state=OrderState.CLOSED)).intents
    assert intent.verb is Verb.STATUS
    assert procore.contracts["c1"].status is CommitmentStatus.CLOSED
    assert procore.money() == ordered_money(order())


def test_a_cancelled_order_closes_its_contract_at_zero_and_keeps_its_title() -> None:
    for procore in (approved(), open_still()):
        cancelled = order(line(state=OrderState.CANCELLED), state=OrderState.CANCELLED)
        steps = verbs(procore.sync(cancelled).intents)
        assert steps in (["amend", "status"], ["fill", "status"])
        assert procore.money() == {}
        assert procore.contracts["c1"].title == "P1 Cement"
        assert procore.decide(cancelled).intents == ()


def test_money_planned_for_a_change_is_the_difference() -> None:
    procore = open_still()
    (intent,) = procore.decide(order(priced("1/1", 10, "4.99"))).intents
    assert intent.money is not None
    assert intent.money.amount == Decimal("-0.10")


def test_a_line_changed_on_both_sides_is_named() -> None:
    procore = open_still()
    lines = tuple(msgspec.structs.replace(one, amount=D(70), quantity=D(14)) for one in _lines(procore))
    procore.edit("c1", lines=lines)
    hold = only_hold(procore, order(priced("1/1", 10, "6.00")))
    assert hold.reason is HoldReason.CONFLICT
    assert "line 1/1 amount: IFS 60.00, Procore 70" in hold.evidence


def test_an_order_that_names_one_line_twice_does_not_foot() -> None:
    hold = only_hold(approved(), order(line(), line()))
    assert (hold.reason, hold.owner) == (HoldReason.TOTALS_DIFFER, "integration engineer")
    assert hold.sentence == "Order P1 comes to 100.00 USD, its contracts to 50.00 USD."


def test_lines_marked_by_an_earlier_try_are_not_paired_again() -> None:
    procore = Procore()
    procore.typed_by_hand(by_hand(typed("a", once_key=f"{ONCE}/1/1"), typed("b", "50")))
    what = order(line("1/1"), line("2/1"))
    adopt = procore.sync(what).intents[0]
    assert {one.once_key: one.id for one in body(adopt).lines} == {f"{ONCE}/2/1": "b"}
    assert procore.money() == ordered_money(what)
