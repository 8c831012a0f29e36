"""Subcontractor invoices: what Procore's people approved on a commitment waits in IFS as a voucher to be approved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property, partial

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.kernel.text import clipped
from ml_connector.planning.billed import billed_lines
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Held
from ml_connector.planning.crossed import Bills
from ml_connector.planning.disputing import typed_again
from ml_connector.planning.documents import Coded, Document, Part
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, unpack
from ml_connector.planning.proposing import Proposals
from ml_connector.planning.reversing import WayBack
from ml_connector.planning.situation import Situation
from ml_connector.planning.suppliers import Suppliers
from ml_connector.planning.vouchering import Desk, Verdict, Work, collected, voucher_keys
from ml_connector.records.accounting import Book
from ml_connector.records.commitment import Commitment, CommitmentLine
from ml_connector.records.purchase_order import OrderLine, PurchaseOrder
from ml_connector.records.purchase_requisition import PurchaseRequisition
from ml_connector.records.subcontractor_invoice import BillingLine, InvoiceStatus, SubcontractorInvoice
from ml_connector.records.voucher import RowRole, Voucher

FLOW = "subcontractor_invoices"
NOTHING = (Chart({}, {}), Book())
"""No chart and no books: enough to say what is to be read."""


class Ours(msgspec.Struct, frozen=True):
    """What both systems hold that may concern these invoices."""

    orders: Mapping[str, PurchaseOrder] = {}
    """IFS orders behind linked commitments."""
    contracts: Mapping[str, Commitment] = {}
    """Procore contract id to the contract with its lines, for those `wanted` names."""
    requisitions: Mapping[str, PurchaseRequisition] = {}
    """Ours in IFS, by once-key."""
    vouchers: Mapping[str, Voucher] = {}
    """Ours by once-key, as they stand now."""


class Wanted(msgspec.Struct, frozen=True):
    """What must be read to decide these invoices."""

    orders: frozenset[str]
    contracts: frozenset[tuple[str, str]]
    """(erp project, Procore contract id)."""
    requisitions: frozenset[str]
    """Once-keys."""
    vouchers: frozenset[str]
    """Once-keys."""


def wanted(situation: Situation, invoices: Sequence[SubcontractorInvoice], gone: Sequence[str]) -> Wanted:
    """What must be read to decide these invoices, and those that are not to be seen in Procore any more."""
    page = _Page(situation, NOTHING, Ours(), frozenset())
    counted = [one for one in invoices if not page.left_alone(one) and page.counts(one)]
    orders, contracts, requisitions = set(), set(), set()
    for invoice in counted:
        commitment = page.commitments.get(invoice.commitment)
        project = page.projects.get(invoice.project, "")
        if commitment:
            orders.add(commitment.rpartition("@")[0])
        else:
            requisitions.add(f"{situation.company}/commitment/{invoice.commitment}")
        ours = f"{situation.company}/order/{commitment.replace('@', '/')}/" if commitment else ""
        if project and not (ours and all(line.line.startswith(ours) for line in invoice.lines)):
            contracts.add((project, invoice.commitment))
    keys = [Key("subcontractor_invoice", one) for one in (*(invoice.id for invoice in invoices), *gone)]
    return Wanted(
        frozenset(orders),
        frozenset(contracts),
        frozenset(requisitions),
        voucher_keys(situation.company, page.desk.histories, keys),
    )


def vendors_needed(
    situation: Situation, invoices: Sequence[SubcontractorInvoice], contracts: Mapping[str, Commitment]
) -> set[str]:
    """Procore vendors of commitments that are to be proposed in IFS, and that are no supplier there yet."""
    page = _Page(situation, NOTHING, Ours(contracts=contracts), frozenset())
    if situation.policies.subcontractor_invoices.unknown == "hold":
        return set()
    vendors = {
        contracts[one.commitment].vendor or one.vendor
        for one in invoices
        if one.commitment in contracts
        and one.commitment not in page.commitments
        and not page.left_alone(one)
        and page.counts(one)
    }
    return {vendor for vendor in vendors if vendor and not page.suppliers.of(vendor)}


def decide(
    situation: Situation,
    coding: tuple[Chart, Book],
    invoices: Sequence[SubcontractorInvoice],
    gone: Sequence[str],
    ours: Ours,
    *,
    blocked: frozenset[str] = frozenset(),
) -> Decision:
    """Decides a page of invoices.

    `gone` are ids that crossed and are not to be seen in Procore any more; `blocked` are IFS suppliers held back from
    payment.
    """
    page = _Page(situation, coding, ours, blocked)
    decision = collected(FLOW, page.works(invoices, gone))
    made = [*page.proposals.new(), *decision.intents]
    if situation.policies.subcontractor_invoices.billed_to_date:
        made += billed_lines(page.desk, made, ours.orders)
    return msgspec.structs.replace(decision, intents=tuple(made))


class _Page:
    """What the invoices of one page are decided with."""

    def __init__(self, situation: Situation, coding: tuple[Chart, Book], ours: Ours, blocked: frozenset[str]) -> None:
        self.situation = situation
        self.ours = ours
        self.policy = situation.policies.subcontractor_invoices
        self.desk = Desk(situation, FLOW, coding, ours.vouchers)
        self.suppliers = Suppliers(situation, blocked)
        way = WayBack(situation.mapper, *coding)
        self.proposals = Proposals(situation, FLOW, way, self.suppliers, ours.requisitions)
        self.projects = situation.by_target("project")
        self.commitments = situation.by_target("commitment")
        self.echoes = situation.by_target("subcontractor_invoice")

    @cached_property
    def bills(self) -> Bills[SubcontractorInvoice]:
        """Those that came from IFS, by commitment."""
        return Bills(self.situation.links, "subcontractor_invoice", SubcontractorInvoice, lambda one: (one.commitment,))

    def works(self, invoices: Sequence[SubcontractorInvoice], gone: Sequence[str]) -> Iterable[Work]:
        """Every record with what decides it, oldest first."""
        for invoice in invoices:
            yield Key("subcontractor_invoice", invoice.id), partial(self._decide, invoice)
        yield from self.desk.gone("subcontractor_invoice", "invoice", gone)

    def left_alone(self, invoice: SubcontractorInvoice) -> str:
        """Why an invoice never comes back, whatever its status; empty when it may."""
        key, called = Key("subcontractor_invoice", invoice.id), self._called(invoice)
        echo = self.desk.echo(key, called, invoice.once_key, linked=invoice.id in self.echoes)
        return echo or self.desk.too_old(key, called, invoice.dated or invoice.end)

    def counts(self, invoice: SubcontractorInvoice) -> bool:
        """Whether its status is one that counts."""
        return invoice.status.value in self.policy.statuses

    def _called(self, invoice: SubcontractorInvoice) -> str:
        commitment = self.commitments.get(invoice.commitment, "")
        of_order = f" of order {commitment.rpartition('@')[0]}" if commitment else ""
        return f"Procore invoice {_number(invoice)}{of_order}"

    def _decide(self, invoice: SubcontractorInvoice) -> tuple[list[Intent], str]:
        left = self.left_alone(invoice)
        if left:
            return [], left
        key, called = Key("subcontractor_invoice", invoice.id), self._called(invoice)
        status = invoice.status.value.replace("_", " ")
        if not self.counts(invoice):
            sure = invoice.status is not InvoiceStatus.OTHER
            known = f"stands at {status.capitalize()} in Procore"
            said = known if sure else "has a status in Procore that we do not know"
            made, note = self.desk.withdraw(key, called, said, sure=sure)
            return made, note if made or note else f"{called} {said}: it does not count yet."
        commitment = self.commitments.get(invoice.commitment)
        if not commitment:
            if self.situation.ignored(key, (HoldReason.PROPOSAL_ENDED,)):
                return [], f"A person said that {called} stays out of IFS."
            raise Held(self._unknown(invoice))
        order, _, project = commitment.rpartition("@")
        linked = self.situation.links[Key("commitment", commitment)]
        base = unpack("commitment", linked.base) if linked.base else None
        if not linked.base:
            why = "waits for its contract, which is being tied to the order in this very run: it goes with the next."
            key = Key("commitment", commitment)
            raise Held(self._hold(invoice, HoldReason.COMMITMENT_MISSING, key, "integration engineer", why))
        agreed = base.lines if isinstance(base, Commitment) else ()
        document = self._document(invoice, (order, project), agreed, status)
        verdict = self.desk.verdict(document)
        if verdict.number or verdict.takes_back:
            if not self.desk.history(key).versions:
                left = self._twin(invoice, commitment)
                if left:
                    return [], left
            return self._write(invoice, document, verdict), ""
        return [], verdict.note

    def _twin(self, invoice: SubcontractorInvoice, commitment: str) -> str:
        """Why an invoice of the same number as one that came from IFS is left alone; raises Held to ask about it."""
        ours = self.bills.numbered((commitment,), invoice.number)
        if ours is None:
            return ""
        about = (Key("subcontractor_invoice", invoice.id), FLOW, self._called(invoice))
        return self.desk.typed_again(typed_again(about, "number", ours, invoice.money()), self._called(invoice))

    def _hold(self, invoice: SubcontractorInvoice, reason: HoldReason, waits_for: Key, owner: str, why: str) -> Hold:
        key = Key("subcontractor_invoice", invoice.id)
        return Hold(key, FLOW, reason, waits_for, owner, f"{self._called(invoice)} {why}", invoice.money())

    # on a commitment that is an order ------------------------------------------------------------------------------

    def _document(
        self,
        invoice: SubcontractorInvoice,
        home: tuple[str, str],
        agreed: Sequence[CommitmentLine],
        status: str,
    ) -> Document:
        order_id, project = home
        order = self.ours.orders.get(order_id)
        vendor = order.vendor if order else ""
        days = f", period {invoice.start} to {invoice.end}" if invoice.start and invoice.end else ""
        of_vendor = f" of supplier {vendor}" if vendor else ""
        parts: list[Part] = []
        for line in invoice.lines:
            if line.amount or line.retained or line.released:
                parts += _parts(order_id, self._place(invoice, line, home, agreed), line)
        supplier_invoice = self.policy.route == "supplier_invoice"
        return Document(
            key=Key("subcontractor_invoice", invoice.id),
            called=self._called(invoice),
            number=clipped(_number(invoice), 50),
            status=status,
            project=project,
            currency=invoice.currency,
            dated=invoice.dated or invoice.end or self.situation.today,
            vendor=vendor,
            text=f"Procore invoice {_number(invoice)}{of_vendor}, order {order_id}{days}",
            parts=tuple(parts),
            order=order_id,
            needs=(Key("commitment", f"{order_id}@{project}"),),
            credited=self.situation.policies.vouchers.clearing_account,
            route="erp_invoice" if supplier_invoice else "voucher",
        )

    def _place(
        self,
        invoice: SubcontractorInvoice,
        line: BillingLine,
        home: tuple[str, str],
        agreed: Sequence[CommitmentLine],
    ) -> str:
        """The order line a billed line belongs to: by its mark, else by the contract's line, else by a lone code."""
        prefix = f"{self.situation.company}/order/{home[0]}/{home[1]}/"
        contract = self.ours.contracts.get(invoice.commitment)
        same = [one for one in (*(contract.lines if contract else ()), *agreed) if one.id and one.id == line.id]
        alike = [one for one in agreed if one.budget_code == line.budget_code]
        marks = [line.line, *(one.once_key for one in same), *(one.once_key for one in alike if len(alike) == 1)]
        found = next((mark.removeprefix(prefix) for mark in marks if mark.startswith(prefix)), "")
        if not found:
            why = (
                f"bills {Money(line.amount, invoice.currency)} on {line.budget_code or 'no budget code'} "
                f"({line.description or 'no text'}), which is no line of the order."
            )
            waits_for = Key("commitment_line", f"{invoice.commitment}/{line.id or line.budget_code}")
            raise Held(self._hold(invoice, HoldReason.LINE_UNKNOWN, waits_for, "project accountant", why))
        return found

    def _write(self, invoice: SubcontractorInvoice, document: Document, verdict: Verdict) -> list[Intent]:
        order = self.ours.orders.get(document.order)
        if order is None:
            why = "cannot be entered: its order cannot be seen in IFS any more."
            raise Held(self._hold(invoice, HoldReason.GONE_HERE, Key("order", document.order), "buyer", why))
        self._check_currency(invoice, order, document.project)
        self._check_vendor(invoice, order)
        due = invoice.due()
        if invoice.lines and due.amount != invoice.payable:
            stated = Money(invoice.payable, invoice.currency)
            why = f"comes to {due} by its lines (gross less retained plus released), and Procore states {stated}."
            waits_for, owner = Key("subcontractor_invoice", invoice.id), "project accountant"
            raise Held(self._hold(invoice, HoldReason.TOTALS_DIFFER, waits_for, owner, why))
        lines = {line.id: line for line in order.lines}
        return self.desk.write(document, verdict, partial(self._coded, invoice, document.project, lines))

    def _check_currency(self, invoice: SubcontractorInvoice, order: PurchaseOrder, project: str) -> None:
        linked = self.situation.links[Key("commitment", f"{order.id}@{project}")]
        base = unpack("commitment", linked.base) if linked.base else None
        agreed = base.currency if isinstance(base, Commitment) else order.currency
        if invoice.currency == order.currency == agreed:
            return
        why = (
            f"is in {invoice.currency or 'no currency'}, its order in {order.currency}, its contract in {agreed}. "
            "Amounts are never converted."
        )
        key = Key("currency", f"{project}={invoice.currency}")
        raise Held(self._hold(invoice, HoldReason.CURRENCY_OFF, key, "project accountant", why))

    def _check_vendor(self, invoice: SubcontractorInvoice, order: PurchaseOrder) -> None:
        theirs = self.situation.target(Key("vendor", order.vendor))
        if theirs and invoice.vendor and theirs != invoice.vendor:
            why = (
                f"is of Procore vendor {invoice.vendor}, and its order is on supplier {order.vendor} by now, who is "
                f"vendor {theirs} there."
            )
            key = Key("order", order.id)
            raise Held(self._hold(invoice, HoldReason.VENDOR_FROZEN, key, "buyer", why))
        trouble = self.suppliers.unapproved(self._called(invoice), order.vendor)
        if trouble:
            raise Held(Hold(Key("subcontractor_invoice", invoice.id), FLOW, *trouble, invoice.money()))

    def _coded(
        self, invoice: SubcontractorInvoice, project: str, lines: Mapping[str, OrderLine], part: Part, on: date
    ) -> Coded:
        line = lines.get(part.place)
        if line is None:
            why = f"bills line {part.place}, which the order does not have in IFS any more."
            key = Key("order_line", part.series)
            raise Held(self._hold(invoice, HoldReason.LINE_UNKNOWN, key, "buyer", why))
        codes, home = dict(line.codes), line.project or project
        if self.desk.books.project_part:
            codes.setdefault(self.desk.books.project_part, home)
        return Coded(tuple(sorted(codes.items())), home, line.activity)

    # on a commitment IFS does not know -----------------------------------------------------------------------------

    def _unknown(self, invoice: SubcontractorInvoice) -> Hold:
        """Why the invoice waits; a requisition that proposes its commitment is remembered."""
        project = self.projects.get(invoice.project, "")
        if not project:
            why = f"lies in Procore's project {invoice.project}, which has no confirmed partner in IFS."
            key = Key("project_there", invoice.project)
            return self._hold(invoice, HoldReason.PROJECT_NOT_LINKED, key, "project accountant", why)
        contract = self.ours.contracts.get(invoice.commitment)
        if contract is None:
            why = f"is on commitment {invoice.commitment}, which cannot be read in Procore."
            key = Key("commitment_there", invoice.commitment)
            return self._hold(invoice, HoldReason.ORDER_MISSING, key, "administrator", why)
        known = msgspec.structs.replace(contract, vendor=contract.vendor or invoice.vendor)
        waiting = self.proposals.of(project, known)
        hold = self._hold(invoice, waiting.reason, waiting.waits_for, waiting.owner, f"waits. {waiting.sentence}")
        return msgspec.structs.replace(hold, candidates=waiting.candidates)


def _number(invoice: SubcontractorInvoice) -> str:
    return invoice.number or f"#{invoice.sequence or invoice.id}"


def _parts(order: str, place: str, line: BillingLine) -> list[Part]:
    """The cost of a billed line, and what is retained of it and released: retention is kept by order line, too."""
    series = clipped(f"{order} {place}", 50)
    cost = Part(RowRole.COST, series, line.amount, line.description, place, line.quantity)
    retained = Part(RowRole.RETENTION, series, -line.retained, f"Retained: {line.description}")
    released = Part(RowRole.RETENTION, series, line.released, f"Released: {line.description}")
    return [part for part in (cost, retained, released) if part.amount]
