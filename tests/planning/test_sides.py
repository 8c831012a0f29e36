"""Two sides of one document beside each other: what agrees, what differs, what only one side can have."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec

from ml_connector.kernel.money import Money
from ml_connector.planning.sides import DUE_UNKNOWN, compared, line_key, side_of
from ml_connector.records.commitment import Commitment, CommitmentLine, CommitmentStatus
from ml_connector.records.purchase_order import OrderLine, OrderState, PurchaseOrder
from ml_connector.records.subcontractor_invoice import BillingLine, InvoiceStatus, SubcontractorInvoice
from ml_connector.records.vendor import Vendor
from ml_connector.records.voucher import RowRole, Voucher, VoucherRow, VoucherStatus

TEN = Decimal("10.00")


def _line(number: str, project: str = "1201", amount: Decimal = TEN) -> OrderLine:
    state = OrderState.RELEASED
    return OrderLine(number, "part", "Pipe", Decimal(2), "EA", TEN, amount, state, project, "", (("A", "4110"),))


def _order(*lines: OrderLine) -> PurchaseOrder:
    return PurchaseOrder("P7", "S1", "DUL", OrderState.RELEASED, "USD", date(2026, 9, 1), "B", "", lines)


def _contract(project: str = "1201", *lines: str, amount: Decimal = TEN) -> Commitment:
    once = f"10/order/P7/{project}"
    made = [CommitmentLine(f"{once}/{one}", "Pipe", Decimal(2), "EA", TEN, amount, "03-310.M") for one in lines]
    return Commitment(
        *(once, project, "P7", "P7 Pipe", "900", CommitmentStatus.APPROVED, "USD", None, None, ""), lines=tuple(made)
    )


def test_the_lines_of_an_order_stand_beside_those_of_all_its_contracts() -> None:
    ours = side_of([_order(_line("1/1"), _line("2/1", "1202"))])
    theirs = side_of([_contract("1201", "1/1"), _contract("1202", "2/1")])
    both = compared(ours, theirs, theirs)
    assert [(pair.key, pair.differs) for pair in both.lines] == [("1/1", False), ("2/1", False)]
    facts = {fact.name: fact for fact in both.facts}
    assert facts["Amount"].projects == Money(Decimal("20.00"), "USD")
    assert not both.differs


def test_another_amount_and_a_line_that_only_one_side_has_differ() -> None:
    ours = side_of([_order(_line("1/1"), _line("2/1"))])
    theirs = side_of([_contract("1201", "1/1", amount=Decimal("9.00"))])
    both = compared(ours, theirs, None)
    assert [(pair.key, pair.differs) for pair in both.lines] == [("1/1", True), ("2/1", True)]
    assert next(fact for fact in both.facts if fact.name == "Amount").differs
    assert not next(fact for fact in both.facts if fact.name == "Title").differs  # each side has its own words


def test_the_delivery_of_an_order_is_that_of_its_last_line_and_its_note_goes_with_the_contract() -> None:
    early, late = date(2026, 10, 11), date(2026, 11, 2)
    lines = [_line("1/1"), _line("2/1", "1202"), _line("3/1")]
    wanted = [msgspec.structs.replace(one, wanted=day) for one, day in zip(lines, (early, late, None), strict=True)]
    ours = side_of([msgspec.structs.replace(_order(*wanted), text="Call the site office.")])
    sent = [
        msgspec.structs.replace(_contract(project, "1/1"), delivery=day, description="Call the site office.")
        for project, day in (("1202", late), ("1201", early))
    ]
    facts = {fact.name: fact for fact in compared(ours, side_of(sent), None).facts}
    assert (facts["Delivery"].erp, facts["Delivery"].projects) == (late, late)
    assert facts["Note"].erp == facts["Note"].projects == "Call the site office."
    gone = msgspec.structs.replace(wanted[1], state=OrderState.CANCELLED)
    left = side_of([_order(wanted[0], gone)])
    assert left is not None
    assert left.facts["Delivery"] == early


def test_a_side_nobody_has_read_differs_from_nothing() -> None:
    both = compared(side_of([_order(_line("1/1"))]), None, None)
    assert not both.differs
    assert both.lines[0].projects is None


def test_a_tax_number_differs_by_its_digits_and_only_where_both_sides_have_one() -> None:
    ours = Vendor("S1", "Hollis", "42-6433012", "US")
    marks = {
        there: compared(side_of([ours]), side_of([Vendor("77", "Hollis", there, "US")]), None).differs
        for there in ("426433012", "42-0000000", None)
    }
    assert marks == {"426433012": False, "42-0000000": True, None: False}


def test_clearing_is_no_difference_and_the_versions_of_a_voucher_add_up() -> None:
    def voucher(sign: int) -> Voucher:
        debit, credit = (TEN, Decimal(0)) if sign > 0 else (Decimal(0), TEN)
        rows = (
            VoucherRow(RowRole.COST, (("A", "4110"),), debit, credit, "1201", series="P7 1/1", number="PM-1"),
            VoucherRow(RowRole.CLEARING, (("A", "2020"),), credit, debit, series="P7", number="PM-1"),
        )
        return Voucher("", "M", date(2026, 9, 1), "", "USD", "", VoucherStatus.NOT_APPROVED, rows)

    bill = SubcontractorInvoice(
        *("", "77", "5001", "PM-1", "USD", None, "", InvoiceStatus.APPROVED),
        lines=(BillingLine("10/order/P7/1201/1/1", "Pipe", "03-310.M", TEN),),
    )
    both = compared(side_of([voucher(1), voucher(-1), voucher(1)]), side_of([bill]), None)
    assert not both.differs
    assert [pair.key for pair in both.lines] == ["1/1", "clearing"]
    assert next(fact for fact in both.facts if fact.name == "Amount").erp == Money(TEN, "USD")
    changed = msgspec.structs.replace(bill, number="PM-2")
    assert compared(side_of([voucher(1)]), side_of([changed]), None).differs


def test_a_line_is_found_by_its_once_key() -> None:
    assert line_key("10/order/P7/1201/1/1") == "1/1"
    assert line_key("10/invoice/111/direct/1201/1") == ""
    assert line_key("") == ""


def test_records_without_a_page_make_no_side() -> None:
    assert side_of([]) is None
    assert side_of(["text"]) is None


def test_a_bill_that_is_a_voucher_in_ifs_says_that_nobody_knows_when_it_is_due() -> None:
    def due(source: str) -> object:
        made = Voucher("", "M", date(2026, 9, 1), "", "USD", "", VoucherStatus.NOT_APPROVED, (), source)
        side = side_of([made])
        return side.facts["Due"] if side else None

    assert due("subcontractor_invoice/77") == DUE_UNKNOWN
    assert due("direct_cost/77") == ""
