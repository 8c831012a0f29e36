"""The door under load while work goes on: how soon it answers, and that nothing it said yes to is lost.

Run with `make bench ARGS="--only door"`, or `python -m benchmarks.door --seconds 10`. Door, sender, simulated systems
and the work beside (one sync after the other) are a process each, on one embedded PostgreSQL that waits for the disk.
First quietly; then again with the door killed (-9) after a third and PostgreSQL killed (-9) after two thirds.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.door_sender import event_of
from ml_connector.app import App
from ml_connector.kernel.errors import ConnectorError
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings
from ml_connector.store import bulk, hooks
from ml_connector.webhooks.serving import Door

RATE, SECONDS = 500, 60
ORDERS = 300
P99, MOST = 0.050, 1.0
"""What is promised of the answer, in seconds: at the 99th of a hundred, and ever."""


def main() -> int:
    """Measures both ways and prints them; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.door")
    parser.add_argument("--rate", type=int, default=RATE, help="webhooks a second")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for how long, each of two times")
    parser.add_argument("--door", nargs=2, metavar=("HOME", "PORT"), help=argparse.SUPPRESS)
    parser.add_argument("--work", metavar="HOME", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.door:
        serve(Path(given.door[0]), int(given.door[1]))
        return 0
    if given.work:
        work(Path(given.work))
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="ml-connector-bench-") as home,
        RunningSandbox(orders=ORDERS, spawn=True) as box,
        App.open(Settings(home=Path(home))) as app,
    ):
        return Bench(app, box, given.rate, given.seconds).run()


class Bench:
    """One installation with a hook, its door, its work, and a sender."""

    def __init__(self, app: App, box: RunningSandbox, rate: int, seconds: int) -> None:
        self.app, self.rate, self.seconds = app, rate, seconds
        row = app.add_connection("bench", box.connection_text())
        self.company = str(row.config["projects"]["company_id"])
        self.slug, self.authorization = hooks.new_slug(), hooks.new_authorization()
        with app.db.begin() as conn:
            kept = hooks.secret_hash(self.authorization)
            hooks.put(conn, hooks.HookRow(connection_id=row.id, slug=self.slug, secret_hash=kept))
        self.first = 0
        self.port = 0
        self.door: subprocess.Popen[str] | None = None

    def run(self) -> int:
        """Quietly, then with kills."""
        self.app.sync("bench")
        self.open()
        broken = self.measure("quiet", kills=False)
        broken += self.measure("killed", kills=True)
        if self.door is not None:
            self.door.terminate()
            self.door.wait()
        return 1 if broken else 0

    def open(self) -> float:
        """Starts a door and returns how long that took."""
        began = time.perf_counter()
        words = [sys.executable, "-m", "benchmarks.door", "--door", str(self.app.settings.home), str(self.port)]
        self.door = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
        assert self.door.stdout
        self.port = next(int(line) for line in self.door.stdout if line.strip().isdigit())
        return time.perf_counter() - began

    def measure(self, title: str, *, kills: bool) -> int:
        """One measurement; how many promises were broken."""
        runs = self._runs()
        words = [sys.executable, "-m", "benchmarks.door", "--work", str(self.app.settings.home)]
        beside = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
        notes: list[str] = []
        killer = threading.Thread(target=self._kill, args=(notes,)) if kills else None
        if killer:
            killer.start()
        heard = self._send()
        if killer:
            killer.join()
        beside.terminate()
        beside.wait()
        broken = self._tell(title, heard, self._runs() - runs, notes)
        self.first += self.rate * self.seconds
        return broken

    def _send(self) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            into = Path(folder, "heard.json")
            task = {
                "port": self.port, "path": f"/webhooks/procore/bench/{self.slug}", "authorization": self.authorization,
                "rate": self.rate, "seconds": self.seconds, "first": self.first, "company": self.company,
                "into": str(into),
            }  # fmt: skip
            words = [sys.executable, "-m", "benchmarks.door_sender"]
            subprocess.run(words, input=json.dumps(task), text=True, check=True)  # noqa: S603 - our own module
            found: dict[str, Any] = json.loads(into.read_text("utf-8"))
            return found

    def _kill(self, notes: list[str]) -> None:
        """Kills the door after a third, and PostgreSQL after two thirds."""
        start = time.perf_counter()
        time.sleep(self.seconds / 3)
        assert self.door is not None
        self.door.kill()
        self.door.wait()
        notes.append(f"the door (back after {self.open():.1f} s)")
        began = time.perf_counter()
        if (early := start + self.seconds * 2 / 3 - began) > 0:
            time.sleep(early)
            began = time.perf_counter()
        if began > start + self.seconds:
            notes.append("PostgreSQL too late: take more --seconds")
        pid = self.app.db.server.pid() if self.app.db.server else None
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
        self._runs()
        notes.append(f"PostgreSQL (back after {time.perf_counter() - began:.1f} s)")

    def _runs(self) -> int:
        with self.app.db.begin() as conn:
            row = bulk.fetch_one(conn, "SELECT count(*) FROM runs")
            return int(row[0]) if row else 0

    def _tell(self, title: str, heard: dict[str, Any], runs: int, notes: list[str]) -> int:
        with self.app.db.begin() as conn:
            rows = bulk.fetch(conn, "SELECT event FROM inbox")
        kept = Counter(row[0] for row in rows)
        accepted = [event_of(number) for number in heard["accepted"]]
        sent = self.rate * self.seconds
        lost = sum(1 for event in accepted if event not in kept)
        twice = sum(1 for times in kept.values() if times > 1)
        seconds = sorted(heard["seconds"])
        p50, p99, most = (seconds[min(len(seconds) - 1, int(len(seconds) * part))] for part in (0.5, 0.99, 1.0))
        late = sum(1 for one in seconds if one > MOST)
        say = sys.stdout.write
        say(f"\ndoor, {title}: {self.rate} webhooks/s for {self.seconds} s beside {runs} syncs\n")
        if notes:
            say(f"  killed -9   {', '.join(notes)}\n")
        say(
            f"  answers     p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, max {most * 1000:.0f} ms; "
            f"{late} over {MOST:.0f} s; {heard['refused']} refused, {heard['cut']} cut, all sent again\n"
            f"  events      {sent:,} sent, {len(accepted):,} answered 2xx, {lost} of them lost, {twice} kept twice\n"
        )
        sys.stdout.flush()
        slow = 0 if notes else int(p99 > P99) + late
        return lost + twice + (sent - len(accepted)) + slow


def serve(home: Path, port: int) -> None:
    """The door as a process of its own."""
    with App.open(Settings(home=home), "door") as app:
        door = Door(app, port=port)
        door.start()
        print(door.port, flush=True)  # noqa: T201 - the parent reads it
        ended = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: ended.set())
        ended.wait()
        door.stop()


def work(home: Path) -> None:
    """One sync after the other, whatever happens to the database, until it is told to end."""
    with App.open(Settings(home=home), "work") as app:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        while True:
            with suppress(ConnectorError):
                app.sync("bench")


if __name__ == "__main__":
    sys.exit(main())
