"""Sending a purchase order: header, lines, status last; adopting one typed by hand; changing it after approval."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ml_connector.kernel.errors import Bug, OutcomeUnknown, Unavailable
from ml_connector.records.commitment import ChangeOrder, Commitment, CommitmentLine, CommitmentStatus
from ml_connector.systems.port import Effect, Result
from ml_connector.systems.procore.change_order import marked
from ml_connector.systems.procore.change_order import render_line as render_delta
from ml_connector.systems.procore.commitment import LineRow
from ml_connector.systems.procore.commitment_write import matched
from ml_connector.systems.procore.settings import UnknownUnit

from .office import SETTINGS, WORLD, Office, only, raising, reply, results


def placed(office: Office, body: Commitment, status: bool = True) -> str:
    """An order as the engine places it: header, lines, status."""
    id_ = office.done(office.effect("create", "commitment", body))[0].target
    office.done(office.effect("fill", "commitment", body, target=id_))
    if status:
        office.done(office.effect("status", "commitment", body, target=id_))
    return id_


def read(office: Office, id_: str) -> Commitment:
    found = office.system.commitment_lines(office.project(), id_)
    assert found is not None
    return found


def test_an_order_reads_back_as_it_was_sent() -> None:
    office = Office()
    body = office.order()
    made = placed(office, body)
    found = read(office, made)
    lines = tuple(
        msgspec.structs.replace(line, id=there.id) for line, there in zip(body.lines, found.lines, strict=True)
    )
    expected = msgspec.structs.replace(
        body,
        id=made,
        project=office.project(),
        vendor=office.vendor(),
        updated_at=found.updated_at,
        lines=lines,
        total=body.money().amount,
    )
    assert found == expected
    for verb in ("create", "fill", "status", "update"):
        assert office.system.find(office.effect(verb, "commitment", body, target=made)) is not None
    other = msgspec.structs.replace(body, once_key="10/none")
    assert office.system.find(office.effect("create", "commitment", other)) is None
    assert office.system.find(office.effect("fill", "commitment", other)) is None


def test_every_send_may_be_repeated() -> None:
    office = Office()
    body = office.order()
    first = placed(office, body, status=False)
    assert placed(office, body) == first
    assert len([c for c in office.system.commitments(office.project()) if c.once_key == body.once_key]) == 1
    assert len(read(office, first).lines) == 3


def test_an_answer_lost_on_the_way_back_is_found() -> None:
    office = Office()
    body = office.order()
    effect = office.effect("create", "commitment", body)
    office.after = only("sync", raising(OutcomeUnknown("lost")))
    assert results(office.send(effect)) == [Result.UNKNOWN]
    found = office.system.find(effect)
    assert found is not None
    fill = office.effect("fill", "commitment", body)
    assert office.system.find(fill) is None
    office.after = only("line_items/sync", raising(Unavailable("away")))
    assert results(office.send(fill)) == [Result.WAITING]
    found = office.system.find(fill)
    assert found is not None
    assert found.target == office.done(fill)[0].target


def test_headers_go_in_one_batch_and_a_bad_one_stays_alone() -> None:
    office = Office()
    effects = [office.effect("create", "commitment", office.order(f"P{n}", lines=1), number=n) for n in range(3)]
    stranger = {key: id_ if key.kind != "vendor" else "77" for key, id_ in effects[1].ids.items()}
    effects[1] = msgspec.structs.replace(effects[1], ids=stranger)
    outcomes = office.send(*effects)
    assert results(outcomes) == [Result.DONE, Result.REFUSED, Result.DONE]
    assert "vendor_id" in outcomes[1].sentence
    assert len(office.writes) == 1


def test_changed_header_fields_land_and_vanished_dates_go() -> None:
    office = Office()
    body = office.order(lines=1)
    made = placed(office, body)
    changed = msgspec.structs.replace(body, title="New title", description="", delivery=None)
    effect = office.effect("update", "commitment", changed, target=made)
    assert office.system.find(effect) is None
    office.done(effect)
    assert office.system.find(effect) is not None
    found = read(office, made)
    assert (found.title, found.description, found.delivery, found.dated) == ("New title", "", None, body.dated)
    assert found.status is CommitmentStatus.APPROVED


def test_a_contract_that_is_gone_is_told() -> None:
    office = Office()
    body = office.order(lines=1)
    made = placed(office, body, status=False)
    office.face.acts["delete_order"]({"id": made})
    outcome = office.send(office.effect("status", "commitment", body, target=made))[0]
    assert outcome.result is Result.REFUSED
    assert "any more" in outcome.sentence
    gone = office.send(office.effect("fill", "commitment", body, target=made))[0]
    assert gone.result is Result.REFUSED
    assert "may not see it" in gone.sentence


def test_frozen_lines_are_refused_in_their_words() -> None:
    office = Office()
    body = office.order()
    made = placed(office, body)
    more = msgspec.structs.replace(body, lines=(msgspec.structs.replace(body.lines[0], amount=Decimal("1.00")),))
    outcome = office.send(office.effect("fill", "commitment", more, target=made))[0]
    assert outcome.result is Result.REFUSED
    assert "frozen" in outcome.sentence
    assert body.lines[0].once_key in outcome.sentence


def test_lines_are_cut_into_chunks_and_halved_when_too_many() -> None:
    office = Office(msgspec.structs.replace(SETTINGS, batch_rows=4), sync_row_limit=2)
    body = office.order(lines=6)
    made = placed(office, body)
    assert len(read(office, made).lines) == 6
    assert len([w for w in office.writes if "line_items/sync" in w]) == 4


def test_an_amount_that_procore_keeps_differently_is_refused() -> None:
    office = Office()
    body = office.order(lines=1)
    made = office.done(office.effect("create", "commitment", body))[0].target
    row = {"id": 5, "origin_id": body.lines[0].once_key, "amount": "1.00"}
    office.before = only("line_items/sync", lambda: reply(200, {"entities": [row], "errors": None}))
    outcome = office.send(office.effect("fill", "commitment", body, target=made))[0]
    assert outcome.result is Result.REFUSED
    assert "keeps 1.00" in outcome.sentence
    office.before = only("line_items/sync", lambda: reply(200, {"entities": [], "errors": []}))
    assert results(office.send(office.effect("fill", "commitment", body, target=made))) == [Result.UNKNOWN]


def with_unit(body: Commitment, unit: str) -> Commitment:
    return msgspec.structs.replace(body, lines=tuple(msgspec.structs.replace(line, unit=unit) for line in body.lines))


def test_a_unit_procore_lacks_is_added_or_refused() -> None:
    office = Office()
    body = with_unit(office.order(lines=2), "DRUM")
    made = placed(office, body)
    assert {line.unit for line in read(office, made).lines} == {"DRUM"}
    assert len([w for w in office.writes if "uoms/sync" in w]) == 1
    careful = Office(msgspec.structs.replace(SETTINGS, unknown_unit=UnknownUnit.REFUSE))
    made = careful.done(careful.effect("create", "commitment", body))[0].target
    outcome = careful.send(careful.effect("fill", "commitment", body, target=made))[0]
    assert outcome.result is Result.REFUSED
    assert "Add DRUM" in outcome.sentence
    small = with_unit(body, "ea")
    careful.done(careful.effect("fill", "commitment", small, target=made))
    assert {line.unit for line in read(careful, made).lines} == {"EA"}


def test_a_unit_we_may_not_add_is_refused_with_a_remedy() -> None:
    office = Office()
    body = with_unit(office.order(lines=1), "DRUM")
    made = office.done(office.effect("create", "commitment", body))[0].target
    effect = office.effect("fill", "commitment", body, target=made)
    office.before = only("uoms/sync", lambda: reply(403, {"message": "no"}))
    assert "may not add it" in office.send(effect)[0].sentence
    taken = {"entities": [], "errors": [{"name": "DRUM", "errors": {"name": ["is a bad name"]}}]}
    office.before = only("uoms/sync", lambda: reply(200, taken))
    assert "is a bad name" in office.send(effect)[0].sentence
    unreadable = Office()
    made = unreadable.done(unreadable.effect("create", "commitment", body))[0].target
    unreadable.before = only("/uoms", lambda: reply(403, {"message": "no"}))
    outcome = unreadable.send(unreadable.effect("fill", "commitment", body, target=made))[0]
    assert "list of units" in outcome.sentence


def test_a_foreign_currency_goes_singly_and_once() -> None:
    office = Office()
    own, foreign = office.order("P1", lines=1), office.order("P2", lines=1, currency="EUR")
    effects = [office.effect("create", "commitment", body, number=n) for n, body in enumerate((own, foreign))]
    office.done(*effects)
    office.done(*effects)
    assert {c.once_key: c.currency for c in office.system.commitments(office.project()) if c.once_key} == {
        own.once_key: "USD",
        foreign.once_key: "EUR",
    }
    assert [w for w in office.writes if w.startswith("POST")] == ["POST /rest/v1.0/purchase_order_contracts"]
    assert not next(r for r in office.said if r.method == "POST").safe
    plain = Office(multi_currency=False)
    outcomes = plain.send(*effects)
    assert results(outcomes) == [Result.DONE, Result.REFUSED]
    assert "one currency" in outcomes[1].sentence


def test_a_contract_in_the_wrong_currency_is_refused() -> None:
    office = Office()
    body = office.order(lines=1)
    row = {"id": 5, "origin_id": body.once_key, "currency_configuration": {"currency_iso_code": "CAD"}}
    office.before = only("contracts/sync", lambda: reply(200, {"entities": [row]}))
    outcome = office.send(office.effect("create", "commitment", body))[0]
    assert outcome.result is Result.REFUSED
    assert "CAD" in outcome.sentence


# -- orders that were there before us ---------------------------------------------------------------------------------


def typed(office: Office) -> Commitment:
    """The order somebody typed by hand, with its lines."""
    order = WORLD.typed_orders[0]
    project = office.project(order.project_id)
    header = next(c for c in office.system.commitments(project) if c.number == order.number)
    found = office.system.commitment_lines(project, header.id)
    assert found is not None
    return found


def planned(theirs: Commitment, *, by_id: bool) -> Commitment:
    """What planning makes of it: our keys on its lines, matched by id or left to the room."""
    lines = tuple(
        msgspec.structs.replace(line, once_key=f"10/{theirs.number}/{n}", id=line.id if by_id else "")
        for n, line in enumerate(theirs.lines)
    )
    return msgspec.structs.replace(theirs, once_key=f"10/{theirs.number}", lines=lines)


def adopting(office: Office, theirs: Commitment, body: Commitment) -> Effect:
    effect = office.effect("adopt", "commitment", body, target=theirs.id)
    ids = {key: theirs.project if key.kind == "project" else id_ for key, id_ in effect.ids.items()}
    return msgspec.structs.replace(effect, ids=ids)


@pytest.mark.parametrize("by_id", [True, False])
def test_adopting_stamps_the_header_and_the_lines(by_id: bool) -> None:
    office = Office()
    theirs = typed(office)
    body = planned(theirs, by_id=by_id)
    effect = adopting(office, theirs, body)
    assert office.system.find(effect) is None
    office.done(effect)
    assert office.system.find(effect) is not None
    sent = len(office.writes)
    office.done(effect)
    assert len(office.writes) == sent == 1 + len(theirs.lines)
    after = office.system.commitment_lines(theirs.project, theirs.id)
    assert after is not None
    assert after.once_key == body.once_key
    assert [line.once_key for line in after.lines] == [line.once_key for line in body.lines]
    assert after.money() == theirs.money()
    assert not any(r.safe for r in office.said if r.method == "PATCH")


def test_an_order_of_another_integration_is_not_adopted() -> None:
    office = Office()
    theirs = typed(office)
    office.done(adopting(office, theirs, planned(theirs, by_id=True)))
    other = msgspec.structs.replace(planned(theirs, by_id=True), once_key="99/other")
    outcome = office.send(adopting(office, theirs, other))[0]
    assert outcome.result is Result.REFUSED
    assert "Another integration" in outcome.sentence


def test_lines_that_look_alike_are_left_to_a_person() -> None:
    office = Office()
    theirs = typed(office)
    line = planned(theirs, by_id=False).lines[0]
    twin = msgspec.structs.replace(line, once_key="twin")
    wire: Any = [_row(1, line), _row(2, line)]
    assert matched((line,), wire) == []
    assert matched((line, twin), [_row(1, line)]) == [("1", line.once_key)]
    near = msgspec.structs.replace(line, description="other words")
    assert matched((near,), [_row(1, line)]) == [("1", near.once_key)]
    assert matched((near, msgspec.structs.replace(near, once_key="b")), [_row(1, line)]) == []


def _row(id_: int, line: CommitmentLine) -> Any:
    from_wire = {"id": id_, "amount": str(line.amount), "description": line.description}
    wbs = {"id": 1, "flat_code": line.budget_code}
    return msgspec.convert(from_wire | {"wbs_code": wbs}, type=LineRow)


# -- change orders ----------------------------------------------------------------------------------------------------


def delta(body: Commitment, *lines: CommitmentLine, revision: str = "R2") -> ChangeOrder:
    return ChangeOrder(f"{body.once_key}/{revision}", body.once_key, "1201", revision, "Revision 2", lines, "USD")


def deltas(body: Commitment) -> tuple[CommitmentLine, CommitmentLine]:
    """Less of the first line, and a line the contract does not have."""
    less = msgspec.structs.replace(
        body.lines[0], quantity=Decimal("-1"), unit_cost=Decimal("10.10"), amount=Decimal("-10.10")
    )
    more = msgspec.structs.replace(
        body.lines[1], once_key=f"{body.once_key}/9/1", amount=Decimal("5.55"), description="Extra"
    )
    return less, more


def test_a_change_order_moves_the_contract_and_reads_back() -> None:
    office = Office()
    body = office.order()
    made = placed(office, body)
    change = delta(body, *deltas(body))
    effect = office.effect("amend", "change_order", change, commitment__P100001=made)
    assert office.system.find(effect) is None
    done = office.done(effect)[0]
    found = office.system.change_orders(office.project(), made)[0]
    assert (found.id, found.reference, found.status, found.number) == (done.target, change.reference, "approved", "R2")
    assert found.commitment == body.once_key
    assert found.money() == change.money()
    assert [line.once_key for line in found.lines] == [line.once_key for line in change.lines]
    assert [line.description for line in found.lines] == ["Line 1", "Extra"]
    assert found.lines[0].quantity == Decimal("-1")
    assert office.system.find(effect) is not None
    sent = len(office.writes)
    office.done(effect)
    assert len(office.writes) == sent
    assert office.system.commitment_lines(office.project(), made) is not None
    assert office.system.change_orders(office.project(), typed(office).id) == []


@pytest.mark.parametrize("point", ["POST /", "line_items", "PATCH"])
def test_a_change_order_begun_goes_on_where_it_stopped(point: str) -> None:
    office = Office()
    body = office.order()
    made = placed(office, body)
    effect = office.effect("amend", "change_order", delta(body, *deltas(body)), commitment__P100001=made)
    where = {"POST /": "commitment_change_orders", "line_items": "/line_items", "PATCH": "commitment_change_orders/"}
    method = "PATCH" if point == "PATCH" else "POST"

    def lost(request: Any) -> None:
        if request.method == method and where[point] in request.url:
            office.after = lambda _: None
            raise OutcomeUnknown("lost")

    office.after = lost
    assert results(office.send(effect)) == [Result.UNKNOWN]
    assert (office.system.find(effect) is not None) == (point == "PATCH")
    office.done(effect)
    changes = office.system.change_orders(office.project(), made)
    assert len(changes) == 1
    assert changes[0].money() == delta(body, *deltas(body)).money()


def test_a_new_line_of_an_erp_project_says_so() -> None:
    office = Office()
    body = office.order()
    made = placed(office, body)
    effect = office.effect("amend", "change_order", delta(body, deltas(body)[1]), commitment__P100001=made)
    office.before = only(
        "/rest/v1.0/projects/" + office.project() + "?", lambda: reply(200, {"is_erp_integrated": True})
    )
    assert office.send(effect)[0].result is Result.DONE
    wrong = {"data": {"id": "9", "amount": "1.00"}}
    office.before = only("POST " + SETTINGS.url + "/rest/v2.0", lambda: reply(200, wrong))
    again = Office()
    made = placed(again, body)
    effect = again.effect("amend", "change_order", delta(body, deltas(body)[1]), commitment__P100001=made)
    again.before = office.before
    assert "keeps 1.00" in again.send(effect)[0].sentence


def test_a_delta_whose_product_is_not_its_amount_goes_without_quantity() -> None:
    less, more = deltas(Office().order())
    assert render_delta(less, "1", "EA").quantity == "-1"
    assert render_delta(more, "1", "EA").quantity is None
    assert marked("x" * 300, "4/1").endswith("\u2026 (ERP line 4/1)")
    assert len(marked("x" * 300, "4/1")) == 255


def test_ids_that_planning_forgot_are_a_bug() -> None:
    office = Office()
    body = office.order()
    made = placed(office, body, status=False)
    effect = msgspec.structs.replace(office.effect("fill", "commitment", body, target=made))
    without = {key: id_ for key, id_ in effect.ids.items() if key.kind != "budget_code"}
    with pytest.raises(Bug, match="budget code"):
        office.system.send([msgspec.structs.replace(effect, ids=without)])
    with pytest.raises(Bug, match="project"):
        office.system.send([msgspec.structs.replace(effect, ids={})])
