"""Requests are counted whoever sends them: a run, a census, a sweep, a check, a probe, a sync of the webhooks."""

from __future__ import annotations

import re
from collections.abc import Callable

from ml_connector.app import App
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import hooking
from ml_connector.service.breaking import probe
from ml_connector.service.duty import Duty
from ml_connector.service.hooking import Asked
from ml_connector.service.nightly import nightly
from ml_connector.service.sweeping import sweep
from ml_connector.store import breakers, bulk, counters
from ml_connector.store.breakers import Trouble

SIGN_IN = re.compile(r"/protocol/openid-connect/|/\.well-known/|^/oauth/")


def counted(app: App) -> dict[str, int]:
    """Requests counted so far, by side; the counters begin anew."""
    found = {"erp": 0, "projects": 0}
    number_of_north = app.connection("north").id
    with app.db.begin() as conn:
        for name, number in counters.totals(conn).get(number_of_north, {}).items():
            if name.startswith(counters.REQUESTS):
                found[name.split("/")[1]] += number
        bulk.run(conn, "DELETE FROM counters")
    return found


def had(box: RunningSandbox) -> dict[str, int]:
    """Requests each side has had since it was asked last, sign-in left out."""
    found = {
        role: sum(not SIGN_IN.search(one.path) for one in box.log.exchanges(side=side))
        for role, side in (("erp", "ifs"), ("projects", "procore"))
    }
    box.log.clear()
    return found


def test_every_request_is_counted_and_not_only_those_of_runs(north: App, box: RunningSandbox) -> None:
    def told(task: Callable[[Duty], object], name: str, **args: str) -> None:
        task(Duty(north, name, north.connection("north"), args))

    def probed() -> None:
        with north.db.begin() as conn:
            trouble = Trouble("Unavailable", "Procore is away.", "")
            breakers.open_(conn, north.connection("north").id, "projects", trouble, (north.clock(), north.clock()))
        told(probe, "probe", side="projects")

    deeds: dict[str, tuple[Callable[[], object], set[str]]] = {
        "run": (lambda: north.sync("north", ["projects", "vendors"]), {"erp", "projects"}),
        "check": (lambda: north.check("north"), {"erp", "projects"}),
        "discover": (lambda: north.discover("north"), {"erp", "projects"}),
        "rebind": (lambda: north.rebind("north"), {"erp", "projects"}),
        "probe": (probed, {"projects"}),
        "hooks": (lambda: hooking.sync(north, "north", Asked("http://127.0.0.1:9")), {"projects"}),
        "sweep": (lambda: told(sweep, "sweep"), {"projects"}),
        "night": (lambda: told(nightly, "nightly"), {"erp", "projects"}),
        "unhooks": (lambda: hooking.remove(north, "north"), {"projects"}),
    }
    for name, (act, sides) in deeds.items():
        counted(north)
        box.log.clear()
        act()
        sent = had(box)
        assert {side for side, number in sent.items() if number} == sides, name
        assert counted(north) == sent, name


def test_requests_of_what_failed_are_counted_as_well(north: App, box: RunningSandbox) -> None:
    north.sync("north", ["projects"])
    counting = north.counting("north", repair=False)
    parts = counting.parts()
    counted(north)
    box.faults.add(FaultRule("401", side="procore", times=0))
    box.log.clear()
    for part in parts:
        try:
            counting.take(part)
        except Exception:
            break
    else:
        raise AssertionError("nothing failed")
    assert counted(north) == had(box)
