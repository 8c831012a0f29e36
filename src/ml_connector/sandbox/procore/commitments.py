"""Commitments of both kinds read together, and the v2 view of them (facts/procore.md 8.2, 8.3)."""

from __future__ import annotations

from typing import Any

from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.contract_kinds import PURCHASE_ORDER, SUBCONTRACT
from ml_connector.sandbox.procore.order_lines import plain
from ml_connector.sandbox.procore.paging import by_field, by_ids, by_range, listed, ordered, paged, pick, settled
from ml_connector.sandbox.procore.purchase_orders import find, orders_of
from ml_connector.sandbox.procore.requisition_figures import invoiced
from ml_connector.sandbox.procore.state import Contract, Line, money

_V2 = "/rest/v2.0/companies/{company_id}/projects/{project_id}/commitment_contracts"
_DATES = ("approval_letter_date", "contract_date", "execution_date", "issued_on_date", "letter_of_intent_date")

_OWN = {
    PURCHASE_ORDER.name: ("bill_to_address", "ship_to_address", "ship_via", "payment_terms", "delivery_date"),
    SUBCONTRACT.name: (
        *("actual_completion_date", "contract_estimated_completion_date", "contract_start_date", "exclusions"),
        *("inclusions", "signed_contract_received_date"),
    ),
}
"""What v2 shows of one kind only."""


def _brief(call: Call, order: Contract) -> dict[str, Any]:
    names = ("title", "number", "status", "description", "executed", "delivery_date", "private")
    vendor = call.state.vendors.get(order.fields.get("vendor_id") or 0)
    shown = {name: order.fields.get(name) for name in names}
    who = {"id": vendor.id, "name": vendor.fields["name"]} if vendor else None
    return {"id": order.id, **shown, "created_at": order.created_at, "vendor": who}


def _union(call: Call) -> Answer:
    return listed(call, call.project.contracts.values(), lambda c: _brief(call, c))


def _v2_shown(call: Call, order: Contract) -> dict[str, Any]:
    """A contract as v2 shows it: keys that do not apply are left out (facts/procore.md 2, empty vs absent)."""
    fields = order.fields
    flags = ("signature_required", "allow_change_orders_ssov", "allow_comments", "allow_markups", "enable_ssov")
    more = ("display_materials_retainage", "display_work_retainage", "show_cost_code_on_pdf", "ssr_enabled")
    shown: dict[str, Any] = dict.fromkeys((*flags, *more, "show_line_items_to_non_admins"), False)
    shown |= {
        "id": str(order.id),
        "type": order.kind.type,
        "accounting_method": fields["accounting_method"],
        "executed": fields["executed"],
        "private": fields["private"],
        "allow_payment_applications": True,
        "allow_payments": True,
        "change_order_level_of_detail": "line_item",
        "billing_schedule_of_values_status": "draft",
        "grand_total": money(order.grand_total),
        "created_by": {"id": str(call.state.me), "name": "Sandbox Admin"},
        "currency_configuration": orders_of(call, order.kind).currency(order),
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }
    texts = ("number", "title", "status", "description", "retainage_percent", "returned_date")
    for name in (*texts, *_OWN[order.kind.name], *_DATES):
        shown[name] = fields.get(name)
    vendor = call.state.vendors.get(fields.get("vendor_id") or 0)
    if vendor is not None:
        shown["vendor"] = {"id": str(vendor.id)}
        if _view(call) == "extended":
            shown["vendor"]["name"] = vendor.fields["name"]
    return shown


def _view(call: Call) -> str:
    view = call.view("default")
    if view not in ("default", "extended"):
        raise call.refuse(400, "the view does not exist", "view")
    return view


