"""What the door lets in, what it keeps, and what it says."""

from __future__ import annotations

import pytest

from .house import House, body_of, event_at


@pytest.mark.parametrize("version", ["v2.0", "v3.0", "v4.0"])
def test_an_event_of_each_version_is_kept_with_what_it_is_about(house: House, version: str) -> None:
    body = body_of(1, version)
    said = house.tell(body)
    assert (said.status, said.body) == (202, b"")
    sql = "SELECT connection_id, source, event, body, resource, action, record, project, happened_at, state FROM inbox"
    [row] = house.rows(sql)
    event = event_at(1)
    assert row == (
        house.number, "procore", event.ulid, body, "Purchase Order Contracts", "update", "9001", "310", event.at, "new",
    )  # fmt: skip


def test_an_event_that_comes_again_is_accepted_and_kept_once(house: House) -> None:
    for version in ("v4.0", "v4.0", "v2.0"):
        assert house.tell(body_of(1, version)).status == 202
    assert len(house.kept()) == 1
    assert house.rows("SELECT name, value FROM counters") == [("events_again", 2)]
