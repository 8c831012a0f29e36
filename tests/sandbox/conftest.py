"""Stand-ins for the simulated systems, to test the server around them: they count what they execute."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.face import Side
from ml_connector.sandbox.http import Request, Response, json_response
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.sandbox.simulation import Sandbox
from ml_connector.sandbox.world import World


@dataclass(slots=True)
class StandInSwitches:
    page: int = 100
    mood: str = "calm"


class StandIn:
    """Answers every call with what it heard; POST and PATCH change its count."""

    def __init__(self) -> None:
        self.switches = StandInSwitches()
        self.rows = 0
        self.orders = 0
        self.acts: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {"add": self._add}

    def handle(self, request: Request) -> Response:
        changes = request.method in ("POST", "PATCH")
        self.rows += changes
        if request.path == "/big":
            return Response(200, (("content-type", "text/plain"),), b"x" * 4000)
        heard = {"path": request.path, "query": request.query, "rows": self.rows, "body": request.body.decode()}
        return json_response(200, heard, (("x-seen", request.headers.get("x-mark", "")),), changed=changes)

    def refusal(self, status: int, retry_after: int | None = None, kind: str | None = None) -> Response:
        return json_response(status, {"refused": status, "kind": kind}, (("retry-after", "99"),))

    def summary(self) -> Mapping[str, Any]:
        return {"rows": self.rows, "orders": self.orders}

    def load(self, world: World, url: str) -> None:
        self.rows, self.orders = 0, len(world.orders)

    def _add(self, arguments: Mapping[str, Any]) -> Any:
        if arguments["rows"] < 0:
            raise ValueError("rows are not negative")
        self.rows += arguments["rows"]
        return {"rows": self.rows}


@pytest.fixture(scope="session")
def served_stand_ins() -> Iterator[RunningSandbox]:
    """Two stand-ins behind real sockets, on one clock, for the whole session; timeouts hold 0.3 seconds."""
    faces = {"ifs": StandIn(), "procore": StandIn()}
    sandbox = Sandbox({name: Side(face, face.load) for name, face in faces.items()}, clock=SandboxClock())
    sandbox.faults.hold = 0.3
    with RunningSandbox(orders=24, sandbox=sandbox) as running:
        yield running


@pytest.fixture
def stand_ins(served_stand_ins: RunningSandbox) -> RunningSandbox:
    """The same, as at the start."""
    served_stand_ins.reset()
    served_stand_ins.log.bodies = False
    served_stand_ins.faults.hold = 0.3
    return served_stand_ins
