"""A change of the mapping, decided purely: row by row, edit by edit, what turns, what moves and what stays."""

from __future__ import annotations

import time
from datetime import date
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.kernel.errors import BadInput
from ml_connector.planning import mapping_carrying
from ml_connector.planning.mapping import CodeMapping, Mapper, ReverseRow, Row, SegmentRule, Target, shadowed_rows
from ml_connector.planning.mapping_carrying import carried
from ml_connector.planning.mapping_compare import compared, row_text
from ml_connector.planning.mapping_editing import Edit, edited
from ml_connector.planning.mapping_effect import Agreed, AgreedLine, AgreedRow, Line, Tally, agreed_of
from ml_connector.planning.mapping_suggesting import Known, Suggester
from ml_connector.planning.mapping_use import Reader, Use, reach, turned, values_in
from ml_connector.planning.plan import pack
from ml_connector.records.commitment import Commitment, CommitmentLine, CommitmentStatus

D = Decimal
OPEN = date(2026, 11, 1)


def row(to: str, **when: str) -> Row:
    """A row that looks at `when`."""
    return Row(when=tuple(when.items()), to=to)


def mapping(*rows: Row, codes: tuple[Row, ...] = ()) -> CodeMapping:
    """Code part B is the cost code, account A the cost type by `rows`."""
    return CodeMapping(
        cost_code=SegmentRule(parts=("B",), otherwise="same", rows=codes),
        cost_type=SegmentRule(parts=("A",), rows=rows),
    )


OLD = mapping(row("M", A="411*"), row("S", A="412*"), row("O", A="415*"))


def use(account: str, code: str = "03-310", project: str = "1201") -> Use:
    """A code string on a project."""
    return Use(project, (("A", account), ("B", code)))


# two mappings side by side --------------------------------------------------------------------------------------------


def test_rows_are_told_apart_as_added_removed_changed_and_moved() -> None:
    new = mapping(row("O", A="415*"), row("M", A="411*"), row("E", A="412*"), row("L", A="414*"))
    found = {(one.what, one.before, one.after, one.place_before, one.place_after) for one in compared(OLD, new)}
    assert found == {
        ("moved", "A=415* -> O", "A=415* -> O", 3, 1),
        ("changed", "A=412* -> S", "A=412* -> E", 2, 3),
        ("added", "", "A=414* -> L", 0, 4),
    }
    assert [(one.what, one.before) for one in compared(OLD, mapping(row("M", A="411*"), row("O", A="415*")))] == [
        ("removed", "A=412* -> S")
    ]


def test_a_row_whose_pattern_was_changed_in_its_place_is_one_change() -> None:
    (one,) = compared(OLD, mapping(row("M", A="411*"), row("S", A="4120"), row("O", A="415*")))
    assert (one.what, one.before, one.after) == ("changed", "A=412* -> S", "A=4120 -> S")


def test_settings_and_the_way_back_are_compared_too() -> None:
    rule = msgspec.structs.replace(OLD.cost_code, parts=("B", "C"), otherwise="refuse")
    back = (ReverseRow((("cost_type", "M"),), (("A", "4110"),), "030"),)
    found = compared(OLD, msgspec.structs.replace(OLD, cost_code=rule, reverse=back))
    assert [(one.section, one.what, one.after) for one in found] == [
        ("cost_code", "setting", "parts B, C"),
        ("cost_code", "setting", "otherwise refuse"),
        ("reverse", "added", "cost_type=M -> A=4110 activity=030"),
    ]


@given(st.permutations(range(7)), st.integers(0, 6))
def test_what_moved_is_as_little_as_can_be_and_nothing_is_lost(order: list[int], kept: int) -> None:
    rows = [row("M", A=f"{number}") for number in range(7)]
    found = compared(mapping(*rows), mapping(*(rows[n] for n in order if n != kept)))
    assert {one.what for one in found} <= {"moved", "removed"}
    assert sum(one.what == "removed" for one in found) == 1
    assert compared(mapping(*rows), mapping(*rows)) == []


