"""The budget of a project: original lines, the lock, and the budget changes after it (facts/procore.md 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from ml_connector.kernel.errors import NameMissing, Refused, RightMissing
from ml_connector.kernel.text import clipped
from ml_connector.records.budget import Budget, BudgetChange, BudgetLine
from ml_connector.systems.port import Effect, Outcome
from ml_connector.systems.procore import budget_code
from ml_connector.systems.procore.answers import BUDGET, BUDGET_WRITING
from ml_connector.systems.procore.budget_code import LINES_PAGE, WbsRef
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.commitment_write import plain
from ml_connector.systems.procore.currency import Currencies
from ml_connector.systems.procore.effects import body_of, done, id_of, number_of, one_by_one, project_of, refused
from ml_connector.systems.procore.exact import exact

_SYNC = "/rest/v1.0/budget_line_items/sync"
_TITLE = 255
"""Characters a budget change's title is kept to; its reference stands whole at the end."""
_UNREADABLE = (RightMissing, NameMissing, Refused)


class Lock(msgspec.Struct):
    """GET .../budget."""

    locked: bool | None = None


class LineRow(msgspec.Struct):
    """A budget line: of the v2 list (ids and amounts are strings) or as the sync call answers it (both numbers)."""

    id: str | int | None = None
    original_budget_amount: Decimal | None = None
    wbs_code: WbsRef | None = None


class ViewRow(msgspec.Struct):
    """A row of a budget view; its amounts are strings."""

    id: int | None = None
    wbs_code_id: int | None = None
    original_budget_amount: Decimal | None = None


class AdjustmentRow(msgspec.Struct):
    """A line of a budget change: as show has it, with its WBS code, or as the v2 list of a project has it."""

    amount: Decimal | None = None
    wbs_code: WbsRef | None = None
    wbs_code_id: str | int | None = None
    budget_change_status: str | None = None


class ChangeRow(msgspec.Struct):
    """A budget change; only show has its lines."""

    id: int
    number: Decimal | None = None
    status: str | None = None
    title: str | None = None
    adjustment_line_items: list[AdjustmentRow] | None = None


class Changes(msgspec.Struct):
    """The wrapper around the list, which has no pages."""

    data: list[ChangeRow] | None = None


class Change(msgspec.Struct):
    """The wrapper around one budget change."""

    data: ChangeRow


class LineWrite(msgspec.Struct, omit_defaults=True):
    """One row of the budget sync: the amount is a JSON number (trap 5)."""

    wbs_code_id: int
    original_budget_amount: msgspec.Raw
    calculation_strategy: str
    id: int | None = None


class LineSync(msgspec.Struct):
    """The body of the budget sync, which is none like the others (trap 6)."""

    project_id: int
    budget_line_items: list[LineWrite]


class AdjustmentWrite(msgspec.Struct):
    """A delta of a budget change: the amount is a JSON number."""

    ref: str
    wbs_code_id: int
    type: str
    calculation_strategy: str
    amount: msgspec.Raw


class ChangeWrite(msgspec.Struct):
    """The body of a new budget change: the project stands in the path."""

    status: str
    title: str
    adjustment_line_items: list[AdjustmentWrite]


_lock = msgspec.json.Decoder(Lock)
_lines = msgspec.json.Decoder(list[LineRow])
_view = msgspec.json.Decoder(list[ViewRow])
_changes = msgspec.json.Decoder(Changes)
_change = msgspec.json.Decoder(Change)
_adjustments = msgspec.json.Decoder(list[AdjustmentRow])


# -- reading ----------------------------------------------------------------------------------------------------------


def read(client: Client, currencies: Currencies, project: str) -> Budget:
    """The original budget by code, whether it is locked, and its approved changes summed by code.

    Changes that may not be read are left out while the budget is open, for then they move nothing we write; on a
    locked budget that is an error.
    """
    locked = bool(client.get(f"/rest/v1.0/projects/{project}/budget", (), _lock, BUDGET).locked)
    flats: dict[str, str] = {}
    lines = _original(client, project, flats)
    try:
        changes = _approved(client, project, flats)
    except _UNREADABLE:
        if locked:
            raise
        changes = ()
    return Budget(project, currencies.project(project) or "", lines, locked, changes)


