"""The middle of the month: later invoices of the same orders, and what comes back from Procore."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from ml_connector.cli.month_case import Case
from ml_connector.cli.month_desk import MonthDesk, said, said_list, summed
from ml_connector.cli.month_office import kept_back, rest_lines, tenth_of, whole_lines
from ml_connector.cli.month_records import ZERO, Order
from ml_connector.cli.month_start import MOST, arrived
from ml_connector.cli.month_tie import RETENTION
from ml_connector.kernel.money import Money
from ml_connector.kernel.text import counted

_SHARE = Decimal("0.4")
"""What project managers approve of a contract at a time."""


def second_week(told: MonthDesk, case: Case) -> None:
    """The rest is delivered, a tenth is kept back, and one paper is for two orders."""
    day = date(2026, 10, 16)
    told.day(day, "the rest of the goods, a tenth kept back, one paper for two orders")
    office = told.office
    for order in (*case.halves, case.second):
        office.receive(order)
    paired, *others = case.halves
    rests = {order.number: office.bill(order) for order in others}
    split = office.bill(paired, lines=[*rest_lines(paired), *whole_lines(case.second)])
    fresh = case.pool.take("ifs", day, MOST)
    for order in fresh:
        office.receive(order)
    case.kept = fresh[0]
    retained = [_less_a_tenth(told, order) for order in fresh[:2]]
    later = {order.number: office.bill(order) for order in fresh[2:]}
    case.bills |= later
    told.sync("later invoices of the same orders, in the same billing period")
    arrived(told, [*rests.values(), split, *retained, *later.values()])
    now = told.now
    for order in others:
        papers = (case.bills[order.number], rests[order.number])
        bills = [bill for paper in papers for bill in now.of_invoice(paper)]
        billed = summed((bill.currency, bill.work) for bill in bills)
        parts = said_list(str(Money(bill.work, bill.currency)) for bill in bills)
        told.claim(
            len(bills) == 2 and bills[0].period == bills[1].period and billed == now.net(papers),
            f"Order {order.number}, half by half: {parts} in one billing period; {said(now.net(papers))} in IFS.",
        )
    orders = sorted(bill.order for bill in now.of_invoice(split))
    told.claim(
        orders == sorted((paired.number, case.second.number)),
        f"One paper for two orders became {counted(len(orders), 'invoice')} in Procore: on {said_list(orders)}.",
    )
    for invoice in retained:
        [bill] = now.of_invoice(invoice)
        figures = [Money(one, bill.currency) for one in (bill.work, bill.retained, bill.asked)]
        told.claim(
            bill.retained == tenth_of(bill.work) and bill.asked == bill.work - bill.retained,
            "A tenth is kept back: {} billed, {} retained, {} due in Procore.".format(*figures),
        )


def _less_a_tenth(told: MonthDesk, order: Order) -> str:
    """Accounts payable registers an invoice of a whole order, of which a tenth is kept back; its id in IFS."""
    held = tenth_of(sum((line.amount for line in order.lines), ZERO))
    return told.office.bill(order, lines=[*whole_lines(order), kept_back(order, -held)])


def back_from_procore(told: MonthDesk, case: Case) -> None:
    """Project managers approve subcontractor invoices, people on the sites pay by card: vouchers wait in IFS."""
    day = date(2026, 10, 19)
    told.day(day, "project managers approve progress, people on the sites pay by card")
    office = told.office
    taken = case.pool.take("procore", day, MOST)
    last_of_site = {min(order.projects): order for order in taken}
    for order in taken:
        kept = tenth_of(order.lines[0].amount * _SHARE) if order in last_of_site.values() else None
        case.progress[office.claim_progress(order, str(_SHARE), kept)] = order
    written = {one.site: one for one in told.look().billed if one.id in case.progress}
    for number, (site, bill) in enumerate(sorted(written.items())):
        line = case.progress[bill.id].lines[0]
        case.cards.append(office.buy_by_card(site, line, bill.vendor, Decimal("118.60") + 31 * number))
    told.sync("what Procore's people approved waits in IFS as vouchers, not approved")
    now = told.now
    bills = [one for one in now.billed if one.id in case.progress]
    cards = [one for one in now.costs if one.id in case.cards]
    for kind, ids, money in (
        ("subcontractor invoice", [one.id for one in bills], summed((one.currency, one.work) for one in bills)),
        ("direct cost", [one.id for one in cards], summed((one.currency, one.amount) for one in cards)),
    ):
        vouchers = [one for document in ids for one in now.vouchers_of(document)]
        costs = summed((one.currency, one.cost) for one in vouchers)
        told.same(
            money, costs, f"{counted(len(ids), kind)}, {said(money)}: {counted(len(vouchers), 'voucher')} with cost of"
        )
    kept_there = summed((one.currency, one.retained) for one in bills)
    owed = summed((one.currency, one.on(RETENTION)) for one in now.vouchers)
    told.same(
        kept_there, owed, f"Project managers kept back {said(kept_there)}; the vouchers owe on account {RETENTION}"
    )
    ready = [one for one in now.vouchers if one.status == "NotApproved" and not sum(row.balance for row in one.rows)]
    everyone = len(ready) == len(now.vouchers)
    told.claim(everyone, f"{counted(len(ready), 'voucher')} balance, and each waits for a person to approve it.")
