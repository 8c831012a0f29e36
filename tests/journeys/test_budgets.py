"""IFS's project estimates are Procore's budgets, to the cent: filled, kept up, never over a person's change unasked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ml_connector.sandbox.faults import FaultRule

from .master_windows import MasterIfs, MasterProcore, master_windows
from .office import Office

PROJECT = "1202"
"""Procore's budget of it was typed before two lines were estimated anew in IFS."""
LACKING = "1204"
"""Procore lacks one of its cost codes at first."""
FLAT, ACTIVITY = "14-410.M", 100201
"""A line of PROJECT's budget, and an activity its estimate has a part on."""


class Budgets:
    """An office with an eye on estimates and budgets."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.ifs: MasterIfs
        self.procore: MasterProcore
        self.ifs, self.procore = master_windows(office.box.connection_text())
        self.projects = office.proof.project_ids

    def estimate(self, project: str = PROJECT) -> dict[str, Decimal]:
        """IFS's estimate by budget code, as a person would add it up."""
        rows = self.ifs.estimates(project)
        return {".".join(element.rsplit("-", 1)): amount for element, amount in rows.items() if amount}

    def original(self, project: str = PROJECT) -> dict[str, Decimal]:
        """Procore's original budget by budget code."""
        return self.procore.budget(self.projects[project])

    def revised(self, project: str = PROJECT) -> dict[str, Decimal]:
        """The same with approved changes."""
        return self.procore.revised_budget(self.projects[project])

    def changes(self, project: str = PROJECT) -> list[dict[str, Any]]:
        """Procore's budget changes."""
        return self.procore.budget_changes(self.projects[project])

    def estimated(self, amount: str | None, flat: str = FLAT, activity: int = ACTIVITY) -> None:
        """Somebody estimates one cost element of one activity anew; None takes it away."""
        element = flat.replace(".", "-")
        given = {} if amount is None else {"amount": amount}
        self.office.ifs("set_estimate", project_id=PROJECT, activity_seq=activity, element=element, **given)

    def typed(self, flat: str, amount: str) -> None:
        """A person changes an original amount in Procore."""
        self.office.box.clock.advance(self.office.pause)
        self.procore.edit_budget_line(self.projects[PROJECT], flat, amount)

    def stranger(self) -> str:
        """A person gives money to a code that is only used on orders, in no estimate; the code."""
        known = self.estimate()
        rows = (row["wbs_code"]["flat_code"] for row in self.procore.budget_lines(self.projects[PROJECT]))
        free = next(flat for flat in rows if flat not in known)
        self.typed(free, "750.50")
        return str(free)

    def lock(self, locked: bool = True) -> None:
        """Somebody locks the budget in Procore, or unlocks it."""
        self.office.procore("lock_budget", number=PROJECT, locked=locked)

    def hold(self, reason: str) -> dict[str, Any]:
        """The one open hold on PROJECT's budget."""
        found = [one for one in self.office.holds(reason) if (one["kind"], one["erp_id"]) == ("budget", PROJECT)]
        assert len(found) == 1, self.office.holds()
        return found[0]

    def answer(self, answer: str, reason: str) -> None:
        """A person answers the hold, and the next sync follows."""
        self.office.app.rule("demo", self.hold(reason)["id"], answer)
        self.office.sync()

    def assert_equal(self) -> None:
        """Every project's budget is its estimate, line by line; nothing waits; a sync sends nothing."""
        for project in self.projects:
            assert self.revised(project) == self.estimate(project), project
        assert [one for one in self.office.holds() if one["kind"] == "budget"] == []
        self.office.assert_rests()


@pytest.fixture
def budgets(running: Office) -> Budgets:
    """Budgets after the first sync."""
    return Budgets(running)


# filled and kept up ---------------------------------------------------------------------------------------------------


