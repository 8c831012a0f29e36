"""An amount knows its currency and refuses to mix with another."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

import msgspec

from ml_connector.kernel.currency import DECIMALS
from ml_connector.kernel.errors import BadInput, Bug

_LARGEST = 15
"""Numbers stay below the next power of ten: IFS keeps fifteen digits before the point, and sums must stay exact."""


class Money(msgspec.Struct, frozen=True, order=False):
    """An exact amount in one currency (ISO 4217 code). Never a float."""

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        """The sum; two currencies do not add up and are our bug."""
        if self.currency != other.currency:
            raise Bug(f"{self.currency} and {other.currency} were added: documents keep their own currency.")
        return Money(self.amount + other.amount, self.currency)

    def __neg__(self) -> Money:
        """The same amount the other way."""
        return Money(-self.amount, self.currency)

    def __str__(self) -> str:
        """Plain text such as `1,234.50 USD`."""
        return f"{self.amount:,.{DECIMALS.get(self.currency, 2)}f} {self.currency}"


def decimal_of(text: object, what: str) -> Decimal:
    """The exact decimal in `text` (string or int); `what` names the field in the error when it is no number."""
    if isinstance(text, Decimal):
        value = text
    elif isinstance(text, (str, int)) and not isinstance(text, bool):
        try:
            value = Decimal(text.strip() if isinstance(text, str) else text)
        except InvalidOperation:
            raise BadInput(f"{what} is not a number: {str(text)[:40]!r}.") from None
    else:
        raise BadInput(f"{what} is not a number: {str(text)[:40]!r}.")
    if not value.is_finite():
        raise BadInput(f"{what} is not a number: {str(text)[:40]!r}.")
    if value and value.adjusted() > _LARGEST:
        raise BadInput(f"{what} is larger than any amount: {str(text)[:40]!r}.")
    return value


def known_currency(code: str, what: str) -> str:
    """`code` when ISO 4217 knows it; else a BadInput naming `what`."""
    if code not in DECIMALS:
        raise BadInput(f"{what} {code!r} is not a currency code (ISO 4217).")
    return code


def smallest(currency: str) -> Decimal:
    """The smallest amount of a currency: 0.01 for most, 1 for some."""
    return Decimal(1).scaleb(-DECIMALS.get(currency, 2))


def rounded(amount: Decimal, currency: str) -> Decimal:
    """`amount` at the currency's own decimals, half away from zero (the rule both ledgers use for lines)."""
    return amount.quantize(smallest(currency), rounding=ROUND_HALF_UP)


def totals(parts: Iterable[Money]) -> dict[str, Decimal]:
    """The sums per currency, in the order the currencies first appear."""
    sums: dict[str, Decimal] = {}
    for part in parts:
        sums[part.currency] = sums.get(part.currency, Decimal(0)) + part.amount
    return sums
