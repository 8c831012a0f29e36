"""One document as each side has it, laid side by side: the facts both know, and its lines matched one to one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.kernel.money import Money
from ml_connector.planning.billed import ZERO
from ml_connector.planning.names import bare_number
from ml_connector.planning.status_words import status_words, voucher_words
from ml_connector.records.commitment import Commitment
from ml_connector.records.cost_code import CostCode
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.payment import ContractPayment, Payment
from ml_connector.records.project import Project
from ml_connector.records.purchase_order import WITHDRAWN, PurchaseOrder
from ml_connector.records.purchase_requisition import PurchaseRequisition
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.supplier_invoice import SupplierInvoice
from ml_connector.records.vendor import Vendor
from ml_connector.records.voucher import RowRole, Voucher

Value = str | Money | date | None
"""What a fact may say."""


class Line(msgspec.Struct, frozen=True):
    """One line of a document on one side. Lines of the two sides that mean the same thing have the same `key`."""

    key: str
    text: str
    amount: Decimal
    quantity: Decimal | None = None
    unit: str = ""
    code: str = ""
    """The code string in IFS, the budget code in Procore."""
    place: str = ""
    """The project it lies on."""
    alone: bool = False
    """Whether the other side has no such line by its nature, as Procore has none for a clearing account."""


class Side(msgspec.Struct, frozen=True):
    """A document on one side; several records there (a contract a project) are one."""

    facts: dict[str, Value]
    lines: tuple[Line, ...] = ()
    currency: str = ""


class Fact(msgspec.Struct, frozen=True):
    """One fact of both sides. `differs`: both say it, and not the same."""

    name: str
    erp: Value
    projects: Value
    agreed: Value
    differs: bool


class Pair(msgspec.Struct, frozen=True):
    """One line of both sides; None where a side has no such line. `differs`: the amounts are not the same."""

    key: str
    erp: Line | None
    projects: Line | None
    agreed: Line | None
    differs: bool


class Compared(msgspec.Struct, frozen=True):
    """Two sides of a document, and what was last agreed."""

    facts: tuple[Fact, ...]
    lines: tuple[Pair, ...]
    currency: str

    @property
    def differs(self) -> bool:
        """Whether anything does."""
        return any(fact.differs for fact in self.facts) or any(line.differs for line in self.lines)


ALIKE = frozenset({"Amount", "Currency", "Supplier's number", "Name", "Tax number", "Country"})
"""Facts that say the same on both sides when nothing is wrong; other facts are each side's own words."""
DUE_UNKNOWN = "not known in IFS yet"
"""When a subcontractor's invoice is due that stands in IFS as a voucher: only the supplier's own invoice has a day."""


def compared(erp: Side | None, projects: Side | None, agreed: Side | None, *, lines_alike: bool = True) -> Compared:
    """The sides beside each other; a side nobody has read is None. `lines_alike` false: the sides have other lines."""
    sides = (erp, projects, agreed)
    names = dict.fromkeys(name for side in sides if side for name in side.facts)
    facts = [_fact(name, *(side.facts.get(name) if side else None for side in sides)) for name in names]
    tables = [_by_key(side.lines if side else ()) for side in sides]
    keys = dict.fromkeys(key for table in tables for key in table)
    pairs = [
        _pair(key, *(table.get(key) for table in tables), alike=lines_alike and bool(erp and projects)) for key in keys
    ]
    currency = next((side.currency for side in sides if side and side.currency), "")
    return Compared(tuple(facts), tuple(pairs), currency)


def _fact(name: str, erp: Value, projects: Value, agreed: Value) -> Fact:
    both = erp not in (None, "") and projects not in (None, "")
    agreed = None if name == "Status" else agreed  # each side has its own, on which nobody ever agreed
    told = bare_number if name == "Tax number" else _told
    return Fact(name, erp, projects, agreed, name in ALIKE and both and told(erp) != told(projects))


def _told(value: Value) -> object:
    return " ".join(value.casefold().split()) if isinstance(value, str) else value


def _pair(key: str, erp: Line | None, projects: Line | None, agreed: Line | None, *, alike: bool) -> Pair:
    ours, theirs = (line.amount if line else ZERO for line in (erp, projects))
    alone = any(line.alone for line in (erp, projects) if line)
    return Pair(key, erp, projects, agreed, alike and ours != theirs and not alone)


