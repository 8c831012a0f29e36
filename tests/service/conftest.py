"""One sandbox a session; a fresh database with a connection to it, and its App, for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_connector.app import App
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings

ORDERS = 24


@pytest.fixture(scope="session")
def served() -> Iterator[RunningSandbox]:
    """Both simulated systems, in a thread, for the whole session."""
    with RunningSandbox(orders=ORDERS) as running:
        yield running


@pytest.fixture
def app(url: str, tmp_path: Path) -> Iterator[App]:
    """An App over a fresh database; nothing is in it."""
    with App.open(Settings(tmp_path / "home", url)) as opened:
        yield opened


@pytest.fixture
def north(app: App, box: RunningSandbox) -> App:
    """The same with a connection called north to the sandbox, as at its start."""
    app.add_connection("north", box.connection_text())
    return app
