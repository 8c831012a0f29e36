"""Workers as processes: killed, frozen, drained, poisoned; the others take over, and nobody has to do anything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import ml_connector
from ml_connector.store import counters, parked, workers

from .crew import Crew, counter

CHILD = Path(__file__).parent / "child.py"


class Process:
    """One worker."""

    def __init__(self, mother: subprocess.Popen[str], pid: int) -> None:
        self._mother = mother
        self._code: int | None = None
        self.pid = pid

    def send(self, number: int) -> None:
        """A signal."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Its exit code, once it has ended; it ends itself after a minute at the latest."""
        if self._code is None:
            self._code = told(self._mother, "wait", self.pid)
        return self._code

    def end(self) -> None:
        """Kills it, if it has not ended."""
        if self._code is None:
            with suppress(ProcessLookupError):
                self.send(signal.SIGKILL)
            self.wait()


Start = Callable[[], Process]


def told(mother: subprocess.Popen[str], *words: object) -> int:
    """What the mother of all workers answers."""
    assert mother.stdin
    assert mother.stdout
    mother.stdin.write(json.dumps(words) + "\n")
    mother.stdin.flush()
    return int(mother.stdout.readline())


@pytest.fixture(scope="module")
def mother() -> Iterator[subprocess.Popen[str]]:
    """A process with the product loaded, which forks workers."""
    environ = {**os.environ, "PYTHONPATH": str(Path(ml_connector.__file__).parent.parent)}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, str(CHILD)], env=environ, text=True, **pipes) as process:
        yield process
        process.terminate()


@pytest.fixture
def start(crew: Crew, mother: subprocess.Popen[str], url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts one more worker; all end with the test."""
    with crew.app.db.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE did (n bigint GENERATED ALWAYS AS IDENTITY, pid int, connection int)")
    begun: list[Process] = []

    def one() -> Process:
        begun.append(Process(mother, told(mother, "start", url, str(tmp_path))))
        return begun[-1]

    yield one
    for process in begun:
        process.end()


def did(crew: Crew) -> list[tuple[int, int]]:
    """Process and connection of what was begun, in order."""
    return [(int(pid), int(number)) for pid, number in crew.sql("SELECT pid, connection FROM did ORDER BY n")]


def test_others_take_over_what_a_killed_worker_had_in_hand(crew: Crew, start: Start, tmp_path: Path) -> None:
    ids = crew.connections(2)
    for connection in ids:
        crew.ask(connection, "flows")
    first, second = start(), start()
    crew.wait(lambda: len(did(crew)) == 2, 15)
    victim = next(one for one in (first, second) if one.pid == did(crew)[0][0])
    lost = {number for pid, number in did(crew) if pid == victim.pid}
    at = time.monotonic()
    victim.send(signal.SIGKILL)
    crew.wait(lambda: {number for pid, number in did(crew) if pid != victim.pid} == set(ids))
    assert time.monotonic() - at < 6
    (tmp_path / "go").touch()
    crew.wait(lambda: not crew.jobs())
    for connection in ids:
        assert crew.row(connection, "flows").well_at is not None
        assert crew.row(connection, "flows").ended == {}, "it ended by itself: the sheet is clean"
        assert counter(crew, connection, counters.TAKEOVERS) == (1 if connection in lost else 0)


def test_a_frozen_worker_is_replaced_and_begins_anew_when_it_thaws(crew: Crew, start: Start, tmp_path: Path) -> None:
    connection = crew.connections(1)[0]
    crew.ask(connection, "flows")
    frozen = start()
    crew.wait(lambda: did(crew), 15)
    other = start()
    frozen.send(signal.SIGSTOP)
    crew.wait(lambda: (other.pid, connection) in did(crew), 15)
    (tmp_path / "go").touch()
    crew.wait(lambda: not crew.jobs())
    well_at = crew.row(connection, "flows").well_at
    other.end()
    frozen.send(signal.SIGCONT)
    crew.ask(connection, "flows")
    crew.wait(lambda: len(did(crew)) == 3)
    assert did(crew)[2] == (frozen.pid, connection), "it takes jobs again, under another number"
    crew.wait(lambda: crew.row(connection, "flows").well_at != well_at)


def test_a_job_that_kills_its_worker_is_parked_with_the_evidence_and_can_be_put_back(crew: Crew, start: Start) -> None:
    crew.ask(0, "deadly")
    pids: list[int] = []
    for _ in range(3):
        process = start()
        pids.append(process.pid)
        assert process.wait() == -signal.SIGKILL
    start()
    with crew.app.db.begin() as conn:
        assert parked.listed(conn) == []

    def given_up() -> list[parked.ParkedRow]:
        with crew.app.db.begin() as conn:
            return parked.listed(conn)

    crew.wait(given_up, 15)
    found = given_up()[0]
    assert (found.task, found.attempts) == ("deadly", 3)
    assert [worker["pid"] for worker in found.evidence["workers"]] == pids
    assert len(did(crew)) == 3
    assert crew.row(0, "deadly").due_at is None
    assert crew.scheduler.tick() == 0


def test_a_drained_worker_puts_its_runs_back_at_a_safe_point(crew: Crew, start: Start) -> None:
    connection = crew.connections(1)[0]
    crew.ask(connection, "flows", 30)
    process = start()
    crew.wait(lambda: did(crew), 15)
    process.send(signal.SIGTERM)
    assert process.wait() == 0
    row = crew.row(connection, "flows")
    assert (row.why, row.running_job, row.deaths) == ("The worker is leaving.", 0, [])
    assert row.due_at is not None
    assert row.priority == 30, "it was not its fault: it keeps its place"
    with crew.app.db.begin() as conn:
        assert workers.listed(conn) == []


def test_what_does_not_stop_in_time_is_put_back_and_the_process_ends_anyway(crew: Crew, start: Start) -> None:
    crew.ask(0, "stubborn")
    process = start()
    crew.wait(lambda: did(crew), 15)
    at = time.monotonic()
    process.send(signal.SIGTERM)
    assert process.wait() == 3
    assert time.monotonic() - at < 5
    row = crew.row(0, "stubborn")
    assert (row.running_job, row.deaths) == (0, [])
    assert row.due_at is not None
    assert crew.jobs() == []
