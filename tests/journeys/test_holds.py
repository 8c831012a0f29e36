"""What cannot go waits with its reason, its money and its owner, and goes by itself once the missing thing is there."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ml_connector.kernel.errors import BadInput
from ml_connector.sandbox.cast import UNKNOWN_COST_CODE
from ml_connector.sandbox.running import SandboxFailed

from .office import UNKNOWN_CODE, Office
from .test_changes import NEW_LINE, ORDER


def order_for(office: Office, supplier: str, order: str = ORDER, **changes: object) -> str:
    """A buyer makes a released order on `supplier`, coded like the first line of `order`; its number."""
    first = next(line for line in office.proof.ifs.lines() if line["OrderNo"] == order)
    place = {"project_id": first["ProjectId"], "activity_seq": first["ActivitySeq"]}
    codes = {"A": "4110", "B": "03-310", "C": "410", "E": first["ProjectId"]}
    line = {**NEW_LINE, **place, "codes": codes, **changes}
    return str(office.ifs("create_order", supplier_id=supplier, state="Released", lines=[line])["order_no"])


def test_missing_code_holds_the_order_with_reason_money_and_owner(running: Office) -> None:
    hold = running.hold("code_missing")
    wanted = [paper for where, (paper, _) in running.proof.wanted().items() if where[1] == UNKNOWN_CODE]
    money = sum(line.amount for line in wanted[0].lines.values())
    assert (hold["erp_id"], hold["owner"]) == (UNKNOWN_CODE, "cost engineer")
    assert (Decimal(hold["amount"]), hold["currency"]) == (money, "USD")
    assert UNKNOWN_COST_CODE in hold["sentence"]
    assert UNKNOWN_CODE in hold["sentence"]


def test_creating_the_code_releases_the_order_without_naming_it(running: Office) -> None:
    running.ifs("add_code_value", code_part="B", value=UNKNOWN_COST_CODE, description="Micropiles")
    report = running.sync()
    assert running.holds() == []
    assert report.released == 1
    assert report.flows["purchase_orders"].created == 1
    running.assert_proven(held=())
    tags = running.tags()
    assert f"hold:open:done {UNKNOWN_CODE}" in tags
    assert f"hold:release:done {UNKNOWN_CODE}" in tags
    assert tags.index(f"hold:open:done {UNKNOWN_CODE}") < tags.index(f"hold:release:done {UNKNOWN_CODE}")
    running.assert_rests()


def test_a_hold_that_waits_for_a_thing_takes_no_ruling(running: Office) -> None:
    with pytest.raises(BadInput, match="not a question"):
        running.app.rule("demo", running.hold("code_missing")["id"], "allow")


def test_a_hold_is_opened_once_however_often_it_is_seen(running: Office) -> None:
    first = running.holds()
    running.sync()
    running.sync()
    assert running.holds() == first
    assert running.tags().count(f"hold:open:done {UNKNOWN_CODE}") == 1


def test_expired_code_holds_a_new_order(running: Office) -> None:
    running.ifs("add_code_value", code_part="B", value="77-100", description="Short lived")
    number = order_for(running, "S1005", codes={"A": "4110", "B": "77-100"})
    running.ifs("expire_code_value", code_part="B", value="77-100", valid_until="2025-12-31")
    running.sync()
    assert {hold["erp_id"] for hold in running.holds("code_missing")} == {UNKNOWN_CODE, number}
    running.assert_proven((UNKNOWN_CODE, number))


def test_unmapped_account_holds_until_a_row_is_added(running: Office) -> None:
    running.ifs("add_code_value", code_part="A", value="4990", description="Odds and ends")
    number = order_for(running, "S1005", codes={"A": "4990", "B": "03-310"})
    running.sync()
    assert {hold["erp_id"] for hold in running.holds("code_unmapped") if hold["kind"] == "order"} == {number}
    assert any("4990" in sentence for sentence in running.app.check_mapping("demo"))
    row = '\n[[mapping.cost_type.row]]\nA = "499*"\nto = "O"\n'
    running.app.import_mapping("demo", running.app.export_mapping("demo") + row)
    assert not any("4990" in sentence for sentence in running.app.check_mapping("demo"))
    report = running.sync()
    assert running.holds("code_unmapped") == []
    assert report.flows["purchase_orders"].created == 1
    assert number in [where[1] for where, _, _ in running.proof.papers()]
    running.assert_rests()


def test_order_of_a_supplier_without_purchase_data_never_comes_to_be(running: Office) -> None:
    with pytest.raises(SandboxFailed, match="currency"):
        order_for(running, "S1041")
