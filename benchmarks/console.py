"""How quickly every page that is read answers, with a million audit rows and 100,000 links; two askers at a time."""

from __future__ import annotations

import argparse
import http.client
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

from benchmarks.console_rows import fill
from ml_connector.access import signing_in
from ml_connector.access.users import add_user
from ml_connector.app import App
from ml_connector.console.application import console
from ml_connector.console.pages_table import PAGES
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings
from ml_connector.store import bulk
from ml_connector.webhooks.serving import Door

MOST_MILLISECONDS = 300
"""What 95 of 100 answers of each page may take."""
MOST_SEARCH = 200
"""The same for a search."""
_PASSWORD = "twelve lanterns in a row"  # noqa: S105 - of a database that is thrown away
_UNASKED = (
    "/c/{connection}/inbox/group",
    "/c/{connection}/mapping/compare",
    "/c/{connection}/runs/{run}/replay",
    "/sandbox",
    "/sandbox/calls",
    "/sandbox/faults",
)
"""Pages that want a query, evidence of a real run, or a demo: how soon they say so is all that is measured here."""
_SAMPLES = {
    "kind": "SELECT kind FROM links WHERE connection_id = %s GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
    "run": "SELECT id::text FROM runs WHERE connection_id = %s ORDER BY id DESC LIMIT 20",
    "hash": "SELECT hash FROM plans WHERE connection_id = %s LIMIT 5",
    "hold": "SELECT id::text FROM holds WHERE connection_id = %s AND released_at IS NULL LIMIT 20",
    "exchange": "SELECT id::text FROM exchanges WHERE connection_id = %s LIMIT 20",
}
"""Part of an address to the statement that finds values for it."""


def main() -> int:
    """Fills, serves, asks; 1 when a page is too slow or does not answer well."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console")
    parser.add_argument("--small", action="store_true", help="a hundredth of the rows, to see that it works")
    parser.add_argument("--times", type=int, default=60, help="how often each page is asked for")
    given = parser.parse_args()
    share = 100 if given.small else 1
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningSandbox(orders=24) as box,
        App.open(Settings(Path(folder))) as app,
    ):
        row = app.add_connection("north", box.connection_text())
        began = time.monotonic()
        fill(app.db, row.id, audit=1_000_000 // share, links=100_000 // share)
        _say(f"filled in {time.monotonic() - began:.0f} s")
        add_user(app, "bench", role="admin", password=_PASSWORD)
        cookie = signing_in.sign_in(app, "bench", _PASSWORD, "127.0.0.1", "bench").cookie
        door = Door(app, port=0, site=console(app))
        door.start()
        try:
            return _measured(app, row.id, door.url, cookie, given.times)
        finally:
            door.stop()


def _measured(app: App, connection: int, url: str, cookie: str, times: int) -> int:
    paths = _paths(app, connection)
    slow = 0
    _say(f"{'page':64} {'status':>6} {'p50 ms':>8} {'p95 ms':>8} {'max ms':>8} {'bytes':>9}")
    for name, found in sorted(paths.items()):
        status, taken, size = _asked(url, cookie, found, times)
        taken.sort()
        p95 = taken[int(len(taken) * 0.95) - 1]
        most = MOST_SEARCH if name.startswith("/search") else MOST_MILLISECONDS
        wrong = (status not in (200, 303) and name not in _UNASKED) or p95 > most
        slow += wrong
        _say(
            f"{name:64} {status:>6} {taken[len(taken) // 2]:>8.1f} {p95:>8.1f} {taken[-1]:>8.1f} {size:>9,}"
            f"{'  <-- too slow or wrong' if wrong else ''}"
        )
    return 1 if slow else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _paths(app: App, connection: int) -> dict[str, list[str]]:
    """Every page that is read, by the address it is declared under, with real values in its gaps."""
    with app.db.begin() as conn:
        samples = {name: [row[0] for row in bulk.fetch(conn, sql, (connection,))] for name, sql in _SAMPLES.items()}
        ids = bulk.fetch(conn, "SELECT kind, erp_id FROM links WHERE connection_id = %s LIMIT 2000", (connection,))
        words = [
            row[0]
            for row in bulk.fetch(
                conn,
                "SELECT (tsvector_to_array(words))[1] FROM names WHERE connection_id = %s LIMIT 500",
                (connection,),
            )
        ]
    chance = random.Random(5)  # noqa: S311 - which rows are asked for
    found: dict[str, list[str]] = {}
    for page in PAGES:
        if "GET" not in page.methods or page.open:
            continue
        made = []
        for _ in range(20):
            kind, erp_id = chance.choice(ids)
            gaps = {"connection": "north", "kind": kind, "id": quote(erp_id, safe="")}
            gaps |= {
                name: quote(str(chance.choice(values)), safe="")
                for name, values in samples.items()
                if values and name not in gaps
            }
            try:
                made.append(page.path.replace(":path", "").format(**gaps))
            except KeyError:
                break
        if made:
            found[page.path] = made
    found["/search?q=..."] = [f"/search?q={quote(chance.choice(words)[: chance.randint(3, 12)])}" for _ in range(40)]
    return found


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
