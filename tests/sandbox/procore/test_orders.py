"""Purchase order contracts: arithmetic, coding, the Approved lock, change orders, the budget, and people's acts."""

from __future__ import annotations

from typing import Any

import pytest

from ml_connector.sandbox.procore.switches import ProcoreSwitches

from .company import COMPANY, Caller, Said

BASE = "/rest/v1.0/purchase_order_contracts"
FIRST_ID = 562949953421312


def lines(caller: Caller, order: int, *rows: dict[str, Any]) -> Any:
    at = f"{BASE}/{order}/line_items/sync?project_id={caller.p1}"
    said = caller("PATCH", at, {"updates": list(rows)})
    assert said.status == 200
    return said.body


def shown(caller: Caller, order: int) -> Any:
    return caller("GET", f"{BASE}/{order}?project_id={caller.p1}").body


def status(caller: Caller, order: int, value: str) -> Said:
    return caller("PATCH", f"{BASE}/{order}", {"project_id": caller.p1, "purchase_order_contract": {"status": value}})


def coded(caller: Caller, code: str = "03-310", kind: str = "M") -> dict[str, Any]:
    known = caller.codes()
    return {"cost_code_id": known[code], "line_item_type_id": known[kind]}


def budget(caller: Caller) -> list[dict[str, Any]]:
    at = f"/rest/v2.0/companies/{COMPANY}/projects/{caller.p1}/budget_line_items?per_page=100"
    return caller("GET", at).body["data"]


def test_ids_start_beyond_32_bits_and_are_strings_in_v2() -> None:
    caller = Caller()
    order = caller.order()
    assert order > FIRST_ID
    at = f"/rest/v2.0/companies/{COMPANY}/projects/{caller.p1}/commitment_contracts/{order}"
    assert caller("GET", at).body["data"]["id"] == str(order)


def test_unit_lines_multiply_and_the_total_follows_every_write() -> None:
    caller = Caller()
    order = caller.order()
    rows = (
        {"origin_id": "1", "quantity": "3", "unit_cost": "0.335"},
        {"origin_id": "2", "quantity": "2", "unit_cost": "10"},
    )
    made = lines(caller, order, *rows)["entities"]
    assert [line["amount"] for line in made] == ["1.01", "20.00"]
    assert [line["extended_type"] for line in made] == ["calculated", "calculated"]
    lines(
        caller, order, {"origin_id": "2", "quantity": "1"}, {"origin_id": "3", "extended_type": "manual", "amount": "5"}
    )
    assert shown(caller, order)["grand_total"] == "16.01"
    assert caller("DELETE", f"{BASE}/{order}/line_items/{made[0]['id']}?project_id={caller.p1}").status == 200
    assert shown(caller, order)["revised_contract"] == "15.00"


def test_amount_contracts_carry_amounts_only_and_keep_their_method_once_lines_exist() -> None:
    caller = Caller()
    order = caller.order(accounting_method="amount")
    line = lines(caller, order, {"origin_id": "1", "amount": "12.345", "quantity": "9", "unit_cost": "9"})["entities"][
        0
    ]
    assert (line["amount"], line["quantity"], line["extended_type"]) == ("12.35", None, "manual")
    body = {"project_id": caller.p1, "purchase_order_contract": {"accounting_method": "unit"}}
    assert caller("PATCH", f"{BASE}/{order}", body).status == 400


def test_the_wbs_code_wins_and_an_unbudgeted_code_gets_a_marked_zero_budget_line() -> None:
    caller = Caller()
    order = caller.order()
    before = {b["wbs_code"]["flat_code"] for b in budget(caller)}
    made = lines(caller, order, {"origin_id": "1", "amount": "1", **coded(caller, "03", "L")})["entities"][0]
    assert made["wbs_code"]["flat_code"] == "03.L"
    new = [b for b in budget(caller) if b["wbs_code"]["flat_code"] not in before]
    assert [(b["wbs_code"]["flat_code"], b["original_budget_amount"]) for b in new] == [("03.L", "0.00")]
    row = {"origin_id": "1", "wbs_code_id": made["wbs_code"]["id"], **coded(caller)}
    assert lines(caller, order, row)["entities"][0]["wbs_code"]["flat_code"] == "03.L"
    view = caller("GET", f"/rest/v1.0/budget_views?project_id={caller.p1}").body[0]["id"]
    at = f"/rest/v1.0/budget_views/{view}/detail_rows?project_id={caller.p1}&budget_row_type=unbudgeted"
    assert "03 - Concrete" in {row["cost_code"] for row in caller("GET", at).body}