def _by_key(lines: Iterable[Line]) -> dict[str, Line]:
    """Lines by key; those of the same key are summed up."""
    found: dict[str, Line] = {}
    for line in lines:
        known = found.get(line.key)
        if known is None:
            found[line.key] = line
            continue
        both = known.quantity is not None and line.quantity is not None and known.unit == line.unit
        quantity = known.quantity + line.quantity if both and known.quantity and line.quantity else None
        found[line.key] = msgspec.structs.replace(known, amount=known.amount + line.amount, quantity=quantity)
    return found


def side_of(records: Sequence[Any]) -> Side | None:
    """The side some records of one document make; None for none, or for records without a page."""
    sides = [_SIDES[type(one)](one) for one in records if type(one) in _SIDES]
    if not sides:
        return None
    facts: dict[str, Value] = {}
    for side in sides:
        for name, value in side.facts.items():
            facts[name] = value if name not in facts else _joined(name, facts[name], value)
    lines = tuple(line for side in sides for line in side.lines)
    return Side(facts, lines, next((side.currency for side in sides if side.currency), ""))


def _joined(name: str, one: Value, other: Value) -> Value:
    """What two records of the same document say together: their sum, the last delivery, or both."""
    if isinstance(one, Money) and isinstance(other, Money) and one.currency == other.currency:
        return one + other
    if name == "Delivery" and isinstance(one, date) and isinstance(other, date):
        return max(one, other)
    if other in (None, "", one):
        return one
    return other if one in (None, "") else f"{one}, {other}"


def _codes(codes: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"{part} {value}" for part, value in codes)


def line_key(once_key: str) -> str:
    """The line of an order a contract line is: `1/1` of `10/order/P100001/1201/1/1`; empty when it is none of ours."""
    parts = once_key.split("/")
    return "/".join(parts[-2:]) if len(parts) > 4 and parts[1] == "order" else ""


def _order(order: PurchaseOrder) -> Side:
    live = [line for line in order.lines if line.state not in WITHDRAWN]
    lines = tuple(
        Line(
            line.id,
            line.description,
            ZERO if line.state in WITHDRAWN else line.amount,
            line.quantity,
            line.unit,
            _codes(line.codes),
            line.project,
        )
        for line in order.lines
    )
    facts: dict[str, Value] = {
        "Number": order.id,
        "Title": next((line.description for line in live), ""),
        "Status": status_words(order.state),
        "Vendor": order.vendor,
        "Amount": Money(sum((line.amount for line in live), ZERO), order.currency),
        "Date": order.dated,
        "Delivery": max((line.wanted for line in live if line.wanted), default=None),
        "Buyer": order.buyer,
        "Revision": order.revision,
        "Note": order.text,
    }
    return Side(facts, lines, order.currency)


def _commitment(contract: Commitment) -> Side:
    lines = tuple(
        Line(
            line_key(line.once_key) or line.id or line.description,
            line.description,
            line.amount,
            line.quantity,
            line.unit,
            line.budget_code,
            contract.project,
        )
        for line in contract.lines
    )
    facts: dict[str, Value] = {
        "Number": contract.number,
        "Title": contract.title,
        "Status": status_words(contract.status),
        "Vendor": contract.vendor,
        "Amount": contract.money(),
        "Date": contract.dated,
        "Delivery": contract.delivery,
        "Note": contract.description,
    }
    return Side(facts, lines, contract.currency)


def _supplier_invoice(invoice: SupplierInvoice) -> Side:
    lines = tuple(
        Line(
            line.order_line or line.id,
            line.description,
            line.amount,
            line.quantity or None,
            "",
            _codes(line.codes),
            line.project,
        )
        for line in invoice.lines
    )
    orders = sorted({one for one in (invoice.order, *(line.order for line in invoice.lines)) if one})
    facts: dict[str, Value] = {
        "Supplier's number": invoice.number,
        "Status": status_words(invoice.state),
        "Vendor": invoice.vendor,
        "Amount": Money(invoice.net, invoice.currency),
        "Tax": Money(invoice.tax, invoice.currency),
        "Date": invoice.dated,
        "Posted on": invoice.posted_on,
        "Due": invoice.due,
        "Order": ", ".join(orders),
        "Credits": invoice.credits,
    }
    return Side(facts, lines, invoice.currency)


def _subcontractor_invoice(invoice: SubcontractorInvoice) -> Side:
    lines = tuple(
        Line(
            line_key(line.line) or line.id or line.budget_code,
            line.description,
            line.amount - line.retained + line.released,
            line.quantity or None,
            "",
            line.budget_code,
            invoice.project,
        )
        for line in invoice.lines
    )
    retained = sum((line.retained - line.released for line in invoice.lines), ZERO)
    facts: dict[str, Value] = {
        "Supplier's number": invoice.number,
        "Status": status_words(invoice.status),
        "Vendor": invoice.vendor,
        "Amount": invoice.due(),
        "Retained": Money(retained, invoice.currency) if retained else None,
        "Date": invoice.dated,
        "Period": f"{invoice.start} to {invoice.end}" if invoice.start and invoice.end else "",
    }
    return Side(facts, lines, invoice.currency)


