"""The first chapters of the month: both books are joined, goods arrive, invoices go to Procore, progress comes back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from ml_connector.cli.month_case import Case
from ml_connector.cli.month_desk import MonthDesk, said, summed
from ml_connector.cli.month_office import (
    Pool,
    can_be_halved,
    kept_back,
    rest_lines,
    tax_of,
    tenth_of,
    whole_lines,
)
from ml_connector.cli.month_records import ZERO, Order
from ml_connector.cli.telling import amount
from ml_connector.kernel.text import counted
from ml_connector.sandbox.cast import ACCOUNT_OF_TYPE, SITES, TROUBLES

FIRST_DAY = date(2026, 10, 1)
"""The month the demo plays; the cast's orders are placed from September on."""
MOST = 6
"""Orders billed a week on each job site and side."""


def two_books(told: MonthDesk) -> Case:
    """Orders become contracts, estimates become budgets; the orders that the month will work with."""
    told.open(f"{FIRST_DAY:%B} {FIRST_DAY.year} begins: two books, nothing joined")
    world = told.sandbox.admin("GET", "summary")["world"]
    told.out.line(
        f"{world['company']}: {counted(len(SITES), 'job site')}, {counted(world['orders'], 'purchase order')} in IFS. "
        f"The simulated clock says {told.clock():%Y-%m-%d %H:%M} UTC; the machine's own is not used."
    )
    told.facts["systems"] = {"ifs": told.sandbox.ifs_url, "procore": told.sandbox.procore_url, **world}
    told.sync("orders become contracts, estimates become budgets")
    orders = told.view().orders()
    numbers = {one.number for one in told.now.contracts}
    ours = summed(
        (order.currency, line.amount)
        for order in orders
        for line in order.lines
        if line.state != "Cancelled" and {order.number, f"{order.number}-{line.project}"} & numbers
    )
    contracts = summed((one.currency, one.total) for one in told.now.contracts)
    told.same(ours, contracts, f"{counted(len(numbers), 'contract')}: {said(ours)} by IFS's lines; in Procore")
    budgets = sum((there for _, there in told.now.budgets.values()), ZERO)
    estimates = sum(told.now.estimates.values(), ZERO)
    told.claim(budgets == estimates, f"Budgets: {amount(estimates)} estimated in IFS, {amount(budgets)} in Procore.")
    return Case(Pool(orders, told.now.contracts), {order.number: order for order in orders})


def first_week(told: MonthDesk, case: Case) -> None:
    """Goods arrive at every site, and accounts payable registers what suppliers ask for them."""
    day = date(2026, 10, 9)
    told.day(day, "goods arrive, and accounts payable registers invoices")
    office, received = told.office, told.view().receipts()
    taxed, *others = case.pool.take("ifs", day, MOST)
    case.halves = [order for order in others if can_be_halved(order)][::3]
    for order in others:
        office.receive(order, half=order in case.halves)
        case.bills[order.number] = office.bill(order)
    case.second = _more_of(told, case.halves[0])
    euro = case.orders[TROUBLES["order_in_foreign_currency"].order_no or ""]
    both = case.orders[TROUBLES["order_on_two_projects"].order_no or ""]
    for order in (taxed, euro, both):
        office.receive(order)
    tax = sum((tax_of(line.amount) for line in taxed.lines), ZERO)
    with_tax, in_euro, on_two = office.bill(taxed, tax=str(tax)), office.bill(euro), office.bill(both)
    huts, overhead = _without_order(told, list({min(order.projects): order for order in (taxed, *others)}.values()))
    bills = [with_tax, in_euro, on_two, *case.bills.values()]
    told.out.line(
        f"{counted(told.view().receipts() - received, 'receipt')} of goods; {counted(len(bills) + len(huts) + 1, 'invoice')} "
        "registered, posted and authorised."
    )
    told.sync("invoices on orders become subcontractor invoices, those without an order direct costs")
    arrived(told, bills)
    now = told.now
    net = now.net(huts)
    costs = summed((one.currency, one.amount) for hut in huts for one in now.costs_of(hut) if one.status == "approved")
    told.same(
        net, costs, f"{counted(len(huts), 'invoice')} of {said(net)} on job sites and on no order: direct costs of"
    )
    nowhere = not now.of_invoice(overhead) and not now.costs_of(overhead)
    told.claim(nowhere, f"An overhead invoice of {said(now.net([overhead]))} is on no job site: nowhere in Procore.")
    [bill] = now.of_invoice(with_tax)
    without = bill.work == bill.asked == now.net([with_tax])[bill.currency]
    text = f"Tax of {amount(tax, bill.currency)} on invoice {bill.number} is recoverable: Procore's is without it,"
    told.claim(without, f"{text} {amount(bill.asked, bill.currency)}.")
    [bill] = now.of_invoice(in_euro)
    told.claim(
        bill.currency == "EUR", f"The invoice from Germany keeps its currency: {amount(bill.work, bill.currency)}."
    )
    sites = sorted(one.site for one in now.of_invoice(on_two))
    told.claim(sites == sorted(both.projects), f"One order for two job sites: its invoice is on {' and '.join(sites)}.")


