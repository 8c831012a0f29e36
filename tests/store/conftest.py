"""One embedded PostgreSQL for the whole session, and a fresh database on it for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_connector.store import connections
from ml_connector.store.postgres import Database

from .cluster import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The session's server."""
    started = Cluster(tmp_path_factory.mktemp("home"))
    yield started
    started.close()


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
