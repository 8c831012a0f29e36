"""What the sandbox asks of a simulated system, so that the server need not know which one it serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ml_connector.sandbox.http import Request, Response
from ml_connector.sandbox.world import World

SIDES = ("ifs", "procore")
"""The two simulated systems, as the admin surface and the fault rules name them."""


class SimulatedSystem(Protocol):
    """A face with its switches and its acts; answers one request at a time and never raises for what a caller sent."""

    @property
    def switches(self) -> Any:
        """A mutable dataclass of behaviours that can be changed while it runs."""

    @property
    def acts(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """What people in that system can do, by name; an act answers JSON values and refuses with ValueError."""

    def handle(self, request: Request) -> Response:
        """The answer to one call."""

    def refusal(self, status: int, retry_after: int | None = None, kind: str | None = None) -> Response:
        """This system's own refusal at that status; `kind` names a special one, such as MI_MODIFIED_ERROR."""

    def summary(self) -> Mapping[str, Any]:
        """Counts of what it holds."""


@dataclass(frozen=True, slots=True)
class Side:
    """One simulated system as the sandbox runs it: its face, and how a world is put into it under a base address."""

    face: SimulatedSystem
    load: Callable[[World, str], None]
