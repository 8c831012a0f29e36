"""What a person must do is told once to those it concerns, again when it grows louder, and when it is over."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ml_connector.app import App
from ml_connector.service.alarms import alarms, digest, nobody_works
from ml_connector.service.duty import Done, Duty
from ml_connector.service.metrics import render
from ml_connector.service.serving import Service
from ml_connector.service.status import status
from ml_connector.store import alerts, bulk, counters, unsettled
from ml_connector.store.alerts import Alert
from ml_connector.store.queue_schema import SCHEMA
from ml_connector.webhooks.serving import Door

from .listener import Listener, listening

NOW = datetime.now(UTC)
DOCS = Path(__file__).parents[2] / "docs"
DOORS = {"door_seconds", "door_answers_total", "door_events_total"}
"""Metrics of the door that is asked, which are counted in its process."""


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


def titles(bell: Listener) -> list[str]:
    """The last word of each title that was heard: urgent, do (to do), over, person (a digest)."""
    return [one["title"].rpartition(" ")[2] for one in bell.heard]


def polled(app: App, **minutes: int) -> None:
    """Flows of north whose last poll ended well so many minutes ago."""
    for flow, number in minutes.items():
        put(
            app,
            "INSERT INTO agenda (connection_id, name, well_at) SELECT id, %s, now() - %s::interval FROM connections "
            "ON CONFLICT (connection_id, name) DO UPDATE SET well_at = excluded.well_at",
            f"poll/{flow}",
            f"{number} minutes",
        )


def ran(
    app: App, state: str, trigger: str = "schedule", flows: str = "{vendors,purchase_orders}", plan: str = ""
) -> None:
    """A run of north that has ended, and the plan it stopped for."""
    error = f"The plan {plan} waits for approval; nothing was sent." if state == "stopped" else ""
    put(
        app,
        "INSERT INTO runs (connection_id, flows, state, trigger, plan_hash, error, finished_at) "
        "SELECT id, %s, %s, %s, %s, %s, now() FROM connections",
        flows,
        state,
        trigger,
        plan,
        error,
    )
    if plan:
        put(
            app,
            "INSERT INTO plans (connection_id, hash, run_id) SELECT connection_id, %s, id FROM runs "
            "ORDER BY id DESC LIMIT 1 ON CONFLICT (connection_id, hash) DO UPDATE SET run_id = excluded.run_id",
            plan,
        )


def waited(true: Callable[[], object]) -> None:
    """Returns once it is true; fails after ten seconds."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


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


def test_an_address_that_is_dead_takes_nothing_from_the_others(watched: App, bell: Listener) -> None:
    with listening() as ill:
        watched.settings = msgspec.structs.replace(watched.settings, alert_urls=(ill.apprise, bell.apprise))
        ill.status = 500
        broken(watched)
        for _ in range(3):
            assert "did not take the message" in look(watched)
        assert titles(bell) == ["urgent"]
        with watched.db.begin() as conn:
            [told] = [row.told_to for row in alerts.standing(conn)]
        assert len(told) == 1
        assert not any(part in told[0] for part in (str(bell.port), "hush"))
        ill.status, ill.heard = 200, []
        assert [look(watched), look(watched)] == ["", ""]
        assert (titles(ill), titles(bell)) == (["urgent"], ["urgent"])
        ill.status = 500
        broken(watched, "closed")
        assert "did not take the message" in look(watched)
        ill.status, ill.heard = 200, []
        assert [look(watched), look(watched)] == ["", ""]
        assert (titles(ill), titles(bell)) == (["over"], ["urgent", "over"])


def test_who_never_heard_that_it_began_does_not_hear_that_it_is_over(watched: App, bell: Listener) -> None:
    with listening() as ill:
        watched.settings = msgspec.structs.replace(watched.settings, alert_urls=(ill.apprise, bell.apprise))
        ill.status = 500
        broken(watched)
        look(watched)
        ill.status, ill.heard = 200, []
        broken(watched, "closed")
        look(watched)
        assert (titles(ill), titles(bell)) == ([], ["urgent", "over"])


def test_what_comes_later_is_told_without_what_was_told_before(watched: App, bell: Listener) -> None:
    broken(watched)
    look(watched)
    put(watched, "INSERT INTO parked (connection_id, job_id, task, attempts) SELECT id, 1, 'poll', 3 FROM connections")
    look(watched)
    assert ["IFS refuses" in one["message"] for one in bell.heard] == [True, False]
    assert ["1 job ended" in one["message"] for one in bell.heard] == [False, True]


