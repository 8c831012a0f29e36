"""IFS's estimate becomes Procore's budget: equal totals, never over a person's change, and after the lock by deltas."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from ml_connector.engine.given import given_for_kinds
from ml_connector.engine.money_cases import BudgetsCase
from ml_connector.engine.outline import Outline
from ml_connector.engine.standing_there import Sought, in_case
from ml_connector.flows import budgets
from ml_connector.flows.budgets import decide, left_out, wanted_codes
from ml_connector.flows.cost_codes import CodeWanted
from ml_connector.kernel.keys import Key
from ml_connector.planning.comparing import compared
from ml_connector.planning.mapping import Mapper, Row, SegmentRule
from ml_connector.planning.plan import Decision, Hold, HoldReason, Verb, unpack
from ml_connector.planning.policy import policies_from
from ml_connector.planning.situation import Linked, Ruling, Situation, mark_of
from ml_connector.planning.spreading import moved_by, spread_of
from ml_connector.records.budget import Budget, BudgetChange, BudgetEstimate, BudgetLine
from ml_connector.records.problem import Problem
from planning.scene import CHART, MAPPING, TODAY, D

from .telling import page, told

RULES = msgspec.structs.replace(
    MAPPING,
    budget_code=SegmentRule(
        parts=("activity", "element"),
        rows=(
            Row((("activity", "100"), ("element", "STEEL")), "05-120"),
            Row((("activity", "100"),), "03-310"),
            Row((("sub_project", "10"),), "09-910"),
            Row((("activity", ""),), "01-000"),
        ),
    ),
    budget_type=SegmentRule(
        parts=("element",), rows=(Row((("element", "LAB"),), "L"), Row((("element", "[MS]*"),), "M"))
    ),
)
CODES = ("01-000.L", "01-000.M", "03-310.L", "03-310.M", "05-120.M", "09-910.L", "09-910.M", "99-900.M")


def row(amount: str, element: str = "MAT", activity: str = "A1", project: str = "1201") -> BudgetEstimate:
    """One row of a project's estimate, in dollars."""
    return BudgetEstimate(project, activity, element, D(amount))


def known(*projects: str) -> dict[Key, Linked]:
    """Projects and all their budget codes are linked."""
    sites = projects or ("1201",)
    links = {Key("project", site): Linked(f"50{site[-2:]}") for site in sites}
    return links | {Key("budget_code", f"{site}/{code}"): Linked(f"w{code}") for site in sites for code in CODES}


def given(links: Mapping[Key, Linked] | None = None, rulings: Any = None, **policy: Any) -> Situation:
    """The rules above, and the budget policies said."""
    policies = policies_from({"budgets": policy})
    return Situation("10", TODAY, policies, Mapper(RULES), known() if links is None else links, rulings or {})


def budget(*lines: tuple[str, str], **more: Any) -> Budget:
    """A budget as Procore shows it; each line's id is its code behind an x."""
    return Budget("5001", "USD", tuple(BudgetLine(code, D(amount), f"x{code}") for code, amount in lines), **more)


def run(now: Situation, rows: list[BudgetEstimate], theirs: Budget, currency: str = "USD") -> Decision:
    """Decides project 1201."""
    return decide(now, CHART, rows, {"1201": theirs}, {"1201": currency}, "USD")


class Site:
    """Project 1201 in both systems, with what we know of it; applies intents as the engine and Procore would."""

    def __init__(self, theirs: Budget | None = None, **policy: Any) -> None:
        self.situation = given(**{"locked": "change", **policy})
        self.original = {line.flat: line.amount for line in theirs.lines} if theirs else {}
        self.changed: dict[str, Decimal] = {}
        self.locked = False

    def shown(self) -> Budget:
        """What Procore shows."""
        lines = tuple(BudgetLine(flat, amount, f"x{flat}") for flat, amount in sorted(self.original.items()))
        changes = tuple(BudgetLine(*entry) for entry in sorted(self.changed.items()))
        return Budget("5001", "USD", lines, self.locked, changes)

    def now(self) -> dict[str, Decimal]:
        """What stands in Procore, changes included, zeroes left out."""
        sums = dict(self.original)
        for flat, amount in self.changed.items():
            sums[flat] = sums.get(flat, D(0)) + amount
        return {flat: amount for flat, amount in sums.items() if amount}

    def look(self, rows: list[BudgetEstimate]) -> Decision:
        """The decision as things stand."""
        return run(self.situation, rows, self.shown())

    def sync(self, rows: list[BudgetEstimate]) -> Decision:
        """Decides and applies."""
        decision = self.look(rows)
        links = dict(self.situation.links)
        for intent in decision.intents:
            assert all(need in links for need in intent.needs), "what it needs is there before it is sent"
            body = unpack(intent.key.kind, intent.body)
            if isinstance(body, BudgetChange):
                assert self.locked
                assert body.title.endswith(f"[{body.reference}]")
                for line in body.lines:
                    self.changed[line.flat] = self.changed.get(line.flat, D(0)) + line.amount
                links[intent.key] = Linked("c")
                links[Key("budget", "1201")] = Linked("5001", intent.base)
                continue
            assert isinstance(body, Budget)
            if intent.verb is Verb.FILL:
                assert not self.locked, "the original of a locked budget was written"
                for line in body.lines:
                    assert line.id == (f"x{line.flat}" if line.flat in self.original else "")
                    self.original[line.flat] = line.amount
            links[intent.key] = Linked(intent.target, intent.base)
        self.situation = msgspec.structs.replace(self.situation, links=links)
        return decision

    def rule(self, hold: Hold, answer: str) -> None:
        """A person answers a hold."""
        rulings = {**self.situation.rulings, (hold.key, hold.reason): Ruling(answer, mark_of(hold.evidence))}
        self.situation = msgspec.structs.replace(self.situation, rulings=rulings)


