"""What the store knows, in the form decisions look at: links, rulings, holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.committing import contract_keys
from ml_connector.planning.plan import Hold, HoldReason
from ml_connector.planning.situation import Linked, Ruling, Situation
from ml_connector.records.purchase_order import PurchaseOrder
from ml_connector.store import links, rulings
from ml_connector.store.audit import AuditEntry
from ml_connector.store.holds import Change, HoldRow
from ml_connector.store.links import LinkRow

LIGHT = (
    "project_vendor",
    "commitment",
    "commitment_line",
    "change_order",
    "billing_period",
    "subcontractor_invoice",
    "direct_cost",
    "payment",
    "voucher",
    "erp_invoice",
    "purchase_requisition",
    "billed_line",
)
"""Kinds whose agreed records are fetched only when one is decided: there are many, and they are large."""

FULL = ("project", "vendor", "cost_code", "budget_code", "budget", "budget_change", "supplier", "dimension")
"""Kinds whose agreed records every run looks at."""


FLOW = "flow"
"""Kind of record under which a whole flow is held."""


def load_links(conn: Connection, connection_id: int) -> dict[Key, Linked]:
    """Every confirmed link; agreed records only for the kinds in FULL."""
    return {row.key: _linked(row) for row in links.linked(conn, connection_id, LIGHT, FULL)}


def with_agreed(
    conn: Connection, connection_id: int, situation: Situation, orders: Sequence[PurchaseOrder]
) -> Situation:
    """The situation with the agreed contracts of these orders in it."""
    return with_bases(conn, connection_id, situation, contract_keys(situation.links, orders))


def with_bases(conn: Connection, connection_id: int, situation: Situation, keys: Iterable[Key]) -> Situation:
    """The situation with the agreed records of those of `keys` that are linked."""
    known = sorted(key for key in set(keys) if key in situation.links and not situation.links[key].base)
    if not known:
        return situation
    rows = links.load_many(conn, connection_id, known)
    merged = dict(situation.links)
    merged.update((key, _linked(row)) for key, row in rows.items())
    return msgspec.structs.replace(situation, links=merged)


def load_rulings(conn: Connection, connection_id: int) -> dict[tuple[Key, HoldReason], Ruling]:
    """Every answer a person gave."""
    return {
        (key, HoldReason(reason)): Ruling(row.answer, row.target)
        for (key, reason), row in rulings.rulings_of(conn, connection_id).items()
    }


def hold_of(row: HoldRow) -> Hold:
    """A kept hold as the value it came from."""
    money = Money(row.amount, row.currency) if row.amount is not None else None
    return Hold(
        key=row.key,
        flow=row.flow,
        reason=HoldReason(row.reason),
        waits_for=row.waits_for,
        owner=row.owner,
        sentence=row.sentence,
        money=money,
        candidates=tuple(row.candidates),
        evidence=row.evidence,
    )


def document_of(hold: Hold) -> str:
    """The erp document a hold hangs on: an order, a supplier, a project."""
    if hold.key.kind in ("cost_code", "budget_code", "combination", "dimension"):
        return hold.key.id.replace("/", " ").split(" ", 1)[0]
    if hold.key.kind == FLOW:  # it hangs on no document
        return ""
    if hold.key.kind == "project_vendor":
        return hold.key.id.split("@", 1)[0]
    return hold.key.id


def hold_key(kind: str, erp_id: str, source: str) -> Key:
    """Under what a record is held when a step of it fails: the document a person would look up."""
    holder = HELD_UNDER.get(kind)
    return Key(holder, source) if holder else Key(kind, erp_id)


HELD_UNDER = {
    "commitment": "order",
    "commitment_line": "order",
    "change_order": "order",
    "billing_period": "supplier_invoice",
    "subcontractor_invoice": "supplier_invoice",
    "direct_cost": "supplier_invoice",
    "payment": "payment",
    "voucher": "procore_document",
    "erp_invoice": "procore_document",
    "purchase_requisition": "procore_document",
    "billed_line": "procore_document",
    "budget_change": "budget",
}
"""Kind of record to the kind of document it is held under."""


def hold_entries(change: Change, at: datetime, actor: str, run_id: int) -> list[AuditEntry]:
    """The audit rows of holds that were opened and released."""
    return [
        AuditEntry(
            at=at,
            actor=actor,
            tag=f"hold:{action}:done",
            kind=hold.key.kind,
            erp_id=hold.key.id,
            run_id=run_id,
            details=msgspec.json.encode({"reason": hold.reason, "waits_for": str(hold.waits_for)}).decode(),
        )
        for action, group in (("open", change.opened), ("release", change.released))
        for hold in group
    ]


def pairs(held: Iterable[Hold]) -> list[tuple[str, Hold]]:
    """Holds with the document each hangs on, as the store keeps them."""
    return [(document_of(hold), hold) for hold in held]


def _linked(row: LinkRow) -> Linked:
    return Linked(row.target_id, row.base or b"", row.stamp)
