"""What every send shares, whichever system it goes to: an effect's body and ids, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ml_connector.kernel.errors import Bug, ConnectorError, OutcomeUnknown, Refused, Wait
from ml_connector.kernel.keys import Key
from ml_connector.systems.port import Effect, Outcome, Result

Work = Callable[[Sequence[Effect]], list[Outcome]]
"""Sends some effects of one kind, verb and scope, and says how each ended."""

B = TypeVar("B")
Find = TypeVar("Find")


def body_of(effect: Effect, kind: type[B]) -> B:
    """The record an effect carries; another kind is our bug."""
    if not isinstance(effect.body, kind):
        raise Bug(f"Intent {effect.intent_id} ({effect.verb} {effect.kind}) carries no {kind.__name__}.")
    return effect.body


def id_of(effect: Effect, kind: str, name: str) -> str:
    """The other side's id of something the effect needs; its absence is our bug, for planning named the need."""
    found = effect.ids.get(Key(kind, name))
    if not found:
        raise Bug(f"Intent {effect.intent_id} ({effect.verb} {effect.kind}) was sent without its {kind} {name}.")
    return found


def done(effect: Effect, target: object, stamp: str | None = None) -> Outcome:
    """It is there: its id over there, and when it last changed."""
    return Outcome(effect.intent_id, Result.DONE, str(target), stamp or "")


def refused(effect: Effect, sentence: str, reference: str = "") -> Outcome:
    """Their rules said no, in their words or ours."""
    return Outcome(effect.intent_id, Result.REFUSED, effect.target, sentence=sentence, reference=reference)


def unknown(effect: Effect, sentence: str, reference: str = "") -> Outcome:
    """Nobody knows; it must be read back."""
    return Outcome(effect.intent_id, Result.UNKNOWN, effect.target, sentence=sentence, reference=reference)


def ended(effects: Sequence[Effect], error: ConnectorError) -> list[Outcome]:
    """The same ending for all of `effects`: unknown, waiting or refused by the error's kind; set-up trouble is raised.

    Raises `error` itself when it is none of the three.
    """
    if isinstance(error, OutcomeUnknown):
        result = Result.UNKNOWN
    elif isinstance(error, Wait):
        result = Result.WAITING
    elif isinstance(error, Refused):
        result = Result.REFUSED
    else:
        raise error
    return all_of(effects, result, error)


def all_of(effects: Sequence[Effect], result: Result, error: ConnectorError) -> list[Outcome]:
    """One `result` for all of `effects`, in the error's words."""
    ref = error.reference or ""
    return [Outcome(e.intent_id, result, e.target, sentence=error.sentence, reference=ref) for e in effects]


def guarded(effects: Sequence[Effect], work: Work) -> list[Outcome]:
    """The outcomes of `work`, with refusals, pauses and lost answers turned into outcomes.

    Trouble with the set-up and bugs of ours are raised.
    """
    try:
        return work(effects)
    except (OutcomeUnknown, Wait, Refused) as error:
        return ended(effects, error)


def one_by_one(
    effects: Sequence[Effect],
    send: Callable[[Effect], Outcome],
    guard: Callable[[Sequence[Effect], Work], list[Outcome]] = guarded,
) -> list[Outcome]:
    """Sends effects for which there is no batch, each with its own ending by `guard`."""
    return [outcome for effect in effects for outcome in guard((effect,), lambda few: [send(few[0])])]


def dispatched(
    effects: Sequence[Effect],
    sends: Mapping[tuple[str, str], Work],
    system: str,
    guard: Callable[[Sequence[Effect], Work], list[Outcome]] = guarded,
) -> list[Outcome]:
    """Sends one batch of one kind, verb and scope by the work for it, under `guard`; one outcome each, in order.

    Set-up trouble is raised. `system` is the name people know, for the Bug that a batch nobody can send is.
    """
    if not effects:
        return []
    kind, verb, scope = effects[0].kind, effects[0].verb, effects[0].scope
    work = sends.get((kind, verb))
    if work is None:
        raise Bug(f"{system} has nothing to do for {verb} {kind}.")
    if any((one.kind, one.verb, one.scope) != (kind, verb, scope) for one in effects):
        raise Bug("One batch spans several kinds, verbs or projects.")
    return guard(effects, work)


def reader_of(effect: Effect, finds: Mapping[str, Find], system: str) -> Find:
    """What reads an effect of unknown outcome back; a kind nobody reads back is our bug."""
    reader = finds.get(effect.kind)
    if reader is None:
        raise Bug(f"{system} keeps no {effect.kind} of ours.")
    return reader