def test_units_and_codes_of_a_line_must_exist() -> None:
    caller = Caller()
    order = caller.order()
    rows = ({"uom": "FURLONG"}, {"cost_code_id": 1, "line_item_type_id": 2}, {"wbs_code_id": 3}, {"quantity": "many"})
    said = lines(caller, order, *rows)
    wrong = [sorted(row["errors"]) for row in said["errors"]]
    assert wrong == [["uom"], ["cost_code_id", "line_item_type_id"], ["wbs_code_id"], ["quantity"]]
    assert shown(caller, order)["line_items"] == []


def test_a_line_origin_id_belongs_to_one_contract() -> None:
    caller = Caller()
    first, second = caller.order("10^A"), caller.order("10^B")
    lines(caller, first, {"origin_id": "L", "amount": "1"})
    assert lines(caller, second, {"origin_id": "L", "amount": "1"})["errors"][0]["errors"] == {
        "origin_id": ["has already been taken"]
    }


def test_approved_freezes_lines_vendor_and_deletion_until_it_is_draft_again() -> None:
    caller = Caller()
    order = caller.order()
    line = lines(caller, order, {"origin_id": "1", "amount": "10"})["entities"][0]["id"]
    assert status(caller, order, "Approved").status == 200
    frozen = lines(caller, order, {"origin_id": "1", "amount": "11"}, {"origin_id": "2", "amount": "1"})
    assert len(frozen["errors"]) == 2
    assert caller("DELETE", f"{BASE}/{order}/line_items/{line}?project_id={caller.p1}").status == 400
    assert caller("DELETE", f"{BASE}/{order}?project_id={caller.p1}").status == 400
    vendor = {"project_id": caller.p1, "purchase_order_contract": {"vendor_id": caller.vendor("Bolt")}}
    assert caller("PATCH", f"{BASE}/{order}", vendor).status == 400
    title = {"project_id": caller.p1, "purchase_order_contract": {"title": "still free"}}
    assert caller("PATCH", f"{BASE}/{order}", title).body["grand_total"] == "10.00"
    status(caller, order, "Draft")
    assert lines(caller, order, {"origin_id": "1", "amount": "11"})["errors"] == []


def test_without_the_switch_approved_freezes_nothing() -> None:
    caller = Caller(ProcoreSwitches(approved_freezes_lines=False))
    order = caller.order(status="Approved")
    assert lines(caller, order, {"origin_id": "1", "amount": "11"})["errors"] == []


def test_a_deleted_contract_is_listed_on_demand_and_frees_its_origin_ids() -> None:
    caller = Caller()
    order = caller.order("10^PO1")
    lines(caller, order, {"origin_id": "L", "amount": "1"})
    assert caller("DELETE", f"{BASE}/{order}?project_id={caller.p1}").status == 200
    at = f"{BASE}?project_id={caller.p1}"
    assert order not in [o["id"] for o in caller("GET", at).body]
    gone = caller("GET", f"{at}&filters[include_deleted]=only").body
    assert [(o["id"], o["deleted_at"] is None) for o in gone] == [(order, False)]
    assert caller("GET", f"{BASE}/{order}?project_id={caller.p1}").status == 404
    again = caller.order("10^PO1")
    assert again != order
    assert lines(caller, again, {"origin_id": "L", "amount": "1"})["errors"] == []


@pytest.mark.parametrize(("on", "shown_rate"), [(True, "1.1"), (False, None)])
def test_currency_is_taken_only_with_the_multi_currency_phase(on: bool, shown_rate: str | None) -> None:
    caller = Caller(ProcoreSwitches(multi_currency=on))
    row = {"title": "t", "currency_iso_code": "EUR", "currency_exchange_rate": 1.1}
    made = caller("POST", BASE, {"project_id": caller.p1, "purchase_order_contract": row}).body
    assert made["currency_configuration"] == {
        "currency_iso_code": "EUR" if on else "USD",
        "currency_exchange_rate": shown_rate,
        "base_currency_iso_code": "USD" if on else None,
    }


