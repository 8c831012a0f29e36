"""The parts of a plan: what it does in each project and flow, and what became of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.engine.outcome import CAN_GO
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
    applied: str | None = None
    """What of it was applied; None where that is not told, as while nothing is sent or a run is at it."""


class FlowRest(msgspec.Struct, frozen=True, kw_only=True):
    """What of a flow can still be approved: its records, and the money of its steps that can."""

    counts: dict[str, int]
    planned: Amounts
    """Net."""
    moved: Amounts
    """Each amount without its sign."""
    recoded: Amounts = {}
    """What of `moved` only goes from some codes to others: it is in no net amount."""


class FlowPart(msgspec.Struct, frozen=True, kw_only=True):
    """What one flow does, with its own money: two flows are never added up, for an order and its invoice are not twice
    the money."""

    flow: str
    counts: dict[str, int]
    planned: Amounts
    """Net: what is added, less what is taken away."""
    moved: Amounts
    """The same, each amount without its sign, with what only goes to another code: what brakes and the limit of four
    eyes go by."""
    applied: Amounts
    states: dict[str, int]
    recoded: Amounts = {}
    """What of `moved` only goes from some codes to others: it is in no net amount."""
    recoded_applied: Amounts = {}
    """What of that was done."""
    waits: bool = False
    """Whether some of it can still be approved."""
    rest: FlowRest | None = None
    """What of it that is; None where nothing can."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan does in one project; `project` is `-` for what lies in none."""

    project: str
    name: str = ""
    flows: list[FlowPart]
    counts: dict[str, int]
    planned: Amounts
    """Net, over all flows."""
    moved: Amounts
    """Over all flows, each amount without its sign, with what only goes to another code: what brakes and the limit of
    four eyes go by."""
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


class Rest(msgspec.Struct, frozen=True, kw_only=True):
    """What of a plan can still be approved: flow by flow of each project, whatever went already left out."""

    projects: int
    counts: dict[str, int]
    planned: Amounts
    """Net."""
    moved: Amounts
    """Each amount without its sign."""


def rest_of(parts: Sequence[Part]) -> Rest:
    """What of some parts of a plan can still be approved."""
    waiting = [part for part in parts if part.waits]
    flows = [flow.rest for part in waiting for flow in part.flows if flow.rest]
    return Rest(
        projects=len(waiting),
        counts={what: sum(flow.counts[what] for flow in flows) for what in TOLD},
        planned=added(flow.planned for flow in flows),
        moved=added(flow.moved for flow in flows),
    )


def added(amounts: Iterable[Amounts]) -> Amounts:
    """Amounts added up, currency by currency."""
    sums: dict[str, Decimal] = {}
    for one in amounts:
        for currency, amount in one.items():
            sums[currency] = sums.get(currency, ZERO) + Decimal(amount)
    return {currency: str(amount) for currency, amount in sorted(sums.items())}


class Applied:
    """What was applied of a plan by project, flow and code, as it was kept when its run ended."""

    def __init__(self, outcome: Mapping[str, Any]) -> None:
        self.known = "codes" in outcome
        self._untold = {(place, flow) for place, flow in outcome.get("untold", ())}
        self._by_flow: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
        for place, flow, code, currency, amount in outcome.get("codes", ()):
            self._by_flow.setdefault((place, flow), {})[code, currency] = amount

    def codes(self, place: str, planned: Sequence[Sequence[str]]) -> list[Code]:
        """The codes of a project with both: those of `planned` (flow, code, currency, amount), and what else went."""
        found = {(flow, code, currency): amount for flow, code, currency, amount in planned}
        if not self.known:
            return [Code(*at, amount) for at, amount in found.items()]
        for (at, flow), sums in self._by_flow.items():
            if at == place:
                found = {**{(flow, *one): "0.00" for one in sums}, **found}
        return [Code(*at, amount, self._of(place, at)) for at, amount in sorted(found.items())]

    def _of(self, place: str, at: tuple[str, str, str]) -> str | None:
        flow, code, currency = at
        if (place, flow) in self._untold:
            return None
        return self._by_flow.get((place, flow), {}).get((code, currency), str(rounded(ZERO, currency)))


Lefts = dict[tuple[str, str], FlowRest]
"""Project and flow to what can still go, where that is not all of it."""


