"""What a demo hands to its doors, so that visitors and programs can play with the simulated systems.

The product never leans on its sandbox: it knows this shape only, and the demo's command has what fills it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """One thing a person types or chooses for an act."""

    name: str
    label: str
    value: str = ""
    """What stands there at first, chosen so that the act works as it is."""
    help: str = ""
    options: tuple[tuple[str, str], ...] = ()
    """(value, text) to choose from; empty when it is typed."""


class Act(msgspec.Struct, frozen=True):
    """Something a person can do in one of the two systems."""

    key: str
    side: str
    """`ifs` or `procore`."""
    title: str
    sentence: str
    """Who does it, and what the connector makes of it."""
    entries: tuple[Entry, ...]


class Trouble(msgspec.Struct, frozen=True):
    """A way to break something, for the next calls or until it is mended."""

    kind: str
    title: str
    sentence: str


class Standing(msgspec.Struct, frozen=True):
    """A fault in force, or one that has spent itself."""

    title: str
    side: str
    """`ifs`, `procore`, or empty for both."""
    struck: int
    left: int | None
    """Calls it will still strike; None for all of them."""


class Heard(msgspec.Struct, frozen=True):
    """One call that a simulated system heard."""

    number: int
    at: datetime
    side: str
    method: str
    path: str
    status: int
    """0: the socket was cut before a whole answer."""
    ms: float
    write: bool
    changed: bool
    fault: str


class Playground(Protocol):
    """Both simulated systems, as a visitor of a demo may play with them. Refusals come as BadInput."""

    def now(self) -> datetime:
        """The present moment of the simulated world."""
        ...

    def advance(self, seconds: float) -> datetime:
        """Lets time go by in both systems; the new present."""
        ...

    def places(self) -> tuple[tuple[str, str], ...]:
        """Each system's name with its address."""
        ...

    def acts(self) -> tuple[Act, ...]:
        """Everything a visitor may do in the two systems."""
        ...

    def act(self, key: str, given: Mapping[str, str]) -> str:
        """Does one of them with what was typed; a sentence that says what happened."""
        ...

    def troubles(self) -> tuple[Trouble, ...]:
        """Every way to break something."""
        ...

    def strike(self, kind: str, side: str, times: int) -> None:
        """Breaks so many of the next calls (0: all) of a side, or of both when it is empty."""
        ...

    def standing(self) -> list[Standing]:
        """The faults put in so far."""
        ...

    def mend(self) -> None:
        """Takes all faults away."""
        ...

    def calls(self, side: str = "", *, writes: bool = False) -> list[Heard]:
        """The last calls, the latest first: of one side, or only those that wanted to change something."""
        ...
