"""Supplier invoices are read whole, a page at a time, and anew only where they changed."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ml_connector.kernel.errors import NameMissing, RightMissing
from ml_connector.kernel.keys import Key
from ml_connector.records.supplier_invoice import InvoiceState, SupplierInvoice, TaxCode
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.ifs.line_stream import LineStream
from ml_connector.systems.ifs.odata import Odata, Reading
from ml_connector.systems.ifs.system import IfsSystem
from ml_connector.systems.ifs.writing import Writing
from ml_connector.systems.port import ErpSystem, InvoicePage
from ml_connector.systems.transport import Transport
from ml_connector.systems.wire import WireReply, WireRequest

from .conftest import MakeSystem
from .ledger import ACTIVITY, CODES, PROJECT, line, order_line, register

SINCE = date(2026, 9, 1)


def read(system: IfsSystem, known: dict[str, bytes] | None = None, since: date = SINCE) -> list[InvoicePage]:
    return list(system.invoices(lambda _ids: known or {}, since))


def invoices_in(pages: list[InvoicePage]) -> dict[str, SupplierInvoice]:
    return {one.id: one for page in pages for one in page.invoices}


def seen_in(pages: list[InvoicePage]) -> dict[str, bytes]:
    return {one: mark for page in pages for one, mark in page.seen.items()}


def test_an_invoice_comes_with_every_posting_and_field(box: RunningSandbox, make: MakeSystem) -> None:
    order, ordered = order_line(box)
    box.act("ifs", "receive_goods", order_no=order.order_no, line_no=ordered.line_no)
    made = box.act(
        "ifs", "register_invoice", order_no=order.order_no, invoice_no="HW-77", date="2026-10-05",
        due_date="2026-11-04", note="first load",
        lines=[{"line_no": ordered.line_no, "quantity": "1"}, line("12.50", text="pallets")],
        tax="7", tax_code="TAX7", post=True,
    )  # fmt: skip
    system: ErpSystem = make()
    (invoice,) = invoices_in(list(system.invoices(lambda _ids: {}, SINCE))).values()
    price = ordered.unit_price
    assert (invoice.id, invoice.vendor, invoice.number) == (str(made["invoice_id"]), order.supplier_id, "HW-77")
    assert (invoice.series, invoice.state, invoice.currency) == ("SI", InvoiceState.POSTED, "USD")
    assert (invoice.dated, invoice.posted_on, invoice.text) == (date(2026, 10, 5), date(2026, 10, 5), "first load")
    assert invoice.due == date(2026, 11, 4)
    assert (invoice.net, invoice.tax) == (price + Decimal("12.5"), Decimal(7))
    assert (invoice.order, invoice.credits) == (order.order_no, "")
    assert invoice.money().amount == invoice.net
    matched, loose = invoice.lines
    name = f"{ordered.line_no}/{ordered.release_no}"
    assert (matched.order, matched.order_line, matched.receipt) == (order.order_no, name, "1")
    assert (matched.quantity, matched.amount, matched.posting_type) == (Decimal(1), price, "M10")
    assert (matched.project, matched.activity) == (PROJECT, str(ordered.activity_seq))
    assert matched.codes == ordered.codes
    assert (loose.order, loose.order_line, loose.receipt, loose.quantity) == (order.order_no, "", "", Decimal(0))
    assert (loose.codes, loose.description) == (tuple(CODES.items()), "pallets")
    assert (loose.tax_code, matched.tax + loose.tax) == ("TAX7", Decimal(7))


def test_a_credit_note_names_what_it_credits_and_keeps_its_signs(box: RunningSandbox, make: MakeSystem) -> None:
    number = register(box, "A", line("200"), tax="14", post=True)
    credit = box.act(
        "ifs", "credit_invoice", invoice_id=number, invoice_no="C", date="2026-10-09", percent=25, post=True
    )
    found = invoices_in(read(make()))[str(credit["invoice_id"])]
    assert (found.credits, found.net, found.tax) == (number, Decimal(-50), Decimal("-3.5"))
    assert [(one.amount, one.tax) for one in found.lines] == [(Decimal(-50), Decimal("-3.5"))]
    off = make(invoice={"properties": {"credits": ""}})
    assert invoices_in(read(off))[str(credit["invoice_id"])].credits == ""


def test_states_follow_the_invoice_through_accounts_payable(box: RunningSandbox, make: MakeSystem) -> None:
    number = register(box, "A", line("200"))
    states = []
    for act, given in (
        ("", {}),
        ("post_invoice", {}),
        ("authorise_invoice", {}),
        ("pay_invoice", {"amount": "50"}),
        ("pay_invoice", {}),
    ):
        if act:
            box.act("ifs", act, invoice_id=number, **given)
        states.append(invoices_in(read(make()))[number].state)
    assert states == [
        InvoiceState.PRELIMINARY,
        InvoiceState.POSTED,
        InvoiceState.AUTHORISED,
        InvoiceState.PARTLY_PAID,
        InvoiceState.PAID,
    ]
    other = register(box, "B")
    box.act("ifs", "cancel_invoice", invoice_id=other)
    assert invoices_in(read(make()))[other].state is InvoiceState.CANCELLED


def test_the_day_in_the_books_is_the_vouchers_else_the_one_wanted_else_the_invoices(
    box: RunningSandbox, make: MakeSystem
) -> None:
    number = register(box, "A", due_date="2026-11-04", post=True)
    for names, day in (
        ({"voucher_date": "DueDate", "posted_on": "InvoiceDate"}, date(2026, 11, 4)),
        ({"voucher_date": "PlPayDate", "posted_on": "DueDate"}, date(2026, 11, 4)),
        ({"voucher_date": "", "posted_on": ""}, date(2026, 10, 5)),
    ):
        assert invoices_in(read(make(invoice={"properties": names})))[number].posted_on == day


def test_an_invoice_whose_postings_do_not_add_up_is_returned_as_it_is(box: RunningSandbox, make: MakeSystem) -> None:
    number, system = register(box, "A", line("200")), make()
    writing = Writing(system.odata, "ManualSupplierInvoiceHandling")
    path = f"ManSuppInvoiceSet(Company='10',InvoiceId={number})"
    found = writing.read(path)
    assert found is not None
    writing.patch(path, found.etag, {"NetCurrAmount": Decimal("250")})
    invoice = invoices_in(read(system))[number]
    assert (invoice.net, invoice.money().amount) == (Decimal(250), Decimal(200))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 12])
def test_pages_of_any_size_hold_the_same_invoices(box: RunningSandbox, make: MakeSystem, size: int) -> None:
    for number in range(5):
        register(box, f"N{number}", *(line(str(10 * at)) for at in range(1, number + 2)))
    usual = read(make())
    found = read(make(page_size=size))
    assert invoices_in(found) == invoices_in(usual)
    assert seen_in(found) == seen_in(usual)
    assert list(invoices_in(found)) == sorted(invoices_in(found), key=int)
    assert [len(one.lines) for one in invoices_in(found).values()] == [1, 2, 3, 4, 5]


def test_a_page_that_the_tenant_cuts_loses_nothing(box: RunningSandbox, make: MakeSystem) -> None:
    for number in range(26):
        register(box, f"N{number}", line("1"), line("2"))
    usual = invoices_in(read(make()))
    box.ifs.switches.max_top = "clamp:25"
    found = invoices_in(read(make()))
    assert (len(found), found) == (26, usual)


def test_an_unchanged_poll_parses_nothing_and_costs_two_requests(
    box: RunningSandbox, make: MakeSystem, transport: Transport
) -> None:
    for number in range(4):
        register(box, f"N{number}", line(), line())
    system = make()
    first = read(system)
    before = transport.counts.reads
    again = read(system, seen_in(first))
    assert (invoices_in(again), seen_in(again)) == ({}, seen_in(first))
    assert transport.counts.reads - before == 2


def test_a_changed_posting_makes_its_invoice_and_no_other_new(box: RunningSandbox, make: MakeSystem) -> None:
    numbers = [register(box, f"N{number}") for number in range(3)]
    system = make()
    seen = seen_in(read(system))
    writing = Writing(system.odata, "ManualSupplierInvoiceHandling")
    path = f"ManSuppInvoiceSet(Company='10',InvoiceId={numbers[1]})/ManSuppInvoicePostingsArray"
    path += f"(Company='10',InvoiceId={numbers[1]},RowId=1)"
    found = writing.read(path)
    assert found is not None
    writing.patch(path, found.etag, {"Text": "corrected"})
    pages = read(system, seen)
    (changed,) = invoices_in(pages).values()
    assert (changed.id, changed.lines[0].description) == (numbers[1], "corrected")
    assert {one for one, mark in seen_in(pages).items() if seen[one] != mark} == {numbers[1]}


def test_older_invoices_and_the_postings_of_years_past_are_not_read(
    box: RunningSandbox, make: MakeSystem, transport: Transport
) -> None:
    first = register(box, "FIRST", date="2026-10-01")
    for number in range(30):
        register(box, f"OLD{number}", line(), line(), date="2026-03-02")
    last = register(box, "LAST", date="2026-10-01")
    system = make(page_size=10)
    before = transport.counts.reads
    assert invoices_in(read(system)).keys() == {first, last}
    assert transport.counts.reads - before <= 3
    assert len(invoices_in(read(system, since=date(2026, 1, 1)))) == 32


def test_bare_numbers_give_the_same_invoices(box: RunningSandbox, make: MakeSystem) -> None:
    for number in range(3):
        register(box, f"N{number}", line("10.05"), line("0.10"), tax="0.71")
    usual = invoices_in(read(make()))
    box.ifs.switches.ieee754 = "never"
    assert invoices_in(read(make(page_size=2))) == usual
    assert {one.net for one in usual.values()} == {Decimal("10.15")}


def test_failures_on_the_way_change_nothing(box: RunningSandbox, make: MakeSystem) -> None:
    for number in range(4):
        register(box, f"N{number}", line(), line())
    usual = seen_in(read(make()))
    for kind in ("drop_before", "half_body", "401", "429", "503", "503_modified"):
        box.faults.clear()
        box.faults.add(FaultRule(kind, side="ifs", nth=2, every=3, times=3))
        assert seen_in(read(make(page_size=2))) == usual, kind
        assert box.faults.injected


@pytest.mark.parametrize(
    ("profile", "why"),
    [
        ({"invoice": {"properties": {"vendor": "NcfReference"}}}, "NcfReference is empty"),
        ({"invoice": {"properties": {"currency": "SeriesId"}}}, "'SI' is not a currency"),
        ({"invoice": {"properties": {"dated": "Currency"}}}, "Currency is no date"),
        ({"invoice": {"properties": {"net": "InvoiceNo"}}}, "InvoiceNo is not a number"),
        ({"invoice_line": {"properties": {"amount": "CodeA", "tax": "CodeB"}}}, "on posting 1 CodeB is not a number"),
        ({"invoice_states": {"Preliminary": "posted"}, "invoice": {"properties": {"state": "Currency"}}}, "'USD'"),
    ],
)
def test_an_invoice_that_cannot_be_used_is_a_problem_and_never_lost(
    box: RunningSandbox, make: MakeSystem, profile: dict[str, Any], why: str
) -> None:
    number = register(box, "A-1")
    dated = profile.get("invoice", {}).get("properties", {}).get("dated")
    page = make(**profile).invoices_by_id([number]) if dated else read(make(**profile))[0]
    assert page.invoices == ()
    (problem,) = page.problems
    assert problem.key == Key("supplier_invoice", number)
    assert why in problem.sentence
    assert "A-1" in problem.raw
    assert page.seen.keys() == {number}


def test_named_invoices_come_in_any_state_and_of_any_age(box: RunningSandbox, make: MakeSystem) -> None:
    old = register(box, "OLD", line(), line(), date="2026-02-03")
    gone = register(box, "GONE")
    box.act("ifs", "cancel_invoice", invoice_id=gone)
    page = make().invoices_by_id([old, gone, "999999", "O'HARA", ""])
    assert {one.id: len(one.lines) for one in page.invoices} == {old: 2, gone: 1}
    assert page.seen.keys() == {old, gone}
    assert page.seen == seen_in(read(make(), since=date(2026, 1, 1)))
    assert make().invoices_by_id([]).seen == {}


def test_another_company_sees_no_invoice_of_this_one(box: RunningSandbox, make: MakeSystem) -> None:
    number = register(box, "A")
    assert read(make(of="20")) == []
    assert make(of="20").invoices_by_id([number]).seen == {}
    assert make(of="20").tax_codes() == []


def test_a_tenant_that_calls_it_otherwise_is_read_by_its_names(box: RunningSandbox, make: MakeSystem) -> None:
    number = register(box, "A")
    box.ifs.switches.missing_projections = {"ManualSupplierInvoiceHandling"}
    with pytest.raises(NameMissing, match="supplier invoices"):
        read(make())
    assert invoices_in(read(make(invoice={"projection": "SupplierInvoicesHandling"}))).keys() == {number}
    box.ifs.switches.denied_projections = {"SupplierInvoicePostingsAnalysis"}
    with pytest.raises(RightMissing):
        read(make(invoice={"projection": "SupplierInvoicesHandling"}))


def test_tax_codes_come_with_their_rates(make: MakeSystem) -> None:
    assert make().tax_codes() == [
        TaxCode("TAX0", Decimal(0), Decimal(100)),
        TaxCode("TAX10", Decimal(10), Decimal(100)),
        TaxCode("TAX7", Decimal(7), Decimal(100)),
    ]


def test_suppliers_not_known_to_be_free_for_payment_are_named(box: RunningSandbox, make: MakeSystem) -> None:
    box.act("ifs", "block_supplier", supplier_id="S1002")
    box.act("ifs", "block_supplier", supplier_id="S1003", blocked=False)
    asked = ["S1001", "S1002", "S1003", "NOBODY"]
    for system in (make(), make(batch_parts=0), make(batch_from=100)):
        assert system.blocked(asked) == {"S1001", "S1002", "NOBODY"}
    assert make(of="20").blocked(asked) == set(asked)
    assert make(supplier_navs={"payments": ""}).blocked(asked) == set(asked)
    assert make(supplier_navs={"payments": "SupplierPayment"}).blocked(asked) == set(asked)


def test_an_order_line_tells_the_requisition_it_was_made_from(box: RunningSandbox, make: MakeSystem) -> None:
    wanted = {"description": "Grout", "quantity": 5, "price": 20, "supplier_id": "S1001", "project_id": PROJECT}
    wanted |= {"activity_seq": ACTIVITY, "codes": CODES}
    made = box.act("ifs", "create_requisition", lines=[wanted], release=True)
    (order,) = box.act("ifs", "convert_requisition", requisition_no=made["requisition_no"])["orders"]
    (found,) = make().orders_by_id([order]).orders
    assert [one.requisition for one in found.lines] == [made["requisition_no"]]


class Postings:
    """Serves postings of invoices by number, as a database of numbers orders them."""

    def __init__(self, invoices: list[int]) -> None:
        self.rows = [{"InvoiceId": str(one), "RowId": at} for one in sorted(invoices) for at in (1, 2)]
        self.asked: list[str] = []

    def __call__(self, request: WireRequest, /) -> WireReply:
        self.asked.append(request.url)
        text = request.url.partition("$filter=")[2].partition("&")[0].replace("%20", " ")
        rows = self.rows
        if " ge " in text:
            rows = [row for row in rows if int(row["InvoiceId"]) >= int(text.split("InvoiceId ge ")[1].split()[0])]
        if "RowId gt " in text:
            at = (
                int(text.split("InvoiceId eq ")[1].split()[0]),
                int(text.split("RowId gt ")[1].rstrip(")").split()[0]),
            )
            rows = [row for row in rows if (int(row["InvoiceId"]), int(str(row["RowId"]))) > at]
        return WireReply(200, {}, json.dumps({"value": rows[:3]}).encode())


def test_invoice_ids_are_compared_as_numbers() -> None:
    tenant = Postings([8, 9, 10, 99, 100, 101, 1000])
    reading = Reading(
        "http://t/x.svc/Set", "read", ("InvoiceId", "RowId"), (), ("InvoiceId", "RowId"), "Company eq '1'"
    )
    stream = LineStream(Odata(tenant, "http://t", "int", 3), reading)
    assert {one: len(rows) for one, rows in stream.take(["9", "10", "99"]).items()} == {"9": 2, "10": 2, "99": 2}
    assert {one: len(rows) for one, rows in stream.take(["100", "1000"]).items()} == {"100": 2, "1000": 2}
    assert all("Company%20eq%20'1'" in url and "'9'" not in url for url in tenant.asked)
    assert not any("%20le%20" in url for url in tenant.asked)
