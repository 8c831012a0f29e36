"""A past run decided again: looked at beside what was decided then, or done again by the service."""

from __future__ import annotations

from typing import Any, Literal

from ml_connector.app import App
from ml_connector.engine import lookup, replay
from ml_connector.engine.totals import BY_DOCUMENT
from ml_connector.engine.work import Errand
from ml_connector.kernel.errors import BadInput
from ml_connector.registry import FLOWS
from ml_connector.service import jobs, pausing
from ml_connector.store import audit, bulk, progress, runs

MOST = 5000
"""Documents of a run that is decided again while somebody waits for the page."""


def look(app: App, name: str, run: int, mapping: Literal["then", "now"]) -> dict[str, Any]:
    """What a run would decide today from the evidence it kept, with the mapping of then or of now; sends nothing.

    BadInput for a run that is too large to wait for: the command does it without hurry.
    """
    row = app.connection(name)
    with app.db.begin() as conn:
        kept = runs.get_run(conn, row.id, run)
        told = progress.of(conn, run)
    totals = told.totals if told else {}
    decided = sum(int(one["in"]) - int(one["unchanged"]) for flow, one in totals.items() if flow in BY_DOCUMENT)
    if decided > MOST:
        raise BadInput(
            f"Run {kept.id} decided {decided:,} documents: too many to wait for here.",
            remedy=f"Run `ml-connector replay {kept.id} -c {name} --mapping {mapping}`.",
        )
    return app.replay(name, str(run), mapping=mapping)


def again(app: App, name: str, run: int) -> dict[str, Any]:
    """Has the service run the flows of a past run anew, before everything else: its documents are decided again even
    where nothing seems to have changed, and what else those flows find goes as always. BadInput while such a run is at
    work or where that run looked at nothing, and then nothing is changed.
    """
    row = app.connection(name)
    with app.db.begin() as conn:
        kept = runs.get_run(conn, row.id, run)
    flows = _flows_of(kept)
    pausing.by_hand(app, name, flows, exactly=True)
    with app.db.begin() as conn:
        documents = replay.documents_of_run(conn, row.id, kept.id)
        asked = jobs.asked(app, conn, name, flows)
        replay.forget(conn, row.id, documents)
        audit.append(conn, row.id, [_entry(app, kept.id, documents)])
    return asked


def at_once(app: App, name: str, what: str) -> dict[str, Any]:
    """The same here and now, of a past run or of one document, and what came of it: the flows of the run that decided
    it last run, no others. Paused where one of them stands still, Locked while another run is at work, and then nothing
    is changed.
    """
    row = app.connection(name)
    with app.db.begin() as conn:
        kept = runs.get_run(conn, row.id, replay.run_of(conn, row.id, what)[0])
    flows = _flows_of(kept)
    pausing.by_hand(app, name, flows, exactly=True)
    with app.db.begin() as conn:
        documents = replay.documents_of(conn, row.id, what)

    def begin(conn: bulk.Transaction) -> None:
        replay.forget(conn, row.id, documents)
        audit.append(conn, row.id, [_entry(app, kept.id, documents)])

    return lookup.report_form(app.run(name, flows, Errand(actor=app.actor, begin=begin)))


def _flows_of(run: runs.RunRow) -> list[str]:
    """The flows a run looked at; none named for all of them. BadInput where all of its own stood still."""
    if not run.flows:
        raise BadInput(
            f"Run {run.id} looked at nothing: its flows stood still, for they lack a right.",
            remedy="Mend what is held for it, then run those flows.",
        )
    return [] if set(FLOWS) <= set(run.flows) else run.flows


def _entry(app: App, run: int, documents: dict[str, list[str]]) -> audit.AuditEntry:
    details = bulk.json_text({"run": run, "documents": sum(map(len, documents.values()))})
    return audit.AuditEntry(app.clock(), app.actor, "replay:start:done", "run", str(run), run, details)
