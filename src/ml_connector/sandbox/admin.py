"""The sandbox's own surface under `/_sandbox/`: start over, move the clock, inject faults, act, look inside."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ml_connector.sandbox.faults import DEFAULT_KINDS, FaultRule
from ml_connector.sandbox.http import Request, Response
from ml_connector.sandbox.simulation import Sandbox
from ml_connector.sandbox.world_maker import make_world

PREFIX = "/_sandbox/"
_MOST_ORDERS = 100_000


class BadInput(ValueError):
    """The caller of the admin surface sent something that cannot be meant; answered with 400 and the text."""


class _WorldInput(msgspec.Struct, forbid_unknown_fields=True):
    seed: int = 7
    orders: int = 300


class _ClockInput(msgspec.Struct, forbid_unknown_fields=True):
    advance_seconds: float | None = None
    set: datetime | None = None


class _RuleInput(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    side: str | None = None
    method: str = ".*"
    path: str = ".*"
    nth: int = 1
    every: int = 0
    times: int = 1
    retry_after: int = 1
    tokens: bool = False
    resource: str = ".*"
    event: str = ".*"


class _FaultsInput(msgspec.Struct, forbid_unknown_fields=True):
    rules: list[_RuleInput] = []
    seed: int | None = None
    rate: float = 0.05
    kinds: list[str] | None = None
    limit: int | None = None
    hold: float | None = None


class _LogInput(msgspec.Struct, forbid_unknown_fields=True):
    bodies: bool


_Input = typing.TypeVar("_Input")


class Admin:
    """Answers the admin calls of one sandbox; the same on the ports of both sides."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._routes: Mapping[tuple[str, str], Callable[[Request], Any]] = {
            ("POST", "reset"): self._reset,
            ("POST", "world"): self._world,
            ("GET", "clock"): lambda _: self._now(),
            ("POST", "clock"): self._move_clock,
            ("GET", "faults"): lambda _: sandbox.faults.as_json(),
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "switches"): lambda _: self._switches(),
            ("POST", "switches"): self._set_switches,
            ("GET", "log"): self._log,
            ("POST", "log"): self._set_log,
            ("DELETE", "log"): self._clear_log,
            ("POST", "act"): self._act,
            ("GET", "summary"): lambda _: sandbox.summary(),
            ("GET", "connection"): lambda _: sandbox.connection_text(),
        }

    def handle(self, request: Request) -> Response:
        """The answer: 200 with JSON (the connection file as text), 400 for bad input, 404 and 405 for bad addresses."""
        name = request.path.removeprefix(PREFIX).strip("/")
        route = self._routes.get((request.method, name))
        if route is None:
            methods = sorted(method for method, known in self._routes if known == name)
            return _refuse(405 if methods else 404, _no_route(name, methods, self._routes))
        try:
            value = route(request)
        except (ValueError, LookupError, TypeError) as error:
            # Acts refuse with these; so do the readers of input below.
            return _refuse(400, str(error) if not isinstance(error, KeyError) else f"{error.args[0]!r} is not there")
        if isinstance(value, str):
            return Response(200, (("content-type", "application/toml; charset=utf-8"),), value.encode())
        return Response(200, (("content-type", "application/json"),), msgspec.json.encode(value, enc_hook=str))

    def _reset(self, _: Request) -> Any:
        self._sandbox.reset()
        return self._sandbox.summary()

    def _world(self, request: Request) -> Any:
        asked = _read(request, _WorldInput)
        if asked.orders > _MOST_ORDERS:
            raise BadInput(f"at most {_MOST_ORDERS} orders, {asked.orders} were asked for")
        self._sandbox.load(make_world(asked.seed, asked.orders))
        self._sandbox.log.clear()
        return self._sandbox.summary()

    def _now(self) -> Any:
        return {"now": self._sandbox.clock().isoformat()}

    def _move_clock(self, request: Request) -> Any:
        asked = _read(request, _ClockInput)
        if (asked.set is None) == (asked.advance_seconds is None):
            raise BadInput("give either advance_seconds or set")
        if asked.advance_seconds is not None:
            self._sandbox.clock.advance(timedelta(seconds=asked.advance_seconds))
        elif asked.set is not None:
            if asked.set.tzinfo is None:
                raise BadInput("set needs a time zone, such as 2026-10-01T08:00:00Z")
            self._sandbox.clock.set(asked.set)
        return self._now()

    def _add_faults(self, request: Request) -> Any:
        asked = _read(request, _FaultsInput)
        if not asked.rules and asked.seed is None and asked.hold is None:
            raise BadInput("give rules, a seed or hold")
        if asked.hold is not None and asked.hold < 0:
            raise BadInput("hold is a number of seconds, not negative")
        rules = [FaultRule(**msgspec.structs.asdict(rule)) for rule in asked.rules]
        faults = self._sandbox.faults
        if asked.seed is not None:
            faults.use_seed(asked.seed, asked.rate, asked.kinds or DEFAULT_KINDS, asked.limit)
        faults.add(*rules)
        faults.hold = faults.hold if asked.hold is None else asked.hold
        return faults.as_json()

    def _clear_faults(self, _: Request) -> Any:
        self._sandbox.faults.clear()
        return self._sandbox.faults.as_json()

    def _switches(self) -> Any:
        return {name: dataclasses.asdict(self._sandbox.side(name).face.switches) for name in self._sandbox.sides}

    def _set_switches(self, request: Request) -> Any:
        asked = _read(request, dict[str, dict[str, Any]])
        changes = [
            (self._sandbox.side(side).face.switches, member, _switch_value(self._sandbox, side, member, value))
            for side, members in asked.items()
            for member, value in members.items()
        ]
        for switches, member, value in changes:
            setattr(switches, member, value)
        return self._switches()

    def _log(self, request: Request) -> Any:
        side, limit = request.param("side"), request.param("limit")
        kept = self._sandbox.log.exchanges(side=side, writes=request.param("writes") in ("1", "true"))
        if limit is not None:
            if not limit.isdecimal():
                raise BadInput("limit is a whole number")
            kept = kept[max(0, len(kept) - int(limit)) :]
        log = self._sandbox.log
        exchanges = [one.as_json() for one in kept]
        return {"calls": log.calls, "writes": log.writes, "bodies": log.bodies, "exchanges": exchanges}

    def _set_log(self, request: Request) -> Any:
        self._sandbox.log.bodies = _read(request, _LogInput).bodies
        return {"bodies": self._sandbox.log.bodies}

    def _clear_log(self, _: Request) -> Any:
        self._sandbox.log.clear()
        return {"calls": 0}

    def _act(self, request: Request) -> Any:
        asked = _read(request, dict[str, Any])
        side, act = asked.pop("side", None), asked.pop("act", None)
        if not isinstance(side, str) or not isinstance(act, str):
            raise BadInput("an act needs side (ifs or procore) and act, both text")
        return {"result": self._sandbox.act(side, act, asked)}


