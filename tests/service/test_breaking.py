"""A side in trouble is not called by unattended runs until it heals, and a person is told why."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from ml_connector.app import App
from ml_connector.engine.work import Errand
from ml_connector.kernel.errors import (
    ConnectorError,
    EnvironmentChanged,
    HostUnreachable,
    RateLimited,
    SignInRefused,
    Unavailable,
)
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import breaking
from ml_connector.service.alarms import alarms
from ml_connector.service.duty import Done, Duty
from ml_connector.store import agenda, alerts, audit, breakers
from ml_connector.store.agenda import Laid
from ml_connector.store.breakers import BreakerRow

POLL = Errand(trigger="schedule", actor="schedule")
ONE = ("projects",)
"""The smallest run there is."""
Trouble = Callable[[App, RunningSandbox], AbstractContextManager[None]]
"""What is wrong with a side while the block lasts."""


def run(app: App) -> ConnectorError | None:
    """One unattended run, as the service makes it; the error it ended with."""
    try:
        app.run("north", ONE, POLL)
    except ConnectorError as error:
        breaking.trip(app, app.connection("north"), error)
        return error
    return None


def breaker(app: App, side: str) -> BreakerRow | None:
    with app.db.begin() as conn:
        return breakers.of(conn, app.connection("north").id).get(side)


def standing(app: App) -> str:
    return breaking.standing(app, app.connection("north"))


def probe(app: App, side: str) -> Done:
    return breaking.probe(Duty(app, "probe", app.connection("north"), {"side": side}))


def alarming(app: App) -> list[str]:
    """Keys of the alerts about sides that people have been told of, after a look of the alarms."""
    alarms(Duty(app, "alarms", None))
    with app.db.begin() as conn:
        return [row.key for row in alerts.standing(conn) if row.key.startswith("breaker/")]


def planned(app: App, name: str) -> datetime | None:
    with app.db.begin() as conn:
        row = agenda.one(conn, app.connection("north").id, name)
        return row.due_at if row else None


def test_dead_credentials_open_the_side_at_once_and_a_probe_closes_it_when_they_live_again(
    north: App, box: RunningSandbox
) -> None:
    app, now = north, datetime.now(UTC)
    secret = box.ifs._sign_in._client_secret
    with app.db.begin() as conn:
        agenda.lay(conn, [Laid(app.connection("north").id, "poll", now + timedelta(hours=5), 20)], now)
    box.ifs._sign_in._client_secret = "another"
    try:
        assert isinstance(run(app), SignInRefused)
        found = breaker(app, "erp")
        assert found is not None
        assert (found.state, found.reason) == ("open", "SignInRefused")
        assert "secret" in found.remedy
        assert "IFS is not called" in standing(app)
        assert breaker(app, "projects") is None
        first = planned(app, "probe/erp")
        assert first is not None
        assert timedelta(seconds=45) < first - now < timedelta(seconds=75)
        again = probe(app, "erp")
        assert not again.well
        assert again.again_at == planned(app, "probe/erp") == breaking.reopens(app, app.connection("north"))
        assert again.again_at is not None
        assert timedelta(seconds=90) < again.again_at - now < timedelta(seconds=140)
    finally:
        box.ifs._sign_in._client_secret = secret
    assert probe(app, "erp").well
    assert standing(app) == "", "runs begin again, the polls at once"
    assert planned(app, "probe/erp") is breaking.reopens(app, app.connection("north")) is None
    due = planned(app, "poll")
    assert due is not None
    assert due < now + timedelta(minutes=5)
    assert alarming(app) == ["breaker/erp"], "nothing is over yet: only a run tells"
    assert run(app) is None
    assert alarming(app) == []
    with app.db.begin() as conn:
        tags = [one.entry.tag for one in audit.entries(conn, app.connection("north").id)]
    assert tags.count("breaker:open:done") == tags.count("breaker:close:done") == 1


def test_a_right_that_stays_away_is_tried_ever_later_until_a_whole_run_goes_well(
    north: App, box: RunningSandbox
) -> None:
    app, now = north, datetime.now(UTC)
    box.admin("POST", "switches", {"ifs": {"denied_projections": ["ProjectsHandling"]}})
    pauses = []
    for _ in range(3):  # a probe finds the sign-in well; only the run meets the lack again
        assert run(app) is not None
        due = planned(app, "probe/erp")
        assert due is not None
        pauses.append((due - now).total_seconds() / 60)
        assert probe(app, "erp").well
        found = breaker(app, "erp")
        assert found is not None
        assert (found.state, standing(app), alarming(app)) == ("probing", "", ["breaker/erp"])
        assert found.sentence.endswith(breaking.ANSWERS)
    assert 0.7 < pauses[0] < 1.3
    assert 1.5 < pauses[1] < 2.5
    assert 3.1 < pauses[2] < 4.8
    box.admin("POST", "switches", {"ifs": {"denied_projections": []}})
    assert run(app) is None
    found = breaker(app, "erp")
    assert found is not None
    assert (found.state, found.failures, alarming(app)) == ("closed", 0, [])
    with app.db.begin() as conn:
        tags = [one.entry.tag for one in audit.entries(conn, app.connection("north").id)]
    assert tags.count("breaker:open:done") == tags.count("breaker:close:done") == 1, "it was one trouble"


def test_a_side_that_answered_its_probe_has_one_try_and_is_due_once(north: App) -> None:
    app, row, now = north, north.connection("north"), datetime.now(UTC)
    away = Unavailable("Procore is away.")
    away.side = "projects"
    assert [breaking.trip(app, row, away) for _ in range(3)][-1]
    assert probe(app, "projects").well
    assert breaking.trip(app, row, away), "half open, it is patient no more"
    assert "Procore is away." in standing(app)
    assert probe(app, "projects").well
    later = now + timedelta(hours=5)
    with app.db.begin() as conn:
        agenda.lay(conn, [Laid(row.id, "poll", later, 20)], now)
    assert run(app) is None
    assert planned(app, "poll") == later, "what was put off was due when it answered, not a second time"


@contextmanager
def gone(app: App, box: RunningSandbox) -> Iterator[None]:
    """Nothing answers at the address of IFS."""
    told = tomllib.loads(box.connection_text())["erp"]
    app.edit_connection("north", {"erp": {**told, "url": "http://127.0.0.1:9"}})
    yield
    app.edit_connection("north", {"erp": told})


@contextmanager
def another(app: App, box: RunningSandbox) -> Iterator[None]:
    """Another company answers in the place of the one the connection is tied to."""
    run(app)
    state = box.procore._state
    me = state.me
    box.in_loop(lambda: setattr(state, "me", me + 1))
    with app.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM secrets WHERE field = 'projects_token'")
    yield
    box.in_loop(lambda: setattr(state, "me", me))


@pytest.mark.parametrize(
    ("trouble", "kind", "side"), [(gone, HostUnreachable, "erp"), (another, EnvironmentChanged, "projects")]
)
def test_a_host_that_is_gone_and_another_environment_open_their_side_at_once(
    north: App, box: RunningSandbox, trouble: Trouble, kind: type[ConnectorError], side: str
) -> None:
    with trouble(north, box):
        assert isinstance(run(north), kind)
        found = breaker(north, side)
        assert found is not None
        assert (found.state, found.reason) == ("open", kind.__name__)
        assert found.remedy
        assert breaking.SIDES[side] in standing(north)
        assert not probe(north, side).well, "as long as it lasts"
    assert probe(north, side).well
    assert run(north) is None
    assert standing(north) == ""


def test_a_side_that_is_away_opens_after_three_runs_and_a_persons_sync_closes_it(
    north: App, box: RunningSandbox
) -> None:
    app, row = north, north.connection("north")
    away = Unavailable("Procore is away.")
    away.side = "projects"
    assert [breaking.trip(app, row, away) for _ in range(2)] == [False, False]
    assert standing(app) == ""
    assert run(app) is None  # a run between that ends well starts the count anew
    assert [breaking.trip(app, row, away) for _ in range(3)] == [False, False, True]
    assert "Procore is away." in standing(app)
    app.sync("north", ONE)
    assert standing(app) == ""
    assert planned(app, "probe/projects") is None


def test_rates_and_the_database_open_nothing(north: App) -> None:
    row = north.connection("north")
    slow, ours = RateLimited("Slow down."), Unavailable("The database went away.")
    slow.side, ours.side = "projects", "store"
    assert [breaking.trip(north, row, one) for one in [slow] * 5 + [ours] * 5] == [False] * 10
    assert standing(north) == ""


@pytest.mark.parametrize("fault", ["503", "drop_before"])
def test_an_outage_tells_its_side(north: App, box: RunningSandbox, fault: str) -> None:
    box.faults.add(FaultRule(fault, side="procore", times=0, retry_after=1000))
    error = run(north)
    assert error is not None
    assert error.side == "projects", error
    assert breaker(north, "erp") is None


def test_the_pause_doubles_to_half_an_hour() -> None:
    minutes = [breaking.pause(failures, 1.0).total_seconds() / 60 for failures in range(8)]
    assert minutes == [1, 2, 4, 8, 16, 30, 30, 30]
    assert breaking.pause(0, 0.0) < breaking.pause(0, 1.0)
