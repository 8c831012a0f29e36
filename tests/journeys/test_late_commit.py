"""The other side carries a write out only after its caller gave up and looked for it: it is there once all the same.

A person syncs again at once, when the write is not there yet, and once more when it is.
"""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from ml_connector.engine.work import Report

from .money_desk import MoneyOffice
from .money_scene import carry, prove
from .office import NAME, Office
from .test_errands import cost, errand, vouchers
from .test_money_faults import rule

LATER = 60
"""Seconds of the systems' clock after which they carry out what was given up."""
GRACES = {"erp": {"grace": 600}, "projects": {"grace": 300}}
"""As a real connection has them by default; the sandbox's own has none."""
LAST_STEP = "apply.sent:22"
"""Where the first sync is killed right after it sent its last step: vouchers."""
LOOKED_UP = ("VouchersAnalysis", "VoucherRowsAnalysis", "GenLedVouchersAnalysis", "GenLedVoucherRowsAnalysis")
"""Projections of IFS in which a voucher is looked for."""
USUAL = {"code_missing", "commitment_missing", "vendor_not_linked", "vendor_unapproved"}
"""Why documents are held after the first syncs of the scene, whatever comes late."""


def be_late(office: Office, *calls: str, kind: str = "drop_late") -> None:
    """The first call of each kind is carried out late."""
    office.app.edit_connection(NAME, GRACES)
    for call in calls:
        office.box.admin("POST", "faults", {"rules": [rule(call, f"{kind}:{1000 * LATER}")]})


def owed(office: Office) -> int:
    """Calls that the systems have not carried out yet."""
    return int(office.box.faults.as_json()["owed"])


def unknown(report: Report) -> int:
    """Writes of which the run does not know what became."""
    return sum(flow.unknown for flow in report.flows.values())


def unsettled(office: Office) -> list[tuple[int, str]]:
    """Intents whose outcome is not known, with their kind."""
    with office.app.db.begin() as conn:
        rows = conn.exec_driver_sql(
            "SELECT i.id, i.kind FROM intents i JOIN intent_states s ON s.id = i.id "
            "WHERE s.state IN ('sending', 'unknown') ORDER BY 1"
        )
        return [(number, kind) for number, kind in rows]


def state_of(office: Office, plan: str) -> str:
    """The state a plan is kept in."""
    with office.app.db.begin() as conn:
        return str(conn.exec_driver_sql("SELECT state FROM plans WHERE hash = %s", (plan,)).scalar_one())


def comes(office: Office) -> None:
    """The systems carry out what they owe."""
    office.box.clock.advance(timedelta(seconds=LATER))
    until = time.monotonic() + 10
    while owed(office):
        assert time.monotonic() < until
        time.sleep(0.01)


def comes_to_rest(office: Office) -> None:
    """What comes late is found, the rest follows, and each thing is there once."""
    comes(office)
    carry(office)
    prove(office)
    assert unsettled(office) == []


@pytest.mark.parametrize(
    ("kind", "calls"),
    [("drop_late", ("voucher", "direct cost", "budget change")), ("504_late", ("supplier", "contract"))],
)
def test_what_comes_late_is_there_once(begun: Office, kind: str, calls: tuple[str, ...]) -> None:
    office = begun
    be_late(office, *calls, kind=kind)
    assert unknown(office.sync())
    assert owed(office) == len(calls)
    left = unsettled(office)
    at_once = office.sync()
    assert (unsettled(office), at_once.waiting, unknown(at_once)) == (left, len(left), len(left))
    assert at_once.again_at
    assert "may still come until" in at_once.notes[-1]
    assert {hold["reason"] for hold in office.holds()} <= USUAL, office.holds()
    comes_to_rest(office)


def test_requisition_that_comes_late_is_proposed_once(after_release: Office) -> None:
    office = after_release
    be_late(office, "purchase requisition")
    assert [unknown(office.sync()), unknown(office.sync())] == [1, 1]
    comes_to_rest(office)


def test_voucher_whose_sender_was_killed_comes_late_and_is_there_once(begun: Office) -> None:
    office = begun
    be_late(office, "voucher")
    assert office.in_a_process(LAST_STEP) == -9
    assert owed(office) == 1
    assert unknown(office.sync())
    comes_to_rest(office)


def test_what_never_came_is_made_once_the_grace_is_over(money_office: MoneyOffice) -> None:
    office = money_office
    be_late(office, "voucher")
    cost(office, "DC-1")
    assert unknown(office.sync()) == 1
    office.box.faults.clear()
    assert unknown(office.sync()) == 1
    with office.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE intent_states SET settled_at = settled_at - interval '601 s'")
    assert unknown(office.sync()) == 0
    assert vouchers(office) == ["75"]
    office.assert_rests()


def test_run_over_one_record_asks_again_what_became_of_it(money_office: MoneyOffice) -> None:
    office = money_office
    be_late(office, "voucher")
    late, other = cost(office, "DC-1"), cost(office, "DC-2", "80.00")
    for _ in range(2):
        assert errand(office, direct_costs=[late]).waiting == 1
    assert errand(office, direct_costs=[other]).waiting == 0, "the write of another document is no reason to run again"
    assert vouchers(office) == ["80"]
    comes(office)
    assert errand(office, direct_costs=[late]).waiting == 0
    assert vouchers(office) == ["75", "80"]
    office.assert_rests()


def test_what_was_answered_with_a_missing_right_does_not_come_late(money_office: MoneyOffice) -> None:
    office = money_office
    be_late(office)
    cost(office, "DC-1")
    office.box.ifs.switches.denied_projections = ("VoucherEntryAssistantHandling",)
    report = office.sync()
    assert report.still.keys() == {"direct_costs"}
    assert unsettled(office) == []
    office.box.ifs.switches.denied_projections = ()
    assert unknown(office.sync()) == 0
    assert vouchers(office) == ["75"]


def test_plan_is_not_applied_while_nobody_can_look_what_became_of_a_step(money_office: MoneyOffice) -> None:
    """Its answer is lost, and the right to look for it is gone when it is asked for; there is no grace."""
    office = money_office
    office.box.admin("POST", "faults", {"rules": [rule("voucher", "drop_after")]})
    cost(office, "DC-1")

    def watch(what: str, _count: int) -> None:
        if what.startswith("voucher"):
            office.box.ifs.switches.denied_projections = LOOKED_UP

    office.app.progress = watch
    report = office.sync()
    assert (unknown(report), report.waiting) == (1, 0)
    assert state_of(office, report.plan) == "kept"
    office.box.ifs.switches.denied_projections = ()
    assert unknown(office.sync()) == 0
    assert vouchers(office) == ["75"]
