"""The exactly-one-bucket invariant, kept before each write: an invoice line is claimed for one record and no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from ml_connector.planning.placing import root_of
from ml_connector.planning.plan import unpack
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.store import placements
from ml_connector.store.journal import IntentRow
from ml_connector.store.placements import Claim

PLACED = ("subcontractor_invoice", "direct_cost")
"""Kinds of record that hold invoice lines."""


def claim_places(conn: Connection, connection_id: int, rows: Sequence[IntentRow]) -> dict[int, Claim]:
    """Claims the invoice lines of these intents; intent id to the claim that stands in its way, for those refused."""
    wanted = {row.id: list(_claims(row)) for row in rows if row.kind in PLACED and row.verb in ("create", "link")}
    flat = [one for claims in wanted.values() for one in claims]
    late = {(one.invoice, one.line): one for one in placements.claim(conn, connection_id, flat)}
    if not late:
        return {}
    return {
        number: late[one.invoice, one.line]
        for number, claims in wanted.items()
        for one in claims
        if (one.invoice, one.line) in late and late[one.invoice, one.line].record != one.record
    }


def _claims(row: IntentRow) -> Iterable[Claim]:
    body = unpack(row.kind, row.body)
    assert isinstance(body, (SubcontractorInvoice, DirectCost))
    root = root_of(row.key)
    for source in body.sources:
        invoice, _, line = source.partition("/")
        yield Claim(invoice, line, root)
