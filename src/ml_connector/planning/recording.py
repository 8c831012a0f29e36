"""The records an invoice's postings make in Procore: first ones, corrections by the difference, reversals.

A record once written is never edited. What changed in the erp becomes a correction with the deltas, in the current
period; an invoice cancelled there becomes a reversal with equal negatives. A second look finds no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from ml_connector.kernel.keys import Key, once_key
from ml_connector.kernel.text import clipped, counted
from ml_connector.planning.billing import Billed, Posting, Unplaced, bill, deltas, held_on, summed
from ml_connector.planning.billing_periods import period_key
from ml_connector.planning.committing import Held, commitment_key
from ml_connector.planning.costing import Costed, agreed, cost_lines, day_of_correction, kind_of_all
from ml_connector.planning.ground import Ground, Periods
from ml_connector.planning.invoicing import (
    Chain,
    bill_intents,
    cost_intents,
    cost_root,
    invoice_hold,
)
from ml_connector.planning.plan import HoldReason, Intent
from ml_connector.planning.routing import Role, Route
from ml_connector.records.commitment import Commitment
from ml_connector.records.direct_cost import CostKind, CostStatus, DirectCost, DirectCostLine
from ml_connector.records.subcontractor_invoice import BillingLine, InvoiceStatus, SubcontractorInvoice
from ml_connector.records.supplier_invoice import SupplierInvoice

ZERO = Decimal(0)
CORRECTION, REVERSAL = "c", "r"


class Made(msgspec.Struct, frozen=True):
    """What one place needs: its intents, what it comes to once they are done, and what a reader should know."""

    amount: Decimal
    intents: tuple[Intent, ...] = ()
    notes: tuple[str, ...] = ()


class Recorder:
    """Makes the records of one invoice, place by place; may raise Held."""

    def __init__(self, ground: Ground, invoice: SupplierInvoice, periods: Periods) -> None:
        self.ground = ground
        self.invoice = invoice
        self.periods = periods

    # subcontractor invoices ---------------------------------------------------------------------------------------

    def bill(self, order: str, project: str, postings: Sequence[Posting]) -> Made:
        """The postings on one commitment."""
        invoice, ground = self.invoice, self.ground
        contract = ground.contracts.of(order, project)
        chain = ground.crossed.bills(invoice.id, order, project)
        self._check_currency(order, project, contract)
        own = f"{once_key(ground.situation.company, 'invoice', invoice.id)}/"
        place = Billed(
            once_key=contract.once_key if contract else once_key(ground.situation.company, "order", order, project),
            order=order,
            currency=invoice.currency,
            contract=contract,
            held=held_on(ground.seen.invoices.get(commitment_key(order, project).id, ()), own),
            before=summed(chain.records),
        )
        try:
            made = bill(place, postings)
        except Unplaced as unplaced:
            key = commitment_key(order, project)
            sentence = f"{unplaced} (invoice {invoice.id})."
            raise Held(invoice_hold(invoice, HoldReason.LINE_UNKNOWN, key, "buyer", sentence)) from None
        why = f"Invoice {invoice.number} of {invoice.vendor} is {invoice.state.value.replace('_', ' ')} in IFS: "
        why += f"{counted(len(postings), 'posting')} on order {order}."
        lines = deltas(made.lines, place.before)
        if not lines:
            return Made(_due(chain), notes=_retold(invoice, chain))
        return self._billed(chain, lines, ((why, *made.notes), _sources(invoice, postings)), CORRECTION)

    def _billed(
        self,
        chain: Chain[SubcontractorInvoice],
        lines: tuple[BillingLine, ...],
        told: tuple[tuple[str, ...], tuple[str, ...]],
        letter: str,
    ) -> Made:
        """One record with these lines; `told` is what its reason says, and the invoice lines that are in it."""
        invoice, (said, sources) = self.invoice, told
        suffix = chain.suffix(letter)
        order, _, project = chain.root.id.partition("@")[2].rpartition("@")
        day = invoice.posted_on if suffix else invoice.dated
        period, moved, opened = self.periods.take(invoice, project, day, correction=bool(suffix))
        key = period_key(project, period.start)
        record = SubcontractorInvoice(
            once_key=chain.once + suffix,
            project=project,
            commitment=commitment_key(order, project).id,
            number=invoice.number + _mark(suffix),
            currency=invoice.currency,
            dated=day,
            period=key.id,
            status=InvoiceStatus(self.ground.situation.policies.supplier_invoices.status),
            lines=lines,
            start=period.start,
            end=period.end,
            sources=sources,
            note=clipped(invoice.text, 255),
        )
        reason = " ".join((*_opening(suffix, invoice), *said, *((f"{moved[0].upper()}{moved[1:]}.",) if moved else ())))
        intents = bill_intents(Key(chain.root.kind, chain.root.id + suffix), record, key, reason)
        return Made(_due(chain) + record.due().amount, (*opened, *intents))

    def _check_currency(self, order: str, project: str, contract: Commitment | None) -> None:
        invoice = self.invoice
        if contract is None or not contract.currency:
            self.ground.coding.check_currency(invoice, project)
            return
        if contract.currency != invoice.currency:
            sentence = (
                f"Invoice {invoice.id} is in {invoice.currency}, the contract of order {order} in "
                f"{contract.currency}. Amounts are never converted."
            )
            key = commitment_key(order, project)
            raise Held(invoice_hold(invoice, HoldReason.CURRENCY_OFF, key, "project accountant", sentence))

    # direct costs -------------------------------------------------------------------------------------------------

    def cost(self, project: str, routed: Sequence[tuple[Posting, Route]]) -> Made:
        """The postings that are direct cost of one project."""
        invoice, coding = self.invoice, self.ground.coding
        chain = self.ground.crossed.costs_at(cost_root(invoice.id, project))
        have = agreed(chain.records)
        costed = [self._costed(project, posting, one, have) for posting, one in routed]
        once = chain.once + chain.suffix(CORRECTION)
        lines = cost_lines(once, costed, have)
        if not lines:
            return Made(sum(have.values(), ZERO), notes=_retold(invoice, chain))
        coding.check_project(invoice, project)
        coding.check_vendor(invoice)
        coding.check_currency(invoice, project)
        kinds = [(one.kind, posting.cost) for posting, one in routed]
        kind = chain.records[0].kind if chain.records else kind_of_all(kinds)
        why = f"Invoice {invoice.number} of {invoice.vendor} is {invoice.state.value.replace('_', ' ')} in IFS: "
        orders = sorted({one.order for _, one in routed if one.order})
        on = f"order {', '.join(orders)}, billed by direct costs" if orders else "no order"
        why += f"{counted(len(routed), 'posting')} of project {project} on {on}."
        said = [why]
        if len({one for one, _ in kinds}) > 1:
            said.append(f"Its postings are of several types; it takes that of the largest part, {kind.value}.")
        said += [
            f"Posting {one.line.id} ({one.cost}) is a tolerance on order {one.line.order}."
            for one, _ in routed
            if one.role is Role.TOLERANCE
        ]
        sources = _sources(invoice, [posting for posting, _ in routed])
        return self._costs(chain, lines, kind, (tuple(said), sources), CORRECTION)

    def _costed(self, project: str, posting: Posting, one: Route, have: dict[tuple[str, str], Decimal]) -> Costed:
        """A posting with its budget code: on an order that of the contract's line, else what its code string makes.

        What stands already as it should is not checked again: nothing new is posted by it.
        """
        line, invoice, coding = posting.line, self.invoice, self.ground.coding
        contract = self.ground.contracts.of(one.order, project) if one.order and line.order_line else None
        key = f"{contract.once_key}/{line.order_line}" if contract else ""
        ordered = next((there.budget_code for there in contract.lines if there.once_key == key), "") if contract else ""
        flat = ordered or posting.flat
        if have.get((line.id, flat), ZERO) != posting.cost:
            flat = ordered or coding.budget_code(invoice, line, project)
            coding.check_budget(invoice, flat, project)
        return Costed(posting, flat)

    def _costs(
        self,
        chain: Chain[DirectCost],
        lines: tuple[DirectCostLine, ...],
        kind: CostKind,
        told: tuple[tuple[str, ...], tuple[str, ...]],
        letter: str,
    ) -> Made:
        """One record with these lines; see `_billed`."""
        invoice, (said, sources) = self.invoice, told
        suffix = chain.suffix(letter)
        today = self.ground.situation.today
        record = DirectCost(
            once_key=chain.once + suffix,
            project=chain.root.id.partition("@")[2],
            vendor=invoice.vendor,
            number=invoice.number + _mark(suffix),
            kind=kind,
            status=CostStatus(self.ground.situation.policies.direct_costs.status),
            currency=invoice.currency,
            dated=day_of_correction(invoice.posted_on, today) if suffix else invoice.dated,
            description=clipped(invoice.text or f"IFS invoice {invoice.number}", 255),
            lines=lines,
            sources=sources,
        )
        reason = " ".join((*_opening(suffix, invoice), *said))
        begun = bool(chain.unfinished)
        intents = cost_intents(Key(chain.root.kind, chain.root.id + suffix), record, reason, begun=begun)
        stands = sum((one.money().amount for one in chain.records), ZERO)
        return Made(stands + record.money().amount, tuple(intents))

    # what is taken back -------------------------------------------------------------------------------------------

    def take_back(self, root: Key, letter: str) -> Made:
        """Equal negatives of everything a place has: the invoice was cancelled, or nothing of it belongs there now."""
        if root.kind == "subcontractor_invoice":
            bills = self.ground.crossed.bills_at(root)
            why = () if letter == REVERSAL else ("None of its postings is on this order any more.",)
            lines = deltas((), summed(bills.records))
            return self._billed(bills, lines, (why, ()), letter) if lines else Made(ZERO)
        costs = self.ground.crossed.costs_at(root)
        why = () if letter == REVERSAL else ("None of its postings is cost of this project any more.",)
        if not costs.records:
            note = f"Direct cost {root.id} was begun and never written: it stays a draft and counts nowhere."
            return Made(ZERO, notes=(note,))
        taken = cost_lines(costs.once + costs.suffix(letter), (), agreed(costs.records))
        return self._costs(costs, taken, costs.records[0].kind, (why, ()), letter) if taken else Made(ZERO)


def _due(chain: Chain[SubcontractorInvoice]) -> Decimal:
    """What an invoice's records on one commitment ask to be paid by now."""
    return sum((record.due().amount for record in chain.records), ZERO)


