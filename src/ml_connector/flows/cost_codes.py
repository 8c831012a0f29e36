"""Cost codes: the code strings in use lead to cost codes, cost types and budget codes that exist in Procore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ml_connector.kernel.keys import Key, once_key
from ml_connector.planning.chart import Chart
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Verb, pack, unpack
from ml_connector.planning.situation import Situation
from ml_connector.records.cost_code import BudgetCode, CostCode, CostType

FLOW = "cost_codes"
COUNTS_AS = {Verb.LINK: "linked", Verb.CREATE: "created", Verb.UPDATE: "updated"}
"""How each effect of this flow is counted."""


class Combination(msgspec.Struct, frozen=True):
    """One code string in use on a project, with the activity it is used with."""

    project: str
    codes: tuple[tuple[str, str], ...]
    activity: str


class Coding(msgspec.Struct, frozen=True):
    """The Procore side of coding, per IFS project."""

    cost_types: Mapping[str, CostType]
    cost_codes: Mapping[str, Mapping[str, CostCode]]
    """IFS project to full code to cost code."""
    budget_codes: Mapping[str, Mapping[str, BudgetCode]]
    """IFS project to flat code to budget code."""


def decide(situation: Situation, chart: Chart, coding: Coding, combinations: Iterable[Combination]) -> Decision:
    """Links what is there, creates what IFS knows and Procore lacks, and reports what leads nowhere."""
    work = _Codes(situation, chart, coding)
    for combination in sorted(combinations, key=lambda c: (c.project, c.codes, c.activity)):
        if situation.available(Key("project", combination.project)):
            work.combination(combination)
    return Decision(tuple(work.intents), tuple(work.holds.values()), (), (), tuple(work.unchanged))


class _Codes:
    """The codes of one plan; each is decided once, however many lines use it."""

    def __init__(self, situation: Situation, chart: Chart, coding: Coding) -> None:
        self.situation = situation
        self.chart = chart
        self.coding = coding
        self.intents: list[Intent] = []
        self.holds: dict[Key, Hold] = {}
        self.unchanged: list[Key] = []
        self.done: set[Key] = set()

    def combination(self, combination: Combination) -> None:
        """One code string on one project: its cost code first, then its budget code."""
        if self.chart.unknown(combination.codes):
            return  # the order that uses it is held with the reason; nothing is created for a value IFS lacks
        number, sub_project = self.chart.looked_at(combination.activity)
        target = self.situation.mapper.target(combination.codes, number, sub_project)
        if target.missing:
            self._unmapped(combination, target.missing, target.looked_at)
            return
        code_key = Key("cost_code", f"{combination.project}/{target.cost_code}")
        budget_key = Key("budget_code", f"{combination.project}/{target.flat}")
        if code_key not in self.done:
            self.done.add(code_key)
            self._cost_code(code_key, combination, target.cost_code)
        if budget_key not in self.done and code_key not in self.holds:
            self.done.add(budget_key)
            self._budget_code(budget_key, code_key, combination.project, target.flat, target.cost_type)

    def _cost_code(self, key: Key, combination: Combination, code: str) -> None:
        theirs = self.coding.cost_codes.get(combination.project, {}).get(code)
        name = self._name(combination, code)
        linked = self.situation.links.get(key)
        body = CostCode(theirs.id if theirs else "", combination.project, code, name)
        if theirs and linked and linked.target == theirs.id:
            base = unpack("cost_code", linked.base) if linked.base else None
            renamed = isinstance(base, CostCode) and base.name != name
            if renamed and theirs.name != name and self._one_to_one():
                self._intend(Verb.UPDATE, key, body, f"Renamed in IFS: {name}.")
            else:
                self.unchanged.append(key)
        elif theirs:
            self._intend(Verb.LINK, key, body, f"Cost code {code} is there already.")
        elif self.situation.policies.cost_codes.create == "auto":
            self._intend(Verb.CREATE, key, body, f"Cost code {code} {name} is in use on open orders.")
        else:
            self._missing(key, combination.project, f"Cost code {code}")

    def _budget_code(self, key: Key, code_key: Key, project: str, flat: str, cost_type: str) -> None:
        theirs = self.coding.budget_codes.get(project, {}).get(flat)
        linked = self.situation.links.get(key)
        if theirs and linked and linked.target == theirs.id:
            self.unchanged.append(key)
        elif theirs:
            self._intend(Verb.LINK, key, theirs, f"Budget code {flat} is there already.")
        elif cost_type not in self.coding.cost_types:
            self.holds[key] = Hold(
                key=key,
                flow=FLOW,
                reason=HoldReason.COST_TYPE_MISSING,
                waits_for=Key("cost_type", cost_type),
                owner="administrator",
                sentence=f"The mapping leads to cost type {cost_type}, which the Procore company does not have.",
            )
        elif self.situation.policies.cost_codes.create == "auto":
            reason = f"Budget code {flat} is in use on open orders."
            self._intend(Verb.CREATE, key, BudgetCode("", project, flat), reason, needs=(code_key,))
        else:
            self._missing(key, project, f"Budget code {flat}")

    def _one_to_one(self) -> bool:
        """Whether a cost code stands for one value: only then is the value's name the code's."""
        rule = self.situation.mapper.mapping.cost_code
        return rule.otherwise == "same" and not rule.rows and len(rule.parts) == 1

    def _name(self, combination: Combination, code: str) -> str:
        for part, value in combination.codes:
            dimension = self.chart.dimensions.get((part, value))
            if dimension and part in self.situation.mapper.mapping.cost_code.parts:
                return dimension.name
        return code

    def _intend(
        self,
        verb: Verb,
        key: Key,
        body: CostCode | BudgetCode,
        reason: str,
        needs: tuple[Key, ...] = (),
    ) -> None:
        """Plans one effect; `body.id` is the id of what it is done to, empty where it is yet to be made."""
        packed = pack(body)
        self.intents.append(
            Intent(
                flow=FLOW,
                verb=verb,
                key=key,
                once_key=once_key(self.situation.company, "code", key.id) if key.kind == "cost_code" else "",
                scope=body.project,
                target=body.id,
                body=packed,
                needs=(Key("project", body.project), *needs),
                after=(),
                money=None,
                reason=reason,
                source=key.id,
                counts_as=COUNTS_AS[verb],
                base=packed,
            )
        )

    def _unmapped(self, combination: Combination, segment: str, looked_at: str) -> None:
        key = Key("combination", f"{combination.project} {looked_at}")
        self.holds[key] = Hold(
            key=key,
            flow=FLOW,
            reason=HoldReason.CODE_UNMAPPED,
            waits_for=Key("mapping", f"{segment} {looked_at}"),
            owner="cost engineer",
            sentence=(
                f"No row of the mapping makes a {segment.replace('_', ' ')} from {looked_at} "
                f"(project {combination.project}). Add a row with `ml-connector mapping import`."
            ),
        )

    def _missing(self, key: Key, project: str, what: str) -> None:
        self.holds[key] = Hold(
            key=key,
            flow=FLOW,
            reason=HoldReason.COST_CODE_MISSING,
            waits_for=key,
            owner="cost engineer",
            sentence=f"{what} is not in Procore's project {project}, and policy does not let us create codes there.",
        )
