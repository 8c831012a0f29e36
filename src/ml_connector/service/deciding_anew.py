"""Has a document decided again by the next run, which is asked for at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ml_connector.app import App
from ml_connector.engine import replay
from ml_connector.kernel.errors import BadInput
from ml_connector.service import jobs


def decide_anew(app: App, name: str, document: str, flows: Collection[str]) -> dict[str, Any]:
    """Forgets how a document looked when it came to rest, and queues a run of its flows; the job, as `now` tells it.

    NothingSuchHere when no run ever decided it; BadInput while such a run is at work.
    """
    row = app.connection(name)
    with app.db.begin() as conn:
        found = replay.documents_of(conn, row.id, document, flows)
        if not any(found.values()):
            raise BadInput(
                f"{document} is looked at by every run: there is nothing to forget about it.",
                remedy="Run it now instead.",
            )
        replay.forget(conn, row.id, found)
        return jobs.asked(app, conn, name, flows)
