"""Procore's documents are decided by the page, and what becomes of them does not depend on where a page ends."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from ml_connector.engine import back_reading

from .money_desk import POLICIES, MoneyOffice
from .test_money_back import Site

BILLED = re.compile(r"Procore billed to date ([\d,.]+) USD")


@pytest.fixture
def office(money_office: MoneyOffice) -> MoneyOffice:
    """Two invoices on an order, two on a commitment of Procore's own, two direct costs, and one of IFS typed again."""
    office = money_office
    office.policy(subcontractor_invoices={**POLICIES["subcontractor_invoices"], "billed_to_date": True})
    ours = {"supplier_id": "S1005", "invoice_no": "C-9", "authorise": True}
    office.ifs("register_invoice", lines=[office.line("1201", "4120", "03-310", amount="77.00")], **ours)
    site = Site(office)
    site.the_draft()
    site.it_is_approved()
    second = site.bill("B-2", {"position": 1, "quantity": "20", "retained": "0"})
    office.procore("approve_requisition", id=second)
    line = {"code": "03-310", "type": "S", "description": "Work", "quantity": "10", "unit_cost": "100.00"}
    given = {"order_number": "PO-X", "title": "By hand", "vendor": office.vendor("S1002"), "status": "Approved"}
    office.procore("type_order", project_id="1201", lines=[line], **given)
    for number in ("U-1", "U-2"):
        bill = {"order_number": "PO-X", "invoice_number": number, "status": "approved", "share": "0.4"}
        office.procore("add_requisition", **bill)
    for number, amount in (("D-1", "100.00"), ("C 9", "77.00"), ("D-2", "200.00")):
        lines = [{"code": "03-310", "type": "S", "amount": amount}]
        cost = {"project_id": "1201", "vendor": office.vendor("S1005"), "invoice_number": number}
        office.procore("enter_direct_cost", lines=lines, status="approved", **cost)
    return office


def pages(office: MoneyOffice, flow: str) -> int:
    """Cases of a flow the last run decided."""
    sql = "SELECT count(*) FROM exchanges WHERE side = 'engine' AND path = %s AND run_id = (SELECT max(id) FROM runs)"
    with office.app.db.begin() as conn:
        return int(conn.exec_driver_sql(sql, (flow,)).scalar_one())


def billed(office: MoneyOffice) -> list[Decimal]:
    """What the last sync told IFS's order lines to be billed to date."""
    found = [BILLED.search(one.request_body or "") for one in office.written()]
    return sorted(Decimal(one[1].replace(",", "")) for one in found if one)


@pytest.mark.parametrize(("size", "bills", "costs"), [(500, 1, 1), (2, 2, 2), (1, 2, 3)])
def test_what_becomes_of_them_is_the_same_however_they_are_paged(
    office: MoneyOffice, monkeypatch: pytest.MonkeyPatch, size: int, bills: int, costs: int
) -> None:
    monkeypatch.setattr(back_reading, "PAGE", size)
    office.box.log.bodies = True
    office.box.log.clear()
    office.sync()
    assert billed(office) == [Decimal("1250.00"), Decimal("5000.00")], "of all invoices on the order together"
    assert len(office.money.ifs.requisitions()) == 1, "one for both invoices on it"
    held = office.holds()
    decided = (pages(office, "subcontractor_invoices"), pages(office, "direct_costs"))
    assert sorted(hold["reason"] for hold in held) == ["invoice_match", "order_missing", "order_missing"]
    books = office.money.books()
    (difference,) = office.money.differences((), tuple(hold["erp_id"] for hold in held), books=books)
    assert difference.startswith("exposure is 77.00 USD"), "what was typed again, and nothing else"
    assert [len(books[0].ours(kind)) for kind in ("subcontractor_invoice", "direct_cost")] == [2, 2]
    assert decided == (bills, costs)
    office.assert_rests()
