"""The status of a record, as the people of its system read it."""

from __future__ import annotations

from enum import Enum

from ml_connector.records.voucher import VoucherStatus


def status_words(status: Enum | str) -> str:
    """`Partly paid` for `partly_paid`."""
    text = str(status.value if isinstance(status, Enum) else status).replace("_", " ")
    return text[:1].upper() + text[1:]


def voucher_words(status: VoucherStatus) -> str:
    """The same for a voucher, which people call posted once the general ledger has taken it."""
    return "Posted" if status is VoucherStatus.UPDATED else status_words(status)
