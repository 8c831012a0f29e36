"""A backup made in the middle of a run, restored in an empty place after the old one worked on: nothing is doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_connector.app import App
from ml_connector.settings import Settings
from ml_connector.store.backup import backup, restore
from store.cluster import Cluster

from .money_scene import carry, go_on, prove, set_up
from .office import Office


@pytest.mark.parametrize("point", ["apply.sent:9", "settle.before:15"])
def test_what_was_done_after_the_backup_is_found_again_and_not_done_twice(
    office: Office, cluster: Cluster, tmp_path: Path, point: str
) -> None:
    set_up(office)
    home, url, file = office.settings.home, office.settings.database_url, tmp_path / "midway.backup"
    assert office.in_a_process(point) == -9
    backup(home, url, file)
    carry(office)  # of all this the backup knows nothing
    empty = cluster.new_url()
    restore(home, empty, file)
    with App.open(Settings(home, empty), actor="test") as app:
        office.app = app
        assert office.money
        office.money._app = app
        office.settings = app.settings
        office.sync()  # finds, and ties again, what is there
        carry(office)
        prove(office)
        go_on(office)
        carry(office)
        prove(office)
    cluster.drop(empty)
