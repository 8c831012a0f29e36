"""What a person must do is told once to those it concerns, again when it grows louder, and when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from ml_connector.app import App
from ml_connector.service.alarms import alarms, digest
from ml_connector.service.duty import Duty
from ml_connector.service.metrics import render
from ml_connector.service.status import status
from ml_connector.store import alerts, bulk, counters
from ml_connector.store.alerts import Alert

from .listener import Listener, listening

NOW = datetime.now(UTC)


@pytest.fixture
def bell() -> Iterator[Listener]:
    """What the installation's people hear."""
    with listening() as made:
        yield made


@pytest.fixture
def watched(north: App, bell: Listener) -> App:
    """North, with people who hear of it and a worker that lives."""
    north.settings = msgspec.structs.replace(north.settings, alert_urls=(bell.apprise,), heartbeat_url=bell.url)
    put(north, "INSERT INTO workers (id, kind, host, pid) VALUES ('a1', 'worker', 'here', 7)")
    return north


def put(app: App, sql: str, *values: object) -> None:
    """Writes something down as the service would."""
    with app.db.begin() as conn:
        bulk.run(conn, sql, values)


def look(app: App) -> str:
    """One look of the alarms; what could not be told."""
    return alarms(Duty(app, "alarms", None)).why


def standing(app: App) -> list[str]:
    """Keys of the alerts that stand."""
    with app.db.begin() as conn:
        return [row.key for row in alerts.standing(conn)]


def broken(app: App, state: str = "open") -> None:
    """The breaker of IFS, as it stands when its sign-in is dead."""
    put(
        app,
        "INSERT INTO breakers (connection_id, side, state, reason, sentence, remedy, since) "
        "SELECT id, 'erp', %s, 'SignInRefused', 'IFS refuses the client secret.', 'Renew it.', now() "
        "FROM connections ON CONFLICT (connection_id, side) DO UPDATE SET state = excluded.state",
        state,
    )


def test_all_well_says_nothing_and_the_heart_beats(watched: App, bell: Listener) -> None:
    assert look(watched) == ""
    assert (bell.heard, bell.calls, standing(watched)) == ([], ["/beat"], [])


def test_a_dead_sign_in_is_told_once_and_told_to_be_over(watched: App, bell: Listener) -> None:
    broken(watched)
    for _ in range(3):
        assert look(watched) == ""
    assert [one["title"] for one in bell.heard] == ["ml-connector north: urgent"]
    assert "IFS refuses the client secret. Renew it." in bell.heard[0]["message"]
    broken(watched, "closed")
    for _ in range(2):
        look(watched)
    assert [one["title"] for one in bell.heard] == ["ml-connector north: urgent", "ml-connector north: over"]
    assert standing(watched) == []


def test_what_comes_again_after_it_was_over_is_told_again(watched: App, bell: Listener) -> None:
    for state in ("open", "closed", "open"):
        broken(watched, state)
        look(watched)
    assert [one["title"].rpartition(" ")[2] for one in bell.heard] == ["urgent", "over", "urgent"]


def test_an_address_that_fails_is_tried_again_and_never_shown(watched: App, bell: Listener) -> None:
    broken(watched)
    bell.status = 500
    said = look(watched)
    assert "a json address did not take the message" in said
    assert "hush" not in said
    assert str(bell.port) not in said
    bell.status = 200
    assert look(watched) == ""
    assert len(bell.heard) == 2


def test_a_notice_waits_for_the_digest_and_grows_loud_when_it_must(watched: App, bell: Listener) -> None:
    row = watched.connection("north")
    for severity, heard in ((alerts.NOTICE, 0), (alerts.NOTICE, 0), (alerts.WARNING, 1), (alerts.URGENT, 2)):
        with watched.db.begin() as conn:
            alerts.raise_alert(conn, row.id, Alert("token/erp", severity, "It ends soon.", "Renew it."), NOW)
        look(watched)
        assert len(bell.heard) == heard


