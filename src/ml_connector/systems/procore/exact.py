"""Amounts as JSON numbers with a decimal's own digits, for the calls that take numbers (facts/procore.md, trap 5)."""

from __future__ import annotations

from decimal import Decimal

import msgspec


def exact(amount: Decimal) -> msgspec.Raw:
    """`amount` as a JSON number, digit by digit: it never passes through a float."""
    return msgspec.Raw(f"{amount:f}".encode())
