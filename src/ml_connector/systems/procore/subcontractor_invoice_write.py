"""Sending subcontractor invoices: one POST each with every figure in it, for origin_id locks the invoice afterwards.

The invoices of a contract form a chain, each beginning where the one before ended, so they go one after the other;
those of different contracts may go side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from ml_connector.kernel.errors import Locked, Refused
from ml_connector.kernel.text import listed
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.systems.port import Effect, Outcome
from ml_connector.systems.procore.answers import INVOICES
from ml_connector.systems.procore.chain import Chains
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.commitment_write import plain, plain_day
from ml_connector.systems.procore.effects import body_of, done, id_of, number_of, project_of, refused, unknown
from ml_connector.systems.procore.subcontractor_invoice import (
    PATH,
    ZERO,
    InvoiceRow,
    by_origin,
    decoder,
    parse,
    parse_item,
    status_of,
)
from ml_connector.systems.procore.subcontractor_invoice_contract import Schedules, SharedChanges
from ml_connector.systems.procore.subcontractor_invoice_items import Schedule, Share

_BEHIND = "An invoice of this commitment that goes before it is not confirmed yet; this one goes with the next run."
_SHOWN = 5


class ItemWrite(msgspec.Struct, omit_defaults=True):
    """An item's figures of this period; all of them text (trap 5)."""

    item_type: str
    line_item_id: int
    work_completed_this_period: str | None = None
    work_completed_this_period_quantity: str | None = None
    work_completed_retainage_retained_this_period: str | None = None
    work_completed_retainage_released_this_period: str | None = None


class InvoiceWrite(msgspec.Struct, omit_defaults=True):
    """A new invoice. What we do not say is Procore's: days come from the billing period."""

    status: str
    origin_id: str
    items: list[ItemWrite]
    period_id: int | None = None
    billing_date: str | None = None
    invoice_number: str | None = None
    requisition_start: str | None = None
    requisition_end: str | None = None
    final: bool = False
    origin_data: str | None = None


class InvoiceBody(msgspec.Struct):
    """The body of a create: project and contract stand in it (trap 4)."""

    project_id: int
    commitment_id: int
    requisition: InvoiceWrite


def render(body: SubcontractorInvoice, period: str, shares: Sequence[Share]) -> InvoiceWrite:
    """A planned invoice in the billing period of that Procore id; empty leaves it to the project's open period."""
    return InvoiceWrite(
        status=body.status.value,
        origin_id=body.once_key,
        items=[render_item(share) for share in shares],
        period_id=number_of(period) if period else None,
        billing_date=plain_day(body.dated),
        invoice_number=body.number or None,
        requisition_start=plain_day(body.start),
        requisition_end=plain_day(body.end),
        final=body.final,
        origin_data=body.note or None,
    )


def render_item(share: Share) -> ItemWrite:
    """One item: quantity or amount, and always what is retained: else the contract's percentage creeps in."""
    item = ItemWrite(share.item.kind, number_of(share.item.line_id))
    if share.quantity is None:
        item.work_completed_this_period = money(share.amount)
    else:
        item.work_completed_this_period_quantity = plain(share.quantity)
    item.work_completed_retainage_retained_this_period = money(share.retained)
    if share.released:
        item.work_completed_retainage_released_this_period = money(share.released)
    return item


def money(amount: Decimal) -> str:
    """An amount as Procore takes it, two decimals at least: `1250.00`."""
    cents = amount.quantize(Decimal("0.01"))
    return plain((cents if cents == amount else amount) + ZERO)


class Invoices:
    """Writes subcontractor invoices of one company. Thread safe."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._changes = SharedChanges(client)
        self._chains = Chains(_BEHIND)

    def create(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Makes the invoices of one project in the order given, each contract read once.

        One that is refused does not stop the others. After one that stays unknown or has to wait, those of the same
        contract wait, for their place in the chain is not known.
        """
        contracts = [_contract(effect) for effect in effects]
        project = project_of(effects)
        with self._changes.of(project) as changes:
            send = _Call(self._client, project, Schedules(self._client, project, changes, contracts)).send
            return [self._chains.send(one, effect, send) for one, effect in zip(contracts, effects, strict=True)]

    def find(self, effect: Effect) -> Outcome | None:
        """The invoice with our once-key, when it bills what we planned; None when there is none or it bills otherwise.

        Whatever comes of it, later ones of its contract may go.
        """
        project, contract = project_of((effect,)), _contract(effect)
        row = by_origin(self._client, project, effect.once_key)
        wrong: Sequence[str] = ()
        if row is not None and str(row.commitment_id) == contract:
            with self._changes.of(project) as changes:
                wrong = differences(effect, row, Schedules(self._client, project, changes).of(contract))
        self._chains.looked_up(contract, effect)
        if row is None or str(row.commitment_id) != contract or wrong:
            return None
        return _there(effect, row, project)


