"""Fixed exchange rates, and the rounding of amounts."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from ml_connector.sandbox.ifs.refusals import NOT_EXIST, RULE, RuleBroken

RATES = {
    "USD": Decimal("1"), "EUR": Decimal("1.10"), "GBP": Decimal("1.27"), "CHF": Decimal("1.12"),
    "CAD": Decimal("0.73"), "SEK": Decimal("0.095"), "NOK": Decimal("0.094"), "DKK": Decimal("0.147"),
}  # fmt: skip
"""Fixed rates to the US dollar: one unit of the currency in dollars. Invented; they never change."""

CENT, FINE = Decimal("0.01"), Decimal("0.000001")


def rate(currency: str, base: str) -> Decimal:
    """How much one unit of `currency` is worth in `base`. Refused: a currency nobody defined."""
    for code in (currency, base):
        if code not in RATES:
            raise RuleBroken(NOT_EXIST, "CurrencyCode.NOTEXIST", f"The currency {code} is not defined.")
    return RATES[currency] / RATES[base]


def rounded(value: Decimal, step: Decimal = CENT) -> Decimal:
    """A value to that step (a cent unless told), halves up. Refused: an amount with more digits than a column holds."""
    try:
        return value.quantize(step, ROUND_HALF_UP)
    except InvalidOperation as error:
        raise RuleBroken(RULE, "Number.TOOLARGE", "The amount has too many digits.") from error
