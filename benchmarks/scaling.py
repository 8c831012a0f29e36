"""Two workers beside one when the systems are the limit: records a second, and whether it was the machine after all.

Run with `make bench ARGS="--only scaling"`, or `python -m benchmarks.scaling --small`. Every connection has two
simulated systems of its own, which take their time for each answer, and a first load of orders to be done. One worker
process does all of it, then two with as many slots each, on a database of their own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.crew import CORES, at_rest, companies, cpu_of_companies, crew_on, one_row, say, wait_for
from ml_connector.app import App
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings

CONNECTIONS, ORDERS, SLOTS, DELAY = 12, 60, 3, 80
"""The last in milliseconds, on top of each answer of both systems."""
LEAST = 1.7
"""What is promised: so many times the records a second."""
BUSY = 0.7
"""The share of all cores from which on the machine may be the limit, and the ratio says nothing."""
_SECONDS = "SELECT extract(epoch FROM max(finished_at) - min(started_at))::float8 FROM runs"
_RECORDS = "SELECT count(*) FROM intent_states WHERE state = 'done'"


@dataclass
class Load:
    """What the first load of all connections came to."""

    records: int
    orders: int
    requests: int
    seconds: float
    workers: float
    postgres: float
    systems: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def busy(self) -> float:
        """Share of all cores."""
        return (self.workers + self.postgres + self.systems) / (self.seconds * CORES)


def main() -> int:
    """Measures both and prints them; 1 when the promise was broken, or nothing can be said."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("--small", action="store_true", help="4 connections with 24 orders")
    for name, usual in (("connections", CONNECTIONS), ("orders", ORDERS), ("slots", SLOTS), ("delay", DELAY)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    given = parser.parse_args()
    if given.small:
        given.connections, given.orders, given.slots, given.delay = 4, 24, 1, 20
    say(
        f"\nscaling: {given.connections} connections, {given.orders} orders each, systems that take "
        f"{given.delay} ms longer for every answer; {given.slots} slots a worker; {CORES} cores"
    )
    with ExitStack() as stack:
        boxes = companies(stack, given.connections, given.orders)
        loads = [loaded(boxes, workers, given.slots, given.delay) for workers in (1, 2)]
    return verdict(*loads)


def loaded(boxes: list[RunningSandbox], workers: int, slots: int, delay: int) -> Load:
    """A first load of every connection by so many workers, on a new database and with the systems as they began."""
    for box in boxes:
        box.reset()
        box.admin("POST", "faults", {"rules": [{"kind": f"slow:{delay}", "times": 0, "tokens": True}]})
    files = [box.connection_text() for box in boxes]
    with (
        tempfile.TemporaryDirectory(prefix="ml-connector-bench-") as home,
        App.open(Settings(home=Path(home))) as app,
        crew_on(Path(home)) as crew,
    ):
        for _ in range(workers):
            crew.start("worker", "--slots", str(slots))
        wait_for("every worker", lambda: one_row(app, "SELECT count(*) FROM workers") == (workers,))
        before = crew.cpu(), app.db.server_cpu(), cpu_of_companies()
        for number, text in enumerate(files):
            app.add_connection(f"c{number:02}", text)
        time.sleep(2)  # the first round of the schedulers
        wait_for("rest", lambda: at_rest(app))
        after = crew.cpu(), app.db.server_cpu(), cpu_of_companies()
        (seconds,) = one_row(app, _SECONDS)
        (failed,) = one_row(app, "SELECT count(*) FROM runs WHERE state <> 'done'")
        (records,) = one_row(app, _RECORDS)
        (orders,) = one_row(app, "SELECT count(*) FROM links WHERE kind = 'commitment' AND state = 'linked'")
        crew.stop()
    if failed:
        raise SystemExit(f"{failed} runs did not end well: the figures are worth nothing.")
    requests = sum(box.admin("GET", "log?limit=0")["calls"] for box in boxes)
    used = [late - early for early, late in zip(before, after, strict=True)]
    load = Load(records, orders, requests, seconds, *used)
    say(
        f"  {workers} worker{'s' if workers > 1 else ' '}   {load.records:,} records ({load.orders:,} orders) and "
        f"{load.requests:,} requests in {load.seconds:.1f} s = {load.rate:.1f} records/s\n"
        f"              CPU {load.workers:.1f} s workers, {load.postgres:.1f} s PostgreSQL, {load.systems:.1f} s "
        f"simulated systems: {load.busy:.0%} of the machine"
    )
    return load


def verdict(one: Load, two: Load) -> int:
    """Prints what it means."""
    ratio = two.rate / one.rate
    say(f"  ratio       {ratio:.2f}")
    if one.records != two.records:
        say(f"  verdict     none: {one.records} records and {two.records} were not the same work")
        return 1
    if ratio >= LEAST:
        say(f"  verdict     kept: two workers are at least {LEAST} times as fast as one")
        return 0
    if max(one.busy, two.busy) > BUSY:
        say("  verdict     none: the machine was the limit, not the systems; take a longer --delay or a quiet machine")
        return 1
    say(f"  verdict     BROKEN: two workers are not {LEAST} times as fast as one")
    return 1


if __name__ == "__main__":
    sys.exit(main())
