"""Writes carry the tag of the row that was read, and a lost answer never makes a second row."""

from __future__ import annotations

import pytest

from ml_connector.kernel.errors import Bug, OutcomeUnknown, Refused, Stale
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.ifs.writing import Writing
from ml_connector.systems.transport import Transport

from .conftest import MakeSystem

CODE = {"Company": "10", "CodeB": "03-777", "ValidFrom": "2026-01-01", "ValidUntil": "2049-12-31"}
NAME = ("Description", "Shotcrete 777")


@pytest.fixture
def codes(make: MakeSystem) -> Writing:
    return Writing(make().odata, "CodeBHandling")


def test_a_row_is_created_once(codes: Writing, transport: Transport) -> None:
    first = codes.create("CodeBSet", NAME, CODE)
    again = codes.create("CodeBSet", NAME, CODE)
    assert first.row["CodeB"] == again.row["CodeB"] == "03-777"
    assert first.etag == again.etag
    assert transport.counts.writes == 1


@pytest.mark.parametrize("kind", ["drop_after", "half_body"])
def test_a_lost_answer_is_settled_by_looking(
    box: RunningSandbox, codes: Writing, transport: Transport, kind: str
) -> None:
    box.faults.add(FaultRule(kind, side="ifs", method="POST"))
    assert codes.create("CodeBSet", NAME, CODE).row["CodeB"] == "03-777"
    assert transport.counts.writes == 1


def test_what_cannot_be_seen_stays_unknown(box: RunningSandbox, codes: Writing, transport: Transport) -> None:
    box.faults.add(FaultRule("drop_before", side="ifs", method="POST"))
    with pytest.raises(OutcomeUnknown):
        codes.create("CodeBSet", NAME, CODE)
    assert transport.counts.writes == 1


def test_a_change_needs_the_present_tag(box: RunningSandbox, make: MakeSystem) -> None:
    box.ifs.switches.row_version = "counter"
    orders = Writing(make().odata, "PurchaseOrderHandling")
    path = "PurchaseOrderSet(OrderNo='P100003')"
    found = orders.read(path)
    assert found is not None
    changed = orders.patch(path, found.etag, {"NoteText": "seen by ml-connector"})
    assert changed.row["NoteText"] == "seen by ml-connector"
    with pytest.raises(Stale):
        orders.patch(path, found.etag, {"NoteText": "too late"})
    for tag in ("", "*"):
        with pytest.raises(Bug):
            orders.patch(path, tag, {"NoteText": "over everything"})
    assert orders.read("PurchaseOrderSet(OrderNo='P999999')") is None


@pytest.mark.parametrize("text", ["with_constant", "text_only", "ora"])
@pytest.mark.parametrize("status", [400, 500])
def test_a_broken_rule_is_a_refusal_in_every_wording(
    box: RunningSandbox, codes: Writing, transport: Transport, text: str, status: int
) -> None:
    box.ifs.switches.error_text, box.ifs.switches.validation_status = text, status
    with pytest.raises(Refused) as caught:
        codes.create("CodeBSet", NAME, {**CODE, "ValidUntil": "2020-01-01"})
    assert caught.value.exit_code == 14
    assert type(caught.value) is Refused
    assert transport.counts.writes == 1
    if text != "text_only":
        assert "DATESINVALID" in (caught.value.reference or "")
