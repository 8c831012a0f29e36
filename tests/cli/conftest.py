"""One sandbox for the session; a fresh database and home for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_connector.sandbox.running import RunningSandbox
from store.cluster import Cluster

from .shell import Shell

ORDERS = 40


@pytest.fixture(scope="session")
def served() -> Iterator[RunningSandbox]:
    """Both simulated systems, in a thread, for the whole session."""
    with RunningSandbox(orders=ORDERS) as running:
        yield running


@pytest.fixture
def box(served: RunningSandbox) -> RunningSandbox:
    """The same, as at the start."""
    served.reset()
    return served


@pytest.fixture
def shell(cluster: Cluster, tmp_path: Path) -> Iterator[Shell]:
    """A home folder and a fresh database."""
    url = cluster.new_url()
    yield Shell(tmp_path / "home", url)
    cluster.drop(url)


@pytest.fixture
def joined(shell: Shell, box: RunningSandbox) -> Shell:
    """The same with a connection called north to the sandbox."""
    shell("connection", "add", "north", "--from", "-", text=box.connection_text())
    return shell


@pytest.fixture
def outside(joined: Shell) -> Shell:
    """The same, with a process for each command."""
    return Shell(joined.home, joined.environ["ML_CONNECTOR_DATABASE_URL"], outside=True)


@pytest.fixture
def alone() -> Iterator[Shell]:
    """A home folder with an embedded database of its own."""
    with tempfile.TemporaryDirectory(prefix="mlc-test-") as folder:
        yield Shell(Path(folder), outside=True)
