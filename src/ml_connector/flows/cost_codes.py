"""Cost codes: the code strings in use lead to cost codes, cost types and budget codes that exist in Procore."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from ml_connector.kernel.keys import Key, once_key
from ml_connector.planning.chart import Chart
from ml_connector.planning.mapping import CodeMapping
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Verb, pack, unpack
from ml_connector.planning.situation import Situation
from ml_connector.records.cost_code import BudgetCode, CostCode, CostType, flat_code

FLOW = "cost_codes"
COUNTS_AS = {Verb.LINK: "linked", Verb.CREATE: "created", Verb.UPDATE: "updated"}
"""How each effect of this flow is counted."""
CODE_PARTS = "ABCDEFGHIJ"
"""Letters of the code parts."""
ORDERS, DOCUMENTS, VALUES = "is in use on open orders", "is wanted by a budget or a document", "is valid in IFS"
"""Why a code is made."""


class Combination(msgspec.Struct, frozen=True):
    """One code string in use on a project, with the activity it is used with."""

    project: str
    codes: tuple[tuple[str, str], ...]
    activity: str


class CodeWanted(msgspec.Struct, frozen=True):
    """A budget code that a document other than an order wants, in an IFS project; without a code string."""

    project: str
    cost_code: str
    cost_type: str = ""
    """Empty: the cost code alone."""
    name: str = ""
    """What the cost code is called; empty: as the code part value it stands for, or as itself."""


class Coding(msgspec.Struct, frozen=True):
    """The Procore side of coding, per IFS project."""

    cost_types: Mapping[str, CostType]
    cost_codes: Mapping[str, Mapping[str, CostCode]]
    """IFS project to full code to cost code."""
    budget_codes: Mapping[str, Mapping[str, BudgetCode]]
    """IFS project to flat code to budget code."""


def single_part(mapping: CodeMapping) -> str:
    """The one code part whose values are the cost codes as they stand; empty where it is not one-to-one."""
    rule = mapping.cost_code
    one_to_one = rule.otherwise == "same" and not rule.rows and len(rule.parts) == 1
    return rule.parts[0] if one_to_one and rule.parts[0] in CODE_PARTS else ""


def renamed(situation: Situation, chart: Chart) -> set[CodeWanted]:
    """Linked cost codes whose code part value is called otherwise in IFS by now, whatever uses them."""
    part = single_part(situation.mapper.mapping)
    found = set()
    for key, linked in situation.links.items() if part else ():
        project, _, code = key.id.partition("/")
        value = chart.dimensions.get((part, code)) if key.kind == "cost_code" else None
        base = unpack("cost_code", linked.base) if value and linked.base else None
        if value and isinstance(base, CostCode) and base.name != value.name:
            found.add(CodeWanted(project, code, "", value.name))
    return found


def ended(situation: Situation, chart: Chart) -> set[str]:
    """IFS projects with a budget code whose code part value ended in IFS, or is valid again, since both agreed."""
    return {key.id.partition("/")[0] for key, _, _ in _ended(situation, chart)}


def _ended(situation: Situation, chart: Chart) -> Iterator[tuple[Key, BudgetCode, bool]]:
    """Every such budget code by its key, as last agreed, and whether IFS takes postings on its value by now."""
    part = single_part(situation.mapper.mapping)
    for key, linked in situation.links.items() if part else ():
        if key.kind != "budget_code" or not linked.base:
            continue
        code = key.id.partition("/")[2].rpartition(".")[0]
        value, base = chart.dimensions.get((part, code)), unpack("budget_code", linked.base)
        if value is not None and isinstance(base, BudgetCode):
            valid = value.valid_until >= situation.today
            if valid != base.active:
                yield key, base, valid


def decide(
    situation: Situation,
    chart: Chart,
    coding: Coding,
    combinations: Iterable[Combination],
    extra: Iterable[CodeWanted] = (),
) -> Decision:
    """Links what is there, creates what IFS knows and Procore lacks, and reports what leads nowhere.

    `extra` are codes that budgets and other documents want. Under policy `cost_codes.scope = "all"` every valid value
    of the code part becomes a cost code too, in each linked project whose codes `coding` holds.
    """
    work = _Codes(situation, chart, coding)
    for combination in sorted(combinations, key=lambda c: (c.project, c.codes, c.activity)):
        if situation.available(Key("project", combination.project)):
            work.combination(combination)
    for wanted in sorted(extra, key=lambda one: (one.project, one.cost_code, one.cost_type, one.name)):
        if situation.available(Key("project", wanted.project)):
            work.wanted(wanted)
    if situation.policies.cost_codes.scope == "all":
        work.every_value()
    work.ended()
    return Decision(tuple(work.intents), tuple(work.holds.values()), (), (), tuple(work.unchanged))


def _string(codes: tuple[tuple[str, str], ...]) -> str:
    return " ".join(f"{part}={value}" for part, value in codes)


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
        name = self._name(target.cost_code, combination.codes)
        self._pair(CodeWanted(combination.project, target.cost_code, target.cost_type, name), ORDERS, combination.codes)

    def wanted(self, wanted: CodeWanted) -> None:
        """One code that another document wants."""
        named = msgspec.structs.replace(wanted, name=wanted.name or self._name(wanted.cost_code, ()))
        self._pair(named, DOCUMENTS, ())

    def every_value(self) -> None:
        """Every valid value of the one code part, in every linked project; no budget codes."""
        part, today = single_part(self.situation.mapper.mapping), self.situation.today
        valid = sorted(
            (one.value, one.name)
            for (of, _), one in self.chart.dimensions.items()
            if part and of == part and one.valid_from <= today <= one.valid_until
        )
        projects = sorted(key.id for key in self.situation.links if key.kind == "project")
        for project in projects:
            if project in self.coding.cost_codes:
                for value, name in valid:
                    self._pair(CodeWanted(project, value, "", name), VALUES, ())

    def ended(self) -> None:
        """Budget codes of values that ended in IFS take nothing new in Procore either; valid again, they do again."""
        planned = {intent.key for intent in self.intents}
        for key, base, valid in sorted(_ended(self.situation, self.chart), key=lambda one: one[0]):
            project, _, flat = key.id.partition("/")
            theirs = self.coding.budget_codes.get(project, {}).get(flat)
            if theirs is None or theirs.id != self.situation.target(key) or key in planned:
                continue
            body = msgspec.structs.replace(theirs, project=project, active=valid, codes=base.codes)
            if theirs.active == valid:
                why = f"Budget code {flat} is {'active' if valid else 'inactive'} by now, as its value is in IFS."
                self._intend(Verb.LINK, key, body, why, counts_as="")
            elif valid:
                self._intend(Verb.UPDATE, key, body, f"The value of budget code {flat} is valid in IFS again.")
            else:
                self._intend(Verb.UPDATE, key, body, f"The value of budget code {flat} ended in IFS.")

    def _pair(self, wanted: CodeWanted, why: str, codes: tuple[tuple[str, str], ...]) -> None:
        """The cost code, then its budget code where a cost type is named."""
        code_key = Key("cost_code", f"{wanted.project}/{wanted.cost_code}")
        if code_key not in self.done:
            self.done.add(code_key)
            self._cost_code(code_key, wanted, why)
        if not wanted.cost_type:
            return
        budget_key = Key("budget_code", f"{wanted.project}/{flat_code(wanted.cost_code, wanted.cost_type)}")
        if budget_key not in self.done and code_key not in self.holds:
            self.done.add(budget_key)
            self._budget_code((budget_key, code_key), wanted, why, codes)

    def _cost_code(self, key: Key, wanted: CodeWanted, why: str) -> None:
        code, name = wanted.cost_code, wanted.name
        theirs = self.coding.cost_codes.get(wanted.project, {}).get(code)
        linked = self.situation.links.get(key)
        body = CostCode(theirs.id if theirs else "", wanted.project, code, name)
        if theirs and linked and linked.target == theirs.id:
            base = unpack("cost_code", linked.base) if linked.base else None
            one_to_one = bool(single_part(self.situation.mapper.mapping))
            renamed = one_to_one and isinstance(base, CostCode) and base.name != name
            if renamed and theirs.name != name:
                self._intend(Verb.UPDATE, key, body, f"Renamed in IFS: {name}.")
            elif renamed:
                self._intend(Verb.LINK, key, body, f"Called {name} on both sides by now.", counts_as="")
            else:
                self.unchanged.append(key)
        elif theirs:
            self._intend(Verb.LINK, key, body, f"Cost code {code} is there already.")
        elif self.situation.policies.cost_codes.create == "auto":
            self._intend(Verb.CREATE, key, body, f"Cost code {code} {name} {why}.")
        else:
            self._missing(key, wanted.project, f"Cost code {code}")

    def _budget_code(
        self, keys: tuple[Key, Key], wanted: CodeWanted, why: str, codes: tuple[tuple[str, str], ...]
    ) -> None:
        """One budget code (`keys`: its own and its cost code's); its code string is kept with its link."""
        key, code_key = keys
        project, flat = wanted.project, flat_code(wanted.cost_code, wanted.cost_type)
        theirs = self.coding.budget_codes.get(project, {}).get(flat)
        linked = self.situation.links.get(key)
        if theirs and linked and linked.target == theirs.id:
            base = unpack("budget_code", linked.base) if linked.base else None
            if codes and isinstance(base, BudgetCode) and not base.codes:
                body = msgspec.structs.replace(theirs, project=project, codes=codes)
                self._intend(Verb.LINK, key, body, f"Budget code {flat} stands for {_string(codes)}.", counts_as="")
            else:
                self.unchanged.append(key)
        elif theirs:
            body = msgspec.structs.replace(theirs, project=project, codes=codes)
            self._intend(Verb.LINK, key, body, f"Budget code {flat} is there already.")
        elif wanted.cost_type not in self.coding.cost_types:
            self.holds[key] = Hold(
                key=key,
                flow=FLOW,
                reason=HoldReason.COST_TYPE_MISSING,
                waits_for=Key("cost_type", wanted.cost_type),
                owner="administrator",
                sentence=f"The mapping leads to cost type {wanted.cost_type}, which the Procore company does not have.",
            )
        elif self.situation.policies.cost_codes.create == "auto":
            body = BudgetCode("", project, flat, codes=codes)
            self._intend(Verb.CREATE, key, body, f"Budget code {flat} {why}.", needs=(code_key,))
        else:
            self._missing(key, project, f"Budget code {flat}")

    def _name(self, code: str, codes: tuple[tuple[str, str], ...]) -> str:
        """The name of the code part value a cost code stands for; the code itself where there is none."""
        part = single_part(self.situation.mapper.mapping)
        for of, value in codes or ((part, code),):
            dimension = self.chart.dimensions.get((of, value))
            if dimension and of in self.situation.mapper.mapping.cost_code.parts:
                return dimension.name
        return code

    def _intend(
        self,
        verb: Verb,
        key: Key,
        body: CostCode | BudgetCode,
        reason: str,
        needs: tuple[Key, ...] = (),
        counts_as: str | None = None,
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
                counts_as=COUNTS_AS[verb] if counts_as is None else counts_as,
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
                f"(project {combination.project}). Add the row to the mapping."
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
