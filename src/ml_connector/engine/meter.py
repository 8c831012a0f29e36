"""Tells the database, at most once a second, how far a run has come, so that any door can show it while it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any

from ml_connector.engine.settling import Settler
from ml_connector.engine.work import Draft, Work
from ml_connector.kernel.errors import ConnectorError
from ml_connector.kernel.money import rounded
from ml_connector.store import progress
from ml_connector.store.postgres import Database

EVERY = 1.0
"""Seconds between two signs."""

PHASES = {
    "run.started": "begins",
    "recover.found": "reads back",
    "read.page": "reads",
    "plan.decided": "decides",
    "plan.kept": "sends",
    "run.finishing": "ends",
}
"""Moment of a run to the phase that it begins; the others begin none."""


class Meter:
    """Watches one run. It has a thread of its own, so that a run that waits for the other side is seen to wait."""

    def __init__(self, work: Work, draft: Draft, settler: Settler) -> None:
        """Puts itself between the run and who else hears of its moments and counts."""
        self._work, self._draft, self._settler = work, draft, settler
        self._db: Database = work.db
        """Not the one of the writer: nothing is decided by what is told here."""
        self._phase, self._step, self._count = "begins", "", 0
        self._last: dict[str, Any] = {}
        self._point, self._progress = work.point, work.progress
        work.point, work.progress = self._passes, self._counts

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Tells while the block lasts; what goes wrong with telling is no trouble of the run."""
        over = threading.Event()
        thread = threading.Thread(target=self._run, args=(over,), name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(EVERY + 4)

    def doing(self) -> dict[str, Any]:
        """What the run does now: phase, step, how many of how many, requests, pauses asked for, money; and its job."""
        draft, settler = self._draft, self._settler
        sending = self._phase == "sends"
        return {
            "phase": self._phase,
            "step": self._step,
            "done": self._count,
            "of": len(draft.digests) if sending else 0,
            "requests": self._work.tape.requests(),
            "pauses": self._work.tape.pauses(),
            "planned": _texts(draft.planned),
            "applied": _texts(settler.applied),
            "recoded": _texts(draft.recoded),
            "recoded_applied": _texts(settler.recoded),
            "held": len(draft.holds),
            "job": self._work.errand.job,
        }

    def _passes(self, moment: str) -> None:
        phase = PHASES.get(moment)
        if phase and phase != self._phase:
            self._phase = phase
            if phase != "reads":  # of a page its count is told first
                self._step, self._count = "", 0
        self._point(moment)

    def _counts(self, what: str, count: int) -> None:
        self._step, self._count = what, count
        self._progress(what, count)

    def _run(self, over: threading.Event) -> None:
        while not over.wait(EVERY):
            with suppress(ConnectorError, RuntimeError):  # a dict that grows while it is copied is told next time
                found = self.doing()
                if found != self._last:
                    with self._db.begin() as conn:
                        progress.put(conn, self._work.run_id, found)
                    self._last = found


def _texts(sums: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: str(rounded(amount, currency)) for currency, amount in dict(sums).items()}
