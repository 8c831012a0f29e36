"""What follows an invoice: its due day, its voucher, and taking it back, with what its receipts may be again."""

from __future__ import annotations

from typing import Any

import pytest

from .office import act, make_office, put
from .tenant import Tenant

INVOICES = "ManualSupplierInvoiceHandling.svc/ManSuppInvoiceSet"
RECEIPT = "PurchaseReceiptsHandling.svc/PurchaseReceiptSet(OrderNo='P100',LineNo='1',ReleaseNo='1',ReceiptNo=1)"
ALL = [{"line_no": "1", "quantity": 2}]


def received() -> Tenant:
    """An office whose order P100, line 1 (2 at 100.00), has come in full."""
    tenant = make_office()
    act(tenant, "receive_goods", order_no="P100", line_no="1")
    return tenant


def register(tenant: Tenant, number: str, quantity: int = 2, **given: Any) -> int:
    lines = [{"line_no": "1", "quantity": quantity}]
    made = act(tenant, "register_invoice", order_no="P100", invoice_no=number, lines=lines, **given)
    return int(made["invoice_id"])


def invoiced(tenant: Tenant) -> float:
    return float(tenant.get(RECEIPT)["QtyInvoiced"])


def test_what_is_entered_is_posted_authorised_and_paid_by_three_people() -> None:
    tenant = received()
    number = register(tenant, "A")
    with pytest.raises(ValueError, match="state Preliminary"):
        act(tenant, "authorise_invoice", invoice_id=number)
    assert act(tenant, "post_invoice", invoice_id=number)["state"] == "Posted"
    with pytest.raises(ValueError, match="state Posted"):
        act(tenant, "post_invoice", invoice_id=number)
    assert act(tenant, "authorise_invoice", invoice_id=number)["state"] == "PostedAuth"
    assert act(tenant, "pay_invoice", invoice_id=number, amount=199)["open"] == "1"


@pytest.mark.parametrize("amount", ["1.00", None])
def test_a_paid_invoice_is_not_cancelled(amount: str | None) -> None:
    tenant = received()
    number = register(tenant, "A", authorise=True)
    act(tenant, "pay_invoice", invoice_id=number, amount=amount)
    with pytest.raises(ValueError, match="PaidPosted"):
        act(tenant, "cancel_invoice", invoice_id=number)
    assert invoiced(tenant) == 2


@pytest.mark.parametrize("stage", [{}, {"post": True}, {"authorise": True}])
def test_a_cancelled_invoice_frees_its_receipts_and_its_number(stage: dict[str, bool]) -> None:
    tenant = received()
    number = register(tenant, "A", **stage)
    assert act(tenant, "cancel_invoice", invoice_id=number) == {
        "invoice_id": number, "state": "Cancelled", "gross": "200", "open": "0",
    }  # fmt: skip
    assert invoiced(tenant) == 0
    again = register(tenant, "A", post=True)
    assert (again != number, invoiced(tenant)) == (True, 2)


def test_an_invoice_is_cancelled_after_its_credit_note_only() -> None:
    tenant = received()
    first = register(tenant, "A", post=True)
    credit = act(tenant, "credit_invoice", invoice_id=first, invoice_no="AC", percent=50, post=True)["invoice_id"]
    assert invoiced(tenant) == 1
    with pytest.raises(ValueError, match="what followed comes first"):
        act(tenant, "cancel_invoice", invoice_id=first)
    assert tenant.get(f"{INVOICES}(Company='10',InvoiceId={first})")["Objstate"] == "Posted"
    act(tenant, "cancel_invoice", invoice_id=credit)
    act(tenant, "cancel_invoice", invoice_id=first)
    assert invoiced(tenant) == 0


def test_a_credit_note_stays_once_its_goods_are_invoiced_again() -> None:
    tenant = received()
    first = register(tenant, "A", post=True)
    credit = act(tenant, "credit_invoice", invoice_id=first, invoice_no="AC", post=True)["invoice_id"]
    register(tenant, "B", post=True)
    with pytest.raises(ValueError, match="what followed comes first"):
        act(tenant, "cancel_invoice", invoice_id=credit)
    assert invoiced(tenant) == 2


def test_goods_on_an_invoice_do_not_go_back() -> None:
    tenant = received()
    register(tenant, "A", quantity=1)
    with pytest.raises(ValueError, match="1 can go back"):
        act(tenant, "return_goods", order_no="P100", line_no="1", quantity=2)
    act(tenant, "return_goods", order_no="P100", line_no="1", quantity=1)
    with pytest.raises(ValueError, match="only 0 of line 1"):
        register(tenant, "B", quantity=1)


def test_a_payment_is_booked_in_an_open_period_only() -> None:
    tenant = received()
    number = register(tenant, "A", authorise=True)
    act(tenant, "close_period", month="2026-09")
    with pytest.raises(ValueError, match="closed in the ledger"):
        act(tenant, "pay_invoice", invoice_id=number)
    paid = act(tenant, "pay_invoice", invoice_id=number, date="2026-10-01")
    assert (paid["state"], paid["open"]) == ("PaidPosted", "0")


def test_a_credit_turns_goods_tax_and_debt_round() -> None:
    tenant = received()
    first = register(tenant, "A", tax="14", post=True, note="both walls")
    credit = act(tenant, "credit_invoice", invoice_id=first, invoice_no="AC", percent=50, post=True)
    assert credit["gross"] == "-107"
    rows = tenant.get("VoucherRowsAnalysis.svc/VoucherRowSet?$orderby=VoucherNo,RowNo")["value"]
    shown = [(row["Account"], row["Amount"], row["ReferenceNumber"], row["Text"]) for row in rows]
    assert shown == [
        ("4110", 200, "A", "both walls"), ("2410", 14, "A", "both walls"), ("2010", -214, "A", "both walls"),
        ("4110", -100, "AC", None), ("2410", -7, "AC", None), ("2010", 107, "AC", None),
    ]  # fmt: skip
    assert act(tenant, "gl_update") == {"updated": 2, "errors": 0}


def test_a_typed_due_date_counts_where_there_is_one_instalment() -> None:
    tenant = make_office()
    line = {"codes": {"A": "4110"}, "amount": 100, "text": "Sand"}
    given = {"supplier_id": "S1", "date": "2026-09-01", "due_date": "2026-12-24", "lines": [line]}
    act(tenant, "register_invoice", invoice_no="1", **given)
    act(tenant, "register_invoice", invoice_no="2", pay_term="2X30", **given)
    items = "SupplierLedgerItemsAnalysis.svc/InvoiceLedgerItemSet?$orderby=InvoiceNo,LedgerItemVersion"
    assert tenant.column(items, "DueDate") == ["2026-12-24", "2026-10-01", "2026-10-31"]


def test_a_sub_ledger_may_post_to_a_ledger_account_and_a_line_has_its_own_text() -> None:
    tenant = make_office()
    put(tenant, "AccountHandling.svc/AccountSet(Company='10',Account='4110')", LedgFlag="LedgerAccount")
    line = {"codes": {"A": "4110"}, "amount": 100, "text": "Sand"}
    given = {"supplier_id": "S1", "note": "of the invoice", "lines": [line]}
    assert act(tenant, "register_invoice", invoice_no="1", post=True, **given)["state"] == "Posted"
    texts = tenant.column("VoucherRowsAnalysis.svc/VoucherRowSet?$orderby=RowNo", "Text")
    assert texts == ["Sand", "of the invoice"]
