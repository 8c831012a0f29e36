"""A room that speaks to a sandbox on a socket, for direct costs, payments and budgets: what it asks is counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.records.direct_cost import CostKind, CostStatus, DirectCost, DirectCostLine
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.port import Effect, Outcome, Result
from ml_connector.systems.procore.settings import ProcoreSettings
from ml_connector.systems.procore.system import ProcoreSystem
from ml_connector.systems.wire import Call, WireReply, WireRequest
from sandbox.contract_check import validate_exchange


@dataclass
class Till:
    """A sandbox on a socket, the room that speaks to it, and every request it has sent."""

    running: RunningSandbox
    call: Call
    settings: ProcoreSettings
    said: list[WireRequest] = field(default_factory=list)
    answer: Callable[[WireRequest], WireReply | None] = lambda request: None
    """Answers in Procore's place, or lets the request through with None."""
    checking: bool = True

    def __post_init__(self) -> None:
        self.open()

    def open(self, **changes: Any) -> ProcoreSystem:
        """A fresh room over the same socket, as the next run has it."""
        self.system = ProcoreSystem(self._send, msgspec.structs.replace(self.settings, **changes))
        return self.system

    def _send(self, request: WireRequest, /) -> WireReply:
        self.said.append(request)
        reply = self.answer(request) or self.call(request)
        split = urlsplit(request.url)
        problems = validate_exchange(
            request.method, f"{split.path}?{split.query}", request.body or b"", reply.status, reply.body
        )
        problems = [p for p in problems if not p.startswith("errors[")]  # refused rows come back as we sent them
        assert not self.checking or reply.status == 501 or problems == [], problems
        return reply

    def asked(self, match: str) -> list[str]:
        """Method and address of the requests so far that contain `match`."""
        told = [f"{r.method} {unquote(urlsplit(r.url).path)}?{unquote(urlsplit(r.url).query)}" for r in self.said]
        return [one for one in told if match in one]

    def switch(self, **values: Any) -> None:
        """Turns switches of the simulated Procore."""

        def turn() -> None:
            for name, value in values.items():
                setattr(self.running.procore.switches, name, value)

        self.running.in_loop(turn)

    def fault(self, kind: str, **more: Any) -> None:
        """Breaks one call to Procore, or those of a rule."""
        self.running.faults.add(FaultRule(kind, side="procore", **more))

    def act(self, act: str, **given: Any) -> Any:
        """Somebody does something in Procore's own windows."""
        return self.running.act("procore", act, **given)

    @property
    def project(self) -> str:
        """Procore's id of job site 1201."""
        return str(self.running.procore.project_ids["1201"])

    def codes(self) -> list[tuple[str, str]]:
        """Budget codes of job site 1201: flat code and Procore id."""
        return [(code.flat, code.id) for code in self.system.budget_codes(self.project)]

    def ids(self) -> dict[Key, str]:
        """Links every effect may need."""
        vendor = min(self.system.project_vendors(self.project))
        ids = {Key("project", "1201"): self.project, Key("vendor", "S1"): vendor}
        return ids | {Key("budget_code", f"1201/{flat}"): id_ for flat, id_ in self.codes()}

    def by_hand(self, method: str, path: str, body: Any) -> Any:
        """A call to Procore that the product never makes; its answer."""
        headers = {"Procore-Company-Id": self.settings.company_id, "Content-Type": "application/json"}
        content = None if body is None else msgspec.json.encode(body)
        reply = self.call(WireRequest(method, self.settings.url + path, headers, content))
        assert reply.status < 300, reply.body
        return msgspec.json.decode(reply.body)

    def done(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Sends and expects every effect done."""
        outcomes = self.system.send(effects)
        assert [(o.intent_id, o.result, o.sentence) for o in outcomes] == [
            (e.intent_id, Result.DONE, "") for e in effects
        ]
        return outcomes


def cost(number: str, amounts: Sequence[str | Decimal], codes: Sequence[tuple[str, str]], **changes: Any) -> DirectCost:
    """A planned direct cost on job site 1201 with one line an amount, its codes in turn."""
    once = f"10/invoice/{number}/direct/1201"
    lines = tuple(
        DirectCostLine(f"{once}/{n}", f"Line {n}", codes[n % len(codes)][0], Decimal(amount))
        for n, amount in enumerate(amounts, 1)
    )
    head = (once, "1201", "S1", f"V-{number}", CostKind.INVOICE, CostStatus.APPROVED, "USD", date(2026, 2, 3))
    return msgspec.structs.replace(DirectCost(*head, f"Invoice {number}", lines), **changes)


def effects(verb: str, costs: Sequence[DirectCost], ids: dict[Key, str], made: Sequence[Outcome] = ()) -> list[Effect]:
    """Those direct costs under one verb; `made` are the outcomes of their create."""
    targets = [outcome.target for outcome in made] or [""] * len(costs)
    return [
        Effect(number, verb, "direct_cost", body.once_key, "1201", targets[number], body, ids)
        for number, body in enumerate(costs)
    ]
