"""The process is killed while it sends orders: the next run finds out what happened and loses and doubles nothing."""

from __future__ import annotations

import pytest

from .office import Office
from .test_changes import ORDER, add_line

ASKED_LATER = "recover.found"
"""Passes only where an earlier run left something unconfirmed."""

SENDING = ("apply.marked", "apply.sent", "settle.before", "settle.after")
FIRST_RUN = [(point, passing) for point in SENDING for passing in (1, 7)]
"""Where the first sync of orders alone ends, and at which passing; every other moment is in test_money_kill."""

CHANGES = [(point, 3) for point in SENDING]
"""Where a sync of changes ends: header, change order, status."""


@pytest.mark.parametrize(("point", "passing"), FIRST_RUN)
def test_first_sync_killed_and_run_again_leaves_every_order_once(office: Office, point: str, passing: int) -> None:
    assert office.in_a_process(f"{point}:{passing}") == -9
    office.sync()
    office.assert_proven()
    office.assert_rests()


@pytest.mark.parametrize(("point", "passing"), CHANGES)
def test_sync_of_changes_killed_and_run_again_makes_one_change_order_each(
    running: Office, point: str, passing: int
) -> None:
    add_line(running, ORDER)
    running.price("P100003", "1", "5.00")
    running.ifs("amend_line", order_no="P100006", line_no="1", description="Another text")
    running.ifs("cancel_order", order_no="P100010")
    assert running.in_a_process(f"{point}:{passing}") == -9
    running.sync()
    running.assert_proven()
    changed = {number: running.proof.paper(number).changes for number in (ORDER, "P100003", "P100006", "P100010")}
    assert changed == {ORDER: 1, "P100003": 1, "P100006": 0, "P100010": 1}
    assert {line.amount for line in running.proof.paper("P100010").lines.values()} == {0}
    assert running.proof.paper("P100010").status == "Closed"
    running.assert_rests()


def test_killed_twice_in_a_row(office: Office) -> None:
    assert office.in_a_process("apply.sent:6") == -9
    assert office.in_a_process(f"{ASKED_LATER}:1") == -9
    assert office.in_a_process("apply.sent:2") == -9
    office.sync()
    office.assert_proven()
    office.assert_rests()


def test_a_killed_run_is_told_as_failed(office: Office) -> None:
    assert office.in_a_process("apply.sent:3") == -9
    office.sync()
    with office.app.db.begin() as conn:
        rows = [tuple(row) for row in conn.exec_driver_sql("SELECT state, error FROM runs ORDER BY id")]
    assert [state for state, _ in rows] == ["failed", "done"]
    assert "ended in the middle" in rows[0][1]


def test_what_was_unconfirmed_in_a_project_since_revoked_waits_for_it(office: Office) -> None:
    assert office.in_a_process("apply.marked:8") == -9
    office.procore("revoke_project", project_id="1201")
    office.sync()
    assert "1201" in {hold["erp_id"] for hold in office.holds("gone_there")}
    office.procore("permit_project", project_id="1201")
    office.sync()
    office.assert_proven()
    office.assert_rests()
