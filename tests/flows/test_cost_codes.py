"""Code strings in use lead to cost codes and budget codes: linked, made, or reported as leading nowhere."""

from __future__ import annotations

from typing import Any

import msgspec

from ml_connector.flows.cost_codes import CodeWanted, Coding, Combination, decide
from ml_connector.kernel.keys import Key
from ml_connector.planning.mapping import Mapper, Row
from ml_connector.planning.plan import Decision, HoldReason, pack, unpack
from ml_connector.planning.policy import policies_from
from ml_connector.planning.situation import Linked, Situation
from ml_connector.records.cost_code import BudgetCode, CostCode, CostType
from planning.scene import CHART, MAPPING, TODAY

from .telling import page, told

TYPES = {"M": CostType("1", "M", "Materials"), "L": CostType("2", "L", "Labour")}
NOTHING = Coding(TYPES, {}, {})
CONCRETE = CostCode("31", "5001", "03-310", "Concrete")
BUDGETED = BudgetCode("61", "5001", "03-310.M", budgeted=True)
THERE = Coding(TYPES, {"1201": {"03-310": CONCRETE}}, {"1201": {"03-310.M": BUDGETED}})


def used(account: str = "4110", code: str = "03-310", project: str = "1201") -> Combination:
    """A code string in use."""
    return Combination(project, (("A", account), ("B", code)), "")


def given(links: dict[Key, Linked] | None = None, **cost_codes: Any) -> Situation:
    """Project 1201 is linked; policies of cost codes as said."""
    return Situation(
        company="10",
        today=TODAY,
        policies=policies_from({"cost_codes": cost_codes}),
        mapper=Mapper(MAPPING),
        links={Key("project", "1201"): Linked("5001"), **(links or {})},
        rulings={},
    )


def run(now: Situation, coding: Coding, *combinations: Combination) -> Decision:
    """Decides some code strings."""
    return decide(now, CHART, coding, combinations)


def test_what_procore_lacks_is_made_code_before_budget_code_and_once() -> None:
    decision = run(given(), NOTHING, used(), used(), used("4310"))
    assert told(decision) == page("""
        create cost_code:1201/03-310: Cost code 03-310 Concrete is in use on open orders.
        create budget_code:1201/03-310.M: Budget code 03-310.M is in use on open orders.
        create budget_code:1201/03-310.L: Budget code 03-310.L is in use on open orders.
        """)
    assert Key("cost_code", "1201/03-310") in decision.intents[1].needs
    assert [intent.once_key for intent in decision.intents] == ["10/code/1201/03-310", "", ""]
    assert {intent.counts_as for intent in decision.intents} == {"created"}


def test_what_is_there_is_linked_and_then_left_alone() -> None:
    decision = run(given(), THERE, used())
    assert told(decision) == page("""
        link cost_code:1201/03-310 -> 31: Cost code 03-310 is there already.
        link budget_code:1201/03-310.M -> 61: Budget code 03-310.M is there already.
        """)
    links = {intent.key: Linked(intent.target, intent.base) for intent in decision.intents}
    assert told(run(given(links), THERE, used())) == page("""
        unchanged cost_code:1201/03-310
        unchanged budget_code:1201/03-310.M
        """)


def test_a_code_renamed_in_ifs_is_renamed_there() -> None:
    agreed = pack(CostCode("31", "1201", "03-310", "Concrete works"))
    old = Coding(
        TYPES, {"1201": {"03-310": msgspec.structs.replace(CONCRETE, name="Concrete works")}}, THERE.budget_codes
    )
    links = {
        Key("cost_code", "1201/03-310"): Linked("31", agreed),
        Key("budget_code", "1201/03-310.M"): Linked("61"),
    }
    decision = run(given(links), old, used())
    assert told(decision).splitlines()[0] == "update cost_code:1201/03-310 -> 31: Renamed in IFS: Concrete."
    procores_own = Coding(
        TYPES, {"1201": {"03-310": msgspec.structs.replace(CONCRETE, name="My concrete")}}, THERE.budget_codes
    )
    own = {**links, Key("cost_code", "1201/03-310"): Linked("31", pack(CostCode("31", "1201", "03-310", "Concrete")))}
    assert run(given(own), procores_own, used()).intents == (), (
        "a name chosen in Procore stands while IFS keeps its own"
    )


def test_an_account_without_row_waits_for_the_mapping() -> None:
    decision = run(given(), NOTHING, used("1910"))
    assert told(decision) == page("""
        HOLD code_unmapped for mapping:cost_type A=1910 (cost engineer): \\
        No row of the mapping makes a cost type from A=1910 (project 1201). \\
        Add the row to the mapping.
        """)
    rule = msgspec.structs.replace(MAPPING.cost_type, rows=(*MAPPING.cost_type.rows, Row((("A", "19*"),), "M")))
    wider = msgspec.structs.replace(given(), mapper=Mapper(msgspec.structs.replace(MAPPING, cost_type=rule)))
    assert run(wider, NOTHING, used("1910")).holds == ()


def test_a_cost_type_the_company_does_not_have() -> None:
    poor = Coding({"M": TYPES["M"]}, {}, {})
    decision = run(given(), poor, used("4310"))
    (hold,) = decision.holds
    assert (hold.reason, hold.waits_for) == (HoldReason.COST_TYPE_MISSING, Key("cost_type", "L"))
    assert run(given(), NOTHING, used("4310")).holds == ()


