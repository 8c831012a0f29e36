"""Commitment change orders: header, v2 lines, and how status moves the contract's totals (facts/procore.md 8.3)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from ml_connector.sandbox.procore import budget_lines
from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.commitments import line_v2
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.errors import NO_SUCH_ID
from ml_connector.sandbox.procore.order_lines import Lines, figures_of
from ml_connector.sandbox.procore.paging import by_field, by_ids, by_range, listed, paged, pick
from ml_connector.sandbox.procore.state import ZERO, ChangeOrder, Contract, Line, Project, State, merge, money, number
from ml_connector.sandbox.procore.sync import Row, RowRefused

_PATH = "/rest/v1.0/projects/{project_id}/commitment_change_orders"
_LINES = (
    "/rest/v2.0/companies/{company_id}/projects/{project_id}"
    "/commitment_change_orders/{commitment_change_order_id}/line_items"
)
RESOURCE = "Change Order Packages"
"""Their name in webhooks, which carry the package's id."""
_PENDING = ("pricing", "not_pricing", "pending", "revised", "proceeding", "pending_billable")
STATUSES = (*_PENDING, "draft", "not_proceeding", "no_charge", "approved", "rejected", "void")
NEW = "new"


@cache
def _written() -> frozenset[str]:
    operation = contract().find("POST", "/rest/v1.0/projects/1/commitment_change_orders")
    body = contract().resolve(operation.body or {}) if operation else {}
    return frozenset(contract().members(body["properties"]["change_order"]))


@cache
def _blank(branch: int, listing: bool) -> dict[str, Any]:
    return contract().blank_of("GET", _PATH if listing else f"{_PATH}/{{id}}", branch)


def make(state: State, project: Project, contract_id: int | None, values: Row) -> ChangeOrder:
    """A new change order of a contract; its number defaults to the contract's sequence. Raises RowRefused."""
    order = project.contracts.get(contract_id or 0)
    if order is None:
        raise RowRefused({"contract_id": ["is not a commitment of the project"]})
    _check(values)
    sequence = project.change_order_sequence
    sequence[order.id] = sequence.get(order.id, 0) + 1
    defaults = {"status": "draft", "number": f"{sequence[order.id]:03d}", "contract_id": order.id}
    flags = {"revision": 0, "executed": False, "paid": False}
    flags |= {"signature_required": False, "private": True, "field_change": False}
    made = ChangeOrder(state.new_id(), {**defaults, **flags, **values}, *state.birth())
    made.project_id, made.contract_id, made.package_id = project.id, order.id, state.new_id()
    if made.fields["status"] == "approved":
        made.fields["reviewed_at"] = state.stamp()
    project.change_orders[made.id] = made
    order.change_orders.append(made.id)
    state.note("create", RESOURCE, made.package_id, project.id)
    settle(state, project, made)
    return made


def change(state: State, project: Project, known: ChangeOrder, values: Row) -> None:
    """Writes values over a change order. Raises RowRefused for an unknown status or another contract."""
    _check(values)
    if values.get("contract_id", known.contract_id) != known.contract_id:
        raise RowRefused({"contract_id": ["cannot change"]})
    if merge(state, known, dict(values)):
        if known.fields["status"] == "approved" and not known.fields.get("reviewed_at"):
            known.fields["reviewed_at"] = state.stamp()
        settle(state, project, known)
        state.note("update", RESOURCE, known.package_id, project.id)


def _check(values: Row) -> None:
    if values.get("status", "draft") not in STATUSES:
        raise RowRefused({"status": ["is not included in the list"]})


def contract_of(project: Project, known: ChangeOrder) -> Contract:
    """The contract a change order belongs to, deleted or not."""
    found = project.contracts.get(known.contract_id)
    return found if found is not None else project.deleted[known.contract_id]


def settle(state: State, project: Project, known: ChangeOrder) -> None:
    """Adds up the change order's lines and its contract's totals; the contract's updated_at moves."""
    order = contract_of(project, known)
    known.grand_total = sum((line.amount for line in known.lines.values()), ZERO)
    recount(project, order)
    order.updated_at = state.stamp()


