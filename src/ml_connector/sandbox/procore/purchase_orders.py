"""Contracts of both kinds: headers, statuses, the Approved lock, totals and sync (facts/procore.md 8.1)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.contract_kinds import KINDS, PURCHASE_ORDER, ContractKind, kind_at
from ml_connector.sandbox.procore.errors import NO_SUCH_ID
from ml_connector.sandbox.procore.order_lines import locked, shown_line
from ml_connector.sandbox.procore.paging import by_field, by_origin, listed
from ml_connector.sandbox.procore.requisition_figures import invoiced
from ml_connector.sandbox.procore.state import ZERO, Contract, Project, State, day, merge, money, number
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.procore.sync import Row, RowRefused, Target, create, sync, update

_DEFAULTS: dict[str, Any] = {
    "accounting_method": "amount",
    "status": "Draft",
    "executed": False,
    "private": True,
    "retainage_percent": "0.0",
}
_CURRENCY = ("currency_iso_code", "currency_exchange_rate")


class Orders:
    """Contracts of one kind and project: how they are made, changed, deleted and shown."""

    def __init__(
        self, state: State, project: Project, switches: ProcoreSwitches, kind: ContractKind = PURCHASE_ORDER
    ) -> None:
        self.state = state
        self.project = project
        self.switches = switches
        self.kind = kind

    def target(self) -> Target[Contract]:
        """The contracts of the project as the sync engine sees them."""
        return Target(self.kind.name, self.project.contracts, self.make, self.change, self.compact)

    def make(self, row: Row) -> Contract:
        """A new contract; its number defaults to the project's sequence, its currency to the project's."""
        values = self._values(row)
        self._check(values, None)
        self.project.contract_sequence += 1
        fields = {**_DEFAULTS, "number": f"{self.kind.prefix}-{self.project.contract_sequence:03d}", **values}
        fields.setdefault("currency_iso_code", self.project.fields["currency_iso_code"])
        made = Contract(self.state.new_id(), fields, *self.state.birth())
        made.project_id, made.kind = self.project.id, self.kind
        self.project.contracts[made.id] = made
        self.state.note("create", self.kind.resource, made.id, self.project.id)
        return made

    def change(self, order: Contract, row: Row) -> None:
        """Writes a row over a contract; attributes absent from the row stay."""
        if order.kind is not self.kind:
            raise RowRefused({"id": [NO_SUCH_ID]})
        values = self._values(row)
        self._check(values, order)
        if merge(self.state, order, values):
            self.state.note("update", self.kind.resource, order.id, self.project.id)

    def remove(self, order: Contract) -> None:
        """Deletes a contract: it stays readable with include_deleted, its origin ids are free again."""
        if locked(order, self.switches):
            raise RowRefused({"status": ["an approved contract cannot be deleted"]})
        if order.requisitions or order.paid:
            raise RowRefused({"base": ["a contract with invoices or payments cannot be deleted"]})
        self.state.note("delete", self.kind.resource, order.id, self.project.id)
        order.deleted_at = order.updated_at = self.state.stamp()
        self.project.deleted[order.id] = self.project.contracts.pop(order.id)
        self.state.free(self.kind.name, order.fields.get("origin_id"))
        for line in order.lines.values():
            self.state.free("line_item", line.fields.get("origin_id"))

    def _values(self, row: Row) -> dict[str, Any]:
        values = {name: value for name, value in row.items() if name in self.kind.written}
        for name in self.kind.days:
            if name in values:
                values[name] = day(values[name])
        if self.switches.multi_currency:
            values |= {name: row[name] for name in _CURRENCY if row.get(name) is not None}
        return values

    def _check(self, values: dict[str, Any], order: Contract | None) -> None:
        problems: dict[str, list[str]] = {}
        if values.get("status", "Draft") not in self.kind.statuses:
            problems["status"] = ["is not included in the list"]
        vendor_id = values.get("vendor_id")
        vendor = self.state.vendors.get(vendor_id) if vendor_id is not None else None
        if vendor_id is not None and vendor is None:
            problems["vendor_id"] = ["is not in the company directory"]
        elif vendor and self.switches.vendor_must_be_in_project and self.project.id not in vendor.projects:
            problems["vendor_id"] = ["is not in the project directory"]
        if values.get("retainage_percent") not in (None, "") and number(values["retainage_percent"]) is None:
            problems["retainage_percent"] = ["is not a number"]
        if order is not None:
            self._check_frozen(values, order, problems)
        if problems:
            raise RowRefused(problems)

    def _check_frozen(self, values: dict[str, Any], order: Contract, problems: dict[str, list[str]]) -> None:
        was = order.fields
        method = values.get("accounting_method", was["accounting_method"])
        if method != was["accounting_method"] and order.lines:
            problems["accounting_method"] = ["cannot change once the contract has line items"]
        stays_approved = values.get("status", was["status"]) == was["status"]
        other_vendor = values.get("vendor_id", was.get("vendor_id")) != was.get("vendor_id")
        if other_vendor and stays_approved and locked(order, self.switches):
            problems["vendor_id"] = ["cannot change while the contract is approved"]

    # -- shapes ---------------------------------------------------------------------------------------------------

    def compact(self, order: Contract) -> dict[str, Any]:
        """A contract as lists and sync show it: every field of the header, no lines."""
        return self._header(order, f"{self.kind.type}Synced")

    def full(self, order: Contract, view: str = "extended") -> dict[str, Any]:
        """A contract as show does: with its lines, change order packages and contacts."""
        shown = self._header(order, self.kind.type)
        shown.pop("billing_schedule_of_values_status", None)
        shown["line_items"] = [
            shown_line(self.state, self.project, order, line)
            | {"currency_configuration": shown["currency_configuration"]}
            for line in order.lines.values()
        ]
        shown["change_order_packages"] = []
        return shown

    def _header(self, order: Contract, shape: str) -> dict[str, Any]:
        fields = order.fields
        revised = order.grand_total + order.approved
        shown = {name: value for name, value in fields.items() if name in self.kind.written}
        vendor = shown.pop("vendor_id", None)
        shown |= {
            "id": order.id,
            "vendor": self._vendor(vendor),
            "project": self._project(),
            "grand_total": money(order.grand_total),
            "approved_change_orders": money(order.approved),
            "pending_change_orders": money(order.pending),
            "draft_change_orders_amount": money(order.draft),
            "revised_contract": money(revised),
            "pending_revised_contract": money(revised + order.pending),
            "remaining_balance_outstanding": money(revised - order.paid),
            "percentage_paid": money(order.paid / revised * 100 if revised else ZERO),
            "total_payments": money(order.paid),
            "total_requisitions_amount": money(invoiced(self.project, order)),
            "total_draw_requests_amount": "0.00",
            "requisitions_are_enabled": True,
            "show_line_items_to_non_admins": False,
            "enable_ssov": False,
            "allow_change_orders_ssov": False,
            "has_change_order_packages": bool(order.change_orders),
            "has_potential_change_orders": False,
            "created_by_id": self.state.me,
            "created_at": order.created_at,
            "updated_at": order.updated_at,
            "deleted_at": order.deleted_at,
            "currency_configuration": self.currency(order),
        }
        if self.kind is PURCHASE_ORDER:
            assignee = shown.pop("assignee_id", None)
            shown["assignee"] = {"id": assignee} if assignee is not None else None
            shown["billing_schedule_of_values_status"] = "draft"
        return {**_blank(shape), **shown}

    def _vendor(self, vendor_id: int | None) -> dict[str, Any] | None:
        if vendor_id is None:
            return None
        fields = self.state.vendors[vendor_id].fields
        origin = {"origin_data": fields.get("origin_data"), "origin_id": fields.get("origin_id")}
        return {"id": vendor_id, "company": fields["name"], **origin}

    def _project(self) -> dict[str, Any]:
        fields = self.project.fields
        origin = {"origin_data": fields.get("origin_data"), "origin_id": fields.get("origin_id")}
        return {"id": self.project.id, "name": fields["name"], **origin}

    def currency(self, order: Contract) -> dict[str, Any]:
        """The contract's currency; base and rate only with the second multi-currency phase."""
        code = order.fields["currency_iso_code"]
        shown = {"currency_iso_code": code, "currency_exchange_rate": None, "base_currency_iso_code": None}
        if self.switches.multi_currency:
            rate = order.fields.get("currency_exchange_rate")
            shown["currency_exchange_rate"] = str(rate if rate is not None else Decimal("1.0"))
            shown["base_currency_iso_code"] = self.project.fields["currency_iso_code"]
        return shown


