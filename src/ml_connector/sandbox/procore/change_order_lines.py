"""Lines of commitment change orders: coding, the approved lock, the link to a contract line (facts/procore.md 8.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ml_connector.sandbox.procore import budget_lines
from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.change_orders import RESOURCE, contract_of, settle
from ml_connector.sandbox.procore.commitments import line_v2
from ml_connector.sandbox.procore.errors import NO_SUCH_ID
from ml_connector.sandbox.procore.order_lines import Lines, figures_of
from ml_connector.sandbox.procore.paging import paged, pick
from ml_connector.sandbox.procore.state import ZERO, ChangeOrder, Line, Project, State, number
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.procore.sync import Row, RowRefused

NEW = "new"
"""What commitment_line_item_id says to have a contract line made."""
_LINES = (
    "/rest/v2.0/companies/{company_id}/projects/{project_id}"
    "/commitment_change_orders/{commitment_change_order_id}/line_items"
)
_TEXTS = ("description", "uom", "prime_line_item_id", "commitment_line_item_id", "tax_code_id")


class ChangeOrderLines:
    """The lines of one change order: how they are written and removed, and the totals kept."""

    def __init__(self, state: State, project: Project, change: ChangeOrder, switches: ProcoreSwitches) -> None:
        self.state = state
        self.project = project
        self.change = change
        self.order = contract_of(project, change)
        self.switches = switches

    def write(self, row: Row, line: Line | None = None) -> Line:
        """Makes a line, or writes a row over one. Raises RowRefused with sentences per field."""
        self._refuse_frozen()
        code = self._code(row, line)
        self._check(row)
        fields = {name: row[name] for name in _TEXTS if name in row}
        figures = figures_of(self.order.fields["accounting_method"], row, fields, line)
        if row.get("commitment_line_item_id") == NEW:
            fields["commitment_line_item_id"] = str(self._zero_line(code, row).id)
        if line is None:
            line = Line(self.state.new_id(), {}, *self.state.birth())
            self.change.positions += 1
            line.contract_id, line.position = self.change.contract_id, self.change.positions
            self.change.lines[line.id] = line
        line.fields.update(fields)
        line.wbs, line.updated_at = code, self.state.stamp()
        line.amount, line.quantity, line.unit_cost = (
            figures["amount"] or ZERO,
            figures["quantity"],
            figures["unit_cost"],
        )
        budget_lines.ensure(self.state, self.project, code)
        self._settle()
        return line

    def remove(self, line: Line) -> None:
        """Deletes a line. Raises RowRefused when the change order is approved."""
        self._refuse_frozen()
        del self.change.lines[line.id]
        self._settle()

    def shown(self, call: Call, line: Line) -> dict[str, Any]:
        """A line in answer shape; its quantity is a JSON number here."""
        shown = line_v2(call, line, self.order.fields["accounting_method"] == "unit")
        if "quantity" in shown:
            shown["quantity"] = budget_lines.exact(line.quantity)
        return shown | {"commitment_line_item_id": line.fields.get("commitment_line_item_id")}

    def _refuse_frozen(self) -> None:
        if self.change.fields["status"] == "approved" and self.switches.approved_freezes_lines:
            raise RowRefused({"status": ["the lines of an approved change order are frozen"]})

    def _check(self, row: Row) -> None:
        problems: dict[str, list[str]] = {}
        for name in ("amount", "quantity", "unit_cost"):
            if row.get(name) not in (None, "") and number(row[name]) is None:
                problems[name] = ["is not a number"]
        if row.get("uom") and row["uom"] not in self.state.uoms:
            problems["uom"] = ["is not in the company's list of units of measure"]
        tax = row.get("tax_code_id")
        if tax is not None and tax not in {str(i) for i in self.state.tax_codes}:
            problems["tax_code_id"] = ["is not a tax code of the company"]
        linked = row.get("commitment_line_item_id")
        makes_new = linked == NEW and self.switches.change_order_new_line
        if linked is not None and not makes_new and linked not in {str(i) for i in self.order.lines}:
            problems["commitment_line_item_id"] = ["is not a line of the contract"]
        if problems:
            raise RowRefused(problems)

    def _code(self, row: Row, line: Line | None) -> int:
        given = row.get("wbs_code_id")
        if given is None and line is not None and line.wbs is not None:
            return line.wbs
        if not isinstance(given, str) or not given.isdigit() or int(given) not in self.project.wbs:
            raise RowRefused({"wbs_code_id": ["is not a WBS code of the project"]})
        return int(given)

    def _zero_line(self, code: int, row: Row) -> Line:
        """The contract line that `new` stands for; an approved contract takes it too, for it adds no money."""
        open_hand = replace(self.switches, approved_freezes_lines=False)
        texts = {name: row[name] for name in ("description", "uom") if name in row}
        zero = {"wbs_code_id": code, "extended_type": "manual", "amount": "0.00", **texts}
        return Lines(self.state, self.project, self.order, open_hand).make(zero)

    def _settle(self) -> None:
        self.change.updated_at = self.state.stamp()
        settle(self.state, self.project, self.change)
        self.state.note("update", RESOURCE, self.change.package_id, self.project.id)


def _of(call: Call) -> ChangeOrderLines:
    change = pick(call, call.project.change_orders, "commitment_change_order_id")
    return ChangeOrderLines(call.state, call.project, change, call.switches)


def _lines(call: Call) -> Answer:
    lines = _of(call)
    page, headers = paged(call, list(lines.change.lines.values()))
    return Answer(200, {"data": [lines.shown(call, line) for line in page]}, headers)


def _show(call: Call) -> Answer:
    lines = _of(call)
    return Answer(200, {"data": lines.shown(call, pick(call, lines.change.lines))})


def _write(call: Call) -> Answer:
    lines = _of(call)
    known = pick(call, lines.change.lines) if "id" in call.ids else None
    try:
        line = lines.write(call.body, known)
    except RowRefused as refused:
        raise call.refuse(400, refused.sentence, ",".join(refused.fields)) from None
    return Answer(200, {"data": lines.shown(call, line)}, changed=True)


def _remove(call: Call) -> Answer:
    lines = _of(call)
    known = lines.change.lines.get(call.ids["id"])
    if known is None:
        raise call.refuse(404, NO_SUCH_ID)
    try:
        lines.remove(known)
    except RowRefused as refused:
        raise call.refuse(400, refused.sentence, ",".join(refused.fields)) from None
    return Answer(204, changed=True)


ROUTES: tuple[Route, ...] = (
    *routes(
        "commitments",
        ("POST", _LINES, _write, "commitment_line_item_id new makes a zero line on the contract"),
        ("GET", f"{_LINES}/{{id}}", _show),
        ("PATCH", f"{_LINES}/{{id}}", _write),
        ("DELETE", f"{_LINES}/{{id}}", _remove),
    ),
    *routes("commitments", ("GET", _LINES, _lines), page=10, cap=100),
)
