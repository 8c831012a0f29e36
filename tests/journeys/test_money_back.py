"""What Procore's people write comes into IFS's books once: vouchers that wait, their corrections, and proposals."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from .money_books import signed
from .money_desk import Books, MoneyOffice
from .money_proof import CLEARING, RETENTION
from .money_windows import dec
from .test_money_set import Story

BOOK = """
                                 billed  retained   payable |     cost  retention   clearing
the draft                       4250.00    425.00   3825.00 |     0.00       0.00       0.00
it is approved                  4250.00    425.00   3825.00 |  4250.00    -425.00   -3825.00
IFS updates its ledger          4250.00    425.00   3825.00 |  4250.00    -425.00   -3825.00
it is sent back                 4250.00    425.00   3825.00 |  4250.00    -425.00   -3825.00
it comes again with less        3750.00    375.00   3375.00 |  3750.00    -375.00   -3375.00
the second one, in December     5750.00    375.00   5375.00 |  3750.00    -375.00   -3375.00
December takes it               5750.00    375.00   5375.00 |  5750.00    -375.00   -5375.00
what was held is released       5750.00      0.00   5750.00 |  5750.00       0.00   -5750.00
the supplier's own invoice      5750.00      0.00   5750.00 |  5750.00       0.00   -2375.00
it is paid                      5750.00      0.00   5750.00 |  5750.00       0.00   -2375.00
the last one is deleted         5750.00    375.00   5375.00 |  5750.00    -375.00   -2000.00
"""
"""On the left what Procore's invoices come to, on the right what stands in IFS's books: debits less credits on the
project's cost, on the retention account and on the clearing account, the hold table and the ledger together."""


class Site:
    """A subcontractor whose invoices the project manager writes in Procore, on an order of IFS."""

    def __init__(self, office: MoneyOffice) -> None:
        self.office = office
        self.story = Story(office, "USD", "")
        self.story.order_is_released()
        office.sync()
        self.first = self.second = self.last = 0

    def bill(self, number: str, *items: dict[str, Any]) -> int:
        """The project manager writes an invoice; its id."""
        given = {"order_number": self.story.order, "invoice_number": number, "items": list(items)}
        return int(self.office.procore("add_requisition", **given)["id"])

    def the_draft(self) -> None:
        """30 clips at 100 and 10 hours at 125, a tenth of it held back."""
        clips = {"position": 1, "quantity": "30", "retained": "300.00"}
        self.first = self.bill("B-1", clips, {"position": 2, "quantity": "10", "retained": "125.00"})

    def it_is_approved(self) -> None:
        """By the project manager."""
        self.office.procore("approve_requisition", id=self.first)

    def the_ledger_is_updated(self) -> None:
        """The accountant approves the voucher, and it moves from the hold table into the ledger."""
        for voucher in self.office.money.ifs.vouchers():
            self.office.ifs("approve_voucher", voucher_no=voucher["VoucherNo"])
        assert self.office.ifs("gl_update")["errors"] == 0

    def it_is_sent_back(self) -> None:
        """For revision: nobody has said yet that it does not count."""
        self.office.procore("send_back_requisition", id=self.first)

    def it_comes_again_with_less(self) -> None:
        """25 clips only."""
        clips = {"position": 1, "quantity": "25", "retained": "250.00"}
        self.office.procore("bill_requisition", id=self.first, items=[clips])
        self.office.procore("approve_requisition", id=self.first)

    def the_second_one_in_december(self) -> None:
        """Billed on the last of November, approved when November is closed in IFS: it waits."""
        self.second = self.bill("B-2", {"position": 1, "quantity": "20", "retained": "0"})
        self.office.until("2026-12-02")
        self.office.ifs("close_period", month="2026-11")
        self.office.procore("approve_requisition", id=self.second)

    def december_takes_it(self) -> None:
        """The customer says that such ones go to the next open period."""
        self.office.policy(vouchers={"closed_period": "next_open"})

    def what_was_held_is_released(self) -> None:
        """By an invoice of its own."""
        clips, hours = {"position": 1, "released": "250.00"}, {"position": 2, "released": "125.00"}
        self.last = self.bill("B-3", clips, hours)
        self.office.procore("approve_requisition", id=self.last)

    def the_suppliers_own_invoice(self) -> None:
        """Number B-1, of what was delivered less a tenth: accounts payable books it against the clearing account."""
        self.office.receive(self.story.order, _1="25", _2="10")
        clips = {"line_no": "1", "quantity": "25", "amount": "2250.00", "codes": {"A": CLEARING}}
        hours = {"line_no": "2", "quantity": "10", "amount": "1125.00", "codes": {"A": CLEARING}}
        self.story.invoice("B-1", "3375.00", clips, hours)

    def it_is_paid(self) -> None:
        """All of it: Procore is told."""
        self.office.pay(self.story.ids["B-1"])

    def the_last_one_is_deleted(self) -> None:
        """Nobody can see it any more, and a person says that Procore is right."""
        self.office.procore("delete_requisition", id=self.last)
        self.office.sync()
        question = self.office.hold("sent_back")
        self.office.app.rule("demo", question["id"], "projects")


