"""What journeys and troubles share: one PostgreSQL a session, a fresh database and a fresh world for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fresh_box import fresh
from ml_connector.sandbox.running import RunningSandbox
from store.cluster import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The session's server, outside pytest's own folder, which the lesser account of the server may not enter."""
    with tempfile.TemporaryDirectory(prefix="mlc-test-") as folder:
        started = Cluster(Path(folder))
        yield started
        started.close()


@pytest.fixture
def box(served: RunningSandbox) -> RunningSandbox:
    """The same, as at the start."""
    return fresh(served)


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    """A fresh database at the current schema."""
    made = cluster.new_url()
    yield made
    cluster.drop(made)
