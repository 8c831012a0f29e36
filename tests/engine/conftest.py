"""What tests of the engine over both simulated systems share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml_connector.sandbox.running import RunningSandbox


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    """Both systems, for one module."""
    with RunningSandbox(orders=24) as running:
        yield running
