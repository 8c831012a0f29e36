"""When a connection works by itself, what a pause stops, and what that means for a person's sync."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from ml_connector import desk
from ml_connector.app import App
from ml_connector.kernel.errors import BadInput, Paused
from ml_connector.registry import FLOWS
from ml_connector.service import pausing
from ml_connector.service.duty import Duty
from ml_connector.service.nightly import census
from ml_connector.service.timetable import allowed, next_due, timetable_of
from ml_connector.store import bulk
from ml_connector.store.connections import ConnectionRow
from ml_connector.store.signals import signals

CHICAGO = ZoneInfo("America/Chicago")
TEXT = """
[connection]
erp_company = "10"
time_zone = "America/Chicago"
[erp]
url = "http://127.0.0.1:9"
realm = "acme"
client_id = "ml"
client_secret = "secret-one"
[projects]
url = "http://127.0.0.1:9"
company_id = "1"
client_id = "ml"
client_secret = "secret-two"
[schedule]
interval = "15m"
hours = "07:00-18:00"
days = "mon-fri"
nightly = "02:00"
holidays = { country = "US", subdivision = "IL", extra = [2026-12-24], worked = [2026-10-12] }
[[schedule.freeze]]
last = 2
first = 3
flows = ["payments"]
[schedule.flows.vendors]
interval = "1h"
"""


class Last(NamedTuple):
    """An agenda row, as far as it is looked at."""

    started_at: datetime | None


def local(text: str) -> datetime:
    """A moment by the wall clock in Chicago."""
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO)


def at(app: App, text: str) -> datetime:
    """Sets the app's clock to a moment by the wall clock in Chicago, and tells it."""
    moment = local(text)
    app.clock = lambda: moment
    return moment


@pytest.fixture
def row(app: App) -> ConnectionRow:
    """A connection with office hours; nothing is ever asked of its two systems."""
    at(app, "2026-11-24 10:00")
    return app.add_connection("north", TEXT)


def test_each_flow_is_due_by_its_own_interval_in_the_zone_of_its_connection(app: App, row: ConnectionRow) -> None:
    now, last = local("2026-11-24 10:05"), Last(datetime(2026, 11, 24, 16, 0, tzinfo=UTC))
    assert next_due(app, row, "poll/budgets", last, now).at == local("2026-11-24 10:15")
    assert next_due(app, row, "poll/vendors", last, now).at == local("2026-11-24 11:00")
    assert next_due(app, row, "poll/budgets", None, now).at == now
    assert next_due(app, row, "nightly", None, now).at == local("2026-11-25 02:00")
    assert next_due(app, row, "retry", None, now).at == now


def test_the_holidays_of_its_state_and_its_own_are_days_off(app: App, row: ConnectionRow) -> None:
    assert "a holiday" in allowed(app, row, "budgets", local("2026-11-26 10:00"))  # Thanksgiving
    assert "a holiday" in allowed(app, row, "budgets", local("2027-02-12 10:00"))  # Lincoln's birthday, Illinois
    assert "a holiday" in allowed(app, row, "budgets", local("2026-12-24 10:00"))
    assert allowed(app, row, "budgets", local("2026-12-23 10:00")) == ""
    assert allowed(app, row, "budgets", local("2026-10-12 10:00")) == ""  # Columbus Day is worked


def test_a_month_end_freeze_counts_holidays_out_and_holds_its_flow_alone(app: App, row: ConnectionRow) -> None:
    frozen = local("2026-12-31 10:00")
    assert "freeze" in allowed(app, row, "payments", frozen)
    assert allowed(app, row, "budgets", frozen) == ""
    assert "freeze" in allowed(app, row, "payments", local("2027-01-06 10:00"))  # New Year's Day does not count
    free, left_out = timetable_of(app, row, frozen).sorted_out(["budgets", "payments"], frozen)
    assert (free, list(left_out)) == (("budgets",), ["payments"])


def test_a_paused_flow_is_never_due_and_due_at_once_when_it_is_resumed(app: App, row: ConnectionRow) -> None:
    now = at(app, "2026-11-24 10:05")
    pausing.pause(app, "north", "vendors", note="names are being cleaned")
    moment = next_due(app, row, "poll/vendors", None, now)
    assert moment.at is None
    assert "Flow vendors is paused by operator since" in moment.why
    assert moment.why.endswith(": names are being cleaned.")
    for cause in ("poll", "hint", "person", "night"):
        assert "paused" in allowed(app, row, "vendors", now, cause)
        assert allowed(app, row, "budgets", now, cause) == ""
    with app.db.begin() as conn:
        sql = "INSERT INTO agenda (connection_id, name) VALUES (%s, 'poll/vendors'), (%s, 'retry')"
        bulk.run(conn, sql, (row.id, row.id))
    assert pausing.resume(app, "north", "vendors")["was_paused"]
    assert allowed(app, row, "vendors", now) == ""
    with app.db.begin() as conn:
        assert bulk.fetch(conn, "SELECT name FROM agenda WHERE due_at IS NOT NULL") == [("poll/vendors",)]
    assert not pausing.resume(app, "north", "vendors")["was_paused"]


