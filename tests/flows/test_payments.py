"""Payments as a controller reads them: in the order of booking, to the cent, without tax, never touching cost."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import Decision, HoldReason, Verb
from ml_connector.records.payment import ContractPayment, Payment
from ml_connector.records.supplier_invoice import InvoiceState, SupplierInvoice
from planning.invoice_scene import (
    Site,
    invoice,
    loose,
    payment,
    policies,
    posting,
    retention,
    typed,
)
from planning.scene import D

from .telling import page, told

TAXED = invoice(posting("1", "100", tax_code="V20", tax=D(20)))


def paid(site: Site) -> dict[str, Decimal]:
    """What is paid in Procore by commitment, zeroes left out."""
    found: dict[str, Decimal] = {}
    for one in site.payments.values():
        found[one.commitment] = found.get(one.commitment, D(0)) + one.amount
    return {key: amount for key, amount in found.items() if amount}


def crossed(*invoices: SupplierInvoice, **changes: Any) -> Site:
    """A site to which these invoices went."""
    site = Site(**changes)
    for one in invoices:
        site.sync(one)
    return site


def test_part_payments_and_a_reversal_as_a_controller_reads_them() -> None:
    site = crossed(TAXED)
    decision = site.pay(
        payment(2, "80", dated=date(2026, 11, 28)),
        payment(1, "40"),
        payment(3, "-40", reverses="1", dated=date(2026, 12, 1)),
        of=[TAXED],
    )
    assert told(decision) == page("""
        create payment:SUPAY/1/1@P1@1201 33.33 USD: IFS paid 40.00 USD on invoice INV-7 on 2026-11-20. \\
        33.33 USD of it is due here, without tax.
        create payment:SUPAY/2/1@P1@1201 66.67 USD: IFS paid 80.00 USD on invoice INV-7 on 2026-11-28. \\
        66.67 USD of it is due here, without tax.
        create payment:SUPAY/3/1@P1@1201 -33.33 USD: Payment 1 of invoice INV-7 was taken back in IFS: -40.00 USD. \\
        -33.33 USD of it is due here, without tax.
        """)
    assert paid(site) == {"P1@1201": D("66.67")}


def test_what_is_written() -> None:
    site = crossed(TAXED, policies=policies(payments={"methods": {"CHECK": "check"}}))
    decision = site.pay(payment(4, "120", method="CHECK"), of=[TAXED])
    (intent,) = decision.intents
    assert (intent.verb, intent.once_key, intent.scope, intent.source, intent.counts_as) == (
        Verb.CREATE,
        "10/payment/SUPAY/4/1/P1/1201",
        "1201",
        "SUPAY/4/1",
        "created",
    )
    assert intent.needs == (
        Key("project", "1201"),
        Key("commitment", "P1@1201"),
        Key("subcontractor_invoice", "700@P1@1201"),
    )
    assert site.payments["SUPAY/4/1@P1@1201"] == ContractPayment(
        once_key="10/payment/SUPAY/4/1/P1/1201",
        project="1201",
        commitment="P1@1201",
        invoice="700@P1@1201",
        amount=D("100.00"),
        currency="USD",
        dated=date(2026, 11, 20),
        method="check",
        number="4",
        reference="R4",
        invoice_number="INV-7",
        paid=D(120),
    )
    assert site.pay(payment(5, "0.01"), of=[TAXED]).intents[0].money is not None
    assert site.payments["SUPAY/5/1@P1@1201"].method == "electronic", "a payment way policy does not name"


def test_a_payment_of_an_invoice_on_two_orders_is_split_by_what_each_asks() -> None:
    one = invoice(posting("1", "60"), posting("2", "40", order="P2", project="1202"), loose("3", "100"))
    site = crossed(one)
    site.pay(payment(1, "100"), of=[one])
    assert paid(site) == {"P1@1201": D(30), "P2@1202": D(20)}, "the direct cost's half is paid nowhere"
    site.pay(payment(2, "100"), of=[one])
    assert paid(site) == {"P1@1201": D(60), "P2@1202": D(40)}


def test_retention_is_not_paid_before_it_is_released() -> None:
    one = invoice(posting("1", "100"), retention())
    release = invoice(retention("1", "10"), id="701", number="INV-8")
    site = crossed(one, release)
    site.pay(payment(1, "90"), payment(2, "10", invoice="701"), of=[one, release])
    assert [str(record.amount) for record in site.payments.values()] == ["90.00", "10.00"]


def test_corrections_count_in_what_is_asked() -> None:
    site = crossed(TAXED)
    site.pay(payment(1, "60"), of=[TAXED])
    less = invoice(posting("1", "80", tax_code="V20", tax=D(16)))
    site.sync(less)
    site.pay(payment(1, "60"), payment(2, "36"), of=[less])
    assert paid(site) == {"P1@1201": D(80)}, "paid in full is what is asked in full"


def test_a_credit_note_is_settled_by_a_negative_payment() -> None:
    credit = invoice(posting("1", "-25", tax_code="V20", tax=D(-5)), id="701", number="CR-1", credits="700")
    site = crossed(TAXED, credit)
    site.pay(payment(1, "-30", invoice="701"), of=[credit])
    assert paid(site) == {"P1@1201": D(-25)}


def test_payments_of_what_came_from_procore_are_mirrored_on_its_own_invoice() -> None:
    site = Site(policies=policies(invoices={"same_number": "link"}))
    site.type_invoice(typed(amount="95"))
    site.sync(TAXED)
    site.pay(payment(1, "120"), of=[TAXED])
    assert paid(site) == {"P1@1201": D(95)}, "what Procore asks"


def test_payments_come_once() -> None:
    site = crossed(TAXED)
    ones = (payment(1, "40"), payment(2, "80"))
    site.pay(*ones, of=[TAXED])
    assert told(site.pay(*ones, of=[TAXED])) == "unchanged payment:SUPAY/1/1\nunchanged payment:SUPAY/2/1"


def test_a_later_part_reckons_with_earlier_ones_that_are_not_read_any_more() -> None:
    one = invoice(posting("1", "99.99", tax_code="V20", tax=D(20)))
    site = crossed(one)
    site.pay(payment(1, "40"), payment(2, "40"), of=[one])
    site.pay(payment(3, "39.99"), of=[one])
    assert paid(site) == {"P1@1201": D("99.99")}


def test_a_part_too_small_for_a_cent_of_its_own_is_not_lost_in_the_end() -> None:
    one = invoice(*(posting(str(n), "0.10", tax_code="V20", tax=D("0.13")) for n in range(2)))
    site = crossed(one)
    for number in (1, 2):
        assert site.pay(payment(number, "0.01"), of=[one]).intents == ()
    paid_up = msgspec.structs.replace(one, state=InvoiceState.PAID)
    site.pay(payment(3, "0.44"), of=[paid_up])
    assert paid(site) == {"P1@1201": D("0.20")}


def test_a_reversal_takes_back_what_its_payment_mirrored_to_the_cent() -> None:
    site = crossed(TAXED)
    site.pay(payment(1, "40"), payment(2, "40"), payment(3, "-40", reverses="1"), of=[TAXED])
    assert [str(one.amount) for one in site.payments.values()] == ["33.33", "33.34", "-33.33"]
    site.pay(payment(4, "80"), of=[TAXED])
    assert paid(site) == {"P1@1201": D(100)}


def test_a_place_that_came_later_is_paid_in_full_with_the_last_part() -> None:
    site = crossed(invoice(posting("1", "60")))
    site.pay(payment(1, "30"), of=[invoice(posting("1", "60"))])
    more = invoice(posting("1", "60"), posting("2", "40", order="P2", project="1202"))
    site.sync(more)
    site.pay(payment(2, "70"), of=[more])
    assert paid(site) == {"P1@1201": D(60), "P2@1202": D(40)}


# waiting --------------------------------------------------------------------------------------------------------------


def test_a_payment_waits_for_its_invoice_and_the_next_one_for_it() -> None:
    decision = Site().pay(payment(1, "40"), payment(2, "80"), of=[TAXED])
    assert decision.intents == ()
    assert [(hold.reason, hold.waits_for, hold.key.id) for hold in decision.holds] == [
        (HoldReason.INVOICE_MISSING, Key("supplier_invoice", "700"), "SUPAY/1/1"),
        (HoldReason.INVOICE_MISSING, Key("payment", "SUPAY/1/1"), "SUPAY/2/1"),
    ]
    assert decision.holds[1].sentence == (
        "Payment SUPAY/2/1 comes after payment SUPAY/1/1 of the same invoice, which waits."
    )


def test_another_invoices_payment_does_not_wait_for_it() -> None:
    other = invoice(id="701", number="INV-8")
    site = crossed(other)
    decision = site.pay(payment(1, "40"), payment(2, "100", invoice="701"), of=[TAXED, other])
    assert [one.key.id for one in decision.intents] == ["SUPAY/2/1@P1@1201"]


@pytest.mark.parametrize("key", ["700@P1@1201", "700@P1@1201~c1"])
def test_a_procore_invoice_that_was_sent_back_blocks_its_payments(key: str) -> None:
    site = crossed(TAXED, invoice(posting("1", "80")))
    decision = site.pay(payment(), of=[TAXED], blocked=[key])
    (hold,) = decision.holds
    assert (hold.reason, hold.waits_for) == (HoldReason.SENT_BACK, Key("subcontractor_invoice", key))


def test_a_payment_in_another_currency_is_refused() -> None:
    site = crossed(TAXED)
    (hold,) = site.pay(payment(currency="EUR"), of=[TAXED]).holds
    assert (hold.reason, hold.waits_for) == (HoldReason.CURRENCY_OFF, Key("subcontractor_invoice", "700@P1@1201"))


def test_an_invoice_that_cannot_be_read_any_more_holds_its_payments() -> None:
    (hold,) = crossed(TAXED).pay(payment(), of=[]).holds
    assert hold.sentence == "Payment SUPAY/1/1 is of invoice 700, which cannot be read in IFS."


# left alone -----------------------------------------------------------------------------------------------------------


def said(decision: Decision) -> str:
    """The one sentence of a decision that does nothing."""
    assert (decision.intents, decision.holds) == ((), ())
    (skip,) = decision.skips
    return skip.sentence


def test_payments_that_are_left_alone_say_why() -> None:
    cost, outside = invoice(loose()), invoice(loose(project=""))
    assert said(crossed(cost).pay(payment(), of=[cost])) == (
        "Payment SUPAY/1/1 is of invoice 700, a direct cost: Procore keeps none there."
    )
    assert said(crossed(outside).pay(payment(), of=[outside])) == (
        "Payment SUPAY/1/1 is of invoice 700, which is no project cost."
    )
    assert said(Site(go_live=date(2026, 11, 10)).pay(payment(), of=[TAXED])) == (
        "Invoice 700 is dated 2026-11-05, before the go-live day 2026-11-10."
    )
    cancelled = invoice(state=InvoiceState.CANCELLED)
    assert said(Site().pay(payment(), of=[cancelled])) == "Invoice 700 was cancelled before it was ever in Procore."
    site = Site()
    site.rule(site.decide(invoice(posting(order="P9"))).holds[0], "ignore")
    assert said(site.pay(payment(), of=[TAXED])) == (
        "A person said that invoice 700 stays out of Procore, so its payments do."
    )


def test_a_reversal_of_a_payment_that_was_never_mirrored_takes_back_nothing() -> None:
    site = crossed(TAXED)
    assert said(site.pay(payment(2, "-40", reverses="1"), of=[TAXED])) == (
        "Payment SUPAY/2/1 comes to nothing in Procore."
    )
    site.pay(payment(3, "120"), of=[TAXED])
    assert paid(site) == {"P1@1201": D(100)}


def test_an_invoice_of_nothing_has_no_payments() -> None:
    one = invoice(posting("1", "10"), posting("2", "-10", order_line="2/1"))
    assert said(crossed(one).pay(payment(1, "0"), of=[one])) == (
        "Invoice 700 comes to nothing, so no payment of it does."
    )


# whatever is paid -----------------------------------------------------------------------------------------------------


@given(
    nets=st.lists(st.integers(1, 500_000), min_size=1, max_size=3),
    taxed=st.booleans(),
    cuts=st.lists(st.integers(1, 99_999), max_size=5),
    runs=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_parts_foot_and_the_last_one_leaves_no_cent(nets: list[int], taxed: bool, cuts: list[int], runs: bool) -> None:
    homes: list[dict[str, str]] = [{}, {"order_line": "2/1"}, {"order": "P2", "project": "1202"}]
    lines = []
    for number, net in enumerate(nets):
        tax = (D(net) / 500).quantize(D("0.01")) if taxed else D(0)
        code = "V20" if taxed else ""
        lines.append(posting(str(number), str(D(net) / 100), tax_code=code, tax=tax, **homes[number]))
    one = invoice(*lines)
    site = crossed(one)
    gross = one.net + one.tax
    parts = [(gross * cut / 600_000).quantize(D("0.01")) for cut in cuts]
    parts = [part for part in parts if part >= D("0.05")]
    parts.append(gross - sum(parts))
    payments: list[Payment] = [payment(number, str(part)) for number, part in enumerate(parts, 1)]
    whole = msgspec.structs.replace(one, state=InvoiceState.PAID)
    for late in [[one_of] for one_of in payments] if runs else [payments]:
        site.pay(*late, of=[whole if late[-1] is payments[-1] else one])
    wanted: dict[str, Decimal] = {}
    for bill in site.invoices.values():
        key = f"{bill.once_key.split('/')[3]}@{bill.project}"
        wanted[key] = wanted.get(key, D(0)) + bill.due().amount
    assert paid(site) == wanted
    back = [
        payment(100 + number, str(-one_of.amount), reverses=str(number)) for number, one_of in enumerate(payments, 1)
    ]
    site.pay(*payments, *back, of=[one])
    assert paid(site) == {}, "reversed one by one, nothing is left"
