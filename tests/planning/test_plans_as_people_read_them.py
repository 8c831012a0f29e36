"""Money by code, what changes field by field, what locks: what a person is shown adds up and leaves nothing out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.engine.gate import brakes, over_limit
from ml_connector.engine.outcome import MOST_READ, applied_by_code, half_sent, left_form
from ml_connector.engine.work import Draft
from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.comparing import compared
from ml_connector.planning.locking import LOCKS, locks
from ml_connector.planning.plan import Body, Intent, Verb, pack
from ml_connector.planning.policy import ApprovalPolicy, BrakePolicy
from ml_connector.planning.spreading import NO_CODE, recoded, spread
from ml_connector.records.budget import Budget, BudgetLine
from ml_connector.records.commitment import ChangeOrder, Commitment, CommitmentLine, CommitmentStatus
from ml_connector.records.direct_cost import CostKind, CostStatus, DirectCost
from ml_connector.records.payment import ContractPayment
from ml_connector.records.vendor import Vendor
from ml_connector.records.voucher import RowRole, Voucher, VoucherRow, VoucherStatus
from ml_connector.store.plan_left import NotGone
from ml_connector.store.plan_steps import Fate, Left
from ml_connector.views.plan_left import told
from ml_connector.views.plan_parts import Applied, Rest, applied_of, lefts_of, parts_of, recoded_of, rest_of

ZERO = Decimal(0)
DAY = date(2026, 11, 27)


def line(once: str, amount: str, code: str = "03-310.M", price: str = "1") -> CommitmentLine:
    return CommitmentLine(f"10/order/P1/{once}", "Steel", Decimal(1), "EA", Decimal(price), Decimal(amount), code)


def contract(*lines: CommitmentLine, status: CommitmentStatus = CommitmentStatus.APPROVED) -> Commitment:
    return Commitment("10/order/P1/1201", "1201", "P1", "Steel", "S1", status, "USD", DAY, None, "", lines)


amounts = st.decimals(-10000, 10000, places=2)


@given(st.lists(st.tuples(amounts, st.sampled_from(["a", "b", ""])), max_size=6), st.data())
def test_the_codes_always_add_up_to_the_money(values: list[tuple[Decimal, str]], data: st.DataObject) -> None:
    lines = [line(f"{n}/1", str(amount), code) for n, (amount, code) in enumerate(values)]
    former = [(one.budget_code, data.draw(amounts)) for one in lines if data.draw(st.booleans())]
    money = Money(data.draw(amounts), "USD")
    found = spread(money, contract(*lines), former)
    assert sum(found.values(), ZERO) == money.amount
    assert all(found.values())
    told = {code: amount for code, amount in found.items() if code != NO_CODE}
    up, down = (sum((one for one in told.values() if one * sign > 0), ZERO) * sign for sign in (1, -1))
    assert abs(up - down) + recoded(found) == max(up, down)


def test_a_changed_line_moves_its_difference_and_a_moved_one_both_codes() -> None:
    before = [("03-310.M", Decimal(100)), ("03-320.M", Decimal(50))]
    after = contract(line("1/1", "120"), line("2/1", "50", "05-120.M"))
    assert spread(Money(Decimal(20), "USD"), after, before) == {
        "03-310.M": Decimal(20),
        "03-320.M": Decimal(-50),
        "05-120.M": Decimal(50),
    }
    assert spread(Money(Decimal(25), "USD"), after, before)[NO_CODE] == 5, "what the lines leave open is of no code"


def test_vouchers_are_told_by_their_code_string_and_budgets_by_their_difference() -> None:
    rows = (
        VoucherRow(RowRole.COST, (("A", "4000"), ("B", "100")), Decimal(90), ZERO),
        VoucherRow(RowRole.RETENTION, (("A", "2030"),), ZERO, Decimal(9)),
        VoucherRow(RowRole.CLEARING, (("A", "2440"),), ZERO, Decimal(81)),
    )
    voucher = Voucher("k", "M", DAY, "", "USD", "", VoucherStatus.NOT_APPROVED, rows)
    assert spread(Money(Decimal(90), "USD"), voucher) == {"A=4000 B=100": Decimal(90)}
    budget = Budget("1201", "USD", (BudgetLine("03-310.M", Decimal(700)),))
    assert spread(Money(Decimal(200), "USD"), budget, [("03-310.M", Decimal(500))]) == {"03-310.M": Decimal(200)}


def test_money_that_only_goes_to_another_code_passes_no_limit() -> None:
    turned = ChangeOrder("r", "k", "1201", "CO1", "", (line("1/1", "-500"), line("1/1", "500", "05-120.M")), "USD")
    amend = Intent(
        flow="purchase_orders",
        verb=Verb.AMEND,
        key=Key("change_order", "r"),
        once_key="r",
        scope="1201",
        target="",
        body=pack(turned),
        needs=(),
        after=(),
        money=turned.money(),
        reason="",
        source="P1",
        counts_as="updated",
    )
    draft = Draft()
    draft.take([amend])
    draft.outline.take([amend], {})
    summary = draft.outline.form([])
    assert summary["money"] == {"USD": "0.00"}, "net, as the control totals have it"
    assert (summary["moved"], summary["recoded"]) == ({"USD": "500.00"}, {"USD": "500.00"})
    assert over_limit(ApprovalPolicy(four_eyes_over=Decimal(499)), summary) == ["500.00 USD"]
    assert over_limit(ApprovalPolicy(four_eyes_over=Decimal(500)), summary) == []
    most = Decimal(499)
    assert brakes(BrakePolicy(money=most, money_updates=most, money_removals=most), draft, dict) == [
        "500.00 USD moved, limit 499.00 USD (500.00 USD in all goes from some codes to others)",
        "500.00 USD added to records, limit 499.00 USD (500.00 USD in all goes from some codes to others)",
    ]
    lowered = ChangeOrder("r", "k", "1201", "CO1", "", (line("1/1", "-507"), line("1/1", "500", "05-120.M")), "USD")
    less = Draft()
    less.take([msgspec.structs.replace(amend, body=pack(lowered), money=lowered.money())])
    assert brakes(BrakePolicy(money_updates=most, money_removals=Decimal(6)), less, dict) == [
        "500.00 USD added to records, limit 499.00 USD (500.00 USD in all goes from some codes to others)",
        "7.00 USD taken away, limit 6.00 USD (500.00 USD in all goes from some codes to others)",
    ], "what only changes its code is added, though its order takes a little away"
    parts = parts_of(draft.outline.parts(), [], waiting=True)
    assert [(flow.planned, flow.recoded) for flow in parts[0].flows] == [({"USD": "0.00"}, {"USD": "500.00"})]
    assert rest_of(parts).moved == {"USD": "500.00"}


PARTS = {
    "projects": [
        {"project": "1201", "codes": [["orders", "a", "USD", "100"], ["orders", "b", "USD", "-40"]]},
        {"project": "1202", "codes": [["orders", "a", "USD", "7"], ["budgets", "a", "USD", "9"]]},
    ]
}
"""What a plan does by flow and code, as it is kept with it."""


def fate(place: str, flow: str, state: str, amount: str, steps: int = 1) -> Fate:
    return Fate(place, flow, state, "USD", steps, Decimal(amount))


def test_what_was_applied_is_told_by_code_and_adds_up_to_the_steps_that_went() -> None:
    asked: list[list[tuple[str, str]]] = []

    def left(places: list[tuple[str, str]]) -> dict[tuple[str, str], dict[tuple[str, str], Decimal]]:
        asked.append(places)
        return {("1201", "orders"): {("b", "USD"): Decimal(-40)}}

    fates = [
        fate("1201", "orders", "done", "101"),  # one more than the codes say: it stands under none
        fate("1201", "orders", "refused", "-40"),
        fate("1202", "budgets", "done", "9"),
        fate("1202", "orders", "waiting", "7"),
    ]
    found = applied_by_code(PARTS, fates, left)
    assert asked == [[("1201", "orders")]], "only where some went and some did not are steps gone through"
    assert found.form() == {
        "codes": [
            ["1201", "orders", "", "USD", "1.00"],
            ["1201", "orders", "a", "USD", "100.00"],
            ["1202", "budgets", "a", "USD", "9.00"],
        ],
        "untold": [],
    }
    many = [*fates, fate("1201", "orders", "waiting", "1", MOST_READ)]
    much = applied_by_code(PARTS, many, left)
    assert (len(asked), much.untold) == (1, [("1201", "orders")]), "of very many nothing is said, and nothing is read"
    shown = {part.project: part for part in parts_of(whole(PARTS), many, Applied(much.form()), waiting=True)}
    assert [code.applied for code in shown["1201"].codes] == [None, None]
    assert [(code.flow, code.applied) for code in shown["1202"].codes] == [("budgets", "9.00"), ("orders", "0.00")]
    assert {code.applied for part in parts_of(whole(PARTS), many, waiting=True) for code in part.codes} == {None}


def whole(parts: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Parts with all else that is kept of them."""
    besides = {"flows": {}, "money": {}, "locked": {}, "unbudgeted": []}
    return {"projects": [{**besides, **one} for one in parts["projects"]]}