def _contract(effect: Effect) -> str:
    """The contract's id, and a look whether everything else is there: our bugs come before the first send."""
    body = body_of(effect, SubcontractorInvoice)
    if body.period:
        id_of(effect, "billing_period", body.period)
    return id_of(effect, "commitment", body.commitment)


class _Call:
    """The invoices of one call, and what is read about their contracts."""

    def __init__(self, client: Client, project: str, schedules: Schedules) -> None:
        self._client = client
        self._project = project
        self._schedules = schedules

    def send(self, effects: Sequence[Effect]) -> list[Outcome]:
        """The one invoice of `effects`, in its turn."""
        effect = effects[0]
        body = body_of(effect, SubcontractorInvoice)
        schedule = self._schedules.of(id_of(effect, "commitment", body.commitment))
        if schedule.currency not in ("", body.currency):
            kept = f"Procore keeps contract {schedule.number} in {schedule.currency}"
            return [refused(effect, f"The invoice is in {body.currency}, and {kept}.")]
        if schedule.split(body.lines):
            self._schedules.tell(schedule)
        period = id_of(effect, "billing_period", body.period) if body.period else ""
        written = render(body, period, schedule.shares(body.lines))
        single = InvoiceBody(number_of(self._project), number_of(schedule.contract), written)
        try:
            row = self._client.write("POST", f"{PATH}?view=extended", single, decoder, INVOICES)
        except (Refused, Locked):
            there = by_origin(self._client, self._project, body.once_key)
            if there is None or str(there.commitment_id) != schedule.contract:
                raise
            return [self._ended(effect, there, schedule, differences(effect, there, schedule))]
        if row.id is None or row.items is None:
            return [unknown(effect, "Procore's answer does not show the invoice it made.")]
        schedule.tell(row)
        wrong = differences(effect, row, schedule)
        if status_of(row.status) is not body.status:
            wrong.append(f"status {body.status.value} sent, {row.status} kept")
        return [self._ended(effect, row, schedule, wrong)]

    def _ended(self, effect: Effect, row: InvoiceRow, schedule: Schedule, wrong: Sequence[str]) -> Outcome:
        if not wrong:
            return _there(effect, row, self._project)
        return refused(
            effect,
            f"Procore keeps invoice {row.number} of contract {schedule.number} (id {row.id}) otherwise than we sent "
            f"it: {listed(wrong, _SHOWN, '; ')}. It stands in Procore: delete it there, or rule that it counts.",
        )


def differences(effect: Effect, row: InvoiceRow, schedule: Schedule) -> list[str]:
    """What an invoice in Procore bills otherwise than planned, line by line; its status is people's to move."""
    body = body_of(effect, SubcontractorInvoice)
    planned = _summed((schedule.key_of_line(line), line.amount, line.retained, line.released) for line in body.lines)
    kept = _summed(
        (schedule.key_of(item.item_type, line.id), line.amount, line.retained, line.released)
        for item in row.items or ()
        if (line := parse_item(item, row.tax)) is not None
    )
    found = []
    for key in sorted(planned.keys() | kept.keys()):
        ours, theirs = planned.get(key, _NOTHING), kept.get(key, _NOTHING)
        for name, sent, stands in zip(_NAMES, ours, theirs, strict=True):
            if sent != stands:
                found.append(f"line {key}: {name} {money(sent)} sent, {money(stands)} kept")
    return found


_NAMES = ("gross", "retained", "released")
_Figures = tuple[Decimal, Decimal, Decimal]
_NOTHING: _Figures = (ZERO, ZERO, ZERO)


def _summed(rows: Iterable[tuple[str, Decimal, Decimal, Decimal]]) -> dict[str, _Figures]:
    """The figures by line, several items of one line added up."""
    sums: dict[str, _Figures] = {}
    for key, *figures in rows:
        before = sums.get(key, _NOTHING)
        sums[key] = (before[0] + figures[0], before[1] + figures[1], before[2] + figures[2])
    return sums


def _there(effect: Effect, row: InvoiceRow, project: str) -> Outcome:
    return done(effect, row.id, parse(row, project, "").updated_at)
