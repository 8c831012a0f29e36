"""Calls about the items of a subcontractor invoice, its packages, its history and the contract's invoice settings."""

from __future__ import annotations

from typing import Any

from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.errors import NO_SUCH_ID
from ml_connector.sandbox.procore.paging import paged, pick, values
from ml_connector.sandbox.procore.purchase_orders import find
from ml_connector.sandbox.procore.requisition_items import CHANGE, CONTRACT, kind_of
from ml_connector.sandbox.procore.requisitions import Requisitions, requisitions_of
from ml_connector.sandbox.procore.state import Contract, Item, Requisition
from ml_connector.sandbox.procore.sync import Row, RowRefused

_PATH = "/rest/v1.0/requisitions/{requisition_id}"
_CONFIGURATION = "/rest/v1.0/projects/{project_id}/contracts/{contract_id}/invoice_configuration"


def _found(call: Call) -> tuple[Requisitions, Requisition]:
    found = pick(call, call.project.requisitions, "requisition_id")
    return requisitions_of(call, found.contract_id), found


def _kind(call: Call) -> str:
    return CHANGE if "change_order_items" in call.route.path else CONTRACT


def _list(call: Call) -> Answer:
    owner, found = _found(call)
    rows = [item for item in found.items.values() if kind_of(item) == _kind(call)]
    wanted = set(values(call, "filters[change_order_id]"))
    if wanted:
        rows = [item for item in rows if str(_package(call, item)) in wanted]
    page, headers = paged(call, rows)
    return Answer(200, [owner.shapes().item(item) for item in page], headers)


def _package(call: Call, item: Item) -> int:
    return call.project.change_orders[item.change_id].package_id if item.change_id is not None else 0


def _item(call: Call, found: Requisition) -> Item:
    item = found.items.get(call.ids["id"])
    if item is None or kind_of(item) != _kind(call):
        raise call.refuse(404, NO_SUCH_ID)
    return item


def _show(call: Call) -> Answer:
    owner, found = _found(call)
    return Answer(200, owner.shapes().item(_item(call, found)))


def _update(call: Call) -> Answer:
    owner, found = _found(call)
    item = _item(call, found)
    row = call.part(f"requisition_{_kind(call)}")
    changed = _write(call, owner, found, [{**row, "id": item.id}])
    return Answer(200, owner.shapes().item(item), changed=changed)


def _bulk(call: Call) -> Answer:
    owner, found = _found(call)
    rows = call.rows("requisition_items")
    if any(row.get("id") is None for row in rows):
        raise call.refuse(422, "id: is missing", "id")
    return Answer(200, changed=_write(call, owner, found, rows))


def _write(call: Call, owner: Requisitions, found: Requisition, rows: list[Row] | list[dict[str, Any]]) -> bool:
    try:
        return owner.write_items(found, rows)
    except RowRefused as refused:
        raise call.refuse(422, refused.sentence, ",".join(refused.fields)) from None


def _no_details(call: Call) -> Answer:
    """Commitments here have no subcontractor schedule of values, and then this is 404 (facts/procore.md 9)."""
    _found(call)
    raise call.refuse(404, NO_SUCH_ID)


def _detail(call: Call) -> Answer:
    owner, found = _found(call)
    shapes = owner.shapes()
    return Answer(200, [shapes.detail(item) for item in found.items.values()])


def _history(call: Call) -> Answer:
    return Answer(200, list(_found(call)[1].history))


def _packages(call: Call) -> Answer:
    owner, found = _found(call)
    wanted = call.request.param("change_order_package_id")
    changes = call.project.change_orders.values()
    change_id = next(
        (c.id for c in changes if str(c.package_id) == wanted and c.contract_id == found.contract_id), None
    )
    if change_id is None or call.request.param("commitment_id") != str(found.contract_id):
        raise call.refuse(422, "The package is not one of the contract's.", "change_order_package_id")
    try:
        if call.request.method == "DELETE":
            owner.remove_package(found, change_id)
            return Answer(200, changed=True)
        made = owner.add_package(found, change_id)
    except RowRefused as refused:
        raise call.refuse(422, refused.sentence, ",".join(refused.fields)) from None
    return Answer(201, [owner.shapes().item(item) for item in made], changed=True)


# -- the contract's invoice configuration -----------------------------------------------------------------------------


def _configuration(call: Call) -> Answer:
    return Answer(200, _configured(call, find(call, "contract_id")))


def _configured(call: Call, order: Contract) -> dict[str, Any]:
    separate = order.invoicing.get("separate_billing_for_stored_materials", False)
    return {
        "id": order.id,
        "separate_billing_for_stored_materials": separate,
        "stored_materials_billing_method": order.invoicing.get("stored_materials_billing_method", "move_new_materials"),
        "contract_id": order.id,
        "project_id": call.project.id,
        "company_id": call.state.company_id,
        "ssr_enabled": False,
        "move_materials_to_previous_work_completed": not separate,
        "commitment_has_invoices": bool(order.requisitions),
        "retainage_rule_set": None,
        "contract_invoicing_method": order.invoicing.get("contract_invoicing_method", "progressive"),
    }


def _configure(call: Call) -> Answer:
    order, row = find(call, "contract_id"), call.part("invoice_configuration")
    if row.get("separate_billing_for_stored_materials") and order.invoicing.get("contract_invoicing_method") == (
        "simplified"
    ):
        raise call.refuse(
            422, "simplified invoices have no separate materials", "separate_billing_for_stored_materials"
        )
    written: dict[str, Any] = {
        n: row[n] for n in ("separate_billing_for_stored_materials", "stored_materials_billing_method") if n in row
    }
    if "separate_billing_for_stored_materials" in written:
        written["move_materials_to_previous_work_completed"] = not written["separate_billing_for_stored_materials"]
    order.invoicing |= written
    return Answer(200, _configured(call, order), changed=True)


ROUTES: tuple[Route, ...] = routes(
    "commitments",
    ("GET", f"{_PATH}/contract_items", _list),
    ("GET", f"{_PATH}/contract_items/{{id}}", _show),
    ("PATCH", f"{_PATH}/contract_items/{{id}}", _update, "deprecated there"),
    ("GET", f"{_PATH}/change_order_items", _list),
    ("GET", f"{_PATH}/change_order_items/{{id}}", _show),
    ("PATCH", f"{_PATH}/change_order_items/{{id}}", _update, "deprecated there"),
    ("GET", f"{_PATH}/contract_detail_items", _no_details, "always 404: no subcontractor schedules of values"),
    ("GET", f"{_PATH}/detail", _detail),
    ("GET", f"{_PATH}/change_histories", _history),
    ("PATCH", f"{_PATH}/bulk_item_update", _bulk, "all rows or none; answers 200 with an empty body"),
    ("POST", f"{_PATH}/add_change_order_package", _packages),
    ("DELETE", f"{_PATH}/remove_change_order_package", _packages, "refused once the package was billed"),
    ("GET", _CONFIGURATION, _configuration, "no sliding-scale retainage; simplified invoicing cannot be switched on"),
    ("PATCH", _CONFIGURATION, _configure, "contract_invoicing_method is ignored"),
)
