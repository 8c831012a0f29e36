"""Which words a document is found by, and what a person's words ask for."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ml_connector.kernel.keys import Key
from ml_connector.planning.finding import (
    FLOWS_OF,
    SAID,
    Back,
    Entry,
    Query,
    Term,
    belonging,
    belongs_to,
    of_billed,
    of_hold,
    of_invoice,
    of_order,
    of_vendor,
    query_of,
    words_of,
)
from ml_connector.planning.finding_linked import document_of, of_linked
from ml_connector.planning.plan import Hold, HoldReason
from ml_connector.records.commitment import ChangeOrder
from ml_connector.records.purchase_order import OrderLine, OrderState, PurchaseOrder
from ml_connector.records.subcontractor_invoice import BillingLine, InvoiceStatus, SubcontractorInvoice
from ml_connector.records.supplier_invoice import InvoiceLine, InvoiceState, SupplierInvoice
from ml_connector.records.vendor import Vendor
from ml_connector.records.voucher import RowRole, Voucher, VoucherRow, VoucherStatus


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("INV-0088", {"inv-0088", "inv", "0088", "88"}),
        ("P100001", {"p100001", "100001"}),
        ("M/2026/2026000017", {"m/2026/2026000017", "m", "2026", "2026000017"}),
        ("03-310.M", {"03-310.m", "03", "3", "310", "m"}),
        ("Société Générale, S.A.", {"societe", "generale", "s.a", "s", "a"}),
        ("(Hollis & Webb)", {"hollis", "webb"}),
        ("order:P1", {"order", "p1", "1"}),
        ("--- ' \\ ;", set()),
        ("", set()),
        (None, set()),
    ],
)
def test_a_text_gives_its_words_whole_and_in_parts(text: str | None, words: set[str]) -> None:
    assert set(words_of([text])) == words
    assert all(" " not in word for word in words_of([text]))


def test_a_huge_text_gives_few_words_of_few_letters() -> None:
    words = words_of(["x" * 10_000, " ".join(f"word{number}" for number in range(10_000))])
    assert len(words) < 80
    assert max(len(word) for word in words) == 60


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ("P100001", Query((Term("p100001", ("p100001",)),))),
        ("inv-88", Query((Term("inv-88", ("inv", "88")),))),
        ("Invoice 88", Query((Term("88", ("88",)),), ("supplier_invoice", "subcontractor_invoice"))),
        ("88 bill", Query((Term("88", ("88",)),), ("supplier_invoice", "subcontractor_invoice"))),
        ("invoice", Query((Term("invoice", ("invoice",)),))),
        ("order po", Query((Term("order", ("order",)), Term("po", ("po",))), ("order",))),
        ("' & | !", Query(())),
        ("\x00", Query(())),
    ],
)
def test_what_a_person_types_becomes_a_question(asked: str, query: Query) -> None:
    assert query_of(asked) == query


def test_words_for_kinds_name_kinds_that_have_a_page() -> None:
    assert {kind for kinds in SAID.values() for kind in kinds} == set(FLOWS_OF)


def test_the_word_of_what_belongs_to_a_document_leads_back_to_it() -> None:
    key = Key("cost_code", "1201/03 310")
    assert belongs_to(belonging(key)) == key
    assert " " not in belonging(key)
    assert belongs_to("p100001") is None
    assert belongs_to("order:p100001") is None
    assert belonging(key) not in words_of([belonging(key)])


def _line(number: str, project: str, state: OrderState = OrderState.RELEASED) -> OrderLine:
    amount = Decimal("10.00")
    return OrderLine(
        number, "part", f"Pipe {number}", Decimal(1), "EA", amount, amount, state, project, "", (("A", "4110"),)
    )


def _order(*lines: OrderLine) -> PurchaseOrder:
    return PurchaseOrder(
        "P7", "S1", "DUL", OrderState.RELEASED, "USD", date(2026, 9, 1), "BUYER", "Mill certificates", lines
    )


def test_an_order_is_found_by_its_lines_and_belongs_to_vendor_and_projects() -> None:
    found = of_order(_order(_line("1/1", "1201"), _line("2/1", "1202"), _line("3/1", "1202", OrderState.CANCELLED)))
    assert (found.called, found.title, found.party, found.project) == ("P7", "Pipe 1/1", "S1", "")
    assert found.money
    assert str(found.money) == "20.00 USD"
    assert {"p7", "pipe", "mill", ":vendor:S1", ":project:1201", ":project:1202"} <= set(found.words)
    assert of_order(_order(_line("1/1", "1201"))).project == "1201"


def test_an_invoice_belongs_to_its_orders_and_says_so() -> None:
    line = InvoiceLine("1", "Pipe", Decimal("5.00"), Decimal(1), "P7", "1/1", "", "1201", "", ())
    day = date(2026, 9, 2)
    invoice = SupplierInvoice(
        "105", "S1", "INV-0088", "", InvoiceState.POSTED, "USD", day, day, None, "", Decimal("5.00"), Decimal(0), "9"
    )
    found = of_invoice(SupplierInvoice(**{**_fields(invoice), "lines": (line,)}))
    assert (found.called, found.title) == ("INV-0088", "on order P7")
    assert {":order:P7", ":vendor:S1", ":project:1201", ":supplier_invoice:9", "88", "105"} <= set(found.words)


def _fields(record: SupplierInvoice) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def test_a_document_born_in_procore_is_told_by_our_own_ids() -> None:
    bill = SubcontractorInvoice(
        *("", "77", "5001", "PM-1", "USD", None, "", InvoiceStatus.APPROVED, (BillingLine("", "", "", Decimal(3)),)),
        vendor="900",
        id="6000",
    )
    back = Back({"900": "S1"}, {"77": "1201"}, {"5001": "P7@1201"})
    found = of_billed(bill, back)
    assert (found.party, found.project, found.title) == ("S1", "1201", "on order P7")
    assert {":order:P7", ":contract:5001", ":vendor:S1", "6000", "pm-1"} <= set(found.words)
    stranger = of_billed(bill, Back({}, {}, {}))
    assert (stranger.party, stranger.title) == ("", "")
    assert [word for word in stranger.words if word.startswith(":")] == [":contract:5001"]


@pytest.mark.parametrize(
    ("kind", "record", "document"),
    [
        ("commitment", "P100001@1201", Key("order", "P100001")),
        ("commitment_line", "10/order/P7/1201/1/1", Key("order", "P7")),
        ("change_order", "10/order/P7/1201/R1", Key("order", "P7")),
        ("change_order", "typed by hand", None),
        ("subcontractor_invoice", "101@P1@1204", Key("supplier_invoice", "101")),
        ("direct_cost", "111@1201", Key("supplier_invoice", "111")),
        ("payment", "SUPAY/1/1@P1@1201", Key("payment", "SUPAY/1/1")),
        ("voucher", "direct_cost/5629/1", Key("direct_cost", "5629")),
        ("erp_invoice", "subcontractor_invoice/5629/r2", Key("subcontractor_invoice", "5629")),
        ("purchase_requisition", "5629", Key("contract", "5629")),
        ("supplier", "5629", Key("vendor_there", "5629")),
        ("budget_code", "1201/03-310.M", Key("cost_code", "1201/03-310")),
        ("vendor", "S1", Key("vendor", "S1")),
        ("billing_period", "1201/2026-10-01", None),
        ("project_vendor", "S1@1201", None),
    ],
)
def test_a_record_is_a_part_of_a_document(kind: str, record: str, document: Key | None) -> None:
    assert document_of(kind, record) == document


def test_a_link_adds_the_other_side_s_id_and_number() -> None:
    row = VoucherRow(RowRole.COST, (), Decimal(3), Decimal(0), "1201", "", "", "P7 1/1", "PM-1", "S1")
    voucher = Voucher("", "M", date(2026, 9, 3), "", "USD", "", VoucherStatus.NOT_APPROVED, (row,))
    found = of_linked(Key("voucher", "subcontractor_invoice/6000/1"), "M/2026/17", voucher)
    assert isinstance(found, Entry)
    assert (found.kind, found.id, found.called, found.party) == ("subcontractor_invoice", "6000", "PM-1", "S1")
    assert {"m/2026/17", "pm-1", ":order:P7", ":vendor:S1"} <= set(found.words)
    bare = of_linked(Key("commitment", "P7@1201"), "5001", None)
    assert isinstance(bare, Entry)
    assert {"5001", ":contract:5001"} <= set(bare.words)
    assert of_linked(Key("billing_period", "1201/2026-10-01"), "1", None) is None


def test_a_hold_alone_makes_its_document_found() -> None:
    hold = Hold(Key("order", "P9"), "purchase_orders", HoldReason.BAD_ROW, Key("order", "P9"), "buyer", "It is bad.")
    found = of_hold(hold)
    assert found is not None
    assert (found.called, "p9" in found.words) == ("P9", True)
    elsewhere = Hold(Key("flow", "payments"), "payments", HoldReason.RIGHT_MISSING, Key("", ""), "", "")
    assert of_hold(elsewhere) is None


def test_a_vendor_belongs_to_nothing_so_that_its_words_may_be_lent() -> None:
    vendor = Vendor("S1", "Hollis & Webb, Inc.", "12-3456789", "US", city="Duluth")
    assert not any(":" in word for word in of_vendor(vendor).words)


def test_a_change_order_leads_to_its_order_and_leaves_its_title_alone() -> None:
    key = Key("change_order", "10/order/P100002/1201/R2")
    change = ChangeOrder(*(key.id, "10/order/P100002/1201", "1201", "P100002-CO002", "Revision 2"), (), "USD")
    made = of_linked(key, "88001", change)
    assert made is not None
    assert (made.kind, made.id, made.called, made.title) == ("order", "P100002", "", "")
    assert {"p100002-co002", "co002", "2", "88001", "revision"} <= set(made.words)
    bare = of_linked(key, "88001", None)  # of one that was written before anybody asked, only the key is known
    assert bare is not None
    assert "p100002-co002" in bare.words
