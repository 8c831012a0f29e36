"""Every process over a PostgreSQL that is somebody else's: by TCP, with a password, as an ordinary account."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import psycopg
import pytest

from ml_connector.sandbox.running import RunningSandbox
from store.tcp_server import PASSWORD, TcpServer

from .shell import Shell

PATIENCE = 60.0


@pytest.fixture(scope="module")
def server() -> Iterator[TcpServer]:
    """The customer's server."""
    with tempfile.TemporaryDirectory(prefix="mlc-test-") as folder:
        started = TcpServer(Path(folder))
        yield started
        started.close()


@contextmanager
def at_work(shell: Shell, *words: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """A process of the service, and what it said when it began; it must end in good order when it is told to."""
    process = shell.start(*words, "--json")
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr and process.stderr.read()
        yield json.loads(line), process
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
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


def eventually(url: str, sql: str) -> None:
    """Waits until that question is answered with yes."""
    until = time.monotonic() + PATIENCE
    with psycopg.connect(url, autocommit=True) as session:
        while True:
            row = session.execute(sql.encode()).fetchone()
            if row and row[0]:
                return
            assert time.monotonic() < until, sql
            time.sleep(0.1)


def test_door_worker_sync_backup_and_restore_over_tcp_with_a_password(
    server: TcpServer, box: RunningSandbox, tmp_path: Path
) -> None:
    url, other = server.new_url(), server.new_url()
    shell = Shell(tmp_path / "home", url)
    outside = Shell(shell.home, url, outside=True)
    outside("connection", "add", "north", "--from", "-", text=box.connection_text())
    shell("connection", "edit", "north", "--set", "schedule.interval=1", "--set", "policy.purchase_orders.approve=auto")
    first = outside("sync", "north", "projects", "vendors", "--json").form
    assert first["flows"]["vendors"]["created"] > 0
    hint = shell("webhooks", "ifs", "north", "--url", "https://hooks.example.com", "--json").form
    with at_work(outside, "door", "--port", "0") as (door, process):
        assert urlopen(f"{door['door']}/readyz", timeout=10).status == 200
        told = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert b"w0rd" not in told
        address = door["door"] + hint["url"].removeprefix("https://hooks.example.com")
        form = {"event": "PO_RELEASED", "object": "PurchaseOrder", "id": "P100001", "company": "10"}
        assert post(address, hint["authorization"], form) == 202
        assert post(address, "Bearer of nothing", form) == 401
        eventually(url, "SELECT count(*) = 1 FROM inbox WHERE record = 'P100001'")
        with at_work(outside, "worker", "--slots", "2"):
            eventually(url, "SELECT count(*) > 20 FROM links WHERE kind = 'commitment'")
            eventually(url, "SELECT bool_and(state IN ('done', 'ignored')) FROM inbox")
            box.act("ifs", "amend_line", order_no="P100001", line_no="1", price="1.25")
            eventually(
                url,
                "SELECT count(*) > 0 FROM intents WHERE source = 'P100001' AND reason LIKE 'Changed in IFS%'"
                " OR verb = 'amend' AND source = 'P100001'",
            )
    shell("backup", str(tmp_path / "books.backup"))
    moved = Shell(shell.home, other)
    moved("restore", str(tmp_path / "books.backup"))
    moved("sync", "north")
    again = moved("sync", "north", "--json").form
    assert {side: count["write"] for side, count in again["requests"].items()} == {"erp": 0, "projects": 0}
    assert moved("audit", "verify", "--json").form["ok"]
    assert moved("doctor", code=None).code in (0, 15)


def test_a_wrong_password_is_said_and_not_shown(server: TcpServer, tmp_path: Path) -> None:
    wrong = server.new_url().replace(quote(PASSWORD, safe=""), "hunter2hunter2")
    said = Shell(tmp_path / "home", wrong)("connection", "list", code=12)
    assert "hunter2" not in said.out + said.err
    assert "password" in said.err
