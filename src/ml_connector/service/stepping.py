"""Long work in steps and slices: one step's failure does not stop the others, and every job of it is short."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from ml_connector.kernel.errors import ConnectorError, Wait
from ml_connector.service.duty import Done, Duty

SECONDS = 20.0
"""How long one job of it takes before it lets others go first."""
PAUSE = timedelta(minutes=15)
"""When steps that had to wait (a run at work, a side away) are tried again."""
MOST = 8
"""How often they are. What has to wait the last time, too, has failed, and is told."""


class Step(NamedTuple):
    """A point at which a step may be cut."""

    at: str
    """Where to go on from; empty when nothing of the step is left."""
    said: str
    """What there is to say of what was just done."""


Doing = Callable[[Duty, str], Iterator[Step]]
"""A step: does its work from where it is told to, piece by piece."""


def go(duty: Duty, steps: Mapping[str, Doing], told: Callable[[str, Exception | None], None]) -> Done:
    """Does the steps in their order, from where the last job left; `told` hears how each ended.

    Args of the job: `step` and `at` where to go on, `only` the steps that are tried again, `tries`, and `said`.
    """
    began = time.monotonic()
    names = list(duty.args.get("only") or steps)
    said: list[str] = list(duty.args.get("said") or ())
    waiting: list[str] = list(duty.args.get("waiting") or ())
    last = int(duty.args.get("tries") or 0) >= MOST
    ill: list[str] = list(duty.args.get("ill") or ())
    first, at = str(duty.args.get("step") or ""), str(duty.args.get("at") or "")
    following = dict(zip(names, [*names[1:], ""], strict=True))
    for name in names[names.index(first) if first in names else 0 :]:
        try:
            for step in steps[name](duty, at if name == first else ""):
                said += [step.said] if step.said else []
                why = duty.enough() or ("" if time.monotonic() - began < SECONDS else "It lets others go first.")
                goes_on = name if step.at else following[name]
                if why and goes_on:
                    if not step.at:
                        told(name, None)
                    rest = _rest(duty, said=said, waiting=waiting, ill=ill, step=goes_on, at=step.at)
                    return Done(True, duty.app.clock(), f"{why} It goes on with {goes_on}.", rest)
        except Wait as error:
            (ill if last else waiting).append(name)
            said.append(f"{name} waits: {error.sentence}")
            if last:
                told(name, error)
        except Exception as error:  # whatever it is, the other steps are done, and people are told
            ill.append(name)
            said.append(f"{name} failed: {_named(error)}")
            told(name, error)
        else:
            told(name, None)
    return _done(duty, said, waiting, ill)


def _named(error: Exception) -> str:
    return error.sentence if isinstance(error, ConnectorError) else type(error).__name__


def _rest(duty: Duty, **parts: Any) -> dict[str, Any]:
    return {name: value for name, value in {**duty.args, **parts}.items() if value}


def _done(duty: Duty, said: list[str], waiting: list[str], ill: list[str]) -> Done:
    tries = int(duty.args.get("tries") or 0)
    why = "; ".join(dict.fromkeys(said))
    if waiting:
        rest = {"only": waiting, "tries": tries + 1}
        return Done(False, duty.app.clock() + PAUSE, why, rest)
    return Done(not ill, None, why, {"step": ""} if duty.args else {})
