"""Sending subcontractor invoices: on the right lines, to the cent, once, one after the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from threading import Barrier, Lock
from time import sleep
from typing import Any

import msgspec
import pytest

from ml_connector.kernel.errors import Bug
from ml_connector.records.subcontractor_invoice import InvoiceStatus
from ml_connector.sandbox.faults import FaultRule
from ml_connector.systems.port import Result
from ml_connector.systems.procore.subcontractor_invoice_items import quantity_for
from ml_connector.systems.wire import WireReply, WireRequest

from .job import APRIL, INVOICES, MARCH, ORDERS, SITE, SUBCONTRACTS, Job, billed, figures, key

WORK, QUANTITY = "work_completed_this_period", "work_completed_this_period_quantity"
RETAINED, RELEASED = "work_completed_retainage_retained_this_period", "work_completed_retainage_released_this_period"


def test_an_invoice_arrives_whole_in_one_call(job: Job) -> None:
    job.contract("P1", "1000.00", "2000.00", method="amount")
    effect = job.invoice("I1", "P1", billed("P1", 2, "400.00"), status=InvoiceStatus.UNDER_REVIEW, final=True, note="n")
    made = job.done(effect)[0]
    found = job.read(made)[0]
    assert (found.once_key, found.number, found.sequence) == (effect.once_key, "I1", "1")
    assert (found.dated, found.start, found.end, found.final) == (date(2026, 3, 20), MARCH[0], MARCH[1], True)
    assert (found.status, found.currency) == (InvoiceStatus.UNDER_REVIEW, "USD")
    assert (found.period, found.commitment) == (job.periods["1201/2026-03-01"], job.contracts["P1@1201"])
    assert [(line.budget_code, line.amount) for line in found.lines] == [(job.codes[1][0], Decimal("400.00"))]
    assert found.updated_at == made.stamp
    assert job.count(f"POST {job.running.procore_url}{INVOICES}") == 1
    assert job.count("PATCH") == 0


def test_the_contracts_own_percentage_does_not_creep_in(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount", retainage_percent="10.0")
    found = job.read(*job.done(job.invoice("I1", "P1", billed("P1", 1, "400.00"))))[0]
    assert figures(found.lines) == [("400.00", "0.00", "0.00")]
    assert found.payable == Decimal("400.00")
    assert job.last_items[0][RETAINED] == "0.00"


def test_several_invoices_of_one_period_add_up(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    effects = [job.invoice(f"I{n}", "P1", billed("P1", 1, f"{n}00.00"), intent=n) for n in (1, 2, 3)]
    outcomes = job.done(*effects)
    found = job.read(*outcomes)
    assert [one.money().amount for one in found] == [100, 200, 300]
    assert [one.sequence for one in found] == ["1", "2", "3"]
    assert {one.period for one in found} == {job.periods["1201/2026-03-01"]}
    assert job.shown(outcomes[2])["items"][0]["total_completed_and_stored_to_date"] == "600.00"
    contract = job.contracts["P1@1201"]
    assert job.count(f"GET {job.running.procore_url}/rest/v1.0/purchase_order_contracts/{contract}?") == 1


def test_a_credit_is_a_negative_invoice(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    invoice = job.invoice("I1", "P1", billed("P1", 1, "400.00", retained="40.00"))
    credit = job.invoice("I1~c1", "P1", billed("P1", 1, "-150.00", retained="-15.00"), intent=2)
    found = job.read(*job.done(invoice, credit))[1]
    assert figures(found.lines) == [("-150.00", "-15.00", "0.00")]
    assert found.due().amount == found.payable == Decimal("-135.00")


def test_retainage_is_held_and_given_free_and_the_summary_foots(job: Job) -> None:
    job.contract("P1", "20000.00", "35000.00", method="amount")
    job.periods["1201/2026-04-01"] = job.period(*APRIL)
    lines = (billed("P1", 1, "20000.00", "2000.00"), billed("P1", 2, "33000.00", "3300.00"))
    first = job.invoice("I1", "P1", *lines)
    freed = (billed("P1", 1, "0.00", "0.00", "2000.00"), billed("P1", 2, "2000.00", "200.00", "1500.00"))
    second = job.invoice("I2", "P1", *freed, intent=2, period="1201/2026-04-01")
    outcomes = job.done(first, second)
    one, two = job.read(*outcomes)
    assert figures(one.lines) == [("20000.00", "2000.00", "0.00"), ("33000.00", "3300.00", "0.00")]
    assert one.payable == one.due().amount == Decimal("47700.00")
    assert figures(two.lines) == [("0.00", "0.00", "2000.00"), ("2000.00", "200.00", "1500.00")]
    assert two.payable == two.due().amount == Decimal("5300.00")
    summary = job.shown(outcomes[1])["summary"]
    wanted = {
        "contract_sum_to_date": "55000.00",
        "total_completed_and_stored_to_date": "55000.00",
        "total_retainage": "2000.00",
        "total_earned_less_retainage": "53000.00",
        "less_previous_certificates_for_payment": "47700.00",
        "current_payment_due": "5300.00",
        "balance_to_finish_including_retainage": "2000.00",
    }
    assert {name: summary[name] for name in wanted} == wanted


def test_retainage_that_nobody_holds_is_refused_in_their_words(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    outcome = job.send(job.invoice("I1", "P1", billed("P1", 1, "100.00", released="5.00")))[0]
    assert outcome.result is Result.REFUSED
    assert "needs retainage that is held" in outcome.sentence
    assert job.system.subcontractor_invoices(job.site) == []


# -- change orders ----------------------------------------------------------------------------------------------------


def kinds(job: Job) -> list[tuple[str, str]]:
    """Kind and amount of the items of the last invoice sent."""
    return [(item["item_type"], item[WORK]) for item in job.last_items]


def test_what_the_contract_line_has_no_room_for_goes_to_its_change_orders(job: Job) -> None:
    job.contract("P1", "1000.00", "500.00", method="amount")
    job.amend("P1", 1, "300.00")
    job.amend("P1", 1, "200.00")
    send = [
        job.invoice(f"I{n}", "P1", billed("P1", 1, amount, retained), intent=n)
        for n, (amount, retained) in enumerate((("900.00", "90.00"), ("250.00", "25.00"), ("600.00", "60.01")), 1)
    ]
    job.done(send[0])
    assert kinds(job) == [("contract_item", "900.00")]
    job.done(send[1])
    assert kinds(job) == [("contract_item", "100.00"), ("change_order_item", "150.00")]
    assert [item[RETAINED] for item in job.last_items] == ["10.00", "15.00"]
    outcomes = job.done(send[2])
    over = [("contract_item", "250.00"), ("change_order_item", "150.00"), ("change_order_item", "200.00")]
    assert kinds(job) == over
    assert sum(Decimal(item[RETAINED]) for item in job.last_items) == Decimal("60.01")
    found = job.read(*outcomes)[0]
    assert sum(line.amount for line in found.lines) == 600
    assert job.shown(outcomes[0])["summary"]["net_change_by_change_orders"] == "500.00"
    assert job.shown(outcomes[0])["summary"]["total_completed_and_stored_to_date"] == "1750.00"


def test_a_credit_is_taken_back_in_the_reverse_order(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    job.amend("P1", 1, "300.00")
    job.amend("P1", 1, "200.00")
    job.done(job.invoice("I1", "P1", billed("P1", 1, "1600.00", "160.00")))
    credit = job.invoice("I1~c1", "P1", billed("P1", 1, "-450.00", "-45.00"), intent=2)
    found = job.read(*job.done(credit))[0]
    assert kinds(job) == [
        ("contract_item", "-100.00"),
        ("change_order_item", "-150.00"),
        ("change_order_item", "-200.00"),
    ]
    assert found.due().amount == Decimal("-405.00")
    job.done(job.invoice("I1~c2", "P1", billed("P1", 1, "-1150.00"), intent=3))
    assert kinds(job) == [("contract_item", "-1000.00"), ("change_order_item", "-150.00")]


def test_in_one_call_each_invoice_goes_on_where_the_one_before_ended(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    job.amend("P1", 1, "300.00")
    job.said.clear()
    effects = [job.invoice(f"I{n}", "P1", billed("P1", 1, "650.00"), intent=n) for n in (1, 2)]
    job.done(*effects)
    assert kinds(job) == [("contract_item", "350.00"), ("change_order_item", "300.00")]
    assert job.count("filters%5Bis_last%5D") == 1
    assert job.count("GET") == 4  # contract, change orders, lines of the one, latest invoice


def test_released_retainage_comes_from_the_items_that_hold_it(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    job.amend("P1", 1, "500.00")
    job.done(job.invoice("I1", "P1", billed("P1", 1, "1500.00", "150.00")))
    found = job.read(*job.done(job.invoice("I2", "P1", billed("P1", 1, "0", "0", "120.00"), intent=2)))[0]
    assert [(item["item_type"], item[RELEASED]) for item in job.last_items] == [
        ("contract_item", "100.00"),
        ("change_order_item", "20.00"),
    ]
    assert found.payable == Decimal("120.00")


def test_a_line_moved_to_another_budget_code_is_billed_where_it_stands_now(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    job.amend("P1", 1, "-1000.00")
    job.amend("P1", 1, "1000.00", code=2)
    job.done(job.invoice("I1", "P1", billed("P1", 1, "400.00", code=job.codes[2][0])))
    assert kinds(job) == [("change_order_item", "400.00")]
    job.done(job.invoice("I2", "P1", billed("P1", 1, "100.00", code=job.codes[0][0]), intent=2))
    assert kinds(job) == [("change_order_item", "100.00")]


def test_what_a_change_order_put_on_another_budget_code_is_billed_there_first(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    job.amend("P1", 1, "300.00", code=2)
    job.done(job.invoice("I1", "P1", billed("P1", 1, "100.00", code=job.codes[2][0])))
    assert kinds(job) == [("change_order_item", "100.00")]
    job.done(job.invoice("I2", "P1", billed("P1", 1, "1300.00", code=job.codes[2][0]), intent=2))
    assert kinds(job) == [("change_order_item", "300.00"), ("contract_item", "1000.00")]


def test_a_change_order_that_is_not_approved_cannot_be_billed(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    (code, kind), text = job.codes[0][0].rsplit(".", 1), "More (ERP line 1/1)"
    line = {"code": code, "type": kind, "amount": "300.00", "description": text}
    order = int(job.contracts["P1@1201"])
    change = job.act("add_change_order", order_id=order, title="More", status="draft", lines=[line])
    job.done(job.invoice("I1", "P1", billed("P1", 1, "1100.00")))
    assert kinds(job) == [("contract_item", "1100.00")]
    job.act("set_change_order_status", id=change["id"], status="approved")
    job.done(job.invoice("I2", "P1", billed("P1", 1, "50.00"), intent=2))
    assert kinds(job) == [("change_order_item", "50.00")]


def test_a_line_that_only_a_change_order_has_is_billed_there(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    job.amend("P1", 2, "70.00")
    found = job.read(*job.done(job.invoice("I1", "P1", billed("P1", 2, "70.00"))))[0]
    assert kinds(job) == [("change_order_item", "70.00")]
    assert [line.budget_code for line in found.lines] == [job.codes[1][0]]


# -- contracts by unit ------------------------------------------------------------------------------------------------


def test_the_lines_own_quantity_goes_where_it_makes_the_amount(job: Job) -> None:
    job.contract("P1", ("10", "12.50"))
    found = job.read(*job.done(job.invoice("I1", "P1", billed("P1", 1, "50.00", quantity="4"))))[0]
    assert job.last_items[0][QUANTITY] == "4"
    assert WORK not in job.last_items[0]
    assert (found.lines[0].amount, found.lines[0].quantity) == (Decimal("50.00"), Decimal(4))


@pytest.mark.parametrize(
    ("cost", "amount", "sent"),
    [
        ("10.10", "26.25", "2.599"),
        ("0.333333", "100.00", "300"),
        ("7.00", "-33.33", "-4.761"),
        ("98765.43", "0.01", "0.0000001"),
        ("1234567.89", "1234567.88", "0.99999999"),
    ],
)
def test_an_awkward_price_still_makes_the_amount_to_the_cent(job: Job, cost: str, amount: str, sent: str) -> None:
    job.contract("P1", ("10", cost))
    outcome = job.done(job.invoice("I1", "P1", billed("P1", 1, amount, quantity="3")))[0]
    assert job.last_items[0][QUANTITY] == sent
    assert job.read(outcome)[0].money().amount == Decimal(amount)


def test_a_line_whose_amount_is_its_own_is_billed_to_that_amount(job: Job) -> None:
    """Our contract lines carry the order's amount beside quantity and cost, which need not be their product."""
    job.contract("P1", ("2.5", "10.10", "26.25"))
    outcome = job.done(job.invoice("I1", "P1", billed("P1", 1, "26.25", quantity="2.5")))[0]
    item = job.shown(outcome)["items"][0]
    assert (item["work_completed_this_period"], item["scheduled_value"]) == ("26.25", "26.25")