def test_first_sync_fills_what_differs_and_the_second_writes_nothing(office: Office) -> None:
    made = Budgets(office)
    before = {project: made.original(project) for project in made.projects}
    assert {project for project in made.projects if before[project] != made.estimate(project)} == {PROJECT, LACKING}
    report = office.sync()
    assert (report.flows["budgets"].created, report.flows["budgets"].linked) == (0, 5)
    for project in made.projects:
        assert sum(made.original(project).values()) == sum(made.estimate(project).values()) > 0
    made.assert_equal()
    assert made.office.assert_rests().flows["budgets"].unchanged == len(made.projects)


def test_changed_estimate_changes_one_line_by_its_difference(budgets: Budgets) -> None:
    before = budgets.original()
    budgets.estimated("150000.55")
    assert budgets.estimate()[FLAT] != before[FLAT]
    sent = budgets.office.sent_by_sync()
    assert len(sent) == 1
    after = budgets.original()
    assert {flat for flat in {*before, *after} if before.get(flat) != after.get(flat)} == {FLAT}
    assert budgets.changes() == []
    budgets.assert_equal()


def test_elements_estimated_no_more_and_for_the_first_time(budgets: Budgets) -> None:
    assert "26-510.M" not in {row["flat_code"] for row in budgets.procore.wbs_codes(budgets.projects[PROJECT])}
    budgets.estimated(None, "01-540.O", 100205)
    budgets.estimated("4321.09", "26-510.M")
    budgets.office.sync()
    assert "01-540.O" not in budgets.original()
    assert budgets.original()["26-510.M"] == Decimal("4321.09")
    budgets.assert_equal()


def test_procore_owns_its_budget_where_policy_says_so(office: Office) -> None:
    office.policy(budgets={"owner": "projects"})
    made = Budgets(office)
    before = made.original()
    office.sync()
    assert made.original() == before != made.estimate()
    office.assert_rests()


# lines IFS does not know ----------------------------------------------------------------------------------------------


def test_line_ifs_does_not_know_holds_the_budget_and_nothing_of_it_is_written(budgets: Budgets) -> None:
    strange = budgets.stranger()
    budgets.estimated("150000.55")
    before = budgets.original()
    assert budgets.office.sent_by_sync() == []
    hold = budgets.hold("budget_strangers")
    assert strange in hold["sentence"]
    assert (Decimal(hold["amount"]), hold["currency"], hold["owner"]) == (Decimal("750.50"), "USD", "project manager")
    assert budgets.original() == before
    budgets.answer("erp", "budget_strangers")
    budgets.office.sync()
    assert strange not in budgets.original()
    budgets.assert_equal()


def test_stranger_is_left_when_a_person_gives_it_to_procore(budgets: Budgets) -> None:
    strange = budgets.stranger()
    budgets.office.sync()
    budgets.answer("projects", "budget_strangers")
    assert budgets.original() == {**budgets.estimate(), strange: Decimal("750.50")}
    budgets.estimated("150000.55")
    report = budgets.office.sync()
    assert budgets.original() == {**budgets.estimate(), strange: Decimal("750.50")}
    assert any("differs from IFS's estimate by 750.50 USD" in note for note in report.notes)
    budgets.office.assert_rests()
    budgets.typed(strange, "800.00")
    budgets.office.sync()
    assert "800.00" in budgets.hold("budget_strangers")["sentence"], "another amount is another question"


def test_policy_about_strangers_asks_nobody(budgets: Budgets) -> None:
    budgets.office.policy(budgets={"strangers": "leave"})
    strange = budgets.stranger()
    budgets.office.assert_rests()
    assert budgets.original() == {**budgets.estimate(), strange: Decimal("750.50")}
    budgets.office.policy(budgets={"strangers": "zero"})
    budgets.office.sync()
    assert budgets.original() == budgets.estimate()
    assert budgets.office.holds("budget_strangers") == []
    budgets.office.assert_rests()


# people in Procore ----------------------------------------------------------------------------------------------------