def test_the_digest_names_what_is_held_for_whom_with_the_money(watched: App, bell: Listener) -> None:
    assert digest(Duty(watched, "digest", None)).well
    assert bell.heard == []
    row = watched.connection("north")
    put(
        watched,
        "INSERT INTO holds (connection_id, flow, source, kind, erp_id, reason, owner, amount, currency, candidates, "
        "last_seen_run) VALUES (%s, 'purchase_orders', 'P1', 'commitment', 'P1', 'CODE_MISSING', 'cost engineer', "
        "1250.50, 'USD', '{}', 1)",
        row.id,
    )
    with watched.db.begin() as conn:
        alerts.raise_alert(conn, row.id, Alert("certificate/erp", alerts.NOTICE, "It ends in May.", "Renew it."), NOW)
    assert digest(Duty(watched, "digest", None)).well
    [said] = bell.heard
    assert "[notice] It ends in May. Renew it." in said["message"]
    assert "north: 1 hold for the cost engineer: CODE_MISSING, 1,250.50 USD" in said["message"]


def test_a_connection_s_own_people_hear_of_it_and_of_nothing_else(watched: App, bell: Listener) -> None:
    with listening() as own:
        watched.edit_connection("north", {"alerts": {"urls": [own.apprise], "installation_too": False}})
        watched.edit_connection("north", {"connection": {"title": "North"}})  # the addresses stay sealed
        assert "hush" not in str(watched.connection("north").config)
        broken(watched)
        put(watched, "UPDATE workers SET seen_at = now() - interval '5 minutes'")
        look(watched)
    assert [one["title"] for one in own.heard] == ["ml-connector north: urgent"]
    assert [one["title"] for one in bell.heard] == ["ml-connector: urgent"]
    assert "No worker is alive" in bell.heard[0]["message"]


@pytest.mark.parametrize(
    ("sql", "key"),
    [
        (
            "INSERT INTO parked (connection_id, job_id, task, attempts) SELECT id, 1, 'poll', 3 FROM connections",
            "parked/jobs",
        ),
        (
            "INSERT INTO inbox (connection_id, body, received_at) SELECT id, '', now() - interval '1 hour' "
            "FROM connections",
            "backlog/inbox",
        ),
        (
            "INSERT INTO intent_states (id, connection_id, state, sent_at) SELECT 1, id, 'unknown', "
            "now() - interval '1 hour' FROM connections",
            "unknown/outcomes",
        ),
        (
            "INSERT INTO hooks (connection_id, slug, secret_hash, state) SELECT id, 's', '', 'broken' FROM connections",
            "hook/state",
        ),
        (
            "INSERT INTO census (connection_id, kind, erp_id) SELECT id, 'commitment', 'P1' FROM connections",
            "census/missing",
        ),
        (
            "INSERT INTO census (connection_id, kind, erp_id, what) SELECT id, 'voucher', 'V1', 'extra' "
            "FROM connections",
            "census/extra",
        ),
        (
            "INSERT INTO agenda (connection_id, name, well_at) "
            "SELECT id, 'poll/vendors', now() - interval '36 minutes' FROM connections",
            "silence/connection",
        ),
        (
            "INSERT INTO agenda (connection_id, name, well_at) SELECT id, n, now() - m FROM connections, (VALUES "
            "('poll/vendors', interval '36 minutes'), ('poll/budgets', interval '1 minute')) AS v (n, m)",
            "stale/flows",
        ),
        (
            "INSERT INTO workers (id, kind, host, pid, seen_at) VALUES ('b', 'door', 'here', 8, "
            "now() - interval '2 minutes')",
            "worker/gone",
        ),
    ],
)
def test_each_cause_is_an_alert_and_its_end_clears_it(watched: App, bell: Listener, sql: str, key: str) -> None:
    put(watched, sql)
    look(watched)
    assert standing(watched) == [key]
    assert key.split("/")[0] != "silence" or bell.calls == []
    for table in ("parked", "inbox", "intent_states", "hooks", "census", "agenda"):
        put(watched, f"DELETE FROM {table}")
    put(watched, "UPDATE workers SET seen_at = now()")
    look(watched)
    assert standing(watched) == []
    assert [one["title"].rpartition(" ")[2] for one in bell.heard][-1] == "over"


def test_amber_waits_for_the_digest_and_red_does_not(watched: App, bell: Listener) -> None:
    row = watched.connection("north")
    put(watched, "INSERT INTO agenda (connection_id, name, well_at) VALUES (%s, 'poll/budgets', now())", row.id)
    for minutes, severity, heard in ((20, None, 0), (30, "notice", 0), (36, "warning", 1)):
        put(
            watched,
            "INSERT INTO agenda (connection_id, name, well_at) VALUES (%s, 'poll/vendors', now() - %s::interval) "
            "ON CONFLICT (connection_id, name) DO UPDATE SET well_at = excluded.well_at",
            row.id,
            f"{minutes} minutes",
        )
        look(watched)
        with watched.db.begin() as conn:
            stand = alerts.standing(conn)
        assert ([one.severity for one in stand], len(bell.heard)) == ([severity] if severity else [], heard)
    assert [flow["fresh"] for flow in status(watched)["connections"][0]["flows"]] == ["green", "red"]


