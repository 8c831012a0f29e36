"""Which Procore vendor or project is ours: certain, worth asking, or nobody."""

from __future__ import annotations

from typing import Any

from ml_connector.planning.matching import Match, VendorIndex, Verdict, match_project
from ml_connector.records.project import Project
from ml_connector.records.vendor import Vendor

ONCE = "10/vendor/S100"


def vendor(id_: str, name: str, **more: Any) -> Vendor:
    """A vendor with as much as is said."""
    return Vendor(**{"id": id_, "name": name, "tax_number": None, "country": None, **more})


OURS = vendor("S100", "Hollis & Webb Concrete, Inc.", tax_number="12-3456789", country="US", city="Austin")


def find(*theirs: Vendor, ours: Vendor = OURS, near: int = 88, name_links: bool = True) -> Match:
    """Looks for our supplier among theirs."""
    return VendorIndex(theirs).find(ours, ONCE, near=near, name_links=name_links)


def test_our_once_key_comes_before_everything() -> None:
    match = find(
        vendor("1", "Something else", origin=ONCE),
        vendor("2", "Hollis & Webb Concrete", tax_number="123456789", country="US"),
    )
    assert (match.verdict, match.candidates[0].id) == (Verdict.CERTAIN, "1")


def test_what_differs_from_a_vendor_of_our_key_is_shown() -> None:
    other = {"tax_number": "98-7654321", "country": "US", "city": "Austin", "origin": ONCE}
    (seen,) = find(vendor("1", "Hollis & Webb Concrete", **other)).candidates
    assert seen.agrees == ("mark of ml-connector", "name without legal form", "country", "city")
    assert seen.differs == ("tax number",)
    (renamed,) = find(vendor("1", "HWC Holdings", origin=ONCE)).candidates
    assert (renamed.agrees, renamed.differs) == (("mark of ml-connector",), (f"name is {renamed.score} % alike",))


def test_an_equal_tax_number_is_certain_whatever_the_name() -> None:
    match = find(vendor("2", "HWC Holdings", tax_number="12-3456789", country="US"), vendor("3", OURS.name))
    assert (match.verdict, match.candidates[0].id) == (Verdict.CERTAIN, "2")
    assert "tax number" in match.candidates[0].agrees
    assert match.candidates[0].differs[0].startswith("name is ")


def test_two_vendors_of_one_number_are_asked_about() -> None:
    match = find(*(vendor(n, f"HWC {n}", tax_number="12-3456789", country="US") for n in "23"))
    assert (match.verdict, len(match.candidates)) == (Verdict.ASK, 2)


def test_one_vendor_of_the_same_name_links_unless_policy_or_evidence_says_ask() -> None:
    same = vendor("3", "HOLLIS AND WEBB CONCRETE", city="AUSTIN")
    assert find(same).verdict is Verdict.CERTAIN
    assert find(same).candidates[0].agrees == ("name without legal form", "city")
    assert find(same, name_links=False).verdict is Verdict.ASK
    other_number = vendor("3", "Hollis and Webb Concrete", tax_number="98-7654321", country="US")
    assert find(other_number).verdict is Verdict.ASK
    assert find(other_number).candidates[0].differs == ("tax number",)
    assert find(vendor("3", "Hollis and Webb Concrete", country="CA")).verdict is Verdict.ASK


def test_two_vendors_of_the_same_name_are_asked_about() -> None:
    assert (
        find(vendor("3", "Hollis & Webb Concrete"), vendor("4", "HOLLIS AND WEBB CONCRETE LLC")).verdict is Verdict.ASK
    )


def test_a_near_name_is_asked_about_best_first_and_five_at_most() -> None:
    near = [vendor(str(n), f"Holis Webb Concrete{'s' * n}") for n in range(7)]
    match = find(*near, vendor("x", "Northern Crane"), near=75)
    assert match.verdict is Verdict.ASK
    scores = [candidate.score for candidate in match.candidates]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 5
    assert "% alike" in match.evidence


def test_nobody_like_this() -> None:
    assert find(vendor("x", "Northern Crane")) == Match(Verdict.NONE)
    assert find() == Match(Verdict.NONE)


def project(id_: str, number: str, name: str) -> Project:
    """An open project."""
    return Project(id_, number, name, True)


BRIDGE = project("1201", "1201", "Harbour Bridge")


def test_a_project_is_found_by_number_then_by_name() -> None:
    theirs = [project("9", "1201", "Something"), project("8", "77", "Harbour Bridge")]
    by_number = match_project(BRIDGE, theirs)
    assert (by_number.verdict, by_number.candidates[0].id) == (Verdict.CERTAIN, "9")
    assert (by_number.candidates[0].agrees, by_number.candidates[0].differs[0][:8]) == (("project number",), "name is ")
    assert match_project(BRIDGE, theirs[1:]).candidates[0].agrees == ("name",)
    prefixed = [project("8", "US-1201", "HARBOUR BRIDGE")]
    assert match_project(BRIDGE, prefixed).candidates[0].agrees == ("name", "number without its prefix")


def test_two_projects_of_one_number_or_name_are_asked_about() -> None:
    assert match_project(BRIDGE, [project("1", "1201", "A"), project("2", "1201", "B")]).verdict is Verdict.ASK
    near = match_project(BRIDGE, [project("9", "1201", "Harbour Bridge, phase 2")]).candidates[0]
    assert (near.agrees[0], near.agrees[1][:8], near.differs) == ("project number", "name is ", ())
    twins = [project("1", "5", "Harbour Bridge"), project("2", "6", "harbour bridge")]
    assert match_project(BRIDGE, twins).verdict is Verdict.ASK
    assert match_project(BRIDGE, [project("1", "9", "Depot")]).verdict is Verdict.NONE
