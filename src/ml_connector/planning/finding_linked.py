"""What a link adds to what a document is found by: the other system's id, number and title of it."""

from __future__ import annotations

from collections.abc import Iterable

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.finding import Entry, belonging, words_of
from ml_connector.planning.plan import Body
from ml_connector.records.commitment import ChangeOrder, Commitment
from ml_connector.records.cost_code import CostCode
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.payment import ContractPayment
from ml_connector.records.project import Project
from ml_connector.records.purchase_requisition import PurchaseRequisition
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.supplier_invoice import SupplierInvoice
from ml_connector.records.vendor import Vendor
from ml_connector.records.voucher import Voucher

_FROM_INVOICES = {"subcontractor_invoice": "supplier_invoice", "direct_cost": "supplier_invoice", "payment": "payment"}
_INTO_BOOKS = ("voucher", "erp_invoice")


def document_of(kind: str, record: str) -> Key | None:
    """The document a record is a part of, by kind and key id of the record; None for what has no page.

    `commitment P100001@1201` is a part of order P100001, `voucher subcontractor_invoice/5629/1` of that invoice.
    """
    if kind == "commitment":
        return Key("order", record.rpartition("@")[0])
    if kind in ("change_order", "commitment_line"):
        parts = record.split("/")
        return Key("order", parts[2]) if len(parts) > 3 and parts[1] == "order" else None
    if kind in _FROM_INVOICES:
        return Key(_FROM_INVOICES[kind], record.partition("@")[0])
    if kind in _INTO_BOOKS:
        of, _, rest = record.partition("/")
        return Key(of, rest.rpartition("/")[0])
    if kind == "budget_code":
        return Key("cost_code", record.rpartition(".")[0] or record)
    whole = {"purchase_requisition": "contract", "supplier": "vendor_there"}
    same = ("vendor", "project", "cost_code")
    return Key(whole.get(kind, kind), record) if kind in (*whole, *same) else None


def of_linked(key: Key, target: str, body: Body | None) -> Entry | None:
    """What a linked record says of its document: `target` is the other side's id, `body` what was agreed, if known."""
    if key.kind == "commitment_line":
        return None
    document = document_of(key.kind, key.id)
    if document is None or not document.id:
        return None
    found = _told(document, key, body)
    there = (belonging(Key("contract", target)),) if key.kind == "commitment" and target else ()
    return Entry(
        document.kind,
        document.id,
        found.called,
        found.title,
        found.party,
        found.project,
        found.money,
        (*words_of((document.id, target)), *found.words, *there),
    )


def _told(document: Key, key: Key, body: Body | None) -> Entry:
    """What the agreed record says, as an entry of the document."""
    if isinstance(body, Commitment):
        above: tuple[Key, ...] = (Key("vendor", body.vendor), Key("project", body.project))
        words = _words((body.number, body.title), above)
        money = body.money()
        return Entry(
            *document, document.id, body.title.removeprefix(document.id).strip(), body.vendor, "", money, words
        )
    if isinstance(body, ChangeOrder) or key.kind == "change_order":
        return Entry(*document, words=words_of(_called(key, body)))
    if isinstance(body, SubcontractorInvoice | DirectCost):
        order = key.id.split("@")[1] if key.id.count("@") > 1 else ""
        vendor = body.vendor if isinstance(body, DirectCost) else ""
        above = (Key("order", order), Key("project", body.project), Key("vendor", vendor))
        return Entry(
            *document, body.number, "", vendor, body.project, body.money(), _words((body.number, order), above)
        )
    if isinstance(body, ContractPayment):
        invoice, order = body.invoice.partition("@")[0], body.commitment.rpartition("@")[0]
        above = (Key("supplier_invoice", invoice), Key("order", order), Key("project", body.project))
        paid = Money(body.paid or body.amount, body.currency)
        title = f"of invoice {body.invoice_number}" if body.invoice_number else ""
        words = _words((body.number, body.reference, body.invoice_number), above)
        return Entry(*document, f"Payment {body.number}", title, "", body.project, paid, words)
    if isinstance(body, Voucher | SupplierInvoice):
        return _posted(document, body)
    return _master(document, key, body)


def _called(key: Key, body: Body | None) -> tuple[str, ...]:
    """What a change order is called: number and title, or where those are not at hand the number it has as a rule."""
    if isinstance(body, ChangeOrder):
        return body.number, body.title
    _, _, number = key.id.rpartition("/R")
    order = document_of(*key)
    return (f"{order.id}-CO{int(number):03d}",) if order and number.isdecimal() else ()


def _posted(document: Key, body: Voucher | SupplierInvoice) -> Entry:
    """What a Procore document became in IFS's books."""
    if isinstance(body, SupplierInvoice):
        above: tuple[Key, ...] = (Key("vendor", body.vendor), Key("order", body.order))
        return Entry(*document, body.number, "", body.vendor, "", body.money(), _words((body.number,), above))
    number = next((row.number for row in body.rows if row.number), "")
    party = next((row.party for row in body.rows if row.party), "")
    project = next((row.project for row in body.rows if row.project), "")
    order = next((row.series.split(" ")[0] for row in body.rows if " " in row.series), "")
    above = (Key("vendor", party), Key("project", project), Key("order", order))
    return Entry(*document, number, "", party, project, body.money(), _words((number, order), above))


def _master(document: Key, key: Key, body: Body | None) -> Entry:
    if isinstance(body, Vendor):
        words = words_of((body.name, body.tax_number))
        return Entry(*document, document.id, body.name, words=words)
    if isinstance(body, Project):
        words = words_of((body.number, body.name))
        return Entry(*document, body.number, body.name, project=document.id, words=words)
    if isinstance(body, CostCode):
        words = _words((body.code, body.name), (Key("project", body.project),))
        return Entry(*document, body.code, body.name, project=body.project, words=words)
    if isinstance(body, PurchaseRequisition):
        words = _words((body.text,), (Key("vendor", body.vendor),))
        return Entry(*document, document.id, body.text, body.vendor, "", body.money(), words)
    if key.kind == "budget_code":
        project, _, flat = key.id.partition("/")
        words = _words((flat,), (Key("project", project),))
        return Entry(*document, flat.rpartition(".")[0], project=project, words=words)
    return Entry(*document)


def _words(texts: Iterable[str], above: Iterable[Key]) -> tuple[str, ...]:
    return (*words_of(texts), *(belonging(key) for key in above if key.id))
