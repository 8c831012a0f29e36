"""The minimum money test set: one order from its release to its last payment, as a controller follows it in the book.

Each step is somebody's act in IFS. After it the connector is let loose, and the order's line of the book is read off
both systems' own screens. Steps are delivered at once, twice, late, and out of order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

import pytest

from .money_desk import POLICIES, MoneyOffice
from .money_proof import RETENTION

# ----------------------------------------------------------------------------------------------------------------------
# The book. Amounts are in the order's currency. Received is known to IFS only: accruals are never pushed. Where IFS
# pays tax that it gets back from the authorities, Procore is told what is paid without it: the second figure.
# ----------------------------------------------------------------------------------------------------------------------

WITHOUT_TAX = """
                                ordered  received  invoiced  retained   payable      paid
the order is released          17000.00      0.00      0.00      0.00      0.00      0.00
a part of it arrives           17000.00   8500.00      0.00      0.00      0.00      0.00
the first invoice              17000.00   8500.00   7500.00    750.00   6750.00      0.00
the order is raised            19000.00   8500.00   7500.00    750.00   6750.00      0.00
the second invoice             19000.00  12500.00  12500.00   1250.00  11250.00      0.00
a part payment                 19000.00  12500.00  12500.00   1250.00  11250.00   1000.00
November is closed             19000.00  12500.00  12500.00   1250.00  11250.00   1000.00
the rest is cancelled          12500.00  12500.00  12500.00   1250.00  11250.00   1000.00
the second one was wrong       12500.00  12500.00   7500.00    750.00   6750.00   1000.00
it comes again                 12500.00  12500.00  12500.00   1250.00  11250.00   1000.00
a credit of a tenth            12500.00  12500.00  11750.00   1175.00  10575.00   1000.00
the final release              12500.00  12500.00  11750.00      0.00  11750.00   1000.00
the first one is paid          12500.00  12500.00  11750.00      0.00  11750.00   6750.00
the bank sends it back         12500.00  12500.00  11750.00      0.00  11750.00   1000.00
everything is paid             12500.00  12500.00  11750.00      0.00  11750.00  11750.00
"""

TAX_GIVEN_BACK = """
                                ordered  received  invoiced  retained   payable      paid     there
the order is released          17000.00      0.00      0.00      0.00      0.00      0.00      0.00
a part of it arrives           17000.00   8500.00      0.00      0.00      0.00      0.00      0.00
the first invoice              17000.00   8500.00   7500.00    750.00   6750.00      0.00      0.00
the order is raised            19000.00   8500.00   7500.00    750.00   6750.00      0.00      0.00
the second invoice             19000.00  12500.00  12500.00   1250.00  11250.00      0.00      0.00
a part payment                 19000.00  12500.00  12500.00   1250.00  11250.00   1000.00    934.58
November is closed             19000.00  12500.00  12500.00   1250.00  11250.00   1000.00    934.58
the rest is cancelled          12500.00  12500.00  12500.00   1250.00  11250.00   1000.00    934.58
the second one was wrong       12500.00  12500.00   7500.00    750.00   6750.00   1000.00    934.58
it comes again                 12500.00  12500.00  12500.00   1250.00  11250.00   1000.00    934.58
a credit of a tenth            12500.00  12500.00  11750.00   1175.00  10575.00   1000.00    934.58
the final release              12500.00  12500.00  11750.00      0.00  11750.00   1000.00    934.58
the first one is paid          12500.00  12500.00  11750.00      0.00  11750.00   7222.50   6750.00
the bank sends it back         12500.00  12500.00  11750.00      0.00  11750.00   1000.00    934.58
everything is paid             12500.00  12500.00  11750.00      0.00  11750.00  12572.50  11750.00
"""

TAX_THAT_IS_COST = """
                                ordered  received  invoiced  retained   payable      paid
