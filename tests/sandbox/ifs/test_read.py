"""Reading from the simulated IFS: envelope, options, paging, and what it refuses."""

from __future__ import annotations

import base64
import re
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest

from .tenant import BASE, FULL, SERVICE, STRINGS, Tenant, line, make_tenant, order

PO = "PurchaseOrderHandling.svc/PurchaseOrderSet"
LINES = "PurchaseOrderLinesHandling.svc/PurchaseOrderLineSet"
BY_KEY = "$orderby=OrderNo,LineNo,ReleaseNo"
STATE = "IfsApp.PurchaseOrderLinesHandling.PurchaseOrderLineState"


@pytest.fixture(scope="module")
def tenant() -> Tenant:
    return make_tenant()


def test_a_row_carries_the_envelope(tenant: Tenant) -> None:
    response = tenant.call("GET", f"{PO}(OrderNo='P100')")
    row = tenant.get(f"{PO}(OrderNo='P100')")
    assert row["@odata.context"] == f"{BASE}{SERVICE}PurchaseOrderHandling.svc/$metadata#PurchaseOrderSet/$entity"
    assert (row["luname"], row["keyref"], row["Objstate"]) == ("PurchaseOrder", "ORDER_NO=P100^", "Released")
    assert dict(response.headers)["etag"] == row["@odata.etag"]
    inner = base64.b64decode(re.fullmatch(r'W/"(.*)"', row["@odata.etag"])[1]).decode()  # type: ignore[index]
    assert re.fullmatch(r'W/"\w{18,}:20260901080000"', inner), inner


def test_nested_arrays_split_the_lines_and_hide_their_tags(tenant: Tenant) -> None:
    kinds = {"LinePartArray": "2", "LineNopartArray": "1", "LineRentalPartArray": "10"}
    for array, number in kinds.items():
        rows = tenant.get(f"{PO}(OrderNo='P100')/{array}")["value"]
        assert [row["LineNo"] for row in rows] == [number]
        assert "@odata.etag" not in rows[0]
    full = tenant.get(f"{PO}(OrderNo='P100')/LineNopartArray", accept=FULL)["value"][0]
    assert full["@odata.etag"].startswith('W/"')
    assert full["@odata.id"].endswith("LineNopartArray(OrderNo='P100',LineNo='1',ReleaseNo='1')")


def test_decimals_are_strings_only_when_asked(tenant: Tenant) -> None:
    url = f"{LINES}?$filter=OrderNo eq 'P101'&$select=FbuyUnitPrice,BuyUnitPrice,NetAmtCurr,NetAmtBase,ActivitySeq"
    assert tenant.get(url, accept=STRINGS)["value"][0] == {
        "@odata.etag": tenant.get(url)["value"][0]["@odata.etag"],
        "FbuyUnitPrice": "10.005", "BuyUnitPrice": "11.0055", "NetAmtCurr": "30.02", "NetAmtBase": "33.02",
        "ActivitySeq": "100012",
    }  # fmt: skip
    raw = tenant.call("GET", url).body
    assert b'"NetAmtCurr":30.02' in raw
    assert b'"ActivitySeq":100012' in raw
    assert b'"NetAmtCurr":200,' in tenant.call("GET", f"{LINES}?$filter=OrderNo eq 'P100'").body, (
        "amounts are not padded"
    )


def test_a_line_may_carry_a_code_that_no_code_part_has(tenant: Tenant) -> None:
    assert tenant.column(f"{LINES}?$filter=CodeB eq '99-999'", "LineNo") == ["10"]
    assert tenant.column("CodeBHandling.svc/CodeBSet?$filter=CodeB eq '99-999'", "CodeB") == []


