"""Code part values and cost codes both ways: one-to-one, where IFS allows it, or said in words and left."""

from __future__ import annotations

from typing import Any

import pytest

from ml_connector.sandbox.cast import UNKNOWN_COST_CODE
from ml_connector.sandbox.faults import FaultRule

from .master_windows import MasterIfs, MasterProcore, master_windows
from .office import UNKNOWN_CODE, Office
from .test_holds import order_for

NEW, NAME = "31-700", "Helical piles"
"""A cost code that neither system has."""
PILING = "S1027"
"""The supplier of the order that waits for UNKNOWN_COST_CODE."""


class Codes:
    """An office with an eye on cost codes and code part B."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.ifs: MasterIfs
        self.procore: MasterProcore
        self.ifs, self.procore = master_windows(office.box.connection_text())
        self.projects = office.proof.project_ids

    def value(self, value: str) -> dict[str, Any] | None:
        """A value of code part B."""
        return self.ifs.code_values("B").get(value)

    def there(self, code: str) -> dict[str, str]:
        """What a cost code is called in each project (IFS id) that has it."""
        return {
            ours: row["name"]
            for ours, theirs in self.projects.items()
            for row in self.procore.cost_codes(theirs)
            if row["full_code"] == code
        }

    def typed(self, code: str = NEW, name: str = NAME, number: str = "1201") -> None:
        """A person adds a cost code in Procore."""
        self.office.procore("add_cost_code", number=number, code=code, name=name)

    def hold(self, reason: str, code: str = NEW) -> dict[str, Any]:
        """The one open hold on a code part value."""
        found = [one for one in self.office.holds(reason) if one["erp_id"] == f"B={code}"]
        assert len(found) == 1, self.office.holds()
        return found[0]

    def answer(self, answer: str, reason: str = "code_missing", code: str = NEW) -> None:
        """A person answers the hold on a value, and the next sync follows."""
        self.office.app.rule("demo", self.hold(reason, code)["id"], answer, note="as a person says")
        self.office.sync()


@pytest.fixture
def codes(running: Office) -> Codes:
    """Codes after the first sync."""
    return Codes(running)


# IFS to Procore -------------------------------------------------------------------------------------------------------


def test_value_made_in_ifs_reaches_the_project_whose_order_uses_it(codes: Codes) -> None:
    codes.office.ifs("add_code_value", code_part="B", value=NEW, description=NAME)
    codes.office.sync()
    assert codes.there(NEW) == {}
    order_for(codes.office, PILING, codes={"A": "4110", "B": NEW, "C": "410", "E": "1204"})
    codes.office.sync()
    assert codes.there(NEW) == {"1204": NAME}
    codes.office.assert_proven()
    codes.office.assert_rests()


def test_every_valid_value_reaches_every_project_where_policy_says_all(codes: Codes) -> None:
    codes.office.policy(cost_codes={"scope": "all"})
    codes.office.sync()
    codes.office.assert_rests()
    codes.office.ifs("add_code_value", code_part="B", value=NEW, description=NAME)
    codes.office.sync()
    assert codes.there(NEW) == dict.fromkeys(codes.projects, NAME)
    codes.office.ifs("rename_code_value", code_part="B", value=NEW, description="Screw piles")
    codes.office.sync()
    assert codes.there(NEW) == dict.fromkeys(codes.projects, "Screw piles")
    codes.office.assert_rests()
    codes.office.ifs("expire_code_value", code_part="B", value=NEW)
    report = codes.office.assert_rests()
    assert codes.there(NEW) == dict.fromkeys(codes.projects, "Screw piles")
    assert any("Ended in IFS and still in Procore" in note and NEW in note for note in report.notes), report.notes


def test_value_renamed_in_ifs_is_renamed_where_it_is_used(codes: Codes) -> None:
    """One of them stands in the project's budget as well, the other on orders only."""
    used = ("03-310", "03-410")
    for code in used:
        assert "1201" in codes.there(code)
        codes.office.ifs("rename_code_value", code_part="B", value=code, description=f"Concrete {code}")
    codes.office.sync()
    assert [codes.there(code)["1201"] for code in used] == ["Concrete 03-310", "Concrete 03-410"]
    codes.office.assert_rests()


