"""Changing the simulated IFS: tags, validation, state events, rules, error texts, and what leaves no trace."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from .tenant import STRINGS, Tenant, make_tenant

PO = "PurchaseOrderHandling.svc/PurchaseOrderSet"
NAMESPACE = "IfsApp.PurchaseOrderHandling"
B = "CodeBHandling.svc/CodeBSet"
NEW_CODE = {
    "Company": "10",
    "CodeB": "03-330",
    "Description": "Slabs",
    "ValidFrom": "2026-01-01",
    "ValidUntil": "2049-12-31",
}
NEW_LINE = {
    "Description": "Formwork",
    "BuyQtyDue": 3,
    "BuyUnitMeas": "m2",
    "FbuyUnitPrice": 12.5,
    "CodeB": "03-310",
    "ActivitySeq": 100012,
}


def event(tenant: Tenant, order_no: str, name: str, tag: str | None = None) -> Any:
    url = f"{PO}(OrderNo='{order_no}')"
    return tenant.call("POST", f"{url}/{NAMESPACE}.PurchaseOrder_{name}", {}, if_match=tag or tenant.tag(url))


def test_create_answers_with_the_row_its_defaults_and_its_tag() -> None:
    tenant = make_tenant()
    response = tenant.call("POST", B, NEW_CODE)
    row = json.loads(response.body)
    assert (response.status, response.changed) == (201, True)
    assert (row["CodePart"], row["BudgetValue"], row["luname"]) == ("B", "NotBudgetAccount", "CodeB")
    assert dict(response.headers)["etag"] == row["@odata.etag"] == tenant.tag(f"{B}(Company='10',CodeB='03-330')")
    every = (
        "CodeStringCompletionHandling.svc/AccountingCodePartValueSet(Company='10',CodePart='B',CodePartValue='03-330')"
    )
    assert tenant.get(every)["Description"] == "Slabs"


@pytest.mark.parametrize(("change", "constant"), [
    ({"CodeB": "03-33x"}, "CodeB.INVALIDCHARVALUE"),
    ({"CodeB": "03^330"}, "CodeB.INVALIDCHARVALUE"),
    ({"CodeB": "03-330-0000"}, "CodeB.TOOMANYCHARS"),
    ({"ValidUntil": "2025-01-01"}, "CodeB.DATESINVALID"),
    ({"CodeB": "03-310"}, "CodeB.EXIST"),
    ({"Description": ""}, "CodeB.NULLVALUE"),
    ({"Description": "x" * 101}, "CodeB.TOOLONG"),
    ({"SortValue": "1"}, "CodeB.SORTVALUE"),
])  # fmt: skip
def test_rules_of_a_code_value(change: dict[str, str], constant: str) -> None:
    tenant = make_tenant()
    response = tenant.call("POST", B, {**NEW_CODE, **change})
    status, code, text = tenant.error(response)
    assert (status, code, response.changed) == (400, "DATABASE_ERROR", False)
    assert text.startswith(f"{constant}: ")
    assert tenant.column(f"{B}?$orderby=CodeB", "CodeB") == ["03-310", "05-120"]


def test_project_values_and_unused_parts_are_not_for_callers() -> None:
    tenant = make_tenant()
    for part, constant in (("E", "CodeE.PRACCCODEPARTCANNOTMODIFY"), ("G", "CodeG.ISNOTUSED")):
        body = {**{k: v for k, v in NEW_CODE.items() if k != "CodeB"}, f"Code{part}": "X1"}
        assert tenant.error(tenant.call("POST", f"Code{part}Handling.svc/Code{part}Set", body))[2].startswith(constant)


@pytest.mark.parametrize("body", [
    {**NEW_CODE, "Nope": 1},
    {**NEW_CODE, "ValidFrom": "01.02.2026"},
    {**NEW_CODE, "BudgetValue": "Perhaps"},
    {**NEW_CODE, "Description": 5},
    {**NEW_CODE, "AccountingTextId": "5"},
    b"{not json",
    b"[1]",
])  # fmt: skip
def test_bodies_that_do_not_fit(body: Any) -> None:
    tenant = make_tenant()
    status, code, _ = tenant.error(tenant.call("POST", B, body))
    assert (status, code) == (400, "ODP_DESERIALIZATION_ERROR")


def test_numbers_may_be_strings_under_ieee754() -> None:
    tenant = make_tenant()
    response = tenant.call("POST", B, {**NEW_CODE, "AccountingTextId": "5"}, accept=STRINGS)
    assert json.loads(response.body)["AccountingTextId"] == "5"


def test_a_change_needs_the_present_tag() -> None:
    tenant = make_tenant()
    url, body = f"{B}(Company='10',CodeB='03-310')", {"Description": "Concrete works"}
    assert tenant.error(tenant.call("PATCH", url, body))[:2] == (428, "ODP_MISSING_PRECONDITION")
    tag = tenant.tag(url)
    answer = tenant.call("PATCH", url, body, if_match=tag)
    assert (answer.status, json.loads(answer.body)["Description"]) == (200, "Concrete works")
    assert tenant.tag(url) != tag
    assert tenant.call("PATCH", url, body, if_match=tag).status == 412
    assert tenant.call("DELETE", url, if_match=tag).status == 412
    assert tenant.call("PATCH", url, body, if_match="*", prefer="return=minimal").status == 204
    tenant.face.switches.accept_star_etag = False
    assert tenant.call("PATCH", url, body, if_match="*").status == 412
    assert tenant.call("PUT", url, body, if_match="*").status == 501


def test_two_saves_in_one_second_share_a_tag_unless_versions_count() -> None:
    for version, same in (("seconds", True), ("counter", False)):
        tenant = make_tenant(row_version=version)
        url = f"{B}(Company='10',CodeB='03-310')"
        moment = tenant.clock()
        tags = []
        for text in ("one", "two"):
            tenant.clock.set(moment)
            tenant.call("PATCH", url, {"Description": text}, if_match="*")
            tags.append(tenant.tag(url))
        assert (tags[0] == tags[1]) is same


def test_upsert_creates_or_updates_without_a_tag() -> None:
    tenant = make_tenant(patch_without_if_match="upsert")
    url = f"{B}(Company='10',CodeB='09-900')"
    body = {**NEW_CODE, "SortValue": "ignored"}
    assert tenant.call("PATCH", url, body).status == 201
    assert tenant.get(url)["Description"] == "Slabs"
    assert tenant.call("PATCH", url, {"Description": "Paint", "CodeB": "ignored"}).status == 200
    assert tenant.get(url)["Description"] == "Paint"


def test_a_used_value_cannot_be_removed_and_an_unused_one_can() -> None:
    tenant = make_tenant()
    used, unused = f"{B}(Company='10',CodeB='03-310')", f"{B}(Company='10',CodeB='05-120')"
    assert tenant.error(tenant.call("DELETE", used, if_match=tenant.tag(used)))[2].startswith("CodeB.CONSTRAINT")
    assert tenant.call("DELETE", unused, if_match=tenant.tag(unused)).status == 204
    assert tenant.call("GET", unused).status == 404


def test_an_order_is_numbered_and_filled_by_the_server() -> None:
    tenant = make_tenant()
    response = tenant.call("POST", PO, {"VendorNo": "S2", "Contract": "PEO", "NoteText": "our ref 7"})
    row = json.loads(response.body)
    assert response.status == 201
    assert (row["OrderNo"], row["Objstate"], row["CurrencyCode"], row["Company"]) == ("P103", "Planned", "EUR", "10")
    url = f"{PO}(OrderNo='P103')/LineNopartArray"
    tenant.clock.advance(timedelta(seconds=2))
    before = tenant.tag(f"{PO}(OrderNo='P103')")
    made = json.loads(tenant.call("POST", url, NEW_LINE, accept=STRINGS).body)
    assert (made["LineNo"], made["ReleaseNo"], made["VendorNo"], made["ProjectId"]) == ("1", "1", "S2", "P-2401")
    assert (made["NetAmtCurr"], made["NetAmtBase"], made["BuyUnitPrice"]) == ("37.5", "41.25", "13.75")
    assert tenant.tag(f"{PO}(OrderNo='P103')") != before, "a child's save touches its parent"


@pytest.mark.parametrize(("change", "constant"), [
    ({"VendorNo": "S3"}, "Supplier.NOTEXIST"),
    ({"VendorNo": "S9"}, "SupplierInfoGeneral.NOTEXIST"),
    ({"Contract": "XXX"}, "Site.NOTEXIST"),
    ({"VendorNo": None}, "PurchaseOrder.NULLVALUE"),
    ({"Objstate": "Released"}, "PurchaseOrder.OBJSTATE"),
    ({"CurrencyCode": "XTS"}, "CurrencyCode.NOTEXIST"),
])  # fmt: skip
def test_rules_of_an_order(change: dict[str, Any], constant: str) -> None:
    tenant = make_tenant()
    response = tenant.call("POST", PO, {"VendorNo": "S1", "Contract": "PEO", **change})
    assert tenant.error(response)[2].startswith(f"{constant}: ")


@pytest.mark.parametrize(("array", "change", "constant"), [
    ("LineNopartArray", {"CodeB": "99-999"}, "CodeB.NOTEXIST"),
    ("LineNopartArray", {"CodeA": "9"}, "Account.NOTEXIST"),
    ("LineNopartArray", {"ActivitySeq": 5}, "Activity.NOTEXIST"),
    ("LineNopartArray", {"BuyQtyDue": 0}, "PurchaseOrderLine.QTYPOSITIVE"),
    ("LineNopartArray", {"Description": None}, "PurchaseOrderLine.NULLVALUE"),
    ("LineNopartArray", {"PartNo": "X"}, "PurchaseOrderLineNopart.NOPARTNO"),
    ("LineNopartArray", {"NetAmtCurr": 5}, "PurchaseOrderLine.NETAMTCURR"),
    ("LinePartArray", {}, "PurchaseOrderLinePart.PARTNEEDED"),
])  # fmt: skip
def test_rules_of_a_line(array: str, change: dict[str, Any], constant: str) -> None:
    tenant = make_tenant()
    response = tenant.call("POST", f"{PO}(OrderNo='P100')/{array}", {**NEW_LINE, **change})
    assert tenant.error(response)[2].startswith(f"{constant}: ")
    assert len(tenant.get("PurchaseOrderLinesHandling.svc/PurchaseOrderLineSet")["value"]) == 5


def test_an_unknown_code_already_on_a_line_may_stay_when_the_line_changes() -> None:
    tenant = make_tenant()
    url = f"{PO}(OrderNo='P100')/LineRentalPartArray(OrderNo='P100',LineNo='10',ReleaseNo='1')"
    assert tenant.call("PATCH", url, {"BuyQtyDue": 4}, if_match=tenant.tag(url)).status == 200
    assert tenant.get(url)["NetAmtCurr"] == 400


def test_state_events_and_the_states_they_start_from() -> None:
    tenant = make_tenant()
    assert event(tenant, "P102", "Confirm").status == 400
    assert event(tenant, "P102", "Release").status == 204
    assert event(tenant, "P102", "Confirm").status == 204
    assert tenant.get(f"{PO}(OrderNo='P102')/LineNopartArray")["value"][0]["Objstate"] == "Confirmed"
    assert event(tenant, "P102", "Cancel").status == 204
    refused = tenant.error(event(tenant, "P102", "Close"))
    assert refused[2].startswith("PurchaseOrder.FND_STATE")
    assert json.loads(event(tenant, "P102", "Close").body)["error"]["details"][0]["code"] == "20110"
    assert tenant.error(tenant.call("POST", f"{PO}(OrderNo='P102')/LineNopartArray", NEW_LINE))[2].startswith(
        "PurchaseOrder.NOTCHANGEABLE"
    )
    assert event(tenant, "P102", "Vanish").status == 404
    missing = tenant.call("POST", f"{PO}(OrderNo='P100')/{NAMESPACE}.PurchaseOrder_Close", {})
    assert missing.status == 428


def test_the_header_follows_its_lines() -> None:
    tenant = make_tenant()
    arrays = (
        ("LineNopartArray", "1", "Nopart"),
        ("LinePartArray", "2", "Part"),
        ("LineRentalPartArray", "10", "RentalPart"),
    )
    for array, number, kind in arrays:
        assert tenant.get(f"{PO}(OrderNo='P100')")["Objstate"] == "Released"
        url = f"{PO}(OrderNo='P100')/{array}(OrderNo='P100',LineNo='{number}',ReleaseNo='1')"
        name = "Cancel" if number == "1" else "Close"
        answer = tenant.call("POST", f"{url}/{NAMESPACE}.PurchaseOrderLine{kind}_{name}", {}, if_match=tenant.tag(url))
        assert answer.status == 204
    assert tenant.get(f"{PO}(OrderNo='P100')")["Objstate"] == "Closed"


def test_only_planned_orders_can_be_removed() -> None:
    tenant = make_tenant()
    assert tenant.call("DELETE", f"{PO}(OrderNo='P100')", if_match="*").status == 400
    assert tenant.call("DELETE", f"{PO}(OrderNo='P102')", if_match="*").status == 204
    assert tenant.face.summary()["PurchaseOrderLine"] == 4


def test_defaults_can_be_overlaid_and_sent_back() -> None:
    tenant = make_tenant()
    template = tenant.get(f"{PO}(OrderNo='P100')/LineNopartArray/{NAMESPACE}.PurchaseOrderLineNopart_Default()")
    assert (template["OrderNo"], template["ConvFactor"]) == ("P100", 1)
    response = tenant.call("POST", f"{PO}(OrderNo='P100')/LineNopartArray", {**template, **NEW_LINE})
    assert (response.status, json.loads(response.body)["LineNo"]) == (201, "11")
    assert "OrderNo" not in tenant.get(f"{PO}/{NAMESPACE}.PurchaseOrder_Default()")


def test_what_cannot_be_done_here() -> None:
    tenant = make_tenant()
    read_only = "PurchaseOrderLinesHandling.svc/PurchaseOrderLineSet"
    assert tenant.call("POST", read_only, NEW_LINE).status == 405
    assert tenant.call("POST", PO, {"VendorNo": "S1", "Contract": "PEO", "LineNopartArray": []}).status == 501
    assert tenant.call("DELETE", PO, if_match="*").status == 405
    assert tenant.call("PATCH", f"{PO}(OrderNo='P100')", {"OrderNo": "P7"}, if_match="*").status == 400
    assert tenant.call("PATCH", f"{PO}(OrderNo='P100')", {"CurrencyCode": "EUR"}, if_match="*").status == 400
    assert tenant.call("GET", f"{PO}(OrderNo='P100')", if_none_match="*").status == 501


@pytest.mark.parametrize(("style", "text", "code"), [
    ("with_constant", "Supplier.NOTEXIST: The", "20111"),
    ("ora", "ORA-20111: Supplier.NOTEXIST: The", "20111"),
    ("text_only", "The supplier", "ERROR"),
])  # fmt: skip
def test_texts_of_rules(style: str, text: str, code: str) -> None:
    tenant = make_tenant(error_text=style, validation_status=500)
    response = tenant.call("POST", PO, {"VendorNo": "S3", "Contract": "PEO"})
    assert tenant.error(response)[0] == 500
    detail = json.loads(response.body)["error"]["details"][0]
    assert (detail["message"].startswith(text), detail["code"]) == (True, code)


def test_a_supplier_is_made_of_parts() -> None:
    tenant = make_tenant()
    root = "SupplierHandling.svc/SupplierInfoGeneralSet"
    made = json.loads(tenant.call("POST", root, {"Name": "New Beams Co"}).body)
    url = f"{root}(SupplierId='{made['SupplierId']}')"
    order = {"VendorNo": made["SupplierId"], "Contract": "PEO"}
    assert tenant.call("POST", PO, order).status == 400
    bought = tenant.call("POST", f"{url}/SupplierPurchases", {"CurrencyCode": "USD", "SuppGrp": "STD"})
    assert bought.status == 201
    assert tenant.call("POST", PO, order).status == 201
    paid = {"Company": "10", "GroupId": "STD", "DefCurrency": "USD", "PayTermId": "30"}
    assert tenant.call("POST", f"{url}/SupplierInvoiceCompanies", paid).status == 201
    assert tenant.call("POST", f"{url}/SupplierInvoiceCompanies", {**paid, "Company": "77"}).status == 400
    assert tenant.call("DELETE", url, if_match="*").status == 400, "it is used on an order"


def test_actions_may_need_ieee754() -> None:
    tenant = make_tenant(action_needs_ieee754=True)
    url = f"{PO}(OrderNo='P102')"
    assert event(tenant, "P102", "Release").status == 500
    answer = tenant.call(
        "POST", f"{url}/{NAMESPACE}.PurchaseOrder_Release", {}, if_match=tenant.tag(url), accept=STRINGS
    )
    assert answer.status == 204


def test_history_is_written_for_units_under_history() -> None:
    tenant = make_tenant(history_log={"SupplierInfoGeneral"})
    tenant.face.acts["rename_supplier"]({"supplier_id": "S1", "name": "Acme Steel Inc"})
    tenant.face.acts["amend_line"]({"order_no": "P100", "line_no": "1", "quantity": "9"})
    entries = tenant.get("HistoryLogHandling.svc/HistoryLogOverviewSet?$filter=LuName eq 'SupplierInfoGeneral'")[
        "value"
    ]
    assert [(one["Keys"], one["HistoryType"]) for one in entries] == [("SUPPLIER_ID=S1^", "Modify")]
    changes = tenant.get(
        f"HistoryLogHandling.svc/HistoryLogDetailsSet(LogId={entries[0]['LogId']})/HistoryLogAttributeArray"
    )["value"]
    assert [(one["ColumnName"], one["OldValue"], one["NewValue"]) for one in changes] == [
        ("NAME", "Acme Steel", "Acme Steel Inc")
    ]


def test_history_is_off_until_it_is_switched_on_and_tells_what_came_and_went() -> None:
    tenant = make_tenant()
    log, url = "HistoryLogHandling.svc/HistoryLogOverviewSet?$orderby=LogId", f"{B}(Company='10',CodeB='03-330')"

    def come_and_go() -> None:
        assert tenant.call("POST", B, NEW_CODE).status == 201
        assert tenant.call("DELETE", url, if_match="*").status == 204

    come_and_go()
    assert tenant.get(log)["value"] == []
    tenant.face.switches.history_log = {"CodeB"}
    come_and_go()
    told = [(one["HistoryType"], one["Keys"], one["LuName"]) for one in tenant.get(log)["value"]]
    assert told == [(kind, "CODE_B=03-330^COMPANY=10^", "CodeB") for kind in ("Insert", "Delete")]


def test_versions_are_local_time() -> None:
    tenant = make_tenant(timezone="Asia/Tokyo")
    tenant.face.acts["rename_supplier"]({"supplier_id": "S1", "name": "X"})
    tag = tenant.tag("SupplierHandling.svc/SupplierInfoGeneralSet('S1')")
    assert b":2026091521" in base64.b64decode(tag[3:-1]), "12:00 UTC is 21:00 in Tokyo"


def test_an_expired_code_cannot_be_typed_on_a_line() -> None:
    tenant = make_tenant()
    tenant.face.acts["expire_code_value"]({"code_part": "B", "value": "03-310"})
    refused = tenant.call("POST", f"{PO}(OrderNo='P100')/LineNopartArray", NEW_LINE)
    assert tenant.error(refused)[2].startswith("CodeB.NOTVALID")
