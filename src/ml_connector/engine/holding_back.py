"""What keeps a document back: an earlier write of it that had no answer, is not there, and may still come."""

from __future__ import annotations

from ml_connector.engine.work import Draft, Work
from ml_connector.store import journal
from ml_connector.store.journal import Settled

SENTENCE = "An earlier write of this document had no answer and may still come; the next run asks again."


def hold_back(work: Work, draft: Draft) -> int:
    """Takes out of this run's plan what belongs to such documents and records, for the next run to decide; how much.

    No hold is opened: nobody has to do anything. Places of invoice lines stay claimed, for they may be taken.
    """
    if not draft.unsure:
        return 0
    after = number = 0
    with work.db.begin() as conn:
        while rows := journal.plan_of(conn, work.connection_id, work.run_id, after):
            after = rows[-1].id
            kept = [row for row in rows if (row.flow, row.source) in draft.unsure or row.key in draft.unsure_keys]
            draft.unsure_keys |= {row.key for row in kept}
            draft.parked |= {(row.flow, row.source) for row in kept}
            journal.settle(conn, [Settled(row.id, "superseded", "", SENTENCE) for row in kept])
            number += len(kept)
    return number
