"""What runs unattended: the flows that may run now, a share at a time, and what becomes of what cannot go on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ml_connector import desk
from ml_connector.access.users import add_user
from ml_connector.app import App
from ml_connector.engine.work import Errand, Report
from ml_connector.kernel.errors import BadInput, Locked, SignInRefused
from ml_connector.planning.policy import BrakePolicy, OrderPolicy, Policies
from ml_connector.registry import FLOWS
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import approving, breaking, jobs, pausing, polling, replaying, running
from ml_connector.service.duty import Done, Duty
from ml_connector.service.fresh import colours
from ml_connector.service.laying import lay_out
from ml_connector.service.tasks import TASKS
from ml_connector.store import agenda, breakers, plan_steps, plans, signals
from ml_connector.views import plans as plan_views
from ml_connector.views import runs
from workers.crew import Crew

DAY = timedelta(days=1)
TODAY = datetime.now(UTC).date()
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
    assert done.still == {"purchase_orders": done.why}, "of it nobody says that it went well"
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
    assert "marta is no user" in running.now(duty(north, ORDERS, approved=plan, actor="marta")).why
    add_user(north, "marta", role="approver")
    pausing.pause(north, "north", "purchase_orders")
    cut = running.now(duty(north, ORDERS, approved=plan, actor="marta"))
    assert (cut.well, cut.again_at) == (False, None)
    assert cut.why.startswith("Not all of the plan went: what it has of purchase orders waits. Flow purchase_orders is")
    assert "approve what is left" in cut.remedy.lower()
    assert stood(north, plan) == ("partly", {"done", "planned"}), "of what was not looked at nothing is put aside"
    pausing.resume(north, "north", "purchase_orders")
    with pytest.raises(BadInput, match="holds purchase orders as well"):
        approving.let_through(north, "north", plan, ["vendors", "projects"])
    assert approving.let_through(north, "north", plan, ["purchase_orders"]), "what it had of the others went"
    assert running.now(duty(north, ORDERS, approved=plan, actor="marta")).well
    assert stood(north, plan) == ("applied", {"done"})
    with north.db.begin() as conn:
        assert conn.exec_driver_sql("SELECT approved_by, state FROM plans WHERE hash = %s", (plan,)).one() == (
            "marta",
            "applied",
        )


def test_steps_that_procore_put_off_wait_for_nobody(north: App, box: RunningSandbox) -> None:
    rule = {
        "kind": "429",
        "side": "procore",
        "method": "PATCH",
        "path": "vendors/sync$",
        "retry_after": 3600,
        "times": 0,
    }
    box.admin("POST", "faults", {"rules": [rule]})
    put_off = running.poll(duty(north, ORDERS))
    assert not put_off.well or put_off.again_at
    with north.db.begin() as conn:
        sql = "SELECT DISTINCT state FROM intent_states ORDER BY 1"
        assert "waiting" in [row[0] for row in conn.exec_driver_sql(sql)]
    assert _waiting(north) == ([], [], "")
    box.faults.clear()


def test_what_lacked_a_right_of_an_approved_plan_waits_and_goes_once_it_is_approved_again(
    north: App, box: RunningSandbox
) -> None:
    """The right is found missing while it is sent, and the next time while its documents are read."""
    flows = [*ORDERS, "supplier_invoices", "direct_costs"]
    north.sync("north", flows)
    north.edit_connection("north", {"policy": {"purchase_orders": {"approve": "manual"}}})
    add_user(north, "marta", role="approver")

    def approved(plan: str) -> Done:
        return running.now(duty(north, flows, approved=plan, actor="marta"))

    _costs(north, box, "1")
    plan = _stopped(north, flows)
    _may(box, "read")
    cut = approved(plan)
    assert cut.why.startswith("Not all of the plan went: what it has of supplier invoices waits. Nothing of supplier")
    assert stood(north, plan) == ("partly", {"done", "waiting"})
    assert _waiting(north) == ([plan], ["supplier_invoices"], f"Some of the plan {plan} waits for approval.")
    _may(box, "admin")
    assert approved(plan).well
    assert (stood(north, plan), _waiting(north)) == (("applied", {"done"}), ([], [], ""))

    _costs(north, box, "2")
    plan = _stopped(north, flows)
    _may(box, "none")
    cut = approved(plan)
    assert cut.why.startswith("Not all of the plan went: what it has of direct costs, supplier invoices waits.")
    assert stood(north, plan) == ("partly", {"planned"}), "of what was not looked at nothing is put aside"
    assert last_run(north)["flows"] == ORDERS
    newest = {"flow": "direct_costs"}, {}
    listed = [desk.runs(north, "north", limit=1, only=only) for only in newest]
    shown = [runs.listed(north, runs.RunsLook(connection="north", **only)).rows[0] for only in newest]
    assert (listed[0], shown[0]) == (listed[1], shown[1]), "by a flow that stood still it is found all the same"
    rest = ["direct_costs", "supplier_invoices"]
    assert _waiting(north) == ([plan], rest, f"Some of the plan {plan} waits for approval."), "all else was looked at"
    with pytest.raises(BadInput, match="holds supplier invoices, direct costs as well"):
        approving.let_through(north, "north", plan, ORDERS)
    nothing = north.sync("north", ["direct_costs"]).run
    with pytest.raises(BadInput, match=f"Run {nothing} looked at nothing"):
        replaying.at_once(north, "north", str(nothing))
    assert approving.approve(north.acting_as("marta"), "north", plan).plan == plan
    _may(box, "admin")
    assert approved(plan).well
    assert (stood(north, plan), _waiting(north)) == (("applied", {"done"}), ([], [], ""))


def _costs(app: App, box: RunningSandbox, number: str) -> None:
    """An invoice of a supplier that becomes a direct cost in Procore, and a direct cost that becomes a voucher."""
    box.clock.advance(timedelta(seconds=2))
    line = {"codes": {"A": "4120", "B": "03-310", "C": "410", "E": "1201"}, "activity_seq": 100103, "amount": "77.00"}
    box.act("ifs", "register_invoice", supplier_id="S1005", invoice_no=f"C-{number}", authorise=True, lines=[line])
    with app.db.begin() as conn:
        sql = "SELECT target_id FROM links WHERE kind = 'vendor' AND erp_id = 'S1005'"
        vendor = int(conn.exec_driver_sql(sql).scalar_one())
    given = {"vendor": vendor, "status": "approved", "invoice_number": f"D-{number}", "number": "1201"}
    lines = [{"code": "01-310", "type": "O", "amount": "75.00"}]
    box.act("procore", "enter_direct_cost", lines=lines, **given)


def _stopped(app: App, flows: list[str]) -> str:
    """The plan at which a poll stops."""
    assert "waits for approval" in running.poll(duty(app, flows)).why
    with app.db.begin() as conn:
        return str(conn.exec_driver_sql("SELECT plan_hash FROM runs ORDER BY id DESC LIMIT 1").scalar_one())


def _may(box: RunningSandbox, level: str) -> None:
    """How much of Procore's direct costs tool we may use."""
    permissions = {**box.procore.switches.permissions, "direct_costs": level}
    box.admin("POST", "switches", {"procore": {"permissions": permissions}})


