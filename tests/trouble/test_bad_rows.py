"""Rows IFS should not have sent: held with their reason and the row as it came; the rest goes, and mended they follow."""

from __future__ import annotations

from typing import Any

import pytest
from journeys.office import NAME, UNKNOWN_CODE, Office

from .desk import Desk

ORDER = "P100003"
CALM = ("12,50", "NaN", "Infinity", "1e400", "", None, "twelve", [12], {"amount": 12}, True)


def _values(office: Office, unit: str, *key: str) -> tuple[Any, list[Any]]:
    row = office.box.ifs._db.find(unit, *key)
    assert row is not None, (unit, key)
    return row, row.values


def _spoil(office: Office, unit: str, key: tuple[str, ...], name: str, value: Any) -> Any:
    """Writes a value past every rule of the tenant, as an import or a customisation does; answers what was there."""
    row, values = _values(office, unit, *key)
    place = row.lu.index[name]
    before = values[place]
    office.box.in_loop(lambda: values.__setitem__(place, value))
    return before


def _first_line(office: Office, order: str = ORDER) -> tuple[str, str, str]:
    found = next(row for row in office.proof.ifs.lines() if row["OrderNo"] == order)
    return (order, found["LineNo"], found["ReleaseNo"])


def _held(front: Desk, reason: str = "bad_row") -> list[dict[str, Any]]:
    holds = front.run("holds", NAME, "--json").value["holds"]
    return [hold for hold in holds if hold["reason"] == reason]


def _one_is_held_and_the_rest_goes(office: Office, front: Desk, order: str, *words: str) -> None:
    answer = front.run("sync", NAME, "--json")
    assert answer.code == 0, answer
    (hold,) = _held(front)
    assert hold["record"].endswith(order), hold
    for word in words:
        assert word in hold["sentence"], hold
    assert hold["owner"]
    assert order in hold["evidence"], "the row as it came is not kept"
    office.assert_proven((UNKNOWN_CODE, order))


def _mended(office: Office, front: Desk) -> None:
    assert front.run("sync", NAME).code == 0
    assert _held(front) == []
    office.assert_proven()
    office.assert_rests()


@pytest.mark.parametrize("currency", ["XXQ", "usd", "", None, 840])
def test_a_currency_nobody_knows(currency: Any, office: Office, front: Desk) -> None:
    before = _spoil(office, "PurchaseOrder", (ORDER,), "CurrencyCode", currency)
    _one_is_held_and_the_rest_goes(office, front, ORDER, "CurrencyCode" if not currency else str(currency))
    office.assert_rests()
    _spoil(office, "PurchaseOrder", (ORDER,), "CurrencyCode", before)
    _mended(office, front)


@pytest.mark.parametrize("amount", CALM, ids=repr)
def test_an_amount_that_is_no_number(amount: Any, office: Office, front: Desk) -> None:
    line = _first_line(office)
    before = _spoil(office, "PurchaseOrderLine", line, "NetAmtCurr", amount)
    _one_is_held_and_the_rest_goes(office, front, ORDER, "NetAmtCurr", f"line {line[1]}/{line[2]}")
    _spoil(office, "PurchaseOrderLine", line, "NetAmtCurr", before)
    _mended(office, front)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BuyQtyDue", "a dozen"),
        ("LineNo", None),
        ("LineNo", ""),
        ("ReleaseNo", None),
        ("Objstate", "Queried"),
        ("Objstate", None),
        ("WantedDeliveryDate", "next week"),
        ("CurrencyCode", "EUR"),
        ("Description", ["a", "list"]),
    ],
)
def test_a_line_that_cannot_be_used(name: str, value: Any, office: Office, front: Desk) -> None:
    line = _first_line(office)
    before = _spoil(office, "PurchaseOrderLine", line, name, value)
    _one_is_held_and_the_rest_goes(office, front, ORDER, "line")
    _spoil(office, "PurchaseOrderLine", line, name, before)
    _mended(office, front)


@pytest.mark.parametrize(
    ("name", "value"),
    [("Objstate", "Queried"), ("Objstate", None), ("VendorNo", None), ("VendorNo", " "), ("OrderDate", "32.13.2026")],
)
def test_a_header_that_cannot_be_used(name: str, value: Any, office: Office, front: Desk) -> None:
    before = _spoil(office, "PurchaseOrder", (ORDER,), name, value)
    _one_is_held_and_the_rest_goes(office, front, ORDER, name)
    _spoil(office, "PurchaseOrder", (ORDER,), name, before)
    _mended(office, front)


def test_an_order_goes_bad_after_it_was_sent(office: Office, front: Desk) -> None:
    """Its contract stays as it is; nothing is taken back because a row is sick."""
    office.sync()
    before = office.proof.paper(ORDER)
    line = _first_line(office)
    good = _spoil(office, "PurchaseOrderLine", line, "NetAmtCurr", "12,50")
    report = office.sync()
    assert [hold["reason"] for hold in report.holds if hold["record"].endswith(ORDER)] == ["bad_row"]
    assert office.proof.paper(ORDER) == before
    office.assert_rests()
    _spoil(office, "PurchaseOrderLine", line, "NetAmtCurr", good)
    office.sync()
    assert _held(front) == []
    office.assert_proven()


@pytest.mark.parametrize("name", [None, "", "   "])
def test_a_supplier_without_a_name(name: str | None, office: Office, front: Desk) -> None:
    """Orders of that supplier wait; all others go."""
    supplier = next(row["VendorNo"] for row in office.proof.ifs.orders() if row["OrderNo"] == "P100006")
    others = tuple(row["OrderNo"] for row in office.proof.ifs.orders() if row["VendorNo"] == supplier)
    before = _spoil(office, "SupplierInfoGeneral", (supplier,), "Name", name)
    answer = front.run("sync", NAME, "--json")
    assert answer.code == 0, answer
    waiting = [hold for hold in answer.value["holds"] if hold["reason"] != "cost_code_missing"]
    assert any(hold["record"].endswith(supplier) and "Name" in hold["sentence"] for hold in waiting), waiting
    _spoil(office, "SupplierInfoGeneral", (supplier,), "Name", before)
    assert set(others) <= _numbers(office, missing=True)
    office.sync()
    office.assert_proven()


def _numbers(office: Office, *, missing: bool) -> set[str]:
    """Orders IFS has for Procore whose contract is not there."""
    there = {where[1].split("-")[0] for where, _, _ in office.proof.papers()}
    wanted = {where[1].split("-")[0] for where in office.proof.wanted()}
    return wanted - there if missing else wanted & there


@pytest.mark.parametrize(("unit", "name"), [("CodeB", "ValidFrom"), ("Project", "Name"), ("Activity", "ActivityNo")])
def test_an_odd_row_elsewhere_is_a_note_and_no_more(unit: str, name: str, office: Office) -> None:
    table = office.box.ifs._db.table(unit)
    row = next(iter(table))
    values, place = row.values, row.lu.index[name]
    before = values[place]
    office.box.in_loop(lambda: values.__setitem__(place, {"odd": 1}))
    office.sync()
    office.box.in_loop(lambda: values.__setitem__(place, before))
    office.sync()
    office.assert_proven()
    office.assert_rests()
