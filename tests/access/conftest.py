"""An App over a fresh database a module, with two administrators so that either may be taken away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml_connector.app import App
from ml_connector.settings import Settings
from store.cluster import Cluster

from .people import Hall, hall


@pytest.fixture(scope="module")
def people(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """An installation's people."""
    url = cluster.new_url()
    with App.open(Settings(tmp_path_factory.mktemp("home"), url), actor="tests") as app:
        yield hall(app)
    cluster.drop(url)
