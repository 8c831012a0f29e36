"""What there is of a kind in a project, by lists without lines: for the nightly census (facts/procore.md 8, 9, 11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ml_connector.kernel.errors import Bug
from ml_connector.records.commitment import CommitmentKind
from ml_connector.systems.port import Mark
from ml_connector.systems.procore import commitment, contract_payment, direct_cost, subcontractor_invoice
from ml_connector.systems.procore.answers import COMMITMENTS, INVOICES
from ml_connector.systems.procore.client import Client

_orders = msgspec.json.Decoder(list[commitment.OrderRow])
_invoices = msgspec.json.Decoder(list[subcontractor_invoice.InvoiceRow])
_INVOICE_CAP = 1000
"""Invoices asked for in one page: without their lines they are light."""


def read(client: Client, project: str, kind: str, contracts: Sequence[str] = ()) -> list[Mark]:
    """Every record of that kind in a project; payments are those of `contracts`, a request each."""
    reads: dict[str, Callable[[], list[Mark]]] = {
        "commitment": lambda: _commitments(client, project),
        "subcontractor_invoice": lambda: _of_invoices(client, project),
        "direct_cost": lambda: _costs(client, project),
        "payment": lambda: [one for contract in contracts for one in _payments(client, project, contract)],
    }
    if kind not in reads:
        raise Bug(f"The census knows no list of {kind} in Procore.")
    return reads[kind]()


def _commitments(client: Client, project: str) -> list[Mark]:
    query = (("project_id", project), ("view", "compact"))
    rows = [row for kind in CommitmentKind for row in client.pages(commitment.PATHS[kind], query, _orders, COMMITMENTS)]
    return [
        Mark(str(row.id), row.origin_id or "", row.updated_at or "", row.stamp, commitment.day(row.contract_date))
        for row in rows
    ]


def _of_invoices(client: Client, project: str) -> list[Mark]:
    rows = client.pages(subcontractor_invoice.PATH, (("project_id", project),), _invoices, INVOICES, _INVOICE_CAP)
    return [
        Mark(str(row.id), row.origin_id or "", row.updated_at or "", "", commitment.day(row.billing_date))
        for row in rows
        if row.id is not None
    ]


def _costs(client: Client, project: str) -> list[Mark]:
    return [
        Mark(str(row.id), row.origin_id or "", row.updated_at or "", row.stamp, commitment.day(row.direct_cost_date))
        for row in direct_cost.headers(client, project)
    ]


def _payments(client: Client, project: str, contract: str) -> list[Mark]:
    return [
        Mark(str(row.id), row.origin_id or "", row.updated_at or "", "", commitment.day(row.date))
        for row in contract_payment.read(client, project, contract)
    ]
