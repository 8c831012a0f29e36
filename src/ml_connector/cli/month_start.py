"""The first chapters of the month: both books are joined, goods arrive, and supplier invoices go to Procore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from ml_connector.cli.month_case import Case
from ml_connector.cli.month_desk import MonthDesk, said, said_list, summed
from ml_connector.cli.month_office import Pool, can_be_halved, tax_of, too_small
from ml_connector.cli.month_records import ZERO, Order
from ml_connector.kernel.money import Money
from ml_connector.kernel.text import counted
from ml_connector.planning.plan import HoldReason
from ml_connector.sandbox.cast import ACCOUNT_OF_TYPE, SITES, TROUBLES, UNKNOWN_COST_CODE

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
    orders, contracts = told.view().orders(), told.now.contracts
    numbers = {one.number for one in contracts}
    ours = summed(
        (order.currency, line.amount)
        for order in orders
        for line in order.lines
        if line.state != "Cancelled" and {order.number, f"{order.number}-{line.project}"} & numbers
    )
    theirs = summed((one.currency, one.total) for one in contracts)
    told.same(ours, theirs, f"{counted(len(contracts), 'contract')}: IFS's lines come to {said(ours)}, Procore's to")
    estimated = summed((told.now.budgets[site][0], one) for site, one in told.now.estimates.items())
    told.same(
        estimated, summed(told.now.budgets.values()), f"{said(estimated)} are estimated in IFS, budgeted in Procore"
    )
    return Case(Pool(orders, contracts), {order.number: order for order in orders})


def first_week(told: MonthDesk, case: Case) -> None:
    """Goods arrive at every site, and accounts payable registers what suppliers ask for."""
    day = date(2026, 10, 9)
    told.day(day, "goods arrive, and accounts payable registers invoices")
    office, received = told.office, told.view().receipts()
    waiting = [str(hold["source"]) for hold in told.holds(HoldReason.CODE_MISSING.value)]
    office.ifs("add_code_value", code_part="B", value=UNKNOWN_COST_CODE, description="Sheet piles")
    taxed, *others = case.pool.take("ifs", day, MOST)
    case.halves = [order for order in others if can_be_halved(order)][::3]
    if not case.halves:
        raise too_small("an order of which half could be delivered")
    for order in others:
        office.receive(order, half=order in case.halves)
        case.bills[order.number] = office.bill(order)
    case.second = _more_of(told, case.halves[0])
    special = _special(told, case, taxed)
    one_a_site = {min(order.projects): order for order in (taxed, *others)}
    huts, overhead = _without_order(told, list(one_a_site.values()))
    bills = [*special.values(), *case.bills.values()]
    receipts = counted(told.view().receipts() - received, "receipt")
    registered = counted(len(bills) + len(huts) + 1, "invoice")
    told.out.line(f"{receipts} of goods; {registered} registered, posted and authorised.")
    told.sync("invoices on orders become subcontractor invoices, those without an order direct costs")
    now = told.now
    went = [one for one in now.contracts if one.number in waiting]
    total = said(summed((one.currency, one.total) for one in went))
    told.claim(
        len(went) == len(waiting) > 0,
        f"Order {said_list(waiting)} waited for code {UNKNOWN_COST_CODE}, which exists by now: a contract of {total}.",
    )
    arrived(told, bills)
    _claim_special(told, case, special)
    net = now.net(huts)
    costs = summed((one.currency, one.amount) for hut in huts for one in now.costs_of(hut) if one.status == "approved")
    told.same(net, costs, f"{counted(len(huts), 'invoice')} on job sites and on no order, {said(net)}: direct costs of")
    nowhere = not now.of_invoice(overhead) and not now.costs_of(overhead)
    told.claim(nowhere, f"An overhead invoice of {said(now.net([overhead]))} is on no job site: nowhere in Procore.")


def _special(told: MonthDesk, case: Case, taxed: Order) -> dict[str, str]:
    """Three more orders are delivered and billed: with tax, in euros, for two job sites; invoices by what they are."""
    euro = case.orders[TROUBLES["order_in_foreign_currency"].order_no or ""]
    both = case.orders[TROUBLES["order_on_two_projects"].order_no or ""]
    for order in (taxed, euro, both):
        told.office.receive(order)
    tax = sum((tax_of(line.amount) for line in taxed.lines), ZERO)
    return {
        "taxed": told.office.bill(taxed, tax=str(tax)),
        "euro": told.office.bill(euro),
        "both": told.office.bill(both),
    }


def _claim_special(told: MonthDesk, case: Case, special: Mapping[str, str]) -> None:
    now = told.now
    [bill] = now.of_invoice(special["taxed"])
    paper = next(one for one in now.invoices if one.id == special["taxed"])
    told.claim(
        bill.work == bill.asked == paper.net > 0 < paper.tax,
        f"{Money(paper.net, paper.currency)} and {Money(paper.tax, paper.currency)} of recoverable tax on one invoice: "
        f"Procore's asks for {Money(bill.asked, bill.currency)}.",
    )
    [bill] = now.of_invoice(special["euro"])
    paper = next(one for one in now.invoices if one.id == special["euro"])
    told.claim(
        (bill.work, bill.currency) == (paper.net, paper.currency),
        f"Not converted: {Money(paper.net, paper.currency)} in IFS, {Money(bill.work, bill.currency)} in Procore.",
    )
    both = case.orders[TROUBLES["order_on_two_projects"].order_no or ""]
    sites = sorted(one.site for one in now.of_invoice(special["both"]))
    told.claim(sites == sorted(both.projects), f"One invoice for two job sites: it is on {said_list(sites)}.")


def arrived(told: MonthDesk, bills: Iterable[str]) -> None:
    """Claims that Procore's subcontractor invoices made of some IFS invoices come to what these come to."""
    papers = list(bills)
    ours = told.now.net(papers)
    made = [one for paper in papers for one in told.now.of_invoice(paper)]
    theirs = summed((one.currency, one.work - one.retained + one.released) for one in made)
    sites = counted(len({one.site for one in made}), "job site")
    told.same(ours, theirs, f"{counted(len(papers), 'invoice')} on orders, {said(ours)} in IFS; at {sites} Procore has")


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
        "create_order",
        supplier_id=order.supplier,
        site=order.site,
        currency=order.currency,
        order_date=told.clock().date().isoformat(),
        lines=[{**again, **place}],
    )
    told.office.ifs("release_order", order_no=made["order_no"])
    return next(one for one in told.view().orders() if one.number == made["order_no"])
