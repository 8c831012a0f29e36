"""The month's tie: for each job site and currency what IFS has, what Procore has, and the residual, which must be 0.

Every figure is a sum over the two systems' own answers (`month_records.py`); nothing is looked up in our tables.
Amounts are in the documents' currencies and are never converted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from ml_connector.cli.month_records import ZERO, Invoice, Look, Voucher
from ml_connector.kernel.money import rounded

RETENTION = "2030"
"""Account on which the cast keeps what it retains."""

Place = tuple[str, str]
"""Job site (its number in IFS) and currency."""
Sums = Mapping[Place, Decimal]


class Row(msgspec.Struct, frozen=True):
    """A job site and currency: the figures side by side, and what is left between the two systems."""

    site: str
    currency: str
    figures: tuple[Decimal, ...]
    residual: Decimal


class Part(msgspec.Struct, frozen=True):
    """One kind of money: what it compares, and a row for each place that has any."""

    title: str
    columns: tuple[str, ...]
    """What the figures of each row are."""
    rows: tuple[Row, ...]

    @property
    def residual(self) -> Decimal:
        """The residuals of all rows, signs set aside: differences cannot cancel out."""
        return sum((abs(row.residual) for row in self.rows), ZERO)


def tie(look: Look) -> tuple[Part, ...]:
    """All parts, in the order a controller reads them."""
    return (_on_orders(look), _without_order(look), _bills_back(look), _costs_back(look), _retention(look),
            payments(look), _budgets(look))  # fmt: skip


def form(parts: Iterable[Part]) -> list[dict[str, object]]:
    """The parts as --json prints them, amounts as exact text."""
    return [
        {
            "part": part.title,
            "rows": [
                {
                    "site": row.site,
                    "currency": row.currency,
                    **dict(zip(part.columns, map(str, row.figures), strict=True)),
                    "residual": str(row.residual),
                }
                for row in part.rows
            ],
        }
        for part in parts
    ]


def _on_orders(look: Look) -> Part:
    """Invoices that Procore had first are no row here: theirs are in part 3, and the paper that came later is only
    linked. They are known by the number of their order and their own."""
    first = {(one.order, one.number) for one in look.billed if not one.origin}
    ifs, later = _sums(), _sums()
    for invoice in _counted(look):
        for one in invoice.postings:
            if one.order and one.account != RETENTION:
                papers = later if _is_paper(invoice, one.order, first) else ifs
                papers[one.project, invoice.currency] += one.amount
    made = _sums()
    for bill in look.billed:
        if bill.origin:
            made[bill.site, bill.currency] += bill.work
    columns = ("invoiced in IFS", "of it Procore's own", "made in Procore")
    both = {place: ifs[place] + later[place] for place in {*ifs, *later}}
    return _part("1. IFS invoices on orders, and the subcontractor invoices made of them", columns, both, later, made)


def _without_order(look: Look) -> Part:
    ifs, made = _sums(), _sums()
    for invoice in _counted(look):
        for one in invoice.postings:
            if not one.order and one.project and one.account != RETENTION:
                ifs[one.project, invoice.currency] += one.amount
    for cost in look.costs:
        if cost.origin and cost.status != "draft":
            made[cost.site, cost.currency] += cost.amount
    columns = ("invoiced in IFS", "made in Procore")
    return _part("2. IFS project invoices without an order, and the direct costs made of them", columns, ifs, made)


def _bills_back(look: Look) -> Part:
    born = _sums()
    for bill in look.billed:
        if not bill.origin and bill.counts:
            born[bill.site, bill.currency] += bill.work
    columns = ("approved in Procore", "vouchers in IFS", "of it in the ledger")
    held, ledger = _vouchers(look, "subcontractor_invoice")
    return _back("3. Subcontractor invoices born in Procore, and their vouchers in IFS", columns, born, held, ledger)


def _costs_back(look: Look) -> Part:
    born = _sums()
    for cost in look.costs:
        if not cost.origin and cost.status == "approved":
            born[cost.site, cost.currency] += cost.amount
    columns = ("approved in Procore", "vouchers in IFS", "of it in the ledger")
    held, ledger = _vouchers(look, "direct_cost")
    return _back("4. Direct costs born in Procore, and their vouchers in IFS", columns, born, held, ledger)


def _back(title: str, columns: tuple[str, ...], born: Sums, held: Sums, ledger: Sums) -> Part:
    """Rows whose last column only says how much of the one before it has gone on."""
    places = sorted({*born, *held, *ledger})
    rows = []
    for place in places:
        entered = held.get(place, ZERO) + ledger.get(place, ZERO)
        figures = (born.get(place, ZERO), entered, ledger.get(place, ZERO))
        rows.append(_row(place, figures, figures[0] - entered))
    return Part(title, columns, tuple(rows))


def _vouchers(look: Look, kind: str) -> tuple[Sums, Sums]:
    """Cost of our vouchers of a kind, reversals netted: in the hold table, in the ledger."""
    held, ledger = _sums(), _sums()
    for one in _entered(look):
        if one.mark.split("/")[1] == kind:
            (ledger if one.in_ledger else held)[one.project, one.currency] += one.cost
    return held, ledger


def _retention(look: Look) -> Part:
    invoices, vouchers, there = _sums(), _sums(), _sums()
    for invoice in _counted(look):
        for one in invoice.postings:
            if one.account == RETENTION and one.project:
                invoices[one.project, invoice.currency] -= one.amount
    for entered in _entered(look):
        vouchers[entered.project, entered.currency] += entered.on(RETENTION)
    for bill in look.billed:
        if bill.origin or bill.counts:
            there[bill.site, bill.currency] += bill.retained - bill.released
    columns = ("on IFS invoices", "on vouchers", "held in Procore")
    rows = []
    for place in sorted({place for sums in (invoices, vouchers, there) for place, amount in sums.items() if amount}):
        figures = (invoices[place], vouchers[place], there[place])
        rows.append(_row(place, figures, figures[0] + figures[1] - figures[2]))
    return Part("5. Retention held, on both sides", columns, tuple(rows))


def payments(look: Look) -> Part:
    """Part 6. IFS pays gross; what of it is for orders, without recoverable tax, Procore should show as issued."""
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for one in look.paid:
        paid[one.invoice] += one.amount
    gross, beside, issued = _sums(), _sums(), _sums()
    for invoice in look.invoices:
        whole = invoice.net + invoice.tax
        if not paid[invoice.id] or not whole:
            continue
        for (place, _), (due, all_of_it) in _shares(invoice).items():
            part = rounded(paid[invoice.id] * all_of_it / whole, invoice.currency)
            gross[place] += part
            beside[place] += part - rounded(paid[invoice.id] * due / whole, invoice.currency)
    for payment in look.issued:
        issued[payment.site, payment.currency] += payment.amount
    columns = ("paid in IFS", "of it tax and no order", "issued in Procore")
    return _part("6. Payments in IFS, and the payments issued in Procore", columns, gross, beside, issued)


def _shares(invoice: Invoice) -> dict[tuple[Place, str], tuple[Decimal, Decimal]]:
    """For each site and order of an invoice: what is due there on the order without tax, and all that is due there."""
    found: dict[tuple[Place, str], tuple[Decimal, Decimal]] = {}
    for one in invoice.postings:
        place = ((one.project, invoice.currency), one.order)
        due, whole = found.get(place, (ZERO, ZERO))
        found[place] = (due + (one.amount if one.order else ZERO), whole + one.amount + one.tax)
    return {place: share for place, share in found.items() if place[0][0]}


def _budgets(look: Look) -> Part:
    rows = []
    for site, (currency, there) in sorted(look.budgets.items()):
        ours = look.estimates.get(site, ZERO)
        rows.append(_row((site, currency), (ours, there), ours - there))
    return Part("7. Budgets", ("estimated in IFS", "budget in Procore"), tuple(rows))


def _counted(look: Look) -> Iterable[Invoice]:
    return (one for one in look.invoices if one.counts)


def _entered(look: Look) -> Iterable[Voucher]:
    return (one for one in look.vouchers if one.status != "Cancelled")


def _is_paper(invoice: Invoice, order: str, first: set[tuple[str, str]]) -> bool:
    return (order, invoice.number) in first


def _part(title: str, columns: tuple[str, ...], *sums: Sums) -> Part:
    """Rows in which the first figure less those between is what the last should be."""
    rows = []
    for place in sorted({place for one in sums for place in one}):
        figures = tuple(one.get(place, ZERO) for one in sums)
        rows.append(_row(place, figures, figures[0] - sum(figures[1:], ZERO)))
    return Part(title, columns, tuple(rows))


def _row(place: Place, figures: Iterable[Decimal], residual: Decimal) -> Row:
    site, currency = place
    return Row(site, currency, tuple(rounded(one, currency) for one in figures), rounded(residual, currency))


def _sums() -> dict[Place, Decimal]:
    return defaultdict(Decimal)
