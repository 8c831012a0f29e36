"""What no webhook told us is found: by Procore's list of deliveries, and by polling, and counted once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.procore.state import Change
from ml_connector.sandbox.procore.webhook_payloads import Cause
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import hooking, pausing, sweeping
from ml_connector.service.hooking import Asked
from ml_connector.service.sweeping import count_missed
from ml_connector.store import alerts, counters
from ml_connector.store.alerts import AlertRow
from store.cluster import Cluster

from .office import Office, working


@pytest.fixture(scope="module")
def at_work(cluster: Cluster, served: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One office for the module."""
    with working(cluster, served, tmp_path_factory.mktemp("sweep")) as office:
        yield office


@pytest.fixture
def office(at_work: Office) -> Office:
    """The same, with nothing on its way and nothing missed so far."""
    at_work.quiet()
    at_work.box.in_loop(lambda: [one.deliveries.clear() for one in at_work.box.procore.webhooks.hooks.values()])
    at_work.sweep(full=True)
    at_work.quiet()
    with at_work.app.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM watermarks WHERE starts_with(name, 'missed/')")
        conn.exec_driver_sql("DELETE FROM inbox")
    return at_work


def lose(office: Office, resource: str = ".*") -> None:
    """Events of a resource are lost from now on."""
    office.box.faults.add(FaultRule("webhook_lost", resource=resource, times=0))


def test_a_lost_event_is_found_and_its_record_alone_is_looked_at(office: Office) -> None:
    lose(office, "^Direct Cost")
    cost = office.cost()
    office.delivered()
    assert office.hints().why == "nothing new"
    done = office.sweep()
    assert (done.well, done.why) == (True, "2 missed events found.")
    assert {row["source"] for row in office.events()} == {"sweep"}
    office.hints()
    assert office.vouchers(cost) == 1
    assert office.counted(counters.RECOVERED) == 2
    assert office.sweep().why == "nothing was missed"
    assert office.counted(counters.RECOVERED) == 2


def test_an_event_that_came_is_not_missed(office: Office) -> None:
    office.cost()
    office.delivered()
    assert office.sweep(full=True).why == "nothing was missed"
    assert office.counted(counters.RECOVERED) == 0


def test_what_was_answered_well_and_is_not_in_the_inbox_is_found_by_a_look_at_all(office: Office) -> None:
    cost = office.cost()
    office.delivered()
    with office.app.db.begin() as conn:  # as after a restore of an older database
        conn.exec_driver_sql("DELETE FROM inbox")
    assert office.sweep().why == "nothing was missed"
    assert "missed events found" in office.sweep(full=True).why
    office.hints()
    assert office.vouchers(cost) == 1


def test_all_deliveries_are_compared_once_a_day_by_itself(office: Office) -> None:
    office.cost()
    office.delivered()
    with office.app.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM inbox")
        sql = "UPDATE watermarks SET value = %s WHERE name = 'webhooks/sweep_full'"
        conn.exec_driver_sql(sql, ((office.app.clock() - timedelta(hours=21)).isoformat(),))
    assert "missed events found" in office.sweep().why


def test_our_own_lost_echoes_are_not_counted_as_missed(office: Office) -> None:
    lose(office)
    cause = Cause(int(hooking.known(office.app, office.row).user))
    change = Change("create", "Company Vendors", 4711)
    office.box.in_loop(lambda: office.box.procore.webhooks.hear([change], cause))
    assert office.sweep(full=True).why == "nothing was missed"
    assert office.counted(counters.RECOVERED) == 0


@pytest.mark.parametrize(
    ("value", "said"),
    [({"active": False}, "was switched off"), ({"url": "http://127.0.0.1:9/x"}, "leads to 127.0.0.1")],
)
def test_a_hook_that_somebody_changed_is_told_and_mended(office: Office, value: dict[str, object], said: str) -> None:
    def turn() -> None:
        for hook in office.box.procore.webhooks.hooks.values():
            for name, one in value.items():
                setattr(hook, name, one)

    office.box.in_loop(turn)
    done = office.sweep()
    assert not done.well
    assert said in done.why
    assert hooking.listed(office.app, "north")["hooks"][0]["state"] == "broken"
    assert hooking.sync(office.app, "north", Asked(office.door.url))["changed"]
    assert office.sweep().well
    assert hooking.listed(office.app, "north")["hooks"][0]["state"] == "active"


def test_a_hook_that_is_gone_is_told_and_made_again(office: Office) -> None:
    office.box.in_loop(office.box.procore.webhooks.hooks.clear)
    done = office.sweep()
    assert (done.well, "is gone" in done.why) == (False, True)
    hooking.sync(office.app, "north", Asked(office.door.url))
    assert office.sweep().well
    assert len(hooking.listed(office.app, "north")["hooks"]) == 1


def test_a_header_that_the_door_turns_away_is_noticed_by_its_deliveries(office: Office) -> None:
    def turn() -> None:
        for hook in office.box.procore.webhooks.hooks.values():
            hook.authorization = f"Bearer false-{(hook.authorization or '')[-5:]}"

    office.box.in_loop(turn)
    assert office.sweep().well, "by its end the header looks like ours"
    office.cost()
    office.box.clock.advance(timedelta(seconds=1))
    _until(office, "retrying")
    office.box.clock.advance(timedelta(hours=13))
    office.delivered()
    done = office.sweep()
    assert not done.well
    assert "turned away" in done.why
    found = hooking.sync(office.app, "north", Asked(office.door.url))
    assert [one["what"] for one in found["steps"]] == ["rotate"]
    assert hooking.sync(office.app, "north")["steps"] == []


