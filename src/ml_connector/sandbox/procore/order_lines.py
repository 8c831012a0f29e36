"""A contract's schedule of values: arithmetic, coding, the lock, sync (facts/procore.md 8.2)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.procore import budget_lines, cost_codes, cost_types, wbs
from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.contract_kinds import KINDS, kind_at
from ml_connector.sandbox.procore.errors import NO_SUCH_ID
from ml_connector.sandbox.procore.paging import listed, pick, values
from ml_connector.sandbox.procore.state import ZERO, Contract, Line, Project, State, cents, merge, money, number
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.procore.sync import Row, RowRefused, Target, create, sync, update

KIND = "line_item"
_FROZEN = ("Approved", "Complete")
_PLAIN = ("description", "uom", "origin_id", "origin_data", "tax_code_id")
_AMOUNTS = ("amount", "quantity", "unit_cost")


def locked(order: Contract, switches: ProcoreSwitches) -> bool:
    """Whether the contract's status freezes its company and schedule of values."""
    return switches.approved_freezes_lines and order.fields["status"] in _FROZEN


class Lines:
    """The schedule of values of one contract: how lines are made, changed and removed, and totals kept."""

    def __init__(self, state: State, project: Project, order: Contract, switches: ProcoreSwitches) -> None:
        self.state = state
        self.project = project
        self.order = order
        self.switches = switches

    def target(self) -> Target[Line]:
        """The contract's lines as the sync engine sees them."""
        return Target(KIND, self.order.lines, self.make, self.change, self.shown, self.switches.po_sync_accepts_id)

    def shown(self, line: Line) -> dict[str, Any]:
        """A line in answer shape."""
        return shown_line(self.state, self.project, self.order, line)

    def make(self, row: Row) -> Line:
        """A new line; an unbudgeted code gets a zero budget line at once."""
        self._refuse_locked()
        fields, figures, code = self._read(row, None)
        line = Line(self.state.new_id(), fields, *self.state.birth())
        line.contract_id = self.order.id
        self.order.positions += 1
        line.position = self.order.positions
        self.order.lines[line.id] = line
        self._settle(line, figures, code)
        self._note("create", line)
        return line

    def change(self, line: Line, row: Row) -> None:
        """Writes a row over a line; attributes absent from the row stay."""
        self._refuse_locked()
        fields, figures, code = self._read(row, line)
        before = (line.amount, line.quantity, line.unit_cost, line.wbs)
        changed = merge(self.state, line, fields)
        self._settle(line, figures, code)
        if changed or before != (line.amount, line.quantity, line.unit_cost, line.wbs):
            line.updated_at = self.order.updated_at = self.state.stamp()
            self._note("update", line)

    def _note(self, event: str, line: Line) -> None:
        kind = self.order.kind
        self.state.note(event, kind.line_resource, line.id, self.project.id, ((self.order.id, kind.resource),))

    def remove(self, line: Line) -> None:
        """Deletes a line; its origin id is free again."""
        self._refuse_locked()
        if any(
            item.line is line for r in self.order.requisitions for item in self.project.requisitions[r].items.values()
        ):
            raise RowRefused({"base": ["a line that was invoiced cannot be deleted"]})
        self._note("delete", line)
        self.order.grand_total -= line.amount
        self.state.free(KIND, line.fields.get("origin_id"))
        del self.order.lines[line.id]
        self.order.updated_at = self.state.stamp()

    def _refuse_locked(self) -> None:
        if locked(self.order, self.switches):
            raise RowRefused({"base": ["the schedule of values is frozen while the contract is approved"]})

    def _read(self, row: Row, line: Line | None) -> tuple[dict[str, Any], dict[str, Decimal | None], int | None]:
        problems: dict[str, list[str]] = {}
        fields = {name: row[name] for name in _PLAIN if name in row}
        if fields.get("uom") and fields["uom"] not in self.state.uoms:
            problems["uom"] = ["is not in the company's list of units of measure"]
        if fields.get("tax_code_id") is not None and fields["tax_code_id"] not in self.state.tax_codes:
            problems["tax_code_id"] = ["is not a tax code of the company"]
        if row.get("extended_type") is not None:
            fields["extended_type"] = row["extended_type"]
        for name in _AMOUNTS:
            if row.get(name) not in (None, "") and number(row[name]) is None:
                problems[name] = ["is not a number"]
        figures = figures_of(self.order.fields["accounting_method"], row, fields, line)
        try:
            code = resolve_code(self.state, self.project, row, line)
        except RowRefused as refused:
            problems |= refused.fields
            code = None
        if problems:
            raise RowRefused(problems)
        return fields, figures, code

    def _settle(self, line: Line, figures: Mapping[str, Decimal | None], code: int | None) -> None:
        amount = figures["amount"] or ZERO
        self.order.grand_total += amount - line.amount
        line.amount, line.quantity, line.unit_cost = amount, figures["quantity"], figures["unit_cost"]
        if code is not None and code != line.wbs:
            line.wbs = code
            budget_lines.ensure(self.state, self.project, code)


