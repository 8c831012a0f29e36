"""What every send to Procore shares: ids as its bodies want them, and endings that are Procore's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ml_connector.kernel.errors import Bug
from ml_connector.systems import outcomes
from ml_connector.systems.outcomes import Work, body_of, done, id_of, refused, unknown
from ml_connector.systems.port import Effect, Outcome, Result
from ml_connector.systems.procore.answers import NotSeen, TooLarge

__all__ = [
    "Work",
    "body_of",
    "done",
    "guarded",
    "id_of",
    "number_of",
    "one_by_one",
    "project_of",
    "refused",
    "unknown",
]


def project_of(effects: Sequence[Effect]) -> str:
    """Procore's id of the project one batch happens in."""
    return id_of(effects[0], "project", effects[0].scope)


def number_of(id_: str) -> int:
    """An id as v1 bodies want it: an integer. Our ids are opaque strings, Procore's are numbers (trap 10)."""
    if not id_.isdigit():
        raise Bug(f"{id_!r} is no Procore id.")
    return int(id_)


def guarded(effects: Sequence[Effect], work: Work) -> list[Outcome]:
    """The outcomes of `work`, with refusals, pauses and lost answers turned into outcomes.

    Trouble with the set-up and bugs of ours are raised. A body that is too large is sent again in halves.
    """
    return outcomes.guarded(effects, lambda few: _halved(few, work))


def one_by_one(effects: Sequence[Effect], send: Callable[[Effect], Outcome]) -> list[Outcome]:
    """Sends effects for which there is no batch, each with its own ending."""
    return outcomes.one_by_one(effects, send, guarded)


def _halved(effects: Sequence[Effect], work: Work) -> list[Outcome]:
    try:
        return work(effects)
    except TooLarge:
        if len(effects) < 2:
            raise
        half = len(effects) // 2
        return guarded(effects[:half], work) + guarded(effects[half:], work)
    except NotSeen as error:
        return outcomes.all_of(effects, Result.REFUSED, error)
