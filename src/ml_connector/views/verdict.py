"""Is everything all right? One sentence about a connection, with the worst first."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ml_connector.kernel.text import listed

GOOD, WAITING, RETURNED, FAILED, NONE = "good", "waiting", "returned", "failed", "none"
"""Tones, as pages colour them: all is well, somebody is waited for, look at it, mend it, nothing goes on."""
RANKS = (FAILED, RETURNED, WAITING, NONE, GOOD)
"""The worst first."""


class Verdict(msgspec.Struct, frozen=True):
    """The answer: its tone, one or two words, and the sentence."""

    tone: str
    word: str
    sentence: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What it is judged by; an empty text is nothing to say."""

    worker: bool = True
    """Whether a process that does jobs is alive."""
    broken: str = ""
    """Why a side is not called."""
    exposure: str = ""
    """The figure when it is not 0."""
    exposure_known: bool = True
    """Whether it was ever computed."""
    exposure_old: str = ""
    """How long ago, when that is too long to be relied on."""
    exposure_before: bool = False
    """Whether something was sent to Procore since it was computed."""
    hidden: int = 0
    """Documents that wait because Procore does not show us their project any more."""
    missing: str = ""
    """What was placed in Procore and is not there any more, when that is not 0."""
    urgent: str = ""
    """The first alert that is urgent."""
    warning: str = ""
    """The first other alert that is no mere notice."""
    paused: str = ""
    """Who paused the whole connection, and why."""
    setting_up: bool = False
    """Whether that pause is the one of its set-up."""
    late: tuple[str, ...] = ()
    """Flows above their target of freshness, unless it is known why; likewise the next."""
    aging: tuple[str, ...] = ()
    """Flows near their target."""
    never: tuple[str, ...] = ()
    """Flows that have not run well yet."""
    paused_flows: tuple[tuple[str, str], ...] = ()
    """Flows that stand still by themselves, each with who paused it, and why."""
    plans: int = 0
    """Plans that wait for approval."""
    parked: int = 0
    scheduled: bool = True
    unknown: int = 0
    """Writes of which no answer came."""
    unknown_money: tuple[str, ...] = ()
    """What they move, by currency, as people read it."""
    held: int = 0
    held_money: tuple[str, ...] = ()
    """What is held, by currency, as people read it."""


def verdict(facts: Facts) -> Verdict:
    """The first thing that applies, the worst first."""
    return _trouble(facts) or _attention(facts) or _well(facts)


def _trouble(facts: Facts) -> Verdict | None:
    if facts.broken:
        return Verdict(FAILED, "out of reach", facts.broken)
    if facts.exposure:
        return Verdict(FAILED, "counted twice", f"{facts.exposure} would be counted twice in Procore.")
    if facts.setting_up:
        said = "It is being set up: nothing runs, and nothing is written, before its first plan is approved."
        return Verdict(NONE, "being set up", said)
    if facts.scheduled and not facts.worker and not facts.paused:
        return Verdict(
            FAILED, "stands still", "Nothing runs: whoever looks after the installation must start the service."
        )
    if facts.urgent:
        return Verdict(FAILED, "needs you", facts.urgent)
    if facts.late:
        return Verdict(FAILED, "late", f"{_named(facts.late)} not as fresh as agreed.")
    if facts.missing:
        return Verdict(RETURNED, "missing", f"{facts.missing} that was placed in Procore is not there any more.")
    if facts.paused:
        return Verdict(NONE, "paused", f"Paused by {facts.paused}. Nothing runs until somebody resumes it.")
    return None


def _attention(facts: Facts) -> Verdict | None:
    if facts.parked:
        said = "A job was given up and waits" if facts.parked == 1 else f"{facts.parked} jobs were given up and wait"
        return Verdict(RETURNED, "given up", f"{said} for a person.")
    if facts.plans:
        what = "A plan waits" if facts.plans == 1 else f"{facts.plans} plans wait"
        return Verdict(WAITING, "approval", f"{what} for approval: nothing of it is sent before.")
    if facts.warning:
        return Verdict(RETURNED, "look", facts.warning)
    if facts.hidden:
        what = "1 document waits" if facts.hidden == 1 else f"{facts.hidden:,} documents wait"
        said = f"Procore does not show us a project any more that is mapped: {what} for it, and nothing of it is sent."
        return Verdict(RETURNED, "project lost", f"{said} An administrator of Procore can let us see it again.")
    if facts.unknown:
        what = "1 write" if facts.unknown == 1 else f"{facts.unknown:,} writes"
        said = f"What became of {what}{_sum(facts.unknown_money)} is not known: the next run asks."
        return Verdict(RETURNED, "not known", said)
    if facts.aging:
        return Verdict(RETURNED, "getting old", f"{_named(facts.aging)} close to being too old.")
    if facts.exposure_old:
        said = f"The exposure was computed {facts.exposure_old}: whether it reads 0 is not known today."
        return Verdict(RETURNED, "not known today", said)
    if not facts.scheduled:
        return Verdict(NONE, "not scheduled", "Nothing is scheduled yet: no worker has looked at this connection.")
    if facts.never:
        return Verdict(NONE, "not run yet", f"Not run well yet: {listed([_plain(flow) for flow in facts.never], 3)}.")
    return None


def _well(facts: Facts) -> Verdict:
    proof = "the exposure reads 0" if facts.exposure_known else "the exposure was not computed yet"
    if facts.exposure_known and facts.exposure_before:
        proof = "the exposure read 0 when it was computed, before the last sending"
    runs = f"{_still(facts.paused_flows)}. Everything else runs" if facts.paused_flows else "Everything runs"
    if facts.held:
        what = "1 document waits" if facts.held == 1 else f"{facts.held:,} documents wait"
        return Verdict(WAITING, "waits for you", f"{runs} and {proof}. {what} for a person{_sum(facts.held_money)}.")
    if facts.paused_flows:
        return Verdict(NONE, "partly paused", f"{runs}, nothing is held, and {proof}.")
    if not facts.exposure_known:
        said = f"{runs} and nothing is held; {proof}, so that nobody knows today whether it reads 0."
        return Verdict(NONE, "not known yet", said)
    return Verdict(GOOD, "all right", f"Everything is all right: all flows are fresh, nothing is held, {proof}.")


def worst(found: Sequence[tuple[str, Verdict]]) -> Verdict:
    """The answer for several connections, each with its name, together: the worst of them, which it names."""
    if not found:
        return Verdict(NONE, "nothing yet", "There is no connection yet.")
    name, first = min(found, key=lambda one: RANKS.index(one[1].tone))
    if len(found) == 1 or first.tone == GOOD:
        return first
    others = [other for other, one in found if one.tone == first.tone and other != name]
    besides = f" Look at {listed(others, 3)} as well." if others else ""
    return Verdict(first.tone, first.word, f"{name}: {first.sentence}{besides}")


def _sum(money: Sequence[str]) -> str:
    return f" ({', '.join(money)})" if money else ""


def _still(flows: Sequence[tuple[str, str]]) -> str:
    if len(flows) == 1:
        return f"{_named([flows[0][0]])} paused by {flows[0][1]}".rstrip(".")
    return f"{_named([flow for flow, _ in flows])} paused"


def _named(flows: Sequence[str]) -> str:
    names = [_plain(flow) for flow in flows]
    said = names[0] if len(names) == 1 else f"{', '.join(names[:3])}{' and more' if len(names) > 3 else ''}"
    return f"{said[0].upper()}{said[1:]} {'is' if len(names) == 1 else 'are'}"


def _plain(flow: str) -> str:
    return flow.replace("_", " ")
