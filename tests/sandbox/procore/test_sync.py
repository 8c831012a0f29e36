"""The sync engine: who is made, who is changed, and what becomes an error row."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ml_connector.sandbox.procore.switches import ProcoreSwitches

from .company import COMPANY, Caller


def vendors(caller: Caller, *rows: dict[str, Any]) -> Any:
    said = caller("PATCH", "/rest/v1.0/vendors/sync", {"company_id": COMPANY, "updates": list(rows)})
    assert said.status == 200
    return said.body


def orders(caller: Caller, project: int, *rows: dict[str, Any]) -> Any:
    said = caller("PATCH", "/rest/v1.0/purchase_order_contracts/sync", {"project_id": project, "updates": list(rows)})
    assert said.status == 200
    return said.body


def test_an_unknown_origin_id_makes_and_a_known_one_changes() -> None:
    caller = Caller()
    made = vendors(caller, {"origin_id": "10^1", "name": "A", "city": "Akron"})["entities"][0]
    changed = vendors(caller, {"origin_id": "10^1", "name": "B"})["entities"][0]
    assert (changed["id"], changed["name"], changed["city"]) == (made["id"], "B", "Akron")
    found = caller("GET", f"/rest/v1.0/vendors?company_id={COMPANY}&filters[origin_id]=10^1").body
    assert [v["id"] for v in found] == [made["id"]]


def test_a_row_without_ids_makes_a_record_each_time() -> None:
    caller = Caller()
    both = vendors(caller, {"name": "Twin"}, {"name": "Twin"})["entities"]
    assert both[0]["id"] != both[1]["id"]


def test_an_unknown_id_is_an_error_row_and_the_others_go_through() -> None:
    said = vendors(Caller(), {"id": 5, "name": "X"}, {"origin_id": "10^2", "name": "Y"})
    assert said["errors"] == [{"id": 5, "name": "X", "errors": {"id": ["Entity with this ID not found"]}}]
    assert [v["name"] for v in said["entities"]] == ["Y"]


def test_the_id_finds_the_row_and_overwrites_its_origin_id() -> None:
    caller = Caller()
    bolt = caller.vendor("Bolt")
    vendors(caller, {"id": bolt, "origin_id": "10^OLD"})
    vendors(caller, {"id": bolt, "origin_id": "10^NEW"})
    again = vendors(caller, {"origin_id": "10^OLD", "name": "Free again"})["entities"][0]
    assert again["id"] != bolt
    taken = vendors(caller, {"id": again["id"], "origin_id": "10^NEW"})
    assert taken["errors"][0]["errors"] == {"origin_id": ["has already been taken"]}


def test_an_origin_id_is_unique_in_the_company_and_not_only_in_the_project() -> None:
    caller = Caller()
    caller.order("10^PO1")
    said = orders(caller, caller.p2, {"origin_id": "10^PO1", "title": "same"})
    assert said["entities"] == []
    assert said["errors"][0]["errors"] == {"origin_id": ["has already been taken"]}
    assert vendors(caller, {"origin_id": "10^PO1", "name": "other type"})["errors"] == []


def test_an_order_row_ignores_its_id_and_undocumented_keys_unless_switched() -> None:
    caller = Caller()
    first = caller.order("10^PO1")
    row = {"id": first, "origin_id": "10^PO2", "title": "t", "currency_iso_code": "EUR", "colour": "red"}
    second = orders(caller, caller.p1, row)["entities"][0]
    assert second["id"] != first
    assert second["currency_configuration"]["currency_iso_code"] == "USD"
    caller.face.switches.po_sync_accepts_id = True
    assert orders(caller, caller.p1, {"id": first, "title": "by id"})["entities"][0]["id"] == first


def test_wrong_types_and_wrong_values_are_error_rows() -> None:
    caller = Caller()
    said = orders(
        caller,
        caller.p1,
        {"origin_id": "1", "title": 7},
        {"origin_id": "2", "status": "Open"},
        {"origin_id": "3", "vendor_id": 9},
        {"origin_id": "4", "vendor_id": caller.vendor("Acme Steel")},
    )
    assert [list(row["errors"]) for row in said["errors"]] == [["title"], ["status"], ["vendor_id"], ["vendor_id"]]
    assert said["errors"][3]["errors"]["vendor_id"] == ["is not in the project directory"]
    assert said["entities"] == []
    at = f"/rest/v1.1/projects/{caller.p1}/vendors/{caller.vendor('Acme Steel')}/actions/add"
    assert caller("POST", at).status == 201
    assert orders(caller, caller.p1, {"origin_id": "4", "vendor_id": caller.vendor("Acme Steel")})["errors"] == []


def test_more_rows_than_the_limit_are_refused_whole() -> None:
    caller = Caller(ProcoreSwitches(sync_row_limit=2))
    order = caller.order()
    rows = [{"name": str(i)} for i in range(3)]
    body = {"company_id": COMPANY, "updates": rows}
    assert caller("PATCH", "/rest/v1.0/vendors/sync", body).status == 400
    at = f"/rest/v1.0/purchase_order_contracts/{order}/line_items/sync?project_id={caller.p1}"
    assert caller("PATCH", at, {"updates": [{"description": "d"}] * 3}).status == 413


def test_an_unchanged_row_leaves_updated_at_alone() -> None:
    caller = Caller()
    made = vendors(caller, {"origin_id": "10^1", "name": "A"})["entities"][0]
    caller.clock.advance(timedelta(minutes=1))
    assert vendors(caller, {"origin_id": "10^1", "name": "A"})["entities"][0]["updated_at"] == made["updated_at"]
    assert vendors(caller, {"origin_id": "10^1", "name": "B"})["entities"][0]["updated_at"] > made["updated_at"]


def test_a_malformed_date_becomes_null_without_a_word() -> None:
    caller = Caller()
    made = orders(caller, caller.p1, {"origin_id": "1", "contract_date": "soon", "delivery_date": "2026-05-01"})
    assert made["errors"] == []
    assert (made["entities"][0]["contract_date"], made["entities"][0]["delivery_date"]) == (None, "2026-05-01")


def test_cost_codes_form_a_tree_and_rename_their_branch() -> None:
    caller = Caller()
    at = f"/rest/v1.0/cost_codes/sync?project_id={caller.p1}"
    top = caller("PATCH", at, {"updates": [{"origin_id": "c", "code": "20", "name": "Top"}]}).body["entities"][0]["id"]
    row = {"origin_id": "d", "code": "100", "name": "Leaf", "parent_id": top}
    assert caller("PATCH", at, {"updates": [row]}).body["entities"][0]["full_code"] == "20-100"
    again = caller("PATCH", at, {"updates": [{"code": "100", "name": "Twice", "parent_id": top}, {"code": "x"}]}).body
    assert [row["errors"] for row in again["errors"]] == [
        {"code": ["has already been taken"]},
        {"name": ["can't be blank"]},
    ]
    caller("PATCH", at, {"updates": [{"origin_id": "c", "code": "21"}]})
    assert "21-100" in caller.codes()


def test_erp_mode_leaves_cost_codes_to_sync() -> None:
    caller = Caller(ProcoreSwitches(erp_integrated=True))
    body = {"project_id": caller.p1, "cost_code": {"code": "30", "name": "n"}}
    assert caller("POST", "/rest/v1.0/cost_codes", body).status == 403
    at = f"/rest/v1.0/cost_codes/sync?project_id={caller.p1}"
    assert caller("PATCH", at, {"updates": [{"code": "30", "name": "n"}]}).body["errors"] == []


def test_a_country_is_two_capital_letters_and_a_register_needs_both_parts() -> None:
    said = vendors(
        Caller(),
        {"name": "A", "country_code": "USA"},
        {"name": "B", "business_register_attributes": {"type": "ein"}},
        {"name": "C", "business_register_attributes": {"type": "ein", "identifier": "12 345-6789"}},
    )
    assert [list(row["errors"]) for row in said["errors"]] == [["country_code"], ["business_register"]]
    assert said["entities"][0]["business_register"]["identifier"] == "123456789"