# -- the first time ------------------------------------------------------------------------------------------------


def test_an_estimate_becomes_the_budget_summed_by_code() -> None:
    rows = [row("100"), row("50.25"), row("7", "STEEL"), row("30", "LAB", "A9"), row("1", "MAT", ""), row("0", "???")]
    site = Site()
    decision = site.sync(rows)
    assert told(decision) == page("""
        fill budget:1201 -> 5001 188.25 USD: 4 lines of the estimate of project 1201: 01-000.M 0.00 USD to 1.00 USD, \\
        03-310.M 0.00 USD to 150.25 USD, 05-120.M 0.00 USD to 7.00 USD, 09-910.L 0.00 USD to 30.00 USD.
        """)
    (intent,) = decision.intents
    assert (intent.once_key, intent.scope, intent.source, intent.counts_as) == ("", "1201", "1201", "created")
    assert site.now() == {"01-000.M": D(1), "03-310.M": D("150.25"), "05-120.M": D(7), "09-910.L": D(30)}
    assert told(site.sync(rows)) == "unchanged budget:1201"


def test_only_changed_lines_are_sent_and_the_money_is_the_difference() -> None:
    site = Site()
    site.sync([row("100"), row("7", "STEEL")])
    (intent,) = site.sync([row("120"), row("7", "STEEL")]).intents
    body = unpack("budget", intent.body)
    assert isinstance(body, Budget)
    assert body.lines == (BudgetLine("03-310.M", D(120), "x03-310.M"),)
    assert (str(intent.money), intent.counts_as) == ("20.00 USD", "updated")
    agreed = unpack("budget", intent.base)
    assert isinstance(agreed, Budget)
    assert agreed.money().amount == D(127), "the whole budget is what was agreed"


def test_what_ifs_no_longer_plans_falls_to_zero() -> None:
    site = Site()
    site.sync([row("100"), row("7", "STEEL")])
    assert str(site.sync([row("100")]).intents[0].money) == "-7.00 USD"
    assert site.now() == {"03-310.M": D(100)}
    site.sync([])
    assert site.now() == {}
    assert site.sync([row("-5")]).intents, "a negative estimate is an estimate"
    assert site.now() == {"03-310.M": D(-5)}


def test_what_rounding_leaves_goes_to_the_largest_line() -> None:
    site = Site()
    site.sync([row("10.004"), row("20.004", "STEEL"), row("5.004", "LAB")])
    assert site.now() == {"03-310.M": D("10.00"), "05-120.M": D("20.01"), "03-310.L": D("5.00")}


def test_a_budget_that_is_the_same_already_is_only_written_down() -> None:
    site = Site(budget(("03-310.M", "100")))
    decision = site.sync([row("100")])
    assert told(decision) == "link budget:1201 -> 5001: The budget of project 1201 is in Procore as IFS has it."
    assert decision.intents[0].counts_as == "linked"
    assert told(site.sync([row("100")])) == "unchanged budget:1201"


