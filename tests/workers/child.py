"""Workers as processes of their own, with tasks of the tests': forks of one process that has the product loaded.

Run as a program it reads lines of JSON: ["start", url, home] answers a pid, ["wait", pid] the exit code.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from ml_connector.app import App
from ml_connector.queue.procrastinate_queue import ProcrastinateQueue
from ml_connector.service.duty import POLL, Done, Duty
from ml_connector.service.scheduler import Scheduler
from ml_connector.service.tasks import Known, Nature
from ml_connector.service.times import Times
from ml_connector.service.worker import Presence, Worker
from ml_connector.settings import Settings
from ml_connector.store import bulk


def note(duty: Duty) -> Done:
    """Writes down who does it, and holds on until the file `go` is there or it is enough."""
    connection = duty.connection.id if duty.connection else 0
    with duty.app.db.begin() as conn:
        bulk.run(conn, "INSERT INTO did (pid, connection) VALUES (%s, %s)", (os.getpid(), connection))
    while not (duty.app.settings.home / "go").exists():
        why = duty.enough()
        if why:
            return Done(well=False, again_at=duty.app.clock(), why=why)
        time.sleep(0.02)
    return Done()


def deadly(duty: Duty) -> Done:
    """Ends the process that does it."""
    with duty.app.db.begin() as conn:
        bulk.run(conn, "INSERT INTO did (pid, connection) VALUES (%s, %s)", (os.getpid(), 0))
    os.kill(os.getpid(), signal.SIGKILL)
    return Done()


def stubborn(duty: Duty) -> Done:
    """Does not listen."""
    with duty.app.db.begin() as conn:
        bulk.run(conn, "INSERT INTO did (pid, connection) VALUES (%s, %s)", (os.getpid(), -1))
    time.sleep(30)
    return Done()


def work(url: str, home: Path) -> None:
    """Works until SIGTERM, then leaves within a second."""
    nature = Nature(POLL, insists=False)
    tasks = {
        "flows": Known(note, nature, "poll"),
        "deadly": Known(deadly, nature, "deadly"),
        "stubborn": Known(stubborn, nature, "stubborn"),
    }
    leave = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: leave.set())
    times = Times(stalled=1.2, tick=0.1, lay_out=1e9)
    with App.open(Settings(home, url, stalled_seconds=1.2)) as app:
        queue = ProcrastinateQueue()
        scheduler = Scheduler(app, queue, tasks, times)
        scheduler.lay_out = lambda: None  # type: ignore[method-assign]
        presence = Presence(app, "worker", times)
        worker = Worker(presence, queue, tasks, slots=2)
        worker.start()
        presence.start()
        scheduler.start()
        leave.wait()
        scheduler.stop()
        well = worker.drain(1.0)
        presence.leave()
        if not well:
            os._exit(3)


def main() -> None:
    """Forks workers, and says how they ended."""
    for line in sys.stdin:
        what, *given = json.loads(line)
        if what == "wait":
            answer = os.waitstatus_to_exitcode(os.waitpid(given[0], 0)[1])
        else:
            answer = os.fork()
            if not answer:
                signal.alarm(60)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                code = 1
                try:
                    work(given[0], Path(given[1]))
                    code = 0
                finally:
                    os._exit(code)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
