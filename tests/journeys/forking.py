"""Syncs in processes of their own, each a fork of one that has the product loaded: a new interpreter takes a second."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import ml_connector

_MOTHER = """
import gc, json, os, signal, sys
from pathlib import Path
from ml_connector.app import App
from ml_connector.settings import Settings

gc.freeze()
gc.set_threshold(20_000, 20, 20)
for line in sys.stdin:
    home, url, kill_at, name, said = json.loads(line)
    child = os.fork()
    if not child:
        signal.alarm(60)
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        try:
            with App.open(Settings(home=Path(home), database_url=url, kill_at=kill_at)) as app:
                app.sync(name)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@cache
def _mother() -> subprocess.Popen[str]:
    """The process that forks; it ends with the tests, whose end it sees as the end of its input."""
    root = str(Path(ml_connector.__file__).parent.parent)
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    mother = subprocess.Popen([sys.executable, "-c", _MOTHER], env={**os.environ, "PYTHONPATH": root}, **pipes)
    atexit.register(mother.communicate)
    return mother


def sync(home: Path, url: str, kill_at: str, name: str) -> int:
    """One sync of a connection in a process of its own, which kills itself at that moment, if any.

    Its exit code: 0, or -9 when it was killed. AssertionError with what it said for any other.
    """
    mother, said = _mother(), home / "said.txt"
    assert mother.stdin
    assert mother.stdout
    mother.stdin.write(json.dumps([str(home), url, kill_at, name, str(said)]) + "\n")
    mother.stdin.flush()
    code = int(mother.stdout.readline())
    assert code in (0, -9), f"{code}: {said.read_text()}"
    return code
