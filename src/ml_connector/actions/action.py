"""One thing a person or a program can do: what it takes and gives, who may, and the command that does the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from ml_connector.access.permissions import Permission
from ml_connector.access.principal import Principal
from ml_connector.actions.playground import Playground
from ml_connector.app import App


class Call(msgspec.Struct, frozen=True):
    """Who asks, and the App that acts in their name."""

    app: App
    who: Principal
    playground: Playground | None = None
    """The demo's sandbox; None where the systems are real."""


class Nothing(msgspec.Struct, frozen=True):
    """What an action takes that needs no input, or gives that has no answer."""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. `call` gets a Call and a value of `takes`, and gives a value of `gives`."""

    name: str
    """Area and what, such as holds.rule; unique."""
    permission: Permission
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    """Under /api/v1; names in braces are fields of `takes`."""
    takes: type[msgspec.Struct]
    gives: Any
    call: Callable[[Call, Any], Any]
    command: str
    """The command line that does the same, without the program's name: `rule`, `mapping restore`."""
    sentence: str
    """What it does, for the API's page."""

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"