STEPS = {
    "the draft": Site.the_draft,
    "it is approved": Site.it_is_approved,
    "IFS updates its ledger": Site.the_ledger_is_updated,
    "it is sent back": Site.it_is_sent_back,
    "it comes again with less": Site.it_comes_again_with_less,
    "the second one, in December": Site.the_second_one_in_december,
    "December takes it": Site.december_takes_it,
    "what was held is released": Site.what_was_held_is_released,
    "the supplier's own invoice": Site.the_suppliers_own_invoice,
    "it is paid": Site.it_is_paid,
    "the last one is deleted": Site.the_last_one_is_deleted,
}


@pytest.fixture
def office(money_office: MoneyOffice) -> MoneyOffice:
    return money_office


def posted(books: Books) -> dict[str, Decimal]:
    """What stands in IFS's books on the cost accounts of projects, the retention and the clearing account."""
    sums: dict[str, Decimal] = defaultdict(lambda: Decimal(0))
    for voucher in books[0].vouchers:
        for row in voucher["rows"]:
            sums["cost" if row["Account"].startswith("41") else row["Account"]] += signed(row)
    return sums


def assert_booked(site: Site, figures: str, books: Books) -> None:
    """The step's figures on both sides."""
    theirs, ours = (tuple(Decimal(one) for one in part.split()) for part in figures.split("|"))
    ledger, sums = site.office.ledgers(site.story.order, books)[1], posted(books)
    assert (ledger.invoiced, ledger.retained, ledger.payable) == theirs
    assert (sums["cost"], sums[RETENTION], sums[CLEARING]) == ours


WAITING = {"it is sent back": "sent_back", "the second one, in December": "erp_period_closed"}
"""Steps after which a document waits, and why."""


def test_what_procore_bills_stands_in_ifs_once(office: MoneyOffice) -> None:
    """Each step is delivered, and then delivered again: everything is decided as if it had never been seen to rest."""
    site = Site(office)
    rows = {row[:28].strip(): row[28:] for row in BOOK.splitlines()[2:] if row}
    for step, act in STEPS.items():
        act(site)
        office.sync()
        waiting = office.holds()
        assert [hold["reason"] for hold in waiting] == ([WAITING[step]] if step in WAITING else [])
        books = office.assert_tied(left=tuple(hold["erp_id"] for hold in waiting))
        assert_booked(site, rows[step], books)
        office.policy(purchase_orders={"approve": "auto"})
        office.assert_rests()
    paid = [(row["requisition_id"], row["amount"]) for row in books[1].payments]
    assert paid == [(site.first, "3375.00")]


