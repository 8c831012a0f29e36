"""Every shape of error body Procore uses says its words, and every status means one thing."""

from __future__ import annotations

import msgspec
import pytest

from ml_connector.kernel.errors import (
    ConnectorError,
    Locked,
    NameMissing,
    OutcomeUnknown,
    RateLimited,
    Refused,
    RightMissing,
    SignInRefused,
    Unavailable,
)
from ml_connector.systems.procore.answers import COMMITMENTS, NotSeen, TooLarge, fail, field_words, words
from ml_connector.systems.wire import WireReply


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"code": 400, "message": "no such day", "fields": "date", "reason": "no such day", "error": None}, None),
        ({"message": "gone", "exception": "RecordNotFound"}, "gone"),
        ({"errors": {"name": ["can't be blank"], "base": ["frozen"]}}, "name: can't be blank; frozen"),
        ({"errors": {"code": ["is taken"]}}, "code: is taken"),
        ({"errors": "too many"}, "too many"),
        ({"errors": [{"field": "a bad row"}]}, "field: a bad row"),
        ({"errors": ["App is not connected to this company."]}, "App is not connected to this company."),
        ({"message": "locked", "error": "locked"}, "locked"),
        (
            {"error": {"code": "BAD", "message": "no", "details": [{"message": "why", "source": "page"}]}},
            "no; page: why",
        ),
        ({"error": {"error": "wait an hour"}}, "wait an hour"),
        ("just text", "just text"),
        (None, ""),
        ([], ""),
        (12, ""),
    ],
)
def test_words_of_every_shape(body: object, said: str | None) -> None:
    found = words(msgspec.json.encode(body))
    assert found == said if said is not None else "date: no such day" in found


def test_words_of_what_is_no_json() -> None:
    assert words(b"<html>busy</html>") == ""
    assert words(b"plain trouble") == "plain trouble"
    assert words(b"\xff\xfe") != "None"
    assert len(words(msgspec.json.encode({"message": "x" * 5000}))) <= 400
    assert field_words({"amount": ["is not a number", None]}) == "amount: is not a number"
    assert field_words(None) == "refused without a reason"


@pytest.mark.parametrize(
    ("status", "safe", "error"),
    [
        (400, True, Refused),
        (401, True, SignInRefused),
        (403, True, RightMissing),
        (404, True, NotSeen),
        (406, True, Refused),
        (409, False, Locked),
        (413, True, TooLarge),
        (422, True, Refused),
        (429, True, RateLimited),
        (500, True, Unavailable),
        (500, False, OutcomeUnknown),
        (501, True, NameMissing),
        (503, False, Unavailable),
    ],
)
def test_one_status_one_meaning(status: int, safe: bool, error: type[ConnectorError]) -> None:
    reply = WireReply(status, {"x-request-id": "abc"}, b'{"message":"because"}')
    with pytest.raises(error) as caught:
        fail(reply, COMMITMENTS, safe=safe)
    assert type(caught.value) is error
    assert "because" in caught.value.sentence
    assert caught.value.reference == "abc"
