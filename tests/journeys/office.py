"""An office at work: both simulated systems, the product over its own database, and people who do things."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from ml_connector.app import App
from ml_connector.engine.work import Report
from ml_connector.sandbox.exchange_log import Exchange
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings

from . import forking
from .proof import Proof

NAME = "demo"
UNKNOWN_CODE = "P100009"
"""The order of the cast that waits for code value 31-625."""

OPEN = {"purchase_orders": {"status": {"released": "Submitted", "confirmed": "Submitted", "received": "Submitted"}}}
"""Policies under which contracts stay open."""
UNAPPROVED = {"Released": "Submitted", "Confirmed": "Submitted", "Received": "Submitted"}
"""What the proof then expects."""


class Office:
    """One connection and everything around it."""

    pause = timedelta(seconds=2)
    """Both systems stamp whole seconds: without it a person's edit would look like ours."""

    def __init__(
        self,
        box: RunningSandbox,
        settings: Settings,
        app: App,
        before: Office | None = None,
        joined: tuple[str, str] = (NAME, ""),
    ) -> None:
        """`before`: the office this one goes on from; box, home and database are as that left them. `joined`: name of
        the connection, and its file where that is another than the sandbox's own."""
        self.box = box
        self.settings = settings
        self.app = app
        self.name = joined[0]
        text = box.connection_text()
        self.money = before.money.again(text, app) if before and before.money else None
        if before is None:
            self.proof = Proof(text)
            app.add_connection(self.name, joined[1] or text)
        else:
            self.proof = before.proof.again(text)
        if self.money:
            self.proof.ifs, self.proof.procore = self.money.ifs, self.money.procore

    # the product ----------------------------------------------------------------------------------------------

    def sync(self, approved: str | None = None) -> Report:
        """One sync."""
        return self.app.sync(self.name, approved=approved)

    def plan(self) -> Report:
        """One plan."""
        return self.app.plan(self.name)

    def policy(self, **parts: dict[str, Any]) -> None:
        """Lays policies over the connection's."""
        self.app.edit_connection(self.name, {"policy": parts})

    def sent_by_sync(self, approved: str | None = None) -> list[Exchange]:
        """The writes one sync sends, as both systems saw them."""
        self.box.log.bodies = True
        self.box.log.clear()
        self.sync(approved)
        return self.written()

    def written(self) -> list[Exchange]:
        """The writes since the log was cleared. An IFS batch that changed nothing carried reads."""
        found = self.box.log.exchanges(writes=True)
        return [one for one in found if one.changed or not one.path.endswith("/$batch")]

    def holds(self, reason: str | None = None) -> list[dict[str, Any]]:
        """Open holds, each with its number."""
        with self.app.db.begin() as conn:
            rows = conn.exec_driver_sql(
                "SELECT h.id, kind, erp_id, reason, owner, sentence, amount, currency, candidates "
                "FROM holds h JOIN connections c ON c.id = connection_id "
                "WHERE released_at IS NULL AND c.name = %s ORDER BY h.id",
                (self.name,),
            ).mappings()
            found = [dict(row) for row in rows]
        return [hold for hold in found if reason in (None, hold["reason"])]

    def hold(self, reason: str) -> dict[str, Any]:
        """The one open hold with that reason."""
        found = self.holds(reason)
        assert len(found) == 1, self.holds()
        return found[0]

    def tags(self) -> list[str]:
        """The tags of the audit trail with their record, oldest first."""
        with self.app.db.begin() as conn:
            rows = conn.exec_driver_sql("SELECT tag, erp_id FROM audit ORDER BY connection_id, seq")
            return [f"{tag} {erp_id}" for tag, erp_id in rows]

    def stood(self, kind: str) -> list[str]:
        """How our records of a kind were seen to stand in IFS, one after the other."""
        with self.app.db.begin() as conn:
            rows = conn.exec_driver_sql("SELECT state FROM standings WHERE kind = %s ORDER BY id", (kind,))
            return [str(row[0]) for row in rows]

    def in_a_process(self, kill_at: str = "") -> int:
        """One sync in a process of its own; its exit code, -9 when it was killed."""
        return forking.sync(self.settings.home, self.settings.database_url or "", kill_at, self.name)

    # people ---------------------------------------------------------------------------------------------------

    def ifs(self, act: str, **given: Any) -> Any:
        """Somebody does something in IFS, a moment later."""
        self.box.clock.advance(self.pause)
        return self.box.act("ifs", act, **given)

    def procore(self, act: str, **given: Any) -> Any:
        """Somebody does something in Procore, a moment later."""
        self.box.clock.advance(self.pause)
        return self.box.act("procore", act, **given)

    def price(self, order: str, line: str, price: Any) -> None:
        """A buyer changes a price."""
        self.ifs("amend_line", order_no=order, line_no=line, price=str(price))

    # judgement ------------------------------------------------------------------------------------------------

    def assert_proven(self, held: tuple[str, ...] = (UNKNOWN_CODE,), besides: tuple[str, ...] = ()) -> None:
        """Procore is what IFS says, to the cent and line by line, and the audit chain is whole."""
        differences = self.proof.differences(held, besides)
        assert not differences, "\n".join(differences)
        assert self.app.verify_audit(self.name) == []

    def assert_rests(self) -> Report:
        """A sync now sends nothing."""
        self.box.log.clear()
        report = self.sync()
        self.assert_sent_nothing(report)
        return report

    def assert_sent_nothing(self, report: Report) -> None:
        """The sync of that report, before which the log was cleared, sent nothing."""
        sent = [f"{one.method} {one.path}" for one in self.written()]
        assert not sent, sent
        assert {side: count["write"] for side, count in report.requests.items()} == {"erp": 0, "projects": 0}


@contextmanager
def opened(box: RunningSandbox, home: Path, url: str, before: Office | None = None) -> Iterator[Office]:
    """An office over that sandbox and database, closed when the block ends; `before`: as Office takes it."""
    settings = Settings(home=home, database_url=url)
    with App.open(settings, actor="test") as app:
        yield Office(box, settings, app, before)