def test_while_the_connection_is_paused_procore_is_not_asked(office: Office) -> None:
    lose(office, "^Direct Cost")
    office.cost()
    office.delivered()
    pausing.pause(office.app, "north")
    office.box.log.clear()
    done = office.sweep()
    assert (done.well, done.why) == (True, "no sweep: paused by service")
    assert office.box.log.exchanges() == []
    pausing.resume(office.app, "north")
    assert office.sweep().why == "2 missed events found.", (
        "the first sweep after it looks at the time of the pause, too"
    )


@pytest.mark.parametrize(
    ("status", "key", "helps"),
    [(400, "refused/unread", "webhooks.payload_version"), (403, "refused/company", "projects.company_id")],
)
def test_what_rotating_cannot_mend_has_an_alarm_of_its_own_until_it_is_over(
    office: Office, status: int, key: str, helps: str
) -> None:
    office.door.status = status
    office.cost()
    office.box.clock.advance(timedelta(seconds=1))
    _until(office, "retrying")
    office.box.clock.advance(timedelta(hours=12, seconds=1))
    _until(office, "discarded")
    with office.app.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM alerts")
    done = office.sweep()
    assert not done.well
    assert helps in done.why
    assert hooking.listed(office.app, "north")["hooks"][0]["state"] == "active"
    assert [one.key for one in alarms_of(office)] == [key]
    with office.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE alerts SET last_at = last_at - interval '3 hours'")
    office.box.in_loop(lambda: [one.deliveries.clear() for one in office.box.procore.webhooks.hooks.values()])
    assert office.sweep().well
    assert alarms_of(office) == []


def alarms_of(office: Office) -> list[AlertRow]:
    """Alarms that stand."""
    with office.app.db.begin() as conn:
        return alerts.standing(conn, office.row.id)


def test_without_hooks_there_is_nothing_to_sweep(office: Office) -> None:
    hooking.remove(office.app, "north")
    assert office.sweep().why == "no webhook is registered"
    hooking.sync(office.app, "north", Asked(office.door.url))


def _until(office: Office, status: str) -> None:
    """Returns once some delivery has that status; fails after five seconds."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        hooks = office.box.in_loop(lambda: list(office.box.procore.webhooks.hooks.values()))
        if any(one.status == status for hook in hooks for one in hook.deliveries):
            return
        time.sleep(0.005)
    raise AssertionError(f"nothing is {status}")


# by polling -----------------------------------------------------------------------------------------------------------


def polled(office: Office) -> dict[str, str]:
    """One poll of direct costs: what it found that people changed."""
    return office.app.sync("north", ["projects", "vendors", "direct_costs"]).found.get("direct_costs", {})


def age(found: dict[str, str], office: Office) -> dict[str, str]:
    """The same, as if it were so long ago that no webhook can be on its way. The hooks were there before."""
    with office.app.db.begin() as conn:
        past = (office.app.clock() - timedelta(days=1)).isoformat()
        sql = (
            "UPDATE watermarks SET value = jsonb_set(value::jsonb, '{since}', to_jsonb(%s::text))::text WHERE name = %s"
        )
        conn.exec_driver_sql(sql, (past, hooking.STATE))
    then = (office.app.clock() - timedelta(minutes=1)).isoformat()
    return dict.fromkeys(found, then)


def test_a_change_that_polling_finds_without_an_event_is_counted_once(office: Office) -> None:
    polled(office)
    lose(office)
    cost = office.cost()
    found = polled(office)
    assert [key.split("/")[1] for key in found] == [cost]
    assert office.vouchers(cost) == 1
    changed = age(found, office)
    assert count_missed(office.app, office.row, "direct_costs", changed) == 1
    assert count_missed(office.app, office.row, "direct_costs", changed) == 0
    assert office.counted(counters.RECOVERED) == 1


def test_a_change_whose_event_came_is_not_counted(office: Office) -> None:
    polled(office)
    office.cost()
    office.delivered()
    assert count_missed(office.app, office.row, "direct_costs", age(polled(office), office)) == 0
    assert office.counted(counters.RECOVERED) == 0


def test_a_change_of_just_now_is_judged_later(office: Office) -> None:
    polled(office)
    lose(office)
    office.cost()
    found = polled(office)
    now = dict.fromkeys(age(found, office), office.app.clock())
    assert count_missed(office.app, office.row, "direct_costs", now) == 0
    with office.app.db.begin() as conn:
        sql = "UPDATE watermarks SET value = %s WHERE starts_with(name, 'missed/suspect/')"
        past = (office.app.clock() - timedelta(seconds=20)).isoformat()
        assert conn.exec_driver_sql(sql, (past,)).rowcount == 1
    assert count_missed(office.app, office.row, "", {}) == 1
    assert count_missed(office.app, office.row, "", {}) == 0


def test_what_polling_counted_the_sweep_does_not_count_again(office: Office) -> None:
    lose(office, "^Direct Costs$")
    office.box.faults.add(FaultRule("webhook_lost", resource="^Direct Cost Line Items$", times=0))
    office.cost()
    found = {key: office.box.clock() for key in polled(office)}
    with office.app.db.begin() as conn:
        marks = {f"{sweeping.COUNTED}direct_costs/{key}": at.isoformat() for key, at in found.items()}
        sweeping.sources.move_watermarks(conn, office.row.id, marks)
    assert "2 missed events" in office.sweep().why
    assert office.counted(counters.RECOVERED) == 1, "the line's event names no cost that polling found"


def test_a_flow_of_which_no_hook_tells_misses_nothing(office: Office) -> None:
    moment = office.app.clock() - timedelta(minutes=5)
    assert count_missed(office.app, office.row, "subcontractor_invoices", {"1/2": moment}) == 0
