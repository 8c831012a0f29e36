"""The part of an invoice's tax that is cost: what nobody gives back. Recoverable tax never crosses."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from ml_connector.kernel.money import Money, rounded
from ml_connector.records.supplier_invoice import InvoiceLine, SupplierInvoice, TaxCode

ZERO = Decimal(0)
HUNDRED = Decimal(100)


def tax_shares(invoice: SupplierInvoice, codes: Mapping[str, TaxCode]) -> dict[str, Decimal]:
    """Line id to the tax on it that is cost, in the invoice's currency; lines whose tax is recoverable have zero.

    Each share is rounded half away from zero; what the rounded ones differ from the rounded whole goes to the line with
    the largest share (the first of equals), so that the sum foots. A tax code nobody knows is taken as recoverable.
    """
    exact = {line.id: _share(line, codes) for line in invoice.lines}
    shares = {line: rounded(share, invoice.currency) for line, share in exact.items()}
    residual = rounded(sum(exact.values(), ZERO), invoice.currency) - sum(shares.values(), ZERO)
    if residual:
        largest = max(exact, key=lambda line: abs(exact[line]))
        shares[largest] += residual
    return shares


def _share(line: InvoiceLine, codes: Mapping[str, TaxCode]) -> Decimal:
    code = codes.get(line.tax_code)
    return line.tax * (HUNDRED - code.deductible) / HUNDRED if code else ZERO


def tax_notes(invoice: SupplierInvoice, codes: Mapping[str, TaxCode], tolerance: Decimal) -> list[str]:
    """What looks wrong about an invoice's tax, a sentence each; nothing is stopped by it.

    The expected tax of a line is its code's rate of its net; `tolerance` is in the invoice's currency.
    """
    notes = []
    for line in invoice.lines:
        code = codes.get(line.tax_code)
        if line.tax and code is None:
            what = f"has tax code {line.tax_code}, which IFS does not list" if line.tax_code else "has no tax code"
            stated = Money(line.tax, invoice.currency)
            notes.append(f"Posting {line.id} {what}: its tax of {stated} was taken as recoverable.")
        if code is None:
            continue
        expected = rounded(line.amount * code.rate / HUNDRED, invoice.currency)
        if abs(expected - line.tax) > tolerance:
            notes.append(
                f"Posting {line.id} states a tax of {Money(line.tax, invoice.currency)}; tax code {code.code} "
                f"({code.rate.normalize():f} %) makes {Money(expected, invoice.currency)}."
            )
    stated_sum = sum((line.tax for line in invoice.lines), ZERO)
    if stated_sum != invoice.tax:
        notes.append(
            f"The header states a tax of {Money(invoice.tax, invoice.currency)}, "
            f"the postings {Money(stated_sum, invoice.currency)}."
        )
    return notes