def figures_of(method: str, row: Row, fields: dict[str, Any], line: Line | None) -> dict[str, Decimal | None]:
    """Amount, quantity and unit cost after a write; fills in fields["extended_type"] when it is not given."""
    amount = number(row.get("amount")) if "amount" in row else (line.amount if line else None)
    if method == "amount":
        fields["extended_type"] = "manual"
        return {"amount": cents(amount or ZERO), "quantity": None, "unit_cost": None}
    quantity = number(row["quantity"]) if "quantity" in row else (line.quantity if line else None)
    cost = number(row["unit_cost"]) if "unit_cost" in row else (line.unit_cost if line else None)
    kind = fields.get("extended_type") or (line.fields.get("extended_type") if line else None) or "calculated"
    if kind == "calculated" and (quantity is None or cost is None):
        kind = "manual"
    fields["extended_type"] = kind
    if kind == "calculated" and quantity is not None and cost is not None:
        amount = quantity * cost
    return {"amount": cents(amount or ZERO), "quantity": quantity, "unit_cost": cost}


def resolve_code(state: State, project: Project, row: Row, line: Line | None) -> int | None:
    """The WBS code a row means: wbs_code_id wins over cost code and cost type, which make the code when it is new."""
    if row.get("wbs_code_id") is not None:
        if row["wbs_code_id"] not in project.wbs:
            raise RowRefused({"wbs_code_id": ["is not a WBS code of the project"]})
        found: int = row["wbs_code_id"]
        return found
    old = project.wbs[line.wbs] if line is not None and line.wbs is not None else None
    cost_code = row.get("cost_code_id") or (old.cost_code if old else None)
    cost_type = row.get("line_item_type_id") or (old.cost_type if old else None)
    if cost_code is None and cost_type is None:
        return None
    problems = {}
    if cost_code not in project.cost_codes:
        problems["cost_code_id"] = ["is not a cost code of the project"]
    if cost_type not in state.cost_types:
        problems["line_item_type_id"] = ["is not a cost type of the company"]
    if problems or cost_code is None or cost_type is None:
        raise RowRefused(problems)
    return wbs.find_or_make(state, project, cost_code, cost_type).id


def plain(value: Decimal | None) -> str | None:
    """A quantity or unit cost as printed: no exponent, at least one decimal."""
    if value is None:
        return None
    text = f"{value:f}"
    return text if "." in text else f"{text}.0"


