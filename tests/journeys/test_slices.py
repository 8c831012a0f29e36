"""Long work is cut into slices: each sends at least one batch and leaves the rest, and the last one leaves both systems
as one long run would have. What is told to end sends nothing more, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ml_connector.engine.work import Errand, Report
from ml_connector.kernel.errors import BrakePulled

from . import money_scene
from .money_desk import MoneyOffice
from .office import NAME, Office
from .test_changes import ORDER

MOST = 60
"""Slices after which a test gives up."""


def in_slices(office: Office, errand: Errand) -> list[Report]:
    """Runs until nothing is left."""
    reports: list[Report] = []
    while len(reports) < MOST:
        reports.append(office.app.run(NAME, (), errand))
        if not reports[-1].more:
            return reports
        office.box.clock.advance(office.pause)
    raise AssertionError(f"{reports[-1].notes} after {MOST} slices")


def told_after(times: int) -> Callable[[], str]:
    """Says to end from the given time on it is asked."""
    asked = iter(range(1_000_000))
    return lambda: "cancelled by test" if next(asked) >= times else ""


def states(office: Office) -> set[str]:
    """How the intents of every run stand."""
    with office.app.db.begin() as conn:
        return {str(one) for (one,) in conn.exec_driver_sql("SELECT DISTINCT state FROM intent_states")}


def run_of(office: Office, number: int) -> tuple[str, str]:
    with office.app.db.begin() as conn:
        state, error = conn.exec_driver_sql("SELECT state, error FROM runs WHERE id = %s", (number,)).one()
        return str(state), str(error)


def test_the_shortest_slices_come_to_what_one_run_does(office: Office) -> None:
    reports = in_slices(office, Errand(slice=1e-9))
    assert len(reports) > 3
    for one in reports[:-1]:
        assert one.stopped == "its share of 1e-09 s is over"
        assert one.requests["projects"]["write"] >= 1
        assert run_of(office, one.run) == ("done", one.stopped)
        assert any("left for the next run" in note for note in one.notes)
    assert [one.left for one in reports] == sorted((one.left for one in reports), reverse=True)
    office.assert_proven()
    office.assert_rests()
    assert states(office) == {"done", "superseded"}


def test_every_flow_comes_to_its_rest_in_slices(begun: Office) -> None:
    """Documents born in Procore are found again though no list of changes shows them any more."""
    errand = Errand(most=15)
    assert len(in_slices(begun, errand)) > 1
    money_scene.carry(begun)
    money_scene.go_on(begun)
    in_slices(begun, errand)
    money_scene.carry(begun)
    money_scene.prove(begun)


def test_a_run_takes_so_many_orders_and_carries_each_through_all_its_steps(office: Office) -> None:
    first = office.app.run(NAME, (), Errand(most=10))
    assert (first.cut, first.taken, first.left, first.more) == ("purchase_orders", 10, 0, True)
    assert any("the rest of purchase orders goes with the next run" in note for note in first.notes)
    with office.app.db.begin() as conn:
        count = "SELECT count(*) FROM source_rows WHERE kind = 'order' AND fingerprint <> ''"
        assert conn.exec_driver_sql(count).scalar_one() == 9  # one of ten is held
    reports = in_slices(office, Errand(most=10))
    assert sum(one.taken for one in (first, *reports)) >= 38
    office.assert_proven()
    office.assert_rests()


def test_what_is_held_keeps_nobody_from_its_turn(office: Office) -> None:
    """More orders wait for their vendor than a run takes."""
    office.policy(vendors={"create": "never"})
    in_slices(office, Errand(most=8))
    held = office.holds()
    assert len([hold for hold in held if hold["kind"] == "order"]) > 8
    office.price(ORDER, "2", "77.31")
    office.policy(vendors={"create": "auto"})
    in_slices(office, Errand(most=8))
    office.assert_proven()
    office.assert_rests()


def test_a_hold_outside_of_what_was_taken_stays_open(office: Office) -> None:
    office.policy(vendors={"create": "never"})
    office.sync()
    held = {hold["id"] for hold in office.holds()}
    line = {"codes": {"A": "4110", "B": "01-310", "C": "410", "E": "1201"}, "activity_seq": 100103, "price": "10.00"}
    for _ in range(2):
        lines = [{**line, "quantity": "2"}]
        office.ifs("create_order", supplier_id="S1005", currency="USD", state="Released", lines=lines)
    assert office.app.run(NAME, (), Errand(most=1)).cut == "purchase_orders"
    assert held <= {hold["id"] for hold in office.holds()}


def test_patience_ends_a_run_only_after_a_batch_of_it(office: Office) -> None:
    report = office.app.run(NAME, (), Errand(enough=lambda: "others wait"))
    assert (report.stopped, report.more) == ("others wait", True)
    assert report.requests["projects"]["write"]
    office.sync()
    office.assert_proven()
    office.assert_rests()


def test_the_brakes_see_a_mass_change_as_a_whole(running: Office) -> None:
    running.policy(brakes={"updates": 3})
    running.sync()
    for order in ("P100002", "P100003", "P100004", ORDER):
        running.price(order, "1", "77.31")
    running.box.log.clear()
    with pytest.raises(BrakePulled, match="limit 3"):
        running.app.run(NAME, (), Errand(most=1))
    assert running.written() == []


@pytest.mark.parametrize("times", [0, 3, 12])
def test_a_run_that_is_cancelled_ends_wherever_it_is_and_the_next_goes_on(office: Office, times: int) -> None:
    report = office.app.run(NAME, (), Errand(halt=told_after(times)))
    assert report.stopped == "cancelled by test"
    assert run_of(office, report.run) == ("done", "cancelled by test")
    office.sync()
    office.assert_proven()
    office.assert_rests()


def test_cancelled_before_anything_was_sent_nothing_was(office: Office) -> None:
    office.box.log.clear()
    report = office.app.run(NAME, (), Errand(halt=lambda: "cancelled by test"))
    office.assert_sent_nothing(report)


def test_a_change_that_was_left_over_is_not_forgotten(running: Office) -> None:
    """The contract is approved: what changed goes as a change order, after much else in the plan."""
    running.ifs("rename_supplier", supplier_id="S1007", name="Renamed, Inc.")
    running.price(ORDER, "2", "77.31")
    first = running.app.run(NAME, (), Errand(slice=1e-9))
    assert first.left
    assert first.flows["purchase_orders"].updated == 0
    assert running.app.run(NAME, (), Errand(slice=1e-9)).flows["purchase_orders"].updated == 1
    running.assert_rests()


def test_a_plan_of_which_something_is_left_is_not_applied(office: Office) -> None:
    office.app.run(NAME, (), Errand(slice=1e-9))
    with office.app.db.begin() as conn:
        assert [row[0] for row in conn.exec_driver_sql("SELECT state FROM plans")] == ["kept"]


def test_a_cost_of_which_the_voucher_was_left_over_is_looked_at_again(money_office: MoneyOffice) -> None:
    office = money_office
    lines = [{"code": "01-310", "type": "O", "amount": "75.00"}]
    office.procore(
        "enter_direct_cost",
        number="1201",
        vendor=office.vendor("S1005"),
        invoice_number="DC-1",
        status="approved",
        lines=lines,
    )
    office.ifs("rename_supplier", supplier_id="S1037", name="Renamed Supply, Inc.")
    first = office.app.run(NAME, (), Errand(slice=1e-9))
    assert (first.left, first.flows["direct_costs"].created) == (1, 0)
    office.box.clock.advance(office.pause * 300)
    assert office.sync().flows["direct_costs"].created == 1
    office.assert_rests()


def test_a_cost_is_carried_through_all_its_steps_by_the_run_that_began_it(money_office: MoneyOffice) -> None:
    """What is agreed about it is known after its last step only: a run that began anew would come no further."""
    office = money_office
    posting = office.line("1201", "4110", "01-310", amount="80.00")
    invoice = {"invoice_no": "NO-ORDER", "supplier_id": "S1037", "lines": [posting], "post": True, "authorise": True}
    office.ifs("register_invoice", **invoice)
    reports = in_slices(office, Errand(slice=1e-9))
    assert sum(one.flows["supplier_invoices"].created for one in reports) == 1
    office.assert_tied()
    office.assert_rests()


def test_what_a_cancelled_run_had_not_come_to_is_looked_at_again(money_office: MoneyOffice) -> None:
    office = money_office
    lines = [{"code": "01-310", "type": "O", "amount": "75.00"}]
    given = {"number": "1201", "vendor": office.vendor("S1005"), "invoice_number": "DC-1", "status": "approved"}
    office.procore("enter_direct_cost", lines=lines, **given)
    office.ifs("rename_supplier", supplier_id="S1037", name="Renamed Supply, Inc.")
    office.box.log.clear()
    report = office.app.run(NAME, (), Errand(halt=lambda: "cancelled by test" if office.written() else ""))
    assert (report.left, report.flows["vendors"].updated) == (1, 1)
    office.box.clock.advance(office.pause * 300)
    assert office.sync().flows["direct_costs"].created == 1
    office.assert_rests()
