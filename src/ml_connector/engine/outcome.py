"""What became of a plan, kept with it when a run of it ends: its steps as they stand, and its money by cost code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.money import Money, rounded
from ml_connector.planning.plan import unpack
from ml_connector.planning.spreading import NO_CODE, spread
from ml_connector.store import plan_steps, plans
from ml_connector.store.plan_steps import Fate, Left, Scene

ZERO = Decimal(0)

MOST_READ = 10_000
"""Steps up to which those that did not go are gone through, where others of their project and flow went."""

CAN_GO = ("planned", "waiting")
"""States of a step that can still be approved, or goes with the next run."""

Place = tuple[str, str]
"""A project and a flow."""

Sums = dict[tuple[str, str], Decimal]
"""Code and currency to money."""


class Applied(NamedTuple):
    """What was applied by project, flow and cost code."""

    codes: dict[Place, Sums]
    untold: list[Place]
    """Where that is not told, because too much has not gone yet."""

    def form(self) -> dict[str, Any]:
        """The same as it is kept, money as exact text."""
        rows = [
            [*place, code, currency, str(rounded(amount, currency))]
            for place, sums in sorted(self.codes.items())
            for (code, currency), amount in sorted(sums.items())
            if amount
        ]
        return {"codes": rows, "untold": [list(place) for place in self.untold]}


def keep_outcome(conn: Connection, connection_id: int, plan: str) -> None:
    """Keeps with a plan what became of its steps by now, so that its page need not go through them."""
    found = plans.one(conn, connection_id, plan)
    if found is None:
        return
    scene = plans.scene_of(conn, connection_id, found)
    fates = plan_steps.fates(conn, scene)
    applied = applied_by_code(found.parts, fates, lambda places: _left(conn, scene, places))
    rest = plan_steps.left(conn, scene, half_sent(fates))
    plans.put_outcome(conn, connection_id, plan, fates, {**applied.form(), "left": left_form(rest)})


def half_sent(fates: Sequence[Fate]) -> list[Place]:
    """Projects and flows of which some steps can still go, and others cannot: they went, or were refused."""
    found: dict[Place, set[bool]] = {}
    for fate in fates:
        found.setdefault((fate.place, fate.flow), set()).add(fate.state in CAN_GO)
    return sorted(place for place, can in found.items() if len(can) == 2)


def left_form(rest: Sequence[Left]) -> list[list[Any]]:
    """What can still go of those, as it is kept: place, flow, what, currency, records, and money as exact text."""
    return [
        [
            *msgspec.structs.astuple(row)[:-3],
            *(_exact(amount, row.currency) for amount in (row.amount, row.moved, row.recoded)),
        ]
        for row in rest
    ]


def _exact(amount: Decimal, currency: str) -> str:
    return str(rounded(amount, currency)) if currency else "0"


def applied_by_code(
    parts: Mapping[str, Any], fates: Sequence[Fate], left: Callable[[list[Place]], Mapping[Place, Sums]]
) -> Applied:
    """What was applied by code: what was planned, less what the steps that did not go would have moved.

    `left` gives the latter, and is asked only where some steps of a project and flow went and others did not. Codes
    always add up to the money of the steps that went: a rest stands under no code.
    """
    went: dict[Place, dict[str, Decimal]] = {}
    waits: dict[Place, int] = {}
    for fate in fates:
        place = fate.place, fate.flow
        if fate.currency and fate.state == "done":
            sums = went.setdefault(place, {})
            sums[fate.currency] = sums.get(fate.currency, ZERO) + fate.amount
        elif fate.currency:
            waits[place] = waits.get(place, 0) + fate.steps
    half = sorted(waits.keys() & went.keys())
    untold = half if sum(waits[place] for place in half) > MOST_READ else []
    less = left(half) if half and not untold else {}
    codes: dict[Place, Sums] = {place: {} for place in went if place not in untold}
    for entry in parts.get("projects", ()):
        for flow, code, currency, amount in entry["codes"]:
            _add(codes.get((entry["project"], flow)), (code, currency), Decimal(amount))
    for place, sums_left in less.items():
        for at, amount in sums_left.items():
            _add(codes.get(place), at, -amount)
    for place, found in codes.items():
        for currency, amount in went[place].items():
            told = sum((one for (_code, of), one in found.items() if of == currency), ZERO)
            _add(found, (NO_CODE, currency), amount - told)
    return Applied(codes, untold)


def _add(sums: Sums | None, at: tuple[str, str], amount: Decimal) -> None:
    if sums is not None and amount:
        sums[at] = sums.get(at, ZERO) + amount


def _left(conn: Connection, scene: Scene, places: Sequence[Place]) -> dict[Place, Sums]:
    """What the steps of some projects and flows would move by code that did not go."""
    found: dict[Place, Sums] = {}
    for step in plan_steps.not_gone(conn, scene, places):
        money = Money(step.amount, step.currency)
        for code, amount in spread(money, unpack(step.kind, step.body), step.former).items():
            _add(found.setdefault((step.place, step.flow), {}), (code, step.currency), amount)
    return found
