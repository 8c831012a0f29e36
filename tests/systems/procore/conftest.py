"""What the tests of the Procore room stand on: one sandbox of a kind a session, in its first state for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml_connector.sandbox.running import RunningSandbox

from .job import Job, building
from .signed import signed_in
from .till import Till


@pytest.fixture(scope="session")
def both_sides() -> Iterator[RunningSandbox]:
    """Both simulated systems."""
    with RunningSandbox(orders=24) as running:
        yield running


@pytest.fixture(scope="session")
def building_site() -> Iterator[RunningSandbox]:
    """Procore alone, in March."""
    with building() as running:
        yield running


@pytest.fixture
def job(building_site: RunningSandbox) -> Job:
    """A job site behind a real socket."""
    building_site.reset()
    return Job(building_site, *signed_in(building_site))


@pytest.fixture
def till(both_sides: RunningSandbox) -> Till:
    """A till in its first state."""
    both_sides.reset()
    return Till(both_sides, *signed_in(both_sides))
