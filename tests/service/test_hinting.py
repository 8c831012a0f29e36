"""Events become one run over the records they name, and whatever happens to it, none of them is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from ml_connector.engine.taping import RunTape
from ml_connector.engine.work import Errand
from ml_connector.kernel.errors import FixSetup, Unavailable
from ml_connector.planning.hints import Named, Side
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import hinting, pausing
from ml_connector.service.duty import POLL
from ml_connector.service.timetable import timetable_of
from ml_connector.store import agenda, counters, inbox
from ml_connector.store.agenda import Laid
from ml_connector.systems.procore.answers import DIRECT_COSTS, VENDORS
from store.cluster import Cluster

from .office import Office, working

DAY = timedelta(days=1)
TODAY = datetime.now(UTC).date()


class NewVendor(msgspec.Struct):
    """The least that makes a vendor."""

    company_id: int
    vendor: dict[str, str]


@pytest.fixture(scope="module")
def at_work(cluster: Cluster, served: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One office for the module."""
    with working(cluster, served, tmp_path_factory.mktemp("hints")) as office:
        yield office


@pytest.fixture
def office(at_work: Office) -> Office:
    """The same, with nothing on its way."""
    at_work.quiet()
    return at_work


def test_a_cost_that_a_person_enters_becomes_its_voucher_by_its_events_alone(office: Office) -> None:
    cost = office.cost()
    office.delivered()
    done = office.hints()
    assert done.well, done
    assert office.vouchers(cost) == 1
    run = office.runs()[0]
    assert (run["trigger"], run["flows"]) == ("webhook", ["projects", "vendors", "direct_costs"])
    settled = office.events()
    assert {row["state"] for row in settled} == {"done"}
    assert {row["run_id"] for row in settled} == {run["id"]}
    assert {row["resource"] for row in settled} == {"Direct Costs", "Direct Cost Line Items"}


def test_many_events_are_one_run_and_a_second_job_finds_nothing(office: Office) -> None:
    first, second = office.cost(), office.cost(amount="80.00")
    office.delivered()
    before = len(office.runs())
    office.hints()
    assert office.hints().why == "nothing new"
    assert len(office.runs()) == before + 1
    assert (office.vouchers(first), office.vouchers(second)) == (1, 1)


def test_what_comes_twice_makes_one_voucher(office: Office) -> None:
    office.box.faults.add(FaultRule("webhook_twice", times=0))
    cost = office.cost()
    office.delivered()
    office.hints()
    assert office.vouchers(cost) == 1
    assert len(office.events()) == 2, "the same event is kept once"
    assert office.counted(inbox.AGAIN) == 2


def test_our_own_writes_are_counted_as_echoes_and_cause_no_run(office: Office) -> None:
    client = office.app.wiring.sides(office.row, RunTape()).projects.system.client
    body = NewVendor(int(client.company), {"name": "Made By Us"})
    client.write("POST", "/rest/v1.0/vendors", body, msgspec.json.Decoder(msgspec.Raw), VENDORS)
    office.delivered()
    before = len(office.runs())
    done = office.hints()
    assert done.why == "no record of ours"
    assert len(office.runs()) == before
    assert [(row["resource"], row["state"]) for row in office.events()] == [("Company Vendors", "echo")]
    assert office.counted(counters.ECHOES) == 1
    office.box.act("procore", "rename_vendor", name="Made By Us", to="Renamed By Them")
    office.delivered()
    assert office.hints().well
    assert office.runs()[0]["flows"] == ["projects", "vendors"]


def test_what_is_no_business_of_ours_is_settled_with_its_reason(office: Office) -> None:
    company = office.row.config["projects"]["company_id"]
    head = f'{{"resource_id": 5, "event_type": "update", "company_id": {company}, "user_id": 1'
    office.told(f'{head}, "id": 1, "resource_name": "RFIs"}}'.encode(), "1")
    office.told(f'{head}, "id": 2, "resource_name": "Direct Costs", "project_id": 99}}'.encode(), "2")
    office.told(b'{"resource_id": 5, "company_id": 1, "id": 3, "resource_name": "Direct Costs"}', "3")
    office.told(b"no json", "4")
    office.hints()
    assert [(row["state"], row["note"]) for row in office.events()] == [
        ("ignored", "No flow starts from RFIs."),
        ("ignored", "Project 99 is not linked."),
        ("refused", "It is of company 1."),
        ("refused", "The body is not a JSON object."),
    ]
    assert office.counted(hinting.IGNORED) == 2
    tags = [row["tag"] for row in _audit(office)]
    assert tags.count("event:receive:refused") == 1


