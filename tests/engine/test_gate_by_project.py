"""A plan approved by project, and by four eyes: over real systems, the engine sends what was approved and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kept_box import as_at_first
from ml_connector.app import App
from ml_connector.engine.gate import Approval
from ml_connector.kernel.errors import NotAllowed, NothingSuchHere, PlanUnknown
from ml_connector.kernel.keys import Key
from ml_connector.planning.approving import COMPANY_WIDE, Choice, Step, chosen_places
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings
from ml_connector.store import journal, plans, runs, signals
from ml_connector.store.runs import PlanRow
from ml_connector.views import plans as views
from store.cluster import Cluster

FLOWS = ["projects", "vendors", "cost_codes", "purchase_orders"]


@pytest.fixture
def marta(served: RunningSandbox, cluster: Cluster, tmp_path: Path) -> Iterator[App]:
    """An App in Marta's name over a connection whose plans wait for approval."""
    url = cluster.new_url()
    box = as_at_first(served)
    with App.open(Settings(tmp_path / "home", url), actor="marta") as app:
        app.add_connection("north", box.connection_text())
        app.edit_connection("north", {"policy": {"purchase_orders": {"approve": "manual"}}})
        yield app
    cluster.drop(url)


def written(box: RunningSandbox) -> int:
    """How many requests changed something since the log was cleared."""
    return sum(one.changed for one in box.log.exchanges(writes=True))


def contracts(app: App) -> Counter[str]:
    """Contracts linked so far, by project."""
    sql = "SELECT scope, count(*) FROM links WHERE kind = 'commitment' GROUP BY 1"
    with app.db.begin() as conn:
        return Counter(dict(conn.exec_driver_sql(sql).fetchall()))


def kept(app: App, plan: str) -> PlanRow:
    with app.db.begin() as conn:
        return runs.get_plan(conn, app.connection("north").id, plan)


def sites_of(app: App, plan: str) -> list[str]:
    """The projects in which a plan makes contracts."""
    with app.db.begin() as conn:
        found = plans.one(conn, app.connection("north").id, plan)
    assert found is not None
    return [entry["project"] for entry in found.parts["projects"] if "purchase_orders" in entry["flows"]]


def digests(app: App, plan: str) -> set[bytes]:
    with app.db.begin() as conn:
        return set(journal.digests(conn, kept(app, plan).run_id))


def states(app: App, run: int) -> dict[tuple[str, str], int]:
    """Steps of a run by kind of place and state."""
    sql = """
        SELECT CASE WHEN i.kind = 'project' THEN i.erp_id ELSE i.scope END, s.state, count(*)
        FROM intents i JOIN intent_states s ON s.id = i.id WHERE i.run_id = %s GROUP BY 1, 2
    """
    with app.db.begin() as conn:
        return {(row[0], row[1]): row[2] for row in conn.exec_driver_sql(sql, (run,))}


def test_what_is_not_approved_waits_and_can_be_approved_later(marta: App, served: RunningSandbox) -> None:
    plan = marta.plan("north", FLOWS).plan
    outline = kept(marta, plan).summary
    sites = sites_of(marta, plan)
    first, second = sites[0], sites[1]
    anna = marta.acting_as("anna")

    served.log.clear()
    with pytest.raises(NothingSuchHere, match="nothing in 9999"):
        anna.sync("north", FLOWS, Approval(plan, frozenset({first, "9999"})))
    assert written(served) == 0, "nothing goes for an approval that cannot be meant"

    report = anna.sync("north", FLOWS, Approval(plan, frozenset({first})))
    assert set(contracts(marta)) == {first}
    assert any("wait for approval" in note for note in report.notes)
    fate = states(marta, report.run)
    assert {state for (place, state) in fate if place == first} == {"done"}
    assert {state for (place, state) in fate if place not in ("", first)} == {"waiting"}
    assert fate["", "done"], "vendors its orders need went"
    assert fate["", "waiting"], "the others wait"
    assert kept(marta, plan).state == "partly", "it is not over: the rest can still be approved"

    rest = marta.plan("north", FLOWS).plan
    assert rest != plan
    assert digests(marta, rest) < digests(marta, plan), "what was left is planned again, to the byte"

    anna.sync("north", FLOWS, Approval(plan, frozenset({second})))
    assert set(contracts(marta)) == {first, second}, "the hash of the first plan still stands for its rest"
    done = anna.sync("north", FLOWS, plan)
    assert set(contracts(marta)) == set(sites)
    assert kept(marta, plan).state == "applied"
    planned = {currency: Decimal(amount) for currency, amount in outline["money"].items()}
    assert planned == applied(marta), "part by part it comes to what was planned, to the cent"
    assert done.plan != plan
    with pytest.raises(PlanUnknown):
        anna.sync("north", FLOWS, plan)
    served.log.clear()
    marta.edit_connection("north", {"policy": {"purchase_orders": {"approve": "auto"}}})
    marta.sync("north", FLOWS)
    assert written(served) == 0, "nothing is left over"


