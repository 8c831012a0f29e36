"""Webhooks: what is told to whom, the three payloads, pause, back-off and discard on the sandbox clock, and sending."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from ml_connector.sandbox.dispatching import deliver
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.procore.webhooks import Delivery, Heard
from sandbox.receiver import Receiver, receiving

from .company import CLIENT, COMPANY, Caller

BASE = f"/rest/v2.0/companies/{COMPANY}/webhooks"
OK, BROKEN, SILENT = Heard(200), Heard(500, "no"), Heard(None, error="no answer within the time")


class Office:
    """A company with one hook for vendors, and ways to make vendors and to look at the queue."""

    def __init__(
        self, version: str = "v2.0", switches: ProcoreSwitches | None = None, url: str = "http://me/h"
    ) -> None:
        self.caller = Caller(switches)
        self.queue = self.caller.face.webhooks
        self.hook = self.add_hook(version, url)
        self.trigger("Company Vendors", "create")
        self.trigger("Company Vendors", "update")

    def add_hook(self, version: str, url: str, base: str = BASE) -> str:
        body = {"payload_version": version, "namespace": "ml", "destination_url": url}
        said = self.caller("POST", f"{base}/hooks", body | {"destination_headers": {"Authorization": "Bearer s3cret"}})
        assert said.status == 201, said.body
        return str(said.body["data"]["id"])

    def trigger(self, resource: str, event: str, hook: str | None = None, base: str = BASE) -> int:
        body = {"resource_name": resource, "event_type": event}
        return self.caller("POST", f"{base}/hooks/{hook or self.hook}/triggers", body).status

    def vendor(self, name: str) -> int:
        body = {"company_id": COMPANY, "vendor": {"name": name}}
        return int(self.caller("POST", "/rest/v1.0/vendors", body).body["id"])

    def due(self) -> list[Delivery]:
        return self.queue.due(self.caller.clock())

    def settle(self, heard: Heard) -> Delivery:
        """Sends the one thing that is due, with that result."""
        (delivery,) = self.due()
        self.queue.settle(delivery, heard, self.caller.clock())
        return delivery

    def drain(self) -> list[Any]:
        """Everything that is due, received."""
        found = []
        while due := self.due():
            for delivery in due:
                self.queue.settle(delivery, OK, self.caller.clock())
                found.append(json.loads(delivery.body))
        return found

    def statuses(self) -> list[str]:
        rows = self.caller("GET", f"{BASE}/hooks/{self.hook}/deliveries?sort=id&per_page=100").body["data"]
        return [row["status"] for row in rows]


def test_our_own_writes_carry_our_application_and_peoples_do_not() -> None:
    office = Office()
    office.caller.headers["idempotency-token"] = "op-1"
    made = office.vendor("Ours")
    office.caller.face.acts["rename_vendor"]({"name": "Ours", "to": "Theirs"})
    ours, theirs = office.drain()
    assert (ours["resource_id"], ours["event_type"], ours["api_version"]) == (made, "create", "v2.0")
    assert ours["metadata"]["source_application_id"] == CLIENT["client_id"]
    assert ours["metadata"]["source_operation_id"] == "op-1"
    me = office.caller("GET", f"/rest/v1.0/me?company_id={COMPANY}").body["id"]
    assert ours["user_id"] == ours["metadata"]["source_user_id"] == me
    assert (theirs["event_type"], theirs["user_id"]) == ("update", theirs["metadata"]["source_user_id"])
    assert theirs["user_id"] not in (None, me), "the project manager is a user too"
    assert theirs["metadata"]["source_application_id"] is None
    assert len(ours["ulid"]) == 26
    assert ours["ulid"] < theirs["ulid"]


def test_versions_differ_in_ids_metadata_and_relations() -> None:
    office = Office("v4.0")
    base = f"/rest/v2.0/companies/{COMPANY}/projects/{office.caller.p1}/webhooks"
    third = office.add_hook("v3", "http://me/three", base)
    assert office.trigger("Purchase Order Contract Line Items", "create", third, base) == 201
    vendor, order = office.vendor("Four"), office.caller.order()
    row = {"project_id": office.caller.p1, "line_item": {"amount": "1"}}
    line = office.caller("POST", f"/rest/v1.0/purchase_order_contracts/{order}/line_items", row).body["id"]
    four, three = sorted(office.drain(), key=lambda said: "reason" not in said)
    assert (four["resource_id"], four["reason"], four["company_id"]) == (str(vendor), "create", str(COMPANY))
    assert "metadata" not in four
    assert (three["resource_id"], three["api_version"], three["project_id"]) == (line, "v3.0", office.caller.p1)
    assert three["related_resources"] == [{"id": order, "name": "Purchase Order Contracts"}]


def test_a_project_hook_hears_its_project_only() -> None:
    office = Office()
    base = f"/rest/v2.0/companies/{COMPANY}/projects/{office.caller.p2}/webhooks"
    hook = office.add_hook("v2.0", "http://me/p2", base)
    assert office.trigger("Company Vendors", "create", hook, base) == 400
    office.trigger("Cost Codes", "create", hook, base)
    for number in ("24-001", "24-002"):
        office.caller.face.acts["add_cost_code"]({"number": number, "code": "77", "name": "n"})
    assert [said["project_id"] for said in office.drain()] == [office.caller.p2]


def test_requisitions_are_not_offered_unless_switched_on() -> None:
    office = Office()
    assert office.trigger("Requisitions", "create") == 400
    names = office.caller("GET", f"{BASE}/resources?payload_version=v2.0&per_page=100").body["data"]
    assert "Requisitions" not in {row["name"] for row in names}
    office.caller.face.switches.requisition_webhooks = True
    assert office.trigger("Requisitions", "create") == 201
    order = office.caller.order(accounting_method="amount")
    made = office.caller.face.acts["add_requisition"]({"order_id": order})
    assert [said["resource_id"] for said in office.drain()] == [made["id"]]


def test_what_is_offered_is_what_was_observed() -> None:
    """facts/procore.md 13.4, row by row; requisitions, billing periods, WBS items and tax codes are not."""
    office = Office()
    three, two = ["create", "update", "delete"], ["create", "update"]
    company = {
        "Company Vendors": two, "Projects": two, "Standard Cost Codes": three, "Line Item Types": three,
        "Standard Cost Code Lists": ["create"], "Company Direct Cost Line Items": three, "ERP Requests": three,
    }  # fmt: skip
    lists = ("Cost Codes", "Sub Jobs", "Purchase Order Contracts", "Purchase Order Contract Line Items",
             "Work Order Contracts", "Work Order Contract Line Items", "Change Order Packages", "Change Order Requests",
             "Potential Change Orders", "Potential Change Order Line Items", "Direct Costs", "Direct Cost Line Items",
             "Contract Payments", "Payment Applications", "Budget Line Items", "Budget Changes", "Budget Modifications",
             "Prime Contracts", "Prime Contract Line Items", "Draw Requests")  # fmt: skip
    project = dict.fromkeys(lists, three) | {"Project Vendors": ["create", "delete"]}
    of_project = f"/rest/v2.0/companies/{COMPANY}/projects/{office.caller.p1}/webhooks"
    for base, wanted in ((BASE, company | project), (of_project, project)):
        rows = office.caller("GET", f"{base}/resources?payload_version=v3.0&per_page=100").body["data"]
        assert {row["name"]: row["actions"] for row in rows} == wanted


def test_an_invoice_is_told_when_it_its_items_or_its_packages_change() -> None:
    office = Office(switches=ProcoreSwitches(requisition_webhooks=True))
    for event in ("create", "update", "delete"):
        office.trigger("Requisitions", event)
    act, p = office.caller.face.acts, office.caller.p1
    order = office.caller.order(accounting_method="amount")
    line = {"code": "03-310", "type": "M", "amount": "5"}
    change = act["add_change_order"]({"order_id": order, "title": "t", "status": "pending", "lines": [line]})
    made = act["add_requisition"]({"order_id": order})["id"]
    act["set_change_order_status"]({"id": change["id"], "status": "approved"})
    at = f"/rest/v1.0/requisitions/{made}"
    query = f"project_id={p}&commitment_id={order}&change_order_package_id={change['package_id']}"
    added = office.caller("POST", f"{at}/add_change_order_package?{query}").body[0]
    row = {"id": added["id"], "item_type": "change_order_item", "comment": "not yet"}
    body = {"requisition_items": [row]}
    assert office.caller("PATCH", f"{at}/bulk_item_update?project_id={p}", body).status == 200
    assert office.caller("DELETE", f"{at}/remove_change_order_package?{query}").status == 200
    due = f"/rest/v2.0/companies/{COMPANY}/projects/{p}/requisitions/{made}/payment_details"
    assert office.caller("PATCH", due, {"due_date": "2026-05-01"}).status == 200
    act["approve_requisition"]({"id": made})
    act["delete_requisition"]({"id": made})
    assert [said["event_type"] for said in office.drain()] == ["create", *["update"] * 5, "delete"]


def test_a_receiver_has_five_seconds_unless_switched() -> None:
    office = Office()
    assert office.queue.timeout == 5.0
    office.caller.face.switches.webhook_timeout = 0.5
    assert office.queue.timeout == 0.5


def test_hooks_of_v10_speak_in_their_own_way() -> None:
    caller = Caller()
    base, own, at = "/rest/v1.0/webhooks", {"company_id": COMPANY}, f"company_id={COMPANY}"
    headers = {"Authorization": "s3cretkey"}
    hook = {"api_version": "v3", "destination_url": "http://me/h", "destination_headers": headers}
    made = caller("POST", f"{base}/hooks", own | {"hook": hook}).body
    assert (made["api_version"], made["namespace"], made["destination_headers"]) == (
        "v3.0", "procore", {"Authorization": "****etkey"},
    )  # fmt: skip
    at_hook = f"{base}/hooks/{made['id']}"
    trigger = own | {"api_version": "v3", "trigger": {"resource_name": "Cost Codes", "event_type": "create"}}
    assert caller("POST", f"{at_hook}/triggers", trigger).body["event_type"] == "CREATE"
    assert caller("POST", f"{at_hook}/triggers", trigger).status == 400, "once is enough"
    rows = [{"resource_name": "Cost Codes", "event_type": event} for event in ("update", "delete")]
    many = own | {"api_version": "v3", "triggers": rows}
    assert caller("POST", f"{at_hook}/triggers/bulk", many).status == 200
    assert caller("POST", f"{at_hook}/triggers/bulk", many).status == 207
    assert caller("POST", f"{at_hook}/triggers/bulk", many | {"triggers": rows * 251}).status == 413
    ids = [row["id"] for row in caller("GET", f"{at_hook}/triggers?{at}").body]
    assert caller("DELETE", f"{at_hook}/triggers/bulk", own | {"triggers": ids}).body == {"success": ids}
    assert caller("GET", f"{at_hook}/triggers?project_id={caller.p1}").status == 404, "it is the company's"
    lists = [caller("GET", f"{base}/hooks?{scope}").body for scope in (at, f"project_id={caller.p1}")]
    assert [[row["id"] for row in rows] for rows in lists] == [[made["id"]], []]
    assert caller("DELETE", f"{at_hook}?{at}").status == 200
    assert caller("GET", f"{base}/hooks?{at}").body == []
    assert caller("GET", f"{base}/resources/api_versions?{at}").body == ["v4.0", "v3.0", "v2.0"]


def test_deliveries_are_found_by_outcome_in_both_versions() -> None:
    office = Office()
    office.vendor("A")
    office.vendor("B")
    office.settle(OK)
    office.settle(BROKEN)

    def ids(status: str) -> list[int]:
        rows = office.caller("GET", f"{BASE}/hooks/{office.hook}/deliveries?filter[status]={status}").body["data"]
        return [row["payload"]["id"] for row in rows]

    office.caller.clock.advance(timedelta(seconds=1))
    office.settle(SILENT)
    rows = office.caller("GET", f"{BASE}/hooks/{office.hook}/deliveries?filter[status]=retrying").body["data"]
    attempts = [(one["id"], one["response_status"], one["response_body"]) for one in rows[0]["delivery_attempts"]]
    assert attempts == [("1", 500, "no"), ("2", None, "no answer within the time")]
    v10 = f"/rest/v1.0/webhooks/hooks/{office.hook}/deliveries?company_id={COMPANY}"
    for name in ("filters[status]", "filter[status]"):
        heard = {
            status: [row["event_id"] for row in office.caller("GET", f"{v10}&{name}={status}").body]
            for status in ("any", "successful", "failing", "discarded")
        }
        assert heard == {"any": [1, 2], "successful": [1], "failing": [2], "discarded": []}
    assert {status: ids(status) for status in ("succeeded", "retrying", "enqueued")} == {
        "succeeded": [1], "retrying": [2], "enqueued": [],
    }  # fmt: skip


def test_a_record_is_told_once_a_call_and_not_when_it_came_to_nothing() -> None:
    office = Office(switches=ProcoreSwitches(requisition_webhooks=True))
    for event in ("create", "delete"):
        office.trigger("Requisitions", event)
    rows = [{"origin_id": "10^1", "name": name} for name in ("A", "B", "C")]
    office.caller("PATCH", "/rest/v1.0/vendors/sync", {"company_id": COMPANY, "updates": rows})
    office.caller("PATCH", "/rest/v1.0/vendors/sync", {"company_id": COMPANY, "updates": rows})
    assert [said["event_type"] for said in office.drain()] == ["create", "update"]
    order = office.caller.order(accounting_method="amount")
    with pytest.raises(ValueError, match="no such item"):
        office.caller.face.acts["add_requisition"]({"order_id": order, "items": [{"position": 9, "work": "1"}]})
    assert office.drain() == []


def test_every_kind_of_write_is_told_once() -> None:
    office = Office()
    wanted = (
        "Purchase Order Contracts",
        "Direct Costs",
        "Contract Payments",
        "Change Order Packages",
        "Budget Changes",
    )
    for resource in wanted:
        office.trigger(resource, "create")
    order, act = office.caller.order(), office.caller.face.acts
    line = {"code": "03-310", "type": "M", "amount": "5"}
    act["enter_direct_cost"]({"project_id": "P1", "vendor": "Bolt", "invoice_number": "1", "lines": [line]})
    act["enter_payment"]({"order_id": order, "amount": "1"})
    act["add_change_order"]({"order_id": order, "title": "t", "lines": [line]})
    act["change_budget"]({"project_id": "P1", "lines": [line]})
    assert sorted(said["resource_name"] for said in office.drain()) == sorted(wanted)


def test_a_failure_pauses_the_whole_queue_and_the_pause_doubles() -> None:
    office = Office()
    office.vendor("A")
    office.vendor("B")
    assert office.settle(BROKEN).status == "retrying"
    pauses = []
    for _ in range(14):
        started = office.caller.clock()
        while not (due := office.due()):
            office.caller.clock.advance(timedelta(seconds=1))
        pauses.append(round((office.caller.clock() - started).total_seconds()))
        office.queue.settle(due[0], SILENT, office.caller.clock())
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]
    office.caller.clock.advance(timedelta(hours=1))
    assert office.settle(OK).status == "delivered"
    assert office.settle(BROKEN).status == "retrying"
    office.caller.clock.advance(timedelta(seconds=1))
    assert [json.loads(d.body)["event_type"] for d in office.due()] == ["create"]


def test_after_twelve_hours_what_waits_is_discarded_and_new_events_go_out() -> None:
    office = Office()
    office.vendor("A")
    office.vendor("B")
    office.settle(SILENT)
    office.caller.clock.advance(timedelta(hours=11, minutes=59))
    office.settle(SILENT)
    office.caller.clock.advance(timedelta(minutes=1))
    assert office.due() == []
    office.caller.sign_in()
    assert office.statuses() == ["discarded", "discarded"]
    office.vendor("C")
    assert office.settle(OK).status == "delivered"
    v10 = f"/rest/v1.0/webhooks/hooks/{office.hook}/deliveries?company_id={COMPANY}"
    rows = office.caller("GET", f"{v10}&page_size=2").body
    assert [(r["event_id"], r["outcome"]) for r in rows] == [(1, "discarded"), (2, "discarded")]
    assert [r["outcome"] for r in office.caller("GET", f"{v10}&page_start=2").body] == ["ok"]


def test_endpoints_fail_on_their_own_and_one_thing_at_a_time_is_sent() -> None:
    office = Office()
    other = office.add_hook("v2.0", "http://me/other")
    office.trigger("Company Vendors", "create", other)
    office.vendor("A")
    office.vendor("B")
    first = office.due()
    assert (len(first), office.due()) == (2, [])
    office.queue.settle(first[0], BROKEN, office.caller.clock())
    office.queue.settle(first[1], OK, office.caller.clock())
    assert [d.url for d in office.due()] == ["http://me/other"]


def test_a_late_webhook_is_passed_by_one_and_waits_for_it_through_failures() -> None:
    office = Office()
    office.caller.face.faults.add(FaultRule("webhook_late", times=1))
    ids = [office.vendor(name) for name in "ABC"]
    assert json.loads(office.settle(BROKEN).body)["resource_id"] == ids[1]
    office.caller.clock.advance(timedelta(seconds=3))
    assert [row["resource_id"] for row in office.drain()] == [ids[1], ids[0], ids[2]]


def test_late_webhooks_go_in_order_when_nothing_passes_them() -> None:
    office = Office()
    office.caller.face.faults.add(FaultRule("webhook_late", times=1), FaultRule("webhook_late:60000", times=0))
    ids = [office.vendor(name) for name in "AB"]
    found = []
    for seconds in (1, 1.1, 55, 5):
        office.caller.clock.advance(timedelta(seconds=seconds))
        found.append([row["resource_id"] for row in office.drain()])
    assert found == [[], [ids[0]], [], [ids[1]]]


def test_another_hook_of_the_same_address_does_not_pass_a_late_webhook_with_the_same_event() -> None:
    office = Office()
    other = office.add_hook("v4.0", "http://me/h")
    office.trigger("Company Vendors", "create", other)
    office.caller.face.faults.add(FaultRule("webhook_late", times=1))
    office.vendor("A")
    assert ["reason" in said for said in office.drain()] == [True]
    office.vendor("B")
    assert [said.get("reason", said["id"]) for said in office.drain()] == [2, 1, "create"]


def test_a_rule_for_webhooks_looks_at_address_resource_and_event() -> None:
    office = Office()
    other = office.add_hook("v2.0", "http://me/other")
    for resource, event in (("Company Vendors", "create"), ("Company Vendors", "update"), ("Cost Codes", "create")):
        office.trigger(resource, event, other)
    rule = FaultRule("webhook_lost", path="other", resource="^Company Vendors$", event="CREATE", times=0)
    office.caller.face.faults.add(rule)
    office.vendor("A")
    office.caller.face.acts["add_cost_code"]({"number": "24-001", "code": "77", "name": "n"})
    office.caller.face.acts["rename_vendor"]({"name": "A", "to": "B"})
    told = [(said["resource_name"], said["event_type"]) for said in office.drain()]
    vendors = "Company Vendors"
    assert told == [(vendors, "create"), ("Cost Codes", "create"), (vendors, "update"), (vendors, "update")]
    assert (rule.seen, rule.struck) == (1, 1)


def test_hooks_are_masked_disabled_and_checked() -> None:
    office = Office()
    shown = office.caller("GET", f"{BASE}/hooks/{office.hook}").body["data"]
    assert shown["destination_headers"] == {"Authorization": "********3cret"}
    triggers = office.caller("GET", f"{BASE}/hooks/{office.hook}/triggers").body["data"]
    assert [row["event_type"] for row in triggers] == ["CREATED", "UPDATED"]
    assert (shown["trigger_count"], shown["project_id"], shown["company_id"]) == (2, None, str(COMPANY))
    office.vendor("A")
    assert office.caller("PATCH", f"{BASE}/hooks/{office.hook}", {"status": "disabled"}).status == 200
    office.vendor("B")
    assert (office.due(), office.statuses()) == ([], ["discarded"])
    assert office.caller("GET", f"{BASE}/hooks").status == 400
    bad = {"payload_version": "v2.0", "namespace": "Ml_1", "destination_url": "http://me"}
    assert office.caller("POST", f"{BASE}/hooks", bad).status == 400
    assert office.caller("POST", f"{BASE}/hooks", bad | {"namespace": "ml", "payload_version": "v9"}).status == 400
    rows = [
        {"resource_name": "Projects", "event_type": "create"},
        {"resource_name": "Projects", "event_type": "delete"},
    ]
    assert office.caller("POST", f"{BASE}/hooks/{office.hook}/triggers/bulk", rows).status == 207
    office.caller.face.switches.permissions["webhooks"] = "read"
    assert office.caller("DELETE", f"{BASE}/hooks/{office.hook}").status == 403


def test_a_hook_can_be_disabled_by_its_failures() -> None:
    office = Office(switches=ProcoreSwitches(webhook_disable_after=2))
    office.vendor("A")
    office.settle(BROKEN)
    office.caller.clock.advance(timedelta(seconds=1))
    office.settle(BROKEN)
    assert office.caller("GET", f"{BASE}/hooks/{office.hook}").body["data"]["status"] == "disabled"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as listening:
        yield listening


def _run(office: Office, until: str) -> None:
    """Runs the sender until the last delivery has that status."""

    async def main() -> None:
        sending = asyncio.create_task(deliver(lambda: office.caller.face.webhooks, office.caller.clock))
        for _ in range(400):
            await asyncio.sleep(0.005)
            if office.statuses()[-1] == until:
                break
        sending.cancel()

    asyncio.run(main())


def test_the_sender_posts_what_is_due_in_order(receiver: Receiver) -> None:
    office = Office(url=receiver.url)
    ids = [office.vendor(name) for name in "ABC"]
    _run(office, "delivered")
    assert [(header, said["resource_id"]) for header, said in receiver.heard] == [("Bearer s3cret", i) for i in ids]
    attempt = office.caller("GET", f"{BASE}/hooks/{office.hook}/deliveries").body["data"][0]["delivery_attempts"][0]
    assert (attempt["success"], attempt["response_status"]) == (True, 204)


@pytest.mark.parametrize("how", ["silent", "dribbling"])
def test_a_slow_receiver_and_an_error_are_failures(receiver: Receiver, how: str) -> None:
    receiver.statuses = [500]
    office = Office(url=receiver.url)
    office.vendor("A")
    _run(office, "retrying")
    office.caller.face.switches.webhook_timeout = 0.05
    if how == "silent":
        receiver.wait = 0.15
    else:
        receiver.dribble = 0.03
    office.caller.clock.advance(timedelta(seconds=2))
    (delivery,) = next(iter(office.queue.hooks.values())).deliveries

    async def main() -> None:
        sending = asyncio.create_task(deliver(lambda: office.queue, office.caller.clock))
        while len(delivery.attempts) < 2 or delivery.attempts[1].completed_at is None:
            await asyncio.sleep(0.005)
        sending.cancel()

    asyncio.run(main())
    assert [attempt.status for attempt in delivery.attempts] == [500, None]
    assert delivery.attempts[1].error == "no answer within the time"
