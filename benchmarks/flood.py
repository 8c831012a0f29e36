"""A million events, all different: whether memory stays flat in what takes them, in the worker, and when they go again.

Run with `make bench ARGS="--only flood"`, or `python -m benchmarks.flood --small`. The events tell of records that are
not ours, so that the worker reads, judges and ignores every one and asks the systems nothing. They come over sockets to
a real door, as fast as it answers; with `--through receiver` the door's receiver alone is driven, in a process of its
own, which is faster than a worker and leaves it a pile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from threading import Semaphore
from typing import Any

import uvloop

from benchmarks.crew import Crew, crew_on, json_of, one_row, say, wait_for
from benchmarks.door_sender import LANES, Lane
from ml_connector.app import App
from ml_connector.kernel.clock import system_clock
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import retaining
from ml_connector.service.duty import Duty
from ml_connector.service.payloads import procore_told
from ml_connector.service.receiving import QUEUE, Event, Fate, Receiver, Ticket
from ml_connector.settings import Settings
from ml_connector.store import hooks

EVENTS, SMALL, STAGES = 1_000_000, 20_000, 10
NAME = "bench"
FLAT = 24.0
"""MB by which memory may grow after the first tenth and still be called flat."""
_NOT_OURS = ("Submittals", "RFIs", "Daily Logs", "Purchase Order Contracts")
"""What the events are about; the last in a project that is not linked."""
_LATER = timedelta(days=40)
"""When the events are removed: longer from now than they are kept."""


def main() -> int:
    """Measures and prints; 1 when memory grew, or an event was lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flood")
    parser.add_argument("--events", type=int, default=EVENTS, help="how many")
    parser.add_argument("--small", action="store_true", help=f"{SMALL:,} events")
    parser.add_argument("--through", choices=("door", "receiver"), default="door", help="which way they come")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        PARTS[given.part](json.loads(sys.stdin.readline()))
        return 0
    events = SMALL if given.small else given.events
    with (
        tempfile.TemporaryDirectory(prefix="ml-connector-bench-") as home,
        RunningSandbox(orders=24, spawn=True) as box,
        App.open(Settings(home=Path(home))) as app,
        crew_on(Path(home)) as crew,
    ):
        return Flood(app, crew, box, events).run(given.through)


