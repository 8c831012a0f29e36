"""Payments issued on a contract: one call each, in order, found again by origin id (facts/procore.md 9)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from ml_connector.kernel.errors import Refused
from ml_connector.records.payment import ContractPayment
from ml_connector.systems.port import Effect, Outcome, Result
from ml_connector.systems.procore.answers import PAYMENTS
from ml_connector.systems.procore.chain import Chains
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.commitment import day
from ml_connector.systems.procore.commitment_write import plain
from ml_connector.systems.procore.effects import body_of, done, id_of, number_of, project_of, refused

_PATH = "/rest/v1.0/contract_payments"
_NOTES = 1000
"""Characters of notes we write at most."""
_BEHIND = "An earlier payment on this contract is not settled yet; payments go in their order."


class PaymentRow(msgspec.Struct):
    """The members of a payment we use; the amount is a string."""

    id: int
    amount: Decimal | None = None
    date: str | None = None
    requisition_id: int | None = None
    origin_id: str | None = None
    updated_at: str | None = None


class PaymentWrite(msgspec.Struct, omit_defaults=True):
    """A payment as written: the amount is a string (trap 5). Its number is Procore's own count on the contract."""

    amount: str
    date: str
    payment_method: str
    origin_id: str
    requisition_id: int
    invoice_number: str | None = None
    check_number: str | None = None
    notes: str | None = None


class PaymentBody(msgspec.Struct):
    """The body of a create: project and contract stand in it."""

    project_id: int
    contract_id: int
    contract_payment: PaymentWrite


_row = msgspec.json.Decoder(PaymentRow)
_rows = msgspec.json.Decoder(list[PaymentRow])


def render(effect: Effect) -> PaymentBody:
    """A payment; the erp's number and reference stand in the notes, and as the check's number where it is a check."""
    body = body_of(effect, ContractPayment)
    said = [f"Payment {body.number}" if body.number else "", body.reference]
    return PaymentBody(
        number_of(project_of((effect,))),
        number_of(_contract(effect)),
        PaymentWrite(
            amount=plain(body.amount),
            date=body.dated.isoformat(),
            payment_method=body.method,
            origin_id=body.once_key,
            requisition_id=number_of(id_of(effect, "subcontractor_invoice", body.invoice)),
            invoice_number=body.invoice_number or None,
            check_number=(body.reference or body.number or None) if body.method == "check" else None,
            notes=", ".join(part for part in said if part)[:_NOTES] or None,
        ),
    )


def _contract(effect: Effect) -> str:
    return id_of(effect, "commitment", body_of(effect, ContractPayment).commitment)


def read(client: Client, project: str, contract: str) -> list[PaymentRow]:
    """Every payment of a contract; this list has no filters."""
    return client.pages(_PATH, (("project_id", project), ("contract_id", contract)), _rows, PAYMENTS)


class Payments:
    """Writes payments of one company, those of a contract in order and one after the other. Thread safe.

    Once one is without an answer, the later ones of its contract wait until it was looked up.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._chains = Chains(_BEHIND)

    def create(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Creates payments of one project in the order given."""
        return [self._chains.send(_contract(one), one, lambda few: [self._create(few[0])]) for one in effects]

    def _create(self, effect: Effect) -> Outcome:
        try:
            row = self._client.write("POST", _PATH, render(effect), _row, PAYMENTS)
        except Refused:
            there = self._there(effect)  # its origin id may be taken by this very payment, sent before
            if there is None:
                raise
            return _compared(effect, there)
        return _compared(effect, row)

    def find(self, effect: Effect) -> Outcome | None:
        """The payment with our once-key on its contract, as we mean it; whatever comes of it, later ones may go."""
        there = self._there(effect)
        self._chains.looked_up(_contract(effect), effect)
        outcome = _compared(effect, there) if there else None
        return outcome if outcome and outcome.result is Result.DONE else None

    def _there(self, effect: Effect) -> PaymentRow | None:
        rows = read(self._client, project_of((effect,)), _contract(effect))
        once = body_of(effect, ContractPayment).once_key
        return next((row for row in rows if row.origin_id == once), None)


def _compared(effect: Effect, row: PaymentRow) -> Outcome:
    """Done when Procore keeps what we mean; refused, saying both, when it keeps something else under our key."""
    body = body_of(effect, ContractPayment)
    invoice = id_of(effect, "subcontractor_invoice", body.invoice)
    told = (
        ("amount", plain(body.amount), None if row.amount is None or row.amount == body.amount else plain(row.amount)),
        ("date", body.dated.isoformat(), None if day(row.date) in (None, body.dated) else row.date),
        ("invoice", invoice, None if row.requisition_id in (None, int(invoice)) else str(row.requisition_id)),
    )
    for what, ours, theirs in told:
        if theirs is not None:
            sentence = f"Procore payment {row.id} has our key, but its {what} is {theirs}, and ours is {ours}."
            return refused(effect, sentence)
    return done(effect, row.id, row.updated_at)
