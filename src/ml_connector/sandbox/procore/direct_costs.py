"""Direct costs, cost without a commitment: headers and lines, uniqueness, the sync lock, 409 (facts/procore.md 11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.procore import budget_lines
from ml_connector.sandbox.procore.errors import TAKEN
from ml_connector.sandbox.procore.order_lines import resolve_code
from ml_connector.sandbox.procore.state import ZERO, DirectCost, Line, Project, State, cents, day, merge, number
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.procore.sync import Row, RowRefused

KIND, LINE_KIND = "direct_cost", "direct_cost_line_item"
RESOURCE, LINE_RESOURCE = "Direct Costs", "Direct Cost Line Items"
TYPES = ("invoice", "expense", "payroll", "subcontractor_invoice")
STATUSES = ("draft", "pending", "revise_and_resubmit", "approved")
LOCKED = "the direct cost cannot be changed: it is synced with an ERP system"
_OF_VENDORS = ("invoice", "subcontractor_invoice")
_DAYS = ("direct_cost_date", "payment_date", "received_date")
_TEXTS = ("description", "employee_id", "invoice_number", "origin_data", "origin_id", "status", "terms", "vendor_id")
_LINE_TEXTS = ("description", "uom", "tax_code_id", "origin_id", "origin_data", "funding_rule_id")


class Busy(Exception):
    """Raised when another write to the same direct cost is running; answered with 409."""


class DirectCosts:
    """The direct costs of one project."""

    def __init__(self, state: State, project: Project, switches: ProcoreSwitches) -> None:
        self.state = state
        self.project = project
        self.switches = switches

    def make(self, row: Row, lines: Sequence[Row] = ()) -> DirectCost:
        """A new direct cost with its lines, all or nothing. Raises RowRefused."""
        values = self._values(row)
        kind = row.get("direct_cost_type")
        if kind not in TYPES:
            raise RowRefused({"direct_cost_type": ["is not included in the list"]})
        defaults = {"status": "draft", "direct_cost_type": kind, **dict.fromkeys((*_DAYS, *_TEXTS)), **values}
        defaults["status"] = defaults["status"] or "draft"
        self._check(defaults, None)
        made = DirectCost(self.state.new_id(), defaults, *self.state.birth())
        made.project_id = self.project.id
        self.write_lines(made, lines, tell=False)
        self.project.direct_costs[made.id] = made
        self.state.note("create", RESOURCE, made.id, self.project.id)
        self._tell_lines("create", made, made.lines.values())
        return made

    def change(self, cost: DirectCost, row: Row, lines: Sequence[Row] = ()) -> None:
        """Writes a row and lines over a direct cost, all or nothing; its type never changes. Raises RowRefused."""
        values = self._values(row)
        if row.get("direct_cost_type") not in (None, cost.fields["direct_cost_type"]):
            raise RowRefused({"direct_cost_type": ["cannot change"]})
        self._check({**cost.fields, **values}, cost)
        self.write_lines(cost, lines)
        if merge(self.state, cost, values):
            self.state.note("update", RESOURCE, cost.id, self.project.id)

    def remove(self, cost: DirectCost) -> None:
        """Deletes a direct cost; its origin ids are free again."""
        del self.project.direct_costs[cost.id]
        self.state.free(KIND, cost.fields.get("origin_id"))
        for line in cost.lines.values():
            self.state.free(LINE_KIND, line.fields.get("origin_id"))
        self.state.note("delete", RESOURCE, cost.id, self.project.id)

    def begin(self, cost: DirectCost) -> None:
        """A write starts. Raises Busy while another runs, or when the switch says it is this write's turn."""
        now, every = self.state.clock(), self.switches.direct_cost_conflict_every
        self.state.direct_cost_writes += 1
        if cost.busy_until is not None and now < cost.busy_until:
            raise Busy
        if every and self.state.direct_cost_writes % every == 0:
            raise Busy
        if self.switches.direct_cost_busy:
            cost.busy_until = now + timedelta(seconds=self.switches.direct_cost_busy)

    def refuse_locked(self, cost: DirectCost) -> None:
        """Raises RowRefused for a synced direct cost. Sync calls pass: they are the integration's own way."""
        if self.switches.origin_id_locks and cost.fields.get("origin_id"):
            raise RowRefused({"base": [LOCKED]})

    def _values(self, row: Row) -> dict[str, Any]:
        values = {name: row[name] for name in _TEXTS if name in row}
        values |= {name: day(row[name]) for name in _DAYS if name in row}
        currency = row.get("currency_configuration") or {}
        if self.switches.multi_currency and currency.get("currency_iso_code"):
            values["currency_iso_code"] = currency["currency_iso_code"]
            values["currency_exchange_rate"] = number(currency.get("currency_exchange_rate"))
        return values

    def _check(self, fields: dict[str, Any], own: DirectCost | None) -> None:
        problems: dict[str, list[str]] = {}
        if fields["status"] not in STATUSES:
            problems["status"] = ["is not included in the list"]
        vendor, invoice = fields.get("vendor_id"), fields.get("invoice_number")
        if vendor is not None and vendor not in self.state.vendors:
            problems["vendor_id"] = ["is not in the company directory"]
        if fields["direct_cost_type"] in _OF_VENDORS:
            problems |= {n: ["can't be blank"] for n in ("vendor_id", "invoice_number") if not fields.get(n)}
        if vendor is not None and invoice:
            for other in self.project.direct_costs.values():
                same = other.fields["vendor_id"] == vendor and other.fields["invoice_number"] == invoice
                if same and other is not own:
                    problems["invoice_number"] = [TAKEN]
        if problems:
            raise RowRefused(problems)

    # -- lines --------------------------------------------------------------------------------------------------------

    def write_lines(self, cost: DirectCost, rows: Sequence[Row], *, tell: bool = True) -> list[Line]:
        """Changes the lines rows name by id and makes the others, all or none. Raises RowRefused."""
        plan = []
        seen: set[str] = set()
        for row in rows:
            line = cost.lines.get(row["id"]) if row.get("id") is not None else None
            if row.get("id") is not None and line is None:
                raise RowRefused({"id": ["is not a line of the direct cost"]})
            self._check_origin(row, line, seen)
            plan.append((line, row, self._read(row, line)))
        return [self._write(cost, line, row, read, tell) for line, row, read in plan]

    def remove_line(self, cost: DirectCost, line: Line) -> None:
        """Deletes a line; its origin id is free again."""
        del cost.lines[line.id]
        cost.updated_at = self.state.stamp()
        self.state.free(LINE_KIND, line.fields.get("origin_id"))
        self._tell_lines("delete", cost, (line,))

    def _check_origin(self, row: Row, line: Line | None, seen: set[str]) -> None:
        origin = row.get("origin_id")
        if origin in (None, ""):
            return
        if str(origin) in seen or self.state.taken(LINE_KIND, origin, line):
            raise RowRefused({"origin_id": [TAKEN]})
        seen.add(str(origin))

    def _read(self, row: Row, line: Line | None) -> tuple[dict[str, Any], dict[str, Decimal | None], int | None]:
        fields = {name: row[name] for name in _LINE_TEXTS if name in row}
        problems: dict[str, list[str]] = {}
        if fields.get("uom") and fields["uom"] not in self.state.uoms:
            problems["uom"] = ["is not in the company's list of units of measure"]
        if fields.get("tax_code_id") is not None and fields["tax_code_id"] not in self.state.tax_codes:
            problems["tax_code_id"] = ["is not a tax code of the company"]
        if fields.get("funding_rule_id") is not None:
            problems["funding_rule_id"] = ["funding sources are not on"]
        code = resolve_code(self.state, self.project, row, line)
        if code is None:
            problems["wbs_code_id"] = ["can't be blank"]
        if problems:
            raise RowRefused(problems)
        return fields, _figures(row, fields, line), code

    def _write(
        self,
        cost: DirectCost,
        line: Line | None,
        row: Row,
        read: tuple[dict[str, Any], dict[str, Decimal | None], int | None],
        tell: bool,
    ) -> Line:
        fields, figures, code = read
        new = line is None
        if line is None:
            line = Line(self.state.new_id(), dict.fromkeys(_LINE_TEXTS), *self.state.birth())
            cost.positions += 1
            line.contract_id, line.position = cost.id, cost.positions
            cost.lines[line.id] = line
        before = (line.amount, line.quantity, line.unit_cost, line.wbs)
        old = line.fields.get("origin_id")
        changed = merge(self.state, line, fields)
        line.amount, line.quantity, line.unit_cost = (
            figures["amount"] or ZERO,
            figures["quantity"],
            figures["unit_cost"],
        )
        if code is not None and code != line.wbs:
            line.wbs = code
            budget_lines.ensure(self.state, self.project, code)
        if line.fields.get("origin_id") != old:
            self.state.free(LINE_KIND, old)
            self.state.claim(LINE_KIND, line.fields.get("origin_id"), line.id)
        if new or changed or before != (line.amount, line.quantity, line.unit_cost, line.wbs):
            line.updated_at = cost.updated_at = self.state.stamp()
            if tell:
                self._tell_lines("create" if new else "update", cost, (line,))
        return line

    def _tell_lines(self, event: str, cost: DirectCost, lines: Iterable[Line]) -> None:
        for line in lines:
            self.state.note(event, LINE_RESOURCE, line.id, self.project.id, ((cost.id, RESOURCE),))


