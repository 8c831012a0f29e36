"""What a document is found by: its numbers and names of either system as small words, and what it belongs to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money, totals
from ml_connector.planning.plan import Hold
from ml_connector.records.commitment import Commitment
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.payment import Payment
from ml_connector.records.project import Project
from ml_connector.records.purchase_order import WITHDRAWN, PurchaseOrder
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.supplier_invoice import SupplierInvoice
from ml_connector.records.vendor import Vendor

FLOWS_OF: dict[str, tuple[str, ...]] = {
    "order": ("purchase_orders",),
    "contract": ("subcontractor_invoices",),
    "supplier_invoice": ("supplier_invoices",),
    "subcontractor_invoice": ("subcontractor_invoices",),
    "direct_cost": ("direct_costs",),
    "payment": ("payments",),
    "vendor": ("vendors",),
    "vendor_there": ("vendors",),
    "project": ("projects", "budgets"),
    "cost_code": ("cost_codes", "dimensions"),
}
"""Every kind of document that has a page, with the flows whose steps and holds are about it."""

SAID: dict[str, tuple[str, ...]] = {
    "order": ("order",),
    "po": ("order",),
    "contract": ("order", "contract"),
    "commitment": ("order", "contract"),
    "invoice": ("supplier_invoice", "subcontractor_invoice"),
    "bill": ("supplier_invoice", "subcontractor_invoice"),
    "cost": ("direct_cost",),
    "voucher": ("subcontractor_invoice", "direct_cost"),
    "payment": ("payment",),
    "vendor": ("vendor", "vendor_there"),
    "supplier": ("vendor", "vendor_there"),
    "project": ("project",),
    "job": ("project",),
    "code": ("cost_code",),
}
"""What people say before a number, and the kinds of document they mean by it."""

_MOST_WORDS = 24
_LONGEST = 60
_ALNUM = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"\d+")
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
NO_SPACE = "\u00a0"
"""Stands for a space of an id in a word that names a document."""


class Entry(msgspec.Struct, frozen=True):
    """One document in the book of names. What is empty says nothing, and takes nothing away that is known."""

    kind: str
    id: str
    called: str = ""
    """The number people call it by."""
    title: str = ""
    party: str = ""
    """IFS supplier it is of."""
    project: str = ""
    """IFS project it lies on, where it is one."""
    money: Money | None = None
    words: tuple[str, ...] = ()
    """In small letters, without a space in any."""


class Term(NamedTuple):
    """One word of a question: found as it stands or by its parts, each by its beginning."""

    whole: str
    parts: tuple[str, ...]


class Query(NamedTuple):
    """What is asked for: every term must be met; `kinds` narrows it where the person said what it is."""

    terms: tuple[Term, ...]
    kinds: tuple[str, ...] = ()


def plain(text: str) -> str:
    """Text in small letters without accents, as all words are compared."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in folded if not unicodedata.combining(one)).replace(":", " ").replace("\x00", " ")


def words_of(texts: Iterable[str | None]) -> tuple[str, ...]:
    """The words some texts are found by: `INV-0088` by itself, by `inv`, `0088` and `88`."""
    found: dict[str, None] = {}
    for text in texts:
        for token in plain(text or "").split()[:_MOST_WORDS]:
            term = _term(token)
            for word in (term.whole, *term.parts):
                found.setdefault(word)
                for digits in _DIGITS.findall(word) if word in term.parts else ():
                    found.setdefault(digits)
                    found.setdefault(digits.lstrip("0") or "0")
    found.pop("", None)
    return tuple(found)


def belonging(key: Key) -> str:
    """The word of all that belongs to a document: `:order:P100001`. No text has, and nobody asks for, such a word."""
    return f":{key.kind}:{key.id.replace(' ', NO_SPACE)}"


def belongs_to(word: str) -> Key | None:
    """The document such a word names; None for any other word."""
    begin, _, rest = word.partition(":")
    kind, mark, name = rest.partition(":")
    return Key(kind, name.replace(NO_SPACE, " ")) if mark and not begin else None


def query_of(text: str) -> Query:
    """What a person asks for; a word such as `invoice` narrows it to that kind, unless it is the only word."""
    tokens = plain(text[:200]).split()[:8]
    kinds: tuple[str, ...] = ()
    if len(tokens) > 1:
        kinds = next((SAID[one] for one in tokens if one in SAID), ())
        tokens = [one for one in tokens if SAID.get(one) != kinds] or tokens
    terms = (_term(token) for token in tokens)
    return Query(tuple(term for term in terms if term.whole), kinds)


def _term(token: str) -> Term:
    parts = tuple(part[:_LONGEST] for part in _ALNUM.findall(token))
    return Term(_EDGES.sub("", token)[:_LONGEST], parts)


# documents as they are read ---------------------------------------------------------------------------------------


class Back(NamedTuple):
    """Which of ours each of Procore's is: its ids of vendors, projects and contracts to ours."""

    vendors: Mapping[str, str]
    projects: Mapping[str, str]
    contracts: Mapping[str, str]


def of_order(order: PurchaseOrder) -> Entry:
    """An order as IFS has it."""
    live = [line for line in order.lines if line.state not in WITHDRAWN] or list(order.lines)
    projects = sorted({line.project for line in order.lines if line.project})
    title = next((line.description for line in live), order.text)
    money = _sum(Money(line.amount, order.currency) for line in live)
    above = [*_vendor(order.vendor), *(Key("project", one) for one in projects)]
    words = words_of((order.id, title, order.text))
    return _entry(Entry("order", order.id, order.id, title, order.vendor, _only(projects), money, words), above)


