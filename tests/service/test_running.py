"""What runs unattended: the flows that may run now, a share at a time, and what becomes of what cannot go on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from ml_connector.app import App
from ml_connector.engine.work import Report
from ml_connector.kernel.errors import Locked, SignInRefused
from ml_connector.planning.policy import BrakePolicy, OrderPolicy, Policies
from ml_connector.registry import FLOWS
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import breaking, pausing, running
from ml_connector.service.duty import Done, Duty
from ml_connector.store import breakers

ORDERS = ["projects", "vendors", "cost_codes", "purchase_orders"]


def duty(app: App, flows: list[str] | None = None, enough: Callable[[], str] = lambda: "", **args: Any) -> Duty:
    given = {**args, **({"flows": flows} if flows else {})}
    return Duty(app, "poll", app.connection("north"), given, enough=enough)


def last_run(app: App) -> Mapping[str, Any]:
    with app.db.begin() as conn:
        sql = "SELECT flows, trigger, actor, state, error FROM runs ORDER BY id DESC LIMIT 1"
        return dict(conn.exec_driver_sql(sql).mappings().one())


def quiet(app: App, *flows: str) -> Report:
    """A sync that has nothing left to do."""
    report = app.sync("north", flows)
    assert {side: count["write"] for side, count in report.requests.items()} == {"erp": 0, "projects": 0}
    return report


def test_a_poll_runs_everything_and_is_done(north: App) -> None:
    assert running.poll(duty(north)) == Done()
    assert (last_run(north)["trigger"], last_run(north)["flows"]) == ("schedule", list(FLOWS))
    quiet(north)


def test_a_long_work_goes_on_share_by_share_until_nothing_is_left(north: App) -> None:
    asked = duty(north, ORDERS, bite=20)
    done = running.poll(asked)
    shares = [done]
    while done.again_at is not None:
        assert done.rest["flows"] == ORDERS
        assert "goes with the next run" in done.why
        done = running.poll(replace(asked, args=done.rest))
        shares.append(done)
        assert len(shares) < 5
    assert len(shares) == 2
    assert done.well
    quiet(north, *ORDERS)


def test_a_paused_flow_takes_no_part(north: App) -> None:
    pausing.pause(north, "north", "purchase_orders", note="stock-taking")
    done = running.poll(duty(north, ORDERS))
    assert done.well
    assert "stock-taking" in done.why
    assert last_run(north)["flows"] == ORDERS[:3]
    pausing.pause(north, "north", note="closed")
    assert not running.poll(duty(north)).well
    assert "closed" in running.now(duty(north)).why


def test_while_a_side_is_not_called_no_poll_begins_and_a_person_does(north: App, box: RunningSandbox) -> None:
    secret = box.ifs._sign_in._client_secret
    box.ifs._sign_in._client_secret = "another"
    try:
        with pytest.raises(SignInRefused):
            running.poll(duty(north, ["projects"]))
    finally:
        box.ifs._sign_in._client_secret = secret
    box.log.clear()
    done = running.poll(duty(north, ["projects"]))
    assert not done.well
    assert "IFS is not called" in done.why
    assert not box.log.exchanges()
    assert running.now(duty(north, ["projects"], actor="marta")).well
    assert (last_run(north)["trigger"], last_run(north)["actor"]) == ("person", "marta")
    with north.db.begin() as conn:
        assert all(one.state == "closed" for one in breakers.of(conn, north.connection("north").id).values())


def test_what_passes_by_itself_is_raised_for_the_back_off(north: App) -> None:
    row = north.connection("north")
    with north.db.writer(row.id), pytest.raises(Locked):
        running.poll(duty(north, ["projects"]))
    assert breaking.standing(north, row) == ""


def test_a_plan_that_waits_for_a_person_is_an_answer_and_goes_when_they_approve(north: App) -> None:
    north.edit_connection("north", {"policy": {"purchase_orders": {"approve": "manual"}}})
    done = running.poll(duty(north, ORDERS, bite=20))
    assert (done.well, done.again_at) == (False, None)
    assert "waits for approval" in done.why
    with north.db.begin() as conn:
        plan = conn.exec_driver_sql("SELECT hash FROM plans WHERE state = 'kept'").scalar_one()
    assert plan in done.why
    assert running.now(duty(north, ORDERS, approved=plan, actor="marta")).well
    with north.db.begin() as conn:
        assert conn.exec_driver_sql("SELECT approved_by, state FROM plans").one() == ("marta", "applied")


def test_a_job_that_is_cancelled_ends_and_says_so(north: App) -> None:
    done = running.poll(duty(north, ORDERS, enough=lambda: "It was cancelled."))
    assert not done.well
    assert done.again_at is not None
    assert done.why == "It was cancelled."
    assert last_run(north)["error"] == "It was cancelled."


def test_an_answer_once_given_stays(north: App) -> None:
    """Who asks whether to end may be told so only once; the run must not begin anew in the middle of its end."""
    answers = itertools.chain(["", "", "It was cancelled."], itertools.repeat(""))
    running.poll(duty(north, ORDERS, enough=lambda: next(answers)))
    assert last_run(north)["error"] == "It was cancelled."


@pytest.mark.parametrize(
    ("bite", "seconds", "following"),
    [(300, 30.0, 300), (300, 60.0, 150), (300, 1.0, 1200), (20, 900.0, 20), (4000, 1.0, 5000), (300, 0.0, 1200)],
)
def test_a_share_lasts_half_a_minute(bite: int, seconds: float, following: int) -> None:
    assert running.next_bite(bite, seconds) == following


def test_where_somebody_judges_all_that_is_created_nothing_is_cut() -> None:
    by_itself = OrderPolicy(approve="auto")
    assert running.may_be_cut(Policies(purchase_orders=by_itself))
    assert not running.may_be_cut(Policies(purchase_orders=OrderPolicy(approve="manual")))
    assert not running.may_be_cut(Policies(purchase_orders=by_itself, brakes=BrakePolicy(creates=100)))


def test_what_goes_on_is_the_flow_that_was_cut_and_what_follows_it() -> None:
    flows = tuple(FLOWS)
    assert running.going_on(flows, "") == list(flows)
    assert running.going_on(flows, "purchase_orders") == list(flows)
    masters = ["projects", "vendors", "cost_codes", "dimensions"]
    assert running.going_on(flows, "subcontractor_invoices") == [*masters, "subcontractor_invoices", "direct_costs"]