def test_what_a_plan_moves_and_what_of_it_still_waits_are_told_apart_from_what_it_comes_to_net() -> None:
    flows = {
        "purchase_orders": {"created": 2, "updated": 1},
        "budgets": {"updated": 1},
    }
    entry = {
        "project": "1201",
        "flows": flows,
        "money": {"USD": "19"},
        "moved": {"purchase_orders": {"USD": "199"}, "budgets": {"USD": "9"}},
        "codes": [["purchase_orders", "a", "USD", "10"], ["budgets", "a", "USD", "9"]],
    }
    other = {**entry, "project": "1202"}
    kept = whole({"projects": [entry, other]})
    before = parts_of(kept, [], waiting=True)
    assert rest_of(before) == Rest(
        projects=2,
        counts={"created": 4, "updated": 4, "adopted": 0, "linked": 0},
        planned={"USD": "38"},
        moved={"USD": "416"},
    )
    went = [
        fate("1201", "purchase_orders", "done", "10", 3),
        fate("1201", "budgets", "waiting", "9"),
        fate("1202", "purchase_orders", "done", "10", 3),
        fate("1202", "budgets", "refused", "9"),
    ]
    after = parts_of(kept, went, waiting=True)
    assert [part.moved for part in after] == [{"USD": "208"}] * 2
    assert rest_of(after) == Rest(
        projects=1,
        counts={"created": 0, "updated": 1, "adopted": 0, "linked": 0},
        planned={"USD": "9"},
        moved={"USD": "9"},
    ), "one flow of one project waits; what is refused and what went does not"
    assert rest_of(parts_of(kept, went, waiting=False)).projects == 0


