"""How subcontractor invoices and their items look in answers, view by view (facts/procore.md 9)."""

from __future__ import annotations

from functools import cache
from typing import Any

from ml_connector.sandbox.procore.budget_lines import exact
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.order_lines import plain
from ml_connector.sandbox.procore.requisition_figures import Columns, Summary, columns, paid, quantity_before, summary
from ml_connector.sandbox.procore.requisition_items import by_quantity, kind_of
from ml_connector.sandbox.procore.state import ZERO, Contract, Item, Project, Requisition, State, cents, money, number
from ml_connector.sandbox.procore.switches import ProcoreSwitches

ONLY_IN = {
    "items": ("extended", "items"),
    "item_packages": ("extended", "items"),
    "summary_text": ("extended", "header_only"),
    "tax_summary": ("extended", "header_only"),
    "accounting_method": ("extended", "header_only"),
    "action_policy": ("extended", "action_policy"),
}
"""Members that only some views show."""
SHAPES = {"contract_item": "RequisitionContractItem", "change_order_item": "RequisitionChangeOrderItem"}


class Shapes:
    """Renders the requisitions of one contract."""

    def __init__(self, state: State, project: Project, order: Contract, switches: ProcoreSwitches) -> None:
        self.state = state
        self.project = project
        self.order = order
        self.switches = switches

    def requisition(self, found: Requisition, view: str = "default") -> dict[str, Any]:
        """A requisition; members that the view does not have are left out."""
        names = [name for name in _blank("Requisition") if name not in ONLY_IN or view in ONLY_IN[name]]
        if self.invoicing_method() == "simplified" and "summary_text" in names:
            names.remove("summary_text")
        known = self._header(found)
        if "items" in names:
            known["items"] = [self.full_item(item) for item in found.items.values()]
            known["item_packages"] = [self._package(change_id) for change_id in found.packages]
        return {name: known.get(name, empty) for name, empty in _blank("Requisition").items() if name in names}

    def invoicing_method(self) -> str:
        """progressive or simplified, by the contract's invoice configuration."""
        return str(self.order.invoicing.get("contract_invoicing_method", "progressive"))

    def deletable(self, found: Requisition) -> bool:
        """The latest of its contract, without payments, and not locked by its origin id."""
        latest = self.order.requisitions[-1:] == [found.id]
        locked = self.switches.origin_id_locks and bool(found.fields.get("origin_id"))
        return (
            latest
            and not locked
            and not any(p.fields.get("requisition_id") == found.id for p in self.project.payments.values())
        )

    def _header(self, found: Requisition) -> dict[str, Any]:
        fields, figures = found.fields, summary(found)
        vendor = self.state.vendors.get(self.order.fields.get("vendor_id") or 0)
        settled = paid(self.project, found)
        erp = "synced" if fields.get("origin_id") else "not_in_erp"
        claimed = sum((i.fields.get("claimed") or ZERO for i in found.items.values()), ZERO)
        deletable = self.deletable(found)
        return fields | {
            "id": found.id,
            "previous_requisition_id": found.previous_id,
            "project_id": found.project_id,
            "commitment_id": found.contract_id,
            "commitment_type": self.order.kind.type,
            "contract_name": self.order.fields.get("title"),
            "created_at": found.created_at,
            "updated_at": found.updated_at,
            "deletable": deletable,
            "vendor_id": vendor.id if vendor else None,
            "vendor_name": vendor.fields["name"] if vendor else None,
            "invoice_type": _kind(found),
            "percent_complete": f"{figures.percent:.2f}%",
            "erp_status": erp if self.switches.erp_integrated else "not_integrated",
            "number": found.number,
            "total_claimed_amount": money(claimed),
            "move_materials_to_previous_work_completed": self.order.invoicing.get(
                "move_materials_to_previous_work_completed", True
            ),
            "summary_text": self._summary_text(found),
            "summary": self._summary(found, figures),
            "custom_fields": {},
            "currency_configuration": self._currency(),
            "contract_invoicing_method": self.invoicing_method(),
            "accounting_method": self.order.fields["accounting_method"],
            "action_policy": {"controls": {"can_delete": deletable}},
            "payment_summary": {
                "invoice_paid_in_full": figures.due > 0 and settled >= figures.due,
                "invoiced_amount_due": money(figures.due - settled),
            },
        }

    def _currency(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"currency_iso_code": self.order.fields["currency_iso_code"]}
        shown |= {"currency_exchange_rate": None, "base_currency_iso_code": None}
        if self.switches.multi_currency:
            rate = number(self.order.fields.get("currency_exchange_rate"))
            # A number here, a string on contracts and payments (facts/procore.md 16.1).
            shown["currency_exchange_rate"] = exact(rate if rate is not None else number("1.0"))
            shown["base_currency_iso_code"] = self.project.fields["currency_iso_code"]
        return shown

    def _summary_text(self, found: Requisition) -> dict[str, Any]:
        vendor = self.state.vendors.get(self.order.fields.get("vendor_id") or 0)
        who = vendor.fields if vendor else {}
        return {
            "project_name": self.project.fields["name"],
            "project_number": self.project.fields["project_number"],
            "to_general_contractor": self.state.company_name,
            "requisition_period_start": found.fields.get("requisition_start"),
            "requisition_period_end": found.fields.get("requisition_end"),
            "subcontractor_name": who.get("name"),
            "subcontractor_street": who.get("address"),
            "subcontractor_city": who.get("city"),
            "subcontractor_state_code": who.get("state_code"),
            "subcontractor_zip": who.get("zip"),
            "subcontractor_country_code": who.get("country_code"),
            "application_number": str(found.number),
            "contract_for": self.order.fields.get("title"),
            "contract_date": self.order.fields.get("contract_date"),
        }

    def _summary(self, found: Requisition, figures: Summary) -> dict[str, Any]:
        amounts = {
            "original_contract_sum": figures.original,
            "net_change_by_change_orders": figures.added + figures.taken,
            "contract_sum_to_date": figures.contract_sum,
            "total_completed_and_stored_to_date": figures.completed,
            "completed_work_retainage_amount": figures.held_work,
            "completed_work_retainage_percent": _share(figures.held_work, figures.work),
            "stored_materials_retainage_amount": figures.held_materials,
            "stored_materials_retainage_percent": _share(figures.held_materials, figures.materials),
            "total_retainage": figures.retainage,
            "total_earned_less_retainage": figures.earned,
            "less_previous_certificates_for_payment": figures.certified_before,
            "tax_applicable_to_this_payment": ZERO,
            "current_payment_due": figures.due,
            "balance_to_finish_including_retainage": figures.to_finish,
            "positive_change_order_item_total": figures.added,
            "positive_new_change_order_item_total": figures.added_new,
            "positive_previous_change_order_item_total": figures.added - figures.added_new,
            "negative_change_order_item_total": figures.taken,
            "negative_new_change_order_item_total": figures.taken_new,
            "negative_previous_change_order_item_total": figures.taken - figures.taken_new,
        }
        span = f"{found.fields.get('requisition_start')} - {found.fields.get('requisition_end')}"
        shown = {name: money(value) for name, value in amounts.items()}
        return {**_blank("RequisitionsSummary"), **shown, "formatted_period": span}

    def _package(self, change_id: int) -> dict[str, Any]:
        change = self.project.change_orders[change_id]
        known = {
            "id": change.package_id,
            "contract_id": change.contract_id,
            "change_order_id": change.id,
            "number": change.fields["number"],
            "title": change.fields.get("title"),
            "status": change.fields["status"],
            "position": self.order.change_orders.index(change_id) + 1,
        }
        return {**_blank("RequisitionsItemPackages"), **known}

    # -- items --------------------------------------------------------------------------------------------------------

    def full_item(self, item: Item) -> dict[str, Any]:
        """An item as the requisition embeds it."""
        shown = self._fit(item, "RequisitionItem") | {"currency_configuration": self._currency()}
        if shown["wbs_code"] is not None:
            shown["wbs_code"]["segment_items"] = []
        return shown

    def item(self, item: Item) -> dict[str, Any]:
        """An item as the item endpoints of its own type show it."""
        return self._fit(item, SHAPES[kind_of(item)])

    def _fit(self, item: Item, shape: str) -> dict[str, Any]:
        known = self._item(item)
        return {name: known.get(name, empty) for name, empty in _blank(shape).items()}

    def _item(self, item: Item) -> dict[str, Any]:
        row, line = columns(item), item.line
        code = self.project.wbs[line.wbs] if line.wbs is not None else None
        package = self.project.change_orders[item.change_id].package_id if item.change_id is not None else None
        linked = self.order.lines.get(int(line.fields.get("commitment_line_item_id") or 0))
        wbs_code = None
        if code is not None:
            text = code.fields["description"]
            wbs_code = {"id": code.id, "flat_code": code.flat_code, "description": text}
        return {
            "id": item.id,
            "item_type": kind_of(item),
            "accounting_method": self.order.fields["accounting_method"],
            "cost_code_id": code.cost_code if code else None,
            "currency_configuration": {"currency_iso_code": self.order.fields["currency_iso_code"]},
            "line_item_id": line.id,
            "commitment_line_item_id": linked.id if linked else None,
            "commitment_line_item_origin_id": linked.fields.get("origin_id") if linked else None,
            "change_order_package_id": package,
            "description_of_work": line.fields.get("description"),
            "wbs_code": wbs_code,
            "comment": item.fields.get("comment"),
            "status": item.fields["status"],
            "position": item.position,
            "line_number": str(item.position),
            "ssr_manual_override": False,
            "subcontractor_claimed_amount": _money_or_none(item.fields.get("claimed")),
            "previous_progress_id": item.previous.id if item.previous else None,
            "uom": line.fields.get("uom"),
            **self._amounts(item, row),
            **self._retainage(item, row),
            **self._quantities(item, row),
        }

    def _amounts(self, item: Item, row: Columns) -> dict[str, Any]:
        return {
            "scheduled_value": money(row.scheduled),
            "net_amount": money(row.net),
            "gross_amount": money(row.gross),
            "work_completed_from_previous_application": money(row.work_before),
            "work_completed_this_period": money(row.work),
            "materials_presently_stored": money(row.materials),
            "materials_presently_stored_from_previous_progress": money(row.materials_before),
            "materials_moved": money(row.materials_moved),
            "materials_retainage_retained_moved": money(row.held_moved),
            "total_completed_and_stored_to_date": money(row.total),
            "total_completed_and_stored_to_date_percent": money(row.percent),
            "total_completed_and_stored_to_date_from_previous": money(row.total_before),
        }

    def _retainage(self, item: Item, row: Columns) -> dict[str, Any]:
        work, materials = item.fields.get("work_percent"), item.fields.get("materials_percent")
        return {
            "work_completed_retainage_from_previous_application": money(row.held_before),
            "work_completed_retainage_retained_this_period": money(item.retained),
            "work_completed_retainage_percent_this_period": money(
                _share(item.retained, row.work) if row.work else work or ZERO
            ),
            "work_completed_retainage_released_this_period": money(item.released),
            "materials_stored_retainage_currently_retained": money(row.held_materials),
            "materials_stored_retainage_percent_this_period": money(
                _share(row.held_materials, row.materials) if row.materials else materials or ZERO
            ),
            "materials_stored_retainage_new_materials": money(row.held_materials),
            "materials_stored_retainage_released_this_period": money(ZERO),
        }

    def _quantities(self, item: Item, row: Columns) -> dict[str, Any]:
        """Quantity columns; null on amount contracts (facts/procore.md 9)."""
        names = ("scheduled_quantity", "scheduled_unit_price", "work_completed_this_period_quantity")
        more = ("work_completed_from_previous_application_quantity", "materials_presently_stored_quantity")
        if not by_quantity(self.order, item):
            return dict.fromkeys((*names, *more, "materials_previously_stored_quantity"))
        cost = item.line.unit_cost or ZERO
        return {
            "scheduled_quantity": plain(item.line.quantity),
            "scheduled_unit_price": plain(cost),
            "work_completed_this_period_quantity": plain(item.quantity),
            "work_completed_from_previous_application_quantity": plain(quantity_before(item)),
            "materials_presently_stored_quantity": plain(row.materials / cost if cost else ZERO),
            "materials_previously_stored_quantity": plain(row.materials_before / cost if cost else ZERO),
        }

    def detail(self, item: Item) -> dict[str, Any]:
        """An item as the flat detail list shows it."""
        row, known = columns(item), self._item(item)
        before = row.all_held_before - (row.held_before - row.held_moved)
        quantity = by_quantity(self.order, item)
        known |= {
            "balance_to_finish": money(row.scheduled - row.total),
            "item_number": item.position,
            "total_completed_and_stored_to_date_quantity": plain(quantity_before(item) + item.quantity)
            if quantity
            else None,
            "work_completed_retainage_currently_retained": money(row.held_work),
            "materials_stored_retainage_from_previous_application": money(before),
            "materials_stored_retainage_retained_this_period": money(row.held_materials - before + row.held_moved),
            "total_retainage_currently_retained": money(row.held),
            "total_retainage_from_previous_application": money(row.all_held_before),
        }
        return {name: known.get(name, empty) for name, empty in _detail().items()}


def _kind(found: Requisition) -> str:
    released = any(item.released for item in found.items.values())
    billed = any(item.work or item.materials for item in found.items.values())
    if released:
        return "progress_and_retainage_release" if billed else "retainage_release"
    return "progress"


def _share(part: Any, whole: Any) -> Any:
    return cents(part / whole * 100) if whole else ZERO


def _money_or_none(value: Any) -> str | None:
    return None if value is None else money(value)


@cache
def _blank(shape: str) -> dict[str, Any]:
    return contract().blank(shape)


@cache
def _detail() -> dict[str, Any]:
    return contract().blank_of("GET", "/rest/v1.0/requisitions/{requisition_id}/detail")
