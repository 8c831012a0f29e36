"""Every task of the queue, one line each: what it is called, who does it, and how urgent it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ml_connector.service import (
    alarms,
    approving,
    breaking,
    duty,
    hinting,
    nightly,
    proving,
    running,
    surveying,
    sweeping,
)
from ml_connector.service.duty import Task

FLOWS = "flows"
"""The agenda's row that runs what is due of the polls together; args: `flows`, the names of the flows."""
REST = "rest/"
"""How rows begin that go on with what was cut short; args: what the task left, with its `flows`."""
HINTS = "hints"
"""The row that looks at what the inbox names."""
NOW = "now/"
"""How rows begin that a person asked for; args: `flows`, empty for all, and `actor`."""


class Nature(NamedTuple):
    """What follows a task whatever it does."""

    priority: int
    insists: bool
    """Whether it is tried again until it ends well; else its next turn by the timetable is soon enough."""


class Known(NamedTuple):
    """One task: the function, its nature, and the label under which lists and counts show its jobs."""

    do: Task
    nature: Nature
    label: str


def known(name: str, tasks: Mapping[str, Known]) -> Known | None:
    """The task a row of the agenda is for, by its name up to the first stroke; None when this release has none."""
    return tasks.get(name.partition("/")[0])


def _known(do: Task, priority: int, label: str, *, insists: bool = False) -> Known:
    return Known(do, Nature(priority, insists), label)


TASKS: dict[str, Known] = {
    "now": _known(running.now, duty.PERSON, "now"),
    "plan": _known(approving.planned, duty.PERSON, "plan"),
    HINTS: _known(running.guarded(hinting.hints), duty.WEBHOOK, HINTS, insists=True),
    FLOWS: _known(running.poll, duty.POLL, "poll"),
    "rest": _known(running.poll, duty.BACKFILL, "poll"),
    "probe": _known(breaking.probe, duty.POLL, "probe"),
    "sweep": _known(running.guarded(sweeping.sweep), duty.NIGHTLY, "sweep"),
    "nightly": _known(nightly.nightly, duty.NIGHTLY, "nightly"),
    proving.EXPOSURE: _known(proving.exposure, duty.NIGHTLY, proving.EXPOSURE),
    proving.VERIFY: _known(proving.verify, duty.NIGHTLY, proving.VERIFY),
    "alarms": _known(alarms.alarms, duty.POLL, "alarms"),
    "digest": _known(alarms.digest, duty.NIGHTLY, "digest"),
    surveying.TASK: _known(surveying.task, duty.PERSON, surveying.TASK),
}
"""First part of a row's name to the task."""
