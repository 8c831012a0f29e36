"""Hooks of a connection in the simulated Procore: registered, repaired, removed, and never anybody else's."""

from __future__ import annotations

from typing import Any

import pytest

from ml_connector import desk
from ml_connector.app import App
from ml_connector.engine.work import Errand
from ml_connector.kernel.errors import BadInput, OutcomeUnknown, RightMissing
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.procore.webhooks import Hook, Trigger
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import hooking
from ml_connector.service.hooking import Asked
from ml_connector.store import hooks

DOOR = "http://127.0.0.1:9"
"""Nobody listens there; nothing is told in these tests."""


def synced(app: App, **asked: Any) -> dict[str, Any]:
    """One sync of the hooks of north."""
    return hooking.sync(app, "north", Asked(**{"url": DOOR} | asked))


def there(box: RunningSandbox) -> list[Hook]:
    """Every hook in the simulated Procore."""
    return list(box.procore.webhooks.hooks.values())


def alter(box: RunningSandbox, **values: Any) -> None:
    """Somebody changes the one hook there is behind our back."""

    def turn() -> None:
        (hook,) = there(box)
        for name, value in values.items():
            setattr(hook, name, value)

    box.in_loop(turn)


def by(found: dict[str, Any]) -> dict[str, str]:
    """Flow to how it hears of changes."""
    return {one["flow"]: one["by"] for one in found["flows"]}


def whats(found: dict[str, Any]) -> list[str]:
    return [one["what"] for one in found["steps"]]


def test_the_first_sync_registers_one_hook_with_what_the_flows_want(north: App, box: RunningSandbox) -> None:
    found = synced(north)
    (hook,) = there(box)
    assert whats(found) == ["create", "triggers"]
    assert (hook.namespace, hook.version, hook.project_id) == ("ml-connector", "v3.0", None)
    (row,) = hooking.listed(north, "north")["hooks"]
    assert hook.url == row["url"]
    assert hook.url.startswith(f"{DOOR}/webhooks/procore/north/")
    assert ("Direct Costs", "update") in {(one.resource, one.event) for one in hook.triggers.values()}
    assert "Project Vendors" not in {one.resource for one in hook.triggers.values()}
    assert by(found)["direct_costs"] == "webhook"
    assert by(found)["purchase_orders"] == "both"


def test_only_the_hash_of_the_secret_is_kept_and_it_is_the_one_procore_sends(north: App, box: RunningSandbox) -> None:
    found = synced(north)
    (hook,) = there(box)
    with north.db.begin() as conn:
        (row,) = hooks.of_connection(conn, north.connection("north").id)
        assert hooks.find(conn, "north", row.slug)
    assert hook.authorization
    assert row.secret_hash == hooks.secret_hash(hook.authorization)
    audited = desk.audit_entries(north, "north", limit=200)
    secret = hook.authorization.removeprefix("Bearer ")
    assert "webhook:add:done" in {one["tag"] for one in audited}
    for said in (found, audited, hooking.listed(north, "north")):
        assert secret not in str(said)
        assert secret[-12:] not in str(said)


def test_a_second_sync_changes_nothing_and_needs_no_address(north: App, box: RunningSandbox) -> None:
    synced(north)
    before = [(hook.id, hook.url, hook.authorization, hook.updated_at, set(hook.triggers)) for hook in there(box)]
    box.log.clear()
    again = hooking.sync(north, "north")
    assert (again["steps"], again["changed"], again["url"]) == ([], False, DOOR)
    assert before == [
        (hook.id, hook.url, hook.authorization, hook.updated_at, set(hook.triggers)) for hook in there(box)
    ]
    assert [one.method for one in box.log.exchanges(writes=True)] == []


def test_requisitions_are_not_offered_so_their_flow_stays_on_polling(north: App, box: RunningSandbox) -> None:
    found = {one["flow"]: one for one in synced(north)["flows"]}
    assert found["subcontractor_invoices"]["by"] == "polling"
    assert "does not offer Requisitions" in found["subcontractor_invoices"]["why"]
    assert "no webhooks" in found["payments"]["why"]
    box.in_loop(lambda: setattr(box.procore.switches, "requisition_webhooks", True))
    later = synced(north)
    assert by(later)["subcontractor_invoices"] == "webhook"
    assert whats(later) == ["triggers"]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(north: App, box: RunningSandbox) -> None:
    assert whats(synced(north, dry=True)) == ["create", "triggers"]
    assert there(box) == []
    assert hooking.listed(north, "north")["hooks"] == []
    synced(north)
    (before,) = [(hook.url, hook.authorization) for hook in there(box)]
    alter(box, active=False)
    assert whats(synced(north, dry=True, rotate=True)) == ["rotate"]
    assert [(hook.url, hook.authorization, hook.active) for hook in there(box)] == [(*before, False)]


