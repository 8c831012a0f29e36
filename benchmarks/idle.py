"""What the service costs while nothing happens: its processes without a connection, and each connection besides.

Run with `make bench ARGS="--only idle"`, or `python -m benchmarks.idle --small`. One process is door, schedule and
worker, on an embedded PostgreSQL. It is measured without a connection; with connections between two polls; while their
lists of deliveries are swept; and while they are polled, one round after the other, in which nothing has changed. From
these follows what an hour costs by the default schedule.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from benchmarks.crew import Crew, at_rest, companies, crew_on, one_row, say, wait_for
from ml_connector.app import App
from ml_connector.kernel.clock import system_clock
from ml_connector.planning.schedule import Schedule, seconds_in
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import hooking
from ml_connector.service.laying import INTERVALS
from ml_connector.settings import Settings
from ml_connector.store import agenda
from ml_connector.store.agenda import Laid

CONNECTIONS, ORDERS, SECONDS = 10, 60, 60
"""The last: how long each part is measured; a minute has in it all that comes round by itself."""
AGO = timedelta(hours=2)
"""When everything was loaded: a poll reaches back five minutes over the last, and would see all of it again."""
_HOUR = 3600.0
_READS = """
    SELECT count(*), coalesce(sum((requests #>> '{erp,read}')::int), 0)::bigint,
           coalesce(sum((requests #>> '{projects,read}')::int), 0)::bigint
    FROM runs WHERE trigger = 'schedule' AND state = 'done'
"""


@dataclass(frozen=True)
class Spent:
    """What has been used up to a moment, or between two; by how many of something, where it is counted."""

    seconds: float
    ours: float
    postgres: float
    requests: int
    writes: int
    times: int = 1

    def __sub__(self, other: Spent) -> Spent:
        return Spent(
            self.seconds - other.seconds,
            self.ours - other.ours,
            self.postgres - other.postgres,
            self.requests - other.requests,
            self.writes - other.writes,
        )

    def besides(self, rest: Spent) -> Spent:
        """Without the CPU that as many seconds of `rest` cost; not below 0, where less is left than can be measured."""
        share = self.seconds / rest.seconds
        return replace(
            self, ours=max(0.0, self.ours - rest.ours * share), postgres=max(0.0, self.postgres - rest.postgres * share)
        )

    def an_hour(self, shares: int) -> str:
        """One of so many shares of it, for an hour."""
        factor = _HOUR / self.seconds / shares
        return (
            f"{self.ours * factor:.1f} s CPU of ours and {self.postgres * factor:.1f} s of PostgreSQL an hour "
            f"({self.seconds:.0f} s measured)"
        )

    def each(self) -> str:
        """What one of those it is of cost."""
        return (
            f"{self.ours / self.times * 1000:.0f} ms CPU of ours, {self.postgres / self.times * 1000:.0f} ms of "
            f"PostgreSQL, {self.requests / self.times:.1f} requests (the mean of {self.times})"
        )


def main() -> int:
    """Measures and prints; 1 when polls of unchanged systems wrote."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.idle")
    parser.add_argument("--small", action="store_true", help="3 connections, 4 seconds each part")
    for name, usual in (("connections", CONNECTIONS), ("orders", ORDERS), ("seconds", SECONDS)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    given = parser.parse_args()
    if given.small:
        given.connections, given.orders, given.seconds = 3, 24, 4
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ml-connector-bench-")))
        boxes = companies(stack, given.connections, given.orders)
        app = stack.enter_context(App.open(Settings(home=home)))
        crew = stack.enter_context(crew_on(home))
        return Idle(app, crew, boxes, given.seconds).run()


class Idle:
    """One installation whose connections have nothing to do."""

    def __init__(self, app: App, crew: Crew, boxes: list[RunningSandbox], seconds: int) -> None:
        self.app, self.crew, self.boxes = app, crew, boxes
        self.seconds = seconds
        self.reads: list[int] = []
        self.names = [f"c{number:02}" for number in range(len(boxes))]

    def run(self) -> int:
        """All four parts, one after the other."""
        self.crew.start("serve", "--port", "0")
        time.sleep(min(5.0, self.seconds))  # what a process does once, at its beginning
        base = self.measured(self.seconds)
        self.crew.stop()
        self.load()
        self.join(self.crew.start("serve", "--port", "0")["door"])
        standing = self.measured(self.seconds)
        sweeps = self.asked("sweep", 3.0).besides(standing)
        reads = self._reads()
        polls = self.asked("poll/", self.seconds).besides(standing)
        made, *self.reads = (late - early for early, late in zip(reads, self._reads(), strict=True))
        self.crew.stop()
        if made != polls.times:
            raise SystemExit(f"{polls.times} polls were asked for, and {made} ended well.")
        self.tell(base, standing.besides(base), polls, sweeps)
        say(f"  verdict     {'nothing was written' if not polls.writes else 'WRONG: unchanged systems were written'}")
        return 1 if polls.writes else 0

    def meter(self) -> Spent:
        """Everything used so far."""
        logs = [box.admin("GET", "log?limit=0") for box in self.boxes]
        calls, writes = (sum(log[name] for log in logs) for name in ("calls", "writes"))
        return Spent(time.perf_counter(), self.crew.cpu(), self.app.db.server_cpu(), calls, writes)

    def measured(self, seconds: float) -> Spent:
        """What so many seconds cost."""
        before = self.meter()
        time.sleep(seconds)
        return self.meter() - before

    def asked(self, prefix: str, seconds: float) -> Spent:
        """What something costs that every connection does, round by round, until so many seconds are over."""
        before, rounds = self.meter(), 0
        while time.perf_counter() - before.seconds < seconds:
            self.ask(prefix)
            wait_for("rest", lambda: at_rest(self.app), pause=0.2)
            rounds += 1
        return replace(self.meter() - before, times=rounds * len(self.names))

    def load(self) -> None:
        """All connections with everything loaded, which was long ago."""
        with App.open(self.app.settings, clock=lambda: system_clock() - AGO) as early:
            for name, box in zip(self.names, self.boxes, strict=True):
                box.admin("POST", "clock", {"advance_seconds": -AGO.total_seconds()})
                early.add_connection(name, box.connection_text())
                early.sync(name)
                box.admin("POST", "clock", {"advance_seconds": AGO.total_seconds()})

    def join(self, door: str) -> None:
        """Hooks for all, which lead to the service; and the polls it makes at first and right after that."""
        for name in self.names:
            hooking.sync(self.app, name, hooking.Asked(door))
        wait_for("rest", lambda: at_rest(self.app))
        self.ask("poll/")
        wait_for("rest", lambda: at_rest(self.app))

    def ask(self, prefix: str) -> None:
        """Makes something of every connection due now."""
        with self.app.db.begin() as conn:
            for name in self.names:
                row = self.app.connection(name)
                for one in agenda.listed(conn, row.id):
                    if one.name.startswith(prefix):
                        agenda.ask(conn, Laid(row.id, one.name, self.app.clock(), one.priority))

    def _reads(self) -> tuple[int, int, int]:
        """Runs by schedule that went well so far, and their reads in IFS and Procore."""
        runs, erp, projects = one_row(self.app, _READS)
        return runs, erp, projects

    def tell(self, base: Spent, standing: Spent, polls: Spent, sweeps: Spent) -> None:
        """Prints what was measured, and what an hour costs. `standing` is of all connections, without the base."""
        number = len(self.names)
        say(
            f"\nidle: {number} connections, nothing changes; door, schedule and worker in one process\n"
            f"  base        {base.an_hour(1)} without a connection\n"
            f"  standing    {standing.an_hour(number)} for each connection, between polls\n"
            f"  a sweep     {sweeps.each()}\n"
            f"  a poll      {polls.each()}: of all flows, with "
            f"{self.reads[0] / polls.times:.0f} reads in IFS, {self.reads[1] / polls.times:.0f} in Procore, "
            f"{polls.writes} writes"
        )
        ours, postgres = (one / number / standing.seconds * _HOUR for one in (standing.ours, standing.postgres))
        requests = 0.0
        every = {"poll": seconds_in(Schedule().interval, "interval"), "sweep": INTERVALS["sweep"]}
        for spent, often in ((polls, every["poll"]), (sweeps, every["sweep"])):
            share = _HOUR / often.total_seconds() / spent.times
            ours += spent.ours * share
            postgres += spent.postgres * share
            requests += spent.requests * share
        say(
            f"  an hour     of an idle connection, by the default schedule: {ours:.1f} s CPU of ours, {postgres:.1f} s "
            f"of PostgreSQL, {requests:,.0f} requests\n"
            "              (sign-ins are among them, the night's census is not)"
        )


if __name__ == "__main__":
    sys.exit(main())