def test_of_a_flow_that_went_in_part_only_what_is_left_still_waits() -> None:
    entry = {
        "project": "1201",
        "flows": {"purchase_orders": {"created": 100, "linked": 2}},
        "moved": {"purchase_orders": {"USD": "1000000"}},
        "codes": [["purchase_orders", "a", "USD", "990000"]],
    }
    fates = [
        fate("1201", "purchase_orders", "done", "960000", 99),
        fate("1201", "purchase_orders", "planned", "30000", 3),
        fate("1202", "purchase_orders", "planned", "1", 3),
    ]
    assert half_sent(fates) == [("1201", "purchase_orders")], "of the other all still waits"
    left = [
        Left("1201", "purchase_orders", "created", "USD", 3, Decimal(20000), Decimal("30000.001"), Decimal(9999)),
        Left("1201", "purchase_orders", "linked", "", 1, Decimal(0), Decimal(0)),
    ]
    rows = left_form(left)
    assert rows[0] == ["1201", "purchase_orders", "created", "USD", 3, "20000.00", "30000.00", "9999.00"]
    parts = parts_of(whole({"projects": [entry]}), fates, None, lefts_of(rows), waiting=True)
    assert rest_of(parts) == Rest(
        projects=1,
        counts={"created": 3, "updated": 0, "adopted": 0, "linked": 1},
        planned={"USD": "20000.00"},
        moved={"USD": "30000.00"},
    ), "not the hundred orders and the million of the whole flow"
    assert parts[0].moved == {"USD": "1000000"}, "what the plan comes to stays as it is"
    rests = [flow.rest.recoded for flow in parts[0].flows if flow.rest]
    assert rests == [{"USD": "9999.00"}], "what only goes to another code is said of the rest as well"
    assert lefts_of(row[:-1] for row in rows)["1201", "purchase_orders"].recoded == {}, "of an earlier release"


