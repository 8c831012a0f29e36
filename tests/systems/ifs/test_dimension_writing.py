"""Code part values are made, renamed and ended where IFS lets them be, and every refusal is told in its words."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from ml_connector.records.dimension import Dimension
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.ifs.dimension_write import DimensionWriting
from ml_connector.systems.ifs.writing import Writing
from ml_connector.systems.port import Effect, Outcome, Result
from ml_connector.systems.transport import Transport

from .conftest import MakeSystem

SHOTCRETE = Dimension("B", "03-777", "Shotcrete", date(2026, 1, 1), date(2049, 12, 31))


def effect(body: Dimension, verb: str = "create", number: int = 1) -> Effect:
    return Effect(number, verb, "dimension", "", "", "", body, {})


@pytest.fixture
def writing(make: MakeSystem) -> DimensionWriting:
    system = make()
    return DimensionWriting(system.odata, system.profile, "10")


def change(body: Dimension, **fields: object) -> Dimension:
    return msgspec.structs.replace(body, **fields)


def in_ifs(make: MakeSystem, part: str = "B", value: str = "03-777") -> Dimension | None:
    return next((one for one in make().dimensions()[0] if (one.part, one.value) == (part, value)), None)


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def test_a_value_is_made_and_read_back(writing: DimensionWriting, make: MakeSystem) -> None:
    outcome = only(writing.create([effect(SHOTCRETE)]))
    assert (outcome.result, outcome.target, outcome.sentence) == (Result.DONE, "B=03-777", "")
    assert outcome.stamp
    assert in_ifs(make) == SHOTCRETE


def test_a_value_that_is_there_is_left_as_it_is(
    writing: DimensionWriting, make: MakeSystem, transport: Transport
) -> None:
    writing.create([effect(SHOTCRETE)])
    assert only(writing.create([effect(SHOTCRETE)])).sentence == ""
    other = only(writing.create([effect(change(SHOTCRETE, name="Gunite"))]))
    assert (other.result, other.target) == (Result.DONE, "B=03-777")
    assert "another Description" in other.sentence
    assert in_ifs(make) == SHOTCRETE
    assert transport.counts.writes == 1


def test_each_of_several_values_ends_by_itself(writing: DimensionWriting) -> None:
    bad = change(SHOTCRETE, value="03-778", valid_until=date(2020, 1, 1))
    outcomes = writing.create([effect(bad, number=1), effect(SHOTCRETE, number=2)])
    assert [(one.intent_id, one.result) for one in outcomes] == [(1, Result.REFUSED), (2, Result.DONE)]


@pytest.mark.parametrize("kind", ["drop_after", "half_body"])
def test_a_lost_answer_to_a_create_is_settled_by_looking(
    box: RunningSandbox, writing: DimensionWriting, transport: Transport, kind: str
) -> None:
    box.faults.add(FaultRule(kind, side="ifs", method="POST"))
    assert only(writing.create([effect(SHOTCRETE)])).result is Result.DONE
    assert transport.counts.writes == 1


def test_what_cannot_be_seen_stays_unknown_and_is_found_later(
    box: RunningSandbox, writing: DimensionWriting, make: MakeSystem
) -> None:
    box.faults.add(FaultRule("drop_before", side="ifs", method="POST"))
    assert only(writing.create([effect(SHOTCRETE)])).result is Result.UNKNOWN
    assert writing.find(effect(SHOTCRETE)) is None
    writing.create([effect(SHOTCRETE)])
    found = writing.find(effect(SHOTCRETE))
    assert found is not None
    assert (found.result, found.target) == (Result.DONE, "B=03-777")
    ended = change(SHOTCRETE, valid_until=date(2027, 6, 30))
    assert writing.find(effect(ended, "update")) is None


def test_name_and_last_day_change_and_nothing_else(
    writing: DimensionWriting, make: MakeSystem, transport: Transport
) -> None:
    writing.create([effect(SHOTCRETE)])
    wanted = change(SHOTCRETE, name="Gunite", valid_until=date(2027, 6, 30), valid_from=date(2027, 1, 1))
    for _ in range(2):
        assert only(writing.update([effect(wanted, "update")])).result is Result.DONE
    assert in_ifs(make) == change(wanted, valid_from=SHOTCRETE.valid_from)
    assert transport.counts.writes == 2
    assert writing.find(effect(wanted, "update")) is not None


def test_a_lost_answer_to_a_change_is_settled_by_looking(
    box: RunningSandbox, writing: DimensionWriting, transport: Transport
) -> None:
    writing.create([effect(SHOTCRETE)])
    box.faults.add(FaultRule("drop_after", side="ifs", method="PATCH"))
    assert only(writing.update([effect(change(SHOTCRETE, name="Gunite"), "update")])).result is Result.DONE
    assert transport.counts.writes == 2


def test_a_row_that_changed_meanwhile_is_refused_and_left(
    box: RunningSandbox, writing: DimensionWriting, make: MakeSystem
) -> None:
    writing.create([effect(SHOTCRETE)])
    box.faults.add(FaultRule("412", side="ifs", method="PATCH"))
    assert only(writing.update([effect(change(SHOTCRETE, name="Gunite"), "update")])).result is Result.REFUSED
    assert in_ifs(make) == SHOTCRETE


def test_a_value_that_is_not_there_cannot_change(writing: DimensionWriting) -> None:
    outcome = only(writing.update([effect(SHOTCRETE, "update")]))
    assert outcome.result is Result.REFUSED
    assert "no value 03-777" in outcome.sentence


@pytest.mark.parametrize(
    ("body", "constant", "words"),
    [
        (change(SHOTCRETE, part="E"), "PRACCCODEPARTCANNOTMODIFY", "windows for projects"),
        (change(SHOTCRETE, part="G"), "ISNOTUSED", "not used"),
        (change(SHOTCRETE, value="03-777-LONGER"), "TOOMANYCHARS", "at most 10"),
        (change(SHOTCRETE, value="03-77a"), "INVALIDCHARVALUE", "upper case"),
        (change(SHOTCRETE, value="03^77"), "INVALIDCHARVALUE", "without ^"),
        (change(SHOTCRETE, valid_until=date(2025, 1, 1)), "DATESINVALID", "first valid day"),
    ],
)
def test_a_rule_of_the_code_parts_is_a_refusal(
    writing: DimensionWriting, make: MakeSystem, body: Dimension, constant: str, words: str
) -> None:
    outcome = only(writing.create([effect(body)]))
    assert outcome.result is Result.REFUSED
    assert outcome.reference.endswith(constant)
    assert words in outcome.sentence
    assert in_ifs(make, body.part, body.value) is None


def test_values_of_fixed_assets_are_not_made_from_outside(writing: DimensionWriting, make: MakeSystem) -> None:
    parts = Writing(make().odata, "DefineCodeStringHandling")
    path = "AccountingCodePartsSet(Company='10',CodePart='D')"
    found = parts.read(path)
    assert found is not None
    parts.patch(path, found.etag, {"CodePartFunction": "FAACC"})
    outcome = only(writing.create([effect(change(SHOTCRETE, part="D"))]))
    assert (outcome.result, outcome.reference) == (Result.REFUSED, "CodeD.FAACCCODEPARTCANNOTMODIFY")
    assert "fixed assets" in outcome.sentence


def test_a_company_that_gets_its_values_from_another_makes_none(box: RunningSandbox, writing: DimensionWriting) -> None:
    box.act("ifs", "set_company", source_company="20")
    outcome = only(writing.create([effect(SHOTCRETE)]))
    assert (outcome.result, outcome.reference) == (Result.REFUSED, "CodeB.NODIRECTINSERT")


def test_accounts_are_not_made_by_us(writing: DimensionWriting, transport: Transport) -> None:
    outcome = only(writing.create([effect(change(SHOTCRETE, part="A"))]))
    assert outcome.result is Result.REFUSED
    assert "in IFS only" in outcome.sentence
    assert transport.counts.reads + transport.counts.writes == 0