def _v2_list(call: Call) -> Answer:
    _view(call)
    deleted = call.request.param("filters[include_deleted]")
    rows = [] if deleted == "only" else list(call.project.contracts.values())
    if deleted in ("only", "with"):
        rows += call.project.deleted.values()
    rows = by_field(call, rows, "type", lambda c: c.kind.type)
    rows = by_ids(call, settled(call, rows))
    for name in ("status", "accounting_method", "executed", "vendor_id"):
        rows = by_field(call, rows, name, lambda c, n=name: c.fields.get(n))  # type: ignore[misc]
    rows = by_range(call, rows, "created_at", lambda c: c.created_at)
    rows = by_range(call, rows, "updated_at", lambda c: c.updated_at)
    rows = by_range(call, rows, "deleted_at", lambda c: c.deleted_at)
    text = (call.request.param("filters[search]") or "").casefold()
    rows = [c for c in rows if text in f"{c.fields.get('number')} {c.fields.get('title')}".casefold()]
    page, headers = paged(call, ordered(call, rows, {"number": lambda c: c.fields["number"]}))
    return Answer(200, {"data": [_v2_shown(call, c) for c in page]}, headers)


def _v2_show(call: Call) -> Answer:
    _view(call)
    call.ids["id"] = call.ids["commitment_contract_id"]
    return Answer(200, {"data": _v2_shown(call, find(call))})


def line_v2(call: Call, line: Line, unit_based: bool) -> dict[str, Any]:
    """A contract or change order line in v2 shape: string ids and amounts; unit columns only on unit contracts."""
    code = call.project.wbs[line.wbs] if line.wbs is not None else None
    shown: dict[str, Any] = {
        "id": str(line.id),
        "description": line.fields.get("description"),
        "amount": money(line.amount),
        "wbs_code_id": str(line.wbs) if line.wbs is not None else None,
        "tax_code_id": str(line.fields["tax_code_id"]) if line.fields.get("tax_code_id") else None,
        "prime_line_item_id": line.fields.get("prime_line_item_id"),
        "position": line.position,
        "wbs_code": None,
        "work_breakdown_structure": None,
        "funding_rule_id": None,
    }
    if code is not None:
        text = code.fields["description"]
        shown["wbs_code"] = {"id": str(code.id), "flat_code": code.flat_code, "description": text}
    if unit_based:
        units = {"quantity": plain(line.quantity), "unit_cost": plain(line.unit_cost), "uom": line.fields.get("uom")}
        shown |= units | {"extended_type": line.fields["extended_type"]}
    if _view(call) == "extended":
        shown |= {"change_event_line_item": None, "external_data": None}
    return shown


def _v2_lines(call: Call) -> Answer:
    order = find(call, "commitment_contract_id")
    page, headers = paged(call, list(order.lines.values()))
    unit_based = order.fields["accounting_method"] == "unit"
    return Answer(200, {"data": [line_v2(call, line, unit_based) for line in page]}, headers)


def _v2_line(call: Call) -> Answer:
    order = find(call, "commitment_contract_id")
    line = pick(call, order.lines)
    return Answer(200, {"data": line_v2(call, line, order.fields["accounting_method"] == "unit")})


def _v2_summary(call: Call) -> Answer:
    order = find(call, "contract_id")
    zero = {"total_invoices_amount": money(invoiced(call.project, order)), "total_payments_amount": money(order.paid)}
    for name, amount in (
        ("approved_change_total", order.approved),
        ("pending_revised_change_total", order.pending),
        ("draft_change_total", order.draft),
    ):
        zero |= {name: money(amount), f"{name}_tax_amount": "0.00"}
    return Answer(
        200, {"data": zero | {"currency_configuration": {"currency_iso_code": order.fields["currency_iso_code"]}}}
    )


ROUTES: tuple[Route, ...] = (
    *routes(
        "commitments",
        ("GET", "/rest/v1.0/commitments", _union),
        ("GET", f"{_V2}/{{commitment_contract_id}}", _v2_show),
        ("GET", f"{_V2}/{{commitment_contract_id}}/line_items/{{id}}", _v2_line),
        ("GET", f"{_V2}/{{contract_id}}/summary", _v2_summary, "taxes are zero"),
    ),
    *routes(
        "commitments",
        ("GET", _V2, _v2_list),
        ("GET", f"{_V2}/{{commitment_contract_id}}/line_items", _v2_lines),
        page=10,
        cap=100,
    ),
)
