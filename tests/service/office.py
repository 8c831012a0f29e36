"""A connection at work with its hooks registered and a door that Procore reaches: what hints and sweeps happen in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from fresh_box import fresh
from ml_connector.app import App
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import hooking
from ml_connector.service.duty import Done, Duty
from ml_connector.service.hinting import hints
from ml_connector.service.hooking import Asked
from ml_connector.service.sweeping import sweep
from ml_connector.settings import Settings
from ml_connector.store import counters, inbox
from ml_connector.store.connections import ConnectionRow
from ml_connector.store.inbox import EventRow
from store.cluster import Cluster

from .doorway import Doorway, standing

_numbers = count(1)


class Office:
    """The App, both systems, the door; and people who enter costs."""

    def __init__(self, app: App, box: RunningSandbox, door: Doorway) -> None:
        self.app = app
        self.box = box
        self.door = door

    @property
    def row(self) -> ConnectionRow:
        """The connection as it is now."""
        return self.app.connection("north")

    def cost(self, site: str = "1201", amount: str = "75.00", **given: Any) -> str:
        """Somebody enters an approved direct cost of a supplier that is linked; its id."""
        lines = [{"code": "01-310", "type": "O", "amount": amount}]
        with self.app.db.begin() as conn:
            sql = "SELECT target_id FROM links WHERE kind = 'vendor' AND erp_id = 'S1005'"
            vendor = int(conn.exec_driver_sql(sql).scalar_one())
        self.box.clock.advance(timedelta(seconds=2))
        given = {"vendor": vendor, "status": "approved", "invoice_number": f"H-{next(_numbers)}", **given}
        return str(self.box.act("procore", "enter_direct_cost", number=site, lines=lines, **given)["id"])

    def delivered(self) -> None:
        """Returns once Procore has told all it has to tell; fails after five seconds."""
        end = time.monotonic() + 5
        while self.box.in_loop(self.box.procore.webhooks.waiting) and time.monotonic() < end:
            time.sleep(0.005)
        assert self.box.in_loop(self.box.procore.webhooks.waiting) == 0

    def told(self, body: bytes, event: str, source: str = "procore") -> None:
        """An event comes to the inbox by another way than the door of these tests."""
        with self.app.db.begin() as conn:
            inbox.keep(conn, [EventRow(connection_id=self.row.id, source=source, event=event, body=body)])

    def hints(self, **more: Any) -> Done:
        """The job that looks at what came."""
        return hints(Duty(self.app, "hints", self.row, **more))

    def sweep(self, **args: Any) -> Done:
        """The job that looks for what did not come."""
        return sweep(Duty(self.app, "sweep", self.row, args))

    def events(self, state: str = "") -> list[dict[str, Any]]:
        """Events of the inbox, in the order of arrival."""
        sql = "SELECT id, source, resource, record, state, note, run_id FROM inbox ORDER BY id"
        with self.app.db.begin() as conn:
            rows = [dict(row) for row in conn.exec_driver_sql(sql).mappings()]
        return [row for row in rows if state in ("", row["state"])]

    def vouchers(self, record: str) -> int:
        """How many vouchers a direct cost has become."""
        sql = "SELECT count(*) FROM links WHERE kind = 'voucher' AND erp_id LIKE %s"
        with self.app.db.begin() as conn:
            return int(conn.exec_driver_sql(sql, (f"direct_cost/{record}/%",)).scalar_one())

    def runs(self) -> list[dict[str, Any]]:
        """Runs so far, newest first."""
        with self.app.db.begin() as conn:
            rows = conn.exec_driver_sql("SELECT id, trigger, flows, state FROM runs ORDER BY id DESC").mappings()
            return [dict(row) for row in rows]

    def counted(self, name: str) -> int:
        """A counter of the connection."""
        with self.app.db.begin() as conn:
            return counters.totals(conn, self.row.id).get(self.row.id, {}).get(name, 0)

    def quiet(self) -> None:
        """Nothing is new, no fault is set, the door is open."""
        self.box.faults.clear()
        self.door.status = 202
        self.delivered()
        with self.app.db.begin() as conn:
            conn.exec_driver_sql("DELETE FROM inbox")
            conn.exec_driver_sql("DELETE FROM counters")
            conn.exec_driver_sql("DELETE FROM pauses")


@contextmanager
def working(cluster: Cluster, served: RunningSandbox, home: Path) -> Iterator[Office]:
    """An office after its first sync, with hooks registered, while the block lasts."""
    box = fresh(served)
    url = cluster.new_url()
    with App.open(Settings(home, url), actor="service") as app, standing(app) as door:
        app.add_connection("north", box.connection_text())
        flows = ["projects", "vendors", "cost_codes", "direct_costs"]
        app.sync("north", flows)
        office = Office(app, box, door)
        office.cost(amount="1.00")  # the first one on its code makes a budget line, too, of which there are events
        app.sync("north", flows)
        hooking.sync(app, "north", Asked(door.url))
        yield office
    cluster.drop(url)
