"""The end of the month: vouchers are approved, periods closed, and what comes late goes into the next one."""

from __future__ import annotations

from datetime import date

from ml_connector.cli.month_case import Case
from ml_connector.cli.month_desk import MonthDesk, said, summed
from ml_connector.cli.month_office import kept_back, number_of
from ml_connector.cli.month_records import ZERO
from ml_connector.cli.month_start import arrived
from ml_connector.kernel.money import Money
from ml_connector.kernel.text import counted
from ml_connector.sandbox.cast import SITES

_LATE = date(2026, 10, 29)
_CLEARING = "2020"
"""Account on which vouchers wait for the supplier's own invoice."""


def month_end(told: MonthDesk, case: Case) -> None:
    """Accounting approves our vouchers and updates the ledger; both sides close the month."""
    day = date(2026, 10, 30)
    told.day(day, "accounting approves, the ledger is updated, the month is closed")
    office = told.office
    case.late, *_ = case.pool.take("ifs", day, 1)
    office.receive(case.late)
    waiting = [one for one in told.now.vouchers if not one.in_ledger]
    for one in waiting:
        kind, year, number = one.id.split("/")
        office.ifs("approve_voucher", voucher_type=kind, year=int(year), voucher_no=int(number))
    updated = office.ifs("gl_update")
    for month in range(1, day.month + 1):  # with those before it: no open month lies before a closed one
        office.ifs("close_period", month=f"{day.year}-{month:02}")
    for site in SITES:
        office.procore("close_billing_period", number=number_of(site.project_id))
    told.sync("a closed month changes nothing that has crossed")
    ledger = [one for one in told.now.vouchers if one.in_ledger]
    told.claim(
        len(ledger) == len(told.now.vouchers) == len(waiting) and not updated["errors"],
        f"{counted(len(ledger), 'voucher')} of ours stand in the ledger, with cost of "
        f"{said(summed((one.currency, one.cost) for one in ledger))}; none is left in the hold table.",
    )


def late(told: MonthDesk, case: Case) -> None:
    """An invoice of the closed month, the release of what was kept back, and the paper of an invoice that crossed."""
    told.day(date(2026, 11, 4), "what comes late goes into the next month")
    office = told.office
    late_one = office.bill(case.late, date=_LATE.isoformat(), voucher_date=told.clock().date().isoformat())
    held = sum((one.retained - one.released for one in told.now.billed if one.order == case.kept.number), ZERO)
    release = office.bill(case.kept, lines=[kept_back(case.kept, held)])
    whole = [one for one in told.now.billed if one.id in case.progress and one.counts and not one.retained]
    born = (whole or [one for one in told.now.billed if one.id in case.progress])[-1]
    order = case.progress[born.id]
    line = order.lines[0]
    paper = office.register(
        order_no=order.number,
        invoice_no=born.number,
        lines=[{"line_no": line.line_no, "release_no": line.release_no, "amount": str(born.work),
                "codes": {"A": _CLEARING}}],
    )  # fmt: skip
    told.sync("a late invoice, a release, and the supplier's paper of an invoice that Procore had first")
    now = told.now
    arrived(told, [late_one, release])
    [bill] = now.of_invoice(late_one)
    told.claim(
        bill.dated == _LATE.isoformat() and bill.period > bill.dated,
        f"The invoice of {bill.dated} is in the period from {bill.period}, its own date kept.",
    )
    left = sum((one.retained - one.released for one in now.billed if one.order == case.kept.number), ZERO)
    told.claim(not left, f"{Money(held, case.kept.currency)} was released; {Money(left, case.kept.currency)} is held.")
    doubled = [*now.of_invoice(paper), *now.costs_of(paper)]
    alike = [one for one in now.billed if one.number == born.number]
    told.claim(
        not doubled and alike == [born],
        f"Paper {born.number}, {Money(born.work, born.currency)}, is of an invoice that Procore had first: it stands "
        f"there {counted(len(alike), 'time')}, as before.",
    )
