"""Loads 1,000 and 10,000 documents of money of each kind: requests beside the least possible, seconds, CPU, memory.

Run with `make bench`, or alone with `make bench ARGS="10000 --only costs"`. The simulated systems run in a process
of their own; "our CPU" is this process with everything it does (journal, audit, evidence included). A run in which a
document is doubled, or in which the money does not tie, ends with an error and prints no figure.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import least_of_money as least
from benchmarks.least_of_money import Least
from benchmarks.measuring import Cost, measured
from benchmarks.proof_of_money import Stranger, Wrong, quiet
from benchmarks.world_of_money import SEED, Entered, MoneyWorld, orders_for
from ml_connector.app import App
from ml_connector.engine.work import Report
from ml_connector.kernel.clock import system_clock
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings

NAME = "bench"
LATER = timedelta(hours=1)
"""Between two polls: each look reaches back five minutes over the last, so the first one sees all of it again."""
_SHOWN = 6
"""Addresses that are told of each step, the most used first."""

Ran = dict[str, Entered]
"""What has been entered so far, by kind."""


class Clock:
    """The time of day, and how far ahead of it both systems and we are."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """Now."""
        return system_clock() + self.ahead


@dataclass(frozen=True)
class Kind:
    """One kind of document: the flow that carries it, who enters it, the least requests, and who proves it."""

    title: str
    flow: str
    enter: Callable[[MoneyWorld], Entered]
    least: Callable[[App, Report, Ran], Least]
    prove: Callable[[Stranger, Entered], None]


KINDS = {
    "invoices": Kind(
        "supplier invoices on orders, to subcontractor invoices in Procore",
        "supplier_invoices",
        MoneyWorld.invoices,
        lambda app, report, ran: least.invoices(app, report.run, *_in_ifs(ran)),
        Stranger.subcontractor_invoices,
    ),
    "costs": Kind(
        "supplier invoices on no order, to direct costs in Procore",
        "supplier_invoices",
        MoneyWorld.costs,
        lambda app, report, ran: least.costs(app, report.run, *_in_ifs(ran)),
        Stranger.direct_costs,
    ),
    "subcontractor_invoices": Kind(
        "subcontractor invoices of Procore (its requisitions), to vouchers in IFS",
        "subcontractor_invoices",
        MoneyWorld.subcontractor_invoices,
        lambda app, report, ran: least.subcontractor_invoices(app, report.run, *_orders_behind(ran)),
        lambda stranger, entered: stranger.vouchers("subcontractor_invoice", entered),
    ),
    "direct_costs": Kind(
        "direct costs of Procore, to vouchers in IFS",
        "direct_costs",
        MoneyWorld.direct_costs,
        lambda app, report, ran: least.direct_costs(app, report.run, ran["direct_costs"].lines),
        lambda stranger, entered: stranger.vouchers("direct_cost", entered),
    ),
}


def _in_ifs(ran: Ran) -> tuple[int, int]:
    """Invoices and postings in IFS by now: every look reads the window's."""
    found = [ran[name] for name in ("invoices", "costs") if name in ran]
    return sum(one.documents for one in found), sum(one.lines for one in found)


def _orders_behind(ran: Ran) -> tuple[int, int]:
    """Orders that subcontractor invoices bill, and the lines of those orders."""
    entered = ran["subcontractor_invoices"]
    return entered.homes, round(entered.lines * entered.homes / entered.documents)


