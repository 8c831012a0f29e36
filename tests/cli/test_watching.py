"""What a person and a collector of logs see of a connection at work."""

from __future__ import annotations

import json

from .shell import Shell


def test_each_line_of_the_log_names_connection_run_and_record(joined: Shell) -> None:
    said = joined("sync", "north", "projects", "--json", ML_CONNECTOR_LOG="debug")
    lines = [json.loads(line) for line in said.err.splitlines() if line.startswith("{")]
    [run] = [one["run"] for one in joined("runs", "--json").form["runs"]]
    assert said.code == 0
    settled = [line for line in lines if line["event"] == "record.settled"]
    assert {(line["connection"], line["run"]) for line in settled} == {("north", run)}
    assert "project 1201" in {line["record"] for line in settled}
    assert {line["level"] for line in settled} == {"debug"}
    quiet = joined("sync", "north", "projects", "--json")
    assert quiet.err == ""


def test_status_says_what_stands_and_what_to_do_next(joined: Shell) -> None:
    joined("sync", "north", "projects")
    [found] = joined("status", "--json").form["connections"]
    assert (found["connection"], found["state"]) == ("north", "not scheduled")
    assert found["last_run"]["state"] == "done"
    assert "ml-connector serve" in joined("status", "north").out
