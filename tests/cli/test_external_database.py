"""Every process over a PostgreSQL that is somebody else's: by TCP, with a password, as an ordinary account."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import psycopg
import pytest

from journeys.proof import Proof
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from store.tcp_server import PASSWORD, TcpServer, tcp_server

from .shell import Shell

PATIENCE = 60.0


@pytest.fixture(scope="module")
def server() -> Iterator[TcpServer]:
    """The customer's server."""
    with tcp_server() as started:
        yield started


@dataclass(frozen=True)
class Running:
    """A process of the service at work."""

    form: dict[str, Any]
    """What it said when it began."""
    pid: int
    log: list[str]
    """Lines of its log; all of them once it has ended."""

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Its log's lines of one event."""
        found = [json.loads(line) for line in self.log if line.startswith("{")]
        return [line for line in found if line.get("event") == event]


@contextmanager
def at_work(shell: Shell, *words: str) -> Iterator[Running]:
    """A process of the service; it must end in good order when it is told to."""
    process = shell.start(*words, "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    log: list[str] = []
    reader = Thread(target=log.extend, args=(process.stderr,))
    reader.start()
    try:
        line = process.stdout.readline()
        assert line, log
        yield Running(json.loads(line), process.pid, log)
    finally:
        process.terminate()
        process.wait(timeout=30)
        reader.join()
        process.stdout.close()
        process.stderr.close()
    said = "".join(log)
    assert process.returncode == 0, said
    assert PASSWORD not in said
    assert quote(PASSWORD, safe="") not in said


def post(address: str, header: str, form: dict[str, Any]) -> int:
    """Sends a hint to the door; the status."""
    asked = Request(address, json.dumps(form).encode(), {"Authorization": header, "Content-Type": "application/json"})
    try:
        with urlopen(asked, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def yes(url: str, sql: str) -> bool:
    """How that question is answered now."""
    with psycopg.connect(url, autocommit=True) as session:
        row = session.execute(sql.encode()).fetchone()
    return bool(row and row[0])


def eventually(url: str, sql: str) -> None:
    """Waits until that question is answered with yes."""
    until = time.monotonic() + PATIENCE
    while not yes(url, sql):
        assert time.monotonic() < until, sql
        time.sleep(0.05)


OPEN = "(SELECT count(*) FROM intent_states WHERE state IN ('planned', 'sending', 'unknown'))"
"""How many steps were decided and have not ended."""
MANY = 40
"""So many are not of the one record that was hinted at, and take their time where each request is slow."""


def test_every_process_over_tcp_with_a_password_and_a_backup_of_the_middle_of_it_runs_on(
    server: TcpServer, box: RunningSandbox, tmp_path: Path
) -> None:
    url, other = server.new_url(), server.new_url()
    shell = Shell(tmp_path / "home", url)
    outside = Shell(shell.home, url, outside=True)
    shell("connection", "add", "north", "--from", "-", text=box.connection_text())
    proof = Proof(box.connection_text())
    shell("connection", "edit", "north", "--set", "schedule.interval=1", "--set", "policy.purchase_orders.approve=auto")
    first = outside("sync", "north", "projects", "vendors", "--json").form
    assert first["flows"]["vendors"]["created"] > 0
    hint = shell("webhooks", "ifs", "north", "--url", "https://hooks.example.com", "--json").form
    outside.environ["ML_CONNECTOR_LOG"] = "debug"
    with at_work(outside, "door", "--port", "0") as door:
        assert urlopen(f"{door.form['door']}/readyz", timeout=10).status == 200
        assert b"w0rd" not in Path(f"/proc/{door.pid}/cmdline").read_bytes()
        address = door.form["door"] + hint["url"].removeprefix("https://hooks.example.com")
        form = {"event": "PO_RELEASED", "object": "PurchaseOrder", "id": "P100001", "company": "10"}
        assert post(address, hint["authorization"], form) == 202
        assert post(address, "Bearer of nothing", form) == 401
        eventually(url, "SELECT count(*) = 1 FROM inbox WHERE record = 'P100001'")
        box.faults.add(FaultRule("slow:1500", side="procore", method="POST", times=0))
        with at_work(outside, "worker", "--slots", "2") as worker:
            eventually(url, f"SELECT {OPEN} > {MANY}")
            made = shell("backup", str(tmp_path / "books.backup"), "--json").form
            assert [one["kind"] for one in shell("status", "--json").form["workers"]] == ["door", "worker"]
            box.faults.clear()
            eventually(url, "SELECT count(*) > 20 FROM links WHERE kind = 'commitment'")
            eventually(url, "SELECT bool_and(state IN ('done', 'ignored')) FROM inbox")
            box.act("ifs", "amend_line", order_no="P100001", line_no="1", price="1.25")
            eventually(
                url,
                "SELECT count(*) > 0 FROM intents WHERE source = 'P100001' AND reason LIKE 'Changed in IFS%'"
                " OR verb = 'amend' AND source = 'P100001'",
            )
    lines = worker.lines("record.settled")
    assert {(line["connection"], line["task"], line["level"]) for line in lines} <= {
        ("north", task, "debug") for task in ("poll", "hints")
    }
    assert any(line["run"] > 0 and line["record"].startswith("commitment P1") for line in lines)
    assert door.lines("door.refused")[0]["connection"] == "north"
    _run_on(shell, other, tmp_path / "books.backup", made)
    assert proof.differences(held=("P100009",)) == []


def _run_on(shell: Shell, other: str, file: Path, made: dict[str, Any]) -> None:
    """Restores a backup that knows nothing of what came after it into an empty place, and lets the service run there
    until all is done."""
    moved = Shell(shell.home, other)
    assert moved("restore", str(file), "--json").form["heads"] == made["heads"]
    assert yes(other, f"SELECT {OPEN} > 0"), "the backup is of the middle of the work"
    assert moved("upgrade", "--json").form["steps"] == []
    assert moved("pause", "north", "--json").form["paused"][0]["actor"]
    assert moved("resume", "north", "--json").form["was_paused"]
    with at_work(Shell(shell.home, other, outside=True), "serve", "--port", "0") as served:
        assert urlopen(f"{served.form['door']}/healthz", timeout=10).status == 200
        assert moved("now", "north", "--wait", "--json").form["well"]
        eventually(other, f"SELECT {OPEN} = 0")
        assert [one["kind"] for one in moved("jobs", "list", "--json").form["workers"]] == ["serve"]
        assert moved("status", "--json").form["connections"][0]["last_run"]["state"] == "done"
        looked = moved("doctor", "--json", code=None)
        assert [one for one in looked.form["looks"] if not one["ok"]] == []
        assert looked.code == 0
    again = moved("sync", "north", "--json").form
    assert {side: count["write"] for side, count in again["requests"].items()} == {"erp": 0, "projects": 0}
    assert moved("audit", "verify", "--json").form["ok"]


def test_a_wrong_password_is_said_and_not_shown(server: TcpServer, tmp_path: Path) -> None:
    wrong = server.new_url().replace(quote(PASSWORD, safe=""), "hunter2hunter2")
    said = Shell(tmp_path / "home", wrong)("connection", "list", code=12)
    assert "hunter2" not in said.out + said.err
    assert "password" in said.err