def main() -> None:
    """Measures each size in a process of its own and prints what it found."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("sizes", nargs="*", type=int, default=[1000, 10000])
    parser.add_argument("--only", action="append", choices=KINDS, help="this kind of document; may be said again")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    kinds = given.only or list(KINDS)
    if given.one:
        print(json.dumps(measure(given.one, kinds)))  # noqa: T201 - the parent reads it
        return
    for size in sorted(given.sizes):
        words = [word for name in kinds for word in ("--only", name)]
        child = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "benchmarks.money", "--one", str(size), *words], stdout=subprocess.PIPE, text=True
        )
        if child.returncode:
            sys.exit(child.returncode)
        show(json.loads(child.stdout))


def measure(size: int, kinds: list[str]) -> dict[str, Any]:
    """Loads the orders, then `size` documents of each kind, one kind after the other; then polls, unchanged."""
    with (
        tempfile.TemporaryDirectory(prefix="ml-connector-bench-") as home,
        RunningSandbox(seed=SEED, spawn=True) as box,
        App.open(Settings(home=Path(home)), clock=(clock := Clock())) as app,
    ):
        world = MoneyWorld(box, size)
        world.close()
        app.add_connection(NAME, box.connection_text())
        first, report = measured(app, NAME)
        steps = []
        ran: Ran = {}
        for name in (one for one in KINDS if one in kinds):
            kind = KINDS[name]
            entered = ran[name] = kind.enter(world)
            world.close()
            cost, report = measured(app, NAME, (kind.flow,))
            tally = report.flows[kind.flow]
            if tally.refused or tally.unknown or tally.created != entered.documents:
                raise Wrong(f"Of {entered.documents} documents ({kind.title}) became: {tally}. {report.holds[1:2]}")
            steps.append(_step(kind, entered, cost, kind.least(app, report, ran)))
            kind.prove(Stranger(box.connection_text()), entered)
        with quiet(box):
            at_once, _ = measured(app, NAME)
        for _ in range(2):  # the first still reaches back to where people were at work
            clock.ahead += LATER
            world.wait(LATER)
            world.close()
            with quiet(box):
                later, _ = measured(app, NAME)
        exposed = app.exposure(NAME)["exposure"]
        if any(float(amount) for amount in exposed.values()):
            raise Wrong(f"The exposure is {exposed}.")
        return {
            "size": size,
            "orders": orders_for(size),
            "load": first.as_json(),
            "steps": steps,
            "at_once": at_once.as_json(),
            "later": later.as_json(),
            "busy": os.getloadavg()[0],
        }


def _step(kind: Kind, entered: Entered, cost: Cost, fewest: Least) -> dict[str, Any]:
    entry = {**asdict(entered), "amount": str(entered.amount)}
    return {"title": kind.title, **entry, "cost": cost.as_json(), "least": {**asdict(fewest), "total": fewest.total}}


def show(found: dict[str, Any]) -> None:
    """Prints one size."""
    say = sys.stdout.write
    where = f"{os.cpu_count()} cores, Python {platform.python_version()}, load {found['busy']:.1f} at the end"
    say(f"\n{found['size']:,} documents of each kind beside {found['orders']:,} orders ({where})\n")
    for step in found["steps"]:
        cost = step["cost"]
        say(f"\n  {step['title']}: {step['documents']:,} with {step['lines']:,} lines, {step['amount']}\n")
        _show_requests(step)
        _show_cost(cost, step["documents"])
        for side, method, address, number, waited in cost["addresses"][:_SHOWN]:
            say(f"               {number:>6,} {waited / number:>5.0f} ms  {method} {side} {address}\n")
    for title, key in (("unchanged poll, at once", "at_once"), ("unchanged poll, an hour after another", "later")):
        say(f"\n  {title}\n")
        _show_cost(found[key], 0)
        say(f"    requests   {_told(found[key]['requests'])}\n")
    sys.stdout.flush()


def _show_requests(step: dict[str, Any]) -> None:
    used, fewest = step["cost"]["requests"], step["least"]
    total = sum(sum(side.values()) for side in used.values())
    parts = [f"{what} {number:,}" for verb in ("writes", "reads") for what, number in fewest[verb].items()]
    sys.stdout.write(
        f"    requests   {total:,} used, {fewest['total']:,} the least possible: {total / fewest['total']:.2f}\n"
        f"               {_told(used)}\n"
        f"               least: {', '.join(parts)}\n"
    )


def _show_cost(cost: dict[str, Any], documents: int) -> None:
    say = sys.stdout.write
    each = f" = {cost['cpu'] / documents * 1000:.2f} ms a document" if documents else ""
    theirs = f" = {cost['postgres'] / documents * 1000:.2f} ms a document" if documents else ""
    grown = f"; {cost['disk'] / documents * 1024:.1f} KB on disk a document" if documents else ""
    say(
        f"    time       {cost['seconds']:.1f} s; our CPU {cost['cpu']:.2f} s{each}; "
        f"PostgreSQL {cost['postgres']:.2f} s{theirs}; both simulated systems {cost['sandbox']:.1f} s\n"
        f"    memory     {cost['peak']:.0f} MB at most ({cost['before']:.0f} MB before){grown}\n"
    )


def _told(requests: dict[str, dict[str, int]]) -> str:
    sides = (("erp", "IFS"), ("projects", "Procore"))
    return ", ".join(
        f"{name} reads {requests[side]['read']:,} writes {requests[side]['write']:,}" for side, name in sides
    )


if __name__ == "__main__":
    main()
