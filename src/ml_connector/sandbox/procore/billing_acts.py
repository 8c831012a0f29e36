"""What a project manager does with money in Procore's own windows: invoices, payments, direct costs, change orders."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.procore import billing_periods, change_orders, load, wbs
from ml_connector.sandbox.procore.budget_changes import BudgetChanges
from ml_connector.sandbox.procore.change_order_lines import ChangeOrderLines
from ml_connector.sandbox.procore.contract_payments import Payments
from ml_connector.sandbox.procore.direct_costs import DirectCosts, total
from ml_connector.sandbox.procore.finding import (
    Given,
    direct_cost_named,
    order_named,
    project_named,
    requisition_named,
    vendor_named,
)
from ml_connector.sandbox.procore.requisition_figures import columns, summary
from ml_connector.sandbox.procore.requisition_items import by_quantity, kind_of
from ml_connector.sandbox.procore.requisitions import Requisitions
from ml_connector.sandbox.procore.state import Contract, Item, Project, Requisition, State, cents, money
from ml_connector.sandbox.procore.switches import ProcoreSwitches

_PERIODS = {
    "work": "work_completed_this_period",
    "quantity": "work_completed_this_period_quantity",
    "materials": "materials_presently_stored",
    "retained": "work_completed_retainage_retained_this_period",
    "released": "work_completed_retainage_released_this_period",
    "comment": "comment",
}


class BillingActs:
    """The acts about money; each takes its arguments by name and raises ValueError or RowRefused."""

    def __init__(self, state: State, switches: ProcoreSwitches) -> None:
        self._state = state
        self._switches = switches

    def acts(self) -> Iterable[Any]:
        """Every act of this kind."""
        return (
            self.open_billing_period,
            self.close_billing_period,
            self.add_requisition,
            self.bill_requisition,
            self.set_requisition_status,
            self.approve_requisition,
            self.send_back_requisition,
            self.delete_requisition,
            self.enter_payment,
            self.enter_direct_cost,
            self.set_direct_cost_status,
            self.hold_direct_cost,
            self.add_change_order,
            self.set_change_order_status,
            self.change_budget,
        )

    # -- invoices -----------------------------------------------------------------------------------------------------

    def open_billing_period(self, given: Given) -> dict[str, Any]:
        """{project_id or number, start, end, due?}: a new open period; the one open before is closed."""
        project = project_named(self._state, given)
        days = {"start_date": given["start"], "end_date": given["end"], "due_date": given.get("due", given["end"])}
        made = billing_periods.make(self._state, project, days | {"status": "closed"})
        self._close(project)
        billing_periods.change(self._state, project, made, days | {"status": "open"})
        return {"id": made.id, **made.fields}

    def close_billing_period(self, given: Given) -> dict[str, Any]:
        """{project_id or number}: closes the open period."""
        return {"closed": self._close(project_named(self._state, given))}

    def _close(self, project: Project) -> int | None:
        period = billing_periods.named_or_open(project, None)
        if period is None:
            return None
        billing_periods.change(self._state, project, period, period.fields | {"status": "closed"})
        return period.id

    def add_requisition(self, given: Given) -> dict[str, Any]:
        """{order_id or order_number, invoice_number?, status?, period_id?, share?, items?}: a new invoice, for
        `share` (1 is all) of what each line has open, or for items as in bill_requisition."""
        project, order = order_named(self._state, given, "order_id")
        owner = Requisitions(self._state, project, order, self._switches)
        status = given.get("status", "draft")
        names = ("invoice_number", "period_id", "billing_date")
        row = {name: given[name] for name in names if name in given}
        made = owner.make({**row, "status": status})
        try:
            owner.write_items(made, self._rows(order, made, given))
        except Exception:
            owner.remove(made)
            raise
        return _told(made)

    def bill_requisition(self, given: Given) -> dict[str, Any]:
        """{id or order_number, items: [{position or line_item_id, work or quantity, materials?, retained?, released?,
        comment?}] or share}: somebody writes period values on an invoice."""
        project, order, found = requisition_named(self._state, given)
        owner = Requisitions(self._state, project, order, self._switches)
        owner.write_items(found, self._rows(order, found, given))
        return _told(found)

    def set_requisition_status(self, given: Given) -> dict[str, Any]:
        """{id or order_number, status}: somebody moves an invoice."""
        project, order, found = requisition_named(self._state, given)
        Requisitions(self._state, project, order, self._switches).change(found, {"status": given["status"]})
        return _told(found)

    def approve_requisition(self, given: Given) -> dict[str, Any]:
        """{id or order_number, status?}: the project manager approves; approved_as_noted may be given as status."""
        return self.set_requisition_status({"status": "approved", **given})

    def send_back_requisition(self, given: Given) -> dict[str, Any]:
        """{id or order_number}: the project manager sends an invoice back for revision."""
        return self.set_requisition_status({**given, "status": "revise_and_resubmit"})

    def delete_requisition(self, given: Given) -> dict[str, Any]:
        """{id or order_number}: somebody deletes the latest invoice."""
        project, order, found = requisition_named(self._state, given)
        Requisitions(self._state, project, order, self._switches).remove(found)
        return {"id": found.id}

    def enter_payment(self, given: Given) -> dict[str, Any]:
        """{order_id or order_number, amount?, requisition_id?, date?, check_number?}: a payment issued; the amount
        defaults to what the named invoice asks for."""
        project, order = order_named(self._state, given, "order_id")
        names = ("amount", "requisition_id", "date", "check_number", "invoice_number", "notes")
        row = {name: given[name] for name in names if name in given}
        invoice = project.requisitions.get(row.get("requisition_id") or 0)
        if "amount" not in row:
            if invoice is None:
                raise ValueError("give an amount or a requisition_id")
            row["amount"] = money(summary(invoice).due)
        row.setdefault("date", self._state.clock().date().isoformat())
        made = Payments(self._state, project, order, self._switches).make(row)
        return {"id": made.id, "amount": money(made.amount)}

    def _rows(self, order: Contract, found: Requisition, given: Given) -> list[dict[str, Any]]:
        if "items" in given:
            return [self._row(found, row) for row in given["items"]]
        share = Decimal(str(given.get("share", 1)))
        return [row for item in found.items.values() if (row := _open(order, item, share))]

    def _row(self, found: Requisition, row: Given) -> dict[str, Any]:
        for item in found.items.values():
            if row.get("position") == item.position or row.get("line_item_id") == item.line.id:
                return {"id": item.id} | {wire: row[name] for name, wire in _PERIODS.items() if name in row}
        raise ValueError("no such item: name it by position or line_item_id")

    # -- direct costs -------------------------------------------------------------------------------------------------

    def enter_direct_cost(self, given: Given) -> dict[str, Any]:
        """{project_id or number, vendor (id or name), invoice_number, type?, status?, date?, description?,
        lines: [{code, type, amount, description?}]}: a cost without a commitment."""
        project = project_named(self._state, given)
        names = ("invoice_number", "status", "description", "received_date", "payment_date")
        row = {name: given[name] for name in names if name in given}
        row |= {"direct_cost_type": given.get("type", "invoice"), "vendor_id": vendor_named(self._state, given).id}
        row["direct_cost_date"] = given.get("date", self._state.clock().date().isoformat())
        lines = [
            {
                "wbs_code_id": self._code(project, line),
                "amount": Decimal(str(line["amount"])),
                "description": line.get("description"),
            }
            for line in given["lines"]
        ]
        made = DirectCosts(self._state, project, self._switches).make(row, lines)
        return {"id": made.id, "grand_total": money(total(made)), "status": made.fields["status"]}

    def set_direct_cost_status(self, given: Given) -> dict[str, Any]:
        """{id or invoice_number, status}: somebody moves a direct cost."""
        project, cost = direct_cost_named(self._state, given)
        owner = DirectCosts(self._state, project, self._switches)
        owner.refuse_locked(cost)
        owner.change(cost, {"status": given["status"]})
        return {"id": cost.id, "status": cost.fields["status"]}

    def hold_direct_cost(self, given: Given) -> dict[str, Any]:
        """{id or invoice_number, seconds}: somebody's change to it runs that long; other writes answer 409."""
        _, cost = direct_cost_named(self._state, given)
        cost.busy_until = self._state.clock() + timedelta(seconds=float(given["seconds"]))
        return {"id": cost.id, "until": cost.busy_until.isoformat()}

    # -- change orders and budget -------------------------------------------------------------------------------------

    def add_change_order(self, given: Given) -> dict[str, Any]:
        """{order_id or order_number, title, status?, lines: [{code, type, amount, description?}]}: a change order."""
        project, order = order_named(self._state, given, "order_id")
        made = change_orders.make(self._state, project, order.id, {"title": given["title"]})
        lines = ChangeOrderLines(self._state, project, made, self._switches)
        try:
            for line in given["lines"]:
                amount, code = str(line["amount"]), str(self._code(project, line))
                manual = {"extended_type": "manual", "amount": amount, "wbs_code_id": code}
                lines.write(manual | {"description": line.get("description")})
            change_orders.revise(self._state, project, made, {"status": given.get("status", "draft")})
        except Exception:
            change_orders.discard(self._state, project, made)
            raise
        return {"id": made.id, "package_id": made.package_id, "grand_total": money(made.grand_total)}

    def set_change_order_status(self, given: Given) -> dict[str, Any]:
        """{id (its own or its package's), status}: somebody moves a change order."""
        for project in self._state.projects.values():
            for change in project.change_orders.values():
                if str(given["id"]) in (str(change.id), str(change.package_id)):
                    change_orders.revise(self._state, project, change, {"status": given["status"]})
                    return {"id": change.id, "status": change.fields["status"]}
        raise ValueError("no such change order")

    def change_budget(self, given: Given) -> dict[str, Any]:
        """{project_id or number, title?, status?, lines: [{code, type, amount}]}: a budget change, approved at once
        unless told otherwise."""
        project = project_named(self._state, given)
        rows = [{"wbs_code_id": self._code(project, x), "amount": Decimal(str(x["amount"]))} for x in given["lines"]]
        header = {"title": given.get("title"), "status": given.get("status", "approved")}
        made = BudgetChanges(self._state, project).make({**header, "adjustment_line_items": rows})
        return {"id": made.id, "number": made.number, "status": made.fields["status"]}

    def _code(self, project: Project, line: Given) -> int:
        """The WBS code of `code` and `type`; a missing cost code is made, as a person would."""
        kinds = {kind.fields["code"] for kind in self._state.cost_types.values()}
        if line["type"] not in kinds:
            raise ValueError(f"no cost type {line['type']}")
        pair = load.pair_of(self._state, project, line["code"], line["type"])
        return wbs.find_or_make(self._state, project, *pair).id


def _open(order: Contract, item: Item, share: Decimal) -> dict[str, Any]:
    """What bills that share of what an item has open; nothing for an item that is done."""
    row = columns(item)
    left = row.scheduled - row.work_before
    if not left:
        return {}
    if by_quantity(order, item):
        cost = item.line.unit_cost or Decimal(1)
        quantity = (left / cost * share).quantize(Decimal("0.0001")) if cost else Decimal(0)
        return {"id": item.id, "item_type": kind_of(item), _PERIODS["quantity"]: str(quantity)}
    return {"id": item.id, "item_type": kind_of(item), _PERIODS["work"]: str(cents(left * share))}


def _told(found: Requisition) -> dict[str, Any]:
    figures = summary(found)
    shown = {"id": found.id, "number": found.number, "status": found.fields["status"]}
    return shown | {"current_payment_due": money(figures.due), "completed": money(figures.completed)}
