"""Which documents a decision looked at, and what each is found by."""

from __future__ import annotations

from collections.abc import Iterable

from ml_connector.engine.cases import Case, CostCodesCase, OrdersCase, ProjectsCase, VendorsCase
from ml_connector.engine.cases import documents as case_documents
from ml_connector.engine.given import Given
from ml_connector.engine.money_cases import (
    DirectCostsCase,
    PaymentsCase,
    ProposalsCase,
    SubcontractorInvoicesCase,
    SupplierInvoicesCase,
)
from ml_connector.kernel.keys import Key
from ml_connector.planning import finding
from ml_connector.planning.finding import Back, Entry
from ml_connector.planning.finding_linked import of_linked
from ml_connector.planning.plan import Decision, unpack
from ml_connector.store.links import LinkRow

_TO = " .. "


def entries_of(case: Case) -> list[Entry]:
    """The documents of a decision's input."""
    if isinstance(case, OrdersCase):
        return [finding.of_order(order) for order in case.orders]
    if isinstance(case, VendorsCase):
        return [finding.of_vendor(vendor) for vendor in case.ours]
    if isinstance(case, ProjectsCase):
        return [finding.of_project(project) for project in case.ours]
    if isinstance(case, SupplierInvoicesCase):
        return [finding.of_invoice(invoice) for invoice in case.invoices]
    if isinstance(case, PaymentsCase):
        return [finding.of_payment(payment, case.invoices.get(payment.invoice)) for payment in case.payments]
    if isinstance(case, ProposalsCase):
        return [finding.of_vendor_there(case.theirs[one]) for one in sorted(case.needed) if one in case.theirs]
    if isinstance(case, CostCodesCase) or not isinstance(case, SubcontractorInvoicesCase | DirectCostsCase):
        return []
    back = _back(case.given)
    if isinstance(case, SubcontractorInvoicesCase):
        born = [one for key, one in sorted(case.ours.contracts.items()) if key not in back.contracts]
        contracts = [finding.of_contract(one, back) for one in born]
        return [*contracts, *(finding.of_billed(invoice, back) for invoice in case.invoices)]
    return [finding.of_cost(cost, back) for cost in case.costs]


def span_of(case: Case) -> str:
    """The first and the last document of a decision, as text: with it the decision about one of many is found fast."""
    documents = case_documents(case)
    return f"{min(documents)}{_TO}{max(documents)}" if documents else _TO


def may_be_in(span: str, document: str) -> bool:
    """Whether a decision of that span may be about a document; of one without, kept by an older release, it may."""
    first, mark, last = span.partition(_TO)
    return not mark or first <= document <= last


def entries_of_holds(decision: Decision, known: Iterable[Entry]) -> list[Entry]:
    """What holds alone say of documents that could not be read, or are gone."""
    there = {(entry.kind, entry.id) for entry in known}
    held = (finding.of_hold(hold) for hold in decision.holds if (hold.key.kind, hold.key.id) not in there)
    return list({(entry.kind, entry.id): entry for entry in held if entry is not None}.values())


def entries_of_links(rows: Iterable[LinkRow]) -> list[Entry]:
    """What links add to the documents they are of; those of one document are put together."""
    found: dict[tuple[str, str], Entry] = {}
    for row in rows:
        body = unpack(row.kind, row.base) if row.base else None
        entry = of_linked(Key(row.kind, row.erp_id), row.target_id, body)
        if entry is not None:
            before = found.get((entry.kind, entry.id))
            found[entry.kind, entry.id] = _both(before, entry) if before else entry
    return list(found.values())


def _both(one: Entry, other: Entry) -> Entry:
    return Entry(
        one.kind,
        one.id,
        one.called or other.called,
        one.title or other.title,
        one.party or other.party,
        one.project or other.project,
        one.money or other.money,
        tuple(dict.fromkeys((*one.words, *other.words))),
    )


def _back(given: Given) -> Back:
    found: dict[str, dict[str, str]] = {"vendor": {}, "project": {}, "commitment": {}}
    for key, linked in given.links:
        if key.kind in found and linked.target:
            found[key.kind][linked.target] = key.id
    return Back(found["vendor"], found["project"], found["commitment"])
