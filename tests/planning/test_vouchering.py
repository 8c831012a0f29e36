"""Whatever happens to a document in Procore, IFS's books balance, follow it to the cent, and come to rest."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_connector.kernel.keys import Key
from ml_connector.planning.chart import Chart
from ml_connector.planning.crossed import cost_of, figures, histories, swapped
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.situation import Linked
from ml_connector.planning.suppliers import Suppliers
from ml_connector.records.accounting import Book, Period
from ml_connector.records.direct_cost import CostStatus
from ml_connector.records.subcontractor_invoice import InvoiceStatus, SubcontractorInvoice
from ml_connector.records.voucher import RowRole, VoucherStatus

from .scene import CONCRETE, STEEL, D
from .way_back import BOOK, CHART, Ifs, bill, cost, cost_line, invoice, roles

cents = st.integers(-99_999, 99_999).map(lambda amount: Decimal(amount) / 100)


@st.composite
def bills(draw: st.DrawFn) -> SubcontractorInvoice:
    """An invoice with any amounts on the two lines of P1, in any status, with any open day."""
    lines = [
        bill(number, str(draw(cents)), str(draw(cents)), str(draw(cents)), quantity=D(draw(st.integers(0, 9))))
        for number in draw(st.lists(st.sampled_from(("1/1", "2/1")), min_size=1, max_size=4))
    ]
    return invoice(
        *lines,
        status=draw(st.sampled_from((InvoiceStatus.APPROVED, InvoiceStatus.APPROVED, InvoiceStatus.REVISE))),
        number=draw(st.sampled_from(("INV-7", "INV-7", "INV-8"))),
        dated=date(2026, draw(st.sampled_from((7, 9, 10, 11))), 5),
    )


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(bills(), min_size=1, max_size=5))
def test_an_invoice_may_live_as_it_likes(steps: list[SubcontractorInvoice]) -> None:
    ifs = Ifs()
    ifs.under(vouchers={"sent_back": "reverse", "closed_period": "next_open"})
    for step in steps:
        ifs.sync(step)
        counts = step.status is InvoiceStatus.APPROVED
        wanted: dict[str, Decimal] = {}
        for line in step.lines if counts else ():
            number = "4110" if line.line.endswith("1201/1/1") else "4310"
            retention = line.released - line.retained
            for account, amount in ((number, line.amount), ("2450", retention), ("2445", -line.amount - retention)):
                wanted[account] = wanted.get(account, D(0)) + amount
        assert ifs.by_account() == {account: amount for account, amount in wanted.items() if amount}
        for voucher in ifs.vouchers.values():
            assert voucher.balance() == 0
            assert all((row.debit > 0) != (row.credit > 0) and min(row.debit, row.credit) == 0 for row in voucher.rows)
    for voucher in ifs.vouchers.values():
        if voucher.reverses:
            (first,) = [one for one in ifs.vouchers.values() if one.id == voucher.reverses]
            assert [swapped(row) for row in first.rows] == list(voucher.rows)
            assert figures((*first.rows, *voucher.rows)) == {}
            assert cost_of((*first.rows, *voucher.rows), "USD").amount == 0


@settings(max_examples=120, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.lists(st.tuples(cents, st.sampled_from((f"{CONCRETE}.M", f"{STEEL}.L", f"{STEEL}.M"))), max_size=4),
            st.sampled_from((CostStatus.APPROVED, CostStatus.APPROVED, CostStatus.DRAFT)),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_direct_cost_may_live_as_it_likes(steps: list[tuple[list[tuple[Decimal, str]], CostStatus]]) -> None:
    ifs = Ifs()
    ifs.under(vouchers={"sent_back": "reverse"})
    for given_lines, status in steps:
        lines = tuple(cost_line(str(amount), flat) for amount, flat in given_lines)
        record = msgspec.structs.replace(cost(status=status), lines=lines)
        ifs.sync(record)
        there = {
            (f"{codes['B']}.{'M' if codes['A'] == '4110' else 'L'}"): amount
            for codes, amount in ((dict(codes), amount) for codes, amount in ifs.money().items())
            if "B" in codes
        }
        wanted: dict[str, Decimal] = {}
        for line in lines if status is CostStatus.APPROVED else ():
            wanted[line.budget_code] = wanted.get(line.budget_code, D(0)) + line.amount
        assert there == {flat: amount for flat, amount in wanted.items() if amount}


PERIODS = BOOK.periods
OTHERWISE = (Period(2027, 1, date(2026, 9, 29), date(2026, 10, 28), True),)
"""An accounting year that begins before the calendar's."""


def with_periods(*periods: Period) -> tuple[Chart, Book]:
    """The books with other periods."""
    return CHART, msgspec.structs.replace(BOOK, periods=periods)


@pytest.mark.parametrize(
    ("periods", "year"),
    [(PERIODS, 2026), (OTHERWISE, 2027), ((), 0), ((*PERIODS, *OTHERWISE), 0)],
)
def test_the_accounting_year_is_that_of_the_one_period_of_its_day(periods: tuple[Period, ...], year: int) -> None:
    ifs = Ifs()
    ifs.coding = with_periods(*periods)
    ifs.sync(invoice(bill("1/1", "10.00"), dated=date(2026, 10, 5)))
    assert [one.year for one in ifs.vouchers.values()] == [year]