def test_what_nobody_could_be_told_is_told_once_there_is_an_address(watched: App, bell: Listener) -> None:
    addresses = watched.settings.alert_urls
    watched.settings = msgspec.structs.replace(watched.settings, alert_urls=())
    broken(watched)
    assert look(watched) == ""
    assert digest(Duty(watched, "digest", None)) == Done()
    assert [one["told"] for one in status(watched)["alerts"]] == [None]
    watched.settings = msgspec.structs.replace(watched.settings, alert_urls=addresses)
    for _ in range(2):
        look(watched)
    assert titles(bell) == ["urgent"]


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
    assert f"{row.title}: 1 hold for the cost engineer: CODE_MISSING, 1,250.50 USD" in said["message"]


def test_a_digest_that_failed_goes_again_to_those_who_did_not_take_it_until_the_next(
    watched: App, bell: Listener
) -> None:
    assert watched.settings.digest == ("07:00", "UTC")
    row = watched.connection("north")
    with watched.db.begin() as conn:
        alerts.raise_alert(conn, row.id, Alert("certificate/erp", alerts.NOTICE, "It ends in May.", "Renew it."), NOW)
    at = datetime(2027, 3, 1, 7, tzinfo=UTC)
    watched.clock = lambda: at
    with listening() as ill:
        watched.settings = msgspec.structs.replace(watched.settings, alert_urls=(ill.apprise, bell.apprise))
        ill.status = 500
        done = digest(Duty(watched, "digest", None))
        assert (done.well, done.again_at) == (False, at + timedelta(minutes=1))
        assert not any(part in str(done) for part in (str(ill.port), "hush"))
        at += timedelta(hours=2)
        done = digest(Duty(watched, "digest", None, done.rest))
        assert (done.well, len(ill.heard), len(bell.heard)) == (False, 2, 1)
        at = datetime(2027, 3, 2, 7, tzinfo=UTC)  # the next one goes to everybody
        done = digest(Duty(watched, "digest", None, done.rest))
        assert (done.well, len(ill.heard), len(bell.heard)) == (False, 3, 2)
        ill.status = 200
        assert digest(Duty(watched, "digest", None, done.rest)) == Done()
        assert (len(ill.heard), len(bell.heard)) == (4, 2)


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
    ran(watched, "stopped", plan="ab12")
    why = "2,000.00 USD moved, limit 1,000.00 USD"
    put(watched, f"UPDATE runs SET error = 'The plan ab12 stops at its brakes: {why}. Nothing was sent.'")
    look(watched)
    assert standing(watched) == ["approval/plan"]
    said = bell.heard[0]["message"]
    assert f"a plan waits for approval. It stops at its brakes: {why}." in said
    assert said.count("ab12") == said.count("--plan ab12") == 1
    assert status(watched, "north")["connections"][0]["plans_waiting"] == ["ab12"]
    put(watched, "UPDATE plans SET state = 'applied'")
    look(watched)
    assert standing(watched) == []


def test_a_plan_that_waits_is_told_once_whatever_runs_between_two_polls(watched: App, bell: Listener) -> None:
    ran(watched, "stopped", plan="ab12")
    look(watched)
    ran(watched, "done", "webhook", "{vendors,purchase_orders}")
    look(watched)
    ran(watched, "done", "plan", plan="ab12")  # a person reads it, as the remedy says
    look(watched)
    ran(watched, "done", "schedule", "{vendors}")
    look(watched)
    ran(watched, "failed")
    look(watched)
    ran(watched, "stopped", plan="cd34")  # new data: another plan, the same question
    look(watched)
    assert (standing(watched), titles(bell)) == (["approval/plan"], ["do"])
    assert status(watched, "north")["connections"][0]["plans_waiting"] == ["cd34"]
    ran(watched, "done", "schedule", "{purchase_orders}", "ef56")
    look(watched)
    assert standing(watched) == ["approval/plan"]
    ran(watched, "done", "schedule", "{vendors,budgets}", "0a78")  # by now both were looked at, and nothing stopped
    look(watched)
    assert (standing(watched), titles(bell)) == ([], ["do", "over"])


def test_events_pile_up_even_while_one_flow_is_paused(watched: App) -> None:
    put(
        watched,
        "INSERT INTO inbox (connection_id, body, received_at) SELECT id, '', now() - interval '1 hour' "
        "FROM connections",
    )
    for flow, found in (("vendors", ["backlog/inbox"]), ("", [])):
        put(watched, "INSERT INTO pauses (connection_id, flow, actor) SELECT id, %s, 'me' FROM connections", flow)
        look(watched)
        assert standing(watched) == found


