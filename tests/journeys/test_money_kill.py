"""The process is killed at every named moment while every flow has work: nothing is lost, nothing is there twice."""

from __future__ import annotations

import pytest

from ml_connector.engine.points import POINTS

from .money_scene import carry, go_on, prove
from .office import Office

ASKED_LATER = "recover.found"
"""Passes only where an earlier run left something unconfirmed."""

FIRST_STEPS = 22
"""Steps the first sync sends: vendors to vouchers, by way of codes, budgets, contracts, invoices and payments."""
NEXT_STEPS = 6
"""Steps of the sync after the second half: vendor, budget change, invoices, payments, reversals, new vouchers."""

FIRST = [
    *((point, 1) for point in POINTS if point != ASKED_LATER),
    *(("read.page", passing) for passing in (12,)),
    *(("plan.decided", passing) for passing in (15,)),
    *(("apply.marked", step) for step in (9, 22)),
    *(("apply.sent", step) for step in (9, 16, 22)),
    *(("settle.before", step) for step in (8, 22)),
    *(("settle.after", step) for step in (16, 28)),
]
"""Where the first sync ends, and at which passing."""

RELEASED = [("apply.marked", 1), ("apply.sent", 1), ("settle.after", 1), ("apply.marked", 2), ("apply.sent", 2)]
"""Where the sync ends after a proposed supplier was released: purchase requisition, voucher."""

NEXT = [
    *((point, 1) for point in ("plan.decided", "plan.kept", "run.finishing")),
    *(("apply.marked", step) for step in (2, 4, 6)),
    *(("apply.sent", step) for step in (3, 6)),
    *(("settle.before", step) for step in (3, 6)),
    *(("settle.after", step) for step in (2, 5)),
]
"""Where the sync ends in which what had crossed is revised, reversed, credited and paid."""


@pytest.mark.parametrize(("point", "passing"), FIRST)
def test_first_sync_of_all_flows_killed_and_run_again_makes_each_thing_once(
    begun: Office, point: str, passing: int
) -> None:
    assert begun.in_a_process(f"{point}:{passing}") == -9
    carry(begun)
    prove(begun)


@pytest.mark.parametrize(("point", "passing"), RELEASED)
def test_sync_that_proposes_an_order_to_ifs_killed_and_run_again_proposes_it_once(
    after_release: Office, point: str, passing: int
) -> None:
    assert after_release.in_a_process(f"{point}:{passing}") == -9
    carry(after_release)
    prove(after_release)


@pytest.mark.parametrize(("point", "passing"), NEXT)
def test_sync_of_revisions_killed_and_run_again_reverses_and_pays_once(
    second_half: Office, point: str, passing: int
) -> None:
    assert second_half.in_a_process(f"{point}:{passing}") == -9
    carry(second_half)
    prove(second_half)


def test_every_run_is_killed_after_the_first_batch_it_sends(begun: Office) -> None:
    """Each step is once the one of which nobody knows how it ended, from vendors to vouchers, and so in both halves."""
    assert killed_run_by_run(begun) >= FIRST_STEPS
    carry(begun)
    go_on(begun)
    assert killed_run_by_run(begun) >= NEXT_STEPS
    carry(begun)
    prove(begun)
    begun.assert_rests()


def killed_run_by_run(office: Office) -> int:
    """So many runs were killed before one had nothing to send.

    A run that was killed after the same batch as the one before (lines of a direct cost are written again, by their
    keys, until its status says that all are there) is followed by one that gets a batch further.
    """
    runs, before, moment = 0, [""], "apply.sent:1"
    while office.in_a_process(moment) == -9:
        runs += 1
        assert runs < 3 * FIRST_STEPS, "the runs do not get on"
        sent = [one.path for one in office.written()]
        moment, before = f"apply.sent:{2 if sent == before else 1}", sent
        office.box.log.clear()
    return runs


def test_killed_again_and_again(begun: Office) -> None:
    office = begun
    for moment in ("apply.sent:9", f"{ASKED_LATER}:1", "apply.sent:8", f"{ASKED_LATER}:1", "apply.sent:2"):
        assert office.in_a_process(moment) == -9, moment
    carry(office)
    go_on(office)
    for moment in ("apply.sent:3", f"{ASKED_LATER}:1", "apply.marked:2", "run.finishing:1"):
        assert office.in_a_process(moment) == -9, moment
    carry(office)
    prove(office)
    office.assert_rests()


def test_steps_are_as_many_as_the_moments_chosen_here(begun: Office) -> None:
    """A step more or less would leave one of the moments above to no test."""
    office = begun
    assert office.in_a_process(f"apply.marked:{FIRST_STEPS + 1}") == 0
    carry(office)
    go_on(office)
    assert office.in_a_process(f"apply.marked:{NEXT_STEPS + 1}") == 0
