"""Subcontractor invoices, by the interface called requisitions: made, changed, locked, deleted (facts/procore.md 9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_connector.sandbox.procore import billing_periods
from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.errors import NO_SUCH_ID, TAKEN
from ml_connector.sandbox.procore.paging import by_field, by_origin, listed, pick
from ml_connector.sandbox.procore.requisition_items import Items
from ml_connector.sandbox.procore.requisition_shapes import Shapes
from ml_connector.sandbox.procore.state import Contract, Item, Project, Requisition, State, day, merge
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.procore.sync import Row, RowRefused

KIND = "requisition"
RESOURCE = "Requisitions"
"""Their name in webhooks, where a switch offers them."""
STATUSES = ("draft", "under_review", "revise_and_resubmit", "approved", "approved_as_noted", "pending_owner_approval")
LOCKED = "the invoice cannot be changed: it is synced with an ERP system"
NO_PERIOD = "The project has no open billing period; open one, or name a period_id."
_PATH = "/rest/v1.1/requisitions"
_DAYS = ("requisition_start", "requisition_end", "billing_date", "payment_date")
_WRITTEN = (*_DAYS, "period_id", "final", "invoice_number", "status", "submitted_at", "origin_id", "origin_data")


class Requisitions:
    """The subcontractor invoices of one contract."""

    def __init__(self, state: State, project: Project, order: Contract, switches: ProcoreSwitches) -> None:
        self.state = state
        self.project = project
        self.order = order
        self.switches = switches

    def shapes(self) -> Shapes:
        """How they look in answers."""
        return Shapes(self.state, self.project, self.order, self.switches)

    def items(self, found: Requisition) -> Items:
        """The items of one of them."""
        return Items(self.state, self.project, self.order, found, self.switches)

    def make(self, row: Row, rows: Sequence[Row] = ()) -> Requisition:
        """A new invoice in the named or the open period, its items generated and then written. Raises RowRefused."""
        values = self._values(row)
        self._check(values, None)
        if self.switches.requisition_needs_approved_contract and self.order.fields["status"] != "Approved":
            raise RowRefused({"commitment_id": ["is not approved"]})
        period = billing_periods.named_or_open(self.project, values.get("period_id"))
        if period is None:
            raise RowRefused({"base": [NO_PERIOD]} if values.get("period_id") is None else {"period_id": [NO_SUCH_ID]})
        own = [self.project.requisitions[r] for r in self.order.requisitions]
        self._refuse_second(period.id, None)
        span = period.fields
        defaults = {"status": "draft", "final": False, "invoice_number": None, "origin_id": None, "origin_data": None}
        dates = {"requisition_start": span["start_date"], "requisition_end": span["end_date"]}
        fields = {**defaults, **dates, "billing_date": span["end_date"], **values, "period_id": period.id}
        made = Requisition(self.state.new_id(), fields, *self.state.birth())
        made.fields["created_by"] = self.state.user() | {"company_name": self.state.company_name}
        made.project_id, made.contract_id = self.project.id, self.order.id
        made.previous_id = self.order.requisitions[-1] if self.order.requisitions else None
        made.number = own[-1].number + 1 if own else 1
        items = self.items(made)
        items.generate()
        items.write(rows)
        made.history.clear()
        self._submitted(made)
        self.project.requisitions[made.id] = made
        self.order.requisitions.append(made.id)
        self.state.claim(KIND, made.fields["origin_id"], made.id)
        self.state.note("create", RESOURCE, made.id, self.project.id)
        return made

    def change(self, found: Requisition, row: Row, rows: Sequence[Row] = ()) -> None:
        """Writes header and items, all or none. Raises RowRefused when the invoice is locked or a value will not do."""
        values = self._values(row)
        self._check(values, found)
        if values.get("period_id", 0) is None:
            del values["period_id"]
        elif "period_id" in values and values["period_id"] not in self.project.periods:
            raise RowRefused({"period_id": [NO_SUCH_ID]})
        self._refuse_second(values.get("period_id"), found)
        self.refuse_locked(found)
        touched = self.items(found).write(rows)
        old = dict(found.fields)
        header = merge(self.state, found, values)
        self._submitted(found)
        if header:
            self._remember(found, old, values)
            self.state.free(KIND, old.get("origin_id"))
            self.state.claim(KIND, found.fields["origin_id"], found.id)
        if touched:
            self._touch(found)
        if touched or header:
            self.state.note("update", RESOURCE, found.id, self.project.id)

    def write_items(self, found: Requisition, rows: Sequence[Row]) -> bool:
        """Writes items alone, all or none; True when something changed. Raises RowRefused."""
        self.refuse_locked(found)
        if not self.items(found).write(rows):
            return False
        self._items_changed(found)
        return True

    def add_package(self, found: Requisition, change_id: int) -> list[Item]:
        """Puts an approved change order on an invoice. Raises RowRefused."""
        self.refuse_locked(found)
        made = self.items(found).add_package(change_id)
        self._items_changed(found)
        return made

    def remove_package(self, found: Requisition, change_id: int) -> None:
        """Takes a change order off an invoice again. Raises RowRefused once it was billed."""
        self.refuse_locked(found)
        self.items(found).remove_package(change_id)
        self._items_changed(found)

    def set_due_date(self, found: Requisition, due: str) -> None:
        """Keeps the day an invoice is due; that a synced one takes it too is a guess."""
        if merge(self.state, found, {"due_date": due}):
            self.state.note("update", RESOURCE, found.id, self.project.id)

    def _items_changed(self, found: Requisition) -> None:
        self._touch(found)
        self.state.note("update", RESOURCE, found.id, self.project.id)

    def _touch(self, found: Requisition) -> None:
        """An item changed: whether that moves the invoice's updated_at is a switch."""
        if self.switches.item_change_touches_requisition:
            found.updated_at = self.state.stamp()

    def remove(self, found: Requisition) -> None:
        """Deletes the latest invoice. Raises RowRefused when it is not deletable."""
        if not self.shapes().deletable(found):
            raise RowRefused({"base": ["only the latest invoice can be deleted, unsynced and without payments"]})
        del self.project.requisitions[found.id]
        self.order.requisitions.remove(found.id)
        self.state.free(KIND, found.fields.get("origin_id"))
        self.state.note("delete", RESOURCE, found.id, self.project.id)

    def refuse_locked(self, found: Requisition) -> None:
        """Raises RowRefused for a synced invoice, and for one that is not the latest where a switch says so."""
        if self.switches.origin_id_locks and found.fields.get("origin_id"):
            raise RowRefused({"base": [LOCKED]})
        if self.switches.only_latest_requisition_changes and self.order.requisitions[-1] != found.id:
            raise RowRefused({"base": ["only the latest invoice of a contract can be changed"]})

    def _refuse_second(self, period_id: int | None, found: Requisition | None) -> None:
        """One invoice of the contract in a period, where a switch says so."""
        if not self.switches.one_requisition_per_period or period_id is None:
            return
        for known in (self.project.requisitions[r] for r in self.order.requisitions):
            if known is not found and known.fields["period_id"] == period_id:
                raise RowRefused({"period_id": ["has an invoice of the contract already"]})

    def _values(self, row: Row) -> dict[str, Any]:
        values = {name: row[name] for name in _WRITTEN if name in row}
        return values | {name: day(values[name]) for name in _DAYS if name in values}

    def _check(self, values: dict[str, Any], found: Requisition | None) -> None:
        if values.get("status", "draft") not in STATUSES:
            raise RowRefused({"status": ["is not included in the list"]})
        if self.state.taken(KIND, values.get("origin_id"), found):
            raise RowRefused({"origin_id": [TAKEN]})

    def _submitted(self, found: Requisition) -> None:
        if found.fields["status"] == "under_review" and not found.fields.get("submitted_at"):
            found.fields["submitted_at"] = self.state.stamp()

    def _remember(self, found: Requisition, old: dict[str, Any], values: dict[str, Any]) -> None:
        user, stamp = self.state.user(), self.state.stamp()
        for name, value in values.items():
            if old.get(name) == value:
                continue
            was, now = (None if v is None else str(v) for v in (old.get(name), value))
            who = {"action_by": user["name"], "action_by_id": user["id"], "created_at": stamp}
            change = {"id": self.state.new_id(), "column": name, "old_value": was, "new_value": now, **who}
            found.history.append(change | {"ref_id": found.id, "ref_type": KIND})


