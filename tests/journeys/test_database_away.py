"""The database is killed in the middle of a run: a clear error or recovery, and the next run heals."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ml_connector.app import App
from ml_connector.engine import run as engine_run
from ml_connector.kernel.errors import ConnectorError, Unavailable
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings

from .office import Office


@pytest.fixture
def own_server(box: RunningSandbox) -> Iterator[Office]:
    """An office with an embedded server of its own, which may be killed."""
    with tempfile.TemporaryDirectory(prefix="mlc-test-") as folder:
        settings = Settings(home=Path(folder))
        with App.open(settings, actor="test") as app:
            yield Office(box, settings, app)


def kill_server(office: Office) -> None:
    """The postmaster and all its children are gone when this returns, as after a power cut."""
    server = office.app.db.server
    assert server is not None
    pid = int((server.data / "postmaster.pid").read_text().split()[0])
    children = psutil.Process(pid).children()
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs(children, 10)


@pytest.mark.parametrize("moment", ["purchase_order_contracts/sync", "line_items/sync"])
def test_database_killed_while_orders_are_sent(
    own_server: Office, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watched(own_server, moment, monkeypatch)
    with contextlib.suppress(ConnectorError):
        own_server.sync()
    assert seen() == 1
    own_server.sync()
    own_server.assert_proven()
    own_server.assert_rests()


def watched(office: Office, moment: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Kills the server once Procore has heard a call at `moment`; answers how often it did."""
    killed: list[str] = []
    real = type(office.box.sandbox).answer

    def answer(sandbox: object, side: str, request: object) -> object:
        heard = real(sandbox, side, request)  # type: ignore[arg-type]
        if not killed and moment in request.path:  # type: ignore[attr-defined]
            killed.append(moment)
            kill_server(office)
        return heard

    monkeypatch.setattr(type(office.box.sandbox), "answer", answer)
    return lambda: len(killed)


def test_database_killed_between_runs_comes_back(own_server: Office) -> None:
    own_server.sync()
    kill_server(own_server)
    with contextlib.suppress(Unavailable):  # its children die a moment after it, some of them in our hands
        own_server.sync()
    own_server.assert_rests()
    own_server.assert_proven()


def test_database_killed_before_the_plan_is_kept(own_server: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    real = engine_run.check_gate

    def gate(*given: object) -> None:
        kill_server(own_server)
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(engine_run, "check_gate", gate)
    with contextlib.suppress(ConnectorError):
        own_server.sync()
    monkeypatch.setattr(engine_run, "check_gate", real)
    own_server.sync()
    own_server.assert_proven()
