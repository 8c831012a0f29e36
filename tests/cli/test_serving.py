"""The service as processes: it works by itself, does at once what a person asks for, and ends in good order."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

from ml_connector.sandbox.running import RunningSandbox

from .shell import Shell


@contextmanager
def running(shell: Shell, *words: str) -> Iterator[dict[str, Any]]:
    """A process of the service; ended by SIGTERM in good order. What it said when it had begun."""
    process = shell.start(*words, "--json")
    assert process.stdout
    line = process.stdout.readline()
    try:
        yield json.loads(line)
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=40)
    assert process.returncode == 0, (out, err)
    assert "Traceback" not in err, err


def test_everything_in_one_process_does_what_is_due_and_what_a_person_asks_for(
    joined: Shell, box: RunningSandbox
) -> None:
    joined.environ["ML_CONNECTOR_METRICS_TOKEN"] = "t0ken"
    with running(joined, "serve", "--port", "0", "--slots", "2") as begun:
        assert urlopen(f"{begun['door']}/healthz").status == 200
        said = joined("now", "north", "--wait", "--json").form
        asked = Request(f"{begun['door']}/metrics", headers={"Authorization": "Bearer t0ken"})
        metrics = urlopen(asked).read().decode()
        assert 'ml_connector_requests_total{connection="north",kind="read",system="erp"}' in metrics
        assert 'ml_connector_worker_seen_seconds{kind="serve",' in metrics
        assert said["well"], said
        found = joined("jobs", "list", "--json").form
        assert [one["kind"] for one in found["workers"]] == ["serve"]
        tasks = {one["task"] for one in found["agenda"] if one["connection"] == "north"}
        assert {"now/all", "poll/purchase_orders", "nightly", "sweep"} <= tasks
    assert joined("jobs", "list", "--json").form["workers"] == []
    runs = joined("runs", "--json").form["runs"]
    assert {"person", "schedule"} >= {one["trigger"] for one in runs} >= {"person"}
    assert box.log.exchanges(writes=True), "orders went to Procore"


def test_without_a_worker_a_run_waits_and_can_be_taken_back(joined: Shell) -> None:
    said = joined("now", "north", "vendors")
    assert "No worker is there to do it" in said.out
    assert "Nothing" not in joined("jobs", "list").out
    joined("jobs", "cancel", "99", code=11)
    joined("jobs", "release", "99", code=11)
    joined("jobs", "retry", "nightly", "north", code=11)
    joined("now", "south", code=11)
    assert joined("jobs", "retry", "now/vendors", "north").code == 0
