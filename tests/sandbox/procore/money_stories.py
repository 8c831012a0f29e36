"""Stories that drive every operation about money and webhooks once, for the walk through all operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .company import COMPANY

Walker = Any
V2 = f"/rest/v2.0/companies/{COMPANY}/projects"


def taxes(walk: Walker) -> None:
    at = f"company_id={COMPANY}"
    for name, key in (("tax_code", "code"), ("tax_type", "name")):
        base = f"/rest/v1.0/{name}s"
        made = walk("POST", f"{base}?{at}", {name: {key: "GST", "origin_id": "10^T"}})["id"]
        walk("PATCH", f"{base}/{made}?{at}", {name: {key: "GST", "description": "d"}})
        walk("GET", f"{base}/{made}?{at}")
        walk("GET", f"{base}?{at}")
        walk("PATCH", f"{base}/sync", {"company_id": COMPANY, "updates": [{"origin_id": "10^T", key: "VAT"}]})
    walk("DELETE", f"/rest/v1.0/tax_types/{made}?{at}")


def _order(walk: Walker) -> tuple[int, int]:
    p, known = walk.caller.p1, walk.caller.codes()
    row = {"accounting_method": "amount", "title": "Slabs", "vendor_id": walk.caller.vendor("Bolt")}
    base = "/rest/v1.0/purchase_order_contracts"
    made = walk("POST", base, {"project_id": p, "purchase_order_contract": row})["id"]
    line = {"amount": "1000.00", "cost_code_id": known["03-310"], "line_item_type_id": known["M"]}
    return made, walk("POST", f"{base}/{made}/line_items", {"project_id": p, "line_item": line})["id"]


def _package(walk: Walker, order: int) -> int:
    p, base = walk.caller.p1, "/rest/v1.0/change_order_packages"
    body = {"project_id": p, "contract_id": order, "change_order": {"title": "More", "origin_id": "10^C"}}
    made = walk("POST", base, body)["id"]
    change = walk("GET", f"/rest/v1.0/projects/{p}/commitment_change_orders?filters[contract_id]={order}")[0]["id"]
    lines = f"{V2}/{p}/commitment_change_orders/{change}/line_items"
    code = walk("GET", f"/rest/v1.0/projects/{p}/work_breakdown_structure/wbs_codes")[0]["id"]
    row = {"wbs_code_id": str(code), "amount": "50.00", "commitment_line_item_id": "new"}
    line = walk("POST", lines, row)["data"]["id"]
    walk("GET", f"{lines}/{line}")
    walk("PATCH", f"{base}/{made}", {"project_id": p, "change_order": {"status": "approved"}})
    walk("GET", f"{base}/{made}?project_id={p}")
    return int(made)


def billing(walk: Walker) -> None:
    p, (order, line) = walk.caller.p1, _order(walk)
    periods = f"/rest/v1.0/projects/{p}/billing_periods"
    days = {"start_date": "2026-01-01", "end_date": "2026-01-31", "due_date": "2026-02-10", "status": "closed"}
    period = walk("POST", periods, {"billing_period": days})["id"]
    walk("PATCH", f"{periods}/{period}", {"billing_period": days | {"due_date": "2026-02-12"}})
    walk("GET", f"{periods}/{period}")
    walk("GET", periods)
    settings = f"/rest/v1.0/projects/{p}/contracts/{order}/invoice_configuration"
    walk("PATCH", settings, {"invoice_configuration": {"separate_billing_for_stored_materials": True}})
    walk("GET", settings)
    item = {"line_item_id": line, "item_type": "contract_item", "work_completed_this_period": "100.00"}
    body = {"project_id": p, "commitment_id": order, "requisition": {"items": [item], "invoice_number": "I-1"}}
    made = walk("POST", "/rest/v1.1/requisitions?view=extended", body)
    at = f"/rest/v1.1/requisitions/{made['id']}"
    row = {"id": made["items"][0]["id"], "item_type": "contract_item", "comment": "c"}
    body = {"project_id": p, "commitment_id": order, "requisition": {"status": "under_review", "items": [row]}}
    walk("PATCH", at, body)
    for view in ("default", "extended", "items", "action_policy", "header_only"):
        walk("GET", f"{at}?project_id={p}&view={view}")
        walk("GET", f"/rest/v1.1/requisitions?project_id={p}&view={view}")
    _items(walk, order, made)
    walk("PATCH", f"{V2}/{p}/requisitions/{made['id']}/payment_details", {"due_date": "2026-04-01"})
    _payments(walk, order, made["id"])
    walk("DELETE", f"{at}?project_id={p}")
    walk("DELETE", f"{periods}/{period}")


def _items(walk: Walker, order: int, made: Any) -> None:
    p, package = walk.caller.p1, _package(walk, order)
    base, at = f"/rest/v1.0/requisitions/{made['id']}", f"project_id={p}"
    row = {"id": made["items"][0]["id"], "item_type": "contract_item", "work_completed_this_period": "120.00"}
    walk("PATCH", f"{base}/bulk_item_update?{at}", {"requisition_items": [row]})
    both = f"{at}&commitment_id={order}&change_order_package_id={package}"
    added = walk("POST", f"{base}/add_change_order_package?{both}")[0]["id"]
    for kind, item in (("contract_item", row["id"]), ("change_order_item", added)):
        walk("GET", f"{base}/{kind}s?{at}")
        walk("GET", f"{base}/{kind}s/{item}?{at}")
        for work in ("1", "0"):
            row = {"work_completed_this_period": work}
            walk("PATCH", f"{base}/{kind}s/{item}?{at}", {f"requisition_{kind}": row})
    walk("GET", f"{base}/detail?{at}")
    walk("GET", f"{base}/change_histories?{at}")
    walk("DELETE", f"{base}/remove_change_order_package?{both}")
    assert walk.caller("GET", f"{base}/contract_detail_items?{at}").status == 404
    walk.done.add("GET /rest/v1.0/requisitions/{requisition_id}/contract_detail_items")


def _payments(walk: Walker, order: int, requisition: int) -> None:
    p, base = walk.caller.p1, "/rest/v1.0/contract_payments"
    ids, at = {"project_id": p, "contract_id": order}, f"project_id={p}&contract_id={order}"
    row = {"amount": "10.00", "requisition_id": requisition, "payment_method": "check"}
    made = walk("POST", base, ids | {"contract_payment": row})["id"]
    walk("PATCH", f"{base}/{made}", ids | {"contract_payment": {"notes": "n"}})
    walk("GET", f"{base}/{made}?{at}")
    walk("GET", f"{base}?{at}")
    walk("DELETE", f"{base}/{made}?{at}")


def direct_costs(walk: Walker) -> None:
    p, known = walk.caller.p1, walk.caller.codes()
    v10, v11 = f"/rest/v1.0/projects/{p}/direct_costs", f"/rest/v1.1/projects/{p}/direct_costs"
    head = {"direct_cost_type": "invoice", "vendor_id": walk.caller.vendor("Bolt"), "invoice_number": "D-1"}
    made = walk("POST", v10, {"item": head})["id"]
    walk("PATCH", f"{v10}/{made}", {"item": {"status": "approved"}})
    walk("GET", f"{v10}/{made}")
    walk("GET", f"{v10}?filters[invoice_number]=D-1")
    code = {"cost_code_id": known["03-310"], "line_item_type_id": known["M"]}
    line = walk("POST", f"{v10}/{made}/line_items", {"line_item": {"amount": 12.5, **code}})["id"]
    walk("PATCH", f"{v10}/{made}/line_items/{line}", {"line_item": {"quantity": 2, "unit_cost": 3}})
    walk("GET", f"{v10}/{made}/line_items/{line}")
    walk("GET", f"{v10}/{made}/line_items")
    walk("GET", f"{v10}/line_items?filters[direct_cost_id]={made}")
    row = {"origin_id": "10^D2", **head, "invoice_number": "D-2"}
    cost = walk("PATCH", f"{v10}/sync", {"updates": [row]})["entities"][0]["id"]
    tax = walk("GET", f"/rest/v1.0/tax_codes?company_id={COMPANY}")[1]["id"]
    row = {"origin_id": "10^D2^1", "direct_cost_id": cost, "amount": 9, "tax_code_id": tax, **code}
    walk("PATCH", f"{v10}/line_items/sync", {"updates": [row]})
    walk("DELETE", f"{v10}/{made}/line_items/{line}")
    walk("DELETE", f"{v10}/{made}")
    wbs = walk("GET", f"/rest/v1.0/projects/{p}/work_breakdown_structure/wbs_codes")[0]["id"]
    lines = [{"wbs_code_id": wbs, "manual_amount": 5.25, "ref": "a"}]
    made = walk("POST", v11, {"direct_cost": {**head, "line_items": lines}})
    lines = [{"id": made["line_items"][0]["id"], "manual_amount": 6}, {"wbs_code_id": wbs, "manual_amount": 1}]
    walk("PATCH", f"{v11}/{made['id']}", {"direct_cost": {"description": "d", "line_items": lines}})
    walk("GET", f"{v11}/{made['id']}")
    walk("GET", v11)
    walk("DELETE", f"{v11}/{made['id']}")


def budget_changes(walk: Walker) -> None:
    p = walk.caller.p1
    base, wbs = f"/rest/v1.0/projects/{p}/budget_changes", f"/rest/v1.0/projects/{p}/work_breakdown_structure/wbs_codes"
    row = {"wbs_code_id": walk("GET", wbs)[0]["id"], "amount": 10.5, "type": "budget_change"}
    made = walk("POST", base, {"status": "draft", "title": "B", "adjustment_line_items": [row]})["data"]
    line = {"id": made["adjustment_line_items"][0]["id"], "amount": 11}
    walk("PATCH", f"{base}/{made['id']}", {"status": "under_review", "adjustment_line_items": [line]})
    walk("GET", f"{base}/{made['id']}")
    walk("GET", base)
    walk("GET", f"{V2}/{p}/budget_changes/adjustment_line_items")
    walk("DELETE", f"{base}/{made['id']}")


def webhooks(walk: Walker) -> None:
    base, at, own = "/rest/v1.0/webhooks", f"company_id={COMPANY}", {"company_id": COMPANY}
    hook = {
        "api_version": "v2",
        "destination_url": "http://me/hook",
        "destination_headers": {"Authorization": "abcdefgh"},
    }
    made = walk("POST", f"{base}/hooks", own | {"hook": hook})["id"]
    walk("PATCH", f"{base}/hooks/{made}", own | {"hook": {"namespace": "other"}})
    walk("GET", f"{base}/hooks?{at}")
    trigger = {"resource_name": "Company Vendors", "event_type": "create"}
    one = walk("POST", f"{base}/hooks/{made}/triggers", own | {"api_version": "v2", "trigger": trigger})["id"]
    many = [{"resource_name": "Projects", "event_type": "create"}, {"resource_name": "Dreams", "event_type": "create"}]
    said = walk("POST", f"{base}/hooks/{made}/triggers/bulk", own | {"api_version": "v2", "triggers": many})
    walk("GET", f"{base}/hooks/{made}/triggers?{at}")
    walk("POST", "/rest/v1.0/vendors", own | {"vendor": {"name": "Told"}})
    delivery = walk.caller.face.webhooks.due(walk.caller.clock())
    assert len(delivery) == 1
    walk("GET", f"{base}/hooks/{made}/deliveries?{at}&page_size=5")
    walk("DELETE", f"{base}/hooks/{made}/triggers/bulk", own | {"triggers": [said["success"][0]["id"]]})
    walk("DELETE", f"{base}/hooks/{made}/triggers/{one}?{at}")
    walk("DELETE", f"{base}/hooks/{made}?{at}")
    walk("GET", f"{base}/resources?project_id={walk.caller.p1}")
    walk("GET", f"{base}/resources/api_versions?project_id={walk.caller.p1}")
    for level in (f"/rest/v2.0/companies/{COMPANY}", f"{V2}/{walk.caller.p1}"):
        _webhooks_v2(walk, f"{level}/webhooks")


def _webhooks_v2(walk: Walker, base: str) -> None:
    hook = {"payload_version": "v4.0", "namespace": "ml-connector", "destination_url": "http://me/hook"}
    made = walk("POST", f"{base}/hooks", hook | {"destination_headers": {"Authorization": "secret-12345"}})["data"][
        "id"
    ]
    walk("PATCH", f"{base}/hooks/{made}", {"status": "active"})
    walk("GET", f"{base}/hooks/{made}")
    walk("GET", f"{base}/hooks?namespace=ml-connector")
    trigger = {"resource_name": "Cost Codes", "event_type": "create"}
    one = walk("POST", f"{base}/hooks/{made}/triggers", trigger)["data"]["id"]
    rows = [{"resource_name": "Direct Costs", "event_type": "create"}]
    two = walk("POST", f"{base}/hooks/{made}/triggers/bulk", rows)["data"][0]["id"]
    walk("GET", f"{base}/hooks/{made}/triggers")
    code = {"code": made, "name": "Told"}
    walk("POST", "/rest/v1.0/cost_codes", {"project_id": walk.caller.p1, "cost_code": code})
    walk("GET", f"{base}/hooks/{made}/deliveries?filter[status]=enqueued&sort=id")
    walk("DELETE", f"{base}/hooks/{made}/triggers/bulk", [two, "7"])
    walk("DELETE", f"{base}/hooks/{made}/triggers/{one}")
    walk("DELETE", f"{base}/hooks/{made}")
    walk("GET", f"{base}/resources?payload_version=v3.0")


STORIES: tuple[Callable[[Walker], None], ...] = (taxes, billing, direct_costs, budget_changes, webhooks)
