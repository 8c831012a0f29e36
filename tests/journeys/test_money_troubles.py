"""Where money could be counted twice, lost, or turned into another currency; and the proof, which must see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from cli.shell import Shell
from ml_connector.kernel.errors import AskPerson, BadInput, BrakePulled

from .money_desk import MoneyOffice
from .test_money_set import Story, settle


@pytest.fixture
def office(money_office: MoneyOffice) -> MoneyOffice:
    return money_office


@pytest.fixture
def story(office: MoneyOffice) -> Story:
    """An order with one invoice in Procore: 7,500 billed, 750 of it held back."""
    told = Story(office, "USD", "")
    told.order_is_released()
    told.a_part_arrives()
    told.the_first_invoice()
    office.sync()
    office.assert_tied()
    return told


def exposed(office: MoneyOffice) -> dict[str, Decimal]:
    """The exposure figure by currency."""
    return {currency: Decimal(amount) for currency, amount in office.app.exposure("demo")["exposure"].items()}


# -- twice -------------------------------------------------------------------------------------------------------------


def test_a_typed_duplicate_raises_the_exposure_and_the_command_fails(story: Story) -> None:
    office = story.office
    shell = Shell(office.settings.home, office.settings.database_url or "")
    assert shell("exposure", "demo", "--json").form["exposure"] == {"USD": "0.00"}
    typed = {"order_number": story.order, "invoice_number": "a 1", "items": [{"position": 1, "quantity": "10"}]}
    made = office.procore("add_requisition", **typed)
    assert exposed(office) == {"USD": Decimal("1000.00")}
    assert shell("exposure", "demo", "--json", code=AskPerson.exit_code).form["exposure"] == {"USD": "1000.00"}
    office.procore("delete_requisition", id=made["id"])
    assert shell("exposure", "demo", "--json").form["exposure"] == {"USD": "0.00"}


def test_a_typed_duplicate_does_not_go_into_ifs_by_itself(story: Story) -> None:
    """The supplier's invoice is in IFS already: a voucher for its copy would post the cost a second time."""
    office = story.office
    typed = {"order_number": story.order, "invoice_number": "a 1", "items": [{"position": 1, "quantity": "10"}]}
    made = office.procore("add_requisition", status="approved", **typed)
    office.sync()
    assert office.money.books()[0].ours("subcontractor_invoice") == {}
    assert [hold["erp_id"] for hold in office.holds()] == [str(made["id"])]
    office.assert_rests()


def test_the_same_number_of_another_supplier_is_no_duplicate(story: Story) -> None:
    office = story.office
    line = office.line("1201", "4110", "05-120", quantity="10", price="10.00", unit="pcs", description="Wedges")
    other = office.ifs("create_order", supplier_id="S1002", state="Released", lines=[line])["order_no"]
    office.sync()
    office.procore("add_requisition", order_number=other, invoice_number="A-1", status="approved")
    office.sync()
    assert exposed(office) == {"USD": Decimal(0)}
    office.assert_tied()
    office.assert_rests()


def test_the_strategy_is_chosen_once_so_that_no_invoice_takes_a_second_route(story: Story) -> None:
    office = story.office
    with pytest.raises(BadInput, match="chosen once"):
        office.policy(supplier_invoices={"strategy": "direct_cost", "budget_view_checked": True})
    office.sync()
    assert office.holds() == []
    office.assert_tied()
    office.assert_rests()


def test_an_invoice_does_not_take_a_second_route_when_its_order_changes(story: Story) -> None:
    """Somebody mends the postings behind the scenes: they name another order of the same supplier now."""
    office, box = story.office, story.office.box
    told = Story(office, "USD", "")
    told.order_is_released()
    office.sync()

    def mend() -> None:
        db = box.ifs._db  # no window lets a person do that
        for row in [one for one in db.table("ManSuppInvoicePostings") if one["OrderNo"] == story.order]:
            db.update(row, {"OrderNo": told.order, "ReceiptNo": None})
        db.touch(db.find("ManSuppInvoice", "10", story.ids["A-1"]))

    box.in_loop(mend)
    sent = office.sent_by_sync()
    assert (sent, office.hold("two_places")["erp_id"]) == ([], str(story.ids["A-1"]))
    assert exposed(office) == {"USD": Decimal(0)}
    books = office.money.books()
    billed = [office.ledgers(one, books)[1].invoiced for one in (story.order, told.order)]
    assert billed == [Decimal("7500.00"), Decimal(0)]


