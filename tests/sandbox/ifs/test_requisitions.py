"""Requisitions, receipts and amendments in the simulated IFS, by callers and by people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .office import act, event, make_office, post, put, refused
from .tenant import Tenant

ROOT = "PurchaseRequisitionHandling.svc"
SETS = f"{ROOT}/PurchaseRequisitionSet"
PO = "PurchaseOrderHandling.svc/PurchaseOrderSet"
LINES = "PurchaseOrderLinesHandling.svc/PurchaseOrderLineSet"
RECEIPTS = "PurchaseReceiptsHandling.svc/PurchaseReceiptSet"
LINE = {
    "Description": "Formwork", "OriginalQty": 3, "BuyUnitMeas": "m2", "FbuyUnitPrice": 12.5, "VendorNo": "S1",
    "CodeB": "03-310", "ActivitySeq": 100012,
}  # fmt: skip


def requisition(tenant: Tenant, *lines: dict[str, Any], **head: Any) -> str:
    made = post(tenant, SETS, {"Contract": "PEO", "RequisitionerCode": "ML_CONNECTOR", **head})
    url = f"{SETS}(RequisitionNo='{made['RequisitionNo']}')"
    for line in lines:
        array = "PurchaseReqLinePartArray" if "PartNo" in line else "PurchaseReqLineNopartArray"
        post(tenant, f"{url}/{array}", line)
    return url


def convert(tenant: Tenant, *numbers: str, **more: Any) -> Any:
    selection = "".join(f"REQUISITION_NO=1001^LINE_NO={number}^RELEASE_NO=1^;" for number in numbers)
    return tenant.call("POST", f"{ROOT}/CreateRequisitionLineToOrder", {"Selection": selection, **more})


def test_both_kinds_of_line_are_written_released_and_ordered() -> None:
    tenant = make_office()
    url = requisition(tenant, LINE, {**LINE, "PartNo": "BRK-1", "Description": "Bracket"}, NoteText="our ref 7")
    parts = tenant.get(f"{ROOT}/PurchaseReqLinePartSet")["value"]
    assert [(one["LineNo"], one["PartNo"], one["ProjectId"], one["Objstate"]) for one in parts] == [
        ("2", "BRK-1", "P-2401", "Planned")
    ]
    assert refused(tenant, convert(tenant, "1")) == "PurchaseReqLine.NOTRELEASED"
    assert event(tenant, url, "Release", "PurchaseRequisition").status == 204
    answer = convert(tenant, "1", "2", BuyerCode="MHALE")
    assert (answer.status, json.loads(answer.body)["value"]) == (200, "P103")
    assert tenant.get(url)["Objstate"] == "POCreated"
    order = tenant.get(f"{PO}('P103')")
    assert (order["Objstate"], order["VendorNo"], order["BuyerCode"]) == ("Planned", "S1", "MHALE")
    made = tenant.get(f"{LINES}?$filter=RequisitionNo eq '1001'&$orderby=LineNo")["value"]
    assert [(one["LineNo"], one["PartNo"], one["NetAmtCurr"], one["CodeB"]) for one in made] == [
        ("1", None, 37.5, "03-310"), ("2", "BRK-1", 37.5, "03-310"),
    ]  # fmt: skip
    linked = tenant.get(f"{ROOT}/PurchaseReqLineNopartSet(RequisitionNo='1001',LineNo='1',ReleaseNo='1')")
    assert (linked["Objstate"], linked["OrderNo"], linked["AssgLineNo"]) == ("POCreated", "P103", "1")
    state = "IfsApp.PurchaseRequisitionHandling.PurchaseReqLineNopartState'POCreated'"
    assert len(tenant.get(f"{ROOT}/PurchaseReqLineNopartSet?$filter=Objstate eq {state}")["value"]) == 1
    assert refused(tenant, convert(tenant, "1")) == "PurchaseReqLine.NOTRELEASED"


def test_an_express_requisition_orders_on_release() -> None:
    tenant = make_office()
    url = requisition(tenant, LINE, OrderCode="5")
    event(tenant, url, "Release", "PurchaseRequisition")
    assert tenant.get(url)["Objstate"] == "POCreated"
    assert tenant.get(f"{PO}('P103')/LineNopartArray")["value"][0]["Description"] == "Formwork"


def test_lines_join_an_order_of_their_supplier_only() -> None:
    tenant = make_office()
    event(tenant, requisition(tenant, LINE, {**LINE, "VendorNo": None}), "Release", "PurchaseRequisition")
    assert refused(tenant, convert(tenant, "1", OrderNo="P101")) == "PurchaseReqLine.WRONGVENDOR"
    assert refused(tenant, convert(tenant, "2")) == "PurchaseReqLine.NOVENDOR"
    assert json.loads(convert(tenant, "1", OrderNo="P100").body)["value"] == "P100"
    assert len(tenant.get(f"{PO}('P100')/LineNopartArray")["value"]) == 2


@pytest.mark.parametrize(("body", "constant"), [
    ({"RequisitionerCode": "NOBODY"}, "PurchaseRequisitioner.NOTEXIST"),
    ({"Contract": "XXX"}, "Site.NOTEXIST"),
    ({"RequisitionerCode": None}, "PurchaseRequisition.NULLVALUE"),
])  # fmt: skip
def test_rules_of_a_requisition(body: dict[str, Any], constant: str) -> None:
    tenant = make_office()
    answer = tenant.call("POST", SETS, {"Contract": "PEO", "RequisitionerCode": "J_DOE", **body})
    assert refused(tenant, answer) == constant


@pytest.mark.parametrize(("array", "body", "constant"), [
    ("PurchaseReqLineNopartArray", {"OriginalQty": 0}, "PurchaseReqLine.QTYPOSITIVE"),
    ("PurchaseReqLineNopartArray", {"PartNo": "X"}, "PurchaseReqLine.PARTNO"),
    ("PurchaseReqLinePartArray", {}, "PurchaseReqLine.PARTNO"),
    ("PurchaseReqLineNopartArray", {"VendorNo": "S3"}, "Supplier.NOTEXIST"),
    ("PurchaseReqLineNopartArray", {"CodeB": "99-999"}, "CodeB.NOTEXIST"),
    ("PurchaseReqLineNopartArray", {"Description": None}, "PurchaseReqLine.NULLVALUE"),
])  # fmt: skip
def test_rules_of_a_requisition_line(array: str, body: dict[str, Any], constant: str) -> None:
    tenant = make_office()
    url = requisition(tenant)
    assert refused(tenant, tenant.call("POST", f"{url}/{array}", {**LINE, **body})) == constant


def test_requisition_states_and_selections_that_cannot_be() -> None:
    tenant = make_office()
    url = requisition(tenant)
    assert refused(tenant, event(tenant, url, "Release", "PurchaseRequisition")) == "PurchaseRequisition.NOLINES"
    post(tenant, f"{url}/PurchaseReqLineNopartArray", LINE)
    event(tenant, url, "Release", "PurchaseRequisition")
    assert refused(tenant, tenant.call("DELETE", url, if_match="*")) == "PurchaseRequisition.ONLYPLANNED"
    event(tenant, url, "Cancel", "PurchaseRequisition")
    assert tenant.column(f"{ROOT}/PurchaseReqLineNopartSet", "Objstate") == ["Cancelled"]
    assert (
        refused(tenant, tenant.call("PATCH", url, {"NoteText": "x"}, if_match="*"))
        == "PurchaseRequisition.NOTCHANGEABLE"
    )
    for selection in ("REQUISITION_NO", "LINE_NO=1^", "", ";"):
        answer = tenant.call("POST", f"{ROOT}/CreateRequisitionLineToOrder", {"Selection": selection})
        assert answer.status == 400
    assert tenant.call("POST", f"{ROOT}/CreateRequisitionLineToOrder", {}).status == 400


def test_lines_may_be_released_one_by_one_and_the_header_follows() -> None:
    tenant = make_office()
    url = requisition(tenant, LINE, {**LINE, "PartNo": "BRK-1", "Description": "Bracket"})
    first = f"{ROOT}/PurchaseReqLineNopartSet(RequisitionNo='1001',LineNo='1',ReleaseNo='1')"
    second = f"{ROOT}/PurchaseReqLinePartSet(RequisitionNo='1001',LineNo='2',ReleaseNo='1')"
    assert event(tenant, first, "Release", "PurchaseReqLineNopart").status == 204
    assert (tenant.get(url)["Objstate"], tenant.get(second)["Objstate"]) == ("Planned", "Planned")
    assert refused(tenant, event(tenant, first, "Release", "PurchaseReqLineNopart")) == "PurchaseReqLine.FND_STATE"
    assert json.loads(convert(tenant, "1").body)["value"] == "P103"
    assert event(tenant, second, "Release", "PurchaseReqLinePart").status == 204
    assert tenant.get(url)["Objstate"] == "Released"
    assert event(tenant, second, "Cancel", "PurchaseReqLinePart").status == 204
    assert tenant.get(url)["Objstate"] == "POCreated"


def test_an_order_of_ones_own_number_takes_one_supplier_site_and_currency() -> None:
    tenant = make_office()
    euros = {**LINE, "CurrencyCode": "EUR"}
    event(tenant, requisition(tenant, LINE, LINE, euros), "Release", "PurchaseRequisition")
    assert refused(tenant, convert(tenant, "3", OrderNo="P100")) == "PurchaseReqLine.WRONGCURRENCY"
    assert json.loads(convert(tenant, "1", OwnPoNumber="W-77").body)["value"] == "W-77"
    assert json.loads(convert(tenant, "2", "3").body)["value"] == "P103,P104"
    assert [tenant.get(f"{PO}('{number}')")["CurrencyCode"] for number in ("W-77", "P103", "P104")] == [
        "USD", "USD", "EUR",
    ]  # fmt: skip


def test_people_take_a_requisition_back() -> None:
    tenant = make_office()
    line = {"description": "Rail", "quantity": 2, "price": "9.5", "supplier_id": "S1"}
    number = act(tenant, "create_requisition", lines=[line, {**line, "part_no": "BRK-1"}])["requisition_no"]
    assert act(tenant, "release_requisition", requisition_no=number)["state"] == "Released"
    assert act(tenant, "cancel_requisition", requisition_no=number)["state"] == "Cancelled"
    assert tenant.column(f"{ROOT}/PurchaseReqLinePartSet", "Objstate") == ["Cancelled"]
    for name in ("release_requisition", "cancel_requisition"):
        with pytest.raises(ValueError, match="state Cancelled"):
            act(tenant, name, requisition_no=number)


def test_people_write_release_and_convert_requisitions() -> None:
    tenant = make_office()
    line = {"description": "Rail", "quantity": 2, "price": "9.5", "supplier_id": "S1", "codes": {"B": "03-310"}}
    made = act(tenant, "create_requisition", lines=[line], release=True)
    assert made["state"] == "Released"
    assert act(tenant, "convert_requisition", requisition_no=made["requisition_no"]) == {"orders": ["P103"]}
    with pytest.raises(ValueError, match="no released line"):
        act(tenant, "convert_requisition", requisition_no=made["requisition_no"])


def test_goods_arrive_in_parts_until_the_line_is_received() -> None:
    tenant = make_office()
    line = f"{LINES}(OrderNo='P100',LineNo='1',ReleaseNo='1')"
    act(tenant, "receive_goods", order_no="P100", line_no="1", quantity="0.5", reference="DN-1")
    assert tenant.get(line)["Objstate"] == "Released"
    with pytest.raises(ValueError, match="can be received"):
        act(tenant, "receive_goods", order_no="P100", line_no="1", quantity=2)
    act(tenant, "receive_goods", order_no="P100", line_no="1", arrived_only=True)
    assert tenant.get(line)["Objstate"] == "Arrived"
    act(tenant, "inspect_goods", order_no="P100", line_no="1", receipt_no=2)
    assert tenant.get(line)["Objstate"] == "Received"
    rows = tenant.get(f"{RECEIPTS}?$orderby=ReceiptNo")["value"]
    assert [(one["QtyInspected"], one["ReceiptReference"], one["Objstate"]) for one in rows] == [
        (0.5, "DN-1", "Received"), (1.5, None, "Received"),
    ]  # fmt: skip
    assert tenant.get(f"{PO}('P100')")["Objstate"] == "Released"
    act(tenant, "receive_goods", order_no="P100")
    assert tenant.get(f"{PO}('P100')")["Objstate"] == "Received"
    act(tenant, "return_goods", order_no="P100", line_no="1", receipt_no=1)
    assert (tenant.get(line)["Objstate"], tenant.get(f"{PO}('P100')")["Objstate"]) == ("Released", "Released")
    with pytest.raises(ValueError, match="released orders only"):
        act(tenant, "receive_goods", order_no="P102", line_no="1")
    act(tenant, "close_order", order_no="P101")
    with pytest.raises(ValueError, match="no open line"):
        act(tenant, "receive_goods", order_no="P101")
    told = "PurchaseOrderLinesHistoryAnalysis.svc/PurchaseOrderLineHistorySet?$filter=LineNo eq '1'&$orderby=HistoryNo"
    assert tenant.column(told, "MessageText")[:2] == [
        "Objstate changed from Released to Arrived", "Objstate changed from Arrived to Received",
    ]  # fmt: skip


def test_an_order_whose_goods_wait_for_inspection_has_arrived() -> None:
    tenant = make_office()
    act(tenant, "receive_goods", order_no="P101", arrived_only=True)
    assert tenant.get(f"{PO}('P101')")["Objstate"] == "Arrived"
    act(tenant, "inspect_goods", order_no="P101", line_no="1")
    assert tenant.get(f"{PO}('P101')")["Objstate"] == "Received"


def test_received_lines_are_not_cancelled_nor_cut_below_what_came() -> None:
    tenant = make_office()
    act(tenant, "receive_goods", order_no="P100", line_no="1", quantity=1.5)
    url = f"{PO}('P100')/LineNopartArray(OrderNo='P100',LineNo='1',ReleaseNo='1')"
    assert (
        refused(tenant, tenant.call("PATCH", url, {"BuyQtyDue": 1}, if_match="*"))
        == "PurchaseOrderLine.QTYBELOWRECEIVED"
    )
    assert refused(tenant, event(tenant, url, "Cancel", "PurchaseOrderLineNopart")) == "PurchaseOrderLine.RECEIVED"
    assert refused(tenant, event(tenant, f"{PO}('P100')", "Cancel", "PurchaseOrder")) == "PurchaseOrder.RECEIVED"
    assert event(tenant, f"{PO}('P100')", "Close", "PurchaseOrder").status == 204


def test_some_companies_change_released_orders_by_change_order_only() -> None:
    tenant = make_office()
    act(tenant, "set_company", changes_to_orders=False)
    answer = tenant.call("PATCH", f"{PO}('P100')", {"NoteText": "x"}, if_match="*")
    assert refused(tenant, answer) == "PurchaseOrder.CHANGEORDERNEEDED"
    put(tenant, f"{PO}('P102')", NoteText="still planned")


def test_a_buyer_amends_an_order_in_one_go() -> None:
    tenant = make_office()
    changed = act(
        tenant, "amend_order", order_no="P100", note="phone 14 Sep", lines=[{"line_no": "1", "price": "90"}],
        add_lines=[{"description": "Grout", "quantity": 4, "price": 2}], cancel_lines=["2"],
    )  # fmt: skip
    assert (changed["revision"], changed["state"]) == (2, "Released")
    rows = tenant.get(f"{LINES}?$filter=OrderNo eq 'P100'&$orderby=LineNo")["value"]
    assert [(one["LineNo"], one["NetAmtCurr"], one["Objstate"]) for one in rows] == [
        ("1", 180, "Released"), ("10", 200, "Released"), ("11", 8, "Released"), ("2", 200, "Cancelled"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="colour"):
        act(tenant, "amend_order", order_no="P100", colour="red")
    with pytest.raises(ValueError):
        act(tenant, "amend_order", order_no="P100", note="half", lines=[{"line_no": "77", "price": 1}])
    assert tenant.get(f"{PO}('P100')")["NoteText"] == "phone 14 Sep", "a refused act leaves no trace"
