"""Subcontractor invoices as callers find them: views, filters, pages, statuses, what moves updated_at, and packages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ml_connector.sandbox.procore.switches import ProcoreSwitches

from .company import COMPANY
from .test_requisitions import ORDERS, PATH, Job, item, own

LIMITED = {"items", "item_packages", "summary_text", "tax_summary", "accounting_method", "action_policy"}
HOUR = timedelta(hours=1)


def found(job: Job, **filters: Any) -> list[int]:
    """Ids of the invoices that a list with these filters shows."""
    words = "".join(f"&filters[{name}]={value}" for name, value in filters.items())
    return [row["id"] for row in job.caller("GET", f"{PATH}?project_id={job.p}{words}").body]


def since(job: Job) -> str:
    """A range from half an hour ago until now, as a poller asks for it."""
    now = job.caller.clock()
    return f"{now - HOUR / 2:%Y-%m-%dT%H:%M:%SZ}...{now:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    ("view", "members"),
    [
        ("default", set()),
        ("items", {"items", "item_packages"}),
        ("header_only", {"summary_text", "tax_summary", "accounting_method"}),
        ("action_policy", {"action_policy"}),
        ("extended", LIMITED),
    ],
)
def test_a_view_shows_its_own_members(view: str, members: set[str]) -> None:
    job = Job("100.00")
    made = job.send().body
    for shown in (
        job.caller("GET", f"{PATH}/{made['id']}?project_id={job.p}&view={view}").body,
        job.caller("GET", f"{PATH}?project_id={job.p}&view={view}").body[0],
    ):
        assert shown.keys() & LIMITED == members
        assert "summary" in shown


def test_lists_are_narrowed_by_contract_period_and_status() -> None:
    job = Job("100.00")
    closed = job.act("close_billing_period", project_id="P1")["closed"]
    first = job.send(period_id=closed, status="approved").body
    job.act("open_billing_period", project_id="P1", start="2026-04-01", end="2026-04-30")
    second = job.send().body
    other = job.act("add_requisition", order_id=job.caller.order("10^PO2"))["id"]
    assert found(job, commitment_id=job.order) == [first["id"], second["id"]]
    assert found(job, period_id=closed) == [first["id"]]
    assert found(job, status="approved") == [first["id"]]
    assert found(job, status="draft") == [second["id"], other]
    assert found(job, id=other) == [other]


def test_a_page_has_thirty_unless_told_otherwise() -> None:
    job = Job("100.00")
    job.send()
    assert job.caller("GET", f"{PATH}?project_id={job.p}").headers["per-page"] == "30"


def test_every_status_may_be_set_by_an_administrator_and_no_other_exists() -> None:
    job = Job("100.00")
    made = job.send().body
    for status in (
        "under_review",
        "revise_and_resubmit",
        "approved",
        "approved_as_noted",
        "pending_owner_approval",
        "draft",
    ):
        assert job.patch(made, status=status).body["status"] == status
    assert job.patch(made, status="paid").status == 400
    with pytest.raises(ValueError, match="not included"):
        job.act("set_requisition_status", id=made["id"], status="paid")
    assert job.act("set_requisition_status", id=made["id"], status="approved")["status"] == "approved"


def test_statuses_that_are_certified_count_on_the_contract() -> None:
    job = Job("100.00")
    made = job.bill("80.00")
    counted = {}
    for status in ("under_review", "approved", "revise_and_resubmit", "approved_as_noted", "pending_owner_approval"):
        job.patch(made, status=status)
        counted[status] = job.contract()["total_requisitions_amount"]
    assert counted == {
        "under_review": "0.00",
        "approved": "80.00",
        "revise_and_resubmit": "0.00",
        "approved_as_noted": "80.00",
        "pending_owner_approval": "80.00",
    }


@pytest.mark.parametrize("moves", [True, False])
def test_whether_a_changed_item_moves_its_invoice_is_a_switch(moves: bool) -> None:
    job = Job("100.00", switches=ProcoreSwitches(item_change_touches_requisition=moves))
    made = job.bill("10.00")
    job.caller.clock.advance(HOUR)
    at = f"/rest/v1.0/requisitions/{made['id']}/bulk_item_update?project_id={job.p}"
    row = own(made["items"][0], work_completed_this_period="20.00")
    assert job.caller("PATCH", at, {"requisition_items": [row]}).status == 200
    assert (found(job, updated_at=since(job)) == [made["id"]]) is moves


@pytest.mark.parametrize("moves", [True, False])
def test_whether_a_payment_moves_its_invoice_is_a_switch(moves: bool) -> None:
    job = Job("100.00", switches=ProcoreSwitches(payment_touches_requisition=moves))
    made = job.bill("10.00")
    job.caller.clock.advance(HOUR)
    job.act("enter_payment", order_id=job.order, requisition_id=made["id"])
    assert (found(job, updated_at=since(job)) == [made["id"]]) is moves


@pytest.mark.parametrize(("switch", "held"), [(True, "10.00"), (False, "0.00")])
def test_work_is_retained_at_the_contracts_rate_unless_switched_off(switch: bool, held: str) -> None:
    job = Job("1000.00", switches=ProcoreSwitches(retainage_from_contract=switch), retainage_percent="5")
    assert job.bill("200.00")["summary"]["total_retainage"] == held


def test_materials_presently_stored_are_ignored_beside_new_ones_and_on_unit_lines() -> None:
    job = Job("1000.00")
    row = job.send([item(job.lines[0], materials_presently_stored="300", new_materials="50")]).body["items"][0]
    assert row["materials_presently_stored"] == "50.00"
    unit = Job(accounting_method="unit")
    known = unit.caller.codes()
    code = {"cost_code_id": known["03-310"], "line_item_type_id": known["M"]}
    line = unit.line({"quantity": "10", "unit_cost": "12.50", **code})
    row = unit.send([item(line, materials_presently_stored="300")]).body["items"][0]
    assert row["materials_presently_stored"] == "0.00"
    row = unit.send([item(line, stored_materials_quantity=2)]).body["items"][0]
    assert (row["materials_presently_stored"], row["materials_presently_stored_quantity"]) == ("25.00", "2.0")


def test_a_package_can_be_taken_off_until_it_is_billed_and_not_from_a_synced_invoice() -> None:
    job = Job("100.00")
    line = {"code": "03-310", "type": "M", "amount": "40.00"}
    change = job.act("add_change_order", order_id=job.order, title="More", status="approved", lines=[line])
    made = job.send().body
    at = f"/rest/v1.0/requisitions/{made['id']}"
    query = f"project_id={job.p}&commitment_id={job.order}&change_order_package_id={change['package_id']}"
    assert job.caller("POST", f"{at}/add_change_order_package?{query}").status == 422
    other = query.replace(str(job.order), str(job.caller.order("10^PO2")))
    assert job.caller("DELETE", f"{at}/remove_change_order_package?{other}").status == 422
    billed = own(made["items"][1], work_completed_this_period="5.00")
    assert job.patch(made, [billed]).status == 200
    assert job.caller("DELETE", f"{at}/remove_change_order_package?{query}").status == 422
    job.patch(made, [billed | {"work_completed_this_period": "0"}])
    assert job.caller("DELETE", f"{at}/remove_change_order_package?{query}").status == 200
    assert [row["item_type"] for row in job.show(made)["items"]] == ["contract_item"]
    job.patch(made, origin_id="10^V9")
    assert job.caller("POST", f"{at}/add_change_order_package?{query}").status == 422


def test_an_invoice_does_not_move_into_a_period_that_has_one_where_that_is_refused() -> None:
    job = Job("100.00", switches=ProcoreSwitches(one_requisition_per_period=True))
    first = job.send().body
    job.act("open_billing_period", project_id="P1", start="2026-04-01", end="2026-04-30")
    second = job.send().body
    assert job.patch(second, period_id=first["period_id"]).status == 422
    assert job.patch(second, period_id=second["period_id"], invoice_number="A").status == 200


def test_a_period_with_invoices_stays_and_the_latest_invoice_goes() -> None:
    job = Job("100.00")
    made = job.bill("10.00")
    at = f"/rest/v1.0/projects/{job.p}/billing_periods/{made['period_id']}"
    assert job.caller("DELETE", at).status == 422
    assert job.act("delete_requisition", order_id=job.order) == {"id": made["id"]}
    assert job.caller("GET", f"{PATH}/{made['id']}?project_id={job.p}").status == 404
    assert job.caller("DELETE", at).status == 200
    assert job.send(period_id=made["period_id"]).status == 400


def test_a_paid_invoice_is_not_deletable() -> None:
    job = Job("100.00")
    made = job.bill("10.00")
    job.act("enter_payment", order_id=job.order, requisition_id=made["id"])
    assert job.show(made)["deletable"] is False
    with pytest.raises(ValueError, match="without payments"):
        job.act("delete_requisition", id=made["id"])


def test_payments_are_numbered_and_belong_to_their_contract() -> None:
    job = Job("100.00")
    made = job.bill("80.00")
    ids = {"project_id": job.p, "contract_id": job.order}
    other = job.caller.order("10^PO2")
    foreign = {"amount": "1.00", "requisition_id": made["id"]}
    body = {"project_id": job.p, "contract_id": other, "contract_payment": foreign}
    assert job.caller("POST", "/rest/v1.0/contract_payments", body).status == 422
    paid = job.act("enter_payment", order_id=job.order, requisition_id=made["id"])
    assert paid["amount"] == "80.00"
    row = {"amount": "-5.00", "origin_id": "10^P", "payment_method": "electronic"}
    back = job.caller("POST", "/rest/v1.0/contract_payments", ids | {"contract_payment": row}).body
    assert (back["payment_number"], back["amount"], back["status"]) == (2, "-5.00", None)
    assert job.caller("POST", "/rest/v1.0/contract_payments", ids | {"contract_payment": row}).status == 422
    at = f"/rest/v1.0/contract_payments?project_id={job.p}&contract_id={job.order}"
    assert [row["amount"] for row in job.caller("GET", at).body] == ["80.00", "-5.00"]
    assert job.contract()["total_payments"] == "75.00"


def test_an_invoice_configuration_says_whether_there_are_invoices_and_keeps_its_method() -> None:
    job = Job("100.00")
    at = f"/rest/v1.0/projects/{job.p}/contracts/{job.order}/invoice_configuration"
    shown = job.caller("GET", at).body
    names = (
        "commitment_has_invoices", "separate_billing_for_stored_materials",
        "move_materials_to_previous_work_completed", "contract_invoicing_method",
    )  # fmt: skip
    assert [shown[name] for name in names] == [False, False, True, "progressive"]
    job.send()
    row = {"separate_billing_for_stored_materials": True, "contract_invoicing_method": "simplified"}
    changed = job.caller("PATCH", at, {"invoice_configuration": row}).body
    assert [changed[name] for name in names] == [True, True, False, "progressive"]


def test_the_due_date_of_an_invoice_is_kept_and_moves_it() -> None:
    job = Job("100.00")
    made = job.bill("10.00")
    job.caller.clock.advance(HOUR)
    at = f"/rest/v2.0/companies/{COMPANY}/projects/{job.p}/requisitions/{made['id']}/payment_details"
    assert job.caller("PATCH", at, {"due_date": "soon"}).status == 400
    assert job.caller("PATCH", at, {"due_date": "2026-05-01"}).body == {"data": {"due_date": "2026-05-01"}}
    assert found(job, updated_at=since(job)) == [made["id"]]


def test_a_contract_with_invoices_is_not_deleted() -> None:
    job = Job("100.00")
    job.send()
    assert job.caller("DELETE", f"{ORDERS}/{job.order}?project_id={job.p}").status == 400
