"""What a person and a collector of logs see of a connection at work."""

from __future__ import annotations

import json

from ml_connector.app import App
from ml_connector.settings import Settings
from ml_connector.store import exposures

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
    assert (found["exposure"], found["unknown_money"]) == (None, {})
    told = joined("status", "north").out
    assert "ml-connector serve" in told
    assert "Not scheduled: Nothing is scheduled yet" in told
    assert "not computed yet" in told


def test_status_judges_as_home_does(joined: Shell) -> None:
    figures = {"exposure": {"USD": "1234.50"}, "missing": {"USD": "0.00"}, "placed": {}, "shown": {}}
    settings = Settings(joined.home, joined.environ["ML_CONNECTOR_DATABASE_URL"])
    with App.open(settings, actor="otto") as app, app.db.begin() as conn:
        row = app.connection("north")
        exposures.put(conn, row.id, "otto", {**figures, "invoices": 1, "lines": 1, "findings": []})
    [found] = joined("status", "--json").form["connections"]
    said = "1,234.50 USD would be counted twice in Procore."
    assert (found["state"], found["tone"], found["why"]) == ("counted twice", "failed", said)
    assert (found["exposure"]["exposure"], found["exposure"]["old"]) == ({"USD": "1234.50"}, False)
    told = joined("status", "north").out
    assert f"Counted twice: {said}" in told
    assert "1,234.50 USD counted twice; computed " in told