@pytest.mark.parametrize(("condition", "numbers"), [
    (f"Objstate eq {STATE}'Released'", ["1", "10", "2", "1", "1"]),
    (f"Objstate ne {STATE}'Released'", []),
    ("NetAmtCurr gt 199.5 and NetAmtCurr le 200", ["1", "10", "2", "1"]),
    ("NetAmtCurr mul 2 eq 60.04", ["1"]),
    ("PartNo eq null", ["1", "1", "1"]),
    ("PartNo ne null and not startswith(PartNo,'BRK')", ["10"]),
    ("contains(tolower(Description),'work 1') and OrderNo lt 'P101'", ["1", "10"]),
    ("WantedDeliveryDate eq 2026-10-01 and OrderNo eq 'P101'", ["1"]),
    ("DateEntered ge 2026-09-01T00:00:00Z and OrderNo eq 'P101'", ["1"]),
    ("year(WantedDeliveryDate) eq 2025", []),
    ("length(LineNo) eq 2", ["10"]),
    ("cast(ActivitySeq,Edm.String) eq '100012' and OrderNo eq 'P102'", ["1"]),
    ("CodeB eq 'it''s'", []),
    ("OrderNo in_ 'x'", None),
])  # fmt: skip
def test_filter(tenant: Tenant, condition: str, numbers: list[str] | None) -> None:
    response = tenant.call("GET", f"{LINES}?$filter={condition}&{BY_KEY}")
    if numbers is None:
        assert response.status == 400
        return
    assert tenant.column(f"{LINES}?$filter={condition}&{BY_KEY}", "LineNo") == numbers


@pytest.mark.parametrize(("query", "status"), [
    ("$filter=Objstate eq 'Released'", 400),
    ("$filter=Objstate eq IfsApp.Other.State'Released'", 400),
    (f"$filter=Objstate eq {STATE}'Shipped'", 400),
    ("$filter=NoSuchThing eq 1", 400),
    ("$filter=OrderNo eq 5", 400),
    ("$filter=LineKind eq 'part'", 400),
    ("$filter=OrderNo eq", 400),
    ("$filter=OrderNo in ('P100','P101')", 501),
    ("$filter=round(NetAmtCurr) eq 1", 501),
    ("$filter=ActivitySeq mod 2 eq 0", 501),
    ("$filter=Lines/any(x:x/A eq 1)", 501),
    ("$filter=nonsense(OrderNo) eq 1", 501),
    ("$search=steel", 501),
    ("$apply=aggregate(NetAmtCurr with sum as T)", 501),
    ("$select=Nope", 400),
    ("$orderby=Nope", 400),
    ("$orderby=length(OrderNo)", 501),
    ("$top=-1", 400),
    ("$count=maybe", 400),
    ("odata-debug=json", 501),
])  # fmt: skip
def test_options_that_are_refused(tenant: Tenant, query: str, status: int) -> None:
    response = tenant.call("GET", f"{LINES}?{query}")
    assert response.status == status, response.body
    if status == 501:
        assert tenant.error(response)[1] == "ODP_NOT_IMPLEMENTED"


def test_names_that_begin_like_a_word_of_the_grammar() -> None:
    url = "SupplierHandling.svc/SupplierInfoGeneralSet(SupplierId='S1')/SupplierInvoiceCompanies"
    assert make_tenant().column(f"{url}?$filter=AllowTolerance eq null", "Company") == ["10"]


def test_key_set_paging_sees_every_line_once() -> None:
    tenant = make_tenant(*(order(f"P2{n:02}", *(line(str(number)) for number in range(1, 13))) for n in range(10)))
    seen: list[tuple[str, str, str]] = []
    while True:
        o, n, r = seen[-1] if seen else ("", "", "")
        later = f"LineNo gt '{n}' or (LineNo eq '{n}' and ReleaseNo gt '{r}')"
        condition = f"OrderNo gt '{o}' or (OrderNo eq '{o}' and ({later}))"
        rows = tenant.get(f"{LINES}?$filter={condition}&{BY_KEY}&$top=7&$select=OrderNo,LineNo,ReleaseNo")["value"]
        seen += [(row["OrderNo"], row["LineNo"], row["ReleaseNo"]) for row in rows]
        if len(rows) < 7:
            break
    assert len(seen) == 125
    assert seen == sorted(set(seen))
    assert seen[1][1] == "10", "line numbers are text and sort as text"


def test_top_skip_count_and_order(tenant: Tenant) -> None:
    found = tenant.get(f"{LINES}?$orderby=NetAmtCurr desc,OrderNo desc,LineNo&$top=2&$skip=1&$count=true")
    assert found["@odata.count"] == 5
    assert [(row["OrderNo"], row["LineNo"]) for row in found["value"]] == [("P100", "1"), ("P100", "10")]
    assert tenant.get(f"{LINES}?$count=true&$top=0", accept=STRINGS)["@odata.count"] == "5"