def recount(project: Project, order: Contract) -> None:
    """Works out the contract's approved, pending and draft change totals again."""
    order.approved = order.pending = order.draft = ZERO
    for change_id in order.change_orders:
        change = project.change_orders[change_id]
        status = change.fields["status"]
        if status == "approved":
            order.approved += change.grand_total
        elif status == "draft":
            order.draft += change.grand_total
        elif status in _PENDING:
            order.pending += change.grand_total


def _shown(call: Call, known: ChangeOrder, *, listing: bool) -> dict[str, Any]:
    extended = call.view("default") == "extended"
    shape = _blank(1 if extended else 0, listing)
    order = _contract(call, change)
    known = change.fields | {
        "id": change.id,
        "legacy_package_id": change.package_id,
        "type": "CommitmentChangeOrder",
        "grand_total": money(change.grand_total),
        "created_by": {"id": call.state.me, "name": "Sandbox Admin"},
        "created_at": change.created_at,
        "updated_at": change.updated_at,
        "currency_configuration": {"currency_iso_code": order.fields["currency_iso_code"]},
    }
    return {name: known.get(name, empty) for name, empty in shape.items()}


def _contract(call: Call, known: ChangeOrder) -> Contract:
    return contract_of(call.project, known)


def _create(call: Call) -> Answer:
    row = call.part("change_order")
    values = {name: value for name, value in row.items() if name in _written()}
    try:
        made = make(call.state, call.project, row["contract_id"], values)
    except RowRefused as refused:
        raise call.refuse(422, refused.sentence, ",".join(refused.fields)) from None
    return Answer(201, _shown(call, made, listing=False), changed=True)


def _update(call: Call) -> Answer:
    known, row = pick(call, call.project.change_orders), call.part("change_order")
    values = {name: value for name, value in row.items() if name in _written()}
    try:
        change(call.state, call.project, known, values)
    except RowRefused as refused:
        raise call.refuse(422, refused.sentence, ",".join(refused.fields)) from None
    return Answer(200, _shown(call, known, listing=False), changed=True)


def _list(call: Call) -> Answer:
    rows = by_ids(call, list(call.project.change_orders.values()))
    rows = by_field(call, rows, "contract_id", lambda c: c.contract_id)
    rows = by_field(call, rows, "legacy_package_id", lambda c: c.package_id)
    rows = by_field(call, rows, "vendor_id", lambda c: _contract(call, c).fields.get("vendor_id"))
    for name in ("status", "executed", "signature_required", "batch_id"):
        rows = by_field(call, rows, name, lambda c, n=name: c.fields.get(n))  # type: ignore[misc]
    rows = by_range(call, rows, "updated_at", lambda c: c.updated_at)
    return listed(call, rows, lambda c: _shown(call, c, listing=True), stamps=False)


def _show(call: Call) -> Answer:
    return Answer(200, _shown(call, pick(call, call.project.change_orders), listing=False))


# -- lines, v2 --------------------------------------------------------------------------------------------------------


def _change(call: Call, *, writing: bool) -> ChangeOrder:
    change = pick(call, call.project.change_orders, "commitment_change_order_id")
    if writing and change.fields["status"] == "approved" and call.switches.approved_freezes_lines:
        raise call.refuse(400, "the lines of an approved change order are frozen", "status")
    return change


def _line_shown(call: Call, change: ChangeOrder, line: Line) -> dict[str, Any]:
    shown = line_v2(call, line, _contract(call, change).fields["accounting_method"] == "unit")
    if "quantity" in shown:
        shown["quantity"] = budget_lines.exact(line.quantity)
    return shown | {"commitment_line_item_id": line.fields.get("commitment_line_item_id")}


