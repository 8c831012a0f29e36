"""No room left: a sentence that says whose disk it is; what was committed is there, and with room it goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from journeys.office import NAME, Office
from ml_connector.app import App, quiet
from ml_connector.kernel.errors import DatabaseTrouble
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings

from .desk import Desk
from .test_database import _once


@contextmanager
def _small(size: str) -> Iterator[Path]:
    """A file system of that size."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("NOT PROVEN HERE: a full disk needs root on Linux, to mount a small file system")
    with tempfile.TemporaryDirectory(prefix="mlc-full-") as folder:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", folder], capture_output=True, text=True
        )
        if done.returncode != 0:
            pytest.skip(f"NOT PROVEN HERE: mounting is not allowed: {done.stderr.strip()}")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def _fill(folder: Path) -> None:
    """Takes all the room there is."""
    ballast = folder / "ballast"
    room = os.statvfs(folder)
    with ballast.open("wb") as file, suppress(OSError):
        os.posix_fallocate(file.fileno(), 0, max(room.f_bavail * room.f_frsize, 1))


@pytest.mark.parametrize("moment", ["orders read", "budget_code create"])
def test_the_disk_of_our_database_fills_up_in_the_middle(moment: str, box: RunningSandbox) -> None:
    with _small("200m") as disk:
        home = disk / "home"
        with App.open(Settings(home=home), actor="test") as app:
            office = Office(box, Settings(home=home), app)
            app.progress = _once(moment, lambda: _fill(disk))
            with pytest.raises(DatabaseTrouble) as caught:
                office.sync()
            assert "disk of the embedded database is full" in caught.value.sentence
            assert "Make room" in caught.value.remedy
            app.progress = quiet
            (disk / "ballast").unlink()
            office.sync()
            office.assert_proven()
            office.assert_rests()


def test_a_disk_that_was_too_small_from_the_start(desk: Desk) -> None:
    with _small("12m") as disk:
        desk.home, desk.url = disk / "home", ""
        error = desk.fails(12, "database_trouble", "connection", "list")
        assert "is full" in error["sentence"]
        assert "Make room" in error["next_step"]
        assert not (disk / "home" / "postgres").exists()
        assert subprocess.run(["mount", "-o", "remount,size=300m", str(disk)]).returncode == 0
        assert desk.run("connection", "list", "--json").value == {"connections": []}


def test_the_temporary_folder_is_full(front: Desk, office: Office) -> None:
    """Orders on their way are put aside in a file; where that cannot be, nothing is sent."""
    with _small("16k") as disk:
        answer = front.process("sync", NAME, "--json", TMPDIR=str(disk))
        error = front.failed(answer, 12, "fix_setup")
        assert str(disk) in error["sentence"]
        assert "No space left" in error["sentence"]
        assert "TMPDIR" in error["next_step"]
        orders = office.box.log.exchanges(side="procore", writes=True)
        assert orders == []
        assert front.run("sync", NAME).code == 0
        office.assert_proven()


def test_a_home_that_cannot_be_written(desk: Desk, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    desk.home, desk.url = blocked / "home", ""
    error = desk.fails(12, "database_trouble", "connection", "list")
    assert str(blocked) in error["sentence"]
    assert "ML_CONNECTOR_HOME" in error["next_step"]