def test_without_order_rows_are_shuffled_unless_switched_off() -> None:
    more = [order(f"P3{n:02}", line("1")) for n in range(30)]
    loose, strict = make_tenant(*more), make_tenant(*more, unordered_shuffle=False)
    assert loose.column(PO, "OrderNo") != loose.column(PO, "OrderNo")
    assert strict.column(PO, "OrderNo") == sorted(strict.column(PO, "OrderNo"))


@pytest.mark.parametrize(("switch", "link"), [
    ("cut:2", None),
    ("cut:2:relative", "PurchaseOrderSet?"),
    ("cut:2:absolute", f"{BASE}{SERVICE}PurchaseOrderHandling.svc/PurchaseOrderSet?"),
])  # fmt: skip
def test_a_read_without_top_may_be_cut(switch: str, link: str | None) -> None:
    tenant = make_tenant(default_page=switch)
    first: dict[str, Any] = tenant.get(f"{PO}?$orderby=OrderNo&$select=OrderNo")
    assert [row["OrderNo"] for row in first["value"]] == ["P100", "P101"]
    if link is None:
        assert "@odata.nextLink" not in first
        return
    assert first["@odata.nextLink"].startswith(link)
    rest = tenant.get("PurchaseOrderHandling.svc/" + first["@odata.nextLink"].split(".svc/")[-1])
    assert [row["OrderNo"] for row in rest["value"]] == ["P102"]
    assert "@odata.nextLink" not in rest


def test_a_large_top_is_clamped_or_refused() -> None:
    assert len(make_tenant(max_top="clamp:1").get(f"{PO}?$top=5&$orderby=OrderNo")["value"]) == 1
    assert make_tenant(max_top="reject:1").call("GET", f"{PO}?$top=5").status == 400


def test_switches_of_the_filter() -> None:
    tenant = make_tenant(enum_filter_plain_string="accept", objstate_filter="ok", contains_allowed=False)
    assert len(tenant.column(f"{PO}?$filter=Objstate eq 'Planned'", "OrderNo")) == 1
    assert tenant.call("GET", f"{PO}?$filter=contains(OrderNo,'1')").status == 501
    tenant.face.switches.objstate_filter = "always_400"
    assert tenant.call("GET", f"{PO}?$filter=Objstate eq 'Planned'").status == 400


def test_expand_follows_references_and_refuses_arrays(tenant: Tenant) -> None:
    row = tenant.get("ProjectsHandling.svc/Projects?$expand=ManagerRef($select=Name)&$select=ProjectId")["value"][0]
    assert row["ManagerRef"] == {"Name": "J Doe"}
    assert tenant.call("GET", f"{PO}?$expand=LineNopartArray").status == 501
    assert (
        tenant.get("ActivityListHandling.svc/Activities(100012)?$expand=ProjectRef")["ProjectRef"]["Name"]
        == "Peoria hall"
    )


def test_a_nested_read_may_need_select() -> None:
    tenant = make_tenant(nested_needs_select=True)
    url = f"{PO}(OrderNo='P100')/LineNopartArray"
    assert set(tenant.get(url)["value"][0]) == {"luname", "keyref", "Objgrants"}
    assert tenant.column(f"{url}?$select=LineNo", "LineNo") == ["1"]


def test_suppliers_reach_their_addresses_and_ways_to_be_reached(tenant: Tenant) -> None:
    root = "SupplierHandling.svc/SupplierInfoGeneralSet(SupplierId='S2')"
    assert tenant.column(f"{root}/SupplierInfoAddresses", "City") == ["Peoria"]
    ways = tenant.get(f"{root}/SupplierInfoAddresses(SupplierId='S2',AddressId='1')/AddressCommunicationMethods")[
        "value"
    ]
    assert {(way["MethodId"], way["Value"]) for way in ways} == {("EMail", "ap@s2.example"), ("Phone", "309 555 0100")}
    party = "PartyType=IfsApp.SupplierHandling.PartyType'Supplier'"
    invoice = tenant.get(f"{root}/SupplierInvoiceCompanies(Company='10',Identity='S2',{party})")
    assert invoice["keyref"] == "COMPANY=10^IDENTITY=S2^PARTY_TYPE=SUPPLIER^"
    assert tenant.get("SupplierHandling.svc/SupplierInfoGeneralSet(SupplierId='S3')/SupplierPurchases")["value"] == []


