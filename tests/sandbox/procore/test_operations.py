"""Every served operation is driven once, and each answer is held against the contract by two validators."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator

from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.contract_kinds import KINDS
from ml_connector.sandbox.procore.coverage import COVERAGE
from ml_connector.sandbox.procore.requisition_shapes import ONLY_IN
from ml_connector.sandbox.procore.routing import ROUTES
from sandbox.contract_check import validate_exchange

from .company import COMPANY, Caller
from .money_stories import STORIES as MONEY

V2 = f"/rest/v2.0/companies/{COMPANY}/projects"
# facts/procore.md 2, empty vs absent: v2 leaves out what does not apply to the kind of contract or to an amount line.
ABSENT_IN_V2 = ("data[].", "data.")


class Walk:
    """Calls the face and keeps what was said, by operation."""

    def __init__(self) -> None:
        self.caller = Caller()
        self.done: set[str] = set()
        self.problems: list[str] = []

    def __call__(self, method: str, target: str, body: Any = None) -> Any:
        said = self.caller(method, target, body)
        path = target.split("?")[0]
        operation = contract().find(method, path)
        assert operation is not None, f"{method} {path}"
        assert said.status < 300, f"{method} {target}: {said.status} {said.body}"
        sent = b"" if body is None else json.dumps(body).encode()
        found = validate_exchange(method, target, sent, said.status, said.raw.body)
        found += [
            f"{m} is left out"
            for m in contract().missing_members(operation, said.status, said.body)
            if not _may_miss(m)
        ]
        found += _second_opinion(operation.answer(said.status), said.body)
        if said.raw.changed is (method == "GET"):
            found.append(f"says that it changed {'something' if said.raw.changed else 'nothing'}")
        self.problems += [f"{method} {target}: {text}" for text in found]
        self.done.add(f"{method} {operation.template}")
        return said.body


def _may_miss(member: str) -> bool:
    return member.startswith(ABSENT_IN_V2) or member.removeprefix("[].") in ONLY_IN


def _second_opinion(schema: Any, body: Any) -> list[str]:
    if schema is None:
        return []
    whole = {**_nullable(schema), "components": {"schemas": _nullable(contract().schemas)}}
    return [error.message for error in OAS30Validator(whole).iter_errors(body)][:3]


def _nullable(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_nullable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _nullable(part) for key, part in schema.items() if key != "required"}
    if isinstance(schema.get("type"), str):
        made["nullable"] = True
        if "enum" in schema:
            made["enum"] = [*schema["enum"], None]
    elif "$ref" in schema:
        made = {"anyOf": [made, {"type": "object", "nullable": True, "enum": [None]}]}
    return made


def directory(walk: Walk) -> None:
    p = walk.caller.p1
    at = f"company_id={COMPANY}"
    vendor = walk("POST", "/rest/v1.0/vendors", {"company_id": COMPANY, "vendor": {"name": "New One"}})["id"]
    walk(
        "PATCH", f"/rest/v1.0/vendors/{vendor}", {"company_id": COMPANY, "vendor": {"name": "New One", "city": "Kent"}}
    )
    walk("GET", f"/rest/v1.0/vendors/{vendor}?{at}")
    walk("GET", f"/rest/v1.0/vendors?{at}&filters[search]=new")
    walk("GET", f"/rest/v1.1/vendors?{at}&view=minimal")
    walk(
        "PATCH",
        f"/rest/v1.0/vendors/{vendor}",
        {"company_id": COMPANY, "vendor": {"name": "New One", "is_active": False}},
    )
    inactive = f"/rest/v1.0/companies/{COMPANY}/vendors/inactive"
    assert [row["id"] for row in walk("GET", inactive)] == [vendor]
    assert walk("PATCH", f"{inactive}/{vendor}")["is_active"] is True
    row = {
        "origin_id": "10^V1",
        "name": "Synced",
        "business_register_attributes": {"type": "ein", "identifier": "98-7654321"},
    }
    walk("PATCH", "/rest/v1.0/vendors/sync", {"company_id": COMPANY, "updates": [row]})
    register = {"business_register": {"type": "ein", "identifier": "111111111"}}
    walk("POST", f"/rest/v1.0/vendors/{vendor}/business_register?{at}", register)
    walk("PATCH", f"/rest/v1.0/vendors/{vendor}/business_register?{at}", register)
    of_project = f"/rest/v1.1/projects/{p}/vendors"
    walk("POST", f"{of_project}/{vendor}/actions/add")
    walk("GET", f"{of_project}?view=extended")
    walk("GET", f"{of_project}/{vendor}")
    walk("PATCH", f"{of_project}/{vendor}", {"vendor": {"notes": "n"}})
    walk("DELETE", f"{of_project}/{vendor}/actions/remove")
    walk("POST", of_project, {"vendor": {"name": "Born in the project"}})


def company(walk: Walk) -> None:
    at, p = f"company_id={COMPANY}", walk.caller.p1
    walk("GET", "/rest/v1.0/companies")
    walk("GET", "/rest/v1.0/me")
    walk("GET", f"/rest/v1.0/companies/{COMPANY}/me")
    walk("GET", f"/rest/v1.0/projects?{at}")
    for view in ("ids", "compact", "normal", "extended"):
        walk("GET", f"/rest/v1.1/projects?{at}&view={view}")
    walk("GET", f"/rest/v1.0/projects/{p}?{at}")
    base = f"/rest/v1.0/companies/{COMPANY}"
    category = walk("GET", f"{base}/uom_categories")[0]["id"]
    walk("PATCH", f"{base}/uoms/sync", {"updates": [{"name": "PALLET", "uom_category_id": category}]})
    walk("GET", f"{base}/uoms?per_page=100")
    walk("GET", f"{base}/currency_configuration")
    walk("GET", f"{base}/projects/{p}/currency_configuration")
    walk("GET", f"/rest/v1.0/tax_codes?{at}")
    walk("GET", f"/rest/v1.0/sub_jobs?project_id={p}")
    standard = walk("GET", f"/rest/v1.0/standard_cost_code_lists?{at}")[0]["id"]
    walk("GET", f"/rest/v1.0/standard_cost_codes?{at}&standard_cost_code_list_id={standard}&view=extended")


def codes(walk: Walk) -> None:
    p, at = walk.caller.p1, f"company_id={COMPANY}"
    row = {"code": "09", "name": "Finishes", "origin_id": "10^09"}
    made = walk("PATCH", f"/rest/v1.0/cost_codes/sync?project_id={p}", {"updates": [row]})["entities"][0]["id"]
    child = {"project_id": p, "cost_code": {"code": "900", "name": "Paint", "parent_id": made}}
    code = walk("POST", "/rest/v1.0/cost_codes", child)["id"]
    walk("PATCH", f"/rest/v1.0/cost_codes/{code}", {"project_id": p, "cost_code": {"code": "900", "name": "Coat"}})
    walk("GET", f"/rest/v1.0/cost_codes/{code}?project_id={p}")
    walk("GET", f"/rest/v1.0/cost_codes?project_id={p}")
    kind = {"name": "Rent", "csv_import_code": "R", "base_type": "equipment"}
    made = walk("POST", "/rest/v1.0/line_item_types", {"company_id": COMPANY, "line_item_type": kind})["id"]
    walk("PATCH", f"/rest/v1.0/line_item_types/{made}", {"company_id": COMPANY, "line_item_type": {"name": "Rental"}})
    row = {"origin_id": "10^O", "csv_import_code": "O", "name": "Other", "base_type": "other"}
    walk("PATCH", "/rest/v1.0/line_item_types/sync", {"company_id": COMPANY, "updates": [row]})
    walk("GET", f"/rest/v1.0/line_item_types/{made}?{at}")
    walk("GET", f"/rest/v1.0/line_item_types?{at}&project_id={p}")


def wbs(walk: Walk) -> None:
    at_company = f"/rest/v1.0/companies/{COMPANY}/work_breakdown_structure"
    base = f"/rest/v1.0/projects/{walk.caller.p1}/work_breakdown_structure"
    walk("GET", f"{at_company}/patterns")
    walk("GET", f"{base}/patterns")
    walk("GET", f"{at_company}/segments")
    segments = {s["type"]: s["id"] for s in walk("GET", f"{base}/segments")}
    walk("GET", f"{at_company}/segments/{segments['cost_code']}")
    walk("GET", f"{base}/segments/{segments['cost_code']}")
    items = f"segments/{segments['cost_code']}/segment_items"
    types = f"segments/{segments['line_item_type']}/segment_items"
    walk("GET", f"{at_company}/{items}")
    walk("POST", f"{at_company}/{types}", {"code": "X", "name": "Extra"})
    code = walk("POST", f"{base}/{items}", {"code": "11", "name": "Crane"})["id"]
    walk("GET", f"{base}/{items}")
    kind = walk("GET", f"{base}/{types}")[0]["id"]
    pair = [
        {"segment_id": segments["cost_code"], "segment_item_id": code},
        {"segment_id": segments["line_item_type"], "segment_item_id": kind},
    ]
    made = walk("POST", f"{base}/wbs_codes", {"segment_items": pair})
    again = walk("PATCH", f"{base}/wbs_codes/bulk_create", {"bulk": [{"description": "Again", "segment_items": pair}]})
    assert (again["entities"][0]["id"], again["entities"][0]["description"]) == (made["id"], "Again")
    walk("PATCH", f"{base}/wbs_codes/{made['id']}", {"status": "inactive"})
    walk("GET", f"{base}/wbs_codes?filters[status][]=active")


def orders(walk: Walk) -> None:
    for kind in KINDS:
        contracts(walk, kind.name)


def contracts(walk: Walk, kind: str) -> None:
    p, base = walk.caller.p1, f"/rest/v1.0/{kind}s"
    known = walk.caller.codes()
    made = walk("POST", base, {"project_id": p, kind: {"title": "T", "accounting_method": "unit"}})["id"]
    walk("PATCH", f"{base}/{made}", {"project_id": p, kind: {"title": "U"}})
    walk("PATCH", f"{base}/sync", {"project_id": p, "updates": [{"origin_id": "10^PO9", "title": "S"}]})
    code = {"cost_code_id": known["03-310"], "line_item_type_id": known["M"]}
    row = {"origin_id": f"L {kind}", "quantity": "2", "unit_cost": "5", "uom": "EA", **code}
    walk("PATCH", f"{base}/{made}/line_items/sync?project_id={p}", {"updates": [row]})
    line = walk("POST", f"{base}/{made}/line_items", {"project_id": p, "line_item": {"amount": "7.00"}})["id"]
    walk("PATCH", f"{base}/{made}/line_items/{line}", {"project_id": p, "line_item": {"description": "d"}})
    walk("GET", f"{base}/{made}/line_items/{line}?project_id={p}")
    walk("GET", f"{base}/{made}/line_items?project_id={p}")
    walk("GET", f"{base}/{made}?project_id={p}")
    walk("GET", f"{base}?project_id={p}")
    walk("GET", f"{base}?project_id={p}&view=extended")
    walk("GET", "/rest/v1.0/commitments?project_id=" + str(p))
    v2 = f"{V2}/{p}/commitment_contracts"
    walk("GET", f"{v2}?view=extended")
    walk("GET", f"{v2}/{made}")
    walk("GET", f"{v2}/{made}/summary")
    walk("GET", f"{v2}/{made}/line_items")
    walk("GET", f"{v2}/{made}/line_items/{line}")
    change_orders(walk, made)
    walk("DELETE", f"{base}/{made}/line_items/{line}?project_id={p}")
    walk("DELETE", f"{base}/{made}?project_id={p}")


def change_orders(walk: Walk, order: int) -> None:
    p = walk.caller.p1
    base = f"/rest/v1.0/projects/{p}/commitment_change_orders"
    made = walk("POST", base, {"change_order": {"contract_id": order, "title": "More"}})["id"]
    walk("PATCH", f"{base}/{made}", {"change_order": {"status": "pending"}})
    walk("GET", f"{base}/{made}")
    walk("GET", base)
    walk("GET", f"/rest/v1.0/change_order_packages?project_id={p}&contract_id={order}")
    lines = f"{V2}/{p}/commitment_change_orders/{made}/line_items"
    wbs_code = walk("GET", f"/rest/v1.0/projects/{p}/work_breakdown_structure/wbs_codes")[0]["id"]
    line = walk("POST", lines, {"wbs_code_id": str(wbs_code), "amount": "9.00"})["data"]["id"]
    walk("PATCH", f"{lines}/{line}", {"amount": "8.00"})
    walk("GET", lines)
    walk("DELETE", f"{lines}/{line}")


def budget(walk: Walk) -> None:
    p, base = walk.caller.p1, "/rest/v1.0/budget_line_items"
    known = walk.caller.codes()
    pair = {"cost_code_id": known["03"], "line_item_type_id": known["L"]}
    made = walk("POST", base, {"project_id": p, "budget_line_item": {**pair, "original_budget_amount": 10.5}})["id"]
    walk("GET", f"{base}/{made}?project_id={p}")
    walk("PATCH", f"{base}/{made}", {"project_id": p, "budget_line_item": {"original_budget_amount": 11}})
    free = [w["id"] for w in walk("GET", f"/rest/v1.0/projects/{p}/work_breakdown_structure/wbs_codes")]
    taken = {b["wbs_code"]["id"] for b in walk("GET", f"{V2}/{p}/budget_line_items?per_page=100")["data"]}
    code = next(w for w in free if str(w) not in taken)
    v11 = "/rest/v1.1/budget_line_items"
    line = walk(
        "POST", v11, {"project_id": p, "budget_line_item": {"wbs_code_id": code, "original_budget_amount": 1.25}}
    )
    walk("PATCH", f"{v11}/{line['id']}", {"project_id": p, "budget_line_item": {"original_budget_amount": 2}})
    walk("GET", f"{v11}/{line['id']}?project_id={p}")
    row = {"id": line["id"], "wbs_code_id": code, "original_budget_amount": 3}
    walk("POST", f"{base}/sync", {"project_id": p, "budget_line_items": [row]})
    view = walk("GET", f"/rest/v1.0/budget_views?project_id={p}")[0]["id"]
    walk("GET", f"/rest/v1.0/projects/{p}/budget")
    walk("POST", f"/rest/v1.0/projects/{p}/budget/lock")
    walk("DELETE", f"/rest/v1.0/projects/{p}/budget/lock")
    rows = walk.caller("GET", f"/rest/v1.0/budget_views/{view}/detail_rows?project_id={p}")
    assert rows.status == 200
    assert {"Committed Costs", "wbs_code_id"} <= set(rows.body[0])
    walk.done.add("GET /rest/v1.0/budget_views/{budget_view_id}/detail_rows")
    walk("DELETE", f"{V2}/{p}/budget_line_items/{line['id']}")


@pytest.fixture(scope="module")
def walk() -> Walk:
    walked = Walk()
    stories: tuple[Callable[[Walk], None], ...] = (company, directory, codes, wbs, orders, budget, *MONEY)
    for story in stories:
        story(walked)
    return walked


def test_every_answer_is_as_the_contract_says(walk: Walk) -> None:
    assert walk.problems == []


def test_every_modelled_operation_is_driven(walk: Walk) -> None:
    assert {f"{r.method} {r.path}" for r in ROUTES} - walk.done == set()


def test_the_coverage_table_names_every_route_once() -> None:
    modelled = [operation for operation, state, _ in COVERAGE if state == "modelled" and "/oauth/" not in operation]
    assert sorted(modelled) == sorted(f"{r.method} {r.path}" for r in ROUTES)


def test_the_check_sees_what_is_undocumented() -> None:
    path = f"/rest/v1.0/vendors?company_id={COMPANY}&colour=red"
    assert validate_exchange("GET", path, b"", 200, b"[]") == ["query parameter colour is not documented"]
    sent = json.dumps({"company_id": COMPANY, "updates": [{"nom": "x"}]}).encode()
    assert validate_exchange("PATCH", "/rest/v1.0/vendors/sync", sent, 200, b"{}") == [
        "updates[0].nom is not documented"
    ]
    assert validate_exchange("GET", path[:-11], b"", 200, b'[{"id":"12"}]') == ["[0].id must be integer"]