def test_a_unit_line_without_a_price_cannot_take_an_amount(job: Job) -> None:
    job.contract("P1", ("2", "0", "50.00"), ("2", "5.00"))
    bad = job.invoice("I1", "P1", billed("P1", 1, "50.00"))
    good = job.invoice("I2", "P1", billed("P1", 2, "10.00"), intent=2)
    outcomes = job.send(bad, good)
    assert [one.result for one in outcomes] == [Result.REFUSED, Result.DONE]
    assert f"Line {key('P1', 1)} of Procore's contract P1 has the unit cost 0" in outcomes[0].sentence
    assert job.count("POST") == 1


def test_a_quantity_that_does_not_exist_is_said_so(job: Job) -> None:
    assert quantity_for(Decimal("1.00"), Decimal("999999999999.99"), None) is None
    assert quantity_for(Decimal("0.00"), Decimal("0"), Decimal(3)) == 0
    assert quantity_for(Decimal("0.00"), Decimal("5"), None) == 0
    job.contract("P1", ("1", "999999999999.99"))
    outcome = job.send(job.invoice("I1", "P1", billed("P1", 1, "1.00")))[0]
    assert outcome.result is Result.REFUSED
    assert "No quantity with up to 10 decimals times the unit cost 999999999999.99 makes 1.00" in outcome.sentence


