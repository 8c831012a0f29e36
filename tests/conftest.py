"""What journeys and troubles share: one PostgreSQL a session, a fresh database and a fresh world for each test."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from kept_box import as_at_first
from ml_connector.sandbox.running import RunningSandbox
from store.cluster import Cluster, server_folder

_LONG = ("journeys", "trouble", "chaos", "console", "cli")
"""Folders whose modules take long, longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules that take long come first: the workers then end at about the same time, with the short ones."""
    order = {folder: place for place, folder in enumerate(_LONG)}
    items.sort(key=lambda item: order.get(item.path.parent.name, len(_LONG)))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the garbage collector need not look through it again, and looks less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The session's server."""
    with server_folder() as folder:
        started = Cluster(folder)
        yield started
        started.close()


@pytest.fixture
def box(served: RunningSandbox) -> RunningSandbox:
    """The same, as at the start."""
    return as_at_first(served)


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    """A fresh database at the current schema."""
    made = cluster.new_url()
    yield made
    cluster.drop(made)