def test_lateness_that_a_worse_alarm_takes_over_is_not_told_to_be_over(watched: App, bell: Listener) -> None:
    polled(watched, vendors=36, budgets=1)
    look(watched)
    assert (standing(watched), titles(bell)) == (["stale/flows"], ["do"])
    polled(watched, budgets=36)
    look(watched)
    assert (standing(watched), titles(bell)) == (["silence/connection"], ["do", "urgent"])
    broken(watched)
    look(watched)
    assert (standing(watched), titles(bell)) == (["breaker/erp"], ["do", "urgent", "urgent"])
    broken(watched, "closed")
    look(watched)  # it is silent still, and that is told again
    assert (standing(watched), titles(bell)) == (["silence/connection"], ["do", "urgent", "urgent", "urgent"])
    ran(watched, "stopped", flows="{vendors,budgets}", plan="ab12")
    look(watched)
    assert (standing(watched), titles(bell)[4:]) == (["approval/plan"], ["do"])
    assert [one["message"].count("[over]") for one in bell.heard] == [0, 0, 0, 1, 0]
    put(watched, "UPDATE plans SET state = 'applied'")
    polled(watched, vendors=1, budgets=1)
    look(watched)
    assert (standing(watched), titles(bell)[5:]) == ([], ["over"])


def test_a_plan_that_waits_excuses_its_own_flows_and_no_others(watched: App, bell: Listener) -> None:
    polled(watched, vendors=36, budgets=1)
    ran(watched, "stopped", plan="ab12")
    look(watched)
    assert standing(watched) == ["approval/plan"], "vendors wait for it"
    polled(watched, vendors=1, budgets=36)
    look(watched)
    assert standing(watched) == ["approval/plan", "stale/flows"]
    assert "budgets is above the target" in bell.heard[-1]["message"]
    polled(watched, vendors=36)
    look(watched)
    assert (standing(watched), titles(bell)) == (["silence/connection", "approval/plan"], ["do", "do", "urgent"])
    look(watched)
    assert (standing(watched), len(bell.heard)) == (["silence/connection", "approval/plan"], 3)
    polled(watched, budgets=1)
    look(watched)
    assert (standing(watched), len(bell.heard)) == (["approval/plan"], 3), "vendors are late still: it is not over"


def test_a_door_that_stands_alone_tells_when_no_worker_is_left(watched: App, bell: Listener) -> None:
    put(watched, "UPDATE workers SET seen_at = now() - interval '5 minutes'")
    service = Service(watched, door=Door(watched, port=0), slots=0)
    assert service.watch
    service.watch.every = 0.02
    service.start()
    try:
        waited(lambda: bell.heard)
        said = [one["title"] for one in bell.heard]
        waited(lambda: [one["told"] for one in status(watched)["alerts"] if one["times"] > 2])
    finally:
        service.stop(2)
    assert said == ["ml-connector: urgent"]
    assert "No worker is alive" in bell.heard[0]["message"]
    assert (len(bell.heard), standing(watched), bell.calls) == (1, ["silence/workers"], [])
    put(watched, "UPDATE workers SET seen_at = now()")
    look(watched)
    assert (standing(watched), titles(bell)) == ([], ["urgent", "over"])


def test_a_lone_door_says_nothing_while_a_worker_lives(watched: App, bell: Listener) -> None:
    assert nobody_works(watched) == ""
    assert (bell.heard, standing(watched)) == ([], [])
    assert Service(watched, door=Door(watched, port=0), slots=1).watch is None  # it has a worker that looks


