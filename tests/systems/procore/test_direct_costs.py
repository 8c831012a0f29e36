"""Direct costs both ways: read with their lines, sent in few requests, exact, alone, and once."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ml_connector.kernel.keys import Key
from ml_connector.records.direct_cost import CostKind, CostStatus, DirectCost
from ml_connector.systems.port import Outcome, Result
from ml_connector.systems.procore.direct_cost import CostRow, TaxBreakdown
from ml_connector.systems.procore.direct_cost_write import packed

from .office import reply
from .till import Till, cost, effects


@pytest.fixture
def box(till: Till) -> Till:
    return till


def placed(box: Till, *costs: DirectCost) -> list[Outcome]:
    """Direct costs as the engine places them: headers, lines, status."""
    ids = box.ids()
    made = box.done(effects("create", costs, ids))
    box.done(effects("fill", costs, ids, made))
    return box.done(effects("status", costs, ids, made))


def read(box: Till, once_key: str) -> DirectCost:
    return next(found for found in box.system.direct_costs(box.project) if found.once_key == once_key)


def words(outcomes: list[Outcome]) -> list[str]:
    return [outcome.result.value for outcome in outcomes]


# -- sending ----------------------------------------------------------------------------------------------------------


def test_a_direct_cost_reads_back_as_it_was_sent_and_carries_the_stamp_of_our_last_write(box: Till) -> None:
    body = cost("I1", ["100.00", "-20.50"], box.codes(), received=date(2026, 2, 5))
    outcome = placed(box, body)[0]
    found = read(box, body.once_key)
    lines = tuple(msgspec.structs.replace(a, id=b.id) for a, b in zip(body.lines, found.lines, strict=True))
    vendor = min(box.system.project_vendors(box.project))
    place = {"id": outcome.target, "project": box.project, "vendor": vendor, "updated_at": outcome.stamp}
    assert found == msgspec.structs.replace(body, lines=lines, total=Decimal("79.50"), **place)
    ids = box.ids()
    for verb in ("create", "fill", "status"):
        there = box.system.find(effects(verb, [body], ids, [outcome])[0])
        assert there is not None
        assert there.target == outcome.target
    assert box.system.find(effects("create", [cost("I2", ["1"], box.codes())], ids)[0]) is None


def test_a_header_is_a_draft_that_counts_nowhere_until_its_lines_are_there(box: Till) -> None:
    body = cost("I1", ["100.00"], box.codes())
    box.done(effects("create", [body], box.ids()))
    assert read(box, body.once_key).status is CostStatus.DRAFT


def test_250_costs_with_their_lines_take_three_requests(box: Till) -> None:
    codes = box.codes()
    costs = [cost(f"I{n}", ["10.10", "20.20", "30.30"], codes) for n in range(250)]
    ids = box.ids()
    box.said.clear()
    made = box.done(effects("create", costs, ids))
    box.done(effects("fill", costs, ids, made))
    box.done(effects("status", costs, ids, made))
    syncs = box.asked("PATCH")
    assert len(syncs) == 3
    assert ["line_items" in one for one in syncs] == [False, True, False]
    assert len(box.said) - len(syncs) <= 2  # the currencies, asked once
    box.said.clear()
    found = box.system.direct_costs(box.project)
    ours = [one for one in found if one.once_key]
    assert {one.status for one in ours} == {CostStatus.APPROVED}
    assert sum(one.money().amount for one in ours) == 250 * Decimal("60.60")
    assert len(box.asked("direct_costs")) == 2


def test_a_cost_of_230_lines_goes_in_hundreds_and_others_fill_the_room(box: Till) -> None:
    codes = box.codes()
    long = cost("LONG", [str(n) for n in range(1, 231)], codes)
    others = [cost(f"S{n}", ["1.00"] * 3, codes) for n in range(10)]
    placed(box, long, *others)
    sent = [msgspec.json.decode(r.body or b"")["updates"] for r in box.said if "line_items/sync" in r.url]
    cost_id = int(read(box, long.once_key).id)
    assert [sum(row["direct_cost_id"] == cost_id for row in rows) for rows in sent] == [100, 100, 30]
    assert sum(map(len, sent)) == 260
    found = read(box, long.once_key)
    assert [line.amount for line in found.lines] == [Decimal(n) for n in range(1, 231)]


def test_one_bad_line_among_230_refuses_the_cost_whichever_request_it_is_in(box: Till) -> None:
    codes, ids = box.codes(), box.ids()
    long = cost("LONG", ["1.00"] * 230, codes)
    for place in (5, 150, 229):
        lines = list(long.lines)
        lines[place] = msgspec.structs.replace(lines[place], budget_code="none")
        bad = msgspec.structs.replace(long, lines=tuple(lines))
        wrong = {**ids, Key("budget_code", "1201/none"): "77"}
        made = box.done(effects("create", [bad], ids))
        outcome = box.system.send(effects("fill", [bad], wrong, made))[0]
        assert outcome.result is Result.REFUSED
        assert long.lines[place].once_key in outcome.sentence


def test_requests_hold_at_most_their_rows_and_a_hundred_of_one_cost() -> None:
    codes = [("01-100.M", "1")]
    costs = [cost("A", ["1"] * 350, codes), *(cost(f"B{n}", ["1"] * 7, codes) for n in range(300))]
    requests = packed(effects("fill", costs, {}), 1000)
    sizes = [[len(part.body.lines) for part in request] for request in requests]  # type: ignore[attr-defined]
    assert all(sum(request) <= 1000 and max(request) <= 100 for request in sizes)
    assert sum(map(sum, sizes)) == 2450
    assert len(requests) == 4
    seen = [line.once_key for request in requests for part in request for line in part.body.lines]  # type: ignore[attr-defined]
    assert len(set(seen)) == len(seen)


def test_amounts_arrive_to_the_last_digit(box: Till) -> None:
    amounts: list[Decimal] = [
        Decimal("0.1") + Decimal("0.2"),
        Decimal("12345678901.23"),
        Decimal("-0.01"),
        Decimal("1E+3"),
    ]
    body = cost("EXACT", [*amounts, Decimal("999999999999999.99")], box.codes())
    placed(box, body)
    sent = next(r.body or b"" for r in box.said if "line_items/sync" in r.url)
    for digits in (
        b'"amount":0.3,',
        b'"amount":12345678901.23,',
        b'"amount":-0.01,',
        b'"amount":1000,',
        b'"amount":999999999999999.99,',
    ):
        assert digits in sent
    assert [line.amount for line in read(box, body.once_key).lines] == [line.amount for line in body.lines]


def test_a_price_goes_along_only_where_it_makes_the_amount(box: Till) -> None:
    body = cost("PRICE", ["30.00", "10.00"], box.codes())
    first, second = body.lines
    lines = (
        msgspec.structs.replace(first, quantity=Decimal("2.5")),
        msgspec.structs.replace(second, quantity=Decimal(3)),
    )
    body = msgspec.structs.replace(body, lines=lines)
    placed(box, body)
    rows = next(msgspec.json.decode(r.body or b"")["updates"] for r in box.said if "line_items/sync" in r.url)
    assert [(row.get("quantity"), row.get("unit_cost")) for row in rows] == [(2.5, 12), (None, None)]
    assert read(box, body.once_key).money() == body.money()


def test_one_bad_header_and_one_bad_line_leave_the_others_alone(box: Till) -> None:
    codes, ids = box.codes(), box.ids()
    costs = [cost(f"I{n}", ["1.00", "2.00"], codes) for n in range(4)]
    costs[1] = msgspec.structs.replace(costs[1], number=costs[0].number)
    made = box.system.send(effects("create", costs, ids))
    assert words(made) == ["done", "refused", "done", "done"]
    assert "invoice_number: has already been taken" in made[1].sentence
    good, rest = [costs[0], *costs[2:]], [made[0], *made[2:]]
    stranger = {**ids, **{key: "77" for key in ids if key == ("budget_code", f"1201/{good[1].lines[0].budget_code}")}}
    fills = effects("fill", good, ids, rest)
    fills[1] = msgspec.structs.replace(fills[1], ids=stranger)
    outcomes = box.system.send(fills)
    assert words(outcomes) == ["done", "refused", "done"]
    assert "1 of 2 lines" in outcomes[1].sentence
    assert "wbs_code_id" in outcomes[1].sentence
    assert box.system.find(fills[1]) is None


def test_the_same_origin_id_twice_is_one_direct_cost(box: Till) -> None:
    body = cost("TWICE", ["5.00", "6.00"], box.codes())
    first = placed(box, body)[0]
    ids = box.ids()
    box.done(effects("create", [body], ids))
    again = effects("fill", [body], ids)[0]
    box.done([again])
    box.done(effects("status", [body], ids))
    ours = [found for found in box.system.direct_costs(box.project) if found.once_key == body.once_key]
    assert [(found.id, found.money().amount) for found in ours] == [(first.target, Decimal("11.00"))]


def test_a_lost_answer_is_sent_again_and_what_is_unknown_is_found(box: Till) -> None:
    codes, ids = box.codes(), box.ids()
    body = cost("LOST", ["7.00"], codes)
    box.fault("drop_after", method="PATCH", path="direct_costs/sync")
    made = box.done(effects("create", [body], ids))
    fill = effects("fill", [body], ids, made)[0]
    assert box.system.find(fill) is None
    box.answer = lambda request: None if request.method == "GET" else box.call(request) and reply(200, "what?")
    box.checking = False
    assert words(box.system.send([fill])) == ["unknown"]
    box.answer = lambda request: None
    box.checking = True
    there = box.system.find(fill)
    assert there is not None
    assert there.target == made[0].target
    assert len(read(box, body.once_key).lines) == 1


def test_a_cost_somebody_is_writing_waits_alone(box: Till) -> None:
    codes, ids = box.codes(), box.ids()
    costs = [cost(f"I{n}", ["1.00"] * 3, codes) for n in range(20)]
    made = box.done(effects("create", costs, ids))
    box.act("hold_direct_cost", id=int(made[7].target), seconds=3600)
    outcomes = box.system.send(effects("fill", costs, ids, made))
    assert words(outcomes) == ["waiting" if n == 7 else "done" for n in range(20)]
    assert "Somebody else" in outcomes[7].sentence
    box.running.clock.advance(timedelta(hours=2))
    box.done(effects("fill", costs, ids, made))
    assert len(read(box, costs[7].once_key).lines) == 3


def test_a_write_that_runs_on_is_waited_for(box: Till) -> None:
    codes, ids = box.codes(), box.ids()
    long = cost("LONG", ["1.00"] * 150, codes)
    made = box.done(effects("create", [long], ids))
    box.switch(direct_cost_busy=0.3)
    box.said.clear()
    box.done(effects("fill", [long], ids, made))
    assert len(box.asked("line_items/sync")) > 2  # the second hundred met the first one
    box.done(effects("status", [long], ids, made))
    assert read(box, long.once_key).money().amount == 150


def test_every_third_write_meeting_another_loses_and_doubles_nothing(box: Till) -> None:
    codes, ids = box.codes(), box.ids()
    costs = [cost(f"I{n}", ["1.00"] * 3, codes) for n in range(8)]
    made = box.done(effects("create", costs, ids))
    box.switch(direct_cost_conflict_every=3)
    for verb in ("fill", "status"):
        left = effects(verb, costs, ids, made)
        for _ in range(10):
            outcomes = box.system.send(left)
            assert set(words(outcomes)) <= {"done", "waiting"}
            left = [e for e, o in zip(left, outcomes, strict=True) if o.result is not Result.DONE]
            if not left:
                break
        assert left == []
    box.switch(direct_cost_conflict_every=0)
    ours = [found for found in box.system.direct_costs(box.project) if found.once_key]
    assert [(found.status, len(found.lines)) for found in ours] == [(CostStatus.APPROVED, 3)] * 8


def test_an_amount_procore_keeps_differently_and_a_line_that_is_not_ours_are_told(box: Till) -> None:
    codes, ids = box.codes(), box.ids()
    body = cost("ODD", ["7.00"], codes)
    made = box.done(effects("create", [body], ids))
    fill = effects("fill", [body], ids, made)
    row = {"id": 5, "origin_id": body.lines[0].once_key, "amount": "7.01"}
    box.answer = lambda request: reply(200, {"entities": [row], "errors": []}) if "sync" in request.url else None
    assert "we sent 7.00, and Procore keeps 7.01" in box.system.send(fill)[0].sentence
    row |= {"amount": "7.00", "holder": {"id": 12, "holder_type": "DirectCost::Item"}}
    assert "on another direct cost in Procore, 12" in box.system.send(fill)[0].sentence
    box.answer = lambda request: None
    box.done(fill)
    more = msgspec.structs.replace(body, lines=(*body.lines, *cost("MORE", ["1.00"], codes).lines))
    box.done(effects("fill", [more], ids, made))
    outcome = box.system.send(effects("status", [body], ids, made))[0]
    assert outcome.result is Result.REFUSED
    assert "add up to 8.00 and ours to 7.00" in outcome.sentence


def test_a_foreign_currency_is_kept_or_refused_never_turned(box: Till) -> None:
    codes, ids = box.codes(), box.ids()
    euros = cost("EUR", ["9.00"], codes, currency="EUR")
    placed(box, euros)
    assert read(box, euros.once_key).money() == euros.money()
    rows = [msgspec.json.decode(r.body or b"")["updates"] for r in box.said if r.url.endswith("direct_costs/sync")]
    assert rows[0][0]["currency_iso_code"] == "EUR"
    box.switch(multi_currency=False)
    box.open()
    more = [cost("EUR2", ["9.00"], codes, currency="EUR"), cost("USD", ["9.00"], codes)]
    outcomes = box.system.send(effects("create", more, ids))
    assert words(outcomes) == ["refused", "done"]
    assert "keeps one currency only" in outcomes[0].sentence
    assert "currency_iso_code" not in msgspec.json.decode(box.said[-1].body or b"")["updates"][0]


def test_a_direct_cost_that_is_gone_is_told(box: Till) -> None:
    codes, ids = box.codes(), box.ids()
    body = cost("GONE", ["7.00"], codes)
    made = [msgspec.structs.replace(box.done(effects("create", [body], ids))[0], target="77")]
    outcome = box.system.send(effects("fill", [body], ids, made))[0]
    assert outcome.result is Result.REFUSED
    assert "direct_cost_id" in outcome.sentence
    assert "Entity with this ID not found" in box.system.send(effects("status", [body], ids, made))[0].sentence
    nowhere = cost("NOWHERE", ["7.00"], codes)
    assert "no direct cost with our key" in box.system.send(effects("fill", [nowhere], ids))[0].sentence


# -- reading ----------------------------------------------------------------------------------------------------------


def typed(box: Till, number: str, amount: str = "120.50", **more: object) -> str:
    """A direct cost somebody entered in Procore; its id."""
    vendor = int(min(box.system.project_vendors(box.project)))
    code, _, kind = box.codes()[0][0].rpartition(".")
    lines = [{"code": code, "type": kind, "amount": amount, "description": "Crane"}] * 2
    given = {"project_id": box.project, "vendor": vendor, "invoice_number": number, "lines": lines, **more}
    return str(box.act("enter_direct_cost", **given)["id"])


def test_a_cost_typed_in_procore_is_read_with_type_status_vendor_and_lines(box: Till) -> None:
    id_ = typed(box, "H-1", type="expense", status="pending", date="2026-02-01", received_date="2026-02-02")
    found = box.system.direct_costs(box.project, ids=[id_, "99"])
    assert [one.id for one in found] == [id_]
    one = found[0]
    assert (one.kind, one.status, one.number, one.currency) == (CostKind.EXPENSE, CostStatus.PENDING, "H-1", "USD")
    assert (one.dated, one.received, one.once_key) == (date(2026, 2, 1), date(2026, 2, 2), "")
    assert one.vendor == min(box.system.project_vendors(box.project))
    assert [(line.budget_code, line.amount) for line in one.lines] == [(box.codes()[0][0], Decimal("120.50"))] * 2
    assert (one.total, one.tax) == (Decimal("241.00"), Decimal(0))
    before = one.updated_at
    box.act("set_direct_cost_status", id=int(id_), status="approved")
    assert box.system.direct_costs(box.project, ids=[id_])[0].updated_at != before


def test_tax_stands_beside_the_lines_and_never_in_them(box: Till) -> None:
    id_ = typed(box, "T-1", amount="100.00")

    path = f"/rest/v1.0/projects/{box.project}/direct_costs/{id_}/line_items"
    codes = box.by_hand("GET", f"/rest/v1.0/tax_codes?company_id={box.settings.company_id}", None)
    code = next(tax["id"] for tax in codes if tax["code"] == "STD")
    line = box.system.direct_costs(box.project, ids=[id_])[0].lines[0].id
    box.by_hand("PATCH", f"{path}/{line}", {"line_item": {"tax_code_id": code}})
    found = box.system.direct_costs(box.project, ids=[id_])[0]
    assert (found.money().amount, found.total, found.tax) == (Decimal(200), Decimal(200), Decimal("8.25"))


def test_changed_costs_come_with_all_their_lines_in_few_requests(box: Till) -> None:
    old = [typed(box, f"O-{n}") for n in range(3)]
    box.running.clock.advance(timedelta(days=3))
    since = box.running.clock().isoformat()
    box.said.clear()
    assert box.system.direct_costs(box.project, since) == []
    assert len(box.said) == 1
    box.act("set_direct_cost_status", id=int(old[0]), status="approved")
    box.said.clear()
    found = box.system.direct_costs(box.project, since)
    assert [(one.id, len(one.lines)) for one in found] == [(old[0], 2)]
    assert len(box.asked("direct_costs")) == 2
    assert len(box.asked(f"filters[direct_cost_id]={old[0]}")) == 1
    new = [typed(box, f"N-{n}") for n in range(12)]
    box.said.clear()
    found = box.system.direct_costs(box.project, since)
    assert {one.id for one in found} == {old[0], *new}
    assert all(len(one.lines) == 2 for one in found)
    assert len(box.asked("direct_costs")) == 2
    box.act("set_direct_cost_status", id=int(old[1]), status="approved")
    assert all(len(one.lines) == 2 for one in box.system.direct_costs(box.project, since))
    recent = box.system.direct_costs(box.project, ids=new)
    assert {one.id for one in recent} == set(new)
    assert "filters[created_at]" in box.asked("line_items")[-1]


def test_lines_that_do_not_foot_are_read_again_and_then_told_as_stated(box: Till) -> None:
    id_ = typed(box, "F-1")
    line = {"id": 1, "amount": "1.00", "holder": {"id": int(id_), "holder_type": "DirectCost::Item"}}
    box.answer = lambda request: reply(200, [line]) if "line_items?page" in request.url else None
    box.said.clear()
    found = next(one for one in box.system.direct_costs(box.project) if one.id == id_)
    assert found.money().amount == found.total == Decimal("241.00")
    assert len(box.asked("filters[direct_cost_id]")) == 1
    box.answer = lambda request: reply(200, [line]) if "line_items?" in request.url else None
    found = next(one for one in box.system.direct_costs(box.project) if one.id == id_)
    assert (found.money().amount, found.total) == (Decimal("1.00"), Decimal("241.00"))


def test_whatever_people_can_change_moves_the_stamp_within_one_second() -> None:
    tax = TaxBreakdown(Decimal("5.0"), Decimal(1))
    row = CostRow(1, updated_at="2026-03-01T08:00:00Z", status="draft", tax_breakdown=tax)
    changes: list[dict[str, Any]] = [
        {"status": "approved"},
        {"vendor_id": 5},
        {"invoice_number": "7"},
        {"direct_cost_date": "2026-03-01"},
        {"received_date": "2026-03-01"},
        {"description": "x"},
        {"tax_breakdown": TaxBreakdown(Decimal("5.1"), Decimal(1))},
        {"tax_breakdown": TaxBreakdown(Decimal("5.0"), Decimal(2))},
    ]
    stamps = {msgspec.structs.replace(row, **change).stamp for change in changes} | {row.stamp}
    assert len(stamps) == 9
    same = TaxBreakdown(Decimal("5.00"), Decimal("1.00"))
    assert msgspec.structs.replace(row, tax_breakdown=same, description="").stamp == row.stamp


def test_the_subtotal_counts_before_the_header_total() -> None:
    row = CostRow(1, grand_total=Decimal("108.25"), tax_breakdown=TaxBreakdown(Decimal("100.00"), Decimal("8.25")))
    assert (row.total, row.tax) == (Decimal("100.00"), Decimal("8.25"))
    assert CostRow(1, grand_total=Decimal("5.00")).total == Decimal("5.00")
