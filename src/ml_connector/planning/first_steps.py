"""The way from nothing to a connection at work, step by step: what each is for, what it needs, and how it is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

import msgspec


class Step(msgspec.Struct, frozen=True):
    """One step of the set-up, whoever takes it."""

    key: str
    title: str
    sentence: str
    """What it is for, to a person who has never seen it."""
    command: str
    """The command line that does the same; {name} stands for the connection."""
    needs: tuple[str, ...] = ()
    """Steps that come first."""


STEPS = (
    Step(
        "erp",
        "Connect IFS",
        "Where your IFS is, and which company's orders are joined.",
        "setup erp {name} --url https://HOST --realm REALM --client-id CLIENT",
    ),
    Step(
        "projects",
        "Connect Procore",
        "Which Procore company takes part.",
        "setup projects {name} --url https://api.procore.com --company NUMBER --client-id CLIENT",
    ),
    Step(
        "rights",
        "Test the rights",
        "Every right and name we need on both sides, with what to do about what is missing.",
        "setup look {name} check",
        ("erp", "projects"),
    ),
    Step(
        "survey",
        "See what is there",
        "A report of both sides: nothing is changed by looking.",
        "setup look {name} survey",
        ("erp", "projects"),
    ),
    Step(
        "ownership",
        "Who owns what",
        "Which side's word counts for each kind of data. The defaults suit most companies.",
        "setup own {name}",
        ("erp", "projects"),
    ),
    Step(
        "sites",
        "Pair the projects",
        "Which IFS project is which Procore project. No project is ever made in Procore.",
        "setup pairs {name} project",
        ("survey",),
    ),
    Step(
        "mapping",
        "Map the codes",
        "Which cost code and cost type in Procore each IFS code string becomes.",
        "setup map {name}",
        ("survey",),
    ),
    Step(
        "vendors",
        "Match the vendors",
        "Which Procore vendor is which IFS supplier, for the suppliers of open orders.",
        "setup pairs {name} vendor",
        ("survey",),
    ),
    Step(
        "go_live",
        "Choose the day",
        "From which day on documents are carried over.",
        "setup go-live {name} MODE",
        ("erp", "projects"),
    ),
    Step(
        "plan",
        "Make the first plan",
        "Everything that would happen, before any of it does. Planning writes nothing in IFS or Procore.",
        "setup look {name} plan",
        ("erp", "projects"),
    ),
    Step(
        "approve",
        "Approve it",
        "A person says yes to exactly this plan, all of it or one pilot project. Only then is anything written.",
        "sync {name} --plan HASH",
        ("plan",),
    ),
    Step(
        "schedule",
        "Let it run",
        "When it works by itself, and whether later plans wait for approval.",
        "setup schedule {name}",
        ("approve",),
    ),
)
"""The steps, in their order."""

KEYS = tuple(step.key for step in STEPS)
"""Keys of the steps, in their order."""

SKIPPABLE = frozenset({"survey", "ownership", "sites", "mapping", "vendors", "go_live"})
"""Steps that a person may say are done as they are."""


State = Literal["done", "undecided", "now", "open", "waits"]
"""Done; a person went on with some of it undecided; the next to do; may be done; or waits for an earlier one."""


class Standing(msgspec.Struct, frozen=True):
    """One step of one set-up, as it stands."""

    step: Step
    number: int
    state: State
    said: str = ""
    """How it stands, in a few words."""


def standing(
    done: Collection[str], said: Mapping[str, str], undecided: Collection[str] = frozenset()
) -> tuple[Standing, ...]:
    """Every step as it stands; the first that nobody has done, or gone on from with some of it undecided, and that
    waits for none is the one to do now."""
    found: list[Standing] = []
    over = {*done, *undecided}
    now = next((one.key for one in STEPS if one.key not in over and set(one.needs) <= over), "")
    for number, step in enumerate(STEPS, 1):
        state: State = "open"
        if step.key in undecided:
            state = "undecided"
        elif step.key in done:
            state = "done"
        elif step.key == now:
            state = "now"
        elif not set(step.needs) <= over:
            state = "waits"
        found.append(Standing(step, number, state, said.get(step.key, "")))
    return tuple(found)


def following(key: str) -> str:
    """The step after one; the last one stays."""
    return KEYS[min(KEYS.index(key) + 1, len(KEYS) - 1)]
