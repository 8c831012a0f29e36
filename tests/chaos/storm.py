"""Everything at once, from a seed: workers are killed and frozen, wires cut, PostgreSQL restarted, clocks moved and
every fault of the sandbox let loose, while people work on both sides; then the calm, in which all must come to rest."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from journeys.test_money_faults import later, script
from ml_connector.app import App
from ml_connector.kernel.errors import ConnectorError
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import hooking
from ml_connector.settings import STALLED_SECONDS, TRIES, Settings
from store.cluster import Cluster

from .cut import State, Wires, wired
from .place import ORDERS, Place

ROOT = Path(__file__).resolve().parents[2]
WEBHOOK_FAULTS = ("webhook_twice", "webhook_late", "webhook_lost")
LATE_FAULTS = ("slow:300", "drop_late:1500", "504_late:1500")
"""Answers that come late, and calls that are carried out after their caller gave up."""
FROZEN = 14.0
"""Seconds a frozen worker stays so: longer than others wait before they take over."""


@dataclass(frozen=True)
class Weather:
    """How hard it blows. `seconds`: the length of the storm; `rest`: how long the calm may take at most."""

    seed: int
    connections: int = 100
    workers: int = 3
    kills: int = 20
    freezes: int = 3
    cuts: int = 40
    restarts: int = 2
    seconds: float = 300.0
    rest: float = 1800.0
    stalled: float = 10.0
    """Seconds without a sign of life after which a worker is taken for dead."""


@dataclass
class Crew:
    """The processes of the service: workers and a door, each in a process of its own, with its log."""

    environ: dict[str, str]
    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    port: int = 0

    def start(self, name: str) -> None:
        """Starts `door` or a worker of that name."""
        words = ["door", "--host", "127.0.0.1", "--port", str(self.port)] if name == "door" else ["worker"]
        log = (self.folder / f"{name}.log").open("ab")
        self.running[name] = subprocess.Popen(
            [sys.executable, "-m", "ml_connector.cli.main", *words, "--json"],
            env=self.environ,
            stdout=log,
            stderr=log,
            cwd=ROOT,
        )
        log.close()

    def kill(self, name: str) -> None:
        """Ends one at once and starts it again."""
        process = self.running[name]
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait(10)
        self.start(name)

    def revive(self) -> None:
        """Starts what has ended by itself, and thaws what is frozen."""
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                self.start(name)
            else:
                process.send_signal(signal.SIGCONT)

    def stop(self) -> dict[str, int]:
        """Asks all to leave in good order; their exit codes."""
        for process in self.running.values():
            process.terminate()
        return {name: process.wait(60) for name, process in self.running.items()}


class Storm:
    """One run of it."""

    def __init__(self, weather: Weather, crew: Crew, places: list[Place], wires: Wires, cluster: Cluster) -> None:
        self.weather = weather
        self.crew = crew
        self.places = places
        self.wires = wires
        self.cluster = cluster
        self.chance = random.Random(weather.seed)
        self.done: Counter[str] = Counter()
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._ends = 0.0
        self._since = datetime(2000, 1, 1, tzinfo=UTC)

    def blow(self) -> None:
        """The storm: what happens and when is drawn from the seed."""
        began = time.monotonic()
        self._ends = began + self.weather.seconds
        for moment, act in self._drawn():
            self._wait(began + moment)
            act()
        self._wait(began + self.weather.seconds)
        while self._later:
            self._wait(time.monotonic() + 0.1)

    def _drawn(self) -> list[tuple[float, Callable[[], None]]]:
        acts: list[Callable[[], None]] = [self._kill] * self.weather.kills
        acts += [self._freeze] * self.weather.freezes
        acts += [self._cut] * self.weather.cuts
        acts += [self._restart] * self.weather.restarts
        acts += [self._move_clock] * max(1, self.weather.kills // 2)
        acts += [lambda place=place: self._go_on(place) for place in self.places]
        length = self.weather.seconds
        return sorted(((self.chance.uniform(0.05, 0.95) * length, act) for act in acts), key=lambda one: one[0])

    def _wait(self, until: float) -> None:
        while True:
            now = time.monotonic()
            for one in [one for one in self._later if one[0] <= now]:
                self._later.remove(one)
                one[1]()
            if now >= until:
                return
            time.sleep(min(0.05, until - now))

    def _worker(self) -> str:
        return self.chance.choice([name for name in self.crew.running if name != "door"])

    def _kill(self) -> None:
        name = self.chance.choice([self._worker(), self._worker(), self._worker(), "door"])
        self.done[f"killed {name.split('-')[0]}"] += 1
        self.crew.kill(name)

    def _freeze(self) -> None:
        process = self.crew.running[self._worker()]
        self.done["frozen"] += 1
        process.send_signal(signal.SIGSTOP)
        self._later.append((time.monotonic() + FROZEN, lambda: process.send_signal(signal.SIGCONT)))

    def _cut(self) -> None:
        wire = self.chance.choice(self.chance.choice(self.places).wires)
        state = self.chance.choice((State.REFUSED, State.REFUSED, State.SILENT))
        self.done[f"wire {state.value}"] += 1
        self.wires.set(wire, state)
        self._later.append((time.monotonic() + self.chance.uniform(0.5, 5), lambda: self.wires.set(wire, State.WHOLE)))

    def _restart(self) -> None:
        self.done["database restarted"] += 1
        restart(self.cluster)

    def _move_clock(self) -> None:
        self.done["clock moved"] += 1
        self.chance.choice(self.places).box.clock.advance(timedelta(minutes=self.chance.randint(1, 45)))

    def _go_on(self, place: Place) -> None:
        """People go on once the first half has crossed; where it has not, they look again a little later."""
        if place.name in {said.partition(":")[0] for said in self.unrest()} or place.release():
            if time.monotonic() < self._ends:
                self._later.append((time.monotonic() + 1.0, lambda: self._go_on(place)))
            return
        place.go_on()
        self.done["people went on"] += 1

    def calm(self) -> None:
        """Everything is whole again; the service comes to rest by itself, and people release what was proposed."""
        for wire in self.wires.wires:
            self.wires.set(wire, State.WHOLE)
        for place in self.places:
            place.box.faults.clear()
        self.crew.revive()
        self._rest()
        late = [place for place in self.places if not place.went_on]
        for place in late:
            place.go_on()
        if late:
            self._rest()

    def _rest(self) -> None:
        until = time.monotonic() + self.weather.rest
        quiet, self._since = 0, datetime.now(UTC)
        while quiet < 2:
            assert time.monotonic() < until, f"not at rest: {self.unrest()}\n{self.shown()}"
            released = sum(place.release() for place in self.places)
            if released:
                self._since = datetime.now(UTC)
            quiet = 0 if released or self.unrest() else quiet + 1
            time.sleep(1.0)
            self.crew.revive()

    def shown(self) -> str:
        """Agenda, queue, breakers and leases of what is not at rest: where to look."""
        names = [said.partition(":")[0] for said in self.unrest()]
        lines = []
        with self.places[0].office.app.db.begin() as conn:
            for table in ("agenda", "breakers", "leases"):
                sql = f"SELECT c.name, to_jsonb(t) FROM {table} t JOIN connections c ON c.id = connection_id"
                rows = conn.exec_driver_sql(f"{sql} WHERE c.name = ANY(%s) ORDER BY 1", (names,)).all()
                lines += [f"{table} {name} {row}" for name, row in rows if not row.get("name", "").startswith("poll/")]
            for table in ("jobs.procrastinate_jobs", "jobs.procrastinate_workers", "workers", "parked"):
                lines += [
                    f"{table} {row[0]}" for row in conn.exec_driver_sql(f"SELECT to_jsonb(t) FROM {table} t").all()
                ]
        return "\n".join(lines)

    def told_secrets(self) -> list[str]:
        """Processes whose log tells a secret of a connection."""
        secrets = set[str]()
        for place in self.places:
            file = tomllib.loads(place.box.connection_text())
            secrets |= {file["erp"]["client_secret"], file["projects"]["client_secret"]}
        logs = sorted(self.crew.folder.glob("*.log"))
        return [f"{log.name} tells a secret" for log in logs if any(one in log.read_text() for one in secrets)]

    def counts(self) -> dict[str, int]:
        """What the service counted: takeovers, echoes and more, over all connections."""
        with self.places[0].office.app.db.begin() as conn:
            rows = conn.exec_driver_sql(
                "SELECT name, sum(value)::bigint FROM counters GROUP BY 1 UNION ALL "
                "SELECT 'runs ' || trigger || ' ' || state, count(*) FROM runs GROUP BY 1 UNION ALL "
                "SELECT 'parked', count(*) FROM parked"
            ).all()
        return {name: int(number) for name, number in rows}

    def unrest(self) -> list[str]:
        """Connections whose last two ended runs wrote something or failed; runs that began before people last did
        something in the calm do not count."""
        with self.places[0].office.app.db.begin() as conn:
            rows = conn.exec_driver_sql(
                "SELECT c.name, r.state, r.requests, r.error FROM connections c CROSS JOIN LATERAL ("
                "SELECT * FROM runs WHERE connection_id = c.id AND finished_at IS NOT NULL "
                "AND cardinality(flows) > 1 AND started_at > %s ORDER BY id DESC LIMIT 2) r ORDER BY 1",
                (self._since,),
            ).all()
        ends: dict[str, list[str]] = {place.name: [] for place in self.places}
        for name, state, requests, error in rows:
            wrote = sum(side.get("write", 0) for side in requests.values())
            ends[name].append("" if state == "done" and not wrote else f"{name}: {state}, {wrote} written {error}")
        return [" | ".join(filter(None, said)) or name for name, said in ends.items() if said != ["", ""]]


def restart(cluster: Cluster) -> None:
    """PostgreSQL is gone at once, as after a power cut, and comes up again."""
    server = cluster.server
    pid = int((server.data / "postmaster.pid").read_text().split()[0])
    children = psutil.Process(pid).children()
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs(children, 10)
    server.start()


@contextmanager
def prepared(weather: Weather, cluster: Cluster, folder: Path, say: Callable[[str], None]) -> Iterator[Storm]:
    """Connections, workers and wires, before the storm. `cluster` must be the storm's own: it is killed."""
    with ExitStack() as stack:
        url = cluster.new_url()
        settings = Settings(folder / "home", url)
        app = stack.enter_context(App.open(settings, actor="storm"))
        boxes = [stack.enter_context(RunningSandbox(orders=ORDERS)) for _ in range(weather.connections)]
        wires = stack.enter_context(wired([one for box in boxes for one in (box.ifs_url, box.procore_url)]))
        pairs = list(zip(wires.wires[::2], wires.wires[1::2], strict=True))
        places = []
        for number, (box, pair) in enumerate(zip(boxes, pairs, strict=True)):
            places.append(Place.of(app, settings, f"c{number:03}", box, pair))
            places[-1].polled_every(max(2, weather.connections // 2))
        say(f"{len(places)} connections are set up")
        environ = {
            **os.environ,
            "ML_CONNECTOR_HOME": str(settings.home),
            "ML_CONNECTOR_DATABASE_URL": url,
            "PYTHONPATH": str(ROOT / "src"),
            STALLED_SECONDS: str(weather.stalled),
            TRIES: "1000",  # random kills are no poison
        }
        crew = Crew(environ, folder, port=_free_port())
        crew.start("door")
        for place in places:
            hooking.sync(app, place.name, hooking.Asked(url=f"http://127.0.0.1:{crew.port}"))
        for number, place in enumerate(places):
            seed = weather.seed * 50 + number
            struck = (*WEBHOOK_FAULTS, *LATE_FAULTS)
            rules = [*script(seed), *later(seed), *({"kind": kind, "nth": 1 + seed % 3} for kind in struck)]
            place.box.admin("POST", "faults", {"rules": rules})
            place.box.faults.hold = 0.5  # seconds until a call that gets no answer is cut off
        for number in range(weather.workers):
            crew.start(f"worker-{number}")
        try:
            yield Storm(weather, crew, places, wires, cluster)
        finally:
            for process in crew.running.values():
                with suppress(ProcessLookupError):
                    process.kill()
                process.wait(10)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def weathered(storm: Storm, say: Callable[[str], None]) -> list[str]:
    """The storm and the calm after it; what is wrong at rest, named by connection."""
    storm.blow()
    say(f"the storm is over: {', '.join(f'{what} {number}' for what, number in sorted(storm.done.items()))}")
    storm.calm()
    say("all is at rest")
    codes = storm.crew.stop()
    wrong = [f"{name} left with exit code {code}" for name, code in codes.items() if code]
    wrong += storm.told_secrets()
    for place in storm.places:
        try:
            place.prove()
        except (AssertionError, ConnectorError) as error:
            wrong.append(f"{place.name}: {error}")
    for one in wrong:
        say(one[:3000])
    say(f"{', '.join(f'{what} {number:,}' for what, number in sorted(storm.counts().items()))}")
    return wrong