def _direct_cost(cost: DirectCost) -> Side:
    lines = tuple(
        Line(
            line.once_key.rpartition("/")[2] or line.budget_code,
            line.description,
            line.amount,
            line.quantity or None,
            "",
            line.budget_code,
            cost.project,
        )
        for line in cost.lines
    )
    facts: dict[str, Value] = {
        "Supplier's number": cost.number,
        "Status": status_words(cost.status),
        "Type": status_words(cost.kind),
        "Vendor": cost.vendor,
        "Amount": cost.money(),
        "Date": cost.dated,
    }
    return Side(facts, lines, cost.currency)


def _voucher(voucher: Voucher) -> Side:
    lines = []
    for row in voucher.rows:
        named = row.series.rpartition(" ")[2] if row.role is RowRole.COST else row.role.value
        codes = _codes(row.codes)
        alone = row.role is not RowRole.COST
        lines.append(Line(named, row.text, row.debit - row.credit, row.quantity or None, "", codes, row.project, alone))
    spent = sum((row.debit - row.credit for row in voucher.rows if row.role is not RowRole.CLEARING), ZERO)
    facts: dict[str, Value] = {
        "Supplier's number": next((row.number for row in voucher.rows if row.number), ""),
        "Status": voucher_words(voucher.status),
        "Vendor": next((row.party for row in voucher.rows if row.party), ""),
        "Amount": Money(spent, voucher.currency),
        "Voucher date": voucher.dated,
        "Due": DUE_UNKNOWN if "subcontractor_invoice/" in (voucher.source or voucher.once_key) else "",
        "Voucher": voucher.id,
    }
    return Side(facts, tuple(lines), voucher.currency)


def _payment(payment: Payment) -> Side:
    return _paid(payment, payment.id, payment.invoice)


def _contract_payment(payment: ContractPayment) -> Side:
    return _paid(payment, payment.number, payment.invoice_number or payment.invoice)


def _paid(payment: Payment | ContractPayment, number: str, invoice: str) -> Side:
    facts: dict[str, Value] = {
        "Number": number,
        "Amount": Money(payment.amount, payment.currency),
        "Date": payment.dated,
        "Method": payment.method.replace("_", " "),
        "Reference": payment.reference,
        "Invoice": invoice,
    }
    return Side(facts, (), payment.currency)


def _vendor(vendor: Vendor) -> Side:
    facts: dict[str, Value] = {
        "Number": vendor.id,
        "Name": vendor.name,
        "Tax number": vendor.tax_number,
        "Country": vendor.country,
        "Address": vendor.address,
        "City": " ".join(part for part in (vendor.zip_code, vendor.city, vendor.state) if part),
        "Email": vendor.email,
        "Phone": vendor.phone,
        "Status": ("Blocked for payment" if vendor.blocked else "Active") if vendor.active else "Inactive",
    }
    return Side(facts)


def _project(project: Project) -> Side:
    return Side({"Number": project.number, "Name": project.name, "Status": "Open" if project.open else "Closed"})


def _cost_code(code: CostCode) -> Side:
    return Side({"Number": code.code, "Name": code.name})


def _requisition(made: PurchaseRequisition) -> Side:
    lines = tuple(
        Line(line.id, line.description, line.amount, line.quantity, line.unit, _codes(line.codes), line.project)
        for line in made.lines
    )
    facts: dict[str, Value] = {
        "Requisition": made.id,
        "Title": made.text,
        "Status": made.state or ("Ended" if made.ended else ""),
        "Vendor": made.vendor,
        "Amount": made.money(),
    }
    return Side(facts, lines, made.currency)


_SIDES: Mapping[type, Callable[[Any], Side]] = {
    PurchaseOrder: _order,
    Commitment: _commitment,
    SupplierInvoice: _supplier_invoice,
    SubcontractorInvoice: _subcontractor_invoice,
    DirectCost: _direct_cost,
    Voucher: _voucher,
    Payment: _payment,
    ContractPayment: _contract_payment,
    Vendor: _vendor,
    Project: _project,
    CostCode: _cost_code,
    PurchaseRequisition: _requisition,
}
