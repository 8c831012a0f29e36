"""A job site behind a real socket, with contracts to invoice: every exchange is kept and held against the contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.records.commitment import ChangeOrder, CommitmentLine
from ml_connector.records.subcontractor_invoice import BillingLine, BillingPeriod, InvoiceStatus, SubcontractorInvoice
from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.sandbox.sides import simulated_procore
from ml_connector.sandbox.simulation import Sandbox
from ml_connector.systems.port import Effect, Outcome, Result
from ml_connector.systems.procore.settings import ProcoreSettings
from ml_connector.systems.procore.system import ProcoreSystem
from ml_connector.systems.wire import Call, WireReply, WireRequest
from sandbox.contract_check import validate_exchange

ORDERS = "/rest/v1.0/purchase_order_contracts"
SUBCONTRACTS = "/rest/v1.0/work_order_contracts"
INVOICES = "/rest/v1.1/requisitions"
SITE = "1201"
MARCH = (date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 10))
APRIL = (date(2026, 4, 1), date(2026, 4, 30), date(2026, 5, 10))

Rate = tuple[str, str] | tuple[str, str, str] | str
"""A line of a contract: its amount, or quantity and unit cost, or those two and an amount of its own."""


class Job:
    """Job site 1201 in March 2026, the month's billing period closed: an invoice names the one it is written in."""

    def __init__(self, running: RunningSandbox, transport: Call, settings: ProcoreSettings) -> None:
        self.running = running
        self.said: list[WireRequest] = []
        self.mended: Callable[[WireRequest, WireReply], WireReply] = lambda request, reply: reply
        """What the room gets to see of an answer: a test may change it."""
        self._transport = transport
        self._settings = settings
        self.system = ProcoreSystem(self.call, settings)
        self.site = str(running.procore.project_ids[SITE])
        self.codes = [(code.flat, code.id) for code in self.system.budget_codes(self.site)[:4]]
        self.contracts: dict[str, str] = {}
        self.act("close_billing_period", project_id=int(self.site))
        self.periods = {f"{SITE}/{period.start}": period.id for period in self.system.billing_periods(self.site)}
        self.said.clear()

    def call(self, request: WireRequest, /) -> WireReply:
        """`wire.Call`: over the socket and back."""
        self.said.append(request)
        reply = self._transport(request)
        split = urlsplit(request.url)
        target = f"{split.path}?{split.query}"
        problems = validate_exchange(request.method, target, request.body or b"", reply.status, reply.body)
        problems = [p for p in problems if not p.startswith("errors[")]  # refused rows come back as we sent them
        assert problems == [] or reply.status == 501, f"{request.method} {target}: {problems}"
        return self.mended(request, reply)

    def paged(self, size: int) -> ProcoreSystem:
        """The room with another page size."""
        return ProcoreSystem(self.call, msgspec.structs.replace(self._settings, page_size=size))

    def count(self, words: str) -> int:
        """How many requests so far have these words in method and address."""
        return sum(words in f"{request.method} {request.url}" for request in self.said)

    @property
    def last_items(self) -> list[dict[str, Any]]:
        """The items of the last invoice that was sent."""
        bodies = [r.body for r in self.said if r.method == "POST" and INVOICES in r.url]
        items: list[dict[str, Any]] = msgspec.json.decode(bodies[-1] or b"")["requisition"]["items"]
        return items

    def act(self, name: str, **given: Any) -> Any:
        """Somebody does something in Procore's own windows."""
        return self.running.act("procore", name, **given)

    def switch(self, **values: Any) -> None:
        """Sets switches of the sandbox."""
        for name, value in values.items():
            setattr(self.running.procore.switches, name, value)

    def say(self, method: str, path: str, body: Any = None) -> Any:
        """A call past the room, as another integration makes it."""
        headers = {"Procore-Company-Id": self._settings.company_id, "Content-Type": "application/json"}
        content = None if body is None else msgspec.json.encode(body)
        reply = self._transport(WireRequest(method, self.running.procore_url + path, headers, content, False))
        assert reply.status < 300, reply.body
        return msgspec.json.decode(reply.body) if reply.body else None

    # -- what there is to invoice -------------------------------------------------------------------------------------

    def period(self, start: date, end: date, due: date, status: str = "closed") -> str:
        """A billing period that somebody makes."""
        days = {"start_date": start.isoformat(), "end_date": end.isoformat(), "due_date": due.isoformat()}
        path = f"/rest/v1.0/projects/{self.site}/billing_periods"
        return str(self.say("POST", path, {"billing_period": days | {"status": status}})["id"])

    def contract(self, number: str, *rates: Rate, method: str = "unit", at: str = ORDERS, **header: Any) -> str:
        """An approved contract with our once-keys on it and its lines, among those `at` a path; its Procore id."""
        wrapper = at.rpartition("/")[2].removesuffix("s")
        vendor = int(min(self.system.project_vendors(self.site)))
        row = {"number": number, "title": number, "accounting_method": method, "vendor_id": vendor}
        row |= {"origin_id": f"10/order/{number}/{SITE}", "retainage_percent": "10.0", **header}
        made = str(self.say("POST", at, {"project_id": int(self.site), wrapper: row})["id"])
        lines = []
        for n, rate in enumerate(rates, 1):
            line: dict[str, Any] = {"origin_id": key(number, n), "description": f"Line {n}"}
            line["wbs_code_id"] = int(self.codes[(n - 1) % len(self.codes)][1])
            lines.append(line | _rated(rate))
        said = self.say("PATCH", f"{at}/{made}/line_items/sync?project_id={self.site}", {"updates": lines})
        assert said["errors"] == []
        status = {"project_id": int(self.site), wrapper: {"status": "Approved"}}
        self.say("PATCH", f"{at}/{made}", status)
        self.contracts[f"{number}@{SITE}"] = made
        return made

    def amend(
        self, number: str, n: int, amount: str, code: int | None = None, rate: tuple[str, str] | None = None
    ) -> None:
        """An approved change order of ours that changes line `n` by `amount`, on its own budget code or another."""
        flat = self.codes[(n - 1 if code is None else code) % len(self.codes)][0]
        quantity, cost = (Decimal(one) for one in rate or ("1", amount))
        line = CommitmentLine(key(number, n), f"Line {n}", quantity, "", cost, Decimal(amount), flat)
        order = f"10/order/{number}/{SITE}"
        reference = f"{order}/{self.count('POST')}/{amount}"
        body = ChangeOrder(reference, order, SITE, "", "More", (line,), "USD")
        ids = {key: id_ for key, id_ in self.ids().items() if key.kind != "commitment"}
        ids |= {Key("budget_code", f"{SITE}/{flat_}"): id_ for flat_, id_ in self.codes}
        ids[Key("commitment", f"{number}@{SITE}")] = self.contracts[f"{number}@{SITE}"]
        effect = Effect(1, "amend", "change_order", reference, SITE, "", body, ids)
        assert self.system.send([effect])[0].result is Result.DONE

    # -- what the room is told ----------------------------------------------------------------------------------------

    def ids(self) -> dict[Key, str]:
        """Every link an invoice can need."""
        found = {Key("project", SITE): self.site}
        found |= {Key("commitment", name): id_ for name, id_ in self.contracts.items()}
        return found | {Key("billing_period", name): id_ for name, id_ in self.periods.items()}

    def invoice(self, number: str, order: str, *lines: BillingLine, intent: int = 1, **changes: Any) -> Effect:
        """A planned invoice on a contract, ready to send."""
        planned = SubcontractorInvoice(
            once_key=f"10/invoice/{number}/{order}/{SITE}",
            project=SITE,
            commitment=f"{order}@{SITE}",
            number=number,
            currency="USD",
            dated=date(2026, 3, 20),
            period="1201/2026-03-01",
            status=InvoiceStatus.APPROVED,
            lines=lines,
            start=MARCH[0],
            end=MARCH[1],
        )
        body = msgspec.structs.replace(planned, **changes)
        return Effect(intent, "create", "subcontractor_invoice", body.once_key, SITE, "", body, self.ids())

    def opening(self, start: date, end: date, due: date, *, is_open: bool = True) -> Effect:
        """A planned billing period, ready to send."""
        body = BillingPeriod(SITE, start, end, due, is_open)
        return Effect(1, "create", "billing_period", "", SITE, "", body, self.ids())

    def send(self, *effects: Effect) -> list[Outcome]:
        """Sends, and expects as many outcomes as effects, in order."""
        outcomes = self.system.send(effects)
        assert [o.intent_id for o in outcomes] == [e.intent_id for e in effects]
        return outcomes

    def done(self, *effects: Effect) -> list[Outcome]:
        """Sends, and expects every effect done."""
        outcomes = self.send(*effects)
        assert [(o.result, o.sentence) for o in outcomes] == [(Result.DONE, "")] * len(effects)
        return outcomes

    def read(self, *outcomes: Outcome) -> list[SubcontractorInvoice]:
        """What stands in Procore after these outcomes, in the order of the contract's invoices."""
        return self.system.subcontractor_invoices(self.site, ids=[outcome.target for outcome in outcomes])

    def shown(self, outcome: Outcome) -> Any:
        """An invoice as Procore shows it, every member."""
        return self.say("GET", f"{INVOICES}/{outcome.target}?project_id={self.site}&view=extended")