def test_a_hint_of_ifs_has_its_order_looked_at(office: Office) -> None:
    office.told(b'{"OBJECT": "PurchaseOrder", "ID": "P100002"}', "id:1", "ifs")
    company = office.row.config["connection"]["erp_company"]
    office.told(
        f'{{"lu": "SupplierInfo", "key": "SUPPLIER_ID=S1005^", "company": "{company}"}}'.encode(), "id:2", "ifs"
    )
    done = office.hints()
    assert done.well, done
    assert [row["state"] for row in office.events() if row["source"] == "ifs"] == ["done", "done"]
    assert office.runs()[0]["flows"] == ["projects", "vendors", "cost_codes", "purchase_orders"]
    with office.app.db.begin() as conn:
        sql = "SELECT DISTINCT split_part(erp_id, '@', 1) FROM links WHERE kind = 'commitment'"
        assert [row[0] for row in conn.exec_driver_sql(sql)] == ["P100002"]


def test_while_the_other_side_is_away_events_wait_and_go_when_it_is_back(office: Office) -> None:
    cost = office.cost()
    office.delivered()
    office.box.faults.add(FaultRule("503", side="procore", path="direct_costs", times=0))
    with pytest.raises(Unavailable):
        office.hints()
    assert [row["state"] for row in office.events()] == ["new", "new"]
    office.box.faults.clear()
    assert office.hints().well
    assert office.vouchers(cost) == 1


def test_a_set_up_that_must_be_mended_keeps_the_events_too(office: Office) -> None:
    cost = office.cost()
    office.delivered()
    office.box.in_loop(lambda: setattr(office.box.procore.switches, "app_installed", False))
    with pytest.raises(FixSetup):
        office.hints()
    office.box.in_loop(lambda: setattr(office.box.procore.switches, "app_installed", True))
    assert [row["state"] for row in office.events()] == ["new", "new"]
    office.hints()
    assert office.vouchers(cost) == 1


def test_when_a_person_must_decide_the_events_are_done_and_the_poll_finds_the_record(office: Office) -> None:
    cost = office.cost()
    office.delivered()
    office.app.edit_connection("north", {"policy": {"brakes": {"money": 1}}})
    done = office.hints()
    office.app.edit_connection("north", {"policy": {"brakes": {"money": 0}}})
    assert not done.well
    assert {row["state"] for row in office.events()} == {"done"}
    assert "waits for a person" in office.events()[0]["note"]
    assert office.vouchers(cost) == 0
    office.app.sync("north", ["direct_costs"])
    assert office.vouchers(cost) == 1


