"""Supplier invoices of the simulated IFS: postings, matching, states, ledger, payments and project cost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .office import act, event, make_office, post, put, refused
from .tenant import Tenant

ROOT = "ManualSupplierInvoiceHandling.svc/ManSuppInvoiceSet"
SERVICE = "ManualSupplierInvoiceHandling"
ITEMS = "SupplierLedgerItemsAnalysis.svc/InvoiceLedgerItemSet?$orderby=LedgerItemVersion"
RECEIPT = "PurchaseReceiptsHandling.svc/PurchaseReceiptSet(OrderNo='P100',LineNo='1',ReleaseNo='1',ReceiptNo=1)"
HEAD = {"Identity": "S1", "InvoiceNo": "INV-1", "InvoiceDate": "2026-09-10", "NetCurrAmount": 100}
TAKEN = {"OrderNo": "P100", "LineNo": "1", "ReleaseNo": "1", "ReceiptNo": 1}
POSTING = {"CodeA": "4110", "CodeB": "03-310", "CodeE": "P-2401", "ProjectActivityId": 100012, "CurrAmount": 100}


def received() -> Tenant:
    """An office whose order P100, line 1 (2 at 100.00), has come in full."""
    tenant = make_office()
    act(tenant, "receive_goods", order_no="P100", line_no="1")
    return tenant


def invoice(tenant: Tenant, *postings: dict[str, Any], **head: Any) -> str:
    made = post(tenant, ROOT, {**HEAD, **head})
    url = f"{ROOT}(Company='10',InvoiceId={made['InvoiceId']})"
    for posting in postings:
        post(tenant, f"{url}/ManSuppInvoicePostingsArray", posting)
    return url


def fired(tenant: Tenant, url: str, name: str) -> Any:
    return event(tenant, url, name, "ManSuppInvoice")


def matched(tenant: Tenant, url: str, quantity: str = "") -> Any:
    selection = f"ORDER_NO=P100^LINE_NO=1^RELEASE_NO=1^RECEIPT_NO=1^{quantity}"
    action = f"{url}/IfsApp.{SERVICE}.ManSuppInvoice_MatchReceipts"
    return tenant.call("POST", action, {"Selection": selection}, if_match=tenant.tag(url))


def test_from_registration_to_the_last_payment() -> None:
    tenant = received()
    url = invoice(tenant, InvoiceNo="A-7", NetCurrAmount=200)
    head = tenant.get(url)
    assert (head["Objstate"], head["Name"], head["Currency"], head["PayTermId"]) == (
        "Preliminary",
        "Acme Steel",
        "USD",
        "30",
    )
    assert json.loads(matched(tenant, url).body)["value"] == 1
    (row,) = tenant.get(f"{url}/ManSuppInvoicePostingsArray")["value"]
    assert (row["CurrAmount"], row["CodeB"], row["ProjectActivityId"], row["Reference"]) == (
        200,
        "03-310",
        100012,
        "P100^1^1^1^",
    )
    assert tenant.get(RECEIPT)["QtyInvoiced"] == 2
    assert fired(tenant, url, "Post").status == 204
    assert fired(tenant, url, "Authorize").status == 204
    assert tenant.get(f"{url}/InvoiceLedgerItemArray?$select=OpenAmount,DueDate,Objstate,VoucherNoRef")["value"] == [
        {"OpenAmount": 200, "DueDate": "2026-10-10", "Objstate": "PostedAuth", "VoucherNoRef": 2026000001}
    ]
    number = head["InvoiceId"]
    first = act(tenant, "pay_invoice", invoice_id=number, amount="50", reference="CHK 1")
    assert (first["state"], first["open"]) == ("PartlyPaidPosted", "150")
    assert act(tenant, "pay_invoice", invoice_id=number)["state"] == "PaidPosted"
    paid = tenant.get("LedgerTransactionsAnalysis.svc/LedgerTransactionSet?$orderby=PaymentId")["value"]
    assert [(one["SeriesId"], one["CurrAmount"], one["PaymentReference"]) for one in paid] == [
        ("SUPAY", 50, "CHK 1"), ("SUPAY", 150, None),
    ]  # fmt: skip
    act(tenant, "reverse_payment", payment_id=first["payment_id"])
    assert (tenant.get(url)["Objstate"], tenant.column(ITEMS, "OpenAmount")) == ("PartlyPaidPosted", [50])
    with pytest.raises(ValueError, match="no payment 1"):
        act(tenant, "reverse_payment", payment_id=first["payment_id"])
    assert act(tenant, "gl_update") == {"updated": 4, "errors": 0}
    rows = tenant.get("GenLedVoucherRowsAnalysis.svc/GenLedVoucherRowSet?$filter=ReferenceNumber eq 'A-7'")["value"]
    assert sum(row["Amount"] for row in rows) == 0
    assert {row["Account"] for row in rows} == {"4110", "2010", "1010"}


@pytest.mark.parametrize(("head", "constant"), [
    ({"Identity": "S9"}, "SupplierInfoGeneral.NOTEXIST"),
    ({"Identity": "S3"}, "IdentityInvoiceInfo.NOTEXIST"),
    ({"PayTermId": "X"}, "PaymentTerm.NOTEXIST"),
    ({"Currency": "XTS"}, "CurrencyCode.NOTEXIST"),
    ({"CurrRate": 2}, "ManSuppInvoice.BASECURRSAME"),
    ({"Currency": "EUR", "CurrRate": 0}, "ManSuppInvoice.NEGATIVECURRRATE"),
    ({"InvoiceNo": None}, "ManSuppInvoice.NULLVALUE"),
    ({"CreditedInvoiceId": 5}, "ManSuppInvoice.NOTEXIST"),
    ({"Objstate": "Posted"}, "ManSuppInvoice.OBJSTATE"),
])  # fmt: skip
def test_rules_of_the_head(head: dict[str, Any], constant: str) -> None:
    tenant = make_office()
    assert refused(tenant, tenant.call("POST", ROOT, {**HEAD, **head})) == constant
    assert tenant.get(ROOT)["value"] == []


def test_the_suppliers_number_is_unique_where_the_company_says_so() -> None:
    tenant = make_office()
    first = invoice(tenant)
    assert refused(tenant, tenant.call("POST", ROOT, HEAD)) == "ManSuppInvoice.INVNOEXIST"
    invoice(tenant, Identity="S2")
    fired(tenant, first, "Cancel")
    second = invoice(tenant)
    settings = "CompanyHandling.svc/CompanySet('10')/CompanyInvoiceInfoArray(Company='10')"
    put(tenant, settings, UniqueSuppInvNo=False)
    assert tenant.get(second)["InvoiceNo"] == tenant.get(invoice(tenant))["InvoiceNo"]


@pytest.mark.parametrize(("posting", "constant"), [
    ({"CodeB": "77-777"}, "CodeB.NOTEXIST"),
    ({"ProjectActivityId": None}, "VoucherRow.PROJACTIMANDATORY"),
    ({"VatCurrAmount": 7}, "ManSuppInvoicePostings.TAXCODENULL"),
    ({"VatCode": "TAX99"}, "StatutoryFee.NOTEXIST"),
    ({"OrderNo": "P999"}, "PurchaseOrder.NOTEXIST"),
    ({**TAKEN, "ReceiptNo": 9, "Quantity": 1}, "PurchaseReceipt.NOTEXIST"),
    (TAKEN, "ManSuppInvoicePostings.NOQUANTITY"),
    ({**TAKEN, "Quantity": 3}, "ManSuppInvoicePostings.QTYEXCEEDED"),
])  # fmt: skip
def test_rules_of_a_posting(posting: dict[str, Any], constant: str) -> None:
    tenant = received()
    url = invoice(tenant)
    answer = tenant.call("POST", f"{url}/ManSuppInvoicePostingsArray", {**POSTING, **posting})
    assert refused(tenant, answer) == constant
    assert tenant.get(RECEIPT)["QtyInvoiced"] == 0


def test_receipts_of_others_are_not_matched_and_a_removed_match_is_free_again() -> None:
    tenant = received()
    other = invoice(tenant, Identity="S2", Currency="USD")
    assert refused(tenant, matched(tenant, other)) == "ManSuppInvoicePostings.WRONGSUPPLIER"
    foreign = invoice(tenant, InvoiceNo="E", Currency="EUR")
    assert refused(tenant, matched(tenant, foreign)) == "ManSuppInvoicePostings.WRONGCURRENCY"
    mine = invoice(tenant)
    matched(tenant, mine, "QTY=1.5^")
    assert tenant.get(RECEIPT)["QtyInvoiced"] == 1.5
    assert refused(tenant, matched(tenant, mine, "QTY=1^")) == "ManSuppInvoicePostings.QTYEXCEEDED"
    (row,) = tenant.get(f"{mine}/ManSuppInvoicePostingsArray")["value"]
    key = f"{mine}/ManSuppInvoicePostingsArray(Company='10',InvoiceId={row['InvoiceId']},RowId=1)"
    put(tenant, key, Quantity=1, CurrAmount=95)
    assert tenant.get(RECEIPT)["QtyInvoiced"] == 1
    assert tenant.call("DELETE", key, if_match="*").status == 204
    assert tenant.get(RECEIPT)["QtyInvoiced"] == 0
    assert matched(tenant, mine, "QTY=many^").status == 400


def test_an_invoice_of_a_whole_order_takes_all_its_receipts_at_the_discount_of_the_line() -> None:
    tenant = make_office()
    put(
        tenant,
        "PurchaseOrderHandling.svc/PurchaseOrderSet('P100')/LineNopartArray(OrderNo='P100',LineNo='1',ReleaseNo='1')",
        Discount=10,
    )
    for quantity in ("0.5", "1.5"):
        act(tenant, "receive_goods", order_no="P100", line_no="1", quantity=quantity)
    made = act(tenant, "register_invoice", order_no="P100", invoice_no="W")
    rows = tenant.get(f"{ROOT}(Company='10',InvoiceId={made['invoice_id']})/ManSuppInvoicePostingsArray")["value"]
    assert [(row["ReceiptNo"], row["Quantity"], row["CurrAmount"], row["PostingType"]) for row in rows] == [
        (1, 0.5, 45, "M10"), (2, 1.5, 135, "M10"),
    ]  # fmt: skip
    other = act(tenant, "register_invoice", order_no="P100", invoice_no="F", lines=[{"line_no": "1", "amount": 9}])
    rows = tenant.get(f"{ROOT}(Company='10',InvoiceId={other['invoice_id']})/ManSuppInvoicePostingsArray")["value"]
    assert [(row["ReceiptNo"], row["CurrAmount"], row["PostingType"]) for row in rows] == [(None, 9, "IP1")]


def test_goods_that_wait_for_inspection_are_not_invoiced_yet() -> None:
    tenant = make_office()
    act(tenant, "receive_goods", order_no="P100", line_no="1", arrived_only=True)
    url = invoice(tenant)
    assert refused(tenant, matched(tenant, url, "QTY=1^")) == "ManSuppInvoicePostings.QTYEXCEEDED"
    assert refused(tenant, matched(tenant, url)) == "ManSuppInvoicePostings.NOQUANTITY"
    with pytest.raises(ValueError, match="no received goods"):
        act(tenant, "register_invoice", order_no="P100", invoice_no="2")
    act(tenant, "inspect_goods", order_no="P100", line_no="1")
    assert json.loads(matched(tenant, url).body)["value"] == 1


def test_an_invoice_is_posted_when_it_balances_in_an_open_period() -> None:
    tenant = make_office()
    url = invoice(tenant, {**POSTING, "CurrAmount": 90})
    assert refused(tenant, fired(tenant, url, "Post")) == "ManSuppInvoice.NOTBALANCED"
    put(tenant, url, NetCurrAmount=90)
    act(tenant, "close_period", month="2026-09")
    assert refused(tenant, fired(tenant, url, "Post")) == "AccountingPeriod.PERCLOSED"
    act(tenant, "open_period", month="2026-09")
    assert fired(tenant, url, "Post").status == 204
    assert refused(tenant, fired(tenant, url, "Post")) == "ManSuppInvoice.FND_STATE"
    assert refused(tenant, tenant.call("PATCH", url, {"DueDate": "2026-12-01"}, if_match="*")).endswith("NOTCHANGEABLE")
    assert refused(tenant, tenant.call("POST", f"{url}/ManSuppInvoicePostingsArray", POSTING)).endswith("NOTCHANGEABLE")
    assert refused(tenant, tenant.call("DELETE", url, if_match="*")).endswith("ONLYPRELIMINARY")
    act(tenant, "set_company", separate_authoriser=True)
    assert refused(tenant, fired(tenant, url, "Authorize")) == "ManSuppInvoice.SEPINVAUTH"
    assert act(tenant, "authorise_invoice", invoice_id=tenant.get(url)["InvoiceId"])["state"] == "PostedAuth"


def test_tax_currency_and_instalments() -> None:
    tenant = make_office()
    posting = {**POSTING, "VatCode": "TAX10", "VatCurrAmount": 10}
    url = invoice(tenant, posting, VatCurrAmount=10, Currency="EUR", PayTermId="2X30")
    head = tenant.get(url)
    assert (head["GrossCurrAmount"], head["NetDomAmount"], head["VatDomAmount"]) == (110, 110, 11)
    items = tenant.get(ITEMS)["value"]
    assert [(one["FullCurrAmount"], one["InvDomAmount"], one["DueDate"]) for one in items] == [
        (55, 60.5, "2026-10-10"), (55, 60.5, "2026-11-09"),
    ]  # fmt: skip
    fired(tenant, url, "Post")
    rows = tenant.get("VoucherRowsAnalysis.svc/VoucherRowSet?$orderby=RowNo")["value"]
    assert [(one["Account"], one["CurrencyAmount"], one["Amount"]) for one in rows] == [
        ("4110", 100, 110), ("2410", 10, 11), ("2010", -110, -121),
    ]  # fmt: skip
    fired(tenant, url, "Authorize")
    number = act(tenant, "pay_invoice", invoice_id=head["InvoiceId"], amount=60)["payment_id"]
    assert [(one["OpenAmount"], one["OpenDomAmount"]) for one in tenant.get(ITEMS)["value"]] == [(0, 0), (50, 55)]
    booked = "LedgerTransactionsAnalysis.svc/LedgerTransactionSet?$orderby=PaymentId,TransId"
    names = ("PaymentId", "TransId", "LedgerItemVersion", "CurrAmount", "DomAmount")
    assert [tuple(one[name] for name in names) for one in tenant.get(booked)["value"]] == [
        (number, 1, 1, 55, 60.5), (number, 2, 2, 5, 5.5),
    ]  # fmt: skip
    act(tenant, "reverse_payment", payment_id=number)
    assert [(one["OpenAmount"], one["OpenDomAmount"]) for one in tenant.get(ITEMS)["value"]] == [(55, 60.5), (55, 60.5)]
    assert tenant.get(url)["Objstate"] == "PostedAuth"


def test_payments_are_refused_to_the_blocked_the_unauthorised_and_beyond_the_open() -> None:
    tenant = make_office()
    line = {"codes": {"A": "4110"}, "amount": 100}
    number = act(tenant, "register_invoice", supplier_id="S1", invoice_no="1", lines=[line], post=True)["invoice_id"]
    with pytest.raises(ValueError, match="state Posted"):
        act(tenant, "pay_invoice", invoice_id=number)
    act(tenant, "authorise_invoice", invoice_id=number)
    for amount in (101, -1, 0):
        with pytest.raises(ValueError, match="100 is open"):
            act(tenant, "pay_invoice", invoice_id=number, amount=amount)
    act(tenant, "block_supplier", supplier_id="S1")
    with pytest.raises(ValueError, match="blocked"):
        act(tenant, "pay_invoice", invoice_id=number)
    assert act(tenant, "run_payment", date="2026-12-31") == {"payments": []}
    put(tenant, _payments(), BlockedForPayment=False)
    assert act(tenant, "run_payment", date="2026-09-20") == {"payments": []}, "it is not due yet"
    assert act(tenant, "run_payment", date="2026-12-31") == {"payments": [1]}
    assert tenant.column(ROOT, "Objstate") == ["PaidPosted"]


def _payments() -> str:
    party = "IfsApp.SupplierHandling.PartyType'Supplier'"
    key = f"(Company='10',Identity='S1',PartyType={party})"
    return f"SupplierHandling.svc/SupplierInfoGeneralSet('S1')/SupplierPayments{key}"


def test_accounts_payable_registers_matches_credits_and_cancels() -> None:
    tenant = received()
    with pytest.raises(ValueError, match="only 2 of line 1"):
        act(tenant, "register_invoice", order_no="P100", invoice_no="1", lines=[{"line_no": "1", "quantity": 3}])
    made = act(
        tenant, "register_invoice", order_no="P100", invoice_no="1", date="2026-09-12", tax="14", authorise=True,
        lines=[{"line_no": "1", "quantity": 2}],
    )  # fmt: skip
    assert (made["state"], made["gross"]) == ("PostedAuth", "214")
    credit = act(
        tenant, "credit_invoice", invoice_id=made["invoice_id"], invoice_no="C1", percent=50, authorise=True, post=True
    )
    assert (credit["state"], credit["gross"], credit["open"]) == ("PostedAuth", "-107", "-107")
    assert tenant.get(RECEIPT)["QtyInvoiced"] == 1
    assert act(tenant, "pay_invoice", invoice_id=credit["invoice_id"])["state"] == "PaidPosted"
    other = act(
        tenant, "register_invoice", order_no="P100", invoice_no="2", lines=[{"line_no": "1", "quantity": 1}], post=True
    )["invoice_id"]
    assert act(tenant, "cancel_invoice", invoice_id=other)["open"] == "0"
    assert tenant.get(ITEMS + "&$filter=InvoiceNo eq '2'")["value"][0]["Objstate"] == "Cancelled"
    assert tenant.get(RECEIPT)["QtyInvoiced"] == 1
    with pytest.raises(ValueError, match="not credited"):
        act(tenant, "credit_invoice", invoice_id=other, invoice_no="C2")
    vouchers = "VouchersAnalysis.svc/VoucherSet?$filter=VoucherType eq 'I'&$orderby=VoucherNo"
    assert tenant.column(vouchers, "VoucherStatus") == ["Approved", "Approved", "Cancelled"]


def test_one_paper_may_be_for_two_orders_and_is_posted_on_the_day_named() -> None:
    tenant = received()
    codes = {"A": "4110", "B": "03-310", "E": "P-2401"}
    line = {"description": "More", "quantity": "3", "price": "7.00", "project_id": "P-2401", "activity_seq": 100012}
    other = act(tenant, "create_order", supplier_id="S1", lines=[{**line, "codes": codes}])["order_no"]
    act(tenant, "release_order", order_no=other)
    act(tenant, "receive_goods", order_no=other)
    lines = [{"line_no": "1", "quantity": "2"}, {"order_no": other, "line_no": "1", "quantity": "3"}]
    days = {"date": "2026-09-10", "voucher_date": "2026-10-02"}
    made = act(tenant, "register_invoice", order_no="P100", invoice_no="B-1", lines=lines, post=True, **days)
    url = f"{ROOT}(Company='10',InvoiceId={made['invoice_id']})"
    rows = tenant.get(f"{url}/ManSuppInvoicePostingsArray?$orderby=RowId")["value"]
    assert [(row["OrderNo"], row["CurrAmount"]) for row in rows] == [("P100", 200), (other, 21)]
    head = tenant.get(url)
    assert (head["InvoiceDate"], head["VoucherDate"], head["VoucherDateRef"]) == ("2026-09-10", *["2026-10-02"] * 2)


def test_cancelling_what_is_in_the_ledger_makes_an_opposite_voucher() -> None:
    tenant = make_office()
    line = {"codes": {"A": "4110", "E": "P-2401"}, "activity_seq": 100012, "amount": 100}
    made = act(tenant, "register_invoice", supplier_id="S1", invoice_no="1", lines=[line], tax=7, post=True)
    act(tenant, "gl_update")
    act(tenant, "cancel_invoice", invoice_id=made["invoice_id"])
    act(tenant, "gl_update")
    rows = tenant.get("GenLedVoucherRowsAnalysis.svc/GenLedVoucherRowSet")["value"]
    by_account: dict[str, float] = {}
    for row in rows:
        by_account[row["Account"]] = by_account.get(row["Account"], 0) + row["Amount"]
    assert (len(rows), by_account) == (6, {"4110": 0, "2410": 0, "2010": 0})


def test_cost_of_a_project_moves_from_committed_to_used_to_actual() -> None:
    tenant = make_office()
    url = "ProjectMonitoringHandling.svc/Projects('P-2401')/ProjectCostArray"

    def cost() -> tuple[float, ...]:
        (row,) = tenant.get(url)["value"]
        assert (row["ActivitySeq"], row["ProjectCostElement"]) == (100012, "MATERIAL")
        return tuple(row[name] for name in ("PlannedCommitted", "Committed", "Used", "Actual"))

    assert cost() == (200, 600 + 33.02, 0, 0)
    act(tenant, "receive_goods", order_no="P100", line_no="1")
    assert cost() == (200, 433.02, 200, 0)
    tag = tenant.get(url, accept="application/json;odata.metadata=full")["value"][0]["@odata.etag"]
    assert tenant.get(url, accept="application/json;odata.metadata=full")["value"][0]["@odata.etag"] == tag
    act(tenant, "register_invoice", order_no="P100", invoice_no="1", lines=[{"line_no": "1", "quantity": 2}], post=True)
    assert cost() == (200, 433.02, 200, 0)
    act(tenant, "gl_update")
    assert cost() == (200, 433.02, 200, 200)


def test_which_candidate_projection_a_tenant_has_is_a_switch() -> None:
    tenant = make_office()
    assert tenant.call("GET", "ManSuppInvoiceHandling.svc/ManSuppInvoiceSet").status == 404
    listed = tenant.column("AllProjections.svc/Projections", "ProjectionName")
    assert "ManualSupplierInvoiceHandling" in listed
    assert "ManSuppInvoiceHandling" not in listed
    tenant.face.switches.missing_projections = {"ManualSupplierInvoiceHandling"}
    assert tenant.call("GET", ROOT).status == 404
    assert tenant.get("ManSuppInvoiceHandling.svc/ManSuppInvoiceSet")["value"] == []


def test_history_names_who_changed_an_invoice() -> None:
    tenant = make_office(history_log={"ManSuppInvoice"})
    url = invoice(tenant, POSTING)
    fired(tenant, url, "Post")
    act(tenant, "authorise_invoice", invoice_id=tenant.get(url)["InvoiceId"], user="BOSS")
    entries = tenant.get("HistoryLogHandling.svc/HistoryLogOverviewSet?$orderby=LogId")["value"]
    assert (entries[0]["HistoryType"], entries[0]["Username"]) == ("Insert", "ML_CONNECTOR")
    assert entries[-1]["Username"] == "BOSS"
    assert tenant.get("FrameworkServices.svc/GetCurrentUserInformation()")["UserId"] == "ML_CONNECTOR"
