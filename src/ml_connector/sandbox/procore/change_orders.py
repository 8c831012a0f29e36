"""Commitment change orders: headers, and how status and lines move contract totals (facts/procore.md 8.3)."""

from __future__ import annotations

from functools import cache
from typing import Any

from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.paging import by_field, by_ids, by_range, listed, pick
from ml_connector.sandbox.procore.state import ZERO, ChangeOrder, Contract, Project, State, merge, money
from ml_connector.sandbox.procore.sync import Row, RowRefused

_PATH = "/rest/v1.0/projects/{project_id}/commitment_change_orders"
RESOURCE = "Change Order Packages"
"""Their name in webhooks, which carry the package's id."""
_PENDING = ("pricing", "not_pricing", "pending", "revised", "proceeding", "pending_billable")
STATUSES = (*_PENDING, "draft", "not_proceeding", "no_charge", "approved", "rejected", "void")


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


def discard(state: State, project: Project, made: ChangeOrder) -> None:
    """Takes back a change order that was just made, as if it had never been."""
    order = contract_of(project, made)
    del project.change_orders[made.id]
    order.change_orders.remove(made.id)
    project.change_order_sequence[order.id] -= 1
    recount(project, order)
    state.note("delete", RESOURCE, made.package_id, project.id)


def revise(state: State, project: Project, known: ChangeOrder, values: Row) -> None:
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


def _shown(call: Call, change: ChangeOrder, *, listing: bool) -> dict[str, Any]:
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
        revise(call.state, call.project, known, values)
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


ROUTES: tuple[Route, ...] = routes(
    "commitments",
    ("GET", _PATH, _list, "not paged"),
    ("POST", _PATH, _create, "number and reference need not be unique"),
    ("GET", f"{_PATH}/{{id}}", _show),
    ("PATCH", f"{_PATH}/{{id}}", _update),
)