def test_a_budget_that_is_there_is_taken_over_and_shown_against_what_it_was() -> None:
    there = budget(("01-000.M", "36100"), ("03-310.M", "12900"), ("99-900.M", "5"))
    now, rows = given(strangers="leave"), [row("14400"), row("35400", "MAT", ""), row("8", "STEEL")]
    (fill,) = run(now, rows, there).intents
    assert (str(fill.money), fill.counts_as) == ("808.00 USD", "linked")
    assert spread_of(fill) == {"01-000.M": D(-700), "03-310.M": D(1500), "05-120.M": D(8)}
    assert moved_by(fill) == 1508
    outline = Outline()
    outline.take([fill], {})
    assert outline.form([])["counts"] == {"steps": 1, "adopted": 1}
    assert (outline.form([])["moved"], outline.form([])["recoded"]) == ({"USD": "1508.00"}, {"USD": "700.00"})
    assert [code for _, code, *_ in outline.parts()["projects"][0]["codes"]] == ["01-000.M", "03-310.M", "05-120.M"]
    case = BudgetsCase(given_for_kinds(now, "project"), CHART, rows, {"1201": there}, {"1201": "USD"}, "USD")
    bodies = unpack("budget", fill.body), unpack("budget", fill.base)
    was = in_case(case, Sought(1, "budgets", "1201", fill.target, bodies[1], bodies[:1]))
    said = compared(was, bodies[1])
    assert {one.line: one.mark for one in said.lines} == {
        "01-000.M": "changed", "03-310.M": "changed", "05-120.M": "new"
    }  # fmt: skip
    assert [(one.before, one.after) for one in said.fields if one.name == "sum of lines"] == [("49000.00", "49808.00")]


# -- what keeps it back --------------------------------------------------------------------------------------------


def test_a_row_without_a_code_keeps_the_whole_budget_back() -> None:
    decision = run(given(), [row("100"), row("40", "TRAVEL"), row("2", "TRAVEL")], budget())
    assert told(decision) == page("""
        HOLD code_unmapped for mapping:budget_type element=TRAVEL (cost engineer) with 42.00 USD: \\
        No row of [mapping.budget_type] takes element=TRAVEL: 2 rows of the estimate of project 1201 \\
        lead to no budget code.
        """)


def test_a_mapping_without_budget_rules_says_so_once() -> None:
    bare = msgspec.structs.replace(given(), mapper=Mapper(MAPPING))
    said = page("""
        SKIP No budget crosses: the mapping has no budget cost codes and no budget cost types, which say where \\
        an estimate's cost elements go.
        """)
    assert told(run(bare, [row("100"), row("1", project="1202")], budget())) == told(left_out(bare)) == said
    half = msgspec.structs.replace(MAPPING, budget_code=given().mapper.mapping.budget_code)
    (skip,) = left_out(msgspec.structs.replace(bare, mapper=Mapper(half))).skips
    assert "has no budget cost types, which" in skip.sentence
    assert left_out(given()) == Decision(), "a mapping that has both says nothing"
    theirs = policies_from({"budgets": {"owner": "projects"}})
    assert left_out(msgspec.structs.replace(bare, policies=theirs)) == Decision(), "nor where nothing is to cross"


def test_a_code_that_is_not_linked_a_currency_that_differs() -> None:
    links = known()
    del links[Key("budget_code", "1201/05-120.M")]
    (hold,) = run(given(links), [row("100"), row("7", "STEEL")], budget()).holds
    assert (hold.reason, hold.waits_for) == (HoldReason.COST_CODE_MISSING, Key("budget_code", "1201/05-120.M"))
    coming = msgspec.structs.replace(given(links), coming=frozenset({Key("budget_code", "1201/05-120.M")}))
    assert run(coming, [row("7", "STEEL")], budget()).intents, "one this plan makes is enough"
    (off,) = run(given(), [row("100")], budget(), currency="CAD").holds
    assert (off.reason, off.waits_for) == (HoldReason.CURRENCY_OFF, Key("currency", "1201=USD"))


def test_projects_that_are_not_ours_to_write() -> None:
    assert run(given({}), [row("100")], budget()) == Decision(), "no partner in Procore"
    assert run(given(owner="projects"), [row("100")], budget()) == Decision()
    assert run(given(), [row("100", project="1202")], budget(("03-310.M", "5"))) == Decision(), "no estimate"
    (hold,) = budgets.problem_holds([Problem(Key("budget", "1201"), "A row of 1201 has no amount.", "x" * 3000)])
    assert (hold.reason, hold.key, len(hold.evidence)) == (HoldReason.BAD_ROW, Key("budget", "1201"), 2000)


# -- lines of Procore's own ----------------------------------------------------------------------------------------


STRANGE = budget(("03-310.M", "100"), ("99-900.M", "12.50"), ("98-000.M", "0"))


