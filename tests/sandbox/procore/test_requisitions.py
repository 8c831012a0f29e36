"""Subcontractor invoices: periods, items from the schedule of values, cumulative columns, retainage, G702, locks."""

from __future__ import annotations

from typing import Any

import pytest

from ml_connector.sandbox.procore.switches import ProcoreSwitches

from .company import COMPANY, Caller, Said

PATH = "/rest/v1.1/requisitions"
ORDERS = "/rest/v1.0/purchase_order_contracts"


class Job:
    """One contract with its lines, and short ways to invoice it."""

    def __init__(self, *amounts: str, switches: ProcoreSwitches | None = None, **header: Any) -> None:
        self.caller = Caller(switches)
        self.p = self.caller.p1
        known = self.caller.codes()
        self.order = self.caller.order(**{"accounting_method": "amount", "title": "Steel", **header})
        code = {"cost_code_id": known["03-310"], "line_item_type_id": known["M"]}
        self.lines = [self.line({"amount": amount, **code}) for amount in amounts]

    def line(self, row: dict[str, Any]) -> int:
        body = {"project_id": self.p, "line_item": row}
        return int(self.caller("POST", f"{ORDERS}/{self.order}/line_items", body).body["id"])

    def send(self, items: list[dict[str, Any]] | None = None, **header: Any) -> Said:
        row = header | ({"items": items} if items is not None else {})
        body = {"project_id": self.p, "commitment_id": self.order, "requisition": row}
        return self.caller("POST", f"{PATH}?view=extended", body)

    def bill(self, *work: str, **header: Any) -> Any:
        """A requisition for so much work on each line."""
        pairs = zip(self.lines, work, strict=False)
        said = self.send([item(line, work_completed_this_period=amount) for line, amount in pairs], **header)
        assert said.status == 201, said.body
        return said.body

    def patch(self, made: Any, items: list[dict[str, Any]] | None = None, **header: Any) -> Said:
        row = header | ({"items": items} if items is not None else {})
        body = {"project_id": self.p, "commitment_id": self.order, "requisition": row}
        return self.caller("PATCH", f"{PATH}/{made['id']}?view=extended", body)

    def show(self, made: Any) -> Any:
        return self.caller("GET", f"{PATH}/{made['id']}?project_id={self.p}&view=extended").body

    def contract(self) -> Any:
        return self.caller("GET", f"{ORDERS}/{self.order}?project_id={self.p}").body

    def act(self, name: str, **given: Any) -> Any:
        return self.caller.face.acts[name](given)


def item(line: int, kind: str = "contract_item", **values: Any) -> dict[str, Any]:
    return {"line_item_id": line, "item_type": kind, **values}


