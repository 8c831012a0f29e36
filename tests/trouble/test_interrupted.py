"""Stopped by hand, or two at once: said in a sentence, with its exit code, and the next run finishes the job."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from journeys.office import NAME, Office
from ml_connector.app import App
from ml_connector.kernel.errors import Locked
from ml_connector.sandbox.faults import FaultRule
from ml_connector.settings import Settings

from .desk import Answer, Desk


def _wait(process: subprocess.Popen[str], what: Callable[[], bool]) -> None:
    """Until the process has come to that; it is not left behind when it does not."""
    deadline = time.monotonic() + 20
    while not what():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"it did not come to that: {process.communicate()}")
        time.sleep(0.01)


def _stopped(front: Desk, process: subprocess.Popen[str], sent: signal.Signals) -> Answer:
    at = time.monotonic()
    process.send_signal(sent)
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - at < 10, "a person would have pulled the plug"
    answer = Answer(process.returncode, out, err)
    front.holds_no_secret(out + err)
    assert "Traceback" not in err, err
    return answer


@pytest.mark.parametrize("path", ["PurchaseOrderHandling", "purchase_order_contracts"])
def test_ctrl_c_in_the_middle_of_a_sync(path: str, office: Office, front: Desk) -> None:
    """Even while an answer is long in coming, on the way in or on the way out."""
    method = "GET" if path == "PurchaseOrderHandling" else "PATCH|POST"
    rule = FaultRule("slow:700", method=method, path=path, times=0)
    office.box.faults.add(rule)
    process = front.start("sync", NAME, "--json")
    _wait(process, lambda: rule.struck > 0)
    error = front.failed(_stopped(front, process, signal.SIGINT), 130, "stopped")
    assert "run again" in error["next_step"]
    office.box.faults.clear()
    office.sync()
    office.assert_proven()
    office.assert_rests()
    assert front.run("runs", NAME, "--json").value["runs"][-1]["state"] == "failed"


def test_sigterm_in_the_middle_of_a_sync(office: Office, front: Desk) -> None:
    rule = FaultRule("slow:500", path="purchase_order_contracts", method="PATCH|POST", times=0)
    office.box.faults.add(rule)
    process = front.start("sync", NAME)
    _wait(process, lambda: rule.struck > 0)
    assert _stopped(front, process, signal.SIGTERM).code == 143
    office.box.faults.clear()
    office.sync()
    office.assert_proven()
    office.assert_rests()


def test_two_syncs_at_once(office: Office, front: Desk, tmp_path: Path) -> None:
    """The second says who is at work, and nothing else happens."""
    rule = FaultRule("slow:8000", "ifs", path="PurchaseOrderHandling", times=1)
    office.box.faults.add(rule)
    first = front.start("sync", NAME, "--json")
    _wait(first, lambda: rule.struck > 0)
    error = front.fails(10, "locked", "sync", NAME)
    assert f"ml-connector {first.pid}@" in error["sentence"], error
    error = front.fails(10, "locked", "plan", NAME)
    assert error["next_step"]
    with (
        App.open(Settings(home=tmp_path, database_url=office.settings.database_url)) as other,
        pytest.raises(Locked, match="Another run is at work"),
    ):
        other.sync(NAME)
    _, err = first.communicate(timeout=30)
    assert first.returncode == 0, err
    assert len(front.run("runs", NAME, "--json").value["runs"]) == 1
    office.assert_proven()
    office.assert_rests()
