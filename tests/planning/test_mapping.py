"""The customer's mapping: total, first row wins, and what is wrong with it is said in its own words."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.kernel.errors import BadInput
from ml_connector.planning.mapping import (
    DEFAULT,
    PARTS,
    CodeMapping,
    Mapper,
    Row,
    SegmentRule,
    mapping_from,
    mapping_to,
    shadowed,
)
from ml_connector.planning.mapping_compare import row_text
from ml_connector.planning.mapping_editing import Edit, edited
from ml_connector.planning.mapping_words import code_words, setting_words

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8)
rules = st.builds(
    SegmentRule,
    parts=st.lists(st.sampled_from(PARTS), min_size=1, max_size=3, unique=True).map(tuple),
    join=texts,
    otherwise=st.sampled_from(("same", "refuse")),
    rows=st.lists(
        st.builds(
            Row,
            when=st.dictionaries(st.sampled_from(PARTS), texts, min_size=1, max_size=2).map(lambda d: tuple(d.items())),
            to=texts,
        ),
        max_size=4,
    ).map(tuple),
)
mappings = st.builds(CodeMapping, cost_code=rules, cost_type=rules)
code_strings = st.dictionaries(st.sampled_from("ABCDEFGHIJ"), texts, max_size=4).map(lambda d: tuple(sorted(d.items())))


@given(mappings, code_strings, texts, texts)
def test_every_code_string_gets_both_codes_or_a_reason(
    mapping: CodeMapping, codes: tuple[tuple[str, str], ...], activity: str, sub_project: str
) -> None:
    target = Mapper(mapping).target(codes, activity, sub_project)
    if target.missing:
        assert target.missing in ("cost_code", "cost_type")
        assert target.looked_at
        assert not target.cost_code
        assert not target.cost_type
    else:
        assert target.flat == f"{target.cost_code}.{target.cost_type}"


@given(mappings)
def test_a_mapping_survives_its_toml_form(mapping: CodeMapping) -> None:
    text = tomlkit.dumps(mapping_to(mapping))
    assert mapping_from(tomllib.loads(text)) == mapping
    assert mapping_from(tomllib.loads(text)).version() == mapping.version()


def rule(*rows: tuple[str, str], otherwise: str = "refuse") -> SegmentRule:
    """A rule over code part A."""
    return SegmentRule(parts=("A",), otherwise=otherwise, rows=tuple(Row((("A", when),), to) for when, to in rows))


def test_the_first_row_wins_and_wildcards_mean_what_they_mean_in_file_names() -> None:
    ours = rule(("4110", "M"), ("41*", "O"), ("4?99", "L"), ("*", "X"))
    found = {value: ours.target({"A": value}) for value in ("4110", "4111", "4299", "9")}
    assert found == {"4110": "M", "4111": "O", "4299": "L", "9": "X"}


def test_what_happens_when_no_row_fits() -> None:
    assert rule(("4110", "M")).target({"A": "1910"}) is None
    assert rule(otherwise="same").target({"A": "1910"}) == "1910"
    joined = SegmentRule(parts=("B", "C"), join="-", otherwise="same")
    assert joined.target({"B": "03", "C": "310"}) == "03-310"
    assert joined.target({"B": "03"}) is None, "half a code is none"
    assert rule(("19*", "")).target({"A": "1910"}) is None, "a row that leads nowhere refuses on purpose"


def test_rows_may_look_at_the_activity() -> None:
    by_activity = SegmentRule(parts=("activity",), rows=(Row((("activity", "100"), ("sub_project", "1*")), "03-310"),))
    mapper = Mapper(CodeMapping(by_activity, rule(("*", "M"))))
    assert mapper.target((("A", "1"),), "100", "10").flat == "03-310.M"
    missing = mapper.target((("A", "1"),), "200", "")
    assert (missing.missing, missing.looked_at) == ("cost_code", "activity=200 sub_project=(empty)")


def test_without_a_mapping_code_part_b_is_the_cost_code_and_accounts_wait() -> None:
    target = Mapper(DEFAULT).target((("A", "4110"), ("B", "03-310")))
    assert (target.missing, target.looked_at) == ("cost_type", "A=4110")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"cost_codes": {}}, "[mapping] has no section 'cost_codes'"),
        ({"cost_code": "B"}, "[mapping.cost_code] must be a table"),
        ({"cost_code": {"part": ["B"]}}, "[mapping.cost_code] does not know 'part'"),
        ({"cost_code": {"parts": []}}, "[mapping.cost_code] parts must name code parts"),
        ({"cost_code": {"parts": "B"}}, "[mapping.cost_code] parts must name code parts"),
        ({"cost_code": {"parts": ["Z"]}}, "[mapping.cost_code] parts must name code parts"),
        ({"cost_type": {"parts": ["A"], "otherwise": "maybe"}}, 'otherwise must be "same" or "refuse", not \'maybe\''),
        ({"cost_type": {"parts": ["A"], "row": "x"}}, "[[mapping.cost_type.row]] must be a list"),
        ({"cost_type": {"parts": ["A"], "row": [{"A": "1"}]}}, "[[mapping.cost_type.row]] number 1 needs a `to`"),
        ({"cost_type": {"parts": ["A"], "row": [{"A": 4.1, "to": "M"}]}}, "number 1 holds something that is no code"),
        ({"cost_type": {"parts": ["A"], "row": [{"to": "M"}]}}, "number 1 names something that is no code part"),
        ({"cost_type": {"parts": ["A"], "row": [{"A": "1", "to": "M"}, {"Q": "1", "to": "M"}]}}, "number 2 names"),
    ],
)
def test_what_is_wrong_is_named(data: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput) as caught:
        mapping_from(data)
    assert says in str(caught.value)


def test_rows_that_are_never_reached_are_pointed_out() -> None:
    assert shadowed(rule(("41*", "M"), ("42*", "L"), ("41*", "O"))) == [
        "row 3 is never reached: row 1 has the same patterns"
    ]
    assert shadowed(rule(("41*", "M"), ("4110", "L"))) == ["row 2 is never reached: row 1 covers its patterns"]
    assert shadowed(rule(("4110", "M"), ("41*", "L"), ("*", "X"))) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("A=411* -> M", "Code part A 411* → M"),
        (
            "cost_code=01-* cost_type=M -> A=1410 activity=010",
            "Cost code 01-*, cost type M → code part A 1410, activity 010",
        ),
        ("element=01-310-* sub_project=(empty) -> 01-310", "Cost element 01-310-*, sub-project empty → 01-310"),
        ("cost_type A=4130 activity=(empty)", "Cost type for code part A 4130, activity empty"),
        ("row 2 (A=411* -> M) begins like 4110", "Row 2 (code part A 411* → M) begins like 4110"),
        ("M", "M"),
    ],
)
def test_what_is_written_short_is_told_in_words(text: str, says: str) -> None:
    assert code_words(text, capital=True) == says


def test_the_settings_of_a_table_are_told_in_words() -> None:
    told = [setting_words(text) for text in ("parts B, sub_project", "join '-'", "otherwise refuse")]
    assert told == [
        "Looks at code part B, sub-project",
        "Between several values: -",
        "Where no row fits: the document is held",
    ]


def test_a_row_may_look_for_no_value_at_all_and_is_changed_like_any_other() -> None:
    rule = SegmentRule(parts=("A",), rows=(Row((("A", "*"),), "M"),))
    before = CodeMapping(cost_code=rule, cost_type=rule)
    row = {"A": "(empty)", "activity": "0*", "to": "S"}
    made = edited(before, Edit(section="cost_type", what="add", row=1, values=row))
    assert made.cost_type.rows[0] == Row((("A", ""), ("activity", "0*")), "S")
    assert [made.cost_type.target({"A": value, "activity": "010"}) for value in ("", "4110")] == ["S", "M"]
    assert row_text(made.cost_type.rows[0]) == "A=(empty) activity=0* -> S"
    seen = {"A": "", "activity": "0*", "to": "S"}
    gone = edited(made, Edit(section="cost_type", what="remove", row=1, was=seen))
    assert gone.cost_type.rows == rule.rows