def _waiting(app: App) -> tuple[list[str], list[str], str]:
    """Which plans wait for approval, which flows wait for them, and why the newest does."""
    with app.db.begin() as conn:
        [one] = signals.signals(conn, app.clock()).connections
    return one.waiting_plans, one.waiting_flows, one.waiting_why


def stood(app: App, plan: str) -> tuple[str, set[str]]:
    """How a plan stands, and how its steps do."""
    with app.db.begin() as conn:
        found = plans.one(conn, app.connection("north").id, plan)
        assert found is not None
        fates = plan_steps.fates(conn, plans.scene_of(conn, app.connection("north").id, found))
    return found.state, {fate.state for fate in fates}


def test_whoever_makes_the_schedule_s_row_due_has_asked_for_its_plan(north: App) -> None:
    """Else anybody could have the schedule make a plan, and approve it where four eyes are wanted."""
    north.edit_connection("north", {"policy": {"purchase_orders": {"approve": "manual"}}})
    number, now = north.connection("north").id, north.clock()
    lay_out(north, TASKS)
    jobs.retry(north.acting_as("anna"), "north", "poll/purchase_orders")
    with north.db.begin() as conn:
        due = [row for row in agenda.due(conn, now + timedelta(seconds=1), 100) if row.name.startswith("poll/")]
        run = polling.gather(north, conn, number, due, now + timedelta(seconds=1))
        poll = agenda.one(conn, number, "poll/purchase_orders")
    assert run is not None
    assert run.args["asked_by"] == "anna"
    assert poll is not None
    assert "asked_by" not in poll.args, "the next turn is the schedule's own"
    running.poll(duty(north, ORDERS, asked_by=run.args["asked_by"]))
    with north.db.begin() as conn:
        assert conn.exec_driver_sql("SELECT asked_by FROM plans").scalars().all() == ["anna"]
        agenda.queued(conn, run, 1, now, None)
        agenda.begin(conn, (number, "flows"), 1, now)
        agenda.end(conn, (number, "flows"), 1, agenda.Ending(now, True, "", 20))
    jobs.retry(north.acting_as("zoe"), "north", "flows")
    with north.db.begin() as conn:
        again = agenda.one(conn, number, "flows")
    assert again is not None
    assert again.args["asked_by"] == "zoe"


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


