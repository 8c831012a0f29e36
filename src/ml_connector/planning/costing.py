"""Postings of one invoice in one project as lines of a direct cost, and what later ones must correct."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.text import clipped
from ml_connector.planning.billing import Posting
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Budgets, Held
from ml_connector.planning.invoicing import KIND, invoice_hold
from ml_connector.planning.mapping import Target
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.situation import Situation
from ml_connector.records.direct_cost import CostKind, DirectCost, DirectCostLine
from ml_connector.records.supplier_invoice import InvoiceLine, SupplierInvoice

ZERO = Decimal(0)
BACK = "/back"
"""Ends the once-key of a line that takes an amount off the budget code it was on, beside the line that puts it anew."""

Agreed = Mapping[tuple[str, str], Decimal]
"""What stands in Procore by (invoice line id, flat budget code)."""


class Costed(msgspec.Struct, frozen=True):
    """One posting as direct cost: what it costs, and the budget code it is on."""

    posting: Posting
    budget_code: str


class Coding:
    """Budget codes for postings, and what the projects they lie on allow."""

    def __init__(self, situation: Situation, chart: Chart, budgets: Budgets) -> None:
        self.situation = situation
        self.chart = chart
        self.budgets = budgets

    def target(self, line: InvoiceLine) -> Target:
        """Where the posting's code string leads; it may lead nowhere."""
        number, sub_project = self.chart.looked_at(line.activity)
        return self.situation.mapper.target(line.codes, number, sub_project)

    def budget_code(self, invoice: SupplierInvoice, line: InvoiceLine, project: str) -> str:
        """The flat code of a posting; raises Held when it is not valid, not mapped, or not in the project."""
        missing = self.chart.missing(line.codes, invoice.posted_on)
        where = f"Posting {line.id} of invoice {invoice.id}"
        if missing:
            part, value, why = missing
            sentence = f"{where} is on code part {part} value {value}, which {why}."
            key = Key("dimension", f"{part}={value}")
            raise Held(invoice_hold(invoice, HoldReason.CODE_MISSING, key, "cost engineer", sentence))
        target = self.target(line)
        if target.missing:
            sentence = (
                f"No row of the mapping makes a {target.missing.replace('_', ' ')} from {target.looked_at} "
                f"(posting {line.id} of invoice {invoice.id})."
            )
            key = Key("mapping", f"{target.missing} {target.looked_at}")
            raise Held(invoice_hold(invoice, HoldReason.CODE_UNMAPPED, key, "cost engineer", sentence))
        key = Key("budget_code", f"{project}/{target.flat}")
        if not self.situation.available(key):
            sentence = (
                f"Budget code {target.flat} is not in Procore's project {project} "
                f"(posting {line.id} of invoice {invoice.id})."
            )
            raise Held(invoice_hold(invoice, HoldReason.COST_CODE_MISSING, key, "cost engineer", sentence))
        return target.flat

    def check_budget(self, invoice: SupplierInvoice, flat: str, project: str) -> None:
        """Policy `purchase_orders.unbudgeted` holds for direct costs, too: Procore would add a row without budget."""
        policy = self.situation.policies.purchase_orders.unbudgeted
        if policy == "allow" or flat in self.budgets.budgeted.get(project, frozenset()):
            return
        ruling = self.situation.ruled(Key(KIND, invoice.id), HoldReason.UNBUDGETED)
        if policy == "ask" and ruling and ruling.answer == "allow":
            return
        key = Key("budget_line", f"{project}/{flat}")
        sentence = f"Budget code {flat} has no budget in project {project} (invoice {invoice.id})."
        raise Held(invoice_hold(invoice, HoldReason.UNBUDGETED, key, "project manager", sentence))

    def check_currency(self, invoice: SupplierInvoice, project: str) -> None:
        """A currency other than the project's goes only where Procore keeps currencies and policy sends."""
        theirs = self.budgets.currencies.get(project)
        if not theirs or theirs == invoice.currency:
            return
        if self.situation.policies.purchase_orders.foreign_currency == "send" and self.budgets.keeps_currency:
            return
        key = Key("currency", f"{project}={invoice.currency}")
        sentence = (
            f"Invoice {invoice.id} is in {invoice.currency}, Procore's project {project} in {theirs}. "
            "Amounts are never converted: switch currencies on in Procore, and let policy “Other currencies” send."
        )
        raise Held(invoice_hold(invoice, HoldReason.CURRENCY_OFF, key, "administrator", sentence))

    def check_project(self, invoice: SupplierInvoice, project: str) -> None:
        """The project must be linked."""
        key = Key("project", project)
        if not self.situation.available(key):
            reason, owner, sentence = self.situation.projectless(f"Invoice {invoice.id} has cost on", project)
            raise Held(invoice_hold(invoice, reason, key, owner, sentence))

    def check_vendor(self, invoice: SupplierInvoice) -> None:
        """The supplier must be linked, or be made by this very plan."""
        key = Key("vendor", invoice.vendor)
        if not self.situation.available(key):
            sentence = f"Invoice {invoice.id} is of supplier {invoice.vendor}, which has no vendor in Procore yet."
            raise Held(invoice_hold(invoice, HoldReason.VENDOR_NOT_LINKED, key, "project accountant", sentence))


