"""Answers that are rare but real: old lines without codes, refused parents, forms we do not know."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ml_connector.kernel.errors import BadInput, Bug, NameMissing, RightMissing
from ml_connector.records.cost_code import BudgetCode, CostCode
from ml_connector.systems.port import Result
from ml_connector.systems.procore.answers import NotSeen
from ml_connector.systems.procore.commitment import FullRow, LineRow, day, parse, parse_line, since_filter
from ml_connector.systems.procore.effects import number_of
from ml_connector.systems.wire import WireReply

from .office import Office, only, reply, results


def test_an_old_line_by_amount_has_its_code_put_together() -> None:
    row = b'{"id":1,"amount":12.5,"cost_code":{"id":null,"full_code":"03-310"},"line_item_type":{"code":"M"}}'
    line = parse_line(msgspec.json.decode(row, type=LineRow))
    assert (line.budget_code, line.quantity, line.unit_cost, line.amount) == (
        "03-310.M",
        Decimal(1),
        Decimal("12.5"),
        Decimal("12.5"),
    )
    bare = parse_line(msgspec.json.decode(b'{"id":1,"amount":null}', type=LineRow))
    assert (bare.budget_code, bare.amount) == ("", Decimal(0))


def test_a_header_of_nulls_is_still_a_header() -> None:
    row = msgspec.json.decode(b'{"id":1,"vendor":{"id":null},"contract_date":"soon","unheard":[1]}', type=FullRow)
    found = parse(row, "7", "USD")
    assert (found.id, found.vendor, found.currency, found.dated, found.total) == ("1", "", "USD", None, Decimal(0))
    with pytest.raises(NameMissing, match="Half Done"):
        parse(FullRow(1, number="PO-1", status="Half Done"), "7", None)
    assert day("2026-03-02T00:00:00Z") is not None


def test_since_must_be_a_moment() -> None:
    assert since_filter("2026-03-02T01:00:00").startswith("2026-03-02T01:00:00Z...")
    with pytest.raises(BadInput):
        since_filter("yesterday")
    with pytest.raises(Bug):
        number_of("abc")


def test_an_answer_in_another_form_says_so() -> None:
    office = Office()
    office.before = lambda request: WireReply(200, {}, b"<html>proxy</html>")
    with pytest.raises(NameMissing, match="form we do not know"):
        office.system.vendors()
    office.before = lambda request: WireReply(200, {}, b"[]")
    assert office.system.vendors() == []


def test_a_project_without_budget_view_cannot_be_judged() -> None:
    office = Office()
    lines = only("budget_line_items", lambda: reply(404, {"message": "no"}))
    views = only("budget_views", lambda: reply(200, [], {"total": "0"}))
    office.before = lambda request: lines(request) or views(request)
    with pytest.raises(RightMissing, match="neither budget lines nor a budget view"):
        office.system.budget_codes(office.project())


def test_a_lost_project_is_not_seen() -> None:
    office = Office()
    project = office.project()
    office.face.acts["revoke_project"]({"project_id": project})
    with pytest.raises(NotSeen, match="may not see it") as caught:
        office.system.commitments(project)
    assert "permitted projects" in caught.value.remedy
    assert office.system.commitment_lines(project, "1") is None


def codes(office: Office, *wanted: str) -> list[Any]:
    return [
        msgspec.structs.replace(
            office.effect("create", "cost_code", CostCode("", "1201", code, code), number=n), once_key=f"10/{code}"
        )
        for n, code in enumerate(wanted)
    ]


def test_children_of_a_refused_parent_are_refused_with_its_words() -> None:
    office = Office()
    effects = codes(office, "66-1-2", "66-3", "67")
    bad = {"origin_id": "10/66", "errors": {"code": ["is not allowed"]}}
    office.before = only("cost_codes/sync", lambda: reply(200, {"entities": [], "errors": [bad]}))
    outcomes = office.send(*effects)
    assert results(outcomes) == [Result.REFUSED, Result.REFUSED, Result.DONE]
    assert "own parent" in outcomes[0].sentence
    assert "is not allowed" in outcomes[1].sentence


def test_flat_cost_codes_have_no_parents() -> None:
    office = Office()
    flat = [{"id": 1, "type": "cost_code", "structure": "flat"}]
    office.before = only("/segments", lambda: reply(200, flat))
    office.done(*codes(office, "66-1"))
    assert len(office.writes) == 1
    office = Office()
    office.before = only("/segments", lambda: reply(200, []))
    office.done(*codes(office, "66-1"))
    assert len(office.writes) == 2


def test_a_code_of_another_integration_is_used_as_it_is() -> None:
    office = Office()
    first = office.done(*codes(office, "66"))[0]
    other = msgspec.structs.replace(codes(office, "66")[0], once_key="99/66")
    assert office.done(other)[0].target == first.target
    assert next(c.origin for c in office.system.cost_codes(office.project()) if c.code == "66") == "10/66"


def test_a_combination_is_found_by_its_items_when_its_text_differs() -> None:
    office = Office()
    flat = office.codes()[0][0]
    effect = office.effect("create", "budget_code", BudgetCode("", "1201", flat))

    def other(text: str, bad: bool) -> Any:
        def act() -> Any:
            items = msgspec.json.decode(office.said[-1].body or b"")["bulk"][0]["segment_items"]
            made = {"id": 5, "flat_code": text, "segment_items": [{"id": x["segment_item_id"]} for x in items]}
            refused = {"segment_items": items, "errors": {"base": ["no"]}}
            return reply(201, {"entities": [] if bad else [made], "errors": [refused] if bad else []})

        return act

    office.before = only("bulk_create", other("P." + flat, False))
    assert office.done(effect)[0].target == "5"
    office.before = only("bulk_create", other(flat, True))
    assert office.send(effect)[0].sentence == f"Procore refused {flat}: no"
    office.before = only("bulk_create", lambda: reply(201, {"entities": None, "errors": None}))
    assert results(office.send(effect)) == [Result.UNKNOWN]


def test_currency_that_cannot_be_read_is_unknown() -> None:
    office = Office()
    office.before = lambda request: reply(403, {"message": "no"}) if "currency_configuration" in request.url else None
    assert {office.system.currency_of(project.id) for project in office.system.projects()} == {""}
    assert not office.system.keeps_currency()
