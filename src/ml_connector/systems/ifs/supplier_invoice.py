"""A supplier invoice's header and posting rows as one record (facts/ifs.md 11.5); half an invoice is none."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from ml_connector.records.problem import Problem, Reject
from ml_connector.records.supplier_invoice import InvoiceLine, InvoiceState, SupplierInvoice, TaxCode
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.rows import Row, problem

KIND = "supplier_invoice"

_NONE = Decimal(0)
_HUNDRED = Decimal(100)


def invoice_or_problem(
    identity: str, header: msgspec.Raw, lines: Sequence[msgspec.Raw], profile: Profile
) -> SupplierInvoice | Problem:
    """The invoice with its lines, or the Problem that says which of its rows cannot be used.

    Lines need not add up to the header's net: what that means is decided elsewhere. Amounts and signs are kept as sent.
    """
    raw = header
    try:
        row = Row(header, profile.invoice)
        found: list[InvoiceLine] = []
        for raw in lines:
            found.append(_line(raw, profile))
        raw = header
        dated = row.day("dated")
        if dated is None:
            raise Reject(f"{profile.invoice.name('dated')} is empty")
        return SupplierInvoice(
            id=row.required("id"),
            vendor=row.required("vendor"),
            number=row.text("number"),
            series=row.text("series"),
            state=_state(row, profile),
            currency=row.currency("currency"),
            dated=dated,
            posted_on=row.day("voucher_date") or row.day("posted_on") or dated,
            due=row.day("due"),
            text=row.text("text"),
            net=row.number("net"),
            tax=row.number("tax", _NONE),
            credits=row.text("credits"),
            order=row.text("order"),
            lines=tuple(found),
        )
    except Reject as why:
        return problem(KIND, identity, str(why), *((header,) if raw is header else (header, raw)))


def tax_code_of(row: Row) -> TaxCode:
    """The tax code in `row`; all of it is recoverable where the tenant does not say how much. Reject without a rate."""
    return TaxCode(row.required("code"), row.number("rate"), row.number("deductible", _HUNDRED))


def _line(raw: msgspec.Raw, profile: Profile) -> InvoiceLine:
    name = "?"
    try:
        row = Row(raw, profile.invoice_line)
        name = row.required("line")
        order_line, release = row.text("order_line"), row.text("order_release")
        return InvoiceLine(
            id=name,
            description=row.text("description"),
            amount=row.number("amount"),
            quantity=row.number("quantity", _NONE),
            order=row.text("order"),
            order_line=f"{order_line}/{release}" if order_line and release else "",
            receipt=row.text("receipt"),
            project=row.text("project"),
            activity=row.activity(),
            codes=row.codes(),
            tax_code=row.text("tax_code"),
            tax=row.number("tax", _NONE),
            posting_type=row.text("posting_type"),
        )
    except Reject as why:
        raise Reject(f"on posting {name} {why}") from None


def _state(row: Row, profile: Profile) -> InvoiceState:
    name = row.required("state")
    ours = profile.invoice_states.get(name)
    if ours is None:
        raise Reject(f"the state {name!r} is not in the profile")
    return InvoiceState(ours)
