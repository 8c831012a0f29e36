"""Subcontracts (work order contracts): what they share with purchase order contracts, and what is theirs alone."""

from __future__ import annotations

from typing import Any

import pytest

from .company import COMPANY, Caller, Said
from .test_webhooks import Office

KIND = "work_order_contract"
BASE, ORDERS = f"/rest/v1.0/{KIND}s", "/rest/v1.0/purchase_order_contracts"
LINE = {"code": "03-310", "type": "M", "description": "Slabs", "quantity": 2, "unit_cost": "150.25"}
TYPED = {"project_id": "P1", "order_number": "SC-9", "title": "Slabs", "vendor": "Bolt", "kind": "subcontract"}


def shown(caller: Caller, contract: int) -> Any:
    return caller("GET", f"{BASE}/{contract}?project_id={caller.p1}").body


def change(caller: Caller, contract: int, **row: Any) -> Said:
    return caller("PATCH", f"{BASE}/{contract}", {"project_id": caller.p1, KIND: row})


def lines(caller: Caller, contract: int, *rows: dict[str, Any]) -> Any:
    at = f"{BASE}/{contract}/line_items/sync?project_id={caller.p1}"
    return caller("PATCH", at, {"updates": list(rows)}).body


def typed(caller: Caller, **given: Any) -> int:
    return int(caller.face.acts["type_order"](TYPED | {"lines": [LINE]} | given)["id"])


def test_its_statuses_are_its_own() -> None:
    caller = Caller()
    contract = caller.order(kind=KIND)
    for status in ("Out For Bid", "Out For Signature", "Approved", "Complete", "Terminated", "Void", "Draft"):
        assert change(caller, contract, status=status).body["status"] == status
    for status in ("Submitted", "Closed"):
        assert change(caller, contract, status=status).status == 400
    order = caller.order("10^PO2")
    body = {"project_id": caller.p1, "purchase_order_contract": {"status": "Out For Bid"}}
    assert caller("PATCH", f"{ORDERS}/{order}", body).status == 400


def test_its_fields_are_its_own() -> None:
    caller = Caller()
    contract = caller.order(kind=KIND, contract_start_date="2026-04-01", inclusions="Formwork", delivery_date="x")
    found = shown(caller, contract)
    assert [found[name] for name in ("contract_start_date", "inclusions", "number")] == [
        "2026-04-01", "Formwork", "SC-002",
    ]  # fmt: skip
    assert not {"delivery_date", "assignee", "ship_via"} & found.keys()


def test_each_kind_is_found_under_its_own_path_alone() -> None:
    caller = Caller()
    contract, order = caller.order(kind=KIND), caller.order()
    for base, own, other in ((BASE, contract, order), (ORDERS, order, contract)):
        listed = [row["id"] for row in caller("GET", f"{base}?project_id={caller.p1}").body]
        assert own in listed
        assert other not in listed
        for at in (f"{base}/{other}", f"{base}/{other}/line_items"):
            assert caller("GET", f"{at}?project_id={caller.p1}").status == 404
        assert caller("DELETE", f"{base}/{other}?project_id={caller.p1}").status == 404


def test_an_origin_id_is_unique_within_the_kind_and_a_row_may_name_its_id() -> None:
    caller = Caller()
    order, contract = caller.order("10^X"), caller.order("10^X", KIND)
    assert order != contract
    rows = [{"id": contract, "origin_id": "10^Y"}, {"id": order, "title": "not of this kind"}]
    said = caller("PATCH", f"{BASE}/sync", {"project_id": caller.p1, "updates": rows}).body
    assert [row["id"] for row in said["entities"]] == [contract]
    assert [row["errors"] for row in said["errors"]] == [{"id": ["Entity with this ID not found"]}]
    assert caller.order("10^Y", KIND) == contract
    found = caller("GET", f"{BASE}?project_id={caller.p1}&filters[origin_id]=10^Y").body
    assert [row["id"] for row in found] == [contract]