def requisitions_of(call: Call, contract_id: int) -> Requisitions:
    """The invoices of a contract of the call's project, deleted or not; 404 when there is no such contract."""
    order = call.project.contracts.get(contract_id) or call.project.deleted.get(contract_id)
    if order is None:
        raise call.refuse(404, NO_SUCH_ID, "commitment_id")
    return Requisitions(call.state, call.project, order, call.switches)


def _list(call: Call) -> Answer:
    rows = by_origin(call, KIND, list(call.project.requisitions.values()))
    rows = by_field(call, rows, "commitment_id", lambda r: r.contract_id)
    rows = by_field(call, rows, "period_id", lambda r: r.fields["period_id"])
    rows = by_field(call, rows, "status", lambda r: r.fields["status"])
    last = call.request.param("filters[is_last]")
    if last is not None:
        wanted = last.lower() in ("true", "1")
        rows = [r for r in rows if (call.project.contracts[r.contract_id].requisitions[-1] == r.id) is wanted]
    view = call.view("default")
    return listed(call, rows, lambda r: requisitions_of(call, r.contract_id).shapes().requisition(r, view))


def _answer(call: Call, status: int, found: Requisition) -> Answer:
    shapes = requisitions_of(call, found.contract_id).shapes()
    return Answer(status, shapes.requisition(found, call.view("default")), changed=status == 201)


