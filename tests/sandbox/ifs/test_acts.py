"""What people do in the windows of the simulated IFS, and the faults that can be asked of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .tenant import Tenant, make_tenant

ORDERS = "PurchaseOrderHandling.svc/PurchaseOrderSet"
LINES = "PurchaseOrderLinesHandling.svc/PurchaseOrderLineSet"


def act(tenant: Tenant, act_name: str, /, **given: Any) -> Any:
    return tenant.face.acts[act_name](given)


def test_amending_a_line_changes_sums_and_tags() -> None:
    tenant = make_tenant()
    url = f"{LINES}(OrderNo='P100',LineNo='1',ReleaseNo='1')"
    before, header = tenant.tag(url), tenant.tag(f"{ORDERS}('P100')")
    act(
        tenant,
        "amend_line",
        order_no="P100",
        line_no="1",
        release_no="1",
        quantity="3",
        price=10.5,
        wanted="2026-11-02",
        description="More",
    )
    row = tenant.get(url)
    assert (row["NetAmtCurr"], row["WantedDeliveryDate"], row["Description"]) == (31.5, "2026-11-02", "More")
    assert tenant.tag(url) != before
    assert tenant.tag(f"{ORDERS}('P100')") != header


def test_orders_come_grow_change_currency_and_end() -> None:
    tenant = make_tenant()
    made = act(
        tenant, "create_order", supplier_id="S1", note="phone", lines=[{"description": "A", "quantity": 2, "price": 5}]
    )
    number = made["order_no"]
    act(tenant, "add_line", order_no=number, description="B", quantity=1, price=7, codes={"B": "77-777"})
    assert tenant.column(f"{LINES}?$filter=OrderNo eq '{number}'&$orderby=LineNo", "CodeB") == [None, "77-777"]
    act(tenant, "set_order_currency", order_no=number, currency="EUR")
    assert tenant.column(f"{LINES}?$filter=OrderNo eq '{number}'&$orderby=LineNo", "NetAmtBase") == [11, 7.7]
    assert act(tenant, "release_order", order_no=number)["state"] == "Released"
    act(tenant, "cancel_line", order_no=number, line_no="1")
    assert act(tenant, "close_order", order_no=number)["state"] == "Closed"
    with pytest.raises(ValueError, match="state Closed"):
        act(tenant, "cancel_order", order_no=number)
    assert act(tenant, "cancel_order", order_no="P100")["state"] == "Cancelled"


def test_master_data_changes() -> None:
    tenant = make_tenant()
    act(tenant, "add_code_value", code_part="B", value="99-999", description="Late")
    act(tenant, "expire_code_value", code_part="B", value="03-310")
    values = (
        "CodeStringCompletionHandling.svc/AccountingCodePartValueSet?$filter=CodePart eq 'B'&$orderby=CodePartValue"
    )
    assert tenant.column(values, "CodePartValue") == ["03-310", "05-120", "99-999"]
    assert tenant.column(values, "ValidUntil")[0] == "2026-09-14"
    number = act(tenant, "add_supplier", name="Late Supplier", email="a@b.example")["SupplierId"]
    assert act(tenant, "create_order", supplier_id=number)["state"] == "Planned"
    sequence = act(tenant, "add_activity", project_id="P-2401", description="Roof")["ActivitySeq"]
    assert sequence == 100013
    act(tenant, "set_project_state", project_id="P-2401", state="Completed")
    assert tenant.get("ProjectsHandling.svc/Projects('P-2401')")["Objstate"] == "Completed"


def test_names_and_addresses_change_and_a_supplier_is_no_longer_used() -> None:
    tenant = make_tenant()
    act(tenant, "rename_code_value", code_part="B", value="03-310", description="Concrete, poured")
    value = "CodeBHandling.svc/CodeBSet(Company='10',CodeB='03-310')"
    every = (
        "CodeStringCompletionHandling.svc/AccountingCodePartValueSet(Company='10',CodePart='B',CodePartValue='03-310')"
    )
    assert [tenant.get(url)["Description"] for url in (value, every)] == ["Concrete, poured"] * 2
    act(tenant, "edit_supplier", supplier_id="S1", city="Pekin", email="new@s1.example", phone="309 555 0199")
    root = "SupplierHandling.svc/SupplierInfoGeneralSet('S1')"
    address = f"{root}/SupplierInfoAddresses(SupplierId='S1',AddressId='1')"
    assert tenant.get(address)["City"] == "Pekin"
    assert sorted(tenant.column(f"{address}/AddressCommunicationMethods", "Value")) == [
        "309 555 0199", "new@s1.example",
    ]  # fmt: skip
    act(tenant, "expire_supplier", supplier_id="S1")
    line = {"codes": {"A": "4110"}, "amount": 10}
    given = {"supplier_id": "S1", "invoice_no": "1", "lines": [line]}
    with pytest.raises(ValueError, match="expired on 2026-09-14"):
        act(tenant, "register_invoice", **given)
    act(tenant, "expire_supplier", supplier_id="S1", expires=None)
    assert act(tenant, "register_invoice", **given)["state"] == "Preliminary"


@pytest.mark.parametrize(("name", "given"), [
    ("amend_line", {"order_no": "P100", "line_no": "77"}),
    ("amend_line", {"order_no": "P100", "line_no": "1", "colour": "red"}),
    ("amend_line", {"order_no": "P100", "line_no": "1", "quantity": "many"}),
    ("close_order", {"order_no": "P999"}),
    ("create_order", {"supplier_id": "S1", "state": "Lost"}),
    ("set_order_currency", {"order_no": "P100", "currency": "XTS"}),
    ("set_project_state", {"project_id": "P-2401", "state": "Lost"}),
    ("add_code_value", {"code_part": "B", "value": "03-310"}),
])  # fmt: skip
def test_acts_that_cannot_be_leave_no_trace(name: str, given: dict[str, Any]) -> None:
    tenant = make_tenant()
    before = (tenant.face.summary(), tenant.tag(f"{ORDERS}('P100')"), tenant.get(f"{ORDERS}('P100')"))
    with pytest.raises(ValueError):
        act(tenant, name, **given)
    assert (tenant.face.summary(), tenant.tag(f"{ORDERS}('P100')"), tenant.get(f"{ORDERS}('P100')")) == before


@pytest.mark.parametrize(("status", "kind", "code"), [
    (401, None, "UNAUTHORIZED"),
    (412, None, "ODP_PRECONDITION_FAILED"),
    (423, None, "DATABASE_ERROR"),
    (429, None, "TOO_MANY_REQUESTS"),
    (503, "MI_MODIFIED_ERROR", "MI_MODIFIED_ERROR"),
    (504, None, "ODP_OPERATION_TIMEOUT"),
])  # fmt: skip
def test_injected_faults_speak_as_the_provider(status: int, kind: str | None, code: str) -> None:
    response = make_tenant().face.refusal(status, 7, kind)
    assert (response.status, json.loads(response.body)["error"]["code"]) == (status, code)
    assert dict(response.headers)["retry-after"] == "7"
    assert "retry-after" not in dict(make_tenant().face.refusal(status, None, kind).headers)


def test_a_gateway_that_is_down_speaks_html() -> None:
    response = make_tenant().face.refusal(503)
    assert dict(response.headers)["content-type"] == "text/html"