# changes carried over onto a newer version ----------------------------------------------------------------------------


def test_changes_are_carried_over_onto_what_was_saved_meanwhile() -> None:
    mine = mapping(row("E", A="412*"), row("M", A="411*"), row("O", A="415*"), row("L", A="416*"))
    newest = mapping(row("M", A="411*"), row("S", A="412*"), row("O", A="415*"), row("X", A="999"), row("Y", A="998"))
    made, clashes = carried(OLD, mine, newest)
    assert clashes == ()
    assert [row_text(one) for one in made.cost_type.rows] == [
        "A=412* -> E",
        "A=411* -> M",
        "A=415* -> O",
        "A=999 -> X",
        "A=998 -> Y",
        "A=416* -> L",
    ], "a row put at the end stays there: it takes nothing from what others added"
    rule = msgspec.structs.replace(OLD.cost_code, parts=("B", "C"))
    made, clashes = carried(OLD, msgspec.structs.replace(OLD, cost_code=rule), newest)
    assert (made, clashes) == (msgspec.structs.replace(newest, cost_code=rule), ())


def test_only_what_clashes_is_left_out_and_said() -> None:
    mine = mapping(row("E", A="411*"), row("O", A="415*"), row("L", A="416*"), row("E", A="417*"))
    newest = mapping(row("S", A="411*"), row("S", A="412*"), row("O", A="415*"), row("M", A="416*"))
    joined = msgspec.structs.replace(OLD.cost_code, join="/")
    mine, newest = (
        msgspec.structs.replace(one, cost_code=msgspec.structs.replace(joined, join=join))
        for one, join in ((mine, "/"), (newest, "."))
    )
    made, clashes = carried(OLD, mine, newest)
    assert clashes == (
        "Cost code: you make join '/', and it is '.' by now.",
        "Cost type: you change A=411* -> M to A=411* -> E, and it says A=411* -> S by now.",
        "Cost type: you want A=416* -> L, and it says A=416* -> M by now.",
    )
    assert [row_text(one) for one in made.cost_type.rows] == [
        "A=411* -> S",
        "A=415* -> O",
        "A=416* -> M",
        "A=417* -> E",
    ], "the row that was removed goes, and the one that was added comes"
    gone = msgspec.structs.replace(OLD, budget_code=SegmentRule(("element",)))
    assert carried(gone, msgspec.structs.replace(gone, budget_code=SegmentRule(("activity",))), OLD) == (
        OLD,
        ("Budget code: you change the table, and it is not there any more.",),
    )


_ROWS = st.lists(st.builds(row, st.sampled_from("MSE"), A=st.sampled_from(["1*", "2*", "3*", "4*"])), max_size=5)


@given(_ROWS, _ROWS, _ROWS)
def test_carrying_over_what_nobody_else_touched_changes_nothing(
    old: list[Row], mine: list[Row], new: list[Row]
) -> None:
    base, draft, newest = (mapping(*rows) for rows in (old, mine, new))
    assert carried(base, base, newest) == (newest, ()), "without a change it is the newest"
    assert carried(base, draft, base) == (draft, ()), "nothing clashes with what stayed"
    assert carried(base, draft, draft) == (draft, ()), "nor with the same"


def test_a_draft_of_thousands_of_rows_is_carried_over_in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    base = [row("M", A=f"{number}") for number in range(8000)]
    mine = [row("S", A=f"{number}") if 2000 <= number < 7000 else one for number, one in enumerate(base)]
    newest = [*base[:7500], row("O", A="added"), *base[7500:]]
    started = time.process_time()
    made, clashes = carried(mapping(*base), mapping(*mine), mapping(*newest))
    assert time.process_time() - started < 2, "and not in a time that grows with the square of them"
    assert (made.cost_type.rows, clashes) == ((*mine[:7500], row("O", A="added"), *mine[7500:]), ())
    monkeypatch.setattr(mapping_carrying, "_ROOM", 2)  # the numbers of the rows are given anew again and again
    inside = [*base[:100], *(row("L", B=f"{number}") for number in range(50)), *base[100:]]
    made, clashes = carried(mapping(*base), mapping(*inside), mapping(*newest))
    assert (made.cost_type.rows[100:150], clashes) == (tuple(inside[100:150]), ())