def test_the_money_brake_adds_up_what_moves_up_and_down(story: Story) -> None:
    """A bill of 500 and a credit of 750 come to -250 and move 1,250."""
    office = story.office
    story.invoice("A-2", "500.00", {"line_no": "1", "quantity": "5"})
    story.a_credit_of_a_tenth()
    office.policy(brakes={"money": "1000"})
    with pytest.raises(BrakePulled, match=r"1,250\.00 USD moved"):
        office.sync()
    office.policy(brakes={"money": "1300"})
    office.sync()
    office.assert_tied()


# -- several places, several invoices ----------------------------------------------------------------------------------


def test_an_invoice_over_two_contracts_and_two_orders_is_split_line_by_line(office: MoneyOffice) -> None:
    """P100014 of the cast lies on two projects; a posting of another order of the supplier joins the same invoice."""
    office.ifs("receive_goods", order_no="P100014")
    supplier = next(row["VendorNo"] for row in office.money.ifs.orders() if row["OrderNo"] == "P100014")
    line = office.line("1201", "4110", "05-120", quantity="10", price="10.00", unit="pcs", description="Wedges")
    other = office.ifs("create_order", supplier_id=supplier, state="Released", lines=[line])["order_no"]
    office.sync()
    made = office.ifs("register_invoice", order_no="P100014", invoice_no="SPLIT")["invoice_id"]
    whole = {"OrderNo": other, "LineNo": "1", "ReleaseNo": "1", "CurrAmount": 100.0, "Quantity": 10.0}
    net = Decimal("103281.70")
    office.money.ifs.add_posting(made, whole, net + 100)
    for act in ("post_invoice", "authorise_invoice"):
        office.ifs(act, invoice_id=made)
    office.sync()
    office.assert_tied()
    office.assert_rests()
    wanted = office.money.wanted(*office.money.books(), ())
    assert [place for _, place in sorted(wanted)] == [("P100014", "1201"), ("P100014", "1202"), (other, "1201")]
    assert sum(one.total.payable for one in wanted.values()) == net + 100
    office.pay(made, "1000.00")
    office.sync()
    office.assert_tied()
    office.pay(made)
    office.sync()
    office.assert_tied()
    office.assert_rests()
    assert sum(Decimal(row["amount"]) for row in office.money.books()[1].payments) == net + 100


def test_several_invoices_of_one_period_follow_each_other(story: Story) -> None:
    office = story.office
    story.invoice("A-2", "400.00", {"line_no": "1", "quantity": "4"})
    story.invoice("A-3", "540.00", {"line_no": "1", "quantity": "6"}, story.retention("-60.00"))
    office.sync()
    office.assert_tied()
    office.assert_ledger(story.order, "17000.00 8500.00 8500.00 810.00 7690.00 0.00")
    bills = office.money.books()[1].requisitions
    assert [(row["number"], row["invoice_number"], row["period_id"]) for row in bills] == [
        (number, name, bills[0]["period_id"]) for number, name in enumerate(("A-1", "A-2", "A-3"), start=1)
    ]
    office.assert_rests()


def test_a_direct_cost_of_130_lines_foots_and_rests(office: MoneyOffice) -> None:
    lines = [office.line("1201", "4120", "03-310", amount=f"{n}.01", text=f"Item {n}") for n in range(1, 131)]
    office.ifs("register_invoice", supplier_id="S1005", invoice_no="BIG", authorise=True, lines=lines)
    office.sync()
    office.assert_tied()
    cost = office.money.books()[1].direct_costs[0]
    assert (len(cost["lines"]), cost["grand_total"], cost["status"]) == (130, "8516.30", "approved")
    office.assert_rests()


def test_orders_billed_by_direct_costs_foot_through_credit_and_cancellation(office: MoneyOffice) -> None:
    """Strategy B: no subcontractor invoice, no retention and no payment in Procore, and each amount once."""
    office.policy(supplier_invoices={"strategy": "direct_cost", "budget_view_checked": True})
    office.money.strategy = "direct_cost"
    story = Story(office, "USD", "TAX7")
    for act in (
        Story.order_is_released,
        Story.a_part_arrives,
        Story.the_first_invoice,
        Story.the_second_invoice,
        Story.the_second_one_was_wrong,
        Story.a_credit_of_a_tenth,
        Story.the_first_one_is_paid,
    ):
        act(story)
        office.sync()
        books = office.assert_tied()
    office.assert_rests()
    assert (books[1].requisitions, books[1].payments) == ([], [])
    costs = [(row["invoice_number"], row["grand_total"], row["direct_cost_type"]) for row in books[1].direct_costs]
    kind = "subcontractor_invoice"
    assert costs == [
        ("A-1", "7500.00", kind),
        ("A-2", "5000.00", kind),
        ("A-2-REV", "-5000.00", kind),
        ("A-1C", "-750.00", kind),
    ]


