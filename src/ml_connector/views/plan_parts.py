"""The parts of a plan: what it does in each project and flow, and what became of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.engine.outline import TOLD
from ml_connector.kernel.money import rounded
from ml_connector.planning.approving import COMPANY_WIDE
from ml_connector.planning.locking import LOCKS
from ml_connector.registry import FLOWS
from ml_connector.store.plan_steps import Fate

ZERO = Decimal(0)

NO_PROJECT = "No project (company-wide)"
"""What lies in no project, as people read it."""

Amounts = dict[str, str]
"""Exact amounts by currency."""


class Code(msgspec.Struct, frozen=True):
    """Money of one flow on one code of a project; an empty code is what no line says."""

    flow: str
    code: str
    currency: str
    planned: str


class FlowPart(msgspec.Struct, frozen=True, kw_only=True):
    """What one flow does, with its own money: two flows are never added up, for an order and its invoice are not twice
    the money."""

    flow: str
    counts: dict[str, int]
    planned: Amounts
    applied: Amounts
    states: dict[str, int]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan does in one project; `project` is `-` for what lies in none."""

    project: str
    name: str = ""
    flows: list[FlowPart]
    counts: dict[str, int]
    planned: Amounts
    """Over all flows, as brakes and limits see it."""
    applied: Amounts
    states: dict[str, int]
    """State to the number of steps that stand so."""
    codes: list[Code]
    locked: dict[str, int]
    """Kind to the number of records that Procore locks."""
    unbudgeted: list[Code]
    waits: bool
    """Whether some of it can still be approved."""
    held: int = 0
    """Records of this project that were held when the plan was made, and are not in it."""
    held_money: Amounts = {}
    """What those come to, whatever its sign."""


def held_in(parts: Mapping[str, Any], place: str) -> tuple[int, Amounts]:
    """How many records of a project were held beside a plan, and their money."""
    held = parts.get("held", {})
    return held.get("records", {}).get(place, 0), held.get("money", {}).get(place, {})


def parts_of(parts: Mapping[str, Any], fates: Sequence[Fate], *, waiting: bool) -> list[Part]:
    """What a plan does in each project, what lies in none last. `waiting`: some of it can still be approved.

    Projects of which all is held have a part that does nothing.
    """
    entries = list(parts.get("projects", ()))
    planned = {entry["project"] for entry in entries}
    idle = sorted(parts.get("held", {}).get("records", {}).keys() - planned)
    entries += [
        {"project": place, "flows": {}, "money": {}, "codes": [], "locked": {}, "unbudgeted": []} for place in idle
    ]
    by_place: dict[str, list[Fate]] = {}
    for fate in fates:
        by_place.setdefault(fate.place, []).append(fate)
    found = [
        _part(parts, entry, by_place.get(entry["project"], []), open_=waiting and entry["project"] in planned)
        for entry in entries
    ]
    return sorted(found, key=lambda part: (part.project == COMPANY_WIDE, part.project))


def _part(parts: Mapping[str, Any], entry: Mapping[str, Any], fates: Sequence[Fate], *, open_: bool) -> Part:
    states = states_of(fates)
    place = entry["project"]
    flows = entry["flows"].values()
    sums = {what: sum(flow.get(what, 0) for flow in flows) for what in TOLD}
    here = held_in(parts, place)
    return Part(
        project=place or COMPANY_WIDE,
        name=entry.get("name", "") if place else NO_PROJECT,
        flows=by_flow([entry], fates),
        counts=sums,
        planned=entry["money"],
        applied=applied_of(fates),
        states=states,
        codes=[Code(*code) for code in entry["codes"]],
        locked={kind: number for kind, number in entry["locked"].items() if kind in LOCKS},
        unbudgeted=[Code("", *code) for code in entry["unbudgeted"]],
        waits=open_ and (not fates or any(state in states for state in ("planned", "waiting"))),
        held=here[0],
        held_money=here[1],
    )


def by_flow(entries: Sequence[Mapping[str, Any]], fates: Sequence[Fate]) -> list[FlowPart]:
    """What each flow does in some projects together, in the order of the registry."""
    counts: dict[str, dict[str, int]] = {}
    planned: dict[str, dict[str, Decimal]] = {}
    for entry in entries:
        for flow, numbers in entry["flows"].items():
            sums = counts.setdefault(flow, dict.fromkeys(TOLD, 0))
            for what in TOLD:
                sums[what] += numbers.get(what, 0)
        for flow, _code, currency, amount in entry["codes"]:
            money = planned.setdefault(flow, {})
            money[currency] = money.get(currency, ZERO) + Decimal(amount)
    return [
        FlowPart(
            flow=flow,
            counts=counts[flow],
            planned={currency: str(amount) for currency, amount in sorted(planned.get(flow, {}).items())},
            applied=applied_of([fate for fate in fates if fate.flow == flow]),
            states=states_of([fate for fate in fates if fate.flow == flow]),
        )
        for flow in FLOWS
        if flow in counts
    ]


def states_of(fates: Sequence[Fate]) -> dict[str, int]:
    """State to the number of steps that stand so."""
    found: dict[str, int] = {}
    for fate in fates:
        found[fate.state] = found.get(fate.state, 0) + fate.steps
    return found


def applied_of(fates: Sequence[Fate]) -> Amounts:
    """Money of what was done, by currency."""
    sums: dict[str, Decimal] = {}
    for fate in fates:
        if fate.currency and fate.state == "done":
            sums[fate.currency] = sums.get(fate.currency, ZERO) + fate.amount
    return {currency: str(rounded(amount, currency)) for currency, amount in sorted(sums.items())}
