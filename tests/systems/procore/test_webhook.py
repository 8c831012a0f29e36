"""Hooks, triggers, resources and deliveries of a company on a socket, by the endpoints of v2.0 and of v1.0."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from ml_connector.kernel.errors import RightMissing
from ml_connector.systems.procore.webhook import Api, Fate, Hook, Hooks, HooksV2, Trigger, Wish
from ml_connector.systems.procore.webhook_v1 import HooksV1, offered_or_none, open_hooks
from ml_connector.systems.wire import WireReply, WireRequest

from .till import Till

SPACE = "ml-connector"
SECRET = "Bearer a-long-secret-that-ends-in-q7xz2"
DAY = date(2026, 1, 1)


def wish(url: str = "http://127.0.0.1:9/one", version: str = "v3.0", authorization: str | None = SECRET) -> Wish:
    return Wish(url, version, SPACE, authorization)


@pytest.fixture(params=list(Api), ids=lambda api: api.value)
def open_in(till: Till, request: pytest.FixtureRequest) -> Callable[[str], Hooks]:
    """Opens the hooks of the company or a project, by each version of the endpoints."""
    return lambda project: open_hooks(till.system.client, SPACE, request.param, project)


@pytest.mark.parametrize("level", ["company", "project"])
def test_a_hook_is_made_changed_and_deleted(till: Till, open_in: Callable[[str], Hooks], level: str) -> None:
    hooks = open_in(till.project if level == "project" else "")
    made = hooks.create(wish())
    assert hooks.hooks() == [made]
    assert made == Hook(made.id, "http://127.0.0.1:9/one", "v3.0", SPACE, True, "q7xz2")
    changed = hooks.change(made.id, wish("http://127.0.0.1:9/two", "v4.0", None))
    assert (changed.url, changed.version, changed.shown) == ("http://127.0.0.1:9/two", "v4.0", "q7xz2")
    assert hooks.change(made.id, wish(authorization="Bearer another-12345")).shown == "12345"
    hooks.delete(made.id)
    hooks.delete(made.id)
    assert hooks.hooks() == []


def test_hooks_of_another_namespace_are_not_shown(till: Till, open_in: Callable[[str], Hooks]) -> None:
    hooks = open_in("")
    hooks.create(Wish("http://127.0.0.1:9/theirs", "v2.0", "procore", None))
    mine = hooks.create(wish())
    assert [hook.id for hook in hooks.hooks()] == [mine.id]


def test_triggers_go_in_bulk_and_what_is_not_offered_is_left_out(till: Till, open_in: Callable[[str], Hooks]) -> None:
    hooks = open_in("")
    hook = hooks.create(wish()).id
    asked = [Trigger("Direct Costs", "create"), Trigger("Direct Costs", "update"), Trigger("Requisitions", "update")]
    made = hooks.add(hook, "v3.0", asked)
    assert [(one.resource, one.action) for one in made] == [("Direct Costs", "create"), ("Direct Costs", "update")]
    assert hooks.triggers(hook) == made
    assert len(till.asked("triggers/bulk")) == 1
    hooks.drop(hook, made[:1])
    assert hooks.triggers(hook) == made[1:]


def test_many_triggers_are_read_over_all_pages(till: Till) -> None:
    hooks = HooksV2(till.open(page_size=3).client, SPACE)
    hook = hooks.create(wish()).id
    offered = hooks.offered("v3.0")
    asked = [Trigger(name, action) for name, actions in offered.items() for action in sorted(actions)]
    hooks.add(hook, "v3.0", asked)
    assert len(hooks.triggers(hook)) == len(asked) > 60
    assert len(till.asked(f"hooks/{hook}/triggers?")) > 20


def test_what_is_offered_is_told_by_resource(till: Till, open_in: Callable[[str], Hooks]) -> None:
    company, project = open_in("").offered("v3.0"), open_in(till.project).offered("v3.0")
    assert company["Company Vendors"] == {"create", "update"}
    assert "Company Vendors" not in project
    assert project["Direct Costs"] == {"create", "update", "delete"}
    assert "Requisitions" not in company
    till.switch(requisition_webhooks=True)
    assert "Requisitions" in open_in("").offered("v3.0")


def test_a_payload_version_nobody_knows_offers_nothing(till: Till) -> None:
    assert offered_or_none(HooksV2(till.system.client, SPACE), "v9.0") == {}


def test_lost_deliveries_are_found_apart_from_the_others(till: Till, open_in: Callable[[str], Hooks]) -> None:
    hooks = open_in("")
    hook = hooks.create(wish()).id
    hooks.add(hook, "v3.0", [Trigger("Company Vendors", "create")])
    till.fault("webhook_lost", resource="Company Vendors", nth=2)
    for name in ("Ash Forge", "Birch Steel"):
        till.act("add_vendor", name=name)
    every = hooks.deliveries(hook, DAY, every=True)
    lost = hooks.deliveries(hook, DAY, every=False)
    assert [one.fate for one in lost] == [Fate.LOST]
    assert lost[0].body in {one.body for one in every}
    assert hooks.deliveries(hook, date(2090, 1, 1), every=True) == []


def test_the_older_endpoints_are_used_where_the_newer_are_not_there(till: Till) -> None:
    assert isinstance(open_hooks(till.system.client, SPACE), HooksV2)

    def absent(request: WireRequest) -> WireReply | None:
        return (
            WireReply(404, {}, b'{"error": {"code": "NOT_FOUND", "message": "x"}}')
            if "/rest/v2.0" in request.url
            else None
        )

    till.answer, till.checking = absent, False
    assert isinstance(open_hooks(till.system.client, SPACE), HooksV1)


def test_a_missing_right_is_told_as_one(till: Till) -> None:
    till.switch(permissions={"webhooks": "none"})
    with pytest.raises(RightMissing, match="the webhooks") as caught:
        open_hooks(till.system.client, SPACE)
    assert "Webhooks API" in caught.value.remedy