def _original(client: Client, project: str, flats: dict[str, str]) -> tuple[BudgetLine, ...]:
    """Original lines by code; notes in `flats` which budget code id reads how."""
    found = budget_code.from_budget(
        client, lambda: _from_lines(client, project, flats), lambda: _from_view(client, project, flats)
    )
    return tuple(sorted(found, key=lambda line: line.flat))


def _from_lines(client: Client, project: str, flats: dict[str, str]) -> list[BudgetLine]:
    found = []
    for row in client.pages(budget_code.lines_path(client, project), (), _lines, BUDGET, LINES_PAGE):
        if row.wbs_code is None or not row.wbs_code.flat_code:
            raise NameMissing(
                f"Procore's budget line {row.id} of project {project} names no budget code.",
                remedy="Set `budget_list` of the Procore connection to `views`.",
            )
        flats[str(row.wbs_code.id)] = row.wbs_code.flat_code
        found.append(BudgetLine(row.wbs_code.flat_code, row.original_budget_amount or Decimal(0), str(row.id or "")))
    return found


def _from_view(client: Client, project: str, flats: dict[str, str]) -> list[BudgetLine]:
    query = (("project_id", project), ("budget_row_type", "budgeted"))
    rows = client.pages(budget_code.view_path(client, project), query, _view, BUDGET)
    return [
        BudgetLine(
            _flat(client, project, row.wbs_code_id, flats), row.original_budget_amount or Decimal(0), _id(row.id)
        )
        for row in rows
    ]


def _id(id_: int | None) -> str:
    return "" if id_ is None else str(id_)


def _flat(client: Client, project: str, code: str | int | None, flats: dict[str, str]) -> str:
    """How a budget code reads, by its id; the project's codes are listed when the first one is not known."""
    if str(code) not in flats:
        flats |= {str(row.id): row.flat_code or "" for row in budget_code.listed(client, project)}
    return flats.setdefault(str(code), "")


def _changes_path(project: str) -> str:
    return f"/rest/v1.0/projects/{project}/budget_changes"


def _listed(client: Client, project: str) -> list[ChangeRow]:
    return client.get(_changes_path(project), (), _changes, BUDGET).data or []


def _approved(client: Client, project: str, flats: dict[str, str]) -> tuple[BudgetLine, ...]:
    approved = [row for row in _listed(client, project) if row.status == "approved"]
    sums: dict[str, Decimal] = {}
    for line in _lines_of_all(client, project, approved) if approved else ():
        if line.wbs_code is not None and line.wbs_code.flat_code:
            flat = line.wbs_code.flat_code
        else:
            flat = _flat(client, project, line.wbs_code_id, flats)
        sums[flat] = sums.get(flat, Decimal(0)) + (line.amount or Decimal(0))
    return tuple(BudgetLine(flat, amount) for flat, amount in sorted(sums.items()))


def _lines_of_all(client: Client, project: str, approved: Sequence[ChangeRow]) -> list[AdjustmentRow]:
    """The lines of all approved changes: from the v2 list of a project, else change by change."""
    path = f"/rest/v2.0/companies/{client.company}/projects/{project}/budget_changes/adjustment_line_items"
    try:
        rows = client.pages(path, (), _adjustments, BUDGET, LINES_PAGE)
        return [row for row in rows if row.budget_change_status == "approved"]
    except _UNREADABLE:
        return [line for row in approved for line in _shown(client, project, row.id).adjustment_line_items or ()]


def _shown(client: Client, project: str, change: int) -> ChangeRow:
    return client.get(f"{_changes_path(project)}/{change}", (), _change, BUDGET).data


# -- original budget --------------------------------------------------------------------------------------------------


def fill(client: Client, effects: Sequence[Effect]) -> list[Outcome]:
    """Writes original budget lines, one project a time; a locked budget refuses them in Procore's words."""
    return one_by_one(effects, lambda effect: _fill(client, effect))


def _fill(client: Client, effect: Effect) -> Outcome:
    body, project = body_of(effect, Budget), project_of((effect,))
    known = {line.flat: line.id for line in body.lines if line.id}
    size = client.settings.batch_rows
    for start in range(0, len(body.lines), size):
        lines = body.lines[start : start + size]
        try:
            outcome = _written(client, effect, lines, known)
        except Refused:
            # A line that came to be since the budget was read must be named by its id: one budget line a code.
            there = {line.flat: line.id for line in _original(client, project, {}) if line.id}
            if all(known.get(line.flat) == there.get(line.flat) for line in lines):
                raise
            known = there
            outcome = _written(client, effect, lines, known)
        if outcome is not None:
            return outcome
    return done(effect, project)


