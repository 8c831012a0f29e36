"""Payments issued on a contract, which feed its totals and those of the invoice they pay (facts/procore.md 9)."""

from __future__ import annotations

from typing import Any

from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.errors import NO_SUCH_ID, TAKEN
from ml_connector.sandbox.procore.paging import listed
from ml_connector.sandbox.procore.state import ZERO, Contract, Payment, Project, State, cents, day, merge, money, number
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.procore.sync import Row, RowRefused

KIND = "contract_payment"
RESOURCE = "Contract Payments"
"""Their name in webhooks."""
_PATH = "/rest/v1.0/contract_payments"
_DAYS = ("date", "invoice_date")
_TEXTS = ("invoice_number", "check_number", "draw_request_number", "notes", "payment_number", "payment_method")
_ALWAYS = ("origin_id", "origin_data")
_WRITTEN = (*_DAYS, *_TEXTS, *_ALWAYS, "requisition_id")


class Payments:
    """The payments issued on one contract."""

    def __init__(self, state: State, project: Project, order: Contract, switches: ProcoreSwitches) -> None:
        self.state = state
        self.project = project
        self.order = order
        self.switches = switches

    def make(self, row: Row) -> Payment:
        """A new payment; its number defaults to the contract's sequence. Raises RowRefused."""
        values = self._checked(row, None)
        own = [p for p in self.project.payments.values() if p.contract_id == self.order.id]
        fields = {"payment_number": len(own) + 1, **dict.fromkeys(_ALWAYS), **values}
        made = Payment(self.state.new_id(), fields, *self.state.birth())
        made.project_id, made.contract_id = self.project.id, self.order.id
        made.amount = cents(number(row.get("amount")) or ZERO)
        self.project.payments[made.id] = made
        self.order.paid += made.amount
        self.state.claim(KIND, fields["origin_id"], made.id)
        self.state.note("create", RESOURCE, made.id, self.project.id)
        self._touch(made)
        return made

    def change(self, payment: Payment, row: Row) -> None:
        """Writes a row over a payment. Raises RowRefused; a synced one takes its origin fields only."""
        values = self._checked(row, payment)
        amount = cents(number(row["amount"]) or ZERO) if row.get("amount") is not None else payment.amount
        moved = any(payment.fields.get(n) != v for n, v in values.items() if n not in _ALWAYS)
        if self._locked(payment) and (moved or amount != payment.amount):
            raise RowRefused({"base": ["the payment cannot be changed: it is synced with an ERP system"]})
        old = payment.fields.get("origin_id")
        changed = merge(self.state, payment, values)
        if amount != payment.amount:
            self.order.paid += amount - payment.amount
            payment.amount, payment.updated_at, changed = amount, self.state.stamp(), True
        if changed:
            self.state.free(KIND, old)
            self.state.claim(KIND, payment.fields.get("origin_id"), payment.id)
            self.state.note("update", RESOURCE, payment.id, self.project.id)
            self._touch(payment)

    def remove(self, payment: Payment) -> None:
        """Deletes a payment. Raises RowRefused when it is synced."""
        if self._locked(payment):
            raise RowRefused({"base": ["the payment cannot be deleted: it is synced with an ERP system"]})
        del self.project.payments[payment.id]
        self.order.paid -= payment.amount
        self.state.free(KIND, payment.fields.get("origin_id"))
        self.state.note("delete", RESOURCE, payment.id, self.project.id)
        self._touch(payment)

    def _locked(self, payment: Payment) -> bool:
        return self.switches.origin_id_locks and bool(payment.fields.get("origin_id"))

    def _touch(self, payment: Payment) -> None:
        self.order.updated_at = self.state.stamp()
        paid = self.project.requisitions.get(payment.fields.get("requisition_id") or 0)
        if paid is not None and self.switches.payment_touches_requisition:
            paid.updated_at = self.state.stamp()

    def _checked(self, row: Row, own: Payment | None) -> dict[str, Any]:
        values = {name: row[name] for name in _WRITTEN if name in row}
        values |= {name: day(values[name]) for name in _DAYS if name in values}
        if row.get("amount") not in (None, "") and number(row["amount"]) is None:
            raise RowRefused({"amount": ["is not a number"]})
        if values.get("requisition_id") is not None and values["requisition_id"] not in self.order.requisitions:
            raise RowRefused({"requisition_id": ["is not an invoice of the contract"]})
        if self.state.taken(KIND, values.get("origin_id"), own):
            raise RowRefused({"origin_id": [TAKEN]})
        if row.get("prostore_file_ids") and row.get("attachments"):
            raise RowRefused({"attachments": ["cannot be given together with prostore_file_ids"]})
        return values


def _shown(payment: Payment) -> dict[str, Any]:
    shape = contract().blank_of("GET", f"{_PATH}/{{id}}")
    known = payment.fields | {
        "id": payment.id,
        "amount": money(payment.amount),
        "contract_id": payment.contract_id,
        "project_id": payment.project_id,
        "created_at": payment.created_at,
        "updated_at": payment.updated_at,
    }
    return {name: known.get(name, empty) for name, empty in shape.items()}


def _payments(call: Call) -> Payments:
    given = call.request.param("contract_id") if call.request.method in ("GET", "DELETE") else call.body["contract_id"]
    for order in call.project.contracts.values():
        if str(order.id) == str(given):
            return Payments(call.state, call.project, order, call.switches)
    raise call.refuse(404, NO_SUCH_ID, "contract_id")


def _payment(call: Call, owner: Payments) -> Payment:
    found = call.project.payments.get(call.ids["id"])
    if found is None or found.contract_id != owner.order.id:
        raise call.refuse(404, NO_SUCH_ID)
    return found


def _list(call: Call) -> Answer:
    order = _payments(call).order
    return listed(call, [p for p in call.project.payments.values() if p.contract_id == order.id], _shown)


def _show(call: Call) -> Answer:
    return Answer(200, _shown(_payment(call, _payments(call))))


def _create(call: Call) -> Answer:
    row = {**call.part("contract_payment"), "attachments": call.body.get("attachments")}
    try:
        made = _payments(call).make(row)
    except RowRefused as refused:
        raise call.refuse(422, refused.sentence, ",".join(refused.fields)) from None
    return Answer(201, _shown(made), changed=True)


def _update(call: Call) -> Answer:
    owner = _payments(call)
    payment = _payment(call, owner)
    row = {**call.part("contract_payment"), "attachments": call.body.get("attachments")}
    try:
        owner.change(payment, row)
    except RowRefused as refused:
        raise call.refuse(422, refused.sentence, ",".join(refused.fields)) from None
    return Answer(200, _shown(payment), changed=True)


def _delete(call: Call) -> Answer:
    owner = _payments(call)
    try:
        owner.remove(_payment(call, owner))
    except RowRefused as refused:
        raise call.refuse(400, refused.sentence, "base") from None
    return Answer(200, changed=True)


ROUTES: tuple[Route, ...] = routes(
    "commitments",
    ("GET", _PATH, _list, "no filters, as there"),
    ("POST", _PATH, _create, "status and the payment provider's fields stay null; attachments are not kept"),
    ("GET", f"{_PATH}/{{id}}", _show),
    ("PATCH", f"{_PATH}/{{id}}", _update),
    ("DELETE", f"{_PATH}/{{id}}", _delete, "answers 200 with an empty body"),
)