def test_odd_cents_of_tax_tolerance_and_part_payments_foot(office: MoneyOffice) -> None:
    """7.7 percent of tax, of which a third comes back; a tolerance on no line; paid in three parts, one taken back."""
    office.money.ifs.add_tax_code("NR5", "7.7", "33")
    story = Story(office, "USD", "")
    story.order_is_released()
    story.a_part_arrives()
    clips = {"line_no": "1", "quantity": "3", "amount": "33.31"}
    hours = {"line_no": "2", "quantity": "1", "amount": "33.33"}
    codes = {"A": "4110", "B": "05-120", "E": "1201"}
    tolerance = {"codes": codes, "activity_seq": 100103, "amount": "0.02"}
    lines: list[Mapping[str, object]] = [clips, hours, tolerance, story.retention("-7.77")]
    odd = office.invoice(story.order, "F-1", lines, tax="4.53", tax_code="NR5")
    first = 0
    for step in ("the invoice", "a part", "another part", "taken back", "the rest"):
        if step == "taken back":
            office.ifs("reverse_payment", payment_id=first)
        elif step == "the rest":
            office.pay(odd)
        elif step != "the invoice":
            first = first or office.pay(odd, "10.01")
            office.pay(odd, "10.01") if step == "another part" else None
        office.sync()
        books = office.assert_tied()
    office.assert_rests()
    office.assert_ledger(story.order, "17000.00 8500.00 70.10 8.17 61.93 63.42 61.93", books)
    assert len(books[1].payments) == 4


# -- late, foreign -----------------------------------------------------------------------------------------------------


def test_a_late_invoice_waits_for_its_closed_billing_period_or_goes_into_the_next(story: Story) -> None:
    """Policy says hold: it waits. Then it says the next open one: there, with its own date."""
    office = story.office
    office.policy(supplier_invoices={"closed_period": "hold"})
    office.until("2026-12-02")
    office.procore("close_billing_period", project_id="1201")
    story.invoice("A-2", "900.00", {"line_no": "1", "quantity": "10"}, story.retention("-100.00"), date="2026-11-27")
    office.sync()
    assert office.hold("billing_period_closed")["amount"] == Decimal("900.00")
    office.assert_tied(held=(story.ids["A-2"],))
    office.policy(supplier_invoices={"closed_period": "next_open"})
    office.sync()
    assert office.holds() == []
    office.assert_tied()
    office.assert_ledger(story.order, "17000.00 8500.00 8500.00 850.00 7650.00 0.00")
    late = office.money.books()[1].requisitions[-1]
    assert (late["billing_date"], late["requisition_start"]) == ("2026-11-27", "2026-12-01")
    office.assert_rests()


def test_foreign_currency_is_held_and_then_sent_and_never_converted(office: MoneyOffice) -> None:
    office.policy(purchase_orders={"foreign_currency": "hold"})
    story = Story(office, "EUR", "TAX7")
    story.order_is_released()
    story.a_part_arrives()
    story.the_first_invoice()
    story.a_part_payment()
    direct = {"supplier_id": "S1037", "currency": "EUR", "invoice_no": "E-9", "authorise": True}
    cost = office.ifs("register_invoice", lines=[office.line("1201", "4120", "03-310", amount="77.00")], **direct)
    office.sync()
    waiting = {hold["erp_id"]: hold["reason"] for hold in office.holds()}
    assert waiting == {
        "P100017": "currency_off",
        story.order: "currency_off",
        str(story.ids["A-1"]): "commitment_missing",
        str(cost["invoice_id"]): "currency_off",
        "SUPAY/1/1": "invoice_missing",
    }
    office.assert_tied(held=(story.ids["A-1"], cost["invoice_id"]))
    office.policy(purchase_orders={"foreign_currency": "send"})
    settle(office)
    assert office.holds() == []
    office.assert_tied()
    office.assert_ledger(story.order, "17000.00 8500.00 7500.00 750.00 6750.00 1000.00 934.58")
    assert {currency: str(amount) for currency, amount in exposed(office).items()} == {"EUR": "0.00"}
    office.assert_rests()


