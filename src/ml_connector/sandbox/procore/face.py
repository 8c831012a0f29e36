"""The simulated Procore: one request in, the checks in Procore's order, one answer out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.faults import Faults
from ml_connector.sandbox.http import Request, Response
from ml_connector.sandbox.procore.acts import Acts
from ml_connector.sandbox.procore.call import Answer, Call, Route
from ml_connector.sandbox.procore.contract import Operation, contract
from ml_connector.sandbox.procore.contract_kinds import PURCHASE_ORDER, SUBCONTRACT
from ml_connector.sandbox.procore.coverage import refusal_of
from ml_connector.sandbox.procore.errors import NO_ACCESS, NOT_CONNECTED, Refused, body_for, coded, generic
from ml_connector.sandbox.procore.load import company
from ml_connector.sandbox.procore.oauth import SignIn, Token
from ml_connector.sandbox.procore.rates import Rates
from ml_connector.sandbox.procore.routing import ROUTES
from ml_connector.sandbox.procore.state import Project, State
from ml_connector.sandbox.procore.switches import LEVELS, ProcoreSwitches
from ml_connector.sandbox.procore.webhook_payloads import Cause
from ml_connector.sandbox.procore.webhooks import Webhooks
from ml_connector.sandbox.world import World

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder()
_IDS = re.compile(r"/(\d+)(?=/|$)")
_NAMES = re.compile(r"\{([^}]*)\}")
_TEXTS = {
    401: "The access token is invalid",
    403: NO_ACCESS,
    409: "Another change to the same record is running.",
    429: "The rate limit is used up.",
    500: "Something went wrong on the server.",
    503: "The service is busy.",
}


class ProcoreFace:
    """A whole Procore company behind `handle`: synchronous, single threaded, never raises for what a caller sent."""

    name = "procore"

    def __init__(self, clock: SandboxClock, switches: ProcoreSwitches | None = None) -> None:
        self.switches = switches or ProcoreSwitches()
        self._clock = clock
        self._rates = Rates(self.switches)
        self._requests = 0
        self._state = State(clock, 0, "", "USD")
        self._sign_in = SignIn(clock, self.switches, client_id="", client_secret="", owner=0)
        self._base_url = ""
        self._client_id = ""
        self.faults = Faults()
        """The faults that strike webhooks; whoever serves this face puts those of the sandbox here."""
        self.webhooks = Webhooks(self._state, self.switches, lambda: self.faults)
        """The dispatcher of the company that is loaded; whoever serves this face asks it what to send."""
        self.project_ids: dict[str, int] = {}
        """IFS project id to Procore project id."""
        self.acts: dict[str, Callable[[Mapping[str, Any]], Any]] = {}
        """What people do in Procore's own windows, by name; each takes its arguments as a mapping."""
        self._table: dict[str, tuple[Route, Operation]] = {}
        for route in ROUTES:
            key = f"{route.method} {_NAMES.sub('{}', route.path)}"
            operation = contract().find(route.method, _NAMES.sub("1", route.path))
            if operation is None:
                raise LookupError(f"contract.json lacks {route.method} {route.path}; run scripts/cut_contract.py")
            self._table[key] = (route, operation)

    def load(self, world: World, *, base_url: str, client_id: str, client_secret: str) -> None:
        """Throws all state away, tokens and rate windows too, and starts the world's company."""
        self._base_url = base_url.rstrip("/")
        self._state = company(world, self._clock)
        secret = {"client_id": client_id, "client_secret": client_secret}
        self._sign_in = SignIn(self._clock, self.switches, owner=self._state.me, **secret)
        self._rates = Rates(self.switches)
        self._client_id = client_id
        self.webhooks = Webhooks(self._state, self.switches, lambda: self.faults)
        acts = Acts(self._state, self.switches)
        self.acts = {name: self._by_hand(act) for name, act in acts.by_name().items()}
        self.project_ids = acts.project_ids

    def summary(self) -> dict[str, int]:
        """How many records of each kind the company holds."""
        projects = self._state.projects.values()
        orders = [order for project in projects for order in project.contracts.values()]
        return {
            "projects": len(projects),
            "vendors": len(self._state.vendors),
            "cost_codes": sum(len(p.cost_codes) for p in projects),
            "cost_types": len(self._state.cost_types),
            "wbs_codes": sum(len(p.wbs) for p in projects),
            "budget_lines": sum(len(p.budget) for p in projects),
            "automatic_budget_lines": sum(b.automatic for p in projects for b in p.budget.values()),
            "purchase_order_contracts": sum(order.kind is PURCHASE_ORDER for order in orders),
            "work_order_contracts": sum(order.kind is SUBCONTRACT for order in orders),
            "line_items": sum(len(order.lines) for order in orders),
            "change_orders": sum(len(p.change_orders) for p in projects),
            "billing_periods": sum(len(p.periods) for p in projects),
            "requisitions": sum(len(p.requisitions) for p in projects),
            "contract_payments": sum(len(p.payments) for p in projects),
            "direct_costs": sum(len(p.direct_costs) for p in projects),
            "budget_changes": sum(len(p.budget_changes) for p in projects),
            "webhook_deliveries_waiting": self.webhooks.waiting(),
        }

    def handle(self, request: Request) -> Response:
        """Answers one call."""
        if request.path.startswith("/oauth/"):
            return self._sign_in.handle(request)
        try:
            answer = self._answer(request)
        except Refused as refused:
            answer = Answer(refused.status, refused.body)
        if self._state.changes:
            # A caller's own token for the request comes back in the webhook (facts/procore.md 18.10).
            operation = request.headers.get("idempotency-token")
            self._tell(Cause(self._state.me, self._client_id, operation))
        return self._sent(answer)

    def _by_hand(self, act: Callable[[Mapping[str, Any]], Any]) -> Callable[[Mapping[str, Any]], Any]:
        def acting(given: Mapping[str, Any]) -> Any:
            """The act, done by a person: what it changes is told with that user and no application."""
            self._state.by_hand = True
            try:
                return act(given)
            finally:
                self._state.by_hand = False
                self._tell(Cause(self._state.person))

        return acting

    def _tell(self, cause: Cause) -> None:
        self.webhooks.hear(self._state.changes, cause)
        self._state.changes.clear()

    def refusal(self, status: int, retry_after: int | None = None, kind: str | None = None) -> Response:
        """An injected fault in Procore's shape. `kind` "v2" takes the v2 body; "html" a page from before the API."""
        text = _TEXTS.get(status, "The request was refused.")
        headers = () if retry_after is None else (("Retry-After", str(retry_after)),)
        if status == 429:
            self._rates.exhaust(self._clock(), 10 if retry_after is None else retry_after)
        if kind == "html":
            page = f"<html><body><h1>{status}</h1><p>{text}</p></body></html>".encode()
            return Response(status, (("content-type", "text/html"), *headers), page)
        return self._sent(Answer(status, coded(status, text) if kind == "v2" else generic(status, text), headers))

    def _sent(self, answer: Answer) -> Response:
        self._requests += 1
        headers = [
            *answer.headers,
            *self._rates.headers(self._clock()),
            ("x-request-id", f"sandbox-{self._requests:08d}"),
        ]
        if answer.value is None:
            return Response(answer.status, tuple(headers), b"", answer.changed)
        headers.insert(0, ("content-type", "application/json; charset=utf-8"))
        return Response(answer.status, tuple(headers), _ENCODER.encode(answer.value), answer.changed)

    # -- the gate, in Procore's order ---------------------------------------------------------------------------------

    def _answer(self, request: Request) -> Answer:
        path = request.path
        found = self._table.get(f"{request.method} {_IDS.sub('/{}', path)}")
        token = self._sign_in.token(request.headers.get("authorization"))
        self._check_company_header(request, found[0] if found else None, token)
        if token is None:
            raise Refused(401, body_for(path, 401, _TEXTS[401]))
        wait = self._rates.take(self._clock())
        if wait is not None:
            headers = (("Retry-After", str(wait)),) if self.switches.retry_after_on_429 else ()
            return Answer(429, body_for(path, 429, _TEXTS[429]), headers)
        self._check_installed(request)
        if found is None:
            return Answer(501, {"message": refusal_of(request.method, path), "error": "not modelled"})
        call = self._call(request, *found)
        self._check_tool(call)
        return call.route.handler(call)

    def _check_company_header(self, request: Request, route: Route | None, token: Token | None) -> None:
        if request.headers.get("procore-company-id"):
            return
        free = route is not None and route.exempt and token is not None and token.of_user
        if not free or request.param("company_id") or request.param("project_id"):
            status = self.switches.missing_company_header
            text = "Missing Procore-Company-Id header! Send it with every call."
            raise Refused(status, body_for(request.path, status, text))

    def _check_installed(self, request: Request) -> None:
        company_id = request.headers.get("procore-company-id") or str(self._state.company_id)
        if not self.switches.app_installed or company_id != str(self._state.company_id):
            raise Refused(403, {"errors": [NOT_CONNECTED]})

    def _call(self, request: Request, route: Route, operation: Operation) -> Call:
        ids = dict(zip(operation.path_names, map(int, _IDS.findall(request.path)), strict=True))
        body = self._body(request, operation)
        call = Call(request, operation, route, ids, body, self._state, self.switches, self._base_url, self.webhooks)
        problems = contract().query_problems(operation, request.query, strict=False)
        problems += contract().body_problems(operation, body, strict=False)
        self._check_company(call)
        project_id = self._project_id(call)
        if project_id is not None:
            call.found_project = self._permitted(call, project_id)
        if problems:
            raise call.refuse(400, "; ".join(problems), problems[0].split(" ")[0])
        return call

    def _body(self, request: Request, operation: Operation) -> Any:
        if operation.body is None:
            return {}
        try:
            return _DECODER.decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Refused(400, body_for(request.path, 400, "the body is not valid JSON")) from None

    def _check_company(self, call: Call) -> None:
        named = [call.ids.get("company_id"), call.request.param("company_id")]
        if isinstance(call.body, dict):
            named.append(call.body.get("company_id"))
        if any(value is not None and str(value) != str(self._state.company_id) for value in named):
            raise call.refuse(403, NO_ACCESS, "company_id")

    def _project_id(self, call: Call) -> int | None:
        """Where the operation documents the project id: path, else query, else body (facts/procore.md, trap 4)."""
        if "project_id" in call.ids:
            return call.ids["project_id"]
        if call.operation.template == "/rest/v1.0/projects/{id}":
            return call.ids["id"]
        if "project_id" in call.operation.query:
            value = call.request.param("project_id")
            return int(value) if value and value.isdigit() else None
        value = call.body.get("project_id") if isinstance(call.body, dict) else None
        return value if isinstance(value, int) else None

    def _permitted(self, call: Call, project_id: int) -> Project:
        project = self._state.projects.get(project_id)
        if project is None or not project.permitted:
            raise call.refuse(404 if project is None else self.switches.not_permitted_project, NO_ACCESS, "project_id")
        return project

    def _check_tool(self, call: Call) -> None:
        route = call.route
        if route.tool is None or (route.path == "/rest/v1.1/vendors" and call.view("") == "minimal"):
            return
        held = self.switches.permissions.get(route.tool, "none")
        if LEVELS.index(held) < LEVELS.index(route.level):
            raise call.refuse(403, NO_ACCESS)
