"""A commitment born in Procore becomes one Planned requisition in IFS: whole or not at all, and never twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import msgspec
import pytest

from ml_connector.kernel.errors import RightMissing
from ml_connector.kernel.keys import Key
from ml_connector.records.purchase_requisition import PurchaseRequisition, RequisitionLine
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.ifs.once import begins_with
from ml_connector.systems.ifs.sending import Sending
from ml_connector.systems.port import Effect, Result
from ml_connector.systems.transport import Transport

from .conftest import MakeSystem

ONCE = "10/commitment/562949953421"
Send = Callable[..., Sending]


@pytest.fixture
def sending(make: MakeSystem) -> Send:
    """The writing half with some of the profile changed."""

    def made(**overrides: object) -> Sending:
        system = make(**overrides)
        return Sending(system.odata, system.profile, "10")

    return made


@pytest.fixture
def body(box: RunningSandbox) -> PurchaseRequisition:
    world = box.sandbox.world
    seller = next(one for one in world.suppliers if one.purchase_data)
    activity = next(one for one in world.activities if one.state == "Released")
    site = next(one.site for one in world.sites if one.project_id == activity.project_id)
    codes = (("A", "4110"), ("B", next(one.value for one in world.code_values if one.code_part == "B")))
    formwork = RequisitionLine(
        "901", "Formwork, rented", Decimal("12.5"), "m2", Decimal("40.10"), Decimal("501.25"),
        activity.project_id, str(activity.activity_seq), codes, date(2026, 9, 1),
    )  # fmt: skip
    grout = RequisitionLine("902", "Grout", Decimal(3), "bag", Decimal(9), Decimal(27), "", "", (), None)
    return PurchaseRequisition(
        ONCE, site, "ML_CONNECTOR", seller.supplier_id, "USD", "Commitment SC-014 of Procore", (formwork, grout)
    )


def effect(body: PurchaseRequisition, number: int = 1, once_key: str = "", ids: dict[Key, str] | None = None) -> Effect:
    return Effect(number, "create", "purchase_requisition", once_key or body.once_key, "", "", body, ids or {})


def change(body: PurchaseRequisition, **fields: object) -> PurchaseRequisition:
    return msgspec.structs.replace(body, **fields)


def headers(box: RunningSandbox) -> int:
    return int(box.ifs.summary().get("PurchaseRequisition", 0))


def test_header_and_lines_are_made_and_left_planned(
    sending: Send, body: PurchaseRequisition, transport: Transport
) -> None:
    ours = sending()
    (outcome,) = ours.send([effect(body)])
    assert (outcome.result, outcome.target) == (Result.DONE, "1001")
    (read,) = ours.requisitions.requisitions([ONCE, "10/commitment/none"])
    assert (read.id, read.state, read.once_key) == ("1001", "Planned", ONCE)
    lines = [msgspec.structs.replace(line, id=f"{at}/1") for at, line in enumerate(body.lines, 1)]
    assert read.lines[0] == lines[0]
    assert msgspec.structs.replace(read.lines[1], wanted=None) == lines[1]
    assert change(read, id="", state="", lines=body.lines) == body
    assert transport.counts.writes == 1


def test_twice_sent_is_made_once(box: RunningSandbox, sending: Send, body: PurchaseRequisition) -> None:
    ours = sending()
    first, again = (ours.send([effect(body)])[0] for _ in range(2))
    assert first.target == again.target == "1001"
    assert headers(box) == 1


def test_a_key_is_not_taken_for_a_longer_one(box: RunningSandbox, sending: Send, body: PurchaseRequisition) -> None:
    ours = sending()
    ours.send([effect(body, once_key=f"{ONCE}7")])
    assert ours.find(effect(body)) is None
    ours.send([effect(body)])
    assert [one.id for one in ours.requisitions.requisitions([ONCE])] == ["1002"]
    assert headers(box) == 2
    assert begins_with(f"{ONCE}\nmore", ONCE)
    assert not begins_with(f"see {ONCE}", ONCE)


def test_many_requisitions_share_requests(
    box: RunningSandbox, sending: Send, body: PurchaseRequisition, transport: Transport
) -> None:
    ours = sending()
    before = transport.counts.reads
    bad = change(body, site="NOPE")
    effects = [effect(bad if n == 4 else body, n, f"10/commitment/{n}") for n in range(20)]
    outcomes = ours.send(effects)
    assert ours.batch_size("purchase_requisition", "create") >= 20
    assert [one.intent_id for one in outcomes] == list(range(20))
    assert [one.intent_id for one in outcomes if one.result is not Result.DONE] == [4]
    assert len({one.target for one in outcomes if one.result is Result.DONE}) == 19
    assert outcomes[4].reference == "Site.NOTEXIST"
    assert (transport.counts.reads - before, transport.counts.writes) == (1, 1)
    assert headers(box) == 19


@pytest.mark.parametrize("batch_parts", [100, 0])
@pytest.mark.parametrize("place", [0, 1])
def test_a_refused_line_leaves_nothing_behind(
    box: RunningSandbox, sending: Send, body: PurchaseRequisition, batch_parts: int, place: int
) -> None:
    lines = list(body.lines)
    lines[place] = msgspec.structs.replace(lines[place], codes=(("B", "99-999"),))
    (outcome,) = sending(batch_parts=batch_parts).send([effect(change(body, lines=tuple(lines)))])
    assert (outcome.result, outcome.reference) == (Result.REFUSED, "CodeB.NOTEXIST")
    assert headers(box) == 0
    assert "PurchaseReqLine" not in box.ifs.summary()


def test_an_activity_that_is_no_number_is_refused_before_it_is_sent(
    box: RunningSandbox, sending: Send, body: PurchaseRequisition, transport: Transport
) -> None:
    wrong = change(body, lines=(msgspec.structs.replace(body.lines[0], activity="A-1"),))
    assert sending().send([effect(wrong)])[0].result is Result.REFUSED
    assert transport.counts.writes == 0


@pytest.mark.parametrize("kind", ["drop_after", "half_body"])
def test_a_lost_answer_is_settled_by_looking(
    box: RunningSandbox, sending: Send, body: PurchaseRequisition, kind: str
) -> None:
    box.faults.add(FaultRule(kind, side="ifs", method="POST"))
    ours = sending()
    (outcome,) = ours.send([effect(body)])
    assert (outcome.result, outcome.target) == (Result.DONE, "1001")
    assert len(ours.requisitions.requisitions([ONCE])[0].lines) == 2
    assert ours.send([effect(body)])[0].target == "1001"
    assert headers(box) == 1


@pytest.mark.parametrize(("lost", "whole"), [(1, False), (2, False), (3, True)])
def test_half_a_requisition_of_a_tenant_without_change_sets_is_never_taken_for_one(
    box: RunningSandbox, sending: Send, body: PurchaseRequisition, lost: int, whole: bool
) -> None:
    box.faults.add(FaultRule("drop_after", side="ifs", method="POST", nth=lost))
    ours = sending(batch_parts=0)
    for _ in range(2):
        (outcome,) = ours.send([effect(body)])
        assert outcome.result is (Result.DONE if whole else Result.REFUSED)
        assert whole or "1001 of 10/commitment/562949953421 in part only" in outcome.sentence
    assert headers(box) == 1


def test_what_cannot_be_seen_stays_unknown(box: RunningSandbox, sending: Send, body: PurchaseRequisition) -> None:
    box.faults.add(FaultRule("drop_before", side="ifs", method="POST"))
    ours = sending()
    (outcome,) = ours.send([effect(body)])
    assert (outcome.result, outcome.target) == (Result.UNKNOWN, "")
    assert ours.find(effect(body)) is None
    assert headers(box) == 0


def test_a_second_look_that_fails_leaves_it_unknown_and_the_next_run_finds_it(
    box: RunningSandbox, sending: Send, body: PurchaseRequisition
) -> None:
    box.faults.add(FaultRule("drop_after", side="ifs", method="POST"))
    box.faults.add(FaultRule("503", side="ifs", method="GET", path="RequisitionSet", nth=2, times=20))
    ours = sending()
    assert ours.send([effect(body)])[0].result is Result.UNKNOWN
    box.faults.clear()
    found = ours.find(effect(body))
    assert found is not None
    assert (found.result, found.target) == (Result.DONE, "1001")
    assert headers(box) == 1


def test_two_that_bear_one_key_are_a_refusal_that_names_both(
    box: RunningSandbox, sending: Send, body: PurchaseRequisition
) -> None:
    ours = sending()
    for number in (1, 2):
        ours.send([effect(body, number, f"10/commitment/{number}")])
    assert box.act("ifs", "create_requisition", note=f"{ONCE} a", lines=[]) is not None
    box.act("ifs", "create_requisition", note=f"{ONCE} b", lines=[])
    (outcome,) = ours.send([effect(body)])
    assert outcome.result is Result.REFUSED
    assert "1003 and 1004" in outcome.sentence


def test_a_supplier_proposed_along_with_it_is_named_by_its_number(
    box: RunningSandbox, sending: Send, body: PurchaseRequisition
) -> None:
    ours = sending()
    made = {Key("supplier", "887"): body.vendor}
    ours.send([effect(change(body, vendor="887"), ids=made)])
    assert ours.requisitions.requisitions([ONCE])[0].vendor == body.vendor


def test_a_tenant_may_keep_the_key_apart_and_want_more(sending: Send, body: PurchaseRequisition) -> None:
    writes = {
        "requisition": {"properties": {"reference": "MarkForUser"}},
        "requisition_line": {"properties": {"price": "", "currency": ""}},
        "requisition_defaults": {"header.OrderCode": "1", "line.StatGrp": "BUILD"},
    }
    ours = sending(writes=writes)
    assert ours.send([effect(body)])[0].result is Result.DONE
    (read,) = ours.requisitions.requisitions([ONCE])
    assert (read.text, read.once_key) == (body.text, ONCE)
    assert {line.price for line in read.lines} == {Decimal(0)}
    assert ours.send([effect(body)])[0].target == read.id


def test_a_right_that_is_missing_stops_the_run(box: RunningSandbox, sending: Send, body: PurchaseRequisition) -> None:
    box.ifs.switches.denied_projections = {"PurchaseRequisitionHandling"}
    with pytest.raises(RightMissing):
        sending().send([effect(body)])