def test_a_pause_with_an_end_ends_by_itself(app: App, row: ConnectionRow) -> None:
    now = at(app, "2026-11-24 10:05")
    pausing.pause(app, "north", until="2026-11-24T20:00")
    assert next_due(app, row, "poll/budgets", None, now).at == local("2026-11-25 07:00")
    table = timetable_of(app, row, now)
    assert table.next_chance("budgets", "hint", now).at == local("2026-11-24 20:00")
    assert "until Tue 2026-11-24 20:00 (America/Chicago)" in table.allowed("budgets", now)
    assert pausing.paused(app, "north")[0]["until"] == local("2026-11-24 20:00")
    at(app, "2026-11-24 20:01")
    assert pausing.paused(app, "north") == []


def test_the_pause_of_a_flow_outlasts_that_of_its_connection(app: App, row: ConnectionRow) -> None:
    now = at(app, "2026-11-24 10:05")
    pausing.pause(app, "north", "vendors")
    pausing.pause(app, "north", until="2026-11-24T12:00")
    assert next_due(app, row, "poll/vendors", None, now).at is None
    pausing.resume(app, "north")
    assert allowed(app, row, "budgets", now) == ""
    assert allowed(app, row, "vendors", now) != ""


def test_a_pause_that_cannot_be_is_refused(app: App, row: ConnectionRow) -> None:
    with pytest.raises(BadInput, match="past already"):
        pausing.pause(app, "north", until="2026-11-24T09:59")
    with pytest.raises(BadInput, match="no time"):
        pausing.pause(app, "north", until="tomorrow")
    with pytest.raises(BadInput, match="past already"):
        pausing.pause(app, "north", until="0001-01-01T00:00+14:00")
    for never in ("9999-12-31T23:59", "9999-12-31T23:59-05:00", "2140-01-01T00:00"):  # the first are none in UTC
        with pytest.raises(BadInput, match="more than 100 years ahead") as far:
            pausing.pause(app, "north", until=never)
        assert "until somebody resumes it" in (far.value.remedy or "")
    assert pausing.paused(app, "north") == []


def test_a_pause_is_not_that_of_a_set_up_whatever_a_person_notes(app: App, row: ConnectionRow) -> None:
    pausing.pause(app, "north", note=pausing.BEING_SET_UP)
    assert not pausing.being_set_up(app, row)
    with app.db.begin() as conn:
        assert not signals(conn, app.clock()).connections[0].setting_up
    assert pausing.pause(app, "north", note="stock-taking")["paused"][0]["note"] == "stock-taking"
    assert pausing.resume(app, "north")["was_paused"]
    south = app.add_connection("south", TEXT, paused="the sides are being joined")
    assert pausing.being_set_up(app, south), "whatever its note is"
    with pytest.raises(BadInput, match="being set up"):
        pausing.resume(app, "south")
    with app.db.begin() as conn:
        assert [one.setting_up for one in signals(conn, app.clock()).connections] == [False, True]


def test_pausing_and_resuming_are_audited_and_nothing_else_is(app: App, row: ConnectionRow) -> None:
    pausing.pause(app, "north", "vendors", until="2026-12-01", note="close")
    pausing.resume(app, "north", "vendors")
    pausing.resume(app, "north", "vendors")
    found = [(one["tag"], one["details"].get("flow"), one["actor"]) for one in desk.audit_entries(app, "north")]
    assert found[:2] == [
        ("connection:resume:done", "vendors", "operator"),
        ("connection:pause:done", "vendors", "operator"),
    ]
    assert len(found) == 3


def test_a_person_is_bound_by_pauses_and_freeze_windows_and_not_by_hours(app: App, row: ConnectionRow) -> None:
    at(app, "2026-11-28 23:00")
    assert pausing.by_hand(app, "north", ["vendors"]) == (["vendors"], {})
    free, left_out = pausing.by_hand(app, "north", [])
    assert free == [flow for flow in FLOWS if flow != "payments"]
    assert list(left_out) == ["payments"]
    with pytest.raises(Paused, match="freeze"):
        pausing.by_hand(app, "north", ["payments"])
    with pytest.raises(Paused, match="freeze"):
        pausing.by_hand(app, "north", [], exactly=True)
    assert pausing.by_hand(app, "north", ["payments"], anyway=True) == (["payments"], {})
    assert desk.audit_entries(app, "north")[0]["tag"] == "freeze:override:done"
    pausing.pause(app, "north", "payments")
    with pytest.raises(Paused, match="paused"):
        pausing.by_hand(app, "north", ["payments"], anyway=True)
    pausing.pause(app, "north")
    with pytest.raises(Paused, match="The connection is paused") as caught:
        pausing.by_hand(app, "north", [])
    assert caught.value.remedy == "Run `ml-connector resume north` first."


def test_freshness_is_reckoned_in_business_time_of_the_connection(app: App, row: ConnectionRow) -> None:
    now = local("2026-11-30 07:20")
    table = timetable_of(app, row, now)
    fresh = table.freshness("budgets", local("2026-11-27 17:50"), now)
    assert (fresh.colour, fresh.age) == ("amber", timedelta(minutes=30))
    assert table.freshness("vendors", local("2026-11-27 17:50"), now).colour == "green"


def test_the_night_asks_nothing_of_the_systems_of_a_paused_connection(app: App, row: ConnectionRow) -> None:
    pausing.pause(app, "north")
    steps = list(census(Duty(app, "nightly", row), ""))
    assert [step.said for step in steps] == ["no census: paused by operator"]
