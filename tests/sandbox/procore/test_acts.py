"""What people do in the simulated Procore's own windows: vendors, costs, change orders, and acts that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from .company import COMPANY, Caller

LINE = {"code": "03-310", "type": "M", "amount": "25.00"}


def act(caller: Caller, act_name: str, /, **given: Any) -> Any:
    """Lets a person do something."""
    return caller.face.acts[act_name](given)


def test_a_vendor_is_edited_and_made_inactive() -> None:
    caller = Caller()
    bolt = caller.vendor("Bolt")
    act(caller, "edit_vendor", name="Bolt", fields={"city": "Kent", "is_active": False})
    shown = caller("GET", f"/rest/v1.0/vendors/{bolt}?company_id={COMPANY}").body
    assert (shown["city"], shown["is_active"], shown["name"]) == ("Kent", False, "Bolt")
    assert [row["id"] for row in caller("GET", f"/rest/v1.0/companies/{COMPANY}/vendors/inactive").body] == [bolt]
    with pytest.raises(ValueError, match="country_code"):
        act(caller, "edit_vendor", id=bolt, fields={"country_code": "USA"})


def test_a_merged_vendor_leaves_its_contracts_and_costs_to_the_other() -> None:
    caller = Caller()
    bolt, acme = caller.vendor("Bolt"), caller.vendor("Acme Steel")
    row = {"id": bolt, "origin_id": "10^S9"}
    caller("PATCH", "/rest/v1.0/vendors/sync", {"company_id": COMPANY, "updates": [row]})
    cost = act(caller, "enter_direct_cost", project_id="P1", vendor="Bolt", invoice_number="1", lines=[LINE])
    typed = {"code": "03-310", "type": "M", "description": "d", "quantity": 1, "unit_cost": 2}
    given = {"project_id": "P1", "order_number": "X", "title": "t", "vendor": "Bolt", "lines": [typed]}
    order = act(caller, "type_order", **given)["id"]
    assert act(caller, "merge_vendors", name="Bolt", into=acme) == {"id": acme, "name": "Acme Steel"}
    shown = caller("GET", f"/rest/v1.0/purchase_order_contracts/{order}?project_id={caller.p1}").body
    assert shown["vendor"]["id"] == acme
    assert caller("GET", f"/rest/v1.0/projects/{caller.p1}/direct_costs/{cost['id']}").body["vendor"]["id"] == acme
    assert caller("GET", f"/rest/v1.0/vendors/{bolt}?company_id={COMPANY}").status == 404
    again = caller("PATCH", "/rest/v1.0/vendors/sync", {"company_id": COMPANY, "updates": [{**row, "id": acme}]})
    assert again.body["errors"] == [], "the origin id of the one that is gone is free"
    with pytest.raises(ValueError, match="another one"):
        act(caller, "merge_vendors", id=acme, into=acme)


def test_a_project_manager_enters_a_direct_cost_and_moves_it_on() -> None:
    caller = Caller()
    lines = [LINE, {"code": "09-900", "type": "L", "amount": "5.50", "description": "Paint"}]
    given = {"number": "24-001", "vendor": "Bolt", "type": "expense", "invoice_number": "E-1"}
    made = act(caller, "enter_direct_cost", **given, date="2026-03-05", lines=lines)
    assert (made["grand_total"], made["status"]) == ("30.50", "draft")
    assert "09-900" in caller.codes(), "a missing cost code is made, as a person would"
    act(caller, "set_direct_cost_status", invoice_number="E-1", status="approved")
    shown = caller("GET", f"/rest/v1.1/projects/{caller.p1}/direct_costs/{made['id']}").body
    assert [shown[name] for name in ("status", "direct_cost_type", "direct_cost_date", "synced")] == [
        "approved", "expense", "2026-03-05", False,
    ]  # fmt: skip
    assert [row["description"] for row in shown["line_items"]] == [None, "Paint"]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("add_vendor", {"name": "Half", "projects": ["P1", "P77"]}),
        ("open_billing_period", {"project_id": "P1", "start": "2026-03-20", "end": "2026-04-30"}),
        ("add_change_order", {"order_number": "HAND-1", "title": "t", "lines": [LINE, {**LINE, "amount": "many"}]}),
        ("add_change_order", {"order_number": "HAND-1", "title": "t", "status": "sold", "lines": [LINE]}),
        ("add_requisition", {"order_number": "HAND-1", "items": [{"position": 7, "work": "1"}]}),
        ("bill_requisition", {"order_number": "HAND-1", "items": []}),
        ("enter_payment", {"order_number": "HAND-1"}),
        ("enter_direct_cost", {"project_id": "P1", "vendor": "Nobody", "invoice_number": "1", "lines": []}),
        ("enter_direct_cost", {"project_id": "P1", "vendor": "Bolt", "lines": [LINE]}),
        ("change_budget", {"project_id": "P1", "status": "sold", "lines": [LINE]}),
        ("change_budget", {"project_id": "P1", "lines": [{"code": "03-310", "type": "Q", "amount": "1"}]}),
        ("type_order", {"project_id": "P1", "order_number": "X", "title": "t", "vendor": "Bolt", "status": "Sold"}),
        ("merge_vendors", {"name": "Bolt", "into": 5}),
        ("add_cost_code", {"number": "24-001", "code": "03-310", "name": "Again"}),
    ],
)
def test_an_act_that_is_refused_leaves_no_trace(name: str, given: dict[str, Any]) -> None:
    caller = Caller()
    periods = f"/rest/v1.0/projects/{caller.p1}/billing_periods"

    def seen() -> Any:
        orders = caller("GET", f"/rest/v1.0/purchase_order_contracts?project_id={caller.p1}").body
        kept = {k: v for k, v in caller.face.summary().items() if k not in ("wbs_codes", "budget_lines")}
        kept.pop("automatic_budget_lines")
        return kept, orders, [row["status"] for row in caller("GET", periods).body]

    before = seen()
    with pytest.raises(ValueError):
        act(caller, name, **given)
    assert seen() == before
