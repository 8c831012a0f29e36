"""A flow of money that lacks a right stands still by itself: it is held, says why, and the other flows go on.

Orders, and the vendors and codes they need, are what a connection is for: without a right for them the run stops.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from ml_connector.engine.knowing import FLOW, hold_entries, pairs
from ml_connector.engine.work import Draft, Work
from ml_connector.kernel.errors import ConnectorError, NameMissing, RightMissing
from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import Hold, HoldReason
from ml_connector.store import audit, holds
from ml_connector.store.holds import Change, Look

APART = {
    "dimensions": "",
    "budgets": "",
    "supplier_invoices": "supplier_invoice",
    "subcontractor_invoices": "subcontractor_invoice",
    "direct_costs": "direct_cost",
    "payments": "payment",
}
"""Flows that may stand still alone, and the kind of document whose look each remembers."""

LACKING = (RightMissing, NameMissing)
"""What makes such a flow stand still: a right, or a name the tenant does not have. All else is the whole run's."""


class Standing:
    """Which flows of one run stand still, and since when they are held for it."""

    def __init__(self, work: Work, draft: Draft) -> None:
        self.work = work
        self.draft = draft

    @contextmanager
    def apart(self, flow: str) -> Iterator[None]:
        """What is done for one flow: should it lack a right, nothing of it is decided to be at rest.

        Its documents are read and decided anew by the next run, for where its look begins is not moved.
        """
        try:
            yield
        except LACKING as error:
            if flow not in APART:
                raise
            kind = APART[flow]
            self.draft.documents.pop(kind, None)
            self.draft.ended.pop(kind, None)
            self.draft.where.pop(flow, None)
            self.draft.census = {name: day for name, day in self.draft.census.items() if flow not in name.split("/")}
            self.stop(flow, error)

    def stop(self, flow: str, error: ConnectorError) -> None:
        """Holds a flow; of several reasons in one run the first is told."""
        if flow in self.draft.still:
            return
        key = Key(FLOW, flow)
        sentence = f"Nothing of {flow.replace('_', ' ')} goes for now: {error} {error.remedy}"
        hold = Hold(key, flow, HoldReason.RIGHT_MISSING, key, "administrator", sentence)
        self.draft.still[flow] = hold
        self.draft.holds.append(hold)
        with self.work.db.begin() as conn:
            look = Look(self.work.connection_id, self.work.run_id, flow, ())
            self._tell(conn, holds.sync_holds(conn, look, pairs([hold])))

    def released(self, conn: Connection) -> None:
        """Flows of this run that stood still and went well now wait no more."""
        work = self.work
        held = [row for row in holds.open_holds(conn, work.connection_id) if row.kind == FLOW]
        went = {flow for flow in work.flows if work.scope.whole(flow)} - self.draft.still.keys()
        went -= {self.draft.bites.cut} | self.draft.bites.skipped
        well = [row.id for row in held if row.flow in went]
        gone = holds.release(conn, work.connection_id, well, work.actor)
        self._tell(conn, Change([], gone))
        self.draft.released += len(gone)

    def _tell(self, conn: Connection, change: Change) -> None:
        work = self.work
        audit.append(conn, work.connection_id, hold_entries(change, work.clock(), work.actor, work.run_id))