def listed(app: App) -> dict[str, dict[str, Any]]:
    """Plans as the list shows them, by their hash."""
    rows = views.listed(app, views.PlansLook(connection="north")).rows
    return {row["plan"]["text"]: row for row in rows}


def test_a_project_that_is_lost_before_the_sending_leaves_its_plan_partly_applied(
    marta: App, served: RunningSandbox
) -> None:
    """The run decides anew: what it finds is the approved plan's sending, counts no money again, and is not clean."""
    plan = marta.plan("north", FLOWS).plan
    lost = sites_of(marta, plan)[0]
    theirs = served.in_loop(lambda: next(p for p in served.procore._state.projects.values() if p.ifs_id == lost))
    theirs.permitted = False
    report = marta.acting_as("anna").sync("north", FLOWS, plan)
    rows = listed(marta)
    assert report.plan != plan
    assert (rows[plan]["stands"]["word"], rows[plan]["approved_by"]) == ("partly applied", "anna")
    sent = rows[report.plan]
    assert (sent["stands"]["word"], sent["approved_by"], sent["money"]) == (
        "sending of an approved plan",
        f"anna, plan {plan}",
        [],
    )
    page = views.shown(marta, views.PlanAsked(connection="north", plan=plan))
    assert page.stands == "short"
    assert not any(part.waits for part in page.projects)
    orders = page.stayed[0]
    assert (orders.project, orders.flow) == (lost, "purchase_orders")
    assert orders.records > 5
    assert orders.reason in ("project_hidden", "project_not_linked"), "why is what is held by now"
    assert Decimal(orders.money["USD"])
    away = sum(Decimal(one.money.get("USD", "0")) for one in page.stayed)
    assert away + Decimal(page.applied["USD"]) == Decimal(page.planned["USD"]), "what went and what stayed is the plan"
    assert page.meter.clean == 0, "it is no step towards plans that go by themselves"
    own = views.shown(marta, views.PlanAsked(connection="north", plan=report.plan))
    assert (own.stands, own.sends, own.sent_by) == ("sent", plan, "anna")
    with marta.db.begin() as conn:
        found = signals.signals(conn, marta.clock()).connections[0]
    assert found.waiting_plans == []


def applied(app: App) -> dict[str, Decimal]:
    """Money of every step that was done, by currency."""
    sql = """
        SELECT currency, sum(amount) FROM intents i JOIN intent_states s ON s.id = i.id
        WHERE s.state = 'done' AND amount IS NOT NULL GROUP BY 1
    """
    with app.db.begin() as conn:
        return {row[0]: row[1] for row in conn.exec_driver_sql(sql)}


def test_whoever_asked_for_a_plan_over_the_limit_may_not_approve_it(marta: App, served: RunningSandbox) -> None:
    marta.edit_connection("north", {"policy": {"approval": {"four_eyes_over": "1000.00"}}})
    plan = marta.plan("north", FLOWS).plan
    served.log.clear()
    for approval in (plan, Approval(plan, frozenset({sites_of(marta, plan)[0]}))):
        with pytest.raises(NotAllowed, match=r"marta asked for the plan .* over the limit of 1,000\.00"):
            marta.sync("north", FLOWS, approval)
    assert (written(served), kept(marta, plan).state) == (0, "kept")
    assert kept(marta, plan).asked_by == "marta", "who tries to approve has not asked for it anew"
    anna = marta.acting_as("anna")
    anna.plan("north", FLOWS)
    assert anna.sync("north", FLOWS, plan).flows["purchase_orders"].created
    assert kept(marta, plan).approved_by == "anna"


def test_under_the_limit_one_person_is_enough(marta: App) -> None:
    marta.edit_connection("north", {"policy": {"approval": {"four_eyes_over": "900000000"}}})
    plan = marta.plan("north", FLOWS).plan
    assert marta.sync("north", FLOWS, plan).flows["purchase_orders"].created


def step(number: int, kind: str, erp_id: str, place: str, *needs: Key) -> Step:
    return Step(number, Key(kind, erp_id), place, needs)


def test_a_project_takes_what_it_needs_with_it_through_every_link() -> None:
    code, dimension = Key("dimension", "B/100"), Key("vendor", "S1")
    steps = [
        step(1, "dimension", "B/100", ""),
        step(2, "vendor", "S1", "", code),
        step(3, "vendor", "S1", "", code),
        step(4, "vendor", "S2", ""),
        step(5, "commitment", "P1@1201", "1201", dimension),
        step(6, "commitment", "P1@1202", "1202", Key("vendor", "S2")),
    ]
    choice = Choice(["1201"])
    choice.look(reversed(steps))
    assert choice.going() == {1, 2, 3, 5}
    everything = Choice([COMPANY_WIDE])
    everything.look(steps)
    assert everything.going() == {1, 2, 3, 4}
    stranger = Choice(["1201", "7"])
    stranger.look(steps)
    assert stranger.unknown() == ["7"]
    with pytest.raises(Exception, match="no number"):
        chosen_places(["1201", " "])