def test_where_a_person_approves_every_plan_nothing_is_cut() -> None:
    assert running.may_be_cut(Policies(purchase_orders=OrderPolicy(approve="auto")))
    assert not running.may_be_cut(Policies(purchase_orders=OrderPolicy(approve="manual")))


NOT_OF_NEW = {"updates", "removals", "share_updates", "share_removals", "share_from", "vanished"}
"""Brakes that look at what changes, which is never cut, and the two entries that are no limit of a run's own."""


@pytest.mark.parametrize("brake", [one for one in BrakePolicy.__struct_fields__ if one not in NOT_OF_NEW])
def test_no_brake_that_new_documents_come_under_is_judged_share_by_share(brake: str) -> None:
    by_itself = OrderPolicy(approve="auto")
    braked = msgspec.convert({brake: 5}, BrakePolicy)
    assert not running.may_be_cut(Policies(purchase_orders=by_itself, brakes=braked))


def test_a_first_load_over_a_limit_of_new_records_stops_as_a_whole(north: App) -> None:
    total = max(Decimal(sums["planned"]) for sums in north.plan("north", ORDERS).money.values())
    north.edit_connection("north", {"policy": {"brakes": {"money_creates": int(total) - 1}}})
    done = running.poll(duty(north, ORDERS, bite=1))
    assert not done.well
    assert "in new records, limit" in done.why


def test_a_run_that_the_request_limit_ends_says_when_the_last_of_it_will_have_gone(
    north: App, box: RunningSandbox
) -> None:
    reads = north.plan("north", ORDERS).requests["projects"]["read"]
    box.admin("POST", "switches", {"procore": {"rate_hour": reads + 12}})
    box.in_loop(lambda: setattr(box.procore._rates._hour, "used", 0))
    report = north.run("north", ORDERS, Errand(trigger="schedule", actor="schedule"))
    assert report.waiting
    assert report.again_at
    assert report.done_at
    assert report.to_send > report.waiting, "what comes after a step that waits is counted, too"
    with north.db.begin() as conn:
        assert signals.count_waiting_plans(conn, north.connection("north").id) == 0, "nobody has to approve it"
    [row] = plan_views.listed(north, plan_views.PlansLook(connection="north", stands="going")).rows
    assert (row["plan"]["text"], row["stands"]["word"]) == (report.plan, "goes by itself, not all sent")
    assert row["approved_by"] == "the policy"
    page = plan_views.shown(north, plan_views.PlanAsked(connection="north", plan=report.plan))
    assert (page.stands, page.rest.projects) == ("going", 0)
    assert not plan_views.listed(north, plan_views.PlansLook(connection="north", stands="waiting")).rows
    later = report.done_at - report.again_at
    assert timedelta(minutes=59) < later < timedelta(minutes=61), "an hour's requests are not enough to read and send"
    assert report.outlook == report.notes[0], "a person's sync shows it first"
    assert f"{report.to_send} steps goes at {report.done_at:%Y-%m-%d %H:%M} UTC" in report.outlook
    done = running._ended(north, report, {"flows": ORDERS}, {})
    assert done.again_at == report.again_at, "it goes on as soon as something can"
    assert done.why.endswith(report.outlook), "the jobs' list shows it"