def of_invoice(invoice: SupplierInvoice) -> Entry:
    """A supplier invoice as IFS has it."""
    projects = sorted({line.project for line in invoice.lines if line.project})
    orders = sorted({one for one in (invoice.order, *(line.order for line in invoice.lines)) if one})
    above = [*_vendor(invoice.vendor), *(Key("order", one) for one in orders)]
    above += [Key("project", one) for one in projects]
    above += [Key("supplier_invoice", invoice.credits)] if invoice.credits else []
    words = words_of((invoice.number, invoice.id, invoice.text, *orders))
    money = Money(invoice.net, invoice.currency)
    named = Entry(
        "supplier_invoice",
        invoice.id,
        invoice.number or invoice.id,
        invoice.text or _title(invoice, orders),
        invoice.vendor,
        _only(projects),
        money,
        words,
    )
    return _entry(named, above)


def of_payment(payment: Payment, invoice: SupplierInvoice | None) -> Entry:
    """A payment as IFS booked it, with the invoice it pays where that is at hand."""
    called = f"Payment {payment.order[0]}" if payment.order else payment.id
    above = [Key("supplier_invoice", payment.invoice)]
    words = (payment.id, payment.reference, str(payment.order[0]) if payment.order else "")
    money = Money(payment.amount, payment.currency)
    if invoice is None:
        return _entry(Entry("payment", payment.id, called, "", "", "", money, words_of(words)), above)
    paper = of_invoice(invoice)
    title = f"of invoice {paper.called}"
    named = Entry(
        "payment", payment.id, called, title, invoice.vendor, paper.project, money, words_of((*words, invoice.number))
    )
    above += [*_vendor(invoice.vendor), *(Key("order", one) for one in _orders(invoice))]
    return _entry(named, above)


def of_vendor(vendor: Vendor) -> Entry:
    """A supplier as IFS has it."""
    words = words_of((vendor.id, vendor.name, vendor.tax_number, vendor.city))
    return Entry("vendor", vendor.id, vendor.id, vendor.name, words=words)


def of_vendor_there(vendor: Vendor) -> Entry:
    """A vendor that was born in Procore."""
    words = words_of((vendor.id, vendor.name, vendor.tax_number))
    return Entry("vendor_there", vendor.id, vendor.id, vendor.name, words=words)


def of_project(project: Project) -> Entry:
    """A project as IFS has it."""
    words = words_of((project.id, project.number, project.name))
    return Entry("project", project.id, project.number, project.name, project=project.id, words=words)


def of_billed(invoice: SubcontractorInvoice, back: Back) -> Entry:
    """A subcontractor invoice that was born in Procore."""
    order = back.contracts.get(invoice.commitment, "").partition("@")[0]
    vendor, project = back.vendors.get(invoice.vendor, ""), back.projects.get(invoice.project, "")
    above = [*_vendor(vendor), Key("contract", invoice.commitment)]
    above += [Key(kind, one) for kind, one in (("order", order), ("project", project)) if one]
    title = f"on order {order}" if order else ""
    called = invoice.number or f"No. {invoice.sequence}"
    words = words_of((invoice.number, invoice.id, order))
    named = Entry("subcontractor_invoice", invoice.id, called, title, vendor, project, invoice.money(), words)
    return _entry(named, above)


def of_cost(cost: DirectCost, back: Back) -> Entry:
    """A direct cost that was entered in Procore."""
    vendor, project = back.vendors.get(cost.vendor, ""), back.projects.get(cost.project, "")
    above = [*_vendor(vendor), *([Key("project", project)] if project else [])]
    called = cost.number or cost.id
    words = words_of((cost.number, cost.id, cost.description))
    named = Entry("direct_cost", cost.id, called, cost.description, vendor, project, cost.money(), words)
    return _entry(named, above)


def of_contract(contract: Commitment, back: Back) -> Entry:
    """A contract that was written in Procore and is no order in IFS yet."""
    vendor, project = back.vendors.get(contract.vendor, ""), back.projects.get(contract.project, "")
    above = [*_vendor(vendor), *([Key("project", project)] if project else [])]
    words = words_of((contract.number, contract.id, contract.title))
    called = contract.number or contract.id
    named = Entry("contract", contract.id, called, contract.title, vendor, project, contract.money(), words)
    return _entry(named, above)


def of_hold(hold: Hold) -> Entry | None:
    """What is known of a document by its hold alone; None where a hold is on no document."""
    if hold.key.kind not in FLOWS_OF or not hold.key.id:
        return None
    return Entry(hold.key.kind, hold.key.id, hold.key.id, money=hold.money, words=words_of((hold.key.id,)))


def _entry(named: Entry, above: Iterable[Key]) -> Entry:
    """The entry with the words of what it belongs to."""
    own = belonging(Key(named.kind, named.id))
    belongs = dict.fromkeys(belonging(key) for key in above if key.id)
    belongs.pop(own, None)
    return msgspec.structs.replace(named, words=(*named.words, *belongs))


def _vendor(vendor: str) -> list[Key]:
    return [Key("vendor", vendor)] if vendor else []


def _title(invoice: SupplierInvoice, orders: list[str]) -> str:
    """What an invoice without a text of its own is about: its orders, or its first posting."""
    if orders:
        return f"on order {', '.join(orders)}"
    return next((line.description for line in invoice.lines if line.description), "")


def _orders(invoice: SupplierInvoice) -> list[str]:
    return sorted({one for one in (invoice.order, *(line.order for line in invoice.lines)) if one})


def _only(projects: list[str]) -> str:
    return projects[0] if len(projects) == 1 else ""


def _sum(parts: Iterable[Money]) -> Money | None:
    sums = totals(parts)
    return next((Money(amount, currency) for currency, amount in sums.items()), None)
