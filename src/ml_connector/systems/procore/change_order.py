"""Commitment change orders: v1 headers found again by `reference`, v2 lines with the deltas (facts/procore.md 8.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.text import clipped
from ml_connector.records.commitment import ChangeOrder, CommitmentLine
from ml_connector.systems.port import Effect, Outcome
from ml_connector.systems.procore import commitment
from ml_connector.systems.procore.answers import COMMITMENTS
from ml_connector.systems.procore.budget_code import LINES_PAGE, WbsRef
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.commitment_write import plain
from ml_connector.systems.procore.currency import CurrencyRef, iso_of
from ml_connector.systems.procore.effects import (
    body_of,
    done,
    id_of,
    number_of,
    one_by_one,
    project_of,
    refused,
)
from ml_connector.systems.procore.unit import Units

_CENT = Decimal("0.01")
_TEXT = 255
"""Characters a line description may have."""
_MARK = re.compile(r" \(ERP line ([^()]+)\)$")
"""How a delta without a contract line behind it says which line it is: change order lines take no origin_id."""


class ChangeRow(msgspec.Struct):
    """The members of a change order we use."""

    id: int
    contract_id: int | None = None
    number: str | None = None
    title: str | None = None
    status: str | None = None
    reference: str | None = None
    updated_at: str | None = None
    currency_configuration: CurrencyRef | None = None


class ChangeLineRow(msgspec.Struct):
    """A line of a change order as v2 shows it; ids are strings there."""

    id: str
    description: str | None = None
    uom: str | None = None
    quantity: Decimal | None = None
    unit_cost: Decimal | None = None
    amount: Decimal | None = None
    wbs_code_id: str | None = None
    wbs_code: WbsRef | None = None
    commitment_line_item_id: str | None = None


class ChangeWrite(msgspec.Struct, omit_defaults=True):
    """The members of a change order we write."""

    contract_id: int | None = None
    number: str | None = None
    title: str | None = None
    description: str | None = None
    reference: str | None = None
    status: str | None = None


class ChangeBody(msgspec.Struct):
    """The body of a change order write: the project stands in the path."""

    change_order: ChangeWrite


class ChangeLineWrite(msgspec.Struct, omit_defaults=True):
    """A line as v2 takes it: flat, strings throughout."""

    wbs_code_id: str
    amount: str
    description: str | None = None
    quantity: str | None = None
    unit_cost: str | None = None
    uom: str | None = None
    commitment_line_item_id: str | None = None


class ProjectFlag(msgspec.Struct):
    """What a project says about itself that matters for change order lines."""

    is_erp_integrated: bool | None = None


_rows = msgspec.json.Decoder(list[ChangeRow])
_row = msgspec.json.Decoder(ChangeRow)
_lines = msgspec.json.Decoder(list[ChangeLineRow])
_line = msgspec.json.Decoder(ChangeLineRow)
_flag = msgspec.json.Decoder(ProjectFlag)


def _path(project: str) -> str:
    return f"/rest/v1.0/projects/{project}/commitment_change_orders"


def all_listed(client: Client, project: str) -> list[ChangeRow]:
    """The change orders of a project, whatever contract they are of; this list has no pages (facts/procore.md 8.3)."""
    return client.get(_path(project), (), _rows, COMMITMENTS)


def _listed(client: Client, project: str, contract: str) -> list[ChangeRow]:
    rows = client.get(_path(project), (("filters[contract_id]", contract),), _rows, COMMITMENTS)
    return [row for row in rows if row.contract_id is None or str(row.contract_id) == contract]


def _lines_path(client: Client, project: str, change: int) -> str:
    start = f"/rest/v2.0/companies/{client.company}/projects/{project}"
    return f"{start}/commitment_change_orders/{change}/line_items"


def read_lines(client: Client, project: str, change: int) -> list[ChangeLineRow]:
    """The lines of one change order."""
    return client.pages(_lines_path(client, project, change), (), _lines, COMMITMENTS, LINES_PAGE)


def read(client: Client, project: str, contract: str) -> list[ChangeOrder]:
    """Change orders of one contract with their lines; a line that changes a contract line carries its once-key."""
    rows = _listed(client, project, contract)
    if not rows:
        return []
    order = commitment.show(client, project, contract)
    origins = {str(line.id): line.origin_id or "" for line in order.line_items or ()}
    own = iso_of(order.currency_configuration)
    return [
        ChangeOrder(
            reference=row.reference or "",
            commitment=order.origin_id or contract,
            project=project,
            number=row.number or "",
            title=row.title or "",
            lines=tuple(
                parse_line(line, origins, order.origin_id or "") for line in read_lines(client, project, row.id)
            ),
            currency=iso_of(row.currency_configuration) or own,
            id=str(row.id),
            status=row.status or "draft",
        )
        for row in rows
    ]


def parse_line(row: ChangeLineRow, origins: dict[str, str], order: str) -> CommitmentLine:
    """A delta as a record; `origins` are the once-keys of the contract's lines by id, `order` the contract's own."""
    amount = row.amount or Decimal(0)
    text = row.description or ""
    marked = _MARK.search(text)
    once_key = origins.get(row.commitment_line_item_id or "", "")
    if marked and order:
        text = text[: marked.start()]
        once_key = once_key or f"{order}/{marked[1]}"
    return CommitmentLine(
        once_key=once_key,
        description=text,
        quantity=Decimal(1) if row.quantity is None else row.quantity,
        unit=row.uom or "",
        unit_cost=amount if row.unit_cost is None else row.unit_cost,
        amount=amount,
        budget_code=(row.wbs_code.flat_code if row.wbs_code else None) or "",
        id=row.id,
        changes=row.commitment_line_item_id or "",
    )


def find(client: Client, effect: Effect) -> Outcome | None:
    """The change order with our reference, once it has reached its status: that comes last."""
    body, project = body_of(effect, ChangeOrder), project_of((effect,))
    contract = commitment.contract_of(client, effect, body.commitment)
    for row in _listed(client, project, contract):
        if row.reference == body.reference and row.status == body.status:
            return done(effect, row.id, row.updated_at)
    return None


class Changes:
    """Writes change orders: looked for by reference, made as draft, filled, then moved to their status."""

    def __init__(self, client: Client, units: Units) -> None:
        self._client = client
        self._units = units
        self._erp: dict[str, bool] = {}

    def amend(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Writes each change order; one begun before goes on where it stopped."""
        return one_by_one(effects, self._amend)

    def _amend(self, effect: Effect) -> Outcome:
        body, project = body_of(effect, ChangeOrder), project_of((effect,))
        contract = commitment.contract_of(self._client, effect, body.commitment)
        change = next((c for c in _listed(self._client, project, contract) if c.reference == body.reference), None)
        if change is not None and change.status == body.status:
            return done(effect, change.id, change.updated_at)
        there = read_lines(self._client, project, change.id) if change is not None else []
        rows = self._rendered(effect, body, project, contract)
        if change is None:
            change = self._create(body, project, contract)
        for line in _left_over(rows, there):
            self._client.remove(f"{_lines_path(self._client, project, change.id)}/{line.id}", COMMITMENTS)
        for row in _missing(rows, there):
            made = self._client.write("POST", _lines_path(self._client, project, change.id), row, _line, COMMITMENTS)
            if made.amount is not None and made.amount != Decimal(row.amount):
                return refused(effect, f"We sent {row.amount} for {row.description}, and Procore keeps {made.amount}.")
        last = self._client.write(
            "PATCH", f"{_path(project)}/{change.id}", ChangeBody(ChangeWrite(status=body.status)), _row, COMMITMENTS
        )
        return done(effect, change.id, last.updated_at)

    def _create(self, body: ChangeOrder, project: str, contract: str) -> ChangeRow:
        header = ChangeWrite(
            contract_id=number_of(contract),
            number=body.number or None,
            title=body.title,
            description=f"Made from the purchase order's revision. Reference {body.reference}.",
            reference=body.reference,
            status="draft",
        )
        return self._client.write("POST", _path(project), ChangeBody(header), _row, COMMITMENTS)

    def _rendered(self, effect: Effect, body: ChangeOrder, project: str, contract: str) -> list[ChangeLineWrite]:
        order = commitment.show(self._client, project, contract)
        there = order.line_items or ()
        ids = {(line.origin_id, commitment.flat_of(line)): str(line.id) for line in there if line.origin_id}
        frozen = {(str(line.id), commitment.flat_of(line)) for line in there if not line.origin_id}
        units = self._units.fitted(line.unit for line in body.lines)
        codes = {
            commitment.flat_of(line): str(line.wbs_code.id) for line in there if line.wbs_code and line.wbs_code.id
        }
        rows = []
        for line in body.lines:
            named = Key("budget_code", f"{body.project}/{line.budget_code}")
            budget_code = effect.ids.get(named) or codes.get(line.budget_code) or id_of(effect, *named)
            row = render_line(line, budget_code, units.get(line.unit))
            row.commitment_line_item_id = ids.get((line.once_key, line.budget_code))
            if row.commitment_line_item_id is None:
                row.description = marked(line.description, line.once_key.removeprefix(f"{body.commitment}/"))
                if (line.id, line.budget_code) in frozen:  # a line that was there before us and takes no mark
                    row.commitment_line_item_id = line.id
                elif self._erp_integrated(project):
                    row.commitment_line_item_id = "new"
            rows.append(row)
        return rows

    def _erp_integrated(self, project: str) -> bool:
        """Whether the project is under Procore's own ERP mode, where a new line must say so."""
        if project not in self._erp:
            query = (("company_id", self._client.company),)
            flag = self._client.get(f"/rest/v1.0/projects/{project}", query, _flag, COMMITMENTS)
            self._erp[project] = bool(flag.is_erp_integrated)
        return self._erp[project]