def test_code_values_are_listed_by_part_and_in_one_list(tenant: Tenant) -> None:
    every = "CodeStringCompletionHandling.svc/AccountingCodePartValueSet?$orderby=CodePart,CodePartValue"
    assert tenant.column(every, "CodePartValue") == ["4110", "03-310", "05-120", "M", "P-2401"]
    assert tenant.column("CodePartValuesHandling.svc/CompanyFinanceSet('10')/CodeBArray?$orderby=CodeB", "CodeB") == [
        "03-310",
        "05-120",
    ]
    assert tenant.get("UsersPerCompanyHandling.svc/CompanyFinanceSet(Company='10')")["CurrencyCode"] == "USD"
    assert tenant.get("DefineCodeStringHandling.svc/GetBaseCodePart(Company='10')")["value"] == "A"
    assert tenant.get("AccountHandling.svc/AccountSet(Company='10',Account='4110')")["ReqCodeB"] == "Can"


def test_keys_in_addresses(tenant: Tenant) -> None:
    assert tenant.get(f"{PO}('P100')")["OrderNo"] == "P100"
    assert tenant.call("GET", f"{PO}(OrderNo=%27P100%27)").status == 200
    assert tenant.call("GET", f"{PO}(OrderNo='P999')").status == 404
    assert tenant.call("GET", f"{PO}(Wrong='P100')").status == 400
    assert tenant.call("GET", f"{PO}(OrderNo=100)").status == 400
    nopart = "PurchaseOrderHandling.svc/PurchaseOrderLineNopartSet(OrderNo='P100',LineNo='{}',ReleaseNo='1')"
    assert tenant.call("GET", nopart.format("1")).status == 200
    assert tenant.call("GET", nopart.format("2")).status == 404, "line 2 is a part line"


def test_metadata_says_what_rows_have(tenant: Tenant) -> None:
    document = ElementTree.fromstring(tenant.call("GET", "PurchaseOrderHandling.svc/$metadata").body)  # noqa: S314 - our own
    schema = document.find(".//{*}Schema")
    assert schema is not None
    assert schema.get("Namespace") == "IfsApp.PurchaseOrderHandling"
    for name, url in (("PurchaseOrder", PO), ("PurchaseOrderLineNopart", f"{PO}('P100')/LineNopartArray")):
        declared = {prop.get("Name") for prop in schema.findall(f"{{*}}EntityType[@Name='{name}']/{{*}}Property")}
        row = {key for key in tenant.get(url)["value"][0] if "@" not in key}
        assert declared == row
    states = schema.findall("{*}EnumType[@Name='PurchaseOrderState']/{*}Member")
    assert [state.get("Name") for state in states][:2] == ["Planned", "Released"]
    assert {"PurchaseOrder_Release", "PurchaseOrder_Close"} <= {one.get("Name") for one in schema.findall("{*}Action")}


def test_every_projection_has_parseable_metadata_and_a_service_document(tenant: Tenant) -> None:
    for name in tenant.column("AllProjections.svc/Projections?$orderby=ProjectionName", "ProjectionName"):
        ElementTree.fromstring(tenant.call("GET", f"{name}.svc/$metadata").body)  # noqa: S314 - our own
        for one in tenant.get(f"{name}.svc/")["value"]:
            assert tenant.call("GET", f"{name}.svc/{one['url']}?$top=1").status == 200


def test_sums_follow_quantity_price_and_rate(tenant: Tenant) -> None:
    row = tenant.get(f"{LINES}?$filter=OrderNo eq 'P101'", accept=STRINGS)["value"][0]
    assert Decimal(row["GrossAmtCurr"]) == Decimal(row["NetAmtCurr"]) == Decimal("30.02")
    assert row["NetAmountBase"] == row["NetAmtBase"] == "33.02"