def test_budget_codes_of_a_value_that_ended_in_ifs_take_nothing_new_until_it_is_valid_again(codes: Codes) -> None:
    def status() -> set[str]:
        rows = codes.procore.wbs_codes(codes.projects["1201"])
        return {row["status"] for row in rows if row["flat_code"].startswith("03-410.")}

    assert status() == {"active"}
    codes.office.ifs("expire_code_value", code_part="B", value="03-410")
    codes.office.sync()
    assert status() == {"inactive"}
    codes.office.assert_rests()
    codes.office.ifs("expire_code_value", code_part="B", value="03-410", valid_until="2049-12-31")
    codes.office.sync()
    assert status() == {"active"}
    codes.office.assert_proven()
    codes.office.assert_rests()


def test_a_name_changed_in_procore_is_said_and_left(codes: Codes) -> None:
    code = next(row for row in codes.procore.cost_codes(codes.projects["1201"]) if row["full_code"] == "03-410")
    codes.office.box.clock.advance(codes.office.pause)
    body = {"project_id": codes.projects["1201"], "cost_code": {"code": code["code"], "name": "Tilt-up walls"}}
    codes.procore.ask("PATCH", f"/rest/v1.0/cost_codes/{code['id']}", body)
    report = codes.office.assert_rests()
    assert any("Called otherwise in Procore" in note and "1201/03-410" in note for note in report.notes), report.notes
    assert codes.there("03-410")["1201"] == "Tilt-up walls"
    value = codes.value("03-410")
    assert value is not None
    assert value["Description"] == "Precast concrete"


# Procore to IFS -------------------------------------------------------------------------------------------------------


def test_cost_code_typed_in_procore_is_asked_about_and_made_when_allowed(codes: Codes) -> None:
    codes.typed()
    assert codes.office.sent_by_sync() == []
    hold = codes.hold("code_missing")
    assert (hold["kind"], hold["owner"]) == ("dimension", "cost engineer")
    assert f"{NEW} {NAME} was made in Procore (project 1201)" in hold["sentence"]
    assert codes.value(NEW) is None
    codes.answer("allow")
    value = codes.value(NEW)
    assert value is not None
    assert (value["Description"], value["ValidUntil"]) == (NAME, "2049-12-31")
    assert codes.office.holds("code_missing")[0]["erp_id"] == UNKNOWN_CODE
    codes.office.assert_rests()
    order_for(codes.office, PILING, "P100002", codes={"A": "4110", "B": NEW, "C": "410", "E": "1201"})
    codes.office.sync()
    codes.office.assert_rests()
    assert codes.there(NEW) == {"1201": NAME}


def test_code_an_order_waits_for_lets_it_go_once_it_is_allowed(codes: Codes) -> None:
    codes.typed(UNKNOWN_COST_CODE, "Micropiles")
    codes.office.sync()
    codes.answer("allow", code=UNKNOWN_COST_CODE)
    codes.office.sync()
    assert codes.office.holds() == []
    codes.office.assert_proven(held=())
    codes.office.assert_rests()


def test_ignored_code_stays_in_procore(codes: Codes) -> None:
    codes.typed()
    codes.office.sync()
    codes.answer("ignore")
    codes.office.assert_rests()
    assert codes.value(NEW) is None
    assert [one["erp_id"] for one in codes.office.holds("code_missing")] == [UNKNOWN_CODE]


def test_policy_auto_makes_the_value_at_once_and_never_leaves_it(codes: Codes) -> None:
    codes.office.policy(cost_codes={"back": "never"})
    codes.typed()
    report = codes.office.assert_rests()
    assert codes.value(NEW) is None
    assert not any(NEW in note for note in report.notes)
    codes.office.policy(cost_codes={"back": "auto"})
    codes.office.sync()
    value = codes.value(NEW)
    assert value is not None
    assert value["Description"] == NAME
    codes.office.assert_rests()


def test_lost_answer_to_a_value_makes_it_once(codes: Codes) -> None:
    codes.office.policy(cost_codes={"back": "auto"})
    codes.typed()
    codes.office.box.faults.add(FaultRule("timeout_after", side="ifs", method="POST", path="CodeBSet", nth=1, times=1))
    codes.office.sync()
    assert codes.office.box.faults.injected["timeout_after"] == 1
    codes.office.sync()
    assert codes.value(NEW) is not None
    assert [one["erp_id"] for one in codes.office.holds()] == [UNKNOWN_CODE]
    codes.office.assert_rests()


