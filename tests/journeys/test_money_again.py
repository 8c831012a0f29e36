"""A Procore document that did not come through, or that changed late, is looked at again although no list shows it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ml_connector.kernel.errors import ConnectorError

from .money_desk import MoneyOffice
from .money_proof import CLEARING
from .test_money_back import Site, posted

LATER = timedelta(hours=3)
"""Far more than any overlap of two polls."""


@pytest.fixture
def site(money_office: MoneyOffice) -> Site:
    """A subcontractor's invoice lies in Procore as a draft."""
    made = Site(money_office)
    made.the_draft()
    return made


@pytest.mark.parametrize("kind", ["503", "drop_before", "timeout_before"])
def test_an_approved_invoice_whose_voucher_did_not_go_is_tried_again_hours_later(site: Site, kind: str) -> None:
    office = site.office
    site.it_is_approved()
    path = r"VoucherEntryAssistantHandling.svc/\$batch$"
    rule = {"kind": kind, "side": "ifs", "method": "POST", "path": path, "retry_after": 0, "times": 50}
    office.box.admin("POST", "faults", {"rules": [rule]})
    try:
        office.sync()
    except ConnectorError:
        pass  # the run may end with the trouble it met; what it knew by then is kept
    finally:
        office.box.faults.clear()
    assert office.money.ifs.vouchers() == []
    for _ in range(2):
        office.box.clock.advance(LATER)
        office.sync()
    assert len(office.money.ifs.vouchers()) == 1
    office.assert_tied()


def test_an_invoice_sent_back_after_ifs_has_the_suppliers_paper_is_asked_about_and_not_paid(site: Site) -> None:
    office = site.office
    site.it_is_approved()
    office.sync()
    office.receive(site.story.order, _1="30", _2="10")
    clips = {"line_no": "1", "quantity": "30", "amount": "2700.00", "codes": {"A": CLEARING}}
    hours = {"line_no": "2", "quantity": "10", "amount": "1125.00", "codes": {"A": CLEARING}}
    site.story.invoice("B-1", "3825.00", clips, hours)
    office.sync()
    office.sync()
    assert office.app.exposure("demo")["exposure"] == {"USD": "0.00"}
    office.procore("send_back_requisition", id=site.first)
    office.pay(site.story.ids["B-1"])  # the run that sees the one sees the other
    office.sync()
    assert {(hold["kind"], hold["erp_id"]) for hold in office.holds("sent_back")} == {
        ("subcontractor_invoice", str(site.first)),
        ("payment", "SUPAY/1/1"),
    }
    assert office.money.books()[1].payments == []
    less = {"position": 1, "quantity": "25", "retained": "250.00"}
    office.procore("bill_requisition", id=site.first, items=[less])
    office.procore("approve_requisition", id=site.first)
    office.sync()
    assert {key: str(value) for key, value in posted(office.money.books()).items() if key in ("cost", "2030")} == {
        "cost": "3750",
        "2030": "-375",
    }
    exposure = office.app.exposure("demo")
    assert (exposure["exposure"], exposure["findings"]) == ({"USD": "0.00"}, [])


def test_an_invoice_policy_passed_over_crosses_once_policy_lets_it(site: Site) -> None:
    office = site.office
    office.policy(subcontractor_invoices={"statuses": ["approved_as_noted"]})
    site.it_is_approved()
    office.sync()
    office.box.clock.advance(LATER)
    office.sync()
    assert office.money.ifs.vouchers() == []
    office.policy(subcontractor_invoices={"statuses": ["approved", "approved_as_noted"]})
    office.sync()
    assert len(office.money.ifs.vouchers()) == 1


def test_a_bill_of_last_summer_that_is_registered_today_crosses(site: Site) -> None:
    office = site.office
    office.receive(site.story.order, _1="30")
    office.invoice(
        site.story.order, "LATE", [{"line_no": "1", "quantity": "30", "amount": "3000.00"}], date="2026-07-01"
    )
    office.sync()
    office.assert_tied()


def test_a_payment_that_waited_longer_than_its_window_is_mirrored_all_the_same(site: Site) -> None:
    office = site.office
    office.receive(site.story.order, _1="30")
    office.procore("close_billing_period", project_id="1201")
    office.policy(supplier_invoices={"closed_period": "hold", "open_period": "never"})
    number = office.invoice(
        site.story.order, "HELD", [{"line_no": "1", "quantity": "30", "amount": "3000.00"}], date="2026-11-16"
    )
    office.pay(number)
    office.sync()
    assert office.money.books()[1].payments == []
    office.box.clock.advance(timedelta(days=130))
    office.sync()
    office.policy(supplier_invoices={"closed_period": "next_open", "open_period": "when_none"})
    office.sync()
    office.sync()
    assert [one["amount"] for one in office.money.books()[1].payments] == ["3000.00"]


def test_a_requisition_that_was_refused_waits_no_more_once_it_is_made(site: Site) -> None:
    office = site.office
    office.policy(subcontractor_invoices={"requisitioner": "NOBODY", "site": {"*": "DUL"}})
    line = {"code": "03-310", "type": "S", "description": "Work", "quantity": "10", "unit_cost": "100.00"}
    given = {"order_number": "PO-X", "title": "By hand", "vendor": office.vendor("S1002"), "status": "Approved"}
    office.procore("type_order", project_id="1201", lines=[line], **given)
    office.procore("add_requisition", order_number="PO-X", invoice_number="U-1", status="approved", share="0.5")
    office.sync()
    assert office.hold("refused")
    office.policy(subcontractor_invoices={"requisitioner": "MARTA_HALE", "site": {"*": "DUL"}})
    office.sync()
    assert len(office.money.ifs.requisitions()) == 1
    assert office.holds("refused") == []


def test_billed_to_date_that_met_a_locked_line_is_written_later(site: Site) -> None:
    office = site.office
    office.policy(subcontractor_invoices={"billed_to_date": True})
    site.it_is_approved()
    rule = {"kind": "423", "side": "ifs", "method": "POST|PATCH", "path": r"PurchaseOrderHandling", "times": 50}
    office.box.admin("POST", "faults", {"rules": [rule]})
    try:
        office.sync()
    except ConnectorError:
        pass
    finally:
        office.box.faults.clear()
    office.box.log.clear()
    office.box.clock.advance(LATER)
    office.sync()
    assert [one for one in office.written() if "PurchaseOrderHandling" in one.path]
    office.box.log.clear()
    office.sync()
    assert office.written() == []
