"""One embedded PostgreSQL and one sandbox a session; a fresh database, world and command line for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from journeys.office import NAME, Office, opened
from ml_connector.sandbox.running import RunningSandbox

from .desk import Desk

ORDERS = 24


@pytest.fixture(scope="session")
def served() -> Iterator[RunningSandbox]:
    """Both simulated systems, in a thread, for the whole session."""
    with RunningSandbox(orders=ORDERS) as running:
        yield running


@pytest.fixture
def office(box: RunningSandbox, url: str, tmp_path: Path) -> Iterator[Office]:
    """An office before its first sync."""
    with opened(box, tmp_path, url) as made:
        yield made


@pytest.fixture
def desk(box: RunningSandbox, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A command line over a fresh database, without a connection."""
    return Desk(box, tmp_path, url, capsys)


@pytest.fixture
def front(office: Office, desk: Desk) -> Desk:
    """The command line of the office: same database, same connection."""
    assert desk.home == office.settings.home
    assert NAME in [row.name for row in office.app.connections()]
    return desk


@pytest.fixture
def home() -> Iterator[Path]:
    """A short home for an embedded server of the test's own."""
    with tempfile.TemporaryDirectory(prefix="mlc-test-") as folder:
        yield Path(folder)
