"""Reading subcontractor invoices: this period only, whatever people billed, and tolerant of what may be absent."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ml_connector.kernel.errors import BadInput
from ml_connector.records.subcontractor_invoice import BillingLine, InvoiceStatus
from ml_connector.systems.procore.check import check
from ml_connector.systems.procore.subcontractor_invoice import InvoiceRow, ItemRow, parse, parse_item, status_of
from ml_connector.systems.wire import WireReply

from .job import APRIL, Job, billed, figures


def test_what_people_billed_comes_as_this_period_only(job: Job) -> None:
    contract = job.contract("P1", "1000.00", "2000.00", "3000.00", method="amount", retainage_percent="0.0")
    job.act("add_requisition", order_id=int(contract), share="0.5", status="approved", period_id=_march(job))
    made = job.act(
        "add_requisition",
        order_id=int(contract),
        invoice_number="V-77",
        period_id=_march(job),
        items=[{"position": 1, "work": "100.10", "retained": "10.01"}, {"position": 3, "work": "-40.00"}],
    )
    found = job.system.subcontractor_invoices(job.site, ids=[str(made["id"])])[0]
    assert figures(found.lines) == [("100.10", "10.01", "0.00"), ("-40.00", "0.00", "0.00")]
    assert [line.description for line in found.lines] == ["Line 1", "Line 3"]
    assert (found.once_key, found.project, found.commitment, found.number) == ("", job.site, contract, "V-77")
    assert (found.status, found.sequence, found.currency, found.deletable) == (InvoiceStatus.DRAFT, "2", "USD", True)
    assert found.vendor == min(job.system.project_vendors(job.site))
    assert found.money().amount == Decimal("60.10")
    assert found.payable == found.due().amount == Decimal("50.09")
    assert not job.system.subcontractor_invoices(job.site)[0].deletable


def test_lines_are_named_by_the_contracts_own_ids(job: Job) -> None:
    contract = job.contract("P1", "1000.00", ("4", "2.50"))
    job.act("add_requisition", order_id=int(contract), period_id=_march(job))
    found = job.system.subcontractor_invoices(job.site)[0]
    order = job.system.commitment_lines(job.site, contract)
    assert order is not None
    assert [line.id for line in found.lines] == [line.id for line in order.lines]
    assert [line.budget_code for line in found.lines] == [line.budget_code for line in order.lines]
    assert [line.line for line in found.lines] == ["", ""]  # the embedded item does not carry the line's origin id
    assert [line.quantity for line in found.lines] == [0, 4]


def test_stored_materials_and_their_retainage_foot_when_they_are_stored_and_when_they_move(job: Job) -> None:
    """Retainage on materials is a standing figure, not this period's; gross - retained + released is always net."""
    contract = job.contract("P1", "1000.00", method="amount", retainage_percent="0.0")
    line = job.system.commitment_lines(job.site, contract)
    assert line is not None
    for row in (
        {"materials_presently_stored": "300.00", "materials_stored_retainage_currently_retained": "30.00"},
        {"work_completed_this_period": "50.00", "materials_presently_stored": "100.00"},
        {"work_completed_retainage_released_this_period": "12.00"},
    ):
        item = {"line_item_id": int(line.lines[0].id), "item_type": "contract_item", **row}
        body = {"project_id": int(job.site), "commitment_id": int(contract)}
        job.say("POST", "/rest/v1.1/requisitions", body | {"requisition": {"period_id": _march(job), "items": [item]}})
    found = job.system.subcontractor_invoices(job.site)
    assert [figures(one.lines) for one in found] == [
        [("300.00", "30.00", "0.00")],
        [("150.00", "0.00", "0.00")],
        [("0.00", "0.00", "12.00")],
    ]
    shown = job.say("GET", f"/rest/v1.1/requisitions?project_id={job.site}&view=extended")
    for one, row in zip(found, shown, strict=True):
        assert one.due().amount == sum(Decimal(item["net_amount"]) for item in row["items"])
        assert one.payable == one.due().amount


def test_every_page_comes_and_no_row_twice(job: Job) -> None:
    for number in ("P1", "P2"):
        job.contract(number, "1000.00", method="amount")
    effects = [
        job.invoice(f"I{n}", number, billed(number, 1, "1.00"), intent=n)
        for n, number in enumerate(("P1", "P2") * 6, 1)
    ]
    job.done(*effects)
    job.said.clear()
    small = job.paged(5).subcontractor_invoices(job.site)
    assert job.count("page=") == 3
    assert len({one.id for one in small}) == 12
    assert small == job.system.subcontractor_invoices(job.site)
    assert [one.sequence for one in small] == [str(n) for n in range(1, 7)] * 2
    assert job.count("per_page=200") == 1
    job.switch(ignore_page_endpoints={"/rest/v1.1/requisitions"})
    assert job.system.subcontractor_invoices(job.site) == small  # they all fit on one


