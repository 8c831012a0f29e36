"""A sandbox that serves many tests, in its first state for each."""

from __future__ import annotations

from ml_connector.sandbox.running import RunningSandbox


def fresh(served: RunningSandbox) -> RunningSandbox:
    """The same sandbox, as at its start."""
    served.reset()
    return calm(served)


def calm(served: RunningSandbox) -> RunningSandbox:
    """The same sandbox: no bodies in its log, and a timeout that is short."""
    served.log.bodies = False
    served.faults.hold = 0.05
    return served
