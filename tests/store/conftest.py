"""A fresh database on the session's PostgreSQL for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ml_connector.store import connections
from ml_connector.store.postgres import Database

from .cluster import Cluster


@contextmanager
def _short_home() -> Iterator[Path]:
    """A home outside pytest's own temporary folder.

    As root the server runs under a lesser account, and every pytest that starts closes that folder to all but root.
    """
    with tempfile.TemporaryDirectory(prefix="mlc-test-") as folder:
        yield Path(folder)


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty home for an embedded server of the test's own."""
    with _short_home() as made:
        yield made


@pytest.fixture
def database(cluster: Cluster, tmp_path: Path) -> Iterator[Database]:
    """A fresh database."""
    url = cluster.new_url()
    with Database.open(tmp_path, url) as opened:
        yield opened
    cluster.drop(url)


@pytest.fixture
def cid(database: Database) -> int:
    """A connection to work for."""
    with database.begin() as conn:
        return connections.add(conn, "acme", "Acme Machines and Acme Sites", {"schedule": "hourly"})