def test_change_orders_move_the_contract_by_their_status_and_freeze_when_approved() -> None:
    caller = Caller()
    order = caller.order(accounting_method="amount")
    made = lines(caller, order, {"origin_id": "1", "amount": "100", **coded(caller)})["entities"][0]
    base = f"/rest/v1.0/projects/{caller.p1}/commitment_change_orders"
    body = {"contract_id": order, "number": "001", "reference": "R", "title": "More"}
    change = caller("POST", base, {"change_order": body}).body["id"]
    assert caller("POST", base, {"change_order": body}).status == 201
    at = f"/rest/v2.0/companies/{COMPANY}/projects/{caller.p1}/commitment_change_orders/{change}/line_items"
    line = {"wbs_code_id": str(made["wbs_code"]["id"]), "amount": "25.50", "commitment_line_item_id": str(made["id"])}
    assert caller("POST", at, line).status == 200
    seen = []
    for value in ("draft", "pending", "approved", "void"):
        assert caller("PATCH", f"{base}/{change}", {"change_order": {"status": value}}).body["grand_total"] == "25.50"
        found = shown(caller, order)
        seen.append((found["draft_change_orders_amount"], found["pending_revised_contract"], found["revised_contract"]))
    assert seen == [
        ("25.50", "100.00", "100.00"),
        ("0.00", "125.50", "100.00"),
        ("0.00", "125.50", "125.50"),
        ("0.00", "100.00", "100.00"),
    ]
    caller("PATCH", f"{base}/{change}", {"change_order": {"status": "approved"}})
    assert caller("POST", at, line).status == 400
    packages = caller("GET", f"/rest/v1.0/change_order_packages?project_id={caller.p1}&contract_id={order}").body
    assert [(p["contract_id"], p["status"]) for p in packages] == [(order, "approved"), (order, "draft")]


def test_a_locked_budget_keeps_its_amounts_and_a_code_is_budgeted_once() -> None:
    caller = Caller()
    line = next(b for b in budget(caller) if b["original_budget_amount"] == "5000.00")
    body = {"wbs_code_id": int(line["wbs_code"]["id"]), "original_budget_amount": 6000.5}
    again = caller("POST", "/rest/v1.1/budget_line_items", {"project_id": caller.p1, "budget_line_item": body})
    assert (again.status, again.body["message"]) == (400, "wbs_code_id: This Budget Code already exists")
    row = {"id": int(line["id"]), **body}
    said = caller("POST", "/rest/v1.0/budget_line_items/sync", {"project_id": caller.p1, "budget_line_items": [row]})
    assert b'"original_budget_amount":6000.50,' in said.raw.body
    caller.face.acts["lock_budget"]({"project_id": "P1"})
    row["original_budget_amount"] = 1
    said = caller("POST", "/rest/v1.0/budget_line_items/sync", {"project_id": caller.p1, "budget_line_items": [row]})
    assert said.status == 422
    assert set(said.body) == {"message", "error"}


def test_committed_costs_follow_the_contract_status() -> None:
    caller = Caller()
    order = caller.order()
    lines(caller, order, {"origin_id": "1", "amount": "40", **coded(caller, "03-310", "L")})
    line = next(b["id"] for b in budget(caller) if b["original_budget_amount"] == "5000.00")
    seen = []
    for value in ("Draft", "Processing", "Approved", "Closed"):
        status(caller, order, value)
        found = caller("GET", f"/rest/v1.0/budget_line_items/{line}?project_id={caller.p1}").body
        seen.append((found["committed_costs"], found["pending_cost_changes"]))
    assert seen == [(0, 0), (0, 40), (40, 0), (0, 0)]


def test_people_type_edit_and_delete_orders_and_add_what_is_missing() -> None:
    caller = Caller()
    acts = caller.face.acts
    typed = [{"code": "03-310", "type": "M", "description": "d", "quantity": 2, "unit_cost": "1.5"}]
    given = {"project_id": "P1", "order_number": "X-9", "title": "By hand", "vendor": "Bolt", "lines": typed}
    order = acts["type_order"](given)["id"]
    assert (shown(caller, order)["grand_total"], shown(caller, order)["origin_id"]) == ("3.00", None)
    acts["edit_order"]({"id": order, "title": "Changed", "number": "X-10"})
    acts["set_order_status"]({"order_number": "X-10", "status": "Approved"})
    assert [shown(caller, order)[name] for name in ("title", "number", "status")] == ["Changed", "X-10", "Approved"]
    with pytest.raises(ValueError, match="approved"):
        acts["delete_order"]({"id": order})
    acts["set_order_status"]({"id": order, "status": "Draft"})
    acts["delete_order"]({"id": order})
    assert shown(caller, order)["message"] == "Entity with this ID not found"
    acts["rename_vendor"]({"name": "Bolt", "to": "Bolt & Sons"})
    assert caller.vendor("Bolt & Sons")
    acts["add_cost_code"]({"number": "24-001", "code": "07-200", "name": "Roofing"})
    assert "07-200" in caller.codes()
    new = acts["add_project"]({"number": "24-009", "name": "New yard", "ifs_project_id": "P9"})
    assert caller.face.project_ids["P9"] == new["id"]
    assert caller("GET", f"/rest/v1.0/cost_codes?project_id={new['id']}").status == 404
    acts["permit_project"]({"project_id": "P9"})
    assert caller("GET", f"/rest/v1.0/cost_codes?project_id={new['id']}").body == []


