"""What a connection lets happen by itself, and what it wants a person to say."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from ml_connector.kernel.errors import ApprovalNeeded, BrakePulled, PlanUnknown

from .office import UNKNOWN_CODE, Office
from .test_changes import ORDER, add_line
from .test_holds import order_for

SPELLED = "S1001"
"""The supplier whose name Procore spells another way."""


def names_there(office: Office) -> list[str]:
    return [row["name"] for row in office.proof.procore.vendors()]


# when they count ------------------------------------------------------------------------------------------------------


def waiting_writers(office: Office) -> int:
    """Sessions that have the right to write, or ask for it."""
    with office.app.db.begin() as conn:
        named = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE %s"
        return int(conn.exec_driver_sql(named, ("% writer %",)).scalar_one())


@pytest.mark.parametrize("changed", ["policy", "mapping"])
def test_what_is_changed_while_a_run_waits_for_its_turn_counts_for_that_run(running: Office, changed: str) -> None:
    number = order_for(running, SPELLED)
    row = running.app.connection("demo")
    with ThreadPoolExecutor(1) as pool:
        with running.app.db.writer(row.id):
            late = pool.submit(running.sync)
            while waiting_writers(running) < 2:
                assert not late.done(), late.exception()
                time.sleep(0.001)
            if changed == "policy":
                running.policy(purchase_orders={"approve": "manual"})
            else:
                running.app.import_mapping("demo", running.app.export_mapping("demo").replace('"411*"', '"419*"'))
        if changed == "policy":
            with pytest.raises(ApprovalNeeded):
                late.result()
        else:
            late.result()
            assert number in [one["erp_id"] for one in running.holds()]
    assert not [where for where, _, _ in running.proof.papers() if where[1] == number]


# vendors --------------------------------------------------------------------------------------------------------------


def test_names_that_may_not_link_by_themselves_are_asked_about(office: Office) -> None:
    office.policy(vendors={"name_match": "ask"})
    office.sync()
    asked = [hold for hold in office.holds("vendor_match") if hold["erp_id"] == SPELLED]
    assert len(asked) == 1
    held = {hold["erp_id"] for hold in office.holds("vendor_not_linked")}
    assert "P100002" in held
    office.assert_proven((UNKNOWN_CODE, *held))
    for hold in office.holds("vendor_match"):
        office.app.rule("demo", hold["id"], "link")
    office.sync()
    office.assert_proven()


@pytest.mark.parametrize("answer", ["link", "new"])
def test_near_name_is_asked_about_and_the_answer_is_kept(running: Office, answer: str) -> None:
    there = "Jupiter Elevator Company"
    number = running.ifs("add_supplier", name="Jupiter Elevators Company", city="Indianapolis", state="IN")
    supplier = number["SupplierId"]
    order = order_for(running, supplier)
    before = names_there(running)
    running.sync()
    hold = running.hold("vendor_match")
    assert hold["erp_id"] == supplier
    assert names_there(running) == before
    assert {one["erp_id"] for one in running.holds("vendor_not_linked")} == {order}
    running.app.rule("demo", hold["id"], answer, note="as a person says")
    running.sync()
    assert running.holds("vendor_match") == []
    contract = next(row for where, _, row in running.proof.papers() if where[1] == order)
    assert contract["vendor"]["company"] == (there if answer == "link" else "Jupiter Elevators Company")
    assert len(names_there(running)) == len(before) + (answer == "new")
    running.assert_rests()


def test_vendors_that_may_not_be_created_hold_their_orders(office: Office) -> None:
    office.policy(vendors={"create": "never"})
    before = names_there(office)
    office.sync()
    assert names_there(office) == before
    held = {hold["erp_id"] for hold in office.holds("vendor_not_linked") if hold["kind"] == "order"}
    assert held
    office.assert_proven((UNKNOWN_CODE, *held))
    office.policy(vendors={"create": "auto"})
    office.sync()
    office.assert_proven()


# budget ---------------------------------------------------------------------------------------------------------------


def test_unbudgeted_code_is_blocked_until_the_policy_changes(office: Office) -> None:
    office.policy(purchase_orders={"unbudgeted": "block"})
    office.sync()
    held = {hold["erp_id"] for hold in office.holds("unbudgeted")}
    assert held
    office.assert_proven((UNKNOWN_CODE, *held))
    office.policy(purchase_orders={"unbudgeted": "allow"})
    office.sync()
    assert office.holds("unbudgeted") == []
    office.assert_proven()


def test_unbudgeted_code_goes_once_a_person_allows_it(office: Office) -> None:
    office.policy(purchase_orders={"unbudgeted": "ask"})
    office.sync()
    held = {hold["erp_id"]: hold["id"] for hold in office.holds("unbudgeted")}
    order, number = min(held.items())
    office.app.rule("demo", number, "allow")
    report = office.sync()
    assert report.flows["purchase_orders"].created == 1
    rest = set(held) - {order}
    assert {hold["erp_id"] for hold in office.holds("unbudgeted")} == rest
    office.assert_proven((UNKNOWN_CODE, *rest))


# projects -------------------------------------------------------------------------------------------------------------


def test_projects_are_asked_about_one_by_one(office: Office) -> None:
    office.policy(projects={"link": "ask"})
    report = office.sync()
    assert report.requests["projects"]["write"] == 0
    asked = {hold["erp_id"]: hold["id"] for hold in office.holds("project_match")}
    assert set(asked) == set(office.proof.project_ids)
    office.app.rule("demo", asked["1201"], "link")
    office.sync()
    sent = {where[0] for where, _, _ in office.proof.papers()}
    assert sent == {"1201"}
    for number in office.holds("project_match"):
        office.app.rule("demo", number["id"], "link")
    office.sync()
    office.assert_proven()
    office.assert_rests()


def test_ignored_project_stays_out(office: Office) -> None:
    office.policy(projects={"link": "ask"})
    office.sync()
    for hold in office.holds("project_match"):
        office.app.rule("demo", hold["id"], "ignore" if hold["erp_id"] == "1205" else "link", note="known")
    office.sync()
    assert office.holds("project_match") == []
    assert {where[0] for where, _, _ in office.proof.papers()} == set(office.proof.project_ids) - {"1205"}


# approval -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def careful(office: Office) -> Office:
    """An office in which a person approves every plan."""
    office.policy(purchase_orders={"approve": "manual"})
    return office


def test_sync_without_approval_sends_nothing(careful: Office) -> None:
    with pytest.raises(ApprovalNeeded, match="nothing was sent"):
        careful.sync()
    assert careful.written() == []


def test_approved_plan_is_applied(careful: Office) -> None:
    planned = careful.plan()
    careful.sync(planned.plan)
    careful.assert_proven()
    with pytest.raises(PlanUnknown):
        careful.sync("0123456789abcdef")


def test_what_changed_since_the_plan_is_left_out(careful: Office) -> None:
    planned = careful.plan()
    careful.price(ORDER, "1", "999.99")
    report = careful.sync(planned.plan)
    assert any("not in the approved plan" in note for note in report.notes)
    careful.assert_proven((UNKNOWN_CODE, ORDER))
    assert ORDER not in [where[1] for where, paper, _ in careful.proof.papers() if any(paper.lines.values())]
    again = careful.plan()
    careful.sync(again.plan)
    careful.assert_proven()


def test_plan_with_nothing_to_do_needs_no_approval(careful: Office) -> None:
    careful.sync(careful.plan().plan)
    careful.assert_rests()


# brakes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [{"creates": 5}, {"money": "1000"}, {"money_creates": "1000"}])
def test_brakes_stop_a_plan_that_is_too_large(office: Office, limit: dict[str, object]) -> None:
    office.policy(brakes=limit)
    with pytest.raises(BrakePulled, match="Nothing was sent") as pulled:
        office.sync()
    assert office.written() == []
    assert "--plan" in (pulled.value.remedy or "")
    office.sync(office.plan().plan)
    office.assert_proven()


def test_brake_on_updates_counts_changed_orders(running: Office) -> None:
    running.policy(brakes={"updates": 1})
    add_line(running, ORDER)
    running.price("P100003", "1", "5.00")
    with pytest.raises(BrakePulled, match="2 updates, limit 1"):
        running.sync()
    running.sync(running.plan().plan)
    running.assert_proven()


def test_brake_on_removals_stops_a_wave_of_cancellations(running: Office) -> None:
    running.policy(brakes={"removals": 2})
    for order in ("P100003", ORDER, "P100006"):
        running.ifs("cancel_order", order_no=order)
    with pytest.raises(BrakePulled, match="3 removals, limit 2"):
        running.sync()
    assert running.proof.paper(ORDER).status == "Approved"
    running.sync(running.plan().plan)
    assert running.proof.paper(ORDER).status == "Closed"


def test_a_brake_on_money_stops_what_it_names_and_nothing_else(running: Office) -> None:
    """A line added to an order is 1,000 more or so, a cancelled one takes its contract's worth away."""
    add_line(running, ORDER)
    running.ifs("cancel_order", order_no="P100003")
    free = {"money_creates": "1", "money_updates": "0", "money_removals": "0"}
    for name, words in (("money_updates", "USD added to records"), ("money_removals", "USD taken away")):
        running.policy(brakes={**free, name: "1"})
        with pytest.raises(BrakePulled, match=rf"brakes: [\d.,]+ {words}, limit 1\.00 USD\. Nothing") as pulled:
            running.sync()
        assert ";" not in str(pulled.value).partition("brakes")[2]
    running.policy(brakes=free)
    running.sync()
    running.assert_proven()


def test_money_brake_counts_a_delta_and_not_the_whole_order(running: Office) -> None:
    paper = running.proof.paper(ORDER)
    assert paper.original > Decimal(2000)
    running.policy(brakes={"money": "2000"})
    add_line(running, ORDER)
    running.sync()
    running.assert_proven()