@cache
def _blank(shape: str) -> dict[str, Any]:
    return contract().blank(shape)


def orders_of(call: Call, kind: ContractKind) -> Orders:
    """The contracts of one kind in the call's project."""
    return Orders(call.state, call.project, call.switches, kind)


def _orders(call: Call) -> Orders:
    return orders_of(call, kind_at(call.route.path))


def find(call: Call, name: str = "id") -> Contract:
    """The live contract of a path id, of either kind; 404 when it is unknown, deleted or another project's."""
    found = call.project.contracts.get(call.ids[name])
    if found is None:
        raise call.refuse(404, NO_SUCH_ID)
    return found


def find_of(call: Call, kind: ContractKind, name: str = "id") -> Contract:
    """As `find`; 404 as well when it is of the other kind, which has a path of its own."""
    found = find(call, name)
    if found.kind is not kind:
        raise call.refuse(404, NO_SUCH_ID)
    return found


def _list(call: Call) -> Answer:
    orders = _orders(call)
    deleted = call.request.param("filters[include_deleted]")
    rows = [] if deleted == "only" else list(call.project.contracts.values())
    if deleted in ("only", "with"):
        rows += call.project.deleted.values()
    rows = [row for row in rows if row.kind is orders.kind]
    rows = by_field(call, by_origin(call, orders.kind.name, rows), "status", lambda c: c.fields["status"])
    return listed(call, rows, orders.full if call.view("compact") == "extended" else orders.compact)


