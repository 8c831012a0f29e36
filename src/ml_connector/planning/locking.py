"""What a step makes Procore lock: said before a person approves it, because it cannot be taken back by editing.

The rules are those of facts/procore.md section 4: approved contracts freeze by status, what carries our mark
(`origin_id`) is locked as a whole. A company may have switched the lock of contracts off.
"""

from __future__ import annotations

from ml_connector.planning.plan import Body, Verb
from ml_connector.records.commitment import ChangeOrder, Commitment, CommitmentStatus

FREEZES = frozenset({CommitmentStatus.APPROVED, CommitmentStatus.COMPLETE})
"""Statuses in which Procore freezes a contract's vendor and schedule of values."""

LOCKS: dict[str, str] = {
    "commitment": "Vendor and schedule of values freeze; later changes go as change orders.",
    "change_order": "An approved change order freezes, as its contract did.",
    "subcontractor_invoice": "It carries our mark, so Procore's people cannot edit it.",
    "direct_cost": "It carries our mark, so Procore's people cannot edit it.",
    "payment": "It carries our mark, so Procore's people cannot edit or delete it.",
}
"""Kind of record to what its lock means, in words."""


def locks(kind: str, verb: Verb, body: Body) -> bool:
    """Whether this step is the one that makes Procore lock the record; a record has one such step at most."""
    if isinstance(body, Commitment):
        return verb is Verb.STATUS and body.status in FREEZES
    if isinstance(body, ChangeOrder):
        return verb is Verb.AMEND and body.status == "approved"
    return verb is Verb.CREATE and kind in LOCKS
