"""How documents stand, in a word and a sentence: held, on their way, in sync, or left alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ml_connector.kernel.keys import Key
from ml_connector.planning.finding import FLOWS_OF
from ml_connector.planning.plan import HoldReason
from ml_connector.store import documents, links
from ml_connector.store.bulk import Transaction
from ml_connector.store.documents import About
from ml_connector.views.hold_words import CONFLICTS, REFUSALS, WORDS

KIND_TITLES: Mapping[str, str] = {
    "order": "Purchase order",
    "contract": "Contract from Procore",
    "supplier_invoice": "Supplier invoice",
    "subcontractor_invoice": "Subcontractor invoice",
    "direct_cost": "Direct cost",
    "payment": "Payment",
    "vendor": "Vendor",
    "vendor_there": "Vendor from Procore",
    "project": "Project",
    "cost_code": "Cost code",
}
"""What each kind of document is called on pages."""

_RECORDS: Mapping[str, str] = {
    "commitment": "contract",
    "commitment_line": "contract line",
    "change_order": "change order",
    "subcontractor_invoice": "subcontractor invoice",
    "direct_cost": "direct cost",
    "erp_invoice": "supplier invoice",
    "voucher": "voucher",
    "payment": "payment",
    "purchase_requisition": "purchase requisition",
    "billing_period": "billing period",
    "project_vendor": "directory entry",
    "vendor": "vendor",
    "supplier": "supplier",
    "budget": "budget",
    "budget_code": "budget code",
    "cost_code": "cost code",
}


def record_title(kind: str) -> str:
    """What a kind of record is called, in small letters."""
    return _RECORDS.get(kind, kind.replace("_", " "))


LINKED_BY_ITSELF = frozenset({"vendor", "project", "cost_code"})
"""Kinds of document that are themselves one record with one link."""


class Standing(NamedTuple):
    """How a document stands. `state` decides its colour: in_sync, held, returned, refused, unknown, planned, left."""

    state: str
    word: str
    sentence: str


_LEFT = Standing("left", "Left alone", "It was looked at, and nothing of it is to be done on the other side.")
_IN_SYNC = Standing("in_sync", "In sync", "Both sides have it, as it was last looked at.")
_STEPS = (
    ("unknown", Standing("unknown", "No answer yet", "It was sent and no answer came: it is read back first.")),
    ("sending", Standing("unknown", "Being sent", "It is on its way to the other side.")),
    ("refused", Standing("refused", "Refused", "The other side refused its last step.")),
    ("waiting", Standing("waiting", "Waits", "The other side had no time for it: it is sent again by the next run.")),
    ("planned", Standing("planned", "Planned", "It is planned and not sent: it waits for approval, or the next run.")),
    ("done", _IN_SYNC),
)


def standings(conn: Transaction, connection_id: int, keys: Iterable[Key]) -> dict[Key, Standing]:
    """How each of some documents stands."""
    by_kind: dict[str, list[str]] = {}
    for key in keys:
        by_kind.setdefault(key.kind, []).append(key.id)
    found: dict[Key, Standing] = {}
    for kind, ids in by_kind.items():
        about = About(connection_id, tuple(ids), FLOWS_OF[kind])
        held = {source: (reason, text) for source, _, reason, text in reversed(documents.held_now(conn, about))}
        steps = documents.last_steps(conn, about)
        linked = links.load_links(conn, connection_id, kind, ids) if kind in LINKED_BY_ITSELF else {}
        for one in ids:
            states = steps.get(one) or ({"done": 1} if one in linked and linked[one].state == links.LINKED else {})
            found[Key(kind, one)] = _held(*held[one]) if one in held else _by_steps(states)
    return found


def _held(reason: str, sentence: str) -> Standing:
    known = HoldReason(reason)
    word = WORDS[known].means
    state = "refused" if known in REFUSALS else "returned" if known in CONFLICTS else "held"
    return Standing(state, word, sentence)


def _by_steps(states: Mapping[str, int]) -> Standing:
    return next((standing for state, standing in _STEPS if states.get(state)), _LEFT)
