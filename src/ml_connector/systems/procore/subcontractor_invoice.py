"""Subcontractor invoices as Procore shows them, where they are called requisitions (facts/procore.md 9, trap 1)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.keys import fingerprint
from ml_connector.kernel.money import decimal_of
from ml_connector.records.subcontractor_invoice import BillingLine, InvoiceStatus, SubcontractorInvoice
from ml_connector.systems.procore.answers import INVOICES
from ml_connector.systems.procore.budget_code import WbsRef
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.commitment import day, learn, since_filter
from ml_connector.systems.procore.currency import Currencies, CurrencyRef, iso_of

PATH = "/rest/v1.1/requisitions"
PAGE = 200
"""Rows asked for in one page: Procore gives 30 unless told, and with their lines they are heavy (facts 18, 22)."""
_NAMED = 100
"""Ids asked for in one request: more would make the address too long."""
ZERO = Decimal(0)
_SPELLED = {"revise_and_submit": "revise_and_resubmit"}
"""Another spelling seen in the reference (facts/procore.md 16.1)."""


class ItemRow(msgspec.Struct):
    """The members of an invoice line we use. Amounts are text by the reference; any form is taken, none is trusted."""

    id: int | None = None
    item_type: str | None = None
    line_item_id: int | None = None
    detail_line_item_id: int | None = None
    commitment_line_item_origin_id: str | None = None
    description_of_work: str | None = None
    wbs_code: WbsRef | None = None
    taxes: list[object] | None = None
    net_amount: object = None
    work_completed_this_period: object = None
    work_completed_this_period_quantity: object = None
    materials_presently_stored: object = None
    materials_presently_stored_from_previous_progress: object = None
    materials_moved: object = None
    materials_retainage_retained_moved: object = None
    total_completed_and_stored_to_date: object = None
    total_completed_and_stored_to_date_from_previous: object = None
    work_completed_retainage_from_previous_application: object = None
    work_completed_retainage_retained_this_period: object = None
    work_completed_retainage_released_this_period: object = None
    materials_stored_retainage_currently_retained: object = None
    materials_stored_retainage_from_previous_application: object = None
    materials_stored_retainage_new_materials: object = None
    materials_stored_retainage_released_this_period: object = None

    @property
    def line(self) -> str:
        """Id of the contract line, change order line or detail line it bills; empty when the answer does not say."""
        found = self.line_item_id if self.line_item_id is not None else self.detail_line_item_id
        return "" if found is None else str(found)

    @property
    def to_date(self) -> Decimal:
        """Completed and stored to date, this invoice included."""
        return figure(self.total_completed_and_stored_to_date)

    @property
    def held(self) -> Decimal:
        """Retainage held on it when this invoice ends (facts/procore.md 9)."""
        on_work = figure(self.work_completed_retainage_from_previous_application) + self._change_on_work()
        return on_work + figure(self.materials_stored_retainage_currently_retained)

    @property
    def gross(self) -> Decimal:
        """Work and stored materials of this period, before retainage; the difference of the cumulative columns."""
        total = read_figure(self.total_completed_and_stored_to_date)
        before = read_figure(self.total_completed_and_stored_to_date_from_previous)
        if total is not None and before is not None:
            return total - before
        stored = figure(self.materials_presently_stored) + figure(self.materials_moved)
        earlier = figure(self.materials_presently_stored_from_previous_progress)
        return figure(self.work_completed_this_period) + stored - earlier

    def retainage(self, gross: Decimal, taxed: bool) -> tuple[Decimal, Decimal]:
        """What is retained and what is released of `gross` this period, on work and on stored materials.

        Gross less the one plus the other is `net_amount`, where that is given and holds no tax.
        """
        retained = figure(self.work_completed_retainage_retained_this_period)
        released = figure(self.work_completed_retainage_released_this_period)
        net = None if taxed or self.taxes else read_figure(self.net_amount)
        stored = self._change_on_materials() if net is None else gross - net - self._change_on_work()
        return retained + max(stored, ZERO), released + max(-stored, ZERO)

    def _change_on_work(self) -> Decimal:
        retained = figure(self.work_completed_retainage_retained_this_period)
        return retained - figure(self.work_completed_retainage_released_this_period)

    def _change_on_materials(self) -> Decimal:
        before = read_figure(self.materials_stored_retainage_from_previous_application)
        if before is not None:
            moved = figure(self.materials_retainage_retained_moved)
            return figure(self.materials_stored_retainage_currently_retained) + moved - before
        new = figure(self.materials_stored_retainage_new_materials)
        return new - figure(self.materials_stored_retainage_released_this_period)


class SummaryRow(msgspec.Struct):
    """The figures of the G702 summary we use."""

    current_payment_due: object = None
    tax_applicable_to_this_payment: object = None


class InvoiceRow(msgspec.Struct):
    """The members of a subcontractor invoice we use."""

    id: int | None = None
    commitment_id: int | None = None
    commitment_type: str | None = None
    period_id: int | None = None
    vendor_id: int | None = None
    number: int | str | None = None
    invoice_number: str | None = None
    origin_id: str | None = None
    status: str | None = None
    billing_date: str | None = None
    requisition_start: str | None = None
    requisition_end: str | None = None
    updated_at: str | None = None
    comment: str | None = None
    final: bool | None = None
    deletable: bool | None = None
    currency_configuration: CurrencyRef | None = None
    summary: SummaryRow | None = None
    items: list[ItemRow] | None = None

    @property
    def tax(self) -> Decimal:
        """Tax in the payment due, as the summary states it."""
        return figure(self.summary.tax_applicable_to_this_payment) if self.summary else ZERO


_rows = msgspec.json.Decoder(list[InvoiceRow])
decoder = msgspec.json.Decoder(InvoiceRow)


def read_figure(value: object) -> Decimal | None:
    """An amount or a quantity of an answer; None when there is none, or something that is no number."""
    try:
        return decimal_of(str(value) if isinstance(value, float) else value, "The figure")
    except BadInput:
        return None


def figure(value: object) -> Decimal:
    """As `read_figure`, where an absent figure is zero."""
    found = read_figure(value)
    return ZERO if found is None else found


def status_of(text: str | None) -> InvoiceStatus:
    """The status in any spelling; OTHER for a word we do not know."""
    folded = (text or "draft").strip().casefold().replace(" ", "_").replace("-", "_")
    try:
        return InvoiceStatus(_SPELLED.get(folded, folded))
    except ValueError:
        return InvoiceStatus.OTHER


def parse(row: InvoiceRow, project: str, currency: str) -> SubcontractorInvoice:
    """An invoice as a record; `currency` is the project's, for answers that do not state their own.

    Its lines are those on which anything happens this period. `payable` is Procore's own figure where it states one;
    it differs from `due()` when a figure of a line could not be read.
    """
    stated = iso_of(row.currency_configuration)
    invoice = SubcontractorInvoice(
        once_key=row.origin_id or "",
        project=project,
        commitment=_text(row.commitment_id),
        number=row.invoice_number or "",
        currency=stated or currency,
        dated=day(row.billing_date),
        period=_text(row.period_id),
        status=status_of(row.status),
        lines=tuple(line for item in row.items or () if (line := parse_item(item, row.tax)) is not None),
        start=day(row.requisition_start),
        end=day(row.requisition_end),
        final=bool(row.final),
        vendor=_text(row.vendor_id),
        sequence=_text(row.number),
        note=row.comment or "",
        id=_text(row.id),
        tax=row.tax,
        deletable=bool(row.deletable),
    )
    due = read_figure(row.summary.current_payment_due) if row.summary else None
    payable = invoice.due().amount if due is None else due - row.tax
    return msgspec.structs.replace(invoice, payable=payable, updated_at=_stamp(row, invoice))


def parse_item(item: ItemRow, tax: Decimal = ZERO) -> BillingLine | None:
    """What an invoice bills on one line this period, in the invoice's currency; None when nothing happens on it.

    `tax` is the invoice's; where there is any, the line's net amount is not relied on.
    """
    gross = item.gross
    retained, released = item.retainage(gross, tax != 0)
    quantity = figure(item.work_completed_this_period_quantity)
    if not any((gross, quantity, retained, released)):
        return None
    return BillingLine(
        line=item.commitment_line_item_origin_id or "",
        description=item.description_of_work or "",
        budget_code=(item.wbs_code.flat_code if item.wbs_code else None) or "",
        amount=gross,
        quantity=quantity,
        retained=retained,
        released=released,
        id=item.line,
    )


def _stamp(row: InvoiceRow, invoice: SubcontractorInvoice) -> str:
    """Procore stamps whole seconds and may not move the stamp for a line (facts/procore.md 18, 24): what people can
    change stands beside it."""
    facts: list[object] = [invoice.number, invoice.dated, invoice.period, row.status, invoice.start, invoice.end]
    facts += [invoice.final, invoice.note]
    for line in invoice.lines:
        figures = (line.amount, line.quantity, line.retained, line.released)
        facts += [line.id, *(f"{one.normalize():f}" for one in figures)]
    return f"{row.updated_at or ''} {fingerprint(*(str(one).encode() for one in facts)).hex()[:12]}"


def read(
    client: Client,
    currencies: Currencies,
    project: str,
    since: str | None = None,
    ids: Sequence[str] = (),
    commitment: str = "",
) -> list[SubcontractorInvoice]:
    """Invoices of a project with their lines, by contract and running number.

    `since` (an ISO moment, BadInput otherwise) limits to those changed then or later, `ids` to those named,
    `commitment` to those of one contract; together to what meets them all.

    An id that is not there any more is absent: this list has no deleted ones (18, 30).
    """
    base = [("project_id", project), ("view", "extended")]
    if since is not None:
        base.append(("filters[updated_at]", since_filter(since)))
    if commitment:
        base.append(("filters[commitment_id]", commitment))
    wanted = set(ids)
    found: dict[int, InvoiceRow] = {}
    for start in range(0, max(len(ids), 1), _NAMED):
        named = [("filters[id][]", id_) for id_ in ids[start : start + _NAMED]]
        rows = client.pages(PATH, [*base, *named], _rows, INVOICES, PAGE)
        # A list that changes while it is paged through may show a row twice, and a filter may be overlooked.
        found |= {row.id: row for row in rows if row.id is not None and (not ids or str(row.id) in wanted)}
    for row in found.values():
        learn(client, _text(row.commitment_id), row.commitment_type)
    if commitment:
        found = {key: row for key, row in found.items() if str(row.commitment_id) == commitment}
    currency = (currencies.project(project) if found else None) or ""
    invoices = [parse(row, project, currency) for row in found.values()]
    return sorted(invoices, key=lambda invoice: (invoice.commitment, len(invoice.sequence), invoice.sequence))


def by_origin(client: Client, project: str, once_key: str) -> InvoiceRow | None:
    """The invoice that carries our once-key, with its lines, if any."""
    query = (("project_id", project), ("view", "extended"), ("filters[origin_id]", once_key))
    for row in client.pages(PATH, query, _rows, INVOICES, PAGE):
        if row.origin_id == once_key:
            return row
    return None


def latest(client: Client, project: str, contract: str) -> InvoiceRow | None:
    """The last invoice of a contract with its lines, whose columns hold what is billed and retained to date."""
    query = [("project_id", project), ("view", "extended")]
    query += [("filters[commitment_id]", contract), ("filters[is_last]", "true")]
    rows = client.pages(PATH, query, _rows, INVOICES, PAGE)
    return max((row for row in rows if str(row.commitment_id) == contract), key=_place, default=None)


def _place(row: InvoiceRow) -> Decimal:
    return figure(row.number)


def _text(value: object) -> str:
    return "" if value is None else str(value)
