"""The past decided again, from what was kept of it: the same to the byte, or the difference shown."""

from __future__ import annotations

import pytest

from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.service import replaying

from .office import Office
from .test_changes import ORDER


def test_run_decided_again_with_the_mapping_of_then_is_the_same(running: Office) -> None:
    found = running.app.replay("demo", "1", mapping="then")
    assert found["same"] is True
    assert (found["only_then"], found["only_now"]) == ([], [])
    assert len(found["then"]) == len(found["now"]) > 100
    decided = {"projects", "vendors", "cost_codes", "dimensions", "purchase_orders", "budgets"}
    assert set(found["flows"]) == decided


def test_order_decided_again_is_the_same_and_says_what_was_done(running: Office) -> None:
    found = running.app.replay("demo", ORDER, mapping="then")
    assert found["same"] is True
    assert [line["verb"] for line in found["then"]] == ["create", "fill", "status"]
    assert {line["state"] for line in found["then"]} == {"done"}


def test_later_changes_on_both_sides_do_not_touch_what_was_decided_then(running: Office) -> None:
    running.price(ORDER, "1", "1.23")
    running.procore("edit_order", order_number="P100006", title="Else")
    assert running.app.replay("demo", "1", mapping="then")["same"] is True


def test_changed_mapping_shows_the_difference_and_sends_nothing(running: Office) -> None:
    toml = running.app.export_mapping("demo").replace('A = "411*"\nto = "M"', 'A = "411*"\nto = "S"')
    assert toml != running.app.export_mapping("demo")
    running.app.import_mapping("demo", toml)
    running.box.log.clear()
    found = running.app.replay("demo", "1")
    assert (found["same"], found["held_same"]) == (False, False)
    assert found["only_then"]
    assert found["only_now"]
    assert running.box.log.calls == 0
    then = running.app.replay("demo", "1", mapping="then")
    assert (then["same"], then["held_same"]) == (True, True)


def test_apply_sends_again_what_failed_then(office: Office) -> None:
    rule = {"kind": "401", "side": "procore", "path": "line_items/sync", "method": "PATCH", "times": 0}
    office.box.admin("POST", "faults", {"rules": [rule]})
    with pytest.raises(Exception, match="401"):
        office.sync()
    office.box.faults.clear()
    empty = [where[1] for where, paper, _ in office.proof.papers() if not paper.lines]
    assert ORDER in empty
    replaying.at_once(office.app, "demo", ORDER)
    assert office.proof.paper(ORDER).lines
    office.assert_proven()


def test_unknown_document_is_said_to_be_unknown(running: Office) -> None:
    with pytest.raises(NothingSuchHere):
        running.app.replay("demo", "P999999")