@pytest.mark.parametrize("change", [{"active": False}, {"version": "v2.0"}])
def test_a_hook_switched_off_or_of_another_version_is_mended_in_place(
    north: App, box: RunningSandbox, change: dict[str, Any]
) -> None:
    synced(north)
    (secret,) = [hook.authorization for hook in there(box)]
    alter(box, **change)
    assert whats(synced(north)) == ["change"]
    (hook,) = there(box)
    assert (hook.active, hook.version, hook.authorization) == (True, "v3.0", secret)


@pytest.mark.parametrize(
    "change",
    [{"authorization": "Bearer of-somebody-else"}, {"authorization": None}, {"url": "http://127.0.0.1:9/else"}],
)
def test_a_header_or_address_that_is_not_ours_is_replaced_by_fresh_ones(
    north: App, box: RunningSandbox, change: dict[str, Any]
) -> None:
    synced(north)
    (old,) = [(hook.id, hook.url, hook.authorization) for hook in there(box)]
    alter(box, **change)
    assert whats(synced(north)) == ["rotate"]
    (hook,) = there(box)
    assert hook.id == old[0]
    assert hook.url not in (old[1], change.get("url"))
    assert hook.authorization not in (old[2], change.get("authorization"), None)
    with north.db.begin() as conn:
        (row,) = hooks.of_connection(conn, north.connection("north").id)
    assert (row.url, row.secret_hash) == (hook.url, hooks.secret_hash(hook.authorization or ""))
    assert whats(synced(north)) == []


def test_rotating_gives_a_new_address_and_secret_to_the_same_hook(north: App, box: RunningSandbox) -> None:
    synced(north)
    (old,) = [(hook.id, hook.url, hook.authorization) for hook in there(box)]
    assert whats(synced(north, rotate=True)) == ["rotate"]
    (hook,) = there(box)
    assert hook.id == old[0]
    assert hook.url != old[1]
    assert hook.authorization != old[2]
    assert len(hooking.listed(north, "north")["hooks"]) == 1


def test_triggers_that_are_too_many_go_and_missing_ones_come_back(north: App, box: RunningSandbox) -> None:
    synced(north)

    def spoil() -> None:
        (hook,) = there(box)
        hook.triggers.pop(next(iter(hook.triggers)))
        (stranger,) = [Trigger(999_999, {}, *box.procore._state.birth())]
        stranger.resource, stranger.event = "Draw Requests", "create"
        hook.triggers[stranger.id] = stranger

    box.in_loop(spoil)
    (step,) = synced(north)["steps"]
    assert "1 trigger added, 1 trigger removed" in step["sentence"]
    assert synced(north)["steps"] == []


def test_hooks_of_others_are_never_touched(north: App, box: RunningSandbox) -> None:
    def add() -> None:
        for space, url in (("procore", "http://a/1"), ("ml-connector", f"{DOOR}/webhooks/procore/south/slug")):
            hook = Hook(box.procore._state.new_id(), {}, *box.procore._state.birth())
            hook.namespace, hook.url, hook.version = space, url, "v2.0"
            box.procore.webhooks.hooks[hook.id] = hook

    box.in_loop(add)
    theirs = [(hook.id, hook.url, hook.version) for hook in there(box)]
    found = synced(north)
    assert any("not ours and left alone" in note for note in found["notes"])
    hooking.remove(north, "north")
    assert [(hook.id, hook.url, hook.version) for hook in there(box)] == theirs


def test_a_hook_left_over_at_our_address_is_taken_in_and_a_second_one_goes(north: App, box: RunningSandbox) -> None:
    synced(north)
    with north.db.begin() as conn:  # as after a restore of an older database
        number = north.connection("north").id
        for row in hooks.of_connection(conn, number):
            hooks.remove(conn, number, row.slug)

    def double() -> None:
        hook = Hook(box.procore._state.new_id(), {}, *box.procore._state.birth())
        hook.namespace, hook.url = "ml-connector", f"{DOOR}/webhooks/procore/north/older"
        box.procore.webhooks.hooks[hook.id] = hook

    box.in_loop(double)
    assert sorted(whats(synced(north))) == ["remove", "rotate"]
    assert len(there(box)) == len(hooking.listed(north, "north")["hooks"]) == 1
    assert synced(north)["steps"] == []