def test_a_unit_contract_splits_by_quantity_too(job: Job) -> None:
    job.contract("P1", ("10", "33.33"))
    job.amend("P1", 1, "66.66", rate=("2", "33.33"))
    job.amend("P1", 1, "10.00", rate=("3", "9.99"))  # no product: this one is an amount
    outcome = job.done(job.invoice("I1", "P1", billed("P1", 1, "409.96", "41.00", quantity="12.3")))[0]
    sent = [(item["item_type"], item.get(QUANTITY), item.get(WORK)) for item in job.last_items]
    assert sent == [
        ("contract_item", "10", None),
        ("change_order_item", "2", None),
        ("change_order_item", None, "10.00"),
    ]
    assert job.read(outcome)[0].due().amount == Decimal("368.96")


# -- what is refused --------------------------------------------------------------------------------------------------


def test_over_billing_is_possible(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    outcome = job.done(job.invoice("I1", "P1", billed("P1", 1, "1030.00")))[0]
    assert job.shown(outcome)["items"][0]["total_completed_and_stored_to_date_percent"] == "103.00"
    assert job.read(outcome)[0].money().amount == 1030


def test_a_line_that_is_not_there_and_a_contract_that_is_gone_are_refused(job: Job) -> None:
    job.contract("P1", "1000.00")
    job.contract("P2", "1000.00")
    job.contracts["P3@1201"] = "562949953999999"
    effects = [
        job.invoice("I1", "P1", billed("P1", 7, "10.00")),
        job.invoice("I2", "P3", billed("P3", 1, "10.00"), intent=2),
        job.invoice("I3", "P2", billed("P2", 1, "10.00"), intent=3, currency="EUR"),
        job.invoice("I4", "P2", billed("P2", 1, "10.00"), intent=4),
    ]
    outcomes = job.send(*effects)
    assert [one.result for one in outcomes] == [Result.REFUSED] * 3 + [Result.DONE]
    assert f"contract P1 has no line {key('P1', 7)}" in outcomes[0].sentence
    assert "may not see it" in outcomes[1].sentence
    assert "The invoice is in EUR, and Procore keeps contract P2 in USD." in outcomes[2].sentence


def test_where_a_contract_may_have_one_invoice_a_period_the_second_is_refused_with_words(job: Job) -> None:
    job.switch(one_requisition_per_period=True)
    job.contract("P1", "1000.00")
    outcomes = job.send(*(job.invoice(f"I{n}", "P1", billed("P1", 1, "10.00"), intent=n) for n in (1, 2)))
    assert [one.result for one in outcomes] == [Result.DONE, Result.REFUSED]
    assert "has an invoice of the contract already" in outcomes[1].sentence


def test_a_closed_period_is_written_by_name_and_none_is_refused(job: Job) -> None:
    job.contract("P1", "1000.00")
    assert not any(period.open for period in job.system.billing_periods(job.site))
    job.done(job.invoice("I1", "P1", billed("P1", 1, "10.00")))
    outcome = job.send(job.invoice("I2", "P1", billed("P1", 1, "10.00"), intent=2, period=""))[0]
    assert outcome.result is Result.REFUSED
    assert "no open billing period" in outcome.sentence


def test_an_invoice_without_its_period_or_contract_is_a_bug_before_anything_is_sent(job: Job) -> None:
    job.contract("P1", "1000.00")
    good = job.invoice("I1", "P1", billed("P1", 1, "10.00"))
    bad = job.invoice("I2", "P1", billed("P1", 1, "10.00"), intent=2, period="1201/2026-09-01")
    with pytest.raises(Bug, match="billing_period"):
        job.send(good, bad)
    ids = {name: id_ for name, id_ in good.ids.items() if name.kind != "commitment"}
    with pytest.raises(Bug, match="commitment P1@1201"):
        job.send(good, msgspec.structs.replace(good, ids=ids))
    assert job.count("POST") == 0


def changed(change: Any) -> Any:
    """Shows the room another answer to the POST than Procore gave."""

    def mend(request: WireRequest, reply: WireReply) -> WireReply:
        if request.method != "POST" or INVOICES not in request.url:
            return reply
        row = msgspec.json.decode(reply.body)
        change(row)
        return WireReply(reply.status, reply.headers, msgspec.json.encode(row))

    return mend


def test_figures_that_procore_keeps_otherwise_are_refused_with_both(job: Job) -> None:
    job.contract("P1", "1000.00", "500.00", method="amount")

    def change(row: Any) -> None:
        row["items"][0] |= {"total_completed_and_stored_to_date": "99.00", "net_amount": "89.00"}
        row["items"][1] |= {"work_completed_retainage_retained_this_period": "1.00", "net_amount": "-1.00"}

    job.mended = changed(change)
    outcome = job.send(job.invoice("I1", "P1", billed("P1", 1, "100.00", "10.00")))[0]
    assert outcome.result is Result.REFUSED
    number = job.system.subcontractor_invoices(job.site)[0].id
    assert f"invoice 1 of contract P1 (id {number})" in outcome.sentence
    assert f"line {key('P1', 1)}: gross 100.00 sent, 99.00 kept" in outcome.sentence
    assert f"line {key('P1', 2)}: retained 0.00 sent, 1.00 kept" in outcome.sentence
    assert "stands in Procore" in outcome.sentence
    job.mended = changed(lambda row: row.update(status="draft"))
    outcome = job.send(job.invoice("I2", "P1", billed("P1", 1, "100.00"), intent=2))[0]
    assert "status approved sent, draft kept" in outcome.sentence


def test_an_answer_that_does_not_show_the_invoice_is_unknown(job: Job) -> None:
    job.contract("P1", "1000.00")
    effect = job.invoice("I1", "P1", billed("P1", 1, "100.00"))
    job.mended = changed(lambda row: row.update(items=None))
    assert job.send(effect)[0].result is Result.UNKNOWN
    assert job.system.find(effect) is not None


# -- once -------------------------------------------------------------------------------------------------------------


def test_a_second_post_with_the_same_key_finds_the_first(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    job.amend("P1", 1, "50.00")
    effect = job.invoice("I1", "P1", billed("P1", 1, "1020.00", "5.00"))
    first = job.done(effect)[0]
    assert job.done(effect)[0] == first
    assert len(job.system.subcontractor_invoices(job.site)) == 1


def test_a_key_that_stands_with_other_figures_is_refused(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    job.contract("P2", "1000.00", method="amount")
    job.done(job.invoice("I1", "P1", billed("P1", 1, "100.00")))
    other = job.invoice("I1", "P1", billed("P1", 1, "90.00"))
    outcome = job.send(other)[0]
    assert outcome.result is Result.REFUSED
    assert "gross 90.00 sent, 100.00 kept" in outcome.sentence
    assert job.system.find(other) is None
    elsewhere = job.invoice("I1", "P2", billed("P2", 1, "100.00"), once_key="10/invoice/I1/P1/1201")
    outcome = job.send(elsewhere)[0]
    assert "has already been taken" in outcome.sentence
    assert job.system.find(elsewhere) is None


def test_a_lost_answer_is_unknown_the_next_of_the_contract_wait_and_it_is_found(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    job.contract("P2", "1000.00", method="amount")
    effects = [
        job.invoice("I1", "P1", billed("P1", 1, "100.00")),
        job.invoice("I2", "P1", billed("P1", 1, "200.00"), intent=2),
        job.invoice("I3", "P2", billed("P2", 1, "300.00"), intent=3),
    ]
    assert job.system.find(effects[0]) is None
    job.running.faults.add(FaultRule("drop_after", side="procore", method="POST"))
    outcomes = job.send(*effects)
    assert [one.result for one in outcomes] == [Result.UNKNOWN, Result.WAITING, Result.DONE]
    assert "goes with the next run" in outcomes[1].sentence
    assert job.system.find(effects[1]) is None
    found = job.system.find(effects[0])
    assert found is not None
    assert found.result is Result.DONE
    assert found.stamp == job.read(found)[0].updated_at
    assert job.done(*effects[:2])[0].target == found.target
    assert [one.number for one in job.system.subcontractor_invoices(job.site)].count("I1") == 1


def test_what_a_person_does_to_its_status_does_not_hide_it(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    job.switch(origin_id_locks=False)
    effect = job.invoice("I1", "P1", billed("P1", 1, "100.00"))
    made = job.done(effect)[0]
    job.act("send_back_requisition", id=int(made.target))
    found = job.system.find(effect)
    assert found is not None
    assert found.target == made.target
    assert found.stamp != made.stamp


def test_a_pause_makes_the_rest_of_the_contract_wait(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    job.contract("P2", "1000.00", method="amount")
    effects = [job.invoice(f"I{n}", "P1", billed("P1", 1, "1.00"), intent=n) for n in (1, 2)]
    effects.append(job.invoice("I3", "P2", billed("P2", 1, "1.00"), intent=3))
    job.running.faults.add(FaultRule("503", side="procore", method="POST", times=3, retry_after=0))
    outcomes = job.send(*effects)
    assert [one.result for one in outcomes] == [Result.WAITING, Result.WAITING, Result.DONE]
    assert job.done(*effects[:2])


def test_once_it_was_looked_up_the_next_of_its_contract_may_go(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    job.contract("P2", "1000.00", method="amount")
    first, second = (job.invoice(f"I{n}", "P1", billed("P1", 1, "1.00"), intent=n) for n in (1, 2))
    other = job.invoice("I3", "P2", billed("P2", 1, "1.00"), intent=3)
    job.running.faults.add(FaultRule("drop_after", side="procore", method="POST"))
    assert job.send(first)[0].result is Result.UNKNOWN
    later = job.send(second, other)
    assert [one.result for one in later] == [Result.WAITING, Result.DONE], "another call, and the chain is the same"
    assert "goes with the next run" in later[0].sentence
    assert job.system.find(first) is not None
    job.done(second)


# -- many at once -----------------------------------------------------------------------------------------------------


def test_the_invoices_of_a_contract_form_a_chain_and_the_periods_of_a_project(job: Job) -> None:
    job.contract("P1", "1000.00")
    job.contract("P2", "1000.00")
    invoices = [job.invoice("I", order, billed(order, 1, "1.00")) for order in ("P1", "P2", "P1")]
    assert [job.system.chain(one) for one in invoices] == ["P1@1201", "P2@1201", "P1@1201"]
    assert job.system.chain(job.opening(*APRIL)) == SITE
    assert job.system.chain(msgspec.structs.replace(invoices[0], verb="link")) == ""
    assert [job.system.batch_size(kind, "create") for kind in ("subcontractor_invoice", "payment")] == [100, 100]


def test_the_contracts_of_one_call_are_read_together(job: Job) -> None:
    for n in range(1, 6):
        job.contract(f"P{n}", "1000.00", method="amount")
    job.contracts["P6@1201"] = "562949953999999"
    job.amend("P2", 1, "300.00")
    job.said.clear()
    effects = [job.invoice("I1", f"P{n}", billed(f"P{n}", 1, "1100.00"), intent=n) for n in range(1, 7)]
    outcomes = job.send(*effects)
    assert [one.result for one in outcomes] == [Result.DONE] * 5 + [Result.REFUSED]
    assert job.count(f"GET {job.running.procore_url}{ORDERS}?") == 1
    assert job.count(f"GET {job.running.procore_url}{ORDERS}/") == 1, "the one that is gone"
    assert job.count("commitment_change_orders") == 2, "those of the project, and the lines of the one"
    assert job.count(f"GET {job.running.procore_url}{SUBCONTRACTS}/") == 1, "it is no subcontract either"
    assert job.count("GET") == 6, "and what is billed to date where a line is split"
    items = job.shown(outcomes[1])["items"]
    assert [(item["item_type"], item[WORK]) for item in items] == [
        ("contract_item", "1000.00"),
        ("change_order_item", "100.00"),
    ]


def test_hands_that_work_side_by_side_share_the_change_orders_and_nothing_else(job: Job) -> None:
    orders = [f"P{n}" for n in range(1, 5)]
    for order in orders:
        job.contract(order, "1000.00", method="amount")
        job.amend(order, 1, "300.00")
    chains = [[job.invoice(f"I{n}", order, billed(order, 1, "650.00"), intent=n) for n in (1, 2)] for order in orders]
    job.said.clear()
    everybody = Barrier(len(orders), timeout=30)

    def wait(request: WireRequest, reply: WireReply) -> WireReply:
        if f"{ORDERS}/" in request.url:
            everybody.wait()
        return reply

    job.mended = wait
    with ThreadPoolExecutor(len(orders)) as pool:
        outcomes = list(pool.map(job.system.send, chains))
    assert [one.result for each in outcomes for one in each] == [Result.DONE] * 8
    whole = [one for one in job.said if one.url.endswith(f"projects/{job.site}/commitment_change_orders")]
    assert len(whole) == 1
    for each in outcomes:
        found = job.read(*each)
        assert [one.money().amount for one in found] == [650, 650]
        last = job.shown(each[1])["items"]
        assert [item["total_completed_and_stored_to_date"] for item in last] == ["1000.00", "300.00"]


def test_two_hands_on_one_contract_go_one_after_the_other(job: Job) -> None:
    """The engine does not do this; were it to, the chain would hold all the same."""
    job.contract("P1", "1000.00", method="amount")
    effects = [job.invoice(f"I{n}", "P1", billed("P1", 1, "100.00"), intent=n) for n in range(1, 5)]
    busy, most, own = 0, 0, Lock()

    def count(request: WireRequest, reply: WireReply) -> WireReply:
        nonlocal busy, most
        if request.method == "POST":
            with own:
                busy += 1
                most = max(most, busy)
            sleep(0.05)
            with own:
                busy -= 1
        return reply

    job.mended = count
    with ThreadPoolExecutor(4) as pool:
        outcomes = [one for each in pool.map(lambda effect: job.system.send([effect]), effects) for one in each]
    assert [one.result for one in outcomes] == [Result.DONE] * 4
    assert most == 1
