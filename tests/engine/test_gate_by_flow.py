"""Some flows wait for approval while the others go by themselves; nothing goes that needs what waits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fresh_box import fresh
from ml_connector.app import App
from ml_connector.kernel.errors import ApprovalNeeded, BadInput
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service.alarms import alerts_of
from ml_connector.settings import Settings
from ml_connector.store.signals import count_waiting_plans, signals
from ml_connector.views.home import home
from ml_connector.views.plans import PlansLook, listed
from store.cluster import Cluster

FLOWS = ["projects", "vendors", "cost_codes", "purchase_orders"]


@pytest.fixture
def app(served: RunningSandbox, cluster: Cluster, tmp_path: Path) -> Iterator[App]:
    """A connection whose plans go by themselves, but for its vendors."""
    url = cluster.new_url()
    with App.open(Settings(tmp_path / "home", url), actor="marta") as opened:
        opened.add_connection("north", fresh(served).connection_text())
        opened.edit_connection("north", {"policy": {"approval": {"flows": {"vendors": "manual"}}}})
        yield opened
    cluster.drop(url)


def told_to_wait(app: App) -> tuple[list[str], int, list[str]]:
    """The plans that wait by the one look of Home and status, how many by the menu, and the alarms."""
    with app.db.begin() as conn:
        found = signals(conn, app.clock())
        number = count_waiting_plans(conn, found.connections[0].id)
    [one] = found.connections
    stopped = ["purchase_orders", "vendors"] if number and "wait for approval" in one.waiting_why else []
    assert one.waiting_flows == stopped, "the others went, and a plan to look at stops none"
    return one.waiting_plans, number, [alert.key for where, alert in alerts_of(found, {}) if where == one.id]


def counted(app: App, sql: str) -> dict[str, int]:
    """What a statement counts, by its first column."""
    with app.db.begin() as conn:
        return {str(row[0]): int(row[1]) for row in conn.exec_driver_sql(sql)}


LINKED = "SELECT kind, count(*) FROM links WHERE state = 'linked' GROUP BY 1"


def test_the_others_go_and_what_needs_a_vendor_that_waits_waits_with_it(app: App) -> None:
    report = app.sync("north", FLOWS)
    linked = counted(app, LINKED)
    assert linked["budget_code"]
    assert linked.get("vendor", 0) == 0
    assert linked.get("commitment", 0) == 0
    assert any("wait for approval: vendors" in note for note in report.notes)
    states = "SELECT i.flow || ' ' || s.state, count(*) FROM intents i JOIN intent_states s USING (id) GROUP BY 1"
    found = counted(app, states)
    assert {key for key in found if key.endswith("waiting")} == {"vendors waiting", "purchase_orders waiting"}
    assert {key for key in found if key.endswith("done")} == {"projects done", "cost_codes done"}
    assert counted(app, "SELECT state, count(*) FROM plans GROUP BY 1") == {"kept": 1}
    assert told_to_wait(app) == ([report.plan], 1, ["approval/plan"])
    [card] = home(app).cards
    assert (card.plans, card.verdict.word) == ([report.plan], "approval")
    [row] = listed(app, PlansLook(connection="north", stands="waiting")).rows
    assert row["plan"]["text"] == report.plan, "the list says the same"
    with pytest.raises(ApprovalNeeded):  # what is left is of vendors, and orders that wait for them
        app.sync("north", ["vendors"])
    app.sync("north", FLOWS, report.plan)
    linked = counted(app, LINKED)
    assert linked["vendor"] > 5
    assert linked["commitment"] > 15
    assert told_to_wait(app) == ([], 0, [])
    again = app.sync("north", FLOWS)
    assert not any("wait for approval" in note for note in again.notes)


def test_a_plan_of_which_a_later_run_put_aside_all_that_waited_waits_no_more(app: App) -> None:
    first = app.sync("north", FLOWS)
    later = app.plan("north", ["vendors", "purchase_orders"])
    states = {row["plan"]["text"]: row["stands"]["word"] for row in listed(app, PlansLook(connection="north")).rows}
    assert states == {first.plan: "partly applied", later.plan: "waiting for approval"}
    assert told_to_wait(app) == ([later.plan], 1, ["approval/plan"]), "Home tells of the plan that the list says waits"
    newest = app.plan("north", FLOWS).plan
    assert told_to_wait(app) == ([newest], 1, ["approval/plan"]), "the one before it was made to look at, and is old"
    [row] = listed(app, PlansLook(connection="north", stands="waiting")).rows
    assert row["plan"]["text"] == newest


def test_a_flow_that_there_is_not_is_refused(app: App) -> None:
    with pytest.raises(BadInput, match="no flow"):
        app.edit_connection("north", {"policy": {"approval": {"flows": {"vendor": "manual"}}}})
    with pytest.raises(BadInput, match="cannot be used"):
        app.edit_connection("north", {"policy": {"approval": {"flows": {"vendors": "perhaps"}}}})