def test_what_was_only_recoded_is_told_of_what_went_and_of_what_did_not() -> None:
    fates = [
        Fate("1201", "purchase_orders", "done", "USD", 2, ZERO, Decimal("752592.53")),
        Fate("1201", "purchase_orders", "superseded", "USD", 1, ZERO, Decimal("185979.73")),
    ]
    assert (applied_of(fates), recoded_of(fates)) == ({"USD": "0.00"}, {"USD": "752592.53"})
    entry = {"project": "1201", "flows": {"purchase_orders": {"updated": 3}}, "codes": []}
    parts = parts_of(whole({"projects": [entry]}), fates, waiting=False)
    assert [flow.recoded_applied for flow in parts[0].flows] == [{"USD": "752592.53"}]
    rows = [
        NotGone("1201", "purchase_orders", "", "", "", "USD", 1, ZERO, Decimal("185979.73")),
        NotGone("1201", "vendors", "", "", "", "", 1, ZERO),
    ]
    stayed = [(one.money, one.recoded) for one in told(rows, {})]
    assert stayed == [({}, {"USD": "185979.73"}), ({}, {})]


def test_a_record_is_compared_field_by_field_and_line_by_line() -> None:
    before = contract(line("1/1", "100.5"), line("2/1", "50"))
    after = msgspec.structs.replace(contract(line("3/1", "7"), line("1/1", "120", price="2")), title="Steel, bolted")
    found = compared(before, after)
    fields = {one.name: one for one in found.fields}
    assert (fields["title"].before, fields["title"].after, fields["title"].mark) == (
        "Steel",
        "Steel, bolted",
        "changed",
    )
    assert (fields["sum of lines"].before, fields["sum of lines"].after) == ("150.50", "127.00")
    assert fields["vendor"].mark == "same"
    lines = {one.line: one for one in found.lines}
    assert {name: one.mark for name, one in lines.items()} == {"3/1": "new", "1/1": "changed", "2/1": "gone"}
    amount = lines["1/1"].field("amount")
    assert amount is not None
    assert (amount.before, amount.after, amount.kind) == ("100.50", "120.00", "money")
    price, title = lines["1/1"].field("unit price"), fields["title"]
    assert price is not None
    assert (price.kind, title.kind, fields["date"].kind) == ("price", "text", "date")
    assert compared(None, after).lines[0].mark == "new"
    unchanged = compared(after, after)
    assert {one.mark for one in (*unchanged.fields, *unchanged.lines)} == {"same"}


def test_an_emptied_field_is_said_to_be_gone() -> None:
    vendor = Vendor("S1", "Hollis & Webb", "42-1", "US", city="Peoria", email="ap@example.org")
    found = {one.name: one for one in compared(vendor, msgspec.structs.replace(vendor, email=None)).fields}
    assert (found["email"].mark, found["email"].after) == ("gone", "")
    assert found["city"].mark == "same"


COST = DirectCost("k", "1201", "S1", "88", CostKind.INVOICE, CostStatus.APPROVED, "USD", DAY, "", ())
PAYMENT = ContractPayment("k", "1201", "P1@1201", "88", Decimal(1), "USD", DAY, "check", "7", "", "88")


@pytest.mark.parametrize(
    ("kind", "verb", "body", "locked"),
    [
        ("commitment", Verb.STATUS, contract(), True),
        ("commitment", Verb.FILL, contract(), False),
        ("commitment", Verb.STATUS, contract(status=CommitmentStatus.SUBMITTED), False),
        ("commitment", Verb.LINK, contract(), False),
        ("change_order", Verb.AMEND, ChangeOrder("r", "k", "1201", "CO1", "", (), "USD"), True),
        ("direct_cost", Verb.CREATE, COST, True),
        ("direct_cost", Verb.STATUS, COST, False),
        ("direct_cost", Verb.LINK, COST, False),
        ("payment", Verb.CREATE, PAYMENT, True),
        ("vendor", Verb.CREATE, Vendor("S1", "Hollis", None, "US"), False),
    ],
)
def test_what_procore_locks_is_counted_once(kind: str, verb: Verb, body: Body, *, locked: bool) -> None:
    assert locks(kind, verb, body) is locked
    assert not locked or LOCKS[kind].endswith(".")