@pytest.mark.parametrize(("status", "frozen"), [("Approved", True), ("Complete", True), ("Terminated", False)])
def test_approved_and_complete_freeze_its_lines(status: str, frozen: bool) -> None:
    caller = Caller()
    contract = caller.order(kind=KIND, accounting_method="amount")
    lines(caller, contract, {"origin_id": "1", "amount": "10"})
    change(caller, contract, status=status)
    said = lines(caller, contract, {"origin_id": "1", "amount": "11"}, {"origin_id": "2", "amount": "1"})
    assert len(said["errors"]) == (2 if frozen else 0)
    assert shown(caller, contract)["grand_total"] == ("10.00" if frozen else "12.00")
    assert change(caller, contract, origin_id="10^LATE").status == 200


def test_people_type_one_by_amount_and_bill_change_and_pay_it() -> None:
    caller = Caller()
    contract, acts = typed(caller, status="Approved"), caller.face.acts
    found = shown(caller, contract)
    assert [found[name] for name in ("number", "accounting_method", "grand_total", "status", "origin_id")] == [
        "SC-9", "amount", "300.50", "Approved", None,
    ]  # fmt: skip
    (line,) = found["line_items"]
    assert (line["amount"], line["quantity"], line["holder"]["holder_type"]) == ("300.50", None, "WorkOrderContract")
    made = acts["add_requisition"]({"order_number": "SC-9", "share": "0.5"})
    at = f"/rest/v1.1/requisitions/{made['id']}?project_id={caller.p1}"
    billed = caller("GET", at).body
    assert (billed["commitment_id"], billed["commitment_type"]) == (contract, "WorkOrderContract")
    acts["approve_requisition"]({"id": made["id"]})
    acts["enter_payment"]({"order_number": "SC-9", "requisition_id": made["id"]})
    more = [{"code": "03-310", "type": "M", "amount": "25.00"}]
    acts["add_change_order"]({"order_number": "SC-9", "title": "More", "status": "approved", "lines": more})
    names = ("total_requisitions_amount", "total_payments", "revised_contract")
    assert [shown(caller, contract)[name] for name in names] == ["150.25", "150.25", "325.50"]
    acts["set_order_status"]({"id": contract, "status": "Terminated"})
    assert shown(caller, contract)["status"] == "Terminated"


@pytest.mark.parametrize(
    "given", [{"kind": "treaty"}, {"status": "Submitted"}, {"accounting_method": "guess"}, {"vendor": None}]
)
def test_one_that_cannot_be_is_not_typed(given: dict[str, Any]) -> None:
    caller = Caller()
    wrong = TYPED | {"lines": [LINE]} | given
    if given == {"vendor": None}:
        del wrong["vendor"]
    with pytest.raises(ValueError):
        caller.face.acts["type_order"](wrong)
    assert caller("GET", f"{BASE}?project_id={caller.p1}").body == []


def test_the_lists_of_both_kinds_say_which_is_which() -> None:
    caller = Caller()
    contract, order = caller.order(kind=KIND), caller.order()
    at = f"/rest/v2.0/companies/{COMPANY}/projects/{caller.p1}/commitment_contracts"
    rows = {int(row["id"]): row for row in caller("GET", f"{at}?per_page=100").body["data"]}
    assert (rows[contract]["type"], rows[order]["type"]) == ("WorkOrderContract", "PurchaseOrderContract")
    assert ("inclusions" in rows[contract], "inclusions" in rows[order]) == (True, False)
    only = caller("GET", f"{at}?filters[type]=WorkOrderContract").body["data"]
    assert [int(row["id"]) for row in only] == [contract]
    united = [row["id"] for row in caller("GET", f"/rest/v1.0/commitments?project_id={caller.p1}").body]
    assert {contract, order} <= set(united)


def test_what_happens_to_it_is_told_under_its_own_name() -> None:
    office = Office("v3.0")
    for resource in ("Work Order Contracts", "Work Order Contract Line Items", "Purchase Order Contracts"):
        office.trigger(resource, "create")
    contract = office.caller.order(kind=KIND)
    body = {"project_id": office.caller.p1, "line_item": {"amount": "5"}}
    line = office.caller("POST", f"{BASE}/{contract}/line_items", body).body["id"]
    told = {said["resource_name"]: said for said in office.drain()}
    assert {name: said["resource_id"] for name, said in told.items()} == {
        "Work Order Contracts": contract,
        "Work Order Contract Line Items": line,
    }
    related = told["Work Order Contract Line Items"]["related_resources"]
    assert related == [{"id": contract, "name": "Work Order Contracts"}]
