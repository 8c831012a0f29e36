"""Runs command lines, in this process for speed or in one of their own, and keeps what they said."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import ml_connector
from ml_connector.cli.main import execute

SOURCE = str(Path(ml_connector.__file__).parent.parent)
TRACE = "Traceback (most recent call last)"


@dataclass(frozen=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def form(self) -> Any:
        """Standard output as the one JSON value it must be."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error object on standard error: its last line."""
        found: dict[str, Any] = json.loads(self.err.strip().splitlines()[-1])["error"]
        return found


class Shell:
    """A home folder and a database in which command lines run."""

    def __init__(self, home: Path, url: str = "", *, outside: bool = False) -> None:
        """With `outside` every command is a process of its own."""
        self.home = home
        self.outside = outside
        self.environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("ML_CONNECTOR_")},
            "ML_CONNECTOR_HOME": str(home),
            "PYTHONPATH": SOURCE,
            "TZ": "UTC",
        }
        if url:
            self.environ["ML_CONNECTOR_DATABASE_URL"] = url

    def __call__(self, *words: str, text: str = "", code: int | None = 0, **environ: str) -> Said:
        """Runs `ml-connector WORDS` with `text` as standard input; fails the test on another exit code or a trace."""
        run = self._outside if self.outside else self._inside
        said = run(words, text, {**self.environ, **environ})
        assert TRACE not in said.out + said.err, said
        if code is not None:
            assert said.code == code, said
        return said

    def _outside(self, words: Sequence[str], text: str, environ: dict[str, str]) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "ml_connector.cli.main", *words],
            input=text,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def _inside(self, words: Sequence[str], text: str, environ: dict[str, str]) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, environ, clear=True),
            patch.object(sys, "stdin", io.StringIO(text)),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = execute(words)
        return Said(code, out.getvalue(), err.getvalue())

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Starts a command in a session of its own, so that a signal can be sent to its whole group."""
        return subprocess.Popen(
            [sys.executable, "-m", "ml_connector.cli.main", *words],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
