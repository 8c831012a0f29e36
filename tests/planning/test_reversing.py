"""The way back from a budget code: one code string, or a reason; never a guess."""

from __future__ import annotations

from datetime import date

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_connector.planning.chart import Chart
from ml_connector.planning.mapping import CodeMapping, Mapper, ReverseRow, Row, SegmentRule
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.reversing import Back, Stuck, WayBack, back
from ml_connector.records.accounting import Book, CodePart
from ml_connector.records.dimension import Activity, Dimension

from .scene import CONCRETE, STEEL
from .way_back import BOOK, CHART, FOREVER, LABOUR, MAPPING, MATERIALS, account

DAY = date(2026, 10, 5)
M, PARTS_BC = f"{CONCRETE}.M", SegmentRule(parts=("B", "C"), otherwise="same")


def found(flat: str = M, mapping: CodeMapping = MAPPING, chart: Chart = CHART, book: Book = BOOK) -> Back | Stuck:
    """The way back in project 1201."""
    return back(Mapper(mapping), (chart, book), ("1201", flat), DAY)


def with_values(*values: tuple[str, str]) -> Chart:
    """The usual chart with more values."""
    more = {code: Dimension(*code, code[1], *FOREVER) for code in values}
    return msgspec.structs.replace(CHART, dimensions={**CHART.dimensions, **more})


def stuck(answer: Back | Stuck) -> Stuck:
    """The reason why there is no way back."""
    assert isinstance(answer, Stuck), answer
    return answer


def test_an_equal_code_and_the_only_account_its_type_allows() -> None:
    assert found() == Back((("A", MATERIALS), ("B", CONCRETE), ("E", "1201")), "A1")
    assert found(f"{STEEL}.L") == Back((("A", LABOUR), ("B", STEEL), ("E", "1201")), "A1")


def test_two_accounts_of_a_type_are_candidates_and_no_answer() -> None:
    answer = stuck(found(chart=with_values(("A", "4120"))))
    assert answer.candidates == (f"A=4110 B={CONCRETE} E=1201", f"A=4120 B={CONCRETE} E=1201")
    assert "may be A=4110" in answer.sentence
    assert (answer.reason, answer.owner) == (HoldReason.CODE_AMBIGUOUS, "cost engineer")


def test_accounts_nobody_may_post_to_are_no_candidates() -> None:
    accounts = {**BOOK.accounts, "4120": account("4120", budget_only=True), "4130": account("4130", ledger=True)}
    chart = with_values(("A", "4120"), ("A", "4130"))
    assert isinstance(found(chart=chart, book=msgspec.structs.replace(BOOK, accounts=accounts)), Back)


def test_a_value_that_does_not_exist_or_has_ended_leads_nowhere() -> None:
    assert "No code string valid in IFS on 2026-10-05" in stuck(found("99-999.M")).sentence
    assert isinstance(found(f"{CONCRETE}.X"), Stuck)
    ended = Dimension("B", CONCRETE, "", date(2020, 1, 1), date(2026, 9, 30))
    chart = msgspec.structs.replace(CHART, dimensions={**CHART.dimensions, ("B", CONCRETE): ended})
    assert isinstance(found(chart=chart), Stuck)
    early = WayBack(Mapper(MAPPING), chart, BOOK)
    assert isinstance(early.find("1201", M, date(2026, 9, 1)), Back)


def test_joined_parts_are_split_only_where_one_way_exists() -> None:
    mapping = msgspec.structs.replace(MAPPING, cost_code=PARTS_BC)
    answer = found(f"{CONCRETE}-100.M", mapping)
    assert isinstance(answer, Back)
    assert answer.codes == (("A", MATERIALS), ("B", CONCRETE), ("C", "100"), ("E", "1201"))
    chart = with_values(("B", "03"), ("C", "310-100"))
    assert len(stuck(found(f"{CONCRETE}-100.M", mapping, chart)).candidates) == 2


def test_a_row_says_what_the_mapping_cannot() -> None:
    chart = with_values(("A", "4120"))
    rows = (
        ReverseRow((("cost_code", "05*"), ("cost_type", "M")), (("A", "4120"),)),
        ReverseRow((("project", "1202"),), (("A", MATERIALS),)),
        ReverseRow((("cost_type", "M"),), (("A", MATERIALS), ("C", "100"))),
    )
    mapping = msgspec.structs.replace(MAPPING, reverse=rows)
    assert found(f"{STEEL}.M", mapping, chart) == Back((("A", "4120"), ("B", STEEL), ("E", "1201")), "A1")
    answer = found(M, mapping, chart)
    assert answer == Back((("A", MATERIALS), ("B", CONCRETE), ("C", "100"), ("E", "1201")), "A1")
    other = back(Mapper(mapping), (chart, BOOK), ("1202", M), DAY)
    assert other == Back((("A", MATERIALS), ("B", CONCRETE), ("E", "1202")), "A5")


def test_a_row_that_does_not_lead_to_the_same_budget_code_again_is_refused() -> None:
    mapping = msgspec.structs.replace(MAPPING, reverse=(ReverseRow((("cost_type", "M"),), (("A", LABOUR),)),))
    assert isinstance(found(M, mapping), Stuck)


