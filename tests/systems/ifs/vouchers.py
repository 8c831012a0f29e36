"""Short ways for tests that send vouchers: a voucher to be entered, its rows, and the effect that asks for it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from ml_connector.records.voucher import RowRole, Voucher, VoucherRow, VoucherStatus
from ml_connector.systems.port import Effect

PROJECT, ACTIVITY = "1201", "100103"
DAY = date(2026, 9, 10)


def cost(amount: str = "100", **changes: Any) -> VoucherRow:
    """A row of cost on concrete work of the foundations; anything can be changed."""
    values: dict[str, Any] = {
        "role": RowRole.COST, "codes": (("A", "4120"), ("B", "03-310"), ("E", PROJECT)),
        "debit": Decimal(amount), "credit": Decimal(0), "activity": ACTIVITY, "project": PROJECT,
        "text": "Concrete", "series": "P100001 1/1", "number": "INV-7", "party": "S1001",
    }  # fmt: skip
    return VoucherRow(**{**values, **changes})


def clearing(amount: str = "100", **changes: Any) -> VoucherRow:
    """The row on the other side."""
    values: dict[str, Any] = {
        "role": RowRole.CLEARING, "codes": (("A", "2020"),), "debit": Decimal(0), "credit": Decimal(amount),
        "text": "To be invoiced", "number": "INV-7", "party": "S1001",
    }  # fmt: skip
    return VoucherRow(**{**values, **changes})


def voucher(number: int, *rows: VoucherRow, **changes: Any) -> Voucher:
    """The first version of the voucher for subcontractor invoice `number`."""
    values: dict[str, Any] = {
        "once_key": f"10/subcontractor_invoice/{number}/1", "type": "M", "dated": DAY, "user_group": "",
        "currency": "USD", "text": f"Invoice {number}", "status": VoucherStatus.NOT_APPROVED,
        "rows": rows or (cost(), clearing()), "source": f"subcontractor_invoice/{number}",
    }  # fmt: skip
    return Voucher(**{**values, **changes})


def effects(*vouchers: Voucher) -> list[Effect]:
    """What asks for these vouchers, with intents numbered from 1."""
    return [
        Effect(n, "create", "voucher", one.once_key, PROJECT, "", one, {}) for n, one in enumerate(vouchers, start=1)
    ]
