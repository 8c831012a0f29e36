"""Policies as people see and change them: typed, compared, saved once, and told in the audit trail."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.kernel.errors import BadInput
from ml_connector.planning.policy import Policies
from ml_connector.service import policy_desk as desk
from ml_connector.service.changing import change
from ml_connector.settings import Settings
from ml_connector.store.connections import ConnectionRow
from ml_connector.views.policies import settings
from store.cluster import Cluster

TEXT = """
[connection]
erp_company = "10"
[erp]
url = "https://acme.ifs.cloud"
realm = "acme"
client_id = "x"
client_secret = "one secret"
[projects]
url = "https://api.procore.com"
company_id = "1"
client_id = "y"
client_secret = "another secret"
[policy.vendors]
create = "never"
"""


@pytest.fixture(scope="module")
def app(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A connection `north` whose systems nobody asks."""
    url = cluster.new_url()
    with App.open(Settings(tmp_path_factory.mktemp("policies"), url), actor="adam") as opened:
        opened.add_connection("north", TEXT)
        yield opened
    cluster.drop(url)


def policy(app: App) -> Policies:
    """What the connection allows now."""
    return config_from(app.connection("north").config).policy


def saved(app: App, **typed: str) -> dict[str, tuple[str, str]]:
    """Saves entries, `__` for a dot; what changed, by path."""
    given = {path.replace("__", "."): text for path, text in typed.items()}
    return {one.path: (one.before, one.after) for one in desk.save(app, "north", given)}


def test_entries_say_what_they_mean_and_whether_they_are_the_default(app: App) -> None:
    found = settings(app, "north")
    entries = {one.path: one for group in found.groups for one in group.entries}
    create = entries["policy.vendors.create"]
    assert (create.value, create.default, create.changed, create.kind) == ("never", "auto", True, "choice")
    assert create.meaning.startswith("Hold the document")
    assert [group.changed for group in found.groups] == [0, 1, 0, 0, 0, 0, 0]
    states = entries["policy.supplier_invoices.states"]
    assert (states.kind, states.value) == ("many", "posted, authorised, partly_paid, paid")
    assert entries["policy.brakes.money"].kind == "amount"
    share, four_eyes = entries["policy.brakes.share_updates"], entries["policy.approval.four_eyes_over"]
    assert (share.value, share.unit, share.meaning, four_eyes.meaning) == ("50", "%", "50%", "Off")
    assert "Partly" not in entries["policy.purchase_orders.status"].value
    assert "Closed: Closed" in entries["policy.purchase_orders.status"].meaning.splitlines()
    assert found.zone == "UTC"
    assert "07:00-18:00, UTC time" in entries["schedule.hours"].sentence
    assert entries["policy.purchase_orders.status"].keys[:2] == ("planned", "released")
    assert entries["schedule.days"].value == "mon, tue, wed, thu, fri, sat, sun"


def test_each_kind_of_entry_is_saved_as_what_it_means(app: App) -> None:
    changed = saved(
        app,
        policy__brakes__money="25,000.50",
        policy__brakes__updates="100",
        policy__subcontractor_invoices__billed_to_date="true",
        policy__purchase_orders__status="released = Approved\nclosed = Closed",
        policy__supplier_invoices__states="posted, paid",
        policy__supplier_invoices__retention_accounts="2410*, 2030",
        policy__vouchers__codes="F = project",
        schedule__interval="30m",
        schedule__holidays__country="US",
        schedule__holidays__extra="2026-12-24",
    )
    assert changed["policy.brakes.money"] == ("0", "25000.50")
    assert len(changed) == 10
    now = policy(app)
    assert now.purchase_orders.status == {"released": "Approved", "closed": "Closed"}
    assert now.supplier_invoices.states == ("posted", "paid")
    assert now.supplier_invoices.retention_accounts == ("2410*", "2030")
    assert now.subcontractor_invoices.billed_to_date is True
    assert now.vendors.create == "never"
    assert saved(app, policy__vouchers__codes="", policy__supplier_invoices__retention_accounts="")
    assert policy(app).vouchers.codes == {}
    with app.db.begin() as conn:
        sql = "SELECT actor, details FROM audit WHERE tag = 'connection:change:done' ORDER BY seq"
        (who, details), *_ = conn.exec_driver_sql(sql).fetchall()
    told = json.loads(details)
    assert who == "adam"
    assert told["policy.brakes.updates"] == [500, 100]
    assert told["policy.purchase_orders.status.stopped"] == ["Processing", None]
    assert "secret" not in details
    assert set(told) >= {"schedule.interval", "schedule.holidays.country"}
    assert "policy.vendors.create" not in told


def test_freeze_windows_and_flows_come_and_go(app: App) -> None:
    typed = {
        "schedule.freeze.0.last": "2",
        "schedule.freeze.0.count": "working",
        "schedule.freeze.0.flows": "payments, budgets",
        "schedule.flows.payments.interval": "4h",
    }
    desk.save(app, "north", typed)
    schedule = config_from(app.connection("north").config).schedule
    assert [(one.last, one.flows) for one in schedule.freeze] == [(2, ("payments", "budgets"))]
    assert schedule.flows["payments"].interval == "4h"
    second = {
        "schedule.freeze.1.start": "2026-12-19",
        "schedule.freeze.1.end": "2027-01-03",
        "schedule.freeze.1.note": "Xmas",
    }
    desk.save(app, "north", second)
    assert [one.note for one in config_from(app.connection("north").config).schedule.freeze] == ["", "Xmas"]
    gone = {**dict.fromkeys(typed, ""), "schedule.freeze.0.count": "working"}
    desk.save(app, "north", gone)
    schedule = config_from(app.connection("north").config).schedule
    assert [one.note for one in schedule.freeze] == ["Xmas"]
    assert schedule.flows == {}


