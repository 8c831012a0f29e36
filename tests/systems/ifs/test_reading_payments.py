"""Payments and their reversals are read in the order of booking, each as the tenant booked it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ml_connector.kernel.errors import NameMissing, RightMissing
from ml_connector.records.payment import Payment
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.port import ErpSystem

from .conftest import MakeSystem
from .ledger import line, register

SINCE = date(2026, 9, 1)


def authorised(box: RunningSandbox, number: str, amount: str = "200", **more: Any) -> str:
    return register(box, number, line(amount), authorise=True, **more)


def pay(box: RunningSandbox, invoice: str, day: str = "2026-10-20", **more: Any) -> str:
    return str(box.act("ifs", "pay_invoice", invoice_id=invoice, date=day, **more)["payment_id"])


def test_a_payment_comes_with_what_it_pays_and_how(box: RunningSandbox, make: MakeSystem) -> None:
    invoice = authorised(box, "A", tax="14")
    first = pay(box, invoice, amount="50.25", way="CHECK", reference="CHK 1044")
    rest = pay(box, invoice, "2026-10-27")
    system: ErpSystem = make()
    payments, problems = system.payments(SINCE)
    assert problems == []
    assert payments[0] == Payment(
        id=f"SUPAY/{first}/1",
        order=(int(first), 1),
        invoice=invoice,
        amount=Decimal("50.25"),
        currency="USD",
        dated=date(2026, 10, 20),
        method="CHECK",
        reference="CHK 1044",
    )
    assert (payments[1].order, payments[1].amount, payments[1].method) == ((int(rest), 1), Decimal("163.75"), "BANK")
    assert len(payments) == 2


def test_an_invoice_in_instalments_is_paid_by_a_transaction_each(box: RunningSandbox, make: MakeSystem) -> None:
    paid = pay(box, authorised(box, "A", pay_term="2X30"))
    payments, _ = make().payments(SINCE)
    assert [(one.id, one.amount) for one in payments] == [
        (f"SUPAY/{paid}/1", Decimal(100)),
        (f"SUPAY/{paid}/2", Decimal(100)),
    ]


def test_a_reversal_stands_beside_the_payment_it_takes_back(box: RunningSandbox, make: MakeSystem) -> None:
    invoice = authorised(box, "A")
    paid = pay(box, invoice, amount="80")
    back = str(box.act("ifs", "reverse_payment", payment_id=paid)["payment_id"])
    again = pay(box, invoice, "2026-10-28", amount="80")
    payments, problems = make().payments(SINCE)
    assert problems == []
    told = [(one.order, one.amount, one.reverses, one.invoice) for one in payments]
    assert told == [
        ((int(paid), 1), Decimal(80), "", invoice),
        ((int(back), 1), Decimal(-80), paid, invoice),
        ((int(again), 1), Decimal(80), "", invoice),
    ]


@pytest.mark.parametrize("size", [1, 2, 5, 12])
def test_pages_of_any_size_hold_the_same_payments(box: RunningSandbox, make: MakeSystem, size: int) -> None:
    for number in range(12):
        pay(box, authorised(box, f"N{number}"))
    usual, _ = make().payments(SINCE)
    assert make(page_size=size).payments(SINCE) == (usual, [])
    assert [one.order for one in usual] == sorted(one.order for one in usual)
    assert len(usual) == 12


def test_a_page_that_the_tenant_cuts_loses_nothing(box: RunningSandbox, make: MakeSystem) -> None:
    invoice = authorised(box, "A", "1000")
    for _ in range(27):
        pay(box, invoice, amount="1")
    box.ifs.switches.max_top = "clamp:25"
    assert len(make().payments(SINCE)[0]) == 27


def test_bare_numbers_give_the_same_payments(box: RunningSandbox, make: MakeSystem) -> None:
    pay(box, authorised(box, "A", "10.10"))
    usual = make().payments(SINCE)
    box.ifs.switches.ieee754 = "never"
    assert make().payments(SINCE) == usual
    assert usual[0][0].amount == Decimal("10.1")


def test_only_payments_dated_since_a_day_are_read(box: RunningSandbox, make: MakeSystem) -> None:
    old = pay(box, authorised(box, "A", date="2026-02-01"), "2026-03-01")
    new = pay(box, authorised(box, "B"))
    assert [one.order[0] for one in make().payments(SINCE)[0]] == [int(new)]
    assert [one.order[0] for one in make().payments(date(2026, 3, 1))[0]] == [int(old), int(new)]
    assert make(of="20").payments(date(2026, 1, 1)) == ([], [])


def test_a_transaction_that_cannot_be_used_is_a_problem(box: RunningSandbox, make: MakeSystem) -> None:
    paid = pay(box, authorised(box, "A"))
    for profile, why in (
        ({"properties": {"amount": "WayId"}}, "WayId is not a number"),
        ({"properties": {"currency": "WayId"}}, "'BANK' is not a currency"),
        ({"properties": {"state": "WayId"}}, "'BANK' is not in the profile"),
    ):
        payments, problems = make(payment=profile).payments(SINCE)
        assert payments == []
        assert [one.key.id for one in problems] == [f"SUPAY/{paid}/1"]
        assert problems[0].key.kind == "payment"
        assert why in problems[0].sentence


def test_what_is_no_payment_of_a_supplier_invoice_is_left_out(box: RunningSandbox, make: MakeSystem) -> None:
    pay(box, authorised(box, "A"))
    assert make(payment={"properties": {"party_type": "WayId"}}).payments(SINCE) == ([], [])
    assert make(payment={"properties": {"invoice": "ReversedPaymentId"}}).payments(SINCE) == ([], [])
    assert make(payment_states={"Booked": "other"}).payments(SINCE) == ([], [])


def test_a_tenant_without_that_list_says_so(box: RunningSandbox, make: MakeSystem) -> None:
    box.ifs.switches.missing_projections = {"LedgerTransactionsAnalysis"}
    with pytest.raises(NameMissing, match="payments"):
        make().payments(SINCE)
    box.ifs.switches.missing_projections = set()
    box.ifs.switches.denied_projections = {"LedgerTransactionsAnalysis"}
    with pytest.raises(RightMissing):
        make().payments(SINCE)
