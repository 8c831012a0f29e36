"""Budgets: IFS project estimates become the original budget of Procore projects, and after its lock budget changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from ml_connector.flows.cost_codes import CodeWanted
from ml_connector.kernel.keys import Key, once_key
from ml_connector.kernel.money import Money
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.budgeting import (
    ZERO,
    Amounts,
    Difference,
    Placing,
    Standing,
    compare,
    standing,
    stay_out,
    summed,
)
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Held
from ml_connector.planning.plan import Body, Decision, Hold, HoldReason, Intent, Skip, Verb, bad_row, pack, unpack
from ml_connector.planning.situation import Linked, Situation
from ml_connector.planning.spreading import summed as summed_by_code
from ml_connector.records.budget import Budget, BudgetChange, BudgetEstimate, BudgetLine
from ml_connector.records.problem import Problem

FLOW = "budgets"
NAMED = 5
"""Budget lines a sentence names before it only counts them."""


def wanted_codes(
    situation: Situation, chart: Chart, estimates: Iterable[BudgetEstimate], theirs: Mapping[str, Budget] | None = None
) -> set[CodeWanted]:
    """Budget codes that estimates of linked projects lead to, for the cost codes flow; rows without money want none.

    With `theirs`, under policy `budgets.strangers = "zero"`, also those of Procore's lines that are to fall to zero.
    """
    policy = situation.policies.budgets
    placing = Placing(situation.mapper.mapping, chart)
    if policy.owner == "projects" or placing.missing_rules:
        return set()
    wanted = set()
    for row in estimates:
        place = placing.place(row)
        if row.amount and not place.missing and situation.available(Key("project", row.project)):
            wanted.add(CodeWanted(row.project, place.cost_code, place.cost_type))
    for project, budget in (theirs or {}).items() if policy.strangers == "zero" else ():
        for line in budget.lines:
            code, _, cost_type = line.flat.rpartition(".")
            if code and line.amount:
                wanted.add(CodeWanted(project, code, cost_type))
    return wanted


def problem_holds(problems: Sequence[Problem]) -> list[Hold]:
    """Estimate rows that could not be used. Their projects' sums would be wrong: they are left out of `decide`."""
    return [bad_row(problem, Key("budget", problem.key.id), FLOW, "project manager") for problem in problems]


def decide(
    situation: Situation,
    chart: Chart,
    estimates: Sequence[BudgetEstimate],
    theirs: Mapping[str, Budget],
    currencies: Mapping[str, str],
    base_currency: str,
) -> Decision:
    """Decides the budget of every linked project in `theirs` (by IFS project) that has an estimate, or had one.

    Estimates are in `base_currency`, the IFS company's; `currencies` are Procore's, by IFS project. A project's whole
    budget goes or waits: its total equals the estimate's afterwards, or a sentence says why not.
    """
    if situation.policies.budgets.owner == "projects":
        return Decision()
    placing = Placing(situation.mapper.mapping, chart)
    if placing.missing_rules:
        return left_out(situation)
    rows: dict[str, list[BudgetEstimate]] = {}
    for row in estimates:
        rows.setdefault(row.project, []).append(row)
    had = {key.id for key in situation.links if key.kind == "budget"}
    work = _Budgets(situation, placing)
    for project in sorted((rows.keys() | had) & theirs.keys()):
        if not situation.available(Key("project", project)):
            continue
        currency = currencies.get(project) or theirs[project].currency
        try:
            work.check_currency(project, currency, base_currency)
            ours = work.planned(project, rows.get(project, []), base_currency or currency)
            work.decide(project, ours, theirs[project], base_currency or currency)
        except Held as held:
            work.holds.append(held.hold)
    return Decision(tuple(work.intents), tuple(work.holds), tuple(work.skips), (), tuple(work.unchanged))


def left_out(situation: Situation) -> Decision:
    """Says once that all budgets stay out for want of their tables in the mapping; says nothing where none does."""
    sentence = stay_out(situation.mapper.mapping, situation.policies.budgets.owner)
    return Decision(skips=(Skip(Key("mapping", "budget_code"), FLOW, sentence),) if sentence else ())


