"""Where vouchers are entered, waited for and kept, and what their properties are called (facts/ifs.md 11.9, 13)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from ml_connector.kernel.errors import BadInput
from ml_connector.records.voucher import VoucherStatus
from ml_connector.systems.ifs.set_profile import SetProfile, code_parts

_ENTRY = "VoucherEntryAssistantHandling"
_KEY = {"company": "Company", "type": "VoucherType", "year": "AccountingYear", "number": "VoucherNo"}
_HEAD = {**_KEY, "dated": "VoucherDate", "user_group": "UserGroup", "text": "VoucherText2", "status": "VoucherStatus"}
_WAITS = {"approved_on": "ApprovalDate", "approved_by": "ApprovedByUserid", "error": "UpdateError"}
"""What only a voucher that waits is asked for: of the ledger's the facts give no such names."""
_ROW = {
    **code_parts(),
    "code_a": "Account",
    "currency": "CurrencyCode",
    # the vendor's spelling; only the parallel currency is spelled Debit (facts/ifs.md 14)
    "debit": "CurrencyDebetAmount",
    "credit": "CurrencyCreditAmount",
    "own_debit": "DebetAmount",
    "own_credit": "CreditAmount",
    "activity": "ProjectActivityId",
    "project": "ProjectId",
    "series": "ReferenceSerie",
    "number": "ReferenceNumber",
    "party_type": "PartyType",
    "party": "PartyTypeId",
    "text": "Text",
    "quantity": "Quantity",
}
_STATUSES = {
    "NotApproved": "not_approved",
    "Waiting": "not_approved",
    "AwaitingApproval": "awaiting_approval",
    "PartiallyApproved": "awaiting_approval",
    "Approved": "approved",
    "Confirmed": "approved",
    "Cancelled": "cancelled",
    "Error": "error",
}


def _heads(
    projection: str, entity_set: str, *candidates: str, more: Mapping[str, str] = MappingProxyType({})
) -> SetProfile:
    names = {**_HEAD, **more}
    return SetProfile(projection, entity_set, ("type", "year", "number"), names, candidates, ("year", "number"))


def _rows(projection: str, entity_set: str, *candidates: str) -> SetProfile:
    # `number` is the reference of a row; the voucher's own is `voucher`
    key = {"company": "Company", "type": "VoucherType", "year": "AccountingYear", "voucher": "VoucherNo"}
    words = ("type", "year", "voucher", "row")
    return SetProfile(projection, entity_set, words, {**key, "row": "RowNo", **_ROW}, candidates, words[1:])


class VoucherProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every name and habit of one tenant around vouchers.

    Our once-key stands at the beginning of the property that `text` names in `entry`, `held` and `ledger`.
    """

    entry: SetProfile = SetProfile(
        _ENTRY,
        "VoucherSet",
        ("key",),
        {
            "key": "Objkey",
            **{word: _HEAD[word] for word in ("company", "type", "year", "dated", "user_group", "text", "status")},
        },
    )
    """Virtual vouchers of the entry assistant."""
    posting: SetProfile = SetProfile(_ENTRY, "VoucherPostingArray", (), _ROW.copy())
    """The array of rows below a virtual voucher."""
    create: str = "VoucherEntry_CreateVoucher"
    """The bound action that makes a voucher of a virtual one and gives its number."""
    remove: str = "VoucherEntry_RemoveTempVoucher"
    """The bound action that removes a virtual voucher; empty where the tenant removes it itself."""
    entry_statuses: dict[str, str] = msgspec.field(
        default_factory=lambda: {"not_approved": "NotApproved", "awaiting_approval": "AwaitingApproval"}
    )
    """Our word for how we leave a voucher to the tenant's identifier."""
    statuses: dict[str, str] = msgspec.field(default_factory=_STATUSES.copy)
    """The tenant's identifier of a status or state to ours, in the hold table."""
    supplier: str = "Supplier"
    """The identifier of the party type of a supplier."""
    held: SetProfile = _heads("VouchersAnalysis", "VoucherSet", "VoucherHandling/VoucherSet", more=_WAITS)
    """Vouchers in the hold table."""
    held_row: SetProfile = _rows(
        "VoucherRowsAnalysis", "VoucherRowSet", "ProjectVoucherRowsAnalysis/VoucherRowQuerySet"
    )
    """Rows of vouchers in the hold table."""
    ledger: SetProfile = _heads("GenLedVouchersAnalysis", "GenLedVoucherSet", "GenLedVoucherEntity/GenLedVoucherSet")
    """Vouchers in the general ledger; the facts name the units, not the projection (facts/ifs.md 11.9)."""
    ledger_row: SetProfile = _rows(
        "GenLedVoucherRowsAnalysis", "GenLedVoucherRowSet", "GenLedVoucherRowEntity/GenLedVoucherRowSet"
    )
    """Rows of vouchers in the general ledger."""


def check_vouchers(profile: VoucherProfile) -> None:
    """Entries that have the right type and still make no sense; BadInput names the entry."""
    known = {one.value for one in VoucherStatus}
    for word in (*profile.statuses.values(), *profile.entry_statuses):
        if word not in known:
            raise BadInput(f"The IFS profile maps a voucher's status to {word!r}, which is none of ours.")
    for name in ("entry", "held", "ledger"):
        if not getattr(profile, name).name("text"):
            raise BadInput(
                f"The IFS profile switches vouchers.{name}.properties.text off, so that ours could not be found again."
            )
