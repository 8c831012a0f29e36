"""Failures as people and programs meet them: one sentence, a next step, an exit code, never a trace."""

from __future__ import annotations

import logging
import os
import pwd
import signal
import time
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import pytest
import structlog

from ml_connector.cli import logs, session
from ml_connector.cli.main import execute, taken_out
from ml_connector.cli.output import clean
from ml_connector.cli.trouble import keep_trace, trouble_of
from ml_connector.kernel import errors
from ml_connector.kernel.errors import Bug, ConnectorError
from ml_connector.sandbox.running import RunningSandbox

from .shell import TRACE, Shell


def test_who_types_is_the_account_and_not_what_a_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "the-controller")
    assert session.actor() == pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setattr(os, "getuid", lambda: 2_000_000_011)
    assert session.actor() == "operator", "as containers have it: an account without a name"


@pytest.mark.parametrize(
    "words",
    [
        ["bogus"],
        ["plan"],
        ["connection"],
        ["sync", "north", "--plam", "x"],
        ["rule", "twelve"],
        ["sandbox", "--orders", "1"],
    ],
)
def test_a_wrong_line_is_a_usage_error(shell: Shell, words: list[str]) -> None:
    said = shell(*words, "--json", code=2)
    assert said.out == ""
    assert said.error["kind"] == "usage"
    assert "--help" in said.error["next_step"]
    assert shell(*words, code=2).err.startswith("Error: ")


def test_a_branch_of_the_tree_has_its_code_and_form(shell: Shell) -> None:
    said = shell("plan", "nowhere", "--json", code=11)
    assert set(said.error) == {"kind", "sentence", "next_step", "reference", "exit_code"}
    assert (said.error["kind"], said.error["exit_code"]) == ("nothing_such_here", 11)
    plain = shell("plan", "nowhere", code=11)
    assert plain.err.splitlines()[0] == "Error: There is no connection called 'nowhere'."
    assert plain.err.splitlines()[1].startswith("Next: ")


def test_every_error_of_the_tree_is_told(tmp_path: Path) -> None:
    tree = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, ConnectorError)]
    assert len(tree) > 15
    for kind in tree:
        told = trouble_of(kind("It is so, token=abc password=hunter22."), tmp_path, ())
        assert told.exit_code == kind.exit_code
        assert "hunter22" not in told.sentence
        assert told.next_step
        assert told.kind == "".join("_" + c.lower() if c.isupper() else c for c in kind.__name__).lstrip("_")


def test_a_fault_of_ours_leaves_a_file_without_secrets(tmp_path: Path) -> None:
    try:
        raise ValueError("the secret is open-sesame, client_secret=abcdef")
    except ValueError as error:
        told = trouble_of(error, tmp_path, ("open-sesame",))
    assert (told.kind, told.exit_code) == ("bug", Bug.exit_code)
    [path] = (tmp_path / "logs").iterdir()
    assert str(path) in told.next_step
    kept = path.read_text()
    assert TRACE in kept
    assert "open-sesame" not in kept
    assert "abcdef" not in kept
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_trace_finds_a_place_without_a_home(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    kept = keep_trace(ValueError("x"), blocked, ())
    assert kept.exists()
    kept.unlink()


def test_an_unusable_home_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    said = Shell(blocked / "home")("runs", code=12)
    assert said.err.startswith("Error: ")


def test_a_bad_database_url_keeps_its_password(tmp_path: Path) -> None:
    said = Shell(tmp_path, "postgresql://me:hunter22@127.0.0.1:1/none")("runs", "--json", code=None)
    assert said.code in (10, 12)
    assert "hunter22" not in said.err


def test_a_bad_log_level_is_said(shell: Shell) -> None:
    assert "debug, info" in shell("runs", code=12, ML_CONNECTOR_LOG="loud").err


def test_logs_go_where_standard_error_is_when_they_are_written() -> None:
    closed, there = StringIO(), StringIO()
    with redirect_stderr(closed):
        logs.configure(logging.INFO, logs.Redactor(), as_json=True)
    closed.close()
    with redirect_stderr(there):
        structlog.get_logger().info("of-ours")
        logging.getLogger("of-others").warning("of a library")
    assert "of-ours" in there.getvalue()
    assert "of a library" in there.getvalue()


def test_flags_stand_anywhere_but_after_two_dashes() -> None:
    assert taken_out(["--json", "plan", "north", "--verbose"]) == (["plan", "north"], {"--json", "--verbose"})
    assert taken_out(["plan", "--", "--json"]) == (["plan", "--", "--json"], set())


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["sync", "--help"]) == 0
    said = capsys.readouterr().out
    assert "Examples:" in said
    assert "ml-connector sync north --plan" in said
    assert "\x1b" not in said
    assert execute(["--version"]) == 0
    assert "ml-connector" in capsys.readouterr().out


def test_names_from_elsewhere_cannot_paint_the_terminal() -> None:
    assert clean("a\x1b[31mb\nc") == "a [31mb c"


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_a_run_is_calm(joined: Shell, box: RunningSandbox, sent: signal.Signals, code: int) -> None:
    box.log.clear()
    box.faults.hold = 2.0
    box.admin("POST", "faults", {"rules": [{"kind": "timeout_after", "side": "procore", "method": "GET"}], "hold": 2.0})
    started = joined.start("sync", "north")
    until = time.monotonic() + 30
    while box.log.calls < 5 and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(started.pid, sent)
    out, err = started.communicate(timeout=60)
    assert started.returncode == code, err
    assert TRACE not in out + err
    if sent is signal.SIGINT:
        assert err.startswith("Error: Stopped.")
    box.faults.clear()
    assert joined("sync", "north", "--json").form["flows"]["purchase_orders"]["created"] > 0
