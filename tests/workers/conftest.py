"""A crew over a fresh database for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .crew import Crew


@pytest.fixture
def crew(url: str, tmp_path: Path) -> Iterator[Crew]:
    """A crew without workers yet."""
    made = Crew(url, tmp_path)
    yield made
    made.close()
