"""Named moments of a run at which tests may end the process, to prove that nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable

Point = Callable[[str], None]
"""Told the name of each moment as it passes; a test's point kills the process at the chosen one."""

POINTS = (
    "run.started",
    "recover.found",
    "read.page",
    "plan.decided",
    "plan.kept",
    "apply.marked",
    "apply.sent",
    "settle.before",
    "settle.after",
    "run.finishing",
)
"""Every moment, in the order of a run."""


def no_point(_: str) -> None:
    """What production passes: every moment goes by."""