def test_what_nobody_expects_to_run_is_no_alarm(watched: App) -> None:
    """At night, on a day off and while it is paused, time in which it could have run does not pass."""
    row = watched.connection("north")
    sql = "INSERT INTO agenda (connection_id, name, well_at) VALUES (%s, 'poll/vendors', now() - interval '5 hours')"
    put(watched, sql, row.id)
    look(watched)
    assert standing(watched) == ["silence/connection"]
    hour = (NOW + timedelta(hours=8)).hour % 23
    watched.edit_connection("north", {"schedule": {"hours": f"{hour:02}:00-{hour + 1:02}:00", "time_zone": "UTC"}})
    look(watched)
    assert standing(watched) == []


def test_a_plan_that_stopped_at_its_gate_is_told_until_it_is_decided(watched: App, bell: Listener) -> None:
    row = watched.connection("north")
    put(
        watched,
        "WITH r AS (INSERT INTO runs (connection_id, flows, state, error, finished_at) VALUES "
        "(%s, '{}', 'stopped', 'The plan ab12 waits for approval; nothing was sent.', now()) RETURNING id) "
        "INSERT INTO plans (connection_id, hash, run_id) SELECT %s, 'ab12', id FROM r",
        row.id,
        row.id,
    )
    look(watched)
    assert standing(watched) == ["approval/ab12"]
    assert "sync north --plan ab12" in bell.heard[0]["message"]
    assert status(watched, "north")["connections"][0]["state"] == "asks"
    put(watched, "UPDATE plans SET state = 'applied'")
    look(watched)
    assert standing(watched) == []


def test_metrics_and_status_say_what_is_in_the_database(watched: App) -> None:
    row = watched.connection("north")
    broken(watched)
    put(
        watched,
        "INSERT INTO agenda (connection_id, name, well_at, due_at) VALUES (%s, 'poll/vendors', "
        "now() - interval '90 seconds', now())",
        row.id,
    )
    put(
        watched,
        'INSERT INTO paces (connection_id, side, "window", most, left_over, resets_at) VALUES '
        "(%s, 'projects', 'hour', 3600, 1200, %s)",
        row.id,
        (NOW + timedelta(hours=1)).timestamp(),
    )
    for seconds in (1, 3):
        put(
            watched,
            "INSERT INTO inbox (connection_id, event, body, state, received_at, settled_at) "
            "VALUES (%s, %s, '', 'done', now() - interval '1 minute', now() - interval '1 minute' + %s::interval)",
            row.id,
            str(seconds),
            f"{seconds} seconds",
        )
    with watched.db.begin() as conn:
        counters.bump(conn, row.id, {counters.ECHOES: 3, "requests/projects/write": 5})
        counters.bump(conn, row.id, {counters.ECHOES: 1})
        counters.bump(conn, 0, {counters.TAKEOVERS: 2})
    lines = render(watched).decode().splitlines()
    for line in (
        'ml_connector_breaker_open{connection="north",system="erp"} 1.0',
        'ml_connector_requests_left{connection="north",system="projects",window="hour"} 1200.0',
        'ml_connector_events_total{connection="north",what="echoes"} 4.0',
        'ml_connector_events_total{connection="",what="takeovers"} 2.0',
        'ml_connector_requests_total{connection="north",kind="write",system="projects"} 5.0',
        'ml_connector_unknown_outcomes{connection="north"} 0.0',
        'ml_connector_event_seconds{connection="north"} 2.9',
    ):
        assert line in lines
    [lag] = [line for line in lines if line.startswith('ml_connector_flow_lag_seconds{connection="north"')]
    assert 90 <= float(lag.rpartition(" ")[2]) < 120
    [found] = status(watched)["connections"]
    assert (found["state"], found["why"]) == ("broken", "IFS refuses the client secret.")
    assert found["requests_left"] == [{"system": "projects", "window": "hour", "left": 1200, "of": 3600}]