def _written(client: Client, effect: Effect, lines: Sequence[BudgetLine], known: Mapping[str, str]) -> Outcome | None:
    """None when Procore keeps the lines as sent; else the refusal that says which it does not."""
    codes = {line.flat: number_of(_code(effect, line)) for line in lines}
    rows = [
        LineWrite(
            codes[line.flat],
            exact(line.amount),
            "manual",
            number_of(known[line.flat]) if known.get(line.flat) else None,
        )
        for line in lines
    ]
    body = LineSync(number_of(project_of((effect,))), rows)
    answer = client.write("POST", _SYNC, body, _lines, BUDGET_WRITING)
    kept = {str(row.wbs_code.id): row.original_budget_amount for row in answer if row.wbs_code is not None}
    for line in lines:
        amount = kept.get(str(codes[line.flat]))
        if amount != line.amount:
            told = "nothing" if amount is None else plain(amount)
            return refused(effect, f"Budget line {line.flat}: we sent {plain(line.amount)}, and Procore keeps {told}.")
    return None


def _code(effect: Effect, line: BudgetLine) -> str:
    body = effect.body
    project = body.project if isinstance(body, (Budget, BudgetChange)) else effect.scope
    return id_of(effect, "budget_code", f"{project}/{line.flat}")


def find(client: Client, effect: Effect) -> Outcome | None:
    """Whether the budget has every line of ours with our amount."""
    body, project = body_of(effect, Budget), project_of((effect,))
    there = {line.flat: line.amount for line in _original(client, project, {})}
    return done(effect, project) if all(there.get(line.flat) == line.amount for line in body.lines) else None


# -- budget changes ---------------------------------------------------------------------------------------------------


def titled(body: BudgetChange) -> str:
    """The title a budget change goes under: it ends with our reference, by which it is found again."""
    mark = f" [{body.reference}]"
    if body.title.endswith(mark):
        return body.title
    return clipped(body.title, _TITLE - len(mark)) + mark


def amend(client: Client, effects: Sequence[Effect]) -> list[Outcome]:
    """Makes approved budget changes; one whose reference is there already is not made again."""
    return one_by_one(effects, lambda effect: _amend(client, effect))


def _amend(client: Client, effect: Effect) -> Outcome:
    body, project = body_of(effect, BudgetChange), project_of((effect,))
    there = _there(client, project, body)
    if there is not None:
        if there.status != "approved":
            return refused(effect, f"Procore has the budget change {there.title}, and it is {there.status}.")
        return _compared(effect, _shown(client, project, there.id))
    rows = [
        AdjustmentWrite(line.flat, number_of(_code(effect, line)), "budget_change", "manual", exact(line.amount))
        for line in body.lines
    ]
    write = ChangeWrite("approved", titled(body), rows)
    made = client.write("POST", _changes_path(project), write, _change, BUDGET_WRITING).data
    return _compared(effect, made)


def _there(client: Client, project: str, body: BudgetChange) -> ChangeRow | None:
    mark = f"[{body.reference}]"
    return next((row for row in _listed(client, project) if (row.title or "").endswith(mark)), None)


def _compared(effect: Effect, change: ChangeRow) -> Outcome:
    """Done when the deltas Procore keeps are ours, code by code."""
    ours: dict[str, Decimal] = {}
    for line in body_of(effect, BudgetChange).lines:
        code = _code(effect, line)
        ours[code] = ours.get(code, Decimal(0)) + line.amount
    kept: dict[str, Decimal] = {}
    for row in change.adjustment_line_items or ():
        code = str(row.wbs_code.id if row.wbs_code else row.wbs_code_id)
        kept[code] = kept.get(code, Decimal(0)) + (row.amount or Decimal(0))
    if ours != kept:
        sent, there = plain(sum(ours.values(), Decimal(0))), plain(sum(kept.values(), Decimal(0)))
        return refused(
            effect, f"Procore keeps the budget change {change.title} with other lines: {there} in all, ours {sent}."
        )
    return done(effect, change.id)


def find_change(client: Client, effect: Effect) -> Outcome | None:
    """The approved budget change whose title ends with our reference."""
    there = _there(client, project_of((effect,)), body_of(effect, BudgetChange))
    return done(effect, there.id) if there is not None and there.status == "approved" else None