def test_mapping_that_is_not_one_to_one_is_said_and_nothing_is_made(codes: Codes) -> None:
    row = '\n[[mapping.cost_code.row]]\nB = "33-4*"\nto = "33-410"\n'
    codes.office.app.import_mapping("demo", codes.office.app.export_mapping("demo") + row)
    codes.typed()
    report = codes.office.sync()
    said = [note for note in report.notes if "Refused, not one-to-one" in note]
    assert len(said) == 1
    assert f"({NEW})" in said[0], "what the mapping leads to is not new"
    assert "the mapping makes cost codes by rows" in said[0]
    assert codes.value(NEW) is None
    codes.office.assert_rests()


def test_codes_ifs_cannot_hold_are_told_in_words(codes: Codes) -> None:
    bad = {"31-620-70001": "at most 10 characters", "31-62a": "upper case only", "31-6^2": "no ^ in a value"}
    for code in bad:
        codes.typed(code)
    assert codes.office.sent_by_sync() == []
    assert len(codes.office.holds("part_forbidden")) == len(bad)
    for code, words in bad.items():
        hold = codes.hold("part_forbidden", code)
        assert words in hold["sentence"]
        codes.office.app.rule("demo", hold["id"], "ignore", note="it stays there")
    codes.office.assert_rests()
    assert codes.office.holds("part_forbidden") == []
    assert codes.ifs.code_values("B").keys() & bad.keys() == set()


def test_part_that_holds_the_projects_takes_no_values_from_outside(office: Office) -> None:
    text = office.app.export_mapping("demo")
    assert 'parts = ["B"]' in text
    office.app.import_mapping("demo", text.replace('parts = ["B"]', 'parts = ["E"]', 1))
    codes = Codes(office)
    office.sync()
    (hold,) = office.holds("part_forbidden")
    assert (hold["kind"], hold["erp_id"]) == ("code_part", "E")
    assert "holds the projects: its values come only from IFS's project windows" in hold["sentence"]
    assert codes.ifs.code_values("E").keys() & {"03-310", "03-110"} == set()
    office.app.rule("demo", hold["id"], "ignore", note="it stays there")
    office.sync()
    assert office.holds("part_forbidden") == []


def test_values_that_come_from_a_source_company_are_refused_until_it_is_lifted(codes: Codes) -> None:
    codes.office.policy(cost_codes={"back": "auto"})
    codes.office.ifs("set_company", source_company="90")
    codes.typed()
    codes.office.sync()
    (hold,) = codes.office.holds("refused")
    assert "NODIRECTINSERT" in hold["sentence"]
    assert "adds the value in the company it comes from" in hold["sentence"]
    assert codes.value(NEW) is None
    codes.office.sync()
    assert len(codes.office.holds("refused")) == 1
    codes.office.ifs("set_company", source_company=None)
    codes.office.sync()
    assert codes.value(NEW) is not None
    assert codes.office.holds("refused") == []
    codes.office.assert_rests()


def test_one_code_under_two_names_is_a_conflict(codes: Codes) -> None:
    codes.office.policy(cost_codes={"back": "auto"})
    codes.typed()
    codes.typed(name="Screw piles", number="1202")
    assert codes.office.sent_by_sync() == []
    hold = codes.hold("conflict")
    assert f"{NAME} in project 1201" in hold["sentence"]
    assert "Screw piles in project 1202" in hold["sentence"]
    codes.answer("projects", "conflict")
    value = codes.value(NEW)
    assert value is not None
    assert value["Description"] == NAME
    codes.office.assert_rests()


def test_conflict_left_to_ifs_is_settled_by_the_value_its_people_make(codes: Codes) -> None:
    codes.typed()
    codes.typed(name="Screw piles", number="1202")
    codes.office.sync()
    codes.answer("erp", "conflict")
    assert codes.value(NEW) is None
    codes.office.assert_rests()
    codes.office.ifs("add_code_value", code_part="B", value=NEW, description="Piles, screwed")
    codes.office.assert_rests()
    assert [one["erp_id"] for one in codes.office.holds()] == [UNKNOWN_CODE]