def _sources(invoice: SupplierInvoice, postings: Sequence[Posting]) -> tuple[str, ...]:
    return tuple(f"{invoice.id}/{posting.line.id}" for posting in postings)


def _mark(suffix: str) -> str:
    """What ends the number of a correction or reversal: `-C1`, `-REV`, `-REV2`. Direct costs need one of their own."""
    if not suffix:
        return ""
    letter, number = suffix[1], suffix[2:]
    if letter == REVERSAL:
        return "-REV" if number == "1" else f"-REV{number}"
    return f"-C{number}"


def _opening(suffix: str, invoice: SupplierInvoice) -> tuple[str, ...]:
    if suffix.startswith(f"~{CORRECTION}"):
        return ("It changed in IFS after it crossed: the difference.",)
    if suffix.startswith(f"~{REVERSAL}"):
        return (f"Invoice {invoice.number} of {invoice.vendor} was cancelled in IFS after it crossed: all of it back.",)
    return ()


def _retold(invoice: SupplierInvoice, chain: Chain[SubcontractorInvoice] | Chain[DirectCost]) -> tuple[str, ...]:
    """Said when only words changed: a record once written is not edited."""
    first = chain.records[0] if chain.records else None
    if first is None or (first.dated == invoice.dated and first.number == invoice.number):
        return ()
    return (
        f"Invoice {invoice.id} has another date or number in IFS than when it crossed; no amount changed, "
        "so Procore's record stays as it was written.",
    )
