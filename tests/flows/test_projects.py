"""Which Procore project an IFS project is: found, asked about, or left alone; never made."""

from __future__ import annotations

from typing import Any

from ml_connector.flows.projects import decide
from ml_connector.kernel.keys import Key
from ml_connector.planning.mapping import DEFAULT, Mapper
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.policy import policies_from
from ml_connector.planning.situation import Linked, Ruling, Situation
from ml_connector.records.project import Project
from planning.scene import TODAY

from .telling import page, told

BRIDGE = Project("1201", "1201", "Harbour Bridge", True)
PIER = Project("1202", "1202", "North Pier", True)
THEIR_BRIDGE = Project("5001", "1201", "Harbour Bridge Replacement", True)
THEIR_PIER = Project("5002", "US-1202", "NORTH PIER", True)


def given(link: str = "auto", links: dict[Key, str] | None = None, **rulings: Any) -> Situation:
    """A situation; `rulings` are answers to project matches, by IFS id with a leading p."""
    return Situation(
        company="10",
        today=TODAY,
        policies=policies_from({"projects": {"link": link}}),
        mapper=Mapper(DEFAULT),
        links={key: Linked(target) for key, target in (links or {}).items()},
        rulings={(Key("project", k[1:]), HoldReason.PROJECT_MATCH): Ruling(*v) for k, v in rulings.items()},
    )


def test_equal_number_or_only_name_is_linked() -> None:
    assert told(decide(given(), [BRIDGE, PIER], [THEIR_BRIDGE, THEIR_PIER])) == page("""
        link project:1201 -> 5001: Project 1201 is Harbour Bridge Replacement in Procore: project number, \\
        name is 70 % alike.
        link project:1202 -> 5002: Project 1202 is NORTH PIER in Procore: name, number without its prefix.
        """)


def test_policy_ask_proposes_and_a_person_confirms() -> None:
    assert told(decide(given("ask"), [BRIDGE], [THEIR_BRIDGE])) == page("""
        HOLD project_match for ruling:project:1201 (project accountant): \\
        Is project 1201 Harbour Bridge the Procore project Harbour Bridge Replacement?
        """)
    answered = decide(given("ask", p1201=("link", "5001")), [BRIDGE], [THEIR_BRIDGE])
    assert told(answered) == page("""
        link project:1201 -> 5001: Project 1201 is Harbour Bridge Replacement in Procore: a person said so.
        """)


def test_a_person_may_choose_among_twins_or_leave_the_project_out() -> None:
    twins = [THEIR_BRIDGE, Project("5009", "1201", "Harbour Bridge, copy", True)]
    (hold,) = decide(given(), [BRIDGE], twins).holds
    assert hold.candidates == ("5001", "5009")
    assert [i.target for i in decide(given(p1201=("link", "5009")), [BRIDGE], twins).intents] == ["5009"]
    assert told(decide(given(p1201=("ignore",)), [BRIDGE], twins)) == page("""
        SKIP Project 1201 Harbour Bridge has no partner in Procore.
        """)


def test_nobody_like_it_and_closed_projects_are_left_alone() -> None:
    closed = Project("1200", "1200", "Old Depot", False)
    assert told(decide(given(), [BRIDGE, closed], [THEIR_PIER])) == page("""
        SKIP Project 1201 Harbour Bridge has no partner in Procore.
        """)


def test_two_projects_never_share_a_partner() -> None:
    copy = Project("1299", "1299", "Harbour Bridge Replacement", True)
    decision = decide(given(), [BRIDGE, copy], [THEIR_BRIDGE])
    assert told(decision) == page("""
        link project:1201 -> 5001: Project 1201 is Harbour Bridge Replacement in Procore: project number, \\
        name is 70 % alike.
        HOLD project_match for ruling:project:1299 (project accountant): \\
        Project 1299 Harbour Bridge Replacement looks like the Procore project Harbour Bridge Replacement, which \\
        already stands for project 1201. Two projects cannot share one: answer `ignore` to leave this one out.
        """)
    after = given(links={Key("project", "1201"): "5001"}, p1299=("ignore",))
    assert told(decide(after, [BRIDGE, copy], [THEIR_BRIDGE])) == page("""
        SKIP Project 1299 Harbour Bridge Replacement has no partner in Procore.
        unchanged project:1201
        """)


def test_a_partner_that_cannot_be_seen_any_more_is_reported_and_comes_back() -> None:
    linked = given(links={Key("project", "1201"): "5001"})
    (hold,) = decide(linked, [BRIDGE], [THEIR_PIER]).holds
    waited = Key("procore_project", "1201 Harbour Bridge")
    assert (hold.reason, hold.waits_for) == (HoldReason.GONE_THERE, waited)
    assert "a Procore administrator adds it to the permitted projects" in hold.sentence
    assert told(decide(linked, [BRIDGE], [THEIR_BRIDGE])) == "unchanged project:1201"


def test_an_answer_that_names_a_project_nobody_sees_is_asked_again() -> None:
    assert decide(given("ask", p1201=("link", "5999")), [BRIDGE], [THEIR_PIER]).intents == ()
    assert decide(given("auto", p1201=("link", "5999")), [BRIDGE], [THEIR_BRIDGE]).intents[0].target == "5001"