def render_line(line: CommitmentLine, budget_code: str, unit: str | None) -> ChangeLineWrite:
    """A delta as a v2 line. Quantity and cost go along only where they make the amount, for Procore multiplies them."""
    row = ChangeLineWrite(budget_code, plain(line.amount), line.description)
    if (line.quantity * line.unit_cost).quantize(_CENT) == line.amount.quantize(_CENT):
        row.quantity, row.unit_cost, row.uom = plain(line.quantity), plain(line.unit_cost), unit
    return row


def marked(text: str, line: str) -> str:
    """A description that names its line: `Anchors (ERP line 4/1)`, within 255 characters."""
    mark = f" (ERP line {line})"
    return clipped(text, _TEXT - len(mark)) + mark


def _mark(line: ChangeLineRow) -> tuple[str, str | None, Decimal | None]:
    """What makes a line of a draft the one we would write."""
    return str(line.wbs_code.id if line.wbs_code else line.wbs_code_id), line.description, line.amount


def _left_over(rows: Sequence[ChangeLineWrite], there: Sequence[ChangeLineRow]) -> list[ChangeLineRow]:
    """Lines of a draft begun before that are wanted no more: the order changed again since."""
    wanted: list[tuple[str, str | None, Decimal | None]] = [
        (row.wbs_code_id, row.description, Decimal(row.amount)) for row in rows
    ]
    over = []
    for line in there:
        mark = _mark(line)
        if mark in wanted:
            wanted.remove(mark)
        else:
            over.append(line)
    return over


def _missing(rows: Sequence[ChangeLineWrite], there: Sequence[ChangeLineRow]) -> list[ChangeLineWrite]:
    """The rows that have no equal among the lines already there, each line counted once."""
    left = [_mark(line) for line in there]
    missing = []
    for row in rows:
        mark = (row.wbs_code_id, row.description, Decimal(row.amount))
        if mark in left:
            left.remove(mark)
        else:
            missing.append(row)
    return missing