def test_each_metric_says_what_is_in_the_database(watched: App) -> None:
    row = watched.connection("north")
    polled(watched, vendors=5)
    rows = (
        "UPDATE connections SET created_at = now() - interval '2 hours'",
        "INSERT INTO agenda (connection_id, name) SELECT id, 'poll/budgets' FROM connections",
        "UPDATE workers SET seen_at = now() - interval '20 seconds'",
        "UPDATE secrets SET sealed_at = now() - interval '3 days' WHERE field = 'erp_client_secret'",
        "INSERT INTO holds (connection_id, flow, source, kind, erp_id, reason, owner, amount, currency, candidates, "
        "last_seen_run) SELECT id, 'f', n::text, 'k', n::text, 'CODE_MISSING', 'cost engineer', 1250.25, 'USD', '{}', "
        "1 FROM connections, generate_series(1, 2) n",
        "INSERT INTO intent_states (id, connection_id, state, sent_at) SELECT 1, id, 'unknown', now() FROM connections",
        "INSERT INTO intent_states (id, connection_id, state, sent_at) SELECT n, id, 'sending', now() - n * interval "
        "'2 minutes' FROM connections, generate_series(2, 3) n",  # the third should have ended a minute ago
        "INSERT INTO parked (connection_id, job_id, task, attempts) SELECT id, 1, 'poll', 3 FROM connections",
        "INSERT INTO census (connection_id, kind, erp_id, what) SELECT id, 'vendor', 'V1', 'stale' FROM connections",
        "INSERT INTO hooks (connection_id, slug, secret_hash, state) SELECT id, 's', '', 'gone' FROM connections",
        "INSERT INTO breakers (connection_id, side, state) SELECT id, 'erp', 'open' FROM connections",
        "INSERT INTO paces (connection_id, side, \"window\", most, left_over, resets_at) SELECT id, 'projects', "
        "'hour', 3600, 1200, extract(epoch FROM now()) + 600 FROM connections",
        "INSERT INTO inbox (connection_id, event, body, received_at) SELECT id, 'a', '', now() - interval '90 seconds' "
        "FROM connections",
        "INSERT INTO inbox (connection_id, event, body, state, received_at, settled_at) SELECT id, 'b', '', 'done', "
        "now() - interval '30 minutes', now() - interval '10 minutes' FROM connections",
    )
    for sql in rows:
        put(watched, sql)
    ran(watched, "done")
    ran(watched, "stopped", plan="ab12")
    with watched.db.begin() as conn:
        assert unsettled.count_unknown(conn, row.id) == 2, "the inbox counts what the metrics count"
        counters.bump(conn, row.id, {counters.ECHOES: 3, "requests/erp/read": 7})
        bulk.run(conn, f"SET LOCAL search_path = {SCHEMA}")
        sql = "INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('work', 'poll', 'todo'), "
        bulk.run(conn, sql + "('work', 'poll', 'todo'), ('work', 'alarms', 'doing')")
    families = {one.name: one.samples for one in text_string_to_metric_families(render(watched).decode())}
    found = {
        (one.name.removeprefix("ml_connector_"), *sorted(one.labels.values())): one.value
        for samples in families.values()
        for one in samples
    }
    assert [name for name, samples in families.items() if not samples] == []
    exact = {
        ("held_money", "CODE_MISSING", "USD", "cost engineer", "north"): 2500.5,
        ("holds", "CODE_MISSING", "USD", "cost engineer", "north"): 2,
        ("unknown_outcomes", "north"): 2,
        ("plans_waiting", "north"): 1,
        ("parked_jobs", "north"): 1,
        ("census_findings", "north", "stale"): 1,
        ("jobs", "poll", "waiting"): 2,
        ("jobs", "alarms", "running"): 1,
        ("inbox_waiting", "north"): 1,
        ("event_seconds", "north"): 1200,
        ("requests_total", "erp", "north", "read"): 7,
        ("requests_left", "hour", "north", "projects"): 1200,
        ("breaker_open", "erp", "north"): 1,
        ("webhooks", "gone", "north"): 1,
        ("events_total", "echoes", "north"): 3,
    }
    assert {name: found[name] for name in exact} == exact
    ages = {
        ("flow_lag_seconds", "north", "vendors"): 300,
        ("flow_lag_seconds", "budgets", "north"): 7200,  # it never ran well: since the connection was made
        ("flow_age_seconds", "green", "north", "vendors"): 300,
        ("flow_age_seconds", "budgets", "north", "red"): 7200,
        ("last_good_run_age_seconds", "north"): 0,
        ("inbox_oldest_seconds", "north"): 90,
        ("worker_seen_seconds", "a1", "worker"): 20,
        ("secret_age_seconds", "erp_client_secret", "north"): 3 * 86_400,
    }
    assert {name: found[name] - age for name, age in ages.items() if not 0 <= found[name] - age < 60} == {}
    documented = set(re.findall(r"`ml_connector_(\w+)`", (DOCS / "watching.md").read_text()))
    assert {name for name, *_ in found} | DOORS == documented


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
    assert [(one["system"], one["why"]) for one in found["systems"]] == [("erp", "IFS refuses the client secret.")]
    assert found["requests_left"] == [{"system": "projects", "window": "hour", "left": 1200, "of": 3600}]
