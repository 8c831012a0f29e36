"""The sandbox and the demo, as processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ml_connector.sandbox.running import RunningSandbox

from .shell import Shell

CLOSED = [
    word
    for entry in ("erp.url", "projects.url", "projects.login_url")
    for word in ("--set", f"{entry}=http://127.0.0.1:9")
]
"""Addresses at which nobody is."""


def test_the_demo_tells_the_truth_and_ends(alone: Shell) -> None:
    said = alone("demo", "--once", "--orders", "24", "--json")
    told = said.form
    assert (told["ok"], told["wrong"]) == (True, [])
    assert told["sync"]["money"]["USD"]["applied"] == told["plan"]["money"]["USD"]["planned"]
    assert len(told["sites"]) >= 5
    [held] = told["held"]
    assert held["owner"] == "cost engineer"
    assert told["released"]["flows"]["purchase_orders"]["created"] == 1
    assert told["changed"]["flows"]["purchase_orders"]["updated"] == 1
    assert told["rest"]["requests"]["projects"]["write"] == 0
    assert told["audit"]["faults"] == []


def test_the_demo_leaves_other_folders_alone(alone: Shell, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    said = alone("demo", "--once", "--keep", str(tmp_path), "--json", code=12)
    assert "something else" in said.error["sentence"]
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_the_demo_stays_until_ctrl_c(alone: Shell) -> None:
    started = alone.start("demo", "--orders", "24", "--port", "0")
    try:
        lines = _lines_until(started, "Ctrl-C ends it.")
        assert not [line for line in lines if "NO " in line]
        assert any(line.startswith("yes  That is the amount that was held, ") for line in lines), lines
        home = alone.home / "demo"
        [link] = [line.split()[-1] for line in lines if "/sign-in/once/" in line]
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with browser.open(link, timeout=20) as page:
            assert "This link signs you in once" in page.read().decode()
        with browser.open(link, data=b"", timeout=20) as page:
            assert urlsplit(page.url).path in ("/", "/c/demo")
            assert "Welcome. That link is spent" in page.read().decode()
        said = [line for line in lines if f"ML_CONNECTOR_HOME={home} " in line]
        assert any(line.rstrip().endswith("ml-connector holds -c demo") for line in said)
        assert "A demo runs in" in alone("demo", "--once", code=10).err
        there = Shell(home)
        assert there("show", "po", "P100001", "-c", "demo", "--json").form["contracts"]
        assert there("sync", "demo", "--json").form["requests"]["projects"]["write"] == 0
        assert "Nothing is broken" in there("play", "mend", "-c", "demo").out
        os.killpg(started.pid, signal.SIGINT)
        _, err = started.communicate(timeout=60)
        assert started.returncode == 0
        assert err == ""
    finally:
        started.kill()


def test_the_sandbox_serves_and_ends(alone: Shell, tmp_path: Path) -> None:
    path = tmp_path / "sandbox.toml"
    words = ["--ifs-port", "0", "--procore-port", "0", "--seed", "3", "--orders", "30", "--connection-file", str(path)]
    started = alone.start("sandbox", *words)
    until = time.monotonic() + 30
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert "kestrelprod" in path.read_text()
    time.sleep(1.0)
    os.killpg(started.pid, signal.SIGINT)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, out) == (0, "")
    assert "Simulated ifs at" in err


def test_another_terminal_plays_with_the_systems(joined: Shell, box: RunningSandbox) -> None:
    before = box.clock()
    assert "8 hours went by in both systems.\n" in joined("play", "move", "8h").out  # this service has its own clock
    assert (box.clock() - before).total_seconds() >= 8 * 3600
    for wrong in ("0h", "soon", "99w", ""):
        assert "no span of time" in joined("play", "move", wrong, code=12).err
    assert "order_no=P100001 line_no=1 price=99.50" in " ".join(joined("play", "act", COLUMNS="200").out.split())
    told = joined("play", "act", "code", "value=31-777", "--json").form
    assert told["said"] == "Cost code 31-777 exists in IFS now."
    assert "ENTRY=VALUE" in joined("play", "act", "code", "31-778", code=12).err
    assert "takes no" in joined("play", "act", "code", "nonsense=1", code=12).err
    joined("play", "act", "nonsense", code=11)
    joined("play", "break", "423", "--times", "0")
    joined("play", "break", "429", "--side", "moon", code=12)
    assert [(rule["kind"], rule["side"], rule["times"]) for rule in box.faults.as_json()["rules"]] == [
        ("423", "ifs", 0)
    ]
    assert joined("play", "break", "--json").form["standing"][0]["left"] is None
    joined("play", "mend")
    assert box.faults.as_json()["rules"] == []
    with pytest.raises(urllib.error.HTTPError):  # there is no such thing
        urllib.request.urlopen(f"{box.procore_url}/rest/v1.0/nothing", timeout=20)
    [heard] = joined("play", "calls", "--limit", "1", "--json").form["calls"]
    assert (heard["side"], heard["method"], heard["status"], heard["write"]) == ("procore", "GET", 404, False)
    assert "GET /rest/v1.0/nothing  404" in joined("play", "calls", "--side", "procore", "--limit", "1").out
    joined("play", "calls", "--side", "moon", code=12)


def test_real_systems_are_not_played_with(joined: Shell, box: RunningSandbox) -> None:
    calls = box.log.calls
    away = (
        "connection",
        "edit",
        "north",
        "--set",
        "projects.url=https://api.procore.com",
        "--client-secret-projects",
        "x",
    )
    joined(*away, "--set", "projects.login_url=https://login.procore.com")
    assert "no sandbox" in joined("play", "move", "1h", code=11).err
    assert "ml-connector demo" in joined("play", "mend", "--json", code=11).error["next_step"]
    joined("connection", "edit", "north", *CLOSED, "--client-secret-erp", "x", "--client-secret-projects", "x")
    assert "No sandbox answers" in joined("play", "mend", code=11).err
    assert box.log.calls == calls


def test_a_taken_port_is_said(alone: Shell, served: RunningSandbox) -> None:
    port = served.ifs_url.rsplit(":", 1)[1]
    said = alone("sandbox", "--only", "ifs", "--ifs-port", port, "--json", code=12)
    assert "--ifs-port" in said.error["next_step"]


def _lines_until(started: subprocess.Popen[str], last: str) -> list[str]:
    assert started.stdout is not None
    lines = []
    for line in started.stdout:
        lines.append(line.rstrip())
        if last in line:
            return lines
    raise AssertionError(lines)