def agreed(records: Iterable[DirectCost]) -> dict[tuple[str, str], Decimal]:
    """What some records of one invoice put on each budget code for each of its lines."""
    found: dict[tuple[str, str], Decimal] = {}
    for record in records:
        for line in record.lines:
            place = (line_id_of(record, line), line.budget_code)
            found[place] = found.get(place, ZERO) + line.amount
    return found


def line_id_of(record: DirectCost, line: DirectCostLine) -> str:
    """The invoice line a line of ours stands for, from its once-key."""
    return line.once_key.removeprefix(f"{record.once_key}/").removesuffix(BACK)


def cost_lines(once: str, costed: Sequence[Costed], have: Agreed) -> tuple[DirectCostLine, ...]:
    """The lines of a record (`once` is its once-key) after which the invoice has `costed` where it has `have` now.

    A posting that moved to another budget code gives two lines: one puts the amount there, one takes it off.
    """
    wanted = {(one.posting.line.id, one.budget_code): one.posting for one in costed}
    made = []
    for (line, flat), posting in wanted.items():
        amount = posting.cost - have.get((line, flat), ZERO)
        if amount:
            first = (line, flat) not in have
            text = clipped(posting.line.description, 255)
            quantity = posting.line.quantity if first else ZERO
            made.append(DirectCostLine(f"{once}/{line}", text, flat, amount, quantity))
    for (line, flat), stands in have.items():
        if stands and (line, flat) not in wanted:
            key = f"{once}/{line}{BACK if any(line == other for other, _ in wanted) else ''}"
            made.append(DirectCostLine(key, "Taken back", flat, -stands))
    return tuple(made)


def kind_of_all(parts: Sequence[tuple[CostKind, Decimal]]) -> CostKind:
    """The one type of a direct cost whose postings have several: that of the largest part, by absolute amount.

    Of equal parts, the one that comes first in CostKind. A type never changes in Procore (facts/procore.md 11), so
    corrections keep that of the first record.
    """
    sums = dict.fromkeys(CostKind, ZERO)
    for kind, amount in parts:
        sums[kind] += amount
    return max(CostKind, key=lambda kind: abs(sums[kind]))


def day_of_correction(posted_on: date, today: date) -> date:
    """The day a correcting or reversing direct cost bears: in the current month, so that no closed month moves.

    The day it counts in the books, or the first of the month when that lies before it: the same all month long, so
    that a plan that waits for its approval stays the same plan.
    """
    return max(posted_on, today.replace(day=1))
