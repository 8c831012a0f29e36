"""People act through the admin surface of the served sandbox, and what they did is seen through the systems' calls.

Both simulated systems stand behind real sockets here, and so does who receives their webhooks.
"""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from ml_connector.sandbox.cast import TROUBLES
from ml_connector.sandbox.running import RunningSandbox, SandboxFailed

from .receiver import Receiver, receiving
from .test_running import ask, sign_in

IFS = "/main/ifsapplications/projection/v1/"
INVOICES = "ManualSupplierInvoiceHandling.svc/ManSuppInvoiceSet"


class Town:
    """The served sandbox with both tokens at hand."""

    def __init__(self, running: RunningSandbox) -> None:
        self.running = running
        file = tomllib.loads(running.connection_text())
        self._erp, self._projects = file["erp"], file["projects"]
        self.company = self._projects["company_id"]
        self.sign_in()

    def sign_in(self) -> None:
        """Takes new tokens, at the start and after the clock was moved far."""
        path = f"/auth/realms/{self._erp['realm']}/protocol/openid-connect/token"
        own = self._erp, self._projects
        (erp, erp_secret), (projects, secret) = ((one["client_id"], one["client_secret"]) for one in own)
        self._erp_token = sign_in(self._erp["url"], path, erp, erp_secret)
        self._token = sign_in(self._projects["login_url"], "/oauth/token", projects, secret)

    def ifs(self, act: str, **given: Any) -> Any:
        return self.running.act("ifs", act, **given)

    def procore(self, act: str, **given: Any) -> Any:
        return self.running.act("procore", act, **given)

    def rows(self, url: str) -> list[dict[str, Any]]:
        """A collection of IFS."""
        path, _, query = url.partition("?")
        address = f"{IFS}{path}" + (f"?{quote(query, safe='=&$,')}" if query else "")
        status, said = ask(self._erp["url"], "GET", address, headers={"Authorization": f"Bearer {self._erp_token}"})
        assert status == 200, said
        found: Any = said["value"]
        return list(found)

    def call(self, method: str, target: str, body: Mapping[str, Any] | None = None) -> Any:
        """A call to Procore that must be answered 2xx."""
        headers = {"Authorization": f"Bearer {self._token}", "Procore-Company-Id": self.company}
        headers["content-type"] = "application/json"
        sent = None if body is None else json.dumps(body)
        status, said = ask(self._projects["url"], method, target, sent, headers)
        assert status < 300, said
        return said

    def order(self) -> str:
        """An open order in the company's currency that is none of the known troubles."""
        strange = {one.order_no for one in TROUBLES.values()}
        for one in self.running.sandbox.world.orders:
            if one.state == "Released" and one.currency == "USD" and one.order_no not in strange:
                return one.order_no
        raise AssertionError("no open order")


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with RunningSandbox(orders=24) as running:
        yield running


@pytest.fixture
def town(served: RunningSandbox) -> Town:
    served.reset()
    return Town(served)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as listening:
        yield listening


def test_goods_are_received_invoiced_approved_updated_and_paid(town: Town) -> None:
    order = town.order()
    assert town.ifs("receive_goods", order_no=order)["receipts"]
    number = town.ifs("register_invoice", order_no=order, invoice_no="A-1")["invoice_id"]
    assert town.ifs("post_invoice", invoice_id=number)["state"] == "Posted"
    assert town.ifs("authorise_invoice", invoice_id=number)["state"] == "PostedAuth"
    assert town.ifs("gl_update") == {"updated": 1, "errors": 0}
    (ledger,) = town.rows("GenLedVouchersAnalysis.svc/GenLedVoucherSet")
    (invoice,) = town.rows(f"{INVOICES}?$filter=InvoiceNo eq 'A-1'")
    assert (invoice["Objstate"], invoice["VoucherNoRef"]) == ("PostedAuth", ledger["VoucherNo"])
    due = town.running.clock().date() + timedelta(days=61)
    assert len(town.ifs("run_payment", date=due.isoformat())["payments"]) == 1
    (invoice,) = town.rows(f"{INVOICES}?$filter=InvoiceNo eq 'A-1'")
    items = town.rows(f"SupplierLedgerItemsAnalysis.svc/InvoiceLedgerItemSet?$filter=InvoiceId eq {number}")
    assert (invoice["Objstate"], {item["OpenAmount"] for item in items}) == ("PaidPosted", {0})
    lines = town.rows(f"PurchaseOrderLinesHandling.svc/PurchaseOrderLineSet?$filter=OrderNo eq '{order}'")
    assert {row["Objstate"] for row in lines} == {"Received"}


def test_a_closed_period_takes_no_voucher_until_it_is_open_again(town: Town) -> None:
    month = f"{town.running.clock():%Y-%m}"
    rows = [{"account": "2030", "debit": 5}, {"account": "2410", "credit": 5}]
    town.ifs("close_period", month=month)
    with pytest.raises(SandboxFailed, match="closed in the ledger"):
        town.ifs("enter_voucher", rows=rows)
    town.ifs("open_period", month=month)
    number = town.ifs("enter_voucher", rows=rows, status="AwaitingApproval")["voucher_no"]
    assert town.ifs("approve_voucher", voucher_no=number)["status"] == "Approved"
    (held,) = town.rows("VouchersAnalysis.svc/VoucherSet")
    assert (held["VoucherNo"], held["VoucherStatus"], held["Userid"]) == (number, "Approved", "CONTROLLER")