def test_lines_ifs_does_not_know_are_asked_about() -> None:
    decision = run(given(), [row("100")], STRANGE)
    assert told(decision) == page("""
        HOLD budget_strangers for ruling:budget:1201 (project manager) with 12.50 USD: Procore's budget of project \\
        1201 has 1 line that IFS's estimate does not know: 99-900.M 12.50 USD. Answer `erp` to set them to zero, \\
        or `projects` to leave them.
        """)
    for answer, verb in (("erp", "fill"), ("projects", "link")):
        site = Site(STRANGE)
        site.rule(decision.holds[0], answer)
        assert [intent.verb.value for intent in site.sync([row("100")]).intents] == [verb]
        assert site.sync([row("100")]).intents == ()


def test_policy_may_leave_strangers_or_set_them_to_zero() -> None:
    left = Site(STRANGE, strangers="leave")
    assert "differs from IFS's estimate by 12.50 USD" in left.sync([row("100")]).skips[0].sentence
    assert left.now() == {"03-310.M": D(100), "99-900.M": D("12.50")}
    zeroed = Site(STRANGE, strangers="zero")
    assert str(zeroed.sync([row("100")]).intents[0].money) == "-12.50 USD"
    assert zeroed.now() == {"03-310.M": D(100)}
    zeroed.original["99-900.M"] = D(3)
    zeroed.sync([row("100")])
    assert zeroed.now() == {"03-310.M": D(100)}, "each time, without a question"


# -- changed by people ---------------------------------------------------------------------------------------------


def test_an_amount_changed_in_procore_is_asked_about() -> None:
    site = Site()
    site.sync([row("100"), row("7", "STEEL")])
    site.original["03-310.M"] = D(130)
    (hold,) = site.look([row("100"), row("7", "STEEL")]).holds
    assert (hold.reason, hold.evidence) == (HoldReason.CHANGED_THERE, "03-310.M: IFS 100.00 USD, Procore 130.00 USD")
    assert str(hold.money) == "-30.00 USD"
    site.rule(hold, "projects")
    assert told(site.look([row("100"), row("7", "STEEL")])) == page("""
        SKIP Procore's own 03-310.M of the budget of project 1201 stands, as a person said.
        unchanged budget:1201
        """)
    assert str(site.sync([row("100"), row("9", "STEEL")]).intents[0].money) == "2.00 USD", "the rest goes on"
    assert site.now() == {"03-310.M": D(130), "05-120.M": D(9)}
    (other,) = site.look([row("110"), row("9", "STEEL")]).holds
    assert other.reason is HoldReason.CONFLICT, "another estimate is another question"
    site.rule(other, "projects")
    assert site.look([row("110"), row("9", "STEEL")]).intents == ()
    site.rule(other, "erp")
    site.sync([row("110"), row("9", "STEEL")])
    assert site.now() == {"03-310.M": D(110), "05-120.M": D(9)}


def test_both_sides_at_the_same_amount_is_agreement() -> None:
    site = Site()
    site.sync([row("100")])
    site.original["03-310.M"] = D(130)
    (intent,) = site.sync([row("130")]).intents
    assert (intent.verb, intent.counts_as) == (Verb.LINK, "")
    assert told(site.look([row("130")])) == "unchanged budget:1201"


# -- after the lock ------------------------------------------------------------------------------------------------


def locked(**policy: Any) -> Site:
    """100 on concrete and 7 on steel, agreed and then locked in Procore."""
    site = Site(**policy)
    site.sync([row("100"), row("7", "STEEL")])
    site.locked = True
    return site


def test_a_locked_budget_that_is_right_is_left_alone() -> None:
    assert told(locked().look([row("100"), row("7", "STEEL")])) == "unchanged budget:1201"


def test_a_locked_budget_is_moved_by_numbered_changes() -> None:
    site = locked()
    (first,) = site.sync([row("120"), row("5", "STEEL")]).intents
    assert (first.key, first.once_key) == (Key("budget_change", "1201/C1"), "10/budget/1201/C1")
    assert first.verb is Verb.AMEND
    assert first.reason == (
        "Changed in IFS after Procore's budget of project 1201 was locked: "
        "03-310.M 100.00 USD to 120.00 USD, 05-120.M 7.00 USD to 5.00 USD."
    )
    body = unpack("budget_change", first.body)
    assert isinstance(body, BudgetChange)
    assert body.lines == (BudgetLine("03-310.M", D(20)), BudgetLine("05-120.M", D(-2)))
    assert str(first.money) == "18.00 USD"
    assert told(site.look([row("120"), row("5", "STEEL")])) == "unchanged budget:1201"
    (second,) = site.sync([row("90"), row("5", "STEEL")]).intents
    assert second.key.id == "1201/C2"
    assert site.now() == {"03-310.M": D(90), "05-120.M": D(5)}


