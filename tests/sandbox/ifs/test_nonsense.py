"""Whatever a caller sends, the simulated IFS answers and keeps its rows: no exception, no half-done change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml_connector.sandbox.ifs.switches import IfsSwitches

from .tenant import make_tenant

_TENANT = make_tenant()
_LINES = "PurchaseOrderLinesHandling.svc/PurchaseOrderLineSet"
_WORDS = [
    "OrderNo", "NetAmtCurr", "ActivitySeq", "DateEntered", "WantedDeliveryDate", "Objstate", "IntrastatExempt", "Nope",
    " eq ", " gt ", " and ", " or ", "not ", " add ", " div ", " in ", "(", ")", ",",
    "'a'", "''", "5", "1.5", "null", "true", "-", "/", "any(x:", "1e400", "9" * 5000,
    "2026-01-01", "2026-01-01T00:00:00Z", "12:00:00", "contains(", "substring(", "concat(",
    "indexof(", "year(", "cast(",
    "Edm.String", "IfsApp.PurchaseOrderLinesHandling.PurchaseOrderLineState'Released'",
]  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
_FIELDS = st.sampled_from(
    ["BuyQtyDue", "FbuyUnitPrice", "CodeB", "ActivitySeq", "WantedDeliveryDate", "Description", "Objstate", "x"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(_WORDS), max_size=9).map("".join))
@example("startswith(OrderNo,5)")
@example("substring(OrderNo,'a') eq 'b'")
@example("NetAmtCurr div 0 eq 1")
@example("DateEntered gt 2026-01-01")
@example("OrderNo eq '" + "a" * 3000 + "'")
@example(" and ".join(["OrderNo eq 'a'"] * 3000))
def test_any_filter_is_answered(condition: str) -> None:
    response = _TENANT.call("GET", f"{_LINES}?$filter=" + condition.replace("%", ""))
    assert response.status in (200, 400, 501), response.body


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(_FIELDS, _VALUES, max_size=4))
@example({"FbuyUnitPrice": 10**40, "BuyQtyDue": 1})
@example({"Description": "\ud800"})
@example({"ActivitySeq": 2**70})
def test_any_body_is_answered_and_a_refused_one_changes_nothing(body: dict[str, Any]) -> None:
    url = "PurchaseOrderHandling.svc/PurchaseOrderSet('P100')/LineNopartArray(OrderNo='P100',LineNo='1',ReleaseNo='1')"
    before = _TENANT.get(url)
    response = _TENANT.call("PATCH", url, json.dumps(body).encode(), if_match="*")
    assert response.status in (200, 400, 501), response.body
    if response.status != 200:
        assert _TENANT.get(url) == before


@settings(max_examples=100, deadline=None)
@given(
    st.text("PurchaseOrdSet()='/.$%27,;IfsAp 109", max_size=40),
    st.sampled_from(["GET", "POST", "PATCH", "DELETE", "HEAD"]),
)
def test_any_address_is_answered(path: str, method: str) -> None:
    response = _TENANT.call(method, f"PurchaseOrderHandling.svc/{path}", if_match="x")
    assert response.status in (200, 400, 404, 405, 412, 501), response.body


@settings(max_examples=60, deadline=None)
@given(st.text("-b\r\n: GETPOST/$1HTTP.xCtent", max_size=80))
def test_any_batch_is_answered(body: str) -> None:
    text = f"--b\r\nContent-Type: application/http\r\n\r\n{body}\r\n--b--"
    response = _TENANT.call(
        "POST", "PurchaseOrderHandling.svc/$batch", text.encode(), content_type="multipart/mixed;boundary=b"
    )
    assert response.status in (200, 400), response.body


@pytest.mark.parametrize(("name", "value"), [
    ("default_page", "cut"), ("max_top", "5000"), ("error_text", "polite"),
    ("validation_status", 200), ("ieee754", True),
])  # fmt: skip
def test_a_switch_takes_only_what_it_knows(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        setattr(IfsSwitches(), name, value)


def test_a_body_too_deep_to_read_is_refused() -> None:
    body = b'{"Description":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert _TENANT.call("POST", "CodeBHandling.svc/CodeBSet", body).status == 400