def _show(call: Call) -> Answer:
    return _answer(call, 200, pick(call, call.project.requisitions))


def _create(call: Call) -> Answer:
    if call.body["commitment_id"] not in call.project.contracts:
        raise call.refuse(404, NO_SUCH_ID, "commitment_id")
    row = call.part("requisition")
    try:
        made = requisitions_of(call, call.body["commitment_id"]).make(row, row.get("items") or ())
    except RowRefused as refused:
        raise call.refuse(400, refused.sentence, ",".join(refused.fields)) from None
    return _answer(call, 201, made)


def _update(call: Call) -> Answer:
    found, row = pick(call, call.project.requisitions), call.part("requisition")
    if call.body["commitment_id"] != found.contract_id:
        raise call.refuse(404, NO_SUCH_ID, "commitment_id")
    try:
        requisitions_of(call, found.contract_id).change(found, row, row.get("items") or ())
    except RowRefused as refused:
        raise call.refuse(422, refused.sentence, ",".join(refused.fields)) from None
    answer = _answer(call, 200, found)
    answer.changed = True
    return answer


def _delete(call: Call) -> Answer:
    found = pick(call, call.project.requisitions)
    try:
        requisitions_of(call, found.contract_id).remove(found)
    except RowRefused as refused:
        raise call.refuse(422, refused.sentence, "base") from None
    return Answer(200, changed=True)


def _due_date(call: Call) -> Answer:
    found = pick(call, call.project.requisitions)
    due = day(call.body.get("due_date"))
    if due is None:
        raise call.refuse(400, "due_date is not a date", "due_date")
    requisitions_of(call, found.contract_id).set_due_date(found, due)
    return Answer(200, {"data": {"due_date": due}}, changed=True)


ROUTES: tuple[Route, ...] = (
    *routes("commitments", ("GET", _PATH, _list, "purchase orders only; taxes are zero"), page=30),
    *routes(
        "commitments",
        ("POST", _PATH, _create, "uploads and custom fields are accepted and not kept"),
        ("GET", f"{_PATH}/{{id}}", _show),
        ("PATCH", f"{_PATH}/{{id}}", _update),
        ("DELETE", f"{_PATH}/{{id}}", _delete, "answers 200 with an empty body"),
        (
            "PATCH",
            "/rest/v2.0/companies/{company_id}/projects/{project_id}/requisitions/{id}/payment_details",
            _due_date,
        ),
    ),
)
