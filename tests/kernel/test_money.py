"""Money is exact, knows its currency and refuses to mix."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.kernel.currency import DECIMALS
from ml_connector.kernel.errors import BadInput, Bug
from ml_connector.kernel.money import Money, decimal_of, known_currency, rounded, totals

amounts = st.decimals(-(10**12), 10**12, places=4)
currencies = st.sampled_from(sorted(DECIMALS))


@given(amounts, amounts, currencies)
def test_sums_are_exact_and_come_back(one: Decimal, other: Decimal, currency: str) -> None:
    there = Money(one, currency) + Money(other, currency)
    assert there + -Money(other, currency) == Money(one, currency)


def test_two_currencies_do_not_add_up() -> None:
    with pytest.raises(Bug, match="USD and CAD"):
        Money(Decimal(1), "USD") + Money(Decimal(1), "CAD")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [("1234.5", "USD", "1,234.50 USD"), ("-1234.5", "JPY", "-1,234 JPY"), ("0.5", "KWD", "0.500 KWD")],
)
def test_money_as_people_read_it(amount: str, currency: str, text: str) -> None:
    assert str(Money(Decimal(amount), currency)) == text


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("2.345", "USD", "2.35"),
        ("-2.345", "USD", "-2.35"),
        ("2.344999", "USD", "2.34"),
        ("2.5", "JPY", "3"),
        ("0.0005", "BHD", "0.001"),
        ("1.005", "ZZZ", "1.01"),
    ],
)
def test_rounding_is_half_away_from_zero_at_the_currencys_decimals(amount: str, currency: str, expected: str) -> None:
    assert str(rounded(Decimal(amount), currency)) == expected


@pytest.mark.parametrize("value", ["12.50", " 12.50 ", Decimal("12.50")])
def test_numbers_are_taken_exactly(value: Any) -> None:
    assert decimal_of(value, "Price") == Decimal("12.5")
    assert decimal_of(12, "Price") == Decimal(12)


@pytest.mark.parametrize("value", ["", "twelve", "1,2", 12.5, True, None, "NaN", "Infinity", Decimal("sNaN"), [1]])
def test_what_is_no_number_is_named(value: Any) -> None:
    with pytest.raises(BadInput, match="Price is not a number"):
        decimal_of(value, "Price")


def test_currencies_are_those_of_iso_4217() -> None:
    assert known_currency("EUR", "Currency") == "EUR"
    with pytest.raises(BadInput, match="Currency 'eur' is not a currency code"):
        known_currency("eur", "Currency")
    assert {len(code) for code in DECIMALS} == {3}
    assert (DECIMALS["USD"], DECIMALS["JPY"], DECIMALS["TND"]) == (2, 0, 3)


@given(st.lists(st.tuples(amounts, currencies), max_size=20))
def test_totals_are_kept_apart_by_currency(parts: list[tuple[Decimal, str]]) -> None:
    sums = totals(Money(amount, currency) for amount, currency in parts)
    assert list(sums) == list(dict.fromkeys(currency for _, currency in parts))
    for currency, total in sums.items():
        assert total == sum(amount for amount, other in parts if other == currency)
