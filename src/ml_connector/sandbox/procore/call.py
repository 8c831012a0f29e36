"""One call on its way through the simulation, and the table entry that says how it is served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_connector.sandbox.http import Request
from ml_connector.sandbox.procore.contract import Operation
from ml_connector.sandbox.procore.errors import Refused, body_for
from ml_connector.sandbox.procore.state import Project, State
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.procore.webhooks import Webhooks


@dataclass(slots=True)
class Answer:
    """What a handler gives back: status, JSON value (None: no body), extra headers, and whether state changed."""

    status: int
    value: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    changed: bool = False


@dataclass(slots=True)
class Call:
    """A call that passed the gate: operation, path ids, parsed body, and the project it is about, if any."""

    request: Request
    operation: Operation
    route: Route
    ids: dict[str, int]
    body: dict[str, Any]
    state: State
    switches: ProcoreSwitches
    base_url: str
    webhooks: Webhooks
    found_project: Project | None = None

    @property
    def project(self) -> Project:
        """The project the call is about; the gate has made sure there is one."""
        if self.found_project is None:
            raise self.refuse(400, "project_id is missing", "project_id")
        return self.found_project

    def refuse(self, status: int, message: str, fields: str | None = None) -> Refused:
        """A refusal in the shape of this endpoint, to be raised."""
        return Refused(status, body_for(self.request.path, status, message, fields))

    def part(self, name: str) -> dict[str, Any]:
        """The wrapped record of a v1 write; 400 when the body has none."""
        found = self.body.get(name)
        if not isinstance(found, dict):
            raise self.refuse(400, f"{name} is missing", name)
        return found

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of a sync or bulk call; 400 when the body has none."""
        found = self.body.get(name)
        if not isinstance(found, list):
            raise self.refuse(400, f"{name} is missing", name)
        return found

    @property
    def items(self) -> list[Any]:
        """The body of the few operations whose body is a bare list."""
        body: Any = self.body
        return body if isinstance(body, list) else []

    def view(self, default: str) -> str:
        """The requested answer detail, or the endpoint's default."""
        return self.request.param("view") or self.request.param("serializer_view") or default

    def flag(self, name: str, default: bool) -> bool:
        """A true or false query parameter."""
        value = self.request.param(name)
        return default if value is None else value.lower() in ("true", "1")


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A served operation: who may call it (tool and level), who answers, its page sizes and what is simplified."""

    method: str
    path: str
    handler: Handler
    tool: str | None = None
    level: str = "read"
    page: int = 100
    cap: int = 2000
    note: str = ""
    exempt: bool = field(default=False)
    """Exempt from the company header for user tokens (facts/procore.md 2)."""


def routes(tool: str | None, *entries: Sequence[Any], page: int = 100, cap: int = 2000) -> tuple[Route, ...]:
    """Routes of one tool from (method, path, handler[, note]): reads need `read`, everything else `admin`."""
    made = []
    for method, path, handler, *note in entries:
        level = "read" if method == "GET" else "admin"
        made.append(Route(method, path, handler, tool, level, page, cap, note[0] if note else ""))
    return tuple(made)