def test_an_event_nobody_can_look_at_does_not_stop_the_others(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    cost = office.cost()
    office.delivered()

    def broken(name: str, flows: object, errand: Errand) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(office.app, "run", broken)
        with pytest.raises(ZeroDivisionError):
            office.hints()
    assert "Its run failed: ZeroDivisionError" in office.events("done")[0]["note"]
    assert office.hints().why == "nothing new"
    office.app.sync("north", ["direct_costs"])
    assert office.vouchers(cost) == 1


def test_what_a_dead_job_had_taken_is_looked_at_by_the_next(office: Office) -> None:
    cost = office.cost()
    office.delivered()
    with office.app.db.begin() as conn:
        assert len(inbox.take(conn, office.row.id, 10)) == 2
    office.hints()
    assert office.vouchers(cost) == 1


def test_a_run_that_is_cut_short_is_done_again_at_once(office: Office) -> None:
    costs = [office.cost(), office.cost(amount="81.00")]
    office.delivered()
    done = office.hints(enough=lambda: "the worker is leaving")
    if not done.well:
        assert done.again_at
        assert done.again_at - office.app.clock() < timedelta(seconds=1)
        assert {row["state"] for row in office.events()} == {"new"}
    office.hints()
    assert [office.vouchers(one) for one in costs] == [1, 1]


def test_a_paused_flow_is_left_to_its_next_poll(office: Office) -> None:
    cost = office.cost()
    office.delivered()
    pausing.pause(office.app, "north", "direct_costs", note="audit")
    before = len(office.runs())
    done = office.hints()
    assert "is paused" in done.why
    assert len(office.runs()) == before
    assert {row["state"] for row in office.events()} == {"done"}
    assert "The next poll looks at it." in office.events()[0]["note"]
    pausing.resume(office.app, "north", "direct_costs")
    office.app.sync("north", ["direct_costs"])
    assert office.vouchers(cost) == 1


@pytest.mark.parametrize(
    ("schedule", "back", "why"),
    [
        (
            {"freeze": [{"start": TODAY - DAY, "end": TODAY, "note": "Year-end"}]},
            {"freeze": []},
            "Year-end lasts until",
        ),
        (
            {"webhooks_off_hours": "wait", "holidays": {"extra": [TODAY - DAY, TODAY]}},
            {"webhooks_off_hours": "go", "holidays": {"extra": []}},
            "a holiday",
        ),
    ],
)
def test_in_a_freeze_window_or_on_a_holiday_events_cause_a_poll_as_soon_as_it_is_over(
    office: Office, schedule: dict[str, Any], back: dict[str, Any], why: str
) -> None:
    app, number = office.app, office.row.id
    cost = office.cost()
    office.delivered()
    far = app.clock() + 2 * DAY
    turn = [Laid(number, "poll/direct_costs", far, POLL)]
    app.edit_connection("north", {"schedule": schedule})
    try:
        with app.db.begin() as conn:
            agenda.lay(conn, turn, app.clock())
        before = len(office.runs())
        done = office.hints()
        table = timetable_of(app, office.row, app.clock())
    finally:
        app.edit_connection("north", {"schedule": back})
    assert why in done.why
    assert len(office.runs()) == before
    over = table.next_chance("direct_costs", "poll", app.clock()).at
    assert over
    assert over < far
    notes = {one["note"] for one in office.events("done")}
    assert all(note.endswith(f"A poll looks at it by {over:%Y-%m-%d %H:%M} UTC.") for note in notes), notes
    with app.db.begin() as conn:
        agenda.lay(conn, turn, app.clock())
        row = agenda.one(conn, number, "poll/direct_costs")
        assert row
        assert row.due_at == over, "the timetable leaves it there"
        conn.exec_driver_sql("DELETE FROM agenda")
    assert table.allowed("direct_costs", over) == "", "then the poll may run"
    app.sync("north", ["direct_costs"])
    assert office.vouchers(cost) == 1


def test_a_deleted_cost_is_looked_for_and_asked_about(office: Office) -> None:
    cost = office.cost()
    office.delivered()
    office.hints()
    project = next(iter(office.box.procore.project_ids.values()))
    told = office.app.wiring.sides(office.row, RunTape()).projects.system.client
    told.remove(f"/rest/v1.1/projects/{project}/direct_costs/{cost}", DIRECT_COSTS)
    company = office.row.config["projects"]["company_id"]
    body = f'{{"resource_id": {cost}, "event_type": "delete", "company_id": {company}, "id": 77, "user_id": 1,'
    office.told(f'{body} "project_id": {project}, "resource_name": "Direct Costs"}}'.encode(), "77")
    office.hints()
    with office.app.db.begin() as conn:
        sql = "SELECT count(*) FROM holds WHERE released_at IS NULL AND erp_id LIKE %s"
        assert conn.exec_driver_sql(sql, (f"%{cost}%",)).scalar_one() == 1


def test_whole_flows_bring_what_makes_their_vendors_along() -> None:
    one = Named(Side.PROJECTS, "501", "4711")
    flows, only = hinting.errand_names({"direct_costs": frozenset({one})})
    assert (set(flows), only) == (
        {"projects", "vendors", "direct_costs"},
        {"vendors": frozenset(), "direct_costs": frozenset({"projects/501/4711"})},
    )
    flows, only = hinting.errand_names({"purchase_orders": frozenset(), "vendors": frozenset({one})})
    assert set(flows) == {"projects", "vendors", "cost_codes", "purchase_orders"}
    assert only == {"cost_codes": frozenset(), "vendors": frozenset({"projects/501/4711"})}


def _audit(office: Office) -> list[dict[str, str]]:
    with office.app.db.begin() as conn:
        return [dict(row) for row in conn.exec_driver_sql("SELECT tag FROM audit").mappings()]
