"""A short storm in the suite; `make chaos` blows longer and over more connections."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from store.cluster import Cluster

from .storm import Weather, prepared, weathered

SEED = 5


@pytest.mark.xdist_group("storm")
def test_both_sides_agree_after_a_short_storm() -> None:
    weather = Weather(
        SEED, connections=2, workers=2, kills=3, freezes=0, cuts=3, restarts=1, seconds=10, rest=120, stalled=2.0
    )
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mlc-storm-") as folder:
        cluster = Cluster(Path(folder, "postgres"))
        try:
            with prepared(weather, cluster, Path(folder), lines.append) as storm:
                wrong = weathered(storm, lines.append)
                counts = storm.counts()
        finally:
            cluster.close()
    assert not wrong, "\n".join(lines)
    assert storm.done["database restarted"] == 1
    assert storm.done["killed worker"] + storm.done["killed door"] == 3
    assert counts["runs webhook done"] > 0
    assert counts["echoes"] > 0
