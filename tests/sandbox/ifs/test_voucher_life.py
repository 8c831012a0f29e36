"""What becomes of a voucher after its entry: held back by people, kept out of the ledger, thrown away as a draft."""

from __future__ import annotations

import pytest

from .office import ASSISTANT, COST, VOUCHERS, act, balanced, create, draft, enter, event, make_office, put, refused

TYPE = "VoucherTypeHandling.svc/VoucherTypes(Company='10',VoucherType='M')"
LEDGER = "GenLedVouchersAnalysis.svc/GenLedVoucherSet"


def test_people_hold_an_approved_voucher_back() -> None:
    tenant = make_office()
    number, url = enter(tenant, VoucherStatus="Approved")
    assert tenant.get(url)["ApprovedByUserid"] == "ML_CONNECTOR"
    assert act(tenant, "hold_voucher", voucher_no=number) == {"voucher_no": number, "status": "NotApproved"}
    assert tenant.get(url)["ApprovedByUserid"] is None
    assert act(tenant, "gl_update") == {"updated": 0, "errors": 0}
    put(tenant, url, VoucherText2="may be changed again")
    with pytest.raises(ValueError, match="state Waiting"):
        act(tenant, "hold_voucher", voucher_no=number)


def test_only_what_waits_is_cancelled() -> None:
    tenant = make_office()
    number, url = enter(tenant, VoucherStatus="Approved")
    with pytest.raises(ValueError, match="state Confirmed"):
        act(tenant, "cancel_voucher", voucher_no=number)
    assert event(tenant, url, "CancelApprove").status == 204
    assert act(tenant, "cancel_voucher", voucher_no=number)["status"] == "Cancelled"
    assert refused(tenant, event(tenant, url, "ReadyToUpdate")) == "Voucher.FND_STATE"


def test_an_erroneous_voucher_can_be_mended_and_taken_into_the_ledger() -> None:
    tenant = make_office()
    number, url = enter(tenant, *balanced(CodeB="05-120"), VoucherStatus="Approved")
    act(tenant, "expire_code_value", code_part="B", value="05-120")
    act(tenant, "gl_update")
    row = tenant.get(f"{url}/VoucherPostingArray?$orderby=RowNo")["value"][0]
    key = f"Company='10',VoucherType='M',AccountingYear=2026,VoucherNo={number},RowNo={row['RowNo']}"
    put(tenant, f"{url}/VoucherPostingArray({key})", CodeB="03-310")
    assert event(tenant, url, "ReadyToUpdate").status == 204
    assert tenant.get(url)["UpdateError"] is None
    assert act(tenant, "gl_update") == {"updated": 1, "errors": 0}
    assert tenant.column(LEDGER, "VoucherNo") == [number]


def test_vouchers_of_a_simulation_never_reach_the_ledger() -> None:
    tenant = make_office()
    put(tenant, TYPE, SimulationVoucher=True)
    _, url = enter(tenant, VoucherStatus="Approved")
    assert act(tenant, "gl_update") == {"updated": 0, "errors": 0}
    assert (tenant.get(url)["SimulationVoucher"], tenant.get(LEDGER)["value"]) == (True, [])


def test_the_ledger_asks_no_codes_of_accounts_that_posting_control_names() -> None:
    tenant = make_office()
    for account in ("2010", "1010", "2410"):
        put(tenant, f"AccountHandling.svc/AccountSet(Company='10',Account='{account}')", ReqCodeB="Mandatory")
    line = {"codes": {"A": "4110", "B": "03-310"}, "amount": 100}
    made = act(tenant, "register_invoice", supplier_id="S1", invoice_no="1", lines=[line], tax=7, authorise=True)
    act(tenant, "pay_invoice", invoice_id=made["invoice_id"])
    assert act(tenant, "gl_update") == {"updated": 2, "errors": 0}
    assert len(tenant.get("GenLedVoucherRowsAnalysis.svc/GenLedVoucherRowSet")["value"]) == 5


def test_a_draft_thrown_away_leaves_neither_rows_nor_a_number() -> None:
    tenant = make_office()
    url = draft(tenant, *balanced())
    assert event(tenant, url, "RemoveTempVoucher").status == 204
    assert tenant.get(f"{ASSISTANT}/VoucherSet")["value"] == []
    assert "VoucherPostingVirtual" not in tenant.face.summary()
    number, _ = enter(tenant)
    assert number == 2026000001


def test_a_draft_may_be_corrected_before_it_is_created() -> None:
    tenant = make_office()
    url = draft(tenant, {**COST, "CodeB": "77-777", "CurrencyDebetAmount": 5})
    assert refused(tenant, create(tenant, url)) == "CodeB.NOTEXIST"
    row = tenant.get(f"{url}/VoucherPostingArray")["value"][0]
    put(tenant, f"{url}/VoucherPostingArray(Objkey='{row['Objkey']}')", CodeB="03-310")
    put(tenant, url, VoucherText2="by hand")
    assert create(tenant, url).status == 200
    assert tenant.column(VOUCHERS, "VoucherText2") == ["by hand"]
