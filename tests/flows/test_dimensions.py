"""A cost code made in Procore becomes a code part value in IFS: one-to-one, allowed by a person, or refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from ml_connector.flows.dimensions import decide
from ml_connector.kernel.keys import Key
from ml_connector.planning.chart import Chart
from ml_connector.planning.mapping import Mapper, Row
from ml_connector.planning.plan import Decision, HoldReason, pack, unpack
from ml_connector.planning.policy import policies_from
from ml_connector.planning.situation import Linked, Ruling, Situation, mark_of
from ml_connector.records.accounting import Book, CodePart
from ml_connector.records.cost_code import CostCode
from ml_connector.records.dimension import Dimension
from planning.scene import CHART, MAPPING, TODAY

from .telling import page, told

OPEN = Book(parts={"B": CodePart("B", "Cost centre", True, "NOFUNC", 10)})


def made(code: str, name: str = "Piling", project: str = "5001", **changes: Any) -> CostCode:
    """A cost code somebody made in Procore."""
    return msgspec.structs.replace(CostCode(f"{project}-{code}", project, code, name), **changes)


def there(*codes: CostCode) -> dict[str, dict[str, CostCode]]:
    """Cost codes by IFS project; 5001 in Procore is 1201."""
    found: dict[str, dict[str, CostCode]] = {}
    for code in codes:
        found.setdefault(f"12{code.project[-2:]}", {})[code.code] = code
    return found


def given(
    links: dict[Key, Linked] | None = None, rulings: dict[Any, Ruling] | None = None, **cost_codes: Any
) -> Situation:
    """Policies of cost codes as said; the mapping makes the cost code of code part B as it stands."""
    return Situation(
        "10", TODAY, policies_from({"cost_codes": cost_codes}), Mapper(MAPPING), links or {}, rulings or {}
    )


def run(now: Situation, *codes: CostCode, book: Book = OPEN, chart: Chart = CHART) -> Decision:
    """Decides these cost codes of Procore."""
    return decide(now, chart, book, there(*codes))


KEY = Key("dimension", "B=31-620")
PILES = made("31-620")


def test_a_new_code_is_asked_about_and_made_once_a_person_allows_it() -> None:
    assert told(run(given(), PILES, made("03-310"))) == page("""
        HOLD code_missing for dimension:B=31-620 (cost engineer): \\
        Cost code 31-620 Piling was made in Procore (project 1201) and is no value of code part B in IFS. \\
        Answer `allow` to make it there, or `ignore`.
        """)
    (intent,) = run(given(rulings={(KEY, HoldReason.CODE_MISSING): Ruling("allow")}), PILES).intents
    assert (intent.key, intent.once_key, intent.scope, intent.target) == (KEY, "", "", "")
    assert intent.reason == "Cost code 31-620 Piling was made in Procore (project 1201)."
    assert unpack("dimension", intent.body) == Dimension("B", "31-620", "Piling", date(2026, 1, 1), date(2049, 12, 31))
    assert intent.base == intent.body
    left = run(given(rulings={(KEY, HoldReason.CODE_MISSING): Ruling("ignore")}), PILES)
    assert told(left) == "SKIP A person said that cost code 31-620 (project 1201) stays out of IFS."


def test_one_value_for_a_code_made_in_several_projects() -> None:
    decision = run(given(back="auto"), PILES, made("31-620", project="5002"), made("31-630", "", "5002"))
    assert told(decision) == page("""
        create dimension:B=31-620: Cost code 31-620 Piling was made in Procore (projects 1201, 1202).
        create dimension:B=31-630: Cost code 31-630 31-630 was made in Procore (project 1202).
        """)


def test_one_code_under_two_names_is_a_conflict_that_lists_both() -> None:
    both = (PILES, made("31-620", "Sheet piles", "5002"))
    (hold,) = run(given(back="auto"), *both).holds
    assert (hold.reason, hold.key) == (HoldReason.CONFLICT, KEY)
    assert "Piling in project 1201; Sheet piles in project 1202" in hold.sentence

    def said(answer: str) -> Decision:
        rulings = {(KEY, HoldReason.CONFLICT): Ruling(answer, mark_of(hold.evidence))}
        return run(given(rulings=rulings, back="auto"), *both)

    assert told(said("projects")) == page("""
        create dimension:B=31-620: Cost code 31-620 Piling was made in Procore (projects 1201, 1202).
        """)
    assert told(said("erp")) == "SKIP A person left cost code 31-620 to IFS, where nobody made it yet."
    assert run(given(back="auto"), PILES, made("31-620", project="5002")).intents, "one name settles it"


def test_policy_may_leave_new_codes_in_procore() -> None:
    many = [made(f"31-62{n}") for n in range(10)]
    assert told(run(given(back="never"), *many)) == page("""
        SKIP Left in Procore, as policy says: 10 new cost codes (31-620, 31-621, 31-622, 31-623, 31-624, 31-625, \\
        31-626, 31-627 and 2 more).
        """)


def test_what_is_ours_or_known_or_only_a_heading_is_no_news() -> None:
    linked = {Key("cost_code", "1201/77-777"): Linked("9"), Key("cost_code", "1201/77-770"): Linked("5001-77-771")}
    codes = (
        made("03-310"),
        made("77-777"),
        made("77-771"),
        made("77-772", origin="10/code/1201/77-772"),
        made("77"),
    )
    assert run(given(linked, back="auto"), *codes) == Decision()
    (alone,) = run(given(back="auto"), made("77")).intents
    assert alone.key == Key("dimension", "B=77"), "a code with nothing below it is no heading"
    (foreign,) = run(given(back="auto"), made("78", origin="20/code/1201/78")).intents
    assert foreign.key.id == "B=78", "what another company's connection made is news to this one"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (msgspec.structs.replace(MAPPING.cost_code, rows=(Row((("B", "03-*"),), "03"),)), "rows"),
        (msgspec.structs.replace(MAPPING.cost_code, parts=("B", "C")), "several parts"),
        (msgspec.structs.replace(MAPPING.cost_code, otherwise="refuse"), "nothing as it stands"),
        (msgspec.structs.replace(MAPPING.cost_code, parts=("activity",)), "an activity"),
    ],
)
def test_a_mapping_that_is_not_one_to_one_refuses_the_way_back(rule: Any, why: str) -> None:
    mapper = Mapper(msgspec.structs.replace(MAPPING, cost_code=rule))
    decision = run(msgspec.structs.replace(given(back="auto"), mapper=mapper), PILES)
    assert told(decision) == page("""
        SKIP Refused, not one-to-one: 1 new cost code (31-620) of Procore; the mapping makes cost codes by rows, \\
        or from several parts, so none says which value it would be.
        """), why
    assert run(msgspec.structs.replace(given(back="never"), mapper=mapper), PILES) == Decision()
    assert run(msgspec.structs.replace(given(back="auto"), mapper=mapper)) == Decision()


@pytest.mark.parametrize(
    ("function", "constant", "what"),
    [
        ("PRACC", "PRACCCODEPARTCANNOTMODIFY", "project windows"),
        ("FAACC", "FAACCCODEPARTCANNOTMODIFY", "asset windows"),
    ],
)
def test_parts_that_ifs_keeps_to_itself_are_held_once(function: str, constant: str, what: str) -> None:
    book = Book(parts={"B": CodePart("B", "Project", True, function, 10)})
    (hold,) = run(given(back="auto"), PILES, made("31-630"), book=book).holds
    assert (hold.reason, hold.key, hold.evidence) == (HoldReason.PART_FORBIDDEN, Key("code_part", "B"), constant)
    assert what in hold.sentence
    assert hold.sentence.endswith("Procore has 2 cost codes (31-620, 31-630) that it lacks.")
    unused = Book(parts={"B": CodePart("B", "", False, "", 10)})
    assert run(given(back="auto"), PILES, book=unused).holds[0].evidence == "ISNOTUSED"


@pytest.mark.parametrize(
    ("code", "constant", "why"),
    [
        ("31-62x", "INVALIDCHARVALUE", "IFS takes upper case only"),
        ("31^620", "INVALIDCHARVALUE", "IFS takes no ^ in a value"),
        ("31-6200000001", "TOOMANYCHARS", "IFS takes at most 10 characters there"),
    ],
)
def test_a_value_that_ifs_would_refuse_is_held_with_its_constant(code: str, constant: str, why: str) -> None:
    (hold,) = run(given(back="auto"), made(code)).holds
    assert (hold.reason, hold.evidence) == (HoldReason.PART_FORBIDDEN, constant)
    assert hold.sentence.endswith(f"cannot become a value of code part B: {why}.")
    ignored = given(rulings={(hold.key, HoldReason.PART_FORBIDDEN): Ruling("ignore")}, back="auto")
    assert run(ignored, made(code)).holds == ()


def test_where_the_book_cannot_be_read_ifs_judges_for_itself() -> None:
    assert run(given(back="auto"), made("31-6200000001"), book=Book()).intents


def test_a_value_made_from_procore_and_gone_since_is_not_made_again() -> None:
    decision = run(given({KEY: Linked("31-620")}, back="auto"), PILES)
    assert told(decision) == "SKIP Code part B value 31-620 was made from Procore and is not in IFS any more."


def test_renamed_in_procore_or_ended_in_ifs_is_said_and_left() -> None:
    agreed = pack(CostCode("9", "1201", "03-310", "Concrete"))
    linked = {Key("cost_code", f"1201/{code}"): Linked(f"5001-{code}", agreed) for code in ("03-310", "05-120")}
    old = {**CHART.dimensions, ("B", "05-120"): Dimension("B", "05-120", "Steel", date(2020, 1, 1), date(2026, 1, 31))}
    decision = run(
        given(linked, back="auto"), made("03-310", "My concrete"), made("05-120", "Steel"), chart=Chart(old, {})
    )
    assert told(decision) == page("""
        SKIP Called otherwise in Procore than in IFS, which owns names: 1 cost code (1201/03-310). \\
        Procore's name stands until the value is renamed in IFS.
        SKIP Ended in IFS and still in Procore, where no cost code can be removed: 1 cost code (1201/05-120). \\
        Their budget codes are made inactive, and what names them is held by the value's own dates.
        """)
