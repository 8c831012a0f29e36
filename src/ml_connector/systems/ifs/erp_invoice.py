"""Manual supplier invoices, registered as preliminary with their postings and never posted (facts/ifs.md 11.5).

No public source confirms the projection's name, so this route exists only where the profile names it. One change set
makes the header and its postings. Our once-key begins the voucher text, where it is looked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from ml_connector.kernel.errors import Refused
from ml_connector.kernel.keys import once_key
from ml_connector.kernel.text import clipped
from ml_connector.records.supplier_invoice import InvoiceLine, SupplierInvoice
from ml_connector.systems.ifs.change_set import ChangeSet, ChangeSets, Part
from ml_connector.systems.ifs.odata import Odata, row_path, text_literal
from ml_connector.systems.ifs.once import HEADER, Once, Place, count_of, note, remove_header
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.purchase_requisition import activity_number
from ml_connector.systems.ifs.writing_profile import WriteSet, defaults_of
from ml_connector.systems.outcomes import body_of, refused
from ml_connector.systems.port import Effect, Mark, Outcome

_TEXT = 200
"""Characters of a voucher text and of a posting's text (facts/ifs.md 11.9)."""
_NO_PLACE = (
    "The IFS profile names no projection for manual supplier invoices. Name it in [erp.profile.writes.invoice], or let "
    "subcontractor invoices become vouchers."
)


class ErpInvoices:
    """Registers supplier invoices of one company. Thread safe."""

    def __init__(self, odata: Odata, sets: ChangeSets, profile: Profile, company: str) -> None:
        self._writes = profile.writes
        self._company = company
        self._odata = odata
        place = _place(profile.writes.invoice, company)
        self._once = Once(odata, sets, place, self._whole) if profile.writes.invoice.place else None

    def create(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Registers each invoice that is not there yet; the outcome's target is its InvoiceId."""
        if self._once is None:
            return [refused(effect, _NO_PLACE) for effect in effects]
        return self._once.create(effects, self._render)

    def find(self, effect: Effect) -> Outcome | None:
        """DONE with its InvoiceId when the invoice is there, in whatever state."""
        return None if self._once is None else self._once.find(effect)

    def marks(self) -> list[Mark]:
        """Those that carry our key; none where the profile names no place for them."""
        return [] if self._once is None else self._once.marks(once_key(self._company, ""))

    def _render(self, effect: Effect) -> ChangeSet:
        body = body_of(effect, SupplierInvoice)
        where = self._writes.invoice
        text, reference = clipped(body.text, _TEXT), effect.once_key
        if where.shared():
            text = reference = note(effect.once_key, body.text, _TEXT)
        values: dict[str, object] = {
            "company": self._company,
            "vendor": body.vendor,
            "series": body.series,
            "number": body.number,
            "dated": body.dated,
            "posted_on": body.posted_on,
            "due": body.due,
            "currency": body.currency,
            "net": body.net,
            "tax": body.tax,
            "order": body.order,
            "credits": _number(body.credits),
            "text": text,
            "reference": reference,
        }
        header = defaults_of(self._writes.invoice_defaults, "header") | where.body(values)
        array = f"${HEADER}/{self._writes.posting.entity_set}"
        parts = [Part("POST", where.entity_set, header, content_id=HEADER)]
        parts += [Part("POST", array, self._posting(line)) for line in body.lines]
        return ChangeSet(tuple(parts), undo=remove_header())

    def _whole(self, effect: Effect, invoice: str) -> bool:
        where = self._writes.invoice
        key = {where.name("company"): text_literal(self._company), where.name("id"): invoice}
        row = row_path(where.entity_set, {name: value for name, value in key.items() if name})
        postings = f"{self._odata.service(where.projection)}{row}/{self._writes.posting.entity_set}"
        return count_of(self._odata, postings) >= len(body_of(effect, SupplierInvoice).lines)

    def _posting(self, line: InvoiceLine) -> Mapping[str, object]:
        order_line, _, release = line.order_line.partition("/")
        values: dict[str, object] = {
            "posting_type": line.posting_type,
            "order": line.order,
            "line": order_line,
            "release": release,
            "receipt": _number(line.receipt),
            "quantity": line.quantity or None,
            "amount": line.amount,
            "activity": activity_number(line.activity),
            "tax_code": line.tax_code,
            "tax": line.tax if line.tax_code or line.tax else None,
            "text": clipped(line.description, _TEXT),
            **{f"code_{letter.lower()}": value for letter, value in line.codes},
        }
        return defaults_of(self._writes.invoice_defaults, "posting") | self._writes.posting.body(values)


def _number(text: str) -> Decimal | None:
    """An id that IFS keeps as a number; None where there is none. Raises Refused for what is no number."""
    if not text:
        return None
    if not text.isdigit():
        raise Refused(f"{text!r} is no number of IFS.")
    return Decimal(text)


def _place(where: WriteSet, company: str) -> Place:
    return Place(
        what="supplier invoice",
        projection=where.projection,
        entity_set=where.entity_set,
        id=where.name("id"),
        reference=where.name("reference"),
        leading=where.shared(),
        select=(where.name("state"),) if where.name("state") else (),
        filter=f"{where.name('company')} eq {text_literal(company)}" if where.name("company") else "",
        number=True,
    )