def test_a_lost_answer_makes_no_second_hook(north: App, box: RunningSandbox) -> None:
    box.faults.add(FaultRule("drop_after", side="procore", method="POST", path="/webhooks/hooks$"))
    synced(north)
    assert len(there(box)) == 1
    assert synced(north)["steps"] == []
    hooking.remove(north, "north")
    box.faults.add(FaultRule("drop_before", side="procore", method="POST", path="/webhooks/hooks$"))
    with pytest.raises(OutcomeUnknown):
        synced(north)
    assert whats(synced(north)) == ["create", "triggers"]
    assert len(there(box)) == len(hooking.listed(north, "north")["hooks"]) == 1


def test_one_hook_a_project_where_the_file_says_so_and_back(north: App, box: RunningSandbox) -> None:
    synced(north)
    north.edit_connection("north", {"webhooks": {"scope": "projects"}})
    assert any("No project is linked yet" in note for note in synced(north)["notes"])
    north.run("north", ("projects",), Errand())
    found = synced(north)
    of_project = [hook for hook in there(box) if hook.project_id]
    (of_company,) = [hook for hook in there(box) if not hook.project_id]
    assert len(of_project) >= 3
    assert {one.resource for one in of_company.triggers.values()} == {"Company Vendors", "Projects"} | (
        {"Company Direct Cost Line Items"} & {one.resource for one in of_company.triggers.values()}
    )
    assert "Direct Costs" in {one.resource for one in of_project[0].triggers.values()}
    assert by(found)["direct_costs"] == "webhook"
    assert synced(north)["steps"] == []
    north.edit_connection("north", {"webhooks": {"scope": "company"}})
    synced(north)
    assert [hook.project_id for hook in there(box)] == [None]
    assert synced(north)["steps"] == []


def test_the_older_endpoints_do_the_same(north: App, box: RunningSandbox) -> None:
    north.edit_connection("north", {"webhooks": {"api": "v1.0", "payload_version": "v4.0"}})
    found = synced(north)
    assert found["payload_version"] == "v4.0"
    assert by(found)["direct_costs"] == "webhook"
    assert synced(north)["steps"] == []
    (hook,) = there(box)
    assert hook.version == "v4.0"
    hooking.remove(north, "north")
    assert there(box) == []


def test_removing_leaves_nothing_on_either_side(north: App, box: RunningSandbox) -> None:
    synced(north)
    hooking.open_for_ifs(north, "north")
    found = hooking.remove(north, "north")
    assert whats(found) == ["remove", "remove"]
    assert there(box) == []
    assert hooking.listed(north, "north") == {"connection": "north", "hooks": [], "flows": []}
    assert hooking.remove(north, "north")["steps"] == []


def test_without_an_address_nobody_can_be_told_where_to_call(north: App, box: RunningSandbox) -> None:
    with pytest.raises(BadInput, match="Nobody has said"):
        hooking.sync(north, "north")
    with pytest.raises(BadInput, match="https"):
        synced(north, url="http://hooks.example.com")
    north.edit_connection("north", {"webhooks": {"url": "https://hooks.example.com"}})
    assert hooking.sync(north, "north")["url"] == "https://hooks.example.com"


def test_a_missing_right_is_said_with_its_remedy(north: App, box: RunningSandbox) -> None:
    box.in_loop(lambda: setattr(box.procore.switches, "permissions", {"webhooks": "none"}))
    with pytest.raises(RightMissing) as caught:
        synced(north)
    assert "Webhooks API" in caught.value.remedy
    assert hooking.listed(north, "north")["hooks"] == []


def test_the_door_for_ifs_is_made_once_and_its_header_told_once(north: App, box: RunningSandbox) -> None:
    made = hooking.open_for_ifs(north, "north", DOOR)
    assert made["url"].startswith(f"{DOOR}/webhooks/ifs/north/")
    with north.db.begin() as conn:
        (row,) = hooks.of_connection(conn, north.connection("north").id)
    assert (row.source, row.secret_hash) == ("ifs", hooks.secret_hash(made["authorization"]))
    assert hooking.open_for_ifs(north, "north") == {**made, "authorization": None, "made": False}
    other = hooking.open_for_ifs(north, "north", rotate=True)
    assert other["made"]
    assert other["url"] != made["url"]
    assert len(hooking.listed(north, "north")["hooks"]) == 1
    assert synced(north)["steps"], "the hook for IFS is none of Procore's business"
    assert len(hooking.listed(north, "north")["hooks"]) == 2
