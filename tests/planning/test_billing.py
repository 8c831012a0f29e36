"""Amounts on contract lines: what is spread foots, tolerance and retention find their line, billing periods open."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.kernel.keys import Key
from ml_connector.planning.billing import Bill, Billed, Posting, Unplaced, bill, deltas, held_on, spread, summed
from ml_connector.planning.billing_periods import Found, NoPeriod, ToOpen, month_of, period_for
from ml_connector.planning.money_policy import SupplierInvoicePolicy
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.routing import role_of
from ml_connector.planning.taxing import tax_notes, tax_shares
from ml_connector.records.commitment import Commitment
from ml_connector.records.subcontractor_invoice import BillingLine, BillingPeriod, InvoiceStatus
from ml_connector.records.supplier_invoice import InvoiceLine

from .invoice_scene import CONTRACTS, HELD_ACCOUNT, L1, L2, TAXES, contract, invoice, loose, posting, retention, typed
from .scene import CONCRETE, MATERIALS, PAINT, STEEL, D

P1 = CONTRACTS[0]
cents = st.integers(-10_000_000, 10_000_000).map(lambda number: Decimal(number) / 100)


def placed(*lines: InvoiceLine, contract: Commitment | None = P1, **changes: Any) -> Bill:
    """The bill of these postings on the contract of order P1."""
    postings = [
        Posting(one, role_of(one, [HELD_ACCOUNT]), one.amount, f"{dict(one.codes).get('B', '')}.M") for one in lines
    ]
    return bill(Billed("10/order/P1/1201", "P1", "USD", contract, **changes), postings)


def amounts(lines: tuple[BillingLine, ...]) -> dict[str, tuple[str, ...]]:
    """Contract line to amount, retained, released."""
    plain = "{:f}".format
    return {
        one.line[-3:]: tuple(plain(one_of.normalize()) for one_of in (one.amount, one.retained, one.released))
        for one in lines
    }


# spreading ------------------------------------------------------------------------------------------------------------


@given(
    total=cents,
    weights=st.lists(st.integers(0, 10**9).map(lambda number: Decimal(number) / 100), min_size=1, max_size=12).filter(
        any
    ),
    currency=st.sampled_from(("USD", "JPY", "KWD")),
)
def test_what_is_spread_foots_and_no_part_is_a_unit_off(total: Decimal, weights: list[Decimal], currency: str) -> None:
    total = total.quantize(Decimal(1)) if currency == "JPY" else total
    parts = spread(total, weights, currency)
    assert sum(parts) == total
    unit = {"USD": D("0.01"), "JPY": D(1), "KWD": D("0.001")}[currency]
    for part, weight in zip(parts, weights, strict=True):
        assert part % unit == 0
        assert abs(part - total * weight / sum(weights)) <= unit
        assert weight or not part, "what has no weight gets nothing"


def test_the_largest_remainders_get_the_cents() -> None:
    assert spread(D("0.05"), [D(1), D(1), D(2)], "USD") == [D("0.01"), D("0.01"), D("0.03")]
    assert spread(D("-1.00"), [D(1), D(1), D(1)], "USD") == [D("-0.34"), D("-0.33"), D("-0.33")]
    assert spread(D("1.005"), [D(1), D(3)], "USD") == [D("0.25"), D("0.755")], "the rest goes to the largest"


# lines ----------------------------------------------------------------------------------------------------------------


def test_each_posting_goes_to_the_line_its_order_line_made() -> None:
    made = placed(posting("1", "60"), posting("2", "30", order_line="2/1"), posting("3", "40"))
    assert amounts(made.lines) == {"1/1": ("100", "0", "0"), "2/1": ("30", "0", "0")}
    assert [one.budget_code for one in made.lines] == [f"{CONCRETE}.M", f"{STEEL}.M"]
    assert made.lines[0].line == L1


def test_the_budget_code_is_the_contract_lines_and_not_the_postings() -> None:
    made = placed(posting(codes=(("A", MATERIALS), ("B", PAINT))))
    assert made.lines[0].budget_code == f"{CONCRETE}.M"


def test_an_order_line_that_is_not_on_the_contract_cannot_be_billed() -> None:
    with pytest.raises(Unplaced, match="Posting 1 is for line 7/1 of order P1, which is not on its contract"):
        placed(posting(order_line="7/1"))


def test_a_contract_that_is_only_coming_is_taken_to_have_the_line() -> None:
    made = placed(posting(order_line="7/1"), contract=None)
    assert [(one.line, one.budget_code) for one in made.lines] == [("10/order/P1/1201/7/1", f"{CONCRETE}.M")]


def test_a_quantity_is_billed_only_where_every_posting_of_the_line_has_one() -> None:
    both = placed(posting("1", "60", quantity=D(6)), posting("2", "40", quantity=D(4)))
    assert both.lines[0].quantity == 10
    one = placed(posting("1", "60", quantity=D(6)), posting("2", "40"), posting("3", "10", quantity=D(1)))
    assert one.lines[0].quantity == 0, "unknown: the amount is the truth"


def test_what_bills_nothing_makes_no_line() -> None:
    assert placed(posting("1", "10"), posting("2", "-10")).lines == ()


# tolerance ------------------------------------------------------------------------------------------------------------


def test_a_tolerance_goes_with_the_billed_line_of_its_budget_code() -> None:
    off = posting("3", "0.07", order_line="", codes=(("A", MATERIALS), ("B", STEEL)))
    made = placed(posting("1", "100"), posting("2", "30", order_line="2/1"), off)
    assert amounts(made.lines) == {"1/1": ("100", "0", "0"), "2/1": ("30.07", "0", "0")}
    assert made.notes == ("Posting 3 (0.07) is a tolerance: with line 2/1.",)


def test_of_two_billed_lines_of_that_code_it_goes_with_the_larger() -> None:
    there = contract("P1", "1201", ("1/1", f"{CONCRETE}.M", "9"), ("2/1", f"{CONCRETE}.M", "9"))
    lines = (posting("1", "10"), posting("2", "30", order_line="2/1"), posting("3", "0.07", order_line=""))
    assert amounts(placed(*lines, contract=there).lines)["2/1"] == ("30.07", "0", "0")


def test_it_goes_to_the_contracts_only_line_of_its_code_when_that_is_not_billed() -> None:
    off = posting("3", "0.07", order_line="", codes=(("A", MATERIALS), ("B", STEEL)))
    assert amounts(placed(posting(), off).lines)["2/1"] == ("0.07", "0", "0")


def test_else_to_the_only_line_billed_else_to_the_only_line_there_is() -> None:
    off = posting("3", "0.07", order_line="", codes=(("A", "9999"),))
    assert amounts(placed(posting(), off).lines) == {"1/1": ("100.07", "0", "0")}
    single = contract("P1", "1201", ("1/1", f"{CONCRETE}.M", "9"), ("2/1", f"{STEEL}.M", "0"))
    emptied = msgspec.structs.replace(single.lines[1], quantity=D(0))
    there = msgspec.structs.replace(single, lines=(single.lines[0], emptied))
    assert amounts(placed(off, contract=there).lines) == {"1/1": ("0.07", "0", "0")}


def test_else_nobody_can_tell() -> None:
    off = posting("3", "0.07", order_line="", codes=(("A", "9999"),))
    with pytest.raises(Unplaced, match="Posting 3 names order P1 and no line of it"):
        placed(posting("1"), posting("2", order_line="2/1"), off)
    with pytest.raises(Unplaced, match="Posting 3"):
        placed(off, contract=None)


# retention ------------------------------------------------------------------------------------------------------------


def test_retention_is_no_cost_and_is_held_in_proportion_to_amount() -> None:
    made = placed(posting("1", "200"), posting("2", "100", order_line="2/1"), retention("9", "-10.00"))
    assert amounts(made.lines) == {"1/1": ("200", "6.67", "0"), "2/1": ("100", "3.33", "0")}
    assert made.notes == ("Retention retained: 10.00.",)


def test_retention_that_names_its_order_line_stays_there() -> None:
    made = placed(posting("1", "200"), posting("2", "100", order_line="2/1"), retention("9", "-10", order_line="2/1"))
    assert amounts(made.lines) == {"1/1": ("200", "0", "0"), "2/1": ("100", "10", "0")}


def test_lines_that_go_the_other_way_carry_none_of_it() -> None:
    made = placed(posting("1", "200"), posting("2", "-50", order_line="2/1"), retention("9", "-15"))
    assert amounts(made.lines) == {"1/1": ("200", "15", "0"), "2/1": ("-50", "0", "0")}


def test_a_release_goes_to_the_lines_that_hold_and_may_stand_alone() -> None:
    made = placed(retention("9", "9.00"), held={L1: D("30"), L2: D("10")})
    assert amounts(made.lines) == {"1/1": ("0", "0", "6.75"), "2/1": ("0", "0", "2.25")}
    assert made.notes == ("Retention released: 9.00.",)
    assert sum(one.released for one in made.lines) == D(9)


def test_a_final_release_says_that_it_needs_approval() -> None:
    made = placed(retention("9", "40"), held={L1: D("30"), L2: D("10")})
    assert made.notes[-1] == "Final release: nothing is held on the contract any more. It needs explicit approval."
    more = placed(retention("9", "41"), held={L1: D("30"), L2: D("10")})
    assert more.notes[-1] == "More is released than Procore holds on the contract (40)."


def test_a_release_where_nothing_is_held_follows_the_invoices_amounts_or_the_only_line() -> None:
    assert amounts(placed(posting("1", "200"), retention("9", "5")).lines) == {"1/1": ("200", "0", "5")}
    single = contract("P1", "1201", ("1/1", f"{CONCRETE}.M", "9"))
    assert amounts(placed(retention("9", "5"), contract=single).lines) == {"1/1": ("0", "0", "5")}
    with pytest.raises(Unplaced, match="retention released on order P1, names no line for it and bills none"):
        placed(retention("9", "5"))


def test_retained_and_released_on_one_invoice_are_kept_apart() -> None:
    made = placed(posting("1", "200"), retention("8", "-10"), retention("9", "4"))
    assert amounts(made.lines) == {"1/1": ("200", "10", "4")}


def test_a_spread_that_stands_is_not_moved_by_what_came_later() -> None:
    lines = (posting("1", "200"), posting("2", "100", order_line="2/1"), retention("9", "12.00"))
    first = placed(*lines, held={L1: D("30"), L2: D("10")})
    again = placed(*lines, held={L1: D("2"), L2: D("90")}, before=first.lines)
    assert deltas(again.lines, first.lines) == ()
    more = placed(*lines[:2], retention("9", "13.00"), held={L1: D("2"), L2: D("90")}, before=first.lines)
    assert sum(one.released - one.retained for one in deltas(more.lines, first.lines)) == D("1.00")


def test_retention_that_moves_to_another_line_is_a_difference() -> None:
    lines = (posting("1", "200"), posting("2", "100", order_line="2/1"))
    first = placed(*lines, retention("9", "-10", order_line="1/1"))
    moved = placed(*lines, retention("9", "-10", order_line="2/1"), before=first.lines)
    assert amounts(deltas(moved.lines, first.lines)) == {"1/1": ("0", "-10", "0"), "2/1": ("0", "10", "0")}


def test_what_invoices_hold_leaves_out_our_own_and_the_undecided() -> None:
    line = BillingLine(L1, "", f"{CONCRETE}.M", D(100), retained=D(10), released=D(3))
    there = typed(lines=(line, msgspec.structs.replace(line, line="")))
    ours = msgspec.structs.replace(there, once_key="10/invoice/700/P1/1201")
    draft = msgspec.structs.replace(there, status=InvoiceStatus.DRAFT)
    assert held_on([there, ours, draft], "10/invoice/700/") == {L1: D(7)}


@given(
    st.lists(st.tuples(st.sampled_from(("1/1", "2/1")), cents.filter(bool)), min_size=1, max_size=6),
    st.lists(cents, max_size=3),
)
def test_a_bill_asks_for_exactly_what_its_postings_come_to(
    costs: list[tuple[str, Decimal]], kept: list[Decimal]
) -> None:
    lines = [posting(str(n), str(amount), order_line=line) for n, (line, amount) in enumerate(costs)]
    held = [retention(f"k{n}", str(amount)) for n, amount in enumerate(kept)]
    if not sum(one.amount for one in lines):
        return
    made = placed(*lines, *held)
    due = sum((one.amount - one.retained + one.released for one in made.lines), D(0))
    assert due == sum((one.amount for one in (*lines, *held)), D(0))
    assert all(one.retained >= 0 and one.released >= 0 for one in made.lines)


# differences ----------------------------------------------------------------------------------------------------------


def test_a_correction_bills_the_difference_line_by_line() -> None:
    first = placed(posting("1", "200"), posting("2", "100", order_line="2/1"), retention("9", "-30"))
    now = placed(posting("1", "150"), posting("2", "150", order_line="2/1"), retention("9", "-30", order_line="1/1"))
    delta = deltas(now.lines, first.lines)
    assert amounts(delta) == {"1/1": ("-50", "10", "0"), "2/1": ("50", "-10", "0")}
    assert deltas(now.lines, summed([typed(lines=first.lines), typed(lines=delta)])) == ()


def test_a_reversal_is_equal_negatives() -> None:
    first = placed(posting("1", "200", quantity=D(2)), retention("9", "-30"), retention("8", "4"))
    assert amounts(deltas((), first.lines)) == {"1/1": ("-200", "-26", "0")}, "no release is taken back as one"
    assert deltas((), first.lines)[0].quantity == -2


def test_a_quantity_alone_is_no_difference() -> None:
    first = placed(posting("1", "200", quantity=D(2)))
    assert deltas(placed(posting("1", "200", quantity=D(4))).lines, first.lines) == ()


# tax ------------------------------------------------------------------------------------------------------------------


def test_recoverable_tax_is_no_cost_and_the_rest_is_on_its_line() -> None:
    lines = (
        loose("1", "100", tax_code="V20", tax=D(20)),
        loose("2", "100", tax_code="H20", tax=D(20)),
        loose("3", "100", tax_code="N20", tax=D(20)),
        loose("4", "100", tax_code="??", tax=D(20)),
        loose("5", "100"),
    )
    shares = tax_shares(invoice(*lines), TAXES)
    assert shares == {"1": D(0), "2": D(10), "3": D(20), "4": D(0), "5": D(0)}


def test_the_residual_of_rounding_goes_to_the_largest_line() -> None:
    lines = [loose(str(n), "1.00", tax_code="H20", tax=D("0.01")) for n in range(3)]
    lines.append(loose("9", "5.00", tax_code="H20", tax=D("1.00")))
    shares = tax_shares(invoice(*lines), TAXES)
    assert shares == {"0": D("0.01"), "1": D("0.01"), "2": D("0.01"), "9": D("0.49")}, "0.515 is 0.52 in all"


@given(st.lists(st.tuples(cents, st.sampled_from(("V20", "H20", "N20", "??"))), min_size=1, max_size=8))
def test_the_shares_foot_to_the_rounded_whole(taxes: list[tuple[Decimal, str]]) -> None:
    lines = [loose(str(n), "1", tax_code=code, tax=tax) for n, (tax, code) in enumerate(taxes)]
    exact = sum(tax * {"H20": D("0.5"), "N20": D(1)}.get(code, D(0)) for tax, code in taxes)
    assert abs(sum(tax_shares(invoice(*lines), TAXES).values()) - exact) <= D("0.005")


def test_a_tax_that_its_code_does_not_make_is_said_and_stops_nothing() -> None:
    lines = (
        loose("1", "100", tax_code="V20", tax=D("20.05")),
        loose("2", "100", tax_code="V20", tax=D("20.06")),
        loose("3", "100", tax_code="??", tax=D("5")),
        loose("4", "100", tax=D("5")),
    )
    assert tax_notes(invoice(*lines, tax=D(1)), TAXES, D("0.05")) == [
        "Posting 2 states a tax of 20.06 USD; tax code V20 (20 %) makes 20.00 USD.",
        "Posting 3 has tax code ??, which IFS does not list: its tax of 5.00 USD was taken as recoverable.",
        "Posting 4 has no tax code: its tax of 5.00 USD was taken as recoverable.",
        "The header states a tax of 1.00 USD, the postings 50.11 USD.",
    ]


# periods --------------------------------------------------------------------------------------------------------------


def span(start: str, end: str, *, still_open: bool = True) -> BillingPeriod:
    """A period of project 1201."""
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    return BillingPeriod("5001", first, last, last, still_open, start)


SEP = span("2026-09-01", "2026-09-30", still_open=False)
OCT = span("2026-10-01", "2026-10-31", still_open=False)
NOV = span("2026-11-01", "2026-11-30")
DEFAULT = SupplierInvoicePolicy()


def taken(periods: list[BillingPeriod], day: str, policy: SupplierInvoicePolicy = DEFAULT, **changes: Any) -> Any:
    """What a document of that day gets."""
    given: dict[str, Any] = {"correction": False, **changes}
    return period_for("1201", periods, date.fromisoformat(day), policy, **given)


@pytest.mark.parametrize("day", ["2026-11-01", "2026-11-15", "2026-11-30"])
def test_the_open_period_of_the_day_takes_it_both_ends_included(day: str) -> None:
    assert taken([OCT, NOV], day) == Found(NOV)


def test_a_day_in_a_closed_period_goes_to_the_first_open_one_and_says_so() -> None:
    found = taken([SEP, OCT, NOV], "2026-09-28")
    assert found.period == NOV
    assert found.moved == (
        "the billing period of 2026-09-28 is closed: written in that of 2026-11-01 to 2026-11-30, its own date kept"
    )


def test_or_is_held_where_policy_says_so_but_never_a_correction() -> None:
    strict = SupplierInvoicePolicy(closed_period="hold")
    held = taken([SEP, OCT, NOV], "2026-09-28", strict)
    assert (held.reason, held.waits_for) == (
        HoldReason.BILLING_PERIOD_CLOSED,
        Key("billing_period", "1201/2026-09-01"),
    )
    assert taken([SEP, OCT, NOV], "2026-09-28", strict, correction=True).period == NOV


def test_a_day_before_all_periods_or_between_them_goes_to_the_next_open_one() -> None:
    strict = SupplierInvoicePolicy(closed_period="hold")
    assert taken([OCT, NOV], "2026-07-01", strict).period == NOV
    assert taken([SEP, NOV], "2026-10-10", strict).moved.startswith("no billing period holds 2026-10-10: ")


def test_a_day_after_the_open_period_waits_because_only_one_may_be_open() -> None:
    held = taken([OCT, NOV], "2026-12-03")
    assert isinstance(held, NoPeriod)
    assert (held.reason, held.waits_for) == (
        HoldReason.BILLING_PERIOD_MISSING,
        Key("billing_period", "1201/2026-12-01"),
    )
    assert "that of 2026-11-01 to 2026-11-30 is still open" in held.sentence


def test_where_none_is_open_the_calendar_month_of_the_day_is_opened() -> None:
    december = BillingPeriod("1201", date(2026, 12, 1), date(2026, 12, 31), date(2026, 12, 31))
    assert taken([SEP, OCT], "2026-12-03") == ToOpen(december)
    assert taken([], "2026-12-03") == ToOpen(december)


def test_else_the_month_after_the_last_one_so_that_none_overlap() -> None:
    late = taken([SEP, OCT], "2026-09-15")
    assert isinstance(late, ToOpen)
    assert (late.period.start, late.period.end) == (date(2026, 11, 1), date(2026, 11, 30))
    assert late.moved.endswith("written in that of 2026-11-01 to 2026-11-30, its own date kept")
    half = span("2026-11-01", "2026-11-15", still_open=False)
    rest = taken([half], "2026-11-20")
    assert (rest.period.start, rest.period.end, rest.moved) == (date(2026, 11, 16), date(2026, 11, 30), "")


def test_policy_may_forbid_to_open_one() -> None:
    held = taken([OCT], "2026-11-03", SupplierInvoicePolicy(open_period="never"))
    assert (held.reason, held.waits_for.id) == (HoldReason.BILLING_PERIOD_MISSING, "1201/2026-11-01")
    closed = SupplierInvoicePolicy(closed_period="hold")
    assert taken([OCT], "2026-10-03", closed).reason is HoldReason.BILLING_PERIOD_CLOSED, "not opened behind its back"


@given(st.dates(date(2025, 1, 1), date(2027, 12, 31)), st.lists(st.booleans(), max_size=6), st.integers(1, 45))
def test_what_is_opened_overlaps_nothing(day: date, gaps: list[bool], length: int) -> None:
    periods: list[BillingPeriod] = []
    start = date(2026, 1, 1)
    for gap in gaps:
        first = date.fromordinal(start.toordinal() + (10 if gap else 0))
        last = date.fromordinal(first.toordinal() + length)
        periods.append(BillingPeriod("5001", first, last, last, open=False))
        start = date.fromordinal(last.toordinal() + 1)
    found = taken(periods, day.isoformat())
    assert isinstance(found, ToOpen)
    made = found.period
    assert made.start <= made.end == made.due
    assert all(made.start > one.end or made.end < one.start for one in periods)
    assert found.moved or made.start <= day <= made.end


def test_a_month_ends_on_its_last_day() -> None:
    assert month_of(date(2028, 2, 29)) == (date(2028, 2, 1), date(2028, 2, 29))
    assert month_of(date(2026, 12, 31)) == (date(2026, 12, 1), date(2026, 12, 31))
