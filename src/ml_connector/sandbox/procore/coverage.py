"""What the simulation models and what it refuses with 501, published so that nobody has to guess."""

from __future__ import annotations

from ml_connector.sandbox.procore.routing import OAUTH, ROUTES

_REFUSED: tuple[tuple[str, str], ...] = (
    ("GET POST PATCH DELETE /rest/v1.0/requisitions, /rest/v1.0/requisitions/{id}", "headers are served in v1.1"),
    ("GET PATCH /rest/v1.0/requisitions/{requisition_id}/contract_detail_items/{id}", "no subcontractor schedules"),
    (
        "PATCH /rest/v1.0/requisitions/{requisition_id}/whole_change_order_items/{id}",
        "change orders are billed by line",
    ),
    ("POST /rest/v1.0/requisitions/{requisition_id}/single_pdf_compilers", "no documents are made"),
    ("* /rest/v1.0/payment_applications, /rest/v1.0/prime_contracts", "owner invoices: never touched by the product"),
    ("POST PATCH /rest/v1.0/projects, /rest/v1.0/projects/sync", "projects are created by people, see the acts"),
    ("* /rest/v1.0/purchase_order_contracts/{id}/line_item_contract_details", "subcontractor schedule of values"),
    ("PATCH /rest/v1.0/purchase_order_contracts/{id}/subcontractor_schedule_of_values_status", "same"),
    ("* /rest/v1.0/work_order_contracts/{id}/line_item_contract_details", "same"),
    ("PATCH /rest/v1.0/work_order_contracts/{id}/subcontractor_schedule_of_values_status", "same"),
    ("POST PATCH DELETE /rest/v2.0/companies/{c}/projects/{p}/commitment_contracts", "writes stay on v1.0"),
    ("POST PATCH DELETE /rest/v2.0/companies/{c}/projects/{p}/commitment_contracts/{id}/line_items", "same"),
    ("DELETE /rest/v1.0/projects/{project_id}/commitment_change_orders/{id}", "void it instead"),
    ("POST /rest/v1.0/cost_codes/copy_from_standard_list, copy_subset_from_standard_list", "standard list copies"),
    ("POST PATCH DELETE /rest/v1.0/standard_cost_codes, /rest/v1.0/standard_cost_code_lists", "company standard list"),
    ("POST PATCH /rest/v1.0/sub_jobs", "sub jobs; the list is served and empty"),
    ("POST PATCH DELETE PUT work_breakdown_structure segments, patterns, lists", "custom segments"),
    ("PATCH DELETE work_breakdown_structure segment_items, wbs_codes/update_all", "bulk status changes"),
    ("POST GET PATCH DELETE /rest/v1.0/companies/{company_id}/uoms, uoms/{id}", "units are written by sync"),
    ("GET /rest/v1.0/commitments/{id}", "deprecated; the list is served, and the contract itself"),
    ("PATCH POST DELETE currency_configuration, exchange_rates", "currency settings are read only"),
    ("* budget_modifications, budget_view_snapshots, summary_rows, budget_details", "changes replace modifications"),
    ("GET /rest/v1.1..v1.3/companies/{company_id}/me", "the v1.0 answer is served"),
    ("* /rest/v1.0/companies/{c}/users, offices, programs", "directory beyond companies"),
    ("* /rest/v1.0/projects/{project_id}/vendors/inactive", "the company's list of inactive vendors is served"),
    ("* erp_requests, external_data, staged_records, erp_job_costs, invoice_payments", "the gated ERP platform"),
)

COVERAGE: tuple[tuple[str, str, str], ...] = (
    *((f"{method} {path}", "modelled", "") for method, path in OAUTH),
    ("POST /oauth/revoke", "modelled", "not in the contract document"),
    *((f"{route.method} {route.path}", "modelled", route.note) for route in ROUTES),
    *((operation, "refused", note) for operation, note in _REFUSED),
)
"""(operation, "modelled" or "refused", what is simplified or why it is refused)."""


def refusal_of(method: str, path: str) -> str:
    """The sentence of a 501: it names the operation, so that nobody takes silence for an answer."""
    return f"The sandbox does not model {method} {path}. Its coverage table lists what it does."
