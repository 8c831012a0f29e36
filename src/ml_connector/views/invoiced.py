"""What was invoiced so far on each line of an order, by invoices of either system, each counted once."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from ml_connector.kernel.keys import Key
from ml_connector.planning.finding import FLOWS_OF
from ml_connector.planning.plan import unpack
from ml_connector.planning.sides import line_key
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.voucher import RowRole, Voucher
from ml_connector.store import documents, links, names
from ml_connector.store.bulk import Transaction
from ml_connector.store.documents import About

MOST_INVOICES = 500
"""Invoices of an order that are summed up; an order with more of them is not told line by line."""
_KINDS = ("supplier_invoice", "subcontractor_invoice")


def invoiced(conn: Transaction, connection_id: int, order: str) -> dict[str, Decimal]:
    """Line of the order (`LINE/RELEASE`) to what was invoiced on it, before retention; empty when that is too much."""
    found = names.of_document(conn, connection_id, Key("order", order), limit=MOST_INVOICES + 1)
    papers = [row for row in found if row.kind in _KINDS]
    if not papers or len(found) > MOST_INVOICES:
        return {}
    keys: set[Key] = set()
    for kind in _KINDS:
        ids = tuple(row.id for row in papers if row.kind == kind)
        if ids:
            keys |= set(documents.records_of(conn, About(connection_id, ids, FLOWS_OF[kind])))
    rows = links.load_many(
        conn, connection_id, {key for key in keys if key.kind in ("subcontractor_invoice", "voucher")}
    )
    born_there = {row.id for row in papers if row.kind == "subcontractor_invoice"}
    sums: dict[str, Decimal] = {}
    for row in rows.values():
        body = unpack(row.kind, row.base) if row.base else None
        if isinstance(body, SubcontractorInvoice) and row.target_id not in born_there:
            if body.commitment.partition("@")[0] == order:
                _add(sums, ((line_key(line.line), line.amount) for line in body.lines))
        elif isinstance(body, Voucher):
            costs = [one for one in body.rows if one.role is RowRole.COST and one.series.startswith(f"{order} ")]
            _add(sums, ((one.series.rpartition(" ")[2], one.debit - one.credit) for one in costs))
    return sums


def _add(sums: dict[str, Decimal], parts: Iterable[tuple[str, Decimal]]) -> None:
    for key, amount in parts:
        if key:
            sums[key] = sums.get(key, Decimal(0)) + amount