def test_amount_changed_by_procores_people_is_asked_about(budgets: Budgets) -> None:
    for answer, amount in (("erp", "1.00"), ("projects", "2.00")):
        budgets.typed(FLAT, amount)
        assert budgets.office.sent_by_sync() == []
        assert FLAT in budgets.hold("changed_there")["sentence"]
        assert budgets.original()[FLAT] == Decimal(amount)
        budgets.answer(answer, "changed_there")
        stays = {} if answer == "erp" else {FLAT: Decimal(amount)}
        assert budgets.original() == {**budgets.estimate(), **stays}
        assert budgets.office.holds("changed_there") == []
        budgets.office.assert_rests()
    budgets.typed("08-330.M", "3.00")
    budgets.office.sync()
    assert "08-330.M" in budgets.hold("changed_there")["sentence"], "another line is another question"


def test_amount_changed_on_both_sides_is_a_conflict(budgets: Budgets) -> None:
    for answer, there, here in (("erp", "1.00", "150000.55"), ("projects", "2.00", "160000.00")):
        budgets.typed(FLAT, there)
        budgets.estimated(here)
        assert budgets.office.sent_by_sync() == []
        assert "Both sides changed" in budgets.hold("conflict")["sentence"]
        budgets.answer(answer, "conflict")
        stays = {} if answer == "erp" else {FLAT: Decimal(there)}
        assert budgets.original() == {**budgets.estimate(), **stays}
        budgets.office.assert_rests()


# locked ---------------------------------------------------------------------------------------------------------------


def test_locked_budget_is_held_until_it_is_unlocked(budgets: Budgets) -> None:
    budgets.lock()
    budgets.office.assert_rests()
    budgets.estimated("150000.55")
    assert budgets.office.sent_by_sync() == []
    hold = budgets.hold("budget_locked")
    assert FLAT in hold["sentence"]
    assert Decimal(hold["amount"]) == budgets.estimate()[FLAT] - budgets.original()[FLAT]
    budgets.lock(locked=False)
    budgets.office.sync()
    budgets.assert_equal()
    assert budgets.changes() == []


def test_locked_budget_is_changed_by_one_budget_change_where_policy_says_so(budgets: Budgets) -> None:
    budgets.office.policy(budgets={"locked": "change"})
    budgets.lock()
    original = budgets.original()
    budgets.estimated("150000.55")
    budgets.office.sync()
    (change,) = budgets.changes()
    assert change["status"] == "approved"
    assert [line["wbs_code"]["flat_code"] for line in change["adjustment_line_items"]] == [FLAT]
    assert budgets.original() == original
    budgets.assert_equal()
    budgets.estimated("140000.00")
    budgets.estimated("130000.10", "08-330.M")
    budgets.office.sync()
    assert len(budgets.changes()) == 2
    budgets.assert_equal()


@pytest.mark.parametrize("kind", ["timeout_after", "timeout_before"])
def test_lost_answer_to_a_budget_change_makes_no_second_one(budgets: Budgets, kind: str) -> None:
    budgets.office.policy(budgets={"locked": "change"})
    budgets.lock()
    budgets.estimated("150000.55")
    rule = FaultRule(kind, side="procore", method="POST", path="budget_changes", nth=1, times=1)
    budgets.office.box.faults.add(rule)
    budgets.office.sync()
    assert budgets.office.box.faults.injected[kind] == 1
    budgets.office.sync()
    assert len(budgets.changes()) == 1
    budgets.assert_equal()


@pytest.mark.parametrize("policy", ["hold", "change"])
def test_budget_locked_before_we_came(office: Office, policy: str) -> None:
    office.policy(budgets={"locked": policy})
    made = Budgets(office)
    made.lock()
    before = made.original()
    office.sync()
    assert made.original() == before
    if policy == "hold":
        assert made.hold("budget_locked")
        made.lock(locked=False)
        office.sync()
        assert made.changes() == []
    else:
        assert len(made.changes()) == 1
    made.assert_equal()


def test_budget_unlocked_again_goes_on_as_original_amounts(budgets: Budgets) -> None:
    budgets.office.policy(budgets={"locked": "change"})
    budgets.lock()
    budgets.estimated("150000.55")
    budgets.office.sync()
    budgets.lock(locked=False)
    budgets.office.assert_rests()
    budgets.estimated("160000.00")
    budgets.office.sync()
    assert len(budgets.changes()) == 1
    budgets.assert_equal()