def lefts_of(rows: Iterable[Sequence[Any]]) -> Lefts:
    """What can still go where a part went, from rows as they are kept (engine/outcome.py)."""
    found: dict[tuple[str, str], list[FlowRest]] = {}
    for place, flow, what, currency, records, amount, moved, *turned in rows:  # of an earlier release none
        one = FlowRest(
            counts={what: int(records)} if what else {},
            planned={currency: amount} if currency else {},
            moved={currency: moved} if currency else {},
            recoded={currency: turned[0]} if currency and turned and Decimal(turned[0]) else {},
        )
        found.setdefault((place, flow), []).append(one)
    return {
        at: FlowRest(
            counts={what: sum(one.counts.get(what, 0) for one in rests) for what in TOLD},
            planned=added(one.planned for one in rests),
            moved=added(one.moved for one in rests),
            recoded=added(one.recoded for one in rests),
        )
        for at, rests in found.items()
    }


def parts_of(
    parts: Mapping[str, Any],
    fates: Sequence[Fate],
    applied: Applied | None = None,
    lefts: Lefts | None = None,
    *,
    waiting: bool,
) -> list[Part]:
    """What a plan does in each project, what lies in none last. `waiting`: some of it can still be approved.

    `lefts` says what of a flow can still go where a part of it went; where it does not, the flow counts whole. Projects
    of which all is held have a part that does nothing.
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
        _part(parts, entry, by_place.get(entry["project"], []), (applied or Applied({}), lefts or {}), open_=waiting)
        for entry in entries
    ]
    return sorted(found, key=lambda part: (part.project == COMPANY_WIDE, part.project))


def _part(
    parts: Mapping[str, Any],
    entry: Mapping[str, Any],
    fates: Sequence[Fate],
    came: tuple[Applied, Lefts],
    *,
    open_: bool,
) -> Part:
    applied, lefts = came
    states = states_of(fates)
    place = entry["project"]
    counts = entry["flows"].values()
    sums = {what: sum(flow.get(what, 0) for flow in counts) for what in TOLD}
    flows = by_flow([entry], fates)
    if open_:
        flows = [_with_rest(flow, lefts.get((place, flow.flow))) for flow in flows]
    here = held_in(parts, place)
    return Part(
        project=place or COMPANY_WIDE,
        name=entry.get("name", "") if place else NO_PROJECT,
        flows=flows,
        counts=sums,
        planned=entry["money"],
        moved=added(flow.moved for flow in flows),
        applied=applied_of(fates),
        states=states,
        codes=applied.codes(place, entry["codes"]),
        locked={kind: number for kind, number in entry["locked"].items() if kind in LOCKS},
        unbudgeted=[Code("", *code) for code in entry["unbudgeted"]],
        waits=open_ and bool(counts) and _waits(states),
        held=here[0],
        held_money=here[1],
    )


def _waits(states: Mapping[str, int]) -> bool:
    return not states or any(state in states for state in CAN_GO)


def _with_rest(flow: FlowPart, left: FlowRest | None) -> FlowPart:
    """A flow of a plan that can be approved, with what of it waits: what is `left`, or all of it."""
    if not _waits(flow.states):
        return flow
    whole = FlowRest(counts=flow.counts, planned=flow.planned, moved=flow.moved, recoded=flow.recoded)
    return msgspec.structs.replace(flow, waits=True, rest=left or whole)


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
    found = []
    for flow in FLOWS:
        if flow in counts:
            own = [fate for fate in fates if fate.flow == flow]
            part = FlowPart(
                flow=flow,
                counts=counts[flow],
                planned={currency: str(amount) for currency, amount in sorted(planned.get(flow, {}).items())},
                moved=added(entry.get("moved", {}).get(flow, {}) for entry in entries),
                recoded=added(entry.get("recoded", {}).get(flow, {}) for entry in entries),
                applied=applied_of(own),
                recoded_applied=recoded_of(own),
                states=states_of(own),
            )
            found.append(part)
    return found


def states_of(fates: Sequence[Fate]) -> dict[str, int]:
    """State to the number of steps that stand so."""
    found: dict[str, int] = {}
    for fate in fates:
        found[fate.state] = found.get(fate.state, 0) + fate.steps
    return found


def applied_of(fates: Sequence[Fate]) -> Amounts:
    """Net money of what was done, by currency."""
    return _summed((fate.currency, fate.amount) for fate in fates if fate.state == "done")


def recoded_of(fates: Sequence[Fate]) -> Amounts:
    """What of what was done only went from some codes to others, by currency: it is in no net amount."""
    return _summed((fate.currency, fate.recoded) for fate in fates if fate.state == "done" and fate.recoded)


def _summed(amounts: Iterable[tuple[str, Decimal]]) -> Amounts:
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        if currency:
            sums[currency] = sums.get(currency, ZERO) + amount
    return {currency: str(rounded(amount, currency)) for currency, amount in sorted(sums.items())}
