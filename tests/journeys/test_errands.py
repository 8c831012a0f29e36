"""A run on an errand looks at the records that were named, does what a run over everything would do about them, and
leaves everything else as it stands: what is read, what is held, where a reading stands."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fresh_box import fresh
from ml_connector.engine.scope import erp_name, projects_name, with_masters
from ml_connector.engine.work import Errand, Report
from ml_connector.kernel.errors import BadInput
from ml_connector.sandbox.running import RunningSandbox

from .money_desk import MoneyOffice, opened
from .money_proof import CLEARING
from .money_scene import NEW_VENDOR
from .money_windows import dec
from .office import NAME, UNKNOWN_CODE, Office
from .test_changes import ORDER

OTHER = "P100004"


def errand(office: Office, **only: list[str]) -> Report:
    """A run about the named records, as an event causes it."""
    named = with_masters(only)
    return office.app.run(NAME, list(named), Errand(trigger="webhook", actor="procore", only=named))


def watermarks(office: Office) -> dict[str, str]:
    with office.app.db.begin() as conn:
        rows = conn.exec_driver_sql("SELECT name, value FROM watermarks WHERE name NOT LIKE 'laps/%%'")
        return {str(name): str(value) for name, value in rows}


def cost(office: MoneyOffice, number: str, amount: str = "75.00", site: str = "1201", **given: Any) -> str:
    """Somebody enters an approved direct cost; its name for an errand."""
    lines = [{"code": "01-310", "type": "O", "amount": amount}]
    given = {"vendor": office.vendor("S1005"), "status": "approved", "lines": lines, **given}
    made = office.procore("enter_direct_cost", number=site, invoice_number=number, **given)
    return projects_name(office_project(office, site), str(made["id"]))


def office_project(office: Office, site: str) -> str:
    """Procore's id of an IFS project's partner."""
    with office.app.db.begin() as conn:
        sql = "SELECT target_id FROM links WHERE kind = 'project' AND erp_id = %s"
        return str(conn.exec_driver_sql(sql, (site,)).scalar_one())


def vouchers(office: MoneyOffice) -> list[str]:
    """What our vouchers in IFS come to on the clearing account, sorted."""
    rows = (row for voucher in office.money.ifs.vouchers() for row in voucher["rows"])
    return sorted(str(dec(row["CreditAmount"])) for row in rows if row["Account"] == CLEARING)


# direct costs ---------------------------------------------------------------------------------------------------------


def test_an_event_about_one_direct_cost_makes_its_voucher_and_looks_at_no_other(money_office: MoneyOffice) -> None:
    office = money_office
    named, _ = cost(office, "DC-1"), cost(office, "DC-2", "80.00")
    before = watermarks(office)
    report = errand(office, direct_costs=[named])
    assert report.flows["direct_costs"].created == 1
    assert len(office.money.ifs.vouchers()) == 1
    assert watermarks(office) == before
    assert office.sync().flows["direct_costs"].created == 1
    assert len(office.money.ifs.vouchers()) == 2
    office.assert_rests()


def test_ten_events_about_one_record_are_one_voucher(money_office: MoneyOffice) -> None:
    named = cost(money_office, "DC-1")
    reports = [errand(money_office, direct_costs=[named]) for _ in range(3)]
    assert [one.flows["direct_costs"].created for one in reports] == [1, 0, 0]
    assert [one.requests["erp"]["write"] for one in reports[1:]] == [0, 0]
    money_office.assert_rests()


def test_an_event_without_its_project_finds_the_record_in_any(money_office: MoneyOffice) -> None:
    _, _, number = cost(money_office, "DC-1", site="1202").split("/")
    report = errand(money_office, direct_costs=[projects_name("", number)])
    assert report.flows["direct_costs"].created == 1
    money_office.assert_rests()


def test_an_event_about_a_project_that_is_not_linked_does_nothing(money_office: MoneyOffice) -> None:
    cost(money_office, "DC-1")
    report = errand(money_office, direct_costs=[projects_name("99", "99")])
    assert report.requests["erp"]["write"] == 0
    assert report.flows["direct_costs"].created == 0


def test_what_is_held_of_other_records_stays_held(money_office: MoneyOffice) -> None:
    office = money_office
    waits = cost(office, "DC-1", vendor=NEW_VENDOR)
    office.sync()
    held = office.holds()
    assert waits.split("/")[2] in [hold["erp_id"] for hold in held], held
    errand(office, direct_costs=[cost(office, "DC-2")])
    assert office.holds() == held


def test_what_was_put_off_by_a_run_over_everything_is_still_put_off(money_office: MoneyOffice) -> None:
    """An errand decides anew only what was named; what else is planned or waits keeps its place in the journal."""
    office = money_office
    left = cost(office, "DC-1")
    office.ifs("rename_supplier", supplier_id="S1037", name="Renamed Supply, Inc.")
    assert office.app.run(NAME, (), Errand(slice=1e-9)).left == 1
    errand(office, direct_costs=[cost(office, "DC-2", "80.00")])
    with office.app.db.begin() as conn:
        sql = "SELECT state FROM intents JOIN intent_states USING (id) WHERE source = %s"
        assert [one for (one,) in conn.exec_driver_sql(sql, (left.split("/")[2],))] == ["planned"]
    assert office.sync().flows["direct_costs"].created == 1
    office.assert_rests()


# subcontractor invoices -----------------------------------------------------------------------------------------------


def test_an_event_about_an_invoice_of_a_subcontractor_makes_its_voucher(money_office: MoneyOffice) -> None:
    office = money_office
    made = [
        office.procore("add_requisition", order_number="P100017", invoice_number=number, share="0.2")
        for number in ("SI-1", "SI-2")
    ]
    for one in made:
        office.procore("approve_requisition", id=one["id"])
    report = errand(office, subcontractor_invoices=[projects_name("", str(made[0]["id"]))])
    assert report.flows["subcontractor_invoices"].created == 1
    assert office.sync().flows["subcontractor_invoices"].created == 1
    office.assert_rests()


def test_a_deletion_that_was_told_is_asked_about(money_office: MoneyOffice) -> None:
    office = money_office
    made = office.procore("add_requisition", order_number="P100017", invoice_number="SI-1", share="0.2")["id"]
    office.procore("approve_requisition", id=made)
    office.sync()
    office.procore("delete_requisition", id=made)
    errand(office, subcontractor_invoices=[projects_name("", str(made)), projects_name("", "12345")])
    assert [(hold["reason"], hold["erp_id"]) for hold in office.holds()] == [("sent_back", str(made))]
    before = office.holds()
    office.assert_rests()
    assert office.holds() == before


def test_a_contract_is_proposed_to_ifs_once_whichever_invoice_on_it_was_named(money_office: MoneyOffice) -> None:
    office = money_office
    bills = billed_at_site(office)
    errand(office, subcontractor_invoices=[bills[1]])
    (proposed,) = office.money.ifs.requisitions().values()
    office.sync()
    office.assert_rests()
    assert list(office.money.ifs.requisitions().values()) == [proposed]
    held = sorted(hold["erp_id"] for hold in office.holds("order_missing"))
    assert held == [bill.split("/")[2] for bill in bills]


def billed_at_site(office: MoneyOffice) -> list[str]:
    """A contract typed into Procore that IFS does not have is billed twice; the names of the invoices."""
    rows = (("03-310", "Grout"), ("01-310", "Cleaning"))
    lines = [
        {"code": code, "type": "M", "description": text, "quantity": "10", "unit_cost": "610.25"} for code, text in rows
    ]
    typed = {"order_number": "SITE-7", "title": "Typed here", "vendor": office.vendor("S1005"), "status": "Approved"}
    office.procore("type_order", number="1202", lines=lines, **typed)
    names = []
    for number in (1, 2):
        items = [{"position": number, "work": "610.25", "quantity": "1"}]
        made = office.procore("add_requisition", order_number="SITE-7", invoice_number=f"SI-{number}", items=items)
        office.procore("approve_requisition", id=made["id"])
        names.append(projects_name("", str(made["id"])))
    return names


# what polling found ---------------------------------------------------------------------------------------------------


def test_a_look_at_all_changes_tells_what_people_changed_and_when(money_office: MoneyOffice) -> None:
    """So that a webhook that should have told of it can be missed; an errand and what is our own tell nothing."""
    office = money_office
    first, second = cost(office, "DC-1"), cost(office, "DC-2")
    assert errand(office, direct_costs=[first]).found == {}
    office.procore("edit_order", order_number="P100017", title="Renamed by the site office")
    found = office.sync().found
    assert {flow: list(one) for flow, one in found.items() if one} == {
        "direct_costs": [second.removeprefix("projects/")],
        "purchase_orders": [contract_name(office, "P100017").removeprefix("projects/")],
    }
    for changed in found.values():
        for moment in changed.values():
            assert abs(datetime.fromisoformat(moment) - office.box.clock()) < timedelta(minutes=5)
    assert not office.sync().found["direct_costs"]


# orders ---------------------------------------------------------------------------------------------------------------


def test_a_hint_about_an_order_carries_its_change_and_no_other(unapproved: Office) -> None:
    office = unapproved
    office.price(ORDER, "1", "1000.00")
    office.price(OTHER, "1", "99.00")
    before, rows, held = watermarks(office), open_rows(office), office.holds()
    report = errand(office, purchase_orders=[erp_name(ORDER)])
    assert report.flows["purchase_orders"].updated == 1
    assert (watermarks(office), open_rows(office), office.holds()) == (before, rows, held)
    assert office.sync().flows["purchase_orders"].updated == 1
    office.assert_proven()
    office.assert_rests()


def test_an_order_nobody_changed_needs_no_look_at_procore(unapproved: Office) -> None:
    report = errand(unapproved, purchase_orders=[erp_name(ORDER)])
    assert report.flows["purchase_orders"].unchanged == 1
    assert report.requests["projects"]["read"] <= 2


def test_a_contract_that_was_touched_is_asked_about_and_another_is_not(unapproved: Office) -> None:
    office = unapproved
    for order in (ORDER, OTHER):
        office.procore("edit_order", order_number=order, title=f"{order} renamed by the site office")
    errand(office, purchase_orders=[contract_name(office, ORDER)])
    assert office.hold("changed_there")["erp_id"] == ORDER
    office.sync()
    assert [hold["erp_id"] for hold in office.holds("changed_there")] == [ORDER, OTHER]
    office.assert_rests()


def test_our_own_write_to_a_contract_is_an_echo(running: Office) -> None:
    report = errand(running, purchase_orders=[contract_name(running, ORDER)])
    assert report.echoes == 1
    assert report.requests["erp"]["read"] <= 2


def test_a_new_order_brings_its_vendor_and_its_codes(office: Office) -> None:
    """Even as the first run of all: what an order needs is made with it, and nothing that only others need."""
    office.app.run(NAME, ["projects"], Errand())
    report = errand(office, purchase_orders=[erp_name(ORDER)])
    counts = {flow: tally.created + tally.linked for flow, tally in report.flows.items()}
    assert counts["purchase_orders"] >= 1
    assert counts["vendors"] == 1
    assert counts["cost_codes"]
    office.sync()
    office.assert_proven()
    office.assert_rests()


def test_an_order_that_is_nowhere_is_left_alone(running: Office) -> None:
    before = running.holds(), open_rows(running)
    errand(running, purchase_orders=[erp_name("P999999")])
    assert (running.holds(), open_rows(running)) == before


def open_rows(office: Office) -> set[tuple[str, str]]:
    with office.app.db.begin() as conn:
        rows = conn.exec_driver_sql("SELECT kind, erp_id FROM source_rows WHERE open")
        return {(str(kind), str(one)) for kind, one in rows}


def contract_name(office: Office, order: str) -> str:
    with office.app.db.begin() as conn:
        sql = "SELECT scope, target_id FROM links WHERE kind = 'commitment' AND starts_with(erp_id, %s)"
        scope, target = conn.exec_driver_sql(sql, (f"{order}@",)).one()
    return projects_name(office_project(office, scope), str(target))


# money of IFS, vendors, budgets ---------------------------------------------------------------------------------------


def test_a_hint_about_an_invoice_of_ifs_takes_it_alone(money_office: MoneyOffice) -> None:
    office = money_office
    order = office.order([{"account": "4110", "code": "01-310", "quantity": "10", "price": "10.00"}])
    office.sync()
    office.receive(order, _1="10")
    made = [office.invoice(order, number, [{"line_no": "1", "quantity": "2"}]) for number in ("HI-1", "HI-2")]
    report = errand(office, supplier_invoices=[erp_name(str(made[0]))])
    assert report.flows["supplier_invoices"].created == 1
    assert office.sync().flows["supplier_invoices"].created == 1
    office.assert_tied()
    office.assert_rests()


def test_a_supplier_renamed_in_ifs_is_renamed_alone(running: Office) -> None:
    for supplier in ("S1005", "S1007"):
        running.ifs("rename_supplier", supplier_id=supplier, name=f"{supplier} Renamed, Inc.")
    report = errand(running, vendors=[erp_name("S1005")])
    assert report.flows["vendors"].updated == 1
    assert running.sync().flows["vendors"].updated == 1
    running.assert_rests()


def test_an_estimate_of_a_project_that_was_named_is_carried_alone(running: Office) -> None:
    running.ifs("set_estimate", project_id="1201", activity_seq=100101, element="03-310-M", amount="9100.00")
    running.ifs("set_estimate", project_id="1203", activity_seq=100303, element="33-410-M", amount="25000.00")
    report = errand(running, budgets=[erp_name("1201")])
    assert report.flows["budgets"].updated == 1
    assert running.sync().flows["budgets"].updated == 1
    running.assert_rests()


def test_a_name_of_another_form_is_refused(running: Office) -> None:
    with pytest.raises(BadInput, match="names no record"):
        errand(running, direct_costs=["5629"])


# the same end ---------------------------------------------------------------------------------------------------------


def what_happens(office: MoneyOffice) -> dict[str, list[str]]:
    """People do things on both sides; the names of what they touched, by flow."""
    costs = [cost(office, f"DC-{number}", f"{number}5.00", site) for number, site in enumerate(("1201", "1202") * 3)]
    bill = office.procore("add_requisition", order_number="P100017", invoice_number="SI-9", share="0.2")["id"]
    office.procore("approve_requisition", id=bill)
    bills = [projects_name("", str(bill)), *billed_at_site(office)]
    office.ifs("rename_supplier", supplier_id="S1037", name="Renamed Supply, Inc.")
    office.procore("set_direct_cost_status", id=int(costs[0].split("/")[2]), status="draft")
    strange = cost(office, "DC-9", vendor=NEW_VENDOR)
    return {
        "direct_costs": [*costs, strange],
        "subcontractor_invoices": bills,
        "purchase_orders": [erp_name(one) for one in ("P100014", "P100017")],
        "vendors": [erp_name("S1037")],
    }


def state(office: MoneyOffice) -> tuple[Any, ...]:
    """All a later run goes by, and both systems' money."""
    with office.app.db.begin() as conn:
        links = conn.exec_driver_sql("SELECT kind, erp_id, target_id <> '', base FROM links ORDER BY 1, 2").all()
        held = conn.exec_driver_sql(
            "SELECT flow, source, kind, erp_id, reason, sentence FROM holds WHERE released_at IS NULL ORDER BY 1, 2, 3"
        ).all()
        rows = conn.exec_driver_sql(
            "SELECT kind, erp_id, mapping_version, open, fingerprint <> '' FROM source_rows ORDER BY 1, 2"
        ).all()
        marks = conn.exec_driver_sql("SELECT name FROM watermarks WHERE name NOT LIKE 'census/%%' ORDER BY 1").all()
    return [tuple(one) for one in links], held, rows, marks, vouchers(office)


