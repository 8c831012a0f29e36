"""IFS's hint door: a flat body that somebody typed into an event action names a record to look at."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from .house import NOON, House, add_hook

FLAT = {"event": "PO_RELEASED", "object": "PurchaseOrder", "id": "P100001", "company": "10"}


def test_a_hint_is_kept_with_what_it_names(house: House) -> None:
    hook = add_hook(house.db, "north", "ifs")
    house.look()
    body = json.dumps(FLAT | {"time": "2026-11-27T06:00:00-06:00", "project": 1201}).encode()
    assert house.tell(body, hook).status == 202
    sql = "SELECT source, slug, body, resource, action, record, project, happened_at FROM inbox"
    slug = hook.path.rpartition("/")[2]
    assert house.rows(sql) == [("ifs", slug, body, "PurchaseOrder", "PO_RELEASED", "P100001", "1201", NOON)]


@pytest.mark.parametrize(
    "form",
    [
        {"LU_NAME": "PurchaseOrder", "Key": "P100001"},
        {"lu": "PurchaseOrder", "OBJECT_KEY": "P100001"},
        {"Entity": "PurchaseOrder", "record-id": "P100001", "Company Id": 10},
    ],
)
def test_members_go_by_other_names(house: House, form: dict[str, object]) -> None:
    hook = add_hook(house.db, "north", "ifs")
    house.look()
    assert house.tell(json.dumps(form).encode(), hook).status == 202
    assert house.rows("SELECT resource, record FROM inbox") == [("PurchaseOrder", "P100001")]


def test_the_same_hint_is_kept_once_a_minute_and_one_with_a_message_id_once(house: House) -> None:
    hook = add_hook(house.db, "north", "ifs")
    house.look()
    application = house.door.application
    clock = application.clock
    plain, named = json.dumps(FLAT).encode(), json.dumps(FLAT | {"MESSAGE_ID": "77"}).encode()
    try:
        for minutes in (0, 0, 1):
            application.clock = lambda passed=minutes: NOON + timedelta(minutes=passed)  # type: ignore[misc]
            assert house.tell(plain, hook).status == house.tell(named, hook).status == 202
    finally:
        application.clock = clock
    assert len(house.kept()) == 3


def test_what_names_no_record_or_another_company_is_refused(house: House) -> None:
    hook = add_hook(house.db, "north", "ifs")
    house.look()
    for form in ({"object": "PurchaseOrder"}, {"id": "P1"}, FLAT | {"lines": []}, FLAT | {"id": "\0"}, []):
        assert house.tell(json.dumps(form).encode(), hook).status == 400
    assert house.tell(json.dumps(FLAT | {"company": "20"}).encode(), hook).status == 403
    assert house.kept() == []