def _read(request: Request, kind: type[_Input]) -> _Input:
    """The JSON body as `kind`; BadInput with the field that does not fit. An empty body is an empty object."""
    try:
        return msgspec.json.decode(request.body or b"{}", type=kind)
    except msgspec.DecodeError as error:
        raise BadInput(f"the body does not fit: {error}") from None


def _switch_value(sandbox: Sandbox, side: str, member: str, value: Any) -> Any:
    """The value as the switch wants it; BadInput for a switch that does not exist or a value of another type."""
    switches = sandbox.side(side).face.switches
    hints = typing.get_type_hints(type(switches))
    if member not in {known.name for known in dataclasses.fields(switches)}:
        raise BadInput(f"{side} has no switch {member!r}; it has {', '.join(sorted(hints))}")
    try:
        return msgspec.convert(value, hints[member])
    except msgspec.ValidationError as error:
        raise BadInput(f"switch {side}.{member}: {error}") from None


def _refuse(status: int, message: str) -> Response:
    body = msgspec.json.encode({"error": message})
    return Response(status, (("content-type", "application/json"),), body)


def _no_route(name: str, methods: list[str], routes: Mapping[tuple[str, str], Any]) -> str:
    if methods:
        return f"/_sandbox/{name} takes {' or '.join(methods)}"
    return f"/_sandbox/ has {', '.join(sorted({known for _, known in routes}))}; not {name!r}"