# edits ----------------------------------------------------------------------------------------------------------------


def test_each_edit_does_what_it_says() -> None:
    def after(**given: object) -> list[str]:
        made = edited(OLD, msgspec.convert({"section": "cost_type", **given}, Edit))
        return [f"{dict(one.when)['A']}>{one.to}" for one in made.cost_type.rows]

    assert after(what="add", values={"A": "1910", "to": "E"}) == ["411*>M", "412*>S", "415*>O", "1910>E"]
    assert after(what="add", row=1, values={"A": "1910", "to": "E"})[0] == "1910>E"
    assert after(what="change", row=2, values={"A": "412*", "to": "E"}) == ["411*>M", "412*>E", "415*>O"]
    assert after(what="move", row=3, to_row=1) == ["415*>O", "411*>M", "412*>S"]
    assert after(what="move", row=1, to_row=3) == ["412*>S", "415*>O", "411*>M"]
    assert after(what="remove", row=1) == ["412*>S", "415*>O"]
    assert after(what="remove", row=1, was={"A": "411*", "B": "", "to": "M"}) == ["412*>S", "415*>O"]
    made = edited(OLD, Edit(section="cost_code", what="set", values={"parts": "B, C", "otherwise": "refuse"}))
    assert (made.cost_code.parts, made.cost_code.otherwise) == (("B", "C"), "refuse")
    seen = {"parts": "B", "join": "-", "otherwise": "same"}
    assert edited(OLD, Edit(section="cost_code", what="set", values={"join": "/"}, was=seen)).cost_code.join == "/"
    with pytest.raises(BadInput, match="not those that were shown: parts is 'B, C' by now"):
        edited(made, Edit(section="cost_code", what="set", values={"join": "/"}, was=seen))
    begun = edited(OLD, Edit(section="budget_type", what="add", values={"element": "*-M", "to": "M"}))
    assert begun.budget_type == SegmentRule(("element",), rows=(row("M", element="*-M"),))
    back = edited(OLD, Edit(section="reverse", what="add", values={"cost_type": "M", "A": "4110"}))
    assert edited(back, Edit(section="reverse", what="remove", row=1)) == OLD


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"what": "change", "row": 9, "values": {"A": "1", "to": "M"}}, "no row 9"),
        ({"what": "move", "row": 1, "to_row": 0}, "no row 0"),
        ({"what": "add", "values": {"A": "1910"}}, "leads nowhere"),
        ({"what": "add", "values": {"to": "M"}}, "looks at nothing"),
        ({"what": "add", "values": {"A": "x" * 201, "to": "M"}}, "longer than 200"),
        ({"what": "add", "values": {"A": "19\x0010", "to": "M"}}, "cannot be printed"),
        ({"what": "add", "values": {"Z": "1910", "to": "M"}}, "no code part"),
        ({"what": "remove", "row": 2, "was": {"A": "411*", "to": "M"}}, "not the row that was shown: it says A=412"),
        ({"what": "change", "row": 1, "values": {"A": "1", "to": "M"}, "was": {"A": "411*", "to": "S"}}, "not the row"),
        ({"what": "move", "row": 3, "to_row": 1, "was": {}}, "not the row that was shown"),
        ({"what": "set", "values": {"parts": ""}}, "parts must name"),
        ({"what": "set", "values": {"otherwise": "guess"}}, "otherwise must be"),
        ({"what": "set", "values": {"rows": "1"}}, "no setting"),
    ],
)
def test_an_edit_that_cannot_be_is_refused_with_its_reason(given: dict[str, object], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        edited(OLD, msgspec.convert({"section": "cost_type", **given}, Edit))


# uses -----------------------------------------------------------------------------------------------------------------

_accounts = st.sampled_from(["4110", "4115", "4120", "4150", "1910", ""])
_patterns = st.sampled_from(["411*", "4115", "412*", "4?50", "*", "", "19*"])
_rows = st.lists(
    st.builds(
        lambda pattern, part, to: row(to, **{part: pattern}), _patterns, st.sampled_from("AB"), st.sampled_from("MSO")
    ),
    max_size=5,
).map(tuple)


@given(_rows, _rows, st.lists(st.tuples(_accounts, _accounts), max_size=4))
def test_uses_lead_where_a_run_leads_them_and_only_those_that_differ_turn(
    before: tuple[Row, ...], after: tuple[Row, ...], found: list[tuple[str, str]]
) -> None:
    uses = [use(account, code) for account, code in found]
    one, other = Reader(mapping(*before)), Reader(mapping(*after))
    runs = [Mapper(mapping(*before)), Mapper(mapping(*after))]
    turns = {turn.use: turn for turn in turned(one, other, uses)}
    for a_use in uses:
        said = [run.target(a_use.codes, a_use.activity, a_use.sub_project) for run in runs]
        assert [one.target(a_use), other.target(a_use)] == said
        flats = [target.flat if not target.missing else "" for target in said]
        assert (a_use in turns) == (flats[0] != flats[1])


@given(st.lists(st.tuples(_patterns, st.none() | _patterns), max_size=6))
def test_rows_never_reached_are_found_as_by_trying_every_pair(pairs: list[tuple[str, str | None]]) -> None:
    rows = [row("M", A=first) if second is None else row("M", A=first, B=second) for first, second in pairs]
    for number, before, _ in shadowed_rows(rows):
        later = dict(rows[number - 1].when)
        values = {part: pattern.replace("*", "77").replace("?", "7") for part, pattern in later.items()}
        assert before < number
        assert rows[before - 1].matches(values)
    seen: set[tuple[tuple[str, str], ...]] = set()
    doubled = [number for number, one in enumerate(rows, 1) if one.when in seen or seen.add(one.when)]  # type: ignore[func-returns-value]
    assert set(doubled) <= {number for number, _, _ in shadowed_rows(rows)}


def test_reach_counts_code_strings_once_whatever_projects_use_them() -> None:
    found = reach(Reader(OLD), [use("4110"), use("4110", project="1202"), use("4115"), use("1910")])
    assert (found.of("cost_type", 1), found.of("cost_type", 2)) == (2, 0)


def test_what_a_hold_looked_at_is_read_back() -> None:
    assert values_in("A=1910 activity=(empty)") == {"A": "1910", "activity": ""}
    assert values_in("element=Site works =2 sub_project=S1") == {"element": "Site works =2", "sub_project": "S1"}


# money ----------------------------------------------------------------------------------------------------------------


def contract(status: str = "Approved", code: str = "03-310.M", amount: str = "100.00") -> Agreed:
    """A contract with one line 1/1."""
    lines = (AgreedLine(budget_code=code, amount=D(amount), once_key="10/order/P1/1201/1/1"),)
    return Agreed(currency="USD", once_key="10/order/P1/1201", status=status, lines=lines)


def line(after: Target, *, kind: str = "order", document: str = "P1", still_open: bool = True) -> Line:
    """Line 1/1 of a document whose code string leads to `after`."""
    return Line(kind, document, "1/1", "1201", D("100.00"), "USD", still_open, after, Target("03-310", "M"))


def test_lines_of_orders_move_from_the_agreed_code_and_say_how() -> None:
    for status, how in (("Approved", "change order"), ("Draft", "on the contract")):
        tally = Tally(OPEN)
        touched = tally.orders([line(Target("03-310", "S"))], {"P1@1201": contract(status)})
        (move,) = tally.moves()
        assert (move.before, move.after, move.how, str(move.money)) == ("03-310.M", "03-310.S", how, "100.00 USD")
        assert touched == {"10/order/P1/1201/1/1"}
        assert (tally.documents(held=False), tally.documents(held=True)) == ({("commitment", "P1")}, set())


def test_what_leads_nowhere_would_be_held_and_what_ended_stays() -> None:
    tally = Tally(OPEN)
    lines = [line(Target(missing="cost_type")), line(Target("03-310", "S"), still_open=False)]
    tally.orders(lines[:1], {"P1@1201": contract()})
    tally.orders(lines[1:], {"P1@1201": contract()})
    (lost,), (stay,) = tally.moves(), tally.stays()
    assert (lost.after, lost.how, len(tally.documents(held=True))) == ("", "held", 1)
    assert (stay.kind, str(stay.money)) == ("commitment", "100.00 USD")
    assert "ended" in stay.why


def test_a_credit_moves_like_a_debit() -> None:
    tally = Tally(OPEN)
    for order, amount in (("P1", "100.00"), ("P2", "-90.00")):
        made = contract()
        lines = tuple(msgspec.structs.replace(one, amount=D(amount)) for one in made.lines)
        tally.orders(
            [line(Target("03-310", "S"), document=order)], {f"{order}@1201": msgspec.structs.replace(made, lines=lines)}
        )
    (move,) = tally.moves()
    assert (str(move.money), str(move.gross), move.documents) == ("10.00 USD", "190.00 USD", 2)


def test_a_line_that_is_there_already_does_not_move_and_an_order_that_never_crossed_is_no_move() -> None:
    tally = Tally(OPEN)
    tally.orders([line(Target("03-310", "S"))], {"P1@1201": contract(code="03-310.S")})
    tally.orders([line(Target("03-310", "S"))], {})
    assert tally.moves() == []


def test_direct_costs_move_by_a_correction_and_what_was_written_in_closed_months_stays() -> None:
    def cost(day: date, amount: str, suffix: str = "") -> Agreed:
        once = f"10/cost/I1/1201{suffix}"
        lines = (AgreedLine(budget_code="03-310.M", amount=D(amount), once_key=f"{once}/1/1"),)
        return Agreed(currency="USD", once_key=once, lines=lines, dated=day)

    records = {"I1@1201": [cost(date(2026, 10, 9), "90.00"), cost(date(2026, 11, 3), "10.00", "~c1")]}
    tally = Tally(OPEN)
    tally.costs([line(Target("03-310", "S"), kind="supplier_invoice", document="I1")], records)
    (move,), (stay,) = tally.moves(), tally.stays()
    assert (move.kind, str(move.money), move.how) == ("direct_cost", "100.00 USD", "correction dated this month")
    assert (str(stay.money), str(stay.closed), stay.closed_documents) == ("90.00 USD", "90.00 USD", 1)


def test_what_is_billed_or_booked_stays_and_closed_periods_are_told_apart() -> None:
    tally = Tally(OPEN)
    bill = Agreed(currency="USD", lines=(AgreedLine(line="k", amount=D("40")), AgreedLine(line="x", amount=D("9"))))
    tally.billed("I1@P1@1201", msgspec.structs.replace(bill, end=date(2026, 10, 31)), {"k"})
    tally.billed("I2@P1@1201", msgspec.structs.replace(bill, end=date(2026, 11, 30)), {"k"})
    tally.billed("I2@P2@1201", msgspec.structs.replace(bill, lines=()), {"k"})
    reversal = AgreedLine(line="k", amount=D("-15"))
    tally.billed("I2@P1@1201~r1", msgspec.structs.replace(bill, end=date(2026, 11, 30), lines=(reversal,)), {"k"})
    tally.billed("I3@P1@1201", bill, {"other"})
    rows = (
        AgreedRow(role="cost", codes=(("A", "4110"),), debit=D("7"), project="1201"),
        AgreedRow(role="cost", codes=(("A", "4120"),), debit=D("5"), project="1201"),
        AgreedRow(role="clearing", codes=(("A", "4110"),), credit=D("12"), project="1201"),
    )
    voucher = Agreed(currency="USD", rows=rows, dated=date(2026, 10, 5))
    tally.booked("voucher", "direct_cost/1/1", voucher, lambda project, codes: codes == (("A", "4110"),))
    tally.booked("voucher", "direct_cost/2/1", voucher, lambda project, codes: project == "1202")
    bills, vouchers = tally.stays()
    assert (bills.kind, str(bills.money), bills.documents, str(bills.closed)) == (
        "subcontractor_invoice",
        "65.00 USD",
        2,
        "40.00 USD",
    )
    assert (vouchers.kind, str(vouchers.money), vouchers.closed_documents) == ("voucher", "7.00 USD", 1)


def test_agreed_records_are_read_from_what_links_keep() -> None:
    lines = (CommitmentLine("10/order/P1/1201/1/1", "Steel", D(1), "ea", D("9.5"), D("9.5"), "03-310.M"),)
    whole = Commitment(
        "10/order/P1/1201", "1201", "P1", "t", "S1", CommitmentStatus.APPROVED, "USD", date(2026, 1, 2), None, "", lines
    )
    found = agreed_of(pack(whole))
    assert (found.currency, found.status, found.dated) == ("USD", "Approved", date(2026, 1, 2))
    assert found.lines[0] == AgreedLine("03-310.M", D("9.5"), "10/order/P1/1201/1/1")


# suggestions ----------------------------------------------------------------------------------------------------------


def test_suggestions_say_why_and_the_best_comes_first() -> None:
    names = {("A", "4110"): "Materials", ("A", "4130"): "Site equipment", ("A", "4112"): "Steel"}
    known = Known(names, {"M": "Materials", "E": "Equipment", "S": "Subcontract"})
    found = Suggester(OLD.cost_type, known).suggest({"A": "4130"})
    assert found[0].to == "E"
    assert "names alike" in found[0].evidence[0]
    assert found[0].values == {"A": "4130", "to": "E"}
    near = Suggester(mapping(row("M", A="4110"), row("M", A="4112")).cost_type, Known({**names, ("A", "4111"): ""}, {}))
    assert near.suggest({"A": "4111"})[0].evidence[0].startswith("its neighbours 4110 (Materials) and 4112 (Steel)")
    assert Suggester(OLD.cost_type, known).suggest({"A": ""}) == []
    called = Known({("A", "4140"): "Project labour cost"}, {"L": "Labor", "O": "Owner Cost", "S": "Commitment"})
    first, second = Suggester(mapping(row("S", A="4120")).cost_type, called).suggest({"A": "4140"})
    assert first.to == "L", "a word they share, however it is spelled, counts more than how accounts begin"
    assert (second.to, second.evidence) == ("S", ("row 1 (A=4120 -> S) begins like 4140",))


def test_a_row_that_would_take_what_has_a_code_is_not_suggested() -> None:
    same = SegmentRule(("B", "C"), otherwise="same")
    known = Known({}, {"03-310": "Concrete"})
    looked = {"B": "03-310", "C": ""}
    assert Suggester(same, known).suggest(looked) == [], "B=03-310 would take 03-310-410, too"
    assert Suggester(SegmentRule(("B", "C")), known).suggest(looked)


def test_a_cost_code_that_is_there_by_that_name_is_suggested_first_and_patterns_are_quoted() -> None:
    rule = SegmentRule(parts=("B",), otherwise="refuse", rows=(row("03-200", B="03-210"),))
    (first, *_) = Suggester(rule, Known({}, {"03-3?0": "Concrete"})).suggest({"B": "03-3?0"})
    assert (first.to, first.values) == ("03-3?0", {"B": "03-3[?]0", "to": "03-3?0"})
