"""The third week: an invoice comes again, a firm nobody knows in IFS, credits, cancellations, payments."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from ml_connector.cli.demo_teller import NAME
from ml_connector.cli.month_case import Case
from ml_connector.cli.month_desk import MonthDesk, said, said_list, summed
from ml_connector.cli.month_office import budget_code, number_of, too_small
from ml_connector.cli.month_records import ZERO
from ml_connector.cli.month_start import arrived
from ml_connector.cli.month_tie import payments
from ml_connector.kernel.money import Money
from ml_connector.kernel.text import counted
from ml_connector.planning.plan import HoldReason

_STRANGER = "Kinnickinnic Sign Works LLC"
"""A firm that only Procore's people know."""
_CONTRACT = "PM-0001"
"""The number of their contract, which no order has."""

_NEEDED = 3
"""Invoices that something happens to after the payment run."""


def comes_again(told: MonthDesk, case: Case) -> None:
    """An approved invoice is sent back after it crossed, and comes again with another amount."""
    told.day(date(2026, 10, 20), "a subcontractor invoice is sent back, and comes again with another amount")
    document, office = next(iter(case.progress)), told.office
    [before] = told.now.vouchers_of(document)
    office.procore("send_back_requisition", id=document)
    told.sync("somebody in Procore sent back what is in IFS already")
    held = told.holds(HoldReason.SENT_BACK.value)
    told.claim(len(held) == 1, f"{counted(len(held), 'question')} about it waits for a person.")
    told.claim(told.now.vouchers_of(document) == [before], f"Voucher {before.id} stands as it was until then.")
    office.procore("bill_requisition", id=document, share="0.25")
    office.procore("approve_requisition", id=document)
    told.sync("it was approved again, with another amount")
    bill = next(one for one in told.now.billed if one.id == document)
    vouchers = told.now.vouchers_of(document)
    told.claim(not told.holds(HoldReason.SENT_BACK.value), "The question went by itself.")
    costs = ", ".join(f"{one.id} {Money(one.cost, one.currency)}" for one in vouchers)
    total = sum((one.cost for one in vouchers), ZERO)
    told.claim(
        len(vouchers) == 3 and total == bill.work,
        f"Reversed and entered anew, never edited: {costs}; together {Money(total, bill.currency)}, as Procore has it.",
    )


def stranger(told: MonthDesk, case: Case) -> None:
    """A project manager writes a commitment with a vendor IFS does not know, and bills on it."""
    told.day(date(2026, 10, 21), "a commitment is written in Procore, with a firm IFS has never heard of")
    office = told.office
    line = next(iter(case.progress.values())).lines[0]
    number = number_of(line.project)
    office.procore("add_vendor", name=_STRANGER, ein="39-5550182", city="Milwaukee", state_code="WI", country_code="US",
                   projects=[{"number": number}])  # fmt: skip
    work = {**budget_code(line), "description": "Crane signs", "quantity": "12", "unit_cost": "410.00"}
    office.procore("type_order", number=number, order_number=_CONTRACT, title="Crane signs", vendor=_STRANGER,
                   status="Approved", lines=[work])  # fmt: skip
    made = office.procore("add_requisition", order_number=_CONTRACT, invoice_number=office.paper("SIGN"), share="0.5")
    document = int(made["id"])
    office.procore("approve_requisition", id=document)
    told.sync("nobody in IFS is like that vendor")
    asked = told.holds(HoldReason.VENDOR_PROPOSAL.value)
    known = told.view().suppliers()
    told.claim(len(asked) == 1 and _STRANGER not in known.values(), "Nothing was made in IFS: the controller is asked.")
    for hold in asked:
        told.app.rule(NAME, hold["hold"], "new", note="Seen the contract.")
    told.sync("the controller allowed it: the firm is proposed as a supplier, blocked for payment")
    made = [supplier for supplier, name in told.view().suppliers().items() if name == _STRANGER]
    told.claim(len(made) == 1, f"IFS has the firm once, as supplier {' and '.join(made)}; nothing is posted to it yet.")
    for supplier in made:
        office.ifs("block_supplier", supplier_id=supplier, blocked=False)
    told.sync("people in IFS released it: the commitment is proposed as a purchase requisition")
    requisitions = told.view().requisitions()
    told.claim(len(requisitions) == 1, f"Purchase requisition {said_list(requisitions)} waits in IFS.")
    _becomes_order(told, list(requisitions), document)


