"""What measurements of the service share: its processes as an installation has them, the systems, and what all use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from ml_connector.app import App
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.store import bulk

ROOT = Path(__file__).resolve().parents[1]
CORES = psutil.cpu_count() or 1
_PATIENCE = 60.0


class Crew:
    """Processes of `ml-connector` on one home: what each says at its beginning, its CPU and memory, its end."""

    def __init__(self, home: Path) -> None:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("ML_CONNECTOR_")}
        path = os.pathsep.join(filter(None, (str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH"))))
        self.environ = {**kept, "ML_CONNECTOR_HOME": str(home), "PYTHONPATH": path}
        self.log = home / "crew.log"
        self.running: list[subprocess.Popen[str]] = []

    def start(self, *words: str) -> dict[str, Any]:
        """Starts `ml-connector WORDS`, one of serve, door and worker, and returns what it says once it has begun."""
        return json_of(self.open("ml_connector.cli.main", *words, "--json"), self.log)

    def open(self, module: str, *words: str) -> subprocess.Popen[str]:
        """Starts a module as a process of the crew; its log goes into the crew's."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own module, our own words
                [sys.executable, "-m", module, *words],
                env=self.environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.running.append(process)
        return process

    def cpu(self) -> float:
        """Seconds of processor time that those at work have used so far."""
        return cpu_of(psutil.Process(one.pid) for one in self.running)

    def memory(self) -> list[float]:
        """MB in memory of each, in the order in which they were started; 0 for one that has ended."""
        found = []
        for one in self.running:
            size = 0.0
            with suppress(psutil.Error):
                size = psutil.Process(one.pid).memory_info().rss / 1024**2
            found.append(size)
        return found

    def stop(self) -> None:
        """Ends all in good order."""
        for one in self.running:
            one.terminate()
        codes = [one.wait(_PATIENCE) for one in self.running]
        self.running.clear()
        if any(codes):
            raise SystemExit(f"Processes ended with codes {codes}:\n{_end_of(self.log)}")


@contextmanager
def crew_on(home: Path) -> Iterator[Crew]:
    """A crew without processes yet; those of it that are at work when the block ends are killed."""
    crew = Crew(home)
    try:
        yield crew
    finally:
        for one in crew.running:
            one.kill()
            one.wait(_PATIENCE)


def json_of(process: subprocess.Popen[str], log: Path) -> dict[str, Any]:
    """The next line a process says, as a table; ends everything, with the end of its log, when it says none."""
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"A process ended with code {process.wait(_PATIENCE)}:\n{_end_of(log)}")
    found: dict[str, Any] = json.loads(line)
    return found


def companies(stack: ExitStack, number: int, orders: int) -> list[RunningSandbox]:
    """So many pairs of simulated systems, each pair in a process of its own, until the stack is closed."""
    boxes = [RunningSandbox(orders=orders, spawn=True) for _ in range(number)]
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(stack.enter_context, boxes))


def cpu_of_companies() -> float:
    """Seconds of processor time of all simulated systems, which are children of this process."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "ml_connector.sandbox.serve" in child.cmdline():
                found.append(child)
    return cpu_of(found)


def cpu_of(processes: Iterable[psutil.Process]) -> float:
    """Seconds of processor time some processes have used; those that have ended count nothing."""
    total = 0.0
    for one in processes:
        with suppress(psutil.Error):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def at_rest(app: App) -> bool:
    """Whether each connection has been polled, and no job of any is at work, waits, or is due by now."""
    sql = """
        SELECT count(*) FILTER (WHERE waiting_job <> 0 OR running_job <> 0 OR due_at <= now()
                                OR (name LIKE 'rest/%%' AND due_at IS NOT NULL)
                                OR (name LIKE 'poll/%%' AND finished_at IS NULL)),
               (SELECT count(*) FROM connections) - count(DISTINCT connection_id) FILTER (WHERE name LIKE 'poll/%%')
        FROM agenda WHERE connection_id <> 0
    """
    return one_row(app, sql) == (0, 0)


def wait_for(what: str, true: Callable[[], bool], seconds: float = 600.0, pause: float = 0.1) -> None:
    """Returns when it is true; ends everything when it does not become so."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise SystemExit(f"{what} did not come about in {seconds:g} s.")
        time.sleep(pause)


def one_row(app: App, sql: str, *values: Any) -> tuple[Any, ...]:
    """The one row a statement returns."""
    with app.db.begin() as conn:
        row = bulk.fetch_one(conn, sql, values)
    assert row is not None
    return row


def say(text: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-3000:]