def test_what_is_shown_with_thousands_or_in_words_is_taken_back(app: App) -> None:
    saved(app, policy__brakes__updates="12,500", policy__brakes__money="250,000", schedule__off_hours="2h")
    entries = {one.path: one for group in settings(app, "north").groups for one in group.entries}
    shown = [entries[f"policy.brakes.{name}"].meaning for name in ("updates", "money")]
    assert (shown, policy(app).brakes.updates) == (["12,500 records", "250,000 in each currency"], 12_500)
    assert entries["schedule.off_hours"].meaning == "2 hours"
    assert saved(app, policy__brakes__updates="12,500", policy__brakes__money="250,000") == {}
    assert saved(app, schedule__off_hours="Never", schedule__days="mon, fri") == {
        "schedule.off_hours": ("2h", "none"),
        "schedule.days": ("mon, tue, wed, thu, fri, sat, sun", "mon, fri"),
    }
    app.edit_connection("north", {"schedule": {"days": "mon-fri", "interval": "90m"}})
    entries = {one.path: one for group in settings(app, "north").groups for one in group.entries}
    days, every = entries["schedule.days"], entries["schedule.interval"]
    assert (days.kind, days.value) == ("many", "mon, tue, wed, thu, fri")
    assert (every.kind, every.meaning) == ("length", "1 hour 30 minutes")
    assert saved(app, schedule__days=days.value) == {}
    app.edit_connection("north", {"schedule": {"days": "mon-sun"}})


def test_nothing_is_saved_when_nothing_changed_and_nothing_over_somebody_elses_change(app: App) -> None:
    before = app.connection("north")
    assert desk.save(app, "north", {"policy.vendors.create": "never", "schedule.freeze.1.count": "working"}) == []
    assert app.connection("north").updated_at == before.updated_at
    seen = desk.compared(app, "north", {"policy.vendors.near": "90"})
    assert [(one.title, one.before, one.after) for one in seen.changes] == [("Near names", "88", "90")]
    assert policy(app).vendors.near == 88
    saved(app, policy__vendors__propose="never")
    with pytest.raises(BadInput, match="changed meanwhile"):
        desk.save(app, "north", {"policy.vendors.near": "90"}, seen.seen)
    assert policy(app).vendors.near == 88


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        ("policy.brakes.updates", "many", "no whole number"),
        ("policy.brakes.money", "1e999999x", "no amount"),
        ("policy.brakes.money", "2,5", "no amount"),
        ("policy.brakes.updates", "1,50", "no whole number"),
        ("policy.brakes.money", "-1", "from 0 up"),
        ("policy.vendors.create", "perhaps", "auto or never"),
        ("policy.vendors.near", "101", "score from 0 to 100"),
        ("policy.purchase_orders.status", "released", "no pair"),
        ("policy.purchase_orders.status", "begun = Approved", "knows no 'begun'"),
        ("policy.purchase_orders.status", "released = <script>", "knows no '<script>'"),
        ("policy.purchase_orders.split_number", "{order", "number of its own"),
        ("policy.supplier_invoices.states", "lost", "does not exist"),
        ("policy.supplier_invoices.strategy", "direct_cost", "budget views were checked"),
        ("policy.nothing.here", "1", "no entry"),
        ("schedule.interval", "soon", "no time"),
        ("schedule.time_zone", "Mars/Olympus", "not a zone"),
        ("schedule.holidays.country", "XX", "no list of holidays"),
        ("schedule.holidays.extra", "yesterday", "cannot be used"),
        ("schedule.freeze.1.last", "40", "cannot be used|whole month|both|dates and days"),
        ("schedule.flows.payments.days", "someday", "no day"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(app: App, path: str, text: str, says: str) -> None:
    before = app.connection("north").config
    with pytest.raises(BadInput) as refused:
        desk.save(app, "north", {path: text})
    assert re.search(says, f"{refused.value.sentence} {refused.value.remedy}")
    assert app.connection("north").config == before


def interrupted(app: App, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]) -> None:
    """Has somebody else change the connection once, between the reading and the writing of the next change."""
    secrets, other = app.wiring.secrets, app.acting_as("ben")

    def read(row: ConnectionRow, **given: Any) -> dict[str, str]:
        monkeypatch.setattr(app.wiring, "secrets", secrets)
        other.edit_connection("north", changes)
        return secrets(row, **given)

    monkeypatch.setattr(app.wiring, "secrets", read)


def test_of_two_changes_at_the_same_moment_both_are_kept(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(app, monkeypatch, {"connection": {"time_zone": "America/Denver"}})
    assert change(app, "north", {"connection": {"title": "North"}, "policy": {"brakes": {"creates": 7}}})
    row = app.connection("north")
    assert (row.title, row.config["connection"]["time_zone"]) == ("North", "America/Denver")
    interrupted(app, monkeypatch, {"connection": {"title": "Northern sites"}})
    assert saved(app, policy__brakes__creates="77")
    assert policy(app).brakes.creates == 77
    assert app.connection("north").title == "Northern sites"


def test_a_difference_that_is_overtaken_as_it_is_saved_is_not_saved(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = {"policy.brakes.creates": "88"}
    seen = desk.compared(app, "north", typed).seen
    interrupted(app, monkeypatch, {"policy": {"brakes": {"creates": 99}}})
    with pytest.raises(BadInput, match="changed meanwhile"):
        desk.save(app, "north", typed, seen)
    assert policy(app).brakes.creates == 99