def test_an_answer_says_whether_it_changed_anything() -> None:
    caller = Caller()
    assert caller("GET", f"{BASE}?project_id={caller.p1}").raw.changed is False
    body = {"project_id": caller.p1, "updates": [{"origin_id": "1", "status": "Open"}]}
    assert caller("PATCH", f"{BASE}/sync", body).raw.changed is False
    body["updates"][0]["status"] = "Draft"
    assert caller("PATCH", f"{BASE}/sync", body).raw.changed is True


@pytest.mark.parametrize("approved", [False, True])
def test_a_change_order_line_can_make_its_contract_line(approved: bool) -> None:
    caller = Caller()
    order = caller.order()
    lines(caller, order, {"origin_id": "1", "quantity": "2", "unit_cost": "5", **coded(caller)})
    if approved:
        status(caller, order, "Approved")
    at = f"/rest/v1.0/projects/{caller.p1}/commitment_change_orders"
    change = caller("POST", at, {"change_order": {"contract_id": order, "title": "More"}}).body["id"]
    at = f"/rest/v2.0/companies/{COMPANY}/projects/{caller.p1}/commitment_change_orders/{change}/line_items"
    wbs = shown(caller, order)["line_items"][0]["wbs_code"]["id"]
    row = {"wbs_code_id": str(wbs), "amount": "40.00", "description": "Extra", "commitment_line_item_id": "new"}
    made = caller("POST", at, row).body["data"]
    contract = shown(caller, order)
    new = contract["line_items"][1]
    assert made["commitment_line_item_id"] == str(new["id"])
    assert (new["amount"], new["description"], new["wbs_code"]["id"]) == ("0.00", "Extra", wbs)
    assert (contract["grand_total"], contract["draft_change_orders_amount"]) == ("10.00", "40.00")
    caller.face.switches.change_order_new_line = False
    assert caller("POST", at, row).status == 400
    assert len(shown(caller, order)["line_items"]) == 2


def test_a_package_is_the_change_order_under_another_id() -> None:
    caller = Caller()
    order = caller.order(accounting_method="amount")
    base = "/rest/v1.0/change_order_packages"

    def send(method: str, at: str, contract: int = order, **row: Any) -> Said:
        return caller(method, at, {"project_id": caller.p1, "contract_id": contract, "change_order": row})

    made = send("POST", base, title="More", origin_id="10^C1").body
    assert send("POST", base, title="Twin", origin_id="10^C1").status == 400
    assert send("POST", base, title="Sum", grand_total="5.00").status == 400
    assert send("POST", base, contract=5, title="Nowhere").status == 400
    (change,) = caller("GET", f"/rest/v1.0/projects/{caller.p1}/commitment_change_orders").body
    assert (change["legacy_package_id"], change["id"] == made["id"]) == (made["id"], False)
    wbs = caller("GET", f"/rest/v1.0/projects/{caller.p1}/work_breakdown_structure/wbs_codes").body[0]["id"]
    at = f"/rest/v2.0/companies/{COMPANY}/projects/{caller.p1}/commitment_change_orders/{change['id']}/line_items"
    caller("POST", at, {"wbs_code_id": str(wbs), "amount": "30.00"})
    assert send("PATCH", f"{base}/{made['id']}", status="approved").body["grand_total"] == "30.00"
    assert shown(caller, order)["revised_contract"] == "30.00"
    second = send("POST", base, title="Less").body
    assert (second["number"], second["position"], second["origin_id"]) == ("002", 2, None)
    assert send("PATCH", f"{base}/{second['id']}", origin_id="10^C1").status == 400
    assert send("PATCH", f"{base}/{made['id']}", origin_id="10^C2").body["origin_id"] == "10^C2"
    assert send("PATCH", f"{base}/{second['id']}", origin_id="10^C1").status == 200