def test_a_flow_that_stands_still_is_not_fresh_and_the_others_are(
    url: str, tmp_path: Path, box: RunningSandbox
) -> None:
    crew = Crew(url, tmp_path)
    crew.now = datetime.now(UTC)
    crew.app.add_connection("north", box.connection_text())
    crew.tasks["flows"] = TASKS["flows"]
    crew.scheduler.lay_out()
    crew.worker()
    try:
        crew.rest()
        assert set(seen(crew).values()) == {"green"}
        permissions = {**box.procore.switches.permissions, "direct_costs": "none"}
        box.admin("POST", "switches", {"procore": {"permissions": permissions}})
        crew.move(minutes=16)
        crew.rest()
        connection = crew.app.connection("north").id
        assert "forbids the direct costs" in crew.row(connection, "poll/direct_costs").why
        assert crew.row(connection, "poll/payments").well_at == crew.now
        assert crew.row(connection, "poll/payments").why == ""
        for colour in ("amber", "red"):
            crew.move(minutes=10)
            assert {flow: one for flow, one in seen(crew).items() if one != "green"} == {"direct_costs": colour}
        crew.rest()
        assert seen(crew)["direct_costs"] == "red"
        box.admin("POST", "switches", {"procore": {"permissions": {**permissions, "direct_costs": "admin"}}})
        crew.tasks["now"] = TASKS["now"]
        jobs.now(crew.app, "north", ["direct_costs"])
        crew.rest()
        assert seen(crew)["direct_costs"] == "green"
        assert crew.row(connection, "poll/direct_costs").why == "", "what a person asked for counts as well"
    finally:
        crew.close()


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ({"freeze": [{"start": TODAY - DAY, "end": TODAY + DAY, "note": "Year-end"}]}, "Year-end lasts until"),
        ({"holidays": {"extra": [TODAY - DAY, TODAY, TODAY + DAY]}}, "a holiday"),
    ],
)
def test_in_a_freeze_window_or_on_a_holiday_a_poll_that_is_due_does_not_begin(
    north: App, box: RunningSandbox, schedule: dict[str, Any], why: str
) -> None:
    north.edit_connection("north", {"schedule": schedule})
    box.log.clear()
    done = running.poll(duty(north, ORDERS))
    assert (done.well, done.again_at) == (False, None)
    assert why in done.why
    assert not box.log.exchanges()
    with north.db.begin() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM runs").scalar_one() == 0


def seen(crew: Crew) -> dict[str, str]:
    """Flow to its colour, as status, metrics and alarms see it."""
    with crew.app.db.begin() as conn:
        found = signals.signals(conn, crew.now)
    return {flow: one.colour for flow, one in colours(crew.app, found, crew.now)["north"].items()}


def test_what_goes_on_is_the_flow_that_was_cut_and_what_follows_it() -> None:
    flows = tuple(FLOWS)
    assert running.going_on(flows, "") == list(flows)
    assert running.going_on(flows, "purchase_orders") == list(flows)
    masters = ["projects", "vendors", "cost_codes", "dimensions"]
    assert running.going_on(flows, "subcontractor_invoices") == [*masters, "subcontractor_invoices", "direct_costs"]