def test_a_buyer_amends_an_order_and_a_requisition_becomes_one(town: Town) -> None:
    order = town.order()
    assert town.ifs("amend_order", order_no=order, note="by phone")["revision"] == 2
    site = town.running.sandbox.world.sites[0]
    supplier = town.running.sandbox.world.suppliers[0].supplier_id
    line = {"description": "Rail", "quantity": 2, "price": "9.50", "supplier_id": supplier}
    made = town.ifs("create_requisition", site=site.site, lines=[line])["requisition_no"]
    town.ifs("release_requisition", requisition_no=made)
    (born,) = town.ifs("convert_requisition", requisition_no=made)["orders"]
    lines = town.rows(f"PurchaseOrderLinesHandling.svc/PurchaseOrderLineSet?$filter=RequisitionNo eq '{made}'")
    assert [(row["OrderNo"], row["NetAmtCurr"]) for row in lines] == [(born, 19)]


def test_a_project_manager_bills_approves_and_sends_back(town: Town) -> None:
    line = {"code": "03-310", "type": "S", "description": "Walls", "quantity": 1, "unit_cost": "800.00"}
    given = {"project_id": "1201", "order_number": "HAND-7", "title": "Walls", "vendor": "Walls & Co"}
    town.procore("type_order", **given, lines=[line], status="Approved")
    made = town.procore("add_requisition", order_number="HAND-7", invoice_number="I-1", share="0.5")
    assert (made["status"], made["completed"]) == ("draft", "400.00")
    town.procore("approve_requisition", id=made["id"])
    project = town.running.procore.project_ids["1201"]
    at = f"/rest/v1.1/requisitions/{made['id']}?project_id={project}&view=extended"
    shown = town.call("GET", at)
    assert (shown["status"], shown["items"][0]["work_completed_this_period"]) == ("approved", "400.00")
    town.procore("send_back_requisition", order_number="HAND-7")
    assert town.call("GET", at)["status"] == "revise_and_resubmit"
    cost = {"vendor": "Walls & Co", "invoice_number": "D-1", "lines": [{"code": "03-310", "type": "M", "amount": 9}]}
    entered = town.procore("enter_direct_cost", project_id="1201", **cost)
    assert town.call("GET", f"/rest/v1.1/projects/{project}/direct_costs/{entered['id']}")["grand_total"] == "9.00"
    with pytest.raises(SandboxFailed, match="no cost type Q"):
        town.procore("enter_direct_cost", project_id="1201", **{**cost, "lines": [{"code": "1", "type": "Q"}]})


def hooked(town: Town, receiver: Receiver) -> str:
    """A company hook for vendors, made over the socket; its address below the company."""
    base = f"/rest/v2.0/companies/{town.company}/webhooks/hooks"
    hook = {"payload_version": "v4.0", "namespace": "ml", "destination_url": receiver.url}
    made = town.call("POST", base, {**hook, "destination_headers": {"Authorization": "Bearer s3cret"}})["data"]["id"]
    for event in ("create", "update"):
        town.call("POST", f"{base}/{made}/triggers", {"resource_name": "Company Vendors", "event_type": event})
    return f"{base}/{made}"


def test_the_served_sandbox_sends_its_webhooks(town: Town, receiver: Receiver) -> None:
    hooked(town, receiver)
    made = town.procore("add_vendor", name="Told & Sons")
    (said,) = receiver.until(1)
    assert (said["resource_type"], said["resource_id"]) == ("Company Vendors", str(made["id"]))
    assert receiver.heard[0][0] == "Bearer s3cret"


def until_settled(town: Town, waiting: int) -> None:
    """Waits until the sender has heard of every sending, and so many deliveries wait."""

    def settled() -> bool:
        webhooks = town.running.procore.webhooks
        sent = [one for hook in webhooks.hooks.values() for delivery in hook.deliveries for one in delivery.attempts]
        return webhooks.waiting() == waiting and all(one.completed_at is not None for one in sent)

    end = time.monotonic() + 5
    while not town.running.in_loop(settled):
        assert time.monotonic() < end
        time.sleep(0.005)


def test_moving_the_clock_ends_a_pause_and_discards_after_twelve_hours(town: Town, receiver: Receiver) -> None:
    hook = hooked(town, receiver)
    receiver.statuses = [500] * 8
    town.procore("add_vendor", name="One")
    town.procore("add_vendor", name="Two")
    for failures in range(1, 9):
        receiver.until(failures)
        until_settled(town, 2)
        if failures < 8:
            town.running.admin("POST", "clock", {"advance_seconds": 2**failures})
    assert town.running.admin("GET", "summary")["procore"]["webhook_deliveries_waiting"] == 2
    town.running.admin("POST", "clock", {"advance_seconds": 12 * 3600})
    until_settled(town, 0)
    town.sign_in()
    assert len(town.call("GET", f"{hook}/deliveries?filter[status]=discarded")["data"]) == 2
    town.procore("add_vendor", name="Three")
    receiver.until(9)
    until_settled(town, 0)
    rows = town.call("GET", f"{hook}/deliveries?filter[status]=succeeded")["data"]
    assert [row["status"] for row in rows] == ["delivered"]


