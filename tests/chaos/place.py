"""One connection in the storm: a small company of its own on both sides, reached over wires that can be cut."""

from __future__ import annotations

from dataclasses import dataclass

from journeys.money_scene import go_on, prove, release_suppliers, set_up
from journeys.office import Office
from ml_connector.app import App
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings

from .cut import Wire

ORDERS = 40
GRACE = 5
"""Seconds for which a call without an answer may still be carried out: more than the storm's late ones take."""


@dataclass
class Place:
    """A connection called `name`, its two systems, and the proof made before anything crossed."""

    name: str
    box: RunningSandbox
    wires: tuple[Wire, Wire]
    office: Office
    went_on: bool = False

    @classmethod
    def of(cls, app: App, settings: Settings, name: str, box: RunningSandbox, wires: tuple[Wire, Wire]) -> Place:
        """Adds the connection, over its wires, and lets people work on both sides."""
        text = box.connection_text()
        for url, wire in zip((box.ifs_url, box.procore_url), wires, strict=True):
            text = text.replace(url, wire.url)
        office = Office(box, settings, app, joined=(name, text))
        set_up(office)
        return cls(name, box, wires, office)

    def polled_every(self, seconds: int) -> None:
        """How often each flow is polled; and what gets no answer may come late, a few seconds at most."""
        given = {"schedule": {"interval": seconds, "target": seconds * 10}}
        self.office.app.edit_connection(self.name, given | {side: {"grace": GRACE} for side in ("erp", "projects")})

    def go_on(self) -> None:
        """The second half: what crossed is revised, reversed, credited and paid."""
        self.went_on = True
        go_on(self.office)

    def release(self) -> int:
        """Suppliers proposed from Procore are released for payment in IFS; how many."""
        return release_suppliers(self.office)

    def prove(self) -> None:
        """Both systems agree to the cent, each thing is there once, nothing is lost, exposure is 0, audit is whole."""
        prove(self.office)
        self.office.assert_rests()
        with self.office.app.db.begin() as conn:
            left = conn.exec_driver_sql(
                "SELECT s.state, count(*) FROM intent_states s JOIN connections c ON c.id = s.connection_id "
                "WHERE c.name = %s AND s.state IN ('sending', 'unknown') GROUP BY 1",
                (self.name,),
            ).all()
        assert not left, f"{self.name}: {left}"
