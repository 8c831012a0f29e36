"""The running state of a sandbox: world, clock, faces, faults and log, and the ways to start it over."""

from __future__ import annotations

import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.connection_file import connection_text
from ml_connector.sandbox.exchange_log import ExchangeLog, Heard
from ml_connector.sandbox.face import SIDES, Side
from ml_connector.sandbox.faults import Faults
from ml_connector.sandbox.http import Request, Response
from ml_connector.sandbox.world import World
from ml_connector.sandbox.world_maker import make_world


class SideMissing(LookupError):
    """This sandbox does not run the system that was asked for."""


class Sandbox:
    """Both simulated systems, or one, with everything around them. Not thread safe but for faults and log."""

    def __init__(
        self, sides: Mapping[str, Side], *, clock: SandboxClock | None = None, faults: Faults | None = None
    ) -> None:
        self.clock = clock or SandboxClock()
        self.faults = faults or Faults()
        self.log = ExchangeLog()
        self.urls: dict[str, str] = {}
        """Base address of each side, as callers reach it; a side served elsewhere may stand here too."""
        self.world: World = make_world()
        self._sides = dict(sides)
        self._started_ahead = self.clock() - datetime.now(UTC)
        self._switches = {name: deepcopy(_values(side.face.switches)) for name, side in sides.items()}

    @property
    def sides(self) -> tuple[str, ...]:
        """The names of the simulated systems that run here, ifs first."""
        return tuple(name for name in SIDES if name in self._sides)

    def side(self, name: str) -> Side:
        """That simulated system; SideMissing when it does not run here."""
        if name not in self._sides:
            raise SideMissing(f"this sandbox does not serve {name!r}, only {' and '.join(self.sides)}")
        return self._sides[name]

    def load(self, world: World) -> None:
        """Puts a world into the faces, in place of what they hold. The addresses must be known by now."""
        self.world = world
        for name, side in self._sides.items():
            side.load(world, self.urls[name])

    def reset(self) -> None:
        """Everything as at the start: same world, no faults, empty log, first switches, first clock."""
        self.faults.clear()
        self.log.clear()
        self.clock.set(datetime.now(UTC) + self._started_ahead)
        for name, side in self._sides.items():
            for member, value in deepcopy(self._switches[name]).items():
                setattr(side.face.switches, member, value)
        self.load(self.world)

    def act(self, side: str, act: str, arguments: Mapping[str, Any]) -> Any:
        """Lets a person of that system do something; SideMissing, or LookupError when nobody there can do that."""
        acts = self.side(side).face.acts
        if act not in acts:
            raise LookupError(f"{side} knows no act {act!r}; it knows {', '.join(sorted(acts)) or 'none'}")
        return acts[act](arguments)

    def connection_text(self) -> str:
        """The connection file; SideMissing when the address of a side is not known."""
        for name in SIDES:
            if name not in self.urls:
                raise SideMissing(f"the address of {name} is not known here; start the sandbox with both, or name it")
        return connection_text(self.world, self.urls["ifs"], self.urls["procore"])

    def summary(self) -> dict[str, Any]:
        """What runs here and how much of it: world, addresses, calls, faults, and each face's own counts."""
        return {
            "world": {
                "seed": self.world.seed,
                "orders": len(self.world.orders),
                "lines": sum(len(order.lines) for order in self.world.orders),
                "company": self.world.company_name,
            },
            "urls": dict(self.urls),
            "now": self.clock().isoformat(),
            "calls": self.log.calls,
            "writes": self.log.writes,
            "faults": dict(self.faults.injected),
            **{name: side.face.summary() for name, side in self._sides.items()},
        }

    def answer(self, side: str, request: Request) -> tuple[Response, float]:
        """The face's answer to one call, and the milliseconds it took."""
        started = time.perf_counter()
        response = self._sides[side].face.handle(request)
        return response, (time.perf_counter() - started) * 1000

    def note(self, heard: Heard) -> None:
        """Keeps one call in the log, at the sandbox's present."""
        self.log.add(self.clock(), heard)


def _values(switches: Any) -> dict[str, Any]:
    return {member.name: getattr(switches, member.name) for member in fields(switches)}