def struck(town: Town, **rule: Any) -> None:
    """Puts a rule in force over the admin surface."""
    town.running.admin("POST", "faults", {"rules": [rule]})


def hire(town: Town, *names: str) -> list[str]:
    """Adds vendors; their ids as webhooks name them."""
    return [str(town.procore("add_vendor", name=name)["id"]) for name in names]


def heard(receiver: Receiver) -> list[str]:
    """The records that were told, in the order they were received."""
    return [said["resource_id"] for _, said in receiver.heard]


def test_a_webhook_struck_twice_comes_twice_until_the_faults_are_cleared(town: Town, receiver: Receiver) -> None:
    hooked(town, receiver)
    struck(town, kind="webhook_twice", resource="Vendors", event="update", times=0)
    (made,) = hire(town, "Told & Sons")
    town.procore("rename_vendor", id=int(made), to="Told & Daughters")
    until_settled(town, 0)
    reasons = [said["reason"] for said in receiver.until(3)]
    assert reasons == ["create", "update", "update"]
    assert len({said["id"] for _, said in receiver.heard}) == 2, "the second is the same event"
    shown = town.running.admin("GET", "faults")
    assert shown["injected"] == {"webhook_twice": 1}
    (rule,) = shown["rules"]
    assert {name: rule[name] for name in ("resource", "event", "seen", "struck")} == {
        "resource": "Vendors", "event": "update", "seen": 1, "struck": 1,
    }  # fmt: skip
    town.running.admin("DELETE", "faults")
    town.procore("rename_vendor", id=int(made), to="Told & Co")
    until_settled(town, 0)
    assert len(receiver.heard) == 4
    assert town.running.admin("GET", "faults")["injected"] == {}


def test_a_late_webhook_comes_after_the_next_one_or_alone_in_the_end(town: Town, receiver: Receiver) -> None:
    hook = hooked(town, receiver)
    struck(town, kind="webhook_late:60000", nth=2)
    one, two, three = hire(town, "One", "Two", "Three")
    until_settled(town, 0)
    assert heard(receiver) == [one, three, two]
    struck(town, kind="webhook_late:60000")
    (four,) = hire(town, "Four")
    until_settled(town, 1)
    assert len(receiver.heard) == 3
    town.running.admin("POST", "clock", {"advance_seconds": 60})
    until_settled(town, 0)
    assert heard(receiver)[3:] == [four]
    rows = town.call("GET", f"{hook}/deliveries?filter[status]=succeeded&per_page=100")["data"]
    assert len(rows) == 4
    assert town.running.faults.injected == {"webhook_late": 2}


def test_a_lost_webhook_never_comes_and_is_listed_as_discarded(town: Town, receiver: Receiver) -> None:
    hook = hooked(town, receiver)
    struck(town, kind="webhook_lost")
    gone, told = hire(town, "Gone", "Told")
    until_settled(town, 0)
    town.running.admin("POST", "clock", {"advance_seconds": 600})
    until_settled(town, 0)
    assert heard(receiver) == [told]
    (row,) = town.call("GET", f"{hook}/deliveries?filter[status]=discarded")["data"]
    assert (str(row["payload"]["resource_id"]), row["delivery_attempts"]) == (gone, [])
    assert town.running.admin("GET", "summary")["faults"] == {"webhook_lost": 1}


def test_a_seed_strikes_the_same_webhooks_each_time_and_no_call(town: Town, receiver: Receiver) -> None:
    def told(seed: int) -> list[str]:
        """What is received of thirty vendors, made between two sendings so that only the seed orders them."""
        town.running.reset()
        town.sign_in()
        hooked(town, receiver)
        receiver.heard.clear()
        kinds = ["webhook_twice", "webhook_late", "webhook_lost"]
        town.running.admin("POST", "faults", {"seed": seed, "rate": 0.3, "kinds": kinds, "limit": 6})
        act = town.running.sandbox.act
        town.running.in_loop(lambda: [act("procore", "add_vendor", {"name": f"Firm {n}"}) for n in range(30)])
        town.running.admin("POST", "clock", {"advance_seconds": 2})
        until_settled(town, 0)
        counts = town.running.faults.injected
        assert (sorted(counts), sum(counts.values())) == (sorted(kinds), 6)
        assert len(receiver.heard) == 30 + counts["webhook_twice"] - counts["webhook_lost"]
        assert heard(receiver) != sorted(heard(receiver), key=int), "some came late"
        return heard(receiver)

    first = told(4)
    assert told(4) == first
    assert told(5) != first
    town.call("GET", f"/rest/v1.0/vendors?company_id={town.company}")
    assert {one.fault for one in town.running.log.exchanges()} == {None}
