"""What every send shares: reading an effect's body and ids, and saying how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ml_connector.kernel.errors import Bug, ConnectorError, OutcomeUnknown, Refused, Wait
from ml_connector.kernel.keys import Key
from ml_connector.records.commitment import ChangeOrder, Commitment
from ml_connector.records.cost_code import BudgetCode, CostCode
from ml_connector.records.vendor import ProjectVendor, Vendor
from ml_connector.systems.port import Effect, Outcome, Result
from ml_connector.systems.procore.answers import NotSeen, TooLarge

Work = Callable[[Sequence[Effect]], list[Outcome]]
"""Sends some effects of one kind, verb and scope, and says how each ended."""

B = TypeVar("B", Vendor, ProjectVendor, CostCode, BudgetCode, Commitment, ChangeOrder)


def body_of(effect: Effect, kind: type[B]) -> B:
    """The record an effect carries; another kind is our bug."""
    if not isinstance(effect.body, kind):
        raise Bug(f"Intent {effect.intent_id} ({effect.verb} {effect.kind}) carries no {kind.__name__}.")
    return effect.body


def id_of(effect: Effect, kind: str, name: str) -> str:
    """Procore's id of something the effect needs; its absence is our bug, for planning named the need."""
    found = effect.ids.get(Key(kind, name))
    if not found:
        raise Bug(f"Intent {effect.intent_id} ({effect.verb} {effect.kind}) was sent without its {kind} {name}.")
    return found


def project_of(effects: Sequence[Effect]) -> str:
    """Procore's id of the project one batch happens in."""
    return id_of(effects[0], "project", effects[0].scope)


def number_of(id_: str) -> int:
    """An id as v1 bodies want it: an integer. Our ids are opaque strings, Procore's are numbers (trap 10)."""
    if not id_.isdigit():
        raise Bug(f"{id_!r} is no Procore id.")
    return int(id_)


def done(effect: Effect, target: object, stamp: str | None = None) -> Outcome:
    """It is there: its Procore id, and when it last changed."""
    return Outcome(effect.intent_id, Result.DONE, str(target), stamp or "")


def refused(effect: Effect, sentence: str, reference: str = "") -> Outcome:
    """Their rules said no, in their words or ours."""
    return Outcome(effect.intent_id, Result.REFUSED, effect.target, sentence=sentence, reference=reference)


def unknown(effect: Effect, sentence: str, reference: str = "") -> Outcome:
    """Nobody knows; it must be read back."""
    return Outcome(effect.intent_id, Result.UNKNOWN, effect.target, sentence=sentence, reference=reference)


def guarded(effects: Sequence[Effect], work: Work) -> list[Outcome]:
    """The outcomes of `work`, with refusals, pauses and lost answers turned into outcomes.

    Trouble with the set-up and bugs of ours are raised. A body that is too large is sent again in halves.
    """
    try:
        return work(effects)
    except TooLarge as error:
        if len(effects) > 1:
            half = len(effects) // 2
            return guarded(effects[:half], work) + guarded(effects[half:], work)
        return _all(effects, Result.REFUSED, error)
    except OutcomeUnknown as error:
        return _all(effects, Result.UNKNOWN, error)
    except Wait as error:
        return _all(effects, Result.WAITING, error)
    except (Refused, NotSeen) as error:
        return _all(effects, Result.REFUSED, error)


def one_by_one(effects: Sequence[Effect], send: Callable[[Effect], Outcome]) -> list[Outcome]:
    """Sends effects for which there is no batch, each with its own ending."""
    return [outcome for effect in effects for outcome in guarded((effect,), lambda few: [send(few[0])])]


def _all(effects: Sequence[Effect], result: Result, error: ConnectorError) -> list[Outcome]:
    ref = error.reference or ""
    return [Outcome(e.intent_id, result, e.target, sentence=error.sentence, reference=ref) for e in effects]