def _becomes_order(told: MonthDesk, requisitions: list[str], document: int) -> None:
    """Somebody in purchasing makes orders of requisitions; then contract and order are one, and the invoice goes on."""
    orders: list[str] = []
    for number in requisitions:
        told.office.ifs("release_requisition", requisition_no=number)
        orders += told.office.ifs("convert_requisition", requisition_no=number)["orders"]
    for order in orders:
        told.office.ifs("release_order", order_no=order)
    contracts = len(told.now.contracts)
    report = told.sync("a buyer made an order of it: order and contract are tied")
    alike = [one for one in told.now.contracts if one.number in (_CONTRACT, *orders)]
    tied = [one for one in alike if one.origin.split("/")[2:3] == orders]
    told.claim(
        len(told.now.contracts) == contracts and len(alike) == len(tied) == report.flows["purchase_orders"].linked == 1,
        f"Order {said_list(orders)} is contract {said_list(one.number for one in alike)}: no second one was made.",
    )
    told.sync("its invoice goes on")
    vouchers = told.now.vouchers_of(document)
    bill = next(one for one in told.now.billed if one.id == document)
    told.claim(
        len(vouchers) == 1 and vouchers[0].cost == bill.work,
        f"The invoice of {Money(bill.work, bill.currency)} waits in IFS as {said_list(one.id for one in vouchers)}.",
    )


def third_week(told: MonthDesk, case: Case) -> None:
    """A payment run; then a credit note, a cancelled invoice, a part payment and a payment that comes back."""
    told.day(date(2026, 10, 23), "the payment run")
    office = told.office
    paid = office.ifs("run_payment")["payments"]
    if not paid:
        raise too_small("an invoice that is due")
    told.sync("what IFS has paid is shown as paid on Procore's contracts")
    _paid(told, f"{counted(len(paid), 'payment')}: ")
    told.day(date(2026, 10, 26), "a credit note, a cancelled invoice, a part payment, a payment that comes back")
    waiting = [one for one in told.now.invoices if one.id in case.bills.values() and one.state == "PostedAuth"]
    if len(waiting) < _NEEDED:
        raise too_small("three invoices that are not paid yet")
    credited, cancelled, partly = waiting[:_NEEDED]
    credit = office.ifs("credit_invoice", invoice_id=credited.id, invoice_no=office.paper("CREDIT"), percent="50",
                        post=True, authorise=True)  # fmt: skip
    office.ifs("cancel_invoice", invoice_id=cancelled.id)
    third = (partly.net / 3).quantize(Decimal("0.01"))
    office.ifs("pay_invoice", invoice_id=partly.id, amount=str(third))
    office.ifs("reverse_payment", payment_id=paid[0])
    told.sync("each is a document of its own in Procore: nothing that stands there is changed")
    now = told.now
    arrived(told, [str(credit["invoice_id"])])
    bills = now.of_invoice(cancelled.id)
    rest = sum((one.work for one in bills), ZERO)
    told.claim(
        len(bills) == 2 and not rest,
        f"The cancelled invoice of {said({cancelled.currency: cancelled.net})} stands in Procore with its reversal: "
        f"together {Money(rest, cancelled.currency)}.",
    )
    _paid(told, f"A third of one invoice, {Money(third, partly.currency)}, and a payment taken back: ")


def _paid(told: MonthDesk, text: str) -> None:
    """Claims that payments agree at every job site, as the tie has it."""
    part = payments(told.now)
    gross, beside, issued = (summed((row.currency, row.figures[n]) for row in part.rows) for n in range(3))
    told.claim(
        not part.residual,
        f"{text}{said(gross)} paid in IFS, {said(beside)} of it tax or on no order; {said(issued)} issued in Procore.",
    )