def test_since_brings_what_changed_then_or_later(job: Job) -> None:
    job.contract("P1", "1000.00", method="amount")
    first = job.done(job.invoice("I1", "P1", billed("P1", 1, "1.00")))[0]
    moment = job.running.clock() + timedelta(minutes=30)
    job.running.clock.advance(timedelta(hours=1))
    second = job.done(job.invoice("I2", "P1", billed("P1", 1, "2.00"), intent=2))[0]

    def since(back: timedelta) -> list[str]:
        return [one.id for one in job.system.subcontractor_invoices(job.site, since=(moment - back).isoformat())]

    assert since(timedelta()) == [second.target]
    assert since(timedelta(hours=1)) == [first.target, second.target]  # with overlap: nothing is lost, one comes again
    later = (job.running.clock() + timedelta(hours=1)).isoformat()
    assert job.system.subcontractor_invoices(job.site, since=later) == []
    with pytest.raises(BadInput):
        job.system.subcontractor_invoices(job.site, since="yesterday")


def test_named_ids_come_in_pieces_and_a_deleted_one_is_absent(job: Job) -> None:
    contract = job.contract("P1", "1000.00", method="amount")
    job.done(*(job.invoice(f"I{n}", "P1", billed("P1", 1, "1.00"), intent=n) for n in range(1, 4)))
    typed = job.act("add_requisition", order_id=int(contract), period_id=_march(job))["id"]
    named = [one.id for one in job.system.subcontractor_invoices(job.site)]
    assert str(typed) in named
    job.act("delete_requisition", id=typed)
    found = job.system.subcontractor_invoices(job.site, ids=named)
    assert [one.id for one in found] == [id_ for id_ in named if id_ != str(typed)]
    assert job.system.subcontractor_invoices(job.site, ids=[str(typed)]) == []
    job.said.clear()
    many = [str(562949960000000 + n) for n in range(199)] + named
    assert job.system.subcontractor_invoices(job.site, ids=many) == found
    assert len(job.said) == 3
    assert max(len(request.url) for request in job.said) < 4000
    moment = (job.running.clock() + timedelta(hours=1)).isoformat()
    assert job.system.subcontractor_invoices(job.site, since=moment, ids=named) == []
    whole = job.say("GET", f"/rest/v1.1/requisitions?project_id={job.site}&view=extended")
    job.mended = lambda request, reply: WireReply(
        200, {}, msgspec.json.encode(whole if "page=1&" in request.url else [])
    )
    assert job.system.subcontractor_invoices(job.site, ids=named[:1]) == found[:1]  # the filter was overlooked


def test_the_stamp_moves_with_what_people_change_and_stays_otherwise(job: Job) -> None:
    contract = job.contract("P1", "1000.00", method="amount")
    job.switch(item_change_touches_requisition=False)
    made = job.act("add_requisition", order_id=int(contract), period_id=_march(job), share="0.1")["id"]

    def stamp() -> str:
        return job.system.subcontractor_invoices(job.site, ids=[str(made)])[0].updated_at

    first = stamp()
    job.act("enter_payment", order_id=int(contract), amount="5.00", requisition_id=made)
    assert stamp() == first
    job.act("bill_requisition", id=made, items=[{"position": 1, "work": "7.00"}])
    second = stamp()
    assert second != first
    job.act("approve_requisition", id=made)
    assert stamp() != second


def test_the_check_counts_billing_periods(job: Job) -> None:
    job.period(*APRIL)
    found = next(finding for finding in check(job.system) if finding.name == "billing periods")
    assert found.ok
    assert found.sentence.startswith(f"{_periods(job)} in ")
    job.switch(permissions={"directory": "admin", "admin": "admin", "commitments": "none", "budget": "admin"})
    found = next(finding for finding in check(job.system) if finding.name == "billing periods")
    assert not found.ok
    assert "Commitments" in found.remedy


# -- odd answers ------------------------------------------------------------------------------------------------------


def row(**members: Any) -> InvoiceRow:
    return msgspec.convert(members, InvoiceRow)


def item(**members: Any) -> ItemRow:
    return msgspec.convert(members, ItemRow)