def test_policy_may_leave_codes_to_people() -> None:
    never = given(create="never")
    assert told(run(never, NOTHING, used())) == page("""
        HOLD cost_code_missing for cost_code:1201/03-310 (cost engineer): \\
        Cost code 03-310 is not in Procore's project 1201, and policy does not let us create codes there.
        """)
    half = Coding(TYPES, THERE.cost_codes, {})
    (hold,) = run(never, half, used()).holds
    assert (hold.reason, hold.waits_for) == (HoldReason.COST_CODE_MISSING, Key("budget_code", "1201/03-310.M"))
    assert run(never, THERE, used()).holds == ()


def test_nothing_is_made_for_what_ifs_lacks_or_for_a_project_without_partner() -> None:
    assert run(given(), NOTHING, used(code="77-777"), used(project="1299")) == Decision()


def test_a_code_made_from_something_without_a_name_is_called_by_itself() -> None:
    by_account = msgspec.structs.replace(MAPPING.cost_code, parts=("C",), rows=(Row((("A", "41*"),), "01-000"),))
    mapper = Mapper(msgspec.structs.replace(MAPPING, cost_code=by_account))
    first, _ = run(msgspec.structs.replace(given(), mapper=mapper), NOTHING, used()).intents
    assert first.reason == "Cost code 01-000 01-000 is in use on open orders."


def test_the_whole_code_string_stays_on_the_link_of_a_budget_code() -> None:
    for coding in (NOTHING, THERE):
        intents = {intent.key: intent for intent in run(given(), coding, used()).intents}
        kept = unpack("budget_code", intents[Key("budget_code", "1201/03-310.M")].base)
        assert isinstance(kept, BudgetCode)
        assert (kept.codes, kept.project) == ((("A", "4110"), ("B", "03-310")), "1201")
    older = {
        Key("cost_code", "1201/03-310"): Linked("31"),
        Key("budget_code", "1201/03-310.M"): Linked("61", pack(BudgetCode("61", "1201", "03-310.M"))),
    }
    decision = run(given(older), THERE, used())
    assert told(decision) == page("""
        link budget_code:1201/03-310.M -> 61: Budget code 03-310.M stands for A=4110 B=03-310.
        unchanged cost_code:1201/03-310
        """)
    after = {**older, Key("budget_code", "1201/03-310.M"): Linked("61", decision.intents[0].base)}
    assert run(given(after), THERE, used()).intents == (), "said once"


def test_codes_a_budget_wants_are_made_without_a_code_string() -> None:
    wanted = [
        CodeWanted("1201", "03-310", "M"),
        CodeWanted("1201", "99-900", "L", "Overheads"),
        CodeWanted("1201", "98-000"),
        CodeWanted("1299", "98-000"),
    ]
    decision = decide(given(), CHART, NOTHING, [used()], wanted)
    assert told(decision) == page("""
        create cost_code:1201/03-310: Cost code 03-310 Concrete is in use on open orders.
        create budget_code:1201/03-310.M: Budget code 03-310.M is in use on open orders.
        create cost_code:1201/98-000: Cost code 98-000 98-000 is wanted by a budget or a document.
        create cost_code:1201/99-900: Cost code 99-900 Overheads is wanted by a budget or a document.
        create budget_code:1201/99-900.L: Budget code 99-900.L is wanted by a budget or a document.
        """)
    (first, *_) = decide(given(), CHART, NOTHING, [], wanted).intents
    assert first.reason == "Cost code 03-310 Concrete is wanted by a budget or a document.", "named by the value it is"


def test_every_valid_value_reaches_every_linked_project_where_policy_says_all() -> None:
    sites = {Key("project", "1202"): Linked("5002"), Key("project", "1203"): Linked("5003")}
    coding = Coding(TYPES, {"1201": {"03-310": CONCRETE}, "1202": {}}, {})
    decision = decide(given(sites, scope="all"), CHART, coding, [])
    assert told(decision) == page("""
        link cost_code:1201/03-310 -> 31: Cost code 03-310 is there already.
        create cost_code:1201/05-120: Cost code 05-120 Steel is valid in IFS.
        create cost_code:1201/09-910: Cost code 09-910 Paint is valid in IFS.
        create cost_code:1202/03-310: Cost code 03-310 Concrete is valid in IFS.
        create cost_code:1202/05-120: Cost code 05-120 Steel is valid in IFS.
        create cost_code:1202/09-910: Cost code 09-910 Paint is valid in IFS.
        """), "but not a project whose codes were not read"
    assert decide(given(sites), CHART, coding, []) == Decision(), "unless only used ones are wanted"
    ended = {
        key: msgspec.structs.replace(one, valid_until=TODAY.replace(day=1)) for key, one in CHART.dimensions.items()
    }
    over = msgspec.structs.replace(CHART, dimensions=ended)
    assert decide(given(sites, scope="all"), over, coding, []) == Decision()
    rows = msgspec.structs.replace(MAPPING.cost_code, rows=(Row((("B", "03-*"),), "03-000"),))
    mapper = Mapper(msgspec.structs.replace(MAPPING, cost_code=rows))
    many = msgspec.structs.replace(given(sites, scope="all"), mapper=mapper)
    assert decide(many, CHART, coding, []) == Decision(), "a value says which code only where they are one-to-one"
