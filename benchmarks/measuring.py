"""What a step costs: seconds, CPU seconds, the most memory while it ran, and requests by side, verb and address."""

from __future__ import annotations

import re
import resource
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from ml_connector.app import App
from ml_connector.engine.work import Report

_STATUS = Path("/proc/self/status")
_FORGET = Path("/proc/self/clear_refs")
_ID = re.compile(r"(?<![.\w])[A-Z]?\d{3,}|'[^']*'")
_COMMON = ("/rest/", "/int/ifsapplications/projection/v1/", "/main/ifsapplications/projection/v1/")


@dataclass
class Cost:
    """What one sync cost. Memory is in MB, of this process; `sandbox` is the CPU of both simulated systems."""

    seconds: float = 0.0
    cpu: float = 0.0
    postgres: float = 0.0
    sandbox: float = 0.0
    peak: float = 0.0
    before: float = 0.0
    disk: float = 0.0
    """MB by which the database has grown: journal, audit, links, evidence, and room it took in advance."""
    requests: dict[str, dict[str, int]] = field(default_factory=dict)
    addresses: list[tuple[str, str, str, int, int]] = field(default_factory=list)
    """Side, method, address without ids, how many, and the milliseconds their answers took together."""

    def as_json(self) -> dict[str, Any]:
        """Itself in JSON values."""
        return asdict(self)


def measured(app: App, name: str, flows: tuple[str, ...] = ()) -> tuple[Cost, Report]:
    """One sync of some flows (all when none is named) and what it cost."""
    before = _memory("VmRSS")
    forgotten = _forget_peak()
    size = database_size(app)
    wall, cpu, postgres, sandbox = time.perf_counter(), time.process_time(), app.db.server_cpu(), _sandbox_cpu()
    report = app.sync(name, flows)
    cost = Cost(
        seconds=time.perf_counter() - wall,
        cpu=time.process_time() - cpu,
        postgres=app.db.server_cpu() - postgres,
        sandbox=_sandbox_cpu() - sandbox,
        peak=_memory("VmHWM") if forgotten else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        before=before,
        disk=database_size(app) - size,
        requests=report.requests,
    )
    cost.addresses = _addresses(app, report.run)
    return cost, report


def database_size(app: App) -> float:
    """MB the database takes on disk."""
    with app.db.begin() as conn:
        return float(conn.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()) / 1024**2


def _addresses(app: App, run: int) -> list[tuple[str, str, str, int, int]]:
    counts: Counter[tuple[str, str, str]] = Counter()
    waited: Counter[tuple[str, str, str]] = Counter()
    with app.db.begin() as conn:
        sql = f"SELECT side, method, path, milliseconds FROM exchanges WHERE run_id = {run:d} AND side <> 'engine'"
        for side, method, path, milliseconds in conn.exec_driver_sql(sql):
            at = (side, method, _named(path))
            counts[at] += 1
            waited[at] += milliseconds
    return [(*at, number, waited[at]) for at, number in counts.most_common()]


def _named(path: str) -> str:
    """An address without its query, its ids and its common beginning."""
    short = _ID.sub("#", path.partition("?")[0])
    for beginning in _COMMON:
        short = short.removeprefix(beginning)
    return short


def _memory(what: str) -> float:
    """A line of the process's status in MB; what getrusage says where there is none."""
    with suppress(OSError):
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _forget_peak() -> bool:
    """Starts the peak anew, so that each step has its own; False where the system cannot do that."""
    try:
        _FORGET.write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _sandbox_cpu() -> float:
    """CPU seconds of the simulated systems, which run as a child of this process."""
    total = 0.0
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "ml_connector.sandbox.serve" in child.cmdline():
                times = child.cpu_times()
                total += times.user + times.system
    return total