def shown_line(state: State, project: Project, order: Contract, line: Line) -> dict[str, Any]:
    """A line in answer shape, with its cost code, cost type and WBS code embedded."""
    fields = line.fields
    code = project.wbs[line.wbs] if line.wbs is not None else None
    amount = money(line.amount)
    return {
        "id": line.id,
        "amount": amount,
        "company": {"id": state.company_id, "name": state.company_name},
        "cost_code": cost_codes.shown(state, project, project.cost_codes[code.cost_code]) if code else None,
        "created_at": line.created_at,
        "description": fields.get("description"),
        "extended_type": fields["extended_type"],
        "holder": {"id": order.id, "holder_type": order.kind.type},
        "line_item_type": cost_types.shown(state.cost_types[code.cost_type]) if code else None,
        "origin_data": fields.get("origin_data"),
        "origin_id": fields.get("origin_id"),
        "position": line.position,
        "project": {"id": project.id, "name": project.fields["name"]},
        "quantity": plain(line.quantity),
        "tax_code_id": fields.get("tax_code_id"),
        "total_amount": amount,
        "extended_amount": amount,
        "unit_cost": plain(line.unit_cost),
        "uom": fields.get("uom"),
        "updated_at": line.updated_at,
        "wbs_code": wbs.reference(project, line.wbs),
        "change_event_line_item": None,
        "currency_configuration": {"currency_iso_code": order.fields["currency_iso_code"]},
    }


def _lines(call: Call) -> Lines:
    kind = kind_at(call.route.path)
    order = call.project.contracts.get(call.ids[f"{kind.name}_id"])
    if order is None or order.kind is not kind:
        raise call.refuse(404, NO_SUCH_ID)
    return Lines(call.state, call.project, order, call.switches)


def _shown(lines: Lines, line: Line, view: str = "default") -> dict[str, Any]:
    full = shown_line(lines.state, lines.project, lines.order, line)
    if view == "ssov_source_lines":
        names = ("id", "amount", "description", "position", "wbs_code", "currency_configuration")
        return {name: full[name] for name in names}
    return full


def _list(call: Call) -> Answer:
    lines = _lines(call)
    rows = list(lines.order.lines.values())
    for name, key in (("cost_code_id", "cost_code"), ("line_item_type_id", "cost_type")):
        wanted = set(values(call, f"filters[{name}]"))
        if wanted:
            rows = [r for r in rows if r.wbs and str(getattr(call.project.wbs[r.wbs], key)) in wanted]
    return listed(call, rows, lambda line: _shown(lines, line, call.view("default")))


def _show(call: Call) -> Answer:
    lines = _lines(call)
    return Answer(200, _shown(lines, pick(call, lines.order.lines), call.view("default")))


def _create(call: Call) -> Answer:
    lines = _lines(call)
    line = create(call, lines.target(), call.part("line_item"))
    lines.order.updated_at = call.state.stamp()
    return Answer(201, _shown(lines, line), changed=True)


def _update(call: Call) -> Answer:
    lines = _lines(call)
    line = update(call, lines.target(), pick(call, lines.order.lines), call.part("line_item"))
    return Answer(200, _shown(lines, line), changed=True)


def _delete(call: Call) -> Answer:
    lines = _lines(call)
    try:
        lines.remove(pick(call, lines.order.lines))
    except RowRefused as refused:
        raise call.refuse(400, refused.sentence, "base") from None
    return Answer(200, changed=True)


def _sync(call: Call) -> Answer:
    lines = _lines(call)
    answer = sync(call, lines.target(), too_many=413)
    if answer.changed:
        lines.order.updated_at = call.state.stamp()
    return answer


ROUTES: tuple[Route, ...] = tuple(
    route
    for kind in KINDS
    for route in routes(
        "commitments",
        ("GET", kind.lines_path, _list),
        ("POST", kind.lines_path, _create),
        ("PATCH", f"{kind.lines_path}/sync", _sync),
        ("GET", f"{kind.lines_path}/{{id}}", _show),
        ("PATCH", f"{kind.lines_path}/{{id}}", _update),
        ("DELETE", f"{kind.lines_path}/{{id}}", _delete, "answers 200 with an empty body"),
    )
)