def _write(call: Call, change: ChangeOrder, line: Line | None) -> Line:
    row, order = call.body, _contract(call, change)
    code = _code(call, row, line)
    for name in ("amount", "quantity", "unit_cost"):
        if row.get(name) not in (None, "") and number(row[name]) is None:
            raise call.refuse(400, f"{name} is not a number", name)
    if row.get("uom") and row["uom"] not in call.state.uoms:
        raise call.refuse(400, "uom is not in the company's list of units of measure", "uom")
    tax = row.get("tax_code_id")
    if tax is not None and tax not in {str(i) for i in call.state.tax_codes}:
        raise call.refuse(400, "tax_code_id is not a tax code of the company", "tax_code_id")
    linked = row.get("commitment_line_item_id")
    makes_new = linked == NEW and call.switches.change_order_new_line
    if linked is not None and not makes_new and linked not in {str(i) for i in order.lines}:
        raise call.refuse(400, "commitment_line_item_id is not a line of the contract", "commitment_line_item_id")
    names = ("description", "uom", "prime_line_item_id", "commitment_line_item_id", "tax_code_id")
    fields = {name: row[name] for name in names if name in row}
    figures = figures_of(order.fields["accounting_method"], row, fields, line)
    if makes_new:
        fields["commitment_line_item_id"] = str(_zero_line(call, order, code, row).id)
    if line is None:
        line = Line(call.state.new_id(), {}, *call.state.birth())
        change.positions += 1
        line.contract_id, line.position = change.contract_id, change.positions
        change.lines[line.id] = line
    line.fields.update(fields)
    line.wbs, line.updated_at = code, call.state.stamp()
    line.amount, line.quantity, line.unit_cost = figures["amount"] or ZERO, figures["quantity"], figures["unit_cost"]
    budget_lines.ensure(call.state, call.project, code)
    change.updated_at = call.state.stamp()
    settle(call.state, call.project, change)
    call.state.note("update", RESOURCE, change.package_id, call.project.id)
    return line


def _zero_line(call: Call, order: Contract, code: int, row: Row) -> Line:
    """The contract line that `new` stands for; an approved contract takes it too, for it adds no money."""
    open_hand = replace(call.switches, approved_freezes_lines=False)
    texts = {name: row[name] for name in ("description", "uom") if name in row}
    zero = {"wbs_code_id": code, "extended_type": "manual", "amount": "0.00", **texts}
    return Lines(call.state, call.project, order, open_hand).make(zero)


def _code(call: Call, row: Row, line: Line | None) -> int:
    given = row.get("wbs_code_id")
    if given is None and line is not None and line.wbs is not None:
        return line.wbs
    if not isinstance(given, str) or not given.isdigit() or int(given) not in call.project.wbs:
        raise call.refuse(400, "wbs_code_id is not a WBS code of the project", "wbs_code_id")
    return int(given)


def _lines(call: Call) -> Answer:
    change = _change(call, writing=False)
    page, headers = paged(call, list(change.lines.values()))
    return Answer(200, {"data": [_line_shown(call, change, line) for line in page]}, headers)


def _add_line(call: Call) -> Answer:
    change = _change(call, writing=True)
    return Answer(200, {"data": _line_shown(call, change, _write(call, change, None))}, changed=True)


def _change_line(call: Call) -> Answer:
    change = _change(call, writing=True)
    line = _write(call, change, pick(call, change.lines))
    return Answer(200, {"data": _line_shown(call, change, line)}, changed=True)


def _remove_line(call: Call) -> Answer:
    change = _change(call, writing=True)
    if change.lines.pop(call.ids["id"], None) is None:
        raise call.refuse(404, NO_SUCH_ID)
    change.updated_at = call.state.stamp()
    settle(call.state, call.project, change)
    call.state.note("update", RESOURCE, change.package_id, call.project.id)
    return Answer(204, changed=True)


ROUTES: tuple[Route, ...] = (
    *routes(
        "commitments",
        ("GET", _PATH, _list, "not paged"),
        ("POST", _PATH, _create, "number and reference need not be unique"),
        ("GET", f"{_PATH}/{{id}}", _show),
        ("PATCH", f"{_PATH}/{{id}}", _update),
        ("POST", _LINES, _add_line, "commitment_line_item_id new makes a zero line on the contract"),
        ("PATCH", f"{_LINES}/{{id}}", _change_line),
        ("DELETE", f"{_LINES}/{{id}}", _remove_line),
    ),
    *routes("commitments", ("GET", _LINES, _lines), page=10, cap=100),
)
