"""One document as both sides had it when it was last decided, out of the input that was kept of that decision."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from ml_connector.engine import cases
from ml_connector.engine.cases import Case, OrdersCase, ProjectsCase, VendorsCase
from ml_connector.engine.money_cases import (
    DirectCostsCase,
    PaymentsCase,
    ProposalsCase,
    SubcontractorInvoicesCase,
    SupplierInvoicesCase,
)
from ml_connector.engine.naming import may_be_in
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.planning.diffing import as_amended
from ml_connector.planning.finding import FLOWS_OF
from ml_connector.planning.line_marks import changes_named, line_marks, named
from ml_connector.planning.plan import unpack
from ml_connector.records.commitment import FROZEN, Commitment
from ml_connector.store import documents, evidence

TAGS = {"vendor_there": ("proposals",), "project": ("projects",), "contract": ("subcontractor_invoices",)}
"""Kind of document to the decisions that look at it, where they are not named as its flow is."""


class Seen(msgspec.Struct, frozen=True):
    """What a decision had before it: the document in the erp and in the projects system, each as records."""

    run: int
    at: datetime
    erp: list[Any]
    projects: list[Any]


def last_seen(conn: Connection, connection_id: int, kind: str, document: str, targets: Collection[str]) -> Seen | None:
    """How a document looked when it was last decided; None where that is kept no longer, or was never.

    `targets` are the ids of its records on the side that did not bear it.
    """
    about = documents.About(connection_id, (document,), FLOWS_OF[kind])
    run = documents.last_looked(conn, about, kind)
    tags = TAGS.get(kind, FLOWS_OF[kind])
    for row in documents.inputs_of(conn, connection_id, run, tags) if run else []:
        if not may_be_in(row.span, document) and kind != "contract":
            continue
        try:
            case = cases.decode(evidence.body_of(conn, row.hash))
        except NothingSuchHere:
            continue
        found = seen_in(case, kind, document, targets)
        if found is not None:
            return Seen(run, row.at, *found)
    return None


def seen_in(case: Case, kind: str, document: str, targets: Collection[str]) -> tuple[list[Any], list[Any]] | None:
    """Records of the erp and of the projects system that a decision's input has of one document; None for neither."""
    reader = _READERS.get(kind)
    found = reader(case, document, targets) if reader else ([], [])
    return found if found[0] or found[1] else None


def _order(case: Any, document: str, targets: Collection[str]) -> tuple[list[Any], list[Any]]:
    if not isinstance(case, OrdersCase):
        return [], []
    ours = [order for order in case.orders if order.id == document]
    there = [case.theirs.contracts.get(one) for one in targets if ours]
    return ours, [_standing(case, contract) for contract in there if contract is not None]


def _standing(case: OrdersCase, there: Commitment) -> Commitment:
    """A contract with its lines under our keys, and as its change orders made it: only with them is it whole."""
    links = dict(case.given.links)
    marks = line_marks(links)
    changes = changes_named(case.theirs.change_orders.get(there.id, ()), marks)
    counted = [one for one in changes if one.status != "draft" or Key("change_order", one.reference) in links]
    contract = named(there, marks)
    if there.status not in FROZEN and not counted:
        return contract
    base = next((one.base for key, one in links.items() if key.kind == "commitment" and one.target == there.id), b"")
    agreed = unpack("commitment", base) if base else None
    return as_amended(contract, counted, agreed if isinstance(agreed, Commitment) else None)


def _supplier_invoice(case: Any, document: str, targets: Collection[str]) -> tuple[list[Any], list[Any]]:
    if not isinstance(case, SupplierInvoicesCase):
        return [], []
    ours = [invoice for invoice in case.invoices if invoice.id == document]
    bills = (one for found in case.theirs.invoices.values() for one in found)
    costs = (one for found in case.theirs.costs.values() for one in found)
    records: list[Any] = [*bills, *costs] if ours else []
    theirs = {one.id: one for one in records if one.id in targets}
    return ours, list(theirs.values())


def _payment(case: Any, document: str, targets: Collection[str]) -> tuple[list[Any], list[Any]]:
    return ([one for one in case.payments if one.id == document] if isinstance(case, PaymentsCase) else []), []


def _billed(case: Any, document: str, targets: Collection[str]) -> tuple[list[Any], list[Any]]:
    if not isinstance(case, SubcontractorInvoicesCase):
        return [], []
    theirs = [invoice for invoice in case.invoices if invoice.id == document]
    return [one for one in case.ours.vouchers.values() if one.id in targets and theirs], theirs


def _contract(case: Any, document: str, targets: Collection[str]) -> tuple[list[Any], list[Any]]:
    if not isinstance(case, SubcontractorInvoicesCase):
        return [], []
    ours = [one for one in case.ours.requisitions.values() if one.id in targets]
    there = case.ours.contracts.get(document)
    return ours, [there] if there is not None else []


def _direct_cost(case: Any, document: str, targets: Collection[str]) -> tuple[list[Any], list[Any]]:
    if not isinstance(case, DirectCostsCase):
        return [], []
    theirs = [cost for cost in case.costs if cost.id == document]
    return [one for one in case.vouchers.values() if one.id in targets and theirs], theirs


def _vendor(case: Any, document: str, targets: Collection[str]) -> tuple[list[Any], list[Any]]:
    if not isinstance(case, VendorsCase):
        return [], []
    ours = [one for one in case.ours if one.id == document]
    return ours, [one for one in case.theirs if one.id in targets and ours]


def _vendor_there(case: Any, document: str, targets: Collection[str]) -> tuple[list[Any], list[Any]]:
    if not isinstance(case, ProposalsCase):
        return [], []
    there = case.theirs.get(document)
    return [one for one in case.ours if one.id in targets], [there] if there is not None else []


def _project(case: Any, document: str, targets: Collection[str]) -> tuple[list[Any], list[Any]]:
    if not isinstance(case, ProjectsCase):
        return [], []
    ours = [one for one in case.ours if one.id == document]
    return ours, [one for one in case.theirs if one.id in targets and ours]


_Reader = Callable[[Any, str, Collection[str]], tuple[list[Any], list[Any]]]

_READERS: Mapping[str, _Reader] = {
    "order": _order,
    "supplier_invoice": _supplier_invoice,
    "payment": _payment,
    "subcontractor_invoice": _billed,
    "contract": _contract,
    "direct_cost": _direct_cost,
    "vendor": _vendor,
    "vendor_there": _vendor_there,
    "project": _project,
}
