"""The records of the benchmark's years: orders, contracts, invoices and payments that look like real ones."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal

from ml_connector.records.commitment import Commitment, CommitmentLine, CommitmentStatus
from ml_connector.records.payment import ContractPayment
from ml_connector.records.purchase_order import OrderLine, OrderState, PurchaseOrder
from ml_connector.records.subcontractor_invoice import BillingLine, InvoiceStatus, SubcontractorInvoice

_ADJECTIVES = (
    *("Northern", "Harbor", "Prairie", "Summit", "Copper", "Granite", "Lakeside"),
    *("Iron", "Maple", "Silver", "Twin", "Cedar", "Falcon"),
)
_TRADES = (
    *("Concrete", "Steel", "Electric", "Plumbing", "Paving", "Roofing"),
    *("Crane", "Rigging", "Glass", "Drywall", "Excavating", "Piping"),
)
_NOUNS = (
    *("pipe", "slab", "beam", "panel", "duct", "valve", "rebar", "formwork"),
    *("scaffold", "pump", "cable", "hoist", "membrane", "anchor", "grate"),
)


def order_id(number: int) -> str:
    """The number of the n-th order."""
    return f"P{500_000 + number}"


def vendor_name(number: int) -> str:
    """What the n-th supplier is called."""
    adjective = _ADJECTIVES[number % len(_ADJECTIVES)]
    return f"{adjective} {_TRADES[number // len(_ADJECTIVES) % len(_TRADES)]} {number} Inc."


def project_id(number: int) -> str:
    """The n-th project."""
    return str(5_000 + number)


def vendor_id(number: int) -> str:
    """The n-th supplier."""
    return f"V{5_000 + number}"


def contract(number: int, vendors: int, projects: int, chance: random.Random) -> Commitment:
    """The contract of the n-th order, with four lines."""
    number_of, project = order_id(number), project_id(number % projects)
    once = f"10/order/{number_of}/{project}"
    lines = tuple(
        CommitmentLine(
            once_key=f"{once}/{line}/1",
            description=f"{chance.choice(_NOUNS)} {chance.choice(_NOUNS)}",
            quantity=Decimal(chance.randrange(1, 400)),
            unit="EA",
            unit_cost=Decimal("12.50"),
            amount=Decimal(chance.randrange(100, 5_000_000)) / 100,
            budget_code="03-310.M",
        )
        for line in range(1, 5)
    )
    title = f"{number_of} {lines[0].description}"
    day = date(2026, 1, 1) + timedelta(days=number % 300)
    return Commitment(
        *(
            once,
            project,
            number_of,
            title,
            vendor_id(number % vendors),
            CommitmentStatus.APPROVED,
            "USD",
            day,
            None,
            "",
        ),
        lines=lines,
    )


def bill(number: int, made: Commitment) -> SubcontractorInvoice:
    """The invoice of the n-th order, as it stands in Procore."""
    lines = tuple(BillingLine(one.once_key, one.description, one.budget_code, one.amount) for one in made.lines)
    ordered, key = order_id(number), f"10/invoice/{500_000 + number}"
    return SubcontractorInvoice(
        once_key=f"{key}/{ordered}/{made.project}",
        project=made.project,
        commitment=f"{ordered}@{made.project}",
        number=f"INV-{number:06d}",
        currency="USD",
        dated=made.dated,
        period=f"{made.project}/2026-10-01",
        status=InvoiceStatus.APPROVED,
        lines=lines,
        sources=tuple(f"{500_000 + number}/{line}" for line in range(1, 5)),
    )


def paid(number: int, made: Commitment, key: str) -> ContractPayment:
    """Its payment."""
    amount = made.money().amount
    return ContractPayment(
        once_key=f"10/payment/SUPAY/{500_000 + number}/1/{key.replace('@', '/')}",
        project=made.project,
        commitment=key,
        invoice=f"{500_000 + number}@{key}",
        amount=amount,
        currency="USD",
        dated=date(2026, 11, 1),
        method="check",
        number=str(500_000 + number),
        reference="",
        invoice_number=f"INV-{number:06d}",
        paid=amount,
    )


def order(number: int, vendors: int, projects: int) -> PurchaseOrder:
    """The n-th order as IFS has it."""
    project = project_id(number % projects)
    lines = tuple(
        OrderLine(
            id=f"{line}/1",
            kind="part",
            description=f"{_NOUNS[(number + line) % len(_NOUNS)]} {line}",
            quantity=Decimal(line),
            unit="EA",
            unit_price=Decimal("12.50"),
            amount=Decimal("12.50") * line,
            state=OrderState.RELEASED,
            project=project,
            activity="100101",
            codes=(("A", "4110"), ("B", "03-310"), ("E", project)),
        )
        for line in range(1, 5)
    )
    vendor = vendor_id(number % vendors)
    return PurchaseOrder(
        order_id(number), vendor, "DUL", OrderState.RELEASED, "USD", date(2026, 9, 1), "BUYER", "", lines, "1"
    )