def test_a_reversal_counts_in_the_year_of_its_own_day() -> None:
    ifs = Ifs()
    ifs.under(vouchers={"sent_back": "reverse", "closed_period": "next_open"})
    ifs.sync(invoice(bill("1/1", "10.00"), dated=date(2026, 7, 5)))
    later = Period(2027, 1, date(2026, 9, 29), date(2026, 10, 28), True)
    shut = (msgspec.structs.replace(one, open=False) for one in PERIODS if one.period in (7, 8, 9))
    ifs.coding = with_periods(*shut, later)
    ifs.sync(invoice(bill("1/1", "10.00"), dated=date(2026, 7, 5), status=InvoiceStatus.REVISE))
    assert [(one.dated, one.year) for one in ifs.vouchers.values()] == [
        (date(2026, 7, 5), 2026),
        (date(2026, 9, 29), 2027),
    ]


def test_a_year_learnt_later_is_no_new_version() -> None:
    ifs = Ifs()
    ifs.coding = with_periods()
    ifs.sync(invoice(bill("1/1", "10.00")))
    ifs.coding = with_periods(*PERIODS)
    ifs.sync(invoice(bill("1/1", "10.00")))
    assert [one.year for one in ifs.vouchers.values()] == [0]


def test_lines_that_cancel_each_other_out_need_no_clearing() -> None:
    ifs = Ifs()
    ifs.sync(cost(cost_line("5.00"), cost_line("-5.00", f"{STEEL}.L")))
    (voucher,) = ifs.vouchers.values()
    assert roles(voucher) == [RowRole.COST, RowRole.COST]


def test_a_quantity_goes_where_the_account_takes_one() -> None:
    ifs = Ifs()
    ifs.sync(invoice(bill("1/1", "10.00", quantity=D(2)), bill("2/1", "10.00", quantity=D(3))))
    (voucher,) = ifs.vouchers.values()
    assert [row.quantity for row in voucher.rows] == [D(2), D(0), D(0)], "4310 blocks quantities"


def test_long_texts_and_numbers_are_cut_to_what_ifs_holds() -> None:
    ifs = Ifs()
    ifs.sync(invoice(bill("1/1", "10.00", description="x" * 300), number="9" * 80))
    (voucher,) = ifs.vouchers.values()
    assert max(len(row.text) for row in voucher.rows) <= 200
    assert max(len(row.number) for row in voucher.rows) == 50


def test_a_voucher_is_left_as_policy_says() -> None:
    ifs = Ifs()
    ifs.under(vouchers={"status": "awaiting_approval", "type": "K", "codes": {"B": CONCRETE}})
    ifs.sync(invoice())
    (voucher,) = ifs.vouchers.values()
    assert (voucher.status, voucher.type) == (VoucherStatus.AWAITING, "K")
    assert voucher.rows[-1].codes == (("A", "2445"), ("B", CONCRETE))
    assert voucher.rows[-1].project == ""


def test_a_reversal_goes_into_an_open_period_whatever_policy_says() -> None:
    ifs = Ifs()
    ifs.under(vouchers={"sent_back": "reverse"})
    ifs.sync(invoice())
    chart, book = ifs.coding
    shut = tuple(msgspec.structs.replace(one, open=one.period != 10) for one in book.periods)
    ifs.coding = (chart, msgspec.structs.replace(book, periods=shut))
    (intent,) = ifs.sync(invoice(status=InvoiceStatus.REVISE)).intents
    assert "posted on 2026-11-01" in intent.reason
    assert ifs.vouchers["10/subcontractor_invoice/700/r1"].dated == date(2026, 11, 1)


def test_a_reversal_the_books_refuse_is_held() -> None:
    ifs = Ifs()
    ifs.sync(invoice())
    chart, book = ifs.coding
    ifs.coding = (chart, msgspec.structs.replace(book, completed_projects=frozenset({"1201"})))
    decision = ifs.decide(invoice(bill("1/1", "90.00")))
    (hold,) = decision.holds
    assert (hold.reason, hold.evidence, decision.intents) == (HoldReason.BOOKS_REFUSE, "COMPLETEDFINPROJ", ())


def test_half_a_change_is_finished_by_the_next_run() -> None:
    ifs = Ifs()
    ifs.sync(invoice())
    changed = invoice(bill("1/1", "120.00", "12.00"))
    ifs.apply(ifs.decide(changed).intents[:1])
    assert ifs.money() == {}, "only the reversal went"
    (intent,) = ifs.sync(changed).intents
    assert intent.key.id == "subcontractor_invoice/700/2"


def test_a_history_is_read_from_links_and_other_kinds_are_no_part_of_it() -> None:
    ifs = Ifs()
    ifs.sync(invoice())
    ifs.sync(invoice(bill("1/1", "120.00", "12.00")))
    odd = {Key("voucher", "odd"): Linked("?"), Key("dimension", "subcontractor_invoice/700/9"): Linked("?")}
    found = histories({**ifs.situation.links, **odd})
    history = found.pop("subcontractor_invoice/700")
    assert found == {}
    assert [one.number for one in history.versions] == [1, 2]
    assert [one.number for one in history.reversals] == [1]
    assert history.live is not None
    assert (history.live.target, history.next) == ("M/2026/3", 3)
    assert history.live.document() == Key("subcontractor_invoice", "700")


def test_a_vendor_born_on_either_side_is_found() -> None:
    ifs = Ifs()
    links = {**ifs.situation.links, Key("supplier", "79"): Linked("S900")}
    suppliers = Suppliers(msgspec.structs.replace(ifs.situation, links=links), frozenset())
    assert [suppliers.of(one) for one in ("77", "79", "80")] == ["S100", "S900", ""]
    assert [suppliers.link(one) for one in ("77", "79")] == [Key("vendor", "S100"), Key("supplier", "79")]


def test_deciding_twice_gives_the_same_plan_byte_for_byte() -> None:
    ifs = Ifs()
    first, second = (ifs.decide(invoice(), invoice(id="701")) for _ in range(2))
    assert [one.digest() for one in first.intents] == [one.digest() for one in second.intents]