class _Project(msgspec.Struct, frozen=True):
    """One project's budget: as planned, as it stands in Procore, as last agreed."""

    project: str
    currency: str
    ours: Amounts
    there: Standing
    linked: Linked | None
    base: Amounts | None
    locked: bool

    def money(self, amount: Decimal) -> Money:
        """An amount in the budget's currency."""
        return Money(amount, self.currency)

    def delta(self, flat: str) -> Decimal:
        """By how much a line is to move."""
        return self.ours[flat] - self.there.now.get(flat, ZERO)


class _Budgets:
    """The budgets of one plan."""

    def __init__(self, situation: Situation, placing: Placing) -> None:
        self.situation = situation
        self.placing = placing
        self.intents: list[Intent] = []
        self.holds: list[Hold] = []
        self.skips: list[Skip] = []
        self.unchanged: list[Key] = []
        self.changes: dict[str, int] = {}
        """IFS project to the highest number among our budget changes of it."""
        for key in situation.links:
            project, _, number = key.id.rpartition("/C")
            if key.kind == "budget_change" and number.isdecimal():
                self.changes[project] = max(self.changes.get(project, 0), int(number))

    def check_currency(self, project: str, theirs: str, ours: str) -> None:
        """A budget is never converted; raises Held."""
        if theirs and ours and theirs != ours:
            sentence = (
                f"The estimate of project {project} is in {ours}, its Procore project in {theirs}: amounts are never "
                "converted."
            )
            waits_for = Key("currency", f"{project}={ours}")
            raise Held(_hold(project, HoldReason.CURRENCY_OFF, waits_for, "administrator", sentence))

    def planned(self, project: str, rows: Sequence[BudgetEstimate], currency: str) -> Amounts:
        """The estimate by budget code; raises Held when a row with money leads nowhere."""
        rows = [row for row in rows if row.amount]
        lost = [row for row in rows if self.placing.place(row).missing]
        if lost:
            missing = self.placing.place(lost[0]).missing
            segment, _, looked_at = missing.partition(" ")
            amount = Money(sum((row.amount for row in lost), ZERO), currency)
            sentence = (
                f"No row of [mapping.{segment}] takes {looked_at}: {counted(len(lost), 'row')} of the estimate of "
                f"project {project} lead to no budget code."
            )
            hold = _hold(project, HoldReason.CODE_UNMAPPED, Key("mapping", missing), "cost engineer", sentence)
            raise Held(msgspec.structs.replace(hold, money=amount))
        return summed(rows, self.placing, currency)

    def decide(self, project: str, estimate: Amounts, theirs: Budget, currency: str) -> None:
        """One project: unchanged, written, changed after its lock, or held (raises Held)."""
        linked = self.situation.links.get(Key("budget", project))
        agreed = unpack("budget", linked.base) if linked and linked.base else None
        base = {line.flat: line.amount for line in agreed.lines} if isinstance(agreed, Budget) else None
        left = {flat: ZERO for flat, amount in (base or {}).items() if amount}  # what IFS no longer plans falls to zero
        amended = theirs.locked or project in self.changes
        there = standing(theirs, amended=amended)
        one = _Project(project, currency, {**left, **estimate}, there, linked, base, theirs.locked)
        zeroed = self._strangers(one)
        one = msgspec.structs.replace(one, ours={**one.ours, **dict.fromkeys(zeroed, ZERO)})
        asked = {flat: amount for flat, amount in one.ours.items() if flat not in zeroed}
        difference = compare(asked, there.now, base)
        kept = self._stands(one, difference)
        write = {*difference.write, *zeroed, *difference.drift, *difference.conflicts} - set(kept)
        self._bring(one, sorted(write), kept)

    def _strangers(self, one: _Project) -> list[str]:
        """Procore's lines that IFS does not know: those to be set to zero; raises Held to ask about them."""
        found = sorted(flat for flat, amount in one.there.now.items() if amount and flat not in one.ours)
        if not found:
            return []
        total = one.money(sum((one.there.now[flat] for flat in found), ZERO))
        evidence = "\n".join(f"{flat}: {one.money(one.there.now[flat])}" for flat in found)
        policy: str = self.situation.policies.budgets.strangers
        if policy == "hold":
            answer = self.situation.answered(Key("budget", one.project), evidence)
            policy = {"erp": "zero", "projects": "leave"}.get(answer, policy)
        named = listed([f"{flat} {one.money(one.there.now[flat])}" for flat in found], NAMED)
        if policy == "hold":
            sentence = (
                f"Procore's budget of project {one.project} has {counted(len(found), 'line')} that IFS's estimate does "
                f"not know: {named}. Answer `erp` to set them to zero, or `projects` to leave them."
            )
            waits_for = Key("ruling", f"budget:{one.project}")
            hold = _hold(one.project, HoldReason.BUDGET_STRANGERS, waits_for, "project manager", sentence)
            raise Held(msgspec.structs.replace(hold, money=total, evidence=evidence))
        if policy == "leave":
            sentence = (
                f"Procore's budget of project {one.project} differs from IFS's estimate by {total}: lines of its own "
                f"are left, {named}."
            )
            self.skips.append(Skip(Key("budget", one.project), FLOW, sentence))
            return []
        return found

    def _stands(self, one: _Project, difference: Difference) -> list[str]:
        """Codes whose amount in Procore stands, as a person said; raises Held to ask."""
        asked = [*difference.conflicts, *difference.drift]
        if not asked:
            return []
        evidence = "\n".join(
            f"{flat}: IFS {one.money(one.ours[flat])}, Procore {one.money(one.there.now.get(flat, ZERO))}"
            for flat in asked
        )
        answer = self.situation.answered(Key("budget", one.project), evidence)
        named = listed(asked, NAMED)
        if answer == "projects":
            said = f"Procore's own {named} of the budget of project {one.project} stands, as a person said."
            self.skips.append(Skip(Key("budget", one.project), FLOW, said))
            return asked
        if answer == "erp":
            return []
        both = bool(difference.conflicts)
        reason = HoldReason.CONFLICT if both else HoldReason.CHANGED_THERE
        who = "Both sides" if both else "Procore's people"
        sentence = (
            f"{who} changed {named} of the budget of project {one.project}, which IFS owns. Say which side stands."
        )
        hold = _hold(one.project, reason, Key("ruling", f"budget:{one.project}"), "project manager", sentence)
        amount = one.money(sum((one.delta(flat) for flat in asked), ZERO))
        raise Held(msgspec.structs.replace(hold, money=amount, evidence=evidence))

    def _bring(self, one: _Project, write: list[str], kept: Iterable[str]) -> None:
        """Writes what differs: into the original budget, or as a budget change once that is locked."""
        key = Key("budget", one.project)
        stays = {flat: (one.base or {}).get(flat, ZERO) for flat in kept}
        agreed = {flat: amount for flat, amount in {**one.ours, **stays}.items() if amount}
        base = Budget(one.project, one.currency, tuple(BudgetLine(*entry) for entry in sorted(agreed.items())))
        if not write:
            if one.base is not None and agreed == {flat: amount for flat, amount in one.base.items() if amount}:
                self.unchanged.append(key)
            else:
                why = f"The budget of project {one.project} is in Procore as IFS has it."
                self.intents.append(self._link(one, why, base, "" if one.linked else "linked"))
            return
        self._check_codes(one, write)
        if not one.locked:
            self._fill(one, write, base)
        elif self.situation.policies.budgets.locked == "change":
            if one.linked is None:
                self.intents.append(self._link(one, f"The budget of project {one.project} is locked in Procore.", None))
            self._amend(one, write, base)
        else:
            delta = one.money(sum((one.delta(flat) for flat in write), ZERO))
            sentence = (
                f"Procore's budget of project {one.project} is locked, and policy makes no budget changes: "
                f"{_moves(one, write)}. Unlock it there, or have policy “Locked budgets” write a budget change."
            )
            waits_for = Key("budget_lock", one.project)
            hold = _hold(one.project, HoldReason.BUDGET_LOCKED, waits_for, "project manager", sentence)
            raise Held(msgspec.structs.replace(hold, money=delta))

    def _check_codes(self, one: _Project, write: Iterable[str]) -> None:
        for flat in write:
            key = Key("budget_code", f"{one.project}/{flat}")
            if not self.situation.available(key):
                sentence = f"Budget code {flat} is not linked in Procore's project {one.project} (its budget)."
                raise Held(_hold(one.project, HoldReason.COST_CODE_MISSING, key, "cost engineer", sentence))

    def _fill(self, one: _Project, write: list[str], base: Budget) -> None:
        """Original lines; changes of ours that were left standing when the budget was unlocked go on counting."""
        lines = tuple(
            BudgetLine(flat, one.there.original.get(flat, ZERO) + one.delta(flat), one.there.ids.get(flat, ""))
            for flat in write
        )
        body = Budget(one.project, one.currency, lines)
        why = f"{counted(len(write), 'line')} of the estimate of project {one.project}: {_moves(one, write)}."
        intent = self._intent(one, Verb.FILL, Key("budget", one.project), body, why)
        self.intents.append(
            msgspec.structs.replace(
                intent,
                target=self.situation.target(Key("project", one.project)),
                money=one.money(sum((one.delta(flat) for flat in write), ZERO)),
                counts_as="updated" if one.linked else "linked" if any(one.there.now.values()) else "created",
                base=pack(base),
                former=summed_by_code((flat, one.there.original.get(flat, ZERO)) for flat in write),
            )
        )

    def _amend(self, one: _Project, write: list[str], base: Budget) -> None:
        """A budget change with the deltas; its number follows the highest of ours."""
        key = Key("budget_change", f"{one.project}/C{self.changes.get(one.project, 0) + 1}")
        once = once_key(self.situation.company, "budget", key.id)
        lines = tuple(BudgetLine(flat, one.delta(flat)) for flat in write)
        title = f"IFS estimate of project {one.project} [{once}]"
        body = BudgetChange(once, one.project, title, one.currency, lines)
        why = f"Changed in IFS after Procore's budget of project {one.project} was locked: {_moves(one, write)}."
        intent = self._intent(one, Verb.AMEND, key, body, why)
        needs = (*intent.needs, Key("budget", one.project))
        self.intents.append(
            msgspec.structs.replace(
                intent, once_key=once, needs=needs, money=body.money(), counts_as="updated", base=pack(base)
            )
        )

    def _link(self, one: _Project, why: str, base: Budget | None, counts_as: str = "linked") -> Intent:
        """Nothing is sent: that both agree is written down, so that a later change in Procore is seen as one."""
        body = base or Budget(one.project, one.currency, ())
        intent = self._intent(one, Verb.LINK, Key("budget", one.project), body, why)
        target = self.situation.target(Key("project", one.project))
        return msgspec.structs.replace(intent, target=target, counts_as=counts_as, base=pack(base) if base else b"")

    def _intent(self, one: _Project, verb: Verb, key: Key, body: Body, reason: str) -> Intent:
        assert isinstance(body, (Budget, BudgetChange))
        lines = body.lines if verb is not Verb.LINK else ()
        codes = (Key("budget_code", f"{one.project}/{line.flat}") for line in lines)
        return Intent(
            flow=FLOW,
            verb=verb,
            key=key,
            once_key="",
            scope=one.project,
            target="",
            body=pack(body),
            needs=(Key("project", one.project), *codes),
            after=(),
            money=None,
            reason=reason,
            source=one.project,
        )


def _hold(project: str, reason: HoldReason, waits_for: Key, owner: str, sentence: str) -> Hold:
    return Hold(Key("budget", project), FLOW, reason, waits_for, owner, sentence)


def _moves(one: _Project, flats: Iterable[str]) -> str:
    moves = [f"{flat} {one.money(one.there.now.get(flat, ZERO))} to {one.money(one.ours[flat])}" for flat in flats]
    return listed(moves, NAMED)
