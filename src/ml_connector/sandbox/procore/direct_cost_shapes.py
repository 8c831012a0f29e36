"""How direct costs and their lines look in the answers of both versions (facts/procore.md 11)."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

from ml_connector.sandbox.procore import cost_codes, cost_types, wbs
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.direct_costs import synced, total
from ml_connector.sandbox.procore.order_lines import plain
from ml_connector.sandbox.procore.state import ZERO, DirectCost, Line, Project, State, cents, money
from ml_connector.sandbox.procore.switches import ProcoreSwitches

V10 = "/rest/v1.0/projects/{project_id}/direct_costs"
V11 = "/rest/v1.1/projects/{project_id}/direct_costs"
HOLDER = "DirectCost::Item"
"""What a line's holder is called, always."""


class CostShapes:
    """Renders the direct costs of one project."""

    def __init__(self, state: State, project: Project, switches: ProcoreSwitches) -> None:
        self.state = state
        self.project = project
        self.switches = switches

    def listed(self, cost: DirectCost) -> dict[str, Any]:
        """A row of a list: `vendor` is a text here."""
        known = self._header(cost)
        return _fit(known | {"vendor": known["vendor_name"]}, _blank("GET", V10))

    def shown(self, cost: DirectCost) -> dict[str, Any]:
        """A direct cost of v1.0, without its lines."""
        return _fit(self._header(cost), _blank("GET", f"{V10}/{{id}}"))

    def whole(self, cost: DirectCost, refs: dict[int, Any] | None = None) -> dict[str, Any]:
        """A direct cost of v1.1 with its lines; `refs` gives back what each line was called in the request."""
        lines = [self.embedded(cost, line) | {"ref": (refs or {}).get(line.id)} for line in cost.lines.values()]
        return _fit(self._header(cost) | {"line_items": lines}, _blank("GET", f"{V11}/{{id}}"))

    def line(self, cost: DirectCost, line: Line) -> dict[str, Any]:
        """A line as the line endpoints of v1.0 show it."""
        return _fit(self._line(cost, line), _blank("GET", f"{V10}/{{direct_cost_id}}/line_items/{{id}}"))

    def embedded(self, cost: DirectCost, line: Line) -> dict[str, Any]:
        """A line as v1.1 embeds it."""
        known = self._line(cost, line)
        names = contract().members(contract().members(_show_v11())["line_items"]["items"])
        return {name: known.get(name) for name in names}

    def of_project(self, cost: DirectCost, line: Line) -> dict[str, Any]:
        """A line as the project-wide list shows it: a brief cost code."""
        known = self._line(cost, line)
        code = known["cost_code"]
        if code is not None:
            known["cost_code"] = {name: code[name] for name in ("id", "full_code", "name", "origin_id")}
        return _fit(known, _blank("GET", f"{V10}/line_items"))

    def _header(self, cost: DirectCost) -> dict[str, Any]:
        fields = cost.fields
        vendor = self.state.vendors.get(fields.get("vendor_id") or 0)
        name = vendor.fields["name"] if vendor else None
        amount = money(total(cost))
        return fields | {
            "id": cost.id,
            "amount": amount,
            "grand_total": amount,
            "created_at": cost.created_at,
            "updated_at": cost.updated_at,
            "vendor": {"id": vendor.id, "name": name} if vendor else None,
            "vendor_name": name,
            "employee": None,
            "company": {"id": self.state.company_id, "name": self.state.company_name},
            "project": {"id": self.project.id, "name": self.project.fields["name"]},
            "attachments_count": 0,
            "line_items_count": len(cost.lines),
            "synced": synced(cost),
            "has_workflows": False,
            "currency_configuration": self._currency(cost),
            "tax_breakdown": self._taxes(cost),
        }

    def _currency(self, cost: DirectCost) -> dict[str, Any]:
        own = self.project.fields["currency_iso_code"]
        shown: dict[str, Any] = {"currency_iso_code": cost.fields.get("currency_iso_code") or own}
        shown |= {"currency_exchange_rate": None, "base_currency_iso_code": None}
        if self.switches.multi_currency:
            shown["currency_exchange_rate"] = str(cost.fields.get("currency_exchange_rate") or Decimal("1.0"))
            shown["base_currency_iso_code"] = own
        return shown

    def _taxes(self, cost: DirectCost) -> dict[str, Any]:
        taxable: dict[int, Decimal] = {}
        for line in cost.lines.values():
            code = line.fields.get("tax_code_id")
            if code is not None:
                taxable[code] = taxable.get(code, ZERO) + line.amount
        details, tax = [], ZERO
        for code, amount in taxable.items():
            known = self.state.tax_codes[code].fields
            rate = Decimal(str(known.get("rate1") or 0))
            part = cents(amount * rate / 100)
            tax += part
            named = {"tax_code_id": code, "tax_code_name": known["code"], "tax_code_rate": f"{rate:f}"}
            chosen = {"selected_tax_code_id": code, "selected_tax_code_name": known["code"]}
            details.append(named | {"amount": money(part), "taxable_amount": money(amount)} | chosen)
        subtotal = total(cost)
        totals = {"subtotal": money(subtotal), "tax_total": money(tax), "grand_total": money(subtotal + tax)}
        return totals | {"tax_details": details}

    def _line(self, cost: DirectCost, line: Line) -> dict[str, Any]:
        code = self.project.wbs[line.wbs] if line.wbs is not None else None
        amount = money(line.amount)
        full = cost_codes.shown(self.state, self.project, self.project.cost_codes[code.cost_code]) if code else None
        return line.fields | {
            "id": line.id,
            "amount": amount,
            "total_amount": amount,
            "extended_amount": amount,
            "company": {"id": self.state.company_id, "name": self.state.company_name},
            "project": {"id": self.project.id, "name": self.project.fields["name"]},
            "cost_code": full,
            "line_item_type": cost_types.shown(self.state.cost_types[code.cost_type]) if code else None,
            "wbs_code": wbs.reference(self.project, line.wbs),
            "created_at": line.created_at,
            "updated_at": line.updated_at,
            "holder": {"id": cost.id, "holder_type": HOLDER},
            "position": line.position,
            "quantity": plain(line.quantity),
            "unit_cost": plain(line.unit_cost),
            "currency_configuration": self._currency(cost),
        }


def _fit(known: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    return {name: known.get(name, empty) for name, empty in shape.items()}


@cache
def _blank(method: str, template: str) -> dict[str, Any]:
    return contract().blank_of(method, template)


@cache
def _show_v11() -> Any:
    operation = contract().find("GET", "/rest/v1.1/projects/1/direct_costs/1")
    return operation.answer(200) if operation else {}
