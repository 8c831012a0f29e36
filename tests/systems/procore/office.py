"""A room wired straight to a simulated Procore: every exchange is held against the contract, any can be broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.records.commitment import Commitment, CommitmentLine, CommitmentStatus
from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.http import Request
from ml_connector.sandbox.procore.face import ProcoreFace
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.world import World
from ml_connector.sandbox.world_maker import make_world
from ml_connector.systems.port import Effect, Outcome, Result
from ml_connector.systems.procore.settings import ProcoreSettings
from ml_connector.systems.procore.system import ProcoreSystem
from ml_connector.systems.wire import WireReply, WireRequest
from sandbox.contract_check import validate_exchange

WORLD: World = make_world(seed=7, orders=24)
COMPANY = str(WORLD.procore_company_id)
CLIENT = {"client_id": "app", "client_secret": "let-me-in"}
SETTINGS = ProcoreSettings("http://procore.test", "http://procore.test", COMPANY)

Break = Callable[[WireRequest], WireReply | None]
"""Looks at a request; answers in Procore's place, raises, or lets it through with None."""


class Office:
    """The face, the room, and between them a call that keeps and checks what was said."""

    def __init__(self, settings: ProcoreSettings = SETTINGS, **switches: Any) -> None:
        self.clock = SandboxClock(datetime(2026, 3, 2, 8, 0, tzinfo=UTC))
        self.face = ProcoreFace(self.clock, ProcoreSwitches(**switches))
        self.face.load(WORLD, base_url="http://procore.test", **CLIENT)
        self.said: list[WireRequest] = []
        self.before: Break = lambda request: None
        self.after: Break = lambda request: None
        """Like `before`, but once Procore has already done it."""
        self.checking = True
        grant = msgspec.json.encode({"grant_type": "client_credentials", **CLIENT})
        answer = self.face.handle(Request("POST", "/oauth/token", (), {"content-type": "application/json"}, grant))
        self.token = "Bearer " + msgspec.json.decode(answer.body)["access_token"]
        self.system = ProcoreSystem(self.call, settings)

    def call(self, request: WireRequest, /) -> WireReply:
        """`wire.Call`: to the face and back."""
        self.said.append(request)
        broken = self.before(request)
        if broken is not None:
            return broken
        headers = {name.lower(): value for name, value in request.headers.items()} | {"authorization": self.token}
        split = urlsplit(request.url)
        query = tuple(parse_qsl(split.query, keep_blank_values=True))
        answer = self.face.handle(Request(request.method, split.path, query, headers, request.body or b""))
        if self.checking and answer.status != 501:
            target = f"{split.path}?{split.query}"
            problems = validate_exchange(request.method, target, request.body or b"", answer.status, answer.body)
            problems = [p for p in problems if not p.startswith("errors[")]  # refused rows come back as we sent them
            assert problems == [], f"{request.method} {target}: {problems}"
        broken = self.after(request)
        if broken is not None:
            return broken
        return WireReply(answer.status, {name.lower(): value for name, value in answer.headers}, answer.body)

    @property
    def writes(self) -> list[str]:
        """Method and path of every write so far."""
        return [f"{r.method} {urlsplit(r.url).path}" for r in self.said if r.method != "GET"]

    def project(self, ifs_id: str = "1201") -> str:
        """Procore's id of a job site."""
        return str(self.face.project_ids[ifs_id])

    def send(self, *effects: Effect) -> list[Outcome]:
        """Sends and expects as many outcomes as effects, in order."""
        outcomes = self.system.send(effects)
        assert [o.intent_id for o in outcomes] == [e.intent_id for e in effects]
        return outcomes

    def done(self, *effects: Effect) -> list[Outcome]:
        """Sends and expects every effect done."""
        outcomes = self.send(*effects)
        assert [(o.result, o.sentence) for o in outcomes] == [(Result.DONE, "")] * len(effects)
        return outcomes

    def vendor(self, project: str = "1201") -> str:
        """Any vendor of a project's directory."""
        return min(self.system.project_vendors(self.project(project)))

    def codes(self, project: str = "1201", count: int = 3) -> list[tuple[str, str]]:
        """Some budget codes of a project: flat code and Procore id."""
        found = self.system.budget_codes(self.project(project))
        return [(code.flat, code.id) for code in found[:count]]

    def order(self, number: str = "P100001", lines: int = 3, **changes: Any) -> Commitment:
        """A planned commitment on the first budget codes of job site 1201."""
        codes = self.codes(count=lines)
        made = tuple(
            CommitmentLine(
                once_key=f"10/{number}@1201/{n}/1",
                description=f"Line {n}",
                quantity=Decimal("2.5"),
                unit="EA",
                unit_cost=Decimal("10.10"),
                amount=Decimal("25.25") + n,
                budget_code=codes[(n - 1) % len(codes)][0],
            )
            for n in range(1, lines + 1)
        )
        planned = Commitment(
            once_key=f"10/{number}@1201",
            project="1201",
            number=number,
            title="Crane rails",
            vendor="S100",
            status=CommitmentStatus.APPROVED,
            currency="USD",
            dated=date(2026, 2, 1),
            delivery=date(2026, 4, 1),
            description="From IFS",
            lines=made,
        )
        return msgspec.structs.replace(planned, **changes)

    def effect(self, verb: str, kind: str, body: Any, *, target: str = "", number: int = 1, **more: str) -> Effect:
        """An effect on job site 1201 with every id it can need; `more` adds links, as kind__id=procore id."""
        ids = {Key("project", "1201"): self.project(), Key("vendor", "S100"): self.vendor()}
        for flat, id_ in self.codes(count=50):
            ids[Key("budget_code", f"1201/{flat}")] = id_
        for name, id_ in more.items():
            kind_of, _, key = name.partition("__")
            ids[Key(kind_of, key)] = id_
        once = getattr(body, "once_key", None) or getattr(body, "reference", None) or f"10/{kind}/{number}"
        scope = "" if kind == "vendor" else "1201"
        return Effect(number, verb, kind, once, scope, target, body, ids)


def reply(status: int, body: Any, headers: Mapping[str, str] | None = None) -> WireReply:
    """An answer made by hand."""
    return WireReply(status, {"x-request-id": "r-1", **(headers or {})}, msgspec.json.encode(body))


def only(match: str, act: Callable[[], WireReply | None], times: int = 1) -> Break:
    """Breaks the first `times` requests whose method and address contain `match`."""
    left = [times]

    def look(request: WireRequest) -> WireReply | None:
        if left[0] and match in f"{request.method} {request.url}":
            left[0] -= 1
            return act()
        return None

    return look


def raising(error: Exception) -> Callable[[], WireReply | None]:
    """An act that raises."""

    def act() -> WireReply | None:
        raise error

    return act


def results(outcomes: Sequence[Outcome]) -> list[Result]:
    """How each ended."""
    return [outcome.result for outcome in outcomes]