def test_policy_may_hold_what_changed_after_the_lock() -> None:
    (hold,) = locked(locked="hold").look([row("120"), row("7", "STEEL")]).holds
    assert (hold.reason, str(hold.money)) == (HoldReason.BUDGET_LOCKED, "20.00 USD")
    assert "03-310.M 100.00 USD to 120.00 USD" in hold.sentence


def test_a_change_somebody_approved_in_procore_is_asked_about() -> None:
    site = locked()
    site.changed["03-310.M"] = D(15)
    (hold,) = site.look([row("100"), row("7", "STEEL")]).holds
    assert hold.reason is HoldReason.CHANGED_THERE
    site.rule(hold, "erp")
    site.sync([row("100"), row("7", "STEEL")])
    assert site.now() == {"03-310.M": D(100), "05-120.M": D(7)}


def test_a_budget_locked_before_we_came_is_linked_and_then_changed() -> None:
    site = Site(budget(("03-310.M", "80")))
    site.locked = True
    decision = site.sync([row("100")])
    assert [(one.verb, one.key.kind) for one in decision.intents] == [
        (Verb.LINK, "budget"),
        (Verb.AMEND, "budget_change"),
    ]
    assert site.now() == {"03-310.M": D(100)}
    assert told(site.look([row("100")])) == "unchanged budget:1201"


def test_unlocked_again_our_changes_go_on_counting_and_nothing_doubles() -> None:
    site = locked()
    site.sync([row("120"), row("7", "STEEL")])
    site.locked = False
    assert told(site.look([row("120"), row("7", "STEEL")])) == "unchanged budget:1201"
    site.sync([row("150"), row("7", "STEEL")])
    assert site.original["03-310.M"] == D(130)
    assert site.now() == {"03-310.M": D(150), "05-120.M": D(7)}


# -- codes ---------------------------------------------------------------------------------------------------------


def test_a_budget_says_which_codes_it_wants() -> None:
    rows = [row("100"), row("0", "LAB"), row("5", "TRAVEL"), row("5", project="1299"), row("7", "STEEL")]
    assert wanted_codes(given(), CHART, rows) == {
        CodeWanted("1201", "03-310", "M"),
        CodeWanted("1201", "05-120", "M"),
    }
    assert wanted_codes(given(owner="projects"), CHART, rows) == set()
    assert wanted_codes(msgspec.structs.replace(given(), mapper=Mapper(MAPPING)), CHART, rows) == set()
    zero = wanted_codes(given(strangers="zero"), CHART, [], {"1201": STRANGE})
    assert zero == {CodeWanted("1201", "03-310", "M"), CodeWanted("1201", "99-900", "M")}


# -- at rest -------------------------------------------------------------------------------------------------------

estimates = st.lists(
    st.builds(
        lambda cents, element, activity: row(str(Decimal(cents) / 1000), element, activity),
        st.integers(-99_999, 999_999),
        st.sampled_from(("MAT", "STEEL", "LAB")),
        st.sampled_from(("A1", "A9", "")),
    ),
    max_size=6,
)
acts = st.lists(
    st.one_of(
        estimates,
        st.sampled_from(("lock", "unlock")),
        st.tuples(st.sampled_from(("03-310.M", "05-120.M", "99-900.M")), st.integers(-500, 500)),
    ),
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@drawn(done=acts, answer=st.sampled_from(("erp", "projects")), strangers=st.sampled_from(("hold", "zero")))
def test_budgets_come_to_rest_with_equal_totals(done: list[Any], answer: str, strangers: str) -> None:
    site = Site(strangers=strangers)
    rows: list[BudgetEstimate] = []
    for act in done:
        if act in ("lock", "unlock"):
            site.locked = act == "lock"
        elif isinstance(act, tuple):
            place = site.changed if site.locked else site.original
            place[act[0]] = D(act[1])
        else:
            rows = act
        for _ in range(4):
            decision = site.sync(rows)
            for hold in decision.holds:
                site.rule(hold, answer)
            if not decision.holds and not decision.intents:
                break
        assert (decision.holds, decision.intents) == ((), ()), "no rest"
        said = any("stands, as a person said" in one.sentence or "are left" in one.sentence for one in decision.skips)
        if said or Key("budget", "1201") not in site.situation.links:
            continue
        ours = Key("budget_change", "1201/C1") in site.situation.links
        counted = site.now() if site.locked or ours else site.original  # people's changes of an open budget are theirs
        total = sum((one.amount for one in rows), D(0)).quantize(D("0.01"), rounding="ROUND_HALF_UP")
        assert sum(counted.values(), D(0)) == total
