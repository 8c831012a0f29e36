"""A door for the session, and a fresh one on a fresh database where a test shuts it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.cluster import Cluster

from .house import House


@pytest.fixture(scope="session")
def standing(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A door that is open for the whole session."""
    url = cluster.new_url()
    with House(tmp_path_factory.mktemp("house"), url) as made:
        yield made
    cluster.drop(url)


@pytest.fixture
def house(standing: House) -> House:
    """The same, with nothing kept, one connection called north and one hook of it."""
    standing.swept()
    return standing


@pytest.fixture
def own(cluster: Cluster, tmp_path: Path) -> Iterator[House]:
    """A house of the test's own, whose door may be shut."""
    url = cluster.new_url()
    with House(tmp_path, url) as made:
        yield made
    cluster.drop(url)
