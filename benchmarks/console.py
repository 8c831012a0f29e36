"""How quickly every page that is read answers, with a million audit rows and 100,000 links; two askers at a time."""

from __future__ import annotations

import argparse
import http.client
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.console_pages import LEFT_OUT, NORTH, addresses, prepare
from benchmarks.console_rows import fill
from ml_connector.access import signing_in
from ml_connector.access.users import add_user
from ml_connector.app import App
from ml_connector.console.application import console
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service.serving import keep_loaded
from ml_connector.settings import Settings
from ml_connector.webhooks.serving import Door

MOST_MILLISECONDS = 300
"""What 95 of 100 answers of each page may take."""
MOST_SEARCH = 200
"""The same for a search."""
_PASSWORD = "twelve lanterns in a row"  # noqa: S105 - of a database that is thrown away
_ORDERS = 3_000
"""Orders of the sandbox whose first plan is made, as large as most first plans are."""


def main() -> int:
    """Fills, serves, asks; 1 when a page is too slow or does not answer well."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console")
    parser.add_argument("--small", action="store_true", help="a hundredth of the rows, to see that it works")
    parser.add_argument("--times", type=int, default=60, help="how often each page is asked for")
    given = parser.parse_args()
    share = 100 if given.small else 1
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningSandbox(orders=max(40, _ORDERS // share)) as box,
        App.open(Settings(Path(folder))) as app,
    ):
        row = app.add_connection(NORTH, box.connection_text())
        began = time.monotonic()
        app.plan(NORTH)
        prepare(app, box.connection_text())
        _say(f"planned in {time.monotonic() - began:.0f} s")
        began = time.monotonic()
        fill(app.db, row.id, audit=1_000_000 // share, links=100_000 // share)
        _say(f"filled in {time.monotonic() - began:.0f} s")
        add_user(app, "bench", role="admin", password=_PASSWORD)
        cookie = signing_in.sign_in(app, "bench", _PASSWORD, "127.0.0.1", "bench").cookie
        door = Door(app, port=0, site=console(app))
        door.start()
        keep_loaded()  # as a process of the service does
        try:
            return _measured(app, row.id, door.url, cookie, given.times)
        finally:
            door.stop()


def _measured(app: App, connection: int, url: str, cookie: str, times: int) -> int:
    paths = addresses(app, connection, url, cookie)
    slow = 0
    _say(f"{'page':64} {'status':>6} {'p50 ms':>8} {'p95 ms':>8} {'max ms':>8} {'bytes':>9}")
    for name, why in LEFT_OUT.items():
        _say(f"{name:64} left out: {why}")
    for name, found in sorted(paths.items()):
        if not found:
            slow += 1
            _say(f"{name:64} no address found  <-- wrong")
            continue
        status, taken, size = _asked(url, cookie, found, times)
        taken.sort()
        p95 = taken[int(len(taken) * 0.95) - 1]
        most = MOST_SEARCH if name.startswith("/search") else MOST_MILLISECONDS
        wrong = status not in (200, 303) or p95 > most
        slow += wrong
        _say(
            f"{name:64} {status:>6} {taken[len(taken) // 2]:>8.1f} {p95:>8.1f} {taken[-1]:>8.1f} {size:>9,}"
            f"{'  <-- too slow or wrong' if wrong else ''}"
        )
    return 1 if slow else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _asked(url: str, cookie: str, paths: list[str], times: int) -> tuple[int, list[float], int]:
    """The worst status, the milliseconds of each answer, and the bytes of the last; two callers at a time."""
    taken: list[float] = []
    statuses: list[int] = []
    sizes: list[int] = []
    parts = urlsplit(url)

    def ask(share: int) -> None:
        session = http.client.HTTPConnection(parts.hostname or "", parts.port)
        for number in range(-1, times // 2):
            path = paths[(number * 2 + share) % len(paths)]
            began = time.perf_counter()
            session.request("GET", path, headers={"cookie": f"mlc={cookie}"})
            reply = session.getresponse()
            body = reply.read()
            if number < 0:
                continue  # the first one reads the page's templates
            taken.append((time.perf_counter() - began) * 1000)
            statuses.append(reply.status)
            sizes.append(len(body))
        session.close()

    callers = [threading.Thread(target=ask, args=(share,)) for share in range(2)]
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    return max(statuses), taken, sizes[-1]


if __name__ == "__main__":
    sys.exit(main())