def key(order: str, n: int) -> str:
    """The once-key of a line of an order."""
    return f"10/order/{order}/{SITE}/{n}/1"


def billed(order: str, n: int, amount: str, retained: str = "0", released: str = "0", **more: Any) -> BillingLine:
    """What an invoice bills on line `n` of an order."""
    figures = (Decimal(amount), Decimal(more.pop("quantity", "0")), Decimal(retained), Decimal(released))
    return BillingLine(key(order, n), f"Line {n}", more.pop("code", ""), *figures, **more)


def figures(lines: Sequence[BillingLine]) -> list[tuple[str, str, str]]:
    """Gross, retained and released of each line, as text."""
    return [(f"{line.amount:.2f}", f"{line.retained:.2f}", f"{line.released:.2f}") for line in lines]


def _rated(rate: Rate) -> dict[str, Any]:
    if isinstance(rate, str):
        return {"amount": rate, "extended_type": "manual"}
    line = {"quantity": rate[0], "unit_cost": rate[1], "extended_type": "calculated"}
    return line if len(rate) == 2 else line | {"amount": rate[2], "extended_type": "manual"}


def building() -> RunningSandbox:
    """A sandbox of Procore alone, at the beginning of March 2026."""
    clock = SandboxClock(datetime(2026, 3, 2, 8, 0, tzinfo=UTC))
    return RunningSandbox(orders=24, sandbox=Sandbox({"procore": simulated_procore(clock)}, clock=clock))