def test_an_earlier_row_of_the_mapping_takes_its_values_away() -> None:
    rule = SegmentRule(parts=("A",), rows=(Row((("A", "4110"),), "X"), Row((("A", "41*"),), "M")))
    mapping = msgspec.structs.replace(MAPPING, cost_type=rule)
    assert isinstance(found(M, mapping), Stuck)
    answer = found(M, mapping, with_values(("A", "4120")))
    assert isinstance(answer, Back)
    assert dict(answer.codes)["A"] == "4120"


def test_the_activity_is_named_by_a_row_or_is_the_only_open_one() -> None:
    more = {**CHART.activities, "A2": Activity("A2", "1201", "20", "200", "Roof", True)}
    chart = msgspec.structs.replace(CHART, activities=more)
    assert stuck(found(chart=chart)).candidates == ("10 100", "20 200")
    mapping = msgspec.structs.replace(MAPPING, reverse=(ReverseRow((("cost_code", "03*"),), (), "200"),))
    answer = found(M, mapping, chart)
    assert isinstance(answer, Back)
    assert answer.activity == "A2"
    shut = msgspec.structs.replace(MAPPING, reverse=(ReverseRow((("cost_code", "03*"),), (), "900"),))
    closed = stuck(found(M, shut, chart))
    assert (closed.reason, closed.owner) == (HoldReason.ACTIVITY_CLOSED, "project manager")


def test_an_account_left_out_of_follow_up_takes_no_activity_and_a_bare_project_has_none() -> None:
    accounts = {**BOOK.accounts, MATERIALS: account(MATERIALS, follow_up=False)}
    answer = found(book=msgspec.structs.replace(BOOK, accounts=accounts))
    assert isinstance(answer, Back)
    assert answer.activity == ""
    assert found(chart=msgspec.structs.replace(CHART, activities={})) == Back(
        (("A", MATERIALS), ("B", CONCRETE), ("E", "1201"))
    )


def test_a_mapping_that_looks_at_the_activity_says_which_one() -> None:
    more = {**CHART.activities, "A2": Activity("A2", "1201", "20", "200", "Roof", True)}
    chart = msgspec.structs.replace(CHART, activities=more)
    mapping = msgspec.structs.replace(MAPPING, cost_code=SegmentRule(parts=("B", "activity"), otherwise="same"))
    answer = found(f"{CONCRETE}-200.M", mapping, chart)
    assert isinstance(answer, Back)
    assert answer.activity == "A2"


def test_a_mapping_that_looks_at_the_project_goes_back_to_that_project_alone() -> None:
    by_project = SegmentRule(parts=("E", "B"), otherwise="same")
    mapping = msgspec.structs.replace(MAPPING, cost_code=by_project)
    assert isinstance(found(f"1201-{CONCRETE}.M", mapping), Back)
    assert isinstance(found(f"1202-{CONCRETE}.M", mapping), Stuck)


def test_a_budget_code_that_says_next_to_nothing_is_given_up_in_time() -> None:
    wide = SegmentRule(parts=("B", "C", "D"), rows=(Row((("B", "*"),), "all"),))
    chart = with_values(*((part, str(n)) for part in "BCD" for n in range(60)))
    shadow = Row((("A", "*"),), "M")
    mapping = CodeMapping(cost_code=wide, cost_type=SegmentRule(parts=("A",), rows=(Row((("A", "*"),), "X"), shadow)))
    assert "too many" in stuck(found("all.M", mapping, chart)).sentence


VALUES = {"A": ("1", "2", "11", "12"), "B": ("x", "y", "x-1", "1"), "C": ("1", "y", "1-1")}
patterns = st.sampled_from(("*", "1*", "?", "x*", "y", "1", "*1"))


@st.composite
def rules(draw: st.DrawFn, parts: tuple[str, ...]) -> SegmentRule:
    """A segment rule over some parts, with a few rows over some of them."""
    rows = draw(
        st.lists(
            st.builds(
                lambda when, to: Row(tuple(sorted(when.items())), to),
                st.dictionaries(st.sampled_from(parts), patterns, min_size=1),
                st.sampled_from(("k", "l", "x", "1", "x-1")),
            ),
            max_size=3,
        )
    )
    return SegmentRule(parts, "-", draw(st.sampled_from(("same", "refuse"))), tuple(rows))


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_there_and_back_is_where_one_began_or_a_refusal(data: st.DataObject) -> None:
    code_parts = data.draw(st.sampled_from((("B",), ("B", "C"))))
    mapping = CodeMapping(cost_code=data.draw(rules(code_parts)), cost_type=data.draw(rules(("A",))))
    values = {
        part: data.draw(st.lists(st.sampled_from(known), min_size=1, unique=True)) for part, known in VALUES.items()
    }
    chart = Chart(
        {(part, one): Dimension(part, one, "", *FOREVER) for part, known in values.items() for one in known},
        {"A1": Activity("A1", "1201", "10", "100", "", True)},
    )
    book = Book(parts={"E": CodePart("E", "Project", True, "PRACC", 10)})
    codes = tuple((part, data.draw(st.sampled_from(values[part]))) for part in ("A", *code_parts))
    there = Mapper(mapping).target(codes, "100", "10")
    if there.missing:
        return
    answer = back(Mapper(mapping), (chart, book), ("1201", there.flat), DAY)
    if isinstance(answer, Back):
        assert answer == Back((*codes, ("E", "1201")), "A1")
        assert Mapper(mapping).target(answer.codes, "100", "10").flat == there.flat
