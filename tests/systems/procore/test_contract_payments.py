"""Payments on contracts: in order, once, exact, and found again although their list has no filters."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ml_connector.kernel.keys import Key
from ml_connector.records.payment import ContractPayment
from ml_connector.systems.port import Effect, Outcome, Result
from ml_connector.systems.procore import contract_payment
from ml_connector.systems.procore.contract_payment import PaymentRow

from .office import reply
from .till import Till

PERIOD = {"start": "2026-01-01", "end": "2026-01-31"}


class Desk:
    """Two contracts of job site 1201, each with an approved invoice, and the payments planned on them."""

    def __init__(self, box: Till) -> None:
        self.box = box
        vendor = int(min(box.system.project_vendors(box.project)))
        code, _, kind = box.codes()[0][0].rpartition(".")
        line = {"code": code, "type": kind, "description": "Rail", "quantity": 10, "unit_cost": "100.00"}
        box.act("open_billing_period", project_id=box.project, **PERIOD)
        self.ids = {Key("project", "1201"): box.project}
        for name in ("PA", "PB"):
            given = {"project_id": box.project, "title": name, "vendor": _named(box, vendor), "status": "Approved"}
            order = box.act("type_order", order_number=name, lines=[line], **given)["id"]
            invoice = box.act("add_requisition", order_id=order, invoice_number=f"V-{name}", status="approved")["id"]
            self.ids[Key("commitment", f"{name}@1201")] = str(order)
            self.ids[Key("subcontractor_invoice", f"I1@{name}@1201")] = str(invoice)

    def payment(self, number: int, amount: str, order: str = "PA", **changes: Any) -> Effect:
        """A payment of an order's invoice."""
        once = f"10/payment/P/{number}/1/{order}/1201"
        head = (once, "1201", f"{order}@1201", f"I1@{order}@1201", Decimal(amount), "USD", date(2026, 2, number))
        body = ContractPayment(*head, "electronic", str(number), f"BANK-{number}", f"V-{order}")
        body = msgspec.structs.replace(body, **changes)
        return Effect(number, "create", "payment", once, "1201", "", body, self.ids)

    def there(self, order: str = "PA") -> list[PaymentRow]:
        """What Procore has on a contract."""
        contract = self.ids[Key("commitment", f"{order}@1201")]
        return contract_payment.read(self.box.system.client, self.box.project, contract)


def _named(box: Till, vendor: int) -> str:
    return next(one.name for one in box.system.vendors() if one.id == str(vendor))


@pytest.fixture
def desk(till: Till) -> Desk:
    return Desk(till)


def words(outcomes: list[Outcome]) -> list[str]:
    return [outcome.result.value for outcome in outcomes]


def test_payments_and_a_reversal_land_in_order_on_their_invoice(desk: Desk) -> None:
    sent = [desk.payment(1, "600.10"), desk.payment(2, "399.90"), desk.payment(3, "-399.90", method="check")]
    made = desk.box.done(sent)
    rows = desk.there()
    assert [str(row.id) for row in rows] == [outcome.target for outcome in made]
    assert [row.amount for row in rows] == [Decimal("600.10"), Decimal("399.90"), Decimal("-399.90")]
    invoice = desk.ids[Key("subcontractor_invoice", "I1@PA@1201")]
    assert {str(row.requisition_id) for row in rows} == {invoice}
    said = [msgspec.json.decode(r.body or b"")["contract_payment"] for r in desk.box.said if r.method == "POST"]
    assert [row.get("check_number") for row in said] == [None, None, "BANK-3"]
    assert said[0]["notes"] == "Payment 1, BANK-1"
    assert said[0]["amount"] == "600.10"
    assert len(desk.box.asked("contract_payments")) == 4  # three payments, and this test's look


def test_amounts_arrive_to_the_last_digit(desk: Desk) -> None:
    sum_ = Decimal("0.1") + Decimal("0.2")
    desk.box.done([desk.payment(1, str(sum_)), desk.payment(2, "12345678901.23")])
    assert [row.amount for row in desk.there()] == [Decimal("0.30"), Decimal("12345678901.23")]


def test_a_payment_sent_twice_is_there_once(desk: Desk) -> None:
    first = desk.box.done([desk.payment(1, "10.00")])
    again = desk.box.done([desk.payment(1, "10.00")])
    assert [o.target for o in first] == [o.target for o in again]
    assert len(desk.there()) == 1
    other = desk.box.system.send([desk.payment(1, "11.00")])[0]
    assert other.result is Result.REFUSED
    assert "amount is 10.00, and ours is 11.00" in other.sentence
    assert desk.box.system.find(desk.payment(1, "11.00")) is None


def test_after_a_lost_answer_the_contract_waits_and_the_other_goes_on(desk: Desk) -> None:
    desk.box.fault("drop_after", method="POST", path="contract_payments")
    sent = [desk.payment(1, "10.00"), desk.payment(2, "20.00"), desk.payment(3, "30.00", "PB")]
    outcomes = desk.box.system.send(sent)
    assert words(outcomes) == ["unknown", "waiting", "done"]
    assert "in their order" in outcomes[1].sentence
    assert words(desk.box.system.send([sent[1]])) == ["waiting"]
    found = desk.box.system.find(sent[0])
    assert found is not None
    assert (found.result, found.target) == (Result.DONE, str(desk.there()[0].id))
    desk.box.done([sent[1]])
    assert [row.amount for row in desk.there()] == [Decimal("10.00"), Decimal("20.00")]


def test_the_payments_of_a_contract_form_a_chain(desk: Desk) -> None:
    chains = [desk.box.system.chain(desk.payment(n, "1.00", order)) for n, order in ((1, "PA"), (2, "PB"), (3, "PA"))]
    assert chains == ["PA@1201", "PB@1201", "PA@1201"]


def test_a_payment_that_never_arrived_is_sent_again_once(desk: Desk) -> None:
    desk.box.fault("drop_before", method="POST", path="contract_payments")
    sent = [desk.payment(1, "10.00"), desk.payment(2, "20.00")]
    assert words(desk.box.system.send(sent)) == ["unknown", "waiting"]
    assert desk.box.system.find(sent[0]) is None
    desk.box.done(sent)
    assert [row.amount for row in desk.there()] == [Decimal("10.00"), Decimal("20.00")]


def test_a_refused_payment_is_told_and_does_not_hold_up_the_next(desk: Desk) -> None:
    stranger = {**desk.ids, Key("subcontractor_invoice", "I1@PA@1201"): "77"}
    sent = [msgspec.structs.replace(desk.payment(1, "10.00"), ids=stranger), desk.payment(2, "20.00")]
    outcomes = desk.box.system.send(sent)
    assert words(outcomes) == ["refused", "done"]
    assert "requisition_id" in outcomes[0].sentence


def test_what_procore_keeps_otherwise_is_refused(desk: Desk) -> None:
    row = {"id": 5, "amount": "10.00", "date": "2026-02-02", "origin_id": "x"}
    desk.box.checking = False
    desk.box.answer = lambda request: reply(201, row) if request.method == "POST" else None
    assert "date is 2026-02-02, and ours is 2026-02-01" in desk.box.system.send([desk.payment(1, "10.00")])[0].sentence
    row |= {"date": "2026-02-01", "requisition_id": 4}
    assert "invoice is 4" in desk.box.system.send([desk.payment(1, "10.00")])[0].sentence
