"""Rows IFS should not have sent: held with reason and the row as it came; the rest goes, and mended they follow."""

from __future__ import annotations

from typing import Any

import pytest

from journeys.office import NAME, UNKNOWN_CODE, Office

from .desk import Desk

ORDER = "P100003"
ORDER_OF_A_NEW_VENDOR = "P100006"
NO_NUMBERS = ("12,50", "NaN", "1e400", None, [12])


class Spoilt:
    """A value written past every rule of the tenant, as an import or a customisation does it."""

    def __init__(self, office: Office, unit: str, key: tuple[str, ...], name: str, value: Any) -> None:
        self._office = office
        row = office.box.ifs._db.find(unit, *key)
        assert row is not None, (unit, key)
        self._values, self._place = row.values, row.lu.index[name]
        self._good = self._values[self._place]
        self._write(value)

    def mend(self) -> None:
        """Puts back what was there."""
        self._write(self._good)

    def _write(self, value: Any) -> None:
        self._office.box.in_loop(lambda: self._values.__setitem__(self._place, value))


def _first_line(office: Office, order: str = ORDER) -> tuple[str, str, str]:
    found = next(row for row in office.proof.ifs.lines() if row["OrderNo"] == order)
    return (order, found["LineNo"], found["ReleaseNo"])


def _held(front: Desk, reason: str = "bad_row") -> list[dict[str, Any]]:
    holds = front.run("holds", NAME, "--json").value["holds"]
    return [hold for hold in holds if hold["reason"] == reason]


def _assert_held_while_the_rest_goes(office: Office, front: Desk, spoilt: Spoilt, order: str, *words: str) -> None:
    """The order alone is held, with the row as it came; a second look sends nothing; mended, it goes."""
    answer = front.run("sync", NAME, "--json")
    assert answer.code == 0, answer
    (hold,) = _held(front)
    assert hold["record"].endswith(order), hold
    for word in words:
        assert word in hold["sentence"], hold
    assert hold["owner"]
    assert order in hold["evidence"], "the row as it came is not kept"
    office.assert_rests()
    spoilt.mend()
    office.assert_proven((UNKNOWN_CODE, order))
    assert front.run("sync", NAME).code == 0
    assert _held(front) == []
    office.assert_proven()
    office.assert_rests()


@pytest.mark.parametrize("currency", ["XXQ", None])
def test_a_currency_nobody_knows(currency: Any, office: Office, front: Desk) -> None:
    spoilt = Spoilt(office, "PurchaseOrder", (ORDER,), "CurrencyCode", currency)
    _assert_held_while_the_rest_goes(office, front, spoilt, ORDER, str(currency) if currency else "CurrencyCode")


@pytest.mark.parametrize("amount", NO_NUMBERS, ids=repr)
def test_an_amount_that_is_no_number(amount: Any, office: Office, front: Desk) -> None:
    line = _first_line(office)
    spoilt = Spoilt(office, "PurchaseOrderLine", line, "NetAmtCurr", amount)
    _assert_held_while_the_rest_goes(office, front, spoilt, ORDER, "NetAmtCurr", f"line {line[1]}/{line[2]}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BuyQtyDue", "a dozen"),
        ("LineNo", None),
        ("Objstate", "Queried"),
        ("WantedDeliveryDate", "next week"),
        ("CurrencyCode", "EUR"),
    ],
)
def test_a_line_that_cannot_be_used(name: str, value: Any, office: Office, front: Desk) -> None:
    spoilt = Spoilt(office, "PurchaseOrderLine", _first_line(office), name, value)
    _assert_held_while_the_rest_goes(office, front, spoilt, ORDER, "line")


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("Objstate", "Queried", "Queried"),
        ("VendorNo", None, "VendorNo"),
        ("OrderDate", "32.13.2026", "OrderDate"),
    ],
)
def test_a_header_that_cannot_be_used(name: str, value: Any, word: str, office: Office, front: Desk) -> None:
    spoilt = Spoilt(office, "PurchaseOrder", (ORDER,), name, value)
    _assert_held_while_the_rest_goes(office, front, spoilt, ORDER, word)


def test_an_order_goes_bad_after_it_was_sent(office: Office, front: Desk) -> None:
    """Its contract stays as it is; nothing is taken back because a row is sick."""
    office.sync()
    before = office.proof.paper(ORDER)
    spoilt = Spoilt(office, "PurchaseOrderLine", _first_line(office), "NetAmtCurr", "12,50")
    report = office.sync()
    assert [hold["reason"] for hold in report.holds if hold["record"].endswith(ORDER)] == ["bad_row"]
    assert office.proof.paper(ORDER) == before
    office.assert_rests()
    spoilt.mend()
    office.sync()
    assert _held(front) == []
    office.assert_proven()


@pytest.mark.parametrize("name", [None, "   "])
def test_a_supplier_without_a_name(name: str | None, office: Office, front: Desk) -> None:
    """Orders of that supplier wait; all others go."""
    supplier = next(row["VendorNo"] for row in office.proof.ifs.orders() if row["OrderNo"] == ORDER_OF_A_NEW_VENDOR)
    theirs = tuple(row["OrderNo"] for row in office.proof.ifs.orders() if row["VendorNo"] == supplier)
    spoilt = Spoilt(office, "SupplierInfoGeneral", (supplier,), "Name", name)
    assert front.run("sync", NAME).code == 0
    (hold,) = _held(front)
    assert hold["record"].endswith(supplier)
    assert "Name" in hold["sentence"]
    assert supplier in hold["evidence"]
    waiting = {one["record"].split(":")[1] for one in _held(front, "vendor_not_linked")}
    assert ORDER_OF_A_NEW_VENDOR in waiting
    assert waiting <= set(theirs)
    spoilt.mend()
    office.assert_proven((UNKNOWN_CODE, *theirs))
    assert front.run("sync", NAME).code == 0
    assert _held(front) == []
    office.assert_proven()
    office.assert_rests()


@pytest.mark.parametrize(("unit", "name"), [("CodeB", "ValidFrom"), ("Project", "Name"), ("Activity", "ActivityNo")])
def test_an_odd_row_elsewhere_stops_nothing(unit: str, name: str, office: Office) -> None:
    row = next(iter(office.box.ifs._db.table(unit)))
    spoilt = Spoilt(office, unit, row.key, name, {"odd": 1})
    office.sync()
    spoilt.mend()
    office.sync()
    office.assert_proven()
    office.assert_rests()
