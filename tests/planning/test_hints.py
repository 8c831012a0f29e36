"""What events are hints to: records, whole flows, echoes, and what is none of our business."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ml_connector.planning import hints
from ml_connector.planning.hints import PROCORE, Event, Naming, Ourselves, Side, Verdict, hint_of, merged
from ml_connector.registry import FLOWS

US = Ourselves(
    erp_company="10",
    company="77",
    projects=frozenset({"501", "502"}),
    flows=frozenset(FLOWS),
    applications=frozenset({"our-app"}),
    user="9001",
)


def told(resource: str, record: str = "4711", **more: Any) -> Event:
    """An event of our company about a record of job site 501, caused by a person."""
    given = {"side": Side.PROJECTS, "action": "update", "company": "77", "project": "501", "user": "12"} | more
    return Event(resource=resource, record=record, **given)


def from_ifs(resource: str, record: str, **more: Any) -> Event:
    return Event(side=Side.ERP, resource=resource, record=record, **more)


def looks(event: Event, us: Ourselves = US) -> dict[str, list[tuple[str, str, str]]]:
    """Flow to the records it looks at; an empty list means all of them."""
    hint = hint_of(event, us)
    assert hint.verdict is Verdict.LOOK, hint
    return {flow: [(r.side.value, r.project, r.record) for r in found] for flow, found in merged([hint]).items()}


@pytest.mark.parametrize(
    ("resource", "flow", "record"),
    [
        ("Direct Costs", "direct_costs", ("projects", "501", "4711")),
        ("Requisitions", "subcontractor_invoices", ("projects", "501", "4711")),
        ("Purchase Order Contracts", "purchase_orders", ("projects", "501", "4711")),
        ("Work Order Contracts", "purchase_orders", ("projects", "501", "4711")),
        ("Company Vendors", "vendors", ("projects", "", "4711")),
        ("Budget Line Items", "budgets", ("projects", "501", "501")),
    ],
)
def test_a_record_is_looked_at_by_its_flow(resource: str, flow: str, record: tuple[str, str, str]) -> None:
    assert looks(told(resource)) == {flow: [record]}


@pytest.mark.parametrize("resource", ["Projects", "Cost Codes", "Contract Payments", "Change Order Packages"])
def test_what_names_no_record_of_a_flow_has_all_of_it_looked_at(resource: str) -> None:
    assert list(looks(told(resource)).values()) == [[]]


def test_a_line_leads_to_what_it_belongs_to() -> None:
    line = told("Direct Cost Line Items", related=(("Attachments", "1"), ("Direct Costs", "88")))
    assert looks(line) == {"direct_costs": [("projects", "501", "88")]}
    assert looks(told("Purchase Order Contract Line Items", related=(("purchase_order_contract", "9"),))) == {
        "purchase_orders": [("projects", "501", "9")]
    }


def test_a_line_that_does_not_say_its_document_has_the_flow_looked_at() -> None:
    assert looks(told("Direct Cost Line Items")) == {"direct_costs": []}
    assert looks(told("Direct Cost Line Items", related=(("Direct Costs", "8'8"),))) == {"direct_costs": []}


def test_a_deleted_record_is_looked_for() -> None:
    assert looks(told("Direct Costs", action="delete")) == looks(told("Direct Costs"))


def test_ten_events_on_one_record_are_one_look() -> None:
    events = [told("Direct Costs", action=action) for action in ("create", "update") * 5]
    found = merged(hint_of(event, US) for event in [*events, told("Direct Costs", "4712", project="502")])
    assert sorted(one.record for one in found["direct_costs"]) == ["4711", "4712"]


def test_all_of_a_flow_covers_its_single_records_in_either_order() -> None:
    one, everything = hint_of(told("Direct Costs"), US), hint_of(told("Direct Cost Line Items"), US)
    assert merged([one, everything]) == merged([everything, one]) == {"direct_costs": frozenset()}


def test_our_own_writes_are_echoes_by_application_or_by_user() -> None:
    for mine in ({"application": "our-app", "user": ""}, {"user": "9001"}):
        assert hint_of(told("Direct Costs", **mine), US).verdict is Verdict.ECHO
    assert hint_of(told("Direct Costs", application="another-app"), US).verdict is Verdict.LOOK


def test_a_user_we_do_not_know_makes_no_echo() -> None:
    unsure = msgspec.structs.replace(US, user="")
    assert hint_of(told("Direct Costs", user=""), unsure).verdict is Verdict.LOOK
    assert hint_of(told("Direct Costs", user="9001"), unsure).verdict is Verdict.LOOK


def test_another_company_is_refused_even_where_it_looks_like_an_echo() -> None:
    for company in ("78", ""):
        assert hint_of(told("Direct Costs", company=company, user="9001"), US).verdict is Verdict.REFUSED


@pytest.mark.parametrize("record", ["", "12 or 1 eq 1", "../4711", "٤٢"])
def test_an_id_that_is_no_number_is_refused(record: str) -> None:
    assert hint_of(told("Direct Costs", record), US).verdict is Verdict.REFUSED


def test_a_project_that_is_not_linked_is_ignored_and_said_so() -> None:
    hint = hint_of(told("Direct Costs", project="999"), US)
    assert (hint.verdict, hint.why) == (Verdict.IGNORED, "Project 999 is not linked.")
    assert looks(told("Projects", "999", project="999")) == {"projects": []}, "a project is paired before it is linked"


@pytest.mark.parametrize("resource", ["Draw Requests", "Prime Contracts", "Project Vendors", "RFIs"])
def test_what_no_flow_starts_from_is_ignored(resource: str) -> None:
    hint = hint_of(told(resource), US)
    assert (hint.verdict, hint.why) == (Verdict.IGNORED, f"No flow starts from {resource}.")


def test_a_flow_that_is_not_run_here_is_not_hinted_at() -> None:
    assert hint_of(told("Direct Costs"), msgspec.structs.replace(US, flows=frozenset())).verdict is Verdict.IGNORED


@pytest.mark.parametrize(
    ("resource", "record", "found"),
    [
        ("PurchaseOrder", "P100002", {"purchase_orders": [("erp", "", "P100002")]}),
        ("PURCHASE_ORDER_LINE", "ORDER_NO=P100002^LINE_NO=1^", {"purchase_orders": [("erp", "", "P100002")]}),
        ("SupplierInvoice", "7001", {"supplier_invoices": [("erp", "", "7001")]}),
        ("ManSuppInvoice", "COMPANY=10^INVOICE_ID=7001^", {"supplier_invoices": [("erp", "", "7001")]}),
        ("SupplierInfoGeneral", "SUPPLIER_ID=S1007^", {"vendors": [("erp", "", "S1007")]}),
        ("Payment", "9", {"payments": []}),
        ("Project", "1201", {"projects": []}),
        ("CodeB", "03-310", {"cost_codes": []}),
        ("Voucher", "F/2026/12", {"subcontractor_invoices": [], "direct_costs": []}),
        ("PurchaseOrder", "NUMBER=1^", {"purchase_orders": []}),
    ],
)
def test_ifs_names_a_record_or_a_whole_flow(resource: str, record: str, found: dict[str, Any]) -> None:
    assert looks(from_ifs(resource, record)) == found


def test_ifs_names_a_budget_by_its_project() -> None:
    assert looks(from_ifs("ProjectEstimate", "33", project="1201")) == {"budgets": [("erp", "", "1201")]}
    assert looks(from_ifs("ProjectEstimate", "33")) == {"budgets": []}


def test_ifs_may_leave_its_company_out_and_not_name_another() -> None:
    assert hint_of(from_ifs("PurchaseOrder", "P1", company="10"), US).verdict is Verdict.LOOK
    assert hint_of(from_ifs("PurchaseOrder", "P1", company="11"), US).verdict is Verdict.REFUSED
    assert hint_of(from_ifs("CustomerOrder", "C1"), US).verdict is Verdict.IGNORED


def test_only_what_is_offered_and_of_our_flows_is_asked_for() -> None:
    offered = {"Direct Costs": ["create", "update"], "RFIs": ["create"], "Company Vendors": ["create", "update"]}
    assert hints.wanted(["direct_costs"], offered) == {"Direct Costs": {"create", "update"}}
    assert hints.told_of(["Direct Costs", "Contract Payments", "RFIs"]) == {"direct_costs"}


def test_the_companys_list_of_lines_is_asked_for_where_the_projects_is_not_offered() -> None:
    company, project = "Company Direct Cost Line Items", "Direct Cost Line Items"
    assert set(hints.wanted(FLOWS, {company: ["update"]})) == {company}
    assert set(hints.wanted(FLOWS, {company: ["update"], project: ["update"]})) == {project}


def test_every_resource_leads_to_a_flow_that_there_is() -> None:
    assert {one.flow for one in PROCORE} <= set(FLOWS)
    assert set(hints.IFS_FLOWS) <= set(FLOWS)
    assert all(one.naming is not Naming.RECORD or hints.resource_of(one.name) is one for one in PROCORE)
