"""Commitment change order packages of v1.0: the same change orders under their package ids (facts/procore.md 8.3)."""

from __future__ import annotations

from typing import Any

from ml_connector.sandbox.procore import cost_codes, cost_types, wbs
from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.change_orders import contract_of, make, revise
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.errors import NO_SUCH_ID, TAKEN
from ml_connector.sandbox.procore.order_lines import plain
from ml_connector.sandbox.procore.paging import by_range, paged, settled, values
from ml_connector.sandbox.procore.state import ChangeOrder, Line, money
from ml_connector.sandbox.procore.sync import RowRefused

KIND = "change_order"
_PATH = "/rest/v1.0/change_order_packages"
_STAMPS = ("created_at", "updated_at")
_DAYS = ("reviewed_at", "due_date", "invoiced_date", "paid_date", "signed_change_order_received_date")


def _currency(call: Call, change: ChangeOrder) -> dict[str, Any]:
    code = contract_of(call.project, change).fields["currency_iso_code"]
    base = call.project.fields["currency_iso_code"] if call.switches.multi_currency else None
    return {"currency_iso_code": code, "base_currency_iso_code": base}


def _shown(call: Call, change: ChangeOrder, shape: dict[str, Any]) -> dict[str, Any]:
    known = change.fields | {
        "id": change.package_id,
        "contract_id": change.contract_id,
        "created_by_id": call.state.me,
        "creator": {"id": call.state.me, "name": "Sandbox Admin", "login": None},
        "position": contract_of(call.project, change).change_orders.index(change.id) + 1,
        "type": "CommitmentContractChangeOrder",
        "grand_total": money(change.grand_total),
        "created_at": change.created_at,
        "updated_at": change.updated_at,
        "line_items": [_line(call, change, line) for line in change.lines.values()],
        "currency_configuration": _currency(call, change),
    }
    return {name: known.get(name, empty) for name, empty in shape.items()}


def _line(call: Call, change: ChangeOrder, line: Line) -> dict[str, Any]:
    code = call.project.wbs[line.wbs] if line.wbs is not None else None
    amount = money(line.amount)
    return {
        "id": line.id,
        "position": line.position,
        "description": line.fields.get("description"),
        "quantity": plain(line.quantity),
        "uom": line.fields.get("uom"),
        "unit_cost": plain(line.unit_cost),
        "total_amount": amount,
        "extended_amount": amount,
        "cost_code": cost_codes.shown(call.state, call.project, call.project.cost_codes[code.cost_code])
        if code
        else None,
        "wbs_code": wbs.reference(call.project, line.wbs),
        "holder": {"id": change.package_id, "holder_type": "ChangeOrderPackage"},
        "line_item_type": cost_types.shown(call.state.cost_types[code.cost_type]) if code else None,
        "markup_line_items": [],
        "currency_configuration": {"currency_iso_code": _currency(call, change)["currency_iso_code"]},
    }


def _full(call: Call, change: ChangeOrder) -> Answer:
    return Answer(200, _shown(call, change, contract().blank_of("GET", f"{_PATH}/{{id}}")))


def _list(call: Call) -> Answer:
    rows = settled(call, call.project.change_orders.values())
    wanted = call.request.param("contract_id")
    if wanted:
        rows = [c for c in rows if str(c.contract_id) == wanted]
    ids = set(values(call, "filters[id]"))
    rows = [c for c in rows if not ids or str(c.package_id) in ids]
    for name in _STAMPS:
        rows = by_range(call, rows, name, lambda c, n=name: getattr(c, n))  # type: ignore[misc]
    for name in _DAYS:
        rows = by_range(call, rows, name, lambda c, n=name: c.fields.get(n))  # type: ignore[misc]
    page, headers = paged(call, rows)
    shape = contract().blank_of("GET", _PATH)
    return Answer(200, [_shown(call, change, shape) for change in page], headers)


def _find(call: Call) -> ChangeOrder:
    for change in call.project.change_orders.values():
        if change.package_id == call.ids["id"]:
            return change
    raise call.refuse(404, NO_SUCH_ID)


def _show(call: Call) -> Answer:
    return _full(call, _find(call))


def _written(call: Call, change: ChangeOrder | None) -> dict[str, Any]:
    row = call.part("change_order")
    if row.get("grand_total") is not None:
        raise call.refuse(400, "grand_total is the sum of the lines", "grand_total")
    names = contract().members((call.operation.body or {})["properties"]["change_order"])
    if call.state.taken(KIND, row.get("origin_id"), change):
        raise call.refuse(400, f"origin_id: {TAKEN}", "origin_id")
    return {name: row[name] for name in names if name in row}


def _claim(call: Call, change: ChangeOrder, old: Any) -> None:
    if change.fields.get("origin_id") != old:
        call.state.free(KIND, old)
        call.state.claim(KIND, change.fields.get("origin_id"), change.id)


def _create(call: Call) -> Answer:
    written = _written(call, None)
    try:
        made = make(call.state, call.project, call.body["contract_id"], written)
    except RowRefused as refused:
        raise call.refuse(400, refused.sentence, ",".join(refused.fields)) from None
    _claim(call, made, None)
    return Answer(201, _full(call, made).value, changed=True)


def _update(call: Call) -> Answer:
    change = _find(call)
    written, old = _written(call, change), change.fields.get("origin_id")
    try:
        revise(call.state, call.project, change, written)
    except RowRefused as refused:
        raise call.refuse(400, refused.sentence, ",".join(refused.fields)) from None
    _claim(call, change, old)
    return Answer(200, _full(call, change).value, changed=True)


ROUTES: tuple[Route, ...] = routes(
    "commitments",
    ("GET", _PATH, _list, "one package per change order (single tier); nothing is ever deleted"),
    ("POST", _PATH, _create, "grand_total is refused: it is the sum of the lines"),
    ("GET", f"{_PATH}/{{id}}", _show),
    ("PATCH", f"{_PATH}/{{id}}", _update),
)
