"""A process that freezes in the middle of a run: another takes over, and the first, once it thaws, writes nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import ml_connector
from ml_connector.kernel.errors import Locked

from .office import NAME, Office

VALID = 0.6
MOTHER = """
import json, os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from ml_connector.app import App
from ml_connector.engine import killing
from ml_connector.settings import Settings

killing.signal = SimpleNamespace(SIGKILL=signal.SIGSTOP)
for line in sys.stdin:
    home, url, freeze_at, name, said = json.loads(line)
    child = os.fork()
    if not child:
        signal.alarm(60)
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        try:
            settings = Settings(home=Path(home), database_url=url, kill_at=freeze_at, stalled_seconds=0.6)
            with App.open(settings) as app:
                app.sync(name)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def mother() -> Iterator[subprocess.Popen[str]]:
    """A process with the product loaded, whose forks freeze where others would be killed."""
    environ = {**os.environ, "PYTHONPATH": str(Path(ml_connector.__file__).parent.parent)}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", MOTHER], env=environ, **pipes) as process:
        yield process
        assert process.stdin
        process.stdin.close()


def frozen(mother: subprocess.Popen[str], office: Office, at: str) -> psutil.Process:
    """A sync in a process of its own, frozen at that moment."""
    assert mother.stdin
    assert mother.stdout
    settings = office.settings
    said = str(settings.home / "said.txt")
    mother.stdin.write(json.dumps([str(settings.home), settings.database_url, at, NAME, said]) + "\n")
    mother.stdin.flush()
    process = psutil.Process(int(mother.stdout.readline()))
    until = time.monotonic() + 30
    while process.status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < until
        time.sleep(0.02)
    return process


def thawed(mother: subprocess.Popen[str], office: Office, process: psutil.Process) -> tuple[int, str]:
    """Its exit code and what it said."""
    assert mother.stdout
    process.send_signal(signal.SIGCONT)
    return int(mother.stdout.readline()), (office.settings.home / "said.txt").read_text()


@pytest.mark.parametrize("at", ["apply.marked:3", "apply.sent:5", "settle.before:2", "plan.kept", "read.page:2"])
def test_who_thaws_sends_nothing_and_keeps_nothing(office: Office, mother: subprocess.Popen[str], at: str) -> None:
    office.app.db.valid = VALID
    process = frozen(mother, office, at)
    with contextlib.suppress(Locked):  # on a slow machine its time may be over by now; test_lease.py has that claim
        office.sync()
    time.sleep(VALID * 1.5)
    office.sync()
    office.assert_proven()
    office.box.log.clear()
    code, said = thawed(mother, office, process)
    assert code == 1
    assert "right to write" in said
    assert office.written() == [], "not one request that changes anything"
    office.assert_proven()
    office.assert_rests()
    with office.app.db.begin() as conn:
        states = [row[0] for row in conn.exec_driver_sql("SELECT state FROM runs ORDER BY id")]
    assert (states[0], {*states[1:]}) == ("failed", {"done"})
