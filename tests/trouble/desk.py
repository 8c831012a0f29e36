"""The command line as an operator meets it: what it said, how it ended, and that it never said a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import ml_connector
from ml_connector.cli.main import execute
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import DATABASE_URL, HOME

BUG = 70
_ROOT = str(Path(ml_connector.__file__).parent.parent)
_NEVER = ("Traceback", "psycopg", "sqlalchemy", "pyreqwest", "msgspec", "RuntimeError", "OSError(", 'File "/')


@dataclass(frozen=True)
class Answer:
    """How one command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """The JSON on standard output."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The JSON error on standard error: its last line."""
        found: dict[str, Any] = json.loads(self.err.splitlines()[-1])["error"]
        return found


class Desk:
    """An installation's command line."""

    def __init__(self, box: RunningSandbox | None, home: Path, url: str, capture: pytest.CaptureFixture[str]) -> None:
        self.box = box
        self.home = home
        self.url = url
        self._capture = capture
        self.path = _ROOT
        self.secrets: set[str] = set()
        if box is not None:
            self.learn(box.connection_text())

    def learn(self, text: str) -> None:
        """From now on the secrets in this connection file must not be seen in any answer."""
        data = tomllib.loads(text)
        self.secrets |= {data[part]["client_secret"] for part in ("erp", "projects") if "client_secret" in data[part]}

    def run(self, *words: str, **environ: str) -> Answer:
        """One command in this process."""
        self._capture.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environ(environ).items():
                patch.setenv(name, value)
            code = execute(words)
        said = self._capture.readouterr()
        return self._looked_over(Answer(code, said.out, said.err))

    def process(self, *words: str, **environ: str) -> Answer:
        """One command in a process of its own."""
        done = self.start(*words, **environ)
        out, err = done.communicate(timeout=60)
        return self._looked_over(Answer(done.returncode, out, err))

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """A command at work in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "ml_connector.cli.main", *words],
            env={**os.environ, "PYTHONPATH": self.path, **self.environ(environ)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
        )

    def environ(self, besides: dict[str, str] | None = None) -> dict[str, str]:
        """The installation's variables."""
        return {HOME: str(self.home), DATABASE_URL: self.url, **(besides or {})}

    def fails(self, code: int, kind: str, *words: str, **environ: str) -> dict[str, Any]:
        """Runs a command with --json that must fail so: one object on standard error, nothing on standard output."""
        return self.failed(self.run(*words, "--json", **environ), code, kind)

    def failed(self, answer: Answer, code: int, kind: str) -> dict[str, Any]:
        """The error in an answer with --json, which must be of that kind and code, a sentence and a step."""
        assert (answer.code, answer.out) == (code, ""), answer
        error = answer.error
        assert (error["kind"], error["exit_code"]) == (kind, code), error
        is_sentence(error["sentence"])
        is_sentence(error["next_step"])
        return error

    def tells(self, answer: Answer, code: int) -> tuple[str, str]:
        """Sentence and next step of an answer for people, which must have failed with that code."""
        assert (answer.code, answer.out) == (code, ""), answer
        first, second = answer.err.splitlines()[-2:]
        assert first.startswith("Error: "), answer.err
        assert second.startswith("Next: "), answer.err
        return first.removeprefix("Error: "), second.removeprefix("Next: ")

    def _looked_over(self, answer: Answer) -> Answer:
        self.holds_no_secret(answer.out + answer.err)
        for word in _NEVER:
            assert word not in answer.out + answer.err, answer
        assert answer.code != BUG, answer
        return answer

    def holds_no_secret(self, text: str) -> None:
        """No client secret, and no bearer token that either system ever gave out."""
        for secret in self.secrets | self._tokens():
            assert secret not in text, "a secret was said"

    def _tokens(self) -> set[str]:
        if self.box is None:
            return set()
        return set(self.box.ifs._sign_in._tokens) | set(self.box.procore._sign_in._tokens)


def is_sentence(text: str) -> None:
    """One or two sentences for a person: they begin, they end, and fit on a screen."""
    assert text, "nothing was said"
    assert text[-1] in ".?`]", text
    assert len(text) < 700, text
    assert "\n" not in text, text
