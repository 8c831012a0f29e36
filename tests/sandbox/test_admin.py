"""The admin surface starts over, moves the clock, sets faults and switches, lets people act, and explains bad input."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_connector.sandbox.running import RunningSandbox, SandboxFailed


def test_acts_change_a_face_and_reset_takes_it_back(stand_ins: RunningSandbox) -> None:
    assert stand_ins.act("ifs", "add", rows=3) == {"rows": 3}
    assert stand_ins.admin("GET", "summary")["ifs"] == {"rows": 3, "orders": 24}
    stand_ins.admin("POST", "reset")
    assert stand_ins.admin("GET", "summary")["ifs"] == {"rows": 0, "orders": 24}


def test_another_world_can_be_loaded(stand_ins: RunningSandbox) -> None:
    summary = stand_ins.admin("POST", "world", {"seed": 9, "orders": 40})
    assert (summary["world"]["seed"], summary["world"]["lines"], summary["ifs"]["orders"]) == (9, 200, 40)
    stand_ins.admin("POST", "world", {"orders": 24})


def test_the_clock_moves_and_is_set_and_starts_over(stand_ins: RunningSandbox) -> None:
    before = stand_ins.clock()
    moved = datetime.fromisoformat(stand_ins.admin("POST", "clock", {"advance_seconds": 5400})["now"])
    assert timedelta(seconds=5399) < moved - before < timedelta(seconds=5410)
    stand_ins.admin("POST", "clock", {"set": "2026-10-01T08:00:00Z"})
    assert stand_ins.admin("GET", "clock")["now"].startswith("2026-10-01T08:00:0")
    stand_ins.reset()
    assert abs(stand_ins.clock() - datetime.now(UTC)) < timedelta(seconds=5)


def test_faults_are_set_shown_and_cleared(stand_ins: RunningSandbox) -> None:
    rules: list[dict[str, Any]] = [{"kind": "429", "side": "procore", "path": "^/rest", "nth": 2, "retry_after": 3}]
    rules.append({"kind": "webhook_late:500", "resource": "Vendors", "event": "create"})
    shown = stand_ins.admin("POST", "faults", {"rules": rules, "seed": 5, "rate": 0.1, "kinds": ["503"], "hold": 0.2})
    assert shown["hold"] == 0.2
    assert shown["rules"][0]["nth"] == 2
    assert [shown["rules"][1][name] for name in ("kind", "resource", "event")] == list(rules[1].values())
    assert shown["seeded"]["kinds"] == ["503"]
    assert stand_ins.admin("GET", "faults") == shown
    cleared = stand_ins.admin("DELETE", "faults")
    assert (cleared["rules"], cleared["seeded"], cleared["injected"]) == ([], None, {})


def test_switches_are_read_changed_and_reset(stand_ins: RunningSandbox) -> None:
    assert stand_ins.admin("GET", "switches")["procore"] == {"page": 100, "mood": "calm"}
    stand_ins.admin("POST", "switches", {"procore": {"page": 10}, "ifs": {"mood": "cross"}})
    assert (stand_ins.procore.switches.page, stand_ins.ifs.switches.mood) == (10, "cross")
    stand_ins.reset()
    assert (stand_ins.procore.switches.page, stand_ins.ifs.switches.mood) == (100, "calm")


def test_the_log_is_shown_counted_and_cleared(stand_ins: RunningSandbox) -> None:
    assert stand_ins.admin("POST", "log", {"bodies": False}) == {"bodies": False}
    shown = stand_ins.admin("GET", "log?side=ifs&limit=5")
    assert (shown["calls"], shown["writes"], shown["exchanges"]) == (0, 0, [])
    assert stand_ins.admin("DELETE", "log") == {"calls": 0}


@pytest.mark.parametrize(
    ("method", "name", "body", "reason"),
    [
        ("POST", "world", {"orders": 3}, "at least 24 orders"),
        ("POST", "world", {"orders": 10_000_000}, "at most 100000"),
        ("POST", "world", {"order": 30}, "unknown field"),
        ("POST", "world", {"seed": "x"}, "Expected `int`"),
        ("POST", "clock", {}, "either advance_seconds or set"),
        ("POST", "clock", {"set": "2026-10-01T08:00:00"}, "time zone"),
        ("POST", "faults", {}, "give rules, a seed or hold"),
        ("POST", "faults", {"rules": [{"kind": "explode"}]}, "not a fault"),
        ("POST", "faults", {"rules": [{"kind": "webhook_late", "side": "ifs"}]}, "come from procore"),
        ("POST", "faults", {"hold": -1}, "not negative"),
        ("POST", "switches", {"ifs": {"colour": 1}}, "no switch 'colour'; it has mood, page"),
        ("POST", "switches", {"ifs": {"page": "many"}}, "switch ifs.page"),
        ("POST", "switches", {"sap": {"page": 1}}, "does not serve 'sap'"),
        ("POST", "act", {"side": "ifs"}, "needs side"),
        ("POST", "act", {"side": "ifs", "act": "sing"}, "no act 'sing'; it knows add"),
        ("POST", "act", {"side": "ifs", "act": "add", "rows": -1}, "rows are not negative"),
        ("POST", "act", {"side": "ifs", "act": "add"}, "'rows' is not there"),
        ("GET", "log?limit=all", None, "limit is a whole number"),
    ],
)
def test_bad_input_is_answered_400_with_the_reason(
    stand_ins: RunningSandbox, method: str, name: str, body: Mapping[str, Any] | None, reason: str
) -> None:
    with pytest.raises(SandboxFailed, match="400") as refused:
        stand_ins.admin(method, name, body)
    assert reason in str(refused.value)


def test_unknown_addresses_and_methods_say_what_there_is(stand_ins: RunningSandbox) -> None:
    with pytest.raises(SandboxFailed, match=r"404.*summary"):
        stand_ins.admin("GET", "sumary")
    with pytest.raises(SandboxFailed, match=r"405.*takes POST"):
        stand_ins.admin("GET", "reset")


def test_the_connection_file_is_complete_toml(stand_ins: RunningSandbox, tmp_path: Path) -> None:
    text = stand_ins.write_connection_file(tmp_path / "c.toml").read_text()
    file = tomllib.loads(text)
    assert file["format"] == 1
    assert (file["erp"]["url"], file["projects"]["login_url"]) == (stand_ins.ifs_url, stand_ins.procore_url)
    assert file["connection"]["erp_company"] == "10"
    assert [row["to"] for row in file["mapping"]["cost_type"]["row"]] == ["M", "S", "E", "L", "O"]
    assert file["policy"]["purchase_orders"]["approve"] == "auto"
    assert file["erp"]["client_secret"].startswith("sandbox-ifs-")
    assert text == stand_ins.connection_text()
