"""From a direct cost's approval in Procore to its voucher in IFS, by webhook, with the service idle.

Run with `make bench ARGS="--only answering"`, or `python -m benchmarks.answering --small`. `ml-connector serve` is a
process with the settings it has by default, and `ml-connector webhooks sync` registers its hook; the simulated systems
are another process and call the door. Each of 40 costs is entered and, once the service is idle again, approved; the
time runs from the approval until the voucher is seen in IFS by plain HTTP. Then keyed runs alone: the same without door
and queue.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks.crew import Crew, at_rest, crew_on, one_row, say, wait_for
from benchmarks.proof_of_money import Stranger
from ml_connector.app import App
from ml_connector.engine.scope import projects_name, with_masters
from ml_connector.engine.work import Errand
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings

COSTS, ORDERS = 40, 300
P95 = 3.0
"""What is promised at the 95th of a hundred, in seconds."""
_PATIENCE, _LOOK, _PAUSE = 15.0, 0.02, 0.7
_NAME = "bench"


def main() -> int:
    """Measures both ways and prints them; 1 when the promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answering")
    parser.add_argument("--costs", type=int, default=COSTS, help="how many are approved, one after the other")
    parser.add_argument("--orders", type=int, default=ORDERS, help="how many orders are linked beforehand")
    parser.add_argument("--small", action="store_true", help="8 costs beside 60 orders")
    given = parser.parse_args()
    if given.small:
        given.costs, given.orders = 8, 60
    with (
        tempfile.TemporaryDirectory(prefix="ml-connector-bench-") as home,
        RunningSandbox(orders=given.orders, spawn=True) as box,
        App.open(Settings(home=Path(home)), actor="service") as app,
        crew_on(Path(home)) as crew,
    ):
        return Answering(app, crew, box).run(given.costs)


class Answering:
    """One connection at rest, and somebody who approves costs."""

    def __init__(self, app: App, crew: Crew, box: RunningSandbox) -> None:
        self.app, self.crew, self.box = app, crew, box
        text = box.connection_text()
        app.add_connection(_NAME, text)
        app.sync(_NAME)
        self.stranger = Stranger(text)
        sql = "SELECT target_id FROM links WHERE kind = 'project' AND erp_id = '1201'"
        self.project = str(one_row(app, sql)[0])
        sql = "SELECT target_id FROM links WHERE kind = 'vendor' ORDER BY erp_id LIMIT 1"
        self.vendor = int(one_row(app, sql)[0])
        self.entered = self.last = 0

    def run(self, costs: int) -> int:
        """By webhook, then the keyed run alone."""
        self.approved(self.entry())
        self.keyed()  # the first one on its code makes more than a voucher
        door = self.crew.start("serve", "--port", "0")["door"]
        words = [sys.executable, "-m", "ml_connector.cli.main", "webhooks", "sync", _NAME, "--url", door]
        subprocess.run(words, env=self.crew.environ, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
        caused = -self.runs()
        found = self.measured(costs, lambda: None)
        caused += self.runs()
        self.crew.stop()
        alone = self.measured(costs, self.keyed)
        say(
            f"\nanswering: {costs} costs approved one after the other, the service idle before each; {caused} runs by "
            "webhook"
        )
        told("from approval to voucher, by webhook", found)
        told("the same by a keyed run alone", alone)
        broken = percentile(found, 95) > P95
        say(f"  verdict     p95 under {P95:g} s: {'BROKEN' if broken else 'kept'}")
        return int(broken)

    def measured(self, costs: int, act: Callable[[], object]) -> list[float]:
        """Seconds from each approval until its voucher is seen; `act` is what our side does between, if anything."""
        found = []
        for _ in range(costs):
            number = self.entry()
            time.sleep(_PAUSE)  # the event of its creation has come by now
            wait_for("rest", self.idle)
            began = time.perf_counter()
            self.approved(number)
            act()
            while not self.stranger.has_voucher(f"direct_cost/{number}/1"):
                if time.perf_counter() - began > _PATIENCE:
                    raise SystemExit(f"The voucher of direct cost {number} did not come in {_PATIENCE:g} s.")
                time.sleep(_LOOK)
            found.append(time.perf_counter() - began)
        return found

    def runs(self) -> int:
        """How many runs webhooks have caused so far."""
        return int(one_row(self.app, "SELECT count(*) FROM runs WHERE trigger = 'webhook' AND state = 'done'")[0])

    def idle(self) -> bool:
        """Whether the service has nothing to do and no event waits."""
        waits = one_row(self.app, "SELECT EXISTS (SELECT 1 FROM inbox WHERE state IN ('new', 'taken'))")[0]
        return not waits and (not self.crew.running or at_rest(self.app))

    def entry(self) -> int:
        """Somebody enters a direct cost that does not count yet; its id."""
        self.entered += 1
        lines = [{"code": "01-310", "type": "O", "amount": "75.00"}]
        given: dict[str, Any] = {"vendor": self.vendor, "invoice_number": f"A-{self.entered}", "status": "draft"}
        made = self.box.act("procore", "enter_direct_cost", number="1201", lines=lines, **given)
        self.last = int(made["id"])
        return self.last

    def approved(self, number: int) -> None:
        """Somebody approves it."""
        self.box.act("procore", "set_direct_cost_status", id=number, status="approved")

    def keyed(self) -> None:
        """The run an event about the last cost causes."""
        only = with_masters({"direct_costs": [projects_name(self.project, str(self.last))]})
        self.app.run(_NAME, ["projects", *only], Errand(trigger="webhook", only=only))


def told(what: str, seconds: list[float]) -> None:
    """Prints what was measured."""
    shown = ", ".join(f"p{share} {percentile(seconds, share):.2f} s" for share in (50, 95))
    say(f"  {what}: {shown}, max {max(seconds):.2f} s ({len(seconds)} costs)")


def percentile(seconds: list[float], share: int) -> float:
    """The value under which that share of a hundred lies."""
    return quantiles(seconds, n=100, method="inclusive")[share - 1] if len(seconds) > 1 else seconds[0]


if __name__ == "__main__":
    sys.exit(main())