def test_a_direct_cost_of_procore_is_a_voucher_and_ours_never_come_back(office: MoneyOffice) -> None:
    ours = {"supplier_id": "S1005", "invoice_no": "C-9", "authorise": True}
    office.ifs("register_invoice", lines=[office.line("1201", "4120", "03-310", amount="77.00")], **ours)
    lines = [{"code": "03-310", "type": "S", "amount": "130.00"}, {"code": "05-120", "type": "S", "amount": "-30.00"}]
    given = {"project_id": "1201", "vendor": office.vendor("S1005"), "invoice_number": "D-1", "status": "draft"}
    made = office.procore("enter_direct_cost", lines=lines, **given)
    office.sync()
    assert posted(office.assert_tied())["cost"] == Decimal("77.00")
    office.procore("set_direct_cost_status", id=made["id"], status="approved")
    approved = office.box.clock()
    office.box.clock.advance(timedelta(hours=1))
    office.sync()
    with office.app.db.begin() as conn:
        [at] = conn.exec_driver_sql("SELECT at FROM standings WHERE kind = 'direct_cost'").scalars()
    assert abs(at - approved) < timedelta(minutes=1), "when that was in Procore, not when it was read"
    books = office.assert_tied()
    sums = posted(books)
    assert (sums["cost"], sums[CLEARING]) == (Decimal("177.00"), Decimal("-100.00"))
    assert len(books[0].ours("direct_cost")) == 1
    office.assert_rests()


@pytest.mark.parametrize("kind", ["purchase_order", "subcontract"])
def test_a_commitment_born_in_procore_becomes_an_order_and_stays_what_it_was(office: MoneyOffice, kind: str) -> None:
    """It is proposed as a requisition; the order the buyer makes of it is the same thousand, not another one."""
    line = {"code": "03-310", "type": "S", "description": "Work", "quantity": "10", "unit_cost": "100.00"}
    given = {"order_number": "PO-X", "title": "By hand", "vendor": office.vendor("S1002"), "status": "Approved"}
    office.procore("type_order", project_id="1201", kind=kind, lines=[line], **given)
    made = office.procore("add_requisition", order_number="PO-X", invoice_number="U-1", status="approved", share="0.5")
    office.sync()
    office.sync()
    proposed = office.money.ifs.requisitions()
    assert [len(one["lines"]) for one in proposed.values()] == [1]
    assert office.hold("order_missing")["erp_id"] == str(made["id"])
    office.assert_tied()
    office.assert_rests()
    number = next(iter(proposed))
    office.ifs("release_requisition", requisition_no=number)
    order = office.ifs("convert_requisition", requisition_no=number)["orders"][0]
    office.ifs("release_order", order_no=order)
    for _ in range(3):
        office.sync()
    books = office.assert_tied()
    assert [one.ordered for one in office.ledgers(order, books)] == [Decimal("1000.00"), Decimal("1000.00")]
    assert posted(books)["cost"] == Decimal("500.00")
    office.assert_rests()