def test_an_invoice_of_nulls_is_still_an_invoice() -> None:
    nulls = dict.fromkeys(InvoiceRow.__struct_fields__)
    found = parse(row(**nulls), "7", "EUR")
    assert (found.id, found.project, found.currency, found.lines, found.dated) == ("", "7", "EUR", (), None)
    assert (found.status, found.payable, found.tax, found.deletable) == (InvoiceStatus.DRAFT, 0, 0, False)
    assert parse(row(items=[dict.fromkeys(ItemRow.__struct_fields__)]), "7", "EUR").lines == ()
    assert parse(row(id=5, billing_date="soon", number="A-1"), "7", "EUR").dated is None


def test_statuses_come_in_any_spelling_and_an_unknown_one_is_not_approved() -> None:
    assert status_of("Approved as Noted") is InvoiceStatus.APPROVED_AS_NOTED
    assert status_of("revise-and-resubmit") is InvoiceStatus.REVISE
    assert status_of("revise_and_submit") is InvoiceStatus.REVISE
    assert status_of("pending_owner_approval") is InvoiceStatus.PENDING_OWNER
    assert status_of("half_done") is InvoiceStatus.OTHER
    assert status_of(None) is InvoiceStatus.DRAFT


def test_odd_numbers_do_not_crash_and_show_in_the_payable() -> None:
    odd = {"work_completed_this_period": "1,234.50", "net_amount": "NaN", "materials_presently_stored": [1]}
    assert parse_item(item(id=1, **odd)) is None
    found = parse(row(items=[odd], summary={"current_payment_due": "1234.50"}), "7", "USD")
    assert (found.due().amount, found.payable) == (0, Decimal("1234.50"))
    plain = parse_item(item(id=1, line_item_id=2**50, work_completed_this_period=12.1, net_amount=12.1))
    assert plain == BillingLine("", "", "", Decimal("12.1"), id=str(2**50))


def test_without_cumulative_columns_the_periods_own_are_added() -> None:
    stored = {"materials_presently_stored": "30.00", "materials_presently_stored_from_previous_progress": "50.00"}
    kept = parse_item(item(work_completed_this_period="10.00", total_completed_and_stored_to_date="9", **stored))
    assert kept is not None
    assert kept.amount == Decimal("-10.00")
    moved = parse_item(item(work_completed_this_period="10.00", materials_moved="50.00", **stored))
    assert moved is not None
    assert moved.amount == Decimal("40.00")


def test_without_a_net_amount_retainage_comes_from_its_columns() -> None:
    work = {
        "work_completed_this_period": "100.00",
        "work_completed_retainage_retained_this_period": "10.00",
        "work_completed_retainage_released_this_period": "4.00",
        "materials_stored_retainage_currently_retained": "3.00",
    }
    before = parse_item(item(**work, materials_stored_retainage_from_previous_application="5.00"))
    new = parse_item(item(**work, materials_stored_retainage_new_materials="3.00"))
    both = {
        "materials_stored_retainage_new_materials": "1.00",
        "materials_stored_retainage_released_this_period": "2.5",
    }
    freed = parse_item(item(**work, **both))
    found = [(line.retained, line.released) for line in (before, new, freed) if line is not None]
    assert found == [(10, 6), (13, 4), (10, Decimal("5.5"))]


def test_tax_is_no_retainage() -> None:
    taxed = {"work_completed_this_period": "100.00", "net_amount": "108.00"}
    summary = {"current_payment_due": "108.00", "tax_applicable_to_this_payment": "8.00"}
    found = parse(row(items=[taxed], summary=summary), "7", "USD")
    assert figures(found.lines) == [("100.00", "0.00", "0.00")]
    assert (found.tax, found.payable, found.due().amount) == (8, 100, 100)
    line = parse_item(item(**taxed, taxes=[{"tax_code_id": 1, "tax_code_rate": 0.08}]))
    assert line is not None
    assert (line.retained, line.released) == (0, 0)


def test_the_line_is_named_by_its_once_key_where_the_answer_carries_it() -> None:
    line = parse_item(
        item(
            work_completed_this_period="1.00",
            detail_line_item_id=9,
            commitment_line_item_origin_id="10/order/P1/1201/1/1",
            wbs_code={"id": "4", "flat_code": "03-310.M"},
        )
    )
    assert line is not None
    assert (line.line, line.id, line.budget_code) == ("10/order/P1/1201/1/1", "9", "03-310.M")
    dated = parse(row(billing_date="2026-03-20T00:00:00Z"), "7", "USD")
    assert dated.dated == date(2026, 3, 20)


def _march(job: Job) -> int:
    return int(job.periods["1201/2026-03-01"])


def _periods(job: Job) -> int:
    return sum(len(job.system.billing_periods(project.id)) for project in job.system.projects() if project.open)