def test_any_errands_and_then_everything_is_the_same_as_everything_at_once(
    company: RunningSandbox, cluster: Any, tmp_path: Path
) -> None:
    ends = []
    for seed in (None, 3, 5):
        url = cluster.new_url()
        with opened(fresh(company), tmp_path / str(seed), url) as office:
            office.sync()
            names = what_happens(office)
            if seed is not None:
                some_errands(office, names, random.Random(seed))
            office.sync()
            office.assert_rests()
            ends.append(state(office))
        cluster.drop(url)
    for end in ends[1:]:
        for there, here in zip(ends[0], end, strict=True):
            assert here == there


def some_errands(office: MoneyOffice, names: dict[str, list[str]], luck: random.Random) -> None:
    for _ in range(4):
        flows = luck.sample(sorted(names), luck.randint(1, 3))
        only = {flow: luck.sample(names[flow], luck.randint(1, len(names[flow]))) for flow in flows}
        errand(office, **only)


def test_held_on_its_code_an_order_of_an_errand_waits_like_any_other(running: Office) -> None:
    before = running.holds()
    errand(running, purchase_orders=[erp_name(UNKNOWN_CODE)])
    assert [(hold["id"], hold["reason"]) for hold in running.holds()] == [(one["id"], one["reason"]) for one in before]
