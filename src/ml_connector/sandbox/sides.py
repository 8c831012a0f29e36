"""Joins the two simulated faces to the sandbox: who signs in where, and how a world is put into each."""

from __future__ import annotations

from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.connection_file import REALM, credentials
from ml_connector.sandbox.face import SIDES, Side
from ml_connector.sandbox.ifs.face import IfsFace
from ml_connector.sandbox.ifs.switches import IfsSwitches
from ml_connector.sandbox.procore.face import ProcoreFace
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.simulation import Sandbox
from ml_connector.sandbox.world import World


def simulated_ifs(clock: SandboxClock) -> Side:
    """IFS Cloud, empty until a world is loaded."""
    face = IfsFace(clock, IfsSwitches())

    def load(world: World, url: str) -> None:
        keys = credentials(world.seed)
        face.load(world, base_url=url, realm=REALM, client_id=keys.ifs_client_id, client_secret=keys.ifs_client_secret)

    return Side(face, load)


def simulated_procore(clock: SandboxClock) -> Side:
    """Procore, empty until a world is loaded."""
    face = ProcoreFace(clock, ProcoreSwitches())

    def load(world: World, url: str) -> None:
        keys = credentials(world.seed)
        face.load(world, base_url=url, client_id=keys.procore_client_id, client_secret=keys.procore_client_secret)

    return Side(face, load)


def simulated(only: str | None = None) -> Sandbox:
    """A sandbox with both systems, or the one named (ifs or procore), on one clock that tells the machine's time."""
    clock = SandboxClock()
    makers = {"ifs": simulated_ifs, "procore": simulated_procore}
    return Sandbox({name: makers[name](clock) for name in SIDES if only in (None, name)}, clock=clock)