# -- the proof itself --------------------------------------------------------------------------------------------------


def _procore(story: Story) -> Any:
    return story.office.box.procore._state  # what nobody can do in a window


def _another_amount(story: Story) -> None:
    project = next(iter(_procore(story).projects.values()))
    item = next(item for one in project.requisitions.values() for item in one.items.values() if item.work)
    item.work += Decimal("0.01")


def _another_retention(story: Story) -> None:
    project = next(iter(_procore(story).projects.values()))
    item = next(item for one in project.requisitions.values() for item in one.items.values() if item.retained)
    item.retained -= Decimal("0.01")


def _a_lost_invoice(story: Story) -> None:
    project = next(iter(_procore(story).projects.values()))
    lost = next(iter(project.requisitions))
    del project.requisitions[lost]
    for order in project.contracts.values():
        if lost in order.requisitions:
            order.requisitions.remove(lost)


def _another_payment(story: Story) -> None:
    project = next(iter(_procore(story).projects.values()))
    next(iter(project.payments.values())).amount += Decimal("0.01")


def _a_voucher_gone(story: Story) -> None:
    db = story.office.box.ifs._db
    ours = [one for one in db.table("Voucher") if (one["VoucherText2"] or "").startswith("10/subcontractor_invoice/")]
    db.update(ours[0], {"Objstate": "Cancelled"})


def _a_row_recoded(story: Story) -> None:
    db = story.office.box.ifs._db
    rows = [one for one in db.table("VoucherRow") if one["ReferenceNumber"] == "P-1" and one["Account"] == "4120"]
    db.update(rows[0], {"Account": "4110"})


def _another_contract(story: Story) -> None:
    project = next(iter(_procore(story).projects.values()))
    order = next(one for one in project.contracts.values() if one.fields["number"] == story.order)
    next(iter(order.lines.values())).amount += Decimal("0.01")


def _another_estimate(story: Story) -> None:
    db = story.office.box.ifs._db
    row = next(iter(db.table("ProjectEstimate")))
    db.update(row, {"Estimated": row["Estimated"] + 1})


SABOTAGE: dict[Callable[[Story], None], str] = {
    _another_amount: "should be 7500.00 billed",
    _another_retention: "749.99 retained",
    _a_lost_invoice: "0.00 billed, 0.00 retained, 0.00 released in Procore",
    _another_payment: "1000.01 paid by SUPAY/1/1, should be 1000.00",
    _a_row_recoded: "500 on ('4110', '03-310'",
    _a_voucher_gone: "0 vouchers stand for it in IFS, should be 1",
    _another_contract: "is committed, IFS ordered",
    _another_estimate: "budget of 1201",
}
"""What is done behind both systems' backs, and what the proof says about it."""


def test_the_proof_names_whatever_does_not_tie(story: Story) -> None:
    """An invoice of IFS with a part payment, and one of Procore, both across; then one cent or one row is moved."""
    office, box = story.office, story.office.box
    story.a_part_payment()
    items = [{"position": 2, "quantity": "4"}]
    office.procore("add_requisition", order_number=story.order, invoice_number="P-1", status="approved", items=items)
    office.sync()
    office.assert_tied()
    before: list[str] = []
    for act, said in SABOTAGE.items():
        assert not any(said in one for one in before), act.__name__
        box.in_loop(lambda act=act: act(story))  # type: ignore[misc]
        before = office.money.differences()
        assert any(said in one for one in before), (act.__name__, before)


def test_a_payment_that_cannot_be_read_is_held_and_goes_once_it_can(story: Story) -> None:
    office = story.office
    story.a_part_payment()
    office.app.edit_connection("demo", {"erp": {"profile": {"payment": {"properties": {"currency": "SeriesId"}}}}})
    office.sync()
    (hold,) = office.holds()
    assert (hold["reason"], hold["owner"], hold["kind"]) == ("bad_row", "accounts payable", "payment")
    assert "currency" in hold["sentence"]
    office.assert_rests()
    office.app.edit_connection("demo", {"erp": {"profile": {"payment": {"properties": {"currency": "Currency"}}}}})
    office.sync()
    assert office.holds() == []
    office.assert_tied()