def arrived(told: MonthDesk, bills: Sequence[str]) -> None:
    """Claims that Procore's subcontractor invoices made of some IFS invoices come to what is on orders in them."""
    ours = told.now.net(bills)
    made = [one for bill in bills for one in told.now.of_invoice(bill)]
    theirs = summed((one.currency, one.work - one.retained + one.released) for one in made)
    sites = len({one.site for one in made})
    text = f"{counted(len(bills), 'invoice')} on orders come to {said(ours)}; at {counted(sites, 'site')} Procore has"
    told.same(ours, theirs, text)


def _without_order(told: MonthDesk, orders: Sequence[Order]) -> tuple[list[str], str]:
    """Bills on no order: one on each job site of `orders`, and one for the office; their ids in IFS."""
    huts, office = [], told.office
    account = ACCOUNT_OF_TYPE["O"]
    for number, order in enumerate(orders):
        line, paper = order.lines[0], office.paper(order.supplier)
        codes = {"A": account, "B": line.codes["B"], "E": line.project}
        hut = {"amount": str(Decimal("1840.00") + 65 * number), "text": "Site hut, October"}
        posting = {**hut, "codes": codes, "activity_seq": line.activity}
        huts.append(office.register(supplier_id=order.supplier, invoice_no=paper, lines=[posting]))
    supplier = orders[0].supplier
    chairs = {"amount": "615.40", "codes": {"A": account, "C": "440"}, "text": "Office chairs"}
    overhead = office.register(supplier_id=supplier, invoice_no=office.paper(supplier), lines=[chairs])
    return huts, overhead


def _more_of(told: MonthDesk, order: Order) -> Order:
    """A buyer orders a second delivery from an order's supplier; the new order."""
    line = order.lines[0]
    again = {"description": "Second delivery", "quantity": "40", "price": "37.25", "unit": "EA"}
    place = {"project_id": line.project, "activity_seq": line.activity, "codes": dict(line.codes)}
    made = told.office.ifs(
        "create_order", supplier_id=order.supplier, site=order.site, currency=order.currency,
        order_date=told.clock().date().isoformat(), lines=[{**again, **place}],
    )  # fmt: skip
    told.office.ifs("release_order", order_no=made["order_no"])
    return next(one for one in told.view().orders() if one.number == made["order_no"])


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
    case.kept, *plain = fresh
    case.bills |= {order.number: office.bill(order) for order in plain}
    held = tenth_of(sum((line.amount for line in case.kept.lines), ZERO))
    retained = office.bill(case.kept, lines=[*whole_lines(case.kept), kept_back(case.kept, -held)])
    told.sync("later invoices of the same orders, in the same billing period")
    arrived(told, [*rests.values(), split, retained, *(case.bills[order.number] for order in plain)])
    now = told.now
    for order in others[:1]:
        bills = now.of_invoice(case.bills[order.number]) + now.of_invoice(rests[order.number])
        contract = next(one for one in now.contracts if one.number == order.number)
        one_period = len({bill.period for bill in bills}) == 1
        sums = " and ".join(amount(bill.work, bill.currency) for bill in bills)
        told.claim(
            one_period and sum((bill.work for bill in bills), ZERO) == contract.total,
            f"Two invoices of one order in one period, {sums}: all of its contract's {amount(contract.total)}.",
        )
    orders = sorted(bill.order for bill in now.of_invoice(split))
    told.claim(
        orders == sorted((paired.number, case.second.number)),
        f"One paper for two orders became {counted(len(orders), 'invoice')} in Procore: on {' and '.join(orders)}.",
    )
    [bill] = now.of_invoice(retained)
    told.claim(
        bill.retained == held and bill.asked == bill.work - held,
        f"Kept back: {amount(bill.work)} billed, {amount(bill.retained)} retained, {amount(bill.asked)} due.",
    )


def back_from_procore(told: MonthDesk, case: Case) -> None:
    """Project managers approve subcontractor invoices, people on the sites pay by card: vouchers wait in IFS."""
    day = date(2026, 10, 19)
    told.day(day, "project managers approve progress, people on the sites pay by card")
    office = told.office
    taken = case.pool.take("procore", day, MOST)
    for order in taken:
        case.progress[office.claim_progress(order, "0.4")] = order
    by_site = {one.site: one for one in told.look().billed if one.id in case.progress}
    for number, (site, bill) in enumerate(sorted(by_site.items())):
        line = case.progress[bill.id].lines[0]
        case.cards.append(office.buy_by_card(site, line, bill.vendor, Decimal("118.60") + 31 * number))
    told.sync("what Procore's people approved waits in IFS as vouchers, not approved")
    now = told.now
    for kind, born in (
        ("subcontractor invoice", [(one.id, one.currency, one.work) for one in now.billed if one.id in case.progress]),
        ("direct cost", [(one.id, one.currency, one.amount) for one in now.costs if one.id in case.cards]),
    ):
        vouchers = [one for document, *_ in born for one in now.vouchers_of(document)]
        wanted = summed((currency, work) for _, currency, work in born)
        costs = summed((one.currency, one.cost) for one in vouchers)
        text = f"{counted(len(born), kind)} of {said(wanted)}: {counted(len(vouchers), 'voucher')} in IFS with cost of"
        told.same(wanted, costs, text)
    ready = [one for one in now.vouchers if one.status == "NotApproved" and not sum(row.balance for row in one.rows)]
    told.claim(
        len(ready) == len(now.vouchers), f"{counted(len(ready), 'voucher')} balance and wait for a person to approve."
    )
