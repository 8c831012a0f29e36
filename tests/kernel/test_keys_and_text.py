"""Keys, digests, and text that is fit for people and logs."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.kernel.clock import system_clock
from ml_connector.kernel.keys import Key, content_hash, fingerprint, once_key
from ml_connector.kernel.text import clipped, counted, redacted


def test_a_key_reads_as_kind_and_id() -> None:
    assert str(Key("vendor", "S100")) == "vendor:S100"
    assert sorted([Key("vendor", "S1"), Key("order", "P1")])[0].kind == "order"


def test_a_once_key_starts_with_the_erp_company() -> None:
    assert once_key("10", "order", "P1", "1201") == "10/order/P1/1201"
    assert once_key("10", "vendor", "S1") != once_key("20", "vendor", "S1")


@given(st.lists(st.binary(max_size=8), max_size=4), st.lists(st.binary(max_size=8), max_size=4))
def test_equal_fingerprints_mean_equal_parts(one: list[bytes], other: list[bytes]) -> None:
    assert (fingerprint(*one) == fingerprint(*other)) == (one == other)
    assert len(fingerprint(*one)) == 16


def test_the_name_of_evidence_is_its_sha_256() -> None:
    assert content_hash(b"").hex().startswith("e3b0c442")


@pytest.mark.parametrize(
    "text",
    [
        "client_secret=s3cr3t-value&grant_type=x",
        '{"access_token": "s3cr3t-value", "expires_in": 5}',
        "Authorization: Bearer s3cr3t-value",
        "authorization: Basic s3cr3t-value",
        "password = s3cr3t-value",
        '{"refresh_token":"s3cr3t-value"}',
        "the value s3cr3t-value was sent",
    ],
)
def test_secrets_do_not_survive(text: str) -> None:
    hidden = redacted(text, ("s3cr3t-value",))
    assert "s3cr3t-value" not in hidden
    assert "[redacted]" in hidden
    if "value was sent" not in text:
        assert "s3cr3t-value" not in redacted(text), "known by its field alone"


def test_secrets_are_known_by_the_field_they_stand_in() -> None:
    assert redacted("client_secret=abc&scope=x") == "client_secret=[redacted]&scope=x"
    assert redacted("order P1 has 3 lines", ("", "P1")) == "order P1 has 3 lines", "too short to be a secret"


@given(st.text(max_size=80), st.integers(1, 40))
def test_clipped_text_fits(text: str, limit: int) -> None:
    short = clipped(text, limit)
    assert len(short) <= limit
    assert short == text or short.endswith("\u2026")


def test_numbers_with_their_nouns() -> None:
    assert [counted(n, "order") for n in (0, 1, 2, 1200)] == ["0 orders", "1 order", "2 orders", "1,200 orders"]
    assert counted(2, "directory", "directories") == "2 directories"


def test_the_machines_clock_is_aware_and_in_utc() -> None:
    assert system_clock().tzinfo is UTC
