"""How what crossed stands in IFS by now, and how a document stood in Procore, in the words of its story."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import ERP_KINDS
from ml_connector.planning.sides import Side, side_of
from ml_connector.records.purchase_requisition import PurchaseRequisition
from ml_connector.records.supplier_invoice import InvoiceState, SupplierInvoice
from ml_connector.records.voucher import Voucher, VoucherStatus
from ml_connector.store.links import LinkRow
from ml_connector.store.standings import GONE, StandingRow
from ml_connector.views.document_states import record_title

GONE_WORDS = "Not found in IFS"
"""Status of a record that IFS shows no more."""


class Told(NamedTuple):
    """One change of how a record stands, as a hop says it. `state` decides its colour."""

    title: str
    sentence: str
    state: str


_SEEN = "The time is that of the run that saw it first."
_LEDGER = (
    "It left the hold table and stands in the general ledger{dated}. IFS does not tell when its ledger update was: the "
    "time is that of the run that saw it first."
)
_WORDS: Mapping[tuple[str, str], tuple[str, str, str]] = {
    ("voucher", "not_approved"): ("Not approved in IFS", f"It waits in the hold table again. {_SEEN}", "returned"),
    ("voucher", "awaiting_approval"): ("Sent to its approver in IFS", _SEEN, "waiting"),
    ("voucher", "approved"): ("Approved in IFS", "", "approved"),
    ("voucher", "updated"): ("Posted in IFS", "", "done"),
    ("voucher", "cancelled"): ("Cancelled in IFS", f"A person cancelled it in the hold table. {_SEEN}", "cancelled"),
    ("voucher", "error"): ("Not posted in IFS", "", "refused"),
    ("voucher", GONE): (
        "Not found in IFS",
        f"Neither the hold table nor the general ledger has a voucher with our mark. {_SEEN}",
        "refused",
    ),
    ("erp_invoice", "preliminary"): ("Preliminary in IFS", f"It is being worked on again. {_SEEN}", "waiting"),
    ("erp_invoice", "posted"): ("Posted in IFS", f"Its voucher is made. {_SEEN}", "done"),
    ("erp_invoice", "authorised"): ("Released for payment in IFS", _SEEN, "approved"),
    ("erp_invoice", "partly_paid"): ("Partly paid in IFS", _SEEN, "done"),
    ("erp_invoice", "paid"): ("Paid in IFS", _SEEN, "done"),
    ("erp_invoice", "cancelled"): ("Cancelled in IFS", _SEEN, "cancelled"),
    ("erp_invoice", GONE): ("Not found in IFS", f"IFS shows no such invoice. {_SEEN}", "refused"),
    ("purchase_requisition", "POCreated"): ("Made into an order in IFS", _SEEN, "done"),
    ("purchase_requisition", GONE): ("Not found in IFS", f"IFS has no requisition with our mark. {_SEEN}", "refused"),
}
_THERE: Mapping[str, tuple[str, str]] = {
    "approved": ("Approved in Procore", "approved"),
    "approved_as_noted": ("Approved as noted in Procore", "approved"),
    "revise_and_resubmit": ("Sent back in Procore", "returned"),
    "other": ("In another status in Procore", "none"),
}
_WORDS_OF_STATE = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def told(row: StandingRow, target: str) -> Told:
    """A change in words; `target` is the record's id in IFS, empty for a document of Procore."""
    if row.kind not in ERP_KINDS:
        return _there(row)
    title, sentence, state = _WORDS.get((row.kind, row.state)) or (f"{_spaced(row.state)} in IFS", _SEEN, "none")
    called = f"{record_title(row.kind)} {target}".strip()
    return Told(f"{title}: {called}", sentence or _of_voucher(row), state)


def _there(row: StandingRow) -> Told:
    plain = row.state.replace("_", " ")
    title, state = _THERE.get(row.state, (f"{plain[:1].upper()}{plain[1:]} in Procore", "none"))
    what = "approval" if state == "approved" else "this"
    when = "the time is that of its last change before a run saw it"
    return Told(title, f"Procore tells no day of {what}: {when}.", state)


def _of_voucher(row: StandingRow) -> str:
    day = day_words(row.day) if row.day else ""
    if row.state == VoucherStatus.APPROVED.value:
        by = f" by {row.who}" if row.who else ""
        said = f"Approved{by} on {day}, as IFS says." if day else f"Approved{by}; IFS names no day."
        return f"{said} {_SEEN}"
    if row.state == VoucherStatus.ERROR.value:
        return f"The ledger update did not take it: {row.note or 'IFS does not say why.'} {_SEEN}"
    return _LEDGER.format(dated=f", with voucher date {day}" if day else "")


def day_words(day: date) -> str:
    """`27 Nov 2026`."""
    return f"{day.day} {day:%b %Y}"


def _spaced(state: str) -> str:
    return _WORDS_OF_STATE.sub(" ", state).replace("_", " ").capitalize() if state else "Without a state"


def side_now(records: Sequence[Any], known: Sequence[LinkRow], stood: Mapping[Key, StandingRow]) -> Side | None:
    """The side some records in IFS make, each in the state in which it was last seen."""
    keys = {row.target_id: row.key for row in known if row.kind in ERP_KINDS and row.target_id}
    seen = [(one, stood.get(keys.get(getattr(one, "id", ""), _NOBODY))) for one in records]
    side = side_of([_in_state(one, row.state) if row else one for one, row in seen])
    if side is not None and any(row and row.state == GONE for _, row in seen):
        return msgspec.structs.replace(side, facts={**side.facts, "Status": GONE_WORDS})
    return side


_NOBODY = Key("", "")


def _in_state(record: Any, state: str) -> Any:
    if state == GONE:
        return record
    if isinstance(record, Voucher):
        return msgspec.structs.replace(record, status=VoucherStatus(state))
    if isinstance(record, SupplierInvoice):
        return msgspec.structs.replace(record, state=InvoiceState(state))
    return msgspec.structs.replace(record, state=state) if isinstance(record, PurchaseRequisition) else record