def own(found: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {"id": found["id"], "item_type": found["item_type"], **values}


def test_the_tutorials_g702_numbers() -> None:
    """facts/procore.md 9: 53000 of 55000 done at 10 percent retained, all certified before; one line at 103 percent."""
    job = Job("20000.00", "35000.00", retainage_percent="10.0")
    job.bill("20600.00", "32400.00")
    summary = job.bill()["summary"]
    wanted = {
        "original_contract_sum": "55000.00",
        "contract_sum_to_date": "55000.00",
        "total_completed_and_stored_to_date": "53000.00",
        "completed_work_retainage_percent": "10.00",
        "total_retainage": "5300.00",
        "total_earned_less_retainage": "47700.00",
        "less_previous_certificates_for_payment": "47700.00",
        "current_payment_due": "0.00",
        "balance_to_finish_including_retainage": "7300.00",
    }
    assert {name: summary[name] for name in wanted} == wanted
    found = job.caller("GET", f"{PATH}?project_id={job.p}&view=extended").body
    assert [r["percent_complete"] for r in found] == ["96.36%", "96.36%"]
    assert found[1]["items"][0]["total_completed_and_stored_to_date_percent"] == "103.00"


def test_items_come_from_the_schedule_of_values_and_carry_over() -> None:
    job = Job("100.00", "50.00")
    first = job.bill("30.00", "10.00")
    assert [(i["line_item_id"], i["scheduled_value"]) for i in first["items"]] == [
        (job.lines[0], "100.00"),
        (job.lines[1], "50.00"),
    ]
    line = job.contract()["line_items"][0]
    assert line["wbs_code"]["flat_code"] == "03-310.M"
    item_code = {name: first["items"][0]["wbs_code"][name] for name in ("id", "flat_code", "description")}
    assert (item_code, first["items"][0]["cost_code_id"]) == (line["wbs_code"], line["cost_code"]["id"])
    second = job.bill("20.00")
    columns = ("work_completed_from_previous_application", "work_completed_this_period", "gross_amount")
    assert [tuple(i[c] for c in columns) for i in second["items"]] == [
        ("30.00", "20.00", "20.00"),
        ("10.00", "0.00", "0.00"),
    ]
    assert (second["previous_requisition_id"], second["number"]) == (first["id"], 2)
    assert [i["previous_progress_id"] for i in second["items"]] == [i["id"] for i in first["items"]]
    job.patch(first, [own(first["items"][0], work_completed_this_period="40.00")])
    assert job.show(second)["items"][0]["work_completed_from_previous_application"] == "40.00"


def test_a_third_invoice_carries_what_both_before_it_did() -> None:
    job = Job("1000.00", retainage_percent="10")
    stored = {"materials_presently_stored": "50", "materials_stored_retainage_currently_retained": "5"}
    first = job.send([item(job.lines[0], work_completed_this_period="100", **stored)]).body
    job.send([item(job.lines[0], work_completed_this_period="200", materials_presently_stored="70")])
    third = job.bill("300.00")
    names = (
        "work_completed_from_previous_application", "work_completed_this_period", "materials_moved",
        "total_completed_and_stored_to_date_from_previous", "total_completed_and_stored_to_date", "gross_amount",
        "work_completed_retainage_from_previous_application", "net_amount",
    )  # fmt: skip
    assert [third["items"][0][name] for name in names] == [
        "420.00", "300.00", "70.00", "420.00", "720.00", "300.00", "42.00", "270.00",
    ]  # fmt: skip
    summary = third["summary"]
    assert (summary["less_previous_certificates_for_payment"], summary["current_payment_due"]) == ("378.00", "270.00")
    assert (third["number"], third["previous_requisition_id"] != first["id"]) == (3, True)
    job.patch(first, [own(first["items"][0], work_completed_this_period="0")])
    assert job.show(third)["items"][0]["work_completed_from_previous_application"] == "320.00"


def test_retainage_is_held_released_and_netted() -> None:
    job = Job("1000.00")
    held = "work_completed_retainage_retained_this_period"
    first = job.send([item(job.lines[0], work_completed_this_period="400", **{held: "40"})]).body
    assert (first["items"][0]["net_amount"], first["summary"]["current_payment_due"]) == ("360.00", "360.00")
    assert first["invoice_type"] == "progress"
    release = "work_completed_retainage_released_this_period"
    second = job.send([item(job.lines[0], work_completed_this_period="100", **{held: "10", release: "25"})]).body
    row = second["items"][0]
    assert row["work_completed_retainage_from_previous_application"] == "40.00"
    assert (row["net_amount"], second["summary"]["total_retainage"]) == ("115.00", "25.00")
    assert second["invoice_type"] == "progress_and_retainage_release"
    assert second["summary"]["less_previous_certificates_for_payment"] == "360.00"
    too_much = job.patch(second, [own(row, **{release: "51"})])
    assert (too_much.status, "more than" in too_much.body["message"]) == (422, True)


def test_retainage_needs_a_base_and_a_percent_waits_for_one() -> None:
    job = Job("1000.00")
    made = job.send().body
    row = made["items"][0]
    assert job.patch(made, [own(row, work_completed_retainage_released_this_period="1")]).status == 422
    kept = job.patch(made, [own(row, work_completed_retainage_percent_this_period="5")]).body["items"][0]
    assert kept["work_completed_retainage_percent_this_period"] == "5.00"
    worked = job.patch(made, [own(row, work_completed_this_period="200")]).body["items"][0]
    assert worked["work_completed_retainage_retained_this_period"] == "10.00"
    ignored = job.patch(made, [own(row, work_completed_retainage_percent_this_period="50")]).body["items"][0]
    assert ignored["work_completed_retainage_retained_this_period"] == "10.00"
    more = job.patch(made, [own(row, work_completed_this_period="300")]).body["items"][0]
    assert more["work_completed_retainage_retained_this_period"] == "15.00", (
        "the percent that came too late is forgotten"
    )


@pytest.mark.parametrize("separate", [False, True])
def test_stored_materials_move_into_work_or_stay_stored(separate: bool) -> None:
    job = Job("1000.00")
    at = f"/rest/v1.0/projects/{job.p}/contracts/{job.order}/invoice_configuration"
    job.caller("PATCH", at, {"invoice_configuration": {"separate_billing_for_stored_materials": separate}})
    stored = {"materials_presently_stored": "300", "materials_stored_retainage_currently_retained": "30"}
    first = job.send([item(job.lines[0], **stored)]).body
    second = job.send().body
    row = second["items"][0]
    columns = ("work_completed_from_previous_application", "materials_presently_stored", "materials_moved")
    assert tuple(row[c] for c in columns) == (("0.00", "300.00", "0.00") if separate else ("300.00", "0.00", "300.00"))
    assert (row["total_completed_and_stored_to_date"], row["gross_amount"], row["net_amount"]) == (
        "300.00",
        "0.00",
        "0.00",
    )
    assert second["summary"]["total_retainage"] == first["summary"]["total_retainage"] == "30.00"
    if separate:
        more = job.patch(second, [own(row, new_materials="50")]).body["items"][0]
        assert more["materials_presently_stored"] == "350.00"


def test_unit_lines_are_billed_by_quantity() -> None:
    job = Job(accounting_method="unit")
    known = job.caller.codes()
    code = {"cost_code_id": known["03-310"], "line_item_type_id": known["M"]}
    line = job.line({"quantity": "10", "unit_cost": "12.50", **code})
    made = job.send([item(line, work_completed_this_period_quantity="4", work_completed_this_period="999")]).body
    row = made["items"][0]
    assert (row["work_completed_this_period"], row["work_completed_this_period_quantity"]) == ("50.00", "4.0")
    next_row = job.send([item(line, work_completed_this_period_quantity="1.5")]).body["items"][0]
    assert next_row["work_completed_from_previous_application_quantity"] == "4.0"
    assert next_row["total_completed_and_stored_to_date"] == "68.75"
    last_row = job.send().body["items"][0]
    assert last_row["work_completed_from_previous_application_quantity"] == "5.5"
    amount = Job("10.00").bill("1.00")["items"][0]
    assert (amount["scheduled_quantity"], amount["materials_presently_stored"]) == (None, "0.00")


def test_an_open_period_or_a_named_one_is_needed() -> None:
    job = Job("100.00")
    closed = job.act("close_billing_period", project_id="P1")["closed"]
    refused = job.send()
    assert (refused.status, "open billing period" in refused.body["message"]) == (400, True)
    assert job.send(period_id=1).status == 400
    assert job.send(period_id=closed).body["period_id"] == closed
    job.act("open_billing_period", project_id="P1", start="2026-04-01", end="2026-04-30")
    made = job.send().body
    assert (made["requisition_start"], made["requisition_end"]) == ("2026-04-01", "2026-04-30")


def test_periods_do_not_overlap_and_one_is_open() -> None:
    caller = Caller()
    at = f"/rest/v1.0/projects/{caller.p1}/billing_periods"
    row = {"start_date": "2026-03-15", "end_date": "2026-04-15", "due_date": "2026-04-20", "status": "closed"}
    assert caller("POST", at, {"billing_period": row}).status == 422
    row |= {"start_date": "2026-04-01", "status": "open"}
    assert caller("POST", at, {"billing_period": row}).status == 422
    assert caller("POST", at, {"billing_period": row | {"status": "closed"}}).status == 201
    assert len(caller("GET", f"{at}?filters[status]=closed").body) == 1


def test_approved_change_orders_become_items() -> None:
    job = Job("100.00")
    line = {"code": "03-310", "type": "M", "amount": "40.00"}
    done = job.act("add_change_order", order_id=job.order, title="More", status="approved", lines=[line])
    minus = {**line, "amount": "-15.00"}
    later = job.act("add_change_order", order_id=job.order, title="Less", status="pending", lines=[minus])
    made = job.send().body
    assert [i["item_type"] for i in made["items"]] == ["contract_item", "change_order_item"]
    assert [p["id"] for p in made["item_packages"]] == [done["package_id"]]
    at = f"/rest/v1.0/requisitions/{made['id']}"
    query = f"project_id={job.p}&commitment_id={job.order}&change_order_package_id={later['package_id']}"
    assert job.caller("POST", f"{at}/add_change_order_package?{query}").status == 422
    job.act("set_change_order_status", id=later["id"], status="approved")
    assert job.caller("POST", f"{at}/add_change_order_package?{query}").status == 201
    summary = job.show(made)["summary"]
    names = ("original_contract_sum", "net_change_by_change_orders", "contract_sum_to_date")
    assert [summary[name] for name in names] == ["100.00", "25.00", "125.00"]
    assert (summary["positive_new_change_order_item_total"], summary["negative_change_order_item_total"]) == (
        "40.00",
        "-15.00",
    )
    assert job.send().body["summary"]["positive_new_change_order_item_total"] == "0.00"


def test_items_are_written_in_bulk_all_or_none() -> None:
    job = Job("100.00", "50.00")
    made = job.send().body
    first, second = made["items"]
    at = f"/rest/v1.0/requisitions/{made['id']}/bulk_item_update?project_id={job.p}"
    good = own(first, work_completed_this_period="10")
    bad = own(second, work_completed_this_period="many")
    assert job.caller("PATCH", at, {"requisition_items": [good, bad]}).status == 422
    assert job.show(made)["summary"]["total_completed_and_stored_to_date"] == "0.00"
    said = job.caller("PATCH", at, {"requisition_items": [good]})
    assert (said.status, said.raw.body) == (200, b"")
    wrong = own(first) | {"item_type": "change_order_item"}
    assert job.caller("PATCH", at, {"requisition_items": [wrong]}).status == 422
    assert job.caller("PATCH", at, {"requisition_items": [own(first, new_materials="1")]}).status == 200
    history = job.caller("GET", f"/rest/v1.0/requisitions/{made['id']}/change_histories?project_id={job.p}").body
    assert tuple(history[0][name] for name in ("column", "old_value", "new_value")) == (
        "work_completed_this_period",
        "0.00",
        "10.00",
    )


def test_contract_detail_items_are_404_without_a_subcontractor_schedule() -> None:
    job = Job("100.00")
    made = job.send().body
    at = f"/rest/v1.0/requisitions/{made['id']}/contract_detail_items?project_id={job.p}"
    assert job.caller("GET", at).status == 404
    assert job.send([{"detail_line_item_id": 1, "item_type": "contract_detail_item"}]).status == 400


def test_an_origin_id_locks_the_whole_invoice_unless_switched_off() -> None:
    job = Job("100.00")
    made = job.bill("10.00", status="approved")
    assert job.patch(made, origin_id="10^V1").status == 200
    assert job.patch(made, status="draft").status == 422
    row = own(made["items"][0], work_completed_this_period="11")
    at = f"/rest/v1.0/requisitions/{made['id']}/bulk_item_update?project_id={job.p}"
    assert job.caller("PATCH", at, {"requisition_items": [row]}).status == 422
    assert job.caller("DELETE", f"{PATH}/{made['id']}?project_id={job.p}").status == 422
    with pytest.raises(ValueError, match="synced"):
        job.act("send_back_requisition", id=made["id"])
    found = job.caller("GET", f"{PATH}?project_id={job.p}&filters[origin_id]=10^V1").body
    assert [(r["id"], r["deletable"]) for r in found] == [(made["id"], False)]
    assert job.send(origin_id="10^V1").status == 400
    job.caller.face.switches.origin_id_locks = False
    assert job.patch(made, [row], status="draft").body["summary"]["current_payment_due"] == "11.00"


def test_only_the_latest_can_be_deleted_and_by_switch_changed() -> None:
    job = Job("100.00")
    first, second = job.bill("10.00"), job.bill("20.00")
    assert job.caller("DELETE", f"{PATH}/{first['id']}?project_id={job.p}").status == 422
    lists = {
        value: job.caller("GET", f"{PATH}?project_id={job.p}&filters[is_last]={value}").body
        for value in ("true", "false")
    }
    assert [r["id"] for r in lists["true"]] == [second["id"]]
    assert [r["id"] for r in lists["false"]] == [first["id"]]
    assert job.patch(first, invoice_number="A").status == 200
    job.caller.face.switches.only_latest_requisition_changes = True
    assert job.patch(first, invoice_number="B").status == 422
    assert job.caller("DELETE", f"{PATH}/{second['id']}?project_id={job.p}").status == 200
    assert job.patch(first, invoice_number="B").status == 200
    assert job.bill("5.00")["number"] == 2


def test_the_contract_knows_what_was_invoiced_and_paid() -> None:
    job = Job("200.00")
    made = job.bill("80.00")
    assert job.contract()["total_requisitions_amount"] == "0.00"
    job.act("approve_requisition", id=made["id"])
    ids = {"project_id": job.p, "contract_id": job.order}
    row = {"amount": "50.00", "requisition_id": made["id"], "origin_id": "10^PAY1"}
    payment = job.caller("POST", "/rest/v1.0/contract_payments", ids | {"contract_payment": row}).body
    shown = job.contract()
    names = ("total_requisitions_amount", "total_payments", "remaining_balance_outstanding", "percentage_paid")
    assert [shown[name] for name in names] == ["80.00", "50.00", "150.00", "25.00"]
    assert job.show(made)["payment_summary"] == {"invoice_paid_in_full": False, "invoiced_amount_due": "30.00"}
    job.act("enter_payment", order_id=job.order, requisition_id=made["id"], amount="30.00")
    assert job.show(made)["payment_summary"]["invoice_paid_in_full"] is True
    at = f"/rest/v1.0/contract_payments/{payment['id']}"
    assert job.caller("PATCH", at, ids | {"contract_payment": {"amount": "51.00"}}).status == 422
    assert job.caller("PATCH", at, ids | {"contract_payment": {"origin_data": "d", "amount": "50"}}).status == 200
    assert job.caller("DELETE", f"{at}?project_id={job.p}&contract_id={job.order}").status == 400
    assert job.caller("DELETE", f"{ORDERS}/{job.order}?project_id={job.p}").status == 400
    summary = job.caller(
        "GET", f"/rest/v2.0/companies/{COMPANY}/projects/{job.p}/commitment_contracts/{job.order}/summary"
    )
    assert summary.body["data"]["total_payments_amount"] == "80.00"


def test_switches_narrow_when_an_invoice_may_be_made() -> None:
    job = Job("100.00", switches=ProcoreSwitches(one_requisition_per_period=True))
    job.bill("1.00")
    assert job.send().status == 400
    job.caller.face.switches.one_requisition_per_period = False
    job.caller.face.switches.requisition_needs_approved_contract = True
    assert job.send().status == 400
    job.act("set_order_status", id=job.order, status="Approved")
    assert job.send().status == 201


def test_a_project_manager_adds_approves_and_sends_back() -> None:
    job = Job("100.00", "60.00", retainage_percent="5")
    made = job.act("add_requisition", order_id=job.order, invoice_number="I-7", share=0.5, status="under_review")
    assert (made["completed"], made["current_payment_due"]) == ("80.00", "76.00")
    assert job.act("send_back_requisition", id=made["id"])["status"] == "revise_and_resubmit"
    job.act("bill_requisition", id=made["id"], items=[{"position": 1, "work": "10.00"}])
    assert job.act("approve_requisition", id=made["id"])["completed"] == "40.00"
    shown = job.show(made)
    assert (shown["status"], shown["created_by"]["name"]) == ("approved", "Robin Marsh")
    assert shown["submitted_at"] is not None
