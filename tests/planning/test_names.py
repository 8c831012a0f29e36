"""Firms' names and numbers: what counts as the same, and what must not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.planning.names import nearness, normal_name, normal_number


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hollis & Webb Concrete, Inc.", "HOLLIS AND WEBB CONCRETE INCORPORATED"),
        ("Hollis + Webb Concrete Inc", "Hollis & Webb Concrete"),
        ("Müller Stahlbau GmbH & Co. KG", "MULLER STAHLBAU"),
        ("Société Générale d'Ancrage S.A.R.L.", "Societe Generale d Ancrage"),
        ("Northern Crane Pty Ltd", "Northern Crane Pty. Ltd."),
        ("  Ready-Mix   Partners L.L.C. ", "Ready Mix Partners LLC"),
        ("Aço Forte Ltda.", "ACO FORTE LTDA"),
    ],
)
def test_the_same_firm_written_two_ways(one: str, other: str) -> None:
    assert normal_name(one) == normal_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hollis Concrete", "Hollis Steel"),
        ("A1 Rental 2", "A1 Rental 3"),
        ("Northern Crane", "Northern Cranes & Hoists"),
    ],
)
def test_different_firms_stay_different(one: str, other: str) -> None:
    assert normal_name(one) != normal_name(other)


@given(st.text(max_size=60))
def test_any_text_becomes_plain_text_that_stays_as_it_is(text: str) -> None:
    plain = normal_name(text)
    assert plain == plain.strip()
    assert all(c.isascii() and (c.isalnum() or c == " ") for c in plain)


def test_nearness_forgives_order_and_a_letter() -> None:
    assert nearness("webb hollis concrete", "hollis webb concrete") == 100
    assert nearness("hollis webb concrete", "holis webb concrete") > 90
    assert nearness("hollis webb concrete", "northern crane") < 60


@pytest.mark.parametrize(
    ("number", "country", "expected"),
    [
        ("12-3456789", "US", "US123456789"),
        ("123456789", None, "US123456789"),
        ("12 3456789", "", "US123456789"),
        ("51 824 753 556", "AU", "AU51824753556"),
        ("DE 123456788", "DE", "DEDE123456788"),
        ("999-99-9999", "US", None),
        ("000000000", None, None),
        ("n/a", None, None),
        ("", "US", None),
        (None, "US", None),
    ],
)
def test_numbers(number: str | None, country: str | None, expected: str | None) -> None:
    assert normal_number(number, country) == expected


def test_equal_digits_of_two_registers_are_not_one_number() -> None:
    assert normal_number("51824753556", "AU") != normal_number("51824753556", "SE")
