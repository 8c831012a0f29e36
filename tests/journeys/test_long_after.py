"""What was left open stays open: the look back at Procore's changes has an end, a question has none."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from ml_connector.kernel.clock import system_clock
from ml_connector.kernel.errors import BadInput, PlanUnknown
from ml_connector.sandbox.faults import FaultRule
from ml_connector.store import sources

from .office import Office
from .test_changes import ORDER
from .test_people_in_procore import edit_title, header


def long_after(office: Office) -> None:
    """Everything that happened so far lies behind the overlap of the next look."""
    later = (system_clock() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    number = office.app.connection("demo").id
    with office.app.db.begin() as conn:
        for project in ("1201", "1202", "1203", "1204", "1205"):
            sources.move_watermarks(conn, number, {f"commitments/{project}": later})


def test_an_edit_in_procore_is_not_forgotten(unapproved: Office) -> None:
    edit_title(unapproved)
    unapproved.sync()
    first = unapproved.hold("changed_there")
    long_after(unapproved)
    assert unapproved.sent_by_sync() == []
    assert unapproved.hold("changed_there")["id"] == first["id"]


def test_an_answer_given_late_is_carried_out(unapproved: Office) -> None:
    title = header(unapproved)["title"]
    edit_title(unapproved)
    unapproved.sync()
    unapproved.app.rule("demo", unapproved.hold("changed_there")["id"], "erp")
    long_after(unapproved)
    unapproved.sync()
    assert header(unapproved)["title"] == title
    unapproved.assert_proven()


def test_a_sync_of_another_flow_does_not_swallow_an_edit(unapproved: Office) -> None:
    edit_title(unapproved)
    unapproved.box.clock.advance(timedelta(minutes=10))
    unapproved.app.sync("demo", ["projects"])
    unapproved.app.sync("demo", ["vendors"])
    unapproved.sync()
    assert unapproved.hold("changed_there")["erp_id"] == ORDER


def test_a_header_that_had_to_wait_is_not_taken_for_agreed(unapproved: Office) -> None:
    unapproved.ifs("amend_order", order_no=ORDER, note="Deliver to gate 4")
    unapproved.price(ORDER, "1", "77.77")
    unapproved.box.faults.add(FaultRule("503", side="procore", path="purchase_order_contracts/sync", times=50))
    report = unapproved.sync()
    assert report.waiting
    assert any("wait" in note for note in report.notes)
    unapproved.box.faults.clear()
    long_after(unapproved)
    unapproved.sync()
    assert header(unapproved)["description"] == "Deliver to gate 4"
    assert unapproved.holds("changed_there") == []
    unapproved.assert_proven()


def test_an_earlier_go_live_day_brings_the_orders_it_covers(office: Office) -> None:
    office.app.edit_connection("demo", {"connection": {"go_live": "2099-01-01"}})
    assert office.sync().flows["purchase_orders"].created == 0
    office.app.edit_connection("demo", {"connection": {"go_live": "2026-01-01"}})
    assert office.sync().flows["purchase_orders"].created
    office.assert_proven()


def test_an_order_is_closed_even_when_its_activity_and_budget_are_gone(running: Office) -> None:
    running.policy(purchase_orders={"unbudgeted": "block"})
    activities = {line["ActivitySeq"] for line in running.proof.ifs.lines() if line["OrderNo"] == ORDER}
    for activity in activities:
        running.ifs("set_activity_state", activity_seq=activity, state="Closed")
    running.ifs("close_order", order_no=ORDER)
    running.sync()
    assert header(running)["status"] == "Closed"


def test_the_plan_a_brake_names_is_kept(office: Office) -> None:
    office.policy(brakes={"creates": 3})
    with pytest.raises(Exception, match="stops at its brakes") as stopped:
        office.sync()
    name = str(stopped.value).split("plan ")[1].split(" ")[0]
    office.price("P100001", "1", "1.23")
    office.sync(approved=name)
    assert header(office, "P100002")
    with pytest.raises(PlanUnknown):
        office.sync(approved="0123456789abcdef")


def test_a_connection_with_links_keeps_its_companies(running: Office) -> None:
    with pytest.raises(BadInput, match="neither company"):
        running.app.edit_connection("demo", {"connection": {"erp_company": "99"}})


def test_an_answered_hold_that_is_gone_takes_no_answer(unapproved: Office) -> None:
    edit_title(unapproved)
    unapproved.sync()
    number = unapproved.hold("changed_there")["id"]
    unapproved.app.rule("demo", number, "erp")
    unapproved.sync()
    with pytest.raises(BadInput, match="nothing left to answer"):
        unapproved.app.rule("demo", number, "projects")


def test_a_contract_deleted_in_procore_is_made_again_when_a_person_says_so(running: Office) -> None:
    running.procore("set_order_status", order_number=ORDER, status="Draft")
    running.procore("delete_order", order_number=ORDER)
    running.price(ORDER, "1", "12.34")
    running.sync()
    hold = running.hold("gone_there")
    running.app.rule("demo", hold["id"], "new")
    running.sync()
    assert running.holds("gone_there") == []
    running.assert_proven()
    running.assert_rests()


def test_money_by_code_ties_to_money_planned(unapproved: Office) -> None:
    unapproved.price(ORDER, "1", "88.88")
    report = unapproved.plan()
    by_code = sum(Decimal(place["planned"]) for place in report.money_by_place)
    assert {str(by_code)} == {money["planned"] for money in report.money_by_flow["purchase_orders"].values()}
