"""Whatever a buyer changes in IFS arrives in Procore once: as a row while the contract is open, as a delta after."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from ml_connector.sandbox.exchange_log import Exchange
from ml_connector.service import replaying

from .office import OPEN, UNAPPROVED, Office

ORDER = "P100005"
"""Released, several lines, one project."""
PLANNED = "P100019"


def rows_of(exchange: Exchange) -> list[dict[str, object]]:
    """The rows of one batch request."""
    found: list[dict[str, object]] = json.loads(exchange.request_body or "{}")["updates"]
    return found


def test_price_of_one_line_sends_one_request_with_one_row(unapproved: Office) -> None:
    before = unapproved.proof.paper(ORDER)
    unapproved.price(ORDER, "2", "77.31")
    sent = unapproved.sent_by_sync()
    assert len(sent) == 1
    rows = rows_of(sent[0])
    assert len(rows) == 1
    assert str(rows[0]["origin_id"]).endswith(f"{ORDER}/{unapproved.proof.wanted() and _project(unapproved)}/2/1")
    after = unapproved.proof.paper(ORDER)
    assert {name for name in after.lines if after.lines[name] != before.lines[name]} == {"2/1"}
    unapproved.assert_proven()
    unapproved.assert_rests()


def _project(office: Office) -> str:
    return next(where[0] for where, _, _ in office.proof.papers() if where[1] == ORDER)


def test_price_of_an_approved_line_makes_one_change_order_with_the_delta(running: Office) -> None:
    before = running.proof.paper(ORDER)
    wanted = running.proof.wanted()[(_project(running), ORDER)][0].lines["2/1"].amount
    running.price(ORDER, "2", "77.31")
    delta = running.proof.wanted()[(_project(running), ORDER)][0].lines["2/1"].amount - wanted
    running.sync()
    changes = _changes(running)
    assert [(change["number"], Decimal(change["grand_total"])) for change in changes] == [(f"{ORDER}-CO001", delta)]
    assert running.proof.paper(ORDER).original == before.original
    running.assert_proven()
    running.assert_rests()


def test_second_change_makes_the_second_change_order_and_nothing_is_sent_twice(running: Office) -> None:
    original = running.proof.paper(ORDER).original
    running.price(ORDER, "2", "77.31")
    running.sync()
    running.price(ORDER, "2", "70.00")
    running.price(ORDER, "1", "3.00")
    running.sync()
    assert sorted(change["number"] for change in _changes(running)) == [f"{ORDER}-CO001", f"{ORDER}-CO002"]
    assert [len(change["lines"]) for change in sorted(_changes(running), key=lambda c: c["number"])] == [1, 2]
    assert running.proof.paper(ORDER).original == original
    running.assert_proven()
    replaying.at_once(running.app, "demo", ORDER)
    assert len(_changes(running)) == 2
    running.assert_rests()


def _changes(office: Office) -> list[dict[str, object]]:
    paper = office.proof.paper(ORDER)
    found: list[dict[str, object]] = office.proof.procore.change_orders(office.proof.project_ids[_project(office)])
    return [change for change in found if change["contract_id"] == paper.id]


NEW_LINE = {"quantity": "3", "price": "120.50", "description": "Shackles", "unit": "pcs"}


def add_line(office: Office, order: str, code: str = "03-310", account: str = "4110") -> None:
    """A buyer adds a line on the project and activity of the first one."""
    first = next(line for line in office.proof.ifs.lines() if line["OrderNo"] == order)
    place = {"project_id": first["ProjectId"], "activity_seq": first["ActivitySeq"]}
    codes = {"A": account, "B": code, "C": "410", "E": first["ProjectId"]}
    office.ifs("add_line", order_no=order, codes=codes, **place, **NEW_LINE)


def test_added_line_joins_an_open_contract(unapproved: Office) -> None:
    add_line(unapproved, ORDER)
    sent = unapproved.sent_by_sync()
    assert [len(rows_of(one)) for one in sent if "line_items" in one.path] == [1]
    unapproved.assert_proven()
    unapproved.assert_rests()


def test_added_line_amends_an_approved_contract(running: Office) -> None:
    add_line(running, ORDER)
    running.sync()
    assert len(_changes(running)) == 1
    running.assert_proven()
    running.assert_rests()


def test_cancelled_line_falls_to_zero_in_an_open_contract(unapproved: Office) -> None:
    unapproved.ifs("cancel_line", order_no=ORDER, line_no="1")
    unapproved.sync()
    assert unapproved.proof.paper(ORDER).lines["1/1"].amount == 0
    unapproved.assert_proven()
    unapproved.assert_rests()


def test_cancelled_line_is_taken_off_an_approved_contract_by_a_change_order(running: Office) -> None:
    original = running.proof.paper(ORDER).original
    running.ifs("cancel_line", order_no=ORDER, line_no="1")
    running.sync()
    assert running.proof.paper(ORDER).lines["1/1"].amount == 0
    assert running.proof.paper(ORDER).original == original
    running.assert_proven()
    running.assert_rests()


@pytest.mark.parametrize("approved", [False, True])
def test_closed_order_closes_its_contract_and_keeps_its_money(office: Office, approved: bool) -> None:
    if not approved:
        office.policy(**OPEN)
    office.sync()
    before = office.proof.paper(ORDER)
    office.ifs("close_order", order_no=ORDER)
    office.sync()
    after = office.proof.paper(ORDER)
    assert (after.status, after.lines, after.changes) == ("Closed", before.lines, 0)
    office.proof.status |= {} if approved else UNAPPROVED
    office.assert_proven()
    office.assert_rests()


@pytest.mark.parametrize("approved", [False, True])
def test_cancelled_order_closes_its_contract_at_zero(office: Office, approved: bool) -> None:
    if not approved:
        office.policy(**OPEN)
    office.sync()
    original = office.proof.paper(ORDER).original
    office.ifs("cancel_order", order_no=ORDER)
    office.sync()
    after = office.proof.paper(ORDER)
    assert after.status == "Closed"
    assert {line.amount for line in after.lines.values()} == {Decimal(0)}
    assert (after.original, after.changes) == ((original, 1) if approved else (Decimal(0), 0))
    office.proof.status |= {} if approved else UNAPPROVED
    office.assert_proven()
    office.assert_rests()


def test_order_cancelled_before_it_ever_crossed_stays_away(office: Office) -> None:
    office.ifs("cancel_order", order_no=ORDER)
    office.sync()
    assert ORDER not in [where[1] for where, _, _ in office.proof.papers()]
    office.assert_proven()


def test_changed_text_and_date_reach_an_open_contract(unapproved: Office) -> None:
    unapproved.ifs("amend_line", order_no=ORDER, line_no="1", description="Bars, epoxy coated", wanted="2027-01-15")
    unapproved.sync()
    header = _header(unapproved)
    assert header["title"] == f"{ORDER} Bars, epoxy coated"
    assert str(header["delivery_date"])[:10] == "2027-01-15"
    assert _line(header, "1/1")["description"] == "Bars, epoxy coated"
    unapproved.assert_proven()
    unapproved.assert_rests()


def test_changed_text_and_date_reach_the_header_of_an_approved_contract(running: Office) -> None:
    running.ifs("amend_line", order_no=ORDER, line_no="1", description="Bars, epoxy coated", wanted="2027-01-15")
    running.sync()
    header = _header(running)
    assert header["title"] == f"{ORDER} Bars, epoxy coated"
    assert str(header["delivery_date"])[:10] == "2027-01-15"
    assert _changes(running) == []
    running.assert_rests()


def _header(office: Office) -> dict[str, object]:
    return next(order for where, _, order in office.proof.papers() if where[1] == ORDER)


def _line(header: dict[str, object], name: str) -> dict[str, object]:
    lines = header["line_items"]
    assert isinstance(lines, list)
    found: dict[str, object] = next(line for line in lines if str(line["origin_id"]).endswith(f"/{name}"))
    return found


def test_line_moved_to_another_code_moves_its_money_after_approval(running: Office) -> None:
    codes = {line["LineNo"]: line["CodeB"] for line in running.proof.ifs.lines() if line["OrderNo"] == ORDER}
    other = "09-910" if codes["1"] != "09-910" else "03-310"
    running.ifs("amend_line", order_no=ORDER, line_no="1", codes={"B": other})
    running.sync()
    found = by_code(running)
    running.assert_rests()
    wanted: dict[str, Decimal] = {}
    for line in running.proof.wanted()[(_project(running), ORDER)][0].lines.values():
        wanted[line.code] = wanted.get(line.code, Decimal(0)) + line.amount
    assert {code: amount for code, amount in found.items() if amount} == wanted


def by_code(office: Office) -> dict[str, Decimal]:
    """Money of the contract by budget code, change orders included."""
    found: dict[str, Decimal] = {}
    lines = _header(office)["line_items"]
    assert isinstance(lines, list)
    for line in [*lines, *(line for change in _changes(office) for line in change["lines"])]:  # type: ignore[attr-defined]
        code = line["wbs_code"]["flat_code"]
        found[code] = found.get(code, Decimal(0)) + Decimal(line["amount"])
    return found


def test_order_released_at_last_goes(running: Office) -> None:
    assert PLANNED not in [where[1] for where, _, _ in running.proof.papers()]
    running.ifs("release_order", order_no=PLANNED)
    running.sync()
    assert PLANNED in [where[1] for where, _, _ in running.proof.papers()]
    running.assert_proven()
    running.assert_rests()


def test_new_order_goes_alone(running: Office) -> None:
    first = next(line for line in running.proof.ifs.lines() if line["OrderNo"] == ORDER)
    codes = {"A": "4110", "B": "03-310", "C": "410", "E": first["ProjectId"]}
    place = {"project_id": first["ProjectId"], "activity_seq": first["ActivitySeq"]}
    running.ifs("create_order", supplier_id="S1005", state="Released", lines=[{**NEW_LINE, **place, "codes": codes}])
    report = running.sync()
    assert report.flows["purchase_orders"].created == 1
    assert report.flows["purchase_orders"].updated == 0
    running.assert_proven()
    running.assert_rests()
