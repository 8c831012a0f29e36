"""Lost answers, cut sockets, refusals: whatever the network does, each order ends up in Procore exactly once.

Two seeds by the rate of faults; fifty with every flow at work, orders included, are in test_money_faults.
"""

from __future__ import annotations

import contextlib

import pytest

from ml_connector.kernel.errors import OutcomeUnknown, SignInRefused, Wait

from .office import Office
from .test_changes import ORDER, add_line

LOST = ("timeout_after", "drop_after", "half_body")
"""Carried out, and no answer comes: what duplicates are made of."""
KINDS = (*LOST, *LOST, *LOST, "timeout_before", "drop_before", "401", "429", "503")
SEEDS = (1, 4)
MOST_RUNS = 6
LIMIT = 6
"""Faults in all for one seed, so that it comes to an end."""


def run_until_quiet(office: Office) -> int:
    """Syncs until one ends well; how many it took. Two 401 in a row read as a refused sign-in."""
    for number in range(1, MOST_RUNS + 1):
        with contextlib.suppress(Wait, OutcomeUnknown, SignInRefused):
            report = office.sync()
            if not any(flow.unknown for flow in report.flows.values()):
                return number
    return MOST_RUNS


@pytest.mark.parametrize("seed", SEEDS)
def test_first_sync_through_faults(office: Office, seed: int) -> None:
    office.box.faults.use_seed(seed, rate=0.08, kinds=KINDS, limit=LIMIT)
    run_until_quiet(office)
    struck = sum(office.box.faults.injected.values())
    office.box.faults.clear()
    office.sync()
    assert struck > 0
    office.assert_proven()
    office.assert_rests()


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("nth", [1, 3])
def test_lost_answers_to_changes_make_no_second_change_order(running: Office, kind: str, nth: int) -> None:
    add_line(running, ORDER)
    running.price("P100003", "1", "5.00")
    rule = {"kind": kind, "side": "procore", "method": "POST|PATCH", "nth": nth, "times": 1}
    running.box.admin("POST", "faults", {"rules": [rule]})
    run_until_quiet(running)
    assert running.box.faults.injected == {kind: 1}
    running.box.faults.clear()
    running.sync()
    running.assert_proven()
    assert (running.proof.paper(ORDER).changes, running.proof.paper("P100003").changes) == (1, 1)
    running.assert_rests()


@pytest.mark.parametrize("nth", [2, 3, 4])
def test_change_order_begun_and_changed_again_is_finished_as_ifs_has_it_now(running: Office, nth: int) -> None:
    """The answer is lost after some of its lines are there; before the next run the buyer changes one of them again."""
    running.price(ORDER, "1", "11.11")
    running.price(ORDER, "2", "22.22")
    rules = [
        {"kind": "drop_after", "side": "procore", "method": "POST|PATCH", "nth": nth, "times": 1},
        {"kind": "503", "side": "procore", "path": "commitment_change_orders$", "method": "GET", "nth": 3, "times": 4},
    ]
    running.box.admin("POST", "faults", {"rules": rules})
    with contextlib.suppress(Wait, OutcomeUnknown):
        running.sync()
    running.box.faults.clear()
    running.price(ORDER, "1", "33.33")
    running.sync()
    running.assert_proven()
    changes = running.proof.paper(ORDER).changes
    assert changes == (2 if nth == 4 else 1)  # the last answer lost was that of the approval: it stands
    running.assert_rests()
