"""One embedded PostgreSQL and one sandbox a session; a fresh database and a fresh world for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_connector.sandbox.running import RunningSandbox
from store.cluster import Cluster

from .office import OPEN, UNAPPROVED, Office, opened

ORDERS = 40


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The session's server, outside pytest's own folder, which the lesser account of the server may not enter."""
    with tempfile.TemporaryDirectory(prefix="mlc-test-") as folder:
        started = Cluster(Path(folder))
        yield started
        started.close()


@pytest.fixture(scope="session")
def served() -> Iterator[RunningSandbox]:
    """Both simulated systems, in a thread, for the whole session."""
    with RunningSandbox(orders=ORDERS) as running:
        yield running


@pytest.fixture
def box(served: RunningSandbox) -> RunningSandbox:
    """The same, as at the start."""
    served.reset()
    served.log.bodies = False
    served.faults.hold = 0.2
    return served


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    """A fresh database at the current schema."""
    made = cluster.new_url()
    yield made
    cluster.drop(made)


@pytest.fixture
def office(box: RunningSandbox, url: str, tmp_path: Path) -> Iterator[Office]:
    """An office before its first sync."""
    with opened(box, tmp_path, url) as made:
        yield made


@pytest.fixture
def running(office: Office) -> Office:
    """An office after its first sync."""
    office.sync()
    return office


@pytest.fixture
def unapproved(office: Office) -> Office:
    """An office whose contracts are Submitted, so that their lines may change."""
    office.proof.status |= UNAPPROVED
    office.policy(**OPEN)
    office.sync()
    office.assert_proven()
    return office