def _figures(row: Row, fields: dict[str, Any], line: Line | None) -> dict[str, Decimal | None]:
    """Amount, quantity and unit cost after a write; fills in fields["extended_type"]. v1.1 says manual_amount."""
    old = line.fields.get("extended_type") if line else None
    given = row.get("manual_amount", row.get("amount"))
    amount = number(given) if given is not None else (line.amount if line else None)
    quantity = number(row["quantity"]) if "quantity" in row else (line.quantity if line else None)
    cost = number(row["unit_cost"]) if "unit_cost" in row else (line.unit_cost if line else None)
    whole = quantity is not None and cost is not None
    kind = row.get("extended_type") or ("manual" if given is not None else old) or ("calculated" if whole else "manual")
    if kind == "calculated" and quantity is not None and cost is not None:
        fields["extended_type"] = "calculated"
        return {"amount": cents(quantity * cost), "quantity": quantity, "unit_cost": cost}
    fields["extended_type"] = "manual"
    return {"amount": cents(amount or ZERO), "quantity": quantity, "unit_cost": cost}


def total(cost: DirectCost) -> Decimal:
    """The sum of the lines, without tax, in the direct cost's currency."""
    return sum((line.amount for line in cost.lines.values()), ZERO)


def synced(cost: DirectCost) -> bool:
    """Whether it or one of its lines has an origin id."""
    return bool(cost.fields.get("origin_id")) or any(x.fields.get("origin_id") for x in cost.lines.values())