the order is released          17000.00      0.00      0.00      0.00      0.00      0.00
a part of it arrives           17000.00   8500.00      0.00      0.00      0.00      0.00
the first invoice              17000.00   8500.00   8025.00    802.50   7222.50      0.00
the order is raised            19000.00   8500.00   8025.00    802.50   7222.50      0.00
the second invoice             19000.00  12500.00  13375.00   1337.50  12037.50      0.00
a part payment                 19000.00  12500.00  13375.00   1337.50  12037.50   1000.00
November is closed             19000.00  12500.00  13375.00   1337.50  12037.50   1000.00
the rest is cancelled          12500.00  12500.00  13375.00   1337.50  12037.50   1000.00
the second one was wrong       12500.00  12500.00   8025.00    802.50   7222.50   1000.00
it comes again                 12500.00  12500.00  13375.00   1337.50  12037.50   1000.00
a credit of a tenth            12500.00  12500.00  12572.50   1257.25  11315.25   1000.00
the final release              12500.00  12500.00  12572.50      0.00  12572.50   1000.00
the first one is paid          12500.00  12500.00  12572.50      0.00  12572.50   7222.50
the bank sends it back         12500.00  12500.00  12572.50      0.00  12572.50   1000.00
everything is paid             12500.00  12500.00  12572.50      0.00  12572.50  12572.50
"""

BOOKS = {"": WITHOUT_TAX, "TAX7": TAX_GIVEN_BACK, "NR7": TAX_THAT_IS_COST}


def book(tax: str) -> dict[str, str]:
    """The figures of each step, in the order of the story."""
    rows = [line for line in BOOKS[tax].splitlines()[2:] if line]
    return {row[:30].strip(): row[30:] for row in rows}


# ----------------------------------------------------------------------------------------------------------------------
# The story.
# ----------------------------------------------------------------------------------------------------------------------


class Story:
    """One order of three lines, in one currency, with one kind of tax (or none) on its invoices."""

    def __init__(self, office: MoneyOffice, currency: str, tax: str) -> None:
        self.office, self.currency, self.tax = office, currency, tax
        self.order = self.number = ""
        self.ids: dict[str, int] = {}
        if tax == "NR7":
            office.money.ifs.add_tax_code("NR7", "7", "0")

    def invoice(self, number: str, net: str, *lines: Mapping[str, object], **given: object) -> None:
        """Accounts payable books an invoice of that net amount on the order, with seven percent of tax or none."""
        tax = {"tax": str(Decimal(net) * 7 / 100), "tax_code": self.tax} if self.tax else {}
        self.ids[number] = self.office.invoice(self.order, number, list(lines), **tax, **given)

    def retention(self, amount: str, line: str = "") -> dict[str, object]:
        """A posting that holds back (negative) or gives free, on a line of the order or on none."""
        place = {"line_no": line} if line else {}
        return {**place, "codes": {"A": RETENTION}, "amount": amount}

    def order_is_released(self) -> None:
        """100 rail clips at 100, 40 hours of setting at 125, 10 pallets of grout at 200."""
        clips = {"account": "4110", "code": "05-120", "quantity": "100", "price": "100.00", "unit": "pcs"}
        hours = {"account": "4120", "code": "03-310", "quantity": "40", "price": "125.00", "unit": "h"}
        grout = {"account": "4110", "code": "03-310", "quantity": "10", "price": "200.00", "unit": "pcs"}
        texts = ("Rail clips", "Setting of base plates", "Grout")
        lines = [{**one, "description": text} for one, text in zip((clips, hours, grout), texts, strict=True)]
        self.order = self.office.order(lines, self.currency)

    def a_part_arrives(self) -> None:
        """60 of the clips and half of the hours."""
        self.office.receive(self.order, _1="60", _2="20")

    def the_first_invoice(self) -> None:
        """50 of the 60 clips and all 20 hours: 5,000 and 2,500, a tenth of it held back from the whole."""
        clips, hours = {"line_no": "1", "quantity": "50"}, {"line_no": "2", "quantity": "20"}
        self.invoice("A-1", "6750.00", clips, hours, self.retention("-750.00"))

    def the_order_is_raised(self) -> None:
        """20 clips more."""
        self.office.ifs("amend_line", order_no=self.order, line_no="1", quantity="120")

    def the_second_invoice(self) -> None:
        """40 more clips came; 50 are billed, a tenth of it held back from that very line."""
        self.office.receive(self.order, _1="40")
        self.invoice("A-2", "4500.00", {"line_no": "1", "quantity": "50"}, self.retention("-500.00", "1"))

    def a_part_payment(self) -> None:
        """1,000 on the first invoice."""
        self.office.pay(self.ids["A-1"], "1000.00")

    def november_is_closed(self) -> None:
        """In IFS and in Procore; it is December."""
        self.office.month_end()

    def the_rest_is_cancelled(self) -> None:
        """Clips and hours down to what came, and no grout."""
        self.office.ifs("amend_line", order_no=self.order, line_no="1", quantity="100")
        self.office.ifs("amend_line", order_no=self.order, line_no="2", quantity="20")
        self.office.ifs("cancel_line", order_no=self.order, line_no="3")

    def the_second_one_was_wrong(self) -> None:
        """Accounts payable cancels it: it had been booked in November, which is closed."""
        self.office.ifs("cancel_invoice", invoice_id=self.ids["A-2"])

    def it_comes_again(self) -> None:
        """The same goods on a new invoice of December."""
        self.invoice("A-2B", "4500.00", {"line_no": "1", "quantity": "50"}, self.retention("-500.00", "1"))

    def a_credit_of_a_tenth(self) -> None:
        """A tenth of the first invoice is credited: goods, work and what was held back of it."""
        given = {"invoice_id": self.ids["A-1"], "invoice_no": "A-1C", "percent": "10", "post": True}
        self.ids["A-1C"] = self.office.ifs("credit_invoice", authorise=True, **given)["invoice_id"]

    def the_final_release(self) -> None:
        """All that is held is given free by an invoice of its own."""
        self.invoice("A-R", "1175.00", self.retention("1175.00"))

    def the_first_one_is_paid(self) -> None:
        """The rest of it."""
        self.number = str(self.office.pay(self.ids["A-1"]))

    def the_bank_sends_it_back(self) -> None:
        """That payment is reversed; the part payment of November stands."""
        self.office.ifs("reverse_payment", payment_id=self.number)

    def everything_is_paid(self) -> None:
        """First invoice, second one, the credit against them, and the release."""
        for number in ("A-1", "A-2B", "A-1C", "A-R"):
            self.office.pay(self.ids[number])


STEPS: dict[str, Callable[[Story], None]] = {
    "the order is released": Story.order_is_released,
    "a part of it arrives": Story.a_part_arrives,
    "the first invoice": Story.the_first_invoice,
    "the order is raised": Story.the_order_is_raised,
    "the second invoice": Story.the_second_invoice,
    "a part payment": Story.a_part_payment,
    "November is closed": Story.november_is_closed,
    "the rest is cancelled": Story.the_rest_is_cancelled,
    "the second one was wrong": Story.the_second_one_was_wrong,
    "it comes again": Story.it_comes_again,
    "a credit of a tenth": Story.a_credit_of_a_tenth,
    "the final release": Story.the_final_release,
    "the first one is paid": Story.the_first_one_is_paid,
    "the bank sends it back": Story.the_bank_sends_it_back,
    "everything is paid": Story.everything_is_paid,
}


@pytest.fixture
def office(money_office: MoneyOffice) -> MoneyOffice:
    return money_office


def check(story: Story, step: str) -> None:
    """Both books have the figures of the step, nothing else differs, and nothing more is sent."""
    books = story.office.assert_tied()
    story.office.assert_ledger(story.order, book(story.tax)[step], books)
    story.office.assert_rests()


def settle(office: MoneyOffice) -> None:
    """Two runs: what builds on what a run makes (a payment on its invoice) may go with the next."""
    office.sync()
    office.sync()


@pytest.mark.parametrize(("currency", "tax"), [("USD", "")])
def test_every_step_delivered_at_once(office: MoneyOffice, currency: str, tax: str) -> None:
    story = Story(office, currency, tax)
    for step, act in STEPS.items():
        act(story)
        office.sync()
        check(story, step)


@pytest.mark.parametrize(("currency", "tax"), [("EUR", "TAX7")])
def test_every_step_delivered_twice(office: MoneyOffice, currency: str, tax: str) -> None:
    """After each step every document of the connection is decided once more, as if it had never been seen to rest."""
    story = Story(office, currency, tax)
    for step, act in STEPS.items():
        act(story)
        office.sync()
        office.policy(**POLICIES)
        check(story, step)


LATE = ("the rest is cancelled", "a credit of a tenth", "everything is paid")
"""The steps at whose end the connector runs: what November brought comes when November is closed."""


@pytest.mark.parametrize(("currency", "tax"), [("EUR", "NR7"), ("USD", "")])
def test_steps_delivered_late(office: MoneyOffice, currency: str, tax: str) -> None:
    story = Story(office, currency, tax)
    for step, act in STEPS.items():
        act(story)
        if step in LATE:
            settle(office)
            check(story, step)


UPSIDE_DOWN = (("payments",), ("supplier_invoices",), ("purchase_orders",))
"""Flows one after the other, each before what it builds on."""
ENDS = ("a credit of a tenth", "everything is paid")


@pytest.mark.parametrize(("currency", "tax"), [("USD", "TAX7"), ("EUR", "")])
def test_steps_delivered_out_of_order(office: MoneyOffice, currency: str, tax: str) -> None:
    """The payment is seen before its invoice, the credit with what it credits, the invoice before its contract."""
    story = Story(office, currency, tax)
    seen: set[tuple[str, str]] = set()
    for step, act in STEPS.items():
        act(story)
        if step not in ENDS:
            continue
        for flows in UPSIDE_DOWN:
            office.app.sync("demo", flows)
            seen |= {(hold["reason"], hold["erp_id"]) for hold in office.holds()}
        settle(office)
        assert office.holds() == []
        check(story, step)
    first, credit = str(story.ids["A-1"]), str(story.ids["A-1C"])
    assert {("invoice_missing", "SUPAY/1/1"), ("commitment_missing", first), ("commitment_missing", credit)} <= seen


def test_a_credit_waits_for_what_it_credits(office: MoneyOffice) -> None:
    """The invoice cannot go, because its billing period is closed; its credit does not go before it."""
    office.policy(supplier_invoices={"closed_period": "hold"})
    story = Story(office, "USD", "")
    story.order_is_released()
    story.a_part_arrives()
    story.the_first_invoice()
    office.until("2026-12-02")
    office.procore("close_billing_period", project_id="1201")
    story.a_credit_of_a_tenth()
    office.sync()
    waiting = {hold["erp_id"]: hold["reason"] for hold in office.holds()}
    first, credit = story.ids["A-1"], story.ids["A-1C"]
    assert waiting == {str(first): "billing_period_closed", str(credit): "credit_waits"}
    office.assert_tied(held=(first, credit))
    office.policy(supplier_invoices={"closed_period": "next_open"})
    settle(office)
    office.assert_tied()
    office.assert_rests()
    written = {row["invoice_number"]: row for row in office.money.books()[1].requisitions}
    days = {number: (row["billing_date"], row["requisition_start"]) for number, row in written.items()}
    assert days == {"A-1": ("2026-11-16", "2026-12-01"), "A-1C": ("2026-12-02", "2026-12-01")}
