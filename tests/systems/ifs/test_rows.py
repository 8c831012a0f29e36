"""Bad rows become problems and never exceptions; orders join their lines whatever order the server has in mind."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest

from ml_connector.kernel.errors import HostUnreachable, Refused
from ml_connector.systems.ifs.odata import any_of
from ml_connector.systems.ifs.profile import profile_from
from ml_connector.systems.ifs.system import IfsSettings, IfsSystem
from ml_connector.systems.port import OrderPage
from ml_connector.systems.wire import WireReply, WireRequest


def header(number: object, **more: object) -> dict[str, object]:
    return {"OrderNo": number, "VendorNo": "S1", "Objstate": "Released", "CurrencyCode": "USD", **more}


def line(number: str, line_no: str = "1", **more: object) -> dict[str, object]:
    return {
        "OrderNo": number, "LineNo": line_no, "ReleaseNo": "1", "Objstate": "Released", "BuyQtyDue": "2",
        "FbuyUnitPrice": "1.5", "NetAmtCurr": "3", **more,
    }  # fmt: skip


class Tenant:
    """Serves ready-made rows; `key` is the order its database sorts by, and compares with."""

    def __init__(self, headers: list[dict[str, Any]], lines: list[dict[str, Any]]) -> None:
        self.sets: dict[str, list[dict[str, Any]]] = {"PurchaseOrderSet": headers, "PurchaseOrderLineSet": lines}
        self.key: Callable[[str], Any] = str
        self.asked: list[str] = []
        self.deaf = False

    def __call__(self, request: WireRequest, /) -> WireReply:
        url = unquote(request.url)
        self.asked.append(url)
        rows = self.sets[url.split("?")[0].rpartition("/")[2]]
        if not self.deaf:
            rows = [row for row in rows if self._passes(row, url)]
        rows = sorted(rows, key=lambda row: (self.key(str(row["OrderNo"])), row.get("LineNo", "")))
        top = int(url.rpartition("$top=")[2])
        return WireReply(200, {}, json.dumps({"value": rows[:top]}).encode())

    def _passes(self, row: dict[str, Any], url: str) -> bool:
        """Understands what the client sends: eq, ge, gt, le on OrderNo, and keyset conditions on LineNo."""
        text = url.partition("$filter=")[2].partition("&")[0]
        number, at = self.key(str(row["OrderNo"])), str(row.get("LineNo", ""))
        if " or (" in text:
            last = text.split("OrderNo gt '")[1].split("'")[0]
            behind = text.split("LineNo gt '")[1].split("'")[0]
            inside = number == self.key(last) and at > behind
            if not (number > self.key(last) or inside):
                return False
        elif "OrderNo gt '" in text and not number > self.key(text.split("OrderNo gt '")[1].split("'")[0]):
            return False
        if "OrderNo ge '" in text and not number >= self.key(text.split("OrderNo ge '")[1].split("'")[0]):
            return False
        return not ("OrderNo le '" in text and not number <= self.key(text.split("OrderNo le '")[1].split("'")[0]))


def read(tenant: Tenant, size: int = 1000) -> list[OrderPage]:
    system = IfsSystem(tenant, IfsSettings("http://t", "10", profile=profile_from({"page_size": size})))
    return list(system.orders(lambda _ids: {}))


@pytest.mark.parametrize(
    ("more", "on_line", "why"),
    [
        ({"CurrencyCode": "XXX"}, {}, "XXX"),
        ({"CurrencyCode": None}, {}, "CurrencyCode is empty"),
        ({"VendorNo": ""}, {}, "VendorNo is empty"),
        ({"VendorNo": ["S1"]}, {}, "VendorNo is no text"),
        ({"Objstate": "Dreaming"}, {}, "'Dreaming' is not in the profile"),
        ({"OrderDate": "soon"}, {}, "OrderDate is no date"),
        ({}, {"NetAmtCurr": "lots"}, "on line 1/1 NetAmtCurr is not a number"),
        ({}, {"NetAmtCurr": None}, "on line 1/1 NetAmtCurr is empty"),
        ({}, {"BuyQtyDue": True}, "on line 1/1 BuyQtyDue is not a number"),
        ({}, {"CurrencyCode": "EUR"}, "it is in EUR while the order is in USD"),
        ({}, {"LineNo": None}, "LineNo is empty"),
    ],
)
def test_one_bad_row_is_a_problem_of_its_order_only(more: dict[str, Any], on_line: dict[str, Any], why: str) -> None:
    (page,) = read(Tenant([header("P1", **more), header("P2")], [line("P1", **on_line), line("P2")]))
    assert [order.id for order in page.orders] == ["P2"]
    (problem,) = page.problems
    assert problem.key.id == "P1"
    assert why in problem.sentence
    assert problem.raw
    assert page.seen.keys() == {"P1", "P2"}


def test_rows_without_a_number_are_kept_as_problems() -> None:
    (page,) = read(Tenant([header(None), header(12), header("P1")], [line("P1")]))
    assert [order.id for order in page.orders] == ["P1"]
    assert len(page.problems) == 2


def test_numbers_may_come_bare_and_stay_exact() -> None:
    numbers: dict[str, Any] = {
        "BuyQtyDue": 3,
        "FbuyUnitPrice": 0.1,
        "NetAmtCurr": 0.3,
        "ActivitySeq": 100012,
        "Discount": 12.5,
    }
    (page,) = read(Tenant([header("P1", Revision=2)], [line("P1", **numbers)]))
    (order,) = page.orders
    assert (order.lines[0].unit_price, order.lines[0].amount) == (Decimal("0.1"), Decimal("0.3"))
    assert (order.lines[0].activity, order.revision) == ("100012", "2")


@pytest.mark.parametrize("size", [2, 3, 5, 1000])
@pytest.mark.parametrize("collation", [str, str.lower, lambda text: (not text[0].isdigit(), text.lower())])
def test_lines_find_their_order_in_every_sort_order(size: int, collation: Callable[[str], Any]) -> None:
    numbers = ["1", "10", "2", "a1", "B2", "b1", "P1", "p2", "Z"]
    lines = [line(number, str(at)) for number in [*numbers, "0closed", "a9closed"] for at in range(1, 5)]
    tenant = Tenant([header(number) for number in numbers], lines)
    tenant.key = collation
    found = {order.id: len(order.lines) for page in read(tenant, size) for order in page.orders}
    assert found == dict.fromkeys(numbers, 4)


def test_closed_orders_between_open_ones_are_jumped_over() -> None:
    lines = [line(f"P{number:05d}") for number in range(2000)]
    tenant = Tenant([header("P00000"), header("P01999")], lines)
    pages = read(tenant, 10)
    assert sum(len(order.lines) for page in pages for order in page.orders) == 2
    assert len([url for url in tenant.asked if "LineSet" in url]) <= 3


def test_a_server_that_ignores_the_key_is_stopped() -> None:
    tenant = Tenant([header(f"P{number}") for number in range(20)], [])
    tenant.deaf = True
    with pytest.raises(Refused, match="again and again"):
        read(tenant, 10)


def test_an_answer_that_is_no_odata_is_named() -> None:
    system = IfsSystem(lambda _request: WireReply(200, {}, b"<html>sign in</html>"), IfsSettings("http://t", "10"))
    with pytest.raises(HostUnreachable, match="no OData"):
        system.projects()


def test_conditions_on_many_ids_stay_short_and_miss_none() -> None:
    ids = [f"P{number:06d}" for number in range(1000)]
    conditions = any_of("OrderNo", [*ids, *ids])
    assert [text for one in conditions for text in one.split(" or ")] == [f"OrderNo eq '{one}'" for one in ids]
    assert max(map(len, conditions)) < 4500
    assert any_of("OrderNo", []) == []
    assert any_of("OrderNo", ["O'Hara"]) == ["OrderNo eq 'O''Hara'"]
