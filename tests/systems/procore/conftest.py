"""What the tests of the Procore room stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .job import Job, working


@pytest.fixture
def job() -> Iterator[Job]:
    """A job site behind a real socket."""
    with working() as found:
        yield found