class Flood:
    """One connection with a hook, to which all events come."""

    def __init__(self, app: App, crew: Crew, box: RunningSandbox, events: int) -> None:
        self.app, self.crew, self.events = app, crew, events
        row = app.add_connection(NAME, box.connection_text())
        app.sync(NAME)
        slug, authorization = hooks.new_slug(), hooks.new_authorization()
        with app.db.begin() as conn:
            kept = hooks.secret_hash(authorization)
            hooks.put(conn, hooks.HookRow(connection_id=row.id, slug=slug, secret_hash=kept))
        self.task: dict[str, Any] = {
            "home": str(app.settings.home), "connection": row.id, "slug": slug, "authorization": authorization,
            "company": str(row.config["projects"]["company_id"]), "events": events,
        }  # fmt: skip
        self.sizes: dict[str, list[float]] = {}

    def run(self, through: str) -> int:
        """In, through the worker, and out again."""
        empty = self._size()
        began = time.perf_counter()
        self.crew.start("worker", "--slots", "2")
        said = self._took(through)
        taken = time.perf_counter() - began
        wait_for("the end of the worker's work", lambda: not self._waiting(), seconds=3600, pause=1.0)
        worked = time.perf_counter() - began
        self._look("worker")
        full = self._size()
        kept, ignored = one_row(self.app, "SELECT count(*), count(*) FILTER (WHERE state = 'ignored') FROM inbox")
        cpu = self.crew.cpu()
        self.crew.stop()
        purge = self._part("purge")
        left = one_row(self.app, "SELECT count(*) FROM inbox")[0]
        say(
            f"\nflood: {self.events:,} events, taken by the {through}, ignored by a worker, removed in the night\n"
            f"  taken       in {taken:.0f} s: {self.events / taken:,.0f} a second; {said}\n"
            f"  worked      in {worked:.0f} s: {self.events / worked:,.0f} a second; CPU {cpu:.0f} s of ours\n"
            f"  kept        {kept:,} rows, {ignored:,} ignored\n"
            f"  removed     {purge['gone']:,} in {purge['seconds']:.0f} s: {purge['gone'] / purge['seconds']:,.0f} a "
            f"second; {left} left\n"
            f"  database    {empty:.0f} MB empty, {full:.0f} MB full ({(full - empty) / self.events * 1024:.1f} KB an "
            f"event), {self._size():.0f} MB after the removal, whose room is used again"
        )
        self.sizes["removal"] = purge["memory"]
        grown = [self._tell(what, sizes) for what, sizes in self.sizes.items()]
        lost = kept != self.events or ignored != self.events or left
        flat = "BROKEN: memory grew" if any(grown) else f"memory stayed flat (within {FLAT:g} MB)"
        say(f"  verdict     {flat}; {'BROKEN: events are missing' if lost else 'no event lost, none kept twice'}")
        return 1 if lost or any(grown) else 0

    def _took(self, through: str) -> str:
        """Lets all events come, and looks at the memory of all at every tenth; what became of the events."""
        if through == "door":
            self.task["port"] = int(self.crew.start("door", "--port", "0")["door"].rpartition(":")[2])
            source = self._open("send")
        else:
            source = self.crew.open("benchmarks.flood", "--part", "receive")
            self._tell_task(source)
        for _ in range(STAGES):
            json_of(source, self.crew.log)
            self._look("worker", through)
        fates = json_of(source, self.crew.log)
        source.wait(60)
        if through == "receiver":
            self.crew.running.remove(source)
        return ", ".join(f"{number:,} {fate}" for fate, number in sorted(fates.items()))

    def _part(self, part: str) -> dict[str, Any]:
        process = self._open(part)
        found = json_of(process, self.crew.log)
        process.wait(60)
        return found

    def _open(self, part: str) -> subprocess.Popen[str]:
        """A part of this module as a process that is none of the service's."""
        words = [sys.executable, "-m", "benchmarks.flood", "--part", part]
        process = subprocess.Popen(  # noqa: S603 - our own module
            words, env=self.crew.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._tell_task(process)
        return process

    def _tell_task(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin
        process.stdin.write(json.dumps(self.task) + "\n")
        process.stdin.flush()

    def _look(self, *names: str) -> None:
        for name, size in zip(names, self.crew.memory(), strict=False):
            self.sizes.setdefault(name, []).append(size)

    def _waiting(self) -> bool:
        return bool(one_row(self.app, "SELECT EXISTS (SELECT 1 FROM inbox WHERE state IN ('new', 'taken'))")[0])

    def _size(self) -> float:
        """MB of the database on disk."""
        return float(one_row(self.app, "SELECT pg_database_size(current_database())")[0]) / 1024**2

    def _tell(self, what: str, sizes: list[float]) -> bool:
        """Prints how the memory of one went; whether it grew after the first tenth."""
        shown = " ".join(f"{size:.0f}" for size in sizes)
        say(f"  memory      of the {what}: {min(sizes):.0f} to {max(sizes):.0f} MB (by tenths: {shown})")
        return max(sizes) - sizes[0] > FLAT


# parts that run in processes of their own ---------------------------------------------------------------------------


def body_of(number: int, company: str) -> bytes:
    """A payload of v4.0 (facts/procore.md 13.2) about something that is not ours."""
    form = {
        "id": f"01F{number:023d}",
        "timestamp": "2026-11-27T12:00:00.000000Z",
        "reason": "update",
        "company_id": company,
        "project_id": "999",
        "user_id": "77",
        "resource_type": _NOT_OURS[number % len(_NOT_OURS)],
        "resource_id": str(1_000_000 + number),
    }
    return json.dumps(form).encode()


def receive(task: dict[str, Any]) -> None:
    """Offers all events to the door's receiver, as many at a time as it takes, and each until it is kept."""
    fates: Counter[str] = Counter()
    room = Semaphore(QUEUE)
    lost: list[int] = []

    def told(batch: Sequence[tuple[Ticket, Fate]]) -> None:
        for ticket, fate in batch:
            fates[fate.value] += 1
            if fate is Fate.LOST:
                assert isinstance(ticket, int)
                lost.append(ticket)
            room.release()

    def offer(number: int) -> None:
        body = body_of(number, task["company"])
        said = procore_told(body)
        event = Event(
            connection_id=task["connection"],
            slug=task["slug"],
            event=said.event,
            body=body,
            resource=said.resource,
            action=said.action,
            record=said.record,
            project=said.project,
            happened_at=said.happened_at,
        )
        room.acquire()
        while not receiver.offer(number, event):
            time.sleep(0.01)

    with App.open(Settings(home=Path(task["home"])), "door") as app:
        receiver = Receiver(app.db, told)
        receiver.start()
        for number in range(task["events"]):
            offer(number)
            _progress(number, task["events"])
        while fates["new"] + fates["again"] < task["events"]:
            time.sleep(0.05)
            while lost:
                offer(lost.pop())
        receiver.stop(30)
    print(json.dumps(fates), flush=True)  # noqa: T201 - the parent reads it


def send(task: dict[str, Any]) -> None:
    """Sends all events to the door over connections that stay open, each until it is answered with a 2xx."""
    fates: Counter[str] = Counter()
    numbers = iter(range(task["events"]))
    head = f"POST /webhooks/procore/{NAME}/{task['slug']} HTTP/1.1\r\nHost: door\r\n"
    head += f"Authorization: {task['authorization']}\r\nContent-Type: application/json\r\nContent-Length: "

    async def one_lane() -> None:
        lane = Lane(task["port"], head.encode())
        for number in numbers:
            body = body_of(number, task["company"])
            while not 200 <= (status := await lane.send(body)) < 300:
                fates[f"answered {status}" if status else "cut"] += 1
                await asyncio.sleep(0.05)
            fates["answered 2xx"] += 1
            _progress(fates["answered 2xx"] - 1, task["events"])
        lane.close()

    async def every_lane() -> None:
        await asyncio.gather(*(one_lane() for _ in range(LANES)))

    uvloop.run(every_lane())
    print(json.dumps(fates), flush=True)  # noqa: T201 - the parent reads it


def purge(task: dict[str, Any]) -> None:
    """Does the step of the night's work that removes events, when they have been kept long enough."""
    with App.open(Settings(home=Path(task["home"])), "night", clock=lambda: system_clock() + _LATER) as app:
        before = int(one_row(app, "SELECT count(*) FROM inbox")[0])
        began, sizes, every = time.perf_counter(), list[float](), max(1, before // retaining.BATCH // STAGES)
        for number, _ in enumerate(retaining.inbox(Duty(app, "nightly", None), "")):
            if number % every == 0:
                sizes.append(_own_memory())
        seconds = time.perf_counter() - began
        gone = before - int(one_row(app, "SELECT count(*) FROM inbox")[0])
    found = {"gone": gone, "seconds": seconds, "memory": sizes}
    print(json.dumps(found), flush=True)  # noqa: T201 - the parent reads it


def _progress(number: int, events: int) -> None:
    """Tells the parent of every tenth."""
    if (number + 1) * STAGES // events > number * STAGES // events:
        print(json.dumps({"sent": number + 1}), flush=True)  # noqa: T201 - the parent reads it


def _own_memory() -> float:
    """MB in memory at most, so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


PARTS = {"receive": receive, "send": send, "purge": purge}


if __name__ == "__main__":
    sys.exit(main())