def _show(call: Call) -> Answer:
    orders = _orders(call)
    return Answer(200, orders.full(find_of(call, orders.kind)))


def _create(call: Call) -> Answer:
    orders = _orders(call)
    made = create(call, orders.target(), call.part(orders.kind.name))
    return Answer(201, orders.full(made), changed=True)


def _update(call: Call) -> Answer:
    orders = _orders(call)
    found = find_of(call, orders.kind)
    changed = update(call, orders.target(), found, call.part(orders.kind.name))
    return Answer(200, orders.full(changed), changed=True)


def _delete(call: Call) -> Answer:
    orders = _orders(call)
    try:
        orders.remove(find_of(call, orders.kind))
    except RowRefused as refused:
        raise call.refuse(400, refused.sentence, "status") from None
    return Answer(200, changed=True)


def _sync(call: Call) -> Answer:
    orders = _orders(call)
    takes_id = orders.kind.sync_takes_id or call.switches.po_sync_accepts_id
    return sync(call, replace(orders.target(), takes_id=takes_id))


ROUTES: tuple[Route, ...] = tuple(
    route
    for kind in KINDS
    for route in routes(
        "commitments",
        ("GET", kind.path, _list, "custom fields, payments and contacts are empty"),
        ("POST", kind.path, _create, "attachments and upload ids are accepted and not kept"),
        ("PATCH", f"{kind.path}/sync", _sync),
        ("GET", f"{kind.path}/{{id}}", _show),
        ("PATCH", f"{kind.path}/{{id}}", _update),
        ("DELETE", f"{kind.path}/{{id}}", _delete, "answers 200 with an empty body"),
    )
)
