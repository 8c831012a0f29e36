"""Does an action for somebody, if they may: the only way from the pages and the API to what the product does."""

from __future__ import annotations

from typing import Any

from ml_connector.access.principal import Principal
from ml_connector.actions.action import Action, Call
from ml_connector.actions.playground import Playground
from ml_connector.app import App
from ml_connector.kernel.errors import NotAllowed


def perform(app: App, who: Principal, action: Action, given: Any, playground: Playground | None = None) -> Any:
    """What the action gives; NotAllowed when this person or token may not do it, else what the action itself raises.

    `playground` is the sandbox of a demo, which its own actions play with.
    """
    check_right(who, action)
    return action.call(Call(app.acting_as(who.name), who, playground), given)


def check_right(who: Principal, action: Action) -> None:
    """NotAllowed when this person or token may not do it, whatever it is asked with."""
    if action.permission not in who.permissions:
        raise NotAllowed(
            f"{who.name} may not do this: it takes the right to {action.permission.value}.",
            remedy="Ask an administrator for it, or somebody who has it to do it.",
        )