def test_money_on_a_subcontract_goes_both_ways(office: MoneyOffice) -> None:
    """Billed with retention in Procore, ordered and paid in IFS, and the supplier's last paper comes to IFS alone."""
    line = {"code": "03-310", "type": "S", "description": "Work", "quantity": "10", "unit_cost": "100.00"}
    given = {"order_number": "SC-X", "title": "By hand", "vendor": office.vendor("S1002")}
    given["status"] = "Out For Signature"
    contract = office.procore("type_order", project_id="1201", kind="subcontract", lines=[line], **given)["id"]
    bill = {"order_number": "SC-X", "status": "approved"}
    items = [{"position": 1, "work": "400.00", "retained": "40.00"}]
    first = office.procore("add_requisition", invoice_number="W-1", items=items, **bill)["id"]
    office.sync()
    number = next(iter(office.money.ifs.requisitions()))
    office.ifs("release_requisition", requisition_no=number)
    order = office.ifs("convert_requisition", requisition_no=number)["orders"][0]
    office.ifs("release_order", order_no=order)
    office.sync()
    office.sync()
    sums = posted(office.assert_tied())
    assert (sums["cost"], sums[RETENTION], sums[CLEARING]) == (Decimal(400), Decimal(-40), Decimal(-360))
    office.procore("set_order_status", id=contract, status="Approved")
    items = [{"position": 1, "work": "200.00", "released": "40.00"}]
    office.procore("add_requisition", invoice_number="W-2", items=items, **bill)
    office.sync()
    sums = posted(office.assert_tied())
    assert (sums["cost"], sums[RETENTION], sums[CLEARING]) == (Decimal(600), Decimal(0), Decimal(-600))
    office.receive(order, _1="1")
    cleared = {"line_no": "1", "quantity": "0.36", "amount": "360.00", "codes": {"A": CLEARING}}
    office.pay(office.invoice(order, "W-1", [cleared]))
    office.invoice(order, "W-3", [{"line_no": "1", "quantity": "0.4", "amount": "400.00"}])
    office.sync()
    office.sync()
    books = office.assert_tied()
    bills = {row["invoice_number"]: row for row in books[1].requisitions if row["commitment_id"] == contract}
    assert {number: row["commitment_type"] for number, row in bills.items()} == dict.fromkeys(
        ("W-1", "W-2", "W-3"), "WorkOrderContract"
    )
    assert [(row["requisition_id"], row["amount"]) for row in books[1].payments] == [(first, "360.00")]
    assert [one.invoiced for one in office.ledgers(order, books)][1] == Decimal(1000)
    office.assert_rests()


def test_a_voucher_somebody_cancelled_in_ifs_is_asked_about(office: MoneyOffice) -> None:
    """Then a person says that Procore is right: it is entered anew, and counts once."""
    site = Site(office)
    site.the_draft()
    site.it_is_approved()
    office.sync()
    voucher = office.assert_tied()[0].vouchers[0]
    office.ifs("cancel_voucher", voucher_no=voucher["VoucherNo"])
    office.sync()
    question = office.hold("conflict")
    office.assert_tied(left=(str(site.first),))
    office.app.rule("demo", question["id"], "projects")
    office.sync()
    assert posted(office.assert_tied())["cost"] == Decimal("4250.00")
    office.assert_rests()


def test_a_preliminary_supplier_invoice_is_the_third_route(office: MoneyOffice) -> None:
    """Where the profile names its projection: made once, never posted by us, paid back to the invoice it came from."""
    place = {"place": "ManualSupplierInvoiceHandling/ManSuppInvoiceSet"}
    office.app.edit_connection("demo", {"erp": {"profile": {"writes": {"invoice": place}}}})
    office.policy(subcontractor_invoices={"route": "supplier_invoice"})
    site = Site(office)
    office.receive(site.story.order, _1="30", _2="10")
    site.the_draft()
    site.it_is_approved()
    office.sync()
    assert office.holds() == []
    (made,) = office.money.ifs.invoices().values()
    assert (made["InvoiceNo"], made["Objstate"], dec(made["NetCurrAmount"])) == ("B-1", "Preliminary", Decimal(3825))
    assert office.money.ifs.vouchers() == []
    office.assert_rests()
    number = made["InvoiceId"]
    office.ifs("post_invoice", invoice_id=number)
    office.ifs("authorise_invoice", invoice_id=number)
    office.sync()
    office.pay(number)
    office.sync()
    assert office.stood("erp_invoice") == ["authorised", "paid"], "how it stands in IFS is followed to its end"
    site_books = office.money.books()[1]
    assert [row["id"] for row in site_books.requisitions] == [site.first]
    assert [(row["requisition_id"], dec(row["amount"])) for row in site_books.payments] == [(site.first, Decimal(3825))]
    assert office.app.exposure("demo")["exposure"] == {"USD": "0.00"}
    office.assert_rests()
    site.it_is_sent_back()
    office.sync()
    office.app.rule("demo", office.hold("sent_back")["id"], "projects")
    office.sync()
    sums = sorted(dec(row["NetCurrAmount"]) for row in office.money.ifs.invoices().values())
    assert sums == [Decimal(-3825), Decimal(3825)]
    office.assert_rests()
