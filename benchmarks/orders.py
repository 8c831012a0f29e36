"""Loads and polls 1,000 and 10,000 orders: requests beside the least possible, seconds, CPU seconds, memory.

Run with `make bench`, or `make bench ARGS="10000"`. The simulated systems run in a process of their own; "our CPU" is
this process with everything it does (journal, audit, evidence included), PostgreSQL's is printed beside it.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import database_size
from benchmarks.proof_of_money import quiet
from ml_connector.app import App
from ml_connector.engine.work import Report
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings
from ml_connector.store import journal

ROWS = 1000
"""Rows both APIs take or give in one request (facts/procore.md 3; our own page size for IFS)."""
SINGLES = {("project_vendor", "create"), ("commitment", "adopt"), ("commitment", "fill"), ("change_order", "amend")}
"""What has no batch in Procore: one request each."""


@dataclass
class Used:
    """What one step cost."""

    seconds: float
    cpu: float
    postgres: float


def main() -> None:
    """Measures each size in a process of its own and prints a table."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("sizes", nargs="*", type=int, default=[1000, 10000])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one)))  # noqa: T201 - the parent reads it
        return
    rows = []
    for size in given.sizes:
        child = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "benchmarks.orders", "--one", str(size)], check=True, capture_output=True, text=True
        )
        rows.append(json.loads(child.stdout))
    show(rows)


def measure(size: int) -> dict[str, Any]:
    """Loads a world of `size` orders, then polls it unchanged."""
    with (
        tempfile.TemporaryDirectory(prefix="ml-connector-bench-") as home,
        RunningSandbox(orders=size, spawn=True) as box,
        App.open(Settings(home=Path(home))) as app,
    ):
        app.add_connection("bench", box.connection_text())
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        disk = database_size(app)
        load, report = timed(app)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        disk = database_size(app) - disk
        with quiet(box):
            poll, poll_report = timed(app)
        least_writes, least_order_writes, contracts = least(app, report)
        lines = size * 5
        order_reads = math.ceil(size / ROWS) + math.ceil(lines / ROWS)
        writes = report.requests["projects"]["write"]
        reads = report.requests["erp"]["read"] + report.requests["projects"]["read"]
        return {
            "orders": size,
            "contracts": contracts,
            "writes": writes,
            "least_writes": least_writes,
            "reads": reads,
            "order_reads_least": order_reads,
            "setup_writes": writes - least_order_writes,
            "total": writes + reads,
            "least_total": least_writes + order_reads,
            "load": vars(load),
            "poll": vars(poll),
            "poll_requests": poll_report.requests,
            "memory_mb": memory,
            "base_mb": base,
            "disk_mb": disk,
            "created": report.flows["purchase_orders"].created,
            "poll_writes": poll_report.requests["projects"]["write"],
        }


def timed(app: App) -> tuple[Used, Report]:
    """One sync and what it cost."""
    wall, cpu, postgres = time.perf_counter(), time.process_time(), app.db.server_cpu()
    report = app.sync("bench")
    return (
        Used(time.perf_counter() - wall, time.process_time() - cpu, app.db.server_cpu() - postgres),
        report,
    )


def least(app: App, report: Report) -> tuple[int, int, int]:
    """Fewest write requests the APIs allow for what was done: all of it, the orders' share, and contracts made."""
    batches: dict[tuple[str, str, str], int] = {}
    after = 0
    number = app.connection("bench").id
    with app.db.begin() as conn:
        while rows := journal.plan_of(conn, number, report.run, after):
            after = rows[-1].id
            for row in rows:
                if row.verb != "link" and row.state == "done":
                    key = (row.kind, row.verb, row.scope)
                    batches[key] = batches.get(key, 0) + 1
    total = orders = contracts = 0
    for (kind, verb, _), count in batches.items():
        requests = count if (kind, verb) in SINGLES else math.ceil(count / ROWS)
        total += requests
        if kind in ("commitment", "change_order"):
            orders += requests
        if (kind, verb) == ("commitment", "create"):
            contracts += count
    return total, orders, contracts


def show(rows: list[dict[str, Any]]) -> None:
    """Prints the table."""
    say = sys.stdout.write
    for row in rows:
        contracts, load, poll = row["contracts"], row["load"], row["poll"]
        say(f"\n{row['orders']:,} orders, {row['orders'] * 5:,} lines: {row['created']:,} contracts created\n")
        say(
            f"  requests   {row['total']:,} used, {row['least_total']:,} the least possible: "
            f"{row['total'] / row['least_total']:.4f}\n"
            f"             writes {row['writes']:,} (least {row['least_writes']:,}; ours for vendors and codes: "
            f"{row['setup_writes']:,}), reads {row['reads']:,} (order pages {row['order_reads_least']:,})\n"
        )
        say(
            f"  load       {load['seconds']:.1f} s; our CPU {load['cpu']:.2f} s = "
            f"{load['cpu'] / contracts * 1000:.2f} ms an order; PostgreSQL {load['postgres']:.2f} s = "
            f"{load['postgres'] / contracts * 1000:.2f} ms an order\n"
        )
        polled = row["poll_requests"]
        say(
            f"  poll       {poll['seconds']:.2f} s; our CPU {poll['cpu']:.2f} s; PostgreSQL {poll['postgres']:.2f} s; "
            f"reads {polled['erp']['read']} in IFS, {polled['projects']['read']} in Procore, "
            f"writes {row['poll_writes']}\n"
        )
        say(f"  memory     {row['memory_mb']:.0f} MB at most ({row['base_mb']:.0f} MB before the first run)\n")
        say(f"  disk       {row['disk_mb']:.0f} MB = {row['disk_mb'] / contracts * 1024:.1f} KB an order\n")


if __name__ == "__main__":
    main()
