"""Whatever body a caller sends to the finance side, it is answered, and a refused one changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from .office import COST, act, draft, enter, make_office, post
from .tenant import STRINGS

_TENANT = make_office()
_DRAFT = draft(_TENANT, {**COST, "CurrencyDebetAmount": 1})
_HELD = enter(_TENANT)[1]
act(_TENANT, "receive_goods", order_no="P100", line_no="1")
_INVOICES = "ManualSupplierInvoiceHandling.svc/ManSuppInvoiceSet"
_INVOICE = f"{_INVOICES}(Company='10',InvoiceId={post(_TENANT, _INVOICES, {'Identity': 'S1', 'InvoiceNo': '1', 'InvoiceDate': '2026-09-01'})['InvoiceId']})"  # noqa: E501 - an address
_REQUISITION = post(
    _TENANT, "PurchaseRequisitionHandling.svc/PurchaseRequisitionSet", {"Contract": "PEO", "RequisitionerCode": "J_DOE"}
)["RequisitionNo"]
_ROW = {**COST, "CurrencyDebetAmount": 5}
_MATCH = {"OrderNo": "P100", "LineNo": "1", "ReleaseNo": "1", "ReceiptNo": 1, "Quantity": "0.01"}
_PLACES: dict[str, dict[str, Any]] = {
    "VoucherEntryAssistantHandling.svc/VoucherSet": {"VoucherType": "M"},
    f"{_DRAFT}/VoucherPostingArray": _ROW,
    f"{_HELD}/VoucherPostingArray": _ROW,
    _INVOICES: {"Identity": "S1", "InvoiceDate": "2026-09-01"},
    f"{_INVOICE}/ManSuppInvoicePostingsArray": _MATCH,
    f"PurchaseRequisitionHandling.svc/PurchaseRequisitionSet('{_REQUISITION}')/PurchaseReqLineNopartArray": {
        "Description": "x", "OriginalQty": 1,
    },
    "PurchaseRequisitionHandling.svc/CreateRequisitionLineToOrder": {},
    "ApproveVouchersHandling.svc/VouchApproval": {"Company": "10", "AccountingYear": 2026, "VoucherType": "M"},
    "CombinationRulesHandling.svc/AccountingCodestrCombSet": {"Company": "10", "AllowedOrBlocked": "Allowed"},
}  # fmt: skip
"""Where things are posted, each with a body that is nearly good; the test overlays it."""
_SETS = [
    "VoucherHandling.svc/VoucherSet", "VoucherRowsAnalysis.svc/VoucherRowSet", _INVOICES,
    "PurchaseReceiptsHandling.svc/PurchaseReceiptSet",
]  # fmt: skip
_FIELDS = st.sampled_from([
    "VoucherType", "VoucherDate", "VoucherStatus", "Account", "CodeA", "CodeB", "CodeE", "CurrencyCode", "CurrencyRate",
    "ConversionFactor", "CurrencyDebetAmount", "DebetAmount", "Quantity", "ProjectActivityId", "OptionalCode",
    "CurrencyTaxAmount", "Identity", "InvoiceNo", "InvoiceDate", "CurrRate", "DivFactor", "NetCurrAmount", "CurrAmount",
    "OrderNo", "LineNo", "ReleaseNo", "ReceiptNo", "OriginalQty", "Description", "VendorNo", "ActivitySeq", "Selection",
    "Company", "CombRuleId", "AllowedOrBlocked", "AccountingYear", "VoucherNo", "x",
])  # fmt: skip
_VALUES = st.sampled_from([
    None, True, 0, 1, -1, 2.5, 10**14, 10**40, "", "10", "4110", "03-310", "P-2401", 100012, "S1", "P100", "1", "EUR",
    "2026-09-01", "9999-12-31", "0001-01-01", "NotApproved", "TAX7", "M", "Blocked", "A=^", "REQUISITION_NO=1^;",
    [], {},
])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(_PLACES)), st.dictionaries(_FIELDS, _VALUES, max_size=8))
@example(list(_PLACES)[1], {"Account": "4110", "CurrencyDebetAmount": 10**14, "CurrencyRate": 10**14})
@example(list(_PLACES)[1], {"Account": "4110", "CurrencyDebetAmount": 1, "ConversionFactor": 0})
@example(list(_PLACES)[3], {"Identity": "S1", "InvoiceNo": "9", "InvoiceDate": "9999-12-31"})
@example(list(_PLACES)[3], {"Identity": "S1", "InvoiceNo": "8", "InvoiceDate": "2026-09-01", "DivFactor": 0})
def test_any_body_is_answered_and_a_refused_one_changes_nothing(place: str, body: dict[str, Any]) -> None:
    before = _TENANT.face.summary()
    response = _TENANT.call("POST", place, json.dumps({**_PLACES[place], **body}).encode(), content_type=STRINGS)
    assert response.status in (200, 201, 204, 400, 501), response.body
    if response.status >= 400:
        assert _TENANT.face.summary() == before


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([_HELD, _INVOICE, _DRAFT]), st.dictionaries(_FIELDS, _VALUES, max_size=3))
def test_any_change_is_answered(place: str, body: dict[str, Any]) -> None:
    before = _TENANT.get(place)
    response = _TENANT.call("PATCH", place, json.dumps(body).encode(), if_match="*")
    assert response.status in (200, 400, 501), response.body
    if response.status != 200:
        assert _TENANT.get(place) == before


@pytest.mark.parametrize("place", _SETS)
def test_sets_take_counts_orders_and_pages(place: str) -> None:
    page = _TENANT.get(f"{place}?$top=1&$count=true")
    assert len(page["value"]) <= 1 <= page["@odata.count"]
