"""`$batch` of the simulated IFS: order, atomic change sets, references to what was just made, errors."""

from __future__ import annotations

import json
import re

import pytest

from .tenant import Tenant, make_tenant

SERVICE = "PurchaseOrderHandling.svc"
NAMESPACE = "IfsApp.PurchaseOrderHandling"
ORDER = {"VendorNo": "S1", "Contract": "PEO"}
LINE = {"Description": "Formwork", "BuyQtyDue": 3, "BuyUnitMeas": "m2", "CodeB": "03-310"}


def part(method: str, url: str, body: object = None, *, content_id: str = "", **headers: str) -> str:
    fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    content = "" if body is None else json.dumps(body)
    identity = f"Content-ID: {content_id}\r\n" if content_id else ""
    head = f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{identity}\r\n"
    return f"{head}{method} {url} HTTP/1.1\r\nContent-Type: application/json\r\n{fields}\r\n{content}"


def change_set(*parts: str) -> str:
    inner = "".join(f"--set\r\n{one}\r\n" for one in parts) + "--set--"
    return f"Content-Type: multipart/mixed; boundary=set\r\n\r\n{inner}"


def send(tenant: Tenant, *parts: str, **headers: str) -> tuple[list[int], str]:
    body = "".join(f"--batch\r\n{one}\r\n" for one in parts) + "--batch--\r\n"
    response = tenant.call(
        "POST", f"{SERVICE}/$batch", body.encode(), content_type="multipart/mixed; boundary=batch", **headers
    )
    assert response.status == 200
    text = response.body.decode()
    return [int(status) for status in re.findall(r"HTTP/1\.1 (\d+)", text)], text


def test_parent_child_and_event_in_one_change_set() -> None:
    tenant = make_tenant()
    statuses, text = send(tenant, change_set(
        part("POST", "PurchaseOrderSet", ORDER, content_id="1"),
        part("POST", "$1/LineNopartArray", LINE, content_id="2"),
        part("POST", f"$1/{NAMESPACE}.PurchaseOrder_Release", {}, If_Match="$1"),
    ))  # fmt: skip
    assert statuses == [201, 201, 204]
    assert "Content-ID: 2" in text
    assert tenant.get(f"{SERVICE}/PurchaseOrderSet(OrderNo='P103')")["Objstate"] == "Released"


def test_a_failed_change_set_leaves_no_trace() -> None:
    tenant = make_tenant()
    before = tenant.face.summary()
    statuses, text = send(tenant, change_set(
        part("POST", "PurchaseOrderSet", ORDER, content_id="1"),
        part("POST", "$1/LineNopartArray", {**LINE, "CodeB": "77-777"}, content_id="2"),
    ))  # fmt: skip
    assert statuses == [400]
    assert "CodeB.NOTEXIST" in text
    assert tenant.face.summary() == before


def test_after_an_error_the_rest_is_done_only_when_asked() -> None:
    tenant = make_tenant()
    parts = (
        part("GET", "PurchaseOrderSet('P100')"),
        part("GET", "PurchaseOrderSet('P9')"),
        part("POST", "PurchaseOrderSet", ORDER),
    )
    assert send(tenant, *parts)[0] == [200, 404]
    assert send(tenant, *parts, prefer="odata.continue-on-error")[0] == [200, 404, 201]


@pytest.mark.parametrize("parts", [
    (change_set(part("GET", "PurchaseOrderSet")),),
    (change_set(part("POST", "$7/LineNopartArray", LINE)),),
    (part("GET", "/int/ifsapplications/projection/v1/Other.svc/Set"),),
    (part("GET", "two words"),),
])  # fmt: skip
def test_parts_that_cannot_be(parts: tuple[str, ...]) -> None:
    assert send(make_tenant(), *parts)[0] == [400]


def test_options_and_absolute_addresses_work_in_parts() -> None:
    tenant = make_tenant()
    url = f"/int/ifsapplications/projection/v1/{SERVICE}/PurchaseOrderSet?$filter=OrderNo%20eq%20'P101'&$select=OrderNo"
    statuses, text = send(tenant, part("GET", url))
    assert statuses == [200]
    assert '"OrderNo":"P101"' in text
    assert '"OrderNo":"P100"' not in text


def test_a_batch_needs_a_boundary_and_a_token() -> None:
    tenant = make_tenant()
    assert tenant.call("POST", f"{SERVICE}/$batch", b"", content_type="multipart/mixed").status == 400
    tenant.token = "no"
    assert tenant.call("POST", f"{SERVICE}/$batch", b"").status == 401
