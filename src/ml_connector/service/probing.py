"""A person asks whether a side answers, without waiting for the next probe."""

from __future__ import annotations

from ml_connector.app import App
from ml_connector.kernel.errors import BadInput
from ml_connector.service.breaking import ANSWERS, SIDES
from ml_connector.store import audit, breakers, bulk


def probe(app: App, name: str, side: str) -> str:
    """Signs in to a side (erp or projects) anew and asks who it is; what came of it, in words.

    One that was not called is half open from then on, and the polls are due: a run that ends well closes it. Raises
    what is wrong with the side. Audited.
    """
    if side not in SIDES:
        raise BadInput(f"There is no side {side!r}.", remedy="Sides: erp (IFS) and projects (Procore).")
    row = app.connection(name)
    app.probe(name, side)
    with app.db.begin() as conn:
        before = breakers.of(conn, row.id).get(side)
        was_open = before is not None and before.state == "open"
        if before is not None and was_open:
            breakers.half_open(conn, row.id, side, f"{before.sentence} {ANSWERS}", app.clock())
        details = bulk.json_text({"side": side, "was_open": was_open})
        entry = audit.AuditEntry(app.clock(), app.actor, "connection:check:done", "connection", name, details=details)
        audit.append(conn, row.id, [entry])
    return f"{SIDES[side]} answers again." if was_open else f"{SIDES[side]} answers."
